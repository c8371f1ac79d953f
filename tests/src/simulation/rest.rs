//! The end of a history: nobody edits any more, nothing goes wrong, and a few runs later everything is where it
//! belongs, or is listed for a person with a reason.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::record::RecordKey;
use model::run::{RecordOutcome, RunState};
use model::sync::WriteMode;
use model::value::{Object, Value};
use store::conflicts::ConflictFilter;
use store::links::Link;

use super::history::{ADDRESSES, RunKind, RunStep};
use super::life::{Came, Life};
use super::world::{self, Person};

/// Runs until nothing is left to do.
const RUNS: usize = 10;

/// Lets everything come to rest and looks at it.
pub(super) fn come_to_rest(life: &mut Life<'_>) -> Result<(), String> {
    life.platform.state().watch.rests();
    let at = |what: String| format!("at rest: {what}");
    quieten(life, RunKind::New).map_err(at)?;
    Rest::look(life).check(false).map_err(at)?;
    let at = |what: String| format!("at rest, everything read: {what}");
    // Whatever was left out by a person is looked at again.
    life.ticked_off.clear();
    quieten(life, RunKind::Full).map_err(at)?;
    let rest = Rest::look(life);
    rest.check(true).map_err(at)?;
    let listed = rest.listed.len() as u64;
    life.tally.listed = listed;
    if life.setting.both_ways.is_some() {
        quiet(life).map_err(at)?;
    }
    lines(life).map_err(at)
}

/// Runs until a run writes nothing. A person approves what waits.
fn quieten(life: &mut Life<'_>, kind: RunKind) -> Result<(), String> {
    for n in 0..RUNS {
        // Whatever waits for days has waited.
        life.clock.advance(4 * 24 * 3_600_000);
        let mut came = life.run(&RunStep::calm(kind))?;
        if let Came::Run(run) = &came
            && run.state == RunState::Waiting
        {
            came = life.run(&RunStep::calm(RunKind::Apply))?;
        }
        let Came::Run(run) = came else {
            return Err("the process died for no reason".into());
        };
        if run.state != RunState::Completed {
            return Err(format!("does not complete: {run:?}"));
        }
        let written = run.counts.created + run.counts.updated + run.counts.deleted;
        // What is missed has to be missed some times.
        // A run that goes on where another was cut off leaves what changed meanwhile to the next.
        let least = if kind == RunKind::Full { 4 } else { 1 };
        if written == 0 && n >= least {
            return Ok(());
        }
    }
    Err(format!(
        "still writes after {RUNS} runs in which nobody edits"
    ))
}

/// Nothing goes back and forth: two more runs have nothing to write.
fn quiet(life: &mut Life<'_>) -> Result<(), String> {
    for kind in [RunKind::New, RunKind::New] {
        let mut came = life.run(&RunStep::calm(kind))?;
        if let Came::Run(run) = &came
            && run.state == RunState::Waiting
        {
            came = life.run(&RunStep::calm(RunKind::Apply))?;
        }
        let Came::Run(run) = came else {
            return Err("the process died for no reason".into());
        };
        if run.state != RunState::Completed
            || run.counts.created + run.counts.updated + run.counts.deleted > 0
        {
            return Err(format!("nobody edits, and a run still writes: {run:?}"));
        }
    }
    Ok(())
}

/// Everything as it is.
struct Rest<'a> {
    life: &'a Life<'a>,
    people: BTreeMap<RecordKey, Person>,
    links: HashMap<RecordKey, Link>,
    listed: BTreeSet<RecordKey>,
    /// Persons with something to decide.
    conflicts: BTreeSet<RecordKey>,
    held: BTreeSet<RecordKey>,
    /// Persons that were tried too often as they are.
    set_aside: BTreeSet<RecordKey>,
    /// Persons that are left alone, because their making was taken back.
    paused: BTreeSet<RecordKey>,
    /// Changes in the journal that nobody holds.
    open: usize,
}

