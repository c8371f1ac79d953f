//! What the engine announces. Nobody has to listen: the store has everything.

use model::ids::{ConnectionId, FlowId, PlanId, RunId, SyncId};
use model::run::{RunCounts, RunState};

/// Something happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A run began.
    RunStarted {
        /// Which.
        run: RunId,
        /// Of which sync.
        sync: SyncId,
    },
    /// A run moved; at most ten a second for each run.
    RunProgressed(Progress),
    /// A run ended, or waits for a person.
    RunFinished {
        /// Which.
        run: RunId,
        /// Of which sync.
        sync: SyncId,
        /// How.
        state: RunState,
        /// Why, if it did not complete.
        reason: Option<String>,
        /// Its arithmetic.
        counts: RunCounts,
    },
    /// A plan moved.
    PlanProgressed {
        /// Which.
        plan: PlanId,
    },
    /// A sign-in moved.
    FlowProgressed {
        /// Which.
        flow: FlowId,
    },
    /// A connection's state changed.
    ConnectionChanged {
        /// Which.
        connection: ConnectionId,
    },
}

/// Live figures of a run.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Which run.
    pub run: RunId,
    /// Of which sync.
    pub sync: SyncId,
    /// What it does at the moment, in words.
    pub stage: &'static str,
    /// So far.
    pub counts: RunCounts,
    /// Settled records a second over the whole run so far.
    pub records_per_second: f64,
    /// Why nothing happens at the moment.
    pub waiting: Option<String>,
}
