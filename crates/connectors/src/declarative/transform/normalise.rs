//! Fitting records to their stream's JSON schema: `schema_normalization: Default`.
//!
//! Where the schema allows one kind of value (and perhaps null), a value of another kind is turned into it if that can be
//! done, and stays as it is otherwise: `"12"` becomes 12 for an integer, 12 becomes `"12"` for a text. Nothing is taken
//! away, and nothing else of the schema is checked.
//!
//! The kind of a value shows in the first byte of its text, so a record that fits already is looked at, not read.
//!
//! Unlike the reference, numbers that have no end (`"nan"`) stay texts, whole numbers are not turned into fractions where
//! the schema says `number`, and digits beyond those of a float are kept.

use std::collections::HashMap;

use compact_str::{CompactString, ToCompactString};
use model::json;
use model::json::scan;
use model::number::Decimal;
use model::row::Row;
use model::value::Value;
use serde_json::Value as Schema;

use crate::declarative::decode::json::is_truthy;
use crate::declarative::text::python_text;

/// References that are followed in a row.
const LONGEST_CHAIN: usize = 64;

/// A schema, as far as it says what values are to become.
#[derive(Clone, Debug)]
pub struct Normaliser {
    /// The first is the record itself.
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    target: Target,
    nullable: bool,
    properties: Vec<(CompactString, usize)>,
    items: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Target {
    #[default]
    Any,
    Text,
    Number,
    Integer,
    Bool,
    /// A single value is put into a list.
    ListOf,
}

impl Normaliser {
    /// From a JSON schema.
    pub fn compile(schema: &Schema) -> Self {
        let mut build = Build {
            root: schema,
            nodes: Vec::new(),
            known: HashMap::new(),
        };
        build.node(schema);
        Self { nodes: build.nodes }
    }

    /// Whether it leaves every record as it is.
    pub fn is_idle(&self) -> bool {
        self.nodes.first().is_none_or(Node::is_idle)
    }

    /// Fits a record.
    pub fn apply(&self, row: &mut Row) {
        let Some(root) = self.nodes.first() else {
            return;
        };
        if !row.is_object() {
            return;
        }
        for (name, id) in &root.properties {
            if row.raw(name).is_some_and(|text| self.fits(*id, text)) {
                continue;
            }
            if let Some(mut value) = row.get(name)
                && self.fit(*id, &mut value)
            {
                row.set(name, value);
            }
        }
    }

    /// Whether the value that is `text` would stay as it is.
    fn fits(&self, id: usize, text: &[u8]) -> bool {
        let Some(node) = self.nodes.get(id) else {
            return true;
        };
        let kind_fits = match (text.first(), node.target) {
            (_, Target::Any) => true,
            (Some(b'n'), target) => {
                node.nullable || matches!(target, Target::Number | Target::Integer)
            }
            (Some(b'"'), target) => target == Target::Text,
            (Some(b't' | b'f'), target) => target == Target::Bool,
            (Some(b'{' | b'['), target) => {
                matches!(target, Target::Number | Target::Integer | Target::ListOf)
            }
            (_, Target::Integer) => !text.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')),
            (_, target) => target == Target::Number,
        };
        kind_fits && self.members_fit(node, text).unwrap_or(false)
    }

    fn members_fit(&self, node: &Node, text: &[u8]) -> Option<bool> {
        let closing = match text.first() {
            Some(b'{') if !node.properties.is_empty() => b'}',
            Some(b'[') if node.items.is_some() => b']',
            _ => return Some(true),
        };
        let mut at = scan::white_space(text, 1);
        let mut near = 0;
        while text.get(at) != Some(&closing) {
            let mut item = node.items;
            if closing == b'}' {
                let (name_end, escaped) = scan::string(text, at).ok()?;
                let name = text.get(at + 1..name_end - 1)?;
                if escaped {
                    return Some(false);
                }
                item = node.property_near(name, &mut near);
                at = scan::white_space(text, scan::white_space(text, name_end) + 1);
            }
            let end = scan::value(text, at, 0).ok()?.end;
            if let Some(id) = item
                && !self.fits(id, text.get(at..end)?)
            {
                return Some(false);
            }
            at = scan::white_space(text, end);
            if text.get(at) == Some(&b',') {
                at = scan::white_space(text, at + 1);
            }
        }
        Some(true)
    }

