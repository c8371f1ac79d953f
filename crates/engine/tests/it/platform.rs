//! A platform with people on the one side and members on the other, whose every call is seen and has its fate.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use connectors::{
    Access, Capabilities, CheckStep, Destination, Find, Page, PageReader, ReadRequest, Result,
    Source, StreamDescription, StreamSummary, Written,
};
use model::field::{Field, FieldType, Schema};
use model::ids::SyncId;
use model::path::FieldPath;
use model::record::{Change, Operation, Outcome, Record, RecordKey, Rejection};
use model::value::{Object, Value};
use store::Store;

/// What becomes of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is answered.
    Answer,
    /// A write is carried out and its answer lost.
    Lose,
    /// A write never arrives, and nobody knows.
    Vanish,
    /// It never comes back, and is not carried out.
    HangBefore,
    /// It never comes back, and is carried out.
    HangAfter,
}

/// Which call it is.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    /// A page of the source.
    Page,
    Find,
    Get,
    Write(Vec<Change>),
}

/// A member as the target has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    pub(crate) fields: Object,
    pub(crate) version: u64,
}

type Script = Box<dyn Fn(u64, &Call) -> Fate + Send + std::marker::Sync>;

#[derive(Default)]
pub(crate) struct World {
    pub(crate) people: Vec<(String, String)>,
    pub(crate) members: BTreeMap<String, Member>,
    calls: u64,
    /// Creates that were carried out, by address.
    pub(crate) creates: BTreeMap<String, u32>,
    /// Members called "nobody" are welcome too.
    pub(crate) takes_nobody: bool,
    /// Every call with the checkpoint and the pending changes that were on the disk when it came.
    seen: Vec<Seen>,
    script: Option<Script>,
}

/// What was on the disk when a call came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) call: Call,
    pub(crate) checkpoint: Option<model::cursor::Checkpoint>,
    pub(crate) pending: Vec<store::journal::Pending>,
    /// People that are linked.
    pub(crate) linked: usize,
}

/// Both sides.
#[derive(Clone)]
pub(crate) struct Platform(Arc<Inner>);

struct Inner {
    world: Mutex<World>,
    store: Store,
    sync: SyncId,
    page: usize,
    hung: tokio::sync::Notify,
}

impl Platform {
    /// Pages of this size; what is on the disk is looked up in the store.
    pub(crate) fn new(store: Store, sync: SyncId, page: usize) -> Self {
        Self(Arc::new(Inner {
            world: Mutex::default(),
            store,
            sync,
            page,
            hung: tokio::sync::Notify::new(),
        }))
    }

    /// Ends when a call hangs.
    pub(crate) async fn hung(&self) {
        self.0.hung.notified().await;
    }

    pub(crate) fn world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.0.world.lock().unwrap())
    }

    /// What becomes of calls from now on; the number counts all calls from 1.
    pub(crate) fn script(
        &self,
        script: impl Fn(u64, &Call) -> Fate + Send + std::marker::Sync + 'static,
    ) {
        self.world(|world| world.script = Some(Box::new(script)));
    }

    pub(crate) fn calls(&self) -> u64 {
        self.world(|world| world.calls)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.world(|world| world.seen.clone())
    }

    pub(crate) fn change_members(&self, change: impl Fn(&mut Member)) {
        self.world(|world| world.members.values_mut().for_each(change));
    }

    pub(crate) fn set_people(&self, people: &[(&str, &str)]) {
        self.world(|world| {
            world.people = people
                .iter()
                .map(|(key, fields)| ((*key).to_owned(), (*fields).to_owned()))
                .collect();
        });
    }

    pub(crate) fn members(&self) -> Vec<Object> {
        self.world(|world| {
            world
                .members
                .values()
                .map(|member| member.fields.clone())
                .collect()
        })
    }

    /// Counts a call, keeps what was on the disk, and says what becomes of it.
    async fn come(&self, call: Call) -> Fate {
        let sync = self.0.sync;
        let (checkpoint, pending, linked) = self
            .0
            .store
            .read(move |db| {
                Ok((
                    store::checkpoints::get(db, sync)?.map(|stored| stored.checkpoint),
                    store::journal::pending_of_sync(db, sync)?,
                    store::links::count(db, sync)?,
                ))
            })
            .await
            .unwrap();
        let fate = self.world(|world| {
            world.calls += 1;
            let fate = match &world.script {
                Some(script) => script(world.calls, &call),
                None => Fate::Answer,
            };
            world.seen.push(Seen {
                call,
                checkpoint,
                pending,
                linked: usize::try_from(linked).unwrap(),
            });
            fate
        });
        if fate == Fate::HangBefore {
            self.hang().await;
        }
        fate
    }

    async fn leave(&self, fate: Fate) {
        if fate == Fate::HangAfter {
            self.hang().await;
        }
    }

    async fn hang(&self) {
        self.0.hung.notify_one();
        std::future::pending::<()>().await;
    }
}

