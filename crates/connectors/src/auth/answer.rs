//! What the answers of token endpoints mean: the many ways in which platforms deviate from RFC 6749 brought into one
//! form.

use std::collections::BTreeMap;

use http::StatusCode;
use model::clock::Millis;
use model::secret::Secret;
use serde_json::{Map, Value};

use super::credentials::TokenSet;
use super::transport::RawAnswer;
use crate::declarative::auth_spec::{AnswerShape, Way};

/// Error codes that say for certain that a token endpoint has spoken.
const RFC_6749: [&str; 9] = [
    "authorization_pending",
    "slow_down",
    "expired_token",
    "access_denied",
    "invalid_grant",
    "invalid_client",
    "unauthorized_client",
    "invalid_scope",
    "unsupported_grant_type",
];
/// Ten years: whoever says more says nothing.
const LONGEST_LIFE: f64 = 315_360_000.0;

/// Something else than a token endpoint answered.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotAnEndpoint(pub(crate) String);

/// What an answer says.
#[derive(Debug, PartialEq)]
pub(super) enum Told {
    /// There are tokens in it.
    Tokens(Value),
    /// It refused: the code and the words of the error.
    Refused { code: String, words: Option<String> },
    /// It is empty, and well.
    Nothing,
}

/// Reads an answer.
pub(super) fn read(raw: &RawAnswer, shape: &AnswerShape) -> Result<Told, NotAnEndpoint> {
    let status = raw.status;
    let kind = raw.kind();
    let answer = decoded(&kind, &raw.body, shape);
    let has_token = answer
        .as_ref()
        .is_some_and(|answer| access(answer, shape).is_some());
    // Some report errors with 200.
    if status.is_success() {
        match answer {
            Some(answer) if has_token => return Ok(Told::Tokens(answer)),
            None if raw.body.is_empty() => return Ok(Told::Nothing),
            _ => {}
        }
    }
    let Some(answer) = answer else {
        let what = if kind.contains("html") {
            "a web page"
        } else {
            "something else"
        };
        if status.is_success() || status.is_redirection() {
            return Err(NotAnEndpoint(format!(
                "{what} ({status}) came instead of a token; if a network asks you to sign in first, do that, otherwise check the address"
            )));
        }
        return Ok(Told::Refused {
            code: format!("http_{}", status.as_u16()),
            words: None,
        });
    };
    Ok(refusal(&answer, status, shape))
}

fn refusal(answer: &Value, status: StatusCode, shape: &AnswerShape) -> Told {
    let own = |way: &Way| way.find(answer).and_then(as_text);
    let inner = answer.get("error");
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let code = own(&shape.error)
        .or_else(|| text(inner))
        .or_else(|| text(inner?.get("code")))
        .or_else(|| text(inner?.get("type")))
        // Errors of a token endpoint are 400 or 401; with another status only its own words count.
        .filter(|code| {
            status.is_success()
                || matches!(status.as_u16(), 400 | 401 | 403)
                || RFC_6749.contains(&code.as_str())
        })
        .unwrap_or_else(|| format!("http_{}", status.as_u16()));
    let words = own(&shape.error_description)
        .or_else(|| text(answer.get("error_description")))
        .or_else(|| text(answer.get("message")))
        .or_else(|| text(inner?.get("message")));
    Told::Refused { code, words }
}

/// The answer as a document: JSON, or a form, which a few send although they were asked for JSON.
fn decoded(kind: &str, bytes: &[u8], shape: &AnswerShape) -> Option<Value> {
    if let Ok(value @ Value::Object(_)) = serde_json::from_slice(bytes) {
        return Some(value);
    }
    if kind.starts_with("application/x-www-form-urlencoded") || kind.starts_with("text/") {
        let members: Map<String, Value> = url::form_urlencoded::parse(bytes)
            .take(100)
            .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
            .collect();
        let form = Value::Object(members);
        return (access(&form, shape).is_some() || form.get("error").is_some()).then_some(form);
    }
    None
}

fn member<'v>(answer: &'v Value, way: &Way, usual: &str) -> Option<&'v Value> {
    if way.is_empty() {
        answer.get(usual)
    } else {
        way.find(answer)
    }
}

fn access(answer: &Value, shape: &AnswerShape) -> Option<String> {
    member(answer, &shape.access_token, "access_token")
        .and_then(as_text)
        .filter(|token| !token.trim().is_empty())
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What was asked for, in so far as the answer may leave it out.
pub(super) struct Before<'a> {
    /// When it was asked.
    pub(super) began: Millis,
    /// What was asked for.
    pub(super) scopes: &'a [String],
    /// What stands between scopes.
    pub(super) separator: &'a str,
    /// How long a token is good for if nobody says, in seconds.
    pub(super) lifetime: Option<u64>,
    /// The refresh token that goes on to be good.
    pub(super) refresh: Option<&'a Secret>,
    /// What was kept so far.
    pub(super) kept: &'a BTreeMap<String, Secret>,
}

