//! Reads a stream page by page.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use model::record::{Record, RecordKey};
use model::value::Value;
use serde::{Deserialize, Serialize};

use super::incremental::Window;
use super::paginator::PageSeen;
use super::path;
use super::platform::Inner;
use super::stream::Stream;
use super::template::{self, Scope};
use crate::http::{Answer, Repeat, Verdict};
use crate::{Access, Error, Page, PageReader, ReadRequest, Result};

/// How far behind the platform's clock the cursor stays: what is being written right now may still
/// get an earlier time.
const LAG: SignedDuration = SignedDuration::from_secs(5);
/// Pages without a record in a row before the platform is taken to go round in circles.
const MOST_EMPTY_PAGES: u32 = 1_000;
/// The same page in a row before the platform is taken to ignore the page number.
const MOST_SAME_PAGES: u32 = 3;
/// Page tokens that are remembered to notice a circle.
const REMEMBERED_TOKENS: usize = 1_000_000;

/// Where a read that was cut off goes on. Points in time are RFC 3339.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Position {
    version: u32,
    /// The window that is being read.
    window: Option<(Timestamp, Timestamp)>,
    /// Where the last window ends.
    end: Option<Timestamp>,
    /// The next page's token; none for the first page.
    token: Option<serde_json::Value>,
    /// The token of the page before.
    previous: Option<serde_json::Value>,
    /// The newest change seen so far.
    newest: Option<Timestamp>,
    /// Nothing is left to read.
    done: bool,
}

/// A read under way.
pub struct Reader {
    inner: Arc<Inner>,
    stream: usize,
    access: Access,
    scope: Scope,
    windows: Vec<Option<Window>>,
    window: usize,
    token: Option<Value>,
    since: Option<Timestamp>,
    newest: Option<Timestamp>,
    limit: Option<usize>,
    resumed: bool,
    done: bool,
    /// A finished read that is asked to go on gives its cursor once more.
    last_words: bool,
    pages: u64,
    records: u64,
    empty_pages: u32,
    same_pages: u32,
    last_page: Option<u64>,
    tokens: HashSet<u64>,
}

impl Reader {
    /// Begins, or goes on where `request.position` says.
    pub fn begin(inner: Arc<Inner>, request: ReadRequest, access: Access) -> Result<Self> {
        let manifest = inner.manifest.clone();
        let stream = manifest.stream(&request.stream)?;
        let index = manifest
            .streams
            .iter()
            .position(|known| known.name == stream.name)
            .unwrap_or(0);
        let scope = inner.scope(Some(&stream.parameters));
        let position: Option<Position> = request
            .position
            .and_then(|position| serde_json::from_value(position).ok())
            .filter(|position: &Position| position.version == 1);
        let since = match (&stream.cursor, &request.cursor) {
            (Some(cursor), Some(state)) if !request.full => state
                .get(cursor.field.to_string())
                .and_then(|value| value.as_str())
                .and_then(|text| cursor.read(text)),
            _ => None,
        };
        let now = inner.clock.timestamp();
        let mut reader = Self {
            stream: index,
            access,
            windows: vec![None],
            window: 0,
            token: stream
                .paginator
                .as_ref()
                .and_then(super::paginator::Paginator::first),
            since,
            newest: None,
            limit: request.limit,
            resumed: false,
            done: false,
            last_words: false,
            pages: 0,
            records: 0,
            empty_pages: 0,
            same_pages: 0,
            last_page: None,
            tokens: HashSet::new(),
            inner: inner.clone(),
            scope,
        };
        if let Some(cursor) = &stream.cursor {
            reader.windows = cursor
                .windows(&inner.manifest.templates, &reader.scope, since, now)?
                .into_iter()
                .map(Some)
                .collect();
        }
        if let Some(position) = position {
            reader.resume(stream, position);
        }
        Ok(reader)
    }

    fn resume(&mut self, stream: &Stream, position: Position) {
        self.newest = position.newest;
        if position.done {
            self.done = true;
            self.last_words = true;
            return;
        }
        if let (Some((start, end)), Some(_)) = (position.window, &stream.cursor) {
            // The windows after this one are those that begin behind it.
            let mut windows = vec![Some(Window { start, end })];
            windows.extend(
                self.windows
                    .iter()
                    .filter(|window| window.is_some_and(|window| window.start > end))
                    .copied(),
            );
            self.windows = windows;
        }
        let previous = position.previous.as_ref().map(Value::from_serde);
        if let (Some(token), Some(paginator)) = (position.token, &stream.paginator) {
            self.token = paginator.resume(Value::from_serde(&token), previous.as_ref());
            self.resumed = true;
        }
    }

    fn cursor_document(&self, stream: &Stream, server_now: Timestamp) -> Option<serde_json::Value> {
        let cursor = stream.cursor.as_ref()?;
        let bound = server_now.checked_sub(LAG).unwrap_or(server_now);
        let reached = self
            .newest
            .map(|newest| newest.min(bound))
            .into_iter()
            .chain(self.since)
            .max()?;
        Some(serde_json::json!({ cursor.field.to_string(): cursor.written(reached) }))
    }

