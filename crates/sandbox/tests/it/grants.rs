//! Tokens without a browser of this computer, and the doors that check how a request is signed.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use sandbox::Options;
use serde_json::{Value, json};

use crate::remote::Remote;

impl Remote {
    async fn form(&self, path: &str, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let response = self
            .request(Method::POST, path)
            .form(form)
            .send()
            .await
            .unwrap();
        let status = response.status();
        (status, response.json().await.unwrap_or_default())
    }
}

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

#[tokio::test]
async fn a_device_waits_as_long_as_it_is_told_to() {
    let mut options = Options::new(1, 5);
    options.device_interval = Duration::from_secs(2);
    let remote = Remote::with(options).await;
    let client = ("client_id", "patchbay-desktop");
    let (_, begun) = remote.form("harbor/oauth/device", &[client]).await;
    assert_eq!(begun["interval"], 2);
    let code = begun["device_code"].as_str().unwrap();
    let ask = [("grant_type", DEVICE), ("device_code", code), client];
    let asked = async || remote.form("harbor/oauth/token", &ask).await.1["error"].clone();
    assert_eq!(asked().await, "authorization_pending");
    assert_eq!(asked().await, "slow_down");
    // Two seconds are not enough any more.
    remote.sandbox.advance_clock(Duration::from_secs(3));
    assert_eq!(asked().await, "slow_down");
    remote.sandbox.advance_clock(Duration::from_secs(20));
    assert_eq!(asked().await, "authorization_pending");

    let page = begun["verification_uri_complete"].as_str().unwrap();
    let visitor = sandbox::browser::Visitor::new().unwrap();
    visitor.approve(&page.parse().unwrap()).await.unwrap();
    let (status, tokens) = remote.form("harbor/oauth/token", &ask).await;
    assert_eq!(status, 200);
    assert!(tokens["refresh_token"].is_string(), "{tokens}");
    assert_eq!(asked().await, "invalid_grant", "a code works once");

    let (_, begun) = remote.form("harbor/oauth/device", &[client]).await;
    let code = begun["device_code"].as_str().unwrap();
    remote.sandbox.advance_clock(Duration::from_secs(601));
    let ask = [("grant_type", DEVICE), ("device_code", code), client];
    let (_, answer) = remote.form("harbor/oauth/token", &ask).await;
    assert_eq!(answer["error"], "expired_token");
    let page = begun["verification_uri_complete"].as_str().unwrap();
    let ended = visitor.approve(&page.parse().unwrap()).await;
    assert!(ended.is_err(), "{ended:?}");
}

#[tokio::test]
async fn what_is_not_allowed_is_refused_by_its_name() {
    let remote = Remote::new(5).await;
    let robot = [
        ("client_id", "patchbay-robot"),
        ("client_secret", "patchbay-robot-secret"),
    ];
    let base = remote.sandbox.base_url();
    let own = format!("{base}harbor/api");
    let check = async |client: &[(&str, &str)], more: &[(&str, &str)], error: &str| {
        let form: Vec<_> = client.iter().chain(more).copied().collect();
        let (_, answer) = remote.form("harbor/oauth/token", &form).await;
        assert_eq!(answer["error"], error, "{form:?}: {answer}");
    };
    let alone = ("grant_type", "client_credentials");
    check(&robot, &[("grant_type", "magic")], "unsupported_grant_type").await;
    check(
        &robot,
        &[("grant_type", DEVICE), ("device_code", "x")],
        "unauthorized_client",
    )
    .await;
    check(&robot, &[alone], "invalid_request").await;
    check(
        &robot,
        &[alone, ("audience", "https://elsewhere.example")],
        "invalid_target",
    )
    .await;
    check(
        &robot,
        &[alone, ("audience", &own), ("scope", "magic")],
        "invalid_scope",
    )
    .await;
    let basic = [
        ("client_id", "patchbay-basic"),
        ("client_secret", "basic:secret/100%"),
    ];
    check(&basic, &[alone], "invalid_client").await;
    check(&[("client_id", "patchbay-tls")], &[alone], "invalid_client").await;
    check(
        &[("client_id", "patchbay-signer")],
        &[alone],
        "invalid_client",
    )
    .await;
    let jwt = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    check(
        &robot,
        &[("grant_type", jwt), ("assertion", "a.b.c")],
        "invalid_grant",
    )
    .await;
    let saml = "urn:ietf:params:oauth:grant-type:saml2-bearer";
    check(
        &robot,
        &[("grant_type", saml), ("assertion", "PGEvPg")],
        "invalid_grant",
    )
    .await;
}

#[tokio::test]
async fn programs_get_no_refresh_token_and_exchange_no_more_than_they_have() {
    let remote = Remote::new(5).await;
    let own = format!("{}harbor/api", remote.sandbox.base_url());
    let robot = [
        ("client_id", "patchbay-robot"),
        ("client_secret", "patchbay-robot-secret"),
    ];
    let alone = [
        ("grant_type", "client_credentials"),
        ("audience", own.as_str()),
        ("scope", "deals.read"),
    ];
    let form: Vec<_> = robot.iter().chain(&alone).copied().collect();
    let (_, tokens) = remote.form("harbor/oauth/token", &form).await;
    assert_eq!(tokens.get("refresh_token"), None);
    let exchange = [
        (
            "grant_type",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ),
        ("subject_token", tokens["access_token"].as_str().unwrap()),
        (
            "subject_token_type",
            "urn:ietf:params:oauth:token-type:access_token",
        ),
    ];
    for (scope, error) in [
        ("deals.read", Value::Null),
        ("contacts.read", json!("invalid_scope")),
    ] {
        let form: Vec<_> = robot
            .iter()
            .chain(&exchange)
            .copied()
            .chain([("scope", scope)])
            .collect();
        let (_, answer) = remote.form("harbor/oauth/token", &form).await;
        assert_eq!(answer["error"], error, "{answer}");
    }
}

#[tokio::test]
async fn a_session_ends_and_a_challenge_counts_once() {
    let remote = Remote::new(5).await;
    let login = json!({"user": "dana@harbor.example", "password": "door-password"});
    let post = async |path: &str, body: &Value| {
        let sent = remote.request(Method::POST, path).json(body).send().await;
        sent.unwrap()
    };
    let answer: Value = post("doors/session/login", &login)
        .await
        .json()
        .await
        .unwrap();
    let token = answer["session"]["token"].as_str().unwrap();
    let knock = async || {
        let request = remote.request(Method::GET, "doors/session");
        request.bearer_auth(token).send().await.unwrap().status()
    };
    assert_eq!(knock().await, 200);
    remote.sandbox.advance_clock(Duration::from_secs(1801));
    assert_eq!(knock().await, 401);

    let got = remote
        .request(Method::GET, "doors/session/challenge")
        .send()
        .await;
    let challenge: Value = got.unwrap().json().await.unwrap();
    let mut login = login;
    login["challenge"] = challenge["challenge"].clone();
    assert_eq!(post("doors/session/token", &login).await.status(), 204);
    assert_eq!(post("doors/session/token", &login).await.status(), 400);
}
