//! Why a change may be sent.

use model::ids::RunId;
use model::record::{Change, Operation};
use model::sync::WriteMode;
use model::value::Object;
use store::inline::Inline;
use store::journal::Pending;

use super::{Version, Watch};
use crate::simulation::world::World;

impl Watch {
    pub(super) fn version_in(&mut self, store: &Inline, run: RunId) -> Version {
        let version = *self.version_of.entry(run).or_insert_with(|| {
            let run = store.look(|db| store::runs::get(db, run)).unwrap();
            run.sync_version
        });
        self.versions[&version].clone()
    }

    /// Only what complete reads have missed often enough is deleted, where the sync mirrors.
    pub(super) fn explain_deletion(
        &mut self,
        store: &Inline,
        world: &World,
        now: i64,
        pending: &Pending,
    ) -> Result<(), String> {
        let version = self.version_in(store, pending.run);
        let key = &pending.change.source_key;
        if version.mode != WriteMode::Mirror {
            return Err(format!("a sync in mode {:?} deletes nothing", version.mode));
        }
        let missed = self.missed.get(key).copied().unwrap_or_default();
        if missed < u32::from(version.sightings) {
            return Err(format!("only {missed} complete reads have missed it"));
        }
        let days = i64::from(version.after_days) * 24 * 3_600_000;
        let since = self.missed_since.get(key).copied().unwrap_or(now);
        if now < since + days {
            return Err(format!("it has been gone for {} ms only", now - since));
        }
        // A page can only miss what moved while it was read.
        let person = world.people.get(key);
        if person.is_some_and(|person| !person.was_late) && !self.pages_shift {
            return Err("it is still at the source".into());
        }
        Ok(())
    }

    /// A change is what the mapping of its run makes of a record that was read.
    pub(super) fn explain(&mut self, store: &Inline, pending: &Pending) -> Result<(), String> {
        let run = pending.run;
        let Version { program, mode, .. } = self.version_in(store, run);
        let change = &pending.change;
        let source = pending.source.as_ref().ok_or("has no source record")?;
        let versions = self.served.get(&change.source_key);
        if !versions.is_some_and(|versions| versions.contains(source)) {
            return Err(format!("its source was never read: {source:?}"));
        }
        let mapped = program.apply(source);
        if mapped.problems.iter().any(|problem| problem.holds) {
            return Err("the mapping holds its record".into());
        }
        // Where both sides are read, only what differs is told.
        let is_part = mode == WriteMode::FullRefresh
            && pending
                .mapped
                .iter()
                .all(|(name, value)| mapped.fields.get(name) == Some(value));
        if mapped.fields != pending.mapped && !is_part {
            return Err(format!(
                "the mapping makes {:?} of its record",
                mapped.fields
            ));
        }
        // What a run left open is settled by a later one, as the sync is by then.
        let latest = self.versions.iter().max_by_key(|(version, _)| **version);
        let may_update = mode.updates() || latest.is_some_and(|(_, it)| it.mode.updates());
        let may = match change.operation {
            Operation::Create => mode.creates() && change.fields == mapped.fields,
            Operation::Update => {
                may_update
                    && !change.fields.is_empty()
                    && change
                        .fields
                        .iter()
                        .all(|(name, value)| mapped.fields.get(name) == Some(value))
            }
            Operation::Delete => false,
        };
        if may {
            Ok(())
        } else {
            Err(format!("no plan of a sync in mode {mode:?} gives it"))
        }
    }
}

/// What a run wrote is taken back: what we made is deleted, what we deleted is made again, and fields get values that
/// they had.
pub(super) fn explain_undo(world: &World, on_source: bool, change: &Change) -> Result<(), String> {
    let target = change.target_key.as_ref();
    let member = target.and_then(|key| world.members.get(key));
    let past = match on_source {
        true => target
            .and_then(|key| world.people.get(key))
            .map(|it| &it.past),
        false => member.map(|it| &it.past),
    };
    match change.operation {
        Operation::Create => {
            let mut deleted = world.deleted.values();
            let was_there = |fields: &Object| {
                change.fields.iter().all(|(name, value)| {
                    let had = fields.get(name).cloned().unwrap_or_default();
                    had.same_as(value) || name == "email"
                })
            };
            let is_known = !on_source && deleted.any(|member| was_there(&member.fields));
            is_known.then_some(()).ok_or("was never deleted".into())
        }
        Operation::Update => match past.and_then(|past| past.is_new_to(change)) {
            Some(name) => Err(format!("\"{name}\" never had this value")),
            None => Ok(()),
        },
        Operation::Delete if on_source => Err("nothing is deleted at the source".into()),
        Operation::Delete => match member {
            Some(member) if member.made_for.is_none() => Err("was not made by us".into()),
            _ => Ok(()),
        },
    }
}
