//! Asking for the token of an `OAuthAuthenticator`, once everything is filled in.

use std::sync::Arc;

use compact_str::CompactString;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use jiff::Timestamp;
use model::clock::{Clock, Millis};
use model::secret::Secret;
use model::value::Value;
use url::Url;

use super::{Platform, Refusals, Updater};
use crate::auth::endpoint::put_header;
use crate::auth::problem::foreign_words;
use crate::auth::transport::{self, Outgoing, RawAnswer, TransportProblem};
use crate::auth::{Patience, seconds_of};
use crate::declarative::authenticators::tokens::{Cell, Token, key};
use crate::declarative::authenticators::{Tokens, config};
use crate::declarative::text::python_text;
use crate::declarative::{datetime, glob_path};
use crate::{Error, Result};

/// How long a token is good for where nobody says.
const USUAL: Millis = 3_600_000;
/// How deep a token is looked for in an answer.
const DEEPEST: usize = 5;

/// A point in time: in the format if there is one, as ISO 8601, or as seconds since 1970.
pub(super) fn point(text: &str, format: Option<&str>) -> Option<Millis> {
    let text = text.trim();
    format
        .and_then(|format| datetime::parse(text, format))
        .or_else(|| datetime::parse_iso(text))
        .or_else(|| Timestamp::from_second(text.parse().ok()?).ok())
        .map(Timestamp::as_millisecond)
}

/// A refresh with everything filled in.
pub(super) struct Prepared {
    pub(super) url: Option<Url>,
    pub(super) params: Vec<(String, String)>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) as_query: bool,
    /// Who asks: what tells one token from another.
    pub(super) identity: Vec<String>,
    pub(super) refresh: Option<Secret>,
    pub(super) refresh_name: String,
    pub(super) access_name: String,
    pub(super) expires_name: String,
    pub(super) expiry_format: Option<String>,
    pub(super) updater: Option<Updater>,
    pub(super) refusals: Refusals,
    /// A token that is there already, and its end.
    pub(super) known: Option<(Secret, Option<Millis>)>,
}

impl Prepared {
    /// With an updater the refresh token changes and does not count.
    pub(super) fn key(&self) -> [u8; 32] {
        let kept = self.updater.is_some();
        let refresh = self.refresh.as_ref().filter(|_| !kept).map(Secret::reveal);
        let known = self
            .known
            .as_ref()
            .filter(|_| !kept)
            .map(|(token, _)| token.reveal());
        let more = self
            .params
            .iter()
            .filter(|(name, _)| *name != self.refresh_name && name != "assertion")
            .flat_map(|(name, value)| [name.as_str(), value.as_str()]);
        let headers = self
            .headers
            .iter()
            .flat_map(|(name, value)| [name.as_str(), value.as_str()]);
        key(
            "oauth",
            self.url
                .as_ref()
                .map(Url::as_str)
                .into_iter()
                .chain(refresh)
                .chain(known)
                .chain(self.identity.iter().map(String::as_str))
                .chain(more)
                .chain(headers)
                .chain([self.access_name.as_str()]),
        )
    }
}

/// Asks for a new token, in a task of its own: when the run that wanted it is cancelled, a token that the platform has
/// already exchanged is still kept.
pub(super) async fn renewed(
    prepared: Prepared,
    cell: Arc<Cell>,
    platform: &Platform<'_>,
    now: Millis,
) -> Result<Token> {
    let turn = cell.turn().await;
    if let Some(token) = cell.good(now) {
        return Ok(token);
    }
    cell.failed_just_now(now)?;
    let tokens = platform.tokens.clone();
    let clock = platform.clock.clone();
    let name = platform.name.to_owned();
    let opened = platform.config.clone();
    let task = tokio::spawn(async move {
        let _turn = turn;
        let answer = ask(prepared, &tokens, &opened, &clock, &name).await;
        cell.settle(clock.now(), answer)
    });
    task.await.unwrap_or_else(|error| {
        Err(Error::Unavailable {
            platform: platform.name.to_owned(),
            reason: format!("renewing the token broke off: {error}"),
        })
    })
}

