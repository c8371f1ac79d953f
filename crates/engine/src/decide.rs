//! What a person decided about conflicts, as a plan.

use std::collections::HashMap;

use model::conflict::{ConflictKind, Decision as Choice};
use model::ids::{ChangeId, ConflictId, PlanId};
use model::record::{Change, Intent, Operation, Record, RecordKey};
use model::run::RunCounts;
use model::sync::Side;
use model::value::{Object, Value};
use store::agreed::Agreed;
use store::conflicts::{Conflict, ConflictFilter};
use store::plans::PlanEntry;

use crate::error::{Error, Result};
use crate::job::Job;
use crate::limits::ENTRIES_PER_BATCH;
use crate::plan::{self, Decision, Mapped, NOT_READ, Problem};
use crate::planned::Planned;
use crate::run::{Sequence, Work, stop_if_cancelled};
use crate::stored_plan;

/// Writes the entries of the plan that carries decisions out.
pub(crate) async fn build(job: &Job, work: &Work, plan: PlanId) -> Result<()> {
    work.meter.stage("Looking at your decisions");
    let mut sequence = Sequence::default();
    let mut counts = RunCounts::default();
    let mut after: Option<ConflictId> = None;
    loop {
        stop_if_cancelled(work)?;
        let filter = ConflictFilter {
            sync: Some(job.sync),
            is_decided: Some(true),
            ..ConflictFilter::default()
        };
        let from = after;
        let page = work
            .store
            .read(move |db| store::conflicts::page(db, &filter, from, ENTRIES_PER_BATCH))
            .await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        let mut entries = Vec::new();
        let mut keys: Vec<RecordKey> = Vec::new();
        let sources = sources(job, work, &page).await?;
        for conflict in &page {
            keys.push(conflict.source_key.clone());
            entries.extend(carry_out(job, conflict, &sources, &mut sequence));
        }
        for entry in &entries {
            counts.read += 1;
            stored_plan::count(entry, &mut counts);
        }
        let sync = job.sync;
        work.store
            .write(move |tx| {
                store::flips::remove_many(tx, sync, &keys)?;
                store::plans::append_entries(tx, plan, &entries)
            })
            .await?;
    }
    if counts.read == 0 {
        return Err(Error::Refused(
            "nothing was decided yet; choose a side under Conflicts first".into(),
        ));
    }
    stored_plan::finish(work, plan, counts).await
}

/// The records of the source that a decision may write, as they are now, where the platform lets single ones be read:
/// what was decided about a value says nothing about another one that came since.
async fn sources(
    job: &Job,
    work: &Work,
    conflicts: &[Conflict],
) -> Result<HashMap<RecordKey, Record>> {
    let mut keys: Vec<RecordKey> = conflicts
        .iter()
        .filter(|conflict| {
            let choice = conflict.decision.as_ref();
            let writes = matches!(choice, Some(Choice::Target | Choice::Value { .. }));
            writes && !conflict.field.is_empty()
        })
        .map(|conflict| conflict.source_key.clone())
        .collect();
    keys.sort_unstable();
    keys.dedup();
    if keys.is_empty() || job.back.is_none() {
        return Ok(HashMap::new());
    }
    let end = job.end(work, Side::Source)?;
    if !end.stream.capabilities.get {
        return Ok(HashMap::new());
    }
    let looked = end.destination.get(&end.stream.name, &keys, end.access);
    let looked = keys.iter().cloned().zip(looked.await?);
    Ok(looked
        .filter_map(|(key, record)| Some((key, record?)))
        .collect())
}

