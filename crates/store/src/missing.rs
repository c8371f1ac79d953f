//! Linked records that complete reads did not bring. One sighting is not enough: platforms leave records out of a list
//! now and then (replica lag, a filter, a token with fewer rights), so a record counts as deleted only after several.

use model::clock::Millis;
use model::ids::SyncId;
use model::record::RecordKey;
use model::sync::Side;
use rusqlite::{Connection, Transaction, params};

use crate::column::{all, execute, first, prepare, sync_no};
use crate::error::{During, Error, Result};

/// A record that was not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The link's record of the source, also where the target's is the one that is gone.
    pub source_key: RecordKey,
    /// Complete reads that missed it.
    pub sightings: u32,
    /// When the first of them ended, in milliseconds.
    pub since: Millis,
}

/// A complete read of a side ended at `now`: linked records for whose key on that side `is_seen` is false were missed once
/// more. All others that were on the list have come back and leave it.
///
/// # Errors
/// [`Error::NotFound`] when there is no such sync.
pub fn note_unseen(
    tx: &Transaction<'_>,
    sync: SyncId,
    side: Side,
    now: Millis,
    is_seen: impl Fn(&str) -> bool,
) -> Result<()> {
    let sync_no = sync_no(tx, sync)?;
    execute(
        tx,
        "forget what came back",
        "UPDATE missing SET sightings = -sightings WHERE sync_no = ?1 AND side = ?2",
        params![sync_no, side.as_str()],
    )?;
    let mut links = prepare(
        tx,
        "look for missing records",
        "SELECT source_key, target_key FROM links WHERE sync_no = ?1",
    )?;
    let mut note = prepare(
        tx,
        "note a missing record",
        r"INSERT INTO missing (sync_no, side, source_key, sightings, since)
          VALUES (?1, ?2, ?3, 1, ?4)
          ON CONFLICT (sync_no, side, source_key) DO UPDATE SET sightings = 1 - sightings",
    )?;
    let during = "look for missing records";
    let column = match side {
        Side::Source => 0,
        Side::Target => 1,
    };
    let mut rows = links.query([sync_no]).during(during)?;
    while let Some(row) = rows.next().during(during)? {
        let text = |column: usize| {
            row.get_ref(column)
                .ok()
                .and_then(|value| value.as_str().ok())
                .ok_or_else(|| Error::corrupt("link"))
        };
        if !is_seen(text(column)?) {
            note.execute(params![sync_no, side.as_str(), text(0)?, now])
                .during("note a missing record")?;
        }
    }
    execute(
        tx,
        "forget what came back",
        "DELETE FROM missing WHERE sync_no = ?1 AND side = ?2 AND sightings <= 0",
        params![sync_no, side.as_str()],
    )?;
    Ok(())
}

/// The platform itself says that these records are deleted: no further sighting is needed.
///
/// # Errors
/// [`Error::NotFound`] when there is no such sync.
pub fn note_told(
    tx: &Transaction<'_>,
    sync: SyncId,
    side: Side,
    told: &[RecordKey],
    now: Millis,
) -> Result<()> {
    let sync_no = sync_no(tx, sync)?;
    let mut statement = prepare(
        tx,
        "note a deleted record",
        r"INSERT INTO missing (sync_no, side, source_key, sightings, since)
          VALUES (?1, ?2, ?3, ?4, ?5)
          ON CONFLICT (sync_no, side, source_key) DO UPDATE
          SET sightings = max(sightings, excluded.sightings)",
    )?;
    for key in told {
        statement
            .execute(params![sync_no, side.as_str(), key.as_str(), TOLD, now])
            .during("note a deleted record")?;
    }
    Ok(())
}

/// More sightings than anybody can ask for.
const TOLD: u32 = 1_000_000;

/// From so many on, what was to happen to the counterpart has happened.
const DONE: u32 = 2_000_000;

/// The counterparts of these records were put away: nothing more is to be done about them while their records are gone.
pub fn set_done(tx: &Transaction<'_>, sync: SyncId, source_keys: &[RecordKey]) -> Result<()> {
    if source_keys.is_empty() {
        return Ok(());
    }
    let sync_no = sync_no(tx, sync)?;
    let mut statement = prepare(
        tx,
        "note what was put away",
        "UPDATE missing SET sightings = ?3 WHERE sync_no = ?1 AND source_key = ?2",
    )?;
    for key in source_keys {
        statement
            .execute(params![sync_no, key.as_str(), DONE])
            .during("note what was put away")?;
    }
    Ok(())
}

/// These records are there, or their link is gone: they are not missing.
pub fn remove_many<'a>(
    tx: &Transaction<'_>,
    sync: SyncId,
    source_keys: impl IntoIterator<Item = &'a RecordKey>,
) -> Result<()> {
    let sync_no = sync_no(tx, sync)?;
    let any = first(
        tx,
        "missing record",
        "SELECT 1 FROM missing WHERE sync_no = ?1 LIMIT 1",
        [sync_no],
        |_| Ok(()),
    )?;
    if any.is_none() {
        return Ok(());
    }
    let mut statement = prepare(
        tx,
        "forget a missing record",
        "DELETE FROM missing WHERE sync_no = ?1 AND side = ?2 AND source_key = ?3",
    )?;
    for key in source_keys {
        for side in [Side::Source, Side::Target] {
            statement
                .execute(params![sync_no, side.as_str(), key.as_str()])
                .during("forget a missing record")?;
        }
    }
    Ok(())
}

/// Which of these records of the source are missing on a side.
pub fn among(
    conn: &Connection,
    sync: SyncId,
    side: Side,
    source_keys: &[RecordKey],
) -> Result<Vec<RecordKey>> {
    let sync_no = sync_no(conn, sync)?;
    let mut statement = prepare(
        conn,
        "look for missing records",
        "SELECT 1 FROM missing WHERE sync_no = ?1 AND side = ?2 AND source_key = ?3",
    )?;
    let mut out = Vec::new();
    for key in source_keys {
        let during = "look for missing records";
        if statement
            .exists(params![sync_no, side.as_str(), key.as_str()])
            .during(during)?
        {
            out.push(key.clone());
        }
    }
    Ok(out)
}

/// Missing records of a side whose counterparts are still there, in order of their keys, after `after`.
pub fn page(
    conn: &Connection,
    sync: SyncId,
    side: Side,
    after: Option<&RecordKey>,
    limit: u32,
) -> Result<Vec<Missing>> {
    all(
        conn,
        "missing record",
        r"SELECT source_key, sightings, since
          FROM missing
          WHERE sync_no = ?1 AND side = ?2 AND source_key > ?3 AND sightings < ?5
          ORDER BY source_key
          LIMIT ?4",
        params![
            sync_no(conn, sync)?,
            side.as_str(),
            after.map_or("", RecordKey::as_str),
            limit,
            DONE
        ],
        |row| {
            Ok(Missing {
                source_key: RecordKey(row.get("source_key")?),
                sightings: row.unsigned("sightings")?,
                since: row.get("since")?,
            })
        },
    )
}

/// How many records of a side are missing.
pub fn count(conn: &Connection, sync: SyncId, side: Side) -> Result<u64> {
    first(
        conn,
        "missing record",
        "SELECT count(*) AS n FROM missing WHERE sync_no = ?1 AND side = ?2 AND sightings < ?3",
        params![sync_no(conn, sync)?, side.as_str(), DONE],
        |row| row.unsigned("n"),
    )?
    .ok_or_else(|| Error::corrupt("count of missing records"))
}
