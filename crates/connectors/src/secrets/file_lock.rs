//! A lock that other processes see, and that dies with its process.
//!
//! The operating system releases a file lock when the process that holds it ends, however it ends.
//! A lease row in a database would have to expire instead, and somebody would have to wait for it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

/// How often a lock that somebody else holds is tried again.
const POLL: Duration = Duration::from_millis(15);

/// Held until dropped.
#[derive(Debug)]
pub(crate) struct FileLock {
    _file: File,
}

/// Why there is no lock.
#[derive(Debug)]
pub(crate) enum LockProblem {
    /// Somebody else held it for the whole time.
    Busy,
    /// The file cannot be made or locked.
    Io(io::Error),
}

/// Waits for the lock at `path`, at most `patience`. Two tasks of one process exclude each other too.
pub(crate) async fn acquire(path: &Path, patience: Duration) -> Result<FileLock, LockProblem> {
    if let Some(dir) = path.parent() {
        super::durable::make_dir(dir).map_err(LockProblem::Io)?;
    }
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .map_err(LockProblem::Io)?;
    let attempt = async {
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(POLL).await,
                Err(TryLockError::Error(error)) => return Err(LockProblem::Io(error)),
            }
        }
    };
    match tokio::time::timeout(patience, attempt).await {
        Ok(result) => result?,
        Err(_) => return Err(LockProblem::Busy),
    }
    Ok(FileLock { _file: file })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_held_lock_is_busy_and_free_again_when_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("locks/one.lock");
        let held = acquire(&path, Duration::from_secs(5)).await.unwrap();
        let second = acquire(&path, Duration::from_millis(40)).await;
        assert!(matches!(second, Err(LockProblem::Busy)));
        drop(held);
        acquire(&path, Duration::from_secs(5)).await.unwrap();
    }
}
