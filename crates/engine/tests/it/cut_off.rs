//! The process ends at any call to a platform, before or after it was carried out: the next run finishes what was begun.

use model::sync::{Approved, Guards};

use crate::bench::Bench;
use crate::platform::{Call, Fate};

/// Cuts a run off at each of its calls in turn, each time in a world of its own. Gives how many calls there were.
async fn check(guards: Guards, hang: Fate, are_linked: bool) -> u64 {
    for nth in 1.. {
        let bench = Bench::guarded(4, guards).await;
        bench.people(14);
        if are_linked {
            bench.run().await;
            bench.rename("second");
        }
        let before = bench.platform.calls();
        bench.platform.script(move |n, call| match call {
            _ if n == before + nth => hang,
            Call::Write(_) if n % 3 == 0 => Fate::Lose,
            _ => Fate::Answer,
        });
        let hung = bench.run_until_it_hangs().await;
        let sequence = bench.sequence().await;
        bench.platform.script(|_, _| Fate::Answer);
        bench.run().await;
        bench.assert_all_is_there_once().await;
        assert!(
            bench.sequence().await >= sequence,
            "the checkpoint went back"
        );
        let linked: u64 = bench
            .runs()
            .await
            .iter()
            .map(|run| run.counts.created + run.counts.updated)
            .sum();
        let written = if are_linked { 28 } else { 14 };
        assert_eq!(
            linked, written,
            "each write is counted once, {hang:?} at {nth}"
        );
        if !hung {
            return nth;
        }
    }
    unreachable!()
}

const STREAMING: Guards = Guards {
    max_delete_percent: 20,
    approved: Approved {
        creates: true,
        updates: true,
        deletes: true,
    },
    max_update_percent: 100,
    empty_source_above: u32::MAX,
    from_records: u32::MAX,
};

/// Plans before it writes, and holds nothing.
const PLANNING: Guards = Guards {
    max_delete_percent: 20,
    approved: Approved {
        creates: true,
        updates: true,
        deletes: true,
    },
    max_update_percent: 100,
    empty_source_above: 0,
    from_records: 1,
};

#[tokio::test]
async fn a_first_load_can_be_cut_off_at_any_call() {
    for hang in [Fate::HangBefore, Fate::HangAfter] {
        assert!(check(STREAMING, hang, false).await > 12);
    }
}

#[tokio::test]
async fn a_run_of_updates_can_be_cut_off_at_any_call() {
    for hang in [Fate::HangBefore, Fate::HangAfter] {
        assert!(check(STREAMING, hang, true).await > 9);
    }
}

#[tokio::test]
async fn a_run_that_is_planned_first_can_be_cut_off_at_any_call() {
    for hang in [Fate::HangBefore, Fate::HangAfter] {
        assert!(check(PLANNING, hang, true).await > 5);
    }
}
