//! A history as plain data: what both platforms can do, and what happens to them. Readable, and shortened by leaving
//! things out.

use std::fmt;

use model::sync::{Guards, Policy, WriteMode};

/// What happens, in order, and between which platforms.
#[derive(Clone, Debug)]
pub struct History {
    /// Made from this.
    pub seed: u64,
    /// What both platforms are like.
    pub setting: Setting,
    /// What happens.
    pub steps: Vec<Step>,
}

/// What both platforms are like. It stays the same through a history.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Setting {
    pub source: SourceLike,
    pub target: TargetLike,
    /// Changes flow both ways, and this says who is right.
    pub both_ways: Option<Policy>,
    /// Values come of a large stock: hardly two are the same.
    pub is_wide: bool,
    /// The configuration at the beginning.
    pub configuration: Configuration,
}

/// What the source is like.
#[derive(Clone, Debug)]
pub struct SourceLike {
    /// It can tell what changed since.
    pub is_incremental: bool,
    /// Its pages are counted, so that edits while it is read shift them. Else a page begins after the last record.
    pub has_offset_pages: bool,
    /// Its pages are ordered by key, not by when records changed.
    pub is_by_key: bool,
    /// Records on a page.
    pub page: usize,
    /// What changed while it is listed may come twice on a page: as it was, and as it is.
    pub repeats: bool,
}

/// What the target is like.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is drawn by itself")]
pub struct TargetLike {
    /// A create that is sent twice is carried out once.
    pub is_idempotent: bool,
    /// Members can be looked up by address.
    pub is_searchable: bool,
    /// A member has a version, and an update of another version is refused.
    pub has_versions: bool,
    /// An address can be had once only.
    pub is_unique: bool,
    /// Addresses become lower case.
    pub normalises: bool,
    /// An answer to a write holds the member.
    pub tells_member: bool,
    /// The search learns of a new member only so many requests later.
    pub search_lags: u32,
    /// Single members can be read.
    pub can_get: bool,
    /// Changes in one request.
    pub batch: usize,
}

/// What a person can set.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    /// Which of the mappings.
    pub mapping: u8,
    /// What may be done.
    pub mode: WriteMode,
    /// Matched by address, where the target can be searched.
    pub matches: bool,
    /// When it stops and asks.
    pub guards: Guards,
    /// Who is right, where changes flow both ways; none: as at the beginning.
    pub policy: Option<Policy>,
    /// Complete reads that must miss a record before it counts as deleted.
    pub sightings: u8,
    /// Days that it must have been gone.
    pub after_days: u16,
}

/// The mapping that has nothing but addresses.
pub const ADDRESSES: u8 = 3;

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Step {
    /// Somebody edits one side.
    Edit(Edit),
    /// A person sets something else.
    Configure(Configuration),
    /// The clock jumps so many milliseconds.
    Clock(i64),
    /// A run, or a plan.
    Run(RunStep),
}

/// An edit of either side by somebody.
#[derive(Clone, Debug)]
pub enum Edit {
    /// A new person.
    AddPerson(PersonLike, Stamp),
    /// A person has other values.
    ChangePerson(u8, PersonLike, Stamp),
    /// A person is gone.
    RemovePerson(u8),
    /// Everybody is gone.
    RemovePeople,
    /// A member that is none of ours.
    AddMember(PersonLike),
    /// A member has another value in one field.
    ChangeMember(u8, MemberField, PersonLike),
    /// A member is gone.
    RemoveMember(u8),
}

/// The values of a person, as numbers of small stocks.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct PersonLike {
    pub address: u8,
    pub name: u8,
    pub number: u8,
}

/// A field of a member.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum MemberField {
    Address,
    Name,
    Number,
    /// Not mapped.
    Note,
}

/// When an edit says that it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// After all before.
    Later,
    /// At the time of the latest.
    Same,
    /// Before some that are known: a clock is wrong.
    Late,
}

/// A run with all that befalls it.
#[derive(Clone, Debug)]
pub struct RunStep {
    /// Which.
    pub kind: RunKind,
    /// What happens at which request, counted from 1.
    pub events: Vec<(u32, Event)>,
    /// The process ends in it.
    pub end: Option<End>,
    /// The disk is full from the one write to the other.
    pub full: Option<(u32, u32)>,
}

/// Which run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunKind {
    /// Reads what is new.
    New,
    /// Reads everything.
    Full,
    /// Makes a plan; a person ticks every n-th entry off, none for 0.
    Plan(u8),
    /// Does what the latest plan says, or the one that waits.
    Apply,
    /// What was not written is tried again by a person.
    Retry,
    /// A person decides every n-th conflict, one way or the other, and looks at the plan.
    Decide(u8),
    /// A person wants to take back the n-th latest run that wrote something, and looks at the plan.
    Undo(u8, Part),
}

