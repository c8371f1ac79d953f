//! Two processes of one workspace want a new token at the same time: one of them gets it for both.

use std::process::Stdio;
use std::time::Duration;

use sandbox::Platform;
use serde_json::Value;
use testkit::TestApp;

use crate::program::{Running, end_of, patchbay};
use crate::serve::Served;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_and_a_command_renew_a_token_once() {
    let test = TestApp::with_contacts(60).await;
    let standard = test.standard().await;
    let other = test
        .create("The same again", standard.harbor, standard.postino)
        .await;
    let mapping = test.suggested(other).await;
    test.publish(other, &mapping).await;
    let closed = test.close().await;

    let served = Served::start(&closed.data_dir()).await;
    for platform in Platform::ALL {
        assert!(closed.sandbox.expire_tokens(platform) > 0);
    }
    let mut command = patchbay(&closed.data_dir());
    command
        .arg("run")
        .arg(other.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let process = Running(command.spawn().unwrap());
    let started = served
        .call("start_run", &serde_json::json!({"sync": standard.sync}))
        .await
        .unwrap();
    let run = started["run"].clone();
    let detail = loop {
        let detail: Value = served
            .call("get_run", &serde_json::json!({"run": run}))
            .await
            .unwrap();
        if detail["summary"]["finished_at"].is_number() {
            break detail;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(detail["summary"]["state"], "completed", "{detail}");
    process.ended().await.well();
    let counters = closed.sandbox.counters();
    assert_eq!(
        (
            counters.harbor.refresh_grants,
            counters.postino.refresh_grants
        ),
        (1, 1),
        "{counters:?}"
    );
    assert_eq!(
        (
            counters.harbor.refresh_reuse,
            counters.postino.refresh_reuse
        ),
        (0, 0)
    );
    served.stop().await.well();
    // Both have the new one.
    let mut again = patchbay(&closed.data_dir());
    again.arg("run").arg(other.to_string());
    end_of(again).await.well();
    assert_eq!(closed.sandbox.counters().postino.refresh_grants, 1);
}
