//! Records that could not be written when they were last seen.
//!
//! A record gets here when a run could not write it and leaves when a later one could, or when a complete read does
//! not bring it any more. So it counts what still needs a person, in whichever run that was.
//!
//! Every failure is counted as a try of the same record as long as the mapping makes the same of it; runs try it again by
//! themselves ([`due`]) until it was tried too often ([`set_aside`]).

use std::collections::{HashMap, HashSet};

use model::clock::Millis;
use model::ids::{RunId, SyncId};
use model::record::RecordKey;
use model::run::RecordOutcome;
use model::value::Fingerprint;
use rusqlite::{Connection, Transaction, params};

use crate::column::{Columns, all, execute, first, prepare, signed, sync_no};
use crate::error::{During, Error, Result};
use crate::journal;

/// A record that needs a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwritten {
    /// The record of the source; empty for one without a key.
    pub source_key: RecordKey,
    /// The latest run that saw it.
    pub run: RunId,
    /// Its place in that run, where the history has the details.
    pub seq: u64,
    /// Why it was not written.
    pub outcome: RecordOutcome,
    /// When that run began, in milliseconds.
    pub at: Millis,
    /// How often it was tried.
    pub tries: u32,
    /// What the history has of it is what counts; else only reading it again tells.
    pub is_current: bool,
}

/// A record that a run could not write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The record of the source; empty for one without a key.
    pub source_key: RecordKey,
    /// Its place in the run.
    pub seq: u64,
    /// Why it was not written.
    pub outcome: RecordOutcome,
    /// Of the record as the mapping makes it; none where what was seen of it is not what counts any more, so that runs
    /// must not try that again.
    pub fingerprint: Option<Fingerprint>,
}

/// A record that is to be tried again, and where the history has what was read of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The record of the source.
    pub source_key: RecordKey,
    /// The run that saw it last.
    pub run: RunId,
    /// Its place in that run.
    pub seq: u64,
}

/// How often a record was tried, and as what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tried {
    /// How often.
    pub tries: u32,
    /// Of the record as the mapping made it; none where that is not known.
    pub fingerprint: Option<Fingerprint>,
}

/// Where the next page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    source_key: RecordKey,
    place: i64,
}

/// Some of them, and where to go on; none at the end.
pub type Page = (Vec<Unwritten>, Option<Place>);

/// Adds records of one run, or moves those that are there to this run.
///
/// # Errors
/// [`Error::NotFound`] when there is no such sync or run.
pub fn put_many(tx: &Transaction<'_>, sync: SyncId, run: RunId, records: &[Failure]) -> Result<()> {
    if records.is_empty() {
        return Ok(());
    }
    let (sync_no, run_no) = (sync_no(tx, sync)?, run_no(tx, run)?);
    let mut statement = prepare(
        tx,
        "note a record that was not written",
        r"INSERT INTO unwritten (sync_no, source_key, place, run_no, seq, outcome, fingerprint, tries)
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1)
          ON CONFLICT (sync_no, source_key, place) DO UPDATE
          SET run_no = excluded.run_no, seq = excluded.seq, outcome = excluded.outcome,
              tries = CASE WHEN fingerprint IS excluded.fingerprint THEN tries + 1 ELSE 1 END,
              fingerprint = excluded.fingerprint",
    )?;
    for record in records {
        let (source_key, seq) = (&record.source_key, signed(record.seq));
        let place = if source_key.as_str().is_empty() {
            seq
        } else {
            0
        };
        statement
            .execute(params![
                sync_no,
                source_key.as_str(),
                place,
                run_no,
                seq,
                record.outcome.as_str(),
                record.fingerprint.map(Fingerprint::to_bytes),
            ])
            .during("note a record that was not written")?;
    }
    Ok(())
}

/// Those of these records that are listed.
pub fn listed<'a>(
    conn: &Connection,
    sync: SyncId,
    source_keys: impl IntoIterator<Item = &'a RecordKey>,
) -> Result<HashSet<RecordKey>> {
    let mut found = HashSet::new();
    if !any(conn, sync)? {
        return Ok(found);
    }
    let sync_no = sync_no(conn, sync)?;
    for source_key in source_keys {
        let is_listed = first(
            conn,
            "record that was not written",
            "SELECT 1 FROM unwritten WHERE sync_no = ?1 AND source_key = ?2 AND place = 0",
            params![sync_no, source_key.as_str()],
            |_| Ok(()),
        )?;
        if is_listed.is_some() {
            found.insert(source_key.clone());
        }
    }
    Ok(found)
}

