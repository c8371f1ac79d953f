//! `RateLimitedMultipleTokenAuthenticator`: several tokens that mean the same, used one after the other as their quotas
//! allow.
//!
//! The platform is asked once for each token how many calls it has left, for each *pool* of calls. A call takes one
//! from the pool that it belongs to; when that is empty, the next token's turn comes, and when all are, everything
//! waits for the platform to fill them again and asks anew.

use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use http::HeaderMap;
use model::clock::Millis;
use model::secret::Secret;
use model::value::Value;
use template::{Env, Scope};
use tokio::time::Instant;

use super::quota::{Pool, Quotas, Turn};
use super::tokens::key;
use crate::declarative::budget::MatcherSpec;
use crate::declarative::connection::Connection;
use crate::declarative::node::{Kind, View};
use crate::declarative::options::Options;
use crate::declarative::requester::Requester;
use crate::declarative::text::{Text, python_text};
use crate::declarative::{datetime, glob_path};
use crate::http::{Repeat, RequestParts, Verdict};
use crate::{Access, Error, Result};

/// Waits for a platform to fill its pools are at least this long: its clock may be ahead.
const SHORTEST_WAIT: Millis = 5_000;
/// How long everything may wait, where the file does not say.
const USUAL_WAIT: Duration = Duration::from_secs(2 * 60 * 60);
/// The longest that a file may allow.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);
/// Tokens that settings may have.
const MOST_TOKENS: usize = 1_000;

/// The authenticator of the file.
#[derive(Clone, Debug)]
pub(crate) struct Rotating {
    tokens: Vec<Text>,
    delimiter: String,
    prefix: String,
    header: String,
    source: Requester,
    unavailable: Vec<u16>,
    pools: Vec<PoolSpec>,
    longest_wait: Option<Text>,
    reserve_part: f64,
    reserve_least: f64,
}

/// `TokenQuota`.
#[derive(Clone, Debug)]
struct PoolSpec {
    name: String,
    remaining: Vec<CompactString>,
    reset: Vec<CompactString>,
    limit: Option<Vec<CompactString>>,
    matchers: Vec<MatcherSpec>,
    remaining_header: Option<String>,
    reset_header: Option<String>,
}

impl Rotating {
    /// From the file.
    pub(crate) fn compile(view: &View<'_>) -> Result<Self> {
        let tokens = view.require("tokens", "tokens, or a text that has several")?;
        let source = view.require("quota_status_source", "where the quotas are asked for")?;
        let quotas = view.require("quotas", "a list of quotas")?;
        let pools: Vec<PoolSpec> = quotas
            .items()?
            .iter()
            .map(PoolSpec::compile)
            .collect::<Result<_>>()?;
        if pools.is_empty() {
            return Err(quotas.fail("the list is empty", "at least one quota"));
        }
        let number = |name: &str, usual: f64| view.get(name).map_or(Ok(usual), |v| v.number());
        Ok(Self {
            tokens: match tokens.node().kind {
                Kind::List(_) => tokens
                    .items()?
                    .iter()
                    .map(Text::compile)
                    .collect::<Result<_>>()?,
                _ => vec![Text::compile(&tokens)?],
            },
            delimiter: match view.text_of("token_delimiter")? {
                Some(delimiter) if !delimiter.is_empty() => delimiter.to_owned(),
                _ => ",".to_owned(),
            },
            prefix: match view.text_of("auth_method")? {
                Some(prefix) if !prefix.is_empty() => prefix.to_owned(),
                _ => "Bearer".to_owned(),
            },
            header: view
                .text_of("header")?
                .unwrap_or("Authorization")
                .to_owned(),
            unavailable: match source.get("unavailable_status_codes") {
                Some(codes) => codes.statuses()?,
                None => Vec::new(),
            },
            source: Requester::plain(&source)?,
            pools,
            longest_wait: Text::member(view, "max_wait_time")?,
            reserve_part: number("budget_reserve_fraction", 0.1)?,
            reserve_least: number("budget_min_reserve", 50.0)?,
        })
    }

