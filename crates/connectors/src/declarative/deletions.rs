//! `patchbay.deletions.<stream>`: how one learns which records of a stream were deleted.

use std::sync::Arc;

use model::path::FieldPath;
use model::value::Value;

use super::node::{View, nearest};
use super::schema::Describe;
use super::stream::{Stream, path_of};
use crate::{Deletions, Result};

/// An entry. Whether its streams and fields are there is for the whole file to say.
pub fn compile(view: &View<'_>) -> Result<Deletions> {
    view.only(&["field", "stream", "key", "when"])?;
    if let (Some(when), None) = (view.get("when"), view.get("stream")) {
        return Err(when.fail(
            "`when` without `stream`",
            "`when` only beside `stream`: which of its entries tell of a deletion",
        ));
    }
    match (view.get("field"), view.get("stream"), view.get("key")) {
        (Some(field), None, None) => Ok(Deletions::Marked {
            field: path_of(&field)?,
        }),
        (None, Some(stream), Some(key)) => Ok(Deletions::Listed {
            stream: stream.text()?.to_owned(),
            key: path_of(&key)?,
            when: match view.get("when") {
                None => Vec::new(),
                Some(when) => conditions(&when)?,
            },
        }),
        (None, Some(_), None) => Err(view.fail(
            "`key` is missing",
            "`key`: the field of that stream that holds the key of the deleted record",
        )),
        _ => Err(view.fail(
            "it does not say in one way how one learns what was deleted",
            "`field`, the field that says so, or `stream` and `key`, the stream that lists what was deleted",
        )),
    }
}

/// Refuses fields that are not there, and a stream that would list itself.
pub fn check(view: &View<'_>, stream: &str, found: &Deletions, fields: &Fields<'_>) -> Result<()> {
    let at = |member: &str| view.get(member).unwrap_or_else(|| view.clone());
    match found {
        Deletions::ByAbsence => Ok(()),
        Deletions::Marked { field } => fields.known(stream, field, &at("field")),
        Deletions::Listed { stream: list, .. } if list == stream => Err(at("stream").fail(
            "a stream cannot list what was deleted from itself",
            "another stream, or `field` where deleted records stay in the list",
        )),
        Deletions::Listed {
            stream: list,
            key,
            when,
        } => {
            fields.known(list, key, &at("key"))?;
            for (field, _) in when {
                fields.known(list, field, &at("when"))?;
            }
            Ok(())
        }
    }
}

/// Fields and the values that they must have.
fn conditions(view: &View<'_>) -> Result<Vec<(FieldPath, Value)>> {
    let conditions = view.members()?.into_iter().map(|(field, value)| {
        let path = field.parse().map_err(|error| {
            value.fail(
                format!("`{field}` is no path: {error}"),
                "a field of that stream",
            )
        })?;
        Ok((path, Value::from_serde(&value.node().to_json())))
    });
    conditions.collect()
}

/// The fields of a file's streams, as far as the file knows them.
pub struct Fields<'m>(pub &'m [Arc<Stream>], pub &'m [(String, Describe)]);

impl Fields<'_> {
    /// Refuses a field that the stream's schema does not know. Where the platform describes the fields, it is not
    /// asked here.
    pub fn known(&self, stream: &str, path: &FieldPath, view: &View<'_>) -> Result<()> {
        let Self(streams, described) = self;
        let schema = streams
            .iter()
            .find(|known| known.name == stream)
            .filter(|_| described.iter().all(|(name, _)| name != stream))
            .and_then(|known| known.schema.as_ref())
            .filter(|schema| !schema.fields.is_empty());
        let Some(schema) = schema.filter(|schema| schema.at(path).is_none()) else {
            return Ok(());
        };
        let fields = schema.fields.iter();
        let names: Vec<&str> = fields.map(|field| field.name.as_str()).collect();
        Err(view.fail(
            format!("{stream} has no field `{path}`"),
            match nearest(&path.to_string(), &names) {
                Some(nearest) => format!("perhaps `{nearest}`"),
                None => "a field of its schema".to_owned(),
            },
        ))
    }
}
