//! Both platforms behind the two traits, with everything that can go wrong on the way to them. Each request is looked
//! at before it is answered: what the store holds at that moment is what a promise is about.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use connectors::{
    Access, Capabilities, CheckStep, Destination, Error, Find, Page, PageReader, ReadRequest,
    Result, Source, StreamDescription, StreamSummary, Written,
};
use model::field::{Field, FieldType, Schema};
use model::ids::SyncId;
use model::record::{Change, Operation, Outcome, Record, RecordKey, Rejection};
use model::value::{Object, Value};
use serde_json::json;
use store::inline::Inline;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::history::{End, Event, Fault, Setting};
use super::watch::Watch;
use super::world::{self, World};

/// Both sides. Clones are the same.
#[derive(Clone)]
pub(super) struct Platform(Arc<Inner>);

pub(super) struct Inner {
    pub(super) setting: Setting,
    pub(super) store: Arc<Inline>,
    pub(super) sync: SyncId,
    pub(super) state: Mutex<State>,
}

/// What changes from request to request.
pub(super) struct State {
    pub(super) world: World,
    pub(super) watch: Watch,
    /// Requests of the run so far.
    pub(super) requests: u32,
    /// Requests of all runs so far.
    pub(super) all_requests: u32,
    pub(super) events: Vec<(u32, Event)>,
    pub(super) end: Option<End>,
    /// The process of the run ends.
    pub(super) ended: Arc<Notify>,
    pub(super) cancel: CancellationToken,
}

/// How a request goes on.
struct Request {
    fault: Option<Fault>,
    ends_after: bool,
}

impl Platform {
    pub(super) fn new(setting: Setting, store: Arc<Inline>, sync: SyncId) -> Self {
        let mut world = World::default();
        world.is_wide = setting.is_wide;
        Self(Arc::new(Inner {
            setting,
            store,
            sync,
            state: Mutex::new(State {
                world,
                watch: Watch::default(),
                requests: 0,
                all_requests: 0,
                events: Vec::new(),
                end: None,
                ended: Arc::default(),
                cancel: CancellationToken::new(),
            }),
        }))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.0
    }

    /// A request arrives, or does not.
    async fn request(&self) -> Request {
        tokio::task::yield_now().await;
        let (fault, end) = {
            let mut state = self.state();
            let state = &mut *state;
            state.requests += 1;
            state.all_requests += 1;
            let n = state.requests;
            let mut fault = None;
            // Before somebody edits: what both sides had the same until then was heard.
            if self.0.setting.both_ways.is_some() {
                self.agree(state);
            }
            for (_, event) in state.events.iter().filter(|(at, _)| *at == n) {
                match event {
                    Event::Edit(edit) => {
                        state
                            .world
                            .edit(edit, self.0.setting.target.normalises, true);
                    }
                    Event::Fault(which) => fault = Some(*which),
                    Event::Cancel => state.cancel.cancel(),
                }
            }
            state.watch.request(&self.0.store, self.0.sync);
            let end = match state.end {
                Some(End::Request(at, is_before)) if at == n => Some(is_before),
                _ => None,
            };
            (fault, end)
        };
        if end == Some(true) {
            self.end().await;
        }
        Request {
            fault,
            ends_after: end == Some(false),
        }
    }

    /// Edits that the other side has too are lost by nobody.
    fn agree(&self, state: &mut State) {
        let sync = self.0.sync;
        let links = self
            .0
            .store
            .look(|db| store::links::page(db, sync, None, 10_000));
        for link in links.unwrap() {
            state.world.agree(&link.source_key, &link.target_key);
        }
    }

    async fn answered(&self, request: &Request) {
        if request.ends_after {
            self.end().await;
        }
        tokio::task::yield_now().await;
    }

    /// The process ends here.
    async fn end(&self) {
        self.state().ended.notify_one();
        std::future::pending::<()>().await;
    }
}

/// A read goes wrong in these ways; whatever else happens to it is a lost answer too.
fn failed(fault: Option<Fault>, platform: &str) -> Result<()> {
    let platform = platform.to_owned();
    let reason = "as the history says".to_owned();
    Err(match fault {
        None | Some(Fault::Reject(_) | Fault::Short) => return Ok(()),
        Some(Fault::RateLimited) => Error::RateLimited {
            platform,
            after: None,
        },
        Some(Fault::SignIn) => Error::SignInNeeded { platform, reason },
        Some(Fault::Malformed) => Error::Malformed { platform, reason },
        Some(Fault::Unavailable | Fault::LostBefore | Fault::LostAfter | Fault::Partial(_)) => {
            Error::Unavailable { platform, reason }
        }
    })
}

// ---- the source ----------------------------------------------------------------------------------

#[async_trait]
impl Source for Platform {
    async fn discover(&self, _: &Access) -> Result<Vec<StreamSummary>> {
        Ok(Vec::new())
    }

