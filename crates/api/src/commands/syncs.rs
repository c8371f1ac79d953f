//! Syncs.

use std::collections::HashMap;

use model::ids::{ConnectionId, SyncId};
use model::mapping::Mapping;
use model::run::RunState;
use model::sync::{Sync, TwoWay, VERSION};
use store::connections::Connection;
use store::syncs::StoredSync;

use crate::app::App;
use crate::commands::{connections, runs};
use crate::error::{ApiError, Code};
#[allow(clippy::wildcard_imports, reason = "most views of a noun are used")]
use crate::views::*;

type Result<T> = std::result::Result<T, ApiError>;

/// Runs that the sparkline shows.
const RECENT: u32 = 24;

pub(crate) async fn list_syncs(app: &App, _: Nothing) -> Result<Vec<SyncSummary>> {
    let (rows, connections) = app
        .engine()
        .store()
        .read(|db| {
            let rows = store::syncs::list(db)?
                .into_iter()
                .map(|sync| {
                    let recent = recent_runs(db, sync.id)?;
                    Ok((sync, recent))
                })
                .collect::<store::Result<Vec<_>>>()?;
            Ok((rows, all_connections(db)?))
        })
        .await?;
    Ok(rows
        .into_iter()
        .map(|(sync, recent)| summary_view(app, &sync, recent, &connections))
        .collect())
}

fn recent_runs(db: &store::Connection, sync: SyncId) -> store::Result<Vec<store::runs::Run>> {
    let filter = store::runs::RunFilter {
        sync: Some(sync),
        before: None,
        limit: RECENT,
    };
    let mut recent = store::runs::list(db, &filter)?;
    recent.reverse();
    Ok(recent)
}

/// Those that are deleted too: a sync still names them.
fn all_connections(db: &store::Connection) -> store::Result<HashMap<ConnectionId, Connection>> {
    let mut all = store::connections::list(db)?;
    all.extend(store::connections::list_deleted(db)?);
    Ok(all
        .into_iter()
        .map(|connection| (connection.id, connection))
        .collect())
}

pub(crate) async fn summary_of(app: &App, sync: SyncId) -> Result<SyncSummary> {
    let (row, recent, connections) = app
        .engine()
        .store()
        .read(move |db| {
            Ok((
                store::syncs::get(db, sync)?,
                recent_runs(db, sync)?,
                all_connections(db)?,
            ))
        })
        .await?;
    Ok(summary_view(app, &row, recent, &connections))
}

fn summary_view(
    app: &App,
    sync: &StoredSync,
    recent: Vec<store::runs::Run>,
    connections: &HashMap<ConnectionId, Connection>,
) -> SyncSummary {
    let document = current(sync);
    let last = recent.last();
    let reason = |run: &store::runs::Run| run.reason.clone().unwrap_or_default();
    let state = match last {
        _ if !engine::is_published(sync) => SyncState::Draft,
        None => SyncState::Ready,
        Some(run) => match run.state {
            RunState::Queued | RunState::Running => SyncState::Running { run: run.id },
            RunState::Waiting => SyncState::Waiting {
                run: run.id,
                reason: reason(run),
            },
            RunState::Failed => SyncState::Failing {
                run: run.id,
                reason: reason(run),
            },
            RunState::Completed | RunState::Cancelled | RunState::Interrupted => SyncState::Healthy,
        },
    };
    let next_run_at = (engine::is_published(sync) && sync.is_enabled)
        .then(|| {
            engine::due_at(
                sync.document.every_minutes,
                last.map(|run| run.started_at),
                sync.updated_at,
            )
        })
        .flatten();
    let name = document.name.clone();
    SyncSummary {
        id: sync.id,
        source: side_view(app, &document.source, connections),
        target: side_view(app, &document.target, connections),
        mode: document.mode,
        is_two_way: document.two_way.is_some(),
        state,
        recent_runs: recent
            .iter()
            .map(|run| runs::summary_view(run, &name))
            .collect(),
        every_minutes: document.every_minutes.filter(|minutes| *minutes > 0),
        is_paused: engine::is_published(sync) && !sync.is_enabled,
        next_run_at,
        version: sync.version.saturating_sub(1),
        has_draft: sync.draft.is_some() || !engine::is_published(sync),
        name,
    }
}

fn side_view(
    app: &App,
    side: &model::sync::StreamRef,
    connections: &HashMap<ConnectionId, Connection>,
) -> SideView {
    let connection = connections.get(&side.connection);
    let manifest =
        connection.and_then(|connection| app.engine().platforms().connector(&connection.connector));
    SideView {
        connection: side.connection,
        connection_name: connection.map_or_else(
            || "a deleted connection".into(),
            |connection| connection.name.clone(),
        ),
        monogram: manifest
            .as_ref()
            .map_or_else(|| "?".into(), |manifest| manifest.platform.monogram.clone()),
        color: manifest.as_ref().map_or_else(
            || "#6b7280".into(),
            |manifest| manifest.platform.colour.clone(),
        ),
        stream_label: side.stream.replace('_', " "),
        stream: side.stream.clone(),
    }
}

