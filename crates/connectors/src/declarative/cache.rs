//! Answers that are used more than once within one read: the pages of streams that other streams are read by.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::http::{Answer, Body, RequestParts};

/// Bytes of answers that are kept; what comes later is asked for again.
const LARGEST: usize = 64 * 1024 * 1024;

/// Answers by request. A request that is under way is waited for.
#[derive(Debug, Default)]
pub struct Cache {
    entries: Mutex<HashMap<String, Arc<OnceCell<Answer>>>>,
    held: Mutex<usize>,
}

impl Cache {
    /// The place for the answer to a request.
    pub fn place(&self, request: &RequestParts) -> Arc<OnceCell<Answer>> {
        let key = key_of(request);
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        match entries.entry(key) {
            Entry::Occupied(entry) => entry.get().clone(),
            Entry::Vacant(entry) => entry.insert(Arc::default()).clone(),
        }
    }

    /// Counts an answer; forgets it where there is no room.
    pub fn keep(&self, request: &RequestParts, answer: &Answer) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        *held += answer.body.len() + 512;
        if *held > LARGEST {
            *held -= answer.body.len() + 512;
            let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            entries.remove(&key_of(request));
        }
    }

    /// Forgets a request that failed.
    pub fn forget(&self, request: &RequestParts) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.remove(&key_of(request));
    }
}

fn key_of(request: &RequestParts) -> String {
    let mut key = format!("{} {}", request.method, request.url);
    for (name, value) in &request.query {
        key.push_str(&format!("\n?{name}={value}"));
    }
    for (name, value) in &request.headers {
        key.push_str(&format!(
            "\n{name}: {}",
            String::from_utf8_lossy(value.as_bytes())
        ));
    }
    match &request.body {
        Body::Empty => {}
        Body::Json(value) => key.push_str(&format!("\n\n{}", model::json::to_string(value))),
        Body::Form(pairs) => key.push_str(&format!("\n\n{pairs:?}")),
        Body::Raw(bytes) => key.push_str(&format!("\n\n{}", String::from_utf8_lossy(bytes))),
    }
    key
}
