//! XML as objects, in the way of `xmltodict`: attributes are members with an `@`, an element that occurs again makes a
//! list, text beside attributes or elements is `#text`, an empty element is null.
//!
//! Nothing outside the document is ever read. Of entities only the five of XML itself and numbers mean something;
//! others make nothing where the document declares a type, and are an error where it does not.
//!
//! Two variants are ours: *typed* documents, whose elements say what they are (`type="integer"`, `nil="true"`), and
//! *feeds* ([`super::feed`]).

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use compact_str::{CompactString, format_compact};
use model::json::MAX_DEPTH;
use model::row::Row;
use model::value::{Object, Value};
use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

use super::charset::Charset;
use super::json::LARGEST_VALUE;
use super::{BodyDecoder, DecodeError, Ending};

/// What is made of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XmlKind {
    /// All of it, every value a text.
    Plain,
    /// All of it, values as their elements say.
    Typed,
    /// The entries of a feed.
    Feed,
}

/// Reads one document.
#[derive(Debug)]
pub(super) struct XmlBody {
    kind: XmlKind,
    charset: Option<Charset>,
    keep: bool,
    bytes: BytesMut,
}

impl XmlBody {
    /// `charset`: what the answer's header says; `keep`: somebody will ask for the document.
    pub(super) fn new(kind: XmlKind, charset: Option<Charset>, keep: bool) -> Self {
        Self {
            kind,
            charset,
            keep,
            bytes: BytesMut::new(),
        }
    }
}

impl BodyDecoder for XmlBody {
    fn push(&mut self, chunk: Bytes, _: &mut Vec<Row>) -> Result<(), DecodeError> {
        self.bytes.extend_from_slice(&chunk);
        if self.bytes.len() > LARGEST_VALUE {
            return Err(DecodeError::TooLarge {
                what: "the answer",
                limit: LARGEST_VALUE,
            });
        }
        Ok(())
    }

    fn finish(&mut self, rows: &mut Vec<Row>) -> Result<Ending, DecodeError> {
        let bytes = std::mem::take(&mut self.bytes).freeze();
        let mut ending = Ending::default();
        if bytes.trim_ascii().is_empty() {
            return Ok(ending);
        }
        let charset = marked(&bytes)
            .or(self.charset)
            .or_else(|| declared(&bytes))
            .unwrap_or(Charset::UTF_8_MARKED);
        let text = charset.whole(bytes)?;
        // The reader of an encoding gives nothing but UTF-8.
        let text = str::from_utf8(&text).unwrap_or_default();
        let document = document(text, self.kind == XmlKind::Typed)?;
        if self.keep {
            ending.response = document.clone();
        }
        match self.kind {
            XmlKind::Plain | XmlKind::Typed => rows.push(Row::from(document)),
            XmlKind::Feed => rows.extend(super::feed::entries(&document)),
        }
        Ok(ending)
    }
}

/// The encoding that a byte order mark tells.
fn marked(bytes: &[u8]) -> Option<Charset> {
    let is_wide = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    if is_wide {
        return Charset::named("utf-16");
    }
    bytes
        .starts_with(b"\xef\xbb\xbf")
        .then_some(Charset::UTF_8_MARKED)
}

/// The encoding that the document's first line tells. Wide encodings cannot tell it so.
fn declared(bytes: &[u8]) -> Option<Charset> {
    let line = bytes.get(..bytes.len().min(200))?;
    let line = String::from_utf8_lossy(line);
    let (declaration, _) = line.strip_prefix("<?xml")?.split_once("?>")?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let name = value.split(['"', '\'']).nth(1)?;
    if name.to_ascii_lowercase().starts_with("utf-16") {
        return None;
    }
    Charset::named(name)
}

/// An element that is open.
#[derive(Default)]
struct Element {
    name: CompactString,
    members: Members,
    text: String,
}

/// Members in order; from a good many on they are found by hash.
#[derive(Default)]
struct Members {
    list: Vec<(CompactString, Value)>,
    places: HashMap<CompactString, usize>,
}

impl Members {
    const FEW: usize = 24;

    fn find(&self, name: &str) -> Option<usize> {
        if self.places.is_empty() {
            return self.list.iter().position(|(known, _)| known == name);
        }
        self.places.get(name).copied()
    }

    /// A second one of the same name makes a list of both.
    fn add(&mut self, name: CompactString, value: Value) {
        let found = self.find(&name);
        match found.and_then(|place| self.list.get_mut(place)) {
            Some((_, Value::List(items))) => items.push(value),
            Some((_, slot)) => *slot = Value::List(vec![std::mem::take(slot), value]),
            None => {
                self.list.push((name, value));
                if self.list.len() == Self::FEW {
                    let names = self.list.iter().enumerate();
                    self.places = names.map(|(n, (name, _))| (name.clone(), n)).collect();
                } else if let Some((name, _)) = self.list.last()
                    && self.list.len() > Self::FEW
                {
                    self.places.insert(name.clone(), self.list.len() - 1);
                }
            }
        }
    }
}