/// Asks, keeps what has to be kept, and only then gives the token.
async fn ask(
    mut prepared: Prepared,
    tokens: &Tokens,
    opened: &Value,
    clock: &Clock,
    platform: &str,
) -> Result<(Secret, Option<Millis>)> {
    let _held = if prepared.updater.is_some() {
        let held = tokens.config().begin().await?;
        let current = tokens.config().current(opened);
        if let Some(renewed) = prepared.read_again(&current, clock.now()) {
            return Ok(renewed);
        }
        Some(held)
    } else {
        None
    };
    let began = clock.now();
    let raw = prepared.send(platform).await?;
    let answer: serde_json::Value =
        serde_json::from_slice(&raw.body).map_err(|_| Error::Malformed {
            platform: platform.to_owned(),
            reason: "the answer to the token request is not JSON".to_owned(),
        })?;
    let text = |name: &str| find(&answer, name, 0).and_then(as_text);
    let access = text(&prepared.access_name)
        .filter(|token| !token.is_empty())
        .ok_or_else(|| Error::Malformed {
            platform: platform.to_owned(),
            reason: format!(
                "the answer to the token request holds no `{}`",
                prepared.access_name
            ),
        })?;
    let access = Secret::new(access);
    let ends = prepared
        .end_of(&answer, began)
        .ok_or_else(|| Error::Malformed {
            platform: platform.to_owned(),
            reason: format!(
                "`{}` of the answer to the token request is neither seconds nor a date",
                prepared.expires_name
            ),
        })?;
    if let Some(updater) = &prepared.updater {
        let mut changed = (*tokens.config().current(opened)).clone();
        config::put(&mut changed, &updater.access, Value::text(access.reveal()));
        if let Some(refresh) = text(&prepared.refresh_name).filter(|text| !text.is_empty()) {
            config::put(&mut changed, &updater.refresh, Value::text(refresh));
        }
        config::put(&mut changed, &updater.expiry, Value::text(written(ends)));
        tokens.config().change(changed).await?;
    }
    Ok((access, Some(ends)))
}

/// As the low-code format writes points in time: `2026-01-15T12:34:56.789000+00:00`.
fn written(at: Millis) -> String {
    let at = Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
    let pattern = if at.subsec_nanosecond() == 0 {
        "%Y-%m-%dT%H:%M:%S+00:00"
    } else {
        "%Y-%m-%dT%H:%M:%S.%6f+00:00"
    };
    at.strftime(pattern).to_string()
}

impl Prepared {
    /// Takes what another process has put among the settings; the token, if it is good still.
    fn read_again(&mut self, current: &Value, now: Millis) -> Option<(Secret, Option<Millis>)> {
        let updater = self.updater.clone()?;
        let text = |way: &[CompactString]| {
            glob_path::at(current, way)
                .filter(|value| !value.is_null())
                .map(python_text)
                .filter(|text| !text.is_empty())
        };
        let refresh = text(&updater.refresh)?;
        let is_new = self
            .refresh
            .as_ref()
            .is_some_and(|known| known.reveal() != refresh);
        if is_new {
            for (name, value) in &mut self.params {
                if *name == self.refresh_name {
                    value.clone_from(&refresh);
                }
            }
            self.refresh = Some(Secret::new(refresh));
            let ends = text(&updater.expiry)
                .and_then(|text| point(&text, self.expiry_format.as_deref()))?;
            if ends > now {
                return Some((Secret::new(text(&updater.access)?), Some(ends)));
            }
        }
        None
    }

    fn outgoing(&self, platform: &str) -> Result<Outgoing> {
        let Some(mut url) = self.url.clone() else {
            return Err(Error::SignInNeeded {
                platform: platform.to_owned(),
                reason: "the platform refuses the token, and nothing says how to get another"
                    .to_owned(),
            });
        };
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        let mut body = Vec::new();
        if self.as_query {
            url.query_pairs_mut().extend_pairs(&self.params);
        } else {
            headers.insert(
                CONTENT_TYPE,
                HeaderValue::from_static("application/x-www-form-urlencoded"),
            );
            body = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(&self.params)
                .finish()
                .into_bytes();
        }
        for (name, value) in &self.headers {
            put_header(&mut headers, name, value)?;
        }
        Ok(Outgoing {
            method: http::Method::POST,
            url,
            headers,
            body,
        })
    }

    /// Sends it, patiently.
    async fn send(&self, platform: &str) -> Result<RawAnswer> {
        let patience = Patience::USUAL;
        let mut attempt = 1;
        loop {
            match transport::send(self.outgoing(platform)?, None).await {
                Ok(raw) if raw.status.is_success() => return Ok(raw),
                Ok(raw) => return Err(self.refused(&raw, platform)),
                Err(problem) => {
                    if attempt >= patience.attempts {
                        return Err(gave_up(problem, platform));
                    }
                    let after = match &problem {
                        TransportProblem::Later { after, .. } => *after,
                        _ => None,
                    };
                    tracing::info!(
                        platform,
                        attempt,
                        reason = %problem,
                        "Renewing the token is tried again."
                    );
                    tokio::time::sleep(patience.wait(attempt, after)).await;
                    attempt += 1;
                }
            }
        }
    }

