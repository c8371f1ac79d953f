//! What two sides of a sync do not agree on, and what a person can choose.

use serde::{Deserialize, Serialize};

/// How a conflict came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
pub enum ConflictKind {
    /// Both sides changed the field.
    BothChanged,
    /// Two records met for the first time and differ.
    FirstMeeting,
    /// The source deleted what the target changed.
    DeletedOnSource,
    /// The target deleted what the source changed.
    DeletedOnTarget,
    /// The field went back and forth between the same values.
    Loop,
    /// A field that flows the other way only was changed.
    ReadOnly,
    /// The value cannot be turned back into the source's.
    NoWayBack,
    /// A run is taken back, and the field no longer holds what that run wrote.
    Undo,
}

impl ConflictKind {
    const ALL: [(Self, &'static str); 8] = [
        (Self::BothChanged, "both_changed"),
        (Self::FirstMeeting, "first_meeting"),
        (Self::DeletedOnSource, "deleted_on_source"),
        (Self::DeletedOnTarget, "deleted_on_target"),
        (Self::Loop, "loop"),
        (Self::ReadOnly, "read_only"),
        (Self::NoWayBack, "no_way_back"),
        (Self::Undo, "undo"),
    ];

    /// As stored.
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .into_iter()
            .find_map(|(kind, word)| (kind == self).then_some(word))
            .unwrap_or_default()
    }

    /// From its stored form.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find_map(|(kind, stored)| (stored == word).then_some(kind))
    }
}

/// What a person chose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
#[serde(tag = "take", rename_all = "snake_case")]
pub enum Decision {
    /// What the source says; for a whole record: what happened on the source happens on the target too.
    Source,
    /// What the target says; for a whole record: what happened on the target happens on the source too.
    Target,
    /// Both get this value.
    Value {
        /// The value.
        #[ts(type = "unknown")]
        value: serde_json::Value,
    },
    /// Both stay as they are, and this difference is not shown again until one side changes.
    KeepBoth,
}
