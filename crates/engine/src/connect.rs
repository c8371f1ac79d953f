//! Connecting a platform: sign in, try it, see who it is, and only then store it.
//!
//! A sign-in lands under an id of its own first. An existing connection is only touched when the same
//! account has signed in and the test went well.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use connectors::auth::{
    CredentialKind, Credentials, SignIn, SignInHandle, SignInOptions, SignInStep,
};
use connectors::declarative::auth_spec::AuthKind;
use connectors::{Access, Source};
use model::clock::Millis;
use model::ids::{ConnectionId, FlowId};
use model::run::RunState;
use model::secret::Secret;
use store::connections::{Account, Connection, ConnectionState};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::advanced_auth::{self, AdvancedAuth};
use crate::error::{Error, Result};
use crate::events::Event;
use crate::{Engine, platforms, settings};

/// Opens an address in the person's browser, or says why it cannot.
pub type OpenUrl = Arc<dyn Fn(&Url) -> std::result::Result<(), String> + Send + Sync>;

/// What is needed to connect.
pub struct ConnectRequest {
    /// Which connector.
    pub connector: String,
    /// Which of its ways to sign in.
    pub auth: String,
    /// What the person calls it; empty: after the connector.
    pub name: String,
    /// The connector's settings, secret ones too. A reference to a secret means the one that is stored.
    pub config: serde_json::Value,
    /// What the person typed in to sign in, by field name.
    pub fields: BTreeMap<String, Secret>,
    /// Sign in again for this connection.
    pub reconnect: Option<ConnectionId>,
}

impl std::fmt::Debug for ConnectRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The settings may hold secrets.
        f.debug_struct("ConnectRequest")
            .field("connector", &self.connector)
            .field("auth", &self.auth)
            .field("reconnect", &self.reconnect)
            .finish_non_exhaustive()
    }
}

/// Where connecting stands.
#[derive(Clone, Debug)]
pub struct Flow {
    /// Its id.
    pub id: FlowId,
    /// Which connector.
    pub connector: String,
    /// The steps so far.
    pub steps: Vec<FlowStep>,
    /// Where the person signs in.
    pub url: Option<Url>,
    /// What the person types in there, where it is not the browser of this computer that signs in.
    pub code: Option<String>,
    /// Until when it waits for the person.
    pub until: Option<Millis>,
    /// How it ended.
    pub result: Option<FlowResult>,
}

/// One step of connecting.
#[derive(Clone, Debug)]
pub struct FlowStep {
    /// What.
    pub label: String,
    /// None while it is under way; what was seen, or what is wrong.
    pub result: Option<std::result::Result<Option<String>, String>>,
    /// How long it took.
    pub took_ms: Option<u64>,
    began: Instant,
}

/// How connecting ended.
#[derive(Clone, Debug)]
pub enum FlowResult {
    /// Stored.
    Connected {
        /// As.
        connection: ConnectionId,
        /// Who is signed in.
        account: Option<String>,
    },
    /// Not stored.
    Failed(String),
    /// Another account signed in; nothing was changed.
    WrongAccount {
        /// Who is connected.
        expected: String,
        /// Who signed in.
        found: String,
    },
    /// The person stopped it.
    Cancelled,
}

/// Sign-ins that are under way or have ended lately.
#[derive(Default)]
pub(crate) struct Flows(Mutex<HashMap<FlowId, Entry>>);

struct Entry {
    flow: Flow,
    cancel: CancellationToken,
    handle: Option<SignInHandle>,
    open: OpenUrl,
}

/// Ended sign-ins that are remembered.
const REMEMBERED: usize = 20;

