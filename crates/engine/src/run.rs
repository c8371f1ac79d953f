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

use std::collections::{HashMap, HashSet};

use connectors::{Access, ReadRequest, RowRecord};
use model::clock::Clock;
use model::cursor::Checkpoint;
use model::ids::{PlanId, RunId};
use model::record::{Intent, Operation, Record, RecordKey};
use model::run::{RecordOutcome, RunCounts};
use model::sync::Side;
use model::value::Value;
use store::Store;
use store::plans::{EntryFilter, PlanAction, PlanKind, PlanState};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::commit::{self, Batch};
use crate::compare::{self, Compared};
use crate::error::{Error, Result};
use crate::exchanges::Recorder;
use crate::job::Job;
use crate::limits::{ENTRIES_PER_BATCH, RECORDS_PER_BATCH};
use crate::plan::{self, Decision, Known, Mapped, Problem, Rules};
use crate::progress::Meter;
use crate::{lookup, read, stored_plan, write};

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
    Records(Vec<(RecordKey, Value)>),
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
            let (sync, keys) = (job.sync, records.iter().map(|(key, _)| key.clone()));
            let keys: Vec<RecordKey> = keys.collect();
            work.store
                .write(move |tx| store::journal::release_many(tx, sync, &keys))
                .await?;
            let records = records
                .into_iter()
                .map(|(key, fields)| Record {
                    key: Some(key),
                    fields,
                    version: None,
                })
                .collect();
            for batch in batches(records) {
                let planned = plan_batch(job, work, batch, None, &mut Claims::default()).await?;
                execute(job, work, planned, None, &mut sequence).await?;
            }
            Ok(Ended::Completed)
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
            if guarded {
                let plan = PlanId::new();
                stored_plan::insert(work, plan, sync, job.version, PlanKind::Run).await?;
                match build(job, work, plan, full, linked).await? {
                    Built::Ready => apply(job, work, plan, &mut sequence).await,
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
    let (request, mut checkpoint) = read_request(job, work, full).await?;
    let is_complete = reads_everything(&request);
    work.meter.stage("Reading and writing");
    let mut pages = read::start(
        &work.tracker,
        job.source.clone(),
        request,
        work.source_access.clone(),
    );
    let mut claims = Claims::default();
    let mut cursor = None;
    while let Some(page) = pages.recv().await {
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
    stop_if_cancelled(work)?;
    finish(job, work, checkpoint, cursor, is_complete).await?;
    Ok(Ended::Completed)
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

/// Makes the plan of a whole run, without writing anything to the target.
async fn build(job: &Job, work: &Work, plan: PlanId, full: bool, linked: u64) -> Result<Built> {
    let (request, checkpoint) = read_request(job, work, full).await?;
    let is_complete = reads_everything(&request);
    work.meter.stage("Reading and comparing");
    let mut pages = read::start(
        &work.tracker,
        job.source.clone(),
        request,
        work.source_access.clone(),
    );
    let mut claims = Claims::default();
    let mut cursor = None;
    let mut counts = RunCounts::default();
    let mut sequence = Sequence::default();
    let mut updates = 0;
    let sync = job.sync;
    // A record that changes while it is listed comes again, and then the later one counts.
    let mut listed = HashSet::new();
    while let Some(page) = pages.recv().await {
        let page = page?;
        cursor = page.cursor.or(cursor);
        for batch in batches(page.records) {
            stop_if_cancelled(work)?;
            let mut compared = compare::compare(job, work, batch, &mut claims).await?;
            let news = compared.take_news();
            let mut entries = Vec::new();
            let mut again = Vec::new();
            let mut unchanged = compared.same;
            let n_same = u64::try_from(unchanged.len()).unwrap_or(u64::MAX);
            let mut batch_counts = RunCounts {
                read: n_same,
                unchanged: n_same,
                ..RunCounts::default()
            };
            for key in &unchanged {
                if !listed.insert(key.mark()) {
                    again.push(key.clone());
                }
            }
            for item in compared.planned {
                batch_counts.read += 1;
                let outcome = expected_outcome(&item.decision);
                outcome.count(&mut batch_counts);
                updates += u64::from(item.was_linked && outcome == RecordOutcome::Updated);
                if !listed.insert(item.mapped.source_key.mark()) {
                    again.push(item.mapped.source_key.clone());
                }
                match stored_plan::to_entry(item, &mut sequence) {
                    Ok(entry) => entries.push(entry),
                    Err(key) => unchanged.push(key),
                }
            }
            counts.add(&batch_counts);
            work.meter.counted(&batch_counts);
            if !compared.any_unwritten {
                unchanged.clear();
            }
            if again.is_empty() && entries.is_empty() && unchanged.is_empty() && news.is_empty() {
                continue;
            }
            let replaced = work
                .store
                .write(move |tx| {
                    store::links::mark_many(tx, sync, &news)?;
                    let mut replaced = Vec::new();
                    for key in &again {
                        replaced.extend(store::plans::remove_entries_of(tx, plan, key)?);
                    }
                    store::plans::append_entries(tx, plan, &entries)?;
                    // They are as they should be, whether the plan is applied or not.
                    store::unwritten::remove_many(tx, sync, &unchanged)?;
                    Ok(replaced)
                })
                .await?;
            for action in replaced {
                stored_plan::recount_as_unchanged(action, &mut counts);
            }
        }
    }
    stop_if_cancelled(work)?;
    let mut held = plan::too_many_updates(updates, linked, &job.document.guards);
    if is_complete && counts.read == 0 && linked > u64::from(job.document.guards.empty_source_above)
    {
        held = Some(format!(
            "the source is empty, although {linked} of its records were synced before. Nothing was written; check the source, then run again"
        ));
    }
    let end = Checkpoint {
        version: 1,
        cursor: cursor.or(checkpoint.cursor.clone()),
        position: None,
        mapping: Some(job.mapping_mark.clone()),
        ..checkpoint
    };
    let note = held.clone();
    work.store
        .write(move |tx| {
            let mut stored = store::plans::get(tx, plan)?;
            stored.state = PlanState::Ready;
            stored.counts = counts;
            stored.checkpoint = Some(end);
            stored.note = note;
            stored.is_complete = is_complete;
            store::plans::update(tx, &stored)
        })
        .await?;
    Ok(held.map_or(Built::Ready, |reason| Built::Held { reason }))
}

/// Makes a plan to be looked at.
pub(crate) async fn preview(job: &Job, work: &Work, plan: PlanId) -> Result<()> {
    let sync = job.sync;
    write::settle_journal(job, work).await?;
    let linked = work
        .store
        .read(move |db| store::links::count(db, sync))
        .await?;
    build(job, work, plan, false, linked).await?;
    work.recorder.flush(&work.store).await
}

/// Does what a plan says, as far as it is ticked and still true.
async fn apply(job: &Job, work: &Work, plan: PlanId, sequence: &mut Sequence) -> Result<Ended> {
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
    let mut after = None;
    loop {
        stop_if_cancelled(work)?;
        let entries = work
            .store
            .read(move |db| {
                let everything = EntryFilter {
                    action: None,
                    is_included: None,
                    text: None,
                };
                store::plans::page(db, plan, &everything, after, ENTRIES_PER_BATCH)
            })
            .await?;
        let Some(last) = entries.last() else { break };
        after = Some(last.seq);
        let planned = stored_plan::still_true(job, work, stored.kind, entries).await?;
        execute(job, work, planned, None, sequence).await?;
    }
    stop_if_cancelled(work)?;
    let sync = job.sync;
    work.store
        .write(move |tx| {
            if stored.is_complete {
                store::unwritten::keep_only(tx, sync, run)?;
            }
            if let Some(checkpoint) = &stored.checkpoint {
                store::checkpoints::advance(tx, sync, checkpoint)?;
            }
            store::plans::set_state(tx, plan, PlanState::Applied)
        })
        .await?;
    work.recorder.flush(&work.store).await?;
    Ok(Ended::Completed)
}

/// Where the read begins: at the position of a run that was cut off, else at the cursor.
async fn read_request(job: &Job, work: &Work, full: bool) -> Result<(ReadRequest, Checkpoint)> {
    let sync = job.sync;
    let stored = work
        .store
        .read(move |db| store::checkpoints::get(db, sync))
        .await?;
    let mut checkpoint = stored.map(|stored| stored.checkpoint).unwrap_or_default();
    checkpoint.version = 1;
    // Another mapping makes other values of records that did not change: compare them all again.
    let mapping_changed = checkpoint
        .mapping
        .as_deref()
        .is_some_and(|mark| mark != job.mapping_mark);
    let full = full || mapping_changed;
    if full {
        checkpoint.position = None;
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
fn reads_everything(request: &ReadRequest) -> bool {
    (request.full || request.cursor.is_none()) && request.position.is_none()
}

fn stop_if_cancelled(work: &Work) -> Result<()> {
    if work.cancel.is_cancelled() {
        Err(Error::Cancelled)
    } else {
        Ok(())
    }
}

/// A record that is told apart by its key.
trait Keyed {
    fn key(&self) -> Option<&RecordKey>;
}

impl Keyed for Record {
    fn key(&self) -> Option<&RecordKey> {
        self.key.as_ref()
    }
}

impl Keyed for RowRecord {
    fn key(&self) -> Option<&RecordKey> {
        self.key.as_ref()
    }
}

fn batches<T: Keyed>(records: Vec<T>) -> Vec<Vec<T>> {
    let mut out = Vec::with_capacity(records.len() / RECORDS_PER_BATCH + 1);
    let mut batch = Vec::with_capacity(records.len().min(RECORDS_PER_BATCH));
    // Order is kept per record: the same key twice never shares a batch.
    let mut keys = HashSet::new();
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

/// A record and what is to be done with it.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) mapped: Mapped,
    pub(crate) decision: Decision,
    /// It was linked before this run.
    pub(crate) was_linked: bool,
    /// The side that is written.
    pub(crate) side: Side,
    /// What a write is for.
    pub(crate) intent: Intent,
}

/// What records of this run have laid claim to on the target without being linked yet: match values
/// that will be created, records that were found. A second record of the source must not get them too,
/// however late the target's search learns of the first. Hashes, because there may be millions.
#[derive(Debug, Default)]
pub(crate) struct Claims(HashMap<u64, u64>);

impl Claims {
    /// Holds a record whose counterpart another record of this run has taken.
    fn one_each(&mut self, planned: &mut Planned, rules: &Rules) {
        if planned.was_linked {
            return;
        }
        let wanted = match &planned.decision {
            Decision::Write(change) => match &change.target_key {
                Some(key) => ("record", key.clone()),
                None => match lookup::match_key(&planned.mapped, rules) {
                    Some(value) => ("value", value),
                    None => return,
                },
            },
            Decision::Unchanged { adopt: Some(link) } => ("record", link.target_key.clone()),
            Decision::Unchanged { adopt: None }
            | Decision::Filtered(_)
            | Decision::Invalid(_)
            | Decision::Held(_)
            | Decision::Conflict(_) => return,
        };
        let source = hash(planned.mapped.source_key.as_str());
        let owner = *self
            .0
            .entry(hash(&format!("{} {}", wanted.0, wanted.1)))
            .or_insert(source);
        if owner != source {
            planned.decision = Decision::Held(Problem {
                message: format!(
                    "another record of the source has the same {}, and only one can be on the target; mend one of them",
                    rules
                        .match_on
                        .first()
                        .map_or_else(|| "key".to_owned(), ToString::to_string)
                ),
                field: rules.match_on.first().cloned(),
            });
        }
    }
}

fn hash(text: &str) -> u64 {
    // Half of the fingerprint is plenty to tell records of one run apart.
    #[expect(clippy::cast_possible_truncation, reason = "wanted")]
    let half = Value::text(text).fingerprint().0 as u64;
    half
}

/// Stages 2 and 3: map, look up, decide.
pub(crate) async fn plan_batch(
    job: &Job,
    work: &Work,
    records: Vec<Record>,
    linked: Option<&HashSet<RecordKey>>,
    claims: &mut Claims,
) -> Result<Vec<Planned>> {
    let mapped: Vec<Mapped> = records
        .into_iter()
        .map(|record| lookup::map(job, record))
        .collect();
    let looked_up = lookup::look_up(job, &work.store, &work.target_access, &mapped, linked).await?;
    let rules = job.rules();
    let planned = mapped
        .into_iter()
        .zip(looked_up.known)
        .map(|(mapped, known)| {
            let was_linked = matches!(known, Known::Same | Known::Linked(_));
            let decision = plan::decide(&mapped, known, &rules, &looked_up.claimed);
            let mut planned = Planned {
                mapped,
                decision,
                was_linked,
                side: Side::Target,
                intent: Intent::Sync,
            };
            claims.one_each(&mut planned, &rules);
            planned
        });
    Ok(planned.collect())
}

/// Stages 4 to 6 of records as they came.
async fn execute_compared(
    job: &Job,
    work: &Work,
    mut compared: Compared,
    checkpoint: Option<Checkpoint>,
    sequence: &mut Sequence,
) -> Result<()> {
    let mut batch = Batch::new(work.run, work.clock.now());
    batch.news = compared.take_news();
    batch.marks = compared.marks;
    batch.settle_same(compared.same);
    execute_into(job, work, batch, compared.planned, checkpoint, sequence).await
}

/// Stages 4 to 6: journal, write, commit.
async fn execute(
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
    let mut changes = Vec::new();
    for item in planned {
        let seq = sequence.next();
        match item.decision {
            Decision::Write(change) => changes.push(write::Intended {
                seq,
                side: item.side,
                intent: item.intent,
                mapped: item.mapped,
                change: *change,
            }),
            decision => batch.settle_unwritten(seq, item.side, item.mapped, decision),
        }
    }
    if !changes.is_empty() {
        let changes = write::journal(job, work, changes).await?;
        write::send(job, work, changes, &mut batch).await?;
    }
    let counts = batch.counts;
    commit::commit(job, work, batch, checkpoint).await?;
    work.meter.counted(&counts);
    work.recorder.flush(&work.store).await
}

/// What a decision will count as, if the target plays along.
const fn expected_outcome(decision: &Decision) -> RecordOutcome {
    match decision {
        Decision::Unchanged { .. } => RecordOutcome::Unchanged,
        Decision::Write(change) => match change.operation {
            Operation::Create => RecordOutcome::Created,
            Operation::Update | Operation::Delete => RecordOutcome::Updated,
        },
        Decision::Filtered(_) => RecordOutcome::Filtered,
        Decision::Invalid(_) => RecordOutcome::Invalid,
        Decision::Held(_) => RecordOutcome::Held,
        Decision::Conflict(_) => RecordOutcome::Conflict,
    }
}
