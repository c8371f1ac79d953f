//! The other ways to write: create-or-change, answers that list failures, GraphQL, blanks, live options.

use std::sync::Arc;

use connectors::declarative::manifest::Manifest;
use connectors::declarative::platform::Platform;
use connectors::{Access, Destination as _};
use model::clock::Clock;
use model::record::{Change, Outcome};
use sandbox::{Fault, FaultRule, Options, Sandbox};

use crate::odd_server::{OddServer, Reply};
use crate::reach::{FixedHeader, client, config, create, delete, hasty, odd, things, update};

pub(crate) async fn start() -> Sandbox {
    Sandbox::start(Options::new(1, 20)).await.unwrap()
}

/// A connector for Harbor's contacts whose writes are `writes`.
pub(crate) fn harbor_that(sandbox: &Sandbox, writes: &str) -> Platform {
    let stream = |name: &str, path: &str| {
        format!(
            "  - type: DeclarativeStream
    name: {name}
    primary_key: id
    retriever:
      type: SimpleRetriever
      requester: {{type: HttpRequester, url_base: \"{{{{ config['base_url'] }}}}\", path: {path}}}
      record_selector: {{type: RecordSelector, extractor: {{type: DpathExtractor, field_path: []}}}}
    schema_loader: {{type: InlineSchemaLoader, schema: {{type: object, properties: {{id: {{type: string}}, company_id: {{type: string}}, lead_source: {{type: string}}}}}}}}
"
        )
    };
    let indented: String = writes
        .lines()
        .map(|line| format!("      {line}\n"))
        .collect();
    let yaml = format!(
        "version: 6.44.0\ntype: DeclarativeSource\nstreams:\n{}{}patchbay:\n  writes:\n    contacts:\n{indented}",
        stream("contacts", "api/v1/contacts"),
        stream("companies", "api/v1/companies"),
    );
    use base64::Engine as _;
    let pair = base64::engine::general_purpose::STANDARD.encode("api:harbor-basic-demo");
    Platform::new(
        Arc::new(Manifest::parse("harbor", &yaml).unwrap_or_else(|error| panic!("{error}"))),
        config(sandbox.harbor_url().as_str()),
        Arc::new(FixedHeader("authorization", format!("Basic {pair}"))),
        client("Harbor CRM", hasty()),
        Clock::system(),
    )
}

pub(crate) fn contact(n: usize) -> Change {
    create(&format!(
        r#"{{"last_name":"New {n}","email":"new{n}@example.com","lifetime_value":"1.10","address":{{"city":"Rosario"}}}}"#
    ))
}

pub(crate) fn shown(outcomes: &[Outcome]) -> Vec<String> {
    outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Written { key, .. } => format!("written {key}"),
            Outcome::Rejected(rejection) => format!(
                "{} at {}: {}",
                rejection.code,
                rejection
                    .field
                    .as_ref()
                    .map_or_else(|| "-".into(), ToString::to_string),
                rejection.message
            ),
            Outcome::Moved => "moved".into(),
            Outcome::Unknown { reason } => format!("unknown: {reason}"),
        })
        .collect()
}

pub(crate) async fn write(platform: &Platform, changes: &[Change]) -> Vec<Outcome> {
    platform
        .write("contacts", changes, &Access::unattended())
        .await
        .unwrap()
        .outcomes
}

pub(crate) fn contacts(sandbox: &Sandbox) -> usize {
    sandbox.contacts().as_array().unwrap().len()
}

