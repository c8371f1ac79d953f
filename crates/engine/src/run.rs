//! A run, from the first page to the last commit. Read it top to bottom:
//! read, map, plan, journal, write, commit.
//!
//! **Invariants.** Nothing is sent that is not in the journal. A batch's outcomes, links, counters and
//! checkpoint are one transaction. The checkpoint names only what is settled. A change whose answer was
//! lost is looked up before it is sent again.
//!
//! Small runs and first loads flow straight through. Where a guard could trip (many linked records),
//! the whole plan is made first, judged, and then applied: nothing is written before the guard has
//! spoken.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;

use connectors::{Access, ReadRequest, RowPage, RowRecord};
use model::clock::Clock;
use model::cursor::Checkpoint;
use model::ids::{PlanId, RunId};
use model::record::{Operation, Record, RecordKey};
use model::run::RunCounts;
use model::sync::WriteMode;
use store::Store;
use store::plans::{PlanAction, PlanKind, PlanState};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::claims::{AsItIs, Claims};
use crate::commit::{self, Batch};
use crate::compare::{self, Compared};
use crate::control::StartOver;
use crate::error::{Error, Result};
use crate::exchanges::Recorder;
use crate::job::Job;
use crate::limits::{ENTRIES_PER_BATCH, RECORDS_PER_BATCH};
use crate::plan::Decision;
use crate::planned::Planned;
use crate::progress::Meter;
use crate::references::Found;
use crate::retries::{self, Resent, Retries};
use crate::undo::Selection;
use crate::{decide, deletes, guards, one_way, purge, read, stored_plan, two_way, undo, write};

/// The mark of records that were made by several mappings: no mapping has it.
const MIXED: &str = "mixed";

/// What a run works with, besides its job.
pub(crate) struct Work {
    pub(crate) run: RunId,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) cancel: CancellationToken,
    pub(crate) source_access: Access,
    pub(crate) target_access: Access,
    pub(crate) meter: Meter,
    pub(crate) tracker: TaskTracker,
    pub(crate) recorder: std::sync::Arc<Recorder>,
    /// Before a change without an answer is looked up once more; doubles each time.
    pub(crate) settle_pause: std::time::Duration,
    /// A person asked for it and waits.
    pub(crate) by_hand: bool,
    /// The sync is being edited: what is found out may not be remembered.
    pub(crate) is_draft: bool,
}

/// Where the records of a run come from.
#[derive(Clone, Debug)]
pub enum Input {
    /// The source stream; `full` reads everything whatever the cursor says.
    Stream {
        /// Also what did not change.
        full: bool,
    },
    /// A stored plan.
    Plan(PlanId),
    /// These records of the source, as they were read once.
    Records(Vec<Resent>),
}

/// How a run came to its end, if not by an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Completed,
    /// A guard holds it; the plan waits for a person.
    Waiting {
        plan: Option<PlanId>,
        reason: String,
    },
}

/// Runs a job to its end.
pub(crate) async fn run(job: &Job, work: &Work, input: Input) -> Result<Ended> {
    work.meter.stage("Settling what was left open");
    write::settle_journal(job, work).await?;
    let mut sequence = Sequence::default();
    match input {
        Input::Plan(plan) => apply(job, work, plan, &mut sequence).await,
        Input::Records(records) => {
            work.meter.stage("Trying again");
            retries::resend(job, work, records, &mut sequence).await
        }
        Input::Stream { full } => {
            let sync = job.sync;
            let linked = work
                .store
                .read(move |db| store::links::count(db, sync))
                .await?;
            let guards = &job.document.guards;
            let guarded = linked
                >= u64::from(
                    guards
                        .from_records
                        .min(guards.empty_source_above.saturating_add(1)),
                );
            // Both sides are only ever written by a plan of the whole, and so is what deletes.
            let guarded = guarded
                || job.document.reads_target()
                || (linked > 0 && deletes::is_wanted(job))
                || !guards.approved.creates
                || !guards.approved.updates;
            if guarded {
                let plan = PlanId::new();
                stored_plan::insert(work, plan, sync, job.version, PlanKind::Run).await?;
                match build(job, work, plan, full, linked).await? {
                    Built::Ready => {
                        let ended = apply(job, work, plan, &mut sequence).await?;
                        // What was made just now may be what others wait for.
                        let approved = &job.document.guards.approved;
                        if approved.creates && approved.updates && job.back.is_none() {
                            follow(job, work, &mut Claims::default(), &mut sequence).await?;
                        }
                        Ok(ended)
                    }
                    Built::Held { reason } => Ok(Ended::Waiting {
                        plan: Some(plan),
                        reason,
                    }),
                }
            } else {
                straight(job, work, full, &mut sequence).await
            }
        }
    }
}

