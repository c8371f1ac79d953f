//! The client of one connection.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Method, StatusCode};
use jiff::SignedDuration;
use model::clock::{Clock, Millis};
use model::ids::ExchangeId;
use model::secret::Secret;
use tokio::time::Instant;
use url::Url;

use super::answer::{Answer, Failure, Judge, Verdict, words_of};
use super::breaker::{Breaker, BreakerView};
use super::budget::Budget;
use super::rate::{Rate, RateLimit, retry_after};
use super::redact::Redactor;
use super::retry::{Jitter, backoff};
use super::skew::Skew;
use super::transport::{Bounds, Broken, OpenBody, RawAnswer, Transport};
use super::{RequestParts, Signer};
use crate::{Access, Error, Result};

/// Redirects that are followed within the same origin.
const MAX_REDIRECTS: u32 = 5;
/// How long a write under way is still waited for after a stop.
const WRITE_GRACE: Duration = Duration::from_millis(1500);
/// Waits shorter than this are not worth telling.
const WORTH_TELLING: Duration = Duration::from_secs(1);

/// Bounds and seeds of a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Bounds of one attempt.
    pub bounds: Bounds,
    /// The first wait before a repetition; doubled each time, with full jitter.
    pub first_backoff: Duration,
    /// The longest wait between repetitions that nobody asked for.
    pub longest_backoff: Duration,
    /// Longest time one request spends waiting for rate limits and repetitions.
    pub patience: Duration,
    /// Failures in a row before the circuit breaker opens.
    pub breaker_threshold: u32,
    /// For the same waits each time; none: from the system.
    pub seed: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bounds: Bounds {
                connect: Duration::from_secs(10),
                idle: Duration::from_secs(60),
                total: Duration::from_secs(300),
                body: 64 * 1024 * 1024,
            },
            first_backoff: Duration::from_millis(500),
            longest_backoff: Duration::from_secs(30),
            patience: Duration::from_secs(15 * 60),
            breaker_threshold: 10,
            seed: None,
        }
    }
}

/// Whether a request may be sent again when it is not known what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Sending it twice does no more than sending it once: reads, and writes with an idempotency key.
    Safe,
    /// Only when it surely was not carried out.
    OnlyIfNotApplied,
}

/// One request and how to treat it.
#[derive(Clone)]
pub struct Call<'a> {
    /// The request, unsigned.
    pub request: RequestParts,
    /// Who adds credentials; none: sent as it is.
    pub signer: Option<&'a dyn Signer>,
    /// Whether it may be repeated.
    pub repeat: Repeat,
    /// Decides what the answer means.
    pub judge: &'a dyn Judge,
    /// When to stop, who listens.
    pub access: &'a Access,
}

/// The client of one connection. Cheap to clone; clones share limits, breaker and cookies.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    name: String,
    transport: Transport,
    limits: Limits,
    clock: Clock,
    rate: Mutex<RateLimit>,
    budget: Mutex<Budget>,
    breaker: Mutex<Breaker>,
    skew: Mutex<Skew>,
    jitter: Mutex<Jitter>,
    hidden: Mutex<Vec<Secret>>,
}

impl Client {
    /// A client for the connection that people know as `name`.
    pub fn new(name: impl Into<String>, limits: Limits, clock: Clock) -> Result<Self> {
        let name = name.into();
        let transport =
            Transport::new(limits.bounds, clock.clone()).map_err(|error| Error::Unavailable {
                platform: name.clone(),
                reason: format!("the HTTP client cannot start: {error}"),
            })?;
        let jitter = limits.seed.map_or_else(Jitter::from_system, Jitter::seeded);
        Ok(Self {
            inner: Arc::new(Inner {
                name,
                transport,
                breaker: Mutex::new(Breaker::with_threshold(limits.breaker_threshold)),
                limits,
                clock,
                rate: Mutex::default(),
                budget: Mutex::default(),
                skew: Mutex::default(),
                jitter: Mutex::new(jitter),
                hidden: Mutex::default(),
            }),
        })
    }

    /// The connection's name, for words.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Sets the rate that the platform documents.
    pub fn set_documented_rate(&self, rate: Option<Rate>) {
        lock(&self.inner.rate).set_documented(rate);
    }

    /// What must not show in anything that is recorded, whoever puts it on a request.
    pub fn hide(&self, secrets: Vec<Secret>) {
        *lock(&self.inner.hidden) = secrets;
    }

