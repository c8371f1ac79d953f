//! The main job, from the first click to the mended record.

use std::collections::BTreeSet;

use api::views::{
    ExportedSync, PlanAction, PlanEntries, PlanState, RunRecordDetail, RunRecords, Started,
    SyncDetail, SyncState, SyncSummary,
};
use model::ids::RunId;
use model::mapping::Mapping;
use model::run::{RecordOutcome, RunState, Trigger};
use serde_json::{Value, json};
use testkit::standard::{expression, put};
use testkit::{TestApp, carried};

async fn records_of(test: &TestApp, run: RunId, outcomes: &[RecordOutcome]) -> RunRecords {
    let request = json!({"run": run, "sync": null, "outcomes": outcomes, "search": "", "after": null, "limit": 500});
    test.ask("list_run_records", request).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_connects_maps_looks_runs_and_mends() {
    let test = TestApp::with_contacts(60).await;
    let harbor = test.connect("harbor").await;
    let postino = test.connect("postino").await;
    assert_eq!(
        test.user.seen().pages.len(),
        2,
        "each sign-in opens the browser once"
    );

    // A draft, with suggestions that a person accepts.
    let sync = test.create("Newsletter", harbor, postino).await;
    let detail: SyncDetail = test.ask("get_sync", json!({"sync": sync})).await;
    assert!(
        detail.summary.has_draft && detail.problem.is_none(),
        "{detail:?}"
    );
    assert_eq!(detail.summary.state, SyncState::Draft);
    let mapping = test.suggested(sync).await;
    let targets: BTreeSet<String> = mapping
        .rules
        .iter()
        .map(|rule| rule.target.to_string())
        .collect();
    for wanted in [
        "email_address",
        "full_name",
        "location.city",
        "lifetime_value",
        "signup_date",
    ] {
        assert!(
            targets.contains(wanted),
            "nothing is suggested for {wanted}: {targets:?}"
        );
    }
    let _: SyncSummary = test
        .ask("save_draft", json!({"sync": sync, "mapping": mapping}))
        .await;

    // A plan writes nothing.
    let before = test.sandbox.subscribers();
    let known = carried::known(&test.sandbox);
    let plan = test.plan(sync).await;
    assert_eq!(plan.state, PlanState::Ready, "{plan:?}");
    assert_eq!(test.sandbox.subscribers(), before);
    assert_eq!(plan.counts.read, 60);
    assert_eq!(
        plan.counts.invalid, 4,
        "the sample has four contacts without a valid address"
    );
    assert_eq!(plan.counts.update, 8, "the sample has eight that both know");
    assert_eq!(plan.counts.create, 48);

    // One record is ticked off.
    let request =
        json!({"plan": plan.id, "actions": ["create"], "search": "", "from": 0, "limit": 500});
    let entries: PlanEntries = test.ask("list_plan_entries", request).await;
    assert_eq!((entries.total, entries.entries.len()), (48, 48));
    let (left_out, next) = (&entries.entries[0], &entries.entries[1]);
    assert!(!next.fields.is_empty() && next.action == PlanAction::Create);
    let request =
        json!({"plan": plan.id, "seqs": [left_out.seq], "action": null, "included": false});
    let plan: api::views::PlanDetail = test.ask("include_plan_entries", request).await;
    assert_eq!(plan.excluded, 1);

    // It is applied; the equation holds.
    let first = test.apply(plan.id).await;
    assert_eq!(first.summary.state, RunState::Completed, "{first:?}");
    assert_eq!(first.summary.trigger, Trigger::Plan);
    assert!(first.balances);
    assert_eq!(
        first.equation,
        "60 read = 47 created + 8 updated + 0 deleted + 0 unchanged + 1 filtered + 4 invalid + 0 rejected + 0 conflict + 0 held"
    );
    let there = carried::subscribers(&test.sandbox);
    assert_eq!(there.len(), known.len() + 47);
    assert!(
        !there.contains_key(&left_out.title),
        "{} was ticked off",
        left_out.title
    );
    assert!(there.contains_key(&next.title));
    assert_eq!(
        test.plan(sync).await.counts.create,
        0,
        "what was looked at once is not proposed again by itself"
    );

    // Somebody changes contacts at Harbor; only those are written.
    let edited = test.sandbox.edit_contacts(10, 3);
    let second = test.run(sync).await;
    assert!(
        second.balances && second.summary.state == RunState::Completed,
        "{second:?}"
    );
    let contacts = test.sandbox.contacts();
    let by_id = |id: &str| {
        testkit::app::records(&contacts)
            .iter()
            .find(|contact| contact["id"] == id)
            .cloned()
            .unwrap()
    };
    let writable = edited
        .iter()
        .filter(|id| carried::address(&by_id(id)).is_some())
        .count() as u64;
    assert_eq!(
        second.summary.counts.created + second.summary.counts.updated,
        writable,
        "{}",
        second.equation
    );

    // The history of one of them: before and after, and the request without its secrets.
    let updated = records_of(&test, second.summary.id, &[RecordOutcome::Updated]).await;
    let line = &updated.records[0];
    let story: RunRecordDetail = test
        .ask("get_run_record", json!({"run": line.run, "seq": line.seq}))
        .await;
    let value = story
        .fields
        .iter()
        .find(|field| field.path.to_string() == "lifetime_value")
        .unwrap();
    assert!(
        value.before.is_some() && value.before != value.after,
        "{value:?}"
    );
    assert_eq!(
        story.source.as_ref().unwrap()["id"],
        line.source_key.as_str()
    );
    assert!(
        story.timeline.len() >= 2,
        "it was written twice: {:?}",
        story.timeline
    );
    let exchange = story.exchange.as_ref().expect("the request is kept");
    assert_eq!(
        (exchange.method.as_str(), exchange.status),
        ("POST", Some(207))
    );
    let header = exchange
        .request_headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    assert!(
        header.is_none_or(|(_, value)| !value.contains("pst_at_")),
        "{header:?}"
    );

    // The mapping is mended for those without an address, and they are tried again.
    let mut mended: Mapping = mapping.clone();
    put(
        &mut mended,
        expression(
            "email_address",
            "{% if record.email and '@' in record.email %}{{ record.email | trim | lower }}{% else %}{{ record.id }}@mended.example{% endif %}",
        ),
    );
    test.publish(sync, &mended).await;
    let invalid = records_of(&test, first.summary.id, &[RecordOutcome::Invalid]).await;
    assert_eq!(invalid.records.len(), 4);
    assert!(
        invalid
            .records
            .iter()
            .all(|record| record.message.is_some()),
        "{invalid:?}"
    );
    // One that the second run has read anew is that run's to mend.
    let read_anew = records_of(&test, second.summary.id, &[RecordOutcome::Invalid])
        .await
        .records
        .len() as u64;
    let started: Started = test
        .ask(
            "retry_records",
            json!({"run": first.summary.id, "seqs": []}),
        )
        .await;
    let retried = test.ended(started.run).await;
    assert_eq!(retried.summary.trigger, Trigger::Retry);
    assert!(retried.balances);
    let counts = retried.summary.counts;
    assert_eq!(
        (counts.read, counts.created),
        (4 - read_anew, 4 - read_anew),
        "{}",
        retried.equation
    );

    // A run in which nothing is left to do writes nothing.
    let counters = test.sandbox.counters();
    test.run(sync).await;
    let calm = test.run(sync).await;
    assert_eq!(calm.summary.counts.updated, 0, "{}", calm.equation);
    // The mapping changed, so that all was compared again: the one that was ticked off came along.
    let created = |counters: &sandbox::Counters| counters.postino.written("subscribers.create");
    assert_eq!(
        created(&test.sandbox.counters()),
        created(&counters) + 1 + read_anew
    );
    let there = carried::subscribers(&test.sandbox);
    for record in &invalid.records {
        assert!(
            there.contains_key(&format!("{}@mended.example", record.source_key)),
            "{record:?}"
        );
    }

    // It can be taken along as a file.
    let file: ExportedSync = test.ask("export_sync", json!({"sync": sync})).await;
    let document: Value = serde_json::from_str(&file.text).unwrap();
    assert_eq!(file.file_name, "newsletter.patchbay.json");
    assert_eq!(document["source"]["needs"]["connector"], "harbor");
    assert!(
        !file.text.contains(&harbor.to_string()),
        "connections are slots"
    );
    test.close().await;
}
