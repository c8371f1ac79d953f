//! Taking a run back: a plan made from what the history remembers of it.
//!
//! What was created is deleted (or put away, where the platform does not delete), what was updated gets its old values
//! back, what was deleted is made again under a new id. A field is only restored where it still holds what the run wrote;
//! anything else is for a person. Taking back is a run itself and can be taken back.

use std::collections::HashMap;

use connectors::StreamDescription;
use model::conflict::ConflictKind;
use model::ids::{ChangeId, PlanId, RunId};
use model::record::{Change, Intent, Operation, Record, RecordKey};
use model::run::{RecordOutcome, RunCounts};
use model::sync::Side;
use model::value::{Object, Value};
use store::links::Link;
use store::plans::{PlanAction, PlanEntry};
use store::run_records::{Place, RecordFilter, RecordPage, RunRecord};

use crate::error::{Error, Result};
use crate::job::Job;
use crate::limits::RECORDS_PER_BATCH;
use crate::plan::{self, Decision, Mapped, Problem};
use crate::planned::Planned;
use crate::run::{Sequence, Work, stop_if_cancelled};
use crate::stored_plan;

mod several;

use several::Joined;

/// What of a run is taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Places in the run; empty for all of it.
    pub seqs: Vec<u64>,
    /// Only these fields of what was updated; empty for all of them.
    pub fields: Vec<String>,
}

/// Writes the entries of the plan that takes a run back.
pub(crate) async fn build(
    job: &Job,
    work: &Work,
    plan: PlanId,
    of_run: RunId,
    selection: &Selection,
) -> Result<()> {
    work.store.copy_history().await?;
    work.meter.stage("Looking at what is there now");
    let mut sequence = Sequence::default();
    let mut counts = RunCounts::default();
    let mut joined = Joined::of(several::find(work, of_run).await?);
    let mut after: Option<Place> = None;
    let mut n_seen = 0_u64;
    loop {
        stop_if_cancelled(work)?;
        let page = written_by(work, of_run, after).await?;
        after = page.next;
        n_seen += u64::try_from(page.records.len()).unwrap_or(u64::MAX);
        let is_wanted =
            |record: &RunRecord| selection.seqs.is_empty() || selection.seqs.contains(&record.seq);
        let records = page.records.into_iter().filter_map(|record| {
            let is_wanted = is_wanted(&record);
            joined.take(record, is_wanted)
        });
        let records: Vec<RunRecord> = records.collect();
        keep(
            job,
            work,
            plan,
            &records,
            selection,
            &mut sequence,
            &mut counts,
        )
        .await?;
        if after.is_none() {
            break;
        }
    }
    for records in joined.rest().chunks(RECORDS_PER_BATCH) {
        stop_if_cancelled(work)?;
        keep(
            job,
            work,
            plan,
            records,
            selection,
            &mut sequence,
            &mut counts,
        )
        .await?;
    }
    if n_seen == 0 {
        let known = work
            .store
            .read(move |db| store::runs::get(db, of_run))
            .await?;
        let wrote = known.counts.created + known.counts.updated + known.counts.deleted;
        return Err(Error::Refused(match wrote {
            0 => "this run wrote nothing, so there is nothing to take back".into(),
            _ => "what this run wrote is not in the history any more, which has a limited space; it cannot be taken back".into(),
        }));
    }
    if counts.read == 0 {
        return Err(Error::Refused(
            "this run wrote no such record; see what it wrote in its log".into(),
        ));
    }
    stored_plan::finish(work, plan, counts).await
}

/// A page of what a run wrote.
async fn written_by(work: &Work, run: RunId, after: Option<Place>) -> Result<RecordPage> {
    let filter = RecordFilter {
        run: Some(run),
        sync: None,
        outcomes: vec![
            RecordOutcome::Created,
            RecordOutcome::Updated,
            RecordOutcome::Deleted,
        ],
        text: None,
    };
    Ok(work
        .store
        .read_history(move |db| store::run_records::page(db, &filter, after, RECORDS_PER_BATCH))
        .await?)
}

