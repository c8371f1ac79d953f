//! Records that could not be written are tried again by later runs, until they are set aside.

use engine::retries::Resent;
use model::record::RecordKey;
use model::run::RunState;
use model::sync::Guards;
use model::value::Value;

use crate::bench::Bench;
use crate::platform::{Call, object, text};

const NOBODY: (&str, &str) = ("b", r#"{"email":"b@x.io","name":"nobody"}"#);
const SOMEBODY: (&str, &str) = ("a", r#"{"email":"a@x.io","name":"A"}"#);

/// A sync that has met a record which the target refuses, and whose source has nothing new any more.
async fn refused_once(guards: Option<Guards>) -> Bench {
    let bench = match guards {
        None => Bench::new(10).await,
        Some(guards) => Bench::guarded(10, guards).await,
    };
    bench.platform.set_people(&[SOMEBODY, NOBODY]);
    let first = bench.run().await.counts;
    assert_eq!((first.created, first.rejected), (1, 1));
    bench.platform.set_people(&[]);
    bench
}

/// How many changes were sent so far.
fn sent(bench: &Bench) -> usize {
    let writes = bench.platform.seen().into_iter();
    writes
        .map(|seen| match seen.call {
            Call::Write(changes) => changes.len(),
            _ => 0,
        })
        .sum()
}

fn names(bench: &Bench) -> Vec<String> {
    let members = bench.platform.members();
    members.iter().map(|member| text(member, "name")).collect()
}

/// Key and tries of what needs a person.
async fn waiting(bench: &Bench) -> Vec<(String, u32)> {
    let sync = bench.sync;
    let (page, _) = bench
        .store
        .read(move |db| store::unwritten::page(db, sync, None, 10))
        .await
        .unwrap();
    let records = page.into_iter();
    records
        .map(|record| (record.source_key.0, record.tries))
        .collect()
}

fn planned_first() -> Guards {
    Guards {
        max_update_percent: 100,
        empty_source_above: u32::MAX,
        from_records: 1,
        ..Guards::default()
    }
}

#[tokio::test]
async fn a_later_run_writes_what_the_target_takes_by_then() {
    for guards in [None, Some(planned_first())] {
        let bench = refused_once(guards).await;
        let still = bench.run().await.counts;
        assert_eq!((still.read, still.rejected), (1, 1), "{}", still.equation());
        assert_eq!(waiting(&bench).await, [("b".to_owned(), 2)]);

        bench.platform.world(|world| world.takes_nobody = true);
        let run = bench.run().await;
        assert_eq!(run.state, RunState::Completed);
        assert_eq!((run.counts.read, run.counts.created), (1, 1));
        assert!(run.counts.balances(), "{}", run.counts.equation());
        assert_eq!(names(&bench), ["A", "nobody"]);
        assert_eq!(waiting(&bench).await, []);

        // Then there is nothing left to be tried.
        assert_eq!(bench.run().await.counts.read, 0);
    }
}

#[tokio::test]
async fn a_record_that_fails_again_and_again_is_set_aside_until_something_is_different() {
    for guards in [None, Some(planned_first())] {
        let bench = refused_once(guards).await;
        for _ in 0..2 {
            assert_eq!(bench.run().await.counts.rejected, 1);
        }
        let n_sent = sent(&bench);
        assert_eq!(waiting(&bench).await, [("b".to_owned(), 3)]);
        let quiet = bench.run().await.counts;
        assert_eq!(
            (quiet.read, sent(&bench)),
            (0, n_sent),
            "three times is enough"
        );

        // Also a run that reads it leaves it alone, and says so.
        bench.platform.set_people(&[SOMEBODY, NOBODY]);
        let run = bench.run_in_full().await;
        assert_eq!((run.counts.held, sent(&bench)), (1, n_sent));
        let message = bench.lines(run.id).await[0].message.clone().unwrap();
        assert!(message.contains("set aside"), "{message}");
        assert_eq!(waiting(&bench).await.len(), 1, "it still needs a person");

        // Another record under the same key is another matter.
        bench
            .platform
            .set_people(&[SOMEBODY, ("b", r#"{"email":"b@x.io","name":"B"}"#)]);
        assert_eq!(bench.run_in_full().await.counts.created, 1);
        assert_eq!(names(&bench), ["A", "B"]);
        assert_eq!(waiting(&bench).await, []);
    }
}

fn resent(edited: Option<&str>) -> Vec<Resent> {
    vec![Resent {
        source_key: RecordKey(NOBODY.0.into()),
        source: Value::Object(object(NOBODY.1)),
        edited: edited.map(|edited| {
            let fields = object(edited).into_iter();
            fields
                .map(|(path, value)| (path.parse().unwrap(), value))
                .collect()
        }),
        of_target: None,
    }]
}

#[tokio::test]
async fn what_a_person_sends_again_is_tried_from_the_beginning() {
    let bench = refused_once(None).await;
    for _ in 0..3 {
        bench.run().await;
    }
    assert_eq!(waiting(&bench).await, [("b".to_owned(), 3)]);
    let run = bench.resend(&bench.job, resent(None)).await;
    assert_eq!(run.counts.rejected, 1, "{}", run.counts.equation());
    assert_eq!(waiting(&bench).await, [("b".to_owned(), 1)]);
    assert_eq!(
        bench.run().await.counts.rejected,
        1,
        "runs try it again too"
    );
}

#[tokio::test]
async fn what_a_person_made_of_a_record_stays_until_it_changes_at_the_source() {
    let bench = refused_once(None).await;
    let edited = r#"{"name":"Bruno"}"#;
    let run = bench.resend(&bench.job, resent(Some(edited))).await;
    assert_eq!(run.counts.created, 1, "{}", run.counts.equation());
    assert_eq!(names(&bench), ["A", "Bruno"]);
    assert_eq!(waiting(&bench).await, []);

    bench.platform.set_people(&[SOMEBODY, NOBODY]);
    let full = bench.run_in_full().await.counts;
    assert_eq!(full.unchanged, 2, "{}", full.equation());
    assert_eq!(names(&bench), ["A", "Bruno"]);

    bench
        .platform
        .set_people(&[SOMEBODY, ("b", r#"{"email":"b@x.io","name":"B"}"#)]);
    assert_eq!(bench.run_in_full().await.counts.updated, 1);
    assert_eq!(names(&bench), ["A", "B"]);
}

#[tokio::test]
async fn a_field_that_the_target_does_not_have_is_refused_before_anything_is_sent() {
    for (edited, problem) in [
        (
            r#"{"nmae":"Bruno"}"#,
            "\"members\" has no field \"nmae\"; take it out, or correct its name",
        ),
        (
            r#"{"nmae.first":"Bruno"}"#,
            "\"members\" has no field \"nmae.first\"; take it out, or correct its name",
        ),
        (
            r#"{"name[0]":"Bruno"}"#,
            "\"name[0]\" is a place in a list; give the whole list another value instead",
        ),
    ] {
        let bench = refused_once(None).await;
        let n_sent = sent(&bench);
        let run = bench.resend(&bench.job, resent(Some(edited))).await;
        assert_eq!(run.state, RunState::Failed);
        assert_eq!(run.reason.as_deref(), Some(problem));
        assert_eq!(sent(&bench), n_sent);
    }
}

/// What an old plan has of a record is older than what a run has written since.
#[tokio::test]
async fn what_changed_since_an_old_plan_is_never_tried_again_as_the_plan_had_it() {
    let bench = Bench::new(10).await;
    let set = |name: &str| {
        let fields = format!(r#"{{"email":"a@x.io","name":"{name}"}}"#);
        bench.platform.set_people(&[("a", fields.as_str())]);
    };
    set("first");
    bench.run().await;
    set("second");
    let plan = bench.plan().await;
    set("third");
    assert_eq!(bench.run_in_full().await.counts.updated, 1);
    let late = bench.apply(plan).await;
    assert_eq!(late.counts.held, 1, "{}", late.counts.equation());
    let sync = bench.sync;
    let stored = bench
        .store
        .read(move |db| store::checkpoints::get(db, sync))
        .await
        .unwrap();
    assert_eq!(stored.unwrap().checkpoint.cursor, None, "it is read again");

    // Nor by a person: what the history has of it is the old value.
    let n_sent = sent(&bench);
    let by_hand = vec![Resent {
        source_key: RecordKey("a".into()),
        source: Value::Object(object(r#"{"email":"a@x.io","name":"second"}"#)),
        edited: None,
        of_target: None,
    }];
    let refused = bench.resend(&bench.job, by_hand).await;
    assert_eq!(refused.state, RunState::Failed);
    let reason = refused.reason.unwrap();
    assert!(reason.contains("run the sync"), "{reason}");
    assert_eq!(sent(&bench), n_sent);

    bench.platform.set_people(&[]);
    bench.run().await;
    assert_eq!(names(&bench), ["third"]);
    set("third");
    assert_eq!(bench.run_in_full().await.counts.unchanged, 1);
    assert_eq!(waiting(&bench).await, []);
}
