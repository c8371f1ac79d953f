//! What fields a stream has: from a JSON schema in the file, or from the platform itself.

use model::field::{Field, FieldOption, FieldType, Format, Schema};
use model::value::Value;
use template::{Env, Scope};

use super::glob_path;
use super::node::View;
use super::requester::Requester;
use super::text::{PathText, python_text};
use crate::Result;

/// Fields within fields that are followed.
const DEEPEST: usize = 12;
/// Fields that are read of one stream.
const MOST_FIELDS: usize = 5_000;

/// The schema that a JSON schema describes.
pub fn from_json_schema(schema: &serde_json::Value, key: &[model::path::FieldPath]) -> Schema {
    let mut fields = members(schema, 0);
    for field in &mut fields {
        field.key = key
            .iter()
            .any(|path| path.to_string() == field.name.as_str());
        field.read_only |= field.key;
    }
    Schema { fields }
}

fn members(schema: &serde_json::Value, depth: usize) -> Vec<Field> {
    let Some(properties) = schema.get("properties").and_then(|p| p.as_object()) else {
        return Vec::new();
    };
    if depth > DEEPEST {
        return Vec::new();
    }
    let required: Vec<&str> = schema
        .get("required")
        .and_then(|required| required.as_array())
        .map(|names| names.iter().filter_map(|name| name.as_str()).collect())
        .unwrap_or_default();
    properties
        .iter()
        .take(MOST_FIELDS)
        .map(|(name, property)| {
            let mut field = from_property(name, property, depth);
            field.required = required.contains(&name.as_str());
            field
        })
        .collect()
}

fn from_property(name: &str, property: &serde_json::Value, depth: usize) -> Field {
    let text = |key: &str| property.get(key).and_then(|v| v.as_str());
    // `type` is a word or a list of words; anyOf and oneOf are read as their first real branch.
    let branch = ["anyOf", "oneOf"].iter().find_map(|key| {
        let branches = property.get(*key)?.as_array()?;
        branches
            .iter()
            .find(|branch| branch.get("type").and_then(|t| t.as_str()) != Some("null"))
    });
    let types: Vec<&str> = match property.get("type") {
        Some(serde_json::Value::String(one)) => vec![one],
        Some(serde_json::Value::Array(several)) => {
            several.iter().filter_map(|one| one.as_str()).collect()
        }
        _ => match branch {
            Some(branch) if depth < DEEPEST => {
                let mut field = from_property(name, branch, depth + 1);
                field.nullable = true;
                return field;
            }
            _ => Vec::new(),
        },
    };
    let format = text("format").or_else(|| text("airbyte_type"));
    let (field_type, meaning) = match types.iter().find(|word| **word != "null") {
        Some(&"string") => match format {
            Some("date-time" | "timestamp_with_timezone" | "timestamp_without_timezone") => {
                (FieldType::Timestamp, None)
            }
            Some("date") => (FieldType::Date, None),
            Some("time") => (FieldType::Time, None),
            Some("email") => (FieldType::Text, Some(Format::Email)),
            Some("uri" | "url") => (FieldType::Text, Some(Format::Url)),
            Some("uuid") => (FieldType::Text, Some(Format::Uuid)),
            Some("decimal" | "money") => (FieldType::Decimal, Some(Format::Money)),
            _ if property.get("enum").is_some() => (FieldType::Enum, None),
            _ => (FieldType::Text, None),
        },
        Some(&"integer") => (FieldType::Integer, None),
        Some(&"number") => match format {
            Some("integer") => (FieldType::Integer, None),
            Some("decimal") => (FieldType::Decimal, None),
            _ => (FieldType::Float, None),
        },
        Some(&"boolean") => (FieldType::Bool, None),
        Some(&"object") => (FieldType::Object, None),
        Some(&"array") => (FieldType::List, None),
        _ => (FieldType::Any, None),
    };
    let mut field = Field::new(name, field_type);
    field.format = meaning;
    field.label = text("title").map(str::to_owned);
    field.description = text("description").map(str::to_owned);
    field.nullable = types.contains(&"null") || types.is_empty();
    field.read_only = property
        .get("readOnly")
        .and_then(serde_json::Value::as_bool)
        == Some(true);
    field.max_length = property
        .get("maxLength")
        .and_then(serde_json::Value::as_u64)
        .and_then(|n| u32::try_from(n).ok());
    if let Some(options) = property.get("enum").and_then(|v| v.as_array()) {
        field.options = options
            .iter()
            .filter_map(|option| option.as_str())
            .map(|value| FieldOption {
                value: value.to_owned(),
                label: None,
            })
            .collect();
    }
    match field_type {
        FieldType::Object => field.fields = members(property, depth + 1),
        FieldType::List => {
            if let Some(items) = property.get("items") {
                let item = from_property("", items, depth + 1);
                field.items = Some(item.field_type);
                field.fields = item.fields;
            }
        }
        _ => {}
    }
    field
}

