//! Starting over: each way shows its plan first, and nothing happens before that is applied.

use std::collections::BTreeMap;

use api::views::{ConflictPage, PlanDetail, PlanStarted, RunDetail, SyncDetail, SyncSummary};
use model::ids::SyncId;
use model::run::{RunState, Trigger};
use serde_json::{Value, json};
use testkit::TestApp;
use testkit::app::records;
use testkit::standard::Standard;

const CONTACTS: usize = 60;

async fn synced() -> (TestApp, Standard, RunDetail) {
    let test = TestApp::with_contacts(CONTACTS).await;
    let standard = test.standard().await;
    let run = completed(test.run(standard.sync).await);
    assert!(run.summary.counts.created > 0, "{}", run.equation);
    assert!(run.summary.counts.updated > 0, "{}", run.equation);
    (test, standard, run)
}

fn completed(run: RunDetail) -> RunDetail {
    assert_eq!(run.summary.state, RunState::Completed, "{run:?}");
    assert!(run.balances, "{}", run.equation);
    run
}

async fn start_over(test: &TestApp, sync: SyncId, what: &str) -> PlanDetail {
    let request = json!({"sync": sync, "what": what});
    let started: PlanStarted = test.ask("start_over", request).await;
    test.app.engine().wait_plan(started.plan).await.unwrap();
    test.ask("get_plan", json!({"plan": started.plan})).await
}

/// All records of Postino by address.
fn subscribers(test: &TestApp) -> BTreeMap<String, Value> {
    records(&test.sandbox.subscribers())
        .iter()
        .map(|record| {
            let address = record["email_address"].as_str().unwrap().to_owned();
            (address, record.clone())
        })
        .collect()
}

async fn links(test: &TestApp, sync: SyncId) -> Vec<(String, String)> {
    let page = test
        .app
        .engine()
        .store()
        .read(move |db| store::links::page(db, sync, None, 1_000));
    let links = page.await.unwrap().into_iter();
    links
        .map(|link| (link.source_key.to_string(), link.target_key.to_string()))
        .collect()
}

