//! The jobs a person set up, with every version that was ever published.

use model::clock::Millis;
use model::ids::SyncId;
use model::sync::Sync;
use rusqlite::{Connection, Transaction, params};

use crate::column::{Columns, all, document_text, execute, first, sync_no};
use crate::error::{Error, Result};
use crate::retention::KEPT_AFTER_DELETE_MS;

/// A sync as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSync {
    /// Which one.
    pub id: SyncId,
    /// What runs: the published version.
    pub document: Sync,
    /// The number of that version, from 1.
    pub version: u32,
    /// What is being edited and does not run yet.
    pub draft: Option<Sync>,
    /// Whether its schedule starts runs.
    pub is_enabled: bool,
    /// When it was made, in milliseconds.
    pub created_at: Millis,
    /// When it was last changed, in milliseconds.
    pub updated_at: Millis,
}

/// A version that was published once.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncVersion {
    /// Its number, from 1.
    pub version: u32,
    /// What ran.
    pub document: Sync,
    /// When it was published, in milliseconds.
    pub created_at: Millis,
}

const SELECT: &str = r"
    SELECT syncs.id, sync_versions.document, syncs.version, syncs.draft, syncs.is_enabled,
           syncs.created_at, syncs.updated_at
    FROM syncs
    JOIN sync_versions
      ON sync_versions.sync_no = syncs.sync_no AND sync_versions.version = syncs.version";

/// Adds a sync with its first version. It is not enabled.
pub fn insert(tx: &Transaction<'_>, id: SyncId, document: &Sync, now: Millis) -> Result<()> {
    execute(
        tx,
        "insert a sync",
        r"INSERT INTO syncs (id, version, source_connection, target_connection, created_at, updated_at)
          VALUES (?1, 1, ?2, ?3, ?4, ?4)",
        params![
            id.to_bytes(),
            document.source.connection.to_bytes(),
            document.target.connection.to_bytes(),
            now,
        ],
    )?;
    insert_version(tx, tx.last_insert_rowid(), 1, document, now)
}

/// Keeps what is being edited (or forgets it) without touching what runs.
///
/// # Errors
/// [`Error::NotFound`] also when the sync is deleted.
pub fn save_draft(
    tx: &Transaction<'_>,
    id: SyncId,
    draft: Option<&Sync>,
    now: Millis,
) -> Result<()> {
    let draft = draft
        .map(|draft| document_text("sync", draft))
        .transpose()?;
    let n_changed = execute(
        tx,
        "save a draft",
        r"UPDATE syncs
          SET draft = ?2, updated_at = ?3
          WHERE id = ?1 AND deleted_at IS NULL",
        params![id.to_bytes(), draft, now],
    )?;
    found(n_changed, id)
}

/// Makes `document` what runs, as a new version, and forgets the draft. Returns the version.
///
/// # Errors
/// [`Error::NotFound`] also when the sync is deleted.
pub fn publish(tx: &Transaction<'_>, id: SyncId, document: &Sync, now: Millis) -> Result<u32> {
    let (sync_no, version) = first(
        tx,
        "sync",
        r"UPDATE syncs
          SET version = version + 1, draft = NULL, source_connection = ?2, target_connection = ?3,
              updated_at = ?4
          WHERE id = ?1 AND deleted_at IS NULL
          RETURNING sync_no, version",
        params![
            id.to_bytes(),
            document.source.connection.to_bytes(),
            document.target.connection.to_bytes(),
            now,
        ],
        |row| Ok((row.get("sync_no")?, row.unsigned("version")?)),
    )?
    .ok_or_else(|| Error::not_found("sync", id))?;
    insert_version(tx, sync_no, version, document, now)?;
    Ok(version)
}

/// Whether its schedule starts runs.
///
/// # Errors
/// [`Error::NotFound`] also when the sync is deleted.
pub fn set_enabled(tx: &Transaction<'_>, id: SyncId, is_enabled: bool, now: Millis) -> Result<()> {
    let n_changed = execute(
        tx,
        "enable a sync",
        r"UPDATE syncs
          SET is_enabled = ?2, updated_at = ?3
          WHERE id = ?1 AND deleted_at IS NULL",
        params![id.to_bytes(), is_enabled, now],
    )?;
    found(n_changed, id)
}

/// The sync.
///
/// # Errors
/// [`Error::NotFound`] also when it is deleted; [`Error::Corrupt`] when its document cannot be read.
pub fn get(conn: &Connection, id: SyncId) -> Result<StoredSync> {
    first(
        conn,
        "sync",
        &format!("{SELECT} WHERE syncs.id = ?1 AND syncs.deleted_at IS NULL"),
        [id.to_bytes()],
        read,
    )?
    .ok_or_else(|| Error::not_found("sync", id))
}

