//! Starts syncs whose time has come.
//!
//! Due is computed from the rule and the last run, never from a counter: after a sleep there is one
//! run to catch up, not a burst.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use model::clock::Millis;
use model::ids::SyncId;
use model::run::{RunState, Trigger};

use crate::Engine;
use crate::error::{Error, Result};

/// How often the rules are looked at. Intervals are whole minutes.
const TICK: Duration = Duration::from_secs(5);

/// When a sync is due next; none when it only runs by hand.
pub fn due_at(
    every_minutes: Option<u32>,
    last_started_at: Option<Millis>,
    published_at: Millis,
) -> Option<Millis> {
    let every = Millis::from(every_minutes.filter(|minutes| *minutes > 0)?) * 60_000;
    Some(last_started_at.unwrap_or(published_at) + every)
}

/// How often what is too old is thrown away, in ticks.
const HOUSEKEEPING: u32 = 720;

/// Plans that are kept of each sync.
pub(crate) const PLANS_KEPT: u32 = 5;

pub(crate) async fn run(engine: &Engine) {
    let mut ticks = 0u32;
    loop {
        if ticks.is_multiple_of(HOUSEKEEPING)
            && let Err(error) = tidy(engine).await
        {
            tracing::warn!(%error, "What is too old could not be thrown away.");
        }
        ticks = ticks.wrapping_add(1);
        tokio::select! {
            () = engine.0.cancel.cancelled() => return,
            () = tokio::time::sleep(TICK) => {}
        }
        if let Err(error) = start_due(engine).await {
            tracing::warn!(%error, "The schedule could not be looked at.");
        }
    }
}

/// Keeps the history in its space and forgets what was deleted long ago, secrets included.
async fn tidy(engine: &Engine) -> Result<()> {
    engine.store().prune_history().await?;
    for connection in engine.store().purge_deleted().await? {
        connectors::auth::Credentials::remove(engine.keeper(), connection).await?;
        crate::settings::remove(engine.keeper(), connection).await?;
    }
    Ok(())
}

async fn start_due(engine: &Engine) -> Result<()> {
    let now = engine.clock().now();
    let (due, order): (Vec<SyncId>, Order) = engine
        .store()
        .read(move |db| {
            if store::settings::get::<bool>(db, "paused")?.unwrap_or(false) {
                return Ok((Vec::new(), Order::default()));
            }
            let (mut due, mut order) = (Vec::new(), Order::default());
            for sync in store::syncs::list(db)? {
                let last = store::runs::last_of_sync(db, sync.id)?;
                order
                    .0
                    .insert(sync.id, mapping::refers_to(&sync.document.mapping));
                let is_at_work = last
                    .as_ref()
                    .is_some_and(|run| run.state == RunState::Running);
                if is_at_work {
                    order.1.insert(sync.id);
                }
                let waits = last.as_ref().is_some_and(|run| !run.state.is_terminal());
                let at = due_at(
                    sync.document.every_minutes,
                    last.map(|run| run.started_at),
                    sync.updated_at,
                );
                if crate::is_published(&sync)
                    && sync.is_enabled
                    && !waits
                    && at.is_some_and(|at| at <= now)
                {
                    due.push(sync.id);
                }
            }
            Ok((due, order))
        })
        .await?;
    for sync in order.first(&due) {
        match engine.start_run(sync, Trigger::Schedule).await {
            Ok(_) | Err(Error::AlreadyRunning { .. }) => {}
            Err(error) => tracing::warn!(%sync, %error, "A scheduled run could not be started."),
        }
    }
    Ok(())
}

/// Which syncs link the records that others point at, and which are at work.
#[derive(Debug, Default)]
struct Order(HashMap<SyncId, Vec<SyncId>>, HashSet<SyncId>);

impl Order {
    /// Those that can begin now: whatever links the records they point at is neither due nor at work. In a circle all
    /// begin: what is missing follows in the next run.
    fn first(&self, due: &[SyncId]) -> Vec<SyncId> {
        let is_first = |sync: &&SyncId| {
            self.behind(**sync).iter().all(|parent| {
                !(due.contains(parent) || self.1.contains(parent))
                    || self.behind(*parent).contains(*sync)
            })
        };
        due.iter().filter(is_first).copied().collect()
    }

    /// The syncs that a sync depends on, theirs too.
    fn behind(&self, sync: SyncId) -> HashSet<SyncId> {
        let mut found = HashSet::new();
        let mut left = vec![sync];
        while let Some(sync) = left.pop() {
            for parent in self.0.get(&sync).into_iter().flatten() {
                if found.insert(*parent) {
                    left.push(*parent);
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_point_at_runs_first_and_a_circle_does_not_wait_for_itself() {
        let [companies, contacts, deals, other] = [(); 4].map(|()| SyncId::new());
        let mut order = Order::default();
        order.0.insert(contacts, vec![companies]);
        order.0.insert(deals, vec![contacts, deals]);
        let all = [deals, contacts, companies, other];
        assert_eq!(order.first(&all), [companies, other]);
        assert_eq!(order.first(&[deals, contacts]), [contacts]);
        assert_eq!(
            order.first(&[deals, companies]),
            [companies],
            "through contacts"
        );
        assert_eq!(
            order.first(&[deals]),
            [deals],
            "a sync may point at its own records"
        );
        order.1.insert(companies);
        assert_eq!(
            order.first(&[contacts, other]),
            [other],
            "companies are at work"
        );
        order.1.clear();
        order.0.insert(companies, vec![deals]);
        assert_eq!(order.first(&[companies, contacts]), [companies, contacts]);
    }

    #[test]
    fn a_long_sleep_is_caught_up_with_one_run() {
        let hour = 3_600_000;
        assert_eq!(due_at(Some(15), Some(0), 0), Some(15 * 60_000));
        // Ten hours later there is still one due time, in the past.
        assert!(due_at(Some(15), Some(0), 0).unwrap() < 10 * hour);
        assert_eq!(due_at(None, Some(0), 0), None);
        assert_eq!(due_at(Some(0), Some(0), 0), None);
        assert_eq!(due_at(Some(1), None, 5), Some(60_005));
    }
}
