//! Who may call: pages that came from here and know the token.

use std::sync::Arc;

use api::{ApiError, Code};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Set by our pages. A page of another site can only set it with a permission that is never given.
const MARK: &str = "x-patchbay";

/// Scripts, styles and calls only from here. Styles in attributes are what the mapping editor draws with.
const CONTENT_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; frame-src 'none'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What is let through.
#[derive(Clone)]
pub(super) struct Gate(Arc<Known>);

struct Known {
    token: String,
    hosts: Vec<String>,
    origins: Vec<String>,
}

impl Gate {
    pub(super) fn new(port: u16, token: String, more: Option<String>) -> Self {
        let hosts = ["127.0.0.1", "localhost"].map(|name| format!("{name}:{port}"));
        let mut origins: Vec<String> = hosts.iter().map(|host| format!("http://{host}")).collect();
        origins.extend(more);
        Self(Arc::new(Known {
            token,
            hosts: hosts.to_vec(),
            origins,
        }))
    }

    /// A name that was made to point here (DNS rebinding) is still another name.
    fn is_from_here(&self, headers: &HeaderMap) -> bool {
        let named = |name, known: &[String]| {
            let mut values = headers.get_all(name).iter();
            match (values.next(), values.next()) {
                (Some(value), None) => Some(known.iter().any(|known| value == known.as_str())),
                (None, _) => None,
                (Some(_), Some(_)) => Some(false),
            }
        };
        named(header::HOST, &self.0.hosts) == Some(true)
            && named(header::ORIGIN, &self.0.origins) != Some(false)
    }

    fn knows(&self, token: &str) -> bool {
        same(token.as_bytes(), self.0.token.as_bytes())
    }
}

/// Takes the same time wherever the two differ.
fn same(left: &[u8], right: &[u8]) -> bool {
    let differs = left
        .iter()
        .zip(right)
        .fold(0, |differs, (left, right)| differs | (left ^ right));
    left.len() == right.len() && differs == 0
}

/// Refuses whoever came by another name or from another page.
pub(super) async fn only_from_here(
    State(gate): State<Gate>,
    request: Request,
    next: Next,
) -> Response {
    if gate.is_from_here(request.headers()) {
        return next.run(request).await;
    }
    (
        StatusCode::FORBIDDEN,
        Json(json!(ApiError {
            code: Code::InvalidRequest,
            message: "Patchbay only answers to pages of its own.".into(),
            hint: Some("Open the address that it printed when it started.".into()),
            details: None,
        })),
    )
        .into_response()
}

/// Refuses calls without the token.
pub(super) async fn only_with_token(
    State(gate): State<Gate>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    // A browser's event source cannot send headers.
    let in_address = (request.method() == Method::GET)
        .then(|| request.uri().query())
        .flatten()
        .and_then(|query| {
            url::form_urlencoded::parse(query.as_bytes())
                .find_map(|(name, value)| (name == "token").then(|| value.into_owned()))
        });
    let knows = given.is_some_and(|token| gate.knows(token))
        || in_address.as_deref().is_some_and(|token| gate.knows(token));
    let marked =
        request.method() == Method::GET || headers.get(MARK).is_some_and(|value| value == "1");
    if knows && marked {
        return next.run(request).await;
    }
    (
        StatusCode::UNAUTHORIZED,
        Json(json!(ApiError {
            code: Code::SignInNeeded,
            message: "This page may not talk to Patchbay.".into(),
            hint: Some("Open the address that Patchbay printed when it started, with everything after the #.".into()),
            details: None,
        })),
    )
        .into_response()
}

/// What every answer says to the browser.
pub(super) async fn with_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_and_origins_come_from_here() {
        let gate = Gate::new(4780, "t".into(), Some("http://127.0.0.1:5173".into()));
        let check = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, HeaderValue::from_static(value));
            }
            gate.is_from_here(&headers)
        };
        assert!(check(&[("host", "127.0.0.1:4780")]));
        assert!(check(&[
            ("host", "localhost:4780"),
            ("origin", "http://localhost:4780")
        ]));
        assert!(check(&[
            ("host", "127.0.0.1:4780"),
            ("origin", "http://127.0.0.1:5173")
        ]));
        for refused in [
            &[][..],
            &[("host", "127.0.0.1")],
            &[("host", "127.0.0.1:4781")],
            &[("host", "evil.example:4780")],
            &[("host", "127.0.0.1:4780"), ("host", "evil.example")],
            &[
                ("host", "127.0.0.1:4780"),
                ("origin", "http://evil.example"),
            ],
            &[("host", "127.0.0.1:4780"), ("origin", "null")],
            &[
                ("host", "127.0.0.1:4780"),
                ("origin", "https://127.0.0.1:4780"),
            ],
        ] {
            assert!(!check(refused), "{refused:?}");
        }
    }

    #[test]
    fn a_token_is_known_only_as_a_whole() {
        let gate = Gate::new(1, "abc".into(), None);
        assert!(gate.knows("abc"));
        for wrong in ["", "ab", "abcd", "abd"] {
            assert!(!gate.knows(wrong), "{wrong}");
        }
    }
}
