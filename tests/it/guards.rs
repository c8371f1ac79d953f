//! A run that would change too much, or finds nothing any more, stops before it writes and asks.

use api::views::{NeedsYouAction, Overview, Started, SyncState, SyncSummary};
use model::run::RunState;
use serde_json::json;
use testkit::standard::{expression, put};
use testkit::{TestApp, carried};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_updates_than_allowed_wait_for_a_person() {
    let test = TestApp::with_contacts(100).await;
    let standard = test.standard().await;
    assert_eq!(
        test.run(standard.sync).await.summary.state,
        RunState::Completed
    );

    let mut mapping = test.suggested(standard.sync).await;
    put(
        &mut mapping,
        expression("notes", "changed: {{ record.id }}"),
    );
    test.publish(standard.sync, &mapping).await;
    let (before, counters) = (test.sandbox.subscribers(), test.sandbox.counters());
    let held = test.run(standard.sync).await;
    assert_eq!(held.summary.state, RunState::Waiting, "{held:?}");
    assert!(held.can_approve);
    let reason = held.summary.reason.clone().unwrap();
    assert!(reason.contains("96"), "it says how many: {reason}");
    assert_eq!(
        test.sandbox.subscribers(),
        before,
        "nothing is written before a person agrees"
    );
    assert_eq!(
        test.sandbox.counters().requests_to("subscribers/batch"),
        counters.requests_to("subscribers/batch")
    );
    let overview: Overview = test.ask("get_overview", json!({})).await;
    let asks = overview.needs_you.iter().filter(|item| {
        item.action
            == NeedsYouAction::OpenRun {
                run: held.summary.id,
            }
    });
    assert_eq!(asks.count(), 1, "{:?}", overview.needs_you);

    let started: Started = test
        .ask("approve_run", json!({"run": held.summary.id}))
        .await;
    let approved = test.ended(started.run).await;
    assert_eq!(approved.summary.state, RunState::Completed, "{approved:?}");
    assert!(approved.balances);
    assert_eq!(
        approved.summary.counts.updated,
        carried::carriable(&test.sandbox) as u64
    );
    let there = carried::subscribers(&test.sandbox);
    for contact in testkit::app::records(&test.sandbox.contacts()) {
        if let Some(address) = carried::address(contact) {
            let wanted = format!("changed: {}", contact["id"].as_str().unwrap());
            assert_eq!(there[&address]["notes"], wanted);
        }
    }
    let summary: Vec<SyncSummary> = test.ask("list_syncs", json!({})).await;
    assert_eq!(summary[0].state, SyncState::Healthy);
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_source_changes_nothing() {
    let test = TestApp::with_contacts(60).await;
    let standard = test.standard().await;
    assert_eq!(
        test.run(standard.sync).await.summary.state,
        RunState::Completed
    );
    let before = test.sandbox.subscribers();
    test.sandbox.delete_contacts(60, 1);
    let run = test
        .app
        .engine()
        .start_full_run(standard.sync, model::run::Trigger::Manual)
        .await
        .unwrap();
    let held = test.ended(run).await;
    assert_eq!(held.summary.state, RunState::Waiting, "{held:?}");
    assert!(
        held.summary
            .reason
            .as_ref()
            .unwrap()
            .to_lowercase()
            .contains("empty"),
        "{held:?}"
    );
    assert_eq!(test.sandbox.subscribers(), before);
    test.close().await;
}