/// What is being edited: the draft, or what is in force.
pub(crate) fn current(sync: &StoredSync) -> &Sync {
    sync.draft.as_ref().unwrap_or(&sync.document)
}

pub(crate) async fn stored(app: &App, sync: SyncId) -> Result<StoredSync> {
    Ok(app
        .engine()
        .store()
        .read(move |db| store::syncs::get(db, sync))
        .await?)
}

pub(crate) async fn get_sync(app: &App, request: SyncRef) -> Result<SyncDetail> {
    let row = stored(app, request.sync).await?;
    let summary = summary_of(app, request.sync).await?;
    let document = current(&row);
    let platforms = app.engine().platforms();
    let source = platforms
        .describe(document.source.connection, &document.source.stream)
        .await;
    let target = platforms
        .describe(document.target.connection, &document.target.stream)
        .await;
    let problem = source.as_ref().err().or(target.as_ref().err()).map(|error| {
        let words = crate::error::sentence(&error.to_string());
        Note {
            severity: NoteSeverity::Warning,
            message: words,
            hint: Some("The mapping can be edited all the same; fields are shown again when the platform answers.".into()),
        }
    });
    Ok(SyncDetail {
        summary,
        mapping: document.mapping.clone(),
        match_on: document.match_on.clone(),
        guards: document.guards,
        most_tries: document.most_tries,
        match_also: document.match_also.clone(),
        filter: document.filter.clone(),
        deletes: document.deletes.clone(),
        two_way: document.two_way.clone(),
        modes: modes(target.as_ref().ok()),
        source: source.ok().map(connections::stream_detail),
        target: target.ok().map(connections::stream_detail),
        problem,
        draft_changes: draft_changes(&row),
    })
}

/// The modes, and why some cannot be chosen.
fn modes(target: Option<&connectors::StreamDescription>) -> Vec<ModeChoice> {
    use model::sync::WriteMode::{Append, Create, FullRefresh, Mirror, Update, Upsert};
    [Upsert, Create, Update, Mirror, Append, FullRefresh]
        .into_iter()
        .map(|mode| ModeChoice {
            mode,
            problem: target.and_then(|target| engine::mode_problem(mode, target)),
        })
        .collect()
}

/// What differs between draft and the version in force, in words.
fn draft_changes(row: &StoredSync) -> Vec<String> {
    let Some(draft) = &row.draft else {
        return Vec::new();
    };
    let was = &row.document;
    let mut changes = Vec::new();
    if draft.name != was.name {
        changes.push(format!("renamed to \"{}\"", draft.name));
    }
    if draft.mode != was.mode {
        changes.push("another mode".into());
    }
    if draft.match_on != was.match_on {
        changes.push("another match key".into());
    }
    if draft.guards != was.guards {
        changes.push("other guards".into());
    }
    if draft.most_tries != was.most_tries {
        changes.push("tried again more or less often".into());
    }
    if draft.match_also != was.match_also {
        changes.push("other ways to match".into());
    }
    if draft.filter != was.filter {
        changes.push("another filter".into());
    }
    if draft.deletes != was.deletes {
        changes.push("deletions are treated otherwise".into());
    }
    match (&was.two_way, &draft.two_way) {
        (None, Some(_)) => changes.push("changes flow both ways".into()),
        (Some(_), None) => changes.push("changes flow one way".into()),
        (was, draft) if was != draft => changes.push("other rules for both ways".into()),
        _ => {}
    }
    if draft.every_minutes != was.every_minutes {
        changes.push("another schedule".into());
    }
    for rule in &draft.mapping.rules {
        match was
            .mapping
            .rules
            .iter()
            .find(|old| old.target == rule.target)
        {
            None => changes.push(format!("{} is mapped", rule.target)),
            Some(old) if old != rule => {
                changes.push(format!("{} is mapped otherwise", rule.target));
            }
            Some(_) => {}
        }
    }
    for old in &was.mapping.rules {
        if !draft
            .mapping
            .rules
            .iter()
            .any(|rule| rule.target == old.target)
        {
            changes.push(format!("{} is not mapped any more", old.target));
        }
    }
    changes
}

