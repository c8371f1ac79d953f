//! A platform with people on the one side and members on the other, and a bench that runs a sync between them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use connectors::{
    Access, Capabilities, CheckStep, Destination, Find, Page, PageReader, ReadRequest, Result,
    Source, StreamDescription, StreamSummary, Written,
};
use engine::Job;
use engine::alone::Alone;
use engine::run::Input;
use model::clock::Clock;
use model::field::{Field, FieldType, Schema};
use model::ids::{ConnectionId, SyncId};
use model::mapping::{Mapping, OnFailure, Origin, Rule};
use model::record::{Change, Operation, Outcome, Record, RecordKey, Rejection};
use model::sync::{Guards, StreamRef, Sync, WriteMode};
use model::value::{Object, Value};
use store::Store;
use tokio_util::sync::CancellationToken;

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
struct World {
    people: Vec<(String, String)>,
    members: BTreeMap<String, Member>,
    calls: u64,
    /// Creates that were carried out, by address.
    creates: BTreeMap<String, u32>,
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

/// A sync between both sides of one platform.
pub(crate) struct Bench {
    pub(crate) platform: Platform,
    pub(crate) store: Store,
    pub(crate) sync: SyncId,
    pub(crate) job: Job,
}

impl Bench {
    /// Pages of this size, and guards that hold nothing.
    pub(crate) async fn new(page: usize) -> Self {
        let unguarded = Guards {
            max_update_percent: 100,
            empty_source_above: u32::MAX,
            from_records: u32::MAX,
        };
        Self::guarded(page, unguarded).await
    }

    pub(crate) async fn guarded(page: usize, guards: Guards) -> Self {
        let store = Store::in_memory(Clock::manual(1_790_000_000_000)).unwrap();
        let sync = SyncId::new();
        let side = |stream: &str| StreamRef {
            connection: ConnectionId::new(),
            stream: stream.into(),
        };
        let document = Sync {
            version: model::sync::VERSION,
            name: "People to members".into(),
            source: side("people"),
            target: side("members"),
            mode: WriteMode::Upsert,
            match_on: vec!["email".parse().unwrap()],
            mapping: Mapping {
                version: model::mapping::VERSION,
                rules: vec![rule("email"), rule("name")],
            },
            guards,
            every_minutes: None,
        };
        let stored = document.clone();
        store
            .write(move |tx| store::syncs::insert(tx, sync, &stored, 1))
            .await
            .unwrap();
        let platform = Platform(Arc::new(Inner {
            world: Mutex::default(),
            store: store.clone(),
            sync,
            page,
            hung: tokio::sync::Notify::new(),
        }));
        let job = Job::new(
            sync,
            1,
            document,
            Arc::new(platform.clone()),
            Arc::new(platform.clone()),
            describe("people"),
            describe("members"),
        )
        .unwrap();
        Self {
            platform,
            store,
            sync,
            job,
        }
    }

    /// So many people, each with an address of their own.
    pub(crate) fn people(&self, n: usize) {
        self.platform.world(|world| {
            world.people = (0..n)
                .map(|n| (format!("p{n:05}"), person(n, "first")))
                .collect();
        });
    }

    /// Everybody gets another name.
    pub(crate) fn rename(&self, name: &str) {
        self.platform.world(|world| {
            for (n, (_, fields)) in world.people.iter_mut().enumerate() {
                *fields = person(n, name);
            }
        });
    }

    pub(crate) async fn run(&self) -> store::runs::Run {
        self.alone()
            .run(&self.job, Input::Stream { full: false })
            .await
            .unwrap()
    }

    pub(crate) async fn run_in_full(&self) -> store::runs::Run {
        self.alone()
            .run(&self.job, Input::Stream { full: true })
            .await
            .unwrap()
    }

    /// Runs until a call hangs, and lets the run go there, as the end of the process would. False when none hung.
    pub(crate) async fn run_until_it_hangs(&self) -> bool {
        let alone = self.alone();
        let hung = tokio::select! {
            biased;
            () = self.platform.0.hung.notified() => true,
            ended = alone.run(&self.job, Input::Stream { full: true }) => {
                ended.unwrap();
                false
            }
        };
        // What the next start does with the run of a process that is gone.
        for run in self.store.read(store::runs::active).await.unwrap() {
            let state = model::run::RunState::Interrupted;
            self.store
                .write(move |tx| store::runs::set_state(tx, run.id, state, None, 2))
                .await
                .unwrap();
        }
        hung
    }

