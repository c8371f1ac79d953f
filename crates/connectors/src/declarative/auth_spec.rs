//! `patchbay.auth`: the ways to sign in to a platform, as data.
//!
//! One entry is an [`AuthMethod`]: what the person is asked for (`fields`), how that becomes something to sign with
//! (`type` and its members), and where it goes on requests (`apply`). Its texts may be templates over
//!
//! - `config`: the connection's settings, which are not secret,
//! - `fields`: what the person typed in, which is in the keychain,
//!
//! and where a request is signed also over `token`, `kept` and more: see [`Put`]. [`AuthMethod::resolve`] fills in what
//! is known before a person has typed in anything, [`AuthMethod::with_fields`] the rest.
//!
//! `docs/howto/add-sign-in.md` has a worked entry for each type.

pub mod keys;
pub mod oauth;
pub mod params;
mod read;
pub mod session;
pub mod signed;

use model::clock::Clock;
use model::value::Value;
use serde::{Deserialize, Serialize};
use template::{Env, Scope, Template};

pub use keys::{ApiKey, Basic, Bearer, KeyPlace, Put, Tls};
pub use oauth::{
    AnswerShape, ClientCredentials, DeviceCode, Endpoint, Exchange, Jwt, JwtBearer, Oauth2Code,
    Pkce, Renewal, Saml, Saml2Bearer, SamlAttribute, TokenAuth, TokenExchange, TokenFormat,
};
pub use params::{Params, Sensitive, Way};
pub use session::{Session, Step, Take, TakeFrom};
pub use signed::{
    AwsSigv4, BodyHash, Coding, Hash, Hmac, JwtOnly, Nonce, Oauth1, Oauth1Method, TimeFormat,
};

use crate::auth::fields::Typed;
use crate::{Error, Result};

/// One way to sign in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuthMethod {
    /// Name in documents, unique within the connector: `oauth`, `api_key`.
    pub name: String,
    /// Name for people: "Sign in with Harbor".
    pub label: String,
    /// What the person is asked for.
    #[serde(default)]
    pub fields: Vec<AuthField>,
    /// Where the token goes on requests; nothing: where the type says.
    #[serde(default)]
    pub apply: Vec<Put>,
    /// A client certificate, or a certificate authority of the platform's own.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// How it works.
    #[serde(flatten)]
    pub kind: AuthKind,
    /// What a person has to do at the platform first, step by step.
    #[serde(default)]
    pub checklist: Vec<String>,
    /// The connection's settings, once [`AuthMethod::resolve`] was given them.
    #[serde(skip)]
    pub settings: Value,
}

/// How a way to sign in works.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AuthKind {
    /// OAuth 2 authorization code, with PKCE, in the person's browser.
    Oauth2Code(Oauth2Code),
    /// OAuth 2 device code (RFC 8628): the person types a short code in at another device.
    DeviceCode(DeviceCode),
    /// OAuth 2 client credentials: id and secret alone.
    ClientCredentials(ClientCredentials),
    /// OAuth 2 with a signed assertion (RFC 7523): service accounts.
    JwtBearer(JwtBearer),
    /// OAuth 2 with a SAML 2.0 assertion (RFC 7522).
    Saml2Bearer(Saml2Bearer),
    /// One token is got first and exchanged for another (RFC 8693 and its likes).
    TokenExchange(TokenExchange),
    /// Requests of its own that give a token or a cookie.
    Session(Session),
    /// A key in a header, the query, the body or a cookie.
    ApiKey(ApiKey),
    /// A fixed token: `Authorization: Bearer …`.
    Bearer(Bearer),
    /// User and password: `Authorization: Basic …`.
    Basic(Basic),
    /// A JWT that we sign ourselves goes on each request.
    Jwt(JwtOnly),
    /// Each request is signed: HMAC over a described text.
    Hmac(Hmac),
    /// Each request is signed: AWS Signature Version 4.
    AwsSigv4(AwsSigv4),
    /// Each request is signed: OAuth 1.0a (RFC 5849).
    Oauth1(Oauth1),
    /// The client certificate of `tls` is all.
    MutualTls,
    /// Nothing is needed.
    None,
}

