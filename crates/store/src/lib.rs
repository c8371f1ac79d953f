//! What Patchbay keeps on this computer, in two encrypted SQLite files.
//!
//! `patchbay.db` holds what a person set up and what correctness stands on: documents, links,
//! checkpoints, runs, the journal. `history.db` holds what happened: it has a size budget and may be
//! pruned or lost without harm to any sync.
//!
//! One module per table, plain functions: what must run inside a transaction takes a
//! [`Transaction`], what only reads takes a [`Connection`], and the compiler keeps them apart. They
//! are called from the closures of [`Store::write`] and [`Store::read`]:
//!
//! ```no_run
//! # async fn example(store: store::Store, run: model::ids::RunId) -> store::Result<()> {
//! let counts = model::run::RunCounts { read: 1, created: 1, ..Default::default() };
//! store.write(move |tx| store::runs::add_counts(tx, run, &counts)).await?;
//! let run = store.read(move |conn| store::runs::get(conn, run)).await?;
//! # Ok(()) }
//! ```
//!
//! This crate never asks for the time, never keeps a secret, and never assumes to be the only
//! process that has the files open.
//!
//! Start with the migrations (the tables and why they are so), then [`Store`], then
//! [`journal`] and [`outbox`], which carry the promise that nothing is lost.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::panic,
        reason = "tests may fail loudly"
    )
)]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::clock::Clock;
use model::secret::Secret;
pub use rusqlite::{Connection, Transaction};

mod column;
mod error;
mod key;
mod migrate;
mod open;
mod packet;
mod pool;
#[cfg(test)]
mod query_plans;

pub mod agreed;
pub mod borrowed;
pub mod bulk_jobs;
pub mod checkpoints;
pub mod conflicts;
pub mod connections;
pub mod connectors;
pub mod exchanges;
pub mod flips;
pub mod inline;
pub mod journal;
pub mod leases;
pub mod links;
pub mod missing;
pub mod outbox;
pub mod pauses;
pub mod plans;
pub mod retention;
pub mod run_records;
pub mod runs;
pub mod settings;
pub mod staged;
pub mod syncs;
pub mod unwritten;
pub mod waiting;

pub use error::{Error, Result};
use pool::Pool;

/// How to open a store.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder of both files; made if it is not there.
    pub dir: PathBuf,
    /// The raw 256-bit key as 64 hexadecimal digits.
    pub key: Secret,
    /// Where the time comes from.
    pub clock: Clock,
    /// How large history.db may grow before [`Store::prune_history`] shortens it.
    pub history_budget_bytes: u64,
}

/// A store that was opened, and what a person should be told about it.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// What happened to the files.
    pub notes: Vec<OpenNote>,
}

/// What happened to a file while it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenNote {
    /// It had an older layout.
    MigratedFrom {
        /// The file.
        file: PathBuf,
        /// Its layout before.
        version: u32,
        /// A copy of it as it was; none for the history, which may be lost.
        backup: Option<PathBuf>,
    },
    /// It was damaged: it now lies elsewhere, and an empty one took its place.
    MovedAside {
        /// The file.
        file: PathBuf,
        /// Where it lies now.
        moved_to: PathBuf,
    },
}

/// Both files. Clones are handles of the same store; the last one to go closes it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    /// None only while it is being dropped.
    pools: Option<Pools>,
    clock: Clock,
    history_budget_bytes: AtomicU64,
}

struct Pools {
    main: Pool,
    history: Pool,
}

impl Store {
    /// Opens both files; makes, migrates or moves them aside as needed.
    ///
    /// Blocks the thread: call it before the runtime is busy, or on a blocking thread.
    ///
    /// # Errors
    /// [`Error::WrongKey`] and [`Error::NewerVersion`] leave everything as it was.
    pub fn open(options: Options) -> Result<Opened> {
        let clock = options.clock.clone();
        let history_budget_bytes = options.history_budget_bytes;
        let (main, history, notes) = open::open(options)?;
        let start = |file, connections: open::Connections| {
            Pool::start(
                file,
                Some(connections.damage_mark),
                connections.writer,
                connections.readers,
            )
        };
        let pools = Pools {
            main: start("patchbay.db", main)?,
            history: start("history.db", history)?,
        };
        Ok(Opened {
            store: Self(Arc::new(Inner {
                pools: Some(pools),
                clock,
                history_budget_bytes: AtomicU64::new(history_budget_bytes),
            })),
            notes,
        })
    }

    /// A store in memory, for tests. Reads and writes take turns on one connection.
    ///
    /// # Errors
    /// Only if memory or threads run out.
    pub fn in_memory(clock: Clock) -> Result<Self> {
        let (main, history) = open::in_memory()?;
        Ok(Self::of(
            Pool::start("patchbay.db", None, main, Vec::new())?,
            Pool::start("history.db", None, history, Vec::new())?,
            clock,
        ))
    }

    fn of(main: Pool, history: Pool, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            pools: Some(Pools { main, history }),
            clock,
            history_budget_bytes: AtomicU64::new(u64::MAX),
        }))
    }

    /// Runs `f` in a transaction of its own on patchbay.db. When it returns an error, nothing of it
    /// stays; when this returns, it is on the disk. Once handed over it is done, even if the caller
    /// stops waiting.
    ///
    /// # Errors
    /// Those of `f`; [`Error::DiskFull`] and [`Error::Busy`] at the commit.
    pub async fn write<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.pools()?.main.write(f).await
    }

    /// Runs `f` on one snapshot of patchbay.db, beside the writer.
    ///
    /// # Errors
    /// Those of `f`.
    pub async fn read<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.pools()?.main.read(f).await
    }

    /// As [`Store::read`], in line with what is written: pages that were written a moment ago are still decrypted there.
    ///
    /// # Errors
    /// Those of `f`.
    pub async fn read_where_written<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.pools()?.main.read_where_written(f).await
    }

    /// As [`Store::write`] for history.db, except that a power cut may take the last commits.
    ///
    /// # Errors
    /// Those of `f`; [`Error::DiskFull`] and [`Error::Busy`] at the commit.
    pub async fn write_history<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.pools()?.history.write(f).await
    }

    /// As [`Store::read`] for history.db.
    ///
    /// # Errors
    /// Those of `f`.
    pub async fn read_history<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.pools()?.history.read(f).await
    }

    /// Another space for the history, from the next pruning on.
    pub fn set_history_budget(&self, bytes: u64) {
        self.0.history_budget_bytes.store(bytes, Ordering::Relaxed);
    }

    /// The clock that the store was opened with.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Finishes what is queued and closes the files, if this is the last handle.
    pub fn close(self) {
        drop(self);
    }

    fn pools(&self) -> Result<&Pools> {
        self.0.pools.as_ref().ok_or(Error::Closed)
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(pools) = self.pools.take() {
            pools.main.close();
            pools.history.close();
        }
    }
}
