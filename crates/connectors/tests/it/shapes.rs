//! Every way to sign in, described as a connector file does it, against the sandbox: the token is got from its
//! authorization server, and the signed request has to open a door that checks it.

use std::sync::Arc;

use connectors::auth::{ConnectionSigner, CredentialKind, Credentials, SignIn, SignInStep};
use connectors::http::answer::ByStatus;
use connectors::http::{Body, Call, Client, Limits, Repeat, RequestParts, Signer as _};
use connectors::secrets::BackendChoice;
use connectors::{Access, Error, Result};
use model::clock::Clock;
use model::ids::ConnectionId;
use model::secret::Secret;
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::sign_in::{Desk, described, signer};

/// A desk whose clock is the sandbox's, with TLS where it is asked for.
async fn desk(tls: bool) -> Desk {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut desk = Desk::with(BackendChoice::Memory, Clock::system()).await;
    let mut options = Options::new(1, 10);
    options.tls = tls;
    options.device_interval = std::time::Duration::from_secs(1);
    desk.sandbox = Sandbox::start(options).await.unwrap();
    desk
}

/// The entry with the sandbox's addresses in the place of `BASE` and `SAFE`.
fn placed(desk: &Desk, entry: &Value) -> Value {
    let base = desk.sandbox.base_url();
    let mut text = entry
        .to_string()
        .replace("BASE", base.as_str().trim_end_matches('/'));
    if let Some(safe) = desk.sandbox.safe_url() {
        text = text.replace("SAFE", safe.as_str().trim_end_matches('/'));
    }
    let mut entry: Value = serde_json::from_str(&text).unwrap();
    entry["name"] = "it".into();
    entry["label"] = "It".into();
    entry
}

/// A field that is asked for.
fn field(name: &str) -> Value {
    json!({"name": name, "label": name, "secret": true})
}

/// A connection that has signed in; nobody has to look at a browser.
async fn signed_in(
    desk: &Desk,
    entry: &Value,
    fields: &[(&str, &str)],
) -> Result<ConnectionSigner> {
    let method = described(&placed(desk, entry));
    let fields = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Secret::new(*value)))
        .collect();
    let kind = if method.gets_a_token() {
        let mut options = desk.options(method.clone());
        options.fields = fields;
        let sign_in = SignIn::start(options, |_| Ok(()), |_| {}, CancellationToken::new()).await?;
        sign_in.finish().await?.into_kind()
    } else {
        CredentialKind::from_fields(&method, &fields)?
    };
    let connection = ConnectionId::new();
    Credentials::replace(&desk.keeper, connection, kind).await?;
    Ok(signer(&desk.keeper, connection, method, desk.clock.clone()))
}

/// What the door answers to a signed request.
async fn knock(
    desk: &Desk,
    signer: &ConnectionSigner,
    method: http::Method,
    door: &str,
    body: Body,
) -> (u16, Value) {
    let base = if door.starts_with("https:") {
        door.parse().unwrap()
    } else {
        desk.sandbox.base_url().join(door).unwrap()
    };
    let mut request = RequestParts::new(method, base);
    request.body = body;
    let client = Client::new("Door", Limits::default(), desk.clock.clone()).unwrap();
    let sent = client
        .send(Call {
            request,
            signer: Some(signer),
            repeat: Repeat::Safe,
            judge: &ByStatus,
            access: &Access::unattended(),
        })
        .await;
    match sent {
        Ok(answer) => (
            answer.status.as_u16(),
            serde_json::from_slice(&answer.body).unwrap_or_default(),
        ),
        Err(failure) => (0, json!(failure.error.to_string())),
    }
}

/// Signs in and opens the door: a GET with a query that has to be encoded.
#[track_caller]
fn check<'a>(
    desk: &'a Desk,
    entry: Value,
    fields: &'a [(&'a str, &'a str)],
    door: &'a str,
    who: &'a str,
) -> impl Future<Output = ConnectionSigner> + 'a {
    async move {
        let signer = signed_in(desk, &entry, fields)
            .await
            .unwrap_or_else(|error| panic!("{entry}: {error}"));
        let door = format!("{door}?q=a%20b&z=%C3%A4%2B%2F&empty=");
        let (status, answer) = knock(desk, &signer, http::Method::GET, &door, Body::Empty).await;
        assert_eq!(status, 200, "{entry}: {answer}");
        assert_eq!(answer["who"], who, "{entry}: {answer}");
        assert_eq!(answer["query"]["z"], "ä+/", "{answer}");
        let shown = format!("{signer:?}");
        for (_, secret) in fields.iter().filter(|(_, value)| value.len() > 6) {
            assert!(!shown.contains(secret), "{shown}");
        }
        signer
    }
}