    async fn describe(&self, stream: &str, _: &Access) -> Result<StreamDescription> {
        Ok(described(&self.0.setting, stream))
    }

    async fn read(&self, request: ReadRequest, _: Access) -> Result<Box<dyn PageReader>> {
        let is_incremental = self.0.setting.source.is_incremental;
        let cursor = request.cursor.clone();
        let since = cursor.filter(|_| is_incremental && !request.full);
        if request.stream == PEOPLE {
            self.state().watch.read_begins(&self.0.store, self.0.sync);
        }
        let is_complete = (request.full || request.cursor.is_none()) && request.position.is_none();
        let began = self.state().world.stamp;
        Ok(Box::new(Reader {
            is_target: request.stream == MEMBERS,
            platform: self.clone(),
            since: since.and_then(|cursor| cursor.as_u64()).unwrap_or(0),
            at: request.position.map_or_else(
                || Place {
                    began,
                    ..Place::default()
                },
                place,
            ),
            cursor: None,
            brought: is_complete.then(BTreeSet::new),
        }))
    }

    async fn check(&self, _: &Access) -> Vec<CheckStep> {
        Vec::new()
    }
}

/// Where a page begins.
#[derive(Clone, Debug, Default)]
struct Place {
    /// The latest stamp when the first page was read.
    began: u64,
    offset: usize,
    after: Option<(u64, RecordKey)>,
}

fn place(position: serde_json::Value) -> Place {
    let after = position["after"].as_array().map(|after| {
        (
            after[0].as_u64().unwrap_or_default(),
            RecordKey(after[1].as_str().unwrap_or_default().to_owned()),
        )
    });
    Place {
        began: position["began"].as_u64().unwrap_or_default(),
        offset: position["offset"].as_u64().unwrap_or_default() as usize,
        after,
    }
}

struct Reader {
    is_target: bool,
    platform: Platform,
    since: u64,
    at: Place,
    cursor: Option<u64>,
    /// What a read of everything has brought.
    brought: Option<BTreeSet<RecordKey>>,
}

#[async_trait]
impl PageReader for Reader {
    async fn next(&mut self) -> Result<Option<Page>> {
        let request = self.platform.request().await;
        failed(request.fault, "source")?;
        let page = self.page();
        self.platform.answered(&request).await;
        Ok(page)
    }
}

impl Reader {
    fn page(&mut self) -> Option<Page> {
        let like = &self.platform.0.setting.source;
        let mut state = self.platform.state();
        let state = &mut *state;
        let stamps: Vec<(u64, RecordKey)> = if self.is_target {
            let members = state.world.members.iter();
            members.map(|(key, it)| (it.stamp, key.clone())).collect()
        } else {
            let people = state.world.people.iter();
            people.map(|(key, it)| (it.stamp, key.clone())).collect()
        };
        let order = |(stamp, key): &(u64, RecordKey)| match like.is_by_key {
            true => (0, key.clone()),
            false => (*stamp, key.clone()),
        };
        let mut listed: Vec<_> = stamps
            .into_iter()
            .filter(|(stamp, _)| *stamp >= self.since)
            .collect();
        listed.sort_by_key(order);
        let is_next = |place: &(u64, RecordKey)| {
            let after = self.at.after.as_ref();
            after.is_none_or(|after| order(place) > order(after))
        };
        let listed: Vec<_> = if like.has_offset_pages {
            listed.into_iter().skip(self.at.offset).collect()
        } else {
            listed.into_iter().filter(is_next).collect()
        };
        let mut records = Vec::new();
        for (stamp, key) in listed.into_iter().take(like.page) {
            if self.is_target {
                let member = &state.world.members[&key];
                records.push(self.platform.record(&key, member));
            } else if let Some(person) = state.world.people.get_mut(&key) {
                let before = person.before.take().filter(|_| like.repeats);
                for fields in before.into_iter().chain([person.fields.clone()]) {
                    records.push(Record {
                        key: Some(key.clone()),
                        fields: Value::Object(fields),
                        version: self.platform.version_tag(person.version),
                    });
                }
            }
            if let Some(brought) = &mut self.brought {
                brought.insert(key.clone());
            }
            self.at.offset += 1;
            // Where changes are listed in no order, whatever changes from the beginning on is read again.
            let cursor = match like.is_by_key {
                true => self.at.began,
                false => stamp,
            };
            self.cursor = self.cursor.max(Some(cursor));
            self.at.after = Some((stamp, key));
        }
        if records.is_empty() {
            if let Some(brought) = self.brought.as_ref().filter(|_| !self.is_target) {
                state.watch.read_completely(brought);
            }
            return None;
        }
        if !self.is_target {
            state.watch.served(&records);
        }
        Some(Page {
            records,
            position: json!({"began": self.at.began, "offset": self.at.offset, "after": self.at.after}),
            cursor: self
                .cursor
                .filter(|_| like.is_incremental)
                .map(serde_json::Value::from),
            exchange: None,
        })
    }
}

