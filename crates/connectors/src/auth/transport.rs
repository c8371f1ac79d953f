//! Requests to token endpoints: bounded in time and size, no redirects, and the many ways in which
//! platforms deviate from RFC 6749 brought into one form.

use std::sync::OnceLock;
use std::time::Duration;

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use oauth2::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};
use url::Url;

/// A token answer is a few hundred bytes; some carry a key set.
const MAX_ANSWER: usize = 1024 * 1024;
/// Error codes that say for certain that a token endpoint has spoken.
const RFC_6749: [&str; 5] = [
    "invalid_grant",
    "invalid_client",
    "unauthorized_client",
    "invalid_scope",
    "unsupported_grant_type",
];
const CONNECT: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_secs(30);

/// Why there is no answer to look at.
#[derive(Debug, thiserror::Error)]
pub(super) enum TransportProblem {
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
    #[error("{0}")]
    NotAnEndpoint(String),
}

/// Sends it and brings the answer into the form of RFC 6749.
pub(super) async fn send(request: HttpRequest) -> Result<HttpResponse, TransportProblem> {
    let (parts, body) = request.into_parts();
    let url = Url::parse(&parts.uri.to_string())
        .map_err(|error| TransportProblem::NotSent(error.to_string()))?;
    let mut answer = client(&url)?
        .request(parts.method, url)
        .headers(parts.headers)
        .body(body)
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
    let kind = answer
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase();
    let mut bytes = Vec::new();
    while let Some(chunk) = answer
        .chunk()
        .await
        .map_err(|error| TransportProblem::NoAnswer(words(&error)))?
    {
        if bytes.len() + chunk.len() > MAX_ANSWER {
            return Err(TransportProblem::NotAnEndpoint(format!(
                "its answer is larger than {} KiB",
                MAX_ANSWER / 1024
            )));
        }
        bytes.extend_from_slice(&chunk);
    }
    straighten(status, &kind, &bytes)
}

/// Success as 200 with a JSON object, failure as 400 with `error` and `error_description`.
fn straighten(
    status: StatusCode,
    kind: &str,
    bytes: &[u8],
) -> Result<HttpResponse, TransportProblem> {
    let members = members(kind, bytes);
    let has_token = members
        .as_ref()
        .is_some_and(|members| members.contains_key("access_token"));
    // Some report errors with 200.
    if status.is_success() && (has_token || bytes.is_empty()) {
        return answer(StatusCode::OK, members.unwrap_or_default());
    }
    let Some(members) = members else {
        let what = if kind.contains("html") {
            "a web page"
        } else {
            "something else"
        };
        if status.is_success() || status.is_redirection() {
            return Err(TransportProblem::NotAnEndpoint(format!(
                "{what} ({status}) came instead of a token; if a network asks you to sign in first, do that, otherwise check the address"
            )));
        }
        return answer(
            StatusCode::BAD_REQUEST,
            error_members(&format!("http_{}", status.as_u16()), None),
        );
    };
    let inner = members.get("error");
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let code = text(inner)
        .or_else(|| text(inner?.get("code")))
        .or_else(|| text(inner?.get("type")))
        // Errors of a token endpoint are 400 or 401; with another status only its own words count.
        .filter(|code| {
            status.is_success()
                || matches!(status.as_u16(), 400 | 401 | 403)
                || RFC_6749.contains(&code.as_str())
        })
        .unwrap_or_else(|| format!("http_{}", status.as_u16()));
    let description = text(members.get("error_description"))
        .or_else(|| text(members.get("message")))
        .or_else(|| text(inner?.get("message")));
    answer(StatusCode::BAD_REQUEST, error_members(&code, description))
}

fn members(kind: &str, bytes: &[u8]) -> Option<Map<String, Value>> {
    if let Ok(Value::Object(members)) = serde_json::from_slice(bytes) {
        return Some(members);
    }
    // Asked for JSON, a few still answer as a form.
    if kind.starts_with("application/x-www-form-urlencoded") || kind.starts_with("text/plain") {
        let members: Map<String, Value> = url::form_urlencoded::parse(bytes)
            .take(100)
            .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
            .collect();
        return (members.contains_key("access_token") || members.contains_key("error"))
            .then_some(members);
    }
    None
}