fn json_body(text: &str) -> Body {
    Body::Json(model::json::parse(text.as_bytes()).unwrap())
}

const KEY: &[(&str, &str)] = &[("key", "door-key-0001")];

#[tokio::test]
async fn keys_go_where_the_platform_wants_them() {
    let desk = desk(false).await;
    let key = |place: &str, name: &str| json!({"type": "api_key", "in": place, "key_name": name, "fields": [field("key")]});
    let holder = "the holder of the key";
    check(&desk, key("header", "X-Door-Key"), KEY, "doors/key", holder).await;
    check(&desk, key("query", "door_key"), KEY, "doors/key", holder).await;
    check(
        &desk,
        key("cookie", "door_key"),
        KEY,
        "doors/cookie",
        holder,
    )
    .await;
    let both = json!({"type": "api_key", "fields": [field("key"), field("application")], "apply": [
        {"name": "X-Door-Key"},
        {"in": "query", "name": "application", "value": "{{ fields['application'] }}"}]});
    let fields = [("key", "door-key-0001"), ("application", "door-key-0002")];
    check(
        &desk,
        both,
        &fields,
        "doors/keys",
        "the holder of both keys",
    )
    .await;
    let basic =
        json!({"type": "basic", "fields": [{"name": "user", "label": "User"}, field("password")]});
    let fields = [
        ("user", "dana@harbor.example"),
        ("password", "door-password"),
    ];
    check(&desk, basic, &fields, "doors/basic", "dana@harbor.example").await;

    let in_body = signed_in(&desk, &key("body", "door_key"), KEY)
        .await
        .unwrap();
    for body in [
        json_body(r#"{"a":1}"#),
        Body::Form(vec![("a".into(), "1".into())]),
        Body::Empty,
    ] {
        let (status, answer) = knock(&desk, &in_body, http::Method::POST, "doors/body", body).await;
        assert_eq!(status, 200, "{answer}");
    }
    let raw = Body::Raw("text".into());
    let (_, answer) = knock(&desk, &in_body, http::Method::POST, "doors/body", raw).await;
    assert!(
        answer
            .as_str()
            .unwrap()
            .contains("a body that has no members"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_program_gets_tokens_with_id_and_secret() {
    let desk = desk(false).await;
    let entry = |more: Value| {
        let mut entry = json!({"type": "client_credentials", "token_url": "BASE/harbor/oauth/token",
            "client_id": "{{ fields['id'] }}", "client_secret": "{{ fields['secret'] }}",
            "scopes": ["contacts.read"], "fields": [{"name": "id", "label": "Id"}, field("secret")]});
        for (name, value) in more.as_object().unwrap() {
            entry[name] = value.clone();
        }
        entry
    };
    let who = "dana@harbor.example contacts.read";
    let robot = [
        ("id", "patchbay-robot"),
        ("secret", "patchbay-robot-secret"),
    ];
    for more in [
        json!({"audience": "BASE/harbor/api"}),
        json!({"resource": ["BASE/harbor/api"], "token_auth": "basic"}),
        json!({"token_params": {"audience": "BASE/harbor/api"}}),
    ] {
        check(&desk, entry(more), &robot, "doors/bearer", who).await;
    }
    let fields = [("id", "patchbay-basic"), ("secret", "basic:secret/100%")];
    check(
        &desk,
        entry(json!({"token_auth": "basic"})),
        &fields,
        "doors/bearer",
        who,
    )
    .await;

    let refused = |error: Result<ConnectionSigner>| match error {
        Err(Error::SignInFailed { reason }) => reason,
        other => panic!("{other:?}"),
    };
    let reason = refused(signed_in(&desk, &entry(json!({})), &fields).await);
    assert!(
        reason.contains("does not accept this application: the client has to use HTTP Basic"),
        "{reason}"
    );
    let reason = refused(signed_in(&desk, &entry(json!({})), &robot).await);
    assert!(
        reason.contains("does not accept what was typed in: audience is missing"),
        "{reason}"
    );
    let wrong = [
        ("id", "patchbay-robot"),
        ("secret", "patchbay-robot-secre0"),
    ];
    let reason = refused(signed_in(&desk, &entry(json!({"audience": "x"})), &wrong).await);
    assert!(
        reason.contains("its secret is wrong") && !reason.contains("secre0"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_program_says_who_it_is_by_signing() {
    let desk = desk(false).await;
    let keys = sandbox::keys().unwrap();
    let entry = json!({"type": "client_credentials", "token_url": "BASE/harbor/oauth/token",
        "client_id": "patchbay-signer", "token_auth": "jwt",
        "client_assertion": {"key": "{{ fields['key'] }}", "key_id": "{{ fields['key_id'] }}"},
        "scopes": ["deals.read"],
        "fields": [{"name": "key", "label": "Key", "secret": true, "format": "pem"}, field("key_id")]});
    let fields = [
        ("key", keys.robot_key.as_str()),
        ("key_id", &keys.robot_key_id),
    ];
    let signer = check(
        &desk,
        entry,
        &fields,
        "doors/bearer",
        "dana@harbor.example deals.read",
    )
    .await;
    // Each assertion counts once, so the next token needs another one.
    assert!(signer.renew(&Access::unattended()).await.unwrap());
}

#[tokio::test]
async fn a_service_account_signs_an_assertion() {
    let desk = desk(false).await;
    let keys = sandbox::keys().unwrap();
    let file = json!({"client_email": sandbox::ROBOT, "private_key": keys.robot_key,
        "private_key_id": keys.robot_key_id})
    .to_string();
    let entry = json!({"type": "jwt_bearer", "token_url": "BASE/postino/oauth/token", "client_id": "patchbay-robot",
        "client_secret": "patchbay-robot-secret",
        "jwt": {"key": "{{ fields['file']['private_key'] }}", "key_id": "{{ fields['file']['private_key_id'] }}",
            "issuer": "{{ fields['file']['client_email'] }}", "subject": "{{ fields['person'] }}",
            "claims": {"scope": "lists:read"}, "lifetime": 600},
        "fields": [{"name": "file", "label": "Key file", "secret": true, "format": "json"},
            {"name": "person", "label": "Acts for", "optional": true}]});
    let who = "jonas@postino.example lists:read";
    let fields = [("file", file.as_str()), ("person", "jonas@postino.example")];
    check(&desk, entry.clone(), &fields, "doors/bearer", who).await;
    let fields = [("file", file.as_str())];
    check(
        &desk,
        entry.clone(),
        &fields,
        "doors/bearer",
        "mira@postino.example lists:read",
    )
    .await;

    let stranger = file.replace(sandbox::ROBOT, "stranger@patchbay.example");
    let error = signed_in(&desk, &entry, &[("file", &stranger)])
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("the issuer is not known"),
        "{error}"
    );
    let broken = json!({"client_email": "x", "private_key": "-----BEGIN", "private_key_id": "k"})
        .to_string();
    let error = signed_in(&desk, &entry, &[("file", &broken)])
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Misconfigured { .. }), "{error}");
}

#[tokio::test]
async fn a_saml_assertion_is_exchanged_for_a_token() {
    let desk = desk(false).await;
    let keys = sandbox::keys().unwrap();
    let entry = json!({"type": "saml2_bearer", "token_url": "BASE/harbor/oauth/token", "client_id": "patchbay-robot",
        "client_secret": "patchbay-robot-secret", "scopes": ["companies.read"],
        "saml": {"issuer": sandbox::IDENTITY_PROVIDER, "subject": "{{ fields['person'] }}",
            "audience": "BASE/harbor", "key": "{{ fields['key'] }}", "certificate": "{{ fields['certificate'] }}",
            "attributes": [{"name": "department <&> \"team\"", "value": "R&D <x>"}]},
        "fields": [{"name": "person", "label": "Person"},
            {"name": "key", "label": "Key", "secret": true, "format": "pem"},
            {"name": "certificate", "label": "Certificate", "format": "pem", "optional": true}]});
    let who = "omar@harbor.example companies.read";
    let fields = [
        ("person", "omar@harbor.example"),
        ("key", keys.saml_key.as_str()),
        ("certificate", &keys.saml_certificate),
    ];
    let signer = check(&desk, entry.clone(), &fields, "doors/bearer", who).await;
    assert!(signer.renew(&Access::unattended()).await.unwrap());

    let fields = [
        ("person", "omar@harbor.example"),
        ("key", keys.robot_key.as_str()),
    ];
    let error = signed_in(&desk, &entry, &fields).await.unwrap_err();
    assert!(
        error.to_string().contains("the assertion is not good"),
        "{error}"
    );
}

#[tokio::test]
async fn a_token_is_exchanged_for_another_one() {
    let desk = desk(false).await;
    let entry = json!({"type": "token_exchange",
        "first": {"type": "client_credentials", "token_url": "BASE/harbor/oauth/token", "client_id": "patchbay-robot",
            "client_secret": "{{ fields['secret'] }}", "audience": "BASE/harbor/api"},
        "token_url": "BASE/harbor/oauth/token", "client_id": "patchbay-server",
        "client_secret": "patchbay-server-secret", "scopes": ["deals.read"], "fields": [field("secret")]});
    let fields = [("secret", "patchbay-robot-secret")];
    check(
        &desk,
        entry,
        &fields,
        "doors/bearer",
        "dana@harbor.example deals.read",
    )
    .await;
    assert_eq!(desk.sandbox.counters().harbor.other_grants, 2);
}

#[tokio::test]
async fn sessions_are_opened_by_as_many_requests_as_it_takes() {
    let desk = desk(false).await;
    let who = "dana@harbor.example";
    let fields = [("user", who), ("password", "door-password")];
    let asked = json!([{"name": "user", "label": "User"}, field("password")]);
    let json_login = json!({"type": "session", "fields": asked,
        "steps": [{"url": "BASE/doors/session/login",
            "json": {"user": "{{ fields['user'] }}", "password": "{{ fields['password'] }}"},
            "take": {"token": {"name": ["session", "token"]}, "expires_in": {"name": ["session", "seconds"]},
                "region": {"name": "region"}}}],
        "keep": ["region"],
        "apply": [{"name": "X-Door-Session"}],
        "end": {"url": "BASE/doors/session/login", "method": "DELETE", "headers": {"X-Door-Session": "{{ token }}"}}});
    let signer = check(&desk, json_login.clone(), &fields, "doors/session", who).await;
    // The session is over long before we think so: the refused request is signed anew and sent again.
    desk.sandbox
        .advance_clock(std::time::Duration::from_secs(3600));
    let (status, _) = knock(
        &desk,
        &signer,
        http::Method::GET,
        "doors/session",
        Body::Empty,
    )
    .await;
    assert_eq!(status, 200);

    let cookie = json!({"type": "session", "fields": asked,
        "steps": [{"url": "BASE/doors/session/cookie",
            "form": {"user": "{{ fields['user'] }}", "password": "{{ fields['password'] }}"},
            "take": {"token": {"from": "cookie", "name": "door_session"}}}],
        "apply": [{"in": "cookie", "name": "door_session"}]});
    check(&desk, cookie, &fields, "doors/session", who).await;
    let cookies = json!({"type": "session", "fields": asked,
        "steps": [{"url": "BASE/doors/session/cookie",
            "form": {"user": "{{ fields['user'] }}", "password": "{{ fields['password'] }}"},
            "take": {"token": {"from": "cookies"}}}],
        "apply": [{"name": "Cookie"}]});
    check(&desk, cookies, &fields, "doors/session", who).await;
    let two_steps = json!({"type": "session", "fields": asked, "lifetime": 60,
        "steps": [
            {"url": "BASE/doors/session/challenge", "method": "GET", "take": {"challenge": {"name": "challenge"}}},
            {"url": "BASE/doors/session/token",
                "json": {"user": "{{ fields['user'] }}", "challenge": "{{ taken['challenge'] }}",
                    "proof": "{{ (fields['password'] ~ taken['challenge']) | hash('sha256') }}"},
                "take": {"token": {"from": "header", "name": "X-Door-Session"}}}]});
    check(&desk, two_steps, &fields, "doors/session", who).await;

    let wrong = [("user", who), ("password", "door-passwore")];
    let error = signed_in(&desk, &json_login, &wrong).await.unwrap_err();
    assert!(
        error.to_string().contains("user or password is wrong"),
        "{error}"
    );

    // Disconnecting ends the session there, too.
    let method = described(&placed(&desk, &json_login));
    let mut options = desk.options(method.clone());
    options.fields = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Secret::new(*value)))
        .collect();
    let sign_in = SignIn::start(options, |_| Ok(()), |_| {}, CancellationToken::new())
        .await
        .unwrap();
    let done = sign_in.finish().await.unwrap();
    assert_eq!(method.settings_from(&done.tokens), [("region", "eu-7")]);
    let connection = ConnectionId::new();
    done.store(&desk.keeper, connection).await.unwrap();
    let note = connectors::auth::disconnect(&desk.keeper, connection, "Door", &method)
        .await
        .unwrap();
    assert_eq!(note, None);
    assert_eq!(
        desk.sandbox
            .counters()
            .requests_to("DELETE /doors/session/login"),
        1
    );
}

#[tokio::test]
async fn a_token_of_our_own_goes_on_each_request() {
    let desk = desk(false).await;
    let keys = sandbox::keys().unwrap();
    let entry = json!({"type": "jwt", "jwt": {"key": "{{ fields['key'] }}", "issuer": sandbox::ROBOT,
        "audience": "BASE/doors/jwt"}, "fields": [{"name": "key", "label": "Key", "secret": true, "format": "pem"}]});
    let fields = [("key", keys.robot_key.as_str())];
    check(&desk, entry, &fields, "doors/jwt", sandbox::ROBOT).await;
}

#[tokio::test]
async fn requests_are_signed_by_an_hmac_over_a_described_text() {
    let desk = desk(false).await;
    let entry = json!({"type": "hmac", "secret": "{{ fields['secret'] }}",
        "string": "{{ method }}\n{{ path_and_query }}\n{{ headers['x-door-time'] }}\n{{ nonce }}\n{{ body_hash }}",
        "nonce": "hex",
        "apply": [
            {"name": "X-Door-Id", "value": "{{ fields['id'] }}"},
            {"name": "X-Door-Time", "value": "{{ timestamp }}"},
            {"name": "X-Door-Nonce", "value": "{{ nonce }}"},
            {"name": "X-Door-Signature", "value": "{{ signature }}"}],
        "fields": [{"name": "id", "label": "Id"}, field("secret")]});
    let fields = [("id", "door-hmac-id"), ("secret", "door-hmac-secret")];
    let signer = check(&desk, entry.clone(), &fields, "doors/hmac", "door-hmac-id").await;
    for body in [
        json_body(r#"{"name":"ä","n":1.10}"#),
        Body::Form(vec![("a b".into(), "c&d".into())]),
        Body::Raw(vec![0_u8, 255].into()),
    ] {
        let (status, answer) = knock(&desk, &signer, http::Method::POST, "doors/hmac", body).await;
        assert_eq!(status, 200, "{answer}");
    }
    let wrong = [("id", "door-hmac-id"), ("secret", "door-hmac-secreT")];
    let signer = signed_in(&desk, &entry, &wrong).await.unwrap();
    let (status, answer) =
        knock(&desk, &signer, http::Method::GET, "doors/hmac", Body::Empty).await;
    assert_eq!(status, 0, "{answer}");
    assert!(
        answer.as_str().unwrap().contains("type it in again"),
        "{answer}"
    );
}

#[tokio::test]
async fn requests_are_signed_for_aws() {
    let desk = desk(false).await;
    let entry = |service: &str| {
        json!({"type": "aws_sigv4", "access_key_id": "{{ fields['id'] }}",
            "secret_access_key": "{{ fields['secret'] }}", "region": "eu-west-1", "service": service,
            "fields": [{"name": "id", "label": "Id"}, field("secret")]})
    };
    let fields = [("id", "AKIADOOREXAMPLE"), ("secret", "door/aws+secret")];
    let signer = check(
        &desk,
        entry("doors"),
        &fields,
        "doors/sigv4",
        "AKIADOOREXAMPLE",
    )
    .await;
    let odd = "doors/sigv4/a%20(b)!/ä*'?x=%2B&x=";
    for (door, body) in [
        (odd, Body::Empty),
        ("doors/sigv4", json_body(r#"{"name":"ä"}"#)),
        (
            "doors/sigv4?a=1&A=2&a=0",
            Body::Form(vec![("a".into(), "b c".into())]),
        ),
    ] {
        let (status, answer) = knock(&desk, &signer, http::Method::PUT, door, body).await;
        assert_eq!(status, 200, "{door}: {answer}");
    }
    let signer = signed_in(&desk, &entry("s3"), &fields).await.unwrap();
    let door = "doors/sigv4/s3/folder/a%20(b)+c.txt";
    let (status, answer) = knock(
        &desk,
        &signer,
        http::Method::PUT,
        door,
        Body::Raw("text".into()),
    )
    .await;
    assert_eq!(status, 200, "{answer}");
}

fn oauth1(more: Value) -> Value {
    let mut entry = json!({"type": "oauth1", "consumer_key": "door-consumer",
        "consumer_secret": "{{ fields['secret'] }}", "fields": [field("secret")]});
    for (name, value) in more.as_object().unwrap() {
        entry[name] = value.clone();
    }
    entry
}

#[tokio::test]
async fn requests_are_signed_by_oauth_1() {
    let desk = desk(false).await;
    let fields = [("secret", "door&consumer secret")];
    for more in [
        json!({}),
        json!({"signature_method": "HMAC-SHA256", "realm": "doors"}),
        json!({"signature_method": "PLAINTEXT"}),
        json!({"in_query": true}),
    ] {
        let mut more = more;
        more["token"] = "door-token".into();
        more["token_secret"] = "door/token%secret".into();
        let signer = check(&desk, oauth1(more), &fields, "doors/oauth1", "door-token").await;
        let form = Body::Form(vec![("a b".into(), "ä&".into())]);
        for body in [json_body(r#"{"a":"b"}"#), form] {
            let (status, answer) =
                knock(&desk, &signer, http::Method::POST, "doors/oauth1?x=1", body).await;
            assert_eq!(status, 200, "{answer}");
        }
    }
}

/// A sign-in that a person at a browser has to finish.
async fn with_a_browser(
    desk: &Desk,
    entry: &Value,
    fields: &[(&str, &str)],
) -> (SignIn, url::Url, Vec<SignInStep>) {
    let mut options = desk.options(described(&placed(desk, entry)));
    options.fields = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Secret::new(*value)))
        .collect();
    let (sender, steps) = std::sync::mpsc::channel();
    let sign_in = SignIn::start(
        options,
        |_| Ok(()),
        move |step| {
            let _ = sender.send(step);
        },
        CancellationToken::new(),
    )
    .await
    .unwrap();
    let url = sign_in.handle().url().unwrap().clone();
    (sign_in, url, steps.try_iter().collect())
}

async fn stored(desk: &Desk, entry: &Value, kind: CredentialKind) -> ConnectionSigner {
    let connection = ConnectionId::new();
    Credentials::replace(&desk.keeper, connection, kind)
        .await
        .unwrap();
    let method = described(&placed(desk, entry));
    signer(&desk.keeper, connection, method, desk.clock.clone())
}

#[tokio::test]
async fn a_person_allows_it_at_a_platform_of_oauth_1() {
    let desk = desk(false).await;
    let entry = oauth1(
        json!({"request_token_url": "BASE/doors/oauth1/request_token",
        "authorize_url": "BASE/doors/oauth1/authorize", "access_token_url": "BASE/doors/oauth1/access_token"}),
    );
    let fields = [("secret", "door&consumer secret")];
    let (sign_in, url, _) = with_a_browser(&desk, &entry, &fields).await;
    let (landing, done) = tokio::join!(sandbox::browser::sign_in(&url), sign_in.finish());
    assert_eq!(landing.unwrap().status, 200);
    let signer = stored(&desk, &entry, done.unwrap().into_kind()).await;
    let (status, answer) = knock(
        &desk,
        &signer,
        http::Method::GET,
        "doors/oauth1?a=b",
        Body::Empty,
    )
    .await;
    assert_eq!(status, 200, "{answer}");

    let (sign_in, url, _) = with_a_browser(&desk, &entry, &fields).await;
    let visitor = sandbox::browser::Visitor::new().unwrap().who_denies();
    let (_, done) = tokio::join!(visitor.sign_in(&url), sign_in.finish());
    assert!(done.unwrap_err().to_string().contains("access was denied"));

    let wrong = oauth1(
        json!({"request_token_url": "BASE/doors/oauth1/request_token",
        "authorize_url": "BASE/doors/oauth1/authorize", "access_token_url": "BASE/doors/oauth1/access_token",
        "consumer_key": "stranger"}),
    );
    let error = signed_in(&desk, &wrong, &fields).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("does not accept this application"),
        "{error}"
    );
}

#[tokio::test]
async fn a_code_is_typed_in_at_another_device() {
    let desk = desk(false).await;
    let entry = json!({"type": "device_code", "device_url": "BASE/harbor/oauth/device",
        "token_url": "BASE/harbor/oauth/token", "revoke_url": "BASE/harbor/oauth/revoke",
        "client_id": "patchbay-desktop", "token_auth": "none", "scopes": ["contacts.read"]});
    let (sign_in, url, steps) = with_a_browser(&desk, &entry, &[]).await;
    let Some(SignInStep::ShowCode { code, url: shown }) = steps.first() else {
        panic!("{steps:?}");
    };
    assert_eq!(code.len(), 9, "{code}");
    assert_eq!(url.as_str(), format!("{shown}?user_code={code}"));
    let refused = sign_in
        .handle()
        .complete_with_url("http://127.0.0.1/?code=1");
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("needs no address")
    );
    let visitor = sandbox::browser::Visitor::new().unwrap();
    let (page, done) = tokio::join!(visitor.approve(&url), sign_in.finish());
    assert!(page.unwrap().contains("The program is connected"));
    let signer = stored(&desk, &entry, done.unwrap().into_kind()).await;
    let (status, answer) = knock(
        &desk,
        &signer,
        http::Method::GET,
        "doors/bearer",
        Body::Empty,
    )
    .await;
    assert_eq!(
        (status, answer["who"].as_str()),
        (200, Some("dana@harbor.example contacts.read"))
    );
    // It came with a refresh token.
    assert!(signer.renew(&Access::unattended()).await.unwrap());

    let (sign_in, url, _) = with_a_browser(&desk, &entry, &[]).await;
    let visitor = visitor.who_denies();
    let (_, done) = tokio::join!(visitor.approve(&url), sign_in.finish());
    assert!(done.unwrap_err().to_string().contains("access was denied"));

    let (sign_in, ..) = with_a_browser(&desk, &entry, &[]).await;
    let handle = sign_in.handle();
    let (done, ()) = tokio::join!(sign_in.finish(), async { handle.cancel() });
    assert!(matches!(done, Err(Error::Cancelled)));
}

#[tokio::test]
async fn platforms_that_do_it_their_own_way_are_described() {
    let desk = desk(false).await;
    let entry = |way: &str, more: Value| {
        let mut entry = json!({"type": "oauth2_code", "authorize_url": "BASE/postino/oauth/authorize",
            "token_url": format!("BASE/postino/oauth/odd/{way}"), "client_id": "patchbay-legacy",
            "client_secret": "{{ fields['secret'] }}", "pkce": "none", "scope_separator": ",",
            "scopes": ["subscribers:read", "lists:read"], "fields": [field("secret")]});
        for (name, value) in more.as_object().unwrap() {
            entry[name] = value.clone();
        }
        entry
    };
    let nested = json!({"answer": {"access_token": ["session", "value"], "refresh_token": ["session", "renew_with"],
            "expires_at": ["session", "ends"], "scope": ["session", "allowed"], "keep": {"shard": ["account", "shard"]},
            "error": ["problem", "code"], "error_description": ["problem", "text"]},
        "apply": [{"name": "Authorization", "value": "Door-token {{ token }}"},
            {"name": "X-Shard", "value": "{{ kept['shard'] }}"}]});
    let fields = [("secret", "patchbay-legacy-secret")];
    for (way, more, door) in [
        ("nested", nested.clone(), "doors/own"),
        (
            "form",
            json!({"answer": {"expires_in": "expires"}}),
            "doors/bearer",
        ),
        ("json", json!({"token_format": "json"}), "doors/bearer"),
        ("query", json!({"token_format": "query"}), "doors/bearer"),
        (
            "get",
            json!({"token_format": "get", "lifetime": 60}),
            "doors/bearer",
        ),
        (
            "renamed",
            json!({"rename": {"client_secret": "secret", "code": "auth_code"}}),
            "doors/bearer",
        ),
    ] {
        let entry = entry(way, more);
        let (sign_in, url, _) = with_a_browser(&desk, &entry, &fields).await;
        let (landing, done) = tokio::join!(sandbox::browser::sign_in(&url), sign_in.finish());
        landing.unwrap();
        let done = done.unwrap_or_else(|error| panic!("{way}: {error}"));
        assert!(
            done.tokens.refresh.is_some() && done.tokens.expires_at.is_some(),
            "{way}"
        );
        assert_eq!(done.tokens.scopes.len(), 2, "{way}");
        let signer = stored(&desk, &entry, done.into_kind()).await;
        let who = "mira@postino.example subscribers:read+lists:read";
        for _ in 0..2 {
            let (status, answer) =
                knock(&desk, &signer, http::Method::GET, door, Body::Empty).await;
            assert_eq!(
                (status, answer["who"].as_str()),
                (200, Some(who)),
                "{way}: {answer}"
            );
            // And by its refresh token, in the same way.
            assert!(signer.renew(&Access::unattended()).await.unwrap(), "{way}");
        }
    }
    // An error with status 200, in the platform's own words.
    let wrong = [("secret", "patchbay-legacy-secre0")];
    let entry = entry("nested", nested);
    let (sign_in, url, _) = with_a_browser(&desk, &entry, &wrong).await;
    let (_, done) = tokio::join!(sandbox::browser::sign_in(&url), sign_in.finish());
    let error = done.unwrap_err().to_string();
    assert!(
        error.contains("its secret is wrong (invalid_client)"),
        "{error}"
    );
}

#[tokio::test]
async fn a_certificate_opens_doors_over_tls() {
    let desk = desk(true).await;
    let keys = sandbox::keys().unwrap();
    let tls = json!({"certificate": "{{ fields['certificate'] }}", "key": "{{ fields['key'] }}",
        "ca": "{{ fields['ca'] }}", "ca_only": true});
    let pem = |name: &str, secret: bool| json!({"name": name, "label": name, "secret": secret, "format": "pem"});
    let asked = json!([
        pem("certificate", false),
        pem("key", true),
        pem("ca", false)
    ]);
    let fields = [
        ("certificate", keys.client_certificate.as_str()),
        ("key", &keys.client_key),
        ("ca", &keys.authority),
    ];
    let door = format!("{}doors/tls", desk.sandbox.safe_url().unwrap());
    let entry = json!({"type": "mutual_tls", "tls": tls, "fields": asked});
    let signer = check(
        &desk,
        entry,
        &fields,
        &door,
        "the holder of the certificate",
    )
    .await;
    let ends = signer.certificate_ends_at().await.unwrap().unwrap();
    assert!(ends > desk.clock.now());

    // The same certificate says who asks for a token (RFC 8705).
    let token = json!({"type": "client_credentials", "token_url": "SAFE/harbor/oauth/token",
        "client_id": "patchbay-tls", "token_auth": "none", "scopes": ["deals.read"], "tls": tls, "fields": asked});
    let bearer = format!("{}doors/bearer", desk.sandbox.safe_url().unwrap());
    check(
        &desk,
        token,
        &fields,
        &bearer,
        "dana@harbor.example deals.read",
    )
    .await;

    // Without the authority nobody is trusted, and without a certificate the door stays shut.
    let key = json!({"type": "api_key", "key_name": "X-Door-Key", "fields": [field("key")]});
    let stranger = signed_in(&desk, &key, KEY).await.unwrap();
    let (status, answer) = knock(&desk, &stranger, http::Method::GET, &door, Body::Empty).await;
    assert_eq!(status, 0, "{answer}");
    assert!(answer.as_str().unwrap().contains("certificate"), "{answer}");
    let trusting = json!({"type": "api_key", "key_name": "X-Door-Key", "tls": {"ca": "{{ fields['ca'] }}"},
        "fields": [field("key"), pem("ca", false)]});
    let fields = [("key", "door-key-0001"), ("ca", keys.authority.as_str())];
    let trusting = signed_in(&desk, &trusting, &fields).await.unwrap();
    let (_, answer) = knock(&desk, &trusting, http::Method::GET, &door, Body::Empty).await;
    assert!(answer.to_string().contains("type it in again"), "{answer}");
}

#[tokio::test]
async fn certificates_that_cannot_be_used_are_refused_before_anything_is_sent() {
    let desk = desk(false).await;
    let keys = sandbox::keys().unwrap();
    let entry = json!({"type": "mutual_tls", "tls": {"certificate": "{{ fields['certificate'] }}",
            "key": "{{ fields['key'] }}", "passphrase": "{{ fields['passphrase'] }}"},
        "fields": [{"name": "certificate", "label": "c", "format": "lines"},
            {"name": "key", "label": "k", "format": "lines", "secret": true},
            {"name": "passphrase", "label": "p", "secret": true, "optional": true}]});
    let sealed = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----";
    for (certificate, key, expected) in [
        (
            "nothing",
            keys.client_key.as_str(),
            "there is no certificate in it",
        ),
        (
            &keys.client_certificate,
            "nothing",
            "there is no private key in it",
        ),
        (
            &keys.client_certificate,
            sealed,
            "the private key is encrypted",
        ),
    ] {
        let signer = signed_in(&desk, &entry, &[("certificate", certificate), ("key", key)])
            .await
            .unwrap();
        let mut request = RequestParts::new(http::Method::GET, desk.sandbox.base_url());
        let error = signer
            .sign(&mut request, &Access::unattended())
            .await
            .unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn many_requests_at_once_lead_to_one_new_token() {
    let mut desk = desk(false).await;
    desk.clock = crate::sign_in::manual_clock();
    let entry = json!({"type": "client_credentials", "token_url": "BASE/harbor/oauth/token",
        "client_id": "patchbay-basic", "client_secret": "{{ fields['secret'] }}", "token_auth": "basic",
        "fields": [field("secret")]});
    let fields = [("secret", "basic:secret/100%")];
    let signer = Arc::new(signed_in(&desk, &entry, &fields).await.unwrap());
    desk.clock.advance(3_600_000);
    let all = futures_util::future::join_all((0..50).map(|_| {
        let signer = Arc::clone(&signer);
        let url = desk.sandbox.base_url();
        async move {
            let mut request = RequestParts::new(http::Method::GET, url);
            signer
                .sign(&mut request, &Access::unattended())
                .await
                .unwrap();
            request.headers.get("authorization").unwrap().clone()
        }
    }))
    .await;
    assert!(all.iter().all(|header| Some(header) == all.first()));
    assert_eq!(desk.sandbox.counters().harbor.other_grants, 2);
}

#[test]
fn every_entry_of_the_howto_can_be_read() {
    use connectors::declarative::auth_spec::AuthMethod;
    use connectors::declarative::node::{Node, View};
    let howto = include_str!("../../../../docs/howto/add-sign-in.md");
    let mut seen = std::collections::BTreeSet::new();
    for block in howto.split("```yaml\n").skip(1) {
        let yaml = block.split("```").next().unwrap();
        let node = Node::parse("add-sign-in.md", yaml).unwrap();
        AuthMethod::read(&View::root("add-sign-in.md", &node))
            .unwrap_or_else(|error| panic!("{error}\n{yaml}"));
        seen.extend(node.get("type").and_then(Node::as_text).map(str::to_owned));
    }
    // `none` needs no example.
    assert_eq!(seen.len(), 15, "{seen:?}");
}
