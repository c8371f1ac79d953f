//! How long to wait before a request is repeated: the backoff strategies.

use std::time::Duration;

use http::HeaderMap;
use model::clock::Clock;
use model::value::{Object, Value};
use regex::Regex;
use template::{Env, Members, Scope};

use super::headers::Headers;
use super::node::View;
use super::text::{Text, python_text};
use crate::Result;

/// A backoff strategy.
#[derive(Clone, Debug)]
pub struct Backoff {
    kind: Kind,
    /// A wait of so many seconds or more ends the read.
    longest: Option<Text>,
}

#[derive(Clone, Debug)]
enum Kind {
    Constant(Text),
    Exponential(Option<Text>),
    FromHeader {
        header: Text,
        pattern: Option<Text>,
    },
    FromBody(Text),
    UntilHeader {
        header: Text,
        pattern: Option<Text>,
        shortest: Option<Text>,
    },
}

/// What a strategy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// So long.
    For(Duration),
    /// So long, and the connector does not want to wait that long.
    TooLong(Duration),
}

/// What is known when a strategy is asked.
#[derive(Debug)]
pub struct Moment<'a> {
    /// What templates may use: `config`.
    pub scope: &'a Scope<'a>,
    /// The template language's surroundings.
    pub env: &'a Env,
    /// What counts as now.
    pub clock: &'a Clock,
    /// The answer's headers.
    pub headers: &'a HeaderMap,
    /// Its body.
    pub body: &'a [u8],
    /// Tries so far.
    pub attempt: u32,
}

impl Backoff {
    /// From the file.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        let header = || Text::compile(&view.require("header", "a header's name")?);
        let mut longest = None;
        let mut bounded = || -> Result<()> {
            longest = Text::member(view, "max_waiting_time_in_seconds")?;
            Ok(())
        };
        let kind = match view.component()? {
            "ConstantBackoffStrategy" => Kind::Constant(Text::compile(
                &view.require("backoff_time_in_seconds", "seconds")?,
            )?),
            "ExponentialBackoffStrategy" => Kind::Exponential(Text::member(view, "factor")?),
            "WaitTimeFromHeader" => {
                bounded()?;
                Kind::FromHeader {
                    header: header()?,
                    pattern: pattern(view)?,
                }
            }
            "WaitTimeFromResponse" => {
                bounded()?;
                Kind::FromBody(Text::compile(&view.require(
                    "wait_time_in_seconds",
                    "a template for the seconds, over `response` and `headers`",
                )?)?)
            }
            "WaitUntilTimeFromHeader" => {
                bounded()?;
                Kind::UntilHeader {
                    header: header()?,
                    pattern: pattern(view)?,
                    shortest: Text::member(view, "min_wait")?,
                }
            }
            _ => {
                return Err(view.unknown_component(&[
                    "ConstantBackoffStrategy",
                    "ExponentialBackoffStrategy",
                    "WaitTimeFromHeader",
                    "WaitTimeFromResponse",
                    "WaitUntilTimeFromHeader",
                ]));
            }
        };
        Ok(Self { kind, longest })
    }

    /// How long to wait; none when this strategy has nothing to say.
    pub fn wait(&self, moment: &Moment<'_>) -> Option<Wait> {
        let seconds = self
            .seconds(moment)
            .filter(|seconds| seconds.is_finite() && *seconds > 0.0)?;
        let wait = Duration::try_from_secs_f64(seconds).ok()?;
        let longest = self
            .longest
            .as_ref()
            .and_then(|longest| moment.number(longest));
        Some(match longest {
            Some(longest) if seconds >= longest => Wait::TooLong(wait),
            _ => Wait::For(wait),
        })
    }

    fn seconds(&self, moment: &Moment<'_>) -> Option<f64> {
        match &self.kind {
            Kind::Constant(seconds) => moment.number(seconds),
            Kind::Exponential(factor) => {
                let factor = factor.as_ref().and_then(|factor| moment.number(factor));
                let power = i32::try_from(moment.attempt.min(16)).unwrap_or(16);
                Some(factor.unwrap_or(5.0) * 2f64.powi(power))
            }
            Kind::FromHeader { header, pattern } => moment.header(header, pattern.as_ref()),
            Kind::FromBody(seconds) => moment.said(seconds),
            Kind::UntilHeader {
                header,
                pattern,
                shortest,
            } => {
                let shortest = shortest
                    .as_ref()
                    .and_then(|shortest| moment.number(shortest));
                let until = moment.header(header, pattern.as_ref());
                let wait = until.map(|until| until - moment.clock.now() as f64 / 1000.0);
                match (wait, shortest) {
                    (Some(wait), Some(shortest)) => Some(wait.max(shortest)),
                    (wait, shortest) => wait.or(shortest),
                }
            }
        }
    }
}

