//! Runs and the history.

use model::ids::RunId;
use model::run::{RecordOutcome, RunState};
use model::value::{Object, Value};
use store::run_records::{Place, RecordFilter, RunRecord};

use crate::app::App;
use crate::commands::{plans, syncs, unwritten};
use crate::error::{ApiError, sentence};
#[allow(clippy::wildcard_imports, reason = "most views of a noun are used")]
use crate::views::*;

type Result<T> = std::result::Result<T, ApiError>;

pub(crate) fn summary_view(run: &store::runs::Run, sync_name: &str) -> RunSummary {
    RunSummary {
        id: run.id,
        sync: run.sync,
        sync_name: sync_name.to_owned(),
        trigger: run.trigger,
        state: run.state,
        reason: run.reason.as_deref().map(sentence),
        counts: run.counts,
        started_at: run.started_at,
        finished_at: run.finished_at,
    }
}

pub(crate) fn progress_view(progress: &engine::events::Progress) -> RunProgress {
    RunProgress {
        run: progress.run,
        sync: progress.sync,
        stage: progress.stage.to_owned(),
        counts: progress.counts,
        records_per_second: progress.records_per_second,
        waiting: progress.waiting.clone(),
    }
}

pub(crate) async fn summary(app: &App, run: RunId) -> Result<RunSummary> {
    let (row, name) = app
        .engine()
        .store()
        .read(move |db| {
            let row = store::runs::get(db, run)?;
            let name = sync_name(db, row.sync);
            Ok((row, name))
        })
        .await?;
    Ok(summary_view(&row, &name))
}

/// Its runs outlive a sync.
fn sync_name(db: &store::Connection, sync: model::ids::SyncId) -> String {
    match store::syncs::get(db, sync) {
        Ok(stored) => syncs::current(&stored).name.clone(),
        Err(_) => "a deleted sync".into(),
    }
}

pub(crate) async fn start_run(app: &App, request: SyncRef) -> Result<Started> {
    Ok(Started {
        run: app
            .engine()
            .start_run(request.sync, model::run::Trigger::Manual)
            .await?,
    })
}

pub(crate) async fn cancel_run(app: &App, request: RunRef) -> Result<RunSummary> {
    app.engine().cancel_run(request.run).await?;
    summary(app, request.run).await
}

pub(crate) async fn approve_run(app: &App, request: RunRef) -> Result<Started> {
    Ok(Started {
        run: app.engine().approve(request.run).await?,
    })
}

pub(crate) async fn list_runs(app: &App, request: ListRuns) -> Result<Vec<RunSummary>> {
    let limit = request.limit.clamp(1, 200);
    let rows = app
        .engine()
        .store()
        .read(move |db| {
            let mut rows = Vec::new();
            let mut before = request.before;
            // States are few and runs are many: filtered here, page by page, with a bound.
            for _ in 0..20 {
                let filter = store::runs::RunFilter {
                    sync: request.sync,
                    before,
                    limit: 200,
                };
                let page = store::runs::list(db, &filter)?;
                let ended = page.len() < 200;
                before = page.last().map(|run| run.id);
                rows.extend(page.into_iter().filter(|run| {
                    request.states.is_empty() || request.states.contains(&run.state)
                }));
                if ended || rows.len() >= limit as usize {
                    break;
                }
            }
            rows.truncate(limit as usize);
            Ok(rows
                .into_iter()
                .map(|run| {
                    let name = sync_name(db, run.sync);
                    summary_view(&run, &name)
                })
                .collect())
        })
        .await?;
    Ok(rows)
}

pub(crate) async fn get_run(app: &App, request: RunRef) -> Result<RunDetail> {
    let id = request.run;
    let (row, name) = app
        .engine()
        .store()
        .read(move |db| {
            let row = store::runs::get(db, id)?;
            let name = sync_name(db, row.sync);
            Ok((row, name))
        })
        .await?;
    let progress = app
        .engine()
        .progress(id)
        .filter(|_| matches!(row.state, RunState::Queued | RunState::Running));
    // While it moves, the figures that are committed are the truth; progress is for the eye.
    Ok(RunDetail {
        equation: row.counts.equation(),
        balances: row.counts.balances(),
        sync_version: row.sync_version.saturating_sub(1),
        progress: progress.as_ref().map(progress_view),
        can_approve: row.state == RunState::Waiting,
        can_undo: engine::undo::is_possible(&row),
        plan: row.plan,
        summary: summary_view(&row, &name),
    })
}

