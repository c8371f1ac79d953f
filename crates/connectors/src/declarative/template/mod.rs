//! The one template language: Jinja with Python's ways of printing and reading values, sandboxed.
//!
//! A template is rendered to text as Python would print it; where a value is wanted, the text is read
//! back as a Python literal ([`literal`]), because that is what manifests are written against.

mod functions;
mod literal;
mod live;
mod print;

use std::sync::Arc;

use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use model::clock::Clock;
use model::value::Value;

use super::node::{Kind, View};
use crate::{Error, Result};

pub use live::{headers, live, plain};

/// Steps that one template may take.
const FUEL: u64 = 100_000;
/// Longest text that a template may make, in bytes.
const LONGEST: usize = 8 * 1024 * 1024;
/// Under which the time is found by the functions that need it.
const NOW: &str = "patchbay_now_ms";

/// The compiled templates of one file.
#[derive(Debug)]
pub struct Templates(Environment<'static>);

/// One text of the file that may be a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: Arc<str>,
    /// For complaints: the file and the place.
    file: Arc<str>,
    place: Arc<str>,
    dynamic: bool,
    /// `{{ name }}` and nothing else: what it names is taken as it is.
    single: Option<Arc<str>>,
}

/// The names that templates may use at some place in the file.
pub type Names = &'static [&'static str];

/// The values of names at the moment of filling in.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    values: Vec<(&'static str, minijinja::Value)>,
    /// Values that are passed through without becoming text.
    whole: Vec<(&'static str, Value)>,
}

impl Scope {
    /// The names that are known everywhere.
    pub fn new(config: &minijinja::Value, clock: &Clock) -> Self {
        Self {
            values: vec![
                ("config", config.clone()),
                (NOW, minijinja::Value::from(clock.now())),
            ],
            whole: Vec::new(),
        }
    }

    /// With one more name, or another value for a known one.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: minijinja::Value) -> Self {
        self.set(name, value);
        self
    }

    /// Sets a name.
    pub fn set(&mut self, name: &'static str, value: minijinja::Value) {
        match self.values.iter_mut().find(|(known, _)| *known == name) {
            Some((_, slot)) => *slot = value,
            None => self.values.push((name, value)),
        }
    }

    /// A name whose value keeps its digits and nulls where it is used alone.
    #[must_use]
    pub fn with_whole(mut self, name: &'static str, value: Value) -> Self {
        self.set(name, plain(&value));
        self.whole.retain(|(known, _)| *known != name);
        self.whole.push((name, value));
        self
    }

    fn context(&self) -> minijinja::Value {
        minijinja::Value::from_pairs(
            self.values
                .iter()
                .map(|(name, value)| (*name, value.clone())),
        )
    }
}

impl Default for Templates {
    fn default() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(50);
        environment.set_unknown_method_callback(functions::method);
        environment.set_formatter(|out, _, value| {
            out.write_str(&print::text(value))
                .map_err(|_| ErrorKind::WriteFailure.into())
        });
        functions::register(&mut environment);
        // A template must not count to a billion.
        environment.remove_global("range");
        Self(environment)
    }
}

impl Templates {
    /// Compiles a text of the file; `names` may be used in it.
    pub fn compile(&mut self, view: &View<'_>, names: Names) -> Result<Template> {
        let text = view.scalar()?;
        self.compile_text(&text, view, names)
    }

    /// Compiles text that stands at `view`.
    pub fn compile_text(&mut self, text: &str, view: &View<'_>, names: Names) -> Result<Template> {
        let dynamic = text.contains("{{") || text.contains("{%") || text.contains("{#");
        let mut template = Template {
            text: text.into(),
            file: view.file().into(),
            place: view.place().into(),
            dynamic,
            single: None,
        };
        if !dynamic {
            return Ok(template);
        }
        if text.contains("stream_state") {
            return Err(view.fail(
                "`stream_state` is not there any more",
                "`stream_interval` with start_time and end_time",
            ));
        }
        self.0
            .add_template_owned(text.to_owned(), text.to_owned())
            .map_err(|error| {
                view.fail(
                    format!("the template cannot be read: {}", words(&error)),
                    "a Jinja template such as {{ config['api_key'] }}",
                )
            })?;
        let used = self
            .0
            .get_template(text)
            .map(|compiled| compiled.undeclared_variables(false))
            .unwrap_or_default();
        let mut unknown: Vec<&String> = used
            .iter()
            .filter(|name| {
                !names.contains(&name.as_str())
                    && !self.0.globals().any(|(known, _)| known == name.as_str())
            })
            .collect();
        unknown.sort();
        if let Some(name) = unknown.first() {
            let nearest = super::node::nearest(name, names);
            return Err(view.fail(
                format!("the template uses `{name}`, which is not known here"),
                match nearest {
                    Some(nearest) => format!("perhaps `{nearest}`"),
                    None => format!("one of {}", names.join(", ")),
                },
            ));
        }
        template.single = text
            .trim()
            .strip_prefix("{{")
            .and_then(|rest| rest.strip_suffix("}}"))
            .map(str::trim)
            .filter(|name| {
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            })
            .map(Into::into);
        Ok(template)
    }
}

