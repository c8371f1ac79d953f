//! Stages 4 and 5: what is intended goes to the journal, then to the platform; what got no answer is
//! settled before anything else happens to it.

use std::collections::HashMap;

use connectors::Written;
use model::ids::ChangeId;
use model::record::{Change, Intent, Operation, Outcome, Record, RecordKey};
use model::sync::Side;
use model::value::{Object, Value};
use store::borrowed::Json;
use store::journal::Pending;

use crate::commit::{self, Batch};
use crate::error::Result;
use crate::job::{End, Job};
use crate::limits::REBASES;
use crate::plan::{self, Mapped, Problem};
use crate::run::Work;
use crate::settle::{self, Settled};

/// A change with the record it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Intended {
    /// Its place in the run.
    pub(crate) seq: u64,
    /// The side that is written.
    pub(crate) side: Side,
    /// What it is for.
    pub(crate) intent: Intent,
    pub(crate) mapped: Mapped,
    pub(crate) change: Change,
}

impl Intended {
    /// Whether the record is to become what the mapping makes of the source, whatever it is now. Otherwise only what
    /// was looked at may be changed.
    pub(crate) fn wants_mapped(&self, job: &Job) -> bool {
        self.intent == Intent::Sync && self.side == Side::Target && job.back.is_none()
    }
}

/// Takes out, and settles, what somebody changed on the written side since it was looked at. Only asked for where a
/// mistake would overwrite or delete what nobody has seen, and where the platform does not look itself.
pub(crate) async fn untouched(
    job: &Job,
    work: &Work,
    intended: Vec<Intended>,
    batch: &mut Batch,
) -> Result<Vec<Intended>> {
    if intended
        .iter()
        .all(|intended| intended.change.operation == Operation::Create)
    {
        return Ok(intended);
    }
    let mut out = Vec::with_capacity(intended.len());
    let mut to_look: Vec<Intended> = Vec::new();
    for intended in intended {
        let is_guarded = intended.intent != Intent::Sync
            || (job.back.is_some() && intended.change.version.is_none())
            // Without a before-image it could not be taken back.
            || !has_before_image(&intended.change);
        let looks = is_guarded
            && intended.change.operation != Operation::Create
            && job.end(work, intended.side)?.stream.capabilities.get;
        match looks {
            true => to_look.push(intended),
            false => out.push(intended),
        }
    }
    for side in [Side::Target, Side::Source] {
        let (now, later): (Vec<Intended>, Vec<Intended>) = to_look
            .into_iter()
            .partition(|intended| intended.side == side);
        to_look = later;
        if now.is_empty() {
            continue;
        }
        let end = job.end(work, side)?;
        let keys: Vec<RecordKey> = now
            .iter()
            .filter_map(|intended| intended.change.target_key.clone())
            .collect();
        let records = end
            .destination
            .get(&end.stream.name, &keys, end.access)
            .await?;
        let taken_for = taken_for(job, work, side, keys).await?;
        for (mut intended, record) in now.into_iter().zip(records) {
            let Some(record) = record else {
                out.push(intended);
                continue;
            };
            if is_unseen(job, &intended, &record, &taken_for) {
                batch.settle_overtaken(job, intended, &record);
                continue;
            }
            let empty = Object::new();
            let fields = record.fields.as_object().unwrap_or(&empty);
            let (was, tag) = (&intended.change.before, intended.change.version.as_deref());
            // One way, the source decides whatever the target has.
            let is_guarded = !intended.wants_mapped(job);
            let has_moved =
                tag.is_some() && record.version.is_some() && record.version.as_deref() != tag;
            if !is_guarded && has_moved {
                // The platform says so too, and then all of it is compared again.
                out.push(intended);
                continue;
            }
            let is_touched = is_guarded
                && was.as_ref().is_some_and(|was| {
                    plan::is_touched(was, tag, fields, record.version.as_deref())
                });
            if is_touched {
                batch.settle_overtaken(job, intended, &record);
                continue;
            }
            let before = intended.change.before.get_or_insert_with(Object::new);
            for (name, value) in plan::project(&intended.change.fields, fields) {
                if !is_guarded || before.get(&name).is_none() {
                    before.insert(name, value);
                }
            }
            intended.change.version = record.version.or(intended.change.version);
            out.push(intended);
        }
    }
    out.sort_by_key(|intended| intended.seq);
    Ok(out)
}

