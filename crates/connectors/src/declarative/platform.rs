//! A connection to a platform by its connector file: both sides of a sync.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use model::clock::Clock;
use model::path::FieldPath;
use model::record::{Change, RecordKey};
use model::value::Value;
use template::{Env, Scope};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::Instant;

use super::authenticators::{ConfigKeeper, Tokens};
use super::cache::Cache;
use super::changes;
use super::config::settings::Settings;
use super::connection::Connection;
use super::manifest::Manifest;
use super::pages::Context;
use super::reading::Reader;
use super::stream::Stream;
use super::text::python_text;
use super::{glob_path, writes};
use crate::http::{Client, Signer};
use crate::{
    Access, CheckStep, Destination, Find, PageReader, ReadRequest, Result, Source,
    StreamDescription, StreamSummary, Written,
};

/// A connection by its connector file. Cheap to clone.
#[derive(Clone)]
pub struct Platform {
    inner: Arc<Connection>,
}

/// Who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// What tells accounts apart.
    pub id: String,
    /// For people.
    pub label: String,
}

impl std::fmt::Debug for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

impl Platform {
    /// A connection with its settings. `http` is the connection's client, shared by everything that
    /// talks to this platform.
    pub fn new(
        manifest: Arc<Manifest>,
        config: serde_json::Value,
        signer: Arc<dyn Signer>,
        http: Client,
        clock: Clock,
    ) -> Self {
        Self::with_env(manifest, config, signer, http, clock, None)
    }

    /// As [`Platform::new`], with surroundings of their own for templates: a clock that stands still, say.
    pub fn with_env(
        manifest: Arc<Manifest>,
        config: serde_json::Value,
        signer: Arc<dyn Signer>,
        http: Client,
        clock: Clock,
        env: Option<Env>,
    ) -> Self {
        http.set_documented_rate(manifest.limits.rate);
        let env = env.unwrap_or_else(|| Env::new(clock.clone()));
        let settings = Settings::new(Value::from_serde(&config), &manifest.rules, &env);
        let config = settings.used.clone();
        if let Some(budget) = &manifest.budget {
            let scope = Scope::new().with("config", &config);
            match budget.begin(&scope, &env) {
                Ok(budget) => http.set_budget(budget),
                // The settings of a connection that is being made may not be filled in yet.
                Err(error) => tracing::warn!("The api_budget does not count: {error}"),
            }
        }
        Self {
            inner: Arc::new(Connection {
                jobs: Semaphore::new(manifest.jobs_at_a_time(&config, &env)),
                made: OnceCell::new(),
                connector: manifest,
                http,
                env,
                clock,
                options: writes::fields::KnownOptions::default(),
                signer,
                tokens: Tokens::default(),
                is_kept: AtomicBool::new(settings.changed.is_none()),
                settings,
            }),
        }
    }

    /// Says who keeps the settings when a refresh changes them: platforms whose refresh tokens work once.
    #[must_use]
    pub fn keeping_config_with(self, keeper: Arc<dyn ConfigKeeper>) -> Self {
        self.inner.keep_config_with(keeper);
        self
    }

    /// What everything that reads needs.
    pub fn context(&self, access: Access) -> Context {
        Context {
            connection: self.inner.clone(),
            access,
            cache: Arc::new(Cache::default()),
            chosen: Arc::default(),
            is_sync: false,
        }
    }

    /// How far the platform's clock is ahead of ours, by the `Date` of its answers; none before there was one.
    pub fn clock_skew(&self) -> Option<SignedDuration> {
        self.inner.http.clock_skew()
    }

    /// The connector.
    pub fn manifest(&self) -> &Manifest {
        &self.inner.connector
    }

    /// Who is signed in; none where the connector does not say how to ask.
    pub async fn account(&self, access: &Access) -> Result<Option<Account>> {
        let inner = &*self.inner;
        let Some(spec) = &inner.connector.account else {
            return Ok(None);
        };
        let env = &inner.env;
        let scope = inner.scope();
        let answer = inner.fetch(&spec.request, &scope, &scope, access).await?;
        let body = inner.parse(&answer)?;
        let id = glob_path::at(&body, &spec.id.steps(&scope, env)?)
            .filter(|id| !id.is_empty())
            .map(python_text)
            .ok_or_else(|| inner.malformed("it does not say whose account this is"))?;
        let label = spec
            .label
            .render(&Scope::within(&scope).with("response", &body), env)?;
        Ok(Some(Account {
            label: if label.trim().is_empty() {
                id.clone()
            } else {
                label.trim().to_owned()
            },
            id,
        }))
    }