/// Writes the entries that take these records back.
async fn keep(
    job: &Job,
    work: &Work,
    plan: PlanId,
    records: &[RunRecord],
    selection: &Selection,
    sequence: &mut Sequence,
    counts: &mut RunCounts,
) -> Result<()> {
    let mut entries = Vec::with_capacity(records.len());
    let mut batch = RunCounts::default();
    for side in [Side::Target, Side::Source] {
        let of_side: Vec<&RunRecord> = records
            .iter()
            .filter(|record| record.side == side)
            .collect();
        if of_side.is_empty() {
            continue;
        }
        let now = current(job, work, side, &of_side).await?;
        let links = links_of(job, work, &of_side).await?;
        let stream = job.end(work, side)?.stream;
        for record in of_side {
            let found = key_of(side, record).and_then(|key| now.get(key));
            let link = record.source_key.as_ref().and_then(|key| links.get(key));
            let found = found.map(|found| Found {
                record: found,
                // Nobody but this run has written it.
                is_ours: is_ours(side, link, found),
            });
            let entry = take_back(
                job,
                stream,
                side,
                record,
                found.as_ref(),
                selection,
                sequence,
            );
            batch.read += 1;
            stored_plan::count(&entry, &mut batch);
            entries.push(entry);
        }
    }
    counts.add(&batch);
    work.meter.counted(&batch);
    Ok(work
        .store
        .write(move |tx| store::plans::append_entries(tx, plan, &entries))
        .await?)
}

/// The key of what was written.
fn key_of(side: Side, record: &RunRecord) -> Option<&RecordKey> {
    match side {
        Side::Target => record.target_key.as_ref(),
        Side::Source => record.source_key.as_ref(),
    }
}

/// The written records as they are now, as far as they are there and the platform lets single ones be read.
async fn current(
    job: &Job,
    work: &Work,
    side: Side,
    records: &[&RunRecord],
) -> Result<HashMap<RecordKey, Record>> {
    let end = job.end(work, side)?;
    if !end.stream.capabilities.get {
        return Err(Error::Refused(format!(
            "single records of \"{}\" cannot be read, so it cannot be told whether they still hold what was written; this run cannot be taken back",
            end.stream.label
        )));
    }
    let keys: Vec<RecordKey> = records
        .iter()
        .filter_map(|record| key_of(side, record).cloned())
        .collect();
    let found = end
        .destination
        .get(&end.stream.name, &keys, end.access)
        .await?;
    Ok(keys
        .into_iter()
        .zip(found)
        .filter_map(|(key, record)| Some((key, record?)))
        .collect())
}

/// A record as it is now.
struct Found<'a> {
    record: &'a Record,
    is_ours: bool,
}

async fn links_of(
    job: &Job,
    work: &Work,
    records: &[&RunRecord],
) -> Result<HashMap<RecordKey, Link>> {
    let sync = job.sync;
    let keys: Vec<RecordKey> = records
        .iter()
        .filter_map(|record| record.source_key.clone())
        .collect();
    Ok(work
        .store
        .read(move |db| store::links::get_many(db, sync, &keys))
        .await?)
}

/// Whether a record still has the version tag that our last write of it gave.
fn is_ours(side: Side, link: Option<&Link>, now: &Record) -> bool {
    let tag = link.and_then(|link| match side {
        Side::Target => link.target_version.as_ref(),
        Side::Source => link.source_version.as_ref(),
    });
    tag.is_some() && tag == now.version.as_ref()
}

