//! Ways to sign in that get a token without a person at a browser.

use std::sync::Arc;

use connectors::auth::{ConnectionSigner, SignIn};
use connectors::http::{Body, RequestParts, Signer as _};
use connectors::{Access, Error, Result};
use model::ids::ConnectionId;
use model::secret::Secret;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::doors::{check, desk, field, knock, placed, signed_in};
use crate::sign_in::described;

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
