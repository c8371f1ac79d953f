//! The sync document: the job that a person sets up.

use serde::{Deserialize, Serialize};

use crate::ids::ConnectionId;
use crate::mapping::Mapping;
use crate::path::FieldPath;

/// Version of the document that this build writes.
pub const VERSION: u32 = 1;

/// One side of a sync.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
pub struct StreamRef {
    /// The account.
    pub connection: ConnectionId,
    /// The stream's name.
    pub stream: String,
}

/// A job: source, mapping, target, mode, guards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Sync {
    /// Version of this document.
    pub version: u32,
    /// What the person calls it.
    pub name: String,
    /// Read from.
    pub source: StreamRef,
    /// Written to.
    pub target: StreamRef,
    /// What may be done on the target.
    pub mode: WriteMode,
    /// Target fields whose mapped values tell which record of the target is meant, for records
    /// without a link yet. All of them together must match.
    pub match_on: Vec<FieldPath>,
    /// How the target's fields are made.
    pub mapping: Mapping,
    /// When to stop and ask.
    #[serde(default)]
    pub guards: Guards,
    /// Minutes between scheduled runs; none: only by hand.
    #[serde(default)]
    pub every_minutes: Option<u32>,
}

/// What may be done on the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
pub enum WriteMode {
    /// Create what is missing, leave what is there.
    Create,
    /// Update what is there, leave out what is missing.
    Update,
    /// Create what is missing, update what differs.
    #[default]
    Upsert,
}

impl WriteMode {
    /// Whether records may be made.
    pub const fn creates(self) -> bool {
        matches!(self, Self::Create | Self::Upsert)
    }

    /// Whether records may be changed.
    pub const fn updates(self) -> bool {
        matches!(self, Self::Update | Self::Upsert)
    }
}

/// When a run stops before writing and asks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
#[serde(default)]
pub struct Guards {
    /// Hold when more than this percentage of the linked records would be updated.
    pub max_update_percent: u8,
    /// Hold when the source is empty although it had more than this many linked records.
    pub empty_source_above: u32,
    /// Percentages only count from this many records on.
    pub from_records: u32,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            max_update_percent: 50,
            empty_source_above: 10,
            from_records: 20,
        }
    }
}
