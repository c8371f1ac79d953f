//! Goes through the partitions that a router gives, one after another.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use model::row::Row;
use model::value::{Fingerprint, Object, Value};

use super::chosen::Rules;
use super::parent::Parent;
use crate::Result;
use crate::declarative::pages::{Context, Pages, Step};
use crate::declarative::slice::Slice;
use crate::declarative::text::python_text;

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
    Union(Box<Union>),
    /// Several at a time.
    Grouping(Box<Grouping>),
    /// From records of other streams, each value once.
    Values(Box<Values>),
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

/// A union at work.
#[derive(Debug)]
pub struct Union {
    routers: VecDeque<Partitions>,
    field: Option<String>,
    /// Values of the field that came already.
    seen: HashSet<Fingerprint>,
    states: Object,
}

/// Values of parents at work.
#[derive(Debug)]
pub struct Values {
    pub(super) parents: Substream,
    pub(super) rules: Rules,
    /// Those that came already.
    pub(super) seen: HashSet<Fingerprint>,
    pub(super) is_over: bool,
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
            Self::Union(union) => Box::pin(union.next(context)).await,
            Self::Grouping(grouping) => Box::pin(grouping.next(context)).await,
            Self::Values(values) => Box::pin(values.next(context)).await,
        }
    }

    /// The state of the parents, up to the last partition that was given; null where there are none.
    pub fn parent_state(&self) -> Value {
        match self {
            Self::Fixed(_) | Self::Product(_) => Value::Null,
            Self::Union(union) => Value::Object(union.states()),
            Self::Substream(substream) => Value::Object(substream.states.clone()),
            Self::Grouping(grouping) => grouping.state.clone(),
            Self::Values(values) => Value::Object(values.parents.states.clone()),
        }
    }
}

impl Substream {
    /// Begins with the first record of the first parent. `state` is that of the stream that they are for.
    pub(super) fn begin(parents: &[Parent], context: &Context, state: &Value) -> Self {
        Self {
            parents: parents
                .iter()
                .map(|parent| (parent.clone(), parent.seed(context, state)))
                .collect(),
            at: 0,
            pages: None,
            ready: VecDeque::new(),
            held: None,
            states: Object::new(),
        }
    }

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
                            self.ready.extend(parent.partitions(context, &slice, &row)?);
                        }
                    }
                }
                Some(Step::End { .. }) => {
                    if parent.is_incremental {
                        self.states
                            .insert(parent.stream.name.as_str(), pages.progress().state());
                    }
                    if let Some((slice, row)) = self.held.take() {
                        self.ready.extend(parent.partitions(context, &slice, &row)?);
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
    pub(super) const fn of(routers: Vec<Partitions>) -> Self {
        Self {
            routers,
            slices: None,
            at: Vec::new(),
            is_done: false,
        }
    }

    async fn next(&mut self, context: &Context) -> Result<Option<Slice>> {
        if let [only] = self.routers.as_mut_slice() {
            return only.next(context).await;
        }
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

impl Union {
    pub(super) fn of(routers: VecDeque<Partitions>, field: Option<String>) -> Self {
        Self {
            routers,
            field,
            seen: HashSet::new(),
            states: Object::new(),
        }
    }

    async fn next(&mut self, context: &Context) -> Result<Option<Slice>> {
        while let Some(router) = self.routers.front_mut() {
            let Some(slice) = router.next(context).await? else {
                self.states = self.states();
                self.routers.pop_front();
                continue;
            };
            let Some(field) = &self.field else {
                return Ok(Some(slice));
            };
            let value = slice.partition.get(field).cloned().unwrap_or_default();
            if self.seen.insert(value.fingerprint()) {
                return Ok(Some(slice.by_field(field, value)));
            }
        }
        Ok(None)
    }

    /// The states of the parents of all routers so far.
    fn states(&self) -> Object {
        let mut states = self.states.clone();
        if let Some(Value::Object(more)) = self.routers.front().map(Partitions::parent_state) {
            for (name, state) in more {
                states.insert(name, state);
            }
        }
        states
    }
}

impl Grouping {
    pub(super) fn of(inner: Partitions, size: usize, deduplicate: bool) -> Self {
        Self {
            inner,
            size,
            deduplicate,
            seen: HashSet::new(),
            state: Value::Null,
        }
    }

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

impl Values {
    async fn next(&mut self, context: &Context) -> Result<Option<Slice>> {
        while !self.is_over {
            let Some(slice) = self.parents.next(context).await? else {
                self.is_over = true;
                break;
            };
            let field = self.rules.field.as_str();
            let value = slice.partition.get(field).cloned().unwrap_or_default();
            if !self.rules.keeps(context, &value)? {
                continue;
            }
            let is_new = self.seen.insert(value.fingerprint());
            if !is_new && self.rules.deduplicates {
                continue;
            }
            return Ok(Some(match self.rules.has_parent_slice {
                true => slice,
                false => slice.by_field(field, value),
            }));
        }
        let is_empty = std::mem::take(&mut self.rules.is_single_when_empty) && self.seen.is_empty();
        Ok(is_empty.then(|| Slice::new(Object::new(), Object::new())))
    }
}
