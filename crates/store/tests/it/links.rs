//! Links keep what both sides agreed on, to the letter.

use std::collections::HashMap;

use model::record::RecordKey;
use model::value::{Object, Value};
use proptest::prelude::*;
use store::links::{self, Link, SourceMark, Standing};
use store::{Error, Store};

use crate::support::{add_sync, in_memory, key, link};

async fn upsert(store: &Store, sync: model::ids::SyncId, links: Vec<Link>) {
    store
        .write(move |tx| links::upsert_many(tx, sync, &links))
        .await
        .unwrap();
}

#[tokio::test]
async fn links_are_found_from_both_sides_and_replaced_in_place() {
    let store = in_memory();
    let (sync, other) = (add_sync(&store).await, add_sync(&store).await);
    upsert(
        &store,
        sync,
        vec![link("a", "1", r#"{"n":1}"#), link("b", "2", r#"{"n":2}"#)],
    )
    .await;
    upsert(&store, other, vec![link("a", "9", r#"{"n":9}"#)]).await;
    let mut changed = link("a", "3", r#"{"n":3.10}"#);
    changed.target_version = Some("W/\"7\"".into());
    upsert(&store, sync, vec![changed.clone()]).await;

    store
        .read(move |conn| {
            let keys = [key("a"), key("b"), key("c")];
            let found = links::get_many(conn, sync, &keys)?;
            assert_eq!(found.len(), 2);
            assert_eq!(found[&key("a")], changed);
            let fingerprints = links::fingerprints_many(conn, sync, &keys)?;
            let expected: HashMap<_, _> = found
                .iter()
                .map(|(key, link)| (key.clone(), link.source_fingerprint))
                .collect();
            assert_eq!(fingerprints, expected);
            assert_eq!(links::get_by_target(conn, sync, &key("1"))?, None);
            assert_eq!(links::get_by_target(conn, sync, &key("3"))?, Some(changed));
            let sources = links::sources_of_targets(conn, sync, &[key("1"), key("2"), key("3")])?;
            assert_eq!(
                sources,
                HashMap::from([(key("2"), key("b")), (key("3"), key("a"))])
            );
            assert_eq!(links::count(conn, sync)?, 2);
            assert_eq!(links::count(conn, other)?, 1);
            Ok(())
        })
        .await
        .unwrap();

    let n = store
        .write(move |tx| links::delete_many(tx, sync, &[key("a"), key("zzz")]))
        .await
        .unwrap();
    assert_eq!(n, 1);
    store
        .read(move |conn| {
            assert_eq!(links::count(conn, sync)?, 1);
            let n_shadows: i64 =
                conn.query_row("SELECT count(*) FROM shadows", [], |row| row.get(0))?;
            assert_eq!(n_shadows, 2, "the shadow goes with its link");
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn pages_follow_the_keys_and_miss_none() {
    let store = in_memory();
    let sync = add_sync(&store).await;
    let many: Vec<Link> = (0..25).map(|n| link(n, n, "{}")).collect();
    let mut expected: Vec<RecordKey> = many.iter().map(|link| link.source_key.clone()).collect();
    expected.sort();
    upsert(&store, sync, many).await;
    let found = store
        .read(move |conn| {
            let mut found: Vec<RecordKey> = Vec::new();
            loop {
                let page = links::page(conn, sync, found.last(), 10)?;
                if page.is_empty() {
                    return Ok(found);
                }
                found.extend(page.into_iter().map(|link| link.source_key));
            }
        })
        .await
        .unwrap();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn what_could_not_be_read_again_is_refused() {
    let store = in_memory();
    let sync = add_sync(&store).await;
    let nested = |depth: usize| {
        let mut value = Value::Bool(true);
        for _ in 0..depth {
            value = Value::List(vec![value]);
        }
        let mut object = Object::new();
        object.insert("deep", value);
        let mut link = link(depth, 1, "{}");
        link.shadow = object;
        link
    };
    upsert(&store, sync, vec![nested(127)]).await;
    let error = store
        .write(move |tx| links::upsert_many(tx, sync, &[nested(128)]))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unstorable { .. }), "{error:?}");
    let page = store
        .read(move |conn| links::page(conn, sync, None, 10))
        .await
        .unwrap();
    assert_eq!(page.len(), 1);
}

/// Values as they come from JSON: those come back to the letter.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<u64>().prop_map(Value::from_u64),
        "-?(0|[1-9][0-9]{0,30})\\.[0-9]{1,30}(e-?[0-9]{1,3})?"
            .prop_map(|text| { Value::Decimal(model::number::Decimal::parse(&text).unwrap()) }),
        ".*".prop_map(Value::from),
        "[\u{0}-\u{20}\"\\\\'%_]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            prop::collection::btree_map(".{0,8}", inner, 0..6).prop_map(|members| {
                Value::Object(
                    members
                        .into_iter()
                        .map(|(name, value)| (name.into(), value))
                        .collect(),
                )
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn odd_values_and_keys_come_back_to_the_letter(
        rows in prop::collection::vec(("\\PC{0,12}|.{0,12}", ".{0,12}", value()), 1..8)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = in_memory();
            let sync = add_sync(&store).await;
            let mut expected = HashMap::new();
            for (source, target, value) in rows {
                let mut link = link(&source, &target, "{}");
                link.shadow.insert("value", value);
                link.source_fingerprint = Value::Object(link.shadow.clone()).fingerprint();
                expected.insert(link.source_key.clone(), link);
            }
            upsert(&store, sync, expected.values().cloned().collect()).await;
            let keys: Vec<RecordKey> = expected.keys().cloned().collect();
            let found = store
                .read(move |conn| links::get_many(conn, sync, &keys))
                .await
                .unwrap();
            assert_eq!(found, expected);
            for link in found.values() {
                let fingerprint = Value::Object(link.shadow.clone()).fingerprint();
                assert_eq!(fingerprint, link.source_fingerprint);
            }
        });
    }
}

fn mark(record: u64, mapping: u64) -> SourceMark {
    SourceMark::new(record << 24, mapping)
}

#[tokio::test]
async fn a_mark_tells_the_record_whatever_it_was_mapped_with() {
    let store = in_memory();
    let sync = add_sync(&store).await;
    let links = [link("marked", 0, "{}"), link("plain", 1, "{}")];
    store
        .write(move |tx| {
            let marks = [Some(mark(7, 1)), None];
            links::upsert_marked(tx, sync, links.iter().zip(marks))
        })
        .await
        .unwrap();
    let keys = ["marked", "plain", "unknown"].map(key);
    let found = store
        .read(move |conn| links::marks_many(conn, sync, &keys))
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    let known = found[&key("marked")];
    let same = [(7, 1), (7, 2), (8, 1)]
        .map(|(record, mapping)| known.is_of_same_record(mark(record, mapping)));
    assert_eq!(same, [true, true, false]);
}

#[tokio::test]
async fn a_record_is_the_same_only_where_its_mark_is() {
    let store = in_memory();
    let sync = add_sync(&store).await;
    // Two thousand links, of which every second has a mark, far apart from each other or not.
    store
        .write(move |tx| {
            let links: Vec<Link> = (0..2000)
                .map(|n| link(format!("k{n:05}"), n, "{}"))
                .collect();
            let marks = (0..2000).map(|n| (n % 2 == 0).then_some(mark(n, 1)));
            links::upsert_marked(tx, sync, links.iter().zip(marks))
        })
        .await
        .unwrap();
    let check = async |wanted: &[(usize, u64)], expected: &[Standing]| {
        let wanted: Vec<_> = wanted
            .iter()
            .map(|(n, record)| (key(format!("k{n:05}")), mark(*record, 1)))
            .collect();
        let same = store
            .read(move |conn| {
                let wanted: Vec<_> = wanted
                    .iter()
                    .map(|(key, mark)| (key, Some(*mark)))
                    .collect();
                links::standings(conn, sync, &wanted)
            })
            .await
            .unwrap();
        assert_eq!(same, expected);
    };
    use Standing::{Linked, New, Same};
    check(&[], &[]).await;
    check(
        &[(4, 4), (2, 2), (3, 3), (2, 3), (5000, 4)],
        &[Same, Same, Linked, Linked, New],
    )
    .await;
    // So far apart that they are looked up one by one.
    check(
        &[(0, 0), (1998, 1998), (1000, 1000), (1001, 1001)],
        &[Same, Same, Same, Linked],
    )
    .await;
    let every: Vec<(usize, u64)> = (0..2000).map(|n| (n, n as u64)).collect();
    let expected: Vec<Standing> = (0..2000)
        .map(|n| if n % 2 == 0 { Same } else { Linked })
        .collect();
    check(&every, &expected).await;

    // What is agreed in another way has no mark; a new one is noted.
    store
        .write(move |tx| {
            links::upsert_many(tx, sync, &[link("k00002", 2, "{}")])?;
            links::mark_many(tx, sync, &[(key("k00003"), mark(3, 1))])
        })
        .await
        .unwrap();
    check(&[(2, 2), (3, 3)], &[Linked, Same]).await;
}
