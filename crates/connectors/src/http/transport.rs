//! One attempt: bytes out, a bounded answer in, both handed on to be written down.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use model::clock::Clock;
use model::ids::ExchangeId;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::redact::Redactor;
use super::tls::ClientTls;
use super::{Body, RequestParts, Unread};
use crate::Access;

/// Bounds of one attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Until a connection stands, TLS included.
    pub connect: Duration,
    /// Between two pieces of the answer, and before the first.
    pub idle: Duration,
    /// From the first byte sent to the last one received.
    pub total: Duration,
    /// Largest answer, decompressed, in bytes.
    pub body: usize,
}

/// Bytes of a body that are waited for before the rest is taken piece by piece.
const AT_ONCE: usize = 4 * 1024 * 1024;

/// An answer, not yet judged.
#[derive(Debug)]
pub struct RawAnswer {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers as sent.
    pub headers: HeaderMap,
    /// Body, decompressed.
    pub body: Bytes,
    /// The exchange's id.
    pub exchange: ExchangeId,
    /// What is still to come of the body, where the caller takes it piece by piece.
    pub rest: Option<OpenBody>,
}

/// The rest of a large body, still on its way.
pub struct OpenBody {
    response: reqwest::Response,
    idle: Duration,
    cancel: CancellationToken,
    host: String,
    redactor: Redactor,
}

impl std::fmt::Debug for OpenBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenBody")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

impl OpenBody {
    /// The next piece; none at the end.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, Broken> {
        let next = Instant::now() + self.idle;
        let piece = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(Broken::Cancelled),
            piece = tokio::time::timeout_at(next, self.response.chunk()) => piece,
        };
        match piece {
            Ok(Ok(piece)) => Ok(piece),
            Ok(Err(error)) => {
                let words = self.redactor.text(&transport_words(error, &self.host));
                Err(Broken::Failed(format!("the answer broke off: {words}")))
            }
            Err(_) => Err(Broken::Failed(format!(
                "the answer of {} stopped coming",
                self.host
            ))),
        }
    }
}

/// Why an attempt brought no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The caller stopped it.
    Cancelled,
    /// The answer is larger than [`Bounds::body`].
    TooLarge,
    /// Anything else, in words without secrets.
    Failed(String),
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cancelled => f.write_str("stopped"),
            Self::TooLarge => f.write_str("the answer is too large"),
            Self::Failed(words) => f.write_str(words),
        }
    }
}

/// An attempt without an answer.
#[derive(Debug)]
pub struct BrokenAttempt {
    /// What happened.
    pub why: Broken,
    /// Whether the platform may have received the request.
    pub sent: bool,
    /// The exchange's id.
    pub exchange: ExchangeId,
}

/// Sends requests and reads answers.
#[derive(Debug)]
pub struct Transport {
    client: reqwest::Client,
    /// The client for the connection's own certificates, once a request had some.
    certified: Mutex<Option<(Arc<ClientTls>, reqwest::Client)>>,
    bounds: Bounds,
    clock: Clock,
}

impl Transport {
    /// A transport that follows no redirects and keeps cookies.
    pub fn new(bounds: Bounds, clock: Clock) -> Result<Self, reqwest::Error> {
        Ok(Self {
            client: builder(bounds).build()?,
            certified: Mutex::default(),
            bounds,
            clock,
        })
    }

    /// The client that shows and trusts what the request says.
    fn client_for(&self, tls: Option<&Arc<ClientTls>>) -> Result<reqwest::Client, String> {
        let Some(tls) = tls else {
            return Ok(self.client.clone());
        };
        let mut certified = self
            .certified
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((known, client)) = &*certified
            && known == tls
        {
            return Ok(client.clone());
        }
        let client = tls
            .dress(builder(self.bounds))?
            .build()
            .map_err(|error| innermost(&error))?;
        *certified = Some((Arc::clone(tls), client.clone()));
        Ok(client)
    }

