//! What deciding, journalling and committing cost, without any platform: the same calls that a run makes, on the same
//! encrypted database, 500 records at a time.

use std::collections::HashMap;
use std::io::Write as _;

use engine::plan::{self, Decision, Known, Mapped, Rules};
use mapping::Program;
use model::clock::Clock;
use model::cursor::Checkpoint;
use model::ids::{ConnectionId, RunId, SyncId};
use model::record::{Change, RecordKey};
use model::run::{RecordOutcome, RunCounts, RunState, Trigger};
use model::secret::Secret;
use model::sync::{Guards, StreamRef, Sync, WriteMode};
use model::value::Value;
use store::journal::Pending;
use store::run_records::RunRecord;
use store::{Options, Store};

const BATCH: usize = 500;

/// Records after the mapping, each with a key of its own.
pub(crate) fn mapped(program: &Program, sources: &[Value], records: usize) -> Vec<Mapped> {
    sources
        .iter()
        .cycle()
        .take(records)
        .enumerate()
        .map(|(n, source)| {
            let fields = Value::Object(program.apply(source).fields);
            Mapped {
                source_key: RecordKey(format!("ct_{n}")),
                source: source.clone().into(),
                fingerprint: fields.fingerprint(),
                fields: fields.as_object().cloned().unwrap_or_default(),
                problem: None,
            }
        })
        .collect()
}

/// A database with one sync and one run in it.
pub(crate) struct Ledger {
    store: Store,
    sync: SyncId,
    run: RunId,
    dir: tempfile::TempDir,
}

impl Ledger {
    pub(crate) async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(Options {
            dir: dir.path().to_owned(),
            key: Secret::new("a7".repeat(32)),
            clock: Clock::system(),
            history_budget_bytes: u64::MAX,
        })
        .unwrap()
        .store;
        let (sync, run) = (SyncId::new(), RunId::new());
        let stream = StreamRef {
            connection: ConnectionId::new(),
            stream: "contacts".into(),
        };
        let document = Sync {
            version: 1,
            name: "bench".into(),
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
        let row = store::runs::Run {
            id: run,
            sync,
            sync_version: 1,
            trigger: Trigger::Manual,
            state: RunState::Running,
            reason: None,
            counts: RunCounts::default(),
            started_at: 1,
            finished_at: None,
            owner: "bench".into(),
            plan: None,
        };
        store
            .write(move |tx| {
                store::syncs::insert(tx, sync, &document, 1)?;
                store::runs::insert(tx, &row)
            })
            .await
            .unwrap();
        Self {
            store,
            sync,
            run,
            dir,
        }
    }

    /// Decides, journals and commits every record as created.
    pub(crate) async fn carry(&self, records: Vec<Mapped>) -> usize {
        let rules = Rules {
            mode: WriteMode::Upsert,
            match_on: Vec::new(),
            match_also: Vec::new(),
        };
        let n_records = records.len();
        let mut seq = 0;
        let mut records = records.into_iter();
        loop {
            let batch: Vec<Mapped> = records.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                return n_records;
            }
            let decided: Vec<(Mapped, Change)> = batch
                .into_iter()
                .filter_map(|mapped| {
                    let known = Known::Looked(Vec::new());
                    match plan::decide(&mapped, known, &rules, &HashMap::new()) {
                        Decision::Write(change) => Some((mapped, *change)),
                        _ => None,
                    }
                })
                .collect();
            self.settle(decided, &mut seq).await;
        }
    }

    async fn settle(&self, decided: Vec<(Mapped, Change)>, seq: &mut u64) {
        let (sync, run) = (self.sync, self.run);
        let pending: Vec<Pending> = decided
            .iter()
            .map(|(mapped, change)| {
                *seq += 1;
                Pending {
                    side: model::sync::Side::Target,
                    intent: model::record::Intent::Sync,
                    change: change.clone(),
                    run,
                    sync,
                    seq: *seq,
                    mapped_fingerprint: mapped.fingerprint,
                    mapped: mapped.fields.clone(),
                    source: Some(mapped.source.to_value()),
                    is_held: false,
                }
            })
            .collect();
        let first = *seq - pending.len() as u64;
        self.store
            .write(move |tx| store::journal::insert_many(tx, &pending))
            .await
            .unwrap();
        let (mut links, mut lines, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        let mut counts = RunCounts::default();
        for (n, (mapped, change)) in decided.into_iter().enumerate() {
            let target = RecordKey(format!("sub_{}", mapped.source_key));
            counts.read += 1;
            RecordOutcome::Created.count(&mut counts);
            ids.push(change.id);
            links.push(plan::link_of(&mapped, target.clone(), Some("1".into())));
            lines.push(RunRecord {
                side: model::sync::Side::Target,
                run,
                seq: first + n as u64 + 1,
                sync,
                source_key: Some(mapped.source_key),
                target_key: Some(target),
                outcome: RecordOutcome::Created,
                message: None,
                field: None,
                before: None,
                after: Some(Value::Object(change.fields)),
                source: Some(mapped.source.into_value()),
                exchange: None,
                at: 1,
            });
        }
        self.store
            .write(move |tx| {
                store::journal::settle_many(tx, sync, &ids)?;
                store::links::upsert_many(tx, sync, &links)?;
                store::outbox::put_many(tx, &lines)?;
                store::runs::add_counts(tx, run, &counts)?;
                store::checkpoints::advance(tx, sync, &Checkpoint::default())
            })
            .await
            .unwrap();
    }

    /// The baseline: the same records as lines of JSON in a plain file, on the disk after each batch. No look-up, no
    /// encryption, no way to settle anything.
    pub(crate) fn append(&self, records: &[Mapped]) -> usize {
        let mut file = std::fs::File::create(self.dir.path().join("lines.json")).unwrap();
        for batch in records.chunks(BATCH) {
            let mut text = String::new();
            for mapped in batch {
                model::json::write_object(&mut text, &mapped.fields);
                text.push('\n');
            }
            file.write_all(text.as_bytes()).unwrap();
            file.sync_data().unwrap();
        }
        records.len()
    }
}