pub(crate) async fn create_sync(app: &App, request: CreateSync) -> Result<SyncSummary> {
    let platforms = app.engine().platforms();
    let source = platforms
        .describe(request.source.connection, &request.source.stream)
        .await?;
    let target = platforms
        .describe(request.target.connection, &request.target.stream)
        .await?;
    if !source.capabilities.read {
        return Err(ApiError::invalid(
            format!("\"{}\" cannot be read.", source.label),
            "Choose another source.",
        ));
    }
    let can = &target.capabilities;
    if let Some(problem) = engine::mode_problem(request.mode, &target) {
        return Err(ApiError::invalid(
            crate::error::sentence(&problem),
            "Choose another mode or another target.",
        ));
    }
    for path in &request.match_on {
        if !can.match_by.contains(path) {
            return Err(ApiError::invalid(
                format!(
                    "Records of \"{}\" cannot be looked up by \"{path}\".",
                    target.label
                ),
                "Choose one of the fields that the form offers.",
            ));
        }
    }
    let name = match request.name.trim() {
        "" => {
            let (from, to) = (request.source.connection, request.target.connection);
            let (from, to) = app
                .engine()
                .store()
                .read(move |db| {
                    Ok((
                        store::connections::get(db, from)?.name,
                        store::connections::get(db, to)?.name,
                    ))
                })
                .await?;
            format!(
                "{from} {} → {to} {}",
                request.source.stream, request.target.stream
            )
        }
        name => name.chars().take(200).collect(),
    };
    let document = Sync {
        mode: request.mode,
        match_on: request.match_on,
        ..Sync::new(name, request.source, request.target)
    };
    let (id, now) = (SyncId::new(), app.engine().clock().now());
    app.engine()
        .store()
        .write(move |tx| store::syncs::insert(tx, id, &document, now))
        .await?;
    summary_of(app, id).await
}

pub(crate) async fn save_draft(app: &App, request: SaveDraft) -> Result<SyncSummary> {
    let id = request.sync;
    if let Some(name) = &request.name
        && (name.trim().is_empty() || name.chars().count() > 200)
    {
        return Err(ApiError::invalid(
            "A name needs 1 to 200 characters.",
            "Type one in.",
        ));
    }
    if request
        .mapping
        .as_ref()
        .is_some_and(|mapping| mapping.rules.len() > 5_000)
    {
        return Err(ApiError::invalid(
            "A mapping can have 5 000 rules.",
            "Split the sync into several.",
        ));
    }
    let now = app.engine().clock().now();
    let is_saved = app
        .engine()
        .store()
        .write(move |tx| {
            let row = store::syncs::get(tx, id)?;
            let mut draft = current(&row).clone();
            if is_changed_elsewhere(&request, &draft.mapping) {
                return Ok(false);
            }
            if let Some(name) = request.name {
                draft.name = name.trim().to_owned();
            }
            if let Some(mapping) = request.mapping {
                draft.mapping = mapping;
            }
            if let Some(mode) = request.mode {
                draft.mode = mode;
            }
            if let Some(match_on) = request.match_on {
                draft.match_on = match_on;
            }
            if let Some(rules) = request.match_also {
                draft.match_also = rules;
            }
            if let Some(filter) = request.filter {
                draft.filter = Some(filter).filter(|filter| !filter.trim().is_empty());
            }
            if let Some(deletes) = request.deletes {
                draft.deletes = deletes;
            }
            if let Some(two_way) = request.two_way {
                draft.two_way = Some(two_way);
            }
            match request.is_two_way {
                Some(true) if draft.two_way.is_none() => draft.two_way = Some(TwoWay::default()),
                Some(false) => draft.two_way = None,
                _ => {}
            }
            if let Some(guards) = request.guards {
                draft.guards = guards;
            }
            if let Some(most_tries) = request.most_tries {
                draft.most_tries = most_tries;
            }
            if let Some(minutes) = request.every_minutes {
                draft.every_minutes = Some(minutes).filter(|minutes| *minutes > 0);
            }
            // What was looked at is not what would happen any more.
            if draft != *current(&row) {
                store::plans::mark_stale(tx, id)?;
            }
            let is_new = !engine::is_published(&row) || draft != row.document;
            store::syncs::save_draft(tx, id, is_new.then_some(&draft), now)?;
            Ok(true)
        })
        .await?;
    if !is_saved {
        return Err(ApiError {
            code: Code::ChangedElsewhere,
            message: "The mapping was changed in another window or program meanwhile.".into(),
            hint: Some("Look at that version first; nothing of either was lost.".into()),
            details: None,
        });
    }
    summary_of(app, id).await
}

/// Whether what is there now is neither what the new mapping was made from nor the new mapping itself.
fn is_changed_elsewhere(request: &SaveDraft, now: &Mapping) -> bool {
    match (&request.mapping, &request.mapping_was) {
        (Some(wanted), Some(was)) => now != was && now != wanted,
        _ => false,
    }
}