/// `patchbay.schema.<stream>`: asks the platform which fields there are.
#[derive(Clone, Debug)]
pub struct Describe {
    /// How it is asked.
    pub request: Requester,
    label: Option<PathText>,
    fields: PathText,
    names: FieldNames,
    types: Vec<(String, FieldType, Option<Format>)>,
    custom: Vec<String>,
}

/// Under which names a platform describes its fields.
#[derive(Clone, Debug, Default)]
struct FieldNames {
    name: String,
    label: Option<String>,
    description: Option<String>,
    field_type: String,
    required: Option<String>,
    read_only: Option<String>,
    nullable: Option<String>,
    unique: Option<String>,
    max_length: Option<String>,
    options: Option<String>,
    option_value: String,
    option_label: Option<String>,
    fields: Option<String>,
}

/// Our field types, and formats that go without saying, by name.
const TYPES: &[(&str, FieldType, Option<Format>)] = &[
    ("any", FieldType::Any, None),
    ("text", FieldType::Text, None),
    ("email", FieldType::Text, Some(Format::Email)),
    ("phone", FieldType::Text, Some(Format::Phone)),
    ("url", FieldType::Text, Some(Format::Url)),
    ("uuid", FieldType::Text, Some(Format::Uuid)),
    ("html", FieldType::Text, Some(Format::Html)),
    ("id", FieldType::Text, Some(Format::Id)),
    ("country_code", FieldType::Text, Some(Format::CountryCode)),
    ("language_code", FieldType::Text, Some(Format::LanguageCode)),
    ("currency", FieldType::Text, Some(Format::Currency)),
    ("integer", FieldType::Integer, None),
    ("decimal", FieldType::Decimal, None),
    ("money", FieldType::Decimal, Some(Format::Money)),
    ("float", FieldType::Float, None),
    ("boolean", FieldType::Bool, None),
    ("date", FieldType::Date, None),
    ("time", FieldType::Time, None),
    ("timestamp", FieldType::Timestamp, None),
    ("bytes", FieldType::Bytes, None),
    ("enum", FieldType::Enum, None),
    ("object", FieldType::Object, None),
    ("list", FieldType::List, None),
    ("text_list", FieldType::List, None),
];

/// The type that the word at `view` means.
pub fn type_called(view: &View<'_>) -> Result<(FieldType, Option<Format>)> {
    let word = view.text()?;
    TYPES
        .iter()
        .find(|(name, _, _)| *name == word)
        .map(|(_, field_type, format)| (*field_type, *format))
        .ok_or_else(|| {
            let known: Vec<&str> = TYPES.iter().map(|(name, _, _)| *name).collect();
            view.fail(format!("`{word}` is no type of ours"), known.join(", "))
        })
}

