//! A JSON answer as its bodies, each whole: for records that do not stand at a plain path.
//!
//! A list at the top is a list of bodies, which come out one by one; anything else is one body.

use bytes::{Bytes, BytesMut};
use model::json::scan::{self, Stop};
use model::row::Row;
use model::value::Value;

use super::charset::after_mark;
use super::json::LARGEST_VALUE;
use super::{BodyDecoder, DecodeError, Ending};

/// Takes one JSON answer apart into bodies.
#[derive(Debug)]
pub(super) struct WholeBody {
    keep_first: bool,
    first: Option<Value>,
    pending: BytesMut,
    /// No use in looking again before there are this many bytes.
    look_again_at: usize,
    passed: usize,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Start,
    FirstItem,
    Item,
    AfterItem,
    End,
}

impl WholeBody {
    /// `keep_first`: somebody will ask for the first body.
    pub(super) fn new(keep_first: bool) -> Self {
        Self {
            keep_first,
            first: None,
            pending: BytesMut::new(),
            look_again_at: 0,
            passed: 0,
            place: Place::Start,
        }
    }

    fn look(&mut self, bytes: &Bytes, last: bool, rows: &mut Vec<Row>) -> Result<(), DecodeError> {
        let mut at = 0;
        loop {
            at = scan::white_space(bytes, at);
            if at >= bytes.len() {
                break;
            }
            match self.step(bytes, at, last, rows) {
                Ok(next) => at = next,
                Err(Stop::More) => break,
                Err(Stop::Bad(error)) => {
                    return Err(DecodeError::NotJson {
                        at: self.passed + error.at,
                        expected: error.expected,
                    });
                }
            }
        }
        let left = bytes.len() - at.min(bytes.len());
        self.passed += bytes.len() - left;
        if left > LARGEST_VALUE {
            return Err(DecodeError::TooLarge {
                what: "one body of the answer",
                limit: LARGEST_VALUE,
            });
        }
        if left > 0 && last {
            return Err(self.cut_off(left));
        }
        self.pending = BytesMut::from(bytes.get(at..).unwrap_or_default());
        self.look_again_at = left * 2;
        Ok(())
    }

    fn cut_off(&self, left: usize) -> DecodeError {
        DecodeError::NotJson {
            at: self.passed + left,
            expected: "the rest of the answer",
        }
    }

    fn step(
        &mut self,
        bytes: &Bytes,
        at: usize,
        last: bool,
        rows: &mut Vec<Row>,
    ) -> Result<usize, Stop> {
        if self.place == Place::Start
            && let Some(after) = after_mark(bytes, at)?
        {
            return Ok(after);
        }
        let bad = |expected| Err(Stop::Bad(model::json::JsonError { at, expected }));
        match (self.place, bytes.get(at)) {
            (Place::Start, Some(b'[')) => self.place = Place::FirstItem,
            (Place::FirstItem | Place::AfterItem, Some(b']')) => self.place = Place::End,
            (Place::AfterItem, Some(b',')) => self.place = Place::Item,
            (Place::AfterItem, _) => return bad(", or ]"),
            (Place::End, _) => return bad("the end of the answer"),
            (Place::Start | Place::FirstItem | Place::Item, _) => {
                let (row, end) = Row::scan(bytes, at, usize::from(self.place != Place::Start))?;
                // A number at the end of what is there may go on.
                let is_closed = matches!(bytes.get(end - 1), Some(b'"' | b'}' | b']'));
                if end == bytes.len() && !last && !is_closed {
                    return Err(Stop::More);
                }
                if self.keep_first && self.first.is_none() {
                    self.first = Some(row.to_value());
                }
                rows.push(row);
                self.place = match self.place {
                    Place::Start => Place::End,
                    _ => Place::AfterItem,
                };
                return Ok(end);
            }
        }
        Ok(at + 1)
    }
}

impl BodyDecoder for WholeBody {
    fn push(&mut self, chunk: Bytes, rows: &mut Vec<Row>) -> Result<(), DecodeError> {
        if self.pending.is_empty() {
            return self.look(&chunk, false, rows);
        }
        self.pending.extend_from_slice(&chunk);
        if self.pending.len() < self.look_again_at {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.pending).freeze();
        self.look(&bytes, false, rows)
    }

    fn finish(&mut self, rows: &mut Vec<Row>) -> Result<Ending, DecodeError> {
        let bytes = std::mem::take(&mut self.pending).freeze();
        self.look(&bytes, true, rows)?;
        match self.place {
            Place::Start | Place::End => {}
            Place::FirstItem | Place::Item | Place::AfterItem => return Err(self.cut_off(0)),
        }
        let mut ending = Ending::default();
        if let Some(first) = self.first.take() {
            ending.response = first;
        }
        Ok(ending)
    }
}
