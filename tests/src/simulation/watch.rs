//! What must hold at every request, looked up in the store at that moment.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use mapping::Program;
use model::conflict::Decision as Choice;
use model::ids::{ChangeId, RunId, SyncId};
use model::record::{Change, Operation, Record, RecordKey};
use model::sync::{Policy, WriteMode};
use model::value::{Object, Value};
use store::conflicts::Conflict;
use store::inline::Inline;
use store::journal::Pending;
use store::links::Link;

use super::history::Configuration;
use super::world::{self, World};

/// What was seen so far, and what was wrong with it.
#[derive(Default)]
pub(super) struct Watch {
    /// The first promise that was broken.
    pub(super) broken: Option<String>,
    /// Each version of a person that a page has brought.
    served: HashMap<RecordKey, Vec<Value>>,
    /// Records that were brought to each run.
    pub(super) read_by: HashMap<RunId, u64>,
    /// Records that were brought in the latest read.
    pub(super) read: u64,
    /// Who reads.
    reader: Option<RunId>,
    is_plan: bool,
    /// Who is right, where changes flow both ways.
    pub(super) both_ways: Option<Policy>,
    /// Changes of pairs that were linked when they were sent.
    pairs: HashMap<ChangeId, bool>,
    /// What a person has decided about: the keys of a pair, a field, and a value that may go.
    decided: Vec<([RecordKey; 2], String, Value)>,
    /// Those of them that may both stay.
    kept: Vec<(RecordKey, String, Value)>,
    /// How many members the latest search for an address has found.
    found: HashMap<String, usize>,
    /// Edits while the source is read shift its pages.
    pub(super) pages_shift: bool,
    /// Which persons were linked when the run began to read.
    pub(super) linked: BTreeSet<RecordKey>,
    /// Those of them for which the run sent an update of its own.
    pub(super) updated: BTreeSet<RecordKey>,
    /// Those of them that the run deleted.
    pub(super) deleted: BTreeSet<RecordKey>,
    /// How many complete reads did not bring a person that came before.
    missed: HashMap<RecordKey, u32>,
    /// Changes of its own that the run sent.
    pub(super) own: usize,
    /// Each version of the sync.
    versions: HashMap<u32, Version>,
    /// What each run ran.
    version_of: HashMap<RunId, u32>,
    sequence: u64,
    /// Fields that a link says nothing of, because the mapping has them only since then: what a member had in them is
    /// not known.
    unknown: HashSet<(ChangeId, String)>,
}

#[derive(Clone)]
struct Version {
    program: Arc<Program>,
    mode: WriteMode,
    sightings: u8,
}

impl Watch {
    /// Only the first counts: what comes after it may follow from it.
    pub(super) fn broken(&mut self, what: &str) {
        self.broken.get_or_insert_with(|| what.to_owned());
    }

    /// A version of the sync is in force.
    pub(super) fn version(&mut self, version: u32, program: Arc<Program>, is: &Configuration) {
        let version_is = Version {
            program,
            mode: is.mode,
            sightings: is.sightings,
        };
        self.versions.insert(version, version_is);
    }

    /// A run begins, or a plan, which is no run.
    pub(super) fn run_begins(&mut self, is_plan: bool) {
        self.is_plan = is_plan;
        self.read = 0;
        self.reader = None;
        self.linked.clear();
        self.updated.clear();
        self.deleted.clear();
        self.own = 0;
    }

    /// Any request.
    pub(super) fn request(&mut self, store: &Inline, sync: SyncId) {
        let looked = store.look(|db| {
            Ok((
                store::runs::active(db)?.len(),
                store::checkpoints::get(db, sync)?,
            ))
        });
        let (active, checkpoint) = looked.unwrap();
        if active > 1 {
            self.broken(&format!("{active} runs of one sync are active"));
        }
        self.checkpoint(checkpoint.map_or(0, |stored| stored.sequence));
    }

    /// The sequence of the checkpoint now.
    pub(super) fn checkpoint(&mut self, sequence: u64) {
        if sequence < self.sequence {
            let was = self.sequence;
            self.broken(&format!(
                "the checkpoint went back from {was} to {sequence}"
            ));
        }
        self.sequence = sequence;
    }

