//! The tree of a connector file: YAML with the place of every value, so that a complaint can name it.

use std::fmt;
use std::path::Path;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Spanned};

use crate::{Error, Result};

/// Largest connector file that is read, in bytes.
pub const LARGEST_FILE: usize = 8 * 1024 * 1024;

/// A value of the file and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Line and column, counted from 1; both 0 for values that stand nowhere.
    pub at: (u32, u32),
    /// What it is.
    pub kind: Kind,
}

/// What a value of the file is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(serde_json::Number),
    /// Text.
    Text(String),
    /// Several in order.
    List(Vec<Node>),
    /// Named members in order.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// Reads a file. `file` is its name for complaints.
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        let fail = |place: String, problem: String| Error::Misconfigured {
            what: file.to_owned(),
            place,
            problem,
            expected: "YAML as connector files have it".into(),
        };
        if text.len() > LARGEST_FILE {
            return Err(fail(
                "the file".into(),
                format!("it has {} MiB", text.len() / (1024 * 1024)),
            ));
        }
        let options = serde_saphyr::options! {
            duplicate_keys: DuplicateKeyPolicy::LastWins,
            strict_booleans: true,
            leading_zero_numbers_as_strings: true,
            underscored_numbers_as_strings: true,
            with_snippet: false,
            alias_limits: serde_saphyr::alias_limits! {
                max_total_replayed_events: 300_000,
                max_alias_expansions_per_anchor: 20_000,
            },
        };
        let read = serde_saphyr::from_str_with_options(text, options);
        let mut node: Self = read.map_err(|error: serde_saphyr::Error| {
            let place = match error.location() {
                Some(at) => format!("line {}, column {}", at.line(), at.column()),
                None => "the file".into(),
            };
            let mut problem = error.without_snippet().to_string();
            if let Some(end) = problem.rfind(" at line ") {
                problem.truncate(end);
            }
            fail(place, problem)
        })?;
        super::yaml11::settle(text, &mut node);
        Ok(node)
    }

    /// Nothing, which stands nowhere.
    pub const NULL: Self = Self {
        at: (0, 0),
        kind: Kind::Null,
    };

    /// From JSON; it stands nowhere.
    pub fn from_json(value: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        let kind = match value {
            Json::Null => Kind::Null,
            Json::Bool(flag) => Kind::Bool(*flag),
            Json::Number(number) => Kind::Number(number.clone()),
            Json::String(text) => Kind::Text(text.clone()),
            Json::Array(items) => Kind::List(items.iter().map(Self::from_json).collect()),
            Json::Object(members) => Kind::Map(
                members
                    .iter()
                    .map(|(name, member)| (name.clone(), Self::from_json(member)))
                    .collect(),
            ),
        };
        Self { at: (0, 0), kind }
    }

    /// A value that stands nowhere.
    pub const fn text(text: String) -> Self {
        Self {
            at: (0, 0),
            kind: Kind::Text(text),
        }
    }

    /// The member called `name`.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Map(members) => members
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text, if it is text.
    pub fn as_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Sets a member; nothing happens to what is not a map.
    pub fn set(&mut self, name: &str, value: Self) {
        if let Kind::Map(members) = &mut self.kind {
            match members.iter_mut().find(|(key, _)| key == name) {
                Some((_, slot)) => *slot = value,
                None => members.push((name.to_owned(), value)),
            }
        }
    }

    /// What Python calls false: null, false, zero, empty.
    pub fn is_falsy(&self) -> bool {
        match &self.kind {
            Kind::Null => true,
            Kind::Bool(flag) => !flag,
            Kind::Number(number) => number.as_f64() == Some(0.0),
            Kind::Text(text) => text.is_empty(),
            Kind::List(items) => items.is_empty(),
            Kind::Map(members) => members.is_empty(),
        }
    }

    /// Without the places.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.kind {
            Kind::Null => serde_json::Value::Null,
            Kind::Bool(flag) => (*flag).into(),
            Kind::Number(number) => number.clone().into(),
            Kind::Text(text) => text.as_str().into(),
            Kind::List(items) => items.iter().map(Self::to_json).collect(),
            Kind::Map(members) => members
                .iter()
                .map(|(name, value)| (name.clone(), value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }

    /// The word for what it is.
    pub fn word(&self) -> &'static str {
        match &self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "true/false",
            Kind::Number(_) => "a number",
            Kind::Text(_) => "a text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let spanned = Spanned::<Kind>::deserialize(deserializer)?;
        let small = |n: u64| u32::try_from(n).unwrap_or(0);
        Ok(Self {
            at: (
                small(spanned.defined.line()),
                small(spanned.defined.column()),
            ),
            kind: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(KindVisitor)
    }
}

struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> std::result::Result<Kind, E> {
        Ok(Kind::Null)
    }
    fn visit_none<E>(self) -> std::result::Result<Kind, E> {
        Ok(Kind::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> std::result::Result<Kind, D::Error> {
        Kind::deserialize(inner)
    }
    fn visit_bool<E>(self, flag: bool) -> std::result::Result<Kind, E> {
        Ok(Kind::Bool(flag))
    }
    fn visit_i64<E>(self, n: i64) -> std::result::Result<Kind, E> {
        Ok(Kind::Number(n.into()))
    }
    fn visit_u64<E>(self, n: u64) -> std::result::Result<Kind, E> {
        Ok(Kind::Number(n.into()))
    }
    fn visit_f64<E: serde::de::Error>(self, n: f64) -> std::result::Result<Kind, E> {
        serde_json::Number::from_f64(n)
            .map(Kind::Number)
            .ok_or_else(|| E::custom("a number without end"))
    }
    fn visit_str<E>(self, text: &str) -> std::result::Result<Kind, E> {
        Ok(Kind::Text(text.to_owned()))
    }
    fn visit_string<E>(self, text: String) -> std::result::Result<Kind, E> {
        Ok(Kind::Text(text))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Kind, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Kind::List(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Kind, A::Error> {
        let mut members = Vec::new();
        while let Some(key) = map.next_key::<Kind>()? {
            let key = match key {
                Kind::Text(text) => text,
                Kind::Bool(flag) => flag.to_string(),
                Kind::Number(number) => number.to_string(),
                Kind::Null => "null".to_owned(),
                Kind::List(_) | Kind::Map(_) => {
                    return Err(A::Error::custom("a member name that is not a text"));
                }
            };
            members.push((key, map.next_value()?));
        }
        Ok(Kind::Map(members))
    }
}

/// A value of the file together with the way to it, for reading and for complaints.
#[derive(Clone, Debug)]
pub struct View<'a> {
    node: &'a Node,
    file: &'a str,
    path: String,
    /// The `$parameters` of the component that this stands in.
    parameters: Option<&'a Node>,
    /// The folder of the file, where it has one.
    folder: Option<&'a Path>,
}

impl<'a> View<'a> {
    /// The whole file.
    pub fn root(file: &'a str, node: &'a Node) -> Self {
        Self::root_in(file, None, node)
    }

    /// The whole file, which may refer to files in its folder.
    pub fn root_in(file: &'a str, folder: Option<&'a Path>, node: &'a Node) -> Self {
        Self {
            node,
            file,
            path: String::new(),
            parameters: node.get("$parameters"),
            folder,
        }
    }

    /// The folder of the file, where it has one.
    pub const fn folder(&self) -> Option<&'a Path> {
        self.folder
    }

    fn below(&self, node: &'a Node, path: String) -> Self {
        Self {
            node,
            file: self.file,
            path,
            parameters: node.get("$parameters").or(self.parameters),
            folder: self.folder,
        }
    }

    /// What `parameters` means to the templates of the component that this stands in.
    pub fn parameters(&self) -> Option<&'a Node> {
        self.parameters
    }

    /// The value itself.
    pub const fn node(&self) -> &'a Node {
        self.node
    }

    /// The file's name.
    pub const fn file(&self) -> &'a str {
        self.file
    }

    /// Where it stands: "line 3, column 5 (streams[0].name)".
    pub fn place(&self) -> String {
        let path = if self.path.is_empty() {
            "the file"
        } else {
            self.path.as_str()
        };
        match self.node.at {
            (0, _) => path.to_owned(),
            (line, column) => format!("line {line}, column {column} ({path})"),
        }
    }

    /// The way to it: `streams[0].name`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The complaint about this value.
    pub fn fail(&self, problem: impl Into<String>, expected: impl Into<String>) -> Error {
        Error::Misconfigured {
            what: self.file.to_owned(),
            place: self.place(),
            problem: problem.into(),
            expected: expected.into(),
        }
    }

    fn wrong(&self, expected: &str) -> Error {
        self.fail(format!("this is {}", self.node.word()), expected)
    }

    /// The member called `name`; none when absent or null.
    pub fn get(&self, name: &str) -> Option<Self> {
        #[cfg(test)]
        asked::note(self.node, name);
        let node = self.node.get(name)?;
        if node.kind == Kind::Null {
            return None;
        }
        let path = if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        };
        Some(self.below(node, path))
    }

    /// The member called `name`, which must be there.
    pub fn require(&self, name: &str, expected: &str) -> Result<Self> {
        self.get(name).ok_or_else(|| {
            self.fail(
                format!("`{name}` is missing"),
                format!("`{name}`: {expected}"),
            )
        })
    }

    /// The items of a list.
    pub fn items(&self) -> Result<Vec<Self>> {
        match &self.node.kind {
            Kind::List(items) => Ok(items
                .iter()
                .enumerate()
                .map(|(n, node)| self.below(node, format!("{}[{n}]", self.path)))
                .collect()),
            _ => Err(self.wrong("a list")),
        }
    }

    /// The members of a map, but for the parameters that were handed down to it.
    pub fn members(&self) -> Result<Vec<(&'a str, Self)>> {
        match &self.node.kind {
            Kind::Map(members) => Ok(members
                .iter()
                .filter(|(name, _)| name != "$parameters")
                .map(|(name, node)| {
                    let path = if self.path.is_empty() {
                        name.clone()
                    } else {
                        format!("{}.{name}", self.path)
                    };
                    (name.as_str(), self.below(node, path))
                })
                .collect()),
            _ => Err(self.wrong("a map")),
        }
    }

    /// The text.
    pub fn text(&self) -> Result<&'a str> {
        match &self.node.kind {
            Kind::Text(text) => Ok(text),
            _ => Err(self.wrong("a text")),
        }
    }

    /// The text of a scalar: numbers and truth values as written.
    pub fn scalar(&self) -> Result<String> {
        match &self.node.kind {
            Kind::Text(text) => Ok(text.clone()),
            Kind::Number(number) => Ok(number.to_string()),
            // Python's spelling: templates compare with it.
            Kind::Bool(true) => Ok("True".into()),
            Kind::Bool(false) => Ok("False".into()),
            Kind::Null | Kind::List(_) | Kind::Map(_) => Err(self.wrong("a text or a number")),
        }
    }

    /// A whole number that is not negative.
    pub fn count(&self) -> Result<u64> {
        match &self.node.kind {
            Kind::Number(number) => number.as_u64(),
            Kind::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
        .ok_or_else(|| self.wrong("a whole number"))
    }

    /// A number.
    pub fn number(&self) -> Result<f64> {
        match &self.node.kind {
            Kind::Number(number) => number.as_f64(),
            Kind::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
        .ok_or_else(|| self.wrong("a number"))
    }

    /// True or false.
    pub fn flag(&self) -> Result<bool> {
        match &self.node.kind {
            Kind::Bool(flag) => Ok(*flag),
            _ => Err(self.wrong("true or false")),
        }
    }

    /// A flag that may be absent.
    pub fn flag_or(&self, name: &str, default: bool) -> Result<bool> {
        self.get(name).map_or(Ok(default), |view| view.flag())
    }

    /// A text that may be absent.
    pub fn text_of(&self, name: &str) -> Result<Option<&'a str>> {
        self.get(name).map(|view| view.text()).transpose()
    }

    /// One text, or a list of texts.
    pub fn texts(&self) -> Result<Vec<String>> {
        match &self.node.kind {
            Kind::List(_) => self.items()?.iter().map(Self::scalar).collect(),
            _ => Ok(vec![self.scalar()?]),
        }
    }

    /// A list of HTTP statuses.
    pub fn statuses(&self) -> Result<Vec<u16>> {
        let status = |view: &Self| {
            u16::try_from(view.count()?)
                .map_err(|_| view.fail("this is no HTTP status", "100 to 599"))
        };
        self.items()?.iter().map(status).collect()
    }

    /// The component's `type`.
    pub fn component(&self) -> Result<&'a str> {
        self.require("type", "the component's type")?.text()
    }

    /// The complaint about a `type` that is not known here.
    pub fn unknown_component(&self, known: &[&str]) -> Error {
        let found = self
            .node
            .get("type")
            .and_then(Node::as_text)
            .unwrap_or_default();
        self.fail(
            format!("`{found}` is not supported here"),
            format!("one of {}", known.join(", ")),
        )
    }

    /// Refuses members with other names: typing errors must not pass in silence. Only for keys of our
    /// own; the other format ignores unknown members.
    pub fn only(&self, known: &[&str]) -> Result<()> {
        for (name, view) in self.members()? {
            if !known.contains(&name) {
                let nearest = nearest(name, known);
                return Err(view.fail(
                    format!("`{name}` is not known here"),
                    match nearest {
                        Some(nearest) => format!("perhaps `{nearest}`"),
                        None => format!("one of {}", known.join(", ")),
                    },
                ));
            }
        }
        Ok(())
    }
}

