//! Reads a stream page by page: slices one after another, and the pages of each.

pub mod adapt;
mod guard;
mod whole;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use model::ids::ExchangeId;
use model::row::Row;
use model::value::Value;
use template::{Members, Scope};
use url::Url;

use self::adapt::Adapted;
use super::cursor::Point;
use super::decode::{BodyDecoder, DecodeError};
use super::job::Ready;
use super::options::Options;
use super::paginator::{PageSeen, Paginator, token_scope};
use super::partition::Partitions;
use super::progress::Progress;
use super::slice::Slice;
use super::stream::{Retriever, SliceOptions, Stream};
use crate::http::{Answer, Broken, OpenBody, Verdict};
use crate::{Error, Result};

pub use super::context::{Chosen, Context};

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
    is_fitted: bool,
}

impl Pages {
    /// Begins with a state document.
    pub fn begin(context: Context, stream: Arc<Stream>, state: &Value) -> Result<Self> {
        Self::go_on(context, stream, state, None)
    }

    /// As [`Pages::begin`], for a read that has come to the state `reached` meanwhile.
    pub fn go_on(
        context: Context,
        stream: Arc<Stream>,
        began: &Value,
        reached: Option<&Value>,
    ) -> Result<Self> {
        let (stream, began) = stream.for_state(&context, began)?;
        let state = reached.unwrap_or(&began);
        let progress = stream.begin(&context, state)?;
        let slices = Slices::begin(&context, &stream, state, progress.clone())?;
        Ok(Self {
            began: context.env().now().as_millisecond(),
            context,
            stream,
            slices,
            progress,
            reader: None,
            is_fitted: false,
        })
    }

