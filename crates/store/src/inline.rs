//! A store in memory that does its work on the calling task: no thread, no disk, nothing that happens in another order
//! the second time. For the simulation, which opens one and then lives thousands of histories on it.
//!
//! A [`Script`] is asked before each transaction what becomes of it, so that a disk can be full and a process can end
//! at any of them.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::clock::Clock;
use rusqlite::{Connection, Transaction, TransactionBehavior, ffi};

use crate::error::{During, Error, Result};
use crate::pool::Pool;
use crate::{Store, open};

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It only reads.
    Read,
    /// It writes.
    Write,
}

/// What becomes of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is carried out.
    Done,
    /// There is no room for it: nothing of it stays.
    Full,
    /// The process ends before it: whoever waits for it waits for ever.
    EndBefore,
    /// The process ends after it.
    EndAfter,
}

/// Decides what becomes of each transaction.
pub type Script = Arc<dyn Fn(Access) -> Fate + Send + Sync>;

/// Both databases, and the way around the script.
#[derive(Debug)]
pub struct Inline {
    store: Store,
    main: Here,
    history: Here,
}

impl Inline {
    /// Empty databases of the newest layout.
    ///
    /// # Errors
    /// Only when memory runs out.
    pub fn open(clock: Clock) -> Result<Self> {
        let (main, history) = open::in_memory()?;
        let script = Arc::new(Mutex::new(None));
        let here = |conn| Here {
            conn: Arc::new(Mutex::new(conn)),
            script: Arc::clone(&script),
        };
        let (main, history) = (here(main), here(history));
        let store = Store::of(
            Pool::here("patchbay.db", main.clone()),
            Pool::here("history.db", history.clone()),
            clock,
        );
        Ok(Self {
            store,
            main,
            history,
        })
    }

    /// The store as everybody else sees it.
    pub fn store(&self) -> Store {
        self.store.clone()
    }

    /// From now on this decides about every transaction; none: all are carried out.
    pub fn script(&self, script: Option<Script>) {
        *lock(&self.main.script) = script;
    }

    /// Reads patchbay.db at once, whatever the script says.
    ///
    /// # Errors
    /// Those of `f`.
    pub fn look<T>(&self, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        f(&lock(&self.main.conn))
    }

    /// As [`Inline::look`] for history.db.
    ///
    /// # Errors
    /// Those of `f`.
    pub fn look_at_history<T>(&self, f: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        f(&lock(&self.history.conn))
    }

    /// Changes patchbay.db at once, whatever the script says.
    ///
    /// # Errors
    /// Those of `f`.
    pub fn change<T>(&self, f: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut conn = lock(&self.main.conn);
        let tx = conn
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .during("begin to write")?;
        let value = f(&tx)?;
        tx.commit().during("commit")?;
        Ok(value)
    }

    /// Empties every table, for the next history. Much cheaper than new databases, whose statements would have to be
    /// prepared again.
    ///
    /// # Errors
    /// Only when memory runs out.
    pub fn clear(&self) -> Result<()> {
        for here in [&self.main, &self.history] {
            let conn = lock(&here.conn);
            let tables: Vec<String> = conn
                .prepare_cached(
                    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
                )
                .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
                .during("list the tables")?;
            // In no order that the references would want.
            conn.execute_batch("PRAGMA foreign_keys = OFF; BEGIN")
                .during("begin to clear")?;
            for table in tables {
                conn.prepare_cached(&format!("DELETE FROM \"{table}\""))
                    .and_then(|mut statement| statement.execute([]))
                    .during("clear a table")?;
            }
            conn.execute_batch("COMMIT; PRAGMA foreign_keys = ON")
                .during("end clearing")?;
        }
        Ok(())
    }
}

/// One database of an inline store.
#[derive(Clone)]
pub(crate) struct Here {
    conn: Arc<Mutex<Connection>>,
    script: Arc<Mutex<Option<Script>>>,
}

impl Here {
    /// Does the work now, if the script lets it.
    pub(crate) async fn run<T>(
        &self,
        access: Access,
        f: impl FnOnce(&mut Connection) -> Result<T>,
    ) -> Result<T> {
        let script = lock(&self.script).clone();
        let fate = script.map_or(Fate::Done, |script| script(access));
        match fate {
            Fate::Done => f(&mut lock(&self.conn)),
            Fate::Full => Err(Error::DiskFull {
                operation: "write",
                source: rusqlite::Error::SqliteFailure(
                    ffi::Error::new(ffi::SQLITE_FULL),
                    Some("the script says so".into()),
                ),
            }),
            Fate::EndBefore => std::future::pending().await,
            Fate::EndAfter => {
                // What it gives never arrives, as after a real end.
                drop(f(&mut lock(&self.conn)));
                std::future::pending().await
            }
        }
    }
}

impl fmt::Debug for Here {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Here").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A transaction that panicked was rolled back while it unwound.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;

    fn put(tx: &Transaction<'_>) -> Result<()> {
        settings::put(tx, "color", &serde_json::json!("red"))
    }

    fn value(inline: &Inline) -> Option<serde_json::Value> {
        inline.look(|conn| settings::get(conn, "color")).unwrap()
    }

    /// A write under a script, and whether its value is there afterwards; none when the process ended in it.
    async fn check(fate: Fate) -> (Option<bool>, bool) {
        let inline = Inline::open(Clock::manual(0)).unwrap();
        inline.script(Some(Arc::new(move |access| match access {
            Access::Write => fate,
            Access::Read => Fate::Done,
        })));
        let store = inline.store();
        let went_well = tokio::select! {
            biased;
            written = store.write(put) => Some(written.is_ok()),
            () = std::future::ready(()) => None,
        };
        (went_well, value(&inline).is_some())
    }

    #[tokio::test]
    async fn each_transaction_has_the_fate_that_its_script_gives() {
        assert_eq!(check(Fate::Done).await, (Some(true), true));
        assert_eq!(check(Fate::Full).await, (Some(false), false));
        assert_eq!(check(Fate::EndBefore).await, (None, false));
        assert_eq!(check(Fate::EndAfter).await, (None, true));
    }

    #[tokio::test]
    async fn nothing_is_left_after_clearing_and_the_store_goes_on() {
        let inline = Inline::open(Clock::manual(0)).unwrap();
        for _ in 0..2 {
            assert_eq!(value(&inline), None);
            inline.store().write(put).await.unwrap();
            assert!(value(&inline).is_some());
            inline.clear().unwrap();
        }
    }
}
