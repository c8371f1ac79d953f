//! The application: an engine, a shell, and the one door between them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use connectors::secrets::BackendChoice;
use engine::events::Event;
use engine::{Engine, Options};
use model::clock::Clock;
use model::secret::Secret;
use sandbox::Sandbox;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::commands;
use crate::error::{ApiError, Code};
use crate::host::{Host, Notification};
use crate::plan_lists::PlanLists;
use crate::registry::commands as every_command;
use crate::tags::Tag;
#[allow(
    clippy::wildcard_imports,
    reason = "the registry names nearly all of them"
)]
use crate::views::*;

/// How the application is opened.
#[derive(Clone, Debug)]
pub struct Config {
    /// Everything of the workspace; none: this user's usual place.
    pub data_dir: Option<PathBuf>,
    /// Where secrets are kept.
    pub secrets: SecretsPlace,
    /// Start scheduled runs. Only one process of a workspace needs to.
    pub schedules: bool,
    /// Contacts in the sample platforms, when they are made.
    pub sample_contacts: usize,
}

/// Where secrets are kept.
#[derive(Clone, Debug, Default)]
pub enum SecretsPlace {
    /// The operating system's keychain, or a vault file where there is none.
    #[default]
    Auto,
    /// A vault file that this passphrase opens.
    VaultWithPassphrase(Secret),
    /// A vault file with a key file beside it.
    Vault,
}

/// The application. Cheap to clone.
#[derive(Clone)]
pub struct App(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) notes: Vec<Note>,
    pub(crate) sample: tokio::sync::Mutex<Option<Sandbox>>,
    pub(crate) sample_contacts: usize,
    pub(crate) names: Mutex<Option<SamplePlatforms>>,
    pub(crate) plan_lists: PlanLists,
    events: broadcast::Sender<UiEvent>,
    closing: CancellationToken,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("App").field(&self.0.engine).finish()
    }
}

impl App {
    /// Opens the workspace.
    pub async fn open(config: Config, host: Arc<dyn Host>) -> Result<Self, ApiError> {
        let data_dir = match config.data_dir {
            Some(dir) => dir,
            None => usual_place()?,
        };
        let secrets = match config.secrets {
            SecretsPlace::Auto => BackendChoice::Auto,
            SecretsPlace::Vault => BackendChoice::Vault { passphrase: None },
            SecretsPlace::VaultWithPassphrase(passphrase) => BackendChoice::Vault {
                passphrase: Some(passphrase),
            },
        };
        let connectors_dir = Some(data_dir.join("connectors")).filter(|dir| dir.is_dir());
        let opened = Engine::open(Options {
            data_dir,
            secrets,
            clock: Clock::system(),
            history_budget_bytes: 1 << 30,
            connectors_dir,
        })
        .await?;
        let notes = opened
            .notes
            .into_iter()
            .map(|note| Note {
                severity: if note.is_warning {
                    NoteSeverity::Warning
                } else {
                    NoteSeverity::Info
                },
                message: crate::error::sentence(&note.message),
                hint: None,
            })
            .collect();
        let (events, _) = broadcast::channel(256);
        let app = Self(Arc::new(Inner {
            engine: opened.engine,
            host,
            notes,
            sample: tokio::sync::Mutex::default(),
            sample_contacts: config.sample_contacts,
            names: Mutex::default(),
            plan_lists: PlanLists::default(),
            events,
            closing: CancellationToken::new(),
        }));
        app.forward_events();
        let settings = commands::app::get_settings(&app, Nothing {}).await?;
        commands::app::apply_settings(&app, &settings);
        if config.schedules {
            app.0.engine.start_scheduler();
        }
        Ok(app)
    }

