//! Records that point at other records: as soon as those are on the target, and not before.

use model::ids::SyncId;
use model::mapping::{OnFailure, Step};
use model::record::RecordKey;
use model::run::{RecordOutcome, RunCounts};
use model::sync::{Guards, Sync};
use model::value::{Object, Value};
use store::links::Link;

use crate::bench::{Bench, rule, unguarded};
use crate::platform::{Call, text};

/// A sync whose people have a boss, who is one of them or of another sync.
async fn bench(of: Option<SyncId>, on_failure: OnFailure, guards: Guards) -> Bench {
    let change = |own: SyncId, document: &mut Sync| {
        let mut boss = rule("boss");
        let with = [("sync".to_owned(), of.unwrap_or(own).to_string().into())];
        boss.steps.push(Step {
            name: "reference".into(),
            with: with.into_iter().collect(),
        });
        boss.on_failure = on_failure;
        document.mapping.rules.push(boss);
    };
    Bench::with(2, guards, change).await
}

fn set(bench: &Bench, people: &[(&str, Option<&str>)]) {
    let records: Vec<(String, String)> = people
        .iter()
        .map(|(key, boss)| {
            let boss = boss.map_or("null".to_owned(), |boss| format!("\"{boss}\""));
            let fields = format!(r#"{{"email":"{key}@x.io","name":"{key}","boss":{boss}}}"#);
            ((*key).to_owned(), fields)
        })
        .collect();
    let borrowed: Vec<(&str, &str)> = records
        .iter()
        .map(|(key, fields)| (key.as_str(), fields.as_str()))
        .collect();
    bench.platform.set_people(&borrowed);
}

/// Who is whose boss on the target, by name.
fn bosses(bench: &Bench) -> Vec<String> {
    bench.platform.world(|world| {
        let name = |key: &str| {
            world
                .members
                .get(key)
                .map(|member| text(&member.fields, "name"))
        };
        let mut all: Vec<String> = world
            .members
            .values()
            .map(|member| {
                let boss = text(&member.fields, "boss");
                let named = name(&boss).unwrap_or(boss);
                format!("{} < {named}", text(&member.fields, "name"))
            })
            .collect();
        all.sort();
        all
    })
}

fn writes(bench: &Bench) -> usize {
    let calls = bench.platform.seen().into_iter();
    calls
        .filter(|seen| matches!(seen.call, Call::Write(_)))
        .count()
}

async fn waiting(bench: &Bench) -> bool {
    let sync = bench.sync;
    let store = &bench.store;
    store
        .read(move |db| store::waiting::any(db, sync))
        .await
        .unwrap()
}

fn check(counts: &RunCounts, expected: &str) {
    assert!(counts.balances(), "{}", counts.equation());
    let short: Vec<String> = counts
        .equation()
        .split(['=', '+'])
        .map(str::trim)
        .filter(|part| !part.starts_with("0 "))
        .map(str::to_owned)
        .collect();
    assert_eq!(short.join(", "), expected);
}

const CHAIN: [(&str, Option<&str>); 4] = [
    ("ada", Some("bob")),
    ("bob", Some("cyd")),
    ("cyd", Some("dan")),
    ("dan", None),
];

#[tokio::test]
async fn those_who_are_pointed_at_come_first_in_one_run() {
    let bench = bench(None, OnFailure::Hold, unguarded()).await;
    set(&bench, &CHAIN);
    let run = bench.run().await;
    check(&run.counts, "4 read, 4 created");
    assert_eq!(
        bosses(&bench),
        ["ada < bob", "bob < cyd", "cyd < dan", "dan < "]
    );
    let n = writes(&bench);
    check(&bench.run_in_full().await.counts, "4 read, 4 unchanged");
    assert_eq!(writes(&bench), n);
    assert!(!waiting(&bench).await, "nobody waits any more");
}

#[tokio::test]
async fn a_circle_takes_two_passes() {
    let bench = bench(None, OnFailure::Null, unguarded()).await;
    set(&bench, &[("ada", Some("bob")), ("bob", Some("ada"))]);
    let run = bench.run().await;
    check(&run.counts, "4 read, 2 created, 2 updated");
    assert_eq!(bosses(&bench), ["ada < bob", "bob < ada"]);
    let n = writes(&bench);
    check(&bench.run_in_full().await.counts, "2 read, 2 unchanged");
    assert_eq!(writes(&bench), n);

    // Held, they would wait for each other for ever; the list says so.
    let held = self::bench(None, OnFailure::Hold, unguarded()).await;
    set(&held, &[("ada", Some("bob")), ("bob", Some("ada"))]);
    let run = held.run().await;
    check(&run.counts, "2 read, 2 held");
    let line = &held.lines(run.id).await[0];
    assert_eq!(
        line.message.as_deref(),
        Some("points at bob, which is not on the target yet; it follows as soon as it is")
    );
    assert_eq!(line.field, Some("boss".parse().unwrap()));
}

/// Another sync that links the record of this key.
async fn link(bench: &Bench, sync: SyncId, source: &str, target: &str) {
    let link = Link {
        source_key: RecordKey(source.into()),
        target_key: RecordKey(target.into()),
        source_fingerprint: Value::Null.fingerprint(),
        shadow: Object::new(),
        target_shadow: None,
        target_version: None,
        source_version: None,
        made_on: None,
    };
    bench
        .store
        .write(move |tx| store::links::upsert_many(tx, sync, &[link]))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_record_is_held_until_another_sync_has_linked_what_it_points_at() {
    for from_records in [u32::MAX, 1] {
        let companies = SyncId::new();
        let guards = Guards {
            from_records,
            ..unguarded()
        };
        let bench = bench(Some(companies), OnFailure::Hold, guards).await;
        let document = bench.job.document.clone();
        bench
            .store
            .write(move |tx| store::syncs::insert(tx, companies, &document, 1))
            .await
            .unwrap();
        set(&bench, &[("ada", Some("co_1")), ("bob", None)]);
        check(&bench.run().await.counts, "2 read, 1 created, 1 held");
        // Nothing new at the source, and nothing linked: it is not tried in vain.
        bench.platform.set_people(&[]);
        let idle = bench.run().await;
        assert_eq!(idle.counts, RunCounts::default());

        link(&bench, companies, "co_1", "9000").await;
        let run = bench.run().await;
        check(&run.counts, "1 read, 1 created");
        assert_eq!(bosses(&bench), ["ada < 9000", "bob < "]);
        assert_eq!(bench.lines(run.id).await[0].outcome, RecordOutcome::Created);
        assert_eq!(bench.run().await.counts, RunCounts::default());
        assert!(!waiting(&bench).await);
        let sync = bench.sync;
        let left = bench
            .store
            .read(move |db| store::unwritten::count(db, sync));
        assert_eq!(left.await.unwrap(), 0);
    }
}

#[tokio::test]
async fn what_is_written_without_it_gets_it_later_also_when_its_bytes_are_the_same() {
    let companies = SyncId::new();
    let bench = bench(Some(companies), OnFailure::Null, unguarded()).await;
    let document = bench.job.document.clone();
    bench
        .store
        .write(move |tx| store::syncs::insert(tx, companies, &document, 1))
        .await
        .unwrap();
    set(&bench, &[("ada", Some("co_1"))]);
    check(&bench.run().await.counts, "1 read, 1 created");
    assert_eq!(bosses(&bench), ["ada < "]);
    check(&bench.run_in_full().await.counts, "1 read, 1 unchanged");
    link(&bench, companies, "co_1", "9000").await;
    let counts = bench.run_in_full().await.counts;
    check(&counts, "2 read, 1 updated, 1 unchanged");
    assert_eq!(bosses(&bench), ["ada < 9000"]);
}
