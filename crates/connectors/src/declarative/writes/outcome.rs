//! What an answer says became of a change.

use model::path::FieldPath;
use model::record::{Change, Operation, Outcome, RecordKey, Rejection};
use model::value::Value;
use template::{Env, Scope};

use super::spec::{ErrorPaths, WriteSpec};
use crate::Result;
use crate::declarative::path;
use crate::declarative::text::{PathText, python_text};
use crate::http::answer::message_in;

/// What a platform said about one change.
#[derive(Debug)]
pub struct Said<'a> {
    /// The status, as HTTP has it.
    pub status: u16,
    /// The key that it named.
    pub id: Option<&'a Value>,
    /// The record as it is now.
    pub record: Option<Value>,
    /// The version tag of the answer's headers.
    pub tag: Option<String>,
    /// Where an error's parts are looked for.
    pub body: &'a Value,
}

/// The outcome of a change about which the platform said something. None when the status says that
/// it was not carried out and that trying again makes sense.
pub fn outcome(
    scope: &Scope<'_>,
    env: &Env,
    spec: &WriteSpec,
    errors: &ErrorPaths,
    change: &Change,
    said: Said<'_>,
) -> Result<Outcome> {
    let gone = change.operation == Operation::Delete && matches!(said.status, 404 | 410);
    if (200..300).contains(&said.status) || gone {
        let key = said
            .id
            .and_then(RecordKey::from_value)
            .or_else(|| {
                let record = said.record.as_ref()?;
                RecordKey::from_record(record, std::slice::from_ref(&spec.key))
            })
            .or_else(|| change.target_key.clone());
        let Some(key) = key else {
            return Ok(Outcome::Unknown {
                reason: "the platform took it but does not say under which key".into(),
            });
        };
        let record = said
            .record
            .filter(|record| matches!(record, Value::Object(_)));
        let version = record
            .as_ref()
            .zip(spec.version.as_ref())
            .and_then(|(record, path)| record.at(path))
            .filter(|version| !version.is_empty())
            .map(python_text)
            .or(said.tag);
        return Ok(Outcome::Written {
            key,
            record: record.filter(|_| change.operation != Operation::Delete),
            version,
        });
    }
    // RFC 9110: If-Match did not hold.
    if said.status == 412 {
        return Ok(Outcome::Moved);
    }
    let part = |paths: &Option<PathText>| -> Result<Option<Value>> {
        let Some(paths) = paths else {
            return Ok(None);
        };
        let steps = paths.steps(scope, env)?;
        Ok(path::at(said.body, &steps)
            .filter(|found| !found.is_empty())
            .cloned())
    };
    let code = part(&errors.code)?.map_or_else(|| said.status.to_string(), |code| python_text(&code));
    let message = part(&errors.message)?
        .map(|message| python_text(&message))
        .or_else(|| message_in(said.body, 0))
        .unwrap_or_else(|| format!("status {}", said.status));
    if said.status >= 500 || said.status == 429 {
        return Ok(Outcome::Unknown {
            reason: format!(
                "the platform answers {} {code}: {}",
                said.status,
                cut(&message)
            ),
        });
    }
    // The words about the field itself say more than "1 field is not valid".
    let field_text = part(&errors.field)?.map(|field| python_text(&field));
    let message = field_text
        .as_deref()
        .and_then(|field| field_message(said.body, field, 0))
        .filter(|words| !message.contains(words.as_str()))
        .map_or_else(|| message.clone(), |words| format!("{message}: {words}"));
    Ok(Outcome::Rejected(Rejection {
        code,
        message: cut(&message),
        field: field_text.as_deref().and_then(field_path),
    }))
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

/// A JSON pointer (RFC 6901) or a dotted name as a field's path.
pub fn field_path(text: &str) -> Option<FieldPath> {
    let Some(pointer) = text.strip_prefix('/') else {
        return text.parse().ok();
    };
    let mut path = FieldPath::root();
    for step in pointer.split('/').take(32) {
        let step = step.replace("~1", "/").replace("~0", "~");
        let mut segments = path.segments().to_vec();
        segments.push(match step.parse::<usize>() {
            Ok(index) => model::path::Segment::Index(index),
            Err(_) => model::path::Segment::Name(step.as_str().into()),
        });
        path = FieldPath::from_segments(segments);
    }
    (!path.is_root()).then_some(path)
}

fn cut(text: &str) -> String {
    const LONGEST: usize = 500;
    let mut out: String = text.chars().take(LONGEST).collect();
    if out.len() < text.len() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_and_names_become_field_paths() {
        fn check(text: &str, path: Option<&str>) {
            assert_eq!(
                field_path(text).map(|path| path.to_string()).as_deref(),
                path,
                "{text}"
            );
        }
        check("/email_address", Some("email_address"));
        check("/location/country_code", Some("location.country_code"));
        check("/tags/0", Some("tags[0]"));
        check("/a~1b/c~0d", Some("a/b.c~d"));
        check("location.city", Some("location.city"));
        check("", None);
    }
}
