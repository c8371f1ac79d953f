//! One HTTP client per connection, shared by its syncs, previews and tests.

pub mod request;
pub mod signer;

pub use request::{Body, RequestParts};
pub use signer::Signer;
