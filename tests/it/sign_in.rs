//! A sign-in that has ended: the run waits, the person signs in again, it goes on.

use api::views::{ConnectResult, ConnectionHealth, ConnectionSummary, NeedsYouAction, Overview};
use model::run::RunState;
use sandbox::Platform;
use serde_json::json;
use testkit::{TestApp, carried};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_sign_in_makes_the_run_wait_and_signing_in_again_lets_it_go_on() {
    let test = TestApp::with_contacts(120).await;
    let standard = test.standard().await;
    let known = carried::known(&test.sandbox);
    test.sandbox.revoke_tokens(Platform::Postino);
    let held = test.run(standard.sync).await;
    assert_eq!(held.summary.state, RunState::Waiting, "{held:?}");
    assert_eq!(carried::known(&test.sandbox), known, "nothing was written");
    let overview: Overview = test.ask("get_overview", json!({})).await;
    assert_eq!(
        overview.needs_you[0].action,
        NeedsYouAction::Reconnect {
            connection: standard.postino
        }
    );

    let result = test.reconnect("postino", standard.postino).await;
    assert!(
        matches!(result, ConnectResult::Connected { connection, .. } if connection == standard.postino),
        "{result:?}"
    );
    let all: Vec<ConnectionSummary> = test.ask("list_connections", json!({})).await;
    assert_eq!(all.len(), 2, "it is the same connection");
    assert!(
        all.iter()
            .all(|connection| connection.health == ConnectionHealth::Well),
        "{all:?}"
    );
    let done = test.run(standard.sync).await;
    assert_eq!(done.summary.state, RunState::Completed, "{done:?}");
    carried::assert_all_carried(&test.sandbox, &known);
    test.close().await;
}
