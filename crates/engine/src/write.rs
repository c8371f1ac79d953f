//! Stages 4 and 5: what is intended goes to the journal, then to the platform; what got no answer is
//! settled before anything else happens to it.

use std::collections::{HashMap, HashSet};

use connectors::{Find, Written};
use model::ids::{ChangeId, ExchangeId, RunId};
use model::record::{Change, Operation, Outcome, Record, RecordKey};
use model::value::{Object, Value};
use store::journal::Pending;

use crate::commit::{self, Batch};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::limits::{REBASES, SETTLE_ATTEMPTS, SETTLE_PAUSE};
use crate::lookup;
use crate::plan::{self, Mapped, Problem};
use crate::run::Work;

/// A change with the record it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Intended {
    /// Its place in the run.
    pub(crate) seq: u64,
    pub(crate) mapped: Mapped,
    pub(crate) change: Change,
}

/// Stage 4: from here on, the changes survive a power cut as *pending*.
pub(crate) async fn journal(job: &Job, work: &Work, intended: &[Intended]) -> Result<()> {
    let pending = pending(job, work.run, intended);
    Ok(work
        .store
        .write(move |tx| store::journal::insert_many(tx, &pending))
        .await?)
}

fn pending(job: &Job, run: RunId, intended: &[Intended]) -> Vec<Pending> {
    intended
        .iter()
        .map(|intended| Pending {
            side: model::sync::Side::Target,
            intent: model::record::Intent::Sync,
            change: intended.change.clone(),
            run,
            sync: job.sync,
            seq: intended.seq,
            mapped: intended.mapped.fields.clone(),
            mapped_fingerprint: intended.mapped.fingerprint,
            source: Some(intended.mapped.source.clone()),
            is_held: false,
        })
        .collect()
}

/// Stage 5: writes, settles what got no answer, and puts every outcome into the batch.
pub(crate) async fn send(
    job: &Job,
    work: &Work,
    intended: Vec<Intended>,
    batch: &mut Batch,
) -> Result<()> {
    let settled = write_journalled(job, work, &intended).await?;
    take_outcomes(job, work, intended, settled, batch).await
}

/// Puts every outcome into the batch. What moved meanwhile is looked at again and sent once more, which may move
/// again: also our own write does that when its answer is lost.
async fn take_outcomes(
    job: &Job,
    work: &Work,
    intended: Vec<Intended>,
    settled: Vec<(Outcome, Option<ExchangeId>)>,
    batch: &mut Batch,
) -> Result<()> {
    let mut moved = take_settled(intended, settled, batch);
    for _ in 0..REBASES {
        if moved.is_empty() {
            return Ok(());
        }
        let again = rebase(job, work, moved, batch).await?;
        if again.is_empty() {
            return Ok(());
        }
        let settled = write_journalled(job, work, &again).await?;
        moved = take_settled(again, settled, batch);
    }
    for intended in moved {
        batch.settle_written(intended, Outcome::Moved, None);
    }
    Ok(())
}

/// Puts outcomes into the batch; gives those back that moved.
fn take_settled(
    intended: Vec<Intended>,
    settled: Vec<(Outcome, Option<ExchangeId>)>,
    batch: &mut Batch,
) -> Vec<Intended> {
    let mut moved = Vec::new();
    for (intended, (outcome, exchange)) in intended.into_iter().zip(settled) {
        if outcome == Outcome::Moved {
            moved.push(intended);
        } else {
            batch.settle_written(intended, outcome, exchange);
        }
    }
    moved
}

/// Sends what the journal has, and settles what got no answer.
async fn write_journalled(
    job: &Job,
    work: &Work,
    intended: &[Intended],
) -> Result<Vec<(Outcome, Option<ExchangeId>)>> {
    let changes: Vec<Change> = intended
        .iter()
        .map(|intended| intended.change.clone())
        .collect();
    let written = match job
        .destination
        .write(&job.target_stream.name, &changes, &work.target_access)
        .await
    {
        Ok(written) => written,
        Err(error) => {
            // Nothing was sent, so nothing is pending.
            let sync = job.sync;
            let ids: Vec<ChangeId> = changes.iter().map(|change| change.id).collect();
            work.store
                .write(move |tx| store::journal::settle_many(tx, sync, &ids))
                .await?;
            return Err(error.into());
        }
    };
    settle(job, work, intended, written).await
}

