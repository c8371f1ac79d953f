//! What a shell may call: one registry of commands, the same for the window, the browser page and the
//! command line.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        reason = "tests may fail loudly"
    )
)]

pub mod bindings;
pub mod error;
mod registry;
pub mod tags;
pub mod views;
