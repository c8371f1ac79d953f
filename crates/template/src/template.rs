//! The front door: a template, compiled once, evaluated as often as there are records.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use compact_str::CompactString;
use model::value::Value;

use crate::error::{Fallible, Fault, FaultKind};
use crate::literal::{self, Kind};
use crate::outcome;
use crate::path::Path;
use crate::run::{Arena, Machine};
use crate::tree::{Body, Expr, Stmt};
use crate::value::Val;
use crate::{Env, Error, Reads, Scope, TemplateError, lex, parse, reads};

/// Longest template, in bytes.
const MAX_SOURCE: usize = 1 << 20;

/// Older names of connector files for the same input.
const ALIASES: [(&str, &str); 2] = [
    ("stream_interval", "stream_slice"),
    ("stream_partition", "stream_slice"),
];

/// A compiled template. Cheap to clone; evaluating it changes nothing.
#[derive(Clone, Debug)]
pub struct Template(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    source: Box<str>,
    strict: bool,
    /// With line ends as the tree counts them.
    normal: Box<str>,
    code: Code,
    /// The way to the value of a single expression that is nothing but a path.
    path: Option<Path>,
    /// What a template is made of that is nothing but texts and paths.
    parts: Option<Box<[Part]>>,
    names: Box<[CompactString]>,
    reads: BTreeMap<CompactString, Reads>,
    /// It mentions an input that connector files may not use any more.
    is_outdated: bool,
}

#[derive(Debug)]
enum Code {
    /// Nothing to fill in: the text, and what it is as a literal.
    Plain(Box<str>, Option<Box<(Value, Kind)>>),
    /// One `{{ … }}`.
    Single(Expr),
    Body(Body),
}

/// A piece of a template that no machine is needed for.
#[derive(Debug)]
enum Part {
    Text(Box<str>),
    Path(Path),
}

