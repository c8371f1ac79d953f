//! A platform's complaint about a change, and where its parts are.

use model::value::Value;
use template::{Env, Scope};

use crate::Result;
use crate::declarative::glob_path;
use crate::declarative::node::View;
use crate::declarative::text::{PathText, python_text};
use crate::http::answer::message_in;

/// Messages of one change that are shown.
const MOST_MESSAGES: usize = 5;

/// A platform's complaint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// Its code.
    pub code: Option<String>,
    /// Its words.
    pub message: Option<String>,
    /// The field at fault: a JSON pointer or a name.
    pub field: Option<String>,
}

/// Where a complaint's parts are.
#[derive(Clone, Debug, Default)]
pub struct ErrorPaths {
    list: Option<PathText>,
    code: Option<PathText>,
    message: Option<PathText>,
    field: Option<PathText>,
}

impl ErrorPaths {
    /// Members that [`ErrorPaths::compile`] reads.
    pub const MEMBERS: [&str; 4] = ["list", "code", "message", "field"];

    /// From the members `list`, `code`, `message` and `field` at `view`.
    pub fn compile(view: Option<&View<'_>>) -> Result<Self> {
        let Some(view) = view else {
            return Ok(Self::default());
        };
        Ok(Self {
            list: way(view, "list")?,
            code: way(view, "code")?,
            message: way(view, "message")?,
            field: way(view, "field")?,
        })
    }

    /// The complaint in `body`.
    pub fn trouble(&self, scope: &Scope<'_>, env: &Env, body: &Value) -> Result<Trouble> {
        let list = match &self.list {
            Some(list) => match glob_path::at(body, &list.steps(scope, env)?) {
                Some(Value::List(items)) => items.as_slice(),
                _ => &[],
            },
            None => &[],
        };
        let one = list.first().unwrap_or(body);
        let part = |way: &Option<PathText>, within: &Value| -> Result<Option<String>> {
            let Some(way) = way else {
                return Ok(None);
            };
            Ok(glob_path::at(within, &way.steps(scope, env)?)
                .filter(|found| !found.is_empty())
                .map(python_text))
        };
        let message = if list.is_empty() {
            part(&self.message, body)?
        } else {
            let messages = list
                .iter()
                .take(MOST_MESSAGES)
                .map(|item| Ok(part(&self.message, item)?.or_else(|| message_in(item, 0))))
                .collect::<Result<Vec<_>>>()?;
            let messages: Vec<String> = messages.into_iter().flatten().collect();
            (!messages.is_empty()).then(|| messages.join("; "))
        };
        let field = part(&self.field, one)?;
        let message = message.or_else(|| message_in(body, 0));
        // The words about the field itself say more than "1 field is not valid".
        let message = match field
            .as_deref()
            .and_then(|field| field_message(body, field, 0))
        {
            Some(words) => match message {
                Some(message) if message.contains(words.as_str()) => Some(message),
                Some(message) => Some(format!("{message}: {words}")),
                None => Some(words),
            },
            None => message,
        };
        Ok(Trouble {
            code: part(&self.code, one)?,
            message,
            field,
        })
    }
}

/// The message that stands beside the pointer to a field, in a list of errors.
fn field_message(body: &Value, field: &str, depth: usize) -> Option<String> {
    if depth > 4 {
        return None;
    }
    match body {
        Value::Object(object) => {
            let here = object
                .iter()
                .any(|(name, value)| name != "field" && value.as_text() == Some(field));
            if here && let Some(Value::Text(message)) = object.get("message") {
                return Some(message.to_string());
            }
            object
                .iter()
                .find_map(|(_, member)| field_message(member, field, depth + 1))
        }
        Value::List(items) => items
            .iter()
            .take(50)
            .find_map(|item| field_message(item, field, depth + 1)),
        _ => None,
    }
}

/// The path at a member.
pub(super) fn way(view: &View<'_>, name: &str) -> Result<Option<PathText>> {
    view.get(name)
        .map(|found| PathText::compile(&found))
        .transpose()
}
