//! Opening the two files: first look, then decide, and only then touch anything.
//!
//! A wrong key or a newer file must leave everything as it is, so both files are looked at before
//! either is changed. A file that the right key cannot read is moved aside, never deleted.
//!
//! SQLite's own locks carry all later work. Only creating, migrating and moving files, which they
//! cannot cover, is done under a lock file that is held while opening.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::clock::Clock;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::error::{During, Error, Result};
use crate::key::{Key, KeyNote, Verdict};
use crate::migrate;
use crate::{OpenNote, Options};

/// How long a connection waits for another process's transaction.
const PATIENCE: Duration = Duration::from_secs(10);

/// Files up to this size are checked whenever they are opened (well under a second). SQLCipher
/// authenticates every page when it is read, so larger ones are only checked after a complaint.
const CHECKED_BYTES: u64 = 64 << 20;

/// Connections that only read patchbay.db.
const MAIN_READERS: usize = 3;

/// Pages that stay decrypted in memory, at most. The writer's lose nothing by its own commits;
/// a reader's are stale after every commit. The history is only ever appended to.
const MAIN_CACHE_KB: u32 = 8_000;
const HISTORY_CACHE_KB: u32 = 2_000;
const READER_CACHE_KB: u32 = 1_500;

/// "PBay" in the header of our files.
const APPLICATION_ID: i32 = 0x5042_6179;

/// The connections of one file.
pub(crate) struct Connections {
    pub(crate) writer: Connection,
    pub(crate) readers: Vec<Connection>,
    /// Written when the file turns out to be damaged: check it at the next opening.
    pub(crate) damage_mark: PathBuf,
}

/// How soon a commit must be on the disk.
#[derive(Clone, Copy)]
enum Durability {
    /// Before it is reported.
    Now,
    /// With the next checkpoint: a power cut may take the last commits, nothing else.
    Soon,
}

/// What one file is made of.
struct Layout {
    name: &'static str,
    ladder: &'static [&'static str],
    durability: Durability,
    n_readers: usize,
    cache_kb: u32,
}

const MAIN: Layout = Layout {
    name: "patchbay.db",
    ladder: migrate::MAIN,
    durability: Durability::Now,
    n_readers: MAIN_READERS,
    cache_kb: MAIN_CACHE_KB,
};

const HISTORY: Layout = Layout {
    name: "history.db",
    ladder: migrate::HISTORY,
    durability: Durability::Soon,
    n_readers: 1,
    cache_kb: HISTORY_CACHE_KB,
};

/// What a first look at a file shows.
enum Look {
    /// Nothing there.
    Absent,
    /// It opens, and has this version.
    Sound(u32),
    /// It does not open. `is_key_proven` when that cannot be the key's fault.
    Unreadable { is_key_proven: bool },
}

/// Opens both files: main, history.
pub(crate) fn open(options: Options) -> Result<(Connections, Connections, Vec<OpenNote>)> {
    let key = Key::new(options.key)?;
    let dir = options.dir.as_path();
    create_private_dir(dir)?;
    let _opening = lock(&dir.join("patchbay.lock"))?;

    let note = KeyNote::in_dir(dir);
    let verdict = note.judge(&key);
    let main = MAIN.look(dir, &key, verdict)?;
    let history = HISTORY.look(dir, &key, verdict)?;

    let is_key_proven = verdict == Verdict::Right
        || [&main, &history].into_iter().any(|look| match look {
            Look::Sound(_) => true,
            Look::Unreadable { is_key_proven } => *is_key_proven,
            Look::Absent => false,
        });
    for (layout, look) in [(&MAIN, &main), (&HISTORY, &history)] {
        match look {
            Look::Unreadable { .. } if !is_key_proven => {
                return Err(Error::WrongKey {
                    path: dir.join(layout.name),
                });
            }
            Look::Sound(found) if *found > migrate::newest(layout.ladder) => {
                return Err(Error::NewerVersion {
                    path: dir.join(layout.name),
                    found: *found,
                    supported: migrate::newest(layout.ladder),
                });
            }
            Look::Absent | Look::Sound(_) | Look::Unreadable { .. } => {}
        }
    }

    let mut notes = Vec::new();
    let main = MAIN.settle(dir, &key, &options.clock, &main, &mut notes)?;
    let history = HISTORY.settle(dir, &key, &options.clock, &history, &mut notes)?;
    if verdict != Verdict::Right {
        note.write(&key)?;
    }
    Ok((main, history, notes))
}

