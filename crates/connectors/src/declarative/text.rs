//! Texts of a connector file that may be templates, with their place in the file for complaints.

use std::sync::Arc;

use compact_str::CompactString;
use model::value::{Object, Value};
use template::{Env, ErrorKind, Literals, Otherwise, Reads, Scope, Template};

use super::node::{Kind, View};
use crate::{Error, Result};

/// Names that templates may use somewhere in a file; further ones come with the parents of a stream.
pub(super) const KNOWN: &[&str] = &[
    "config",
    "parameters",
    "stream_slice",
    "stream_interval",
    "stream_partition",
    "next_page_token",
    "record",
    "response",
    "headers",
    "last_record",
    "last_page_size",
    "page_size",
    "value",
    "values",
    "path",
    "property",
    "request_url",
    "creation_response",
    "polling_response",
    "download_target",
    "query_properties",
    "components_values",
    "stream_template_config",
    "raw_schema",
    "fields",
    "key",
    "version",
    "id",
    "entries",
    "removed",
    "job",
    "state",
    "partition",
    "cursor",
];

/// Whether a text is `{{ name }}`, `{{ name.member }}` or `{{ name['member'] }}` and nothing else.
fn is_named(text: &str) -> bool {
    text.trim()
        .strip_prefix("{{")
        .and_then(|rest| rest.strip_suffix("}}"))
        .map(str::trim)
        .is_some_and(|inner| {
            inner.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && inner
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "_.[]'\"-".contains(c))
        })
}

/// One text of the file.
#[derive(Clone, Debug)]
pub struct Text {
    template: Template,
    /// The same where it only names a value (`{{ fields.name }}`): gives it digit by digit.
    named: Option<Template>,
    /// For complaints: the file and the place.
    file: Arc<str>,
    place: Arc<str>,
    /// What `parameters` means in it, where it asks.
    parameters: Option<Arc<Value>>,
}