/// Records that somebody changed on the target since we last saw them: looked at again and compared again. Gives, and
/// journals, what is to be written on top of what is there now.
async fn rebase(
    job: &Job,
    work: &Work,
    moved: Vec<Intended>,
    batch: &mut Batch,
) -> Result<Vec<Intended>> {
    let stream = &job.target_stream.name;
    let keys: Vec<RecordKey> = moved
        .iter()
        .filter_map(|intended| intended.change.target_key.clone())
        .collect();
    let current = job
        .destination
        .get(stream, &keys, &work.target_access)
        .await?;
    let mut current: HashMap<RecordKey, Record> = keys
        .into_iter()
        .zip(current)
        .filter_map(|(key, record)| Some((key, record?)))
        .collect();
    let mut stale: Vec<ChangeId> = Vec::new();
    let mut again = Vec::new();
    for intended in moved {
        let key = intended.change.target_key.clone();
        let Some((key, record)) =
            key.and_then(|key| current.remove(&key).map(|record| (key, record)))
        else {
            let gone = Problem {
                message: "is gone from the target; delete the link by running again in full, or restore it there".into(),
                field: None,
            };
            batch.settle_gone(intended, gone);
            continue;
        };
        let empty = Object::new();
        let now = record.fields.as_object().unwrap_or(&empty);
        let (fields, before) = plan::differences(&intended.mapped.fields, now);
        if fields.is_empty() {
            // Mostly our own write whose answer was lost: the target has what it should have.
            let done = Outcome::Written {
                key,
                record: None,
                version: record.version,
            };
            batch.settle_written(intended, done, None);
            continue;
        }
        stale.push(intended.change.id);
        again.push(Intended {
            change: Change {
                id: ChangeId::new(),
                target_key: Some(key),
                fields,
                before: Some(before),
                version: record.version,
                ..intended.change
            },
            ..intended
        });
    }
    if again.is_empty() {
        return Ok(again);
    }
    let sync = job.sync;
    let pending = pending(job, batch.run(), &again);
    work.store
        .write(move |tx| {
            store::journal::settle_many(tx, sync, &stale)?;
            store::journal::insert_many(tx, &pending)
        })
        .await?;
    Ok(again)
}

/// What a run before this one left pending: it may or may not have reached the target.
pub(crate) async fn settle_journal(job: &Job, work: &Work) -> Result<()> {
    let sync = job.sync;
    let pending = work
        .store
        .read(move |db| store::journal::pending_of_sync(db, sync))
        .await?;
    let open: Vec<Pending> = pending
        .into_iter()
        .filter(|pending| !pending.is_held)
        .collect();
    for chunk in open.chunk_by(|left, right| left.run == right.run) {
        let Some(run) = chunk.first().map(|pending| pending.run) else {
            continue;
        };
        let mut batch = Batch::new(run, work.clock.now());
        let intended: Vec<Intended> = chunk
            .iter()
            .map(|pending| Intended {
                seq: pending.seq,
                mapped: Mapped {
                    source_key: pending.change.source_key.clone(),
                    source: pending.source.clone().unwrap_or_default(),
                    fields: pending.mapped.clone(),
                    fingerprint: pending.mapped_fingerprint,
                    problem: None,
                },
                change: pending.change.clone(),
            })
            .collect();
        let nobody_knows = Written {
            outcomes: intended
                .iter()
                .map(|_| unknown("the run was cut off before the answer came"))
                .collect(),
            exchanges: vec![None; intended.len()],
        };
        let settled = settle(job, work, &intended, nobody_knows).await?;
        take_outcomes(job, work, intended, settled, &mut batch).await?;
        commit::commit(job, work, batch, None).await?;
    }
    Ok(())
}

fn unknown(reason: &str) -> Outcome {
    Outcome::Unknown {
        reason: reason.into(),
    }
}

/// Finds out what became of changes without an answer, and sends again what did not happen.
///
/// A create is looked up by its match key first; an update is the same however often it is sent. What
/// can neither be looked up nor safely repeated stays unknown: a person has to look.
async fn settle(
    job: &Job,
    work: &Work,
    intended: &[Intended],
    written: Written,
) -> Result<Vec<(Outcome, Option<ExchangeId>)>> {
    let mut settled: Vec<(Outcome, Option<ExchangeId>)> = written
        .outcomes
        .into_iter()
        .zip(written.exchanges)
        .collect();
    // A destination that forgets to answer for a change has not answered for it.
    settled.resize_with(intended.len(), || {
        (unknown("the connector gave no outcome"), None)
    });
    for attempt in 0..SETTLE_ATTEMPTS {
        let open: Vec<usize> = (0..intended.len())
            .filter(|n| matches!(settled.get(*n), Some((Outcome::Unknown { .. }, _))))
            .collect();
        if open.is_empty() {
            return Ok(settled);
        }
        if attempt > 0 {
            pause(work, attempt).await?;
        }
        let last = attempt + 1 == SETTLE_ATTEMPTS;
        let again = match absent_on_target(job, work, intended, &open, &mut settled).await {
            Ok(again) => again,
            Err(error) if last || !error_is_transient(&error) => return Err(error),
            Err(_) => continue,
        };
        if again.is_empty() {
            return Ok(settled);
        }
        let changes: Vec<Change> = again
            .iter()
            .filter_map(|n| intended.get(*n))
            .map(|intended| intended.change.clone())
            .collect();
        match job
            .destination
            .write(&job.target_stream.name, &changes, &work.target_access)
            .await
        {
            Ok(written) => {
                for (n, result) in again
                    .into_iter()
                    .zip(written.outcomes.into_iter().zip(written.exchanges))
                {
                    if let Some(slot) = settled.get_mut(n) {
                        *slot = result;
                    }
                }
            }
            Err(error) if last || !error.is_transient() => return Err(error.into()),
            Err(_) => {}
        }
    }
    // The look-up works and the write never gets an answer: stop here, the journal keeps it.
    if settled
        .iter()
        .zip(intended)
        .any(|((outcome, _), intended)| {
            matches!(outcome, Outcome::Unknown { .. }) && can_settle(job, &intended.change)
        })
    {
        return Err(Error::Platform(connectors::Error::Unavailable {
            platform: job.target_stream.label.clone(),
            reason: format!(
                "{SETTLE_ATTEMPTS} writes in a row got no answer; what was sent is looked up at the next run"
            ),
        }));
    }
    Ok(settled)
}