pub(crate) async fn list_run_records(app: &App, request: ListRunRecords) -> Result<RunRecords> {
    if request.unwritten {
        return unwritten::list(app, request).await;
    }
    let limit = request.limit.clamp(1, 500) as usize;
    let after = match request.after.as_deref() {
        None | Some("") => None,
        Some(text) => Some(Place(text.parse().map_err(|_| place_not_understood())?)),
    };
    let filter = RecordFilter {
        run: request.run,
        sync: request.sync,
        outcomes: request.outcomes,
        text: Some(request.search),
    };
    let page = app
        .engine()
        .store()
        .read_history(move |db| store::run_records::page(db, &filter, after, limit))
        .await?;
    let next = page.next.map(|place| place.0.to_string());
    let records = page.records.iter().map(record_view).collect();
    Ok(RunRecords { records, next })
}

pub(crate) fn place_not_understood() -> ApiError {
    ApiError::invalid(
        "This place in the history is not understood.",
        "Start again from the top of the list.",
    )
}

pub(crate) fn record_view(record: &RunRecord) -> RunRecordSummary {
    let empty = Object::new();
    let after = record
        .after
        .as_ref()
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    let before = record.before.as_ref().and_then(Value::as_object);
    RunRecordSummary {
        run: record.run,
        seq: record.seq,
        source_key: record
            .source_key
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        target_key: record.target_key.as_ref().map(ToString::to_string),
        title: title(record),
        outcome: record.outcome,
        message: record.message.as_deref().map(sentence),
        field: record.field.clone(),
        changed_fields: match record.outcome {
            RecordOutcome::Created | RecordOutcome::Updated => {
                u32::try_from(plans::field_changes(before, after).len()).unwrap_or(u32::MAX)
            }
            _ => 0,
        },
        tries: None,
        is_set_aside: false,
        at: record.at,
    }
}

/// What a person would call the record: an e-mail address or a name in it, else its key.
fn title(record: &RunRecord) -> String {
    let key = record
        .source_key
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let texts = [&record.source, &record.after, &record.before];
    let of = |wanted: &[&str]| {
        texts
            .iter()
            .filter_map(|value| value.as_ref().and_then(Value::as_object))
            .find_map(|object| {
                wanted
                    .iter()
                    .filter_map(|name| object.get(name).and_then(Value::as_text))
                    .map(str::trim)
                    .find(|text| !text.is_empty())
                    .map(str::to_owned)
            })
    };
    of(&[
        "email",
        "email_address",
        "name",
        "full_name",
        "title",
        "last_name",
    ])
    .unwrap_or(key)
}

pub(crate) async fn get_run_record(app: &App, request: RunRecordRef) -> Result<RunRecordDetail> {
    let (record, timeline, exchange) = app
        .engine()
        .store()
        .read_history(move |db| {
            let Some(record) = store::run_records::get(db, request.run, request.seq)? else { return Ok(None) };
            let timeline = match &record.source_key {
                Some(key) => store::run_records::of_record(db, record.sync, key, 100)?,
                None => Vec::new(),
            };
            let exchange = match record.exchange {
                Some(id) => store::exchanges::get(db, id)?,
                None => None,
            };
            Ok(Some((record, timeline, exchange)))
        })
        .await?
        .ok_or_else(|| {
            ApiError::not_found("This line of the history is gone: it was older than the space for the history allows.")
        })?;
    let (sync, run) = (record.sync, record.run);
    let (name, has_other_mapping) = app
        .engine()
        .store()
        .read(move |db| Ok((sync_name(db, sync), has_other_mapping(db, run)?)))
        .await?;
    let empty = Object::new();
    let after = record
        .after
        .as_ref()
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    Ok(RunRecordDetail {
        fields: plans::field_changes(record.before.as_ref().and_then(Value::as_object), after),
        source: record.source.as_ref().map(Value::to_serde),
        has_other_mapping,
        exchange: exchange.map(exchange_view),
        timeline: timeline.iter().map(record_view).collect(),
        summary: record_view(&record),
        sync,
        sync_name: name,
    })
}

/// Whether the sync of a run maps otherwise by now.
fn has_other_mapping(db: &store::Connection, run: RunId) -> store::Result<bool> {
    let run = store::runs::get(db, run)?;
    let stored = store::syncs::get(db, run.sync)?;
    if stored.version == run.sync_version {
        return Ok(false);
    }
    match store::syncs::version(db, run.sync, run.sync_version) {
        Ok(of_then) => Ok(of_then.mapping != stored.document.mapping),
        Err(store::Error::NotFound { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

fn exchange_view(exchange: store::exchanges::Exchange) -> ExchangeView {
    let text =
        |body: Option<Vec<u8>>| body.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    ExchangeView {
        id: exchange.head.id,
        at: exchange.head.at,
        took_ms: exchange.head.took_ms,
        method: exchange.head.method,
        url: exchange.head.url,
        request_headers: exchange.request_headers,
        request_body: text(exchange.request_body),
        status: exchange.head.status,
        response_headers: exchange.response_headers,
        response_body: text(exchange.response_body),
        error: exchange.head.error,
        attempt: exchange.head.attempt,
    }
}
