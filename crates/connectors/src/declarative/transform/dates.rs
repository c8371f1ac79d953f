//! `FormatDates`: dates and times in one format, whatever formats they come in.

use compact_str::CompactString;
use jiff::Timestamp;
use model::row::Row;
use model::value::Value;

use crate::Result;
use crate::declarative::datetime;
use crate::declarative::glob_path::{GlobPath, put_in_row, row_at};
use crate::declarative::node::View;

/// Which fields, how they may come, and how they go.
#[derive(Clone, Debug)]
pub struct FormatDates {
    fields: Vec<GlobPath>,
    from: Vec<From>,
    to: String,
}

/// A way to write a point in time.
#[derive(Clone, Debug, PartialEq)]
enum From {
    Iso,
    /// As in e-mails and feeds.
    Rfc2822,
    Seconds,
    Milliseconds,
    Format(String),
}

impl FormatDates {
    /// From the file.
    pub(super) fn compile(view: &View<'_>) -> Result<Self> {
        let list = view.require("date_fields", "a list of paths")?;
        let mut fields = Vec::new();
        for path in list.items()? {
            fields.push(
                GlobPath::new(path.texts()?)
                    .filter(|path| !path.is_empty())
                    .ok_or_else(|| {
                        path.fail("this is no path", "a list of names, `**` at most once")
                    })?,
            );
        }
        let from = match view.get("from_formats") {
            Some(formats) => formats
                .texts()?
                .iter()
                .map(|format| From::of(format))
                .collect(),
            None => vec![From::Iso],
        };
        let to = match view.get("to_format") {
            Some(format) => {
                let text = format.text()?;
                datetime::format(Timestamp::UNIX_EPOCH, text).map_err(|problem| {
                    format.fail(problem, "a format such as %Y-%m-%dT%H:%M:%SZ")
                })?;
                text.to_owned()
            }
            None => "%Y-%m-%dT%H:%M:%SZ".to_owned(),
        };
        Ok(Self { fields, from, to })
    }

    /// Rewrites the fields; what fits no format stays.
    pub(super) fn apply(&self, row: &mut Row) {
        for path in &self.fields {
            match path.plain() {
                Some(steps) => self.plain(row, steps),
                None => row.edit(|value| {
                    path.change(value, &mut |value| {
                        if let Some(new) = self.rewritten(value) {
                            *value = new;
                        }
                    });
                }),
            }
        }
    }

    fn plain(&self, row: &mut Row, steps: &[CompactString]) {
        let Some(value) = row_at(row, steps) else {
            return;
        };
        if let Some(new) = self.rewritten(&value) {
            // It leads to a value, so nothing is in the way.
            _ = put_in_row(row, steps, new);
        }
    }

    fn rewritten(&self, value: &Value) -> Option<Value> {
        let moment = self.from.iter().find_map(|from| from.read(value))?;
        datetime::format(moment, &self.to).ok().map(Value::from)
    }
}

impl From {
    fn of(format: &str) -> Self {
        match format {
            "iso8601" => Self::Iso,
            "rfc2822" => Self::Rfc2822,
            "epoch" => Self::Seconds,
            "epoch_ms" => Self::Milliseconds,
            other => Self::Format(other.to_owned()),
        }
    }

    fn read(&self, value: &Value) -> Option<Timestamp> {
        let number = || match value {
            Value::Int(n) => Some(*n as f64),
            Value::Decimal(decimal) => Some(decimal.to_f64()),
            Value::Float(float) => Some(*float),
            Value::Text(text) => text.trim().parse().ok(),
            _ => None,
        };
        let text = value.as_text().map(str::trim);
        match self {
            Self::Iso => datetime::parse_iso(text?),
            Self::Rfc2822 => Some(jiff::fmt::rfc2822::parse(text?).ok()?.timestamp()),
            Self::Seconds => moment(number()? * 1_000_000.0),
            Self::Milliseconds => moment(number()? * 1_000.0),
            Self::Format(format) => datetime::parse(text?, format),
        }
    }
}

fn moment(micros: f64) -> Option<Timestamp> {
    // Beyond this there is no year that anybody writes.
    const FARTHEST: f64 = 2.5e17;
    if !micros.is_finite() || micros.abs() > FARTHEST {
        return None;
    }
    Timestamp::from_microsecond(micros.round() as i64).ok()
}
