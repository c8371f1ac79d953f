//! Writing by connector files, against the sandbox and servers that misbehave.

use connectors::{Access, Destination as _, Error, Find};
use model::record::{Change, Outcome, RecordKey};
use sandbox::{Fault, FaultRule, Options, Sandbox};

use crate::odd_server::{OddServer, Reply};
use crate::reach::{create, delete, harbor, hasty, odd, postino, recorded, things, update};

async fn start() -> Sandbox {
    Sandbox::start(Options::new(1, 20)).await.unwrap()
}

fn subscriber(n: usize) -> Change {
    create(&format!(
        r#"{{"email_address":"new{n}@example.com","status":"subscribed","list_id":"lst_main","lifetime_value":"1.10"}}"#
    ))
}

fn shown(outcomes: &[Outcome]) -> Vec<String> {
    outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Written { version, .. } => {
                format!("written, version {}", version.as_deref().unwrap_or("?"))
            }
            Outcome::Rejected(rejection) => format!(
                "{} at {}: {}",
                rejection.code,
                rejection
                    .field
                    .as_ref()
                    .map_or_else(|| "-".into(), ToString::to_string),
                rejection.message
            ),
            Outcome::Moved => "moved".to_owned(),
            Outcome::Unknown { reason } => format!("unknown: {reason}"),
        })
        .collect()
}

fn all_written(outcomes: &[Outcome]) -> bool {
    outcomes
        .iter()
        .all(|outcome| matches!(outcome, Outcome::Written { .. }))
}

fn subscribers(sandbox: &Sandbox) -> usize {
    sandbox.subscribers().as_array().unwrap().len()
}

#[tokio::test]
async fn a_batch_says_of_each_change_what_became_of_it() {
    let sandbox = start().await;
    let platform = postino(&sandbox);
    let changes = [
        subscriber(1),
        create(r#"{"email_address":"no address","status":"subscribed","list_id":"lst_main"}"#),
        create(r#"{"email_address":"x@example.com","status":"subscribed","list_id":"lst_none"}"#),
        update("sub_1002", Some("1"), r#"{"full_name":"Ana Souza"}"#),
        update("sub_1003", Some("99"), r#"{"full_name":"Bo"}"#),
        update("sub_none", None, r#"{"full_name":"Bo"}"#),
        delete("sub_1004"),
        delete("sub_none"),
        create(
            r#"{"email_address":"new1@example.com","status":"subscribed","list_id":"lst_main"}"#,
        ),
    ];
    let written = platform
        .write("subscribers", &changes, &Access::unattended())
        .await
        .unwrap();
    insta::assert_snapshot!(shown(&written.outcomes).join("\n"));
    assert!(written.exchanges.iter().all(Option::is_some));
    assert_eq!(
        sandbox.counters().requests["POST /postino/api/subscribers/batch"],
        1
    );
    let Outcome::Written {
        record: Some(record),
        ..
    } = &written.outcomes[0]
    else {
        panic!("{:?}", written.outcomes[0]);
    };
    assert_eq!(
        record
            .at(&"email_address".parse().unwrap())
            .and_then(|v| v.as_text()),
        Some("new1@example.com")
    );
}

#[tokio::test]
async fn contacts_are_written_too() {
    let sandbox = start().await;
    let written = harbor(&sandbox)
        .write(
            "contacts",
            &[
                create(r#"{"last_name":"Okafor","email":"ada@example.com"}"#),
                update("ct_10002", None, r#"{"address":{"city":"Rosario"}}"#),
            ],
            &Access::unattended(),
        )
        .await
        .unwrap();
    assert!(all_written(&written.outcomes), "{:?}", written.outcomes);
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_the_idempotency_key_and_nothing_is_doubled() {
    let sandbox = start().await;
    let before = subscribers(&sandbox);
    let mut rule = FaultRule::new(Fault::LostAnswer);
    rule.method = Some("POST".into());
    rule.limit = Some(2);
    sandbox.set_faults(vec![rule]);
    let changes: Vec<Change> = (0..250).map(subscriber).collect();
    let written = postino(&sandbox)
        .write("subscribers", &changes, &Access::unattended())
        .await
        .unwrap();
    assert!(
        all_written(&written.outcomes),
        "{:?}",
        shown(&written.outcomes)
    );
    assert_eq!(subscribers(&sandbox), before + 250);
    assert!(sandbox.counters().postino.idempotent_replays > 0);
}

#[tokio::test]
async fn answers_that_stay_lost_leave_the_outcome_unknown() {
    let sandbox = start().await;
    let before = subscribers(&sandbox);
    let mut rule = FaultRule::new(Fault::LostAnswer);
    rule.method = Some("POST".into());
    sandbox.set_faults(vec![rule]);
    let changes: Vec<Change> = (0..10).map(subscriber).collect();
    let written = postino(&sandbox)
        .write("subscribers", &changes, &Access::unattended())
        .await
        .unwrap();
    assert!(
        written
            .outcomes
            .iter()
            .all(|outcome| matches!(outcome, Outcome::Unknown { .. }))
    );
    assert_eq!(subscribers(&sandbox), before + 10, "applied once");
}

#[tokio::test]
async fn items_that_a_platform_puts_off_are_sent_again() {
    let sandbox = start().await;
    let before = subscribers(&sandbox);
    sandbox.set_faults(vec![FaultRule::new(Fault::PartialBatch { item_every: 3 })]);
    let changes: Vec<Change> = (0..100).map(subscriber).collect();
    let written = postino(&sandbox)
        .write("subscribers", &changes, &Access::unattended())
        .await
        .unwrap();
    assert!(
        all_written(&written.outcomes),
        "{:?}",
        shown(&written.outcomes)
    );
    assert_eq!(subscribers(&sandbox), before + 100);
}

#[tokio::test]
async fn an_error_means_that_nothing_was_applied() {
    let sandbox = start().await;
    let before = subscribers(&sandbox);
    let readonly = crate::reach::postino_with(&sandbox, "pst_key_readonly_0001");
    let error = readonly
        .write("subscribers", &[subscriber(1)], &Access::unattended())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Forbidden { .. }), "{error}");
    let wrong = crate::reach::postino_with(&sandbox, "pst_key_wrong");
    let error = wrong
        .write("subscribers", &[subscriber(1)], &Access::unattended())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::SignInNeeded { .. }), "{error}");
    let error = postino(&sandbox)
        .write("lists", &[subscriber(1)], &Access::unattended())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Misconfigured { .. }), "{error}");
    let stopped = Access::unattended();
    stopped.cancel.cancel();
    let error = postino(&sandbox)
        .write("subscribers", &[subscriber(1)], &stopped)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Cancelled), "{error}");
    assert_eq!(subscribers(&sandbox), before);
}

