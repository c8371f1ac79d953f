//! From the layout of an older version to this one's.
//!
//! The ladder is append-only: a released step is never edited. `user_version` counts the steps a
//! file has climbed. Each step is one exclusive transaction that looks at the version again, so two
//! processes that start together climb once; before the first one the file is backed up.

use std::path::{Path, PathBuf};

use model::clock::Clock;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, TransactionBehavior};

use crate::error::{During, Error, Result};
use crate::key::Key;
use crate::open;

/// patchbay.db, step by step.
pub(crate) const MAIN: &[&str] = &[
    include_str!("../migrations/main/0001_initial.sql"),
    include_str!("../migrations/main/0002_unwritten.sql"),
    include_str!("../migrations/main/0003_connectors.sql"),
    include_str!("../migrations/main/0004_bulk_jobs.sql"),
    include_str!("../migrations/main/0005_both_ways.sql"),
    include_str!("../migrations/main/0006_packets.sql"),
    include_str!("../migrations/main/0007_row_retries.sql"),
    include_str!("../migrations/main/0008_waiting.sql"),
    include_str!("../migrations/main/0009_shadow_packets.sql"),
    include_str!("../migrations/main/0010_made.sql"),
];

/// history.db, step by step.
pub(crate) const HISTORY: &[&str] = &[
    include_str!("../migrations/history/0001_initial.sql"),
    include_str!("../migrations/history/0002_side.sql"),
    include_str!("../migrations/history/0003_record_packets.sql"),
    include_str!("../migrations/history/0004_fields.sql"),
];

/// Backups that are kept.
const KEPT_BACKUPS: usize = 10;

/// The newest layout of a ladder.
pub(crate) fn newest(ladder: &[&str]) -> u32 {
    u32::try_from(ladder.len()).unwrap_or(u32::MAX)
}

/// The layout of a file; 0 for an empty one.
pub(crate) fn version(conn: &Connection) -> Result<u32> {
    conn.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))
        .during("read the version of a file")
        .map(|version| u32::try_from(version).unwrap_or(u32::MAX))
}

/// Climbs what is left of the ladder.
pub(crate) fn climb(conn: &mut Connection, ladder: &[&str]) -> Result<()> {
    conn.execute_batch("PRAGMA foreign_keys = OFF")
        .during("prepare a migration")?;
    let result = climb_steps(conn, ladder);
    conn.execute_batch("PRAGMA foreign_keys = ON")
        .during("end a migration")?;
    result
}

fn climb_steps(conn: &mut Connection, ladder: &[&str]) -> Result<()> {
    for (step, sql) in (1..=newest(ladder)).zip(ladder) {
        let tx = conn
            .transaction_with_behavior(TransactionBehavior::Exclusive)
            .during("begin a migration")?;
        if version(&tx)? >= step {
            continue;
        }
        tx.execute_batch(sql).during("migrate a file")?;
        tx.pragma_update(None, "user_version", step)
            .during("migrate a file")?;
        let dangling: i64 = tx
            .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| {
                row.get(0)
            })
            .during("check a migration")?;
        if dangling > 0 {
            return Err(Error::corrupt("layout after its migration"));
        }
        tx.commit().during("commit a migration")?;
    }
    Ok(())
}

/// Copies a file, encrypted with the same key, to `backups/<stem>-v<version>-<millis>.db`.
pub(crate) fn back_up(
    conn: &Connection,
    dir: &Path,
    stem: &str,
    version: u32,
    key: &Key,
    clock: &Clock,
) -> Result<PathBuf> {
    let backups = dir.join("backups");
    std::fs::create_dir_all(&backups).map_err(|source| Error::File {
        operation: "create",
        path: backups.clone(),
        source,
    })?;
    let path = backups.join(format!("{stem}-v{version}-{}.db", clock.now()));
    let unfinished = path.with_extension("unfinished");
    _ = std::fs::remove_file(&unfinished);
    {
        let mut copy = open::connect_as(&unfinished, key, open::Seal::of(conn)?)?;
        let backup = Backup::new(conn, &mut copy).during("back up a file")?;
        // All pages in one step: one snapshot, whatever other processes write meanwhile.
        match backup.step(-1).during("back up a file")? {
            StepResult::Done => {}
            _ => {
                return Err(Error::Busy {
                    operation: "back up a file",
                });
            }
        }
    }
    std::fs::rename(&unfinished, &path).map_err(|source| Error::File {
        operation: "name the backup",
        path: path.clone(),
        source,
    })?;
    forget_old_backups(&backups, stem);
    Ok(path)
}

