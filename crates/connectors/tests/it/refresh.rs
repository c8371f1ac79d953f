//! Renewing a sign-in: once, by whoever comes first, and never losing what the platform gave.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use connectors::auth::{CredentialKind, Credentials};
use connectors::http::{RequestParts, Signer as _};
use connectors::secrets::BackendChoice;
use connectors::{Access, Error};
use model::clock::Clock;
use model::ids::ConnectionId;
use model::secret::Secret;
use sandbox::{Fault, FaultRule, Platform};
use url::Url;

use crate::oauth::me;
use crate::sign_in::{Desk, Flow, keeper, manual_clock, method, oauth, signer, soon};

const HOUR: i64 = 3_600_000;

fn request() -> RequestParts {
    RequestParts::new(http::Method::GET, Url::parse("https://p.example/").unwrap())
}

fn authorization(request: &RequestParts) -> String {
    request.headers["authorization"]
        .to_str()
        .unwrap()
        .to_owned()
}

fn on_token(fault: Fault) -> FaultRule {
    FaultRule::new(fault).on("POST", "/harbor/oauth/token")
}

fn status(status: u16) -> Fault {
    Fault::Status {
        status,
        retry_after: None,
        after_write: false,
    }
}

fn vault() -> BackendChoice {
    BackendChoice::Vault { passphrase: None }
}

