//! Conflicts, undo, paused records, and starting over.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use model::conflict::{ConflictKind, Decision};
use model::ids::SyncId;
use model::path::FieldPath;
use model::record::RecordKey;
use model::sync::{FieldRule, Policy};
use model::value::Value;
use store::conflicts::{Conflict, ConflictFilter};

use crate::app::App;
use crate::commands::{plans, syncs};
use crate::error::ApiError;
#[allow(clippy::wildcard_imports, reason = "most views of a noun are used")]
use crate::views::*;

type Result<T> = std::result::Result<T, ApiError>;

/// Conflicts in one answer at most.
const PAGE: u32 = 500;

pub(crate) async fn list_conflicts(app: &App, request: ListConflicts) -> Result<ConflictPage> {
    let limit = request.limit.clamp(1, PAGE);
    let filter = ConflictFilter {
        sync: request.sync,
        source_key: request.source_key.map(RecordKey),
        field: request.field,
        is_decided: request.is_decided,
        text: Some(request.search),
    };
    let (after, sync) = (request.after, request.sync);
    let (mut found, count, names) = app
        .engine()
        .store()
        .read(move |db| {
            let found = store::conflicts::page(db, &filter, after, limit + 1)?;
            let mut names: HashMap<SyncId, Names> = HashMap::new();
            for conflict in &found {
                if let Entry::Vacant(place) = names.entry(conflict.sync) {
                    place.insert(names_of(db, conflict.sync)?);
                }
            }
            Ok((found, store::conflicts::count(db, sync)?, names))
        })
        .await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = found.len() > limit;
    found.truncate(limit);
    Ok(ConflictPage {
        conflicts: found
            .into_iter()
            .map(|conflict| view(conflict, &names))
            .collect(),
        has_more,
        total: count.total,
        decided: count.decided,
    })
}

/// What people call a sync and its sides.
struct Names {
    sync: String,
    source: String,
    target: String,
}

fn names_of(db: &store::Connection, sync: SyncId) -> store::Result<Names> {
    let stored = store::syncs::get(db, sync)?;
    let document = syncs::current(&stored);
    let name = |connection| match store::connections::get(db, connection) {
        Ok(connection) => connection.name,
        Err(_) => "a deleted connection".into(),
    };
    Ok(Names {
        sync: document.name.clone(),
        source: name(document.source.connection),
        target: name(document.target.connection),
    })
}

fn view(conflict: Conflict, names: &HashMap<SyncId, Names>) -> ConflictView {
    let nobody = Names {
        sync: "a deleted sync".into(),
        source: "the source".into(),
        target: "the target".into(),
    };
    let names = names.get(&conflict.sync).unwrap_or(&nobody);
    let record = conflict.target.as_ref().or(conflict.source.as_ref());
    let title = match record {
        Some(record @ Value::Object(_)) if conflict.field.is_empty() => {
            plans::title(record, &[], &conflict.source_key)
        }
        _ => conflict.source_key.to_string(),
    };
    let json = |value: Option<Value>| value.map(|value| value.to_serde());
    ConflictView {
        id: conflict.id,
        sync: conflict.sync,
        sync_name: names.sync.clone(),
        source_name: names.source.clone(),
        target_name: names.target.clone(),
        title,
        source_key: conflict.source_key.to_string(),
        target_key: conflict.target_key.to_string(),
        what: sentence_of(&conflict, names),
        field: conflict.field,
        kind: conflict.kind,
        base: json(conflict.base),
        source: json(conflict.source),
        target: json(conflict.target),
        decision: conflict.decision,
        created_at: conflict.created_at,
    }
}

fn sentence_of(conflict: &Conflict, names: &Names) -> String {
    let (source, target, field) = (&names.source, &names.target, &conflict.field);
    match conflict.kind {
        ConflictKind::BothChanged => {
            format!("{field} was changed in {source} and in {target} since they last agreed.")
        }
        ConflictKind::FirstMeeting => {
            format!("The record is in both, and {field} differs. They never agreed on it.")
        }
        ConflictKind::DeletedOnSource => {
            format!("The record was deleted in {source} and changed in {target}.")
        }
        ConflictKind::DeletedOnTarget => {
            format!("The record was deleted in {target} and changed in {source}.")
        }
        ConflictKind::Loop => format!(
            "{field} goes back and forth between the same two values: something in {source} or {target} undoes each change."
        ),
        ConflictKind::ReadOnly => {
            format!("{field} was changed on the side that does not decide over it.")
        }
        ConflictKind::NoWayBack => {
            format!("The value of {field} in {target} cannot be turned into one for {source}.")
        }
        ConflictKind::Undo => {
            "It does not hold any more what the run wrote that was taken back.".into()
        }
    }
}