/// Both databases in memory, for tests: one connection each, nothing encrypted.
pub(crate) fn in_memory() -> Result<(Connection, Connection)> {
    let make = |layout: &Layout| -> Result<Connection> {
        let mut conn = Connection::open_in_memory().during("open a database in memory")?;
        configure(&conn, layout.durability, layout.cache_kb)?;
        migrate::climb(&mut conn, layout.ladder)?;
        Ok(conn)
    };
    Ok((make(&MAIN)?, make(&HISTORY)?))
}

/// How the pages of a file are encrypted and authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seal {
    /// What processors have instructions for, and larger pages: much less work for each byte.
    Fast,
    /// As SQLCipher does it by itself: older files are sealed so, and stay so.
    Default,
}

impl Seal {
    /// What SQLCipher is to be told.
    const fn settings(self) -> &'static str {
        match self {
            Self::Fast => {
                "PRAGMA cipher_hmac_algorithm = HMAC_SHA256; PRAGMA cipher_page_size = 8192"
            }
            Self::Default => {
                "PRAGMA cipher_hmac_algorithm = HMAC_SHA512; PRAGMA cipher_page_size = 4096"
            }
        }
    }

    /// That of an open file.
    pub(crate) fn of(conn: &Connection) -> Result<Self> {
        let algorithm: String = conn
            .query_row("PRAGMA cipher_hmac_algorithm", [], |row| row.get(0))
            .during("look at the cipher")?;
        Ok(match algorithm.as_str() {
            "HMAC_SHA256" => Self::Fast,
            _ => Self::Default,
        })
    }
}

/// A connection with its key, to a file of either seal; a new one will have the fast one.
pub(crate) fn connect(path: &Path, key: &Key) -> Result<Connection> {
    let conn = connect_as(path, key, Seal::Fast)?;
    let is_new = fs::metadata(path).map_or(0, |metadata| metadata.len()) == 0;
    if is_new {
        return Ok(conn);
    }
    let Err(error) = first_read(&conn) else {
        return Ok(conn);
    };
    let is_sealed_otherwise = matches!(&error, Error::Damaged { source, .. }
        if source.sqlite_error_code() == Some(ErrorCode::NotADatabase));
    if is_sealed_otherwise {
        let other = connect_as(path, key, Seal::Default)?;
        if first_read(&other).is_ok() {
            return Ok(other);
        }
    }
    // Whoever reads it first is told why it cannot be read; a connection tells that only once.
    connect_as(path, key, Seal::Fast)
}

/// A connection with its key; nothing has been read or written yet.
pub(crate) fn connect_as(path: &Path, key: &Key, seal: Seal) -> Result<Connection> {
    #[expect(clippy::disallowed_methods, reason = "the one place that opens files")]
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .during("open a file")?;
    conn.busy_timeout(PATIENCE).during("set the patience")?;
    // Its messages go to the terminal; what matters comes back as an error.
    conn.execute_batch("PRAGMA cipher_log_level = NONE")
        .during("silence the cipher")?;
    // The statement holds the key: its error is not passed on, it would quote the statement.
    conn.execute_batch(key.statement().reveal())
        .map_err(|_| Error::MalformedKey)?;
    conn.execute_batch("PRAGMA cipher_memory_security = OFF")
        .and_then(|()| conn.execute_batch(seal.settings()))
        .during("set up the cipher")?;
    Ok(conn)
}

