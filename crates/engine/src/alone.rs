//! A run without a workspace: a job and a store, without the lock, the events and the schedule around them. For the
//! simulation, for tests of what a run promises, and for benchmarks of what it costs.

use std::sync::Arc;
use std::time::Duration;

use connectors::Access;
use model::clock::Clock;
use model::ids::{ConnectionId, PlanId, RunId};
use model::run::{RunCounts, RunState, Trigger};
use store::Store;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::control::{end_what_was_left, state_of};
use crate::error::Result;
use crate::exchanges::{OfConnection, Recorder};
use crate::job::Job;
use crate::jobs::StoredJobs;
use crate::progress::Meter;
use crate::run::{self, Input, Work};
use crate::stored_plan;
use crate::undo::Selection;

/// What a run works with that a workspace would give it otherwise.
#[derive(Clone, Debug)]
pub struct Alone {
    /// The sync of the job must be in it.
    pub store: Store,
    /// Where the time comes from.
    pub clock: Clock,
    /// Stops the run.
    pub cancel: CancellationToken,
    /// Requests of the platforms are written down.
    pub is_recorded: bool,
    /// Before a change without an answer is looked up once more; doubles each time. Nothing where nobody waits for
    /// real.
    pub settle_pause: Duration,
}

impl Alone {
    /// Runs a job to its end and writes down how it ended, as an engine does. Gives the run, also one that failed.
    ///
    /// # Errors
    /// Only when the beginning or the end could not be written down.
    pub async fn run(&self, job: &Job, input: Input) -> Result<store::runs::Run> {
        let run = RunId::new();
        end_what_was_left(&self.store, &self.clock, job.sync).await?;
        let row = store::runs::Run {
            id: run,
            sync: job.sync,
            sync_version: job.version,
            trigger: match input {
                Input::Stream { .. } => Trigger::Manual,
                Input::Plan(_) => Trigger::Plan,
                Input::Records(_) => Trigger::Retry,
            },
            state: RunState::Running,
            reason: None,
            counts: RunCounts::default(),
            started_at: self.clock.now(),
            finished_at: None,
            owner: "alone".into(),
            plan: match input {
                Input::Plan(plan) => Some(plan),
                Input::Stream { .. } | Input::Records(_) => None,
            },
        };
        self.store
            .write(move |tx| store::runs::insert(tx, &row))
            .await?;
        let work = self.work(job, run, self.is_recorded.then_some(run));
        let ended = run::run(job, &work, input).await;
        let closed = work.recorder.close(&self.store).await;
        let (state, reason, plan) = state_of(ended);
        let now = self.clock.now();
        let finished = self
            .store
            .write(move |tx| {
                if let Some(plan) = plan {
                    store::runs::set_plan(tx, run, plan)?;
                }
                store::runs::set_state(tx, run, state, reason.as_deref(), now)?;
                store::runs::get(tx, run)
            })
            .await?;
        closed?;
        Ok(finished)
    }

    /// Makes a plan to be looked at.
    ///
    /// # Errors
    /// Whatever stopped it; the plan is then of no use.
    pub async fn plan(&self, job: &Job) -> Result<PlanId> {
        self.plan_for(job, run::Wanted::Run).await
    }

    /// Makes a plan that takes a run back.
    ///
    /// # Errors
    /// Whatever stopped it; the plan is then of no use.
    pub async fn undo(&self, job: &Job, run: RunId, selection: Selection) -> Result<PlanId> {
        self.plan_for(job, run::Wanted::Undo(run, selection)).await
    }

    /// Makes a plan that carries decisions about conflicts out.
    ///
    /// # Errors
    /// Whatever stopped it; the plan is then of no use.
    pub async fn decisions(&self, job: &Job) -> Result<PlanId> {
        self.plan_for(job, run::Wanted::Decisions).await
    }

    async fn plan_for(&self, job: &Job, wanted: run::Wanted) -> Result<PlanId> {
        let plan = PlanId::new();
        let work = self.work(job, RunId::new(), None);
        stored_plan::insert(&work, plan, job.sync, job.version, wanted.kind()).await?;
        run::preview(job, &work, plan, &wanted).await?;
        Ok(plan)
    }

    fn work(&self, job: &Job, run: RunId, recorded_as: Option<RunId>) -> Work {
        let (events, _) = broadcast::channel(1);
        let recorder = Arc::new(Recorder::new(recorded_as));
        let access = |connection: ConnectionId| Access {
            cancel: self.cancel.clone(),
            exchanges: recorded_as.map(|_| {
                Arc::new(OfConnection {
                    connection,
                    recorder: recorder.clone(),
                }) as _
            }),
            waiting: None,
            jobs: None,
        };
        let mut target_access = access(job.document.target.connection);
        target_access.jobs = Some(Arc::new(StoredJobs {
            store: self.store.clone(),
            clock: self.clock.clone(),
            sync: job.sync,
        }));
        Work {
            run,
            store: self.store.clone(),
            clock: self.clock.clone(),
            cancel: self.cancel.clone(),
            source_access: access(job.document.source.connection),
            target_access,
            meter: Meter::new(run, job.sync, events),
            tracker: TaskTracker::new(),
            by_hand: false,
            is_draft: false,
            recorder,
            settle_pause: self.settle_pause,
        }
    }
}
