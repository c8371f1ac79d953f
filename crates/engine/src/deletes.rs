//! Records that are gone from one side, and what that means for the other.
//!
//! A record counts as deleted only when its platform says so, or when several *complete* reads did not bring it
//! (`store::missing`). A read that was cut off, or that began at a cursor, says nothing about what is missing. Leaving
//! the sync's filter is not being deleted.

use std::collections::HashSet;

use connectors::{Deletions, ReadRequest};
use model::cursor::Checkpoint;
use model::ids::{ChangeId, PlanId};
use model::record::{Change, Intent, Operation, RecordKey};
use model::run::RunCounts;
use model::sync::{DeleteAction, Side};
use model::value::{Object, Value};
use store::links::Link;
use store::missing::Missing;

use crate::error::Result;
use crate::job::Job;
use crate::limits::ENTRIES_PER_BATCH;
use crate::plan::{Decision, Mapped, NOT_READ, Problem};
use crate::planned::Planned;
use crate::run::{Sequence, Work, hash, stop_if_cancelled};
use crate::{read, stored_plan};

/// Milliseconds in an hour.
const HOUR: i64 = 3_600_000;

/// Whether a run has to look for what was deleted.
pub(crate) fn is_wanted(job: &Job) -> bool {
    job.document.delete_action() != DeleteAction::Keep
}

/// Whether this run has to read everything to see what is missing.
pub(crate) async fn needs_complete_read(
    job: &Job,
    work: &Work,
    checkpoint: &Checkpoint,
) -> Result<bool> {
    if !is_wanted(job) || !says_nothing(job) {
        return Ok(false);
    }
    if work.by_hand {
        return Ok(true);
    }
    let every = HOUR.saturating_mul(i64::from(job.document.deletes.full_read_hours));
    let due = checkpoint
        .complete_at
        .is_none_or(|at| work.clock.now() >= at.saturating_add(every));
    if due {
        return Ok(true);
    }
    // Something was missed once: look again soon.
    let sync = job.sync;
    let missed = work
        .store
        .read(move |db| {
            let on_source = store::missing::count(db, sync, Side::Source)?;
            Ok(on_source + store::missing::count(db, sync, Side::Target)?)
        })
        .await?;
    Ok(missed > 0)
}

/// Whether a side tells of deletions only by not having a record any more.
fn says_nothing(job: &Job) -> bool {
    let by_absence = |side| *deletions_of(job, side) == Deletions::ByAbsence;
    by_absence(Side::Source) || (job.back.is_some() && by_absence(Side::Target))
}

/// Whether a record of the source is listed although it was deleted.
pub(crate) fn is_marked(deletions: &Deletions, record: &Value) -> bool {
    let Deletions::Marked { field } = deletions else {
        return false;
    };
    match record.at(field) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::Text(text)) => !matches!(text.as_str(), "" | "false" | "0"),
        Some(Value::Int(n)) => *n != 0,
        Some(other) => !other.is_empty(),
    }
}

/// Notes which linked records a complete read of a side did not bring. Gives the hashes back.
pub(crate) async fn note_missing(
    job: &Job,
    work: &Work,
    side: Side,
    seen: HashSet<u64>,
) -> Result<HashSet<u64>> {
    let (sync, now) = (job.sync, work.clock.now());
    if *deletions_of(job, side) != Deletions::ByAbsence {
        return Ok(seen);
    }
    Ok(work
        .store
        .write(move |tx| {
            store::missing::note_unseen(tx, sync, side, now, |key| seen.contains(&hash(key)))?;
            Ok(seen)
        })
        .await?)
}

