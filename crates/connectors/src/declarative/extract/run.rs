//! An extraction at work.

use std::sync::Arc;

use compact_str::CompactString;
use model::row::Row;
use model::value::{Object, Value};

use super::Extraction;
use super::own::OwnState;
use crate::declarative::decode::json::{is_truthy, take_records};
use crate::declarative::decode::{DecodeError, Ending};
use crate::declarative::glob_path::{GlobPath, add_items, take_at};
use crate::declarative::text::python_text;

/// An extraction at work on one answer.
#[derive(Debug)]
pub struct Run {
    extraction: Arc<Extraction>,
    /// Of a combination.
    parts: Vec<Part>,
    own: OwnState,
    ending: Ending,
}

/// A part of a combination, and what it found that has to wait.
#[derive(Debug)]
struct Part {
    run: Run,
    found: Vec<Row>,
    left_out: usize,
}

impl Run {
    /// At the start of an answer.
    pub fn new(extraction: &Arc<Extraction>) -> Self {
        let part = |extraction: &Arc<Extraction>| Part {
            run: Self::new(extraction),
            found: Vec::new(),
            left_out: 0,
        };
        Self {
            parts: match &**extraction {
                Extraction::Path { .. } | Extraction::Own(_) => Vec::new(),
                Extraction::Combined { parts, .. } => parts.iter().map(part).collect(),
                Extraction::KeyValue { keys, values } => vec![part(keys), part(values)],
            },
            extraction: Arc::clone(extraction),
            own: OwnState::default(),
            ending: Ending::default(),
        }
    }

    /// Adds the records of a body.
    pub fn body(&mut self, body: Row, rows: &mut Vec<Row>) -> Result<(), DecodeError> {
        let (first_match, skips_empty) = match &*self.extraction {
            Extraction::Path {
                path,
                expansion: None,
            } => return path_records(path, body, rows),
            Extraction::Path {
                path,
                expansion: Some(expansion),
            } => {
                let mut parents = Vec::new();
                path_records(path, body, &mut parents)?;
                for parent in parents {
                    expansion.expand(parent, rows, &mut self.ending)?;
                }
                return Ok(());
            }
            Extraction::Combined {
                first_match,
                skips_empty,
                ..
            } => (*first_match, *skips_empty),
            Extraction::KeyValue { .. } => (true, false),
            Extraction::Own(own) => return own.body(body, &mut self.own, rows),
        };
        for part in &mut self.parts {
            let before = part.found.len();
            part.run.body(body.clone(), &mut part.found)?;
            if skips_empty {
                part.skip_empty(before);
            }
        }
        // What the first part finds comes first, whatever the others find later.
        if let (Extraction::Combined { .. }, Some(first)) =
            (&*self.extraction, self.parts.first_mut())
        {
            let is_match = !first.found.is_empty();
            rows.append(&mut first.found);
            if first_match && is_match {
                self.parts.truncate(1);
            }
        }
        Ok(())
    }

    /// Adds what had to wait, and says what is to be said.
    pub fn finish(&mut self, rows: &mut Vec<Row>, ending: &mut Ending) {
        let mut parts = std::mem::take(&mut self.parts);
        for part in &mut parts {
            part.run.finish(&mut part.found, &mut self.ending);
        }
        match &*self.extraction {
            Extraction::Path { .. } | Extraction::Own(_) => {}
            Extraction::Combined { first_match, .. } => {
                let only_one = parts.len() == 1;
                let mut left_out = 0;
                for mut part in parts {
                    let is_match = !part.found.is_empty();
                    rows.append(&mut part.found);
                    if !first_match || is_match || only_one {
                        left_out += part.left_out;
                    }
                    if *first_match && is_match {
                        break;
                    }
                }
                if left_out > 0 {
                    let warning = format!("{left_out} empty records were left out");
                    ending.warnings.push(warning);
                    ending.left_out += left_out;
                }
            }
            Extraction::KeyValue { .. } => {
                let mut found = parts.into_iter().map(|part| part.found);
                let keys = found.next().unwrap_or_default();
                pair(keys, found.next().unwrap_or_default(), rows);
            }
        }
        let own = std::mem::take(&mut self.ending);
        ending.warnings.extend(own.warnings);
        ending.cut_short.extend(own.cut_short);
        ending.left_out += own.left_out;
    }
}

impl Part {
    /// Leaves out what is empty of that found since `before`.
    fn skip_empty(&mut self, before: usize) {
        let mut place = 0;
        let length = self.found.len();
        self.found.retain(|row| {
            place += 1;
            place <= before || is_full(row)
        });
        self.left_out += length - self.found.len();
    }
}

/// Whether it is something rather than null or empty.
pub(super) fn is_full(row: &Row) -> bool {
    if row.is_object() {
        !row.is_empty_object()
    } else {
        is_truthy(&row.to_value())
    }
}

/// Adds what stands at a path of a body: with a `*` each value found, without one the items of a list, or the one value
/// that is not empty.
pub(super) fn path_records(
    path: &GlobPath,
    body: Row,
    rows: &mut Vec<Row>,
) -> Result<(), DecodeError> {
    if path.is_empty() {
        take_records(body, rows);
        return Ok(());
    }
    let ambiguous = || DecodeError::Path {
        path: path.shown(),
        problem: "finds more than one value, where one is expected",
    };
    let picks_each = path.picks_each();
    if let Some(text) = body.text() {
        let mut count = 0;
        let visited = path.visit(text, &mut |text, at| {
            count += 1;
            if !picks_each && text.get(at) == Some(&b'[') {
                return add_items(text, at, rows);
            }
            let (row, end) = Row::scan(text, at, 0)?;
            if picks_each || is_full(&row) {
                rows.push(row);
            }
            Ok(end)
        });
        match visited {
            Some(Ok(())) if count > 1 && !picks_each => return Err(ambiguous()),
            Some(Ok(())) => return Ok(()),
            // The text was understood before. `**` is looked for in values.
            Some(Err(_)) | None => {}
        }
    }
    let body = body.into_value();
    if let Some(names) = path.plain() {
        if let Some(found) = take_at(body, names) {
            take_records(Row::from(found), rows);
        }
        return Ok(());
    }
    match path.find(&body).as_slice() {
        found if picks_each => rows.extend(found.iter().map(|value| Row::from((*value).clone()))),
        [] => {}
        [one] => take_records(Row::from((*one).clone()), rows),
        _ => return Err(ambiguous()),
    }
    Ok(())
}

/// Records of the names and as many values, as often as there are values.
fn pair(keys: Vec<Row>, values: Vec<Row>, rows: &mut Vec<Row>) {
    let names: Vec<CompactString> = keys
        .into_iter()
        .map(|key| match key.into_value() {
            Value::Text(name) => name,
            other => python_text(&other).into(),
        })
        .collect();
    if names.is_empty() {
        return;
    }
    let mut values = values.into_iter().map(Row::into_value).peekable();
    while values.peek().is_some() {
        let mut object = Object::with_capacity(names.len());
        for (name, value) in names.iter().zip(&mut values) {
            object.insert(name.clone(), value);
        }
        rows.push(Row::from(Value::Object(object)));
    }
}