/// Forgets these records: they need nobody any more. Costs next to nothing where none is there. What the journal holds
/// for a person stays, whatever else was found out about its record: nobody knows yet what became of it.
pub fn remove_many<'a>(
    tx: &Transaction<'_>,
    sync: SyncId,
    source_keys: impl IntoIterator<Item = &'a RecordKey>,
) -> Result<()> {
    if !any(tx, sync)? {
        return Ok(());
    }
    let sync_no = sync_no(tx, sync)?;
    let mut statement = prepare(
        tx,
        "forget a record that was not written",
        "DELETE FROM unwritten WHERE sync_no = ?1 AND source_key = ?2 AND place = 0",
    )?;
    let held = journal::held_keys(tx, sync)?;
    for source_key in source_keys {
        if held.contains(source_key) {
            continue;
        }
        statement
            .execute(params![sync_no, source_key.as_str()])
            .during("forget a record that was not written")?;
    }
    Ok(())
}

/// Counts the tries of these records from the beginning again: a person wants them to be tried.
pub fn forgive_many(tx: &Transaction<'_>, sync: SyncId, source_keys: &[RecordKey]) -> Result<()> {
    let sync_no = sync_no(tx, sync)?;
    let mut statement = prepare(
        tx,
        "count tries from the beginning",
        "UPDATE unwritten SET tries = 0 WHERE sync_no = ?1 AND source_key = ?2 AND place = 0",
    )?;
    for source_key in source_keys {
        statement
            .execute(params![sync_no, source_key.as_str()])
            .during("count tries from the beginning")?;
    }
    Ok(())
}

/// Records after this key that a run is to try again by itself: the target refused them or they were kept back, fewer
/// than `most_tries` times, and the run has not seen them itself. In order of their keys. What the journal holds is not
/// among them: it was tried with an outcome that nobody knows.
pub fn due(
    conn: &Connection,
    sync: SyncId,
    run: RunId,
    most_tries: u32,
    after: Option<&RecordKey>,
    limit: usize,
) -> Result<Vec<Due>> {
    all(
        conn,
        "record that was not written",
        r"SELECT unwritten.source_key, runs.id AS run, unwritten.seq
          FROM unwritten
          JOIN runs ON runs.run_no = unwritten.run_no
          WHERE unwritten.sync_no = ?1 AND unwritten.source_key > ?2 AND unwritten.place = 0
            AND unwritten.outcome IN ('rejected', 'held')
            AND unwritten.tries < ?3 AND runs.id <> ?4 AND unwritten.fingerprint IS NOT NULL
            AND NOT EXISTS (
                SELECT 1 FROM waiting
                WHERE waiting.sync_no = unwritten.sync_no
                  AND waiting.source_key = unwritten.source_key
            )
          ORDER BY unwritten.source_key
          LIMIT ?5",
        params![
            sync_no(conn, sync)?,
            after.map_or("", RecordKey::as_str),
            most_tries,
            run.to_bytes(),
            i64::try_from(limit).unwrap_or(i64::MAX),
        ],
        |row| {
            Ok(Due {
                source_key: RecordKey(row.get("source_key")?),
                run: row.id("run")?,
                seq: row.unsigned("seq")?,
            })
        },
    )
}

/// Those of these records that were tried this often, or more often.
pub fn set_aside<'a>(
    conn: &Connection,
    sync: SyncId,
    most_tries: u32,
    source_keys: impl IntoIterator<Item = &'a RecordKey>,
) -> Result<HashMap<RecordKey, Tried>> {
    let mut found = HashMap::new();
    if !any(conn, sync)? {
        return Ok(found);
    }
    let sync_no = sync_no(conn, sync)?;
    for source_key in source_keys {
        let tried = first(
            conn,
            "record that was not written",
            r"SELECT tries, fingerprint FROM unwritten
              WHERE sync_no = ?1 AND source_key = ?2 AND place = 0 AND tries >= ?3
                AND outcome IN ('rejected', 'held')",
            params![sync_no, source_key.as_str(), most_tries],
            |row| {
                let bytes: Option<Vec<u8>> = row.get("fingerprint")?;
                Ok(Tried {
                    tries: row.get("tries")?,
                    fingerprint: bytes.and_then(|bytes| Fingerprint::from_bytes(&bytes)),
                })
            },
        )?;
        if let Some(tried) = tried {
            found.insert(source_key.clone(), tried);
        }
    }
    Ok(found)
}

