//! Archives: each file in one is read by another decoder.
//!
//! A small reader of our own: files as they are or deflated, with the extension for large ones. Encrypted files and
//! other compressions are refused by name. The archive is held whole, since its directory stands at its end.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use flate2::{Crc, Decompress, FlushDecompress, Status};
use model::row::Row;

use super::gzip::Growth;
use super::json::Keep;
use super::{BodyDecoder, DecodeError, Decoder, Ending};
use crate::declarative::extract::Extraction;

/// Largest archive that is read, in bytes.
const LARGEST_ARCHIVE: usize = 256 * 1024 * 1024;
/// Files that an archive may have.
const MOST_FILES: usize = 10_000;
/// So much is unpacked at a time.
const PIECE: usize = 64 * 1024;

/// Reads an archive.
#[derive(Debug)]
pub(super) struct ZipBody {
    decoder: Arc<Decoder>,
    extraction: Arc<Extraction>,
    keep: Keep,
    bytes: BytesMut,
}

impl ZipBody {
    /// The files are read by `decoder`.
    pub(super) fn new(decoder: &Arc<Decoder>, extraction: &Arc<Extraction>, keep: Keep) -> Self {
        Self {
            decoder: Arc::clone(decoder),
            extraction: Arc::clone(extraction),
            keep,
            bytes: BytesMut::new(),
        }
    }
}

impl BodyDecoder for ZipBody {
    fn push(&mut self, chunk: Bytes, _: &mut Vec<Row>) -> Result<(), DecodeError> {
        self.bytes.extend_from_slice(&chunk);
        if self.bytes.len() > LARGEST_ARCHIVE {
            return Err(DecodeError::TooLarge {
                what: "the archive",
                limit: LARGEST_ARCHIVE,
            });
        }
        Ok(())
    }

    fn finish(&mut self, rows: &mut Vec<Row>) -> Result<Ending, DecodeError> {
        let bytes = std::mem::take(&mut self.bytes).freeze();
        let mut ending = Ending::default();
        if bytes.is_empty() {
            return Ok(ending);
        }
        let mut growth = Growth::new("ZIP");
        growth.packed(bytes.len());
        let mut has_response = false;
        for file in files(&bytes)? {
            if file.size == 0 {
                continue;
            }
            let mut inner = self.decoder.start(&self.extraction, self.keep, None);
            file.unpack(&bytes, &mut growth, &mut |piece| inner.push(piece, rows))?;
            let end = inner.finish(rows)?;
            if !std::mem::replace(&mut has_response, true) {
                ending.response = end.response;
            }
            ending.warnings.extend(
                end.warnings
                    .into_iter()
                    .map(|warning| format!("{}: {warning}", file.name)),
            );
            ending.left_out += end.left_out;
            ending.cut_short.extend(end.cut_short);
        }
        Ok(ending)
    }
}

/// A file as the directory describes it.
#[derive(Debug)]
struct File {
    name: String,
    encrypted: bool,
    method: u16,
    crc: u32,
    packed: u64,
    size: u64,
    /// Where its own header stands.
    at: u64,
}

fn broken(problem: impl Into<String>) -> DecodeError {
    DecodeError::Malformed {
        format: "a ZIP archive",
        problem: problem.into(),
    }
}

/// Numbers of the archive, smallest byte first.
#[derive(Clone, Copy)]
struct Numbers<'a>(&'a [u8]);

impl<'a> Numbers<'a> {
    fn from(bytes: &'a [u8], at: u64) -> Option<Self> {
        Some(Self(bytes.get(usize::try_from(at).ok()?..)?))
    }

    fn short(self, at: usize) -> Option<u16> {
        let bytes = self.0.get(at..at + 2)?;
        Some(u16::from_le_bytes(bytes.try_into().ok()?))
    }

