//! The settings of a connection, as its connector's `connection_specification` describes them.
//!
//! What the specification marks as secret never comes to the database: in the document of the connection
//! stands a reference, `{"$secret": "/credentials/api_key"}`, and the value lies in the keychain under the
//! connection's id, by the same path.

use std::collections::BTreeMap;

use connectors::secrets::Keeper;
use model::ids::ConnectionId;
use model::secret::Secret;
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// Objects within objects that are followed.
const DEEPEST: usize = 16;
/// The member that says: the value lies in the keychain.
const REFERENCE: &str = "$secret";

/// Secret settings by their path (`/credentials/api_key`), each as JSON text.
pub type Secrets = BTreeMap<String, Secret>;

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

/// Takes what is secret out of the settings and leaves references in its place. References that are there
/// already stay.
pub fn split(specification: &Value, config: &Value) -> (Value, Secrets) {
    let mut secrets = Secrets::new();
    let document = take_out(&[specification], config, "", &mut secrets, 0);
    (document, secrets)
}

fn take_out(
    schemas: &[&Value],
    value: &Value,
    path: &str,
    secrets: &mut Secrets,
    depth: usize,
) -> Value {
    if depth > DEEPEST {
        return value.clone();
    }
    let is_secret = schemas.iter().any(|schema| is_marked_secret(schema));
    if is_secret && !is_reference(value) && !value.is_null() {
        secrets.insert(path.to_owned(), Secret::new(value.to_string()));
        return reference(path);
    }
    match value {
        Value::Object(members) if !is_reference(value) => {
            let members = members
                .iter()
                .map(|(name, member)| {
                    // Of alternatives all are looked at: better one secret too many than one too few.
                    let below = alternatives(schemas, depth)
                        .into_iter()
                        .filter_map(|schema| property(schema, name))
                        .collect::<Vec<_>>();
                    let path = format!("{path}/{}", escaped(name));
                    let member = take_out(&below, member, &path, secrets, depth + 1);
                    (name.clone(), member)
                })
                .collect::<Map<_, _>>();
            Value::Object(members)
        }
        Value::Array(items) => {
            let below: Vec<&Value> = alternatives(schemas, depth)
                .into_iter()
                .filter_map(|schema| schema.get("items"))
                .collect();
            items
                .iter()
                .enumerate()
                .map(|(at, item)| {
                    take_out(&below, item, &format!("{path}/{at}"), secrets, depth + 1)
                })
                .collect()
        }
        _ => value.clone(),
    }
}

/// Puts secrets back in the place of their references. A reference without a secret is left out.
pub fn join(document: &Value, secrets: &Secrets) -> Value {
    put_back(document, secrets, 0).unwrap_or(Value::Null)
}

fn put_back(value: &Value, secrets: &Secrets, depth: usize) -> Option<Value> {
    if depth > DEEPEST {
        return Some(value.clone());
    }
    match value {
        Value::Object(members) => match referred(value) {
            Some(path) => secrets
                .get(path)
                .and_then(|secret| serde_json::from_str(secret.reveal()).ok()),
            None => Some(Value::Object(
                members
                    .iter()
                    .filter_map(|(name, member)| {
                        Some((name.clone(), put_back(member, secrets, depth + 1)?))
                    })
                    .collect(),
            )),
        },
        Value::Array(items) => Some(
            items
                .iter()
                .filter_map(|item| put_back(item, secrets, depth + 1))
                .collect(),
        ),
        other => Some(other.clone()),
    }
}

/// Every text among secrets that must not show anywhere.
pub(crate) fn texts(secrets: &Secrets) -> Vec<Secret> {
    secrets
        .values()
        .filter_map(
            |secret| match serde_json::from_str::<Value>(secret.reveal()).ok()? {
                Value::String(text) => Some(Secret::new(text)),
                Value::Number(number) => Some(Secret::new(number.to_string())),
                _ => None,
            },
        )
        .collect()
}

/// The secret settings of a connection.
pub(crate) async fn load(keeper: &Keeper, connection: ConnectionId) -> Result<Secrets> {
    let Some(text) = keeper.get(&entry(connection)).await? else {
        return Ok(Secrets::new());
    };
    // Not the parser's words: they may quote the text.
    let stored: BTreeMap<String, Value> = serde_json::from_str(text.reveal()).map_err(|_| {
        Error::Refused(format!(
            "the secret settings of connection {connection} are damaged; connect it again"
        ))
    })?;
    Ok(stored
        .into_iter()
        .map(|(path, value)| (path, Secret::new(value.to_string())))
        .collect())
}

/// Stores the secret settings of a connection in place of those before.
pub(crate) async fn store(
    keeper: &Keeper,
    connection: ConnectionId,
    secrets: &Secrets,
) -> Result<()> {
    if secrets.is_empty() {
        return remove(keeper, connection).await;
    }
    let members: Map<String, Value> = secrets
        .iter()
        .map(|(path, secret)| {
            let value = serde_json::from_str(secret.reveal()).unwrap_or_default();
            (path.clone(), value)
        })
        .collect();
    let text = Secret::new(Value::Object(members).to_string());
    Ok(keeper.put(&entry(connection), &text).await?)
}

/// Forgets the secret settings of a connection.
pub(crate) async fn remove(keeper: &Keeper, connection: ConnectionId) -> Result<()> {
    Ok(keeper.delete(&entry(connection)).await?)
}

