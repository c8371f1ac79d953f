//! Stage 6: outcomes, links, counters and checkpoint in one transaction.

use model::clock::Millis;
use model::cursor::Checkpoint;
use model::ids::{ChangeId, ExchangeId, RunId, SyncId};
use model::path::FieldPath;
use model::record::{Operation, Outcome, RecordKey};
use model::run::{RecordOutcome, RunCounts};
use model::value::{Object, Value};
use store::links::Link;
use store::run_records::RunRecord;

use crate::error::Result;
use crate::job::Job;
use crate::plan::{self, Decision, Mapped, Problem};
use crate::run::Work;
use crate::write::{self, Intended};

/// What became of a batch, ready to be committed.
pub(crate) struct Batch {
    run: RunId,
    at: Millis,
    pub(crate) counts: RunCounts,
    links: Vec<Link>,
    /// Records that need nothing and have no line.
    unchanged: Vec<RecordKey>,
    records: Vec<Line>,
    settled: Vec<ChangeId>,
    held: Vec<ChangeId>,
}

/// A line of the history before it knows its sync.
struct Line {
    seq: u64,
    source_key: RecordKey,
    target_key: Option<RecordKey>,
    outcome: RecordOutcome,
    message: Option<String>,
    field: Option<FieldPath>,
    before: Option<Object>,
    after: Option<Object>,
    source: Value,
    exchange: Option<ExchangeId>,
    /// The change that the journal has of it.
    change: Option<ChangeId>,
}

impl Batch {
    pub(crate) fn new(run: RunId, at: Millis) -> Self {
        Self {
            run,
            at,
            counts: RunCounts::default(),
            links: Vec::new(),
            unchanged: Vec::new(),
            records: Vec::new(),
            settled: Vec::new(),
            held: Vec::new(),
        }
    }

    /// The run that the records belong to.
    pub(crate) fn run(&self) -> RunId {
        self.run
    }

    fn count(&mut self, outcome: RecordOutcome) {
        self.counts.read += 1;
        outcome.count(&mut self.counts);
    }

    /// A record that nothing is written for.
    pub(crate) fn settle_unwritten(&mut self, seq: u64, mapped: Mapped, decision: Decision) {
        let (outcome, problem) = match decision {
            Decision::Unchanged { adopt } => {
                self.links.extend(adopt.map(|link| *link));
                // Unchanged records are counted, not listed: there may be millions in every run.
                self.unchanged.push(mapped.source_key);
                return self.count(RecordOutcome::Unchanged);
            }
            Decision::Filtered(problem) => (RecordOutcome::Filtered, problem),
            Decision::Invalid(problem) => (RecordOutcome::Invalid, problem),
            Decision::Held(problem) => (RecordOutcome::Held, problem),
            Decision::Write(_) => (RecordOutcome::Held, write::unsettled("it was not sent")),
        };
        self.count(outcome);
        self.records.push(Line {
            seq,
            source_key: mapped.source_key,
            target_key: None,
            outcome,
            message: Some(problem.message),
            field: problem.field,
            before: None,
            after: Some(mapped.fields),
            source: mapped.source,
            exchange: None,
            change: None,
        });
    }

    /// A record that was to be changed and is not on the target any more.
    pub(crate) fn settle_gone(&mut self, intended: Intended, problem: Problem) {
        self.settled.push(intended.change.id);
        self.settle_unwritten(intended.seq, intended.mapped, Decision::Held(problem));
    }