// ---- the target ----------------------------------------------------------------------------------

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
    fn record(&self, key: &RecordKey, member: &world::Member) -> Record {
        Record {
            key: Some(key.clone()),
            fields: Value::Object(member.fields.clone()),
            version: self.version(member),
        }
    }

    fn version(&self, member: &world::Member) -> Option<String> {
        let has_versions = self.0.setting.target.has_versions;
        has_versions.then(|| member.version.to_string())
    }

    fn carry_out(&self, stream: &str, chunk: &[Change], fault: Option<Fault>) -> Vec<Outcome> {
        let mut state = self.state();
        let bit = |mask: u8, n: usize| mask >> (n % 8) & 1 == 1;
        let one = |(n, change): (usize, &Change)| match fault {
            Some(Fault::LostBefore) => lost("lost on the way there"),
            Some(Fault::LostAfter | Fault::Malformed) => {
                self.carry_out_one(&mut state, stream, change);
                lost("lost on the way back")
            }
            Some(Fault::Partial(mask)) if bit(mask, n) => lost("left out"),
            Some(Fault::Partial(mask)) => {
                let outcome = self.carry_out_one(&mut state, stream, change);
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
            _ => self.carry_out_one(&mut state, stream, change),
        };
        chunk.iter().enumerate().map(one).collect()
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
            }
            let (edited, is_linked) = (&person.edited, state.watch.is_linked(change));
            if is_linked && change.version.is_some() {
                state.watch.loses(edited, &person.fields, change);
            }
        }
        let (fields, made_for) = (change.fields.clone(), change.source_key.clone());
        let is_new = key.is_none();
        let key = state.world.write_person(key, fields, &made_for);
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
            fields: Value::Object(person.fields.clone()),
            version: self.version_tag(person.version),
        }
    }

    fn version_tag(&self, version: u64) -> Option<String> {
        let has_versions = self.0.setting.target.has_versions;
        has_versions.then(|| version.to_string())
    }

    fn create(&self, state: &mut State, change: &Change, fields: Object) -> Outcome {
        let like = &self.0.setting.target;
        state.watch.created(&state.world, change);
        let found_from = state.all_requests + like.search_lags;
        let made_for = Some(change.source_key.clone());
        let key = state
            .world
            .add_member(fields, made_for, BTreeSet::new(), found_from);
        state.world.carried_out.insert(change.id, key.clone());
        state.world.agree(&change.source_key, &key);
        self.written(state, key)
    }

    fn update(&self, state: &mut State, change: &Change, fields: Object) -> Outcome {
        let key = change
            .target_key
            .clone()
            .unwrap_or(RecordKey(String::new()));
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
        }
        if self.0.setting.both_ways.is_some()
            && change.version.is_some()
            && state.watch.is_linked(change)
        {
            state.watch.loses(&member.edited, &member.fields, change);
        }
        member.echo.written(&fields);
        for (name, value) in fields {
            member.theirs.remove(name.as_str());
            member.edited.remove(name.as_str());
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

// ---- what both say of themselves -----------------------------------------------------------------

fn field(name: &str, field_type: FieldType, is_required: bool) -> Field {
    Field {
        required: is_required,
        nullable: !is_required,
        ..Field::new(name, field_type)
    }
}

/// The streams of the source and of the target.
pub(super) const PEOPLE: &str = "people";
pub(super) const MEMBERS: &str = "members";

/// What a side says of its stream. Both can do the same where both are written.
pub(super) fn described(setting: &Setting, stream: &str) -> StreamDescription {
    let like = &setting.target;
    let is_source = stream == PEOPLE;
    let is_written = !is_source || setting.both_ways.is_some();
    let mut fields = vec![
        field("email", FieldType::Text, !is_source),
        field("name", FieldType::Text, false),
    ];
    if is_source {
        fields.push(field("number", FieldType::Text, false));
    } else {
        fields.push(field("n", FieldType::Integer, false));
        fields.push(field("note", FieldType::Text, false));
    }
    StreamDescription {
        name: stream.into(),
        label: stream.into(),
        schema: Schema { fields },
        key: Vec::new(),
        cursor_field: None,
        capabilities: Capabilities {
            read: true,
            incremental: setting.source.is_incremental,
            create: is_written,
            update: is_written,
            delete: !is_source,
            get: is_written && like.can_get,
            batch_size: like.batch,
            match_by: if is_written && like.is_searchable {
                vec!["email".parse().unwrap()]
            } else {
                Vec::new()
            },
            idempotent_create: is_written && like.is_idempotent,
            ..Capabilities::default()
        },
    }
}
