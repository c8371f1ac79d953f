//! Reads a stream for the engine: pages with the place to go on at, should the run be cut off.

use async_trait::async_trait;
use model::record::{Record, RecordKey};
use model::row::Row;
use model::value::Value;
use serde::{Deserialize, Serialize};

use super::cursor::Point;
use super::pages::{Context, PageMark, Pages, Step};
use super::slice::Slice;
use crate::{Error, Page, PageReader, ReadRequest, Result, RowPage, RowRecord};

/// How far behind the platform's clock the cursor stays, in microseconds: what is being written right now may
/// still get an earlier time.
const LAG: Point = 5_000_000;

/// Partitions whose states are kept as they were when the read began. With more of them, a read that was cut off goes
/// on by what each of them has reached, which brings some records twice.
const MOST_KEPT: usize = 1_000;

/// The version of [`Position`]. Of another one, everything is read again from the cursor.
const VERSION: u32 = 3;

/// Where a read that was cut off goes on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Position {
    version: u32,
    /// The state that the read began with.
    began: serde_json::Value,
    /// The stream's state with all that is known in the middle of a read.
    state: serde_json::Value,
    /// Slices that are done, where no cursor tells, and which the last of them was.
    done_slices: u64,
    last_slice: String,
    /// The window that is being read, or that was read last.
    window: Option<(Point, Point)>,
    is_window_done: bool,
    /// Where the last window ends: what came later is for the next read.
    until: Option<Point>,
    /// The next page's token; none for the first page.
    token: Option<serde_json::Value>,
    /// The token of the page before.
    previous: Option<serde_json::Value>,
    /// What the page before held, where it is read once more: records that moved up into it meanwhile are new.
    seen: Vec<u64>,
    /// The newest record of the window so far, and of all partitions.
    newest: Option<Point>,
    newest_of_all: Option<Point>,
    /// Nothing is left to read.
    is_over: bool,
    /// It began without a state: everything is read.
    #[serde(default)]
    is_whole: bool,
    /// Records came that say nothing of when they changed.
    #[serde(default)]
    has_unplaced: bool,
}

/// A read under way.
#[derive(Debug)]
pub struct Reader {
    context: Context,
    stream: std::sync::Arc<super::stream::Stream>,
    pages: Pages,
    position: Position,
    limit: Option<usize>,
    version_path: Option<model::path::FieldPath>,
    /// What the first page held when it was read before the cut.
    seen: Vec<u64>,
    server_now: Point,
    is_over: bool,
    is_told: bool,
    /// Whether any page was given: the last one says how far the stream was read.
    has_given: bool,
}

impl Reader {
    /// Begins, or goes on where `request.position` says.
    pub async fn begin(context: Context, request: ReadRequest) -> Result<Self> {
        let connector = context.connection.connector.clone();
        let stream = context.stream(&request.stream).await?;
        let found: Option<Position> = request
            .position
            .and_then(|position| serde_json::from_value(position).ok())
            .filter(|position: &Position| position.version == VERSION);
        let mut began = match (&found, request.cursor) {
            (Some(position), _) => position.began.clone(),
            (None, Some(state)) if !request.full => state,
            (None, _) => serde_json::Value::Null,
        };
        let is_whole = match &found {
            Some(position) => position.is_whole,
            None => began.is_null(),
        };
        let position = found.unwrap_or_default();
        let reached = Value::from_serde(&position.state);
        let reached = Some(&reached).filter(|reached| !reached.is_null());
        let from = Value::from_serde(&began);
        let begin = |reached| Pages::go_on(context.clone(), stream.clone(), &from, reached);
        let replays = position.until.is_some() && !stream.router().is_single();
        let mut pages = begin(reached.filter(|_| !replays))?;
        pages.fit().await?;
        let goes_on = position.is_over
            || match replays {
                true => replay(&mut pages, &position).await?,
                false => go_on(&mut pages, &position, &stream).await?,
            };
        if replays && !goes_on {
            // The partitions are others than before: each goes on where it is.
            pages = begin(reached)?;
            pages.fit().await?;
            began = position.state.clone();
        }
        let until = position.until.filter(|_| goes_on);
        // States of very many partitions are large.
        let is_kept = stream.router().is_single() || stream.has_delegates() || {
            let states = began.get("states").and_then(serde_json::Value::as_array);
            states.is_none_or(|states| states.len() <= MOST_KEPT)
        };
        Ok(Self {
            seen: position.seen,
            is_over: position.is_over,
            is_told: false,
            has_given: false,
            limit: request.limit,
            version_path: connector
                .writes(&stream.name)
                .and_then(|writes| writes.version.clone()),
            server_now: context.env_of_read().now().as_microsecond(),
            position: Position {
                version: VERSION,
                until: until
                    .or_else(|| pages.progress().until())
                    .filter(|_| is_kept),
                began: match is_kept {
                    true => began,
                    false => serde_json::Value::Null,
                },
                is_over: position.is_over,
                done_slices: if goes_on { position.done_slices } else { 0 },
                last_slice: position.last_slice,
                is_whole,
                has_unplaced: position.has_unplaced,
                ..Position::default()
            },
            pages,
            context,
            stream,
        })
    }