/// Keeps the newest backups. One too many is no reason to fail.
fn forget_old_backups(backups: &Path, stem: &str) {
    let Ok(entries) = std::fs::read_dir(backups) else {
        return;
    };
    let mut found: Vec<(i64, PathBuf)> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_str()?;
            let rest = name.strip_prefix(stem)?.strip_prefix("-v")?;
            let (_, millis) = rest.strip_suffix(".db")?.split_once('-')?;
            Some((millis.parse().ok()?, path.clone()))
        })
        .collect();
    found.sort();
    let surplus = found.len().saturating_sub(KEPT_BACKUPS);
    for (_, path) in found.into_iter().take(surplus) {
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::warn!(%error, "An old backup could not be removed.");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::secret::Secret;

    const STEPS: &[&str] = &[
        "CREATE TABLE notes (note_no INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
         INSERT INTO notes (text) VALUES ('first');",
        "ALTER TABLE notes ADD COLUMN is_pinned INTEGER NOT NULL DEFAULT 0;",
    ];

    fn key() -> Key {
        Key::new(Secret::new("ab".repeat(32))).unwrap()
    }

    #[test]
    fn a_file_climbs_only_the_steps_that_it_has_not_climbed() {
        let mut conn = Connection::open_in_memory().unwrap();
        climb(&mut conn, &STEPS[..1]).unwrap();
        assert_eq!(version(&conn).unwrap(), 1);
        climb(&mut conn, STEPS).unwrap();
        climb(&mut conn, STEPS).unwrap();
        assert_eq!(version(&conn).unwrap(), 2);
        let rows: i64 = conn
            .query_row(
                "SELECT count(*) FROM notes WHERE is_pinned = 0",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(rows, 1);
    }

    #[test]
    fn a_step_that_fails_leaves_the_file_as_it_was() {
        let mut conn = Connection::open_in_memory().unwrap();
        climb(&mut conn, &STEPS[..1]).unwrap();
        let broken = [STEPS[0], "CREATE TABLE more (n INTEGER) STRICT; NONSENSE"];
        climb(&mut conn, &broken).unwrap_err();
        assert_eq!(version(&conn).unwrap(), 1);
        let tables: i64 = conn
            .query_row(
                "SELECT count(*) FROM sqlite_schema WHERE name = 'more'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(tables, 0);
    }

    #[test]
    fn a_step_that_breaks_a_reference_is_refused() {
        let mut conn = Connection::open_in_memory().unwrap();
        let broken = ["CREATE TABLE a (id INTEGER PRIMARY KEY) STRICT;
             CREATE TABLE b (a INTEGER REFERENCES a (id)) STRICT;
             INSERT INTO b (a) VALUES (7);"];
        climb(&mut conn, &broken).unwrap_err();
        assert_eq!(version(&conn).unwrap(), 0);
    }

    #[test]
    fn the_ten_newest_backups_are_kept_and_open_with_the_same_key() {
        let dir = tempfile::tempdir().unwrap();
        let mut conn = open::connect(&dir.path().join("notes.db"), &key()).unwrap();
        climb(&mut conn, &STEPS[..1]).unwrap();
        let clock = Clock::manual(1_000);
        let mut last = PathBuf::new();
        for _ in 0..12 {
            clock.advance(1);
            last = back_up(&conn, dir.path(), "notes", 1, &key(), &clock).unwrap();
        }
        assert_eq!(last.file_name().unwrap(), "notes-v1-1012.db");
        let mut names: Vec<String> = std::fs::read_dir(dir.path().join("backups"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names.len(), KEPT_BACKUPS, "{names:?}");
        assert_eq!(names[0], "notes-v1-1003.db");

        let copy = open::connect(&last, &key()).unwrap();
        assert_eq!(version(&copy).unwrap(), 1);
        let text: String = copy
            .query_row("SELECT text FROM notes", [], |row| row.get(0))
            .unwrap();
        assert_eq!(text, "first");
        let raw = std::fs::read(&last).unwrap();
        assert!(!raw.starts_with(b"SQLite format 3"));
    }
}
