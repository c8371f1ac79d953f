//! What a write makes of the link of its records.

use model::record::{Intent, Operation, Record, RecordKey};
use model::sync::Side;
use model::value::{Object, Value};
use store::agreed::Agreed;

use super::{Batch, Linked, agreed_of};
use crate::job::Job;
use crate::plan;
use crate::write::Intended;

impl Batch {
    /// The latest record was written, and has other values by now.
    pub(crate) fn was_found_as(&mut self, found: &Record) {
        if let (Some(Linked { link, .. }), Some(now)) =
            (self.links.last_mut(), found.fields.as_object())
        {
            let on_target = plan::project(&link.shadow, now);
            link.set_on_target(&on_target);
        }
    }

    /// What a write makes of the link.
    pub(super) fn link(
        &mut self,
        job: &Job,
        intended: &mut Intended,
        source_key: &RecordKey,
        target_key: Option<&RecordKey>,
        record: Option<Value>,
        version: Option<String>,
    ) {
        let Intended {
            side,
            intent,
            mapped,
            change,
            ..
        } = intended;
        let Some(target_key) = target_key.cloned() else {
            return;
        };
        let made_on = (change.operation == Operation::Create).then_some(*side);
        match (intent, change.operation) {
            // What was put away is still read: without its link it would look new.
            (Intent::Delete, Operation::Update) if job.back.is_some() => {
                let mut agreed = agreed_of(source_key.clone(), target_key);
                match side {
                    Side::Target => {
                        agreed.target = change.fields.clone();
                        agreed.target_version = version;
                    }
                    Side::Source => {
                        note_source(job, &mapped.fields, record.as_ref(), &mut agreed);
                        agreed.source_version = version;
                    }
                }
                self.agreed.push(agreed);
                self.put_away.push(source_key.clone());
            }
            (Intent::Delete, _) => self.gone.push(source_key.clone()),
            // What was made is deleted again: it must not be made anew by the next run.
            (Intent::Undo, Operation::Delete) => {
                self.gone.push(source_key.clone());
                self.paused.push(source_key.clone());
            }
            (Intent::Undo, Operation::Create) => {
                self.restored
                    .push(plan::link_of(mapped, target_key, version));
            }
            (Intent::Undo, Operation::Update) => {
                let mut agreed = agreed_of(source_key.clone(), target_key);
                match side {
                    Side::Target => {
                        agreed.target = change.fields.clone();
                        agreed.target_version = version;
                    }
                    Side::Source => {
                        agreed.source = mapped.fields.clone();
                        agreed.source_version = version;
                        agreed.fingerprint = Some(plan::NOT_READ);
                    }
                }
                self.agreed.push(agreed);
            }
            (Intent::Sync, _) if job.back.is_none() => {
                let mut link = plan::link_to(&mapped.source_key, mapped.fingerprint, target_key);
                // Nobody asks for them after this.
                link.shadow = std::mem::take(&mut mapped.fields);
                link.target_version = version;
                link.made_on = made_on;
                let (mark, change) = (self.mark(mapped), Some(change.id));
                self.links.push(Linked { link, mark, change });
            }
            (Intent::Sync, _) => {
                let mut agreed = agreed_of(source_key.clone(), target_key);
                agreed.made_on = made_on;
                agreed.fingerprint =
                    (mapped.fingerprint != plan::NOT_READ).then_some(mapped.fingerprint);
                agreed.source = mapped.fields.clone();
                agreed.target = mapped.fields.clone();
                // Platforms trim, round and rewrite: what they made of it is not a change of theirs.
                match side {
                    Side::Target => {
                        if let Some(Value::Object(now)) = &record {
                            agreed.target = plan::project(&mapped.fields, now);
                        }
                        agreed.target_version = version;
                    }
                    Side::Source => {
                        note_source(job, &mapped.fields, record.as_ref(), &mut agreed);
                        agreed.source_version = version;
                    }
                }
                self.agreed.push(agreed);
            }
        }
    }
}

/// A record of the source was written: what it has now, in the target's terms, as far as the platform tells. Only where
/// all of that was written does the next read have nothing to look for: somebody may have edited the rest.
fn note_source(job: &Job, wanted: &Object, record: Option<&Value>, agreed: &mut Agreed) {
    agreed.fingerprint = Some(plan::NOT_READ);
    let Some(record) = record else { return };
    let now = job.program.apply(record).fields;
    agreed.source = plan::project(wanted, &now);
    if now.iter().all(|(name, _)| wanted.get(name).is_some()) {
        agreed.fingerprint = Some(Value::Object(now).fingerprint());
    }
}
