//! How much a journalled and committed record costs.
//!
//! `cargo run --release -p store --example commit_speed -- 100000 500 random`: records, batch, and
//! `ordered` or `random` keys. Prints wall time and CPU time per record for each step.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement, run by hand"
)]

use std::time::{Duration, Instant};

use model::clock::Clock;
use model::cursor::Checkpoint;
use model::ids::{ChangeId, ConnectionId, RunId, SyncId};
use model::record::{Change, Operation, RecordKey};
use model::run::{RecordOutcome, RunCounts, RunState, Trigger};
use model::secret::Secret;
use model::sync::{Guards, StreamRef, Sync, WriteMode};
use model::value::{Object, Value};
use store::journal::Pending;
use store::links::Link;
use store::run_records::RunRecord;
use store::{Options, Store, checkpoints, journal, links, outbox, runs, syncs};

fn mapped(n: u64) -> Object {
    let mut object = Object::new();
    object.insert("email", Value::from(format!("person.{n}@mail.example.com")));
    object.insert("first_name", Value::from("Margarethe"));
    object.insert("last_name", Value::from(format!("Someone-{n}")));
    object.insert("city", Value::from("Rosario"));
    object.insert("score", Value::Int(i64::try_from(n).unwrap()));
    object.insert("updated_at", Value::from("2026-11-22T14:00:00Z"));
    object.insert(
        "notes",
        Value::from("met at the fair, wants an offer in spring"),
    );
    object
}

/// CPU time of this process so far, user and system.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = text.rsplit(") ").next().unwrap_or_default();
    let ticks: u64 = after_name
        .split(' ')
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}

#[derive(Default)]
struct Meter {
    wall: Duration,
    cpu: Duration,
}

impl Meter {
    async fn time<T>(&mut self, work: impl Future<Output = T>) -> T {
        let (start, cpu_start) = (Instant::now(), cpu());
        let value = work.await;
        self.wall += start.elapsed();
        self.cpu += cpu() - cpu_start;
        value
    }

    fn print(&self, name: &str, n: u64) {
        let per = |time: Duration| time.as_secs_f64() * 1e6 / n as f64;
        println!(
            "{name:<32} {:>8.2} µs wall {:>8.2} µs CPU per record",
            per(self.wall),
            per(self.cpu)
        );
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default| {
        arguments
            .next()
            .and_then(|text| text.parse::<u64>().ok())
            .unwrap_or(default)
    };
    let (n_records, batch) = (number(20_000), number(500));
    let is_random = std::env::args().any(|argument| argument == "random");
    let key = |n: u64| {
        let spread = if is_random {
            n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        } else {
            n
        };
        RecordKey(format!("{spread:020}"))
    };

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
    let run = RunId::new();
    let stream = StreamRef {
        connection: ConnectionId::new(),
        stream: "contacts".into(),
    };
    let document = Sync {
        version: 1,
        name: "speed".into(),
        source: stream.clone(),
        target: stream,
        mode: WriteMode::Upsert,
        match_on: Vec::new(),
        mapping: model::mapping::Mapping::default(),
        guards: Guards::default(),
        every_minutes: None,
        most_tries: 5,
        match_also: Vec::new(),
        filter: None,
        deletes: model::sync::DeleteRule::default(),
        two_way: None,
    };
    store
        .write(move |tx| {
            syncs::insert(tx, sync, &document, 1)?;
            runs::insert(
                tx,
                &runs::Run {
                    id: run,
                    sync,
                    sync_version: 1,
                    trigger: Trigger::Manual,
                    state: RunState::Running,
                    reason: None,
                    counts: RunCounts::default(),
                    started_at: 1,
                    finished_at: None,
                    owner: "speed".into(),
                    plan: None,
                },
            )
        })
        .await
        .unwrap();

    for round in ["create", "update"] {
        let mut journalling = Meter::default();
        let mut committing = Meter::default();
        let mut with_history = Meter::default();
        let mut recognising = Meter::default();
        for start in (0..n_records).step_by(usize::try_from(batch).unwrap()) {
            let pending: Vec<Pending> = (start..start + batch)
                .map(|n| {
                    let fields = mapped(n);
                    Pending {
                        side: model::sync::Side::Target,
                        intent: model::record::Intent::Sync,
                        change: Change {
                            id: ChangeId::new(),
                            operation: Operation::Create,
                            source_key: key(n),
                            target_key: None,
                            fields: fields.clone(),
                            before: None,
                            version: None,
                        },
                        run,
                        sync,
                        seq: n,
                        mapped_fingerprint: Value::Object(fields.clone()).fingerprint(),
                        mapped: fields,
                        source: None,
                        is_held: false,
                    }
                })
                .collect();
            let ids: Vec<ChangeId> = pending.iter().map(|pending| pending.change.id).collect();
            let new_links: Vec<Link> = pending
                .iter()
                .map(|pending| Link {
                    target_shadow: None,
                    source_version: None,
                    made_on: None,
                    source_key: pending.change.source_key.clone(),
                    target_key: pending.change.source_key.clone(),
                    source_fingerprint: pending.mapped_fingerprint,
                    shadow: pending.mapped.clone(),
                    target_version: None,
                })
                .collect();
            let records: Vec<RunRecord> = pending
                .iter()
                .map(|pending| RunRecord {
                    side: model::sync::Side::Target,
                    run,
                    seq: pending.seq,
                    sync,
                    source_key: Some(pending.change.source_key.clone()),
                    target_key: Some(pending.change.source_key.clone()),
                    outcome: RecordOutcome::Created,
                    message: None,
                    field: None,
                    before: None,
                    after: Some(Value::Object(pending.mapped.clone())),
                    source: None,
                    exchange: None,
                    at: 1,
                })
                .collect();
            let keys: Vec<RecordKey> = (start..start + batch).map(key).collect();

            journalling
                .time(store.write(move |tx| journal::insert_many(tx, &pending)))
                .await
                .unwrap();
            let commit = store.write(move |tx| {
                journal::settle_many(tx, sync, &ids)?;
                links::upsert_many(tx, sync, &new_links)?;
                let counts = RunCounts {
                    read: batch,
                    created: batch,
                    ..RunCounts::default()
                };
                runs::add_counts(tx, run, &counts)?;
                checkpoints::advance(tx, sync, &Checkpoint::default())
            });
            committing.time(commit).await.unwrap();
            with_history
                .time(async {
                    store
                        .write(move |tx| outbox::put_many(tx, &records))
                        .await
                        .unwrap();
                    store.copy_history().await.unwrap();
                })
                .await;
            recognising
                .time(store.read(move |conn| links::fingerprints_many(conn, sync, &keys)))
                .await
                .unwrap();
        }
        println!("{round}: {n_records} records, batches of {batch}, random keys: {is_random}");
        journalling.print("journal", n_records);
        committing.print("settle, link, count, checkpoint", n_records);
        with_history.print("outbox and copy to the history", n_records);
        recognising.print("recognise as unchanged", n_records);
    }
    let sizes = store.sizes().await.unwrap();
    println!("{sizes:?}");
}
