//! What is done to each record: the transformations of connector files, and the fitting to a schema.
//!
//! A transformation is compiled once and works on a [`Row`]. Where it concerns single members, the others stay the text
//! that they came as.

pub(super) mod add_fields;
mod dates;
mod entries;
mod flatten;
pub(super) mod keys;
pub mod normalise;
mod remove_fields;
mod rename;

use model::row::Row;
use model::value::Value;
use template::{Env, Scope};

use self::add_fields::AddFields;
use self::dates::FormatDates;
use self::entries::{EntriesToObject, ObjectToEntries};
use self::flatten::{DpathFlattenFields, flatten};
use self::keys::{KeysReplace, keys_to_lower, keys_to_snake_case};
use self::remove_fields::RemoveFields;
use self::rename::{NestFields, RenameKeys};
use super::node::View;
use super::spot::needs_python;
use crate::Result;

/// One transformation, from the connector file.
#[derive(Clone, Debug)]
pub enum Transformation {
    /// Sets fields to what templates make.
    AddFields(AddFields),
    /// Takes fields away.
    RemoveFields(RemoveFields),
    /// Names of the top in lower case.
    KeysToLower,
    /// Names in snake case, in objects within objects too.
    KeysToSnakeCase,
    /// A part of each name replaced, in objects within objects too.
    KeysReplace(KeysReplace),
    /// Everything at the top.
    FlattenFields {
        /// Items of lists too.
        lists: bool,
    },
    /// The members of one object at the top.
    DpathFlattenFields(DpathFlattenFields),
    /// A list of named things as an object. From here on they are ours.
    EntriesToObject(EntriesToObject),
    /// An object as a list of named things.
    ObjectToEntries(ObjectToEntries),
    /// Names that match a pattern become others.
    RenameKeys(Box<RenameKeys>),
    /// All members but a few in an object of their own.
    NestFields(NestFields),
    /// Dates and times in one format.
    FormatDates(FormatDates),
}

/// What a transformation need not make for each record of a page.
#[derive(Debug, Default)]
pub struct Known(Vec<Option<Value>>);

/// The types that [`Transformation::compile`] knows.
const KNOWN: &[&str] = &[
    "AddFields",
    "RemoveFields",
    "KeysToLower",
    "KeysToSnakeCase",
    "KeysReplace",
    "FlattenFields",
    "DpathFlattenFields",
    "EntriesToObject",
    "ObjectToEntries",
    "RenameKeys",
    "NestFields",
    "FormatDates",
];

impl Transformation {
    /// From the file.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        Ok(match view.component()? {
            "AddFields" => Self::AddFields(AddFields::compile(view)?),
            "RemoveFields" => Self::RemoveFields(RemoveFields::compile(view)?),
            "KeysToLower" => Self::KeysToLower,
            "KeysToSnakeCase" => Self::KeysToSnakeCase,
            "KeysReplace" => Self::KeysReplace(KeysReplace::compile(view)?),
            "FlattenFields" => Self::FlattenFields {
                lists: view.flag_or("flatten_lists", true)?,
            },
            "DpathFlattenFields" => Self::DpathFlattenFields(DpathFlattenFields::compile(view)?),
            "EntriesToObject" => Self::EntriesToObject(EntriesToObject::compile(view)?),
            "ObjectToEntries" => Self::ObjectToEntries(ObjectToEntries::compile(view)?),
            "RenameKeys" => Self::RenameKeys(Box::new(RenameKeys::compile(view)?)),
            "NestFields" => Self::NestFields(NestFields::compile(view)?),
            "FormatDates" => Self::FormatDates(FormatDates::compile(view)?),
            "CustomTransformation" => return Err(needs_python(view)),
            _ => return Err(view.unknown_component(KNOWN)),
        })
    }

    /// All of a list; none where there is no list.
    pub fn compile_list(view: Option<&View<'_>>) -> Result<Vec<Self>> {
        match view {
            Some(view) => view.items()?.iter().map(Self::compile).collect(),
            None => Ok(Vec::new()),
        }
    }

    /// Makes what is the same for all records of a page, for [`Transformation::apply_knowing`].
    pub fn know(&self, scope: &Scope<'_>, env: &Env) -> Known {
        match self {
            Self::AddFields(add) => Known(add.same_for_a_page(scope, env)),
            _ => Known::default(),
        }
    }

    /// Changes a record. `scope` has `config`, `stream_slice` and the like; `record` is added here.
    pub fn apply(&self, row: &mut Row, scope: &Scope<'_>, env: &Env) -> Result<()> {
        self.apply_knowing(row, scope, env, &Known::default())
    }

    /// Changes one of many records.
    pub fn apply_knowing(
        &self,
        row: &mut Row,
        scope: &Scope<'_>,
        env: &Env,
        known: &Known,
    ) -> Result<()> {
        match self {
            Self::AddFields(add) => add.apply(row, scope, env, &known.0)?,
            Self::RemoveFields(remove) => remove.apply(row, scope, env)?,
            Self::KeysToLower => keys_to_lower(row),
            Self::KeysToSnakeCase => keys_to_snake_case(row),
            Self::KeysReplace(replace) => replace.apply(row, scope, env)?,
            Self::FlattenFields { lists } => flatten(row, *lists),
            Self::DpathFlattenFields(flatten) => flatten.apply(row, scope, env)?,
            Self::EntriesToObject(entries) => entries.apply(row, scope, env)?,
            Self::ObjectToEntries(entries) => entries.apply(row)?,
            Self::RenameKeys(rename) => rename.apply(row)?,
            Self::NestFields(nest) => nest.apply(row),
            Self::FormatDates(dates) => dates.apply(row),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
