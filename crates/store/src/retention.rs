//! What is kept, and for how long.

use std::sync::atomic::Ordering;

use model::clock::Millis;
use model::ids::ConnectionId;
use rusqlite::{Connection, params};

use crate::column::{all, execute};
use crate::error::{During, Error, Result};
use crate::pool::Pool;
use crate::{Store, connections, connectors, outbox, packet, run_records, syncs};

/// How long a deleted document can be restored: 30 days.
pub const KEPT_AFTER_DELETE_MS: Millis = 30 * 24 * 60 * 60 * 1000;

/// Packets that are copied to the history at a time: some thousands of records.
const PACKETS_AT_A_TIME: u32 = 8;

/// Rows that one transaction prunes: others get their turn in between.
const EXCHANGES_AT_A_TIME: u32 = 1_000;
const RECORDS_AT_A_TIME: u32 = 10_000;
const RECORD_PACKETS_AT_A_TIME: u32 = 20;

/// Pages that one statement gives back to the file system.
const PAGES_AT_A_TIME: u32 = 2_000;

/// What the files take up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// patchbay.db, in bytes.
    pub main_bytes: u64,
    /// history.db, in bytes.
    pub history_bytes: u64,
    /// Of both, what is empty and will be used again, in bytes.
    pub free_bytes: u64,
}

/// What was removed to keep the history within its budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// So many exchanges.
    pub exchanges: u64,
    /// So many run records.
    pub run_records: u64,
}

impl Store {
    /// Copies committed run records into the history. Call it after commits, and when starting.
    /// Returns how many packets were copied. Two copies at a time do no harm.
    ///
    /// # Errors
    /// [`Error::DiskFull`] and [`Error::Busy`]: nothing is lost, call it again later.
    pub async fn copy_history(&self) -> Result<u64> {
        let mut n_copied = 0;
        loop {
            let packets = self
                .read_where_written(|conn| outbox::take(conn, PACKETS_AT_A_TIME))
                .await?;
            let Some(up_to) = packets.last().map(|packet| packet.no) else {
                return Ok(n_copied);
            };
            n_copied += packets.len() as u64;
            self.pools()?
                .history
                .write_durably(move |tx| {
                    for packet in &packets {
                        match run_records::insert_packet(tx, packet) {
                            // It will not get better by waiting, and must not hold up the others.
                            Err(error @ Error::Corrupt { .. }) => {
                                tracing::error!(%error, "Run records were lost for the history.");
                            }
                            result => result?,
                        }
                    }
                    Ok(())
                })
                .await?;
            self.write(move |tx| outbox::remove(tx, up_to)).await?;
        }
    }

    /// Shortens the history to nine tenths of its budget once it is over it: the oldest exchanges
    /// first, then the oldest run records. In small transactions, so that others get their turn.
    pub async fn prune_history(&self) -> Result<Pruned> {
        let mut pruned = Pruned::default();
        let budget = self.0.history_budget_bytes.load(Ordering::Relaxed);
        if self.read_history(used_bytes).await? <= budget {
            return Ok(pruned);
        }
        let target = budget / 10 * 9;
        while self.read_history(used_bytes).await? > target {
            let n_exchanges = self.write_history(|tx| prune_exchanges(tx)).await?;
            pruned.exchanges += n_exchanges as u64;
            if n_exchanges > 0 {
                continue;
            }
            let n_records = self.write_history(|tx| prune_records(tx)).await?;
            pruned.run_records += n_records as u64;
            if n_records == 0 {
                break;
            }
        }
        give_space_back(&self.pools()?.history).await?;
        tracing::info!(
            exchanges = pruned.exchanges,
            run_records = pruned.run_records,
            "Shortened the history to its budget."
        );
        Ok(pruned)
    }

    /// Removes for good what was deleted more than 30 days ago. Returns the connections among it:
    /// their secrets can go from the keychain.
    pub async fn purge_deleted(&self) -> Result<Vec<ConnectionId>> {
        let now = self.clock().now();
        let connections = self
            .write(move |tx| {
                // Syncs first: a connection stays as long as a sync is made with it.
                syncs::purge(tx, now)?;
                let connections = connections::purge(tx, now)?;
                // And a connector as long as a connection needs it.
                connectors::purge(tx, now)?;
                packet::remove_orphans(tx)?;
                Ok(connections)
            })
            .await?;
        // What links and plans took up is used again, but not more than a quarter lies idle.
        let (free, all) = self
            .read(|conn| Ok((free_pages(conn)?, pages(conn)?)))
            .await?;
        if free > all / 4 {
            give_space_back(&self.pools()?.main).await?;
        }
        Ok(connections)
    }

