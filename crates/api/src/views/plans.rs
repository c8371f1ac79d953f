//! Plans.

#[allow(clippy::wildcard_imports, reason = "views refer to one another")]
use super::*;

/// What a plan wants to do with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "see RecordOutcome")]
pub enum PlanAction {
    Create,
    Update,
    Delete,
    Unchanged,
    Filtered,
    Invalid,
    Held,
    Conflict,
}

/// What a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum PlanKind {
    /// To do what a run would do.
    Run,
    /// To take back what a run did.
    Undo,
    /// To carry out what was decided about conflicts.
    Decisions,
    /// To find anew which record is which.
    Relink,
    /// To remove what the sync made.
    Purge,
}

/// How a plan stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum PlanState {
    /// Being made.
    Building,
    /// To be looked at.
    Ready,
    /// Done.
    Applied,
    /// Thrown away.
    Discarded,
    /// Could not be made.
    Failed,
}

views! {
    /// What a run would do.
    struct PlanDetail {
        /// Its id.
        pub id: PlanId,
        /// Of which sync.
        pub sync: SyncId,
        /// Its name.
        pub sync_name: String,
        /// How it stands.
        pub state: PlanState,
        /// What it is for.
        pub kind: PlanKind,
        /// The run that it takes back, if it does that.
        pub of_run: Option<RunId>,
        /// When it was made.
        #[ts(type = "number")]
        pub created_at: i64,
        /// Counts by action.
        pub counts: PlanCounts,
        /// Records ticked off.
        #[ts(type = "number")]
        pub excluded: u64,
        /// Those of them that would be deleted or put away.
        #[ts(type = "number")]
        pub excluded_deletes: u64,
        /// Guards that would hold it: what, and how many.
        pub warnings: Vec<String>,
        /// Why it could not be made.
        pub problem: Option<Note>,
        /// What it is waiting for, while it is being made.
        pub waiting: Option<String>,
    }

    /// Counts of a plan.
    struct PlanCounts {
        /// Read from the source.
        #[ts(type = "number")]
        pub read: u64,
        /// To be created.
        #[ts(type = "number")]
        pub create: u64,
        /// To be updated.
        #[ts(type = "number")]
        pub update: u64,
        /// To be deleted or put away.
        #[ts(type = "number")]
        pub delete: u64,
        /// Already as they should be.
        #[ts(type = "number")]
        pub unchanged: u64,
        /// Left out by the sync's rules.
        #[ts(type = "number")]
        pub filtered: u64,
        /// The mapping cannot make them.
        #[ts(type = "number")]
        pub invalid: u64,
        /// Held back.
        #[ts(type = "number")]
        pub held: u64,
        /// Changed on both sides.
        #[ts(type = "number")]
        pub conflict: u64,
    }

    /// Which plan.
    struct PlanRef {
        /// Its id.
        pub plan: PlanId,
    }

    /// A part of a plan's list.
    struct ListPlanEntries {
        /// Which plan.
        pub plan: PlanId,
        /// Only these actions; empty: all but unchanged.
        pub actions: Vec<PlanAction>,
        /// Only where a key or value has this text.
        pub search: String,
        /// The first one's place in the list, from 0.
        #[ts(type = "number")]
        pub from: u64,
        /// At most this many, up to 500.
        pub limit: u32,
    }

    /// A part of a plan's list.
    struct PlanEntries {
        /// In order.
        pub entries: Vec<PlanEntryView>,
        /// How many the whole list has.
        #[ts(type = "number")]
        pub total: u64,
    }

    /// What is to be done with one record.
    struct PlanEntryView {
        /// Sequence number within the plan.
        #[ts(type = "number")]
        pub seq: u64,
        /// The record of the source.
        pub source_key: String,
        /// The record of the target.
        pub target_key: Option<String>,
        /// What a person would call the record (its match value, usually).
        pub title: String,
        /// What is to be done.
        pub action: PlanAction,
        /// The side that is written.
        pub side: Side,
        /// Field by field; of a conflict, what the source says and what the target says.
        pub fields: Vec<FieldChange>,
        /// Why not, for invalid and held.
        pub problem: Option<String>,
        /// Will be done.
        pub included: bool,
    }

    /// One field before and after.
    struct FieldChange {
        /// Which.
        pub path: FieldPath,
        /// Before; absent when not known or not there.
        #[ts(type = "unknown")]
        pub before: Option<serde_json::Value>,
        /// After; absent when it is left alone.
        #[ts(type = "unknown")]
        pub after: Option<serde_json::Value>,
    }

    /// Ticks records off, or on again.
    struct IncludePlanEntries {
        /// Which plan.
        pub plan: PlanId,
        /// Which records; empty: all of `action`.
        #[ts(type = "Array<number>")]
        pub seqs: Vec<u64>,
        /// All of this action, when no records are named.
        pub action: Option<PlanAction>,
        /// On or off.
        pub included: bool,
    }
}
