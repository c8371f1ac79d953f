//! What a shell sends and receives. Plain data in the shape that a screen needs; exported to TypeScript.
//!
//! Times are milliseconds since 1970 in UTC. Values of records are JSON as a person reads it: integers
//! beyond 2^53 and decimals that a browser would round come as text.

use model::field::{Field, FieldType, Schema};
use model::ids::{ConnectionId, ExchangeId, FlowId, PlanId, RunId, SyncId};
use model::mapping::{Mapping, Rule, Step};
use model::path::FieldPath;
use model::record::Operation;
use model::run::{RecordOutcome, RunCounts, RunState, Trigger};
use model::sync::{Guards, StreamRef, WriteMode};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

macro_rules! views {
    ($($(#[$meta:meta])* $kind:ident $name:ident $body:tt)*) => {$(
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
        #[ts(optional_fields = nullable)]
        $(#[$meta])*
        pub $kind $name $body
    )*};
}

/// A request without content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(type = "Record<string, never>")]
pub struct Nothing {}

// ---- the application ------------------------------------------------------------------------------

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
    OpenMapping { sync: SyncId },
    OpenPlan { sync: SyncId },
}

// ---- connectors and connections -------------------------------------------------------------------

views! {
    /// A platform in the gallery.
    struct ConnectorSummary {
        /// As connections refer to it.
        pub id: String,
        /// For people.
        pub name: String,
        /// One sentence.
        pub summary: String,
        /// One or two letters, for where there is no logo.
        pub monogram: String,
        /// Colour of the monogram, as #rrggbb.
        pub color: String,
        /// For filtering.
        pub categories: Vec<String>,
        /// Ways to sign in.
        pub auth: Vec<AuthMethodView>,
        /// What else has to be filled in.
        pub config: Vec<ConfigField>,
        /// The streams that it has.
        pub streams: Vec<String>,
        /// Can be written to.
        pub writes: bool,
        /// One of the platforms to try with.
        pub is_sample: bool,
    }

    /// A way to sign in.
    struct AuthMethodView {
        /// As requests refer to it.
        pub name: String,
        /// For people: "Sign in with Harbor CRM".
        pub label: String,
        /// How it goes.
        pub kind: AuthKind,
        /// What has to be typed in (API key, user and password).
        pub fields: Vec<ConfigField>,
        /// What will be asked for, with the reason, for OAuth.
        pub scopes: Vec<ScopeView>,
    }

    /// One permission that will be asked for.
    struct ScopeView {
        /// As the platform calls it.
        pub name: String,
        /// Why.
        pub reason: String,
    }

    /// A field of the connect form.
    struct ConfigField {
        /// As the request refers to it.
        pub name: String,
        /// For people.
        pub label: String,
        /// What to type, and where to find it.
        pub description: Option<String>,
        /// An example.
        pub placeholder: Option<String>,
        /// Filled in already.
        pub default: Option<String>,
        /// Must be filled in.
        pub required: bool,
        /// Goes to the keychain and is never shown again.
        pub secret: bool,
    }
}

/// How a sign-in goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum AuthKind {
    Browser,
    ApiKey,
    Bearer,
    Basic,
}

/// How a connection is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ConnectionHealth {
    /// Signed in, and the last request went well.
    Well,
    /// Waits for its rate limit, or is slow.
    Slowed {
        /// Why.
        reason: String,
    },
    /// The platform does not answer; requests pause for a while.
    Unavailable {
        /// What was seen.
        reason: String,
    },
    /// A person has to sign in again.
    SignInNeeded {
        /// The platform's words.
        reason: String,
    },
    /// Saved without a successful test.
    Untested,
}

