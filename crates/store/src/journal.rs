//! What was about to be sent.
//!
//! A change is written here, and is on the disk, before its request leaves this computer. The
//! transaction that commits its outcome (link, counters, checkpoint, history) removes it. Whatever
//! is found here after a crash may or may not have happened on the platform: it is settled before
//! anything else is done to the same record.
//!
//! The changes of a batch are one packet, which goes on to the history as it is; a few changes, those that wait for a
//! person, and what is left of a batch of which only a part was settled are rows.

use std::collections::{HashMap, HashSet};

use model::ids::{ChangeId, RunId, SyncId};
use model::record::{Change, Intent, Operation, RecordKey};
use model::sync::Side;
use model::value::{Fingerprint, Object, Value};
use rusqlite::{Connection, Transaction, params};

use crate::borrowed::Json;
use crate::column::{Columns, all, first, object_text, prepare, signed, sync_no, value_text};
use crate::error::{During, Error, Result};
use crate::links::ShadowPlace;
use crate::packet;

mod batch;

use batch::Batch;
pub(crate) use batch::{Packed, write_values};

/// A change that was about to be sent, with all that it takes to settle it later.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    /// What was about to be sent.
    pub change: Change,
    /// By which run.
    pub run: RunId,
    /// Of which sync.
    pub sync: SyncId,
    /// The side that is written.
    pub side: Side,
    /// What it is for.
    pub intent: Intent,
    /// Its place among the records of the run.
    pub seq: u64,
    /// Fingerprint of `mapped`, for the link.
    pub mapped_fingerprint: Fingerprint,
    /// The whole mapped record, for the link's shadow.
    pub mapped: Object,
    /// The source's record, for the history and for another try.
    pub source: Option<Value>,
    /// Nobody but a person can tell whether it happened: it is not sent again by itself.
    pub is_held: bool,
}

/// A [`Pending`] whose values are somebody else's, of a run and a sync that are told beside it.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are those of `Pending`")]
pub struct Intended<'a> {
    pub change: &'a Change,
    pub side: Side,
    pub intent: Intent,
    pub seq: u64,
    pub mapped_fingerprint: Fingerprint,
    pub mapped: &'a Object,
    pub source: Option<Json<'a>>,
}

impl Pending {
    fn borrowed(&self) -> Intended<'_> {
        Intended {
            change: &self.change,
            side: self.side,
            intent: self.intent,
            seq: self.seq,
            mapped_fingerprint: self.mapped_fingerprint,
            mapped: &self.mapped,
            source: self.source.as_ref().map(Json::Value),
        }
    }
}

const SELECT: &str = r"
    SELECT syncs.id AS sync, journal.change, journal.run, journal.seq, journal.is_held,
           journal.operation, journal.source_key, journal.target_key, journal.fields,
           journal.before, journal.target_version, journal.mapped_fingerprint, journal.mapped,
           journal.source, journal.side, journal.intent
    FROM journal
    JOIN syncs ON syncs.sync_no = journal.sync_no";

/// Fewer changes than this are rows: a packet of its own would be more than they are.
const PACKED_FROM: usize = 8;

/// Adds changes before they are sent; all of the same sync go in one transaction.
///
/// # Errors
/// [`Error::NotFound`] when there is no such sync; [`Error::Unstorable`] when a record could not be
/// read again.
pub fn insert_many(tx: &Transaction<'_>, pending: &[Pending]) -> Result<()> {
    let is_one_batch = |group: &[Pending]| {
        group.len() >= PACKED_FROM && group.iter().all(|pending| !pending.is_held)
    };
    for group in pending.chunk_by(|a, b| (a.sync, a.run) == (b.sync, b.run)) {
        if is_one_batch(group) {
            if let Some(first) = group.first() {
                let group: Vec<Intended<'_>> = group.iter().map(Pending::borrowed).collect();
                batch::insert(tx, first.sync, first.run, &group)?;
            }
        } else {
            insert_rows(tx, group)?;
        }
    }
    Ok(())
}

