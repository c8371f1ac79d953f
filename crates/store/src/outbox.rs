//! Run records that are committed, on their way to history.db.
//!
//! Two files cannot be committed together. So the transaction that settles a batch leaves its run
//! records here, as one packet of lines beside the packet of changes that was in the journal; then
//! [`Store::copy_history`](crate::Store::copy_history) copies both as they are, makes sure that they are on the
//! disk over there, and only then removes them here. Cut off anywhere, the copy is made again, and
//! history.db takes each packet once.
//!
//! Older versions left records in another form, which is still read: a version byte (1 or 2), then the records one
//! after another: run, seq, sync, time, then ten texts (nine in version 1, which did not tell the side that was
//! written).

use std::borrow::Cow;
use std::collections::HashMap;

use model::ids::ChangeId;
use model::sync::Side;
use rusqlite::{Connection, Transaction, params};

use crate::column::{all, execute, first};
use crate::error::{Error, Result};
use crate::journal::{Packets, Settled};
use crate::packet::{self, Writer};
use crate::run_records::{Row, RunRecord, Told, lines};

/// The last version that had its records one after another.
const ROWS: u8 = 2;
const LINES: u8 = 3;

/// Records in one packet at most, where nobody made a batch of them.
const PACKET_RECORDS: usize = 500;

/// Some run records on their way.
#[derive(Debug)]
pub struct Packet {
    /// Its number; later packets have higher ones.
    pub no: i64,
    bytes: Vec<u8>,
    changes: Option<Vec<u8>>,
    fields: Option<Vec<u8>>,
}

/// What a packet is made of.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'a> {
    /// What became of the records.
    pub(crate) lines: &'a [u8],
    /// What was known of their changes.
    pub(crate) changes: Option<&'a [u8]>,
    /// The fields that were sent, where they have a packet of their own.
    pub(crate) fields: Option<&'a [u8]>,
}

/// Leaves records for history.db. Belongs into the transaction that settles what they tell.
///
/// # Errors
/// [`Error::Unstorable`] when a value could not be read again.
pub fn put_many(tx: &Transaction<'_>, records: &[RunRecord]) -> Result<()> {
    let records: Vec<Told<'_>> = records.iter().map(RunRecord::told).collect();
    put_told(tx, &records)
}

fn put_told(tx: &Transaction<'_>, records: &[Told<'_>]) -> Result<()> {
    for group in uniform(records) {
        for chunk in group.chunks(PACKET_RECORDS) {
            put(tx, chunk, None)?;
        }
    }
    Ok(())
}

/// As [`put_many`], for records of changes that were settled in the same transaction: their values are in the packets
/// of the journal. `changes` names the change of each record, where it has one.
///
/// # Errors
/// [`Error::Unstorable`] when a value could not be read again.
pub fn put_settled(
    tx: &Transaction<'_>,
    records: &[Told<'_>],
    changes: &[Option<ChangeId>],
    settled: &Settled,
) -> Result<()> {
    let mut used = None;
    // A batch is of one run, and comes from one packet of the journal, but for what was made anew since.
    if uniform(records).count() == 1 {
        let mut uses: HashMap<i64, usize> = HashMap::new();
        for change in changes.iter().flatten() {
            if let Some(placed) = settled.place_of(*change) {
                *uses.entry(placed.packets.changes).or_default() += 1;
            }
        }
        let most = uses.into_iter().max_by_key(|(no, n)| (*n, *no));
        let packets = settled.packets().iter();
        used = packets
            .copied()
            .find(|packets| most.is_some_and(|(no, _)| packets.changes == no));
    }
    match used {
        None => put_told(tx, records)?,
        Some(packets) => {
            let place = |n: usize| {
                let placed = settled.place_of(changes.get(n).copied().flatten()?)?;
                (placed.packets == packets).then_some(placed.place)
            };
            put(tx, records, Some((packets, &place)))?;
        }
    }
    for packets in settled.packets() {
        if Some(*packets) != used {
            packets.remove(tx)?;
        }
    }
    Ok(())
}

/// Stretches of one run, one sync and one time.
fn uniform<'a, 'r>(records: &'a [Told<'r>]) -> impl Iterator<Item = &'a [Told<'r>]> {
    records.chunk_by(|a, b| (a.run, a.sync, a.at) == (b.run, b.sync, b.at))
}