const UPSERT: &str = "
key: id
version: version
errors: {list: [error, errors], code: code, message: message, field: pointer}
operations:
  upsert:
    key: email
    request: {path: \"api/v1/contacts/by-email/{{ key }}\", http_method: PUT, request_body_json: \"{{ fields }}\"}";

#[tokio::test]
async fn an_upsert_creates_or_changes_by_a_field_and_is_safe_to_repeat() {
    let sandbox = start().await;
    let platform = harbor_that(&sandbox, UPSERT);
    let can = platform.description_of("contacts").await.capabilities;
    assert!(can.create && can.idempotent_create && !can.update);
    assert_eq!(can.upsert, Some("email".parse().unwrap()));
    let before = contacts(&sandbox);
    let mut rule = FaultRule::new(Fault::LostAnswer);
    rule.method = Some("PUT".into());
    rule.limit = Some(1);
    sandbox.set_faults(vec![rule]);
    let first = write(&platform, &[contact(1), create(r#"{"last_name":"X"}"#)]).await;
    assert_eq!(contacts(&sandbox), before + 1, "{:?}", shown(&first));
    let second = write(&platform, &[contact(1)]).await;
    assert_eq!(contacts(&sandbox), before + 1);
    assert_eq!(shown(&first)[0], shown(&second)[0]);
    assert_eq!(
        shown(&first)[1],
        "no_key at email: the platform tells records apart by email, and this one has none"
    );
    let bad = write(
        &platform,
        &[create(
            r#"{"email":"a@example.com","last_name":"X","website":"no"}"#,
        )],
    )
    .await;
    assert!(
        shown(&bad)[0].contains(" at website: "),
        "{:?}",
        shown(&bad)
    );
}

/// A batch of Harbor's with this path and these results.
fn batch(path: &str, results: &str) -> String {
    format!(
        "key: id
operations:
  batch:
    size: 50
    request: {{path: {path}, http_method: POST, request_body_json: {{records: \"{{{{ entries }}}}\"}}}}
    entries: {{upsert: \"{{{{ fields }}}}\"}}
    results: {results}"
    )
}

fn some_bad() -> [Change; 4] {
    [
        contact(1),
        create(r#"{"last_name":"Bad","email":"not an address"}"#),
        contact(2),
        create(r#"{"email":"nameless@example.com"}"#),
    ]
}

#[tokio::test]
async fn answers_that_list_only_failures_are_read() {
    let sandbox = start().await;
    for (path, results) in [
        (
            "api/v1/contacts/import",
            "{failures: {path: failed, index: index, code: code, message: message, field: field}, ids: ids, listed: succeeded}",
        ),
        (
            "api/v1/contacts/sync",
            "{failures: {path: errors, code: [0, code], message: [0, message], field: [0, field]}, records: records}",
        ),
    ] {
        let platform = harbor_that(&sandbox, &batch(path, results));
        let said = shown(&write(&platform, &some_bad()).await);
        assert!(said[0].starts_with("written ct_"), "{path} {said:?}");
        assert!(said[1].starts_with("invalid at email: "), "{path} {said:?}");
        assert!(said[2].starts_with("written ct_"), "{path} {said:?}");
        assert!(
            said[3].starts_with("invalid at last_name: "),
            "{path} {said:?}"
        );
        assert_ne!(said[0], said[2]);
    }
    let stored = sandbox.contacts();
    let known = stored.as_array().unwrap().iter();
    assert_eq!(
        known
            .filter(|contact| contact["email"] == "new2@example.com")
            .count(),
        1
    );
}

const GRAPHQL: &str = "
key: id
version: version
operations:
  update:
    request: {path: graphql, http_method: POST}
    graphql: &update
      mutation: contactUpdate
      arguments: {id: {type: ID!, value: \"{{ key }}\"}, input: {type: ContactInput!, value: \"{{ fields }}\"}}
      record: contact
      errors: {list: userErrors, code: code, field: field}
  delete:
    request: {path: graphql, http_method: POST}
    graphql: &delete
      mutation: contactDelete
      arguments: {id: {type: ID!, value: \"{{ key }}\"}}
      errors: {list: userErrors, code: code, field: field}
";

const GRAPHQL_BATCH: &str = "
  batch:
    size: 20
    request: {path: graphql, http_method: POST}
    idempotency_key: {header: Idempotency-Key}
    retry: [THROTTLED]
    graphql:
      update: *update
      delete: *delete
      create:
        mutation: contactCreate
        arguments: {input: {type: ContactInput!, value: \"{{ fields }}\"}}
        record: contact
        errors: {list: userErrors, code: code, field: field}";

fn graphql_changes() -> [Change; 5] {
    [
        update(
            "ct_10002",
            None,
            r#"{"last_name":"Changed","address":{"city":"Lima"}}"#,
        ),
        update("ct_10003", None, r#"{"email":"nonsense"}"#),
        update("ct_99999", None, r#"{"last_name":"Nobody"}"#),
        delete("ct_10004"),
        delete("ct_99999"),
    ]
}

fn check_graphql(said: &[String]) {
    assert_eq!(said[0], "written ct_10002");
    assert!(said[1].starts_with("invalid at email: "), "{said:?}");
    assert!(said[2].starts_with("not_found at "), "{said:?}");
    assert_eq!(said[3], "written ct_10004");
    assert!(said[4].contains("not_found"), "{said:?}");
}

#[tokio::test]
async fn mutations_write_and_ask_back_the_mapped_fields_only() {
    let sandbox = start().await;
    let platform = harbor_that(&sandbox, GRAPHQL);
    let outcomes = write(&platform, &graphql_changes()).await;
    check_graphql(&shown(&outcomes));
    let Outcome::Written {
        record: Some(record),
        version,
        ..
    } = &outcomes[0]
    else {
        panic!("{:?}", outcomes[0]);
    };
    assert_eq!(
        model::json::to_string(record),
        r#"{"id":"ct_10002","version":2,"last_name":"Changed","address":{"city":"Lima"}}"#
    );
    assert_eq!(version.as_deref(), Some("2"));
}

#[tokio::test]
async fn one_document_holds_many_mutations_and_throttled_ones_go_again() {
    let sandbox = start().await;
    let platform = harbor_that(&sandbox, &format!("{GRAPHQL}{GRAPHQL_BATCH}"));
    let said = shown(&write(&platform, &graphql_changes()).await);
    check_graphql(&said);
    assert_eq!(sandbox.counters().requests["POST /harbor/graphql"], 1);

    let before = contacts(&sandbox);
    let mut rule = FaultRule::new(Fault::PartialBatch { item_every: 3 });
    rule.limit = Some(2);
    rule.route = Some("/harbor/graphql".into());
    sandbox.set_faults(vec![rule]);
    let changes: Vec<Change> = (0..20).map(contact).collect();
    let said = shown(&write(&platform, &changes).await);
    assert!(
        said.iter().all(|said| said.starts_with("written ct_")),
        "{said:?}"
    );
    assert_eq!(contacts(&sandbox), before + 20);
}

#[tokio::test]
async fn an_error_of_the_whole_graphql_request_is_told_in_its_words() {
    let sandbox = start().await;
    let platform = harbor_that(&sandbox, &GRAPHQL.replace("contactUpdate", "contactUpsert"));
    let said = shown(&write(&platform, &graphql_changes()[..1]).await);
    assert_eq!(
        said,
        ["GRAPHQL_VALIDATION_FAILED at -: there is no field contactUpsert"]
    );
}

#[tokio::test]
async fn blank_values_go_out_as_each_field_wants_them() {
    let server =
        OddServer::start(|_| Reply::Json(200, "", r#"{"ok":true,"ref":"7"}"#.into())).await;
    let yaml = format!(
        "{}
patchbay:
  writes:
    things:
      key: id
      blanks: {{null: omit}}
      schema:
        phone: {{null: remove}}
        note: {{null: empty, empty: 'null'}}
        address.city: {{null: send}}
      operations:
        create:
          request: {{path: things, http_method: POST, request_body_json: {{set: \"{{{{ fields }}}}\", unset: \"{{{{ removed }}}}\"}}}}
          failed_if: \"{{{{ not response.ok }}}}\"
          id: ref
",
        things("{type: NoPagination}")
    );
    let platform = odd(&server.url(), &yaml, hasty());
    let change = create(
        r#"{"a":null,"phone":null,"note":null,"b":"","address":{"city":null,"zip":null},"n":1.10}"#,
    );
    let written = platform
        .write("things", &[change], &Access::unattended())
        .await
        .unwrap();
    assert_eq!(shown(&written.outcomes), ["written 7"]);
    assert_eq!(
        server.seen()[0].body,
        r#"{"set":{"note":"","b":"","address":{"city":null},"n":1.10},"unset":["phone"]}"#
    );
}

#[tokio::test]
async fn an_error_in_a_200_is_a_refusal() {
    let server = OddServer::start(|_| {
        Reply::Json(
            200,
            "",
            r#"{"ok":false,"error":"name_taken","detail":"There is one already"}"#.into(),
        )
    })
    .await;
    let yaml = format!(
        "{}
patchbay:
  writes:
    things:
      key: id
      errors: {{code: error, message: detail}}
      operations:
        create:
          request: {{path: things, http_method: POST, request_body_json: \"{{{{ fields }}}}\"}}
          failed_if: \"{{{{ not response.ok }}}}\"
",
        things("{type: NoPagination}")
    );
    let platform = odd(&server.url(), &yaml, hasty());
    let written = platform
        .write("things", &[create(r#"{"a":1}"#)], &Access::unattended())
        .await
        .unwrap();
    assert_eq!(
        shown(&written.outcomes),
        ["name_taken at -: There is one already"]
    );
}

const LIVE: &str = "
key: id
schema:
  lead_source:
    label: Came by
    required: true
    options: {request: {path: api/v1/contacts/options/lead_source}, records: choices, value: key, label: title}
  company_id: {references: {stream: companies, by: id, label: name}}
  size: {type: enum, options: [S, {value: M, label: Medium}]}
operations:
  create: {request: {path: api/v1/contacts, http_method: POST, request_body_json: \"{{ fields }}\"}}";

#[tokio::test]
async fn options_and_references_are_fetched_live_and_asked_for_once() {
    let sandbox = start().await;
    let platform = harbor_that(&sandbox, LIVE);
    let schema = platform.description_of("contacts").await.schema;
    let at = |path: &str| schema.at(&path.parse().unwrap()).unwrap();
    let source = at("lead_source");
    assert!(source.required);
    assert_eq!(source.label.as_deref(), Some("Came by"));
    assert_eq!(source.options[0].value, "web_form");
    assert!(source.options[0].label.is_some());
    let company = at("company_id");
    assert_eq!(company.references.as_ref().unwrap().stream, "companies");
    assert_eq!(company.options.len(), 5);
    assert!(company.options[0].label.is_some());
    assert_eq!(at("size").options[1].label.as_deref(), Some("Medium"));
    platform.description_of("contacts").await;
    assert_eq!(
        sandbox.counters().requests["GET /harbor/api/v1/contacts/options/{field}"],
        1
    );
    assert_eq!(
        sandbox.counters().requests["GET /harbor/api/v1/companies"],
        1
    );
}

/// Describing without the ceremony.
trait Described {
    async fn description_of(&self, stream: &str) -> connectors::StreamDescription;
}

impl Described for Platform {
    async fn description_of(&self, stream: &str) -> connectors::StreamDescription {
        connectors::Destination::describe(self, stream, &Access::unattended())
            .await
            .unwrap()
    }
}
