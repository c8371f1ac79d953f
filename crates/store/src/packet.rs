//! Many records in one blob: a row for each of them would cost more than all the rest of a sync.
//!
//! A packet is a version byte, then its content compressed by zstd. Numbers are little-endian; a text is its length
//! plus one in 32 bits, then its bytes; zero is "none". A packet of *changes* has what the journal needs to settle
//! changes and what the history shows of them; it is written once and goes from the one to the other as it is. A
//! packet of *lines* has what became of records, and says in which place of which changes their values are.

use std::borrow::Cow;
use std::cell::RefCell;

use rusqlite::{Connection, Transaction, params};

use crate::column::{execute, first};
use crate::error::{Error, Result};

/// Where a text ends is kept in 32 bits.
const LONGEST: usize = u32::MAX as usize - 1;

/// What a packet may hold when it is unpacked: batches are a fraction of it.
const LARGEST: usize = 1 << 30;

/// Fast: what is saved beyond that is less than what it costs.
const LEVEL: i32 = 1;

const VERSION: u8 = 1;

/// Writes the content of a packet.
pub(crate) struct Writer(Vec<u8>);

/// Buffers that are kept for the next packet, each up to this size.
const SPARE: usize = 4;
const LARGEST_SPARE: usize = 4 << 20;

thread_local! {
    /// Batch after batch needs buffers of the same size: to give them back each time costs more memory, and time.
    static SPARES: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

fn buffer() -> Vec<u8> {
    SPARES.with_borrow_mut(Vec::pop).unwrap_or_default()
}

fn give_back(mut buffer: Vec<u8>) {
    if buffer.capacity() <= LARGEST_SPARE {
        buffer.clear();
        SPARES.with_borrow_mut(|spares| {
            if spares.len() < SPARE {
                spares.push(buffer);
            }
        });
    }
}

impl Default for Writer {
    fn default() -> Self {
        Self(buffer())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        give_back(std::mem::take(&mut self.0));
    }
}

impl Writer {
    pub(crate) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(crate) fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn small(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn fixed(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn bytes(&mut self, bytes: Option<&[u8]>) -> Result<()> {
        let Some(bytes) = bytes else {
            self.small(0);
            return Ok(());
        };
        self.small(length(bytes.len())?);
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn text(&mut self, text: Option<&str>) -> Result<()> {
        self.bytes(text.map(str::as_bytes))
    }

    /// A text that is written straight into the packet.
    pub(crate) fn text_by(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        let at = self.0.len();
        self.small(0);
        let start = self.0.len();
        write(&mut self.0);
        let length = length(self.0.len() - start)?;
        if let Some(slot) = self.0.get_mut(at..start) {
            slot.copy_from_slice(&length.to_le_bytes());
        }
        Ok(())
    }

    /// The packet.
    pub(crate) fn pack(&self) -> Result<Vec<u8>> {
        compress_after(&[VERSION], &self.0).ok_or(Error::Unstorable {
            what: "packet of records",
            expected: "records that can be compressed",
        })
    }
}

fn length(bytes: usize) -> Result<u32> {
    if bytes > LONGEST {
        return Err(Error::Unstorable {
            what: "packet of records",
            expected: "texts of less than 4 GB",
        });
    }
    u32::try_from(bytes + 1).map_err(|_| Error::Unstorable {
        what: "packet of records",
        expected: "texts of less than 4 GB",
    })
}

/// What a packet holds.
pub(crate) fn unpack(packet: &[u8]) -> Option<Vec<u8>> {
    let (&VERSION, frame) = packet.split_first()? else {
        return None;
    };
    decompress(frame)
}

thread_local! {
    /// Making one costs more than what a small batch saves by it.
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
}

/// A frame of zstd after a few other bytes.
pub(crate) fn compress_after(head: &[u8], content: &[u8]) -> Option<Vec<u8>> {
    // It is made where there is room for the worst case, and then no larger than it is.
    let mut frame = buffer();
    frame.reserve(zstd::zstd_safe::compress_bound(content.len()));
    let out = COMPRESSOR.with_borrow_mut(|compressor| {
        if compressor.is_none() {
            *compressor = zstd::bulk::Compressor::new(LEVEL).ok();
        }
        let compressor = compressor.as_mut()?;
        compressor.compress_to_buffer(content, &mut frame).ok()?;
        Some([head, frame.as_slice()].concat())
    });
    give_back(frame);
    out
}

/// What a frame of zstd holds.
pub(crate) fn decompress(frame: &[u8]) -> Option<Vec<u8>> {
    let size = zstd::zstd_safe::get_frame_content_size(frame).ok()??;
    let size = usize::try_from(size).ok().filter(|size| *size <= LARGEST)?;
    let content = zstd::bulk::decompress(frame, size).ok()?;
    (content.len() == size).then_some(content)
}

/// Reads the content of a packet; none where it does not make sense.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.fixed::<1>().map(|[byte]| byte)
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        self.fixed().map(u64::from_le_bytes)
    }

    pub(crate) fn small(&mut self) -> Option<u32> {
        self.fixed().map(u32::from_le_bytes)
    }

    pub(crate) fn fixed<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    /// The outer option is "readable", the inner one "there".
    pub(crate) fn bytes(&mut self) -> Option<Option<&'a [u8]>> {
        let Some(length) = self.small()?.checked_sub(1) else {
            return Some(None);
        };
        let (head, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(Some(head))
    }

    pub(crate) fn text(&mut self) -> Option<Option<Cow<'a, str>>> {
        match self.bytes()? {
            None => Some(None),
            Some(bytes) => str::from_utf8(bytes).ok().map(|text| Some(text.into())),
        }
    }
}

/// Keeps a packet of changes; says under which number.
pub(crate) fn insert(tx: &Transaction<'_>, changes: &[u8]) -> Result<i64> {
    execute(
        tx,
        "keep a packet",
        "INSERT INTO packets (changes) VALUES (?1)",
        [changes],
    )?;
    Ok(tx.last_insert_rowid())
}

/// What was kept under a number.
pub(crate) fn get(conn: &Connection, packet_no: i64) -> Result<Option<Vec<u8>>> {
    first(
        conn,
        "packet of changes",
        "SELECT changes FROM packets WHERE packet_no = ?1",
        [packet_no],
        |row| row.get("changes"),
    )
}

/// Nothing is left that points at it.
pub(crate) fn remove(tx: &Transaction<'_>, packet_no: i64) -> Result<()> {
    execute(
        tx,
        "remove a packet",
        "DELETE FROM packets WHERE packet_no = ?1",
        params![packet_no],
    )?;
    Ok(())
}

/// Removes packets that nothing points at: those of a sync that was deleted.
pub(crate) fn remove_orphans(tx: &Transaction<'_>) -> Result<()> {
    execute(
        tx,
        "remove packets without an owner",
        r"DELETE FROM packets
          WHERE packet_no NOT IN (SELECT packet_no FROM journal_batches)
            AND packet_no NOT IN (SELECT packet_no FROM outbox WHERE packet_no IS NOT NULL)
            AND packet_no NOT IN (SELECT fields_no FROM journal_batches WHERE fields_no IS NOT NULL)
            AND packet_no NOT IN (SELECT fields_no FROM outbox WHERE fields_no IS NOT NULL)
            AND packet_no NOT IN (SELECT packet_no FROM shadow_packets)",
        [],
    )?;
    Ok(())
}

/// Removes a packet of fields unless it is waited for, or has shadows.
pub(crate) fn remove_unused(tx: &Transaction<'_>, packet_no: i64) -> Result<()> {
    execute(
        tx,
        "remove a packet",
        r"DELETE FROM packets
          WHERE packet_no = ?1
            AND NOT EXISTS (SELECT 1 FROM shadow_packets WHERE packet_no = ?1)
            AND NOT EXISTS (SELECT 1 FROM journal_batches WHERE fields_no = ?1)
            AND NOT EXISTS (SELECT 1 FROM outbox WHERE fields_no = ?1)",
        [packet_no],
    )?;
    Ok(())
}

/// A Bloom filter of keys: four bits of twelve for each of them.
pub(crate) struct Keys(Vec<u8>);

const BITS_PER_KEY: usize = 12;
const PROBES: u64 = 4;

impl Keys {
    /// Of these keys.
    pub(crate) fn of<'a>(keys: impl ExactSizeIterator<Item = &'a str>) -> Self {
        let bytes = (keys.len() * BITS_PER_KEY / 8).max(8);
        let mut filter = Self(vec![0; bytes]);
        for key in keys {
            for (byte, bit) in probes(key, bytes) {
                if let Some(byte) = filter.0.get_mut(byte) {
                    *byte |= bit;
                }
            }
        }
        filter
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Whether a key may be among those of a filter.
pub(crate) fn may_have(filter: &[u8], key: &str) -> bool {
    probes(key, filter.len())
        .all(|(byte, bit)| filter.get(byte).is_some_and(|byte| byte & bit != 0))
}

fn probes(key: &str, bytes: usize) -> impl Iterator<Item = (usize, u8)> {
    let hash = xxhash_rust::xxh3::xxh3_64(key.as_bytes());
    let (start, step) = (hash & 0xffff_ffff, hash >> 32 | 1);
    let bits = (bytes as u64).saturating_mul(8).max(1);
    (0..PROBES).map(move |n| {
        let bit = start.wrapping_add(step.wrapping_mul(n)) % bits;
        (usize::try_from(bit / 8).unwrap_or_default(), 1 << (bit % 8))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back_and_what_is_broken_does_not() {
        let mut writer = Writer::default();
        writer.number(7);
        writer.text(Some("Ada")).unwrap();
        writer.text(None).unwrap();
        writer
            .text_by(|out| out.extend_from_slice(b"{\"a\":1}"))
            .unwrap();
        let packet = writer.pack().unwrap();
        let content = unpack(&packet).unwrap();
        let mut reader = Reader(&content);
        assert_eq!(reader.number(), Some(7));
        assert_eq!(reader.text(), Some(Some("Ada".into())));
        assert_eq!(reader.text(), Some(None));
        assert_eq!(reader.bytes(), Some(Some(&b"{\"a\":1}"[..])));
        assert!(reader.is_at_end());
        for cut in 0..packet.len() {
            assert_eq!(unpack(&packet[..cut]), None, "cut at {cut}");
        }
        for cut in 0..content.len() {
            let mut reader = Reader(&content[..cut]);
            let all = || {
                reader.number()?;
                reader.text()?;
                reader.text()?;
                reader.bytes()
            };
            assert_eq!({ all }(), None, "cut at {cut}");
        }
    }

    #[test]
    fn a_filter_knows_its_keys_and_few_others() {
        let keys: Vec<String> = (0..500).map(|n| format!("contact-{n}")).collect();
        let filter = Keys::of(keys.iter().map(String::as_str));
        assert!(keys.iter().all(|key| may_have(filter.as_bytes(), key)));
        let wrong = (0..10_000)
            .filter(|n| may_have(filter.as_bytes(), &format!("other-{n}")))
            .count();
        assert!(wrong < 300, "{wrong} of 10000");
        assert!(!may_have(&[], "a"));
    }
}
