//! What got no answer: it is looked up, and sent again only where it did not happen.

use std::collections::{HashMap, HashSet};

use connectors::{Find, Written};
use model::conflict::ConflictKind;
use model::ids::{ChangeId, ConflictId, ExchangeId};
use model::record::{Change, Operation, Outcome, Record, RecordKey, Rejection};
use model::sync::{Side, WriteMode};
use model::value::Value;
use store::conflicts::Conflict;

use crate::commit::{self, Batch};
use crate::error::{Error, Result};
use crate::job::{End, Job};
use crate::limits::SETTLE_ATTEMPTS;
use crate::lookup;
use crate::plan::{self, Decision, Problem};
use crate::run::Work;
use crate::write::Intended;

/// What became of a change.
pub(crate) struct Settled {
    pub(crate) outcome: Outcome,
    pub(crate) exchange: Option<ExchangeId>,
    /// What a look-up found in place of a create without an answer, where it is not what was sent: it may be somebody
    /// else's. The outcome is then that it moved, or, where nothing of it may be changed, that it was written.
    pub(crate) found: Option<Record>,
    /// Nobody but a person can tell what became of it.
    is_left_open: bool,
}

impl Settled {
    pub(crate) const fn of(outcome: Outcome, exchange: Option<ExchangeId>) -> Self {
        Self {
            outcome,
            exchange,
            found: None,
            is_left_open: false,
        }
    }

    /// What it came to on the written side.
    const fn key(&self) -> Option<&RecordKey> {
        match (&self.outcome, &self.found) {
            (Outcome::Written { key, .. }, _) => Some(key),
            (_, Some(record)) => record.key.as_ref(),
            _ => None,
        }
    }

    const fn is_unknown(&self) -> bool {
        !self.is_left_open && matches!(self.outcome, Outcome::Unknown { .. })
    }
}

pub(crate) fn unknown(reason: &str) -> Outcome {
    Outcome::Unknown {
        reason: reason.into(),
    }
}