fn error_is_transient(error: &Error) -> bool {
    matches!(error, Error::Platform(error) if error.is_transient())
}

/// Whether a change without an answer can ever be settled without a person.
fn can_settle(job: &Job, change: &Change) -> bool {
    match change.operation {
        Operation::Update | Operation::Delete => true,
        Operation::Create => {
            let can = &job.target_stream.capabilities;
            can.idempotent_create || is_searchable(job)
        }
    }
}

fn is_searchable(job: &Job) -> bool {
    let can = &job.target_stream.capabilities.match_by;
    !job.document.match_on.is_empty() && job.document.match_on.iter().all(|path| can.contains(path))
}

/// Looks creates up; those that are there get their outcome, the rest is to be sent again.
async fn absent_on_target(
    job: &Job,
    work: &Work,
    intended: &[Intended],
    open: &[usize],
    settled: &mut [(Outcome, Option<ExchangeId>)],
) -> Result<Vec<usize>> {
    let mut again = Vec::new();
    let mut to_find: Vec<(usize, Vec<Value>)> = Vec::new();
    let rules = job.rules();
    let in_jobs = in_jobs(job, work, intended, open).await?;
    for n in open {
        let Some(intended) = intended.get(*n) else {
            continue;
        };
        if in_jobs.contains(&intended.change.id) {
            // Writing it asks what became of the job.
            again.push(*n);
            continue;
        }
        if !can_settle(job, &intended.change) {
            continue;
        }
        if intended.change.operation == Operation::Create
            && is_searchable(job)
            && let Ok(values) = lookup::match_values(&intended.mapped, &rules)
        {
            to_find.push((*n, values));
        } else {
            again.push(*n);
        }
    }
    if to_find.is_empty() {
        return Ok(again);
    }
    let find = Find {
        stream: job.target_stream.name.clone(),
        by: rules.match_on.clone(),
        values: to_find.iter().map(|(_, values)| values.clone()).collect(),
    };
    let found = job.destination.find(find, &work.target_access).await?;
    for ((n, _), records) in to_find.into_iter().zip(found) {
        match (
            records.into_iter().find(|record| record.key.is_some()),
            settled.get_mut(n),
        ) {
            (Some(record), Some(slot)) => {
                if let Some(key) = record.key {
                    slot.0 = Outcome::Written {
                        key,
                        record: Some(record.fields),
                        version: record.version,
                    };
                }
            }
            _ => again.push(n),
        }
    }
    Ok(again)
}

/// Those of the changes that are part of a job which the platform may still be working on.
async fn in_jobs(
    job: &Job,
    work: &Work,
    intended: &[Intended],
    open: &[usize],
) -> Result<HashSet<ChangeId>> {
    let Some(log) = &work.target_access.jobs else {
        return Ok(HashSet::new());
    };
    let ids: Vec<ChangeId> = open
        .iter()
        .filter_map(|n| intended.get(*n))
        .map(|intended| intended.change.id)
        .collect();
    let jobs = log.under_way(&job.target_stream.name, &ids).await?;
    Ok(jobs.into_iter().flat_map(|job| job.changes).collect())
}

async fn pause(work: &Work, attempt: u32) -> Result<()> {
    tokio::select! {
        () = work.cancel.cancelled() => Err(Error::Cancelled),
        () = tokio::time::sleep(SETTLE_PAUSE * 2u32.saturating_pow(attempt)) => Ok(()),
    }
}

/// The words for a change that nobody can settle.
pub(crate) fn unsettled(reason: &str) -> Problem {
    Problem {
        message: format!(
            "it is not known whether this was written ({reason}); look on the target, then retry it here"
        ),
        field: None,
    }
}
