//! The published documents: the JSON Schema of connector files and their reference.

use serde_json::{Map, Value, json};

use super::{Component, Field, Holds, SHAPES, Shapes};

/// The JSON Schema (draft 2020-12) of connector files, for editors and other programs.
pub fn json_schema() -> Value {
    let shapes = &*SHAPES;
    let mut defs = Map::new();
    defs.insert(
        "reference".into(),
        json!({
            "description": "A part that stands elsewhere in the file; members beside `$ref` replace those of the part.",
            "anyOf": [
                {"type": "string", "pattern": "^#/"},
                {"type": "object", "required": ["$ref"], "properties": {"$ref": {"type": "string", "pattern": "^#/"}}},
            ],
        }),
    );
    for (name, choice) in &shapes.kinds {
        let of: Vec<Value> = choice.of.iter().map(|name| reference_to(name)).collect();
        defs.insert(slug(name), json!({"description": choice.says, "anyOf": of}));
    }
    for (name, component) in &shapes.components {
        defs.insert(slug(name), component_schema(shapes, name, component));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Patchbay connector file",
        "description": "The reading side is a low-code manifest; what stands under `patchbay` is ours. Types that the place makes clear may be left out, and `$parameters` may fill members in, so nothing is required on the reading side.",
        "$ref": "#/$defs/DeclarativeSource",
        "$defs": defs,
    })
}

fn component_schema(shapes: &Shapes, name: &str, component: &Component) -> Value {
    let mut properties = Map::new();
    if component.is_ours && component.written.is_some() {
        properties.insert("type".into(), json!({"const": shapes.written(name)}));
    }
    if !component.is_ours {
        properties.insert("type".into(), json!({"const": shapes.written(name)}));
        properties.insert("$parameters".into(), json!({"type": "object"}));
    }
    for (name, field) in &component.fields {
        properties.insert(name.clone(), field_schema(field));
    }
    let is_told_by_type = component.is_ours && component.written.is_some();
    let required: Vec<&str> = component
        .fields
        .iter()
        .filter(|(_, field)| field.is_required)
        .map(|(name, _)| name.as_str())
        .chain(is_told_by_type.then_some("type"))
        .collect();
    let mut out = Map::new();
    out.insert("description".into(), json!(component.says));
    out.insert("type".into(), json!("object"));
    out.insert("properties".into(), Value::Object(properties));
    if component.is_ours {
        out.insert("required".into(), json!(required));
        out.insert("additionalProperties".into(), json!(component.is_open));
    }
    Value::Object(out)
}

fn field_schema(field: &Field) -> Value {
    let mut says = field.says.clone();
    if field.is_idle {
        says.push_str(" (No effect here.)");
    }
    match holds_schema(&field.holds) {
        Value::Object(mut schema) if !schema.contains_key("$ref") => {
            if schema.is_empty() {
                return json!({"description": says});
            }
            let mut of = vec![Value::Object(std::mem::take(&mut schema))];
            of.push(json!({"$ref": "#/$defs/reference"}));
            json!({"description": says, "anyOf": of})
        }
        other => json!({"description": says, "anyOf": [other, {"$ref": "#/$defs/reference"}]}),
    }
}

fn holds_schema(holds: &Holds) -> Value {
    match holds {
        Holds::Text | Holds::Template => json!({"type": ["string", "number", "boolean", "null"]}),
        Holds::Count => json!({"type": ["integer", "string", "null"]}),
        Holds::Number => json!({"type": ["number", "string", "null"]}),
        Holds::Flag => json!({"type": ["boolean", "string", "null"]}),
        Holds::Any => json!({}),
        Holds::Map => json!({"type": ["object", "null"]}),
        Holds::Path => json!({"type": ["array", "string", "number", "null"]}),
        Holds::Words(words) => json!({"enum": words}),
        Holds::List(inner) => {
            let inner = holds_schema(inner);
            json!({"type": "array", "items": {"anyOf": [inner, {"$ref": "#/$defs/reference"}]}})
        }
        Holds::MapOf(inner) => {
            let inner = holds_schema(inner);
            json!({"type": "object", "additionalProperties": {"anyOf": [inner, {"$ref": "#/$defs/reference"}]}})
        }
        Holds::Either(several) => {
            let of: Vec<Value> = several.iter().map(holds_schema).collect();
            json!({"anyOf": of})
        }
        Holds::Named(name) => reference_to(name),
    }
}