    fn mark(&mut self, slice: &Slice, is_done: bool, page: &PageMark, seen: Vec<u64>) {
        let progress = self.pages.progress();
        let exact = progress.exact_state();
        let state = match exact.is_null() && progress.has_cursor() {
            true => progress.state(),
            false => exact,
        };
        let to_json = |value: &Option<Value>| value.as_ref().map(Value::to_serde);
        self.position.state = state.to_serde();
        self.position.window = slice.window.map(|window| (window.start, window.end));
        self.position.is_window_done = is_done;
        self.position.token = to_json(&page.next);
        self.position.previous = to_json(&page.token).filter(|_| page.next.is_some());
        self.position.newest = self.pages.newest();
        self.position.newest_of_all = progress.newest_of_all();
        self.position.has_unplaced |= progress.has_unplaced();
        self.position.seen = seen;
    }

    fn cursor(&self) -> Option<serde_json::Value> {
        let progress = self.pages.progress();
        if !progress.has_cursor() {
            return None;
        }
        // The platform may leave such records out of a read that asks for changes, new ones as well.
        if self.context.is_sync
            && self.position.is_whole
            && self.position.has_unplaced
            && !self.stream.filters_here()
        {
            return Some(serde_json::Value::Null);
        }
        let state = if progress.is_time() {
            progress.state_until(self.server_now - LAG)
        } else {
            progress.state()
        };
        Some(state.to_serde())
    }

    /// The stream's state as the low-code format has it.
    pub fn state(&self) -> Value {
        self.pages.progress().state()
    }

    fn page(&self, records: Vec<RowRecord>, exchange: Option<model::ids::ExchangeId>) -> RowPage {
        RowPage {
            records,
            position: serde_json::to_value(&self.position).unwrap_or_default(),
            cursor: self.cursor(),
            exchange,
        }
    }
}

/// Goes through the partitions of a read that was cut off once more, up to where it stood; false where they are others
/// than before.
async fn replay(pages: &mut Pages, position: &Position) -> Result<bool> {
    if let Some(until) = position.until {
        pages.progress().end_at(until);
    }
    let mut last = String::new();
    for _ in 0..position.done_slices {
        let Some(slice) = pages.next_slice().await? else {
            return Ok(false);
        };
        last = slice.key();
        pages.progress().close(&slice, None);
    }
    if last != position.last_slice {
        return Ok(false);
    }
    let reached = Value::from_serde(&position.state);
    pages.progress().reach(&reached, position.newest_of_all);
    if position.window.is_none() || position.is_window_done {
        return Ok(true);
    }
    let Some(slice) = pages.next_slice().await? else {
        return Ok(false);
    };
    let window = slice.window.map(|window| (window.start, window.end));
    if window != position.window {
        return Ok(false);
    }
    let token = position.token.as_ref().map(Value::from_serde);
    let previous = position.previous.as_ref().map(Value::from_serde);
    let token = match (token, pages.paginator()) {
        (Some(token), Some(paginator)) => paginator.resume(token, previous.as_ref()),
        _ => None,
    };
    pages.go_on_at(slice, token, position.newest);
    Ok(true)
}

