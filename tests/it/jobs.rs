//! Writing by jobs that the platform carries out in its own time, across the end of the program.

use std::path::Path;
use std::time::{Duration, Instant};

use api::views::Started;
use connectors::registry::BUILTIN;
use model::ids::ConnectionId;
use model::mapping::Mapping;
use model::run::RunState;
use serde_json::json;
use testkit::TestApp;
use testkit::standard::expression;

/// Harbor, written to by jobs only; asked about them after so many seconds.
fn install(data_dir: &Path, interval: &str) {
    let (_, usual) = BUILTIN.iter().find(|(name, _)| *name == "harbor").unwrap();
    let (before, rest) = usual.split_once("      operations:\n").unwrap();
    let (_, after) = rest.split_once("        find:\n").unwrap();
    let bulk = format!(
        "      operations:
        bulk:
          size: 1000
          format: json
          entries:
            create: {{op: create, client_ref: \"{{{{ id }}}}\", data: \"{{{{ fields }}}}\"}}
          submit:
            request: {{path: contacts/jobs, http_method: POST, request_body_json: {{operations: \"{{{{ entries }}}}\"}}}}
            job: [job, id]
          poll:
            request: {{path: \"contacts/jobs/{{{{ job }}}}\"}}
            status: [job, state]
            done: [done]
            interval: {interval}
            deadline: 3600
          results:
            request: {{path: \"contacts/jobs/{{{{ job }}}}/results\"}}
            format: jsonl
            items: {{index: index, status: status, id: id, record: data, code: [error, code], message: [error, message], field: [error, field]}}
"
    );
    let folder = data_dir.join("connectors");
    std::fs::create_dir_all(&folder).unwrap();
    // What cannot be changed cannot be put away.
    let before = before.replace("      archive: {archived: true}\n", "");
    let text = format!("{before}{bulk}        find:\n{after}");
    std::fs::write(folder.join("harbor.yaml"), text).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_was_under_way_when_the_program_ended_is_waited_for_and_not_submitted_again() {
    let closed = TestApp::with_contacts(40).await.close().await;
    install(&closed.data_dir(), "600");
    let test = closed.open().await;
    let (postino, harbor) = (test.connect("postino").await, test.connect("harbor").await);
    let sync = subscribers_to_contacts(&test, postino, harbor).await;
    let before = contacts(&test);
    let jobs = |test: &TestApp| test.sandbox.counters().requests_to("contacts/jobs");

    let started: Started = test.ask("start_run", json!({"sync": sync})).await;
    let begun = Instant::now();
    while jobs(&test) == 0 {
        if begun.elapsed() > Duration::from_secs(30) {
            let run: api::views::RunDetail = test.ask("get_run", json!({"run": started.run})).await;
            panic!("nothing is sent: {run:?}");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // Long enough for the first question, far from the second one.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let closed = test.close().await;
    install(&closed.data_dir(), "0.02");
    let test = closed.open().await;
    let cut_off = test.ended(started.run).await;
    assert_ne!(cut_off.summary.state, RunState::Completed);

    let next = test.run(sync).await;
    assert_eq!(next.summary.state, RunState::Completed, "{next:?}");
    let cut_off = test.ended(started.run).await;
    assert!(cut_off.balances && next.balances);
    let created = cut_off.summary.counts.created + next.summary.counts.created;
    assert!(created > 0, "{} {}", cut_off.equation, next.equation);
    assert_eq!(contacts(&test), before + usize::try_from(created).unwrap());
    assert_eq!(
        test.sandbox.counters().requests["POST /harbor/api/v1/contacts/jobs"],
        1,
        "nothing is submitted twice"
    );
    test.close().await;
}

fn contacts(test: &TestApp) -> usize {
    test.sandbox.contacts().as_array().unwrap().len()
}

async fn subscribers_to_contacts(
    test: &TestApp,
    postino: ConnectionId,
    harbor: ConnectionId,
) -> model::ids::SyncId {
    let request = json!({
        "name": "Subscribers to contacts",
        "source": {"connection": postino, "stream": "subscribers"},
        "target": {"connection": harbor, "stream": "contacts"},
        "mode": "create",
        "match_on": ["email"],
    });
    let sync: api::views::SyncSummary = test.ask("create_sync", request).await;
    let mut mapping = Mapping::default();
    // None of them is a contact yet.
    mapping
        .rules
        .push(expression("email", "new-{{ record.email_address }}"));
    mapping.rules.push(expression("last_name", "Subscriber"));
    test.publish(sync.id, &mapping).await;
    sync.id
}
