//! Stages 2 and 3, the part that asks: map the records, find their links, look the others up.

use std::collections::{HashMap, HashSet};

use connectors::{Access, Find, RowRecord};
use model::path::FieldPath;
use model::record::{Record, RecordKey};
use model::sync::Compare;
use model::value::{Object, Value};
use store::Store;

use crate::error::Result;
use crate::job::Job;
use crate::plan::{Known, Mapped, Problem, Rules};

/// Applies the mapping to one record. What it points at is still named as on the source.
pub(crate) fn map(job: &Job, record: RowRecord) -> Mapped {
    let mapped = job.program.apply(&record.row.as_value());
    finish(record, mapped)
}

/// A record with what the mapping made of it.
pub(crate) fn finish(record: RowRecord, mapped: mapping::Mapped) -> Mapped {
    let mut problem = mapped
        .problems
        .into_iter()
        .find(|problem| problem.holds)
        .map(|problem| Problem {
            message: problem.message,
            field: Some(problem.target),
        });
    let source_key = record.key.unwrap_or_else(|| {
        problem = Some(Problem {
            message: "the record has no key, so it cannot be told apart from others".into(),
            field: None,
        });
        RecordKey(String::new())
    });
    Mapped {
        source_key,
        source: record.row,
        fingerprint: mapped.fields.fingerprint(),
        fields: mapped.fields,
        problem,
    }
}

/// What is known of the counterparts, in the order of the records.
pub(crate) struct LookedUp {
    pub(crate) known: Vec<Known>,
    /// Target records that are linked already, and to which record of the source.
    pub(crate) claimed: HashMap<RecordKey, RecordKey>,
}

/// Finds the counterparts of mapped records: by link, else by match key. `linked` has all of them that are linked or
/// not settled, where that is known already.
pub(crate) async fn look_up(
    job: &Job,
    store: &Store,
    access: &Access,
    mapped: &[Mapped],
    linked: Option<&HashSet<RecordKey>>,
) -> Result<LookedUp> {
    let (sync, pairs) = (job.sync, job.links);
    let may_be_linked =
        |mapped: &&Mapped| linked.is_none_or(|linked| linked.contains(&mapped.source_key));
    let keys: Vec<RecordKey> = mapped
        .iter()
        .filter(may_be_linked)
        .map(|mapped| mapped.source_key.clone())
        .collect();
    let wanted: HashMap<RecordKey, _> = mapped
        .iter()
        .filter(may_be_linked)
        .map(|mapped| (mapped.source_key.clone(), mapped.fingerprint))
        .collect();
    let (fingerprints, mut links, unsettled) = match keys.is_empty() {
        true => (HashMap::new(), HashMap::new(), HashSet::new()),
        false => {
            store
                .read(move |db| {
                    let fingerprints = pairs.fingerprints_many(db, &keys)?;
                    let changed: Vec<RecordKey> = fingerprints
                        .iter()
                        .filter(|(key, fingerprint)| wanted.get(*key) != Some(*fingerprint))
                        .map(|(key, _)| key.clone())
                        .collect();
                    let links = pairs.get_many(db, &changed)?;
                    let unsettled: HashSet<RecordKey> = store::journal::pending_keys(db, sync)?
                        .into_iter()
                        .collect();
                    Ok((fingerprints, links, unsettled))
                })
                .await?
        }
    };
    let rules = job.rules();
    let mut known: Vec<Known> = Vec::with_capacity(mapped.len());
    let mut open: Vec<usize> = Vec::new();
    for (n, mapped) in mapped.iter().enumerate() {
        let key = &mapped.source_key;
        known.push(if unsettled.contains(key) {
            Known::Unsettled
        } else if mapped.problem.is_some() {
            Known::NotSearchable
        } else if let Some(link) = links.remove(key) {
            Known::Linked(Box::new(link))
        } else if fingerprints.contains_key(key) {
            Known::Same
        } else if rules.match_on.is_empty() {
            Known::NotSearchable
        } else {
            open.push(n);
            match match_values(mapped, &rules) {
                Ok(_) => Known::Looked(Vec::new()),
                Err(field) => Known::NoMatchValue(field),
            }
        });
    }
    // One way to match after the other, as long as something is left to be found.
    let first = (&rules.match_on, None);
    let others = rules
        .match_also
        .iter()
        .map(|rule| (&rule.fields, Some(rule.compare)));
    for (fields, compare) in std::iter::once(first).chain(others) {
        let to_find: Vec<(usize, Vec<Value>)> = open
            .iter()
            .filter_map(|n| {
                let values = values_of(&mapped.get(*n)?.fields, fields).ok()?;
                Some((*n, values))
            })
            .collect();
        if to_find.is_empty() {
            continue;
        }
        let find = Find {
            stream: job.target_stream.name.clone(),
            by: fields.clone(),
            values: to_find.iter().map(|(_, values)| values.clone()).collect(),
        };
        let found = job.destination.find(find, access).await?;
        for ((n, values), mut records) in to_find.into_iter().zip(found) {
            if let Some(compare) = compare {
                records.retain(|record| matches(record, fields, &values, compare));
            }
            if !records.is_empty() {
                open.retain(|left| *left != n);
            }
            if let Some(slot) = known.get_mut(n) {
                *slot = Known::Looked(records);
            }
        }
    }
    let target_keys: Vec<RecordKey> = known
        .iter()
        .filter_map(|known| match known {
            Known::Looked(records) => Some(records),
            _ => None,
        })
        .flatten()
        .filter_map(|record| record.key.clone())
        .collect();
    let claimed = match target_keys.is_empty() {
        true => HashMap::new(),
        false => {
            store
                .read(move |db| pairs.sources_of_targets(db, &target_keys))
                .await?
        }
    };
    Ok(LookedUp { known, claimed })
}

