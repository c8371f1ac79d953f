//! Live figures of a run, announced at most ten times a second.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use model::ids::{RunId, SyncId};
use model::run::RunCounts;
use tokio::sync::broadcast;

use crate::events::{Event, Progress};
use crate::limits::PROGRESS_INTERVAL;

/// Collects what a run does and announces it.
#[derive(Clone, Debug)]
pub(crate) struct Meter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    run: RunId,
    sync: SyncId,
    events: broadcast::Sender<Event>,
    now: Mutex<Now>,
}

#[derive(Debug)]
struct Now {
    stage: &'static str,
    counts: RunCounts,
    waiting: Option<String>,
    began: Instant,
    announced: Option<Instant>,
}

impl Meter {
    pub(crate) fn new(run: RunId, sync: SyncId, events: broadcast::Sender<Event>) -> Self {
        let now = Now {
            stage: "Starting",
            counts: RunCounts::default(),
            waiting: None,
            began: Instant::now(),
            announced: None,
        };
        Self(Arc::new(Inner {
            run,
            sync,
            events,
            now: Mutex::new(now),
        }))
    }

    /// What it does now.
    pub(crate) fn stage(&self, stage: &'static str) {
        self.change(stage == "Starting", |now| now.stage = stage);
    }

    /// What was settled.
    pub(crate) fn counted(&self, counts: &RunCounts) {
        self.change(false, |now| now.counts.add(counts));
    }

    /// Begins to count anew: the plan is made, now it is done.
    pub(crate) fn restart_count(&self) {
        self.change(false, |now| now.counts = RunCounts::default());
    }

    /// Why nothing happens, or none when it goes on.
    pub(crate) fn waiting(&self, reason: Option<String>) {
        self.change(true, |now| now.waiting = reason);
    }

    /// The figures as they are.
    pub(crate) fn snapshot(&self) -> Progress {
        let now = self.0.now.lock().unwrap_or_else(PoisonError::into_inner);
        self.progress(&now)
    }

    /// Announces the figures as they are.
    pub(crate) fn announce(&self) {
        self.change(true, |_| {});
    }

    fn change(&self, at_once: bool, change: impl FnOnce(&mut Now)) {
        let mut now = self.0.now.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut now);
        let due = now
            .announced
            .is_none_or(|last| last.elapsed() >= PROGRESS_INTERVAL);
        if at_once || due {
            now.announced = Some(Instant::now());
            _ = self
                .0
                .events
                .send(Event::RunProgressed(self.progress(&now)));
        }
    }

    fn progress(&self, now: &Now) -> Progress {
        let seconds = now.began.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let settled = now.counts.settled() as f64;
        Progress {
            run: self.0.run,
            sync: self.0.sync,
            stage: now.stage,
            counts: now.counts,
            records_per_second: if seconds > 0.05 {
                settled / seconds
            } else {
                0.0
            },
            waiting: now.waiting.clone(),
        }
    }
}
