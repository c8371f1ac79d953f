//! What is deleted or put away: how a connector file says it, and what the platform then tells.

use std::collections::BTreeSet;

use connectors::declarative::manifest::Manifest;
use connectors::{Access, Capabilities, Deletions, Destination as _, Find};
use model::record::{Outcome, RecordKey};
use model::value::Value;
use sandbox::{Options, Sandbox};

use crate::odd_server::{OddServer, Reply};
use crate::reach::{
    create, delete, harbor, hasty, keys, odd, pages, postino, things, update, whole,
};

/// A list of things with a field for what is deleted, and a list of what is gone.
const TWO_STREAMS: &str = "streams:
  - &things
    type: DeclarativeStream
    name: things
    primary_key: id
    retriever:
      type: SimpleRetriever
      requester: {type: HttpRequester, url_base: 'https://things.example', path: things}
      record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: []}}
    schema_loader: {type: InlineSchemaLoader, schema: {type: object, properties: {id: {type: string}, is_deleted: {type: boolean}, state: {type: object, properties: {kind: {type: string}}}}}}
  - type: DeclarativeStream
    name: gone
    primary_key: id
    retriever:
      type: SimpleRetriever
      requester: {type: HttpRequester, url_base: 'https://things.example', path: gone}
      record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: []}}
patchbay:
";

fn parsed(ours: &str) -> connectors::Result<Manifest> {
    Manifest::parse("odd", &format!("{TWO_STREAMS}{ours}"))
}

fn capabilities(ours: &str) -> Capabilities {
    let manifest = parsed(ours).unwrap_or_else(|error| panic!("{error}"));
    manifest.capabilities(&manifest.streams[0])
}

#[test]
fn a_file_says_how_one_learns_what_was_deleted() {
    let check = |ours: &str, deletions: Deletions| {
        assert_eq!(capabilities(ours).deletions, deletions, "{ours}");
    };
    let field = |name: &str| Deletions::Marked {
        field: name.parse().unwrap(),
    };
    check("  limits: {}", Deletions::ByAbsence);
    check(
        "  deletions: {things: {field: is_deleted}}",
        field("is_deleted"),
    );
    check(
        "  deletions: {things: {field: state.kind}}",
        field("state.kind"),
    );
    check(
        "  deletions: {things: {stream: gone, key: thing.id}}",
        Deletions::Listed {
            stream: "gone".into(),
            key: "thing.id".parse().unwrap(),
            when: Vec::new(),
        },
    );
    check(
        "  deletions: {things: {stream: gone, key: thing.id, when: {kind: deleted, n: 2}}}",
        Deletions::Listed {
            stream: "gone".into(),
            key: "thing.id".parse().unwrap(),
            when: vec![
                ("kind".parse().unwrap(), "deleted".into()),
                ("n".parse().unwrap(), Value::Int(2)),
            ],
        },
    );
}

#[test]
fn what_cannot_be_learnt_that_way_is_refused_with_its_place_and_what_would_be_right() {
    fn check(ours: &str, words: &[&str]) {
        let error = parsed(ours).unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "`{word}` is not in: {error}");
        }
    }
    let here = "patchbay.deletions.things";
    check(
        "  deletions: {thing: {field: is_deleted}}",
        &["there is no stream `thing`", "perhaps `things`"],
    );
    check(
        "  deletions: {things: {stream: gonne, key: id}}",
        &[here, "there is no stream `gonne`", "perhaps `gone`"],
    );
    check(
        "  deletions: {things: {field: is_deletd}}",
        &[
            here,
            "things has no field `is_deletd`",
            "perhaps `is_deleted`",
        ],
    );
    check(
        "  deletions: {things: {stream: things, key: id}}",
        &[here, "cannot list what was deleted from itself"],
    );
    check(
        "  deletions: {things: {stream: gone}}",
        &[here, "`key` is missing"],
    );
    check(
        "  deletions: {things: {field: is_deleted, stream: gone, key: id}}",
        &[here, "in one way"],
    );
    check("  deletions: {things: {}}", &[here, "in one way"]);
    check(
        "  deletions: {things: {fields: is_deleted}}",
        &[here, "`fields` is not known here", "field"],
    );
}

