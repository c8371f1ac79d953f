//! Walking through a `connection_specification`: a JSON schema, as far as connector files use it.

use serde_json::Value;

/// The alternative that a value has chosen: the one whose constants it has.
pub(super) fn chosen<'a>(schema: &'a Value, value: &Value) -> Option<&'a Value> {
    let branches = schema
        .get("oneOf")
        .or_else(|| schema.get("anyOf"))?
        .as_array()?;
    let members = value.as_object()?;
    let fits = |branch: &Value| {
        properties(branch).all(|(name, below)| match constant(below) {
            Some(constant) => members.get(name).is_none_or(|member| member == constant),
            None => true,
        })
    };
    let has_constant = |branch: &Value| {
        properties(branch)
            .any(|(name, below)| constant(below).is_some() && members.contains_key(name))
    };
    let has_members = |branch: &Value| members.keys().all(|name| property(branch, name).is_some());
    branches
        .iter()
        .find(|branch| fits(branch) && has_constant(branch))
        .or_else(|| {
            branches
                .iter()
                .find(|branch| fits(branch) && has_members(branch))
        })
}

/// What a property always is within its alternative.
fn constant(schema: &Value) -> Option<&Value> {
    schema.get("const").or_else(|| {
        let options = schema.get("enum")?.as_array()?;
        options.first().filter(|_| options.len() == 1)
    })
}

pub(super) fn alternatives<'a>(schemas: &[&'a Value], depth: usize) -> Vec<&'a Value> {
    let mut all = Vec::new();
    for schema in schemas {
        all.push(*schema);
        for word in ["oneOf", "anyOf", "allOf"] {
            let branches = schema.get(word).and_then(Value::as_array);
            let branches: Vec<&Value> = branches.into_iter().flatten().collect();
            if depth < super::DEEPEST && !branches.is_empty() {
                all.extend(alternatives(&branches, depth + 1));
            }
        }
    }
    all
}

pub(super) fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
}

pub(super) fn property<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    schema
        .get("properties")
        .and_then(|properties| properties.get(name))
        .or_else(|| {
            schema
                .get("additionalProperties")
                .filter(|more| more.is_object())
        })
}

pub(super) fn is_marked_secret(schema: &Value) -> bool {
    schema.get("airbyte_secret").and_then(Value::as_bool) == Some(true)
}

pub(super) fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn label(schema: &Value, path: &str) -> String {
    schema.get("title").and_then(Value::as_str).map_or_else(
        || {
            let name = path.rsplit('/').next().unwrap_or_default();
            unescaped(name).replace('_', " ")
        },
        str::to_owned,
    )
}

/// As JSON pointers write names.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn unescaped(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}
