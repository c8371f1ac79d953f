//! The executions of syncs.

use model::clock::Millis;
use model::ids::{PlanId, RunId, SyncId};
use model::run::{RunCounts, RunState, Trigger};
use rusqlite::{Connection, ErrorCode, Transaction, params};

use crate::column::{Columns, all, execute, first, signed, sync_no};
use crate::error::{Error, Result};

/// One execution of a sync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Which one.
    pub id: RunId,
    /// Of which sync.
    pub sync: SyncId,
    /// The version of the sync that it runs.
    pub sync_version: u32,
    /// Why it happens.
    pub trigger: Trigger,
    /// Where it stands.
    pub state: RunState,
    /// Why it stands there, for people.
    pub reason: Option<String>,
    /// What became of its records so far.
    pub counts: RunCounts,
    /// When it began, in milliseconds.
    pub started_at: Millis,
    /// When it ended, in milliseconds.
    pub finished_at: Option<Millis>,
    /// The process that works on it.
    pub owner: String,
    /// The plan that it applies.
    pub plan: Option<PlanId>,
}

/// Which runs to list.
#[derive(Clone, Copy, Debug)]
pub struct RunFilter {
    /// Only of this sync.
    pub sync: Option<SyncId>,
    /// Only older than this one.
    pub before: Option<RunId>,
    /// At most so many.
    pub limit: u32,
}

const SELECT: &str = r"
    SELECT runs.id, syncs.id AS sync, runs.sync_version, runs.run_trigger, runs.state, runs.reason,
           runs.n_read, runs.n_created, runs.n_updated, runs.n_deleted, runs.n_unchanged, runs.n_filtered,
           runs.n_invalid, runs.n_rejected, runs.n_conflict, runs.n_held, runs.started_at,
           runs.finished_at, runs.owner, runs.plan
    FROM runs
    JOIN syncs ON syncs.sync_no = runs.sync_no";

/// Adds a run.
///
/// # Errors
/// [`Error::RunActive`] when the sync has one that has not ended.
pub fn insert(tx: &Transaction<'_>, run: &Run) -> Result<()> {
    let sync_no = sync_no(tx, run.sync)?;
    let counts = &run.counts;
    let inserted = execute(
        tx,
        "insert a run",
        r"INSERT INTO runs (id, sync_no, sync_version, run_trigger, state, reason, owner, plan,
              started_at, finished_at, n_read, n_created, n_updated, n_unchanged, n_filtered,
              n_invalid, n_rejected, n_conflict, n_held, n_deleted)
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
              ?19, ?20)",
        params![
            run.id.to_bytes(),
            sync_no,
            run.sync_version,
            trigger_word(run.trigger),
            run.state.as_str(),
            run.reason,
            run.owner,
            run.plan.map(PlanId::to_bytes),
            run.started_at,
            run.finished_at,
            signed(counts.read),
            signed(counts.created),
            signed(counts.updated),
            signed(counts.unchanged),
            signed(counts.filtered),
            signed(counts.invalid),
            signed(counts.rejected),
            signed(counts.conflict),
            signed(counts.held),
            signed(counts.deleted),
        ],
    );
    match inserted {
        Err(Error::Sqlite { operation, source })
            if source.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) =>
        {
            Err(match active_of_sync(tx, run.sync)? {
                Some(active) => Error::RunActive {
                    sync: run.sync,
                    run: active.id,
                },
                None => Error::Sqlite { operation, source },
            })
        }
        Err(error) => Err(error),
        Ok(_) => Ok(()),
    }
}

/// Moves a run on; an end is final and gets `now` as its time.
///
/// # Errors
/// [`Error::RunEnded`] when it has ended already, [`Error::NotFound`] when there is no such run.
pub fn set_state(
    tx: &Transaction<'_>,
    id: RunId,
    state: RunState,
    reason: Option<&str>,
    now: Millis,
) -> Result<()> {
    let finished_at = state.is_terminal().then_some(now);
    let n_changed = execute(
        tx,
        "set the state of a run",
        r"UPDATE runs
          SET state = ?2, reason = ?3, finished_at = ?4
          WHERE id = ?1 AND state IN ('queued', 'running', 'waiting')",
        params![id.to_bytes(), state.as_str(), reason, finished_at],
    )?;
    still_active(tx, n_changed, id)
}

/// Notes which plan a run made and waits for.
///
/// # Errors
/// [`Error::RunEnded`] when it has ended already, [`Error::NotFound`] when there is no such run.
pub fn set_plan(tx: &Transaction<'_>, id: RunId, plan: PlanId) -> Result<()> {
    let n_changed = execute(
        tx,
        "note the plan of a run",
        "UPDATE runs SET plan = ?2 WHERE id = ?1 AND state IN ('queued', 'running', 'waiting')",
        params![id.to_bytes(), plan.to_bytes()],
    )?;
    still_active(tx, n_changed, id)
}

/// Hands a run to another process, which goes on with it.
///
/// # Errors
/// [`Error::RunEnded`] when it has ended already, [`Error::NotFound`] when there is no such run.
pub fn set_owner(tx: &Transaction<'_>, id: RunId, owner: &str) -> Result<()> {
    let n_changed = execute(
        tx,
        "hand a run over",
        r"UPDATE runs
          SET owner = ?2
          WHERE id = ?1 AND state IN ('queued', 'running', 'waiting')",
        params![id.to_bytes(), owner],
    )?;
    still_active(tx, n_changed, id)
}

