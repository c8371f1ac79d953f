//! One process for each sync, by a lock that the operating system gives back when a process dies.
//!
//! The database refuses a second active run; this lock tells whether the first one is still alive.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use model::ids::SyncId;

use crate::error::{Error, Result};

/// Held as long as a run of this sync is alive in this process.
#[derive(Debug)]
pub(crate) struct SyncLock {
    _file: File,
}

impl SyncLock {
    /// The lock, or none when somebody else holds it.
    pub(crate) fn try_take(data_dir: &Path, sync: SyncId) -> Result<Option<Self>> {
        let dir = data_dir.join("locks");
        let refuse = |error: std::io::Error| {
            Error::Refused(format!(
                "the lock file in {} cannot be used: {error}; check the folder's permissions",
                dir.display()
            ))
        };
        std::fs::create_dir_all(&dir).map_err(refuse)?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(dir.join(format!("sync-{sync}.lock")))
            .map_err(refuse)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(refuse(error)),
        }
    }
}