/// Which members of which components were asked for, so that a test can hold the published table against it.
#[cfg(test)]
pub(super) mod asked {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use super::Node;

    thread_local! {
        static ASKED: RefCell<BTreeSet<(String, String)>> = const { RefCell::new(BTreeSet::new()) };
    }

    pub(super) fn note(node: &Node, name: &str) {
        if let Some(kind) = node.get("type").and_then(Node::as_text) {
            ASKED.with_borrow_mut(|asked| asked.insert((kind.to_owned(), name.to_owned())));
        }
    }

    /// All so far on this thread.
    pub(in super::super) fn all() -> BTreeSet<(String, String)> {
        ASKED.with_borrow(Clone::clone)
    }
}

/// The known name that a mistyped one most probably means: at most two letters away.
pub fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    known
        .iter()
        .map(|candidate| (distance(name, candidate), *candidate))
        .filter(|(distance, _)| *distance <= 2)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance; names are short.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut previous = i;
        let mut next = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or(usize::MAX);
            let beside = next.last().copied().unwrap_or(usize::MAX);
            next.push(
                (previous + usize::from(a != *b))
                    .min(above + 1)
                    .min(beside + 1),
            );
            previous = above;
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_their_place() {
        let node = Node::parse("x.yaml", "a:\n  - b: '007'\n    c: [yes, 1.5]\n").unwrap();
        let root = View::root("x.yaml", &node);
        let item = &root.get("a").unwrap().items().unwrap()[0];
        assert_eq!(item.get("b").unwrap().text().unwrap(), "007");
        assert_eq!(
            item.get("c").unwrap().items().unwrap()[1].place(),
            "line 3, column 14 (a[0].c[1])"
        );
        assert_eq!(
            item.get("c").unwrap().flag().unwrap_err().to_string(),
            "x.yaml at line 3, column 8 (a[0].c): this is a list; expected true or false"
        );
    }

    #[test]
    fn broken_yaml_is_a_complaint_with_a_place() {
        let error = Node::parse("x.yaml", "a: [1, 2\nb: 3\n").unwrap_err();
        assert!(error.to_string().starts_with("x.yaml at line "), "{error}");
    }

    #[test]
    fn a_billion_laughs_are_refused() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..12 {
            let line = format!(
                "a{n}: &a{n} [{}]\n",
                vec![format!("*a{}", n - 1); 10].join(", ")
            );
            text.push_str(&line);
        }
        assert!(Node::parse("x.yaml", &text).is_err());
    }

    #[test]
    fn a_mistyped_name_gets_a_suggestion() {
        assert_eq!(nearest("requst", &["request", "results"]), Some("request"));
        assert_eq!(nearest("zebra", &["request"]), None);
    }
}
