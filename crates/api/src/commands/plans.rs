//! Plans.

use std::sync::Arc;

use model::path::{FieldPath, Segment};
use model::record::RecordKey;
use model::sync::Side;
use model::value::{Object, Value};
use store::plans::{
    ActionCount, EntryFilter, Plan, PlanAction as StoredAction, PlanEntry, PlanKind as StoredKind,
    PlanState as StoredState,
};

use crate::app::App;
use crate::commands::syncs;
use crate::error::{ApiError, sentence, with_full_stop};
#[allow(clippy::wildcard_imports, reason = "most views of a noun are used")]
use crate::views::*;

type Result<T> = std::result::Result<T, ApiError>;

/// Entries in one answer at most.
const PAGE: u32 = 500;

pub(crate) async fn start_plan(app: &App, request: SyncRef) -> Result<PlanStarted> {
    Ok(PlanStarted {
        plan: app.engine().start_plan(request.sync).await?,
    })
}

pub(crate) async fn get_plan(app: &App, request: PlanRef) -> Result<PlanDetail> {
    let id = request.plan;
    let (plan, by_action, name) = app
        .engine()
        .store()
        .read(move |db| {
            let plan = store::plans::get(db, id)?;
            let by_action = store::plans::counts_by_action(db, id)?;
            let name = syncs::current(&store::syncs::get(db, plan.sync)?)
                .name
                .clone();
            Ok((plan, by_action, name))
        })
        .await?;
    let excluded = by_action
        .iter()
        .filter(|(action, _)| action.writes())
        .map(|(_, count)| left_out(*count))
        .sum();
    let excluded_deletes = by_action
        .get(&StoredAction::Delete)
        .map_or(0, |count| left_out(*count));
    let progress = app.engine().plan_progress(id);
    let counts = match (&progress, plan.state) {
        (Some(progress), StoredState::Building) => progress.counts,
        _ => plan.counts,
    };
    let (state, problem) = state_view(&plan, progress.is_some());
    Ok(PlanDetail {
        id,
        sync: plan.sync,
        sync_name: name,
        state,
        kind: match plan.kind {
            StoredKind::Run => PlanKind::Run,
            StoredKind::Undo(_) => PlanKind::Undo,
            StoredKind::Decisions => PlanKind::Decisions,
            StoredKind::Relink => PlanKind::Relink,
            StoredKind::Purge => PlanKind::Purge,
        },
        of_run: match plan.kind {
            StoredKind::Undo(run) => Some(run),
            _ => None,
        },
        created_at: plan.created_at,
        counts: PlanCounts {
            read: counts.read,
            create: counts.created,
            update: counts.updated,
            delete: counts.deleted,
            unchanged: counts.unchanged,
            filtered: counts.filtered,
            invalid: counts.invalid,
            held: counts.held,
            conflict: counts.conflict,
        },
        excluded,
        excluded_deletes,
        warnings: match plan.state {
            StoredState::Ready => plan.note.iter().map(|note| sentence(note)).collect(),
            _ => Vec::new(),
        },
        problem,
        waiting: progress.and_then(|progress| progress.waiting),
    })
}

fn left_out(count: ActionCount) -> u64 {
    count.total.saturating_sub(count.included)
}

fn state_view(plan: &Plan, is_moving: bool) -> (PlanState, Option<Note>) {
    let failed = |words: &str, hint: &str| {
        let note = Note {
            severity: NoteSeverity::Error,
            message: sentence(words),
            hint: Some(hint.into()),
        };
        (PlanState::Failed, Some(note))
    };
    match (plan.state, &plan.note) {
        (StoredState::Building, _) if is_moving => (PlanState::Building, None),
        (StoredState::Building, _) => failed(
            "Patchbay ended while this plan was being made",
            "Nothing was written; make a new plan.",
        ),
        (StoredState::Ready, _) => (PlanState::Ready, None),
        (StoredState::Applied, _) => (PlanState::Applied, None),
        (StoredState::Discarded, Some(words)) => failed(
            words,
            "Nothing was written; make a new plan when it is mended.",
        ),
        (StoredState::Discarded, None) => (PlanState::Discarded, None),
        (StoredState::Stale, _) => failed(
            "The sync was changed or has run since this plan was made",
            "Make a new plan to see what is left to do.",
        ),
    }
}

