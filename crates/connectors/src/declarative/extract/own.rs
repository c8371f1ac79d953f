//! Extractors that the other format has not: for platforms that put records together in ways for which connectors would
//! otherwise need code.
//!
//! - `WrappedExtractor`: values that are no objects become objects with one field.
//! - `EntriesExtractor`: the entries of an object become records, the name of each in a field.
//! - `TableExtractor`: rows and a header, or columns side by side.
//! - `IncludedExtractor`: JSON:API, where related objects stand beside the records.
//!
//! Their fields have names that nobody uses for `$parameters`, for those are copied into every component.

mod table;

use compact_str::CompactString;
use model::row::Row;
use model::value::{Object, Value};
use template::{Env, Scope};

use self::table::{Table, TableExtraction, TableState};
use super::PathAt;
use super::expand::{CopiedFields, Copies};
use super::run::path_records;
use crate::declarative::decode::DecodeError;
use crate::declarative::glob_path::{GlobPath, at};
use crate::declarative::node::View;

/// From the connector file.
#[derive(Clone, Debug, PartialEq)]
pub enum OwnExtractor {
    /// `WrappedExtractor`
    Wrapped(Wrapped),
    /// `EntriesExtractor`
    Entries(Entries),
    /// `TableExtractor`
    Table(Table),
    /// `IncludedExtractor`
    Included(Included),
}

/// Values that become objects.
#[derive(Clone, Debug, PartialEq)]
pub struct Wrapped {
    path: PathAt,
    name: CompactString,
    objects_too: bool,
}

/// Entries of an object that become records.
#[derive(Clone, Debug, PartialEq)]
pub struct Entries {
    path: PathAt,
    entries: PathAt,
    naming: Naming,
    copied: CopiedFields,
}

/// Which entries count, and where their names and values go.
#[derive(Clone, Debug, PartialEq)]
struct Naming {
    key_field: CompactString,
    value_field: CompactString,
    skipped: Vec<CompactString>,
}

/// Records and the objects that they refer to.
#[derive(Clone, Debug, PartialEq)]
pub struct Included {
    path: PathAt,
    included: PathAt,
}

impl OwnExtractor {
    /// From the file; none where the type is none of ours.
    pub(super) fn compile(view: &View<'_>) -> crate::Result<Option<Self>> {
        let field_path = || -> crate::Result<PathAt> {
            PathAt::compile(&view.require("field_path", "a list of names; empty for all of it")?)
        };
        let text = |name: &str, otherwise: &str| -> crate::Result<CompactString> {
            Ok(view.text_of(name)?.unwrap_or(otherwise).into())
        };
        Ok(Some(match view.component()? {
            "WrappedExtractor" => Self::Wrapped(Wrapped {
                path: field_path()?,
                name: view
                    .require("wrap_as", "the name of the field")?
                    .text()?
                    .into(),
                objects_too: view.flag_or("wrap_objects", false)?,
            }),
            "EntriesExtractor" => Self::Entries(Entries {
                path: field_path()?,
                entries: PathAt::member(view, "entries_path")?,
                naming: Naming {
                    key_field: view
                        .require(
                            "entry_key_field",
                            "the field that gets the name of an entry",
                        )?
                        .text()?
                        .into(),
                    value_field: text("entry_value_field", "value")?,
                    skipped: match view.get("skip_entries") {
                        Some(names) => names.texts()?.into_iter().map(Into::into).collect(),
                        None => Vec::new(),
                    },
                },
                copied: CopiedFields::compile(view)?,
            }),
            "TableExtractor" => Self::Table(Table::compile(view)?),
            "IncludedExtractor" => Self::Included(Included {
                path: field_path()?,
                included: match view.get("included_path") {
                    Some(path) => PathAt::compile(&path)?,
                    None => PathAt::member(view, "included_path")?,
                },
            }),
            _ => return Ok(None),
        }))
    }

    /// With its paths filled in.
    pub(super) fn fill(&self, scope: &Scope<'_>, env: &Env) -> crate::Result<OwnExtraction> {
        Ok(match self {
            Self::Wrapped(wrapped) => OwnExtraction::Wrapped {
                path: wrapped.path.fill(scope, env)?,
                name: wrapped.name.clone(),
                objects_too: wrapped.objects_too,
            },
            Self::Entries(entries) => OwnExtraction::Entries(EntriesExtraction {
                path: entries.path.fill(scope, env)?,
                entries: entries.entries.fill_plain(scope, env)?,
                naming: entries.naming.clone(),
                copies: entries.copied.fill(scope, env)?,
            }),
            Self::Table(table) => OwnExtraction::Table(table.fill(scope, env)?),
            Self::Included(included) => {
                let beside = included.included.fill(scope, env)?;
                OwnExtraction::Included {
                    path: included.path.fill(scope, env)?,
                    included: if beside.is_empty() {
                        GlobPath::literal_of(["included"])
                    } else {
                        beside
                    },
                }
            }
        })
    }
}

