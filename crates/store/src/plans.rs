//! Plans that a person looks at before anything is written.

use std::collections::HashMap;

use model::clock::Millis;
use model::conflict::ConflictKind;
use model::cursor::Checkpoint;
use model::ids::{PlanId, RunId, SyncId};
use model::record::RecordKey;
use model::run::RunCounts;
use model::sync::Side;
use model::value::{Fingerprint, Object, Value};
use rusqlite::{Connection, Transaction, params};

use crate::column::{
    Columns, all, document_text, execute, first, like_anywhere, like_in_json, object_text, prepare,
    signed, sync_no, value_text,
};
use crate::error::{During, Error, Result};

/// What a run would do.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Which one.
    pub id: PlanId,
    /// Of which sync.
    pub sync: SyncId,
    /// Of which version of the sync.
    pub sync_version: u32,
    /// What it is for.
    pub kind: PlanKind,
    /// Where it stands.
    pub state: PlanState,
    /// When it was begun, in milliseconds.
    pub created_at: Millis,
    /// What would become of the records.
    pub counts: RunCounts,
    /// How far the sync has come once it is applied; none while it is being built.
    pub checkpoint: Option<Checkpoint>,
    /// Something to tell a person, such as the guard that holds it.
    pub note: Option<String>,
    /// Made from all records of the source, not only from those that changed.
    pub is_complete: bool,
}

/// What a plan is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PlanKind {
    /// To do what a run would do.
    #[default]
    Run,
    /// To take back what this run did.
    Undo(RunId),
    /// To carry out what a person decided about conflicts.
    Decisions,
}

impl PlanKind {
    fn word(self) -> (&'static str, Option<RunId>) {
        match self {
            Self::Run => ("run", None),
            Self::Undo(run) => ("undo", Some(run)),
            Self::Decisions => ("decisions", None),
        }
    }

    fn read(row: &Columns<'_>) -> Result<Self> {
        let run: Option<RunId> = row.optional_id("of_run")?;
        row.word("kind", |word| match (word, run) {
            ("run", _) => Some(Self::Run),
            ("undo", Some(run)) => Some(Self::Undo(run)),
            ("decisions", _) => Some(Self::Decisions),
            _ => None,
        })
    }
}

/// Where a plan stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PlanState {
    /// Entries are being added.
    Building,
    /// Complete: can be looked at and applied.
    Ready,
    /// Was applied.
    Applied,
    /// Was not wanted.
    Discarded,
    /// The sync changed or ran since: what it says may no longer hold.
    Stale,
}

impl PlanState {
    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Ready => "ready",
            Self::Applied => "applied",
            Self::Discarded => "discarded",
            Self::Stale => "stale",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [
            Self::Building,
            Self::Ready,
            Self::Applied,
            Self::Discarded,
            Self::Stale,
        ]
        .into_iter()
        .find(|state| state.as_str() == word)
    }
}

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

/// Which entries to list.
#[derive(Clone, Debug)]
pub struct EntryFilter {
    /// Only with this action.
    pub action: Option<PlanAction>,
    /// Only those that are included, or only those that are not.
    pub is_included: Option<bool>,
    /// Only with this text in keys, values or problem.
    pub text: Option<String>,
}

/// How many entries have an action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ActionCount {
    /// All of them.
    pub total: u64,
    /// Those that will be done.
    pub included: u64,
}

const SELECT: &str = r"
    SELECT plans.id, syncs.id AS sync, plans.sync_version, plans.state, plans.note,
           plans.checkpoint, plans.kind, plans.of_run, plans.n_read, plans.n_created,
           plans.n_updated, plans.n_deleted, plans.n_unchanged,
           plans.n_filtered, plans.n_invalid, plans.n_rejected, plans.n_conflict, plans.n_held,
           plans.created_at, plans.is_complete
    FROM plans
    JOIN syncs ON syncs.sync_no = plans.sync_no";

const ENTRY_COLUMNS: &str = "seq, side, action, is_included, source_key, target_key, fields, before, \
                             mapped, mapped_fingerprint, source, problem, target_version, \
                             other_version, kinds";

