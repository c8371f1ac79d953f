//! What a person typed in: completed, checked, shown.

use serde_json::{Map, Value};

use super::specification::{chosen, escaped, label, properties, property, types};
use super::{DEEPEST, has_references, is_reference, limits};

/// Something about the settings that cannot stay so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: `/credentials/api_key`.
    pub path: String,
    /// Its name for people.
    pub label: String,
    /// What is wrong.
    pub problem: String,
}

/// Brings what was typed in to the types that the specification asks for, and fills in what it has a value
/// for by itself. Texts stay as they are where they do not fit: [`check`] says so.
pub fn complete(specification: &Value, config: &Value) -> Value {
    complete_below(specification, config, 0)
}

fn complete_below(schema: &Value, value: &Value, depth: usize) -> Value {
    if depth > DEEPEST || is_reference(value) {
        return value.clone();
    }
    match value {
        Value::String(text) => typed(schema, text).unwrap_or_else(|| value.clone()),
        Value::Array(items) => {
            let below = schema.get("items").unwrap_or(&Value::Null);
            items
                .iter()
                .map(|item| complete_below(below, item, depth + 1))
                .collect()
        }
        Value::Object(members) => {
            let branch = chosen(schema, value);
            let mut members = members.clone();
            for schema in [Some(schema), branch].into_iter().flatten() {
                for (name, below) in properties(schema) {
                    match members.get_mut(name) {
                        Some(member) => *member = complete_below(below, member, depth + 1),
                        None => {
                            if let Some(value) = own_value(below, depth) {
                                members.insert(name.clone(), value);
                            }
                        }
                    }
                }
            }
            Value::Object(members)
        }
        other => other.clone(),
    }
}

/// What a property is when nothing is said: its default or its constant.
fn own_value(schema: &Value, depth: usize) -> Option<Value> {
    if let Some(value) = schema.get("default").or_else(|| schema.get("const")) {
        return Some(value.clone());
    }
    // An object whose members all say for themselves what they are.
    let members = schema.get("properties")?.as_object()?;
    if depth > DEEPEST || schema.get("oneOf").is_some() {
        return None;
    }
    let members: Map<String, Value> = members
        .iter()
        .filter_map(|(name, below)| Some((name.clone(), own_value(below, depth + 1)?)))
        .collect();
    (!members.is_empty()).then_some(Value::Object(members))
}

fn typed(schema: &Value, text: &str) -> Option<Value> {
    let trimmed = text.trim();
    let first = types(schema).into_iter().find(|word| *word != "null")?;
    match first {
        "integer" => trimmed.parse::<i64>().ok().map(Into::into),
        "number" => trimmed
            .parse::<f64>()
            .ok()
            .and_then(serde_json::Number::from_f64)
            .map(Value::Number),
        "boolean" => match trimmed {
            "true" | "yes" => Some(Value::Bool(true)),
            "false" | "no" => Some(Value::Bool(false)),
            _ => None,
        },
        "array" | "object" => serde_json::from_str(trimmed).ok(),
        _ => None,
    }
}

/// Without the spaces around texts, and without what was left empty.
pub fn tidy(config: &Value) -> Value {
    match config {
        Value::String(text) => text.trim().into(),
        Value::Array(items) => items
            .iter()
            .map(tidy)
            .filter(|item| item.as_str() != Some(""))
            .collect(),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, member)| (name.clone(), tidy(member)))
                .filter(|(_, member)| !member.is_null() && member.as_str() != Some(""))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// The settings with the references of stored ones in the places where nothing was typed in.
pub fn keep_secrets(stored: &Value, config: &Value) -> Value {
    let (Value::Object(stored), Value::Object(members)) = (stored, config) else {
        return config.clone();
    };
    let mut members = members.clone();
    for (name, kept) in stored {
        match members.get_mut(name) {
            None if is_reference(kept) => {
                members.insert(name.clone(), kept.clone());
            }
            Some(member) if !is_reference(kept) => *member = keep_secrets(kept, member),
            _ => {}
        }
    }
    Value::Object(members)
}

/// A setting for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Where it is: `/credentials/user`.
    pub path: String,
    /// Its name.
    pub label: String,
    /// What it is.
    pub text: String,
}

/// The settings one after another, without secrets.
pub fn values(specification: &Value, config: &Value) -> Vec<Shown> {
    let mut out = Vec::new();
    values_below(specification, config, "", &mut out, 0);
    out
}

fn values_below(schema: &Value, value: &Value, path: &str, out: &mut Vec<Shown>, depth: usize) {
    if depth > DEEPEST || has_references(value) && !value.is_object() || is_reference(value) {
        return;
    }
    match value {
        Value::Object(members) => {
            let branch = chosen(schema, value);
            for (name, member) in members {
                let below = branch
                    .and_then(|branch| property(branch, name))
                    .or_else(|| property(schema, name))
                    .unwrap_or(&Value::Null);
                let path = format!("{path}/{}", escaped(name));
                values_below(below, member, &path, out, depth + 1);
            }
        }
        Value::Null => {}
        Value::String(text) => out.push(Shown {
            path: path.to_owned(),
            label: label(schema, path),
            text: text.clone(),
        }),
        other => out.push(Shown {
            path: path.to_owned(),
            label: label(schema, path),
            text: other.to_string(),
        }),
    }
}

