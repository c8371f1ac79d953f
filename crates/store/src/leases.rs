//! Who may do what only one process at a time may do: refresh a token, work on a run.
//!
//! A lease ends by itself, so a process that dies holds nobody up for long. Its clock must be right
//! to within the lease's duration; all processes share this computer's.

use model::clock::Millis;
use rusqlite::{Connection, Transaction, params};

use crate::column::{execute, first};
use crate::error::Result;

/// Takes the lease, or prolongs it if it is already the owner's. False when another owner has it.
pub fn acquire(
    tx: &Transaction<'_>,
    name: &str,
    owner: &str,
    now: Millis,
    duration_ms: u64,
) -> Result<bool> {
    let n_changed = execute(
        tx,
        "take a lease",
        r"INSERT INTO leases (name, owner, expires_at)
          VALUES (?1, ?2, ?3)
          ON CONFLICT (name) DO UPDATE
          SET owner = excluded.owner, expires_at = excluded.expires_at
          WHERE owner = excluded.owner OR expires_at <= ?4",
        params![name, owner, now.saturating_add_unsigned(duration_ms), now],
    )?;
    Ok(n_changed == 1)
}

/// Gives the lease back, if it is still the owner's.
pub fn release(tx: &Transaction<'_>, name: &str, owner: &str) -> Result<()> {
    execute(
        tx,
        "give a lease back",
        "DELETE FROM leases WHERE name = ?1 AND owner = ?2",
        params![name, owner],
    )?;
    Ok(())
}

/// Who has the lease now.
pub fn owner(conn: &Connection, name: &str, now: Millis) -> Result<Option<String>> {
    first(
        conn,
        "lease",
        "SELECT owner FROM leases WHERE name = ?1 AND expires_at > ?2",
        params![name, now],
        |row| row.get("owner"),
    )
}
