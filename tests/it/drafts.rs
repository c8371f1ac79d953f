//! Two windows, or two programs, edit the same mapping: neither writes over the other without being told.

use api::error::{ApiError, Code};
use api::views::{SyncDetail, SyncSummary};
use model::mapping::Mapping;
use serde_json::json;
use testkit::TestApp;
use testkit::standard::{constant, put};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mapping_that_was_changed_elsewhere_is_not_written_over() {
    let test = TestApp::with_contacts(5).await;
    let sync = test.standard().await.sync;
    let detail: SyncDetail = test.ask("get_sync", json!({"sync": sync})).await;
    let opened = detail.mapping;
    let with = |list: &str| {
        let mut mapping = opened.clone();
        put(&mut mapping, constant("list_id", list.into()));
        mapping
    };
    let save = async |mapping: &Mapping, was: Option<&Mapping>| -> Result<SyncSummary, ApiError> {
        test.try_ask(
            "save_draft",
            json!({"sync": sync, "mapping": mapping, "mapping_was": was}),
        )
        .await
    };
    let stored = async || -> Mapping {
        test.ask::<SyncDetail>("get_sync", json!({"sync": sync}))
            .await
            .mapping
    };
    let (mine, theirs) = (with("lst_mine"), with("lst_theirs"));

    save(&theirs, Some(&opened)).await.unwrap();
    let refused = save(&mine, Some(&opened)).await.unwrap_err();
    assert_eq!(refused.code, Code::ChangedElsewhere, "{refused:?}");
    assert!(refused.hint.is_some());
    assert_eq!(stored().await, theirs, "nothing of it was saved");

    // The same document needs no decision, whoever wrote it first.
    save(&theirs, Some(&opened)).await.unwrap();
    // Whoever has looked may go on with his own.
    save(&mine, Some(&theirs)).await.unwrap();
    assert_eq!(stored().await, mine);
    // Who does not say what it was made from takes what comes, as the command line does.
    save(&theirs, None).await.unwrap();
    assert_eq!(stored().await, theirs);
    test.close().await;
}
