//! Ways to sign in that need nothing but what the person typed in, and where things go on a request.

use serde::{Deserialize, Serialize};

use super::params::Sensitive;

/// Something that goes on each request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Put {
    /// Where it goes.
    #[serde(rename = "in", default)]
    pub place: KeyPlace,
    /// Name of the header, parameter, member or cookie.
    pub name: String,
    /// What goes there, over `token`, `kept`, `fields` and `config`; where requests are signed also over `signature`,
    /// `timestamp`, `nonce`, `body_hash` and the parts of the request. Nothing that comes to nothing is sent.
    #[serde(default = "token")]
    pub value: String,
}

fn token() -> String {
    "{{ token }}".into()
}

/// Where something goes on a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyPlace {
    /// In a header.
    #[default]
    Header,
    /// In the query.
    Query,
    /// In the body: a member of the JSON, or of the form.
    Body,
    /// In a cookie.
    Cookie,
}

/// A key. The first secret field is the key; where one is not enough, `apply` says what goes where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Where the key goes.
    #[serde(rename = "in", default)]
    pub place: KeyPlace,
    /// Name of the header, parameter, member or cookie. Not needed beside `apply`.
    #[serde(default)]
    pub key_name: String,
    /// What stands before the key: `Token `.
    #[serde(default)]
    pub prefix: String,
}

/// A fixed token: the first secret field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bearer {}

/// User and password: the field that is not secret is the user, the secret one the password. One alone leaves the other
/// empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basic {}

/// A client certificate, a certificate authority, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// The client's certificate and those above it, as PEM; usually `{{ fields['certificate'] }}`.
    #[serde(default)]
    pub certificate: String,
    /// The private key that belongs to it, as PEM; usually `{{ fields['key'] }}`.
    #[serde(default)]
    pub key: Sensitive,
    /// What the private key is encrypted with, if it is.
    #[serde(default)]
    pub passphrase: Sensitive,
    /// Certificate authorities that are trusted beside those of the system, as PEM.
    #[serde(default)]
    pub ca: String,
    /// Trust those of `ca` only.
    #[serde(default)]
    pub ca_only: bool,
}
