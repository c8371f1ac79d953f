//! What became of each record in each run (history.db).
//!
//! The row number is the run's number and the position in the run in one integer: a row can only
//! exist once, a run is a range, and newest first is backwards. Text is found in keys by an index,
//! across all runs; in values and messages only within one run, a bounded stretch at a time.
//!
//! Records of a batch come as one packet and stay one ([`packets`]); rows are what older versions kept, and records
//! that came alone.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use model::clock::Millis;
use model::ids::{ExchangeId, RunId, SyncId};
use model::path::FieldPath;
use model::record::RecordKey;
use model::run::RecordOutcome;
use model::sync::Side;
use model::value::Value;
use rusqlite::types::Value as Parameter;
use rusqlite::{Connection, Transaction, params, params_from_iter};

use crate::borrowed::Json;
use crate::column::{
    Columns, all, execute, first, like_anywhere, like_in_json, prepare, value_text,
};
use crate::error::{During, Error, Result};
use crate::outbox::Packet;

pub(crate) mod lines;
mod packets;

use packets::Search;

/// What became of one record in one run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    /// In which run.
    pub run: RunId,
    /// Its position in the run, unique there.
    pub seq: u64,
    /// Of which sync.
    pub sync: SyncId,
    /// The source's record.
    pub source_key: Option<RecordKey>,
    /// The target's record.
    pub target_key: Option<RecordKey>,
    /// The side that was written, or would have been.
    pub side: Side,
    /// What became of it.
    pub outcome: RecordOutcome,
    /// Why, for people.
    pub message: Option<String>,
    /// The field that the message is about.
    pub field: Option<FieldPath>,
    /// The target's values before.
    pub before: Option<Value>,
    /// The values that were written.
    pub after: Option<Value>,
    /// The source's record.
    pub source: Option<Value>,
    /// The request that wrote it.
    pub exchange: Option<ExchangeId>,
    /// When, in milliseconds.
    pub at: Millis,
}

/// A [`RunRecord`] whose parts are somebody else's.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are those of `RunRecord`")]
pub struct Told<'a> {
    pub run: RunId,
    pub seq: u64,
    pub sync: SyncId,
    pub source_key: Option<&'a RecordKey>,
    pub target_key: Option<&'a RecordKey>,
    pub side: Side,
    pub outcome: RecordOutcome,
    pub message: Option<&'a str>,
    pub field: Option<&'a FieldPath>,
    pub before: Option<Json<'a>>,
    pub after: Option<Json<'a>>,
    pub source: Option<Json<'a>>,
    pub exchange: Option<ExchangeId>,
    pub at: Millis,
}

impl RunRecord {
    /// The same without a copy of what it holds.
    pub fn told(&self) -> Told<'_> {
        Told {
            run: self.run,
            seq: self.seq,
            sync: self.sync,
            source_key: self.source_key.as_ref(),
            target_key: self.target_key.as_ref(),
            side: self.side,
            outcome: self.outcome,
            message: self.message.as_deref(),
            field: self.field.as_ref(),
            before: self.before.as_ref().map(Json::Value),
            after: self.after.as_ref().map(Json::Value),
            source: self.source.as_ref().map(Json::Value),
            exchange: self.exchange,
            at: self.at,
        }
    }
}

/// Which records to list.
#[derive(Clone, Debug)]
pub struct RecordFilter {
    /// Only of this run, in its order; otherwise newest first.
    pub run: Option<RunId>,
    /// Only of this sync.
    pub sync: Option<SyncId>,
    /// Only with one of these outcomes; all when empty.
    pub outcomes: Vec<RecordOutcome>,
    /// Only with this text: in one run anywhere in keys, message and values; across runs at the
    /// start of a key, and then at most the first 5000 of them.
    pub text: Option<String>,
}

/// Where the next page begins; opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(pub i64);

/// Some records of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordPage {
    /// The records; there may be fewer than asked for although more follow.
    pub records: Vec<RunRecord>,
    /// Where to go on; none at the end.
    pub next: Option<Place>,
}

/// Rows that one call searches for text: some tens of megabytes.
const SEARCHED_ROWS: i64 = 50_000;

/// Keys that one search across all runs looks at.
const SEARCHED_KEYS: i64 = 5_000;

/// Positions in a run.
const SEQ_BITS: u32 = 32;
const SEQ_MASK: u64 = 0xffff_ffff;

