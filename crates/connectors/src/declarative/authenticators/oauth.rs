//! `OAuthAuthenticator`: an access token for a refresh token, for client credentials, or for an assertion.

mod asking;

use std::sync::Arc;

use compact_str::CompactString;
use model::clock::{Clock, Millis};
use model::secret::Secret;
use model::value::Value;
use template::{Env, Literals, Scope};

use self::asking::{Prepared, point, renewed};
use super::jwt::Jwt;
use super::tokens::Token;
use super::{Tokens, complaint};
use crate::auth::endpoint::address;
use crate::declarative::glob_path;
use crate::declarative::node::{Kind, View};
use crate::declarative::text::{Condition, Pairs, Reading, Text, python_text};
use crate::{Access, Error, Result};

/// From the file.
#[derive(Clone, Debug)]
pub(crate) struct OAuth {
    endpoint: Option<Text>,
    client_id: Option<Text>,
    client_secret: Option<Text>,
    refresh_token: Option<Text>,
    access_token: Option<Text>,
    names: Names,
    grant_type: Option<Text>,
    body: Pairs,
    headers: Pairs,
    as_query: bool,
    scopes: Vec<String>,
    expiry: Option<Text>,
    /// Ends are points in time in this format, not seconds.
    expiry_format: Option<String>,
    updater: Option<Updater>,
    refusals: Refusals,
    assertion: Option<Box<Jwt>>,
    by_assertion: Condition,
}

/// What things are called in the request and in the answer.
#[derive(Clone, Debug)]
struct Names {
    client_id: Option<Text>,
    client_secret: Option<Text>,
    refresh_token: Option<Text>,
    access_token: Option<Text>,
    expires_in: Option<Text>,
    grant_type: Option<Text>,
}

/// Where tokens are kept among the settings.
#[derive(Clone, Debug)]
struct Updater {
    access: Vec<CompactString>,
    refresh: Vec<CompactString>,
    expiry: Vec<CompactString>,
}

/// How an answer says that the refresh token is no good any more.
#[derive(Clone, Debug)]
struct Refusals {
    statuses: Vec<u64>,
    key: String,
    values: Vec<String>,
}

impl OAuth {
    pub(crate) fn compile(view: &View<'_>) -> Result<Self> {
        let text = |name: &str| -> Result<Option<Text>> {
            view.get(name)
                .filter(|view| !view.node().is_falsy())
                .map(|view| Text::compile(&view))
                .transpose()
        };
        let pairs = |name: &str| -> Result<Pairs> {
            view.get(name)
                .filter(|view| !view.node().is_falsy())
                .map_or(Ok(Pairs::default()), |view| Pairs::compile(&view))
        };
        let updater = view.get("refresh_token_updater");
        let mut names = Names {
            client_id: text("client_id_name")?,
            client_secret: text("client_secret_name")?,
            refresh_token: text("refresh_token_name")?,
            access_token: text("access_token_name")?,
            expires_in: text("expires_in_name")?,
            grant_type: text("grant_type_name")?,
        };
        if let Some(updater) = &updater {
            names.refresh_token = Text::member(updater, "refresh_token_name")?;
        }
        let assertion = view
            .get("profile_assertion")
            .map(|view| match view.component()? {
                "JwtAuthenticator" => Jwt::compile(&view).map(Box::new),
                _ => Err(view.unknown_component(&["JwtAuthenticator"])),
            })
            .transpose()?;
        let by_assertion = Condition::member(view, "use_profile_assertion", false)?;
        if assertion.is_none() && by_assertion != Condition::Fixed(false) {
            return Err(view.fail(
                "`profile_assertion` is missing",
                "`profile_assertion`: a JwtAuthenticator",
            ));
        }
        let this = Self {
            endpoint: text("token_refresh_endpoint")?,
            client_id: text("client_id")?,
            client_secret: text("client_secret")?,
            refresh_token: text("refresh_token")?,
            access_token: text("access_token_value")?,
            names,
            grant_type: text("grant_type")?,
            body: pairs("refresh_request_body")?,
            headers: pairs("refresh_request_headers")?,
            as_query: view.flag_or("send_refresh_request_as_query_params", false)?,
            scopes: match view.get("scopes") {
                Some(scopes) => scopes.texts()?,
                None => Vec::new(),
            },
            expiry: text("token_expiry_date")?,
            expiry_format: view.text_of("token_expiry_date_format")?.map(str::to_owned),
            updater: updater.as_ref().map(Updater::compile).transpose()?,
            refusals: Refusals::compile(view, updater.as_ref())?,
            assertion,
            by_assertion,
        };
        if this.endpoint.is_none() && this.access_token.is_none() {
            return Err(view.fail(
                "nothing says where the token comes from",
                "`token_refresh_endpoint`, or `access_token_value` for a fixed one",
            ));
        }
        Ok(this)
    }

