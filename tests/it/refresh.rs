//! Tokens that expire are renewed once, however many want one. Refresh tokens rotate: a second use would end the
//! sign-in.

use api::views::Started;
use model::run::RunState;
use sandbox::Platform;
use serde_json::json;
use testkit::TestApp;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_syncs_on_an_expired_token_renew_it_once() {
    let test = TestApp::with_contacts(120).await;
    let standard = test.standard().await;
    let other = test
        .create("The same again", standard.harbor, standard.postino)
        .await;
    let mapping = test.suggested(other).await;
    test.publish(other, &mapping).await;
    for platform in Platform::ALL {
        assert!(test.sandbox.expire_tokens(platform) > 0);
    }
    let before = test.sandbox.counters();
    let first: Started = test.ask("start_run", json!({"sync": standard.sync})).await;
    let second: Started = test.ask("start_run", json!({"sync": other})).await;
    for run in [first.run, second.run] {
        let ended = test.ended(run).await;
        assert_eq!(ended.summary.state, RunState::Completed, "{ended:?}");
        assert!(ended.balances);
    }
    let after = test.sandbox.counters();
    assert_eq!(
        after.harbor.refresh_grants - before.harbor.refresh_grants,
        1
    );
    assert_eq!(
        after.postino.refresh_grants - before.postino.refresh_grants,
        1
    );
    assert_eq!(
        (after.harbor.refresh_reuse, after.postino.refresh_reuse),
        (0, 0)
    );
    test.close().await;
}