    /// Sets how many calls of each kind the connector file allows.
    pub fn set_budget(&self, budget: Budget) {
        *lock(&self.inner.budget) = budget;
    }

    /// The circuit breaker, to show it.
    pub fn breaker(&self) -> BreakerView {
        lock(&self.inner.breaker).view(Instant::now())
    }

    /// How far the platform's clock is ahead of ours; none before an answer told.
    pub fn clock_skew(&self) -> Option<SignedDuration> {
        lock(&self.inner.skew).ahead()
    }

    /// Closes the circuit breaker by hand.
    pub fn reset_breaker(&self) {
        lock(&self.inner.breaker).succeeded();
    }

    /// Sends a request until there is an answer that its judge accepts or that is not worth repeating.
    ///
    /// An `Ok` is an answer, whatever its verdict. A [`Failure`] says whether the request may have
    /// been carried out.
    pub async fn send(&self, call: Call<'_>) -> std::result::Result<Answer, Failure> {
        self.exchange(call, false).await.map(|(answer, _)| answer)
    }

    /// As [`Client::send`]; of a good answer with a large body only the beginning is waited for, the rest can be
    /// taken piece by piece.
    pub async fn open(
        &self,
        call: Call<'_>,
    ) -> std::result::Result<(Answer, Option<OpenBody>), Failure> {
        self.exchange(call, true).await
    }