/// As [`insert_many`], of changes of one run, without copying what they hold.
///
/// # Errors
/// As [`insert_many`].
pub fn insert_batch(
    tx: &Transaction<'_>,
    sync: SyncId,
    run: RunId,
    intended: &[Intended<'_>],
) -> Result<()> {
    if intended.len() >= PACKED_FROM {
        return batch::insert(tx, sync, run, intended);
    }
    let pending: Vec<Pending> = intended
        .iter()
        .map(|intended| Pending {
            change: intended.change.clone(),
            run,
            sync,
            side: intended.side,
            intent: intended.intent,
            seq: intended.seq,
            mapped_fingerprint: intended.mapped_fingerprint,
            mapped: intended.mapped.clone(),
            source: intended.source.map(Json::to_value),
            is_held: false,
        })
        .collect();
    insert_rows(tx, &pending)
}

fn insert_rows(tx: &Transaction<'_>, pending: &[Pending]) -> Result<()> {
    let mut statement = prepare(
        tx,
        "journal a change",
        r"INSERT INTO journal (sync_no, change, run, seq, is_held, operation, source_key,
                  target_key, fields, before, target_version, mapped_fingerprint, mapped, source, side, intent)
              VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    )?;
    let mut known: Option<(SyncId, i64)> = None;
    for entry in pending {
        let sync_no = match known {
            Some((sync, sync_no)) if sync == entry.sync => sync_no,
            _ => sync_no(tx, entry.sync)?,
        };
        known = Some((entry.sync, sync_no));
        let change = &entry.change;
        let fields = object_text("change", &change.fields)?;
        // A create sends the whole mapped record: it is not written twice.
        let mapped = if entry.mapped == change.fields {
            None
        } else {
            Some(object_text("mapped record", &entry.mapped)?)
        };
        let before = change
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
                sync_no,
                change.id.to_bytes(),
                entry.run.to_bytes(),
                signed(entry.seq),
                entry.is_held,
                change.operation.as_str(),
                change.source_key.as_str(),
                change.target_key.as_ref().map(RecordKey::as_str),
                fields,
                before,
                change.version,
                entry.mapped_fingerprint.to_bytes(),
                mapped,
                source,
                entry.side.as_str(),
                entry.intent.as_str(),
            ])
            .during("journal a change")?;
    }
    Ok(())
}

/// Where the values of changes are that were settled.
#[derive(Debug, Default)]
pub struct Settled {
    /// How many changes were settled.
    pub count: usize,
    /// Packets that hold changes of the journal no more.
    packets: Vec<Packets>,
    places: HashMap<ChangeId, Placed>,
}

/// The packets of one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packets {
    /// What was known of the changes.
    pub(crate) changes: i64,
    /// The fields that were sent, where they have a packet of their own.
    pub(crate) fields: Option<i64>,
}

/// Where the values of a change are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    pub(crate) packets: Packets,
    pub(crate) place: u32,
}

impl Packets {
    /// Removes what nothing else needs.
    pub(crate) fn remove(self, tx: &Transaction<'_>) -> Result<()> {
        packet::remove(tx, self.changes)?;
        match self.fields {
            Some(fields) => packet::remove_unused(tx, fields),
            None => Ok(()),
        }
    }
}

impl Settled {
    pub(crate) fn packets(&self) -> &[Packets] {
        &self.packets
    }

    pub(crate) fn place_of(&self, change: ChangeId) -> Option<Placed> {
        self.places.get(&change).copied()
    }

    /// Where the fields of a change lie that can serve as the shadow of its link.
    pub fn shadow_of(&self, change: ChangeId) -> Option<ShadowPlace> {
        let placed = self.place_of(change)?;
        Some(ShadowPlace {
            packet_no: placed.packets.fields?,
            place: placed.place,
        })
    }
}

/// Removes changes whose outcome is committed in the same transaction. Returns how many there were.
pub fn settle_many(tx: &Transaction<'_>, sync: SyncId, changes: &[ChangeId]) -> Result<usize> {
    let settled = settle(tx, sync, changes)?;
    for packets in &settled.packets {
        packets.remove(tx)?;
    }
    Ok(settled.count)
}

