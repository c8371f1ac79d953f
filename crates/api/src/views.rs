//! What a shell sends and receives. Plain data in the shape that a screen needs; exported to TypeScript.
//!
//! Times are milliseconds since 1970 in UTC. Values of records are JSON as a person reads it: integers
//! beyond 2^53 and decimals that a browser would round come as text.

use model::field::Schema;
use model::ids::{ConnectionId, ExchangeId, FlowId, PlanId, RunId, SyncId, TryId};
use model::mapping::{Mapping, Rule, Step};
use model::path::FieldPath;
use model::run::{RecordOutcome, RunCounts, RunState, Trigger};
use model::sync::{DeleteRule, Guards, MatchRule, Side, StreamRef, TwoWay, WriteMode};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::error::ApiError;

macro_rules! views {
    ($($(#[$meta:meta])* $kind:ident $name:ident $body:tt)*) => {$(
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
        #[ts(optional_fields = nullable)]
        $(#[$meta])*
        pub $kind $name $body
    )*};
}

/// A request without content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(type = "Record<string, never>")]
pub struct Nothing {}

mod app;
mod conflicts;
mod connections;
mod connectors;
mod events;
mod mapping;
mod plans;
mod runs;

pub use app::*;
pub use conflicts::*;
pub use connections::*;
pub use connectors::*;
pub use events::*;
pub use mapping::*;
pub use plans::*;
pub use runs::*;
