//! What happened: copied once, found again, and kept within its budget.

use std::collections::HashMap;

use model::ids::{ConnectionId, ExchangeId, RunId, SyncId};
use model::run::RecordOutcome::{self, Created, Rejected, Unchanged};
use model::value::Value;
use store::exchanges::{self, Exchange, ExchangeHead};
use store::run_records::{self, Place, RecordFilter, RunRecord};
use store::{Error, Store, outbox};

use crate::support::{NOW, in_memory, key, object, open, options, record};

const ALL: RecordFilter = RecordFilter {
    run: None,
    sync: None,
    outcomes: Vec::new(),
    text: None,
};

/// How records come into the history.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// One by one, as older versions kept them.
    Rows,
    /// From the outbox, many to a packet.
    Packets,
    /// The ones with even places as rows.
    Both,
}

const WAYS: [Way; 3] = [Way::Rows, Way::Packets, Way::Both];

async fn insert(store: &Store, records: Vec<RunRecord>, way: Way) {
    let (rows, packed): (Vec<_>, Vec<_>) = records.into_iter().partition(|record| match way {
        Way::Rows => true,
        Way::Packets => false,
        Way::Both => record.seq % 2 == 0,
    });
    store
        .write_history(move |tx| run_records::insert_many(tx, &rows))
        .await
        .unwrap();
    if !packed.is_empty() {
        store
            .write(move |tx| outbox::put_many(tx, &packed))
            .await
            .unwrap();
    }
    store.copy_history().await.unwrap();
}

/// Every record that a filter finds, by pages of `limit`.
async fn find(store: &Store, filter: RecordFilter, limit: usize) -> Vec<RunRecord> {
    let mut found = Vec::new();
    let mut place: Option<Place> = None;
    loop {
        let copy = filter.clone();
        let page = store
            .read_history(move |conn| run_records::page(conn, &copy, place, limit))
            .await
            .unwrap();
        assert!(page.records.len() <= limit);
        found.extend(page.records);
        match page.next {
            None => return found,
            next => place = next,
        }
    }
}

fn seqs(records: &[RunRecord]) -> Vec<u64> {
    records.iter().map(|record| record.seq).collect()
}

