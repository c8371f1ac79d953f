//! Signing in through a browser, against the sandbox's own OAuth server.

use std::time::Duration;

use connectors::auth::{CredentialKind, Credentials, SignIn, SignInStep, disconnect};
use connectors::http::{RequestParts, Signer as _};
use connectors::{Access, Error};
use model::ids::ConnectionId;
use sandbox::browser::Visitor;
use sandbox::{Fault, FaultRule, Platform};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::sign_in::{Desk, Flow, failed, get, names, oauth, send, soon};

#[tokio::test]
async fn a_person_signs_in_and_the_tokens_are_stored() {
    let desk = Desk::new().await;
    let flow = Flow::start(desk.options(desk.harbor())).await;
    let steps = flow.steps();
    let (landing, signed_in) =
        tokio::join!(sandbox::browser::sign_in(&flow.url), flow.sign_in.finish());
    let landing = landing.unwrap();
    assert_eq!(landing.status, 200);
    assert!(
        landing.page.contains("You are signed in to Harbor CRM"),
        "{}",
        landing.page
    );
    assert!(landing.page.contains("You can close this window"));
    assert!(
        !landing.page.contains("http"),
        "the page loads nothing: {}",
        landing.page
    );

    let connection = ConnectionId::new();
    let stored = signed_in
        .unwrap()
        .store(&desk.keeper, connection)
        .await
        .unwrap();
    assert_eq!(stored.version, 1);
    assert_eq!(
        names(&steps),
        [
            "OpeningBrowser",
            "WaitingForPerson",
            "RedirectReceived",
            "ExchangingCode",
            "Storing",
            "Done"
        ]
    );
    let (version, set) = desk.stored(connection).await;
    assert_eq!(version, 1);
    assert_eq!(set.scopes, ["contacts.read", "companies.read"]);
    assert_eq!(set.expires_at, Some(desk.clock.now() + 3_600_000));
    assert!(set.refresh.is_some());
    assert_eq!(desk.sandbox.counters().harbor.code_grants, 1);
}

#[tokio::test]
async fn the_tokens_open_the_api() {
    let desk = Desk::new().await;
    let connection = desk.connected().await;
    assert_eq!(me(&desk, &desk.signer(connection)).await, 200);
}

#[tokio::test]
async fn two_sign_ins_at_once_both_come_to_their_end() {
    let desk = Desk::new().await;
    let harbor = Flow::start(desk.options(desk.harbor())).await;
    let postino = Flow::start(desk.options(desk.postino())).await;
    assert_ne!(harbor.port(), postino.port());
    let (postino, harbor) = tokio::join!(postino.visited(), harbor.visited());
    assert_eq!(harbor.unwrap().scopes, ["contacts.read", "companies.read"]);
    assert_eq!(
        postino.unwrap().scopes,
        ["subscribers:read", "subscribers:write"]
    );
}

