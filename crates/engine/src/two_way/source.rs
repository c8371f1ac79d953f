//! The source's changes: each finds its counterpart on the target, by link or by match key.

use std::collections::HashSet;

use connectors::{Find, ReadRequest, RowRecord};
use model::record::{Intent, Record, RecordKey};
use model::sync::Side;
use model::value::Value;

use crate::error::Result;
use crate::plan::{self, Decision, Problem};
use crate::planned::Planned;
use crate::references::Waits;
use crate::retries::{self, Retries};
use crate::run::{self, hash, stop_if_cancelled};
use crate::{deletes, lookup, read, references};

use super::{Build, Found, Known, Met, Read, UNSETTLED, words};

impl Build<'_> {
    pub(super) async fn read_source(
        &mut self,
        request: ReadRequest,
    ) -> Result<Option<serde_json::Value>> {
        let mut pages = read::start::<connectors::Page>(
            &self.work.tracker,
            self.job.source.clone(),
            request,
            self.work.source_access.clone(),
        );
        let mut cursor = None;
        while let Some(page) = pages.recv().await {
            let page = page?;
            cursor = page.cursor.or(cursor);
            for batch in run::batches(page.records) {
                stop_if_cancelled(self.work)?;
                self.source_batch(batch).await?;
            }
        }
        // A complete read has brought all of them.
        let mut retries = (!self.source_complete).then(Retries::default);
        while let Some(retries) = &mut retries
            && let Some(mut records) = retries.next(self.job, self.work).await?
        {
            stop_if_cancelled(self.work)?;
            records.retain(|record| {
                let key = record.key.as_ref();
                key.is_none_or(|key| !self.seen_on_source.contains(&hash(key.as_str())))
            });
            let records = records.into_iter().map(RowRecord::into_record).collect();
            self.source_batch(records).await?;
        }
        let mut found = references::Found::default();
        while let Some(mut records) = found.records(self.job, self.work).await? {
            stop_if_cancelled(self.work)?;
            records.retain(|record| {
                let key = record.key.as_ref();
                key.is_none_or(|key| !self.seen_on_source.contains(&hash(key.as_str())))
            });
            self.source_batch(records).await?;
        }
        Ok(cursor)
    }

    /// Records of the source after the mapping, and which of them point at something that is not on the target.
    pub(super) async fn read(&self, records: Vec<Record>) -> Result<(Vec<Read>, Waits)> {
        let versions: Vec<Option<String>> = records
            .iter()
            .map(|record| record.version.clone())
            .collect();
        let all = references::map_all(self.job, self.work, records).await?;
        let read = all.mapped.into_iter().zip(versions);
        let read = read.map(|(mapped, version)| Read { mapped, version });
        Ok((read.collect(), all.waiting))
    }

    pub(super) async fn source_batch(&mut self, records: Vec<Record>) -> Result<()> {
        let (read, waiting) = self.read(records).await?;
        let keys: Vec<RecordKey> = read
            .iter()
            .map(|read| read.mapped.source_key.clone())
            .collect();
        if self.looks_for_deletes {
            let deletions = &self.job.source_stream.capabilities.deletions;
            let marked = read
                .iter()
                .filter(|read| deletes::is_marked(deletions, &read.mapped.source.as_value()))
                .map(|read| read.mapped.source_key.clone());
            deletes::note_told(self.job, self.work, Side::Source, marked.collect()).await?;
        }
        let mut known = self.known(keys, Vec::new()).await?;
        self.look_at_unknown(&read, &mut known).await?;
        self.wait_no_more(&read, &waiting, &known).await?;
        let all: Vec<&Read> = read.iter().collect();
        let counterparts = self.counterparts(&all, &known).await?;
        let mut found = Found::default();
        for (read, candidates) in read.iter().zip(counterparts) {
            let key = &read.mapped.source_key;
            if !self.seen_on_source.insert(hash(key.as_str())) {
                // Changed while it was listed: the later one counts.
                found.again.push(key.clone());
            }
            let match_on = &self.job.document.match_on;
            if let Some(key) = lookup::match_key_of(&read.mapped.fields, match_on) {
                self.taken_on_source.insert(hash(key.as_str()));
            }
            self.source_record(read, candidates, &known, &mut found);
        }
        self.keep(found).await
    }

    /// Reads the counterparts of records that could not be written, where only both together tell whether anything is left
    /// to do, and of those of which not every field was ever agreed on.
    async fn look_at_unknown(&mut self, read: &[Read], known: &mut Known) -> Result<()> {
        if self.target_complete || !self.job.target_stream.capabilities.get {
            return Ok(());
        }
        let has_unknown = |read: &&Read| {
            let link = known.links.get(&read.mapped.source_key);
            link.is_some_and(|link| {
                let mut names = read.mapped.fields.iter().map(|(name, _)| name);
                names.any(|name| link.shadow.get(name).is_none())
            })
        };
        let partly = read.iter().filter(has_unknown);
        let partly = partly.map(|read| &read.mapped.source_key);
        let keys = known.tried.keys().chain(partly);
        let targets = keys.filter_map(|key| known.links.get(key).map(|link| &link.target_key));
        let targets = targets.filter(|target| !known.staged.contains_key(*target));
        let mut targets: Vec<RecordKey> = targets.cloned().collect();
        if targets.is_empty() {
            return Ok(());
        }
        targets.sort_unstable();
        targets.dedup();
        let stream = &self.job.target_stream.name;
        let looked = self
            .job
            .destination
            .get(stream, &targets, &self.work.target_access)
            .await?;
        let looked: Vec<Record> = looked.into_iter().flatten().collect();
        self.stage(looked.clone()).await?;
        let looked = looked.into_iter();
        known
            .staged
            .extend(looked.filter_map(|record| Some((record.key.clone()?, record))));
        Ok(())
    }

    /// What is as both sides agreed, and points at nothing that is not there, waits for nothing.
    async fn wait_no_more(&self, read: &[Read], waiting: &Waits, known: &Known) -> Result<()> {
        if !self.job.program.has_references() || self.work.is_draft {
            return Ok(());
        }
        let is_done = |read: &&Read| {
            let mapped = &read.mapped;
            let link = known.links.get(&mapped.source_key);
            link.is_some_and(|link| link.source_fingerprint == mapped.fingerprint)
                && !waiting.has(&mapped.source_key)
        };
        let done = read.iter().filter(is_done);
        let done: Vec<RecordKey> = done.map(|read| read.mapped.source_key.clone()).collect();
        let sync = self.job.sync;
        Ok(self
            .work
            .store
            .write(move |tx| store::waiting::remove_many(tx, sync, &done))
            .await?)
    }

    /// Records of the target that new records of the source could be, one list for each record.
    pub(super) async fn counterparts(
        &self,
        read: &[&Read],
        known: &Known,
    ) -> Result<Vec<Vec<Record>>> {
        let match_on = &self.job.document.match_on;
        let mut wanted: Vec<(usize, u64, Vec<Value>)> = Vec::new();
        for (n, read) in read.iter().enumerate() {
            let mapped = &read.mapped;
            if known.links.contains_key(&mapped.source_key) || mapped.problem.is_some() {
                continue;
            }
            if let (Some(key), Ok(values)) = (
                lookup::match_key_of(&mapped.fields, match_on),
                lookup::values_of(&mapped.fields, match_on),
            ) {
                wanted.push((n, hash(key.as_str()), values));
            }
        }
        let mut found = vec![Vec::new(); read.len()];
        if wanted.is_empty() {
            return Ok(found);
        }
        let (plan, hashes) = (
            self.plan,
            wanted.iter().map(|(_, hash, _)| *hash).collect::<Vec<_>>(),
        );
        let staged: Vec<Vec<Record>> = self
            .work
            .store
            .read(move |db| {
                hashes
                    .iter()
                    .map(|hash| store::staged::by_match(db, plan, *hash))
                    .collect()
            })
            .await?;
        let mut to_find = Vec::new();
        for ((n, _, values), records) in wanted.into_iter().zip(staged) {
            if let Some(slot) = found.get_mut(n) {
                *slot = records;
            }
            // Beside what changed there may be others that match.
            if !self.target_complete {
                to_find.push((n, values));
            }
        }
        let can = &self.job.target_stream.capabilities.match_by;
        if !to_find.is_empty() && match_on.iter().all(|path| can.contains(path)) {
            let find = Find {
                stream: self.job.target_stream.name.clone(),
                by: match_on.clone(),
                values: to_find.iter().map(|(_, values)| values.clone()).collect(),
            };
            let answers = self
                .job
                .destination
                .find(find, &self.work.target_access)
                .await?;
            for ((n, _), records) in to_find.into_iter().zip(answers) {
                if let Some(slot) = found.get_mut(n) {
                    let known: HashSet<_> = slot.iter().map(|record| record.key.clone()).collect();
                    let others = records.into_iter();
                    slot.extend(others.filter(|record| !known.contains(&record.key)));
                }
            }
        }
        self.without_linked(found).await
    }

    /// Takes out records that already belong to another record of the source.
    pub(super) async fn without_linked(&self, found: Vec<Vec<Record>>) -> Result<Vec<Vec<Record>>> {
        let keys: Vec<RecordKey> = found
            .iter()
            .flatten()
            .filter_map(|record| record.key.clone())
            .collect();
        if keys.is_empty() {
            return Ok(found);
        }
        let links = self.job.links;
        let linked = self
            .work
            .store
            .read(move |db| links.sources_of_targets(db, &keys))
            .await?;
        Ok(found
            .into_iter()
            .map(|records| {
                records
                    .into_iter()
                    .filter(|record| {
                        let key = record.key.as_ref();
                        key.is_some_and(|key| !linked.contains_key(key))
                    })
                    .collect()
            })
            .collect())
    }

    pub(super) fn source_record(
        &mut self,
        read: &Read,
        candidates: Vec<Record>,
        known: &Known,
        found: &mut Found,
    ) {
        let mapped = &read.mapped;
        let key = &mapped.source_key;
        if let Some(reason) = known.paused.get(key) {
            return self.leave(
                read,
                Decision::Filtered(words(format!("paused: {reason}"))),
                found,
            );
        }
        if self.unwritable.contains(key) {
            return self.leave(read, Decision::Held(words(UNSETTLED)), found);
        }
        if let Some(problem) = self.job.leaves_out(&mapped.source) {
            return self.leave(read, Decision::Filtered(problem), found);
        }
        if let Some(problem) = &mapped.problem {
            return self.leave(read, Decision::Invalid(problem.clone()), found);
        }
        if let Some(link) = known.links.get(key) {
            let right = known.staged.get(&link.target_key);
            let is_same = link.source_fingerprint == mapped.fingerprint;
            if is_same && right.is_none() {
                // What was wanted once is not wanted any more, and must not be tried again.
                let tried = known.tried.get(key).and_then(|tried| tried.fingerprint);
                if tried.is_some_and(|tried| tried != mapped.fingerprint) && !self.work.is_draft {
                    found.given_up.push(key.clone());
                }
                found.counts.read += 1;
                found.counts.unchanged += 1;
                return;
            }
            if known.missing.get(key) == Some(&Side::Target) {
                return self.edited_and_missing(Side::Target, link, Some(read), None, found);
            }
            if right.is_some() {
                self.met.insert(hash(link.target_key.as_str()));
            }
            let met = Met {
                source_key: key.clone(),
                target_key: link.target_key.clone(),
                link: Some(link),
                left: Some(read),
                right,
            };
            return self.pair(met, known, found);
        }
        match candidates.as_slice() {
            [] => self.new_on_source(read, known, found),
            [record] => {
                let Some(target_key) = record.key.clone() else {
                    return self.leave(read, Decision::Held(words(NO_KEY)), found);
                };
                if self.unwritable.contains(&target_key) {
                    return self.leave(read, Decision::Held(words(UNSETTLED)), found);
                }
                if !self.met.insert(hash(target_key.as_str())) {
                    return self.leave(read, Decision::Held(words(SHARED)), found);
                }
                let met = Met {
                    source_key: key.clone(),
                    target_key,
                    link: None,
                    left: Some(read),
                    right: Some(record),
                };
                self.pair(met, known, found);
            }
            several => {
                self.met.extend(
                    several
                        .iter()
                        .filter_map(|record| record.key.as_ref())
                        .map(|key| hash(key.as_str())),
                );
                let words = words(format!(
                    "{} records of the target match this one; merge them there, or match by a field that is unique",
                    several.len()
                ));
                self.leave(read, Decision::Held(words), found);
            }
        }
    }

    /// A record of the source that nothing is written for.
    pub(super) fn leave(&mut self, read: &Read, decision: Decision, found: &mut Found) {
        self.enter(
            Planned {
                mapped: read.mapped.clone(),
                decision,
                was_linked: false,
                side: Side::Target,
                intent: Intent::Sync,
            },
            found,
        );
    }

    pub(super) fn new_on_source(&mut self, read: &Read, known: &Known, found: &mut Found) {
        let mapped = &read.mapped;
        let decision = match lookup::values_of(&mapped.fields, &self.job.document.match_on) {
            Err(field) => Decision::Held(Problem {
                message: format!(
                    "\"{field}\" is empty, and it is what records are matched by; fill it in or match by another field"
                ),
                field: Some(field),
            }),
            Ok(_) => plan::create(mapped, &self.job.rules()),
        };
        let mut planned = Planned {
            mapped: mapped.clone(),
            decision,
            was_linked: false,
            side: Side::Target,
            intent: Intent::Sync,
        };
        retries::hold_tried(self.job, known.tried.get(&mapped.source_key), &mut planned);
        self.claims.one_each(&mut planned, &self.job.rules());
        self.enter(planned, found);
    }
}

const NO_KEY: &str = "a record of the target matches but has no key";
const SHARED: &str =
    "another record of the source matches the same record of the target; mend one of them";
