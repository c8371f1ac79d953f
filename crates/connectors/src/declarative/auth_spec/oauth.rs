//! The grants of OAuth 2, with the many ways in which platforms deviate from it.

use serde::{Deserialize, Serialize};

use super::AuthKind;
use super::params::{Params, Sensitive, Way};

/// A token endpoint, and who we are there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Where tokens are asked for.
    pub token_url: String,
    /// Who we are at the platform.
    #[serde(default)]
    pub client_id: String,
    /// Only for platforms that give desktop applications one, and for own applications.
    #[serde(default)]
    pub client_secret: Option<Sensitive>,
    /// How client id and secret are sent.
    #[serde(default)]
    pub token_auth: TokenAuth,
    /// The assertion that says who we are, for `token_auth: jwt` (RFC 7523, section 2.2).
    #[serde(default)]
    pub client_assertion: Option<Jwt>,
    /// How the request is sent.
    #[serde(default)]
    pub token_format: TokenFormat,
    /// More parameters for the token request, in order.
    #[serde(default)]
    pub token_params: Params,
    /// Headers for the token request.
    #[serde(default)]
    pub token_headers: Params,
    /// What is asked for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// What stands between scopes.
    #[serde(default = "space")]
    pub scope_separator: String,
    /// Whom the token is for, where the platform wants to be told.
    #[serde(default)]
    pub audience: Option<String>,
    /// Which resources the token is for (RFC 8707).
    #[serde(default)]
    pub resource: Vec<String>,
    /// Other names for parameters: `client_id: app_id`, `code: auth_code`, `scope: permissions`.
    #[serde(default)]
    pub rename: Params,
    /// Where things stand in the answer.
    #[serde(default)]
    pub answer: AnswerShape,
    /// How long a token is good for where the answer does not say, in seconds.
    #[serde(default)]
    pub lifetime: Option<u64>,
}

fn space() -> String {
    " ".into()
}

/// How client id and secret are sent to a token endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenAuth {
    /// As parameters.
    #[default]
    Body,
    /// By HTTP Basic, each encoded as a form value first (RFC 6749).
    Basic,
    /// By HTTP Basic, as they are.
    BasicRaw,
    /// The client id alone, as a parameter: public clients, and clients known by their certificate.
    None,
    /// By a signed assertion (RFC 7523).
    Jwt,
    /// Not at all.
    Absent,
}

/// How a token request is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenFormat {
    /// POST with a form.
    #[default]
    Form,
    /// POST with a JSON object.
    Json,
    /// POST with everything in the query and an empty body.
    Query,
    /// GET with everything in the query.
    Get,
}

/// Where things stand in a token answer, where they do not stand where RFC 6749 puts them. A name alone is a member of
/// the answer, a list is the way to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerShape {
    /// The access token.
    #[serde(default)]
    pub access_token: Way,
    /// The refresh token.
    #[serde(default)]
    pub refresh_token: Way,
    /// How long the token is good for, in seconds.
    #[serde(default)]
    pub expires_in: Way,
    /// When it ends: seconds or milliseconds since 1970, or a date with time and offset.
    #[serde(default)]
    pub expires_at: Way,
    /// What was allowed.
    #[serde(default)]
    pub scope: Way,
    /// Further values that requests need, by the names that `apply` has for them in `kept`.
    #[serde(default)]
    pub keep: std::collections::BTreeMap<String, Way>,
    /// The code of an error.
    #[serde(default)]
    pub error: Way,
    /// The words of an error.
    #[serde(default)]
    pub error_description: Way,
}