const SELECT: &str = r"
    SELECT recorded_runs.run, recorded_runs.sync, run_records.record_no, run_records.outcome,
           run_records.source_key, run_records.target_key, run_records.message, run_records.field,
           run_records.before, run_records.after, run_records.source, run_records.exchange,
           run_records.at, run_records.side
    FROM run_records
    JOIN recorded_runs ON recorded_runs.run_no = run_records.record_no >> 32";

/// A row on its way between files: values stay text.
pub(crate) struct Row<'a> {
    pub(crate) run: [u8; 16],
    pub(crate) seq: u64,
    pub(crate) sync: [u8; 16],
    pub(crate) side: Cow<'a, str>,
    pub(crate) outcome: Cow<'a, str>,
    pub(crate) source_key: Option<Cow<'a, str>>,
    pub(crate) target_key: Option<Cow<'a, str>>,
    pub(crate) message: Option<Cow<'a, str>>,
    pub(crate) field: Option<Cow<'a, str>>,
    pub(crate) before: Option<Cow<'a, str>>,
    pub(crate) after: Option<Cow<'a, str>>,
    pub(crate) source: Option<Cow<'a, str>>,
    pub(crate) exchange: Option<[u8; 16]>,
    pub(crate) at: Millis,
}

impl<'a> Row<'a> {
    pub(crate) fn of(record: &'a RunRecord) -> Result<Self> {
        if record.seq >> SEQ_BITS != 0 {
            return Err(too_far());
        }
        let json = |value: &Option<Value>| {
            value
                .as_ref()
                .map(|value| value_text("run record", value).map(Cow::Owned))
                .transpose()
        };
        let key = |key: &'a Option<RecordKey>| key.as_ref().map(|key| key.as_str().into());
        Ok(Self {
            run: record.run.to_bytes(),
            seq: record.seq,
            sync: record.sync.to_bytes(),
            side: record.side.as_str().into(),
            outcome: record.outcome.as_str().into(),
            source_key: key(&record.source_key),
            target_key: key(&record.target_key),
            message: record.message.as_deref().map(Into::into),
            field: record.field.as_ref().map(|field| field.to_string().into()),
            before: json(&record.before)?,
            after: json(&record.after)?,
            source: json(&record.source)?,
            exchange: record.exchange.map(ExchangeId::to_bytes),
            at: record.at,
        })
    }
}

fn too_far() -> Error {
    Error::Unstorable {
        what: "position in a run",
        expected: "at most 2^32 records in one run",
    }
}

/// Adds records. One that is there already stays as it is.
///
/// # Errors
/// [`Error::Unstorable`] when a value could not be read again.
pub fn insert_many(tx: &Transaction<'_>, records: &[RunRecord]) -> Result<()> {
    insert_rows(tx, records.iter().map(Row::of))
}

/// Adds the records of a packet from the outbox. One that is there already stays as it is.
///
/// # Errors
/// [`Error::Corrupt`] when the packet cannot be read.
pub fn insert_packet(tx: &Transaction<'_>, packet: &Packet) -> Result<()> {
    match packet.parts() {
        Some(parts) => packets::insert(tx, parts),
        None => insert_rows(tx, packet.rows()),
    }
}

fn insert_rows<'a>(
    tx: &Transaction<'_>,
    rows: impl Iterator<Item = Result<Row<'a>>>,
) -> Result<()> {
    let mut statement = prepare(
        tx,
        "record an outcome",
        r"INSERT OR IGNORE INTO run_records (record_no, outcome, source_key, target_key,
                  message, field, before, after, source, exchange, at, side)
              VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?;
    let mut known: Option<([u8; 16], i64)> = None;
    for row in rows {
        let row = row?;
        let run_no = match known {
            Some((run, run_no)) if run == row.run => run_no,
            _ => register_run(tx, row.run, row.sync)?,
        };
        known = Some((row.run, run_no));
        statement
            .execute(params![
                record_no(run_no, row.seq),
                row.outcome,
                row.source_key,
                row.target_key,
                row.message,
                row.field,
                row.before,
                row.after,
                row.source,
                row.exchange,
                row.at,
                row.side,
            ])
            .during("record an outcome")?;
    }
    Ok(())
}