/// Ready for answers.
#[derive(Clone, Debug, PartialEq)]
pub enum OwnExtraction {
    /// `WrappedExtractor`
    Wrapped {
        /// Where the values are.
        path: GlobPath,
        /// The field that each becomes.
        name: CompactString,
        /// Whether objects are wrapped too.
        objects_too: bool,
    },
    /// `EntriesExtractor`
    Entries(EntriesExtraction),
    /// `TableExtractor`
    Table(TableExtraction),
    /// `IncludedExtractor`
    Included {
        /// Where the records are.
        path: GlobPath,
        /// Where the objects are that they refer to.
        included: GlobPath,
    },
}

/// `EntriesExtractor`, ready for answers.
#[derive(Clone, Debug, PartialEq)]
pub struct EntriesExtraction {
    path: GlobPath,
    entries: Vec<CompactString>,
    naming: Naming,
    copies: Copies,
}

/// What has to be remembered from one body of an answer to the next.
#[derive(Debug, Default)]
pub(super) struct OwnState {
    table: TableState,
}

impl OwnExtraction {
    /// Adds the records of a body.
    pub(super) fn body(
        &self,
        body: Row,
        state: &mut OwnState,
        rows: &mut Vec<Row>,
    ) -> Result<(), DecodeError> {
        match self {
            Self::Wrapped {
                path,
                name,
                objects_too,
            } => {
                let mut found = Vec::new();
                path_records(path, body, &mut found)?;
                rows.extend(found.into_iter().map(|row| {
                    if row.is_object() && !objects_too {
                        return row;
                    }
                    let object = Object::from_iter([(name.clone(), row.into_value())]);
                    Row::from(Value::Object(object))
                }));
                Ok(())
            }
            Self::Entries(entries) => entries.body(body, rows),
            Self::Table(table) => table.body(body, &mut state.table, rows),
            Self::Included { path, included } => related(path, included, body, rows),
        }
    }
}

impl EntriesExtraction {
    fn body(&self, body: Row, rows: &mut Vec<Row>) -> Result<(), DecodeError> {
        let mut parents = Vec::new();
        path_records(&self.path, body, &mut parents)?;
        for parent in parents {
            let parent = parent.into_value();
            let Some(Value::Object(entries)) = at(&parent, &self.entries) else {
                continue;
            };
            for (key, value) in entries.iter() {
                if self.naming.skipped.iter().any(|skipped| skipped == key) {
                    continue;
                }
                match value {
                    // Each version of it is a record.
                    Value::List(items) => {
                        for item in items {
                            rows.push(self.record(&parent, key, item)?);
                        }
                    }
                    value => rows.push(self.record(&parent, key, value)?),
                }
            }
        }
        Ok(())
    }

    fn record(&self, parent: &Value, key: &str, value: &Value) -> Result<Row, DecodeError> {
        let mut object = match value {
            Value::Object(object) => object.clone(),
            value => Object::from_iter([(self.naming.value_field.clone(), value.clone())]),
        };
        object.insert(self.naming.key_field.clone(), Value::text(key));
        let mut record = Value::Object(object);
        self.copies.apply(parent, &mut record)?;
        Ok(Row::from(record))
    }
}

/// Adds the records of a JSON:API body: the attributes of each object that one refers to are put beside the reference.
fn related(
    path: &GlobPath,
    included: &GlobPath,
    body: Row,
    rows: &mut Vec<Row>,
) -> Result<(), DecodeError> {
    let mut beside = Vec::new();
    path_records(included, body.clone(), &mut beside)?;
    let before = rows.len();
    path_records(path, body, rows)?;
    let mut known = std::collections::HashMap::new();
    for object in &beside {
        if let (Some(kind), Some(id)) = (object.get("type"), object.get("id")) {
            let attributes = object.get("attributes");
            if let Some(Value::Object(attributes)) = attributes {
                known.insert((kind.fingerprint(), id.fingerprint()), attributes);
            }
        }
    }
    let complete = |reference: &mut Value| {
        let Value::Object(reference) = reference else {
            return;
        };
        let (Some(kind), Some(id)) = (reference.get("type"), reference.get("id")) else {
            return;
        };
        if let Some(attributes) = known.get(&(kind.fingerprint(), id.fingerprint())) {
            for (name, value) in attributes.iter() {
                reference.insert(name, value.clone());
            }
        }
    };
    if known.is_empty() {
        return Ok(());
    }
    for row in rows.iter_mut().skip(before) {
        let Some(Value::Object(mut relationships)) = row.get("relationships") else {
            continue;
        };
        for (_, relationship) in relationships.iter_mut() {
            let Value::Object(relationship) = relationship else {
                continue;
            };
            match relationship.get_mut("data") {
                Some(Value::List(references)) => references.iter_mut().for_each(&complete),
                Some(reference) => complete(reference),
                None => {}
            }
        }
        row.set("relationships", Value::Object(relationships));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
