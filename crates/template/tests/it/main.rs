//! What the template language does, seen from outside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests may fail loudly"
)]

mod conformance;
mod dates;
mod documented;
mod filters_and_tests;
mod limits;
mod scopes;
mod statements;
mod strict;
mod table;
mod text_and_collections;
mod values;
