//! What an answer means: `DefaultErrorHandler`, `CompositeErrorHandler` and their filters.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use model::clock::Clock;
use model::value::Value;
use regex::Regex;

use super::node::View;
use super::template::{self, Scope, Template, Templates};
use crate::Result;
use crate::http::answer::{Judge, Verdict, message_in};

/// Names that predicates may use.
const PREDICATE_NAMES: &[&str] = &["response", "headers", "request_url"];
/// Names that error messages may use.
const MESSAGE_NAMES: &[&str] = &["config", "response", "headers"];
/// Names that waits may use.
const BACKOFF_NAMES: &[&str] = &["config", "parameters", "response", "headers"];

/// The error handler of a requester.
#[derive(Clone, Debug, Default)]
pub struct ErrorHandler {
    handlers: Vec<Handler>,
    max_retries: Option<u32>,
}

/// One `DefaultErrorHandler`.
#[derive(Clone, Debug, Default)]
struct Handler {
    filters: Vec<Filter>,
    backoff: Vec<Backoff>,
}

/// One `HttpResponseFilter`.
#[derive(Clone, Debug)]
struct Filter {
    action: Option<Action>,
    http_codes: Vec<u16>,
    contains: Option<String>,
    predicate: Option<Template>,
    message: Option<Template>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Success,
    Ignore,
    Fail,
    Retry,
    RateLimited,
}

/// One backoff strategy.
#[derive(Clone, Debug)]
enum Backoff {
    Constant(Template),
    Exponential(Option<Template>),
    FromHeader {
        header: Template,
        pattern: Option<Regex>,
        longest: Option<f64>,
    },
    UntilHeader {
        header: Template,
        pattern: Option<Regex>,
        shortest: Option<Template>,
    },
}

impl ErrorHandler {
    /// From the file.
    pub fn compile(templates: &mut Templates, view: &View<'_>) -> Result<Self> {
        match view.component()? {
            "DefaultErrorHandler" => Ok(Self {
                handlers: vec![Handler::compile(templates, view)?],
                max_retries: retries(view)?,
            }),
            "CompositeErrorHandler" => {
                let parts = view
                    .require("error_handlers", "a list of handlers")?
                    .items()?;
                let mut handlers = Vec::new();
                let mut max_retries = None;
                for (n, part) in parts.iter().enumerate() {
                    if part.component()? != "DefaultErrorHandler" {
                        return Err(part.unknown_component(&["DefaultErrorHandler"]));
                    }
                    handlers.push(Handler::compile(templates, part)?);
                    if n == 0 {
                        max_retries = retries(part)?;
                    }
                }
                Ok(Self {
                    handlers,
                    max_retries,
                })
            }
            _ => Err(view.unknown_component(&["DefaultErrorHandler", "CompositeErrorHandler"])),
        }
    }
}

fn retries(view: &View<'_>) -> Result<Option<u32>> {
    view.get("max_retries")
        .map(|view| {
            let count = view.count()?;
            u32::try_from(count)
                .ok()
                .filter(|count| *count <= 100)
                .ok_or_else(|| view.fail("this many retries never end", "at most 100"))
        })
        .transpose()
}

impl Handler {
    fn compile(templates: &mut Templates, view: &View<'_>) -> Result<Self> {
        let mut handler = Self::default();
        if let Some(filters) = view.get("response_filters") {
            for filter in filters.items()? {
                handler.filters.push(Filter::compile(templates, &filter)?);
            }
        }
        if let Some(strategies) = view.get("backoff_strategies") {
            for strategy in strategies.items()? {
                handler
                    .backoff
                    .push(Backoff::compile(templates, &strategy)?);
            }
        }
        Ok(handler)
    }
}