/// Reads what a side says it deleted, from `cursor` on. Gives how far its list was read.
pub(crate) async fn read_told(
    job: &Job,
    work: &Work,
    side: Side,
    cursor: Option<&serde_json::Value>,
) -> Result<Option<serde_json::Value>> {
    let (read, access) = match (side, &job.back) {
        (Side::Source, _) => (job.source.clone(), &work.source_access),
        (Side::Target, Some(back)) => (back.source.clone(), &work.target_access),
        (Side::Target, None) => return Ok(None),
    };
    let deletions = deletions_of(job, side);
    let Deletions::Listed { stream, .. } = deletions else {
        return Ok(None);
    };
    let request = ReadRequest {
        stream: stream.clone(),
        cursor: cursor.cloned(),
        position: None,
        full: false,
        limit: None,
    };
    let mut pages = read::start::<connectors::Page>(&work.tracker, read, request, access.clone());
    let mut cursor = None;
    while let Some(page) = pages.recv().await {
        let page = page?;
        stop_if_cancelled(work)?;
        cursor = page.cursor.or(cursor);
        let told: Vec<RecordKey> = page
            .records
            .iter()
            .filter_map(|record| deletions.told_by(&record.fields))
            .collect();
        note_told(job, work, side, told).await?;
    }
    Ok(cursor)
}

/// How one learns what was deleted from a side.
pub(crate) fn deletions_of(job: &Job, side: Side) -> &Deletions {
    match side {
        Side::Source => &job.source_stream.capabilities.deletions,
        Side::Target => &job.target_stream.capabilities.deletions,
    }
}

/// A side itself says that these records of it are deleted.
pub(crate) async fn note_told(
    job: &Job,
    work: &Work,
    side: Side,
    told: Vec<RecordKey>,
) -> Result<()> {
    if told.is_empty() {
        return Ok(());
    }
    let (sync, now) = (job.sync, work.clock.now());
    Ok(work
        .store
        .write(move |tx| {
            let linked: Vec<RecordKey> = match side {
                Side::Source => {
                    // What was never written needs nobody any more.
                    store::unwritten::remove_many(tx, sync, &told)?;
                    let linked = store::links::fingerprints_many(tx, sync, &told)?;
                    told.into_iter()
                        .filter(|key| linked.contains_key(key))
                        .collect()
                }
                Side::Target => store::links::sources_of_targets(tx, sync, &told)?
                    .into_values()
                    .collect(),
            };
            store::missing::note_told(tx, sync, side, &linked, now)
        })
        .await?)
}

/// Plans what happens to the counterparts of records that are gone from `side`. `met` are records of the target that
/// were dealt with already. Gives how many would be deleted.
pub(crate) async fn plan_due(
    job: &Job,
    work: &Work,
    plan: PlanId,
    side: Side,
    met: &HashSet<u64>,
    sequence: &mut Sequence,
    counts: &mut RunCounts,
) -> Result<u64> {
    if side == Side::Target && job.back.is_none() {
        return Ok(0);
    }
    let (sync, pairs) = (job.sync, job.links);
    let mut after: Option<RecordKey> = None;
    let mut n_due = 0;
    loop {
        stop_if_cancelled(work)?;
        let from = after.clone();
        let (missing, links, decided) = work
            .store
            .read(move |db| {
                let page = store::missing::page(db, sync, side, from.as_ref(), ENTRIES_PER_BATCH)?;
                let keys: Vec<RecordKey> = page
                    .iter()
                    .map(|missing| missing.source_key.clone())
                    .collect();
                let links = pairs.get_many(db, &keys)?;
                // What a person has to decide is not decided here.
                let decided: HashSet<RecordKey> = store::conflicts::of_records(db, sync, &keys)?
                    .into_iter()
                    .filter(|conflict| conflict.field.is_empty())
                    .map(|conflict| conflict.source_key)
                    .collect();
                Ok((page, links, decided))
            })
            .await?;
        let Some(last) = missing.last() else {
            return Ok(n_due);
        };
        after = Some(last.source_key.clone());
        let mut found = Vec::with_capacity(missing.len());
        for missing in missing {
            let Some(link) = links.get(&missing.source_key) else {
                continue;
            };
            if met.contains(&hash(link.target_key.as_str())) || decided.contains(&link.source_key) {
                continue;
            }
            let planned = decide(job, work, side, &missing, link);
            n_due += u64::from(planned.intent == Intent::Delete);
            found.push(planned);
        }
        stored_plan::list(work, plan, found, sequence, counts).await?;
    }
}

