//! A platform that keeps a list of changes, in a sync that mirrors it.

use api::views::{ConnectResult, SavedConnector, SyncSummary};
use model::run::{RunState, Trigger};
use serde_json::json;
use testkit::TestApp;
use testkit::app::{base_url, records};

/// Harbor's connector file, but that its contacts are found by the list of their changes.
fn file() -> String {
    let text = include_str!("../../crates/connectors/manifests/harbor/connector.yaml");
    let list = include_str!("../../crates/connectors/tests/it/contact_changes.yaml");
    let text = text.replacen("\nstreams:\n", &format!("\nstreams:\n{list}"), 1);
    text.replacen(
        "contacts: {stream: deleted_contacts, key: id}",
        "contacts: {stream: contact_changes, key: contact_id, when: {kind: deleted}}
  changes:
    contacts: {stream: contact_changes, key: contact_id}",
        1,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn later_runs_read_what_the_list_names_and_carry_over_what_it_says_is_deleted() {
    const CONTACTS: usize = 120;
    let test = TestApp::with_contacts(CONTACTS).await;
    let request = json!({"name": "Listed Harbor", "text": file(), "origin": {"kind": "pasted"}});
    let saved: SavedConnector = test.ask("save_connector", request).await;
    let config = json!({
        "base_url": base_url(&test.sandbox, "harbor"), "username": "api", "password": "harbor-basic-demo",
    });
    let connected = test
        .connect_by(&saved.connector, "basic", config, None)
        .await;
    let ConnectResult::Connected { connection, .. } = connected else {
        panic!("{connected:?}");
    };
    let postino = test.connect("postino").await;
    let sync = test.create("By its list", connection, postino).await;
    let mirror = json!({"sync": sync, "mode": "mirror"});
    let _: SyncSummary = test.ask("save_draft", mirror).await;
    let mapping = test.suggested(sync).await;
    test.publish(sync, &mapping).await;
    let first = test.run(sync).await;
    assert_eq!(first.summary.state, RunState::Completed, "{first:?}");
    assert_eq!(
        first.summary.counts.read, CONTACTS as u64,
        "{}",
        first.equation
    );

    test.sandbox
        .advance_clock(std::time::Duration::from_secs(3600));
    let subscribers = || records(&test.sandbox.subscribers()).len();
    let before = subscribers();
    test.sandbox.edit_contacts(10, 7);
    let gone = test.sandbox.delete_contacts(6, 3);
    let linked = test.app.engine().store().read(move |db| {
        let keys: Vec<_> = gone.into_iter().map(model::record::RecordKey).collect();
        store::links::targets_of_sources(db, sync, &keys)
    });
    let linked = linked.await.unwrap().len();
    assert!(linked > 0);
    let run = test.app.engine().start_run(sync, Trigger::Schedule).await;
    let second = test.ended(run.unwrap()).await;
    assert_eq!(second.summary.state, RunState::Completed, "{second:?}");
    assert!(second.balances, "{}", second.equation);
    let counts = &second.summary.counts;
    assert!(counts.read < 40, "{}", second.equation);
    assert!(counts.updated > 0, "{}", second.equation);
    assert_eq!(counts.deleted, linked as u64, "{}", second.equation);
    // Postino puts away what it does not delete.
    assert!(subscribers() <= before, "{}", second.equation);
    test.close().await;
}
