//! JSON to [`Value`] and back, without losing a digit.
//!
//! Our own reader rather than `serde_json::Value`, because numbers must keep their digits
//! (RFC 8259 leaves precision to the reader) and because records are decoded by the million.
//! Depth and size are bounded: the bytes come from outside.

pub mod scan;

use std::io::Write as _;

use compact_str::CompactString;

use crate::number::Decimal;
use crate::value::{Object, Value};

/// Deepest nesting that is read.
pub const MAX_DEPTH: usize = 128;

/// JSON that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not valid JSON at byte {at}: expected {expected}")]
pub struct JsonError {
    /// Offset in bytes from the start.
    pub at: usize,
    /// What would have been right.
    pub expected: &'static str,
}

/// Reads one JSON document; nothing but white space may follow it.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    let mut reader = Reader::new(bytes);
    let value = reader.value(0)?;
    reader.white_space();
    if reader.at < bytes.len() {
        return Err(reader.fail("the end of the document"));
    }
    Ok(value)
}

/// Reads JSON step by step, so that a page's records can be taken out while its frame is skipped.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn fail(&self, expected: &'static str) -> JsonError {
        JsonError {
            at: self.at,
            expected,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &'static str, value: Value) -> Result<Value, JsonError> {
        if self
            .bytes
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(word.as_bytes()))
        {
            self.at += word.len();
            Ok(value)
        } else {
            Err(self.fail("true, false or null"))
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, JsonError> {
        if depth > MAX_DEPTH {
            return Err(self.fail("less than 128 levels of nesting"));
        }
        self.white_space();
        match self.peek() {
            Some(b'"') => Ok(Value::Text(self.string()?)),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.fail("a value")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.at += 1;
        self.white_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(Object::new()));
        }
        let mut members: Vec<(CompactString, Value)> = Vec::with_capacity(8);
        let mut seen = 0_u64;
        loop {
            self.white_space();
            if self.peek() != Some(b'"') {
                return Err(self.fail("a member name in quotes"));
            }
            let name = self.string()?;
            self.white_space();
            if self.peek() != Some(b':') {
                return Err(self.fail(":"));
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            // The last of equal names wins, as in every common reader. It is only searched for where
            // a name alike was seen, and not among very many members: a hostile object must not
            // cost the square of its size.
            let mark = mark_of(&name);
            let maybe_again = seen & mark != 0;
            seen |= mark;
            let again = match maybe_again && members.len() < 64 {
                true => members.iter_mut().find(|(known, _)| *known == name),
                false => None,
            };
            match again {
                Some((_, slot)) => *slot = value,
                None => members.push((name, value)),
            }
            self.white_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::Object(members.into()));
                }
                _ => return Err(self.fail(", or }")),
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.at += 1;
        let mut items = Vec::new();
        self.white_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.white_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::List(items));
                }
                _ => return Err(self.fail(", or ]")),
            }
        }
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let start = self.at;
        let length = self
            .bytes
            .get(start..)
            .unwrap_or_default()
            .iter()
            .take_while(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .count();
        let digits = self.bytes.get(start..start + length).unwrap_or_default();
        let text = str::from_utf8(digits).map_err(|_| self.fail("a number"))?;
        let value = match number_from(text) {
            Some(value) => value,
            None => return Err(self.fail("a number of at most 400 characters")),
        };
        self.at += length;
        Ok(value)
    }

    /// Reads a string; the reader stands on its opening quote.
    fn string(&mut self) -> Result<CompactString, JsonError> {
        self.at += 1;
        let start = self.at;
        let rest = self.bytes.get(start..).unwrap_or_default();
        let plain = scan::plain_length(rest, 0);
        match rest.get(plain) {
            Some(b'"') => {
                let text =
                    str::from_utf8(rest.get(..plain).unwrap_or_default()).map_err(|error| {
                        JsonError {
                            at: start + error.valid_up_to(),
                            expected: "UTF-8",
                        }
                    })?;
                self.at = start + plain + 1;
                Ok(CompactString::from(text))
            }
            _ => self.string_with_escapes(start),
        }
    }

    fn string_with_escapes(&mut self, start: usize) -> Result<CompactString, JsonError> {
        let mut out: Vec<u8> = Vec::new();
        self.at = start;
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let plain = scan::plain_length(rest, 0);
            out.extend_from_slice(rest.get(..plain).unwrap_or_default());
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    let text = String::from_utf8(out).map_err(|_| JsonError {
                        at: start,
                        expected: "UTF-8",
                    })?;
                    return Ok(CompactString::from(text));
                }
                Some(b'\\') => {
                    self.at += 1;
                    let escaped = match self.peek() {
                        Some(b'"') => '"',
                        Some(b'\\') => '\\',
                        Some(b'/') => '/',
                        Some(b'b') => '\u{8}',
                        Some(b'f') => '\u{c}',
                        Some(b'n') => '\n',
                        Some(b'r') => '\r',
                        Some(b't') => '\t',
                        Some(b'u') => {
                            self.at += 1;
                            let c = self.unicode_escape()?;
                            let mut buffer = [0; 4];
                            out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
                            continue;
                        }
                        _ => return Err(self.fail("an escape such as \\n")),
                    };
                    self.at += 1;
                    let mut buffer = [0; 4];
                    out.extend_from_slice(escaped.encode_utf8(&mut buffer).as_bytes());
                }
                Some(_) => return Err(self.fail("no control characters in a string")),
                None => return Err(self.fail("a closing \"")),
            }
        }
    }

    /// Four hex digits, and the second half of a surrogate pair. A lone half becomes U+FFFD.
    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let first = self.hex4()?;
        if !(0xD800..0xE000).contains(&first) {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        if first < 0xDC00
            && self
                .bytes
                .get(self.at..)
                .is_some_and(|rest| rest.starts_with(b"\\u"))
        {
            let back = self.at;
            self.at += 2;
            let second = self.hex4()?;
            if (0xDC00..0xE000).contains(&second) {
                let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = back;
        }
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let digits = self
            .bytes
            .get(self.at..self.at + 4)
            .and_then(|digits| str::from_utf8(digits).ok());
        let code = digits
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| self.fail("four hexadecimal digits"))?;
        self.at += 4;
        Ok(code)
    }
}

