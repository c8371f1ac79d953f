//! Test: no statement of this crate reads a whole table that can be large.
//!
//! Every statement is prepared in one place, which notes it here; the test calls every function and
//! then asks SQLite how it would go about each of them.

use std::cell::RefCell;
use std::collections::BTreeSet;

use model::clock::Clock;
use model::cursor::Checkpoint;
use model::ids::{ChangeId, ConnectionId, ExchangeId, PlanId, RunId, SyncId};
use model::record::{Change, Operation, RecordKey};
use model::run::{RecordOutcome, RunCounts, RunState, Trigger};
use model::sync::{StreamRef, Sync, WriteMode};
use model::value::{Object, Value};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::connections::ConnectionState;
use crate::journal::Pending;
use crate::links::Link;
use crate::plans::{EntryFilter, Plan, PlanAction, PlanEntry, PlanState};
use crate::run_records::{Place, RecordFilter, RunRecord};
use crate::runs::{Run, RunFilter};
use crate::{
    checkpoints, connections, connectors, exchanges, journal, leases, links, open, outbox, packet,
    plans, retention, run_records, runs, settings, syncs, unwritten,
};

thread_local! {
    static SEEN: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
}

pub(crate) fn note(sql: &str) {
    SEEN.with_borrow_mut(|seen| seen.insert(sql.to_owned()));
}

/// Tables that hold as many rows as there are records, requests or runs.
const LARGE: [&str; 14] = [
    "packets",
    "record_packets",
    "links",
    "shadows",
    "journal",
    "outbox",
    "runs",
    "plans",
    "plan_entries",
    "sync_versions",
    "recorded_runs",
    "run_records",
    "exchanges",
    "unwritten",
];

/// Steps that go through a whole table or index, and why that is right.
const ALLOWED: [(&str, &str); 12] = [
    ("ORDER BY outbox.outbox_no", "the oldest of a queue"),
    (
        "DELETE FROM packets\n          WHERE packet_no NOT IN",
        "a queue that is emptied all the time",
    ),
    ("ORDER BY syncs.deleted_at", "few syncs"),
    ("ORDER BY name COLLATE NOCASE", "few syncs"),
    ("ORDER BY +runs.id", "few runs are active"),
    (
        "FROM outbox ORDER BY outbox_no LIMIT",
        "the oldest of a queue",
    ),
    (
        "count(*) AS n FROM outbox",
        "a queue that is emptied all the time",
    ),
    (
        "NOT EXISTS (SELECT 1 FROM outbox",
        "a queue that is emptied all the time",
    ),
    (
        "FROM exchanges ORDER BY exchange_no LIMIT",
        "the oldest of a log",
    ),
    ("min(packet_no)", "the oldest of a log"),
    (
        "FROM record_packets ORDER BY packet_no LIMIT",
        "the oldest of a log",
    ),
    (
        "DELETE FROM syncs WHERE deleted_at",
        "few syncs, and what follows from them by index",
    ),
];

/// The steps of a query that go through all of a large table, or sort what could be large.
fn careless_steps(conn: &Connection, sql: &str) -> Vec<String> {
    let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let n_parameters = statement.parameter_count();
    let steps: Vec<String> = statement
        .query_map(
            rusqlite::params_from_iter(std::iter::repeat_n(0, n_parameters)),
            |row| row.get(3),
        )
        .unwrap()
        .map(Result::unwrap)
        .collect();
    steps
        .into_iter()
        .filter(|step| {
            if step == "USE TEMP B-TREE FOR ORDER BY" {
                return LARGE.iter().any(|table| sql.contains(table));
            }
            step.strip_prefix("SCAN ").is_some_and(|rest| {
                let table = rest.split(' ').next().unwrap();
                LARGE.contains(&table) && !rest.contains("USING INDEX runs_active")
            })
        })
        .collect()
}

#[test]
fn no_statement_reads_a_whole_large_table() {
    let (mut main, mut history) = open::in_memory().unwrap();
    let begin = |conn: &mut Connection, f: &dyn Fn(&Transaction<'_>)| {
        let tx = conn
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .unwrap();
        f(&tx);
        tx.commit().unwrap();
    };
    let check = |conn: &Connection, at_least: usize| {
        let seen = SEEN.take();
        assert!(seen.len() >= at_least, "only {} statements", seen.len());
        let careless: Vec<String> = seen
            .into_iter()
            .filter(|sql| !ALLOWED.iter().any(|(part, _)| sql.contains(part)))
            .map(|sql| (careless_steps(conn, &sql), sql))
            .filter(|(steps, _)| !steps.is_empty())
            .map(|(steps, sql)| format!("{steps:?} in\n{sql}"))
            .collect();
        assert!(careless.is_empty(), "{}", careless.join("\n\n"));
    };
    begin(&mut main, &use_main);
    check(&main, 50);
    begin(&mut history, &use_history);
    check(&history, 20);
}

