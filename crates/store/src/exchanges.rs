//! HTTP requests with their responses, as sent and received, secrets taken out (history.db).
//! Whoever records them caps the bodies.

use std::borrow::Cow;

use model::clock::Millis;
use model::ids::{ConnectionId, ExchangeId, RunId};
use rusqlite::{Connection, Transaction, params};

use crate::column::{Columns, all, document_text, first, prepare, signed};
use crate::error::{During, Result};
use crate::packet;
use crate::run_records::Place;

/// One request and what came back.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// What a list shows.
    pub head: ExchangeHead,
    /// Names and values in order.
    pub request_headers: Vec<(String, String)>,
    /// What was sent.
    pub request_body: Option<Vec<u8>>,
    /// Names and values in order.
    pub response_headers: Vec<(String, String)>,
    /// What came back.
    pub response_body: Option<Vec<u8>>,
}

/// What a list shows of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeHead {
    /// Which one.
    pub id: ExchangeId,
    /// With which account.
    pub connection: ConnectionId,
    /// For which run; none for a check or a preview.
    pub run: Option<RunId>,
    /// When it was sent, in milliseconds.
    pub at: Millis,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// How often it was sent before, from 0.
    pub attempt: u32,
    /// The method.
    pub method: String,
    /// The whole address, secrets taken out.
    pub url: String,
    /// The status; none when no response came.
    pub status: Option<u16>,
    /// Why no response came.
    pub error: Option<String>,
}

/// Some exchanges of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangePage {
    /// The exchanges.
    pub exchanges: Vec<ExchangeHead>,
    /// Where to go on; none at the end.
    pub next: Option<Place>,
}

const HEAD: &str =
    "exchange_no, id, connection, run, at, took_ms, attempt, method, url, status, error";

/// Adds exchanges. One that is there already stays as it is.
pub fn insert_many(tx: &Transaction<'_>, exchanges: &[Exchange]) -> Result<()> {
    let mut statement = prepare(
        tx,
        "record an exchange",
        r"INSERT OR IGNORE INTO exchanges (id, connection, run, at, took_ms, attempt, method, url,
                  status, error, request_headers, request_body, response_headers, response_body)
              VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?;
    for exchange in exchanges {
        let head = &exchange.head;
        statement
            .execute(params![
                head.id.to_bytes(),
                head.connection.to_bytes(),
                head.run.map(RunId::to_bytes),
                head.at,
                signed(head.took_ms),
                head.attempt,
                head.method,
                head.url,
                head.status,
                head.error,
                document_text("request headers", &exchange.request_headers)?,
                exchange.request_body.as_deref().map(packed),
                document_text("response headers", &exchange.response_headers)?,
                exchange.response_body.as_deref().map(packed),
            ])
            .during("record an exchange")?;
    }
    Ok(())
}

/// Bodies that are compressed begin with this; no text does.
const PACKED: u8 = 0xff;

/// Shorter bodies stay as they are.
const PACKED_FROM: usize = 256;

/// A body as it is kept.
fn packed(body: &[u8]) -> Cow<'_, [u8]> {
    if body.len() < PACKED_FROM && body.first() != Some(&PACKED) {
        return body.into();
    }
    packet::compress_after(&[PACKED], body).map_or(body.into(), Cow::Owned)
}

fn unpacked(body: Option<Vec<u8>>) -> Option<Vec<u8>> {
    let body = body?;
    let packed = body.strip_prefix(&[PACKED]).and_then(packet::decompress);
    Some(packed.unwrap_or(body))
}

/// The exchange; none when it was pruned.
///
/// # Errors
/// [`Error::Corrupt`](crate::Error::Corrupt) when it cannot be read.
pub fn get(conn: &Connection, id: ExchangeId) -> Result<Option<Exchange>> {
    first(
        conn,
        "exchange",
        &format!(
            r"SELECT {HEAD}, request_headers, request_body, response_headers, response_body
              FROM exchanges
              WHERE id = ?1"
        ),
        [id.to_bytes()],
        |row| {
            Ok(Exchange {
                head: read_head(row)?,
                request_headers: row.document("request_headers")?,
                request_body: unpacked(row.get("request_body")?),
                response_headers: row.document("response_headers")?,
                response_body: unpacked(row.get("response_body")?),
            })
        },
    )
}

/// Those of a run, in order.
pub fn of_run(
    conn: &Connection,
    run: RunId,
    after: Option<Place>,
    limit: u32,
) -> Result<ExchangePage> {
    let rows = all(
        conn,
        "exchange",
        &format!(
            r"SELECT {HEAD}
              FROM exchanges
              WHERE run = ?1 AND exchange_no > ?2
              ORDER BY exchange_no
              LIMIT ?3"
        ),
        params![
            run.to_bytes(),
            after.map_or(0, |place| place.0),
            i64::from(limit) + 1
        ],
        |row| Ok((row.get("exchange_no")?, read_head(row)?)),
    )?;
    Ok(cut(rows, limit))
}

/// Those of a connection, newest first.
pub fn of_connection(
    conn: &Connection,
    connection: ConnectionId,
    after: Option<Place>,
    limit: u32,
) -> Result<ExchangePage> {
    let rows = all(
        conn,
        "exchange",
        &format!(
            r"SELECT {HEAD}
              FROM exchanges
              WHERE connection = ?1 AND exchange_no < ?2
              ORDER BY exchange_no DESC
              LIMIT ?3"
        ),
        params![
            connection.to_bytes(),
            after.map_or(i64::MAX, |place| place.0),
            i64::from(limit) + 1
        ],
        |row| Ok((row.get("exchange_no")?, read_head(row)?)),
    )?;
    Ok(cut(rows, limit))
}

fn cut(mut rows: Vec<(i64, ExchangeHead)>, limit: u32) -> ExchangePage {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    ExchangePage {
        next: rows
            .last()
            .filter(|_| has_more)
            .map(|(exchange_no, _)| Place(*exchange_no)),
        exchanges: rows.into_iter().map(|(_, head)| head).collect(),
    }
}

fn read_head(row: &Columns<'_>) -> Result<ExchangeHead> {
    Ok(ExchangeHead {
        id: row.id("id")?,
        connection: row.id("connection")?,
        run: row.optional_id("run")?,
        at: row.get("at")?,
        took_ms: row.unsigned("took_ms")?,
        attempt: row.unsigned("attempt")?,
        method: row.get("method")?,
        url: row.get("url")?,
        status: row.get("status")?,
        error: row.get("error")?,
    })
}
