//! `DynamicSchemaLoader`: the JSON schema of a stream, from what the platform itself says of its fields.
//!
//! The request is somebody else's; here its first record becomes a schema: where the fields are described in it, what
//! each is called, which of its types means which of ours, and what is left out or renamed afterwards.

use compact_str::CompactString;
use model::row::Row;
use model::value::{Object, Value};
use serde_json::{Value as Schema, json};
use template::{Env, Scope};

use super::glob_path::GlobPath;
use super::node::{Kind, View};
use super::spot::Spot;
use super::text::{Condition, PathText};
use super::transform::Transformation;
use crate::Result;

/// Types within types that are followed.
const DEEPEST: usize = 32;

/// How a description of fields is read, from the connector file.
#[derive(Clone, Debug)]
pub struct SchemaTypes {
    spot: Spot,
    fields: PathText,
    key: PathText,
    kind: Option<PathText>,
    mapped: Vec<Mapped>,
    filter: Condition,
    transformations: Vec<Transformation>,
}

/// `TypesMap`: what a type of the platform's is here.
#[derive(Clone, Debug)]
struct Mapped {
    theirs: Value,
    ours: FieldType,
    condition: Condition,
}

/// A type of ours.
#[derive(Clone, Debug, PartialEq)]
enum FieldType {
    One(CompactString),
    /// Either of two.
    Either(CompactString, CompactString),
    /// `ComplexFieldType`: a list and what is in it.
    Of(CompactString, Option<Box<FieldType>>),
}

/// The types that there are, and what they are in a JSON schema.
const TYPES: &[&str] = &[
    "string",
    "boolean",
    "date",
    "timestamp_without_timezone",
    "timestamp_with_timezone",
    "time_without_timezone",
    "time_with_timezone",
    "integer",
    "number",
    "array",
    "object",
];

impl SchemaTypes {
    /// From the file: the view of the whole loader, whose `retriever` is not looked at.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        let identifier = view.require("schema_type_identifier", "how fields are described")?;
        let path = |name: &str| -> Result<Option<PathText>> {
            identifier
                .get(name)
                .filter(|path| !path.node().is_falsy())
                .map(|path| PathText::compile(&path))
                .transpose()
        };
        let mut mapped = Vec::new();
        if let Some(maps) = identifier.get("types_mapping") {
            for map in maps.items()? {
                mapped.push(Mapped {
                    theirs: Value::from_serde(
                        &map.require("current_type", "a type of the platform's")?
                            .node()
                            .to_json(),
                    ),
                    ours: FieldType::compile(
                        &map.require("target_type", "one of the types here")?,
                        0,
                    )?,
                    condition: Condition::member(&map, "condition", true)?,
                });
            }
        }
        Ok(Self {
            spot: Spot::of(&identifier),
            fields: path("schema_pointer")?.unwrap_or_default(),
            key: path("key_pointer")?.ok_or_else(|| {
                identifier.fail(
                    "`key_pointer` is missing",
                    "`key_pointer`: where a field's name stands",
                )
            })?,
            kind: path("type_pointer")?,
            mapped,
            filter: match view.get("schema_filter") {
                Some(filter) => match filter.component()? {
                    "RecordFilter" => Condition::member(&filter, "condition", true)?,
                    "CustomRecordFilter" => return Err(super::spot::needs_python(&filter)),
                    _ => return Err(filter.unknown_component(&["RecordFilter"])),
                },
                None => Condition::Fixed(true),
            },
            transformations: Transformation::compile_list(
                view.get("schema_transformations").as_ref(),
            )?,
        })
    }

    /// The schema that the platform's first record describes; `scope` has `config`. Without a record there are no
    /// fields.
    pub fn json_schema(
        &self,
        described: Option<&Value>,
        scope: &Scope<'_>,
        env: &Env,
    ) -> Result<Schema> {
        let mut properties = Object::new();
        if let Some(described) = described {
            let fields = self.found(&self.fields, described, scope, env)?;
            let Some(Value::List(fields)) = fields else {
                return Err(self.spot.fail(
                    "the platform's answer has no list of fields at `schema_pointer`",
                    "the path of the list in which each field is described",
                ));
            };
            for field in fields {
                let (name, schema) = self.field(field, scope, env)?;
                properties.insert(name, Value::from_serde(&schema));
            }
        }
        if self.filter != Condition::Fixed(true) {
            let mut kept = Object::new();
            for (name, schema) in properties {
                let record = Value::Object(Object::from_iter([(name.clone(), schema.clone())]));
                let scope = Scope::within(scope).with("record", &record);
                if self.filter.holds(&scope, env)? {
                    kept.insert(name, schema);
                }
            }
            properties = kept;
        }
        let mut row = Row::from(Value::Object(properties));
        for transformation in &self.transformations {
            transformation.apply(&mut row, scope, env)?;
        }
        Ok(json!({
            "$schema": "https://json-schema.org/draft-07/schema#",
            "type": "object",
            "additionalProperties": true,
            "properties": row.into_value().to_serde(),
        }))
    }

    fn found<'v>(
        &self,
        path: &PathText,
        value: &'v Value,
        scope: &Scope<'_>,
        env: &Env,
    ) -> Result<Option<&'v Value>> {
        let path = GlobPath::new(path.steps(scope, env)?);
        let found = path.as_ref().and_then(|path| path.one(value).ok());
        found.ok_or_else(|| {
            self.spot.fail(
                "a path finds more than one value",
                "paths that lead to one value",
            )
        })
    }

    /// The name of a field and its schema.
    fn field(
        &self,
        described: &Value,
        scope: &Scope<'_>,
        env: &Env,
    ) -> Result<(CompactString, Schema)> {
        let Some(Value::Text(name)) = self.found(&self.key, described, scope, env)? else {
            return Err(self.spot.fail(
                "a field has no name, or one that is no text",
                "`key_pointer`: where a field's name stands",
            ));
        };
        let text = Value::text("string");
        let theirs = match &self.kind {
            Some(path) => self.found(path, described, scope, env)?.unwrap_or(&text),
            None => &text,
        };
        let schema = match self.mapped(theirs, described, scope, env)? {
            Some(ours) => ours.json_schema(),
            None => FieldType::of_value(theirs).and_then(|own| own.json_schema()),
        };
        let schema = schema.ok_or_else(|| {
            self.spot.fail(
                format!(
                    "the field {name} has the type {}, which means nothing here",
                    model::json::to_string(theirs)
                ),
                format!(
                    "an entry for it in `types_mapping`, or one of {}",
                    TYPES.join(", ")
                ),
            )
        })?;
        Ok((name.clone(), schema))
    }

    fn mapped(
        &self,
        theirs: &Value,
        described: &Value,
        scope: &Scope<'_>,
        env: &Env,
    ) -> Result<Option<&FieldType>> {
        for map in &self.mapped {
            let scope = Scope::within(scope).with("raw_schema", described);
            if map.theirs == *theirs && map.condition.holds(&scope, env)? {
                return Ok(Some(&map.ours));
            }
        }
        Ok(None)
    }
}

