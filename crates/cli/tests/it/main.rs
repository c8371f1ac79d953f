//! The `patchbay` program as a process: what it prints, how it ends, and what is left when it is killed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod bad_input;
mod commands;
mod conformance;
mod connector;
mod crash;
mod full_disk;
mod needs_you;
mod program;
mod refresh;
mod serve;
mod stop;
