//! Both platforms behind the two traits, with everything that can go wrong on the way to them. Each request is looked
//! at before it is answered: what the store holds at that moment is what a promise is about.

mod reads;
mod writes;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use connectors::{Capabilities, Error, Result, StreamDescription};
use model::clock::Clock;
use model::field::{Field, FieldType, Schema};
use model::ids::SyncId;
use model::value::{Object, Value};
use store::inline::Inline;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::BEGIN;
use super::history::{End, Event, Fault, Setting};
use super::watch::Watch;
use super::world::World;

/// Both sides. Clones are the same.
#[derive(Clone)]
pub(super) struct Platform(Arc<Inner>);

pub(super) struct Inner {
    pub(super) setting: Setting,
    pub(super) store: Arc<Inline>,
    pub(super) sync: SyncId,
    pub(super) clock: Clock,
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
    /// Something went wrong in this or an earlier run: what a platform made of a write may not have been learned.
    pub(super) was_in_trouble: bool,
}

/// How a request goes on.
struct Request {
    fault: Option<Fault>,
    ends_after: bool,
}

impl Platform {
    pub(super) fn new(setting: Setting, store: Arc<Inline>, sync: SyncId, clock: Clock) -> Self {
        let mut world = World::default();
        world.is_wide = setting.is_wide;
        Self(Arc::new(Inner {
            setting,
            store,
            sync,
            clock,
            state: Mutex::new(State {
                world,
                watch: Watch::default(),
                requests: 0,
                all_requests: 0,
                events: Vec::new(),
                end: None,
                ended: Arc::default(),
                cancel: CancellationToken::new(),
                was_in_trouble: false,
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

    /// A record as it is told.
    fn told(&self, fields: &Object, stamp: u64) -> Value {
        let mut fields = fields.clone();
        if self.0.setting.tells_time() {
            fields.insert(CHANGED, Value::text(moment(stamp)));
        }
        Value::Object(fields)
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

/// The field that says when a record was changed.
const CHANGED: &str = "changed";

fn moment(stamp: u64) -> String {
    let millis = i64::try_from(stamp)
        .unwrap_or(i64::MAX)
        .saturating_mul(1_000);
    jiff::Timestamp::from_millisecond(BEGIN.saturating_add(millis))
        .unwrap_or(jiff::Timestamp::MAX)
        .to_string()
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
    if setting.tells_time() {
        fields.push(field(CHANGED, FieldType::Text, false));
    }
    StreamDescription {
        name: stream.into(),
        label: stream.into(),
        schema: Schema { fields },
        key: Vec::new(),
        cursor_field: setting.tells_time().then(|| CHANGED.parse().unwrap()),
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
