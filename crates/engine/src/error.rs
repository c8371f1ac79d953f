//! Why the engine could not do what was asked.

use model::ids::{ConnectionId, SyncId};

/// Result of asking the engine for something.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, by what the caller can do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A platform or the keychain.
    #[error(transparent)]
    Platform(#[from] connectors::Error),
    /// The databases.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// It runs already, here or in another process.
    #[error("this sync is running already")]
    AlreadyRunning {
        /// Which.
        sync: SyncId,
    },
    /// The mapping has errors; nothing was read or written.
    #[error("the mapping cannot run: {}", problems.join("; "))]
    MappingInvalid {
        /// Each error in words.
        problems: Vec<String>,
    },
    /// The sync was never published.
    #[error("the sync \"{name}\" is a draft; publish it first")]
    NotPublished {
        /// Its name.
        name: String,
    },
    /// What is asked for does not fit what is there.
    #[error("{0}")]
    Refused(String),
    /// No such connector.
    #[error(
        "connection {connection} needs the connector \"{connector}\", which is not here; add its file"
    )]
    ConnectorMissing {
        /// Which connection.
        connection: ConnectionId,
        /// Which connector.
        connector: String,
    },
    /// The person or the application stopped it.
    #[error("stopped")]
    Cancelled,
}

impl Error {
    /// Whether a person has to sign in before it can work.
    pub fn needs_sign_in(&self) -> bool {
        matches!(self, Self::Platform(connectors::Error::SignInNeeded { .. }))
    }

    /// Whether somebody stopped it.
    pub fn is_cancelled(&self) -> bool {
        matches!(
            self,
            Self::Cancelled | Self::Platform(connectors::Error::Cancelled)
        )
    }
}
