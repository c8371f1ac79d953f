//! What a field can hold.
//!
//! A value keeps what the platform said: `1.10` stays `1.10`, `9007199254740993` is not rounded,
//! a timestamp keeps its offset, and an object keeps the order of its members.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use compact_str::CompactString;
use jiff::civil;
use xxhash_rust::xxh3::xxh3_128;

use crate::number::Decimal;
use crate::path::{FieldPath, Segment};

/// A single value of a record.
///
/// Two values are equal (`==`) when they are the same to the letter. Use [`Value::same_as`] to ask
/// whether a platform would take them for the same thing (`1.10` and `1.1`).
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Present, and explicitly nothing.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// Any integer that fits in 64 bits with a sign.
    Int(i64),
    /// An integer above [`i64::MAX`]; smaller ones are always [`Value::Int`]. Build with [`Value::from_u64`].
    UInt(u64),
    /// A number with a fraction or an exponent, digits as they came.
    Decimal(Decimal),
    /// A binary floating point number: only where a source really has one.
    Float(f64),
    /// Text.
    Text(CompactString),
    /// Raw bytes; base64 on the wire.
    Bytes(Vec<u8>),
    /// A calendar date without a zone.
    Date(civil::Date),
    /// A time of day without a zone.
    Time(civil::Time),
    /// A point in time with the offset it was written with.
    Timestamp(Timestamp),
    /// Values in order.
    List(Vec<Value>),
    /// Named values in the order of the source.
    Object(Object),
}

/// A point in time together with the offset from UTC it was written with (RFC 3339).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// The point in time.
    pub instant: jiff::Timestamp,
    /// Seconds east of UTC.
    pub offset_seconds: i32,
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.offset_seconds == 0 {
            return write!(f, "{}", self.instant);
        }
        match jiff::tz::Offset::from_seconds(self.offset_seconds) {
            Ok(offset) => write!(f, "{}", self.instant.display_with_offset(offset)),
            Err(_) => write!(f, "{}", self.instant),
        }
    }
}

/// Named values in source order. Look-ups are linear: records have tens of fields, not thousands.
///
/// Copies share their members until one of them is changed: a record is handed on from the mapping to the journal, the
/// platform, the link and the history.
#[derive(Clone, Default)]
pub struct Object(Option<Arc<Members>>);

type Members = Vec<(CompactString, Value)>;

impl Object {
    /// An object without members.
    pub const fn new() -> Self {
        Self(None)
    }

    /// An empty object with room for `n` members.
    pub fn with_capacity(n: usize) -> Self {
        match n {
            0 => Self::new(),
            n => Self(Some(Arc::new(Vec::with_capacity(n)))),
        }
    }

    fn members(&self) -> &[(CompactString, Value)] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }

    fn members_mut(&mut self) -> &mut Members {
        Arc::make_mut(self.0.get_or_insert_default())
    }

    /// The member called `name`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.members()
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    /// The member called `name` and its place, looked for at `hint` first: records of one stream have their
    /// members in the same places.
    pub fn get_near(&self, name: &str, hint: usize) -> Option<(usize, &Value)> {
        let members = self.members();
        if let Some((key, value)) = members.get(hint)
            && key == name
        {
            return Some((hint, value));
        }
        let place = members.iter().position(|(key, _)| key == name)?;
        members.get(place).map(|(_, value)| (place, value))
    }

    /// The member called `name`, to change it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        let place = self.members().iter().position(|(key, _)| key == name)?;
        self.members_mut().get_mut(place).map(|(_, value)| value)
    }

    /// Sets a member: replaces it where it stands, or appends it.
    pub fn insert(&mut self, name: impl Into<CompactString>, value: Value) {
        let name = name.into();
        let members = self.members_mut();
        match members.iter_mut().find(|(key, _)| *key == name) {
            Some((_, slot)) => *slot = value,
            None => members.push((name, value)),
        }
    }

    /// Appends a member without looking for one of the same name. For decoders that know better.
    pub fn push(&mut self, name: impl Into<CompactString>, value: Value) {
        self.members_mut().push((name.into(), value));
    }

    /// Takes a member out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let index = self.members().iter().position(|(key, _)| key == name)?;
        Some(self.members_mut().remove(index).1)
    }

    /// Members in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.members()
            .iter()
            .map(|(key, value)| (key.as_str(), value))
    }

    /// Members in order, to change the values.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Value)> {
        let members = self.0.as_mut().map(Arc::make_mut);
        let members = members.map_or_else(Default::default, |members| members.iter_mut());
        members.map(|(key, value)| (key.as_str(), value))
    }

    /// That of the value that it is.
    pub fn fingerprint(&self) -> Fingerprint {
        fingerprint_by(|hashed| hash_object(hashed, self))
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members().len()
    }

    /// True when there are no members.
    pub fn is_empty(&self) -> bool {
        self.members().is_empty()
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(left), Some(right)) if Arc::ptr_eq(left, right) => true,
            _ => self.members() == other.members(),
        }
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Object").field(&self.members()).finish()
    }
}

