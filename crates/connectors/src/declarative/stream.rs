//! `DeclarativeStream`: all that is needed to read one stream.

use model::field::Schema;
use model::path::FieldPath;

use super::incremental::{DatetimeCursor, path_of};
use super::node::{Kind, View};
use super::paginator::Paginator;
use super::requester::{READ_NAMES, Requester};
use super::schema;
use super::selector::Selector;
use super::template::Templates;
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
    /// How pages are asked for.
    pub requester: Requester,
    /// Where the records are in a page.
    pub selector: Selector,
    /// How the next page is found.
    pub paginator: Option<Paginator>,
    /// How changes are found.
    pub cursor: Option<DatetimeCursor>,
    /// The schema that the file gives.
    pub schema: Option<Schema>,
    /// `$parameters` of the retriever's parts.
    pub parameters: serde_json::Value,
    /// The window goes into the first page's request only.
    pub window_on_first_page_only: bool,
}

/// Members whose components are not there yet; a file that uses one is refused rather than misread.
const NOT_YET: &[(&str, &str)] = &[
    ("retriever.partition_router", "partition routers"),
    ("file_uploader", "files"),
];

impl Stream {
    /// From the file.
    pub fn compile(templates: &mut Templates, view: &View<'_>) -> Result<Self> {
        if view.component()? != "DeclarativeStream" {
            return Err(view.unknown_component(&["DeclarativeStream"]));
        }
        let name = view
            .require("name", "the stream's name")?
            .text()?
            .to_owned();
        let retriever = view.require("retriever", "how the stream is read")?;
        if retriever.component()? != "SimpleRetriever" {
            return Err(retriever.unknown_component(&["SimpleRetriever"]));
        }
        for (way, what) in NOT_YET {
            let found = way
                .split('.')
                .try_fold(view.clone(), |here, step| here.get(step));
            if let Some(found) = found
                && !found.node().is_falsy()
            {
                return Err(found.fail(
                    format!("{what} are not supported yet"),
                    "a stream without them",
                ));
            }
        }
        if let Some(decoder) = retriever.get("decoder")
            && decoder.component()? != "JsonDecoder"
        {
            return Err(decoder.unknown_component(&["JsonDecoder"]));
        }
        let key = keys(view)?;
        let selector = retriever.require("record_selector", "where the records are")?;
        let schema = view
            .get("schema_loader")
            .filter(|loader| {
                loader.node().get("type").and_then(|t| t.as_text()) == Some("InlineSchemaLoader")
            })
            .and_then(|loader| loader.get("schema"))
            .map(|found| schema::from_json_schema(&found.node().to_json(), &key));
        let requester_view = retriever.require("requester", "how pages are asked for")?;
        Ok(Self {
            label: view
                .text_of("label")?
                .map_or_else(|| label_of(&name), str::to_owned),
            requester: Requester::compile(templates, &requester_view, READ_NAMES)?,
            selector: Selector::compile(templates, &selector, view.get("transformations"))?,
            paginator: match retriever.get("paginator") {
                Some(paginator) => Paginator::compile(templates, &paginator)?,
                None => None,
            },
            cursor: view
                .get("incremental_sync")
                .map(|cursor| DatetimeCursor::compile(templates, &cursor))
                .transpose()?,
            schema,
            parameters: requester_view
                .get("$parameters")
                .map_or(serde_json::json!({}), |found| found.node().to_json()),
            window_on_first_page_only: retriever.flag_or(
                "ignore_stream_slicer_parameters_on_paginated_requests",
                false,
            )?,
            key,
            name,
        })
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

/// "order_items" → "Order items".
fn label_of(name: &str) -> String {
    let words = name.replace(['_', '-', '.'], " ");
    let mut chars = words.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => words,
    }
}