#[test]
fn a_careless_statement_would_be_noticed() {
    let (main, _) = open::in_memory().unwrap();
    assert_eq!(
        careless_steps(
            &main,
            "SELECT target_key FROM links WHERE target_version = ?1"
        ),
        ["SCAN links"]
    );
}

fn use_main(tx: &Transaction<'_>) {
    let connection = connections::Connection {
        id: ConnectionId::new(),
        name: "a".into(),
        connector: "c".into(),
        auth: "token".into(),
        config: serde_json::Value::Null,
        account: None,
        state: ConnectionState::Untested,
        created_at: 1,
        updated_at: 1,
    };
    connections::insert(tx, &connection).unwrap();
    connections::update(tx, &connection).unwrap();
    connections::set_state(tx, connection.id, &ConnectionState::Connected, 2).unwrap();
    connections::get(tx, connection.id).unwrap();
    connections::list(tx).unwrap();
    connections::list_deleted(tx).unwrap();
    connections::used_by(tx, connection.id).unwrap();
    connections::delete(tx, connection.id, 3).unwrap();
    connections::restore(tx, connection.id, 4).unwrap();
    connections::purge(tx, 5).unwrap();

    connectors::save(tx, "c", "{}", "pasted", 1).unwrap();
    connectors::save(tx, "c", "{}", "edited", 2).unwrap();
    connectors::use_version(tx, "c", 1, 3).unwrap();
    connectors::get(tx, "c").unwrap();
    connectors::list(tx).unwrap();
    connectors::heads(tx).unwrap();
    connectors::versions(tx, "c").unwrap();
    connectors::document(tx, "c", 2).unwrap();
    connectors::delete(tx, "c", 4).unwrap();
    connectors::restore(tx, "c", 5).unwrap();
    connectors::purge(tx, 6).unwrap();

    let stream = StreamRef {
        connection: connection.id,
        stream: "s".into(),
    };
    let document = Sync {
        version: 1,
        name: "n".into(),
        source: stream.clone(),
        target: stream,
        mode: WriteMode::Upsert,
        match_on: Vec::new(),
        mapping: model::mapping::Mapping::default(),
        guards: model::sync::Guards::default(),
        every_minutes: None,
        most_tries: 5,
        match_also: Vec::new(),
        filter: None,
        deletes: model::sync::DeleteRule::default(),
        two_way: None,
    };
    let sync = SyncId::new();
    syncs::insert(tx, sync, &document, 1).unwrap();
    syncs::save_draft(tx, sync, Some(&document), 2).unwrap();
    syncs::publish(tx, sync, &document, 3).unwrap();
    syncs::set_enabled(tx, sync, true, 3).unwrap();
    syncs::get(tx, sync).unwrap();
    syncs::list(tx).unwrap();
    syncs::list_deleted(tx).unwrap();
    syncs::versions(tx, sync).unwrap();
    syncs::version(tx, sync, 2).unwrap();
    syncs::delete(tx, sync, 4).unwrap();
    syncs::restore(tx, sync, 5).unwrap();
    syncs::purge(tx, 6).unwrap();

    settings::put(tx, "k", &1).unwrap();
    settings::get::<u8>(tx, "k").unwrap();
    settings::delete(tx, "k").unwrap();
    leases::acquire(tx, "l", "me", 1, 10).unwrap();
    leases::owner(tx, "l", 1).unwrap();
    leases::release(tx, "l", "me").unwrap();
    checkpoints::advance(tx, sync, &Checkpoint::default()).unwrap();
    checkpoints::get(tx, sync).unwrap();
    checkpoints::reset(tx, sync).unwrap();

    let key = RecordKey("1".into());
    let fingerprint = Value::Null.fingerprint();
    let link = Link {
        target_shadow: None,
        source_version: None,
        made_on: None,
        source_key: key.clone(),
        target_key: key.clone(),
        source_fingerprint: fingerprint,
        shadow: Object::new(),
        target_version: None,
    };
    links::upsert_many(tx, sync, &[link.clone(), link]).unwrap();
    links::get_many(tx, sync, std::slice::from_ref(&key)).unwrap();
    links::fingerprints_many(tx, sync, std::slice::from_ref(&key)).unwrap();
    links::mark_many(
        tx,
        sync,
        &[(key.clone(), links::SourceMark::new(1 << 30, 1))],
    )
    .unwrap();
    links::standings(
        tx,
        sync,
        &[(&key, Some(links::SourceMark::new(1 << 30, 1)))],
    )
    .unwrap();
    links::marks_many(tx, sync, std::slice::from_ref(&key)).unwrap();
    links::get_by_target(tx, sync, &key).unwrap();
    links::sources_of_targets(tx, sync, std::slice::from_ref(&key)).unwrap();
    links::count(tx, sync).unwrap();
    links::page(tx, sync, None, 10).unwrap();
    links::delete_many(tx, sync, std::slice::from_ref(&key)).unwrap();

    let run = Run {
        id: RunId::new(),
        sync,
        sync_version: 1,
        trigger: Trigger::Manual,
        state: RunState::Queued,
        reason: None,
        counts: RunCounts::default(),
        started_at: 1,
        finished_at: None,
        owner: "me".into(),
        plan: None,
    };
    runs::insert(tx, &run).unwrap();
    runs::insert(
        tx,
        &Run {
            id: RunId::new(),
            ..run.clone()
        },
    )
    .unwrap_err();
    runs::set_owner(tx, run.id, "you").unwrap();
    runs::add_counts(tx, run.id, &RunCounts::default()).unwrap();
    runs::get(tx, run.id).unwrap();
    runs::active(tx).unwrap();
    runs::active_of_sync(tx, sync).unwrap();
    runs::last_of_sync(tx, sync).unwrap();
    runs::list(
        tx,
        &RunFilter {
            sync: None,
            before: None,
            limit: 1,
        },
    )
    .unwrap();
    let left = [unwritten::Failure {
        source_key: key.clone(),
        seq: 1,
        outcome: RecordOutcome::Invalid,
        fingerprint: None,
    }];
    unwritten::put_many(tx, sync, run.id, &left).unwrap();
    let waiting = crate::waiting::Waiting {
        source_key: key.clone(),
        source: model::value::Object::new(),
        of: vec![(sync, key.clone())],
    };
    crate::waiting::put_many(tx, sync, &[waiting]).unwrap();
    crate::waiting::due(tx, sync, None, 1).unwrap();
    crate::waiting::remove_many(tx, sync, [&key]).unwrap();
    links::targets_of_sources(tx, sync, std::slice::from_ref(&key)).unwrap();
    unwritten::due(tx, sync, run.id, 5, None, 1).unwrap();
    unwritten::set_aside(tx, sync, 0, [&key]).unwrap();
    unwritten::listed(tx, sync, [&key]).unwrap();
    unwritten::outcomes_in(tx, sync, run.id, [&key]).unwrap();
    unwritten::forgive_many(tx, sync, std::slice::from_ref(&key)).unwrap();
    unwritten::count(tx, sync).unwrap();
    unwritten::page(tx, sync, None, 1).unwrap();
    unwritten::remove_many(tx, sync, [&key]).unwrap();
    unwritten::keep_only(tx, sync, run.id).unwrap();
    runs::set_state(tx, run.id, RunState::Completed, None, 5).unwrap();

    let change = Change {
        id: ChangeId::new(),
        operation: Operation::Create,
        source_key: key.clone(),
        target_key: None,
        fields: Object::new(),
        before: None,
        version: None,
    };
    let pending = Pending {
        side: model::sync::Side::Target,
        intent: model::record::Intent::Sync,
        change: change.clone(),
        run: run.id,
        sync,
        seq: 1,
        mapped_fingerprint: fingerprint,
        mapped: Object::new(),
        source: None,
        is_held: false,
    };
    let one = pending.clone();
    journal::insert_many(tx, &[pending]).unwrap();
    journal::hold_many(tx, sync, &[change.id]).unwrap();
    journal::pending_keys(tx, sync).unwrap();
    journal::held_keys(tx, sync).unwrap();
    journal::pending_of_sync(tx, sync).unwrap();
    journal::pending_of_run(tx, sync, run.id).unwrap();
    journal::count(tx, sync).unwrap();
    journal::unsettled_syncs(tx).unwrap();
    journal::release_many(tx, sync, std::slice::from_ref(&key)).unwrap();
    journal::settle_many(tx, sync, &[change.id]).unwrap();

    let many: Vec<Pending> = (0..20)
        .map(|_| Pending {
            change: Change {
                id: ChangeId::new(),
                ..change.clone()
            },
            ..one.clone()
        })
        .collect();
    for _ in 0..2 {
        journal::insert_many(tx, &many).unwrap();
        journal::pending_of_run(tx, sync, run.id).unwrap();
        journal::hold_many(tx, sync, &[many[0].change.id]).unwrap();
        let ids: Vec<ChangeId> = many.iter().map(|one| one.change.id).collect();
        journal::settle_many(tx, sync, &ids).unwrap();
    }
    packet::remove_orphans(tx).unwrap();
    outbox::put_many(tx, &[record(run.id, sync)]).unwrap();
    outbox::take(tx, 1).unwrap();
    outbox::count(tx).unwrap();
    outbox::remove(tx, 1).unwrap();

    let plan = Plan {
        kind: crate::plans::PlanKind::Run,
        id: PlanId::new(),
        sync,
        sync_version: 1,
        state: PlanState::Building,
        created_at: 1,
        counts: RunCounts::default(),
        checkpoint: None,
        note: None,
        is_complete: false,
    };
    plans::insert(tx, &plan).unwrap();
    plans::mark_stale(tx, sync).unwrap();
    plans::get(tx, plan.id).unwrap();
    plans::applied_by(tx, RunId::new()).unwrap();
    plans::list(tx, sync, 3).unwrap();
    let entry = PlanEntry {
        kinds: Vec::new(),
        other_version: None,
        side: model::sync::Side::Target,
        seq: 1,
        source_key: key,
        target_key: None,
        action: PlanAction::Create,
        is_included: true,
        fields: Object::new(),
        before: None,
        mapped: Object::new(),
        mapped_fingerprint: fingerprint,
        source: None,
        problem: None,
        target_version: None,
    };
    plans::append_entries(tx, plan.id, &[entry]).unwrap();
    for actions in [Vec::new(), vec![PlanAction::Create, PlanAction::Update]] {
        for text in ["", "x"] {
            let filter = EntryFilter {
                actions: actions.clone(),
                text: text.into(),
            };
            plans::places(tx, plan.id, &filter).unwrap();
        }
    }
    plans::entries_at(tx, plan.id, &[1]).unwrap();
    plans::page(tx, plan.id, None, 10).unwrap();
    plans::included_changes_page(tx, plan.id, None, 10).unwrap();
    plans::get_entry(tx, plan.id, 1).unwrap();
    plans::set_included(tx, plan.id, &[1], false).unwrap();
    plans::set_all_included(tx, plan.id, PlanAction::Create, true).unwrap();
    plans::counts_by_action(tx, plan.id).unwrap();
    plans::discard(tx, plan.id).unwrap();
    plans::purge(tx, sync, 0).unwrap();
}

