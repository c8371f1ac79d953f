//! The authenticators of connector files: each reads a stream behind a door that checks what was sent.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use connectors::declarative::authenticators::{ConfigKeeper, Held};
use connectors::declarative::manifest::Manifest;
use connectors::declarative::platform::Platform;
use connectors::http::NoSignIn;
use connectors::{Access, Error, Result, Source as _};
use model::clock::Clock;
use model::value::Value;
use sandbox::{Options, Sandbox};
use serde_json::json;

use crate::odd_server::{OddServer, Reply};
use crate::reach::{client, hasty, recorded, whole};

/// A connector with one stream for each door.
fn connector(authenticator: &str, doors: &[&str]) -> Arc<Manifest> {
    let streams: String = doors
        .iter()
        .map(|door| {
            format!(
                "  - type: DeclarativeStream
    name: {name}
    primary_key: id
    retriever:
      type: SimpleRetriever
      requester:
        type: HttpRequester
        url_base: \"{{{{ config['base'] }}}}\"
        path: {door}
        authenticator: {{$ref: '#/definitions/auth'}}
      record_selector: {{type: RecordSelector, extractor: {{type: DpathExtractor, field_path: [records]}}}}
    schema_loader: {{type: InlineSchemaLoader, schema: {{type: object, properties: {{id: {{type: integer}}}}}}}}
",
                name = door.replace('/', "_")
            )
        })
        .collect();
    let yaml = format!("definitions:\n  auth: {authenticator}\nstreams:\n{streams}");
    Arc::new(Manifest::parse("doors", &yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}")))
}

fn opened(manifest: Arc<Manifest>, config: serde_json::Value, clock: &Clock) -> Platform {
    Platform::new(
        manifest,
        config,
        Arc::new(NoSignIn),
        client("Doors", hasty()),
        clock.clone(),
    )
}

/// How many records the stream gives.
async fn read(platform: &Platform, door: &str) -> Result<usize> {
    let mut reader = platform
        .read(whole(&door.replace('/', "_")), Access::unattended())
        .await?;
    let mut count = 0;
    while let Some(page) = reader.next().await? {
        count += page.records.len();
    }
    Ok(count)
}

async fn sandbox() -> Sandbox {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Sandbox::start(Options::new(1, 10)).await.unwrap()
}

fn settings(sandbox: &Sandbox, more: serde_json::Value) -> serde_json::Value {
    let mut config = json!({"base": sandbox.base_url().as_str(),
        "key": "door-key-0001", "user": "dana@harbor.example", "password": "door-password"});
    for (name, value) in more.as_object().unwrap() {
        config[name] = value.clone();
    }
    config
}

#[tokio::test]
async fn keys_and_passwords_of_the_settings_open_doors() {
    let sandbox = sandbox().await;
    for (authenticator, door) in [
        (
            "{type: ApiKeyAuthenticator, header: X-Door-Key, api_token: \"{{ config['key'] }}\"}",
            "doors/key",
        ),
        (
            "{type: ApiKeyAuthenticator, api_token: \"{{ config['key'] }}\", inject_into: {type: RequestOption, inject_into: request_parameter, field_name: door_key}}",
            "doors/key",
        ),
        (
            "{type: ApiKeyAuthenticator, api_token: \"{{ config['key'] }}\", inject_into: {type: RequestOption, inject_into: body_json, field_name: door_key}}",
            "doors/body",
        ),
        (
            "{type: ApiKeyAuthenticator, api_token: \"{{ config['key'] }}\", inject_into: {type: RequestOption, inject_into: body_data, field_name: door_key}}",
            "doors/body",
        ),
        (
            "{type: ApiKeyAuthenticator, api_token: \"{{ config['key'] }}\", inject_into: {type: RequestOption, inject_into: cookie, field_name: door_key}}",
            "doors/cookie",
        ),
        (
            "{type: BasicHttpAuthenticator, username: \"{{ config['user'] }}\", password: \"{{ config['password'] }}\"}",
            "doors/basic",
        ),
        ("{type: NoAuth}", "doors/open"),
        (
            "{type: SelectiveAuthenticator, authenticator_selection_path: [credentials, kind], authenticators: {none: {type: NoAuth}, key: {type: ApiKeyAuthenticator, header: X-Door-Key, api_token: \"{{ config['key'] }}\"}}}",
            "doors/key",
        ),
        (
            "{type: LegacySessionTokenAuthenticator, header: X-Door-Session, username: \"{{ config['user'] }}\", password: \"{{ config['password'] }}\", session_token: \"{{ config['session'] }}\", session_token_response_key: id, login_url: doors/legacy/session, validate_session_url: doors/legacy/current}",
            "doors/session",
        ),
        (
            "{type: SessionTokenAuthenticator, login_requester: {type: HttpRequester, url_base: \"{{ config['base'] }}\", path: doors/session/login, http_method: POST, authenticator: {type: NoAuth}, request_body_json: {user: \"{{ config['user'] }}\", password: \"{{ config['password'] }}\"}}, session_token_path: [session, token], expiration_duration: PT30M, request_authentication: {type: Bearer}}",
            "doors/session",
        ),
        (
            "{type: SessionTokenAuthenticator, login_requester: {type: HttpRequester, url_base: \"{{ config['base'] }}\", path: doors/session/login, http_method: POST, authenticator: {type: NoAuth}, request_body_json: {user: \"{{ config['user'] }}\", password: \"{{ config['password'] }}\"}}, session_token_path: [session, token], request_authentication: {type: ApiKey, api_token: \"Token {{ session_token }}\", inject_into: {type: RequestOption, inject_into: header, field_name: Authorization}}}",
            "doors/session",
        ),
    ] {
        let config = settings(
            &sandbox,
            json!({"credentials": {"kind": "key"}, "session": "an-old-one"}),
        );
        let platform = opened(connector(authenticator, &[door]), config, &Clock::system());
        let count = read(&platform, door)
            .await
            .unwrap_or_else(|error| panic!("{authenticator}: {error}"));
        assert_eq!(count, 3, "{authenticator}");
    }
}

#[tokio::test]
async fn a_jwt_is_signed_as_the_file_says() {
    let sandbox = sandbox().await;
    let keys = sandbox::keys().unwrap();
    let config = settings(
        &sandbox,
        json!({"key": keys.robot_key, "kid": keys.robot_key_id, "iss": sandbox::ROBOT}),
    );
    for more in [
        "header_prefix: Bearer",
        "token_duration: 60, additional_jwt_payload: {scope: \"{{ config['iss'] }}\", n: 5}",
        "request_option: {type: RequestOption, inject_into: header, field_name: Authorization}",
    ] {
        let authenticator = format!(
            "{{type: JwtAuthenticator, secret_key: \"{{{{ config['key'] }}}}\", algorithm: RS256, jwt_headers: {{kid: \"{{{{ config['kid'] }}}}\"}}, jwt_payload: {{iss: \"{{{{ config['iss'] }}}}\", aud: \"{{{{ config['base'] }}}}doors/jwt\"}}, {more}}}"
        );
        let platform = opened(
            connector(&authenticator, &["doors/jwt"]),
            config.clone(),
            &Clock::system(),
        );
        assert_eq!(read(&platform, "doors/jwt").await.unwrap(), 3, "{more}");
    }
}

#[tokio::test]
async fn streams_that_want_the_same_token_share_it() {
    let sandbox = sandbox().await;
    let authenticator = "{type: OAuthAuthenticator, token_refresh_endpoint: \"{{ config['base'] }}harbor/oauth/token\", client_id: patchbay-robot, client_secret: \"{{ config['secret'] }}\", grant_type: client_credentials, refresh_request_body: {audience: \"{{ config['base'] }}harbor/api\", grant_type: ignored}}";
    let config = settings(&sandbox, json!({"secret": "patchbay-robot-secret"}));
    let doors = ["doors/bearer", "doors/bearer/again", "doors/bearer/more"];
    let platform = opened(connector(authenticator, &doors), config, &Clock::system());
    let all = futures_util::future::join_all(doors.iter().map(|door| read(&platform, door))).await;
    assert!(
        all.iter()
            .all(|count| count.as_ref().is_ok_and(|n| *n == 3)),
        "{all:?}"
    );
    assert_eq!(sandbox.counters().harbor.other_grants, 1);
}

#[tokio::test]
async fn tokens_are_found_in_odd_answers_and_renewed_when_their_time_is_over() {
    let sandbox = sandbox().await;
    let clock = Clock::manual(model::clock::Clock::system().now());
    let authenticator = "{type: OAuthAuthenticator, token_refresh_endpoint: \"{{ config['base'] }}harbor/oauth/odd/nested\", client_id: patchbay-basic, grant_type: client_credentials, access_token_name: value, expires_in_name: ends, token_expiry_date_format: '%Y-%m-%dT%H:%M:%SZ', refresh_request_headers: {Authorization: \"Basic {{ ('patchbay-basic:' ~ config['secret']) | base64encode }}\"}}";
    let config = settings(&sandbox, json!({"secret": "basic%3Asecret%2F100%25"}));
    let platform = opened(connector(authenticator, &["doors/bearer"]), config, &clock);
    assert_eq!(read(&platform, "doors/bearer").await.unwrap(), 3);
    assert_eq!(read(&platform, "doors/bearer").await.unwrap(), 3);
    assert_eq!(sandbox.counters().harbor.other_grants, 1);
    clock.advance(3_700_000);
    assert_eq!(read(&platform, "doors/bearer").await.unwrap(), 3);
    assert_eq!(sandbox.counters().harbor.other_grants, 2);
    // Over long before we think so: the refused request is sent again with a new one.
    clock.advance(60_000);
    sandbox.expire_tokens(sandbox::Platform::Harbor);
    assert_eq!(read(&platform, "doors/bearer").await.unwrap(), 3);
    assert_eq!(sandbox.counters().harbor.other_grants, 3);
}

/// Keeps settings, and notes what the platform had been asked by then.
#[derive(Debug)]
struct Drawer {
    sandbox: Arc<Sandbox>,
    kept: Mutex<Vec<(serde_json::Value, u64)>>,
    stored: Mutex<Option<Value>>,
    fails: Mutex<bool>,
}

#[async_trait]
impl ConfigKeeper for Drawer {
    async fn persist(&self, config: &Value) -> Result<()> {
        if *self.fails.lock().unwrap() {
            return Err(Error::Secrets {
                backend: "drawer".into(),
                reason: "it is locked".into(),
            });
        }
        let asked = self.sandbox.counters().requests_to("/doors/");
        self.kept.lock().unwrap().push((config.to_serde(), asked));
        *self.stored.lock().unwrap() = Some(config.clone());
        Ok(())
    }

    async fn begin(&self) -> Result<Held> {
        Ok(Held {
            config: self.stored.lock().unwrap().clone(),
            lock: None,
        })
    }
}

const UPDATER: &str = "{type: OAuthAuthenticator, token_refresh_endpoint: \"{{ config['base'] }}harbor/oauth/token\", client_id: patchbay-desktop, client_secret: unused, refresh_token: \"{{ config['credentials']['refresh_token'] }}\", refresh_token_updater: {}}";

#[tokio::test]
async fn a_refresh_token_that_works_once_is_kept_before_its_access_token_is_used() {
    let desk =
        crate::sign_in::Desk::with(connectors::secrets::BackendChoice::Memory, Clock::system())
            .await;
    let connection = desk.connected().await;
    let (_, set) = desk.stored(connection).await;
    let first = set.refresh.unwrap().reveal().to_owned();
    let sandbox = Arc::new(desk.sandbox);
    sandbox.reset_counters();
    let drawer = Arc::new(Drawer {
        sandbox: sandbox.clone(),
        kept: Mutex::default(),
        stored: Mutex::default(),
        fails: Mutex::new(true),
    });
    let config = settings(
        &sandbox,
        json!({"credentials": {"refresh_token": first, "token_expiry_date": ""}, "other": 1.10}),
    );
    let doors = ["doors/bearer", "doors/bearer/again"];
    let clock = Clock::manual(model::clock::Clock::system().now());
    let open = || {
        opened(connector(UPDATER, &doors), config.clone(), &clock)
            .keeping_config_with(drawer.clone())
    };
    let platform = open();

    // What cannot be kept is not used.
    let error = read(&platform, doors[0]).await.unwrap_err();
    assert!(error.to_string().contains("drawer"), "{error}");
    assert_eq!(sandbox.counters().requests_to("/doors/"), 0);
    *drawer.fails.lock().unwrap() = false;
    clock.advance(10_000);

    let all = futures_util::future::join_all(doors.iter().map(|door| read(&platform, door))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(sandbox.counters().harbor.refresh_reuse, 0);
    {
        let kept = drawer.kept.lock().unwrap();
        let (config, asked) = kept.last().unwrap();
        assert_eq!(*asked, 0, "kept before the first request went out");
        let credentials = &config["credentials"];
        assert_ne!(credentials["refresh_token"], first.as_str());
        assert!(
            credentials["access_token"]
                .as_str()
                .unwrap()
                .starts_with("hbr_at_")
        );
        assert!(
            credentials["token_expiry_date"]
                .as_str()
                .unwrap()
                .ends_with("+00:00")
        );
        assert_eq!(config["other"], json!(1.10));
    }
    // Another process goes on with what was kept, although its own settings are the old ones.
    let grants = sandbox.counters().harbor.refresh_grants;
    let second = open();
    assert_eq!(read(&second, doors[0]).await.unwrap(), 3);
    assert_eq!(sandbox.counters().harbor.refresh_grants, grants);
    clock.advance(3_700_000);
    assert_eq!(read(&second, doors[0]).await.unwrap(), 3);
    assert_eq!(read(&platform, doors[0]).await.unwrap(), 3);
    assert_eq!(sandbox.counters().harbor.refresh_grants, grants + 1);
    assert_eq!(sandbox.counters().harbor.refresh_reuse, 0);
}

#[tokio::test]
async fn a_refresh_token_that_is_no_good_asks_for_a_sign_in_and_names_no_secret() {
    let sandbox = sandbox().await;
    let config = settings(
        &sandbox,
        json!({"credentials": {"refresh_token": "rt-canary-0001"}}),
    );
    let platform = opened(
        connector(UPDATER, &["doors/bearer"]),
        config,
        &Clock::system(),
    );
    let error = read(&platform, "doors/bearer").await.unwrap_err();
    assert!(matches!(error, Error::SignInNeeded { .. }), "{error}");
    let words = error.to_string();
    assert!(
        words.contains("the refresh token is not known (invalid_grant)"),
        "{words}"
    );
    assert!(!words.contains("canary"), "{words}");

    let config = settings(&sandbox, json!({"credentials": {}}));
    let platform = opened(
        connector(UPDATER, &["doors/bearer"]),
        config,
        &Clock::system(),
    );
    let error = read(&platform, "doors/bearer").await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("no refresh token among the settings"),
        "{error}"
    );
}

#[tokio::test]
async fn requests_for_tokens_have_the_form_that_the_low_code_format_gives_them() {
    let server = OddServer::start(|seen| match seen.target.split('?').next() {
        Some("/token") => Reply::Json(200, "", r#"{"access_token":"at-1"}"#.to_owned()),
        _ => Reply::Json(200, "", r#"{"records":[{"id":1}]}"#.to_owned()),
    })
    .await;
    let config = json!({"base": server.url(), "id": "00012", "secret": "1e5", "refresh": "rt&1"});
    let oauth = |more: &str| {
        format!(
            "{{type: OAuthAuthenticator, token_refresh_endpoint: \"{{{{ config['base'] }}}}/token\", client_id: \"{{{{ config['id'] }}}}\", client_secret: \"{{{{ config['secret'] }}}}\", refresh_token: \"{{{{ config['refresh'] }}}}\"{more}}}"
        )
    };
    for (more, target, body) in [
        (
            "",
            "/token",
            "grant_type=refresh_token&client_id=00012&client_secret=1e5&refresh_token=rt%261",
        ),
        (
            ", scopes: [a, b], refresh_request_body: {extra: [x, y], client_id: other}",
            "/token",
            "grant_type=refresh_token&client_id=00012&client_secret=1e5&refresh_token=rt%261&scopes=a&scopes=b&extra=x&extra=y",
        ),
        (
            ", refresh_request_headers: {Authorization: Basic abc}, client_id_name: app",
            "/token",
            "grant_type=refresh_token&refresh_token=rt%261",
        ),
        (
            ", grant_type_name: kind, client_id_name: app, client_secret_name: key, refresh_token_name: renew, send_refresh_request_as_query_params: true",
            "/token?kind=refresh_token&app=00012&key=1e5&renew=rt%261",
            "",
        ),
    ] {
        let platform = opened(
            connector(&oauth(more), &["things"]),
            config.clone(),
            &Clock::system(),
        );
        let before = server.seen().len();
        assert_eq!(read(&platform, "things").await.unwrap(), 1);
        let seen = server.seen();
        assert_eq!(seen[before].method, "POST");
        assert_eq!(
            (seen[before].target.as_str(), seen[before].body.as_str()),
            (target, body)
        );
        assert_eq!(
            seen[before + 1].header("authorization"),
            Some("Bearer at-1")
        );
    }
    // Keys stay the texts that they are.
    let key = "{type: ApiKeyAuthenticator, header: X-Key, api_token: \"{{ config['id'] }}\"}";
    let platform = opened(connector(key, &["things"]), config, &Clock::system());
    read(&platform, "things").await.unwrap();
    assert_eq!(server.seen().last().unwrap().header("x-key"), Some("00012"));
}

#[tokio::test]
async fn a_session_token_is_found_in_an_answer_of_xml() {
    let server = OddServer::start(|seen| match seen.target.as_str() {
        "/login" => Reply::Json(
            200,
            "",
            "<session><user id='7'/><token>x-1</token></session>".to_owned(),
        ),
        _ => Reply::Json(200, "", r#"{"records":[{"id":1}]}"#.to_owned()),
    })
    .await;
    let authenticator = "{type: SessionTokenAuthenticator, decoder: {type: XmlDecoder}, login_requester: {type: HttpRequester, url_base: \"{{ config['base'] }}\", path: login, http_method: POST, authenticator: {type: NoAuth}}, session_token_path: [session, token], request_authentication: {type: Bearer}}";
    let config = json!({"base": server.url()});
    let platform = opened(
        connector(authenticator, &["things"]),
        config,
        &Clock::system(),
    );
    assert_eq!(read(&platform, "things").await.unwrap(), 1);
    let seen = server.seen();
    assert_eq!(
        seen.last().unwrap().header("authorization"),
        Some("Bearer x-1")
    );
}

#[tokio::test]
async fn logins_leave_no_trace_in_what_is_recorded() {
    let sandbox = sandbox().await;
    let authenticator = "{type: SessionTokenAuthenticator, login_requester: {type: HttpRequester, url_base: \"{{ config['base'] }}\", path: doors/session/login, http_method: POST, authenticator: {type: NoAuth}, request_body_json: {user: \"{{ config['user'] }}\", password: \"{{ config['password'] }}\"}}, session_token_path: [session, token], request_authentication: {type: Bearer}}";
    let platform = opened(
        connector(authenticator, &["doors/session"]),
        settings(&sandbox, json!({})),
        &Clock::system(),
    );
    let (access, kept) = recorded();
    let mut reader = platform.read(whole("doors_session"), access).await.unwrap();
    assert!(reader.next().await.unwrap().is_some());
    let shown = format!("{:?}", kept.0.lock().unwrap());
    assert!(
        shown.contains("doors/session") && !shown.contains("session/login"),
        "{shown}"
    );
    assert!(!shown.contains("door-password"), "{shown}");
}

#[test]
fn authenticators_that_cannot_work_are_refused_with_their_place() {
    #[track_caller]
    fn check(authenticator: &str, expected: &str) {
        let yaml = format!(
            "streams: [{{type: DeclarativeStream, name: a, retriever: {{type: SimpleRetriever, requester: {{type: HttpRequester, url_base: 'https://x.example', path: a, authenticator: {authenticator}}}, record_selector: {{type: RecordSelector, extractor: {{type: DpathExtractor, field_path: []}}}}}}}}]"
        );
        let error = match Manifest::parse("x", &yaml) {
            Ok(manifest) => manifest.stream("a").err().map(|error| error.to_string()),
            Err(error) => Some(error.to_string()),
        }
        .unwrap_or_else(|| panic!("{authenticator} was taken"));
        assert!(error.contains(expected), "{error}\nis not\n{expected}");
    }
    check(
        "{type: CustomAuthenticator, class_name: source_x.Auth}",
        "source_x.Auth",
    );
    check(
        "{type: MagicAuthenticator}",
        "`MagicAuthenticator` is not supported here",
    );
    check(
        "{type: ApiKeyAuthenticator, api_token: x}",
        "nothing says where the key goes",
    );
    check(
        "{type: ApiKeyAuthenticator, api_token: x, header: a, inject_into: {type: RequestOption, inject_into: header, field_name: a}}",
        "where the key goes is said twice",
    );
    check(
        "{type: OAuthAuthenticator}",
        "nothing says where the token comes from",
    );
    check(
        "{type: JwtAuthenticator, secret_key: x, algorithm: none}",
        "the algorithm `none` is not known",
    );
    check(
        "{type: JwtAuthenticator, secret_key: x, algorithm: HS256, additional_jwt_payload: {iss: y}}",
        "`iss` has a place of its own",
    );
    check(
        "{type: SessionTokenAuthenticator, login_requester: {type: HttpRequester, url_base: 'https://x'}, session_token_path: [t], expiration_duration: soon, request_authentication: {type: Bearer}}",
        "this is not a duration",
    );
}

#[tokio::test]
async fn a_choice_that_the_settings_do_not_make_is_named() {
    let sandbox = sandbox().await;
    let authenticator = "{type: SelectiveAuthenticator, authenticator_selection_path: [credentials, kind], authenticators: {key: {type: NoAuth}, oauth: {type: NoAuth}}}";
    for (config, expected) in [
        (json!({}), "the settings hold no `credentials.kind`"),
        (
            json!({"credentials": {"kind": "magic"}}),
            "there is no authenticator for `magic`; expected one of key, oauth",
        ),
    ] {
        let platform = opened(
            connector(authenticator, &["doors/open"]),
            settings(&sandbox, config),
            &Clock::system(),
        );
        let error = read(&platform, "doors/open").await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}