    /// Sends once. When `cancel` fires while a request that may change something is under way, the
    /// answer is still waited for until `grace` is over: better late than not known.
    pub async fn attempt(
        &self,
        request: RequestParts,
        redactor: &Redactor,
        access: &Access,
        number: u32,
        grace: Duration,
        in_pieces: bool,
    ) -> Result<RawAnswer, BrokenAttempt> {
        let exchange = ExchangeId::new();
        let started = Instant::now();
        let wire = encode(request);
        let mut record = access.exchanges.as_ref().map(|_| Unread {
            id: exchange,
            at: self.clock.now(),
            took: Duration::ZERO,
            attempt: number,
            method: wire.method.clone(),
            url: wire.url.clone(),
            request_headers: wire.headers.clone(),
            request_body: wire.body.clone(),
            status: None,
            response_headers: HeaderMap::new(),
            response_body: Bytes::new(),
            error: None,
            redactor: redactor.clone(),
        });
        let result = self
            .exchange_bytes(wire, access.cancel.clone(), grace, redactor, in_pieces)
            .await;
        if let Some(record) = &mut record {
            record.took = started.elapsed();
            match &result {
                Ok((status, headers, body, _)) => {
                    record.status = Some(*status);
                    record.response_headers = headers.clone();
                    record.response_body = body.clone();
                }
                Err((why, _, status)) => {
                    record.status = *status;
                    record.error = Some(match why {
                        Broken::Cancelled => "stopped".into(),
                        Broken::TooLarge => format!(
                            "the answer is larger than {} MiB",
                            self.bounds.body / (1024 * 1024)
                        ),
                        Broken::Failed(words) => words.clone(),
                    });
                }
            }
        }
        if let (Some(log), Some(record)) = (&access.exchanges, record) {
            log.record(record);
        }
        match result {
            Ok((status, headers, body, rest)) => Ok(RawAnswer {
                status,
                headers,
                body,
                exchange,
                rest,
            }),
            Err((why, sent, _)) => Err(BrokenAttempt {
                why,
                sent,
                exchange,
            }),
        }
    }