/// As [`settle_many`], and keeps the values: they become shadows with
/// [`links::upsert_journalled`](crate::links::upsert_journalled) and go to the history with
/// [`outbox::put_settled`](crate::outbox::put_settled), which is to be called after that in the same transaction.
pub fn settle(tx: &Transaction<'_>, sync: SyncId, changes: &[ChangeId]) -> Result<Settled> {
    let mut settled = Settled::default();
    if changes.is_empty() {
        return Ok(settled);
    }
    let wanted: HashSet<ChangeId> = changes.iter().copied().collect();
    for batch in batch::of_sync(tx, sync)? {
        let n = batch.ids().filter(|id| wanted.contains(id)).count();
        if n == 0 {
            continue;
        }
        settled.count += n;
        if n < batch.len() {
            let mut left = batch.open(tx, sync)?;
            left.retain(|pending| !wanted.contains(&pending.change.id));
            insert_rows(tx, &left)?;
        }
        batch.remove(tx)?;
        let packets = batch.packets;
        settled.packets.push(packets);
        let places = batch.ids().zip(0..);
        settled
            .places
            .extend(places.map(|(id, place)| (id, Placed { packets, place })));
    }
    if settled.count < changes.len() {
        settled.count += each(
            tx,
            sync,
            changes,
            "DELETE FROM journal WHERE sync_no = ?1 AND change = ?2",
        )?;
    }
    Ok(settled)
}

/// Keeps changes back until a person has looked. Returns how many there were.
pub fn hold_many(tx: &Transaction<'_>, sync: SyncId, changes: &[ChangeId]) -> Result<usize> {
    if changes.is_empty() {
        return Ok(0);
    }
    for batch in batch::of_sync(tx, sync)? {
        if batch.ids().any(|id| changes.contains(&id)) {
            insert_rows(tx, &batch.open(tx, sync)?)?;
            batch.remove(tx)?;
            batch.packets.remove(tx)?;
        }
    }
    each(
        tx,
        sync,
        changes,
        "UPDATE journal SET is_held = 1 WHERE sync_no = ?1 AND change = ?2",
    )
}

/// Lets changes of these source records go that were kept back for a person: the person has looked. Returns how many
/// there were.
pub fn release_many(
    tx: &Transaction<'_>,
    sync: SyncId,
    source_keys: &[RecordKey],
) -> Result<usize> {
    let sync_no = sync_no(tx, sync)?;
    let mut statement = prepare(
        tx,
        "let a held change go",
        "DELETE FROM journal WHERE sync_no = ?1 AND is_held = 1 AND source_key = ?2",
    )?;
    let mut n_changed = 0;
    for key in source_keys {
        n_changed += statement
            .execute(params![sync_no, key.as_str()])
            .during("let a held change go")?;
    }
    Ok(n_changed)
}

/// What is not settled of a sync, in order of creation.
///
/// # Errors
/// [`Error::Corrupt`] when a change cannot be read.
pub fn pending_of_sync(conn: &Connection, sync: SyncId) -> Result<Vec<Pending>> {
    let rows = all(
        conn,
        "pending change",
        &format!("{SELECT} WHERE journal.sync_no = ?1 ORDER BY journal.change"),
        [sync_no(conn, sync)?],
        read,
    )?;
    with_batches(conn, sync, rows, |_| true)
}

/// What is not settled of a run, in order of creation.
///
/// # Errors
/// [`Error::Corrupt`] when a change cannot be read.
pub fn pending_of_run(conn: &Connection, sync: SyncId, run: RunId) -> Result<Vec<Pending>> {
    let rows = all(
        conn,
        "pending change",
        &format!(
            "{SELECT} WHERE journal.sync_no = ?1 AND journal.run = ?2 ORDER BY journal.change"
        ),
        params![sync_no(conn, sync)?, run.to_bytes()],
        read,
    )?;
    with_batches(conn, sync, rows, |batch| batch.run == run)
}

/// The rows with what is in batches, in order of creation.
fn with_batches(
    conn: &Connection,
    sync: SyncId,
    rows: Vec<Pending>,
    is_wanted: impl Fn(&Batch) -> bool,
) -> Result<Vec<Pending>> {
    let mut out = rows;
    for batch in batch::of_sync(conn, sync)? {
        if is_wanted(&batch) {
            out.extend(batch.open(conn, sync)?);
        }
    }
    out.sort_by_key(|pending| pending.change.id);
    Ok(out)
}

