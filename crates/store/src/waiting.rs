//! Records that point at a record which has no counterpart yet.
//!
//! A contact whose company is not on the target is held, or written without it; either way it waits here, as it was
//! read, until the sync of the companies has linked the company.

use model::ids::SyncId;
use model::record::RecordKey;
use model::value::Object;
use rusqlite::{Connection, Transaction, params};

use crate::column::{all, first, object_text, prepare, sync_no};
use crate::error::{During, Result};

/// A record that waits for others.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// The record of the source.
    pub source_key: RecordKey,
    /// As it was read.
    pub source: Object,
    /// The syncs that are to link what it points at, and the keys of those records.
    pub of: Vec<(SyncId, RecordKey)>,
}

/// Lets these records wait, for nothing else than is said here.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound) when there is no such sync.
pub fn put_many(tx: &Transaction<'_>, sync: SyncId, records: &[Waiting]) -> Result<()> {
    let keys = records.iter().map(|record| &record.source_key);
    remove_many(tx, sync, keys)?;
    if records.is_empty() {
        return Ok(());
    }
    let own_no = sync_no(tx, sync)?;
    let mut statement = prepare(
        tx,
        "let a record wait",
        r"INSERT OR IGNORE INTO waiting (sync_no, source_key, of_sync_no, of_key, source)
          VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for record in records {
        let source = object_text("record that waits", &record.source)?;
        for (of, key) in &record.of {
            let of_no = sync_no(tx, *of)?;
            statement
                .execute(params![
                    own_no,
                    record.source_key.as_str(),
                    of_no,
                    key.as_str(),
                    source
                ])
                .during("let a record wait")?;
        }
    }
    Ok(())
}

/// These records wait for nothing any more. Costs next to nothing where none does.
pub fn remove_many<'a>(
    tx: &Transaction<'_>,
    sync: SyncId,
    source_keys: impl IntoIterator<Item = &'a RecordKey>,
) -> Result<()> {
    if !any(tx, sync)? {
        return Ok(());
    }
    let sync_no = sync_no(tx, sync)?;
    let mut statement = prepare(
        tx,
        "let a record wait no more",
        "DELETE FROM waiting WHERE sync_no = ?1 AND source_key = ?2",
    )?;
    for key in source_keys {
        statement
            .execute(params![sync_no, key.as_str()])
            .during("let a record wait no more")?;
    }
    Ok(())
}

/// Whether any record of a sync waits.
pub fn any(conn: &Connection, sync: SyncId) -> Result<bool> {
    first(
        conn,
        "record that waits",
        "SELECT 1 FROM waiting WHERE sync_no = ?1 LIMIT 1",
        [sync_no(conn, sync)?],
        |_| Ok(()),
    )
    .map(|any| any.is_some())
}

/// Records after this key that wait for something which has a counterpart by now, in order of their keys.
pub fn due(
    conn: &Connection,
    sync: SyncId,
    after: Option<&RecordKey>,
    limit: usize,
) -> Result<Vec<(RecordKey, Object)>> {
    all(
        conn,
        "record that waits",
        r"SELECT waiting.source_key, waiting.source
          FROM waiting
          WHERE waiting.sync_no = ?1 AND waiting.source_key > ?2
            AND EXISTS (
                SELECT 1 FROM links
                WHERE links.sync_no = waiting.of_sync_no AND links.source_key = waiting.of_key
            )
          GROUP BY waiting.source_key
          ORDER BY waiting.source_key
          LIMIT ?3",
        params![
            sync_no(conn, sync)?,
            after.map_or("", RecordKey::as_str),
            i64::try_from(limit).unwrap_or(i64::MAX),
        ],
        |row| Ok((RecordKey(row.get("source_key")?), row.object("source")?)),
    )
}