    /// The engine, for what the command line does besides commands.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// What happens from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<UiEvent> {
        self.0.events.subscribe()
    }

    /// Stops runs at a safe place and closes what is open.
    pub async fn close(&self, patience: Duration) {
        self.0.closing.cancel();
        self.0.engine.shutdown(patience).await;
        if let Some(sample) = self.0.sample.lock().await.take()
            && let Err(error) = sample.stop().await
        {
            tracing::warn!(%error, "The sample platforms could not be stopped in order.");
        }
    }

    pub(crate) fn announce(&self, event: UiEvent) {
        _ = self.0.events.send(event);
    }

    /// Engine events become events of the user interface, with the tags of what they change.
    fn forward_events(&self) {
        let mut events = self.0.engine.subscribe();
        let app = Arc::downgrade(&self.0);
        let closing = self.0.closing.clone();
        // Ends with the application, which it only knows weakly.
        tokio::spawn(async move {
            loop {
                let event = tokio::select! {
                    () = closing.cancelled() => return,
                    event = events.recv() => event,
                };
                let Some(app) = app.upgrade().map(App) else {
                    return;
                };
                match event {
                    Ok(event) => app.forward(event).await,
                    Err(broadcast::error::RecvError::Lagged(_)) => {
                        // Too much at once: everything may have changed.
                        app.announce(UiEvent::Changed {
                            tags: vec![Tag::Runs, Tag::Syncs, Tag::Connections, Tag::Plans],
                        });
                    }
                    Err(broadcast::error::RecvError::Closed) => return,
                }
            }
        });
    }

    async fn forward(&self, event: Event) {
        match event {
            Event::RunStarted { .. } => self.announce(UiEvent::Changed {
                tags: vec![Tag::Runs, Tag::Syncs],
            }),
            Event::RunProgressed(progress) => {
                self.announce(UiEvent::Progress {
                    progress: commands::runs::progress_view(&progress),
                });
            }
            Event::RunFinished { run, state, .. } => {
                if let Ok(detail) = commands::runs::summary(self, run).await {
                    self.notify_of_end(&detail, state).await;
                    self.announce(UiEvent::RunFinished { run: detail });
                }
                self.announce(UiEvent::Changed {
                    tags: vec![
                        Tag::Conflicts,
                        Tag::Runs,
                        Tag::RunRecords,
                        Tag::Syncs,
                        Tag::Connections,
                        Tag::Plans,
                    ],
                });
            }
            Event::PlanProgressed { plan } => {
                if let Ok(plan) = commands::plans::get_plan(self, PlanRef { plan }).await {
                    self.announce(UiEvent::PlanProgress { plan });
                }
                self.announce(UiEvent::Changed {
                    tags: vec![Tag::Plans],
                });
            }
            Event::FlowProgressed { flow } => {
                if let Some(flow) = self.0.engine.flow(flow) {
                    self.announce(UiEvent::ConnectFlow {
                        flow: commands::connect::flow_view(&flow),
                    });
                }
            }
            Event::ConnectionChanged { .. } => {
                self.announce(UiEvent::Changed {
                    tags: vec![Tag::Connections, Tag::Streams, Tag::Syncs],
                });
            }
        }
    }

    async fn notify_of_end(&self, run: &RunSummary, state: model::run::RunState) {
        use model::run::RunState::{Cancelled, Completed, Failed, Waiting};
        let Ok(settings) = commands::app::get_settings(self, Nothing {}).await else {
            return;
        };
        let problem = matches!(state, Failed | Waiting);
        let wanted = match settings.notify {
            NotifyWhen::Never => false,
            NotifyWhen::Problems => problem,
            NotifyWhen::Always => true,
        };
        if !wanted {
            return;
        }
        let title = match state {
            Completed => format!("{} is done", run.sync_name),
            Waiting => format!("{} waits for you", run.sync_name),
            Failed => format!("{} failed", run.sync_name),
            Cancelled => format!("{} was stopped", run.sync_name),
            _ => run.sync_name.clone(),
        };
        let body = run.reason.clone().unwrap_or_else(|| {
            format!(
                "{} created, {} updated, {} unchanged",
                run.counts.created, run.counts.updated, run.counts.unchanged
            )
        });
        self.0.host.notify(Notification { title, body });
    }

    pub(crate) fn sample(&self) -> Option<SamplePlatforms> {
        self.0
            .names
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

macro_rules! door {
    ($($name:ident($request:ty) -> $response:ty, $kind:ident, [$($tag:ident),*];)*) => {
        impl App {
            /// Every command's name.
            pub const COMMANDS: &'static [&'static str] = &[$(stringify!($name)),*];

            /// Calls a command by name. The one way in, for every shell.
            pub async fn call(&self, name: &str, request: Value) -> Result<Value, ApiError> {
                match name {
                    $(stringify!($name) => {
                        let request: $request = parse(name, request)?;
                        let response: $response = commands::$name(self, request).await?;
                        door!(@announce $kind, self, [$($tag),*]);
                        render(&response)
                    })*
                    _ => Err(ApiError {
                        code: Code::InvalidRequest,
                        message: format!("There is no command \"{}\".", name.chars().take(80).collect::<String>()),
                        hint: Some("See `App::COMMANDS` for all of them; shell and engine may be of different versions.".into()),
                        details: None,
                    }),
                }
            }
        }
    };
    (@announce query, $app:expr, [$($tag:ident),*]) => {};
    (@announce mutation, $app:expr, []) => {};
    (@announce mutation, $app:expr, [$($tag:ident),*]) => {
        $app.announce(UiEvent::Changed { tags: vec![$(Tag::$tag),*] })
    };
}
every_command!(door);

fn parse<T: DeserializeOwned>(name: &str, request: Value) -> Result<T, ApiError> {
    // No body is an empty one.
    let request = if request.is_null() {
        Value::Object(serde_json::Map::new())
    } else {
        request
    };
    serde_json::from_value(request).map_err(|error| ApiError {
        code: Code::InvalidRequest,
        message: format!("The request \"{name}\" cannot be understood: {error}."),
        hint: Some("Shell and engine may be of different versions; restart Patchbay.".into()),
        details: None,
    })
}

fn render<T: Serialize>(response: &T) -> Result<Value, ApiError> {
    serde_json::to_value(response).map_err(|error| ApiError {
        code: Code::Internal,
        message: "An answer could not be written.".into(),
        hint: None,
        details: Some(error.to_string()),
    })
}

/// Where the workspace of this user is, unless another place is named.
pub fn usual_place() -> Result<PathBuf, ApiError> {
    directories::ProjectDirs::from("app", "Patchbay", "patchbay")
        .map(|dirs| dirs.data_dir().to_owned())
        .ok_or_else(|| ApiError {
            code: Code::InvalidRequest,
            message: "This user has no home folder, so there is no usual place for the data."
                .into(),
            hint: Some("Name one with --data-dir.".into()),
            details: None,
        })
}
