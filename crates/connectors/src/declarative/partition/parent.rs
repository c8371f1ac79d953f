//! Parents: streams whose records are partitions of others.

use std::sync::Arc;

use compact_str::CompactString;
use model::row::Row;
use model::value::{Object, Value};
use template::{Env, Scope};

use crate::Result;
use crate::declarative::glob_path::{self, GlobPath};
use crate::declarative::node::View;
use crate::declarative::options::RequestOption;
use crate::declarative::pages::Context;
use crate::declarative::slice::Slice;
use crate::declarative::stream::Stream;
use crate::declarative::text::{PathText, Text};

/// `ParentStreamConfig`.
#[derive(Clone, Debug)]
pub struct Parent {
    /// The stream whose records are partitions.
    pub stream: Arc<Stream>,
    key: Text,
    pub(super) field: Text,
    extra: Vec<PathText>,
    pub(super) option: Option<RequestOption>,
    /// Whether each value of a list that the key leads to is a partition.
    takes_each: bool,
    /// Whether only changed parents are gone through.
    pub is_incremental: bool,
    pub(super) lazy: Option<PathText>,
}

impl Parent {
    /// From the file.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        Self::with_field(view, Text::compile(&field_of(view)?)?)
    }

    /// One of whose keys every value counts, for a router whose values are called `field`.
    pub(super) fn of_each(view: &View<'_>, field: &Text) -> Result<Self> {
        let own = field_of(view)?;
        if own.scalar()? != field.source() {
            return Err(own.fail(
                format!("the router calls it `{}`", field.source()),
                "the same name in both",
            ));
        }
        Ok(Self {
            takes_each: true,
            ..Self::with_field(view, field.clone())?
        })
    }

    fn with_field(view: &View<'_>, field: Text) -> Result<Self> {
        let text = |name: &str, what: &str| Text::compile(&view.require(name, what)?);
        let extra = match view.get("extra_fields") {
            Some(fields) => fields
                .items()?
                .iter()
                .map(PathText::compile)
                .collect::<Result<_>>()?,
            None => Vec::new(),
        };
        Ok(Self {
            stream: Arc::new(
                Stream::compile(&view.require("stream", "the parent stream")?)?.as_parent(),
            ),
            key: text(
                "parent_key",
                "the parent's field whose values are the partitions",
            )?,
            field,
            takes_each: false,
            extra,
            option: RequestOption::member(view, "request_option")?,
            is_incremental: view.flag_or("incremental_dependency", false)?,
            lazy: view
                .get("lazy_read_pointer")
                .filter(|pointer| !pointer.node().is_falsy())
                .map(|pointer| PathText::compile(&pointer))
                .transpose()?,
        })
    }

    /// The state that the parent begins with, taken from the child's.
    pub(super) fn seed(&self, context: &Context, child: &Value) -> Value {
        let Some(child) = child.as_object().filter(|_| self.is_incremental) else {
            return Value::Null;
        };
        let of_parent = child
            .get("parent_state")
            .and_then(Value::as_object)
            .and_then(|parents| parents.get(&self.stream.name));
        if let Some(state) = of_parent {
            return state.clone();
        }
        if let Some(global) = child.get("state") {
            return global.clone();
        }
        let mut values = child.iter();
        match (values.next(), values.next()) {
            (Some((_, value)), None)
                if !matches!(value, Value::Bool(_) | Value::List(_) | Value::Object(_)) =>
            {
                let mut state = Object::new();
                if let Some(field) = self.stream.cursor_field(&context.scope(), context.env()) {
                    state.push(field, value.clone());
                }
                Value::Object(state)
            }
            _ => Value::Null,
        }
    }

    /// The partitions that a record is: one; none where its key is missing; several where the key leads to a list and
    /// each value of it counts.
    pub(super) fn partitions(
        &self,
        context: &Context,
        parent: &Slice,
        row: &Row,
    ) -> Result<Vec<Slice>> {
        let scope = context.scope();
        let env = context.env();
        let values = self.values(&self.key.printed(&scope, env)?, row);
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let field = self.field.printed(&scope, env)?;
        let extra = self.extra(&scope, env, row)?;
        Ok(values
            .into_iter()
            .map(|value| {
                let mut partition = Object::with_capacity(2);
                partition.push(field.as_str(), value);
                partition.push("parent_slice", Value::Object(parent.partition.clone()));
                Slice::new(partition, extra.clone())
            })
            .collect())
    }

    /// What the key leads to in a record.
    fn values(&self, key: &str, row: &Row) -> Vec<Value> {
        let way = || GlobPath::new(key.split('/').filter(|step| !step.is_empty()));
        if self.takes_each {
            let whole = row.to_value();
            let found = way().map(|way| way.find(&whole).into_iter().cloned().collect::<Vec<_>>());
            return found
                .unwrap_or_default()
                .into_iter()
                .flat_map(|value| match value {
                    Value::List(items) => items,
                    one => vec![one],
                })
                .filter(|value| !value.is_null())
                .collect();
        }
        let value = match row.get(key) {
            Some(value) => Some(value),
            None => way().and_then(|way| way.one_in_row(row).ok().flatten()),
        };
        value.into_iter().filter(|value| !value.is_null()).collect()
    }

    /// What comes with a partition.
    fn extra(&self, scope: &Scope<'_>, env: &Env, row: &Row) -> Result<Object> {
        let mut extra = Object::new();
        if self.lazy.is_some() || !self.extra.is_empty() {
            let whole = row.to_value();
            if let Some(way) = &self.lazy {
                let steps = way.steps(scope, env)?;
                let found = glob_path::at(&whole, &steps);
                extra.push(
                    "child_response",
                    found.cloned().unwrap_or(Value::List(Vec::new())),
                );
            }
            for way in &self.extra {
                let steps = way.steps(scope, env)?;
                let found = glob_path::at(&whole, &steps);
                extra.push(
                    CompactString::from(steps.join(".")),
                    found.cloned().unwrap_or_default(),
                );
            }
        }
        Ok(extra)
    }
}

fn field_of<'a>(view: &View<'a>) -> Result<View<'a>> {
    view.require(
        "partition_field",
        "the name of the value in stream_partition",
    )
}
