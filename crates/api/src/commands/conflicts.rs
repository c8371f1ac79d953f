//! Conflicts, undo, paused records, and starting over.

use std::collections::HashMap;

use model::conflict::{ConflictKind, Decision};
use model::ids::{ConflictId, SyncId};
use model::path::FieldPath;
use model::record::RecordKey;
use model::sync::{FieldRule, Policy};
use model::value::Value;
use store::conflicts::{Conflict, ConflictFilter};
use store::links::Link;

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
            let mut keys: HashMap<SyncId, Vec<RecordKey>> = HashMap::new();
            for conflict in &found {
                let of_sync = keys.entry(conflict.sync).or_default();
                of_sync.push(conflict.source_key.clone());
            }
            let mut names: HashMap<SyncId, Names> = HashMap::new();
            for (sync, keys) in keys {
                names.insert(sync, names_of(db, sync, &keys)?);
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

/// What people call a sync, its sides, and its records.
#[derive(Default)]
struct Names {
    sync: String,
    source: String,
    target: String,
    match_on: Vec<FieldPath>,
    links: HashMap<RecordKey, Link>,
}

fn names_of(db: &store::Connection, sync: SyncId, keys: &[RecordKey]) -> store::Result<Names> {
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
        match_on: document.match_on.clone(),
        links: store::links::get_many(db, sync, keys)?,
    })
}

fn view(conflict: Conflict, names: &HashMap<SyncId, Names>) -> ConflictView {
    let nobody = Names {
        sync: "a deleted sync".into(),
        source: "the source".into(),
        target: "the target".into(),
        ..Names::default()
    };
    let names = names.get(&conflict.sync).unwrap_or(&nobody);
    // Of a whole record, the values are the records themselves.
    let whole = [&conflict.target, &conflict.source, &conflict.base];
    let whole = whole.into_iter().flatten().filter_map(Value::as_object);
    let whole = whole.filter(|_| conflict.field.is_empty());
    let shadow = names.links.get(&conflict.source_key);
    let title = plans::title(
        whole.chain(shadow.map(|link| &link.shadow)),
        &names.match_on,
        &conflict.source_key,
    );
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
    let ids = request.ids.clone();
    let is_value = matches!(request.decision, Some(Decision::Value { .. }));
    if is_value || rule.is_some() {
        let found = app
            .engine()
            .store()
            .read(move |db| {
                let with_sync = |id: &ConflictId| {
                    let conflict = store::conflicts::get(db, *id)?;
                    let stored = store::syncs::get(db, conflict.sync)?;
                    Ok((conflict, syncs::current(&stored).two_way.is_some()))
                };
                ids.iter().map(with_sync).collect::<store::Result<Vec<_>>>()
            })
            .await?;
        for (conflict, is_two_way) in &found {
            refuse_impossible(conflict, *is_two_way, is_value)?;
        }
    }
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

/// Refuses a value of one's own, or a rule, where there can be none.
fn refuse_impossible(conflict: &Conflict, is_two_way: bool, is_value: bool) -> Result<()> {
    let is_whole = conflict.field.is_empty();
    match (is_value, is_whole) {
        (true, true) => Err(ApiError::invalid(
            "A whole record has no value of its own.",
            "Choose a side, or keep both.",
        )),
        (true, false) => Ok(()),
        (false, true) => Err(ApiError::invalid(
            "Only a field can have a rule, not a whole record.",
            "Choose a side without \"always\".",
        )),
        (false, false) if conflict.kind == ConflictKind::Undo => Err(ApiError::invalid(
            "What is taken back cannot become a rule.",
            "Choose a side without \"always\".",
        )),
        (false, false) if !is_two_way => Err(ApiError::invalid(
            "Only a sync that goes both ways has rules for its fields.",
            "Choose a side without \"always\".",
        )),
        (false, false) => Ok(()),
    }
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

pub(crate) async fn pause_records(app: &App, request: PauseRecords) -> Result<PausedCount> {
    let now = app.engine().clock().now();
    let records = app
        .engine()
        .store()
        .write(move |tx| {
            let keys: Vec<RecordKey> = request.source_keys.into_iter().map(RecordKey).collect();
            if request.is_paused {
                store::pauses::put_many(tx, request.sync, &keys, "by you", now)?;
                Ok(keys.len())
            } else {
                store::pauses::remove_many(tx, request.sync, &keys)
            }
        })
        .await?;
    Ok(PausedCount {
        records: records as u64,
    })
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

/// Makes the plan with which a sync starts over.
pub(crate) async fn start_over(app: &App, request: StartOverRequest) -> Result<PlanStarted> {
    let plan = app.engine().start_over(
        request.sync,
        match request.what {
            StartOver::Cursor => engine::StartOver::Cursor,
            StartOver::Links => engine::StartOver::Links,
            StartOver::Purge => engine::StartOver::Purge,
        },
    );
    Ok(PlanStarted { plan: plan.await? })
}
