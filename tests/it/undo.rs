//! Taking back a large run that people have worked on since.

use testkit::undone::Changed;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_records_are_restored_except_the_ten_that_somebody_edited() {
    let changed = Changed::of(1_000, 10).await;
    let plan = changed.plan(changed.run.summary.id).await;
    changed.assert_plan(&plan).await;
    let undone = changed.carry_out(plan.id).await;
    changed.assert_taken_back(&undone).await;

    let plan = changed.plan(undone.summary.id).await;
    let again = changed.carry_out(plan.id).await;
    changed.assert_again(&again, &undone);
    changed.close().await;
}