/// One of 64 bits: equal names have the same.
fn mark_of(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let byte = |at: usize| u64::from(bytes.get(at).copied().unwrap_or(0));
    let mixed = byte(0)
        .wrapping_add(byte(bytes.len() / 2) << 2)
        .wrapping_add(byte(bytes.len().wrapping_sub(1)) << 3)
        .wrapping_add((bytes.len() as u64) << 1);
    1 << (mixed & 63)
}

fn number_from(text: &str) -> Option<Value> {
    let looks_whole = !text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
    // `-0` and numbers beyond 64 bits stay as written.
    if looks_whole && text != "-0" {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        if unsigned.len() > 1 && unsigned.starts_with('0') {
            return None;
        }
        if text.starts_with('+') {
            return None;
        }
        if let Ok(n) = text.parse::<i64>() {
            return Some(Value::Int(n));
        }
        if let Ok(n) = text.parse::<u64>() {
            return Some(Value::UInt(n));
        }
    }
    Decimal::parse(text).map(Value::Decimal)
}

/// The JSON text of a value, without spaces.
pub fn to_string(value: &Value) -> String {
    let mut out = Vec::new();
    write_bytes(&mut out, value);
    String::from_utf8(out).unwrap_or_default()
}

/// Appends the JSON text of a value. Dates, times and timestamps become ISO 8601 text, bytes base64.
pub fn write(out: &mut String, value: &Value) {
    let mut bytes = Vec::new();
    write_bytes(&mut bytes, value);
    append(out, &bytes);
}