/// OAuth 2 authorization code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Oauth2Code {
    /// Where the browser goes.
    pub authorize_url: String,
    /// Where codes and refresh tokens are exchanged.
    #[serde(flatten)]
    pub endpoint: Endpoint,
    /// Where tokens are given back (RFC 7009).
    #[serde(default)]
    pub revoke_url: Option<String>,
    /// What `iss` in the redirect must be (RFC 9207); none: not checked.
    #[serde(default)]
    pub issuer: Option<String>,
    /// How the code is bound to this program (RFC 7636).
    #[serde(default)]
    pub pkce: Pkce,
    /// More parameters for the authorize address, in order: `prompt`, `access_type`.
    #[serde(default)]
    pub authorize_params: Params,
    /// Name of the code in the redirect.
    #[serde(default = "code")]
    pub code_name: String,
    /// Values of the redirect that requests need, by the names that `apply` has for them in `kept`.
    #[serde(default)]
    pub keep_from_redirect: Params,
    /// Host of the loopback address: `127.0.0.1`, or `localhost` for platforms that know nothing else.
    #[serde(default = "default_redirect_host")]
    pub redirect_host: String,
    /// Path of the loopback address that the browser comes back to.
    #[serde(default = "default_redirect_path")]
    pub redirect_path: String,
    /// Loopback port, for platforms that want it registered; none: any free one.
    #[serde(default)]
    pub redirect_port: Option<u16>,
    /// A second step: the token of the code is exchanged for one that lasts.
    #[serde(default)]
    pub exchange: Option<Exchange>,
    /// How the token is renewed, where not by a refresh token at the token endpoint.
    #[serde(default)]
    pub renewal: Option<Renewal>,
}

fn code() -> String {
    "code".into()
}

fn default_redirect_host() -> String {
    "127.0.0.1".into()
}

fn default_redirect_path() -> String {
    "/callback".into()
}

/// How a code is bound to the program that asked for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pkce {
    /// By the digest of a random text.
    #[default]
    S256,
    /// By the text itself, for platforms that cannot do better.
    Plain,
    /// Not at all, for platforms that refuse the parameters.
    None,
}

/// How a token is renewed, where that is not what RFC 6749 says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewal {
    /// Where; none: the token endpoint.
    #[serde(default)]
    pub url: Option<String>,
    /// The grant; none: `refresh_token`.
    #[serde(default)]
    pub grant_type: Option<String>,
    /// Name of the parameter that carries the token; none: `refresh_token`.
    #[serde(default)]
    pub token_name: Option<String>,
    /// The access token itself is what renews.
    #[serde(default)]
    pub by_access_token: bool,
    /// More parameters, instead of `token_params`.
    #[serde(default)]
    pub params: Option<Params>,
}

/// OAuth 2 device code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceCode {
    /// Where the code is asked for.
    pub device_url: String,
    /// Where it is exchanged.
    #[serde(flatten)]
    pub endpoint: Endpoint,
    /// More parameters for the request for a code.
    #[serde(default)]
    pub device_params: Params,
    /// Where tokens are given back (RFC 7009).
    #[serde(default)]
    pub revoke_url: Option<String>,
}

/// OAuth 2 client credentials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientCredentials {
    /// Where tokens are asked for.
    #[serde(flatten)]
    pub endpoint: Endpoint,
    /// The grant, where it has another name: `account_credentials`.
    #[serde(default = "client_credentials")]
    pub grant_type: String,
}

fn client_credentials() -> String {
    "client_credentials".into()
}

/// OAuth 2 with a JWT that we sign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JwtBearer {
    /// Where tokens are asked for.
    #[serde(flatten)]
    pub endpoint: Endpoint,
    /// The assertion. Its audience is the token endpoint unless it says otherwise.
    pub jwt: Jwt,
    /// The grant.
    #[serde(default = "jwt_bearer")]
    pub grant_type: String,
    /// Name of the parameter that carries the assertion.
    #[serde(default = "assertion")]
    pub assertion_name: String,
}

fn jwt_bearer() -> String {
    "urn:ietf:params:oauth:grant-type:jwt-bearer".into()
}

fn assertion() -> String {
    "assertion".into()
}

/// A JWT and what it is signed with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Jwt {
    /// `RS256`, `ES256`, `HS256`…
    #[serde(default = "rs256")]
    pub algorithm: String,
    /// The private key as PEM, or the secret.
    pub key: Sensitive,
    /// What the private key is encrypted with, if it is.
    #[serde(default)]
    pub passphrase: Sensitive,
    /// How a secret is written: as text, base64 or hex.
    #[serde(default)]
    pub key_coding: super::signed::Coding,
    /// `kid` of the header.
    #[serde(default)]
    pub key_id: Option<String>,
    /// More members of the header.
    #[serde(default)]
    pub headers: serde_json::Map<String, serde_json::Value>,
    /// `iss`.
    #[serde(default)]
    pub issuer: Option<String>,
    /// `sub`.
    #[serde(default)]
    pub subject: Option<String>,
    /// `aud`.
    #[serde(default)]
    pub audience: Option<String>,
    /// More claims. Texts that come to nothing are left out.
    #[serde(default)]
    pub claims: serde_json::Map<String, serde_json::Value>,
    /// From `iat` to `exp`, in seconds.
    #[serde(default = "five_minutes")]
    pub lifetime: u64,
    /// A `jti` that is never the same.
    #[serde(default)]
    pub unique: bool,
}

