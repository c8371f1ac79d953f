//! The sync document: the job that a person sets up.

use serde::{Deserialize, Serialize};

use crate::ids::ConnectionId;
use crate::mapping::Mapping;
use crate::path::FieldPath;

/// Version of the document that this build writes.
pub const VERSION: u32 = 1;

/// One side of a sync.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
pub struct StreamRef {
    /// The account.
    pub connection: ConnectionId,
    /// The stream's name.
    pub stream: String,
}

/// A job: source, mapping, target, mode, guards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Sync {
    /// Version of this document.
    pub version: u32,
    /// What the person calls it.
    pub name: String,
    /// Read from.
    pub source: StreamRef,
    /// Written to.
    pub target: StreamRef,
    /// What may be done on the target.
    pub mode: WriteMode,
    /// Target fields whose mapped values tell which record of the target is meant, for records
    /// without a link yet. All of them together must match.
    pub match_on: Vec<FieldPath>,
    /// More ways to find the counterpart, tried in this order where those before found nothing.
    #[serde(default)]
    pub match_also: Vec<MatchRule>,
    /// Only records of the source for which this template over `record` is true.
    #[serde(default)]
    pub filter: Option<String>,
    /// What happens to a record when its counterpart is deleted.
    #[serde(default)]
    pub deletes: DeleteRule,
    /// Changes also flow from the target to the source; none: one way.
    #[serde(default)]
    pub two_way: Option<TwoWay>,
    /// How the target's fields are made.
    pub mapping: Mapping,
    /// When to stop and ask.
    #[serde(default)]
    pub guards: Guards,
    /// Runs that try a record by themselves which the target refused or which was kept back; after that it waits for a
    /// person.
    #[serde(default = "most_tries")]
    pub most_tries: u16,
    /// Minutes between scheduled runs; none: only by hand.
    #[serde(default)]
    pub every_minutes: Option<u32>,
}

const fn most_tries() -> u16 {
    5
}

/// What may be done on the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
pub enum WriteMode {
    /// Create what is missing, leave what is there.
    Create,
    /// Update what is there, leave out what is missing.
    Update,
    /// Create what is missing, update what differs.
    #[default]
    Upsert,
    /// Create what is missing, update what differs, delete what left the source.
    Mirror,
    /// Add a record for every new and every changed record of the source; never change one.
    Append,
    /// Read everything every time, and put back what was changed on the target.
    FullRefresh,
}

impl Sync {
    /// A document between two streams that maps nothing yet.
    pub fn new(name: impl Into<String>, source: StreamRef, target: StreamRef) -> Self {
        Self {
            version: VERSION,
            name: name.into(),
            source,
            target,
            mode: WriteMode::default(),
            match_on: Vec::new(),
            match_also: Vec::new(),
            filter: None,
            deletes: DeleteRule::default(),
            two_way: None,
            mapping: Mapping::default(),
            guards: Guards::default(),
            most_tries: most_tries(),
            every_minutes: None,
        }
    }

    /// Whether the target is read too.
    pub fn reads_target(&self) -> bool {
        self.two_way.is_some() || self.mode == WriteMode::FullRefresh
    }

    /// How changes of both sides come together. A full refresh is a two-way sync in which nothing flows back, and what
    /// the target changed is put back.
    pub fn both_ways(&self) -> TwoWay {
        match (&self.two_way, self.mode) {
            (_, WriteMode::FullRefresh) => TwoWay {
                policy: Policy::Source,
                truth: Truth::Source,
                creates_on_source: false,
                read_only: ReadOnly::Revert,
                fields: Vec::new(),
            },
            (Some(two_way), _) => two_way.clone(),
            (None, _) => TwoWay::default(),
        }
    }

    /// What is done when a record is gone from one side: mirroring means deleting, unless something else is chosen.
    pub fn delete_action(&self) -> DeleteAction {
        match (&self.deletes.action, self.mode) {
            (DeleteAction::Keep, WriteMode::Mirror) => DeleteAction::Delete,
            (action, _) => action.clone(),
        }
    }
}

impl WriteMode {
    /// Whether records may be made.
    pub const fn creates(self) -> bool {
        match self {
            Self::Create | Self::Upsert | Self::Mirror | Self::Append | Self::FullRefresh => true,
            Self::Update => false,
        }
    }

    /// Whether records may be changed.
    pub const fn updates(self) -> bool {
        match self {
            Self::Update | Self::Upsert | Self::Mirror | Self::FullRefresh => true,
            Self::Create | Self::Append => false,
        }
    }
}

/// A way to find the counterpart of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct MatchRule {
    /// Target fields; all of them together must match.
    pub fields: Vec<FieldPath>,
    /// How their values are compared.
    #[serde(default)]
    pub compare: Compare,
}

/// How values of a match key are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// To the letter.
    Exact,
    /// Without case and outer spaces, as most platforms do.
    #[default]
    Normalised,
}