impl From<Members> for Object {
    fn from(members: Members) -> Self {
        if members.is_empty() {
            return Self::new();
        }
        Self(Some(Arc::new(members)))
    }
}

impl FromIterator<(CompactString, Value)> for Object {
    fn from_iter<T: IntoIterator<Item = (CompactString, Value)>>(iter: T) -> Self {
        Self::from(iter.into_iter().collect::<Members>())
    }
}

impl IntoIterator for Object {
    type Item = (CompactString, Value);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0
            .map(Arc::unwrap_or_clone)
            .unwrap_or_default()
            .into_iter()
    }
}

impl Value {
    /// Text, without the ceremony.
    pub fn text(text: impl Into<CompactString>) -> Self {
        Self::Text(text.into())
    }

    /// The integer variant that holds `n`.
    pub fn from_u64(n: u64) -> Self {
        i64::try_from(n).map_or(Self::UInt(n), Self::Int)
    }

    /// The text, if this is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The object, if this is one.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The items, if this is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// True for null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// True for null, empty text, an empty list and an empty object.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Object(object) => object.is_empty(),
            _ => false,
        }
    }

    /// The word a person reads for this kind of value.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true/false",
            Self::Int(_) | Self::UInt(_) => "whole number",
            Self::Decimal(_) | Self::Float(_) => "number",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::Date(_) => "date",
            Self::Time(_) => "time",
            Self::Timestamp(_) => "date and time",
            Self::List(_) => "list",
            Self::Object(_) => "object",
        }
    }

    /// The value at `path`; none where a step of the path is not there.
    ///
    /// A `[]` step is only followed at the end of a path (the list itself); use mapping steps to
    /// reach into items.
    pub fn at(&self, path: &FieldPath) -> Option<&Value> {
        let mut here = self;
        for segment in path.segments() {
            here = match (segment, here) {
                (Segment::Name(name), Self::Object(object)) => object.get(name)?,
                (Segment::Index(index), Self::List(items)) => items.get(*index)?,
                (Segment::Each, Self::List(_)) => here,
                _ => return None,
            };
        }
        Some(here)
    }

    /// Puts `value` at `path`, making the objects on the way. A non-object on the way is replaced.
    pub fn put(&mut self, path: &FieldPath, value: Value) {
        let mut here = self;
        for segment in path.segments() {
            let Segment::Name(name) = segment else {
                continue;
            };
            if !matches!(here, Self::Object(_)) {
                *here = Self::Object(Object::new());
            }
            let Self::Object(object) = here else { return };
            if object.get(name).is_none() {
                object.push(name.clone(), Self::Null);
            }
            let Some(next) = object.get_mut(name) else {
                return;
            };
            here = next;
        }
        *here = value;
    }

    /// Whether a platform would take both for the same thing: numbers by amount, points in time by
    /// instant, dates and their text alike, objects regardless of order.
    pub fn same_as(&self, other: &Self) -> bool {
        self == other || self.fingerprint() == other.fingerprint()
    }

    /// 128 bits that are equal exactly when [`Value::same_as`] holds (up to chance).
    pub fn fingerprint(&self) -> Fingerprint {
        fingerprint_by(|hashed| hash_into(hashed, self))
    }
}

/// A short stand-in for a value: equal when the value did not change. Not a secret, not a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub u128);

impl Fingerprint {
    /// The 16 bytes to store.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// From the 16 stored bytes; none when there are not 16.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(u128::from_be_bytes(bytes.try_into().ok()?)))
    }
}

