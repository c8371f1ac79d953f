//! What must hold at every request, looked up in the store at that moment.

mod explain;
mod lost;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use mapping::Program;
use model::conflict::Decision as Choice;
use model::ids::{ChangeId, RunId, SyncId};
use model::record::{Change, Intent, Operation, Record, RecordKey};
use model::sync::{Policy, WriteMode};
use model::value::{Object, Value};
use store::conflicts::Conflict;
use store::inline::Inline;
use store::journal::Pending;
use store::links::Link;

use explain::explain_undo;
pub(super) use lost::Stand;

use super::history::Configuration;
use super::world::{self, World};

/// How often the same is tried: five times, and once by a plan of before, which does not know what it is by now.
const MOST_TRIES: u32 = 6;

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
    /// Changes flow both ways.
    pub(super) both_ways: bool,
    /// Nothing goes wrong any more.
    pub(super) is_at_rest: bool,
    /// How often what is written to a record was refused since then, and what it was, made of what.
    refused: HashMap<(bool, RecordKey), (SentFields, u32)>,
    /// What was sent.
    sent_as: HashMap<ChangeId, SentAs>,
    /// Of what the record of a person on the target was made or changed last, and by which change.
    made_of: HashMap<RecordKey, (ChangeId, Value)>,
    /// Records of which a change was sent, and its process ended before the answer was kept.
    unheard: HashSet<RecordKey>,
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
    /// When the first of them was.
    missed_since: HashMap<RecordKey, i64>,
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

/// The fields of a change, and the record that they were made of.
type SentFields = (Object, Option<Value>);

/// What a change was when it was sent.
struct SentAs {
    intent: Intent,
    /// Who was right then.
    policy: Option<Policy>,
    /// Every change is added anew.
    appends: bool,
    /// What it was made of.
    source: Option<Value>,
    /// Of a pair that was linked, the fields in which the two had agreed. In others they meet for the first time, and
    /// the rule for that counts.
    agreed: Option<BTreeSet<String>>,
}

#[derive(Clone)]
struct Version {
    program: Arc<Program>,
    mode: WriteMode,
    policy: Option<Policy>,
    sightings: u8,
    after_days: u16,
}

impl Watch {
    /// Only the first counts: what comes after it may follow from it.
    pub(super) fn broken(&mut self, what: &str) {
        self.broken.get_or_insert_with(|| what.to_owned());
    }

    /// A version of the sync is in force.
    pub(super) fn version(
        &mut self,
        version: u32,
        program: Arc<Program>,
        is: &Configuration,
        policy: Option<Policy>,
    ) {
        let version_is = Version {
            program,
            mode: is.mode,
            policy,
            sightings: is.sightings,
            after_days: is.after_days,
        };
        self.versions.insert(version, version_is);
    }