fn error_members(code: &str, description: Option<String>) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("error".to_owned(), json!(code));
    if let Some(description) = description {
        members.insert("error_description".to_owned(), json!(description));
    }
    members
}

fn answer(
    status: StatusCode,
    members: Map<String, Value>,
) -> Result<HttpResponse, TransportProblem> {
    let mut answer = HttpResponse::new(Value::Object(members).to_string().into_bytes());
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(answer)
}

/// Keeps no connection open: token requests are rare, and tests use one runtime after another.
#[expect(
    clippy::disallowed_methods,
    reason = "bounded here; connectors::http signs its requests and would need a token to get one"
)]
fn client(url: &Url) -> Result<reqwest::Client, TransportProblem> {
    static OUTSIDE: OnceLock<reqwest::Client> = OnceLock::new();
    static LOOPBACK: OnceLock<reqwest::Client> = OnceLock::new();
    let loopback = is_loopback(url);
    let place = if loopback { &LOOPBACK } else { &OUTSIDE };
    if let Some(client) = place.get() {
        return Ok(client.clone());
    }
    let mut builder = reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .timeout(WHOLE)
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .user_agent(concat!("Patchbay/", env!("CARGO_PKG_VERSION")));
    if loopback {
        builder = builder.no_proxy();
    }
    let client = builder
        .build()
        .map_err(|error| TransportProblem::NotSent(words(&error)))?;
    Ok(place.get_or_init(|| client).clone())
}

/// Whether it is this machine, where TLS is not needed and a proxy is in the way.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, kind: &str, body: &str, expected: &str) {
        let seen = match straighten(StatusCode::from_u16(status).unwrap(), kind, body.as_bytes()) {
            Ok(answer) => format!(
                "{} {}",
                answer.status().as_u16(),
                String::from_utf8_lossy(answer.body())
            ),
            Err(problem) => problem.to_string(),
        };
        assert_eq!(seen, expected);
    }

    #[test]
    fn answers_of_all_kinds_take_one_form() {
        check(
            201,
            "application/json",
            r#"{"access_token":"a"}"#,
            r#"200 {"access_token":"a"}"#,
        );
        check(
            200,
            "text/html",
            r#"{"access_token":"a"}"#,
            r#"200 {"access_token":"a"}"#,
        );
        check(
            200,
            "application/x-www-form-urlencoded; charset=utf-8",
            "access_token=a&scope=x%20y",
            r#"200 {"access_token":"a","scope":"x y"}"#,
        );
        check(
            200,
            "application/json",
            r#"{"error":"bad_refresh_token","error_description":"gone"}"#,
            r#"400 {"error":"bad_refresh_token","error_description":"gone"}"#,
        );
        check(
            200,
            "application/json",
            r#"{"ok":false,"error":"invalid_code"}"#,
            r#"400 {"error":"invalid_code"}"#,
        );
        check(
            401,
            "application/json",
            r#"{"error":{"code":"unauthorized","message":"who are you"}}"#,
            r#"400 {"error":"unauthorized","error_description":"who are you"}"#,
        );
        check(
            422,
            "application/json",
            r#"{"error":"invalid_grant"}"#,
            r#"400 {"error":"invalid_grant"}"#,
        );
        check(
            404,
            "application/json",
            r#"{"error":"not_found"}"#,
            r#"400 {"error":"http_404"}"#,
        );
        check(403, "text/html", "<html>", r#"400 {"error":"http_403"}"#);
        check(
            400,
            "application/json",
            r#"{"message":"no"}"#,
            r#"400 {"error":"http_400","error_description":"no"}"#,
        );
        check(
            200,
            "text/html",
            "<html>",
            "a web page (200 OK) came instead of a token; if a network asks you to sign in first, do that, otherwise check the address",
        );
        check(
            302,
            "",
            "",
            "something else (302 Found) came instead of a token; if a network asks you to sign in first, do that, otherwise check the address",
        );
        check(200, "", "", "200 {}");
    }
}
