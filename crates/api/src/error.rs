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
