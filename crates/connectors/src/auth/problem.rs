//! What went wrong with a request for a token, by what can be done about it.

use std::time::Duration;

use model::secret::Secret;

use super::transport::TransportProblem;
use crate::Error;

/// What went wrong, by what can be done.
#[derive(Debug)]
pub(super) enum TokenProblem {
    /// The grant is no good any more: a person has to sign in.
    Grant(String),
    /// We are not accepted: client id, secret or scopes are wrong.
    Client(String),
    /// Later may help.
    Later {
        /// Whether the platform certainly did not act on the request.
        untouched: bool,
        /// The status was 429.
        too_many: bool,
        /// What the platform said.
        after: Option<Duration>,
        /// What was seen.
        reason: String,
    },
    /// The connector's description, or what was typed in, is wrong.
    Settings(Error),
    /// An error that has a meaning of its own to whoever asked: `authorization_pending` and its likes.
    Own {
        /// Its code.
        code: String,
        /// Its words.
        reason: String,
    },
}

impl TokenProblem {
    /// For those to whom no error has a meaning of its own.
    pub(super) fn plain(self) -> Self {
        match self {
            Self::Own { code, reason }
                if matches!(code.as_str(), "access_denied" | "expired_token") =>
            {
                Self::Grant(reason)
            }
            Self::Own { reason, .. } => Self::Later {
                untouched: false,
                too_many: false,
                after: None,
                reason,
            },
            problem => problem,
        }
    }
}

/// What an error of a token endpoint means.
pub(super) fn refused(code: &str, words: Option<String>, hidden: &[Secret]) -> TokenProblem {
    let reason = said(code, words, hidden);
    match code {
        "invalid_client"
        | "unauthorized_client"
        | "invalid_scope"
        | "unsupported_grant_type"
        | "invalid_target" => TokenProblem::Client(reason),
        "authorization_pending" | "slow_down" | "access_denied" | "expired_token" => {
            TokenProblem::Own {
                code: code.to_owned(),
                reason,
            }
        }
        code if is_passing(code) => TokenProblem::Later {
            untouched: false,
            too_many: false,
            after: None,
            reason,
        },
        // Many have words of their own for a grant that has ended.
        _ => TokenProblem::Grant(reason),
    }
}

/// Whether it says nothing of the grant: the platform's own trouble, or a status that comes from
/// something in between (404, 407, 451…).
fn is_passing(code: &str) -> bool {
    match code.strip_prefix("http_") {
        Some(status) => !matches!(status, "400" | "401" | "403"),
        None => matches!(code, "temporarily_unavailable" | "server_error"),
    }
}

pub(super) fn later(error: TransportProblem) -> TokenProblem {
    let reason = error.to_string();
    let (untouched, too_many, after) = match error {
        TransportProblem::NotSent(_) => (true, false, None),
        TransportProblem::NoAnswer(_) | TransportProblem::NotAnEndpoint(_) => (false, false, None),
        TransportProblem::Later { status, after } => {
            (matches!(status, 429 | 503), status == 429, after)
        }
    };
    TokenProblem::Later {
        untouched,
        too_many,
        after,
        reason,
    }
}

pub(super) fn said(code: &str, words: Option<String>, hidden: &[Secret]) -> String {
    let text = match (words, code.strip_prefix("http_")) {
        (Some(words), None) => format!("{words} ({code})"),
        (Some(words), Some(status)) => format!("{words} (status {status})"),
        (None, None) => code.to_owned(),
        (None, Some(status)) => format!("it answered with status {status}"),
    };
    foreign_words(&text, hidden)
}

/// Words of a platform as they may be shown: one line, not too long, none of our secrets in it.
pub(crate) fn foreign_words(text: &str, hidden: &[Secret]) -> String {
    let mut text = text.to_owned();
    for secret in hidden {
        if !secret.reveal().is_empty() {
            text = text.replace(secret.reveal(), "•••");
        }
    }
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(300)
        .collect::<String>()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_platform_are_tamed_before_they_are_shown() {
        let words = foreign_words("token rt_1 is\nunknown\u{7}", &[Secret::new("rt_1")]);
        assert_eq!(words, "token ••• is unknown");
        assert_eq!(foreign_words(&"x".repeat(5_000), &[]).len(), 300);
    }

    #[test]
    fn errors_are_sorted_by_what_can_be_done() {
        #[track_caller]
        fn check(code: &str, expected: &str) {
            let seen = match refused(code, None, &[]) {
                TokenProblem::Grant(_) => "sign in",
                TokenProblem::Client(_) => "settings",
                TokenProblem::Later { .. } => "later",
                TokenProblem::Own { .. } => "own",
                TokenProblem::Settings(_) => "description",
            };
            assert_eq!(seen, expected, "{code}");
        }
        check("invalid_grant", "sign in");
        check("bad_refresh_token", "sign in");
        check("http_401", "sign in");
        check("invalid_client", "settings");
        check("invalid_target", "settings");
        check("http_404", "later");
        check("server_error", "later");
        check("authorization_pending", "own");
        check("slow_down", "own");
    }
}
