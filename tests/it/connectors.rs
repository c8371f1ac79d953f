//! Connectors of the person's own: added, connected, tried, changed, gone back, and read by a sync.

use api::views::{
    ConnectFlow, ConnectResult, ConnectionDetail, ConnectorChangeKind, ConnectorComparison,
    ConnectorDetail, ConnectorReport, ConnectorSummary, SavedConnector, StreamDetail, TryPage,
    TryRef,
};
use model::ids::ConnectionId;
use model::run::RunState;
use serde_json::{Value, json};
use testkit::app::base_url;
use testkit::{TestApp, advanced_auth};

const PASSWORD: &str = "harbor-basic-demo";

/// Harbor's contacts by a plain low-code file, with a user and a password among its settings.
fn file(more_fields: &str) -> String {
    format!(
        r#"
version: 6.44.0
type: DeclarativeSource
check: {{type: CheckStream, stream_names: [contacts]}}
streams:
  - type: DeclarativeStream
    name: contacts
    primary_key: id
    retriever:
      type: SimpleRetriever
      requester:
        type: HttpRequester
        url_base: "{{{{ config['base_url'] }}}}/api/v1"
        path: contacts
        authenticator:
          type: BasicHttpAuthenticator
          username: "{{{{ config['credentials']['user'] }}}}"
          password: "{{{{ config['credentials']['password'] }}}}"
      record_selector: {{type: RecordSelector, extractor: {{type: DpathExtractor, field_path: [data]}}}}
      paginator:
        type: DefaultPaginator
        page_size_option: {{type: RequestOption, inject_into: request_parameter, field_name: limit}}
        page_token_option: {{type: RequestOption, inject_into: request_parameter, field_name: cursor}}
        pagination_strategy:
          type: CursorPagination
          page_size: "{{{{ config['page_size'] }}}}"
          cursor_value: "{{{{ response.next_cursor }}}}"
          stop_condition: "{{{{ not response.has_more }}}}"
    schema_loader:
      type: InlineSchemaLoader
      schema: {{type: object, properties: {{id: {{type: string}}, email: {{type: string}}{more_fields}}}}}
  - type: DeclarativeStream
    name: secretive
    retriever: {{type: CustomRetriever, class_name: source_x.components.Secretive}}
spec:
  type: Spec
  connection_specification:
    type: object
    required: [base_url, credentials]
    properties:
      base_url: {{type: string, title: Address}}
      page_size: {{type: integer, default: 20}}
      credentials:
        type: object
        title: Signing in
        oneOf:
          - title: User and password
            required: [user, password]
            properties:
              kind: {{type: string, const: password}}
              user: {{type: string, title: User}}
              password: {{type: string, title: Password, airbyte_secret: true}}
          - title: Nothing
            properties: {{kind: {{type: string, const: nothing}}}}
"#
    )
}

async fn save(test: &TestApp, text: &str) -> SavedConnector {
    let request = json!({"name": "My Harbor", "text": text, "origin": {"kind": "pasted"}});
    test.ask("save_connector", request).await
}

fn settings(test: &TestApp) -> Value {
    json!({
        "base_url": base_url(&test.sandbox, "harbor"),
        "page_size": "25",
        "credentials": {"kind": "password", "user": "api", "password": PASSWORD},
    })
}

async fn connect(test: &TestApp, config: Value, reconnect: Option<ConnectionId>) -> ConnectResult {
    test.connect_by("my-harbor", "settings", config, reconnect)
        .await
}

