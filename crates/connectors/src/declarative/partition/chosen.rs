//! `ConfigOrParentPartitionRouter`: what the settings choose, else all that there is on the platform.
//!
//! Ours: it stands for what many connectors have Python code for (forms, boards, projects that a person may list in the
//! settings, and all of them otherwise).

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use model::value::{Object, Value};
use template::{Env, Scope};

use super::parent::Parent;
use super::walk::{Partitions, Substream, Values};
use crate::Result;
use crate::declarative::decode::json::is_truthy;
use crate::declarative::node::{Kind, View};
use crate::declarative::options::{Options, RequestOption};
use crate::declarative::pages::Context;
use crate::declarative::slice::Slice;
use crate::declarative::stream::Stream;
use crate::declarative::text::{Condition, Reading, Text, Tree};
use template::Literals;

/// Settings first, else parents.
#[derive(Clone, Debug)]
pub struct ConfigOrParent {
    /// The name of the value in `stream_partition`.
    pub(super) field: Text,
    values: Option<Tree>,
    parents: Vec<Parent>,
    option: Option<RequestOption>,
    keep: Condition,
    deduplicates: bool,
    has_parent_slice: bool,
    is_single_when_empty: bool,
}

/// What of the parents' values counts.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) field: String,
    keep: Condition,
    pub(super) deduplicates: bool,
    pub(super) has_parent_slice: bool,
    pub(super) is_single_when_empty: bool,
}

impl ConfigOrParent {
    /// From the file.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        view.only(&[
            "type",
            "values",
            "partition_field",
            "parent_stream_configs",
            "request_option",
            "keep",
            "deduplicate",
            "parent_slice",
            "when_empty",
            "$parameters",
        ])?;
        let field = view.require(
            "partition_field",
            "the name of the value in stream_partition",
        )?;
        let field = Text::compile(&field)?;
        let parents = match view.get("parent_stream_configs") {
            Some(parents) => parents
                .items()?
                .iter()
                .map(|parent| Parent::of_each(parent, &field))
                .collect::<Result<_>>()?,
            None => Vec::new(),
        };
        Ok(Self {
            values: view
                .get("values")
                .filter(|values| !values.node().is_falsy())
                .map(|values| match values.node().kind {
                    Kind::Map(_) => {
                        Err(values.fail("this is a map", "a list, or a template that gives one"))
                    }
                    _ => Tree::compile(&values),
                })
                .transpose()?,
            parents,
            option: RequestOption::member(view, "request_option")?,
            keep: Condition::member(view, "keep", true)?,
            deduplicates: view.flag_or("deduplicate", true)?,
            has_parent_slice: view.flag_or("parent_slice", true)?,
            is_single_when_empty: match view.text_of("when_empty")? {
                None | Some("none") => false,
                Some("single") => true,
                Some(other) => {
                    return Err(view.fail(
                        format!("`when_empty` is `{other}`"),
                        "none (nothing is read) or single (the stream is read once)",
                    ));
                }
            },
            field,
        })
    }

    /// The streams whose records are partitions, at any depth.
    pub(super) fn parents(&self) -> Vec<&Arc<Stream>> {
        self.parents
            .iter()
            .flat_map(|parent| std::iter::once(&parent.stream).chain(parent.stream.parents()))
            .collect()
    }

    /// What a partition adds to a request.
    pub(super) fn options(
        &self,
        slice: &Slice,
        scope: &Scope<'_>,
        env: &Env,
        options: &mut Options,
    ) -> Result<()> {
        if let Some(option) = &self.option
            && let Some(value) = slice.partition.get(&self.field.printed(scope, env)?)
            && is_truthy(value)
        {
            option.put(options, value.clone(), scope, env)?;
        }
        Ok(())
    }

    /// Begins: nothing is asked for where the settings choose.
    pub(super) fn begin(&self, context: &Context, state: &Value) -> Result<Partitions> {
        let field = self.field.printed(&context.scope(), context.env())?;
        let rules = Rules {
            field,
            keep: self.keep.clone(),
            deduplicates: self.deduplicates,
            has_parent_slice: self.has_parent_slice,
            is_single_when_empty: self.is_single_when_empty,
        };
        let mut chosen = VecDeque::new();
        let mut seen = HashSet::new();
        for value in self.chosen(context)? {
            let is_new = seen.insert(value.fingerprint());
            if rules.keeps(context, &value)? && (is_new || !self.deduplicates) {
                let mut partition = Object::new();
                partition.push(rules.field.as_str(), value);
                chosen.push_back(Slice::new(partition, Object::new()));
            }
        }
        if !chosen.is_empty() {
            return Ok(Partitions::Fixed(chosen));
        }
        Ok(Partitions::Values(Box::new(Values {
            parents: Substream::begin(&self.parents, context, state),
            rules,
            seen: HashSet::new(),
            is_over: false,
        })))
    }

    /// What the settings say: a list, or a text with commas.
    fn chosen(&self, context: &Context) -> Result<Vec<Value>> {
        let Some(values) = &self.values else {
            return Ok(Vec::new());
        };
        let reading = Reading::Literal(Literals::All);
        let values = match values.eval(&context.scope(), context.env(), reading)? {
            Some(Value::List(values)) => values,
            Some(Value::Text(text)) => text
                .split(',')
                .map(|part| Value::text(part.trim()))
                .collect(),
            Some(value) if is_truthy(&value) => vec![value],
            _ => Vec::new(),
        };
        Ok(values
            .into_iter()
            .filter(|value| !value.is_null() && !value.is_empty())
            .collect())
    }
}

impl Rules {
    /// Whether a value counts.
    pub(super) fn keeps(&self, context: &Context, value: &Value) -> Result<bool> {
        let outer = context.scope();
        let scope = Scope::within(&outer).with("value", value);
        self.keep.holds(&scope, context.env())
    }
}
