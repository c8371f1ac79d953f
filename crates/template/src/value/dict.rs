//! Python's dict: keys in the order in which they came, `1`, `1.0` and `True` the same key.

use std::hash::{Hash, Hasher};

use indexmap::{Equivalent, IndexMap};

use super::Val;
use crate::value::compare;

/// Keys and values in order.
#[derive(Debug, Default)]
pub(crate) struct Dict<'r>(IndexMap<Key<'r>, Val<'r>>);

/// A value that can be a key: made by [`Key::new`] only.
#[derive(Clone, Debug)]
pub(crate) struct Key<'r>(Val<'r>);

impl<'r> Key<'r> {
    /// None where the value cannot be a key.
    pub(crate) fn new(value: Val<'r>) -> Option<Self> {
        compare::is_hashable(&value).then_some(Self(value))
    }

    pub(crate) fn value(&self) -> &Val<'r> {
        &self.0
    }
}

impl Hash for Key<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        compare::hash(&self.0, state);
    }
}

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        compare::keys_equal(&self.0, &other.0)
    }
}

impl Eq for Key<'_> {}

struct TextKey<'a>(&'a str);

impl Hash for TextKey<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        compare::hash_text(self.0, state);
    }
}

impl Equivalent<Key<'_>> for TextKey<'_> {
    fn equivalent(&self, key: &Key<'_>) -> bool {
        key.0.as_str() == Some(self.0)
    }
}

impl<'r> Dict<'r> {
    pub(crate) fn with_capacity(n: usize) -> Self {
        Self(IndexMap::with_capacity(n))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn get(&self, key: &Key<'r>) -> Option<&Val<'r>> {
        self.0.get(key)
    }

    pub(crate) fn get_text(&self, key: &str) -> Option<&Val<'r>> {
        self.0.get(&TextKey(key))
    }

    /// Sets a member: its place stays, as does the key that was there first.
    pub(crate) fn set(&mut self, key: Key<'r>, value: Val<'r>) {
        self.0.insert(key, value.kept());
    }

    pub(crate) fn set_text(&mut self, key: &str, value: Val<'r>) {
        match self.0.get_mut(&TextKey(key)) {
            Some(slot) => *slot = value.kept(),
            None => {
                self.0.insert(Key(Val::text(key)), value.kept());
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &Key<'r>) -> Option<Val<'r>> {
        self.0.shift_remove(key)
    }

    pub(crate) fn pop_last(&mut self) -> Option<(Val<'r>, Val<'r>)> {
        self.0.pop().map(|(key, value)| (key.0, value))
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&Val<'r>, &Val<'r>)> {
        self.0.iter().map(|(key, value)| (&key.0, value))
    }

    /// Everything that it held; empty afterwards.
    pub(crate) fn take_all(&mut self) -> Vec<Val<'r>> {
        std::mem::take(&mut self.0)
            .into_iter()
            .flat_map(|(key, value)| [key.0, value])
            .collect()
    }
}