    fn long(self, at: usize) -> Option<u32> {
        let bytes = self.0.get(at..at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    fn longest(self, at: usize) -> Option<u64> {
        let bytes = self.0.get(at..at + 8)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }

    fn is_marked(self, mark: [u8; 2]) -> bool {
        self.0.starts_with(&[b'P', b'K', mark[0], mark[1]])
    }
}

/// The directory of an archive.
fn files(bytes: &[u8]) -> Result<Vec<File>, DecodeError> {
    let end = end_record(bytes).ok_or_else(|| broken("it has no directory at its end"))?;
    let (count, start, shift) =
        directory(bytes, end).ok_or_else(|| broken("its last record is damaged"))?;
    if count > MOST_FILES as u64 {
        return Err(broken(format!(
            "it has {count} files, more than {MOST_FILES}"
        )));
    }
    let mut at = start;
    let mut files = Vec::new();
    for _ in 0..count {
        let (mut file, length) = Numbers::from(bytes, at)
            .and_then(entry)
            .ok_or_else(|| broken("its directory is damaged"))?;
        file.at = file.at.saturating_add(shift);
        files.push(file);
        at = at.saturating_add(length);
    }
    Ok(files)
}

/// Where the record stands that says where the directory is: at the end, but for a comment.
fn end_record(bytes: &[u8]) -> Option<usize> {
    const LENGTH: usize = 22;
    let last = bytes.len().checked_sub(LENGTH)?;
    (last.saturating_sub(usize::from(u16::MAX))..=last)
        .rev()
        .find(|at| {
            bytes
                .get(*at..)
                .is_some_and(|rest| rest.starts_with(b"PK\x05\x06"))
        })
}

/// How many files the directory has, where it begins, and how many bytes stand before the archive.
fn directory(bytes: &[u8], end: usize) -> Option<(u64, u64, u64)> {
    let record = Numbers::from(bytes, end as u64)?;
    let (count, size, start) = (record.short(10)?, record.long(12)?, record.long(16)?);
    if let Some(locator) = end.checked_sub(20)
        && (count == u16::MAX || size == u32::MAX || start == u32::MAX)
        && let Some(locator) = Numbers::from(bytes, locator as u64)
        && locator.is_marked([6, 7])
    {
        let large = Numbers::from(bytes, locator.longest(8)?)?;
        if !large.is_marked([6, 6]) {
            return None;
        }
        return Some((large.longest(32)?, large.longest(48)?, 0));
    }
    let begins = (end as u64).checked_sub(u64::from(size))?;
    let shift = begins.checked_sub(u64::from(start))?;
    Some((u64::from(count), begins, shift))
}

/// An entry of the directory and its length.
fn entry(record: Numbers<'_>) -> Option<(File, u64)> {
    const LENGTH: usize = 46;
    if !record.is_marked([1, 2]) {
        return None;
    }
    let name_length = usize::from(record.short(28)?);
    let extra_length = usize::from(record.short(30)?);
    let comment_length = usize::from(record.short(32)?);
    let name = record.0.get(LENGTH..LENGTH + name_length)?;
    let extra_at = LENGTH + name_length;
    let mut file = File {
        name: String::from_utf8_lossy(name).into_owned(),
        encrypted: record.short(8)? & 1 == 1,
        method: record.short(10)?,
        crc: record.long(16)?,
        packed: record.long(20)?.into(),
        size: record.long(24)?.into(),
        at: record.long(42)?.into(),
    };
    let mut extra = record.0.get(extra_at..extra_at + extra_length)?;
    while let Some(length) = Numbers(extra).short(2) {
        let content = extra.get(4..4 + usize::from(length))?;
        if Numbers(extra).short(0) == Some(1) {
            // The numbers that did not fit, in this order.
            let mut at = 0;
            for number in [&mut file.size, &mut file.packed, &mut file.at] {
                if *number == u64::from(u32::MAX) {
                    *number = Numbers(content).longest(at)?;
                    at += 8;
                }
            }
        }
        extra = extra.get(4 + usize::from(length)..)?;
    }
    Some((file, (extra_at + extra_length + comment_length) as u64))
}

impl File {
    fn fail(&self, problem: &str) -> DecodeError {
        broken(format!("the file {} in it {problem}", self.name))
    }

    fn unpack(
        &self,
        archive: &Bytes,
        growth: &mut Growth,
        each: &mut dyn FnMut(Bytes) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        if self.encrypted {
            return Err(self.fail("is encrypted"));
        }
        let damaged = || self.fail("is damaged");
        let header = Numbers::from(archive, self.at)
            .filter(|header| header.is_marked([3, 4]))
            .ok_or_else(damaged)?;
        let lengths = header.short(26).zip(header.short(28));
        let (name, extra) = lengths.ok_or_else(damaged)?;
        let start = self.at + 30 + u64::from(name) + u64::from(extra);
        let range = usize::try_from(start)
            .ok()
            .zip(usize::try_from(start.saturating_add(self.packed)).ok())
            .filter(|(_, end)| *end <= archive.len())
            .ok_or_else(damaged)?;
        let packed = archive.slice(range.0..range.1);
        let mut crc = Crc::new();
        match self.method {
            0 => {
                crc.update(&packed);
                growth.unpacked(packed.len())?;
                each(packed)?;
            }
            8 => inflate(&packed, &mut |piece| {
                crc.update(piece);
                growth.unpacked(piece.len())?;
                each(Bytes::copy_from_slice(piece))
            })?
            .then_some(())
            .ok_or_else(damaged)?,
            other => {
                return Err(self.fail(&format!("is packed in a way of its own (method {other})")));
            }
        }
        if crc.sum() != self.crc {
            return Err(self.fail("does not match its checksum"));
        }
        Ok(())
    }
}

/// Unpacks; false if that does not work.
fn inflate(
    packed: &[u8],
    each: &mut dyn FnMut(&[u8]) -> Result<(), DecodeError>,
) -> Result<bool, DecodeError> {
    let mut state = Decompress::new(false);
    let mut buffer = vec![0; PIECE];
    let (mut read, mut written) = (0, 0);
    loop {
        let rest = packed.get(read..).unwrap_or_default();
        let Ok(status) = state.decompress(rest, &mut buffer, FlushDecompress::None) else {
            return Ok(false);
        };
        let now = |total: u64| usize::try_from(total).unwrap_or(usize::MAX);
        let (read_now, written_now) = (now(state.total_in()), now(state.total_out()));
        each(buffer.get(..written_now - written).unwrap_or_default())?;
        if status == Status::StreamEnd {
            return Ok(true);
        }
        if (read_now, written_now) == (read, written) {
            return Ok(false);
        }
        (read, written) = (read_now, written_now);
    }
}
