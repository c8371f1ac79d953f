//! Two platforms kept in step both ways: each side's changes reach the other, what both changed is for a person, and
//! nothing goes back and forth.

use std::collections::BTreeMap;

use api::views::{
    ConflictCounts, ConflictPage, NeedsYouAction, Overview, PlanDetail, PlanStarted, RunDetail,
    RunRecordSummary, RunRecords, Started, SyncSummary,
};
use model::conflict::ConflictKind;
use model::ids::{ConnectionId, PlanId, RunId, SyncId};
use model::mapping::{Mapping, OnFailure, Origin, Rule};
use model::run::{RunState, Trigger};
use serde_json::{Value, json};
use testkit::TestApp;
use testkit::app::records;
use testkit::standard::{Standard, constant, copied};

const PAIRS: [(&str, &str); 6] = [
    ("email", "email_address"),
    ("last_name", "full_name"),
    ("notes", "notes"),
    ("tags", "tags"),
    ("newsletter_opt_in", "marketing_consent"),
    ("language", "language"),
];

fn mapping() -> Mapping {
    let mut mapping = Mapping::default();
    mapping.rules.extend(PAIRS.map(|(source, target)| Rule {
        target: target.parse().unwrap(),
        origin: Origin::Fields {
            paths: vec![source.parse().unwrap()],
        },
        steps: Vec::new(),
        on_failure: OnFailure::Hold,
        comment: None,
    }));
    mapping.rules.push(constant("list_id", "lst_main".into()));
    mapping.rules.push(constant("status", "subscribed".into()));
    mapping
}

/// A sync between both, in force and never run, with these settings.
async fn prepared(contacts: usize, settings: Value) -> (TestApp, Standard) {
    let test = TestApp::with_contacts(contacts).await;
    let harbor = test.connect("harbor").await;
    let postino = test.connect("postino").await;
    let sync = test.create("Both ways", harbor, postino).await;
    let mut request = settings;
    request["sync"] = json!(sync);
    let _: SyncSummary = test.ask("save_draft", request).await;
    test.publish(sync, &mapping()).await;
    let standard = Standard {
        harbor,
        postino,
        sync,
    };
    (test, standard)
}

async fn two_way(contacts: usize) -> (TestApp, Standard) {
    let (test, standard) = prepared(contacts, json!({"is_two_way": true})).await;
    let held = test.run(standard.sync).await;
    assert_eq!(held.summary.state, RunState::Waiting, "{held:?}");
    let reason = held.summary.reason.clone().unwrap();
    assert!(reason.contains("first run both ways"), "{reason}");
    let applied = test.apply(held.plan.unwrap()).await;
    assert_eq!(applied.summary.state, RunState::Completed, "{applied:?}");
    assert!(applied.balances, "{}", applied.equation);
    (test, standard)
}

/// Changes one record as somebody else does.
async fn edit(test: &TestApp, connection: ConnectionId, stream: &str, key: &str, fields: Value) {
    test.edit(connection, stream, key, fields).await;
}

/// Pairs that are on both sides, by address: contact and subscriber.
fn pairs(test: &TestApp) -> BTreeMap<String, (Value, Value)> {
    let address = |record: &Value, field: &str| Some(record[field].as_str()?.trim().to_lowercase());
    let subscribers: BTreeMap<String, Value> = records(&test.sandbox.subscribers())
        .iter()
        .filter_map(|subscriber| Some((address(subscriber, "email_address")?, subscriber.clone())))
        .collect();
    records(&test.sandbox.contacts())
        .iter()
        .filter_map(|contact| {
            let address = address(contact, "email")?;
            let subscriber = subscribers.get(&address)?.clone();
            Some((address, (contact.clone(), subscriber)))
        })
        .collect()
}

fn id(record: &Value) -> &str {
    record["id"].as_str().unwrap()
}

