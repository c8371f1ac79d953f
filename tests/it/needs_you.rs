//! "Needs you" counts every record that still needs the person, whichever run saw it last.

use std::collections::BTreeSet;

use api::views::{
    NeedsYouAction, Overview, RunRecordDetail, RunRecordSummary, RunRecords, Started, SyncDetail,
};
use model::ids::SyncId;
use model::run::{RecordOutcome, RunState, Trigger};
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
        let Some(next) = page.next else { return keys };
        after = next;
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

    // Nothing changed at the source: this run sees none of them, but tries what the target refused.
    test.sandbox.set_faults(Vec::new());
    let second = test.run(sync).await;
    let refused = first.summary.counts.rejected;
    assert_eq!(second.summary.counts.rejected, refused);
    assert!(
        second.summary.counts.read <= 2 + refused,
        "{}",
        second.equation
    );
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

/// What still needs a person, as the list shows it.
async fn unwritten(test: &TestApp, sync: SyncId) -> Vec<RunRecordSummary> {
    let request = json!({
        "run": null, "sync": sync, "outcomes": [], "search": "", "unwritten": true, "after": null, "limit": 100,
    });
    let page: RunRecords = test.ask("list_run_records", request).await;
    page.records
}

/// How many records a run wrote.
async fn written(test: &TestApp, started: Started) -> u64 {
    let ended = test.ended(started.run).await;
    assert_eq!(ended.summary.state, RunState::Completed, "{ended:?}");
    ended.summary.counts.created + ended.summary.counts.updated
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_target_refuses_is_tried_by_later_runs_set_aside_and_sent_with_other_values() {
    let test = TestApp::with_contacts(12).await;
    let sync = test.standard().await.sync;
    let draft = json!({"sync": sync, "most_tries": 2});
    let _: serde_json::Value = test.ask("save_draft", draft).await;
    let detail: SyncDetail = test.ask("get_sync", json!({"sync": sync})).await;
    assert_eq!(detail.most_tries, 2);
    let mapping = test.suggested(sync).await;
    test.publish(sync, &mapping).await;
    let refuse = || {
        let fault = Fault::Status {
            status: 422,
            retry_after: None,
            after_write: false,
        };
        vec![FaultRule::new(fault).on("POST", "/postino/api/subscribers/batch")]
    };
    test.sandbox.set_faults(refuse());
    let first = test.run(sync).await;
    let n_refused = first.summary.counts.rejected;
    assert!(n_refused > 5, "{}", first.equation);
    let second = test.run(sync).await;
    assert_eq!(second.summary.counts.rejected, n_refused, "tried again");
    let waiting: Vec<_> = unwritten(&test, sync)
        .await
        .into_iter()
        .filter(|record| record.outcome == RecordOutcome::Rejected)
        .collect();
    assert_eq!(waiting.len() as u64, n_refused);
    assert!(
        waiting
            .iter()
            .all(|record| record.is_set_aside && record.tries == Some(2)),
        "{waiting:?}"
    );

    // Set aside is set aside, also when the target would take them by now.
    test.sandbox.set_faults(Vec::new());
    let third = test.run(sync).await;
    assert!(third.summary.counts.read <= 2, "{}", third.equation);

    let record = &waiting[0];
    let nothing = json!({"run": record.run, "seq": record.seq, "fields": {}});
    let refused = test
        .try_ask::<Started>("resend_record", nothing)
        .await
        .unwrap_err();
    assert_eq!(refused.message, "No value was changed.");
    let other = json!({"run": record.run, "seq": record.seq, "fields": {"full_name": "Other"}});
    let sent: Started = test.ask("resend_record", other).await;
    assert_eq!(written(&test, sent).await, 1);
    let names: Vec<_> = carried::subscribers(&test.sandbox)
        .into_values()
        .filter(|subscriber| subscriber["full_name"] == "Other")
        .collect();
    assert_eq!(names.len(), 1);

    // Another mapping than then, and one record as it was mapped then.
    let mut other = mapping.clone();
    testkit::standard::put(
        &mut other,
        testkit::standard::constant("full_name", json!("Everybody")),
    );
    test.publish(sync, &other).await;
    let record = &waiting[1];
    let reference = json!({"run": record.run, "seq": record.seq});
    let detail: RunRecordDetail = test.ask("get_run_record", reference).await;
    assert!(detail.has_other_mapping);
    let then = json!({"run": record.run, "seqs": [record.seq], "mapping": "then"});
    let sent: Started = test.ask("retry_records", then).await;
    assert_eq!(written(&test, sent).await, 1);
    let everybody = || {
        carried::subscribers(&test.sandbox)
            .into_values()
            .filter(|subscriber| subscriber["full_name"] == "Everybody")
            .count()
    };
    assert_eq!(everybody(), 0);
    let record = &waiting[2];
    let today = json!({"run": record.run, "seqs": [record.seq], "mapping": null});
    let sent: Started = test.ask("retry_records", today).await;
    assert_eq!(written(&test, sent).await, 1);
    assert_eq!(everybody(), 1);
    test.close().await;
}