/// The pieces of a body; none where it has any other.
fn parts(body: &[Stmt], strict: bool) -> Option<Box<[Part]>> {
    let part = |stmt: &Stmt| match stmt {
        Stmt::Data(text) => Some(Part::Text((&**text).into())),
        Stmt::Print(expr) => Path::of(expr, strict).map(Part::Path),
        _ => None,
    };
    body.iter().map(part).collect()
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

impl Literals {
    pub(crate) fn has(self, kind: Kind) -> bool {
        match self {
            Self::All => true,
            Self::TextAndList => matches!(kind, Kind::Text | Kind::List),
            Self::Text => kind == Kind::Text,
        }
    }
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

/// What came of an evaluation before it is read as a literal.
enum Made<'r> {
    Value(Val<'r>),
    Text(String),
    /// The template as it is written: what the reference gives where kinds of values do not fit.
    Source,
}

impl Template {
    /// Reads a template of a connector file: names and members that are not there make nothing, as in the reference.
    pub fn compile(text: &str) -> Result<Self, TemplateError> {
        Self::compile_as(text, false)
    }

    /// Reads a template of a mapping: what is not there is an error, null makes no text, numbers keep their digits,
    /// truth values are `true` and `false`, `record.items` is the field of that name, and there is neither a clock
    /// nor chance.
    pub fn compile_strict(text: &str) -> Result<Self, TemplateError> {
        Self::compile_as(text, true)
    }

    fn compile_as(text: &str, strict: bool) -> Result<Self, TemplateError> {
        if text.len() > MAX_SOURCE {
            return Err(TemplateError {
                line: 1,
                column: 1,
                message: "the template is too long".to_owned(),
                expected: format!("at most {MAX_SOURCE} bytes"),
            });
        }
        let normal = lex::normalise(text);
        let tokens = lex::lex(&normal)?;
        let aliases: &[(&str, &str)] = if strict { &[] } else { &ALIASES };
        let mut body = parse::parse(&normal, tokens, aliases)?;
        let reads = reads::of_body(&body, strict);
        let code = match (body.pop(), body.as_slice()) {
            (None, _) => plain(""),
            (Some(Stmt::Data(text)), []) => plain(&text),
            (Some(Stmt::Print(expr)), []) => Code::Single(expr),
            (Some(last), _) => {
                body.push(last);
                Code::Body(body)
            }
        };
        Ok(Self(Arc::new(Compiled {
            source: text.into(),
            strict,
            normal: normal.into(),
            path: match &code {
                Code::Single(expr) => Path::of(expr, strict),
                _ => None,
            },
            parts: match &code {
                Code::Body(body) => parts(body, strict),
                _ => None,
            },
            code,
            names: reads.keys().cloned().collect(),
            reads,
            is_outdated: !strict && text.contains("stream_state"),
        })))
    }

    /// The text as it was written.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// True when there is nothing to fill in.
    pub fn is_plain(&self) -> bool {
        matches!(self.0.code, Code::Plain(..))
    }

    /// True when it is one `{{ … }}` and nothing beside it.
    pub fn is_single(&self) -> bool {
        matches!(self.0.code, Code::Single(_))
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
        self.0.reads.get(root).cloned().unwrap_or(Reads::Nothing)
    }

    /// Filled in, as text.
    pub fn render<'a>(&'a self, scope: &Scope<'_>, env: &Env) -> Result<Cow<'a, str>, Error> {
        if let Code::Plain(text, _) = &self.0.code {
            return Ok(Cow::Borrowed(text));
        }
        self.run(scope, env, |m, made| match made {
            Ok(Made::Value(value)) => {
                let mut out = String::new();
                m.print(&mut out, &value)?;
                Ok(Cow::Owned(out))
            }
            Ok(Made::Text(text)) => Ok(Cow::Owned(text)),
            Ok(Made::Source) => Ok(Cow::Borrowed(self.source())),
            Err(fault) => Err(fault),
        })
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
        literals: Literals,
        otherwise: Otherwise<'_>,
    ) -> Result<Value, Error> {
        match self.eval_once(scope, env, literals)? {
            Some(value) => Ok(value),
            None => match otherwise {
                Otherwise::Itself => match self.eval_missing(scope, env)? {
                    Some(error) => Err(error),
                    None => Ok(Value::text("")),
                },
                Otherwise::Null => Ok(Value::Null),
                Otherwise::Template(template) => match template.eval_once(scope, env, literals)? {
                    Some(value) => Ok(value),
                    None => match template.eval_missing(scope, env)? {
                        Some(error) => Err(error),
                        None => Ok(Value::text("")),
                    },
                },
            },
        }
    }

    /// Filled in, as a condition: false is what Python prints for false and empty things, and what is not there.
    pub fn is_true(&self, scope: &Scope<'_>, env: &Env) -> Result<bool, Error> {
        let value = self.eval_once(scope, env, Literals::All)?;
        Ok(value.is_some_and(|value| !outcome::counts_as_false(&value)))
    }

    /// Filled in; a template that is one `{{ … }}` gives the value itself, any other gives text.
    pub fn value(&self, scope: &Scope<'_>, env: &Env) -> Result<Value, Error> {
        if let Code::Plain(text, _) = &self.0.code {
            return Ok(Value::text(&**text));
        }
        if let Some(found) = self.0.path.as_ref().and_then(|path| path.find(scope))
            && outcome::is_plain(&found)
        {
            return Ok(found.into_owned());
        }
        if let Some(text) = self.joined(scope, env) {
            return Ok(Value::text(text));
        }
        self.run(scope, env, |m, made| match made? {
            Made::Value(value) => outcome::to_value(m, &value),
            Made::Text(text) => Ok(Value::text(text)),
            Made::Source => Ok(Value::text(self.source())),
        })
    }

    /// The text of a template that only puts texts together which are there; of any other, and of one that becomes too
    /// long, none.
    fn joined(&self, scope: &Scope<'_>, env: &Env) -> Option<String> {
        let mut out = String::new();
        for part in self.0.parts.as_deref()? {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Path(path) => out.push_str(path.find(scope)?.as_text()?),
            }
            if out.len() > env.longest {
                return None;
            }
        }
        Some(out)
    }

    /// None where the template makes no text, or reaches into what is not there.
    fn eval_once(
        &self,
        scope: &Scope<'_>,
        env: &Env,
        literals: Literals,
    ) -> Result<Option<Value>, Error> {
        if self.0.is_outdated {
            return Err(Fault::failed(
                "`stream_state` is not there any more; use `stream_interval` instead",
            )
            .out(&self.0.normal));
        }
        if let Code::Plain(text, read) = &self.0.code {
            return Ok(match read.as_deref() {
                Some((value, kind)) if literals.has(*kind) => Some(value.clone()),
                _ if text.is_empty() => None,
                _ => Some(Value::text(&**text)),
            });
        }
        if let Some(found) = self.0.path.as_ref().and_then(|path| path.find(scope))
            && let Some(value) = outcome::eval_scalar(&found, literals)
        {
            return Ok(Some(value));
        }
        self.run(scope, env, |m, made| {
            let made = match made {
                Err(fault) if fault.kind == FaultKind::Type => Made::Source,
                Err(fault) if fault.kind == FaultKind::Undefined => return Ok(None),
                made => made?,
            };
            match made {
                Made::Value(value) => outcome::eval(m, &value, literals),
                Made::Text(text) => Ok(outcome::read(text, literals)),
                Made::Source => Ok(outcome::read(self.source().to_owned(), literals)),
            }
        })
    }

    /// The error where the template reaches into what is not there.
    fn eval_missing(&self, scope: &Scope<'_>, env: &Env) -> Result<Option<Error>, Error> {
        if self.is_plain() {
            return Ok(None);
        }
        self.run(scope, env, |_, made| match made {
            Err(fault) if fault.kind == FaultKind::Undefined => Ok(Some(fault.out(&self.0.normal))),
            _ => Ok(None),
        })
    }

    /// Runs the template, and hands over what came of it while the machine still stands.
    fn run<'s, T>(
        &self,
        scope: &'s Scope<'s>,
        env: &Env,
        finish: impl for<'r> FnOnce(&Machine<'r>, Fallible<Made<'r>>) -> Fallible<T>,
    ) -> Result<T, Error> {
        let arena = Arena::default();
        let machine = Machine::new(scope, env, &arena, self.0.strict);
        let made = self.made(&machine);
        finish(&machine, made).map_err(|fault| fault.out(&self.0.normal))
    }

    fn made<'r>(&'r self, m: &Machine<'r>) -> Fallible<Made<'r>> {
        m.has_all(&self.0.names)?;
        match &self.0.code {
            Code::Plain(text, _) => Ok(Made::Value(Val::borrowed(text))),
            Code::Single(expr) => m.expr(expr).map(Made::Value),
            Code::Body(body) => {
                let mut out = String::new();
                m.body(body, &mut out)?;
                Ok(Made::Text(out))
            }
        }
    }
}

