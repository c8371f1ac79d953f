//! Ctrl-C: soon, at a safe place, and the next run goes on.

use std::time::{Duration, Instant};

use sandbox::{Fault, FaultRule};
use testkit::{TestApp, carried};

use crate::program::{Running, end_of, patchbay};

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_command_ends_within_two_seconds_and_nothing_is_lost() {
    let test = TestApp::with_contacts(900).await;
    test.standard().await;
    let known = carried::known(&test.sandbox);
    let closed = test.close().await;
    closed.sandbox.set_faults(vec![
        FaultRule::new(Fault::Slow { ms: 500 }).on("POST", "/postino/api/subscribers/batch"),
    ]);
    let run = || {
        let mut command = patchbay(&closed.data_dir());
        command.arg("run").arg("Contacts to subscribers");
        command
    };
    let process = Running::start(run());
    let began = Instant::now();
    while closed.sandbox.counters().requests_to("subscribers/batch") < 2 {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "nothing is written"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let asked = Instant::now();
    process.interrupt();
    let ended = process.ended().await;
    let took = asked.elapsed();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(took < Duration::from_secs(2), "it took {took:?}");
    assert!(ended.stdout.contains("cancelled"), "{ended:?}");

    closed.sandbox.set_faults(Vec::new());
    end_of(run()).await.well();
    carried::assert_all_carried(&closed.sandbox, &known);
    let created = closed
        .sandbox
        .counters()
        .postino
        .written("subscribers.create");
    assert_eq!(
        created as usize + known.len(),
        carried::subscribers(&closed.sandbox).len()
    );
}
