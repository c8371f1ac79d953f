//! Small things to remember, as JSON by name.

use rusqlite::{Connection, Transaction, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::column::{document_text, execute, first};
use crate::error::Result;

/// What was put under `key`.
///
/// # Errors
/// [`Error::Corrupt`](crate::Error::Corrupt) when it is not of this type.
pub fn get<T: DeserializeOwned>(conn: &Connection, key: &str) -> Result<Option<T>> {
    first(
        conn,
        "setting",
        "SELECT value FROM settings WHERE key = ?1",
        [key],
        |row| row.document("value"),
    )
}

/// Puts a value under `key`, in place of what was there.
pub fn put<T: Serialize>(tx: &Transaction<'_>, key: &str, value: &T) -> Result<()> {
    let text = document_text("setting", value)?;
    execute(
        tx,
        "put a setting",
        r"INSERT INTO settings (key, value)
          VALUES (?1, ?2)
          ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        params![key, text],
    )?;
    Ok(())
}

/// Forgets what was put under `key`.
pub fn delete(tx: &Transaction<'_>, key: &str) -> Result<()> {
    execute(
        tx,
        "delete a setting",
        "DELETE FROM settings WHERE key = ?1",
        [key],
    )?;
    Ok(())
}