fn carry_out(
    job: &Job,
    conflict: &Conflict,
    sources: &HashMap<RecordKey, Record>,
    sequence: &mut Sequence,
) -> Vec<PlanEntry> {
    let Some(choice) = &conflict.decision else {
        return Vec::new();
    };
    if conflict.field.is_empty() {
        return vec![whole_record(job, conflict, choice, sequence)];
    }
    let (source, target) = (
        conflict.source.clone().unwrap_or_default(),
        conflict.target.clone().unwrap_or_default(),
    );
    let to_target = |value: Value| write_target(conflict, value, &target);
    let now = sources.get(&conflict.source_key);
    let to_source = |value: Value| write_source(job, conflict, value, now);
    let planned = match choice {
        Choice::Source => vec![to_target(source)],
        // The old value is not wanted: what is there stays.
        Choice::Target if conflict.kind == ConflictKind::Undo => {
            return vec![keep_both(conflict, sequence)];
        }
        Choice::Target => vec![to_source(target.clone())],
        Choice::Value { value } => {
            let value = Value::from_serde(value);
            let mut planned = Vec::new();
            if !plan::agrees(&value, Some(&target)) {
                planned.push(to_target(value.clone()));
            }
            if !plan::agrees(&value, Some(&source)) {
                planned.push(to_source(value));
            }
            planned
        }
        Choice::KeepBoth => return vec![keep_both(conflict, sequence)],
    };
    planned
        .into_iter()
        .filter_map(|planned| {
            let mut entry = stored_plan::to_entry(planned, sequence).ok()?;
            if conflict.kind == ConflictKind::Undo {
                entry.kinds = vec![(conflict.field.clone(), ConflictKind::Undo)];
            }
            Some(entry)
        })
        .collect()
}

fn one(field: &str, value: Value) -> Object {
    let mut object = Object::new();
    object.push(field, value);
    object
}

fn mapped_of(conflict: &Conflict, fields: Object) -> Mapped {
    Mapped {
        source_key: conflict.source_key.clone(),
        source: model::row::Row::default(),
        fields,
        fingerprint: NOT_READ,
        problem: None,
    }
}

fn write_target(conflict: &Conflict, value: Value, now: &Value) -> Planned {
    let fields = one(&conflict.field, value);
    Planned {
        decision: Decision::Write(Box::new(Change {
            id: ChangeId::new(),
            operation: Operation::Update,
            source_key: conflict.source_key.clone(),
            target_key: Some(conflict.target_key.clone()),
            fields: fields.clone(),
            before: Some(one(&conflict.field, now.clone())),
            version: None,
        })),
        mapped: mapped_of(conflict, fields),
        was_linked: true,
        side: Side::Target,
        intent: Intent::Sync,
    }
}

fn write_source(job: &Job, conflict: &Conflict, value: Value, now: Option<&Record>) -> Planned {
    let target = one(&conflict.field, value);
    let has_moved = now.is_some_and(|now| {
        let made = job.program.apply(&now.fields).fields;
        let was = conflict.source.clone().unwrap_or_default();
        !plan::agrees(&was, made.get(&conflict.field))
    });
    let way = job.back.as_ref().and_then(|back| {
        let rule = back.fields.get(conflict.field.as_str())?;
        let made = back.program.apply(&Value::Object(target.clone()));
        let mut fields = Object::new();
        for path in &rule.sources {
            let is_broken = made.problems.iter().any(|problem| problem.target == *path);
            let top = crate::job::top_level(path)?;
            let value = made.fields.get(&top).filter(|_| !is_broken)?;
            fields.insert(top, value.clone());
        }
        (!fields.is_empty()).then_some(fields)
    });
    let decision = match way {
        Some(_) if has_moved => Decision::Held(Problem {
            message: format!(
                "{} was changed on the source since the conflict was found; run the sync, then decide again",
                conflict.field
            ),
            field: None,
        }),
        Some(fields) => Decision::Write(Box::new(Change {
            id: ChangeId::new(),
            operation: Operation::Update,
            source_key: conflict.target_key.clone(),
            target_key: Some(conflict.source_key.clone()),
            before: now
                .and_then(|now| now.fields.as_object())
                .map(|now| plan::project(&fields, now)),
            version: now.and_then(|now| now.version.clone()),
            fields,
        })),
        None => Decision::Held(Problem {
            message: format!(
                "the target's {} cannot be turned into what the source takes; choose another value",
                conflict.field
            ),
            field: None,
        }),
    };
    Planned {
        decision,
        mapped: mapped_of(conflict, target),
        was_linked: true,
        side: Side::Source,
        intent: Intent::Sync,
    }
}

