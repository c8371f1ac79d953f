//! The plan of a run that reads both sides: what changed on each since it was last read, pair by pair.
//!
//! 1. The target's changes are read first and wait on the disk (`store::staged`).
//! 2. The source's changes come page by page; each finds its counterpart there, by link or by match key.
//! 3. What still waits then was changed on the target only.
//! 4. Where both reads were complete, what is missing on one side is looked at last ([`crate::deletes`]).
//!
//! Nothing is written and nothing is remembered here but the plan: it may be of a draft, and nobody may want it.
//!
//! Every record that was read, of either side, has one outcome: what its changes do to the other side.

use std::collections::{HashMap, HashSet};

use connectors::{Find, Page, ReadRequest};
use model::conflict::ConflictKind;
use model::cursor::Checkpoint;
use model::ids::{ChangeId, PlanId};
use model::record::{Change, Intent, Operation, Record, RecordKey};
use model::run::RunCounts;
use model::sync::{DeleteAction, Side, TwoWay};
use model::value::{Fingerprint, Object, Value};
use store::agreed::Agreed;
use store::conflicts::Conflict;
use store::links::Link;
use store::plans::{PlanAction, PlanEntry};
use store::staged::Staged;

use crate::claims::Claims;
use crate::error::Result;
use crate::flips::Flips;
use crate::job::{Back, BackField, Job};
use crate::limits::{ENTRIES_PER_BATCH, RECORDS_PER_BATCH};
use crate::merge::{self, Clash, Merged, Pair, point_in_time};
use crate::plan::{self, Decision, Mapped, NOT_READ, Problem};
use crate::run::{self, Planned, Sequence, Work, hash, stop_if_cancelled};
use crate::stored_plan::Made;
use crate::{deletes, lookup, read, stored_plan};

/// Reads both sides and writes the entries of the plan.
pub(crate) async fn build(
    job: &Job,
    back: &Back,
    work: &Work,
    plan: PlanId,
    full: bool,
) -> Result<Made> {
    let (request, checkpoint) = run::read_request(job, work, full).await?;
    let full = request.full;
    let back_request = ReadRequest {
        stream: job.target_stream.name.clone(),
        cursor: checkpoint.target_cursor.clone(),
        position: None,
        full,
        limit: None,
    };
    let source_complete = run::reads_everything(&request);
    let target_complete = run::reads_everything(&back_request);
    let mut build = Build {
        job,
        back,
        work,
        plan,
        rules: job.document.both_ways(),
        sequence: Sequence::default(),
        counts: RunCounts::default(),
        updates: 0,
        claims: Claims::default(),
        seen_on_source: HashSet::new(),
        seen_on_target: HashSet::new(),
        met: HashSet::new(),
        taken_on_source: HashSet::new(),
        source_complete,
        target_complete,
        looks_for_deletes: job.document.delete_action() != DeleteAction::Keep && !work.is_draft,
        unwritable: HashSet::new(),
    };
    build.look_for_unsettled().await?;
    let mut deleted_cursor = None;
    if build.looks_for_deletes {
        work.meter.stage("Reading what was deleted");
        deleted_cursor = deletes::read_told(job, work, &checkpoint).await?;
    }
    work.meter.stage("Reading the target");
    let target_cursor = build.stage_target(back_request).await?;
    if build.looks_for_deletes && target_complete {
        let seen = std::mem::take(&mut build.seen_on_target);
        build.seen_on_target = deletes::note_missing(job, work, Side::Target, seen).await?;
    }
    work.meter.stage("Reading the source and comparing");
    let cursor = build.read_source(request).await?;
    if build.looks_for_deletes && source_complete {
        let seen = std::mem::take(&mut build.seen_on_source);
        build.seen_on_source = deletes::note_missing(job, work, Side::Source, seen).await?;
    }
    build.rest_of_target().await?;
    let mut n_deletes = 0;
    if build.looks_for_deletes {
        let met = std::mem::take(&mut build.met);
        for side in [Side::Source, Side::Target] {
            n_deletes += deletes::plan_due(
                job,
                work,
                plan,
                side,
                &met,
                &mut build.sequence,
                &mut build.counts,
            )
            .await?;
        }
    }
    work.store
        .write(move |tx| store::staged::clear(tx, plan))
        .await?;
    let empty = match (
        source_complete && build.seen_on_source.is_empty(),
        target_complete && build.seen_on_target.is_empty(),
    ) {
        (true, _) => Some(Side::Source),
        (_, true) => Some(Side::Target),
        _ => None,
    };
    Ok(Made {
        counts: build.counts,
        updates: build.updates,
        deletes: n_deletes,
        checkpoint: Checkpoint {
            version: 1,
            cursor: cursor.or(checkpoint.cursor.clone()),
            target_cursor: target_cursor.or(checkpoint.target_cursor.clone()),
            position: None,
            mapping: Some(job.mapping_mark.clone()),
            deleted_cursor: deleted_cursor.or(checkpoint.deleted_cursor.clone()),
            complete_at: match source_complete && target_complete {
                true => Some(work.clock.now()),
                false => checkpoint.complete_at,
            },
        },
        is_complete: source_complete,
        empty,
    })
}