    async fn exchange(
        &self,
        mut call: Call<'_>,
        in_pieces: bool,
    ) -> std::result::Result<(Answer, Option<OpenBody>), Failure> {
        let inner = &*self.inner;
        let patience = Instant::now() + inner.limits.patience;
        let reads = matches!(
            call.request.method,
            Method::GET | Method::HEAD | Method::OPTIONS
        );
        let grace = if reads { Duration::ZERO } else { WRITE_GRACE };
        let mut failures = 0;
        let mut redirects = 0;
        let mut renewed = false;
        // A request of unknown fate stays unknown whatever happens to its repetitions.
        let mut sent = false;
        let mut exchange = None;
        for number in 1.. {
            let fail = |error, sent, exchange| {
                Err(Failure {
                    error,
                    sent,
                    exchange,
                })
            };
            if let Err(error) = self.permit() {
                return fail(error, sent, exchange);
            }
            if let Err(error) = self
                .wait_for_turn(&call.request, call.access, patience)
                .await
            {
                lock(&inner.breaker).gave_up();
                return fail(error, sent, exchange);
            }
            let mut request = call.request.clone();
            let mut secrets = lock(&inner.hidden).clone();
            if let Some(signer) = call.signer {
                if let Err(error) = signer.sign(&mut request, call.access).await {
                    lock(&inner.breaker).gave_up();
                    return fail(error, sent, exchange);
                }
                secrets.extend(signer.secrets());
            }
            let redactor = Redactor::new(&secrets);
            let origin = request.url.clone();
            // What the signer needs to know of it, should it be refused.
            let mut signed = RequestParts::new(request.method.clone(), origin.clone());
            signed.headers.clone_from(&request.headers);
            signed.signed_with = request.signed_with;
            let sent_at = inner.clock.now();
            let attempt = inner
                .transport
                .attempt(request, &redactor, call.access, number, grace, in_pieces)
                .await;
            let wait = match attempt {
                Ok(mut raw) => {
                    let rest = raw.rest.take();
                    exchange = Some(raw.exchange);
                    self.note_answer(&call.request, &raw, sent_at);
                    if let Some(signer) = call.signer {
                        signer.answered(&signed, &raw.headers);
                    }
                    if raw.status == StatusCode::UNAUTHORIZED
                        && !renewed
                        && let Some(signer) = call.signer
                    {
                        renewed = true;
                        match signer.renew_after(&signed, call.access).await {
                            Ok(true) => continue,
                            Ok(false) => {}
                            Err(error) => return fail(error, sent, exchange),
                        }
                    }
                    if raw.status.is_redirection() && raw.headers.contains_key("location") {
                        redirects += 1;
                        match self.follow(&call.request, &origin, &raw, redirects) {
                            Ok(url) => {
                                call.request.url = url;
                                call.request.query.clear();
                                continue;
                            }
                            Err(error) => return fail(error, sent, exchange),
                        }
                    }
                    let verdict =
                        call.judge
                            .judge(raw.status, &raw.headers, &raw.body, failures + 1);
                    let asked = retry_after(&raw.headers, inner.clock.now());
                    let applied = !(raw.status == StatusCode::TOO_MANY_REQUESTS
                        || raw.status == StatusCode::SERVICE_UNAVAILABLE && asked.is_some());
                    let may_repeat = call.repeat == Repeat::Safe || !applied;
                    let answer = |verdict| {
                        Ok(Answer {
                            words: if matches!(verdict, Verdict::Success | Verdict::Ignore) {
                                String::new()
                            } else {
                                redactor.text(&words_of(&raw.body))
                            },
                            status: raw.status,
                            headers: raw.headers.clone(),
                            body: raw.body.clone(),
                            exchange: raw.exchange,
                            verdict,
                        })
                    };
                    match verdict {
                        Verdict::RateLimited { after } if may_repeat => {
                            // "Retry-After: 0" for ever must not become a busy loop.
                            let wait = after
                                .or(asked)
                                .filter(|wait| *wait >= Duration::from_millis(100))
                                .unwrap_or_else(|| self.jittered(failures + 1));
                            failures += 1;
                            if Instant::now() + wait > patience {
                                return answer(Verdict::RateLimited { after: Some(wait) })
                                    .map(|answer| (answer, None));
                            }
                            // The whole connection waits, not this request alone.
                            lock(&inner.rate).block(Instant::now(), wait);
                            continue;
                        }
                        Verdict::Retry { after }
                            if may_repeat && failures < call.judge.max_retries() =>
                        {
                            failures += 1;
                            let wait = after.or(asked).unwrap_or_else(|| self.jittered(failures));
                            if Instant::now() + wait > patience {
                                return answer(Verdict::Retry { after: Some(wait) })
                                    .map(|answer| (answer, None));
                            }
                            (wait, format!("answers {}", raw.status.as_u16()))
                        }
                        verdict => return answer(verdict).map(|answer| (answer, rest)),
                    }
                }
                Err(broken) => {
                    exchange = Some(broken.exchange);
                    sent |= broken.sent;
                    match broken.why {
                        Broken::Cancelled => {
                            lock(&inner.breaker).gave_up();
                            return fail(Error::Cancelled, sent, exchange);
                        }
                        Broken::TooLarge => {
                            lock(&inner.breaker).succeeded();
                            let error = Error::LimitExceeded {
                                platform: inner.name.clone(),
                                reason: format!(
                                    "the answer is larger than {} MiB",
                                    inner.limits.bounds.body / (1024 * 1024)
                                ),
                            };
                            return fail(error, sent, exchange);
                        }
                        Broken::Failed(reason) => {
                            lock(&inner.breaker).failed(Instant::now());
                            let may_repeat = call.repeat == Repeat::Safe || !broken.sent;
                            if !may_repeat || failures >= call.judge.max_retries() {
                                let error = Error::Unavailable {
                                    platform: inner.name.clone(),
                                    reason,
                                };
                                return fail(error, sent, exchange);
                            }
                            failures += 1;
                            (self.jittered(failures), "cannot be reached".to_owned())
                        }
                    }
                }
            };
            let (wait, why) = wait;
            let words = |left: u64| {
                format!(
                    "trying again in {left} s: {} {why} (try {})",
                    inner.name,
                    number + 1
                )
            };
            if let Err(error) = pause(call.access, Instant::now() + wait, words).await {
                return fail(error, sent, exchange);
            }
        }
        // The loop only ends by returning; attempts do not outnumber u32.
        Err(Failure {
            error: Error::Cancelled,
            sent,
            exchange,
        })
    }

    fn jittered(&self, failures: u32) -> Duration {
        let limits = &self.inner.limits;
        backoff(
            limits.first_backoff,
            limits.longest_backoff,
            failures,
            &mut lock(&self.inner.jitter),
        )
    }

    fn permit(&self) -> Result<()> {
        lock(&self.inner.breaker)
            .permit(Instant::now())
            .map_err(|left| Error::Unavailable {
                platform: self.inner.name.clone(),
                reason: format!(
                    "it failed many times in a row; the next try is in {} s",
                    left.as_secs().max(1)
                ),
            })
    }