/// Both stay as they are, and that is what they agree on now.
fn keep_both(conflict: &Conflict, sequence: &mut Sequence) -> PlanEntry {
    let value = |value: &Option<Value>| value.clone().unwrap_or_default();
    let agreed = Agreed {
        source_key: conflict.source_key.clone(),
        target_key: conflict.target_key.clone(),
        source: match conflict.kind {
            // Here "source" is the value that is not wanted back.
            ConflictKind::Undo => Object::new(),
            _ => one(&conflict.field, value(&conflict.source)),
        },
        target: one(&conflict.field, value(&conflict.target)),
        fingerprint: None,
        source_version: None,
        target_version: None,
        made_on: None,
    };
    stored_plan::agreed_entry(agreed, Value::Null, sequence)
}

/// One side deleted the record, the other changed it.
fn whole_record(
    job: &Job,
    conflict: &Conflict,
    choice: &Choice,
    sequence: &mut Sequence,
) -> PlanEntry {
    let object = |value: &Option<Value>| {
        let object = value.as_ref().and_then(Value::as_object);
        object.cloned().unwrap_or_default()
    };
    // The side that still has the record, and what it has.
    let (side, now) = match conflict.kind {
        ConflictKind::DeletedOnTarget => (Side::Source, object(&conflict.source)),
        _ => (Side::Target, object(&conflict.target)),
    };
    let deletes = match (conflict.kind, choice) {
        (_, Choice::KeepBoth | Choice::Value { .. }) => None,
        (ConflictKind::DeletedOnSource | ConflictKind::Undo, Choice::Source) => Some(true),
        (ConflictKind::DeletedOnTarget, Choice::Target) => Some(true),
        (ConflictKind::Undo, Choice::Target) => None,
        _ => Some(false),
    };
    let planned = |side, decision, fields, intent| Planned {
        decision,
        mapped: mapped_of(conflict, fields),
        was_linked: true,
        side,
        intent,
    };
    let (from, to) = match side {
        Side::Target => (conflict.source_key.clone(), conflict.target_key.clone()),
        Side::Source => (conflict.target_key.clone(), conflict.source_key.clone()),
    };
    let plan = match deletes {
        None => return forget(conflict, sequence),
        Some(true) => planned(
            side,
            Decision::Write(Box::new(Change {
                id: ChangeId::new(),
                operation: Operation::Delete,
                source_key: from,
                target_key: Some(to),
                fields: Object::new(),
                before: None,
                version: None,
            })),
            Object::new(),
            Intent::Delete,
        ),
        // What is gone is made again from what the other side has.
        Some(false) => match (side, &job.back) {
            (Side::Source, _) => planned(
                Side::Target,
                Decision::Write(Box::new(Change {
                    id: ChangeId::new(),
                    operation: Operation::Create,
                    source_key: conflict.source_key.clone(),
                    target_key: None,
                    fields: now.clone(),
                    before: None,
                    version: None,
                })),
                now,
                Intent::Sync,
            ),
            (Side::Target, Some(back)) => {
                let made = back.program.apply(&Value::Object(now.clone()));
                let again = job.program.apply(&Value::Object(made.fields.clone()));
                planned(
                    Side::Source,
                    Decision::Write(Box::new(Change {
                        id: ChangeId::new(),
                        operation: Operation::Create,
                        source_key: conflict.target_key.clone(),
                        target_key: None,
                        fields: made.fields,
                        before: None,
                        version: None,
                    })),
                    plan::project(&again.fields, &now),
                    Intent::Sync,
                )
            }
            // One way: what the target has stays there, and is none of this sync's business any more.
            (Side::Target, None) => return forget(conflict, sequence),
        },
    };
    let mapped = plan.mapped.clone();
    match stored_plan::to_entry(plan, sequence) {
        Ok(mut entry) => {
            entry.kinds = vec![(String::new(), conflict.kind)];
            entry
        }
        Err(_) => stored_plan::blank_entry(mapped, sequence),
    }
}

/// The pair is none any more; nothing is written.
fn forget(conflict: &Conflict, sequence: &mut Sequence) -> PlanEntry {
    let mut entry = stored_plan::blank_entry(mapped_of(conflict, Object::new()), sequence);
    entry.target_key = Some(conflict.target_key.clone());
    entry.kinds = vec![(String::new(), conflict.kind)];
    entry
}
