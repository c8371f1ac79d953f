//! Records that need a person, across runs.

use model::ids::{RunId, SyncId};
use model::run::{RecordOutcome, RunState};
use model::value::Fingerprint;
use store::unwritten::{self, Failure, Place};
use store::{Error, Store, runs};

use crate::support::{NOW, add_sync, in_memory, key, run};

/// A run that has ended.
async fn add_run(store: &Store, sync: SyncId) -> RunId {
    let run = run(sync);
    let id = run.id;
    store
        .write(move |tx| {
            runs::insert(tx, &run)?;
            runs::set_state(tx, id, RunState::Completed, None, NOW)
        })
        .await
        .unwrap();
    id
}

fn failure(name: &str, seq: u64, outcome: RecordOutcome, mapped: u128) -> Failure {
    Failure {
        source_key: key(name),
        seq,
        outcome,
        fingerprint: (mapped != 0).then_some(Fingerprint(mapped)),
    }
}

async fn put(store: &Store, sync: SyncId, run: RunId, records: &[(&str, u64)]) {
    let records: Vec<_> = records
        .iter()
        .map(|(name, seq)| failure(name, *seq, RecordOutcome::Rejected, 1))
        .collect();
    store
        .write(move |tx| unwritten::put_many(tx, sync, run, &records))
        .await
        .unwrap();
}

/// Key, run and place of all, read two at a time.
async fn list(store: &Store, sync: SyncId) -> Vec<(String, RunId, u64)> {
    let mut found = Vec::new();
    let mut after: Option<Place> = None;
    loop {
        let from = after
            .as_ref()
            .map(|place| Place::parse(&place.to_text()).unwrap());
        assert_eq!(from, after);
        let (page, next) = store
            .read(move |db| unwritten::page(db, sync, from.as_ref(), 2))
            .await
            .unwrap();
        assert!(page.len() <= 2);
        found.extend(
            page.into_iter()
                .map(|record| (record.source_key.0, record.run, record.seq)),
        );
        after = next;
        if after.is_none() {
            let n = store
                .read(move |db| unwritten::count(db, sync))
                .await
                .unwrap();
            assert_eq!(n, found.len() as u64);
            return found;
        }
    }
}

#[tokio::test]
async fn a_record_is_listed_once_with_the_run_that_saw_it_last() {
    let store = in_memory();
    let (sync, other) = (add_sync(&store).await, add_sync(&store).await);
    let (first, second) = (add_run(&store, sync).await, add_run(&store, sync).await);
    let of_other = add_run(&store, other).await;
    put(&store, sync, first, &[("a", 1), ("b c", 2), ("c", 3)]).await;
    put(&store, other, of_other, &[("a", 1)]).await;
    put(&store, sync, second, &[("b c", 9)]).await;
    let expected = [
        ("a".to_owned(), first, 1),
        ("b c".to_owned(), second, 9),
        ("c".to_owned(), first, 3),
    ];
    assert_eq!(list(&store, sync).await, expected);

    store
        .write(move |tx| unwritten::remove_many(tx, sync, [&key("a"), &key("never there")]))
        .await
        .unwrap();
    assert_eq!(list(&store, sync).await, expected[1..]);
    assert_eq!(list(&store, other).await.len(), 1, "another sync's stay");

    store
        .write(move |tx| unwritten::keep_only(tx, sync, second))
        .await
        .unwrap();
    assert_eq!(list(&store, sync).await, expected[1..2]);
    assert_eq!(list(&store, other).await.len(), 1, "another sync's stay");
}

#[tokio::test]
async fn records_without_a_key_are_counted_one_by_one() {
    let store = in_memory();
    let sync = add_sync(&store).await;
    let run = add_run(&store, sync).await;
    put(&store, sync, run, &[("", 1), ("", 2), ("", 3), ("a", 4)]).await;
    let expected =
        [("", 1), ("", 2), ("", 3), ("a", 4)].map(|(key, seq)| (key.to_owned(), run, seq));
    assert_eq!(list(&store, sync).await, expected);
    // Nobody knows whether another record without a key is one of them.
    store
        .write(move |tx| unwritten::remove_many(tx, sync, [&key("")]))
        .await
        .unwrap();
    assert_eq!(list(&store, sync).await, expected);
}

#[tokio::test]
async fn a_run_that_nobody_knows_is_refused() {
    let store = in_memory();
    let sync = add_sync(&store).await;
    let error = store
        .write(move |tx| {
            let records = [failure("a", 1, RecordOutcome::Held, 1)];
            unwritten::put_many(tx, sync, RunId::new(), &records)
        })
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::NotFound { what: "run", .. }),
        "{error:?}"
    );
}

#[test]
fn a_place_that_is_no_place_is_refused() {
    for text in ["", "7", "x y", " a"] {
        assert_eq!(Place::parse(text), None, "{text:?}");
    }
}

/// The keys that a run would try again, read one at a time.
async fn due(store: &Store, sync: SyncId, run: RunId, most_tries: u32) -> Vec<String> {
    store
        .read(move |db| {
            let mut found = Vec::new();
            let mut after = None;
            while let Some(next) =
                unwritten::due(db, sync, run, most_tries, after.as_ref(), 1)?.pop()
            {
                found.push(next.source_key.0.clone());
                after = Some(next.source_key);
            }
            Ok(found)
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn a_record_is_tried_again_until_it_was_tried_too_often_as_the_same() {
    let store = in_memory();
    let sync = add_sync(&store).await;
    let fails = async |outcome, mapped| {
        let run = add_run(&store, sync).await;
        store
            .write(move |tx| {
                let records = [failure("a", 1, outcome, mapped)];
                unwritten::put_many(tx, sync, run, &records)
            })
            .await
            .unwrap();
        run
    };
    let aside = async |most_tries| {
        store
            .read(move |db| unwritten::set_aside(db, sync, most_tries, [&key("a"), &key("b")]))
            .await
            .unwrap()
            .remove(&key("a"))
            .map(|tried| (tried.tries, tried.fingerprint))
    };
    let next = RunId::new();
    let last = fails(RecordOutcome::Rejected, 7).await;
    assert_eq!(due(&store, sync, next, 2).await, ["a"]);
    assert!(
        due(&store, sync, last, 2).await.is_empty(),
        "it was just tried"
    );
    assert_eq!(aside(2).await, None);

    fails(RecordOutcome::Held, 7).await;
    assert!(due(&store, sync, next, 2).await.is_empty());
    assert_eq!(aside(2).await, Some((2, Some(Fingerprint(7)))));

    // Another record, or another mapping: it may well be taken now.
    fails(RecordOutcome::Rejected, 8).await;
    assert_eq!(due(&store, sync, next, 2).await, ["a"]);

    fails(RecordOutcome::Rejected, 8).await;
    store
        .write(move |tx| unwritten::forgive_many(tx, sync, &[key("a")]))
        .await
        .unwrap();
    assert_eq!(
        due(&store, sync, next, 2).await,
        ["a"],
        "a person wants it tried"
    );

    // What was seen of it does not count any more.
    fails(RecordOutcome::Held, 0).await;
    assert!(due(&store, sync, next, 9).await.is_empty());
    assert_eq!(aside(1).await, Some((1, None)));

    // Only another record or another mapping makes anything else of these.
    fails(RecordOutcome::Invalid, 8).await;
    assert!(due(&store, sync, next, 9).await.is_empty());
    fails(RecordOutcome::Conflict, 8).await;
    assert!(due(&store, sync, next, 9).await.is_empty());
}
