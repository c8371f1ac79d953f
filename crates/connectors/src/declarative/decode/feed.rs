//! News feeds: the entries of RSS 0.9 to 2.0 and of Atom, in one shape.
//!
//! Whatever a feed calls them, an entry has `id`, `title`, `link`, `author`, `published`, `updated`, `summary`, `content`
//! and `categories`; what it does not say is null. Points in time are written as RFC 3339, in UTC.

use jiff::Timestamp;
use model::row::Row;
use model::value::{Object, Value};

use crate::declarative::datetime;

/// The entries of a document that is a feed; none where it is something else.
pub(super) fn entries(document: &Value) -> Vec<Row> {
    let found = [
        &["rss", "channel", "item"][..],
        &["rdf:RDF", "item"],
        &["feed", "entry"],
    ]
    .into_iter()
    .find_map(|path| {
        path.iter()
            .try_fold(document, |here, name| here.as_object()?.get(name))
    });
    match found {
        Some(Value::List(items)) => items.iter().filter_map(entry).collect(),
        Some(one) => entry(one).into_iter().collect(),
        None => Vec::new(),
    }
}

fn entry(item: &Value) -> Option<Row> {
    let item = item.as_object()?;
    let first = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| item.get(name).and_then(text))
            .unwrap_or_default()
    };
    let date = |names: &[&str]| match first(names) {
        Value::Text(written) => Value::from(moment(&written).unwrap_or_else(|| written.into())),
        other => other,
    };
    let link = link(item);
    let id = match first(&["guid", "id", "@rdf:about"]) {
        Value::Null => link.clone(),
        id => id,
    };
    let author = match item.get("author").and_then(Value::as_object) {
        Some(author) => author.get("name").and_then(text).unwrap_or_default(),
        None => first(&["author", "dc:creator"]),
    };
    let record: Object = [
        ("id", id),
        ("title", first(&["title", "dc:title"])),
        ("link", link),
        ("author", author),
        (
            "published",
            date(&["pubDate", "published", "issued", "dc:date", "updated"]),
        ),
        ("updated", date(&["updated", "modified", "lastBuildDate"])),
        ("summary", first(&["description", "summary"])),
        ("content", first(&["content:encoded", "content"])),
        ("categories", Value::List(categories(item))),
    ]
    .into_iter()
    .map(|(name, value)| (name.into(), value))
    .collect();
    Some(Row::from(Value::Object(record)))
}

/// The text of an element, whatever attributes it has.
fn text(value: &Value) -> Option<Value> {
    match value {
        Value::Text(_) => Some(value.clone()),
        Value::Object(object) => object.get("#text").cloned(),
        Value::List(items) => items.iter().find_map(text),
        _ => None,
    }
}

/// RSS has the address as text; Atom has links of several kinds.
fn link(item: &Object) -> Value {
    let Some(link) = item.get("link") else {
        return Value::Null;
    };
    let address = |link: &Value, kind: Option<&str>| {
        let link = link.as_object()?;
        let own = link
            .get("@rel")
            .and_then(Value::as_text)
            .unwrap_or("alternate");
        kind.is_none_or(|kind| own == kind)
            .then(|| link.get("@href").cloned())?
    };
    let links = match link {
        Value::List(links) => links.as_slice(),
        one => std::slice::from_ref(one),
    };
    links
        .iter()
        .find_map(|link| address(link, Some("alternate")))
        .or_else(|| text(link))
        .or_else(|| links.iter().find_map(|link| address(link, None)))
        .unwrap_or_default()
}

fn categories(item: &Object) -> Vec<Value> {
    let of = |category: &Value| match category {
        Value::Object(object) => object.get("@term").or_else(|| object.get("#text")).cloned(),
        other => text(other),
    };
    match item.get("category").or_else(|| item.get("dc:subject")) {
        Some(Value::List(categories)) => categories.iter().filter_map(of).collect(),
        Some(one) => of(one).into_iter().collect(),
        None => Vec::new(),
    }
}

fn moment(written: &str) -> Option<String> {
    let moment: Timestamp = match jiff::fmt::rfc2822::parse(written.trim()) {
        Ok(date) => date.timestamp(),
        Err(_) => datetime::parse_iso(written.trim())?,
    };
    Some(moment.to_string())
}
