//! Stages 2 and 3: what is to be done with each record of a batch.

use std::collections::{HashMap, HashSet};

use connectors::RowRecord;
use model::record::{Intent, Operation, RecordKey};
use model::run::RecordOutcome;
use model::sync::Side;

use crate::claims::Claims;
use crate::error::Result;
use crate::job::Job;
use crate::plan::{self, Decision, Known, Mapped, Problem};
use crate::retries::SetAside;
use crate::run::Work;
use crate::{earlier, lookup, references};

/// A record and what is to be done with it.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) mapped: Mapped,
    pub(crate) decision: Decision,
    /// It was linked before this run.
    pub(crate) was_linked: bool,
    /// The side that is written.
    pub(crate) side: Side,
    /// What a write is for.
    pub(crate) intent: Intent,
}

/// What is known of records before they are looked up.
#[derive(Clone, Copy)]
pub(crate) struct Beforehand<'a> {
    /// All of them that are linked, paused or not settled.
    pub(crate) linked: &'a HashSet<RecordKey>,
    /// Some records of the sync could not be written.
    pub(crate) any_unwritten: bool,
}

/// Stages 2 and 3: map, look up, decide.
pub(crate) async fn plan_batch(
    job: &Job,
    work: &Work,
    records: Vec<RowRecord>,
    known: Beforehand<'_>,
    claims: &mut Claims,
) -> Result<Vec<Planned>> {
    let all = references::map_all(job, work, records).await?;
    let mut planned = plan_mapped(job, work, all.mapped, Some(known), claims).await?;
    all.waiting.hold(&mut planned);
    Ok(planned)
}

/// Stage 3 of records that are mapped.
pub(crate) async fn plan_mapped(
    job: &Job,
    work: &Work,
    mapped: Vec<Mapped>,
    known: Option<Beforehand<'_>>,
    claims: &mut Claims,
) -> Result<Vec<Planned>> {
    let linked = known.map(|known| known.linked);
    let mut looked_up =
        lookup::look_up(job, &work.store, &work.target_access, &mapped, linked).await?;
    earlier::keep_same(job, &work.store, &mapped, &mut looked_up.known).await?;
    let rules = job.rules();
    let (mut paused, set_aside) = kept_back(job, work, &mapped, known).await?;
    let planned = mapped
        .into_iter()
        .zip(looked_up.known)
        .map(|(mapped, known)| {
            let was_linked = matches!(known, Known::Same | Known::Linked(_));
            let left_out = paused
                .remove(&mapped.source_key)
                .or_else(|| job.leaves_out(&mapped.source));
            let decision = match left_out {
                Some(problem) => Decision::Filtered(problem),
                None => set_aside.hold(
                    &mapped,
                    plan::decide(&mapped, known, &rules, &looked_up.claimed),
                ),
            };
            let mut planned = Planned {
                mapped,
                decision,
                was_linked,
                side: Side::Target,
                intent: Intent::Sync,
            };
            claims.one_each(&mut planned, &rules);
            planned
        });
    Ok(planned.collect())
}

/// Which of the records a person has paused, and why; and which were tried too often.
async fn kept_back(
    job: &Job,
    work: &Work,
    mapped: &[Mapped],
    known: Option<Beforehand<'_>>,
) -> Result<(HashMap<RecordKey, Problem>, SetAside)> {
    let (sync, most_tries) = (job.sync, job.document.most_tries);
    // Records that could not be written are not linked.
    let linked = known
        .filter(|known| !known.any_unwritten)
        .map(|known| known.linked);
    let keys: Vec<RecordKey> = mapped
        .iter()
        .filter(|mapped| linked.is_none_or(|linked| linked.contains(&mapped.source_key)))
        .map(|mapped| mapped.source_key.clone())
        .collect();
    if keys.is_empty() {
        return Ok((HashMap::new(), SetAside::default()));
    }
    let (reasons, set_aside) = work
        .store
        .read(move |db| {
            Ok((
                store::pauses::reasons(db, sync, &keys)?,
                SetAside::read(db, sync, most_tries, &keys)?,
            ))
        })
        .await?;
    let paused = reasons.into_iter().map(|(key, reason)| {
        let problem = Problem {
            message: format!("paused: {reason}"),
            field: None,
        };
        (key, problem)
    });
    Ok((paused.collect(), set_aside))
}

/// What a decision will count as, if the target plays along.
pub(crate) const fn expected_outcome(planned: &Planned) -> RecordOutcome {
    match &planned.decision {
        Decision::Unchanged { .. } | Decision::Agreed(_) | Decision::Forget => {
            RecordOutcome::Unchanged
        }
        Decision::Write(change) => match (planned.intent, change.operation) {
            (Intent::Delete, _) | (_, Operation::Delete) => RecordOutcome::Deleted,
            (_, Operation::Create) => RecordOutcome::Created,
            (_, Operation::Update) => RecordOutcome::Updated,
        },
        Decision::Filtered(_) => RecordOutcome::Filtered,
        Decision::Invalid(_) => RecordOutcome::Invalid,
        Decision::Held(_) => RecordOutcome::Held,
        Decision::Conflict(..) => RecordOutcome::Conflict,
    }
}
