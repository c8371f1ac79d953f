//! Partition routers: what a stream is read once for each of.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use compact_str::CompactString;
use model::row::Row;
use model::value::{Object, Value};
use template::{Env, Scope};

use super::decode::json::is_truthy;
use super::node::{Kind, View};
use super::options::{Options, RequestOption};
use super::pages::{Context, Pages, Step};
use super::slice::Slice;
use super::stream::Stream;
use super::text::{PathText, Text, python_text};
use crate::Result;

/// A partition router of the file.
#[derive(Clone, Debug)]
pub enum Router {
    /// One partition: the stream.
    Single,
    /// One for each value of a list.
    List(Box<List>),
    /// One for each record of other streams.
    Substream(Vec<Parent>),
    /// One for each combination.
    Product(Vec<Router>),
    /// One after another.
    Union(Vec<Router>),
    /// Partitions of another router, several at a time.
    Grouping {
        /// The other router.
        inner: Box<Router>,
        /// How many.
        size: usize,
        /// Whether the same value is taken once.
        deduplicate: bool,
    },
}

/// `ListPartitionRouter`.
#[derive(Clone, Debug)]
pub struct List {
    values: Values,
    field: Text,
    option: Option<RequestOption>,
}

#[derive(Clone, Debug)]
enum Values {
    Each(Vec<Value>),
    Text(Text),
}

/// `ParentStreamConfig`.
#[derive(Clone, Debug)]
pub struct Parent {
    /// The stream whose records are partitions.
    pub stream: Arc<Stream>,
    key: Text,
    field: Text,
    extra: Vec<PathText>,
    option: Option<RequestOption>,
    /// Whether only changed parents are gone through.
    pub is_incremental: bool,
    lazy: Option<PathText>,
}

