//! Plans at rest: decisions become entries that a person can look at, and entries become decisions again.

use model::clock::Millis;
use model::conflict::ConflictKind;
use model::cursor::Checkpoint;
use model::field::Schema;
use model::ids::{ChangeId, ConflictId, PlanId, RunId, SyncId};
use model::path::FieldPath;
use model::record::{Change, Intent, Operation, RecordKey};
use model::run::{RecordOutcome, RunCounts};
use model::sync::{Side, WriteMode};
use model::value::{Object, Value};
use store::agreed::Agreed;
use store::conflicts::Conflict;
use store::links::Link;
use store::plans::{PlanAction, PlanEntry, PlanKind, PlanState};

use crate::commit;
use crate::error::Result;
use crate::job::Job;
use crate::plan::{self, Decision, Mapped, Problem};
use crate::planned::{self, Planned};
use crate::run::{Sequence, Work};
use crate::scheduler::PLANS_KEPT;

/// What making the plan of a whole run came to.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) counts: RunCounts,
    /// Updates of records that were linked before.
    pub(crate) updates: u64,
    pub(crate) deletes: u64,
    /// How far the sync has come once the plan is applied.
    pub(crate) checkpoint: Checkpoint,
    /// The source was read to its end, all of it.
    pub(crate) is_complete: bool,
    /// A side that was read completely and has nothing.
    pub(crate) empty: Option<Side>,
}

