//! The journal brings back all that it takes to settle a change.

use model::ids::ChangeId;
use model::record::Operation;
use model::run::RecordOutcome;
use store::journal::{self, Pending};
use store::run_records::{self, RunRecord};
use store::{Error, Store, outbox, runs};

use crate::support::{NOW, add_sync, in_memory, key, object, pending, run};

#[tokio::test]
async fn changes_come_back_in_order_and_as_they_were() {
    let store = in_memory();
    let sync = add_sync(&store).await;
    let other = add_sync(&store).await;
    let run = run(sync);
    let create = pending(&run, "a", r#"{"name":"Ada","amount":1.10}"#);
    let mut update = pending(&run, "b", r#"{"name":"Bo"}"#);
    update.change.operation = Operation::Update;
    update.change.target_key = Some(key("77"));
    update.change.before = Some(object(r#"{"name":null}"#));
    update.change.version = Some("3".into());
    update.mapped = object(r#"{"name":"Bo","tags":["x"]}"#);
    update.source = Some(model::value::Value::from("source"));
    update.seq = 9;
    let mut delete = pending(&run, "c", "{}");
    delete.change.operation = Operation::Delete;
    delete.change.target_key = Some(key("78"));
    delete.is_held = true;
    let all: Vec<Pending> = vec![create, update, delete];
    let ids: Vec<ChangeId> = all.iter().map(|pending| pending.change.id).collect();
    {
        let (all, run) = (all.clone(), run.clone());
        store
            .write(move |tx| {
                runs::insert(tx, &run)?;
                journal::insert_many(tx, &all)
            })
            .await
            .unwrap();
    }
    let run_id = run.id;
    let (of_sync, of_run, of_other, unsettled) = store
        .read(move |conn| {
            Ok((
                journal::pending_of_sync(conn, sync)?,
                journal::pending_of_run(conn, sync, run_id)?,
                journal::pending_of_sync(conn, other)?,
                journal::unsettled_syncs(conn)?,
            ))
        })
        .await
        .unwrap();
    assert_eq!(of_sync, all);
    assert_eq!(of_run, all);
    assert_eq!(of_other, []);
    assert_eq!(unsettled, [sync]);

    // Settling some leaves the others; settling them again does nothing.
    let some = vec![ids[0], ids[2]];
    for expected in [2, 0] {
        let some = some.clone();
        let n = store
            .write(move |tx| journal::settle_many(tx, sync, &some))
            .await
            .unwrap();
        assert_eq!(n, expected);
    }
    let left = store
        .read(move |conn| journal::pending_of_sync(conn, sync))
        .await
        .unwrap();
    assert_eq!(left, all[1..2]);
}

#[tokio::test]
async fn a_change_cannot_be_journalled_twice() {
    let store = in_memory();
    let sync = add_sync(&store).await;
    let entry = pending(&run(sync), 1, r#"{"n":1}"#);
    for is_first in [true, false] {
        let entry = entry.clone();
        let result = store
            .write(move |tx| journal::insert_many(tx, &[entry]))
            .await;
        assert_eq!(result.is_ok(), is_first, "{result:?}");
    }
}

#[tokio::test]
async fn what_was_altered_from_outside_is_told_and_not_guessed() {
    let store = in_memory();
    let sync = add_sync(&store).await;
    let entry = pending(&run(sync), 1, r#"{"n":1}"#);
    store
        .write(move |tx| journal::insert_many(tx, &[entry]))
        .await
        .unwrap();
    for column in ["operation", "fields", "mapped"] {
        let error = store
            .write(move |tx| {
                tx.execute(&format!("UPDATE journal SET {column} = 'odd'"), [])?;
                journal::pending_of_sync(tx, sync)
            })
            .await
            .unwrap_err();
        assert!(
            matches!(&error, Error::Corrupt { what } if what.contains(column)),
            "{error:?}"
        );
    }
}

/// A batch of changes of all kinds.
fn batch(run: &store::runs::Run, n: u64) -> Vec<Pending> {
    (1..=n)
        .map(|n| {
            let mut entry = pending(
                run,
                format!("k{n}"),
                &format!(r#"{{"n":{n},"text":"\\u0000\"é"}}"#),
            );
            entry.seq = n;
            entry.source =
                (n % 2 == 0).then(|| model::value::Value::Object(object(r#"{"a":1.10}"#)));
            if n % 3 == 0 {
                entry.change.operation = Operation::Update;
                entry.change.target_key = Some(key(n));
                entry.change.before = Some(object(r#"{"n":null}"#));
                entry.change.version = Some(n.to_string());
                entry.mapped = object(r#"{"n":1,"more":[]}"#);
                entry.intent = model::record::Intent::Undo;
                entry.side = model::sync::Side::Source;
            }
            entry
        })
        .collect()
}

async fn journalled(store: &Store, all: &[Pending]) {
    let all = all.to_vec();
    store
        .write(move |tx| journal::insert_many(tx, &all))
        .await
        .unwrap();
}

async fn left(store: &Store, sync: model::ids::SyncId) -> Vec<Pending> {
    store
        .read(move |conn| {
            let left = journal::pending_of_sync(conn, sync)?;
            assert_eq!(journal::count(conn, sync)?, left.len() as u64);
            let mut keys = journal::pending_keys(conn, sync)?;
            let mut expected: Vec<_> = left
                .iter()
                .map(|one| one.change.source_key.clone())
                .collect();
            keys.sort();
            expected.sort();
            assert_eq!(keys, expected);
            assert_eq!(journal::unsettled_syncs(conn)?.is_empty(), left.is_empty());
            Ok(left)
        })
        .await
        .unwrap()
}

async fn packets(store: &Store) -> i64 {
    store
        .read(|conn| Ok(conn.query_row("SELECT count(*) FROM packets", [], |row| row.get(0))?))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_batch_comes_back_as_it_was_and_is_settled_in_parts() {
    let store = in_memory();
    let sync = add_sync(&store).await;
    let run = run(sync);
    let all = batch(&run, 30);
    journalled(&store, &all).await;
    assert_eq!(left(&store, sync).await, all);
    assert_eq!(packets(&store).await, 1);

    // Some are settled, one is held, the rest stays; then all but the held one go.
    let ids: Vec<ChangeId> = all.iter().map(|one| one.change.id).collect();
    let (some, held) = (ids[..10].to_vec(), vec![ids[20]]);
    store
        .write(move |tx| {
            assert_eq!(journal::settle_many(tx, sync, &some)?, 10);
            assert_eq!(journal::hold_many(tx, sync, &held)?, 1);
            Ok(())
        })
        .await
        .unwrap();
    let mut expected = all[10..].to_vec();
    expected[10].is_held = true;
    assert_eq!(left(&store, sync).await, expected);
    assert_eq!(packets(&store).await, 0);
    let rest: Vec<ChangeId> = ids.iter().copied().filter(|id| *id != ids[20]).collect();
    let n = store
        .write(move |tx| journal::settle_many(tx, sync, &rest))
        .await
        .unwrap();
    assert_eq!(n, 19);
    assert_eq!(left(&store, sync).await, expected[10..11]);
    let key = expected[10].change.source_key.clone();
    let n = store
        .write(move |tx| journal::release_many(tx, sync, &[key]))
        .await
        .unwrap();
    assert_eq!(n, 1);
    assert_eq!(left(&store, sync).await, []);
}

#[tokio::test]
async fn one_of_a_batch_can_be_held_while_nothing_is_settled() {
    let store = in_memory();
    let sync = add_sync(&store).await;
    let all = batch(&run(sync), 12);
    journalled(&store, &all).await;
    let held = vec![all[3].change.id];
    store
        .write(move |tx| journal::hold_many(tx, sync, &held))
        .await
        .unwrap();
    let mut expected = all;
    expected[3].is_held = true;
    assert_eq!(left(&store, sync).await, expected);
}

#[tokio::test]
async fn a_batch_that_was_altered_from_outside_is_told() {
    let store = in_memory();
    let sync = add_sync(&store).await;
    for (table, column) in [("packets", "changes"), ("journal_batches", "marks")] {
        journalled(&store, &batch(&run(sync), 9)).await;
        let error = store
            .write(move |tx| {
                tx.execute(&format!("UPDATE {table} SET {column} = x'0102'"), [])?;
                journal::pending_of_sync(tx, sync)
            })
            .await
            .unwrap_err();
        assert!(
            matches!(&error, Error::Corrupt { what } if what.contains(column)),
            "{error:?}"
        );
    }
}

/// What the history says of a change.
fn line(pending: &Pending, outcome: RecordOutcome) -> RunRecord {
    RunRecord {
        run: pending.run,
        seq: pending.seq,
        sync: pending.sync,
        source_key: Some(pending.change.source_key.clone()),
        target_key: Some(key(1000 + pending.seq)),
        side: pending.side,
        outcome,
        message: None,
        field: None,
        before: pending
            .change
            .before
            .clone()
            .map(model::value::Value::Object),
        after: Some(model::value::Value::Object(pending.change.fields.clone())),
        source: pending.source.clone(),
        exchange: None,
        at: NOW,
    }
}

#[tokio::test]
async fn what_was_journalled_reaches_the_history_without_being_written_again() {
    let store = in_memory();
    let sync = add_sync(&store).await;
    let run = run(sync);
    let mut all = batch(&run, 40);
    journalled(&store, &all[..30]).await;
    // Some were made anew since, under other ids; some were never sent.
    journalled(
        &store,
        &all[20..25]
            .iter_mut()
            .map(|one| {
                one.change.id = ChangeId::new();
                one.clone()
            })
            .collect::<Vec<_>>(),
    )
    .await;
    let settled: Vec<ChangeId> = all[..28].iter().map(|one| one.change.id).collect();
    let lines: Vec<RunRecord> = all
        .iter()
        .enumerate()
        .map(|(n, one)| {
            line(
                one,
                if n < 30 {
                    RecordOutcome::Created
                } else {
                    RecordOutcome::Invalid
                },
            )
        })
        .collect();
    let changes: Vec<Option<ChangeId>> = all
        .iter()
        .enumerate()
        .map(|(n, one)| (n < 30).then_some(one.change.id))
        .collect();
    let expected = lines.clone();
    store
        .write(move |tx| {
            let settled = journal::settle(tx, sync, &settled)?;
            assert_eq!(settled.count, 28);
            let told: Vec<_> = lines.iter().map(RunRecord::told).collect();
            outbox::put_settled(tx, &told, &changes, &settled)
        })
        .await
        .unwrap();
    // What is left of the batch: the stale ones and two without an outcome.
    assert_eq!(left(&store, sync).await.len(), 7);
    assert_eq!(packets(&store).await, 1);
    store.copy_history().await.unwrap();
    assert_eq!(packets(&store).await, 0);
    let run = run.id;
    let found = store
        .read_history(move |conn| {
            (1..=40)
                .map(|seq| Ok(run_records::get(conn, run, seq)?.unwrap()))
                .collect::<store::Result<Vec<_>>>()
        })
        .await
        .unwrap();
    assert_eq!(found, expected);
}