#[async_trait]
impl Source for Platform {
    async fn discover(&self, _: &Access) -> Result<Vec<StreamSummary>> {
        Ok(Vec::new())
    }

    async fn describe(&self, stream: &str, _: &Access) -> Result<StreamDescription> {
        Ok(describe(stream))
    }

    async fn read(&self, request: ReadRequest, _: Access) -> Result<Box<dyn PageReader>> {
        let position = request.position.and_then(|position| position.as_u64());
        Ok(Box::new(Reader {
            platform: self.clone(),
            next: usize::try_from(position.unwrap_or(0)).unwrap(),
        }))
    }

    async fn check(&self, _: &Access) -> Vec<CheckStep> {
        Vec::new()
    }
}

struct Reader {
    platform: Platform,
    next: usize,
}

#[async_trait]
impl PageReader for Reader {
    async fn next(&mut self) -> Result<Option<Page>> {
        let fate = self.platform.come(Call::Page).await;
        let size = self.platform.0.page;
        let records: Vec<Record> = self.platform.world(|world| {
            let people = world.people.iter().skip(self.next * size).take(size);
            people.map(|(key, fields)| record(key, fields)).collect()
        });
        self.platform.leave(fate).await;
        if records.is_empty() {
            return Ok(None);
        }
        self.next += 1;
        Ok(Some(Page {
            records,
            position: serde_json::json!(self.next),
            cursor: Some(serde_json::json!(self.next)),
            exchange: None,
        }))
    }
}

#[async_trait]
impl Destination for Platform {
    async fn describe(&self, stream: &str, _: &Access) -> Result<StreamDescription> {
        Ok(describe(stream))
    }

    async fn find(&self, find: Find, _: &Access) -> Result<Vec<Vec<Record>>> {
        let fate = self.come(Call::Find).await;
        let found = self.world(|world| {
            find.values
                .iter()
                .map(|values| {
                    let members = world.members.iter();
                    members
                        .filter(|(_, member)| is_found(member, &find.by, values))
                        .map(|(key, member)| member_record(key, member))
                        .collect()
                })
                .collect()
        });
        self.leave(fate).await;
        Ok(found)
    }

    async fn get(&self, _: &str, keys: &[RecordKey], _: &Access) -> Result<Vec<Option<Record>>> {
        let fate = self.come(Call::Get).await;
        let found = self.world(|world| {
            keys.iter()
                .map(|key| {
                    let member = world.members.get(key.as_str())?;
                    Some(member_record(key.as_str(), member))
                })
                .collect()
        });
        self.leave(fate).await;
        Ok(found)
    }

