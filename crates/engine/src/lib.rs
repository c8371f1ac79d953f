//! Runs syncs: read, map, plan, journal, write, commit.
//!
//! The only crate that sees platforms, mappings and the store together. Start with [`run`] (one run
//! from top to bottom), then [`plan`] (what is decided for a record), then [`Engine`].
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests may fail loudly"
    )
)]

pub mod advanced_auth;
pub mod alone;
mod claims;
mod commit;
mod compare;
pub mod connect;
pub mod connector_files;
mod control;
mod decide;
mod deletes;
mod earlier;
mod error;
pub mod events;
mod exchanges;
mod flips;
mod guards;
mod job;
mod jobs;
pub mod limits;
mod linked;
mod lock;
mod lookup;
mod merge;
mod one_way;
pub mod plan;
mod planned;
pub mod platforms;
mod progress;
mod purge;
mod read;
mod references;
pub mod retries;
pub mod run;
pub mod samples;
mod scheduler;
pub mod settings;
mod settle;
pub mod shelf;
mod stored_plan;
pub mod tries;
mod two_way;
pub mod undo;
mod write;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use connectors::secrets::{BackendChoice, Keeper, KeeperOptions};
pub use control::StartOver;
pub use error::{Error, Result};
use events::Event;
pub use job::{Job, mode_problem, purpose};
use lock::SyncLock;
use model::clock::Clock;
use model::ids::{PlanId, RunId};
use model::run::RunState;
use platforms::Platforms;
use progress::Meter;
pub use scheduler::due_at;
use store::Store;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How an engine is opened.
#[derive(Debug)]
pub struct Options {
    /// Everything of the workspace is in this folder.
    pub data_dir: PathBuf,
    /// Where secrets are kept.
    pub secrets: BackendChoice,
    /// Where the time comes from.
    pub clock: Clock,
    /// Bytes that the history may take.
    pub history_budget_bytes: u64,
    /// Folder with more connector files.
    pub connectors_dir: Option<PathBuf>,
}

/// An engine and what a person should know of its start.
#[derive(Debug)]
pub struct Opened {
    /// Ready to work.
    pub engine: Engine,
    /// Migrations, files moved aside, runs that were cut off.
    pub notes: Vec<StartNote>,
}

/// What a person should know of a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartNote {
    /// What happened, and what to do.
    pub message: String,
    /// Something may be missing.
    pub is_warning: bool,
}

/// Runs syncs of one workspace. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    store: Store,
    keeper: Keeper,
    platforms: Platforms,
    data_dir: PathBuf,
    clock: Clock,
    events: broadcast::Sender<Event>,
    tracker: TaskTracker,
    cancel: CancellationToken,
    active: Mutex<HashMap<RunId, Active>>,
    plans: Mutex<HashMap<PlanId, ActivePlan>>,
    flows: connect::Flows,
    samples: samples::Cache,
    tries: tries::Tries,
    /// Names this process in the runs it owns.
    owner: String,
}

struct Active {
    cancel: CancellationToken,
    meter: Meter,
    done: watch::Receiver<bool>,
}

struct ActivePlan {
    cancel: CancellationToken,
    meter: Meter,
    done: watch::Receiver<Option<String>>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("data_dir", &self.0.data_dir)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Opens the workspace in a folder: secrets, databases, and what a crash left open.
    pub async fn open(options: Options) -> Result<Opened> {
        let Options {
            data_dir,
            secrets,
            clock,
            history_budget_bytes,
            connectors_dir,
        } = options;
        let database_exists = data_dir.join("patchbay.db").exists();
        let opened = Keeper::open(KeeperOptions {
            dir: data_dir.clone(),
            backend: secrets,
            workspace_id: platforms::workspace_id(&data_dir)?,
        })
        .await?;
        let keeper = opened.keeper;
        let secrets_note = opened.self_test.note;
        let key = keeper.database_key(database_exists).await?;
        let store_options = store::Options {
            dir: data_dir.clone(),
            key,
            clock: clock.clone(),
            history_budget_bytes,
        };
        let opened = tokio::task::spawn_blocking(move || Store::open(store_options))
            .await
            .map_err(|error| {
                Error::Refused(format!("the databases could not be opened: {error}"))
            })??;
        let store = opened.store;
        let mut notes: Vec<StartNote> = opened.notes.iter().map(start_note).collect();
        let (events, _) = broadcast::channel(1024);
        let (platforms, problems) = Platforms::new(
            store.clone(),
            keeper.clone(),
            clock.clone(),
            connectors_dir.as_deref(),
        );
        notes.extend(secrets_note.map(|message| StartNote {
            message,
            is_warning: false,
        }));
        notes.extend(problems.into_iter().map(|problem| StartNote {
            message: format!("A connector file cannot be used: {problem}"),
            is_warning: true,
        }));
        let engine = Self(Arc::new(Inner {
            store,
            keeper,
            platforms,
            data_dir,
            clock,
            events,
            tracker: TaskTracker::new(),
            cancel: CancellationToken::new(),
            active: Mutex::default(),
            plans: Mutex::default(),
            flows: connect::Flows::default(),
            samples: samples::Cache::default(),
            tries: tries::Tries::default(),
            owner: uuid::Uuid::now_v7().to_string(),
        }));
        notes.extend(engine.own_connectors().await?);
        notes.extend(engine.recover().await?);
        Ok(Opened { engine, notes })
    }

