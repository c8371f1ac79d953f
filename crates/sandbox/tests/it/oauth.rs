use std::time::Duration;

use axum::{Router, extract::RawQuery, routing::get};
use reqwest::{Method, redirect::Policy};
use sandbox::{
    Options, Platform,
    browser::{self, Visitor},
};
use url::Url;

use crate::remote::{CALLBACK, Remote, VERIFIER, answer, pair, text};

#[tokio::test]
async fn a_scripted_person_signs_in_at_both_platforms() {
    let remote = Remote::new(5).await;
    for (platform, scope, me, user) in [
        (
            Platform::Harbor,
            "contacts.read",
            "/harbor/api/v1/me",
            "/email",
        ),
        (
            Platform::Postino,
            "subscribers:read lists:read",
            "/postino/api/me",
            "/user/email",
        ),
    ] {
        let url = remote.authorize_url(platform, &[("scope", scope)]);
        let callback = Visitor::new().unwrap().walk(&url).await.unwrap();
        assert!(callback.as_str().starts_with(CALLBACK));
        assert_eq!(pair(&callback, "state").as_deref(), Some("st&te=1"));
        let issuer = format!("{}{}", remote.sandbox.base_url(), platform.name());
        assert_eq!(pair(&callback, "iss"), Some(issuer.clone()));

        let (status, tokens) = remote
            .redeem(platform, &pair(&callback, "code").unwrap())
            .await;
        assert_eq!(status, 200, "{tokens}");
        assert_eq!(tokens["token_type"], "Bearer");
        assert_eq!(tokens["expires_in"], 3600);
        assert_eq!(tokens["scope"], scope);
        let response = remote
            .request(Method::GET, me)
            .bearer_auth(text(&tokens, "access_token"));
        let (status, body) = answer(response.send().await.unwrap()).await;
        assert_eq!(status, 200);
        assert!(
            body.pointer(user)
                .unwrap()
                .as_str()
                .unwrap()
                .contains(platform.name())
        );
        assert_eq!(
            body["scopes"].as_array().unwrap().len(),
            scope.split(' ').count()
        );

        let path = format!(
            "/{}/.well-known/oauth-authorization-server",
            platform.name()
        );
        let metadata: serde_json::Value = remote
            .request(Method::GET, &path)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(metadata["issuer"], issuer);
        assert_eq!(metadata["code_challenge_methods_supported"][0], "S256");
    }
    let counters = remote.sandbox.counters();
    assert_eq!(
        (counters.harbor.code_grants, counters.postino.code_grants),
        (1, 1)
    );
}

#[tokio::test]
async fn the_visitor_opens_the_waiting_program() {
    let remote = Remote::new(5).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let redirect = format!("http://{}/callback", listener.local_addr().unwrap());
    let waiting = Router::new().route(
        "/callback",
        get(|RawQuery(query): RawQuery| async move {
            format!("got {}", query.unwrap().contains("code="))
        }),
    );
    let server = tokio::spawn(async move { axum::serve(listener, waiting).await.unwrap() });
    let url = remote.authorize_url(Platform::Harbor, &[("redirect_uri", &redirect)]);
    let landing = browser::sign_in(&url).await.unwrap();
    assert_eq!((landing.status, landing.page.as_str()), (200, "got true"));
    server.abort();
}

#[tokio::test]
async fn another_person_belongs_to_another_account() {
    let remote = Remote::new(5).await;
    let url = remote.authorize_url(Platform::Postino, &[]);
    let visitor = Visitor::new()
        .unwrap()
        .named("jonas@postino.example", "postino-demo");
    let callback = visitor.walk(&url).await.unwrap();
    let (_, tokens) = remote
        .redeem(Platform::Postino, &pair(&callback, "code").unwrap())
        .await;
    let me = remote
        .request(Method::GET, "/postino/api/me")
        .bearer_auth(text(&tokens, "access_token"));
    let (_, me) = answer(me.send().await.unwrap()).await;
    assert_eq!(me["account"]["id"], "acc_p2");
    assert_eq!(
        tokens["scope"], "subscribers:read lists:read campaigns:read",
        "read scopes by default"
    );

    let wrong = Visitor::new()
        .unwrap()
        .named("jonas@postino.example", "guess");
    let refused = wrong
        .walk(&remote.authorize_url(Platform::Postino, &[]))
        .await
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the sign-in stopped: e-mail address or password was refused"
    );
}