/// What happens to the counterpart of one record that is gone.
fn decide(job: &Job, work: &Work, side: Side, missing: &Missing, link: &Link) -> Planned {
    let rule = &job.document.deletes;
    let waits = unread(link);
    let planned = |mapped, decision, intent| Planned {
        mapped,
        decision,
        was_linked: true,
        side: side.other(),
        intent,
    };
    let wait = |message: String| {
        let problem = Problem {
            message,
            field: None,
        };
        planned(waits.clone(), Decision::Filtered(problem), Intent::Sync)
    };
    let sightings = u32::from(rule.sightings.max(1));
    if missing.sightings < sightings {
        return wait(format!(
            "not found in {} of {sightings} complete reads; it counts as deleted when the next one does not find it either",
            missing.sightings
        ));
    }
    let day = 24 * HOUR;
    let due_at = missing
        .since
        .saturating_add(day.saturating_mul(i64::from(rule.after_days)));
    if work.clock.now() < due_at {
        let days = due_at
            .saturating_sub(work.clock.now())
            .saturating_add(day - 1)
            / day;
        return wait(format!(
            "deleted on the {}; this sync waits {days} more {} before it does anything",
            words(side),
            if days == 1 { "day" } else { "days" }
        ));
    }
    let change = removal(job, side.other(), link, &job.document.delete_action());
    planned(waits, Decision::Write(Box::new(change)), Intent::Delete)
}

/// The change that removes the record of a pair on one side, or does instead what the action says.
pub(crate) fn removal(job: &Job, side: Side, link: &Link, action: &DeleteAction) -> Change {
    let (key, version, known, from) = match side {
        Side::Target => (
            &link.target_key,
            &link.target_version,
            link.on_target(),
            &link.source_key,
        ),
        Side::Source => {
            let on_source = Value::Object(link.shadow.clone());
            let made = job.back.as_ref().map(|back| back.program.apply(&on_source));
            let fields = made.map_or_else(Object::new, |made| made.fields);
            (
                &link.source_key,
                &link.source_version,
                fields,
                &link.target_key,
            )
        }
    };
    let stream = match (side, &job.back) {
        (Side::Source, Some(back)) => &back.stream,
        _ => &job.target_stream,
    };
    let fields = match action {
        DeleteAction::Keep | DeleteAction::Delete => Object::new(),
        DeleteAction::Archive => object_of(stream.capabilities.archive.as_ref()),
        DeleteAction::Clear => known
            .iter()
            .map(|(name, _)| (name.into(), Value::Null))
            .collect(),
        DeleteAction::Set { fields } => object_of(Some(fields)),
    };
    Change {
        id: ChangeId::new(),
        operation: match fields.is_empty() {
            true => Operation::Delete,
            false => Operation::Update,
        },
        source_key: from.clone(),
        target_key: Some(key.clone()),
        fields,
        before: Some(known),
        version: version.clone(),
    }
}

/// What stands for the record of a pair that was not read.
pub(crate) fn unread(link: &Link) -> Mapped {
    Mapped {
        source_key: link.source_key.clone(),
        source: model::row::Row::default(),
        fields: link.shadow.clone(),
        fingerprint: NOT_READ,
        problem: None,
    }
}

fn object_of(fields: Option<&serde_json::Map<String, serde_json::Value>>) -> Object {
    fields
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str().into(), Value::from_serde(value)))
        .collect()
}

const fn words(side: Side) -> &'static str {
    match side {
        Side::Source => "source",
        Side::Target => "target",
    }
}