fn append(out: &mut String, written: &[u8]) {
    // Only text is ever written.
    out.push_str(str::from_utf8(written).unwrap_or_default());
}

/// As [`write`], to bytes (always UTF-8).
pub fn write_bytes(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Int(n) => out.extend_from_slice(itoa::Buffer::new().format(*n).as_bytes()),
        Value::UInt(n) => out.extend_from_slice(itoa::Buffer::new().format(*n).as_bytes()),
        Value::Decimal(decimal) => out.extend_from_slice(decimal.as_str().as_bytes()),
        Value::Float(float) => match Decimal::from_f64(*float) {
            Some(decimal) => out.extend_from_slice(decimal.as_str().as_bytes()),
            None => out.extend_from_slice(b"null"),
        },
        Value::Text(text) => write_text_bytes(out, text),
        Value::Bytes(bytes) => write_base64(out, bytes),
        Value::Date(date) => _ = write!(out, "\"{date}\""),
        Value::Time(time) => _ = write!(out, "\"{time}\""),
        Value::Timestamp(timestamp) => _ = write!(out, "\"{timestamp}\""),
        Value::List(items) => {
            out.push(b'[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                write_bytes(out, item);
            }
            out.push(b']');
        }
        Value::Object(object) => write_object_bytes(out, object),
    }
}

/// Appends the JSON text of an object.
pub fn write_object(out: &mut String, object: &Object) {
    let mut bytes = Vec::new();
    write_object_bytes(&mut bytes, object);
    append(out, &bytes);
}

/// As [`write_object`], to bytes.
pub fn write_object_bytes(out: &mut Vec<u8>, object: &Object) {
    out.push(b'{');
    for (n, (name, member)) in object.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        write_text_bytes(out, name);
        out.push(b':');
        write_bytes(out, member);
    }
    out.push(b'}');
}

/// Appends a JSON string.
pub fn write_text(out: &mut String, text: &str) {
    let mut bytes = Vec::new();
    write_text_bytes(&mut bytes, text);
    append(out, &bytes);
}

/// As [`write_text`], to bytes: what needs no escape is copied at once.
pub fn write_text_bytes(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    out.push(b'"');
    let mut at = 0;
    loop {
        let plain = scan::plain_length(bytes, at);
        out.extend_from_slice(bytes.get(at..at + plain).unwrap_or_default());
        at += plain;
        match bytes.get(at) {
            None => break,
            Some(b'"') => out.extend_from_slice(b"\\\""),
            Some(b'\\') => out.extend_from_slice(b"\\\\"),
            Some(b'\n') => out.extend_from_slice(b"\\n"),
            Some(b'\r') => out.extend_from_slice(b"\\r"),
            Some(b'\t') => out.extend_from_slice(b"\\t"),
            Some(control) => _ = write!(out, "\\u{control:04x}"),
        }
        at += 1;
    }
    out.push(b'"');
}

fn write_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letter = |six: u8| ALPHABET.get(usize::from(six & 63)).copied().unwrap_or(b'=');
    out.push(b'"');
    for chunk in bytes.chunks(3) {
        let byte = |n: usize| chunk.get(n).copied().unwrap_or(0);
        out.push(letter(byte(0) >> 2));
        out.push(letter(byte(0) << 4 | byte(1) >> 4));
        out.push(if chunk.len() > 1 {
            letter(byte(1) << 2 | byte(2) >> 6)
        } else {
            b'='
        });
        out.push(if chunk.len() > 2 {
            letter(byte(2))
        } else {
            b'='
        });
    }
    out.push(b'"');
}