thread_local! {
    /// What is hashed is gathered first: many small pieces cost more than one large.
    static HASHED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A buffer that is larger than this is not kept.
const LARGEST_HASHED: usize = 1 << 16;

fn fingerprint_by(write: impl FnOnce(&mut Vec<u8>)) -> Fingerprint {
    HASHED.with_borrow_mut(|hashed| {
        hashed.clear();
        write(hashed);
        let fingerprint = Fingerprint(xxh3_128(hashed));
        if hashed.capacity() > LARGEST_HASHED {
            *hashed = Vec::new();
        }
        fingerprint
    })
}

fn hash_into(hashed: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => hashed.extend_from_slice(b"n"),
        Value::Bool(true) => hashed.extend_from_slice(b"t"),
        Value::Bool(false) => hashed.extend_from_slice(b"f"),
        Value::Int(n) => hash_number(hashed, itoa(*n).as_str()),
        Value::UInt(n) => hash_number(hashed, n.to_string().as_str()),
        Value::Decimal(decimal) => hash_number(hashed, &decimal.normalised()),
        Value::Float(float) => match Decimal::from_f64(*float) {
            Some(decimal) => hash_number(hashed, &decimal.normalised()),
            None => hash_text(hashed, &float.to_string()),
        },
        Value::Text(text) => hash_text(hashed, text),
        Value::Bytes(bytes) => {
            hashed.extend_from_slice(b"b");
            hashed.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            hashed.extend_from_slice(bytes);
        }
        Value::Date(date) => hash_text(hashed, &date.to_string()),
        Value::Time(time) => hash_text(hashed, &time.to_string()),
        // The wire form, so that what we sent and what comes back as text compare equal.
        Value::Timestamp(timestamp) => hash_text(hashed, &timestamp.to_string()),
        Value::List(items) => {
            hashed.extend_from_slice(b"[");
            hashed.extend_from_slice(&(items.len() as u64).to_le_bytes());
            for item in items {
                hash_into(hashed, item);
            }
        }
        Value::Object(object) => hash_object(hashed, object),
    }
}

fn hash_object(hashed: &mut Vec<u8>, object: &Object) {
    hashed.extend_from_slice(b"{");
    hashed.extend_from_slice(&(object.len() as u64).to_le_bytes());
    if object.iter().is_sorted_by(|(a, _), (b, _)| a <= b) {
        for (name, member) in object.iter() {
            hash_text(hashed, name);
            hash_into(hashed, member);
        }
        return;
    }
    let mut members: Vec<(&str, &Value)> = object.iter().collect();
    members.sort_by_key(|(name, _)| *name);
    for (name, member) in members {
        hash_text(hashed, name);
        hash_into(hashed, member);
    }
}

fn itoa(n: i64) -> String {
    n.to_string()
}

fn hash_number(hashed: &mut Vec<u8>, digits: &str) {
    hashed.extend_from_slice(b"#");
    hashed.extend_from_slice(&(digits.len() as u64).to_le_bytes());
    hashed.extend_from_slice(digits.as_bytes());
}

fn hash_text(hashed: &mut Vec<u8>, text: &str) {
    hashed.extend_from_slice(b"\"");
    hashed.extend_from_slice(&(text.len() as u64).to_le_bytes());
    hashed.extend_from_slice(text.as_bytes());
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}
impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}
impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}
impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value.into())
    }
}
impl From<Object> for Value {
    fn from(value: Object) -> Self {
        Self::Object(value)
    }
}
impl From<Vec<Value>> for Value {
    fn from(value: Vec<Value>) -> Self {
        Self::List(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_same(left: &str, right: &str, same: bool) {
        let left = crate::json::parse(left.as_bytes()).unwrap();
        let right = crate::json::parse(right.as_bytes()).unwrap();
        assert_eq!(left.same_as(&right), same, "{left:?} {right:?}");
    }

    #[test]
    fn values_are_the_same_when_a_platform_would_take_them_for_the_same() {
        check_same("1.10", "1.1", true);
        check_same("1e2", "100", true);
        check_same("1.10", "\"1.10\"", false);
        check_same(r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#, true);
        check_same(r#"{"a":1}"#, r#"{"a":1,"b":null}"#, false);
        check_same("[1,2]", "[2,1]", false);
        check_same("[[1],2]", "[[1,2]]", false);
        check_same("9007199254740993", "9007199254740992", false);
    }

    #[test]
    fn a_date_has_the_fingerprint_of_its_text() {
        let date = Value::Date(civil::date(2024, 3, 31));
        assert_eq!(date.fingerprint(), Value::text("2024-03-31").fingerprint());
    }

    #[test]
    fn a_member_is_found_wherever_the_hint_points() {
        let object: Object = [("a", 1), ("b", 2)]
            .map(|(name, n)| (name.into(), Value::Int(n)))
            .into_iter()
            .collect();
        for hint in [0, 1, 9] {
            assert_eq!(object.get_near("b", hint), Some((1, &Value::Int(2))));
            assert_eq!(object.get_near("c", hint), None);
        }
    }

    #[test]
    fn put_makes_the_objects_on_the_way() {
        let mut value = Value::Null;
        value.put(&"location.city".parse().unwrap(), "Rosario".into());
        value.put(&"location.country_code".parse().unwrap(), "AR".into());
        assert_eq!(
            crate::json::to_string(&value),
            r#"{"location":{"city":"Rosario","country_code":"AR"}}"#
        );
    }
}
