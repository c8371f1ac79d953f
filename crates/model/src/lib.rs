//! The nouns of Patchbay: values, fields, records, and the documents a person edits.
//!
//! Nothing in here does I/O, waits, or knows a platform. Everything else depends on this crate,
//! and it depends on nothing of ours.
//!
//! Start with [`value`] (what a field holds), then [`record`] (what is moved), then the documents
//! [`mapping`] and [`sync`].
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::string_slice,
        reason = "tests may fail loudly"
    )
)]

pub mod clock;
pub mod conflict;
pub mod cursor;
pub mod field;
pub mod ids;
pub mod json;
pub mod mapping;
pub mod number;
pub mod path;
pub mod record;
pub mod row;
pub mod run;
pub mod secret;
pub mod sync;
pub mod value;