    /// Fits a value; whether anything changed.
    fn fit(&self, id: usize, value: &mut Value) -> bool {
        let Some(node) = self.nodes.get(id) else {
            return false;
        };
        let mut changed = false;
        if let Some(new) = node.converted(value) {
            *value = new;
            changed = true;
        }
        match value {
            Value::Object(object) => {
                for (name, id) in &node.properties {
                    if let Some(member) = object.get_mut(name) {
                        changed |= self.fit(*id, member);
                    }
                }
            }
            Value::List(items) => {
                if let Some(id) = node.items {
                    for item in items {
                        changed |= self.fit(id, item);
                    }
                }
            }
            _ => {}
        }
        changed
    }
}

impl Node {
    fn is_idle(&self) -> bool {
        self.target == Target::Any && self.properties.is_empty() && self.items.is_none()
    }

    /// The property of that name; they mostly come in the order of the schema.
    fn property_near(&self, name: &[u8], near: &mut usize) -> Option<usize> {
        let is_it = |place: usize| {
            self.properties
                .get(place)
                .filter(|(known, _)| known.as_bytes() == name)
                .map(|(_, id)| *id)
        };
        let (place, id) = is_it(*near).map(|id| (*near, id)).or_else(|| {
            (0..self.properties.len()).find_map(|place| Some((place, is_it(place)?)))
        })?;
        *near = place + 1;
        Some(id)
    }

    /// What the value becomes; none where it stays.
    fn converted(&self, value: &Value) -> Option<Value> {
        if value.is_null() && self.nullable {
            return None;
        }
        match self.target {
            Target::Any => None,
            Target::Text => match value {
                Value::Text(_) => None,
                value => Some(Value::from(as_text(value))),
            },
            Target::Number => match value {
                Value::Text(text) => number(text),
                Value::Bool(flag) => Some(Value::Float(f64::from(u8::from(*flag)))),
                _ => None,
            },
            Target::Integer => match value {
                Value::Text(text) => integer(text),
                Value::Bool(flag) => Some(Value::Int(i64::from(*flag))),
                Value::Decimal(decimal) if !is_whole(decimal) => whole(decimal.to_f64()),
                Value::Float(float) => whole(*float),
                _ => None,
            },
            Target::Bool => match value {
                Value::Bool(_) => None,
                Value::Text(text) => truth(text).map(Value::Bool),
                value => Some(Value::Bool(is_truthy(value))),
            },
            Target::ListOf => match value {
                Value::List(_) | Value::Object(_) => None,
                value => Some(Value::List(vec![value.clone()])),
            },
        }
    }
}

/// Whether it is written without point and exponent: a whole number of very many digits.
fn is_whole(decimal: &Decimal) -> bool {
    !decimal.as_str().contains(['.', 'e', 'E'])
}

/// As Python's `str` has it.
fn as_text(value: &Value) -> String {
    match value {
        Value::Decimal(decimal) if is_whole(decimal) => decimal.as_str().to_owned(),
        Value::Decimal(decimal) => float_text(decimal.to_f64()),
        Value::Float(float) => float_text(*float),
        value => python_text(value),
    }
}

/// A float as Python writes it: Rust's shortest digits, but with a sign and two digits in the exponent.
fn float_text(float: f64) -> String {
    let text = format!("{float:?}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(exponent) => ('-', exponent),
                None => ('+', exponent),
            };
            format!("{digits}e{sign}{exponent:0>2}")
        }
        None => text,
    }
}

/// Without the underscores that Python allows between digits.
fn without_marks(text: &str) -> Option<String> {
    let text = text.trim();
    if !text.contains('_') {
        return Some(text.to_owned());
    }
    let between_digits = text.split('_').all(|part| {
        part.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+' || c == '.')
            && part.ends_with(|c: char| c.is_ascii_digit())
    });
    between_digits.then(|| text.replace('_', ""))
}

fn number(text: &str) -> Option<Value> {
    let text = without_marks(text)?;
    if let Ok(value @ (Value::Int(_) | Value::UInt(_) | Value::Decimal(_))) =
        json::parse(text.as_bytes())
    {
        return Some(value);
    }
    let is_number = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    let float: f64 = text.parse().ok().filter(|_| is_number)?;
    Decimal::from_f64(float).map(Value::Decimal)
}

fn integer(text: &str) -> Option<Value> {
    let text = without_marks(text)?;
    let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    let sign = if text.starts_with('-') && !digits.is_empty() {
        "-"
    } else {
        ""
    };
    let digits = if digits.is_empty() { "0" } else { digits };
    json::parse(format!("{sign}{digits}").as_bytes()).ok()
}

/// The part before the point.
fn whole(float: f64) -> Option<Value> {
    if !float.is_finite() {
        return None;
    }
    let digits = format!("{:.0}", float.trunc());
    json::parse(
        digits
            .strip_prefix("-0")
            .map_or(digits.as_bytes(), |_| b"0"),
    )
    .ok()
}

