//! One long history both ways: thousands of edits on both sides while everything goes wrong, and of each edit it is asked
//! in the end what became of it.
//!
//! It is on both sides, or a later edit of the same field took its place, or it was listed for a person to decide.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use fastrand::Rng;
use model::clock::Clock;
use model::ids::SyncId;
use model::record::RecordKey;
use model::sync::Policy;
use model::value::Value;
use store::conflicts::ConflictFilter;
use store::inline::Inline;

use super::Tally;
use super::drawn;
use super::history::{
    Edit, End, Event, MemberField, PersonLike, RunKind, RunStep, Setting, Stamp, Step,
};
use super::life::Life;
use super::rest;
use super::world::Edited;

/// Pairs of records at the beginning.
const PAIRS: u8 = 60;

/// What is known of pairs from run to run.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// Fields that differed when a run looked, and both values.
    conflicts: HashSet<(RecordKey, String, String)>,
    /// How many edits there were when a member was first seen to be linked.
    linked_from: HashMap<RecordKey, usize>,
}

impl Listed {
    /// Takes down what is on the list now, after so many edits.
    pub(super) fn note(&mut self, store: &Inline, sync: SyncId, n_edits: usize) {
        let links = store.look(|db| store::links::page(db, sync, None, 10_000));
        for link in links.unwrap() {
            self.linked_from.entry(link.target_key).or_insert(n_edits);
        }
        let filter = ConflictFilter {
            sync: Some(sync),
            ..ConflictFilter::default()
        };
        let open = store
            .look(|db| store::conflicts::page(db, &filter, None, 10_000))
            .unwrap();
        for conflict in open {
            for value in [conflict.source, conflict.target].into_iter().flatten() {
                let key = conflict.source_key.clone();
                self.conflicts
                    .insert((key, conflict.field.clone(), told(&value)));
            }
        }
    }

    /// Whether an edit was of a member that had no person yet: when the two meet, the rule for that counts.
    fn is_before_meeting(&self, n: usize, edit: &Edited) -> bool {
        let linked_from = self.linked_from.get(&edit.key);
        !edit.on_source && linked_from.is_none_or(|from| n < *from)
    }

    fn has(&self, edit: &Edited, person: &RecordKey) -> bool {
        let field = edit.field.to_owned();
        let listed = (person.clone(), field, told(&edit.value));
        self.conflicts.contains(&listed)
    }
}

fn told(value: &Value) -> String {
    model::json::to_string(value)
}

/// Lives a long history of so many edits.
pub(super) fn live(
    seed: u64,
    edits: usize,
    store: &Arc<Inline>,
    clock: &Clock,
) -> Result<Tally, String> {
    let mut rng = Rng::with_seed(seed);
    let rng = &mut rng;
    let setting = setting(rng);
    let mut life = Life::begin(&setting, store, clock)?;
    let mut steps = Vec::new();
    for n in 0..PAIRS {
        let person = PersonLike::number(n);
        // Some are on both sides already, some on one.
        if n % 5 != 0 {
            steps.push(Step::Edit(Edit::AddPerson(person, Stamp::Later)));
        }
        if n % 3 == 0 {
            steps.push(Step::Edit(Edit::AddMember(person)));
        }
    }
    steps.push(Step::Run(RunStep::calm(RunKind::New)));
    steps.push(Step::Run(RunStep::calm(RunKind::Apply)));
    let mut n = 0;
    loop {
        for step in steps.drain(..) {
            n += 1;
            let at = |what| format!("in step {n} of the long history {seed}, {step:?}: {what}");
            life.step(&step).map_err(at)?;
        }
        if life.platform.state().world.edits.len() >= edits {
            break;
        }
        some(rng, &mut steps);
    }
    let at = |what| format!("in the long history {seed}: {what}");
    rest::come_to_rest(&mut life).map_err(at)?;
    every_edit(&life).map_err(at)?;
    let state = life.platform.state();
    life.tally.histories = 1;
    life.tally.requests = u64::from(state.all_requests);
    life.tally.edits = state.world.edits.len() as u64;
    Ok(life.tally)
}