impl<'a> Rest<'a> {
    fn look(life: &'a Life<'a>) -> Self {
        let sync = life.sync;
        let (links, (listed, _), pending, conflicts) = life
            .store
            .look(|db| {
                Ok((
                    store::links::page(db, sync, None, 10_000)?,
                    store::unwritten::page(db, sync, None, 10_000)?,
                    store::journal::pending_of_sync(db, sync)?,
                    store::conflicts::page(db, &ConflictFilter::default(), None, 10_000)?,
                ))
            })
            .unwrap();
        let most_tries = u32::from(life.job.document.most_tries.max(1));
        let keys = listed.iter().map(|one| &one.source_key);
        let set_aside = life
            .store
            .look(|db| store::unwritten::set_aside(db, sync, most_tries, keys.clone()))
            .unwrap();
        let people: Vec<RecordKey> = life.platform.state().world.people.keys().cloned().collect();
        let paused = life
            .store
            .look(|db| store::pauses::reasons(db, sync, &people))
            .unwrap();
        let (held, open): (Vec<_>, Vec<_>) = pending.into_iter().partition(|one| one.is_held);
        Self {
            life,
            people: life.platform.state().world.people.clone(),
            links: links
                .into_iter()
                .map(|link| (link.source_key.clone(), link))
                .collect(),
            listed: listed.into_iter().map(|one| one.source_key).collect(),
            held: held.into_iter().map(|one| one.change.source_key).collect(),
            set_aside: set_aside.into_keys().collect(),
            paused: paused.into_keys().collect(),
            open: open.len(),
            conflicts: conflicts.into_iter().map(|one| one.source_key).collect(),
        }
    }

    /// `everything` was read: nothing can have been missed.
    fn check(&self, everything: bool) -> Result<(), String> {
        if self.open > 0 {
            return Err(format!("{} changes in the journal are open", self.open));
        }
        let mut owners: HashMap<&RecordKey, &RecordKey> = HashMap::new();
        for link in self.links.values() {
            if let Some(other) = owners.insert(&link.target_key, &link.source_key) {
                let (one, target) = (&link.source_key, &link.target_key);
                return Err(format!("{one} and {other} are both linked to {target}"));
            }
        }
        for key in &self.held {
            if self.people.contains_key(key) && !self.listed.contains(key) {
                return Err(format!("{key} is held and not listed"));
            }
        }
        self.gone(everything)?;
        for (key, person) in &self.people {
            let may_be_missed = !everything
                && (person.is_late
                    || self.life.setting.source.has_offset_pages
                    || self.life.ticked_off.contains(key));
            if may_be_missed {
                continue;
            }
            self.person(key, person, everything)
                .map_err(|what| format!("{key} {what}: {person:?}"))?;
        }
        if self.life.setting.both_ways.is_some() {
            return self.members(everything);
        }
        self.strangers()
    }

    /// Of a person that is gone, nothing is left where the sync mirrors.
    fn gone(&self, everything: bool) -> Result<(), String> {
        if self.life.configuration.mode != WriteMode::Mirror || !everything {
            return Ok(());
        }
        let state = self.life.platform.state();
        for (key, link) in &self.links {
            if !self.people.contains_key(key)
                && state.world.members.contains_key(&link.target_key)
                && !self.listed.contains(key)
                && !self.conflicts.contains(key)
            {
                let target = &link.target_key;
                return Err(format!("{key} is gone, and {target} is still there"));
            }
        }
        Ok(())
    }

