//! Who signs a request: the connection's sign-in, or an authenticator of the file.
//!
//! Keys and tokens stay the texts that they are. The low-code format reads every text that a template makes as a
//! literal, so that the key `00012` would be sent as `12` and `1e5` as `100000.0`; nobody means that.

use async_trait::async_trait;
use compact_str::CompactString;
use model::secret::Secret;
use model::value::Value;
use template::{Env, Scope};

use super::authenticators::jwt::{self, Jwt};
use super::authenticators::oauth::{self, OAuth};
use super::authenticators::rotating::Rotating;
use super::authenticators::session::{LegacySession, Session, UseAs};
use super::connection::Connection;
use super::glob_path;
use super::node::View;
use super::options::{Options, RequestOption};
use super::text::{Text, python_text};
use crate::auth::basic_pair;
use crate::http::{Body, RequestParts, Signer};
use crate::{Access, Error, Result};

/// How the requests of a requester are signed.
#[derive(Clone, Debug, Default)]
pub enum Authentication {
    /// Not said: by the connection's sign-in, if the connector has one.
    #[default]
    SignIn,
    /// Not at all.
    Nothing,
    /// By an authenticator of the file.
    ByFile(ByFile),
}

/// An authenticator of the file.
#[derive(Clone, Debug)]
pub struct ByFile(Kind);

#[derive(Clone, Debug)]
enum Kind {
    ApiKey {
        into: RequestOption,
        token: Option<Text>,
    },
    Bearer(Text),
    Basic {
        user: Text,
        password: Option<Text>,
    },
    Jwt(Box<Jwt>),
    OAuth(Box<OAuth>),
    Session(Box<Session>),
    LegacySession(Box<LegacySession>),
    Rotating(Box<Rotating>),
    /// The one that the settings name.
    Selective {
        way: Vec<CompactString>,
        choices: Vec<(String, Authentication)>,
        file: String,
        place: String,
    },
}

const KNOWN: &[&str] = &[
    "ApiKeyAuthenticator",
    "BearerAuthenticator",
    "BasicHttpAuthenticator",
    "OAuthAuthenticator",
    "SessionTokenAuthenticator",
    "LegacySessionTokenAuthenticator",
    "JwtAuthenticator",
    "RateLimitedMultipleTokenAuthenticator",
    "SelectiveAuthenticator",
    "NoAuth",
];

impl Authentication {
    /// From the file.
    pub fn compile(view: Option<View<'_>>) -> Result<Self> {
        let Some(view) = view else {
            return Ok(Self::SignIn);
        };
        let kind = match view.component()? {
            "NoAuth" => return Ok(Self::Nothing),
            "BearerAuthenticator" => {
                Kind::Bearer(Text::compile(&view.require("api_token", "the token")?)?)
            }
            "BasicHttpAuthenticator" => Kind::Basic {
                user: Text::compile(&view.require("username", "the user")?)?,
                password: Text::member(&view, "password")?,
            },
            "ApiKeyAuthenticator" => Kind::ApiKey {
                into: match (view.get("inject_into"), view.get("header")) {
                    (Some(_), Some(header)) => {
                        return Err(
                            header.fail("where the key goes is said twice", "`inject_into` alone")
                        );
                    }
                    (Some(into), None) => RequestOption::compile(&into)?,
                    (None, Some(header)) => RequestOption::Header(Text::compile(&header)?),
                    (None, None) => {
                        return Err(view.fail(
                            "nothing says where the key goes",
                            "`inject_into` or `header`",
                        ));
                    }
                },
                token: Text::member(&view, "api_token")?,
            },
            "JwtAuthenticator" => Kind::Jwt(Box::new(Jwt::compile(&view)?)),
            "OAuthAuthenticator" => Kind::OAuth(Box::new(OAuth::compile(&view)?)),
            "SessionTokenAuthenticator" => Kind::Session(Box::new(Session::compile(&view)?)),
            "LegacySessionTokenAuthenticator" => {
                Kind::LegacySession(Box::new(LegacySession::compile(&view)?))
            }
            "RateLimitedMultipleTokenAuthenticator" => {
                Kind::Rotating(Box::new(Rotating::compile(&view)?))
            }
            "SelectiveAuthenticator" => Kind::Selective {
                way: view
                    .require("authenticator_selection_path", "the way to the choice")?
                    .texts()?
                    .into_iter()
                    .map(Into::into)
                    .collect(),
                choices: view
                    .require("authenticators", "the authenticators by name")?
                    .members()?
                    .into_iter()
                    .map(|(name, view)| Ok((name.to_owned(), Self::compile(Some(view))?)))
                    .collect::<Result<_>>()?,
                file: view.file().to_owned(),
                place: view.place(),
            },
            name if name.starts_with("Custom") => {
                let class = view.text_of("class_name")?.unwrap_or("no class named");
                return Err(view.fail(
                    format!("`{name}` ({class}) is Python code"),
                    format!("one of {}", KNOWN.join(", ")),
                ));
            }
            _ => return Err(view.unknown_component(KNOWN)),
        };
        Ok(Self::ByFile(ByFile(kind)))
    }