fn rs256() -> String {
    "RS256".into()
}

fn five_minutes() -> u64 {
    300
}

/// OAuth 2 with a SAML 2.0 assertion: one that the person brings, or one that we sign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saml2Bearer {
    /// Where tokens are asked for.
    #[serde(flatten)]
    pub endpoint: Endpoint,
    /// A whole assertion, as XML or as base64.
    #[serde(default)]
    pub assertion: Option<Sensitive>,
    /// An assertion of our own.
    #[serde(default)]
    pub saml: Option<Saml>,
    /// The grant.
    #[serde(default = "saml2_bearer")]
    pub grant_type: String,
    /// Name of the parameter that carries the assertion.
    #[serde(default = "assertion")]
    pub assertion_name: String,
}

fn saml2_bearer() -> String {
    "urn:ietf:params:oauth:grant-type:saml2-bearer".into()
}

/// A SAML 2.0 assertion and what it is signed with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saml {
    /// Who says it.
    pub issuer: String,
    /// Of whom.
    pub subject: String,
    /// What kind of name the subject is.
    #[serde(default = "unspecified")]
    pub name_format: String,
    /// Whom it is for.
    pub audience: String,
    /// Where it may be used; none: the token endpoint.
    #[serde(default)]
    pub recipient: Option<String>,
    /// How long it is good for, in seconds.
    #[serde(default = "five_minutes")]
    pub lifetime: u64,
    /// How the subject was recognised.
    #[serde(default = "unspecified_context")]
    pub authentication: String,
    /// More that it says of the subject.
    #[serde(default)]
    pub attributes: Vec<SamlAttribute>,
    /// The private key (RSA), as PEM.
    pub key: Sensitive,
    /// What the private key is encrypted with, if it is.
    #[serde(default)]
    pub passphrase: Sensitive,
    /// The certificate to the key, as PEM: goes with the signature where it is given.
    #[serde(default)]
    pub certificate: Option<String>,
}

fn unspecified() -> String {
    "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified".into()
}

fn unspecified_context() -> String {
    "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified".into()
}

/// One thing that an assertion says of its subject.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamlAttribute {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A token that is exchanged for another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenExchange {
    /// How the first token is got: `client_credentials`, `jwt_bearer`, `saml2_bearer`, `session`, `jwt`, or `bearer`
    /// for one that the person types in.
    pub first: Box<AuthKind>,
    /// Where it is exchanged.
    #[serde(flatten)]
    pub endpoint: Endpoint,
    /// How.
    #[serde(default)]
    pub exchange: Exchange,
}

/// How a token is exchanged (RFC 8693).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// Where; none: the token endpoint.
    #[serde(default)]
    pub url: Option<String>,
    /// The grant.
    #[serde(default = "token_exchange")]
    pub grant_type: String,
    /// Name of the parameter that carries the token.
    #[serde(default = "subject_token")]
    pub token_name: String,
    /// What kind of token it is; empty: not said.
    #[serde(default = "access_token_type")]
    pub token_type: String,
    /// What kind of token is wanted.
    #[serde(default)]
    pub requested_type: Option<String>,
    /// More parameters.
    #[serde(default)]
    pub params: Params,
}

impl Default for Exchange {
    fn default() -> Self {
        Self {
            url: None,
            grant_type: token_exchange(),
            token_name: subject_token(),
            token_type: access_token_type(),
            requested_type: None,
            params: Params::default(),
        }
    }
}

fn token_exchange() -> String {
    "urn:ietf:params:oauth:grant-type:token-exchange".into()
}

fn subject_token() -> String {
    "subject_token".into()
}

fn access_token_type() -> String {
    "urn:ietf:params:oauth:token-type:access_token".into()
}
