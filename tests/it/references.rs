//! Records that point at others, from the editor's preview to what stands on the platform.

use api::views::{MappingPreview, RunDetail};
use model::ids::SyncId;
use model::mapping::{Mapping, OnFailure, Origin, Rule, Step};
use model::run::RunState;
use serde_json::json;
use testkit::standard::put;
use testkit::{TestApp, carried};

/// Every subscriber is called like the subscriber that the contact points at: itself.
fn pointing_at(sync: SyncId, mapping: &Mapping) -> Mapping {
    let mut mapping = mapping.clone();
    let with = [("sync".to_owned(), json!(sync))];
    put(
        &mut mapping,
        Rule {
            target: "full_name".parse().unwrap(),
            origin: Origin::Fields {
                paths: vec!["id".parse().unwrap()],
            },
            steps: vec![Step {
                name: "reference".into(),
                with: with.into_iter().collect(),
            }],
            on_failure: OnFailure::Null,
            comment: None,
        },
    );
    mapping
}

async fn preview(test: &TestApp, sync: SyncId, mapping: &Mapping) -> serde_json::Value {
    let request = json!({"sync": sync, "mapping": mapping, "sample": 0});
    let preview: MappingPreview = test.ask("preview_mapping", request).await;
    let field = preview
        .fields
        .iter()
        .find(|field| field.target.to_string() == "full_name");
    serde_json::to_value(field.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_that_points_at_a_record_holds_the_key_of_its_counterpart() {
    let test = TestApp::with_contacts(60).await;
    let sync = test.standard().await.sync;
    let known = carried::known(&test.sandbox).len();
    let mapping = pointing_at(sync, &test.suggested(sync).await);
    let shown = preview(&test, sync, &mapping).await.to_string();
    assert!(shown.contains("not on the target yet"), "{shown}");

    test.publish(sync, &mapping).await;
    let first = test.run(sync).await;
    assert_eq!(first.summary.state, RunState::Completed, "{first:?}");
    let counts = first.summary.counts;
    assert!(counts.balances(), "{}", first.equation);
    assert!(counts.created > 30, "{}", first.equation);
    let own: Vec<_> = carried::subscribers(&test.sandbox)
        .into_values()
        .filter(|subscriber| subscriber["full_name"] == subscriber["id"])
        .collect();
    assert!(
        own.len() as u64 >= counts.created,
        "{} of {}, {known} were there: {}",
        own.len(),
        counts.created,
        first.equation
    );
    let shown = preview(&test, sync, &mapping).await.to_string();
    assert!(!shown.contains("not on the target yet"), "{shown}");

    let full = test
        .app
        .engine()
        .start_full_run(sync, model::run::Trigger::Manual)
        .await
        .unwrap();
    let full: RunDetail = test.ended(full).await;
    assert_eq!(full.summary.counts.created, 0, "{}", full.equation);
    assert_eq!(full.summary.counts.updated, 0, "{}", full.equation);
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_points_at_records_of_none_says_so_and_writes_nothing() {
    let test = TestApp::with_contacts(10).await;
    let sync = test.standard().await.sync;
    let mapping = pointing_at(SyncId::new(), &test.suggested(sync).await);
    test.publish(sync, &mapping).await;
    let run = test.run(sync).await;
    assert_eq!(run.summary.state, RunState::Failed);
    let reason = run.summary.reason.unwrap();
    assert!(
        reason.contains("a sync that is gone; choose another sync in its step \"Linked record\""),
        "{reason}"
    );
    let counters = test.sandbox.counters();
    assert_eq!(counters.postino.written("subscribers.create"), 0);
    test.close().await;
}
