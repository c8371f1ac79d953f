//! What is moved: records, the changes that are intended, and what became of them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::ChangeId;
use crate::path::FieldPath;
use crate::value::{Object, Value};

/// What identifies a record within its stream, as text; composite keys are a JSON array of texts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ts_rs::TS)]
#[serde(transparent)]
#[ts(as = "String")]
pub struct RecordKey(pub String);

impl RecordKey {
    /// The key made of the values at `paths`; none when one of them is missing, null or empty.
    pub fn from_record(fields: &Value, paths: &[FieldPath]) -> Option<Self> {
        let part = |path: &FieldPath| {
            let value = fields.at(path)?;
            (!value.is_empty()).then(|| key_text(value))
        };
        match paths {
            [] => None,
            [path] => part(path).map(Self),
            _ => {
                let parts: Option<Vec<String>> = paths.iter().map(part).collect();
                serde_json::to_string(&parts?).ok().map(Self)
            }
        }
    }

    /// The key of a single value.
    pub fn from_value(value: &Value) -> Option<Self> {
        (!value.is_empty()).then(|| Self(key_text(value)))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// 64 bits that stand for it where there are too many to keep.
    pub fn mark(&self) -> u64 {
        mark_of(&self.0)
    }
}

/// 64 bits that stand for a text: equal for equal texts, and for others only by chance.
pub fn mark_of(text: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}

fn key_text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        other => crate::json::to_string(other).trim_matches('"').to_owned(),
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One item of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// What identifies it; none when the platform gave it none.
    pub key: Option<RecordKey>,
    /// Its fields; usually an object.
    pub fields: Value,
    /// The platform's version tag of exactly this state (an ETag), if it was told.
    pub version: Option<String>,
}

/// What is to be done to a record of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Operation {
    Create,
    Update,
    Delete,
}

impl Operation {
    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// What a change is for: it decides what becomes of the link once the change is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Intent {
    /// To bring a record up to date: both sides agree on it then.
    #[default]
    Sync,
    /// To delete or put away what has no counterpart any more: the link goes with it.
    Delete,
    /// To take an earlier write back: the written side has its old values again, the other keeps its own.
    Undo,
}

impl Intent {
    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Delete => "delete",
            Self::Undo => "undo",
        }
    }

    /// From its stored form.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Sync, Self::Delete, Self::Undo]
            .into_iter()
            .find(|intent| intent.as_str() == text)
    }
}

/// One write that is intended: plain data, shown before it is done.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Also the seed of its idempotency key: sent again, it is the same change.
    pub id: ChangeId,
    /// What is to be done.
    pub operation: Operation,
    /// The record of the source that this comes from.
    pub source_key: RecordKey,
    /// The record of the target; none for a create.
    pub target_key: Option<RecordKey>,
    /// What will be sent: for an update only the fields that change.
    pub fields: Object,
    /// The target's values of the same fields before, as far as known.
    pub before: Option<Object>,
    /// The version tag that the target must still have.
    pub version: Option<String>,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The platform took it.
    Written {
        /// The record's key on the target.
        key: RecordKey,
        /// The record as the platform now has it, where it said so.
        record: Option<Value>,
        /// The new version tag, where it said so.
        version: Option<String>,
    },
    /// The platform refused it, and would refuse it again.
    Rejected(Rejection),
    /// The record is not in the version any more that the change was made for: nothing was done.
    Moved,
    /// It was sent and no answer came: it may or may not have happened. To be settled before it is
    /// ever sent again.
    Unknown {
        /// What happened to the request.
        reason: String,
    },
}

/// Why a platform refused a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct Rejection {
    /// The platform's code, or the HTTP status.
    pub code: String,
    /// The platform's words.
    pub message: String,
    /// The field it complains about, where it says so.
    pub field: Option<FieldPath>,
}