struct Build<'a> {
    job: &'a Job,
    back: &'a Back,
    work: &'a Work,
    plan: PlanId,
    rules: TwoWay,
    sequence: Sequence,
    counts: RunCounts,
    updates: u64,
    claims: Claims,
    /// Hashes of keys.
    seen_on_source: HashSet<u64>,
    seen_on_target: HashSet<u64>,
    /// Records of the target whose pair was looked at with the source's record.
    met: HashSet<u64>,
    /// Hashes of match keys that records of the source have, or are about to be made with.
    taken_on_source: HashSet<u64>,
    source_complete: bool,
    target_complete: bool,
    looks_for_deletes: bool,
    /// Keys of either side with a write that nobody knows the outcome of.
    unwritable: HashSet<RecordKey>,
}

/// What is known about the records of a batch.
#[derive(Default)]
struct Known {
    links: HashMap<RecordKey, Link>,
    /// Records of the target that were read in this run, by their key.
    staged: HashMap<RecordKey, Record>,
    paused: HashMap<RecordKey, String>,
    conflicts: HashMap<RecordKey, Vec<Conflict>>,
    flips: Flips,
    /// Records that are missing on a side, by the key of the source.
    missing: HashMap<RecordKey, Side>,
}

/// The entries that a batch came to.
#[derive(Default)]
struct Found {
    entries: Vec<PlanEntry>,
    counts: RunCounts,
    flips: Vec<store::flips::Flip>,
    again: Vec<RecordKey>,
}

/// One pair, with what was read of it.
struct Met<'a> {
    source_key: RecordKey,
    target_key: RecordKey,
    link: Option<&'a Link>,
    left: Option<&'a Read>,
    right: Option<&'a Record>,
}

/// A record of the source that was read in this run.
struct Read {
    mapped: Mapped,
    version: Option<String>,
}