/// Raises the counters. Belongs into the transaction that settles what is counted.
///
/// # Errors
/// [`Error::NotFound`] when there is no such run.
pub fn add_counts(tx: &Transaction<'_>, id: RunId, counts: &RunCounts) -> Result<()> {
    change_counts(tx, id, counts, 1)
}

/// Takes counts off that the same run has added: its records get another outcome in it.
///
/// # Errors
/// [`Error::NotFound`] when there is no such run.
pub fn take_counts(tx: &Transaction<'_>, id: RunId, counts: &RunCounts) -> Result<()> {
    change_counts(tx, id, counts, -1)
}

fn change_counts(tx: &Transaction<'_>, id: RunId, counts: &RunCounts, sign: i64) -> Result<()> {
    let by = |n: u64| signed(n).saturating_mul(sign);
    let n_changed = execute(
        tx,
        "raise the counters of a run",
        r"UPDATE runs
          SET n_read = n_read + ?2, n_created = n_created + ?3, n_updated = n_updated + ?4,
              n_unchanged = n_unchanged + ?5, n_filtered = n_filtered + ?6,
              n_invalid = n_invalid + ?7, n_rejected = n_rejected + ?8,
              n_conflict = n_conflict + ?9, n_held = n_held + ?10,
              n_deleted = n_deleted + ?11
          WHERE id = ?1",
        params![
            id.to_bytes(),
            by(counts.read),
            by(counts.created),
            by(counts.updated),
            by(counts.unchanged),
            by(counts.filtered),
            by(counts.invalid),
            by(counts.rejected),
            by(counts.conflict),
            by(counts.held),
            by(counts.deleted),
        ],
    )?;
    if n_changed == 0 {
        return Err(Error::not_found("run", id));
    }
    Ok(())
}

/// The run.
///
/// # Errors
/// [`Error::NotFound`] when there is no such run.
pub fn get(conn: &Connection, id: RunId) -> Result<Run> {
    first(
        conn,
        "run",
        &format!("{SELECT} WHERE runs.id = ?1"),
        [id.to_bytes()],
        read,
    )?
    .ok_or_else(|| Error::not_found("run", id))
}

/// Runs, newest first.
pub fn list(conn: &Connection, filter: &RunFilter) -> Result<Vec<Run>> {
    let before = filter.before.map_or([0xff; 16], RunId::to_bytes);
    match filter.sync {
        Some(sync) => all(
            conn,
            "run",
            &format!(
                r"{SELECT}
                  WHERE runs.sync_no = ?1 AND runs.id < ?2
                  ORDER BY runs.id DESC
                  LIMIT ?3"
            ),
            params![sync_no(conn, sync)?, before, filter.limit],
            read,
        ),
        None => all(
            conn,
            "run",
            &format!("{SELECT} WHERE runs.id < ?1 ORDER BY runs.id DESC LIMIT ?2"),
            params![before, filter.limit],
            read,
        ),
    }
}

/// Every run that has not ended, oldest first.
pub fn active(conn: &Connection) -> Result<Vec<Run>> {
    all(
        conn,
        "run",
        // The plus keeps SQLite from going through all runs for the sake of their order.
        &format!("{SELECT} WHERE runs.state IN ('queued', 'running', 'waiting') ORDER BY +runs.id"),
        [],
        read,
    )
}

/// The one run of this sync that has not ended.
pub fn active_of_sync(conn: &Connection, sync: SyncId) -> Result<Option<Run>> {
    first(
        conn,
        "run",
        &format!(
            "{SELECT} WHERE runs.sync_no = ?1 AND runs.state IN ('queued', 'running', 'waiting')"
        ),
        [sync_no(conn, sync)?],
        read,
    )
}

/// The newest run of this sync, whatever became of it.
pub fn last_of_sync(conn: &Connection, sync: SyncId) -> Result<Option<Run>> {
    Ok(list(
        conn,
        &RunFilter {
            sync: Some(sync),
            before: None,
            limit: 1,
        },
    )?
    .pop())
}

fn still_active(tx: &Transaction<'_>, n_changed: usize, id: RunId) -> Result<()> {
    if n_changed == 0 {
        return Err(Error::RunEnded {
            run: id,
            state: get(tx, id)?.state,
        });
    }
    Ok(())
}

const fn trigger_word(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Manual => "manual",
        Trigger::Plan => "plan",
        Trigger::Schedule => "schedule",
        Trigger::Retry => "retry",
        Trigger::Undo => "undo",
        Trigger::Decisions => "decisions",
        Trigger::Purge => "purge",
    }
}

fn read(row: &Columns<'_>) -> Result<Run> {
    Ok(Run {
        id: row.id("id")?,
        sync: row.id("sync")?,
        sync_version: row.unsigned("sync_version")?,
        trigger: row.word("run_trigger", |word| {
            [
                Trigger::Manual,
                Trigger::Plan,
                Trigger::Schedule,
                Trigger::Retry,
                Trigger::Undo,
                Trigger::Decisions,
                Trigger::Purge,
            ]
            .into_iter()
            .find(|trigger| trigger_word(*trigger) == word)
        })?,
        state: row.word("state", RunState::parse)?,
        reason: row.get("reason")?,
        counts: row.counts()?,
        started_at: row.get("started_at")?,
        finished_at: row.get("finished_at")?,
        owner: row.get("owner")?,
        plan: row.optional_id("plan")?,
    })
}