#[tokio::test]
async fn a_signed_in_person_is_not_asked_for_the_password_again() {
    let remote = Remote::new(5).await;
    let visitor = Visitor::new().unwrap();
    visitor
        .walk(&remote.authorize_url(Platform::Harbor, &[]))
        .await
        .unwrap();
    let before = remote.sandbox.counters().requests_to("/harbor/oauth/login");
    visitor
        .walk(&remote.authorize_url(Platform::Harbor, &[]))
        .await
        .unwrap();
    assert_eq!(
        remote.sandbox.counters().requests_to("/harbor/oauth/login"),
        before
    );
    let again = remote.authorize_url(Platform::Harbor, &[("prompt", "login")]);
    visitor.walk(&again).await.unwrap();
    assert_eq!(
        remote.sandbox.counters().requests_to("/harbor/oauth/login"),
        before + 1
    );
}

#[tokio::test]
async fn deny_goes_back_with_access_denied() {
    let remote = Remote::new(5).await;
    let url = remote.authorize_url(Platform::Harbor, &[]);
    let callback = Visitor::new()
        .unwrap()
        .who_denies()
        .walk(&url)
        .await
        .unwrap();
    assert_eq!(pair(&callback, "error").as_deref(), Some("access_denied"));
    assert_eq!(pair(&callback, "state").as_deref(), Some("st&te=1"));
    assert!(pair(&callback, "code").is_none());
}

#[tokio::test]
async fn a_faulty_authorize_request_is_sent_back_with_its_error() {
    let remote = Remote::new(5).await;
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .build()
        .unwrap();
    for (name, value, error) in [
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("response_type", "token", "unsupported_response_type"),
        ("scope", "contacts.read everything", "invalid_scope"),
    ] {
        let url = remote.authorize_url(Platform::Harbor, &[(name, value)]);
        let response = client.get(url).send().await.unwrap();
        assert_eq!(response.status(), 303, "{name}={value}");
        let to = Url::parse(response.headers()["location"].to_str().unwrap()).unwrap();
        assert_eq!(pair(&to, "error").as_deref(), Some(error), "{name}={value}");
        assert_eq!(pair(&to, "state").as_deref(), Some("st&te=1"));
        assert!(pair(&to, "iss").is_some());
    }
    for (name, value) in [
        ("redirect_uri", "http://127.0.0.1:50123/other"),
        ("redirect_uri", "http://localhost:50123/callback"),
        ("redirect_uri", "https://evil.example/callback"),
        ("redirect_uri", ""),
        ("client_id", "somebody"),
    ] {
        let url = remote.authorize_url(Platform::Harbor, &[(name, value)]);
        let response = client.get(url).send().await.unwrap();
        assert_eq!(response.status(), 400, "{name}={value}");
        assert!(
            response.headers().get("location").is_none(),
            "never redirected"
        );
    }
}

