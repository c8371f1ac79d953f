//! The threads that own the connections: one that writes, some that read.
//!
//! SQLite lets one connection write at a time, in this process or another. Letting several of our
//! own threads contend for that would only add waiting inside SQLite, where nobody is first in
//! line; so each file has one writing thread with a bounded queue in front. Readers see the last
//! commit (WAL) and never wait for the writer. Nothing here assumes that no other process has the
//! file open: write transactions begin as IMMEDIATE and wait for their turn.
//!
//! Work that was handed over is done even if its caller stops waiting: a commit is never cancelled.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use crate::error::{During, Error, Result};
use crate::inline::{Access, Here};

/// Jobs that may wait for the writer, and for the readers.
const QUEUE: usize = 64;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// Who does the writing.
enum Writer {
    Thread(mpsc::Sender<Job>),
    /// Nobody else: the calling task does it.
    Here(Here),
}

/// The threads of one file.
pub(crate) struct Pool {
    file: &'static str,
    /// Where a file that turned out to be damaged is remembered for the next opening.
    damage_mark: Option<PathBuf>,
    writer: Writer,
    /// None for a database in memory: it has one connection for everything.
    readers: Option<mpsc::Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    pub(crate) fn start(
        file: &'static str,
        damage_mark: Option<PathBuf>,
        writer: Connection,
        readers: Vec<Connection>,
    ) -> Result<Self> {
        let mut threads = Vec::with_capacity(1 + readers.len());
        let (write_sender, receiver) = mpsc::channel(QUEUE);
        threads.push(spawn(file, "write", writer, Queue::new(receiver), true)?);
        let read_sender = if readers.is_empty() {
            None
        } else {
            let (sender, receiver) = mpsc::channel(QUEUE);
            let queue = Queue::new(receiver);
            for reader in readers {
                threads.push(spawn(file, "read", reader, queue.clone(), false)?);
            }
            Some(sender)
        };
        Ok(Self {
            file,
            damage_mark,
            writer: Writer::Thread(write_sender),
            readers: read_sender,
            threads,
        })
    }

    /// Without threads: whoever calls does the work.
    pub(crate) const fn here(file: &'static str, here: Here) -> Self {
        Self {
            file,
            damage_mark: None,
            writer: Writer::Here(here),
            readers: None,
            threads: Vec::new(),
        }
    }

    /// Runs `f` in a transaction of its own and commits it; on an error nothing of it stays.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.as_writer(move |conn| transact(conn, f)).await
    }

    /// As [`Pool::write`], and on the disk before it returns.
    pub(crate) async fn write_durably<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.as_writer(move |conn| {
            conn.execute_batch("PRAGMA synchronous = FULL")
                .during("ask for durable writes")?;
            let result = transact(conn, f);
            conn.execute_batch("PRAGMA synchronous = NORMAL")
                .during("ask for lazy writes")?;
            result
        })
        .await
    }

    /// Runs `f` outside of a transaction on the writer, for pragmas that want that.
    pub(crate) async fn maintain<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.as_writer(move |conn| f(conn)).await
    }

    /// Runs `f` on one snapshot of the file.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let snapshot = snapshot(f);
        match (&self.readers, &self.writer) {
            (Some(readers), _) => self.send(readers, snapshot).await,
            (None, Writer::Here(here)) => here.run(Access::Read, snapshot).await,
            (None, Writer::Thread(writer)) => {
                self.send(writer, move |conn| {
                    conn.execute_batch("PRAGMA query_only = ON")
                        .during("begin to read")?;
                    let result = snapshot(conn);
                    conn.execute_batch("PRAGMA query_only = OFF")
                        .during("end reading")?;
                    result
                })
                .await
            }
        }
    }

    /// As [`Pool::read`], on the connection that writes.
    pub(crate) async fn read_where_written<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        match &self.writer {
            // A database in memory reads there anyway.
            Writer::Thread(writer) if self.readers.is_some() => {
                self.send(writer, snapshot(f)).await
            }
            Writer::Thread(_) | Writer::Here(_) => self.read(f).await,
        }
    }

    async fn as_writer<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        match &self.writer {
            Writer::Thread(writer) => self.send(writer, f).await,
            Writer::Here(here) => here.run(Access::Write, f).await,
        }
    }

    async fn send<T: Send + 'static>(
        &self,
        queue: &mpsc::Sender<Job>,
        f: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, wait) = oneshot::channel();
        let job: Job = Box::new(move |conn| {
            // Nobody may be waiting any more; the work is done all the same.
            _ = answer.send(f(conn));
        });
        queue.send(job).await.map_err(|_| Error::Closed)?;
        // The answer is missing when the job panicked: reported where it was caught.
        let result = wait.await.map_err(|_| Error::Closed)?;
        result.map_err(|error| self.note_damage(error))
    }

    fn note_damage(&self, error: Error) -> Error {
        let Error::Damaged {
            operation, source, ..
        } = error
        else {
            return error;
        };
        tracing::error!(file = self.file, operation, %source, "The database is damaged.");
        if let Some(mark) = &self.damage_mark
            && let Err(error) = std::fs::write(mark, self.file)
        {
            tracing::warn!(%error, "The damage could not be noted for the next start.");
        }
        Error::Damaged {
            file: self.file,
            operation,
            source,
        }
    }

    /// Finishes what is queued, then closes the connections.
    pub(crate) fn close(self) {
        drop(self.writer);
        drop(self.readers);
        let me = std::thread::current().id();
        for thread in self.threads {
            // A job may own the last handle of the store: a thread cannot wait for itself.
            if thread.thread().id() != me {
                _ = thread.join();
            }
        }
    }
}

fn transact<T>(conn: &mut Connection, f: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
    let tx = conn
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .during("begin to write")?;
    let value = f(&tx)?;
    tx.commit().during("commit")?;
    Ok(value)
}

/// Reading as one transaction.
fn snapshot<T>(
    f: impl FnOnce(&Connection) -> Result<T>,
) -> impl FnOnce(&mut Connection) -> Result<T> {
    move |conn| {
        let tx = conn
            .transaction_with_behavior(TransactionBehavior::Deferred)
            .during("begin to read")?;
        f(&tx)
    }
}

#[derive(Clone)]
struct Queue(Arc<Mutex<mpsc::Receiver<Job>>>);

impl Queue {
    fn new(receiver: mpsc::Receiver<Job>) -> Self {
        Self(Arc::new(Mutex::new(receiver)))
    }

    /// The next job; none when the store is closed. Idle readers wait in line for the lock.
    fn next(&self) -> Option<Job> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .blocking_recv()
    }
}

fn spawn(
    file: &'static str,
    role: &'static str,
    conn: Connection,
    queue: Queue,
    is_writer: bool,
) -> Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(format!("store-{role}"))
        .spawn(move || {
            let mut conn = conn;
            while let Some(job) = queue.next() {
                // An open transaction is rolled back while the panic unwinds.
                if catch_unwind(AssertUnwindSafe(|| job(&mut conn))).is_err() {
                    tracing::error!(file, role, "A database job panicked; it was rolled back.");
                }
            }
            if is_writer && let Err(error) = conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)") {
                tracing::warn!(file, %error, "The write-ahead log could not be folded in.");
            }
            if let Err((_, error)) = conn.close() {
                tracing::warn!(file, %error, "A database connection did not close.");
            }
        })
        .map_err(|source| Error::File {
            operation: "start a thread for",
            path: file.into(),
            source,
        })
}