fn use_history(tx: &Transaction<'_>) {
    let (run, sync) = (RunId::new(), SyncId::new());
    run_records::insert_many(tx, &[record(run, sync)]).unwrap();
    // Statements of the other file are not asked about here.
    let seen = SEEN.take();
    let (main, _) = open::in_memory().unwrap();
    let main = main.unchecked_transaction().unwrap();
    outbox::put_many(&main, &[record(RunId::new(), sync)]).unwrap();
    let packets = outbox::take(&main, 1).unwrap();
    SEEN.set(seen);
    for packet in packets {
        run_records::insert_packet(tx, &packet).unwrap();
    }
    run_records::get(tx, run, 1).unwrap();
    run_records::of_record(tx, sync, &RecordKey("1".into()), 10).unwrap();
    run_records::count_by_outcome(tx, run).unwrap();
    for run in [None, Some(run)] {
        for sync in [None, Some(sync)] {
            for outcomes in [
                vec![],
                vec![RecordOutcome::Held],
                vec![RecordOutcome::Held, RecordOutcome::Created],
            ] {
                for text in [None, Some("x".to_owned()), Some("1".to_owned())] {
                    let filter = RecordFilter {
                        run,
                        sync,
                        outcomes: outcomes.clone(),
                        text,
                    };
                    run_records::page(tx, &filter, None, 10).unwrap();
                    run_records::page(tx, &filter, Some(Place(1 << 40)), 10).unwrap();
                }
            }
        }
    }
    let exchange = exchanges::Exchange {
        head: exchanges::ExchangeHead {
            id: ExchangeId::new(),
            connection: ConnectionId::new(),
            run: Some(run),
            at: Clock::manual(1).now(),
            took_ms: 1,
            attempt: 0,
            method: "GET".into(),
            url: "https://api.example.com".into(),
            status: Some(200),
            error: None,
        },
        request_headers: Vec::new(),
        request_body: None,
        response_headers: Vec::new(),
        response_body: None,
    };
    exchanges::insert_many(tx, std::slice::from_ref(&exchange)).unwrap();
    exchanges::get(tx, exchange.head.id).unwrap();
    exchanges::of_run(tx, run, None, 10).unwrap();
    exchanges::of_connection(tx, exchange.head.connection, None, 10).unwrap();
    retention::prune_exchanges(tx).unwrap();
    retention::prune_records(tx).unwrap();
}

fn record(run: RunId, sync: SyncId) -> RunRecord {
    RunRecord {
        side: model::sync::Side::Target,
        run,
        seq: 1,
        sync,
        source_key: Some(RecordKey("1".into())),
        target_key: None,
        outcome: RecordOutcome::Created,
        message: None,
        field: None,
        before: None,
        after: None,
        source: None,
        exchange: None,
        at: 1,
    }
}