    fn refused(&self, raw: &RawAnswer, platform: &str) -> Error {
        let status = raw.status.as_u16();
        let answer: serde_json::Value = serde_json::from_slice(&raw.body).unwrap_or_default();
        let hidden: Vec<Secret> = self
            .params
            .iter()
            .map(|(_, value)| Secret::new(value.as_str()))
            .filter(|value| value.reveal().len() > 4)
            .collect();
        let member = |name: &str| answer.get(name).and_then(serde_json::Value::as_str);
        let words = match (member("error_description"), member("error")) {
            (Some(words), Some(code)) => format!("{words} ({code})"),
            (Some(words), None) | (None, Some(words)) => words.to_owned(),
            (None, None) => member("message").unwrap_or_default().to_owned(),
        };
        let words = foreign_words(&words, &hidden);
        let reason = if words.is_empty() {
            format!("the token request was answered with status {status}")
        } else {
            format!("the token request was refused: {words}")
        };
        if self.refusals.fit(status, &answer) || matches!(status, 401 | 403) {
            Error::SignInNeeded {
                platform: platform.to_owned(),
                reason,
            }
        } else {
            Error::Refused {
                platform: platform.to_owned(),
                status,
                reason,
            }
        }
    }

    /// When the token of an answer ends; none where what it says is nonsense.
    fn end_of(&self, answer: &serde_json::Value, began: Millis) -> Option<Millis> {
        let Some(value) = find(answer, &self.expires_name, 0) else {
            return Some(began.saturating_add(USUAL));
        };
        let text = as_text(value)?;
        if let Some(format) = &self.expiry_format {
            return point(&text, Some(format));
        }
        match seconds_of(value) {
            Some(life) => Some(
                began.saturating_add(i64::try_from(life).unwrap_or(i64::MAX).saturating_mul(1000)),
            ),
            // Nothing left, or no number.
            None => text.trim().parse::<f64>().ok().map(|_| began),
        }
    }
}

fn gave_up(problem: TransportProblem, platform: &str) -> Error {
    match problem {
        TransportProblem::Later { status: 429, after } => Error::RateLimited {
            platform: platform.to_owned(),
            after,
        },
        problem => Error::Unavailable {
            platform: platform.to_owned(),
            reason: format!("renewing the token: {problem}"),
        },
    }
}

/// The member of this name, wherever it stands: the nearest to the top of the first branch that has it.
fn find<'v>(
    value: &'v serde_json::Value,
    name: &str,
    depth: usize,
) -> Option<&'v serde_json::Value> {
    if depth > DEEPEST {
        return None;
    }
    let there = |value: &&serde_json::Value| !value.is_null();
    match value {
        serde_json::Value::Object(members) => match members.get(name) {
            Some(found) => Some(found).filter(there),
            None => members
                .values()
                .find_map(|member| find(member, name, depth + 1)),
        },
        serde_json::Value::Array(items) => {
            items.iter().find_map(|item| find(item, name, depth + 1))
        }
        _ => None,
    }
}

fn as_text(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_wherever_they_stand() {
        #[track_caller]
        fn check(answer: &str, expected: Option<&str>) {
            let answer = serde_json::from_str(answer).unwrap();
            assert_eq!(find(&answer, "t", 0).and_then(as_text).as_deref(), expected);
        }
        check(r#"{"t":"a"}"#, Some("a"));
        check(r#"{"x":{"t":"b"},"t":"a"}"#, Some("a"));
        check(r#"{"x":{"y":[1,{"t":"b"}]}}"#, Some("b"));
        check(r#"[{"t":7}]"#, Some("7"));
        check(r#"{"t":null,"x":{"t":"b"}}"#, None);
        check(r#"{"a":{"a":{"a":{"a":{"a":{"a":{"t":"deep"}}}}}}}"#, None);
    }

    #[test]
    fn ends_are_written_as_other_runtimes_read_them() {
        assert_eq!(
            written(1_768_480_496_789),
            "2026-01-15T12:34:56.789000+00:00"
        );
        assert_eq!(written(1_768_480_496_000), "2026-01-15T12:34:56+00:00");
        for text in [
            "2026-01-15T12:34:56+00:00",
            "2026-01-15T12:34:56Z",
            "1768480496",
        ] {
            assert_eq!(point(text, None), Some(1_768_480_496_000), "{text}");
        }
        assert_eq!(
            point("2026-01-15", Some("%Y-%m-%d")),
            Some(1_768_435_200_000)
        );
        assert_eq!(point("soon", Some("%Y-%m-%d")), None);
    }
}
