//! A request before it is sent: what authenticators add to and the client sends.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::tls::ClientTls;

/// One request, still open to change.
#[derive(Clone)]
pub struct RequestParts {
    /// GET, POST…
    pub method: http::Method,
    /// Address; may have a query of its own, to which `query` is added.
    pub url: Url,
    /// Headers, without those that the transport sets.
    pub headers: HeaderMap,
    /// Query parameters in order, not yet encoded.
    pub query: Vec<(String, String)>,
    /// What is sent, if anything.
    pub body: Body,
    /// The connection's own certificates, if it has any.
    pub tls: Option<Arc<ClientTls>>,
    /// The version of the credentials that it was signed with; whoever signed it knows what that means.
    pub signed_with: Option<u64>,
}

/// What a request carries.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// JSON; an authenticator may add members.
    Json(model::value::Value),
    /// `application/x-www-form-urlencoded`, not yet encoded.
    Form(Vec<(String, String)>),
    /// As it is; the content type is up to the headers.
    Raw(Bytes),
}

impl RequestParts {
    /// A request without headers, query and body.
    pub fn new(method: http::Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            query: Vec::new(),
            body: Body::Empty,
            tls: None,
            signed_with: None,
        }
    }

    /// Sets a header, replacing one of the same name. False when name or value cannot be a header
    /// (line breaks and the like); nothing is set then.
    pub fn set_header(&mut self, name: &str, value: &str) -> bool {
        let (Ok(name), Ok(value)) = (
            HeaderName::try_from(name),
            HeaderValue::try_from(value.trim()),
        ) else {
            return false;
        };
        self.headers.insert(name, value);
        true
    }

    /// Sets a header whose value is a secret: it is marked so that nothing prints it.
    pub fn set_secret_header(&mut self, name: &str, value: &str) -> bool {
        let (Ok(name), Ok(mut value)) = (
            HeaderName::try_from(name),
            HeaderValue::try_from(value.trim()),
        ) else {
            return false;
        };
        value.set_sensitive(true);
        self.headers.insert(name, value);
        true
    }
}

impl std::fmt::Debug for RequestParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Query, headers and body may hold secrets.
        f.debug_struct("RequestParts")
            .field("method", &self.method)
            .field("host", &self.url.host_str())
            .field("path", &self.url.path())
            .finish_non_exhaustive()
    }
}