impl Build<'_> {
    async fn look_for_unsettled(&mut self) -> Result<()> {
        let sync = self.job.sync;
        let pending = self
            .work
            .store
            .read(move |db| store::journal::pending_of_sync(db, sync))
            .await?;
        for pending in pending {
            self.unwritable.insert(pending.change.source_key);
            self.unwritable.extend(pending.change.target_key);
        }
        Ok(())
    }

    /// Reads the target's changes to the disk.
    async fn stage_target(&mut self, request: ReadRequest) -> Result<Option<serde_json::Value>> {
        let mut pages = read::start::<connectors::Page>(
            &self.work.tracker,
            self.back.source.clone(),
            request,
            self.work.target_access.clone(),
        );
        let mut cursor = None;
        while let Some(page) = pages.recv().await {
            let Page {
                records,
                cursor: reached,
                ..
            } = page?;
            stop_if_cancelled(self.work)?;
            cursor = reached.or(cursor);
            let staged: Vec<Staged> = records
                .into_iter()
                .map(|record| Staged {
                    match_hash: record
                        .fields
                        .as_object()
                        .and_then(|fields| {
                            lookup::match_key_of(fields, &self.job.document.match_on)
                        })
                        .map(|key| hash(key.as_str())),
                    record,
                })
                .collect();
            let keys = staged
                .iter()
                .filter_map(|staged| staged.record.key.as_ref());
            self.seen_on_target
                .extend(keys.map(|key| hash(key.as_str())));
            let plan = self.plan;
            self.work
                .store
                .write(move |tx| store::staged::put_many(tx, plan, &staged))
                .await?;
        }
        Ok(cursor)
    }

    async fn read_source(&mut self, request: ReadRequest) -> Result<Option<serde_json::Value>> {
        let mut pages = read::start::<connectors::Page>(
            &self.work.tracker,
            self.job.source.clone(),
            request,
            self.work.source_access.clone(),
        );
        let mut cursor = None;
        while let Some(page) = pages.recv().await {
            let page = page?;
            cursor = page.cursor.or(cursor);
            for batch in run::batches(page.records) {
                stop_if_cancelled(self.work)?;
                self.source_batch(batch).await?;
            }
        }
        Ok(cursor)
    }

    async fn source_batch(&mut self, records: Vec<Record>) -> Result<()> {
        let read: Vec<Read> = records
            .into_iter()
            .map(|record| {
                let version = record.version.clone();
                let mapped = lookup::map(self.job, record);
                Read { mapped, version }
            })
            .collect();
        let keys: Vec<RecordKey> = read
            .iter()
            .map(|read| read.mapped.source_key.clone())
            .collect();
        if self.looks_for_deletes {
            let deletions = &self.job.source_stream.capabilities.deletions;
            let marked = read
                .iter()
                .filter(|read| deletes::is_marked(deletions, &read.mapped.source.as_value()))
                .map(|read| read.mapped.source_key.clone());
            deletes::note_told(self.job, self.work, marked.collect()).await?;
        }
        let known = self.known(keys, Vec::new()).await?;
        let counterparts = self.counterparts(&read, &known).await?;
        let mut found = Found::default();
        for (read, candidates) in read.iter().zip(counterparts) {
            let key = &read.mapped.source_key;
            if !self.seen_on_source.insert(hash(key.as_str())) {
                // Changed while it was listed: the later one counts.
                found.again.push(key.clone());
            }
            let match_on = &self.job.document.match_on;
            if let Some(key) = lookup::match_key_of(&read.mapped.fields, match_on) {
                self.taken_on_source.insert(hash(key.as_str()));
            }
            self.source_record(read, candidates, &known, &mut found);
        }
        self.keep(found).await
    }

    /// All that the store knows of pairs, by keys of the source and of the target.
    async fn known(&self, keys: Vec<RecordKey>, targets: Vec<RecordKey>) -> Result<Known> {
        let (sync, plan) = (self.job.sync, self.plan);
        let deletes = self.looks_for_deletes;
        Ok(self
            .work
            .store
            .read(move |db| {
                let mut keys = keys;
                if !targets.is_empty() {
                    let linked = store::links::sources_of_targets(db, sync, &targets)?;
                    keys.extend(linked.into_values());
                }
                let links = store::links::get_many(db, sync, &keys)?;
                let mut wanted: Vec<RecordKey> =
                    links.values().map(|link| link.target_key.clone()).collect();
                wanted.extend(targets);
                let mut conflicts: HashMap<RecordKey, Vec<Conflict>> = HashMap::new();
                for conflict in store::conflicts::of_records(db, sync, &keys)? {
                    conflicts
                        .entry(conflict.source_key.clone())
                        .or_default()
                        .push(conflict);
                }
                let mut missing = HashMap::new();
                if deletes {
                    for side in [Side::Source, Side::Target] {
                        let gone = store::missing::among(db, sync, side, &keys)?;
                        missing.extend(gone.into_iter().map(|key| (key, side)));
                    }
                }
                Ok(Known {
                    staged: store::staged::get_many(db, plan, &wanted)?,
                    paused: store::pauses::reasons(db, sync, &keys)?,
                    flips: Flips::new(store::flips::of_records(db, sync, &keys)?),
                    links,
                    conflicts,
                    missing,
                })
            })
            .await?)
    }

    /// Records of the target that new records of the source could be, one list for each record.
    async fn counterparts(&self, read: &[Read], known: &Known) -> Result<Vec<Vec<Record>>> {
        let match_on = &self.job.document.match_on;
        let mut wanted: Vec<(usize, u64, Vec<Value>)> = Vec::new();
        for (n, read) in read.iter().enumerate() {
            let mapped = &read.mapped;
            if known.links.contains_key(&mapped.source_key) || mapped.problem.is_some() {
                continue;
            }
            if let (Some(key), Ok(values)) = (
                lookup::match_key_of(&mapped.fields, match_on),
                lookup::values_of(&mapped.fields, match_on),
            ) {
                wanted.push((n, hash(key.as_str()), values));
            }
        }
        let mut found = vec![Vec::new(); read.len()];
        if wanted.is_empty() {
            return Ok(found);
        }
        let (plan, hashes) = (
            self.plan,
            wanted.iter().map(|(_, hash, _)| *hash).collect::<Vec<_>>(),
        );
        let staged: Vec<Vec<Record>> = self
            .work
            .store
            .read(move |db| {
                hashes
                    .iter()
                    .map(|hash| store::staged::by_match(db, plan, *hash))
                    .collect()
            })
            .await?;
        let mut to_find = Vec::new();
        for ((n, _, values), records) in wanted.into_iter().zip(staged) {
            let is_searched = !records.is_empty() || self.target_complete;
            if let Some(slot) = found.get_mut(n) {
                *slot = records;
            }
            if !is_searched {
                to_find.push((n, values));
            }
        }
        let can = &self.job.target_stream.capabilities.match_by;
        if !to_find.is_empty() && match_on.iter().all(|path| can.contains(path)) {
            let find = Find {
                stream: self.job.target_stream.name.clone(),
                by: match_on.clone(),
                values: to_find.iter().map(|(_, values)| values.clone()).collect(),
            };
            let answers = self
                .job
                .destination
                .find(find, &self.work.target_access)
                .await?;
            for ((n, _), records) in to_find.into_iter().zip(answers) {
                if let Some(slot) = found.get_mut(n) {
                    *slot = records;
                }
            }
        }
        self.without_linked(found).await
    }

    /// Takes out records that already belong to another record of the source.
    async fn without_linked(&self, found: Vec<Vec<Record>>) -> Result<Vec<Vec<Record>>> {
        let keys: Vec<RecordKey> = found
            .iter()
            .flatten()
            .filter_map(|record| record.key.clone())
            .collect();
        if keys.is_empty() {
            return Ok(found);
        }
        let sync = self.job.sync;
        let linked = self
            .work
            .store
            .read(move |db| store::links::sources_of_targets(db, sync, &keys))
            .await?;
        Ok(found
            .into_iter()
            .map(|records| {
                records
                    .into_iter()
                    .filter(|record| {
                        let key = record.key.as_ref();
                        key.is_some_and(|key| !linked.contains_key(key))
                    })
                    .collect()
            })
            .collect())
    }

    fn source_record(
        &mut self,
        read: &Read,
        candidates: Vec<Record>,
        known: &Known,
        found: &mut Found,
    ) {
        let mapped = &read.mapped;
        let key = &mapped.source_key;
        if let Some(reason) = known.paused.get(key) {
            return self.leave(
                read,
                Decision::Filtered(words(format!("paused: {reason}"))),
                found,
            );
        }
        if self.unwritable.contains(key) {
            return self.leave(read, Decision::Held(words(UNSETTLED)), found);
        }
        if let Some(problem) = self.job.leaves_out(&mapped.source.as_value()) {
            return self.leave(read, Decision::Filtered(problem), found);
        }
        if let Some(problem) = &mapped.problem {
            return self.leave(read, Decision::Invalid(problem.clone()), found);
        }
        if let Some(link) = known.links.get(key) {
            let right = known.staged.get(&link.target_key);
            let is_same = link.source_fingerprint == mapped.fingerprint;
            if is_same && right.is_none() {
                found.counts.read += 1;
                found.counts.unchanged += 1;
                return;
            }
            if known.missing.get(key) == Some(&Side::Target) {
                return self.edited_and_missing(Side::Target, link, Some(read), None, found);
            }
            if right.is_some() {
                self.met.insert(hash(link.target_key.as_str()));
            }
            let met = Met {
                source_key: key.clone(),
                target_key: link.target_key.clone(),
                link: Some(link),
                left: Some(read),
                right,
            };
            return self.pair(met, known, found);
        }
        match candidates.as_slice() {
            [] => self.new_on_source(read, found),
            [record] => {
                let Some(target_key) = record.key.clone() else {
                    return self.leave(read, Decision::Held(words(NO_KEY)), found);
                };
                if self.unwritable.contains(&target_key) {
                    return self.leave(read, Decision::Held(words(UNSETTLED)), found);
                }
                if !self.met.insert(hash(target_key.as_str())) {
                    return self.leave(read, Decision::Held(words(SHARED)), found);
                }
                let met = Met {
                    source_key: key.clone(),
                    target_key,
                    link: None,
                    left: Some(read),
                    right: Some(record),
                };
                self.pair(met, known, found);
            }
            several => {
                self.met.extend(
                    several
                        .iter()
                        .filter_map(|record| record.key.as_ref())
                        .map(|key| hash(key.as_str())),
                );
                let words = words(format!(
                    "{} records of the target match this one; merge them there, or match by a field that is unique",
                    several.len()
                ));
                self.leave(read, Decision::Held(words), found);
            }
        }
    }

    /// A record of the source that nothing is written for.
    fn leave(&mut self, read: &Read, decision: Decision, found: &mut Found) {
        self.enter(
            Planned {
                mapped: read.mapped.clone(),
                decision,
                was_linked: false,
                side: Side::Target,
                intent: Intent::Sync,
            },
            found,
        );
    }

    fn new_on_source(&mut self, read: &Read, found: &mut Found) {
        let mapped = &read.mapped;
        let decision = match lookup::values_of(&mapped.fields, &self.job.document.match_on) {
            Err(field) => Decision::Held(Problem {
                message: format!(
                    "\"{field}\" is empty, and it is what records are matched by; fill it in or match by another field"
                ),
                field: Some(field),
            }),
            Ok(_) => plan::create(mapped, &self.job.rules()),
        };
        let mut planned = Planned {
            mapped: mapped.clone(),
            decision,
            was_linked: false,
            side: Side::Target,
            intent: Intent::Sync,
        };
        self.claims.one_each(&mut planned, &self.job.rules());
        self.enter(planned, found);
    }

    /// Adds an entry and counts it.
    fn enter(&mut self, planned: Planned, found: &mut Found) {
        found.counts.read += 1;
        let outcome = run::expected_outcome(&planned);
        outcome.count(&mut found.counts);
        if let Ok(entry) = stored_plan::to_entry(planned, &mut self.sequence) {
            found.entries.push(entry);
        }
    }

    /// Merges what is known of both sides, and plans what comes of it.
    fn pair(&mut self, met: Met<'_>, known: &Known, found: &mut Found) {
        let open = known.conflicts.get(&met.source_key);
        let open: &[Conflict] = open.map_or(&[], Vec::as_slice);
        let on_target = met.link.map(Link::on_target);
        let nothing = Object::new();
        // What was not read is as it was, but for fields in conflict, which differ from the base.
        let source = match met.left {
            Some(read) => read.mapped.fields.clone(),
            None => {
                let mut fields = met
                    .link
                    .map_or_else(Object::new, |link| link.shadow.clone());
                overlay(&mut fields, open, Side::Source);
                fields
            }
        };
        let target = match met.right {
            Some(record) => record.fields.as_object().unwrap_or(&nothing).clone(),
            None => {
                let mut fields = on_target.clone().unwrap_or_default();
                overlay(&mut fields, open, Side::Target);
                fields
            }
        };
        let pair = Pair {
            base: met
                .link
                .zip(on_target.as_ref())
                .map(|(link, on_target)| (&link.shadow, on_target)),
            source: &source,
            target: &target,
            newest: self.newest(met.left, met.right),
        };
        let mut merged = merge::merge(
            &pair,
            |name| self.back.fields.get(name),
            self.rules.read_only,
        );
        hold_open(&mut merged, open, &source, &target);
        let flips = known
            .flips
            .look(&met.source_key, &mut merged, &source, &target);
        found.flips.extend(flips);
        self.plan_pair(&met, merged, &target, found);
    }

    fn newest(&self, left: Option<&Read>, right: Option<&Record>) -> Option<Side> {
        let time = |record: &Value, field: Option<&model::path::FieldPath>| {
            let text = match record.at(field?)? {
                Value::Timestamp(time) => return Some(time.instant),
                Value::Text(text) => text.to_string(),
                other => model::json::to_string(other).trim_matches('"').to_owned(),
            };
            point_in_time(&text)
        };
        let source = time(
            &left?.mapped.source.as_value(),
            self.job.source_stream.cursor_field.as_ref(),
        )?;
        let target = time(&right?.fields, self.job.target_stream.cursor_field.as_ref())?;
        match source.cmp(&target) {
            std::cmp::Ordering::Greater => Some(Side::Source),
            std::cmp::Ordering::Less => Some(Side::Target),
            std::cmp::Ordering::Equal => None,
        }
    }

    fn plan_pair(&mut self, met: &Met<'_>, mut merged: Merged, target: &Object, found: &mut Found) {
        let n_read = u64::from(met.left.is_some()) + u64::from(met.right.is_some());
        let mode = self.job.document.mode;
        let mut entries: Vec<PlanEntry> = Vec::new();
        let fingerprint = met.left.map_or(NOT_READ, |read| read.mapped.fingerprint);
        let source_record = met.left.map(|read| read.mapped.source.as_value());
        let source_record = source_record.as_deref();
        let record = source_record
            .or(met.right.map(|record| &record.fields))
            .cloned();
        let record = record.unwrap_or_default();
        let right_version = met
            .right
            .and_then(|record| record.version.clone())
            .or_else(|| met.link.and_then(|link| link.target_version.clone()));
        let left_version = met
            .left
            .and_then(|read| read.version.clone())
            .or_else(|| met.link.and_then(|link| link.source_version.clone()));
        let mapped = |fields: Object, fingerprint: Fingerprint| Mapped {
            source_key: met.source_key.clone(),
            source: record.clone().into(),
            fields,
            fingerprint,
            problem: None,
        };
        let (to_source, no_way) = self.way_back(&mut merged.to_source, target, source_record);
        merged.conflicts.extend(no_way);
        let mut planned = Vec::new();
        if !merged.to_target.is_empty() && mode.updates() {
            let fields = std::mem::take(&mut merged.to_target);
            planned.push(Planned {
                decision: Decision::Write(Box::new(Change {
                    id: ChangeId::new(),
                    operation: Operation::Update,
                    source_key: met.source_key.clone(),
                    target_key: Some(met.target_key.clone()),
                    before: Some(plan::project(&fields, target)),
                    fields: fields.clone(),
                    version: right_version.clone(),
                })),
                mapped: mapped(fields, fingerprint),
                was_linked: met.link.is_some(),
                side: Side::Target,
                intent: Intent::Sync,
            });
        }
        if let Some((fields, before)) = to_source {
            planned.push(Planned {
                decision: Decision::Write(Box::new(Change {
                    id: ChangeId::new(),
                    operation: Operation::Update,
                    source_key: met.target_key.clone(),
                    target_key: Some(met.source_key.clone()),
                    fields,
                    before,
                    version: left_version.clone(),
                })),
                mapped: mapped(merged.to_source, NOT_READ),
                was_linked: met.link.is_some(),
                side: Side::Source,
                intent: Intent::Sync,
            });
        }
        for planned in planned {
            let other = match planned.side {
                Side::Target => left_version.clone(),
                Side::Source => right_version.clone(),
            };
            self.updates += u64::from(planned.was_linked);
            run::expected_outcome(&planned).count(&mut found.counts);
            if let Ok(mut entry) = stored_plan::to_entry(planned, &mut self.sequence) {
                entry.other_version = other;
                entries.push(entry);
            }
        }
        if !merged.conflicts.is_empty() {
            found.counts.conflict += 1;
            let agreed_fingerprint = match entries.is_empty() {
                true => fingerprint,
                false => NOT_READ,
            };
            let words = mapped(Object::new(), agreed_fingerprint);
            entries.push(self.conflict_entry(met, merged.conflicts, words));
        }
        let is_first = met.link.is_none();
        if !merged.agreed.is_empty() || (entries.is_empty() && (is_first || met.left.is_some())) {
            let seen = match entries.is_empty() {
                true => fingerprint,
                false => NOT_READ,
            };
            let mut agreed = Agreed {
                source_key: met.source_key.clone(),
                target_key: met.target_key.clone(),
                source: Object::new(),
                target: Object::new(),
                fingerprint: (seen != NOT_READ).then_some(seen),
                source_version: left_version,
                target_version: right_version,
            };
            for (name, source, target) in merged.agreed {
                agreed.source.push(name.as_str(), source);
                agreed.target.push(name, target);
            }
            found.counts.unchanged += 1;
            entries.push(stored_plan::agreed_entry(
                agreed,
                record,
                &mut self.sequence,
            ));
        }
        let outcomes = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        found.counts.read += outcomes.max(n_read);
        let listed = found.counts.settled();
        found.counts.unchanged += found.counts.read.saturating_sub(listed);
        found.entries.extend(entries);
    }

    /// What is sent to the source, and what it had: in the source's own terms. Fields whose value cannot be made are
    /// taken out and come back as conflicts.
    fn way_back(
        &self,
        to_source: &mut Object,
        target: &Object,
        source: Option<&Value>,
    ) -> (Option<(Object, Option<Object>)>, Vec<Clash>) {
        if to_source.is_empty() {
            return (None, Vec::new());
        }
        let mut record = target.clone();
        for (name, value) in to_source.iter() {
            record.insert(name, value.clone());
        }
        let made = self.back.program.apply(&Value::Object(record));
        let mut clashes = Vec::new();
        let mut fields = Object::new();
        let names: Vec<String> = to_source.iter().map(|(name, _)| name.to_owned()).collect();
        for name in names {
            let none = BackField::default();
            let rule = self.back.fields.get(name.as_str()).unwrap_or(&none);
            let is_broken = rule.sources.is_empty()
                || made
                    .problems
                    .iter()
                    .any(|problem| rule.sources.contains(&problem.target));
            if is_broken {
                let value = to_source.remove(&name).unwrap_or_default();
                clashes.push(Clash {
                    field: name,
                    kind: ConflictKind::NoWayBack,
                    base: None,
                    source: Value::Null,
                    target: value,
                });
                continue;
            }
            for path in &rule.sources {
                if let Some(top) = crate::job::top_level(path)
                    && let Some(value) = made.fields.get(&top)
                {
                    fields.insert(top, value.clone());
                }
            }
        }
        if fields.is_empty() {
            return (None, clashes);
        }
        let before = source
            .and_then(Value::as_object)
            .map(|source| plan::project(&fields, source));
        (Some((fields, before)), clashes)
    }

    fn conflict_entry(&mut self, met: &Met<'_>, clashes: Vec<Clash>, words: Mapped) -> PlanEntry {
        let mut entry = stored_plan::blank_entry(words, &mut self.sequence);
        entry.target_key = Some(met.target_key.clone());
        entry.action = PlanAction::Conflict;
        let names: Vec<&str> = clashes.iter().map(|clash| clash.field.as_str()).collect();
        entry.problem = Some(format!(
            "{}: decide under Conflicts what counts",
            match names.as_slice() {
                [one] => format!("{one} was changed on both sides"),
                several => format!("{} were changed on both sides", several.join(", ")),
            }
        ));
        let mut before = Object::new();
        for clash in clashes {
            if let Some(base) = clash.base {
                before.push(clash.field.as_str(), base);
            }
            entry.mapped.push(clash.field.as_str(), clash.source);
            entry.fields.push(clash.field.as_str(), clash.target);
            entry.kinds.push((clash.field, clash.kind));
        }
        entry.before = Some(before);
        entry
    }

    /// One side changed a record, and complete reads do not find it on the other.
    fn edited_and_missing(
        &mut self,
        missing: Side,
        link: &Link,
        left: Option<&Read>,
        right: Option<&Record>,
        found: &mut Found,
    ) {
        self.met.insert(hash(link.target_key.as_str()));
        let record = left
            .map(|read| read.mapped.source.clone())
            .or_else(|| right.map(|record| record.fields.clone().into()))
            .unwrap_or_default();
        let words = Mapped {
            source_key: link.source_key.clone(),
            source: record.clone(),
            fields: Object::new(),
            fingerprint: NOT_READ,
            problem: None,
        };
        let mut entry = stored_plan::blank_entry(words, &mut self.sequence);
        entry.target_key = Some(link.target_key.clone());
        entry.action = PlanAction::Conflict;
        entry.problem = Some(
            "was deleted on one side and changed on the other: decide under Conflicts which counts"
                .into(),
        );
        let kind = match missing {
            Side::Source => ConflictKind::DeletedOnSource,
            Side::Target => ConflictKind::DeletedOnTarget,
        };
        let value = match (left, right) {
            (Some(read), _) => Value::Object(read.mapped.fields.clone()),
            (None, Some(record)) => record.fields.clone(),
            (None, None) => Value::Null,
        };
        let mut before = Object::new();
        before.push("", Value::Object(link.shadow.clone()));
        entry.before = Some(before);
        match missing {
            Side::Source => entry.fields.push("", value),
            Side::Target => entry.mapped.push("", value),
        }
        entry.kinds.push((String::new(), kind));
        found.counts.read += 1;
        found.counts.conflict += 1;
        found.entries.push(entry);
    }

    /// What was changed on the target only.
    async fn rest_of_target(&mut self) -> Result<()> {
        let mut after: Option<RecordKey> = None;
        loop {
            stop_if_cancelled(self.work)?;
            let (plan, from) = (self.plan, after.clone());
            let limit = u32::try_from(RECORDS_PER_BATCH).unwrap_or(ENTRIES_PER_BATCH);
            let staged = self
                .work
                .store
                .read(move |db| store::staged::page(db, plan, from.as_ref(), limit))
                .await?;
            let Some(last) = staged.last() else {
                return Ok(());
            };
            after = last.record.key.clone();
            let records: Vec<Record> = staged
                .into_iter()
                .map(|staged| staged.record)
                .filter(|record| {
                    let key = record.key.as_ref();
                    key.is_some_and(|key| !self.met.contains(&hash(key.as_str())))
                })
                .collect();
            self.target_batch(records).await?;
        }
    }

    async fn target_batch(&mut self, records: Vec<Record>) -> Result<()> {
        let targets: Vec<RecordKey> = records
            .iter()
            .filter_map(|record| record.key.clone())
            .collect();
        let known = self.known(Vec::new(), targets).await?;
        let by_target: HashMap<&RecordKey, &Link> = known
            .links
            .values()
            .map(|link| (&link.target_key, link))
            .collect();
        let new: Vec<&Record> = records
            .iter()
            .filter(|record| {
                let key = record.key.as_ref();
                key.is_some_and(|key| !by_target.contains_key(key))
            })
            .collect();
        let counterparts = self.on_source(&new).await?;
        let keys = counterparts.iter().flatten();
        let keys: Vec<RecordKey> = keys.filter_map(|record| record.key.clone()).collect();
        // Those that have a counterpart are not to be had.
        let taken = match keys.is_empty() {
            true => HashMap::new(),
            false => {
                let sync = self.job.sync;
                let links = move |db: &store::Connection| store::links::get_many(db, sync, &keys);
                self.work.store.read(links).await?
            }
        };
        let mut counterparts = counterparts.into_iter();
        let mut found = Found::default();
        for record in &records {
            let Some(key) = &record.key else { continue };
            match by_target.get(key) {
                Some(link) => self.target_record(record, link, &known, &mut found),
                None => {
                    let candidates = counterparts.next().unwrap_or_default();
                    self.new_on_target(record, key, candidates, &taken, &known, &mut found);
                }
            }
        }
        self.keep(found).await
    }

    fn target_record(&mut self, record: &Record, link: &Link, known: &Known, found: &mut Found) {
        let key = &link.source_key;
        let held = known
            .paused
            .get(key)
            .map(|reason| Decision::Filtered(words(format!("paused: {reason}"))))
            .or_else(|| {
                let unsettled =
                    self.unwritable.contains(key) || self.unwritable.contains(&link.target_key);
                unsettled.then(|| Decision::Held(words(UNSETTLED)))
            });
        if let Some(decision) = held {
            let planned = Planned {
                mapped: Mapped {
                    source_key: key.clone(),
                    source: record.fields.clone().into(),
                    fields: Object::new(),
                    fingerprint: NOT_READ,
                    problem: None,
                },
                decision,
                was_linked: true,
                side: Side::Source,
                intent: Intent::Sync,
            };
            return self.enter(planned, found);
        }
        let nothing = Object::new();
        let now = record.fields.as_object().unwrap_or(&nothing);
        let on_target = link.on_target();
        let is_same = plan::differences(&on_target, now).0.is_empty();
        if is_same && !known.conflicts.contains_key(key) {
            found.counts.read += 1;
            found.counts.unchanged += 1;
            return;
        }
        if known.missing.get(key) == Some(&Side::Source) && !is_same {
            return self.edited_and_missing(Side::Source, link, None, Some(record), found);
        }
        let met = Met {
            source_key: key.clone(),
            target_key: link.target_key.clone(),
            link: Some(link),
            left: None,
            right: Some(record),
        };
        self.pair(met, known, found);
    }

    /// Records of the source that new records of the target could be, one list for each.
    async fn on_source(&self, records: &[&Record]) -> Result<Vec<Vec<Record>>> {
        let mut found = vec![Vec::new(); records.len()];
        let match_on = &self.back.match_on;
        let can = &self.back.stream.capabilities.match_by;
        let is_searchable = !match_on.is_empty() && match_on.iter().all(|path| can.contains(path));
        // A complete read has met every record that there is.
        if self.source_complete || !is_searchable {
            return Ok(found);
        }
        let mut to_find = Vec::new();
        for (n, record) in records.iter().enumerate() {
            let made = self.back.program.apply(&record.fields);
            if let Ok(values) = lookup::values_of(&made.fields, match_on) {
                to_find.push((n, values));
            }
        }
        if to_find.is_empty() {
            return Ok(found);
        }
        let find = Find {
            stream: self.back.stream.name.clone(),
            by: match_on.clone(),
            values: to_find.iter().map(|(_, values)| values.clone()).collect(),
        };
        let answers = self
            .back
            .destination
            .find(find, &self.work.source_access)
            .await?;
        for ((n, _), records) in to_find.into_iter().zip(answers) {
            if let Some(slot) = found.get_mut(n) {
                *slot = records;
            }
        }
        Ok(found)
    }

    fn new_on_target(
        &mut self,
        record: &Record,
        key: &RecordKey,
        candidates: Vec<Record>,
        taken: &HashMap<RecordKey, Link>,
        known: &Known,
        found: &mut Found,
    ) {
        let as_planned = |decision, fields: Object| Planned {
            mapped: Mapped {
                source_key: key.clone(),
                source: record.fields.clone().into(),
                fields,
                fingerprint: NOT_READ,
                problem: None,
            },
            decision,
            was_linked: false,
            side: Side::Source,
            intent: Intent::Sync,
        };
        if self.unwritable.contains(key) {
            let held = as_planned(Decision::Held(words(UNSETTLED)), Object::new());
            return self.enter(held, found);
        }
        match candidates.as_slice() {
            [] => {}
            [one] if one.key.as_ref().is_some_and(|one| taken.contains_key(one)) => {
                return self.enter(
                    as_planned(Decision::Held(words(TAKEN)), Object::new()),
                    found,
                );
            }
            [one] => {
                let read = Read {
                    version: one.version.clone(),
                    mapped: lookup::map(self.job, one.clone()),
                };
                let met = Met {
                    source_key: read.mapped.source_key.clone(),
                    target_key: key.clone(),
                    link: None,
                    left: Some(&read),
                    right: Some(record),
                };
                if read.mapped.problem.is_none() {
                    return self.pair(met, known, found);
                }
                let held = as_planned(Decision::Held(words(NOT_MAPPABLE)), Object::new());
                return self.enter(held, found);
            }
            several => {
                let words = words(format!(
                    "{} records of the source match this one; merge them there, or match by a field that is unique",
                    several.len()
                ));
                return self.enter(as_planned(Decision::Held(words), Object::new()), found);
            }
        }
        if !self.rules.creates_on_source || self.job.document.two_way.is_none() {
            let left = as_planned(Decision::Filtered(words(STAYS)), Object::new());
            return self.enter(left, found);
        }
        if !self.back.stream.capabilities.create {
            let left = as_planned(Decision::Filtered(words(NO_CREATE)), Object::new());
            return self.enter(left, found);
        }
        let match_key = record
            .fields
            .as_object()
            .and_then(|fields| lookup::match_key_of(fields, &self.job.document.match_on));
        if let Some(match_key) = match_key
            && !self.taken_on_source.insert(hash(match_key.as_str()))
        {
            let held = as_planned(Decision::Held(words(SHARED_ON_TARGET)), Object::new());
            return self.enter(held, found);
        }
        let made = self.back.program.apply(&record.fields);
        if let Some(problem) = made.problems.iter().find(|problem| problem.holds) {
            let invalid = Decision::Invalid(Problem {
                message: problem.message.clone(),
                field: Some(problem.target.clone()),
            });
            return self.enter(as_planned(invalid, Object::new()), found);
        }
        // What the pair will agree on, in the target's terms: the fields that a mapping of the new record would fill.
        let mapped = self.job.program.apply(&Value::Object(made.fields.clone()));
        let nothing = Object::new();
        let now = record.fields.as_object().unwrap_or(&nothing);
        let fields = plan::project(&mapped.fields, now);
        let create = Decision::Write(Box::new(Change {
            id: ChangeId::new(),
            operation: Operation::Create,
            source_key: key.clone(),
            target_key: None,
            fields: made.fields,
            before: None,
            version: None,
        }));
        self.enter(as_planned(create, fields), found);
    }

    /// Writes the entries of a batch down.
    async fn keep(&mut self, found: Found) -> Result<()> {
        let Found {
            entries,
            counts,
            flips,
            again,
        } = found;
        self.counts.add(&counts);
        self.work.meter.counted(&counts);
        if entries.is_empty() && flips.is_empty() && again.is_empty() {
            return Ok(());
        }
        let (plan, sync) = (self.plan, self.job.sync);
        let replaced = self
            .work
            .store
            .write(move |tx| {
                let mut replaced = Vec::new();
                for key in &again {
                    replaced.extend(store::plans::remove_entries_of(tx, plan, key)?);
                }
                store::plans::append_entries(tx, plan, &entries)?;
                store::flips::put_many(tx, sync, &flips)?;
                Ok(replaced)
            })
            .await?;
        for action in replaced {
            stored_plan::recount_as_unchanged(action, &mut self.counts);
        }
        Ok(())
    }
}

