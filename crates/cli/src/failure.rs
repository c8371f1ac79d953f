//! How a command ends: as it should, waiting for a person, stopped, or not at all.

use std::process::ExitCode;

use api::{ApiError, Code};

/// How a command that did its work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Well.
    Done,
    /// A run failed, or a proof did not come out; it has been told.
    Failed,
    /// It waits for a person: a sign-in or a guard.
    Waits,
    /// The person stopped it.
    Stopped,
}

impl End {
    pub(crate) fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Waits => 3,
            // As a shell calls what Ctrl-C ended.
            Self::Stopped => 130,
        })
    }
}

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// In a person's words.
    Told(ApiError),
    /// Nobody reads the answer any more.
    NobodyReads,
}

impl Failure {
    /// What the person asked for cannot be.
    pub(crate) fn invalid(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Told(ApiError::invalid(message, hint))
    }

    /// Nothing that a person did wrong.
    pub(crate) fn internal(message: &str, error: &dyn std::fmt::Display) -> Self {
        Self::Told(ApiError {
            code: Code::Internal,
            message: message.to_owned(),
            hint: None,
            details: Some(error.to_string()),
        })
    }

    /// The port that was asked for cannot be had.
    pub(crate) fn port(port: u16, error: &dyn std::fmt::Display) -> Self {
        Self::Told(ApiError {
            code: Code::Busy,
            message: format!("Port {port} of this computer cannot be used."),
            hint: Some(
                "Another program may have it; choose another one with --port, or 0 for any.".into(),
            ),
            details: Some(error.to_string()),
        })
    }

    pub(crate) fn code(&self) -> ExitCode {
        match self {
            Self::Told(error) => match error.code {
                Code::SignInNeeded => End::Waits.code(),
                _ => End::Failed.code(),
            },
            Self::NobodyReads => End::Failed.code(),
        }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Told(error)
    }
}