pub(crate) async fn decide_conflicts(
    app: &App,
    request: DecideConflicts,
) -> Result<ConflictCounts> {
    let rule = match (&request.decision, request.always) {
        (_, false) => None,
        (Some(Decision::Source), true) => Some(Policy::Source),
        (Some(Decision::Target), true) => Some(Policy::Target),
        (_, true) => {
            return Err(ApiError::invalid(
                "Only a side can always be right.",
                "Choose a side, or decide without \"always\".",
            ));
        }
    };
    let now = app.engine().clock().now();
    let count = app
        .engine()
        .store()
        .write(move |tx| {
            for id in &request.ids {
                store::conflicts::decide(tx, *id, request.decision.as_ref(), now)?;
                let Some(policy) = rule else { continue };
                let conflict = store::conflicts::get(tx, *id)?;
                always(tx, &conflict, policy, now)?;
            }
            store::conflicts::count(tx, None)
        })
        .await?;
    Ok(ConflictCounts {
        total: count.total,
        decided: count.decided,
    })
}

/// Makes a choice the rule of its field, in what is in force and in what is being edited.
fn always(
    tx: &store::Transaction<'_>,
    conflict: &Conflict,
    policy: Policy,
    now: i64,
) -> store::Result<()> {
    let Ok(field) = conflict.field.parse::<FieldPath>() else {
        return Ok(());
    };
    let stored = store::syncs::get(tx, conflict.sync)?;
    let with_rule = |document: &model::sync::Sync| {
        let mut document = document.clone();
        let Some(two_way) = &mut document.two_way else {
            return document;
        };
        match two_way.fields.iter_mut().find(|rule| rule.field == field) {
            Some(rule) => rule.policy = Some(policy),
            None => two_way.fields.push(FieldRule {
                field: field.clone(),
                direction: model::sync::Direction::default(),
                policy: Some(policy),
                truth: None,
                back: None,
            }),
        }
        document
    };
    let document = with_rule(&stored.document);
    if document == stored.document {
        return Ok(());
    }
    let draft = stored.draft.as_ref().map(with_rule);
    store::syncs::publish(tx, conflict.sync, &document, now)?;
    if let Some(draft) = draft {
        store::syncs::save_draft(tx, conflict.sync, Some(&draft), now)?;
    }
    Ok(())
}

pub(crate) async fn start_decisions(app: &App, request: SyncRef) -> Result<PlanStarted> {
    Ok(PlanStarted {
        plan: app.engine().start_decisions(request.sync).await?,
    })
}

pub(crate) async fn start_undo(app: &App, request: StartUndo) -> Result<PlanStarted> {
    let selection = engine::undo::Selection {
        seqs: request.seqs,
        fields: request.fields,
    };
    Ok(PlanStarted {
        plan: app.engine().start_undo(request.run, selection).await?,
    })
}

pub(crate) async fn pause_records(app: &App, request: PauseRecords) -> Result<Nothing> {
    let now = app.engine().clock().now();
    app.engine()
        .store()
        .write(move |tx| {
            let keys: Vec<RecordKey> = request.source_keys.into_iter().map(RecordKey).collect();
            if request.is_paused {
                store::pauses::put_many(tx, request.sync, &keys, "by you", now)
            } else {
                store::pauses::remove_many(tx, request.sync, &keys).map(|_| ())
            }
        })
        .await?;
    Ok(Nothing {})
}

pub(crate) async fn list_paused(app: &App, request: ListPaused) -> Result<Vec<PausedRecord>> {
    let limit = request.limit.clamp(1, PAGE);
    let found = app
        .engine()
        .store()
        .read(move |db| {
            let after = request.after.map(RecordKey);
            store::pauses::page(db, request.sync, after.as_ref(), limit)
        })
        .await?;
    Ok(found
        .into_iter()
        .map(|pause| PausedRecord {
            source_key: pause.source_key.to_string(),
            reason: pause.reason,
            since: pause.since,
        })
        .collect())
}

/// Forgets how far, or which record is which. The next run makes a plan of everything first.
pub(crate) async fn start_over(app: &App, request: StartOverRequest) -> Result<PlanStarted> {
    let plan = app.engine().start_over(
        request.sync,
        match request.what {
            StartOver::Cursor => engine::StartOver::Cursor,
            StartOver::Links => engine::StartOver::Links,
        },
    );
    Ok(PlanStarted { plan: plan.await? })
}
