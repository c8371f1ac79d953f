//! Syncs and the mapping editor.

#[allow(clippy::wildcard_imports, reason = "views refer to one another")]
use super::*;

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
        /// Changes flow both ways.
        pub is_two_way: bool,
        /// How it is.
        pub state: SyncState,
        /// The latest runs, oldest first, at most 24.
        pub recent_runs: Vec<RunSummary>,
        /// Minutes between scheduled runs.
        pub every_minutes: Option<u32>,
        /// It does not run by itself, whatever its schedule says; by hand it does.
        pub is_paused: bool,
        /// When the next run is due.
        #[ts(type = "number | null")]
        pub next_run_at: Option<i64>,
        /// The version in force.
        pub version: u32,
        /// There are changes that are not published.
        pub has_draft: bool,
    }

    /// Lets a sync run by itself no more, or again.
    struct PauseSync {
        /// Which sync.
        pub sync: SyncId,
        /// Whether it is paused from now on.
        pub is_paused: bool,
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
        /// Runs that try a record by themselves which could not be written.
        pub most_tries: u16,
        /// More ways to find a counterpart, in their order.
        pub match_also: Vec<MatchRule>,
        /// Only records for which this template is true.
        pub filter: Option<String>,
        /// What happens when a record is deleted.
        pub deletes: DeleteRule,
        /// How both sides come together; absent where changes flow one way.
        pub two_way: Option<TwoWay>,
        /// What the target lets one do, mode by mode.
        pub modes: Vec<ModeChoice>,
        /// Source and target as last read from the platforms; none when they could not be.
        pub source: Option<StreamDetail>,
        /// The same for the target.
        pub target: Option<StreamDetail>,
        /// Why one of them is missing.
        pub problem: Option<Note>,
        /// What differs between draft and the version in force, in words.
        pub draft_changes: Vec<String>,
    }

    /// A mode, and whether it can be chosen.
    struct ModeChoice {
        /// The mode.
        pub mode: WriteMode,
        /// Why it cannot be chosen; absent where it can.
        pub problem: Option<String>,
    }

    /// Saves the draft. What is absent stays.
    struct SaveDraft {
        /// Which.
        pub sync: SyncId,
        /// New name.
        pub name: Option<String>,
        /// New mapping.
        pub mapping: Option<Mapping>,
        /// The mapping that the new one was made from: it is refused when another has taken its place meanwhile.
        pub mapping_was: Option<Mapping>,
        /// New mode.
        pub mode: Option<WriteMode>,
        /// New match key.
        pub match_on: Option<Vec<FieldPath>>,
        /// More ways to find a counterpart.
        pub match_also: Option<Vec<MatchRule>>,
        /// New filter; empty for none.
        pub filter: Option<String>,
        /// What happens when a record is deleted.
        pub deletes: Option<DeleteRule>,
        /// Whether changes flow both ways.
        pub is_two_way: Option<bool>,
        /// How both sides come together.
        pub two_way: Option<TwoWay>,
        /// New guards.
        pub guards: Option<Guards>,
        /// Runs that try a record by themselves which could not be written.
        pub most_tries: Option<u16>,
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
        /// What a person calls it.
        pub label: String,
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
    Sync,
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
