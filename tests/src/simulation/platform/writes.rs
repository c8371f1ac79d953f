//! Both sides as they are searched, looked up and written.

use std::collections::BTreeSet;

use async_trait::async_trait;
use connectors::{Access, Destination, Find, Result, StreamDescription, Written};
use model::record::{Change, Operation, Outcome, Record, RecordKey, Rejection};
use model::value::{Object, Value};

use super::{PEOPLE, Platform, State, described, failed};
use crate::simulation::history::Fault;
use crate::simulation::world;

#[async_trait]
impl Destination for Platform {
    async fn describe(&self, stream: &str, _: &Access) -> Result<StreamDescription> {
        Ok(described(&self.0.setting, stream))
    }

    async fn find(&self, find: Find, _: &Access) -> Result<Vec<Vec<Record>>> {
        let request = self.request().await;
        failed(request.fault, "target")?;
        let found = {
            let mut state = self.state();
            let state = &mut *state;
            if !self.0.setting.target.is_searchable {
                state.watch.broken("the target cannot be searched, and was");
            }
            let now = state.all_requests;
            let find_one = |values: &Vec<Value>| -> Vec<Record> {
                let wanted = values.first().and_then(Value::as_text).unwrap_or_default();
                let wanted = wanted.trim().to_lowercase();
                if find.stream == PEOPLE {
                    let people = state.world.people.iter();
                    return people
                        .filter(|(_, person)| world::folded(&person.fields) == wanted)
                        .map(|(key, person)| self.person(key, person))
                        .collect();
                }
                state
                    .world
                    .members
                    .iter()
                    .filter(|(_, member)| member.found_from <= now)
                    .filter(|(_, member)| world::folded(&member.fields) == wanted)
                    .map(|(key, member)| self.record(key, member))
                    .collect()
            };
            let found: Vec<Vec<Record>> = find.values.iter().map(find_one).collect();
            for (values, found) in find.values.iter().zip(&found) {
                let address = values.first().and_then(Value::as_text).unwrap_or_default();
                let address = address.trim().to_lowercase();
                state.watch.found(&address, found.len());
            }
            found
        };
        self.answered(&request).await;
        Ok(found)
    }

    async fn get(
        &self,
        stream: &str,
        keys: &[RecordKey],
        _: &Access,
    ) -> Result<Vec<Option<Record>>> {
        let request = self.request().await;
        failed(request.fault, "target")?;
        let found = {
            let mut state = self.state();
            let one = |key: &RecordKey| match stream {
                PEOPLE => {
                    let person = state.world.people.get_mut(key)?;
                    person.echo.is_new = false;
                    Some(self.person(key, person))
                }
                _ => {
                    let member = state.world.members.get_mut(key)?;
                    member.echo.is_new = false;
                    Some(self.record(key, member))
                }
            };
            keys.iter().map(one).collect()
        };
        self.answered(&request).await;
        Ok(found)
    }

    async fn write(&self, stream: &str, changes: &[Change], _: &Access) -> Result<Written> {
        let mut outcomes = Vec::new();
        let mut forgets = false;
        for (n, chunk) in changes.chunks(self.0.setting.target.batch).enumerate() {
            let request = self.request().await;
            {
                let mut state = self.state();
                let state = &mut *state;
                state.watch.sent(
                    &self.0.store,
                    self.0.sync,
                    &state.world,
                    self.0.clock.now(),
                    stream == PEOPLE,
                    chunk,
                );
            }
            if let Err(error) = never_sent(request.fault) {
                if n == 0 {
                    return Err(error);
                }
                // Something was sent before: what is not known is unknown.
                outcomes.extend(chunk.iter().map(|_| lost("was not sent")));
                continue;
            }
            outcomes.extend(self.carry_out(stream, chunk, request.fault));
            forgets = request.fault == Some(Fault::Short);
            self.answered(&request).await;
        }
        if forgets {
            outcomes.pop();
        }
        Ok(Written {
            exchanges: vec![None; outcomes.len()],
            outcomes,
        })
    }
}

fn never_sent(fault: Option<Fault>) -> Result<()> {
    match fault {
        Some(Fault::Unavailable | Fault::RateLimited | Fault::SignIn) => failed(fault, "target"),
        _ => Ok(()),
    }
}

fn lost(reason: &str) -> Outcome {
    Outcome::Unknown {
        reason: reason.into(),
    }
}

impl Platform {
    pub(super) fn record(&self, key: &RecordKey, member: &world::Member) -> Record {
        Record {
            key: Some(key.clone()),
            fields: self.told(&member.fields, member.stamp),
            version: self.version(member),
        }
    }

    fn version(&self, member: &world::Member) -> Option<String> {
        let has_versions = self.0.setting.target.has_versions;
        has_versions.then(|| member.version.to_string())
    }

