//! Keeps the requests of a run until they are in the history.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use connectors::{Exchange, ExchangeLog};
use model::ids::{ConnectionId, RunId};
use store::Store;

use crate::error::Result;
use crate::limits::{EXCHANGE_BODY, EXCHANGES_TOGETHER, HISTORY_INTERVAL, READ_BODIES};

/// Collects the exchanges of one run and brings them, and the outcomes in the outbox, to the history.
#[derive(Debug)]
pub(crate) struct Recorder {
    run: Option<RunId>,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    exchanges: Vec<(ConnectionId, Exchange)>,
    reads: usize,
    flushed: Option<Instant>,
}

impl Recorder {
    pub(crate) fn new(run: Option<RunId>) -> Self {
        Self {
            run,
            waiting: Mutex::default(),
        }
    }

    fn take(&self, connection: ConnectionId, mut exchange: Exchange) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        cut(&mut exchange.request_body);
        cut(&mut exchange.response_body);
        // Bodies of reads are the source's whole content: keep the first pages and what went wrong.
        let went_well = exchange.status.is_some_and(|status| status < 400);
        if exchange.method == "GET" && went_well {
            waiting.reads += 1;
            if waiting.reads > READ_BODIES {
                exchange.response_body = None;
            }
        }
        waiting.exchanges.push((connection, exchange));
    }

    /// After a batch: writes what was collected to the history once it is enough, or has waited long enough.
    pub(crate) async fn keep_up(&self, store: &Store) -> Result<()> {
        let (is_enough, has_waited) = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let has_waited = waiting
                .flushed
                .is_none_or(|at| at.elapsed() >= HISTORY_INTERVAL);
            if has_waited {
                waiting.flushed = Some(Instant::now());
            }
            (waiting.exchanges.len() >= EXCHANGES_TOGETHER, has_waited)
        };
        if is_enough || has_waited {
            self.flush(store).await?;
        }
        if has_waited {
            store.copy_history().await?;
        }
        Ok(())
    }

    /// Writes the requests that were collected to the history. Losing the history never hurts correctness, so it comes
    /// after the commit; what became of records waits in the outbox, which no crash empties.
    pub(crate) async fn flush(&self, store: &Store) -> Result<()> {
        let exchanges = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut waiting.exchanges)
        };
        let run = self.run;
        if !exchanges.is_empty() {
            let rows: Vec<_> = exchanges
                .into_iter()
                .map(|(connection, exchange)| stored(connection, run, exchange))
                .collect();
            store
                .write_history(move |tx| store::exchanges::insert_many(tx, &rows))
                .await?;
        }
        Ok(())
    }

    /// Brings everything to the history: the run is over.
    pub(crate) async fn close(&self, store: &Store) -> Result<()> {
        self.flush(store).await?;
        store.copy_history().await?;
        Ok(())
    }
}

pub(crate) fn cut(body: &mut Option<String>) {
    if let Some(text) = body
        && text.len() > EXCHANGE_BODY
    {
        let mut end = EXCHANGE_BODY;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
}

fn stored(
    connection: ConnectionId,
    run: Option<RunId>,
    exchange: Exchange,
) -> store::exchanges::Exchange {
    store::exchanges::Exchange {
        head: store::exchanges::ExchangeHead {
            id: exchange.id,
            connection,
            run,
            at: exchange.at,
            took_ms: u64::try_from(exchange.took.as_millis()).unwrap_or(u64::MAX),
            attempt: exchange.attempt,
            method: exchange.method,
            url: exchange.url,
            status: exchange.status,
            error: exchange.error,
        },
        request_headers: exchange.request_headers,
        request_body: exchange.request_body.map(String::into_bytes),
        response_headers: exchange.response_headers,
        response_body: exchange.response_body.map(String::into_bytes),
    }
}

/// One connection's view of a recorder.
pub(crate) struct OfConnection {
    pub(crate) connection: ConnectionId,
    pub(crate) recorder: std::sync::Arc<Recorder>,
}

impl ExchangeLog for OfConnection {
    fn record(&self, exchange: Exchange) {
        self.recorder.take(self.connection, exchange);
    }
}