impl Element {
    /// The value that the element says it is; none where it says nothing of it.
    fn typed(&mut self) -> Option<Value> {
        let take = |members: &mut Members, name: &str| {
            let place = members.find(name)?;
            members.places.clear();
            Some(members.list.remove(place).1)
        };
        if take(&mut self.members, "@nil").is_some_and(|nil| nil.as_text() == Some("true")) {
            return Some(Value::Null);
        }
        let kind = take(&mut self.members, "@type")?;
        let text = self.text.trim();
        let number = || match model::json::parse(text.as_bytes()) {
            Ok(number @ (Value::Int(_) | Value::UInt(_) | Value::Decimal(_))) => Some(number),
            _ => None,
        };
        match kind.as_text()? {
            "integer" | "decimal" | "float" => number(),
            "boolean" => match text {
                "true" | "1" => Some(Value::Bool(true)),
                "false" | "0" => Some(Value::Bool(false)),
                _ => None,
            },
            "array" => {
                let mut items = Vec::new();
                for (name, member) in std::mem::take(&mut self.members.list) {
                    match member {
                        _ if name.starts_with('@') => {}
                        Value::List(several) => items.extend(several),
                        one => items.push(one),
                    }
                }
                Some(Value::List(items))
            }
            _ => None,
        }
    }

    fn into_value(mut self) -> Value {
        let text = self.text.trim();
        if self.members.list.is_empty() {
            return if text.is_empty() {
                Value::Null
            } else {
                Value::text(text)
            };
        }
        if !text.is_empty() {
            self.members.add("#text".into(), Value::text(text));
        }
        Value::Object(self.members.list.into_iter().collect::<Object>())
    }
}

fn malformed(problem: String) -> DecodeError {
    DecodeError::Malformed {
        format: "XML",
        problem,
    }
}

fn document(text: &str, is_typed: bool) -> Result<Value, DecodeError> {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.expand_empty_elements = true;
    let mut open: Vec<Element> = Vec::new();
    let mut root: Option<(CompactString, Value)> = None;
    let mut has_type = false;
    loop {
        let place = reader.buffer_position();
        let fail = |problem: &str| malformed(format!("byte {place}: {problem}"));
        let event = reader
            .read_event()
            .map_err(|error| malformed(format!("byte {place}: {error}")))?;
        match event {
            Event::Start(start) => {
                if root.is_some() && open.is_empty() {
                    return Err(fail("a second element at the top"));
                }
                if open.len() >= MAX_DEPTH {
                    return Err(fail("more than 128 levels of nesting"));
                }
                let element = element(&start, has_type).map_err(|problem| fail(&problem))?;
                open.push(element);
            }
            Event::End(_) => {
                let Some(mut closed) = open.pop() else {
                    return Err(fail("an end without a beginning"));
                };
                let name = closed.name.clone();
                let value = match is_typed.then(|| closed.typed()).flatten() {
                    Some(value) => value,
                    None => closed.into_value(),
                };
                match open.last_mut() {
                    Some(parent) => parent.members.add(name, value),
                    None => root = Some((name, value)),
                }
            }
            Event::Text(content) => {
                let content = content.xml10_content();
                match open.last_mut() {
                    Some(element) => element.text.push_str(&content),
                    None if content.trim().is_empty() => {}
                    None => return Err(fail("text outside of the element at the top")),
                }
            }
            Event::CData(content) => match open.last_mut() {
                Some(element) => element.text.push_str(&content.xml10_content()),
                None => return Err(fail("text outside of the element at the top")),
            },
            Event::GeneralRef(reference) => {
                let meant = meaning(&reference, has_type).map_err(|problem| fail(&problem))?;
                match open.last_mut() {
                    Some(element) => element.text.extend(meant),
                    None => return Err(fail("text outside of the element at the top")),
                }
            }
            Event::DocType(_) => has_type = true,
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    match (root, open.last()) {
        (_, Some(element)) => Err(malformed(format!(
            "the element {} is never closed",
            element.name
        ))),
        (None, None) => Err(malformed("there is no element".into())),
        (Some((name, value)), None) => {
            let mut object = Object::with_capacity(1);
            object.push(name, value);
            Ok(Value::Object(object))
        }
    }
}

fn element(start: &BytesStart<'_>, has_type: bool) -> Result<Element, String> {
    let mut element = Element {
        name: start.name().as_ref().into(),
        ..Element::default()
    };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = attribute
            .normalized_value_with(XmlVersion::Implicit1_0, 1, |name| {
                predefined(name).or(has_type.then_some(""))
            })
            .map_err(|error| error.to_string())?;
        let name = format_compact!("@{}", attribute.key.as_ref());
        element.members.add(name, Value::text(&*value));
    }
    Ok(element)
}

fn predefined(name: &str) -> Option<&'static str> {
    Some(match name {
        "lt" => "<",
        "gt" => ">",
        "amp" => "&",
        "apos" => "'",
        "quot" => "\"",
        _ => return None,
    })
}

fn meaning(reference: &BytesRef<'_>, has_type: bool) -> Result<Option<char>, String> {
    if let Some(c) = reference
        .resolve_char_ref()
        .map_err(|error| error.to_string())?
    {
        return Ok(Some(c));
    }
    let name = reference.xml10_content();
    match predefined(&name) {
        Some(text) => Ok(text.chars().next()),
        None if has_type => Ok(None),
        None => Err(format!("the entity &{name}; is not known")),
    }
}
