//! From one page to the next.

use http::HeaderMap;
use model::row::Row;
use model::value::{Object, Value};
use template::{Env, Members, Reads, Scope};

use super::decode::json::is_truthy;
use super::headers::Headers;
use super::node::View;
use super::options::{Options, RequestOption};
use super::text::{Condition, Text, python_text};
use crate::Result;

/// `DefaultPaginator` with its strategy; `NoPagination` is none of this.
#[derive(Clone, Debug)]
pub struct Paginator {
    strategy: Strategy,
    size_option: Option<RequestOption>,
    token_option: Option<RequestOption>,
    page_size: Option<Text>,
}

#[derive(Clone, Debug)]
enum Strategy {
    Cursor {
        value: Text,
        stop: Option<Condition>,
    },
    Page {
        start: i64,
        on_first: bool,
    },
    Offset {
        on_first: bool,
    },
}

/// What a page tells about the next one.
#[derive(Debug)]
pub struct PageSeen<'a> {
    /// The body's first value, without the records unless they are asked for.
    pub response: &'a Value,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// How many records it held, before filtering.
    pub extracted: usize,
    /// How many of them were kept.
    pub kept: usize,
    /// The last record that was kept, as it was kept.
    pub last: Option<&'a Row>,
    /// The token that it was asked for with.
    pub token: Option<&'a Value>,
    /// The page size that it was asked for with, where it is not the file's.
    pub page_size: Option<i64>,
}

impl Paginator {
    /// From the file; none for a paginator that does not page.
    pub fn compile(view: &View<'_>) -> Result<Option<Self>> {
        match view.component()? {
            "NoPagination" => return Ok(None),
            "DefaultPaginator" => {}
            _ => return Err(view.unknown_component(&["DefaultPaginator", "NoPagination"])),
        }
        let strategy = view.require("pagination_strategy", "how the next page is found")?;
        let page_size = Text::member(&strategy, "page_size")?;
        let size_option = RequestOption::member(view, "page_size_option")?;
        if let (Some(_), None) = (&size_option, &page_size) {
            return Err(strategy.fail(
                "there is a page_size_option but no page_size",
                "`page_size`: how many records a page has",
            ));
        }
        let on_first = strategy.flag_or("inject_on_first_request", false)?;
        let strategy = match strategy.component()? {
            "CursorPagination" => Strategy::Cursor {
                value: Text::compile(
                    &strategy.require("cursor_value", "a template for the next page's token")?,
                )?,
                stop: match Condition::member(&strategy, "stop_condition", false)? {
                    Condition::Fixed(false) => None,
                    condition => Some(condition),
                },
            },
            "PageIncrement" => Strategy::Page {
                start: match strategy.get("start_from_page") {
                    Some(start) => i64::try_from(start.count()?).unwrap_or(0),
                    None => 0,
                },
                on_first,
            },
            "OffsetIncrement" => Strategy::Offset { on_first },
            _ => {
                return Err(strategy.unknown_component(&[
                    "CursorPagination",
                    "PageIncrement",
                    "OffsetIncrement",
                ]));
            }
        };
        Ok(Some(Self {
            strategy,
            size_option,
            token_option: RequestOption::member(view, "page_token_option")?,
            page_size,
        }))
    }

    /// Which parts of an answer it looks at, beside the records.
    pub fn reads(&self) -> Reads {
        match &self.strategy {
            Strategy::Cursor { value, stop } => {
                let stop = stop
                    .as_ref()
                    .map_or(Reads::Nothing, |stop| stop.reads("response"));
                value.reads("response").and(stop)
            }
            Strategy::Offset { .. } => self
                .page_size
                .as_ref()
                .map_or(Reads::Nothing, |size| size.reads("response")),
            Strategy::Page { .. } => Reads::Nothing,
        }
    }

    /// The token of the first page; none where it goes without.
    pub fn first(&self) -> Option<Value> {
        match self.strategy {
            Strategy::Page {
                start,
                on_first: true,
            } => Some(Value::Int(start)),
            Strategy::Offset { on_first: true } => Some(Value::Int(0)),
            _ => None,
        }
    }

