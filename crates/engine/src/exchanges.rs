//! Keeps the requests of a run until they are in the history.
//!
//! The first are kept with their bodies, and so is later whatever did not go well: what a request took over that went
//! well is in the history record by record.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use connectors::http::Unread;
use connectors::{Exchange, ExchangeLog};
use model::ids::{ConnectionId, ExchangeId, RunId};
use store::Store;

use crate::error::Result;
use crate::limits::{
    BRIEF_BODY, EXCHANGE_BODY, EXCHANGES_TOGETHER, HISTORY_INTERVAL, READ_BODIES, WHOLE_EXCHANGES,
};

/// Collects the exchanges of one run and brings them, and the outcomes in the outbox, to the history.
#[derive(Debug)]
pub(crate) struct Recorder {
    run: Option<RunId>,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    exchanges: Vec<(ConnectionId, Unread)>,
    /// Of these as much is kept as there is room for, also where they went well.
    told: HashSet<ExchangeId>,
    reads: usize,
    /// How many are in the history.
    kept: usize,
    flushed: Option<Instant>,
}

impl Recorder {
    pub(crate) fn new(run: Option<RunId>) -> Self {
        Self {
            run,
            waiting: Mutex::default(),
        }
    }

    fn take(&self, connection: ConnectionId, mut exchange: Unread) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // Bodies of reads are the source's whole content: keep the first pages and what went wrong.
        if exchange.is_read() && exchange.went_well() {
            waiting.reads += 1;
            if waiting.reads > READ_BODIES {
                exchange.forget_answer();
            }
        }
        exchange.shorten();
        waiting.exchanges.push((connection, exchange));
    }

    /// Records were not written by these requests, or not known to be: somebody will want to see them.
    pub(crate) fn will_be_looked_at(&self, exchanges: impl IntoIterator<Item = ExchangeId>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.told.extend(exchanges);
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
        let (exchanges, told, before) = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let before = waiting.kept;
            waiting.kept += waiting.exchanges.len();
            (
                std::mem::take(&mut waiting.exchanges),
                std::mem::take(&mut waiting.told),
                before,
            )
        };
        let run = self.run;
        if !exchanges.is_empty() {
            let rows: Vec<_> = exchanges
                .into_iter()
                .enumerate()
                .map(|(n, (connection, exchange))| {
                    // What the records hold is in the history, one by one.
                    let is_brief = before + n >= WHOLE_EXCHANGES
                        && exchange.went_well()
                        && !told.contains(&exchange.id());
                    let most = if is_brief { BRIEF_BODY } else { EXCHANGE_BODY };
                    stored(connection, run, exchange.read(most))
                })
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
    fn record(&self, exchange: Unread) {
        self.recorder.take(self.connection, exchange);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use connectors::Access;
    use connectors::http::answer::ByStatus;
    use connectors::http::{Body, Call, Client, Limits, Repeat, RequestParts};
    use model::clock::Clock;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    const BODY: usize = 5000;

    /// Answers with the status that stands in the path.
    async fn serve(listener: TcpListener) {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut said = Vec::new();
            while !said.ends_with(b"end") {
                stream.read_buf(&mut said).await.unwrap();
            }
            let said = String::from_utf8(said).unwrap();
            let status = said.split(['/', ' ']).nth(2).unwrap();
            let answer = format!(
                "HTTP/1.1 {status} x\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}"
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn bodies_are_kept_of_the_first_requests_and_of_those_that_somebody_will_look_at() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(serve(listener));
        let client = Client::new("Loop", Limits::default(), Clock::system()).unwrap();
        let run = RunId::new();
        let recorder = Arc::new(Recorder::new(Some(run)));
        let access = Access {
            exchanges: Some(Arc::new(OfConnection {
                connection: ConnectionId::new(),
                recorder: Arc::clone(&recorder),
            })),
            ..Access::unattended()
        };
        let post = async |status: u16| {
            let url = format!("{address}/{status}").parse().unwrap();
            let mut request = RequestParts::new("POST".parse().unwrap(), url);
            request.body = Body::Raw(("x".repeat(BODY - 3) + "end").into());
            let call = Call {
                request,
                signer: None,
                repeat: Repeat::OnlyIfNotApplied,
                judge: &ByStatus,
                access: &access,
            };
            client.send(call).await.unwrap().exchange
        };
        for _ in 0..WHOLE_EXCHANGES {
            post(200).await;
        }
        let (well, doubtful, refused) = (post(200).await, post(200).await, post(422).await);
        recorder.will_be_looked_at([doubtful]);
        let store = Store::in_memory(Clock::system()).unwrap();
        recorder.flush(&store).await.unwrap();
        let kept = async |exchange: ExchangeId| {
            let found = store.read_history(move |db| store::exchanges::get(db, exchange));
            found.await.unwrap().unwrap().request_body.unwrap().len()
        };
        let page = store
            .read_history(move |db| store::exchanges::of_run(db, run, None, 1000))
            .await
            .unwrap();
        assert_eq!(page.exchanges.len(), WHOLE_EXCHANGES + 3);
        assert_eq!(kept(page.exchanges[0].id).await, BODY);
        assert_eq!(kept(page.exchanges[WHOLE_EXCHANGES - 1].id).await, BODY);
        assert!((BRIEF_BODY..BRIEF_BODY + 20).contains(&kept(well).await));
        assert_eq!(kept(doubtful).await, BODY);
        assert_eq!(kept(refused).await, BODY);
    }
}
