//! What can go wrong, by what the caller can do about it.

use std::io;
use std::path::PathBuf;

use model::ids::{RunId, SyncId};
use model::run::RunState;
use rusqlite::ErrorCode;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Ask for the right key. Nothing was touched.
    #[error("the key does not open {}: it is another installation's file, or the key was replaced; restore the key that it was made with", path.display())]
    WrongKey {
        /// The file that stays closed.
        path: PathBuf,
    },
    /// Install a newer Patchbay. Nothing was touched.
    #[error("{} was written by a newer version (its layout is {found}, this version reads up to {supported}): update Patchbay, or restore a backup from the folder \"backups\" beside it", path.display())]
    NewerVersion {
        /// The file that stays closed.
        path: PathBuf,
        /// The layout that was found.
        found: u32,
        /// The newest layout that this build knows.
        supported: u32,
    },
    /// Close and open the store again: the file is then checked and, if it is beyond use, moved aside.
    #[error("{file} is damaged ({operation}): open Patchbay again to have it checked")]
    Damaged {
        /// Which of the two files.
        file: &'static str,
        /// What was being done.
        operation: &'static str,
        /// What SQLite says.
        #[source]
        source: rusqlite::Error,
    },
    /// Make room and try again. Nothing was written.
    #[error(
        "the disk is full or cannot be written ({operation}); nothing was half written: free some space and try again"
    )]
    DiskFull {
        /// What was being done.
        operation: &'static str,
        /// What SQLite says.
        #[source]
        source: rusqlite::Error,
    },
    /// See to the permissions of the folder.
    #[error(
        "a database file cannot be opened or written ({operation}): check the permissions of its folder"
    )]
    NoAccess {
        /// What was being done.
        operation: &'static str,
        /// What SQLite says.
        #[source]
        source: rusqlite::Error,
    },
    /// Try again: another process has been writing for longer than we wait.
    #[error(
        "another Patchbay process is busy with the same file ({operation}): try again in a moment"
    )]
    Busy {
        /// What was being done.
        operation: &'static str,
    },
    /// The store is closed, or the work was dropped with it.
    #[error("the store is closed: open it again")]
    Closed,
    /// This sync already has a run that has not ended: wait for it, resume or cancel it.
    #[error("sync {sync} is already being run by {run}: wait for it to end, or cancel it")]
    RunActive {
        /// The sync.
        sync: SyncId,
        /// Its active run.
        run: RunId,
    },
    /// The run has ended; that never changes.
    #[error("run {run} has ended as {}: start a new one", state.as_str())]
    RunEnded {
        /// The run.
        run: RunId,
        /// How it ended.
        state: RunState,
    },
    /// There is no such thing, or it was deleted.
    #[error("{what} {id} does not exist: it may have been deleted")]
    NotFound {
        /// The noun.
        what: &'static str,
        /// Which one.
        id: String,
    },
    /// A stored document cannot be read: show it as such, and leave it as it is.
    #[error(
        "the stored {what} cannot be read: it was written by another version or altered from outside"
    )]
    Corrupt {
        /// Which document.
        what: String,
    },
    /// The caller's value cannot be stored: reject the record.
    #[error("{what} cannot be stored: expected {expected}")]
    Unstorable {
        /// Which value.
        what: &'static str,
        /// What would have been right.
        expected: &'static str,
    },
    /// The key is not one. A bug in the caller.
    #[error("the database key is malformed: expected 64 hexadecimal digits")]
    MalformedKey,
    /// A file or folder cannot be used: see to its permissions.
    #[error("cannot {operation} {}", path.display())]
    File {
        /// What was being done.
        operation: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Anything else that SQLite refuses: a bug in this crate.
    #[error("the database refuses to {operation}")]
    Sqlite {
        /// What was being done.
        operation: &'static str,
        /// What SQLite says.
        #[source]
        source: rusqlite::Error,
    },
}

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Names the operation of a failed statement.
pub(crate) trait During<T> {
    /// Tells what was being done, as a verb and its object.
    fn during(self, operation: &'static str) -> Result<T>;
}

impl<T> During<T> for rusqlite::Result<T> {
    fn during(self, operation: &'static str) -> Result<T> {
        self.map_err(|source| Error::from_sqlite(operation, source))
    }
}

impl Error {
    /// Sorts an error of SQLite by what can be done about it.
    pub(crate) fn from_sqlite(operation: &'static str, source: rusqlite::Error) -> Self {
        match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => {
                Self::DiskFull { operation, source }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { operation },
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                Self::NoAccess { operation, source }
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged {
                file: "the database",
                operation,
                source,
            },
            _ => Self::Sqlite { operation, source },
        }
    }

    pub(crate) fn not_found(what: &'static str, id: impl ToString) -> Self {
        Self::NotFound {
            what,
            id: id.to_string(),
        }
    }

    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into() }
    }
}

/// For statements of callers; this crate's own name their operation.
impl From<rusqlite::Error> for Error {
    fn from(source: rusqlite::Error) -> Self {
        Self::from_sqlite("run a statement", source)
    }
}