pub(crate) async fn list_plan_entries(app: &App, request: ListPlanEntries) -> Result<PlanEntries> {
    let limit = request.limit.clamp(1, PAGE) as usize;
    let from = usize::try_from(request.from).unwrap_or(usize::MAX);
    let mut actions: Vec<StoredAction> = if request.actions.is_empty() {
        StoredAction::ALL
            .into_iter()
            .filter(|action| *action != StoredAction::Unchanged)
            .collect()
    } else {
        request
            .actions
            .iter()
            .map(|action| stored_action(*action))
            .collect()
    };
    actions.sort_unstable();
    actions.dedup();
    let filter = EntryFilter {
        actions,
        text: request.search,
    };
    let inner = Arc::clone(&app.0);
    let (entries, total, match_on, links) = app
        .engine()
        .store()
        .read(move |db| {
            let plan = store::plans::get(db, request.plan)?;
            let match_on = syncs::current(&store::syncs::get(db, plan.sync)?)
                .match_on
                .clone();
            let places = inner
                .plan_lists
                .places(db, request.plan, plan.state, &filter)?;
            let wanted = places.get(from..).unwrap_or_default();
            let wanted = wanted.get(..limit).unwrap_or(wanted);
            let entries = store::plans::entries_at(db, request.plan, wanted)?;
            // What both sides agreed on tells what a record is called of which little or nothing is written.
            let unnamed: Vec<RecordKey> = entries
                .iter()
                .filter(|entry| entry.action == StoredAction::Delete || !is_named(entry, &match_on))
                .map(|entry| entry.source_key.clone())
                .collect();
            let links = store::links::get_many(db, plan.sync, &unnamed)?;
            Ok((entries, places.len(), match_on, links))
        })
        .await?;
    Ok(PlanEntries {
        entries: entries
            .into_iter()
            .map(|entry| {
                let shadow = links.get(&entry.source_key).map(|link| &link.shadow);
                entry_view(entry, &match_on, shadow)
            })
            .collect(),
        total: total as u64,
    })
}

fn stored_action(action: PlanAction) -> StoredAction {
    match action {
        PlanAction::Create => StoredAction::Create,
        PlanAction::Update => StoredAction::Update,
        PlanAction::Delete => StoredAction::Delete,
        PlanAction::Unchanged => StoredAction::Unchanged,
        PlanAction::Filtered => StoredAction::Filtered,
        PlanAction::Invalid => StoredAction::Invalid,
        PlanAction::Held => StoredAction::Held,
        PlanAction::Conflict => StoredAction::Conflict,
    }
}

fn is_named(entry: &PlanEntry, match_on: &[FieldPath]) -> bool {
    name_in(&entry.mapped, match_on).is_some()
}

fn entry_view(entry: PlanEntry, match_on: &[FieldPath], shadow: Option<&Object>) -> PlanEntryView {
    let fields = match (entry.action, shadow) {
        // A deletion sends nothing; what goes is what was there.
        (StoredAction::Delete, Some(shadow))
            if entry.fields.is_empty() && entry.side == Side::Target =>
        {
            shadow
                .iter()
                .map(|(name, value)| FieldChange {
                    path: FieldPath::of(name),
                    before: Some(value.to_serde()),
                    after: None,
                })
                .collect()
        }
        (StoredAction::Conflict, _) if entry.fields.get("").is_none() => both_say(&entry),
        _ => field_changes(entry.before.as_ref(), &entry.fields),
    };
    let known = [Some(&entry.mapped), entry.before.as_ref(), shadow];
    let title = title(known.into_iter().flatten(), match_on, &entry.source_key);
    PlanEntryView {
        seq: entry.seq,
        title,
        source_key: entry.source_key.to_string(),
        target_key: entry.target_key.map(|key| key.to_string()),
        action: match entry.action {
            StoredAction::Create => PlanAction::Create,
            StoredAction::Update => PlanAction::Update,
            StoredAction::Delete => PlanAction::Delete,
            StoredAction::Unchanged => PlanAction::Unchanged,
            StoredAction::Filtered => PlanAction::Filtered,
            StoredAction::Invalid => PlanAction::Invalid,
            StoredAction::Held => PlanAction::Held,
            StoredAction::Conflict => PlanAction::Conflict,
        },
        side: entry.side,
        fields,
        problem: entry.problem.as_deref().map(problem_words),
        included: entry.is_included,
    }
}