/// What happens to a record when its counterpart is deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(default)]
pub struct DeleteRule {
    /// What is done.
    pub action: DeleteAction,
    /// Days that a record must have been gone before it is done; 0 at once.
    pub after_days: u16,
    /// Complete reads that must have missed a record before it counts as deleted, where the platform does not say
    /// itself what was deleted.
    pub sightings: u8,
    /// Where the platform does not say what was deleted, everything is read at least this often, in hours.
    pub full_read_hours: u16,
}

impl Default for DeleteRule {
    fn default() -> Self {
        Self {
            action: DeleteAction::Keep,
            after_days: 0,
            sightings: 2,
            full_read_hours: 24,
        }
    }
}

/// What is done to a record whose counterpart is deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DeleteAction {
    /// Nothing.
    #[default]
    Keep,
    /// It is deleted too.
    Delete,
    /// It is put away as the platform does that.
    Archive,
    /// The fields that this sync fills are emptied.
    Clear,
    /// These fields get these values.
    Set {
        /// Field and value.
        #[ts(type = "Record<string, unknown>")]
        fields: serde_json::Map<String, serde_json::Value>,
    },
}

/// The two sides of a sync.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    ts_rs::TS,
)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Where records come from, the left one.
    Source,
    /// Where they go, the right one.
    #[default]
    Target,
}

impl Side {
    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }

    /// From its stored form.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Source, Self::Target]
            .into_iter()
            .find(|side| side.as_str() == text)
    }

    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::Source => Self::Target,
            Self::Target => Self::Source,
        }
    }
}

/// How changes of both sides come together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
#[serde(default)]
pub struct TwoWay {
    /// Who is right when a field was changed on both sides.
    pub policy: Policy,
    /// Who is right where two records meet for the first time and differ.
    pub truth: Truth,
    /// New records of the target are made on the source too.
    pub creates_on_source: bool,
    /// What happens to a change in a field that does not flow that way.
    pub read_only: ReadOnly,
    /// What is different for single fields.
    pub fields: Vec<FieldRule>,
}

impl TwoWay {
    /// What is different for a field; a rule for an object counts for what is in it.
    pub fn rule_of(&self, field: &FieldPath) -> Option<&FieldRule> {
        self.fields
            .iter()
            .find(|rule| rule.field == *field)
            .or_else(|| {
                self.fields
                    .iter()
                    .find(|rule| field.segments().starts_with(rule.field.segments()))
            })
    }
}

impl Default for TwoWay {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            truth: Truth::default(),
            creates_on_source: true,
            read_only: ReadOnly::default(),
            fields: Vec::new(),
        }
    }
}

/// What is different for one field of a two-way sync.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct FieldRule {
    /// The target's field.
    pub field: FieldPath,
    /// Which way its changes flow.
    #[serde(default)]
    pub direction: Direction,
    /// Who is right when both sides changed it; none: as the whole sync has it.
    #[serde(default)]
    pub policy: Option<Policy>,
    /// Who is right at the first meeting; none: as the whole sync has it.
    #[serde(default)]
    pub truth: Option<Truth>,
    /// The steps from the target's value back to the source's, where they are chosen by hand.
    #[serde(default)]
    pub back: Option<Vec<crate::mapping::Step>>,
}

/// Which way the changes of a field flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Both ways.
    #[default]
    Both,
    /// From the source to the target only.
    ToTarget,
    /// From the target to the source only.
    ToSource,
}

/// Who is right when a field was changed on both sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Both, where lists, objects and long texts can be put together; else a person is asked.
    #[default]
    Merge,
    /// The source.
    Source,
    /// The target.
    Target,
    /// The side whose record was changed last.
    Newest,
    /// The longer text.
    Longest,
    /// The smaller value.
    Min,
    /// The larger value.
    Max,
    /// All items of both lists.
    Union,
    /// A person.
    Ask,
}

/// Who is right where two records meet for the first time and differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// The source.
    #[default]
    Source,
    /// The target.
    Target,
    /// The side whose record was changed last.
    Newest,
    /// A person.
    Ask,
}

/// What happens to a change in a field that does not flow that way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
pub enum ReadOnly {
    /// It stays where it is, and the sides differ.
    #[default]
    Ignore,
    /// It is put back to what the other side says.
    Revert,
    /// The record is listed under *Needs you*.
    Error,
}

/// When a run stops before writing and asks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
#[serde(default)]
pub struct Guards {
    /// Hold when more than this percentage of the linked records would be updated.
    pub max_update_percent: u8,
    /// Hold when more than this percentage of the linked records would be deleted.
    pub max_delete_percent: u8,
    /// Operations that are done without asking; the others wait for a person.
    pub approved: Approved,
    /// Hold when the source is empty although it had more than this many linked records.
    pub empty_source_above: u32,
    /// Percentages only count from this many records on.
    pub from_records: u32,
}

/// Operations that a run does without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(default)]
pub struct Approved {
    /// Making records.
    pub creates: bool,
    /// Changing records.
    pub updates: bool,
    /// Deleting records.
    pub deletes: bool,
}

impl Default for Approved {
    fn default() -> Self {
        Self {
            creates: true,
            updates: true,
            deletes: true,
        }
    }
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            max_update_percent: 50,
            max_delete_percent: 20,
            approved: Approved::default(),
            empty_source_above: 10,
            from_records: 20,
        }
    }
}
