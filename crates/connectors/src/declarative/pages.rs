//! Reads a stream page by page: slices one after another, and the pages of each.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use model::ids::ExchangeId;
use model::row::Row;
use model::value::Value;
use template::{Env, Members, Scope};
use url::Url;

use super::cache::Cache;
use super::cursor::Point;
use super::decode::{BodyDecoder, DecodeError};
use super::options::Options;
use super::paginator::{PageSeen, token_scope};
use super::partition::Partitions;
use super::platform::Connection;
use super::progress::Progress;
use super::slice::Slice;
use super::stream::{Retriever, Stream};
use crate::http::{Answer, Broken, OpenBody, Verdict};
use crate::{Access, Error, Result};

/// Pages without a record in a row before the platform is taken to go round in circles.
const MOST_EMPTY_PAGES: u32 = 1_000;
/// The same page in a row before the platform is taken to ignore the page number.
const MOST_SAME_PAGES: u32 = 3;
/// Page tokens that are remembered to notice a circle.
const REMEMBERED_TOKENS: usize = 1_000_000;

/// What everything that reads from a connection needs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Context {
    /// The connection.
    pub connection: Arc<Connection>,
    /// When to stop, who listens.
    pub access: Access,
    /// Answers that are used more than once within a read.
    pub cache: Arc<Cache>,
}

impl Context {
    /// What templates may use everywhere.
    pub fn scope(&self) -> Scope<'_> {
        self.connection.scope()
    }

    /// The template language's surroundings.
    pub fn env(&self) -> &Env {
        &self.connection.env
    }

    pub(super) fn malformed(&self, reason: &str) -> Error {
        self.connection.malformed(reason)
    }
}

/// The slices of a stream that are still to be read.
#[derive(Debug)]
pub struct Slices {
    partitions: Partitions,
    queue: VecDeque<Slice>,
    progress: Progress,
}

impl Slices {
    /// Begins with a state document.
    pub fn begin(
        context: &Context,
        stream: &Stream,
        state: &Value,
        progress: Progress,
    ) -> Result<Self> {
        Ok(Self {
            partitions: stream.router().begin(context, state)?,
            queue: VecDeque::new(),
            progress,
        })
    }

    /// The next slice; none when there are no more.
    pub async fn next(&mut self, context: &Context) -> Result<Option<Slice>> {
        loop {
            if let Some(slice) = self.queue.pop_front() {
                return Ok(Some(slice));
            }
            let Some(partition) = self.partitions.next(context).await? else {
                return Ok(None);
            };
            let parent_state = self.partitions.parent_state();
            self.queue = self.progress.open(partition, &parent_state).into();
        }
    }

    /// The state of the parents; none where there are none.
    pub fn parent_state(&self) -> Option<Value> {
        Some(self.partitions.parent_state()).filter(|state| !state.is_null())
    }
}

/// A step of reading a stream.
#[derive(Debug)]
pub enum Step {
    /// Records.
    Rows {
        /// The slice that they belong to.
        slice: Arc<Slice>,
        /// As they are handed on.
        rows: Vec<Row>,
        /// The page that they came with.
        page: PageMark,
    },
    /// A slice has been read to its end, and the progress says so.
    End {
        /// The slice.
        slice: Arc<Slice>,
    },
}

/// Where a page stands.
#[derive(Clone, Debug, Default)]
pub struct PageMark {
    /// The token that the page was asked for with.
    pub token: Option<Value>,
    /// The token of the page after it; none when it was the last of its slice.
    pub next: Option<Value>,
    /// More of the same page is coming.
    pub is_part: bool,
    /// Which exchange brought it.
    pub exchange: Option<ExchangeId>,
    /// The platform's clock when it answered.
    pub server_now: Option<Point>,
}

/// Reads the slices of a stream one after another.
#[derive(Debug)]
pub struct Pages {
    context: Context,
    stream: Arc<Stream>,
    slices: Slices,
    progress: Progress,
    reader: Option<SliceReader>,
    began: i64,
}