    /// A run begins, or a plan, which is no run. So much is open in the journal.
    pub(super) fn run_begins(&mut self, is_plan: bool, open: Vec<Pending>) {
        for pending in open {
            self.unheard.insert(pending.change.source_key);
            self.unheard.extend(pending.change.target_key);
        }
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
        now: i64,
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
            let Some(pending) = pending.get(&change.id) else {
                self.broken(&format!("was sent and is not in the journal: {change:?}"));
                continue;
            };
            // One run may have added a record more than once, and takes back each of them.
            let target = (pending.intent == Intent::Undo).then_some(&change.target_key);
            if !seen.insert((&change.source_key, target)) {
                self.broken(&format!(
                    "one request has {} twice: {changes:?}",
                    change.source_key
                ));
            }
            if pending.change != *change {
                self.broken(&format!(
                    "the journal has it otherwise: {change:?}, {pending:?}"
                ));
            }
            if pending.is_held {
                self.broken(&format!("is held for a person, and was sent: {change:?}"));
            }
            let version = self.version_in(store, pending.run);
            let sent_as = SentAs {
                intent: pending.intent,
                policy: version.policy,
                appends: version.mode == WriteMode::Append,
                source: pending.source.clone(),
                agreed: links_pair(change, on_source, &links),
            };
            let appends = sent_as.appends;
            self.sent_as.insert(change.id, sent_as);
            if pending.intent == Intent::Undo {
                if let Err(why) = explain_undo(world, on_source, change) {
                    self.broken(&format!("{why}: {change:?}"));
                }
                continue;
            }
            if on_source && !self.both_ways {
                self.broken(&format!(
                    "the source of a sync one way was written: {change:?}"
                ));
            }
            if on_source || self.both_ways {
                continue;
            }
            if Some(pending.run) == active && self.reader == active {
                self.own += 1;
                let done = match change.operation {
                    Operation::Delete => Some(&mut self.deleted),
                    Operation::Update => Some(&mut self.updated),
                    Operation::Create => None,
                };
                if self.linked.contains(&change.source_key) {
                    done.map(|done| done.insert(change.source_key.clone()));
                }
            }
            let explained = match change.operation {
                Operation::Delete => self.explain_deletion(store, world, now, pending),
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
            let made_of = self.made_of.get(&change.source_key);
            let made_of = made_of.filter(|(id, _)| *id != change.id);
            let is_as_made =
                made_of.is_some_and(|(_, source)| pending.source.as_ref() == Some(source));
            let now = world.people.get(&change.source_key);
            let is_latest = self.latest(&change.source_key) == pending.source;
            let is_made = !is_latest
                && made_of
                    .zip(now)
                    .is_some_and(|((_, source), now)| source.as_object() == Some(&now.fields));
            match (&change.operation, &change.target_key) {
                (Operation::Create, _) if link.is_some() && is_as_made => {
                    self.broken(&format!(
                        "was not changed at the source, and is added again: {change:?}"
                    ));
                }
                (Operation::Create, _) if is_made && appends => {
                    self.broken(&format!(
                        "what the source had before is added after what it has: {change:?}"
                    ));
                }
                (Operation::Create, _) if link.is_some() && !appends => {
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
                    // Where both sides are read, only what differs is told of what the mapping makes.
                    let source = pending.source.as_ref();
                    let mapped = source.map(|source| version.program.apply(source).fields);
                    let address = world::folded(mapped.as_ref().unwrap_or(&pending.mapped));
                    let member = world.members.get(target).or(world.deleted.get(target));
                    let is_match = member.is_some_and(|it| it.addresses.contains(&address));
                    // One that was about to be made is looked up as what it was sent as.
                    let several = self.found.get(&address).is_some_and(|n| *n > 1);
                    // Where both sides are read, those that are linked to others are none of them.
                    let several = several && version.mode != WriteMode::FullRefresh;
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
    pub(super) fn read_completely(&mut self, brought: &BTreeSet<RecordKey>, now: i64) {
        self.missed_since.retain(|key, _| !brought.contains(key));
        for key in self.served.keys().filter(|key| !brought.contains(*key)) {
            *self.missed.entry(key.clone()).or_default() += 1;
            self.missed_since.entry(key.clone()).or_insert(now);
        }
    }

    /// A create is carried out.
    pub(super) fn created(&mut self, world: &World, change: &Change) {
        let appends = self.appended(change);
        // Whose address somebody changed cannot be found again by it.
        let mut of_it = world.members.iter().filter(|(_, member)| {
            member.made_for.as_ref() == Some(&change.source_key)
                && !member.theirs.contains("email")
                && !member.is_restored
        });
        // Where every change is added, the one before it was another.
        let twin = match appends {
            false => of_it.next(),
            true => of_it
                .max_by_key(|(_, member)| member.stamp)
                .filter(|(_, member)| member.made_as == change.fields),
        };
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
        let sent_as = self.sent_as.get(&change.id);
        sent_as.is_some_and(|sent_as| sent_as.agreed.is_some())
    }

    /// A change is refused. The same is not tried for ever.
    pub(super) fn refused(&mut self, on_source: bool, change: &Change) {
        let key = (on_source, change.source_key.clone());
        let sent_as = self.sent_as.get(&change.id);
        let source = sent_as.and_then(|sent_as| sent_as.source.clone());
        let tried = (change.fields.clone(), source);
        let (same, n) = self
            .refused
            .entry(key)
            .or_insert_with(|| (tried.clone(), 0));
        if *same != tried {
            (*same, *n) = (tried, 0);
        }
        *n += 1;
        // Where pages shift, a complete read may have missed it meanwhile.
        if *n > MOST_TRIES && self.is_at_rest && !self.pages_shift {
            self.broken(&format!("is tried again and again: {change:?}"));
        }
    }

    /// Nobody edits any more and nothing goes wrong.
    pub(super) fn rests(&mut self) {
        self.is_at_rest = true;
        self.refused.clear();
    }

    /// What the mapping in force makes of a person.
    pub(super) fn mapped_now(&self, person: &Object) -> Object {
        let latest = self.versions.iter().max_by_key(|(version, _)| **version);
        latest.map_or_else(Object::new, |(_, version)| {
            version.program.apply(&Value::Object(person.clone())).fields
        })
    }

    /// A change is carried out on the target.
    pub(super) fn carried_out(&mut self, change: &Change) {
        let sent_as = self.sent_as.get(&change.id);
        let source = sent_as
            .filter(|sent_as| sent_as.intent == Intent::Sync)
            .and_then(|sent_as| sent_as.source.clone());
        match source {
            Some(source) => {
                let made = (change.id, source);
                self.made_of.insert(change.source_key.clone(), made);
            }
            None => {
                self.made_of.remove(&change.source_key);
            }
        }
    }

    /// Whether the sync had a mapping once that does not fill a field.
    pub(super) fn was_without(&self, name: &str) -> bool {
        let nobody = Value::Object(Object::new());
        self.versions
            .values()
            .any(|version| version.program.apply(&nobody).fields.get(name).is_none())
    }

    /// Whether any mapping of the sync so far gives a field this value.
    pub(super) fn ever_maps(&self, person: &Object, name: &str, value: &Value) -> bool {
        let person = Value::Object(person.clone());
        self.versions.values().any(|version| {
            let fields = version.program.apply(&person).fields;
            fields.get(name).is_none_or(|made| made.same_as(value))
        })
    }

    /// Whether a change is one of those that are added anew each time.
    pub(super) fn appended(&self, change: &Change) -> bool {
        let sent_as = self.sent_as.get(&change.id);
        sent_as.is_some_and(|sent_as| sent_as.appends)
    }

    /// Whether a change takes something back.
    pub(super) fn is_undo(&self, change: &Change) -> bool {
        let sent_as = self.sent_as.get(&change.id);
        sent_as.is_some_and(|sent_as| sent_as.intent == Intent::Undo)
    }

    /// What the platform made of our own address is no change of its.
    pub(super) fn echoes(&mut self, now: &Object, is_theirs: bool, change: &Change) {
        let Some(address) = change.fields.get("email").and_then(Value::as_text) else {
            return;
        };
        let there = now
            .get("email")
            .and_then(Value::as_text)
            .unwrap_or_default();
        let is_same = address.eq_ignore_ascii_case(there);
        if is_same && address != there && !is_theirs {
            self.broken(&format!("our own write came back as a change: {change:?}"));
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
}

/// The fields in which the pair of a change has agreed, where it is linked.
fn links_pair(
    change: &Change,
    on_source: bool,
    links: &HashMap<RecordKey, Link>,
) -> Option<BTreeSet<String>> {
    let target = change.target_key.as_ref()?;
    let (person, member) = match on_source {
        true => (target, &change.source_key),
        false => (&change.source_key, target),
    };
    let link = links
        .get(person)
        .filter(|link| link.target_key == *member)?;
    let names = link.shadow.iter().map(|(name, _)| name.to_owned());
    Some(names.collect())
}
