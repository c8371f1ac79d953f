//! A history as plain data: what both platforms can do, and what happens to them. Made from a seed, readable, and
//! shortened by leaving things out.

use std::fmt;

use fastrand::Rng;
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
    /// Complete reads that must miss a record before it counts as deleted.
    pub sightings: u8,
    /// Days that it must have been gone.
    pub after_days: u16,
}

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

impl History {
    /// The history of a seed.
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let rng = &mut rng;
        let setting = setting(rng);
        Self::between(seed, rng, setting)
    }

    /// The history of a seed between two platforms whose changes flow both ways.
    pub fn both_ways(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let setting = both_ways(&mut rng);
        Self::between(seed, &mut rng, setting)
    }

    fn between(seed: u64, rng: &mut Rng, setting: Setting) -> Self {
        let mut steps = Vec::new();
        for _ in 0..rng.u8(0..7) {
            steps.push(Step::Edit(Edit::AddPerson(person(rng), stamp(rng))));
        }
        if rng.u8(0..3) == 0 {
            for _ in 0..rng.u8(1..4) {
                steps.push(Step::Edit(Edit::AddMember(person(rng))));
            }
        }
        for _ in 0..rng.u8(2..9) {
            step(rng, &setting, &mut steps);
        }
        Self {
            seed,
            setting,
            steps,
        }
    }
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
                sightings: 2,
                after_days: 0,
            },
        }
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

pub(super) fn one_in(rng: &mut Rng, n: u32) -> bool {
    rng.u32(0..n) == 0
}

fn setting(rng: &mut Rng) -> Setting {
    let is_idempotent = rng.bool();
    let is_searchable = rng.u8(0..4) != 0;
    let has_versions = rng.bool();
    let mode = match rng.u8(0..3) {
        0 => WriteMode::Mirror,
        _ => WriteMode::Upsert,
    };
    Setting {
        source: SourceLike {
            is_incremental: rng.u8(0..4) != 0,
            has_offset_pages: one_in(rng, 6),
            is_by_key: one_in(rng, 3),
            page: rng.usize(1..6),
            repeats: one_in(rng, 3),
        },
        target: TargetLike {
            is_idempotent,
            is_searchable,
            has_versions,
            is_unique: one_in(rng, 4),
            normalises: one_in(rng, 4),
            tells_member: rng.bool(),
            // Where nothing else tells a create again, the search has to know it.
            search_lags: if is_idempotent && one_in(rng, 4) {
                rng.u32(1..6)
            } else {
                0
            },
            can_get: has_versions || rng.bool(),
            batch: rng.usize(1..6),
        },
        both_ways: None,
        is_wide: false,
        configuration: Configuration {
            matches: is_searchable,
            ..configuration(rng, mode)
        },
    }
}

/// Both sides are read, written and matched.
fn both_ways(rng: &mut Rng) -> Setting {
    let policies = [Policy::Ask, Policy::Merge, Policy::Source, Policy::Target];
    let mut setting = setting(rng);
    setting.both_ways = Some(policies[rng.usize(0..policies.len())]);
    setting.source.has_offset_pages = false;
    setting.target.is_searchable = true;
    setting.target.normalises = false;
    setting.target.is_unique = false;
    setting.target.can_get = true;
    setting.configuration.mapping = 0;
    setting.configuration.mode = WriteMode::Upsert;
    setting.configuration.matches = true;
    setting
}

fn configuration(rng: &mut Rng, mode: WriteMode) -> Configuration {
    Configuration {
        mapping: rng.u8(0..3),
        mode,
        matches: rng.u8(0..5) != 0,
        guards: match rng.u8(0..4) {
            // Streams, whatever happens.
            0 => Guards {
                max_update_percent: 100,
                max_delete_percent: 100,
                empty_source_above: u32::MAX,
                from_records: u32::MAX,
                ..Guards::default()
            },
            // Plans first, holds nothing but the empty source.
            1 => Guards {
                max_update_percent: 100,
                max_delete_percent: 100,
                empty_source_above: rng.u32(0..4),
                from_records: rng.u32(0..4),
                ..Guards::default()
            },
            2 => Guards {
                max_update_percent: rng.u8(0..100),
                max_delete_percent: rng.u8(0..100),
                empty_source_above: rng.u32(0..6),
                from_records: rng.u32(0..6),
                ..Guards::default()
            },
            _ => Guards::default(),
        },
        sightings: rng.u8(1..4),
        after_days: if one_in(rng, 4) { rng.u16(1..3) } else { 0 },
    }
}

pub(super) fn person(rng: &mut Rng) -> PersonLike {
    PersonLike {
        address: rng.u8(..),
        name: rng.u8(..),
        number: rng.u8(..),
    }
}