async fn connected(test: &TestApp) -> ConnectionId {
    match connect(test, settings(test), None).await {
        ConnectResult::Connected { connection, .. } => connection,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pasted_low_code_file_becomes_a_connector_that_syncs_read_with() {
    let test = TestApp::with_contacts(60).await;
    let report: ConnectorReport = test
        .ask(
            "validate_connector",
            json!({"name": "My Harbor", "text": file("")}),
        )
        .await;
    assert_eq!(report.name.as_deref(), Some("my-harbor"));
    assert_eq!(report.streams, ["contacts"]);
    // What is written in Python is named, and leaves the rest alone.
    assert_eq!(report.problems.len(), 1, "{report:?}");
    assert!(!report.problems[0].is_error && report.problems[0].problem.contains("secretive"));

    let saved = save(&test, &file("")).await;
    assert_eq!((saved.connector.as_str(), saved.version), ("my-harbor", 1));
    let detail: ConnectorDetail = test
        .ask("get_connector", json!({"connector": "my-harbor"}))
        .await;
    assert_eq!(detail.refused[0].stream, "secretive");
    assert!(detail.refused[0].reason.contains("Secretive"), "{detail:?}");
    assert_eq!(detail.streams[0].schema.as_ref().unwrap().fields.len(), 2);

    let source = connected(&test).await;
    let target = test.connect("postino").await;
    let sync = test.create("By my own connector", source, target).await;
    let mapping = test.suggested(sync).await;
    test.publish(sync, &mapping).await;
    let run = test.run(sync).await;
    assert_eq!(run.summary.state, RunState::Completed, "{run:?}");
    assert_eq!(run.summary.counts.read, 60);
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_setting_is_in_the_vault_and_a_reference_in_the_database() {
    let test = TestApp::with_contacts(5).await;
    save(&test, &file("")).await;
    let connection = connected(&test).await;
    let stored = test.stored(connection).await;
    assert_eq!(
        stored.config["credentials"],
        json!({"kind": "password", "user": "api", "password": {"$secret": "/credentials/password"}})
    );
    assert_eq!(stored.config["page_size"], json!(25));
    let detail: ConnectionDetail = test
        .ask("get_connection", json!({"connection": connection}))
        .await;
    assert!(!json!(detail).to_string().contains(PASSWORD), "{detail:?}");

    // Reconnecting without typing the password again keeps it.
    let mut config = settings(&test);
    config["credentials"] = json!({"kind": "password", "user": "api"});
    let again = connect(&test, config, Some(connection)).await;
    assert!(
        matches!(again, ConnectResult::Connected { .. }),
        "{again:?}"
    );
    // A start of the program finds it all again.
    let test = test.close().await.open().await;
    let tested: Value = test
        .ask("test_connection", json!({"connection": connection}))
        .await;
    assert_eq!(tested["ok"], json!(true), "{tested}");
    // A wrong one is told, and nothing of it stays.
    let mut wrong = settings(&test);
    wrong["credentials"]["password"] = "not-the-password".into();
    let refused = connect(&test, wrong, Some(connection)).await;
    assert!(
        matches!(refused, ConnectResult::Failed { .. }),
        "{refused:?}"
    );
    let tested: Value = test
        .ask("test_connection", json!({"connection": connection}))
        .await;
    assert_eq!(tested["ok"], json!(true), "{tested}");
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_do_not_fit_are_refused_by_name() {
    let test = TestApp::with_contacts(1).await;
    save(&test, &file("")).await;
    let refused = async |config: Value| {
        let request = json!({"connector": "my-harbor", "auth_method": "settings", "name": "", "config": config, "reconnect": null});
        let answer: Result<ConnectFlow, _> = test.try_ask("start_connect", request).await;
        answer.unwrap_err().message
    };
    let mut config = settings(&test);
    config["page_size"] = "many".into();
    assert_eq!(
        refused(config).await,
        "\"page size\" must be a whole number."
    );
    let mut config = settings(&test);
    config["credentials"] = json!({"kind": "password", "user": "api", "password": " "});
    assert_eq!(refused(config).await, "\"Password\" is empty.");
    let none = json!({"base_url": "http://127.0.0.1:9"});
    assert_eq!(refused(none).await, "\"Signing in\" is empty.");
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_tried_page_by_page_with_nothing_stored() {
    let test = TestApp::with_contacts(60).await;
    save(&test, &file("")).await;
    let form = json!({"kind": "form", "connector": "my-harbor", "auth_method": "settings", "config": settings(&test)});
    let begun: TryRef = test
        .ask(
            "start_try",
            json!({"account": form, "stream": "contacts", "state": null, "draft": null}),
        )
        .await;
    let mut records = Vec::new();
    for number in 1..=3 {
        let page: TryPage = test.ask("next_try_page", json!({"try": begun.id})).await;
        assert_eq!((page.number, page.is_over), (number, false), "{page:?}");
        assert_eq!(page.exchanges.len(), 1);
        assert!(page.exchanges[0].url.contains("limit=25"), "{page:?}");
        assert!(!json!(page).to_string().contains(PASSWORD));
        // Numbers that are too long for JavaScript keep their digits.
        assert!(
            page.records[0].contains("\"serial\":9007199254"),
            "{page:?}"
        );
        records.push(page.n_records);
    }
    assert_eq!(records, [25, 25, 10]);
    let end: TryPage = test.ask("next_try_page", json!({"try": begun.id})).await;
    assert!(end.is_over && end.exchanges.is_empty(), "{end:?}");
    let over: Result<TryPage, _> = test
        .try_ask("next_try_page", json!({"try": begun.id}))
        .await;
    assert!(over.unwrap_err().message.contains("over"));
    let connections: Vec<Value> = test.ask("list_connections", json!({})).await;
    assert_eq!(connections.len(), 0);

    // A text that is not saved, and what the platform says against it.
    let draft = file("").replace("path: contacts", "path: nowhere");
    let form = json!({"kind": "form", "connector": "my-harbor", "auth_method": "settings", "config": settings(&test)});
    let begun: TryRef = test
        .ask(
            "start_try",
            json!({"account": form, "stream": "contacts", "state": null, "draft": draft}),
        )
        .await;
    let page: TryPage = test.ask("next_try_page", json!({"try": begun.id})).await;
    assert_eq!(page.exchanges[0].status, Some(404), "{page:?}");
    assert!(page.error.is_some());
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replacing_a_file_says_what_changes_for_syncs_and_any_version_comes_back() {
    let test = TestApp::with_contacts(10).await;
    save(&test, &file(", first_name: {type: string}")).await;
    let source = connected(&test).await;
    let target = test.connect("postino").await;
    let sync = test.create("Mine", source, target).await;
    let mapping = test.suggested(sync).await;
    test.publish(sync, &mapping).await;

    let next = file(", phone: {type: string}").replace("name: secretive", "name: others");
    let compared: ConnectorComparison = test
        .ask(
            "compare_connector",
            json!({"connector": "my-harbor", "text": next, "version": null}),
        )
        .await;
    let told: Vec<_> = compared
        .changes
        .iter()
        .map(|change| {
            (
                change.kind,
                change.field.as_deref().unwrap_or_default(),
                change.syncs.len(),
            )
        })
        .collect();
    let uses_name = json!(mapping).to_string().contains("first_name");
    assert_eq!(
        told,
        [
            (
                ConnectorChangeKind::FieldGone,
                "first_name",
                usize::from(uses_name)
            ),
            (ConnectorChangeKind::FieldAdded, "phone", 0),
        ]
    );

    let fields = async || -> Vec<String> {
        let request = json!({"connection": source, "stream": "contacts"});
        let stream: StreamDetail = test.ask("describe_stream", request).await;
        stream
            .schema
            .fields
            .into_iter()
            .map(|field| field.name)
            .collect()
    };
    assert_eq!(fields().await, ["id", "email", "first_name"]);
    let saved = save(&test, &next).await;
    assert_eq!((saved.version, saved.before), (2, Some(1)));
    // The same text again is no new version.
    assert_eq!(save(&test, &next).await.version, 2);
    assert_eq!(fields().await, ["id", "email", "phone"]);
    let request = json!({"connector": "my-harbor", "version": 1});
    test.ask::<SavedConnector>("use_connector_version", request)
        .await;
    assert_eq!(fields().await, ["id", "email", "first_name"]);

    // A file that cannot be read is refused with its place, and changes nothing.
    let broken = next.replace("type: SimpleRetriever", "type: SimpleRetreiver");
    let request = json!({"name": "my-harbor", "text": broken, "origin": {"kind": "editor"}});
    let refused: Result<SavedConnector, _> = test.try_ask("save_connector", request).await;
    let refused = refused.unwrap_err();
    assert!(refused.message.contains("line 10"), "{refused:?}");
    assert_eq!(fields().await, ["id", "email", "first_name"]);

    let stopped: Vec<Value> = test
        .ask("delete_connector", json!({"connector": "my-harbor"}))
        .await;
    assert_eq!(stopped.len(), 1);
    let request = json!({"connection": source, "stream": "contacts"});
    let gone: Result<StreamDetail, _> = test.try_ask("describe_stream", request).await;
    assert!(gone.unwrap_err().message.contains("my-harbor"));
    test.ask::<Value>("restore_connector", json!({"connector": "my-harbor"}))
        .await;
    assert_eq!(fields().await, ["id", "email", "first_name"]);
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_own_copy_takes_the_place_of_one_that_comes_along_until_it_is_deleted() {
    let test = TestApp::with_contacts(1).await;
    let names = async || -> Vec<String> {
        let all: Vec<ConnectorSummary> = test.ask("list_connectors", json!({})).await;
        all.into_iter()
            .filter(|connector| connector.id == "postino")
            .map(|connector| connector.name)
            .collect()
    };
    let before = names().await;
    let text: Value = test
        .ask(
            "get_connector_text",
            json!({"connector": "postino", "version": null}),
        )
        .await;
    let text = text["text"]
        .as_str()
        .unwrap()
        .replace("name: Postino", "name: My Postino");
    let request = json!({"name": "postino", "text": text, "origin": {"kind": "editor"}});
    test.ask::<SavedConnector>("save_connector", request).await;
    assert_eq!(names().await, ["My Postino"]);
    let stopped: Vec<Value> = test
        .ask("delete_connector", json!({"connector": "postino"}))
        .await;
    assert_eq!(stopped.len(), 0);
    assert_eq!(names().await, before);
    test.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_in_by_advanced_auth_puts_the_tokens_among_the_secret_settings() {
    let test = TestApp::with_contacts(3).await;
    let text = file("")
        .replace("type: BasicHttpAuthenticator", "type: BearerAuthenticator")
        .replace(
            "username: \"{{ config['credentials']['user'] }}\"",
            "api_token: \"{{ config['credentials']['access_token'] }}\"",
        )
        .replace("          password: \"{{ config['credentials']['password'] }}\"\n", "")
        .replace(
            "          - title: Nothing\n            properties: {kind: {type: string, const: nothing}}",
            "          - title: In the browser\n            properties: {kind: {type: string, const: oauth}}",
        )
        + r#"
  advanced_auth:
    auth_flow_type: oauth2.0
    predicate_key: [credentials, kind]
    predicate_value: oauth
"# + advanced_auth::HARBOR;
    save(&test, &text).await;
    let detail: ConnectorDetail = test
        .ask("get_connector", json!({"connector": "my-harbor"}))
        .await;
    let oauth = detail.oauth.unwrap();
    assert_eq!(oauth.predicate, ["credentials", "kind"]);
    assert!(
        oauth
            .checklist
            .iter()
            .any(|step| step.contains("http://127.0.0.1:"))
    );
    let config = json!({
        "base_url": base_url(&test.sandbox, "harbor"),
        "credentials": {"kind": "oauth", "client_id": "patchbay-desktop"},
    });
    let result = test
        .connect_by("my-harbor", &oauth.auth_method, config, None)
        .await;
    let ConnectResult::Connected { connection, .. } = result else {
        panic!("{result:?}");
    };
    let stored = test.stored(connection).await;
    assert_eq!(
        stored.config["credentials"],
        json!({
            "kind": "oauth",
            "client_id": "patchbay-desktop",
            "access_token": {"$secret": "/credentials/access_token"},
            "refresh_token": {"$secret": "/credentials/refresh_token"},
        })
    );
    test.close().await;
}
