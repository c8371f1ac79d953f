//! The way from the window to `api`: one command in, one channel of events out.
//!
//! The application is opened beside the window, not before it: the first page paints while the keychain is asked and
//! the databases are opened, and its first calls wait here.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tauri::async_runtime::spawn;
use tauri::{AppHandle, Emitter, Manager, State};
use tauri_plugin_dialog::{DialogExt, MessageDialogKind};
use tokio::sync::{broadcast, watch};

use crate::host::Desktop;
use crate::placeholder as api;
use crate::tray::{Tray, TrayState, TrayView};
use crate::window;

/// The channel on which the window hears what happened.
const EVENTS: &str = "patchbay://event";
/// How long runs get to reach a safe place before the program ends; what is open then is recovered at the next start.
const QUIT_LIMIT: Duration = Duration::from_secs(5);

type Opened = Result<Arc<api::App>, api::ApiError>;

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
            Err(api::ApiError {
                code: "closing".into(),
                message: "Patchbay is closing.".into(),
                hint: None,
            })
        })
    }
}

/// The window's one command; what it may be called with is the list in `api`.
#[tauri::command]
pub(crate) async fn call(
    door: State<'_, Door>,
    name: String,
    json: Option<Value>,
) -> Result<Value, api::ApiError> {
    door.app()
        .await?
        .call(&name, json.unwrap_or(Value::Null))
        .await
}

/// Opens the application in the background and puts the door to it into the app's state.
pub(crate) fn open(app: &AppHandle, config: api::Config, sample: bool) {
    let (sender, receiver) = watch::channel(None);
    app.manage(Door(receiver));
    let app = app.clone();
    spawn(async move {
        let mut opened = api::App::open(config, Arc::new(Desktop(app.clone()))).await;
        if let (Ok(api), true) = (&opened, sample)
            && let Err(error) = api.call("open_sample", json!({})).await
        {
            opened = Err(error);
        }
        match &opened {
            Ok(api) => {
                spawn(forward(app.clone(), Arc::clone(api)));
            }
            Err(error) => tell(&app, error),
        }
        // Fails only when the app is gone already.
        let _ = sender.send(Some(opened));
    });
}

/// Without the application there is nothing to show: say why, and end.
fn tell(app: &AppHandle, error: &api::ApiError) {
    tracing::error!(code = %error.code, message = %error.message, "The workspace could not be opened.");
    let hint = error.hint.as_deref().unwrap_or_default();
    let ended = app.clone();
    app.dialog()
        .message(format!("{}\n\n{hint}", error.message).trim())
        .title("Patchbay could not open its workspace")
        .kind(MessageDialogKind::Error)
        .show(move |_| ended.exit(1));
}

/// Passes events on to the window and keeps the tray up to date.
async fn forward(app: AppHandle, api: Arc<api::App>) {
    let mut events = api.subscribe();
    refresh_tray(&app, &api).await;
    loop {
        let event = match events.recv().await {
            Ok(event) => event,
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "The window could not keep up with events.");
                continue;
            }
            Err(broadcast::error::RecvError::Closed) => return,
        };
        if let Err(error) = app.emit(EVENTS, &event) {
            tracing::warn!(%error, "An event did not reach the window.");
        }
        refresh_tray(&app, &api).await;
    }
}

async fn refresh_tray(app: &AppHandle, api: &api::App) {
    let Ok(overview) = api.call("get_overview", Value::Null).await else {
        return;
    };
    let _ = overview;
    let view = TrayView {
        state: TrayState::Idle,
        paused: false,
        syncs: Vec::new(),
    };
    let Some(tray) = app.try_state::<Tray>() else {
        return;
    };
    if let Err(error) = tray.show(app, view) {
        tracing::warn!(%error, "The tray icon could not be changed.");
    }
}

/// Starts a sync from the tray.
pub(crate) fn run_now(app: &AppHandle, sync: &str) {
    command(app, "start_run", json!({ "sync": sync }));
}

/// Holds the schedules, or lets them go on.
pub(crate) fn set_paused(app: &AppHandle, paused: bool) {
    command(app, "set_paused", json!({ "paused": paused }));
}

/// A command that nobody waits for; when it fails, the window is where the reason is shown.
fn command(app: &AppHandle, name: &'static str, json: Value) {
    let app = app.clone();
    spawn(async move {
        let opened = app.state::<Door>().app().await;
        let done = match opened {
            Ok(api) => api.call(name, json).await.map(|_| ()),
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            tracing::warn!(name, message = %error.message, "A command from the tray failed.");
            window::show(&app);
        }
    });
}

/// Ends Patchbay: runs come to a safe place, the databases are closed.
pub(crate) fn quit(app: &AppHandle) {
    window::remember_route(app);
    let app = app.clone();
    spawn(async move {
        let open = app.state::<Door>().0.borrow().clone();
        if let Some(Ok(api)) = open
            && tokio::time::timeout(QUIT_LIMIT, api.close()).await.is_err()
        {
            tracing::warn!(
                "Runs were still under way at the end; they are recovered at the next start."
            );
        }
        app.exit(0);
    });
}
