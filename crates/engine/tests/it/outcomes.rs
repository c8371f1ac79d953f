//! Every record has one outcome, counted once and told once.

use model::run::{RecordOutcome, RunState};

use crate::bench::Bench;
use crate::platform::{Call, Fate, text};

#[tokio::test]
async fn a_record_that_the_target_refuses_is_counted_and_says_why() {
    let bench = Bench::new(3).await;
    bench.platform.set_people(&[
        ("a", r#"{"email":"a@x.io","name":"A"}"#),
        ("b", r#"{"email":"b@x.io","name":"nobody"}"#),
        ("c", r#"{"email":"c@x.io","name":"C"}"#),
        ("d", r#"{"email":"d@x.io","name":"nobody"}"#),
    ]);
    let run = bench.run().await;
    assert_eq!(run.state, RunState::Completed);
    let counts = run.counts;
    assert!(counts.balances(), "{}", counts.equation());
    assert_eq!((counts.read, counts.created, counts.rejected), (4, 2, 2));
    let refused: Vec<_> = bench
        .lines(run.id)
        .await
        .into_iter()
        .filter(|line| line.outcome == RecordOutcome::Rejected)
        .map(|line| {
            (
                line.source_key.unwrap().0,
                line.message.unwrap(),
                line.field.unwrap(),
            )
        })
        .collect();
    let name = || "name".parse().unwrap();
    assert_eq!(
        refused,
        [
            ("b".to_owned(), "is nobody (422)".to_owned(), name()),
            ("d".to_owned(), "is nobody (422)".to_owned(), name()),
        ]
    );
    // They are read again by the next full run, and refused again; the others are as they should be.
    let again = bench.run_in_full().await.counts;
    assert!(again.balances(), "{}", again.equation());
    assert_eq!(
        (again.unchanged, again.rejected),
        (2, 2),
        "{}",
        again.equation()
    );
}

#[tokio::test]
async fn a_record_that_comes_twice_in_a_page_is_written_in_its_order() {
    let bench = Bench::new(10).await;
    bench.platform.set_people(&[
        ("a", r#"{"email":"a@x.io","name":"before"}"#),
        ("b", r#"{"email":"b@x.io","name":"B"}"#),
        ("a", r#"{"email":"a@x.io","name":"after"}"#),
    ]);
    let counts = bench.run().await.counts;
    assert!(counts.balances(), "{}", counts.equation());
    assert_eq!(
        (counts.read, counts.created, counts.updated),
        (3, 2, 1),
        "{}",
        counts.equation()
    );
    let mut names: Vec<String> = bench
        .platform
        .members()
        .iter()
        .map(|member| text(member, "name"))
        .collect();
    names.sort();
    assert_eq!(names, ["B", "after"]);
}

#[tokio::test]
async fn two_records_with_one_address_make_one_member() {
    let bench = Bench::new(10).await;
    bench.platform.set_people(&[
        ("a", r#"{"email":"same@x.io","name":"A"}"#),
        ("b", r#"{"email":" Same@x.io","name":"B"}"#),
    ]);
    let counts = bench.run().await.counts;
    assert_eq!(
        (counts.created, counts.held),
        (1, 1),
        "{}",
        counts.equation()
    );
    assert_eq!(bench.platform.members().len(), 1);
}

/// A create has no version and no key that would tell it again: only looking it up does.
#[tokio::test]
async fn creates_without_an_answer_are_looked_up_before_they_are_sent_again() {
    for fate in [Fate::Lose, Fate::Vanish] {
        let bench = Bench::new(4).await;
        bench.people(10);
        bench.platform.script(move |n, call| match call {
            Call::Write(_) if n < 8 => fate,
            _ => Fate::Answer,
        });
        let run = bench.run().await;
        assert_eq!(run.state, RunState::Completed, "{fate:?}: {run:?}");
        assert_eq!(
            run.counts.created,
            10,
            "{fate:?}: {}",
            run.counts.equation()
        );
        bench.assert_all_is_there_once().await;
        assert_eq!(bench.lines(run.id).await.len(), 10);
    }
}

/// Answers that never come end the run; what was sent stays in the journal for the next one.
#[tokio::test]
async fn a_target_that_never_answers_ends_the_run_and_the_next_one_settles_it() {
    for fate in [Fate::Lose, Fate::Vanish] {
        let bench = Bench::new(4).await;
        bench.people(10);
        bench.run().await;
        bench.rename("second");
        bench.platform.script(move |_, call| match call {
            Call::Write(_) => fate,
            _ => Fate::Answer,
        });
        let cut_off = bench.run_in_full().await;
        assert_eq!(cut_off.state, RunState::Failed, "{fate:?}: {cut_off:?}");
        assert_eq!(bench.pending().await.len(), 4);
        bench.platform.script(|_, _| Fate::Answer);
        bench.run_in_full().await;
        bench.assert_all_is_there_once().await;
        let first = bench.runs().await[1].counts;
        assert_eq!(first.updated, 4, "{fate:?}: {}", first.equation());
    }
}