/// In which place of a packet the values of a record are, if they are there.
type Places<'a> = &'a dyn Fn(usize) -> Option<u32>;

/// Leaves records of one run; `journalled` tells the packet that has values of them, and in which places.
fn put(
    tx: &Transaction<'_>,
    records: &[Told<'_>],
    journalled: Option<(Packets, Places<'_>)>,
) -> Result<()> {
    let mut order: Vec<usize> = (0..records.len()).collect();
    order.sort_by_key(|n| records.get(*n).map(|record| record.seq));
    let in_order = || order.iter().filter_map(|n| Some((*n, records.get(*n)?)));
    let (packet_no, fields_no, lines) = match journalled {
        Some((packets, place)) => (
            Some(packets.changes),
            packets.fields,
            lines::pack(in_order().map(|(n, record)| (record, lines::Values::of(place(n)))))?,
        ),
        None => {
            let mut values = Writer::default();
            let mut places = Vec::with_capacity(records.len());
            for (_, record) in in_order() {
                places.push(lines::write_values(&mut values, record)?);
            }
            let mut next = 0;
            let places = places.into_iter().map(|has_values| {
                if !has_values {
                    return lines::Values::None;
                }
                next += 1;
                lines::Values::At(next - 1)
            });
            let lines = lines::pack(in_order().map(|(_, record)| record).zip(places))?;
            let has_values = next > 0;
            let packet_no = has_values
                .then(|| packet::insert(tx, &values.pack()?))
                .transpose()?;
            (packet_no, None, lines)
        }
    };
    let mut bytes = Vec::with_capacity(lines.len() + 1);
    bytes.push(LINES);
    bytes.extend_from_slice(&lines);
    execute(
        tx,
        "leave records for the history",
        "INSERT INTO outbox (records, packet_no, fields_no) VALUES (?1, ?2, ?3)",
        params![bytes, packet_no, fields_no],
    )?;
    Ok(())
}

/// The oldest packets.
pub fn take(conn: &Connection, limit: u32) -> Result<Vec<Packet>> {
    all(
        conn,
        "packet for the history",
        r"SELECT outbox.outbox_no, outbox.records, packets.changes, sent.changes AS fields
          FROM outbox
          LEFT JOIN packets ON packets.packet_no = outbox.packet_no
          LEFT JOIN packets AS sent ON sent.packet_no = outbox.fields_no
          ORDER BY outbox.outbox_no
          LIMIT ?1",
        [limit],
        |row| {
            Ok(Packet {
                no: row.get("outbox_no")?,
                bytes: row.get("records")?,
                changes: row.get("changes")?,
                fields: row.get("fields")?,
            })
        },
    )
}

/// Removes packets up to and including this number: they are in history.db, on the disk.
pub fn remove(tx: &Transaction<'_>, up_to: i64) -> Result<()> {
    execute(
        tx,
        "remove changes that were copied",
        r"DELETE FROM packets
          WHERE packet_no IN (SELECT packet_no FROM outbox WHERE outbox_no <= ?1)",
        [up_to],
    )?;
    execute(
        tx,
        "remove fields that were copied",
        r"DELETE FROM packets
          WHERE packet_no IN (SELECT fields_no FROM outbox WHERE outbox_no <= ?1)
            AND packet_no NOT IN (SELECT packet_no FROM shadow_packets)",
        [up_to],
    )?;
    execute(
        tx,
        "remove records that were copied",
        "DELETE FROM outbox WHERE outbox_no <= ?1",
        [up_to],
    )?;
    Ok(())
}

/// How many packets wait.
pub fn count(conn: &Connection) -> Result<u64> {
    first(
        conn,
        "packet for the history",
        "SELECT count(*) AS n FROM outbox",
        [],
        |row| row.unsigned("n"),
    )?
    .ok_or_else(|| Error::corrupt("count of packets"))
}

impl Packet {
    /// Its parts, where it is made of them.
    pub(crate) fn parts(&self) -> Option<Parts<'_>> {
        match self.bytes.split_first() {
            Some((&LINES, lines)) => Some(Parts {
                lines,
                changes: self.changes.as_deref(),
                fields: self.fields.as_deref(),
            }),
            _ => None,
        }
    }

    /// The records, read one by one, of a packet of an older version.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Result<Row<'_>>> {
        let mut reader = match self.bytes.split_first() {
            Some((&version @ 1..=ROWS, rest)) => Ok(Reader(rest, version)),
            _ => Err(()),
        };
        std::iter::from_fn(move || {
            let row = match &mut reader {
                Ok(Reader([], _)) => return None,
                Ok(rest) => rest.row(),
                Err(()) => None,
            };
            if row.is_none() {
                // Nothing after the broken place can be made sense of.
                reader = Ok(Reader(&[], ROWS));
            }
            Some(row.ok_or_else(|| Error::corrupt("packet for the history")))
        })
    }
}