views! {
    /// A connection in a list.
    struct ConnectionSummary {
        /// Its id.
        pub id: ConnectionId,
        /// What the person calls it.
        pub name: String,
        /// Which connector.
        pub connector: String,
        /// The connector's name.
        pub connector_name: String,
        /// For where there is no logo.
        pub monogram: String,
        /// Colour of the monogram.
        pub color: String,
        /// Who is signed in.
        pub account: Option<String>,
        /// How it is.
        pub health: ConnectionHealth,
        /// Syncs that use it.
        pub used_by: Vec<NamedSync>,
        /// When it was made.
        #[ts(type = "number")]
        pub created_at: i64,
    }

    /// A connection with everything.
    struct ConnectionDetail {
        /// As in lists.
        pub summary: ConnectionSummary,
        /// Which way of signing in.
        pub auth_method: String,
        /// Its label.
        pub auth_label: String,
        /// The settings, without secrets.
        pub config: Vec<ConfigValue>,
        /// What was granted.
        pub scopes: Vec<String>,
        /// Where its secret is kept.
        pub secrets_backend: String,
        /// When the token in use ends.
        #[ts(type = "number | null")]
        pub token_expires_at: Option<i64>,
        /// Its streams.
        pub streams: Vec<StreamView>,
    }

    /// A setting with its value.
    struct ConfigValue {
        /// As the connector calls it.
        pub name: String,
        /// For people.
        pub label: String,
        /// What is set.
        pub value: String,
    }

    /// A sync by name.
    struct NamedSync {
        /// Its id.
        pub id: SyncId,
        /// Its name.
        pub name: String,
    }

    /// A stream in a list.
    struct StreamView {
        /// As documents refer to it.
        pub name: String,
        /// For people.
        pub label: String,
        /// What can be done.
        pub capabilities: CapabilitiesView,
    }

    /// What can be done with a stream.
    struct CapabilitiesView {
        /// Records can be read.
        pub read: bool,
        /// Only what changed can be read.
        pub incremental: bool,
        /// Records can be created.
        pub create: bool,
        /// Records can be changed.
        pub update: bool,
        /// Records can be deleted.
        pub delete: bool,
        /// Records per write request.
        pub batch_size: u32,
        /// Fields by which a record can be looked up.
        pub match_by: Vec<FieldPath>,
    }

    /// Begins to connect. For a browser sign-in the browser is opened; the others are tested at once.
    struct StartConnect {
        /// Which connector.
        pub connector: String,
        /// Which way of signing in.
        pub auth_method: String,
        /// What the person calls it; empty: from the account.
        pub name: String,
        /// The form's fields, secrets included.
        pub config: std::collections::BTreeMap<String, String>,
        /// Sign in again for this connection instead of making one.
        pub reconnect: Option<ConnectionId>,
    }

    /// A sign-in under way.
    struct ConnectFlow {
        /// Its id.
        pub id: FlowId,
        /// Which connector.
        pub connector: String,
        /// The steps so far, the last one is where it stands.
        pub steps: Vec<ConnectStep>,
        /// What the person's browser was sent to, for "copy link".
        pub authorize_url: Option<String>,
        /// Until when it waits.
        #[ts(type = "number | null")]
        pub expires_at: Option<i64>,
        /// How it ended, if it did.
        pub result: Option<ConnectResult>,
    }

    /// One step of connecting.
    struct ConnectStep {
        /// What.
        pub label: String,
        /// How it stands.
        pub state: StepState,
        /// What was seen, or what is wrong and what to do.
        pub detail: Option<String>,
        /// How long it took.
        #[ts(type = "number | null")]
        pub took_ms: Option<u64>,
    }

    /// Which flow.
    struct FlowRef {
        /// Its id.
        pub flow: FlowId,
    }

    /// The person pasted the address that their browser ended at.
    struct PasteRedirect {
        /// Which flow.
        pub flow: FlowId,
        /// The whole address.
        pub url: String,
    }

    /// Which connection.
    struct ConnectionRef {
        /// Its id.
        pub connection: ConnectionId,
    }

    /// A new name.
    struct RenameConnection {
        /// Which.
        pub connection: ConnectionId,
        /// The name.
        pub name: String,
    }

    /// The steps of a test.
    struct TestResult {
        /// In order; the test ends at the first failure.
        pub steps: Vec<ConnectStep>,
        /// All went well.
        pub ok: bool,
    }

    /// Which stream of which connection.
    struct StreamRequest {
        /// Which connection.
        pub connection: ConnectionId,
        /// Which stream.
        pub stream: String,
    }

    /// A stream with its fields.
    struct StreamDetail {
        /// As documents refer to it.
        pub name: String,
        /// For people.
        pub label: String,
        /// Its fields.
        pub schema: Schema,
        /// The fields that identify a record.
        pub key: Vec<FieldPath>,
        /// The field by which changes are found.
        pub cursor_field: Option<FieldPath>,
        /// What can be done.
        pub capabilities: CapabilitiesView,
    }
}

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum StepState {
    Running,
    Done,
    Failed,
}

/// How connecting ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ConnectResult {
    /// Saved.
    Connected {
        /// The connection.
        connection: ConnectionId,
        /// Who is signed in.
        account: Option<String>,
    },
    /// Not saved.
    Failed {
        /// What happened.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// Another account than before signed in; nothing was changed.
    WrongAccount {
        /// Who is connected.
        expected: String,
        /// Who signed in.
        found: String,
    },
    /// The person stopped it.
    Cancelled,
}

