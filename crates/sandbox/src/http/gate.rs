//! What happens around every request: counting, injected faults, sign-in, rate limit, scopes, idempotency keys.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use tokio::sync::{Notify, watch};

use super::call::{Answer, Call};
use crate::{
    Platform,
    faults::{Fault, Request, give_wrong_types},
    oauth::{NotIn, digest},
    page::page,
    world::{Rate, Stream, World},
};

/// Who calls, once let in.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// What the rate limit counts by.
    pub(crate) credential: String,
    /// Index of the user at the platform.
    pub(crate) user: usize,
    pub(crate) scopes: Vec<String>,
}

/// A request to one of the APIs.
pub(crate) type ApiCall = fn(&mut World, &Call, Stream, &Caller) -> Answer;
/// A request to the sign-in of a platform, or to a page of it.
pub(crate) type SiteCall = fn(&mut World, &Call, Platform) -> Answer;
/// A request to neither.
pub(crate) type OpenCall = fn(&mut World, &Call) -> Answer;

/// The world and what the server around it needs.
#[derive(Debug, Clone)]
pub(crate) struct Shared(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    world: Mutex<World>,
    /// Told after each request that changed something.
    changed: Notify,
    stop: watch::Sender<bool>,
}

impl Shared {
    pub(crate) fn new(world: World) -> Self {
        let (stop, _) = watch::channel(false);
        Self(Arc::new(Inner {
            world: Mutex::new(world),
            changed: Notify::new(),
            stop,
        }))
    }

    /// Does something to the world; nobody else does anything meanwhile.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.lock();
        let before = world.changes;
        let result = act(&mut world);
        let changed = world.changes != before;
        drop(world);
        if changed {
            self.0.changed.notify_one();
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.0.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn changed(&self) {
        self.0.changed.notified().await;
    }

    pub(crate) fn stop(&self) {
        self.0.stop.send_replace(true);
    }

    pub(crate) async fn stopped(&self) {
        let mut stop = self.0.stop.subscribe();
        // An error means that the sender is gone, which it cannot be while `self` lives.
        let _ = stop.wait_for(|stop| *stop).await;
    }

    /// A request to an API: the stream decides about platform and scope.
    pub(crate) async fn api(
        self,
        mut call: Call,
        stream: Stream,
        scope: Option<&'static str>,
        act: ApiCall,
    ) -> Response {
        let platform = stream.platform();
        let fault = match self.meet(&call, Some(platform), true).await {
            Ok(fault) => fault,
            Err(answer) => return answer.into_response(),
        };
        if let Some(Fault::PartialBatch { item_every }) = fault {
            call.fail_items = Some(item_every);
        }
        let (answer, now) = self.with(|world| {
            let answer = enter(world, &call, stream, scope, act);
            (answer, world.clock.http_date())
        });
        let mut response = finish(answer, fault, &call);
        if let Some(now) = now.and_then(|now| HeaderValue::from_str(&now).ok()) {
            response.headers_mut().insert(header::DATE, now);
        }
        response
    }

    /// A request to a platform's sign-in or pages.
    pub(crate) async fn site(self, call: Call, platform: Platform, act: SiteCall) -> Response {
        let fault = match self.meet(&call, Some(platform), false).await {
            Ok(fault) => fault,
            Err(answer) => return answer.into_response(),
        };
        let answer = if is_foreign_form(&call) {
            Answer::error(
                403,
                "foreign_origin",
                "the form did not come from this site",
            )
        } else {
            self.with(|world| act(world, &call, platform))
        };
        finish(answer, fault, &call)
    }

    /// A request to the control endpoints or the front page; no faults here.
    pub(crate) async fn open(self, call: Call, act: OpenCall) -> Response {
        let answer = if is_foreign_form(&call) {
            Answer::error(403, "foreign_origin", "the request came from another site")
        } else {
            self.with(|world| {
                world.counters.request(&call.method, &call.route);
                act(world, &call)
            })
        };
        answer.into_response()
    }

    /// Counts the request and lets the faults have their way. Gives an answer when one of them already has it.
    async fn meet(
        &self,
        call: &Call,
        platform: Option<Platform>,
        api: bool,
    ) -> Result<Option<Fault>, Answer> {
        let (wait, fault) = self.with(|world| {
            world.counters.request(&call.method, &call.route);
            let Some(platform) = platform else {
                return (0, None);
            };
            let request = Request {
                platform,
                method: &call.method,
                path: &call.path,
                api,
            };
            let (wait, fault) = world.faults.meet(&request);
            if wait > 0 {
                world.counters.fault("slow");
            }
            if let Some(fault) = &fault {
                world.counters.fault(fault.name());
                let now = world.clock.now();
                if let Some(token) = call.header("authorization").and_then(bearer) {
                    match fault {
                        Fault::ExpiredToken => world.sign_in(platform).expire(token, now),
                        Fault::Revoked => world.sign_in(platform).revoke_behind(token),
                        _ => {}
                    }
                }
            }
            (wait, fault)
        });
        if wait > 0 {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(wait)) => {}
                () = self.stopped() => {}
            }
        }
        match fault {
            Some(Fault::Status {
                status,
                retry_after,
                after_write: false,
            }) => Err(status_fault(status, retry_after)),
            Some(Fault::Html) => Err(page(
                platform,
                200,
                "Maintenance",
                true,
                "<div class=\"card\"><h1>We will be right back</h1><p>Our services are being looked after.</p></div>",
            )),
            other => Ok(other),
        }
    }
}