/// What the plan took records of the source to have, in the target's terms, where it had not read them: what both sides
/// agreed on, and what lies in a conflict.
async fn taken_for(
    job: &Job,
    work: &Work,
    side: Side,
    keys: Vec<RecordKey>,
) -> Result<HashMap<RecordKey, Object>> {
    if side == Side::Target || job.back.is_none() {
        return Ok(HashMap::new());
    }
    let sync = job.sync;
    Ok(work
        .store
        .read(move |db| {
            let links = store::links::get_many(db, sync, &keys)?.into_iter();
            let mut known: HashMap<_, _> = links.map(|(key, link)| (key, link.shadow)).collect();
            for conflict in store::conflicts::of_records(db, sync, &keys)? {
                if let (Some(fields), Some(value)) =
                    (known.get_mut(&conflict.source_key), conflict.source)
                {
                    fields.insert(conflict.field, value);
                }
            }
            Ok(known)
        })
        .await?)
}

/// Whether a record of the source that the plan had not read has something by now that nobody has seen.
fn is_unseen(
    job: &Job,
    intended: &Intended,
    now: &Record,
    taken_for: &HashMap<RecordKey, Object>,
) -> bool {
    let key = intended.change.target_key.as_ref();
    let Some(was) = key.and_then(|key| taken_for.get(key)) else {
        return false;
    };
    if intended.intent != Intent::Sync || has_before_image(&intended.change) {
        return false;
    }
    let made = job.program.apply(&now.fields).fields;
    let mut names = intended.mapped.fields.iter().map(|(name, _)| name);
    names.any(|name| {
        let was = was.get(name);
        was.is_some_and(|was| !plan::agrees(was, made.get(name)))
    })
}

/// Whether it is known what every field that is written had before.
fn has_before_image(change: &Change) -> bool {
    let Some(before) = &change.before else {
        return false;
    };
    change
        .fields
        .iter()
        .all(|(name, _)| before.get(name).is_some())
}

/// Stage 4: from here on, the changes survive a power cut as *pending*. Gives them back.
pub(crate) async fn journal(
    job: &Job,
    work: &Work,
    intended: Vec<Intended>,
) -> Result<Vec<Intended>> {
    let (sync, run) = (job.sync, work.run);
    Ok(work
        .store
        .write(move |tx| {
            store::journal::insert_batch(tx, sync, run, &pending(&intended))?;
            Ok(intended)
        })
        .await?)
}

