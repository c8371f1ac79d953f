//! Which record of the source is which record of the target, and what both last agreed on.
//!
//! Two tables: `links` is narrow, so that a batch of unchanged records is recognised by reading few
//! pages ([`fingerprints_many`]); the shadows lie beside it and are only read where something
//! changed ([`get_many`]).

use std::collections::HashMap;

use model::ids::SyncId;
use model::record::RecordKey;
use model::value::{Fingerprint, Object};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::column::{Columns, all, execute, first, object_text, prepare, sync_no};
use crate::error::{During, Error, Result};

/// A pair of records.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The record of the source.
    pub source_key: RecordKey,
    /// The record of the target.
    pub target_key: RecordKey,
    /// Fingerprint of the mapped record that both sides last agreed on.
    pub source_fingerprint: Fingerprint,
    /// That mapped record.
    pub shadow: Object,
    /// What the target has where that differs from the shadow: platforms trim, round and rewrite what they are sent,
    /// and an undone change stays undone. None where it is the same.
    pub target_shadow: Option<Object>,
    /// The target's version tag of that state, where it has one.
    pub target_version: Option<String>,
    /// The source's, where changes flow back to it.
    pub source_version: Option<String>,
}

const SELECT: &str = r"
    SELECT links.source_key, links.target_key, links.source_fingerprint, links.target_version,
           shadows.shadow, shadows.target_shadow, shadows.source_version
    FROM links
    JOIN shadows ON shadows.shadow_no = links.shadow_no";

/// The links of these source records, as far as there are any.
pub fn get_many(
    conn: &Connection,
    sync: SyncId,
    source_keys: &[RecordKey],
) -> Result<HashMap<RecordKey, Link>> {
    let sync_no = sync_no(conn, sync)?;
    let sql = format!("{SELECT} WHERE links.sync_no = ?1 AND links.source_key = ?2");
    let mut out = HashMap::with_capacity(source_keys.len());
    for key in source_keys {
        if let Some(link) = first(conn, "link", &sql, params![sync_no, key.as_str()], read)? {
            out.insert(key.clone(), link);
        }
    }
    Ok(out)
}

/// What both sides last agreed on for these source records, as far as they are linked. Reads no shadow.
pub fn fingerprints_many(
    conn: &Connection,
    sync: SyncId,
    source_keys: &[RecordKey],
) -> Result<HashMap<RecordKey, Fingerprint>> {
    let sync_no = sync_no(conn, sync)?;
    let mut statement = prepare(
        conn,
        "use links",
        "SELECT source_fingerprint FROM links WHERE sync_no = ?1 AND source_key = ?2",
    )?;
    let mut out = HashMap::with_capacity(source_keys.len());
    for key in source_keys {
        let bytes: Option<[u8; 16]> = statement
            .query_row(params![sync_no, key.as_str()], |row| row.get(0))
            .optional()
            .during("look fingerprints up")?;
        if let Some(fingerprint) = bytes.and_then(|bytes| Fingerprint::from_bytes(&bytes)) {
            out.insert(key.clone(), fingerprint);
        }
    }
    Ok(out)
}

/// The link of a target record; the first by source key, should several point at it.
pub fn get_by_target(
    conn: &Connection,
    sync: SyncId,
    target_key: &RecordKey,
) -> Result<Option<Link>> {
    first(
        conn,
        "link",
        &format!(
            "{SELECT} WHERE links.sync_no = ?1 AND links.target_key = ?2 ORDER BY links.source_key LIMIT 1"
        ),
        params![sync_no(conn, sync)?, target_key.as_str()],
        read,
    )
}

/// The source records that these target records are linked to, as far as they are. To find out
/// whether a match is already taken.
pub fn sources_of_targets(
    conn: &Connection,
    sync: SyncId,
    target_keys: &[RecordKey],
) -> Result<HashMap<RecordKey, RecordKey>> {
    let sync_no = sync_no(conn, sync)?;
    let mut statement = prepare(
        conn,
        "use links",
        r"SELECT source_key
          FROM links
          WHERE sync_no = ?1 AND target_key = ?2
          ORDER BY source_key
          LIMIT 1",
    )?;
    let mut out = HashMap::new();
    for key in target_keys {
        let source_key: Option<String> = statement
            .query_row(params![sync_no, key.as_str()], |row| row.get(0))
            .optional()
            .during("look links up by target")?;
        if let Some(source_key) = source_key {
            out.insert(key.clone(), RecordKey(source_key));
        }
    }
    Ok(out)
}

