//! The target's changes: they wait on the disk, and what the source did not change is looked at last.

use std::collections::{HashMap, HashSet};

use connectors::{Find, Page, ReadRequest};
use model::ids::ChangeId;
use model::record::{Change, Intent, Operation, Record, RecordKey};
use model::sync::Side;
use model::value::{Object, Value};
use store::links::Link;
use store::staged::Staged;

use crate::error::Result;
use crate::limits::{ENTRIES_PER_BATCH, RECORDS_PER_BATCH};
use crate::plan::{self, Decision, Mapped, NOT_READ, Problem};
use crate::planned::Planned;
use crate::retries::Retries;
use crate::run::{hash, stop_if_cancelled};
use crate::{deletes, lookup, read, retries};

use super::{Build, Found, Known, Met, Read, UNSETTLED, words};

impl Build<'_> {
    /// Reads the target's changes to the disk.
    pub(super) async fn stage_target(
        &mut self,
        request: ReadRequest,
    ) -> Result<Option<serde_json::Value>> {
        let mut pages = read::start::<connectors::Page>(
            &self.work.tracker,
            self.back.source.clone(),
            request,
            self.work.target_access.clone(),
        );
        let mut cursor = None;
        while let Some(page) = pages.recv().await {
            let Page {
                records,
                cursor: reached,
                ..
            } = page?;
            stop_if_cancelled(self.work)?;
            cursor = reached.or(cursor);
            self.stage(records).await?;
        }
        // A complete read has brought all of them.
        let is_wanted = !self.target_complete && self.job.target_stream.capabilities.get;
        let mut retries = is_wanted.then(Retries::default);
        while let Some(retries) = &mut retries
            && let Some(mut keys) = retries.next_of_target(self.job, self.work).await?
        {
            stop_if_cancelled(self.work)?;
            keys.retain(|key| !self.seen_on_target.contains(&hash(key.as_str())));
            let found = self
                .job
                .destination
                .get(
                    &self.job.target_stream.name,
                    &keys,
                    &self.work.target_access,
                )
                .await?;
            self.stage(found.into_iter().flatten().collect()).await?;
        }
        Ok(cursor)
    }

    pub(super) async fn stage(&mut self, mut records: Vec<Record>) -> Result<()> {
        let deletions = deletes::deletions_of(self.job, Side::Target);
        let marked = records.extract_if(.., |record| deletes::is_marked(deletions, &record.fields));
        let marked: Vec<RecordKey> = marked.filter_map(|record| record.key).collect();
        if self.looks_for_deletes {
            deletes::note_told(self.job, self.work, Side::Target, marked).await?;
        }
        let match_on = &self.job.document.match_on;
        let staged: Vec<Staged> = records
            .into_iter()
            .map(|record| Staged {
                match_hash: record
                    .fields
                    .as_object()
                    .and_then(|fields| lookup::match_key_of(fields, match_on))
                    .map(|key| hash(key.as_str())),
                record,
            })
            .collect();
        let keys = staged
            .iter()
            .filter_map(|staged| staged.record.key.as_ref());
        self.seen_on_target
            .extend(keys.map(|key| hash(key.as_str())));
        let plan = self.plan;
        Ok(self
            .work
            .store
            .write(move |tx| store::staged::put_many(tx, plan, &staged))
            .await?)
    }

    /// What was changed on the target only.
    pub(super) async fn rest_of_target(&mut self) -> Result<()> {
        let mut after: Option<RecordKey> = None;
        loop {
            stop_if_cancelled(self.work)?;
            let (plan, from) = (self.plan, after.clone());
            let limit = u32::try_from(RECORDS_PER_BATCH).unwrap_or(ENTRIES_PER_BATCH);
            let staged = self
                .work
                .store
                .read(move |db| store::staged::page(db, plan, from.as_ref(), limit))
                .await?;
            let Some(last) = staged.last() else {
                return Ok(());
            };
            after = last.record.key.clone();
            let records: Vec<Record> = staged
                .into_iter()
                .map(|staged| staged.record)
                .filter(|record| {
                    let key = record.key.as_ref();
                    key.is_some_and(|key| !self.met.contains(&hash(key.as_str())))
                })
                .collect();
            self.target_batch(records).await?;
        }
    }

    pub(super) async fn target_batch(&mut self, records: Vec<Record>) -> Result<()> {
        let targets: Vec<RecordKey> = records
            .iter()
            .filter_map(|record| record.key.clone())
            .collect();
        let known = self.known(Vec::new(), targets).await?;
        let by_target: HashMap<&RecordKey, &Link> = known
            .links
            .values()
            .map(|link| (&link.target_key, link))
            .collect();
        let new: Vec<&Record> = records
            .iter()
            .filter(|record| {
                let key = record.key.as_ref();
                key.is_some_and(|key| !by_target.contains_key(key))
            })
            .collect();
        let counterparts = self.on_source(&new).await?;
        let keys = counterparts.iter().flatten();
        let keys: Vec<RecordKey> = keys.map(|read| read.mapped.source_key.clone()).collect();
        // Those that have a counterpart are not to be had.
        let taken = match keys.is_empty() {
            true => HashMap::new(),
            false => {
                let links = self.job.links;
                let links = move |db: &store::Connection| links.get_many(db, &keys);
                self.work.store.read(links).await?
            }
        };
        let mut refused: HashMap<RecordKey, Problem> =
            taken.into_keys().map(|key| (key, words(TAKEN))).collect();
        refused.extend(self.shared_on_target(&counterparts, &known).await?);
        let mut counterparts = counterparts.into_iter();
        let mut found = Found::default();
        for record in &records {
            let Some(key) = &record.key else { continue };
            match by_target.get(key) {
                Some(link) => self.target_record(record, link, &known, &mut found),
                None => {
                    let candidates = counterparts.next().unwrap_or_default();
                    self.new_on_target(record, key, candidates, &refused, &known, &mut found);
                }
            }
        }
        self.keep(found).await
    }

    /// Records of the source that more than one record of the target could be, and why neither is taken.
    async fn shared_on_target(
        &self,
        counterparts: &[Vec<Read>],
        known: &Known,
    ) -> Result<HashMap<RecordKey, Problem>> {
        let mut met = HashSet::new();
        let read: Vec<&Read> = counterparts
            .iter()
            .filter_map(|reads| match reads.as_slice() {
                [read] => Some(read),
                _ => None,
            })
            .filter(|read| met.insert(&read.mapped.source_key))
            .collect();
        if read.is_empty() {
            return Ok(HashMap::new());
        }
        let others = self.counterparts(&read, known).await?;
        let shared = read
            .into_iter()
            .zip(others)
            .filter(|(_, records)| records.len() > 1);
        let shared = shared.map(|(read, records)| {
            let several = words(format!(
                "{} records of the target match the same record of the source; merge them there, or match by a field that is unique",
                records.len()
            ));
            (read.mapped.source_key.clone(), several)
        });
        Ok(shared.collect())
    }

    pub(super) fn target_record(
        &mut self,
        record: &Record,
        link: &Link,
        known: &Known,
        found: &mut Found,
    ) {
        let key = &link.source_key;
        let held = known
            .paused
            .get(key)
            .map(|reason| Decision::Filtered(words(format!("paused: {reason}"))))
            .or_else(|| {
                let unsettled =
                    self.unwritable.contains(key) || self.unwritable.contains(&link.target_key);
                unsettled.then(|| Decision::Held(words(UNSETTLED)))
            });
        if let Some(decision) = held {
            let planned = Planned {
                mapped: Mapped {
                    source_key: key.clone(),
                    source: record.fields.clone().into(),
                    fields: Object::new(),
                    fingerprint: NOT_READ,
                    problem: None,
                },
                decision,
                was_linked: true,
                side: Side::Source,
                intent: Intent::Sync,
            };
            return self.enter(planned, found);
        }
        let nothing = Object::new();
        let now = record.fields.as_object().unwrap_or(&nothing);
        let on_target = link.on_target();
        let is_same = plan::differences(&on_target, now).0.is_empty();
        if is_same && !known.conflicts.contains_key(key) {
            found.counts.read += 1;
            found.counts.unchanged += 1;
            return;
        }
        if known.missing.get(key) == Some(&Side::Source) && !is_same {
            return self.edited_and_missing(Side::Source, link, None, Some(record), found);
        }
        let is_gone = self.source_complete && !self.seen_on_source.contains(&hash(key.as_str()));
        if is_gone && self.job.document.two_way.is_none() {
            // A full refresh has nothing to put back what is not at the source any more with.
            found.counts.read += 1;
            found.counts.unchanged += 1;
            return;
        }
        let met = Met {
            source_key: key.clone(),
            target_key: link.target_key.clone(),
            link: Some(link),
            left: None,
            right: Some(record),
        };
        self.pair(met, known, found);
    }

    /// Records of the source that new records of the target could be, one list for each.
    pub(super) async fn on_source(&self, records: &[&Record]) -> Result<Vec<Vec<Read>>> {
        let mut found: Vec<Vec<Read>> = records.iter().map(|_| Vec::new()).collect();
        let match_on = &self.back.match_on;
        let can = &self.back.stream.capabilities.match_by;
        let is_searchable = !match_on.is_empty() && match_on.iter().all(|path| can.contains(path));
        // A complete read has met every record that there is.
        if self.source_complete || !is_searchable {
            return Ok(found);
        }
        let mut to_find = Vec::new();
        for (n, record) in records.iter().enumerate() {
            let made = self.back.program.apply(&record.fields);
            if let Ok(values) = lookup::values_of(&made.fields, match_on) {
                to_find.push((n, values));
            }
        }
        if to_find.is_empty() {
            return Ok(found);
        }
        let find = Find {
            stream: self.back.stream.name.clone(),
            by: match_on.clone(),
            values: to_find.iter().map(|(_, values)| values.clone()).collect(),
        };
        let answers = self
            .back
            .destination
            .find(find, &self.work.source_access)
            .await?;
        for ((n, _), records) in to_find.into_iter().zip(answers) {
            if let Some(slot) = found.get_mut(n) {
                (*slot, _) = self.read(records).await?;
            }
        }
        Ok(found)
    }

    pub(super) fn new_on_target(
        &mut self,
        record: &Record,
        key: &RecordKey,
        candidates: Vec<Read>,
        refused: &HashMap<RecordKey, Problem>,
        known: &Known,
        found: &mut Found,
    ) {
        let as_planned = |decision, fields: Object| Planned {
            mapped: Mapped {
                source_key: key.clone(),
                source: record.fields.clone().into(),
                fields,
                fingerprint: NOT_READ,
                problem: None,
            },
            decision,
            was_linked: false,
            side: Side::Source,
            intent: Intent::Sync,
        };
        if self.unwritable.contains(key) {
            let held = as_planned(Decision::Held(words(UNSETTLED)), Object::new());
            return self.enter(held, found);
        }
        match candidates.as_slice() {
            [] => {}
            [read] => {
                if let Some(problem) = refused.get(&read.mapped.source_key) {
                    let held = Decision::Held(problem.clone());
                    return self.enter(as_planned(held, Object::new()), found);
                }
                let met = Met {
                    source_key: read.mapped.source_key.clone(),
                    target_key: key.clone(),
                    link: None,
                    left: Some(read),
                    right: Some(record),
                };
                if read.mapped.problem.is_none() {
                    return self.pair(met, known, found);
                }
                let held = as_planned(Decision::Held(words(NOT_MAPPABLE)), Object::new());
                return self.enter(held, found);
            }
            several => {
                let words = words(format!(
                    "{} records of the source match this one; merge them there, or match by a field that is unique",
                    several.len()
                ));
                return self.enter(as_planned(Decision::Held(words), Object::new()), found);
            }
        }
        if !self.rules.creates_on_source || self.job.document.two_way.is_none() {
            let left = as_planned(Decision::Filtered(words(STAYS)), Object::new());
            return self.enter(left, found);
        }
        if !self.back.stream.capabilities.create {
            let left = as_planned(Decision::Filtered(words(NO_CREATE)), Object::new());
            return self.enter(left, found);
        }
        let match_key = record
            .fields
            .as_object()
            .and_then(|fields| lookup::match_key_of(fields, &self.job.document.match_on));
        if let Some(match_key) = match_key
            && !self.taken_on_source.insert(hash(match_key.as_str()))
        {
            let held = as_planned(Decision::Held(words(SHARED_ON_TARGET)), Object::new());
            return self.enter(held, found);
        }
        let made = self.back.program.apply(&record.fields);
        if let Some(problem) = made.problems.iter().find(|problem| problem.holds) {
            let invalid = Decision::Invalid(Problem {
                message: problem.message.clone(),
                field: Some(problem.target.clone()),
            });
            return self.enter(as_planned(invalid, Object::new()), found);
        }
        // What the pair will agree on, in the target's terms: the fields that a mapping of the new record would fill.
        let mapped = self.job.program.apply(&Value::Object(made.fields.clone()));
        let nothing = Object::new();
        let now = record.fields.as_object().unwrap_or(&nothing);
        let fields = plan::project(&mapped.fields, now);
        let create = Decision::Write(Box::new(Change {
            id: ChangeId::new(),
            operation: Operation::Create,
            source_key: key.clone(),
            target_key: None,
            fields: made.fields,
            before: None,
            version: None,
        }));
        let mut planned = as_planned(create, fields);
        retries::hold_tried(self.job, known.tried.get(key), &mut planned);
        self.enter(planned, found);
    }
}

const TAKEN: &str = "matches a record of the source that has another counterpart on the target; merge the two there, or match by a field that is unique";
const SHARED_ON_TARGET: &str = "another record of the target has the same match value, and the source can have only one; mend one of them";
const STAYS: &str = "new on the target, and this sync makes no records on the source";
const NO_CREATE: &str = "new on the target, and the source does not let records be made";
const NOT_MAPPABLE: &str = "its counterpart on the source cannot be mapped; mend it there";
