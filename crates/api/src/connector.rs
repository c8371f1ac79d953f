//! A connector file at work by itself, without a workspace: for pipelines and for those who write connectors.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use connectors::Access;
use connectors::declarative::manifest::{self, Manifest};
pub use connectors::declarative::validate::{Finding, Severity};
use connectors::protocol::{Catalogue, Message, Session, Sink, states_from};
use model::clock::Clock;
use serde::Serialize;
use serde_json::{Value as Json, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::ApiError;

/// What a connector is put together from.
#[derive(Clone, Debug)]
pub struct Files {
    /// The connector file: a path, or the name of a connector that comes with Patchbay.
    pub manifest: PathBuf,
    /// The settings, as JSON; none for a connector that needs none.
    pub config: Option<PathBuf>,
    /// What is to be read, as JSON; all streams without it.
    pub catalog: Option<PathBuf>,
    /// How far it was read before, as JSON.
    pub state: Option<PathBuf>,
    /// Whether a state is given after every page.
    pub every_page: bool,
    /// What counts as now, for results that are to be the same again.
    pub now: Option<String>,
}

/// How a read ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Records that were given.
    pub records: u64,
    /// Streams that were not read to their end, and why.
    pub failed: Vec<(String, String)>,
}

/// Lines of JSON as they come: the messages of the Airbyte protocol.
pub type Lines = mpsc::Receiver<Vec<u8>>;

/// A connector, ready to be asked.
#[derive(Debug)]
pub struct Connector {
    session: Session,
    catalogue: Catalogue,
    states: HashMap<String, model::value::Value>,
    every_page: bool,
    cancel: CancellationToken,
}

impl Connector {
    /// Reads the files. Nothing is asked of the platform yet.
    pub fn open(files: &Files) -> Result<Self, ApiError> {
        let manifest = load(&files.manifest)?;
        let config = match &files.config {
            Some(path) => document(path, "the settings")?,
            None => json!({}),
        };
        let now = match &files.now {
            Some(text) => Some(text.parse::<jiff::Timestamp>().map_err(|error| {
                ApiError::invalid(
                    format!("`{text}` is no point in time: {error}."),
                    "Write it like 2026-01-15T12:34:56Z.",
                )
            })?),
            None => None,
        };
        let catalogue = match &files.catalog {
            Some(path) => Catalogue::parse(&text_of(path, "the catalogue")?)?,
            None => Catalogue::of(&manifest),
        };
        let states = match &files.state {
            Some(path) => states_from(&document(path, "the state")?)?,
            None => HashMap::new(),
        };
        let cancel = CancellationToken::new();
        let access = Access {
            cancel: cancel.clone(),
            ..Access::unattended()
        };
        Ok(Self {
            session: Session::new(manifest, config, now, access)?,
            catalogue,
            states,
            every_page: files.every_page,
            cancel,
        })
    }

    /// Stops what is under way at a safe place.
    pub fn stopper(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// Begins to read; the lines come as they are made, the end when they are all taken.
    pub fn read(self) -> (Lines, impl Future<Output = Result<Ended, ApiError>>) {
        let (sink, lines) = Sink::new();
        let read = async move {
            for refused in &self.session.connector().refused {
                let message = format!(
                    "The stream {} is left out: {}.",
                    refused.stream, refused.reason
                );
                sink.say(Message::Log {
                    level: "WARN",
                    message: &message,
                })
                .await;
            }
            let (session, states) = (&self.session, &self.states);
            let ended = if self.every_page {
                session.read_paged(&self.catalogue, states, &sink).await?
            } else {
                session.read(&self.catalogue, states, &sink).await?
            };
            Ok(Ended {
                records: ended.records,
                failed: ended.failed,
            })
        };
        (lines, read)
    }

    /// The settings as the file's migrations changed them, where they did: to be kept in place of the old ones.
    pub fn changed_settings(&self) -> Option<Json> {
        self.session.changed_config().map(|config| {
            json!({
                "type": "CONTROL",
                "control": {
                    "type": "CONNECTOR_CONFIG",
                    "emitted_at": Clock::system().now(),
                    "connectorConfig": {"config": config},
                },
            })
        })
    }

    /// Tries to read a record of each stream that the file names for it.
    pub async fn check(&self) -> Json {
        let status = match self.session.check().await {
            Ok(()) => json!({"status": "SUCCEEDED"}),
            Err(error) => json!({"status": "FAILED", "message": error.to_string()}),
        };
        json!({"type": "CONNECTION_STATUS", "connectionStatus": status})
    }

    /// The streams that can be read.
    pub async fn discover(&self) -> Result<Json, ApiError> {
        Ok(json!({"type": "CATALOG", "catalog": self.session.discover().await?}))
    }
}

/// What a connection needs to know: the file's `spec`.
pub fn spec(manifest: &Path) -> Result<Json, ApiError> {
    let manifest = load(manifest)?;
    let mut told = serde_json::Map::new();
    told.insert(
        "connectionSpecification".to_owned(),
        manifest.connection_specification.clone(),
    );
    for (name, there) in [
        ("documentationUrl", "documentation_url"),
        ("advanced_auth", "advanced_auth"),
    ] {
        if let Some(found) = manifest.spec.get(there).filter(|found| !found.is_null()) {
            told.insert(name.to_owned(), found.clone());
        }
    }
    Ok(json!({"type": "SPEC", "spec": told}))
}

/// What is wrong or suspicious in a connector file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many findings are errors.
    pub errors: usize,
    /// How many are warnings.
    pub warnings: usize,
    /// In the order of the file.
    pub findings: Vec<Finding>,
}

/// Checks a connector file by itself.
pub fn validate(path: &Path) -> Result<Report, ApiError> {
    let text = manifest::text_of(path)?;
    let findings = connectors::declarative::validate::validate(manifest::name_of(path), &text);
    let count = |severity| {
        findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    };
    Ok(Report {
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        findings,
    })
}

fn load(path: &Path) -> Result<Arc<Manifest>, ApiError> {
    match path.to_str() {
        Some(name) if !path.exists() && !name.contains(['/', '\\', '.']) => {
            Ok(connectors::registry::find(name)?)
        }
        _ => Ok(connectors::registry::load(path)?),
    }
}

fn text_of(path: &Path, what: &str) -> Result<String, ApiError> {
    std::fs::read_to_string(path).map_err(|error| {
        ApiError::invalid(
            format!(
                "The file {} with {what} cannot be read: {error}.",
                path.display()
            ),
            "Check its name and that you may read it.",
        )
    })
}

fn document(path: &Path, what: &str) -> Result<Json, ApiError> {
    serde_json::from_str(&text_of(path, what)?).map_err(|error| {
        ApiError::invalid(
            format!(
                "The file {} with {what} is not JSON: {error}.",
                path.display()
            ),
            "Mend it at the line and column that are named.",
        )
    })
}