    /// The access token, renewed first if its time is over.
    pub(crate) async fn token(
        &self,
        scope: &Scope<'_>,
        env: &Env,
        platform: &Platform<'_>,
        access: &Access,
    ) -> Result<Token> {
        let now = platform.clock.now();
        let prepared = self.prepared(scope, env, platform)?;
        let cell = platform.tokens.cell(prepared.key());
        if let Some(known) = &prepared.known {
            cell.seed(known.0.clone(), known.1);
        }
        if let Some(token) = cell.good(now) {
            return Ok(token);
        }
        let work = renewed(prepared, Arc::clone(&cell), platform, now);
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
        platform: &Platform<'_>,
        version: u64,
    ) -> Result<bool> {
        let prepared = self.prepared(scope, env, platform)?;
        let renews = prepared.url.is_some();
        let cell = platform.tokens.cell(prepared.key());
        Ok(renews && cell.refuse(version, platform.clock.now()))
    }

    /// What must never show.
    pub(crate) fn secrets(&self, scope: &Scope<'_>, env: &Env) -> Vec<Secret> {
        let mut secrets: Vec<Secret> =
            [&self.client_secret, &self.refresh_token, &self.access_token]
                .into_iter()
                .flatten()
                .filter_map(|text| text.render(scope, env).ok())
                .map(Secret::new)
                .collect();
        if let Some(assertion) = &self.assertion {
            secrets.extend(assertion.secrets(scope, env));
        }
        secrets
    }

    /// Everything that a refresh needs, filled in.
    fn prepared(&self, scope: &Scope<'_>, env: &Env, platform: &Platform<'_>) -> Result<Prepared> {
        let current = platform.tokens.config().current(platform.config);
        // A refresh may have changed the settings that the templates look at.
        let scope = Scope::within(scope).with("config", &*current);
        let fill = |text: Option<&Text>| -> Result<Option<String>> {
            text.map(|text| text.render(&scope, env)).transpose()
        };
        let name = |text: Option<&Text>, usual: &str| -> Result<String> {
            Ok(fill(text)?
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| usual.to_owned()))
        };
        let from_config = |way: &[CompactString]| {
            glob_path::at(&current, way)
                .filter(|value| !value.is_null())
                .map(python_text)
        };
        let url = fill(self.endpoint.as_ref())?
            .map(|text| address("token_refresh_endpoint", &text))
            .transpose()?;
        let mut params: Vec<(String, String)> = Vec::new();
        let grant_type = name(self.grant_type.as_ref(), "refresh_token")?;
        let refresh_name = name(self.names.refresh_token.as_ref(), "refresh_token")?;
        let mut identity = Vec::new();
        let mut headers = Vec::new();
        for (name, value) in self
            .headers
            .eval(&scope, env, Reading::Literal(Literals::All))?
        {
            headers.push((name, python_text(&value)));
        }
        let by_assertion = self.by_assertion.holds(&scope, env)?;
        let assertion = match &self.assertion {
            Some(assertion) if by_assertion => {
                Some(assertion.token(&scope, env, platform.tokens, platform.clock.now())?)
            }
            _ => None,
        };
        let refresh = match &self.updater {
            Some(updater) => match from_config(&updater.refresh) {
                Some(kept) => Some(kept),
                None => fill(self.refresh_token.as_ref())?,
            },
            None => fill(self.refresh_token.as_ref())?,
        };
        if let Some(assertion) = &assertion {
            params.push((
                name(self.names.grant_type.as_ref(), "grant_type")?,
                "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned(),
            ));
            params.push(("assertion".to_owned(), assertion.reveal().to_owned()));
            identity.push("assertion".to_owned());
        } else {
            params.push((
                name(self.names.grant_type.as_ref(), "grant_type")?,
                grant_type.clone(),
            ));
            let client = |which: &str, text: Option<&Text>| -> Result<Option<String>> {
                // With an updater the settings come first.
                let kept = match self.updater {
                    Some(_) => from_config(&["credentials".into(), which.into()]),
                    None => None,
                };
                match kept {
                    Some(kept) => Ok(Some(kept)),
                    None => fill(text),
                }
            };
            let id = client("client_id", self.client_id.as_ref())?;
            let secret = client("client_secret", self.client_secret.as_ref())?;
            identity.extend(id.clone());
            identity.extend(secret.clone());
            // Those who know the client by a header want it nowhere else.
            if !headers.iter().any(|(name, _)| name == "Authorization") {
                let id_name = name(self.names.client_id.as_ref(), "client_id")?;
                let secret_name = name(self.names.client_secret.as_ref(), "client_secret")?;
                params.extend(id.map(|id| (id_name, id)));
                params.extend(secret.map(|secret| (secret_name, secret)));
            }
            if grant_type == "refresh_token"
                && refresh.as_deref().is_none_or(str::is_empty)
                && url.is_some()
            {
                return Err(Error::SignInNeeded {
                    platform: platform.name.to_owned(),
                    reason: "there is no refresh token among the settings; sign in again"
                        .to_owned(),
                });
            }
            params.extend(
                refresh
                    .clone()
                    .map(|refresh| (refresh_name.clone(), refresh)),
            );
            params.extend(
                self.scopes
                    .iter()
                    .map(|scope| ("scopes".to_owned(), scope.clone())),
            );
            for (name, value) in
                self.body
                    .eval(&scope, env, Reading::Literal(Literals::TextAndList))?
            {
                if params.iter().any(|(known, _)| *known == name) {
                    continue;
                }
                match value {
                    Value::List(items) => {
                        params.extend(items.iter().map(|item| (name.clone(), python_text(item))));
                    }
                    value => params.push((name, python_text(&value))),
                }
            }
        }
        let (access, ends) = match &self.updater {
            Some(updater) => (from_config(&updater.access), from_config(&updater.expiry)),
            None => (
                fill(self.access_token.as_ref())?,
                fill(self.expiry.as_ref())?,
            ),
        };
        let ends = match ends.as_deref().map(str::trim) {
            Some("") | None => None,
            Some(text) => Some(self.end(text).ok_or_else(|| match &self.expiry {
                Some(expiry) => complaint(
                    expiry,
                    "the end of the token is not a date".to_owned(),
                    "a date with time, or seconds since 1970".to_owned(),
                ),
                None => Error::Misconfigured {
                    what: "the connection's settings".into(),
                    place: "the end of the token".into(),
                    problem: "it is not a date".into(),
                    expected: "a date with time, or nothing; sign in again".into(),
                },
            })?),
        };
        let known = access
            .filter(|token| !token.is_empty())
            .filter(|_| url.is_none() || ends.is_some())
            .map(|token| (Secret::new(token), if url.is_none() { None } else { ends }));
        Ok(Prepared {
            url,
            params,
            headers,
            as_query: self.as_query,
            identity,
            refresh: refresh.map(Secret::new),
            refresh_name,
            access_name: name(self.names.access_token.as_ref(), "access_token")?,
            expires_name: name(self.names.expires_in.as_ref(), "expires_in")?,
            expiry_format: self.expiry_format.clone(),
            updater: self.updater.clone(),
            refusals: self.refusals.clone(),
            known,
        })
    }

    fn end(&self, text: &str) -> Option<Millis> {
        point(text, self.expiry_format.as_deref())
    }
}

