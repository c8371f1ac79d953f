//! The authenticators of a connector file that get a token first, and where their tokens live.
//!
//! Streams repeat their authenticator, each in its own place of the file. What asks for the same token shares it: one
//! [`Tokens`] per connection has a [cell](tokens) for each, found by what would be asked.

pub mod config;
pub(super) mod jwt;
pub(super) mod oauth;
mod quota;
pub(super) mod rotating;
pub(super) mod session;
pub mod tokens;

pub use config::{ConfigKeeper, Held};
pub use tokens::Tokens;

use super::text::Text;
use crate::Error;

/// A complaint about what a text of the file comes to, without what it comes to.
pub(super) fn complaint(text: &Text, problem: String, expected: String) -> Error {
    match text.fail(String::new()) {
        Error::Misconfigured { what, place, .. } => Error::Misconfigured {
            what,
            place,
            problem,
            expected,
        },
        error => error,
    }
}
