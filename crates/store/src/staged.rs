//! Records of the target that wait for their counterpart while a two-way plan is being made: on the disk, because there
//! may be millions.

use std::collections::HashMap;

use model::ids::PlanId;
use model::record::{Record, RecordKey};
use rusqlite::{Connection, Transaction, params};

use crate::column::{Columns, all, execute, first, prepare, value_text};
use crate::error::{During, Result};
use crate::plans::plan_no;

/// A record that waits, with a hash of its match values where it has them.
#[derive(Clone, Debug, PartialEq)]
pub struct Staged {
    /// The record as it was read.
    pub record: Record,
    /// Hash of the values that it is matched by.
    pub match_hash: Option<u64>,
}

/// Adds records; one that is there already is replaced by its later state. Records without a key are left out.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound) when there is no such plan;
/// [`Error::Unstorable`](crate::Error::Unstorable) when a record could not be read again.
pub fn put_many(tx: &Transaction<'_>, plan: PlanId, staged: &[Staged]) -> Result<()> {
    let plan_no = plan_no(tx, plan)?;
    let mut statement = prepare(
        tx,
        "stage a record",
        r"INSERT INTO staged (plan_no, target_key, match_hash, record, version)
          VALUES (?1, ?2, ?3, ?4, ?5)
          ON CONFLICT (plan_no, target_key) DO UPDATE
          SET match_hash = excluded.match_hash, record = excluded.record,
              version = excluded.version",
    )?;
    for staged in staged {
        let Some(key) = &staged.record.key else {
            continue;
        };
        let record = value_text("record", &staged.record.fields)?;
        statement
            .execute(params![
                plan_no,
                key.as_str(),
                staged.match_hash.map(u64::cast_signed),
                record,
                staged.record.version
            ])
            .during("stage a record")?;
    }
    Ok(())
}

/// The records with these keys, as far as they wait.
pub fn get_many(
    conn: &Connection,
    plan: PlanId,
    target_keys: &[RecordKey],
) -> Result<HashMap<RecordKey, Record>> {
    let plan_no = plan_no(conn, plan)?;
    let mut out = HashMap::new();
    for key in target_keys {
        let staged = first(
            conn,
            "staged record",
            r"SELECT target_key, record, version, match_hash
              FROM staged
              WHERE plan_no = ?1 AND target_key = ?2",
            params![plan_no, key.as_str()],
            read,
        )?;
        if let Some(staged) = staged {
            out.insert(key.clone(), staged.record);
        }
    }
    Ok(out)
}

/// The records with this hash of their match values.
pub fn by_match(conn: &Connection, plan: PlanId, match_hash: u64) -> Result<Vec<Record>> {
    all(
        conn,
        "staged record",
        r"SELECT target_key, record, version, match_hash
          FROM staged
          WHERE plan_no = ?1 AND match_hash = ?2
          ORDER BY target_key",
        params![plan_no(conn, plan)?, match_hash.cast_signed()],
        |row| Ok(read(row)?.record),
    )
}

/// What is left, in order of the keys, after `after`.
pub fn page(
    conn: &Connection,
    plan: PlanId,
    after: Option<&RecordKey>,
    limit: u32,
) -> Result<Vec<Staged>> {
    all(
        conn,
        "staged record",
        r"SELECT target_key, record, version, match_hash
          FROM staged
          WHERE plan_no = ?1 AND target_key > ?2
          ORDER BY target_key
          LIMIT ?3",
        params![
            plan_no(conn, plan)?,
            after.map_or("", RecordKey::as_str),
            limit
        ],
        read,
    )
}

/// Removes what is left of a plan.
pub fn clear(tx: &Transaction<'_>, plan: PlanId) -> Result<()> {
    execute(
        tx,
        "remove staged records",
        "DELETE FROM staged WHERE plan_no = ?1",
        [plan_no(tx, plan)?],
    )?;
    Ok(())
}

fn read(row: &Columns<'_>) -> Result<Staged> {
    Ok(Staged {
        record: Record {
            key: Some(RecordKey(row.get("target_key")?)),
            fields: row.optional_value("record")?.unwrap_or_default(),
            version: row.get("version")?,
        },
        match_hash: row
            .get::<Option<i64>>("match_hash")?
            .map(i64::cast_unsigned),
    })
}