impl Value {
    /// From the loose values of documents (manifests, mappings).
    pub fn from_serde(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(flag) => Self::Bool(*flag),
            serde_json::Value::Number(number) => {
                let text = number.to_string();
                number_from(&text).unwrap_or(Self::Null)
            }
            serde_json::Value::String(text) => Self::Text(text.as_str().into()),
            serde_json::Value::Array(items) => {
                Self::List(items.iter().map(Self::from_serde).collect())
            }
            serde_json::Value::Object(members) => Self::Object(
                members
                    .iter()
                    .map(|(name, member)| (name.as_str().into(), Self::from_serde(member)))
                    .collect(),
            ),
        }
    }

    /// To the loose values of documents and views. Numbers that JSON readers in browsers would round
    /// (integers beyond 2^53, decimals beyond 15 digits) become text.
    pub fn to_serde(&self) -> serde_json::Value {
        const SAFE: u64 = 1 << 53;
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(flag) => (*flag).into(),
            Self::Int(n) if n.unsigned_abs() <= SAFE => (*n).into(),
            Self::Int(n) => n.to_string().into(),
            Self::UInt(n) => n.to_string().into(),
            Self::Decimal(decimal) => {
                // A browser prints 1.1 for 1.10: keep the digits where they would be lost.
                let float = decimal.to_f64();
                match serde_json::Number::from_f64(float) {
                    Some(number) if number.to_string() == decimal.as_str() => number.into(),
                    _ => decimal.as_str().into(),
                }
            }
            Self::Float(float) => {
                serde_json::Number::from_f64(*float).map_or(serde_json::Value::Null, Into::into)
            }
            Self::Text(text) => text.as_str().into(),
            Self::Bytes(_) | Self::Date(_) | Self::Time(_) | Self::Timestamp(_) => {
                let mut out = String::new();
                write(&mut out, self);
                out.trim_matches('"').into()
            }
            Self::List(items) => items.iter().map(Self::to_serde).collect(),
            Self::Object(object) => serde_json::Value::Object(
                object
                    .iter()
                    .map(|(name, member)| (name.to_owned(), member.to_serde()))
                    .collect(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn json_leaves_as_it_came() {
        for text in [
            "null",
            "true",
            "-12",
            "9007199254740993",
            "18446744073709551615",
            "1.10",
            "-0",
            "1e400",
            r#""a\"b\\c\n""#,
            r#"{"b":1,"a":[{},[]]}"#,
            "\"ž→🙂\"",
            "123456789012345678901234567890",
        ] {
            assert_eq!(to_string(&parse(text.as_bytes()).unwrap()), text);
        }
        assert_eq!(
            parse(br#""\ud83d\ude42\u00e9\ud800""#).unwrap(),
            Value::text("🙂é\u{fffd}")
        );
        assert_eq!(to_string(&Value::Bytes(vec![1, 2, 3, 4])), "\"AQIDBA==\"");
    }

    #[test]
    fn broken_json_names_the_place() {
        for (text, at) in [
            ("", 0),
            ("{", 1),
            ("{\"a\"}", 4),
            ("[1,]", 3),
            ("01", 0),
            ("nul", 0),
            ("\"a", 2),
            ("1 2", 2),
            ("\"\\x\"", 2),
            ("\"\u{1}\"", 1),
            ("{a:1}", 1),
            ("--1", 0),
            ("\"\\u12g4\"", 3),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap_err().at, at, "{text}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(
            parse(deep.as_bytes()).unwrap_err().expected,
            "less than 128 levels of nesting"
        );
        assert!(parse(b"\"\xff\"").is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn reading_agrees_with_serde_json(text in r#"[\[\]{},:"a0-9.e \\ntrufalsn-]{0,24}"#) {
            // serde_json refuses numbers that overflow a float; we keep their digits.
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            let ours = parse(text.as_bytes());
            match theirs {
                Ok(_) => prop_assert!(ours.is_ok(), "{text}"),
                Err(error) if error.to_string().contains("out of range") => {}
                Err(_) => prop_assert!(ours.is_err(), "{text}"),
            }
        }

        #[test]
        fn text_survives(text in ".*") {
            let value = Value::text(text.as_str());
            prop_assert_eq!(parse(to_string(&value).as_bytes()).unwrap(), value);
        }
    }
}
