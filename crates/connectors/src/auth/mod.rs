//! Signing in to platforms, and keeping the sign-in alive.
//!
//! A way to sign in is data: an [`AuthMethod`](crate::declarative::auth_spec::AuthMethod) of the connector file.
//!
//! - [`sign_in`] leads to credentials: through the person's browser ([`code`](sign_in) on a loopback listener, a device
//!   code, OAuth 1.0a), or without a person ([`grants`]).
//! - [`credentials`] are what it leaves: one entry per connection in the [keeper](crate::secrets).
//! - [`refresh`] renews them: once, however many tasks and processes want it at the same time.
//! - [`signer`] puts them on requests; [`ready`] is one set of them with everything read and compiled.
//! - [`endpoint`], [`answer`], [`problem`] and [`transport`] speak with token endpoints.
//! - [`jwt`], [`saml`], [`hmac`], [`sigv4`] and [`oauth1`] sign.
//!
//! A new kind of sign-in is a variant of [`AuthKind`](crate::declarative::auth_spec::AuthKind) and an arm in
//! [`grants`] (a token is got first) or [`ready`] (each request is signed).

mod answer;
pub mod credentials;
pub(crate) mod endpoint;
pub mod fields;
mod grants;
mod hmac;
mod jwt;
mod keys;
mod loopback;
mod oauth1;
mod page;
pub(crate) mod problem;
mod ready;
mod refresh;
mod saml;
mod session;
pub mod sign_in;
pub mod signer;
mod sigv4;
mod tls;
pub(crate) mod transport;
pub(crate) mod wire;

pub(crate) use answer::seconds as seconds_of;
pub use credentials::{CredentialKind, Credentials, TokenSet};
pub(crate) use endpoint::basic_pair;
pub use fields::Typed;
pub(crate) use jwt::compact as compact_jwt;
pub(crate) use keys::{KeyProblem, Signing};
pub(crate) use refresh::again;
pub use sign_in::{SignIn, SignInHandle, SignInOptions, SignInStep, SignedIn};
pub use signer::{ConnectionSigner, Patience, SignerOptions, disconnect};