/// Adds these links, or replaces those of the same source records.
///
/// # Errors
/// [`Error::NotFound`] when there is no such sync.
pub fn upsert_many(tx: &Transaction<'_>, sync: SyncId, links: &[Link]) -> Result<()> {
    let sync_no = sync_no(tx, sync)?;
    let mut find = prepare(
        tx,
        "use links",
        "SELECT shadow_no FROM links WHERE sync_no = ?1 AND source_key = ?2",
    )?;
    let mut insert_shadow = prepare(
        tx,
        "use links",
        "INSERT INTO shadows (shadow, target_shadow, source_version) VALUES (?1, ?2, ?3)",
    )?;
    let mut insert_link = prepare(
        tx,
        "use links",
        r"INSERT INTO links (sync_no, source_key, target_key, source_fingerprint, target_version,
              shadow_no)
          VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let mut update_shadow = prepare(
        tx,
        "use links",
        "UPDATE shadows SET shadow = ?2, target_shadow = ?3, source_version = ?4 WHERE shadow_no = ?1",
    )?;
    let mut update_link = prepare(
        tx,
        "use links",
        r"UPDATE links
          SET target_key = ?3, source_fingerprint = ?4, target_version = ?5
          WHERE sync_no = ?1 AND source_key = ?2",
    )?;
    for link in links {
        let shadow = object_text("shadow", &link.shadow)?;
        let on_target = link
            .target_shadow
            .as_ref()
            .map(|shadow| object_text("shadow", shadow))
            .transpose()?;
        let source_key = link.source_key.as_str();
        let target_key = link.target_key.as_str();
        let fingerprint = link.source_fingerprint.to_bytes();
        let version = link.target_version.as_deref();
        let shadow_no: Option<i64> = find
            .query_row(params![sync_no, source_key], |row| row.get(0))
            .optional()
            .during("find a link")?;
        match shadow_no {
            Some(shadow_no) => {
                update_shadow
                    .execute(params![shadow_no, shadow, on_target, link.source_version])
                    .during("update a shadow")?;
                update_link
                    .execute(params![
                        sync_no,
                        source_key,
                        target_key,
                        fingerprint,
                        version
                    ])
                    .during("update a link")?;
            }
            None => {
                insert_shadow
                    .execute(params![shadow, on_target, link.source_version])
                    .during("insert a shadow")?;
                let shadow_no = tx.last_insert_rowid();
                insert_link
                    .execute(params![
                        sync_no,
                        source_key,
                        target_key,
                        fingerprint,
                        version,
                        shadow_no
                    ])
                    .during("insert a link")?;
            }
        }
    }
    Ok(())
}

/// Forgets the links of these source records. Returns how many there were.
pub fn delete_many(tx: &Transaction<'_>, sync: SyncId, source_keys: &[RecordKey]) -> Result<usize> {
    let sync_no = sync_no(tx, sync)?;
    let mut delete_shadow = prepare(
        tx,
        "use links",
        r"DELETE FROM shadows
          WHERE shadow_no = (SELECT shadow_no FROM links WHERE sync_no = ?1 AND source_key = ?2)",
    )?;
    let mut delete_link = prepare(
        tx,
        "use links",
        "DELETE FROM links WHERE sync_no = ?1 AND source_key = ?2",
    )?;
    let mut n_deleted = 0;
    for key in source_keys {
        delete_shadow
            .execute(params![sync_no, key.as_str()])
            .during("delete a shadow")?;
        n_deleted += delete_link
            .execute(params![sync_no, key.as_str()])
            .during("delete a link")?;
    }
    Ok(n_deleted)
}

/// Forgets every link of a sync, and what hangs on them. Returns how many there were.
pub fn delete_all(tx: &Transaction<'_>, sync: SyncId) -> Result<usize> {
    let sync_no = sync_no(tx, sync)?;
    for sql in [
        "DELETE FROM shadows WHERE shadow_no IN (SELECT shadow_no FROM links WHERE sync_no = ?1)",
        "DELETE FROM missing WHERE sync_no = ?1",
        "DELETE FROM conflicts WHERE sync_no = ?1",
        "DELETE FROM flips WHERE sync_no = ?1",
    ] {
        execute(tx, "forget links", sql, [sync_no])?;
    }
    execute(
        tx,
        "forget links",
        "DELETE FROM links WHERE sync_no = ?1",
        [sync_no],
    )
}

/// How many records are linked.
pub fn count(conn: &Connection, sync: SyncId) -> Result<u64> {
    first(
        conn,
        "link",
        "SELECT count(*) AS n FROM links WHERE sync_no = ?1",
        [sync_no(conn, sync)?],
        |row| row.unsigned("n"),
    )?
    .ok_or_else(|| Error::corrupt("count of links"))
}

/// Links in order of their source keys, after `after`.
pub fn page(
    conn: &Connection,
    sync: SyncId,
    after: Option<&RecordKey>,
    limit: usize,
) -> Result<Vec<Link>> {
    all(
        conn,
        "link",
        &format!(
            r"{SELECT}
              WHERE links.sync_no = ?1 AND links.source_key > ?2
              ORDER BY links.source_key
              LIMIT ?3"
        ),
        params![
            sync_no(conn, sync)?,
            after.map_or("", RecordKey::as_str),
            i64::try_from(limit).unwrap_or(i64::MAX),
        ],
        read,
    )
}

fn read(row: &Columns<'_>) -> Result<Link> {
    Ok(Link {
        source_key: RecordKey(row.get("source_key")?),
        target_key: RecordKey(row.get("target_key")?),
        source_fingerprint: row.fingerprint("source_fingerprint")?,
        shadow: row.object("shadow")?,
        target_shadow: row.optional_object("target_shadow")?,
        source_version: row.get("source_version")?,
        target_version: row.get("target_version")?,
    })
}