fn setting(rng: &mut Rng) -> Setting {
    let mut setting = Setting::plain();
    setting.both_ways = Some(Policy::Ask);
    setting.is_wide = true;
    setting.source.page = rng.usize(5..20);
    setting.source.is_by_key = rng.bool();
    setting.source.repeats = rng.bool();
    setting.target.is_idempotent = rng.bool();
    setting.target.has_versions = rng.bool();
    setting.target.tells_member = rng.bool();
    setting.target.batch = rng.usize(1..20);
    setting
}

/// Edits on both sides, and a run in which something happens.
fn some(rng: &mut Rng, steps: &mut Vec<Step>) {
    for _ in 0..rng.u8(1..14) {
        steps.push(Step::Edit(edit(rng)));
    }
    let decides = rng.u8(0..4) == 0;
    if decides {
        steps.push(Step::Run(RunStep::calm(RunKind::Decide(rng.u8(1..4)))));
        steps.push(Step::Run(run(rng, RunKind::Apply)));
    }
    let kind = match rng.u8(0..6) {
        0 => RunKind::Full,
        _ => RunKind::New,
    };
    steps.push(Step::Run(run(rng, kind)));
}

fn edit(rng: &mut Rng) -> Edit {
    let person = drawn::person(rng);
    match rng.u8(0..60) {
        0 => Edit::AddPerson(person, Stamp::Later),
        1 => Edit::AddMember(person),
        2..30 => Edit::ChangePerson(rng.u8(..), person, Stamp::Later),
        _ => {
            let field = match rng.u8(0..6) {
                0 => MemberField::Address,
                1 => MemberField::Note,
                _ => MemberField::Name,
            };
            Edit::ChangeMember(rng.u8(..), field, person)
        }
    }
}

fn run(rng: &mut Rng, kind: RunKind) -> RunStep {
    let mut events = Vec::new();
    for _ in 0..rng.u8(0..4) {
        let event = match rng.bool() {
            true => Event::Edit(edit(rng)),
            false => Event::Fault(drawn::fault(rng)),
        };
        events.push((rng.u32(1..40), event));
    }
    let before = rng.bool();
    let end = match rng.u8(0..12) {
        0 => Some(End::Poll(rng.u32(1..300))),
        1 => Some(End::Request(rng.u32(1..40), before)),
        2 => Some(End::Write(rng.u32(1..40), before)),
        _ => None,
    };
    let full = (rng.u8(0..20) == 0).then(|| {
        let from = rng.u32(1..30);
        (from, from + rng.u32(0..4))
    });
    RunStep {
        kind,
        events,
        end,
        full,
    }
}

/// What became of each edit.
fn every_edit(life: &Life<'_>) -> Result<(), String> {
    let sync = life.sync;
    let links = life
        .store
        .look(|db| store::links::page(db, sync, None, 10_000))
        .unwrap();
    let persons: HashMap<RecordKey, RecordKey> = links
        .into_iter()
        .map(|link| (link.target_key, link.source_key))
        .collect();
    let state = life.platform.state();
    let world = &state.world;
    // Whoever edited a field of a pair last.
    let mut latest: HashMap<(RecordKey, &str), usize> = HashMap::new();
    let person_of = |edit: &Edited| match edit.on_source {
        true => Some(edit.key.clone()),
        false => persons.get(&edit.key).cloned(),
    };
    for (n, edit) in world.edits.iter().enumerate() {
        if let Some(person) = person_of(edit) {
            latest.insert((person, edit.field), n);
        }
    }
    for (n, edit) in world.edits.iter().enumerate() {
        // What is no pair is listed: that was looked at before.
        let Some(person) = person_of(edit) else {
            continue;
        };
        let is_overwritten = latest[&(person.clone(), edit.field)] > n;
        let is_told = life.listed.has(edit, &person) || life.listed.is_before_meeting(n, edit);
        if is_overwritten || is_told {
            continue;
        }
        let now = world.people.get(&person);
        let unseen = now.is_some_and(|now| now.echo.unseen.contains(edit.field));
        let here = now.and_then(|now| now.fields.get(edit.field));
        let is_there = here.is_some_and(|here| here.same_as(&edit.value));
        if !is_there && !unseen {
            return Err(format!(
                "edit {n} of {} is lost: {edit:?}, and {person} has {here:?}",
                world.edits.len()
            ));
        }
    }
    Ok(())
}
