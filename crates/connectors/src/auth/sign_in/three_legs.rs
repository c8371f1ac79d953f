//! OAuth 1.0a through the person's browser: a request token, the person's consent, then the token itself (RFC 5849,
//! section 2).

use std::collections::BTreeMap;

use http::Method;
use model::secret::Secret;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::browser::{Door, Landing};
use super::{Context, Open, SignInStep};
use crate::auth::credentials::TokenSet;
use crate::auth::endpoint;
use crate::auth::loopback::{Expected, Query};
use crate::auth::oauth1::{self, Moment, Pair};
use crate::auth::problem::{TokenProblem, foreign_words, later};
use crate::auth::ready::TOKEN_SECRET;
use crate::auth::transport::{self, Outgoing};
use crate::auth::wire;
use crate::declarative::auth_spec::Oauth1;
use crate::http::RequestParts;
use crate::{Error, Result};

/// A sign-in that waits for the browser.
pub(super) struct Waiting {
    spec: Oauth1,
    token: Secret,
    secret: Secret,
    pub(super) url: Url,
    pub(super) landing: Landing,
}

impl Waiting {
    pub(super) async fn start(
        context: &Context,
        spec: Oauth1,
        extra: &[(String, String)],
        open: Open,
    ) -> Result<Self> {
        let place = |name: &str, url: &Option<String>| {
            endpoint::address(name, url.as_deref().unwrap_or_default())
        };
        let ask_at = place("request_token_url", &spec.request_token_url)?;
        let mut url = place("authorize_url", &spec.authorize_url)?;
        place("access_token_url", &spec.access_token_url)?;
        let door = Door::open(
            context,
            "127.0.0.1",
            &spec.redirect_path,
            spec.redirect_port,
        )
        .await?;
        let answer = ask(
            context,
            &spec,
            ask_at,
            None,
            &[("oauth_callback", &door.redirect)],
        )
        .await
        .map_err(|problem| context.failed(problem, "the request for a sign-in"))?;
        let (token, secret) = pair_of(&answer).ok_or_else(|| no_token(context))?;
        url.query_pairs_mut()
            .append_pair("oauth_token", token.reveal())
            .extend_pairs(spec.authorize_params.iter())
            .extend_pairs(extra);
        let landing = door.wait_for(Expected {
            path: spec.redirect_path.clone(),
            key: ("oauth_token", token.reveal().to_owned()),
            answers: vec![
                "oauth_verifier".to_owned(),
                "denied".to_owned(),
                "oauth_problem".to_owned(),
            ],
        });
        context.send_out(open, &url);
        Ok(Self {
            spec,
            token,
            secret,
            url,
            landing,
        })
    }

    pub(super) async fn finish(
        self,
        context: &Context,
        cancel: &CancellationToken,
    ) -> Result<TokenSet> {
        let Self {
            spec,
            token,
            secret,
            landing,
            ..
        } = self;
        landing
            .finish(context, cancel, async |query: &Query, _: &str| {
                let Some(verifier) = query.get("oauth_verifier") else {
                    return Err(Error::SignInFailed {
                        reason: format!(
                            "access was denied at {}, so nothing was connected; start it again and choose to allow it",
                            context.platform
                        ),
                    });
                };
                context.step(SignInStep::ExchangingCode);
                let url = spec.access_token_url.as_deref().unwrap_or_default();
                let url = endpoint::address("access_token_url", url)?;
                let pair = Pair {
                    token: &token,
                    secret: &secret,
                };
                let began = context.clock.now();
                let answer = ask(
                    context,
                    &spec,
                    url,
                    Some(pair),
                    &[("oauth_verifier", verifier)],
                )
                .await
                .map_err(|problem| context.failed(problem, "what the browser brought"))?;
                let (access, secret) = pair_of(&answer).ok_or_else(|| no_token(context))?;
                let mut kept: BTreeMap<String, Secret> = answer
                    .into_iter()
                    .filter(|(name, _)| !name.starts_with("oauth_"))
                    .map(|(name, value)| (name, Secret::new(value)))
                    .collect();
                kept.insert(TOKEN_SECRET.to_owned(), secret);
                Ok(TokenSet {
                    access,
                    refresh: None,
                    expires_at: None,
                    scopes: Vec::new(),
                    obtained_at: began,
                    kept,
                })
            })
            .await
    }
}

/// Sends a signed request and reads the form that comes back.
async fn ask(
    context: &Context,
    spec: &Oauth1,
    url: Url,
    pair: Option<Pair<'_>>,
    more: &[(&str, &str)],
) -> std::result::Result<BTreeMap<String, String>, TokenProblem> {
    let mut request = RequestParts::new(Method::POST, url);
    oauth1::sign(&mut request, spec, pair, more, &Moment::now(&context.clock))
        .map_err(TokenProblem::Settings)?;
    let outgoing = Outgoing {
        body: wire::body(&request).to_vec(),
        method: request.method,
        url: request.url,
        headers: request.headers,
    };
    let raw = transport::send(outgoing, context.certificates.as_ref())
        .await
        .map_err(later)?;
    let answer: BTreeMap<String, String> = url::form_urlencoded::parse(&raw.body)
        .into_owned()
        .take(50)
        .collect();
    if raw.status.is_success() {
        return Ok(answer);
    }
    let hidden: Vec<Secret> = pair
        .map(|pair| vec![pair.token.clone(), pair.secret.clone()])
        .unwrap_or_default();
    let status = raw.status.as_u16();
    let reason = match answer.get("oauth_problem") {
        Some(problem) => format!("{problem} (status {status})"),
        None => format!("it answered with status {status}"),
    };
    let reason = foreign_words(&reason, &hidden);
    Err(match status {
        400 | 401 | 403 if pair.is_some() => TokenProblem::Grant(reason),
        400 | 401 | 403 => TokenProblem::Client(reason),
        _ => TokenProblem::Later {
            untouched: false,
            too_many: false,
            after: None,
            reason,
        },
    })
}

fn pair_of(answer: &BTreeMap<String, String>) -> Option<(Secret, Secret)> {
    let token = answer.get("oauth_token").filter(|text| !text.is_empty())?;
    let secret = answer.get("oauth_token_secret")?;
    Some((Secret::new(token.as_str()), Secret::new(secret.as_str())))
}

fn no_token(context: &Context) -> Error {
    Error::SignInFailed {
        reason: format!(
            "the answer of {} holds no token; check the addresses of the connector",
            context.platform
        ),
    }
}
