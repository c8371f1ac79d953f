//! What two sides do not agree on: the list that a person decides from.
//!
//! A conflict is one field of one pair of records, or the whole pair where one side deleted what the other changed. It
//! stays until its decision was carried out, or until both sides agree by themselves.

use model::clock::Millis;
use model::conflict::{ConflictKind, Decision};
use model::ids::{ConflictId, RunId, SyncId};
use model::record::RecordKey;
use model::value::Value;
use rusqlite::{Connection, Transaction, params};

use crate::column::{
    Columns, all, document_text, execute, first, like_anywhere, prepare, sync_no, value_text,
};
use crate::error::{During, Error, Result};

/// Something that a person has to decide.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// Which one.
    pub id: ConflictId,
    /// Of which sync.
    pub sync: SyncId,
    /// The record of the source.
    pub source_key: RecordKey,
    /// The record of the target.
    pub target_key: RecordKey,
    /// The target's top-level field; empty for the whole record.
    pub field: String,
    /// How it came about.
    pub kind: ConflictKind,
    /// What both sides last agreed on, in the target's terms; none where they never did.
    pub base: Option<Value>,
    /// What the source says, in the target's terms.
    pub source: Option<Value>,
    /// What the target says.
    pub target: Option<Value>,
    /// What a person chose; none while nobody has.
    pub decision: Option<Decision>,
    /// The run that found it.
    pub run: Option<RunId>,
    /// When it was found, in milliseconds.
    pub created_at: Millis,
    /// When it was decided.
    pub decided_at: Option<Millis>,
}

/// Which conflicts to list.
#[derive(Clone, Debug, Default)]
pub struct ConflictFilter {
    /// Only of this sync.
    pub sync: Option<SyncId>,
    /// Only of this record of the source.
    pub source_key: Option<RecordKey>,
    /// Only of this field.
    pub field: Option<String>,
    /// Only those that are decided, or only those that are not.
    pub is_decided: Option<bool>,
    /// Only with this text in keys or values.
    pub text: Option<String>,
}

const SELECT: &str = r"
    SELECT conflicts.id, syncs.id AS sync, conflicts.source_key, conflicts.target_key,
           conflicts.field, conflicts.kind, conflicts.base, conflicts.source, conflicts.target,
           conflicts.decision, conflicts.run, conflicts.created_at, conflicts.decided_at
    FROM conflicts
    JOIN syncs ON syncs.sync_no = conflicts.sync_no";

/// Adds conflicts. One about the same field of the same pair takes the new values; a decision about the old ones
/// falls away where they differ.
///
/// # Errors
/// [`Error::NotFound`] when there is no such sync.
pub fn put_many(tx: &Transaction<'_>, conflicts: &[Conflict]) -> Result<()> {
    let mut statement = prepare(
        tx,
        "note a conflict",
        r"INSERT INTO conflicts (id, sync_no, source_key, target_key, field, kind, base, source,
              target, decision, run, created_at, decided_at)
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
          ON CONFLICT (sync_no, source_key, target_key, field) DO UPDATE
          SET kind = excluded.kind, base = excluded.base, source = excluded.source,
              target = excluded.target, run = excluded.run,
              decision = CASE
                  WHEN source IS excluded.source AND target IS excluded.target THEN decision
              END",
    )?;
    for conflict in conflicts {
        let value = |value: &Option<Value>| {
            value
                .as_ref()
                .map(|value| value_text("value in conflict", value))
                .transpose()
        };
        let decision = conflict
            .decision
            .as_ref()
            .map(|decision| document_text("decision", decision))
            .transpose()?;
        statement
            .execute(params![
                conflict.id.to_bytes(),
                sync_no(tx, conflict.sync)?,
                conflict.source_key.as_str(),
                conflict.target_key.as_str(),
                conflict.field,
                conflict.kind.as_str(),
                value(&conflict.base)?,
                value(&conflict.source)?,
                value(&conflict.target)?,
                decision,
                conflict.run.map(RunId::to_bytes),
                conflict.created_at,
                conflict.decided_at,
            ])
            .during("note a conflict")?;
    }
    Ok(())
}

/// Writes down what a person chose; none takes the choice back.
///
/// # Errors
/// [`Error::NotFound`] when there is no such conflict (any more).
pub fn decide(
    tx: &Transaction<'_>,
    id: ConflictId,
    decision: Option<&Decision>,
    now: Millis,
) -> Result<()> {
    let text = decision
        .map(|decision| document_text("decision", decision))
        .transpose()?;
    let n_changed = execute(
        tx,
        "decide a conflict",
        "UPDATE conflicts SET decision = ?2, decided_at = ?3 WHERE id = ?1",
        params![id.to_bytes(), text, decision.map(|_| now)],
    )?;
    if n_changed == 0 {
        return Err(Error::not_found("conflict", id));
    }
    Ok(())
}

