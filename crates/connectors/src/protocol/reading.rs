//! Reads several streams side by side, and the slices of each.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use model::value::Value;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;

use super::Ended;
use super::catalogue::Catalogue;
use super::message::{Message, RecordLines, Sink, TOGETHER};
use crate::declarative::pages::{Context, SliceReader, Slices, seconds};
use crate::declarative::progress::Progress;
use crate::declarative::slice::Slice;
use crate::declarative::stream::{Retriever, Stream};
use crate::{Error, Result};

/// Requests of different slices at a time, where the file does not say.
const USUAL_LEVEL: usize = 2;
/// The most that a file may ask for.
const HIGHEST_LEVEL: usize = 64;
/// States of streams with very many partitions are large: told at most this often, in milliseconds.
const STATE_EVERY: i64 = 600_000;

pub(super) async fn read(
    context: &Context,
    catalogue: &Catalogue,
    states: &HashMap<String, Value>,
    sink: &Sink,
) -> Result<Ended> {
    let slots = Arc::new(Semaphore::new(level(context)));
    let groups = &context.connection.connector.groups;
    let turns: Vec<Arc<Mutex<()>>> = groups.iter().map(|_| Arc::default()).collect();
    let mut streams = JoinSet::new();
    let mut ended = Ended::default();
    for configured in &catalogue.streams {
        let name = &configured.stream.name;
        let stream = match context.stream(name).await {
            Ok(stream) => stream,
            Err(error) => {
                failed(context, sink, name, &error).await;
                ended.failed.push((name.clone(), error.to_string()));
                continue;
            }
        };
        let state = states.get(name).cloned().unwrap_or_default();
        let (stream, state) = match stream.for_state(context, &state) {
            Ok(found) => found,
            Err(error) => {
                failed(context, sink, name, &error).await;
                ended.failed.push((name.clone(), error.to_string()));
                continue;
            }
        };
        // A stream reads its parents too.
        let reads = |name: &String| {
            *name == stream.name || stream.parents().iter().any(|parent| parent.name == *name)
        };
        let turns: Vec<Arc<Mutex<()>>> = groups
            .iter()
            .zip(&turns)
            .filter(|(names, _)| names.iter().any(reads))
            .map(|(_, turn)| turn.clone())
            .collect();
        let one = OneStream {
            context: context.clone(),
            name: name.clone(),
            stream,
            sink: sink.clone(),
            slots: slots.clone(),
        };
        streams.spawn(async move {
            // Always in the order of the file: two streams never wait for one another.
            let mut held = Vec::with_capacity(turns.len());
            for turn in turns {
                held.push(turn.lock_owned().await);
            }
            one.run(state).await
        });
    }
    while let Some(joined) = streams.join_next().await {
        let (name, records, result) = match joined {
            Ok(done) => done,
            // A panic of one stream must not be taken for its end.
            Err(error) => (
                String::new(),
                0,
                Err(Error::Malformed {
                    platform: context.connection.http.name().to_owned(),
                    reason: error.to_string(),
                }),
            ),
        };
        ended.records += records;
        if let Err(error) = result {
            ended.failed.push((name, error.to_string()));
        }
    }
    Ok(ended)
}

fn level(context: &Context) -> usize {
    let connector = &context.connection.connector;
    let said = connector.concurrency.as_ref().and_then(|text| {
        let said = text.printed(&context.scope(), context.env()).ok()?;
        said.trim().parse().ok()
    });
    let most = connector
        .most_concurrency
        .and_then(|most| usize::try_from(most).ok())
        .unwrap_or(HIGHEST_LEVEL);
    said.unwrap_or(USUAL_LEVEL)
        .clamp(1, most.clamp(1, HIGHEST_LEVEL))
}

pub(super) async fn failed(context: &Context, sink: &Sink, stream: &str, error: &Error) {
    let at = context.env().now().as_millisecond();
    let message = error.to_string();
    let kind = match error {
        Error::SignInNeeded { .. } | Error::Forbidden { .. } | Error::Misconfigured { .. } => {
            "config_error"
        }
        Error::RateLimited { .. } | Error::Unavailable { .. } => "transient_error",
        _ => "system_error",
    };
    sink.say(Message::Error {
        stream: Some(stream),
        message: &message,
        kind,
        at,
    })
    .await;
    sink.say(Message::Status {
        stream,
        status: "INCOMPLETE",
        at,
    })
    .await;
}

struct OneStream {
    context: Context,
    name: String,
    stream: Arc<Stream>,
    sink: Sink,
    slots: Arc<Semaphore>,
}

impl OneStream {
    async fn run(self, state: Value) -> (String, u64, Result<()>) {
        let at = self.context.env().now().as_millisecond();
        self.say_status("STARTED", at).await;
        let mut records = 0;
        let result = self.read(state, &mut records).await;
        match &result {
            Ok(()) => {
                let at = self.context.env().now().as_millisecond();
                self.say_status("COMPLETE", at).await;
            }
            Err(error) => failed(&self.context, &self.sink, &self.name, error).await,
        }
        (self.name, records, result)
    }

