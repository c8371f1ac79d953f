//! What there is and how it is, for reading.

use std::io::Write as _;

use api::App;
use api::views::{
    AppStatus, ConnectionHealth, ConnectionSummary, ExportedSync, NeedsYouAction, Overview,
    RunRecords, RunSummary, SyncState, SyncSummary,
};
use serde_json::json;

use crate::arguments::{Export, Log, Runs};
use crate::failure::{End, Failure};
use crate::hosts::Terminal;
use crate::output::{Output, clean, clip, row, table, time};
use crate::workspace::{self, Workspace, ask, find_sync};

pub(crate) async fn connections(workspace: &Workspace, output: &Output) -> Result<End, Failure> {
    let app = workspace.open(Terminal).await?;
    let answer: Result<Vec<ConnectionSummary>, Failure> =
        ask(&app, "list_connections", json!({})).await;
    workspace::close(app).await;
    let answer = answer?;
    output.answer(&answer, || match answer.as_slice() {
        [] => "There are no connections yet: patchbay connect harbor".to_owned(),
        all => connections_table(all),
    })?;
    Ok(End::Done)
}

fn connections_table(connections: &[ConnectionSummary]) -> String {
    let mut rows = vec![row(["Connection", "Platform", "Account", "State", "Id"])];
    rows.extend(connections.iter().map(|connection| {
        vec![
            connection.name.clone(),
            connection.connector_name.clone(),
            connection.account.clone().unwrap_or_default(),
            health(&connection.health),
            connection.id.to_string(),
        ]
    }));
    table(&rows)
}

fn health(health: &ConnectionHealth) -> String {
    match health {
        ConnectionHealth::Well => "well".to_owned(),
        ConnectionHealth::Untested => "not tested".to_owned(),
        ConnectionHealth::Slowed { reason } => format!("slow: {reason}"),
        ConnectionHealth::Unavailable { reason } => format!("does not answer: {reason}"),
        ConnectionHealth::SignInNeeded { reason } => format!("sign in again: {reason}"),
    }
}

pub(crate) async fn syncs(workspace: &Workspace, output: &Output) -> Result<End, Failure> {
    let app = workspace.open(Terminal).await?;
    let answer: Result<Vec<SyncSummary>, Failure> = ask(&app, "list_syncs", json!({})).await;
    workspace::close(app).await;
    let answer = answer?;
    output.answer(&answer, || match answer.as_slice() {
        [] => "There are no syncs yet: make one in the window (patchbay serve --open).".to_owned(),
        all => syncs_table(all),
    })?;
    Ok(End::Done)
}

fn syncs_table(syncs: &[SyncSummary]) -> String {
    let mut rows = vec![row(["Sync", "From", "To", "State", "Last run", "Id"])];
    rows.extend(syncs.iter().map(|sync| {
        let side =
            |side: &api::views::SideView| format!("{}: {}", side.connection_name, side.stream);
        vec![
            sync.name.clone(),
            side(&sync.source),
            side(&sync.target),
            state(&sync.state),
            sync.recent_runs
                .last()
                .map(|run| time(run.started_at))
                .unwrap_or_default(),
            sync.id.to_string(),
        ]
    }));
    table(&rows)
}

fn state(state: &SyncState) -> String {
    match state {
        SyncState::Draft => "draft".to_owned(),
        SyncState::Ready => "never run".to_owned(),
        SyncState::Running { .. } => "at work".to_owned(),
        SyncState::Healthy => "well".to_owned(),
        SyncState::Waiting { reason, .. } => format!("waits for you: {}", clip(reason, 60)),
        SyncState::Failing { reason, .. } => format!("failed: {}", clip(reason, 60)),
    }
}

pub(crate) async fn status(workspace: &Workspace, output: &Output) -> Result<End, Failure> {
    let app = workspace.open(Terminal).await?;
    let result = async {
        let status: AppStatus = ask(&app, "get_app_status", json!({})).await?;
        let overview: Overview = ask(&app, "get_overview", json!({})).await?;
        Ok::<_, Failure>((status, overview))
    }
    .await;
    workspace::close(app).await;
    let (status, overview) = result?;
    output.answer(&json!({"status": status, "overview": overview}), || {
        describe(&status, &overview)
    })?;
    Ok(End::Done)
}