/// The tokens of an answer. What it leaves out stays as it is.
pub(super) fn token_set(answer: &Value, shape: &AnswerShape, before: &Before<'_>) -> TokenSet {
    let refresh = member(answer, &shape.refresh_token, "refresh_token")
        .and_then(as_text)
        .filter(|token| !token.is_empty())
        .map(Secret::new)
        .or_else(|| before.refresh.cloned());
    let in_seconds = member(answer, &shape.expires_in, "expires_in").and_then(seconds);
    let expires_at = match member(answer, &shape.expires_at, "").and_then(point_in_time) {
        Some(at) => Some(at),
        None => in_seconds
            .or(before.lifetime)
            .map(|life| before.began.saturating_add(millis(life))),
    };
    let mut kept = before.kept.clone();
    for (name, way) in &shape.keep {
        if let Some(value) = way.find(answer).and_then(as_text) {
            kept.insert(name.clone(), Secret::new(value));
        }
    }
    TokenSet {
        access: Secret::new(access(answer, shape).unwrap_or_default()),
        refresh,
        expires_at,
        scopes: member(answer, &shape.scope, "scope")
            .and_then(|scope| scopes(scope, before.separator))
            .unwrap_or_else(|| before.scopes.to_vec()),
        obtained_at: before.began,
        kept,
    }
}

fn millis(seconds: u64) -> Millis {
    Millis::try_from(seconds)
        .unwrap_or(Millis::MAX)
        .saturating_mul(1000)
}

/// A life in seconds, as a number or as text; ten years at most. Zero or nonsense: not known.
pub(crate) fn seconds(value: &Value) -> Option<u64> {
    let seconds = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse::<f64>().ok(),
        _ => None,
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped before"
    )]
    let whole = seconds
        .filter(|seconds| seconds.is_finite() && *seconds >= 1.0)
        .map(|seconds| seconds.min(LONGEST_LIFE) as u64);
    whole
}

/// Seconds or milliseconds since 1970, or a date with time and offset.
pub(crate) fn point_in_time(value: &Value) -> Option<Millis> {
    let text = as_text(value)?;
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        if !number.is_finite() || number < 1.0 {
            return None;
        }
        // No token ends before 1973 or after the year 5138.
        let millis = if number < 1e11 {
            number * 1000.0
        } else {
            number
        };
        #[expect(clippy::cast_possible_truncation, reason = "a cast saturates")]
        return Some(millis as Millis);
    }
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Some(at.as_millisecond());
    }
    // Without an offset: UTC.
    text.parse::<jiff::civil::DateTime>()
        .ok()?
        .to_zoned(jiff::tz::TimeZone::UTC)
        .ok()
        .map(|zoned| zoned.timestamp().as_millisecond())
}

fn scopes(value: &Value, separator: &str) -> Option<Vec<String>> {
    let words: Vec<String> = match value {
        Value::String(text) => text
            .split([' ', ','])
            .flat_map(|part| match separator.trim() {
                "" => vec![part],
                separator => part.split(separator).collect(),
            })
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect(),
        Value::Array(items) => items.iter().filter_map(as_text).collect(),
        _ => return None,
    };
    (!words.is_empty()).then_some(words)
}

#[cfg(test)]
mod tests {
    use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

    use super::*;

