//! What taking a large run back costs: its plan, carrying it out, and the same for taking that back again.
//!
//! The sample platforms are in this process, so what they do is counted too.

use testkit::undone::Changed;

use crate::measured::{Row, timed};

/// One record in so many was edited by somebody since the run.
const EDITED_ONE_IN: usize = 100;

pub(crate) async fn measure(records: usize) -> Vec<Row> {
    let changed = Changed::of(records, records / EDITED_ONE_IN).await;
    let n = usize::try_from(changed.run.summary.counts.updated).unwrap_or(usize::MAX);
    let (plan, planned) = timed(changed.plan(changed.run.summary.id)).await;
    changed.assert_plan(&plan).await;
    let (undone, carried_out) = timed(changed.carry_out(plan.id)).await;
    changed.assert_taken_back(&undone).await;
    let (plan, planned_again) = timed(changed.plan(undone.summary.id)).await;
    let (again, carried_out_again) = timed(changed.carry_out(plan.id)).await;
    changed.assert_again(&again, &undone);
    println!(
        "{n} records, {} edited since: {} restored, {} in conflict, none overwritten",
        records / EDITED_ONE_IN,
        undone.summary.counts.updated,
        undone.summary.counts.conflict
    );
    changed.close().await;
    [
        ("undo: plan of taking back", planned),
        ("undo: carried out", carried_out),
        ("undo: plan of the undo of the undo", planned_again),
        ("undo: carried out again", carried_out_again),
    ]
    .map(|(what, spent)| Row {
        what: what.into(),
        records: n,
        spent,
    })
    .into()
}