#[tokio::test]
async fn a_code_needs_its_verifier_its_redirect_and_works_once() {
    let remote = Remote::new(5).await;
    let code = remote.code(Platform::Harbor, "contacts.read").await;
    let form = |code: &str, redirect: &str, verifier: &str, client: &str| {
        [
            ("grant_type", "authorization_code".to_owned()),
            ("client_id", client.to_owned()),
            ("code", code.to_owned()),
            ("redirect_uri", redirect.to_owned()),
            ("code_verifier", verifier.to_owned()),
        ]
    };
    let send = async |form: [(&str, String); 5]| {
        let form: Vec<(&str, &str)> = form
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let (status, body) = remote.token(Platform::Harbor, &form).await;
        (
            status,
            body["error"].as_str().unwrap_or("none").to_owned(),
            body,
        )
    };
    let desktop = "patchbay-desktop";
    let wrong_verifier = "b".repeat(43);
    for (form, status, error) in [
        (form(&code, CALLBACK, "", desktop), 400, "invalid_request"),
        (
            form(&code, CALLBACK, &wrong_verifier, desktop),
            400,
            "invalid_grant",
        ),
        (
            form(&code, "http://127.0.0.1:1/callback", VERIFIER, desktop),
            400,
            "invalid_grant",
        ),
        (
            form("made-up", CALLBACK, VERIFIER, desktop),
            400,
            "invalid_grant",
        ),
        (
            form(&code, CALLBACK, VERIFIER, "somebody"),
            401,
            "invalid_client",
        ),
        (
            form(&code, CALLBACK, VERIFIER, "patchbay-server"),
            401,
            "invalid_client",
        ),
    ] {
        let (got, code, _) = send(form.clone()).await;
        assert_eq!((got, code.as_str()), (status, error), "{form:?}");
    }
    let (status, _, tokens) = send(form(&code, CALLBACK, VERIFIER, desktop)).await;
    assert_eq!(status, 200);
    let access = text(&tokens, "access_token");
    assert_eq!(remote.status_with(&access, "/harbor/api/v1/me").await, 200);
    let (status, error, _) = send(form(&code, CALLBACK, VERIFIER, desktop)).await;
    assert_eq!((status, error.as_str()), (400, "invalid_grant"));
    assert_eq!(
        remote.status_with(&access, "/harbor/api/v1/me").await,
        401,
        "the first tokens end too"
    );
}

#[tokio::test]
async fn a_code_is_gone_after_a_minute() {
    let remote = Remote::new(5).await;
    let code = remote.code(Platform::Harbor, "").await;
    remote.sandbox.advance_clock(Duration::from_secs(61));
    let (status, body) = remote.redeem(Platform::Harbor, &code).await;
    assert_eq!(
        (status, text(&body, "error").as_str()),
        (400, "invalid_grant")
    );
}

#[tokio::test]
async fn refresh_tokens_rotate_and_a_second_use_ends_the_family() {
    let mut options = Options::new(1, 5);
    options.access_token_lifetime = Duration::from_secs(30);
    let remote = Remote::with(options).await;
    let (access, first) = remote.sign_in(Platform::Postino, "subscribers:read").await;
    assert_eq!(
        remote
            .status_with(&access, "/postino/api/subscribers")
            .await,
        200
    );
    remote.sandbox.advance_clock(Duration::from_secs(31));
    let expired = remote
        .request(Method::GET, "/postino/api/subscribers")
        .bearer_auth(&access);
    let expired = expired.send().await.unwrap();
    assert!(
        expired.headers()["www-authenticate"]
            .to_str()
            .unwrap()
            .contains("invalid_token")
    );
    let (status, body) = answer(expired).await;
    assert_eq!(
        (status, body["error"]["code"].as_str()),
        (401, Some("token_expired"))
    );

    let (status, tokens) = remote.refresh(Platform::Postino, &first).await;
    assert_eq!(status, 200);
    let (second_access, second) = (
        text(&tokens, "access_token"),
        text(&tokens, "refresh_token"),
    );
    assert_ne!(first, second);
    assert_eq!(
        remote
            .status_with(&second_access, "/postino/api/subscribers")
            .await,
        200
    );

    let (status, body) = remote.refresh(Platform::Postino, &first).await;
    assert_eq!(
        (status, text(&body, "error").as_str()),
        (400, "invalid_grant")
    );
    let revoked = remote
        .request(Method::GET, "/postino/api/me")
        .bearer_auth(&second_access);
    let (status, body) = answer(revoked.send().await.unwrap()).await;
    assert_eq!(
        (status, body["error"]["code"].as_str()),
        (401, Some("token_revoked"))
    );
    let (status, _) = remote.refresh(Platform::Postino, &second).await;
    assert_eq!(
        status, 400,
        "the newest refresh token is gone with its family"
    );
    let counters = remote.sandbox.counters().postino;
    assert_eq!((counters.refresh_grants, counters.refresh_reuse), (1, 1));
}

