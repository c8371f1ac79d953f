//! Run records that are committed, on their way to history.db.
//!
//! Two files cannot be committed together. So the transaction that settles a batch leaves its run
//! records here, packed into few rows (a blob costs a fraction of a row per record); then
//! [`Store::copy_history`](crate::Store::copy_history) copies them, makes sure that they are on the
//! disk over there, and only then removes them here. Cut off anywhere, the copy is made again, and
//! history.db takes each record once.
//!
//! A packet is a version byte, then the records one after another: run, seq, sync, time, then ten
//! texts (nine in version 1, which did not tell the side that was written). Numbers are little-endian; a text is its length plus one in 32 bits, then its bytes; zero
//! is "none".

use std::borrow::Cow;

use model::sync::Side;
use rusqlite::{Connection, Transaction, params};

use crate::column::{all, execute, first};
use crate::error::{Error, Result};
use crate::run_records::{Row, RunRecord};

const VERSION: u8 = 2;

/// Records in one packet at most.
const PACKET_RECORDS: usize = 256;

/// Some run records on their way.
#[derive(Debug)]
pub struct Packet {
    /// Its number; later packets have higher ones.
    pub no: i64,
    bytes: Vec<u8>,
}

/// Leaves records for history.db. Belongs into the transaction that settles what they tell.
///
/// # Errors
/// [`Error::Unstorable`] when a value could not be read again.
pub fn put_many(tx: &Transaction<'_>, records: &[RunRecord]) -> Result<()> {
    for chunk in records.chunks(PACKET_RECORDS) {
        let mut bytes = Vec::with_capacity(512 * chunk.len());
        bytes.push(VERSION);
        for record in chunk {
            write_row(&mut bytes, &Row::of(record)?)?;
        }
        execute(
            tx,
            "leave records for the history",
            "INSERT INTO outbox (records) VALUES (?1)",
            params![bytes],
        )?;
    }
    Ok(())
}

/// The oldest packets.
pub fn take(conn: &Connection, limit: u32) -> Result<Vec<Packet>> {
    all(
        conn,
        "packet for the history",
        "SELECT outbox_no, records FROM outbox ORDER BY outbox_no LIMIT ?1",
        [limit],
        |row| {
            Ok(Packet {
                no: row.get("outbox_no")?,
                bytes: row.get("records")?,
            })
        },
    )
}

/// Removes packets up to and including this number: they are in history.db, on the disk.
pub fn remove(tx: &Transaction<'_>, up_to: i64) -> Result<()> {
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
    /// The records, read one by one.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Result<Row<'_>>> {
        let mut reader = match self.bytes.split_first() {
            Some((&version @ 1..=VERSION, rest)) => Ok(Reader(rest, version)),
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
                reader = Ok(Reader(&[], VERSION));
            }
            Some(row.ok_or_else(|| Error::corrupt("packet for the history")))
        })
    }
}

fn write_row(out: &mut Vec<u8>, row: &Row<'_>) -> Result<()> {
    out.extend_from_slice(&row.run);
    out.extend_from_slice(&row.seq.to_le_bytes());
    out.extend_from_slice(&row.sync);
    out.extend_from_slice(&row.at.to_le_bytes());
    let texts = [
        Some(&row.side),
        Some(&row.outcome),
        row.source_key.as_ref(),
        row.target_key.as_ref(),
        row.message.as_ref(),
        row.field.as_ref(),
        row.before.as_ref(),
        row.after.as_ref(),
        row.source.as_ref(),
    ];
    for text in texts {
        write_bytes(out, text.map(|text| text.as_bytes()))?;
    }
    write_bytes(out, row.exchange.as_ref().map(<[u8; 16]>::as_slice))
}

fn write_bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>) -> Result<()> {
    let length = match bytes {
        None => 0,
        Some(bytes) => u32::try_from(bytes.len() + 1).map_err(|_| Error::Unstorable {
            what: "run record",
            expected: "less than 4 GB",
        })?,
    };
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(bytes.unwrap_or_default());
    Ok(())
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
        };
        let rows: Vec<_> = packet.rows().collect();
        let good = rows.iter().filter(|row| row.is_ok()).count();
        (good, rows.len() - good)
    }

    #[test]
    fn a_packet_that_is_cut_anywhere_is_refused_without_panic() {
        let row = Row {
            run: [1; 16],
            seq: 7,
            sync: [2; 16],
            side: "target".into(),
            outcome: "created".into(),
            source_key: Some("42".into()),
            target_key: None,
            message: Some("".into()),
            field: None,
            before: None,
            after: Some("{}".into()),
            source: None,
            exchange: Some([3; 16]),
            at: -5,
        };
        let mut bytes = vec![VERSION];
        write_row(&mut bytes, &row).unwrap();
        assert_eq!(count_readable(&bytes), (1, 0));
        assert_eq!(count_readable(&bytes[..1]), (0, 0));
        for cut in 2..bytes.len() {
            assert_eq!(count_readable(&bytes[..cut]), (0, 1), "cut at {cut}");
        }
        assert_eq!(count_readable(&[]), (0, 1));
        assert_eq!(count_readable(&[VERSION + 1, 0, 0]), (0, 1));
    }
}
