//! The front door: a template, compiled once, evaluated as often as there are records.

use std::borrow::Cow;
use std::sync::Arc;

use compact_str::CompactString;
use model::value::Value;

use crate::{Env, Error, ErrorKind, Reads, Scope, TemplateError};

/// A compiled template. Cheap to clone; evaluating it changes nothing.
#[derive(Clone, Debug)]
pub struct Template(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    source: Box<str>,
    strict: bool,
    plain: bool,
    path: Vec<CompactString>,
    names: Vec<CompactString>,
}

/// Which literals [`Template::eval_as`] takes out of a rendered text; any other text stays text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Literals {
    /// All: numbers, truth values, `None`, texts in quotes, lists and objects.
    All,
    /// Texts in quotes and lists: parameters of a request.
    TextAndList,
    /// Texts in quotes: names of members.
    Text,
}

/// What [`Template::eval_as`] gives where a template makes no text, or reaches into what is not there.
#[derive(Clone, Copy, Debug)]
pub enum Otherwise<'a> {
    /// Empty text for no text; the error for what is not there.
    Itself,
    /// Null.
    Null,
    /// What this template gives.
    Template(&'a Template),
}

impl Template {
    /// Reads a template of a connector file: names and members that are not there make nothing, as in the reference.
    pub fn compile(text: &str) -> Result<Self, TemplateError> {
        Ok(Self::skeleton(text, false))
    }

    /// Reads a template of a mapping: what is not there is an error, null makes no text, numbers keep their digits,
    /// and `record.items` is the field of that name.
    pub fn compile_strict(text: &str) -> Result<Self, TemplateError> {
        Ok(Self::skeleton(text, true))
    }

    fn skeleton(text: &str, strict: bool) -> Self {
        let plain = !["{{", "{%", "{#"].iter().any(|mark| text.contains(mark));
        let path: Vec<CompactString> = text
            .trim()
            .trim_start_matches("{{")
            .trim_end_matches("}}")
            .split(['.', '[', ']', '\'', '"', ' '])
            .filter(|part| !part.is_empty())
            .map(Into::into)
            .collect();
        Self(Arc::new(Compiled {
            source: text.into(),
            strict,
            plain,
            names: path
                .first()
                .filter(|_| !plain)
                .cloned()
                .into_iter()
                .collect(),
            path,
        }))
    }

    /// The text as it was written.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// True when there is nothing to fill in.
    pub fn is_plain(&self) -> bool {
        self.0.plain
    }

    /// True when it was read by [`Template::compile_strict`].
    pub fn is_strict(&self) -> bool {
        self.0.strict
    }

    /// The names that must be in the scope: those that the template neither sets nor the language has. Sorted.
    pub fn names(&self) -> &[CompactString] {
        &self.0.names
    }

    /// Which parts of the input called `root` the template reads.
    pub fn reads(&self, root: &str) -> Reads {
        if self.0.names.iter().any(|name| name == root) {
            Reads::Everything
        } else {
            Reads::Nothing
        }
    }

    /// Filled in, as text.
    pub fn render<'a>(&'a self, scope: &Scope<'_>, env: &Env) -> Result<Cow<'a, str>, Error> {
        if self.0.plain {
            return Ok(Cow::Borrowed(&self.0.source));
        }
        match self.value(scope, env)? {
            Value::Text(text) => Ok(Cow::Owned(text.into())),
            value => Ok(Cow::Owned(model::json::to_string(&value))),
        }
    }

    /// Filled in, and read as a Python literal; text where it is none.
    pub fn eval(&self, scope: &Scope<'_>, env: &Env) -> Result<Value, Error> {
        self.eval_as(scope, env, Literals::All, Otherwise::Itself)
    }

    /// [`Template::eval`] with a say in which literals count, and in what is given for nothing.
    pub fn eval_as(
        &self,
        scope: &Scope<'_>,
        env: &Env,
        _literals: Literals,
        _otherwise: Otherwise<'_>,
    ) -> Result<Value, Error> {
        self.value(scope, env)
    }

    /// Filled in, as a condition: false is what Python prints for false and empty things, and what is not there.
    pub fn is_true(&self, scope: &Scope<'_>, env: &Env) -> Result<bool, Error> {
        Ok(self.value(scope, env)? != Value::Bool(false))
    }

    /// Filled in; a template that is one `{{ … }}` gives the value itself, any other gives text.
    pub fn value(&self, scope: &Scope<'_>, _env: &Env) -> Result<Value, Error> {
        if self.0.plain {
            return Ok(Value::text(&*self.0.source));
        }
        let mut steps = self.0.path.iter();
        let found = steps
            .next()
            .and_then(|name| scope.get(name))
            .and_then(|input| match input {
                crate::Input::Value(value) => Some((*value).clone()),
                crate::Input::Owned(value) => Some(value.clone()),
                crate::Input::Members(members) => Some(members.to_value()),
            });
        let mut here = found.ok_or_else(|| Error {
            kind: ErrorKind::UnknownName,
            message: format!("`{}` uses a name that is not known here", self.source()),
            line: 1,
            column: 1,
        })?;
        for step in steps {
            here = here
                .as_object()
                .and_then(|object| object.get(step))
                .cloned()
                .unwrap_or_default();
        }
        Ok(here)
    }
}