    fn carry_out(&self, stream: &str, chunk: &[Change], fault: Option<Fault>) -> Vec<Outcome> {
        let mut state = self.state();
        let outcomes = self.outcomes(&mut state, stream, chunk, fault);
        for (change, outcome) in chunk.iter().zip(&outcomes) {
            if matches!(outcome, Outcome::Rejected(_)) {
                state.watch.refused(stream == PEOPLE, change);
            }
        }
        outcomes
    }

    fn outcomes(
        &self,
        state: &mut State,
        stream: &str,
        chunk: &[Change],
        fault: Option<Fault>,
    ) -> Vec<Outcome> {
        let bit = |mask: u8, n: usize| mask >> (n % 8) & 1 == 1;
        let mut one = |(n, change): (usize, &Change)| match fault {
            Some(Fault::LostBefore) => lost("lost on the way there"),
            Some(Fault::LostAfter | Fault::Malformed) => {
                self.carry_out_one(state, stream, change);
                lost("lost on the way back")
            }
            Some(Fault::Partial(mask)) if bit(mask, n) => lost("left out"),
            Some(Fault::Partial(mask)) => {
                let outcome = self.carry_out_one(state, stream, change);
                if bit(mask, n + 4) {
                    lost("not told of")
                } else {
                    outcome
                }
            }
            // What it has carried out it does not refuse when it is asked again.
            Some(Fault::Reject(mask))
                if bit(mask, n) && !state.world.carried_out.contains_key(&change.id) =>
            {
                rejected("as the history says")
            }
            _ => self.carry_out_one(state, stream, change),
        };
        chunk.iter().enumerate().map(&mut one).collect()
    }

    fn carry_out_one(&self, state: &mut State, stream: &str, change: &Change) -> Outcome {
        let like = &self.0.setting.target;
        if let Some(key) = state.world.carried_out.get(&change.id)
            && like.is_idempotent
        {
            // As it was answered the first time.
            let has_versions = self.0.setting.target.has_versions;
            return Outcome::Written {
                key: key.clone(),
                record: None,
                version: has_versions.then(|| "1".to_owned()),
            };
        }
        if stream == PEOPLE {
            return self.carry_out_on_source(state, change);
        }
        let name = change.fields.get("name").and_then(Value::as_text);
        if name.is_some_and(|name| name.eq_ignore_ascii_case(world::REFUSED)) {
            return rejected("this name is not allowed");
        }
        let mut fields = change.fields.clone();
        if like.normalises && fields.get("email").is_some() {
            let folded = world::folded(&fields);
            fields.insert("email", Value::text(folded));
        }
        if like.is_unique && fields.get("email").is_some() {
            let address = world::folded(&fields);
            let is_taken = state.world.members.iter().any(|(key, member)| {
                Some(key) != change.target_key.as_ref() && world::folded(&member.fields) == address
            });
            if is_taken {
                return rejected("the address is taken");
            }
        }
        match change.operation {
            Operation::Create => self.create(state, change, fields),
            Operation::Update => self.update(state, change, fields),
            Operation::Delete => self.delete(state, change),
        }
    }

    fn carry_out_on_source(&self, state: &mut State, change: &Change) -> Outcome {
        let key = match change.operation {
            Operation::Create => {
                state.watch.created_person(&state.world, change);
                None
            }
            Operation::Update => change.target_key.clone(),
            Operation::Delete => {
                state
                    .watch
                    .broken(&format!("nobody asked for the deletion {change:?}"));
                return rejected("nothing is deleted here");
            }
        };
        if let Some(key) = &key {
            let Some(person) = state.world.people.get(key) else {
                return match change.version {
                    Some(_) => Outcome::Moved,
                    None => rejected("there is no such person"),
                };
            };
            if let Some(version) = &change.version {
                if *version != person.version.to_string() {
                    return Outcome::Moved;
                }
                state.watch.overwrites(&person.fields, change);
                if state.watch.is_undo(change) {
                    let past = &person.past;
                    state.watch.takes_back(past, &person.fields, change);
                }
            }
            let is_undo = state.watch.is_undo(change);
            if state.watch.is_linked(change) && !state.was_in_trouble && !is_undo {
                let member = state.world.members.get(&change.source_key);
                let theirs = member.is_some_and(|member| member.theirs.contains("email"));
                state.watch.echoes(&person.fields, theirs, change);
            }
            if change.version.is_some() {
                let other = state.world.members.get(&change.source_key);
                let other = other.map(|member| member.stand());
                let (stand, now) = (person.stand(), &person.fields);
                state.watch.loses(&stand, other.as_ref(), now, change);
            }
        }
        let (fields, made_for) = (change.fields.clone(), change.source_key.clone());
        let is_new = key.is_none();
        let key = state.world.write_person(key, fields, &made_for);
        if state.watch.is_undo(change)
            && let Some(member) = state.world.members.get(&change.source_key)
            && let Some(person) = state.world.people.get_mut(&key)
        {
            person.past.took_back(&change.fields, &member.fields);
        }
        if is_new {
            state.world.carried_out.insert(change.id, key.clone());
        }
        state.world.agree(&key, &change.source_key);
        let person = &state.world.people[&key];
        Outcome::Written {
            record: self
                .0
                .setting
                .target
                .tells_member
                .then(|| Value::Object(person.fields.clone())),
            version: self.version_tag(person.version),
            key,
        }
    }