pub(super) fn stamp(rng: &mut Rng) -> Stamp {
    match rng.u8(0..12) {
        0 => Stamp::Late,
        1..4 => Stamp::Same,
        _ => Stamp::Later,
    }
}

pub(super) fn edit(rng: &mut Rng) -> Edit {
    match rng.u8(0..20) {
        0..4 => Edit::AddPerson(person(rng), stamp(rng)),
        4..12 => Edit::ChangePerson(rng.u8(..), person(rng), stamp(rng)),
        12..14 => Edit::RemovePerson(rng.u8(..)),
        14 => Edit::AddMember(person(rng)),
        15..18 => {
            let field = match rng.u8(0..6) {
                0 => MemberField::Address,
                1 => MemberField::Number,
                2 => MemberField::Note,
                _ => MemberField::Name,
            };
            Edit::ChangeMember(rng.u8(..), field, person(rng))
        }
        18 => Edit::RemoveMember(rng.u8(..)),
        _ if one_in(rng, 4) => Edit::RemovePeople,
        _ => Edit::ChangePerson(rng.u8(..), person(rng), stamp(rng)),
    }
}

fn step(rng: &mut Rng, setting: &Setting, steps: &mut Vec<Step>) {
    match rng.u8(0..20) {
        0..6 => {
            for _ in 0..rng.u8(1..4) {
                steps.push(Step::Edit(edit(rng)));
            }
        }
        6 => {
            let mode = match rng.u8(0..6) {
                0 => WriteMode::Create,
                1 => WriteMode::Update,
                2..4 => WriteMode::Mirror,
                _ => WriteMode::Upsert,
            };
            let mut configuration = configuration(rng, mode);
            configuration.matches &= setting.target.is_searchable;
            if setting.both_ways.is_some() {
                configuration.mapping = 0;
                configuration.mode = WriteMode::Upsert;
                configuration.matches = true;
            }
            steps.push(Step::Configure(configuration));
        }
        7 => steps.push(Step::Clock(if one_in(rng, 3) {
            -rng.i64(0..100_000)
        } else {
            rng.i64(0..100_000_000)
        })),
        8 => {
            // A plan, something happens, the plan is applied.
            let ticked_off = if rng.bool() { 0 } else { rng.u8(1..4) };
            steps.push(Step::Run(run(rng, RunKind::Plan(ticked_off))));
            if rng.bool() {
                steps.push(Step::Edit(edit(rng)));
            }
            steps.push(Step::Run(run(rng, RunKind::Apply)));
        }
        9 => steps.push(Step::Run(run(rng, RunKind::Retry))),
        10 => steps.push(Step::Run(run(rng, RunKind::Apply))),
        11..13 => steps.push(Step::Run(run(rng, RunKind::Full))),
        _ => {
            steps.push(Step::Run(run(rng, RunKind::New)));
            // The first run both ways waits for a person.
            if setting.both_ways.is_some() && rng.bool() {
                steps.push(Step::Run(run(rng, RunKind::Apply)));
            }
        }
    }
}

fn run(rng: &mut Rng, kind: RunKind) -> RunStep {
    let mut events = Vec::new();
    // A third of the runs is calm, others are not.
    let trouble = rng.u8(0..3);
    let within = [6, 12, 24][usize::from(trouble)];
    for _ in 0..trouble * rng.u8(0..4) {
        let event = match rng.u8(0..10) {
            0..4 => Event::Edit(edit(rng)),
            4 if one_in(rng, 2) => Event::Cancel,
            _ => Event::Fault(fault(rng)),
        };
        events.push((rng.u32(1..within), event));
    }
    let before = rng.bool();
    let end = match rng.u8(0..9) {
        0 => Some(End::Poll(rng.u32(1..60))),
        1 => Some(End::Request(rng.u32(1..16), before)),
        2 => Some(End::Transaction(rng.u32(1..40), before)),
        3 => Some(End::Write(rng.u32(1..16), before)),
        _ => None,
    };
    let full = one_in(rng, 12).then(|| {
        let from = rng.u32(1..12);
        (from, from + rng.u32(0..4))
    });
    RunStep {
        kind,
        events,
        end,
        full,
    }
}

pub(super) fn fault(rng: &mut Rng) -> Fault {
    match rng.u8(0..16) {
        0..2 => Fault::Unavailable,
        2 => Fault::RateLimited,
        3 => Fault::SignIn,
        4 => Fault::Malformed,
        5..8 => Fault::LostBefore,
        8..11 => Fault::LostAfter,
        11..13 => Fault::Partial(rng.u8(..)),
        13..15 => Fault::Reject(rng.u8(..)),
        _ => Fault::Short,
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
