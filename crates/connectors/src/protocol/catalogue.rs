//! What can be read, and what is to be read.

use serde::Deserialize;
use serde_json::json;

use crate::declarative::pages::Context;
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
}

/// A stream by its name; what else a catalogue says of it is not needed for reading.
#[derive(Clone, Debug, Deserialize)]
pub struct Named {
    /// Its name.
    pub name: String,
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

    /// All streams of a connector.
    pub fn of(connector: &crate::declarative::manifest::Manifest) -> Self {
        Self {
            streams: connector
                .streams
                .iter()
                .map(|stream| Configured {
                    stream: Named {
                        name: stream.name.clone(),
                    },
                })
                .collect(),
        }
    }
}

/// What can be read, as a catalogue (`AirbyteCatalog`).
pub async fn discovered(context: &Context) -> Result<serde_json::Value> {
    let streams: Vec<serde_json::Value> = context
        .connection
        .streams()
        .iter()
        .map(|stream| {
            let is_incremental = stream.cursor.is_some();
            let mut found = json!({
                "name": stream.name,
                "json_schema": stream.json_schema.clone().unwrap_or_else(|| json!({})),
                "supported_sync_modes": if is_incremental {
                    json!(["full_refresh", "incremental"])
                } else {
                    json!(["full_refresh"])
                },
                "is_resumable": is_incremental,
                "is_file_based": false,
            });
            if let Some(field) = stream.cursor_field(&context.scope(), context.env()) {
                found["source_defined_cursor"] = json!(true);
                found["default_cursor_field"] = json!([field]);
            }
            if !stream.key.is_empty() {
                found["source_defined_primary_key"] = json!(stream.primary_key_source());
            }
            found
        })
        .collect();
    Ok(json!({ "streams": streams }))
}