    /// Whether it is the one that a connector with a sign-in of its own does not need: tokens come from there.
    pub const fn is_oauth(&self) -> bool {
        matches!(self, Self::ByFile(ByFile(Kind::OAuth(_))))
    }
}

/// Signs the requests of one requester with an authenticator of the file.
pub(super) struct FileSigner<'a> {
    pub(super) by: &'a ByFile,
    pub(super) connection: &'a Connection,
    pub(super) scope: &'a Scope<'a>,
    /// The address of the requester.
    pub(super) base: Option<&'a Text>,
}

#[async_trait]
impl Signer for FileSigner<'_> {
    async fn sign(&self, request: &mut RequestParts, access: &Access) -> Result<()> {
        let (scope, env) = (self.scope, &self.connection.env);
        match &self.chosen()?.0 {
            Kind::ApiKey { into, token } => {
                let key = filled(token.as_ref(), scope, env)?;
                self.put(request, into, Value::text(key))
            }
            Kind::Bearer(token) => bearer(request, &Secret::new(token.render(scope, env)?)),
            Kind::Basic { user, password } => {
                let pair = basic_pair(
                    &user.render(scope, env)?,
                    &Secret::new(filled(password.as_ref(), scope, env)?),
                );
                header(
                    request,
                    "authorization",
                    &Secret::new(format!("Basic {}", pair.reveal())),
                )
            }
            Kind::Jwt(spec) => {
                let now = self.connection.clock.now();
                let token = spec.token(scope, env, self.connection.tokens(), now)?;
                match &spec.into {
                    Some(into) => self.put(request, into, jwt::as_value(&token)),
                    None => header(request, "authorization", &token),
                }
            }
            Kind::OAuth(spec) => {
                let token = spec.token(scope, env, &self.platform(), access).await?;
                request.signed_with = Some(token.version);
                bearer(request, &token.text)
            }
            Kind::Session(spec) => {
                let token = spec.token(self.connection, scope, access).await?;
                request.signed_with = Some(token.version);
                match &spec.use_as {
                    UseAs::Bearer => bearer(request, &token.text),
                    UseAs::Key { into, text } => {
                        let value = match text {
                            None => token.text.clone(),
                            Some(text) => {
                                let session = Value::text(token.text.reveal());
                                let scope = Scope::within(scope).with("session_token", &session);
                                Secret::new(text.render(&scope, env)?)
                            }
                        };
                        self.put(request, into, Value::text(value.reveal()))
                    }
                }
            }
            Kind::LegacySession(spec) => {
                let token = spec
                    .token(scope, env, self.base, &self.platform(), access)
                    .await?;
                request.signed_with = Some(token.version);
                header(request, &spec.header.render(scope, env)?, &token.text)
            }
            Kind::Rotating(spec) => spec.sign(self.connection, scope, request, access).await,
            Kind::Selective { .. } => Ok(()),
        }
    }

    fn answered(&self, request: &RequestParts, headers: &http::HeaderMap) {
        if let Ok(ByFile(Kind::Rotating(spec))) = self.chosen() {
            spec.answered(self.connection, self.scope, request, headers);
        }
    }

    async fn renew(&self, _access: &Access) -> Result<bool> {
        Ok(false)
    }

    async fn renew_after(&self, refused: &RequestParts, _access: &Access) -> Result<bool> {
        let Some(version) = refused.signed_with else {
            return Ok(false);
        };
        let (scope, env) = (self.scope, &self.connection.env);
        match &self.chosen()?.0 {
            Kind::OAuth(spec) => spec.refuse(scope, env, &self.platform(), version),
            Kind::Session(spec) => spec.refuse(self.connection, scope, version),
            Kind::LegacySession(spec) => {
                spec.refuse(scope, env, self.base, &self.platform(), version)
            }
            Kind::ApiKey { .. }
            | Kind::Bearer(_)
            | Kind::Basic { .. }
            | Kind::Jwt(_)
            | Kind::Rotating(_)
            | Kind::Selective { .. } => Ok(false),
        }
    }

    fn secrets(&self) -> Vec<Secret> {
        let (scope, env) = (self.scope, &self.connection.env);
        let mut secrets = self.connection.tokens().secrets();
        let Ok(chosen) = self.chosen() else {
            return secrets;
        };
        let of = |text: Option<&Text>| {
            text.and_then(|text| text.render(scope, env).ok())
                .map(Secret::new)
        };
        match &chosen.0 {
            Kind::ApiKey { token, .. } => secrets.extend(of(token.as_ref())),
            Kind::Bearer(token) => secrets.extend(of(Some(token))),
            Kind::Basic { user, password } => {
                let password = of(password.as_ref());
                if let Some(user) = of(Some(user)) {
                    let nothing = Secret::new("");
                    secrets.push(basic_pair(
                        user.reveal(),
                        password.as_ref().unwrap_or(&nothing),
                    ));
                    // Many platforms want the key as the user, and no password.
                    if password.as_ref().is_none_or(|it| it.reveal().is_empty()) {
                        secrets.push(user);
                    }
                }
                secrets.extend(password);
            }
            Kind::Jwt(spec) => secrets.extend(spec.secrets(scope, env)),
            Kind::OAuth(spec) => secrets.extend(spec.secrets(scope, env)),
            Kind::LegacySession(spec) => secrets.extend(spec.secrets(scope, env)),
            Kind::Rotating(spec) => secrets.extend(spec.secrets(scope, env)),
            Kind::Session(_) | Kind::Selective { .. } => {}
        }
        secrets
    }
}

