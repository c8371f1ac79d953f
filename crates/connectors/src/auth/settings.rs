//! The secret part of a connection's settings.
//!
//! Connector files of the low-code format know one kind of settings, secret ones among the others. What is not secret is
//! a document; the rest has an entry in the keychain or vault, and is put together with it when the connection is
//! opened. A refresh may change it: see [`ConfigKeeper`].

use std::any::Any;

use async_trait::async_trait;
use model::ids::ConnectionId;
use model::secret::Secret;
use model::value::Value;
use serde_json::{Map, Value as Json};

use super::credentials;
use crate::declarative::authenticators::{ConfigKeeper, Held};
use crate::secrets::Keeper;
use crate::{Error, Result};

/// Keeps the settings of one connection: what differs from the open ones goes to the keychain or vault.
#[derive(Clone)]
pub struct KeptSettings {
    keeper: Keeper,
    connection: ConnectionId,
    /// Those that are no secret.
    open: Json,
}

impl std::fmt::Debug for KeptSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptSettings")
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}

impl KeptSettings {
    /// For a connection whose settings that are no secret are `open`.
    pub const fn new(keeper: Keeper, connection: ConnectionId, open: Json) -> Self {
        Self {
            keeper,
            connection,
            open,
        }
    }

    /// All settings.
    pub async fn load(&self) -> Result<Json> {
        let Some(text) = self.keeper.get(&entry(self.connection)).await? else {
            return Ok(self.open.clone());
        };
        // Not the parser's words: they may quote the text.
        let secret: Json = serde_json::from_str(text.reveal()).map_err(|_| self.damaged())?;
        Ok(merged(self.open.clone(), secret))
    }

    /// Keeps what of `all` is not open.
    pub async fn store(&self, all: &Json) -> Result<()> {
        let secret = difference(&self.open, all).unwrap_or_else(|| Json::Object(Map::new()));
        let text = Secret::new(secret.to_string());
        self.keeper.put(&entry(self.connection), &text).await
    }

    fn damaged(&self) -> Error {
        Error::Secrets {
            backend: self.keeper.backend_name(),
            reason: format!(
                "the settings of connection {} are damaged; type them in again",
                self.connection
            ),
        }
    }
}

#[async_trait]
impl ConfigKeeper for KeptSettings {
    async fn persist(&self, config: &Value) -> Result<()> {
        self.store(&config.to_serde()).await
    }

    async fn begin(&self) -> Result<Held> {
        let lock = credentials::lock(&self.keeper, self.connection).await?;
        let config = Value::from_serde(&self.load().await?);
        Ok(Held {
            config: Some(config),
            lock: Some(Box::new(lock) as Box<dyn Any + Send>),
        })
    }
}

pub(super) fn entry(connection: ConnectionId) -> String {
    format!("connection/{connection}/settings")
}

/// Where a `connection_specification` has secrets (`airbyte_secret`), behind `oneOf` and `anyOf` too.
pub fn secret_paths(specification: &Json) -> Vec<Vec<String>> {
    fn collect(schema: &Json, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
        if path.len() > 20 {
            return;
        }
        if schema.get("airbyte_secret").and_then(Json::as_bool) == Some(true)
            && !path.is_empty()
            && !found.contains(path)
        {
            found.push(path.clone());
        }
        if let Some(properties) = schema.get("properties").and_then(Json::as_object) {
            for (name, property) in properties {
                path.push(name.clone());
                collect(property, path, found);
                path.pop();
            }
        }
        for choices in ["oneOf", "anyOf", "allOf"] {
            for choice in schema
                .get(choices)
                .and_then(Json::as_array)
                .into_iter()
                .flatten()
            {
                collect(choice, path, found);
            }
        }
    }
    let mut found = Vec::new();
    collect(specification, &mut Vec::new(), &mut found);
    found
}

/// Settings without what stands at these paths: the part that is a document.
pub fn open_part(mut all: Json, secrets: &[Vec<String>]) -> Json {
    for path in secrets {
        let Some((last, above)) = path.split_last() else {
            continue;
        };
        let holder = above
            .iter()
            .try_fold(&mut all, |here, step| here.get_mut(step.as_str()));
        if let Some(Json::Object(members)) = holder {
            members.remove(last);
        }
    }
    all
}

/// What `all` has that `open` has not, or has otherwise.
fn difference(open: &Json, all: &Json) -> Option<Json> {
    match (open, all) {
        (Json::Object(open), Json::Object(all)) => {
            let more: Map<String, Json> = all
                .iter()
                .filter_map(|(name, value)| match open.get(name) {
                    Some(known) => Some((name.clone(), difference(known, value)?)),
                    None => Some((name.clone(), value.clone())),
                })
                .collect();
            (!more.is_empty()).then_some(Json::Object(more))
        }
        (open, all) => (open != all).then(|| all.clone()),
    }
}

fn merged(open: Json, secret: Json) -> Json {
    match (open, secret) {
        (Json::Object(mut open), Json::Object(secret)) => {
            for (name, value) in secret {
                let member = open.remove(&name).unwrap_or(Json::Null);
                open.insert(name, merged(member, value));
            }
            Json::Object(open)
        }
        (_, secret) => secret,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_found_behind_choices_and_taken_out() {
        let specification = json!({"type": "object", "properties": {
            "site": {"type": "string"},
            "key": {"type": "string", "airbyte_secret": true},
            "credentials": {"oneOf": [
                {"properties": {"token": {"airbyte_secret": true}, "kind": {"const": "token"}}},
                {"properties": {"token": {"airbyte_secret": true}, "client": {"properties":
                    {"secret": {"airbyte_secret": true}, "id": {}}}}}]}}});
        let paths = secret_paths(&specification);
        assert_eq!(
            paths,
            [
                vec!["key"],
                vec!["credentials", "token"],
                vec!["credentials", "client", "secret"]
            ]
        );
        let all = json!({"site": "s", "key": "k", "credentials": {"kind": "token", "token": "t"}});
        assert_eq!(
            open_part(all, &paths),
            json!({"site": "s", "credentials": {"kind": "token"}})
        );
    }

    fn document() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(json!("a")),
            Just(json!(1)),
            Just(json!(true)),
            Just(json!([1, 2])),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop::collection::btree_map("[a-d]", inner, 0..4)
                .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into())
        })
    }

    /// Whether everything that `open` has is there in `all`, as an object or not.
    fn fits(open: &Json, all: &Json) -> bool {
        match (open, all) {
            (Json::Object(open), Json::Object(all)) => open
                .iter()
                .all(|(name, value)| all.get(name).is_some_and(|other| fits(value, other))),
            _ => true,
        }
    }

    proptest! {
        #[test]
        fn what_was_taken_apart_comes_together_again(open in document(), all in document()) {
            prop_assume!(fits(&open, &all));
            let whole = match difference(&open, &all) {
                Some(secret) => merged(open, secret),
                None => open,
            };
            prop_assert_eq!(whole, all);
        }
    }
}