fn plain(text: &str) -> Code {
    Code::Plain(text.into(), literal::read(text).map(Box::new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_only_put_together_are_what_the_machine_makes_of_them() {
        let record = model::json::parse(
            br#"{"a":"x","b":"","n":1,"z":null,"t":true,"o":{"a":"y"},"l":["x"]}"#,
        )
        .unwrap();
        let scope = Scope::new().with("record", &record);
        let env = Env::frozen(jiff::Timestamp::UNIX_EPOCH);
        let check = |template: &Template| {
            let printed = template.render(&scope, &env).map(Cow::into_owned);
            let value = template.value(&scope, &env);
            let value = value.map(|value| value.as_text().map(str::to_owned));
            assert_eq!(value, printed.map(Some), "{}", template.source());
        };
        for inner in [
            "a",
            "b",
            "n",
            "z",
            "t",
            "o.a",
            "o['a']",
            "l",
            "missing",
            "o.missing",
        ] {
            let text = format!("-{{{{ record.{inner} }}}} {{{{ record.a }}}}");
            check(&Template::compile(&text).unwrap());
            check(&Template::compile_strict(&text).unwrap());
        }
        let mut short = Env::frozen(jiff::Timestamp::UNIX_EPOCH);
        short.longest = 3;
        let template = Template::compile_strict("{{ record.a }} and {{ record.a }}").unwrap();
        assert!(template.value(&scope, &short).is_err());
    }
}
