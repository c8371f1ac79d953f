//! Answers packed with gzip, or not: what does not look packed is passed on as it is.

use std::io::Write as _;

use bytes::{Buf as _, Bytes};
use flate2::write::{GzDecoder, ZlibDecoder};
use model::row::Row;

use super::{BodyDecoder, DecodeError, Ending};

/// As much may come out of a few bytes without suspicion.
const UNSUSPICIOUS: u64 = 64 * 1024 * 1024;
/// How many times larger data may become when it is unpacked; tables of zeros come to about a hundred.
const MOST_TIMES: u64 = 250;
/// So much is unpacked at a time. A byte becomes a thousand at most.
const PIECE: usize = 8 * 1024;

/// Counts what goes in and comes out.
#[derive(Debug)]
pub(super) struct Growth {
    format: &'static str,
    packed: u64,
    unpacked: u64,
}

impl Growth {
    /// Nothing yet.
    pub(super) const fn new(format: &'static str) -> Self {
        Self {
            format,
            packed: 0,
            unpacked: 0,
        }
    }

    /// So many bytes came in.
    pub(super) const fn packed(&mut self, bytes: usize) {
        self.packed += bytes as u64;
    }

    /// So many came out; an error if that is beyond all measure.
    pub(super) const fn unpacked(&mut self, bytes: usize) -> Result<(), DecodeError> {
        self.unpacked += bytes as u64;
        if self.unpacked > UNSUSPICIOUS && self.unpacked / MOST_TIMES > self.packed {
            return Err(DecodeError::Bomb {
                format: self.format,
                packed: self.packed,
                unpacked: self.unpacked,
            });
        }
        Ok(())
    }
}

/// Unpacks an answer and passes it on.
#[derive(Debug)]
pub(super) struct GzipBody {
    inner: Box<dyn BodyDecoder>,
    /// The other format of the same compression counts too.
    or_zlib: bool,
    state: State,
    growth: Growth,
}

#[derive(Debug)]
enum State {
    /// The first byte, if there was one.
    Start(Option<u8>),
    Plain,
    Gzip(Box<GzDecoder<Vec<u8>>>),
    Zlib(Box<ZlibDecoder<Vec<u8>>>),
    /// After a packed file; another one or zeros may follow.
    Between,
}

fn corrupt(problem: &std::io::Error) -> DecodeError {
    DecodeError::Malformed {
        format: "gzip",
        problem: match problem.kind() {
            std::io::ErrorKind::UnexpectedEof => "it is cut off".into(),
            _ => problem.to_string(),
        },
    }
}

impl GzipBody {
    /// What is unpacked is read by `inner`.
    pub(super) fn new(inner: Box<dyn BodyDecoder>, or_zlib: bool) -> Self {
        Self {
            inner,
            or_zlib,
            state: State::Start(None),
            growth: Growth::new("gzip"),
        }
    }

    /// The state after the first two bytes.
    fn state_for(&self, first: u8, second: u8) -> State {
        match (first, second) {
            (0x1f, 0x8b) => State::Gzip(Box::new(GzDecoder::new(Vec::new()))),
            (0x78, _) if self.or_zlib && (0x7800 + u32::from(second)).is_multiple_of(31) => {
                State::Zlib(Box::new(ZlibDecoder::new(Vec::new())))
            }
            _ => State::Plain,
        }
    }

    fn pass_on(&mut self, unpacked: Vec<u8>, rows: &mut Vec<Row>) -> Result<(), DecodeError> {
        if unpacked.is_empty() {
            return Ok(());
        }
        self.growth.unpacked(unpacked.len())?;
        self.inner.push(unpacked.into(), rows)
    }

    /// The packed file is complete: checks it and takes the last bytes out.
    fn end_file(&mut self, rows: &mut Vec<Row>) -> Result<(), DecodeError> {
        let rest = match std::mem::replace(&mut self.state, State::Between) {
            State::Gzip(file) => file.finish(),
            State::Zlib(file) => file.finish(),
            State::Start(_) | State::Plain | State::Between => Ok(Vec::new()),
        };
        self.pass_on(rest.map_err(|error| corrupt(&error))?, rows)
    }

    fn unpack(&mut self, mut bytes: Bytes, rows: &mut Vec<Row>) -> Result<(), DecodeError> {
        while !bytes.is_empty() {
            let piece = bytes.get(..PIECE).unwrap_or(&bytes);
            let taken = match &mut self.state {
                State::Plain => return self.inner.push(bytes, rows),
                State::Start(_) => return Ok(()),
                State::Between => {
                    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
                    bytes.advance(zeros);
                    match bytes.first() {
                        Some(0x1f) => {
                            self.state = State::Gzip(Box::new(GzDecoder::new(Vec::new())));
                        }
                        Some(_) => {
                            return Err(DecodeError::Malformed {
                                format: "gzip",
                                problem: "something else follows the packed data".into(),
                            });
                        }
                        None => {}
                    }
                    continue;
                }
                State::Gzip(file) => file.write(piece),
                State::Zlib(file) => file.write(piece),
            };
            let taken = taken.map_err(|error| corrupt(&error))?;
            if taken == 0 {
                self.end_file(rows)?;
                continue;
            }
            self.growth.packed(taken);
            bytes.advance(taken);
            let unpacked = match &mut self.state {
                State::Gzip(file) => std::mem::take(file.get_mut()),
                State::Zlib(file) => std::mem::take(file.get_mut()),
                State::Start(_) | State::Plain | State::Between => Vec::new(),
            };
            self.pass_on(unpacked, rows)?;
        }
        Ok(())
    }
}

impl BodyDecoder for GzipBody {
    fn push(&mut self, mut chunk: Bytes, rows: &mut Vec<Row>) -> Result<(), DecodeError> {
        if let State::Start(first) = self.state {
            let mut bytes = first.into_iter().chain(chunk.iter().copied());
            match (bytes.next(), bytes.next()) {
                (Some(one), Some(two)) => {
                    self.state = self.state_for(one, two);
                    if first.is_some() {
                        chunk = [&[one], chunk.as_ref()].concat().into();
                    }
                }
                (one, _) => self.state = State::Start(one),
            }
        }
        self.unpack(chunk, rows)
    }

    fn finish(&mut self, rows: &mut Vec<Row>) -> Result<Ending, DecodeError> {
        if let State::Start(Some(byte)) = self.state {
            self.inner.push(Bytes::copy_from_slice(&[byte]), rows)?;
        }
        self.end_file(rows)?;
        self.inner.finish(rows)
    }
}
