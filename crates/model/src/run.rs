//! One execution of a sync and its arithmetic.

use serde::{Deserialize, Serialize};

/// Where a run stands. Terminal states never change again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Wanted, not yet begun.
    Queued,
    /// At work.
    Running,
    /// Waits for a person: a guard held it, or a sign-in is needed. Can be resumed.
    Waiting,
    /// Done; every record has an outcome.
    Completed,
    /// Stopped by a person; the next run goes on where it stopped.
    Cancelled,
    /// Stopped by an error; the next run goes on where it stopped.
    Failed,
    /// The process ended in the middle; recovered at the next start.
    Interrupted,
}

impl RunState {
    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }

    /// From its stored form.
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Queued,
            Self::Running,
            Self::Waiting,
            Self::Completed,
            Self::Cancelled,
            Self::Failed,
            Self::Interrupted,
        ]
        .into_iter()
        .find(|state| state.as_str() == text)
    }

    /// True when it will never change again.
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Cancelled | Self::Failed | Self::Interrupted
        )
    }
}

/// Why a run happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A person asked.
    Manual,
    /// A plan was approved.
    Plan,
    /// Its time had come.
    Schedule,
    /// Records that failed before are tried again.
    Retry,
    /// An earlier run is taken back.
    Undo,
    /// Decisions about conflicts are carried out.
    Decisions,
    /// What the sync made is removed.
    Purge,
}

/// The counters of a run. Promise 1: `read` is the sum of all the others. A record that is found to be gone counts as
/// read too: what becomes of its counterpart is its outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct RunCounts {
    /// Records that came from the source.
    #[ts(type = "number")]
    pub read: u64,
    /// Made on the target.
    #[ts(type = "number")]
    pub created: u64,
    /// Changed on the target.
    #[ts(type = "number")]
    pub updated: u64,
    /// Deleted, or put away, because their counterpart was deleted.
    #[ts(type = "number")]
    #[serde(default)]
    pub deleted: u64,
    /// Already as they should be.
    #[ts(type = "number")]
    pub unchanged: u64,
    /// Left out by the sync's own rules (filter, update-only, insert-only, ticked off in the plan).
    #[ts(type = "number")]
    pub filtered: u64,
    /// The mapping could not make a required value.
    #[ts(type = "number")]
    pub invalid: u64,
    /// Refused by the target.
    #[ts(type = "number")]
    pub rejected: u64,
    /// Changed on both sides; waits for a decision.
    #[ts(type = "number")]
    pub conflict: u64,
    /// Kept back: ambiguous match, unknown outcome, or a field's "hold" rule.
    #[ts(type = "number")]
    pub held: u64,
}

impl RunCounts {
    /// What has been settled so far.
    pub const fn settled(&self) -> u64 {
        self.created
            + self.updated
            + self.deleted
            + self.unchanged
            + self.filtered
            + self.invalid
            + self.rejected
            + self.conflict
            + self.held
    }

    /// Whether read equals the sum of outcomes.
    pub const fn balances(&self) -> bool {
        self.read == self.settled()
    }

    /// Adds another count.
    pub fn add(&mut self, other: &Self) {
        self.read += other.read;
        self.created += other.created;
        self.updated += other.updated;
        self.deleted += other.deleted;
        self.unchanged += other.unchanged;
        self.filtered += other.filtered;
        self.invalid += other.invalid;
        self.rejected += other.rejected;
        self.conflict += other.conflict;
        self.held += other.held;
    }

    /// The equation as a person reads it.
    pub fn equation(&self) -> String {
        format!(
            "{} read = {} created + {} updated + {} deleted + {} unchanged + {} filtered + {} invalid + {} rejected + {} conflict + {} held",
            self.read,
            self.created,
            self.updated,
            self.deleted,
            self.unchanged,
            self.filtered,
            self.invalid,
            self.rejected,
            self.conflict,
            self.held
        )
    }
}

/// What became of one record in one run; the words of the equation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "see RunCounts")]
pub enum RecordOutcome {
    Created,
    Updated,
    Deleted,
    Unchanged,
    Filtered,
    Invalid,
    Rejected,
    Conflict,
    Held,
}

impl RecordOutcome {
    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::Unchanged => "unchanged",
            Self::Filtered => "filtered",
            Self::Invalid => "invalid",
            Self::Rejected => "rejected",
            Self::Conflict => "conflict",
            Self::Held => "held",
        }
    }

    /// From its stored form.
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Created,
            Self::Updated,
            Self::Deleted,
            Self::Unchanged,
            Self::Filtered,
            Self::Invalid,
            Self::Rejected,
            Self::Conflict,
            Self::Held,
        ]
        .into_iter()
        .find(|outcome| outcome.as_str() == text)
    }

    /// Whether somebody has to see to the record before it can be written.
    pub const fn needs_person(self) -> bool {
        match self {
            Self::Invalid | Self::Rejected | Self::Conflict | Self::Held => true,
            Self::Created | Self::Updated | Self::Deleted | Self::Unchanged | Self::Filtered => {
                false
            }
        }
    }

    /// Counts it.
    pub fn count(self, counts: &mut RunCounts) {
        let counter = match self {
            Self::Created => &mut counts.created,
            Self::Updated => &mut counts.updated,
            Self::Deleted => &mut counts.deleted,
            Self::Unchanged => &mut counts.unchanged,
            Self::Filtered => &mut counts.filtered,
            Self::Invalid => &mut counts.invalid,
            Self::Rejected => &mut counts.rejected,
            Self::Conflict => &mut counts.conflict,
            Self::Held => &mut counts.held,
        };
        *counter += 1;
    }
}
