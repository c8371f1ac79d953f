//! Command bodies, one file for each noun. What they do is in `engine`; here requests become calls and
//! answers become views.

pub(crate) mod app;
pub(crate) mod conflicts;
pub(crate) mod connect;
pub(crate) mod connections;
pub(crate) mod connectors;
pub(crate) mod mapping;
pub(crate) mod plans;
pub(crate) mod retries;
pub(crate) mod runs;
pub(crate) mod suggestions;
pub(crate) mod syncs;
pub(crate) mod transforms;
pub(crate) mod unwritten;

pub(crate) use app::*;
pub(crate) use conflicts::*;
pub(crate) use connect::*;
pub(crate) use connections::*;
pub(crate) use connectors::*;
pub(crate) use mapping::*;
pub(crate) use plans::*;
pub(crate) use retries::{resend_record, retry_records, retry_unwritten};
pub(crate) use runs::*;
pub(crate) use suggestions::*;
pub(crate) use syncs::*;
pub(crate) use transforms::*;