fn status_fault(status: u16, retry_after: Option<u64>) -> Answer {
    let (code, message) = match status {
        429 => ("rate_limited", "too many requests"),
        503 => ("unavailable", "the service is not available now"),
        _ => ("internal", "something went wrong here"),
    };
    let answer = Answer::error(status, code, message);
    match retry_after {
        Some(seconds) => answer.with("retry-after", seconds.to_string()),
        None => answer,
    }
}

/// Faults that concern the answer.
fn finish(answer: Answer, fault: Option<Fault>, call: &Call) -> Response {
    match fault {
        Some(Fault::LostAnswer) => {
            call.scissors.cut();
            answer.into_response()
        }
        Some(Fault::CutBody) => cut_body(answer),
        Some(Fault::Status {
            status,
            retry_after,
            ..
        }) => status_fault(status, retry_after).into_response(),
        Some(Fault::WrongTypes {
            field,
            record_every,
        }) if call.method == "GET" && answer.status == 200 => {
            let wrong = give_wrong_types(&answer.body, &field, record_every);
            let body = wrong.unwrap_or_else(|| answer.body.clone());
            Answer { body, ..answer }.into_response()
        }
        Some(
            Fault::WrongTypes { .. }
            | Fault::Slow { .. }
            | Fault::PartialBatch { .. }
            | Fault::Html
            | Fault::ExpiredToken
            | Fault::Revoked,
        )
        | None => answer.into_response(),
    }
}

/// Half of the body, although the whole was promised.
fn cut_body(answer: Answer) -> Response {
    let whole = Bytes::from(answer.body.clone());
    let promised = whole.len().max(2);
    let half = whole.slice(..whole.len() / 2);
    let mut response = answer.into_response();
    let broken = stream::once(async {
        // Lets the first half leave before the connection breaks.
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(io::Error::from(io::ErrorKind::ConnectionReset))
    });
    *response.body_mut() = Body::from_stream(stream::once(async { Ok(half) }).chain(broken));
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(promised));
    response
}

