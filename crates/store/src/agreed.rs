//! Single fields that both sides came to agree on, brought into the links.

use model::ids::SyncId;
use model::record::RecordKey;
use model::sync::Side;
use model::value::{Fingerprint, Object, Value};
use rusqlite::Transaction;

use crate::error::Result;
use crate::links::{self, Link};

/// What is newly known of a pair of records.
#[derive(Clone, Debug, PartialEq)]
pub struct Agreed {
    /// The record of the source.
    pub source_key: RecordKey,
    /// The record of the target.
    pub target_key: RecordKey,
    /// Fields as the source has them, in the target's terms.
    pub source: Object,
    /// Fields as the target has them.
    pub target: Object,
    /// Fingerprint of the source's record as it was seen; none leaves the one that is there.
    pub fingerprint: Option<Fingerprint>,
    /// The source's version tag; none leaves the one that is there.
    pub source_version: Option<String>,
    /// The target's version tag; none leaves the one that is there.
    pub target_version: Option<String>,
    /// The side on which this sync has just made its record; none leaves what is known.
    pub made_on: Option<Side>,
}

/// Brings fields into the links, which are made where there are none. Other fields stay as they are.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound) when there is no such sync.
pub fn note_many(tx: &Transaction<'_>, sync: SyncId, agreed: Vec<Agreed>) -> Result<()> {
    if agreed.is_empty() {
        return Ok(());
    }
    for agreed in agreed {
        let Agreed {
            source_key,
            target_key,
            source,
            target,
            fingerprint,
            source_version,
            target_version,
            made_on,
        } = agreed;
        let known =
            links::get_many(tx, sync, std::slice::from_ref(&source_key))?.remove(&source_key);
        let mut link = known
            .filter(|link| link.target_key == target_key)
            .unwrap_or_else(|| Link {
                source_key,
                target_key,
                source_fingerprint: NEVER_SEEN,
                shadow: Object::new(),
                target_shadow: None,
                target_version: None,
                source_version: None,
                made_on: None,
            });
        let mut on_target = link.on_target();
        for (name, value) in source {
            link.shadow.insert(name, value);
        }
        for (name, value) in target {
            on_target.insert(name, value);
        }
        link.set_on_target(&on_target);
        link.source_fingerprint = fingerprint.unwrap_or(link.source_fingerprint);
        link.source_version = source_version.or(link.source_version);
        link.target_version = target_version.or(link.target_version);
        link.made_on = made_on.or(link.made_on);
        links::upsert_many(tx, sync, &[link])?;
    }
    Ok(())
}

/// No record has this fingerprint: the next read looks at the record again.
const NEVER_SEEN: Fingerprint = Fingerprint(0);

impl Link {
    /// The fields as the target has them.
    pub fn on_target(&self) -> Object {
        let mut fields = self.shadow.clone();
        for (name, value) in self.target_shadow.iter().flat_map(Object::iter) {
            fields.insert(name, value.clone());
        }
        fields
    }

    /// Keeps of the target's fields those that differ from the source's.
    pub fn set_on_target(&mut self, fields: &Object) {
        let mut different = Object::new();
        for (name, value) in fields.iter() {
            if !self.shadow.get(name).is_some_and(|known| known == value) {
                different.push(name, value.clone());
            }
        }
        // A field that only the source has.
        for (name, _) in self.shadow.iter() {
            if fields.get(name).is_none() {
                different.push(name, Value::Null);
            }
        }
        self.target_shadow = (!different.is_empty()).then_some(different);
    }
}