    /// A record that was sent, and what the target made of it.
    pub(crate) fn settle_written(
        &mut self,
        intended: Intended,
        outcome: Outcome,
        exchange: Option<ExchangeId>,
    ) {
        let Intended {
            seq,
            mapped,
            change,
        } = intended;
        let (target_key, outcome, problem) = match outcome {
            Outcome::Written { key, version, .. } => {
                self.links
                    .push(plan::link_of(&mapped, key.clone(), version));
                self.settled.push(change.id);
                let outcome = match change.operation {
                    Operation::Create => RecordOutcome::Created,
                    Operation::Update | Operation::Delete => RecordOutcome::Updated,
                };
                (Some(key), outcome, None)
            }
            Outcome::Rejected(rejection) => {
                self.settled.push(change.id);
                let problem = Problem {
                    message: format!("{} ({})", rejection.message, rejection.code),
                    field: rejection.field,
                };
                (change.target_key, RecordOutcome::Rejected, Some(problem))
            }
            Outcome::Moved => {
                self.settled.push(change.id);
                let problem = Problem {
                    message: "was changed on the target again and again while it was being written; the next run tries again".into(),
                    field: None,
                };
                (change.target_key, RecordOutcome::Held, Some(problem))
            }
            Outcome::Unknown { reason } => {
                // Stays in the journal: it must not be sent again before somebody has looked.
                self.held.push(change.id);
                (
                    change.target_key,
                    RecordOutcome::Held,
                    Some(write::unsettled(&reason)),
                )
            }
        };
        self.count(outcome);
        let (message, field) = problem.map_or((None, None), |problem| {
            (Some(problem.message), problem.field)
        });
        self.records.push(Line {
            seq,
            source_key: mapped.source_key,
            target_key,
            outcome,
            message,
            field,
            before: change.before,
            after: Some(change.fields),
            source: mapped.source,
            exchange,
            change: Some(change.id),
        });
    }
}

/// Commits a batch. Either all of it happened or none; a commit is never cancelled.
pub(crate) async fn commit(
    job: &Job,
    work: &Work,
    batch: Batch,
    checkpoint: Option<Checkpoint>,
) -> Result<()> {
    let sync = job.sync;
    let Batch {
        run,
        at,
        counts,
        links,
        unchanged,
        records,
        settled,
        held,
    } = batch;
    let changes: Vec<Option<ChangeId>> = records.iter().map(|line| line.change).collect();
    let records: Vec<RunRecord> = records
        .into_iter()
        .map(|line| RunRecord {
            side: model::sync::Side::Target,
            run,
            seq: line.seq,
            sync,
            source_key: Some(line.source_key),
            target_key: line.target_key,
            outcome: line.outcome,
            message: line.message,
            field: line.field,
            before: line.before.map(Value::Object),
            after: line.after.map(Value::Object),
            source: Some(line.source),
            exchange: line.exchange,
            at,
        })
        .collect();
    work.store
        .write(move |tx| {
            let settled = store::journal::settle(tx, sync, &settled)?;
            store::journal::hold_many(tx, sync, &held)?;
            store::links::upsert_many(tx, sync, &links)?;
            note_unwritten(tx, sync, run, &unchanged, &records)?;
            store::outbox::put_settled(tx, &records, &changes, &settled)?;
            store::runs::add_counts(tx, run, &counts)?;
            if let Some(checkpoint) = &checkpoint {
                store::checkpoints::advance(tx, sync, checkpoint)?;
            }
            Ok(())
        })
        .await?;
    Ok(())
}

/// Keeps the list of records that need a person: what was not written comes on it, everything else leaves it.
fn note_unwritten(
    tx: &store::Transaction<'_>,
    sync: SyncId,
    run: RunId,
    unchanged: &[RecordKey],
    records: &[RunRecord],
) -> store::Result<()> {
    let key = |record: &RunRecord| {
        record
            .source_key
            .clone()
            .unwrap_or(RecordKey(String::new()))
    };
    let (unwritten, done): (Vec<&RunRecord>, Vec<&RunRecord>) = records
        .iter()
        .partition(|record| record.outcome.needs_person());
    let done = done
        .into_iter()
        .filter_map(|record| record.source_key.as_ref());
    store::unwritten::remove_many(tx, sync, unchanged.iter().chain(done))?;
    let unwritten: Vec<(RecordKey, u64, RecordOutcome)> = unwritten
        .into_iter()
        .map(|record| (key(record), record.seq, record.outcome))
        .collect();
    store::unwritten::put_many(tx, sync, run, &unwritten)
}
