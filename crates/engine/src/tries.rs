//! Trying a stream: one page at a time, with every request that it took. Nothing is stored.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use connectors::auth::{CredentialKind, Credentials, SignIn, SignInOptions};
use connectors::declarative::auth_spec::AuthKind;
use connectors::declarative::manifest::Manifest;
use connectors::declarative::pages::{Pages, Step};
use connectors::declarative::platform::Platform;
use connectors::http::Unread;
use connectors::{Access, Exchange, ExchangeLog};
use model::ids::{ConnectionId, TryId};
use model::secret::Secret;
use model::value::Value;
use tokio_util::sync::CancellationToken;

use crate::connector_files::parse;
use crate::error::{Error, Result};
use crate::limits::{EXCHANGE_BODY, OPEN_TRIES, TRIED_RECORDS};
use crate::{Engine, platforms, settings};

/// What is to be tried.
pub struct TryRequest {
    /// With which account.
    pub account: TryAccount,
    /// Which stream.
    pub stream: String,
    /// How far it counts as read, in the low-code format's own words.
    pub state: Option<serde_json::Value>,
    /// The connector file as it is being edited, instead of the one in use.
    pub draft: Option<String>,
}

/// With which account a stream is tried.
pub enum TryAccount {
    /// That of a connection.
    Connection(ConnectionId),
    /// One that is filled in and not stored.
    Form {
        /// Which connector.
        connector: String,
        /// Which of its ways to sign in.
        auth: String,
        /// The connector's settings, secret ones too.
        config: serde_json::Value,
        /// What the person typed in to sign in, by field name.
        fields: BTreeMap<String, Secret>,
    },
}

/// A page, and what it took to get it.
#[derive(Debug)]
pub struct TryPage {
    /// Counted from 1.
    pub number: u32,
    /// Every request since the page before, parents' requests and repetitions too.
    pub exchanges: Vec<Exchange>,
    /// The records, the first of them, as JSON: numbers keep their digits.
    pub records: Vec<String>,
    /// How many records the page has.
    pub n_records: usize,
    /// The part of the stream that the page belongs to: its partition and its window.
    pub slice: serde_json::Value,
    /// How far the stream counts as read once this page is settled; none where the stream has no cursor.
    pub state: Option<serde_json::Value>,
    /// Everything has been read.
    pub is_over: bool,
    /// Why there is no page.
    pub error: Option<Error>,
}

/// What is being tried at the moment.
#[derive(Default)]
pub(crate) struct Tries(Mutex<HashMap<TryId, Entry>>);

struct Entry {
    cancel: CancellationToken,
    reading: Arc<tokio::sync::Mutex<Reading>>,
    /// Credentials under this id are for this try alone.
    lent: Option<ConnectionId>,
}

struct Reading {
    pages: Pages,
    log: Arc<Log>,
    number: u32,
    is_over: bool,
}

#[derive(Default)]
struct Log(Mutex<Vec<Exchange>>);

impl Log {
    fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ExchangeLog for Log {
    fn record(&self, exchange: Unread) {
        let exchange = exchange.read(EXCHANGE_BODY);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(exchange);
    }
}

impl Engine {
    /// Begins to try a stream. Nothing is asked before the first page is, but for a stream that is made from what
    /// the platform says.
    pub async fn start_try(&self, request: TryRequest) -> Result<TryId> {
        let (platform, lent) = self.platform_to_try(&request).await?;
        let begun = self.begin_try(&platform, request, lent).await;
        if let (Err(_), Some(lent)) = (&begun, lent) {
            self.take_back(lent).await;
        }
        begun
    }

    async fn begin_try(
        &self,
        platform: &Platform,
        request: TryRequest,
        lent: Option<ConnectionId>,
    ) -> Result<TryId> {
        let cancel = self.0.cancel.child_token();
        let log = Arc::new(Log::default());
        let context = platform.context(Access {
            cancel: cancel.clone(),
            exchanges: Some(log.clone()),
            waiting: None,
            jobs: None,
        });
        let stream = context.stream(&request.stream).await?;
        let state = request
            .state
            .as_ref()
            .map_or(Value::Null, Value::from_serde);
        let reading = Reading {
            pages: Pages::begin(context, stream, &state)?,
            log,
            number: 0,
            is_over: false,
        };
        let id = TryId::new();
        let entry = Entry {
            cancel,
            reading: Arc::new(tokio::sync::Mutex::new(reading)),
            lent,
        };
        let surplus: Vec<TryId> = {
            let mut tries = self.tries();
            tries.insert(id, entry);
            // Windows that were closed without saying so: the oldest go.
            let mut ids: Vec<TryId> = tries.keys().copied().collect();
            ids.sort();
            ids.into_iter().rev().skip(OPEN_TRIES).collect()
        };
        for old in surplus {
            self.stop_try(old).await;
        }
        Ok(id)
    }

