//! Stage 6: outcomes, links, counters and checkpoint in one transaction.

mod links;

use std::collections::HashSet;

use model::clock::Millis;
use model::conflict::ConflictKind;
use model::cursor::Checkpoint;
use model::ids::ConflictId;
use model::ids::{ChangeId, ExchangeId, RunId, SyncId};
use model::path::FieldPath;
use model::record::{Change, Intent, Operation, Outcome, Record, RecordKey};
use model::row::Row;
use model::run::{RecordOutcome, RunCounts};
use model::sync::Side;
use model::value::{Fingerprint, Object, Value};
use store::agreed::Agreed;
use store::borrowed::Json;
use store::conflicts::Conflict;
use store::links::{Link, SourceMark};
use store::plans::PlanKind;
use store::run_records::Told;
use store::unwritten::Failure;

use crate::error::Result;
use crate::job::Job;
use crate::plan::{self, Decision, Mapped, Problem};
use crate::run::Work;
use crate::write::{self, Intended};
use crate::{compare, retries};

/// What became of a batch, ready to be committed.
pub(crate) struct Batch {
    run: RunId,
    at: Millis,
    pub(crate) counts: RunCounts,
    links: Vec<Linked>,
    /// What the marks are made with that the links get.
    pub(crate) seed: Option<u64>,
    /// Records that need nothing and have no line.
    unchanged: Vec<RecordKey>,
    records: Vec<Line>,
    settled: Vec<ChangeId>,
    held: Vec<ChangeId>,
    /// Single fields that both sides agree on now.
    agreed: Vec<Agreed>,
    /// Records whose link goes: what they were linked to is deleted or put away.
    gone: Vec<RecordKey>,
    /// Records whose counterparts were put away and are still read: their links stay.
    put_away: Vec<RecordKey>,
    /// Records that are left alone from now on, because their making was taken back.
    paused: Vec<RecordKey>,
    /// Links of records that were taken back before and are there again.
    restored: Vec<Link>,
    conflicts: Vec<Conflict>,
    /// New marks of links that are otherwise as they were.
    pub(crate) news: Vec<(RecordKey, SourceMark)>,
    /// Its records may have an outcome in this run already: this one counts instead.
    pub(crate) replaces: bool,
}

/// A link on its way.
struct Linked {
    link: Link,
    mark: Option<SourceMark>,
    /// The change that made it, where one did.
    change: Option<ChangeId>,
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
    source: Row,
    side: Side,
    exchange: Option<ExchangeId>,
    /// The change that the journal has of it.
    change: Option<ChangeId>,
    /// Of the record as the mapping makes it.
    mapped: Fingerprint,
}

impl Line {
    /// What is listed as not written; what waits for a decision has a list of its own.
    fn failure(&self) -> Option<Failure> {
        let is_listed = self.outcome.needs_person() && self.outcome != RecordOutcome::Conflict;
        is_listed.then(|| Failure {
            source_key: self.source_key.clone(),
            seq: self.seq,
            outcome: self.outcome,
            fingerprint: (self.mapped != plan::OUTDATED).then_some(self.mapped),
        })
    }

    fn told(&self, sync: SyncId, run: RunId, at: Millis) -> Told<'_> {
        Told {
            run,
            seq: self.seq,
            sync,
            source_key: Some(&self.source_key),
            target_key: self.target_key.as_ref(),
            side: self.side,
            outcome: self.outcome,
            message: self.message.as_deref(),
            field: self.field.as_ref(),
            before: self.before.as_ref().map(Json::Object),
            after: self.after.as_ref().map(Json::Object),
            source: Some(Json::Row(&self.source)),
            exchange: self.exchange,
            at,
        }
    }
}

impl Batch {
    pub(crate) fn new(run: RunId, at: Millis) -> Self {
        Self {
            run,
            at,
            counts: RunCounts::default(),
            links: Vec::new(),
            seed: None,
            unchanged: Vec::new(),
            records: Vec::new(),
            settled: Vec::new(),
            held: Vec::new(),
            agreed: Vec::new(),
            gone: Vec::new(),
            put_away: Vec::new(),
            paused: Vec::new(),
            restored: Vec::new(),
            conflicts: Vec::new(),
            news: Vec::new(),
            replaces: false,
        }
    }