impl Pages {
    /// Begins with a state document.
    pub fn begin(context: Context, stream: Arc<Stream>, state: &Value) -> Result<Self> {
        let stream = stream.for_state(state, context.env());
        let progress = stream.begin(&context, state)?;
        let slices = Slices::begin(&context, &stream, state, progress.clone())?;
        Ok(Self {
            began: context.env().now().as_millisecond(),
            context,
            stream,
            slices,
            progress,
            reader: None,
        })
    }

    /// How far it has come.
    pub const fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Begins a slice that the next step would have begun, at a page of it.
    pub fn go_on_at(&mut self, slice: Slice, token: Option<Value>, newest: Option<Point>) {
        let mut reader = SliceReader::begin(&self.context, &self.stream, &self.progress, slice);
        reader.resume(token, newest);
        self.reader = Some(reader);
    }

    /// Begins again with the first slice.
    pub fn start_over(&mut self) -> Result<()> {
        self.slices = Slices::begin(
            &self.context,
            &self.stream,
            &Value::Null,
            self.progress.clone(),
        )?;
        self.reader = None;
        Ok(())
    }

    /// Closes the slice whose last page was just given.
    pub fn end_slice(&mut self) -> bool {
        let is_over = self.reader.as_ref().is_some_and(|reader| reader.done);
        if is_over && let Some(reader) = self.reader.take() {
            self.progress.close(&reader.slice, reader.newest);
        }
        is_over
    }

    /// The next slice, without reading it.
    pub async fn next_slice(&mut self) -> Result<Option<Slice>> {
        self.slices.next(&self.context).await
    }

    /// The newest record of the slice that is being read.
    pub fn newest(&self) -> Option<Point> {
        self.reader.as_ref().and_then(|reader| reader.newest)
    }

    /// The next step; none when everything has been read.
    pub async fn next(&mut self) -> Result<Option<Step>> {
        loop {
            if self.context.access.cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let reader = match &mut self.reader {
                Some(reader) => reader,
                None => match self.slices.next(&self.context).await? {
                    Some(slice) => self.reader.insert(SliceReader::begin(
                        &self.context,
                        &self.stream,
                        &self.progress,
                        slice,
                    )),
                    None => {
                        let took = self.context.env().now().as_millisecond() - self.began;
                        self.progress
                            .finish(self.slices.parent_state(), seconds(took));
                        return Ok(None);
                    }
                },
            };
            let slice = reader.slice.clone();
            match reader.next().await? {
                Some((rows, page)) => return Ok(Some(Step::Rows { slice, rows, page })),
                None => {
                    self.progress.close(&slice, reader.newest);
                    self.reader = None;
                    return Ok(Some(Step::End { slice }));
                }
            }
        }
    }
}

/// Whole seconds, begun ones counted.
pub fn seconds(millis: i64) -> i64 {
    millis.max(0).saturating_add(999) / 1000
}

/// An answer that is handed on in parts.
#[derive(Debug)]
struct OpenPage {
    answer: Answer,
    rest: Option<OpenBody>,
    body: Box<dyn BodyDecoder>,
    /// Whether the part that came with the answer has been looked at.
    is_begun: bool,
    /// Records so far: as they came, and those that were kept.
    extracted: usize,
    kept: usize,
    /// The last one that was kept.
    last: Option<Row>,
}

/// Bytes of an answer after which its records are handed on though more is coming.
const PART: usize = 4 * 1024 * 1024;

