//! Records that need a person, whichever run saw them last.

use model::ids::SyncId;
use model::run::RecordOutcome;
use store::run_records::RunRecord;
use store::unwritten::{Place, Unwritten};

use crate::app::App;
use crate::commands::runs::{place_not_understood, record_view};
use crate::error::ApiError;
#[allow(clippy::wildcard_imports, reason = "most views of a noun are used")]
use crate::views::*;

type Result<T> = std::result::Result<T, ApiError>;

pub(crate) async fn list(app: &App, request: ListRunRecords) -> Result<RunRecords> {
    let Some(sync) = request.sync else {
        return Err(ApiError::invalid(
            "Records that need you are listed sync by sync.",
            "Choose a sync.",
        ));
    };
    let after = match request.after.as_deref() {
        None | Some("") => None,
        Some(text) => Some(Place::parse(text).ok_or_else(place_not_understood)?),
    };
    let limit = request.limit.clamp(1, 500) as usize;
    let most_tries = app
        .engine()
        .store()
        .read(move |db| Ok(store::syncs::get(db, sync)?.document.most_tries))
        .await?;
    let (found, next) = page(app, sync, after, limit).await?;
    let next = next.map(|place| place.to_text());
    let records = with_details(app, found)
        .await?
        .into_iter()
        .map(|(unwritten, details)| {
            let tries = unwritten.tries;
            let is_tried = matches!(
                unwritten.outcome,
                RecordOutcome::Rejected | RecordOutcome::Held
            );
            let view = match details {
                Some(record) => record_view(&record),
                None => without_details(unwritten),
            };
            RunRecordSummary {
                tries: Some(tries),
                is_set_aside: is_tried && tries >= u32::from(most_tries),
                ..view
            }
        })
        .collect();
    Ok(RunRecords { records, next })
}

pub(super) async fn page(
    app: &App,
    sync: SyncId,
    after: Option<Place>,
    limit: usize,
) -> Result<store::unwritten::Page> {
    Ok(app
        .engine()
        .store()
        .read(move |db| store::unwritten::page(db, sync, after.as_ref(), limit))
        .await?)
}

/// Each with its line of the history, where that is not pruned.
pub(super) async fn with_details(
    app: &App,
    found: Vec<Unwritten>,
) -> Result<Vec<(Unwritten, Option<RunRecord>)>> {
    Ok(app
        .engine()
        .store()
        .read_history(move |db| {
            found
                .into_iter()
                .map(|unwritten| {
                    let details = store::run_records::get(db, unwritten.run, unwritten.seq)?;
                    Ok((unwritten, details))
                })
                .collect()
        })
        .await?)
}

fn without_details(unwritten: Unwritten) -> RunRecordSummary {
    RunRecordSummary {
        run: unwritten.run,
        seq: unwritten.seq,
        title: unwritten.source_key.to_string(),
        source_key: unwritten.source_key.to_string(),
        target_key: None,
        outcome: unwritten.outcome,
        message: Some("Its details are older than the space for the history allows.".into()),
        field: None,
        changed_fields: 0,
        tries: None,
        is_set_aside: false,
        at: unwritten.at,
    }
}