impl Updater {
    fn compile(view: &View<'_>) -> Result<Self> {
        let way = |name: &str, usual: &str| -> Result<Vec<CompactString>> {
            let steps = match view.get(name) {
                Some(way) => way.texts()?,
                None => vec!["credentials".to_owned(), usual.to_owned()],
            };
            Ok(steps.into_iter().map(Into::into).collect())
        };
        Ok(Self {
            access: way("access_token_config_path", "access_token")?,
            refresh: way("refresh_token_config_path", "refresh_token")?,
            expiry: way("token_expiry_date_config_path", "token_expiry_date")?,
        })
    }
}

impl Refusals {
    fn compile(view: &View<'_>, updater: Option<&View<'_>>) -> Result<Self> {
        let read = |view: &View<'_>| -> Result<Option<Self>> {
            let list = |name: &str| {
                view.get(name)
                    .filter(|view| !view.node().is_falsy())
                    .map(|view| match view.node().kind {
                        Kind::List(_) => view.items(),
                        _ => Ok(vec![view]),
                    })
                    .transpose()
            };
            let statuses = list("refresh_token_error_status_codes")?;
            let values = list("refresh_token_error_values")?;
            let key = view
                .text_of("refresh_token_error_key")?
                .filter(|key| !key.is_empty());
            if statuses.is_none() && values.is_none() && key.is_none() {
                return Ok(None);
            }
            Ok(Some(Self {
                statuses: statuses
                    .unwrap_or_default()
                    .iter()
                    .map(View::count)
                    .collect::<Result<_>>()?,
                key: key.unwrap_or_default().to_owned(),
                values: values
                    .unwrap_or_default()
                    .iter()
                    .map(View::scalar)
                    .collect::<Result<_>>()?,
            }))
        };
        let of_updater = updater.map(&read).transpose()?.flatten();
        match (of_updater, read(view)?) {
            (Some(_), Some(_)) => Err(view.fail(
                "the errors of a refresh are described twice",
                "`refresh_token_error_…` here or in the updater",
            )),
            (Some(one), None) | (None, Some(one)) => Ok(one),
            (None, None) => Ok(Self {
                statuses: vec![400],
                key: "error".to_owned(),
                values: vec!["invalid_grant".to_owned(), "invalid_permissions".to_owned()],
            }),
        }
    }

    fn fit(&self, status: u16, answer: &serde_json::Value) -> bool {
        self.statuses.contains(&u64::from(status))
            && answer
                .get(&self.key)
                .and_then(serde_json::Value::as_str)
                .is_some_and(|value| self.values.iter().any(|known| known == value))
    }
}

/// What an authenticator needs to know of the connection.
pub(crate) struct Platform<'a> {
    /// The connection's name, for words.
    pub(crate) name: &'a str,
    pub(crate) clock: &'a Clock,
    pub(crate) tokens: &'a Tokens,
    /// The settings that the connection was opened with.
    pub(crate) config: &'a Value,
}