/// Reads the pages of one slice.
#[derive(Debug)]
pub struct SliceReader {
    context: Context,
    stream: Arc<Stream>,
    progress: Progress,
    /// What is read.
    pub slice: Arc<Slice>,
    token: Option<Value>,
    /// The newest record seen.
    pub newest: Option<Point>,
    resumed: bool,
    done: bool,
    pages: u64,
    records: u64,
    empty_pages: u32,
    same_pages: u32,
    /// The page before, to notice one that comes again.
    last_page: bytes::Bytes,
    /// A large answer that is still coming in.
    open: Option<OpenPage>,
    tokens: HashSet<model::value::Fingerprint>,
}

impl SliceReader {
    /// Begins at the first page.
    pub fn begin(
        context: &Context,
        stream: &Arc<Stream>,
        progress: &Progress,
        slice: Slice,
    ) -> Self {
        Self {
            context: context.clone(),
            token: first_token(stream),
            stream: stream.clone(),
            progress: progress.clone(),
            slice: Arc::new(slice),
            newest: None,
            resumed: false,
            done: false,
            pages: 0,
            records: 0,
            empty_pages: 0,
            same_pages: 0,
            last_page: bytes::Bytes::new(),
            open: None,
            tokens: HashSet::new(),
        }
    }

    fn resume(&mut self, token: Option<Value>, newest: Option<Point>) {
        self.newest = newest;
        if token.is_some() {
            self.token = token;
            self.resumed = true;
        }
    }

    /// The next page; none when the slice has been read to its end.
    pub async fn next(&mut self) -> Result<Option<(Vec<Row>, PageMark)>> {
        if self.done {
            return Ok(None);
        }
        if self.context.access.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let stream = self.stream.clone();
        match &stream.retriever {
            Retriever::Simple(simple) => self.simple_page(&stream, simple).await.map(Some),
        }
    }

    async fn simple_page(
        &mut self,
        stream: &Stream,
        simple: &super::stream::Simple,
    ) -> Result<(Vec<Row>, PageMark)> {
        let slice = self.slice.clone();
        let context = self.context.clone();
        let page = match self.open.take() {
            Some(page) => page,
            None => loop {
                let token = token_scope(self.token.as_ref());
                let scope = page_scope(&context, &slice, &token);
                let (answer, rest) = self.ask(stream, simple, &scope).await?;
                let first_after_cut = std::mem::take(&mut self.resumed);
                match answer.verdict {
                    Verdict::Success | Verdict::Ignore => {}
                    Verdict::Fail { .. }
                        if first_after_cut
                            && matches!(answer.status.as_u16(), 400 | 404 | 410 | 422) =>
                    {
                        // The place is gone (tokens expire): this slice once more from its beginning.
                        self.token = first_token(stream);
                        continue;
                    }
                    _ => return Err(answer.to_error(context.connection.http.name())),
                }
                let content_type = answer.header("content-type").map(str::to_owned);
                let body = simple.selector.begin(
                    &scope,
                    context.env(),
                    simple.keep(),
                    content_type.as_deref(),
                )?;
                break OpenPage {
                    answer,
                    rest,
                    body,
                    is_begun: false,
                    extracted: 0,
                    kept: 0,
                    last: None,
                };
            },
        };
        let token = token_scope(self.token.as_ref());
        let scope = page_scope(&context, &slice, &token);
        self.take(stream, simple, &scope, page).await
    }

    async fn ask(
        &self,
        stream: &Stream,
        simple: &super::stream::Simple,
        scope: &Scope<'_>,
    ) -> Result<(Answer, Option<OpenBody>)> {
        let context = &self.context;
        let env = context.env();
        let mut options = Options::default();
        let page = match &simple.paginator {
            Some(paginator) => paginator.options(scope, env, self.token.as_ref(), &mut options)?,
            None => None,
        };
        if self.token.is_none() || !simple.slice_on_first_page_only {
            let mut sliced = Options::default();
            simple
                .router
                .options(&self.slice, scope, env, &mut sliced)?;
            if let Some(cursor) = &stream.cursor {
                let mut windowed = Options::default();
                cursor.options(self.slice.bounds(), scope, env, &mut windowed)?;
                sliced.merge(windowed)?;
            }
            options.merge(sliced)?;
        }
        let request = simple
            .requester
            .build(scope, scope, env, options, page.as_deref())?;
        let home = match page {
            Some(_) => context.connection.home(&simple.requester, scope)?,
            None => request.url.clone(),
        };
        let cache = stream.is_cached(context).then_some(&context.cache);
        context
            .connection
            .open(
                &simple.requester,
                request,
                &home,
                scope,
                &context.access,
                cache,
                simple.selector.reads_in_pieces(),
            )
            .await
            .map_err(Error::from)
    }

