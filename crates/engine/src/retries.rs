//! Records that earlier runs could not write.
//!
//! Every run tries those again that it did not read itself: the target may take them by now. A record that failed often
//! enough as the same is *set aside*: only a person, another mapping or a change at the source brings it back.

use std::collections::HashMap;

use connectors::{RowRecord, StreamDescription};
use model::ids::{PlanId, SyncId};
use model::path::{FieldPath, Segment};
use model::record::{Change, Intent, Record, RecordKey};
use model::sync::Side;
use model::value::{Fingerprint, Object, Value};
use store::plans::PlanKind;
use store::run_records::RunRecord;
use store::unwritten::Tried;

use crate::claims::Claims;
use crate::error::{Error, Result};
use crate::job::{Back, Job};
use crate::limits::RECORDS_PER_BATCH;
use crate::plan::{self, Decision, Mapped, Problem};
use crate::planned::{Planned, plan_mapped};
use crate::run::{
    Ended, Sequence, Work, apply, batches, execute, stop_if_cancelled, take_up_mapping,
};
use crate::{guards, job, references, stored_plan, two_way};

/// A record of the source that a person wants to be written once more.
#[derive(Clone, Debug, PartialEq)]
pub struct Resent {
    /// Which.
    pub source_key: RecordKey,
    /// As it was read.
    pub source: Value,
    /// Fields of the target that are to get other values than the mapping makes.
    pub edited: Option<Vec<(FieldPath, Value)>>,
    /// In a sync both ways: it is a change of this record of the target which the source did not take.
    pub of_target: Option<RecordKey>,
}

/// With which mapping records are written once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MappingOf {
    /// The one in force.
    Today,
    /// The one of this version of the sync.
    Version(u32),
}

/// The records that a run tries again by itself, batch by batch.
#[derive(Debug, Default)]
pub(crate) struct Retries {
    after: Option<RecordKey>,
}

impl Retries {
    /// The next records of the source, as they were read once; none at the end.
    pub(crate) async fn next(&mut self, job: &Job, work: &Work) -> Result<Option<Vec<RowRecord>>> {
        while let Some(lines) = self.lines(job, work).await? {
            let read: Vec<RowRecord> = lines
                .into_iter()
                .filter(|line| line.side == Side::Target)
                .filter_map(|line| match line.source {
                    Some(Value::Object(fields)) => Some(RowRecord::from(Record {
                        key: line.source_key,
                        fields: Value::Object(fields),
                        version: None,
                    })),
                    // It was about a record that nobody had read.
                    _ => None,
                })
                .collect();
            if !read.is_empty() {
                return Ok(Some(read));
            }
        }
        Ok(None)
    }

    /// The next records of the target whose changes the source did not take; none at the end.
    pub(crate) async fn next_of_target(
        &mut self,
        job: &Job,
        work: &Work,
    ) -> Result<Option<Vec<RecordKey>>> {
        while let Some(lines) = self.lines(job, work).await? {
            let keys: Vec<RecordKey> = lines
                .into_iter()
                .filter(|line| line.side == Side::Source)
                .filter_map(|line| line.target_key)
                .collect();
            if !keys.is_empty() {
                return Ok(Some(keys));
            }
        }
        Ok(None)
    }

    /// The next of them, as far as the history still has them.
    async fn lines(&mut self, job: &Job, work: &Work) -> Result<Option<Vec<RunRecord>>> {
        let (sync, run, most_tries) = (job.sync, work.run, u32::from(job.document.most_tries));
        let after = self.after.clone();
        let (mut due, held) = work
            .store
            .read(move |db| {
                let after = after.as_ref();
                let due =
                    store::unwritten::due(db, sync, run, most_tries, after, RECORDS_PER_BATCH)?;
                // What was sent without an answer is looked up, not sent again.
                Ok((due, store::journal::held_keys(db, sync)?))
            })
            .await?;
        let Some(last) = due.last() else {
            return Ok(None);
        };
        self.after = Some(last.source_key.clone());
        due.retain(|due| !held.contains(&due.source_key));
        let lines = work
            .store
            .read_history(move |db| {
                let mut lines = Vec::with_capacity(due.len());
                for due in due {
                    lines.extend(store::run_records::get(db, due.run, due.seq)?);
                }
                Ok(lines)
            })
            .await?;
        Ok(Some(lines))
    }
}

/// Which of some records were tried too often.
#[derive(Debug, Default)]
pub(crate) struct SetAside(HashMap<RecordKey, Tried>);

