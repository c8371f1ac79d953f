//! One pair: what is known of both sides is merged, and comes to the entries of the plan.

use model::conflict::ConflictKind;
use model::ids::ChangeId;
use model::record::{Change, Intent, Operation, Record};
use model::sync::Side;
use model::value::{Fingerprint, Object, Value};
use store::agreed::Agreed;
use store::conflicts::Conflict;
use store::links::Link;
use store::plans::{PlanAction, PlanEntry};

use crate::job::BackField;
use crate::merge::{self, Clash, Merged, Pair, point_in_time};
use crate::plan::{self, Decision, Mapped, NOT_READ};
use crate::planned::{self, Planned};
use crate::run::hash;
use crate::{retries, stored_plan};

use super::{Build, Found, Known, Met, Read};

impl Build<'_> {
    /// Merges what is known of both sides, and plans what comes of it.
    pub(super) fn pair(&mut self, met: Met<'_>, known: &Known, found: &mut Found) {
        let open = known.conflicts.get(&met.source_key);
        let open: &[Conflict] = open.map_or(&[], Vec::as_slice);
        let on_target = met.link.map(Link::on_target);
        let nothing = Object::new();
        // What was not read is as it was, but for fields in conflict, which differ from the base.
        let source = match met.left {
            Some(read) => read.mapped.fields.clone(),
            None => {
                let mut fields = met
                    .link
                    .map_or_else(Object::new, |link| link.shadow.clone());
                overlay(&mut fields, open, Side::Source);
                fields
            }
        };
        let target = match met.right {
            Some(record) => record.fields.as_object().unwrap_or(&nothing).clone(),
            None => {
                let mut fields = on_target.clone().unwrap_or_default();
                overlay(&mut fields, open, Side::Target);
                fields
            }
        };
        let pair = Pair {
            base: met
                .link
                .zip(on_target.as_ref())
                .map(|(link, on_target)| (&link.shadow, on_target)),
            source: &source,
            target: &target,
            newest: self.newest(met.left, met.right),
        };
        let mut merged = merge::merge(
            &pair,
            |name| self.back.fields.get(name),
            self.rules.read_only,
        );
        hold_open(&mut merged, open, &source, &target);
        let flips = known
            .flips
            .look(&met.source_key, &mut merged, &source, &target);
        found.flips.extend(flips);
        self.plan_pair(&met, merged, &target, known, found);
    }

    pub(super) fn newest(&self, left: Option<&Read>, right: Option<&Record>) -> Option<Side> {
        let time = |record: &Value, field: Option<&model::path::FieldPath>| {
            let text = match record.at(field?)? {
                Value::Timestamp(time) => return Some(time.instant),
                Value::Text(text) => text.to_string(),
                other => model::json::to_string(other).trim_matches('"').to_owned(),
            };
            point_in_time(&text)
        };
        let source = time(
            &left?.mapped.source.as_value(),
            self.job.source_stream.cursor_field.as_ref(),
        )?;
        let target = time(&right?.fields, self.job.target_stream.cursor_field.as_ref())?;
        match source.cmp(&target) {
            std::cmp::Ordering::Greater => Some(Side::Source),
            std::cmp::Ordering::Less => Some(Side::Target),
            std::cmp::Ordering::Equal => None,
        }
    }

    pub(super) fn plan_pair(
        &mut self,
        met: &Met<'_>,
        mut merged: Merged,
        target: &Object,
        known: &Known,
        found: &mut Found,
    ) {
        let n_read = u64::from(met.left.is_some()) + u64::from(met.right.is_some());
        let mode = self.job.document.mode;
        let mut entries: Vec<PlanEntry> = Vec::new();
        let fingerprint = met.left.map_or(NOT_READ, |read| read.mapped.fingerprint);
        let source_record = met.left.map(|read| read.mapped.source.as_value());
        let source_record = source_record.as_deref();
        let record = source_record
            .or(met.right.map(|record| &record.fields))
            .cloned();
        let record = record.unwrap_or_default();
        let right_version = met
            .right
            .and_then(|record| record.version.clone())
            .or_else(|| met.link.and_then(|link| link.target_version.clone()));
        let left_version = met
            .left
            .and_then(|read| read.version.clone())
            .or_else(|| met.link.and_then(|link| link.source_version.clone()));
        let mapped = |fields: Object, fingerprint: Fingerprint| Mapped {
            source_key: met.source_key.clone(),
            source: record.clone().into(),
            fields,
            fingerprint,
            problem: None,
        };
        let (to_source, no_way) = self.way_back(&mut merged.to_source, target, source_record);
        merged.conflicts.extend(no_way);
        let mut planned = Vec::new();
        if !merged.to_target.is_empty() && mode.updates() {
            let fields = std::mem::take(&mut merged.to_target);
            planned.push(Planned {
                decision: Decision::Write(Box::new(Change {
                    id: ChangeId::new(),
                    operation: Operation::Update,
                    source_key: met.source_key.clone(),
                    target_key: Some(met.target_key.clone()),
                    before: Some(plan::project(&fields, target)),
                    fields: fields.clone(),
                    version: right_version.clone(),
                })),
                mapped: mapped(fields, fingerprint),
                was_linked: met.link.is_some(),
                side: Side::Target,
                intent: Intent::Sync,
            });
        }
        if let Some((fields, before)) = to_source {
            planned.push(Planned {
                decision: Decision::Write(Box::new(Change {
                    id: ChangeId::new(),
                    operation: Operation::Update,
                    source_key: met.target_key.clone(),
                    target_key: Some(met.source_key.clone()),
                    fields,
                    before,
                    version: left_version.clone(),
                })),
                mapped: mapped(merged.to_source, NOT_READ),
                was_linked: met.link.is_some(),
                side: Side::Source,
                intent: Intent::Sync,
            });
        }
        for mut planned in planned {
            retries::hold_tried(self.job, known.tried.get(&met.source_key), &mut planned);
            let other = match planned.side {
                Side::Target => left_version.clone(),
                Side::Source => right_version.clone(),
            };
            let writes = matches!(planned.decision, Decision::Write(_));
            self.updates += u64::from(planned.was_linked && writes);
            planned::expected_outcome(&planned).count(&mut found.counts);
            if let Ok(mut entry) = stored_plan::to_entry(planned, &mut self.sequence) {
                entry.other_version = other;
                entries.push(entry);
            }
        }
        if !merged.conflicts.is_empty() {
            found.counts.conflict += 1;
            let agreed_fingerprint = match entries.is_empty() {
                true => fingerprint,
                false => NOT_READ,
            };
            let words = mapped(Object::new(), agreed_fingerprint);
            entries.push(self.conflict_entry(met, merged.conflicts, words));
        }
        let is_first = met.link.is_none();
        if !merged.agreed.is_empty() || (entries.is_empty() && (is_first || met.left.is_some())) {
            let seen = match entries.is_empty() {
                true => fingerprint,
                false => NOT_READ,
            };
            let mut agreed = Agreed {
                source_key: met.source_key.clone(),
                target_key: met.target_key.clone(),
                source: Object::new(),
                target: Object::new(),
                fingerprint: (seen != NOT_READ).then_some(seen),
                source_version: left_version,
                target_version: right_version,
                made_on: None,
            };
            for (name, source, target) in merged.agreed {
                agreed.source.push(name.as_str(), source);
                agreed.target.push(name, target);
            }
            found.counts.unchanged += 1;
            entries.push(stored_plan::agreed_entry(
                agreed,
                record,
                &mut self.sequence,
            ));
        }
        let outcomes = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        found.counts.read += outcomes.max(n_read);
        let listed = found.counts.settled();
        found.counts.unchanged += found.counts.read.saturating_sub(listed);
        found.entries.extend(entries);
    }

    /// What is sent to the source, and what it had: in the source's own terms. Fields whose value cannot be made are
    /// taken out and come back as conflicts.
    pub(super) fn way_back(
        &self,
        to_source: &mut Object,
        target: &Object,
        source: Option<&Value>,
    ) -> (Option<(Object, Option<Object>)>, Vec<Clash>) {
        if to_source.is_empty() {
            return (None, Vec::new());
        }
        let mut record = target.clone();
        for (name, value) in to_source.iter() {
            record.insert(name, value.clone());
        }
        let made = self.back.program.apply(&Value::Object(record));
        let mut clashes = Vec::new();
        let mut fields = Object::new();
        let names: Vec<String> = to_source.iter().map(|(name, _)| name.to_owned()).collect();
        for name in names {
            let none = BackField::default();
            let rule = self.back.fields.get(name.as_str()).unwrap_or(&none);
            let is_broken = rule.sources.is_empty()
                || made
                    .problems
                    .iter()
                    .any(|problem| rule.sources.contains(&problem.target));
            if is_broken {
                let value = to_source.remove(&name).unwrap_or_default();
                clashes.push(Clash {
                    field: name,
                    kind: ConflictKind::NoWayBack,
                    base: None,
                    source: Value::Null,
                    target: value,
                });
                continue;
            }
            for path in &rule.sources {
                if let Some(top) = crate::job::top_level(path)
                    && let Some(value) = made.fields.get(&top)
                {
                    fields.insert(top, value.clone());
                }
            }
        }
        if fields.is_empty() {
            return (None, clashes);
        }
        let before = source
            .and_then(Value::as_object)
            .map(|source| plan::project(&fields, source));
        (Some((fields, before)), clashes)
    }

    pub(super) fn conflict_entry(
        &mut self,
        met: &Met<'_>,
        clashes: Vec<Clash>,
        words: Mapped,
    ) -> PlanEntry {
        let mut entry = stored_plan::blank_entry(words, &mut self.sequence);
        entry.target_key = Some(met.target_key.clone());
        entry.action = PlanAction::Conflict;
        let names: Vec<String> = clashes
            .iter()
            .map(|clash| format!("\"{}\"", clash.field))
            .collect();
        entry.problem = Some(format!(
            "{}: decide under Conflicts what counts",
            match names.as_slice() {
                [one] => format!("{one} was changed on both sides"),
                several => format!("{} were changed on both sides", several.join(", ")),
            }
        ));
        let mut before = Object::new();
        for clash in clashes {
            if let Some(base) = clash.base {
                before.push(clash.field.as_str(), base);
            }
            entry.mapped.push(clash.field.as_str(), clash.source);
            entry.fields.push(clash.field.as_str(), clash.target);
            entry.kinds.push((clash.field, clash.kind));
        }
        entry.before = Some(before);
        entry
    }

    /// One side changed a record, and complete reads do not find it on the other.
    pub(super) fn edited_and_missing(
        &mut self,
        missing: Side,
        link: &Link,
        left: Option<&Read>,
        right: Option<&Record>,
        found: &mut Found,
    ) {
        self.met.insert(hash(link.target_key.as_str()));
        let record = left
            .map(|read| read.mapped.source.clone())
            .or_else(|| right.map(|record| record.fields.clone().into()))
            .unwrap_or_default();
        let words = Mapped {
            source_key: link.source_key.clone(),
            source: record.clone(),
            fields: Object::new(),
            fingerprint: NOT_READ,
            problem: None,
        };
        let mut entry = stored_plan::blank_entry(words, &mut self.sequence);
        entry.target_key = Some(link.target_key.clone());
        entry.action = PlanAction::Conflict;
        entry.problem = Some(
            "was deleted on one side and changed on the other: decide under Conflicts which counts"
                .into(),
        );
        let kind = match missing {
            Side::Source => ConflictKind::DeletedOnSource,
            Side::Target => ConflictKind::DeletedOnTarget,
        };
        let value = match (left, right) {
            (Some(read), _) => Value::Object(read.mapped.fields.clone()),
            (None, Some(record)) => record.fields.clone(),
            (None, None) => Value::Null,
        };
        let mut before = Object::new();
        before.push("", Value::Object(link.shadow.clone()));
        entry.before = Some(before);
        match missing {
            Side::Source => entry.fields.push("", value),
            Side::Target => entry.mapped.push("", value),
        }
        entry.kinds.push((String::new(), kind));
        found.counts.read += 1;
        found.counts.conflict += 1;
        found.entries.push(entry);
    }
}

/// Fields in conflict are not as they were agreed on: they are as they were when the conflict was found.
fn overlay(fields: &mut Object, open: &[Conflict], side: Side) {
    for conflict in open.iter().filter(|conflict| !conflict.field.is_empty()) {
        let value = match side {
            Side::Source => &conflict.source,
            Side::Target => &conflict.target,
        };
        fields.insert(conflict.field.as_str(), value.clone().unwrap_or_default());
    }
}

/// A field that goes back and forth, or waits for a person for other reasons, does not flow before somebody decided.
fn hold_open(merged: &mut Merged, open: &[Conflict], source: &Object, target: &Object) {
    for conflict in open {
        let stays = matches!(conflict.kind, ConflictKind::Loop | ConflictKind::Undo);
        if !stays {
            continue;
        }
        let name = conflict.field.as_str();
        let flowed = merged
            .to_target
            .remove(name)
            .or(merged.to_source.remove(name));
        if flowed.is_some() {
            merged.conflicts.push(Clash {
                field: name.to_owned(),
                kind: conflict.kind,
                base: conflict.base.clone(),
                source: source.get(name).cloned().unwrap_or_default(),
                target: target.get(name).cloned().unwrap_or_default(),
            });
        }
    }
}