impl Router {
    /// From the file: a router, a list of them, or nothing.
    pub fn compile(view: Option<View<'_>>) -> Result<Self> {
        let Some(view) = view.filter(|view| !view.node().is_falsy()) else {
            return Ok(Self::Single);
        };
        let each = |view: &View<'_>| -> Result<Vec<Self>> {
            view.items()?
                .into_iter()
                .map(|item| Self::compile(Some(item)))
                .collect()
        };
        if matches!(view.node().kind, Kind::List(_)) {
            let mut routers = each(&view)?;
            return Ok(match (routers.len(), routers.pop()) {
                (1, Some(only)) => only,
                (_, Some(last)) => {
                    routers.push(last);
                    Self::Product(routers)
                }
                (_, None) => Self::Single,
            });
        }
        Ok(match view.component()? {
            "SinglePartitionRouter" => Self::Single,
            "ListPartitionRouter" => {
                let values = view.require("values", "a list, or a template that gives one")?;
                Self::List(Box::new(List {
                    values: match &values.node().kind {
                        Kind::List(items) => Values::Each(
                            items
                                .iter()
                                .map(|item| Value::from_serde(&item.to_json()))
                                .collect(),
                        ),
                        _ => Values::Text(Text::compile(&values)?),
                    },
                    field: Text::compile(
                        &view
                            .require("cursor_field", "the name of the value in stream_partition")?,
                    )?,
                    option: RequestOption::member(&view, "request_option")?,
                }))
            }
            "SubstreamPartitionRouter" => {
                let parents = view.require("parent_stream_configs", "a list of parents")?;
                let parents: Vec<Parent> = parents
                    .items()?
                    .iter()
                    .map(Parent::compile)
                    .collect::<Result<_>>()?;
                if parents.is_empty() {
                    return Err(view.fail("there are no parents", "at least one"));
                }
                Self::Substream(parents)
            }
            "CartesianProductStreamSlicer" => {
                Self::Product(each(&view.require("stream_slicers", "a list of routers")?)?)
            }
            "UnionPartitionRouter" => Self::Union(each(
                &view.require("partition_routers", "a list of routers")?,
            )?),
            "GroupingPartitionRouter" => Self::Grouping {
                inner: Box::new(Self::compile(view.get("underlying_partition_router"))?),
                size: usize::try_from(view.require("group_size", "how many")?.count()?)
                    .unwrap_or(usize::MAX)
                    .max(1),
                deduplicate: view.flag_or("deduplicate", true)?,
            },
            _ => {
                return Err(view.unknown_component(&[
                    "SubstreamPartitionRouter",
                    "ListPartitionRouter",
                    "GroupingPartitionRouter",
                    "CartesianProductStreamSlicer",
                    "UnionPartitionRouter",
                ]));
            }
        })
    }

    /// Whether there is more than the one partition.
    pub const fn is_single(&self) -> bool {
        matches!(self, Self::Single)
    }

    /// The one field that tells partitions apart; none where there are several ways to them.
    pub fn partition_field(&self, scope: &Scope<'_>, env: &Env) -> Result<Option<String>> {
        match self {
            Self::List(list) => list.field.printed(scope, env).map(Some),
            Self::Substream(parents) => match parents.as_slice() {
                [parent] => parent.field.printed(scope, env).map(Some),
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// Whether the first page of each partition stands in the parent's record already.
    pub fn is_lazy(&self) -> bool {
        match self {
            Self::Substream(parents) => parents.iter().any(|parent| parent.lazy.is_some()),
            _ => false,
        }
    }

    /// The streams whose records are partitions, at any depth.
    pub fn parents(&self) -> Vec<&Arc<Stream>> {
        match self {
            Self::Single | Self::List(_) => Vec::new(),
            Self::Substream(parents) => parents
                .iter()
                .flat_map(|parent| std::iter::once(&parent.stream).chain(parent.stream.parents()))
                .collect(),
            Self::Product(routers) | Self::Union(routers) => {
                routers.iter().flat_map(Self::parents).collect()
            }
            Self::Grouping { inner, .. } => inner.parents(),
        }
    }

    /// What a partition adds to a request. Values that Python calls false are not sent.
    pub fn options(
        &self,
        slice: &Slice,
        scope: &Scope<'_>,
        env: &Env,
        options: &mut Options,
    ) -> Result<()> {
        match self {
            Self::Single | Self::Grouping { .. } => {}
            Self::List(list) => {
                if let Some(option) = &list.option
                    && let Some(value) = slice.partition.get(&list.field.printed(scope, env)?)
                    && is_truthy(value)
                {
                    option.put(options, value.clone(), scope, env)?;
                }
            }
            Self::Substream(parents) => {
                for parent in parents {
                    if let Some(option) = &parent.option
                        && let Some(value) = slice.partition.get(&parent.field.printed(scope, env)?)
                        && is_truthy(value)
                    {
                        option.put(options, value.clone(), scope, env)?;
                    }
                }
            }
            Self::Product(routers) => {
                // The first router wins, as in the low-code format.
                for router in routers.iter().rev() {
                    router.options(slice, scope, env, options)?;
                }
            }
            Self::Union(routers) => {
                for router in routers {
                    router.options(slice, scope, env, options)?;
                }
            }
        }
        Ok(())
    }

    /// Begins to go through the partitions. `state` is the state document of the stream that they are for.
    pub fn begin(&self, context: &Context, state: &Value) -> Result<Partitions> {
        Ok(match self {
            Self::Single => {
                Partitions::Fixed(VecDeque::from([Slice::new(Object::new(), Object::new())]))
            }
            Self::List(list) => Partitions::Fixed(list.partitions(context)?),
            Self::Substream(parents) => Partitions::Substream(Box::new(Substream {
                parents: parents
                    .iter()
                    .map(|parent| (parent.clone(), parent.seed(context, state)))
                    .collect(),
                at: 0,
                pages: None,
                ready: VecDeque::new(),
                held: None,
                states: Object::new(),
            })),
            Self::Product(routers) => Partitions::Product(Box::new(Product {
                routers: routers
                    .iter()
                    .map(|router| router.begin(context, state))
                    .collect::<Result<_>>()?,
                slices: None,
                at: Vec::new(),
                is_done: false,
            })),
            Self::Union(routers) => Partitions::Union(
                routers
                    .iter()
                    .map(|router| router.begin(context, state))
                    .collect::<Result<_>>()?,
            ),
            Self::Grouping {
                inner,
                size,
                deduplicate,
            } => Partitions::Grouping(Box::new(Grouping {
                inner: inner.begin(context, state)?,
                size: *size,
                deduplicate: *deduplicate,
                seen: HashSet::new(),
                state: Value::Null,
            })),
        })
    }
}

impl List {
    fn partitions(&self, context: &Context) -> Result<VecDeque<Slice>> {
        let scope = context.scope();
        let env = context.env();
        let field = self.field.printed(&scope, env)?;
        let values = match &self.values {
            Values::Each(values) => values.clone(),
            Values::Text(text) => match text.eval(&scope, env)? {
                Value::List(values) => values,
                // As the low-code format has it: a text is a list of letters.
                Value::Text(text) => text.chars().map(|c| Value::from(c.to_string())).collect(),
                Value::Object(object) => object.iter().map(|(name, _)| Value::text(name)).collect(),
                _ => return Err(text.fail("it gives no list".into())),
            },
        };
        Ok(values
            .into_iter()
            .map(|value| {
                let mut partition = Object::new();
                partition.push(field.as_str(), value);
                Slice::new(partition, Object::new())
            })
            .collect())
    }
}

impl Parent {
    fn compile(view: &View<'_>) -> Result<Self> {
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
            field: text(
                "partition_field",
                "the name of the value in stream_partition",
            )?,
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
    fn seed(&self, context: &Context, child: &Value) -> Value {
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

    /// The partition that a record is; none where its key is missing.
    fn partition(&self, context: &Context, parent: &Slice, row: &Row) -> Result<Option<Slice>> {
        let scope = context.scope();
        let env = context.env();
        let key = self.key.printed(&scope, env)?;
        let value = match row.get(&key) {
            Some(value) => Some(value),
            None => super::glob_path::GlobPath::new(key.split('/').filter(|step| !step.is_empty()))
                .and_then(|way| way.one_in_row(row).ok().flatten()),
        };
        let Some(value) = value.filter(|value| !value.is_null()) else {
            return Ok(None);
        };
        let mut partition = Object::with_capacity(2);
        partition.push(self.field.printed(&scope, env)?, value);
        partition.push("parent_slice", Value::Object(parent.partition.clone()));
        let mut extra = Object::new();
        if self.lazy.is_some() || !self.extra.is_empty() {
            let whole = row.to_value();
            if let Some(way) = &self.lazy {
                let steps = way.steps(&scope, env)?;
                let found = super::glob_path::at(&whole, &steps);
                extra.push(
                    "child_response",
                    found.cloned().unwrap_or(Value::List(Vec::new())),
                );
            }
            for way in &self.extra {
                let steps = way.steps(&scope, env)?;
                let found = super::glob_path::at(&whole, &steps);
                extra.push(
                    CompactString::from(steps.join(".")),
                    found.cloned().unwrap_or_default(),
                );
            }
        }
        Ok(Some(Slice::new(partition, extra)))
    }
}

/// Partitions, one after another.
#[derive(Debug)]
pub enum Partitions {
    /// Known from the start.
    Fixed(VecDeque<Slice>),
    /// From records of other streams.
    Substream(Box<Substream>),
    /// Combinations.
    Product(Box<Product>),
    /// One router after another.
    Union(VecDeque<Partitions>),
    /// Several at a time.
    Grouping(Box<Grouping>),
}

/// Parents at work.
#[derive(Debug)]
pub struct Substream {
    parents: Vec<(Parent, Value)>,
    at: usize,
    pages: Option<Pages>,
    ready: VecDeque<Slice>,
    /// The last record of a slice waits: its slice is closed before it is handed on.
    held: Option<(Arc<Slice>, Row)>,
    /// The states of parents that are incremental.
    states: Object,
}

/// A product at work.
#[derive(Debug)]
pub struct Product {
    routers: Vec<Partitions>,
    slices: Option<Vec<Vec<Slice>>>,
    at: Vec<usize>,
    is_done: bool,
}

/// A grouping at work.
#[derive(Debug)]
pub struct Grouping {
    inner: Partitions,
    size: usize,
    deduplicate: bool,
    seen: HashSet<String>,
    state: Value,
}

impl Partitions {
    /// The next partition; none when there are no more.
    pub async fn next(&mut self, context: &Context) -> Result<Option<Slice>> {
        match self {
            Self::Fixed(slices) => Ok(slices.pop_front()),
            Self::Substream(substream) => Box::pin(substream.next(context)).await,
            Self::Product(product) => Box::pin(product.next(context)).await,
            Self::Union(routers) => {
                while let Some(router) = routers.front_mut() {
                    if let Some(slice) = Box::pin(router.next(context)).await? {
                        return Ok(Some(slice));
                    }
                    routers.pop_front();
                }
                Ok(None)
            }
            Self::Grouping(grouping) => Box::pin(grouping.next(context)).await,
        }
    }

    /// The state of the parents, up to the last partition that was given; null where there are none.
    pub fn parent_state(&self) -> Value {
        match self {
            Self::Fixed(_) | Self::Product(_) | Self::Union(_) => Value::Null,
            Self::Substream(substream) => Value::Object(substream.states.clone()),
            Self::Grouping(grouping) => grouping.state.clone(),
        }
    }
}

impl Substream {
    async fn next(&mut self, context: &Context) -> Result<Option<Slice>> {
        loop {
            if let Some(slice) = self.ready.pop_front() {
                return Ok(Some(slice));
            }
            let Some((parent, state)) = self.parents.get(self.at) else {
                return Ok(None);
            };
            let pages = match &mut self.pages {
                Some(pages) => pages,
                None => {
                    self.pages
                        .insert(Pages::begin(context.clone(), parent.stream.clone(), state)?)
                }
            };
            // Boxed: a parent may have parents of its own.
            match Box::pin(pages.next()).await? {
                Some(Step::Rows { slice, rows, .. }) => {
                    for row in rows {
                        if let Some((slice, row)) = self.held.replace((slice.clone(), row)) {
                            self.ready.extend(parent.partition(context, &slice, &row)?);
                        }
                    }
                }
                Some(Step::End { .. }) => {
                    if parent.is_incremental {
                        self.states
                            .insert(parent.stream.name.as_str(), pages.progress().state());
                    }
                    if let Some((slice, row)) = self.held.take() {
                        self.ready.extend(parent.partition(context, &slice, &row)?);
                    }
                }
                None => {
                    if parent.is_incremental {
                        self.states
                            .insert(parent.stream.name.as_str(), pages.progress().state());
                    }
                    self.pages = None;
                    self.at += 1;
                }
            }
        }
    }
}

impl Product {
    async fn next(&mut self, context: &Context) -> Result<Option<Slice>> {
        if self.slices.is_none() {
            let mut all = Vec::with_capacity(self.routers.len());
            for router in &mut self.routers {
                let mut slices = Vec::new();
                while let Some(slice) = router.next(context).await? {
                    slices.push(slice);
                }
                all.push(slices);
            }
            self.is_done = all.iter().any(Vec::is_empty);
            self.at = vec![0; all.len()];
            self.slices = Some(all);
        }
        let Some(all) = self.slices.as_ref().filter(|_| !self.is_done) else {
            return Ok(None);
        };
        let mut partition = Object::new();
        let mut extra = Object::new();
        // Of equal names the first router's counts.
        for (slices, at) in all.iter().zip(&self.at).rev() {
            let Some(slice) = slices.get(*at) else {
                return Ok(None);
            };
            for (name, value) in slice.partition.iter() {
                partition.insert(name, value.clone());
            }
            for (name, value) in slice.extra.iter() {
                extra.insert(name, value.clone());
            }
        }
        // The last router turns fastest.
        self.is_done = true;
        for (slices, at) in all.iter().zip(&mut self.at).rev() {
            *at += 1;
            if *at < slices.len() {
                self.is_done = false;
                break;
            }
            *at = 0;
        }
        Ok(Some(Slice::new(partition, extra)))
    }
}

impl Grouping {
    async fn next(&mut self, context: &Context) -> Result<Option<Slice>> {
        let mut batch: Vec<Slice> = Vec::new();
        while batch.len() < self.size {
            let Some(slice) = self.inner.next(context).await? else {
                break;
            };
            let key = slice
                .partition
                .iter()
                .find(|(name, _)| *name != "parent_slice")
                .map(|(_, value)| python_text(value))
                .unwrap_or_default();
            if self.deduplicate && !self.seen.insert(key) {
                continue;
            }
            batch.push(slice);
        }
        self.state = self.inner.parent_state();
        let Some(first) = batch.first() else {
            return Ok(None);
        };
        let together = |of: fn(&Slice) -> &Object| -> Object {
            of(first)
                .iter()
                .map(|(name, _)| {
                    let values = batch
                        .iter()
                        .map(|slice| of(slice).get(name).cloned().unwrap_or_default())
                        .collect();
                    (name.into(), Value::List(values))
                })
                .collect()
        };
        let partition = together(|slice| &slice.partition);
        let extra = together(|slice| &slice.extra);
        Ok(Some(Slice::new(partition, extra)))
    }
}