    /// How many records a page has; none where the file does not say.
    fn size(&self, scope: &Scope<'_>, env: &Env) -> Result<Option<i64>> {
        let Some(text) = &self.page_size else {
            return Ok(None);
        };
        let said = python_text(&text.eval_or_null(scope, env)?);
        match said.trim() {
            "" | "None" => Ok(None),
            said => match said.parse() {
                Ok(size) => Ok(Some(size)),
                Err(_) => Err(text.fail(format!("`{said}` is no page size"))),
            },
        }
    }

    /// The page size that its requests carry; none where they carry none.
    pub fn injected_size(&self, scope: &Scope<'_>, env: &Env) -> Result<Option<i64>> {
        match &self.size_option {
            Some(_) => self.size(scope, env),
            None => Ok(None),
        }
    }

    /// Whether the next page is found by counting pages, so that all must be of one size.
    pub const fn counts_pages(&self) -> bool {
        matches!(self.strategy, Strategy::Page { .. })
    }

    /// What it adds to a request; and the address of the page, where the token is one.
    pub fn options(
        &self,
        scope: &Scope<'_>,
        env: &Env,
        token: Option<&Value>,
        page_size: Option<i64>,
        options: &mut Options,
    ) -> Result<Option<String>> {
        let mut page = None;
        match (&self.token_option, token) {
            (Some(RequestOption::Address), Some(token)) if is_truthy(token) => {
                page = Some(python_text(token));
            }
            (Some(option), Some(token)) => option.put(options, token.clone(), scope, env)?,
            _ => {}
        }
        if let Some(option) = &self.size_option
            && let Some(size) = match page_size {
                Some(size) => Some(size),
                None => self.size(scope, env)?,
            }
            && size != 0
        {
            option.put(options, Value::Int(size), scope, env)?;
        }
        Ok(page)
    }

    /// The token of the page after one that was seen; none when it was the last.
    pub fn next(&self, scope: &Scope<'_>, env: &Env, seen: &PageSeen<'_>) -> Result<Option<Value>> {
        let count = i64::try_from(seen.extracted).unwrap_or(i64::MAX);
        let token = match (&self.strategy, seen.token) {
            (Strategy::Cursor { value, stop }, _) => {
                let headers = Headers::with_links(seen.headers);
                let kept = i64::try_from(seen.kept).unwrap_or(i64::MAX);
                let mut inner = Scope::within(scope)
                    .with("response", seen.response)
                    .with("headers", &headers as &dyn Members)
                    .with("last_page_size", kept);
                match seen.last {
                    Some(row) => inner.set("last_record", row as &dyn Members),
                    None => inner.set("last_record", Value::Null),
                }
                match seen
                    .page_size
                    .map_or_else(|| self.size(scope, env), |size| Ok(Some(size)))?
                {
                    Some(size) => inner.set("page_size", size),
                    None => inner.set("page_size", Value::Null),
                }
                if let Some(stop) = stop
                    && stop.holds(&inner, env)?
                {
                    return Ok(None);
                }
                value.eval(&inner, env)?
            }
            (strategy, before) => {
                let inner = Scope::within(scope).with("response", seen.response);
                let size = match seen.page_size {
                    Some(size) => size,
                    None => self.size(&inner, env)?.unwrap_or(0),
                };
                if count == 0 || count < size {
                    return Ok(None);
                }
                let before = match before {
                    Some(Value::Int(before)) => Some(*before),
                    _ => None,
                };
                Value::Int(match strategy {
                    Strategy::Page { start, .. } => before.unwrap_or(*start).saturating_add(1),
                    _ => before.unwrap_or(0).saturating_add(count),
                })
            }
        };
        Ok(is_truthy(&token).then_some(token))
    }

    /// Where to go on after a cut-off, given the token of the page that came last and of the one that
    /// would come next. Numbers go back a page: records may have moved up since.
    pub fn resume(&self, next: Value, previous: Option<&Value>) -> Option<Value> {
        match self.strategy {
            Strategy::Cursor { .. } => Some(next),
            Strategy::Page { .. } | Strategy::Offset { .. } => {
                previous.cloned().or_else(|| self.first())
            }
        }
    }

    /// Whether a token that comes again means going round in circles.
    pub fn tokens_must_differ(&self) -> bool {
        matches!(self.strategy, Strategy::Cursor { .. })
    }
}

/// `next_page_token` as templates see it.
pub fn token_scope(token: Option<&Value>) -> Value {
    match token {
        Some(token) => {
            let mut object = Object::new();
            object.push("next_page_token", token.clone());
            Value::Object(object)
        }
        None => Value::Null,
    }
}