impl Text {
    /// The text (or number, or truth value) at `view`.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        Self::compile_text(&view.scalar()?, view)
    }

    /// The member called `name`, if it is there.
    pub fn member(view: &View<'_>, name: &str) -> Result<Option<Self>> {
        view.get(name).map(|view| Self::compile(&view)).transpose()
    }

    /// Text that belongs to `view`.
    pub fn compile_text(text: &str, view: &View<'_>) -> Result<Self> {
        let template = Template::compile(text).map_err(|error| {
            view.fail(
                format!("the template cannot be read: {}", error.message),
                format!(
                    "{} (line {}, column {})",
                    error.expected, error.line, error.column
                ),
            )
        })?;
        let names = template.names();
        if names.iter().any(|name| name == "stream_state") {
            return Err(view.fail(
                "`stream_state` is not there any more",
                "`stream_interval` with start_time and end_time",
            ));
        }
        if let Some((name, meant)) = names.iter().find_map(|name| {
            (!KNOWN.contains(&name.as_str()))
                .then(|| super::node::nearest(name, KNOWN))
                .flatten()
                .map(|meant| (name, meant))
        }) {
            return Err(view.fail(
                format!("the template uses `{name}`, which is not known here"),
                format!("perhaps `{meant}`"),
            ));
        }
        let parameters =
            names
                .iter()
                .any(|name| name == "parameters")
                .then(|| match view.parameters() {
                    Some(node) => Arc::new(Value::from_serde(&node.to_json())),
                    None => Arc::new(Value::Object(Object::new())),
                });
        Ok(Self {
            named: is_named(text)
                .then(|| Template::compile_strict(text).ok())
                .flatten(),
            template,
            file: view.file().into(),
            place: view.place().into(),
            parameters,
        })
    }

    /// The text as it stands in the file.
    pub fn source(&self) -> &str {
        self.template.source()
    }

    /// The text, where it is a plain word that nothing is made of.
    fn as_word(&self) -> Option<&str> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let source = self.source();
        (self.is_fixed() && !source.is_empty() && source.bytes().all(is_word)).then_some(source)
    }

    /// Whether it is the same whatever the scope.
    pub fn is_fixed(&self) -> bool {
        self.template.is_plain()
    }

    /// Whether it is the same for all records of a page: it names a value and that is not the record's, so nothing in it
    /// is counted, drawn or looked up on a clock.
    pub fn is_same_for_a_page(&self) -> bool {
        self.is_fixed() || self.named.is_some() && !self.mentions("record")
    }

    /// Which parts of the input called `root` it looks at.
    pub fn reads(&self, root: &str) -> Reads {
        self.template.reads(root)
    }

    /// Whether it looks at the input called `root`.
    pub fn mentions(&self, root: &str) -> bool {
        self.template.names().iter().any(|name| name == root)
    }

    fn evaluate<T>(
        &self,
        scope: &Scope<'_>,
        with: impl FnOnce(&Scope<'_>) -> std::result::Result<T, template::Error>,
    ) -> std::result::Result<T, template::Error> {
        match &self.parameters {
            Some(parameters) => with(&Scope::within(scope).with("parameters", &**parameters)),
            None => with(scope),
        }
    }

    /// Filled in, as text: what is not there makes none.
    pub fn render(&self, scope: &Scope<'_>, env: &Env) -> Result<String> {
        if self.template.is_plain() {
            return Ok(self.source().to_owned());
        }
        match self.evaluate(scope, |scope| {
            self.template
                .render(scope, env)
                .map(std::borrow::Cow::into_owned)
        }) {
            Ok(text) => Ok(text),
            Err(error) if error.kind == ErrorKind::Undefined => Ok(String::new()),
            Err(error) => Err(self.fail(error.to_string())),
        }
    }

    /// Filled in, as a value: the text that comes out, read as a Python literal where it is one.
    pub fn eval(&self, scope: &Scope<'_>, env: &Env) -> Result<Value> {
        self.eval_as(scope, env, Literals::All)
    }

    /// As [`Text::eval`]; only some kinds of literals count.
    pub fn eval_as(&self, scope: &Scope<'_>, env: &Env, literals: Literals) -> Result<Value> {
        self.evaluate(scope, |scope| {
            self.template
                .eval_as(scope, env, literals, Otherwise::Itself)
        })
        .map_err(|error| self.fail(error.to_string()))
    }

    /// As [`Text::eval`]; null where it makes nothing or looks for what is not there.
    pub fn eval_or_null(&self, scope: &Scope<'_>, env: &Env) -> Result<Value> {
        self.evaluate(scope, |scope| {
            self.template
                .eval_as(scope, env, Literals::All, Otherwise::Null)
        })
        .map_err(|error| self.fail(error.to_string()))
    }

    /// Filled in; where it is one `{{ … }}`, the value as it is, digit by digit. For what is written.
    pub fn value(&self, scope: &Scope<'_>, env: &Env) -> Result<Value> {
        let template = self.named.as_ref().unwrap_or(&self.template);
        match self.evaluate(scope, |scope| template.value(scope, env)) {
            Err(error) if error.kind == ErrorKind::Undefined => Ok(Value::Null),
            result => result.map_err(|error| self.fail(error.to_string())),
        }
    }

    /// Filled in and printed the way Python prints it: names, addresses, header values.
    pub fn printed(&self, scope: &Scope<'_>, env: &Env) -> Result<String> {
        if self.template.is_plain() {
            return Ok(self.source().to_owned());
        }
        Ok(python_text(&self.eval(scope, env)?))
    }

    /// Filled in, as a condition.
    pub fn is_true(&self, scope: &Scope<'_>, env: &Env) -> Result<bool> {
        self.evaluate(scope, |scope| self.template.is_true(scope, env))
            .map_err(|error| self.fail(error.to_string()))
    }

    /// The complaint about this text.
    pub fn fail(&self, problem: String) -> Error {
        Error::Misconfigured {
            what: self.file.to_string(),
            place: self.place.to_string(),
            problem: format!("the template `{}` fails: {problem}", cut(self.source())),
            expected: "a template that works with these values".into(),
        }
    }
}

