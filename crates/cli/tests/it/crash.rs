//! The process is killed again and again in the middle of a run, while the platform loses answers. In the end every
//! record is at the target, once.

use std::process::Stdio;
use std::time::{Duration, Instant};

use api::views::SyncSummary;
use model::run::RunState;
use model::sync::Guards;
use sandbox::{Fault, FaultRule};
use serde_json::json;
use testkit::{TestApp, carried};

use crate::program::{Running, end_of, patchbay};

/// Change it to look elsewhere; a seed that fails becomes a test of its own.
const SEED: u64 = 20_261_122;

/// Small, seeded, and good enough to choose moments with.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Records are written while others are still read; a later run goes on at the checkpoint.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_while_it_reads_and_writes_loses_nothing_and_doubles_nothing() {
    let unguarded = Guards {
        max_update_percent: 100,
        empty_source_above: 1_000_000,
        from_records: 1_000_000,
    };
    let sequence = killed_again_and_again(5_000, 20, unguarded).await;
    assert!(
        sequence > 5,
        "the checkpoint moves on with the pages, not only at the end: {sequence}"
    );
}

/// Once records are linked, the whole plan is made before anything is written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_while_it_plans_or_applies_loses_nothing_and_doubles_nothing() {
    killed_again_and_again(1_200, 8, Guards::default()).await;
}

/// Gives how often the checkpoint was advanced before the last run.
async fn killed_again_and_again(contacts: usize, kills: u64, guards: Guards) -> u64 {
    let test = TestApp::with_contacts(contacts).await;
    let standard = test.standard().await;
    let _: SyncSummary = test
        .ask(
            "save_draft",
            json!({"sync": standard.sync, "guards": guards}),
        )
        .await;
    let _: SyncSummary = test
        .ask("publish_sync", json!({"sync": standard.sync}))
        .await;
    let known = carried::known(&test.sandbox);
    let closed = test.close().await;
    closed.sandbox.set_faults(vec![
        FaultRule::new(Fault::LostAnswer)
            .on("POST", "/postino/api/subscribers/batch")
            .every(7),
    ]);
    let run = || {
        let mut command = patchbay(&closed.data_dir());
        command.arg("run").arg(standard.sync.to_string());
        command
    };
    let batches = || closed.sandbox.counters().requests_to("subscribers/batch");
    let mut dice = Dice(SEED);
    let mut sequence = 0;
    let mut in_the_middle = 0;
    for kill in 0..kills {
        let mut command = run();
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = Running(command.spawn().unwrap());
        // Some die while they start or settle what was left, most while they write.
        let (wait_for, then) = match kill % 4 {
            0 => (0, dice.below(400)),
            _ => (batches() + 1 + dice.below(6), dice.below(25)),
        };
        let began = Instant::now();
        while batches() < wait_for && process.0.try_wait().unwrap().is_none() {
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "nothing is written any more"
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(then)).await;
        in_the_middle += u32::from(process.0.try_wait().unwrap().is_none());
        process.0.kill().unwrap();
        process.0.wait().unwrap();
        carried::subscribers(&closed.sandbox);
        if kill % 3 == 0 {
            let now = closed.assert_settled(standard.sync).await;
            assert!(
                now >= sequence,
                "the checkpoint went back from {sequence} to {now}"
            );
            sequence = now;
        }
    }
    assert!(
        in_the_middle * 2 >= u32::try_from(kills).unwrap(),
        "only {in_the_middle} of {kills} were killed at work"
    );

    let ended = end_of(run()).await.well();
    assert!(
        ended.stdout.contains(RunState::Completed.as_str()),
        "{ended:?}"
    );
    let now = closed.assert_settled(standard.sync).await;
    assert!(now >= sequence);
    carried::assert_all_carried(&closed.sandbox, &known);
    let counters = closed.sandbox.counters();
    assert!(
        counters
            .faults
            .get("lost_answer")
            .is_some_and(|lost| *lost > 0),
        "{counters:?}"
    );
    let created = counters.postino.written("subscribers.create");
    let there = carried::subscribers(&closed.sandbox).len();
    assert_eq!(
        created as usize + known.len(),
        there,
        "something was created twice: {:?}",
        counters.postino
    );

    // All is settled: the same again finds nothing to do.
    closed.sandbox.set_faults(Vec::new());
    let mut full = run();
    full.arg("--full").arg("--json");
    let ended = end_of(full).await.well();
    let counts = &ended.json()["summary"]["counts"];
    assert_eq!(
        (&counts["created"], &counts["updated"]),
        (&0.into(), &0.into()),
        "{counts}"
    );
    sequence
}
