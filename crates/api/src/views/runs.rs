//! Runs, history and settings.

#[allow(clippy::wildcard_imports, reason = "views refer to one another")]
use super::*;

views! {
    /// A run in a list.
    struct RunSummary {
        /// Its id.
        pub id: RunId,
        /// Of which sync.
        pub sync: SyncId,
        /// Its name.
        pub sync_name: String,
        /// Why it ran.
        pub trigger: Trigger,
        /// How it stands.
        pub state: RunState,
        /// Why it waits or failed.
        pub reason: Option<String>,
        /// Its arithmetic.
        pub counts: RunCounts,
        /// When it began.
        #[ts(type = "number")]
        pub started_at: i64,
        /// When it ended.
        #[ts(type = "number | null")]
        pub finished_at: Option<i64>,
    }

    /// A run with everything.
    struct RunDetail {
        /// As in lists.
        pub summary: RunSummary,
        /// The equation of promise 1, in words.
        pub equation: String,
        /// It holds.
        pub balances: bool,
        /// The sync's version.
        pub sync_version: u32,
        /// Live figures, while it is at work.
        pub progress: Option<RunProgress>,
        /// What can be done when it waits for a person.
        pub can_approve: bool,
        /// It wrote something that can be taken back.
        pub can_undo: bool,
        /// The plan that it applies or waits with.
        pub plan: Option<PlanId>,
    }

    /// Live figures of a run.
    struct RunProgress {
        /// Which run.
        pub run: RunId,
        /// Of which sync.
        pub sync: SyncId,
        /// What it does at the moment.
        pub stage: String,
        /// So far.
        pub counts: RunCounts,
        /// Settled records a second, lately.
        pub records_per_second: f64,
        /// Why nothing happens at the moment.
        pub waiting: Option<String>,
    }

    /// Runs of one sync, or all.
    struct ListRuns {
        /// Only of this sync.
        pub sync: Option<SyncId>,
        /// Only in these states; empty: all.
        pub states: Vec<RunState>,
        /// Before this one (paging).
        pub before: Option<RunId>,
        /// At most, up to 200.
        pub limit: u32,
    }

    /// Which run.
    struct RunRef {
        /// Its id.
        pub run: RunId,
    }

    /// Records in the history.
    struct ListRunRecords {
        /// Only of this run.
        pub run: Option<RunId>,
        /// Only of this sync.
        pub sync: Option<SyncId>,
        /// Only these outcomes; empty: all.
        pub outcomes: Vec<RecordOutcome>,
        /// Only where a key, value or message has this text.
        pub search: String,
        /// Only what still needs a person, whichever run saw it last. Needs `sync`; the other filters do not count.
        #[serde(default)]
        pub unwritten: bool,
        /// From here on (paging): the `next` of the page before.
        pub after: Option<String>,
        /// At most, up to 500.
        pub limit: u32,
    }

    /// A page of the history.
    struct RunRecords {
        /// In order.
        pub records: Vec<RunRecordSummary>,
        /// Where the rest begins (`after` of the next request); none at the end. There may be more behind a page that has
        /// no record: a search stops after a while to answer.
        pub next: Option<String>,
    }

    /// One line of the history.
    struct RunRecordSummary {
        /// Which run.
        pub run: RunId,
        /// Its place in the run.
        #[ts(type = "number")]
        pub seq: u64,
        /// The record of the source.
        pub source_key: String,
        /// The record of the target.
        pub target_key: Option<String>,
        /// What a person would call the record.
        pub title: String,
        /// What became of it.
        pub outcome: RecordOutcome,
        /// Why, if it was not written.
        pub message: Option<String>,
        /// Which field the message is about.
        pub field: Option<FieldPath>,
        /// How many fields were changed.
        pub changed_fields: u32,
        /// How often it was tried as the same; only in the list of what still needs a person.
        pub tries: Option<u32>,
        /// Runs do not try it by themselves any more: it was tried too often.
        #[serde(default)]
        pub is_set_aside: bool,
        /// When.
        #[ts(type = "number")]
        pub at: i64,
    }

    /// Which line of the history.
    struct RunRecordRef {
        /// Which run.
        pub run: RunId,
        /// Its place in the run.
        #[ts(type = "number")]
        pub seq: u64,
    }

    /// One line of the history with everything.
    struct RunRecordDetail {
        /// As in lists.
        pub summary: RunRecordSummary,
        /// Of which sync.
        pub sync: SyncId,
        /// Its name.
        pub sync_name: String,
        /// Field by field.
        pub fields: Vec<FieldChange>,
        /// The record as it came from the source.
        #[ts(type = "unknown")]
        pub source: Option<serde_json::Value>,
        /// The sync has another mapping by now.
        pub has_other_mapping: bool,
        /// The request that carried it, with secrets replaced.
        pub exchange: Option<ExchangeView>,
        /// What happened to the same record in other runs, newest first.
        pub timeline: Vec<RunRecordSummary>,
    }

    /// A request and its answer, with secrets replaced.
    struct ExchangeView {
        /// Its id.
        pub id: ExchangeId,
        /// When.
        #[ts(type = "number")]
        pub at: i64,
        /// How long.
        #[ts(type = "number")]
        pub took_ms: u64,
        /// GET, POST…
        pub method: String,
        /// Address.
        pub url: String,
        /// Headers.
        pub request_headers: Vec<(String, String)>,
        /// Body.
        pub request_body: Option<String>,
        /// None when no answer came.
        pub status: Option<u16>,
        /// Headers.
        pub response_headers: Vec<(String, String)>,
        /// Body.
        pub response_body: Option<String>,
        /// What went wrong below HTTP.
        pub error: Option<String>,
        /// Which try.
        pub attempt: u32,
    }

    /// Tries records again that were not written.
    struct RetryRecords {
        /// Of which run.
        pub run: RunId,
        /// Which; empty: all that were invalid, rejected or held.
        #[ts(type = "Array<number>")]
        pub seqs: Vec<u64>,
        /// Absent: with the mapping of today.
        #[serde(default)]
        pub mapping: Option<MappingChoice>,
    }

    /// Sends a record again with other values than the mapping makes. They stay until it changes at the source.
    struct ResendRecord {
        /// Which run saw it.
        pub run: RunId,
        /// Its place in that run.
        #[ts(type = "number")]
        pub seq: u64,
        /// Fields of the target, by name, and what is to be in them.
        #[ts(type = "Record<string, unknown>")]
        pub fields: serde_json::Map<String, serde_json::Value>,
    }

    /// A run was begun.
    struct Started {
        /// Which.
        pub run: RunId,
    }

    /// A plan was begun.
    struct PlanStarted {
        /// Which.
        pub plan: PlanId,
    }

    // ---- settings ----

    /// What a person can set.
    struct Settings {
        /// Space for the history, in megabytes.
        pub history_budget_mb: u32,
        /// Show a notification when a run ends: never, only on problems, always.
        pub notify: NotifyWhen,
        /// All scheduled runs pause.
        pub paused: bool,
    }

    /// Sizes on disk.
    struct Storage {
        /// Documents, links, journal.
        #[ts(type = "number")]
        pub main_bytes: u64,
        /// The history.
        #[ts(type = "number")]
        pub history_bytes: u64,
        /// The history's budget.
        #[ts(type = "number")]
        pub history_budget_bytes: u64,
    }

    /// A sync as a file: no secrets, connections as slots.
    struct ExportedSync {
        /// For the file's name.
        pub file_name: String,
        /// The file's text (JSON).
        pub text: String,
    }
}

/// With which mapping a record is tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum MappingChoice {
    /// The one in force.
    #[default]
    Today,
    /// The one that was in force when the run saw it.
    Then,
}

/// When a run's end is announced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum NotifyWhen {
    Never,
    #[default]
    Problems,
    Always,
}
