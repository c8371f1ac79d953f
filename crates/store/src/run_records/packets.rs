//! Run records that came by the packet: found by run, outcome, key and text without unpacking more than is asked for.

use std::collections::HashMap;

use model::ids::SyncId;
use model::record::RecordKey;
use model::run::RecordOutcome;
use rusqlite::{Connection, Transaction, params};

use super::lines::{Changes, Lines, OUTCOMES, Wanted};
use super::{RunRecord, SEQ_BITS, SEQ_MASK, insert_rows, record_no, register_run};
use crate::column::{Columns, all, execute, first, prepare, signed};
use crate::error::{During, Error, Result};
use crate::outbox::Parts;
use crate::packet::{self, Keys};

/// Packets that one search by the start of a key opens.
const SEARCHED_PACKETS: usize = 400;

/// A record with its number.
pub(super) type Numbered = (i64, RunRecord);

/// Adds a packet. One that is there already stays as it is; records whose places lie among those of another packet
/// become rows.
pub(super) fn insert(tx: &Transaction<'_>, parts: Parts<'_>) -> Result<()> {
    let Parts {
        lines: packet,
        changes,
        fields,
    } = parts;
    let opened = Lines::open(packet)?;
    let lines = opened.read()?;
    let (Some(from), Some(to)) = (lines.first(), lines.last()) else {
        return Ok(());
    };
    let (from, to) = (from.seq, to.seq);
    let run_no = register_run(tx, opened.run, opened.sync)?;
    let packet_no = record_no(run_no, from);
    let neighbours = all(
        tx,
        "packet of run records",
        r"SELECT packet_no, last_seq
          FROM record_packets
          WHERE packet_no BETWEEN (
              SELECT coalesce(max(packet_no), 0) FROM record_packets WHERE packet_no <= ?1
          ) AND ?2
          ORDER BY packet_no
          LIMIT 3",
        [packet_no, record_no(run_no, to)],
        |row| {
            Ok((
                row.get::<i64>("packet_no")?,
                row.unsigned::<u64>("last_seq")?,
            ))
        },
    )?;
    if neighbours.contains(&(packet_no, to)) {
        return Ok(());
    }
    let in_the_way = neighbours
        .iter()
        .any(|(no, last)| no >> SEQ_BITS == run_no && *last >= from);
    if in_the_way {
        let changes = Changes::open(changes, fields)?;
        let values = changes.read()?;
        let records: Vec<RunRecord> = lines
            .iter()
            .map(|line| line.record(&opened, &values))
            .collect::<Result<_>>()?;
        return insert_rows(tx, records.iter().map(super::Row::of));
    }
    let mut counts = [0_u32; OUTCOMES.len()];
    for line in &lines {
        let n = OUTCOMES.iter().position(|known| *known == line.outcome);
        if let Some(count) = n.and_then(|n| counts.get_mut(n)) {
            *count += 1;
        }
    }
    let keys = Keys::of(
        lines
            .iter()
            .map(|line| line.source_key.as_deref().unwrap_or_default()),
    );
    execute(
        tx,
        "keep a packet of run records",
        r"INSERT INTO record_packets (packet_no, last_seq, outcomes, counts, keys, lines, changes, fields)
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            packet_no,
            signed(to),
            mask(|outcome| lines.iter().any(|line| line.outcome == outcome)),
            counts.map(u32::to_le_bytes).as_flattened(),
            keys.as_bytes(),
            packet,
            changes,
            fields,
        ],
    )?;
    Ok(())
}

fn mask(is_wanted: impl Fn(RecordOutcome) -> bool) -> i64 {
    OUTCOMES
        .iter()
        .zip(0..)
        .filter(|(outcome, _)| is_wanted(**outcome))
        .fold(0, |mask, (_, bit)| mask | 1 << bit)
}

/// A packet that may have what is looked for.
struct Candidate {
    packet_no: i64,
    lines: Vec<u8>,
}

fn candidate(row: &Columns<'_>) -> Result<Candidate> {
    Ok(Candidate {
        packet_no: row.get("packet_no")?,
        lines: row.get("lines")?,
    })
}

/// What is looked for in packets.
pub(super) struct Search<'a> {
    /// Numbers of records.
    pub(super) range: (i64, i64),
    /// With one of these outcomes; all when empty.
    pub(super) outcomes: &'a [RecordOutcome],
    /// With this text anywhere.
    pub(super) text: Option<&'a str>,
    pub(super) newest_first: bool,
    pub(super) limit: usize,
}