/// Whether both say the same, as far as platforms do not rewrite it.
fn differences(test: &TestApp) -> Vec<String> {
    let nothing = |value: &Value| value.is_null() || *value == json!("") || *value == json!([]);
    let mut out = Vec::new();
    for (address, (contact, subscriber)) in pairs(test) {
        // Postino takes 255 characters; such a record is listed as invalid.
        if contact["notes"]
            .as_str()
            .is_some_and(|notes| notes.chars().count() > 255)
        {
            continue;
        }
        for (source, target) in &PAIRS[1..] {
            let (source, target) = (&contact[*source], &subscriber[*target]);
            if source != target && !(nothing(source) && nothing(target)) {
                out.push(format!("{address}: {source} and {target}"));
            }
        }
    }
    out
}

async fn quiet(test: &TestApp, sync: SyncId) -> RunDetail {
    let run = test.run(sync).await;
    assert_eq!(run.summary.state, RunState::Completed, "{run:?}");
    assert!(run.balances, "{}", run.equation);
    run
}

async fn conflicts(test: &TestApp, sync: SyncId) -> ConflictPage {
    let request = json!({"sync": sync, "source_key": null, "field": null, "is_decided": null, "search": "", "after": null, "limit": 500});
    test.ask("list_conflicts", request).await
}

async fn decide_all(test: &TestApp, sync: SyncId, decision: Value) -> RunDetail {
    let page = conflicts(test, sync).await;
    let ids: Vec<_> = page.conflicts.iter().map(|conflict| conflict.id).collect();
    let request = json!({"ids": ids, "decision": decision, "always": false});
    let counts: ConflictCounts = test.ask("decide_conflicts", request).await;
    assert_eq!(counts.decided, ids.len() as u64);
    let started: PlanStarted = test.ask("start_decisions", json!({"sync": sync})).await;
    made(test, started.plan).await;
    let run = test.apply(started.plan).await;
    assert_eq!(run.summary.state, RunState::Completed, "{run:?}");
    run
}

async fn made(test: &TestApp, plan: PlanId) -> PlanDetail {
    test.app.engine().wait_plan(plan).await.unwrap();
    let plan: PlanDetail = test.ask("get_plan", json!({"plan": plan})).await;
    assert!(plan.problem.is_none(), "{plan:?}");
    plan
}