/// Finds out what became of changes without an answer, and sends again what did not happen.
///
/// A create is looked up by its match key first; an update is the same however often it is sent. What
/// can neither be looked up nor safely repeated stays unknown: a person has to look.
pub(crate) async fn settle(
    job: &Job,
    work: &Work,
    end: &End<'_>,
    intended: &[Intended],
    written: Written,
    batch: &Batch,
) -> Result<Vec<Settled>> {
    let mut settled: Vec<Settled> = written
        .outcomes
        .into_iter()
        .zip(written.exchanges)
        .map(|(outcome, exchange)| Settled::of(outcome, exchange))
        .collect();
    // A destination that forgets to answer for a change has not answered for it.
    settled.resize_with(intended.len(), || {
        Settled::of(unknown("the connector gave no outcome"), None)
    });
    for attempt in 0..SETTLE_ATTEMPTS {
        let open: Vec<usize> = (0..intended.len())
            .filter(|n| settled.get(*n).is_some_and(Settled::is_unknown))
            .collect();
        if open.is_empty() {
            return Ok(settled);
        }
        if attempt > 0 {
            pause(work, attempt).await?;
        }
        let last = attempt + 1 == SETTLE_ATTEMPTS;
        let again = match absent(job, work, end, intended, &open, &mut settled, batch).await {
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
        match end
            .destination
            .write(&end.stream.name, &changes, end.access)
            .await
        {
            Ok(written) => {
                for (n, (outcome, exchange)) in again
                    .into_iter()
                    .zip(written.outcomes.into_iter().zip(written.exchanges))
                {
                    if let Some(slot) = settled.get_mut(n) {
                        *slot = Settled::of(outcome, exchange);
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
        .any(|(settled, intended)| settled.is_unknown() && can_settle(end, &intended.change))
    {
        return Err(Error::Platform(connectors::Error::Unavailable {
            platform: end.stream.label.clone(),
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
fn can_settle(end: &End<'_>, change: &Change) -> bool {
    match change.operation {
        Operation::Update | Operation::Delete => true,
        Operation::Create => {
            let can = &end.stream.capabilities;
            can.idempotent_create || is_searchable(end)
        }
    }
}

/// Whether sending a change once more would overwrite whatever somebody made of the record meanwhile.
fn is_sent_blindly(job: &Job, end: &End<'_>, intended: &Intended) -> bool {
    intended.change.operation != Operation::Create
        && !intended.wants_mapped(job)
        && intended.change.version.is_none()
        && end.stream.capabilities.get
}

fn is_searchable(end: &End<'_>) -> bool {
    let can = &end.stream.capabilities.match_by;
    !end.match_on.is_empty() && end.match_on.iter().all(|path| can.contains(path))
}

/// Looks creates up; those that are there get their outcome, the rest is to be sent again.
async fn absent(
    job: &Job,
    work: &Work,
    end: &End<'_>,
    intended: &[Intended],
    open: &[usize],
    settled: &mut [Settled],
    batch: &Batch,
) -> Result<Vec<usize>> {
    let mut again = Vec::new();
    let mut to_find: Vec<(usize, Vec<Value>)> = Vec::new();
    let in_jobs = in_jobs(end, intended, open).await?;
    for n in open {
        let Some(intended) = intended.get(*n) else {
            continue;
        };
        if in_jobs.contains(&intended.change.id) {
            // Writing it asks what became of the job.
            again.push(*n);
            continue;
        }
        if !can_settle(end, &intended.change) {
            continue;
        }
        if intended.change.operation == Operation::Create
            && is_searchable(end)
            && let Ok(values) = lookup::values_of(&intended.change.fields, end.match_on)
        {
            to_find.push((*n, values));
        } else if is_sent_blindly(job, end, intended) {
            // It may have happened, and somebody may have edited it since: it is looked at before it is sent again.
            if let Some(slot) = settled.get_mut(*n) {
                slot.outcome = Outcome::Moved;
            }
        } else {
            again.push(*n);
        }
    }
    if to_find.is_empty() {
        return Ok(again);
    }
    let find = Find {
        stream: end.stream.name.clone(),
        by: end.match_on.to_vec(),
        values: to_find.iter().map(|(_, values)| values.clone()).collect(),
    };
    let found = end.destination.find(find, end.access).await?;
    // What matches may be another record's: that one got its match value only since the plan was made.
    let keys = found.iter().flatten();
    let keys: Vec<RecordKey> = keys.filter_map(|record| record.key.clone()).collect();
    let mut owners = match keys.is_empty() {
        true => HashMap::new(),
        false => owners(job, work, end.side, keys).await?,
    };
    owners.extend(batch.pairs().map(|(source, target)| match end.side {
        Side::Target => (target.clone(), source.clone()),
        Side::Source => (source.clone(), target.clone()),
    }));
    for (settled, intended) in settled.iter().zip(intended) {
        if let Some(key) = settled.key() {
            owners.insert(key.clone(), intended.change.source_key.clone());
        }
    }
    let added = match job.document.mode {
        WriteMode::Append => added_before(job, work, intended).await?,
        _ => HashSet::new(),
    };
    for ((n, _), records) in to_find.into_iter().zip(found) {
        let (Some(slot), Some(intended)) = (settled.get_mut(n), intended.get(n)) else {
            continue;
        };
        let counterpart = &intended.change.source_key;
        let is_ours = |key: &RecordKey| owners.get(key).is_none_or(|owner| owner == counterpart);
        let mut ours = records;
        ours.retain(|record| record.key.as_ref().is_some_and(is_ours));
        // What the platform wrote otherwise is still what was sent; elsewhere it is written once more.
        let is_folded = job.back.is_some() || job.document.mode == WriteMode::Append;
        let differs = |record: &Record| {
            record.fields.as_object().is_none_or(|now| match is_folded {
                true => plan::is_touched(&intended.change.fields, None, now, None),
                false => !plan::differences(&intended.change.fields, now).0.is_empty(),
            })
        };
        // Somebody else may have made one that matches; ours is as it was sent.
        let sent = ours.iter().position(|record| !differs(record));
        let is_added_again = added.contains(counterpart);
        if sent.is_none() && is_added_again {
            ours.retain(|record| {
                let key = record.key.as_ref();
                key.is_some_and(|key| !owners.contains_key(key))
            });
        }
        // Sent once more, it says which one it is.
        let is_told = end.stream.capabilities.idempotent_create
            && sent.is_none()
            && (ours.len() > 1 || is_added_again);
        if ours.is_empty() || is_told {
            again.push(n);
            continue;
        }
        // Any of them may be ours, edited since, and any of them somebody else's, or of an earlier change.
        if sent.is_none() && is_added_again {
            slot.is_left_open = true;
            continue;
        }
        if sent.is_none() && ours.len() > 1 {
            slot.outcome = Outcome::Rejected(ambiguous(ours.len(), end));
            continue;
        }
        let record = ours.swap_remove(sent.unwrap_or(0));
        if let Some(key) = &record.key {
            owners.insert(key.clone(), counterpart.clone());
        }
        let looks_again = intended.wants_mapped(job) && job.document.mode.updates();
        if sent.is_none() && (looks_again || job.back.is_some()) {
            slot.outcome = Outcome::Moved;
            slot.found = Some(record);
        } else if let Some(key) = record.key.clone() {
            slot.outcome = Outcome::Written {
                key,
                record: Some(record.fields.clone()),
                version: record.version.clone(),
            };
            slot.found = sent.is_none().then_some(record);
        }
    }
    Ok(again)
}

/// Those of the source records that were added before: an earlier change of theirs is on the target.
async fn added_before(job: &Job, work: &Work, intended: &[Intended]) -> Result<HashSet<RecordKey>> {
    let sync = job.sync;
    let keys: Vec<RecordKey> = intended
        .iter()
        .map(|intended| intended.change.source_key.clone())
        .collect();
    let linked = work
        .store
        .read(move |db| store::links::targets_of_sources(db, sync, &keys))
        .await?;
    Ok(linked.into_keys().collect())
}

fn ambiguous(n: usize, end: &End<'_>) -> Rejection {
    Rejection {
        code: "ambiguous".into(),
        message: format!(
            "it was sent without an answer, and {n} records of \"{}\" match it; merge them there, or match by a field that is unique",
            end.stream.label
        ),
        field: end.match_on.first().cloned(),
    }
}

/// The counterparts of records of one side, as far as they are linked, or about to be: what the journal has of a pair
/// makes it one once it is settled.
async fn owners(
    job: &Job,
    work: &Work,
    side: Side,
    keys: Vec<RecordKey>,
) -> Result<HashMap<RecordKey, RecordKey>> {
    let sync = job.sync;
    Ok(work
        .store
        .read(move |db| {
            let mut owners = match side {
                Side::Target => store::links::sources_of_targets(db, sync, &keys)?,
                Side::Source => {
                    let links = store::links::get_many(db, sync, &keys)?;
                    let pairs = links.into_iter().map(|(key, link)| (key, link.target_key));
                    pairs.collect()
                }
            };
            for pending in store::journal::pending_of_sync(db, sync)? {
                if pending.change.operation == Operation::Create {
                    continue;
                }
                if let (source, Some(target)) = commit::pair(pending.side, &pending.change) {
                    let (key, owner) = match side {
                        Side::Target => (target, source),
                        Side::Source => (source, target),
                    };
                    owners.entry(key).or_insert(owner);
                }
            }
            Ok(owners)
        })
        .await?)
}

/// Those of the changes that are part of a job which the platform may still be working on.
async fn in_jobs(
    end: &End<'_>,
    intended: &[Intended],
    open: &[usize],
) -> Result<HashSet<ChangeId>> {
    let Some(log) = &end.access.jobs else {
        return Ok(HashSet::new());
    };
    let ids: Vec<ChangeId> = open
        .iter()
        .filter_map(|n| intended.get(*n))
        .map(|intended| intended.change.id)
        .collect();
    let jobs = log.under_way(&end.stream.name, &ids).await?;
    Ok(jobs.into_iter().flat_map(|job| job.changes).collect())
}

async fn pause(work: &Work, attempt: u32) -> Result<()> {
    tokio::select! {
        () = work.cancel.cancelled() => Err(Error::Cancelled),
        () = tokio::time::sleep(work.settle_pause * 2u32.saturating_pow(attempt)) => Ok(()),
    }
}

/// Both ways: a create without an answer, and what a look-up found is not what was sent. It may be somebody else's, or
/// ours that somebody has edited since: in what the two differ, a person decides.
pub(crate) fn settle_met(job: &Job, intended: Intended, found: Record, batch: &mut Batch) {
    let (Some(key), Some(now)) = (&found.key, found.fields.as_object()) else {
        return batch.settle_written(job, intended, Outcome::Moved, None);
    };
    let Intended {
        seq,
        side,
        mut mapped,
        change,
        ..
    } = intended;
    let wanted = std::mem::take(&mut mapped.fields);
    let (source_key, target_key, source, target) = match side {
        Side::Target => {
            let target = plan::project(&wanted, now);
            (mapped.source_key.clone(), key.clone(), wanted, target)
        }
        Side::Source => {
            let made = job.program.apply(&found.fields).fields;
            mapped.fingerprint = Value::Object(made.clone()).fingerprint();
            let source = plan::project(&wanted, &made);
            (key.clone(), change.source_key.clone(), source, wanted)
        }
    };
    mapped.source_key = source_key.clone();
    let mut agreed = commit::agreed_of(source_key.clone(), target_key.clone());
    agreed.fingerprint = (mapped.fingerprint != plan::NOT_READ).then_some(mapped.fingerprint);
    agreed.made_on = (change.operation == Operation::Create).then_some(side);
    let mut conflicts = Vec::new();
    for (name, value) in source.iter() {
        let there = target.get(name).unwrap_or(&Value::Null);
        if plan::agrees(value, Some(there)) {
            agreed.source.push(name, value.clone());
            agreed.target.push(name, there.clone());
            continue;
        }
        conflicts.push(Conflict {
            id: ConflictId::new(),
            sync: job.sync,
            source_key: source_key.clone(),
            target_key: target_key.clone(),
            field: name.to_owned(),
            kind: ConflictKind::FirstMeeting,
            base: None,
            source: Some(value.clone()),
            target: Some(there.clone()),
            decision: None,
            run: Some(batch.run()),
            created_at: batch.at(),
            decided_at: None,
        });
    }
    batch.settle_agreed(change.id, agreed);
    let problem = Problem {
        message: "was sent without an answer, and what is there now differs; decide under Conflicts which counts".into(),
        field: None,
    };
    batch.settle_unwritten(seq, side, mapped, Decision::Conflict(problem, conflicts));
}
