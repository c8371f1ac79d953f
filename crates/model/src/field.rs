//! The shape of a stream: fields, their types and what a platform demands of them.

use serde::{Deserialize, Serialize};

use crate::path::{FieldPath, Segment};

/// The fields of a stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Schema {
    /// Top-level fields in the platform's order.
    pub fields: Vec<Field>,
}

/// One field and what is known of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ts_rs::TS)]
#[serde(default)]
pub struct Field {
    /// The name on the wire.
    pub name: String,
    /// The name the platform shows to people, if it tells.
    pub label: Option<String>,
    /// What the platform says about it.
    pub description: Option<String>,
    /// What it holds.
    #[serde(rename = "type")]
    pub field_type: FieldType,
    /// What the text means, where the platform says so.
    pub format: Option<Format>,
    /// Must be present when a record is created.
    pub required: bool,
    /// Set by the platform; cannot be written.
    pub read_only: bool,
    /// May be null.
    pub nullable: bool,
    /// Identifies the record within its stream.
    pub key: bool,
    /// No two records share a value.
    pub unique: bool,
    /// Longest text, in characters.
    pub max_length: Option<u32>,
    /// The only values that are accepted.
    pub options: Vec<FieldOption>,
    /// The records that it names.
    pub references: Option<FieldReference>,
    /// Added by the account's owner, not by the platform.
    pub custom: bool,
    /// Guessed from samples rather than declared.
    pub inferred: bool,
    /// Members, for objects and lists of objects.
    pub fields: Vec<Field>,
    /// What the items are, for lists.
    pub items: Option<FieldType>,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// Not known.
    #[default]
    Any,
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// A number with a fraction that must keep its digits; money.
    Decimal,
    /// A measured number.
    Float,
    /// True or false.
    Bool,
    /// A calendar date.
    Date,
    /// A time of day.
    Time,
    /// A point in time.
    Timestamp,
    /// Bytes.
    Bytes,
    /// One of `options`.
    Enum,
    /// Named members, see `fields`.
    Object,
    /// Several of `items` (or of objects with `fields`).
    List,
}

/// What a text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Format {
    Email,
    Phone,
    Url,
    Uuid,
    CountryCode,
    LanguageCode,
    Currency,
    Money,
    Html,
    Id,
}

/// The records that a field names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct FieldReference {
    /// Their stream.
    pub stream: String,
    /// Their field whose value is named.
    pub by: FieldPath,
}

/// One value that an enumeration accepts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct FieldOption {
    /// On the wire.
    pub value: String,
    /// For people.
    #[serde(default)]
    pub label: Option<String>,
}

impl Schema {
    /// The field at `path`. `tags[]` is the list field `tags` itself; `items[].sku` a member of its items.
    pub fn at(&self, path: &FieldPath) -> Option<&Field> {
        let mut fields = &self.fields;
        let mut found = None;
        for segment in path.segments() {
            if let Segment::Name(name) = segment {
                let field: &Field = fields.iter().find(|field| field.name == name.as_str())?;
                fields = &field.fields;
                found = Some(field);
            }
        }
        found
    }

    /// Every field with its path, parents before children.
    pub fn walk(&self) -> Vec<(FieldPath, &Field)> {
        fn visit<'a>(
            prefix: &FieldPath,
            fields: &'a [Field],
            out: &mut Vec<(FieldPath, &'a Field)>,
        ) {
            for field in fields {
                let path = prefix.child(field.name.as_str());
                let below = if field.field_type == FieldType::List {
                    path.each()
                } else {
                    path.clone()
                };
                out.push((path, field));
                visit(&below, &field.fields, out);
            }
        }
        let mut out = Vec::new();
        visit(&FieldPath::root(), &self.fields, &mut out);
        out
    }

    /// The paths of the fields that identify a record.
    pub fn key_paths(&self) -> Vec<FieldPath> {
        self.walk()
            .into_iter()
            .filter(|(_, field)| field.key)
            .map(|(path, _)| path)
            .collect()
    }
}

impl Field {
    /// A field of this name and type, everything else unknown.
    pub fn new(name: impl Into<String>, field_type: FieldType) -> Self {
        Self {
            name: name.into(),
            field_type,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_path_through_objects_and_lists() {
        let mut address = Field::new("address", FieldType::Object);
        address.fields.push(Field::new("city", FieldType::Text));
        let mut items = Field::new("items", FieldType::List);
        items.fields.push(Field::new("sku", FieldType::Text));
        let schema = Schema {
            fields: vec![address, items],
        };
        for (path, field) in schema.walk() {
            assert_eq!(schema.at(&path), Some(field), "{path}");
        }
        assert_eq!(
            schema.at(&"items[].sku".parse().unwrap()).unwrap().name,
            "sku"
        );
        assert_eq!(schema.at(&"address.town".parse().unwrap()), None);
    }
}
