//! A sign-in that has ended: the run waits, the person signs in again, it goes on.

use api::views::{
    ConnectFlow, ConnectResult, ConnectionHealth, ConnectionSummary, NeedsYouAction, Overview,
    RunSummary,
};
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
    // The run that waited goes on by itself.
    let runs = json!({"sync": standard.sync, "states": [], "before": null, "limit": 1});
    let latest: Vec<RunSummary> = test.ask("list_runs", runs).await;
    assert_ne!(latest[0].id, held.summary.id, "{latest:?}");
    let done = test.ended(latest[0].id).await;
    assert_eq!(done.summary.state, RunState::Completed, "{done:?}");
    carried::assert_all_carried(&test.sandbox, &known);
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_with_another_state_signs_nobody_in() {
    let test = TestApp::with_contacts(5).await;
    test.user.goes_away();
    let request = json!({
        "connector": "harbor",
        "auth_method": "oauth",
        "name": "",
        "config": {"base_url": testkit::app::base_url(&test.sandbox, "harbor")},
        "reconnect": null,
    });
    let mut events = test.app.subscribe();
    let mut flow: ConnectFlow = test.ask("start_connect", request).await;
    while flow.authorize_url.is_none() {
        events.recv().await.unwrap();
        flow = test.ask("get_connect_flow", json!({"flow": flow.id})).await;
    }
    let address: url::Url = flow.authorize_url.clone().unwrap().parse().unwrap();
    let callback = address
        .query_pairs()
        .find(|(name, _)| name == "redirect_uri")
        .unwrap()
        .1
        .into_owned();
    let issuer = testkit::app::base_url(&test.sandbox, "harbor");
    for wrong in [
        format!("{callback}?code=stolen&state=wrong&iss={issuer}"),
        format!("{callback}?code=stolen&iss={issuer}"),
        "https://elsewhere.example/callback?code=stolen&state=wrong".to_owned(),
        "not an address".to_owned(),
    ] {
        let refused = test
            .try_ask::<ConnectFlow>("paste_redirect", json!({"flow": flow.id, "url": wrong}))
            .await;
        let error = refused.expect_err(&wrong);
        assert!(
            !error.message.is_empty() && !error.message.contains("stolen"),
            "{error:?}"
        );
    }
    assert_eq!(
        test.sandbox.counters().harbor.code_grants,
        0,
        "no code was tried"
    );
    let all: Vec<ConnectionSummary> = test.ask("list_connections", json!({})).await;
    assert_eq!(all, []);

    // The person may still come.
    let right = sandbox::browser::Visitor::new()
        .unwrap()
        .walk(&address)
        .await
        .unwrap();
    let _: ConnectFlow = test
        .ask("paste_redirect", json!({"flow": flow.id, "url": right}))
        .await;
    test.app.engine().wait_flow(flow.id).await.unwrap();
    let flow: ConnectFlow = test.ask("get_connect_flow", json!({"flow": flow.id})).await;
    assert!(
        matches!(flow.result, Some(ConnectResult::Connected { .. })),
        "{flow:?}"
    );
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_account_does_not_take_over_a_connection() {
    let test = TestApp::with_contacts(5).await;
    let harbor = test.connect("harbor").await;
    test.user.goes_away();
    let request = json!({
        "connector": "harbor",
        "auth_method": "oauth",
        "name": "",
        "config": {"base_url": testkit::app::base_url(&test.sandbox, "harbor")},
        "reconnect": harbor,
    });
    let mut events = test.app.subscribe();
    let mut flow: ConnectFlow = test.ask("start_connect", request).await;
    while flow.authorize_url.is_none() {
        events.recv().await.unwrap();
        flow = test.ask("get_connect_flow", json!({"flow": flow.id})).await;
    }
    let address: url::Url = flow.authorize_url.clone().unwrap().parse().unwrap();
    let omar = sandbox::browser::Visitor::new()
        .unwrap()
        .named("omar@harbor.example", "harbor-demo");
    omar.sign_in(&address).await.unwrap();
    test.app.engine().wait_flow(flow.id).await.unwrap();
    let flow: ConnectFlow = test.ask("get_connect_flow", json!({"flow": flow.id})).await;
    assert!(
        matches!(flow.result, Some(ConnectResult::WrongAccount { .. })),
        "{flow:?}"
    );
    let all: Vec<ConnectionSummary> = test.ask("list_connections", json!({})).await;
    assert_eq!(all.len(), 1);
    assert!(
        all[0]
            .account
            .as_ref()
            .unwrap()
            .contains("dana@harbor.example"),
        "{all:?}"
    );
    let tested: api::views::TestResult = test
        .ask("test_connection", json!({"connection": harbor}))
        .await;
    assert!(tested.ok, "the old sign-in still works: {tested:?}");
    test.close().await;
}