impl SetAside {
    pub(crate) fn read<'a>(
        db: &store::Connection,
        sync: SyncId,
        most_tries: u16,
        keys: impl IntoIterator<Item = &'a RecordKey>,
    ) -> store::Result<Self> {
        let most_tries = u32::from(most_tries.max(1));
        store::unwritten::set_aside(db, sync, most_tries, keys).map(Self)
    }

    /// Keeps a record back that would be written as what has failed too often.
    pub(crate) fn hold(&self, mapped: &Mapped, decision: Decision) -> Decision {
        match self.0.get(&mapped.source_key) {
            Some(tried)
                if matches!(decision, Decision::Write(_))
                    && tried.fingerprint == Some(mapped.fingerprint) =>
            {
                set_aside(tried)
            }
            _ => decision,
        }
    }
}

/// Keeps a change of a sync both ways back that has failed too often.
pub(crate) fn hold_tried(job: &Job, tried: Option<&Tried>, planned: &mut Planned) {
    let (Some(tried), Decision::Write(change)) = (tried, &planned.decision) else {
        return;
    };
    let is_same = tried.fingerprint == Some(tried_as(&planned.mapped, change));
    if is_same && tried.tries >= u32::from(job.document.most_tries.max(1)) {
        // It counts as the same once more.
        planned.mapped.fingerprint = tried_as(&planned.mapped, change);
        planned.decision = set_aside(tried);
    }
}

fn set_aside(tried: &Tried) -> Decision {
    Decision::Held(Problem {
        message: format!(
            "was tried {} times without success and is set aside; change it, or try it again yourself",
            tried.tries
        ),
        field: None,
    })
}

/// What makes a change the same as one that was tried: the record, or what is written where the record was not read.
pub(crate) fn tried_as(mapped: &Mapped, change: &Change) -> Fingerprint {
    match mapped.fingerprint {
        plan::NOT_READ => Value::Object(change.fields.clone()).fingerprint(),
        fingerprint => fingerprint,
    }
}

/// Writes records once more that were not written, or not as they should be.
pub(crate) async fn resend(
    job: &Job,
    work: &Work,
    records: Vec<Resent>,
    sequence: &mut Sequence,
) -> Result<Ended> {
    let edited = records.iter().filter_map(|record| record.edited.as_ref());
    for (path, _) in edited.flatten() {
        refuse_unknown(&job.target_stream, path)?;
    }
    let (sync, keys) = (job.sync, records.iter().map(|record| &record.source_key));
    let keys: Vec<RecordKey> = keys.cloned().collect();
    let (version, tried) = work
        .store
        .write(move |tx| {
            let tried = store::unwritten::set_aside(tx, sync, 0, &keys)?;
            store::journal::release_many(tx, sync, &keys)?;
            store::unwritten::forgive_many(tx, sync, &keys)?;
            Ok((store::syncs::get(tx, sync)?.version, tried))
        })
        .await?;
    let records = as_they_are(job, work, records, &tried, sequence).await?;
    // With the mapping of an earlier version a person says so, and the other records stay as they are.
    if version == job.version {
        take_up_mapping(job, work).await?;
    }
    if let Some(back) = &job.back {
        return resend_both_ways(job, back, work, records, sequence).await;
    }
    for batch in batches(records) {
        stop_if_cancelled(work)?;
        let mut own = HashMap::new();
        let (records, edits): (Vec<Record>, Vec<_>) = batch
            .into_iter()
            .map(|resent| {
                let record = Record {
                    key: Some(resent.source_key),
                    fields: resent.source,
                    version: None,
                };
                (record, resent.edited)
            })
            .unzip();
        let mut mapped = references::map_all(job, work, records).await?.mapped;
        for (mapped, edited) in mapped.iter_mut().zip(edits) {
            let Some(edited) = edited else { continue };
            own.insert(mapped.source_key.clone(), mapped.fingerprint);
            let mut fields = Value::Object(std::mem::take(&mut mapped.fields));
            for (path, value) in edited {
                fields.put(&path, value);
            }
            mapped.fingerprint = fields.fingerprint();
            if let Value::Object(fields) = fields {
                mapped.fields = fields;
            }
            mapped.problem = None;
        }
        let mut planned = plan_mapped(job, work, mapped, None, &mut Claims::default()).await?;
        // What a person made of a record stays until the record changes at the source: as the mapping sees it, this is
        // what the target has.
        for planned in &mut planned {
            if let Some(own) = own.remove(&planned.mapped.source_key) {
                planned.mapped.fingerprint = own;
            }
        }
        execute(job, work, planned, None, sequence).await?;
    }
    Ok(Ended::Completed)
}

