//! The only place where internal errors become words.

use serde::{Deserialize, Serialize};

/// What the user interface can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The request does not fit its type or breaks a rule; see the message.
    InvalidRequest,
    /// It is not there (any more).
    NotFound,
    /// A person has to sign in again.
    SignInNeeded,
    /// The platform does not answer; later.
    Unavailable,
    /// Something else is under way; later.
    Busy,
    /// The keychain or vault cannot be used.
    SecretsUnavailable,
    /// The disk is full.
    DiskFull,
    /// Somebody else has changed it meanwhile; nothing was saved.
    ChangedElsewhere,
    /// The mapping has errors.
    MappingInvalid,
    /// A platform or its description is at fault.
    Platform,
    /// A bug of ours.
    Internal,
}

/// An error in a person's words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS, thiserror::Error)]
#[error("{message}")]
#[ts(optional_fields = nullable)]
pub struct ApiError {
    /// What the user interface can act on.
    pub code: Code,
    /// What happened: one sentence.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// For "copy details".
    pub details: Option<String>,
}

impl ApiError {
    /// A request that breaks a rule.
    pub fn invalid(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            code: Code::InvalidRequest,
            message: message.into(),
            hint: Some(hint.into()),
            details: None,
        }
    }

    /// Something that is not there (any more).
    pub fn not_found(message: impl Into<String>) -> Self {
        Self {
            code: Code::NotFound,
            message: message.into(),
            hint: None,
            details: None,
        }
    }
}

impl From<engine::Error> for ApiError {
    fn from(error: engine::Error) -> Self {
        match error {
            engine::Error::Platform(error) => error.into(),
            engine::Error::Store(error) => error.into(),
            engine::Error::AlreadyRunning { .. } => Self {
                code: Code::Busy,
                message: "This sync is at work already.".into(),
                hint: Some("Wait until it is done, or stop it; it may run in another window or on the command line.".into()),
                details: None,
            },
            engine::Error::MappingInvalid { problems } => Self {
                code: Code::MappingInvalid,
                message: match problems.as_slice() {
                    [one] => format!("The mapping cannot run: {one}."),
                    several => format!("The mapping cannot run: {} problems.", several.len()),
                },
                hint: Some("Open the mapping; each problem has a button that mends it.".into()),
                details: Some(problems.join("\n")),
            },
            engine::Error::NotPublished { name } => Self::invalid(
                format!("\"{name}\" is a draft."),
                "Publish it first, or look at a plan and apply that.",
            ),
            engine::Error::Refused(message) => {
                let (message, hint) = split_hint(&message);
                Self { code: Code::InvalidRequest, message, hint, details: None }
            }
            engine::Error::ConnectorMissing { connector, .. } => Self {
                code: Code::NotFound,
                message: format!("The connector \"{connector}\" is not here."),
                hint: Some("Add its file under Connectors, or bring it back there if it was deleted.".into()),
                details: None,
            },
            engine::Error::Cancelled => {
                Self { code: Code::Busy, message: "It was stopped.".into(), hint: None, details: None }
            }
        }
    }
}

impl From<connectors::Error> for ApiError {
    fn from(error: connectors::Error) -> Self {
        use connectors::Error;
        let (code, hint) = match &error {
            Error::SignInNeeded { .. } => (
                Code::SignInNeeded,
                Some("Sign in again: Connections, then Reconnect."),
            ),
            Error::Forbidden { .. } => (
                Code::Platform,
                Some("Ask for the missing permission on the platform, then reconnect."),
            ),
            Error::RateLimited { .. } => (
                Code::Unavailable,
                Some("Nothing is lost; it goes on by itself later."),
            ),
            Error::Unavailable { .. } => (
                Code::Unavailable,
                Some("Check the network and the platform's status page, then try again."),
            ),
            Error::Malformed { .. } | Error::Refused { .. } | Error::LimitExceeded { .. } => (
                Code::Platform,
                Some("Look at the request and its answer in the history."),
            ),
            Error::Misconfigured { .. } => (Code::Platform, None),
            Error::Secrets { .. } => (Code::SecretsUnavailable, None),
            Error::SignInFailed { .. } => (Code::Platform, None),
            Error::Cancelled => (Code::Busy, None),
        };
        let text = error.to_string();
        let (message, own_hint) = split_hint(&text);
        Self {
            code,
            message,
            hint: own_hint.or(hint.map(Into::into)),
            details: chain(&error),
        }
    }
}

impl From<store::Error> for ApiError {
    fn from(error: store::Error) -> Self {
        use store::Error;
        let code = match &error {
            Error::NotFound { .. } => Code::NotFound,
            Error::DiskFull { .. } => Code::DiskFull,
            Error::Busy { .. } | Error::RunActive { .. } | Error::Closed => Code::Busy,
            Error::WrongKey { .. } => Code::SecretsUnavailable,
            Error::RunEnded { .. } | Error::Unstorable { .. } => Code::InvalidRequest,
            _ => Code::Internal,
        };
        let (message, hint) = split_hint(&error.to_string());
        Self {
            code,
            message,
            hint,
            details: chain(&error),
        }
    }
}

/// "What happened: what to do" and "what happened; what to do" become two sentences.
fn split_hint(text: &str) -> (String, Option<String>) {
    match text.rsplit_once("; ").or_else(|| {
        text.rsplit_once(": ")
            .filter(|(_, hint)| hint.contains(' ') && hint.len() > 20)
    }) {
        Some((what, hint)) => (sentence(what), Some(sentence(hint))),
        None => (sentence(text), None),
    }
}

/// Capitalised, unless it begins with the name of a field, and with a full stop.
pub(crate) fn sentence(text: &str) -> String {
    let text = text.trim();
    let word = text.split(char::is_whitespace).next().unwrap_or_default();
    let mut chars = text.chars();
    match chars.next() {
        Some(first) if !word.contains('_') => {
            let capital: String = first.to_uppercase().collect();
            with_full_stop(capital + chars.as_str())
        }
        _ => with_full_stop(text.to_owned()),
    }
}

/// As it is, with a full stop.
pub(crate) fn with_full_stop(mut text: String) -> String {
    if !text.is_empty() && !text.ends_with(['.', '!', '?', '…']) {
        text.push('.');
    }
    text
}

/// What lies below an error, for "copy details".
fn chain(error: &dyn std::error::Error) -> Option<String> {
    let mut parts = Vec::new();
    let mut below = error.source();
    while let Some(error) = below {
        parts.push(error.to_string());
        below = error.source();
    }
    (!parts.is_empty()).then(|| parts.join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_leaves_names_of_fields_as_they_are() {
        let check = |text: &str, wanted: &str| assert_eq!(sentence(text), wanted);
        check(" the disk is full", "The disk is full.");
        check("why?", "Why?");
        check("email_address is empty", "email_address is empty.");
        check("ändern", "Ändern.");
        check("", "");
    }

    #[test]
    fn an_error_becomes_what_happened_and_what_to_do() {
        let check = |error: ApiError, message: &str, hint: Option<&str>| {
            assert_eq!(
                (error.message.as_str(), error.hint.as_deref()),
                (message, hint)
            );
        };
        check(
            engine::Error::Refused(
                "the lock cannot be used: denied; check the folder's permissions".into(),
            )
            .into(),
            "The lock cannot be used: denied.",
            Some("Check the folder's permissions."),
        );
        check(
            connectors::Error::SignInNeeded {
                platform: "Postino".into(),
                reason: "invalid_grant".into(),
            }
            .into(),
            "Postino does not accept the sign-in: invalid_grant.",
            Some("Sign in again: Connections, then Reconnect."),
        );
    }
}