/// Every sync that is not deleted, oldest first. One whose document cannot be read is left out and
/// logged: the others must stay usable.
pub fn list(conn: &Connection) -> Result<Vec<StoredSync>> {
    list_where(conn, "syncs.deleted_at IS NULL ORDER BY syncs.id")
}

/// Every sync that is deleted and can be restored, latest first.
pub fn list_deleted(conn: &Connection) -> Result<Vec<StoredSync>> {
    list_where(
        conn,
        "syncs.deleted_at IS NOT NULL ORDER BY syncs.deleted_at DESC",
    )
}

/// Every version of a sync, newest first.
pub fn versions(conn: &Connection, id: SyncId) -> Result<Vec<SyncVersion>> {
    all(
        conn,
        "sync version",
        r"SELECT version, document, created_at
          FROM sync_versions
          WHERE sync_no = ?1
          ORDER BY version DESC",
        [sync_no(conn, id)?],
        |row| {
            Ok(SyncVersion {
                version: row.unsigned("version")?,
                document: row.document("document")?,
                created_at: row.get("created_at")?,
            })
        },
    )
}

/// One version of a sync.
///
/// # Errors
/// [`Error::NotFound`] when there is no such version.
pub fn version(conn: &Connection, id: SyncId, version: u32) -> Result<Sync> {
    first(
        conn,
        "sync version",
        "SELECT document FROM sync_versions WHERE sync_no = ?1 AND version = ?2",
        params![sync_no(conn, id)?, version],
        |row| row.document("document"),
    )?
    .ok_or_else(|| Error::not_found("sync version", version))
}

/// Deletes it; it can be restored for 30 days, with its links.
///
/// # Errors
/// [`Error::NotFound`] also when it is deleted already.
pub fn delete(tx: &Transaction<'_>, id: SyncId, now: Millis) -> Result<()> {
    let n_changed = execute(
        tx,
        "delete a sync",
        "UPDATE syncs SET deleted_at = ?2 WHERE id = ?1 AND deleted_at IS NULL",
        params![id.to_bytes(), now],
    )?;
    found(n_changed, id)
}

/// Takes a deletion back. It is not enabled afterwards: much may have changed.
///
/// # Errors
/// [`Error::NotFound`] when it is not deleted, or was purged meanwhile.
pub fn restore(tx: &Transaction<'_>, id: SyncId, now: Millis) -> Result<()> {
    let n_changed = execute(
        tx,
        "restore a sync",
        r"UPDATE syncs
          SET deleted_at = NULL, is_enabled = 0, updated_at = ?2
          WHERE id = ?1 AND deleted_at IS NOT NULL",
        params![id.to_bytes(), now],
    )?;
    found(n_changed, id)
}

/// Removes what was deleted more than 30 days ago, with its links, runs and plans. Returns the ids.
pub fn purge(tx: &Transaction<'_>, now: Millis) -> Result<Vec<SyncId>> {
    let until = now - KEPT_AFTER_DELETE_MS;
    execute(
        tx,
        "purge the shadows of deleted syncs",
        r"DELETE FROM shadows
          WHERE shadow_no IN (
              SELECT links.shadow_no
              FROM syncs
              CROSS JOIN links ON links.sync_no = syncs.sync_no -- in this order: few syncs
              WHERE syncs.deleted_at < ?1
          )",
        [until],
    )?;
    all(
        tx,
        "sync",
        "DELETE FROM syncs WHERE deleted_at < ?1 RETURNING id",
        [until],
        |row| row.id("id"),
    )
}

fn list_where(conn: &Connection, condition: &str) -> Result<Vec<StoredSync>> {
    let rows = all(
        conn,
        "sync",
        &format!("{SELECT} WHERE {condition}"),
        [],
        |row| Ok(read(row)),
    )?;
    Ok(rows
        .into_iter()
        .filter_map(|sync| {
            sync.inspect_err(|error| tracing::error!(%error, "A sync was left out of the list."))
                .ok()
        })
        .collect())
}

fn insert_version(
    tx: &Transaction<'_>,
    sync_no: i64,
    version: u32,
    document: &Sync,
    now: Millis,
) -> Result<()> {
    execute(
        tx,
        "insert a version of a sync",
        r"INSERT INTO sync_versions (sync_no, version, document, created_at)
          VALUES (?1, ?2, ?3, ?4)",
        params![sync_no, version, document_text("sync", document)?, now],
    )?;
    Ok(())
}

fn found(n_changed: usize, id: SyncId) -> Result<()> {
    if n_changed == 0 {
        return Err(Error::not_found("sync", id));
    }
    Ok(())
}

fn read(row: &Columns<'_>) -> Result<StoredSync> {
    Ok(StoredSync {
        id: row.id("id")?,
        document: row.document("document")?,
        version: row.unsigned("version")?,
        draft: row.optional_document("draft")?,
        is_enabled: row.get("is_enabled")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