impl FieldType {
    fn compile(view: &View<'_>, depth: usize) -> Result<Self> {
        if depth > DEEPEST {
            return Err(view.fail("the type is nested too deeply", "fewer lists within lists"));
        }
        Ok(match &view.node().kind {
            Kind::Map(_) => {
                let own = view
                    .require("field_type", "one of the types here")?
                    .text()?;
                let items = view
                    .get("items")
                    .map(|items| Self::compile(&items, depth + 1).map(Box::new))
                    .transpose()?;
                if items.is_some() && own != "array" {
                    return Err(view.fail(
                        format!("`items` does not go with the type `{own}`"),
                        "`items` beside `field_type: array`",
                    ));
                }
                Self::Of(own.into(), items)
            }
            Kind::List(_) => match view.texts()?.as_slice() {
                [one, other] => Self::Either(one.into(), other.into()),
                _ => {
                    return Err(view.fail(
                        "this is no type",
                        "one type, a list of two, or `field_type` with `items`",
                    ));
                }
            },
            _ => Self::One(view.text()?.into()),
        })
    }

    /// The type that the platform's own word is.
    fn of_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(one) => Some(Self::One(one.clone())),
            Value::List(both) => match both.as_slice() {
                [Value::Text(one), Value::Text(other)] => {
                    Some(Self::Either(one.clone(), other.clone()))
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn json_schema(&self) -> Option<Schema> {
        match self {
            Self::One(own) | Self::Of(own, None) => simple(own),
            Self::Either(one, other) => Some(json!({"oneOf": [simple(one)?, simple(other)?]})),
            Self::Of(own, Some(items)) => {
                let mut schema = simple(own)?;
                schema
                    .as_object_mut()?
                    .insert("items".into(), items.json_schema()?);
                Some(schema)
            }
        }
    }
}

fn simple(own: &str) -> Option<Schema> {
    let formatted = |format: &str| json!({"type": ["null", "string"], "format": format});
    let marked =
        |format: &str| json!({"type": ["null", "string"], "format": format, "airbyte_type": own});
    Some(match own {
        "string" | "boolean" | "integer" | "number" | "array" | "object" => {
            json!({"type": ["null", own]})
        }
        "date" => formatted("date"),
        "timestamp_with_timezone" => formatted("date-time"),
        "timestamp_without_timezone" => marked("date-time"),
        "time_without_timezone" | "time_with_timezone" => marked("time"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declarative::node::Node;
    use model::clock::Clock;

    fn types(yaml: &str) -> Result<SchemaTypes> {
        let node = Node::parse("x.yaml", yaml).unwrap();
        SchemaTypes::compile(&View::root("x.yaml", &node))
    }

    fn properties(yaml: &str, described: &str) -> Result<String> {
        let config = Value::Object(Object::new());
        let described = model::json::parse(described.as_bytes()).unwrap();
        let scope = Scope::new().with("config", &config);
        let schema =
            types(yaml)?.json_schema(Some(&described), &scope, &Env::new(Clock::system()))?;
        assert_eq!(schema["type"], "object");
        Ok(schema["properties"].to_string())
    }

    const FIELDS: &str = "schema_type_identifier: {schema_pointer: [fields], key_pointer: [name], type_pointer: [type], types_mapping: [{target_type: string, current_type: text}, {target_type: [integer, string], current_type: [a, b]}, {target_type: {field_type: array, items: {field_type: array, items: integer}}, current_type: list}, {target_type: number, current_type: n, condition: '{{ raw_schema.exact }}'}]}";

    #[test]
    fn fields_get_the_types_that_are_meant() {
        for (described, schema) in [
            (
                r#"{"name":"f","type":"text"}"#,
                r#"{"type":["null","string"]}"#,
            ),
            (r#"{"name":"f"}"#, r#"{"type":["null","string"]}"#),
            (
                r#"{"name":"f","type":"date"}"#,
                r#"{"type":["null","string"],"format":"date"}"#,
            ),
            (
                r#"{"name":"f","type":"time_with_timezone"}"#,
                r#"{"type":["null","string"],"format":"time","airbyte_type":"time_with_timezone"}"#,
            ),
            (
                r#"{"name":"f","type":["a","b"]}"#,
                r#"{"oneOf":[{"type":["null","integer"]},{"type":["null","string"]}]}"#,
            ),
            (
                r#"{"name":"f","type":["boolean","number"]}"#,
                r#"{"oneOf":[{"type":["null","boolean"]},{"type":["null","number"]}]}"#,
            ),
            (
                r#"{"name":"f","type":"list"}"#,
                r#"{"type":["null","array"],"items":{"type":["null","array"],"items":{"type":["null","integer"]}}}"#,
            ),
            (
                r#"{"name":"f","type":"n","exact":true}"#,
                r#"{"type":["null","number"]}"#,
            ),
        ] {
            assert_eq!(
                properties(FIELDS, &format!("{{\"fields\":[{described}]}}")).unwrap(),
                format!("{{\"f\":{schema}}}")
            );
        }
    }

    #[test]
    fn what_has_no_type_or_no_name_is_named() {
        for (described, problem) in [
            (
                r#"{"fields":[{"name":"f","type":"n","exact":false}]}"#,
                "the field f has the type \"n\"",
            ),
            (
                r#"{"fields":[{"name":"f","type":7}]}"#,
                "the field f has the type 7",
            ),
            (r#"{"fields":[{"type":"text"}]}"#, "a field has no name"),
            (r#"{"other":[]}"#, "no list of fields"),
        ] {
            let error = properties(FIELDS, described).unwrap_err().to_string();
            assert!(
                error.contains(problem) && error.contains("line 1"),
                "{error}"
            );
        }
        for (yaml, problem) in [
            (
                "schema_type_identifier: {type_pointer: [a]}",
                "`key_pointer` is missing",
            ),
            (
                "schema_type_identifier: {key_pointer: [a], types_mapping: [{current_type: a, target_type: {field_type: string, items: string}}]}",
                "`items` does not go with",
            ),
            (
                "schema_type_identifier: {key_pointer: [a], types_mapping: [{current_type: a, target_type: [string]}]}",
                "this is no type",
            ),
            (
                "{schema_type_identifier: {key_pointer: [a]}, schema_filter: {type: CustomRecordFilter, class_name: x.Y}}",
                "`CustomRecordFilter` is Python code",
            ),
        ] {
            let error = types(yaml).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn a_schema_may_be_filtered_and_transformed() {
        let yaml = "{schema_type_identifier: {schema_pointer: [], key_pointer: [name]}, schema_filter: {type: RecordFilter, condition: '{{ record.aB }}'}, schema_transformations: [{type: KeysToSnakeCase}]}";
        assert_eq!(
            properties(yaml, r#"[{"name":"aB"}]"#).unwrap(),
            r#"{"a_b":{"type":["null","string"]}}"#
        );
    }

    #[test]
    fn without_a_description_there_are_no_fields() {
        let schema = types(FIELDS)
            .unwrap()
            .json_schema(None, &Scope::new(), &Env::new(Clock::system()))
            .unwrap();
        assert_eq!(schema["properties"], json!({}));
    }
}
