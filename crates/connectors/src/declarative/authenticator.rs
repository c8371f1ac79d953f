//! Who signs a request: the connection's sign-in, or an authenticator of the file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::secret::Secret;
use model::value::Value;

use super::node::View;
use super::path;
use super::requester::Inject;
use super::template::{Scope, Template, Templates};
use crate::Result;
use crate::http::RequestParts;

/// How the requests of a requester are signed.
#[derive(Clone, Debug, Default)]
pub enum Authentication {
    /// Not said: by the connection's sign-in, if the connector has one.
    #[default]
    SignIn,
    /// Not at all.
    Nothing,
    /// A key, taken from the settings.
    ApiKey {
        /// Where it goes.
        into: Inject,
        /// The key.
        token: Template,
    },
    /// A token, taken from the settings.
    Bearer(Template),
    /// User and password, taken from the settings.
    Basic {
        /// The user.
        user: Template,
        /// The password.
        password: Option<Template>,
    },
}

const KNOWN: &[&str] = &[
    "ApiKeyAuthenticator",
    "BearerAuthenticator",
    "BasicHttpAuthenticator",
    "OAuthAuthenticator",
    "NoAuth",
];

impl Authentication {
    /// From the file.
    pub fn compile(templates: &mut Templates, view: Option<View<'_>>) -> Result<Self> {
        let Some(view) = view else {
            return Ok(Self::SignIn);
        };
        Ok(match view.component()? {
            "NoAuth" => Self::Nothing,
            // Codes and refresh tokens are the business of `auth`.
            "OAuthAuthenticator" => Self::SignIn,
            "BearerAuthenticator" => Self::Bearer(
                templates.compile(&view.require("api_token", "the token")?, path::NAMES)?,
            ),
            "BasicHttpAuthenticator" => Self::Basic {
                user: templates.compile(&view.require("username", "the user")?, path::NAMES)?,
                password: view
                    .get("password")
                    .map(|password| templates.compile(&password, path::NAMES))
                    .transpose()?,
            },
            "ApiKeyAuthenticator" => {
                let token =
                    templates.compile(&view.require("api_token", "the key")?, path::NAMES)?;
                let into = match (view.get("inject_into"), view.get("header")) {
                    (Some(into), _) => Inject::compile(templates, &into)?,
                    (None, Some(header)) => {
                        Inject::Header(templates.compile(&header, path::NAMES)?)
                    }
                    (None, None) => {
                        return Err(view.fail(
                            "nothing says where the key goes",
                            "`inject_into` or `header`",
                        ));
                    }
                };
                Self::ApiKey { into, token }
            }
            _ => return Err(view.unknown_component(KNOWN)),
        })
    }

    /// Signs with what the file itself says. Secrets that were used are added to `secrets`.
    pub fn apply(
        &self,
        templates: &Templates,
        scope: &Scope,
        request: &mut RequestParts,
        secrets: &mut Vec<Secret>,
    ) -> Result<()> {
        match self {
            Self::SignIn | Self::Nothing => {}
            Self::ApiKey { into, token } => {
                let key = token.render(templates, scope)?;
                into.apply(templates, scope, request, &Value::text(key.as_str()))?;
                secrets.push(Secret::new(key));
            }
            Self::Bearer(token) => {
                let token = token.render(templates, scope)?;
                request.set_secret_header("authorization", &format!("Bearer {token}"));
                secrets.push(Secret::new(token));
            }
            Self::Basic { user, password } => {
                let user = user.render(templates, scope)?;
                let password = match password {
                    Some(password) => password.render(templates, scope)?,
                    None => String::new(),
                };
                let pair = STANDARD.encode(format!("{user}:{password}"));
                request.set_secret_header("authorization", &format!("Basic {pair}"));
                secrets.push(Secret::new(pair));
                if !password.is_empty() {
                    secrets.push(Secret::new(password));
                }
            }
        }
        Ok(())
    }
}
