//! Conflicts, undo, paused records, and starting over.

use model::conflict::{ConflictKind, Decision};
use model::ids::ConflictId;

#[allow(clippy::wildcard_imports, reason = "views refer to one another")]
use super::*;

/// How a sync starts over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum StartOver {
    /// Everything is read again, and what differs is written.
    Cursor,
    /// The same, and which record is which is found anew.
    Links,
    /// What the sync made is removed again, and the sync is paused.
    Purge,
}

views! {
    /// Something that both sides do not agree on.
    struct ConflictView {
        /// Its id.
        pub id: ConflictId,
        /// Of which sync.
        pub sync: SyncId,
        /// Its name.
        pub sync_name: String,
        /// What a person calls the source.
        pub source_name: String,
        /// What a person calls the target.
        pub target_name: String,
        /// What a person would call the record.
        pub title: String,
        /// The record of the source.
        pub source_key: String,
        /// The record of the target.
        pub target_key: String,
        /// The target's field; empty for the whole record.
        pub field: String,
        /// How it came about.
        pub kind: ConflictKind,
        /// What happened, in a sentence.
        pub what: String,
        /// What both last agreed on; absent where they never did.
        #[ts(type = "unknown")]
        pub base: Option<serde_json::Value>,
        /// What the source says.
        #[ts(type = "unknown")]
        pub source: Option<serde_json::Value>,
        /// What the target says.
        #[ts(type = "unknown")]
        pub target: Option<serde_json::Value>,
        /// What was chosen; absent while nothing was.
        pub decision: Option<Decision>,
        /// When it was found.
        #[ts(type = "number")]
        pub created_at: i64,
    }

    /// A page of conflicts.
    struct ListConflicts {
        /// Only of this sync.
        pub sync: Option<SyncId>,
        /// Only of this record of the source.
        pub source_key: Option<String>,
        /// Only of this field.
        pub field: Option<String>,
        /// Only decided ones, or only open ones.
        pub is_decided: Option<bool>,
        /// Only with this text in keys or values.
        pub search: String,
        /// After this one.
        pub after: Option<ConflictId>,
        /// At most this many, up to 500.
        pub limit: u32,
    }

    /// A page of conflicts.
    struct ConflictPage {
        /// In the order in which they were found.
        pub conflicts: Vec<ConflictView>,
        /// There are more.
        pub has_more: bool,
        /// All there are, of the sync or of all syncs.
        #[ts(type = "number")]
        pub total: u64,
        /// Those that are decided and wait for being carried out.
        #[ts(type = "number")]
        pub decided: u64,
    }

    /// Chooses for conflicts.
    struct DecideConflicts {
        /// Which.
        pub ids: Vec<ConflictId>,
        /// What is chosen; absent takes the choice back.
        pub decision: Option<Decision>,
        /// The same from now on whenever this field was changed on both sides. For a side only.
        pub always: bool,
    }

    /// How many conflicts there are.
    struct ConflictCounts {
        /// All.
        #[ts(type = "number")]
        pub total: u64,
        /// Decided, and not carried out yet.
        #[ts(type = "number")]
        pub decided: u64,
    }

    /// Takes a run back, or a part of it.
    struct StartUndo {
        /// Which run.
        pub run: RunId,
        /// Only these records, by their place in the run; empty for all.
        #[ts(type = "Array<number>")]
        pub seqs: Vec<u64>,
        /// Only these fields of what was updated; empty for all.
        pub fields: Vec<String>,
    }

    /// Takes records out of a sync for a while, or back in.
    struct PauseRecords {
        /// Of which sync.
        pub sync: SyncId,
        /// Which records of the source.
        pub source_keys: Vec<String>,
        /// Out or in.
        pub is_paused: bool,
    }

    /// What taking out or in has changed.
    struct PausedCount {
        /// Records that are out now, or that take part again.
        #[ts(type = "number")]
        pub records: u64,
    }

    /// Records that are taken out.
    struct ListPaused {
        /// Of which sync.
        pub sync: SyncId,
        /// After this key.
        pub after: Option<String>,
        /// At most this many, up to 500.
        pub limit: u32,
    }

    /// A record that is taken out.
    struct PausedRecord {
        /// The record of the source.
        pub source_key: String,
        /// Why.
        pub reason: String,
        /// Since when.
        #[ts(type = "number")]
        pub since: i64,
    }

    /// Makes the plan with which a sync starts over. Nothing is written or forgotten before it is applied.
    struct StartOverRequest {
        /// Which sync.
        pub sync: SyncId,
        /// How.
        pub what: StartOver,
    }

    /// How the fields of a mapping come back, and what that does to real records.
    struct RoundTripReport {
        /// Field by field, in the order of the rules.
        pub fields: Vec<FieldTripView>,
        /// Records it was tried on.
        pub samples: u32,
    }

    /// How one field comes back.
    struct FieldTripView {
        /// The target's field.
        pub target: FieldPath,
        /// The source's field that it comes back to.
        pub source: Option<FieldPath>,
        /// How well.
        pub way: WayBackView,
        /// What gets lost, or why nothing comes back.
        pub why: Option<String>,
        /// What the samples say: "A→B→A equal for 197; 3 differ (case)".
        pub trip: Option<String>,
        /// Samples that came back as something else.
        pub differ: u32,
    }
}

/// How well a field comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum WayBackView {
    /// The same comes back.
    Exact,
    /// Something comes back that need not be the same.
    Lossy,
    /// Nothing comes back.
    OneWay,
}
