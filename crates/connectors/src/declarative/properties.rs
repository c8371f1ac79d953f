//! `QueryProperties`: the fields that a platform is asked for by name, in as many requests as it takes.

use std::collections::HashMap;
use std::sync::Arc;

use model::row::Row;
use model::value::{Object, Value};

use super::decode::json::is_truthy;
use super::node::{Kind, View};
use super::pages::{Context, Pages, Step};
use super::stream::Stream;
use super::text::{PathText, python_text};
use super::transform::Transformation;
use crate::{Error, Result};

/// Properties that one stream may have.
const MOST_PROPERTIES: usize = 100_000;
/// Requests that one page may take.
const MOST_CHUNKS: usize = 10_000;

/// Which fields a stream's requests name.
#[derive(Clone, Debug)]
pub struct Properties {
    list: List,
    always: Vec<String>,
    chunking: Option<Chunking>,
    selector: Option<Vec<Transformation>>,
}

#[derive(Clone, Debug)]
enum List {
    Fixed(Vec<String>),
    /// `PropertiesFromEndpoint`: the platform says which there are.
    Endpoint(Arc<Stream>, PathText),
}

/// `PropertyChunking`: how many fit into a request.
#[derive(Clone, Debug)]
struct Chunking {
    limit: usize,
    by_characters: bool,
    key: Vec<String>,
}

impl Properties {
    /// From the file: what a requester says of them, if anything.
    pub fn of_requester(view: &View<'_>, stream: &str) -> Result<Option<Self>> {
        if let Some(map) = view.get("request_parameters")
            && matches!(map.node().kind, Kind::Map(_))
        {
            for (_, member) in map.members()? {
                if is_properties(&member) {
                    return Self::compile(&member, stream).map(Some);
                }
            }
        }
        if let Some(found) = view.get("query_properties") {
            return Self::compile(&found, stream).map(Some);
        }
        let Some(found) = view.get("fetch_properties_from_endpoint") else {
            return Ok(None);
        };
        Ok(Some(Self {
            list: List::endpoint(&found, stream)?,
            always: Vec::new(),
            chunking: None,
            selector: None,
        }))
    }

    fn compile(view: &View<'_>, stream: &str) -> Result<Self> {
        let list = view.require("property_list", "names, or PropertiesFromEndpoint")?;
        Ok(Self {
            list: match list.node().kind {
                Kind::List(_) => List::Fixed(list.texts()?),
                _ => List::endpoint(&list, stream)?,
            },
            always: match view.get("always_include_properties") {
                Some(names) => names.texts()?,
                None => Vec::new(),
            },
            chunking: match view.get("property_chunking") {
                Some(chunking) => Some(Chunking::compile(&chunking)?),
                None => None,
            },
            selector: match view.get("property_selector") {
                Some(selector) => Some(Transformation::compile_list(
                    selector.get("transformations").as_ref(),
                )?),
                None => None,
            },
        })
    }

    /// The stream that says which properties there are, where the platform does.
    pub fn endpoint(&self) -> Option<&Arc<Stream>> {
        match &self.list {
            List::Fixed(_) => None,
            List::Endpoint(stream, _) => Some(stream),
        }
    }

    /// The names that each request of a page has.
    pub async fn chunks(&self, context: &Context, stream: &str) -> Result<Vec<Vec<String>>> {
        let chosen = self.chosen(context, stream)?;
        let mut names = match &self.list {
            List::Fixed(names) => names.clone(),
            List::Endpoint(endpoint, path) => named_by(context, endpoint, path).await?,
        };
        if let Some(chosen) = &chosen {
            names.retain(|name| chosen.get(name).is_some());
        }
        let chunks = match &self.chunking {
            Some(chunking) => chunking.chunks(&self.always, names),
            None => vec![self.always.iter().cloned().chain(names).collect()],
        };
        if chunks.len() > MOST_CHUNKS {
            return Err(Error::LimitExceeded {
                platform: context.connection.http.name().to_owned(),
                reason: format!(
                    "the stream {stream} takes {} requests a page for its properties",
                    chunks.len()
                ),
            });
        }
        Ok(chunks)
    }

