//! A record as it came: the platform's own bytes, of which only the members that somebody asks for are read.
//!
//! Most fields of most records are only carried along. A [`Row`] knows where each top-level member stands in
//! the page's bytes; reading a member decodes that member, setting one keeps the others as they came, and
//! writing the row copies bytes. What is not a JSON object, or did not come as JSON, is held as a [`Value`].

use std::borrow::Cow;

use bytes::Bytes;
use compact_str::CompactString;

use crate::json::scan::{self, Stop};
use crate::json::{self, JsonError};
use crate::value::{Object, Value};

/// Largest record, in bytes: places are kept in 32 bits.
pub const LARGEST_ROW: usize = u32::MAX as usize / 2;

/// One record.
#[derive(Clone, Debug)]
pub struct Row(Form);

#[derive(Clone, Debug)]
enum Form {
    Lazy(Lazy),
    Whole(Value),
}

#[derive(Clone, Debug)]
struct Lazy {
    /// The object's text, from its opening to its closing brace.
    text: Bytes,
    members: Vec<Member>,
    /// Members that were set since.
    set: Vec<(CompactString, Given)>,
    /// Whether the text says no longer what the row is.
    is_edited: bool,
    /// Whether a top-level member is null, so that writing without nulls has something to leave out.
    has_null: bool,
    /// Whether there is white space between the text's parts.
    has_space: bool,
}

/// What a member was set to.
#[derive(Clone, Debug)]
enum Given {
    Value(Value),
    /// JSON without white space between its parts: an object of which only some members were touched.
    Json(Bytes),
}

impl Given {
    fn value(&self) -> Value {
        match self {
            Self::Value(value) => value.clone(),
            Self::Json(text) => json::parse(text).unwrap_or_default(),
        }
    }

    const fn is_null(&self) -> bool {
        matches!(self, Self::Value(Value::Null))
    }
}

/// Where a member stands in the text; `value_end` 0 points to [`Lazy::set`] with `name_at`.
#[derive(Clone, Copy, Debug)]
struct Member {
    name_at: u32,
    /// 0: the name has escapes and is read when it is asked for.
    name_end: u32,
    value_at: u32,
    value_end: u32,
}

impl Member {
    const fn set(place: u32) -> Self {
        Self {
            name_at: place,
            name_end: 0,
            value_at: 0,
            value_end: 0,
        }
    }

    const fn is_set(self) -> bool {
        self.value_end == 0
    }
}

const fn small(place: usize) -> u32 {
    // Rows are never larger than `LARGEST_ROW`.
    place as u32
}

impl Lazy {
    fn slice(&self, from: u32, to: u32) -> &[u8] {
        self.text
            .get(from as usize..to as usize)
            .unwrap_or_default()
    }