/// Goes on where a position says; false where that place is not there any more and everything is read once more.
async fn go_on(
    pages: &mut Pages,
    position: &Position,
    stream: &super::stream::Stream,
) -> Result<bool> {
    let token = position.token.as_ref().map(Value::from_serde);
    let previous = position.previous.as_ref().map(Value::from_serde);
    let token = match (token, stream.paginator()) {
        (Some(token), Some(paginator)) => paginator.resume(token, previous.as_ref()),
        _ => None,
    };
    if let Some((start, end)) = position.window {
        // Windows of one partition are known exactly; those of many begin anew from their own cursors.
        if let Some(until) = position.until
            && stream.router().is_single()
        {
            let began = Value::from_serde(&position.began);
            pages.read_only(pages.progress().ahead(&began, until, start));
            let whole = Slice::new(model::value::Object::new(), model::value::Object::new());
            if !position.is_window_done
                && let Some(slice) = pages.progress().slice_of(&whole, start, end)
            {
                pages.go_on_at(slice, token, position.newest);
            }
        }
        return Ok(true);
    }
    if pages.progress().has_cursor() {
        return Ok(true);
    }
    let mut last = String::new();
    for _ in 0..position.done_slices {
        match pages.next_slice().await? {
            Some(slice) => last = slice.key(),
            None => break,
        }
    }
    if last != position.last_slice {
        // The partitions are others than before: everything once more.
        pages.start_over()?;
        return Ok(false);
    }
    if token.is_some()
        && let Some(slice) = pages.next_slice().await?
    {
        pages.go_on_at(slice, token, None);
    }
    Ok(true)
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
            .map(super::text::python_text),
        fields,
    }
}

/// A record with its key and version, of which no more is read than those are made of.
fn row_record_of(
    row: Row,
    key: &[model::path::FieldPath],
    version: Option<&model::path::FieldPath>,
) -> RowRecord {
    let key = match key {
        [path] => match single_name(path).and_then(|name| row.raw_text(name)) {
            Some(text) if !text.is_empty() => Some(RecordKey(text.to_owned())),
            _ => value_at(&row, path).and_then(|value| RecordKey::from_value(&value)),
        },
        paths => RecordKey::from_record(&row.to_value(), paths),
    };
    let version = version
        .and_then(|path| value_at(&row, path))
        .filter(|value| !value.is_empty())
        .map(|value| super::text::python_text(&value));
    RowRecord { key, row, version }
}

/// The name of a member at the top, if the path is no more than that.
fn single_name(path: &model::path::FieldPath) -> Option<&str> {
    match path.segments() {
        [model::path::Segment::Name(name)] => Some(name),
        _ => None,
    }
}

fn value_at(row: &Row, path: &model::path::FieldPath) -> Option<Value> {
    match single_name(path) {
        Some(name) => row.get(name),
        None => row.to_value().at(path).cloned(),
    }
}

#[async_trait]
impl PageReader for Reader {
    async fn next(&mut self) -> Result<Option<Page>> {
        Ok(self.next_rows().await?.map(Page::from))
    }

    async fn next_rows(&mut self) -> Result<Option<RowPage>> {
        if self.context.access.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        while !self.is_over {
            match self.pages.next().await? {
                Some(Step::Rows { slice, rows, page }) => {
                    if let Some(now) = page.server_now {
                        self.server_now = now;
                    }
                    // Pages that are found by number move when records go; those found by a token do not.
                    let is_numbered = page.next.is_some()
                        && !page.is_part
                        && self
                            .stream
                            .paginator()
                            .is_some_and(|paginator| !paginator.tokens_must_differ());
                    let marks: Vec<u64> = if is_numbered {
                        rows.iter().map(Row::mark).collect()
                    } else {
                        Vec::new()
                    };
                    let before = std::mem::take(&mut self.seen);
                    let mut records: Vec<RowRecord> = Vec::with_capacity(rows.len());
                    records.extend(
                        rows.into_iter()
                            .filter(|row| before.is_empty() || !before.contains(&row.mark()))
                            .map(|row| {
                                row_record_of(row, &self.stream.key, self.version_path.as_ref())
                            }),
                    );
                    if let Some(limit) = self.limit {
                        records.truncate(limit);
                        self.limit = Some(limit - records.len());
                        self.is_over = self.limit == Some(0);
                    }
                    self.has_given = true;
                    let exchange = page.exchange;
                    if self.pages.end_slice() {
                        self.position.done_slices += 1;
                        self.position.last_slice = slice.key();
                        self.mark(&slice, true, &PageMark::default(), Vec::new());
                    } else {
                        self.mark(&slice, false, &page, marks);
                    }
                    return Ok(Some(self.page(records, exchange)));
                }
                Some(Step::End { .. }) => {}
                None => self.is_over = true,
            }
        }
        // Cursors of partitions are only complete when everything has been read.
        if std::mem::replace(&mut self.is_told, true) || self.cursor().is_none() {
            return Ok(None);
        }
        let says_more = self.position.is_over || self.pages.progress().is_partitioned();
        if self.has_given && !says_more {
            return Ok(None);
        }
        self.position.is_over = true;
        Ok(Some(self.page(Vec::new(), None)))
    }
}
