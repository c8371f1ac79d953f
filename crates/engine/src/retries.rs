//! Records that earlier runs could not write.
//!
//! Every run tries those again that it did not read itself: the target may take them by now. A record that failed often
//! enough as the same is *set aside*: only a person, another mapping or a change at the source brings it back.

use std::collections::HashMap;

use connectors::RowRecord;
use model::ids::SyncId;
use model::record::{Record, RecordKey};
use model::sync::Side;
use model::value::{Object, Value};
use store::run_records::RunRecord;
use store::unwritten::Tried;

use crate::error::Result;
use crate::job::Job;
use crate::limits::RECORDS_PER_BATCH;
use crate::plan::{Decision, Mapped, Problem};
use crate::run::Work;

/// A record of the source that a person wants to be written once more.
#[derive(Clone, Debug, PartialEq)]
pub struct Resent {
    /// Which.
    pub source_key: RecordKey,
    /// As it was read.
    pub source: Value,
    /// Fields of the target that are to get other values than the mapping makes.
    pub edited: Option<Object>,
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
                Decision::Held(Problem {
                    message: format!(
                        "was tried {} times without success and is set aside; change it, or try it again yourself",
                        tried.tries
                    ),
                    field: None,
                })
            }
            _ => decision,
        }
    }
}