fn reference_to(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{}", slug(name))})
}

fn slug(name: &str) -> String {
    name.replace(' ', "_")
}

/// The reference documentation, as Markdown.
pub fn reference() -> String {
    let shapes = &*SHAPES;
    let mut out = String::from(
        "# Connector files\n\n\
         Everything that may stand in a connector file. How to write one: [Add a connector](howto/add-connector.md). \
         Where it differs from the low-code format elsewhere: [Differences](low-code-differences.md).\n\n\
         This page is made from `crates/connectors/schema`; so is the JSON Schema beside it, \
         `connector.schema.json`, which editors can use.\n\n\
         **Bold** members must be there. A `path` is a list of names, or one name; `template` means that \
         `{{ … }}` is filled in. Any value can be written once and used by `$ref: \"#/definitions/…\"`.\n\n",
    );
    out.push_str("## Under `patchbay`\n\nNames that are not listed here are refused.\n");
    for (name, component) in shapes.components.iter().filter(|(_, part)| part.is_ours) {
        section(&mut out, name, component);
    }
    out.push_str("\n## The reading side\n\nNames that are not listed here have no effect; `patchbay connector validate` points them out.\n\n");
    out.push_str("| Where one of several may stand | One of |\n|---|---|\n");
    for (name, choice) in &shapes.kinds {
        let of: Vec<String> = choice.of.iter().map(|name| link(shapes, name)).collect();
        out.push_str(&format!(
            "| {name}: {} | {} |\n",
            choice.says,
            of.join(", ")
        ));
    }
    for (name, component) in shapes.components.iter().filter(|(_, part)| !part.is_ours) {
        section(&mut out, name, component);
    }
    out
}

fn section(out: &mut String, name: &str, component: &Component) {
    out.push_str(&format!("\n### {name}\n\n{}", component.says));
    if let Some(written) = &component.written {
        out.push_str(&format!(" Written `type: {written}`."));
    }
    if component.is_addition {
        out.push_str(" Only here: the low-code format elsewhere does not have it.");
    }
    if component.is_python || component.is_absent {
        out.push_str(
            " Not run here: streams that use it are left out and named, the others go on.",
        );
    }
    out.push('\n');
    if !component.fields.is_empty() {
        out.push_str("\n| Member | Holds | Meaning |\n|---|---|---|\n");
    }
    for (name, field) in &component.fields {
        let shown = match field.is_required {
            true => format!("**`{name}`**"),
            false => format!("`{name}`"),
        };
        let idle = if field.is_idle {
            " No effect here."
        } else {
            ""
        };
        out.push_str(&format!(
            "| {shown} | {} | {}{idle} |\n",
            linked(&field.holds),
            field.says
        ));
    }
    if let Some(example) = &component.example {
        let language = match example.from.starts_with('<') {
            true => "xml",
            false => "json",
        };
        out.push_str(&format!(
            "\n```yaml\n{}```\n\nmakes of\n\n```{language}\n{}```\n\nthis:\n\n```json\n{}```\n",
            example.write, example.from, example.gives
        ));
    }
}

fn linked(holds: &Holds) -> String {
    match holds {
        Holds::List(inner) => format!("list of {}", linked(inner)),
        Holds::MapOf(inner) => format!("map of {}", linked(inner)),
        Holds::Either(several) => several.iter().map(linked).collect::<Vec<_>>().join(", or "),
        Holds::Named(name) => link(&SHAPES, name),
        // The page says at its beginning what these are.
        Holds::Path => "path".into(),
        Holds::Template => "template".into(),
        other => other.words(),
    }
}

fn link(shapes: &Shapes, name: &str) -> String {
    match shapes.components.contains_key(name) {
        true => format!("[{name}](#{})", name.to_lowercase()),
        false => name.to_owned(),
    }
}
