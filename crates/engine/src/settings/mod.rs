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

mod form;
mod kept;
mod limits;
mod specification;
mod used;

pub use form::{Problem, Shown, check, complete, keep_secrets, tidy, values};
pub(crate) use kept::{Kept, Latest};
use specification::{alternatives, escaped, is_marked_secret, property};
pub(crate) use used::specification as used_settings;

/// Objects within objects that are followed.
const DEEPEST: usize = 16;
/// The member that says: the value lies in the keychain.
const REFERENCE: &str = "$secret";

/// Secret settings by their path (`/credentials/api_key`), each as JSON text.
pub type Secrets = BTreeMap<String, Secret>;

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
    // What is too deep to look at could hold anything.
    let is_secret = depth > DEEPEST || schemas.iter().any(|schema| is_marked_secret(schema));
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    pub(super) fn specification() -> Value {
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
}
