//! Who signs a request: the connection's sign-in, or an authenticator of the file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::secret::Secret;
use model::value::Value;

use template::{Env, Scope};

use super::node::View;
use super::options::{Options, RequestOption};
use super::text::{Text, python_text};
use crate::Result;
use crate::http::{Body, RequestParts};

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
        into: RequestOption,
        /// The key.
        token: Text,
    },
    /// A token, taken from the settings.
    Bearer(Text),
    /// User and password, taken from the settings.
    Basic {
        /// The user.
        user: Text,
        /// The password.
        password: Option<Text>,
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
    pub fn compile(view: Option<View<'_>>) -> Result<Self> {
        let Some(view) = view else {
            return Ok(Self::SignIn);
        };
        Ok(match view.component()? {
            "NoAuth" => Self::Nothing,
            // Codes and refresh tokens are the business of `auth`.
            "OAuthAuthenticator" => Self::SignIn,
            "BearerAuthenticator" => {
                Self::Bearer(Text::compile(&view.require("api_token", "the token")?)?)
            }
            "BasicHttpAuthenticator" => Self::Basic {
                user: Text::compile(&view.require("username", "the user")?)?,
                password: Text::member(&view, "password")?,
            },
            "ApiKeyAuthenticator" => {
                let token = Text::compile(&view.require("api_token", "the key")?)?;
                let into = match (view.get("inject_into"), view.get("header")) {
                    (Some(into), _) => RequestOption::compile(&into)?,
                    (None, Some(header)) => RequestOption::Header(Text::compile(&header)?),
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
        scope: &Scope<'_>,
        env: &Env,
        request: &mut RequestParts,
        secrets: &mut Vec<Secret>,
    ) -> Result<()> {
        match self {
            Self::SignIn | Self::Nothing => {}
            Self::ApiKey { into, token } => {
                let key = token.render(scope, env)?;
                let mut options = Options::default();
                into.put(&mut options, Value::text(key.as_str()), scope, env)?;
                add(request, options);
                secrets.push(Secret::new(key));
            }
            Self::Bearer(token) => {
                let token = token.render(scope, env)?;
                request.set_secret_header("authorization", &format!("Bearer {token}"));
                secrets.push(Secret::new(token));
            }
            Self::Basic { user, password } => {
                let user = user.render(scope, env)?;
                let password = match password {
                    Some(password) => password.render(scope, env)?,
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

/// Adds to a request that is made already.
fn add(request: &mut RequestParts, options: Options) {
    for (name, value) in options.headers {
        request.set_secret_header(&name, &python_text(&value));
    }
    for (name, value) in options.parameters {
        request.query.push((name.into(), python_text(&value)));
    }
    if !options.form.is_empty() {
        if !matches!(request.body, Body::Form(_)) {
            request.body = Body::Form(Vec::new());
        }
        if let Body::Form(form) = &mut request.body {
            for (name, value) in options.form {
                form.push((name.into(), python_text(&value)));
            }
        }
    }
    if !options.json.is_empty() {
        match &mut request.body {
            Body::Json(Value::Object(body)) => {
                for (name, value) in options.json {
                    body.insert(name, value);
                }
            }
            body => *body = Body::Json(Value::Object(options.json)),
        }
    }
}