fn pending(intended: &[Intended]) -> Vec<store::journal::Intended<'_>> {
    intended
        .iter()
        .map(|intended| store::journal::Intended {
            side: intended.side,
            intent: intended.intent,
            change: &intended.change,
            seq: intended.seq,
            mapped: &intended.mapped.fields,
            mapped_fingerprint: intended.mapped.fingerprint,
            source: Some(Json::Row(&intended.mapped.source)),
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
    let mut left = intended;
    // One side after the other, each in its order.
    for side in [Side::Target, Side::Source] {
        let (now, later) = match left.iter().all(|intended| intended.side == side) {
            true => (left, Vec::new()),
            false => left.into_iter().partition(|intended| intended.side == side),
        };
        left = later;
        if now.is_empty() {
            continue;
        }
        let end = job.end(work, side)?;
        let (now, settled) = match write_journalled(job, work, &end, now, batch).await {
            Ok(written) => written,
            Err(error) => {
                forget_unsent(job, work, &left).await?;
                return Err(error);
            }
        };
        take_outcomes(job, work, &end, now, settled, batch).await?;
    }
    Ok(())
}

/// Takes changes out of the journal that were never sent.
async fn forget_unsent(job: &Job, work: &Work, unsent: &[Intended]) -> Result<()> {
    let sync = job.sync;
    let ids: Vec<ChangeId> = unsent.iter().map(|intended| intended.change.id).collect();
    Ok(work
        .store
        .write(move |tx| store::journal::settle_many(tx, sync, &ids).map(|_| ()))
        .await?)
}

/// Puts every outcome into the batch. What moved meanwhile is looked at again and sent once more, which may move
/// again: also our own write does that when its answer is lost.
async fn take_outcomes(
    job: &Job,
    work: &Work,
    end: &End<'_>,
    intended: Vec<Intended>,
    settled: Vec<Settled>,
    batch: &mut Batch,
) -> Result<()> {
    let mut moved = take_settled(job, intended, settled, batch);
    for _ in 0..REBASES {
        if moved.is_empty() {
            return Ok(());
        }
        let again = rebase(job, work, end, moved, batch).await?;
        if again.is_empty() {
            return Ok(());
        }
        let (again, settled) = write_journalled(job, work, end, again, batch).await?;
        moved = take_settled(job, again, settled, batch);
    }
    for (intended, _) in moved {
        batch.settle_written(job, intended, Outcome::Moved, None);
    }
    Ok(())
}

/// Puts outcomes into the batch; gives those back that moved.
fn take_settled(
    job: &Job,
    intended: Vec<Intended>,
    settled: Vec<Settled>,
    batch: &mut Batch,
) -> Vec<(Intended, Option<Record>)> {
    let mut moved = Vec::new();
    batch.expect(intended.len());
    for (intended, settled) in intended.into_iter().zip(settled) {
        match (settled.outcome, settled.found) {
            (Outcome::Moved, Some(found)) if job.back.is_some() => {
                settle::settle_met(job, intended, found, batch);
            }
            (Outcome::Moved, found) => moved.push((intended, found)),
            (outcome, Some(found)) => {
                batch.settle_written(job, intended, outcome, settled.exchange);
                batch.was_found_as(&found);
            }
            (outcome, None) => batch.settle_written(job, intended, outcome, settled.exchange),
        }
    }
    moved
}

/// Sends what the journal has, and settles what got no answer.
async fn write_journalled(
    job: &Job,
    work: &Work,
    end: &End<'_>,
    intended: Vec<Intended>,
    batch: &Batch,
) -> Result<(Vec<Intended>, Vec<Settled>)> {
    let mut intended = intended;
    let changes: Vec<Change> = intended
        .iter_mut()
        .map(|intended| {
            let lent = lent(intended.change.id);
            std::mem::replace(&mut intended.change, lent)
        })
        .collect();
    let written = end
        .destination
        .write(&end.stream.name, &changes, end.access)
        .await;
    for (intended, change) in intended.iter_mut().zip(changes) {
        intended.change = change;
    }
    match written {
        Ok(written) => {
            let mut settled = settle::settle(job, work, end, &intended, written, batch).await?;
            if job.back.is_some() {
                read_back(job, end, &intended, &mut settled).await?;
            }
            Ok((intended, settled))
        }
        Err(error) => {
            // Nothing was sent, so nothing is pending.
            forget_unsent(job, work, &intended).await?;
            Err(error.into())
        }
    }
}

/// Stands for a change that the platform has just now.
fn lent(id: ChangeId) -> Change {
    Change {
        id,
        operation: Operation::Update,
        source_key: RecordKey(String::new()),
        target_key: None,
        fields: Object::new(),
        before: None,
        version: None,
    }
}

/// Looks at what a platform made of what it was sent, where it did not say so: what it trims, rounds or rewrites is not a
/// change of its own.
async fn read_back(
    job: &Job,
    end: &End<'_>,
    intended: &[Intended],
    settled: &mut [Settled],
) -> Result<()> {
    if !end.stream.capabilities.get {
        return Ok(());
    }
    let (mut places, mut keys) = (Vec::new(), Vec::new());
    for (n, settled) in settled.iter().enumerate() {
        if let Outcome::Written {
            key, record: None, ..
        } = &settled.outcome
        {
            places.push(n);
            keys.push(key.clone());
        }
    }
    if keys.is_empty() {
        return Ok(());
    }
    // It is written whatever comes of this: without an answer, the next run compares once more.
    let Ok(records) = end
        .destination
        .get(&end.stream.name, &keys, end.access)
        .await
    else {
        return Ok(());
    };
    for (n, found) in places.into_iter().zip(records) {
        if let Some(mut found) = found
            && let Some(settled) = settled.get_mut(n)
            && let Some(intended) = intended.get(n)
            && let Outcome::Written {
                record, version, ..
            } = &mut settled.outcome
        {
            // Another version than that of our write: somebody has edited it since, and the next run sees what.
            if version.is_some() && found.version.is_some() && *version != found.version {
                continue;
            }
            if job.document.two_way.is_none()
                && let Value::Object(now) = &mut found.fields
            {
                plan::keep_to_what_was_sent(&intended.change, now);
            }
            *version = found.version.or(version.take());
            *record = Some(found.fields);
        }
    }
    Ok(())
}

/// Records that somebody changed on the target since we last saw them: looked at again and compared again. Gives, and
/// journals, what is to be written on top of what is there now.
async fn rebase(
    job: &Job,
    work: &Work,
    end: &End<'_>,
    moved: Vec<(Intended, Option<Record>)>,
    batch: &mut Batch,
) -> Result<Vec<Intended>> {
    let mut current: HashMap<RecordKey, Record> = HashMap::new();
    let mut keys: Vec<RecordKey> = Vec::new();
    let mut open: Vec<Intended> = Vec::new();
    for (mut intended, found) in moved {
        if let Some(record) = found
            && let Some(key) = record.key.clone()
        {
            intended.change.operation = Operation::Update;
            intended.change.target_key = Some(key.clone());
            current.insert(key, record);
        } else {
            keys.extend(intended.change.target_key.clone());
        }
        open.push(intended);
    }
    if !keys.is_empty() {
        let looked = end.destination.get(&end.stream.name, &keys, end.access);
        let looked = keys.iter().cloned().zip(looked.await?);
        current.extend(looked.filter_map(|(key, record)| Some((key, record?))));
    }
    let mut stale: Vec<ChangeId> = Vec::new();
    let mut again = Vec::new();
    for intended in open {
        let key = intended.change.target_key.clone();
        let Some((key, record)) =
            key.and_then(|key| current.remove(&key).map(|record| (key, record)))
        else {
            if intended.intent == Intent::Delete {
                // Somebody else was faster, or our own answer was lost.
                let key = intended.change.target_key.clone();
                let gone = Outcome::Written {
                    key: key.unwrap_or_else(|| RecordKey(String::new())),
                    record: None,
                    version: None,
                };
                batch.settle_written(job, intended, gone, None);
                continue;
            }
            let gone = Problem {
                message: "is gone from the target; delete the link by running again in full, or restore it there".into(),
                field: None,
            };
            batch.settle_gone(intended, gone);
            continue;
        };
        let empty = Object::new();
        let now = record.fields.as_object().unwrap_or(&empty);
        let is_delete = intended.change.operation == Operation::Delete;
        let wanted = match intended.wants_mapped(job) {
            true => &intended.mapped.fields,
            false => &intended.change.fields,
        };
        let (fields, before) = plan::differences(wanted, now);
        let was = intended.change.before.as_ref();
        if is_delete || !intended.wants_mapped(job) {
            // Nobody has looked at what is there now.
            let untouched = was.is_none_or(|was| !plan::is_touched(was, None, now, None));
            if !untouched && (!fields.is_empty() || is_delete) {
                batch.settle_overtaken(job, intended, &record);
                continue;
            }
        }
        if fields.is_empty() && !is_delete {
            // Mostly our own write whose answer was lost: the target has what it should have.
            let done = Outcome::Written {
                key,
                record: None,
                version: record.version,
            };
            batch.settle_written(job, intended, done, None);
            continue;
        }
        stale.push(intended.change.id);
        again.push(Intended {
            change: Change {
                id: ChangeId::new(),
                target_key: Some(key),
                fields,
                before: match is_delete {
                    true => intended.change.before.clone(),
                    false => Some(before),
                },
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
    let run = batch.run();
    Ok(work
        .store
        .write(move |tx| {
            store::journal::settle_many(tx, sync, &stale)?;
            store::journal::insert_batch(tx, sync, run, &pending(&again))?;
            Ok(again)
        })
        .await?)
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
                side: pending.side,
                intent: pending.intent,
                mapped: Mapped {
                    source_key: commit::pair(pending.side, &pending.change).0,
                    source: pending.source.clone().unwrap_or_default().into(),
                    fields: pending.mapped.clone(),
                    fingerprint: pending.mapped_fingerprint,
                    problem: None,
                },
                change: pending.change.clone(),
            })
            .collect();
        let (on_target, on_source): (Vec<Intended>, Vec<Intended>) = intended
            .into_iter()
            .partition(|intended| intended.side == Side::Target);
        for (side, intended) in [(Side::Target, on_target), (Side::Source, on_source)] {
            if intended.is_empty() {
                continue;
            }
            let end = job.end(work, side)?;
            let nobody_knows = Written {
                outcomes: intended
                    .iter()
                    .map(|_| settle::unknown("the run was cut off before the answer came"))
                    .collect(),
                exchanges: vec![None; intended.len()],
            };
            let settled = settle::settle(job, work, &end, &intended, nobody_knows, &batch).await?;
            take_outcomes(job, work, &end, intended, settled, &mut batch).await?;
        }
        commit::commit(job, work, batch, None).await?;
    }
    Ok(())
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