    /// Takes records out of an answer: all of them, or a part where it is large.
    async fn take(
        &mut self,
        stream: &Stream,
        simple: &super::stream::Simple,
        scope: &Scope<'_>,
        mut page: OpenPage,
    ) -> Result<(Vec<Row>, PageMark)> {
        let context = self.context.clone();
        let env = context.env();
        let is_good = page.answer.status.as_u16() < 400;
        let malformed = |problem: DecodeError| context.malformed(&problem.to_string());
        let mut rows = Vec::new();
        let mut response = None;
        if is_good {
            if !std::mem::replace(&mut page.is_begun, true) {
                let beginning = page.answer.body.clone();
                page.body.push(beginning, &mut rows).map_err(malformed)?;
            }
            let mut bytes = 0;
            while let Some(rest) = &mut page.rest {
                if bytes >= PART && !rows.is_empty() {
                    break;
                }
                match rest.piece().await {
                    Ok(Some(piece)) => {
                        bytes += piece.len();
                        page.body.push(piece, &mut rows).map_err(malformed)?;
                    }
                    Ok(None) => page.rest = None,
                    Err(Broken::Cancelled) => return Err(Error::Cancelled),
                    Err(broken) => {
                        return Err(Error::Unavailable {
                            platform: context.connection.http.name().to_owned(),
                            reason: broken.to_string(),
                        });
                    }
                }
            }
            if page.rest.is_none() {
                let ending = page.body.finish(&mut rows).map_err(malformed)?;
                for warning in &ending.warnings {
                    tracing::warn!(stream = %stream.name, "{warning}");
                }
                page.extracted += ending.left_out;
                response = Some(ending.response);
            }
        } else {
            page.rest = None;
        }
        page.extracted += rows.len();
        if page.rest.is_none() {
            self.guard(stream, &page.answer, page.extracted)?;
        }
        let wants = |row: &Row| self.progress.wants(&self.slice, row);
        let is_client_side = stream
            .cursor
            .as_ref()
            .is_some_and(|cursor| cursor.is_client_side);
        let is_feed = stream
            .cursor
            .as_ref()
            .is_some_and(|cursor| cursor.is_data_feed);
        rows = simple.selector.select(scope, env, rows, is_client_side)?;
        if is_client_side {
            rows.retain(|row| wants(row));
        }
        page.kept += rows.len();
        let exchange = Some(page.answer.exchange);
        let server_now = page
            .answer
            .header("date")
            .and_then(|date| jiff::fmt::rfc2822::parse(date).ok())
            .map(|date| date.timestamp().as_microsecond());
        if page.rest.is_some() {
            page.last = rows.last().cloned().or(page.last);
            if is_feed {
                rows.retain(|row| wants(row));
            }
            self.newest = self.newest.max(self.progress.observe(&rows));
            self.open = Some(page);
            let mark = PageMark {
                token: self.token.clone(),
                next: self.token.clone(),
                is_part: true,
                exchange,
                server_now,
            };
            return Ok((rows, mark));
        }
        let last = rows.last().or(page.last.as_ref());
        let next = match &simple.paginator {
            // What is older than the last read ends a feed.
            Some(_) if is_feed && last.is_some_and(|row| !wants(row)) => None,
            Some(paginator) if is_good => paginator.next(
                scope,
                env,
                &PageSeen {
                    response: response
                        .as_ref()
                        .unwrap_or(&Value::Object(model::value::Object::new())),
                    headers: &page.answer.headers,
                    extracted: page.extracted,
                    kept: page.kept,
                    last,
                    token: self.token.as_ref(),
                },
            )?,
            _ => None,
        };
        if is_feed {
            rows.retain(|row| wants(row));
        }
        self.newest = self.newest.max(self.progress.observe(&rows));
        if let Some(next) = &next {
            self.guard_token(simple, next)?;
        }
        self.done = next.is_none();
        let mark = PageMark {
            token: std::mem::replace(&mut self.token, next.clone()),
            next,
            is_part: false,
            exchange,
            server_now,
        };
        Ok((rows, mark))
    }

