//! The real desktop app, driven from outside: `cargo xtask test --only desktop`.
//!
//! Everything else is tested closer to where it is made; here it is about the shell: that the app starts, that the
//! window speaks with the core and is allowed no more than that, and that the whole main job can be done in it.
//! The tests are ignored by default because they want a display, a session bus and the built app.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod driver;
mod http;
mod main_job;
mod opening;
mod webdriver;
