//! Connector files of the person's own, with every version that was ever saved.

use model::clock::Millis;
use rusqlite::{Connection, Transaction, params};

use crate::column::{Columns, all, execute, first};
use crate::error::{Error, Result};
use crate::retention::KEPT_AFTER_DELETE_MS;

/// A connector file in the version that is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredConnector {
    /// As connections refer to it.
    pub name: String,
    /// The number of the version that is used.
    pub version: u32,
    /// The file.
    pub document: String,
    /// When the connector was added, in milliseconds.
    pub created_at: Millis,
    /// When it was last changed, in milliseconds.
    pub updated_at: Millis,
}

/// A version that was saved once, without its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectorVersion {
    /// Its number, from 1.
    pub version: u32,
    /// Where it came from, in the person's words.
    pub origin: String,
    /// When it was saved, in milliseconds.
    pub created_at: Millis,
}

/// Which version of a connector is used, to notice what another process changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The connector.
    pub name: String,
    /// The version that is used.
    pub version: u32,
    /// When it was last changed, in milliseconds.
    pub updated_at: Millis,
}

const SELECT: &str = r"
    SELECT connectors.name, connectors.version, connector_versions.document,
           connectors.created_at, connectors.updated_at
    FROM connectors
    JOIN connector_versions
      ON connector_versions.connector_no = connectors.connector_no
     AND connector_versions.version = connectors.version";

/// Adds a connector, or a version of one that is there, and uses it. One that was deleted comes back with
/// all its versions. Returns the version's number.
pub fn save(
    tx: &Transaction<'_>,
    name: &str,
    document: &str,
    origin: &str,
    now: Millis,
) -> Result<u32> {
    let connector_no = match number(tx, name)? {
        Some(connector_no) => connector_no,
        None => {
            execute(
                tx,
                "insert a connector",
                r"INSERT INTO connectors (name, version, created_at, updated_at)
                  VALUES (?1, 0, ?2, ?2)",
                params![name, now],
            )?;
            tx.last_insert_rowid()
        }
    };
    let version: u32 = first(
        tx,
        "connector version",
        r"SELECT coalesce(max(version), 0) + 1 AS next
          FROM connector_versions
          WHERE connector_no = ?1",
        [connector_no],
        |row| row.unsigned("next"),
    )?
    .unwrap_or(1);
    execute(
        tx,
        "insert a version of a connector",
        r"INSERT INTO connector_versions (connector_no, version, document, origin, created_at)
          VALUES (?1, ?2, ?3, ?4, ?5)",
        params![connector_no, version, document, origin, now],
    )?;
    execute(
        tx,
        "use a version of a connector",
        r"UPDATE connectors
          SET version = ?2, updated_at = ?3, deleted_at = NULL
          WHERE connector_no = ?1",
        params![connector_no, version, now],
    )?;
    Ok(version)
}

/// Uses another version that was saved once.
///
/// # Errors
/// [`Error::NotFound`] when there is no such version, or the connector is deleted.
pub fn use_version(tx: &Transaction<'_>, name: &str, version: u32, now: Millis) -> Result<()> {
    let n_changed = execute(
        tx,
        "use a version of a connector",
        r"UPDATE connectors
          SET version = ?2, updated_at = ?3
          WHERE name = ?1
            AND deleted_at IS NULL
            AND EXISTS (
                SELECT 1
                FROM connector_versions
                WHERE connector_versions.connector_no = connectors.connector_no
                  AND connector_versions.version = ?2
            )",
        params![name, version, now],
    )?;
    found(n_changed, name)
}

/// The connector in the version that is used.
///
/// # Errors
/// [`Error::NotFound`] also when it is deleted.
pub fn get(conn: &Connection, name: &str) -> Result<StoredConnector> {
    first(
        conn,
        "connector",
        &format!("{SELECT} WHERE connectors.name = ?1 AND connectors.deleted_at IS NULL"),
        [name],
        read,
    )?
    .ok_or_else(|| Error::not_found("connector", name))
}