/// Reads, plans and writes page by page.
async fn straight(job: &Job, work: &Work, full: bool, sequence: &mut Sequence) -> Result<Ended> {
    take_up_mapping(job, work).await?;
    let (request, mut checkpoint) = read_request(job, work, full).await?;
    let is_complete = reads_everything(&request);
    work.meter.stage("Reading and writing");
    let mut pages = read::start::<RowPage>(
        &work.tracker,
        job.source.clone(),
        request,
        work.source_access.clone(),
    );
    let mut claims = Claims::default();
    let mut cursor = None;
    while let Some(page) = pages.full().await {
        let page = page?;
        let mut batches = batches(page.records).into_iter().peekable();
        if batches.peek().is_none() {
            cursor = page.cursor.or(cursor);
            continue;
        }
        while let Some(batch) = batches.next() {
            stop_if_cancelled(work)?;
            let compared = compare::compare(job, work, batch, &mut claims).await?;
            let ends_page = batches.peek().is_none();
            if ends_page {
                checkpoint.position = Some(page.position.clone());
            }
            let checkpoint = ends_page.then(|| checkpoint.clone());
            execute_compared(job, work, compared, checkpoint, sequence).await?;
        }
        cursor = page.cursor.or(cursor);
    }
    // A complete read has brought all of them.
    let mut retries = (!is_complete).then(Retries::default);
    while let Some(retries) = &mut retries
        && let Some(records) = retries.next(job, work).await?
    {
        stop_if_cancelled(work)?;
        work.meter.stage("Trying again what could not be written");
        let compared = compare::compare(job, work, records, &mut claims).await?;
        execute_compared(job, work, compared, None, sequence).await?;
    }
    follow(job, work, &mut claims, sequence).await?;
    stop_if_cancelled(work)?;
    finish(job, work, checkpoint, cursor, is_complete).await?;
    Ok(Ended::Completed)
}

/// Writes what waited for records that are on the target by now, until nothing more follows from what is written: first
/// what points at them, then what points at that.
async fn follow(
    job: &Job,
    work: &Work,
    claims: &mut Claims,
    sequence: &mut Sequence,
) -> Result<()> {
    // Once each: what the target refuses now is tried by the next run.
    let mut seen = HashSet::new();
    loop {
        let mut found = Found::default();
        let mut any = false;
        while let Some(mut planned) = found.next(job, work, claims).await? {
            stop_if_cancelled(work)?;
            planned.retain(|planned| seen.insert(hash(planned.mapped.source_key.as_str())));
            work.meter.stage("Linking records to each other");
            any |= !planned.is_empty();
            let mut batch = Batch::new(work.run, work.clock.now());
            batch.replaces = true;
            execute_into(job, work, batch, planned, None, sequence).await?;
        }
        if !any || !mapping::refers_to(&job.document.mapping).contains(&job.sync) {
            return Ok(());
        }
    }
}

/// The read is complete: from now on only what changes after this is read.
async fn finish(
    job: &Job,
    work: &Work,
    mut checkpoint: Checkpoint,
    cursor: Option<serde_json::Value>,
    is_complete: bool,
) -> Result<()> {
    checkpoint.position = None;
    checkpoint.cursor = cursor.or(checkpoint.cursor);
    checkpoint.mapping = Some(job.mapping_mark.clone());
    let (sync, run) = (job.sync, work.run);
    work.store
        .write(move |tx| {
            if is_complete {
                store::unwritten::keep_only(tx, sync, run)?;
            }
            store::checkpoints::advance(tx, sync, &checkpoint)
        })
        .await?;
    work.recorder.flush(&work.store).await
}