    fn person(&self, key: &RecordKey, person: &world::Person) -> Record {
        Record {
            key: Some(key.clone()),
            fields: self.told(&person.fields, person.stamp),
            version: self.version_tag(person.version),
        }
    }

    pub(super) fn version_tag(&self, version: u64) -> Option<String> {
        let has_versions = self.0.setting.target.has_versions;
        has_versions.then(|| version.to_string())
    }

    fn create(&self, state: &mut State, change: &Change, fields: Object) -> Outcome {
        let like = &self.0.setting.target;
        state.watch.created(&state.world, change);
        state.watch.carried_out(change);
        let found_from = state.all_requests + like.search_lags;
        let made_for = Some(change.source_key.clone());
        let key = state
            .world
            .add_member(fields, made_for, BTreeSet::new(), found_from);
        if let Some(member) = state.world.members.get_mut(&key) {
            member.is_restored = state.watch.is_undo(change);
            member.made_as = change.fields.clone();
            let fields = member.fields.clone();
            member.past.written(&fields);
        }
        state.world.carried_out.insert(change.id, key.clone());
        state.world.agree(&change.source_key, &key);
        self.written(state, key)
    }

    fn update(&self, state: &mut State, change: &Change, fields: Object) -> Outcome {
        let key = change
            .target_key
            .clone()
            .unwrap_or(RecordKey(String::new()));
        let is_undo = state.watch.is_undo(change);
        let Some(member) = state.world.members.get_mut(&key) else {
            return if self.0.setting.target.has_versions && change.version.is_some() {
                Outcome::Moved
            } else {
                rejected("there is no such member")
            };
        };
        if let Some(version) = &change.version {
            if *version != member.version.to_string() {
                return Outcome::Moved;
            }
            state.watch.overwrites(&member.fields, change);
            if is_undo {
                let past = &member.past;
                state.watch.takes_back(past, &member.fields, change);
            }
        }
        if self.0.setting.both_ways.is_some() && change.version.is_some() {
            let other = state.world.people.get(&change.source_key);
            let other = other.map(|person| person.stand());
            let (stand, now) = (member.stand(), &member.fields);
            state.watch.loses(&stand, other.as_ref(), now, change);
        }
        state.watch.carried_out(change);
        member.echo.written(&fields);
        member.past.written(&fields);
        if is_undo && let Some(person) = state.world.people.get(&change.source_key) {
            let mapped = state.watch.mapped_now(&person.fields);
            member.past.took_back(&fields, &mapped);
        }
        for (name, value) in fields {
            member.theirs.remove(name.as_str());
            member.edited.remove(name.as_str());
            member.touched.remove(name.as_str());
            member.fields.insert(name, value);
        }
        member.version += 1;
        member.remember_address();
        let now = state.world.now();
        if let Some(member) = state.world.members.get_mut(&key) {
            member.stamp = now;
        }
        state.world.agree(&change.source_key, &key);
        self.written(state, key)
    }

    fn delete(&self, state: &mut State, change: &Change) -> Outcome {
        let key = change
            .target_key
            .clone()
            .unwrap_or(RecordKey(String::new()));
        if let Some(member) = state.world.members.get(&key) {
            if let Some(version) = &change.version {
                if *version != member.version.to_string() {
                    return Outcome::Moved;
                }
                if self.0.setting.target.can_get {
                    state.watch.overwrites(&member.fields, change);
                }
                if state.watch.is_undo(change) {
                    let past = &member.past;
                    state.watch.takes_back(past, &member.fields, change);
                }
            }
            if let Some(member) = state.world.members.remove(&key) {
                state.world.deleted.insert(key.clone(), member);
            }
        }
        Outcome::Written {
            key,
            record: None,
            version: None,
        }
    }

    fn written(&self, state: &State, key: RecordKey) -> Outcome {
        let member = state.world.members.get(&key);
        Outcome::Written {
            record: member
                .filter(|_| self.0.setting.target.tells_member)
                .map(|member| Value::Object(member.fields.clone())),
            version: member.and_then(|member| self.version(member)),
            key,
        }
    }
}

fn rejected(why: &str) -> Outcome {
    Outcome::Rejected(Rejection {
        code: "422".into(),
        message: why.into(),
        field: None,
    })
}
