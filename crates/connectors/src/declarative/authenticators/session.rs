//! `SessionTokenAuthenticator` and `LegacySessionTokenAuthenticator`: a log-in gives a token.

use std::sync::Arc;

use compact_str::CompactString;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use jiff::Span;
use model::clock::Millis;
use model::secret::Secret;
use model::value::Value;
use serde_json::json;
use template::{Env, Scope};
use url::Url;

use super::oauth::Platform;
use super::tokens::{Cell, Token, key};
use crate::auth::endpoint::put_header;
use crate::auth::transport::{self, Outgoing, RawAnswer, TransportProblem};
use crate::declarative::connection::Connection;
use crate::declarative::decode::Decoder;
use crate::declarative::decode::json::Keep;
use crate::declarative::extract::Extraction;
use crate::declarative::glob_path;
use crate::declarative::node::View;
use crate::declarative::options::{Options, RequestOption};
use crate::declarative::requester::Requester;
use crate::declarative::text::{Text, python_text};
use crate::http::Answer;
use crate::{Access, Error, Result};

/// A token whose life nobody states is used for so long.
const UNSTATED: Millis = 60_000;
/// The life of a token that was got by user and password.
const A_DAY: Millis = 86_400_000;

/// `SessionTokenAuthenticator`.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    login: Arc<Requester>,
    decoder: Decoder,
    way: Vec<CompactString>,
    life: Option<Span>,
    pub(crate) use_as: UseAs,
}

/// How a session token goes on requests.
#[derive(Clone, Debug)]
pub(crate) enum UseAs {
    /// `Authorization: Bearer …`.
    Bearer,
    /// Somewhere else, inside a text over `session_token`.
    Key {
        into: RequestOption,
        /// None: the token itself.
        text: Option<Text>,
    },
}

impl Session {
    pub(crate) fn compile(view: &View<'_>) -> Result<Self> {
        let login = Requester::compile(&view.require("login_requester", "the log-in")?)?;
        let life = view
            .get("expiration_duration")
            .map(|view| {
                view.text()?.parse::<Span>().map_err(|error| {
                    view.fail(
                        format!("this is not a duration: {error}"),
                        "a duration such as PT1H or P7D",
                    )
                })
            })
            .transpose()?;
        let how = view.require("request_authentication", "how the token goes on requests")?;
        let use_as = match how.component()? {
            "Bearer" => UseAs::Bearer,
            "ApiKey" => UseAs::Key {
                into: RequestOption::compile(&how.require("inject_into", "where it goes")?)?,
                text: Text::member(&how, "api_token")?,
            },
            _ => return Err(how.unknown_component(&["Bearer", "ApiKey"])),
        };
        Ok(Self {
            login: Arc::new(login),
            decoder: Decoder::compile(view.get("decoder").as_ref())?,
            way: view
                .require("session_token_path", "the way to the token")?
                .texts()?
                .into_iter()
                .map(Into::into)
                .collect(),
            life,
            use_as,
        })
    }

    fn cell(&self, connection: &Connection, scope: &Scope<'_>) -> Result<Arc<Cell>> {
        let request = self
            .login
            .build(scope, scope, &connection.env, Options::default(), None)?;
        let asked = format!(
            "{} {} {:?} {:?} {:?}",
            request.method, request.url, request.query, request.headers, request.body
        );
        let way = self.way.join("/");
        Ok(connection
            .tokens()
            .cell(key("session", [asked.as_str(), &way])))
    }

    /// The session token; logs in first where there is none, or its time is over.
    pub(crate) async fn token(
        &self,
        connection: &Connection,
        scope: &Scope<'_>,
        access: &Access,
    ) -> Result<Token> {
        let now = connection.clock.now();
        self.cell(connection, scope)?
            .get(now, async || self.log_in(connection, scope, access).await)
            .await
    }

