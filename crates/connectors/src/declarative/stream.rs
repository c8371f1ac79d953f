//! `DeclarativeStream`: all that is needed to read one stream.

use std::sync::Arc;

use model::field::Schema;
use model::path::FieldPath;
use model::value::Value;
use template::{Env, Reads, Scope};

use super::cursor::CursorSpec;
use super::decode::json::Keep;
use super::job::Job;
use super::node::{Kind, View};
use super::pages::Context;
use super::pages::adapt::Adapting;
use super::paginator::Paginator;
use super::partition::Router;
use super::progress::Progress;
use super::properties::Properties;
use super::requester::Requester;
use super::schema;
use super::schema_loader::SchemaLoader;
use super::selector::Selector;
use super::state_migration::Migration;
use super::text::Text;
use crate::Result;

/// A stream of the file.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Name, as used in documents.
    pub name: String,
    /// Name for people.
    pub label: String,
    /// The fields that identify a record.
    pub key: Vec<FieldPath>,
    /// How records are got.
    pub retriever: Retriever,
    /// How changes are found.
    pub cursor: Option<CursorSpec>,
    /// The schema that the file gives.
    pub schema: Option<Schema>,
    /// Where its JSON schema comes from.
    pub schema_loader: SchemaLoader,
    /// What becomes of states that older connectors wrote.
    migrations: Vec<Migration>,
    /// Whether other streams are read by its records.
    pub(super) is_parent: bool,
    /// Streams that stand in for this one, by its state.
    delegates: Option<Box<Delegates>>,
}

#[derive(Clone, Debug)]
struct Delegates {
    full: Arc<Stream>,
    incremental: Arc<Stream>,
    /// How far back the incremental one can look.
    retention: Option<Text>,
}

/// How records are got.
#[derive(Clone, Debug)]
pub enum Retriever {
    /// Page by page.
    Simple(Box<Simple>),
    /// By jobs that are ordered, waited for and fetched.
    Async(Box<Job>),
}

impl Retriever {
    /// How pages of records are read.
    pub fn pages(&self) -> &Simple {
        match self {
            Self::Simple(simple) => simple,
            Self::Async(job) => &job.download,
        }
    }
}

/// Which pages' requests carry what slices add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SliceOptions {
    /// All of them.
    EveryPage,
    /// The first one's of a slice.
    FirstPage,
    /// None: something else was asked for the slice already.
    Never,
}

/// `SimpleRetriever`.
#[derive(Clone, Debug)]
pub struct Simple {
    /// How pages are asked for.
    pub requester: Requester,
    /// Where the records are in a page.
    pub selector: Selector,
    /// How the next page is found.
    pub paginator: Option<Paginator>,
    /// What the stream is read once for each of.
    pub router: Router,
    /// Which requests carry what slices add.
    pub slice_options: SliceOptions,
    /// The fields that are asked for by name.
    pub properties: Option<Properties>,
    /// What is done when a request is too much for the platform.
    pub adapting: Adapting,
}

impl Simple {
    fn compile(view: &View<'_>, name: &str, transformations: Option<View<'_>>) -> Result<Self> {
        let requester = view.require("requester", "how pages are asked for")?;
        let adapting = Adapting::compile(view)?;
        let paginator = match view.get("paginator") {
            Some(paginator) => Paginator::compile(&paginator)?,
            None => None,
        };
        if adapting.reduction.is_some() && paginator.as_ref().is_some_and(Paginator::counts_pages) {
            return Err(view.fail(
                "pages that are counted cannot become smaller in between: records would be left out",
                "OffsetIncrement or CursorPagination beside page_size_reduction",
            ));
        }
        let selector = view.require("record_selector", "where the records are")?;
        Ok(Self {
            properties: Properties::of_requester(&requester, name)?,
            adapting,
            requester: Requester::compile(&requester)?,
            selector: Selector::compile(&selector, view.get("decoder").as_ref(), transformations)?,
            paginator,
            router: Router::compile(view.get("partition_router"))?,
            slice_options: match view.flag_or(
                "ignore_stream_slicer_parameters_on_paginated_requests",
                false,
            )? {
                true => SliceOptions::FirstPage,
                false => SliceOptions::EveryPage,
            },
        })
    }