impl<'a> FileSigner<'a> {
    fn platform(&self) -> oauth::Platform<'_> {
        oauth::Platform {
            name: self.connection.http.name(),
            clock: &self.connection.clock,
            tokens: self.connection.tokens(),
            config: self.connection.config(),
        }
    }

    /// The authenticator that counts: behind a choice the one that the settings name.
    fn chosen(&self) -> Result<&'a ByFile> {
        chosen(self.by, self.connection.config())
    }

    fn put(&self, request: &mut RequestParts, into: &RequestOption, value: Value) -> Result<()> {
        let mut options = Options::default();
        into.put(&mut options, value, self.scope, &self.connection.env)?;
        add(request, options)
    }
}

fn chosen<'a>(by: &'a ByFile, config: &Value) -> Result<&'a ByFile> {
    let mut by = by;
    // Choices among choices end with the file.
    loop {
        let Kind::Selective {
            way,
            choices,
            file,
            place,
        } = &by.0
        else {
            return Ok(by);
        };
        let names = || {
            choices
                .iter()
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let refuse = |problem: String| Error::Misconfigured {
            what: file.clone(),
            place: place.clone(),
            problem,
            expected: format!("one of {}: choose a way to sign in", names()),
        };
        let Some(name) = glob_path::at(config, way).map(python_text) else {
            return Err(refuse(format!("the settings hold no `{}`", way.join("."))));
        };
        match choices.iter().find(|(known, _)| *known == name) {
            Some((_, Authentication::ByFile(next))) => by = next,
            Some((_, Authentication::Nothing | Authentication::SignIn)) => return Ok(&NOTHING),
            None => {
                return Err(refuse(format!(
                    "there is no authenticator for `{}`",
                    name.chars().take(60).collect::<String>()
                )));
            }
        }
    }
}

/// What a choice of no authenticator comes to.
static NOTHING: ByFile = ByFile(Kind::Selective {
    way: Vec::new(),
    choices: Vec::new(),
    file: String::new(),
    place: String::new(),
});

fn filled(text: Option<&Text>, scope: &Scope<'_>, env: &Env) -> Result<String> {
    text.map_or(Ok(String::new()), |text| text.render(scope, env))
}

fn bearer(request: &mut RequestParts, token: &Secret) -> Result<()> {
    let value = Secret::new(format!("Bearer {}", token.reveal().trim()));
    header(request, "authorization", &value)
}

fn header(request: &mut RequestParts, name: &str, value: &Secret) -> Result<()> {
    if request.set_secret_header(name, value.reveal()) {
        return Ok(());
    }
    Err(Error::Misconfigured {
        what: "the connection's settings".into(),
        place: format!("what is sent as `{name}`"),
        problem: "it holds characters that cannot be sent".into(),
        expected: "letters, digits and signs without line breaks; type it in again".into(),
    })
}

/// Adds to a request that is made already; what an earlier try put there is replaced.
fn add(request: &mut RequestParts, options: Options) -> Result<()> {
    for (name, value) in options.headers {
        header(request, &name, &Secret::new(python_text(&value)))?;
    }
    for (name, value) in options.parameters {
        request
            .query
            .retain(|(known, _)| known.as_str() != name.as_str());
        request.query.push((name.into(), python_text(&value)));
    }
    if !options.form.is_empty() {
        if !matches!(request.body, Body::Form(_)) {
            request.body = Body::Form(Vec::new());
        }
        if let Body::Form(form) = &mut request.body {
            for (name, value) in options.form {
                form.retain(|(known, _)| known.as_str() != name.as_str());
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
    Ok(())
}