/// Something a person types in to sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthField {
    /// Name in documents.
    pub name: String,
    /// Name for people.
    pub label: String,
    /// Must not be shown. Everything that is typed in goes to the keychain, secret or not.
    #[serde(default)]
    pub secret: bool,
    /// Where to find it.
    #[serde(default)]
    pub help: Option<String>,
    /// May be left empty.
    #[serde(default)]
    pub optional: bool,
    /// What it has to look like.
    #[serde(default)]
    pub format: FieldFormat,
}

/// What a field has to look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldFormat {
    /// One line.
    #[default]
    Text,
    /// Several lines, as they are.
    Lines,
    /// A key or certificate: `-----BEGIN …`.
    Pem,
    /// A JSON document, such as the key file of a service account; templates reach into it.
    Json,
}

impl AuthField {
    /// A field of one line that must be filled in.
    pub fn new(name: impl Into<String>, secret: bool) -> Self {
        let name = name.into();
        Self {
            label: name.clone(),
            name,
            secret,
            help: None,
            optional: false,
            format: FieldFormat::Text,
        }
    }
}

/// Members whose templates are filled in when they are used: they look at the request or at a token.
const LATER: [&str; 6] = ["apply", "steps", "end", "string", "fields", "checklist"];

impl AuthMethod {
    /// A way to sign in without fields, settings and a checklist.
    pub fn new(name: impl Into<String>, label: impl Into<String>, kind: AuthKind) -> Self {
        Self {
            name: name.into(),
            label: label.into(),
            fields: Vec::new(),
            apply: Vec::new(),
            tls: None,
            kind,
            checklist: Vec::new(),
            settings: Value::Null,
        }
    }

    /// The same with every template filled that needs the connection's settings only.
    pub fn resolve(&self, config: &serde_json::Value) -> Result<Self> {
        let settings = Value::from_serde(config);
        let scope = Scope::new().with("config", &settings);
        let mut filled = self.fill(&scope, |template| {
            !template.names().iter().any(|name| name == "fields")
        })?;
        filled.settings = settings;
        Ok(filled)
    }

    /// The same with what the person typed in.
    pub fn with_fields(&self, typed: &Typed) -> Result<Self> {
        let described = typed.described(&self.fields);
        let scope = Scope::new()
            .with("config", &self.settings)
            .with("fields", &described as &dyn template::Members);
        self.fill(&scope, |_| true)
    }

    fn fill(&self, scope: &Scope<'_>, wanted: impl Fn(&Template) -> bool) -> Result<Self> {
        let place = format!("patchbay.auth.{}", self.name);
        let mut tree = serde_json::to_value(self)
            .map_err(|error| wrong(&place, error.to_string(), "a description of a sign-in"))?;
        let env = Env::new(Clock::system());
        if let serde_json::Value::Object(members) = &mut tree {
            for (name, member) in members {
                if !LATER.contains(&name.as_str()) {
                    fill_tree(member, scope, &env, &wanted, &format!("{place}.{name}"))?;
                }
            }
        }
        let mut filled: Self = serde_json::from_value(tree)
            .map_err(|error| wrong(&place, error.to_string(), "texts where texts are meant"))?;
        filled.settings = self.settings.clone();
        Ok(filled)
    }

    /// Whether a token is got first, from the platform or by a person in the browser.
    pub const fn gets_a_token(&self) -> bool {
        match &self.kind {
            AuthKind::Oauth2Code(_)
            | AuthKind::DeviceCode(_)
            | AuthKind::ClientCredentials(_)
            | AuthKind::JwtBearer(_)
            | AuthKind::Saml2Bearer(_)
            | AuthKind::TokenExchange(_)
            | AuthKind::Session(_) => true,
            AuthKind::Oauth1(spec) => spec.authorize_url.is_some(),
            AuthKind::ApiKey(_)
            | AuthKind::Bearer(_)
            | AuthKind::Basic(_)
            | AuthKind::Jwt(_)
            | AuthKind::Hmac(_)
            | AuthKind::AwsSigv4(_)
            | AuthKind::MutualTls
            | AuthKind::None => false,
        }
    }

    /// Whether a person has to go to the platform with a browser.
    pub const fn needs_a_browser(&self) -> bool {
        match &self.kind {
            AuthKind::Oauth2Code(_) | AuthKind::DeviceCode(_) => true,
            AuthKind::Oauth1(spec) => spec.authorize_url.is_some(),
            _ => false,
        }
    }