    /// The fields that a catalogue chose, as the platform calls them; none where all are wanted.
    fn chosen(&self, context: &Context, stream: &str) -> Result<Option<Object>> {
        let Some(transformations) = &self.selector else {
            return Ok(None);
        };
        let Some(fields) = context
            .chosen
            .get(stream)
            .and_then(|chosen| chosen.fields.as_ref())
        else {
            return Ok(None);
        };
        let mut row = Row::from(Value::Object(fields.clone()));
        for transformation in transformations {
            transformation.apply(&mut row, &context.scope(), context.env())?;
        }
        match row.into_value() {
            Value::Object(fields) => Ok(Some(fields)),
            _ => Ok(None),
        }
    }

    /// Puts the records of several requests together, by the key that they share.
    pub fn merge(&self, chunks: Vec<Vec<Row>>) -> Vec<Row> {
        let Some(chunking) = &self.chunking else {
            return chunks.into_iter().flatten().collect();
        };
        // Records without a key come first, as each stands for itself.
        let mut alone = Vec::new();
        let mut merged: Vec<Row> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for row in chunks.into_iter().flatten() {
            let Some(key) = chunking.key_of(&row) else {
                alone.push(row);
                continue;
            };
            match places.get(&key).and_then(|place| merged.get_mut(*place)) {
                Some(known) => known.edit(|known| merge(known, row.into_value())),
                None => {
                    places.insert(key, merged.len());
                    merged.push(row);
                }
            }
        }
        alone.append(&mut merged);
        alone
    }
}

/// Whether a member of `request_parameters` stands for properties.
pub fn is_properties(view: &View<'_>) -> bool {
    view.node().get("type").and_then(|kind| kind.as_text()) == Some("QueryProperties")
}

impl List {
    fn endpoint(view: &View<'_>, stream: &str) -> Result<Self> {
        let retriever = view.require("retriever", "how the properties are asked for")?;
        let path = view.require("property_field_path", "where the name stands in a record")?;
        let endpoint = Stream::of_retriever(&format!("{stream} properties"), &retriever)?;
        Ok(Self::Endpoint(
            Arc::new(endpoint.kept_in_memory()),
            PathText::compile(&path)?,
        ))
    }
}

async fn named_by(
    context: &Context,
    endpoint: &Arc<Stream>,
    path: &PathText,
) -> Result<Vec<String>> {
    let steps = path.steps(&context.scope(), context.env())?;
    let mut names = Vec::new();
    // Boxed: the endpoint's stream may have properties of its own.
    let mut pages = Pages::begin(context.clone(), endpoint.clone(), &Value::Null)?;
    while let Some(step) = Box::pin(pages.next()).await? {
        let Step::Rows { rows, .. } = step else {
            continue;
        };
        for row in rows {
            if let Some(name) = super::glob_path::at(&row.to_value(), &steps) {
                names.push(python_text(name));
            }
        }
        if names.len() > MOST_PROPERTIES {
            return Err(Error::LimitExceeded {
                platform: context.connection.http.name().to_owned(),
                reason: format!("{} has more than {MOST_PROPERTIES}", endpoint.name),
            });
        }
    }
    Ok(names)
}

impl Chunking {
    fn compile(view: &View<'_>) -> Result<Self> {
        let by_characters = match view.text_of("property_limit_type")? {
            None | Some("property_count") => false,
            Some("characters") => true,
            Some(other) => {
                return Err(view.fail(
                    format!("`{other}` is no way of counting properties"),
                    "characters or property_count",
                ));
            }
        };
        let limit = match view.get("property_limit") {
            Some(limit) => usize::try_from(limit.count()?).unwrap_or(usize::MAX),
            None => 0,
        };
        let key = match view.get("record_merge_strategy") {
            Some(strategy) if strategy.component()? == "GroupByKeyMergeStrategy" => strategy
                .require("key", "the field that tells records apart")?
                .texts()?,
            Some(strategy) => {
                return Err(strategy.unknown_component(&["GroupByKeyMergeStrategy"]));
            }
            None => vec!["id".to_owned()],
        };
        Ok(Self {
            limit,
            by_characters,
            key,
        })
    }