fn enter(
    world: &mut World,
    call: &Call,
    stream: Stream,
    scope: Option<&str>,
    act: ApiCall,
) -> Answer {
    let platform = stream.platform();
    let caller = match identify(world, call, platform) {
        Ok(caller) => caller,
        Err(answer) => return answer,
    };
    let now = world.clock.now();
    let rate = world
        .rates
        .take(&format!("{} {}", platform.name(), caller.credential), now);
    let answer = match rate {
        Some(rate) if rate.refused => {
            world.counters.of(platform).rate_limited += 1;
            Answer::error(429, "rate_limited", "too many requests")
                .with("retry-after", rate.reset.max(1).to_string())
        }
        Some(_) | None => authorised(world, call, stream, scope, act, &caller),
    };
    match rate {
        Some(Rate {
            limit,
            remaining,
            reset,
            ..
        }) => answer
            .with("ratelimit-limit", limit.to_string())
            .with("ratelimit-remaining", remaining.to_string())
            .with("ratelimit-reset", reset.to_string()),
        None => answer,
    }
}

fn authorised(
    world: &mut World,
    call: &Call,
    stream: Stream,
    scope: Option<&str>,
    act: ApiCall,
    caller: &Caller,
) -> Answer {
    if let Some(scope) = scope
        && !caller.scopes.iter().any(|held| held == scope)
    {
        let message = format!("this needs the scope {scope}");
        let body =
            json!({"error": {"code": "missing_scope", "message": message, "missing_scope": scope}});
        let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
        return Answer::json(403, &body).with("www-authenticate", challenge);
    }
    let key = match call.header("idempotency-key") {
        Some(key) if call.method == "POST" => key,
        _ => return act(world, call, stream, caller),
    };
    if key.is_empty() || key.len() > 255 {
        return Answer::error(
            400,
            "invalid_parameter",
            "Idempotency-Key must have 1 to 255 characters",
        );
    }
    let body = match call.bytes() {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    let key = format!("{}/{}/{key}", stream.platform().name(), caller.user);
    let fingerprint = digest(&format!(
        "{} {} {}",
        call.method,
        call.path,
        String::from_utf8_lossy(body)
    ));
    if let Some((known, answer)) = world.replays.get(&key) {
        if known != fingerprint {
            let message = "this Idempotency-Key was used with another request";
            return Answer::error(422, "idempotency_key_reused", message);
        }
        let answer = answer.clone().with("idempotent-replayed", "true");
        world.counters.of(stream.platform()).idempotent_replays += 1;
        return answer;
    }
    let answer = act(world, call, stream, caller);
    if answer.status < 500 {
        world.replays.keep(key, fingerprint, answer.clone());
        world.changes += 1;
    }
    answer
}

fn identify(world: &mut World, call: &Call, platform: Platform) -> Result<Caller, Answer> {
    let now = world.clock.now();
    let sign_in = world.sign_in(platform);
    let found = match (call.header("x-api-key"), call.header("authorization")) {
        (Some(key), _) if platform == Platform::Postino => sign_in.by_key(key),
        (_, Some(header)) => match (bearer(header), basic(header)) {
            (Some(token), _) => sign_in.by_token(token, now),
            (None, Some((user, password))) => sign_in.by_basic(&user, &password),
            (None, None) => Err(NotIn::Unknown),
        },
        (_, None) => Err(NotIn::Unknown),
    };
    found.map_err(|reason| {
        let (code, message) = match reason {
            NotIn::Unknown => (
                "unauthorized",
                "sign in first: the credential is missing or not known",
            ),
            NotIn::Expired => ("token_expired", "the access token has expired"),
            NotIn::Revoked => ("token_revoked", "access was revoked"),
        };
        let challenge = format!(
            "Bearer realm=\"{}\", error=\"invalid_token\", error_description=\"{message}\"",
            platform.name()
        );
        Answer::error(401, code, message).with("www-authenticate", challenge)
    })
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// User and password of an HTTP Basic header.
pub(crate) fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, pair) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(pair.trim()).ok()?).ok()?;
    let (user, password) = pair.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// A write that a browser sent from another site. Programs send no `Origin`.
fn is_foreign_form(call: &Call) -> bool {
    match call.header("origin") {
        Some(origin) if call.method != "GET" => {
            let host = call.header("host").unwrap_or("");
            origin != format!("http://{host}")
        }
        _ => false,
    }
}