fn describe(status: &AppStatus, overview: &Overview) -> String {
    let mut text = format!(
        "Patchbay {}\nWorkspace  {}\nSecrets    {}\n",
        status.version,
        clean(&status.data_dir),
        clean(&status.secrets_backend)
    );
    for note in &status.notes {
        text.push_str(&format!("Note       {}\n", clean(&note.message)));
    }
    if overview.needs_you.is_empty() {
        text.push_str("\nNothing waits for you.\n");
    } else {
        text.push_str("\nWaits for you\n");
        for item in &overview.needs_you {
            text.push_str(&format!(
                "  {}\n    {}\n",
                clean(&item.title),
                clean(&item.detail)
            ));
            match &item.action {
                NeedsYouAction::Reconnect { connection } => {
                    let connector = overview
                        .connections
                        .iter()
                        .find(|known| known.id == *connection)
                        .map_or("CONNECTOR", |known| known.connector.as_str());
                    text.push_str(&format!(
                        "    patchbay connect {connector} --reconnect {connection}\n"
                    ));
                }
                NeedsYouAction::OpenRun { run } => {
                    text.push_str(&format!("    patchbay log --run {run}\n"));
                }
                NeedsYouAction::OpenRecords { sync } => {
                    text.push_str(&format!("    patchbay log --sync {sync} --unwritten\n"));
                }
                NeedsYouAction::OpenConflicts { sync } => {
                    text.push_str(&format!("    patchbay conflicts {sync}\n"));
                }
                NeedsYouAction::OpenMapping { sync } | NeedsYouAction::OpenPlan { sync } => {
                    text.push_str(&format!("    patchbay plan {sync}\n"));
                }
            }
        }
    }
    if !overview.connections.is_empty() {
        text.push('\n');
        text.push_str(&connections_table(&overview.connections));
    }
    if !overview.syncs.is_empty() {
        text.push('\n');
        text.push_str(&syncs_table(&overview.syncs));
        text.push_str(&format!(
            "\nLast 24 hours: {} runs, {} created, {} updated\n",
            overview.runs_last_day, overview.last_day.created, overview.last_day.updated
        ));
    }
    text
}

pub(crate) async fn runs(
    workspace: &Workspace,
    wanted: Runs,
    output: &Output,
) -> Result<End, Failure> {
    let app = workspace.open(Terminal).await?;
    let result = async {
        let sync = meant(&app, wanted.sync.as_deref()).await?;
        let request = json!({"sync": sync, "states": [], "before": null, "limit": wanted.limit});
        ask::<Vec<RunSummary>>(&app, "list_runs", request).await
    }
    .await;
    workspace::close(app).await;
    let runs = result?;
    output.answer(&runs, || {
        let mut rows = vec![row([
            "Started",
            "Sync",
            "State",
            "Read",
            "Created",
            "Updated",
            "Not written",
            "Run",
        ])];
        rows.extend(runs.iter().map(|run| {
            let counts = &run.counts;
            vec![
                time(run.started_at),
                run.sync_name.clone(),
                run.state.as_str().to_owned(),
                counts.read.to_string(),
                counts.created.to_string(),
                counts.updated.to_string(),
                (counts.invalid + counts.rejected + counts.held + counts.conflict).to_string(),
                run.id.to_string(),
            ]
        }));
        table(&rows)
    })?;
    Ok(End::Done)
}

async fn meant(app: &App, sync: Option<&str>) -> Result<Option<model::ids::SyncId>, Failure> {
    match sync {
        Some(sync) => Ok(Some(find_sync(app, sync).await?.id)),
        None => Ok(None),
    }
}

pub(crate) async fn log(
    workspace: &Workspace,
    wanted: Log,
    output: &Output,
) -> Result<End, Failure> {
    let app = workspace.open(Terminal).await?;
    let result = async {
        let sync = meant(&app, wanted.sync.as_deref()).await?;
        let mut after: Option<String> = None;
        loop {
            let request = json!({
                "run": wanted.run,
                "sync": sync,
                "outcomes": wanted.outcome,
                "search": wanted.search,
                "unwritten": wanted.unwritten,
                "after": after,
                "limit": wanted.limit,
            });
            let page: RunRecords = ask(&app, "list_run_records", request).await?;
            // A long search answers before it has found something.
            if page.next.is_none() || !page.records.is_empty() {
                return Ok::<_, Failure>(page);
            }
            after = page.next;
        }
    }
    .await;
    workspace::close(app).await;
    let records = result?;
    output.answer(&records, || {
        let mut rows = vec![row([
            "Time", "Outcome", "Record", "Source", "Target", "Why",
        ])];
        rows.extend(records.records.iter().map(|record| {
            vec![
                time(record.at),
                record.outcome.as_str().to_owned(),
                clip(&record.title, 48),
                clip(&record.source_key, 24),
                clip(record.target_key.as_deref().unwrap_or_default(), 24),
                clip(record.message.as_deref().unwrap_or_default(), 100),
            ]
        }));
        let more = if records.next.is_some() {
            "… and more: --limit shows up to 500.\n"
        } else {
            ""
        };
        format!("{}{more}", table(&rows))
    })?;
    Ok(End::Done)
}

pub(crate) async fn export(
    workspace: &Workspace,
    wanted: Export,
    output: &Output,
) -> Result<End, Failure> {
    let app = workspace.open(Terminal).await?;
    let result = async {
        let sync = find_sync(&app, &wanted.sync).await?;
        ask::<ExportedSync>(&app, "export_sync", json!({"sync": sync.id})).await
    }
    .await;
    workspace::close(app).await;
    let file = result?;
    match wanted.output {
        None => output.answer(&file, || file.text.clone())?,
        Some(path) => {
            std::fs::File::create_new(&path)
                .and_then(|mut made| made.write_all(file.text.as_bytes()))
                .map_err(|error| {
                    Failure::invalid(
                        format!("{} could not be written: {error}.", path.display()),
                        "Name a file that is not there yet, in a folder that you may write to.",
                    )
                })?;
            output.answer(&json!({"file": path}), || {
                format!("Written to {}", path.display())
            })?;
        }
    }
    Ok(End::Done)
}
