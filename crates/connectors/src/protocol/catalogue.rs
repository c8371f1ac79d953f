//! What can be read, and what is to be read.

use std::collections::HashMap;

use model::value::Value;
use serde::Deserialize;
use serde_json::json;

use crate::declarative::pages::{Chosen, Context};
use crate::{Error, Result};

/// What is to be read (`ConfiguredAirbyteCatalog`).
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Catalogue {
    /// Its streams.
    pub streams: Vec<Configured>,
}

/// A stream that is to be read.
#[derive(Clone, Debug, Deserialize)]
pub struct Configured {
    /// Which.
    pub stream: Named,
    /// The field that says when a record changed, where the stream leaves that open.
    #[serde(default)]
    pub cursor_field: Option<Vec<String>>,
}

/// A stream by its name; what else a catalogue says of it is not needed for reading.
#[derive(Clone, Debug, Deserialize)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// The fields that are wanted, as a JSON schema.
    #[serde(default)]
    pub json_schema: serde_json::Value,
}

impl Catalogue {
    /// From its document.
    pub fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|error| Error::Misconfigured {
            what: "the catalogue".into(),
            place: format!("line {}, column {}", error.line(), error.column()),
            problem: error.to_string(),
            expected: "{\"streams\": [{\"stream\": {\"name\": …}}]}".into(),
        })
    }

    /// What it chooses of each stream.
    pub fn chosen(&self) -> HashMap<String, Chosen> {
        let chosen = self.streams.iter().map(|configured| {
            let fields = configured
                .stream
                .json_schema
                .get("properties")
                .map(Value::from_serde);
            let chosen = Chosen {
                fields: match fields {
                    Some(Value::Object(fields)) => Some(fields),
                    _ => None,
                },
                cursor_field: configured
                    .cursor_field
                    .as_ref()
                    .filter(|way| !way.is_empty())
                    .map(|way| way.join(".")),
            };
            (configured.stream.name.clone(), chosen)
        });
        chosen.collect()
    }

    /// All streams of a connector.
    pub fn of(connector: &crate::declarative::manifest::Manifest) -> Self {
        Self {
            streams: connector
                .streams
                .iter()
                .map(|stream| Configured {
                    stream: Named {
                        name: stream.name.clone(),
                        json_schema: serde_json::Value::Null,
                    },
                    cursor_field: None,
                })
                .collect(),
        }
    }
}

/// What can be read, as a catalogue (`AirbyteCatalog`).
pub async fn discovered(context: &Context) -> Result<serde_json::Value> {
    let mut streams = Vec::new();
    for stream in context.streams().await? {
        let is_incremental = stream.cursor.is_some();
        let modes: &[&str] = match is_incremental {
            true => &["full_refresh", "incremental"],
            false => &["full_refresh"],
        };
        let mut found = serde_json::Map::new();
        let mut tell = |name: &str, value| found.insert(name.to_owned(), value);
        let schema = stream.schema_loader.load(context).await?;
        tell("name", json!(stream.name));
        tell("json_schema", schema.unwrap_or_else(|| json!({})));
        tell("supported_sync_modes", json!(modes));
        tell("is_resumable", json!(is_incremental));
        tell("is_file_based", json!(false));
        if let Some(field) = stream.cursor_field(&context.scope(), context.env()) {
            tell("source_defined_cursor", json!(true));
            tell("default_cursor_field", json!([field]));
        }
        if !stream.key.is_empty() {
            let key = stream.primary_key_source();
            tell("source_defined_primary_key", json!(key));
        }
        streams.push(serde_json::Value::Object(found));
    }
    Ok(json!({ "streams": streams }))
}
