//! Plans as the shells see them: made, waited for, thrown away.

use model::ids::{PlanId, RunId, SyncId};
use store::plans::PlanState;
use tokio::sync::watch;

use crate::error::{Error, Result};
use crate::events::{Event, Progress};
use crate::linked::Links;
use crate::lock::SyncLock;
use crate::progress::Meter;
use crate::run::{self, Wanted};
use crate::undo::{self, Selection};
use crate::{ActivePlan, Engine, lock_map, stored_plan};

/// How a sync starts over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartOver {
    /// Everything is read again, however far both sides were read.
    Cursor,
    /// That, and which record is which is found anew.
    Links,
    /// What the sync made is removed again.
    Purge,
}

impl Engine {
    /// Begins to make a plan that can be looked at: of the draft, where there is one.
    pub async fn start_plan(&self, sync: SyncId) -> Result<PlanId> {
        self.begin_plan(sync, Wanted::Run).await
    }

    /// Begins to make the plan that takes a run back, or a part of it.
    pub async fn start_undo(&self, run: RunId, selection: Selection) -> Result<PlanId> {
        let stored = self
            .0
            .store
            .read(move |db| store::runs::get(db, run))
            .await?;
        undo::refuse_impossible(&stored)?;
        self.begin_plan(stored.sync, Wanted::Undo(run, selection))
            .await
    }

    /// Begins to make the plan that carries decisions about conflicts out.
    pub async fn start_decisions(&self, sync: SyncId) -> Result<PlanId> {
        self.begin_plan(sync, Wanted::Decisions).await
    }

    /// Begins to make the plan that lets a sync start over. Nothing is written, and nothing forgotten, before the plan
    /// is applied.
    pub async fn start_over(&self, sync: SyncId, what: StartOver) -> Result<PlanId> {
        self.begin_plan(sync, Wanted::Over(what)).await
    }

    async fn begin_plan(&self, sync: SyncId, wanted: Wanted) -> Result<PlanId> {
        let mut stored = self
            .0
            .store
            .read(move |db| store::syncs::get(db, sync))
            .await?;
        let draft = stored.draft.take().filter(|_| wanted.is_of_draft());
        let is_draft = draft.is_some();
        if let Some(draft) = draft {
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
        let mut work = self.work(RunId::new(), None, &stored.document, &cancel, &meter);
        work.is_draft = is_draft;
        work.by_hand = true;
        stored_plan::insert(&work, plan, sync, stored.version, wanted.kind()).await?;
        let engine = self.clone();
        self.0.tracker.spawn(async move {
            let result = async {
                let mut job = engine.job(&stored, &work).await?;
                if wanted == Wanted::Over(StartOver::Links) {
                    job.links = Links::forgotten(sync);
                }
                run::preview(&job, &work, plan, &wanted).await
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
                        stored.state = PlanState::Discarded;
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
}
