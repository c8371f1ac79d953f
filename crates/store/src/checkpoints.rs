//! How far each sync has been read and committed.

use model::cursor::Checkpoint;
use model::ids::SyncId;
use rusqlite::{Connection, Transaction, params};

use crate::column::{document_text, execute, first, sync_no};
use crate::error::{Error, Result};

/// A checkpoint and how often it was advanced.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredCheckpoint {
    /// How far.
    pub checkpoint: Checkpoint,
    /// Counts up with every advance, and never down.
    pub sequence: u64,
}

/// How far the sync has come; none before its first commit.
///
/// # Errors
/// [`Error::Corrupt`] when the document cannot be read.
pub fn get(conn: &Connection, sync: SyncId) -> Result<Option<StoredCheckpoint>> {
    first(
        conn,
        "checkpoint",
        "SELECT document, sequence FROM checkpoints WHERE sync_no = ?1",
        [sync_no(conn, sync)?],
        |row| {
            Ok(StoredCheckpoint {
                checkpoint: row.document("document")?,
                sequence: row.unsigned("sequence")?,
            })
        },
    )
}

/// Moves on. Belongs into the transaction that settles what was read up to there. Returns the new
/// sequence.
///
/// # Errors
/// [`Error::NotFound`] when there is no such sync.
pub fn advance(tx: &Transaction<'_>, sync: SyncId, checkpoint: &Checkpoint) -> Result<u64> {
    let text = document_text("checkpoint", checkpoint)?;
    first(
        tx,
        "checkpoint",
        r"INSERT INTO checkpoints (sync_no, sequence, document)
          VALUES (?1, 1, ?2)
          ON CONFLICT (sync_no) DO UPDATE
          SET sequence = sequence + 1, document = excluded.document
          RETURNING sequence",
        params![sync_no(tx, sync)?, text],
        |row| row.unsigned("sequence"),
    )?
    .ok_or_else(|| Error::corrupt("checkpoint"))
}

/// Forgets the cursor, so that the next run reads everything. The sequence goes on.
pub fn reset(tx: &Transaction<'_>, sync: SyncId) -> Result<()> {
    let text = document_text("checkpoint", &Checkpoint::default())?;
    execute(
        tx,
        "reset a checkpoint",
        r"UPDATE checkpoints
          SET sequence = sequence + 1, document = ?2
          WHERE sync_no = ?1",
        params![sync_no(tx, sync)?, text],
    )?;
    Ok(())
}
