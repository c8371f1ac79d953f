//! Records that point at other records, such as a contact at its company.
//!
//! The mapping leaves the key that the record has on the source; here it becomes the key of the counterpart, as another
//! sync, or this one, has linked it. What has no counterpart yet waits (`store::waiting`), and is looked at again by the
//! run that finds it there: so parents come first, and a circle takes two passes.

use std::collections::{HashMap, HashSet};

use connectors::RowRecord;
use mapping::program::Reference;
use mapping::{FieldTrace, Program};
use model::ids::SyncId;
use model::record::{Record, RecordKey};
use model::value::{Object, Value};
use store::Store;
use store::waiting::Waiting;

use crate::Engine;
use crate::claims::Claims;
use crate::error::Result;
use crate::job::Job;
use crate::limits::RECORDS_PER_BATCH;
use crate::lookup;
use crate::plan::{Decision, Mapped};
use crate::planned::{self, Planned};
use crate::run::Work;

/// The counterparts of records that others point at.
pub(crate) type Counterparts = HashMap<Reference, RecordKey>;

/// Records after the mapping.
pub(crate) struct AllMapped {
    /// In the order in which they came.
    pub(crate) mapped: Vec<Mapped>,
    pub(crate) waiting: Waits,
}

/// Records that point at something which is not on the target.
#[derive(Debug, Default)]
pub(crate) struct Waits(HashSet<RecordKey>);

impl Waits {
    pub(crate) fn has(&self, key: &RecordKey) -> bool {
        self.0.contains(key)
    }

    /// What cannot be made without them is kept back; nothing is wrong with it.
    pub(crate) fn hold(&self, planned: &mut [Planned]) {
        for planned in planned.iter_mut() {
            if let Decision::Invalid(problem) = &planned.decision
                && self.has(&planned.mapped.source_key)
            {
                planned.decision = Decision::Held(problem.clone());
            }
        }
    }
}

/// Applies the mapping to records; what they point at is named as on the target. Notes which of them wait.
pub(crate) async fn map_all(
    job: &Job,
    work: &Work,
    records: Vec<impl Into<RowRecord>>,
) -> Result<AllMapped> {
    let (mapped, waiting) = map_only(job, &work.store, records).await?;
    let all = AllMapped {
        mapped,
        waiting: Waits(
            waiting
                .iter()
                .map(|waiting| waiting.source_key.clone())
                .collect(),
        ),
    };
    if !waiting.is_empty() && !work.is_draft {
        let sync = job.sync;
        // Before anything is sent: should this run not come to its end, they are read once more, and wait again.
        work.store
            .write(move |tx| store::waiting::put_many(tx, sync, &waiting))
            .await?;
    }
    Ok(all)
}

/// The same, and nothing is noted: what was mapped, and what waits.
pub(crate) async fn map_only(
    job: &Job,
    store: &Store,
    records: Vec<impl Into<RowRecord>>,
) -> Result<(Vec<Mapped>, Vec<Waiting>)> {
    let records = records.into_iter().map(Into::into);
    if !job.program.has_references() {
        let mapped = records.map(|record| lookup::map(job, record));
        return Ok((mapped.collect(), Vec::new()));
    }
    let records: Vec<RowRecord> = records.collect();
    let mapped: Vec<mapping::Mapped> = records
        .iter()
        .map(|record| job.program.apply_row(&record.row))
        .collect();
    let wanted: Vec<Reference> = mapped
        .iter()
        .flat_map(|mapped| job.program.references(mapped))
        .collect();
    let found = store.read(move |db| counterparts(db, &wanted)).await?;
    let (mut out, mut waiting) = (Vec::with_capacity(records.len()), Vec::new());
    for (record, mut mapped) in records.into_iter().zip(mapped) {
        let waits = job
            .program
            .settle(&mut mapped, |reference| found.get(reference).cloned());
        let mapped = lookup::finish(record, mapped);
        if !waits.is_empty()
            && let Value::Object(source) = mapped.source.to_value()
        {
            waiting.push(Waiting {
                source_key: mapped.source_key.clone(),
                source,
                of: waits.into_iter().map(|one| (one.sync, one.key)).collect(),
            });
        }
        out.push(mapped);
    }
    Ok((out, waiting))
}

