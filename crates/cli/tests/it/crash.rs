//! The process is killed again and again in the middle of a run, while the platform loses answers. In the end every
//! record is at the target, once.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use api::views::SyncSummary;
use model::ids::SyncId;
use model::run::RunState;
use model::sync::Guards;
use sandbox::{Fault, FaultRule};
use serde_json::json;
use testkit::app::Closed;
use testkit::{TestApp, carried, forgetful};

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
    let sequence = killed_again_and_again(5_000, 20, unguarded()).await;
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

/// What was there before is updated; an update that arrived before its run was killed is told to have moved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_while_it_updates_settles_all_of_it_without_a_person() {
    let workspace = Workspace::open(900, unguarded()).await;
    forgetful::install(&workspace.closed.data_dir());
    end_of(workspace.run()).await.well();
    let mut dice = Dice(SEED);
    let mut in_the_middle = 0;
    for kill in 0..8 {
        workspace.closed.sandbox.edit_contacts(700, SEED + kill);
        in_the_middle += u32::from(
            workspace
                .killed_at_work(1 + dice.below(6), dice.below(25))
                .await,
        );
    }
    assert!(
        in_the_middle >= 4,
        "only {in_the_middle} of 8 were killed at work"
    );
    end_of(workspace.run()).await.well();
    let settled = workspace.closed.assert_settled(workspace.sync).await;
    assert_eq!(settled.held, 0, "nobody but us changed anything");
    workspace.assert_nothing_is_left_to_do().await;
}

/// The kill moves from one batch to the next, over all of a small sync.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_at_each_batch_in_turn_loses_nothing_and_doubles_nothing() {
    for install in [
        forgetful::install_small_batches,
        forgetful::install_forgetful_small_batches,
    ] {
        let mut kills = 0;
        loop {
            let workspace = Workspace::open(60, unguarded()).await;
            install(&workspace.closed.data_dir());
            let was_at_work = workspace.killed_at_work(kills + 1, 0).await;
            end_of(workspace.run()).await.well();
            workspace.closed.assert_settled(workspace.sync).await;
            workspace.assert_all_is_there_once();
            if !was_at_work {
                break;
            }
            kills += 1;
        }
        assert!(kills >= 5, "only {kills} batches were sent");
    }
}

/// Gives how often the checkpoint was advanced before the last run.
async fn killed_again_and_again(contacts: usize, kills: u64, guards: Guards) -> u64 {
    let workspace = Workspace::open(contacts, guards).await;
    let mut dice = Dice(SEED);
    let mut sequence = 0;
    let mut in_the_middle = 0;
    for kill in 0..kills {
        // Some die while they start or settle what was left, most while they write.
        let (batches, then) = match kill % 4 {
            0 => (0, dice.below(400)),
            _ => (1 + dice.below(6), dice.below(25)),
        };
        in_the_middle += u64::from(workspace.killed_at_work(batches, then).await);
        if kill % 3 == 0 {
            let now = workspace
                .closed
                .assert_settled(workspace.sync)
                .await
                .sequence;
            assert!(
                now >= sequence,
                "the checkpoint went back from {sequence} to {now}"
            );
            sequence = now;
        }
    }
    assert!(
        in_the_middle * 2 >= kills,
        "only {in_the_middle} of {kills} were killed at work"
    );

    let ended = end_of(workspace.run()).await.well();
    assert!(
        ended.stdout.contains(RunState::Completed.as_str()),
        "{ended:?}"
    );
    let settled = workspace.closed.assert_settled(workspace.sync).await;
    assert!(settled.sequence >= sequence);
    workspace.assert_nothing_is_left_to_do().await;
    sequence
}

/// A published sync, and a target that loses answers.
struct Workspace {
    closed: Closed,
    sync: SyncId,
    /// What was at the target before.
    known: BTreeSet<String>,
}

impl Workspace {
    async fn open(contacts: usize, guards: Guards) -> Self {
        let test = TestApp::with_contacts(contacts).await;
        let sync = test.standard().await.sync;
        let _: SyncSummary = test
            .ask("save_draft", json!({"sync": sync, "guards": guards}))
            .await;
        let _: SyncSummary = test.ask("publish_sync", json!({"sync": sync})).await;
        let known = carried::known(&test.sandbox);
        let closed = test.close().await;
        closed.sandbox.set_faults(vec![
            FaultRule::new(Fault::LostAnswer)
                .on("POST", "/postino/api/subscribers/batch")
                .every(7),
        ]);
        Self {
            closed,
            sync,
            known,
        }
    }

    fn run(&self) -> Command {
        let mut command = patchbay(&self.closed.data_dir());
        command.arg("run").arg(self.sync.to_string());
        command
    }

    fn batches(&self) -> u64 {
        self.closed
            .sandbox
            .counters()
            .requests_to("subscribers/batch")
    }

    /// Kills a run so many batches and milliseconds after its start; tells whether it was still at work.
    async fn killed_at_work(&self, batches: u64, then: u64) -> bool {
        let wait_for = self.batches() + batches;
        let mut command = self.run();
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = Running(command.spawn().unwrap());
        let began = Instant::now();
        while self.batches() < wait_for && process.0.try_wait().unwrap().is_none() {
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "nothing is written any more"
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(then)).await;
        let was_at_work = process.0.try_wait().unwrap().is_none();
        process.0.kill().unwrap();
        process.0.wait().unwrap();
        carried::subscribers(&self.closed.sandbox);
        was_at_work
    }

    fn assert_all_is_there_once(&self) {
        carried::assert_all_carried(&self.closed.sandbox, &self.known);
        let counters = self.closed.sandbox.counters();
        let created = counters.postino.written("subscribers.create");
        let there = carried::subscribers(&self.closed.sandbox).len();
        assert_eq!(
            created as usize + self.known.len(),
            there,
            "something was created twice: {:?}",
            counters.postino
        );
    }

    /// Everything is at the target once, and the same again finds nothing to do.
    async fn assert_nothing_is_left_to_do(&self) {
        self.assert_all_is_there_once();
        let counters = self.closed.sandbox.counters();
        assert!(
            counters
                .faults
                .get("lost_answer")
                .is_some_and(|lost| *lost > 0),
            "{counters:?}"
        );
        self.closed.sandbox.set_faults(Vec::new());
        let mut full = self.run();
        full.arg("--full").arg("--json");
        let ended = end_of(full).await.well();
        let counts = &ended.json()["summary"]["counts"];
        assert_eq!(
            (&counts["created"], &counts["updated"]),
            (&0.into(), &0.into()),
            "{counts}"
        );
    }
}

/// No guard holds anything, so that a run streams.
fn unguarded() -> Guards {
    Guards {
        max_update_percent: 100,
        empty_source_above: 1_000_000,
        from_records: 1_000_000,
        ..Guards::default()
    }
}
