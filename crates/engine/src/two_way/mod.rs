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

mod pair;
mod source;
mod target;

use std::collections::{HashMap, HashSet};

use connectors::ReadRequest;
use model::cursor::Checkpoint;
use model::ids::PlanId;
use model::record::{Record, RecordKey};
use model::run::RunCounts;
use model::sync::{DeleteAction, Side, TwoWay};
use store::conflicts::Conflict;
use store::links::Link;
use store::plans::PlanEntry;
use store::unwritten::Tried;

use crate::claims::Claims;
use crate::error::Result;
use crate::flips::Flips;
use crate::job::{Back, Job};
use crate::plan::{Mapped, Problem};
use crate::planned::{self, Planned};
use crate::retries::Resent;
use crate::run::{self, Sequence, Work, stop_if_cancelled};
use crate::stored_plan::Made;
use crate::{deletes, stored_plan};

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
    let mut build = Build::new(job, back, work, plan);
    build.source_complete = source_complete;
    build.target_complete = target_complete;
    build.look_for_unsettled().await?;
    let (mut deleted_cursor, mut target_deleted_cursor) = (None, None);
    if build.looks_for_deletes {
        work.meter.stage("Reading what was deleted");
        let (source, target) = (
            &checkpoint.deleted_cursor,
            &checkpoint.target_deleted_cursor,
        );
        deleted_cursor = deletes::read_told(job, work, Side::Source, source.as_ref()).await?;
        target_deleted_cursor =
            deletes::read_told(job, work, Side::Target, target.as_ref()).await?;
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
            target_deleted_cursor: target_deleted_cursor
                .or(checkpoint.target_deleted_cursor.clone()),
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
    /// Records that an earlier run could not write.
    tried: HashMap<RecordKey, Tried>,
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
    /// Records that could not be written as they were once, and are what both sides agreed on again.
    given_up: Vec<RecordKey>,
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

/// Writes the entries of a plan of these records only. Nothing is read but their counterparts.
pub(crate) async fn build_of(
    job: &Job,
    back: &Back,
    work: &Work,
    plan: PlanId,
    records: Vec<Resent>,
) -> Result<Made> {
    let mut build = Build::new(job, back, work, plan);
    // What was deleted is looked for by runs that read.
    build.looks_for_deletes = false;
    build.look_for_unsettled().await?;
    work.meter.stage("Comparing both sides");
    let can_get = job.target_stream.capabilities.get;
    for batch in run::batches(records) {
        stop_if_cancelled(work)?;
        let (of_target, of_source): (Vec<Resent>, Vec<Resent>) = batch
            .into_iter()
            .partition(|record| record.of_target.is_some());
        let (links, keys) = (job.links, of_source.iter().map(|record| &record.source_key));
        let keys: Vec<RecordKey> = keys.cloned().collect();
        let links = move |db: &store::Connection| links.targets_of_sources(db, &keys);
        let linked = work.store.read(links).await?.into_values();
        let of_target = of_target.into_iter().filter_map(|record| record.of_target);
        let counterparts: Vec<RecordKey> = linked.chain(of_target).collect();
        if can_get && !counterparts.is_empty() {
            let stream = &job.target_stream.name;
            let found = job
                .destination
                .get(stream, &counterparts, &work.target_access)
                .await?;
            build.stage(found.into_iter().flatten().collect()).await?;
        }
        let records = of_source.into_iter().map(|record| Record {
            key: Some(record.source_key),
            fields: record.source,
            version: None,
        });
        build.source_batch(records.collect()).await?;
    }
    build.rest_of_target().await?;
    work.store
        .write(move |tx| store::staged::clear(tx, plan))
        .await?;
    Ok(Made {
        counts: build.counts,
        updates: build.updates,
        deletes: 0,
        checkpoint: Checkpoint::default(),
        is_complete: false,
        empty: None,
    })
}

impl<'a> Build<'a> {
    fn new(job: &'a Job, back: &'a Back, work: &'a Work, plan: PlanId) -> Self {
        Self {
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
            source_complete: false,
            target_complete: false,
            looks_for_deletes: job.document.delete_action() != DeleteAction::Keep && !work.is_draft,
            unwritable: HashSet::new(),
        }
    }
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

    /// All that the store knows of pairs, by keys of the source and of the target.
    async fn known(&self, keys: Vec<RecordKey>, targets: Vec<RecordKey>) -> Result<Known> {
        let (sync, plan, pairs) = (self.job.sync, self.plan, self.job.links);
        let deletes = self.looks_for_deletes;
        Ok(self
            .work
            .store
            .read(move |db| {
                let mut keys = keys;
                if !targets.is_empty() {
                    let linked = pairs.sources_of_targets(db, &targets)?;
                    keys.extend(linked.into_values());
                }
                let links = pairs.get_many(db, &keys)?;
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
                // A record that could not be made on the source goes by its key on the target.
                let tried = keys.iter().chain(&wanted);
                Ok(Known {
                    tried: store::unwritten::set_aside(db, sync, 1, tried)?,
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

    /// Adds an entry and counts it.
    fn enter(&mut self, planned: Planned, found: &mut Found) {
        found.counts.read += 1;
        let outcome = planned::expected_outcome(&planned);
        outcome.count(&mut found.counts);
        if let Ok(entry) = stored_plan::to_entry(planned, &mut self.sequence) {
            found.entries.push(entry);
        }
    }

    /// Writes the entries of a batch down.
    async fn keep(&mut self, found: Found) -> Result<()> {
        let Found {
            entries,
            counts,
            flips,
            again,
            given_up,
        } = found;
        self.counts.add(&counts);
        self.work.meter.counted(&counts);
        if entries.is_empty() && flips.is_empty() && again.is_empty() && given_up.is_empty() {
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
                store::unwritten::remove_many(tx, sync, &given_up)?;
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

fn words(message: impl Into<String>) -> Problem {
    Problem {
        message: message.into(),
        field: None,
    }
}
