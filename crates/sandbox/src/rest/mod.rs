//! The two APIs: `listing` (four styles of paging), `record` (one record), `batch`, `import` and `jobs` (many), `write`
//! (what all writes share).

pub(crate) mod batch;
pub(crate) mod import;
pub(crate) mod jobs;
pub(crate) mod listing;
pub(crate) mod record;
pub(crate) mod write;
