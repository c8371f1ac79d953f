//! The crate as others use it: suggest, compile, apply.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod gallery;
mod laws;
mod program;
mod schemas;
mod suggest;
