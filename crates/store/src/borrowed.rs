//! Values that somebody else has, on their way to the disk.

use model::row::Row;
use model::value::{Object, Value};

use crate::column::{write_object, write_value};
use crate::error::Result;

/// What is written as one JSON text.
#[derive(Clone, Copy, Debug)]
pub enum Json<'a> {
    /// Any value.
    Value(&'a Value),
    /// An object.
    Object(&'a Object),
    /// A record as it came: its text is copied rather than written anew.
    Row(&'a Row),
}

impl Json<'_> {
    /// Appends the text.
    pub(crate) fn write(self, out: &mut Vec<u8>, what: &'static str) -> Result<()> {
        match self {
            Self::Value(value) => write_value(out, what, value),
            Self::Object(object) => write_object(out, what, object),
            // What was changed since may be deeper than what can be read again. And texts are searched for as we write
            // them, without needless escapes.
            Self::Row(row) if row.text().is_none_or(|text| text.contains(&b'\\')) => {
                write_value(out, what, &row.to_value())
            }
            Self::Row(row) => {
                row.write(out, true);
                Ok(())
            }
        }
    }

    /// The value.
    pub(crate) fn to_value(self) -> Value {
        match self {
            Self::Value(value) => value.clone(),
            Self::Object(object) => Value::Object(object.clone()),
            Self::Row(row) => row.to_value(),
        }
    }
}