// ---- syncs and mapping ----------------------------------------------------------------------------

views! {
    /// A sync in a list.
    struct SyncSummary {
        /// Its id.
        pub id: SyncId,
        /// Its name.
        pub name: String,
        /// From.
        pub source: SideView,
        /// To.
        pub target: SideView,
        /// What may be done.
        pub mode: WriteMode,
        /// How it is.
        pub state: SyncState,
        /// The latest runs, oldest first, at most 24.
        pub recent_runs: Vec<RunSummary>,
        /// Minutes between scheduled runs.
        pub every_minutes: Option<u32>,
        /// When the next run is due.
        #[ts(type = "number | null")]
        pub next_run_at: Option<i64>,
        /// The version in force.
        pub version: u32,
        /// There are changes that are not published.
        pub has_draft: bool,
    }

    /// One side of a sync, for people.
    struct SideView {
        /// Which connection.
        pub connection: ConnectionId,
        /// Its name.
        pub connection_name: String,
        /// For where there is no logo.
        pub monogram: String,
        /// Colour of the monogram.
        pub color: String,
        /// Which stream.
        pub stream: String,
        /// Its name for people.
        pub stream_label: String,
    }

    /// Which sync.
    struct SyncRef {
        /// Its id.
        pub sync: SyncId,
    }

    /// A new sync. Its mapping starts empty; it is a draft until it is published.
    struct CreateSync {
        /// Empty: made from both sides.
        pub name: String,
        /// From.
        pub source: StreamRef,
        /// To.
        pub target: StreamRef,
        /// What may be done.
        pub mode: WriteMode,
        /// Target fields that tell which record is meant.
        pub match_on: Vec<FieldPath>,
    }

    /// A sync with everything the editor needs.
    struct SyncDetail {
        /// As in lists.
        pub summary: SyncSummary,
        /// What is being edited: the draft, or what is in force.
        pub mapping: Mapping,
        /// Target fields that tell which record is meant.
        pub match_on: Vec<FieldPath>,
        /// When to stop and ask.
        pub guards: Guards,
        /// Source and target as last read from the platforms; none when they could not be.
        pub source: Option<StreamDetail>,
        /// The same for the target.
        pub target: Option<StreamDetail>,
        /// Why one of them is missing.
        pub problem: Option<Note>,
        /// What differs between draft and the version in force, in words.
        pub draft_changes: Vec<String>,
    }

    /// Saves the draft. What is absent stays.
    struct SaveDraft {
        /// Which.
        pub sync: SyncId,
        /// New name.
        pub name: Option<String>,
        /// New mapping.
        pub mapping: Option<Mapping>,
        /// New mode.
        pub mode: Option<WriteMode>,
        /// New match key.
        pub match_on: Option<Vec<FieldPath>>,
        /// New guards.
        pub guards: Option<Guards>,
        /// New schedule; 0 for none.
        pub every_minutes: Option<u32>,
    }

    /// What the compiler and the samples say of a mapping that is being edited.
    struct MappingReport {
        /// Problems, errors first.
        pub diagnostics: Vec<DiagnosticView>,
        /// Target fields that have a rule.
        pub mapped: u32,
        /// Target fields that can have one.
        pub mappable: u32,
        /// Required target fields that have a rule.
        pub required_mapped: u32,
        /// Required target fields.
        pub required: u32,
        /// Sample records of the source.
        pub samples: u32,
        /// When they were read.
        #[ts(type = "number | null")]
        pub samples_at: Option<i64>,
        /// How many samples would be held because of which target field.
        pub failing: Vec<FieldFailures>,
    }

    /// How often a target field cannot be made.
    struct FieldFailures {
        /// Which target field.
        pub target: FieldPath,
        /// In how many samples.
        pub count: u32,
        /// Index of the first such sample.
        pub first_sample: u32,
        /// What the first one says.
        pub message: String,
    }

    /// Checks a mapping (the draft as it is in the editor).
    struct CheckMapping {
        /// Which sync.
        pub sync: SyncId,
        /// The mapping as it is in the editor.
        pub mapping: Mapping,
    }

    /// A problem with a mapping.
    struct DiagnosticView {
        /// How bad.
        pub severity: DiagnosticSeverity,
        /// Stable code.
        pub code: String,
        /// Which target field.
        pub target: Option<FieldPath>,
        /// Which step of its rule.
        pub step: Option<u32>,
        /// What is wrong.
        pub message: String,
        /// What to do.
        pub suggestion: Option<String>,
        /// The rule as it would be when mended by one click; a null `rule` removes it.
        pub fix: Option<FixView>,
    }

    /// What one click would do.
    struct FixView {
        /// On the button.
        pub label: String,
        /// Whose rule is replaced.
        pub target: FieldPath,
        /// The new rule; none removes it.
        pub rule: Option<Rule>,
    }

    /// Runs a mapping over one sample.
    struct PreviewMapping {
        /// Which sync.
        pub sync: SyncId,
        /// The mapping as it is in the editor.
        pub mapping: Mapping,
        /// Which sample, from 0.
        pub sample: u32,
    }

    /// One sample before and after the mapping.
    struct MappingPreview {
        /// Which sample, from 0.
        pub sample: u32,
        /// How many there are.
        pub samples: u32,
        /// What identifies the record.
        pub key: Option<String>,
        /// The source record.
        #[ts(type = "unknown")]
        pub source: serde_json::Value,
        /// The mapped record.
        #[ts(type = "unknown")]
        pub mapped: serde_json::Value,
        /// Each rule, step by step.
        pub fields: Vec<FieldPreview>,
    }

    /// One rule over one sample.
    struct FieldPreview {
        /// Which target field.
        pub target: FieldPath,
        /// The values it starts from.
        #[ts(type = "Array<unknown>")]
        pub inputs: Vec<serde_json::Value>,
        /// The value after each step, or why there is none.
        pub steps: Vec<StepPreview>,
        /// What arrives.
        pub result: StepPreview,
    }

    /// A value, or why there is none.
    struct StepPreview {
        /// The value; absent when there is none.
        #[ts(type = "unknown")]
        pub value: Option<serde_json::Value>,
        /// Why there is none.
        pub problem: Option<String>,
    }

    /// The table of the preview drawer: the first samples, mapped and compared with the target.
    struct PreviewRows {
        /// In the order of the samples.
        pub rows: Vec<PreviewRow>,
        /// How many of the samples would be created, updated, …; by look-up in the target where possible.
        pub creates: u32,
        /// Would be updated.
        pub updates: u32,
        /// Are already as they should be.
        pub unchanged: u32,
        /// Would be held back.
        pub holds: u32,
    }

    /// One sample in the table.
    struct PreviewRow {
        /// What identifies the record.
        pub key: Option<String>,
        /// What would be done.
        pub action: PlanAction,
        /// The mapped record.
        #[ts(type = "unknown")]
        pub mapped: serde_json::Value,
        /// What the target has now, for updates.
        #[ts(type = "unknown")]
        pub before: Option<serde_json::Value>,
        /// Why it would be held.
        pub problem: Option<String>,
        /// Which target field the problem is about.
        pub problem_field: Option<FieldPath>,
    }

    /// Reads fresh samples, or what is kept.
    struct SampleRequest {
        /// Which sync.
        pub sync: SyncId,
        /// Read from the platform even if samples are kept.
        pub refresh: bool,
    }

    /// Sample records of the source.
    struct Samples {
        /// The records.
        #[ts(type = "Array<unknown>")]
        pub records: Vec<serde_json::Value>,
        /// When they were read.
        #[ts(type = "number")]
        pub read_at: i64,
        /// What the samples tell of each source field.
        pub profile: Vec<FieldProfile>,
    }

    /// What samples tell of a field.
    struct FieldProfile {
        /// Which.
        pub path: FieldPath,
        /// Samples in which it has a value.
        pub filled: u32,
        /// Different values.
        pub distinct: u32,
        /// Longest text in characters.
        pub longest: u32,
        /// What most values look like ("e-mail address"), with the share in percent.
        pub looks_like: Option<String>,
        /// That share, in percent.
        pub looks_like_percent: Option<u32>,
    }

    /// Asks for proposals.
    struct SuggestMapping {
        /// Which sync.
        pub sync: SyncId,
        /// The mapping as it is in the editor: what is mapped stays.
        pub mapping: Mapping,
    }

    /// Proposals, to be reviewed. Nothing is applied.
    struct SuggestionList {
        /// Best first.
        pub suggestions: Vec<Suggestion>,
    }

    /// One proposed rule.
    struct Suggestion {
        /// The rule as it would be.
        pub rule: Rule,
        /// 0 to 1.
        pub score: f64,
        /// Why, in short words.
        pub reasons: Vec<String>,
        /// A sample before.
        #[ts(type = "unknown")]
        pub sample_in: Option<serde_json::Value>,
        /// And after.
        #[ts(type = "unknown")]
        pub sample_out: Option<serde_json::Value>,
        /// Good enough to be ticked already.
        pub ticked: bool,
    }

    /// A step that can be added.
    struct TransformView {
        /// As documents refer to it.
        pub name: String,
        /// For the menu.
        pub group: String,
        /// One sentence.
        pub summary: String,
        /// Other words people look for.
        pub synonyms: Vec<String>,
        /// Its parameters.
        pub params: Vec<ParamView>,
        /// An example.
        pub example: Option<TransformExample>,
        /// What comes out.
        pub output: String,
    }

    /// A parameter of a step.
    struct ParamView {
        /// As documents refer to it.
        pub name: String,
        /// One sentence.
        pub summary: String,
        /// How it is edited.
        pub kind: ParamKindView,
        /// Must be given.
        pub required: bool,
        /// When it is not given.
        #[ts(type = "unknown")]
        pub default: Option<serde_json::Value>,
        /// For choices.
        pub options: Vec<String>,
    }

    /// An example of a step.
    struct TransformExample {
        /// Before.
        #[ts(type = "unknown")]
        pub input: serde_json::Value,
        /// The step.
        pub step: Step,
        /// After.
        #[ts(type = "unknown")]
        pub output: serde_json::Value,
    }
}