/// Every connector that is not deleted, by name, in the version that is used.
pub fn list(conn: &Connection) -> Result<Vec<StoredConnector>> {
    all(
        conn,
        "connector",
        &format!("{SELECT} WHERE connectors.deleted_at IS NULL ORDER BY connectors.name"),
        [],
        read,
    )
}

/// Which versions are used, by name, without their files.
pub fn heads(conn: &Connection) -> Result<Vec<Head>> {
    all(
        conn,
        "connector",
        "SELECT name, version, updated_at FROM connectors WHERE deleted_at IS NULL ORDER BY name",
        [],
        |row| {
            Ok(Head {
                name: row.get("name")?,
                version: row.unsigned("version")?,
                updated_at: row.get("updated_at")?,
            })
        },
    )
}

/// Every version of a connector, newest first.
pub fn versions(conn: &Connection, name: &str) -> Result<Vec<ConnectorVersion>> {
    all(
        conn,
        "connector version",
        r"SELECT connector_versions.version, connector_versions.origin, connector_versions.created_at
          FROM connectors
          JOIN connector_versions ON connector_versions.connector_no = connectors.connector_no
          WHERE connectors.name = ?1
          ORDER BY connector_versions.version DESC",
        [name],
        |row| {
            Ok(ConnectorVersion {
                version: row.unsigned("version")?,
                origin: row.get("origin")?,
                created_at: row.get("created_at")?,
            })
        },
    )
}

/// The file of one version.
///
/// # Errors
/// [`Error::NotFound`] when there is no such version.
pub fn document(conn: &Connection, name: &str, version: u32) -> Result<String> {
    first(
        conn,
        "connector version",
        r"SELECT connector_versions.document
          FROM connectors
          JOIN connector_versions ON connector_versions.connector_no = connectors.connector_no
          WHERE connectors.name = ?1 AND connector_versions.version = ?2",
        params![name, version],
        |row| row.get("document"),
    )?
    .ok_or_else(|| Error::not_found("connector version", format!("{name} {version}")))
}

/// Deletes it; it can be restored for 30 days.
///
/// # Errors
/// [`Error::NotFound`] also when it is deleted already.
pub fn delete(tx: &Transaction<'_>, name: &str, now: Millis) -> Result<()> {
    let n_changed = execute(
        tx,
        "delete a connector",
        r"UPDATE connectors
          SET deleted_at = ?2, updated_at = ?2
          WHERE name = ?1 AND deleted_at IS NULL",
        params![name, now],
    )?;
    found(n_changed, name)
}

/// Takes a deletion back.
///
/// # Errors
/// [`Error::NotFound`] when it is not deleted, or was purged meanwhile.
pub fn restore(tx: &Transaction<'_>, name: &str, now: Millis) -> Result<()> {
    let n_changed = execute(
        tx,
        "restore a connector",
        r"UPDATE connectors
          SET deleted_at = NULL, updated_at = ?2
          WHERE name = ?1 AND deleted_at IS NOT NULL",
        params![name, now],
    )?;
    found(n_changed, name)
}

/// Removes what was deleted more than 30 days ago, unless a connection is still made with it. Returns the
/// names.
pub fn purge(tx: &Transaction<'_>, now: Millis) -> Result<Vec<String>> {
    all(
        tx,
        "connector",
        r"DELETE FROM connectors
          WHERE deleted_at < ?1
            AND NOT EXISTS (SELECT 1 FROM connections WHERE connections.connector = connectors.name)
          RETURNING name",
        [now - KEPT_AFTER_DELETE_MS],
        |row| row.get("name"),
    )
}

fn number(tx: &Transaction<'_>, name: &str) -> Result<Option<i64>> {
    first(
        tx,
        "connector",
        "SELECT connector_no FROM connectors WHERE name = ?1",
        [name],
        |row| row.get("connector_no"),
    )
}

fn found(n_changed: usize, name: &str) -> Result<()> {
    if n_changed == 0 {
        return Err(Error::not_found("connector", name));
    }
    Ok(())
}

fn read(row: &Columns<'_>) -> Result<StoredConnector> {
    Ok(StoredConnector {
        name: row.get("name")?,
        version: row.unsigned("version")?,
        document: row.get("document")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