    /// Bounds, and platforms that go round in circles.
    fn guard(&mut self, stream: &Stream, answer: &Answer, count: usize) -> Result<()> {
        let limits = &self.context.connection.connector.limits;
        self.pages += 1;
        self.records += count as u64;
        let platform = self.context.connection.http.name().to_owned();
        let exceeded = move |reason| Error::LimitExceeded { platform, reason };
        if self.pages > limits.max_pages {
            return Err(exceeded(format!(
                "the stream {} has more than {} pages",
                stream.name, limits.max_pages
            )));
        }
        if self.records > limits.max_records {
            return Err(exceeded(format!(
                "the stream {} has more than {} records",
                stream.name, limits.max_records
            )));
        }
        self.empty_pages = if count == 0 { self.empty_pages + 1 } else { 0 };
        if self.empty_pages > MOST_EMPTY_PAGES {
            return Err(exceeded(format!(
                "the stream {} had {MOST_EMPTY_PAGES} pages in a row without a record; it seems to go \
                 round in circles",
                stream.name
            )));
        }
        if count > 0 {
            let again = self.last_page == answer.body;
            self.same_pages = if again { self.same_pages + 1 } else { 0 };
            self.last_page = answer.body.clone();
            if self.same_pages >= MOST_SAME_PAGES {
                return Err(exceeded(format!(
                    "the stream {} sends the same page again and again; its paging does not work",
                    stream.name
                )));
            }
        }
        Ok(())
    }

    fn exceeded(&self, reason: String) -> Error {
        Error::LimitExceeded {
            platform: self.context.connection.http.name().to_owned(),
            reason,
        }
    }

    fn guard_token(&mut self, simple: &super::stream::Simple, token: &Value) -> Result<()> {
        if !simple
            .paginator
            .as_ref()
            .is_some_and(super::paginator::Paginator::tokens_must_differ)
        {
            return Ok(());
        }
        if !self.tokens.insert(token.fingerprint()) {
            return Err(self.exceeded(format!(
                "the stream {} goes round in circles: a page's token came twice",
                self.stream.name
            )));
        }
        if self.tokens.len() > REMEMBERED_TOKENS {
            self.tokens.clear();
        }
        Ok(())
    }
}

fn first_token(stream: &Stream) -> Option<Value> {
    match &stream.retriever {
        Retriever::Simple(simple) => simple
            .paginator
            .as_ref()
            .and_then(super::paginator::Paginator::first),
    }
}

/// What templates of a page may use.
pub fn page_scope<'a>(context: &'a Context, slice: &'a Slice, token: &'a Value) -> Scope<'a> {
    let mut scope = context.scope();
    scope.set("stream_slice", slice as &dyn Members);
    scope.set("stream_interval", slice as &dyn Members);
    scope.set("stream_partition", slice as &dyn Members);
    scope.set("next_page_token", token);
    for (name, value) in slice.extra.iter() {
        scope.set(name, value);
    }
    scope
}

/// Whether both addresses belong together.
pub fn same_home(left: &Url, right: &Url) -> bool {
    crate::http::client::same_origin(left, right)
}