impl Engine {
    /// Begins to connect. The flow goes on by itself; [`Event::FlowProgressed`] tells.
    pub fn start_connect(&self, request: ConnectRequest, open: OpenUrl) -> Result<Flow> {
        let id = FlowId::new();
        let connection = request.reconnect.unwrap_or_else(ConnectionId::new);
        // Fails here rather than in the background: unknown connector, unknown way, broken settings.
        let manifest = self.platforms().manifest(connection, &request.connector)?;
        platforms::method(&manifest, &request.auth, &request.config)?;
        let cancel = self.0.cancel.child_token();
        let flow = Flow {
            id,
            connector: request.connector.clone(),
            steps: Vec::new(),
            url: None,
            code: None,
            until: None,
            result: None,
        };
        {
            let mut flows = self.flows();
            let mut ended: Vec<FlowId> = flows
                .iter()
                .filter(|(_, entry)| entry.flow.result.is_some())
                .map(|(id, _)| *id)
                .collect();
            ended.sort();
            for id in ended.iter().rev().skip(REMEMBERED) {
                flows.remove(id);
            }
            flows.insert(
                id,
                Entry {
                    flow: flow.clone(),
                    cancel: cancel.clone(),
                    handle: None,
                    open: open.clone(),
                },
            );
        }
        let engine = self.clone();
        self.0.tracker.spawn(async move {
            let result = match engine.connect(id, request, open, &cancel).await {
                Ok(result) => result,
                Err(error) if error.is_cancelled() => FlowResult::Cancelled,
                Err(error) => FlowResult::Failed(error.to_string()),
            };
            engine.change_flow(id, |flow| {
                let words = match &result {
                    FlowResult::Failed(words) => Some(words.clone()),
                    _ => None,
                };
                finish_step(flow, words.map_or(Ok(None), Err));
                flow.result = Some(result);
            });
        });
        Ok(flow)
    }

    async fn connect(
        &self,
        id: FlowId,
        mut request: ConnectRequest,
        open: OpenUrl,
        cancel: &CancellationToken,
    ) -> Result<FlowResult> {
        let before = match request.reconnect {
            Some(connection) => Some(
                self.store()
                    .read(move |db| store::connections::get(db, connection))
                    .await?,
            ),
            None => None,
        };
        let trial = ConnectionId::new();
        let manifest = self.platforms().manifest(trial, &request.connector)?;
        let kept = match &before {
            Some(before) => settings::load(self.keeper(), before.id).await?,
            None => settings::Secrets::new(),
        };
        request.config = settings::join(&request.config, &kept);
        let advanced = AdvancedAuth::of(&manifest).filter(|_| request.auth == advanced_auth::NAME);
        let method = match &advanced {
            Some(advanced) => advanced.method(&request.config)?,
            None => platforms::method(&manifest, &request.auth, &request.config)?,
        };
        let kind = if method.gets_a_token() {
            let options = SignInOptions {
                platform: manifest.platform.name.clone(),
                method: method.clone(),
                fields: request.fields.clone(),
                extra: Vec::new(),
                clock: self.clock().clone(),
                limit: SignInOptions::LIMIT,
            };
            let engine = self.clone();
            let sign_in = SignIn::start(
                options,
                move |url| open(url),
                move |step| engine.change_flow(id, |flow| note_step(flow, step)),
                cancel.clone(),
            )
            .await?;
            if let Some(entry) = self.flows().get_mut(&id) {
                entry.handle = Some(sign_in.handle());
            }
            let signed_in = sign_in.finish().await?;
            match &advanced {
                Some(advanced) => {
                    advanced.put(&mut request.config, &signed_in.tokens);
                    None
                }
                None => {
                    // Where the account lives, say: requests go there from now on.
                    if let serde_json::Value::Object(config) = &mut request.config {
                        for (name, value) in method.settings_from(&signed_in.tokens) {
                            config.insert(name.to_owned(), value.into());
                        }
                    }
                    Some(signed_in.into_kind())
                }
            }
        } else if matches!(method.kind, AuthKind::None) && method.fields().is_empty() {
            // What there is to sign in with is among the settings.
            None
        } else {
            Some(CredentialKind::from_fields(&method, &request.fields)?)
        };
        if let Some(kind) = kind {
            self.change_flow(id, |flow| begin_step(flow, "Storing the sign-in"));
            Credentials::replace(self.keeper(), trial, kind).await?;
        }
        let tried = self
            .try_and_store(id, trial, request, before.as_ref(), cancel)
            .await;
        let kept =
            matches!(&tried, Ok(FlowResult::Connected { connection, .. }) if *connection == trial);
        if !kept {
            // What was tried and not stored must not lie around. It is not given back to the platform:
            // many end the whole grant with it, and with that a connection that works.
            Credentials::remove(self.keeper(), trial).await?;
            settings::remove(self.keeper(), trial).await?;
        }
        tried
    }

