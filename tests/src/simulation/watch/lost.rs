//! What somebody else did and a change must not undo.

use std::collections::BTreeSet;

use model::record::{Change, Intent, Operation};
use model::sync::Policy;
use model::value::Object;

use super::Watch;
use crate::simulation::past::Past;
use crate::simulation::world;

/// How one record of a pair stands, as far as its edits go.
pub(in crate::simulation) struct Stand<'a> {
    /// Fields that were edited since both sides had the same, and have another value.
    pub(in crate::simulation) edited: &'a BTreeSet<String>,
    /// Also those that got their old value back.
    pub(in crate::simulation) touched: &'a BTreeSet<String>,
    /// When it was last changed; none where a clock was wrong.
    pub(in crate::simulation) stamp: Option<u64>,
}

impl Watch {
    /// Where both sides edited a field, whoever is right wins, and where a person is asked nobody does. What only one side
    /// edited is never overwritten.
    pub(in crate::simulation) fn loses(
        &mut self,
        written: &Stand<'_>,
        other: Option<&Stand<'_>>,
        now: &Object,
        change: &Change,
    ) {
        let Some(sent_as) = self.sent_as.get(&change.id) else {
            return;
        };
        let (Some(agreed), Intent::Sync) = (&sent_as.agreed, sent_as.intent) else {
            return;
        };
        let mut lost = None;
        for (name, value) in change.fields.iter() {
            let there = now.get(name).cloned().unwrap_or_default();
            let is_overwritten = written.edited.contains(name) && !value.same_as(&there);
            if !is_overwritten
                || !agreed.contains(name)
                || self.has_decided(&change.source_key, name, &there)
            {
                continue;
            }
            let is_only_one = !self.is_unheard(change)
                && other.is_some_and(|other| !other.touched.contains(name));
            let is_wrong = match sent_as.policy {
                Some(Policy::Ask) => true,
                Some(Policy::Newest) => other.is_some_and(|other| {
                    let stamps = written.stamp.zip(other.stamp);
                    stamps.is_some_and(|(written, other)| written > other)
                }),
                _ => false,
            };
            if is_only_one || is_wrong {
                let why = if is_only_one {
                    ", which the other side did not edit,"
                } else {
                    ""
                };
                lost = Some(format!(
                    "an edit of \"{name}\"{why} {there:?}, is lost: {change:?}"
                ));
            }
        }
        if let Some(lost) = lost {
            self.broken(&lost);
        }
    }

    /// Whether an earlier change of the pair got no answer: it may have arrived, and what somebody edited after it looks
    /// like an edit of the value before.
    fn is_unheard(&self, change: &Change) -> bool {
        let keys = [Some(&change.source_key), change.target_key.as_ref()];
        keys.into_iter()
            .flatten()
            .any(|key| self.unheard.contains(key))
    }

    /// Something is taken back: never what somebody else gave since.
    pub(in crate::simulation) fn takes_back(&mut self, past: &Past, now: &Object, change: &Change) {
        let names: Vec<&str> = match change.operation {
            Operation::Delete => past.ours().collect(),
            _ => change.fields.iter().map(|(name, _)| name).collect(),
        };
        for name in names {
            let there = now.get(name).cloned().unwrap_or_default();
            let is_same = change
                .fields
                .get(name)
                .is_some_and(|value| value.same_as(&there));
            let is_decided = self.has_decided(&change.source_key, name, &there);
            if past.is_theirs(name, &there) && !is_same && !is_decided {
                self.broken(&format!(
                    "what somebody gave \"{name}\" since, {there:?}, is taken back: {change:?}"
                ));
            }
        }
    }

    /// An update is carried out on a member of the version that it names.
    pub(in crate::simulation) fn overwrites(&mut self, now: &Object, change: &Change) {
        let empty = Object::new();
        let before = change.before.as_ref().unwrap_or(&empty);
        let fields = match change.operation {
            Operation::Delete => before,
            _ => &change.fields,
        };
        for (name, _) in fields.iter() {
            let is = |object: &Object| object.get(name).cloned().unwrap_or_default();
            if before.get(name).is_none() && self.unknown.contains(&(change.id, name.to_owned())) {
                continue;
            }
            let (kept, there) = (is(before), is(now));
            // What the platform made of our own address is not known to us.
            let differs = match name {
                "email" => world::folded(before) != world::folded(now),
                _ => !kept.same_as(&there),
            };
            if differs {
                self.broken(&format!(
                    "{there:?} in \"{name}\" is overwritten, and {kept:?} is kept as what was there: {change:?}"
                ));
            }
        }
    }
}