#[tokio::test]
async fn a_fresh_token_is_used_as_it_is() {
    let desk = Desk::new().await;
    let signer = desk.signer(desk.connected().await);
    desk.clock.advance(HOUR - 60_001);
    signer
        .sign(&mut request(), &Access::unattended())
        .await
        .unwrap();
    assert_eq!(desk.sandbox.counters().harbor.refresh_grants, 0);
    desk.clock.advance(1);
    signer
        .sign(&mut request(), &Access::unattended())
        .await
        .unwrap();
    assert_eq!(
        desk.sandbox.counters().harbor.refresh_grants,
        1,
        "a minute before its end"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_requests_on_an_expired_token_lead_to_one_refresh() {
    let desk = Desk::new().await;
    let connection = desk.connected().await;
    let one = desk.signer(connection);
    // Another sync has a signer of its own.
    let other = desk.signer(connection);
    desk.clock.advance(HOUR);
    let tasks: Vec<_> = (0..100)
        .map(|n| {
            let signer = if n % 3 == 0 {
                other.clone()
            } else {
                one.clone()
            };
            tokio::spawn(async move {
                let mut request = request();
                signer
                    .sign(&mut request, &Access::unattended())
                    .await
                    .unwrap();
                authorization(&request)
            })
        })
        .collect();
    let mut seen = std::collections::BTreeSet::new();
    for task in tasks {
        seen.insert(task.await.unwrap());
    }
    assert_eq!(seen.len(), 1, "all have the same token");
    let counters = desk.sandbox.counters().harbor;
    assert_eq!((counters.refresh_grants, counters.refresh_reuse), (1, 0));
    assert_eq!(desk.stored(connection).await.0, 2);
    assert_eq!(me(&desk, &one).await, 200);
}

#[tokio::test]
async fn many_requests_refused_at_once_lead_to_one_refresh() {
    let desk = Desk::new().await;
    let signer = desk.signer(desk.connected().await);
    let access = Access::unattended();
    let mut refused = Vec::new();
    for _ in 0..20 {
        let mut request = request();
        signer.sign(&mut request, &access).await.unwrap();
        refused.push(request);
    }
    desk.sandbox.expire_tokens(Platform::Harbor);
    for request in &mut refused {
        assert!(signer.renew_after(request, &access).await.unwrap());
        signer.sign(request, &access).await.unwrap();
    }
    assert_eq!(desk.sandbox.counters().harbor.refresh_grants, 1);
    assert_eq!(me(&desk, &signer).await, 200);
    assert!(signer.renew_after(&refused[0], &access).await.unwrap());
    assert_eq!(
        desk.sandbox.counters().harbor.refresh_grants,
        2,
        "this time the newest was refused"
    );
}

#[tokio::test]
async fn a_passing_fault_is_tried_again() {
    for fault in [status(503), status(500), status(429), Fault::Html] {
        let desk = Desk::new().await;
        let signer = desk.signer(desk.connected().await);
        desk.sandbox.set_faults(vec![FaultRule {
            limit: Some(2),
            ..on_token(fault.clone())
        }]);
        desk.clock.advance(HOUR);
        let result = signer.sign(&mut request(), &Access::unattended()).await;
        result.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert_eq!(
            desk.sandbox.counters().harbor.refresh_grants,
            1,
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_lost_on_the_way_ends_in_a_sign_in_and_not_in_a_loop() {
    let desk = Desk::new().await;
    let connection = desk.connected().await;
    let signer = desk.signer(connection);
    desk.sandbox.set_faults(vec![FaultRule {
        limit: Some(1),
        ..on_token(Fault::LostAnswer)
    }]);
    desk.clock.advance(HOUR);
    desk.sandbox.reset_counters();
    for _ in 0..3 {
        let error = signer
            .sign(&mut request(), &Access::unattended())
            .await
            .unwrap_err();
        assert!(matches!(error, Error::SignInNeeded { .. }), "{error}");
    }
    let counters = desk.sandbox.counters();
    assert_eq!(
        counters.requests_to("/harbor/oauth/token"),
        2,
        "the lost one and one more"
    );
}

#[tokio::test]
async fn a_lasting_fault_leaves_the_connection_as_it_was() {
    for (fault, limited) in [
        (status(503), false),
        (status(429), true),
        (Fault::Html, false),
    ] {
        let desk = Desk::new().await;
        let connection = desk.connected().await;
        let before = desk.stored(connection).await;
        let signer = desk.signer(connection);
        desk.sandbox.set_faults(vec![on_token(fault.clone())]);
        desk.clock.advance(HOUR);
        let error = signer
            .sign(&mut request(), &Access::unattended())
            .await
            .unwrap_err();
        assert!(error.is_transient(), "{fault:?}: {error}");
        assert_eq!(
            matches!(error, Error::RateLimited { .. }),
            limited,
            "{fault:?}"
        );
        assert_eq!(desk.stored(connection).await, before);
        desk.sandbox.set_faults(Vec::new());
        signer
            .sign(&mut request(), &Access::unattended())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_platform_that_is_gone_is_unavailable_and_all_who_wait_hear_it_once() {
    let desk = Desk::new().await;
    let connection = desk.connected().await;
    let signer = desk.signer(connection);
    desk.sandbox.set_faults(vec![on_token(status(503))]);
    desk.sandbox.reset_counters();
    desk.clock.advance(HOUR);
    let (access, attempts) = (Access::unattended(), 4);
    let results = futures_util::future::join_all((0..10).map(|_| {
        let (signer, access) = (signer.clone(), access.clone());
        async move { signer.sign(&mut request(), &access).await }
    }))
    .await;
    assert!(
        results
            .iter()
            .all(|result| matches!(result, Err(Error::Unavailable { .. })))
    );
    assert_eq!(
        desk.sandbox.counters().requests_to("/harbor/oauth/token"),
        attempts
    );

    let mut gone = desk.harbor();
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    oauth(&mut gone).endpoint.token_url = format!("http://{free}/token");
    let signer = signer_for(&desk, connection, gone);
    let error = signer
        .sign(&mut request(), &Access::unattended())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

fn signer_for(
    desk: &Desk,
    connection: ConnectionId,
    method: connectors::declarative::auth_spec::AuthMethod,
) -> connectors::auth::ConnectionSigner {
    signer(&desk.keeper, connection, method, desk.clock.clone())
}

#[tokio::test]
async fn a_grant_that_has_ended_asks_for_a_sign_in_and_keeps_what_is_stored() {
    let desk = Desk::new().await;
    let connection = desk.connected().await;
    let before = desk.stored(connection).await;
    let signer = desk.signer(connection);
    desk.sandbox.revoke_tokens(Platform::Harbor);
    desk.clock.advance(HOUR);
    desk.sandbox.reset_counters();
    for _ in 0..3 {
        let error = signer
            .sign(&mut request(), &Access::unattended())
            .await
            .unwrap_err();
        assert!(matches!(error, Error::SignInNeeded { .. }), "{error}");
    }
    assert_eq!(
        desk.sandbox.counters().requests_to("/harbor/oauth/token"),
        1,
        "asked once, then known"
    );
    assert_eq!(desk.stored(connection).await, before);
    // Platforms err at times: after a while it is asked once more.
    desk.clock.advance(HOUR);
    signer
        .sign(&mut request(), &Access::unattended())
        .await
        .unwrap_err();
    assert_eq!(
        desk.sandbox.counters().requests_to("/harbor/oauth/token"),
        2
    );

    // The person signs in again: the same signer goes on.
    let tokens = Flow::start(desk.options(desk.harbor()))
        .await
        .visited()
        .await
        .unwrap();
    Credentials::replace(&desk.keeper, connection, CredentialKind::OAuth(tokens))
        .await
        .unwrap();
    assert_eq!(me(&desk, &signer).await, 200);
}

#[tokio::test]
async fn without_a_refresh_token_an_ended_access_asks_for_a_sign_in() {
    let desk = Desk::new().await;
    let connection = desk.connected().await;
    let (_, mut set) = desk.stored(connection).await;
    set.refresh = None;
    Credentials::replace(&desk.keeper, connection, CredentialKind::OAuth(set))
        .await
        .unwrap();
    let signer = desk.signer(connection);
    signer
        .sign(&mut request(), &Access::unattended())
        .await
        .unwrap();
    desk.clock.advance(HOUR);
    let error = signer
        .sign(&mut request(), &Access::unattended())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::SignInNeeded { .. }), "{error}");
    let nobody = desk.signer(ConnectionId::new());
    let error = nobody
        .sign(&mut request(), &Access::unattended())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::SignInNeeded { .. }), "{error}");
}

#[tokio::test]
async fn a_set_that_somebody_else_renewed_is_taken_over_without_asking() {
    let desk = Desk::new().await;
    let connection = desk.connected().await;
    let (one, other) = (desk.signer(connection), desk.signer(connection));
    one.sign(&mut request(), &Access::unattended())
        .await
        .unwrap();
    other
        .sign(&mut request(), &Access::unattended())
        .await
        .unwrap();
    desk.clock.advance(HOUR);
    let mut first = request();
    one.sign(&mut first, &Access::unattended()).await.unwrap();
    let mut second = request();
    other
        .sign(&mut second, &Access::unattended())
        .await
        .unwrap();
    assert_eq!(authorization(&first), authorization(&second));
    assert_eq!(desk.sandbox.counters().harbor.refresh_grants, 1);
}

#[tokio::test]
async fn what_was_typed_in_cannot_be_renewed_but_typed_in_again() {
    let desk = Desk::new().await;
    let connection = ConnectionId::new();
    let typed = |token: &str| CredentialKind::Bearer {
        token: Secret::new(token),
    };
    Credentials::replace(&desk.keeper, connection, typed("one"))
        .await
        .unwrap();
    let signer = desk.signer(connection);
    let mut refused = request();
    signer
        .sign(&mut refused, &Access::unattended())
        .await
        .unwrap();
    let error = signer
        .renew_after(&refused, &Access::unattended())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::SignInNeeded { .. }), "{error}");
    Credentials::replace(&desk.keeper, connection, typed("two"))
        .await
        .unwrap();
    assert!(
        signer
            .renew_after(&refused, &Access::unattended())
            .await
            .unwrap()
    );
    let mut request = request();
    signer
        .sign(&mut request, &Access::unattended())
        .await
        .unwrap();
    assert_eq!(authorization(&request), "Bearer two");
}

#[tokio::test]
async fn a_cancelled_request_does_not_lose_the_token_that_was_exchanged() {
    let desk = Desk::new().await;
    let connection = desk.connected().await;
    let signer = desk.signer(connection);
    desk.sandbox
        .set_faults(vec![on_token(Fault::Slow { ms: 100 })]);
    desk.clock.advance(HOUR);
    let access = Access::unattended();
    access.cancel.cancel();
    let error = signer.sign(&mut request(), &access).await.unwrap_err();
    assert!(matches!(error, Error::Cancelled), "{error}");

    let access = Access::unattended();
    let mut stopped = request();
    let (result, ()) = tokio::join!(signer.sign(&mut stopped, &access), async {
        // The refresh is under way as soon as its lock is held.
        locked(&lock_file(desk.dir.path(), connection)).await;
        access.cancel.cancel();
    });
    assert!(matches!(result.unwrap_err(), Error::Cancelled));
    signer
        .sign(&mut request(), &Access::unattended())
        .await
        .unwrap();
    let counters = desk.sandbox.counters().harbor;
    assert_eq!((counters.refresh_grants, counters.refresh_reuse), (1, 0));
    assert_eq!(me(&desk, &signer).await, 200);
}

#[tokio::test]
async fn the_new_set_is_stored_before_it_is_used() {
    let desk = Desk::with(vault(), manual_clock()).await;
    let connection = desk.connected().await;
    let signer = desk.signer(connection);
    signer
        .sign(&mut request(), &Access::unattended())
        .await
        .unwrap();
    desk.clock.advance(HOUR);
    // Where the vault wants to put its next version there is a folder in the way.
    let obstacle = desk.dir.path().join("vault.bin.new");
    std::fs::create_dir(&obstacle).unwrap();
    let mut unsigned = request();
    let error = signer
        .sign(&mut unsigned, &Access::unattended())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Secrets { .. }), "{error}");
    assert!(
        unsigned.headers.is_empty(),
        "a token that is not stored is not used"
    );
    assert_eq!(desk.stored(connection).await.0, 1);

    std::fs::remove_dir(&obstacle).unwrap();
    signer
        .sign(&mut unsigned, &Access::unattended())
        .await
        .unwrap();
    let counters = desk.sandbox.counters().harbor;
    assert_eq!(
        (counters.refresh_grants, counters.refresh_reuse),
        (1, 0),
        "it was kept, not asked for again"
    );
    assert_eq!(desk.stored(connection).await.0, 2);
    assert_eq!(me(&desk, &signer).await, 200);
}

