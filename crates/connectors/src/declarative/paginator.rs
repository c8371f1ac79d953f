//! From one page to the next.

use std::sync::Arc;

use http::HeaderMap;
use model::value::Value;

use super::node::View;
use super::path::is_truthy;
use super::requester::{Inject, text_of};
use super::template::{self, Scope, Template, Templates};
use crate::Result;
use crate::http::RequestParts;
use url::Url;

/// Names that cursor templates may use.
const CURSOR_NAMES: &[&str] = &[
    "config",
    "parameters",
    "response",
    "headers",
    "last_record",
    "last_page_size",
    "page_size",
    "stream_slice",
    "stream_interval",
    "stream_partition",
];

/// `DefaultPaginator` with its strategy; `NoPagination` is none of this.
#[derive(Clone, Debug)]
pub struct Paginator {
    strategy: Strategy,
    size_option: Option<Inject>,
    token_option: Option<Inject>,
    page_size: Option<Template>,
}

#[derive(Clone, Debug)]
enum Strategy {
    Cursor {
        value: Template,
        stop: Option<Template>,
    },
    Page {
        start: u64,
        on_first: bool,
    },
    Offset {
        on_first: bool,
    },
}

/// What a page tells about the next one.
#[derive(Debug)]
pub struct PageSeen<'a> {
    /// The body.
    pub body: &'a Arc<Value>,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// How many records it held.
    pub count: usize,
    /// Its last record.
    pub last: Option<&'a Value>,
    /// The token that it was asked for with.
    pub token: Option<&'a Value>,
}

impl Paginator {
    /// From the file; none for a paginator that does not page.
    pub fn compile(templates: &mut Templates, view: &View<'_>) -> Result<Option<Self>> {
        match view.component()? {
            "NoPagination" => return Ok(None),
            "DefaultPaginator" => {}
            _ => return Err(view.unknown_component(&["DefaultPaginator", "NoPagination"])),
        }
        let strategy = view.require("pagination_strategy", "how the next page is found")?;
        let page_size = strategy
            .get("page_size")
            .map(|size| templates.compile(&size, super::path::NAMES))
            .transpose()?;
        let size_option = view
            .get("page_size_option")
            .map(|option| Inject::compile(templates, &option))
            .transpose()?;
        if let (Some(_), None) = (&size_option, &page_size) {
            return Err(strategy.fail(
                "there is a page_size_option but no page_size",
                "`page_size`: how many records a page has",
            ));
        }
        let on_first = strategy.flag_or("inject_on_first_request", false)?;
        let strategy = match strategy.component()? {
            "CursorPagination" => Strategy::Cursor {
                value: templates.compile(
                    &strategy.require("cursor_value", "a template for the next page's token")?,
                    CURSOR_NAMES,
                )?,
                stop: strategy
                    .get("stop_condition")
                    .map(|stop| templates.compile(&stop, CURSOR_NAMES))
                    .transpose()?,
            },
            "PageIncrement" => Strategy::Page {
                start: strategy
                    .get("start_from_page")
                    .map_or(Ok(0), |start| start.count())?,
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
            token_option: view
                .get("page_token_option")
                .map(|option| Inject::compile(templates, &option))
                .transpose()?,
            size_option,
            page_size,
        }))
    }

    /// The token of the first page.
    pub fn first(&self) -> Option<Value> {
        match self.strategy {
            Strategy::Page {
                start,
                on_first: true,
            } => Some(Value::from_u64(start)),
            Strategy::Offset { on_first: true } => Some(Value::Int(0)),
            _ => None,
        }
    }

    fn size(&self, templates: &Templates, scope: &Scope) -> Result<Option<u64>> {
        let Some(size) = &self.page_size else {
            return Ok(None);
        };
        let text = size.render(templates, scope)?;
        match text.trim().parse::<u64>() {
            Ok(number) if number > 0 => Ok(Some(number)),
            _ => Err(size.fail(format!("`{text}` is no page size"))),
        }
    }

    /// Puts token and size into a request. A token that is an address replaces the request's own.
    pub fn apply(
        &self,
        templates: &Templates,
        scope: &Scope,
        request: &mut RequestParts,
        token: Option<&Value>,
    ) -> Result<()> {
        if let (Some(token), Some(option)) = (token, &self.token_option) {
            if *option == Inject::Address {
                let text = text_of(token);
                let url = request
                    .url
                    .join(&text)
                    .ok()
                    .filter(|url: &Url| matches!(url.scheme(), "http" | "https"))
                    .ok_or_else(|| crate::Error::Malformed {
                        platform: request.url.host_str().unwrap_or_default().to_owned(),
                        reason: "the address of the next page is not an address".into(),
                    })?;
                let query = std::mem::take(&mut request.query);
                request.url = url;
                for (name, value) in query {
                    // The next page's address knows better what it needs.
                    if !request.url.query_pairs().any(|(known, _)| known == name) {
                        request.query.push((name, value));
                    }
                }
            } else {
                option.apply(templates, scope, request, token)?;
            }
        }
        let by_address = self.token_option == Some(Inject::Address) && token.is_some();
        if let (Some(option), Some(size), false) =
            (&self.size_option, self.size(templates, scope)?, by_address)
        {
            option.apply(templates, scope, request, &Value::from_u64(size))?;
        }
        Ok(())
    }

    /// The token of the next page; none after the last.
    pub fn next(
        &self,
        templates: &Templates,
        scope: &Scope,
        seen: &PageSeen<'_>,
    ) -> Result<Option<Value>> {
        let size = self.size(templates, scope)?;
        let short = seen.count == 0 || size.is_some_and(|size| (seen.count as u64) < size);
        let number = |token: Option<&Value>| match token {
            Some(Value::Int(n)) => u64::try_from(*n).ok(),
            Some(Value::UInt(n)) => Some(*n),
            Some(other) => text_of(other).parse().ok(),
            None => None,
        };
        match &self.strategy {
            Strategy::Page { start, .. } => {
                let here = number(seen.token).unwrap_or(*start);
                Ok((!short).then(|| Value::from_u64(here.saturating_add(1))))
            }
            Strategy::Offset { .. } => {
                let here = number(seen.token).unwrap_or(0);
                Ok((!short).then(|| Value::from_u64(here.saturating_add(seen.count as u64))))
            }
            Strategy::Cursor { value, stop } => {
                // The body of a page that is a list at the top is its first element.
                let first = match &**seen.body {
                    Value::List(items) => Arc::new(items.first().cloned().unwrap_or_default()),
                    _ => seen.body.clone(),
                };
                let scope = scope
                    .clone()
                    .with("response", template::live(&first))
                    .with("headers", template::headers(seen.headers))
                    .with(
                        "last_record",
                        seen.last
                            .map_or(minijinja::Value::UNDEFINED, template::plain),
                    )
                    .with("last_page_size", minijinja::Value::from(seen.count))
                    .with("page_size", minijinja::Value::from(size));
                if let Some(stop) = stop
                    && stop.is_true(templates, &scope)?
                {
                    return Ok(None);
                }
                // Tokens are kept as they are written: `007` and `1e5` are not numbers here.
                let text = value.render(templates, &scope)?;
                let empty = matches!(text.trim(), "" | "None" | "{}" | "[]" | "0" | "False");
                Ok((!empty).then(|| Value::text(text.as_str())))
            }
        }
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

/// Whether a value counts as "no token".
pub fn is_no_token(value: &Value) -> bool {
    !is_truthy(value)
}