impl Layout {
    fn look(&self, dir: &Path, key: &Key, verdict: Verdict) -> Result<Look> {
        let path = dir.join(self.name);
        let size = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
            Err(source) => {
                return Err(Error::File {
                    operation: "look at",
                    path,
                    source,
                });
            }
        };
        if size == 0 {
            return Ok(Look::Absent);
        }
        // Known to be another key's: not even opened.
        if verdict == Verdict::Wrong {
            return Ok(Look::Unreadable {
                is_key_proven: false,
            });
        }
        let is_suspect = size <= CHECKED_BYTES || self.damage_mark(dir).exists();
        let looked = connect(&path, key).and_then(|conn| {
            let version = first_read(&conn)?;
            // A newer layout is not ours to judge.
            if is_suspect && version <= migrate::newest(self.ladder) {
                check(&conn)?;
            }
            Ok(version)
        });
        match looked {
            Ok(version) => Ok(Look::Sound(version)),
            Err(Error::Damaged { source, .. }) => Ok(Look::Unreadable {
                is_key_proven: source.sqlite_error_code() != Some(ErrorCode::NotADatabase),
            }),
            Err(error) => Err(error),
        }
    }

    /// Moves aside, creates or migrates as needed, and opens all connections.
    fn settle(
        &self,
        dir: &Path,
        key: &Key,
        clock: &Clock,
        look: &Look,
        notes: &mut Vec<OpenNote>,
    ) -> Result<Connections> {
        let path = dir.join(self.name);
        if let Look::Unreadable { .. } = look {
            let moved_to = move_aside(&path, clock)?;
            tracing::error!(file = self.name, "A damaged database was moved aside.");
            notes.push(OpenNote::MovedAside {
                file: path.clone(),
                moved_to,
            });
        }
        let mut writer = connect(&path, key)?;
        match look {
            Look::Absent | Look::Unreadable { .. } => {
                writer
                    .execute_batch("PRAGMA auto_vacuum = INCREMENTAL")
                    .during("create a file")?;
                writer
                    .pragma_update(None, "application_id", APPLICATION_ID)
                    .during("create a file")?;
            }
            Look::Sound(version) if (1..migrate::newest(self.ladder)).contains(version) => {
                let stem = self.name.trim_end_matches(".db");
                // What happened may be lost, and may be many gigabytes: it is not copied.
                let backup = match self.durability {
                    Durability::Now => {
                        Some(migrate::back_up(&writer, dir, stem, *version, key, clock)?)
                    }
                    Durability::Soon => None,
                };
                notes.push(OpenNote::MigratedFrom {
                    file: path.clone(),
                    version: *version,
                    backup,
                });
            }
            Look::Sound(_) => {}
        }
        writer
            .execute_batch("PRAGMA journal_mode = WAL")
            .during("switch to a write-ahead log")?;
        configure(&writer, self.durability, self.cache_kb)?;
        migrate::climb(&mut writer, self.ladder)?;
        let readers = (0..self.n_readers)
            .map(|_| {
                let reader = connect(&path, key)?;
                configure(&reader, self.durability, READER_CACHE_KB)?;
                reader
                    .execute_batch("PRAGMA query_only = ON")
                    .during("open a reader")?;
                first_read(&reader)?;
                Ok(reader)
            })
            .collect::<Result<_>>()?;
        let damage_mark = self.damage_mark(dir);
        if damage_mark.exists() {
            _ = fs::remove_file(&damage_mark);
        }
        Ok(Connections {
            writer,
            readers,
            damage_mark,
        })
    }

    fn damage_mark(&self, dir: &Path) -> PathBuf {
        dir.join(format!("{}.check", self.name))
    }
}

fn configure(conn: &Connection, durability: Durability, cache_kb: u32) -> Result<()> {
    let synchronous = match durability {
        // On macOS only a full fsync reaches the disk; elsewhere the second setting says nothing.
        Durability::Now => "FULL; PRAGMA fullfsync = ON",
        Durability::Soon => "NORMAL",
    };
    conn.set_prepared_statement_cache_capacity(128);
    // SQLCipher would have every page overwritten that is freed. All pages are encrypted; what was on them goes when
    // they are used again.
    conn.execute_batch(&format!(
        "PRAGMA synchronous = {synchronous};
         PRAGMA secure_delete = FAST;
         PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA trusted_schema = OFF;
         PRAGMA cache_size = -{cache_kb};
         PRAGMA wal_autocheckpoint = 2000; -- 16 MB
         PRAGMA journal_size_limit = 67108864; -- 64 MB"
    ))
    .during("set up a connection")
}

/// Reads the first page, which is where a wrong key shows, and the version on it.
fn first_read(conn: &Connection) -> Result<u32> {
    conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| {
        row.get::<_, i64>(0)
    })
    .during("read the first page")?;
    migrate::version(conn)
}

/// Every page is there, authentic and in its place.
fn check(conn: &Connection) -> Result<()> {
    let answer: String = conn
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .during("check a file")?;
    if answer == "ok" {
        return Ok(());
    }
    Err(Error::Damaged {
        file: "the database",
        operation: "check a file",
        source: rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
            Some(answer),
        ),
    })
}

/// `patchbay.db` becomes `patchbay.db.damaged-<millis>`, its log `…-wal` beside it.
fn move_aside(path: &Path, clock: &Clock) -> Result<PathBuf> {
    let with_suffix = |path: &Path, suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let mut millis = clock.now();
    let moved_to = loop {
        let candidate = with_suffix(path, &format!(".damaged-{millis}"));
        if !candidate.exists() {
            break candidate;
        }
        millis += 1;
    };
    let rename = |from: &Path, to: &Path| {
        fs::rename(from, to).map_err(|source| Error::File {
            operation: "move aside",
            path: from.to_owned(),
            source,
        })
    };
    // The log first: were we cut off in between, the file would be found damaged again.
    let log = with_suffix(path, "-wal");
    if log.exists() {
        rename(&log, &with_suffix(&moved_to, "-wal"))?;
    }
    rename(path, &moved_to)?;
    _ = fs::remove_file(with_suffix(path, "-shm"));
    Ok(moved_to)
}