/// Adds a plan without entries.
///
/// # Errors
/// [`Error::NotFound`] when there is no such sync.
pub fn insert(tx: &Transaction<'_>, plan: &Plan) -> Result<()> {
    let (kind, of_run) = plan.kind.word();
    execute(
        tx,
        "insert a plan",
        r"INSERT INTO plans (id, sync_no, sync_version, state, created_at, kind, of_run)
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            plan.id.to_bytes(),
            sync_no(tx, plan.sync)?,
            plan.sync_version,
            plan.state.as_str(),
            plan.created_at,
            kind,
            of_run.map(RunId::to_bytes),
        ],
    )?;
    update(tx, plan)
}

/// Replaces state, counts, checkpoint, note and completeness.
///
/// # Errors
/// [`Error::NotFound`] when there is no such plan.
pub fn update(tx: &Transaction<'_>, plan: &Plan) -> Result<()> {
    let counts = &plan.counts;
    let checkpoint = plan
        .checkpoint
        .as_ref()
        .map(|checkpoint| document_text("checkpoint", checkpoint))
        .transpose()?;
    let n_changed = execute(
        tx,
        "update a plan",
        r"UPDATE plans
          SET state = ?2, note = ?3, checkpoint = ?4, n_read = ?5, n_created = ?6, n_updated = ?7,
              n_unchanged = ?8, n_filtered = ?9, n_invalid = ?10, n_rejected = ?11,
              n_conflict = ?12, n_held = ?13, is_complete = ?14, n_deleted = ?15
          WHERE id = ?1",
        params![
            plan.id.to_bytes(),
            plan.state.as_str(),
            plan.note,
            checkpoint,
            signed(counts.read),
            signed(counts.created),
            signed(counts.updated),
            signed(counts.unchanged),
            signed(counts.filtered),
            signed(counts.invalid),
            signed(counts.rejected),
            signed(counts.conflict),
            signed(counts.held),
            plan.is_complete,
            signed(counts.deleted),
        ],
    )?;
    found(n_changed, plan.id)
}

/// Moves a plan on.
///
/// # Errors
/// [`Error::NotFound`] when there is no such plan.
pub fn set_state(tx: &Transaction<'_>, id: PlanId, state: PlanState) -> Result<()> {
    let n_changed = execute(
        tx,
        "set the state of a plan",
        "UPDATE plans SET state = ?2 WHERE id = ?1",
        params![id.to_bytes(), state.as_str()],
    )?;
    found(n_changed, id)
}

/// Marks the plans of a sync that are ready as stale: it ran, or it was changed.
pub fn mark_stale(tx: &Transaction<'_>, sync: SyncId) -> Result<usize> {
    execute(
        tx,
        "mark plans as stale",
        "UPDATE plans SET state = 'stale' WHERE sync_no = ?1 AND state = 'ready'",
        [sync_no(tx, sync)?],
    )
}

/// Drops the entries of a plan that is not wanted.
///
/// # Errors
/// [`Error::NotFound`] when there is no such plan.
pub fn discard(tx: &Transaction<'_>, id: PlanId) -> Result<()> {
    set_state(tx, id, PlanState::Discarded)?;
    execute(
        tx,
        "drop the entries of a plan",
        "DELETE FROM plan_entries WHERE plan_no = ?1",
        [plan_no(tx, id)?],
    )?;
    Ok(())
}

/// Removes all but the newest plans of a sync. Returns how many went.
pub fn purge(tx: &Transaction<'_>, sync: SyncId, n_kept: u32) -> Result<usize> {
    execute(
        tx,
        "purge plans",
        r"DELETE FROM plans
          WHERE plan_no IN (
              SELECT plan_no FROM plans WHERE sync_no = ?1 ORDER BY id DESC LIMIT -1 OFFSET ?2
          )",
        params![sync_no(tx, sync)?, n_kept],
    )
}

