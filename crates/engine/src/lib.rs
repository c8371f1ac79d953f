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

mod commit;
pub mod connect;
mod error;
pub mod events;
mod exchanges;
mod job;
pub mod limits;
mod lock;
mod lookup;
pub mod plan;
mod platforms;
mod progress;
mod read;
pub mod run;
pub mod samples;
mod scheduler;
mod write;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use connectors::Access;
use connectors::secrets::{BackendChoice, Keeper, KeeperOptions};
pub use error::{Error, Result};
use events::{Event, Progress};
use exchanges::{OfConnection, Recorder};
pub use job::{Job, purpose};
use lock::SyncLock;
use model::clock::Clock;
use model::ids::{ConnectionId, PlanId, RunId, SyncId};
use model::record::RecordKey;
use model::run::{RunCounts, RunState, Trigger};
use model::value::Value;
use platforms::Platforms;
use progress::Meter;
use run::{Ended, Input, Work};
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
            owner: uuid::Uuid::now_v7().to_string(),
        }));
        notes.extend(engine.recover().await?);
        Ok(Opened { engine, notes })
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
                    Some(
                        "Patchbay ended in the middle of it; the next run goes on where it stopped",
                    ),
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

    /// Begins a run of the published version.
    pub async fn start_run(&self, sync: SyncId, trigger: Trigger) -> Result<RunId> {
        self.begin(sync, trigger, Input::Stream { full: false })
            .await
    }

    /// Begins a run that reads everything, whatever was read before.
    pub async fn start_full_run(&self, sync: SyncId, trigger: Trigger) -> Result<RunId> {
        self.begin(sync, trigger, Input::Stream { full: true })
            .await
    }

    /// Begins a run that does what a plan says.
    pub async fn apply_plan(&self, plan: PlanId) -> Result<RunId> {
        let planned = self
            .0
            .store
            .read(move |db| store::plans::get(db, plan))
            .await?;
        if planned.state != store::plans::PlanState::Ready {
            return Err(Error::Refused(
                "this plan was already applied, thrown away, or the sync was changed since; make a new one".into(),
            ));
        }
        // A plan of a draft: what was looked at becomes what is in force.
        let (sync, now) = (planned.sync, self.0.clock.now());
        self.0
            .store
            .write(move |tx| {
                let stored = store::syncs::get(tx, sync)?;
                if let Some(draft) = stored.draft
                    && planned.sync_version == stored.version + 1
                {
                    store::syncs::publish(tx, sync, &draft, now)?;
                    store::syncs::set_enabled(tx, sync, true, now)?;
                }
                Ok(())
            })
            .await?;
        self.begin(sync, Trigger::Plan, Input::Plan(plan)).await
    }

    /// Begins a run of records that were not written before, as they were read then.
    pub async fn retry(&self, sync: SyncId, records: Vec<(RecordKey, Value)>) -> Result<RunId> {
        if records.is_empty() {
            return Err(Error::Refused("there is nothing to try again".into()));
        }
        self.begin(sync, Trigger::Retry, Input::Records(records))
            .await
    }

    /// Lets a run go on that a guard or a lost sign-in holds.
    pub async fn approve(&self, run: RunId) -> Result<RunId> {
        let waiting = self
            .0
            .store
            .read(move |db| store::runs::get(db, run))
            .await?;
        if waiting.state != RunState::Waiting {
            return Err(Error::Refused("this run does not wait for anybody".into()));
        }
        match waiting.plan {
            Some(plan) => {
                self.begin(waiting.sync, Trigger::Plan, Input::Plan(plan))
                    .await
            }
            None => {
                self.begin(waiting.sync, Trigger::Manual, Input::Stream { full: false })
                    .await
            }
        }
    }

    async fn begin(&self, sync: SyncId, trigger: Trigger, input: Input) -> Result<RunId> {
        let stored = self
            .0
            .store
            .read(move |db| store::syncs::get(db, sync))
            .await?;
        if !is_published(&stored) {
            return Err(Error::NotPublished {
                name: stored.document.name,
            });
        }
        let Some(lock) = SyncLock::try_take(&self.0.data_dir, sync)? else {
            return Err(Error::AlreadyRunning { sync });
        };
        // We hold the lock: whoever owned an active run of this sync is gone, or waits.
        if let Some(left) = self
            .0
            .store
            .read(move |db| store::runs::active_of_sync(db, sync))
            .await?
        {
            if left.state == RunState::Waiting {
                let (id, now) = (left.id, self.0.clock.now());
                self.0
                    .store
                    .write(move |tx| {
                        store::runs::set_state(
                            tx,
                            id,
                            RunState::Cancelled,
                            Some("a later run took over"),
                            now,
                        )
                    })
                    .await?;
            } else {
                self.interrupt(left.id).await?;
            }
        }
        let run = RunId::new();
        let row = store::runs::Run {
            id: run,
            sync,
            sync_version: stored.version,
            trigger,
            state: RunState::Running,
            reason: None,
            counts: RunCounts::default(),
            started_at: self.0.clock.now(),
            finished_at: None,
            owner: self.0.owner.clone(),
            plan: match &input {
                Input::Plan(plan) => Some(*plan),
                Input::Stream { .. } | Input::Records(_) => None,
            },
        };
        self.0
            .store
            .write(move |tx| store::runs::insert(tx, &row))
            .await?;
        let cancel = self.0.cancel.child_token();
        let meter = Meter::new(run, sync, self.0.events.clone());
        let (done, is_done) = watch::channel(false);
        lock_map(&self.0.active).insert(
            run,
            Active {
                cancel: cancel.clone(),
                meter: meter.clone(),
                done: is_done,
            },
        );
        self.announce(Event::RunStarted { run, sync });
        let engine = self.clone();
        self.0.tracker.spawn(async move {
            engine.drive(run, stored, input, cancel, meter).await;
            drop(lock);
            lock_map(&engine.0.active).remove(&run);
            _ = done.send(true);
        });
        Ok(run)
    }

    /// Runs, and writes down how it ended.
    async fn drive(
        &self,
        run: RunId,
        stored: store::syncs::StoredSync,
        input: Input,
        cancel: CancellationToken,
        meter: Meter,
    ) {
        let sync = stored.id;
        let ended = self.attempt(run, &stored, input, &cancel, &meter).await;
        let (state, reason, plan) = match ended {
            Ok(Ended::Completed) => (RunState::Completed, None, None),
            Ok(Ended::Waiting { plan, reason }) => (RunState::Waiting, Some(reason), plan),
            Err(error) if error.is_cancelled() => (RunState::Cancelled, None, None),
            Err(error) if error.needs_sign_in() => {
                self.mark_signed_out(&stored.document, &error).await;
                (RunState::Waiting, Some(error.to_string()), None)
            }
            Err(error) => {
                tracing::error!(%run, %sync, %error, "A run failed.");
                (RunState::Failed, Some(error.to_string()), None)
            }
        };
        let now = self.0.clock.now();
        let words = reason.clone();
        let finished = self
            .0
            .store
            .write(move |tx| {
                if let Some(plan) = plan {
                    store::runs::set_plan(tx, run, plan)?;
                }
                store::runs::set_state(tx, run, state, words.as_deref(), now)?;
                store::runs::get(tx, run)
            })
            .await;
        let counts = match finished {
            Ok(finished) => finished.counts,
            Err(error) => {
                // Recovery at the next start closes it.
                tracing::error!(%run, %error, "The end of a run could not be written down.");
                meter.snapshot().counts
            }
        };
        tracing::info!(%run, %sync, state = state.as_str(), equation = counts.equation(), "A run ended.");
        meter.announce();
        self.announce(Event::RunFinished {
            run,
            sync,
            state,
            reason,
            counts,
        });
    }

    async fn attempt(
        &self,
        run: RunId,
        stored: &store::syncs::StoredSync,
        input: Input,
        cancel: &CancellationToken,
        meter: &Meter,
    ) -> Result<Ended> {
        meter.stage("Connecting");
        let work = self.work(run, Some(run), &stored.document, cancel, meter);
        let result = async {
            let job = self.job(stored, &work).await?;
            run::run(&job, &work, input).await
        }
        .await;
        // What was said on the wire matters most when it went wrong.
        if let Err(error) = work.recorder.close(&self.0.store).await {
            tracing::warn!(%run, %error, "Requests of a run are missing in the history.");
        }
        result
    }

    fn work(
        &self,
        run: RunId,
        recorded_as: Option<RunId>,
        document: &model::sync::Sync,
        cancel: &CancellationToken,
        meter: &Meter,
    ) -> Work {
        let recorder = Arc::new(Recorder::new(recorded_as));
        let access = |connection: ConnectionId| {
            let meter = meter.clone();
            Access {
                cancel: cancel.clone(),
                exchanges: Some(Arc::new(OfConnection {
                    connection,
                    recorder: recorder.clone(),
                })),
                waiting: Some(Arc::new(move |reason| meter.waiting(reason))),
            }
        };
        Work {
            run,
            store: self.0.store.clone(),
            clock: self.0.clock.clone(),
            cancel: cancel.clone(),
            source_access: access(document.source.connection),
            target_access: access(document.target.connection),
            meter: meter.clone(),
            tracker: self.0.tracker.clone(),
            recorder: recorder.clone(),
        }
    }

    /// Looks everything up that a run of a stored sync needs.
    async fn job(&self, stored: &store::syncs::StoredSync, work: &Work) -> Result<Job> {
        let document = &stored.document;
        let source = self.0.platforms.get(document.source.connection).await?;
        let destination = self.0.platforms.get(document.target.connection).await?;
        let source_stream =
            connectors::Source::describe(&*source, &document.source.stream, &work.source_access)
                .await?;
        let target_stream = connectors::Destination::describe(
            &*destination,
            &document.target.stream,
            &work.target_access,
        )
        .await?;
        self.0
            .platforms
            .remember(document.source.connection, &source_stream);
        self.0
            .platforms
            .remember(document.target.connection, &target_stream);
        Job::new(
            stored.id,
            stored.version,
            document.clone(),
            source,
            destination,
            source_stream,
            target_stream,
        )
    }

    async fn mark_signed_out(&self, document: &model::sync::Sync, error: &Error) {
        let Error::Platform(connectors::Error::SignInNeeded { platform, reason }) = error else {
            return;
        };
        let platform = platform.clone();
        let (source, target) = (document.source.connection, document.target.connection);
        let named = self
            .0
            .store
            .read(move |db| {
                // Errors name the connection, as people do.
                let source = store::connections::get(db, source)?;
                Ok(if source.name == platform {
                    source.id
                } else {
                    target
                })
            })
            .await;
        if let Ok(connection) = named
            && let Err(error) = self.set_sign_in_needed(connection, reason).await
        {
            tracing::warn!(%connection, %error, "That a sign-in is over could not be written down.");
        }
    }

    /// Writes down that a connection needs its person.
    pub async fn set_sign_in_needed(&self, connection: ConnectionId, reason: &str) -> Result<()> {
        let (reason, now) = (reason.to_owned(), self.0.clock.now());
        self.0
            .store
            .write(move |tx| {
                let state = store::connections::ConnectionState::SignInNeeded { reason };
                store::connections::set_state(tx, connection, &state, now)
            })
            .await?;
        self.announce(Event::ConnectionChanged { connection });
        Ok(())
    }

    /// Stops a run; it acts within two seconds and leaves a run that can go on.
    pub async fn cancel_run(&self, run: RunId) -> Result<()> {
        if let Some(active) = lock_map(&self.0.active).get(&run) {
            active.cancel.cancel();
            return Ok(());
        }
        let stored = self
            .0
            .store
            .read(move |db| store::runs::get(db, run))
            .await?;
        if stored.state == RunState::Waiting {
            let now = self.0.clock.now();
            self.0
                .store
                .write(move |tx| store::runs::set_state(tx, run, RunState::Cancelled, None, now))
                .await?;
            self.announce(Event::RunFinished {
                run,
                sync: stored.sync,
                state: RunState::Cancelled,
                reason: None,
                counts: stored.counts,
            });
            return Ok(());
        }
        if stored.state.is_terminal() {
            return Ok(());
        }
        Err(Error::Refused(
            "this run belongs to another process of Patchbay; stop it there".into(),
        ))
    }

    /// Waits until a run of this process has come to its end, and tells how.
    pub async fn wait(&self, run: RunId) -> Result<store::runs::Run> {
        let done = lock_map(&self.0.active)
            .get(&run)
            .map(|active| active.done.clone());
        if let Some(mut done) = done {
            _ = done.wait_for(|done| *done).await;
        }
        Ok(self
            .0
            .store
            .read(move |db| store::runs::get(db, run))
            .await?)
    }

    /// Live figures of a run of this process.
    pub fn progress(&self, run: RunId) -> Option<Progress> {
        lock_map(&self.0.active)
            .get(&run)
            .map(|active| active.meter.snapshot())
    }

    /// Begins to make a plan that can be looked at: of the draft, where there is one.
    pub async fn start_plan(&self, sync: SyncId) -> Result<PlanId> {
        let mut stored = self
            .0
            .store
            .read(move |db| store::syncs::get(db, sync))
            .await?;
        if let Some(draft) = stored.draft.take() {
            stored.document = draft;
            stored.version += 1;
        }
        let Some(lock) = SyncLock::try_take(&self.0.data_dir, sync)? else {
            return Err(Error::AlreadyRunning { sync });
        };
        let plan = PlanId::new();
        let cancel = self.0.cancel.child_token();
        // A plan is not a run, but it moves like one.
        let meter = Meter::new(RunId::new(), sync, self.0.events.clone());
        let (done, is_done) = watch::channel(None);
        lock_map(&self.0.plans).insert(
            plan,
            ActivePlan {
                cancel: cancel.clone(),
                meter: meter.clone(),
                done: is_done,
            },
        );
        let work = self.work(RunId::new(), None, &stored.document, &cancel, &meter);
        run::insert_plan(&work, plan, sync, stored.version).await?;
        let engine = self.clone();
        self.0.tracker.spawn(async move {
            let result = async {
                let job = engine.job(&stored, &work).await?;
                run::preview(&job, &work, plan).await
            }
            .await;
            drop(lock);
            if let Err(error) = result {
                if error.needs_sign_in() {
                    engine.mark_signed_out(&stored.document, &error).await;
                }
                let words = if error.is_cancelled() {
                    "stopped".to_owned()
                } else {
                    error.to_string()
                };
                let failed = engine
                    .0
                    .store
                    .write(move |tx| {
                        let mut stored = store::plans::get(tx, plan)?;
                        stored.state = store::plans::PlanState::Discarded;
                        stored.note = Some(words);
                        store::plans::update(tx, &stored)
                    })
                    .await;
                if let Err(error) = failed {
                    tracing::error!(%plan, %error, "The end of a plan could not be written down.");
                }
            }
            lock_map(&engine.0.plans).remove(&plan);
            _ = done.send(Some(String::new()));
            engine.announce(Event::PlanProgressed { plan });
        });
        self.announce(Event::PlanProgressed { plan });
        Ok(plan)
    }

    /// Live figures of a plan in the making.
    pub fn plan_progress(&self, plan: PlanId) -> Option<Progress> {
        lock_map(&self.0.plans)
            .get(&plan)
            .map(|active| active.meter.snapshot())
    }

    /// Waits until a plan is made.
    pub async fn wait_plan(&self, plan: PlanId) -> Result<store::plans::Plan> {
        let done = lock_map(&self.0.plans)
            .get(&plan)
            .map(|active| active.done.clone());
        if let Some(mut done) = done {
            _ = done.wait_for(Option::is_some).await;
        }
        Ok(self
            .0
            .store
            .read(move |db| store::plans::get(db, plan))
            .await?)
    }

    /// Throws a plan away, also one that is still being made.
    pub async fn discard_plan(&self, plan: PlanId) -> Result<()> {
        if let Some(active) = lock_map(&self.0.plans).get(&plan) {
            active.cancel.cancel();
        }
        self.0
            .store
            .write(move |tx| store::plans::discard(tx, plan))
            .await?;
        Ok(())
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