enum Built {
    Ready,
    Held { reason: String },
}

/// Makes the plan of a whole run, without writing anything to either side, and lets the guards judge it.
async fn build(job: &Job, work: &Work, plan: PlanId, full: bool, linked: u64) -> Result<Built> {
    let made = match &job.back {
        Some(back) => two_way::build(job, back, work, plan, full).await?,
        None => one_way::build(job, work, plan, full).await?,
    };
    stop_if_cancelled(work)?;
    let held = guards::judge(&job.document, &made, linked);
    let note = held.clone();
    work.store
        .write(move |tx| {
            let mut stored = store::plans::get(tx, plan)?;
            stored.state = PlanState::Ready;
            stored.counts = made.counts;
            stored.checkpoint = Some(made.checkpoint);
            stored.note = note;
            stored.is_complete = made.is_complete;
            store::plans::update(tx, &stored)
        })
        .await?;
    Ok(held.map_or(Built::Ready, |reason| Built::Held { reason }))
}

/// What a plan is wanted for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// To see what a run would do.
    Run,
    /// To take a run back.
    Undo(RunId, Selection),
    /// To carry decisions about conflicts out.
    Decisions,
    /// To see what starting over would do.
    Over(StartOver),
}

impl Wanted {
    pub(crate) fn kind(&self) -> PlanKind {
        match self {
            Self::Run => PlanKind::Run,
            Self::Undo(run, _) => PlanKind::Undo(*run),
            Self::Decisions => PlanKind::Decisions,
            Self::Over(StartOver::Cursor) => PlanKind::Run,
            Self::Over(StartOver::Links) => PlanKind::Relink,
            Self::Over(StartOver::Purge) => PlanKind::Purge,
        }
    }

    /// Whether it is about the sync as it is being edited, where it is.
    pub(crate) fn is_of_draft(&self) -> bool {
        matches!(
            self,
            Self::Run | Self::Over(StartOver::Cursor | StartOver::Links)
        )
    }
}

/// Makes a plan to be looked at.
pub(crate) async fn preview(job: &Job, work: &Work, plan: PlanId, wanted: &Wanted) -> Result<()> {
    let links = job.links;
    write::settle_journal(job, work).await?;
    match wanted {
        Wanted::Run | Wanted::Over(StartOver::Cursor | StartOver::Links) => {}
        Wanted::Over(StartOver::Purge) => return purge::build(job, work, plan).await,
        Wanted::Undo(run, selection) => {
            undo::build(job, work, plan, *run, selection).await?;
            return work.recorder.flush(&work.store).await;
        }
        Wanted::Decisions => {
            decide::build(job, work, plan).await?;
            return work.recorder.flush(&work.store).await;
        }
    }
    let linked = work.store.read(move |db| links.count(db)).await?;
    let full = matches!(wanted, Wanted::Over(_));
    build(job, work, plan, full, linked).await?;
    work.recorder.flush(&work.store).await
}