    async fn description(&self, stream: &str, access: &Access) -> Result<StreamDescription> {
        let inner = &*self.inner;
        let stream = self.context(access.clone()).stream(stream).await?;
        let stream = &*stream;
        let mut label = stream.label.clone();
        let mut schema = stream
            .known_schema(&self.context(access.clone()))
            .await?
            .unwrap_or_default();
        if let Some(describe) = inner.connector.describe(&stream.name) {
            let scope = inner.scope();
            let answer = inner
                .fetch(&describe.request, &scope, &scope, access)
                .await?;
            let body = inner.parse(&answer)?;
            let (told, described) = describe
                .read(&scope, &inner.env, &body, &stream.key)?
                .ok_or_else(|| inner.malformed("its description of the stream has no fields"))?;
            label = told.unwrap_or(label);
            schema = described;
        }
        if schema.fields.is_empty() {
            schema = self.inferred(stream, access).await?;
        }
        if let Some(writes) = inner.connector.writes(&stream.name) {
            writes::fields::complete(self, inner, &writes.fields, &mut schema, access).await?;
        }
        Ok(StreamDescription {
            name: stream.name.clone(),
            label,
            schema,
            key: stream.key.clone(),
            cursor_field: stream
                .cursor_field(&inner.scope(), &inner.env)
                .and_then(|field| field.parse().ok()),
            capabilities: self.inner.connector.capabilities(stream),
        })
    }

    /// The fields of the first records, where nothing else tells.
    async fn inferred(&self, stream: &Stream, access: &Access) -> Result<model::field::Schema> {
        let request = ReadRequest {
            stream: stream.name.clone(),
            cursor: None,
            position: None,
            full: true,
            limit: Some(50),
        };
        let mut reader = Reader::begin(self.context(access.clone()), request).await?;
        let mut fields: Vec<model::field::Field> = Vec::new();
        if let Some(page) = reader.next().await? {
            for record in &page.records {
                if let Value::Object(object) = &record.fields {
                    merge_inferred(&mut fields, object, 0);
                }
            }
        }
        for field in &mut fields {
            field.key = stream
                .key
                .iter()
                .any(|path| path.to_string() == field.name.as_str());
        }
        Ok(model::field::Schema { fields })
    }
}

