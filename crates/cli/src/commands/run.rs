//! Runs: starting, following, letting go on.

use api::views::{RunDetail, RunProgress, Started, UiEvent};
use api::{ApiError, App};
use model::ids::RunId;
use model::run::{RunState, Trigger};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use crate::arguments::{Approve, Run};
use crate::failure::{End, Failure};
use crate::hosts::Terminal;
use crate::output::{Output, clean};
use crate::signals::wanted_to_end;
use crate::workspace::{self, Workspace, ask, find_sync};

pub(crate) async fn run(
    workspace: &Workspace,
    wanted: Run,
    output: &Output,
) -> Result<End, Failure> {
    let app = workspace.open(Terminal).await?;
    let result = async {
        let sync = find_sync(&app, &wanted.sync).await?;
        let run = if wanted.full {
            app.engine()
                .start_full_run(sync.id, Trigger::Manual)
                .await
                .map_err(ApiError::from)?
        } else {
            ask::<Started>(&app, "start_run", json!({"sync": sync.id}))
                .await?
                .run
        };
        let detail = follow(&app, run, output).await?;
        tell(&detail, output)
    }
    .await;
    workspace::close(app).await;
    result
}

pub(crate) async fn approve(
    workspace: &Workspace,
    wanted: Approve,
    output: &Output,
) -> Result<End, Failure> {
    let app = workspace.open(Terminal).await?;
    let result = async {
        let started: Started = ask(&app, "approve_run", json!({"run": wanted.run})).await?;
        let detail = follow(&app, started.run, output).await?;
        tell(&detail, output)
    }
    .await;
    workspace::close(app).await;
    result
}

/// Shows how a run moves until it ends. Ctrl-C stops it at a safe place.
pub(crate) async fn follow(app: &App, run: RunId, output: &Output) -> Result<RunDetail, Failure> {
    let mut events = app.subscribe();
    {
        let engine = app.engine();
        let ended = engine.wait(run);
        tokio::pin!(ended);
        let end = wanted_to_end();
        tokio::pin!(end);
        let mut stopping = false;
        let mut listening = true;
        loop {
            tokio::select! {
                ended = &mut ended => {
                    ended.map_err(ApiError::from)?;
                    break;
                }
                event = events.recv(), if listening => match event {
                    Ok(UiEvent::Progress { progress }) if progress.run == run => output.progress(&line(&progress)),
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => listening = false,
                },
                () = &mut end, if !stopping => {
                    stopping = true;
                    output.progress_ends();
                    output.note("Stopping at a safe place…");
                    app.call("cancel_run", json!({"run": run})).await?;
                }
            }
        }
    }
    output.progress_ends();
    ask(app, "get_run", json!({"run": run})).await
}

fn line(progress: &RunProgress) -> String {
    let settled = progress.counts.settled();
    let pace = match &progress.waiting {
        Some(reason) => format!("waiting: {reason}"),
        None => format!("{:.0} records/s", progress.records_per_second),
    };
    format!(
        "{} · {settled} of {} read · {pace}",
        progress.stage, progress.counts.read
    )
}

/// The answer, and what to do if it waits.
pub(crate) fn tell(detail: &RunDetail, output: &Output) -> Result<End, Failure> {
    output.answer(detail, || {
        let run = &detail.summary;
        let balance = if detail.balances {
            ""
        } else {
            "  (does not balance)"
        };
        format!(
            "{}: run {} {}\n{}{balance}",
            clean(&run.sync_name),
            run.id,
            run.state.as_str(),
            detail.equation
        )
    })?;
    Ok(end_of(detail, output))
}

/// How the command ends, with what the person has to know of it.
pub(crate) fn end_of(detail: &RunDetail, output: &Output) -> End {
    let run = &detail.summary;
    if let Some(reason) = &run.reason {
        output.note(&clean(reason));
    }
    match run.state {
        RunState::Completed => {
            let left =
                run.counts.invalid + run.counts.rejected + run.counts.held + run.counts.conflict;
            if left > 0 {
                output.note(&format!(
                    "{left} records were not written. See why: patchbay log --run {} --outcome invalid --outcome rejected --outcome held",
                    run.id
                ));
            }
            End::Done
        }
        RunState::Waiting => {
            output.note(&format!(
                "It waits for you. See `patchbay status`; when it is right, let it go on: patchbay approve {}",
                run.id
            ));
            End::Waits
        }
        RunState::Cancelled => {
            output.note("Stopped. The next run goes on where this one stopped.");
            End::Stopped
        }
        RunState::Queued | RunState::Running | RunState::Failed | RunState::Interrupted => {
            output.note("Nothing is lost: the next run goes on where this one stopped.");
            End::Failed
        }
    }
}
