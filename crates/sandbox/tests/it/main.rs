//! The sandbox from outside: real HTTP against both platforms, as a connector would speak it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests may fail loudly"
)]

mod control;
mod faults;
mod grants;
mod many;
mod oauth;
mod paging;
mod remote;
mod writing;
