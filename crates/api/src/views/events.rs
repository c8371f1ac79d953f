//! What a shell is told without asking.

#[allow(clippy::wildcard_imports, reason = "views refer to one another")]
use super::*;

/// What a shell is told without asking. Progress comes at most ten times a second for each run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum UiEvent {
    /// Something behind these tags changed: ask again.
    Changed {
        /// Which.
        tags: Vec<crate::tags::Tag>,
    },
    /// A run moves.
    Progress {
        /// Its figures.
        progress: RunProgress,
    },
    /// A run ended.
    RunFinished {
        /// How.
        run: RunSummary,
    },
    /// A sign-in moved.
    ConnectFlow {
        /// Where it stands.
        flow: ConnectFlow,
    },
    /// A plan moved.
    PlanProgress {
        /// Where it stands.
        plan: PlanDetail,
    },
}
