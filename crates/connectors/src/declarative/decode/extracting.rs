//! From bodies to records.

use std::sync::Arc;

use bytes::Bytes;
use model::row::Row;

use super::{BodyDecoder, DecodeError, Ending};
use crate::declarative::extract::{Extraction, Run};

/// Reads bodies with another decoder and takes the records out of them.
#[derive(Debug)]
pub(super) struct Extracting {
    inner: Box<dyn BodyDecoder>,
    bodies: Vec<Row>,
    run: Run,
}

impl Extracting {
    /// The records that `extraction` finds in the bodies that `inner` reads.
    pub(super) fn new(inner: Box<dyn BodyDecoder>, extraction: &Arc<Extraction>) -> Self {
        Self {
            inner,
            bodies: Vec::new(),
            run: Run::new(extraction),
        }
    }

    fn extract(&mut self, rows: &mut Vec<Row>) -> Result<(), DecodeError> {
        for body in self.bodies.drain(..) {
            self.run.body(body, rows)?;
        }
        Ok(())
    }
}

impl BodyDecoder for Extracting {
    fn push(&mut self, chunk: Bytes, rows: &mut Vec<Row>) -> Result<(), DecodeError> {
        self.inner.push(chunk, &mut self.bodies)?;
        self.extract(rows)
    }

    fn finish(&mut self, rows: &mut Vec<Row>) -> Result<Ending, DecodeError> {
        let mut ending = self.inner.finish(&mut self.bodies)?;
        self.extract(rows)?;
        self.run.finish(rows, &mut ending);
        Ok(ending)
    }
}