#[tokio::test]
async fn many_records_are_found_by_one_field() {
    let sandbox = start().await;
    let platform = postino(&sandbox);
    let changes: Vec<Change> = (0..120).map(subscriber).collect();
    platform
        .write("subscribers", &changes, &Access::unattended())
        .await
        .unwrap();
    sandbox.reset_counters();
    let mut values: Vec<Vec<model::value::Value>> = (0..120)
        .map(|n| vec![format!(" NEW{n}@example.com ").into()])
        .collect();
    values.push(vec!["nobody@example.com".into()]);
    values.push(vec!["a@example.com,b@example.com".into()]);
    values.push(vec![model::value::Value::Null]);
    values.push(vec!["new7@example.com".into()]);
    let found = platform
        .find(
            Find {
                stream: "subscribers".into(),
                by: vec!["email_address".parse().unwrap()],
                values,
            },
            &Access::unattended(),
        )
        .await
        .unwrap();
    let counts: Vec<usize> = found.iter().map(Vec::len).collect();
    assert_eq!(counts[..120], [1; 120]);
    assert_eq!(counts[120..], [0, 0, 0, 1]);
    assert_eq!(found[7], found[123]);
    assert!(found[0][0].version.is_some());
    assert_eq!(
        sandbox.counters().requests["GET /postino/api/subscribers"],
        3
    );
}

#[tokio::test]
async fn records_are_read_by_key_and_a_key_cannot_leave_its_place() {
    let sandbox = start().await;
    let platform = postino(&sandbox);
    let keys = ["sub_1001", "sub_none", "sub_1002", "../me", "..", "a/b?c#d"]
        .map(|key| RecordKey(key.to_owned()));
    let found = platform
        .get("subscribers", &keys, &Access::unattended())
        .await
        .unwrap();
    let there: Vec<Option<String>> = found
        .iter()
        .map(|record| record.as_ref().map(|record| record.key.clone().unwrap().0))
        .collect();
    assert_eq!(
        there,
        [
            Some("sub_1001".into()),
            None,
            Some("sub_1002".into()),
            None,
            None,
            None
        ]
    );
}

