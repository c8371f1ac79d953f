//! What a whole plan is held for before anything is written.

use model::sync::{Side, Sync};

use crate::plan;
use crate::stored_plan::Made;

/// Why a plan waits for a person, if it has to. `linked` is how many records were linked before.
pub(crate) fn judge(document: &Sync, made: &Made, linked: u64) -> Option<String> {
    let guards = &document.guards;
    if linked > u64::from(guards.empty_source_above)
        && let Some(side) = made.empty
    {
        let side = match side {
            Side::Source => "source",
            Side::Target => "target",
        };
        return Some(format!(
            "the {side} is empty, although {linked} of its records were synced before. Nothing was written; check the {side}, then run again"
        ));
    }
    let percent = made.deletes.saturating_mul(100) / linked.max(1);
    if linked >= u64::from(guards.from_records) && percent > u64::from(guards.max_delete_percent) {
        return Some(format!(
            "{} of {linked} records would be deleted: {percent} %, more than the {} % that this sync may delete without asking. Nothing was written",
            made.deletes, guards.max_delete_percent
        ));
    }
    if let Some(reason) = plan::too_many_updates(made.updates, linked, guards) {
        return Some(reason);
    }
    if document.two_way.is_some() && linked == 0 && made.counts.read > made.counts.unchanged {
        return Some(
            "this is the first run both ways: look at what would be matched and written, then approve it".into(),
        );
    }
    let approved = guards.approved;
    let asks = [
        ("created", approved.creates, made.counts.created),
        ("updated", approved.updates, made.counts.updated),
        ("deleted", approved.deletes, made.deletes),
    ];
    asks.into_iter()
        .find(|(_, is_approved, n)| !is_approved && *n > 0)
        .map(|(word, _, n)| {
            format!(
                "{n} records would be {word}, and this sync asks before that. Nothing was written"
            )
        })
}
