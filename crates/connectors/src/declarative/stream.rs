//! `DeclarativeStream`: all that is needed to read one stream.

use std::sync::Arc;

use model::field::Schema;
use model::path::FieldPath;
use model::value::Value;
use template::{Env, Reads, Scope};

use super::cursor::CursorSpec;
use super::decode::json::Keep;
use super::node::{Kind, View};
use super::pages::Context;
use super::paginator::Paginator;
use super::partition::Router;
use super::progress::Progress;
use super::requester::Requester;
use super::schema;
use super::selector::Selector;
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
    /// The same, as it stands in the file.
    pub json_schema: Option<serde_json::Value>,
    /// Streams that stand in for this one, by its state.
    delegates: Option<Box<Delegates>>,
}

#[derive(Clone, Debug)]
struct Delegates {
    full: Arc<Stream>,
    incremental: Arc<Stream>,
}

/// How records are got.
#[derive(Clone, Debug)]
pub enum Retriever {
    /// Page by page.
    Simple(Box<Simple>),
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
    /// What slices add to requests goes into the first page's only.
    pub slice_on_first_page_only: bool,
}

impl Simple {
    fn compile(view: &View<'_>, stream: &View<'_>) -> Result<Self> {
        let selector = view.require("record_selector", "where the records are")?;
        Ok(Self {
            requester: Requester::compile(&view.require("requester", "how pages are asked for")?)?,
            selector: Selector::compile(
                &selector,
                view.get("decoder"),
                stream.get("transformations"),
            )?,
            paginator: match view.get("paginator") {
                Some(paginator) => Paginator::compile(&paginator)?,
                None => None,
            },
            router: Router::compile(view.get("partition_router"))?,
            slice_on_first_page_only: view.flag_or(
                "ignore_stream_slicer_parameters_on_paginated_requests",
                false,
            )?,
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
        let json_schema = view
            .get("schema_loader")
            .filter(|loader| {
                loader.node().get("type").and_then(|t| t.as_text()) == Some("InlineSchemaLoader")
            })
            .and_then(|loader| loader.get("schema"))
            .map(|found| found.node().to_json());
        Ok(Self {
            label: view
                .text_of("label")?
                .map_or_else(|| label_of(&name), str::to_owned),
            retriever: match retriever.component()? {
                "SimpleRetriever" => {
                    let mut simple = Simple::compile(&retriever, view)?;
                    if let Some(schema) = &json_schema {
                        simple.selector.fit_to(schema);
                    }
                    Retriever::Simple(Box::new(simple))
                }
                _ => {
                    return Err(retriever.unknown_component(&["SimpleRetriever"]));
                }
            },
            cursor: view
                .get("incremental_sync")
                .filter(|cursor| !cursor.node().is_falsy())
                .map(|cursor| CursorSpec::compile(&cursor))
                .transpose()?,
            schema: json_schema
                .as_ref()
                .map(|found| schema::from_json_schema(found, &key)),
            json_schema,
            delegates: None,
            key,
            name,
        })
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
        }));
        Ok(stream)
    }

    /// The stream that stands in for this one when it is read from a state.
    pub fn for_state(self: &Arc<Self>, state: &Value, _env: &Env) -> Arc<Self> {
        match &self.delegates {
            Some(delegates) if state.is_empty() => delegates.full.clone(),
            Some(delegates) => delegates.incremental.clone(),
            None => self.clone(),
        }
    }

    /// What the stream is read once for each of.
    pub fn router(&self) -> &Router {
        match &self.retriever {
            Retriever::Simple(simple) => &simple.router,
        }
    }

    /// How its next page is found.
    pub fn paginator(&self) -> Option<&Paginator> {
        match &self.retriever {
            Retriever::Simple(simple) => simple.paginator.as_ref(),
        }
    }

    /// The requester whose address stands for the stream's.
    pub fn requester(&self) -> &Requester {
        match &self.retriever {
            Retriever::Simple(simple) => &simple.requester,
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
        let cursor = spec.begin(&context.scope(), context.env())?;
        if self.router().is_single() {
            return Ok(Progress::windows(cursor, state));
        }
        let only_global = spec.is_global || matches!(self.router(), Router::Grouping { .. });
        Ok(Progress::partitions(cursor, state, only_global))
    }

    /// Whether its answers are kept for those that read it too.
    pub fn is_cached(&self, context: &Context) -> bool {
        match self.requester().use_cache {
            Some(wanted) => wanted,
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