/// Texts are the same when they say the same at the same place.
impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source() && self.place == other.place
    }
}

fn cut(text: &str) -> String {
    text.chars().take(120).collect()
}

/// A value as Python's `str` prints it.
pub fn python_text(value: &Value) -> String {
    if let Value::Text(text) = value {
        return text.to_string();
    }
    let mut out = String::new();
    template::python_repr(&mut out, value);
    out
}

/// How texts become values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// What they print is read as a Python literal, of these kinds: how connectors read.
    Literal(Literals),
    /// As they are: how connectors write.
    Exact,
}

impl Text {
    fn read(&self, scope: &Scope<'_>, env: &Env, reading: Reading) -> Result<Value> {
        match reading {
            Reading::Literal(literals) => self
                .evaluate(scope, |scope| {
                    self.template.eval_as(scope, env, literals, Otherwise::Null)
                })
                .map_err(|error| self.fail(error.to_string())),
            Reading::Exact => self.value(scope, env),
        }
    }
}

/// Names and values of a map, both templates: parameters, headers, form fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pairs(Vec<(Text, Leaf)>);

/// A value of the file that is not taken apart further.
#[derive(Clone, Debug, PartialEq)]
enum Leaf {
    Text(Text),
    Fixed(Value),
    List(Vec<Leaf>),
    Map(Vec<(Text, Leaf)>),
}

impl Pairs {
    /// The map at `view`.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        Self::compile_without(view, None)
    }

    /// The map at `view` without one of its members.
    pub fn compile_without(view: &View<'_>, without: Option<&str>) -> Result<Self> {
        view.members()?
            .into_iter()
            .filter(|(name, _)| Some(*name) != without)
            .map(|(name, value)| Ok((Text::compile_text(name, &value)?, Leaf::compile(&value)?)))
            .collect::<Result<_>>()
            .map(Self)
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names, filled in.
    pub fn names(&self, scope: &Scope<'_>, env: &Env) -> Result<Vec<String>> {
        let names = self.0.iter().map(|(name, _)| {
            let name = name.eval_as(scope, env, Literals::Text)?;
            Ok(python_text(&name))
        });
        names.collect()
    }

    /// Filled in; pairs that come to nothing (null) are left out.
    pub fn eval(
        &self,
        scope: &Scope<'_>,
        env: &Env,
        reading: Reading,
    ) -> Result<Vec<(String, Value)>> {
        let mut out: Vec<(String, Value)> = Vec::with_capacity(self.0.len());
        for (name, value) in &self.0 {
            let name = python_text(&name.eval_as(scope, env, Literals::Text)?);
            let Some(value) = value.eval(scope, env, reading)? else {
                continue;
            };
            match out.iter_mut().find(|(known, _)| *known == name) {
                Some((_, slot)) => *slot = value,
                None => out.push((name, value)),
            }
        }
        Ok(out)
    }
}

impl Leaf {
    fn compile(view: &View<'_>) -> Result<Self> {
        Ok(match &view.node().kind {
            Kind::Text(text) => {
                // Not fixed even without braces: `"5"` in a body is the number 5.
                Self::Text(Text::compile_text(text, view)?)
            }
            Kind::List(_) => Self::List(
                view.items()?
                    .iter()
                    .map(Self::compile)
                    .collect::<Result<_>>()?,
            ),
            Kind::Map(_) => Self::Map(
                view.members()?
                    .into_iter()
                    .map(|(name, value)| {
                        Ok((Text::compile_text(name, &value)?, Self::compile(&value)?))
                    })
                    .collect::<Result<_>>()?,
            ),
            Kind::Null | Kind::Bool(_) | Kind::Number(_) => {
                Self::Fixed(Value::from_serde(&view.node().to_json()))
            }
        })
    }

