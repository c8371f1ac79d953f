//! `$ref`: parts of the file that are written once and used in several places.

use super::node::{Kind, Node};
use crate::{Error, Result};

/// Values that all references together may bring in.
const MOST_NODES: usize = 400_000;

/// Replaces every reference by what it refers to. Any text that starts with `#/` is one, except below
/// `config_overrides`; beside `$ref`, other members replace those of the referenced map.
pub fn resolve(file: &str, root: &Node) -> Result<Node> {
    let mut resolver = Resolver {
        file,
        root,
        following: Vec::new(),
        made: 0,
    };
    resolver.node(root)
}

struct Resolver<'a> {
    file: &'a str,
    root: &'a Node,
    following: Vec<String>,
    made: usize,
}

impl Resolver<'_> {
    fn fail(&self, node: &Node, problem: String, expected: &str) -> Error {
        Error::Misconfigured {
            what: self.file.to_owned(),
            place: format!("line {}, column {}", node.at.0, node.at.1),
            problem,
            expected: expected.to_owned(),
        }
    }

    fn node(&mut self, node: &Node) -> Result<Node> {
        self.made += 1;
        if self.made > MOST_NODES {
            return Err(self.fail(
                node,
                "references multiply without end".into(),
                "fewer references inside references",
            ));
        }
        let kind = match &node.kind {
            Kind::Text(text) if text.starts_with("#/") => return self.follow(node, text),
            Kind::Map(members) => {
                if let Some(target) = node.get("$ref") {
                    return self.overlay(node, target, members);
                }
                let mut out = Vec::with_capacity(members.len());
                for (name, value) in members {
                    let value = if name == "config_overrides" {
                        value.clone()
                    } else {
                        self.node(value)?
                    };
                    out.push((name.clone(), value));
                }
                Kind::Map(out)
            }
            Kind::List(items) => {
                let mut out = Vec::with_capacity(items.len());
                for item in items {
                    out.push(self.node(item)?);
                }
                Kind::List(out)
            }
            other => other.clone(),
        };
        Ok(Node { at: node.at, kind })
    }

    fn overlay(&mut self, node: &Node, target: &Node, members: &[(String, Node)]) -> Result<Node> {
        let Some(text) = target.as_text() else {
            return Err(self.fail(
                target,
                format!("`$ref` is {}", target.word()),
                "a text such as \"#/definitions/requester\"",
            ));
        };
        let mut out = if text.starts_with("#/") {
            self.follow(target, text)?
        } else {
            return Err(self.fail(
                target,
                format!("`{text}` does not start with #/"),
                "a place in this file, such as \"#/definitions/requester\"",
            ));
        };
        if let Kind::Map(_) = out.kind {
            for (name, value) in members {
                if name != "$ref" {
                    let value = self.node(value)?;
                    out.set(name, value);
                }
            }
            // Complaints about what is missing point at the place of use.
            out.at = node.at;
        }
        Ok(out)
    }

    fn follow(&mut self, from: &Node, reference: &str) -> Result<Node> {
        if self.following.iter().any(|known| known == reference) {
            return Err(self.fail(
                from,
                format!("`{reference}` refers to itself"),
                "references without a circle",
            ));
        }
        if self.following.len() > 60 {
            return Err(self.fail(
                from,
                "references are nested more than 60 deep".into(),
                "fewer references inside references",
            ));
        }
        let path = reference.trim_start_matches("#/");
        let Some(found) = find(self.root, path) else {
            return Err(self.fail(
                from,
                format!("there is nothing at `{reference}`"),
                "the path of something in this file",
            ));
        };
        self.following.push(reference.to_owned());
        let out = self.node(found);
        self.following.pop();
        out
    }
}

/// Greedy: the whole rest as one name first, then up to the first slash.
fn find<'n>(node: &'n Node, path: &str) -> Option<&'n Node> {
    if path.is_empty() {
        return Some(node);
    }
    match &node.kind {
        Kind::Map(_) => {
            if let Some(found) = node.get(path) {
                return Some(found);
            }
            let (first, rest) = path.split_once('/')?;
            find(node.get(first)?, rest)
        }
        Kind::List(items) => {
            let (first, rest) = path.split_once('/').unwrap_or((path, ""));
            find(items.get(first.parse::<usize>().ok()?)?, rest)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(yaml: &str, expected: serde_json::Value) {
        let node = Node::parse("x.yaml", yaml).unwrap();
        let mut out = resolve("x.yaml", &node).unwrap().to_json();
        out.as_object_mut().unwrap().remove("d");
        assert_eq!(out, expected, "{yaml}");
    }

    fn check_fails(yaml: &str, complaint: &str) {
        let node = Node::parse("x.yaml", yaml).unwrap();
        let error = resolve("x.yaml", &node).unwrap_err().to_string();
        assert!(error.contains(complaint), "{error}");
    }

    #[test]
    fn references_are_replaced_and_overlaid() {
        check(
            "d: {r: {a: 1, b: {c: 2}}}\nx: {$ref: '#/d/r', b: 3}\n",
            serde_json::json!({"x": {"a": 1, "b": 3}}),
        );
        check(
            "d: {r: [5, 6]}\nx: '#/d/r/1'\n",
            serde_json::json!({"x": 6}),
        );
        check(
            "d: {'a/b': 7, a: {b: 8}}\nx: '#/d/a/b'\n",
            serde_json::json!({"x": 7}),
        );
        check(
            "d: {r: {$ref: '#/d/s', y: 1}, s: {z: 2}}\nx: {$ref: '#/d/r'}\n",
            serde_json::json!({"x": {"z": 2, "y": 1}}),
        );
        check(
            "d: {r: 4}\nx: {$ref: '#/d/r', b: 3}\n",
            serde_json::json!({"x": 4}),
        );
    }

    #[test]
    fn circles_and_holes_are_complaints() {
        check_fails("a: '#/b'\nb: '#/a'\n", "refers to itself");
        check_fails("a: {$ref: '#/nowhere'}\n", "line 1, column 11");
        check_fails("a: {$ref: 5}\n", "`$ref` is a number");
    }
}