    /// Tries the new sign-in; stores the connection when it works.
    async fn try_and_store(
        &self,
        id: FlowId,
        trial: ConnectionId,
        mut request: ConnectRequest,
        before: Option<&Connection>,
        cancel: &CancellationToken,
    ) -> Result<FlowResult> {
        let manifest = self.platforms().manifest(trial, &request.connector)?;
        let specification = platforms::specification(&manifest);
        let latest = Arc::new(settings::Latest::default());
        let platform = self.platforms().trial(
            trial,
            manifest.clone(),
            &manifest.platform.name,
            &request.auth,
            &request.config,
            latest.clone(),
        )?;
        let access = Access {
            cancel: cancel.clone(),
            ..Access::unattended()
        };
        self.change_flow(id, |flow| begin_step(flow, "Testing the connection"));
        let steps = Source::check(&*platform, &access).await;
        let failed = steps
            .iter()
            .find_map(|step| step.result.as_ref().err().cloned());
        self.change_flow(id, |flow| {
            flow.steps.pop();
            for step in &steps {
                flow.steps.push(FlowStep {
                    label: step.name.clone(),
                    result: Some(step.result.clone().map(Some)),
                    took_ms: u64::try_from(step.took.as_millis()).ok(),
                    began: Instant::now(),
                });
            }
        });
        if let Some(words) = failed {
            return Ok(FlowResult::Failed(words));
        }
        let account = platform.account(&access).await?.map(|account| Account {
            id: account.id,
            label: account.label,
        });
        let now = self.clock().now();
        // The test may have renewed a token that works once.
        if let Some(renewed) = latest.take() {
            request.config = renewed;
        }
        let (config, secrets) = settings::split(&specification, &request.config);
        if let Some(before) = before {
            if let (Some(expected), Some(found)) = (&before.account, &account)
                && expected.id != found.id
            {
                return Ok(FlowResult::WrongAccount {
                    expected: expected.label.clone(),
                    found: found.label.clone(),
                });
            }
            if let Some(credentials) = Credentials::load(self.keeper(), trial).await? {
                Credentials::replace(self.keeper(), before.id, credentials.kind).await?;
            }
            settings::store(self.keeper(), before.id, &secrets).await?;
            let connection = Connection {
                auth: request.auth,
                config,
                account: account.clone(),
                state: ConnectionState::Connected,
                updated_at: now,
                ..before.clone()
            };
            self.store()
                .write(move |tx| store::connections::update(tx, &connection))
                .await?;
            self.platforms().forget(before.id);
            self.announce(Event::ConnectionChanged {
                connection: before.id,
            });
            self.resume_waiting(before.id).await;
            return Ok(FlowResult::Connected {
                connection: before.id,
                account: account.map(|account| account.label),
            });
        }
        let name = match request.name.trim() {
            "" => self.free_name(&manifest.platform.name).await?,
            name => name.to_owned(),
        };
        let connection = Connection {
            id: trial,
            name,
            connector: request.connector,
            auth: request.auth,
            config,
            account: account.clone(),
            state: ConnectionState::Connected,
            created_at: now,
            updated_at: now,
        };
        settings::store(self.keeper(), trial, &secrets).await?;
        self.store()
            .write(move |tx| store::connections::insert(tx, &connection))
            .await?;
        self.announce(Event::ConnectionChanged { connection: trial });
        Ok(FlowResult::Connected {
            connection: trial,
            account: account.map(|account| account.label),
        })
    }

    /// Runs that waited for this sign-in go on where they stopped.
    async fn resume_waiting(&self, connection: ConnectionId) {
        let waiting = self
            .store()
            .read(move |db| {
                let mut waiting = Vec::new();
                for used in store::connections::used_by(db, connection)? {
                    let active = store::runs::active_of_sync(db, used.sync)?;
                    // One with a plan waits for an approval, not for a sign-in.
                    waiting.extend(
                        active
                            .filter(|run| run.state == RunState::Waiting && run.plan.is_none())
                            .map(|run| run.id),
                    );
                }
                Ok(waiting)
            })
            .await
            .unwrap_or_default();
        for run in waiting {
            if let Err(error) = self.approve(run).await {
                tracing::warn!(%run, %error, "A run that waited for a sign-in could not go on.");
            }
        }
    }