/// The first records that a search finds.
pub(super) fn find(conn: &Connection, search: &Search<'_>) -> Result<Vec<Numbered>> {
    let wanted = search.text.map(Wanted::new);
    let mut out = Vec::new();
    let direction = if search.newest_first { "DESC" } else { "ASC" };
    let outcomes = mask(|outcome| search.outcomes.is_empty() || search.outcomes.contains(&outcome));
    let mut next = search.range;
    next.0 = first_packet(conn, next.0)?;
    while out.len() < search.limit {
        let found = first(
            conn,
            "packet of run records",
            &format!(
                r"SELECT packet_no, lines
                  FROM record_packets
                  WHERE packet_no BETWEEN ?1 AND ?2 AND outcomes & ?3 <> 0
                  ORDER BY packet_no {direction}
                  LIMIT 1"
            ),
            params![next.0, next.1, outcomes],
            candidate,
        )?;
        let Some(found) = found else { break };
        if search.newest_first {
            next.1 = found.packet_no - 1;
        } else {
            next.0 = found.packet_no + 1;
        }
        take(conn, &found, search, wanted.as_ref(), &mut out)?;
    }
    Ok(out)
}

fn take(
    conn: &Connection,
    found: &Candidate,
    search: &Search<'_>,
    wanted: Option<&Wanted>,
    out: &mut Vec<Numbered>,
) -> Result<()> {
    let opened = Lines::open(&found.lines)?;
    let mut lines = opened.read()?;
    let number = |seq: u64| record_no(found.packet_no >> SEQ_BITS, seq);
    lines.retain(|line| {
        (search.range.0..=search.range.1).contains(&number(line.seq))
            && (search.outcomes.is_empty() || search.outcomes.contains(&line.outcome))
    });
    if lines.is_empty() {
        return Ok(());
    }
    if search.newest_first {
        lines.reverse();
    }
    let changes = changes(conn, found.packet_no)?;
    let values = changes.read()?;
    for line in &lines {
        if out.len() >= search.limit {
            break;
        }
        if match wanted {
            Some(wanted) => line.has(wanted, &values)?,
            None => true,
        } {
            out.push((number(line.seq), line.record(&opened, &values)?));
        }
    }
    Ok(())
}

fn changes(conn: &Connection, packet_no: i64) -> Result<Changes> {
    let changes = first(
        conn,
        "packet of run records",
        "SELECT changes, fields FROM record_packets WHERE packet_no = ?1",
        [packet_no],
        |row| {
            let changes: Option<Vec<u8>> = row.get("changes")?;
            let fields: Option<Vec<u8>> = row.get("fields")?;
            Changes::open(changes.as_deref(), fields.as_deref())
        },
    )?;
    Ok(changes.unwrap_or_default())
}

/// The last packet that begins at or before this record, so that the record may be in it.
fn first_packet(conn: &Connection, record_no: i64) -> Result<i64> {
    let before: Option<i64> = first(
        conn,
        "packet of run records",
        "SELECT max(packet_no) AS packet_no FROM record_packets WHERE packet_no <= ?1",
        [record_no],
        |row| row.get("packet_no"),
    )?
    .flatten();
    Ok(before.unwrap_or(record_no))
}

/// The newest records of a source record in a sync.
pub(super) fn of_record(
    conn: &Connection,
    sync: SyncId,
    source_key: &RecordKey,
    limit: usize,
) -> Result<Vec<Numbered>> {
    let runs: Vec<i64> = all(
        conn,
        "recorded run",
        "SELECT run_no FROM recorded_runs WHERE sync = ?1 ORDER BY run_no DESC",
        [sync.to_bytes()],
        |row| row.get("run_no"),
    )?;
    let mut out = Vec::new();
    for run_no in runs {
        for packet_no in packets_with(conn, run_no, source_key.as_str())? {
            let lines: Option<Vec<u8>> = first(
                conn,
                "packet of run records",
                "SELECT lines FROM record_packets WHERE packet_no = ?1",
                [packet_no],
                |row| row.get("lines"),
            )?;
            let opened = Lines::open(&lines.unwrap_or_default())?;
            let mut lines = opened.read()?;
            lines.retain(|line| line.source_key.as_deref() == Some(source_key.as_str()));
            if lines.is_empty() {
                continue;
            }
            let changes = changes(conn, packet_no)?;
            let values = changes.read()?;
            for line in lines.iter().rev() {
                out.push((record_no(run_no, line.seq), line.record(&opened, &values)?));
            }
            if out.len() >= limit {
                return Ok(out);
            }
        }
    }
    Ok(out)
}