fn truth(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "y" | "yes" | "t" | "true" | "on" | "1" => Some(true),
        "n" | "no" | "f" | "false" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// Turns a schema into nodes. A schema may refer to itself; each part of it becomes one node.
struct Build<'s> {
    root: &'s Schema,
    nodes: Vec<Node>,
    known: HashMap<*const Schema, usize>,
}

impl<'s> Build<'s> {
    fn node(&mut self, schema: &'s Schema) -> usize {
        if let Some(id) = self.known.get(&std::ptr::from_ref(schema)) {
            return *id;
        }
        let id = self.nodes.len();
        self.known.insert(std::ptr::from_ref(schema), id);
        self.nodes.push(Node::default());
        let mut node = Node::default();
        (node.target, node.nullable) = target(schema);
        let inside = self.resolved(schema);
        if let Some(properties) = inside.get("properties").and_then(Schema::as_object) {
            for (name, property) in properties {
                if let Some(below) = self.node_if_any(property) {
                    node.properties.push((name.to_compact_string(), below));
                }
            }
        }
        if let Some(items) = inside.get("items") {
            node.items = self.node_if_any(items);
        }
        if let Some(slot) = self.nodes.get_mut(id) {
            *slot = node;
        }
        id
    }

    /// The node of a part that has something to say. A list of schemas for the items of a list has not.
    fn node_if_any(&mut self, schema: &'s Schema) -> Option<usize> {
        if !schema.is_object() {
            return None;
        }
        let is_open = self.known.contains_key(&std::ptr::from_ref(schema));
        let id = self.node(schema);
        (is_open || !self.nodes.get(id).is_some_and(Node::is_idle)).then_some(id)
    }