    /// Signs a request with the token whose turn it is, when it is its turn.
    pub(crate) async fn sign(
        &self,
        connection: &Connection,
        scope: &Scope<'_>,
        request: &mut RequestParts,
        access: &Access,
    ) -> Result<()> {
        let env = &connection.env;
        let tokens = self.tokens(scope, env)?;
        if tokens.is_empty() || tokens.len() > MOST_TOKENS {
            return Err(Error::Misconfigured {
                what: "the connection's settings".into(),
                place: "the tokens".into(),
                problem: format!("there are {}", tokens.len()),
                expected: format!("1 to {MOST_TOKENS} tokens"),
            });
        }
        let quotas = self.quotas(connection, &tokens);
        let pool = self.pool_of(request, scope, env)?;
        let until = Instant::now() + self.longest_wait(scope, env)?;
        loop {
            self.learn(connection, scope, &tokens, &quotas, access)
                .await?;
            let turn = quotas.lock().take(
                pool,
                connection.clock.now(),
                self.reserve_part,
                self.reserve_least,
            );
            match turn {
                Turn::Token(number, pause) => {
                    wait(Duration::from_millis(pause.unsigned_abs()), access).await?;
                    let token = tokens.get(number).map_or("", |token| token.reveal());
                    request.signed_with = u64::try_from(number).ok();
                    let value = format!("{} {token}", self.prefix);
                    if request.set_secret_header(&self.header, value.trim()) {
                        return Ok(());
                    }
                    return Err(Error::Misconfigured {
                        what: "the connection's settings".into(),
                        place: "the tokens".into(),
                        problem: "one of them cannot be sent in a header".into(),
                        expected: "letters, digits and signs on one line".into(),
                    });
                }
                Turn::Wait(millis) => {
                    let left = until.saturating_duration_since(Instant::now());
                    let asked = Duration::from_millis(millis.max(0).unsigned_abs());
                    if asked >= left {
                        return Err(Error::RateLimited {
                            platform: connection.http.name().to_owned(),
                            after: Some(asked),
                        });
                    }
                    let shortest = Duration::from_millis(SHORTEST_WAIT.unsigned_abs());
                    if let Some(told) = &access.waiting {
                        told(Some(format!(
                            "waiting {} s: the tokens of {} have no calls left",
                            asked.as_secs(),
                            connection.http.name()
                        )));
                    }
                    let waited = wait(asked.max(shortest).min(left), access).await;
                    if let Some(told) = &access.waiting {
                        told(None);
                    }
                    waited?;
                    quotas.lock().is_known = false;
                }
            }
        }
    }

    /// Takes what an answer says of the token that the request was signed with.
    pub(crate) fn answered(
        &self,
        connection: &Connection,
        scope: &Scope<'_>,
        request: &RequestParts,
        headers: &HeaderMap,
    ) {
        let env = &connection.env;
        let (Ok(tokens), Ok(pool)) = (self.tokens(scope, env), self.pool_of(request, scope, env))
        else {
            return;
        };
        let Some(spec) = self.pools.get(pool) else {
            return;
        };
        let number = |name: &Option<String>| -> Option<Value> {
            let text = headers.get(name.as_deref()?)?.to_str().ok()?;
            Some(Value::text(text.trim()))
        };
        let remaining = number(&spec.remaining_header).as_ref().and_then(whole);
        let filled_at = number(&spec.reset_header).as_ref().and_then(moment);
        let token = request.signed_with.and_then(|n| usize::try_from(n).ok());
        if let Some(token) = token {
            let quotas = self.quotas(connection, &tokens);
            quotas.lock().correct(token, pool, remaining, filled_at);
        }
    }

    /// What must never show.
    pub(crate) fn secrets(&self, scope: &Scope<'_>, env: &Env) -> Vec<Secret> {
        self.tokens(scope, env).unwrap_or_default()
    }

    fn tokens(&self, scope: &Scope<'_>, env: &Env) -> Result<Vec<Secret>> {
        let mut tokens = Vec::new();
        for text in &self.tokens {
            let text = text.render(scope, env)?;
            let parts = text.split(self.delimiter.as_str()).map(str::trim);
            tokens.extend(parts.filter(|token| !token.is_empty()).map(Secret::new));
        }
        Ok(tokens)
    }

    fn quotas(&self, connection: &Connection, tokens: &[Secret]) -> Arc<Quotas> {
        let source = self.source.base().map_or("", Text::source);
        let names = self.pools.iter().map(|pool| pool.name.as_str());
        let parts = std::iter::once(source)
            .chain(names)
            .chain(tokens.iter().map(Secret::reveal));
        connection.tokens().quotas(key("rotating", parts))
    }

    /// The pool that a request takes from: the first that it matches, else the first for everything.
    fn pool_of(&self, request: &RequestParts, scope: &Scope<'_>, env: &Env) -> Result<usize> {
        let mut for_all = None;
        for (n, pool) in self.pools.iter().enumerate() {
            if pool.matchers.is_empty() {
                for_all = for_all.or(Some(n));
            }
            for matcher in &pool.matchers {
                if matcher.begin(scope, env)?.matches(request) {
                    return Ok(n);
                }
            }
        }
        Ok(for_all.unwrap_or(0))
    }