/// Does what a plan says, as far as it is ticked and still true.
pub(crate) async fn apply(
    job: &Job,
    work: &Work,
    plan: PlanId,
    sequence: &mut Sequence,
) -> Result<Ended> {
    work.meter.stage("Writing");
    work.meter.restart_count();
    let stored = work
        .store
        .read(move |db| store::plans::get(db, plan))
        .await?;
    if stored.sync != job.sync {
        return Err(Error::Refused("this plan belongs to another sync".into()));
    }
    if stored.sync_version != job.version {
        return Err(Error::Refused(
            "the sync was changed since the plan was made; make a new plan and look at it".into(),
        ));
    }
    take_up_mapping(job, work).await?;
    // What needed nothing is not in the plan one by one.
    let run = work.run;
    let unchanged = stored.counts.unchanged;
    let silent = work
        .store
        .write(move |tx| {
            let listed = store::plans::counts_by_action(tx, plan)?;
            let listed = listed
                .get(&PlanAction::Unchanged)
                .map_or(0, |count| count.total);
            let silent = unchanged.saturating_sub(listed);
            let silent = RunCounts {
                read: silent,
                unchanged: silent,
                ..RunCounts::default()
            };
            store::runs::add_counts(tx, run, &silent)?;
            Ok(silent)
        })
        .await?;
    work.meter.counted(&silent);
    let (mut after, mut any_moved) = (None, false);
    loop {
        stop_if_cancelled(work)?;
        let entries = work
            .store
            .read(move |db| store::plans::page(db, plan, after, ENTRIES_PER_BATCH))
            .await?;
        let Some(last) = entries.last() else { break };
        after = Some(last.seq);
        let planned = stored_plan::still_true(job, work, stored.kind, entries).await?;
        any_moved |= planned.iter().any(stored_plan::has_moved_since);
        execute(job, work, planned, None, sequence).await?;
    }
    stop_if_cancelled(work)?;
    let sync = job.sync;
    work.store
        .write(move |tx| {
            let is_late = store::plans::applied_by(tx, run)?.is_some_and(|plan| plan.is_late);
            if (stored.is_complete && !is_late) || stored.kind == PlanKind::Purge {
                store::unwritten::keep_only(tx, sync, run)?;
            }
            if let Some(mut checkpoint) = stored.checkpoint {
                if any_moved || is_late {
                    // What moved since the plan was made is read once more, as it is by then.
                    checkpoint.cursor = None;
                    checkpoint.target_cursor = None;
                }
                store::checkpoints::advance(tx, sync, &checkpoint)?;
            }
            store::plans::set_state(tx, plan, PlanState::Applied)
        })
        .await?;
    work.recorder.flush(&work.store).await?;
    Ok(Ended::Completed)
}

/// From here on records get the values of this mapping. What was compared under another one counts no more, also should
/// this run not come to its end and the other one come back.
pub(crate) async fn take_up_mapping(job: &Job, work: &Work) -> Result<()> {
    let (sync, mark) = (job.sync, job.mapping_mark.clone());
    let stored = work
        .store
        .read(move |db| store::checkpoints::get(db, sync))
        .await?;
    let Some(mut checkpoint) = stored.map(|stored| stored.checkpoint) else {
        return Ok(());
    };
    if checkpoint.mapping.is_none_or(|other| other == mark) {
        return Ok(());
    }
    checkpoint.mapping = Some(MIXED.into());
    checkpoint.position = None;
    Ok(work
        .store
        .write(move |tx| store::checkpoints::advance(tx, sync, &checkpoint).map(|_| ()))
        .await?)
}

/// Where the read begins: at the position of a run that was cut off, else at the cursor.
pub(crate) async fn read_request(
    job: &Job,
    work: &Work,
    full: bool,
) -> Result<(ReadRequest, Checkpoint)> {
    let sync = job.sync;
    let stored = work
        .store
        .read(move |db| store::checkpoints::get(db, sync))
        .await?;
    let mut checkpoint = stored.map(|stored| stored.checkpoint).unwrap_or_default();
    checkpoint.version = 1;
    // Another mapping makes other values of records that did not change: compare them all again. Also those before a
    // position that does not say under which mapping it was reached.
    let mapping_changed = match checkpoint.mapping.as_deref() {
        Some(mark) => mark != job.mapping_mark,
        None => checkpoint.position.is_some(),
    };
    let full = full
        || mapping_changed
        || job.document.mode == WriteMode::FullRefresh
        || (!work.is_draft && deletes::needs_complete_read(job, work, &checkpoint).await?);
    if full {
        checkpoint.position = None;
    }
    // Without a cursor everything up to a position is read, and compared, under this mapping.
    if checkpoint.cursor.is_none() {
        checkpoint.mapping = Some(job.mapping_mark.clone());
    }
    let request = ReadRequest {
        stream: job.source_stream.name.clone(),
        cursor: checkpoint.cursor.clone(),
        position: checkpoint.position.clone(),
        full,
        limit: None,
    };
    Ok((request, checkpoint))
}

/// Whether a read that comes to its end has brought every record that the source has.
pub(crate) fn reads_everything(request: &ReadRequest) -> bool {
    (request.full || request.cursor.is_none()) && request.position.is_none()
}