fn entry(connection: ConnectionId) -> String {
    format!("connection/{connection}/settings")
}

/// Whether a value stands for a secret in the keychain.
pub fn is_reference(value: &Value) -> bool {
    referred(value).is_some()
}

/// Whether any value in the settings stands for a secret in the keychain.
pub fn has_references(value: &Value) -> bool {
    match value {
        Value::Object(members) => is_reference(value) || members.values().any(has_references),
        Value::Array(items) => items.iter().any(has_references),
        _ => false,
    }
}

fn reference(path: &str) -> Value {
    serde_json::json!({ REFERENCE: path })
}

fn referred(value: &Value) -> Option<&str> {
    let members = value.as_object().filter(|members| members.len() == 1)?;
    members.get(REFERENCE)?.as_str()
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
    let mut complain = |path: &str, schema: &Value, problem: String| {
        problems.push(Problem {
            label: label(schema, path),
            path: path.to_owned(),
            problem,
        });
    };
    let wanted = types(schema);
    if !wanted.is_empty() && !wanted.iter().any(|word| is_of(value, word)) {
        let words: Vec<&str> = wanted.iter().map(|word| type_words(word)).collect();
        complain(path, schema, format!("must be {}", words.join(" or ")));
        return;
    }
    if let Some(options) = schema.get("enum").and_then(Value::as_array)
        && !options.contains(value)
    {
        let options: Vec<String> = options.iter().take(20).map(shown).collect();
        complain(
            path,
            schema,
            format!("must be one of {}", options.join(", ")),
        );
    }
    let Value::Object(members) = value else {
        return;
    };
    let branches = schema.get("oneOf").and_then(Value::as_array);
    let branch = chosen(schema, value);
    if branches.is_some_and(|branches| !branches.is_empty()) && branch.is_none() {
        complain(path, schema, "one of its kinds must be chosen".to_owned());
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

/// The alternative that a value has chosen: the one whose constants it has.
fn chosen<'a>(schema: &'a Value, value: &Value) -> Option<&'a Value> {
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

fn alternatives<'a>(schemas: &[&'a Value], depth: usize) -> Vec<&'a Value> {
    let mut all = Vec::new();
    for schema in schemas {
        all.push(*schema);
        for word in ["oneOf", "anyOf", "allOf"] {
            let branches = schema.get(word).and_then(Value::as_array);
            let branches: Vec<&Value> = branches.into_iter().flatten().collect();
            if depth < DEEPEST && !branches.is_empty() {
                all.extend(alternatives(&branches, depth + 1));
            }
        }
    }
    all
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
}

fn property<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    schema
        .get("properties")
        .and_then(|properties| properties.get(name))
        .or_else(|| {
            schema
                .get("additionalProperties")
                .filter(|more| more.is_object())
        })
}

fn is_marked_secret(schema: &Value) -> bool {
    schema.get("airbyte_secret").and_then(Value::as_bool) == Some(true)
}

fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
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

fn label(schema: &Value, path: &str) -> String {
    schema.get("title").and_then(Value::as_str).map_or_else(
        || {
            let name = path.rsplit('/').next().unwrap_or_default();
            unescaped(name).replace('_', " ")
        },
        str::to_owned,
    )
}

/// As JSON pointers write names.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn unescaped(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn specification() -> Value {
        json!({
            "type": "object",
            "required": ["shop", "credentials"],
            "properties": {
                "shop": {"type": "string", "title": "Shop"},
                "page_size": {"type": "integer", "default": 100},
                "region": {"type": "string", "enum": ["eu", "us"]},
                "keys": {"type": "array", "items": {"type": "string", "airbyte_secret": true}},
                "credentials": {"type": "object", "title": "Sign-in", "oneOf": [
                    {"title": "Key", "required": ["kind", "key"], "properties": {
                        "kind": {"type": "string", "const": "key"},
                        "key": {"type": "string", "airbyte_secret": true, "title": "API key"}}},
                    {"title": "User", "required": ["kind", "user", "password"], "properties": {
                        "kind": {"type": "string", "const": "user"},
                        "user": {"type": "string"},
                        "password": {"type": "string", "airbyte_secret": true}}}
                ]}
            }
        })
    }

    #[test]
    fn secrets_leave_references_and_come_back_as_they_were() {
        let config = json!({
            "shop": "tea",
            "keys": ["one", "two"],
            "credentials": {"kind": "key", "key": "s3cret"}
        });
        let (document, secrets) = split(&specification(), &config);
        assert_eq!(
            document,
            json!({
                "shop": "tea",
                "keys": [{"$secret": "/keys/0"}, {"$secret": "/keys/1"}],
                "credentials": {"kind": "key", "key": {"$secret": "/credentials/key"}}
            })
        );
        assert!(!document.to_string().contains("s3cret"));
        assert_eq!(join(&document, &secrets), config);
        // Once more: what is a reference already stays one.
        let (again, none) = split(&specification(), &document);
        assert_eq!((again, none.len()), (document, 0));
    }

    #[test]
    fn a_secret_of_any_alternative_is_secret() {
        let config = json!({"credentials": {"kind": "unheard of", "password": "p"}});
        let (document, secrets) = split(&specification(), &config);
        assert_eq!(
            document.pointer("/credentials/password"),
            Some(&json!({"$secret": "/credentials/password"}))
        );
        assert_eq!(secrets.len(), 1);
    }

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
