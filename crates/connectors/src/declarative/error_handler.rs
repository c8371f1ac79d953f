//! What an answer means: `DefaultErrorHandler`, `CompositeErrorHandler` and their filters.

use http::{HeaderMap, StatusCode};
use model::clock::Clock;
use model::value::{Object, Value};
use template::{Env, Members, Reads, Scope};

use super::backoff::{Backoff, Moment, Wait};
use super::decode::json::is_truthy;
use super::headers::Headers;
use super::node::View;
use super::text::{Text, python_text};
use crate::Result;
use crate::http::answer::{Adaptation, Judge, Verdict, message_in};

/// The error handler of a requester.
#[derive(Clone, Debug, Default)]
pub struct ErrorHandler {
    handlers: Vec<Handler>,
    max_retries: Option<Text>,
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
    predicate: Option<Text>,
    message: Option<Text>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Success,
    Ignore,
    Fail,
    Retry,
    RateLimited,
    Adapt(Adaptation),
}

impl ErrorHandler {
    /// From the file.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        match view.component()? {
            "DefaultErrorHandler" => Ok(Self {
                handlers: vec![Handler::compile(view)?],
                max_retries: retries(view)?,
            }),
            "CompositeErrorHandler" => {
                let parts = view
                    .require("error_handlers", "a list of handlers")?
                    .items()?;
                let mut handlers = Vec::new();
                let mut max_retries = None;
                for (n, part) in parts.iter().enumerate() {
                    let part = Self::compile(part)?;
                    handlers.extend(part.handlers);
                    if n == 0 {
                        max_retries = part.max_retries;
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

fn retries(view: &View<'_>) -> Result<Option<Text>> {
    let Some(retries) = view.get("max_retries") else {
        return Ok(None);
    };
    if retries.count().is_ok_and(|count| count > 100) {
        return Err(retries.fail("this many retries never end", "at most 100"));
    }
    Text::compile(&retries).map(Some)
}

impl Handler {
    fn compile(view: &View<'_>) -> Result<Self> {
        let mut handler = Self::default();
        if let Some(filters) = view.get("response_filters") {
            for filter in filters.items()? {
                handler.filters.push(Filter::compile(&filter)?);
            }
        }
        if let Some(strategies) = view.get("backoff_strategies") {
            for strategy in strategies.items()? {
                handler.backoff.push(Backoff::compile(&strategy)?);
            }
        }
        Ok(handler)
    }
}

impl Filter {
    fn compile(view: &View<'_>) -> Result<Self> {
        let action = view
            .text_of("action")?
            .map(|action| match action {
                "SUCCESS" => Ok(Action::Success),
                "IGNORE" => Ok(Action::Ignore),
                "FAIL" => Ok(Action::Fail),
                "RETRY" => Ok(Action::Retry),
                "RATE_LIMITED" => Ok(Action::RateLimited),
                // The client signs in anew by itself before a repetition.
                "REFRESH_TOKEN_THEN_RETRY" => Ok(Action::Retry),
                "RESET_PAGINATION" => Ok(Action::Adapt(Adaptation::ResetPagination)),
                "REDUCE_PAGE_SIZE" => Ok(Action::Adapt(Adaptation::ReducePageSize)),
                "SPLIT_REQUEST_WINDOW" => Ok(Action::Adapt(Adaptation::SplitWindow)),
                other => Err(view.fail(
                    format!("the action `{other}` is not supported"),
                    "SUCCESS, IGNORE, FAIL, RETRY, RATE_LIMITED, REFRESH_TOKEN_THEN_RETRY, RESET_PAGINATION, \
                     REDUCE_PAGE_SIZE or SPLIT_REQUEST_WINDOW",
                )),
            })
            .transpose()?;
        let http_codes = match view.get("http_codes") {
            Some(codes) => codes.statuses()?,
            None => Vec::new(),
        };
        Ok(Self {
            action,
            http_codes,
            contains: view.text_of("error_message_contains")?.map(str::to_owned),
            predicate: view
                .get("predicate")
                .filter(|predicate| predicate.node().as_text() != Some(""))
                .map(|predicate| Text::compile(&predicate))
                .transpose()?,
            message: Text::member(view, "error_message")?,
        })
    }

    fn matches(
        &self,
        scope: &Scope<'_>,
        env: &Env,
        status: u16,
        body: &Value,
        raw: Option<&str>,
    ) -> bool {
        self.action.is_some()
            && (self.http_codes.contains(&status)
                || self
                    .predicate
                    .as_ref()
                    .is_some_and(|predicate| predicate.is_true(scope, env).unwrap_or(false))
                || self.contains.as_ref().is_some_and(|part| match raw {
                    Some(raw) => raw.contains(part.as_str()),
                    None => {
                        message_in(body, 0).is_some_and(|message| message.contains(part.as_str()))
                    }
                }))
    }

    fn looks_into_body(&self) -> bool {
        self.contains.is_some()
            || self
                .predicate
                .as_ref()
                .is_some_and(|predicate| predicate.reads("response") != Reads::Nothing)
    }
}

/// An error handler at work, with the connection's settings.
#[derive(Debug)]
pub struct Judging<'a> {
    /// The handler.
    pub handler: &'a ErrorHandler,
    /// What templates may use: `config`.
    pub scope: Scope<'a>,
    /// The template language's surroundings.
    pub env: &'a Env,
    /// For waits until a point in time.
    pub clock: Clock,
    /// The address without its query, for templates.
    pub request_url: &'a str,
}

impl ErrorHandler {
    /// Whether a good answer's body must be there before it is known what the answer means.
    pub fn looks_into_good_answers(&self) -> bool {
        self.handlers
            .iter()
            .flat_map(|handler| &handler.filters)
            .any(Filter::looks_into_body)
    }
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
        let mut filters = handlers.iter().flat_map(|handler| &handler.filters);
        // A large page is only read here when something may look into it.
        let looks = if status.is_success() {
            self.handler.looks_into_good_answers()
        } else {
            filters.next().is_some()
        };
        let parsed = looks.then(|| model::json::parse(body).ok()).flatten();
        // What is no JSON is searched as the text that it is.
        let raw = (looks && parsed.is_none()).then(|| String::from_utf8_lossy(body));
        let parsed = parsed.unwrap_or_else(|| Value::Object(Object::new()));
        let shown = Headers::new(headers);
        let scope = Scope::within(&self.scope)
            .with("response", &parsed)
            .with("headers", &shown as &dyn Members)
            .with("request_url", self.request_url);
        let mut last = Verdict::Success;
        for handler in handlers {
            let matched = handler
                .filters
                .iter()
                .find(|filter| filter.matches(&scope, self.env, code, &parsed, raw.as_deref()));
            let action = match matched {
                Some(filter) => filter.action.unwrap_or_else(|| by_status(code)),
                None => by_status(code),
            };
            let reason = matched
                .and_then(|filter| filter.message.as_ref())
                .and_then(|message| message.eval(&scope, self.env).ok())
                .filter(is_truthy)
                .map(|message| python_text(&message));
            match action {
                // Ours: a page for people where data should be (a gateway, a hotel's sign-in) passes.
                Action::Success if matched.is_none() && is_page(status, headers, body) => {
                    return Verdict::Retry { after: None };
                }
                Action::Success => return Verdict::Success,
                Action::Ignore => return Verdict::Ignore,
                Action::Adapt(how) => return Verdict::Adapt(how),
                Action::Retry => {
                    return match self.wait(headers, body, attempt) {
                        Some(Wait::TooLong(wait)) => Verdict::NotNow { after: wait },
                        Some(Wait::For(wait)) => Verdict::Retry { after: Some(wait) },
                        None => Verdict::Retry { after: None },
                    };
                }
                Action::RateLimited => {
                    last = match self.wait(headers, body, attempt) {
                        Some(Wait::TooLong(wait)) => Verdict::NotNow { after: wait },
                        Some(Wait::For(wait)) => Verdict::RateLimited { after: Some(wait) },
                        None => Verdict::RateLimited { after: None },
                    };
                }
                Action::Fail => last = Verdict::Fail { reason },
            }
        }
        last
    }

    fn max_retries(&self) -> u32 {
        let Some(text) = &self.handler.max_retries else {
            return 5;
        };
        let said = text.printed(&self.scope, self.env).unwrap_or_default();
        said.trim().parse::<u32>().unwrap_or(5).min(100)
    }
}

impl Judging<'_> {
    fn wait(&self, headers: &HeaderMap, body: &[u8], attempt: u32) -> Option<Wait> {
        let moment = Moment {
            scope: &self.scope,
            env: self.env,
            clock: &self.clock,
            headers,
            body,
            attempt,
        };
        self.handler
            .handlers
            .iter()
            .flat_map(|handler| &handler.backoff)
            .find_map(|backoff| backoff.wait(&moment))
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
    use std::time::Duration;

    use super::*;
    use crate::declarative::node::Node;

    fn judge(yaml: &str, status: u16, headers: &[(&str, &str)], body: &str) -> Verdict {
        let node = Node::parse("x.yaml", yaml).unwrap();
        let handler = ErrorHandler::compile(&View::root("x.yaml", &node)).unwrap();
        let clock = Clock::manual(1_700_000_000_000);
        let judging = Judging {
            handler: &handler,
            scope: Scope::new(),
            env: &Env::new(clock.clone()),
            clock,
            request_url: "http://x.example/",
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
        let impatient = "type: DefaultErrorHandler
backoff_strategies: [{type: WaitTimeFromHeader, header: X-Wait, max_waiting_time_in_seconds: 60}]
";
        check(
            impatient,
            429,
            &[("x-wait", "3600")],
            "{}",
            Verdict::NotNow {
                after: Duration::from_secs(3600),
            },
        );
        let composite = "type: CompositeErrorHandler
error_handlers:
  - {type: DefaultErrorHandler, response_filters: [{http_codes: [403], action: FAIL}]}
  - {type: DefaultErrorHandler, response_filters: [{http_codes: [403], action: IGNORE}]}
";
        check(composite, 403, &[], "{}", Verdict::Ignore);
    }
}
