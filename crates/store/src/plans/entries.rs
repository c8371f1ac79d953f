//! What a plan would do, record by record.

use std::collections::HashMap;

use model::conflict::ConflictKind;
use model::ids::PlanId;
use model::record::RecordKey;
use model::sync::Side;
use model::value::{Fingerprint, Object, Value};
use rusqlite::{Connection, Transaction, params};

use super::plan_no;
use crate::column::{
    Columns, all, document_text, execute, first, object_text, prepare, signed, value_text,
};
use crate::error::{During, Result};

/// What would be done to one record.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanEntry {
    /// Its position in the plan, from 1.
    pub seq: u64,
    /// The source's record.
    pub source_key: RecordKey,
    /// The target's record, where there is one.
    pub target_key: Option<RecordKey>,
    /// The side that would be written.
    pub side: Side,
    /// What would be done.
    pub action: PlanAction,
    /// Whether it will be done; a person can tick entries off.
    pub is_included: bool,
    /// What would be sent.
    pub fields: Object,
    /// The target's values of the same fields before, as far as known.
    pub before: Option<Object>,
    /// The whole mapped record.
    pub mapped: Object,
    /// Its fingerprint.
    pub mapped_fingerprint: Fingerprint,
    /// The source's record.
    pub source: Option<Value>,
    /// Why it is not done, or what is odd about it.
    pub problem: Option<String>,
    /// The version tag that the written record must still have.
    pub target_version: Option<String>,
    /// The version tag of the other side's record.
    pub other_version: Option<String>,
    /// Of a conflict: why each of its fields is one. `fields` has what the target says, `mapped` what the source says.
    pub kinds: Vec<(String, ConflictKind)>,
}

/// What would be done to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PlanAction {
    /// Made on the target.
    Create,
    /// Changed on the target.
    Update,
    /// Deleted on the target, or put away there.
    Delete,
    /// Already as it should be.
    Unchanged,
    /// Left out by the sync's own rules.
    Filtered,
    /// The mapping cannot make a required value.
    Invalid,
    /// Kept back: ambiguous, or a field's "hold" rule.
    Held,
    /// Changed on both sides.
    Conflict,
}

impl PlanAction {
    /// Every action, in the order of a legend.
    pub const ALL: [Self; 8] = [
        Self::Create,
        Self::Update,
        Self::Delete,
        Self::Unchanged,
        Self::Filtered,
        Self::Invalid,
        Self::Held,
        Self::Conflict,
    ];

    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Unchanged => "unchanged",
            Self::Filtered => "filtered",
            Self::Invalid => "invalid",
            Self::Held => "held",
            Self::Conflict => "conflict",
        }
    }

    /// Whether something would be written.
    pub const fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Delete)
    }

    /// From its stored form.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == word)
    }
}

/// How many entries have an action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ActionCount {
    /// All of them.
    pub total: u64,
    /// Those that will be done.
    pub included: u64,
}
const ENTRY_COLUMNS: &str = "seq, side, action, is_included, source_key, target_key, fields, before, \
                             mapped, mapped_fingerprint, source, problem, target_version, \
                             other_version, kinds";
/// Adds entries.
///
/// # Errors
/// [`Error::NotFound`] when there is no such plan; [`Error::Unstorable`] when a record could not be
/// read again.
pub fn append_entries(tx: &Transaction<'_>, id: PlanId, entries: &[PlanEntry]) -> Result<()> {
    let plan_no = plan_no(tx, id)?;
    let mut statement = prepare(
        tx,
        "plan a change",
        r"INSERT INTO plan_entries (plan_no, seq, action, is_included, source_key, target_key,
                  fields, before, mapped, mapped_fingerprint, source, problem, target_version, side,
                  other_version, kinds)
              VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    )?;
    for entry in entries {
        let kinds = match entry.kinds.as_slice() {
            [] => None,
            _ => Some(document_text("conflict", &entry.kinds)?),
        };
        let fields = object_text("planned change", &entry.fields)?;
        let mapped = if entry.mapped == entry.fields {
            None
        } else {
            Some(object_text("mapped record", &entry.mapped)?)
        };
        let before = entry
            .before
            .as_ref()
            .map(|before| object_text("record before the change", before))
            .transpose()?;
        let source = entry
            .source
            .as_ref()
            .map(|source| value_text("source record", source))
            .transpose()?;
        statement
            .execute(params![
                plan_no,
                signed(entry.seq),
                entry.action.as_str(),
                entry.is_included,
                entry.source_key.as_str(),
                entry.target_key.as_ref().map(RecordKey::as_str),
                fields,
                before,
                mapped,
                entry.mapped_fingerprint.to_bytes(),
                source,
                entry.problem,
                entry.target_version,
                entry.side.as_str(),
                entry.other_version,
                kinds,
            ])
            .during("plan a change")?;
    }
    Ok(())
}