    /// The run that the records belong to.
    pub(crate) fn run(&self) -> RunId {
        self.run
    }

    fn mark(&self, mapped: &Mapped) -> Option<SourceMark> {
        Some(compare::mark_of(&mapped.source, self.seed?))
    }

    /// The pairs that this makes or keeps.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&RecordKey, &RecordKey)> {
        let links = self.links.iter().map(|linked| &linked.link);
        let links = links.chain(&self.restored);
        let links = links.map(|link| (&link.source_key, &link.target_key));
        let agreed = self.agreed.iter();
        links.chain(agreed.map(|agreed| (&agreed.source_key, &agreed.target_key)))
    }

    /// Requests by which records were not written, or are not known to be.
    pub(crate) fn doubtful_exchanges(&self) -> impl Iterator<Item = ExchangeId> {
        let lines = self.records.iter();
        lines.filter_map(|line| line.exchange.filter(|_| line.outcome.needs_person()))
    }

    /// So many outcomes of writes will come.
    pub(crate) fn expect(&mut self, n: usize) {
        self.records.reserve(n);
        self.settled.reserve(n);
        self.links.reserve(n);
    }

    /// When it came to this.
    pub(crate) fn at(&self) -> Millis {
        self.at
    }

    /// A change that nobody waits for any more, and what its pair agrees on.
    pub(crate) fn settle_agreed(&mut self, change: ChangeId, agreed: Agreed) {
        self.settled.push(change);
        self.agreed.push(agreed);
    }

    fn count(&mut self, outcome: RecordOutcome) {
        self.counts.read += 1;
        outcome.count(&mut self.counts);
    }

    /// Records that are as they were when both sides agreed.
    pub(crate) fn settle_same(&mut self, keys: Vec<RecordKey>) {
        let n = u64::try_from(keys.len()).unwrap_or(u64::MAX);
        self.counts.read += n;
        self.counts.unchanged += n;
        self.unchanged.extend(keys);
    }

    /// A record that nothing is written for.
    pub(crate) fn settle_unwritten(
        &mut self,
        seq: u64,
        side: Side,
        mapped: Mapped,
        decision: Decision,
    ) {
        let (outcome, problem) = match decision {
            Decision::Unchanged { adopt } => {
                if let Some(link) = adopt {
                    self.links.push(Linked {
                        link: *link,
                        mark: self.mark(&mapped),
                        change: None,
                    });
                }
                // Unchanged records are counted, not listed: there may be millions in every run.
                self.unchanged.push(mapped.source_key);
                return self.count(RecordOutcome::Unchanged);
            }
            Decision::Filtered(problem) => (RecordOutcome::Filtered, problem),
            Decision::Invalid(problem) => (RecordOutcome::Invalid, problem),
            Decision::Held(problem) => (RecordOutcome::Held, problem),
            Decision::Conflict(problem, found) => {
                // Seen is seen: the list of conflicts carries it from here. What a run was to be taken back from may be
                // linked to nothing any more.
                if mapped.fingerprint != plan::NOT_READ
                    && let Some(one) = found.first()
                    && one.kind != ConflictKind::Undo
                {
                    let mut agreed = agreed_of(one.source_key.clone(), one.target_key.clone());
                    agreed.fingerprint = Some(mapped.fingerprint);
                    self.agreed.push(agreed);
                }
                self.conflicts.extend(found);
                (RecordOutcome::Conflict, problem)
            }
            Decision::Forget => {
                self.gone.push(mapped.source_key);
                return self.count(RecordOutcome::Unchanged);
            }
            Decision::Agreed(agreed) => {
                self.unchanged.push(mapped.source_key);
                self.agreed.push(*agreed);
                return self.count(RecordOutcome::Unchanged);
            }
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
            side,
            exchange: None,
            change: None,
            mapped: mapped.fingerprint,
        });
    }

    /// A record that was to be changed and is not on the target any more.
    pub(crate) fn settle_gone(&mut self, intended: Intended, problem: Problem) {
        self.settled.push(intended.change.id);
        let Intended {
            seq, side, mapped, ..
        } = intended;
        self.settle_unwritten(seq, side, mapped, Decision::Held(problem));
    }

    /// A record that somebody changed on the written side since it was looked at: it is left as it is.
    pub(crate) fn settle_overtaken(&mut self, job: &Job, intended: Intended, now: &Record) {
        self.settled.push(intended.change.id);
        let kind = match (intended.intent, intended.side) {
            (Intent::Delete, Side::Target) => ConflictKind::DeletedOnSource,
            (Intent::Delete, Side::Source) => ConflictKind::DeletedOnTarget,
            (Intent::Undo, _) => ConflictKind::Undo,
            (Intent::Sync, _) => {
                let problem = Problem {
                    message:
                        "was changed while this run was at work; the next run looks at it again"
                            .into(),
                    field: None,
                };
                let (_, target_key) = pair(intended.side, &intended.change);
                let Intended {
                    seq, side, mapped, ..
                } = intended;
                self.settle_unwritten(seq, side, mapped, Decision::Held(problem));
                // The next run reads the target's record again by it.
                if let Some(line) = self.records.last_mut() {
                    line.target_key = target_key;
                }
                return;
            }
        };
        let Intended {
            seq,
            side,
            mapped,
            change,
            ..
        } = intended;
        let (source_key, target_key) = pair(side, &change);
        let conflict = |field: String, base, wanted, found| {
            let (source, target) = match side {
                Side::Target => (wanted, found),
                Side::Source => (found, wanted),
            };
            Conflict {
                id: ConflictId::new(),
                sync: job.sync,
                source_key: source_key.clone(),
                target_key: target_key
                    .clone()
                    .unwrap_or_else(|| RecordKey(String::new())),
                field,
                kind,
                base,
                source,
                target,
                decision: None,
                run: Some(self.run),
                created_at: self.at,
                decided_at: None,
            }
        };
        let empty = Object::new();
        let fields = now.fields.as_object().unwrap_or(&empty);
        let found = match kind {
            ConflictKind::Undo => {
                let (wanted, _) = plan::differences(&change.fields, fields);
                wanted
                    .iter()
                    .map(|(name, value)| {
                        let had = change.before.as_ref().and_then(|before| before.get(name));
                        conflict(
                            name.to_owned(),
                            had.cloned(),
                            Some(value.clone()),
                            fields.get(name).cloned(),
                        )
                    })
                    .collect()
            }
            _ => vec![conflict(
                String::new(),
                change.before.clone().map(Value::Object),
                None,
                Some(now.fields.clone()),
            )],
        };
        self.conflicts.extend(found);
        let message = match kind {
            ConflictKind::Undo => {
                "does not hold any more what that run wrote; decide under Conflicts which to keep"
            }
            _ => {
                "was deleted on one side and changed on the other; decide under Conflicts which counts"
            }
        };
        let problem = Problem {
            message: message.into(),
            field: None,
        };
        self.settle_unwritten(seq, side, mapped, Decision::Conflict(problem, Vec::new()));
    }

    /// A record that was sent, and what the target made of it.
    pub(crate) fn settle_written(
        &mut self,
        job: &Job,
        mut intended: Intended,
        outcome: Outcome,
        exchange: Option<ExchangeId>,
    ) {
        let (mut source_key, mut target_key) = pair(intended.side, &intended.change);
        let (outcome, problem) = match outcome {
            Outcome::Written {
                key,
                version,
                record,
            } => {
                match intended.side {
                    Side::Target => target_key = Some(key),
                    Side::Source => source_key = key,
                }
                self.settled.push(intended.change.id);
                let outcome = match (intended.intent, intended.change.operation) {
                    (Intent::Delete, _) | (_, Operation::Delete) => RecordOutcome::Deleted,
                    (_, Operation::Create) => RecordOutcome::Created,
                    (_, Operation::Update) => RecordOutcome::Updated,
                };
                self.link(
                    job,
                    &mut intended,
                    &source_key,
                    target_key.as_ref(),
                    record,
                    version,
                );
                (outcome, None)
            }
            Outcome::Rejected(rejection) => {
                self.settled.push(intended.change.id);
                let problem = Problem {
                    message: format!("{} ({})", rejection.message, rejection.code),
                    field: rejection.field,
                };
                (RecordOutcome::Rejected, Some(problem))
            }
            Outcome::Moved => {
                self.settled.push(intended.change.id);
                let problem = Problem {
                    message: "was changed on the target again and again while it was being written; the next run tries again".into(),
                    field: None,
                };
                (RecordOutcome::Held, Some(problem))
            }
            Outcome::Unknown { reason } => {
                // Stays in the journal: it must not be sent again before somebody has looked.
                self.held.push(intended.change.id);
                (RecordOutcome::Held, Some(write::unsettled(&reason)))
            }
        };
        self.count(outcome);
        let Intended {
            seq,
            side,
            mapped,
            change,
            ..
        } = intended;
        let tried_as = match outcome.needs_person() {
            true => retries::tried_as(&mapped, &change),
            false => mapped.fingerprint,
        };
        let (message, field) = problem.map_or((None, None), |problem| {
            (Some(problem.message), problem.field)
        });
        self.records.push(Line {
            seq,
            source_key,
            target_key,
            outcome,
            message,
            field,
            before: change.before,
            after: Some(change.fields),
            source: mapped.source,
            side,
            exchange,
            change: Some(change.id),
            mapped: tried_as,
        });
    }
}

