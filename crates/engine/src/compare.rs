//! Stages 2 and 3 for records as they come: most of them did not change, and are recognised by their bytes before
//! anything of them is read.

use std::collections::HashSet;

use connectors::{Deletions, RowRecord};
use model::record::RecordKey;
use model::row::Row;
use model::value::Value;
use store::links::{SourceMark, Standing};

use crate::claims::Claims;
use crate::deletes;
use crate::error::Result;
use crate::job::Job;
use crate::plan::Decision;
use crate::planned::{Beforehand, Planned, plan_batch};
use crate::run::Work;

/// What a batch of records comes to.
pub(crate) struct Compared {
    /// Linked, and to the byte what they were mapped from when both sides agreed.
    pub(crate) same: Vec<RecordKey>,
    /// Of the others, those that the source lists although they were deleted.
    pub(crate) marked: Vec<RecordKey>,
    /// The others.
    pub(crate) planned: Vec<Planned>,
    /// What the marks of the others are made with.
    pub(crate) seed: Option<u64>,
    /// Some records of the sync need a person.
    pub(crate) any_unwritten: bool,
}

impl Compared {
    /// The marks that are news of links which are otherwise as they were.
    pub(crate) fn news(&self) -> Vec<(RecordKey, SourceMark)> {
        let Some(seed) = self.seed else {
            return Vec::new();
        };
        self.planned
            .iter()
            .filter(|planned| matches!(planned.decision, Decision::Unchanged { adopt: None }))
            .map(|planned| {
                let mapped = &planned.mapped;
                (mapped.source_key.clone(), mark_of(&mapped.source, seed))
            })
            .collect()
    }
}

/// Looks at a batch; no key is in it twice.
pub(crate) async fn compare(
    job: &Job,
    work: &Work,
    rows: Vec<RowRecord>,
    claims: &mut Claims,
) -> Result<Compared> {
    // Where changes flow back, the target's side may have changed too.
    let seed = if job.back.is_none() {
        Some(seed(job))
    } else {
        None
    };
    let (sync, links) = (job.sync, job.links);
    let (rows, standings, any_unwritten) = work
        .store
        .read_where_written(move |db| {
            let mut standings: Vec<(Standing, Option<SourceMark>)> = rows
                .iter()
                .map(|row| (Standing::New, seed.map(|seed| mark_of(&row.row, seed))))
                .collect();
            let wanted: Vec<(&RecordKey, Option<SourceMark>)> = rows
                .iter()
                .zip(&standings)
                .filter_map(|(row, (_, mark))| Some((row.key.as_ref()?, *mark)))
                .collect();
            let found = links.standings(db, &wanted)?;
            let with_key = rows
                .iter()
                .zip(&mut standings)
                .filter(|(row, _)| row.key.is_some());
            for ((_, (slot, _)), found) in with_key.zip(found) {
                *slot = found;
            }
            // What is not settled yet is held, and what is paused is left out, whatever it is.
            let mut odd = store::journal::pending_keys(db, sync)?;
            if store::pauses::any(db, sync)? {
                let keys: Vec<RecordKey> = rows.iter().filter_map(|row| row.key.clone()).collect();
                odd.extend(store::pauses::reasons(db, sync, &keys)?.into_keys());
            }
            for odd in odd {
                let at = rows.iter().position(|row| row.key.as_ref() == Some(&odd));
                if let Some((slot, _)) = at.and_then(|at| standings.get_mut(at)) {
                    *slot = Standing::Linked;
                }
            }
            let any_unwritten = store::unwritten::any(db, sync)?;
            Ok((rows, standings, any_unwritten))
        })
        .await?;
    let mut compared = Compared {
        same: Vec::new(),
        marked: Vec::new(),
        planned: Vec::new(),
        seed,
        any_unwritten,
    };
    let n_same = standings
        .iter()
        .filter(|(standing, _)| *standing == Standing::Same)
        .count();
    let mut records = Vec::with_capacity(rows.len() - n_same);
    compared.same.reserve(n_same);
    let mut linked = HashSet::new();
    for (row, (standing, _)) in rows.into_iter().zip(standings) {
        match (row.key, standing) {
            (Some(key), Standing::Same) => compared.same.push(key),
            (key, standing) => {
                if let Some(key) = &key
                    && standing != Standing::New
                {
                    linked.insert(key.clone());
                }
                records.push(RowRecord { key, ..row });
            }
        }
    }
    let deletions = &job.source_stream.capabilities.deletions;
    if let Deletions::Marked { .. } = deletions {
        compared.marked = records
            .iter()
            .filter(|record| deletes::is_marked(deletions, &record.row.as_value()))
            .filter_map(|record| record.key.clone())
            .collect();
    }
    if !records.is_empty() {
        let known = Beforehand {
            linked: &linked,
            any_unwritten,
        };
        compared.planned = plan_batch(job, work, records, known, claims).await?;
    }
    Ok(compared)
}

/// The mark of a record as it came.
pub(crate) fn mark_of(source: &Row, seed: u64) -> SourceMark {
    SourceMark::new(source.mark(), seed)
}

/// Other bytes, another mapping, other fields on either side, another version of this program: all of them make other
/// marks.
fn seed(job: &Job) -> u64 {
    let text = format!(
        "{} {} {:?} {:?} {:?}",
        env!("CARGO_PKG_VERSION"),
        job.mapping_mark,
        job.source_stream.capabilities.deletions,
        job.source_stream.schema,
        job.target_stream.schema
    );
    let fingerprint = Value::text(text).fingerprint().0;
    u64::try_from(fingerprint >> 64).unwrap_or_default()
}
