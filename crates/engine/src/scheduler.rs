//! Starts syncs whose time has come.
//!
//! Due is computed from the rule and the last run, never from a counter: after a sleep there is one
//! run to catch up, not a burst.

use std::time::Duration;

use model::clock::Millis;
use model::ids::SyncId;
use model::run::Trigger;

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
    let due: Vec<SyncId> = engine
        .store()
        .read(move |db| {
            if store::settings::get::<bool>(db, "paused")?.unwrap_or(false) {
                return Ok(Vec::new());
            }
            let mut due = Vec::new();
            for sync in store::syncs::list(db)? {
                let last = store::runs::last_of_sync(db, sync.id)?;
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
            Ok(due)
        })
        .await?;
    for sync in due {
        match engine.start_run(sync, Trigger::Schedule).await {
            Ok(_) | Err(Error::AlreadyRunning { .. }) => {}
            Err(error) => tracing::warn!(%sync, %error, "A scheduled run could not be started."),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