    fn name(&self, member: Member) -> Cow<'_, str> {
        if member.is_set() {
            let name = self.set.get(member.name_at as usize);
            return name.map_or("", |(name, _)| name.as_str()).into();
        }
        if member.name_end == 0 {
            let quoted = self.slice(member.name_at, member.value_at);
            let end = scan::string(quoted, 0).map_or(quoted.len(), |(end, _)| end);
            return match json::parse(quoted.get(..end).unwrap_or_default()) {
                Ok(Value::Text(name)) => name.to_string().into(),
                _ => "".into(),
            };
        }
        str::from_utf8(self.slice(member.name_at, member.name_end))
            .unwrap_or_default()
            .into()
    }

    fn is_named(&self, member: Member, name: &str) -> bool {
        if member.is_set() || member.name_end == 0 {
            return self.name(member) == name;
        }
        // Most names differ in length: that is seen without looking at them.
        (member.name_end - member.name_at) as usize == name.len()
            && self.slice(member.name_at, member.name_end) == name.as_bytes()
    }

    /// The last one of that name, as in every common reader.
    fn find(&self, name: &str) -> Option<(usize, Member)> {
        self.members
            .iter()
            .enumerate()
            .rev()
            .find(|(_, member)| self.is_named(**member, name))
            .map(|(place, member)| (place, *member))
    }

    fn value(&self, member: Member) -> Value {
        if member.is_set() {
            let set = self.set.get(member.name_at as usize);
            return set.map_or(Value::Null, |(_, given)| given.value());
        }
        json::parse(self.slice(member.value_at, member.value_end)).unwrap_or_default()
    }

    /// Appends members that stand one after the other, after what was written since `start`.
    fn copy_run(&self, out: &mut Vec<u8>, start: usize, run: std::ops::Range<u32>) {
        if run.is_empty() {
            return;
        }
        if out.len() > start {
            out.push(b',');
        }
        out.extend_from_slice(self.slice(run.start, run.end));
    }

    fn give(&mut self, name: &str, given: Given) {
        self.is_edited = true;
        self.has_null |= given.is_null();
        match self.find(name) {
            Some((_, member)) if member.is_set() => {
                if let Some((_, slot)) = self.set.get_mut(member.name_at as usize) {
                    *slot = given;
                }
            }
            found => {
                let member = Member::set(small(self.set.len()));
                self.set.push((name.into(), given));
                match found.and_then(|(place, _)| self.members.get_mut(place)) {
                    Some(slot) => *slot = member,
                    None => self.members.push(member),
                }
            }
        }
    }

    fn to_object(&self) -> Object {
        let mut object = Object::with_capacity(self.members.len());
        for member in &self.members {
            let value = self.value(*member);
            object.insert(self.name(*member).as_ref(), value);
        }
        object
    }
}

impl Row {
    /// Reads the value that begins at `at` in a page's bytes (not at white space), `depth` levels down in it, and says
    /// where it ends. The row shares the bytes.
    pub fn scan(page: &Bytes, at: usize, depth: usize) -> Result<(Self, usize), Stop> {
        let bytes = page.as_ref();
        if bytes.get(at) != Some(&b'{') {
            let end = scan::value(bytes, at, depth)?.end;
            let text = bytes.get(at..end).unwrap_or_default();
            let value = json::parse(text).map_err(|error| moved(error, at))?;
            return Ok((Self(Form::Whole(value)), end));
        }
        let bad = |at, expected| Stop::Bad(JsonError { at, expected });
        let mut members = Vec::with_capacity(20);
        let (mut has_null, mut has_space) = (false, false);
        let skip = |from: usize, has_space: &mut bool| {
            let next = scan::white_space(bytes, from);
            *has_space |= next != from;
            next
        };
        let mut here = skip(at + 1, &mut has_space);
        let end = if bytes.get(here) == Some(&b'}') {
            here + 1
        } else {
            loop {
                match bytes.get(here) {
                    Some(b'"') => {}
                    Some(_) => return Err(bad(here, "a member name in quotes")),
                    None => return Err(Stop::More),
                }
                let (name_end, escaped) = scan::string(bytes, here)?;
                let colon = skip(name_end, &mut has_space);
                match bytes.get(colon) {
                    Some(b':') => {}
                    Some(_) => return Err(bad(colon, ":")),
                    None => return Err(Stop::More),
                }
                let value_at = skip(colon + 1, &mut has_space);
                let value = scan::value(bytes, value_at, depth + 1)?;
                if value.end - at > LARGEST_ROW {
                    return Err(bad(here, "a record of less than 1 GiB"));
                }
                has_null |= bytes.get(value_at) == Some(&b'n');
                has_space |= value.has_space;
                let name_at = if escaped { here } else { here + 1 };
                members.push(Member {
                    name_at: small(name_at - at),
                    name_end: if escaped { 0 } else { small(name_end - 1 - at) },
                    value_at: small(value_at - at),
                    value_end: small(value.end - at),
                });
                let after = skip(value.end, &mut has_space);
                match bytes.get(after) {
                    Some(b',') => here = skip(after + 1, &mut has_space),
                    Some(b'}') => break after + 1,
                    Some(_) => return Err(bad(after, ", or }")),
                    None => return Err(Stop::More),
                }
            }
        };
        let text = page.slice(at..end);
        if let Err(error) = str::from_utf8(&text) {
            return Err(bad(at + error.valid_up_to(), "UTF-8"));
        }
        let lazy = Lazy {
            text,
            members,
            set: Vec::new(),
            is_edited: false,
            has_null,
            has_space,
        };
        Ok((Self(Form::Lazy(lazy)), end))
    }