impl Moment<'_> {
    fn number(&self, text: &Text) -> Option<f64> {
        let value = text.eval(self.scope, self.env).ok()?;
        python_text(&value).trim().parse().ok()
    }

    /// What a template over the answer says. An answer of another shape says nothing.
    fn said(&self, text: &Text) -> Option<f64> {
        let body = model::json::parse(self.body).unwrap_or_else(|_| Value::Object(Object::new()));
        let headers = Headers::new(self.headers);
        let scope = Scope::within(self.scope)
            .with("response", &body)
            .with("headers", &headers as &dyn Members);
        let value = text.eval(&scope, self.env).ok()?;
        python_text(&value).trim().parse().ok()
    }

    fn header(&self, name: &Text, pattern: Option<&Text>) -> Option<f64> {
        let name = name.printed(self.scope, self.env).ok()?;
        let value = self.headers.get(name.trim())?.to_str().ok()?;
        let part = match pattern {
            Some(pattern) => {
                let pattern = pattern.printed(self.scope, self.env).ok()?;
                // As Python's `match`: from the beginning.
                Regex::new(&pattern)
                    .ok()?
                    .find(value)
                    .filter(|found| found.start() == 0)?
                    .as_str()
            }
            None => value,
        };
        part.trim().parse().ok()
    }
}

/// `regex`; what is no template is tried at once.
fn pattern(view: &View<'_>) -> Result<Option<Text>> {
    let Some(regex) = view.get("regex") else {
        return Ok(None);
    };
    let text = regex.text()?;
    if !text.contains("{{") {
        Regex::new(text).map_err(|error| regex.fail(error.to_string(), "a regular expression"))?;
    }
    Text::compile(&regex).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declarative::node::Node;

    #[test]
    fn waits_come_from_where_the_strategy_says() {
        fn check(yaml: &str, headers: &[(&str, &str)], body: &str, expected: Option<Wait>) {
            let node = Node::parse("x.yaml", yaml).unwrap();
            let backoff = Backoff::compile(&View::root("x.yaml", &node)).unwrap();
            let clock = Clock::manual(1_700_000_000_000);
            let headers = headers
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect();
            let config = model::json::parse(br#"{"patience": 60}"#).unwrap();
            let moment = Moment {
                scope: &Scope::new().with("config", &config),
                env: &Env::new(clock.clone()),
                clock: &clock,
                headers: &headers,
                body: body.as_bytes(),
                attempt: 2,
            };
            assert_eq!(backoff.wait(&moment), expected, "{yaml} {headers:?} {body}");
        }
        let wait = |seconds| Some(Wait::For(Duration::from_secs(seconds)));
        let long = |seconds| Some(Wait::TooLong(Duration::from_secs(seconds)));
        let constant = "{type: ConstantBackoffStrategy, backoff_time_in_seconds: \"{{ config['patience'] / 2 }}\"}";
        check(constant, &[], "", wait(30));
        check(
            "{type: ExponentialBackoffStrategy, factor: 3}",
            &[],
            "",
            wait(12),
        );
        check("{type: ExponentialBackoffStrategy}", &[], "", wait(20));
        let header = "{type: WaitTimeFromHeader, header: X-Wait, regex: '[0-9]+', max_waiting_time_in_seconds: \"{{ config['patience'] }}\"}";
        check(header, &[("x-wait", "7s")], "", wait(7));
        check(header, &[("x-wait", "60s")], "", long(60));
        check(header, &[("x-wait", "in 7s")], "", None);
        check(header, &[("x-wait", "0")], "", None);
        check(header, &[], "", None);
        let body = "{type: WaitTimeFromResponse, wait_time_in_seconds: \"{{ response['error']['retry_in'] + 1 }}\", max_waiting_time_in_seconds: 100}";
        check(body, &[], r#"{"error":{"retry_in":41}}"#, wait(42));
        check(body, &[], r#"{"error":{"retry_in":99}}"#, long(100));
        check(body, &[], r#"{"error":{"retry_in":-5}}"#, None);
        check(body, &[], r#"{"error":{"retry_in":"soon"}}"#, None);
        check(body, &[], r#"["another shape"]"#, None);
        check(body, &[], "<html>", None);
        let from_headers =
            "{type: WaitTimeFromResponse, wait_time_in_seconds: \"{{ headers['x-wait'] }}\"}";
        check(from_headers, &[("x-wait", "5")], "not JSON", wait(5));
        let until = "{type: WaitUntilTimeFromHeader, header: X-Reset, min_wait: 3, max_waiting_time_in_seconds: 50}";
        check(until, &[("x-reset", "1700000009")], "", wait(9));
        check(until, &[("x-reset", "1600000000")], "", wait(3));
        check(until, &[("x-reset", "1700000099")], "", long(99));
        check(until, &[], "", wait(3));
        check(
            "{type: WaitUntilTimeFromHeader, header: X-Reset}",
            &[],
            "",
            None,
        );
    }
}
