//! One request as the platforms see it, and one answer.

use axum::{
    body::Body,
    extract::{ConnectInfo, FromRequest, MatchedPath, RawPathParams, Request},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::wire::Scissors;
use crate::schema::write::FieldError;

/// Larger bodies are refused.
pub(crate) const MAX_BODY: usize = 1024 * 1024;
/// So much of a body that is too large is still taken off the wire, so that its sender gets to read the answer.
const MAX_DRAINED: usize = 16 * MAX_BODY;

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The path with names for its changing parts, for the counters.
    pub(crate) route: String,
    /// The `{id}` of the path.
    pub(crate) id: String,
    pub(crate) query: Vec<(String, String)>,
    /// The query as it was sent.
    pub(crate) raw_query: String,
    pub(crate) headers: HeaderMap,
    /// SHA-256 of the certificate that the client has shown.
    pub(crate) certificate: Option<String>,
    /// None: larger than the limit.
    body: Option<Bytes>,
    /// A fault: each n-th operation of a batch fails.
    pub(crate) fail_items: Option<u64>,
    pub(crate) scissors: Scissors,
}

impl<S: Send + Sync> FromRequest<S> for Call {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let (mut parts, body) = request.into_parts();
        use axum::extract::FromRequestParts as _;
        let id = match RawPathParams::from_request_parts(&mut parts, state).await {
            Ok(params) => params
                .iter()
                .next()
                .map(|(_, value)| value.to_owned())
                .unwrap_or_default(),
            Err(rejection) => return Err(rejection.into_response()),
        };
        let scissors = parts
            .extensions
            .get::<ConnectInfo<Scissors>>()
            .map(|info| info.0.clone())
            .unwrap_or_default();
        let route = parts
            .extensions
            .get::<MatchedPath>()
            .map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
        let raw_query = parts.uri.query().unwrap_or("").to_owned();
        let query = form_urlencoded::parse(parts.uri.query().unwrap_or("").as_bytes())
            .into_owned()
            .collect();
        let Ok(body) = read(body).await else {
            return Err(Answer::error(400, "invalid_body", "the body ended early").into_response());
        };
        Ok(Self {
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
            route,
            id,
            query,
            raw_query,
            headers: parts.headers,
            certificate: scissors.certificate(),
            body,
            fail_items: None,
            scissors,
        })
    }
}

/// The whole body; None when it is larger than allowed.
async fn read(body: Body) -> Result<Option<Bytes>, axum::Error> {
    let mut stream = body.into_data_stream();
    let mut kept = BytesMut::new();
    let mut size = 0;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        size += chunk.len();
        if size > MAX_DRAINED {
            break;
        }
        if size <= MAX_BODY {
            kept.extend_from_slice(&chunk);
        } else {
            kept.clear();
        }
    }
    Ok((size <= MAX_BODY).then(|| kept.freeze()))
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A query parameter; an empty one counts as absent.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// A query parameter that may be empty.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A number within bounds, or the answer that says what was expected.
    pub(crate) fn number(
        &self,
        name: &str,
        otherwise: u64,
        low: u64,
        high: u64,
    ) -> Result<u64, Answer> {
        let Some(text) = self.param(name) else {
            return Ok(otherwise);
        };
        match text.parse() {
            Ok(number) if (low..=high).contains(&number) => Ok(number),
            _ if high == u64::MAX => Err(Answer::parameter(
                name,
                &format!("must be a whole number from {low}"),
            )),
            _ => Err(Answer::parameter(
                name,
                &format!("must be a whole number from {low} to {high}"),
            )),
        }
    }

    pub(crate) fn bytes(&self) -> Result<&Bytes, Answer> {
        self.body.as_ref().ok_or_else(|| {
            Answer::error(
                413,
                "body_too_large",
                "the body may have at most 1048576 bytes",
            )
        })
    }

    fn has_type(&self, wanted: &str) -> bool {
        self.header("content-type")
            .and_then(|text| text.split(';').next())
            .is_some_and(|text| text.trim().eq_ignore_ascii_case(wanted))
    }

    /// The body as a JSON object.
    pub(crate) fn json(&self) -> Result<Map<String, Value>, Answer> {
        match self.any_json()? {
            Value::Object(object) => Ok(object),
            _ => Err(Answer::error(
                400,
                "invalid_json",
                "the body must be a JSON object",
            )),
        }
    }

    pub(crate) fn any_json(&self) -> Result<Value, Answer> {
        let bytes = self.bytes()?;
        if !self.has_type("application/json") {
            return Err(Answer::error(
                415,
                "unsupported_media_type",
                "the body must be sent as application/json",
            ));
        }
        serde_json::from_slice(bytes).map_err(|error| {
            Answer::error(
                400,
                "invalid_json",
                &format!("the body is not JSON: {error}"),
            )
        })
    }

    /// The fields of a form; None when the body is something else.
    pub(crate) fn form(&self) -> Option<Form> {
        let bytes = self.body.as_ref()?;
        self.has_type("application/x-www-form-urlencoded")
            .then(|| Form(form_urlencoded::parse(bytes).into_owned().collect()))
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }
}

