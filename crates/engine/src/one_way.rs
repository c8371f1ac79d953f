//! The plan of a run that reads the source only.

use std::collections::HashSet;

use model::cursor::Checkpoint;
use model::ids::PlanId;
use model::record::RecordKey;
use model::run::{RecordOutcome, RunCounts};
use model::sync::Side;

use crate::error::Result;
use crate::job::Job;
use crate::run::{self, Claims, Sequence, Work, hash, stop_if_cancelled};
use crate::stored_plan::Made;
use crate::{deletes, read, stored_plan};

/// Reads the source and writes the entries of the plan.
pub(crate) async fn build(job: &Job, work: &Work, plan: PlanId, full: bool) -> Result<Made> {
    let (request, checkpoint) = run::read_request(job, work, full).await?;
    let is_complete = run::reads_everything(&request);
    let looks_for_deletes = deletes::is_wanted(job) && !work.is_draft;
    let mut deleted_cursor = None;
    if looks_for_deletes {
        work.meter.stage("Reading what was deleted");
        deleted_cursor = deletes::read_told(job, work, &checkpoint).await?;
    }
    work.meter.stage("Reading and comparing");
    let mut pages = read::start(
        &work.tracker,
        job.source.clone(),
        request,
        work.source_access.clone(),
    );
    let mut claims = Claims::default();
    let mut cursor = None;
    let mut counts = RunCounts::default();
    let mut sequence = Sequence::default();
    let mut updates = 0;
    let sync = job.sync;
    // A record that changes while it is listed comes again, and then the later one counts.
    let mut listed = HashSet::new();
    while let Some(page) = pages.recv().await {
        let page = page?;
        cursor = page.cursor.or(cursor);
        for batch in run::batches(page.records) {
            stop_if_cancelled(work)?;
            let deletions = &job.source_stream.capabilities.deletions;
            let marked: Vec<RecordKey> = batch
                .iter()
                .filter(|record| deletes::is_marked(deletions, &record.fields))
                .filter_map(|record| record.key.clone())
                .collect();
            if looks_for_deletes {
                deletes::note_told(job, work, marked).await?;
            }
            let planned = run::plan_batch(job, work, batch, &mut claims).await?;
            let mut entries = Vec::new();
            let mut again = Vec::new();
            let mut unchanged = Vec::new();
            let mut batch_counts = RunCounts::default();
            for planned in planned {
                batch_counts.read += 1;
                let outcome = run::expected_outcome(&planned);
                outcome.count(&mut batch_counts);
                updates += u64::from(planned.was_linked && outcome == RecordOutcome::Updated);
                if !listed.insert(hash(planned.mapped.source_key.as_str())) {
                    again.push(planned.mapped.source_key.clone());
                }
                match stored_plan::to_entry(planned, &mut sequence) {
                    Ok(entry) => entries.push(entry),
                    Err(key) => unchanged.push(key),
                }
            }
            counts.add(&batch_counts);
            work.meter.counted(&batch_counts);
            let replaced = work
                .store
                .write(move |tx| {
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
                stored_plan::recount_as_unchanged(action, &mut counts);
            }
        }
    }
    stop_if_cancelled(work)?;
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
