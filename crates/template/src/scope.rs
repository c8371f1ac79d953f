//! The names that a template may use, and what stands behind them.

use model::row::Row;
use model::value::Value;

/// Names and inputs, borrowed for the time of an evaluation. Built anew as often as needed: it costs next to nothing.
#[derive(Debug, Default)]
pub struct Scope<'a> {
    outer: Option<&'a Scope<'a>>,
    /// The first few, so that most scopes need no allocation.
    first: [Option<Named<'a>>; 5],
    more: Vec<Named<'a>>,
}

type Named<'a> = (&'a str, Input<'a>);

/// What stands behind a name.
#[derive(Debug)]
pub enum Input<'a> {
    /// A value that somebody else has.
    Value(&'a Value),
    /// A value of its own.
    Owned(Value),
    /// Members that are looked up one by one.
    Members(&'a dyn Members),
}

/// Something like an object that makes its members when they are asked for: a record that is still text, the headers
/// of a response.
pub trait Members: std::fmt::Debug + Sync {
    /// The member called `name`.
    fn member(&self, name: &str) -> Option<Value>;

    /// All members, as an object.
    fn to_value(&self) -> Value;
}

impl Members for Row {
    fn member(&self, name: &str) -> Option<Value> {
        self.get(name)
    }

    fn to_value(&self) -> Value {
        Self::to_value(self)
    }
}

impl<'a> Scope<'a> {
    /// No names yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// All names of `outer`, and those that are set here.
    pub fn within(outer: &'a Scope<'a>) -> Self {
        Self {
            outer: Some(outer),
            ..Self::default()
        }
    }

    /// Sets a name: a [`Value`] or a reference to one, members, or a plain text, number or truth value.
    pub fn set(&mut self, name: &'a str, input: impl Into<Input<'a>>) {
        let input = input.into();
        let known = self
            .first
            .iter_mut()
            .flatten()
            .chain(&mut self.more)
            .find(|(known, _)| *known == name);
        if let Some((_, slot)) = known {
            *slot = input;
            return;
        }
        match self.first.iter_mut().find(|slot| slot.is_none()) {
            Some(slot) => *slot = Some((name, input)),
            None => self.more.push((name, input)),
        }
    }

    fn inputs(&self) -> impl Iterator<Item = &Named<'a>> {
        self.first
            .iter()
            .map_while(Option::as_ref)
            .chain(&self.more)
    }

    /// With one more name.
    #[must_use]
    pub fn with(mut self, name: &'a str, input: impl Into<Input<'a>>) -> Self {
        self.set(name, input);
        self
    }

    /// What stands behind `name`.
    pub fn get(&self, name: &str) -> Option<&Input<'a>> {
        let mut scope = self;
        loop {
            if let Some((_, input)) = scope.inputs().find(|(known, _)| *known == name) {
                return Some(input);
            }
            scope = scope.outer?;
        }
    }

    /// All names, innermost first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let mut names: Vec<&str> = Vec::new();
        let mut scope = Some(self);
        while let Some(here) = scope {
            for (name, _) in here.inputs() {
                if !names.contains(name) {
                    names.push(name);
                }
            }
            scope = here.outer;
        }
        names.into_iter()
    }
}

impl<'a> From<&'a Value> for Input<'a> {
    fn from(value: &'a Value) -> Self {
        Self::Value(value)
    }
}
impl From<Value> for Input<'_> {
    fn from(value: Value) -> Self {
        Self::Owned(value)
    }
}
impl From<&str> for Input<'_> {
    fn from(text: &str) -> Self {
        Self::Owned(Value::text(text))
    }
}
impl From<i64> for Input<'_> {
    fn from(n: i64) -> Self {
        Self::Owned(Value::Int(n))
    }
}
impl From<bool> for Input<'_> {
    fn from(flag: bool) -> Self {
        Self::Owned(Value::Bool(flag))
    }
}
impl<'a> From<&'a dyn Members> for Input<'a> {
    fn from(members: &'a dyn Members) -> Self {
        Self::Members(members)
    }
}
/// A record: its members are read one by one. What is no object is read whole.
impl<'a> From<&'a Row> for Input<'a> {
    fn from(row: &'a Row) -> Self {
        if row.is_object() {
            Self::Members(row)
        } else {
            Self::Owned(row.to_value())
        }
    }
}