#[tokio::test]
async fn several_processes_on_an_expired_token_lead_to_one_refresh() {
    let desk = Desk::with(vault(), Clock::system()).await;
    let connection = expired(&desk).await;
    desk.sandbox
        .set_faults(vec![on_token(Fault::Slow { ms: 150 })]);
    let children: Vec<Child> = (0..4).map(|_| process(&desk, connection, "sign")).collect();
    let signer = desk.signer(connection);
    signer
        .sign(&mut request(), &Access::unattended())
        .await
        .unwrap();
    for child in children {
        ended_well(child).await;
    }
    let counters = desk.sandbox.counters().harbor;
    assert_eq!((counters.refresh_grants, counters.refresh_reuse), (1, 0));
    assert_eq!(me(&desk, &signer).await, 200);
}

#[tokio::test]
async fn a_process_killed_while_it_waits_for_the_platform_blocks_nobody() {
    let desk = Desk::with(vault(), Clock::system()).await;
    let connection = expired(&desk).await;
    desk.sandbox.set_faults(vec![FaultRule {
        limit: Some(1),
        ..on_token(Fault::Slow { ms: 60_000 })
    }]);
    let mut child = process(&desk, connection, "sign");
    soon("the platform was asked", || {
        !desk.sandbox.counters().faults.is_empty()
    })
    .await;
    locked(&lock_file(desk.dir.path(), connection)).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let signer = desk.signer(connection);
    signer
        .sign(&mut request(), &Access::unattended())
        .await
        .unwrap();
    assert_eq!(me(&desk, &signer).await, 200);
}