/// What is missing or does not fit.
pub fn check(specification: &Value, config: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    check_below(specification, config, "", &mut problems, 0);
    problems
}

fn check_below(
    schema: &Value,
    value: &Value,
    path: &str,
    problems: &mut Vec<Problem>,
    depth: usize,
) {
    if depth > DEEPEST || is_reference(value) {
        return;
    }
    let complain = |problems: &mut Vec<Problem>, problem: String| {
        problems.push(Problem {
            label: label(schema, path),
            path: path.to_owned(),
            problem,
        });
    };
    let wanted = types(schema);
    if !wanted.is_empty() && !wanted.iter().any(|word| is_of(value, word)) {
        let words: Vec<&str> = wanted.iter().map(|word| type_words(word)).collect();
        complain(problems, format!("must be {}", words.join(" or ")));
        return;
    }
    if let Some(options) = schema.get("enum").and_then(Value::as_array)
        && !options.contains(value)
    {
        let options: Vec<String> = options.iter().take(20).map(shown).collect();
        complain(problems, format!("must be one of {}", options.join(", ")));
    }
    if let Some(problem) = limits::problem(schema, value) {
        complain(problems, problem);
        return;
    }
    if let (Value::Array(items), Some(below)) = (value, schema.get("items")) {
        for (at, item) in items.iter().enumerate() {
            check_below(below, item, &format!("{path}/{at}"), problems, depth + 1);
        }
    }
    let Value::Object(members) = value else {
        return;
    };
    let branches = schema.get("oneOf").and_then(Value::as_array);
    let branch = chosen(schema, value);
    if branches.is_some_and(|branches| !branches.is_empty()) && branch.is_none() {
        complain(problems, "one of its kinds must be chosen".to_owned());
        return;
    }
    for schema in [Some(schema), branch].into_iter().flatten() {
        let required = schema.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            let is_there = members
                .get(name)
                .is_some_and(|member| !member.is_null() && member.as_str() != Some(""));
            if !is_there {
                let below = property(schema, name).unwrap_or(&Value::Null);
                let path = format!("{path}/{}", escaped(name));
                problems.push(Problem {
                    label: label(below, &path),
                    path,
                    problem: "is empty".to_owned(),
                });
            }
        }
        for (name, below) in properties(schema) {
            if let Some(member) = members.get(name)
                && !member.is_null()
                && member.as_str() != Some("")
            {
                let path = format!("{path}/{}", escaped(name));
                check_below(below, member, &path, problems, depth + 1);
            }
        }
    }
}

fn is_of(value: &Value, word: &str) -> bool {
    match word {
        "string" => value.is_string(),
        "integer" => {
            value.is_i64()
                || value.is_u64()
                || value.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => true,
    }
}

fn type_words(word: &str) -> &str {
    match word {
        "string" => "a text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "a group of settings",
        "null" => "empty",
        other => other,
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("\"{text}\""),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::specification;
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_typed_in_gets_its_type_and_what_was_left_out_its_default() {
        let typed = json!({"shop": "7", "page_size": " 50 ", "credentials": {"key": "1e5"}});
        assert_eq!(
            complete(&specification(), &typed),
            json!({"shop": "7", "page_size": 50, "credentials": {"key": "1e5", "kind": "key"}})
        );
        assert_eq!(
            complete(&specification(), &json!({})),
            json!({"page_size": 100})
        );
    }

    #[test]
    fn what_was_not_typed_in_again_stays_secret() {
        let stored = json!({"shop": "tea", "credentials": {"kind": "key", "key": {"$secret": "/credentials/key"}}});
        let typed =
            json!({"shop": " coffee ", "region": "", "credentials": {"kind": "key", "key": ""}});
        assert_eq!(
            keep_secrets(&stored, &tidy(&typed)),
            json!({"shop": "coffee", "credentials": {"kind": "key", "key": {"$secret": "/credentials/key"}}})
        );
        assert_eq!(keep_secrets(&Value::Null, &typed), typed);
    }

    #[test]
    fn settings_are_shown_without_secrets() {
        let stored = json!({"shop": "tea", "keys": [{"$secret": "/keys/0"}], "page_size": 5,
            "credentials": {"kind": "user", "user": "ada", "password": {"$secret": "/credentials/password"}}});
        let shown: Vec<String> = values(&specification(), &stored)
            .into_iter()
            .map(|value| format!("{} {}", value.label, value.text))
            .collect();
        assert_eq!(shown, ["Shop tea", "page size 5", "kind user", "user ada"]);
    }

    #[test]
    fn complaints_name_the_field() {
        let complaints = |config: Value| -> Vec<String> {
            check(&specification(), &config)
                .into_iter()
                .map(|problem| format!("{} {}", problem.path, problem.problem))
                .collect()
        };
        assert_eq!(
            complaints(json!({"shop": "", "region": "moon", "page_size": "many",
                "credentials": {"kind": "key"}})),
            [
                "/shop is empty",
                "/page_size must be a whole number",
                "/region must be one of \"eu\", \"us\"",
                "/credentials/key is empty",
            ]
        );
        assert_eq!(
            complaints(json!({"shop": "tea", "credentials": {"kind": "neither"}})),
            ["/credentials one of its kinds must be chosen"]
        );
        let stored =
            json!({"shop": "tea", "credentials": {"kind": "key", "key": {"$secret": "/k"}}});
        assert_eq!(complaints(stored), [""; 0]);
    }
}