impl Filter {
    fn compile(templates: &mut Templates, view: &View<'_>) -> Result<Self> {
        let action = view
            .text_of("action")?
            .map(|action| match action {
                "SUCCESS" => Ok(Action::Success),
                "IGNORE" => Ok(Action::Ignore),
                "FAIL" => Ok(Action::Fail),
                "RETRY" => Ok(Action::Retry),
                "RATE_LIMITED" => Ok(Action::RateLimited),
                other => Err(view.fail(
                    format!("the action `{other}` is not supported"),
                    "SUCCESS, IGNORE, FAIL, RETRY or RATE_LIMITED",
                )),
            })
            .transpose()?;
        let http_codes = match view.get("http_codes") {
            Some(codes) => codes
                .items()?
                .iter()
                .map(|code| {
                    u16::try_from(code.count()?)
                        .map_err(|_| code.fail("this is no HTTP status", "100 to 599"))
                })
                .collect::<Result<_>>()?,
            None => Vec::new(),
        };
        Ok(Self {
            action,
            http_codes,
            contains: view.text_of("error_message_contains")?.map(str::to_owned),
            predicate: view
                .get("predicate")
                .filter(|predicate| predicate.node().as_text() != Some(""))
                .map(|predicate| templates.compile(&predicate, PREDICATE_NAMES))
                .transpose()?,
            message: view
                .get("error_message")
                .map(|message| templates.compile(&message, MESSAGE_NAMES))
                .transpose()?,
        })
    }

    fn matches(&self, templates: &Templates, scope: &Scope, status: u16, body: &Value) -> bool {
        self.http_codes.contains(&status)
            || self
                .predicate
                .as_ref()
                .is_some_and(|predicate| predicate.is_true(templates, scope).unwrap_or(false))
            || self.contains.as_ref().is_some_and(|part| {
                message_in(body, 0).is_some_and(|message| message.contains(part.as_str()))
            })
    }
}

impl Backoff {
    fn compile(templates: &mut Templates, view: &View<'_>) -> Result<Self> {
        let pattern = |view: &View<'_>| -> Result<Option<Regex>> {
            view.get("regex")
                .map(|regex| {
                    Regex::new(regex.text()?)
                        .map_err(|error| regex.fail(error.to_string(), "a regular expression"))
                })
                .transpose()
        };
        Ok(match view.component()? {
            "ConstantBackoffStrategy" => Self::Constant(templates.compile(
                &view.require("backoff_time_in_seconds", "seconds")?,
                BACKOFF_NAMES,
            )?),
            "ExponentialBackoffStrategy" => Self::Exponential(
                view.get("factor")
                    .map(|factor| templates.compile(&factor, BACKOFF_NAMES))
                    .transpose()?,
            ),
            "WaitTimeFromHeader" => Self::FromHeader {
                header: templates
                    .compile(&view.require("header", "a header's name")?, BACKOFF_NAMES)?,
                pattern: pattern(view)?,
                longest: view
                    .get("max_waiting_time_in_seconds")
                    .map(|longest| longest.number())
                    .transpose()?,
            },
            "WaitUntilTimeFromHeader" => Self::UntilHeader {
                header: templates
                    .compile(&view.require("header", "a header's name")?, BACKOFF_NAMES)?,
                pattern: pattern(view)?,
                shortest: view
                    .get("min_wait")
                    .map(|wait| templates.compile(&wait, BACKOFF_NAMES))
                    .transpose()?,
            },
            _ => {
                return Err(view.unknown_component(&[
                    "ConstantBackoffStrategy",
                    "ExponentialBackoffStrategy",
                    "WaitTimeFromHeader",
                    "WaitUntilTimeFromHeader",
                ]));
            }
        })
    }

    /// Seconds to wait; none when this strategy has nothing to say.
    fn seconds(&self, judging: &Judging<'_>, headers: &HeaderMap, attempt: u32) -> Option<f64> {
        let number = |template: &Template| -> Option<f64> {
            template
                .render(judging.templates, &judging.scope)
                .ok()?
                .trim()
                .parse()
                .ok()
        };
        let from_header = |header: &Template, pattern: &Option<Regex>| -> Option<f64> {
            let name = header.render(judging.templates, &judging.scope).ok()?;
            let text = headers.get(name.trim())?.to_str().ok()?;
            let text = match pattern {
                Some(pattern) => pattern.find(text)?.as_str(),
                None => text,
            };
            text.trim().parse().ok()
        };
        let seconds = match self {
            Self::Constant(seconds) => number(seconds)?,
            Self::Exponential(factor) => {
                let factor = factor.as_ref().and_then(number).unwrap_or(5.0);
                factor * 2f64.powi(i32::try_from(attempt.min(16)).unwrap_or(16))
            }
            Self::FromHeader {
                header,
                pattern,
                longest,
            } => {
                let seconds = from_header(header, pattern)?;
                match longest {
                    Some(longest) => seconds.min(*longest),
                    None => seconds,
                }
            }
            Self::UntilHeader {
                header,
                pattern,
                shortest,
            } => {
                let until = from_header(header, pattern)?;
                let wait = until - judging.clock.now() as f64 / 1000.0;
                let shortest = shortest.as_ref().and_then(number).unwrap_or(0.0);
                wait.max(shortest)
            }
        };
        (seconds.is_finite() && seconds > 0.0).then_some(seconds)
    }
}

