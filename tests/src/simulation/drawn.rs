//! Histories as a seed draws them.

use fastrand::Rng;
use model::sync::{Guards, Policy, WriteMode};

use super::history::{
    ADDRESSES, Configuration, Edit, End, Event, Fault, History, MemberField, Part, PersonLike,
    RunKind, RunStep, Setting, SourceLike, Stamp, Step, TargetLike,
};

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

pub(super) fn one_in(rng: &mut Rng, n: u32) -> bool {
    rng.u32(0..n) == 0
}

fn setting(rng: &mut Rng) -> Setting {
    let is_idempotent = rng.bool();
    let is_searchable = rng.u8(0..4) != 0;
    let has_versions = rng.bool();
    let mode = match rng.u8(0..9) {
        0..3 => WriteMode::Mirror,
        3 => WriteMode::Append,
        4 => WriteMode::FullRefresh,
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
    let mut setting = setting(rng);
    setting.both_ways = Some(policy(rng));
    setting.source.has_offset_pages = false;
    setting.target.is_searchable = true;
    setting.target.is_unique = false;
    setting.target.can_get = true;
    setting.configuration.mapping = 0;
    setting.configuration.mode = WriteMode::Upsert;
    setting.configuration.matches = true;
    setting
}

fn policy(rng: &mut Rng) -> Policy {
    let policies = [
        Policy::Ask,
        Policy::Merge,
        Policy::Source,
        Policy::Target,
        Policy::Newest,
    ];
    policies[rng.usize(0..policies.len())]
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
        policy: None,
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
            let mode = match rng.u8(0..10) {
                0 => WriteMode::Create,
                1 => WriteMode::Update,
                2 => WriteMode::Append,
                3 => WriteMode::FullRefresh,
                4..7 => WriteMode::Mirror,
                _ => WriteMode::Upsert,
            };
            let mut configuration = configuration(rng, mode);
            configuration.matches &= setting.target.is_searchable;
            if setting.both_ways.is_some() {
                configuration.mapping = if one_in(rng, 3) { ADDRESSES } else { 0 };
                configuration.mode = WriteMode::Upsert;
                configuration.matches = true;
                configuration.policy = Some(policy(rng));
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
        10 if rng.bool() => {
            // A run is taken back, something happens, the plan is applied.
            let part = [Part::All, Part::Records, Part::Names][rng.usize(0..3)];
            let kind = RunKind::Undo(rng.u8(0..3), part);
            steps.push(Step::Run(run(rng, kind)));
            if rng.bool() {
                steps.push(Step::Edit(edit(rng)));
            }
            steps.push(Step::Run(run(rng, RunKind::Apply)));
        }
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
