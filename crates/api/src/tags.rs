//! Reads provide tags, writes and events invalidate them; the user interface derives its cache from that.

use serde::{Deserialize, Serialize};

/// What a piece of cached data is about.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ts_rs::TS,
)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Tag {
    App,
    Connectors,
    Connections,
    Streams,
    Syncs,
    Mapping,
    Samples,
    Plans,
    Conflicts,
    Runs,
    RunRecords,
    Settings,
}
