//! Stopping a run: soon, at a safe place, and with nothing lost.

use std::time::{Duration, Instant};

use api::views::{RunSummary, Started};
use model::run::RunState;
use sandbox::{Fault, FaultRule};
use serde_json::json;
use testkit::{TestApp, carried};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_stops_within_two_seconds_and_the_next_one_completes() {
    let test = TestApp::with_contacts(900).await;
    let standard = test.standard().await;
    let known = carried::known(&test.sandbox);
    // Slow enough that it is surely in the middle.
    test.sandbox.set_faults(vec![
        FaultRule::new(Fault::Slow { ms: 700 }).on("POST", "/postino/api/subscribers/batch"),
    ]);
    let started: Started = test.ask("start_run", json!({"sync": standard.sync})).await;
    let begun = Instant::now();
    while test.sandbox.counters().requests_to("subscribers/batch") < 2 {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "nothing is written"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let asked = Instant::now();
    let _: RunSummary = test.ask("cancel_run", json!({"run": started.run})).await;
    let stopped = test.ended(started.run).await;
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(2), "it took {took:?}");
    assert_eq!(stopped.summary.state, RunState::Cancelled);
    assert!(stopped.balances, "{}", stopped.equation);
    assert!(
        stopped.summary.counts.read < 900,
        "it was not in the middle: {}",
        stopped.equation
    );

    test.sandbox.set_faults(Vec::new());
    let rest = test.run(standard.sync).await;
    assert_eq!(rest.summary.state, RunState::Completed, "{rest:?}");
    assert!(rest.balances);
    carried::assert_all_carried(&test.sandbox, &known);
    let created = test
        .sandbox
        .counters()
        .postino
        .written("subscribers.create");
    assert_eq!(
        created as usize + known.len(),
        carried::subscribers(&test.sandbox).len(),
        "nothing is written twice"
    );
    test.close().await;
}
