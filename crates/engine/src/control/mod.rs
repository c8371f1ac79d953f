//! Starting, stopping and waiting: runs and plans as the shells see them.

use std::sync::Arc;

use connectors::Access;
use model::clock::{Clock, Millis};
use model::ids::{ConnectionId, PlanId, RunId, SyncId};
use model::run::{RunCounts, RunState, Trigger};
use store::Store;
use store::plans::PlanKind;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};
use crate::events::{Event, Progress};
use crate::exchanges::{OfConnection, Recorder};
use crate::job::Job;
use crate::jobs::StoredJobs;
use crate::limits::SETTLE_PAUSE;
use crate::lock::SyncLock;
use crate::progress::Meter;
use crate::retries::{MappingOf, Resent};
use crate::run::{self, Ended, Input, Work};
use crate::{Active, Engine, is_published, lock_map};

mod plans;

pub use plans::StartOver;

/// Why a run of a process that is gone has ended.
pub(crate) const INTERRUPTED: &str =
    "Patchbay ended in the middle of it; the next run goes on where it stopped";

impl Engine {
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
                if let Some(draft) = &stored.draft
                    && planned.sync_version == stored.version + 1
                {
                    store::syncs::publish(tx, sync, draft, now)?;
                    if !is_published(&stored) {
                        store::syncs::set_enabled(tx, sync, true, now)?;
                    }
                }
                Ok(())
            })
            .await?;
        let trigger = match planned.kind {
            PlanKind::Run | PlanKind::Relink => Trigger::Plan,
            PlanKind::Undo(_) => Trigger::Undo,
            PlanKind::Decisions => Trigger::Decisions,
            PlanKind::Purge => Trigger::Purge,
        };
        self.begin(sync, trigger, Input::Plan(plan)).await
    }

    /// Begins a run that writes records once more, as they were read then.
    pub async fn resend(
        &self,
        sync: SyncId,
        records: Vec<Resent>,
        mapping: MappingOf,
    ) -> Result<RunId> {
        if records.is_empty() {
            return Err(Error::Refused("there is nothing to try again".into()));
        }
        let stored = self
            .0
            .store
            .read(move |db| {
                let mut stored = store::syncs::get(db, sync)?;
                if let MappingOf::Version(version) = mapping
                    && version != stored.version
                {
                    let of_then = store::syncs::version(db, sync, version)?;
                    if (&of_then.source, &of_then.target)
                        == (&stored.document.source, &stored.document.target)
                    {
                        stored.document.mapping = of_then.mapping;
                        stored.version = version;
                    } else {
                        return Ok(None);
                    }
                }
                Ok(Some(stored))
            })
            .await?;
        let Some(stored) = stored else {
            return Err(Error::Refused(
                "this sync had another source or target then; try it again with the mapping of today".into(),
            ));
        };
        self.begin_as(stored, Trigger::Retry, Input::Records(records))
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
        self.begin_as(stored, trigger, input).await
    }

    /// Begins a run of a sync as it is given, which may be as it was once.
    async fn begin_as(
        &self,
        stored: store::syncs::StoredSync,
        trigger: Trigger,
        input: Input,
    ) -> Result<RunId> {
        let sync = stored.id;
        if !is_published(&stored) {
            return Err(Error::NotPublished {
                name: stored.document.name,
            });
        }
        let Some(lock) = SyncLock::try_take(&self.0.data_dir, sync)? else {
            return Err(Error::AlreadyRunning { sync });
        };
        // We hold the lock: whoever owned an active run of this sync is gone, or waits.
        end_what_was_left(&self.0.store, &self.0.clock, sync).await?;
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
            .write(move |tx| {
                store::runs::insert(tx, &row)?;
                match row.plan {
                    Some(plan) => start_over(tx, sync, plan, row.started_at),
                    None => Ok(()),
                }
            })
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
        let by_hand = trigger == Trigger::Manual;
        let engine = self.clone();
        self.0.tracker.spawn(async move {
            let finished = engine
                .drive(run, stored, input, by_hand, cancel, meter)
                .await;
            // Whoever hears of the end may start the next run at once.
            drop(lock);
            lock_map(&engine.0.active).remove(&run);
            _ = done.send(true);
            engine.announce(finished);
            if let Err(error) = engine.0.store.prune_history().await {
                tracing::warn!(%error, "The history could not be kept in its space.");
            }
        });
        Ok(run)
    }

    /// Runs, writes down how it ended, and gives what is to be announced.
    async fn drive(
        &self,
        run: RunId,
        stored: store::syncs::StoredSync,
        input: Input,
        by_hand: bool,
        cancel: CancellationToken,
        meter: Meter,
    ) -> Event {
        let sync = stored.id;
        let ended = self
            .attempt(run, &stored, input, by_hand, &cancel, &meter)
            .await;
        if let Err(error) = &ended {
            if error.needs_sign_in() {
                self.mark_signed_out(&stored.document, error).await;
            } else if !error.is_cancelled() {
                tracing::error!(%run, %sync, %error, "A run failed.");
            }
        }
        let (state, reason, plan) = state_of(ended);
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
        Event::RunFinished {
            run,
            sync,
            state,
            reason,
            counts,
        }
    }

    async fn attempt(
        &self,
        run: RunId,
        stored: &store::syncs::StoredSync,
        input: Input,
        by_hand: bool,
        cancel: &CancellationToken,
        meter: &Meter,
    ) -> Result<Ended> {
        meter.stage("Connecting");
        let mut work = self.work(run, Some(run), &stored.document, cancel, meter);
        work.by_hand = by_hand;
        work.target_access.jobs = Some(Arc::new(StoredJobs {
            store: self.0.store.clone(),
            clock: self.0.clock.clone(),
            sync: stored.id,
        }));
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
                jobs: None,
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
            by_hand: false,
            is_draft: false,
            recorder: recorder.clone(),
            settle_pause: SETTLE_PAUSE,
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
        let job = Job::new(
            stored.id,
            stored.version,
            document.clone(),
            source.clone(),
            destination.clone(),
            source_stream,
            target_stream,
        )?;
        self.refuse_lost_references(&job).await?;
        if !document.reads_target() {
            return Ok(job);
        }
        let written = connectors::Destination::describe(
            &*source,
            &document.source.stream,
            &work.source_access,
        )
        .await?;
        let read = connectors::Source::describe(
            &*destination,
            &document.target.stream,
            &work.target_access,
        )
        .await?;
        job.with_back(destination, source, &read, written)
    }

    /// What records point at has to be linked by a sync between the same two accounts.
    async fn refuse_lost_references(&self, job: &Job) -> Result<()> {
        let syncs = mapping::refers_to(&job.document.mapping);
        if syncs.is_empty() {
            return Ok(());
        }
        let known = self.0.store.read(store::syncs::list).await?;
        let ends = |sync: &model::sync::Sync| (sync.source.connection, sync.target.connection);
        for sync in syncs {
            let other = known.iter().find(|stored| stored.id == sync);
            let problem = match other {
                None => "a sync that is gone".to_owned(),
                Some(other) if ends(&other.document) != ends(&job.document) => {
                    format!(
                        "\"{}\", which is between other accounts",
                        other.document.name
                    )
                }
                Some(_) => continue,
            };
            return Err(Error::Refused(format!(
                "a field of {} points at records of {problem}; choose another sync in its step \"Linked record\"",
                job.document.name
            )));
        }
        Ok(())
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
}