    async fn log_in(
        &self,
        connection: &Connection,
        scope: &Scope<'_>,
        access: &Access,
    ) -> Result<(Secret, Option<Millis>)> {
        // What goes over the wire here is a password and a token: nothing of it is written down.
        let access = Access {
            exchanges: None,
            ..access.clone()
        };
        let answer = connection.fetch(&self.login, scope, scope, &access).await?;
        let body = self.decoded(connection, &answer)?;
        let token = glob_path::at(&body, &self.way)
            .filter(|value| !value.is_empty())
            .map(python_text)
            .ok_or_else(|| {
                connection.malformed(&format!(
                    "the answer to the log-in holds no `{}`",
                    self.way.join(".")
                ))
            })?;
        let now = connection.clock.timestamp();
        let ends = match &self.life {
            Some(life) => now
                .to_zoned(jiff::tz::TimeZone::UTC)
                .checked_add(*life)
                .map_or(Millis::MAX, |end| end.timestamp().as_millisecond()),
            None => now.as_millisecond().saturating_add(UNSTATED),
        };
        Ok((Secret::new(token), Some(ends)))
    }

    /// The first element of an answer, in whatever format it comes.
    fn decoded(&self, connection: &Connection, answer: &Answer) -> Result<Value> {
        if self.decoder == Decoder::Json {
            return connection.parse(answer);
        }
        let content_type = answer
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let mut decoder = self
            .decoder
            .start(&Extraction::whole(), Keep::All, content_type);
        let mut rows = Vec::new();
        decoder
            .push(answer.body.clone(), &mut rows)
            .and_then(|()| decoder.finish(&mut rows))
            .map(|ending| ending.response)
            .map_err(|error| connection.malformed(&error.to_string()))
    }

    /// Drops the token that a refused request was signed with; true when another may help.
    pub(crate) fn refuse(
        &self,
        connection: &Connection,
        scope: &Scope<'_>,
        version: u64,
    ) -> Result<bool> {
        Ok(self
            .cell(connection, scope)?
            .refuse(version, connection.clock.now()))
    }
}

/// `LegacySessionTokenAuthenticator`: a token from the settings while it is good, else one by user and password.
#[derive(Clone, Debug)]
pub(crate) struct LegacySession {
    pub(crate) header: Text,
    session_token: Option<Text>,
    username: Option<Text>,
    password: Option<Text>,
    response_key: Text,
    login_url: Text,
    validate_url: Text,
}

impl LegacySession {
    pub(crate) fn compile(view: &View<'_>) -> Result<Self> {
        let text = |name: &str| Text::compile(&view.require(name, "a text")?);
        Ok(Self {
            header: text("header")?,
            session_token: Text::member(view, "session_token")?,
            username: Text::member(view, "username")?,
            password: Text::member(view, "password")?,
            response_key: text("session_token_response_key")?,
            login_url: text("login_url")?,
            validate_url: text("validate_session_url")?,
        })
    }

    /// The token. `base` is the address of the requester, to which the two others are added as they are.
    pub(crate) async fn token(
        &self,
        scope: &Scope<'_>,
        env: &Env,
        base: Option<&Text>,
        platform: &Platform<'_>,
        access: &Access,
    ) -> Result<Token> {
        let ready = self.ready(scope, env, base)?;
        let cell = platform.tokens.cell(ready.key());
        let now = platform.clock.now();
        let work = cell.get(now, async || ready.ask(platform, now).await);
        tokio::select! {
            biased;
            () = access.cancel.cancelled() => Err(Error::Cancelled),
            token = work => token,
        }
    }

    /// Drops the token that a refused request was signed with; true when another may help.
    pub(crate) fn refuse(
        &self,
        scope: &Scope<'_>,
        env: &Env,
        base: Option<&Text>,
        platform: &Platform<'_>,
        version: u64,
    ) -> Result<bool> {
        let cell = platform.tokens.cell(self.ready(scope, env, base)?.key());
        Ok(cell.refuse(version, platform.clock.now()))
    }

    /// What must never show.
    pub(crate) fn secrets(&self, scope: &Scope<'_>, env: &Env) -> Vec<Secret> {
        [&self.session_token, &self.password]
            .into_iter()
            .flatten()
            .filter_map(|text| text.render(scope, env).ok())
            .map(Secret::new)
            .collect()
    }