    /// What is asked for.
    pub fn scopes(&self) -> &[String] {
        match &self.kind {
            AuthKind::Oauth2Code(spec) => &spec.endpoint.scopes,
            AuthKind::DeviceCode(spec) => &spec.endpoint.scopes,
            AuthKind::ClientCredentials(spec) => &spec.endpoint.scopes,
            AuthKind::JwtBearer(spec) => &spec.endpoint.scopes,
            AuthKind::Saml2Bearer(spec) => &spec.endpoint.scopes,
            AuthKind::TokenExchange(spec) => &spec.endpoint.scopes,
            _ => &[],
        }
    }

    /// What came with a token and belongs to the settings, because addresses of requests are made of it: by the names
    /// that the description gives it.
    pub fn settings_from<'s>(&self, token: &'s crate::auth::TokenSet) -> Vec<(&'s str, &'s str)> {
        let is_wanted = |name: &str| {
            let of_answer = |shape: &AnswerShape| shape.keep.contains_key(name);
            match &self.kind {
                AuthKind::Oauth2Code(spec) => {
                    of_answer(&spec.endpoint.answer) || spec.keep_from_redirect.get(name).is_some()
                }
                AuthKind::DeviceCode(spec) => of_answer(&spec.endpoint.answer),
                AuthKind::ClientCredentials(spec) => of_answer(&spec.endpoint.answer),
                AuthKind::JwtBearer(spec) => of_answer(&spec.endpoint.answer),
                AuthKind::Saml2Bearer(spec) => of_answer(&spec.endpoint.answer),
                AuthKind::TokenExchange(spec) => of_answer(&spec.endpoint.answer),
                AuthKind::Session(spec) => spec.keep.iter().any(|known| known == name),
                _ => false,
            }
        };
        token
            .kept
            .iter()
            .filter(|(name, _)| is_wanted(name))
            .map(|(name, value)| (name.as_str(), value.reveal()))
            .collect()
    }

    /// What the person is asked for.
    pub fn fields(&self) -> &[AuthField] {
        &self.fields
    }
}

fn fill_tree(
    tree: &mut serde_json::Value,
    scope: &Scope<'_>,
    env: &Env,
    wanted: &impl Fn(&Template) -> bool,
    place: &str,
) -> Result<()> {
    match tree {
        serde_json::Value::String(text) if text.contains("{{") || text.contains("{%") => {
            let template = compile(text, place)?;
            if wanted(&template) {
                *text = render(&template, scope, env, place)?;
            }
        }
        serde_json::Value::Array(items) => {
            for (n, item) in items.iter_mut().enumerate() {
                fill_tree(item, scope, env, wanted, &format!("{place}[{n}]"))?;
            }
        }
        serde_json::Value::Object(members) => {
            for (name, member) in members {
                if !LATER.contains(&name.as_str()) {
                    fill_tree(member, scope, env, wanted, &format!("{place}.{name}"))?;
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// A template of a sign-in; `place` is where it stands. It is strict: what is not filled in must not be sent as nothing.
pub(crate) fn compile(text: &str, place: &str) -> Result<Template> {
    Template::compile_strict(text).map_err(|error| {
        wrong(
            place,
            format!("the template cannot be read: {}", error.message),
            &format!(
                "{} (line {}, column {})",
                error.expected, error.line, error.column
            ),
        )
    })
}

/// Fills a template of a sign-in. The complaint quotes the template and never a value.
pub(crate) fn render(
    template: &Template,
    scope: &Scope<'_>,
    env: &Env,
    place: &str,
) -> Result<String> {
    template
        .render(scope, env)
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| {
            let source: String = template.source().chars().take(120).collect();
            wrong(
                place,
                format!("`{source}` cannot be filled in"),
                "a template over `config` and `fields`, and a value for what it looks at",
            )
        })
}

pub(crate) fn wrong(place: &str, problem: String, expected: &str) -> Error {
    Error::Misconfigured {
        what: "the connector's sign-in".into(),
        place: place.to_owned(),
        problem,
        expected: expected.to_owned(),
    }
}
