//! How long it takes to find something in a large history.
//!
//! `cargo run --release -p store --example history_search -- 2000000`
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement, run by hand"
)]

use std::time::Instant;

use model::clock::Clock;
use model::ids::{RunId, SyncId};
use model::record::RecordKey;
use model::run::RecordOutcome;
use model::secret::Secret;
use model::value::Value;
use store::run_records::{self, RecordFilter, RunRecord};
use store::{Connection, Options, Store};

const PER_RUN: u64 = 100_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let n_records: u64 = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(500_000);
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(Options {
        dir: dir.path().to_owned(),
        key: Secret::new("a7".repeat(32)),
        clock: Clock::system(),
        history_budget_bytes: u64::MAX,
    })
    .unwrap()
    .store;
    let sync = SyncId::new();
    let mut run = RunId::new();
    let start = Instant::now();
    for first in (0..n_records).step_by(5_000) {
        if first % PER_RUN == 0 {
            run = RunId::new();
        }
        store
            .write_history(move |tx| {
                let records: Vec<RunRecord> = (first..first + 5_000)
                    .map(|n| RunRecord {
                        side: model::sync::Side::Target,
                        run,
                        seq: n % PER_RUN,
                        sync,
                        source_key: Some(RecordKey(format!(
                            "person.{}@example.com",
                            n * 7919 % PER_RUN
                        ))),
                        target_key: Some(RecordKey(format!(
                            "{:x}",
                            n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
                        ))),
                        outcome: if n % 5_000 == 0 {
                            RecordOutcome::Rejected
                        } else {
                            RecordOutcome::Updated
                        },
                        message: None,
                        field: None,
                        before: None,
                        after: Some(Value::from("some values that were written to the target")),
                        source: None,
                        exchange: None,
                        at: 1,
                    })
                    .collect();
                run_records::insert_many(tx, &records)
            })
            .await
            .unwrap();
    }
    println!(
        "{n_records} records in {:?}, {:?}",
        start.elapsed(),
        store.sizes().await.unwrap()
    );

    let all = RecordFilter {
        run: None,
        sync: None,
        outcomes: Vec::new(),
        text: None,
    };
    let by_text = |text: &str| RecordFilter {
        text: Some(text.into()),
        ..all.clone()
    };
    for (name, filter) in [
        ("newest", all.clone()),
        (
            "newest of a sync",
            RecordFilter {
                sync: Some(sync),
                ..all.clone()
            },
        ),
        (
            "newest rejected",
            RecordFilter {
                outcomes: vec![RecordOutcome::Rejected],
                ..all.clone()
            },
        ),
        ("a key", by_text("person.4711@example.com")),
        ("the start of many keys", by_text("PERSON.4")),
        ("the start of every key", by_text("p")),
        ("a key that is not there", by_text("nobody")),
        (
            "rejected in a run",
            RecordFilter {
                run: Some(run),
                outcomes: vec![RecordOutcome::Rejected],
                ..all.clone()
            },
        ),
        (
            "text in a run",
            RecordFilter {
                run: Some(run),
                ..by_text("not in there")
            },
        ),
    ] {
        time(&store, name, move |conn| {
            Ok(run_records::page(conn, &filter, None, 50)?.records.len())
        })
        .await;
    }
    time(&store, "count by outcome", move |conn| {
        Ok(run_records::count_by_outcome(conn, run)?.len())
    })
    .await;
    time(&store, "a record's story", move |conn| {
        let key = RecordKey("person.4711@example.com".into());
        Ok(run_records::of_record(conn, sync, &key, 50)?.len())
    })
    .await;
}

async fn time(
    store: &Store,
    name: &str,
    read: impl FnOnce(&Connection) -> store::Result<usize> + Send + 'static,
) {
    let start = Instant::now();
    let n_found = store.read_history(read).await.unwrap();
    println!(
        "{name:<28} {:>8.1} ms, {n_found} found",
        start.elapsed().as_secs_f64() * 1e3
    );
}