#[tokio::test]
async fn a_wrong_state_is_refused_and_the_right_one_still_accepted() {
    let desk = Desk::new().await;
    let flow = Flow::start(desk.options(desk.harbor())).await;
    let address = format!("127.0.0.1:{}", flow.port());
    for target in [
        "/callback?code=stolen&state=wrong",
        "/callback?code=stolen",
        "/callback?code=stolen&state=",
        "/callback?error=access_denied&state=wrong",
        "/callback",
    ] {
        let (status, page) = get(&address, target, &address).await;
        assert_eq!(status, 400, "{target}");
        assert!(
            page.contains("not the sign-in that Patchbay waits for"),
            "{page}"
        );
        assert!(!page.contains("stolen"), "{page}");
    }
    let state = flow
        .url
        .query_pairs()
        .find(|(name, _)| name == "state")
        .unwrap()
        .1
        .into_owned();
    let twice = format!("/callback?code=stolen&state={state}&state={state}");
    assert_eq!(get(&address, &twice, &address).await.0, 400);
    assert_eq!(get(&address, "/favicon.ico", &address).await.0, 404);
    assert_eq!(
        get(&address, "/callback?code=a", "evil.example").await.0,
        400
    );
    let post = format!("POST /callback HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(send(&address, &post).await.0, 405);
    flow.visited().await.unwrap();
    assert_eq!(desk.sandbox.counters().harbor.code_grants, 1);
}

#[tokio::test]
async fn a_request_without_an_end_is_cut_off() {
    let desk = Desk::new().await;
    let flow = Flow::start(desk.options(desk.harbor())).await;
    let address = format!("127.0.0.1:{}", flow.port());
    let (status, _) = send(
        &address,
        &format!("GET /callback?x={} HTTP/1.1", "y".repeat(20_000)),
    )
    .await;
    assert_eq!(status, 431);
    flow.visited().await.unwrap();
}

#[tokio::test]
async fn the_browser_may_come_back_by_ipv6() {
    let desk = Desk::new().await;
    let flow = Flow::start(desk.options(desk.harbor())).await;
    let port = flow.port();
    if TcpListener::bind(("::1", 0)).await.is_err() {
        crate::say("Skipped: this computer has no IPv6.");
        return;
    }
    let back = Visitor::new().unwrap().walk(&flow.url).await.unwrap();
    let target = format!("{}?{}", back.path(), back.query().unwrap());
    let address = format!("[::1]:{port}");
    let (answer, signed_in) = tokio::join!(get(&address, &target, &address), flow.sign_in.finish());
    assert_eq!(answer.0, 200);
    signed_in.unwrap();
}

#[tokio::test]
async fn the_answer_of_another_issuer_is_refused() {
    let desk = Desk::new().await;
    let mut method = desk.harbor();
    oauth(&mut method).issuer = Some("https://harbor.example".into());
    let flow = Flow::start(desk.options(method)).await;
    let (landing, result) =
        tokio::join!(sandbox::browser::sign_in(&flow.url), flow.sign_in.finish());
    let reason = failed(result.unwrap_err());
    assert!(
        reason.contains("instead of https://harbor.example"),
        "{reason}"
    );
    assert!(landing.unwrap().page.contains("is not connected"));
    assert_eq!(
        desk.sandbox.counters().harbor.code_grants,
        0,
        "the code was not sent anywhere"
    );

    let flow = Flow::start(desk.options(desk.harbor())).await;
    let mut back = Visitor::new().unwrap().walk(&flow.url).await.unwrap();
    let kept: Vec<(String, String)> = back
        .query_pairs()
        .filter(|(name, _)| name != "iss")
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    back.query_pairs_mut().clear().extend_pairs(kept);
    flow.sign_in
        .handle()
        .complete_with_url(back.as_str())
        .unwrap();
    let reason = failed(flow.sign_in.finish().await.unwrap_err());
    assert!(reason.contains("names nobody as its issuer"), "{reason}");
}

#[tokio::test]
async fn a_denied_consent_is_said_in_words() {
    let desk = Desk::new().await;
    let flow = Flow::start(desk.options(desk.harbor())).await;
    let visitor = Visitor::new().unwrap().who_denies();
    let (landing, result) = tokio::join!(visitor.sign_in(&flow.url), flow.sign_in.finish());
    let landing = landing.unwrap();
    assert_eq!(landing.status, 400);
    assert!(landing.page.contains("Harbor CRM is not connected"));
    insta::assert_snapshot!(failed(result.unwrap_err()), @"access was denied at Harbor CRM, so nothing was connected; start it again and choose to allow it");
}

#[tokio::test]
async fn nobody_comes_within_the_limit() {
    let desk = Desk::new().await;
    let mut options = desk.options(desk.harbor());
    options.limit = Duration::from_millis(30);
    let flow = Flow::start(options).await;
    let until = desk.clock.now() + 30;
    assert!(
        flow.steps
            .lock()
            .unwrap()
            .contains(&SignInStep::WaitingForPerson { until })
    );
    let address = format!("127.0.0.1:{}", flow.port());
    let reason = failed(flow.sign_in.finish().await.unwrap_err());
    insta::assert_snapshot!(reason, @"nobody signed in to Harbor CRM within 30 ms; start it again");
    closed(&address).await;
}

#[tokio::test]
async fn a_cancelled_sign_in_ends_at_once_and_frees_the_port() {
    let desk = Desk::new().await;
    let flow = Flow::start(desk.options(desk.harbor())).await;
    let address = format!("127.0.0.1:{}", flow.port());
    let handle = flow.sign_in.handle();
    let (result, ()) = tokio::join!(flow.sign_in.finish(), async { handle.cancel() });
    assert!(matches!(result.unwrap_err(), Error::Cancelled));
    closed(&address).await;
}

#[tokio::test]
async fn a_port_in_use_leads_to_the_next_one_and_a_message() {
    let desk = Desk::new().await;
    let busy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let wanted = busy.local_addr().unwrap().port();
    let mut method = desk.harbor();
    oauth(&mut method).redirect_port = Some(wanted);
    let flow = Flow::start(desk.options(method)).await;
    let used = flow.port();
    assert_ne!(used, wanted);
    assert_eq!(
        flow.steps.lock().unwrap().first(),
        Some(&SignInStep::PortTaken { wanted, used })
    );
    flow.visited().await.unwrap();
}

#[tokio::test]
async fn the_wanted_port_is_used_when_it_is_free() {
    let desk = Desk::new().await;
    let free = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut method = desk.harbor();
    oauth(&mut method).redirect_port = Some(free);
    let flow = Flow::start(desk.options(method)).await;
    assert_eq!(flow.port(), free);
    flow.visited().await.unwrap();
}

#[tokio::test]
async fn the_final_address_can_be_pasted() {
    let desk = Desk::new().await;
    let flow = Flow::start(desk.options(desk.harbor())).await;
    let back = Visitor::new().unwrap().walk(&flow.url).await.unwrap();
    let handle = flow.sign_in.handle();
    for (text, expected) in [
        ("", "this is not an address"),
        ("hello", "this is not an address"),
        (
            "http://127.0.0.1:1/callback?code=1&state=other",
            "its state belongs to another sign-in",
        ),
        ("http://127.0.0.1:1/callback", "it carries no state"),
        (flow.url.as_str(), "it carries neither a code nor an error"),
    ] {
        let reason = failed(handle.complete_with_url(text).unwrap_err());
        assert!(reason.contains(expected), "{text:?}: {reason}");
        assert!(reason.contains("copy the whole address"), "{reason}");
    }
    handle.complete_with_url(&format!("  <{back}>\n")).unwrap();
    let signed_in = flow.sign_in.finish().await.unwrap();
    assert_eq!(signed_in.tokens.scopes.len(), 2);
}

#[tokio::test]
async fn a_browser_that_does_not_open_leaves_the_address_to_the_person() {
    let desk = Desk::new().await;
    let (sender, receiver) = std::sync::mpsc::channel();
    let sign_in = SignIn::start(
        desk.options(desk.harbor()),
        |_| Err("no browser is installed".into()),
        move |step| sender.send(step).unwrap(),
        CancellationToken::new(),
    )
    .await
    .unwrap();
    let url = sign_in.handle().url().unwrap().clone();
    let steps: Vec<SignInStep> = receiver.try_iter().collect();
    assert!(steps.contains(&SignInStep::OpenItYourself {
        url: url.to_string(),
        reason: "no browser is installed".into()
    }));
    let (_, signed_in) = tokio::join!(sandbox::browser::sign_in(&url), sign_in.finish());
    signed_in.unwrap();
}

#[tokio::test]
async fn a_platform_that_is_busy_for_a_moment_still_gives_the_tokens() {
    let desk = Desk::new().await;
    desk.sandbox.set_faults(vec![
        FaultRule {
            limit: Some(1),
            ..FaultRule::new(Fault::Status {
                status: 503,
                retry_after: Some(0),
                after_write: false,
            })
        }
        .on("POST", "/harbor/oauth/token"),
    ]);
    Flow::start(desk.options(desk.harbor()))
        .await
        .visited()
        .await
        .unwrap();
    assert_eq!(desk.sandbox.counters().harbor.code_grants, 1);
}

#[tokio::test]
async fn errors_of_the_platform_say_what_to_do() {
    let desk = Desk::new().await;
    let mut scope = desk.harbor();
    oauth(&mut scope).endpoint.scopes = vec!["everything".into()];
    let flow = Flow::start(desk.options(scope)).await;
    let (_, result) = tokio::join!(sandbox::browser::sign_in(&flow.url), flow.sign_in.finish());
    let reason = failed(result.unwrap_err());
    assert!(reason.contains("does not know a permission"), "{reason}");

    let mut secret = desk.harbor();
    let spec = oauth(&mut secret);
    spec.endpoint.client_id = "patchbay-server".into();
    spec.endpoint.client_secret = Some("wrong-secret-0001".into());
    spec.endpoint.token_auth = connectors::declarative::auth_spec::TokenAuth::Basic;
    let flow = Flow::start(desk.options(secret.clone())).await;
    let (_, result) = tokio::join!(sandbox::browser::sign_in(&flow.url), flow.sign_in.finish());
    let reason = failed(result.unwrap_err());
    assert!(reason.contains("check client id and secret"), "{reason}");
    assert!(!reason.contains("wrong-secret"), "{reason}");

    for token_auth in ["basic", "body"] {
        let spec = oauth(&mut secret);
        spec.endpoint.client_secret = Some("patchbay-server-secret".into());
        spec.endpoint.token_auth = serde_json::from_value(token_auth.into()).unwrap();
        Flow::start(desk.options(secret.clone()))
            .await
            .visited()
            .await
            .unwrap();
    }

    let mut page = desk.harbor();
    oauth(&mut page).endpoint.token_url = desk.sandbox.harbor_url().to_string();
    let reason = failed(
        Flow::start(desk.options(page))
            .await
            .visited()
            .await
            .unwrap_err(),
    );
    assert!(!reason.contains("<"), "{reason}");
}

#[tokio::test]
async fn a_description_that_would_leak_tokens_is_refused() {
    let desk = Desk::new().await;
    for (place, change) in [
        ("token_url", "http://harbor.example/token"),
        ("token_url", "nonsense"),
        ("authorize_url", "http://harbor.example/authorize"),
    ] {
        let mut method = desk.harbor();
        let spec = oauth(&mut method);
        match place {
            "token_url" => spec.endpoint.token_url = change.into(),
            _ => spec.authorize_url = change.into(),
        }
        let error = Flow::try_start(desk.options(method)).await.err().unwrap();
        assert!(
            matches!(&error, Error::Misconfigured { place: at, .. } if at == place),
            "{error}"
        );
    }
}

#[tokio::test]
async fn signing_in_again_replaces_the_old_set() {
    let desk = Desk::new().await;
    let connection = desk.connected().await;
    let (_, first) = desk.stored(connection).await;
    let tokens = Flow::start(desk.options(desk.harbor()))
        .await
        .visited()
        .await
        .unwrap();
    let stored = Credentials::replace(&desk.keeper, connection, CredentialKind::OAuth(tokens))
        .await
        .unwrap();
    assert_eq!(stored.version, 2);
    assert_ne!(desk.stored(connection).await.1.access, first.access);
}

#[tokio::test]
async fn disconnecting_gives_the_tokens_back_and_forgets_them() {
    let desk = Desk::new().await;
    let connection = desk.connected().await;
    let signer = desk.signer(connection);
    assert_eq!(me(&desk, &signer).await, 200);
    let note = disconnect(&desk.keeper, connection, "Harbor CRM", &desk.harbor())
        .await
        .unwrap();
    assert_eq!(note, None);
    assert_eq!(
        me(&desk, &signer).await,
        401,
        "the platform has ended the access"
    );
    assert_eq!(
        Credentials::load(&desk.keeper, connection).await.unwrap(),
        None
    );

    let connection = desk.connected().await;
    desk.sandbox.set_faults(vec![
        FaultRule::new(Fault::Status {
            status: 500,
            retry_after: None,
            after_write: false,
        })
        .on("POST", "/harbor/oauth/revoke"),
    ]);
    let note = disconnect(&desk.keeper, connection, "Harbor CRM", &desk.harbor())
        .await
        .unwrap()
        .unwrap();
    assert!(
        note.contains("remove Patchbay in your account there"),
        "{note}"
    );
    assert_eq!(
        Credentials::load(&desk.keeper, connection).await.unwrap(),
        None
    );
}

/// The status that Harbor gives to a signed request for who is signed in.
pub(crate) async fn me(desk: &Desk, signer: &connectors::auth::ConnectionSigner) -> u16 {
    let base = desk.sandbox.base_url();
    let mut request = RequestParts::new(http::Method::GET, base.join("harbor/api/v1/me").unwrap());
    signer
        .sign(&mut request, &Access::unattended())
        .await
        .unwrap();
    let address = format!("127.0.0.1:{}", base.port().unwrap());
    let headers: String = request
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap()))
        .collect();
    let text = format!(
        "GET {} HTTP/1.1\r\nHost: {address}\r\n{headers}Connection: close\r\n\r\n",
        request.url.path()
    );
    send(&address, &text).await.0
}