/// What taking one record back means.
fn take_back(
    job: &Job,
    stream: &StreamDescription,
    side: Side,
    record: &RunRecord,
    found: Option<&Found<'_>>,
    selection: &Selection,
    sequence: &mut Sequence,
) -> PlanEntry {
    let now = found.map(|found| found.record);
    let wrote = object(record.after.as_ref());
    let had = object(record.before.as_ref());
    let is_gone_for_good = record.outcome == RecordOutcome::Deleted && wrote.is_empty();
    let plan = match (record.outcome, found) {
        (RecordOutcome::Created | RecordOutcome::Deleted, _) if !selection.fields.is_empty() => {
            Step::Nothing("only fields of what was updated are taken back")
        }
        (RecordOutcome::Created, None) => Step::Nothing("is not there any more"),
        (RecordOutcome::Created, Some(now)) => created(stream, &wrote, now),
        (RecordOutcome::Deleted, None) if is_gone_for_good => match stream.capabilities.create {
            true => Step::Create(had.clone()),
            false => Step::Cannot("cannot be made again there"),
        },
        (RecordOutcome::Deleted, Some(_)) if is_gone_for_good => Step::Nothing("is there again"),
        (_, None) => Step::Cannot("is not there any more"),
        (_, Some(_)) if record.before.is_none() => Step::Cannot(UNKNOWN),
        (_, Some(now)) => updated(&wrote, &had, now, selection),
    };
    let mapped = mapped_of(job, side, record, &plan, now);
    let mut entry = match plan {
        Step::Nothing(words) => {
            let mut entry = stored_plan::blank_entry(mapped, sequence);
            entry.problem = Some(words.into());
            entry
        }
        Step::Cannot(words) => planned(
            side,
            mapped,
            Decision::Held(Problem {
                message: words.into(),
                field: None,
            }),
            sequence,
        ),
        Step::Create(fields) => {
            let change = change_of(side, record, Operation::Create, fields, None, None);
            planned(side, mapped, Decision::Write(Box::new(change)), sequence)
        }
        Step::Delete { fields, expected } => {
            let operation = match fields.is_empty() {
                true => Operation::Delete,
                false => Operation::Update,
            };
            let version = now.and_then(|now| now.version.clone());
            let change = change_of(side, record, operation, fields, Some(expected), version);
            planned(side, mapped, Decision::Write(Box::new(change)), sequence)
        }
        Step::Restore {
            fields,
            expected,
            clashes,
        } if clashes.is_empty() || !fields.is_empty() => {
            // What clashes beside it is listed when the plan is carried out.
            let version = now.and_then(|now| now.version.clone());
            let change = change_of(
                side,
                record,
                Operation::Update,
                fields,
                Some(expected),
                version,
            );
            let mut entry = planned(side, mapped, Decision::Write(Box::new(change)), sequence);
            note_clashes(&mut entry, clashes);
            entry
        }
        Step::Restore { clashes, .. } => {
            let mut entry = stored_plan::blank_entry(mapped, sequence);
            entry.action = PlanAction::Conflict;
            entry.problem = Some(
                "does not hold any more what that run wrote: decide under Conflicts which to keep"
                    .into(),
            );
            entry.mapped = Object::new();
            note_clashes(&mut entry, clashes);
            entry
        }
    };
    entry.side = side;
    (entry.source_key, entry.target_key) = (
        record
            .source_key
            .clone()
            .unwrap_or_else(|| RecordKey(String::new())),
        record.target_key.clone(),
    );
    entry
}

const UNKNOWN: &str = "what was there before is not known, so it is left as it is";