    fn eval(&self, scope: &Scope<'_>, env: &Env, reading: Reading) -> Result<Option<Value>> {
        Ok(match self {
            Self::Text(text) => {
                let value = text.read(scope, env, reading)?;
                (!value.is_null()).then_some(value)
            }
            Self::Fixed(Value::Null) => None,
            Self::Fixed(value) => Some(value.clone()),
            Self::List(items) => Some(Value::List(
                items
                    .iter()
                    .map(|item| Ok(item.eval(scope, env, reading)?.unwrap_or_default()))
                    .collect::<Result<_>>()?,
            )),
            Self::Map(members) => {
                let mut object = Object::with_capacity(members.len());
                for (name, member) in members {
                    let Some(value) = member.eval(scope, env, reading)? else {
                        continue;
                    };
                    match name.as_word() {
                        Some(word) => object.insert(word, value),
                        None => {
                            let name = name.eval_as(scope, env, Literals::Text)?;
                            object.insert(python_text(&name), value);
                        }
                    }
                }
                Some(Value::Object(object))
            }
        })
    }
}

impl Leaf {
    fn mentions(&self, root: &str) -> bool {
        match self {
            Self::Text(text) => text.mentions(root),
            Self::Fixed(_) => false,
            Self::List(items) => items.iter().any(|item| item.mentions(root)),
            Self::Map(members) => members
                .iter()
                .any(|(name, member)| name.mentions(root) || member.mentions(root)),
        }
    }
}

/// A tree of the file whose texts are templates: a request's JSON body.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree(Leaf);

impl Tree {
    /// All texts below `view`.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        Leaf::compile(view).map(Self)
    }

    /// Filled in. Members that come to nothing are left out at every level.
    pub fn eval(&self, scope: &Scope<'_>, env: &Env, reading: Reading) -> Result<Option<Value>> {
        self.0.eval(scope, env, reading)
    }

    /// Whether it looks at the input called `root`.
    pub fn mentions(&self, root: &str) -> bool {
        self.0.mentions(root)
    }
}

/// A condition: a template, or plain true or false.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Always the same.
    Fixed(bool),
    /// Asked each time.
    Text(Text),
}

impl Condition {
    /// From the file; an absent or empty one is `absent`.
    pub fn member(view: &View<'_>, name: &str, absent: bool) -> Result<Self> {
        match view.get(name) {
            None => Ok(Self::Fixed(absent)),
            Some(view) => match &view.node().kind {
                Kind::Bool(flag) => Ok(Self::Fixed(*flag)),
                Kind::Text(text) if text.is_empty() => Ok(Self::Fixed(absent)),
                _ => Text::compile(&view).map(Self::Text),
            },
        }
    }

    /// The answer.
    pub fn holds(&self, scope: &Scope<'_>, env: &Env) -> Result<bool> {
        match self {
            Self::Fixed(flag) => Ok(*flag),
            Self::Text(text) => text.is_true(scope, env),
        }
    }

    /// Whether it looks at the input called `root`.
    pub fn reads(&self, root: &str) -> Reads {
        match self {
            Self::Fixed(_) => Reads::Nothing,
            Self::Text(text) => text.reads(root),
        }
    }
}

/// A path whose steps may be templates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PathText(Vec<Text>);

impl PathText {
    /// From a list of steps, or a single one.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        let steps = match view.node().kind {
            Kind::List(_) => view.items()?,
            _ => vec![view.clone()],
        };
        Ok(Self(
            steps.iter().map(Text::compile).collect::<Result<_>>()?,
        ))
    }

    /// Filled in.
    pub fn steps(&self, scope: &Scope<'_>, env: &Env) -> Result<Vec<CompactString>> {
        self.0
            .iter()
            .map(|step| Ok(step.printed(scope, env)?.into()))
            .collect()
    }

    /// Whether it leads nowhere: the whole.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The steps, where none of them is a template.
    pub fn fixed(&self) -> Option<Vec<CompactString>> {
        self.0
            .iter()
            .map(|step| step.is_fixed().then(|| step.source().into()))
            .collect()
    }

    /// The steps as they stand in the file.
    pub fn source(&self) -> Vec<String> {
        self.0.iter().map(|step| step.source().to_owned()).collect()
    }
}