impl Describe {
    /// From the file.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        view.only(&["request", "label", "fields", "field", "types", "custom"])?;
        let field = view.require("field", "under which names a field is described")?;
        field.only(&[
            "name",
            "label",
            "description",
            "type",
            "required",
            "read_only",
            "nullable",
            "unique",
            "max_length",
            "options",
            "option_value",
            "option_label",
            "fields",
        ])?;
        let named =
            |name: &str| -> Result<Option<String>> { Ok(field.text_of(name)?.map(str::to_owned)) };
        let mut types = Vec::new();
        if let Some(map) = view.get("types") {
            for (theirs, ours) in map.members()? {
                let (field_type, format) = type_called(&ours)?;
                types.push((theirs.to_owned(), field_type, format));
            }
        }
        Ok(Self {
            request: Requester::compile(&view.require("request", "how the platform is asked")?)?,
            label: view
                .get("label")
                .map(|label| PathText::compile(&label))
                .transpose()?,
            fields: PathText::compile(&view.require("fields", "where the list of fields is")?)?,
            names: FieldNames {
                name: named("name")?.unwrap_or_else(|| "name".into()),
                label: named("label")?,
                description: named("description")?,
                field_type: named("type")?.unwrap_or_else(|| "type".into()),
                required: named("required")?,
                read_only: named("read_only")?,
                nullable: named("nullable")?,
                unique: named("unique")?,
                max_length: named("max_length")?,
                options: named("options")?,
                option_value: named("option_value")?.unwrap_or_else(|| "value".into()),
                option_label: named("option_label")?,
                fields: named("fields")?,
            },
            types,
            custom: match view.get("custom") {
                Some(custom) => custom.texts()?,
                None => Vec::new(),
            },
        })
    }

    /// Reads an answer; none when it holds no list of fields.
    pub fn read(
        &self,
        scope: &Scope<'_>,
        env: &Env,
        answer: &Value,
        key: &[model::path::FieldPath],
    ) -> Result<Option<(Option<String>, Schema)>> {
        let label = match &self.label {
            Some(way) => glob_path::at(answer, &way.steps(scope, env)?).map(python_text),
            None => None,
        };
        let Some(Value::List(items)) = glob_path::at(answer, &self.fields.steps(scope, env)?)
        else {
            return Ok(None);
        };
        let mut fields = self.fields_of(items, 0);
        for field in &mut fields {
            field.key = key
                .iter()
                .any(|path| path.to_string() == field.name.as_str());
        }
        Ok(Some((label, Schema { fields })))
    }

    fn fields_of(&self, items: &[Value], depth: usize) -> Vec<Field> {
        items
            .iter()
            .take(MOST_FIELDS)
            .filter_map(|item| self.field_of(item, depth))
            .collect()
    }

    fn field_of(&self, described: &Value, depth: usize) -> Option<Field> {
        let described = described.as_object()?;
        let names = &self.names;
        let text = |name: &Option<String>| -> Option<String> {
            let value = described.get(name.as_deref()?)?;
            (!value.is_empty()).then(|| python_text(value))
        };
        let flag = |name: &Option<String>| {
            name.as_deref()
                .and_then(|name| described.get(name))
                .is_some_and(|value| *value == Value::Bool(true))
        };
        let word = described.get(&names.field_type).map(python_text)?;
        let (field_type, format) = self
            .types
            .iter()
            .find(|(theirs, _, _)| *theirs == word)
            .map(|(_, field_type, format)| (*field_type, *format))
            .or_else(|| {
                TYPES
                    .iter()
                    .find(|(name, _, _)| *name == word)
                    .map(|(_, field_type, format)| (*field_type, *format))
            })
            .unwrap_or_default();
        let mut field = Field::new(python_text(described.get(&names.name)?), field_type);
        field.format = format;
        field.label = text(&names.label);
        field.description = text(&names.description);
        field.required = flag(&names.required);
        field.read_only = flag(&names.read_only);
        field.nullable = flag(&names.nullable);
        field.unique = flag(&names.unique);
        field.max_length = text(&names.max_length).and_then(|digits| digits.parse().ok());
        field.custom = self
            .custom
            .iter()
            .any(|prefix| field.name.starts_with(prefix.as_str()));
        if let Some(Value::List(options)) = names
            .options
            .as_deref()
            .and_then(|name| described.get(name))
        {
            field.options = options
                .iter()
                .filter_map(|option| match option {
                    Value::Object(option) => Some(FieldOption {
                        value: python_text(option.get(&names.option_value)?),
                        label: names
                            .option_label
                            .as_deref()
                            .and_then(|name| option.get(name))
                            .filter(|label| !label.is_empty())
                            .map(python_text),
                    }),
                    plain => Some(FieldOption {
                        value: python_text(plain),
                        label: None,
                    }),
                })
                .collect();
        }
        if field_type == FieldType::List {
            field.items = Some(FieldType::Text);
        }
        if depth < DEEPEST
            && let Some(Value::List(members)) =
                names.fields.as_deref().and_then(|name| described.get(name))
        {
            field.fields = self.fields_of(members, depth + 1);
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_schema_becomes_fields() {
        let schema = from_json_schema(
            &serde_json::json!({
                "required": ["name"],
                "properties": {
                    "id": {"type": "integer"},
                    "name": {"type": ["null", "string"], "title": "Name", "maxLength": 80},
                    "born": {"type": "string", "format": "date"},
                    "stage": {"enum": ["a", "b"], "type": "string"},
                    "price": {"anyOf": [{"type": "null"}, {"type": "number", "airbyte_type": "decimal"}]},
                    "items": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}},
                    "odd": {},
                    "odder": 5,
                }
            }),
            &["id".parse().unwrap()],
        );
        let shown: Vec<String> = schema
            .walk()
            .into_iter()
            .map(|(path, field)| {
                format!(
                    "{path} {:?}{}{}{}",
                    field.field_type,
                    if field.key { " key" } else { "" },
                    if field.required { " required" } else { "" },
                    if field.nullable { " nullable" } else { "" }
                )
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        id Integer key
        name Text required nullable
        born Date
        stage Enum
        price Decimal nullable
        items List
        items[].sku Text
        odd Any nullable
        odder Any nullable
        ");
    }
}
