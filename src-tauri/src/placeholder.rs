//! Stands in for `api` until that crate is there.
#![allow(missing_docs, dead_code)]
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::broadcast;

pub(crate) struct Config {
    pub(crate) data_dir: Option<PathBuf>,
}
#[derive(Clone, Serialize, Debug)]
pub(crate) struct ApiError {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}
#[derive(Clone, Serialize, Debug)]
pub(crate) struct UiEvent {
    pub(crate) kind: String,
}
pub(crate) trait Host: Send + Sync {
    fn open_url(&self, url: &str) -> Result<(), String>;
    fn notify(&self, title: &str, body: &str);
}
pub(crate) struct App {
    events: broadcast::Sender<UiEvent>,
    host: Arc<dyn Host>,
}
impl App {
    pub(crate) async fn open(_config: Config, host: Arc<dyn Host>) -> Result<Arc<Self>, ApiError> {
        Ok(Arc::new(Self {
            events: broadcast::channel(16).0,
            host,
        }))
    }
    pub(crate) async fn call(&self, name: &str, _json: Value) -> Result<Value, ApiError> {
        match name {
            "get_overview" => Ok(json!({})),
            _ => Err(ApiError {
                code: "unknown_command".into(),
                message: format!("There is no command {name}."),
                hint: None,
            }),
        }
    }
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<UiEvent> {
        self.events.subscribe()
    }
    pub(crate) async fn close(&self) {}
}