/// Records of a list, page by page.
///
/// # Errors
/// [`Error::Corrupt`] when a record cannot be read.
pub fn page(
    conn: &Connection,
    filter: &RecordFilter,
    after: Option<Place>,
    limit: usize,
) -> Result<RecordPage> {
    let limit = limit.max(1);
    let text = filter.text.as_deref().filter(|text| !text.is_empty());
    match (filter.run, text) {
        (Some(run), text) => page_of_run(conn, run, filter, text, after, limit),
        (None, Some(text)) => page_by_key(conn, text, filter, after, limit),
        (None, None) => page_of_runs(conn, filter, after, limit),
    }
}

/// One record.
pub fn get(conn: &Connection, run: RunId, seq: u64) -> Result<Option<RunRecord>> {
    let Some(run_no) = find_run(conn, run)? else {
        return Ok(None);
    };
    let row = first(
        conn,
        "run record",
        &format!("{SELECT} WHERE run_records.record_no = ?1"),
        [record_no(run_no, seq)],
        read,
    )?;
    match row {
        Some(record) => Ok(Some(record)),
        None if seq <= SEQ_MASK => packets::get(conn, run_no, seq),
        None => Ok(None),
    }
}

/// Everything that happened to a record of the source in a sync, newest first.
pub fn of_record(
    conn: &Connection,
    sync: SyncId,
    source_key: &RecordKey,
    limit: u32,
) -> Result<Vec<RunRecord>> {
    let limit_of_rows = limit;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut rows = packets::of_record(conn, sync, source_key, limit)?;
    rows.extend(all(
        conn,
        "run record",
        &format!(
            r"{SELECT}
              WHERE run_records.source_key = ?1 COLLATE NOCASE
                AND run_records.source_key = ?1
                AND recorded_runs.sync = ?2
              ORDER BY run_records.record_no DESC
              LIMIT ?3"
        ),
        params![source_key.as_str(), sync.to_bytes(), limit_of_rows],
        |row| Ok((row.get("record_no")?, read(row)?)),
    )?);
    newest_first(&mut rows);
    rows.truncate(limit);
    Ok(rows.into_iter().map(|(_, record)| record).collect())
}

/// How many records of a run had each outcome.
pub fn count_by_outcome(conn: &Connection, run: RunId) -> Result<HashMap<RecordOutcome, u64>> {
    let mut counts = HashMap::new();
    let Some(run_no) = find_run(conn, run)? else {
        return Ok(counts);
    };
    packets::count_by_outcome(conn, run_no, &mut counts)?;
    for outcome in lines::OUTCOMES {
        let n = first(
            conn,
            "run record",
            r"SELECT count(*) AS n
              FROM run_records
              WHERE outcome = ?1 AND record_no BETWEEN ?2 AND ?3",
            params![
                outcome.as_str(),
                record_no(run_no, 0),
                record_no(run_no + 1, 0) - 1
            ],
            |row| row.unsigned("n"),
        )?;
        if let Some(n @ 1..) = n {
            *counts.entry(outcome).or_default() += n;
        }
    }
    Ok(counts)
}

/// How many records a packet has, by its counts.
pub(crate) fn count_of(counts: &[u8]) -> usize {
    let counts = counts.chunks_exact(4);
    counts
        .filter_map(|count| usize::try_from(u32::from_le_bytes(count.try_into().ok()?)).ok())
        .sum()
}

/// One run in its order.
fn page_of_run(
    conn: &Connection,
    run: RunId,
    filter: &RecordFilter,
    text: Option<&str>,
    after: Option<Place>,
    limit: usize,
) -> Result<RecordPage> {
    let Some(run_no) = find_run(conn, run)? else {
        return Ok(RecordPage::end(Vec::new()));
    };
    let start = after.map_or(record_no(run_no, 0), |place| place.0.saturating_add(1));
    let run_end = record_no(run_no + 1, 0) - 1;
    let Some(text) = text else {
        let rows = in_range(conn, filter, (start, run_end), "ASC", None, limit + 1)?;
        return Ok(RecordPage::cut(rows, limit));
    };
    let end = run_end.min(start.saturating_add(SEARCHED_ROWS - 1));
    let rows = in_range(conn, filter, (start, end), "ASC", Some(text), limit + 1)?;
    let mut page = RecordPage::cut(rows, limit);
    if page.next.is_none() && last_of_run(conn, (start, run_end))?.is_some_and(|last| last > end) {
        page.next = Some(Place(end));
    }
    Ok(page)
}

