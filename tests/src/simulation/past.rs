//! What became of the fields of one record so far, to ask whether a run was taken back as it should be.

use std::collections::{BTreeMap, BTreeSet};

use model::record::Change;
use model::value::{Object, Value};

/// What became of the fields of one record so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    /// What we wrote last.
    wrote: Object,
    /// Fields whose value somebody else gave last.
    theirs: BTreeSet<String>,
    /// Every value that a field ever had.
    had: BTreeMap<String, Vec<Value>>,
    /// Fields that were taken back, and what the other side had in them then.
    taken_back: Object,
}

impl Past {
    /// Somebody gave a field a value.
    pub(super) fn edited(&mut self, name: &str, value: &Value) {
        self.theirs.insert(name.to_owned());
        self.remember(name, value);
    }

    /// We wrote these.
    pub(super) fn written(&mut self, fields: &Object) {
        for (name, value) in fields.iter() {
            self.theirs.remove(name);
            self.taken_back.remove(name);
            self.wrote.insert(name, value.clone());
            self.remember(name, value);
        }
    }

    /// These were written to take something back, while the other side had that.
    pub(super) fn took_back(&mut self, fields: &Object, other: &Object) {
        for (name, _) in fields.iter() {
            let there = other.get(name).cloned().unwrap_or_default();
            self.taken_back.insert(name, there);
        }
    }

    /// Whether a field was taken back, and the other side has not changed since.
    pub(super) fn is_taken_back(&self, name: &str, other: &Value) -> bool {
        let there = self.taken_back.get(name);
        there.is_some_and(|there| same(name, there, other))
    }

    /// Whether somebody else gave a field another value than the one that we wrote last.
    pub(super) fn is_theirs(&self, name: &str, now: &Value) -> bool {
        let wrote = self.wrote.get(name);
        self.theirs.contains(name) && !wrote.is_some_and(|wrote| same(name, wrote, now))
    }

    /// The fields that we wrote.
    pub(super) fn ours(&self) -> impl Iterator<Item = &str> {
        self.wrote.iter().map(|(name, _)| name)
    }

    /// The first field that a change would give a value which it never had.
    pub(super) fn is_new_to<'a>(&self, change: &'a Change) -> Option<&'a str> {
        let mut fields = change.fields.iter();
        let new = fields.find(|(name, value)| {
            let had = self.had.get(*name);
            !value.is_empty()
                && !had.is_some_and(|had| had.iter().any(|had| same(name, had, value)))
        });
        new.map(|(name, _)| name)
    }

    pub(super) fn remember(&mut self, name: &str, value: &Value) {
        self.had
            .entry(name.to_owned())
            .or_default()
            .push(value.clone());
    }
}

/// Platforms may write an address otherwise.
fn same(name: &str, one: &Value, other: &Value) -> bool {
    match (name, one, other) {
        ("email", Value::Text(one), Value::Text(other)) => {
            one.trim().eq_ignore_ascii_case(other.trim())
        }
        _ => one.same_as(other) || (one.is_empty() && other.is_empty()),
    }
}