#[tokio::test]
async fn a_process_killed_between_storing_and_using_leaves_a_working_set() {
    let desk = Desk::with(vault(), Clock::system()).await;
    let connection = expired(&desk).await;
    let (before, _) = desk.stored(connection).await;
    let status = tokio::task::spawn_blocking({
        let mut child = process(&desk, connection, "sign and die");
        move || child.wait().unwrap()
    })
    .await
    .unwrap();
    assert!(!status.success());
    assert_eq!(desk.stored(connection).await.0, before + 1);
    let signer = desk.signer(connection);
    assert_eq!(me(&desk, &signer).await, 200);
    signer
        .keep_alive(true, &Access::unattended())
        .await
        .unwrap();
    let counters = desk.sandbox.counters().harbor;
    assert_eq!(
        (counters.refresh_grants, counters.refresh_reuse),
        (2, 0),
        "the stored refresh token works too"
    );
}

#[tokio::test]
async fn a_refusal_by_something_in_between_is_not_the_end_of_the_grant() {
    for (code, ended) in [
        (400, true),
        (401, true),
        (403, true),
        (404, false),
        (407, false),
        (451, false),
    ] {
        let desk = Desk::new().await;
        let signer = desk.signer(desk.connected().await);
        desk.sandbox.set_faults(vec![on_token(status(code))]);
        desk.clock.advance(HOUR);
        let error = signer
            .sign(&mut request(), &Access::unattended())
            .await
            .unwrap_err();
        assert_eq!(
            matches!(error, Error::SignInNeeded { .. }),
            ended,
            "{code}: {error}"
        );
        assert_eq!(error.is_transient(), !ended, "{code}: {error}");
    }
}

