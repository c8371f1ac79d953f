//! Records that a run wrote more than once, because its listing brought them again: they are taken back as one, from what
//! was there before the first write to what the last one left.

use std::collections::{HashMap, HashSet};

use model::ids::RunId;
use model::run::RecordOutcome;
use model::sync::Side;
use model::value::{Object, Value};
use store::run_records::{Place, RunRecord};

use super::{key_of, written_by};
use crate::error::Result;
use crate::run::{Work, hash, stop_if_cancelled};

/// Stands for a written record: its side and its key.
fn mark(record: &RunRecord) -> Option<u64> {
    let key = hash(key_of(record.side, record)?.as_str());
    Some(match record.side {
        Side::Target => key,
        Side::Source => !key,
    })
}

/// The records that a run wrote more than once.
pub(super) async fn find(work: &Work, run: RunId) -> Result<HashSet<u64>> {
    let (mut seen, mut several) = (HashSet::new(), HashSet::new());
    let mut after: Option<Place> = None;
    loop {
        stop_if_cancelled(work)?;
        let page = written_by(work, run, after).await?;
        for mark in page.records.iter().filter_map(mark) {
            if !seen.insert(mark) {
                several.insert(mark);
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(several);
        }
    }
}

/// Keeps back what was written more than once, until all of it has come.
#[derive(Debug, Default)]
pub(super) struct Joined {
    several: HashSet<u64>,
    so_far: HashMap<u64, One>,
}

#[derive(Debug)]
struct One {
    record: RunRecord,
    is_wanted: bool,
}

impl Joined {
    pub(super) fn of(several: HashSet<u64>) -> Self {
        Self {
            several,
            so_far: HashMap::new(),
        }
    }

    /// A line of the run, in order. Gives it back where it is the only one of its record and is wanted.
    pub(super) fn take(&mut self, record: RunRecord, is_wanted: bool) -> Option<RunRecord> {
        let Some(mark) = mark(&record).filter(|mark| self.several.contains(mark)) else {
            return is_wanted.then_some(record);
        };
        let one = match self.so_far.remove(&mark) {
            None => One { record, is_wanted },
            Some(first) => One {
                record: join(first.record, record),
                is_wanted: first.is_wanted || is_wanted,
            },
        };
        self.so_far.insert(mark, one);
        None
    }

    /// Those that are wanted, in the order of the run, once all lines were taken.
    pub(super) fn rest(self) -> Vec<RunRecord> {
        let mut rest: Vec<RunRecord> = self
            .so_far
            .into_values()
            .filter(|one| one.is_wanted)
            .map(|one| one.record)
            .collect();
        rest.sort_unstable_by_key(|record| record.seq);
        rest
    }
}

/// Two writes of a record as one.
fn join(first: RunRecord, then: RunRecord) -> RunRecord {
    let is_gone = |record: &RunRecord| {
        record.outcome == RecordOutcome::Deleted && record.after.as_ref().is_none_or(is_nothing)
    };
    let outcome = match (first.outcome, is_gone(&then)) {
        // Made by this run: whatever came after, it was not there before.
        (RecordOutcome::Created, _) => RecordOutcome::Created,
        (_, true) => RecordOutcome::Deleted,
        // Made again where it was deleted: its old values count.
        _ => RecordOutcome::Updated,
    };
    let after = match is_gone(&then) {
        true => None,
        false => over(first.after, then.after),
    };
    RunRecord {
        seq: first.seq,
        outcome,
        // What the first write found counts.
        before: match first.outcome {
            RecordOutcome::Created => None,
            _ => over(then.before, first.before),
        },
        after,
        ..then
    }
}

fn is_nothing(value: &Value) -> bool {
    value.as_object().is_none_or(Object::is_empty)
}

/// The fields of both; where both have one, that of `upper`.
fn over(lower: Option<Value>, upper: Option<Value>) -> Option<Value> {
    match (lower, upper) {
        (Some(Value::Object(mut fields)), Some(Value::Object(upper))) => {
            for (name, value) in upper {
                fields.insert(name, value);
            }
            Some(Value::Object(fields))
        }
        (lower, upper) => upper.or(lower),
    }
}

#[cfg(test)]
mod tests {
    use RecordOutcome::{Created, Deleted, Updated};
    use model::ids::SyncId;
    use model::record::RecordKey;

    use super::*;

    type Line<'a> = (RecordOutcome, Option<&'a str>, Option<&'a str>);

    fn line(seq: u64, (outcome, before, after): Line<'_>) -> RunRecord {
        let parsed =
            |text: Option<&str>| text.map(|text| model::json::parse(text.as_bytes()).unwrap());
        RunRecord {
            run: RunId::from_bytes(&[7; 16]).unwrap(),
            seq,
            sync: SyncId::from_bytes(&[7; 16]).unwrap(),
            source_key: Some(RecordKey("a".into())),
            target_key: Some(RecordKey("1".into())),
            side: Side::Target,
            outcome,
            message: None,
            field: None,
            before: parsed(before),
            after: parsed(after),
            source: None,
            exchange: None,
            at: 0,
        }
    }

    #[test]
    fn writes_of_one_record_count_as_one_from_before_the_first_to_after_the_last() {
        fn check(lines: &[Line<'_>], expected: Line<'_>) {
            let lines: Vec<RunRecord> = (0..).zip(lines).map(|(n, of)| line(n, *of)).collect();
            let mut joined = Joined::of(lines.iter().filter_map(mark).collect());
            for of in lines {
                assert_eq!(joined.take(of, true), None);
            }
            assert_eq!(joined.rest(), [line(0, expected)]);
        }
        let (name, both) = (r#"{"name":"A"}"#, r#"{"name":"A","city":"X"}"#);
        let (then, city) = (r#"{"name":"B"}"#, r#"{"city":"Y"}"#);
        check(
            &[
                (Updated, Some(name), Some(then)),
                (Updated, Some(then), Some(r#"{"name":"C"}"#)),
            ],
            (Updated, Some(name), Some(r#"{"name":"C"}"#)),
        );
        check(
            &[
                (Updated, Some(name), Some(then)),
                (Updated, Some(r#"{"city":"X"}"#), Some(city)),
            ],
            (
                Updated,
                Some(r#"{"city":"X","name":"A"}"#),
                Some(r#"{"name":"B","city":"Y"}"#),
            ),
        );
        check(
            &[
                (Created, None, Some(both)),
                (Updated, Some(name), Some(then)),
            ],
            (Created, None, Some(r#"{"name":"B","city":"X"}"#)),
        );
        check(
            &[
                (Updated, Some(name), Some(then)),
                (Deleted, Some(r#"{"name":"B","city":"X"}"#), None),
            ],
            (Deleted, Some(both), None),
        );
        check(
            &[(Created, None, Some(both)), (Deleted, Some(both), None)],
            (Created, None, None),
        );
    }

    #[test]
    fn what_was_written_once_is_given_back_at_once_where_it_is_wanted() {
        let mut joined = Joined::of(HashSet::new());
        let only = line(3, (Updated, Some("{}"), Some("{}")));
        assert_eq!(joined.take(only.clone(), false), None);
        assert_eq!(joined.take(only.clone(), true), Some(only));
        assert!(joined.rest().is_empty());
    }
}
