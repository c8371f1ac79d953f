//! Everything that talks to the outside: HTTP, sign-in, the keychain.
//!
//! The engine knows two traits, [`Source`] and [`Destination`], and [`error::Error`]; nothing else of
//! a platform reaches it. A connector is data (one YAML file, see [`declarative`]), not code.
//!
//! This crate never opens a database and never decides what is to be written.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::panic,
        reason = "tests may fail loudly"
    )
)]

pub mod auth;
pub mod declarative;
pub mod error;
pub mod http;
pub mod platform;
pub mod protocol;
pub mod registry;
pub mod secrets;

pub use error::{Error, Result};
pub use platform::{
    Access, BulkJob, Capabilities, CheckStep, Deletions, Destination, Exchange, ExchangeLog, Find,
    JobLog, Page, PageReader, ReadRequest, RowPage, RowRecord, Source, StreamDescription,
    StreamSummary, Written,
};