#[tokio::test]
async fn credentials_that_cannot_be_read_are_an_error_until_somebody_signs_in_again() {
    let desk = Desk::new().await;
    let connection = desk.connected().await;
    let entry = format!("connection/{connection}");
    let good = desk.keeper.get(&entry).await.unwrap().unwrap();
    for damaged in [
        "{\"half\":\"s3cret".to_owned(),
        good.reveal().replace("\"format\":1", "\"format\":9"),
    ] {
        let damaged = Secret::new(damaged);
        desk.keeper.put(&entry, &damaged).await.unwrap();
        let error = desk
            .signer(connection)
            .sign(&mut request(), &Access::unattended())
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Secrets { .. }), "{error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
        assert_eq!(desk.keeper.get(&entry).await.unwrap(), Some(damaged));
    }
    let kind = CredentialKind::Bearer {
        token: Secret::new("t"),
    };
    Credentials::replace(&desk.keeper, connection, kind)
        .await
        .unwrap();
    desk.signer(connection)
        .sign(&mut request(), &Access::unattended())
        .await
        .unwrap();
}

/// A connection whose access token is over by every clock.
async fn expired(desk: &Desk) -> ConnectionId {
    let connection = desk.connected().await;
    let (_, mut set) = desk.stored(connection).await;
    set.obtained_at -= 2 * HOUR;
    set.expires_at = Some(set.obtained_at + HOUR);
    Credentials::replace(&desk.keeper, connection, CredentialKind::OAuth(set))
        .await
        .unwrap();
    connection
}

const TASK: &str = "PATCHBAY_TEST_TASK";

/// This test binary again, as another Patchbay that does [`another_process`].
fn process(desk: &Desk, connection: ConnectionId, task: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "refresh::another_process", "--nocapture"])
        .env(TASK, task)
        .env("PATCHBAY_TEST_DIR", desk.dir.path())
        .env("PATCHBAY_TEST_CONNECTION", connection.to_string())
        .env("PATCHBAY_TEST_BASE", desk.sandbox.base_url().as_str())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

async fn ended_well(mut child: Child) {
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap())
        .await
        .unwrap();
    assert!(status.success());
}

/// Does nothing unless it was started by [`process`].
#[tokio::test]
async fn another_process() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    let given = |name: &str| std::env::var(name).unwrap();
    let keeper = keeper(Path::new(&given("PATCHBAY_TEST_DIR")), BackendChoice::Auto)
        .await
        .unwrap();
    let connection = given("PATCHBAY_TEST_CONNECTION").parse().unwrap();
    let method = method(&given("PATCHBAY_TEST_BASE"), Platform::Harbor);
    let signer = Arc::new(signer(&keeper, connection, method, Clock::system()));
    signer
        .sign(&mut request(), &Access::unattended())
        .await
        .unwrap();
    if task == "sign and die" {
        std::process::abort();
    }
}

fn lock_file(dir: &Path, connection: ConnectionId) -> std::path::PathBuf {
    dir.join("locks").join(format!("{connection}.lock"))
}

/// Comes back when somebody holds the lock.
async fn locked(path: &Path) {
    soon("the lock is held", || {
        std::fs::File::open(path)
            .is_ok_and(|file| matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock)))
    })
    .await;
}
