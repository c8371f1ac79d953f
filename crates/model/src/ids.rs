//! One registry of id kinds, so that ids cannot be mixed up.
//!
//! Ids are UUID version 7 (RFC 9562): their order is the order of creation. Ids of a platform are
//! [`RecordKey`](crate::record::RecordKey)s, never these.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ts_rs::TS)]
        #[serde(transparent)]
        #[ts(as = "String")]
        pub struct $name(uuid::Uuid);

        impl $name {
            /// A new id, later than all before.
            #[expect(clippy::new_without_default, reason = "an id is made on purpose")]
            pub fn new() -> Self {
                Self(uuid::Uuid::now_v7())
            }

            /// The 16 bytes to store; their order is the order of creation too.
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.into_bytes()
            }

            /// As it is displayed, without an allocation.
            pub fn text(self, buffer: &mut [u8; 36]) -> &str {
                self.0.hyphenated().encode_lower(buffer)
            }

            /// From the 16 stored bytes; none when there are not 16.
            pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
                uuid::Uuid::from_slice(bytes).ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                uuid::Uuid::from_str(text).map(Self).map_err(|_| IdError { kind: stringify!($name) })
            }
        }
    )*};
}

/// Text that is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a {kind}: expected a UUID such as 01924b6e-7a3c-7c3e-9f0a-2f1d3b5c7e90")]
pub struct IdError {
    kind: &'static str,
}

ids! {
    /// A connection: one account on one platform.
    ConnectionId,
    /// A sync.
    SyncId,
    /// One execution of a sync.
    RunId,
    /// A stored plan.
    PlanId,
    /// One intended change.
    ChangeId,
    /// A field, or a record, that two sides do not agree on.
    ConflictId,
    /// A sign-in that is under way.
    FlowId,
    /// One HTTP request with its response.
    ExchangeId,
    /// A stream that is being tried, page by page.
    TryId,
}
