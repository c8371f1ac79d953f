//! What may stand in a connector file: the table of components and their fields, from which the published JSON
//! Schema, the reference documentation and the checks of a file are made.

mod documents;

use std::sync::LazyLock;

use indexmap::IndexMap;

use super::node::{Kind, Node};

pub use documents::{json_schema, reference};

/// Everything that may stand in a connector file.
#[derive(Debug, Default)]
pub struct Shapes {
    /// Places that take one of several components.
    pub kinds: IndexMap<String, Choice>,
    /// Components of the low-code format, and parts of ours.
    pub components: IndexMap<String, Component>,
}

/// One of several components.
#[derive(Debug)]
pub struct Choice {
    /// Their names.
    pub of: Vec<String>,
    /// What they are for.
    pub says: String,
}

/// A component, or a part of ours.
#[derive(Debug)]
pub struct Component {
    /// What it is.
    pub says: String,
    /// The word under `type`, where it is another than the component's name.
    pub written: Option<String>,
    /// It is code in Python, which does not run here.
    pub is_python: bool,
    /// It is known and not there yet.
    pub is_absent: bool,
    /// It stands under `patchbay`: it has no `type`, and unknown members are refused.
    pub is_ours: bool,
    /// Members of other names are looked at elsewhere.
    pub is_open: bool,
    /// The low-code format elsewhere does not have it.
    pub is_addition: bool,
    /// What it does.
    pub example: Option<Example>,
    /// Its members.
    pub fields: IndexMap<String, Field>,
}

/// What a component does.
#[derive(Debug)]
pub struct Example {
    /// How it is written, in YAML.
    pub write: String,
    /// An answer, or a record.
    pub from: String,
    /// The records that become of it, one a line.
    pub gives: String,
}

/// A member of a component.
#[derive(Debug)]
pub struct Field {
    /// What it holds.
    pub holds: Holds,
    /// What it means.
    pub says: String,
    /// It must be there.
    pub is_required: bool,
    /// It is accepted and has no effect.
    pub is_idle: bool,
}

/// What a member holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A text without templates.
    Text,
    /// A text that may be a template, or a number.
    Template,
    /// A whole number.
    Count,
    /// A number.
    Number,
    /// True or false.
    Flag,
    /// Anything.
    Any,
    /// Names and anything.
    Map,
    /// A list of steps, or one.
    Path,
    /// One of these words.
    Words(Vec<String>),
    /// A list of these.
    List(Box<Holds>),
    /// Names and these.
    MapOf(Box<Holds>),
    /// Any of these.
    Either(Vec<Holds>),
    /// A component, a part or a kind.
    Named(String),
}

/// The table.
pub static SHAPES: LazyLock<Shapes> = LazyLock::new(|| {
    let mut shapes = Shapes::default();
    for (text, is_ours) in [
        (include_str!("../../schema/components.yaml"), false),
        (include_str!("../../schema/patchbay.yaml"), true),
        (include_str!("../../schema/sign-ins.yaml"), true),
    ] {
        // A test reads the same files and fails where they cannot be read.
        if let Ok(node) = Node::parse("the table", text) {
            shapes.take(&node, is_ours);
        }
    }
    shapes
});

impl Shapes {
    fn take(&mut self, node: &Node, is_ours: bool) {
        for (name, kind) in members(node.get("kinds")) {
            let of = match kind.get("is").map(|list| &list.kind) {
                Some(Kind::List(items)) => items
                    .iter()
                    .filter_map(Node::as_text)
                    .map(str::to_owned)
                    .collect(),
                _ => Vec::new(),
            };
            self.kinds.insert(
                name.to_owned(),
                Choice {
                    of,
                    says: text(kind, "says"),
                },
            );
        }
        for (name, component) in members(node.get("components")).chain(members(node.get("parts"))) {
            let fields = members(component.get("fields"))
                .map(|(name, field)| {
                    let bare = name.trim_end_matches(['!', '~']);
                    let field = Field {
                        holds: item(field, 0).map_or(Holds::Any, Holds::read),
                        says: item(field, 1).unwrap_or_default().to_owned(),
                        is_required: name.ends_with('!'),
                        is_idle: name.ends_with('~'),
                    };
                    (bare.to_owned(), field)
                })
                .collect();
            let component = Component {
                says: text(component, "says"),
                written: component
                    .get("written")
                    .and_then(Node::as_text)
                    .map(str::to_owned),
                is_python: component.get("python").is_some(),
                is_absent: component.get("absent").is_some(),
                is_ours,
                is_addition: component.get("addition").is_some(),
                example: component.get("example").map(|example| Example {
                    write: text(example, "write"),
                    from: text(example, "from"),
                    gives: text(example, "gives"),
                }),
                is_open: component.get("python").is_some(),
                fields,
            };
            self.components.insert(name.to_owned(), component);
        }
    }