/// The plan.
///
/// # Errors
/// [`Error::NotFound`] when there is no such plan.
pub fn get(conn: &Connection, id: PlanId) -> Result<Plan> {
    first(
        conn,
        "plan",
        &format!("{SELECT} WHERE plans.id = ?1"),
        [id.to_bytes()],
        read,
    )?
    .ok_or_else(|| Error::not_found("plan", id))
}

/// The plans of a sync, newest first.
pub fn list(conn: &Connection, sync: SyncId, limit: u32) -> Result<Vec<Plan>> {
    all(
        conn,
        "plan",
        &format!("{SELECT} WHERE plans.sync_no = ?1 ORDER BY plans.id DESC LIMIT ?2"),
        params![sync_no(conn, sync)?, limit],
        read,
    )
}

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

/// Entries in order, after `after` (a `seq`).
pub fn page(
    conn: &Connection,
    id: PlanId,
    filter: &EntryFilter,
    after: Option<u64>,
    limit: u32,
) -> Result<Vec<PlanEntry>> {
    let plan_no = plan_no(conn, id)?;
    let after = signed(after.unwrap_or(0));
    let text = filter.text.as_deref().filter(|text| !text.is_empty());
    let text_condition = match text {
        None => "",
        Some(_) => {
            r" AND (source_key LIKE ?4 ESCAPE '\' OR target_key LIKE ?4 ESCAPE '\'
                 OR problem LIKE ?4 ESCAPE '\' OR fields LIKE ?5 ESCAPE '\'
                 OR before LIKE ?5 ESCAPE '\' OR mapped LIKE ?5 ESCAPE '\')"
        }
    };
    // Each pair of action and tick is a range of the index in order of `seq`.
    let conditions: Vec<String> = match (filter.action, filter.is_included) {
        (None, None) => vec![String::new()],
        (action, is_included) => {
            let actions = action.map_or(PlanAction::ALL.to_vec(), |action| vec![action]);
            let ticks = is_included.map_or(vec![0, 1], |is_included| vec![u8::from(is_included)]);
            actions
                .iter()
                .flat_map(|action| {
                    let word = action.as_str();
                    ticks
                        .iter()
                        .map(move |tick| format!(" AND action = '{word}' AND is_included = {tick}"))
                })
                .collect()
        }
    };
    let mut entries = Vec::new();
    for condition in &conditions {
        let sql = format!(
            r"SELECT {ENTRY_COLUMNS}
              FROM plan_entries
              WHERE plan_no = ?1 AND seq > ?2{condition}{text_condition}
              ORDER BY seq
              LIMIT ?3"
        );
        entries.extend(match text {
            None => all(
                conn,
                "plan entry",
                &sql,
                params![plan_no, after, limit],
                read_entry,
            )?,
            Some(text) => all(
                conn,
                "plan entry",
                &sql,
                params![
                    plan_no,
                    after,
                    limit,
                    like_anywhere(text),
                    like_in_json(text)
                ],
                read_entry,
            )?,
        });
    }
    entries.sort_by_key(|entry| entry.seq);
    entries.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(entries)
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

pub(crate) fn plan_no(conn: &Connection, id: PlanId) -> Result<i64> {
    first(
        conn,
        "plan",
        "SELECT plan_no FROM plans WHERE id = ?1",
        [id.to_bytes()],
        |row| row.get("plan_no"),
    )?
    .ok_or_else(|| Error::not_found("plan", id))
}

fn found(n_changed: usize, id: PlanId) -> Result<()> {
    if n_changed == 0 {
        return Err(Error::not_found("plan", id));
    }
    Ok(())
}

fn read(row: &Columns<'_>) -> Result<Plan> {
    Ok(Plan {
        id: row.id("id")?,
        sync: row.id("sync")?,
        sync_version: row.unsigned("sync_version")?,
        kind: PlanKind::read(row)?,
        state: row.word("state", PlanState::parse)?,
        created_at: row.get("created_at")?,
        counts: row.counts()?,
        checkpoint: row.optional_document("checkpoint")?,
        note: row.get("note")?,
        is_complete: row.get("is_complete")?,
    })
}

fn read_entry(row: &Columns<'_>) -> Result<PlanEntry> {
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
