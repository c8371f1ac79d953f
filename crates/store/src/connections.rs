//! Accounts on platforms. Their secrets are in the keychain, under the connection's id.

use model::clock::Millis;
use model::ids::{ConnectionId, SyncId};
use rusqlite::{Connection as Sqlite, Transaction, params};

use crate::column::{Columns, all, document_text, execute, first};
use crate::error::{Error, Result};
use crate::retention::KEPT_AFTER_DELETE_MS;

/// One account on one platform.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// Which one.
    pub id: ConnectionId,
    /// What the person calls it.
    pub name: String,
    /// The connector that talks to it.
    pub connector: String,
    /// The name of the sign-in method, see the connector's description.
    pub auth: String,
    /// What the person filled in, without secrets.
    pub config: serde_json::Value,
    /// Who is signed in, where the platform tells.
    pub account: Option<Account>,
    /// Whether it can be used.
    pub state: ConnectionState,
    /// When it was made, in milliseconds.
    pub created_at: Millis,
    /// When it was last changed, in milliseconds.
    pub updated_at: Millis,
}

/// Who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The platform's id of the account.
    pub id: String,
    /// For people.
    pub label: String,
}

/// Whether a connection can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// It worked when it was last used.
    Connected,
    /// The platform no longer accepts its credentials.
    SignInNeeded {
        /// The platform's words.
        reason: String,
    },
    /// Not tried yet.
    Untested,
}

impl ConnectionState {
    fn parts(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Connected => ("connected", None),
            Self::SignInNeeded { reason } => ("sign_in_needed", Some(reason)),
            Self::Untested => ("untested", None),
        }
    }
}

/// A sync that a connection is part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedBy {
    /// The sync.
    pub sync: SyncId,
    /// What the person calls it.
    pub name: String,
}

const COLUMNS: &str = "id, name, connector, auth, config, account_id, account_label, state, \
                       state_reason, created_at, updated_at";

/// Adds a connection.
pub fn insert(tx: &Transaction<'_>, connection: &Connection) -> Result<()> {
    let (state, reason) = connection.state.parts();
    let account = connection.account.as_ref();
    execute(
        tx,
        "insert a connection",
        r"INSERT INTO connections (id, name, connector, auth, config, account_id, account_label,
              state, state_reason, created_at, updated_at)
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            connection.id.to_bytes(),
            connection.name,
            connection.connector,
            connection.auth,
            document_text("connection's settings", &connection.config)?,
            account.map(|account| &account.id),
            account.map(|account| &account.label),
            state,
            reason,
            connection.created_at,
            connection.updated_at,
        ],
    )?;
    Ok(())
}

/// Replaces everything but the id and the time it was made.
///
/// # Errors
/// [`Error::NotFound`] also when it is deleted.
pub fn update(tx: &Transaction<'_>, connection: &Connection) -> Result<()> {
    let (state, reason) = connection.state.parts();
    let account = connection.account.as_ref();
    let n_changed = execute(
        tx,
        "update a connection",
        r"UPDATE connections
          SET name = ?2, connector = ?3, auth = ?4, config = ?5, account_id = ?6,
              account_label = ?7, state = ?8, state_reason = ?9, updated_at = ?10
          WHERE id = ?1 AND deleted_at IS NULL",
        params![
            connection.id.to_bytes(),
            connection.name,
            connection.connector,
            connection.auth,
            document_text("connection's settings", &connection.config)?,
            account.map(|account| &account.id),
            account.map(|account| &account.label),
            state,
            reason,
            connection.updated_at,
        ],
    )?;
    found(n_changed, connection.id)
}

/// Notes whether it can be used; leaves the rest alone.
///
/// # Errors
/// [`Error::NotFound`] also when it is deleted.
pub fn set_state(
    tx: &Transaction<'_>,
    id: ConnectionId,
    state: &ConnectionState,
    now: Millis,
) -> Result<()> {
    let (state, reason) = state.parts();
    let n_changed = execute(
        tx,
        "set the state of a connection",
        r"UPDATE connections
          SET state = ?2, state_reason = ?3, updated_at = ?4
          WHERE id = ?1 AND deleted_at IS NULL",
        params![id.to_bytes(), state, reason, now],
    )?;
    found(n_changed, id)
}