/// All runs, or those of a sync, newest first.
fn page_of_runs(
    conn: &Connection,
    filter: &RecordFilter,
    after: Option<Place>,
    limit: usize,
) -> Result<RecordPage> {
    let end = after.map_or(i64::MAX, |place| place.0.saturating_sub(1));
    let ranges = match filter.sync {
        None => vec![(0, end)],
        Some(sync) => all(
            conn,
            "recorded run",
            "SELECT run_no FROM recorded_runs WHERE sync = ?1 AND run_no <= ?2 ORDER BY run_no DESC",
            params![sync.to_bytes(), end >> SEQ_BITS],
            |row| {
                let run_no: i64 = row.get("run_no")?;
                Ok((record_no(run_no, 0), end.min(record_no(run_no + 1, 0) - 1)))
            },
        )?,
    };
    let mut rows = Vec::new();
    for range in ranges {
        let missing = limit + 1 - rows.len();
        rows.extend(in_range(conn, filter, range, "DESC", None, missing)?);
        if rows.len() > limit {
            break;
        }
    }
    Ok(RecordPage::cut(rows, limit))
}

/// By the start of a key, newest first.
fn page_by_key(
    conn: &Connection,
    text: &str,
    filter: &RecordFilter,
    after: Option<Place>,
    limit: usize,
) -> Result<RecordPage> {
    let wanted: HashSet<&str> = filter
        .outcomes
        .iter()
        .map(|outcome| outcome.as_str())
        .collect();
    let mut candidates: Vec<i64> = Vec::new();
    for column in ["source_key", "target_key"] {
        candidates.extend(all(
            conn,
            "run record",
            &format!(
                r"SELECT record_no
                  FROM run_records
                  WHERE {column} >= ?1 COLLATE NOCASE AND {column} < ?2 COLLATE NOCASE
                  ORDER BY {column} COLLATE NOCASE
                  LIMIT ?3"
            ),
            params![text, format!("{text}\u{10ffff}"), SEARCHED_KEYS],
            |row| row.get::<i64>("record_no"),
        )?);
    }
    let before = after.map_or(i64::MAX, |place| place.0);
    let stretch = packets::by_key(conn, text, filter.sync, &filter.outcomes, before, limit)?;
    let from = stretch.searched_to.unwrap_or(i64::MIN);
    let is_older = candidates.iter().any(|record_no| *record_no < from);
    candidates.retain(|record_no| (from..before).contains(record_no));
    candidates.sort_unstable_by(|a, b| b.cmp(a));
    candidates.dedup();

    let sql = format!("{SELECT} WHERE run_records.record_no = ?1");
    let mut rows = stretch.records;
    let n_packed = rows.len();
    for record_no in candidates {
        let found = first(conn, "run record", &sql, [record_no], |row| {
            Ok((record_no, read(row)?))
        })?;
        rows.extend(found.filter(|(_, record)| {
            (wanted.is_empty() || wanted.contains(record.outcome.as_str()))
                && filter.sync.is_none_or(|sync| sync == record.sync)
        }));
        if rows.len() - n_packed > limit {
            break;
        }
    }
    newest_first(&mut rows);
    let mut page = RecordPage::cut(rows, limit);
    if page.next.is_none() && (stretch.searched_to.is_some() || is_older) {
        page.next = stretch.searched_to.map(Place);
    }
    Ok(page)
}

/// Rows and packets together.
fn newest_first(rows: &mut Vec<(i64, RunRecord)>) {
    rows.sort_by_key(|(record_no, _)| std::cmp::Reverse(*record_no));
    rows.dedup_by_key(|(record_no, _)| *record_no);
}

