//! The plan of a run that reads the source only.

use std::collections::HashSet;

use connectors::{RowPage, RowRecord};
use model::cursor::Checkpoint;
use model::ids::PlanId;
use model::record::RecordKey;
use model::run::{RecordOutcome, RunCounts};
use model::sync::Side;
use store::links::SourceMark;

use crate::claims::Claims;
use crate::compare::Compared;
use crate::error::Result;
use crate::job::Job;
use crate::planned::{self, Planned};
use crate::references::Found;
use crate::retries::Retries;
use crate::run::{self, Sequence, Work, hash, stop_if_cancelled};
use crate::stored_plan::Made;
use crate::{compare, deletes, read, stored_plan};

/// Reads the source and writes the entries of the plan.
pub(crate) async fn build(job: &Job, work: &Work, plan: PlanId, full: bool) -> Result<Made> {
    let (request, checkpoint) = run::read_request(job, work, full).await?;
    let is_complete = run::reads_everything(&request);
    let looks_for_deletes = deletes::is_wanted(job) && !work.is_draft;
    let mut deleted_cursor = None;
    if looks_for_deletes {
        work.meter.stage("Reading what was deleted");
        deleted_cursor =
            deletes::read_told(job, work, Side::Source, checkpoint.deleted_cursor.as_ref()).await?;
    }
    work.meter.stage("Reading and comparing");
    let mut pages = read::start::<RowPage>(
        &work.tracker,
        job.source.clone(),
        request,
        work.source_access.clone(),
    );
    let mut build = Build {
        job,
        work,
        plan,
        looks_for_deletes,
        claims: Claims::default(),
        counts: RunCounts::default(),
        sequence: Sequence::default(),
        updates: 0,
        listed: HashSet::new(),
    };
    let mut cursor = None;
    while let Some(page) = pages.full().await {
        let page = page?;
        cursor = page.cursor.or(cursor);
        for batch in run::batches(page.records) {
            stop_if_cancelled(work)?;
            build.batch(batch).await?;
        }
    }
    // A complete read has brought all of them.
    let mut retries = (!is_complete).then(Retries::default);
    while let Some(retries) = &mut retries
        && let Some(mut records) = retries.next(job, work).await?
    {
        stop_if_cancelled(work)?;
        records.retain(|record| {
            let key = record.key.as_ref();
            key.is_none_or(|key| !build.listed.contains(&hash(key.as_str())))
        });
        build.batch(records).await?;
    }
    let mut found = Found::default();
    while let Some(mut planned) = found.next(job, work, &mut build.claims).await? {
        stop_if_cancelled(work)?;
        planned.retain(|planned| {
            let key = hash(planned.mapped.source_key.as_str());
            !build.listed.contains(&key)
        });
        build.keep(planned, Vec::new(), Vec::new(), true).await?;
    }
    stop_if_cancelled(work)?;
    let Build {
        mut counts,
        mut sequence,
        updates,
        listed,
        ..
    } = build;
    let mut n_deletes = 0;
    let is_empty = is_complete && listed.is_empty();
    if looks_for_deletes {
        if is_complete {
            deletes::note_missing(job, work, Side::Source, listed).await?;
        }
        let (side, met) = (Side::Source, HashSet::new());
        n_deletes =
            deletes::plan_due(job, work, plan, side, &met, &mut sequence, &mut counts).await?;
    }
    Ok(Made {
        counts,
        updates,
        deletes: n_deletes,
        is_complete,
        empty: is_empty.then_some(Side::Source),
        checkpoint: Checkpoint {
            version: 1,
            cursor: cursor.or(checkpoint.cursor.clone()),
            position: None,
            mapping: Some(job.mapping_mark.clone()),
            deleted_cursor: deleted_cursor.or(checkpoint.deleted_cursor.clone()),
            complete_at: match is_complete {
                true => Some(work.clock.now()),
                false => checkpoint.complete_at,
            },
            ..checkpoint
        },
    })
}

struct Build<'a> {
    job: &'a Job,
    work: &'a Work,
    plan: PlanId,
    looks_for_deletes: bool,
    claims: Claims,
    counts: RunCounts,
    sequence: Sequence,
    /// Updates of records that were linked before.
    updates: u64,
    /// Hashes of the keys that came. A record that changes while it is listed comes again, and then the later one
    /// counts.
    listed: HashSet<u64>,
}

impl Build<'_> {
    async fn batch(&mut self, records: Vec<RowRecord>) -> Result<()> {
        let (job, work) = (self.job, self.work);
        let mut compared = compare::compare(job, work, records, &mut self.claims).await?;
        if self.looks_for_deletes {
            deletes::note_told(
                job,
                work,
                Side::Source,
                std::mem::take(&mut compared.marked),
            )
            .await?;
        }
        let news = compared.news();
        let Compared {
            same,
            planned,
            any_unwritten,
            ..
        } = compared;
        self.keep(planned, same, news, any_unwritten).await
    }

    /// Writes what is to be done down.
    async fn keep(
        &mut self,
        planned: Vec<Planned>,
        mut unchanged: Vec<RecordKey>,
        news: Vec<(RecordKey, SourceMark)>,
        any_unwritten: bool,
    ) -> Result<()> {
        let (work, plan, sync) = (self.work, self.plan, self.job.sync);
        let mut entries = Vec::new();
        let mut again = Vec::new();
        let n_same = u64::try_from(unchanged.len()).unwrap_or(u64::MAX);
        let mut batch_counts = RunCounts {
            read: n_same,
            unchanged: n_same,
            ..RunCounts::default()
        };
        for key in &unchanged {
            if !self.listed.insert(hash(key.as_str())) {
                again.push(key.clone());
            }
        }
        for planned in planned {
            batch_counts.read += 1;
            let outcome = planned::expected_outcome(&planned);
            outcome.count(&mut batch_counts);
            self.updates += u64::from(planned.was_linked && outcome == RecordOutcome::Updated);
            if !self.listed.insert(hash(planned.mapped.source_key.as_str())) {
                again.push(planned.mapped.source_key.clone());
            }
            match stored_plan::to_entry(planned, &mut self.sequence) {
                Ok(entry) => entries.push(entry),
                Err(key) => unchanged.push(key),
            }
        }
        self.counts.add(&batch_counts);
        work.meter.counted(&batch_counts);
        if !any_unwritten {
            unchanged.clear();
        }
        if again.is_empty() && entries.is_empty() && unchanged.is_empty() && news.is_empty() {
            return Ok(());
        }
        let replaced = work
            .store
            .write(move |tx| {
                store::links::mark_many(tx, sync, &news)?;
                let mut replaced = Vec::new();
                for key in &again {
                    replaced.extend(store::plans::remove_entries_of(tx, plan, key)?);
                }
                store::plans::append_entries(tx, plan, &entries)?;
                // They are as they should be, whether the plan is applied or not.
                store::unwritten::remove_many(tx, sync, &unchanged)?;
                Ok(replaced)
            })
            .await?;
        for action in replaced {
            stored_plan::recount_as_unchanged(action, &mut self.counts);
        }
        Ok(())
    }
}