    /// Learns the schema that records are fitted to, where only the platform knows it.
    pub async fn fit(&mut self) -> Result<()> {
        if !std::mem::replace(&mut self.is_fitted, true) {
            self.stream = self.stream.fitted(&self.context).await?;
        }
        Ok(())
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

    /// How the next page of its stream is found.
    pub fn paginator(&self) -> Option<&Paginator> {
        self.stream.paginator()
    }

    /// Reads these slices and no others.
    pub fn read_only(&mut self, slices: Vec<Slice>) {
        self.slices = Slices {
            partitions: Partitions::Fixed(VecDeque::new()),
            queue: slices.into(),
            progress: self.progress.clone(),
        };
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
        if self.context.access.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        self.fit().await?;
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
            Some((rows, page)) => Ok(Some(Step::Rows { slice, rows, page })),
            None => {
                self.progress.close(&slice, reader.newest);
                self.reader = None;
                Ok(Some(Step::End { slice }))
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

/// A page of which everything is there.
struct Finished<'a> {
    /// Its last answer.
    answer: &'a Answer,
    /// What templates call `response`.
    response: &'a Value,
    /// Records as they came, and those that were kept.
    extracted: usize,
    kept: usize,
    /// The last record of its earlier parts.
    last: Option<Row>,
    exchange: Option<ExchangeId>,
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
    /// The same as templates see it.
    shown: Arc<Slice>,
    job: Option<Ready>,
    adapted: Adapted,
    /// The fields that each request of a page names.
    groups: Option<Arc<Vec<Vec<String>>>>,
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
        let slice = Arc::new(slice);
        Self {
            context: context.clone(),
            token: first_token(stream),
            stream: stream.clone(),
            progress: progress.clone(),
            shown: slice.clone(),
            slice,
            job: None,
            adapted: Adapted::default(),
            groups: None,
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

    /// Waits until pages can be asked for: orders the slice's job, where it takes one.
    pub async fn prepare(&mut self) -> Result<()> {
        let stream = self.stream.clone();
        if let Retriever::Async(job) = &stream.retriever
            && self.job.is_none()
            && !self.done
        {
            self.job = job.run(&self.context, &stream.name, &self.slice).await?;
            self.next_part();
        }
        Ok(())
    }

    /// Goes to the next part of the slice: a part of its window, or a result of its job.
    fn next_part(&mut self) {
        let window = self.adapted.next_window();
        match window.or_else(|| self.job.as_mut().and_then(Ready::next_slice)) {
            Some(slice) => {
                self.shown = Arc::new(slice);
                self.token = first_token(&self.stream);
                self.tokens.clear();
                self.done = false;
            }
            None => self.done = true,
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
        self.prepare().await?;
        if self.done {
            return Ok(None);
        }
        let stream = self.stream.clone();
        let page = self.simple_page(&stream, stream.retriever.pages()).await?;
        if self.done {
            self.next_part();
        }
        if self.done
            && let (Retriever::Async(job), Some(ready)) = (&stream.retriever, &self.job)
        {
            job.finish(&self.context, ready).await;
        }
        Ok(Some(page))
    }

    async fn simple_page(
        &mut self,
        stream: &Stream,
        simple: &super::stream::Simple,
    ) -> Result<(Vec<Row>, PageMark)> {
        let context = self.context.clone();
        if self.open.is_none() {
            if let Some(properties) = &simple.properties {
                return self.page_by_properties(stream, simple, properties).await;
            }
            if let Some(page) = self.page_of_parent(stream, simple).await? {
                return Ok(page);
            }
        }
        let page = match self.open.take() {
            Some(page) => page,
            None => loop {
                let slice = self.shown.clone();
                let token = token_scope(self.token.as_ref());
                let scope = page_scope(&context, &slice, &token);
                let (answer, rest) = self.ask(stream, simple, &scope, None).await?;
                if !self.accept(stream, &answer).await? {
                    continue;
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
        let slice = self.shown.clone();
        let token = token_scope(self.token.as_ref());
        let scope = page_scope(&context, &slice, &token);
        self.take(stream, simple, &scope, page).await
    }

    /// Whether an answer is a page; else what it says is done, and the page is asked for once more.
    async fn accept(&mut self, stream: &Stream, answer: &Answer) -> Result<bool> {
        let first_after_cut = std::mem::take(&mut self.resumed);
        match answer.verdict {
            Verdict::Success | Verdict::Ignore => Ok(true),
            Verdict::Fail { .. }
                if first_after_cut && matches!(answer.status.as_u16(), 400 | 404 | 410 | 422) =>
            {
                // The place is gone (tokens expire): this slice once more from its beginning.
                self.token = first_token(stream);
                Ok(false)
            }
            Verdict::Adapt(how) => {
                self.adapt(stream, how, &answer.words).await?;
                Ok(false)
            }
            _ => Err(answer.to_error(self.context.connection.http.name())),
        }
    }

    async fn ask(
        &self,
        stream: &Stream,
        simple: &super::stream::Simple,
        scope: &Scope<'_>,
        names: Option<&[String]>,
    ) -> Result<(Answer, Option<OpenBody>)> {
        let context = &self.context;
        let env = context.env();
        let mut options = Options::default();
        let page = match &simple.paginator {
            Some(paginator) => {
                let size = self.adapted.page_size;
                paginator.options(scope, env, self.token.as_ref(), size, &mut options)?
            }
            None => None,
        };
        let takes_slice = match simple.slice_options {
            SliceOptions::EveryPage => true,
            SliceOptions::FirstPage => self.token.is_none(),
            SliceOptions::Never => false,
        };
        if takes_slice {
            let mut sliced = Options::default();
            simple
                .router
                .options(&self.shown, scope, env, &mut sliced)?;
            if let Some(cursor) = &stream.cursor {
                let mut windowed = Options::default();
                cursor.options(self.shown.bounds(), scope, env, &mut windowed)?;
                sliced.merge(windowed)?;
            }
            options.merge(sliced)?;
        }
        if let (Some(names), Some(parameter)) = (names, &simple.requester.properties_parameter) {
            let mut named = Options::default();
            named
                .parameters
                .push(parameter.as_str(), Value::from(names.join(",")));
            options.merge(named)?;
        }
        let request = simple
            .requester
            .build(scope, scope, env, options, page.as_deref())?;
        let home = match (&stream.retriever, page) {
            (Retriever::Async(job), _) => {
                job.home(context, &simple.requester, scope, &request.url)?
            }
            (Retriever::Simple(_), Some(_)) => context.connection.home(&simple.requester, scope)?,
            (Retriever::Simple(_), None) => simple.requester.home(scope, env, &request.url),
        };
        // Results of a job lie where the platform says; they are fetched without credentials there.
        let unsigned;
        let requester = match &stream.retriever {
            Retriever::Async(_) if !same_home(&home, &request.url) => {
                unsigned = simple.requester.unsigned();
                &unsigned
            }
            _ => &simple.requester,
        };
        let cache = stream.is_cached(context).then_some(&context.cache);
        context
            .connection
            .open(
                requester,
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
                match piece_of(&context, rest).await? {
                    Some(piece) => {
                        bytes += piece.len();
                        page.body.push(piece, &mut rows).map_err(malformed)?;
                    }
                    None => page.rest = None,
                }
            }
            if page.rest.is_none() {
                let ending = page.body.finish(&mut rows).map_err(malformed)?;
                for warning in &ending.warnings {
                    tracing::warn!(stream = %stream.name, "{warning}");
                }
                page.extracted += ending.left_out;
                self.add_whole_lists(simple, scope, ending.cut_short, &mut rows)
                    .await?;
                response = Some(ending.response);
            }
        } else {
            page.rest = None;
        }
        page.extracted += rows.len();
        match page.rest {
            None => self.guard(stream, &page.answer, page.extracted)?,
            Some(_) => self.guard_records(stream, page.extracted)?,
        }
        let is_client_side = stream.filters_here();
        rows = simple.selector.select(scope, env, rows, is_client_side)?;
        rows = self.wanted(stream, rows);
        page.kept += rows.len();
        if page.rest.is_some() {
            page.last = rows.last().cloned().or(page.last);
            rows = self.told(stream, rows)?;
            let mark = PageMark {
                token: self.token.clone(),
                next: self.token.clone(),
                is_part: true,
                exchange: Some(page.answer.exchange),
                server_now: server_now(&page.answer),
            };
            self.open = Some(page);
            return Ok((rows, mark));
        }
        let none = Value::Object(model::value::Object::new());
        let finished = Finished {
            exchange: Some(page.answer.exchange),
            answer: &page.answer,
            response: response.as_ref().unwrap_or(&none),
            extracted: page.extracted,
            kept: page.kept,
            last: page.last,
        };
        self.conclude(stream, simple, scope, finished, rows)
    }

    /// The records that are handed on, where the platform does not filter.
    fn wanted(&self, stream: &Stream, mut rows: Vec<Row>) -> Vec<Row> {
        if stream.filters_here() {
            rows.retain(|row| self.progress.wants(&self.slice, row));
        }
        rows
    }

    /// The records that are handed on, told to the cursor.
    fn told(&mut self, stream: &Stream, mut rows: Vec<Row>) -> Result<Vec<Row>> {
        if let Some(row) = rows.iter().find(|row| !row.is_object()) {
            return Err(self.no_record(stream, row));
        }
        if stream.is_data_feed() {
            rows.retain(|row| self.progress.wants(&self.slice, row));
        }
        self.newest = self.newest.max(self.progress.observe(&rows));
        Ok(rows)
    }

    /// The end of a page: whether there is a next one.
    fn conclude(
        &mut self,
        stream: &Stream,
        simple: &super::stream::Simple,
        scope: &Scope<'_>,
        finished: Finished<'_>,
        rows: Vec<Row>,
    ) -> Result<(Vec<Row>, PageMark)> {
        let context = self.context.clone();
        let env = context.env();
        let is_good = finished.answer.status.as_u16() < 400;
        let is_feed = stream.is_data_feed();
        let wants = |row: &Row| self.progress.wants(&self.slice, row);
        let last = rows.last().or(finished.last.as_ref());
        let next = match &simple.paginator {
            // What is older than the last read ends a feed.
            Some(_) if is_feed && last.is_some_and(|row| !wants(row)) => None,
            Some(paginator) if is_good => paginator.next(
                scope,
                env,
                &PageSeen {
                    response: finished.response,
                    headers: &finished.answer.headers,
                    extracted: finished.extracted,
                    kept: finished.kept,
                    last,
                    token: self.token.as_ref(),
                    page_size: self.adapted.page_size,
                },
            )?,
            _ => None,
        };
        let rows = self.told(stream, rows)?;
        let before = self.token.clone();
        let exchange = finished.exchange;
        let server_now = server_now(finished.answer);
        if self.page_was_read(stream, rows.len())? {
            let mark = PageMark {
                token: before,
                next: self.token.clone(),
                is_part: false,
                exchange,
                server_now,
            };
            return Ok((rows, mark));
        }
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
}

/// The platform's clock when it answered.
fn server_now(answer: &Answer) -> Option<Point> {
    answer
        .header("date")
        .and_then(|date| jiff::fmt::rfc2822::parse(date).ok())
        .map(|date| date.timestamp().as_microsecond())
}

/// The next bytes of an answer; none when they have all come.
async fn piece_of(context: &Context, rest: &mut OpenBody) -> Result<Option<bytes::Bytes>> {
    match rest.piece().await {
        Ok(piece) => Ok(piece),
        Err(Broken::Cancelled) => Err(Error::Cancelled),
        Err(broken) => Err(Error::Unavailable {
            platform: context.connection.http.name().to_owned(),
            reason: broken.to_string(),
        }),
    }
}

fn first_token(stream: &Stream) -> Option<Value> {
    stream
        .retriever
        .pages()
        .paginator
        .as_ref()
        .and_then(super::paginator::Paginator::first)
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