    /// The platform to try with, and the id under which its credentials lie for the while.
    async fn platform_to_try(
        &self,
        request: &TryRequest,
    ) -> Result<(Arc<Platform>, Option<ConnectionId>)> {
        let platforms = self.platforms();
        platforms.refresh().await?;
        let read = |name: &str| -> Result<Option<Arc<Manifest>>> {
            Ok(match &request.draft {
                Some(text) => Some(Arc::new(parse(name, text)?)),
                None => None,
            })
        };
        match &request.account {
            TryAccount::Connection(connection) => {
                let connection = *connection;
                let stored = self
                    .store()
                    .read(move |db| store::connections::get(db, connection))
                    .await?;
                let platform = match read(&stored.connector)? {
                    Some(draft) => platforms.by_draft(&stored, draft).await?,
                    None => platforms.get(connection).await?,
                };
                Ok((platform, None))
            }
            TryAccount::Form {
                connector,
                auth,
                config,
                fields,
            } => {
                let id = ConnectionId::new();
                let manifest = match read(connector)? {
                    Some(draft) => draft,
                    None => platforms.manifest(id, connector)?,
                };
                let config = settings::join(config, &settings::Secrets::new());
                let method = platforms::method(&manifest, auth, &config)?;
                let name = manifest.platform.name.clone();
                if method.needs_a_browser() {
                    return Err(Error::Refused(
                        "signing in needs the browser; connect it first, then try with that connection"
                            .into(),
                    ));
                }
                let kind = if method.gets_a_token() {
                    let options = SignInOptions {
                        platform: name.clone(),
                        method: method.clone(),
                        fields: fields.clone(),
                        extra: Vec::new(),
                        clock: self.clock().clone(),
                        limit: SignInOptions::LIMIT,
                    };
                    let cancel = self.0.cancel.child_token();
                    let sign_in = SignIn::start(options, |_| Ok(()), |_| {}, cancel).await?;
                    Some(sign_in.finish().await?.into_kind())
                } else if matches!(method.kind, AuthKind::None) && method.fields().is_empty() {
                    None
                } else {
                    Some(CredentialKind::from_fields(&method, fields)?)
                };
                let lent = match kind {
                    Some(kind) => {
                        Credentials::replace(self.keeper(), id, kind).await?;
                        Some(id)
                    }
                    None => None,
                };
                let kept = Arc::new(settings::Latest::default());
                let platform = platforms.trial(id, manifest, &name, auth, &config, kept);
                if let (Err(_), Some(lent)) = (&platform, lent) {
                    self.take_back(lent).await;
                }
                Ok((platform?, lent))
            }
        }
    }

    /// Reads the next page of a stream that is being tried.
    pub async fn next_try_page(&self, id: TryId) -> Result<TryPage> {
        let reading = self
            .tries()
            .get(&id)
            .map(|entry| entry.reading.clone())
            .ok_or_else(|| Error::Refused("this try is over; start it again".into()))?;
        let mut reading = reading.lock().await;
        let page = reading.next().await;
        if page.error.is_some() || page.is_over {
            self.stop_try(id).await;
        }
        Ok(page)
    }

    /// Ends a try; a request under way is called off.
    pub async fn stop_try(&self, id: TryId) {
        let entry = self.tries().remove(&id);
        if let Some(entry) = entry {
            entry.cancel.cancel();
            if let Some(lent) = entry.lent {
                self.take_back(lent).await;
            }
        }
    }

    async fn take_back(&self, lent: ConnectionId) {
        if let Err(error) = Credentials::remove(self.keeper(), lent).await {
            tracing::warn!(%error, "The credentials of a try could not be removed.");
        }
    }

    fn tries(&self) -> std::sync::MutexGuard<'_, HashMap<TryId, Entry>> {
        crate::lock_map(&self.0.tries.0)
    }
}

impl Reading {
    async fn next(&mut self) -> TryPage {
        self.number += 1;
        let mut page = TryPage {
            number: self.number,
            exchanges: Vec::new(),
            records: Vec::new(),
            n_records: 0,
            slice: serde_json::Value::Null,
            state: None,
            is_over: self.is_over,
            error: None,
        };
        while !page.is_over {
            match self.pages.next().await {
                Ok(Some(Step::Rows { slice, rows, .. })) => {
                    self.pages.end_slice();
                    page.n_records = rows.len();
                    page.records = rows
                        .into_iter()
                        .take(TRIED_RECORDS)
                        .map(|row| model::json::to_string(&row.into_value()))
                        .collect();
                    page.slice = Value::Object(slice.members()).to_serde();
                    break;
                }
                Ok(Some(Step::End { .. })) => {}
                Ok(None) => {
                    self.is_over = true;
                    page.is_over = true;
                }
                Err(error) => {
                    page.error = Some(error.into());
                    break;
                }
            }
        }
        let progress = self.pages.progress();
        page.state = progress.has_cursor().then(|| progress.state().to_serde());
        page.exchanges = self.log.take();
        page
    }
}
