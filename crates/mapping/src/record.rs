//! A record of the source while it is mapped: no more of it is read than the rules ask for.

use std::cell::OnceCell;

use compact_str::CompactString;
use model::row::Row;
use model::value::Value;

/// A record, read as far as somebody has asked.
pub(crate) enum Record<'a> {
    /// All of it is read already.
    Whole(&'a Value),
    /// As it came.
    Row(Reading<'a>),
}

/// A row that is being read.
pub(crate) struct Reading<'a> {
    pub(crate) row: &'a Row,
    /// Members that templates name.
    named: &'a [CompactString],
    part: OnceCell<Value>,
    whole: OnceCell<Value>,
}

impl<'a> Record<'a> {
    /// A row of which templates read the members of these names, if they do not want all of it.
    pub(crate) fn of(row: &'a Row, named: &'a [CompactString]) -> Self {
        Self::Row(Reading {
            row,
            named,
            part: OnceCell::new(),
            whole: OnceCell::new(),
        })
    }

    /// All of it.
    pub(crate) fn whole(&self) -> &Value {
        match self {
            Self::Whole(value) => value,
            Self::Row(reading) => reading.whole.get_or_init(|| reading.row.to_value()),
        }
    }

    /// At least what templates name.
    pub(crate) fn named(&self) -> &Value {
        match self {
            Self::Whole(value) => value,
            Self::Row(reading) => match reading.whole.get() {
                Some(whole) => whole,
                None => reading.part.get_or_init(|| reading.row.part(reading.named)),
            },
        }
    }
}
