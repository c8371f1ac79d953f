//! Requests to token endpoints and log-ins: bounded in time and size, no redirects.
//!
//! They do not go through [`crate::http::Client`], which signs its requests and would need a token to get one.

use std::sync::OnceLock;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use http::{Method, StatusCode};
use url::Url;

use super::answer::NotAnEndpoint;
use crate::http::ClientTls;

/// A token answer is a few hundred bytes; some carry a key set.
const MAX_ANSWER: usize = 1024 * 1024;
const CONNECT: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_secs(30);

/// A request as it goes out.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// An answer below 500 other than 429.
pub(crate) struct RawAnswer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl RawAnswer {
    /// The content type, in lower case.
    pub(crate) fn kind(&self) -> String {
        self.headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_ascii_lowercase()
    }
}

/// Why there is no answer to look at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransportProblem {
    /// No connection: the platform has not seen the request.
    #[error("no connection: {0}")]
    NotSent(String),
    /// The platform may have seen the request.
    #[error("the answer did not arrive: {0}")]
    NoAnswer(String),
    /// Not now.
    #[error("it answered {status}")]
    Later {
        /// HTTP status: 429 or 5xx.
        status: u16,
        /// What the platform said.
        after: Option<Duration>,
    },
    /// Something else than a token endpoint answered.
    #[error(transparent)]
    NotAnEndpoint(#[from] NotAnEndpoint),
}

/// Sends it.
pub(crate) async fn send(
    outgoing: Outgoing,
    tls: Option<&ClientTls>,
) -> Result<RawAnswer, TransportProblem> {
    let mut answer = client(&outgoing.url, tls)?
        .request(outgoing.method, outgoing.url)
        .headers(outgoing.headers)
        .body(outgoing.body)
        .send()
        .await
        .map_err(|error| {
            if error.is_connect() || error.is_builder() {
                TransportProblem::NotSent(words(&error))
            } else {
                TransportProblem::NoAnswer(words(&error))
            }
        })?;
    let status = answer.status();
    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        let after = answer
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        return Err(TransportProblem::Later {
            status: status.as_u16(),
            after,
        });
    }
    let headers = answer.headers().clone();
    let mut body = Vec::new();
    while let Some(chunk) = answer
        .chunk()
        .await
        .map_err(|error| TransportProblem::NoAnswer(words(&error)))?
    {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(NotAnEndpoint(format!(
                "its answer is larger than {} KiB",
                MAX_ANSWER / 1024
            ))
            .into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(RawAnswer {
        status,
        headers,
        body,
    })
}

/// Keeps no connection open: token requests are rare, and tests use one runtime after another.
fn client(url: &Url, tls: Option<&ClientTls>) -> Result<reqwest::Client, TransportProblem> {
    static OUTSIDE: OnceLock<reqwest::Client> = OnceLock::new();
    static LOOPBACK: OnceLock<reqwest::Client> = OnceLock::new();
    let loopback = is_loopback(url);
    let not_built = |error: &reqwest::Error| TransportProblem::NotSent(words(error));
    if let Some(tls) = tls {
        return tls
            .dress(builder(loopback))
            .map_err(TransportProblem::NotSent)?
            .build()
            .map_err(|error| not_built(&error));
    }
    let place = if loopback { &LOOPBACK } else { &OUTSIDE };
    if let Some(client) = place.get() {
        return Ok(client.clone());
    }
    let client = builder(loopback)
        .build()
        .map_err(|error| not_built(&error))?;
    Ok(place.get_or_init(|| client).clone())
}

#[expect(
    clippy::disallowed_methods,
    reason = "bounded here; connectors::http signs its requests and would need a token to get one"
)]
fn builder(loopback: bool) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .timeout(WHOLE)
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .user_agent(concat!("Patchbay/", env!("CARGO_PKG_VERSION")));
    if loopback {
        builder.no_proxy()
    } else {
        builder
    }
}

/// Whether it is this machine, where TLS is not needed and a proxy is in the way.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// Whether it is this machine or one of its own network, where platforms that a company runs itself often have no TLS:
/// an address that is routed nowhere else, or a name that nobody can register.
pub(crate) fn is_near(url: &Url) -> bool {
    const ENDINGS: [&str; 4] = [".local", ".lan", ".internal", ".home.arpa"];
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback() || address.is_private(),
        Some(url::Host::Ipv6(address)) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
        Some(url::Host::Domain(name)) => {
            is_loopback(url)
                || !name.contains('.')
                || ENDINGS.iter().any(|ending| name.ends_with(ending))
        }
        None => false,
    }
}

/// The innermost cause says it best: "connection refused", "failed to lookup address".
fn words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("nothing came within {} s", WHOLE.as_secs());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
