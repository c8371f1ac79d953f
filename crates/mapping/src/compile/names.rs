//! Paths in schemas: what is there, and what may have been meant.

use model::field::{Field, FieldType, Schema};
use model::path::{FieldPath, Segment};

/// What stands at a path.
pub(super) enum Place<'a> {
    /// A declared field and the objects it lies in.
    Field {
        field: &'a Field,
        parents: Vec<&'a Field>,
    },
    /// Nothing is declared there, but its object takes any member.
    Open,
    /// Nothing.
    Gone,
}

impl<'a> Place<'a> {
    pub(super) fn field(&self) -> Option<&'a Field> {
        match self {
            Self::Field { field, .. } => Some(field),
            Self::Open | Self::Gone => None,
        }
    }
}

/// Looks a path up by its names.
pub(super) fn locate<'a>(schema: &'a Schema, path: &FieldPath) -> Place<'a> {
    let mut fields = &schema.fields;
    let mut parents: Vec<&Field> = Vec::new();
    for segment in path.segments() {
        let Segment::Name(name) = segment else {
            continue;
        };
        match fields.iter().find(|field| field.name == name.as_str()) {
            Some(field) => {
                parents.push(field);
                fields = &field.fields;
            }
            None => {
                return match parents.last() {
                    Some(parent) if is_open(parent) => Place::Open,
                    _ => Place::Gone,
                };
            }
        }
    }
    match parents.pop() {
        Some(field) => Place::Field { field, parents },
        None => Place::Gone,
    }
}

/// An object of which no member is declared takes any.
pub(super) fn is_open(field: &Field) -> bool {
    match field.field_type {
        FieldType::Any => true,
        FieldType::Object => field.fields.is_empty(),
        _ => false,
    }
}

/// The declared path that is nearest to `path`.
pub(super) fn nearest_path(
    schema: &Schema,
    path: &FieldPath,
    accept: impl Fn(&Field) -> bool,
) -> Option<FieldPath> {
    let all: Vec<(FieldPath, String, String)> = schema
        .walk()
        .into_iter()
        .filter(|(_, field)| accept(field))
        .map(|(path, _)| {
            let (whole, leaf) = (path.to_string(), path.leaf().to_owned());
            (path, whole, leaf)
        })
        .collect();
    let by_leaf = all.iter().find(|(_, _, leaf)| leaf == path.leaf());
    let whole = path.to_string();
    let by_letters = || {
        let near = crate::words::nearest(&whole, all.iter().map(|(_, whole, _)| whole.as_str()))?;
        all.iter().find(|(_, whole, _)| whole == near)
    };
    by_leaf.or_else(by_letters).map(|(path, ..)| path.clone())
}

/// The words for a type in a sentence.
pub(crate) fn type_words(field_type: FieldType) -> &'static str {
    match field_type {
        FieldType::Any => "anything",
        FieldType::Text => "text",
        FieldType::Integer => "a whole number",
        FieldType::Decimal | FieldType::Float => "a number",
        FieldType::Bool => "true/false",
        FieldType::Date => "a date",
        FieldType::Time => "a time of day",
        FieldType::Timestamp => "a date and time",
        FieldType::Bytes => "bytes",
        FieldType::Enum => "one of a list of values",
        FieldType::Object => "an object",
        FieldType::List => "a list",
    }
}
