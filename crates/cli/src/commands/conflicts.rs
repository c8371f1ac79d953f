//! What needs a person: conflicts, records that were not written, runs that are taken back.

use api::App;
use api::views::{
    ConflictCounts, ConflictPage, ConflictView, PausedCount, PlanStarted, RunDetail, Started,
    SyncSummary,
};
use model::conflict::Decision;
use model::ids::ConflictId;
use serde_json::{Value, json};

use crate::arguments::{Conflicts, Over, Pause, Retry, StartOver, Take, Undo};
use crate::commands::plan::show;
use crate::commands::run::{follow, tell};
use crate::failure::{End, Failure};
use crate::hosts::Terminal;
use crate::output::{Output, clean, clip, counted};
use crate::workspace::{self, Workspace, ask, find_sync};

/// The most that the core takes at once.
const DECIDED_TOGETHER: u32 = 500;

pub(crate) async fn undo(
    workspace: &Workspace,
    wanted: Undo,
    output: &Output,
) -> Result<End, Failure> {
    let app = workspace.open(Terminal).await?;
    let result = async {
        let request = json!({"run": wanted.run, "seqs": wanted.seqs, "fields": wanted.fields});
        let started: PlanStarted = ask(&app, "start_undo", request).await?;
        show(&app, started.plan, &wanted.shown, output).await
    }
    .await;
    workspace::close(app).await;
    result
}

pub(crate) async fn start_over(
    workspace: &Workspace,
    wanted: StartOver,
    output: &Output,
) -> Result<End, Failure> {
    let app = workspace.open(Terminal).await?;
    let result = async {
        let sync = find_sync(&app, &wanted.sync).await?;
        let what = match wanted.what {
            Over::Cursor => "cursor",
            Over::Links => "links",
            Over::Purge => "purge",
        };
        let request = json!({"sync": sync.id, "what": what});
        let started: PlanStarted = ask(&app, "start_over", request).await?;
        show(&app, started.plan, &wanted.shown, output).await
    }
    .await;
    workspace::close(app).await;
    result
}

pub(crate) async fn retry(
    workspace: &Workspace,
    wanted: Retry,
    output: &Output,
) -> Result<End, Failure> {
    let app = workspace.open(Terminal).await?;
    let result = async {
        let sync = find_sync(&app, &wanted.sync).await?;
        if let Some(run) = wanted.run {
            let of_run: RunDetail = ask(&app, "get_run", json!({"run": run})).await?;
            if of_run.summary.sync != sync.id {
                return Err(Failure::invalid(
                    format!("That run is one of \"{}\".", of_run.summary.sync_name),
                    "Name that sync, or another run: `patchbay runs` lists them.",
                ));
            }
        }
        let started: Started = match (wanted.run, wanted.record) {
            (Some(run), Some(seq)) if !wanted.set.is_empty() => {
                let fields = edited(&wanted.set)?;
                let request = json!({"run": run, "seq": seq, "fields": fields});
                ask(&app, "resend_record", request).await?
            }
            (Some(run), record) => {
                let mapping = match wanted.mapping_of_then {
                    true => "then",
                    false => "today",
                };
                let seqs: Vec<u64> = record.into_iter().collect();
                let request = json!({"run": run, "seqs": seqs, "mapping": mapping});
                ask(&app, "retry_records", request).await?
            }
            (None, _) => ask(&app, "retry_unwritten", json!({"sync": sync.id})).await?,
        };
        let detail = follow(&app, started.run, output).await?;
        tell(&detail, output)
    }
    .await;
    workspace::close(app).await;
    result
}

/// Values as a person types them: JSON where it is JSON, else text.
fn edited(assignments: &[String]) -> Result<serde_json::Map<String, Value>, Failure> {
    let fields = assignments.iter().map(|assignment| {
        let (field, value) = assignment.split_once('=').ok_or_else(|| {
            Failure::invalid(
                format!("\"{assignment}\" is no field with a value."),
                "Write it as FIELD=VALUE, such as --set name=Ada.",
            )
        })?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
        Ok((field.to_owned(), value))
    });
    fields.collect()
}

pub(crate) async fn pause(
    workspace: &Workspace,
    wanted: Pause,
    is_paused: bool,
    output: &Output,
) -> Result<End, Failure> {
    let app = workspace.open(Terminal).await?;
    let result = async {
        let sync = find_sync(&app, &wanted.sync).await?;
        if wanted.keys.is_empty() {
            let request = json!({"sync": sync.id, "is_paused": is_paused});
            let now: SyncSummary = ask(&app, "pause_sync", request).await?;
            output.answer(&now, || {
                let what = match (now.is_paused, now.every_minutes) {
                    (true, _) => "does not run by itself until it is resumed",
                    (false, Some(_)) => "runs by itself again, when its time comes",
                    (false, None) => "is not paused; it runs when you start it",
                };
                format!("{}: {what}", clean(&now.name))
            })?;
            return Ok(End::Done);
        }
        let request = json!({
            "sync": sync.id,
            "source_keys": wanted.keys,
            "is_paused": is_paused,
        });
        let changed: PausedCount = ask(&app, "pause_records", request).await?;
        let n = changed.records;
        if n == 0 {
            return Err(Failure::invalid(
                "None of these records is paused.",
                "Keys are those of the source; see them with: patchbay log --sync NAME",
            ));
        }
        output.answer(&json!({"records": n, "is_paused": is_paused}), || {
            let what = match is_paused {
                true => "left alone until resumed",
                false => "taking part again from the next run on",
            };
            format!("{}: {} {what}", clean(&sync.name), counted(n, "record"))
        })?;
        Ok(End::Done)
    }
    .await;
    workspace::close(app).await;
    result
}

