//! A platform that puts records away, because it does not delete.

use std::path::Path;

use api::views::SyncSummary;
use connectors::registry::BUILTIN;
use model::run::RunState;
use serde_json::{Value, json};
use testkit::TestApp;
use testkit::app::records;

/// Postino without deletion.
fn install(data_dir: &Path) {
    let (_, usual) = BUILTIN.iter().find(|(name, _)| *name == "postino").unwrap();
    let (before, rest) = usual.split_once("        delete:\n").unwrap();
    let (_, after) = rest.split_once("        batch:\n").unwrap();
    let after: String = after
        .lines()
        .filter(|line| !line.trim_start().starts_with("delete: {op: delete"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let folder = data_dir.join("connectors");
    std::fs::create_dir_all(&folder).unwrap();
    let text = format!("{before}        batch:\n{after}");
    std::fs::write(folder.join("postino.yaml"), text).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_puts_away_what_the_platform_does_not_delete() {
    let closed = TestApp::with_contacts(60).await.close().await;
    install(&closed.data_dir());
    let test = closed.open().await;
    let standard = test.standard().await;
    let sync = standard.sync;
    let request = json!({"sync": sync, "mode": "mirror"});
    let _: SyncSummary = test.ask("save_draft", request).await;
    let _: SyncSummary = test.ask("publish_sync", json!({"sync": sync})).await;
    let put_away = |list: Value| {
        let list = records(&list).iter();
        list.filter(|one| one["status"] == "unsubscribed").count()
    };
    let run = test.run(sync).await;
    assert_eq!(run.summary.state, RunState::Completed, "{run:?}");
    let (before, n) = (
        put_away(test.sandbox.subscribers()),
        records(&test.sandbox.subscribers()).len(),
    );

    let gone = test.sandbox.delete_contacts(5, 3).len();
    let mut n_deleted = 0;
    // It is missed twice before it counts as gone.
    for _ in 0..3 {
        let run = test.run(sync).await;
        assert_eq!(run.summary.state, RunState::Completed, "{run:?}");
        n_deleted += run.summary.counts.deleted;
    }
    assert!(n_deleted > 0 && n_deleted <= gone as u64);
    assert_eq!(
        records(&test.sandbox.subscribers()).len(),
        n,
        "nothing is deleted"
    );
    assert_eq!(
        put_away(test.sandbox.subscribers()) - before,
        usize::try_from(n_deleted).unwrap()
    );
    test.close().await;
}