/// Takes out what is planned for a record of the source. Returns the actions that were.
pub fn remove_entries_of(
    tx: &Transaction<'_>,
    id: PlanId,
    source_key: &RecordKey,
) -> Result<Vec<PlanAction>> {
    all(
        tx,
        "plan entry",
        "DELETE FROM plan_entries WHERE plan_no = ?1 AND source_key = ?2 RETURNING action",
        params![plan_no(tx, id)?, source_key.as_str()],
        |row| row.word("action", PlanAction::parse),
    )
}

/// All entries in order, after `after` (a `seq`).
pub fn page(
    conn: &Connection,
    id: PlanId,
    after: Option<u64>,
    limit: u32,
) -> Result<Vec<PlanEntry>> {
    all(
        conn,
        "plan entry",
        &format!(
            r"SELECT {ENTRY_COLUMNS}
              FROM plan_entries
              WHERE plan_no = ?1 AND seq > ?2
              ORDER BY seq
              LIMIT ?3"
        ),
        params![plan_no(conn, id)?, signed(after.unwrap_or(0)), limit],
        read_entry,
    )
}

/// The changes that will be done, in order, after `after` (a `seq`).
pub fn included_changes_page(
    conn: &Connection,
    id: PlanId,
    after: Option<u64>,
    limit: u32,
) -> Result<Vec<PlanEntry>> {
    all(
        conn,
        "plan entry",
        &format!(
            r"SELECT {ENTRY_COLUMNS}
              FROM plan_entries INDEXED BY plan_entries_by_seq
              WHERE plan_no = ?1 AND seq > ?2 AND is_included = 1
                AND action IN ('create', 'update', 'delete')
              ORDER BY seq
              LIMIT ?3"
        ),
        params![plan_no(conn, id)?, signed(after.unwrap_or(0)), limit],
        read_entry,
    )
}

/// One entry.
pub fn get_entry(conn: &Connection, id: PlanId, seq: u64) -> Result<Option<PlanEntry>> {
    first(
        conn,
        "plan entry",
        &format!("SELECT {ENTRY_COLUMNS} FROM plan_entries WHERE plan_no = ?1 AND seq = ?2"),
        params![plan_no(conn, id)?, signed(seq)],
        read_entry,
    )
}

/// Ticks entries on or off.
pub fn set_included(
    tx: &Transaction<'_>,
    id: PlanId,
    seqs: &[u64],
    is_included: bool,
) -> Result<usize> {
    let plan_no = plan_no(tx, id)?;
    let mut n_changed = 0;
    for seq in seqs {
        n_changed += execute(
            tx,
            "tick a plan entry",
            "UPDATE plan_entries SET is_included = ?3 WHERE plan_no = ?1 AND seq = ?2",
            params![plan_no, signed(*seq), is_included],
        )?;
    }
    Ok(n_changed)
}

/// Ticks all entries of an action on or off.
pub fn set_all_included(
    tx: &Transaction<'_>,
    id: PlanId,
    action: PlanAction,
    is_included: bool,
) -> Result<usize> {
    execute(
        tx,
        "tick plan entries",
        r"UPDATE plan_entries
          SET is_included = ?3
          WHERE plan_no = ?1 AND action = ?2 AND is_included <> ?3",
        params![plan_no(tx, id)?, action.as_str(), is_included],
    )
}

/// How many entries have each action.
pub fn counts_by_action(conn: &Connection, id: PlanId) -> Result<HashMap<PlanAction, ActionCount>> {
    let rows: Vec<(PlanAction, bool, u64)> = all(
        conn,
        "plan entry",
        r"SELECT action, is_included, count(*) AS n
          FROM plan_entries
          WHERE plan_no = ?1
          GROUP BY action, is_included",
        [plan_no(conn, id)?],
        |row| {
            Ok((
                row.word("action", PlanAction::parse)?,
                row.get("is_included")?,
                row.unsigned("n")?,
            ))
        },
    )?;
    let mut counts: HashMap<PlanAction, ActionCount> = HashMap::new();
    for (action, is_included, n) in rows {
        let count = counts.entry(action).or_default();
        count.total += n;
        if is_included {
            count.included += n;
        }
    }
    Ok(counts)
}
pub(super) fn read_entry(row: &Columns<'_>) -> Result<PlanEntry> {
    let fields = row.object("fields")?;
    let mapped = match row.optional_object("mapped")? {
        Some(mapped) => mapped,
        None => fields.clone(),
    };
    Ok(PlanEntry {
        seq: row.unsigned("seq")?,
        source_key: RecordKey(row.get("source_key")?),
        target_key: row.get::<Option<String>>("target_key")?.map(RecordKey),
        side: row.word("side", Side::parse)?,
        action: row.word("action", PlanAction::parse)?,
        is_included: row.get("is_included")?,
        fields,
        before: row.optional_object("before")?,
        mapped,
        mapped_fingerprint: row.fingerprint("mapped_fingerprint")?,
        source: row.optional_value("source")?,
        problem: row.get("problem")?,
        target_version: row.get("target_version")?,
        other_version: row.get("other_version")?,
        kinds: row.optional_document("kinds")?.unwrap_or_default(),
    })
}
