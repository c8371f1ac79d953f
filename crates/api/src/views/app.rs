//! The application itself.

#[allow(clippy::wildcard_imports, reason = "views refer to one another")]
use super::*;

views! {
    /// Facts about this installation.
    struct AppStatus {
        /// The version of Patchbay.
        pub version: String,
        /// Where secrets are kept, by the name the person knows.
        pub secrets_backend: String,
        /// Where the databases are.
        pub data_dir: String,
        /// What the start found that a person should know ("The database was moved aside …").
        pub notes: Vec<Note>,
        /// The sample platforms, when they run.
        pub sample: Option<SamplePlatforms>,
    }

    /// Something a person should know.
    struct Note {
        /// How bad it is.
        pub severity: NoteSeverity,
        /// What happened.
        pub message: String,
        /// What to do.
        pub hint: Option<String>,
    }

    /// The two platforms to try with.
    struct SamplePlatforms {
        /// Where Harbor CRM can be looked at in a browser.
        pub harbor_url: String,
        /// Where Postino can be looked at in a browser.
        pub postino_url: String,
        /// How to sign in at Harbor CRM: e-mail address and password of the demo user.
        pub harbor_login: String,
        /// The same for Postino.
        pub postino_login: String,
    }
}

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum NoteSeverity {
    Info,
    Warning,
    Error,
}

views! {
    /// The first screen.
    struct Overview {
        /// What waits for a person, most urgent first.
        pub needs_you: Vec<NeedsYou>,
        /// Outcomes of the last 24 hours.
        pub last_day: RunCounts,
        /// Runs in the last 24 hours.
        pub runs_last_day: u32,
        /// Syncs with their last runs.
        pub syncs: Vec<SyncSummary>,
        /// Connections with their health.
        pub connections: Vec<ConnectionSummary>,
    }

    /// One thing that waits for a person, with one action.
    struct NeedsYou {
        /// Stable as long as the cause is there.
        pub id: String,
        /// How urgent it is.
        pub severity: NoteSeverity,
        /// What.
        pub title: String,
        /// Why, and what was not done.
        pub detail: String,
        /// What the button does.
        pub action: NeedsYouAction,
    }
}

/// What the button of a "needs you" item does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum NeedsYouAction {
    Reconnect { connection: ConnectionId },
    OpenRun { run: RunId },
    OpenRecords { sync: SyncId },
    OpenConflicts { sync: SyncId },
    OpenMapping { sync: SyncId },
    OpenPlan { sync: SyncId },
}
