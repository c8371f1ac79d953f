//! Answers that have one body in each line: JSON, or a plain text.

use bytes::{Bytes, BytesMut};
use model::row::Row;
use model::value::{Object, Value};

use super::charset::after_mark;
use super::json::LARGEST_VALUE;
use super::{BodyDecoder, DecodeError, Ending};

/// Cuts bytes into lines. A line that lies in one piece of the answer is not copied.
#[derive(Debug, Default)]
struct Lines {
    begun: BytesMut,
    /// A carriage return ends a line too, alone or before a line feed.
    with_returns: bool,
    after_return: bool,
}

impl Lines {
    fn push(
        &mut self,
        mut chunk: Bytes,
        each: &mut dyn FnMut(Bytes) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        if std::mem::take(&mut self.after_return) && chunk.first() == Some(&b'\n') {
            chunk = chunk.slice(1..);
        }
        loop {
            let found = if self.with_returns {
                memchr::memchr2(b'\n', b'\r', &chunk)
            } else {
                memchr::memchr(b'\n', &chunk)
            };
            let Some(end) = found else { break };
            let mut line = chunk.split_to(end + 1);
            if line.last() == Some(&b'\r') {
                match chunk.first() {
                    Some(b'\n') => chunk = chunk.slice(1..),
                    Some(_) => {}
                    None => self.after_return = true,
                }
            }
            line.truncate(end);
            if !self.begun.is_empty() {
                self.begun.extend_from_slice(&line);
                line = std::mem::take(&mut self.begun).freeze();
            }
            each(line)?;
        }
        self.begun.extend_from_slice(&chunk);
        if self.begun.len() > LARGEST_VALUE {
            return Err(DecodeError::TooLarge {
                what: "one line of the answer",
                limit: LARGEST_VALUE,
            });
        }
        Ok(())
    }

    /// What stands after the last line's end, if anything does.
    fn rest(&mut self) -> Option<Bytes> {
        (!self.begun.is_empty()).then(|| std::mem::take(&mut self.begun).freeze())
    }
}

/// A JSON value in each line. Empty lines do not count; lines that are something else are left out and counted, as
/// long as any line is JSON.
#[derive(Debug, Default)]
pub(super) struct JsonlBody {
    lines: Lines,
    tally: Tally,
}

#[derive(Debug, Default)]
struct Tally {
    lines: usize,
    bytes: usize,
    read: usize,
    broken: usize,
    /// The first broken one: its number, where in the answer it breaks, and what should stand there.
    first: Option<(usize, usize, &'static str)>,
}

impl Tally {
    fn read(&mut self, line: &Bytes, rows: &mut Vec<Row>) {
        self.lines += 1;
        let marked = (self.bytes == 0)
            .then(|| after_mark(line, 0))
            .and_then(Result::ok);
        let line = &line.slice(marked.flatten().unwrap_or(0)..);
        if !line.trim_ascii().is_empty() {
            match Row::parse(line) {
                Ok(row) => {
                    self.read += 1;
                    rows.push(row);
                }
                Err(error) => {
                    self.broken += 1;
                    let at = self.bytes + error.at;
                    self.first.get_or_insert((self.lines, at, error.expected));
                }
            }
        }
        self.bytes += line.len() + 1;
    }
}

impl BodyDecoder for JsonlBody {
    fn push(&mut self, chunk: Bytes, rows: &mut Vec<Row>) -> Result<(), DecodeError> {
        let tally = &mut self.tally;
        self.lines.push(chunk, &mut |line| {
            tally.read(&line, rows);
            Ok(())
        })
    }

    fn finish(&mut self, rows: &mut Vec<Row>) -> Result<Ending, DecodeError> {
        if let Some(line) = self.lines.rest() {
            self.tally.read(&line, rows);
        }
        let mut ending = Ending::default();
        if let Some((line, at, expected)) = self.tally.first {
            if self.tally.read == 0 {
                return Err(DecodeError::NotJson { at, expected });
            }
            ending.warnings.push(format!(
                "{} of {} lines are not JSON and were left out, first line {line} (expected {expected})",
                self.tally.broken, self.tally.lines
            ));
        }
        Ok(ending)
    }
}

/// A text in each line, put into `record`.
#[derive(Debug)]
pub(super) struct IterableBody(Lines);

impl Default for IterableBody {
    fn default() -> Self {
        Self(Lines {
            with_returns: true,
            ..Lines::default()
        })
    }
}

fn text_row(line: &[u8]) -> Result<Row, DecodeError> {
    let text = str::from_utf8(line).map_err(|error| DecodeError::Malformed {
        format: "UTF-8",
        problem: format!("byte {} of a line begins no character", error.valid_up_to()),
    })?;
    let mut object = Object::with_capacity(1);
    object.push("record", Value::text(text));
    Ok(Row::from(Value::Object(object)))
}

impl BodyDecoder for IterableBody {
    fn push(&mut self, chunk: Bytes, rows: &mut Vec<Row>) -> Result<(), DecodeError> {
        self.0.push(chunk, &mut |line| {
            rows.push(text_row(&line)?);
            Ok(())
        })
    }

    fn finish(&mut self, rows: &mut Vec<Row>) -> Result<Ending, DecodeError> {
        if let Some(line) = self.0.rest() {
            rows.push(text_row(&line)?);
        }
        Ok(Ending::default())
    }
}
