//! What can go wrong outside, sorted by what the caller can do about it.

use std::time::Duration;

/// Result of talking to a platform.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure outside. Messages are for people and never hold a secret or a record's content.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The sign-in is over: the person has to sign in again. Runs wait.
    #[error("{platform} does not accept the sign-in: {reason}")]
    SignInNeeded {
        /// The connection's name.
        platform: String,
        /// The platform's words.
        reason: String,
    },
    /// Signed in, but not allowed; a scope or a role is missing.
    #[error("{platform} does not allow this: {reason}")]
    Forbidden {
        /// The connection's name.
        platform: String,
        /// The platform's words, with the missing scope if told.
        reason: String,
    },
    /// Too many requests; the wait is a state, not a failure. Returned only after the client's own
    /// patience is at its end.
    #[error("{platform} asks to wait{}", after.map(|after| format!(" {} s", after.as_secs())).unwrap_or_default())]
    RateLimited {
        /// The connection's name.
        platform: String,
        /// How long, if the platform said so.
        after: Option<Duration>,
    },
    /// Not reachable or not working now; trying later is sensible.
    #[error("{platform} cannot be reached or does not work at the moment: {reason}")]
    Unavailable {
        /// The connection's name.
        platform: String,
        /// What was seen.
        reason: String,
    },
    /// The platform answered something that does not fit its description.
    #[error("the answer of {platform} cannot be understood: {reason}")]
    Malformed {
        /// The connection's name.
        platform: String,
        /// What was expected and what came.
        reason: String,
    },
    /// The platform refused the request for good.
    #[error("{platform} refused the request ({status}): {reason}")]
    Refused {
        /// The connection's name.
        platform: String,
        /// HTTP status.
        status: u16,
        /// The platform's words.
        reason: String,
    },
    /// The connector file or the connection's settings are wrong; a person must change them.
    #[error("{what} at {place}: {problem}; expected {expected}")]
    Misconfigured {
        /// The document: a connector file, a connection's settings.
        what: String,
        /// Line and column, or the path inside the document.
        place: String,
        /// What is there.
        problem: String,
        /// What would be right, and what to do.
        expected: String,
    },
    /// The keychain or vault is locked, missing or damaged. Nothing is lost; nothing was overwritten.
    #[error("the {backend} cannot be used: {reason}")]
    Secrets {
        /// Keychain or vault, by the name the person knows.
        backend: String,
        /// What happened and what to do.
        reason: String,
    },
    /// A sign-in in the browser did not come to its end.
    #[error("sign-in was not finished: {reason}")]
    SignInFailed {
        /// What happened and what to do.
        reason: String,
    },
    /// A bound of [`crate`] was hit: body size, page count, repeating cursor.
    #[error("{platform} went beyond a limit: {reason}")]
    LimitExceeded {
        /// The connection's name.
        platform: String,
        /// Which limit, and how far.
        reason: String,
    },
    /// The person or the application stopped it.
    #[error("stopped")]
    Cancelled,
}

impl Error {
    /// Whether trying the same later can help without anybody doing anything.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Unavailable { .. })
    }
}