    fn scope_of_page(&self, stream: &Stream, window: Option<Window>) -> Scope {
        let token = self
            .token
            .as_ref()
            .map_or(minijinja::Value::from(()), |token| {
                minijinja::Value::from_pairs([("next_page_token", template::plain(token))])
            });
        let scope = self.scope.clone().with("next_page_token", token);
        let (Some(cursor), Some(window)) = (&stream.cursor, window) else {
            return scope;
        };
        let slice = minijinja::Value::from_pairs([
            (cursor.start_name.clone(), cursor.written(window.start)),
            (cursor.end_name.clone(), cursor.written(window.end)),
        ]);
        scope
            .with("stream_slice", slice.clone())
            .with("stream_interval", slice.clone())
            .with("stream_partition", slice)
    }

    async fn request_page(
        &self,
        stream: &Stream,
        scope: &Scope,
        window: Option<Window>,
    ) -> Result<Answer> {
        let templates = &self.inner.manifest.templates;
        let mut request = stream.requester.build(templates, scope, scope)?;
        let home = request.url.clone();
        if let (Some(cursor), Some(window)) = (&stream.cursor, window)
            && !(stream.window_on_first_page_only && self.token.is_some())
        {
            cursor.apply(templates, scope, &mut request, window)?;
        }
        if let Some(paginator) = &stream.paginator {
            paginator.apply(templates, scope, &mut request, self.token.as_ref())?;
        }
        let answer = self
            .inner
            .send(
                &stream.requester,
                request,
                &home,
                scope,
                Repeat::Safe,
                &self.access,
            )
            .await?;
        Ok(answer)
    }

    fn limit_exceeded(&self, reason: String) -> Error {
        Error::LimitExceeded {
            platform: self.inner.http.name().to_owned(),
            reason,
        }
    }

    /// Notices pages that never end.
    fn guard(&mut self, stream: &Stream, answer: &Answer, count: usize) -> Result<()> {
        let limits = self.inner.manifest.limits;
        self.pages += 1;
        self.records += count as u64;
        if self.pages > limits.max_pages {
            return Err(self.limit_exceeded(format!(
                "`{}` has more than {} pages",
                stream.name, limits.max_pages
            )));
        }
        if self.records > limits.max_records {
            return Err(self.limit_exceeded(format!(
                "`{}` has more than {} records",
                stream.name, limits.max_records
            )));
        }
        self.empty_pages = if count == 0 { self.empty_pages + 1 } else { 0 };
        if self.empty_pages > MOST_EMPTY_PAGES {
            return Err(self.limit_exceeded(format!(
                "`{}` gave {MOST_EMPTY_PAGES} empty pages in a row and says there is more",
                stream.name
            )));
        }
        let mut hasher = DefaultHasher::new();
        answer.body.hash(&mut hasher);
        let page = hasher.finish();
        self.same_pages = if count > 0 && self.last_page == Some(page) {
            self.same_pages + 1
        } else {
            1
        };
        self.last_page = Some(page);
        if self.same_pages >= MOST_SAME_PAGES {
            return Err(self.limit_exceeded(format!(
                "`{}` gives the same page again and again: it does not heed the page number",
                stream.name
            )));
        }
        Ok(())
    }

    /// Notices a page token that came before.
    fn guard_token(&mut self, stream: &Stream, next: &Value) -> Result<()> {
        let must_differ = stream
            .paginator
            .as_ref()
            .is_some_and(super::paginator::Paginator::tokens_must_differ);
        if !must_differ || self.tokens.len() >= REMEMBERED_TOKENS {
            return Ok(());
        }
        let mut hasher = DefaultHasher::new();
        self.window.hash(&mut hasher);
        model::json::to_string(next).hash(&mut hasher);
        if self.tokens.insert(hasher.finish()) {
            return Ok(());
        }
        Err(self.limit_exceeded(format!(
            "`{}` names a next page that was read before: it goes round in circles",
            stream.name
        )))
    }

    async fn read_page(&mut self) -> Result<Page> {
        let manifest = self.inner.manifest.clone();
        let stream = manifest.streams.get(self.stream).ok_or(Error::Cancelled)?;
        loop {
            let window = self.windows.get(self.window).copied().flatten();
            let scope = self.scope_of_page(stream, window);
            let answer = self.request_page(stream, &scope, window).await?;
            let first_after_cut = std::mem::take(&mut self.resumed);
            match answer.verdict {
                Verdict::Success | Verdict::Ignore => {}
                Verdict::Fail { .. }
                    if first_after_cut
                        && matches!(answer.status.as_u16(), 400 | 404 | 410 | 422) =>
                {
                    // The place is gone (tokens expire): this window once more from its beginning.
                    self.token = stream
                        .paginator
                        .as_ref()
                        .and_then(super::paginator::Paginator::first);
                    continue;
                }
                _ => return Err(answer.to_error(self.inner.http.name())),
            }
            return self.take_page(stream, &scope, window, &answer);
        }
    }

