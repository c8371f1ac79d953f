//! A request in the form in which it is sent, so that what is signed is what arrives.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::http::{Body, RequestParts};

/// Everything but the unreserved characters of RFC 3986.
const RESERVED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// The same, for whole paths.
const RESERVED_IN_PATH: AsciiSet = RESERVED.remove(b'/');

/// As RFC 3986 wants it: letters, digits and `-._~` stand for themselves.
pub(crate) fn encoded(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, &RESERVED).into()
}

/// The same for a path: its `/` stay.
pub(super) fn encoded_path(path: &str) -> Cow<'_, str> {
    utf8_percent_encode(path, &RESERVED_IN_PATH).into()
}

/// What stands behind the percent signs.
pub(super) fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// Puts query and body into the form in which they are sent.
pub(super) fn settle(request: &mut RequestParts) {
    let mut query = request
        .url
        .query()
        .map(|query| query.replace('+', "%20"))
        .unwrap_or_default();
    for (name, value) in std::mem::take(&mut request.query) {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(&encoded(&name));
        query.push('=');
        query.push_str(&encoded(&value));
    }
    request
        .url
        .set_query((!query.is_empty()).then_some(query.as_str()));
    let (bytes, kind) = match std::mem::take(&mut request.body) {
        Body::Empty => return,
        Body::Raw(bytes) => (bytes, None),
        Body::Json(value) => (
            Bytes::from(model::json::to_string(&value)),
            Some("application/json"),
        ),
        Body::Form(pairs) => (
            Bytes::from(
                url::form_urlencoded::Serializer::new(String::new())
                    .extend_pairs(pairs)
                    .finish(),
            ),
            Some("application/x-www-form-urlencoded"),
        ),
    };
    if let Some(kind) = kind {
        request
            .headers
            .entry(CONTENT_TYPE)
            .or_insert(HeaderValue::from_static(kind));
    }
    request.body = Body::Raw(bytes);
}

/// The bytes of a settled body.
pub(super) fn body(request: &RequestParts) -> &[u8] {
    match &request.body {
        Body::Raw(bytes) => bytes,
        Body::Empty | Body::Json(_) | Body::Form(_) => &[],
    }
}

/// Names and values of a settled query, in order.
pub(super) fn query_pairs(request: &RequestParts) -> Vec<(String, String)> {
    request
        .url
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name).into_owned(), decoded(value).into_owned())
        })
        .collect()
}

/// The host as its header has it: with the port where it is not the usual one.
pub(super) fn host(request: &RequestParts) -> String {
    let host = request.url.host_str().unwrap_or_default();
    match request.url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use model::value::{Object, Value};
    use url::Url;

    use super::*;

    #[test]
    fn a_settled_request_is_sent_as_it_stands() {
        let mut request = RequestParts::new(
            http::Method::POST,
            Url::parse("https://x.example/a%20b?q=1+2").unwrap(),
        );
        request.query = vec![("n m".into(), "ä&+".into())];
        let mut object = Object::with_capacity(1);
        object.insert("a", Value::Int(1));
        request.body = Body::Json(Value::Object(object));
        settle(&mut request);
        assert_eq!(
            request.url.as_str(),
            "https://x.example/a%20b?q=1%202&n%20m=%C3%A4%26%2B"
        );
        assert_eq!(body(&request), br#"{"a":1}"#);
        assert_eq!(
            request.headers.get(CONTENT_TYPE).unwrap(),
            "application/json"
        );
        assert_eq!(
            query_pairs(&request),
            [
                ("q".to_owned(), "1 2".to_owned()),
                ("n m".to_owned(), "ä&+".to_owned())
            ]
        );
        let before = request.url.clone();
        settle(&mut request);
        assert_eq!(request.url, before);
        assert_eq!(host(&request), "x.example");
    }
}
