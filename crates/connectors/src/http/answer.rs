//! What came back, and what it means.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use model::ids::ExchangeId;
use model::value::Value;

use crate::Error;

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers as sent.
    pub headers: HeaderMap,
    /// Body, decompressed.
    pub body: Bytes,
    /// Which exchange brought it.
    pub exchange: ExchangeId,
    /// What the judge made of it.
    pub verdict: Verdict,
    /// The platform's words when it is an error, without secrets and cut to a readable length.
    pub words: String,
}

/// How the same is to be asked for differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adaptation {
    /// From the first page on.
    ResetPagination,
    /// In smaller pages.
    ReducePageSize,
    /// In shorter windows.
    SplitWindow,
}

/// What an answer means for the caller.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// As hoped.
    Success,
    /// Not as hoped, but nothing is wrong: there is just nothing here.
    Ignore,
    /// Refused; repeating does not help. The reason is for people, if the connector has one.
    Fail {
        /// The connector's own words for it.
        reason: Option<String>,
    },
    /// Too much for the platform: the same has to be asked for differently.
    Adapt(Adaptation),
    /// Worth repeating, after the given time or as the client sees fit.
    Retry {
        /// How long to wait first.
        after: Option<Duration>,
    },
    /// The platform asks for a longer wait than the connector wants to take; not repeated.
    NotNow {
        /// How long it asks to wait.
        after: Duration,
    },
    /// Too many requests. Repeated until the client's patience ends, whatever the retry count.
    RateLimited {
        /// How long to wait first.
        after: Option<Duration>,
    },
}

/// Decides what an answer means: a manifest's error handler.
pub trait Judge: Send + Sync {
    /// Looks at an answer; `attempt` counts from 1.
    fn judge(&self, status: StatusCode, headers: &HeaderMap, body: &[u8], attempt: u32) -> Verdict;

    /// How often a failed request is repeated.
    fn max_retries(&self) -> u32 {
        5
    }
}

/// Judges by status alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByStatus;

impl Judge for ByStatus {
    fn judge(&self, status: StatusCode, _: &HeaderMap, _: &[u8], _: u32) -> Verdict {
        match status.as_u16() {
            200..=399 => Verdict::Success,
            429 => Verdict::RateLimited { after: None },
            408 | 500 | 502 | 503 | 504 => Verdict::Retry { after: None },
            _ => Verdict::Fail { reason: None },
        }
    }
}

/// No answer to work with.
#[derive(Debug)]
pub struct Failure {
    /// Why.
    pub error: Error,
    /// Whether the request may have reached the platform and been carried out.
    pub sent: bool,
    /// The last exchange, if there was one.
    pub exchange: Option<ExchangeId>,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

impl Answer {
    /// The error that this answer is; only sensible when the verdict is not a success.
    pub fn to_error(&self, platform: &str) -> Error {
        let platform = platform.to_owned();
        let reason = match &self.verdict {
            Verdict::Fail {
                reason: Some(reason),
            } if self.words.is_empty() => reason.clone(),
            Verdict::Fail {
                reason: Some(reason),
            } => format!("{reason} ({})", self.words),
            _ if self.words.is_empty() => format!("status {}", self.status),
            _ => self.words.clone(),
        };
        match (&self.verdict, self.status.as_u16()) {
            (Verdict::RateLimited { after }, _) => Error::RateLimited {
                platform,
                after: *after,
            },
            (Verdict::NotNow { after }, _) => Error::RateLimited {
                platform,
                after: Some(*after),
            },
            (Verdict::Retry { .. }, status) => Error::Unavailable {
                platform,
                reason: format!("it answers {status}: {reason}"),
            },
            (_, 401) => Error::SignInNeeded { platform, reason },
            (_, 403) => Error::Forbidden { platform, reason },
            (_, status) => Error::Refused {
                platform,
                status,
                reason,
            },
        }
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The words in an error body: what stands at the usual places, else its beginning.
pub fn words_of(body: &[u8]) -> String {
    const LONGEST: usize = 400;
    let beginning = || {
        let text = String::from_utf8_lossy(body.get(..4096.min(body.len())).unwrap_or_default());
        if text.trim_start().starts_with('<') {
            return "an HTML page".to_owned();
        }
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let words = if body.len() <= 256 * 1024 {
        model::json::parse(body)
            .ok()
            .and_then(|value| message_in(&value, 0))
            .unwrap_or_else(beginning)
    } else {
        beginning()
    };
    let mut cut: String = words.chars().take(LONGEST).collect();
    if cut.len() < words.len() {
        cut.push('…');
    }
    cut
}

/// The message of an error body: searched at the names that platforms use, the first that has text.
pub fn message_in(value: &Value, depth: usize) -> Option<String> {
    const PLACES: [&str; 13] = [
        "message",
        "messages",
        "error",
        "errors",
        "failures",
        "failure",
        "detail",
        "err",
        "error_message",
        "error_description",
        "msg",
        "reason",
        "status_message",
    ];
    if depth > 5 {
        return None;
    }
    match value {
        Value::Text(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::List(items) => {
            let words: Vec<String> = items
                .iter()
                .take(5)
                .filter_map(|item| message_in(item, depth + 1))
                .collect();
            (!words.is_empty()).then(|| words.join(", "))
        }
        Value::Object(object) => PLACES
            .iter()
            .filter_map(|place| object.get(place))
            .find_map(|found| message_in(found, depth + 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_an_error_are_found_where_platforms_put_them() {
        fn check(body: &str, words: &str) {
            assert_eq!(words_of(body.as_bytes()), words, "{body}");
        }
        check(
            r#"{"error":{"code":"invalid","message":"2 fields are not valid"}}"#,
            "2 fields are not valid",
        );
        check(r#"{"errors":[{"detail":"a"},{"detail":"b"}]}"#, "a, b");
        check(r#"{"ok":false}"#, r#"{"ok":false}"#);
        check("<html><body>Bad gateway</body></html>", "an HTML page");
        check("  plain\n text ", "plain text");
        check("", "");
    }
}
