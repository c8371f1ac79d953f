//! What a run leaves open when it is cut off is settled by the next one, and counts as what it was.

use api::views::{RunDetail, RunRecords};
use model::run::RunState;
use sandbox::{Fault, FaultRule};
use serde_json::json;
use testkit::{TestApp, carried, forgetful};

const SEED: u64 = 20_261_124;

/// Updates reach the target and their answers do not reach us, as if the process had been killed in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn updates_that_arrived_before_a_run_was_cut_off_count_as_updated() {
    let test = TestApp::with_contacts(300).await;
    assert_updated(test).await;
}

/// A target that does not know a change again tells what it did itself: that the record has moved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn updates_that_a_target_does_not_know_again_count_as_updated_too() {
    let closed = TestApp::with_contacts(300).await.close().await;
    forgetful::install(&closed.data_dir());
    assert_updated(closed.open().await).await;
}

async fn assert_updated(test: TestApp) {
    let (test, edited, cut_off) = cut_off_and_settled(test, 0).await;
    let counts = cut_off.summary.counts;
    assert_eq!(
        counts.updated + counts.unchanged,
        counts.read,
        "{}",
        cut_off.equation
    );
    carried::assert_contacts_carried(&test.sandbox, &edited);
    test.close().await;
}

/// The same, and meanwhile people at the target changed some of the records too: what had not arrived is now told that
/// the record has moved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn updates_are_made_anew_where_the_target_was_changed_too() {
    let test = TestApp::with_contacts(300).await;
    let (test, _, _) = cut_off_and_settled(test, 60).await;
    test.close().await;
}

/// Gives the contacts that were edited and the run that was cut off, as it stands once the next one has settled it.
async fn cut_off_and_settled(
    test: TestApp,
    edited_on_target: usize,
) -> (TestApp, Vec<String>, RunDetail) {
    let standard = test.standard().await;
    assert_eq!(
        test.run(standard.sync).await.summary.state,
        RunState::Completed
    );
    let edited = test.sandbox.edit_contacts(120, SEED);
    test.sandbox.set_faults(vec![
        FaultRule::new(Fault::LostAnswer).on("POST", "/postino/api/subscribers/batch"),
    ]);
    let cut_off = test.run(standard.sync).await;
    assert_eq!(cut_off.summary.state, RunState::Failed, "{cut_off:?}");
    assert_eq!(cut_off.summary.counts.updated, 0, "{}", cut_off.equation);

    // The start after that, with a target that works again.
    let test = test.close().await.open().await;
    test.sandbox.set_faults(Vec::new());
    test.sandbox.edit_subscribers(edited_on_target, SEED);
    let next = test.run(standard.sync).await;
    assert_eq!(next.summary.state, RunState::Completed, "{next:?}");
    assert_eq!(next.summary.counts.held, 0, "{}", next.equation);

    let cut_off: RunDetail = test
        .ask("get_run", json!({"run": cut_off.summary.id}))
        .await;
    assert!(cut_off.balances, "{}", cut_off.equation);
    assert_eq!(cut_off.summary.counts.held, 0, "{}", cut_off.equation);
    assert!(cut_off.summary.counts.updated > 90, "{}", cut_off.equation);
    let lines: RunRecords = test
        .ask(
            "list_run_records",
            json!({
                "run": cut_off.summary.id, "sync": null, "outcomes": ["updated"], "search": "", "after": null,
                "limit": 500,
            }),
        )
        .await;
    assert_eq!(
        lines.records.len() as u64,
        cut_off.summary.counts.updated,
        "each record that was settled has its line"
    );
    (test, edited, cut_off)
}
