//! What a shell may call: one registry of commands, the same for the window, the browser page and the
//! command line.
//!
//! Start with [`App`], then `registry.rs` (every command there is) and [`views`] (what they take and
//! give). Command bodies are in `commands`, one file for each noun; they hold no logic of their own.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        reason = "tests may fail loudly"
    )
)]

mod app;
pub mod bindings;
mod commands;
pub mod connector;
pub mod error;
mod host;
mod plan_lists;
mod registry;
pub mod tags;
pub mod views;

pub use app::{App, Config, SecretsPlace, usual_place};
pub use error::{ApiError, Code};
pub use host::{Host, Notification};