fn merge_inferred(
    fields: &mut Vec<model::field::Field>,
    object: &model::value::Object,
    depth: u32,
) {
    use model::field::{Field, FieldType};
    if depth > 8 {
        return;
    }
    for (name, value) in object.iter().take(500) {
        let found = match value {
            Value::Null => FieldType::Any,
            Value::Bool(_) => FieldType::Bool,
            Value::Int(_) | Value::UInt(_) => FieldType::Integer,
            Value::Decimal(_) | Value::Float(_) => FieldType::Float,
            Value::List(_) => FieldType::List,
            Value::Object(_) => FieldType::Object,
            _ => FieldType::Text,
        };
        let index = match fields.iter().position(|field| field.name == name) {
            Some(index) => index,
            None => {
                let mut field = Field::new(name, found);
                field.inferred = true;
                fields.push(field);
                fields.len() - 1
            }
        };
        let Some(field) = fields.get_mut(index) else {
            continue;
        };
        field.nullable |= value.is_null();
        if field.field_type == FieldType::Any {
            field.field_type = found;
        } else if found != FieldType::Any && field.field_type != found {
            field.field_type = match (field.field_type, found) {
                (FieldType::Integer | FieldType::Float, FieldType::Integer | FieldType::Float) => {
                    FieldType::Float
                }
                _ => FieldType::Text,
            };
        }
        match value {
            Value::Object(members) => merge_inferred(&mut field.fields, members, depth + 1),
            Value::List(items) => {
                for item in items.iter().take(20) {
                    match item {
                        Value::Object(members) => {
                            field.items = Some(FieldType::Object);
                            merge_inferred(&mut field.fields, members, depth + 1);
                        }
                        Value::Text(_) => field.items = Some(FieldType::Text),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}

#[async_trait]
impl Source for Platform {
    async fn discover(&self, access: &Access) -> Result<Vec<StreamSummary>> {
        Ok(self
            .context(access.clone())
            .streams()
            .await?
            .iter()
            .map(|stream| StreamSummary {
                name: stream.name.clone(),
                label: stream.label.clone(),
                capabilities: self.inner.connector.capabilities(stream),
            })
            .collect())
    }

    async fn describe(&self, stream: &str, access: &Access) -> Result<StreamDescription> {
        self.description(stream, access).await
    }

    async fn read(&self, request: ReadRequest, access: Access) -> Result<Box<dyn PageReader>> {
        self.inner.settle().await?;
        let context = self.context(access).for_sync();
        match self.inner.connector.changes(&request.stream) {
            Some(changes) => changes::begin(context, changes.clone(), request).await,
            None => Ok(Box::new(Reader::begin(context, request).await?)),
        }
    }

    fn clock_skew(&self) -> Option<SignedDuration> {
        self.inner.http.clock_skew()
    }

    async fn check(&self, access: &Access) -> Vec<CheckStep> {
        let mut steps = Vec::new();
        let mut step =
            |name: &str, started: Instant, result: std::result::Result<String, String>| {
                let goes_on = result.is_ok();
                steps.push(CheckStep {
                    name: name.to_owned(),
                    took: started.elapsed(),
                    result,
                });
                goes_on
            };
        let started = Instant::now();
        let usable = match self.inner.fits() {
            Ok(()) => self.inner.settle().await,
            Err(error) => Err(error),
        };
        if let Err(error) = usable {
            step("Settings", started, Err(error.to_string()));
            return steps;
        }
        let of_file = self.inner.streams().into_iter().next();
        let stream = match of_file {
            Some(stream) => Ok(Some(stream)),
            // All of them are made of what the platform says.
            None => self
                .context(access.clone())
                .streams()
                .await
                .map(|streams| streams.into_iter().next()),
        };
        let stream = match stream {
            Ok(Some(stream)) => stream,
            Ok(None) => return steps,
            Err(error) => {
                step("Streams", started, Err(error.to_string()));
                return steps;
            }
        };
        let started = Instant::now();
        let url = match self.inner.home(stream.requester(), &self.inner.scope()) {
            Ok(url) => url,
            Err(error) => {
                step("Address", started, Err(error.to_string()));
                return steps;
            }
        };
        let host = url
            .host_str()
            .unwrap_or_default()
            .trim_matches(['[', ']'])
            .to_owned();
        let port = url.port_or_known_default().unwrap_or(443);
        let addresses = bounded(access, tokio::net::lookup_host((host.as_str(), port))).await;
        let addresses: Vec<std::net::SocketAddr> = match addresses {
            Ok(found) => found.collect(),
            Err(problem) => {
                let words = format!(
                    "there is no address for {host} ({problem}): check the spelling and the network"
                );
                step("Name lookup", started, Err(words));
                return steps;
            }
        };
        let shown = addresses
            .first()
            .map(|address| address.ip().to_string())
            .unwrap_or_default();
        step("Name lookup", started, Ok(format!("{host} is {shown}")));

        let started = Instant::now();
        let connected = bounded(access, tokio::net::TcpStream::connect(&addresses[..])).await;
        let result = match connected {
            Ok(_) => Ok(format!("{host} answers on port {port}")),
            Err(problem) => Err(format!(
                "{host} does not answer on port {port} ({problem}): check the address, or whether \
                 something on the way blocks it"
            )),
        };
        if !step("Connection", started, result) {
            return steps;
        }

        let started = Instant::now();
        let result = match self.account(access).await {
            Ok(Some(account)) => Ok(format!("signed in as {}", account.label)),
            Ok(None) => Ok("the platform does not say who is signed in".into()),
            Err(error) => Err(error.to_string()),
        };
        if !step("Sign-in", started, result) {
            return steps;
        }

        let started = Instant::now();
        let request = ReadRequest {
            stream: stream.name.clone(),
            cursor: None,
            position: None,
            full: true,
            limit: Some(1),
        };
        let result = match Reader::begin(self.context(access.clone()), request).await {
            Ok(mut reader) => reader.next().await,
            Err(error) => Err(error),
        };
        let result = match result {
            Ok(Some(page)) if !page.records.is_empty() => Ok("a record came back".into()),
            Ok(_) => Ok("it can be read; there are no records yet".into()),
            Err(error) => Err(error.to_string()),
        };
        step(
            &format!("Read {}", stream.label.to_lowercase()),
            started,
            result,
        );
        steps
    }
}

/// Waits at most ten seconds, and not after a stop.
async fn bounded<T>(
    access: &Access,
    work: impl Future<Output = std::io::Result<T>>,
) -> std::result::Result<T, String> {
    tokio::select! {
        biased;
        () = access.cancel.cancelled() => Err("stopped".into()),
        done = tokio::time::timeout(Duration::from_secs(10), work) => match done {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no answer within 10 s".into()),
        },
    }
}

#[async_trait]
impl Destination for Platform {
    async fn describe(&self, stream: &str, access: &Access) -> Result<StreamDescription> {
        self.description(stream, access).await
    }

    async fn find(&self, find: Find, access: &Access) -> Result<Vec<Vec<model::record::Record>>> {
        writes::find::find(&self.inner, find, access).await
    }

    async fn get(
        &self,
        stream: &str,
        keys: &[RecordKey],
        access: &Access,
    ) -> Result<Vec<Option<model::record::Record>>> {
        writes::find::get(&self.inner, stream, keys, access).await
    }

    async fn write(&self, stream: &str, changes: &[Change], access: &Access) -> Result<Written> {
        writes::perform::write(&self.inner, stream, changes, access).await
    }
}

/// The paths of a list of fields, for words.
pub(super) fn paths_words(paths: &[FieldPath]) -> String {
    paths
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