    /// One person is where it belongs.
    fn person(&self, key: &RecordKey, person: &Person, everything: bool) -> Result<(), String> {
        if self.life.setting.both_ways.is_some() {
            return self.pair(key, person);
        }
        if self.paused.contains(key) {
            return Ok(());
        }
        let is_listed = self.listed.contains(key);
        let mapped = self
            .life
            .job
            .program
            .apply(&Value::Object(person.fields.clone()));
        let is_invalid = mapped.problems.iter().any(|problem| problem.holds);
        if is_listed {
            let has_reason = is_invalid || self.needs_person(key, &mapped.fields);
            return if has_reason || !everything {
                Ok(())
            } else {
                Err("is listed for no reason".into())
            };
        }
        if is_invalid {
            return Err("is invalid and not listed".into());
        }
        let mode = self.life.configuration.mode;
        let state = self.life.platform.state();
        let world = &state.world;
        let Some(link) = self.links.get(key) else {
            let address = world::folded(&mapped.fields);
            let mut members = world.members.values();
            let is_there = members.any(|member| world::folded(&member.fields) == address);
            return match (mode.creates(), mode.updates()) {
                // It may have come, have been found, or have gone, only since.
                (false, _) | (_, false) if !everything => Ok(()),
                (false, _) if !is_there || !self.life.configuration.matches => Ok(()),
                (_, false) if is_there => Ok(()),
                _ => Err("is neither linked nor listed".into()),
            };
        };
        let Some(member) = world.members.get(&link.target_key) else {
            return if world.deleted.contains_key(&link.target_key) {
                Ok(())
            } else {
                Err(format!("is linked to {}, which never was", link.target_key))
            };
        };
        if !mode.updates() && mode != WriteMode::Append {
            return Ok(());
        }
        let puts_back = mode == WriteMode::FullRefresh;
        if puts_back && self.conflicts.contains(key) {
            // Somebody edited it while a run was taken back: a person decides.
            return Ok(());
        }
        for (name, value) in mapped.fields.iter() {
            let there = member.fields.get(name).cloned().unwrap_or_default();
            let agrees = match name {
                "email" if self.life.setting.target.normalises => {
                    world::folded(&member.fields) == world::folded(&mapped.fields)
                }
                _ => value.same_as(&there),
            };
            let is_theirs = member.theirs.contains(name) && !puts_back;
            let is_taken_back = member.past.is_taken_back(name, value);
            // What was added before the mapping was edited stays as it is.
            let agrees = agrees
                || (mode == WriteMode::Append && {
                    state.watch.ever_maps(&person.fields, name, &there)
                });
            // A field that is new in the mapping is filled, and not emptied.
            let agrees = agrees || (value.is_null() && state.watch.was_without(name));
            if !agrees && !is_theirs && !is_taken_back {
                return Err(format!("should have {name} = {value:?} and has {there:?}"));
            }
        }
        Ok(())
    }

    /// Both of a pair have the same, or it is listed what they do not agree on.
    fn pair(&self, key: &RecordKey, person: &Person) -> Result<(), String> {
        let is_open = self.listed.contains(key) || self.conflicts.contains(key);
        if is_open || self.paused.contains(key) {
            return Ok(());
        }
        let Some(link) = self.links.get(key) else {
            return Err("is neither linked nor listed".into());
        };
        let state = self.life.platform.state();
        let Some(member) = state.world.members.get(&link.target_key) else {
            // It is kept where the other was deleted.
            return Ok(());
        };
        let mapped = self.life.configuration.mapping;
        let flowing = world::FLOWING.into_iter();
        for name in flowing.filter(|name| mapped != ADDRESSES || *name == "email") {
            let is = |fields: &Object| fields.get(name).cloned().unwrap_or_default();
            let is_told = self.life.setting.target.has_versions;
            let unseen = |echo: &world::Echo| !is_told && echo.unseen.contains(name);
            if unseen(&person.echo) || unseen(&member.echo) {
                continue;
            }
            let (here, there) = (is(&person.fields), is(&member.fields));
            let normalises = name == "email" && self.life.setting.target.normalises;
            let agrees = here.same_as(&there)
                || (normalises && world::folded(&person.fields) == world::folded(&member.fields));
            let is_taken_back =
                member.past.is_taken_back(name, &here) || person.past.is_taken_back(name, &there);
            if !agrees && !is_taken_back && !state.watch.keeps(key, name, [&here, &there]) {
                return Err(format!("has {name} = {here:?}, and its member {there:?}"));
            }
        }
        Ok(())
    }