    fn take_page(
        &mut self,
        stream: &Stream,
        scope: &Scope,
        window: Option<Window>,
        answer: &Answer,
    ) -> Result<Page> {
        let manifest = self.inner.manifest.clone();
        let templates = &manifest.templates;
        let no_records = !answer.status.is_success() || answer.body.is_empty();
        let body = if no_records {
            Value::Object(model::value::Object::new())
        } else {
            self.inner.parse(answer)?
        };
        let steps = stream.selector.steps(templates, scope)?;
        let body = Arc::new(body);
        let (count, next) = {
            let found = if no_records {
                Vec::new()
            } else {
                path::records(&body, &steps)
            };
            // The last record that is kept, as it is kept.
            let mut last = None;
            for record in found.iter().rev() {
                last = stream
                    .selector
                    .prepare(templates, scope, (*record).clone())?;
                if last.is_some() {
                    break;
                }
            }
            let next = match &stream.paginator {
                Some(paginator) if !no_records => paginator.next(
                    templates,
                    scope,
                    &PageSeen {
                        body: &body,
                        headers: &answer.headers,
                        count: found.len(),
                        last: last.as_ref(),
                        token: self.token.as_ref(),
                    },
                )?,
                _ => None,
            };
            (found.len(), next)
        };
        self.guard(stream, answer, count)?;
        let raw = if no_records {
            Vec::new()
        } else {
            path::take_records(Arc::unwrap_or_clone(body), &steps)
        };
        let version_path = manifest
            .writes(&stream.name)
            .and_then(|writes| writes.version.clone());
        let mut records = Vec::with_capacity(raw.len());
        for value in raw {
            let Some(fields) = stream.selector.prepare(templates, scope, value)? else {
                continue;
            };
            if let Some(cursor) = &stream.cursor
                && let Some(changed) = cursor.of_record(&fields)
            {
                self.newest = Some(self.newest.map_or(changed, |newest| newest.max(changed)));
            }
            records.push(record_of(fields, &stream.key, version_path.as_ref()));
        }
        if let Some(limit) = self.limit {
            records.truncate(limit);
            self.limit = Some(limit - records.len().min(limit));
        }
        let previous = self.token.take();
        match next {
            Some(next) => {
                self.guard_token(stream, &next)?;
                self.token = Some(next);
            }
            None => {
                self.token = stream
                    .paginator
                    .as_ref()
                    .and_then(super::paginator::Paginator::first);
                self.window += 1;
                self.done = self.window >= self.windows.len();
            }
        }
        if self.limit == Some(0) {
            self.done = true;
        }
        let at_start = previous.is_none() && self.token.is_none();
        let next_window = self
            .windows
            .get(self.window.min(self.windows.len().saturating_sub(1)))
            .copied()
            .flatten()
            .or(window);
        let position = Position {
            version: 1,
            window: next_window.map(|window| (window.start, window.end)),
            end: self.windows.last().copied().flatten().map(|last| last.end),
            token: self.token.as_ref().map(Value::to_serde),
            previous: (!at_start)
                .then(|| previous.as_ref().map(Value::to_serde))
                .flatten(),
            newest: self.newest,
            done: self.done,
        };
        Ok(Page {
            records,
            position: serde_json::to_value(position).unwrap_or_default(),
            cursor: self.cursor_document(stream, self.server_now(answer)),
            exchange: Some(answer.exchange),
        })
    }

    /// The platform's time, from its `Date` header, else ours.
    fn server_now(&self, answer: &Answer) -> Timestamp {
        answer
            .header("date")
            .and_then(|date| jiff::fmt::rfc2822::parse(date).ok())
            .map_or_else(|| self.inner.clock.timestamp(), |date| date.timestamp())
    }
}

/// A record with its key and version.
pub fn record_of(
    fields: Value,
    key: &[model::path::FieldPath],
    version: Option<&model::path::FieldPath>,
) -> Record {
    Record {
        key: RecordKey::from_record(&fields, key),
        version: version
            .and_then(|path| fields.at(path))
            .filter(|value| !value.is_empty())
            .map(super::requester::text_of),
        fields,
    }
}

#[async_trait]
impl PageReader for Reader {
    async fn next(&mut self) -> Result<Option<Page>> {
        if self.access.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        if self.done {
            if !std::mem::take(&mut self.last_words) {
                return Ok(None);
            }
            let manifest = self.inner.manifest.clone();
            let stream = manifest.streams.get(self.stream).ok_or(Error::Cancelled)?;
            let position = Position {
                version: 1,
                newest: self.newest,
                done: true,
                ..Position::default()
            };
            return Ok(Some(Page {
                records: Vec::new(),
                position: serde_json::to_value(position).unwrap_or_default(),
                cursor: self.cursor_document(stream, self.inner.clock.timestamp()),
                exchange: None,
            }));
        }
        self.read_page().await.map(Some)
    }
}