    fn chunks(&self, always: &[String], names: Vec<String>) -> Vec<Vec<String>> {
        if self.limit == 0 {
            return vec![names.into_iter().chain(always.iter().cloned()).collect()];
        }
        let mut chunks = Vec::new();
        let mut chunk = always.to_vec();
        let mut size = 0;
        for name in names {
            let length = match self.by_characters {
                // A comma takes three characters in an address.
                true => name.chars().count() + 3,
                false => 1,
            };
            if size + length > self.limit {
                chunks.push(std::mem::replace(&mut chunk, always.to_vec()));
                size = 0;
            }
            chunk.push(name);
            size += length;
        }
        chunks.push(chunk);
        chunks
    }

    /// What tells a record from others; none where a part of it is missing.
    fn key_of(&self, row: &Row) -> Option<String> {
        let mut key = String::new();
        for name in &self.key {
            let value = row.get(name).filter(is_truthy)?;
            if !key.is_empty() {
                key.push(',');
            }
            key.push_str(&python_text(&value));
        }
        Some(key)
    }
}

/// Members of objects that both have are put together; else the later one counts.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                match into.get_mut(&name) {
                    Some(there) => merge(there, value),
                    None => into.push(name, value),
                }
            }
        }
        (into, from) => *into = from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declarative::node::Node;

    fn chunking(yaml: &str) -> Chunking {
        let node = Node::parse("x.yaml", yaml).unwrap();
        Chunking::compile(&View::root("x.yaml", &node)).unwrap()
    }

    #[test]
    fn properties_are_counted_or_measured_and_what_is_always_asked_for_counts_nothing() {
        fn check(yaml: &str, always: &[&str], names: &[&str], expected: &[&str]) {
            let text = |names: &[&str]| {
                names
                    .iter()
                    .map(|&name| name.to_owned())
                    .collect::<Vec<_>>()
            };
            let chunks: Vec<String> = chunking(yaml)
                .chunks(&text(always), text(names))
                .iter()
                .map(|chunk| chunk.join(","))
                .collect();
            assert_eq!(chunks, expected, "{yaml}");
        }
        let two = "{property_limit_type: property_count, property_limit: 2}";
        check(two, &["id"], &["a", "b", "c"], &["id,a,b", "id,c"]);
        check(two, &[], &[], &[""]);
        let ten = "{property_limit_type: characters, property_limit: 10}";
        check(
            ten,
            &["id"],
            &["alpha", "be", "d", "e"],
            &["id,alpha", "id,be,d", "id,e"],
        );
        check(
            ten,
            &["id"],
            &["muchtoolong", "d"],
            &["id", "id,muchtoolong", "id,d"],
        );
        check(
            "{property_limit_type: property_count}",
            &["id"],
            &["a"],
            &["a,id"],
        );
    }

    #[test]
    fn records_of_several_requests_become_one_by_their_key() {
        let properties = Properties {
            list: List::Fixed(Vec::new()),
            always: Vec::new(),
            chunking: Some(chunking(
                "{property_limit_type: property_count, record_merge_strategy: {type: GroupByKeyMergeStrategy, key: id}}",
            )),
            selector: None,
        };
        let rows = |texts: &[&str]| -> Vec<Row> {
            texts
                .iter()
                .map(|text| Row::parse(&bytes::Bytes::copy_from_slice(text.as_bytes())).unwrap())
                .collect()
        };
        let merged = properties.merge(vec![
            rows(&[r#"{"id":1,"p":{"a":1}}"#, r#"{"id":2}"#, r#"{"x":1}"#]),
            rows(&[r#"{"id":2,"b":2}"#, r#"{"id":1,"p":{"b":2}}"#]),
        ]);
        let texts: Vec<String> = merged
            .iter()
            .map(|row| model::json::to_string(&row.to_value()))
            .collect();
        assert_eq!(
            texts,
            [
                r#"{"x":1}"#,
                r#"{"id":1,"p":{"a":1,"b":2}}"#,
                r#"{"id":2,"b":2}"#
            ]
        );
    }
}
