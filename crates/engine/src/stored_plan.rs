//! Plans at rest: decisions become entries that a person can look at, and entries become decisions again.

use model::field::Schema;
use model::ids::{ChangeId, PlanId, SyncId};
use model::path::FieldPath;
use model::record::{Change, Operation, RecordKey};
use model::run::RunCounts;
use model::value::Object;
use store::plans::{PlanAction, PlanEntry, PlanState};

use crate::error::Result;
use crate::job::Job;
use crate::plan::{self, Decision, Mapped, Problem};
use crate::run::{Planned, Sequence, Work};
use crate::scheduler::PLANS_KEPT;

/// Begins a plan that nothing is in yet.
pub(crate) async fn insert(work: &Work, plan: PlanId, sync: SyncId, version: u32) -> Result<()> {
    let empty = store::plans::Plan {
        kind: store::plans::PlanKind::Run,
        id: plan,
        sync,
        sync_version: version,
        state: PlanState::Building,
        created_at: work.clock.now(),
        counts: RunCounts::default(),
        checkpoint: None,
        note: None,
        is_complete: false,
    };
    Ok(work
        .store
        .write(move |tx| {
            store::plans::purge(tx, sync, PLANS_KEPT)?;
            store::plans::insert(tx, &empty)
        })
        .await?)
}

/// An entry that a later page made obsolete: its record was read twice and is done once.
pub(crate) fn recount_as_unchanged(action: PlanAction, counts: &mut RunCounts) {
    let counter = match action {
        PlanAction::Create => &mut counts.created,
        PlanAction::Update => &mut counts.updated,
        PlanAction::Delete => &mut counts.deleted,
        PlanAction::Filtered => &mut counts.filtered,
        PlanAction::Invalid => &mut counts.invalid,
        PlanAction::Held => &mut counts.held,
        PlanAction::Conflict => &mut counts.conflict,
        PlanAction::Unchanged => return,
    };
    *counter = counter.saturating_sub(1);
    counts.unchanged += 1;
}

/// What a plan remembers of a record; of one that needs nothing, only its key comes back.
pub(crate) fn to_entry(
    planned: Planned,
    sequence: &mut Sequence,
) -> std::result::Result<PlanEntry, RecordKey> {
    let Planned {
        mapped, decision, ..
    } = planned;
    if matches!(decision, Decision::Unchanged { adopt: None }) {
        return Err(mapped.source_key);
    }
    let mut entry = PlanEntry {
        side: model::sync::Side::Target,
        seq: sequence.next(),
        source_key: mapped.source_key,
        target_key: None,
        action: PlanAction::Unchanged,
        fields: Object::new(),
        before: None,
        mapped: mapped.fields,
        mapped_fingerprint: mapped.fingerprint,
        source: Some(mapped.source),
        problem: None,
        target_version: None,
        is_included: true,
    };
    let blame = |entry: &mut PlanEntry, action, problem: Problem| {
        entry.action = action;
        entry.problem = Some(match problem.field {
            Some(field) => format!("{field}: {}", problem.message),
            None => problem.message,
        });
    };
    match decision {
        Decision::Unchanged { adopt: None } => {}
        Decision::Unchanged { adopt: Some(link) } => {
            entry.target_key = Some(link.target_key);
            entry.target_version = link.target_version;
        }
        Decision::Write(change) => {
            entry.action = match change.operation {
                Operation::Create => PlanAction::Create,
                Operation::Update | Operation::Delete => PlanAction::Update,
            };
            entry.target_key = change.target_key;
            entry.target_version = change.version;
            entry.fields = change.fields;
            entry.before = change.before;
        }
        Decision::Filtered(problem) => blame(&mut entry, PlanAction::Filtered, problem),
        Decision::Invalid(problem) => blame(&mut entry, PlanAction::Invalid, problem),
        Decision::Held(problem) => blame(&mut entry, PlanAction::Held, problem),
    }
    Ok(entry)
}

/// The words of an entry begin with the field that they are about, where there is one.
fn problem_of(schema: &Schema, words: &str) -> Problem {
    let named = words.split_once(": ").and_then(|(field, message)| {
        let field: FieldPath = field.parse().ok()?;
        schema.at(&field)?;
        Some(Problem {
            message: message.to_owned(),
            field: Some(field),
        })
    });
    named.unwrap_or_else(|| Problem {
        message: words.to_owned(),
        field: None,
    })
}

/// Turns entries of a plan back into decisions; what moved since the plan was made is held.
pub(crate) async fn still_true(
    job: &Job,
    work: &Work,
    entries: Vec<PlanEntry>,
) -> Result<Vec<Planned>> {
    let sync = job.sync;
    let keys: Vec<RecordKey> = entries
        .iter()
        .map(|entry| entry.source_key.clone())
        .collect();
    let mut links = work
        .store
        .read(move |db| store::links::get_many(db, sync, &keys))
        .await?;
    let schema = &job.target_stream.schema;
    let planned = entries.into_iter().map(|entry| {
        let link = links.remove(&entry.source_key);
        let mapped = Mapped {
            source_key: entry.source_key,
            source: entry.source.unwrap_or_default(),
            fields: entry.mapped,
            fingerprint: entry.mapped_fingerprint,
            problem: None,
        };
        let problem = || problem_of(schema, entry.problem.as_deref().unwrap_or_default());
        let moved = || {
            Decision::Held(Problem {
                message: "changed since the plan was made; plan again to see what is left to do"
                    .into(),
                field: None,
            })
        };
        let decision = match entry.action {
            _ if !entry.is_included => Decision::Filtered(Problem {
                message: "ticked off in the plan".into(),
                field: None,
            }),
            PlanAction::Filtered => Decision::Filtered(problem()),
            PlanAction::Invalid => Decision::Invalid(problem()),
            PlanAction::Held | PlanAction::Conflict => Decision::Held(problem()),
            PlanAction::Unchanged => Decision::Unchanged {
                adopt: entry
                    .target_key
                    .filter(|_| link.is_none())
                    .map(|key| Box::new(plan::link_of(&mapped, key, entry.target_version))),
            },
            PlanAction::Create if link.is_some() => moved(),
            PlanAction::Update
                if link.as_ref().is_some_and(|link| {
                    Some(&link.target_key) != entry.target_key.as_ref()
                        || plan::differences(&mapped.fields, &link.shadow).0 != entry.fields
                }) =>
            {
                moved()
            }
            PlanAction::Create | PlanAction::Update | PlanAction::Delete => {
                Decision::Write(Box::new(Change {
                    id: ChangeId::new(),
                    operation: if entry.action == PlanAction::Create {
                        Operation::Create
                    } else {
                        Operation::Update
                    },
                    source_key: mapped.source_key.clone(),
                    target_key: entry.target_key,
                    fields: entry.fields,
                    before: entry.before,
                    version: entry.target_version,
                }))
            }
        };
        Planned {
            mapped,
            decision,
            was_linked: true,
        }
    });
    Ok(planned.collect())
}
