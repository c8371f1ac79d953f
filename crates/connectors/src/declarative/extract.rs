//! Which parts of a body are records: the extractors of connector files.
//!
//! An [`Extractor`] is what the file says, an [`Extraction`] the same with its paths filled in, and a [`Run`] goes with one
//! answer. Bodies that are still text are followed as text: the records share their bytes.

mod expand;

use std::sync::Arc;

use compact_str::CompactString;
use model::row::Row;
use model::value::{Object, Value};
use template::{Env, Scope};

use self::expand::{Expander, Expansion};
use super::decode::json::{is_truthy, take_records};
use super::decode::{DecodeError, Ending};
use super::glob_path::{GlobPath, add_items, take_at};
use super::node::View;
use super::spot::{Spot, needs_python};
use super::text::{PathText, python_text};

/// Where records are, from the connector file.
#[derive(Clone, Debug, PartialEq)]
pub enum Extractor {
    /// `DpathExtractor`: at a path.
    Path {
        /// The path; templates see `config` and `parameters`.
        path: PathText,
        /// Its place in the file.
        spot: Spot,
        /// What makes several records of each.
        expander: Option<Box<Expander>>,
    },
    /// `CombinedExtractor`: what several others find.
    Combined {
        /// The others.
        parts: Vec<Extractor>,
        /// Only of the first that finds any.
        first_match: bool,
        /// Without records that are null or empty.
        skips_empty: bool,
    },
    /// `KeyValueExtractor`: one extractor finds names, the other one their values, record after record.
    KeyValue {
        /// Finds the names.
        keys: Box<Extractor>,
        /// Finds the values.
        values: Box<Extractor>,
    },
}

impl Extractor {
    /// From the file.
    pub fn compile(view: &View<'_>) -> crate::Result<Self> {
        let part = |name: &str| -> crate::Result<Box<Self>> {
            let part = view.require(name, "an extractor")?;
            Self::compile(&part).map(Box::new)
        };
        match view.component()? {
            "DpathExtractor" => {
                let path = view.require("field_path", "a list of names; empty for all of it")?;
                Ok(Self::Path {
                    spot: Spot::of(&path),
                    path: PathText::compile(&path)?,
                    expander: view
                        .get("record_expander")
                        .map(|view| Expander::compile(&view).map(Box::new))
                        .transpose()?,
                })
            }
            "CombinedExtractor" => {
                let list = view.require("extractors", "a list of extractors")?;
                let parts: Vec<Self> = list
                    .items()?
                    .iter()
                    .map(Self::compile)
                    .collect::<crate::Result<_>>()?;
                if parts.is_empty() {
                    return Err(list.fail("the list is empty", "at least one extractor"));
                }
                let first_match = match view.text_of("mode")? {
                    None | Some("union") => false,
                    Some("first_match") => true,
                    Some(other) => {
                        return Err(view.fail(
                            format!("the mode `{other}` is not known here"),
                            "union or first_match",
                        ));
                    }
                };
                Ok(Self::Combined {
                    parts,
                    first_match,
                    skips_empty: view.flag_or("skip_empty_records", false)?,
                })
            }
            "KeyValueExtractor" => Ok(Self::KeyValue {
                keys: part("keys_extractor")?,
                values: part("values_extractor")?,
            }),
            "CustomRecordExtractor" => Err(needs_python(view)),
            _ => Err(view.unknown_component(&[
                "DpathExtractor",
                "CombinedExtractor",
                "KeyValueExtractor",
            ])),
        }
    }

    /// With its paths filled in; `scope` has `config`.
    pub fn fill(&self, scope: &Scope<'_>, env: &Env) -> crate::Result<Arc<Extraction>> {
        Ok(Arc::new(match self {
            Self::Path {
                path,
                spot,
                expander,
            } => Extraction::Path {
                path: glob_path(path, spot, scope, env)?,
                expansion: expander
                    .as_ref()
                    .map(|expander| expander.fill(scope, env))
                    .transpose()?,
            },
            Self::Combined {
                parts,
                first_match,
                skips_empty,
            } => Extraction::Combined {
                parts: parts
                    .iter()
                    .map(|part| part.fill(scope, env))
                    .collect::<crate::Result<_>>()?,
                first_match: *first_match,
                skips_empty: *skips_empty,
            },
            Self::KeyValue { keys, values } => Extraction::KeyValue {
                keys: keys.fill(scope, env)?,
                values: values.fill(scope, env)?,
            },
        }))
    }
}