    /// The source is asked for its first page.
    pub(super) fn read_begins(&mut self, store: &Inline, sync: SyncId) {
        let looked = store.look(|db| {
            let links = store::links::page(db, sync, None, 10_000)?;
            Ok((store::runs::active_of_sync(db, sync)?, links))
        });
        let (active, links) = looked.unwrap();
        self.reader = active.map(|run| run.id).filter(|_| !self.is_plan);
        self.read = 0;
        self.linked = links.into_iter().map(|link| link.source_key).collect();
    }

    /// A page is brought.
    pub(super) fn served(&mut self, records: &[Record]) {
        self.read += records.len() as u64;
        if let Some(reader) = self.reader {
            *self.read_by.entry(reader).or_default() += records.len() as u64;
        }
        for record in records {
            let Some(key) = &record.key else { continue };
            let versions = self.served.entry(key.clone()).or_default();
            if !versions.contains(&record.fields) {
                versions.push(record.fields.clone());
            }
        }
    }

    /// The latest version of a person that a page has brought.
    pub(super) fn latest(&self, key: &RecordKey) -> Option<Value> {
        self.served.get(key)?.last().cloned()
    }

    /// Changes leave this computer.
    pub(super) fn sent(
        &mut self,
        store: &Inline,
        sync: SyncId,
        world: &World,
        on_source: bool,
        changes: &[Change],
    ) {
        let looked = store.look(|db| {
            let pending = store::journal::pending_of_sync(db, sync)?;
            let of_person = |one: &Change| match on_source {
                true => one.target_key.clone(),
                false => Some(one.source_key.clone()),
            };
            let sources: Vec<RecordKey> = changes.iter().filter_map(of_person).collect();
            let targets: Vec<RecordKey> = changes
                .iter()
                .filter_map(|one| one.target_key.clone())
                .collect();
            Ok((
                pending,
                store::links::get_many(db, sync, &sources)?,
                store::links::sources_of_targets(db, sync, &targets)?,
                store::runs::active_of_sync(db, sync)?.map(|run| run.id),
            ))
        });
        let (pending, links, owners, active) = looked.unwrap();
        let pending: HashMap<ChangeId, Pending> = pending
            .into_iter()
            .map(|pending| (pending.change.id, pending))
            .collect();
        let mut seen = HashSet::new();
        for change in changes {
            if !seen.insert(&change.source_key) {
                self.broken(&format!(
                    "one request has {} twice: {changes:?}",
                    change.source_key
                ));
            }
            let Some(pending) = pending.get(&change.id) else {
                self.broken(&format!("was sent and is not in the journal: {change:?}"));
                continue;
            };
            if pending.change != *change {
                self.broken(&format!(
                    "the journal has it otherwise: {change:?}, {pending:?}"
                ));
            }
            if pending.is_held {
                self.broken(&format!("is held for a person, and was sent: {change:?}"));
            }
            self.pairs
                .insert(change.id, links_pair(change, on_source, &links));
            if on_source || self.both_ways.is_some() {
                continue;
            }
            if Some(pending.run) == active && self.reader == active {
                self.own += 1;
                let done = match change.operation {
                    Operation::Delete => &mut self.deleted,
                    _ => &mut self.updated,
                };
                if self.linked.contains(&change.source_key) {
                    done.insert(change.source_key.clone());
                }
            }
            let explained = match change.operation {
                Operation::Delete => self.explain_deletion(store, world, pending),
                _ => self.explain(store, pending),
            };
            if let Err(why) = explained {
                self.broken(&format!("{why}: {change:?}"));
            }
            let link = links.get(&change.source_key);
            if let Some(link) = link {
                let names = change.fields.iter().map(|(name, _)| name);
                let unknown = names.filter(|name| link.shadow.get(name).is_none());
                self.unknown
                    .extend(unknown.map(|name| (change.id, name.to_owned())));
            }
            match (&change.operation, &change.target_key) {
                (Operation::Create, _) if link.is_some() => {
                    self.broken(&format!("is linked, and was sent as new: {change:?}"));
                }
                (Operation::Update, Some(target)) => {
                    if owners
                        .get(target)
                        .is_some_and(|owner| *owner != change.source_key)
                    {
                        self.broken(&format!("belongs to somebody else: {change:?}"));
                    }
                    let is_linked = link.is_some_and(|link| link.target_key == *target);
                    let address = world::folded(&pending.mapped);
                    let member = world.members.get(target).or(world.deleted.get(target));
                    let is_match = member.is_some_and(|it| it.addresses.contains(&address));
                    // One that was about to be made is looked up as what it was sent as.
                    let several = self.found.get(&address).is_some_and(|n| *n > 1);
                    if !is_linked && several && pending.change.before.is_some() {
                        self.broken(&format!("one of several was taken: {change:?}"));
                    }
                    if !is_linked && !is_match {
                        self.broken(&format!("has nothing to do with its target: {change:?}"));
                    }
                }
                (Operation::Delete, target) => {
                    let linked = link.map(|link| &link.target_key);
                    if linked.is_none() || linked != target.as_ref() {
                        self.broken(&format!("deletes what is not linked: {change:?}"));
                    }
                }
                (Operation::Update, None) => {
                    self.broken(&format!("updates nothing: {change:?}"));
                }
                _ => {}
            }
        }
    }