    fn alone(&self) -> Alone {
        Alone {
            store: self.store.clone(),
            clock: Clock::manual(1_790_000_000_000),
            cancel: CancellationToken::new(),
            is_recorded: false,
        }
    }

    /// Every run, oldest first.
    pub(crate) async fn runs(&self) -> Vec<store::runs::Run> {
        let filter = store::runs::RunFilter {
            sync: Some(self.sync),
            before: None,
            limit: 1000,
        };
        let mut runs = self
            .store
            .read(move |db| store::runs::list(db, &filter))
            .await
            .unwrap();
        runs.reverse();
        runs
    }

    /// The lines of a run in the history.
    pub(crate) async fn lines(&self, run: model::ids::RunId) -> Vec<store::run_records::RunRecord> {
        let filter = store::run_records::RecordFilter {
            run: Some(run),
            sync: None,
            outcomes: Vec::new(),
            text: None,
        };
        self.store
            .read_history(move |db| store::run_records::page(db, &filter, None, 10_000))
            .await
            .unwrap()
            .records
    }

    /// How often the checkpoint was advanced.
    pub(crate) async fn sequence(&self) -> u64 {
        let sync = self.sync;
        self.store
            .read(move |db| store::checkpoints::get(db, sync))
            .await
            .unwrap()
            .map_or(0, |stored| stored.sequence)
    }

    /// Changes that nobody has settled.
    pub(crate) async fn pending(&self) -> Vec<store::journal::Pending> {
        let sync = self.sync;
        self.store
            .read(move |db| store::journal::pending_of_sync(db, sync))
            .await
            .unwrap()
    }

    /// Every person is a member once, as he is now, and nothing is left open.
    pub(crate) async fn assert_all_is_there_once(&self) {
        let (people, members, creates) = self.platform.world(|world| {
            (
                world.people.clone(),
                world.members.clone(),
                world.creates.clone(),
            )
        });
        let by_address: BTreeMap<String, Object> = members
            .values()
            .map(|member| (text(&member.fields, "email"), member.fields.clone()))
            .collect();
        assert_eq!(
            by_address.len(),
            members.len(),
            "somebody is a member twice"
        );
        assert_eq!(by_address.len(), people.len());
        for (key, fields) in &people {
            let fields = object(fields);
            let member = by_address
                .get(&text(&fields, "email"))
                .unwrap_or_else(|| panic!("{key} is no member"));
            assert_eq!(text(member, "name"), text(&fields, "name"), "{key}");
        }
        assert!(creates.values().all(|n| *n == 1), "{creates:?}");
        assert_eq!(self.pending().await, Vec::new());
        for run in self.runs().await {
            assert!(run.counts.balances(), "{}", run.counts.equation());
            assert_eq!(run.counts.held, 0, "{}", run.counts.equation());
        }
    }
}

impl Platform {
    fn world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
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
                    let wanted = values[0].as_text().unwrap();
                    let members = world.members.iter();
                    members
                        .filter(|(_, member)| text(&member.fields, "email") == wanted)
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

/// Members called "nobody" are refused; a member of another version has moved.
fn carry_out(world: &mut World, change: &Change) -> Outcome {
    if text(&change.fields, "name") == "nobody" {
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

fn person(n: usize, name: &str) -> String {
    format!(r#"{{"email":"p{n}@x.io","name":"{name} {n}"}}"#)
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

fn rule(name: &str) -> Rule {
    Rule {
        target: name.parse().unwrap(),
        origin: Origin::Fields {
            paths: vec![name.parse().unwrap()],
        },
        steps: Vec::new(),
        on_failure: OnFailure::Hold,
        comment: None,
    }
}

fn describe(stream: &str) -> StreamDescription {
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
            fields: vec![field("email"), field("name")],
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
            match_by: vec!["email".parse().unwrap()],
            idempotent_create: false,
        },
    }
}