/// Writes with `Idempotency-Key`, or without.
fn odd_writes(idempotent: bool) -> String {
    let key = if idempotent {
        "idempotency_key: {header: Idempotency-Key}"
    } else {
        ""
    };
    format!(
        "{}
patchbay:
  writes:
    things:
      key: id
      operations:
        delete: {{request: {{path: \"things/{{{{ key }}}}\", http_method: DELETE}}}}
        batch:
          size: 8
          request: {{path: batch, http_method: POST, request_body_json: {{ops: \"{{{{ entries }}}}\"}}}}
          {key}
          entries: {{create: {{data: \"{{{{ fields }}}}\"}}}}
          results: {{path: [results], status: status, id: id}}
",
        things("{type: NoPagination}")
    )
}

#[tokio::test]
async fn without_an_idempotency_key_a_lost_answer_is_never_repeated() {
    for lost in ["close", "cut", "500", "html"] {
        let server = OddServer::start(move |_| match lost {
            "close" => Reply::Close,
            "cut" => Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"resu".to_vec()),
            "html" => Reply::Raw(
                b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>"
                    .to_vec(),
            ),
            _ => Reply::Json(500, "", "{}".into()),
        })
        .await;
        let platform = odd(&server.url(), &odd_writes(false), hasty());
        let changes: Vec<Change> = (0..3).map(|_| create(r#"{"a":1.10}"#)).collect();
        let written = platform
            .write("things", &changes, &Access::unattended())
            .await
            .unwrap();
        assert!(
            written
                .outcomes
                .iter()
                .all(|outcome| matches!(outcome, Outcome::Unknown { .. })),
            "{lost}: {:?}",
            written.outcomes
        );
        assert_eq!(server.seen().len(), 1, "{lost}");
    }
}

#[tokio::test]
async fn what_was_surely_not_carried_out_is_repeated_and_the_key_stays_the_same() {
    let server = OddServer::start(|seen| match seen.number {
        0 => Reply::Json(503, "retry-after: 0\r\n", "{}".into()),
        1 => Reply::Json(429, "retry-after: 0\r\n", "{}".into()),
        _ => Reply::Json(
            207,
            "",
            r#"{"results":[{"status":201,"id":"a"},{"status":201,"id":"b"}]}"#.into(),
        ),
    })
    .await;
    let platform = odd(&server.url(), &odd_writes(true), hasty());
    let changes = [
        create(r#"{"a":1.10,"b":null}"#),
        create(r#"{"a":9007199254740993}"#),
    ];
    for _ in 0..2 {
        let written = platform
            .write("things", &changes, &Access::unattended())
            .await
            .unwrap();
        assert!(all_written(&written.outcomes), "{:?}", written.outcomes);
    }
    let seen = server.seen();
    assert_eq!(seen.len(), 4);
    assert_eq!(
        seen[0].body,
        r#"{"ops":[{"data":{"a":1.10,"b":null}},{"data":{"a":9007199254740993}}]}"#
    );
    let keys: Vec<_> = seen
        .iter()
        .map(|seen| seen.header("idempotency-key"))
        .collect();
    assert!(keys[0].is_some());
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}

#[tokio::test]
async fn a_batch_that_is_refused_as_a_whole_is_halved_until_the_bad_one_is_found() {
    let server = OddServer::start(|seen| {
        if seen.body.contains("poison") {
            return Reply::Json(400, "", r#"{"error":"cannot read this"}"#.into());
        }
        let n = seen.body.matches("\"data\"").count();
        let items: Vec<String> = (0..n)
            .map(|n| format!(r#"{{"status":201,"id":"{}-{n}"}}"#, seen.number))
            .collect();
        Reply::Json(207, "", format!(r#"{{"results":[{}]}}"#, items.join(",")))
    })
    .await;
    let platform = odd(&server.url(), &odd_writes(true), hasty());
    let changes: Vec<Change> = (0..8)
        .map(|n| {
            create(if n == 5 {
                r#"{"a":"poison"}"#
            } else {
                r#"{"a":"fine"}"#
            })
        })
        .collect();
    let written = platform
        .write("things", &changes, &Access::unattended())
        .await
        .unwrap();
    for (n, outcome) in written.outcomes.iter().enumerate() {
        match outcome {
            Outcome::Rejected(rejection) => {
                assert_eq!(n, 5);
                assert_eq!(rejection.message, "cannot read this");
            }
            outcome => assert!(
                matches!(outcome, Outcome::Written { .. }),
                "{n} {outcome:?}"
            ),
        }
    }
    assert!(server.seen().len() <= 7, "{}", server.seen().len());
}

#[tokio::test]
async fn an_item_that_the_answer_leaves_out_is_unknown() {
    let server = OddServer::start(|_| {
        Reply::Json(207, "", r#"{"results":[{"status":201,"id":"a"}]}"#.into())
    })
    .await;
    let platform = odd(&server.url(), &odd_writes(true), hasty());
    let (access, kept) = recorded();
    let written = platform
        .write("things", &[create("{}"), create("{}")], &access)
        .await
        .unwrap();
    assert!(matches!(written.outcomes[0], Outcome::Written { .. }));
    assert!(matches!(written.outcomes[1], Outcome::Unknown { .. }));
    assert_eq!(written.exchanges[1], Some(kept.0.lock().unwrap()[0].id));
}

#[tokio::test]
async fn deleting_what_is_gone_is_done() {
    let server = OddServer::start(|_| Reply::Json(404, "", "{}".into())).await;
    let platform = odd(&server.url(), &odd_writes(true), hasty());
    let written = platform
        .write("things", &[delete("a/../b")], &Access::unattended())
        .await
        .unwrap();
    assert!(all_written(&written.outcomes), "{:?}", written.outcomes);
    let seen = server.seen();
    assert_eq!(
        (seen[0].method.as_str(), seen[0].target.as_str()),
        ("DELETE", "/things/a%2F..%2Fb")
    );
}
