//! Writing records once more that were not written, or not as they should be.

use engine::retries::{MappingOf, Resent};
use model::path::FieldPath;
use model::run::RecordOutcome;
use model::sync::Side;
use model::value::Value;
use store::run_records::{RecordFilter, RunRecord};

use crate::app::App;
use crate::commands::unwritten;
use crate::error::ApiError;
#[allow(clippy::wildcard_imports, reason = "most views of a noun are used")]
use crate::views::*;

type Result<T> = std::result::Result<T, ApiError>;

/// Records that are tried again together at most.
const TRIED_TOGETHER: usize = 10_000;

pub(crate) async fn retry_records(app: &App, request: RetryRecords) -> Result<Started> {
    let run = request.run;
    let seqs = request.seqs;
    let of_run = app
        .engine()
        .store()
        .read(move |db| store::runs::get(db, run))
        .await?;
    let sync = of_run.sync;
    let records = app
        .engine()
        .store()
        .read_history(move |db| {
            let mut found = Vec::new();
            if seqs.is_empty() {
                let filter = RecordFilter {
                    run: Some(run),
                    sync: None,
                    outcomes: vec![
                        RecordOutcome::Invalid,
                        RecordOutcome::Rejected,
                        RecordOutcome::Held,
                    ],
                    text: None,
                };
                let mut after = None;
                while found.len() < TRIED_TOGETHER {
                    let page = store::run_records::page(db, &filter, after, 500)?;
                    found.extend(page.records);
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
            } else {
                for seq in seqs.iter().take(TRIED_TOGETHER) {
                    found.extend(store::run_records::get(db, run, *seq)?);
                }
            }
            // What a later run has settled is newer than what was read then.
            let mut latest = Vec::with_capacity(found.len());
            for record in found {
                let Some(key) = &record.source_key else {
                    continue;
                };
                let newest = store::run_records::of_record(db, record.sync, key, 1)?;
                if newest
                    .first()
                    .is_none_or(|line| line.run == run && line.seq == record.seq)
                {
                    latest.push(record);
                }
            }
            Ok(latest)
        })
        .await?;
    if records.is_empty() {
        return Err(ApiError::invalid(
            "There is nothing left to try again.",
            "These records were written or tried again by a later run; look at their timeline.",
        ));
    }
    let records = records.into_iter().filter_map(resent).collect();
    let mapping = match request.mapping.unwrap_or_default() {
        MappingChoice::Today => MappingOf::Today,
        MappingChoice::Then => MappingOf::Version(of_run.sync_version),
    };
    Ok(Started {
        run: app.engine().resend(sync, records, mapping).await?,
    })
}

/// Writes again what was read when they were last seen.
pub(crate) async fn retry_unwritten(app: &App, request: SyncRef) -> Result<Started> {
    let sync = request.sync;
    let (mut found, _) = unwritten::page(app, sync, None, TRIED_TOGETHER).await?;
    // The next run reads the others again.
    found.retain(|unwritten| unwritten.is_current);
    if found.is_empty() {
        return Err(ApiError::invalid(
            "There is nothing left to try again.",
            "All records of this sync are written, or left out by its rules.",
        ));
    }
    let records: Vec<_> = unwritten::with_details(app, found)
        .await?
        .into_iter()
        .filter_map(|(_, details)| resent(details?))
        .collect();
    if records.is_empty() {
        return Err(ApiError::invalid(
            "What was read of these records is not in the history any more.",
            "Change them at the source, or run the sync in full: then they are read again.",
        ));
    }
    Ok(Started {
        run: app.engine().resend(sync, records, MappingOf::Today).await?,
    })
}

/// Sends a record again with other values than the mapping makes.
pub(crate) async fn resend_record(app: &App, request: ResendRecord) -> Result<Started> {
    if request.fields.is_empty() {
        return Err(ApiError::invalid(
            "No value was changed.",
            "Change one first, or try the record again as it is.",
        ));
    }
    let (run, seq) = (request.run, request.seq);
    let record = app
        .engine()
        .store()
        .read_history(move |db| store::run_records::get(db, run, seq))
        .await?
        .ok_or_else(gone)?;
    let sync = record.sync;
    let edited = request.fields.iter().map(|(name, value)| {
        let path: FieldPath = name.parse().map_err(|error| {
            ApiError::invalid(
                format!("\"{name}\" is not the name of a field: {error}."),
                "Write it as the record's page shows it, parts behind a dot.",
            )
        })?;
        Ok((path, Value::from_serde(value)))
    });
    let edited = edited.collect::<Result<Vec<_>>>()?;
    let resent = Resent {
        edited: Some(edited),
        ..resent(record).ok_or_else(gone)?
    };
    Ok(Started {
        run: app
            .engine()
            .resend(sync, vec![resent], MappingOf::Today)
            .await?,
    })
}

fn gone() -> ApiError {
    ApiError::not_found(
        "What was read of this record is gone: it was older than the space for the history allows.",
    )
}

/// What the history has of a record, to be written again; none where nobody had read it.
fn resent(record: RunRecord) -> Option<Resent> {
    Some(Resent {
        source_key: record.source_key?,
        source: record.source.filter(|source| *source != Value::Null)?,
        edited: None,
        of_target: match record.side {
            Side::Target => None,
            Side::Source => Some(record.target_key?),
        },
    })
}
