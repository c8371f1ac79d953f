//! `AddFields`: sets fields to what templates make of the record.

use compact_str::CompactString;
use model::row::Row;
use model::value::Value;
use template::{Env, Literals, Scope};

use crate::Result;
use crate::declarative::glob_path::{put, put_in_row};
use crate::declarative::node::View;
use crate::declarative::spot::Spot;
use crate::declarative::text::{Condition, Text};

/// Fields and what they are set to.
#[derive(Clone, Debug)]
pub struct AddFields {
    fields: Vec<AddedField>,
    condition: Condition,
}

#[derive(Clone, Debug)]
struct AddedField {
    path: Vec<CompactString>,
    spot: Spot,
    value: Text,
    kind: Kind,
}

/// What a value may be read as; otherwise it stays the text that the template makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Any,
    Text,
    Number,
    Integer,
    Bool,
}

impl AddFields {
    /// From the file.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        let fields = view.require("fields", "a list of fields, each with `path` and `value`")?;
        Ok(Self {
            fields: fields
                .items()?
                .iter()
                .map(AddedField::compile)
                .collect::<Result<_>>()?,
            condition: Condition::member(view, "condition", true)?,
        })
    }

    /// The values that are the same for all records of a page; none where they are not, or where making one fails.
    pub fn same_for_a_page(&self, scope: &Scope<'_>, env: &Env) -> Vec<Option<Value>> {
        let value = |field: &AddedField| {
            let is_same = field.value.is_same_for_a_page();
            is_same.then(|| field.evaluate(scope, env).ok()).flatten()
        };
        self.fields.iter().map(value).collect()
    }

    /// Sets the fields one after the other; later ones see what earlier ones made. What is `known` is not made again.
    pub fn apply(
        &self,
        row: &mut Row,
        scope: &Scope<'_>,
        env: &Env,
        known: &[Option<Value>],
    ) -> Result<()> {
        for (n, field) in self.fields.iter().enumerate() {
            let value = {
                let scope = Scope::within(scope).with("record", &*row);
                let value = match known.get(n) {
                    Some(Some(value)) => value.clone(),
                    _ => field.evaluate(&scope, env)?,
                };
                if !self.is_wanted(field, &value, &scope, env)? {
                    continue;
                }
                value
            };
            put_in_row(row, &field.path, value).map_err(|error| field.fail(&error.to_string()))?;
        }
        Ok(())
    }

    /// The same for a configuration: there is no record.
    pub fn apply_to_config(&self, config: &mut Value, env: &Env) -> Result<()> {
        for field in &self.fields {
            let value = {
                let scope = Scope::new().with("config", &*config);
                let value = field.evaluate(&scope, env)?;
                if !self.is_wanted(field, &value, &scope, env)? {
                    continue;
                }
                value
            };
            put(config, &field.path, value).map_err(|error| field.fail(&error.to_string()))?;
        }
        Ok(())
    }

    fn is_wanted(
        &self,
        field: &AddedField,
        value: &Value,
        scope: &Scope<'_>,
        env: &Env,
    ) -> Result<bool> {
        if let Condition::Fixed(flag) = self.condition {
            return Ok(flag);
        }
        let path = field.path.iter().cloned().map(Value::Text).collect();
        let scope = Scope::within(scope)
            .with("value", value)
            .with("path", Value::List(path));
        self.condition.holds(&scope, env)
    }
}

impl AddedField {
    fn compile(view: &View<'_>) -> Result<Self> {
        let path = view.require("path", "a list of names")?;
        let steps: Vec<CompactString> = path.texts()?.into_iter().map(Into::into).collect();
        if steps.is_empty() {
            return Err(path.fail("the path is empty", "a list of names"));
        }
        let kind = match view.text_of("value_type")? {
            None => Kind::Any,
            Some("string") => Kind::Text,
            Some("number") => Kind::Number,
            Some("integer") => Kind::Integer,
            Some("boolean") => Kind::Bool,
            Some(other) => {
                return Err(view.fail(
                    format!("the value type `{other}` is not known here"),
                    "string, number, integer or boolean",
                ));
            }
        };
        Ok(Self {
            path: steps,
            spot: Spot::of(&path),
            value: Text::compile(&view.require("value", "a text or a template")?)?,
            kind,
        })
    }

    fn evaluate(&self, scope: &Scope<'_>, env: &Env) -> Result<Value> {
        let literals = match self.kind {
            Kind::Text => Literals::Text,
            _ => Literals::All,
        };
        let value = self.value.eval_as(scope, env, literals)?;
        let fits = match (self.kind, &value) {
            (Kind::Any | Kind::Text, _) | (_, Value::Text(_)) => true,
            (Kind::Number, value) => matches!(value, Value::Decimal(_) | Value::Float(_)),
            // In Python a truth value is a whole number.
            (Kind::Integer, value) => {
                matches!(value, Value::Int(_) | Value::UInt(_) | Value::Bool(_))
            }
            (Kind::Bool, value) => matches!(value, Value::Bool(_)),
        };
        if fits {
            Ok(value)
        } else {
            self.value.render(scope, env).map(Value::from)
        }
    }

    fn fail(&self, problem: &str) -> crate::Error {
        self.spot.fail(
            format!("the field {} cannot be set: {problem}", self.path.join(".")),
            "a path that leads through objects, or through lists by number",
        )
    }
}
