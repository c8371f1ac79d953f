//! The fields of new records are written once: journalled, they are what the history shows and what the links keep.

use model::ids::{ChangeId, SyncId};
use model::run::RecordOutcome;
use store::journal::{self, Pending};
use store::links::{self, Link};
use store::run_records::{self, RunRecord};
use store::runs::Run;
use store::{Store, agreed, outbox};

use crate::support::{NOW, add_sync, in_memory, key, object, pending, run};

/// How many rows each table has that holds fields.
async fn rows(store: &Store) -> [i64; 3] {
    store
        .read(|conn| {
            let count = |table| {
                let sql = format!("SELECT count(*) FROM {table}");
                Ok::<_, store::Error>(conn.query_row(&sql, [], |row| row.get(0))?)
            };
            Ok([
                count("packets")?,
                count("shadow_packets")?,
                count("shadows")?,
            ])
        })
        .await
        .unwrap()
}

fn creates(run: &Run, from: u64, n: u64) -> Vec<Pending> {
    (from..from + n)
        .map(|n| {
            let mut entry = pending(
                run,
                format!("k{n:03}"),
                &format!(r#"{{"n":{n},"t":"é\"{n}"}}"#),
            );
            entry.seq = n;
            entry.source = Some(model::value::Value::Object(object(r#"{"a":1.10}"#)));
            entry
        })
        .collect()
}

fn link_of(entry: &Pending) -> Link {
    Link {
        source_key: entry.change.source_key.clone(),
        target_key: key(1000 + entry.seq),
        source_fingerprint: entry.mapped_fingerprint,
        shadow: entry.mapped.clone(),
        target_shadow: None,
        target_version: Some("1".into()),
        source_version: None,
        made_on: None,
    }
}

fn line_of(entry: &Pending) -> RunRecord {
    RunRecord {
        run: entry.run,
        seq: entry.seq,
        sync: entry.sync,
        source_key: Some(entry.change.source_key.clone()),
        target_key: Some(key(1000 + entry.seq)),
        side: entry.side,
        outcome: RecordOutcome::Created,
        message: None,
        field: None,
        before: None,
        after: Some(model::value::Value::Object(entry.change.fields.clone())),
        source: entry.source.clone(),
        exchange: None,
        at: NOW,
    }
}

/// Journals creates, and commits them as a run does.
async fn load(store: &Store, sync: SyncId, entries: &[Pending]) {
    let all = entries.to_vec();
    store
        .write(move |tx| journal::insert_many(tx, &all))
        .await
        .unwrap();
    let all = entries.to_vec();
    store
        .write(move |tx| {
            let ids: Vec<ChangeId> = all.iter().map(|entry| entry.change.id).collect();
            let settled = journal::settle(tx, sync, &ids)?;
            let new: Vec<Link> = all.iter().map(link_of).collect();
            let places = ids.iter().map(|id| settled.shadow_of(*id));
            let new = new
                .iter()
                .zip(places)
                .map(|(link, place)| (link, None, place));
            links::upsert_journalled(tx, sync, new)?;
            let lines: Vec<RunRecord> = all.iter().map(line_of).collect();
            let told: Vec<_> = lines.iter().map(RunRecord::told).collect();
            let changes: Vec<_> = ids.into_iter().map(Some).collect();
            outbox::put_settled(tx, &told, &changes, &settled)
        })
        .await
        .unwrap();
}

async fn linked(store: &Store, sync: SyncId) -> Vec<Link> {
    store
        .read(move |conn| links::page(conn, sync, None, 1000))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_shadow_stays_where_it_was_journalled_until_it_changes() {
    let store = in_memory();
    let sync = add_sync(&store).await;
    let run = run(sync);
    let entries = creates(&run, 1, 20);
    load(&store, sync, &entries).await;
    // What was known of the changes, and their fields, of which no link has another copy.
    assert_eq!(rows(&store).await, [2, 1, 0]);
    store.copy_history().await.unwrap();
    assert_eq!(rows(&store).await, [1, 1, 0]);

    let run_id = run.id;
    let told = store
        .read_history(move |conn| {
            (1..=20)
                .map(|seq| Ok(run_records::get(conn, run_id, seq)?.unwrap()))
                .collect::<store::Result<Vec<_>>>()
        })
        .await
        .unwrap();
    assert_eq!(told, entries.iter().map(line_of).collect::<Vec<_>>());

    let mut expected: Vec<Link> = entries.iter().map(link_of).collect();
    assert_eq!(linked(&store, sync).await, expected);
    let (by_key, by_target) = store
        .read(move |conn| {
            let keys = [key("k011"), key("nobody"), key("k003")];
            let by_target = links::get_by_target(conn, sync, &key(1007))?;
            Ok((links::get_many(conn, sync, &keys)?, by_target))
        })
        .await
        .unwrap();
    assert_eq!(by_key.len(), 2);
    assert_eq!(by_key[&key("k011")], expected[10]);
    assert_eq!(by_key[&key("k003")], expected[2]);
    assert_eq!(by_target.as_ref(), Some(&expected[6]));

    // One is replaced, in one both sides came to agree on a field.
    expected[4].shadow = object(r#"{"n":1.50}"#);
    expected[4].target_shadow = Some(object(r#"{"n":1.5}"#));
    let changed = expected[4].clone();
    let other = entries[8].change.source_key.clone();
    store
        .write(move |tx| {
            links::upsert_many(tx, sync, &[changed])?;
            let news = agreed::Agreed {
                source_key: other,
                target_key: key(1009),
                source: object(r#"{"n":90}"#),
                target: object(r#"{"n":90}"#),
                fingerprint: None,
                source_version: Some("s2".into()),
                target_version: None,
                made_on: None,
            };
            agreed::note_many(tx, sync, vec![news])
        })
        .await
        .unwrap();
    expected[8].shadow.insert("n", model::value::Value::Int(90));
    expected[8].source_version = Some("s2".into());
    assert_eq!(linked(&store, sync).await, expected);
    assert_eq!(rows(&store).await, [1, 1, 2]);
}

#[tokio::test]
async fn a_packet_of_shadows_goes_with_the_last_that_is_in_it() {
    let store = in_memory();
    let sync = add_sync(&store).await;
    let run = run(sync);
    let entries = creates(&run, 1, 12);
    load(&store, sync, &entries).await;
    load(&store, sync, &creates(&run, 13, 10)).await;
    // The history waits for both of them, whoever else does not any more.
    let delete = async |keys: std::ops::RangeInclusive<u64>| {
        let keys: Vec<_> = keys.map(|n| key(format!("k{n:03}"))).collect();
        store
            .write(move |tx| links::delete_many(tx, sync, &keys))
            .await
            .unwrap()
    };
    assert_eq!(delete(1..=11).await, 11);
    assert_eq!(rows(&store).await, [4, 2, 0]);
    assert_eq!(delete(11..=12).await, 1);
    assert_eq!(rows(&store).await, [4, 1, 0]);
    store.copy_history().await.unwrap();
    assert_eq!(rows(&store).await, [1, 1, 0]);
    // All others at once.
    let n = store
        .write(move |tx| links::delete_all(tx, sync))
        .await
        .unwrap();
    assert_eq!(n, 10);
    assert_eq!(rows(&store).await, [0, 0, 0]);
}

#[tokio::test]
async fn a_batch_that_was_not_sent_leaves_nothing() {
    let store = in_memory();
    let sync = add_sync(&store).await;
    let entries = creates(&run(sync), 1, 10);
    let all = entries.clone();
    store
        .write(move |tx| journal::insert_many(tx, &all))
        .await
        .unwrap();
    assert_eq!(rows(&store).await, [2, 0, 0]);
    let pending = store
        .read(move |conn| journal::pending_of_sync(conn, sync))
        .await
        .unwrap();
    assert_eq!(pending, entries);
    let ids: Vec<ChangeId> = entries.iter().map(|entry| entry.change.id).collect();
    let n = store
        .write(move |tx| journal::settle_many(tx, sync, &ids))
        .await
        .unwrap();
    assert_eq!(n, 10);
    assert_eq!(rows(&store).await, [0, 0, 0]);
}

#[tokio::test]
async fn a_packet_of_shadows_that_was_altered_from_outside_is_told() {
    let store = in_memory();
    let sync = add_sync(&store).await;
    load(&store, sync, &creates(&run(sync), 1, 10)).await;
    let error = store
        .write(move |tx| {
            tx.execute("UPDATE packets SET changes = x'0102'", [])?;
            links::page(tx, sync, None, 10)
        })
        .await
        .unwrap_err();
    assert!(
        matches!(&error, store::Error::Corrupt { what } if what.contains("shadows")),
        "{error:?}"
    );
}
