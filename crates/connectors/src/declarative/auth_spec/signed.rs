//! Ways to sign in where each request is signed.

use serde::{Deserialize, Serialize};

use super::oauth::Jwt;
use super::params::{Params, Sensitive};

/// A JWT that we sign goes on each request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JwtOnly {
    /// The token.
    pub jwt: Jwt,
}

/// An HMAC over a described text. Where signature, key id, time and nonce go is up to `apply`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hmac {
    /// The digest.
    #[serde(default)]
    pub algorithm: Hash,
    /// The secret.
    pub secret: Sensitive,
    /// How the secret is written.
    #[serde(default)]
    pub secret_coding: Coding,
    /// What is signed, over `method`, `url`, `scheme`, `host`, `path`, `query` (as sent), `sorted_query`,
    /// `path_and_query`, `headers`, `body`, `body_hash`, `timestamp`, `nonce`, `fields` and `config`.
    pub string: String,
    /// How the signature is written.
    #[serde(default = "hex")]
    pub signature: Coding,
    /// What `body_hash` is.
    #[serde(default)]
    pub body_hash: BodyHash,
    /// What `timestamp` is.
    #[serde(default)]
    pub timestamp: TimeFormat,
    /// What `nonce` is.
    #[serde(default)]
    pub nonce: Nonce,
}

fn hex() -> Coding {
    Coding::Hex
}

/// A digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hash {
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// SHA-1, for platforms that know nothing better.
    Sha1,
    /// MD5, for platforms that know nothing better.
    Md5,
}

/// How bytes are written as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coding {
    /// As they are, in UTF-8.
    #[default]
    Text,
    /// Base64.
    Base64,
    /// Base64 for addresses, without `=`.
    Base64url,
    /// Hexadecimal.
    Hex,
    /// Hexadecimal in capitals.
    HexUpper,
}

/// The digest of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyHash {
    /// The digest.
    #[serde(default)]
    pub algorithm: Hash,
    /// How it is written.
    #[serde(default = "hex")]
    pub coding: Coding,
    /// Nothing instead of the digest of nothing, where there is no body.
    #[serde(default)]
    pub none_when_empty: bool,
}

impl Default for BodyHash {
    fn default() -> Self {
        Self {
            algorithm: Hash::default(),
            coding: Coding::Hex,
            none_when_empty: false,
        }
    }
}

/// How the time of a signature is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeFormat {
    /// Seconds since 1970.
    #[default]
    Unix,
    /// Milliseconds since 1970.
    UnixMs,
    /// `2026-01-15T12:34:56Z`.
    Rfc3339,
    /// `2026-01-15T12:34:56.789Z`.
    Rfc3339Ms,
    /// `20260115T123456Z`.
    Basic,
    /// `Thu, 15 Jan 2026 12:34:56 GMT`.
    HttpDate,
}

/// A text that is never the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nonce {
    /// `0b1f…-…`.
    #[default]
    Uuid,
    /// 32 hexadecimal digits.
    Hex,
    /// 16 decimal digits.
    Digits,
}

/// AWS Signature Version 4.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsSigv4 {
    /// `AKIA…`.
    pub access_key_id: String,
    /// The secret to it.
    pub secret_access_key: Sensitive,
    /// For keys that end.
    #[serde(default)]
    pub session_token: Option<Sensitive>,
    /// `eu-west-1`.
    pub region: String,
    /// `execute-api`, `s3`, `dynamodb`.
    pub service: String,
}

/// OAuth 1.0a.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Oauth1 {
    /// Who we are at the platform.
    pub consumer_key: String,
    /// The secret to it.
    #[serde(default)]
    pub consumer_secret: Sensitive,
    /// The token, where the person types one in.
    #[serde(default)]
    pub token: Option<Sensitive>,
    /// The secret to it.
    #[serde(default)]
    pub token_secret: Option<Sensitive>,
    /// How requests are signed.
    #[serde(default)]
    pub signature_method: Oauth1Method,
    /// `realm` of the header.
    #[serde(default)]
    pub realm: Option<String>,
    /// The parameters go into the query instead of the header.
    #[serde(default)]
    pub in_query: bool,
    /// Where a request token is asked for, when the person signs in with a browser.
    #[serde(default)]
    pub request_token_url: Option<String>,
    /// Where the browser goes then.
    #[serde(default)]
    pub authorize_url: Option<String>,
    /// More parameters for the authorize address.
    #[serde(default)]
    pub authorize_params: Params,
    /// Where the token is asked for at the end.
    #[serde(default)]
    pub access_token_url: Option<String>,
    /// Path of the loopback address that the browser comes back to.
    #[serde(default = "callback")]
    pub redirect_path: String,
    /// Loopback port, for platforms that want it registered; none: any free one.
    #[serde(default)]
    pub redirect_port: Option<u16>,
}

fn callback() -> String {
    "/callback".into()
}

/// How OAuth 1.0a signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Oauth1Method {
    /// What RFC 5849 describes.
    #[default]
    #[serde(rename = "HMAC-SHA1")]
    HmacSha1,
    /// The same with a better digest.
    #[serde(rename = "HMAC-SHA256")]
    HmacSha256,
    /// The secrets themselves.
    #[serde(rename = "PLAINTEXT")]
    Plaintext,
}