#[tokio::test]
async fn committed_records_reach_the_history_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).store;
    let (run, sync) = (RunId::new(), SyncId::new());
    let mut records: Vec<RunRecord> = (1..=600)
        .map(|seq| record(run, sync, seq, Created))
        .collect();
    records[3].message = Some("odd: \u{0}\"%".into());
    records[3].field = Some("address.city".parse().unwrap());
    records[3].before = Some(Value::Object(object(r#"{"amount":1.10}"#)));
    records[3].source = Some(Value::Null);
    records[3].exchange = Some(ExchangeId::new());
    records[4].source_key = None;
    records[4].target_key = None;
    records[4].after = None;
    let copy = records.clone();
    store
        .write(move |tx| outbox::put_many(tx, &copy))
        .await
        .unwrap();

    // Cut off between the copy and the removal: the same packets come again.
    let packets = store.read(|conn| outbox::take(conn, 100)).await.unwrap();
    store
        .write_history(move |tx| {
            for packet in &packets {
                run_records::insert_packet(tx, packet)?;
            }
            Ok(())
        })
        .await
        .unwrap();
    assert!(store.copy_history().await.unwrap() > 0);
    assert_eq!(store.copy_history().await.unwrap(), 0);
    assert_eq!(store.read(outbox::count).await.unwrap(), 0);

    let filter = RecordFilter {
        run: Some(run),
        ..ALL
    };
    assert_eq!(find(&store, filter, 250).await, records);
    let (fourth, none) = store
        .read_history(move |conn| {
            Ok((
                run_records::get(conn, run, 4)?,
                run_records::get(conn, run, 601)?,
            ))
        })
        .await
        .unwrap();
    assert_eq!(fourth.as_ref(), Some(&records[3]));
    assert_eq!(none, None);
}

#[tokio::test]
async fn two_copies_at_once_do_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (open(dir.path()).store, open(dir.path()).store);
    let (run, sync) = (RunId::new(), SyncId::new());
    for batch in 0..20 {
        one.write(move |tx| {
            let records: Vec<_> = (0..10)
                .map(|n| record(run, sync, batch * 10 + n, Created))
                .collect();
            outbox::put_many(tx, &records)
        })
        .await
        .unwrap();
    }
    let (a, b) = tokio::join!(one.copy_history(), other.copy_history());
    a.unwrap();
    b.unwrap();
    let filter = RecordFilter {
        run: Some(run),
        ..ALL
    };
    let found = find(&other, filter, 50).await;
    assert_eq!(seqs(&found), (0..200).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_packet_that_cannot_be_read_does_not_hold_up_the_others() {
    let store = in_memory();
    let (run, sync) = (RunId::new(), SyncId::new());
    store
        .write(move |tx| {
            tx.execute("INSERT INTO outbox (records) VALUES (x'01ff')", [])?;
            outbox::put_many(tx, &[record(run, sync, 1, Created)])
        })
        .await
        .unwrap();
    assert_eq!(store.copy_history().await.unwrap(), 2);
    assert_eq!(find(&store, ALL, 10).await.len(), 1);
}

#[tokio::test]
async fn records_are_found_by_run_sync_outcome_and_text() {
    for way in WAYS {
        check_search(way).await;
    }
}

async fn check_search(way: Way) {
    let store = in_memory();
    let sync = SyncId::new();
    let other = SyncId::new();
    let runs = [RunId::new(), RunId::new(), RunId::new()];
    let outcome = |seq: u64| match seq % 10 {
        0 => Rejected,
        1..=4 => Unchanged,
        _ => Created,
    };
    for (run, sync) in runs.into_iter().zip([sync, other, sync]) {
        let records = (1..=40)
            .map(|seq| {
                let mut record = record(run, sync, seq, outcome(seq));
                if seq == 20 {
                    record.message = Some("Mail is 100% wrong".into());
                }
                record
            })
            .collect();
        insert(&store, records, way).await;
    }
    let by_run = |outcomes: Vec<RecordOutcome>, text: Option<&str>| RecordFilter {
        run: Some(runs[0]),
        outcomes,
        text: text.map(Into::into),
        ..ALL
    };
    let found = find(&store, by_run(vec![], None), 7).await;
    assert_eq!(seqs(&found), (1..=40).collect::<Vec<_>>());
    let found = find(&store, by_run(vec![Rejected], None), 3).await;
    assert_eq!(seqs(&found), [10, 20, 30, 40]);
    let found = find(&store, by_run(vec![Rejected, Unchanged], None), 3).await;
    let expected: Vec<u64> = (1..=40).filter(|seq| outcome(*seq) != Created).collect();
    assert_eq!(seqs(&found), expected);
    let found = find(&store, by_run(vec![], Some("100% WRONG")), 3).await;
    assert_eq!(seqs(&found), [20]);
    let found = find(&store, by_run(vec![], Some("ada \"the\"")), 9).await;
    assert_eq!(found.len(), 40);
    let found = find(&store, by_run(vec![], Some("tact-3")), 9).await;
    assert_eq!(seqs(&found), [3, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39]);

    // Newest first, across runs.
    let of_sync = RecordFilter {
        sync: Some(sync),
        ..ALL
    };
    let found = find(&store, of_sync.clone(), 15).await;
    assert_eq!(found.len(), 80);
    assert!(found.iter().all(|record| record.sync == sync));
    assert_eq!((found[0].run, found[0].seq), (runs[2], 40));
    assert_eq!((found[79].run, found[79].seq), (runs[0], 1));
    let rejected = RecordFilter {
        outcomes: vec![Rejected],
        ..of_sync.clone()
    };
    let found = find(&store, rejected, 3).await;
    assert_eq!(seqs(&found), [40, 30, 20, 10, 40, 30, 20, 10]);
    assert_eq!(find(&store, ALL, 50).await.len(), 120);

    // Text across runs is the start of a key, in any case.
    let text = |text: &str| RecordFilter {
        text: Some(text.into()),
        ..ALL
    };
    let found = find(&store, text("CONTACT-12"), 2).await;
    assert_eq!(seqs(&found), [12, 12, 12]);
    let found = find(&store, text("1012"), 2).await;
    assert_eq!(seqs(&found), [12, 12, 12]);
    assert_eq!(find(&store, text("ontact"), 2).await, []);
    let found = find(
        &store,
        RecordFilter {
            sync: Some(other),
            outcomes: vec![Created],
            ..text("contact-1")
        },
        2,
    )
    .await;
    assert_eq!(seqs(&found), [19, 18, 17, 16, 15]);

    let (run, counts, timeline) = store
        .read_history(move |conn| {
            Ok((
                runs[0],
                run_records::count_by_outcome(conn, runs[0])?,
                run_records::of_record(conn, sync, &key("contact-7"), 10)?,
            ))
        })
        .await
        .unwrap();
    assert_eq!(
        counts,
        HashMap::from([(Rejected, 4), (Unchanged, 16), (Created, 20)])
    );
    let timeline: Vec<_> = timeline.iter().map(|record| record.run).collect();
    assert_eq!(timeline, [runs[2], run]);
}

#[tokio::test]
async fn a_long_run_is_searched_in_stretches_and_nothing_is_missed() {
    for way in WAYS {
        let store = in_memory();
        let (run, sync) = (RunId::new(), SyncId::new());
        // Places matter, not rows: few records, far apart.
        for seq in [1, 40_000, 120_000, 120_001] {
            insert(&store, vec![record(run, sync, seq, Created)], way).await;
        }
        let filter = RecordFilter {
            run: Some(run),
            text: Some("contact-12000".into()),
            ..ALL
        };
        let found = find(&store, filter, 10).await;
        assert_eq!(seqs(&found), [120_000, 120_001], "{way:?}");
    }
}

#[tokio::test]
async fn a_search_by_key_goes_on_over_many_packets() {
    let store = in_memory();
    let (run, sync) = (RunId::new(), SyncId::new());
    // One record to a packet: more packets than one search opens.
    store
        .write(move |tx| {
            for seq in 1..=900 {
                outbox::put_many(tx, &[record(run, sync, seq, Created)])?;
            }
            Ok(())
        })
        .await
        .unwrap();
    store.copy_history().await.unwrap();
    insert(&store, vec![record(run, sync, 0, Created)], Way::Rows).await;
    let text = |text: &str| RecordFilter {
        text: Some(text.into()),
        ..ALL
    };
    assert_eq!(
        seqs(&find(&store, text("contact-7"), 50).await)[..2],
        [799, 798]
    );
    assert_eq!(find(&store, text("contact-7"), 50).await.len(), 111);
    assert_eq!(seqs(&find(&store, text("CONTACT-0"), 50).await), [0]);
    assert_eq!(find(&store, text("contact-x"), 50).await, []);
}

#[tokio::test]
async fn records_whose_places_lie_among_others_are_all_kept_in_order() {
    let store = in_memory();
    let (run, sync) = (RunId::new(), SyncId::new());
    let all = |seqs: &[u64]| -> Vec<RunRecord> {
        seqs.iter()
            .map(|seq| record(run, sync, *seq, Created))
            .collect()
    };
    for seqs in [&[10, 20, 30][..], &[15, 25], &[1, 2], &[30, 40], &[50]] {
        for _ in 0..2 {
            insert(&store, all(seqs), Way::Packets).await;
        }
    }
    let filter = RecordFilter {
        run: Some(run),
        ..ALL
    };
    let found = find(&store, filter, 2).await;
    assert_eq!(seqs(&found), [1, 2, 10, 15, 20, 25, 30, 40, 50]);
}

#[tokio::test]
async fn a_position_beyond_the_limit_is_refused() {
    let store = in_memory();
    let records = vec![record(RunId::new(), SyncId::new(), 1 << 32, Created)];
    let error = store
        .write_history(move |tx| run_records::insert_many(tx, &records))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unstorable { .. }), "{error:?}");
}

fn exchange(connection: ConnectionId, run: Option<RunId>, body: &[u8]) -> Exchange {
    Exchange {
        head: ExchangeHead {
            id: ExchangeId::new(),
            connection,
            run,
            at: NOW,
            took_ms: 12,
            attempt: 0,
            method: "POST".into(),
            url: "https://api.example.com/contacts?token=•••".into(),
            status: Some(201),
            error: None,
        },
        request_headers: vec![("accept".into(), "application/json".into())],
        request_body: Some(body.to_vec()),
        response_headers: vec![("etag".into(), "\"7\"".into()), ("x".into(), "".into())],
        response_body: Some(vec![0xff, 0x00]),
    }
}

#[tokio::test]
async fn exchanges_come_back_by_id_run_and_connection() {
    let store = in_memory();
    let connection = ConnectionId::new();
    let run = RunId::new();
    let mut all: Vec<Exchange> = (0..5)
        .map(|n| exchange(connection, (n != 2).then_some(run), b"{}"))
        .collect();
    // Short ones, long ones, and one that begins like a compressed one.
    all[0].request_body = Some(b"{\"n\":1}".repeat(500));
    all[1].request_body = Some(vec![0xff; 3]);
    all[1].response_body = Some([&[0xff, 0x28, 0xb5, 0x2f, 0xfd], [7; 900].as_slice()].concat());
    all[2].head.status = None;
    all[2].head.error = Some("connection reset".into());
    all[2].response_body = None;
    all.push(exchange(ConnectionId::new(), None, b""));
    let copy = all.clone();
    store
        .write_history(move |tx| {
            exchanges::insert_many(tx, &copy)?;
            // Told twice is recorded once.
            exchanges::insert_many(tx, &copy)
        })
        .await
        .unwrap();
    store
        .read_history(move |conn| {
            for exchange in &all {
                assert_eq!(
                    exchanges::get(conn, exchange.head.id)?.as_ref(),
                    Some(exchange)
                );
            }
            assert_eq!(exchanges::get(conn, ExchangeId::new())?, None);
            let head = |n: usize| all[n].head.clone();
            let first = exchanges::of_run(conn, run, None, 3)?;
            assert_eq!(first.exchanges, [head(0), head(1), head(3)]);
            let second = exchanges::of_run(conn, run, first.next, 3)?;
            assert_eq!((second.exchanges, second.next), (vec![head(4)], None));
            let first = exchanges::of_connection(conn, connection, None, 4)?;
            assert_eq!(first.exchanges, [head(4), head(3), head(2), head(1)]);
            let second = exchanges::of_connection(conn, connection, first.next, 4)?;
            assert_eq!((second.exchanges, second.next), (vec![head(0)], None));
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn the_history_is_pruned_to_its_budget_oldest_first() {
    const BUDGET: u64 = 2_000_000;
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path(), "a7");
    options.history_budget_bytes = BUDGET;
    let store = Store::open(options).unwrap().store;
    let (run, sync) = (RunId::new(), SyncId::new());
    assert_eq!(store.prune_history().await.unwrap().exchanges, 0);

    // Within the budget nothing goes.
    insert(
        &store,
        (0..2000)
            .map(|seq| record(run, sync, seq, Created))
            .collect(),
        Way::Rows,
    )
    .await;
    assert_eq!(store.prune_history().await.unwrap().run_records, 0);

    // Exchanges go first, and records stay.
    let connection = ConnectionId::new();
    // What cannot be made smaller.
    let mut dice = 7_u64;
    let mut body = || -> Vec<u8> {
        std::iter::repeat_with(|| {
            dice = dice.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            (dice >> 56) as u8
        })
        .take(2000)
        .collect()
    };
    let many: Vec<_> = (0..2000)
        .map(|_| exchange(connection, None, &body()))
        .collect();
    let newest = many[1999].head.id;
    store
        .write_history(move |tx| exchanges::insert_many(tx, &many))
        .await
        .unwrap();
    let before = store.sizes().await.unwrap();
    assert!(before.history_bytes > BUDGET);
    let pruned = store.prune_history().await.unwrap();
    assert_eq!((pruned.exchanges, pruned.run_records), (2000, 0));
    let after = store.sizes().await.unwrap();
    assert!(after.history_bytes <= BUDGET, "{after:?}");
    let file = std::fs::metadata(dir.path().join("history.db"))
        .unwrap()
        .len();
    assert_eq!(file, after.history_bytes, "the space is given back");
    let gone = store
        .read_history(move |conn| exchanges::get(conn, newest))
        .await
        .unwrap();
    assert_eq!(gone, None);

    // Then the oldest records.
    let last = RunId::new();
    for batch in 0..4_u64 {
        let records = (0..5000).map(|n| record(last, sync, batch * 5000 + n, Created));
        insert(&store, records.collect(), Way::Rows).await;
    }
    let pruned = store.prune_history().await.unwrap();
    assert!(pruned.run_records >= 10_000, "{pruned:?}");
    let left = find(&store, ALL, 10_000).await;
    assert!(left.iter().all(|record| record.run == last));
    assert_eq!(left.first().map(|record| record.seq), Some(19_999));
    assert_eq!(left.len() as u64 + pruned.run_records, 22_000);
}

#[tokio::test]
async fn packets_are_pruned_after_older_rows_and_oldest_first() {
    const BUDGET: u64 = 400_000;
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path(), "a7");
    options.history_budget_bytes = BUDGET;
    let store = Store::open(options).unwrap().store;
    let (first, last, sync) = (RunId::new(), RunId::new(), SyncId::new());
    let rows = (0..100)
        .map(|seq| record(first, sync, seq, Created))
        .collect();
    insert(&store, rows, Way::Rows).await;
    let packed = (0..50_000).map(|seq| {
        let mut record = record(last, sync, seq, Created);
        record.message = Some(format!("{:x}", seq.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        record
    });
    insert(&store, packed.collect(), Way::Packets).await;
    let pruned = store.prune_history().await.unwrap();
    assert!(pruned.run_records > 10_000, "{pruned:?}");
    let left = find(&store, ALL, 10_000).await;
    assert_eq!(left.len() as u64 + pruned.run_records, 50_100);
    assert!(left.iter().all(|record| record.run == last));
    assert_eq!(left.first().map(|record| record.seq), Some(49_999));
    assert_eq!(
        left.last().map(|record| record.seq),
        Some(50_000 - left.len() as u64)
    );
}