async fn take_back(test: &TestApp, run: RunId) -> (PlanDetail, RunDetail) {
    let request = json!({"run": run, "seqs": [], "fields": []});
    let started: PlanStarted = test.ask("start_undo", request).await;
    let plan = made(test, started.plan).await;
    let run = test.apply(started.plan).await;
    assert_eq!(run.summary.state, RunState::Completed, "{run:?}");
    assert!(run.balances, "{}", run.equation);
    (plan, run)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_each_side_reach_the_other_and_then_nothing_moves() {
    let (test, standard) = two_way(80).await;
    assert_eq!(differences(&test), Vec::<String>::new());
    let still = quiet(&test, standard.sync).await;
    assert_eq!(
        still.summary.counts.created + still.summary.counts.updated,
        0,
        "{}",
        still.equation
    );

    let all = pairs(&test);
    let mut people = all.values();
    let (one, other) = (people.next().unwrap(), people.next().unwrap());
    edit(
        &test,
        standard.harbor,
        "contacts",
        id(&one.0),
        json!({"notes": "from Harbor"}),
    )
    .await;
    edit(
        &test,
        standard.postino,
        "subscribers",
        id(&one.1),
        json!({"full_name": "From Postino"}),
    )
    .await;
    edit(
        &test,
        standard.postino,
        "subscribers",
        id(&other.1),
        json!({"tags": ["from-postino"]}),
    )
    .await;
    let run = quiet(&test, standard.sync).await;
    let request = json!({"run": run.summary.id, "sync": null, "outcomes": ["held"], "search": "", "unwritten": false, "after": "", "limit": 9});
    let held: api::views::RunRecords = test.ask("list_run_records", request).await;
    assert_eq!(run.summary.counts.updated, 3, "{} {held:?}", run.equation);
    let now = pairs(&test);
    let (contact, subscriber) = &now[one.0["email"]
        .as_str()
        .unwrap()
        .trim()
        .to_lowercase()
        .as_str()];
    assert_eq!(subscriber["notes"], "from Harbor");
    assert_eq!(contact["last_name"], "From Postino");
    assert_eq!(differences(&test), Vec::<String>::new());
    let still = quiet(&test, standard.sync).await;
    assert_eq!(
        still.summary.counts.updated, 0,
        "an echo is no change: {}",
        still.equation
    );
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_both_changed_waits_for_a_person_while_the_rest_flows() {
    let (test, standard) = two_way(60).await;
    let all = pairs(&test);
    let (contact, subscriber) = all.values().next().unwrap().clone();
    edit(
        &test,
        standard.harbor,
        "contacts",
        id(&contact),
        json!({"notes": "H", "language": "eo"}),
    )
    .await;
    edit(
        &test,
        standard.postino,
        "subscribers",
        id(&subscriber),
        json!({"notes": "P"}),
    )
    .await;
    let run = quiet(&test, standard.sync).await;
    assert_eq!(run.summary.counts.conflict, 1, "{}", run.equation);
    let page = conflicts(&test, standard.sync).await;
    assert_eq!(page.total, 1);
    let conflict = &page.conflicts[0];
    assert_eq!(
        (conflict.kind, conflict.field.as_str()),
        (ConflictKind::BothChanged, "notes")
    );
    assert_eq!(
        (&conflict.source, &conflict.target),
        (&Some(json!("H")), &Some(json!("P")))
    );
    let address = contact["email"].as_str().unwrap().trim().to_lowercase();
    assert_eq!(
        pairs(&test)[&address].1["language"],
        "eo",
        "other fields flow"
    );
    // It stays until it is decided.
    quiet(&test, standard.sync).await;
    assert_eq!(conflicts(&test, standard.sync).await.total, 1);

    let decided = decide_all(&test, standard.sync, json!({"take": "target"})).await;
    assert_eq!(pairs(&test)[&address].0["notes"], "P");
    let (_, undone) = take_back(&test, decided.summary.id).await;
    assert_eq!(undone.summary.counts.updated, 1, "{}", undone.equation);
    assert_eq!(
        pairs(&test)[&address].0["notes"],
        "H",
        "the old value comes back"
    );
    take_back(&test, undone.summary.id).await;
    assert_eq!(pairs(&test)[&address].0["notes"], "P");
    assert_eq!(conflicts(&test, standard.sync).await.total, 0);
    let still = quiet(&test, standard.sync).await;
    assert_eq!(still.summary.counts.updated, 0, "{}", still.equation);
    assert_eq!(differences(&test), Vec::<String>::new());
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_leaves_the_source_is_deleted_once_it_is_certain_and_can_come_back() {
    let (test, standard) = prepared(100, json!({"mode": "mirror"})).await;
    quiet(&test, standard.sync).await;
    let before = pairs(&test);
    test.sandbox.delete_contacts(3, 5);
    let mut deleted = 0;
    let mut last = None;
    // How often it has to be missed depends on what the platform says of deletions.
    for _ in 0..3 {
        let run = quiet(&test, standard.sync).await;
        deleted += run.summary.counts.deleted;
        if run.summary.counts.deleted > 0 {
            last = Some(run.summary.id);
        }
    }
    let gone = before.len() - pairs(&test).len();
    assert!(gone > 0 && gone <= 3);
    assert_eq!(deleted, gone as u64);
    let subscribers = records(&test.sandbox.subscribers()).len();
    let (plan, run) = take_back(&test, last.unwrap()).await;
    assert_eq!(plan.counts.create, deleted);
    assert_eq!(run.summary.counts.created, deleted, "{}", run.equation);
    assert_eq!(
        records(&test.sandbox.subscribers()).len(),
        subscribers + gone
    );
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_taken_back_except_what_somebody_changed_since() {
    let (test, standard) = prepared(120, json!({})).await;
    let before = records(&test.sandbox.subscribers()).len();
    let run = quiet(&test, standard.sync).await;
    let counts = run.summary.counts;
    let address = pairs(&test).keys().next().unwrap().clone();
    let subscriber = pairs(&test)[&address].1.clone();
    edit(
        &test,
        standard.postino,
        "subscribers",
        id(&subscriber),
        json!({"notes": "mine now"}),
    )
    .await;

    let (plan, undone) = take_back(&test, run.summary.id).await;
    assert_eq!(plan.counts.conflict, 1, "{plan:?}");
    assert_eq!(undone.summary.counts.conflict, 1, "{}", undone.equation);
    assert_eq!(
        undone.summary.counts.deleted + undone.summary.counts.updated + 1,
        counts.created + counts.updated
    );
    let page = conflicts(&test, standard.sync).await;
    assert!(
        page.conflicts
            .iter()
            .all(|conflict| conflict.kind == ConflictKind::Undo),
        "{page:?}"
    );
    let now = test.sandbox.subscribers();
    let kept = records(&now)
        .iter()
        .filter(|one| one["notes"] == "mine now")
        .count();
    assert_eq!(kept, 1, "what somebody changed is theirs");
    assert!(records(&now).len() <= before + 1);

    // What was taken back is not made again by the next run, until it is wanted.
    let after = quiet(&test, standard.sync).await;
    assert_eq!(after.summary.counts.created, 0, "{}", after.equation);
    // Taking back the taking back.
    let (_, again) = take_back(&test, undone.summary.id).await;
    assert_eq!(
        again.summary.counts.created, undone.summary.counts.deleted,
        "{}",
        again.equation
    );
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_side_deletes_is_deleted_on_the_other_both_ways() {
    let settings = json!({"is_two_way": true, "deletes": {"action": {"kind": "delete"}}});
    let (test, standard) = prepared(60, settings).await;
    let held = test.run(standard.sync).await;
    test.apply(held.plan.unwrap()).await;
    let before = pairs(&test);
    test.sandbox.delete_contacts(2, 5);
    let run = quiet(&test, standard.sync).await;
    let gone = before.len() - pairs(&test).len();
    assert!(gone > 0);
    assert_eq!(run.summary.counts.deleted, gone as u64, "{}", run.equation);
    let still = quiet(&test, standard.sync).await;
    assert_eq!(still.summary.counts.created, 0, "{}", still.equation);
    test.close().await;
}

/// The lines of the history with this outcome, newest first.
async fn records_of(test: &TestApp, sync: SyncId, outcome: &str) -> Vec<RunRecordSummary> {
    let request = json!({
        "run": null, "sync": sync, "outcomes": [outcome], "search": "", "after": null, "limit": 100,
    });
    let page: RunRecords = test.ask("list_run_records", request).await;
    page.records
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trying_again_overwrites_nothing_that_nobody_has_decided() {
    let (test, standard) = two_way(40).await;
    let (contact, subscriber) = pairs(&test).into_values().next().unwrap();
    let (source, target) = (id(&contact).to_owned(), id(&subscriber).to_owned());
    edit(
        &test,
        standard.harbor,
        "contacts",
        &source,
        json!({"notes": "here"}),
    )
    .await;
    edit(
        &test,
        standard.postino,
        "subscribers",
        &target,
        json!({"notes": "there"}),
    )
    .await;
    assert_eq!(quiet(&test, standard.sync).await.summary.counts.conflict, 1);
    let notes = || {
        let all = pairs(&test).into_values();
        let mut both = all.filter(|(contact, _)| id(contact) == source);
        let (contact, subscriber) = both.next().unwrap();
        (contact["notes"].clone(), subscriber["notes"].clone())
    };
    let both = (json!("here"), json!("there"));

    // It needs somebody, but not to be tried again.
    let overview: Overview = test.ask("get_overview", json!({})).await;
    let sync = standard.sync;
    let decide = NeedsYouAction::OpenConflicts { sync };
    let item = overview.needs_you.iter().find(|item| item.action == decide);
    assert_eq!(
        item.unwrap().title,
        "1 conflict of Both ways waits for a decision"
    );
    let line = records_of(&test, sync, "conflict").await;
    assert_eq!(line.len(), 1);

    // It is still a conflict, whoever asks.
    let again = json!({"run": line[0].run, "seqs": [line[0].seq], "mapping": null});
    let again: Started = test.ask("retry_records", again).await;
    let again = test.ended(again.run).await;
    assert_eq!(again.summary.state, RunState::Completed, "{again:?}");
    assert_eq!(again.summary.counts.updated, 0, "{}", again.equation);
    assert_eq!(notes(), both);
    assert_eq!(conflicts(&test, standard.sync).await.conflicts.len(), 1);

    // Without links it is a first meeting, which is looked at first.
    let store = test.app.engine().store();
    let forget = move |tx: &store::Transaction<'_>| store::links::delete_all(tx, sync);
    store.write(forget).await.unwrap();
    let again = json!({"run": line[0].run, "seqs": [line[0].seq], "mapping": null});
    let again = match test.try_ask::<Started>("retry_records", again).await {
        Ok(again) => again,
        // A later line tells more: that one then.
        Err(_) => {
            let line = records_of(&test, sync, "conflict").await;
            let again = json!({"run": line[0].run, "seqs": [line[0].seq], "mapping": null});
            test.ask("retry_records", again).await
        }
    };
    let again = test.ended(again.run).await;
    assert_eq!(again.summary.state, RunState::Waiting, "{again:?}");
    assert_eq!(notes(), both);
    test.close().await;
}

/// Postino's subscribers and Harbor's contacts, the other way round: here it is the target that lists what it deleted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_target_lists_as_deleted_is_deleted_on_the_source() {
    let test = TestApp::with_contacts(40).await;
    let harbor = test.connect("harbor").await;
    let postino = test.connect("postino").await;
    let request = json!({
        "name": "The other way round",
        "source": {"connection": postino, "stream": "subscribers"},
        "target": {"connection": harbor, "stream": "contacts"},
        "mode": "upsert",
        "match_on": ["email"],
    });
    let sync = test.ask::<SyncSummary>("create_sync", request).await.id;
    let request =
        json!({"sync": sync, "is_two_way": true, "deletes": {"action": {"kind": "archive"}}});
    let _: SyncSummary = test.ask("save_draft", request).await;
    let mut mapping = Mapping::default();
    for (source, target) in &PAIRS[..3] {
        mapping.rules.push(copied(source, target));
    }
    test.publish(sync, &mapping).await;
    let held = test.run(sync).await;
    let applied = test.apply(held.plan.unwrap()).await;
    assert_eq!(applied.summary.state, RunState::Completed, "{applied:?}");
    let linked = pairs(&test);

    let gone = test.sandbox.delete_contacts(4, 5);
    let counterparts: Vec<&str> = linked
        .values()
        .filter(|(contact, _)| gone.iter().any(|gone| gone == id(contact)))
        .map(|(_, subscriber)| id(subscriber))
        .collect();
    assert!(!counterparts.is_empty());
    // Nobody asked for it: nothing is read in full, it is the list that tells.
    let run = test.app.engine().start_run(sync, Trigger::Schedule).await;
    let run = test.ended(run.unwrap()).await;
    assert_eq!(run.summary.state, RunState::Completed, "{run:?}");
    assert!(run.balances, "{}", run.equation);
    let n = counterparts.len() as u64;
    assert_eq!(run.summary.counts.deleted, n, "{}", run.equation);
    let subscribers = test.sandbox.subscribers();
    for subscriber in records(&subscribers) {
        if counterparts.contains(&id(subscriber)) {
            assert_eq!(subscriber["status"], "unsubscribed", "{subscriber}");
        }
    }
    let still = quiet(&test, sync).await;
    assert_eq!(still.summary.counts.deleted, 0, "{}", still.equation);
    // Whoever is made now is not one of them.
    let again = pairs(&test);
    let back: Vec<_> = linked
        .iter()
        .filter(|(_, (_, subscriber))| counterparts.contains(&id(subscriber)))
        .filter_map(|(address, was)| Some((was, again.get(address)?)))
        .collect();
    let made: Vec<RunRecordSummary> = records_of(&test, sync, "created").await;
    assert!(back.is_empty(), "{back:?} {made:?}");
    test.close().await;
}
