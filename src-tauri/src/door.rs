//! The way from the window to `api`: one command in, one channel of events out.
//!
//! The application is opened beside the window, not before it: the first page paints while the keychain is asked and
//! the databases are opened, and its first calls wait here.

use std::sync::Arc;
use std::time::Duration;

use api::tags::Tag;
use api::views::{Overview, Settings, SyncState, UiEvent};
use api::{ApiError, App, Code, Config};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tauri::async_runtime::spawn;
use tauri::{AppHandle, Emitter, Manager, State};
use tauri_plugin_dialog::{DialogExt, MessageDialogKind};
use tokio::sync::{Notify, broadcast, watch};

use crate::host::Desktop;
use crate::tray::{Tray, TrayState, TrayView};
use crate::window;

/// The channel on which the window hears what happened.
const EVENTS: &str = "patchbay://event";
/// How long runs get to reach a safe place before the program ends; what is open then is recovered at the next start.
const QUIT_LIMIT: Duration = Duration::from_secs(5);
/// The tray is not redrawn more often than this.
const TRAY_PAUSE: Duration = Duration::from_millis(500);

type Opened = Result<App, ApiError>;

/// The application, once it is open.
pub(crate) struct Door(watch::Receiver<Option<Opened>>);

impl Door {
    async fn app(&self) -> Opened {
        let mut receiver = self.0.clone();
        let opened = receiver
            .wait_for(Option::is_some)
            .await
            .map(|opened| opened.clone());
        opened.ok().flatten().unwrap_or_else(|| {
            Err(ApiError {
                code: Code::Busy,
                message: "Patchbay is closing.".into(),
                hint: None,
                details: None,
            })
        })
    }
}

/// The window's one command; what it may be called with is the list in `api`.
#[tauri::command]
pub(crate) async fn call(
    door: State<'_, Door>,
    name: String,
    request: Value,
) -> Result<Value, ApiError> {
    door.app().await?.call(&name, request).await
}

/// Opens the application in the background and puts the door to it into the app's state.
pub(crate) fn open(handle: &AppHandle, config: Config, sample: bool) {
    let (sender, receiver) = watch::channel(None);
    handle.manage(Door(receiver));
    let handle = handle.clone();
    spawn(async move {
        let opened = start(&handle, config, sample).await;
        match &opened {
            Ok(app) => {
                spawn(forward(handle.clone(), app.clone()));
            }
            Err(error) => tell(&handle, error),
        }
        // Fails only when the window is gone already.
        let _ = sender.send(Some(opened));
    });
}

async fn start(handle: &AppHandle, config: Config, sample: bool) -> Opened {
    let app = App::open(config, Arc::new(Desktop(handle.clone()))).await?;
    if sample {
        app.call("start_sample_platforms", json!({})).await?;
    }
    Ok(app)
}

/// Without the application there is nothing to show: say why, and end.
pub(crate) fn tell(handle: &AppHandle, error: &ApiError) {
    tracing::error!(code = ?error.code, message = %error.message, "The workspace could not be opened.");
    let hint = error.hint.as_deref().unwrap_or_default();
    let ended = handle.clone();
    handle
        .dialog()
        .message(format!("{}\n\n{hint}", error.message).trim())
        .title("Patchbay could not open its workspace")
        .kind(MessageDialogKind::Error)
        .show(move |_| ended.exit(1));
}

/// Passes events on to the window, and wakes the tray for those that it shows.
async fn forward(handle: AppHandle, app: App) {
    let mut events = app.subscribe();
    let changed = Arc::new(Notify::new());
    changed.notify_one();
    spawn(keep_tray(handle.clone(), app, Arc::clone(&changed)));
    loop {
        let event = match events.recv().await {
            Ok(event) => event,
            // What was missed may have changed anything: the window asks for all of it again.
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "The window could not keep up with events.");
                UiEvent::Changed {
                    tags: vec![
                        Tag::App,
                        Tag::Connections,
                        Tag::Syncs,
                        Tag::Plans,
                        Tag::Runs,
                    ],
                }
            }
            Err(broadcast::error::RecvError::Closed) => return,
        };
        if matches!(event, UiEvent::Changed { .. } | UiEvent::RunFinished { .. }) {
            changed.notify_one();
        }
        if let Err(error) = handle.emit(EVENTS, &event) {
            tracing::warn!(%error, "An event did not reach the window.");
        }
    }
}

