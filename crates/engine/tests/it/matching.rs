//! Which record of the target is meant: the link, then the ways to match in their order, and never a guess.

use model::record::RecordKey;
use model::sync::{Compare, MatchRule};

use crate::bench::{Bench, rule, unguarded};
use crate::platform::{Member, object, text};

const EXACT: Compare = Compare::Exact;
const LOOSE: Compare = Compare::Normalised;

/// A sync that matches by address, then by these.
async fn matched_by(also: &[(&[&str], Compare)]) -> Bench {
    let rules = also.iter().map(|(fields, compare)| MatchRule {
        fields: fields.iter().map(|field| field.parse().unwrap()).collect(),
        compare: *compare,
    });
    Bench::with(10, unguarded(), |_, sync| {
        sync.match_also = rules.collect();
        sync.mapping.rules.push(rule("boss"));
    })
    .await
}

fn set_members(bench: &Bench, members: &[&str]) {
    bench.platform.world(|world| {
        for (n, fields) in members.iter().enumerate() {
            let member = Member {
                fields: object(fields),
                version: 1,
            };
            world.members.insert(format!("m{n:05}"), member);
        }
    });
}

/// With whom Ada is linked in the end: one of these members, a new one, or nobody.
async fn ada_is(bench: &Bench, members: &[&str]) -> Option<usize> {
    const ADA: &str = r#"{"email":"ada@x.io","name":"Ada","boss":"Bo"}"#;
    set_members(bench, members);
    bench.platform.set_people(&[("ada", ADA)]);
    let run = bench.run().await;
    assert!(run.counts.balances(), "{}", run.counts.equation());
    let sync = bench.sync;
    let keys = [RecordKey("ada".into())];
    let links = bench
        .store
        .read(move |db| store::links::targets_of_sources(db, sync, &keys));
    let linked = links.await.unwrap().into_values().next();
    let linked = linked.map(|key| key.0.trim_start_matches('m').parse().unwrap());
    assert_eq!(run.counts.held, u64::from(linked.is_none()), "{run:?}");
    if let Some(n) = linked {
        // He is what the source says, and the others are as they were.
        for (at, member) in bench.platform.members().iter().enumerate() {
            let expected = if at == n { ADA } else { members[at] };
            assert_eq!(*member, object(expected), "{at}");
        }
    }
    linked
}

#[tokio::test]
async fn ways_to_match_are_tried_in_their_order() {
    const NEW: fn(&[&str]) -> Option<usize> = |members| Some(members.len());
    let by_name: &[(&[&str], Compare)] = &[(&["name"], EXACT)];
    let by_name_loosely: &[(&[&str], Compare)] = &[(&["name"], LOOSE)];
    let by_both: &[(&[&str], Compare)] = &[(&["name", "boss"], EXACT)];
    let one_after_the_other: &[(&[&str], Compare)] = &[(&["name"], EXACT), (&["boss"], LOOSE)];
    let address = r#"{"email":"ada@x.io","name":"A.","boss":""}"#;
    let name = r#"{"email":"old@x.io","name":"Ada","boss":"Cy"}"#;
    let similar = r#"{"email":"other@x.io","name":" ADA","boss":"Di"}"#;
    let both = r#"{"email":"both@x.io","name":"Ada","boss":"Bo"}"#;
    let boss = r#"{"email":"boss@x.io","name":"Eve","boss":"bo "}"#;
    for (also, members, expected) in [
        // The address comes first, whatever else there is.
        (by_name, &[name, address][..], Some(1)),
        (by_name, &[similar, name], Some(1)),
        (by_name, &[similar], NEW(&[similar])),
        (by_name_loosely, &[similar], Some(0)),
        (by_both, &[name, both], Some(1)),
        (by_both, &[name, boss], NEW(&[name, boss])),
        (one_after_the_other, &[boss, name], Some(1)),
        (one_after_the_other, &[boss, similar], Some(0)),
        (one_after_the_other, &[], NEW(&[])),
        // Never a guess.
        (by_name, &[name, both], None),
        (by_name_loosely, &[similar, name], None),
        (one_after_the_other, &[boss, name, both], None),
        (&[], &[name], NEW(&[name])),
    ] {
        let bench = matched_by(also).await;
        let found = ada_is(&bench, members).await;
        assert_eq!(found, expected, "{also:?} {members:?}");
    }
}

#[tokio::test]
async fn a_link_counts_more_than_any_match() {
    let bench = matched_by(&[(&["name"], EXACT)]).await;
    bench
        .platform
        .set_people(&[("ada", r#"{"email":"ada@x.io","name":"Ada","boss":"Bo"}"#)]);
    bench.run().await;
    // Another member gets her address, she gets another name.
    set_members_at(
        &bench,
        "z",
        r#"{"email":"new@x.io","name":"Ada L.","boss":""}"#,
    );
    bench
        .platform
        .set_people(&[("ada", r#"{"email":"new@x.io","name":"Ada L.","boss":"Bo"}"#)]);
    let counts = bench.run_in_full().await.counts;
    assert_eq!(
        (counts.updated, counts.created),
        (1, 0),
        "{}",
        counts.equation()
    );
    let members = bench.platform.members();
    assert_eq!(text(&members[0], "email"), "new@x.io");
    assert_eq!(text(&members[1], "boss"), "");
}

fn set_members_at(bench: &Bench, key: &str, fields: &str) {
    let member = Member {
        fields: object(fields),
        version: 1,
    };
    bench
        .platform
        .world(|world| world.members.insert(key.to_owned(), member));
}

#[tokio::test]
async fn two_records_that_match_one_member_by_different_ways_are_not_both_given_it() {
    let bench = matched_by(&[(&["name"], EXACT)]).await;
    set_members(&bench, &[r#"{"email":"ada@x.io","name":"Ada","boss":""}"#]);
    bench.platform.set_people(&[
        ("a", r#"{"email":"ada@x.io","name":"A","boss":"Bo"}"#),
        ("b", r#"{"email":"b@x.io","name":"Ada","boss":"Cy"}"#),
    ]);
    let counts = bench.run().await.counts;
    assert_eq!(
        (counts.updated, counts.held),
        (1, 1),
        "{}",
        counts.equation()
    );
    assert_eq!(bench.platform.members().len(), 1);
}