/// What is left of a packet, and its version.
struct Reader<'a>(&'a [u8], u8);

impl<'a> Reader<'a> {
    fn row(&mut self) -> Option<Row<'a>> {
        Some(Row {
            run: self.fixed()?,
            seq: u64::from_le_bytes(self.fixed()?),
            sync: self.fixed()?,
            at: i64::from_le_bytes(self.fixed()?),
            side: match self.1 {
                1 => Side::Target.as_str().into(),
                _ => self.text()??,
            },
            outcome: self.text()??,
            source_key: self.text()?,
            target_key: self.text()?,
            message: self.text()?,
            field: self.text()?,
            before: self.text()?,
            after: self.text()?,
            source: self.text()?,
            exchange: match self.bytes()? {
                None => None,
                Some(bytes) => Some(bytes.try_into().ok()?),
            },
        })
    }

    fn fixed<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    /// The outer option is "readable", the inner one "there".
    fn bytes(&mut self) -> Option<Option<&'a [u8]>> {
        let length = u32::from_le_bytes(self.fixed()?);
        let Some(length) = length.checked_sub(1) else {
            return Some(None);
        };
        let (head, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(Some(head))
    }

    fn text(&mut self) -> Option<Option<Cow<'a, str>>> {
        match self.bytes()? {
            None => Some(None),
            Some(bytes) => str::from_utf8(bytes).ok().map(|text| Some(text.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count_readable(bytes: &[u8]) -> (usize, usize) {
        let packet = Packet {
            no: 1,
            bytes: bytes.to_vec(),
            changes: None,
            fields: None,
        };
        let rows: Vec<_> = packet.rows().collect();
        let good = rows.iter().filter(|row| row.is_ok()).count();
        (good, rows.len() - good)
    }

    /// A record as version 1 left it: it has no side.
    fn of_version_1() -> Vec<u8> {
        let mut bytes = vec![1];
        bytes.extend_from_slice(&[1; 16]);
        bytes.extend_from_slice(&7_u64.to_le_bytes());
        bytes.extend_from_slice(&[2; 16]);
        bytes.extend_from_slice(&(-5_i64).to_le_bytes());
        let texts = [
            Some("created"),
            Some("42"),
            None,
            Some(""),
            None,
            None,
            Some("{}"),
            None,
        ];
        for text in texts {
            let length = text.map_or(0, |text: &str| text.len() + 1);
            bytes.extend_from_slice(&(length as u32).to_le_bytes());
            bytes.extend_from_slice(text.unwrap_or_default().as_bytes());
        }
        bytes.extend_from_slice(&17_u32.to_le_bytes());
        bytes.extend_from_slice(&[3; 16]);
        bytes
    }

    #[test]
    fn a_packet_of_an_older_version_that_is_cut_anywhere_is_refused_without_panic() {
        let bytes = of_version_1();
        assert_eq!(count_readable(&bytes), (1, 0));
        assert_eq!(count_readable(&bytes[..1]), (0, 0));
        for cut in 2..bytes.len() {
            assert_eq!(count_readable(&bytes[..cut]), (0, 1), "cut at {cut}");
        }
        assert_eq!(count_readable(&[]), (0, 1));
        assert_eq!(count_readable(&[LINES + 1, 0, 0]), (0, 1));
    }
}