    async fn say_status(&self, status: &'static str, at: i64) {
        self.sink
            .say(Message::Status {
                stream: &self.name,
                status,
                at,
            })
            .await;
    }

    async fn read(&self, state: Value, records: &mut u64) -> Result<()> {
        let began = self.context.env().now().as_millisecond();
        let stream = self.stream.fitted(&self.context).await?;
        let progress = stream.begin(&self.context, &state)?;
        let slices = Slices::begin(&self.context, &stream, &state, progress.clone())?;
        // A stream of slices keeps what is under way when something else comes first.
        let parents = std::sync::Mutex::new(None);
        let slices = futures_util::stream::unfold(Some(slices), |slices| async {
            let mut slices = slices?;
            match slices.next(&self.context).await {
                Ok(Some(slice)) => Some((Ok(slice), Some(slices))),
                Ok(None) => {
                    if let Ok(mut parents) = parents.lock() {
                        *parents = slices.parent_state();
                    }
                    None
                }
                Err(error) => Some((Err(error), None)),
            }
        });
        let mut slices = std::pin::pin!(slices);
        let mut told_at = None;
        let mut since_state = 0;
        let mut failure = None;
        let mut open = FuturesUnordered::new();
        let mut is_over = false;
        let connection = &self.context.connection;
        let jobs = connection
            .connector
            .jobs_at_a_time(connection.config(), &connection.env);
        loop {
            // One slice is got ready while others are read; no more are opened than can be read at a time.
            // Jobs run on the platform meanwhile; the slices of streams that take them are opened as its limit allows.
            let room = !is_over
                && open.len()
                    < match stream.retriever {
                        Retriever::Async(_) => jobs,
                        Retriever::Simple(_) => self.slots.available_permits().max(1),
                    };
            tokio::select! {
                biased;
                Some(done) = open.next(), if !open.is_empty() => {
                    let (slice, count, result): (Slice, u64, Result<_>) = done;
                    *records += count;
                    since_state += count;
                    match result {
                        Ok(newest) => {
                            progress.close(&slice, newest);
                            if progress.has_cursor() && self.is_time_to_tell(&progress, &mut told_at) {
                                self.say_state(&progress, std::mem::take(&mut since_state)).await;
                            }
                        }
                        Err(error) => {
                            // What is wrong with one partition need not be wrong with the next; what is wrong
                            // with the connection is.
                            is_over |= !matches!(error, Error::Refused { .. } | Error::Malformed { .. });
                            failure.get_or_insert(error);
                        }
                    }
                }
                next = slices.next(), if room => match next {
                    Some(Ok(slice)) => open.push(self.slice(&stream, &progress, slice)),
                    None => is_over = true,
                    Some(Err(error)) => {
                        is_over = true;
                        failure.get_or_insert(error);
                    }
                },
                else => break,
            }
        }
        let took = seconds(self.context.env().now().as_millisecond() - began);
        if failure.is_none() {
            let parents = parents.lock().ok().and_then(|mut parents| parents.take());
            progress.finish(parents, took);
        }
        self.say_state(&progress, since_state).await;
        failure.map_or(Ok(()), Err)
    }

    fn is_time_to_tell(&self, progress: &Progress, told_at: &mut Option<i64>) -> bool {
        if !progress.is_partitioned() {
            return true;
        }
        let now = self.context.env().now().as_millisecond();
        let is_time = told_at.is_none_or(|told| now - told > STATE_EVERY);
        if is_time {
            *told_at = Some(now);
        }
        is_time
    }

    async fn say_state(&self, progress: &Progress, records: u64) {
        self.sink
            .say(Message::State {
                stream: &self.name,
                state: &progress.state(),
                records,
            })
            .await;
    }

    async fn slice(
        &self,
        stream: &Arc<Stream>,
        progress: &Progress,
        slice: Slice,
    ) -> (
        Slice,
        u64,
        Result<Option<crate::declarative::cursor::Point>>,
    ) {
        let mut count = 0;
        let result = async {
            let mut reader = SliceReader::begin(&self.context, stream, progress, slice.clone());
            reader.prepare().await?;
            let _slot = self.slots.acquire().await.map_err(|_| Error::Cancelled)?;
            while let Some((rows, _)) = reader.next().await? {
                count += rows.len() as u64;
                let lines = RecordLines::new(&self.name, self.context.env().now().as_millisecond());
                let size = rows.iter().map(|row| row.weight() + 128).sum::<usize>();
                let mut out = Vec::with_capacity(size.min(TOGETHER));
                for row in &rows {
                    lines.write(&mut out, row);
                    if out.len() >= TOGETHER && !self.sink.send(std::mem::take(&mut out)).await {
                        return Err(Error::Cancelled);
                    }
                }
                if !self.sink.send(out).await {
                    return Err(Error::Cancelled);
                }
            }
            Ok(reader.newest)
        }
        .await;
        (slice, count, result)
    }
}
