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
        Self(Arc::new(Inner {
            setting,
            store,
            sync,
            state: Mutex::new(State {
                world: World::default(),
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

    async fn describe(&self, _: &str, _: &Access) -> Result<StreamDescription> {
        Ok(people(&self.0.setting))
    }

    async fn read(&self, request: ReadRequest, _: Access) -> Result<Box<dyn PageReader>> {
        let is_incremental = self.0.setting.source.is_incremental;
        let cursor = request.cursor.clone();
        let since = cursor.filter(|_| is_incremental && !request.full);
        self.state().watch.read_begins(&self.0.store, self.0.sync);
        let is_complete = (request.full || request.cursor.is_none()) && request.position.is_none();
        Ok(Box::new(Reader {
            platform: self.clone(),
            since: since.and_then(|cursor| cursor.as_u64()).unwrap_or(0),
            at: request.position.map(place).unwrap_or_default(),
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
        offset: position["offset"].as_u64().unwrap_or_default() as usize,
        after,
    }
}

struct Reader {
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
        let mut listed: Vec<(u64, RecordKey)> = state
            .world
            .people
            .iter()
            .filter(|(_, person)| person.stamp >= self.since)
            .map(|(key, person)| (person.stamp, key.clone()))
            .collect();
        listed.sort();
        let listed: Vec<_> = if like.has_offset_pages {
            listed.into_iter().skip(self.at.offset).collect()
        } else {
            listed
                .into_iter()
                .filter(|place| self.at.after.as_ref().is_none_or(|after| place > after))
                .collect()
        };
        let mut records = Vec::new();
        for (stamp, key) in listed.into_iter().take(like.page) {
            let Some(person) = state.world.people.get_mut(&key) else {
                continue;
            };
            let before = person.before.take().filter(|_| like.repeats);
            for fields in before.into_iter().chain([person.fields.clone()]) {
                records.push(Record {
                    key: Some(key.clone()),
                    fields: Value::Object(fields),
                    version: None,
                });
            }
            if let Some(brought) = &mut self.brought {
                brought.insert(key.clone());
            }
            self.at.offset += 1;
            self.cursor = self.cursor.max(Some(stamp));
            self.at.after = Some((stamp, key));
        }
        if records.is_empty() {
            if let Some(brought) = &self.brought {
                state.watch.read_completely(brought);
            }
            return None;
        }
        state.watch.served(&records);
        Some(Page {
            records,
            position: json!({"offset": self.at.offset, "after": self.at.after}),
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
    async fn describe(&self, _: &str, _: &Access) -> Result<StreamDescription> {
        Ok(members(&self.0.setting))
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
            let find_one = |values: &Vec<Value>| {
                let wanted = values.first().and_then(Value::as_text).unwrap_or_default();
                let wanted = wanted.trim().to_lowercase();
                state
                    .world
                    .members
                    .iter()
                    .filter(|(_, member)| member.found_from <= now)
                    .filter(|(_, member)| world::folded(&member.fields) == wanted)
                    .map(|(key, member)| self.record(key, member))
                    .collect()
            };
            find.values.iter().map(find_one).collect()
        };
        self.answered(&request).await;
        Ok(found)
    }

    async fn get(&self, _: &str, keys: &[RecordKey], _: &Access) -> Result<Vec<Option<Record>>> {
        let request = self.request().await;
        failed(request.fault, "target")?;
        let found = {
            let state = self.state();
            keys.iter()
                .map(|key| Some(self.record(key, state.world.members.get(key)?)))
                .collect()
        };
        self.answered(&request).await;
        Ok(found)
    }

    async fn write(&self, _: &str, changes: &[Change], _: &Access) -> Result<Written> {
        let mut outcomes = Vec::new();
        let mut forgets = false;
        for (n, chunk) in changes.chunks(self.0.setting.target.batch).enumerate() {
            let request = self.request().await;
            {
                let mut state = self.state();
                let state = &mut *state;
                state
                    .watch
                    .sent(&self.0.store, self.0.sync, &state.world, chunk);
            }
            if let Err(error) = never_sent(request.fault) {
                if n == 0 {
                    return Err(error);
                }
                // Something was sent before: what is not known is unknown.
                outcomes.extend(chunk.iter().map(|_| lost("was not sent")));
                continue;
            }
            outcomes.extend(self.carry_out(chunk, request.fault));
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

    fn carry_out(&self, chunk: &[Change], fault: Option<Fault>) -> Vec<Outcome> {
        let mut state = self.state();
        let bit = |mask: u8, n: usize| mask >> (n % 8) & 1 == 1;
        let one = |(n, change): (usize, &Change)| match fault {
            Some(Fault::LostBefore) => lost("lost on the way there"),
            Some(Fault::LostAfter | Fault::Malformed) => {
                self.carry_out_one(&mut state, change);
                lost("lost on the way back")
            }
            Some(Fault::Partial(mask)) if bit(mask, n) => lost("left out"),
            Some(Fault::Partial(mask)) => {
                let outcome = self.carry_out_one(&mut state, change);
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
            _ => self.carry_out_one(&mut state, change),
        };
        chunk.iter().enumerate().map(one).collect()
    }

    fn carry_out_one(&self, state: &mut State, change: &Change) -> Outcome {
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

    fn create(&self, state: &mut State, change: &Change, fields: Object) -> Outcome {
        let like = &self.0.setting.target;
        state.watch.created(&state.world, change);
        let found_from = state.all_requests + like.search_lags;
        let made_for = Some(change.source_key.clone());
        let key = state
            .world
            .add_member(fields, made_for, BTreeSet::new(), found_from);
        state.world.carried_out.insert(change.id, key.clone());
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
            state.watch.overwrites(member, change);
        }
        for (name, value) in fields {
            member.theirs.remove(name.as_str());
            member.fields.insert(name, value);
        }
        member.version += 1;
        member.remember_address();
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
                    state.watch.overwrites(member, change);
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

/// The source's stream.
pub(super) fn people(setting: &Setting) -> StreamDescription {
    StreamDescription {
        name: "people".into(),
        label: "People".into(),
        schema: Schema {
            fields: vec![
                field("email", FieldType::Text, false),
                field("name", FieldType::Text, false),
                field("number", FieldType::Text, false),
            ],
        },
        key: Vec::new(),
        cursor_field: None,
        capabilities: Capabilities {
            read: true,
            incremental: setting.source.is_incremental,
            ..Capabilities::default()
        },
    }
}

/// The target's stream.
pub(super) fn members(setting: &Setting) -> StreamDescription {
    let like = &setting.target;
    StreamDescription {
        name: "members".into(),
        label: "Members".into(),
        schema: Schema {
            fields: vec![
                field("email", FieldType::Text, true),
                field("name", FieldType::Text, false),
                field("n", FieldType::Integer, false),
                field("note", FieldType::Text, false),
            ],
        },
        key: Vec::new(),
        cursor_field: None,
        capabilities: Capabilities {
            read: true,
            create: true,
            update: true,
            delete: true,
            get: like.can_get,
            batch_size: like.batch,
            match_by: if like.is_searchable {
                vec!["email".parse().unwrap()]
            } else {
                Vec::new()
            },
            idempotent_create: like.is_idempotent,
            ..Capabilities::default()
        },
    }
}
