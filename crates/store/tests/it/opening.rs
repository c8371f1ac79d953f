//! Files that are new, old, foreign, damaged, or open twice.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use store::{Error, OpenNote, Store, settings};

use crate::support::{NOW, open, options};

async fn put(store: &Store, value: &'static str) {
    store
        .write(move |tx| settings::put(tx, "greeting", &value))
        .await
        .unwrap();
}

async fn greeting(store: &Store) -> Option<String> {
    store
        .read(|conn| settings::get(conn, "greeting"))
        .await
        .unwrap()
}

/// Every file with its content, except the lock that opening takes.
fn snapshot(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && !path.ends_with("patchbay.lock"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        })
        .collect()
}

#[tokio::test]
async fn what_was_written_is_there_after_opening_again() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("made/on/the/way");
    let opened = open(&folder);
    assert_eq!(opened.notes, []);
    put(&opened.store, "hello").await;
    opened.store.close();

    let opened = open(&folder);
    assert_eq!(opened.notes, []);
    assert_eq!(greeting(&opened.store).await.as_deref(), Some("hello"));
}

#[tokio::test]
async fn a_power_cut_loses_no_commit() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).store;
    put(&store, "on the disk").await;
    // What the disk holds while the store is open is what a power cut would leave.
    let after = tempfile::tempdir().unwrap();
    for (name, bytes) in snapshot(dir.path()) {
        fs::write(after.path().join(name), bytes).unwrap();
    }
    fs::remove_file(after.path().join("patchbay.db-shm")).unwrap();
    let store = open(after.path()).store;
    assert_eq!(greeting(&store).await.as_deref(), Some("on the disk"));
}

#[tokio::test]
async fn a_wrong_key_touches_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).store;
    put(&store, "mine").await;
    store.close();
    let before = snapshot(dir.path());

    let error = Store::open(options(dir.path(), "b8")).unwrap_err();
    assert!(matches!(error, Error::WrongKey { .. }), "{error:?}");
    assert_eq!(snapshot(dir.path()), before);

    // Without the note about the key it cannot be told from damage: still nothing is touched.
    let note = dir.path().join("patchbay.keyid");
    for text in ["", "1 salt", "9 something from the future"] {
        fs::write(&note, text).unwrap();
        let error = Store::open(options(dir.path(), "b8")).unwrap_err();
        assert!(matches!(error, Error::WrongKey { .. }), "{error:?}");
        let mut after = snapshot(dir.path());
        assert_eq!(after.remove("patchbay.keyid").unwrap(), text.as_bytes());
        after.insert("patchbay.keyid".into(), before["patchbay.keyid"].clone());
        assert_eq!(after, before);
    }

    // The right key still opens it, and writes the note anew.
    let store = open(dir.path()).store;
    assert_eq!(greeting(&store).await.as_deref(), Some("mine"));
    store.close();
    let error = Store::open(options(dir.path(), "b8")).unwrap_err();
    assert!(matches!(error, Error::WrongKey { .. }), "{error:?}");
}

#[tokio::test]
async fn a_wrong_key_is_told_from_the_history_alone() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).store.close();
    fs::remove_file(dir.path().join("patchbay.db")).unwrap();
    let before = snapshot(dir.path());
    for _ in 0..2 {
        let error = Store::open(options(dir.path(), "b8")).unwrap_err();
        assert!(matches!(error, Error::WrongKey { .. }), "{error:?}");
        _ = fs::remove_file(dir.path().join("patchbay.keyid"));
    }
    assert_eq!(snapshot(dir.path())["history.db"], before["history.db"]);
}

#[test]
fn a_key_that_is_none_is_refused_before_anything_is_made() {
    let dir = tempfile::tempdir().unwrap();
    for key in ["", "a", "zz", "a7a7"] {
        let error = Store::open(options(dir.path(), key)).unwrap_err();
        assert!(matches!(error, Error::MalformedKey), "{key}: {error:?}");
    }
    assert_eq!(snapshot(dir.path()).len(), 0);
}

#[tokio::test]
async fn a_newer_file_is_refused_and_left_alone() {
    for file in ["patchbay.db", "history.db"] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).store;
        let raise = |tx: &store::Transaction<'_>| {
            tx.pragma_update(None, "user_version", 99)?;
            Ok(())
        };
        if file == "patchbay.db" {
            store.write(raise).await.unwrap();
        } else {
            store.write_history(raise).await.unwrap();
        }
        store.close();
        let before = snapshot(dir.path());
        let error = Store::open(options(dir.path(), "a7")).unwrap_err();
        assert!(
            matches!(&error, Error::NewerVersion { path, found: 99, supported: 1..99 } if path.ends_with(file)),
            "{error:?}"
        );
        assert_eq!(snapshot(dir.path()), before, "{file}");
    }
}

