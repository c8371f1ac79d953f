//! What did not change is known by its bytes, and only as long as that says enough.

use std::sync::Arc;

use engine::Job;
use model::mapping::Origin;
use model::run::RunCounts;

use crate::bench::Bench;
use crate::platform::describe;

const PEOPLE: u64 = 120;

/// From now on every record that is mapped looks changed.
async fn forget_what_was_agreed(bench: &Bench) {
    bench
        .store
        .write(|tx| {
            tx.execute("UPDATE links SET source_fingerprint = zeroblob(16)", [])?;
            Ok(())
        })
        .await
        .unwrap();
}

async fn loaded() -> Bench {
    let bench = Bench::new(50).await;
    bench.people(usize::try_from(PEOPLE).unwrap());
    assert_eq!(bench.run().await.counts.created, PEOPLE);
    bench
}

fn unchanged() -> RunCounts {
    RunCounts {
        read: PEOPLE,
        unchanged: PEOPLE,
        ..RunCounts::default()
    }
}

#[tokio::test]
async fn the_same_bytes_are_not_mapped_again() {
    let bench = loaded().await;
    forget_what_was_agreed(&bench).await;
    assert_eq!(bench.run_in_full().await.counts, unchanged());
    bench.assert_all_is_there_once().await;
}

#[tokio::test]
async fn other_bytes_that_map_to_the_same_are_known_from_then_on() {
    let bench = loaded().await;
    bench.platform.world(|world| {
        for (_, fields) in &mut world.people {
            *fields = fields.replace('}', r#","elsewhere":true}"#);
        }
    });
    assert_eq!(bench.run_in_full().await.counts, unchanged());
    forget_what_was_agreed(&bench).await;
    assert_eq!(bench.run_in_full().await.counts, unchanged());
}

#[tokio::test]
async fn another_mapping_maps_the_same_bytes_again() {
    let mut bench = loaded().await;
    let mut document = bench.job.document.clone();
    for rule in &mut document.mapping.rules {
        if rule.target.to_string() == "name" {
            rule.origin = Origin::Fields {
                paths: vec!["email".parse().unwrap()],
            };
        }
    }
    bench.job = Job::new(
        bench.sync,
        2,
        document,
        Arc::new(bench.platform.clone()),
        Arc::new(bench.platform.clone()),
        describe("people"),
        describe("members"),
    )
    .unwrap();
    let counts = bench.run().await.counts;
    assert_eq!(
        (counts.read, counts.updated),
        (PEOPLE, PEOPLE),
        "{counts:?}"
    );
    assert_eq!(bench.run_in_full().await.counts, unchanged());
}

#[tokio::test]
async fn a_paused_record_is_left_out_although_it_did_not_change() {
    let bench = loaded().await;
    let (sync, key) = (bench.sync, model::record::RecordKey("p00007".into()));
    bench
        .store
        .write(move |tx| store::pauses::put_many(tx, sync, &[key], "for a while", 1))
        .await
        .unwrap();
    let counts = bench.run_in_full().await.counts;
    assert_eq!(
        (counts.read, counts.unchanged, counts.filtered),
        (PEOPLE, PEOPLE - 1, 1),
        "{counts:?}"
    );
}
