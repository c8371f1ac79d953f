//! Signing in to platforms, and keeping the sign-in alive.
//!
//! - [`oauth`] is the way through the person's browser; [`loopback`] is where the browser comes back to.
//! - [`credentials`] are what a sign-in leaves: one entry per connection in the [keeper](crate::secrets).
//! - [`refresh`] renews them: once, however many tasks and processes want it at the same time.
//! - [`signer`] puts them on requests.
//!
//! A new kind of sign-in is a variant of [`AuthKind`](crate::declarative::auth_spec::AuthKind), one of
//! [`CredentialKind`], and an arm in [`signer`].

pub mod credentials;
mod endpoint;
mod loopback;
pub mod oauth;
mod page;
mod refresh;
pub mod signer;
mod transport;

pub use credentials::{CredentialKind, Credentials, TokenSet};
pub use oauth::{SignIn, SignInHandle, SignInOptions, SignInStep, SignedIn};
pub use signer::{ConnectionSigner, Patience, SignerOptions, disconnect};