#[tokio::test]
async fn a_damaged_file_is_moved_aside_and_reported() {
    // What is done to the file, and whether it is still told from a wrong key without the note.
    type Damage = fn(Vec<u8>) -> Vec<u8>;
    let damages: [(&str, Damage); 5] = [
        ("garbage", |_| vec![0x5a; 20_000]),
        ("a plain database", |_| {
            let mut bytes = b"SQLite format 3\0".to_vec();
            bytes.resize(8192, 0);
            bytes
        }),
        ("cut off", |mut bytes| {
            bytes.truncate(bytes.len() / 2 + 100);
            bytes
        }),
        ("a flipped bit on the first page", |mut bytes| {
            bytes[2000] ^= 1;
            bytes
        }),
        ("a flipped bit on a later page", |mut bytes| {
            bytes[5 * 4096 + 77] ^= 1;
            bytes
        }),
    ];
    for file in ["patchbay.db", "history.db"] {
        for (name, damage) in damages {
            let dir = tempfile::tempdir().unwrap();
            let store = open(dir.path()).store;
            put(&store, "before").await;
            store.close();
            let path = dir.path().join(file);
            let damaged = damage(fs::read(&path).unwrap());
            fs::write(&path, &damaged).unwrap();

            let opened = Store::open(options(dir.path(), "a7"))
                .unwrap_or_else(|error| panic!("{file}, {name}: {error:?}"));
            let moved_to = dir.path().join(format!("{file}.damaged-{NOW}"));
            assert_eq!(
                opened.notes,
                [OpenNote::MovedAside {
                    file: path,
                    moved_to: moved_to.clone()
                }],
                "{file}, {name}"
            );
            assert_eq!(fs::read(&moved_to).unwrap(), damaged, "{file}, {name}");
            let expected = (file == "history.db").then_some("before");
            assert_eq!(greeting(&opened.store).await.as_deref(), expected);
            put(&opened.store, "after").await;
            opened.store.close();

            let opened = open(dir.path());
            assert_eq!(opened.notes, []);
            assert_eq!(greeting(&opened.store).await.as_deref(), Some("after"));
        }
    }
}

#[tokio::test]
async fn a_second_damaged_file_does_not_replace_the_first() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).store.close();
    for content in ["one", "two"] {
        fs::write(dir.path().join("patchbay.db"), content.repeat(3000)).unwrap();
        open(dir.path()).store.close();
    }
    let files = snapshot(dir.path());
    assert!(files[&format!("patchbay.db.damaged-{NOW}")].starts_with(b"one"));
    assert!(files[&format!("patchbay.db.damaged-{}", NOW + 1)].starts_with(b"two"));
}

#[tokio::test]
async fn damage_that_shows_later_is_told_and_checked_at_the_next_opening() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).store;
    put(&store, "x").await;
    store.close();
    let store = open(dir.path()).store;
    let path = dir.path().join("patchbay.db");
    let mut bytes = fs::read(&path).unwrap();
    for page in 2..bytes.len() / 4096 {
        bytes[page * 4096 + 50] ^= 1;
    }
    fs::write(&path, bytes).unwrap();
    let error = store.read(store::connections::list).await.unwrap_err();
    assert!(
        matches!(&error, Error::Damaged { file, .. } if *file == "patchbay.db"),
        "{error:?}"
    );
    assert!(dir.path().join("patchbay.db.check").exists());
    store.close();
    let opened = open(dir.path());
    assert!(matches!(&opened.notes[..], [OpenNote::MovedAside { .. }]));
    assert!(!dir.path().join("patchbay.db.check").exists());
}

#[test]
fn eight_first_starts_at_once_make_one_store() {
    let dir = tempfile::tempdir().unwrap();
    let stores: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| open(dir.path()))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(stores.iter().all(|opened| opened.notes.is_empty()));
}

#[tokio::test]
async fn nothing_can_be_read_in_the_files() {
    const CANARY: &str = "canary-that-must-not-show";
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).store;
    put(&store, CANARY).await;
    store
        .write_history(|tx| {
            tx.execute(
                "INSERT INTO recorded_runs (run, sync) VALUES (zeroblob(16), ?1)",
                [CANARY.as_bytes()],
            )?;
            Ok(())
        })
        .await
        .unwrap();
    let check = |when: &str| {
        for (name, bytes) in snapshot(dir.path()) {
            assert!(!bytes.starts_with(b"SQLite"), "{name} {when}");
            for text in [CANARY, "a7a7a7a7", "CREATE TABLE"] {
                assert!(
                    !bytes
                        .windows(text.len())
                        .any(|part| part == text.as_bytes()),
                    "{text} in {name} {when}"
                );
            }
        }
    };
    assert!(
        fs::metadata(dir.path().join("patchbay.db-wal"))
            .unwrap()
            .len()
            > 0
    );
    check("while open");
    store.close();
    check("when closed");
}