    /// What of a page must be kept beside its records.
    pub fn keep(&self) -> Keep {
        let reads = self
            .paginator
            .as_ref()
            .map_or(Reads::Nothing, Paginator::reads);
        self.selector.keep(&reads)
    }
}

impl Stream {
    /// From the file.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        match view.component()? {
            "DeclarativeStream" => {}
            "StateDelegatingStream" => return Self::compile_delegating(view),
            _ => {
                return Err(view.unknown_component(&[
                    "DeclarativeStream",
                    "StateDelegatingStream",
                    "ConditionalStreams",
                ]));
            }
        }
        let name = view.require("name", "the stream's name")?.scalar()?;
        let retriever = view.require("retriever", "how the stream is read")?;
        let key = keys(view)?;
        let schema_loader = SchemaLoader::compile(view, &name)?;
        let json_schema = schema_loader.fixed();
        Ok(Self {
            label: view
                .text_of("label")?
                .map_or_else(|| label_of(&name), str::to_owned),
            retriever: match retriever.component()? {
                "SimpleRetriever" => {
                    let rules = view.get("transformations");
                    let mut simple = Simple::compile(&retriever, &name, rules)?;
                    if let Some(schema) = json_schema {
                        simple.selector.fit_to(schema);
                    }
                    Retriever::Simple(Box::new(simple))
                }
                "AsyncRetriever" => {
                    let mut job = Job::compile(&retriever, view)?;
                    if let Some(schema) = json_schema {
                        job.download.selector.fit_to(schema);
                    }
                    Retriever::Async(Box::new(job))
                }
                _ => {
                    return Err(retriever.unknown_component(&["SimpleRetriever", "AsyncRetriever"]));
                }
            },
            cursor: view
                .get("incremental_sync")
                .filter(|cursor| !cursor.node().is_falsy())
                .map(|cursor| CursorSpec::compile(&cursor))
                .transpose()?,
            schema: json_schema.map(|found| schema::from_json_schema(found, &key)),
            schema_loader,
            migrations: match view.get("state_migrations") {
                Some(list) => list
                    .items()?
                    .iter()
                    .map(Migration::compile)
                    .collect::<Result<_>>()?,
                None => Vec::new(),
            },
            is_parent: false,
            delegates: None,
            key,
            name,
        })
    }

    /// A stream of nothing but a retriever: what is asked for to learn something rather than for its records.
    pub fn of_retriever(name: &str, retriever: &View<'_>) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            label: label_of(name),
            key: Vec::new(),
            retriever: match retriever.text_of("type")? {
                None | Some("SimpleRetriever") => {
                    Retriever::Simple(Box::new(Simple::compile(retriever, name, None)?))
                }
                Some("AsyncRetriever") => {
                    Retriever::Async(Box::new(Job::compile(retriever, retriever)?))
                }
                Some(_) => {
                    return Err(retriever.unknown_component(&["SimpleRetriever", "AsyncRetriever"]));
                }
            },
            cursor: None,
            schema: None,
            schema_loader: SchemaLoader::Unknown,
            migrations: Vec::new(),
            is_parent: false,
            delegates: None,
        })
    }

    /// As a stream by whose records others are read.
    #[must_use]
    pub fn as_parent(mut self) -> Self {
        self.is_parent = true;
        self
    }

    /// With its answers kept for others that ask the same within one read.
    #[must_use]
    pub fn kept_in_memory(mut self) -> Self {
        if let Retriever::Simple(simple) = &mut self.retriever {
            simple.requester = simple.requester.clone().kept_in_memory();
        }
        self
    }

    fn compile_delegating(view: &View<'_>) -> Result<Self> {
        let one = |name: &str| -> Result<Self> { Self::compile(&view.require(name, "a stream")?) };
        let full = one("full_refresh_stream")?;
        let incremental = one("incremental_stream")?;
        let mut stream = incremental.clone();
        stream.name = view.require("name", "the stream's name")?.scalar()?;
        stream.delegates = Some(Box::new(Delegates {
            full: Arc::new(full),
            incremental: Arc::new(incremental),
            retention: Text::member(view, "api_retention_period")?,
        }));
        Ok(stream)
    }

    /// Whether other streams stand in for it.
    pub const fn has_delegates(&self) -> bool {
        self.delegates.is_some()
    }

    /// The stream that stands in for this one when it is read from a state, and the state as that one reads it.
    pub fn for_state(
        self: &Arc<Self>,
        context: &Context,
        state: &Value,
    ) -> Result<(Arc<Self>, Value)> {
        let (stream, state) = match &self.delegates {
            Some(delegates) if state.is_empty() => (delegates.full.clone(), Value::Null),
            Some(delegates) if delegates.is_too_old(context, state)? => {
                tracing::warn!(
                    stream = %self.name,
                    "The state is older than what the platform keeps: everything is read once more."
                );
                (delegates.full.clone(), Value::Null)
            }
            Some(delegates) => (delegates.incremental.clone(), state.clone()),
            None => (self.clone(), state.clone()),
        };
        let state = stream
            .migrations
            .iter()
            .try_fold(state, |state, migration| {
                migration.apply(&stream, context, state)
            })?;
        Ok((stream, state))
    }

    /// The same, with its records fitted to a schema that only the platform knows, where the file asks for it.
    pub async fn fitted(self: &Arc<Self>, context: &Context) -> Result<Arc<Self>> {
        let selector = &self.retriever.pages().selector;
        if !self.schema_loader.asks() || !selector.normalises() {
            return Ok(self.clone());
        }
        let mut fitted = Self::clone(self);
        if let Some(schema) = self.schema_loader.load(context).await? {
            match &mut fitted.retriever {
                Retriever::Simple(simple) => simple.selector.fit_to(&schema),
                Retriever::Async(job) => job.download.selector.fit_to(&schema),
            }
        }
        Ok(Arc::new(fitted))
    }

    /// Its fields: as the file has them, or as the platform says; none where the records have to show them.
    pub async fn known_schema(&self, context: &Context) -> Result<Option<Schema>> {
        if !self.schema_loader.asks() {
            return Ok(self.schema.clone());
        }
        let schema = self.schema_loader.load(context).await?;
        Ok(schema.map(|schema| schema::from_json_schema(&schema, &self.key)))
    }

    /// What the stream is read once for each of.
    pub fn router(&self) -> &Router {
        match &self.retriever {
            Retriever::Simple(simple) => &simple.router,
            Retriever::Async(job) => &job.router,
        }
    }

    /// How its next page is found.
    pub fn paginator(&self) -> Option<&Paginator> {
        match &self.retriever {
            Retriever::Simple(simple) => simple.paginator.as_ref(),
            // Pages of a job's results cannot be gone on with: another run orders another job.
            Retriever::Async(_) => None,
        }
    }

    /// The requester whose address stands for the stream's.
    pub fn requester(&self) -> &Requester {
        match &self.retriever {
            Retriever::Simple(simple) => &simple.requester,
            Retriever::Async(job) => &job.creation,
        }
    }

    /// The streams by whose records it is read, at any depth.
    pub fn parents(&self) -> Vec<&Arc<Self>> {
        match &self.delegates {
            Some(delegates) => [&delegates.full, &delegates.incremental]
                .into_iter()
                .flat_map(|stream| stream.router().parents())
                .collect(),
            None => self.router().parents(),
        }
    }

    /// The cursor's field.
    pub fn cursor_field(&self, scope: &Scope<'_>, env: &Env) -> Option<String> {
        let cursor = self.cursor.as_ref()?;
        cursor.begin(scope, env).ok().map(|cursor| cursor.field)
    }

    /// How far it has been read, by a state document.
    pub fn begin(&self, context: &Context, state: &Value) -> Result<Progress> {
        let Some(spec) = &self.cursor else {
            return Ok(Progress::whole());
        };
        let mut cursor = spec.begin(&context.scope(), &context.env_of_read())?;
        if context.is_sync {
            cursor.overlap();
        }
        if spec.takes_catalogue_field
            && let Some(chosen) = context.chosen.get(&self.name)
            && let Some(field) = &chosen.cursor_field
        {
            cursor.field.clone_from(field);
        }
        if self.router().is_single() {
            return Ok(Progress::windows(cursor, state));
        }
        let only_global = spec.is_global || matches!(self.router(), Router::Grouping { .. });
        Ok(Progress::partitions(cursor, state, only_global))
    }

    /// Whether the platform does not filter by the cursor, so that it is done here.
    pub fn filters_here(&self) -> bool {
        self.cursor
            .as_ref()
            .is_some_and(|cursor| cursor.is_client_side)
    }

    /// Whether the newest records come first, so that reading ends with the first one that is known.
    pub fn is_data_feed(&self) -> bool {
        self.cursor
            .as_ref()
            .is_some_and(|cursor| cursor.is_data_feed)
    }

    /// Whether its answers are kept for those that read it too.
    pub fn is_cached(&self, context: &Context) -> bool {
        match self.requester().use_cache {
            Some(wanted) => wanted,
            None if self.is_parent => true,
            None => context.connection.connector.is_parent(&self.name),
        }
    }

    /// A field's path from a key's text.
    pub fn primary_key_source(&self) -> Vec<Vec<String>> {
        self.key
            .iter()
            .map(|path| path.to_string().split('.').map(str::to_owned).collect())
            .collect()
    }
}