    fn longest_wait(&self, scope: &Scope<'_>, env: &Env) -> Result<Duration> {
        let Some(text) = &self.longest_wait else {
            return Ok(USUAL_WAIT);
        };
        let said = text.printed(scope, env)?;
        datetime::duration(said.trim())
            .and_then(|span| datetime::moved(jiff::Timestamp::UNIX_EPOCH, span))
            .and_then(|end| u64::try_from(end.as_millisecond()).ok())
            .map(|millis| Duration::from_millis(millis).min(LONGEST_WAIT))
            .ok_or_else(|| text.fail(format!("`{said}` is no duration such as PT2H")))
    }

    /// Asks the platform what is left, where nobody knows.
    async fn learn(
        &self,
        connection: &Connection,
        scope: &Scope<'_>,
        tokens: &[Secret],
        quotas: &Quotas,
        access: &Access,
    ) -> Result<()> {
        if quotas.lock().is_known {
            return Ok(());
        }
        let _turn = quotas.flight.lock().await;
        if quotas.lock().is_known {
            return Ok(());
        }
        let mut left = Vec::with_capacity(tokens.len());
        for token in tokens {
            left.push(self.ask(connection, scope, token, access).await?);
        }
        let mut counts = quotas.lock();
        counts.left = left;
        counts.is_known = true;
        Ok(())
    }

    async fn ask(
        &self,
        connection: &Connection,
        scope: &Scope<'_>,
        token: &Secret,
        access: &Access,
    ) -> Result<Vec<Pool>> {
        // What goes over the wire here is a token: nothing of it is written down.
        let access = Access {
            exchanges: None,
            ..access.clone()
        };
        let env = &connection.env;
        let mut request = self
            .source
            .build(scope, scope, env, Options::default(), None)?;
        let value = format!("{} {}", self.prefix, token.reveal());
        _ = request.set_secret_header(&self.header, value.trim());
        let home = request.url.clone();
        let answer = connection
            .send(&self.source, request, &home, scope, Repeat::Safe, &access)
            .await
            .map_err(Error::from)?;
        if self.unavailable.contains(&answer.status.as_u16()) {
            let pool = Pool {
                remaining: 0,
                limit: 0,
                filled_at: 0,
                is_counted: false,
            };
            return Ok(vec![pool; self.pools.len()]);
        }
        if !matches!(answer.verdict, Verdict::Success | Verdict::Ignore) {
            return Err(answer.to_error(connection.http.name()));
        }
        let body = connection.parse(&answer)?;
        let missing = |spec: &PoolSpec, way: &[CompactString]| {
            connection.malformed(&format!(
                "what is left of the quota {} should stand at {}, but it is not there",
                spec.name,
                way.join(".")
            ))
        };
        self.pools
            .iter()
            .map(|spec| {
                let number = |way: &[CompactString]| {
                    glob_path::at(&body, way)
                        .and_then(whole)
                        .ok_or_else(|| missing(spec, way))
                };
                let remaining = number(&spec.remaining)?;
                Ok(Pool {
                    remaining,
                    limit: match &spec.limit {
                        Some(way) => number(way)?,
                        None => remaining,
                    },
                    filled_at: glob_path::at(&body, &spec.reset)
                        .and_then(moment)
                        .ok_or_else(|| missing(spec, &spec.reset))?,
                    is_counted: true,
                })
            })
            .collect()
    }
}

impl PoolSpec {
    fn compile(view: &View<'_>) -> Result<Self> {
        let way = |view: &View<'_>| -> Result<Vec<CompactString>> {
            Ok(view.texts()?.into_iter().map(Into::into).collect())
        };
        let required = |name: &str| way(&view.require(name, "a list of names")?);
        Ok(Self {
            name: view.require("name", "the quota's name")?.scalar()?,
            remaining: required("remaining_path")?,
            reset: required("reset_path")?,
            limit: view.get("limit_path").as_ref().map(way).transpose()?,
            matchers: match view.get("matchers") {
                Some(matchers) => matchers
                    .items()?
                    .iter()
                    .map(MatcherSpec::compile)
                    .collect::<Result<_>>()?,
                None => Vec::new(),
            },
            remaining_header: view.text_of("remaining_header")?.map(str::to_owned),
            reset_header: view.text_of("reset_header")?.map(str::to_owned),
        })
    }
}

async fn wait(time: Duration, access: &Access) -> Result<()> {
    if time.is_zero() {
        return Ok(());
    }
    tokio::select! {
        biased;
        () = access.cancel.cancelled() => Err(Error::Cancelled),
        () = tokio::time::sleep(time) => Ok(()),
    }
}

fn whole(value: &Value) -> Option<i64> {
    python_text(value).trim().parse().ok()
}

/// A point in time: seconds since 1970, or ISO 8601.
fn moment(value: &Value) -> Option<Millis> {
    let text = python_text(value);
    match text.trim().parse::<f64>() {
        Ok(seconds) => Some((seconds * 1000.0) as Millis),
        Err(_) => datetime::parse_iso(text.trim()).map(jiff::Timestamp::as_millisecond),
    }
}