/// An error handler at work, with the connection's settings.
#[derive(Debug)]
pub struct Judging<'a> {
    /// The handler.
    pub handler: &'a ErrorHandler,
    /// The file's templates.
    pub templates: &'a Templates,
    /// What templates may use.
    pub scope: Scope,
    /// For waits until a point in time.
    pub clock: Clock,
}

impl Judge for Judging<'_> {
    fn judge(&self, status: StatusCode, headers: &HeaderMap, body: &[u8], attempt: u32) -> Verdict {
        let code = status.as_u16();
        let none = [Handler::default()];
        let handlers = if self.handler.handlers.is_empty() {
            &none[..]
        } else {
            &self.handler.handlers
        };
        let filtered = handlers.iter().any(|handler| !handler.filters.is_empty());
        // A large page is only read here when something may look into it.
        let looks = filtered
            && (!status.is_success()
                || handlers
                    .iter()
                    .flat_map(|handler| &handler.filters)
                    .any(|filter| filter.predicate.is_some() || filter.contains.is_some()));
        let parsed = if looks {
            model::json::parse(body).unwrap_or_else(|_| Value::Object(model::value::Object::new()))
        } else {
            Value::Null
        };
        let parsed = Arc::new(parsed);
        let mut scope = self.scope.clone();
        if looks {
            scope = scope
                .with("response", template::live(&parsed))
                .with("headers", template::headers(headers));
        }
        let mut last = Verdict::Success;
        for handler in handlers {
            let matched = handler
                .filters
                .iter()
                .find(|filter| filter.matches(self.templates, &scope, code, &parsed));
            let action = match matched {
                Some(filter) => filter.action.unwrap_or_else(|| by_status(code)),
                None => by_status(code),
            };
            let reason = matched
                .and_then(|filter| filter.message.as_ref())
                .and_then(|message| message.render(self.templates, &scope).ok())
                .filter(|message| !message.is_empty());
            match action {
                // Ours: a page for people where data should be (a gateway, a hotel's sign-in) passes.
                Action::Success if matched.is_none() && is_page(status, headers, body) => {
                    return Verdict::Retry { after: None };
                }
                Action::Success => return Verdict::Success,
                Action::Ignore => return Verdict::Ignore,
                Action::Retry => {
                    return Verdict::Retry {
                        after: self.wait(headers, attempt),
                    };
                }
                Action::RateLimited => {
                    last = Verdict::RateLimited {
                        after: self.wait(headers, attempt),
                    };
                }
                Action::Fail => last = Verdict::Fail { reason },
            }
        }
        last
    }

    fn max_retries(&self) -> u32 {
        self.handler.max_retries.unwrap_or(5)
    }
}

