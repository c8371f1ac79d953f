//! Jobs under way at a platform: changes that it carries out in its own time.
//!
//! Few and short-lived: a row is written when a job was submitted and goes when every change of it has its outcome.

use model::clock::Millis;
use model::ids::{ChangeId, SyncId};
use rusqlite::{Connection, Transaction, params};

use crate::column::{Columns, all, execute, sync_no};
use crate::error::Result;

/// A job that was submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredJob {
    /// The platform's id for it.
    pub job: String,
    /// The stream that is written.
    pub stream: String,
    /// Its changes, in the order in which they were sent.
    pub changes: Vec<ChangeId>,
}

/// Writes a job down.
///
/// # Errors
/// [`crate::Error::NotFound`] when there is no such sync.
pub fn insert(tx: &Transaction<'_>, sync: SyncId, job: &StoredJob, now: Millis) -> Result<()> {
    let changes: Vec<u8> = job
        .changes
        .iter()
        .flat_map(|change| change.to_bytes())
        .collect();
    execute(
        tx,
        "note a job",
        r"INSERT OR REPLACE INTO bulk_jobs (sync_no, stream, job, changes, started_at)
          VALUES (?1, ?2, ?3, ?4, ?5)",
        params![sync_no(tx, sync)?, job.stream, job.job, changes, now],
    )?;
    Ok(())
}

/// The jobs of a sync for a stream, the oldest first.
pub fn of_stream(conn: &Connection, sync: SyncId, stream: &str) -> Result<Vec<StoredJob>> {
    all(
        conn,
        "job",
        r"SELECT job, stream, changes FROM bulk_jobs
          WHERE sync_no = ?1 AND stream = ?2
          ORDER BY started_at, job",
        params![sync_no(conn, sync)?, stream],
        decode,
    )
}

/// Forgets a job: it has ended.
pub fn remove(tx: &Transaction<'_>, sync: SyncId, stream: &str, job: &str) -> Result<()> {
    execute(
        tx,
        "forget a job",
        "DELETE FROM bulk_jobs WHERE sync_no = ?1 AND stream = ?2 AND job = ?3",
        params![sync_no(tx, sync)?, stream, job],
    )?;
    Ok(())
}

fn decode(row: &Columns<'_>) -> Result<StoredJob> {
    let bytes: Vec<u8> = row.get("changes")?;
    let (ids, rest) = bytes.as_chunks::<16>();
    if !rest.is_empty() {
        return Err(row.corrupt("changes"));
    }
    Ok(StoredJob {
        job: row.get("job")?,
        stream: row.get("stream")?,
        changes: ids
            .iter()
            .map(|id| ChangeId::from_bytes(id).ok_or_else(|| row.corrupt("changes")))
            .collect::<Result<_>>()?,
    })
}