pub(crate) async fn publish_sync(app: &App, request: SyncRef) -> Result<SyncSummary> {
    let id = request.sync;
    let row = stored(app, id).await?;
    let document = current(&row).clone();
    let platforms = app.engine().platforms();
    let source = platforms
        .describe(document.source.connection, &document.source.stream)
        .await?;
    let target = platforms
        .describe(document.target.connection, &document.target.stream)
        .await?;
    let compiled = mapping::compile(
        &document.mapping,
        &source.schema,
        &target.schema,
        engine::purpose(document.mode),
    );
    let problems: Vec<String> = compiled
        .errors()
        .map(|diagnostic| match &diagnostic.target {
            Some(target) => format!("{target}: {}", diagnostic.message),
            None => diagnostic.message.clone(),
        })
        .collect();
    if compiled.program.is_none() || !problems.is_empty() {
        return Err(engine::Error::MappingInvalid { problems }.into());
    }
    let now = app.engine().clock().now();
    app.engine()
        .store()
        .write(move |tx| {
            store::plans::mark_stale(tx, id)?;
            let was = store::syncs::get(tx, id)?;
            store::syncs::publish(tx, id, &document, now)?;
            if engine::is_published(&was) {
                // One that was paused stays paused.
                return Ok(());
            }
            store::syncs::set_enabled(tx, id, true, now)
        })
        .await?;
    summary_of(app, id).await
}

/// Takes a sync out of its schedule, or back into it.
pub(crate) async fn pause_sync(app: &App, request: PauseSync) -> Result<SyncSummary> {
    let PauseSync { sync, is_paused } = request;
    let now = app.engine().clock().now();
    let is_published = app
        .engine()
        .store()
        .write(move |tx| {
            let is_published = engine::is_published(&store::syncs::get(tx, sync)?);
            if is_published {
                store::syncs::set_enabled(tx, sync, !is_paused, now)?;
            }
            Ok(is_published)
        })
        .await?;
    if !is_published {
        return Err(engine::Error::Refused(
            "this sync was never published, so it does not run by itself anyway".into(),
        )
        .into());
    }
    summary_of(app, sync).await
}

pub(crate) async fn discard_draft(app: &App, request: SyncRef) -> Result<SyncDetail> {
    let (id, now) = (request.sync, app.engine().clock().now());
    app.engine()
        .store()
        .write(move |tx| {
            store::plans::mark_stale(tx, id)?;
            store::syncs::save_draft(tx, id, None, now)
        })
        .await?;
    get_sync(app, request).await
}

pub(crate) async fn delete_sync(app: &App, request: SyncRef) -> Result<Nothing> {
    let (id, now) = (request.sync, app.engine().clock().now());
    app.engine()
        .store()
        .write(move |tx| store::syncs::delete(tx, id, now))
        .await?;
    Ok(Nothing {})
}

pub(crate) async fn restore_sync(app: &App, request: SyncRef) -> Result<SyncSummary> {
    let (id, now) = (request.sync, app.engine().clock().now());
    app.engine()
        .store()
        .write(move |tx| store::syncs::restore(tx, id, now))
        .await?;
    summary_of(app, id).await
}

/// A sync as a file. Connections become slots: no id, no account, never a secret.
pub(crate) async fn export_sync(app: &App, request: SyncRef) -> Result<ExportedSync> {
    let row = stored(app, request.sync).await?;
    let document = current(&row).clone();
    let (from, to) = (document.source.connection, document.target.connection);
    let (from, to) = app
        .engine()
        .store()
        .read(move |db| {
            Ok((
                store::connections::get(db, from)?.connector,
                store::connections::get(db, to)?.connector,
            ))
        })
        .await?;
    let file = serde_json::json!({
        "patchbay_sync": VERSION,
        "name": document.name,
        "source": {"needs": {"connector": from}, "stream": document.source.stream},
        "target": {"needs": {"connector": to}, "stream": document.target.stream},
        "mode": document.mode,
        "match_on": document.match_on,
        "every_minutes": document.every_minutes,
        "guards": document.guards,
        "most_tries": document.most_tries,
        "match_also": document.match_also,
        "filter": document.filter,
        "deletes": document.deletes,
        "two_way": document.two_way,
        "mapping": document.mapping,
    });
    let text = serde_json::to_string_pretty(&file).map_err(|error| ApiError {
        code: Code::Internal,
        message: "The sync could not be written as a file.".into(),
        hint: None,
        details: Some(error.to_string()),
    })?;
    let plain: String = document
        .name
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let plain = plain
        .split('-')
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-");
    Ok(ExportedSync {
        file_name: format!("{plain}.patchbay.json"),
        text: text + "\n",
    })
}