impl Judging<'_> {
    fn wait(&self, headers: &HeaderMap, attempt: u32) -> Option<Duration> {
        self.handler
            .handlers
            .iter()
            .flat_map(|handler| &handler.backoff)
            .find_map(|backoff| backoff.seconds(self, headers, attempt))
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    }
}

/// Whether an answer is an HTML page.
fn is_page(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> bool {
    let html = headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.trim_start().starts_with("text/html"));
    status.is_success() && html && body.trim_ascii_start().starts_with(b"<")
}

/// The table for answers that no filter matches.
const fn by_status(code: u16) -> Action {
    match code {
        200..=399 => Action::Success,
        429 => Action::RateLimited,
        400 | 401 | 403 | 404 | 405 => Action::Fail,
        // Ours: what says that the request itself is wrong is not repeated.
        406..=407 | 409..=428 | 430..=499 => Action::Fail,
        _ => Action::Retry,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declarative::node::Node;

    fn judge(yaml: &str, status: u16, headers: &[(&str, &str)], body: &str) -> Verdict {
        let node = Node::parse("x.yaml", yaml).unwrap();
        let mut templates = Templates::default();
        let handler = ErrorHandler::compile(&mut templates, &View::root("x.yaml", &node)).unwrap();
        let clock = Clock::manual(1_700_000_000_000);
        let judging = Judging {
            handler: &handler,
            templates: &templates,
            scope: Scope::new(&minijinja::Value::from(()), &clock),
            clock,
        };
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        judging.judge(
            StatusCode::from_u16(status).unwrap(),
            &headers,
            body.as_bytes(),
            1,
        )
    }

    #[test]
    fn answers_are_judged_by_the_filters_and_then_by_status() {
        fn check(yaml: &str, status: u16, headers: &[(&str, &str)], body: &str, expected: Verdict) {
            assert_eq!(
                judge(yaml, status, headers, body),
                expected,
                "{yaml} {status} {body}"
            );
        }
        let seconds = |n| Some(Duration::from_secs(n));
        let plain = "type: DefaultErrorHandler";
        check(plain, 200, &[], "{}", Verdict::Success);
        check(plain, 404, &[], "{}", Verdict::Fail { reason: None });
        check(plain, 503, &[], "{}", Verdict::Retry { after: None });
        check(plain, 429, &[], "{}", Verdict::RateLimited { after: None });
        let filters = "type: DefaultErrorHandler
response_filters:
  - {http_codes: [404], action: IGNORE}
  - {predicate: \"{{ response.code == 'slow' }}\", action: RATE_LIMITED}
  - {error_message_contains: quota, action: FAIL, error_message: \"quota: {{ response.error }}\"}
backoff_strategies:
  - {type: WaitTimeFromHeader, header: X-Wait, regex: '[0-9]+'}
  - {type: ConstantBackoffStrategy, backoff_time_in_seconds: 9}
";
        check(filters, 404, &[], "nothing", Verdict::Ignore);
        check(
            filters,
            200,
            &[("x-wait", "7s")],
            r#"{"code":"slow"}"#,
            Verdict::RateLimited { after: seconds(7) },
        );
        check(
            filters,
            400,
            &[],
            r#"{"error":"out of quota"}"#,
            Verdict::Fail {
                reason: Some("quota: out of quota".into()),
            },
        );
        check(
            filters,
            500,
            &[],
            "{}",
            Verdict::Retry { after: seconds(9) },
        );
        let composite = "type: CompositeErrorHandler
error_handlers:
  - {type: DefaultErrorHandler, response_filters: [{http_codes: [403], action: FAIL}]}
  - {type: DefaultErrorHandler, response_filters: [{http_codes: [403], action: IGNORE}]}
";
        check(composite, 403, &[], "{}", Verdict::Ignore);
    }
}