    /// The source was read from its beginning to its end.
    pub(super) fn read_completely(&mut self, brought: &BTreeSet<RecordKey>) {
        for key in self.served.keys().filter(|key| !brought.contains(*key)) {
            *self.missed.entry(key.clone()).or_default() += 1;
        }
    }

    fn version_in(&mut self, store: &Inline, run: RunId) -> Version {
        let version = *self.version_of.entry(run).or_insert_with(|| {
            let run = store.look(|db| store::runs::get(db, run)).unwrap();
            run.sync_version
        });
        self.versions[&version].clone()
    }

    /// Only what complete reads have missed often enough is deleted, where the sync mirrors.
    fn explain_deletion(
        &mut self,
        store: &Inline,
        world: &World,
        pending: &Pending,
    ) -> Result<(), String> {
        let version = self.version_in(store, pending.run);
        let key = &pending.change.source_key;
        if version.mode != WriteMode::Mirror {
            return Err(format!("a sync in mode {:?} deletes nothing", version.mode));
        }
        let missed = self.missed.get(key).copied().unwrap_or_default();
        if missed < u32::from(version.sightings) {
            return Err(format!("only {missed} complete reads have missed it"));
        }
        // A page can only miss what moved while it was read.
        let person = world.people.get(key);
        if person.is_some_and(|person| !person.was_late) && !self.pages_shift {
            return Err("it is still at the source".into());
        }
        Ok(())
    }

    /// A change is what the mapping of its run makes of a record that was read.
    fn explain(&mut self, store: &Inline, pending: &Pending) -> Result<(), String> {
        let run = pending.run;
        let Version { program, mode, .. } = self.version_in(store, run);
        let change = &pending.change;
        let source = pending.source.as_ref().ok_or("has no source record")?;
        let versions = self.served.get(&change.source_key);
        if !versions.is_some_and(|versions| versions.contains(source)) {
            return Err(format!("its source was never read: {source:?}"));
        }
        let mapped = program.apply(source);
        if mapped.problems.iter().any(|problem| problem.holds) {
            return Err("the mapping holds its record".into());
        }
        if mapped.fields != pending.mapped {
            return Err(format!(
                "the mapping makes {:?} of its record",
                mapped.fields
            ));
        }
        let may = match change.operation {
            Operation::Create => mode.creates() && change.fields == mapped.fields,
            Operation::Update => {
                mode.updates()
                    && !change.fields.is_empty()
                    && change
                        .fields
                        .iter()
                        .all(|(name, value)| mapped.fields.get(name) == Some(value))
            }
            Operation::Delete => false,
        };
        if may {
            Ok(())
        } else {
            Err(format!("no plan of a sync in mode {mode:?} gives it"))
        }
    }

    /// A create is carried out.
    pub(super) fn created(&mut self, world: &World, change: &Change) {
        // Whose address somebody changed cannot be found again by it.
        let twin = world.members.iter().find(|(_, member)| {
            member.made_for.as_ref() == Some(&change.source_key) && !member.theirs.contains("email")
        });
        if let Some((key, _)) = twin {
            self.broken(&format!("{key} was made again: {change:?}"));
        }
    }