impl Template {
    /// The text as it stands in the file.
    pub fn source(&self) -> &str {
        &self.text
    }

    /// Whether `name` occurs in it.
    pub fn mentions(&self, name: &str) -> bool {
        self.dynamic && self.text.contains(name)
    }

    /// Filled in, as text. A name that is not there gives nothing.
    pub fn render(&self, templates: &Templates, scope: &Scope) -> Result<String> {
        if !self.dynamic {
            return Ok(self.text.to_string());
        }
        let rendered = templates
            .0
            .get_template(&self.text)
            .and_then(|compiled| compiled.render(scope.context()));
        match rendered {
            Ok(text) if text.len() > LONGEST => Err(self.fail("it makes more than 8 MiB".into())),
            Ok(text) => Ok(text),
            Err(error) if error.kind() == ErrorKind::UndefinedError => Ok(String::new()),
            Err(error) => Err(self.fail(words(&error))),
        }
    }

    /// Filled in, as a value: what the text says as a Python literal, else the text; null when empty.
    pub fn eval(&self, templates: &Templates, scope: &Scope) -> Result<Value> {
        if let Some(single) = &self.single
            && let Some((_, value)) = scope.whole.iter().find(|(name, _)| **name == **single)
        {
            return Ok(value.clone());
        }
        let text = self.render(templates, scope)?;
        if text.is_empty() {
            return Ok(Value::Null);
        }
        Ok(literal::read(&text).unwrap_or_else(|| Value::text(text.as_str())))
    }

    /// Filled in, as a condition: false is what Python prints for empty and false things.
    pub fn is_true(&self, templates: &Templates, scope: &Scope) -> Result<bool> {
        let text = self.render(templates, scope)?;
        Ok(!matches!(
            text.trim(),
            "" | "False" | "false" | "{}" | "[]" | "()" | "0" | "0.0" | "None" | "set()"
        ))
    }

    /// The complaint about this template.
    pub fn fail(&self, problem: String) -> Error {
        Error::Misconfigured {
            what: self.file.to_string(),
            place: self.place.to_string(),
            problem: format!("the template `{}` fails: {problem}", cut(&self.text)),
            expected: "a template that works with these values".into(),
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(120).collect()
}

fn words(error: &minijinja::Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

/// A tree of the file whose texts are templates: a request's JSON body.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// A text.
    Leaf(Template),
    /// Anything that is not text.
    Fixed(Value),
    /// Several.
    List(Vec<Tree>),
    /// Named members; names may be templates too.
    Map(Vec<(Template, Tree)>),
}

impl Tree {
    /// Compiles all texts below `view`.
    pub fn compile(templates: &mut Templates, view: &View<'_>, names: Names) -> Result<Self> {
        Ok(match &view.node().kind {
            Kind::Text(_) => Self::Leaf(templates.compile(view, names)?),
            Kind::List(_) => Self::List(
                view.items()?
                    .iter()
                    .map(|item| Self::compile(templates, item, names))
                    .collect::<Result<_>>()?,
            ),
            Kind::Map(_) => Self::Map(
                view.members()?
                    .into_iter()
                    .map(|(name, member)| {
                        Ok((
                            templates.compile_text(name, &member, names)?,
                            Self::compile(templates, &member, names)?,
                        ))
                    })
                    .collect::<Result<_>>()?,
            ),
            Kind::Null | Kind::Bool(_) | Kind::Number(_) => {
                Self::Fixed(Value::from_serde(&view.node().to_json()))
            }
        })
    }

    /// Filled in. Members whose template gives nothing are left out; nulls within a value that is
    /// passed through whole stay.
    pub fn eval(&self, templates: &Templates, scope: &Scope) -> Result<Option<Value>> {
        Ok(match self {
            Self::Leaf(template) => {
                let value = template.eval(templates, scope)?;
                (!value.is_null()).then_some(value)
            }
            Self::Fixed(Value::Null) => None,
            Self::Fixed(value) => Some(value.clone()),
            Self::List(items) => Some(Value::List(
                items
                    .iter()
                    .map(|item| Ok(item.eval(templates, scope)?.unwrap_or(Value::Null)))
                    .collect::<Result<_>>()?,
            )),
            Self::Map(members) => {
                let mut object = model::value::Object::with_capacity(members.len());
                for (name, member) in members {
                    if let Some(value) = member.eval(templates, scope)? {
                        object.insert(name.render(templates, scope)?, value);
                    }
                }
                Some(Value::Object(object))
            }
        })
    }
}

#[cfg(test)]
mod tests;