/// The path that a text of the file comes to.
fn glob_path(
    path: &PathText,
    spot: &Spot,
    scope: &Scope<'_>,
    env: &Env,
) -> crate::Result<GlobPath> {
    GlobPath::new(path.steps(scope, env)?)
        .ok_or_else(|| spot.fail("the path has `**` twice", "`**` at most once"))
}

/// Where records are, ready for answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Extraction {
    /// At a path.
    Path {
        /// The path.
        path: GlobPath,
        /// What makes several records of each.
        expansion: Option<Expansion>,
    },
    /// What several others find.
    Combined {
        /// The others.
        parts: Vec<Arc<Extraction>>,
        /// Only of the first that finds any.
        first_match: bool,
        /// Without records that are null or empty.
        skips_empty: bool,
    },
    /// Names and values apart.
    KeyValue {
        /// Finds the names.
        keys: Arc<Extraction>,
        /// Finds the values.
        values: Arc<Extraction>,
    },
}

impl Extraction {
    /// Each body is a record, or a list of them.
    pub fn whole() -> Arc<Self> {
        Arc::new(Self::Path {
            path: GlobPath::whole(),
            expansion: None,
        })
    }

    /// The path to the records, where it is plain and there is nothing more to it: then an answer can be taken apart
    /// while it comes in.
    pub fn plain_path(&self) -> Option<&[CompactString]> {
        match self {
            Self::Path {
                path,
                expansion: None,
            } => path
                .plain()
                // The streaming reader does not count from the end of a list.
                .filter(|steps| !steps.iter().any(|step| step.trim_start().starts_with('-'))),
            Self::Path { .. } | Self::Combined { .. } | Self::KeyValue { .. } => None,
        }
    }

    /// Whether several lists are put together, so that the records of a page are no longer counted as the platform counts.
    pub fn is_union(&self) -> bool {
        match self {
            Self::Combined {
                parts, first_match, ..
            } => !first_match || parts.iter().any(|part| part.is_union()),
            Self::Path { .. } | Self::KeyValue { .. } => false,
        }
    }

    /// The records of a list that was cut short ([`Ending::cut_short`]) and then fetched whole. Where nothing was
    /// fetched, the items that are there count.
    pub fn adopt(
        &self,
        parent: Row,
        fetched: Vec<Row>,
        rows: &mut Vec<Row>,
    ) -> Result<(), DecodeError> {
        match self {
            Self::Path {
                expansion: Some(expansion),
                ..
            } => expansion.adopt(parent, fetched, rows),
            Self::Combined { parts, .. } => {
                let cutting = parts.iter().find(|part| part.cuts_short());
                cutting.map_or(Ok(()), |part| part.adopt(parent, fetched, rows))
            }
            Self::Path { .. } | Self::KeyValue { .. } => Ok(()),
        }
    }

    fn cuts_short(&self) -> bool {
        match self {
            Self::Path { expansion, .. } => expansion.as_ref().is_some_and(Expansion::cuts_short),
            Self::Combined { parts, .. } => parts.iter().any(|part| part.cuts_short()),
            Self::KeyValue { .. } => false,
        }
    }
}

/// An extraction at work on one answer.
#[derive(Debug)]
pub struct Run {
    extraction: Arc<Extraction>,
    /// Of a combination.
    parts: Vec<Part>,
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
                Extraction::Path { .. } => Vec::new(),
                Extraction::Combined { parts, .. } => parts.iter().map(part).collect(),
                Extraction::KeyValue { keys, values } => vec![part(keys), part(values)],
            },
            extraction: Arc::clone(extraction),
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
            Extraction::Path { .. } => {}
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
fn is_full(row: &Row) -> bool {
    if row.is_object() {
        !row.is_empty_object()
    } else {
        is_truthy(&row.to_value())
    }
}

/// Adds what stands at a path of a body: with a `*` each value found, without one the items of a list, or the one value
/// that is not empty.
fn path_records(path: &GlobPath, body: Row, rows: &mut Vec<Row>) -> Result<(), DecodeError> {
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

#[cfg(test)]
mod tests;
