//! The crate as others use it: suggest, compile, apply, turn around.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod gallery;
mod inverse;
mod inverse_laws;
mod laws;
mod program;
mod round_trip;
mod schemas;
mod suggest;