/// The packets of a run that may have a key, newest first.
fn packets_with(conn: &Connection, run_no: i64, key: &str) -> Result<Vec<i64>> {
    let what = "packet of run records";
    let mut statement = prepare(
        conn,
        what,
        r"SELECT packet_no, keys
          FROM record_packets
          WHERE packet_no BETWEEN ?1 AND ?2
          ORDER BY packet_no DESC",
    )?;
    let mut rows = statement
        .query([record_no(run_no, 0), record_no(run_no, SEQ_MASK)])
        .during(what)?;
    let mut out = Vec::new();
    while let Some(row) = rows.next().during(what)? {
        let corrupt = || Error::corrupt("packet of run records (keys)");
        let keys = row.get_ref(1).ok().and_then(|keys| keys.as_blob().ok());
        if packet::may_have(keys.ok_or_else(corrupt)?, key) {
            out.push(row.get(0).map_err(|_| corrupt())?);
        }
    }
    Ok(out)
}

/// What a stretch of packets has of records whose keys begin with a text.
pub(super) struct Stretch {
    /// The records, newest first.
    pub(super) records: Vec<Numbered>,
    /// Older records than this were not looked at.
    pub(super) searched_to: Option<i64>,
}

/// Records whose keys begin with a text, in any case, newest first, before a place.
pub(super) fn by_key(
    conn: &Connection,
    text: &str,
    sync: Option<SyncId>,
    outcomes: &[RecordOutcome],
    before: i64,
    limit: usize,
) -> Result<Stretch> {
    let begins = |key: Option<&str>| {
        key.and_then(|key| key.as_bytes().get(..text.len()))
            .is_some_and(|start| start.eq_ignore_ascii_case(text.as_bytes()))
    };
    let mask = mask(|outcome| outcomes.is_empty() || outcomes.contains(&outcome));
    let mut records = Vec::new();
    let mut end = before.saturating_sub(1);
    for _ in 0..SEARCHED_PACKETS {
        let found = first(
            conn,
            "packet of run records",
            r"SELECT packet_no, lines
              FROM record_packets
              WHERE packet_no <= ?1 AND outcomes & ?2 <> 0
              ORDER BY packet_no DESC
              LIMIT 1",
            params![end, mask],
            candidate,
        )?;
        let Some(found) = found else {
            return Ok(Stretch {
                records,
                searched_to: None,
            });
        };
        let opened = Lines::open(&found.lines)?;
        end = found.packet_no - 1;
        if sync.is_some_and(|sync| sync.to_bytes() != opened.sync) {
            continue;
        }
        let mut lines = opened.read()?;
        let number = |seq: u64| record_no(found.packet_no >> SEQ_BITS, seq);
        lines.retain(|line| {
            number(line.seq) < before
                && (outcomes.is_empty() || outcomes.contains(&line.outcome))
                && (begins(line.source_key.as_deref()) || begins(line.target_key.as_deref()))
        });
        if lines.is_empty() {
            continue;
        }
        let changes = changes(conn, found.packet_no)?;
        let values = changes.read()?;
        for line in lines.iter().rev() {
            records.push((number(line.seq), line.record(&opened, &values)?));
        }
        if records.len() > limit {
            break;
        }
    }
    Ok(Stretch {
        records,
        searched_to: Some(end + 1),
    })
}

/// How many records of a run had each outcome.
pub(super) fn count_by_outcome(
    conn: &Connection,
    run_no: i64,
    counts: &mut HashMap<RecordOutcome, u64>,
) -> Result<()> {
    let packets: Vec<Vec<u8>> = all(
        conn,
        "packet of run records",
        "SELECT counts FROM record_packets WHERE packet_no BETWEEN ?1 AND ?2",
        [record_no(run_no, 0), record_no(run_no, SEQ_MASK)],
        |row| row.get("counts"),
    )?;
    for packet in packets {
        for (count, outcome) in packet.chunks_exact(4).zip(OUTCOMES) {
            let n = count.try_into().map_or(0, u32::from_le_bytes);
            if n > 0 {
                *counts.entry(outcome).or_default() += u64::from(n);
            }
        }
    }
    Ok(())
}

/// The last record among these numbers.
pub(super) fn last(conn: &Connection, range: (i64, i64)) -> Result<Option<i64>> {
    first(
        conn,
        "packet of run records",
        r"SELECT packet_no, last_seq
          FROM record_packets
          WHERE packet_no BETWEEN ?1 AND ?2
          ORDER BY packet_no DESC
          LIMIT 1",
        [first_packet(conn, range.0)?, range.1],
        |row| {
            let packet_no: i64 = row.get("packet_no")?;
            Ok(record_no(packet_no >> SEQ_BITS, row.unsigned("last_seq")?))
        },
    )
    .map(|last| last.filter(|last| *last >= range.0))
}

/// A record by its place.
pub(super) fn get(conn: &Connection, run_no: i64, seq: u64) -> Result<Option<RunRecord>> {
    let number = record_no(run_no, seq);
    let search = Search {
        range: (number, number),
        outcomes: &[],
        text: None,
        newest_first: false,
        limit: 1,
    };
    Ok(find(conn, &search)?.pop().map(|(_, record)| record))
}