/// Taken while files are created, migrated or moved; released when it is dropped.
fn lock(path: &Path) -> Result<File> {
    let fail = |source| Error::File {
        operation: "lock",
        path: path.to_owned(),
        source,
    };
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(fail)?;
    match file.lock() {
        Ok(()) => Ok(file),
        // Some network file systems have no locks: then two first starts at the same instant may collide.
        Err(error) if error.kind() == std::io::ErrorKind::Unsupported => Ok(file),
        Err(source) => Err(fail(source)),
    }
}

fn create_private_dir(dir: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(dir).map_err(|source| Error::File {
        operation: "create",
        path: dir.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::secret::Secret;

    const FIRST: &str = "CREATE TABLE notes (text TEXT NOT NULL) STRICT";
    const SECOND: &str = "ALTER TABLE notes ADD COLUMN is_pinned INTEGER NOT NULL DEFAULT 0";

    fn layout(ladder: &'static [&'static str], durability: Durability) -> Layout {
        Layout {
            name: "notes.db",
            ladder,
            durability,
            n_readers: 1,
            cache_kb: HISTORY_CACHE_KB,
        }
    }

    /// Opens the file as a program with this ladder would, and adds a note.
    fn visit(dir: &Path, layout: &Layout) -> (Vec<OpenNote>, i64) {
        let key = Key::new(Secret::new("ab".repeat(32))).unwrap();
        let clock = Clock::manual(7_000);
        let look = layout.look(dir, &key, Verdict::Right).unwrap();
        let mut notes = Vec::new();
        let connections = layout.settle(dir, &key, &clock, &look, &mut notes).unwrap();
        connections
            .writer
            .execute("INSERT INTO notes (text) VALUES ('a note')", [])
            .unwrap();
        let n_notes = connections.readers[0]
            .query_row("SELECT count(*) FROM notes", [], |row| row.get(0))
            .unwrap();
        (notes, n_notes)
    }

    #[test]
    fn a_file_of_an_older_version_is_backed_up_and_migrated() {
        let dir = tempfile::tempdir().unwrap();
        let old = layout(&[FIRST], Durability::Now);
        let new = layout(&[FIRST, SECOND], Durability::Now);
        assert_eq!(visit(dir.path(), &old), (vec![], 1));
        let backup = dir.path().join("backups/notes-v1-7000.db");
        let expected = OpenNote::MigratedFrom {
            file: dir.path().join("notes.db"),
            version: 1,
            backup: Some(backup.clone()),
        };
        assert_eq!(visit(dir.path(), &new), (vec![expected], 2));
        assert_eq!(visit(dir.path(), &new), (vec![], 3));

        // The backup is the file as it was: put in its place, the older version goes on with it.
        fs::remove_file(dir.path().join("notes.db")).unwrap();
        fs::copy(backup, dir.path().join("notes.db")).unwrap();
        assert_eq!(visit(dir.path(), &old), (vec![], 2));
    }

    #[test]
    fn a_file_with_the_older_seal_keeps_it_and_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let key = Key::new(Secret::new("ab".repeat(32))).unwrap();
        let path = dir.path().join("notes.db");
        {
            let mut old = connect_as(&path, &key, Seal::Default).unwrap();
            migrate::climb(&mut old, &[FIRST]).unwrap();
        }
        let (notes, n_notes) = visit(dir.path(), &layout(&[FIRST, SECOND], Durability::Now));
        assert_eq!((notes.len(), n_notes), (1, 1));
        let seal_of = |path: &Path| {
            let conn = connect(path, &key).unwrap();
            first_read(&conn).unwrap();
            Seal::of(&conn).unwrap()
        };
        assert_eq!(seal_of(&path), Seal::Default);
        let backup = dir.path().join("backups/notes-v1-7000.db");
        assert_eq!(seal_of(&backup), Seal::Default);

        let fresh = tempfile::tempdir().unwrap();
        visit(fresh.path(), &layout(&[FIRST], Durability::Now));
        assert_eq!(seal_of(&fresh.path().join("notes.db")), Seal::Fast);
    }

    #[test]
    fn the_history_is_migrated_without_a_copy() {
        let dir = tempfile::tempdir().unwrap();
        visit(dir.path(), &layout(&[FIRST], Durability::Soon));
        let (notes, n_notes) = visit(dir.path(), &layout(&[FIRST, SECOND], Durability::Soon));
        let expected = OpenNote::MigratedFrom {
            file: dir.path().join("notes.db"),
            version: 1,
            backup: None,
        };
        assert_eq!((notes, n_notes), (vec![expected], 2));
        assert!(!dir.path().join("backups").exists());
    }
}