/// The source records of a sync that have something unsettled.
pub fn pending_keys(conn: &Connection, sync: SyncId) -> Result<Vec<RecordKey>> {
    let mut keys = all(
        conn,
        "pending change",
        "SELECT source_key FROM journal WHERE sync_no = ?1",
        [sync_no(conn, sync)?],
        |row| Ok(RecordKey(row.get("source_key")?)),
    )?;
    for batch in batch::of_sync(conn, sync)? {
        let pending = batch.open(conn, sync)?;
        keys.extend(pending.into_iter().map(|pending| pending.change.source_key));
    }
    Ok(keys)
}

/// The source records of a sync that have something kept back for a person.
pub fn held_keys(conn: &Connection, sync: SyncId) -> Result<HashSet<RecordKey>> {
    let keys = all(
        conn,
        "held change",
        r"SELECT CASE side WHEN 'source' THEN coalesce(target_key, source_key) ELSE source_key END AS key
          FROM journal
          WHERE sync_no = ?1 AND is_held = 1",
        [sync_no(conn, sync)?],
        |row| Ok(RecordKey(row.get("key")?)),
    )?;
    Ok(keys.into_iter().collect())
}

/// How many changes of a sync are not settled.
pub fn count(conn: &Connection, sync: SyncId) -> Result<u64> {
    let rows: u64 = first(
        conn,
        "pending change",
        "SELECT count(*) AS n FROM journal WHERE sync_no = ?1",
        [sync_no(conn, sync)?],
        |row| row.unsigned("n"),
    )?
    .ok_or_else(|| Error::corrupt("count of pending changes"))?;
    let batches = batch::of_sync(conn, sync)?;
    Ok(rows + batches.iter().map(|batch| batch.len() as u64).sum::<u64>())
}

/// The syncs that have something to settle: where recovery has work.
pub fn unsettled_syncs(conn: &Connection) -> Result<Vec<SyncId>> {
    all(
        conn,
        "sync",
        r"SELECT syncs.id
          FROM syncs
          WHERE EXISTS (SELECT 1 FROM journal WHERE journal.sync_no = syncs.sync_no)
             OR EXISTS (SELECT 1 FROM journal_batches WHERE journal_batches.sync_no = syncs.sync_no)
          ORDER BY syncs.id",
        [],
        |row| row.id("id"),
    )
}

fn each(tx: &Transaction<'_>, sync: SyncId, changes: &[ChangeId], sql: &str) -> Result<usize> {
    let sync_no = sync_no(tx, sync)?;
    let mut statement = prepare(tx, "settle a change", sql)?;
    let mut n_changed = 0;
    for change in changes {
        n_changed += statement
            .execute(params![sync_no, change.to_bytes()])
            .during("settle a change")?;
    }
    Ok(n_changed)
}

fn read(row: &Columns<'_>) -> Result<Pending> {
    let fields = row.object("fields")?;
    let mapped = match row.optional_object("mapped")? {
        Some(mapped) => mapped,
        None => fields.clone(),
    };
    Ok(Pending {
        change: Change {
            id: row.id("change")?,
            operation: row.word("operation", |word| {
                [Operation::Create, Operation::Update, Operation::Delete]
                    .into_iter()
                    .find(|operation| operation.as_str() == word)
            })?,
            source_key: RecordKey(row.get("source_key")?),
            target_key: row.get::<Option<String>>("target_key")?.map(RecordKey),
            fields,
            before: row.optional_object("before")?,
            version: row.get("target_version")?,
        },
        run: row.id("run")?,
        sync: row.id("sync")?,
        side: row.word("side", Side::parse)?,
        intent: row.word("intent", Intent::parse)?,
        seq: row.unsigned("seq")?,
        mapped_fingerprint: row.fingerprint("mapped_fingerprint")?,
        mapped,
        source: row.optional_value("source")?,
        is_held: row.get("is_held")?,
    })
}