    /// As for members, on the source.
    pub(super) fn created_person(&mut self, world: &World, change: &Change) {
        let mut people = world.people.iter();
        let twin = people.find(|(_, person)| {
            person.made_for.as_ref() == Some(&change.source_key) && !person.edited.contains("email")
        });
        if let Some((key, _)) = twin {
            self.broken(&format!("{key} was made again: {change:?}"));
        }
    }

    /// Whether the pair of a change was linked when it was sent.
    pub(super) fn is_linked(&self, change: &Change) -> bool {
        self.pairs.get(&change.id).copied().unwrap_or(false)
    }

    /// Where a person is asked, nothing that somebody edited is overwritten.
    pub(super) fn loses(&mut self, edited: &BTreeSet<String>, now: &Object, change: &Change) {
        if self.both_ways != Some(Policy::Ask) {
            return;
        }
        for (name, value) in change.fields.iter() {
            let there = now.get(name).cloned().unwrap_or_default();
            let is_decided = self.has_decided(&change.source_key, name, &there);
            if edited.contains(name) && !value.same_as(&there) && !is_decided {
                self.broken(&format!(
                    "an edit of \"{name}\", {there:?}, is lost: {change:?}"
                ));
            }
        }
    }

    /// A person decides: whatever was listed may go.
    pub(super) fn decided(&mut self, conflict: &Conflict, choice: &Choice) {
        let values = [&conflict.source, &conflict.target].into_iter().flatten();
        if *choice == Choice::KeepBoth {
            let (key, field) = (&conflict.source_key, &conflict.field);
            let kept = values.clone();
            let kept = kept.map(|value| (key.clone(), field.clone(), value.clone()));
            self.kept.extend(kept);
        }
        let pair = [conflict.source_key.clone(), conflict.target_key.clone()];
        let decided = values.map(|value| (pair.clone(), conflict.field.clone(), value.clone()));
        self.decided.extend(decided);
    }

    fn has_decided(&self, key: &RecordKey, name: &str, value: &Value) -> bool {
        let mut decided = self.decided.iter();
        decided.any(|(pair, field, decided)| {
            pair.contains(key) && field == name && decided.same_as(value)
        })
    }

    /// Whether a person lets a field of a pair have different values on both sides.
    pub(super) fn keeps(&self, person: &RecordKey, name: &str, values: [&Value; 2]) -> bool {
        values.iter().all(|value| {
            let mut kept = self.kept.iter();
            kept.any(|(key, field, kept)| key == person && field == name && kept.same_as(value))
        })
    }

    /// Members were searched by an address.
    pub(super) fn found(&mut self, address: &str, n: usize) {
        self.found.insert(address.to_owned(), n);
    }

    /// An update is carried out on a member of the version that it names.
    pub(super) fn overwrites(&mut self, now: &Object, change: &Change) {
        let empty = Object::new();
        let before = change.before.as_ref().unwrap_or(&empty);
        let fields = match change.operation {
            Operation::Delete => before,
            _ => &change.fields,
        };
        for (name, _) in fields.iter() {
            let is = |object: &Object| object.get(name).cloned().unwrap_or_default();
            if before.get(name).is_none() && self.unknown.contains(&(change.id, name.to_owned())) {
                continue;
            }
            let (kept, there) = (is(before), is(now));
            // What the platform made of our own address is not known to us.
            let differs = match name {
                "email" => world::folded(before) != world::folded(now),
                _ => !kept.same_as(&there),
            };
            if differs {
                self.broken(&format!(
                    "{there:?} in \"{name}\" is overwritten, and {kept:?} is kept as what was there: {change:?}"
                ));
            }
        }
    }
}

/// Whether a change is of a pair that is linked.
fn links_pair(change: &Change, on_source: bool, links: &HashMap<RecordKey, Link>) -> bool {
    let Some(target) = &change.target_key else {
        return false;
    };
    let (person, member) = match on_source {
        true => (target, &change.source_key),
        false => (&change.source_key, target),
    };
    links
        .get(person)
        .is_some_and(|link| link.target_key == *member)
}