    /// The row that a whole JSON text is.
    pub fn parse(text: &Bytes) -> Result<Self, JsonError> {
        let bad = |at, expected| JsonError { at, expected };
        let at = scan::white_space(text, 0);
        let (row, end) = Self::scan(text, at, 0).map_err(|stop| match stop {
            Stop::More => bad(text.len(), "the rest of the value"),
            Stop::Bad(error) => error,
        })?;
        let end = scan::white_space(text, end);
        if end < text.len() {
            return Err(bad(end, "the end of the document"));
        }
        Ok(row)
    }

    /// Whether it is an object; anything else is a record only by courtesy.
    pub fn is_object(&self) -> bool {
        matches!(&self.0, Form::Lazy(_) | Form::Whole(Value::Object(_)))
    }

    /// Whether it is an object without members.
    pub fn is_empty_object(&self) -> bool {
        match &self.0 {
            Form::Lazy(lazy) => lazy.members.is_empty(),
            Form::Whole(Value::Object(object)) => object.is_empty(),
            Form::Whole(_) => false,
        }
    }

    /// The member called `name`, read now.
    pub fn get(&self, name: &str) -> Option<Value> {
        match &self.0 {
            Form::Lazy(lazy) => lazy.find(name).map(|(_, member)| lazy.value(member)),
            Form::Whole(value) => value.as_object()?.get(name).cloned(),
        }
    }

