//! Stores and rows to test with.

use std::path::Path;

use model::clock::Clock;
use model::ids::{ChangeId, ConnectionId, RunId, SyncId};
use model::json;
use model::mapping::Mapping;
use model::record::{Change, Operation, RecordKey};
use model::run::{RecordOutcome, RunCounts, RunState, Trigger};
use model::secret::Secret;
use model::sync::{Guards, StreamRef, Sync, WriteMode};
use model::value::{Object, Value};
use store::journal::Pending;
use store::links::Link;
use store::run_records::RunRecord;
use store::runs::Run;
use store::{Opened, Options, Store, syncs};

pub(crate) const NOW: i64 = 1_790_000_000_000;

pub(crate) fn options(dir: &Path, key: &str) -> Options {
    Options {
        dir: dir.to_owned(),
        key: Secret::new(key.repeat(32)),
        clock: Clock::manual(NOW),
        history_budget_bytes: u64::MAX,
    }
}

pub(crate) fn open(dir: &Path) -> Opened {
    Store::open(options(dir, "a7")).unwrap()
}

pub(crate) fn in_memory() -> Store {
    Store::in_memory(Clock::manual(NOW)).unwrap()
}

pub(crate) fn document(name: &str, source: ConnectionId, target: ConnectionId) -> Sync {
    let stream = |connection| StreamRef {
        connection,
        stream: "contacts".into(),
    };
    Sync {
        version: model::sync::VERSION,
        name: name.into(),
        source: stream(source),
        target: stream(target),
        mode: WriteMode::Upsert,
        match_on: vec!["email".parse().unwrap()],
        mapping: Mapping::default(),
        guards: Guards::default(),
        every_minutes: Some(15),
        most_tries: 5,
        match_also: Vec::new(),
        filter: None,
        deletes: model::sync::DeleteRule::default(),
        two_way: None,
    }
}

/// A sync that other rows can belong to.
pub(crate) async fn add_sync(store: &Store) -> SyncId {
    let id = SyncId::new();
    let document = document("contacts", ConnectionId::new(), ConnectionId::new());
    store
        .write(move |tx| syncs::insert(tx, id, &document, NOW))
        .await
        .unwrap();
    id
}

pub(crate) fn run(sync: SyncId) -> Run {
    Run {
        id: RunId::new(),
        sync,
        sync_version: 1,
        trigger: Trigger::Manual,
        state: RunState::Running,
        reason: None,
        counts: RunCounts::default(),
        started_at: NOW,
        finished_at: None,
        owner: "test".into(),
        plan: None,
    }
}

pub(crate) fn key(text: impl ToString) -> RecordKey {
    RecordKey(text.to_string())
}

pub(crate) fn object(text: &str) -> Object {
    match json::parse(text.as_bytes()).unwrap() {
        Value::Object(object) => object,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn link(source: impl ToString, target: impl ToString, shadow: &str) -> Link {
    let shadow = object(shadow);
    Link {
        target_shadow: None,
        source_version: None,
        made_on: None,
        source_key: key(source),
        target_key: key(target),
        source_fingerprint: Value::Object(shadow.clone()).fingerprint(),
        shadow,
        target_version: None,
    }
}

pub(crate) fn pending(run: &Run, source: impl ToString, fields: &str) -> Pending {
    let fields = object(fields);
    Pending {
        side: model::sync::Side::Target,
        intent: model::record::Intent::Sync,
        change: Change {
            id: ChangeId::new(),
            operation: Operation::Create,
            source_key: key(source),
            target_key: None,
            fields: fields.clone(),
            before: None,
            version: None,
        },
        run: run.id,
        sync: run.sync,
        seq: 1,
        mapped_fingerprint: Value::Object(fields.clone()).fingerprint(),
        mapped: fields,
        source: None,
        is_held: false,
    }
}

pub(crate) fn record(run: RunId, sync: SyncId, seq: u64, outcome: RecordOutcome) -> RunRecord {
    RunRecord {
        side: model::sync::Side::Target,
        run,
        seq,
        sync,
        source_key: Some(key(format!("contact-{seq}"))),
        target_key: Some(key(1000 + seq)),
        outcome,
        message: None,
        field: None,
        before: None,
        after: Some(Value::Object(object(r#"{"name":"Ada \"the\" First"}"#))),
        source: None,
        exchange: None,
        at: NOW,
    }
}
