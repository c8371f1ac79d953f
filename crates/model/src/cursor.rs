//! How far a stream has been read.

use serde::{Deserialize, Serialize};

/// The durable point of a sync: what was read *and committed*. Small, flat, versioned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Version of this document.
    pub version: u32,
    /// How far the stream has been read in whole runs; the connector's own document, opaque here.
    pub cursor: Option<serde_json::Value>,
    /// Where a run that was cut off goes on, opaque; none between runs.
    pub position: Option<serde_json::Value>,
    /// How far the target has been read, where its changes flow back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_cursor: Option<serde_json::Value>,
    /// How far the list of what was deleted on the source has been read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_cursor: Option<serde_json::Value>,
    /// The same of the target, in a sync both ways.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_deleted_cursor: Option<serde_json::Value>,
    /// When everything was last read to its end, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete_at: Option<crate::clock::Millis>,
    /// Which mapping the cursor was reached with: under another one everything is compared again.
    #[serde(default)]
    pub mapping: Option<String>,
}