impl Engine {
    /// What a mapping makes of a record, step by step; what it points at is named as on the target.
    pub async fn explain(
        &self,
        program: &Program,
        source: &Value,
    ) -> Result<(Object, Vec<FieldTrace>)> {
        let mut mapped = program.apply(source);
        let mut traces = program.explain(source);
        if program.has_references() {
            let wanted = program.references(&mapped);
            let found = self
                .store()
                .read(move |db| counterparts(db, &wanted))
                .await?;
            program.settle(&mut mapped, |reference| found.get(reference).cloned());
            let fields = Value::Object(mapped.fields.clone());
            let asked = program.referring_paths();
            for trace in traces
                .iter_mut()
                .filter(|trace| asked.contains(&trace.target))
            {
                let problem = mapped
                    .problems
                    .iter()
                    .find(|problem| problem.target == trace.target);
                trace.result = match problem {
                    Some(problem) => Err(problem.message.clone()),
                    None => Ok(fields.at(&trace.target).cloned()),
                };
            }
        }
        Ok((mapped.fields, traces))
    }
}

/// Where these records are on the target, as far as they are.
pub(crate) fn counterparts(
    db: &store::Connection,
    wanted: &[Reference],
) -> store::Result<Counterparts> {
    let mut by_sync: HashMap<SyncId, Vec<RecordKey>> = HashMap::new();
    for reference in wanted {
        let keys = by_sync.entry(reference.sync).or_default();
        keys.push(reference.key.clone());
    }
    let mut found = Counterparts::new();
    for (sync, mut keys) in by_sync {
        keys.sort();
        keys.dedup();
        let targets = store::links::targets_of_sources(db, sync, &keys)?;
        found.extend(
            targets
                .into_iter()
                .map(|(key, target)| (Reference { sync, key }, target)),
        );
    }
    Ok(found)
}

/// Records that waited for something which is on the target by now, batch by batch.
#[derive(Debug, Default)]
pub(crate) struct Found {
    after: Option<RecordKey>,
}

impl Found {
    /// The next of them, as they were read; none at the end.
    pub(crate) async fn records(&mut self, job: &Job, work: &Work) -> Result<Option<Vec<Record>>> {
        if !job.program.has_references() {
            return Ok(None);
        }
        let (sync, after) = (job.sync, self.after.clone());
        let due = work
            .store
            .read(move |db| store::waiting::due(db, sync, after.as_ref(), RECORDS_PER_BATCH))
            .await?;
        let Some((last, _)) = due.last() else {
            return Ok(None);
        };
        self.after = Some(last.clone());
        let records = due.into_iter().map(|(key, source)| Record {
            key: Some(key),
            fields: Value::Object(source),
            version: None,
        });
        Ok(Some(records.collect()))
    }

    /// What is to be done with the next of them; none at the end. Those that need nothing are not among them, and wait
    /// no more.
    pub(crate) async fn next(
        &mut self,
        job: &Job,
        work: &Work,
        claims: &mut Claims,
    ) -> Result<Option<Vec<Planned>>> {
        let Some(records) = self.records(job, work).await? else {
            return Ok(None);
        };
        let sync = job.sync;
        let all = map_all(job, work, records).await?;
        let mut planned = planned::plan_mapped(job, work, all.mapped, None, claims).await?;
        all.waiting.hold(&mut planned);
        let mut done = Vec::new();
        planned.retain(|planned| {
            let needs_nothing = matches!(planned.decision, Decision::Unchanged { adopt: None });
            if needs_nothing && !all.waiting.has(&planned.mapped.source_key) {
                done.push(planned.mapped.source_key.clone());
            }
            !needs_nothing
        });
        if !done.is_empty() && !work.is_draft {
            work.store
                .write(move |tx| store::waiting::remove_many(tx, sync, &done))
                .await?;
        }
        Ok(Some(planned))
    }
}
