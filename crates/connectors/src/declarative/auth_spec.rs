//! `patchbay.auth`: how a person signs in to a platform.
//!
//! Texts may be templates over `config` (`{{ config['base_url'] }}/oauth/token`); use
//! [`AuthMethod::resolve`] before acting on them.

use serde::{Deserialize, Serialize};

/// One way to sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthMethod {
    /// Name in documents, unique within the connector: `oauth`, `api_key`.
    pub name: String,
    /// Name for people: "Sign in with Harbor".
    pub label: String,
    /// How it works.
    #[serde(flatten)]
    pub kind: AuthKind,
    /// What a person has to do at the platform first, step by step.
    #[serde(default)]
    pub checklist: Vec<String>,
}

/// How a way to sign in works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AuthKind {
    /// OAuth 2 authorization code with PKCE in the person's browser.
    Oauth2Code(Oauth2Code),
    /// A key in a header or in the query.
    ApiKey(ApiKey),
    /// A fixed token: `Authorization: Bearer …`.
    Bearer(Bearer),
    /// User and password: `Authorization: Basic …`.
    Basic(Basic),
    /// Nothing is needed.
    None,
}

/// OAuth 2 authorization code.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oauth2Code {
    /// Where the browser goes.
    pub authorize_url: String,
    /// Where codes and refresh tokens are exchanged.
    pub token_url: String,
    /// Where tokens are given back (RFC 7009).
    #[serde(default)]
    pub revoke_url: Option<String>,
    /// What `iss` in the redirect must be (RFC 9207); none: not checked.
    #[serde(default)]
    pub issuer: Option<String>,
    /// Who we are at the platform.
    pub client_id: String,
    /// Only for platforms that give desktop applications one.
    #[serde(default)]
    pub client_secret: Option<String>,
    /// What is asked for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// How client id and secret are sent to the token endpoint.
    #[serde(default)]
    pub token_auth: TokenAuth,
    /// More parameters for the authorize address, in order: `prompt`, `access_type`.
    #[serde(default)]
    pub authorize_params: Vec<(String, String)>,
    /// More parameters for the token request, in order.
    #[serde(default)]
    pub token_params: Vec<(String, String)>,
    /// Path of the loopback address that the browser comes back to.
    #[serde(default = "default_redirect_path")]
    pub redirect_path: String,
    /// Loopback port, for platforms that want it registered; none: any free one.
    #[serde(default)]
    pub redirect_port: Option<u16>,
}

impl std::fmt::Debug for Oauth2Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The client secret must not show.
        f.debug_struct("Oauth2Code")
            .field("authorize_url", &self.authorize_url)
            .field("token_url", &self.token_url)
            .field("client_id", &self.client_id)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

fn default_redirect_path() -> String {
    "/callback".into()
}

/// How client id and secret are sent to a token endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenAuth {
    /// In the form.
    #[default]
    Body,
    /// By HTTP Basic.
    Basic,
    /// The client id alone, in the form (public clients).
    None,
}

/// A key in a header or in the query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// Where the key goes.
    #[serde(rename = "in", default)]
    pub place: KeyPlace,
    /// Name of the header or query parameter.
    pub key_name: String,
    /// What stands before the key in a header: `Token `.
    #[serde(default)]
    pub prefix: String,
    /// What the person is asked for; the first secret one is the key.
    pub fields: Vec<AuthField>,
}

/// Where an API key goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyPlace {
    /// In a header.
    #[default]
    Header,
    /// In the query.
    Query,
}

/// A fixed token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bearer {
    /// What the person is asked for; the first secret one is the token.
    pub fields: Vec<AuthField>,
}

/// User and password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basic {
    /// What the person is asked for: the field that is not secret is the user, the secret one the
    /// password. One alone leaves the other empty.
    pub fields: Vec<AuthField>,
}

/// Something a person types in to sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthField {
    /// Name in documents.
    pub name: String,
    /// Name for people.
    pub label: String,
    /// Must not be shown and goes to the keychain.
    #[serde(default)]
    pub secret: bool,
    /// Where to find it.
    #[serde(default)]
    pub help: Option<String>,
}

impl AuthMethod {
    /// The same with every template filled from the connection's settings.
    pub fn resolve(&self, config: &serde_json::Value) -> crate::Result<Self> {
        let mut tree = serde_json::to_value(self).map_err(|error| crate::Error::Misconfigured {
            what: "the connector's sign-in".into(),
            place: format!("patchbay.auth.{}", self.name),
            problem: error.to_string(),
            expected: "a description of a sign-in".into(),
        })?;
        render_all(&mut tree, config, &format!("patchbay.auth.{}", self.name))?;
        serde_json::from_value(tree).map_err(|error| crate::Error::Misconfigured {
            what: "the connector's sign-in".into(),
            place: format!("patchbay.auth.{}", self.name),
            problem: error.to_string(),
            expected: "texts where texts are meant".into(),
        })
    }

    /// What the person is asked for.
    pub fn fields(&self) -> &[AuthField] {
        match &self.kind {
            AuthKind::ApiKey(ApiKey { fields, .. })
            | AuthKind::Bearer(Bearer { fields })
            | AuthKind::Basic(Basic { fields }) => fields,
            AuthKind::Oauth2Code(_) | AuthKind::None => &[],
        }
    }
}

fn render_all(
    tree: &mut serde_json::Value,
    config: &serde_json::Value,
    place: &str,
) -> crate::Result<()> {
    match tree {
        serde_json::Value::String(text) if text.contains("{{") || text.contains("{%") => {
            let problem = |problem: String| crate::Error::Misconfigured {
                what: "the connector's sign-in".into(),
                place: place.to_owned(),
                problem,
                expected: "a template over `config`".into(),
            };
            let template = template::Template::compile(text)
                .map_err(|error| problem(error.to_string()))?;
            let config = model::value::Value::from_serde(config);
            let env = template::Env::new(model::clock::Clock::system());
            let filled = template
                .render(&template::Scope::new().with("config", &config), &env)
                .map_err(|error| problem(error.to_string()))?
                .into_owned();
            *text = filled;
        }
        serde_json::Value::Array(items) => {
            for item in items {
                render_all(item, config, place)?;
            }
        }
        serde_json::Value::Object(members) => {
            for (name, member) in members {
                render_all(member, config, &format!("{place}.{name}"))?;
            }
        }
        _ => {}
    }
    Ok(())
}