/// A plan that lets a sync start over forgets what it remembers once it is begun, so that no later run goes on from
/// there, should this one not come to its end.
fn start_over(
    tx: &store::Transaction<'_>,
    sync: SyncId,
    plan: PlanId,
    now: Millis,
) -> store::Result<()> {
    match store::plans::get(tx, plan)?.kind {
        PlanKind::Run | PlanKind::Undo(_) | PlanKind::Decisions => {}
        PlanKind::Relink => {
            store::links::delete_all(tx, sync)?;
            store::checkpoints::reset(tx, sync)?;
            // Once: what is found from here on stays, also when the plan is begun again.
            store::plans::set_kind(tx, plan, PlanKind::Run)?;
        }
        PlanKind::Purge => {
            store::checkpoints::reset(tx, sync)?;
            store::syncs::set_enabled(tx, sync, false, now)?;
        }
    }
    Ok(())
}

/// The state of a run that came to this end, the reason in words, and the plan that waits.
pub(crate) fn state_of(ended: Result<Ended>) -> (RunState, Option<String>, Option<PlanId>) {
    match ended {
        Ok(Ended::Completed) => (RunState::Completed, None, None),
        Ok(Ended::Waiting { plan, reason }) => (RunState::Waiting, Some(reason), plan),
        Err(error) if error.is_cancelled() => (RunState::Cancelled, None, None),
        Err(error) if error.needs_sign_in() => (RunState::Waiting, Some(error.to_string()), None),
        Err(error) => (RunState::Failed, Some(error.to_string()), None),
    }
}

/// Ends the run of this sync that is not ended: it waits for somebody, or its process is gone.
pub(crate) async fn end_what_was_left(store: &Store, clock: &Clock, sync: SyncId) -> Result<()> {
    let left = store
        .read(move |db| store::runs::active_of_sync(db, sync))
        .await?;
    let Some(left) = left else { return Ok(()) };
    let (state, reason) = match left.state {
        RunState::Waiting => (RunState::Cancelled, "a later run took over"),
        _ => (RunState::Interrupted, INTERRUPTED),
    };
    let now = clock.now();
    Ok(store
        .write(move |tx| store::runs::set_state(tx, left.id, state, Some(reason), now))
        .await?)
}
