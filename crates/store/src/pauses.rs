//! Records that a person took out of a sync for a while.

use std::collections::HashMap;

use model::clock::Millis;
use model::ids::SyncId;
use model::record::RecordKey;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::column::{all, prepare, sync_no};
use crate::error::{During, Result};

/// A record that is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// The record of the source.
    pub source_key: RecordKey,
    /// Why, for people.
    pub reason: String,
    /// Since when, in milliseconds.
    pub since: Millis,
}

/// Leaves these records alone from now on.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound) when there is no such sync.
pub fn put_many(
    tx: &Transaction<'_>,
    sync: SyncId,
    source_keys: &[RecordKey],
    reason: &str,
    now: Millis,
) -> Result<()> {
    let sync_no = sync_no(tx, sync)?;
    let mut statement = prepare(
        tx,
        "pause a record",
        r"INSERT INTO pauses (sync_no, source_key, reason, since)
          VALUES (?1, ?2, ?3, ?4)
          ON CONFLICT (sync_no, source_key) DO UPDATE SET reason = excluded.reason",
    )?;
    for key in source_keys {
        statement
            .execute(params![sync_no, key.as_str(), reason, now])
            .during("pause a record")?;
    }
    Ok(())
}

/// Lets these records take part again. Returns how many were paused.
pub fn remove_many(tx: &Transaction<'_>, sync: SyncId, source_keys: &[RecordKey]) -> Result<usize> {
    let sync_no = sync_no(tx, sync)?;
    let mut statement = prepare(
        tx,
        "resume a record",
        "DELETE FROM pauses WHERE sync_no = ?1 AND source_key = ?2",
    )?;
    let mut n_removed = 0;
    for key in source_keys {
        n_removed += statement
            .execute(params![sync_no, key.as_str()])
            .during("resume a record")?;
    }
    Ok(n_removed)
}

/// Whether any record of a sync is paused.
pub fn any(conn: &Connection, sync: SyncId) -> Result<bool> {
    prepare(
        conn,
        "look pauses up",
        "SELECT 1 FROM pauses WHERE sync_no = ?1 LIMIT 1",
    )?
    .exists([sync_no(conn, sync)?])
    .during("look pauses up")
}

/// Which of these records are paused, and why.
pub fn reasons(
    conn: &Connection,
    sync: SyncId,
    source_keys: &[RecordKey],
) -> Result<HashMap<RecordKey, String>> {
    let sync_no = sync_no(conn, sync)?;
    if !any(conn, sync)? {
        return Ok(HashMap::new());
    }
    let mut statement = prepare(
        conn,
        "look pauses up",
        "SELECT reason FROM pauses WHERE sync_no = ?1 AND source_key = ?2",
    )?;
    let mut out = HashMap::new();
    for key in source_keys {
        let reason: Option<String> = statement
            .query_row(params![sync_no, key.as_str()], |row| row.get(0))
            .optional()
            .during("look pauses up")?;
        if let Some(reason) = reason {
            out.insert(key.clone(), reason);
        }
    }
    Ok(out)
}

/// Paused records of a sync in order of their keys, after `after`.
pub fn page(
    conn: &Connection,
    sync: SyncId,
    after: Option<&RecordKey>,
    limit: u32,
) -> Result<Vec<Pause>> {
    all(
        conn,
        "pause",
        r"SELECT source_key, reason, since
          FROM pauses
          WHERE sync_no = ?1 AND source_key > ?2
          ORDER BY source_key
          LIMIT ?3",
        params![
            sync_no(conn, sync)?,
            after.map_or("", RecordKey::as_str),
            limit
        ],
        |row| {
            Ok(Pause {
                source_key: RecordKey(row.get("source_key")?),
                reason: row.get("reason")?,
                since: row.get("since")?,
            })
        },
    )
}
