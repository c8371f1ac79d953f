//! Plans that a person looks at before anything is written.

mod entries;
mod places;

pub use entries::{
    ActionCount, PlanAction, PlanEntry, append_entries, counts_by_action, get_entry,
    included_changes_page, page, remove_entries_of, set_all_included, set_included,
};
use model::clock::Millis;
use model::cursor::Checkpoint;
use model::ids::{PlanId, RunId, SyncId};
use model::run::RunCounts;
pub use places::{EntryFilter, entries_at, places};
use rusqlite::{Connection, Transaction, params};

use crate::column::{Columns, all, document_text, execute, first, signed, sync_no};
use crate::error::{Error, Result};

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
    /// To find anew which record is which.
    Relink,
    /// To remove what the sync made.
    Purge,
}

impl PlanKind {
    fn word(self) -> (&'static str, Option<RunId>) {
        match self {
            Self::Run => ("run", None),
            Self::Undo(run) => ("undo", Some(run)),
            Self::Decisions => ("decisions", None),
            Self::Relink => ("relink", None),
            Self::Purge => ("purge", None),
        }
    }

    fn read(row: &Columns<'_>) -> Result<Self> {
        let run: Option<RunId> = row.optional_id("of_run")?;
        row.word("kind", |word| match (word, run) {
            ("run", _) => Some(Self::Run),
            ("undo", Some(run)) => Some(Self::Undo(run)),
            ("decisions", _) => Some(Self::Decisions),
            ("relink", _) => Some(Self::Relink),
            ("purge", _) => Some(Self::Purge),
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
const SELECT: &str = r"
    SELECT plans.id, syncs.id AS sync, plans.sync_version, plans.state, plans.note,
           plans.checkpoint, plans.kind, plans.of_run, plans.n_read, plans.n_created,
           plans.n_updated, plans.n_deleted, plans.n_unchanged,
           plans.n_filtered, plans.n_invalid, plans.n_rejected, plans.n_conflict, plans.n_held,
           plans.created_at, plans.is_complete
    FROM plans
    JOIN syncs ON syncs.sync_no = plans.sync_no";
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

/// Gives a plan another purpose.
///
/// # Errors
/// [`Error::NotFound`] when there is no such plan.
pub fn set_kind(tx: &Transaction<'_>, id: PlanId, kind: PlanKind) -> Result<()> {
    let (kind, of_run) = kind.word();
    let n_changed = execute(
        tx,
        "set the purpose of a plan",
        "UPDATE plans SET kind = ?2, of_run = ?3 WHERE id = ?1",
        params![id.to_bytes(), kind, of_run.map(RunId::to_bytes)],
    )?;
    found(n_changed, id)
}

/// A plan that a run applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// What it is for.
    pub kind: PlanKind,
    /// Another run began between the two: what was true of records then may not be any more.
    pub is_late: bool,
}

/// The plan that a run applies; none where it applies none, or one that is gone.
pub fn applied_by(conn: &Connection, run: RunId) -> Result<Option<Applied>> {
    first(
        conn,
        "plan",
        r"SELECT plans.kind, plans.of_run, EXISTS (
              SELECT 1 FROM runs AS other
              WHERE other.sync_no = runs.sync_no AND other.id > plans.id AND other.id < runs.id
                AND other.plan IS NOT runs.plan
          ) AS is_late
          FROM runs
          JOIN plans ON plans.id = runs.plan
          WHERE runs.id = ?1",
        [run.to_bytes()],
        |row| {
            Ok(Applied {
                kind: PlanKind::read(row)?,
                is_late: row.get("is_late")?,
            })
        },
    )
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
