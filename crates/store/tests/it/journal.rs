//! The journal brings back all that it takes to settle a change.

use model::ids::ChangeId;
use model::record::Operation;
use store::journal::{self, Pending};
use store::{Error, runs};

use crate::support::{add_sync, in_memory, key, object, pending, run};

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