    async fn exchange_bytes(
        &self,
        wire: Wire,
        cancel: CancellationToken,
        grace: Duration,
        redactor: &Redactor,
        in_pieces: bool,
    ) -> Result<(StatusCode, HeaderMap, Bytes, Option<OpenBody>), (Broken, bool, Option<StatusCode>)>
    {
        let host = wire
            .url
            .host_str()
            .map(|host| match wire.url.port() {
                Some(port) => format!("{host}:{port}"),
                None => host.to_owned(),
            })
            .unwrap_or_default();
        if cancel.is_cancelled() {
            return Err((Broken::Cancelled, false, None));
        }
        let client = self
            .client_for(wire.tls.as_ref())
            .map_err(|words| (Broken::Failed(redactor.text(&words)), false, None))?;
        let mut request = client.request(wire.method, wire.url).headers(wire.headers);
        if !wire.body.is_empty() {
            request = request.body(wire.body);
        }
        let request = request.build().map_err(|error| {
            (
                Broken::Failed(redactor.text(&error.without_url().to_string())),
                false,
                None,
            )
        })?;
        let stop = async {
            cancel.cancelled().await;
            tokio::time::sleep(grace).await;
        };
        tokio::pin!(stop);
        let deadline = Instant::now() + self.bounds.total;
        let first = deadline.min(Instant::now() + self.bounds.idle + self.bounds.connect);
        let mut response = tokio::select! {
            biased;
            () = &mut stop => return Err((Broken::Cancelled, true, None)),
            answer = tokio::time::timeout_at(first, client.execute(request)) => match answer {
                Ok(Ok(response)) => response,
                Ok(Err(error)) => {
                    let sent = !(error.is_connect() || error.is_builder());
                    let words = redactor.text(&transport_words(error, &host));
                    return Err((Broken::Failed(words), sent, None));
                }
                Err(_) => {
                    let words = format!("{host} gave no answer within {} s", self.bounds.idle.as_secs());
                    return Err((Broken::Failed(words), true, None));
                }
            },
        };
        let status = response.status();
        let headers = response.headers().clone();
        let in_pieces = in_pieces && status.is_success();
        let length = response.content_length();
        if !in_pieces && length.is_some_and(|length| length > self.bounds.body as u64) {
            return Err((Broken::TooLarge, true, Some(status)));
        }
        let expected = usize::try_from(length.unwrap_or(0)).unwrap_or(usize::MAX);
        let mut body = BytesMut::with_capacity(expected.min(AT_ONCE));
        loop {
            let next = deadline.min(Instant::now() + self.bounds.idle);
            let piece = tokio::select! {
                biased;
                () = &mut stop => return Err((Broken::Cancelled, true, Some(status))),
                piece = tokio::time::timeout_at(next, response.chunk()) => piece,
            };
            match piece {
                Ok(Ok(Some(piece))) => {
                    if body.is_empty() && length == Some(piece.len() as u64) {
                        return Ok((status, headers, piece, None));
                    }
                    if !in_pieces && body.len() + piece.len() > self.bounds.body {
                        return Err((Broken::TooLarge, true, Some(status)));
                    }
                    body.extend_from_slice(&piece);
                    if in_pieces && body.len() >= AT_ONCE {
                        let rest = OpenBody {
                            response,
                            idle: self.bounds.idle,
                            cancel: cancel.clone(),
                            host,
                            redactor: redactor.clone(),
                        };
                        return Ok((status, headers, body.freeze(), Some(rest)));
                    }
                }
                Ok(Ok(None)) => return Ok((status, headers, body.freeze(), None)),
                Ok(Err(error)) => {
                    let words = format!(
                        "the answer broke off: {}",
                        redactor.text(&transport_words(error, &host))
                    );
                    return Err((Broken::Failed(words), true, Some(status)));
                }
                Err(_) => {
                    let words = format!("the answer of {host} stopped coming");
                    return Err((Broken::Failed(words), true, Some(status)));
                }
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is connectors::http: limits, deadlines and redaction are added here"
)]
fn builder(bounds: Bounds) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("patchbay/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(bounds.connect)
        .pool_idle_timeout(Duration::from_secs(30))
        .cookie_store(true)
}

/// A request as it goes out.
struct Wire {
    method: http::Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
    tls: Option<Arc<ClientTls>>,
}

fn encode(request: RequestParts) -> Wire {
    let RequestParts {
        method,
        mut url,
        mut headers,
        query,
        body,
        tls,
        signed_with: _,
    } = request;
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    let (body, content_type) = match body {
        Body::Empty => (Bytes::new(), None),
        Body::Json(value) => (
            Bytes::from(model::json::to_string(&value)),
            Some("application/json"),
        ),
        Body::Form(pairs) => {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.extend_pairs(pairs);
            (
                Bytes::from(form.finish()),
                Some("application/x-www-form-urlencoded"),
            )
        }
        Body::Raw(bytes) => (bytes, None),
    };
    if let Some(content_type) = content_type
        && !headers.contains_key(CONTENT_TYPE)
    {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if !headers.contains_key(ACCEPT) {
        headers.insert(
            ACCEPT,
            HeaderValue::from_static("application/json, */*;q=0.5"),
        );
    }
    Wire {
        method,
        url,
        headers,
        body,
        tls,
    }
}

/// What went wrong below HTTP, in words that say what to look at.
fn transport_words(error: reqwest::Error, host: &str) -> String {
    let error = error.without_url();
    let innermost = innermost(&error);
    if error.is_dns() {
        return format!(
            "there is no address for {host}: check the address and the network ({innermost})"
        );
    }
    if error.is_connect() && error.is_timeout() {
        return format!("no connection to {host} in time: check the address and the network");
    }
    if error.is_connect() {
        return format!("no connection to {host}: {innermost}");
    }
    format!("the connection to {host} broke: {innermost}")
}

/// The innermost cause says it best.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