/// The first records of a range, each with its number. With several outcomes each is asked for by
/// itself, so that rare ones are found by the index and not by passing all others.
fn in_range(
    conn: &Connection,
    filter: &RecordFilter,
    range: (i64, i64),
    direction: &str,
    text: Option<&str>,
    limit: usize,
) -> Result<Vec<(i64, RunRecord)>> {
    let mut condition = String::from("run_records.record_no BETWEEN ?1 AND ?2");
    let mut params: Vec<Parameter> = vec![
        range.0.into(),
        range.1.into(),
        i64::try_from(limit).unwrap_or(i64::MAX).into(),
    ];
    if let Some(text) = text {
        condition.push_str(
            r" AND (run_records.source_key LIKE ?4 ESCAPE '\'
                 OR run_records.target_key LIKE ?4 ESCAPE '\'
                 OR run_records.message LIKE ?4 ESCAPE '\'
                 OR run_records.after LIKE ?5 ESCAPE '\'
                 OR run_records.before LIKE ?5 ESCAPE '\'
                 OR run_records.source LIKE ?5 ESCAPE '\')",
        );
        params.push(like_anywhere(text).into());
        params.push(like_in_json(text).into());
    }
    let words: Vec<Option<&str>> = if filter.outcomes.is_empty() {
        vec![None]
    } else {
        filter
            .outcomes
            .iter()
            .map(|outcome| Some(outcome.as_str()))
            .collect()
    };
    let mut rows = Vec::new();
    for word in words {
        // The words are ours, from a closed list.
        let outcome = word.map_or_else(String::new, |word| {
            format!(" AND run_records.outcome = '{word}'")
        });
        rows.extend(all(
            conn,
            "run record",
            &format!(
                r"{SELECT}
                  WHERE {condition}{outcome}
                  ORDER BY run_records.record_no {direction}
                  LIMIT ?3"
            ),
            params_from_iter(&params),
            |row| Ok((row.get("record_no")?, read(row)?)),
        )?);
    }
    let is_ascending = direction == "ASC";
    rows.extend(packets::find(
        conn,
        &Search {
            range,
            outcomes: &filter.outcomes,
            text,
            newest_first: !is_ascending,
            limit,
        },
    )?);
    newest_first(&mut rows);
    if is_ascending {
        rows.reverse();
    }
    rows.truncate(limit);
    Ok(rows)
}

impl RecordPage {
    fn end(records: Vec<RunRecord>) -> Self {
        Self {
            records,
            next: None,
        }
    }

    /// Of one record more than asked for, only that there is one is told.
    fn cut(mut rows: Vec<(i64, RunRecord)>, limit: usize) -> Self {
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows
            .last()
            .filter(|_| has_more)
            .map(|(record_no, _)| Place(*record_no));
        Self {
            records: rows.into_iter().map(|(_, record)| record).collect(),
            next,
        }
    }
}

fn last_of_run(conn: &Connection, range: (i64, i64)) -> Result<Option<i64>> {
    let row: Option<i64> = first(
        conn,
        "run record",
        "SELECT max(record_no) AS last FROM run_records WHERE record_no BETWEEN ?1 AND ?2",
        [range.0, range.1],
        |row| row.get("last"),
    )?
    .flatten();
    Ok(row.max(packets::last(conn, range)?))
}

fn find_run(conn: &Connection, run: RunId) -> Result<Option<i64>> {
    first(
        conn,
        "recorded run",
        "SELECT run_no FROM recorded_runs WHERE run = ?1",
        [run.to_bytes()],
        |row| row.get("run_no"),
    )
}

fn register_run(tx: &Transaction<'_>, run: [u8; 16], sync: [u8; 16]) -> Result<i64> {
    execute(
        tx,
        "register a run",
        "INSERT OR IGNORE INTO recorded_runs (run, sync) VALUES (?1, ?2)",
        params![run, sync],
    )?;
    first(
        tx,
        "recorded run",
        "SELECT run_no FROM recorded_runs WHERE run = ?1",
        [run],
        |row| row.get("run_no"),
    )?
    .ok_or_else(|| Error::corrupt("list of recorded runs"))
}

fn record_no(run_no: i64, seq: u64) -> i64 {
    (run_no << SEQ_BITS) | i64::try_from(seq & SEQ_MASK).unwrap_or_default()
}

fn read(row: &Columns<'_>) -> Result<RunRecord> {
    let record_no: u64 = row.unsigned("record_no")?;
    Ok(RunRecord {
        run: row.id("run")?,
        seq: record_no & SEQ_MASK,
        sync: row.id("sync")?,
        source_key: row.get::<Option<String>>("source_key")?.map(RecordKey),
        target_key: row.get::<Option<String>>("target_key")?.map(RecordKey),
        side: row.word("side", Side::parse)?,
        outcome: row.word("outcome", RecordOutcome::parse)?,
        message: row.get("message")?,
        field: row
            .get::<Option<String>>("field")?
            .map(|field| field.parse().map_err(|_| row.corrupt("field")))
            .transpose()?,
        before: row.optional_value("before")?,
        after: row.optional_value("after")?,
        source: row.optional_value("source")?,
        exchange: row.optional_id("exchange")?,
        at: row.get("at")?,
    })
}