pub(crate) fn agreed_of(source_key: RecordKey, target_key: RecordKey) -> Agreed {
    Agreed {
        source_key,
        target_key,
        source: Object::new(),
        target: Object::new(),
        fingerprint: None,
        source_version: None,
        target_version: None,
        made_on: None,
    }
}

/// The keys of a change's pair: of the source, and of the target where it is known.
pub(crate) fn pair(side: Side, change: &Change) -> (RecordKey, Option<RecordKey>) {
    match side {
        Side::Target => (change.source_key.clone(), change.target_key.clone()),
        Side::Source => (
            change
                .target_key
                .clone()
                .unwrap_or_else(|| change.source_key.clone()),
            Some(change.source_key.clone()),
        ),
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
        seed: _,
        unchanged,
        records,
        settled,
        held,
        agreed,
        gone,
        put_away,
        paused,
        restored,
        conflicts,
        news,
        replaces,
    } = batch;
    let changes: Vec<Option<ChangeId>> = records.iter().map(|line| line.change).collect();
    let failures: Vec<Failure> = records.iter().filter_map(Line::failure).collect();
    work.store
        .write(move |tx| {
            let settled = store::journal::settle(tx, sync, &settled)?;
            store::journal::hold_many(tx, sync, &held)?;
            let journalled = links.iter().map(|linked| {
                let shadow = linked.change.and_then(|id| settled.shadow_of(id));
                (&linked.link, linked.mark, shadow)
            });
            store::links::upsert_journalled(tx, sync, journalled)?;
            store::links::mark_many(tx, sync, &news)?;
            forget_settled(tx, sync, &agreed)?;
            store::agreed::note_many(tx, sync, agreed)?;
            forget_pairs(tx, sync, &gone)?;
            store::missing::set_done(tx, sync, &put_away)?;
            for key in &put_away {
                store::conflicts::remove(tx, sync, key, None)?;
            }
            if !paused.is_empty() {
                store::pauses::put_many(tx, sync, &paused, TAKEN_BACK, at)?;
            }
            for link in restored {
                // Only what was taken back comes back; a record whose counterpart is gone has nothing to be linked to.
                let key = std::slice::from_ref(&link.source_key);
                if store::pauses::remove_many(tx, sync, key)? > 0 {
                    store::links::upsert_many(tx, sync, &[link])?;
                }
            }
            store::conflicts::put_many(tx, &conflicts)?;
            if replaces {
                let keys = records.iter().map(|line| &line.source_key);
                let keys = keys.chain(&unchanged);
                let mut before = RunCounts::default();
                for outcome in store::unwritten::outcomes_in(tx, sync, run, keys)? {
                    before.read += 1;
                    outcome.count(&mut before);
                }
                store::runs::take_counts(tx, run, &before)?;
            }
            note_unwritten(tx, sync, run, &unchanged, &records, &failures)?;
            let told: Vec<Told<'_>> = records
                .iter()
                .map(|line| line.told(sync, run, at))
                .collect();
            store::outbox::put_settled(tx, &told, &changes, &settled)?;
            store::runs::add_counts(tx, run, &counts)?;
            if let Some(checkpoint) = &checkpoint {
                store::checkpoints::advance(tx, sync, checkpoint)?;
            }
            Ok(())
        })
        .await?;
    Ok(())
}