    fn raw(status: u16, kind: &'static str, body: &str) -> RawAnswer {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        RawAnswer {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: body.into(),
        }
    }

    #[track_caller]
    fn check(status: u16, kind: &'static str, body: &str, expected: &str) {
        let seen = match read(&raw(status, kind, body), &AnswerShape::default()) {
            Ok(Told::Tokens(answer)) => format!("tokens {answer}"),
            Ok(Told::Refused { code, words }) => {
                format!("{code} {}", words.unwrap_or_default())
            }
            Ok(Told::Nothing) => "nothing".to_owned(),
            Err(problem) => problem.to_string(),
        };
        assert_eq!(seen.trim(), expected);
    }

    #[test]
    fn answers_of_all_kinds_take_one_form() {
        let json = "application/json";
        check(
            201,
            json,
            r#"{"access_token":"a"}"#,
            r#"tokens {"access_token":"a"}"#,
        );
        check(
            200,
            "text/html",
            r#"{"access_token":"a"}"#,
            r#"tokens {"access_token":"a"}"#,
        );
        check(
            200,
            "application/x-www-form-urlencoded; charset=utf-8",
            "access_token=a&scope=x%20y",
            r#"tokens {"access_token":"a","scope":"x y"}"#,
        );
        check(200, "text/plain", "error=expired", "expired");
        check(
            200,
            json,
            r#"{"error":"bad_refresh_token","error_description":"gone"}"#,
            "bad_refresh_token gone",
        );
        check(
            200,
            json,
            r#"{"ok":false,"error":"invalid_code"}"#,
            "invalid_code",
        );
        check(200, json, r#"{"access_token":""}"#, "http_200");
        check(
            401,
            json,
            r#"{"error":{"code":"unauthorized","message":"who are you"}}"#,
            "unauthorized who are you",
        );
        check(422, json, r#"{"error":"invalid_grant"}"#, "invalid_grant");
        check(404, json, r#"{"error":"not_found"}"#, "http_404");
        check(403, "text/html", "<html>", "http_403");
        check(400, json, r#"{"message":"no"}"#, "http_400 no");
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
        check(200, "", "", "nothing");
    }

    fn shape(yaml: &str) -> AnswerShape {
        let node = crate::declarative::node::Node::parse("x", yaml).unwrap();
        serde_json::from_value(node.to_json()).unwrap()
    }

    fn set(shape: &AnswerShape, body: &str) -> TokenSet {
        let answer = serde_json::from_str(body).unwrap();
        token_set(
            &answer,
            shape,
            &Before {
                began: 1_000,
                scopes: &["asked".to_owned()],
                separator: ";",
                lifetime: None,
                refresh: Some(&Secret::new("old")),
                kept: &BTreeMap::new(),
            },
        )
    }

    #[track_caller]
    fn reads(yaml: &str, body: &str, expected: &str) {
        let set = set(&shape(yaml), body);
        let kept: String = set
            .kept
            .iter()
            .map(|(name, value)| format!(" {name}={}", value.reveal()))
            .collect();
        assert_eq!(
            format!(
                "{} {} {:?} {}{kept}",
                set.access.reveal(),
                set.refresh.as_ref().map_or("-", Secret::reveal),
                set.expires_at,
                set.scopes.join("+"),
            ),
            expected
        );
    }

    #[test]
    fn token_answers_are_read_as_platforms_give_them() {
        reads(
            "{}",
            r#"{"access_token":"a","token_type":"Bearer","expires_in":3600,"refresh_token":"r","scope":"x y"}"#,
            "a r Some(3601000) x+y",
        );
        reads("{}", r#"{"access_token":"a"}"#, "a old None asked");
        reads(
            "{}",
            r#"{"access_token":"a","token_type":"MAC","expires_in":"7200","refresh_token":null,"scope":"x,y;z"}"#,
            "a old Some(7201000) x+y+z",
        );
        reads(
            "{}",
            r#"{"access_token":"a","expires_in":59.9,"refresh_token":"","scope":["x"]}"#,
            "a old Some(60000) x",
        );
        reads(
            "{}",
            r#"{"access_token":"a","expires_in":-1,"scope":""}"#,
            "a old None asked",
        );
        reads(
            "{}",
            r#"{"access_token":"a","expires_in":1e300,"scope":null}"#,
            "a old Some(315360001000) asked",
        );
    }

    #[test]
    fn what_stands_elsewhere_is_found_there() {
        reads(
            "{access_token: [authed_user, access_token], scope: [authed_user, scope], keep: {team: [team, id]}}",
            r#"{"ok":true,"access_token":"bot","authed_user":{"access_token":"usr","scope":"x,y"},"team":{"id":"T1"}}"#,
            "usr old None x+y team=T1",
        );
        reads(
            "{access_token: token, refresh_token: [data, 0, next], expires_at: ends}",
            r#"{"token":"a","data":[{"next":"r"}],"ends":"2026-01-15T12:34:56Z","expires_in":5}"#,
            "a r Some(1768480496000) asked",
        );
        reads(
            "{expires_at: ends}",
            r#"{"access_token":"a","ends":1768480496}"#,
            "a old Some(1768480496000) asked",
        );
        reads(
            "{expires_at: ends}",
            r#"{"access_token":"a","ends":"1768480496000"}"#,
            "a old Some(1768480496000) asked",
        );
        reads(
            "{expires_at: ends}",
            r#"{"access_token":"a","ends":"2026-01-15T12:34:56","expires_in":5}"#,
            "a old Some(1768480496000) asked",
        );
        reads(
            "{expires_at: ends}",
            r#"{"access_token":"a","ends":"soon","expires_in":5}"#,
            "a old Some(6000) asked",
        );
    }
}