/// The fields of a form.
#[derive(Debug)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    pub(crate) fn of(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    /// The same with other names for some fields.
    pub(crate) fn renamed(self, names: &[(&str, &str)]) -> Self {
        let other = |name: String| {
            let found = names.iter().find(|(own, _)| *own == name);
            found.map_or(name, |(_, usual)| (*usual).to_owned())
        };
        Self::of(self.0.into_iter().map(|(name, value)| (other(name), value)))
    }

    /// Every field, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The field's value; empty when it is absent.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value.as_str())
    }

    pub(crate) fn has_twice(&self) -> Option<&str> {
        self.0
            .iter()
            .enumerate()
            .find(|(at, (key, _))| self.0.iter().take(*at).any(|(other, _)| other == key))
            .map(|(_, (key, _))| key.as_str())
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

pub(crate) const JSON: &str = "application/json";
pub(crate) const HTML: &str = "text/html; charset=utf-8";

impl Answer {
    pub(crate) fn text(status: u16, json: impl Into<String>) -> Self {
        Self {
            status,
            content_type: JSON,
            headers: Vec::new(),
            body: json.into(),
        }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, body.to_string())
    }

    pub(crate) fn html(status: u16, page: String) -> Self {
        let mut answer = Self::text(status, page);
        answer.content_type = HTML;
        answer
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self::text(status, "")
    }

    pub(crate) fn redirect(to: &str) -> Self {
        Self::empty(303).with("location", to)
    }

    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(
            status,
            &json!({"error": {"code": code, "message": message}}),
        )
    }

    pub(crate) fn parameter(name: &str, message: &str) -> Self {
        let message = format!("{name} {message}");
        let error =
            json!({"error": {"code": "invalid_parameter", "message": message, "parameter": name}});
        Self::json(400, &error)
    }

    pub(crate) fn invalid(errors: &[FieldError]) -> Self {
        Self::json(422, &json!({"error": invalid(errors)}))
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// The members of an error for fields that are at fault.
pub(crate) fn invalid(errors: &[FieldError]) -> Map<String, Value> {
    let message = match errors.len() {
        1 => "1 field is not valid".to_owned(),
        count => format!("{count} fields are not valid"),
    };
    let list: Vec<Value> = errors.iter().map(FieldError::to_json).collect();
    let mut error = Map::new();
    error.insert("code".into(), json!("invalid"));
    error.insert("message".into(), json!(message));
    error.insert("errors".into(), Value::Array(list));
    error
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let has_body = !self.body.is_empty();
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        if has_body {
            headers.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static(self.content_type),
            );
        }
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.append(name, value);
            }
        }
        response
    }
}