/// What was read of a record may be older than what was written since, by a plan that had moved on or by a later run. Such
/// a record is read again, or left as it is where its platform does not let single ones be read.
async fn as_they_are(
    job: &Job,
    work: &Work,
    records: Vec<Resent>,
    tried: &HashMap<RecordKey, Tried>,
    sequence: &mut Sequence,
) -> Result<Vec<Resent>> {
    let is_outdated = |record: &Resent| {
        let tried = tried.get(&record.source_key);
        // A record of the target is read again in any case.
        record.of_target.is_none() && tried.is_some_and(|tried| tried.fingerprint.is_none())
    };
    let (outdated, mut current): (Vec<Resent>, Vec<Resent>) =
        records.into_iter().partition(is_outdated);
    if outdated.is_empty() {
        return Ok(current);
    }
    let mut now: HashMap<RecordKey, Record> = HashMap::new();
    let end = match job.back {
        Some(_) => Some(job.end(work, Side::Source)?),
        None => None,
    };
    if let Some(end) = end.filter(|end| end.stream.capabilities.get) {
        let keys = outdated.iter().map(|record| record.source_key.clone());
        let keys: Vec<RecordKey> = keys.collect();
        let looked = end.destination.get(&end.stream.name, &keys, end.access);
        let looked = keys.iter().cloned().zip(looked.await?);
        now.extend(looked.filter_map(|(key, record)| Some((key, record?))));
    }
    let mut left = Vec::new();
    for mut record in outdated {
        match now.remove(&record.source_key) {
            Some(now) => {
                record.source = now.fields;
                current.push(record);
            }
            None => left.push(left_alone(record)),
        }
    }
    if current.is_empty() {
        return Err(Error::Refused(OUTDATED_WORDS.into()));
    }
    execute(job, work, left, None, sequence).await?;
    Ok(current)
}

fn left_alone(record: Resent) -> Planned {
    Planned {
        mapped: Mapped {
            source_key: record.source_key,
            source: record.source.into(),
            fields: Object::new(),
            fingerprint: plan::OUTDATED,
            problem: None,
        },
        decision: Decision::Held(Problem {
            message: OUTDATED_WORDS.into(),
            field: None,
        }),
        was_linked: true,
        side: Side::Target,
        intent: Intent::Sync,
    }
}

const OUTDATED_WORDS: &str = "what is known of it is older than what was written since, so it is not sent again; run the sync, which reads it once more";

/// A value can be given to a field, or to a part of one.
fn refuse_unknown(target: &StreamDescription, path: &FieldPath) -> Result<()> {
    let known = &target.schema.fields;
    let top = job::top_level(path);
    let is_known = top.is_some_and(|top| known.iter().any(|field| field.name == top));
    if !is_known && !known.is_empty() {
        return Err(Error::Refused(format!(
            "\"{}\" has no field \"{path}\"; take it out, or correct its name",
            target.label
        )));
    }
    let is_name = |segment: &Segment| matches!(segment, Segment::Name(_));
    if !path.segments().iter().all(is_name) {
        return Err(Error::Refused(format!(
            "\"{path}\" is a place in a list; give the whole list another value instead"
        )));
    }
    Ok(())
}

/// The same where both sides count: never without a plan, which is judged like that of any other run.
async fn resend_both_ways(
    job: &Job,
    back: &Back,
    work: &Work,
    records: Vec<Resent>,
    sequence: &mut Sequence,
) -> Result<Ended> {
    if records.iter().any(|record| record.edited.is_some()) {
        return Err(Error::Refused(
            "in a sync both ways a record cannot be sent with other values; change it on the side that is wrong".into(),
        ));
    }
    let (plan, sync) = (PlanId::new(), job.sync);
    stored_plan::insert(work, plan, sync, job.version, PlanKind::Run).await?;
    let linked = work
        .store
        .read(move |db| store::links::count(db, sync))
        .await?;
    let made = two_way::build_of(job, back, work, plan, records).await?;
    stored_plan::finish(work, plan, made.counts).await?;
    match guards::judge(&job.document, &made, linked) {
        None => apply(job, work, plan, sequence).await,
        Some(reason) => Ok(Ended::Waiting {
            plan: Some(plan),
            reason,
        }),
    }
}
