//! "Needs you" counts every record that still needs the person, whichever run saw it last.

use std::collections::BTreeSet;

use api::views::{NeedsYouAction, Overview, RunRecords, Started};
use model::ids::SyncId;
use model::run::{RunState, Trigger};
use sandbox::{Fault, FaultRule};
use serde_json::json;
use testkit::{TestApp, carried};

/// What the overview says of the records of this sync.
async fn waiting(test: &TestApp, sync: SyncId) -> u64 {
    let overview: Overview = test.ask("get_overview", json!({})).await;
    let items: Vec<_> = overview
        .needs_you
        .iter()
        .filter(|item| item.action == NeedsYouAction::OpenRecords { sync })
        .collect();
    match items.as_slice() {
        [] => 0,
        [item] => item.title.split(' ').next().unwrap().parse().unwrap(),
        several => panic!("{several:?}"),
    }
}

/// The keys of the records that wait, as the list shows them, in small pages.
async fn listed(test: &TestApp, sync: SyncId) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    let mut after = String::new();
    loop {
        let request = json!({
            "run": null, "sync": sync, "outcomes": [], "search": "", "unwritten": true, "after": after, "limit": 3,
        });
        let page: RunRecords = test.ask("list_run_records", request).await;
        for record in &page.records {
            assert!(record.message.is_some(), "it says why: {record:?}");
            assert!(keys.insert(record.source_key.clone()), "{record:?} twice");
        }
        if !page.has_more {
            return keys;
        }
        after = page.records.last().unwrap().cursor.clone();
    }
}

async fn full_run(test: &TestApp, sync: SyncId) {
    let run = test
        .app
        .engine()
        .start_full_run(sync, Trigger::Manual)
        .await;
    let ended = test.ended(run.unwrap()).await;
    assert_eq!(ended.summary.state, RunState::Completed, "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_an_earlier_run_are_counted_until_they_are_written() {
    let test = TestApp::with_contacts(200).await;
    let sync = test.standard().await.sync;
    let without_address = 200 - carried::carriable(&test.sandbox) as u64;
    assert!(without_address > 0);
    test.sandbox.set_faults(vec![
        FaultRule::new(Fault::WrongTypes {
            field: "lifetime_value".into(),
            record_every: 9,
        })
        .on("GET", "/harbor/api/v1/contacts"),
    ]);
    let first = test.run(sync).await;
    let left = first.summary.counts.invalid + first.summary.counts.rejected;
    assert!(left > without_address + 10, "{}", first.equation);
    assert_eq!(waiting(&test, sync).await, left);
    let keys = listed(&test, sync).await;
    assert_eq!(keys.len() as u64, left);

    // Nothing changed at the source: this run sees none of them.
    test.sandbox.set_faults(Vec::new());
    let second = test.run(sync).await;
    assert!(second.summary.counts.read <= 2, "{}", second.equation);
    assert_eq!(
        waiting(&test, sync).await,
        left,
        "they still need the person"
    );

    // Tried again as they were read then: nothing is different, and none is counted twice.
    let again: Started = test.ask("retry_unwritten", json!({"sync": sync})).await;
    let again = test.ended(again.run).await;
    assert_eq!(again.summary.counts.read, left, "{}", again.equation);
    assert_eq!(waiting(&test, sync).await, left);
    assert_eq!(listed(&test, sync).await, keys);

    // The mapping is mended: now it does without what was wrong.
    let mut mapping = test.suggested(sync).await;
    mapping
        .rules
        .retain(|rule| rule.target.to_string() != "lifetime_value");
    test.publish(sync, &mapping).await;
    let again: Started = test.ask("retry_unwritten", json!({"sync": sync})).await;
    let again = test.ended(again.run).await;
    assert_eq!(again.summary.counts.created, left - without_address);
    assert_eq!(waiting(&test, sync).await, without_address);
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_are_gone_from_the_source_need_nobody() {
    let test = TestApp::with_contacts(120).await;
    let sync = test.standard().await.sync;
    full_run(&test, sync).await;
    let left = waiting(&test, sync).await;
    assert!(left > 0);
    test.sandbox.delete_contacts(110, 3);
    let still = 10 - carried::carriable(&test.sandbox) as u64;
    assert!(still < left);
    // A run that reads only what changed cannot tell that they are gone.
    test.run(sync).await;
    assert_eq!(waiting(&test, sync).await, left);
    // This one is planned first, for there are links.
    full_run(&test, sync).await;
    assert_eq!(waiting(&test, sync).await, still);
    test.close().await;
}
