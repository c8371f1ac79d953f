//! Support for system tests: the real application against the real sandbox, on loopback, in a folder of its own.
//!
//! [`TestApp`] is where a test begins; [`carried`] knows, by hand, what Postino should hold afterwards. Nothing here
//! stands in for a part of the product: the person at the browser is the only one who is played.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly"
)]

pub mod advanced_auth;
pub mod app;
pub mod carried;
pub mod demo_user;
pub mod forgetful;
pub mod newer;
pub mod settled;
pub mod simulation;
pub mod standard;
pub mod undone;

pub use app::TestApp;
pub use standard::Standard;
