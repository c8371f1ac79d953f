//! What goes out of a change's fields: nulls and empty texts, by the platform's rules.

use model::path::FieldPath;
use model::value::{Object, Value};

use crate::Result;
use crate::declarative::node::View;

/// What is sent for a value that is null, or for a text that is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Blank {
    /// As it is.
    #[default]
    Send,
    /// Null.
    Null,
    /// An empty text.
    Empty,
    /// Nothing: the platform keeps what it has.
    Omit,
    /// Nothing, and the field's name is in `removed`: for platforms that take a list of what to clear.
    Remove,
}

/// The words of a connector file for [`Blank`].
pub const BLANKS: &[(&str, Blank)] = &[
    ("send", Blank::Send),
    ("null", Blank::Null),
    ("empty", Blank::Empty),
    ("omit", Blank::Omit),
    ("remove", Blank::Remove),
];

/// How a stream treats what is blank.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// For fields without a rule of their own.
    pub otherwise: Rule,
    /// Rules of single fields.
    pub fields: Vec<(FieldPath, Rule)>,
}

/// What is done about null and about an empty text; none: as the stream does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// For null.
    pub null: Option<Blank>,
    /// For an empty text.
    pub empty: Option<Blank>,
}

impl Rule {
    /// The members `null` and `empty` at `view`.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        let word = |name: &str| -> Result<Option<Blank>> {
            let Some(found) = view.get(name) else {
                return Ok(None);
            };
            let word = found.text()?;
            BLANKS
                .iter()
                .find(|(known, _)| *known == word)
                .map(|(_, blank)| Some(*blank))
                .ok_or_else(|| {
                    found.fail(
                        format!("`{word}` is not known here"),
                        "send, null, empty, omit or remove",
                    )
                })
        };
        Ok(Self {
            null: word("null")?,
            empty: word("empty")?,
        })
    }

    const fn is_silent(self) -> bool {
        self.null.is_none() && self.empty.is_none()
    }
}

/// The fields as they are sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outgoing {
    /// What is sent.
    pub fields: Value,
    /// The names of fields to be cleared in another way.
    pub removed: Vec<String>,
}

impl Policy {
    /// From `blanks` of a stream and the rules of its fields.
    pub fn compile(view: Option<&View<'_>>, fields: Vec<(FieldPath, Rule)>) -> Result<Self> {
        let otherwise = match view {
            Some(view) => {
                view.only(&["null", "empty"])?;
                Rule::compile(view)?
            }
            None => Rule::default(),
        };
        Ok(Self {
            otherwise,
            fields: fields
                .into_iter()
                .filter(|(_, rule)| !rule.is_silent())
                .collect(),
        })
    }

    /// What is sent of `fields`.
    pub fn apply(&self, fields: &Object) -> Outgoing {
        if self.fields.is_empty() && self.otherwise.is_silent() {
            return Outgoing {
                fields: Value::Object(fields.clone()),
                removed: Vec::new(),
            };
        }
        let mut removed = Vec::new();
        let fields = self.members(&FieldPath::root(), fields, &mut removed);
        Outgoing {
            fields: Value::Object(fields),
            removed,
        }
    }

    fn members(&self, above: &FieldPath, fields: &Object, removed: &mut Vec<String>) -> Object {
        let mut out = Object::with_capacity(fields.len());
        for (name, value) in fields.iter() {
            let path = above.child(name);
            let rule = self
                .fields
                .iter()
                .find(|(known, _)| *known == path)
                .map_or_else(Rule::default, |(_, rule)| *rule);
            let blank = match value {
                Value::Null => rule.null.or(self.otherwise.null),
                Value::Text(text) if text.is_empty() => rule.empty.or(self.otherwise.empty),
                Value::Object(inner) if !inner.is_empty() => {
                    let inner = self.members(&path, inner, removed);
                    if !inner.is_empty() {
                        out.push(name, Value::Object(inner));
                    }
                    continue;
                }
                _ => None,
            };
            match blank.unwrap_or_default() {
                Blank::Send => out.push(name, value.clone()),
                Blank::Null => out.push(name, Value::Null),
                Blank::Empty => out.push(name, Value::text("")),
                Blank::Omit => {}
                Blank::Remove => removed.push(path.to_string()),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_values_go_out_as_the_platform_wants_them() {
        fn check(policy: &str, fields: &str, sent: &str, removed: &[&str]) {
            let node = crate::declarative::node::Node::parse("x", policy).unwrap();
            let view = View::root("x", &node);
            let rules = match view.get("fields") {
                Some(fields) => fields
                    .members()
                    .unwrap()
                    .into_iter()
                    .map(|(name, rule)| (name.parse().unwrap(), Rule::compile(&rule).unwrap()))
                    .collect(),
                None => Vec::new(),
            };
            let policy = Policy::compile(view.get("blanks").as_ref(), rules).unwrap();
            let Value::Object(fields) = model::json::parse(fields.as_bytes()).unwrap() else {
                panic!("no object");
            };
            let out = policy.apply(&fields);
            assert_eq!(model::json::to_string(&out.fields), sent);
            assert_eq!(out.removed, removed);
        }
        let fields = r#"{"a":null,"b":"","c":{"d":null,"e":1.10},"f":[null]}"#;
        check("{}", fields, fields, &[]);
        check(
            "blanks: {null: omit, empty: 'null'}",
            fields,
            r#"{"b":null,"c":{"e":1.10},"f":[null]}"#,
            &[],
        );
        check(
            "blanks: {null: empty}\nfields: {c.d: {null: remove}, b: {empty: remove}}",
            fields,
            r#"{"a":"","c":{"e":1.10},"f":[null]}"#,
            &["b", "c.d"],
        );
        check("blanks: {null: omit}", r#"{"c":{"d":null}}"#, "{}", &[]);
    }

    #[test]
    fn a_word_that_is_no_policy_is_refused() {
        let node = crate::declarative::node::Node::parse("x", "null: drop").unwrap();
        let error = Rule::compile(&View::root("x", &node))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("send, null, empty, omit or remove"),
            "{error}"
        );
    }
}
