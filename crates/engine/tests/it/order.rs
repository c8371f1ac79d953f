//! What is on the disk when something leaves this computer.

use std::sync::atomic::{AtomicUsize, Ordering};

use model::ids::ChangeId;
use model::run::RunState;

use crate::bench::Bench;
use crate::platform::{Call, Fate, Seen};

/// Larger than a batch, so that a page is settled in several steps.
const PAGE: usize = 1_200;

fn ids<'a>(changes: impl IntoIterator<Item = &'a model::record::Change>) -> Vec<ChangeId> {
    let mut ids: Vec<ChangeId> = changes.into_iter().map(|change| change.id).collect();
    ids.sort();
    ids
}

fn assert_only_what_is_journalled_is_sent(seen: &[Seen]) -> usize {
    let mut n_writes = 0;
    for seen in seen {
        let Call::Write(changes) = &seen.call else {
            continue;
        };
        n_writes += 1;
        assert_eq!(
            ids(changes),
            ids(seen.pending.iter().map(|pending| &pending.change)),
            "what is sent is what the journal has"
        );
        for pending in &seen.pending {
            assert!(changes.contains(&pending.change), "{pending:?}");
        }
    }
    n_writes
}

#[tokio::test]
async fn what_is_sent_is_in_the_journal_and_nothing_else_is() {
    let bench = Bench::new(1_000).await;
    bench.people(2_500);
    // The third write gets no answer: it is sent once more as it is.
    let writes = AtomicUsize::new(0);
    bench.platform.script(move |_, call| match call {
        Call::Write(_) if writes.fetch_add(1, Ordering::Relaxed) == 2 => Fate::Vanish,
        _ => Fate::Answer,
    });
    assert_eq!(bench.run().await.state, RunState::Completed);
    bench.assert_all_is_there_once().await;
    // Somebody changes all of them on the target too: each is made anew.
    bench.platform.change_members(|member| {
        member.fields.insert("name", "by hand".into());
        member.version += 1;
    });
    bench.rename("second");
    let run = bench.run_in_full().await;
    assert_eq!(run.counts.updated, 2_500, "{}", run.counts.equation());
    bench.assert_all_is_there_once().await;
    let n_writes = assert_only_what_is_journalled_is_sent(&bench.platform.seen());
    assert!(n_writes >= 3 + 3 + 3, "{n_writes} writes");
}

#[tokio::test]
async fn the_checkpoint_names_only_what_is_settled() {
    let bench = Bench::new(PAGE).await;
    let n_people = 3 * PAGE;
    bench.people(n_people);
    assert_eq!(bench.run().await.state, RunState::Completed);
    let mut pages = Vec::new();
    for seen in bench.platform.seen() {
        let Some(checkpoint) = seen.checkpoint else {
            continue;
        };
        assert_eq!(checkpoint.cursor, None, "the cursor waits for the end");
        let n_pages = checkpoint.position.unwrap().as_u64().unwrap() as usize;
        assert!(
            seen.linked >= n_pages * PAGE,
            "{n_pages} pages are said to be done, and {} records are",
            seen.linked
        );
        pages.push(n_pages);
    }
    assert!(pages.is_sorted(), "it never goes back: {pages:?}");
    pages.dedup();
    assert!(pages.len() > 1, "it moves with the pages: {pages:?}");
    let sync = bench.sync;
    let end = bench
        .store
        .read(move |db| store::checkpoints::get(db, sync))
        .await
        .unwrap()
        .unwrap()
        .checkpoint;
    assert_eq!((end.cursor, end.position), (Some(3.into()), None));
}

#[tokio::test]
async fn a_checkpoint_that_cannot_be_moved_takes_its_records_with_it() {
    let bench = Bench::new(5).await;
    bench.people(5);
    bench
        .store
        .write(|tx| {
            tx.execute_batch(
                "CREATE TRIGGER no_room BEFORE INSERT ON checkpoints BEGIN SELECT RAISE(ABORT, 'no room'); END",
            )?;
            Ok(())
        })
        .await
        .unwrap();
    let run = bench.run().await;
    assert_eq!(run.state, RunState::Failed, "{run:?}");
    assert_eq!(run.counts.read, 0, "{}", run.counts.equation());
    let sync = bench.sync;
    let linked = bench
        .store
        .read(move |db| store::links::count(db, sync))
        .await
        .unwrap();
    assert_eq!(linked, 0);
    assert_eq!(
        bench.pending().await.len(),
        5,
        "they are still to be settled"
    );
    assert_eq!(bench.lines(run.id).await, Vec::new());

    bench
        .store
        .write(|tx| {
            tx.execute_batch("DROP TRIGGER no_room")?;
            Ok(())
        })
        .await
        .unwrap();
    bench.run().await;
    bench.assert_all_is_there_once().await;
}
