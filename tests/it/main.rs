//! System tests: the application through its door, against both platforms of the sandbox.
//!
//! Tests of the command line as a process are beside it, in `crates/cli/tests/it`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod both_ways;
mod boundaries;
mod cancel;
mod changes;
mod connectors;
mod drafts;
mod faults;
mod guards;
mod histories;
mod jobs;
mod main_job;
mod needs_you;
mod once_broken;
mod put_away;
mod recovery;
mod references;
mod refresh;
mod registered;
mod renewed_settings;
mod secrets;
mod sign_in;
mod simulation;
mod start_over;
mod undo;