    /// The components that may stand where `holds` says.
    pub fn components_of(&self, holds: &Holds) -> Vec<&str> {
        match holds {
            Holds::Named(name) => match self.kinds.get(name) {
                Some(choice) => choice.of.iter().map(String::as_str).collect(),
                None => self
                    .components
                    .get_key_value(name)
                    .map(|(name, _)| name.as_str())
                    .into_iter()
                    .collect(),
            },
            Holds::Either(several) => several
                .iter()
                .flat_map(|one| self.components_of(one))
                .collect(),
            Holds::List(inner) | Holds::MapOf(inner) => self.components_of(inner),
            _ => Vec::new(),
        }
    }

    /// The word under `type`.
    pub fn written<'s>(&'s self, component: &'s str) -> &'s str {
        self.components
            .get(component)
            .and_then(|known| known.written.as_deref())
            .unwrap_or(component)
    }
}

impl Holds {
    fn read(text: &str) -> Self {
        if let Some(words) = text.strip_prefix("one of ") {
            return Self::Words(words.split('/').map(str::to_owned).collect());
        }
        if text.contains(" or ") {
            return Self::Either(text.split(" or ").map(Self::read).collect());
        }
        if let Some(inner) = text.strip_prefix("list of ") {
            return Self::List(Box::new(Self::read(inner)));
        }
        if let Some(inner) = text.strip_prefix("map of ") {
            return Self::MapOf(Box::new(Self::read(inner)));
        }
        match text {
            "text" => Self::Text,
            "template" => Self::Template,
            "count" => Self::Count,
            "number" => Self::Number,
            "flag" => Self::Flag,
            "any" => Self::Any,
            "map" => Self::Map,
            "path" => Self::Path,
            name => Self::Named(name.to_owned()),
        }
    }

    /// For people.
    pub fn words(&self) -> String {
        match self {
            Self::Text => "text".into(),
            Self::Template => "text, may be a template".into(),
            Self::Count => "whole number".into(),
            Self::Number => "number".into(),
            Self::Flag => "true or false".into(),
            Self::Any => "anything".into(),
            Self::Map => "map".into(),
            Self::Path => "path: a list of names, or one".into(),
            Self::Words(words) => words
                .iter()
                .map(|word| format!("`{word}`"))
                .collect::<Vec<_>>()
                .join(", "),
            Self::List(inner) => format!("list of {}", inner.words()),
            Self::MapOf(inner) => format!("map of {}", inner.words()),
            Self::Either(several) => several
                .iter()
                .map(Self::words)
                .collect::<Vec<_>>()
                .join(", or "),
            Self::Named(name) => name.clone(),
        }
    }
}

fn members(node: Option<&Node>) -> impl Iterator<Item = (&str, &Node)> {
    match node.map(|node| &node.kind) {
        Some(Kind::Map(members)) => members.as_slice(),
        _ => &[],
    }
    .iter()
    .map(|(name, node)| (name.as_str(), node))
}

fn text(node: &Node, name: &str) -> String {
    node.get(name)
        .and_then(Node::as_text)
        .unwrap_or_default()
        .to_owned()
}

fn item(node: &Node, n: usize) -> Option<&str> {
    match &node.kind {
        Kind::List(items) => items.get(n)?.as_text(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