/// What this run has made of these records so far, as far as it could not write them.
pub fn outcomes_in<'a>(
    conn: &Connection,
    sync: SyncId,
    run: RunId,
    source_keys: impl IntoIterator<Item = &'a RecordKey>,
) -> Result<Vec<RecordOutcome>> {
    let (sync_no, run_no) = (sync_no(conn, sync)?, run_no(conn, run)?);
    let mut found = Vec::new();
    for source_key in source_keys {
        let outcome = first(
            conn,
            "record that was not written",
            r"SELECT outcome FROM unwritten
              WHERE sync_no = ?1 AND source_key = ?2 AND place = 0 AND run_no = ?3",
            params![sync_no, source_key.as_str(), run_no],
            |row| row.word("outcome", RecordOutcome::parse),
        )?;
        found.extend(outcome);
    }
    Ok(found)
}

/// Whether there are any of a sync.
pub fn any(conn: &Connection, sync: SyncId) -> Result<bool> {
    first(
        conn,
        "record that was not written",
        "SELECT 1 FROM unwritten WHERE sync_no = ?1 LIMIT 1",
        [sync_no(conn, sync)?],
        |_| Ok(()),
    )
    .map(|any| any.is_some())
}

/// Forgets what this run did not see: it has read the whole source. What the journal holds for a person stays.
pub fn keep_only(tx: &Transaction<'_>, sync: SyncId, run: RunId) -> Result<()> {
    let (sync_no, run_no) = (sync_no(tx, sync)?, run_no(tx, run)?);
    let others: Vec<RecordKey> = all(
        tx,
        "record that was not written",
        "SELECT source_key FROM unwritten WHERE sync_no = ?1 AND run_no <> ?2 AND place = 0",
        params![sync_no, run_no],
        |row| Ok(RecordKey(row.get("source_key")?)),
    )?;
    remove_many(tx, sync, &others)?;
    execute(
        tx,
        "forget records without a key",
        "DELETE FROM unwritten WHERE sync_no = ?1 AND run_no <> ?2 AND place <> 0",
        params![sync_no, run_no],
    )?;
    Ok(())
}

/// How many records of a sync need a person.
pub fn count(conn: &Connection, sync: SyncId) -> Result<u64> {
    first(
        conn,
        "record that was not written",
        "SELECT count(*) AS n FROM unwritten WHERE sync_no = ?1",
        [sync_no(conn, sync)?],
        |row| row.unsigned("n"),
    )?
    .ok_or_else(|| Error::corrupt("count of records that were not written"))
}

/// Those of a sync, in order of their keys.
pub fn page(conn: &Connection, sync: SyncId, after: Option<&Place>, limit: usize) -> Result<Page> {
    let limit = limit.max(1);
    let mut rows = all(
        conn,
        "record that was not written",
        r"SELECT unwritten.source_key, unwritten.place, runs.id AS run, unwritten.seq,
                 unwritten.outcome, unwritten.tries, runs.started_at,
                 unwritten.fingerprint IS NOT NULL AS is_current
          FROM unwritten
          JOIN runs ON runs.run_no = unwritten.run_no
          WHERE unwritten.sync_no = ?1 AND (unwritten.source_key, unwritten.place) > (?2, ?3)
          ORDER BY unwritten.source_key, unwritten.place
          LIMIT ?4",
        params![
            sync_no(conn, sync)?,
            after.map_or("", |place| place.source_key.as_str()),
            after.map_or(-1, |place| place.place),
            i64::try_from(limit + 1).unwrap_or(i64::MAX),
        ],
        |row| Ok((read(row)?, row.get::<i64>("place")?)),
    )?;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows
        .last()
        .filter(|_| has_more)
        .map(|(record, place)| Place {
            source_key: record.source_key.clone(),
            place: *place,
        });
    let records = rows.into_iter().map(|(record, _)| record).collect();
    Ok((records, next))
}

impl Place {
    /// As text that [`Place::parse`] reads.
    pub fn to_text(&self) -> String {
        format!("{} {}", self.place, self.source_key)
    }

    /// From its text.
    pub fn parse(text: &str) -> Option<Self> {
        let (place, source_key) = text.split_once(' ')?;
        Some(Self {
            source_key: RecordKey(source_key.to_owned()),
            place: place.parse().ok()?,
        })
    }
}

fn run_no(conn: &Connection, run: RunId) -> Result<i64> {
    first(
        conn,
        "run",
        "SELECT run_no FROM runs WHERE id = ?1",
        [run.to_bytes()],
        |row| row.get("run_no"),
    )?
    .ok_or_else(|| Error::not_found("run", run))
}

fn read(row: &Columns<'_>) -> Result<Unwritten> {
    Ok(Unwritten {
        source_key: RecordKey(row.get("source_key")?),
        run: row.id("run")?,
        seq: row.unsigned("seq")?,
        outcome: row.word("outcome", RecordOutcome::parse)?,
        at: row.get("started_at")?,
        tries: row.get("tries")?,
        is_current: row.get("is_current")?,
    })
}