pub(crate) fn stop_if_cancelled(work: &Work) -> Result<()> {
    if work.cancel.is_cancelled() {
        Err(Error::Cancelled)
    } else {
        Ok(())
    }
}

/// A record that is told apart by its key.
pub(crate) trait Keyed {
    fn key(&self) -> Option<&RecordKey>;
}

impl Keyed for Record {
    fn key(&self) -> Option<&RecordKey> {
        self.key.as_ref()
    }
}

impl Keyed for Resent {
    fn key(&self) -> Option<&RecordKey> {
        Some(&self.source_key)
    }
}

impl Keyed for RowRecord {
    fn key(&self) -> Option<&RecordKey> {
        self.key.as_ref()
    }
}

/// The records in batches.
pub(crate) fn batches<T: Keyed>(records: Vec<T>) -> Vec<Vec<T>> {
    let mut out = Vec::with_capacity(records.len() / RECORDS_PER_BATCH + 1);
    let mut batch = Vec::with_capacity(records.len().min(RECORDS_PER_BATCH));
    // Order is kept per record: the same key twice never shares a batch.
    let mut keys: HashSet<u64, BuildHasherDefault<AsItIs>> = HashSet::default();
    for record in records {
        let mark = record.key().map(RecordKey::mark);
        let repeated = mark.is_some_and(|mark| !keys.insert(mark));
        if repeated || batch.len() >= RECORDS_PER_BATCH {
            out.push(std::mem::take(&mut batch));
            keys.clear();
            keys.extend(mark);
        }
        batch.push(record);
    }
    if !batch.is_empty() {
        out.push(batch);
    }
    out
}

/// Numbers the records of a run in the order of their outcomes.
#[derive(Debug, Default)]
pub(crate) struct Sequence(u64);

impl Sequence {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }
}

/// Tells the records of one run apart where there may be millions.
pub(crate) fn hash(text: &str) -> u64 {
    model::record::mark_of(text)
}

/// Stages 4 to 6 of records as they came.
async fn execute_compared(
    job: &Job,
    work: &Work,
    compared: Compared,
    checkpoint: Option<Checkpoint>,
    sequence: &mut Sequence,
) -> Result<()> {
    let mut batch = Batch::new(work.run, work.clock.now());
    batch.news = compared.news();
    batch.seed = compared.seed;
    batch.settle_same(compared.same);
    execute_into(job, work, batch, compared.planned, checkpoint, sequence).await
}

/// Stages 4 to 6: journal, write, commit.
pub(crate) async fn execute(
    job: &Job,
    work: &Work,
    planned: Vec<Planned>,
    checkpoint: Option<Checkpoint>,
    sequence: &mut Sequence,
) -> Result<()> {
    let batch = Batch::new(work.run, work.clock.now());
    execute_into(job, work, batch, planned, checkpoint, sequence).await
}

async fn execute_into(
    job: &Job,
    work: &Work,
    mut batch: Batch,
    planned: Vec<Planned>,
    checkpoint: Option<Checkpoint>,
    sequence: &mut Sequence,
) -> Result<()> {
    let mut changes = Vec::with_capacity(planned.len());
    for item in planned {
        let seq = sequence.next();
        match item.decision {
            Decision::Write(mut change) => {
                if change.operation == Operation::Create {
                    // Only the plan has to know what there was.
                    change.before = None;
                }
                changes.push(write::Intended {
                    seq,
                    side: item.side,
                    intent: item.intent,
                    mapped: item.mapped,
                    change: *change,
                });
            }
            decision => batch.settle_unwritten(seq, item.side, item.mapped, decision),
        }
    }
    let changes = write::untouched(job, work, changes, &mut batch).await?;
    if !changes.is_empty() {
        let changes = write::journal(job, work, changes).await?;
        write::send(job, work, changes, &mut batch).await?;
    }
    let counts = batch.counts;
    work.recorder.will_be_looked_at(batch.doubtful_exchanges());
    commit::commit(job, work, batch, checkpoint).await?;
    work.meter.counted(&counts);
    work.recorder.keep_up(&work.store).await
}
