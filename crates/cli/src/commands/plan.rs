//! Plans: making, showing, applying.

use api::views::{
    PlanAction, PlanDetail, PlanEntries, PlanEntryView, PlanKind, PlanStarted, PlanState, Started,
};
use api::{ApiError, App};
use model::ids::PlanId;
use model::sync::Side;
use serde_json::{Value, json};

use crate::arguments::{Apply, Plan, Shown};
use crate::commands::run::{end_of, follow, tell};
use crate::failure::{End, Failure};
use crate::hosts::Terminal;
use crate::output::{Output, clean, clip};
use crate::signals::wanted_to_end;
use crate::workspace::{self, Workspace, ask, find_sync};

pub(crate) async fn plan(
    workspace: &Workspace,
    wanted: Plan,
    output: &Output,
) -> Result<End, Failure> {
    let app = workspace.open(Terminal).await?;
    let result = planned(&app, &wanted, output).await;
    workspace::close(app).await;
    result
}

async fn planned(app: &App, wanted: &Plan, output: &Output) -> Result<End, Failure> {
    let sync = find_sync(app, &wanted.sync).await?;
    let started: PlanStarted = ask(app, "start_plan", json!({"sync": sync.id})).await?;
    show(app, started.plan, &wanted.shown, output).await
}

/// Waits until a plan is made, shows it, and carries it out if that is wanted and no guard holds it.
pub(crate) async fn show(
    app: &App,
    plan: PlanId,
    wanted: &Shown,
    output: &Output,
) -> Result<End, Failure> {
    let Some(plan) = made(app, plan, output).await? else {
        return Ok(End::Stopped);
    };
    if let Some(problem) = &plan.problem {
        return Err(Failure::invalid(
            problem.message.clone(),
            problem.hint.clone().unwrap_or_default(),
        ));
    }
    let mut entries: PlanEntries = ask(
        app,
        "list_plan_entries",
        json!({"plan": plan.id, "actions": [], "search": "", "from": 0, "limit": wanted.limit}),
    )
    .await?;
    // The core gives one at least.
    entries.entries.truncate(wanted.limit as usize);
    if wanted.apply && plan.warnings.is_empty() {
        output.note(&describe(&plan, &entries));
        let started: Started = ask(app, "apply_plan", json!({"plan": plan.id})).await?;
        let run = follow(app, started.run, output).await?;
        output.answer(
            &json!({"plan": plan, "entries": entries.entries, "run": run}),
            || {
                format!(
                    "{}: run {} {}\n{}",
                    clean(&run.summary.sync_name),
                    run.summary.id,
                    run.summary.state.as_str(),
                    run.equation
                )
            },
        )?;
        return Ok(end_of(&run, output));
    }
    output.answer(
        &json!({"plan": plan, "entries": entries.entries, "total": entries.total}),
        || {
            let next = match has_something_to_do(&plan) {
                true => format!("Nothing was written. To do it: patchbay apply {}", plan.id),
                false => "There is nothing to do.".into(),
            };
            format!("{}\n{next}", describe(&plan, &entries))
        },
    )?;
    Ok(if wanted.apply { End::Waits } else { End::Done })
}

pub(crate) async fn apply(
    workspace: &Workspace,
    wanted: Apply,
    output: &Output,
) -> Result<End, Failure> {
    let app = workspace.open(Terminal).await?;
    let result = async {
        let started: Started = ask(&app, "apply_plan", json!({"plan": wanted.plan})).await?;
        let detail = follow(&app, started.run, output).await?;
        tell(&detail, output)
    }
    .await;
    workspace::close(app).await;
    result
}

/// Waits until a plan is made; none when the person stopped it.
async fn made(app: &App, plan: PlanId, output: &Output) -> Result<Option<PlanDetail>, Failure> {
    output.progress("Reading and comparing…");
    let stopped = tokio::select! {
        made = app.engine().wait_plan(plan) => {
            made.map_err(ApiError::from)?;
            false
        }
        () = wanted_to_end() => true,
    };
    output.progress_ends();
    if stopped {
        let _: Value = ask(app, "discard_plan", json!({"plan": plan})).await?;
        output.note("Stopped. Nothing was written.");
        return Ok(None);
    }
    let detail: PlanDetail = ask(app, "get_plan", json!({"plan": plan})).await?;
    debug_assert!(detail.state != PlanState::Building, "it was waited for");
    Ok(Some(detail))
}

/// Whether applying a plan writes or remembers something.
fn has_something_to_do(plan: &PlanDetail) -> bool {
    let counts = &plan.counts;
    let writes = counts.create + counts.update + counts.delete;
    match plan.kind {
        PlanKind::Run => writes > 0 || counts.read > counts.unchanged,
        PlanKind::Undo => writes + counts.conflict > 0,
        PlanKind::Purge => writes > 0,
        PlanKind::Decisions | PlanKind::Relink => true,
    }
}

fn describe(plan: &PlanDetail, entries: &PlanEntries) -> String {
    let counts = &plan.counts;
    let mut text = format!(
        "{}: plan {}\n{} read: {} to create, {} to update, {} to delete, {} unchanged, {} filtered, {} invalid, {} held, {} in conflict\n",
        clean(&plan.sync_name),
        plan.id,
        counts.read,
        counts.create,
        counts.update,
        counts.delete,
        counts.unchanged,
        counts.filtered,
        counts.invalid,
        counts.held,
        counts.conflict
    );
    for warning in &plan.warnings {
        text.push_str(&format!("A guard would hold it: {}\n", clean(warning)));
    }
    for entry in &entries.entries {
        text.push('\n');
        text.push_str(&describe_entry(entry));
    }
    let rest = entries.total.saturating_sub(entries.entries.len() as u64);
    if rest > 0 && !entries.entries.is_empty() {
        text.push_str(&format!("\n… and {rest} more: --limit shows up to 500.\n"));
    }
    text
}

fn describe_entry(entry: &PlanEntryView) -> String {
    let mark = match entry.action {
        PlanAction::Create => "+",
        PlanAction::Update => "~",
        PlanAction::Delete => "-",
        PlanAction::Unchanged => "=",
        PlanAction::Filtered | PlanAction::Invalid | PlanAction::Held | PlanAction::Conflict => "!",
    };
    let side = match entry.side {
        Side::Target => "",
        Side::Source => "  on the source",
    };
    let mut text = format!(
        "{mark} {}  ({}){side}\n",
        clip(&entry.title, 80),
        clip(&entry.source_key, 60)
    );
    if let Some(problem) = &entry.problem {
        text.push_str(&format!("    {}\n", clean(problem)));
        return text;
    }
    for field in &entry.fields {
        let after = value(field.after.as_ref());
        let change = match (entry.action, &field.before) {
            (PlanAction::Update, before) => format!("{} → {after}", value(before.as_ref())),
            _ => after,
        };
        text.push_str(&format!("    {}: {change}\n", field.path));
    }
    text
}

fn value(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "∅".to_owned(),
        Some(Value::String(text)) => clip(text, 60),
        Some(other) => clip(&other.to_string(), 60),
    }
}