    fn ready(&self, scope: &Scope<'_>, env: &Env, base: Option<&Text>) -> Result<Ready> {
        let fill = |text: Option<&Text>| -> Result<String> {
            text.map_or(Ok(String::new()), |text| text.render(scope, env))
        };
        let base = base.map_or(Ok(String::new()), |base| base.printed(scope, env))?;
        let at = |text: &Text| -> Result<Url> {
            let whole = format!("{base}{}", text.render(scope, env)?);
            crate::auth::endpoint::address("the session's address", &whole)
        };
        Ok(Ready {
            header: self.header.render(scope, env)?,
            session_token: Secret::new(fill(self.session_token.as_ref())?),
            username: fill(self.username.as_ref())?,
            password: Secret::new(fill(self.password.as_ref())?),
            response_key: self.response_key.render(scope, env)?,
            login: at(&self.login_url)?,
            validate: at(&self.validate_url)?,
        })
    }
}

struct Ready {
    header: String,
    session_token: Secret,
    username: String,
    password: Secret,
    response_key: String,
    login: Url,
    validate: Url,
}

impl Ready {
    fn key(&self) -> [u8; 32] {
        key(
            "legacy session",
            [
                self.login.as_str(),
                self.validate.as_str(),
                self.session_token.reveal(),
                &self.username,
                self.password.reveal(),
            ],
        )
    }

    async fn ask(&self, platform: &Platform<'_>, now: Millis) -> Result<(Secret, Option<Millis>)> {
        let ends = Some(now.saturating_add(A_DAY));
        if !self.session_token.reveal().is_empty() && self.is_valid(platform).await? {
            return Ok((self.session_token.clone(), ends));
        }
        if self.username.is_empty() || self.password.reveal().is_empty() {
            return Err(Error::SignInNeeded {
                platform: platform.name.to_owned(),
                reason: "the session token is not good any more, and there is no user and password to get another; type in one of both".to_owned(),
            });
        }
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let raw = self
            .send(
                platform,
                Outgoing {
                    method: Method::POST,
                    url: self.login.clone(),
                    headers,
                    body: json!({"username": self.username, "password": self.password.reveal()})
                        .to_string()
                        .into_bytes(),
                },
            )
            .await?;
        if !raw.status.is_success() {
            return Err(refused(platform, &raw, "the log-in"));
        }
        let answer: serde_json::Value = serde_json::from_slice(&raw.body).unwrap_or_default();
        match answer.get(&self.response_key) {
            Some(serde_json::Value::String(token)) if !token.is_empty() => {
                Ok((Secret::new(token.as_str()), ends))
            }
            Some(serde_json::Value::Number(token)) => Ok((Secret::new(token.to_string()), ends)),
            _ => Err(Error::Malformed {
                platform: platform.name.to_owned(),
                reason: format!("the answer to the log-in holds no `{}`", self.response_key),
            }),
        }
    }

    async fn is_valid(&self, platform: &Platform<'_>) -> Result<bool> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        put_header(&mut headers, &self.header, self.session_token.reveal())?;
        let raw = self
            .send(
                platform,
                Outgoing {
                    method: Method::GET,
                    url: self.validate.clone(),
                    headers,
                    body: Vec::new(),
                },
            )
            .await?;
        match raw.status {
            status if status.is_success() => Ok(true),
            StatusCode::UNAUTHORIZED => Ok(false),
            _ => Err(refused(
                platform,
                &raw,
                "the question whether the session is good",
            )),
        }
    }

    async fn send(&self, platform: &Platform<'_>, outgoing: Outgoing) -> Result<RawAnswer> {
        transport::send(outgoing, None)
            .await
            .map_err(|problem| match problem {
                TransportProblem::Later { status: 429, after } => Error::RateLimited {
                    platform: platform.name.to_owned(),
                    after,
                },
                problem => Error::Unavailable {
                    platform: platform.name.to_owned(),
                    reason: problem.to_string(),
                },
            })
    }
}

fn refused(platform: &Platform<'_>, raw: &RawAnswer, what: &str) -> Error {
    let status = raw.status.as_u16();
    let reason = format!("{what} was answered with status {status}");
    let platform = platform.name.to_owned();
    match status {
        400 | 401 | 403 => Error::SignInNeeded { platform, reason },
        _ => Error::Refused {
            platform,
            status,
            reason,
        },
    }
}