/// What of a run is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    All,
    /// Every second record.
    Records,
    /// The names of what was updated.
    Names,
}

impl RunKind {
    /// Whether it only makes a plan.
    pub(super) const fn is_plan(self) -> bool {
        matches!(self, Self::Plan(_) | Self::Decide(_) | Self::Undo(..))
    }
}

/// What happens at a request.
#[derive(Clone, Debug)]
pub enum Event {
    /// Somebody edits, just before it arrives.
    Edit(Edit),
    /// It goes wrong.
    Fault(Fault),
    /// The person stops the run.
    Cancel,
}

/// How a request goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Never sent.
    Unavailable,
    /// Never sent: the platform asks to wait.
    RateLimited,
    /// Never sent: the sign-in is over.
    SignIn,
    /// The answer makes no sense.
    Malformed,
    /// Lost on the way there.
    LostBefore,
    /// Lost on the way back.
    LostAfter,
    /// Only some changes are carried out, and only some of those are told of.
    Partial(u8),
    /// Some changes are refused for good.
    Reject(u8),
    /// Carried out, but the answer forgets the last changes.
    Short,
}

/// Where the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// At this poll of the run.
    Poll(u32),
    /// Before or after this request.
    Request(u32, bool),
    /// Before or after this transaction.
    Transaction(u32, bool),
    /// Before or after this write transaction.
    Write(u32, bool),
}

impl Setting {
    /// Both platforms do what most do, and no guard holds anything.
    pub fn plain() -> Self {
        Self {
            source: SourceLike {
                is_incremental: true,
                has_offset_pages: false,
                is_by_key: false,
                page: 2,
                repeats: false,
            },
            target: TargetLike {
                is_idempotent: false,
                is_searchable: true,
                has_versions: false,
                is_unique: false,
                normalises: false,
                tells_member: false,
                search_lags: 0,
                can_get: true,
                batch: 2,
            },
            both_ways: None,
            is_wide: false,
            configuration: Configuration {
                mapping: 0,
                mode: WriteMode::Upsert,
                matches: true,
                guards: Guards {
                    max_update_percent: 100,
                    max_delete_percent: 100,
                    empty_source_above: u32::MAX,
                    from_records: u32::MAX,
                    ..Guards::default()
                },
                policy: None,
                sightings: 2,
                after_days: 0,
            },
        }
    }

    /// Who is right in a configuration, where changes flow both ways.
    pub(super) fn policy(&self, configuration: &Configuration) -> Option<Policy> {
        self.both_ways
            .map(|first| configuration.policy.unwrap_or(first))
    }

    /// Records say when they were changed.
    pub(super) fn tells_time(&self) -> bool {
        self.both_ways == Some(Policy::Newest)
    }
}

impl PersonLike {
    /// The person of this number.
    pub const fn number(n: u8) -> Self {
        Self {
            address: n,
            name: 80 + n,
            number: n,
        }
    }
}

impl RunStep {
    /// A run that nothing befalls.
    pub const fn calm(kind: RunKind) -> Self {
        Self {
            kind,
            events: Vec::new(),
            end: None,
            full: None,
        }
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}", self.seed)?;
        writeln!(f, "  source: {:?}", self.setting.source)?;
        writeln!(f, "  target: {:?}", self.setting.target)?;
        writeln!(f, "  both ways: {:?}", self.setting.both_ways)?;
        writeln!(f, "  begins as {:?}", self.setting.configuration)?;
        for (n, step) in self.steps.iter().enumerate() {
            write!(f, "  {:>2}. ", n + 1)?;
            match step {
                Step::Edit(edit) => writeln!(f, "{edit:?}")?,
                Step::Configure(configuration) => writeln!(f, "{configuration:?}")?,
                Step::Clock(millis) => writeln!(f, "the clock jumps {millis} ms")?,
                Step::Run(run) => {
                    write!(f, "run {:?}", run.kind)?;
                    for (request, event) in &run.events {
                        write!(f, "; at request {request} {event:?}")?;
                    }
                    if let Some(end) = run.end {
                        write!(f, "; the process ends at {end:?}")?;
                    }
                    if let Some((from, to)) = run.full {
                        write!(f, "; the disk is full from write {from} to {to}")?;
                    }
                    writeln!(f)?;
                }
            }
        }
        Ok(())
    }
}
