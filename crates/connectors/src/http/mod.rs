//! One HTTP client per connection, shared by its syncs, previews and tests.
//!
//! [`Client::send`] is the one way out: it waits for the rate limit, asks the circuit breaker, signs,
//! sends, bounds the answer in size and time, records the exchange without secrets, and repeats
//! only what the caller's [`Judge`] calls worth repeating *and* what is safe to repeat.

pub mod answer;
pub mod breaker;
pub mod budget;
pub mod client;
pub mod rate;
pub mod redact;
pub mod request;
pub mod retry;
pub mod signer;
pub mod skew;
pub mod tls;
pub mod transport;
pub mod unread;

pub use answer::{Answer, Failure, Judge, Verdict};
pub use client::{Call, Client, Limits, Repeat};
pub use request::{Body, RequestParts};
pub use signer::{NoSignIn, Signer};
pub use tls::ClientTls;
pub use transport::{Broken, OpenBody};
pub use unread::Unread;