/// Whether a record has these values, as strictly as the rule wants it: platforms search more loosely.
fn matches(record: &Record, fields: &[FieldPath], values: &[Value], compare: Compare) -> bool {
    fields.iter().zip(values).all(|(path, wanted)| {
        let Some(found) = record.fields.at(path) else {
            return false;
        };
        match compare {
            Compare::Exact => found.same_as(wanted),
            Compare::Normalised => {
                let plain = |value: &Value| {
                    RecordKey::from_value(value).map(|key| key.0.trim().to_lowercase())
                };
                plain(found) == plain(wanted)
            }
        }
    })
}

/// The values that a record is matched by, or the field that has none.
pub(crate) fn match_values(
    mapped: &Mapped,
    rules: &Rules,
) -> std::result::Result<Vec<Value>, FieldPath> {
    values_of(&mapped.fields, &rules.match_on)
}

/// The values at these paths, or the one that is not there.
pub(crate) fn values_of(
    fields: &Object,
    paths: &[FieldPath],
) -> std::result::Result<Vec<Value>, FieldPath> {
    paths
        .iter()
        .map(|path| match value_at(fields, path) {
            Some(value) if !value.is_empty() => Ok(value.clone()),
            _ => Err(path.clone()),
        })
        .collect()
}

fn value_at<'a>(fields: &'a Object, path: &FieldPath) -> Option<&'a Value> {
    let (first, rest) = path.segments().split_first()?;
    let model::path::Segment::Name(first) = first else {
        return None;
    };
    let value = fields.get(first)?;
    match rest.is_empty() {
        true => Some(value),
        false => value.at(&FieldPath::from_segments(rest.to_vec())),
    }
}

/// The values that a record is matched by, as one key: text without case and spaces around, as most
/// platforms compare.
pub(crate) fn match_key(mapped: &Mapped, rules: &Rules) -> Option<RecordKey> {
    match_key_of(&mapped.fields, &rules.match_on)
}

/// The same of any fields.
pub(crate) fn match_key_of(fields: &Object, match_on: &[FieldPath]) -> Option<RecordKey> {
    let mut key = String::new();
    for (n, path) in match_on.iter().enumerate() {
        let value = value_at(fields, path).filter(|value| !value.is_empty())?;
        if n > 0 {
            key.push('\u{1f}');
        }
        match value {
            Value::Text(text) if text.is_ascii() => {
                key.extend(text.trim().chars().map(|c| c.to_ascii_lowercase()));
            }
            value => key.push_str(&RecordKey::from_value(value)?.0.trim().to_lowercase()),
        }
    }
    (!match_on.is_empty()).then_some(RecordKey(key))
}