/// What is done about one record.
enum Step {
    Nothing(&'static str),
    Cannot(&'static str),
    Create(Object),
    Delete {
        /// What puts it away; empty to delete it.
        fields: Object,
        expected: Object,
    },
    Restore {
        fields: Object,
        expected: Object,
        /// Field, what it had, what it should get back, what is there now.
        clashes: Vec<(String, Option<Value>, Value, Value)>,
    },
}

fn created(stream: &StreamDescription, wrote: &Object, found: &Found<'_>) -> Step {
    let empty = Object::new();
    let now = found.record;
    let fields = now.fields.as_object().unwrap_or(&empty);
    if !found.is_ours && plan::is_touched(wrote, None, fields, None) {
        let clashes = vec![(
            String::new(),
            Some(Value::Object(wrote.clone())),
            Value::Null,
            now.fields.clone(),
        )];
        return Step::Restore {
            fields: Object::new(),
            expected: Object::new(),
            clashes,
        };
    }
    let can = &stream.capabilities;
    let archive = can.archive.as_ref().map(|fields| {
        fields
            .iter()
            .map(|(name, value)| (name.as_str().into(), Value::from_serde(value)))
            .collect::<Object>()
    });
    // A later run may have written more: it is what is made again should this be taken back too.
    let expected = plan::project(wrote, fields);
    match (can.delete, archive) {
        (true, _) => Step::Delete {
            fields: Object::new(),
            expected,
        },
        (false, Some(archive)) => Step::Delete {
            fields: archive,
            expected,
        },
        (false, None) => Step::Cannot("can be neither deleted nor put away there"),
    }
}

fn updated(wrote: &Object, had: &Object, found: &Found<'_>, selection: &Selection) -> Step {
    let empty = Object::new();
    let is_ours = found.is_ours;
    let found = found.record.fields.as_object().unwrap_or(&empty);
    let (mut fields, mut expected) = (Object::new(), Object::new());
    let mut clashes = Vec::new();
    let mut n_unknown = 0;
    for (name, value) in wrote.iter() {
        let is_chosen =
            selection.fields.is_empty() || selection.fields.iter().any(|field| field == name);
        if !is_chosen {
            continue;
        }
        let Some(old) = had.get(name).cloned() else {
            n_unknown += 1;
            continue;
        };
        let current = found.get(name);
        if plan::agrees(&old, current) {
            continue;
        }
        if is_ours || !plan::is_touched(&one(name, value), None, found, None) {
            fields.push(name, old);
            expected.push(name, current.cloned().unwrap_or_default());
        } else {
            let current = current.cloned().unwrap_or_default();
            clashes.push((name.to_owned(), Some(value.clone()), old, current));
        }
    }
    if fields.is_empty() && clashes.is_empty() {
        if n_unknown > 0 {
            return Step::Cannot(UNKNOWN);
        }
        return Step::Nothing("has its old values already");
    }
    Step::Restore {
        fields,
        expected,
        clashes,
    }
}

/// What the pair agrees on afterwards, in the target's terms.
fn mapped_of(
    job: &Job,
    side: Side,
    record: &RunRecord,
    step: &Step,
    now: Option<&Record>,
) -> Mapped {
    let fields = match (step, side) {
        (Step::Create(fields), _) => fields.clone(),
        (Step::Restore { fields, .. }, Side::Target) => fields.clone(),
        (Step::Restore { fields, .. }, Side::Source) => {
            let empty = Object::new();
            let found = now.and_then(|now| now.fields.as_object());
            let mut restored = found.unwrap_or(&empty).clone();
            for (name, value) in fields.iter() {
                restored.insert(name, value.clone());
            }
            job.program.apply(&Value::Object(restored)).fields
        }
        _ => Object::new(),
    };
    Mapped {
        source_key: record
            .source_key
            .clone()
            .unwrap_or_else(|| RecordKey(String::new())),
        source: record.source.clone().unwrap_or_default().into(),
        fingerprint: Value::Object(fields.clone()).fingerprint(),
        fields,
        problem: None,
    }
}

fn one(name: &str, value: &Value) -> Object {
    let mut object = Object::new();
    object.push(name, value.clone());
    object
}

fn object(value: Option<&Value>) -> Object {
    value
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default()
}

fn change_of(
    side: Side,
    record: &RunRecord,
    operation: Operation,
    fields: Object,
    before: Option<Object>,
    version: Option<String>,
) -> Change {
    let nothing = || RecordKey(String::new());
    let (source, target) = (record.source_key.clone(), record.target_key.clone());
    let (from, to) = match side {
        Side::Target => (source, target),
        Side::Source => (target, source),
    };
    Change {
        id: ChangeId::new(),
        operation,
        source_key: from.unwrap_or_else(nothing),
        target_key: to.filter(|_| operation != Operation::Create),
        fields,
        before,
        version,
    }
}

fn planned(side: Side, mapped: Mapped, decision: Decision, sequence: &mut Sequence) -> PlanEntry {
    let planned = Planned {
        mapped: mapped.clone(),
        decision,
        was_linked: true,
        side,
        intent: Intent::Undo,
    };
    match stored_plan::to_entry(planned, sequence) {
        Ok(entry) => entry,
        // Only what needs nothing has no entry, and this is not that.
        Err(_) => stored_plan::blank_entry(mapped, sequence),
    }
}

fn note_clashes(entry: &mut PlanEntry, clashes: Vec<(String, Option<Value>, Value, Value)>) {
    if entry.action != PlanAction::Conflict {
        if !clashes.is_empty() {
            let names: Vec<String> = clashes
                .into_iter()
                .map(|(name, ..)| format!("\"{name}\""))
                .collect();
            entry.problem = Some(match names.as_slice() {
                [one] => format!("{one} was changed since and stays as it is"),
                several => format!(
                    "{} were changed since and stay as they are",
                    several.join(", ")
                ),
            });
        }
        return;
    }
    let mut before = Object::new();
    for (name, had, wanted, found) in clashes {
        if let Some(had) = had {
            before.push(name.as_str(), had);
        }
        entry.mapped.push(name.as_str(), wanted);
        entry.fields.push(name.as_str(), found);
        entry.kinds.push((name, ConflictKind::Undo));
    }
    entry.before = Some(before);
}

/// Whether a run wrote something that can be taken back.
pub fn is_possible(run: &store::runs::Run) -> bool {
    run.state.is_terminal() && run.counts.created + run.counts.updated + run.counts.deleted > 0
}

/// Refuses to take a run back of which nothing can be.
pub(crate) fn refuse_impossible(stored: &store::runs::Run) -> Result<()> {
    if is_possible(stored) {
        return Ok(());
    }
    Err(Error::Refused(match stored.state.is_terminal() {
        false => "this run is still at work; stop it first".into(),
        true => "this run wrote nothing, so there is nothing to take back".into(),
    }))
}