impl Delegates {
    /// Whether the platform keeps what the incremental stream reads no longer than since before the state.
    fn is_too_old(&self, context: &Context, state: &Value) -> Result<bool> {
        let Some(retention) = &self.retention else {
            return Ok(false);
        };
        let (scope, env) = (context.scope(), context.env());
        let said = retention.printed(&scope, env)?;
        if matches!(said.trim(), "" | "None") {
            return Ok(false);
        }
        let Some(span) = super::datetime::duration(said.trim()) else {
            return Err(retention.fail(format!("`{said}` is no duration such as P30D")));
        };
        let is_whole = state
            .as_object()
            .is_some_and(|state| state.get("__ab_no_cursor_state_message").is_some());
        if self.full.cursor.is_none() && is_whole {
            return Ok(false);
        }
        let now = env.now();
        let oldest = super::datetime::moved(now, -span)
            .unwrap_or(now)
            .as_microsecond();
        let mut read_until = None;
        for stream in [&self.full, &self.incremental] {
            if let Some(spec) = &stream.cursor {
                read_until = read_until.or(spec.begin(&scope, env)?.of_state(state));
            }
        }
        Ok(read_until.is_none_or(|point| point < oldest))
    }
}

/// `primary_key`: a name, a list of names, or a list of paths.
fn keys(view: &View<'_>) -> Result<Vec<FieldPath>> {
    let Some(key) = view.get("primary_key") else {
        return Ok(Vec::new());
    };
    if key.node().is_falsy() {
        return Ok(Vec::new());
    }
    match &key.node().kind {
        Kind::List(_) => key
            .items()?
            .iter()
            .filter(|part| !part.node().is_falsy())
            .map(|part| match &part.node().kind {
                Kind::List(_) => {
                    let steps = part.texts()?;
                    let path = steps
                        .iter()
                        .fold(FieldPath::root(), |path, step| path.child(step.as_str()));
                    Ok(path)
                }
                _ => path_of(part),
            })
            .collect(),
        _ => Ok(vec![path_of(&key)?]),
    }
}

/// A field's path in the other format: a name, with dots for nesting.
pub fn path_of(view: &View<'_>) -> Result<FieldPath> {
    let text = view.text()?;
    text.parse()
        .map_err(|error: model::path::PathError| view.fail(error.to_string(), "a field's name"))
}

/// "order_items" → "Order items".
pub fn label_of(name: &str) -> String {
    let words = name.replace(['_', '-', '.'], " ");
    let mut chars = words.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => words,
    }
}