    /// "Harbor CRM", or "Harbor CRM 2" where that is taken.
    async fn free_name(&self, wanted: &str) -> Result<String> {
        let taken: Vec<String> = self
            .store()
            .read(|db| {
                Ok(store::connections::list(db)?
                    .into_iter()
                    .map(|connection| connection.name)
                    .collect())
            })
            .await?;
        let mut name = wanted.to_owned();
        let mut n = 2;
        while taken.contains(&name) {
            name = format!("{wanted} {n}");
            n += 1;
        }
        Ok(name)
    }

    /// Where a flow stands.
    pub fn flow(&self, id: FlowId) -> Option<Flow> {
        self.flows().get(&id).map(|entry| entry.flow.clone())
    }

    /// Opens the sign-in page again.
    pub fn open_flow_again(&self, id: FlowId) -> Result<()> {
        let (url, open) = {
            let flows = self.flows();
            let entry = flows.get(&id).ok_or_else(gone)?;
            (entry.flow.url.clone().ok_or_else(gone)?, entry.open.clone())
        };
        open(&url).map_err(|reason| {
            Error::Refused(format!(
                "the browser could not be opened: {reason}; copy the address instead"
            ))
        })
    }

    /// Takes the address that the person's browser ended at.
    pub fn paste_redirect(&self, id: FlowId, url: &str) -> Result<()> {
        let handle = self
            .flows()
            .get(&id)
            .and_then(|entry| entry.handle.clone())
            .ok_or_else(gone)?;
        Ok(handle.complete_with_url(url)?)
    }

    /// Stops a flow; nothing is stored.
    pub fn cancel_flow(&self, id: FlowId) {
        if let Some(entry) = self.flows().get(&id) {
            entry.cancel.cancel();
        }
    }

    /// Waits until a flow has come to its end.
    pub async fn wait_flow(&self, id: FlowId) -> Result<Flow> {
        let mut events = self.subscribe();
        loop {
            let flow = self.flow(id).ok_or_else(gone)?;
            if flow.result.is_some() {
                return Ok(flow);
            }
            // A listener that was too slow looks again.
            if let Err(tokio::sync::broadcast::error::RecvError::Closed) = events.recv().await {
                return Err(Error::Cancelled);
            }
        }
    }

    fn flows(&self) -> std::sync::MutexGuard<'_, HashMap<FlowId, Entry>> {
        self.0
            .flows
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn change_flow(&self, id: FlowId, change: impl FnOnce(&mut Flow)) {
        if let Some(entry) = self.flows().get_mut(&id) {
            change(&mut entry.flow);
        }
        self.announce(Event::FlowProgressed { flow: id });
    }
}

fn gone() -> Error {
    Error::Refused("this sign-in is over; start it again".into())
}

fn begin_step(flow: &mut Flow, label: &str) {
    finish_step(flow, Ok(None));
    flow.steps.push(FlowStep {
        label: label.to_owned(),
        result: None,
        took_ms: None,
        began: Instant::now(),
    });
}

fn finish_step(flow: &mut Flow, result: std::result::Result<Option<String>, String>) {
    if let Some(step) = flow.steps.last_mut().filter(|step| step.result.is_none()) {
        step.took_ms = u64::try_from(step.began.elapsed().as_millis()).ok();
        step.result = Some(result);
    }
}

fn note_step(flow: &mut Flow, step: SignInStep) {
    match step {
        SignInStep::PortTaken { wanted, used } => {
            begin_step(flow, "Choosing a port");
            finish_step(
                flow,
                Ok(Some(format!("port {wanted} is in use, {used} was taken"))),
            );
        }
        SignInStep::OpeningBrowser { url } => {
            flow.url = Url::parse(&url).ok();
            begin_step(flow, "Opening your browser");
        }
        SignInStep::OpenItYourself { reason, .. } => {
            finish_step(
                flow,
                Ok(Some(format!(
                    "{reason}: copy the address and open it yourself"
                ))),
            );
        }
        SignInStep::ShowCode { code, .. } => flow.code = Some(code),
        SignInStep::WaitingForPerson { until } => {
            flow.until = Some(until);
            begin_step(flow, "Waiting for you to sign in");
        }
        SignInStep::RedirectReceived => {
            flow.until = None;
            finish_step(flow, Ok(None));
        }
        SignInStep::ExchangingCode => {
            flow.until = None;
            begin_step(flow, "Getting access");
        }
        SignInStep::Storing => begin_step(flow, "Storing the sign-in"),
        SignInStep::Done => finish_step(flow, Ok(None)),
    }
}