    async fn write(&self, _: &str, changes: &[Change], _: &Access) -> Result<Written> {
        let fate = self.come(Call::Write(changes.to_vec())).await;
        let lost = || Outcome::Unknown {
            reason: "the answer was lost".into(),
        };
        let outcomes: Vec<Outcome> = if fate == Fate::Vanish {
            changes.iter().map(|_| lost()).collect()
        } else {
            self.world(|world| {
                changes
                    .iter()
                    .map(|change| carry_out(world, change))
                    .collect()
            })
        };
        self.leave(fate).await;
        Ok(Written {
            outcomes: match fate {
                Fate::Lose => changes.iter().map(|_| lost()).collect(),
                _ => outcomes,
            },
            exchanges: vec![None; changes.len()],
        })
    }
}

/// Addresses are searched to the letter, everything else as loosely as platforms do.
fn is_found(member: &Member, by: &[FieldPath], values: &[Value]) -> bool {
    by.iter().zip(values).all(|(path, value)| {
        let name = path.to_string();
        let (has, wanted) = (text(&member.fields, &name), value.as_text().unwrap());
        match name.as_str() {
            "email" => has == wanted,
            _ => has.trim().eq_ignore_ascii_case(wanted.trim()),
        }
    })
}

/// Members called "nobody" are refused; a member of another version has moved.
fn carry_out(world: &mut World, change: &Change) -> Outcome {
    if text(&change.fields, "name") == "nobody" && !world.takes_nobody {
        return Outcome::Rejected(Rejection {
            code: "422".into(),
            message: "is nobody".into(),
            field: Some("name".parse().unwrap()),
        });
    }
    let key = match change.operation {
        Operation::Create => {
            let address = text(&change.fields, "email");
            *world.creates.entry(address).or_default() += 1;
            let key = format!("m{:05}", world.members.len());
            let member = Member {
                fields: change.fields.clone(),
                version: 1,
            };
            world.members.insert(key.clone(), member);
            key
        }
        Operation::Update => {
            let key = change.target_key.clone().unwrap().0;
            let member = world.members.get_mut(&key).unwrap();
            if change
                .version
                .as_ref()
                .is_some_and(|version| *version != member.version.to_string())
            {
                return Outcome::Moved;
            }
            for (name, value) in change.fields.iter() {
                member.fields.insert(name, value.clone());
            }
            member.version += 1;
            key
        }
        Operation::Delete => panic!("nothing is deleted yet"),
    };
    let member = &world.members[&key];
    let record = member_record(&key, member);
    Outcome::Written {
        key: RecordKey(key),
        record: Some(record.fields),
        version: record.version,
    }
}

fn member_record(key: &str, member: &Member) -> Record {
    Record {
        key: Some(RecordKey(key.into())),
        fields: Value::Object(member.fields.clone()),
        version: Some(member.version.to_string()),
    }
}

fn record(key: &str, fields: &str) -> Record {
    Record {
        key: Some(RecordKey(key.into())),
        fields: Value::Object(object(fields)),
        version: None,
    }
}

pub(crate) fn object(text: &str) -> Object {
    match model::json::parse(text.as_bytes()).unwrap() {
        Value::Object(object) => object,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn text(fields: &Object, name: &str) -> String {
    let value = fields.get(name).and_then(Value::as_text);
    value.unwrap_or_default().to_owned()
}

pub(crate) fn describe(stream: &str) -> StreamDescription {
    let field = |name: &str| Field {
        name: name.into(),
        field_type: FieldType::Text,
        required: name == "email",
        nullable: name != "email",
        ..Field::default()
    };
    StreamDescription {
        name: stream.into(),
        label: stream.into(),
        schema: Schema {
            fields: vec![field("email"), field("name"), field("boss")],
        },
        key: Vec::new(),
        cursor_field: None,
        capabilities: Capabilities {
            read: true,
            incremental: false,
            create: true,
            update: true,
            delete: false,
            upsert: None,
            batch_size: 100,
            match_by: ["email", "name", "boss"]
                .map(|name| name.parse().unwrap())
                .into(),
            idempotent_create: false,
            ..Capabilities::default()
        },
    }
}