#[tokio::test]
async fn a_refresh_may_ask_for_less_but_not_for_more() {
    let remote = Remote::new(5).await;
    let (_, refresh) = remote
        .sign_in(Platform::Harbor, "contacts.read deals.read")
        .await;
    let ask = async |refresh: &str, scope: &str| {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", "patchbay-desktop"),
            ("refresh_token", refresh),
            ("scope", scope),
        ];
        remote.token(Platform::Harbor, &form).await
    };
    let (status, body) = ask(&refresh, "contacts.write").await;
    assert_eq!(
        (status, text(&body, "error").as_str()),
        (400, "invalid_scope")
    );
    let (status, body) = ask(&refresh, "deals.read").await;
    assert_eq!((status, text(&body, "scope").as_str()), (200, "deals.read"));
}

#[tokio::test]
async fn revoking_ends_what_it_names() {
    let remote = Remote::new(5).await;
    let (access, refresh) = remote.sign_in(Platform::Harbor, "contacts.read").await;
    let revoke = async |token: &str| {
        let form = [("token", token), ("client_id", "patchbay-desktop")];
        let request = remote
            .request(Method::POST, "/harbor/oauth/revoke")
            .form(&form);
        answer(request.send().await.unwrap()).await
    };
    assert_eq!(revoke("unknown").await.0, 200);
    assert_eq!(revoke(&access).await.0, 200);
    assert_eq!(remote.status_with(&access, "/harbor/api/v1/me").await, 401);
    let (status, tokens) = remote.refresh(Platform::Harbor, &refresh).await;
    assert_eq!(status, 200, "the access token went alone");
    let (access, refresh) = (
        text(&tokens, "access_token"),
        text(&tokens, "refresh_token"),
    );
    assert_eq!(revoke(&refresh).await.0, 200);
    assert_eq!(remote.status_with(&access, "/harbor/api/v1/me").await, 401);
    assert_eq!(remote.refresh(Platform::Harbor, &refresh).await.0, 400);
    assert_eq!(remote.sandbox.counters().harbor.revocations, 2);
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let remote = Remote::new(5).await;
    let (access, _) = remote.sign_in(Platform::Harbor, "companies.read").await;
    let response = remote
        .request(Method::GET, "/harbor/api/v1/contacts")
        .bearer_auth(&access)
        .send()
        .await
        .unwrap();
    let challenge = response.headers()["www-authenticate"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(challenge.contains("scope=\"contacts.read\""), "{challenge}");
    let (status, body) = answer(response).await;
    assert_eq!(status, 403);
    assert_eq!(body["error"]["missing_scope"], "contacts.read");
}

#[tokio::test]
async fn keys_and_basic_work_where_they_belong() {
    let remote = Remote::new(5).await;
    let ask = async |path: &str, header: (&str, &str)| {
        let request = remote.request(Method::GET, path).header(header.0, header.1);
        request.send().await.unwrap().status().as_u16()
    };
    let basic = ("authorization", "Basic YXBpOmhhcmJvci1iYXNpYy1kZW1v");
    assert_eq!(ask("/harbor/api/v1/contacts", basic).await, 200);
    assert_eq!(ask("/postino/api/subscribers", basic).await, 401);
    assert_eq!(
        ask(
            "/postino/api/subscribers",
            ("x-api-key", "pst_key_demo_0001")
        )
        .await,
        200
    );
    assert_eq!(
        ask(
            "/harbor/api/v1/contacts",
            ("x-api-key", "pst_key_demo_0001")
        )
        .await,
        401
    );
    assert_eq!(
        ask("/postino/api/subscribers", ("x-api-key", "wrong")).await,
        401
    );
    let write = remote.request(Method::DELETE, "/postino/api/subscribers/sub_1001");
    let write = write
        .header("x-api-key", "pst_key_readonly_0001")
        .send()
        .await
        .unwrap();
    assert_eq!(write.status(), 403);
}

#[tokio::test]
async fn other_sites_can_neither_post_nor_borrow_the_address() {
    let remote = Remote::new(5).await;
    let foreign = remote
        .request(Method::POST, "/harbor/change")
        .header("origin", "https://evil.example")
        .form(&[("action", "delete"), ("count", "5")]);
    assert_eq!(foreign.send().await.unwrap().status(), 403);
    let borrowed = remote
        .request(Method::GET, "/control")
        .header("host", "evil.example");
    assert_eq!(borrowed.send().await.unwrap().status(), 403);
    assert_eq!(remote.sandbox.contacts().as_array().unwrap().len(), 5);
}