    async fn wait_for_turn(
        &self,
        request: &RequestParts,
        access: &Access,
        patience: Instant,
    ) -> Result<()> {
        loop {
            if access.cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let (wait, reason) = {
                let now = Instant::now();
                let mut rate = lock(&self.inner.rate);
                match rate.take(now) {
                    Some(wait) => (wait, rate.reason(&self.inner.name)),
                    None => match lock(&self.inner.budget).take(request, now) {
                        Some(wait) => (
                            wait,
                            "the connector file allows no more calls yet".to_owned(),
                        ),
                        None => return Ok(()),
                    },
                }
            };
            let until = Instant::now() + wait;
            if until > patience {
                return Err(Error::RateLimited {
                    platform: self.inner.name.clone(),
                    after: Some(wait),
                });
            }
            pause(access, until, |left| format!("waiting {left} s: {reason}")).await?;
        }
    }

    fn note_answer(&self, request: &RequestParts, raw: &RawAnswer, sent_at: Millis) {
        let (now, received_at) = (Instant::now(), self.inner.clock.now());
        lock(&self.inner.budget).learn(request, raw.status, &raw.headers, now, received_at);
        lock(&self.inner.rate).learn(&raw.headers, now, received_at);
        lock(&self.inner.skew).learn(&raw.headers, sent_at, received_at);
        let mut breaker = lock(&self.inner.breaker);
        if raw.status.is_server_error() {
            breaker.failed(now);
        } else {
            breaker.succeeded();
        }
    }

    /// Where a redirect leads, if it may be followed: reads only, and never to somebody else.
    fn follow(
        &self,
        request: &RequestParts,
        from: &Url,
        raw: &RawAnswer,
        redirects: u32,
    ) -> Result<Url> {
        let refuse = |reason: String| Error::Refused {
            platform: self.inner.name.clone(),
            status: raw.status.as_u16(),
            reason,
        };
        let target = raw
            .headers
            .get("location")
            .and_then(|location| location.to_str().ok())
            .and_then(|location| from.join(location).ok())
            .ok_or_else(|| refuse("it redirects to something that is not an address".into()))?;
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return Err(refuse(format!(
                "it redirects a {} to {}; correct the address in the connection",
                request.method,
                target.host_str().unwrap_or_default()
            )));
        }
        if !same_origin(from, &target) {
            return Err(refuse(format!(
                "it redirects to {}; credentials are sent to {} only",
                origin_words(&target),
                origin_words(from)
            )));
        }
        if redirects > MAX_REDIRECTS {
            return Err(refuse(format!(
                "it redirects more than {MAX_REDIRECTS} times"
            )));
        }
        Ok(target)
    }
}

/// Whether both addresses belong to the same server: credentials for one may go to the other.
pub fn same_origin(left: &Url, right: &Url) -> bool {
    left.scheme() == right.scheme()
        && left.host_str() == right.host_str()
        && left.port_or_known_default() == right.port_or_known_default()
}

/// `https://example.com:8443`, for words.
pub fn origin_words(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}

/// Tells about a wait, and takes it back when it is over.
struct Announced<'a>(&'a Access, bool);

impl Announced<'_> {
    fn tell(&mut self, words: String) {
        if let Some(waiting) = &self.0.waiting {
            waiting(Some(words));
            self.1 = true;
        }
    }
}

impl Drop for Announced<'_> {
    fn drop(&mut self) {
        if let (Some(waiting), true) = (&self.0.waiting, self.1) {
            waiting(None);
        }
    }
}

/// Waits until `until`, telling each second how long still; ends at once when stopped.
async fn pause(access: &Access, until: Instant, words: impl Fn(u64) -> String) -> Result<()> {
    let mut announced = Announced(access, false);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        if left >= WORTH_TELLING || announced.1 {
            announced.tell(words(left.as_secs_f64().ceil() as u64));
        }
        tokio::select! {
            biased;
            () = access.cancel.cancelled() => return Err(Error::Cancelled),
            () = tokio::time::sleep(left.min(Duration::from_secs(1))) => {}
        }
    }
}

/// Locks; a poisoned lock only means that a test panicked elsewhere.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The exchange of an answer or failure.
pub fn exchange_of(result: &std::result::Result<Answer, Failure>) -> Option<ExchangeId> {
    match result {
        Ok(answer) => Some(answer.exchange),
        Err(failure) => failure.exchange,
    }
}