const UNSETTLED: &str = "an earlier write of this record got no answer and could not be looked up; check it there, then retry it";
const NO_KEY: &str = "a record of the target matches but has no key";
const TAKEN: &str = "matches a record of the source that has another counterpart on the target; merge the two there, or match by a field that is unique";
const SHARED: &str =
    "another record of the source matches the same record of the target; mend one of them";
const SHARED_ON_TARGET: &str = "another record of the target has the same match value, and the source can have only one; mend one of them";
const STAYS: &str = "new on the target, and this sync makes no records on the source";
const NO_CREATE: &str = "new on the target, and the source does not let records be made";
const NOT_MAPPABLE: &str = "its counterpart on the source cannot be mapped; mend it there";

fn words(message: impl Into<String>) -> Problem {
    Problem {
        message: message.into(),
        field: None,
    }
}

/// Fields in conflict are not as they were agreed on: they are as they were when the conflict was found.
fn overlay(fields: &mut Object, open: &[Conflict], side: Side) {
    for conflict in open.iter().filter(|conflict| !conflict.field.is_empty()) {
        let value = match side {
            Side::Source => &conflict.source,
            Side::Target => &conflict.target,
        };
        fields.insert(conflict.field.as_str(), value.clone().unwrap_or_default());
    }
}

/// A field that goes back and forth, or waits for a person for other reasons, does not flow before somebody decided.
fn hold_open(merged: &mut Merged, open: &[Conflict], source: &Object, target: &Object) {
    for conflict in open {
        let stays = matches!(conflict.kind, ConflictKind::Loop | ConflictKind::Undo);
        if !stays {
            continue;
        }
        let name = conflict.field.as_str();
        let flowed = merged
            .to_target
            .remove(name)
            .or(merged.to_source.remove(name));
        if flowed.is_some() {
            merged.conflicts.push(Clash {
                field: name.to_owned(),
                kind: conflict.kind,
                base: conflict.base.clone(),
                source: source.get(name).cloned().unwrap_or_default(),
                target: target.get(name).cloned().unwrap_or_default(),
            });
        }
    }
}