    /// Takes up the person's own connectors, and says which of them this build cannot read.
    async fn own_connectors(&self) -> Result<Vec<StartNote>> {
        self.platforms().refresh().await?;
        let broken = self.platforms().broken_connectors();
        Ok(broken
            .into_iter()
            .map(|broken| StartNote {
                message: format!(
                    "Your connector \"{}\" cannot be used: {}",
                    broken.name, broken.problem
                ),
                is_warning: true,
            })
            .collect())
    }

    /// Marks runs whose process has died; what they left pending is settled when their sync runs next.
    async fn recover(&self) -> Result<Vec<StartNote>> {
        let mut notes = Vec::new();
        self.0.store.copy_history().await?;
        for run in self.0.store.read(store::runs::active).await? {
            if run.state == RunState::Waiting {
                continue;
            }
            let Some(_lock) = SyncLock::try_take(&self.0.data_dir, run.sync)? else {
                continue;
            };
            self.interrupt(run.id).await?;
            notes.push(StartNote {
                message: format!(
                    "A run was cut off after {} records. Nothing is lost: the next run of this sync goes on where it stopped.",
                    run.counts.settled()
                ),
                is_warning: false,
            });
        }
        Ok(notes)
    }

    async fn interrupt(&self, run: RunId) -> Result<()> {
        let now = self.0.clock.now();
        self.0
            .store
            .write(move |tx| {
                store::runs::set_state(
                    tx,
                    run,
                    RunState::Interrupted,
                    Some(control::INTERRUPTED),
                    now,
                )
            })
            .await?;
        Ok(())
    }

    /// The databases.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// Where secrets are.
    pub fn keeper(&self) -> &Keeper {
        &self.0.keeper
    }

    /// The platforms of this workspace.
    pub fn platforms(&self) -> &Platforms {
        &self.0.platforms
    }

    /// The workspace's folder.
    pub fn data_dir(&self) -> &Path {
        &self.0.data_dir
    }

    /// Where the time comes from.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// What happens from now on. A listener that is too slow misses the oldest.
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.0.events.subscribe()
    }

    fn announce(&self, event: Event) {
        _ = self.0.events.send(event);
    }

    /// Starts the scheduler. Only one shell of a workspace should.
    pub fn start_scheduler(&self) {
        let engine = self.clone();
        self.0
            .tracker
            .spawn(async move { scheduler::run(&engine).await });
    }

    /// Stops everything and waits for it, at most `patience`.
    pub async fn shutdown(&self, patience: std::time::Duration) {
        self.0.cancel.cancel();
        self.0.tracker.close();
        _ = tokio::time::timeout(patience, self.0.tracker.wait()).await;
    }
}

/// Whether there is a version in force: the first one is only what the sync was created with.
pub const fn is_published(stored: &store::syncs::StoredSync) -> bool {
    stored.version > 1
}

fn start_note(note: &store::OpenNote) -> StartNote {
    match note {
        store::OpenNote::MigratedFrom { file, backup, .. } => StartNote {
            message: format!(
                "{} was brought to the layout of this version.{}",
                file.display(),
                backup
                    .as_ref()
                    .map(|backup| format!(" A copy of it as it was lies in {}.", backup.display()))
                    .unwrap_or_default()
            ),
            is_warning: false,
        },
        store::OpenNote::MovedAside { file, moved_to } => StartNote {
            message: format!(
                "{} was damaged. It was moved to {} and a new one was begun; the folder \"backups\" may have an older copy.",
                file.display(),
                moved_to.display()
            ),
            is_warning: true,
        },
    }
}

fn lock_map<T>(map: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while holding it leaves a map that is still a map.
    map.lock().unwrap_or_else(PoisonError::into_inner)
}
