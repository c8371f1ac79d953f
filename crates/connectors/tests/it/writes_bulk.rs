//! Writing by jobs that the platform carries out in its own time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use connectors::{Access, BulkJob, Destination as _, Error, JobLog};
use model::ids::ChangeId;
use model::record::Change;
use sandbox::{Fault, FaultRule};

use crate::odd_server::{OddServer, Reply};
use crate::reach::{create, delete, hasty, odd, things, update};
use crate::writes_many::{contact, contacts, harbor_that, shown, start, write};

/// Jobs in this format, with results in that one.
fn bulk(format: &str, results: &str) -> String {
    let (format_key, body) = match format {
        "json" => (
            "json",
            ", request_body_json: {operations: \"{{ entries }}\"}",
        ),
        other => (other, ""),
    };
    format!(
        "key: id
operations:
  bulk:
    size: 1000
    format: {format_key}
    entries:
      create: {{op: create, client_ref: \"{{{{ id }}}}\", data: \"{{{{ fields }}}}\"}}
      update: {{op: update, client_ref: \"{{{{ id }}}}\", id: \"{{{{ key }}}}\", data: \"{{{{ fields }}}}\"}}
      delete: {{op: delete, client_ref: \"{{{{ id }}}}\", id: \"{{{{ key }}}}\"}}
    submit:
      request: {{path: api/v1/contacts/jobs, http_method: POST{body}}}
      job: [job, id]
      idempotency_key: {{header: Idempotency-Key}}
    poll:
      request: {{path: \"api/v1/contacts/jobs/{{{{ job }}}}\"}}
      status: [job, state]
      done: [done]
      interval: 0.02
      deadline: 20
    results: {results}"
    )
}

const BY_LINE: &str = "
      request: {path: \"api/v1/contacts/jobs/{{ job }}/results\"}
      format: jsonl
      items: {index: index, status: status, id: id, record: data, code: [error, code], message: [error, message], field: [error, field]}";
const BY_CSV: &str = "
      request: {path: \"api/v1/contacts/jobs/{{ job }}/results\", request_parameters: {format: csv}}
      format: csv
      items: {ref: client_ref, status: status, id: id, code: code, message: message, field: field}";

#[tokio::test]
async fn jobs_are_submitted_waited_for_and_their_results_come_back_to_the_changes() {
    for (format, results) in [("json", BY_LINE), ("jsonl", BY_CSV), ("json", BY_CSV)] {
        let sandbox = start().await;
        let platform = harbor_that(&sandbox, &bulk(format, results));
        let before = contacts(&sandbox);
        let mut changes: Vec<Change> = (0..300).map(contact).collect();
        changes.push(create(r#"{"last_name":"Bad","email":"nonsense"}"#));
        changes.push(update("ct_10002", None, r#"{"last_name":"Changed"}"#));
        changes.push(delete("ct_10003"));
        let said = shown(&write(&platform, &changes).await);
        assert!(
            said[..300]
                .iter()
                .all(|said| said.starts_with("written ct_")),
            "{said:?}"
        );
        assert!(said[300].starts_with("invalid at email: "), "{said:?}");
        assert_eq!(said[301..], ["written ct_10002", "written ct_10003"]);
        assert_eq!(contacts(&sandbox), before + 299);
        assert_eq!(
            sandbox.counters().requests["POST /harbor/api/v1/contacts/jobs"],
            1
        );
    }
}

#[tokio::test]
async fn records_go_out_as_csv_where_a_platform_wants_that() {
    let sandbox = start().await;
    let yaml = bulk("csv", BY_CSV).replace(
        "data: \"{{ fields }}\"}",
        "last_name: \"{{ fields.last_name }}\", email: \"{{ fields.email }}\"}",
    );
    let platform = harbor_that(&sandbox, &yaml);
    let changes = [
        create(r#"{"last_name":"O\"Neil, the 2nd","email":"o@example.com"}"#),
        create(r#"{"last_name":"B","email":"nonsense"}"#),
    ];
    let said = shown(&write(&platform, &changes).await);
    assert!(said[0].starts_with("written ct_"), "{said:?}");
    assert!(said[1].starts_with("invalid at email"), "{said:?}");
    let stored = sandbox.contacts();
    assert!(
        stored
            .as_array()
            .unwrap()
            .iter()
            .any(|contact| contact["last_name"] == "O\"Neil, the 2nd")
    );
}

/// Remembers jobs as the store does.
#[derive(Default)]
struct Remembered(Mutex<Vec<BulkJob>>);

#[async_trait]
impl JobLog for Remembered {
    async fn started(&self, job: &BulkJob) -> connectors::Result<()> {
        self.0.lock().unwrap().push(job.clone());
        Ok(())
    }

    async fn under_way(
        &self,
        stream: &str,
        changes: &[ChangeId],
    ) -> connectors::Result<Vec<BulkJob>> {
        let holds = |job: &&BulkJob| {
            job.stream == stream && job.changes.iter().any(|change| changes.contains(change))
        };
        Ok(self
            .0
            .lock()
            .unwrap()
            .iter()
            .filter(holds)
            .cloned()
            .collect())
    }

    async fn ended(&self, job: &BulkJob) -> connectors::Result<()> {
        self.0.lock().unwrap().retain(|known| known.id != job.id);
        Ok(())
    }
}

#[tokio::test]
async fn a_job_that_was_under_way_when_the_program_ended_is_asked_about_and_not_submitted_again() {
    let sandbox = start().await;
    let log = Arc::new(Remembered::default());
    let access = Access {
        jobs: Some(log.clone()),
        ..Access::unattended()
    };
    let before = contacts(&sandbox);
    let changes: Vec<Change> = (0..50).map(contact).collect();
    let slow = bulk("json", BY_LINE)
        .replace("interval: 0.02", "interval: 600")
        .replace("deadline: 20", "deadline: 3600");
    let first = harbor_that(&sandbox, &slow);
    let cut = tokio::time::timeout(
        Duration::from_secs(2),
        first.write("contacts", &changes, &access),
    )
    .await;
    assert!(cut.is_err(), "the program ends while the job is under way");
    assert_eq!(log.0.lock().unwrap().len(), 1);

    // Only some of the changes are asked about; they keep their places in the job.
    let again = harbor_that(&sandbox, &bulk("json", BY_LINE));
    let some = [changes[7].clone(), changes[3].clone(), contact(900)];
    let written = again.write("contacts", &some, &access).await.unwrap();
    let said = shown(&written.outcomes);
    assert!(
        said.iter().all(|said| said.starts_with("written ct_")),
        "{said:?}"
    );
    assert_eq!(contacts(&sandbox), before + 51);
    assert_eq!(
        sandbox.counters().requests["POST /harbor/api/v1/contacts/jobs"],
        2
    );
    let stored = sandbox.contacts();
    let id_of = |email: &str| {
        let all = stored.as_array().unwrap();
        let found = all
            .iter()
            .find(|contact| contact["email"] == email)
            .unwrap();
        format!("written {}", found["id"].as_str().unwrap())
    };
    assert_eq!(said[0], id_of("new7@example.com"));
    assert_eq!(said[1], id_of("new3@example.com"));
    assert!(log.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_job_that_takes_too_long_or_is_gone_leaves_its_changes_unknown() {
    let sandbox = start().await;
    let log = Arc::new(Remembered::default());
    let access = Access {
        jobs: Some(log.clone()),
        ..Access::unattended()
    };
    let hurried = bulk("json", BY_LINE)
        .replace("interval: 0.02", "interval: 5")
        .replace("deadline: 20", "deadline: 0.05");
    let changes = [contact(1)];
    let platform = harbor_that(&sandbox, &hurried);
    let written = platform.write("contacts", &changes, &access).await.unwrap();
    let said = shown(&written.outcomes);
    assert!(
        said[0].starts_with("unknown: job job_1 is not done after"),
        "{said:?}"
    );
    assert_eq!(log.0.lock().unwrap().len(), 1, "it is asked about again");

    log.0.lock().unwrap()[0].id = "job_777".into();
    let written = platform.write("contacts", &changes, &access).await.unwrap();
    let said = shown(&written.outcomes);
    assert_eq!(
        said,
        ["unknown: the platform does not know the job job_777 any more"]
    );
    assert!(log.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_stop_ends_the_wait_for_a_job_at_once() {
    let sandbox = start().await;
    let slow = bulk("json", BY_LINE)
        .replace("interval: 0.02", "interval: 600")
        .replace("deadline: 20", "deadline: 3600");
    let platform = harbor_that(&sandbox, &slow);
    let access = Access::unattended();
    let cancel = access.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(400)).await;
        cancel.cancel();
    });
    let written = tokio::time::timeout(
        Duration::from_secs(3),
        platform.write("contacts", &[contact(1)], &access),
    )
    .await
    .expect("it stops within two seconds")
    .unwrap();
    let said = shown(&written.outcomes);
    assert!(
        said[0].contains("was under way when the writing was stopped"),
        "{said:?}"
    );
}

#[tokio::test]
async fn a_job_that_is_refused_means_that_nothing_was_sent() {
    let sandbox = start().await;
    let mut rule = FaultRule::new(Fault::Status {
        status: 403,
        retry_after: None,
        after_write: false,
    });
    rule.method = Some("POST".into());
    sandbox.set_faults(vec![rule]);
    let error = harbor_that(&sandbox, &bulk("json", BY_LINE))
        .write("contacts", &[contact(1)], &Access::unattended())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Forbidden { .. }), "{error}");
}

#[tokio::test]
async fn records_are_uploaded_and_the_job_started_where_these_are_requests_of_their_own() {
    let server = OddServer::start(|seen| match (seen.method.as_str(), seen.target.as_str()) {
        ("POST", "/jobs") => Reply::Json(200, "", r#"{"id":"a/b"}"#.into()),
        ("PUT", "/jobs/a%2Fb/batches") => Reply::Json(201, "", String::new()),
        ("PATCH", "/jobs/a%2Fb") => Reply::Json(200, "", "{}".into()),
        ("GET", "/jobs/a%2Fb") => Reply::Json(200, "", r#"{"state":"JobComplete"}"#.into()),
        ("GET", "/jobs/a%2Fb/good") => Reply::Raw(
            b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nref,sf__Id\nIDS,001\n".to_vec(),
        ),
        ("GET", "/jobs/a%2Fb/bad") => Reply::Raw(
            b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nn,sf__Error\n1,\"Last name, please\"\n"
                .to_vec(),
        ),
        _ => Reply::Json(404, "", "{}".into()),
    })
    .await;
    let yaml = format!(
        "{}
patchbay:
  writes:
    things:
      key: id
      operations:
        bulk:
          size: 10
          format: csv
          entries: {{create: {{ref: \"{{{{ id }}}}\", name: \"{{{{ fields.name }}}}\"}}}}
          submit: {{request: {{path: jobs, http_method: POST, request_body_json: {{object: Thing}}}}, job: id}}
          upload: {{request: {{path: \"jobs/{{{{ job }}}}/batches\", http_method: PUT}}}}
          start: {{request: {{path: \"jobs/{{{{ job }}}}\", http_method: PATCH, request_body_json: {{state: UploadComplete}}}}}}
          poll: {{request: {{path: \"jobs/{{{{ job }}}}\"}}, status: state, done: [JobComplete], failed: [Failed, Aborted]}}
          results:
            - {{request: {{path: \"jobs/{{{{ job }}}}/good\"}}, format: csv, items: {{index: ref, counts_as: 201, id: sf__Id}}}}
            - {{request: {{path: \"jobs/{{{{ job }}}}/bad\"}}, format: csv, items: {{index: n, counts_as: 422, message: sf__Error}}}}
",
        things("{type: NoPagination}")
    );
    let platform = odd(&server.url(), &yaml, hasty());
    let written = platform
        .write(
            "things",
            &[create(r#"{"name":"A"}"#), create(r#"{"name":"B"}"#)],
            &Access::unattended(),
        )
        .await
        .unwrap();
    let said = shown(&written.outcomes);
    assert!(
        said[0].starts_with("unknown: the results of job a/b do not mention it"),
        "{said:?}"
    );
    assert_eq!(said[1], "422 at -: Last name, please");
    let seen = server.seen();
    let lines: Vec<&str> = seen[1].body.lines().collect();
    assert_eq!((lines[0], lines.len()), ("ref,name", 3));
    assert_eq!(seen[1].header("content-type"), Some("text/csv"));
    assert_eq!(seen[2].body, r#"{"state":"UploadComplete"}"#);
}