/// Waits until nobody listens there any more.
async fn closed(address: &str) {
    soon("the port is free", || {
        std::net::TcpStream::connect(address).is_err()
    })
    .await;
}

#[tokio::test]
async fn tokens_are_found_in_no_log_no_debug_text_and_no_error() {
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);
    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let desk = Desk::new().await;
    let mut shown = String::new();
    let flow = Flow::start(desk.options(desk.harbor())).await;
    shown += &format!("{:?} {:?}", flow.sign_in, flow.sign_in.handle());
    let (landing, signed_in) =
        tokio::join!(sandbox::browser::sign_in(&flow.url), flow.sign_in.finish());
    let code = landing
        .unwrap()
        .url
        .query_pairs()
        .find(|(name, _)| name == "code")
        .unwrap()
        .1
        .into_owned();
    let signed_in = signed_in.unwrap();
    shown += &format!("{signed_in:?}");
    let connection = ConnectionId::new();
    let first = signed_in.store(&desk.keeper, connection).await.unwrap();
    shown += &format!("{first:?} {:?}", desk.keeper);
    let signer = desk.signer(connection);
    let mut request = RequestParts::new(http::Method::GET, desk.sandbox.base_url());
    signer
        .sign(&mut request, &Access::unattended())
        .await
        .unwrap();
    assert!(signer.renew(&Access::unattended()).await.unwrap());
    shown += &format!("{signer:?} {request:?}");
    let mut secrets: Vec<String> = signer
        .secrets()
        .iter()
        .map(|secret| secret.reveal().to_owned())
        .collect();
    assert_eq!(secrets.len(), 4, "the old set and the new one");
    desk.sandbox.revoke_tokens(Platform::Harbor);
    let error = signer.renew(&Access::unattended()).await.unwrap_err();
    shown += &format!("{error} {error:?}");
    secrets.push(code);

    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(
        log.contains("The sign-in was renewed."),
        "the log is listened to"
    );
    // The sandbox is in the same process and must be allowed to know its own tokens.
    let ours: String = log
        .lines()
        .filter(|line| !line.contains("sandbox"))
        .collect();
    for secret in secrets {
        assert!(secret.len() > 10);
        assert!(!ours.contains(&secret), "a secret is in the log");
        assert!(!shown.contains(&secret), "a secret is in {shown}");
    }
}