async fn keep_tray(handle: AppHandle, app: App, changed: Arc<Notify>) {
    loop {
        changed.notified().await;
        match tray_view(&app).await {
            Ok(view) => {
                let shown = handle
                    .try_state::<Tray>()
                    .map_or(Ok(()), |tray| tray.show(&handle, view));
                if let Err(error) = shown {
                    tracing::warn!(%error, "The tray icon could not be changed.");
                }
            }
            Err(error) => {
                tracing::warn!(message = %error.message, "The tray icon may be out of date.");
            }
        }
        tokio::time::sleep(TRAY_PAUSE).await;
    }
}

async fn tray_view(app: &App) -> Result<TrayView, ApiError> {
    let overview: Overview = ask(app, "get_overview").await?;
    let settings: Settings = ask(app, "get_settings").await?;
    Ok(view_of(&overview, settings.paused))
}

fn view_of(overview: &Overview, paused: bool) -> TrayView {
    let running = overview
        .syncs
        .iter()
        .filter(|sync| matches!(sync.state, SyncState::Running { .. }))
        .count();
    let state = match (overview.needs_you.len(), paused, running) {
        (0, false, 0) => TrayState::Idle,
        (0, false, running) => TrayState::Running(running),
        (0, true, _) => TrayState::Paused,
        (needs_you, _, _) => TrayState::Attention(needs_you),
    };
    let may_run =
        |state: &SyncState| !matches!(state, SyncState::Draft | SyncState::Running { .. });
    let syncs = overview.syncs.iter().filter(|sync| may_run(&sync.state));
    TrayView {
        state,
        paused,
        syncs: syncs
            .map(|sync| (sync.id.to_string(), sync.name.clone()))
            .collect(),
    }
}

/// The answer to a query without content, as the view that it is.
async fn ask<T: DeserializeOwned>(app: &App, name: &str) -> Result<T, ApiError> {
    let answer = app.call(name, json!({})).await?;
    serde_json::from_value(answer).map_err(|error| ApiError {
        code: Code::Internal,
        message: format!("The answer to {name} cannot be read."),
        hint: None,
        details: Some(error.to_string()),
    })
}

/// Starts a sync from the tray.
pub(crate) fn run_now(handle: &AppHandle, sync: String) {
    from_tray(handle, async move |app| {
        app.call("start_run", json!({ "sync": sync }))
            .await
            .map(drop)
    });
}

/// Holds the schedules, or lets them go on.
pub(crate) fn set_paused(handle: &AppHandle, paused: bool) {
    from_tray(handle, async move |app| {
        let settings: Settings = ask(&app, "get_settings").await?;
        app.call("update_settings", json!(Settings { paused, ..settings }))
            .await
            .map(drop)
    });
}

/// Does something that nobody waits for; when it fails, the window is where one sees why.
fn from_tray<F>(handle: &AppHandle, act: impl FnOnce(App) -> F + Send + 'static)
where
    F: Future<Output = Result<(), ApiError>> + Send,
{
    let handle = handle.clone();
    spawn(async move {
        let opened = handle.state::<Door>().app().await;
        let done = match opened {
            Ok(app) => act(app).await,
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            tracing::warn!(message = %error.message, "What was asked for in the tray could not be done.");
            window::show(&handle);
        }
    });
}

/// Ends Patchbay: runs come to a safe place, the databases are closed.
pub(crate) fn quit(handle: &AppHandle) {
    window::remember(handle);
    let handle = handle.clone();
    spawn(async move {
        let opened = handle.state::<Door>().0.borrow().clone();
        if let Some(Ok(app)) = opened {
            app.close(QUIT_LIMIT).await;
        }
        handle.exit(0);
    });
}