/// What is written to things, with `more` at its place.
fn writes(more: &str, update: &str) -> String {
    format!(
        "  writes:
    things:
      key: id
      version: version
      {more}
      operations:
        {update}
        delete: {{request: {{path: \"things/{{{{ key }}}}\", http_method: DELETE}}}}"
    )
}

const UPDATE: &str = "update: {request: {path: \"things/{{ key }}\", http_method: PATCH, request_body_json: \"{{ fields }}\"}}";

#[test]
fn a_file_says_what_a_record_that_is_put_away_holds() {
    let can = capabilities(&writes("archive: {is_deleted: true}", UPDATE));
    assert_eq!(
        serde_json::Value::Object(can.archive.unwrap()),
        serde_json::json!({"is_deleted": true})
    );
    assert_eq!(capabilities(&writes("blanks: {}", UPDATE)).archive, None);

    fn check(more: &str, update: &str, words: &[&str]) {
        let error = parsed(&writes(more, update)).unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "`{word}` is not in: {error}");
        }
    }
    check(
        "archive: {is_archived: true}",
        UPDATE,
        &["archive", "things has no field `is_archived`"],
    );
    check("archive: {}", UPDATE, &["there is no field"]);
    check(
        "archive: {is_deleted: \"{{ now_utc() }}\"}",
        UPDATE,
        &["this is a template", "a fixed value"],
    );
    check(
        "archive: {is_deleted: true}",
        "",
        &["records cannot be changed", "an operation `update`"],
    );
}

#[test]
fn a_change_is_versioned_where_every_way_that_it_may_go_names_the_version() {
    fn check(operations: &str, versioned: bool) {
        let can = capabilities(&writes("blanks: {}", operations));
        assert_eq!(can.versioned, versioned, "{operations}");
    }
    let request = "request: {path: things, http_method: POST}";
    let if_match = "if_match: {header: If-Match, value: \"{{ version }}\"}";
    let batch = |entry: &str| {
        format!(
            "batch: {{{request}, size: 5, entries: {{update: {entry}}}, results: {{counts_as: 200}}}}"
        )
    };
    let with = "{id: \"{{ key }}\", version: \"{{ version }}\"}";
    let without = "{id: \"{{ key }}\"}";
    check(UPDATE, false);
    check(&format!("update: {{{request}, {if_match}}}"), true);
    check(&batch(with), true);
    check(&batch(without), false);
    // A change with a version goes by itself where the batch cannot name it.
    check(
        &format!(
            "update: {{{request}, {if_match}}}\n        {}",
            batch(without)
        ),
        true,
    );
    check(
        &format!("update: {{{request}}}\n        {}", batch(with)),
        true,
    );
    let mutation = |value: &str| {
        format!(
            "update: {{{request}, graphql: {{mutation: change, arguments: {{input: {{type: Input, value: {value}}}}}}}}}"
        )
    };
    check(&mutation(with), true);
    check(&mutation(without), false);
}

#[tokio::test]
async fn the_sample_platforms_say_what_they_can() {
    let sandbox = Sandbox::start(Options::new(1, 5)).await.unwrap();
    let access = Access::unattended();
    let of = async |platform: connectors::declarative::platform::Platform, stream: &str| {
        connectors::Source::describe(&platform, stream, &access)
            .await
            .unwrap()
            .capabilities
    };
    let contacts = of(harbor(&sandbox), "contacts").await;
    assert!(contacts.versioned && contacts.get);
    assert_eq!(contacts.archive.unwrap()["archived"], true);
    assert_eq!(
        contacts.deletions,
        Deletions::Listed {
            stream: "deleted_contacts".into(),
            key: "id".parse().unwrap(),
            when: Vec::new(),
        }
    );
    let subscribers = of(postino(&sandbox), "subscribers").await;
    assert!(subscribers.versioned && subscribers.get && subscribers.incremental);
    assert_eq!(subscribers.archive.unwrap()["status"], "unsubscribed");
    assert_eq!(subscribers.deletions, Deletions::ByAbsence);
    let companies = of(harbor(&sandbox), "companies").await;
    assert!(!companies.versioned && companies.archive.is_none());
}

#[tokio::test]
async fn what_was_deleted_is_read_like_any_other_stream_from_its_own_cursor_on() {
    let sandbox = Sandbox::start(Options::new(1, 300)).await.unwrap();
    let platform = harbor(&sandbox);
    let gone: BTreeSet<String> = sandbox.delete_contacts(250, 1).into_iter().collect();
    let first = pages(&platform, whole("deleted_contacts")).await.unwrap();
    assert_eq!(keys(&first).into_iter().collect::<BTreeSet<_>>(), gone);
    assert_eq!(
        first.iter().filter(|page| !page.records.is_empty()).count(),
        2
    );

    // Beyond the overlap, what was told is not told again.
    sandbox.advance_clock(std::time::Duration::from_secs(3600));
    sandbox.edit_contacts(1, 1);
    let now: BTreeSet<String> = sandbox.delete_contacts(3, 2).into_iter().collect();
    let mut request = whole("deleted_contacts");
    request.cursor = Some(first.last().unwrap().cursor.clone().unwrap());
    let second = pages(&platform, request.clone()).await.unwrap();
    request.cursor = Some(second.last().unwrap().cursor.clone().unwrap());
    let third = pages(&platform, request).await.unwrap();
    assert!(now.is_subset(&keys(&second).into_iter().collect()));
    assert_eq!(keys(&third).into_iter().collect::<BTreeSet<_>>(), now);
    assert_eq!(
        keys(&pages(&platform, whole("contacts")).await.unwrap()).len(),
        47
    );
}

#[tokio::test]
async fn contacts_are_created_found_changed_put_away_and_deleted() {
    let sandbox = Sandbox::start(Options::new(1, 20)).await.unwrap();
    let platform = harbor(&sandbox);
    let access = Access::unattended();
    let written = |outcome: &Outcome| match outcome {
        Outcome::Written {
            key,
            version: Some(version),
            ..
        } => (key.clone(), version.clone()),
        other => panic!("{other:?}"),
    };
    let new = |n: usize| {
        create(&format!(
            r#"{{"last_name":"Okafor","email":"Ada{n}@Example.com","lifetime_value":"1.10"}}"#
        ))
    };
    let made = platform
        .write("contacts", &(0..120).map(new).collect::<Vec<_>>(), &access)
        .await
        .unwrap();
    let made: Vec<_> = made.outcomes.iter().map(written).collect();
    let requests = sandbox.counters().requests;
    assert_eq!(requests["POST /harbor/api/v1/contacts/batch"], 2);

    // They are found as the platform compares, and read by their keys with the version that they have.
    let find = Find {
        stream: "contacts".into(),
        by: vec!["email".parse().unwrap()],
        values: [
            "ada0@example.com",
            "ADA119@example.com ",
            "nobody@example.com",
        ]
        .map(|email| vec![model::value::Value::text(email)])
        .to_vec(),
    };
    let found = platform.find(find, &access).await.unwrap();
    let found: Vec<Vec<_>> = found
        .iter()
        .map(|records| {
            records
                .iter()
                .map(|record| record.key.clone().unwrap())
                .collect()
        })
        .collect();
    assert_eq!(
        found,
        [vec![made[0].0.clone()], vec![made[119].0.clone()], vec![]]
    );
    let keys = [made[0].0.clone(), RecordKey("ct_none".into())];
    let got = platform.get("contacts", &keys, &access).await.unwrap();
    assert_eq!(got[0].as_ref().unwrap().version.as_deref(), Some("1"));
    assert_eq!(got[1], None);

    // A version that is not there any more moves the record, by itself and in a batch; one that is there changes it.
    let (key, version) = (made[0].0.as_str(), made[0].1.as_str());
    let change = |version: &str, name: &str| {
        update(key, Some(version), &format!(r#"{{"last_name":"{name}"}}"#))
    };
    let alone = platform
        .write("contacts", &[change(version, "Ibe")], &access)
        .await
        .unwrap();
    assert_eq!(written(&alone.outcomes[0]), (made[0].0.clone(), "2".into()));
    let both = platform
        .write(
            "contacts",
            &[
                change(version, "Late"),
                update(made[1].0.as_str(), Some("1"), r#"{"archived":true}"#),
                delete(made[2].0.as_str()),
                delete("ct_none"),
            ],
            &access,
        )
        .await
        .unwrap()
        .outcomes;
    assert_eq!(both[0], Outcome::Moved);
    assert_eq!(written(&both[1]).1, "2");
    for n in [2, 3] {
        assert!(matches!(both[n], Outcome::Written { .. }), "{:?}", both[n]);
    }
    let contacts = sandbox.contacts();
    let of = |key: &RecordKey| {
        let all = contacts.as_array().unwrap();
        all.iter()
            .find(|contact| contact["id"] == key.as_str())
            .cloned()
    };
    assert_eq!(of(&made[0].0).unwrap()["last_name"], "Ibe");
    assert_eq!(of(&made[1].0).unwrap()["archived"], true);
    assert_eq!(of(&made[2].0), None);
}

#[tokio::test]
async fn deleting_what_is_gone_counts_as_written_however_the_platform_says_it() {
    async fn check(reply: (u16, &'static str), operations: &str) {
        let server = OddServer::start(move |_| Reply::Json(reply.0, "", reply.1.into())).await;
        let yaml = things("{type: NoPagination}")
            + &format!(
                "patchbay:\n  writes:\n    things:\n      key: id\n      operations:\n        {operations}\n"
            );
        let platform = odd(&server.url(), &yaml, hasty());
        let written = platform
            .write("things", &[delete("t1")], &Access::unattended())
            .await
            .unwrap();
        assert!(
            matches!(&written.outcomes[0], Outcome::Written { key, .. } if key.as_str() == "t1"),
            "{reply:?}: {:?}",
            written.outcomes[0]
        );
    }
    let single = "delete: {request: {path: \"things/{{ key }}\", http_method: DELETE}}";
    check((404, "{}"), single).await;
    check((410, r#"{"error":"gone"}"#), single).await;
    let batch = |results: &str| {
        format!(
            "batch: {{request: {{path: batch, http_method: POST, request_body_json: {{ids: \"{{{{ entries }}}}\"}}}}, size: 5, entries: {{delete: \"{{{{ key }}}}\"}}, results: {results}}}"
        )
    };
    let by_status = batch("{path: [results], status: status, code: [code]}");
    check(
        (207, r#"{"results":[{"status":404,"code":"no"}]}"#),
        &by_status,
    )
    .await;
    check((200, r#"{"results":[{"status":410}]}"#), &by_status).await;
    let by_word = batch("{path: [results], status: said, words: {DONE: 200, NOT_THERE: 404}}");
    check((200, r#"{"results":[{"said":"NOT_THERE"}]}"#), &by_word).await;
    let failures = batch("{failures: {path: [failed], index: n, status: status}}");
    check((200, r#"{"failed":[{"n":0,"status":404}]}"#), &failures).await;
}