async fn is_paused(test: &TestApp, sync: SyncId) -> bool {
    let detail: SyncDetail = test.ask("get_sync", json!({"sync": sync})).await;
    detail.summary.is_paused
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_sync_made_is_removed_and_what_was_there_stays() {
    let test = TestApp::with_contacts(CONTACTS).await;
    let before = subscribers(&test);
    assert!(!before.is_empty());
    let standard = test.standard().await;
    let first = completed(test.run(standard.sync).await);
    let with_all = subscribers(&test);
    let (made, met) = (first.summary.counts.created, first.summary.counts.updated);
    assert_eq!(with_all.len() as u64, before.len() as u64 + made);
    // A later change of what it made does not make it somebody else's.
    let (address, one) = with_all
        .iter()
        .find(|(address, _)| !before.contains_key(*address))
        .unwrap();
    let key = links(&test, standard.sync).await.into_iter();
    let (contact, _) = key
        .into_iter()
        .find(|(_, target)| *target == one["id"])
        .unwrap();
    let news = json!({"notes": "Changed on the source"});
    test.edit(standard.harbor, "contacts", &contact, news).await;
    completed(test.run(standard.sync).await);
    let changed = subscribers(&test);
    let with_notes = |list: &BTreeMap<String, Value>| list[address]["notes"].clone();
    assert_ne!(with_notes(&changed), with_notes(&with_all));

    let plan = start_over(&test, standard.sync, "purge").await;
    assert!(plan.problem.is_none(), "{plan:?}");
    assert_eq!(plan.counts.delete, made, "{plan:?}");
    assert_eq!(plan.counts.filtered, met, "{plan:?}");
    // Looking at it does nothing.
    assert_eq!(subscribers(&test), changed);
    assert!(!is_paused(&test, standard.sync).await);

    let purged = completed(test.apply(plan.id).await);
    assert_eq!(purged.summary.trigger, Trigger::Purge);
    assert_eq!(purged.summary.counts.deleted, made, "{}", purged.equation);
    let left: Vec<String> = subscribers(&test).into_keys().collect();
    let expected: Vec<String> = before.into_keys().collect();
    assert_eq!(left, expected);
    assert_eq!(links(&test, standard.sync).await.len() as u64, met);
    assert!(is_paused(&test, standard.sync).await);

    // It is a run like any other: it can be taken back.
    let request = json!({"run": purged.summary.id, "seqs": [], "fields": []});
    let started: PlanStarted = test.ask("start_undo", request).await;
    test.app.engine().wait_plan(started.plan).await.unwrap();
    let undone = completed(test.apply(started.plan).await);
    assert_eq!(undone.summary.counts.created, made, "{}", undone.equation);
    assert_eq!(subscribers(&test).len(), with_all.len());

    // And switched on again, the sync finds all of it.
    let on = json!({"sync": standard.sync, "is_paused": false});
    let on: SyncSummary = test.ask("pause_sync", on).await;
    assert!(!on.is_paused);
    let again = completed(test.run(standard.sync).await);
    assert_eq!(again.summary.counts.created, 0, "{}", again.equation);
    assert_eq!(subscribers(&test).len(), with_all.len());
    assert_eq!(
        links(&test, standard.sync).await.len() as u64,
        made + met,
        "{}",
        again.equation
    );
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_changed_since_is_not_removed_unasked() {
    let (test, standard, first) = synced().await;
    let made = first.summary.counts.created;
    let plan = start_over(&test, standard.sync, "purge").await;
    // Somebody works on one of them while the plan is looked at.
    let request =
        json!({"plan": plan.id, "actions": ["delete"], "search": "", "from": 0, "limit": 1});
    let list: api::views::PlanEntries = test.ask("list_plan_entries", request).await;
    let key = list.entries[0].target_key.clone().unwrap();
    let news = json!({"notes": "Mine"});
    test.edit(standard.postino, "subscribers", &key, news).await;

    let purged = completed(test.apply(plan.id).await);
    assert_eq!(
        (
            purged.summary.counts.deleted,
            purged.summary.counts.conflict
        ),
        (made - 1, 1),
        "{}",
        purged.equation
    );
    let kept = subscribers(&test);
    let kept = kept.values().find(|record| record["id"] == key.as_str());
    assert_eq!(kept.unwrap()["notes"], "Mine");
    let request = json!({"sync": standard.sync, "source_key": null, "field": null, "is_decided": null, "search": "", "after": null, "limit": 10});
    let conflicts: ConflictPage = test.ask("list_conflicts", request).await;
    assert_eq!(conflicts.conflicts.len(), 1);
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_made_nothing_has_nothing_to_remove() {
    let test = TestApp::with_contacts(CONTACTS).await;
    let standard = test.standard().await;
    let plan = start_over(&test, standard.sync, "purge").await;
    let problem = plan.problem.unwrap().message;
    assert!(problem.contains("nothing to remove"), "{problem}");
    assert!(!is_paused(&test, standard.sync).await);
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn matching_anew_forgets_nothing_before_its_plan_is_applied() {
    let (test, standard, first) = synced().await;
    let (before, linked) = (subscribers(&test), links(&test, standard.sync).await);
    let plan = start_over(&test, standard.sync, "links").await;
    assert_eq!((plan.counts.create, plan.counts.update), (0, 0), "{plan:?}");
    assert_eq!(links(&test, standard.sync).await, linked);
    let discard = json!({"plan": plan.id});
    let _: Value = test.ask("discard_plan", discard).await;
    // The next run goes on from where the last one ended.
    let next = completed(test.run(standard.sync).await);
    let all = first.summary.counts.read;
    assert!(next.summary.counts.read < all, "{}", next.equation);
    assert_eq!(links(&test, standard.sync).await, linked);

    let plan = start_over(&test, standard.sync, "links").await;
    let applied = completed(test.apply(plan.id).await);
    let counts = &applied.summary.counts;
    assert_eq!((counts.created, counts.updated), (0, 0), "{counts:?}");
    assert_eq!(links(&test, standard.sync).await, linked);
    assert_eq!(subscribers(&test), before);
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn matching_anew_finds_the_pairs_that_the_records_have_now() {
    let (test, standard, _) = synced().await;
    let linked = links(&test, standard.sync).await;
    // Somebody gave two subscribers each other's address.
    let (one, other) = (linked[0].1.clone(), linked[1].1.clone());
    let all = subscribers(&test);
    let address_of = |key: &str| {
        let record = all.values().find(|record| record["id"] == key);
        record.unwrap()["email_address"].clone()
    };
    let (first, second) = (address_of(&one), address_of(&other));
    let swap = [
        (&one, json!("between@brightwater.example")),
        (&other, first),
        (&one, second),
    ];
    for (key, address) in swap {
        let fields = json!({"email_address": address});
        test.edit(standard.postino, "subscribers", key, fields)
            .await;
    }
    let plan = start_over(&test, standard.sync, "links").await;
    completed(test.apply(plan.id).await);
    let now = links(&test, standard.sync).await;
    assert_eq!(now[0], (linked[0].0.clone(), other));
    assert_eq!(now[1], (linked[1].0.clone(), one));
    assert_eq!(now[2..], linked[2..]);
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_everything_again_forgets_nothing_before_its_plan_is_applied() {
    let (test, standard, first) = synced().await;
    let all = first.summary.counts.read;
    let plan = start_over(&test, standard.sync, "cursor").await;
    assert_eq!(plan.counts.read, all, "{plan:?}");
    let next = completed(test.run(standard.sync).await);
    assert!(next.summary.counts.read < all, "{}", next.equation);
    test.close().await;
}