    /// What a reference refers to; the schema itself where it is none.
    fn resolved(&self, schema: &'s Schema) -> &'s Schema {
        let mut here = schema;
        for _ in 0..LONGEST_CHAIN {
            let Some(reference) = here.get("$ref").and_then(Schema::as_str) else {
                return here;
            };
            let pointer = reference.strip_prefix('#').unwrap_or("/");
            match self.root.pointer(pointer) {
                Some(next) => here = next,
                None => break,
            }
        }
        &Schema::Null
    }
}

/// What a value is to become, and whether it may be null.
fn target(schema: &Schema) -> (Target, bool) {
    let (words, nullable): (Vec<&str>, bool) = match schema.get("type") {
        Some(Schema::String(word)) => (vec![word], word == "null"),
        Some(Schema::Array(words)) => {
            let words: Vec<&str> = words.iter().filter_map(Schema::as_str).collect();
            let nullable = words.contains(&"null");
            (
                words.into_iter().filter(|word| *word != "null").collect(),
                nullable,
            )
        }
        _ => (Vec::new(), false),
    };
    let target = match words.as_slice() {
        ["string"] => Target::Text,
        ["number"] => Target::Number,
        ["integer"] => Target::Integer,
        ["boolean"] => Target::Bool,
        ["array"] if holds_single_values(schema.get("items")) => Target::ListOf,
        _ => Target::Any,
    };
    (target, nullable)
}

/// Whether a list takes a single value: its items may be anything, or their types are a list of simple ones. (A type
/// that is a word instead of a list does not count; the reference compares its letters.)
fn holds_single_values(items: Option<&Schema>) -> bool {
    match items {
        None => true,
        Some(Schema::Object(items)) => match items.get("type") {
            None => true,
            Some(Schema::Array(words)) => words.iter().all(|word| {
                matches!(
                    word.as_str(),
                    Some("string" | "number" | "integer" | "boolean" | "null")
                )
            }),
            Some(_) => false,
        },
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn fit(schema: &str, record: &str) -> String {
        let schema = serde_json::from_str(schema).unwrap();
        let normaliser = Normaliser::compile(&schema);
        let mut row = Row::parse(&Bytes::copy_from_slice(record.as_bytes())).unwrap();
        let mut whole = Row::from(row.to_value());
        normaliser.apply(&mut row);
        normaliser.apply(&mut whole);
        let text = String::from_utf8(row.to_json()).unwrap();
        assert_eq!(
            String::from_utf8(whole.to_json()).unwrap(),
            text,
            "{record}"
        );
        text
    }

    /// A member of that type, before and after.
    fn check(kind: &str, before: &str, after: &str) {
        let schema = format!("{{\"properties\":{{\"a\":{kind}}}}}");
        let record = |value: &str| format!("{{\"x\":1.10,\"a\":{value}}}");
        assert_eq!(fit(&schema, &record(before)), record(after), "{kind}");
    }

    #[test]
    fn values_become_what_the_schema_says() {
        let text = r#"{"type":["null","string"]}"#;
        for (before, after) in [
            ("12", r#""12""#),
            ("1.10", r#""1.1""#),
            ("1e3", r#""1000.0""#),
            ("1e16", r#""1e+16""#),
            ("0.00001", r#""1e-05""#),
            ("100000000000000000000", r#""100000000000000000000""#),
            ("true", r#""True""#),
            (r#"{"b":["x",null]}"#, r#""{'b': ['x', None]}""#),
            ("null", "null"),
            (r#""x""#, r#""x""#),
        ] {
            check(text, before, after);
        }
        check(r#"{"type":"string"}"#, "null", r#""None""#);
        let number = r#"{"type":"number"}"#;
        for (before, after) in [
            (r#""1.50""#, "1.50"),
            (r#"" 7 ""#, "7"),
            (r#""1_000""#, "1000"),
            (r#""007""#, "7.0"),
            (r#"".5""#, "0.5"),
            (r#""nan""#, r#""nan""#),
            (r#""x""#, r#""x""#),
            (r#""""#, r#""""#),
            ("true", "1.0"),
            ("3", "3"),
            ("null", "null"),
            ("[1]", "[1]"),
        ] {
            check(number, before, after);
        }
        let integer = r#"{"type":["integer","null"]}"#;
        for (before, after) in [
            ("1.9", "1"),
            ("-1.9", "-1"),
            ("-0.5", "0"),
            ("1e2", "100"),
            (r#""12""#, "12"),
            (r#""-012""#, "-12"),
            (r#""1.5""#, r#""1.5""#),
            (r#""12345678901234567890123""#, "12345678901234567890123"),
            ("true", "1"),
            ("{}", "{}"),
        ] {
            check(integer, before, after);
        }
        let bool = r#"{"type":"boolean"}"#;
        for (before, after) in [
            (r#"" YES ""#, "true"),
            (r#""off""#, "false"),
            (r#""maybe""#, r#""maybe""#),
            ("0", "false"),
            ("0.5", "true"),
            ("[]", "false"),
            ("null", "false"),
        ] {
            check(bool, before, after);
        }
    }

    #[test]
    fn a_single_value_becomes_a_list() {
        check(r#"{"type":"array"}"#, "1", "[1]");
        check(
            r#"{"type":["null","array"],"items":{"type":["string"]}}"#,
            "1",
            r#"["1"]"#,
        );
        check(
            r#"{"type":["null","array"],"items":{"type":["null","object"]}}"#,
            "1",
            "1",
        );
        check(r#"{"type":"array","items":{"type":"string"}}"#, "1", "1");
        check(r#"{"type":"array"}"#, "{}", "{}");
        check(r#"{"type":"array"}"#, "null", "[null]");
    }

    #[test]
    fn what_is_not_clear_stays() {
        check(r#"{"type":["string","integer"]}"#, "1.5", "1.5");
        check("{}", "1.5", "1.5");
        check("true", "1.5", "1.5");
        check(r#"{"type":"object"}"#, "1.5", "1.5");
        assert!(Normaliser::compile(&serde_json::json!({"properties": {"a": {}}})).is_idle());
    }

    #[test]
    fn values_within_values_are_fitted() {
        let schema = r##"{
            "properties": {
                "o": {"type": "object", "properties": {"n": {"type": "integer"}, "r": {"$ref": "#/definitions/tree"}}},
                "l": {"type": "array", "items": {"type": ["null", "string"]}}
            },
            "definitions": {"tree": {"properties": {"n": {"type": "integer"}, "below": {"$ref": "#/definitions/tree"}}}}
        }"##;
        for (before, after) in [
            (r#"{"o":{"n":"1","x":"2"}}"#, r#"{"o":{"n":1,"x":"2"}}"#),
            (r#"{"l":[1,"x",null]}"#, r#"{"l":["1","x",null]}"#),
            (
                r#"{"o":{"r":{"n":"1","below":{"below":{"n":"3"}}}}}"#,
                r#"{"o":{"r":{"n":1,"below":{"below":{"n":3}}}}}"#,
            ),
            (
                r#"{"o": {"n" : 1}, "l" : [ "x" , "y" ]}"#,
                r#"{"o":{"n":1},"l":["x","y"]}"#,
            ),
        ] {
            assert_eq!(fit(schema, before), after);
        }
    }

    #[test]
    fn a_schema_that_only_refers_to_itself_ends() {
        let schema =
            r##"{"properties":{"a":{"$ref":"#/properties/a"},"b":{"$ref":"other.json"}}}"##;
        assert_eq!(
            fit(schema, r#"{"a":{"a":1},"b":2}"#),
            r#"{"a":{"a":1},"b":2}"#
        );
    }
}