    /// Every member has its person, or is listed.
    fn members(&self, everything: bool) -> Result<(), String> {
        let linked: BTreeSet<&RecordKey> =
            self.links.values().map(|link| &link.target_key).collect();
        let state = self.life.platform.state();
        for (key, member) in &state.world.members {
            let address = world::folded(&member.fields);
            let mut others = state.world.members.iter();
            let shares =
                others.any(|(other, it)| other != key && world::folded(&it.fields) == address);
            // Where a person is listed, its member waits with it: what was refused has made no pair.
            let mut people = self.people.iter();
            let waits = people.any(|(person, it)| {
                self.listed.contains(person) && world::folded(&it.fields) == address
            });
            let is_known = linked.contains(key)
                || self.listed.contains(key)
                || waits
                || member
                    .made_for
                    .as_ref()
                    .is_some_and(|key| self.paused.contains(key));
            if everything && !is_known && !shares {
                return Err(format!("{key} is neither linked nor listed: {member:?}"));
            }
        }
        Ok(())
    }

    /// Whether there is anything that only a person can mend.
    fn needs_person(&self, key: &RecordKey, mapped: &Object) -> bool {
        let state = self.life.platform.state();
        let world = &state.world;
        let address = world::folded(mapped);
        let name = mapped.get("name").and_then(Value::as_text);
        let is_refused = name.is_some_and(|name| name.eq_ignore_ascii_case(world::REFUSED));
        let appends = self.life.configuration.mode == WriteMode::Append;
        let link = self.links.get(key);
        let is_gone = link.is_some_and(|link| !world.members.contains_key(&link.target_key));
        let shares = self
            .people
            .iter()
            .any(|(other, person)| other != key && world::folded(&person.fields) == address);
        let is_taken = world.members.iter().any(|(target, member)| {
            world::folded(&member.fields) == address
                && (appends || link.is_none_or(|link| link.target_key != *target))
        });
        let is_kept = self.held.contains(key) || self.set_aside.contains(key);
        is_refused || is_gone || shares || is_taken || is_kept
    }

    /// What we neither made nor adopted is as somebody else left it.
    fn strangers(&self) -> Result<(), String> {
        let linked: BTreeSet<&RecordKey> =
            self.links.values().map(|link| &link.target_key).collect();
        let state = self.life.platform.state();
        for (key, member) in &state.world.members {
            // Where every change is added anew, a person leaves a member that we adopted.
            let is_ours = member.made_for.is_some() || linked.contains(key) || self.life.appends;
            let is_touched = member
                .fields
                .iter()
                .any(|(name, _)| !member.theirs.contains(name));
            if !is_ours && is_touched {
                return Err(format!("{key} is none of ours and was changed: {member:?}"));
            }
        }
        Ok(())
    }
}

/// The history tells of every record what became of it.
fn lines(life: &Life<'_>) -> Result<(), String> {
    let filter = store::runs::RunFilter {
        sync: Some(life.sync),
        before: None,
        limit: 1000,
    };
    let runs = life
        .store
        .look(|db| store::runs::list(db, &filter))
        .unwrap();
    for run in runs {
        let lines = life
            .store
            .look_at_history(|db| store::run_records::count_by_outcome(db, run.id))
            .unwrap();
        let counts = &run.counts;
        for (outcome, counted) in [
            (RecordOutcome::Created, counts.created),
            (RecordOutcome::Updated, counts.updated),
            (RecordOutcome::Deleted, counts.deleted),
            (RecordOutcome::Filtered, counts.filtered),
            (RecordOutcome::Invalid, counts.invalid),
            (RecordOutcome::Rejected, counts.rejected),
            (RecordOutcome::Conflict, counts.conflict),
            (RecordOutcome::Held, counts.held),
        ] {
            let told = lines.get(&outcome).copied().unwrap_or_default();
            if told != counted {
                return Err(format!(
                    "the history tells of {told} {}, the run of {}: {}",
                    outcome.as_str(),
                    run.id,
                    counts.equation()
                ));
            }
        }
    }
    Ok(())
}