/// What is wrong with a record, as it is kept: the field, a colon, and what is wrong with it.
fn problem_words(problem: &str) -> String {
    match problem.split_once(": ") {
        Some((field, words)) if words.starts_with(&format!("\"{field}\"")) => sentence(words),
        Some((field, _)) if !field.contains(' ') => with_full_stop(problem.to_owned()),
        _ => sentence(problem),
    }
}

/// What a person would call a record: its match value in the first of these that has one, else its key.
pub(crate) fn title<'a>(
    known: impl IntoIterator<Item = &'a Object>,
    match_on: &[FieldPath],
    key: &RecordKey,
) -> String {
    known
        .into_iter()
        .find_map(|record| name_in(record, match_on))
        .unwrap_or_else(|| key.to_string())
}

fn name_in(record: &Object, match_on: &[FieldPath]) -> Option<String> {
    let at = |path: &FieldPath| match path.segments().split_first()? {
        (Segment::Name(first), rest) => record
            .get(first)?
            .at(&FieldPath::from_segments(rest.to_vec()))
            .and_then(RecordKey::from_value),
        _ => None,
    };
    match_on.iter().find_map(at).map(|key| key.0)
}

/// Field by field, down to the leaves.
pub(crate) fn field_changes(before: Option<&Object>, after: &Object) -> Vec<FieldChange> {
    fn visit(path: &FieldPath, before: Option<&Value>, after: &Value, out: &mut Vec<FieldChange>) {
        if let Value::Object(members) = after
            && !members.is_empty()
        {
            let none = Object::new();
            let had = before.and_then(Value::as_object).unwrap_or(&none);
            for (name, member) in members.iter() {
                visit(&path.child(name), had.get(name), member, out);
            }
            return;
        }
        if before.is_some_and(|before| before.same_as(after)) {
            return;
        }
        out.push(FieldChange {
            path: path.clone(),
            before: before.map(Value::to_serde),
            after: Some(after.to_serde()),
        });
    }
    let mut out = Vec::new();
    for (name, value) in after.iter() {
        let had = before.and_then(|before| before.get(name));
        if let ("", Value::Object(whole)) = (name, value) {
            out.extend(whole_changes(had.and_then(Value::as_object), whole));
            continue;
        }
        visit(&FieldPath::of(name), had, value, &mut out);
    }
    out
}

/// What each side says where they do not agree: the source's value, then the target's.
fn both_say(entry: &PlanEntry) -> Vec<FieldChange> {
    let value = |name: &str, of: &Object| of.get(name).map(Value::to_serde);
    let names = entry.fields.iter().map(|(name, _)| name);
    names
        .map(|name| FieldChange {
            path: FieldPath::of(name),
            before: value(name, &entry.mapped),
            after: value(name, &entry.fields),
        })
        .collect()
}

/// What became of a record that is told as a whole: of what was written into it, if that is known.
fn whole_changes(wrote: Option<&Object>, now: &Object) -> Vec<FieldChange> {
    let Some(wrote) = wrote else {
        return field_changes(None, now);
    };
    let touched = now.iter().filter(|(name, _)| wrote.get(name).is_some());
    let touched: Object = touched
        .map(|(name, value)| (name.into(), value.clone()))
        .collect();
    field_changes(Some(wrote), &touched)
}

pub(crate) async fn include_plan_entries(
    app: &App,
    request: IncludePlanEntries,
) -> Result<PlanDetail> {
    let plan = request.plan;
    app.engine()
        .store()
        .write(move |tx| {
            if !request.seqs.is_empty() {
                store::plans::set_included(tx, plan, &request.seqs, request.included)?;
            } else if let Some(action) = request.action {
                store::plans::set_all_included(tx, plan, stored_action(action), request.included)?;
            }
            Ok(())
        })
        .await?;
    get_plan(app, PlanRef { plan }).await
}

pub(crate) async fn apply_plan(app: &App, request: PlanRef) -> Result<Started> {
    Ok(Started {
        run: app.engine().apply_plan(request.plan).await?,
    })
}

pub(crate) async fn discard_plan(app: &App, request: PlanRef) -> Result<Nothing> {
    app.engine().discard_plan(request.plan).await?;
    Ok(Nothing {})
}
