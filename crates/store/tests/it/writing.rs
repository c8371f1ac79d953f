//! Transactions: all or nothing, whoever else writes, whatever goes wrong.

use model::cursor::Checkpoint;
use model::run::RunCounts;
use store::{Error, Store, checkpoints, journal, links, outbox, runs, settings};

use crate::support::{add_sync, in_memory, key, link, open, pending, record, run};

async fn count(store: &Store, name: &'static str) -> u64 {
    store
        .read(move |conn| Ok(settings::get(conn, name)?.unwrap_or_default()))
        .await
        .unwrap()
}

async fn increment(store: &Store, name: &'static str) {
    store
        .write(move |tx| {
            let n: u64 = settings::get(tx, name)?.unwrap_or_default();
            settings::put(tx, name, &(n + 1))
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn an_error_takes_everything_of_its_transaction_back() {
    let store = in_memory();
    let sync = add_sync(&store).await;
    let run = run(sync);
    let change = pending(&run, 1, r#"{"name":"Ada"}"#);
    let id = change.change.id;
    {
        let run = run.clone();
        store
            .write(move |tx| {
                runs::insert(tx, &run)?;
                journal::insert_many(tx, &[change])
            })
            .await
            .unwrap();
    }
    let commit = move |fails: bool| {
        move |tx: &store::Transaction<'_>| {
            journal::settle_many(tx, sync, &[id])?;
            links::upsert_many(tx, sync, &[link(1, 2, r#"{"name":"Ada"}"#)])?;
            let counts = RunCounts {
                read: 1,
                created: 1,
                ..RunCounts::default()
            };
            runs::add_counts(tx, run.id, &counts)?;
            outbox::put_many(
                tx,
                &[record(run.id, sync, 1, model::run::RecordOutcome::Created)],
            )?;
            checkpoints::advance(tx, sync, &Checkpoint::default())?;
            if fails {
                return Err(Error::Closed);
            }
            Ok(())
        }
    };
    let look = || async {
        store
            .read(move |conn| {
                Ok((
                    journal::count(conn, sync)?,
                    links::count(conn, sync)?,
                    runs::last_of_sync(conn, sync)?.unwrap().counts.read,
                    outbox::count(conn)?,
                    checkpoints::get(conn, sync)?.map(|stored| stored.sequence),
                ))
            })
            .await
            .unwrap()
    };
    let again = commit;
    store.write(commit(true)).await.unwrap_err();
    assert_eq!(look().await, (1, 0, 0, 0, None));
    store.write(again(false)).await.unwrap();
    assert_eq!(look().await, (0, 1, 1, 1, Some(1)));
}

#[tokio::test]
async fn a_job_that_panics_is_rolled_back_and_the_store_goes_on() {
    let store = in_memory();
    let error = store
        .write(|tx| {
            settings::put(tx, "n", &1)?;
            if true {
                panic!("on purpose");
            }
            Ok(())
        })
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Closed), "{error:?}");
    assert_eq!(count(&store, "n").await, 0);
    increment(&store, "n").await;
    assert_eq!(count(&store, "n").await, 1);
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let dir = tempfile::tempdir().unwrap();
    for store in [in_memory(), open(dir.path()).store] {
        let write = |conn: &store::Connection| {
            conn.execute("DELETE FROM settings", [])?;
            Ok(())
        };
        store.read(write).await.unwrap_err();
        store
            .read_history(|conn| {
                conn.execute("DELETE FROM exchanges", [])?;
                Ok(())
            })
            .await
            .unwrap_err();
        increment(&store, "n").await;
        assert_eq!(count(&store, "n").await, 1);
    }
}

#[tokio::test]
async fn a_read_sees_one_moment_although_others_write() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).store;
    increment(&store, "n").await;
    let (has_read, wait_for_read) = std::sync::mpsc::channel();
    let (has_written, wait_for_write) = std::sync::mpsc::channel();
    let reader = store.clone();
    let reading = tokio::spawn(async move {
        reader
            .read(move |conn| {
                let first: Option<u64> = settings::get(conn, "n")?;
                has_read.send(()).unwrap();
                wait_for_write.recv().unwrap();
                let second: Option<u64> = settings::get(conn, "n")?;
                Ok((first, second))
            })
            .await
            .unwrap()
    });
    tokio::task::spawn_blocking(move || wait_for_read.recv().unwrap())
        .await
        .unwrap();
    increment(&store, "n").await;
    has_written.send(()).unwrap();
    assert_eq!(reading.await.unwrap(), (Some(1), Some(1)));
    assert_eq!(count(&store, "n").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_write_at_once_and_no_write_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    // Two stores share nothing but the files, as two processes do.
    let stores = [open(dir.path()).store, open(dir.path()).store];
    let tasks: Vec<_> = (0..4)
        .map(|n| {
            let store = stores[n % 2].clone();
            tokio::spawn(async move {
                for _ in 0..50 {
                    increment(&store, "n").await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for store in &stores {
        assert_eq!(count(store, "n").await, 200);
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_nothing_is_half_written() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).store;
    let sync = add_sync(&store).await;
    let limit = |pages: u32| {
        let store = store.clone();
        async move {
            store
                .write(move |tx| {
                    tx.pragma_update(None, "max_page_count", pages)?;
                    Ok(())
                })
                .await
        }
    };
    // SQLite does not go below what is in use: the file may not grow any more.
    _ = limit(1).await;
    let wide = format!(r#"{{"text":"{}"}}"#, "x".repeat(20_000));
    let text = wide.clone();
    let error = store
        .write(move |tx| {
            settings::put(tx, "n", &7)?;
            for n in 0..100 {
                links::upsert_many(tx, sync, &[link(n, n, &text)])?;
            }
            Ok(())
        })
        .await
        .unwrap_err();
    assert!(matches!(error, Error::DiskFull { .. }), "{error:?}");
    assert!(error.to_string().contains("free some space"), "{error}");
    assert_eq!(count(&store, "n").await, 0);
    let n_links = store
        .read(move |conn| links::count(conn, sync))
        .await
        .unwrap();
    assert_eq!(n_links, 0);

    // Room again: the same store goes on.
    _ = limit(1_000_000).await;
    store
        .write(move |tx| links::upsert_many(tx, sync, &[link(1, 2, &wide)]))
        .await
        .unwrap();
    store.close();
    let opened = open(dir.path());
    assert_eq!(opened.notes, []);
    let links = opened
        .store
        .read(move |conn| links::get_many(conn, sync, &[key(1), key(2)]))
        .await
        .unwrap();
    assert_eq!(links.len(), 1);
}

#[tokio::test]
async fn work_that_was_handed_over_is_done_although_nobody_waits() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).store;
    {
        let write = increment(&store, "n");
        tokio::select! {
            biased;
            () = write => panic!("the first poll only hands over"),
            () = std::future::ready(()) => {}
        }
    }
    store.close();
    assert_eq!(count(&open(dir.path()).store, "n").await, 1);
}

#[tokio::test]
async fn a_job_may_hold_the_last_handle() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).store;
    let last = store.clone();
    let writing = store.write(move |tx| {
        settings::put(tx, "n", &1)?;
        drop(last);
        Ok(())
    });
    writing.await.unwrap();
    store.close();
    assert_eq!(count(&open(dir.path()).store, "n").await, 1);
}
