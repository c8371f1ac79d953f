//! A request and its answer that nobody has read yet: secrets are taken out of as much of them as somebody keeps.

use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use model::clock::Millis;
use model::ids::ExchangeId;
use url::Url;

use super::redact::{RECORDED_BODY, Redactor};
use crate::Exchange;

/// One request and its answer as they went over the wire. Gives nothing away but by [`Unread::read`].
pub struct Unread {
    pub(super) id: ExchangeId,
    pub(super) at: Millis,
    pub(super) took: Duration,
    pub(super) attempt: u32,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) request_headers: HeaderMap,
    pub(super) request_body: Bytes,
    pub(super) status: Option<StatusCode>,
    pub(super) response_headers: HeaderMap,
    pub(super) response_body: Bytes,
    /// In words without secrets.
    pub(super) error: Option<String>,
    pub(super) redactor: Redactor,
}

impl Unread {
    /// To point at it from a record's history.
    pub fn id(&self) -> ExchangeId {
        self.id
    }

    /// Whether it only asked for something.
    pub fn is_read(&self) -> bool {
        self.method == Method::GET
    }

    /// Whether there is an answer that is no refusal.
    pub fn went_well(&self) -> bool {
        self.error.is_none() && self.status.is_some_and(|status| status.as_u16() < 400)
    }

    /// Keeps nothing of the answer's body.
    pub fn forget_answer(&mut self) {
        self.response_body = Bytes::new();
    }

    /// Keeps no more memory than reading it takes: what came over a connection is a piece of what was read from it, and
    /// would hold all of that.
    pub fn shorten(&mut self) {
        let window = self.redactor.window(RECORDED_BODY);
        for body in [&mut self.request_body, &mut self.response_body] {
            // One byte more tells that it was cut.
            let end = body.len().min(window + 1);
            *body = Bytes::copy_from_slice(body.get(..end).unwrap_or_default());
        }
        let headers = std::mem::take(&mut self.response_headers);
        for (name, value) in &headers {
            let copied = (
                HeaderName::from_bytes(name.as_str().as_bytes()),
                HeaderValue::from_bytes(value.as_bytes()),
            );
            if let (Ok(name), Ok(mut copy)) = copied {
                copy.set_sensitive(value.is_sensitive());
                self.response_headers.append(name, copy);
            }
        }
    }

    /// Without secrets, and no more than so many bytes of each body.
    pub fn read(&self, most: usize) -> Exchange {
        Exchange {
            id: self.id,
            at: self.at,
            took: self.took,
            method: self.method.to_string(),
            url: self.redactor.url(&self.url),
            request_headers: self.redactor.headers(&self.request_headers),
            request_body: self.redactor.body(&self.request_body, most),
            status: self.status.map(|status| status.as_u16()),
            response_headers: self.redactor.headers(&self.response_headers),
            response_body: self.redactor.body(&self.response_body, most),
            error: self.error.clone(),
            attempt: self.attempt,
        }
    }
}

impl std::fmt::Debug for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Nothing is redacted yet.
        f.debug_struct("Unread")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use model::secret::Secret;

    use super::*;

    fn unread(request_body: &str, response_body: &str) -> Unread {
        let secret = "0123456789abcdef0123456789abcdef";
        let mut request_headers = HeaderMap::new();
        request_headers.insert("x-custom", secret.parse().unwrap());
        Unread {
            id: ExchangeId::new(),
            at: 0,
            took: Duration::ZERO,
            attempt: 1,
            method: Method::POST,
            url: format!("http://h/p?x={secret}").parse().unwrap(),
            request_headers,
            request_body: request_body.replace("SECRET", secret).into(),
            status: Some(StatusCode::OK),
            response_headers: HeaderMap::new(),
            response_body: response_body.replace("SECRET", secret).into(),
            error: None,
            redactor: Redactor::new(&[Secret::new(secret)]),
        }
    }

    #[test]
    fn nothing_of_it_shows_a_secret_however_much_is_kept() {
        let long = format!("{}SECRET{}", "x".repeat(1000), "y".repeat(200_000));
        for (request, response) in [("SECRET", "a SECRET b"), (&*long, ""), ("", &*long)] {
            let mut unread = unread(request, response);
            for most in [0, 10, 1000, 1010, 1032, 2000, RECORDED_BODY] {
                let shown = format!("{unread:?} {:?}", unread.read(most));
                assert!(!shown.contains("01234"), "{most}: {shown}");
            }
            let before = unread.read(RECORDED_BODY);
            unread.shorten();
            assert_eq!(unread.read(RECORDED_BODY), before);
        }
    }

    #[test]
    fn what_is_shortened_holds_nothing_of_what_was_read_from_the_connection() {
        let read = Bytes::from("HTTP/1.1 200 OK x-name: value body and much more".to_owned());
        let mut unread = unread("", "");
        unread.response_body = read.slice(29..33);
        let value = HeaderValue::from_maybe_shared(read.slice(24..29)).unwrap();
        unread.response_headers.insert("x-name", value);
        let before = unread.read(RECORDED_BODY);
        assert!(!read.is_unique());
        unread.shorten();
        assert!(read.is_unique());
        assert_eq!(unread.read(RECORDED_BODY), before);
        assert_eq!(before.response_headers, [("x-name".into(), "value".into())]);
    }

    #[test]
    fn no_more_is_kept_of_a_body_than_is_wanted() {
        let unread = unread(&"é".repeat(50_000), "short");
        let read = unread.read(101);
        let kept = read.request_body.unwrap();
        assert!(kept.starts_with("éé") && kept.len() < 120, "{kept}");
        assert_eq!(read.response_body.as_deref(), Some("short"));
    }
}
