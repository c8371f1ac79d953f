//! Jobs that a platform works on.

use model::ids::ChangeId;
use store::bulk_jobs::{self, StoredJob};

use crate::support::{NOW, add_sync, in_memory};

fn job(name: &str, stream: &str, changes: usize) -> StoredJob {
    StoredJob {
        job: name.into(),
        stream: stream.into(),
        changes: (0..changes).map(|_| ChangeId::new()).collect(),
    }
}

#[tokio::test]
async fn jobs_are_kept_with_their_changes_in_order_until_they_end() {
    let store = in_memory();
    let (sync, other) = (add_sync(&store).await, add_sync(&store).await);
    let kept = [
        job("b", "contacts", 3),
        job("a", "contacts", 1),
        job("b", "deals", 0),
    ];
    for (at, one) in kept.iter().cloned().enumerate() {
        let at = NOW + i64::try_from(at).unwrap();
        store
            .write(move |tx| bulk_jobs::insert(tx, sync, &one, at))
            .await
            .unwrap();
    }
    let of = async |sync, stream: &'static str| {
        store
            .read(move |db| bulk_jobs::of_stream(db, sync, stream))
            .await
            .unwrap()
    };
    assert_eq!(of(sync, "contacts").await, kept[..2]);
    assert_eq!(of(sync, "deals").await, kept[2..]);
    assert_eq!(of(other, "contacts").await, []);
    store
        .write(move |tx| bulk_jobs::remove(tx, sync, "contacts", "b"))
        .await
        .unwrap();
    assert_eq!(of(sync, "contacts").await, kept[1..2]);
    assert_eq!(of(sync, "deals").await, kept[2..]);
}
