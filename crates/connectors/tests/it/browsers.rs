//! Ways to sign in that lead through a browser, other than the usual one.

use connectors::auth::SignInStep;
use connectors::http::{Body, Signer as _};
use connectors::{Access, Error};
use serde_json::{Value, json};

use crate::doors::{desk, field, knock, oauth1, signed_in, stored, with_a_browser};

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
