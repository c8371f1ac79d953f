//! The two APIs: `listing` (four styles of paging), `record` (one record), `batch`, `write` (what all writes share).

pub(crate) mod batch;
pub(crate) mod listing;
pub(crate) mod record;
pub(crate) mod write;
