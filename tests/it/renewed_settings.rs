//! Connector files that keep their tokens among the settings: a refresh token that works once is kept, renewed, before
//! what came with it is used.

use api::views::ConnectResult;
use model::ids::ConnectionId;
use serde_json::{Value, json};
use testkit::app::base_url;
use testkit::{TestApp, advanced_auth};

/// Harbor's contacts by a plain low-code file that signs in through the browser and renews its token itself; how it
/// signs in comes after it.
const FILE: &str = r#"
version: 6.44.0
type: DeclarativeSource
check: {type: CheckStream, stream_names: [contacts]}
streams:
  - type: DeclarativeStream
    name: contacts
    primary_key: id
    retriever:
      type: SimpleRetriever
      requester:
        type: HttpRequester
        url_base: "{{ config['base_url'] }}/api/v1"
        path: contacts
        authenticator:
          type: OAuthAuthenticator
          token_refresh_endpoint: "{{ config['base_url'] }}/oauth/token"
          client_id: "{{ config['credentials']['client_id'] }}"
          client_secret: "{{ config['credentials']['client_secret'] }}"
          refresh_token: "{{ config['credentials']['refresh_token'] }}"
          refresh_token_updater: {}
      record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: [data]}}
    schema_loader:
      type: InlineSchemaLoader
      schema: {type: object, properties: {id: {type: string}}}
spec:
  type: Spec
  connection_specification:
    type: object
    required: [base_url, credentials]
    properties:
      base_url: {type: string, title: Address}
      credentials:
        type: object
        title: Signing in
        properties:
          client_id: {type: string, title: Client ID}
          client_secret: {type: string, title: Client secret, airbyte_secret: true}
          access_token: {type: string, title: Access token, airbyte_secret: true}
          refresh_token: {type: string, title: Refresh token, airbyte_secret: true}
  advanced_auth:
    auth_flow_type: oauth2.0
"#;

async fn connected(test: &TestApp) -> ConnectionId {
    let request = json!({"name": "My Harbor", "text": format!("{FILE}{}", advanced_auth::HARBOR), "origin": {"kind": "pasted"}});
    let _: Value = test.ask("save_connector", request).await;
    // Harbor's desktop client has no secret and takes any.
    let config = json!({
        "base_url": base_url(&test.sandbox, "harbor"),
        "credentials": {"client_id": "patchbay-desktop", "client_secret": "none"},
    });
    let result = test
        .connect_by("my-harbor", "advanced_auth", config, None)
        .await;
    match result {
        ConnectResult::Connected { connection, .. } => connection,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_token_that_works_once_outlives_starts_of_the_program() {
    let mut test = TestApp::with_contacts(3).await;
    let connection = connected(&test).await;
    let before = test.sandbox.counters().harbor.refresh_grants;
    for renewals in 1..=2 {
        test = test.close().await.open().await;
        assert!(test.sandbox.expire_tokens(sandbox::Platform::Harbor) > 0);
        let tested: Value = test
            .ask("test_connection", json!({"connection": connection}))
            .await;
        assert_eq!(tested["ok"], json!(true), "{tested}");
        let counters = test.sandbox.counters().harbor;
        assert_eq!(counters.refresh_grants, before + renewals);
        assert_eq!(counters.refresh_reuse, 0);
    }
    let stored = test.stored(connection).await;
    let credentials = &stored.config["credentials"];
    assert_eq!(
        credentials["refresh_token"],
        json!({"$secret": "/credentials/refresh_token"})
    );
    // When it ends is no secret.
    assert!(
        credentials["token_expiry_date"].is_string(),
        "{credentials}"
    );
    test.close().await;
}