/// Why a record is left alone whose making was taken back.
pub(crate) const TAKEN_BACK: &str = "it was taken back; resume it to let this sync make it again";

/// Forgets all that is known of pairs that are none any more.
pub(crate) fn forget_pairs(
    tx: &store::Transaction<'_>,
    sync: SyncId,
    gone: &[RecordKey],
) -> store::Result<()> {
    if gone.is_empty() {
        return Ok(());
    }
    store::links::delete_many(tx, sync, gone)?;
    store::missing::remove_many(tx, sync, gone)?;
    store::flips::remove_many(tx, sync, gone)?;
    for key in gone {
        store::conflicts::remove(tx, sync, key, None)?;
    }
    Ok(())
}

/// What both sides agree on is no conflict any more.
fn forget_settled(
    tx: &store::Transaction<'_>,
    sync: SyncId,
    agreed: &[Agreed],
) -> store::Result<()> {
    if agreed.is_empty() || store::conflicts::count(tx, Some(sync))?.total == 0 {
        return Ok(());
    }
    for agreed in agreed {
        for (field, _) in agreed.source.iter().chain(agreed.target.iter()) {
            store::conflicts::remove(tx, sync, &agreed.source_key, Some(field))?;
        }
    }
    Ok(())
}

/// Keeps the list of records that need a person: what was not written comes on it, everything else leaves it. What only
/// took something back, or carried out a decision or a plan of before, has not looked at what the source has now: it
/// leaves nothing off.
fn note_unwritten(
    tx: &store::Transaction<'_>,
    sync: SyncId,
    run: RunId,
    unchanged: &[RecordKey],
    records: &[Line],
    failures: &[Failure],
) -> store::Result<()> {
    if failures.is_empty() && !store::unwritten::any(tx, sync)? {
        // Most runs, and each of their batches.
        return Ok(());
    }
    let plan = store::plans::applied_by(tx, run)?;
    if plan.is_some_and(|plan| {
        plan.is_late || matches!(plan.kind, PlanKind::Undo(_) | PlanKind::Decisions)
    }) {
        // What is listed already tells more of what the source has than what was true of it then.
        let keys = failures.iter().map(|failure| &failure.source_key);
        let listed = store::unwritten::listed(tx, sync, keys)?;
        let failures = failures
            .iter()
            .filter(|failure| !listed.contains(&failure.source_key))
            .map(|failure| Failure {
                fingerprint: None,
                ..failure.clone()
            });
        let failures: Vec<Failure> = failures.collect();
        return store::unwritten::put_many(tx, sync, run, &failures);
    }
    let done = records
        .iter()
        .filter(|line| !line.outcome.needs_person() || line.outcome == RecordOutcome::Conflict)
        .map(|line| &line.source_key);
    // What failed in one part and is done in another has failed, and goes on being counted.
    let failed: HashSet<&RecordKey> = failures.iter().map(|failure| &failure.source_key).collect();
    let done = unchanged.iter().chain(done);
    store::unwritten::remove_many(tx, sync, done.filter(|key| !failed.contains(key)))?;
    store::unwritten::put_many(tx, sync, run, failures)
}