/// How a parameter is edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum ParamKindView {
    Text,
    Number,
    Bool,
    Choice,
    TextList,
    ValueTable,
    Value,
    Template,
    Zone,
}

/// How bad a problem with a mapping is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DiagnosticSeverity {
    /// Cannot run.
    Error,
    /// Runs; some records may be held.
    Warning,
    /// Could be better.
    Hint,
}

/// How a sync is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SyncState {
    /// Never published.
    Draft,
    /// Published, never run.
    Ready,
    /// At work.
    Running {
        /// Which run.
        run: RunId,
    },
    /// The last run went well.
    Healthy,
    /// Waits for a person.
    Waiting {
        /// Which run.
        run: RunId,
        /// Why.
        reason: String,
    },
    /// The last run failed.
    Failing {
        /// Which run.
        run: RunId,
        /// Why.
        reason: String,
    },
}

// ---- plans ----------------------------------------------------------------------------------------

/// What a plan wants to do with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "see RecordOutcome")]
pub enum PlanAction {
    Create,
    Update,
    Unchanged,
    Filtered,
    Invalid,
    Held,
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
        /// When it was made.
        #[ts(type = "number")]
        pub created_at: i64,
        /// Counts by action.
        pub counts: PlanCounts,
        /// Records ticked off.
        #[ts(type = "number")]
        pub excluded: u64,
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
    }

    /// Which plan.
    struct PlanRef {
        /// Its id.
        pub plan: PlanId,
    }

    /// A page of a plan.
    struct ListPlanEntries {
        /// Which plan.
        pub plan: PlanId,
        /// Only these actions; empty: all but unchanged.
        pub actions: Vec<PlanAction>,
        /// Only where a key or value has this text.
        pub search: String,
        /// After this sequence number.
        #[ts(type = "number | null")]
        pub after: Option<u64>,
        /// At most this many, up to 500.
        pub limit: u32,
    }

    /// A page of a plan.
    struct PlanEntries {
        /// In order.
        pub entries: Vec<PlanEntryView>,
        /// There are more.
        pub has_more: bool,
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
        /// Field by field.
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

// ---- runs and history -----------------------------------------------------------------------------

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
        /// After this one (paging): its `cursor`.
        pub after: Option<String>,
        /// At most, up to 500.
        pub limit: u32,
    }

    /// A page of the history.
    struct RunRecords {
        /// In order.
        pub records: Vec<RunRecordSummary>,
        /// There are more.
        pub has_more: bool,
    }

    /// One line of the history.
    struct RunRecordSummary {
        /// Which run.
        pub run: RunId,
        /// Its place in the run.
        #[ts(type = "number")]
        pub seq: u64,
        /// For paging.
        pub cursor: String,
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

// ---- events ---------------------------------------------------------------------------------------

/// What a shell is told without asking. Progress comes at most ten times a second for each run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "few, short-lived")]
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

/// Names used only so that the exporter sees the types behind them.
#[allow(dead_code, reason = "kept for the exporter")]
type Exported = (Field, FieldType, Operation);