/// The conflict.
///
/// # Errors
/// [`Error::NotFound`] when there is no such conflict (any more).
pub fn get(conn: &Connection, id: ConflictId) -> Result<Conflict> {
    first(
        conn,
        "conflict",
        &format!("{SELECT} WHERE conflicts.id = ?1"),
        [id.to_bytes()],
        read,
    )?
    .ok_or_else(|| Error::not_found("conflict", id))
}

/// Conflicts in the order in which they were found, after `after`.
pub fn page(
    conn: &Connection,
    filter: &ConflictFilter,
    after: Option<ConflictId>,
    limit: u32,
) -> Result<Vec<Conflict>> {
    let sync_no = filter.sync.map(|sync| sync_no(conn, sync)).transpose()?;
    let text = filter.text.as_deref().filter(|text| !text.is_empty());
    all(
        conn,
        "conflict",
        &format!(
            r"{SELECT}
              WHERE conflicts.id > ?1
                AND (?2 IS NULL OR conflicts.sync_no = ?2)
                AND (?3 IS NULL OR conflicts.source_key = ?3)
                AND (?4 IS NULL OR conflicts.field = ?4)
                AND (?5 IS NULL OR (conflicts.decision IS NOT NULL) = ?5)
                AND (?6 IS NULL OR conflicts.source_key LIKE ?6 ESCAPE '\'
                     OR conflicts.target_key LIKE ?6 ESCAPE '\'
                     OR conflicts.source LIKE ?6 ESCAPE '\'
                     OR conflicts.target LIKE ?6 ESCAPE '\')
              ORDER BY conflicts.id
              LIMIT ?7"
        ),
        params![
            after.map_or([0; 16], ConflictId::to_bytes),
            sync_no,
            filter.source_key.as_ref().map(RecordKey::as_str),
            filter.field,
            filter.is_decided,
            text.map(like_anywhere),
            limit
        ],
        read,
    )
}

/// Every conflict of these records of the source.
pub fn of_records(
    conn: &Connection,
    sync: SyncId,
    source_keys: &[RecordKey],
) -> Result<Vec<Conflict>> {
    let sync_no = sync_no(conn, sync)?;
    let mut out = Vec::new();
    if count(conn, Some(sync))?.total == 0 {
        return Ok(out);
    }
    let sql = format!("{SELECT} WHERE conflicts.sync_no = ?1 AND conflicts.source_key = ?2");
    for key in source_keys {
        out.extend(all(
            conn,
            "conflict",
            &sql,
            params![sync_no, key.as_str()],
            read,
        )?);
    }
    Ok(out)
}

/// Removes conflicts of a record of the source: in one field, or all of them.
pub fn remove(
    tx: &Transaction<'_>,
    sync: SyncId,
    source_key: &RecordKey,
    field: Option<&str>,
) -> Result<usize> {
    execute(
        tx,
        "remove a conflict",
        r"DELETE FROM conflicts
          WHERE sync_no = ?1 AND source_key = ?2 AND (?3 IS NULL OR field = ?3)",
        params![sync_no(tx, sync)?, source_key.as_str(), field],
    )
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConflictCount {
    /// All of them.
    pub total: u64,
    /// Those that are decided and not yet carried out.
    pub decided: u64,
}

/// How many conflicts there are, in one sync or in all.
pub fn count(conn: &Connection, sync: Option<SyncId>) -> Result<ConflictCount> {
    let sync_no = sync.map(|sync| sync_no(conn, sync)).transpose()?;
    first(
        conn,
        "conflict",
        r"SELECT count(*) AS n, count(decision) AS n_decided
          FROM conflicts
          WHERE ?1 IS NULL OR sync_no = ?1",
        params![sync_no],
        |row| {
            Ok(ConflictCount {
                total: row.unsigned("n")?,
                decided: row.unsigned("n_decided")?,
            })
        },
    )?
    .ok_or_else(|| Error::corrupt("count of conflicts"))
}

fn read(row: &Columns<'_>) -> Result<Conflict> {
    Ok(Conflict {
        id: row.id("id")?,
        sync: row.id("sync")?,
        source_key: RecordKey(row.get("source_key")?),
        target_key: RecordKey(row.get("target_key")?),
        field: row.get("field")?,
        kind: row.word("kind", ConflictKind::parse)?,
        base: row.optional_value("base")?,
        source: row.optional_value("source")?,
        target: row.optional_value("target")?,
        decision: row.optional_document("decision")?,
        run: row.optional_id("run")?,
        created_at: row.get("created_at")?,
        decided_at: row.get("decided_at")?,
    })
}