    /// What stands at a path of names, read now and without reading its neighbours; none where there is no such member.
    pub fn at<'n>(&self, path: impl IntoIterator<Item = &'n str>) -> Option<Value> {
        let mut path = path.into_iter();
        let lazy = match &self.0 {
            Form::Lazy(lazy) => lazy,
            Form::Whole(value) => return within(value, path),
        };
        let Some(first) = path.next() else {
            return Some(self.to_value());
        };
        let (_, member) = lazy.find(first)?;
        if member.is_set() {
            return within(&lazy.value(member), path);
        }
        let mut text = lazy.slice(member.value_at, member.value_end);
        for name in path {
            text = scan::member(text, name)?;
        }
        Some(json::parse(text).unwrap_or_default())
    }

    /// Its members of these names, read now; all of it where it is not an object.
    pub fn part(&self, names: &[CompactString]) -> Value {
        if !self.is_object() {
            return self.to_value();
        }
        let mut part = Object::with_capacity(names.len());
        for name in names {
            if let Some(value) = self.get(name) {
                part.push(name.clone(), value);
            }
        }
        Value::Object(part)
    }

    /// The JSON text of the member called `name`, where it still stands as it came.
    pub fn raw(&self, name: &str) -> Option<&[u8]> {
        match &self.0 {
            Form::Lazy(lazy) => {
                let (_, member) = lazy.find(name)?;
                (!member.is_set()).then(|| lazy.slice(member.value_at, member.value_end))
            }
            Form::Whole(_) => None,
        }
    }

    /// The text of the member called `name`, where it is text without escapes that stands as it came.
    pub fn raw_text(&self, name: &str) -> Option<&str> {
        let inner = self.raw(name)?.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        if inner.contains(&b'\\') {
            return None;
        }
        str::from_utf8(inner).ok()
    }

    /// The JSON text of all of it, where it stands as it came; rows made from it can share its bytes.
    pub fn text(&self) -> Option<&Bytes> {
        match &self.0 {
            Form::Lazy(lazy) if !lazy.is_edited => Some(&lazy.text),
            Form::Lazy(_) | Form::Whole(_) => None,
        }
    }

    /// Whether there is a member called `name`.
    pub fn has(&self, name: &str) -> bool {
        match &self.0 {
            Form::Lazy(lazy) => lazy.find(name).is_some(),
            Form::Whole(value) => value
                .as_object()
                .is_some_and(|object| object.get(name).is_some()),
        }
    }

    /// The names of its members, in order.
    pub fn names(&self) -> Vec<CompactString> {
        match &self.0 {
            Form::Lazy(lazy) => {
                let mut names: Vec<CompactString> = Vec::with_capacity(lazy.members.len());
                for member in &lazy.members {
                    let name = lazy.name(*member);
                    if lazy.find(&name).is_some_and(|(_, last)| {
                        (last.name_at, last.value_at) == (member.name_at, member.value_at)
                    }) {
                        names.push(name.into());
                    }
                }
                names
            }
            Form::Whole(Value::Object(object)) => {
                object.iter().map(|(name, _)| name.into()).collect()
            }
            Form::Whole(_) => Vec::new(),
        }
    }

    /// Sets a member where it stands, or appends it. What is not an object becomes one.
    pub fn set(&mut self, name: &str, value: Value) {
        match &mut self.0 {
            Form::Lazy(lazy) => lazy.give(name, Given::Value(value)),
            Form::Whole(Value::Object(object)) => object.insert(name, value),
            Form::Whole(other) => {
                let mut object = Object::new();
                object.push(name, value);
                *other = Value::Object(object);
            }
        }
    }

    /// Lets somebody change the object that is the member called `name`, of which no more is read than they ask for.
    /// False where there is no such object that stands as it came.
    pub fn change_object(&mut self, name: &str, change: impl FnOnce(&mut Self)) -> bool {
        let Form::Lazy(lazy) = &mut self.0 else {
            return false;
        };
        let inner = lazy
            .find(name)
            .filter(|(_, member)| !member.is_set())
            .map(|(_, member)| member.value_at as usize)
            .filter(|at| lazy.text.get(*at) == Some(&b'{'))
            .and_then(|at| Self::scan(&lazy.text, at, 1).ok());
        let Some((mut inner, _)) = inner else {
            return false;
        };
        change(&mut inner);
        if inner.text().is_none() {
            lazy.give(name, Given::Json(inner.to_json().into()));
        }
        true
    }

    /// Takes a member out.
    pub fn remove(&mut self, name: &str) -> bool {
        match &mut self.0 {
            Form::Lazy(lazy) => {
                let before = lazy.members.len();
                while let Some((place, _)) = lazy.find(name) {
                    lazy.members.remove(place);
                }
                let removed = lazy.members.len() < before;
                lazy.is_edited |= removed;
                removed
            }
            Form::Whole(Value::Object(object)) => object.remove(name).is_some(),
            Form::Whole(_) => false,
        }
    }

    /// All of it, read.
    pub fn to_value(&self) -> Value {
        match &self.0 {
            Form::Lazy(lazy) if lazy.is_edited => Value::Object(lazy.to_object()),
            Form::Lazy(lazy) => json::parse(&lazy.text).unwrap_or_default(),
            Form::Whole(value) => value.clone(),
        }
    }

    /// All of it, read.
    pub fn into_value(self) -> Value {
        match self.0 {
            Form::Whole(value) => value,
            lazy @ Form::Lazy(_) => Self(lazy).to_value(),
        }
    }

    /// All of it, read where it is not yet.
    pub fn as_value(&self) -> Cow<'_, Value> {
        match &self.0 {
            Form::Whole(value) => Cow::Borrowed(value),
            Form::Lazy(_) => Cow::Owned(self.to_value()),
        }
    }

    /// Reads all of it and lets somebody change it in depth.
    pub fn edit<T>(&mut self, change: impl FnOnce(&mut Value) -> T) -> T {
        let form = std::mem::replace(&mut self.0, Form::Whole(Value::Null));
        let mut value = Self(form).into_value();
        let result = change(&mut value);
        self.0 = Form::Whole(value);
        result
    }

    /// Appends the row as JSON without white space between its parts; `with_nulls` false leaves out top-level
    /// members that are null. What was not changed is copied, digit by digit.
    pub fn write(&self, out: &mut Vec<u8>, with_nulls: bool) {
        let keep = |is_null: bool| with_nulls || !is_null;
        match &self.0 {
            Form::Lazy(lazy) => {
                let copy = |out: &mut Vec<u8>, text: &[u8]| {
                    if lazy.has_space {
                        scan::write_compact(out, text);
                    } else {
                        out.extend_from_slice(text);
                    }
                };
                if !lazy.is_edited && keep(lazy.has_null) {
                    copy(out, &lazy.text);
                    return;
                }
                out.push(b'{');
                let start = out.len();
                // Neighbours that stand as they came are copied in one piece, commas included.
                let mut run = 0..0;
                for member in &lazy.members {
                    let set = member
                        .is_set()
                        .then(|| lazy.set.get(member.name_at as usize))
                        .flatten();
                    let text = lazy.slice(member.value_at, member.value_end);
                    let is_null = set.map_or(text == b"null", |(_, given)| given.is_null());
                    if !keep(is_null) {
                        continue;
                    }
                    if set.is_none() && member.name_end != 0 && !lazy.has_space {
                        let name_at = member.name_at - 1;
                        if run.end + 1 != name_at || run.is_empty() {
                            lazy.copy_run(out, start, run);
                            run = name_at..name_at;
                        }
                        run.end = member.value_end;
                        continue;
                    }
                    lazy.copy_run(out, start, std::mem::take(&mut run));
                    if out.len() > start {
                        out.push(b',');
                    }
                    match set {
                        Some((name, given)) => {
                            json::write_text_bytes(out, name);
                            out.push(b':');
                            match given {
                                Given::Value(value) => json::write_bytes(out, value),
                                Given::Json(text) => out.extend_from_slice(text),
                            }
                        }
                        None => {
                            if member.name_end == 0 {
                                json::write_text_bytes(out, &lazy.name(*member));
                            } else {
                                out.push(b'"');
                                out.extend_from_slice(lazy.slice(member.name_at, member.name_end));
                                out.push(b'"');
                            }
                            out.push(b':');
                            copy(out, text);
                        }
                    }
                }
                lazy.copy_run(out, start, run);
                out.push(b'}');
            }
            Form::Whole(Value::Object(object)) => {
                out.push(b'{');
                let mut first = true;
                for (name, value) in object.iter().filter(|(_, value)| keep(value.is_null())) {
                    if !std::mem::take(&mut first) {
                        out.push(b',');
                    }
                    json::write_text_bytes(out, name);
                    out.push(b':');
                    json::write_bytes(out, value);
                }
                out.push(b'}');
            }
            Form::Whole(value) => json::write_bytes(out, value),
        }
    }

    /// As JSON text, nulls included.
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.weight());
        self.write(&mut out, true);
        out
    }

    /// A short stand-in for what it says: equal for equal texts. Not a secret, not a signature.
    pub fn mark(&self) -> u64 {
        match &self.0 {
            Form::Lazy(lazy) if !lazy.is_edited => xxhash_rust::xxh3::xxh3_64(&lazy.text),
            _ => xxhash_rust::xxh3::xxh3_64(&self.to_json()),
        }
    }

    /// About how many bytes it holds on to, beside its share of the page.
    pub fn weight(&self) -> usize {
        match &self.0 {
            Form::Lazy(lazy) => lazy.text.len(),
            Form::Whole(_) => 512,
        }
    }
}

impl Default for Row {
    fn default() -> Self {
        Self(Form::Whole(Value::Null))
    }
}

impl From<Value> for Row {
    fn from(value: Value) -> Self {
        Self(Form::Whole(value))
    }
}

/// Rows are equal when what they say is.
impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.to_value() == other.to_value()
    }
}

/// What stands at a path of names in a value.
fn within<'n>(value: &Value, path: impl Iterator<Item = &'n str>) -> Option<Value> {
    let mut here = value;
    for name in path {
        here = here.as_object()?.get(name)?;
    }
    Some(here.clone())
}

fn moved(error: JsonError, by: usize) -> Stop {
    Stop::Bad(JsonError {
        at: error.at + by,
        ..error
    })
}

#[cfg(test)]
mod tests;