/// The connection.
///
/// # Errors
/// [`Error::NotFound`] also when it is deleted.
pub fn get(conn: &Sqlite, id: ConnectionId) -> Result<Connection> {
    first(
        conn,
        "connection",
        &format!("SELECT {COLUMNS} FROM connections WHERE id = ?1 AND deleted_at IS NULL"),
        [id.to_bytes()],
        read,
    )?
    .ok_or_else(|| Error::not_found("connection", id))
}

/// Every connection that is not deleted, by name.
pub fn list(conn: &Sqlite) -> Result<Vec<Connection>> {
    all(
        conn,
        "connection",
        &format!(
            "SELECT {COLUMNS} FROM connections WHERE deleted_at IS NULL ORDER BY name COLLATE NOCASE, id"
        ),
        [],
        read,
    )
}

/// Every connection that is deleted and can be restored, latest first.
pub fn list_deleted(conn: &Sqlite) -> Result<Vec<Connection>> {
    all(
        conn,
        "connection",
        &format!(
            "SELECT {COLUMNS} FROM connections WHERE deleted_at IS NOT NULL ORDER BY deleted_at DESC, id"
        ),
        [],
        read,
    )
}

/// Deletes it; it can be restored for 30 days.
///
/// # Errors
/// [`Error::NotFound`] also when it is deleted already.
pub fn delete(tx: &Transaction<'_>, id: ConnectionId, now: Millis) -> Result<()> {
    let n_changed = execute(
        tx,
        "delete a connection",
        "UPDATE connections SET deleted_at = ?2 WHERE id = ?1 AND deleted_at IS NULL",
        params![id.to_bytes(), now],
    )?;
    found(n_changed, id)
}

/// Takes a deletion back.
///
/// # Errors
/// [`Error::NotFound`] when it is not deleted, or was purged meanwhile.
pub fn restore(tx: &Transaction<'_>, id: ConnectionId, now: Millis) -> Result<()> {
    let n_changed = execute(
        tx,
        "restore a connection",
        r"UPDATE connections
          SET deleted_at = NULL, updated_at = ?2
          WHERE id = ?1 AND deleted_at IS NOT NULL",
        params![id.to_bytes(), now],
    )?;
    found(n_changed, id)
}

/// Removes what was deleted more than 30 days ago, unless a sync is still made with it. Returns the
/// ids, whose secrets can go from the keychain.
pub fn purge(tx: &Transaction<'_>, now: Millis) -> Result<Vec<ConnectionId>> {
    all(
        tx,
        "connection",
        r"DELETE FROM connections
          WHERE deleted_at < ?1
            AND NOT EXISTS (SELECT 1 FROM syncs WHERE source_connection = connections.id)
            AND NOT EXISTS (SELECT 1 FROM syncs WHERE target_connection = connections.id)
          RETURNING id",
        [now - KEPT_AFTER_DELETE_MS],
        |row| row.id("id"),
    )
}

/// The syncs that read from it or write to it, by name.
pub fn used_by(conn: &Sqlite, id: ConnectionId) -> Result<Vec<UsedBy>> {
    all(
        conn,
        "sync",
        r"SELECT syncs.id, json_extract(sync_versions.document, '$.name') AS name
          FROM syncs
          JOIN sync_versions
            ON sync_versions.sync_no = syncs.sync_no AND sync_versions.version = syncs.version
          WHERE (syncs.source_connection = ?1 OR syncs.target_connection = ?1)
            AND syncs.deleted_at IS NULL
          ORDER BY name COLLATE NOCASE",
        [id.to_bytes()],
        |row| {
            Ok(UsedBy {
                sync: row.id("id")?,
                name: row.get("name")?,
            })
        },
    )
}

fn found(n_changed: usize, id: ConnectionId) -> Result<()> {
    if n_changed == 0 {
        return Err(Error::not_found("connection", id));
    }
    Ok(())
}

fn read(row: &Columns<'_>) -> Result<Connection> {
    let account = match (row.get("account_id")?, row.get("account_label")?) {
        (Some(id), Some(label)) => Some(Account { id, label }),
        _ => None,
    };
    let reason: Option<String> = row.get("state_reason")?;
    Ok(Connection {
        id: row.id("id")?,
        name: row.get("name")?,
        connector: row.get("connector")?,
        auth: row.get("auth")?,
        config: row.document("config")?,
        account,
        state: row.word("state", |word| match word {
            "connected" => Some(ConnectionState::Connected),
            "untested" => Some(ConnectionState::Untested),
            "sign_in_needed" => Some(ConnectionState::SignInNeeded {
                reason: reason.unwrap_or_default(),
            }),
            _ => None,
        })?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
