//! Runs, checkpoints and leases.

use model::cursor::Checkpoint;
use model::ids::{RunId, SyncId};
use model::run::{RunCounts, RunState};
use store::runs::{Run, RunFilter};
use store::{Error, Store, checkpoints, leases, runs};

use crate::support::{NOW, add_sync, in_memory, open, run};

async fn insert(store: &Store, run: &Run) -> store::Result<()> {
    let run = run.clone();
    store.write(move |tx| runs::insert(tx, &run)).await
}

async fn set_state(store: &Store, id: RunId, state: RunState) -> store::Result<()> {
    store
        .write(move |tx| runs::set_state(tx, id, state, Some("because"), NOW + 1))
        .await
}

#[tokio::test]
async fn a_sync_has_one_active_run_whoever_starts_it() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (open(dir.path()).store, open(dir.path()).store);
    let sync = add_sync(&one).await;
    let first = run(sync);
    insert(&one, &first).await.unwrap();
    for state in [RunState::Queued, RunState::Running, RunState::Waiting] {
        set_state(&one, first.id, state).await.unwrap();
        let error = insert(&other, &run(sync)).await.unwrap_err();
        assert!(
            matches!(error, Error::RunActive { sync: s, run: r } if s == sync && r == first.id),
            "{error:?}"
        );
    }
    // Another sync is not held up.
    let another = add_sync(&one).await;
    insert(&other, &run(another)).await.unwrap();

    set_state(&one, first.id, RunState::Interrupted)
        .await
        .unwrap();
    insert(&other, &run(sync)).await.unwrap();
}

#[tokio::test]
async fn an_end_is_final() {
    let store = in_memory();
    let sync = add_sync(&store).await;
    for end in [
        RunState::Completed,
        RunState::Cancelled,
        RunState::Failed,
        RunState::Interrupted,
    ] {
        let run = run(sync);
        insert(&store, &run).await.unwrap();
        set_state(&store, run.id, end).await.unwrap();
        for state in [RunState::Running, RunState::Completed, RunState::Failed] {
            let error = set_state(&store, run.id, state).await.unwrap_err();
            assert!(
                matches!(error, Error::RunEnded { run: r, state: s } if r == run.id && s == end),
                "{error:?}"
            );
        }
        let stored = store
            .read(move |conn| runs::get(conn, run.id))
            .await
            .unwrap();
        assert_eq!(
            (stored.state, stored.finished_at, stored.reason.as_deref()),
            (end, Some(NOW + 1), Some("because"))
        );
    }
    let error = set_state(&store, RunId::new(), RunState::Failed)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotFound { what: "run", .. }));
    let error = insert(&store, &run(SyncId::new())).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { what: "sync", .. }));
}

#[tokio::test]
async fn counters_add_up_and_runs_come_back_as_they_were() {
    let store = in_memory();
    let sync = add_sync(&store).await;
    let mut expected = run(sync);
    expected.plan = Some(model::ids::PlanId::new());
    expected.counts = RunCounts {
        deleted: 0,
        read: 36,
        created: 1,
        updated: 2,
        unchanged: 3,
        filtered: 4,
        invalid: 5,
        rejected: 6,
        conflict: 7,
        held: 8,
    };
    insert(&store, &expected).await.unwrap();
    let (id, counts) = (expected.id, expected.counts);
    store
        .write(move |tx| runs::add_counts(tx, id, &counts))
        .await
        .unwrap();
    expected.counts.add(&counts);
    assert!(expected.counts.balances());
    let stored = store.read(move |conn| runs::get(conn, id)).await.unwrap();
    assert_eq!(stored, expected);
    let active = store.read(runs::active).await.unwrap();
    assert_eq!(active, [expected]);
}

#[tokio::test]
async fn runs_are_listed_newest_first_page_by_page() {
    let store = in_memory();
    let (sync, other) = (add_sync(&store).await, add_sync(&store).await);
    let mut ids = Vec::new();
    for n in 0..6 {
        let run = run(if n % 3 == 2 { other } else { sync });
        insert(&store, &run).await.unwrap();
        set_state(&store, run.id, RunState::Completed)
            .await
            .unwrap();
        ids.push((run.sync, run.id));
    }
    ids.reverse();
    let pages = |sync: Option<SyncId>| {
        let store = store.clone();
        async move {
            let mut found = Vec::new();
            let mut before = None;
            loop {
                let filter = RunFilter {
                    sync,
                    before,
                    limit: 2,
                };
                let page = store
                    .read(move |conn| runs::list(conn, &filter))
                    .await
                    .unwrap();
                let Some(last) = page.last() else {
                    return found;
                };
                before = Some(last.id);
                found.extend(page.iter().map(|run| (run.sync, run.id)));
            }
        }
    };
    assert_eq!(pages(None).await, ids);
    ids.retain(|(of, _)| *of == sync);
    assert_eq!(pages(Some(sync)).await, ids);
    let last = store
        .read(move |conn| runs::last_of_sync(conn, sync))
        .await
        .unwrap();
    assert_eq!(last.unwrap().id, ids[0].1);
}

#[tokio::test]
async fn a_checkpoint_only_moves_forward() {
    let store = in_memory();
    let sync = add_sync(&store).await;
    let stored = move |store: Store| async move {
        store
            .read(move |conn| checkpoints::get(conn, sync))
            .await
            .unwrap()
    };
    assert_eq!(stored(store.clone()).await, None);
    let mut last = 0;
    for n in 0..5 {
        let checkpoint = Checkpoint {
            version: 1,
            cursor: Some(serde_json::json!({ "updated_at": format!("2026-01-0{n}") })),
            position: None,
            mapping: Some("fingerprint".into()),
            ..Checkpoint::default()
        };
        let copy = checkpoint.clone();
        let sequence = store
            .write(move |tx| checkpoints::advance(tx, sync, &copy))
            .await
            .unwrap();
        assert!(sequence > last);
        last = sequence;
        let now = stored(store.clone()).await.unwrap();
        assert_eq!((now.checkpoint, now.sequence), (checkpoint, sequence));
    }
    store
        .write(move |tx| checkpoints::reset(tx, sync))
        .await
        .unwrap();
    let now = stored(store.clone()).await.unwrap();
    assert_eq!(
        (now.checkpoint, now.sequence),
        (Checkpoint::default(), last + 1)
    );
}

#[tokio::test]
async fn a_lease_has_one_owner_until_it_ends() {
    let store = in_memory();
    let acquire = |owner: &'static str, now: i64| {
        let store = store.clone();
        async move {
            store
                .write(move |tx| leases::acquire(tx, "refresh", owner, now, 100))
                .await
                .unwrap()
        }
    };
    assert!(acquire("one", 0).await);
    assert!(!acquire("two", 99).await);
    assert!(acquire("one", 50).await, "prolonged to 150");
    assert!(!acquire("two", 149).await);
    assert!(acquire("two", 150).await);
    store
        .write(|tx| leases::release(tx, "refresh", "one"))
        .await
        .unwrap();
    let owner = |now| {
        let store = store.clone();
        async move {
            store
                .read(move |conn| leases::owner(conn, "refresh", now))
                .await
                .unwrap()
        }
    };
    assert_eq!(owner(200).await.as_deref(), Some("two"));
    assert_eq!(owner(250).await, None);
    store
        .write(|tx| leases::release(tx, "refresh", "two"))
        .await
        .unwrap();
    assert!(acquire("one", 200).await);
}