pub(crate) async fn conflicts(
    workspace: &Workspace,
    wanted: Conflicts,
    output: &Output,
) -> Result<End, Failure> {
    let app = workspace.open(Terminal).await?;
    let result = listed(&app, &wanted, output).await;
    workspace::close(app).await;
    result
}

async fn listed(app: &App, wanted: &Conflicts, output: &Output) -> Result<End, Failure> {
    let sync = match &wanted.sync {
        None => None,
        Some(name) => Some(find_sync(app, name).await?.id),
    };
    let page = |after: Option<ConflictId>, limit: u32| {
        json!({
            "sync": sync,
            "source_key": wanted.key,
            "field": wanted.field,
            "is_decided": null,
            "search": wanted.search,
            "after": after,
            "limit": limit,
        })
    };
    if let Some(decision) = decision(wanted)? {
        let n = decide(app, page, decision.as_ref(), wanted.always).await?;
        if n == 0 {
            return Err(Failure::invalid(
                "There is no such conflict, so nothing was decided.",
                "See which there are: patchbay conflicts",
            ));
        }
        output.note(&match decision {
            Some(_) => format!("{} decided.", counted(n, "conflict")),
            None => format!("{} open again.", counted(n, "conflict")),
        });
    }
    if let (true, Some(sync)) = (wanted.apply, sync) {
        let started: PlanStarted = ask(app, "start_decisions", json!({"sync": sync})).await?;
        let shown = crate::arguments::Shown {
            apply: true,
            limit: wanted.limit,
        };
        return show(app, started.plan, &shown, output).await;
    }
    let page: ConflictPage = ask(app, "list_conflicts", page(None, wanted.limit)).await?;
    output.answer(&page, || describe(&page))?;
    Ok(End::Done)
}

/// Chooses for all conflicts that fit, however many are shown. Returns how many those are.
async fn decide(
    app: &App,
    page: impl Fn(Option<ConflictId>, u32) -> Value,
    decision: Option<&Decision>,
    always: bool,
) -> Result<u64, Failure> {
    let mut n = 0;
    let mut after = None;
    loop {
        let request = page(after, DECIDED_TOGETHER);
        let found: ConflictPage = ask(app, "list_conflicts", request).await?;
        let ids: Vec<ConflictId> = found.conflicts.iter().map(|conflict| conflict.id).collect();
        if ids.is_empty() {
            return Ok(n);
        }
        after = ids.last().copied();
        n += ids.len() as u64;
        let chosen = json!({"ids": ids, "decision": decision, "always": always});
        let _: ConflictCounts = ask(app, "decide_conflicts", chosen).await?;
    }
}

/// The choice that was typed; an inner none takes a choice back.
fn decision(wanted: &Conflicts) -> Result<Option<Option<Decision>>, Failure> {
    if let Some(text) = &wanted.value {
        let value = serde_json::from_str(text).map_err(|error| {
            Failure::invalid(
                format!("The value is not JSON: {error}."),
                "Texts are written in quotes: --value '\"Ann\"'.",
            )
        })?;
        return Ok(Some(Some(Decision::Value { value })));
    }
    Ok(wanted.take.map(|take| match take {
        Take::Source => Some(Decision::Source),
        Take::Target => Some(Decision::Target),
        Take::Both => Some(Decision::KeepBoth),
        Take::None => None,
    }))
}

fn describe(page: &ConflictPage) -> String {
    if page.conflicts.is_empty() {
        return match page.total {
            0 => "Both sides agree: there are no conflicts.".into(),
            n => format!("None of {} fits.", counted(n, "conflict")),
        };
    }
    let mut text = format!(
        "{}, {} of them decided\n",
        counted(page.total, "conflict"),
        page.decided
    );
    for conflict in &page.conflicts {
        text.push_str(&describe_one(conflict));
    }
    if page.has_more {
        text.push_str("\n… and more: --limit shows up to 500.\n");
    }
    text
}

fn describe_one(conflict: &ConflictView) -> String {
    let value = |value: &Option<Value>| match value {
        None | Some(Value::Null) => "∅".to_owned(),
        Some(Value::String(text)) => clip(text, 60),
        Some(other) => clip(&other.to_string(), 60),
    };
    let chosen = match &conflict.decision {
        None => "not decided",
        Some(Decision::Source) => "the source counts",
        Some(Decision::Target) => "the target counts",
        Some(Decision::Value { .. }) => "a value of your own counts",
        Some(Decision::KeepBoth) => "both stay as they are",
    };
    format!(
        "\n{}  ({} ↔ {})  {}\n    {}\n    agreed: {}\n    {}: {}\n    {}: {}\n    {chosen}\n",
        clip(&conflict.title, 60),
        clip(&conflict.source_key, 40),
        clip(&conflict.target_key, 40),
        clean(&conflict.field),
        clean(&conflict.what),
        value(&conflict.base),
        clean(&conflict.source_name),
        value(&conflict.source),
        clean(&conflict.target_name),
        value(&conflict.target),
    )
}
