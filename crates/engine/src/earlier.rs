//! Where every change is added as a new record, an edit of the mapping is no change of the source: what an earlier mapping
//! of the sync makes of a record exactly as it was added has not changed since.

use std::sync::Arc;

use connectors::RowRecord;
use model::record::RecordKey;
use model::sync::WriteMode;
use model::value::Object;
use store::Store;
use store::syncs::SyncVersion;
use tokio::sync::OnceCell;

use crate::error::Result;
use crate::job::Job;
use crate::limits::EARLIER_MAPPINGS;
use crate::plan::{self, Known, Mapped};
use crate::{compare, references};

/// The sync as it was mapped before, latest first; read when it is asked for.
#[derive(Clone, Default)]
pub(crate) struct Earlier(Arc<OnceCell<Vec<Job>>>);

impl Earlier {
    async fn jobs(&self, job: &Job, store: &Store) -> Result<&[Job]> {
        let read = async || {
            let sync = job.sync;
            let versions = store
                .read(move |db| store::syncs::versions(db, sync))
                .await?;
            Ok(jobs_of(job, versions))
        };
        self.0.get_or_try_init(read).await.map(Vec::as_slice)
    }
}

/// One for each mapping that was ever published, but the one in force. What cannot be compiled any more is left out.
fn jobs_of(job: &Job, versions: Vec<SyncVersion>) -> Vec<Job> {
    let in_force = &job.document.mapping.rules;
    let mut seen: Vec<_> = vec![in_force.clone()];
    let mut jobs = Vec::new();
    for version in versions {
        let rules = &version.document.mapping.rules;
        if seen.contains(rules) {
            continue;
        }
        seen.push(rules.clone());
        jobs.extend(job.mapped_as(&version.document));
        if jobs.len() == EARLIER_MAPPINGS {
            break;
        }
    }
    jobs
}

/// Takes records that differ from what was added only because the mapping does for what they are: the same.
pub(crate) async fn keep_same(
    job: &Job,
    store: &Store,
    mapped: &[Mapped],
    known: &mut [Known],
) -> Result<()> {
    if job.document.mode != WriteMode::Append {
        return Ok(());
    }
    let differs = |mapped: &Mapped, known: &Known| match known {
        Known::Linked(link) => {
            mapped.problem.is_none()
                && !plan::differences(&mapped.fields, &link.shadow).0.is_empty()
        }
        _ => false,
    };
    let open = mapped.iter().zip(known).filter_map(|(mapped, known)| {
        let differs = differs(mapped, known);
        differs.then_some((mapped, known))
    });
    let mut open: Vec<(&Mapped, &mut Known)> = open.collect();
    if open.is_empty() {
        return Ok(());
    }
    // Where the bytes of what was added are known, they tell.
    let (sync, keys) = (job.sync, keys_of(&open));
    let marks = store
        .read(move |db| store::links::marks_many(db, sync, &keys))
        .await?;
    open.retain_mut(|(mapped, known)| {
        let Some(mark) = marks.get(&mapped.source_key) else {
            return true;
        };
        if mark.is_of_same_record(compare::mark_of(&mapped.source, 0)) {
            **known = Known::Same;
        }
        false
    });
    if open.is_empty() {
        return Ok(());
    }
    for earlier in job.earlier.jobs(job, store).await? {
        let records: Vec<RowRecord> = open
            .iter()
            .map(|(mapped, _)| RowRecord {
                key: Some(mapped.source_key.clone()),
                row: mapped.source.clone(),
                version: None,
            })
            .collect();
        let (then, _) = references::map_only(earlier, store, records).await?;
        let mut then = then.into_iter();
        open.retain_mut(|(mapped, known)| {
            let Some(then) = then.next() else {
                return true;
            };
            let is_as_added = match &**known {
                Known::Linked(link) => {
                    then.problem.is_none()
                        && is_as_added(&then.fields, &mapped.fields, &link.shadow)
                }
                _ => false,
            };
            if is_as_added {
                **known = Known::Same;
            }
            !is_as_added
        });
        if open.is_empty() {
            break;
        }
    }
    Ok(())
}

fn keys_of(open: &[(&Mapped, &mut Known)]) -> Vec<RecordKey> {
    open.iter()
        .map(|(mapped, _)| mapped.source_key.clone())
        .collect()
}

/// Whether a record was added with the values that an earlier mapping makes of it now. What is not known, or what only
/// other mappings have filled, says nothing.
fn is_as_added(then: &Object, now: &Object, added: &Object) -> bool {
    let is_any_known = then.iter().any(|(name, _)| added.get(name).is_some());
    is_any_known
        && added.iter().all(|(name, added)| {
            let made = then.get(name).or(now.get(name));
            made.is_none_or(|made| plan::agrees(made, Some(added)))
        })
}