/// Begins a plan that nothing is in yet.
pub(crate) async fn insert(
    work: &Work,
    plan: PlanId,
    sync: SyncId,
    version: u32,
    kind: PlanKind,
) -> Result<()> {
    let empty = store::plans::Plan {
        kind,
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

/// An entry that says nothing yet.
pub(crate) fn blank_entry(mapped: Mapped, sequence: &mut Sequence) -> PlanEntry {
    PlanEntry {
        seq: sequence.next(),
        source_key: mapped.source_key,
        target_key: None,
        side: Side::Target,
        action: PlanAction::Unchanged,
        fields: Object::new(),
        before: None,
        mapped: mapped.fields,
        mapped_fingerprint: mapped.fingerprint,
        source: Some(mapped.source.into_value()),
        problem: None,
        target_version: None,
        other_version: None,
        kinds: Vec::new(),
        is_included: true,
    }
}

/// An entry of a pair that agrees in some fields: nothing is written, but it is remembered.
pub(crate) fn agreed_entry(agreed: Agreed, record: Value, sequence: &mut Sequence) -> PlanEntry {
    let mapped = Mapped {
        source_key: agreed.source_key,
        source: record.into(),
        fields: agreed.source,
        fingerprint: agreed.fingerprint.unwrap_or(plan::NOT_READ),
        problem: None,
    };
    let mut entry = blank_entry(mapped, sequence);
    entry.target_key = Some(agreed.target_key);
    entry.fields = agreed.target;
    entry.target_version = agreed.target_version;
    entry.other_version = agreed.source_version;
    entry
}

/// Counts an entry as what it will come to, if the platform plays along.
pub(crate) fn count(entry: &PlanEntry, counts: &mut RunCounts) {
    let outcome = match entry.action {
        PlanAction::Create => RecordOutcome::Created,
        PlanAction::Update => RecordOutcome::Updated,
        PlanAction::Delete => RecordOutcome::Deleted,
        PlanAction::Unchanged => RecordOutcome::Unchanged,
        PlanAction::Filtered => RecordOutcome::Filtered,
        PlanAction::Invalid => RecordOutcome::Invalid,
        PlanAction::Held => RecordOutcome::Held,
        PlanAction::Conflict => RecordOutcome::Conflict,
    };
    outcome.count(counts);
}

/// Adds what is to be done with these records to a plan, and to its counts.
pub(crate) async fn list(
    work: &Work,
    plan: PlanId,
    planned: Vec<Planned>,
    sequence: &mut Sequence,
    counts: &mut RunCounts,
) -> Result<()> {
    let mut entries = Vec::with_capacity(planned.len());
    let mut batch = RunCounts::default();
    for planned in planned {
        batch.read += 1;
        planned::expected_outcome(&planned).count(&mut batch);
        if let Ok(entry) = to_entry(planned, sequence) {
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

/// The plan has all its entries and can be looked at.
pub(crate) async fn finish(work: &Work, plan: PlanId, counts: RunCounts) -> Result<()> {
    Ok(work
        .store
        .write(move |tx| {
            let mut stored = store::plans::get(tx, plan)?;
            stored.state = PlanState::Ready;
            stored.counts = counts;
            store::plans::update(tx, &stored)
        })
        .await?)
}

/// What a plan remembers of a record; of one that needs nothing, only its key comes back.
pub(crate) fn to_entry(
    planned: Planned,
    sequence: &mut Sequence,
) -> std::result::Result<PlanEntry, RecordKey> {
    let Planned {
        mapped,
        decision,
        side,
        intent,
        ..
    } = planned;
    if matches!(decision, Decision::Unchanged { adopt: None }) {
        return Err(mapped.source_key);
    }
    let mut entry = blank_entry(mapped, sequence);
    entry.side = side;
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
            entry.action = match (intent, change.operation) {
                (Intent::Delete, _) | (_, Operation::Delete) => PlanAction::Delete,
                (_, Operation::Create) => PlanAction::Create,
                (_, Operation::Update) => PlanAction::Update,
            };
            (entry.source_key, entry.target_key) = commit::pair(side, &change);
            entry.target_version = change.version;
            entry.fields = change.fields;
            entry.before = change.before;
        }
        Decision::Filtered(problem) => blame(&mut entry, PlanAction::Filtered, problem),
        Decision::Invalid(problem) => blame(&mut entry, PlanAction::Invalid, problem),
        Decision::Held(problem) => blame(&mut entry, PlanAction::Held, problem),
        Decision::Conflict(problem, _) => blame(&mut entry, PlanAction::Conflict, problem),
        // Made by `agreed_entry` and `decide::forget`.
        Decision::Agreed(_) | Decision::Forget => {}
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
    kind: PlanKind,
    entries: Vec<PlanEntry>,
) -> Result<Vec<Planned>> {
    let sync = job.sync;
    let keys: Vec<RecordKey> = entries
        .iter()
        .map(|entry| entry.source_key.clone())
        .collect();
    let both_ways = job.back.is_some();
    let pairs: Vec<(RecordKey, RecordKey)> = entries
        .iter()
        .filter_map(|entry| Some((entry.source_key.clone(), entry.target_key.clone()?)))
        .collect();
    let (links, linked, held) = work
        .store
        .read(move |db| {
            let links = store::links::get_many(db, sync, &keys)?;
            // Only what is not linked one way could take what another record has since.
            let targets = pairs.into_iter();
            let targets = targets.filter(|(key, _)| both_ways || !links.contains_key(key));
            let targets: Vec<RecordKey> = targets.map(|(_, target)| target).collect();
            let linked = store::links::sources_of_targets(db, sync, &targets)?;
            Ok((links, linked, store::journal::held_keys(db, sync)?))
        })
        .await?;
    let about = (work.run, work.clock.now());
    let planned = entries.into_iter().map(|entry| {
        // A pair may have an entry for each side.
        let link = links.get(&entry.source_key).cloned();
        let is_linked = entry
            .target_key
            .as_ref()
            .is_some_and(|key| linked.contains_key(key));
        // What has been sent since may have happened: the plan knows nothing of it.
        let counterpart = entry
            .target_key
            .as_ref()
            .filter(|_| entry.side == Side::Source);
        let is_held =
            held.contains(&entry.source_key) || counterpart.is_some_and(|key| held.contains(key));
        if is_held && entry.is_included && entry.action.writes() {
            return unsettled(entry);
        }
        again(job, kind, about, entry, link, is_linked)
    });
    Ok(planned.collect())
}

/// An entry whose record has a change in the journal that a person has to look at.
fn unsettled(mut entry: PlanEntry) -> Planned {
    Planned {
        mapped: Mapped {
            source_key: entry.source_key,
            source: entry.source.take().unwrap_or_default().into(),
            fields: entry.mapped,
            fingerprint: entry.mapped_fingerprint,
            problem: None,
        },
        decision: Decision::Held(Problem {
            message: plan::UNSETTLED.into(),
            field: None,
        }),
        was_linked: true,
        side: entry.side,
        intent: Intent::Sync,
    }
}

fn again(
    job: &Job,
    kind: PlanKind,
    (run, now): (RunId, Millis),
    mut entry: PlanEntry,
    link: Option<Link>,
    target_is_linked: bool,
) -> Planned {
    let (side, action) = (entry.side, entry.action);
    let takes_back = entry
        .kinds
        .iter()
        .any(|(_, kind)| *kind == ConflictKind::Undo);
    let intent = match (kind, action) {
        (PlanKind::Undo(_), _) => Intent::Undo,
        (PlanKind::Decisions, PlanAction::Update) if takes_back => Intent::Undo,
        (_, PlanAction::Delete) => Intent::Delete,
        _ => Intent::Sync,
    };
    let conflict_values = match action {
        PlanAction::Conflict => entry.mapped.clone(),
        _ => Object::new(),
    };
    let is_decided = kind == PlanKind::Decisions;
    let moved = intent != Intent::Undo
        && !is_decided
        && has_moved(job, &entry, link.as_ref(), target_is_linked);
    // One of the two has another counterpart by now.
    let pairs_otherwise = intent != Intent::Undo
        && entry.target_key.is_some()
        && match &link {
            Some(link) => Some(&link.target_key) != entry.target_key.as_ref(),
            None => target_is_linked,
        };
    let mapped = Mapped {
        source_key: entry.source_key.clone(),
        source: entry.source.take().unwrap_or_default().into(),
        fields: std::mem::take(&mut entry.mapped),
        fingerprint: entry.mapped_fingerprint,
        problem: None,
    };
    let schema = &job.target_stream.schema;
    let problem = || problem_of(schema, entry.problem.as_deref().unwrap_or_default());
    let decision = match action {
        _ if !entry.is_included => Decision::Filtered(Problem {
            message: "ticked off in the plan".into(),
            field: None,
        }),
        PlanAction::Filtered => Decision::Filtered(problem()),
        PlanAction::Invalid => Decision::Invalid(problem()),
        PlanAction::Held => Decision::Held(problem()),
        PlanAction::Conflict => Decision::Conflict(
            problem(),
            clashes(job, (run, now), &entry, &conflict_values),
        ),
        PlanAction::Unchanged if is_decided && !entry.kinds.is_empty() => Decision::Forget,
        PlanAction::Unchanged if pairs_otherwise => Decision::Held(Problem {
            message: MOVED.into(),
            field: None,
        }),
        PlanAction::Unchanged if job.back.is_some() || is_decided => match entry.target_key {
            None => Decision::Unchanged { adopt: None },
            Some(target_key) => Decision::Agreed(Box::new(Agreed {
                source_key: mapped.source_key.clone(),
                target_key,
                source: mapped.fields.clone(),
                target: entry.fields,
                fingerprint: (mapped.fingerprint != plan::NOT_READ).then_some(mapped.fingerprint),
                source_version: entry.other_version,
                target_version: entry.target_version,
                made_on: None,
            })),
        },
        PlanAction::Unchanged => Decision::Unchanged {
            adopt: entry
                .target_key
                .filter(|_| link.is_none())
                .map(|key| Box::new(plan::link_of(&mapped, key, entry.target_version))),
        },
        PlanAction::Create | PlanAction::Update | PlanAction::Delete if moved => {
            Decision::Held(Problem {
                message: MOVED.into(),
                field: None,
            })
        }
        PlanAction::Create | PlanAction::Update | PlanAction::Delete => {
            let operation = match action {
                PlanAction::Create => Operation::Create,
                // To put a record away is to change it.
                PlanAction::Delete if entry.fields.is_empty() => Operation::Delete,
                _ => Operation::Update,
            };
            let (source_key, target_key) = match side {
                Side::Target => (mapped.source_key.clone(), entry.target_key),
                Side::Source => (
                    entry
                        .target_key
                        .unwrap_or_else(|| mapped.source_key.clone()),
                    Some(mapped.source_key.clone()),
                ),
            };
            Decision::Write(Box::new(Change {
                id: ChangeId::new(),
                operation,
                source_key,
                target_key: target_key.filter(|_| operation != Operation::Create),
                fields: entry.fields,
                before: entry.before,
                version: entry.target_version,
            }))
        }
    };
    let mut planned = Planned {
        mapped,
        decision,
        was_linked: true,
        side,
        intent,
    };
    if has_moved_since(&planned) {
        // What the plan has of it is not what counts: it is not to be tried again as this.
        planned.mapped.fingerprint = plan::OUTDATED;
    }
    planned
}

/// Whether a record is held because it changed since the plan was made.
pub(crate) fn has_moved_since(planned: &Planned) -> bool {
    matches!(&planned.decision, Decision::Held(problem) if problem.message == MOVED)
}

/// What a person has to decide of an entry.
fn clashes(
    job: &Job,
    (run, now): (RunId, Millis),
    entry: &PlanEntry,
    source: &Object,
) -> Vec<Conflict> {
    let of =
        |object: Option<&Object>, name: &str| object.and_then(|object| object.get(name)).cloned();
    entry
        .kinds
        .iter()
        .map(|(field, kind)| Conflict {
            id: ConflictId::new(),
            sync: job.sync,
            source_key: entry.source_key.clone(),
            target_key: entry
                .target_key
                .clone()
                .unwrap_or_else(|| RecordKey(String::new())),
            field: field.clone(),
            kind: *kind,
            base: of(entry.before.as_ref(), field),
            source: of(Some(source), field),
            target: of(Some(&entry.fields), field),
            decision: None,
            run: Some(run),
            created_at: now,
            decided_at: None,
        })
        .collect()
}

/// Why an entry is not carried out although it was approved.
pub(crate) const MOVED: &str =
    "changed since the plan was made; plan again to see what is left to do";

/// Whether what an entry stands on has changed since.
fn has_moved(job: &Job, entry: &PlanEntry, link: Option<&Link>, target_is_linked: bool) -> bool {
    let is_same_pair = link.is_some_and(|link| Some(&link.target_key) == entry.target_key.as_ref());
    match (entry.action, entry.side) {
        (PlanAction::Create, Side::Source) => target_is_linked,
        // Where a changed record is added anew, it is what it was added as before that counts.
        (PlanAction::Create, Side::Target) => match (link, &entry.before) {
            (Some(link), Some(before)) => {
                job.document.mode != WriteMode::Append || link.shadow != *before
            }
            (link, before) => link.is_some() || before.is_some(),
        },
        (PlanAction::Delete, _) => !is_same_pair,
        (PlanAction::Update, side) if job.back.is_some() => {
            let Some(link) = link.filter(|_| is_same_pair) else {
                // Two that meet for the first time have no link yet.
                return link.is_some() || target_is_linked;
            };
            let on_target = link.on_target();
            match side {
                Side::Target => has_other_values(entry, &on_target),
                Side::Source => plan::differences(&entry.mapped, &on_target).0.is_empty(),
            }
        }
        (PlanAction::Update, _) => link.map_or(target_is_linked, |link| {
            let on_target = link.on_target();
            !is_same_pair
                || plan::differences(&entry.mapped, &on_target).0 != entry.fields
                || has_other_values(entry, &on_target)
        }),
        _ => false,
    }
}

/// Whether a field that is to be written is known to have another value by now than the plan saw.
fn has_other_values(entry: &PlanEntry, on_target: &Object) -> bool {
    let empty = Object::new();
    let before = entry.before.as_ref().unwrap_or(&empty);
    entry.fields.iter().any(|(name, _)| {
        // A field in which the two never agreed has no shadow.
        on_target
            .get(name)
            .is_some_and(|now| !plan::agrees(now, before.get(name)))
    })
}
