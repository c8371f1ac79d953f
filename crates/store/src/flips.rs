//! Fields that go back and forth: the mark of two programs that undo each other's work through us.

use std::collections::HashMap;

use model::ids::SyncId;
use model::record::RecordKey;
use model::sync::Side;
use model::value::Fingerprint;
use rusqlite::{Connection, Transaction, params};

use crate::column::{all, prepare, sync_no};
use crate::error::{During, Result};

/// How a field went lately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flip {
    /// The record of the source.
    pub source_key: RecordKey,
    /// The target's field.
    pub field: String,
    /// The side that was written last.
    pub side: Side,
    /// Fingerprint of the value that was overwritten there.
    pub was: Fingerprint,
    /// How often it went back in a row.
    pub n: u32,
}

/// What is known of these records, by record and field.
pub fn of_records(
    conn: &Connection,
    sync: SyncId,
    source_keys: &[RecordKey],
) -> Result<HashMap<(RecordKey, String), Flip>> {
    let sync_no = sync_no(conn, sync)?;
    let mut out = HashMap::new();
    for key in source_keys {
        let flips = all(
            conn,
            "flip",
            r"SELECT source_key, field, side, was, n
              FROM flips
              WHERE sync_no = ?1 AND source_key = ?2",
            params![sync_no, key.as_str()],
            |row| {
                Ok(Flip {
                    source_key: RecordKey(row.get("source_key")?),
                    field: row.get("field")?,
                    side: row.word("side", Side::parse)?,
                    was: row.fingerprint("was")?,
                    n: row.unsigned("n")?,
                })
            },
        )?;
        out.extend(
            flips
                .into_iter()
                .map(|flip| ((flip.source_key.clone(), flip.field.clone()), flip)),
        );
    }
    Ok(out)
}

/// Notes how these fields went.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound) when there is no such sync.
pub fn put_many(tx: &Transaction<'_>, sync: SyncId, flips: &[Flip]) -> Result<()> {
    let sync_no = sync_no(tx, sync)?;
    let mut statement = prepare(
        tx,
        "note how a field went",
        r"INSERT INTO flips (sync_no, source_key, field, side, was, n)
          VALUES (?1, ?2, ?3, ?4, ?5, ?6)
          ON CONFLICT (sync_no, source_key, field) DO UPDATE
          SET side = excluded.side, was = excluded.was, n = excluded.n",
    )?;
    for flip in flips {
        statement
            .execute(params![
                sync_no,
                flip.source_key.as_str(),
                flip.field,
                flip.side.as_str(),
                flip.was.to_bytes(),
                flip.n
            ])
            .during("note how a field went")?;
    }
    Ok(())
}

/// Forgets how the fields of these records went: a person has decided.
pub fn remove_many(tx: &Transaction<'_>, sync: SyncId, source_keys: &[RecordKey]) -> Result<()> {
    let sync_no = sync_no(tx, sync)?;
    let mut statement = prepare(
        tx,
        "forget how a field went",
        "DELETE FROM flips WHERE sync_no = ?1 AND source_key = ?2",
    )?;
    for key in source_keys {
        statement
            .execute(params![sync_no, key.as_str()])
            .during("forget how a field went")?;
    }
    Ok(())
}
