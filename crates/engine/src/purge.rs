//! Removing what a sync made: a plan of deletions, from what the links remember.
//!
//! Only records that the sync itself made go; what was there before it was linked stays. Each is looked at once more
//! before it is deleted, and what somebody changed since is for a person to decide. Carrying the plan out pauses the
//! sync and lets it read from the beginning when it is resumed; it is a run, and can be taken back.

use connectors::StreamDescription;
use model::ids::PlanId;
use model::record::{Intent, RecordKey};
use model::run::RunCounts;
use model::sync::{DeleteAction, Side};
use store::links::Link;

use crate::deletes;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::limits::RECORDS_PER_BATCH;
use crate::plan::{Decision, Problem};
use crate::planned::Planned;
use crate::run::{Sequence, Work, stop_if_cancelled};
use crate::stored_plan;

/// Writes the entries of the plan.
pub(crate) async fn build(job: &Job, work: &Work, plan: PlanId) -> Result<()> {
    work.meter.stage("Looking up what this sync made");
    let ways = Ways {
        on_target: way(&job.target_stream),
        on_source: job.back.as_ref().and_then(|back| way(&back.stream)),
    };
    let sync = job.sync;
    let mut sequence = Sequence::default();
    let mut counts = RunCounts::default();
    let mut after: Option<RecordKey> = None;
    let mut any_made = false;
    loop {
        stop_if_cancelled(work)?;
        let from = after.take();
        let links = work
            .store
            .read(move |db| store::links::page(db, sync, from.as_ref(), RECORDS_PER_BATCH))
            .await?;
        let Some(last) = links.last() else { break };
        after = Some(last.source_key.clone());
        any_made |= links.iter().any(|link| link.made_on.is_some());
        let planned = links.iter().map(|link| decide(job, link, &ways)).collect();
        stored_plan::list(work, plan, planned, &mut sequence, &mut counts).await?;
    }
    if !any_made {
        return Err(Error::Refused(
            "this sync has made no record that is still linked, so there is nothing to remove"
                .into(),
        ));
    }
    stored_plan::finish(work, plan, counts).await
}

/// How records are removed from each side; none where they cannot be.
struct Ways {
    on_target: Option<DeleteAction>,
    on_source: Option<DeleteAction>,
}

fn way(stream: &StreamDescription) -> Option<DeleteAction> {
    let can = &stream.capabilities;
    match (can.delete, &can.archive) {
        (true, _) => Some(DeleteAction::Delete),
        (false, Some(_)) => Some(DeleteAction::Archive),
        (false, None) => None,
    }
}

/// What becomes of one pair.
fn decide(job: &Job, link: &Link, ways: &Ways) -> Planned {
    let mapped = deletes::unread(link);
    let stays = |message: &str| {
        Decision::Filtered(Problem {
            message: message.into(),
            field: None,
        })
    };
    let side = link.made_on.unwrap_or(Side::Target);
    let (decision, intent) = match (link.made_on, &ways.on_target, &ways.on_source) {
        (None, _, _) => (
            stays("was there before this sync linked it, so it stays"),
            Intent::Sync,
        ),
        (Some(Side::Target), Some(action), _) | (Some(Side::Source), _, Some(action)) => {
            let change = deletes::removal(job, side, link, action);
            (Decision::Write(Box::new(change)), Intent::Delete)
        }
        (Some(Side::Target), None, _) => (
            stays("can be neither deleted nor put away there, so it stays"),
            Intent::Sync,
        ),
        (Some(Side::Source), _, None) => (
            stays(
                "was made on the source, where this sync can neither delete nor put away, so it stays",
            ),
            Intent::Sync,
        ),
    };
    Planned {
        mapped,
        decision,
        was_linked: true,
        side,
        intent,
    }
}