    /// What the files take up.
    pub async fn sizes(&self) -> Result<Sizes> {
        let of = |conn: &Connection| Ok((pages(conn)?, free_pages(conn)?, page_bytes(conn)?));
        let (main, main_free, page) = self.read(of).await?;
        let (history, history_free, history_page) = self.read_history(of).await?;
        Ok(Sizes {
            main_bytes: main * page,
            history_bytes: history * history_page,
            free_bytes: main_free * page + history_free * history_page,
        })
    }
}

/// Gives a file's empty pages back to the file system, and folds its log in.
async fn give_space_back(pool: &Pool) -> Result<()> {
    loop {
        let left = pool
            .maintain(|conn| {
                // One row per page that was given back.
                let sql = format!("PRAGMA incremental_vacuum({PAGES_AT_A_TIME})");
                all(conn, "size of a file", &sql, [], |_| Ok(()))?;
                free_pages(conn)
            })
            .await?;
        if left == 0 {
            break;
        }
    }
    pool.maintain(|conn| {
        conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
            .during("fold a log in")
    })
    .await
}

/// The oldest exchanges.
pub(crate) fn prune_exchanges(conn: &Connection) -> Result<usize> {
    execute(
        conn,
        "prune exchanges",
        r"DELETE FROM exchanges
          WHERE exchange_no IN (SELECT exchange_no FROM exchanges ORDER BY exchange_no LIMIT ?1)",
        [EXCHANGES_AT_A_TIME],
    )
}

/// The oldest run records, and the runs of which nothing is left. Returns about how many records they were.
pub(crate) fn prune_records(conn: &Connection) -> Result<usize> {
    let mut n_deleted = execute(
        conn,
        "prune run records",
        r"DELETE FROM run_records
          WHERE record_no IN (
              SELECT record_no FROM run_records
              WHERE record_no < coalesce((SELECT min(packet_no) FROM record_packets), ?2)
              ORDER BY record_no LIMIT ?1)",
        params![RECORDS_AT_A_TIME, i64::MAX],
    )?;
    if n_deleted == 0 {
        let packets: Vec<(i64, Vec<u8>)> = all(
            conn,
            "packet of run records",
            "SELECT packet_no, counts FROM record_packets ORDER BY packet_no LIMIT ?1",
            [RECORD_PACKETS_AT_A_TIME],
            |row| Ok((row.get("packet_no")?, row.get("counts")?)),
        )?;
        if let Some((last, _)) = packets.last() {
            execute(
                conn,
                "prune packets of run records",
                "DELETE FROM record_packets WHERE packet_no <= ?1",
                [*last],
            )?;
            n_deleted = packets
                .iter()
                .map(|(_, counts)| run_records::count_of(counts))
                .sum();
        }
    }
    execute(
        conn,
        "prune recorded runs",
        r"DELETE FROM recorded_runs
          WHERE run_no < min(
              coalesce((SELECT min(record_no) >> 32 FROM run_records), ?1),
              coalesce((SELECT min(packet_no) >> 32 FROM record_packets), ?1))
            AND run_no < (SELECT max(run_no) FROM recorded_runs)",
        [i64::MAX],
    )?;
    Ok(n_deleted)
}

fn used_bytes(conn: &Connection) -> Result<u64> {
    Ok((pages(conn)? - free_pages(conn)?) * page_bytes(conn)?)
}

fn pages(conn: &Connection) -> Result<u64> {
    pragma(conn, "PRAGMA page_count", "page_count")
}

fn free_pages(conn: &Connection) -> Result<u64> {
    pragma(conn, "PRAGMA freelist_count", "freelist_count")
}

/// SQLCipher answers this one itself, as text and under a name of its own.
fn page_bytes(conn: &Connection) -> Result<u64> {
    conn.query_row("PRAGMA page_size", [], |row| {
        row.get::<_, i64>(0).or_else(|_| {
            let text: String = row.get(0)?;
            Ok(text.parse().unwrap_or_default())
        })
    })
    .during("read the size of a page")
    .map(|bytes| u64::try_from(bytes).unwrap_or_default())
}

fn pragma(conn: &Connection, sql: &str, column: &'static str) -> Result<u64> {
    all(conn, "size of a file", sql, [], |row| row.unsigned(column))?
        .pop()
        .ok_or_else(|| Error::corrupt("size of a file"))
}
