//! `api_budget`: how many calls of each kind the connector file allows itself.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::{Span, Timestamp};
use regex::Regex;
use template::{Env, Scope};
use url::Url;

use super::datetime;
use super::node::View;
use super::text::{Pairs, Reading, Text, python_text};
use crate::Result;
use crate::http::budget::{Budget, Count, Matcher, Policy};

/// `HTTPAPIBudget`.
#[derive(Clone, Debug)]
pub struct BudgetSpec {
    policies: Vec<PolicySpec>,
    reset_header: String,
    remaining_header: String,
    hit_statuses: Vec<u16>,
}

#[derive(Clone, Debug)]
struct PolicySpec {
    matchers: Vec<MatcherSpec>,
    kind: Kinds,
}

#[derive(Clone, Debug)]
enum Kinds {
    Unlimited,
    Fixed(Text, Text),
    Moving(Vec<(Text, Text)>),
}

/// `HttpRequestRegexMatcher`.
#[derive(Clone, Debug)]
pub struct MatcherSpec {
    method: Option<String>,
    base: Option<Text>,
    path: Option<Regex>,
    parameters: Pairs,
    headers: Pairs,
    weight: Option<Text>,
}

impl BudgetSpec {
    /// From the file.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        if let Some(kind) = view.text_of("type")?
            && kind != "HTTPAPIBudget"
        {
            return Err(view.unknown_component(&["HTTPAPIBudget"]));
        }
        let header = |name: &str, usual: &str| -> Result<String> {
            Ok(view.text_of(name)?.unwrap_or(usual).to_owned())
        };
        let policies = view.require("policies", "a list of policies")?;
        Ok(Self {
            policies: policies
                .items()?
                .iter()
                .map(PolicySpec::compile)
                .collect::<Result<_>>()?,
            reset_header: header("ratelimit_reset_header", "ratelimit-reset")?,
            remaining_header: header("ratelimit_remaining_header", "ratelimit-remaining")?,
            hit_statuses: match view.get("status_codes_for_ratelimit_hit") {
                Some(statuses) => statuses.statuses()?,
                None => vec![429],
            },
        })
    }

    /// With the settings in `scope` filled in.
    pub fn begin(&self, scope: &Scope<'_>, env: &Env) -> Result<Budget> {
        Ok(Budget {
            policies: self
                .policies
                .iter()
                .map(|policy| policy.begin(scope, env))
                .collect::<Result<_>>()?,
            reset_header: self.reset_header.clone(),
            remaining_header: self.remaining_header.clone(),
            hit_statuses: self.hit_statuses.clone(),
        })
    }
}

impl PolicySpec {
    fn compile(view: &View<'_>) -> Result<Self> {
        let rate = |view: &View<'_>, limit: &str, interval: &str| -> Result<(Text, Text)> {
            Ok((
                Text::compile(&view.require(limit, "how many calls")?)?,
                Text::compile(&view.require(interval, "a duration such as PT1M")?)?,
            ))
        };
        let kind = match view.component()? {
            "UnlimitedCallRatePolicy" => Kinds::Unlimited,
            "FixedWindowCallRatePolicy" => {
                let (limit, period) = rate(view, "call_limit", "period")?;
                Kinds::Fixed(limit, period)
            }
            "MovingWindowCallRatePolicy" => Kinds::Moving(
                view.require("rates", "a list of rates")?
                    .items()?
                    .iter()
                    .map(|one| rate(one, "limit", "interval"))
                    .collect::<Result<_>>()?,
            ),
            _ => {
                return Err(view.unknown_component(&[
                    "FixedWindowCallRatePolicy",
                    "MovingWindowCallRatePolicy",
                    "UnlimitedCallRatePolicy",
                ]));
            }
        };
        Ok(Self {
            matchers: match view.get("matchers") {
                Some(matchers) => matchers
                    .items()?
                    .iter()
                    .map(MatcherSpec::compile)
                    .collect::<Result<_>>()?,
                None => Vec::new(),
            },
            kind,
        })
    }

    fn begin(&self, scope: &Scope<'_>, env: &Env) -> Result<Policy> {
        let count = match &self.kind {
            Kinds::Unlimited => Count::Unlimited,
            Kinds::Fixed(limit, period) => Count::Fixed {
                limit: number(limit, scope, env)?,
                period: duration(period, scope, env)?,
                left: None,
            },
            Kinds::Moving(rates) => Count::Moving {
                rates: rates
                    .iter()
                    .map(|(limit, interval)| {
                        Ok((number(limit, scope, env)?, duration(interval, scope, env)?))
                    })
                    .collect::<Result<_>>()?,
                made: VecDeque::new(),
                blocked_until: None,
            },
        };
        Ok(Policy {
            matchers: self
                .matchers
                .iter()
                .map(|matcher| matcher.begin(scope, env))
                .collect::<Result<_>>()?,
            count,
        })
    }
}

impl MatcherSpec {
    /// From the file.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        let pairs = |name: &str| -> Result<Pairs> {
            view.get(name)
                .map_or(Ok(Pairs::default()), |view| Pairs::compile(&view))
        };
        Ok(Self {
            method: view.text_of("method")?.map(str::to_owned),
            base: Text::member(view, "url_base")?,
            path: view
                .get("url_path_pattern")
                .map(|pattern| {
                    Regex::new(pattern.text()?)
                        .map_err(|error| pattern.fail(error.to_string(), "a regular expression"))
                })
                .transpose()?,
            parameters: pairs("params")?,
            headers: pairs("headers")?,
            weight: Text::member(view, "weight")?,
        })
    }

    /// With the settings in `scope` filled in.
    pub fn begin(&self, scope: &Scope<'_>, env: &Env) -> Result<Matcher> {
        let pairs = |pairs: &Pairs| -> Result<Vec<(String, String)>> {
            Ok(pairs
                .eval(scope, env, Reading::Exact)?
                .into_iter()
                .map(|(name, value)| (name, python_text(&value)))
                .collect())
        };
        Ok(Matcher {
            method: self.method.clone(),
            base: match &self.base {
                Some(base) => {
                    let said = base.printed(scope, env)?;
                    Some(Url::parse(&said).map_err(|error| base.fail(error.to_string()))?)
                }
                None => None,
            },
            path: self.path.clone(),
            parameters: pairs(&self.parameters)?,
            headers: pairs(&self.headers)?,
            weight: match &self.weight {
                Some(weight) => number(weight, scope, env)?,
                None => 1,
            },
        })
    }
}

fn number(text: &Text, scope: &Scope<'_>, env: &Env) -> Result<u32> {
    let said = text.printed(scope, env)?;
    match said.trim().parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(text.fail(format!("`{said}` is no number of calls"))),
    }
}

fn duration(text: &Text, scope: &Scope<'_>, env: &Env) -> Result<Duration> {
    let said = text.printed(scope, env)?;
    datetime::duration(said.trim())
        .and_then(length)
        .ok_or_else(|| text.fail(format!("`{said}` is no duration such as PT1M")))
}

/// Months and years count as they are at the beginning of 1970.
fn length(span: Span) -> Option<Duration> {
    let end = datetime::moved(Timestamp::UNIX_EPOCH, span)?;
    let micros = u64::try_from(end.as_microsecond()).ok()?;
    (micros > 0).then(|| Duration::from_micros(micros))
}
