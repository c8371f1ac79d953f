//! Partition routers: what a stream is read once for each of.

mod chosen;
mod parent;
mod walk;

use std::collections::VecDeque;
use std::sync::Arc;

use model::value::{Object, Value};
use template::{Env, Scope};

use self::chosen::ConfigOrParent;
pub use self::parent::Parent;
pub use self::walk::Partitions;
use self::walk::{Grouping, Product, Substream, Union};
use super::decode::json::is_truthy;
use super::node::{Kind, View};
use super::options::{Options, RequestOption};
use super::pages::Context;
use super::slice::Slice;
use super::stream::Stream;
use super::text::Text;
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
    /// One for each value of the settings, else for each record of other streams.
    ConfigOrParent(Box<ConfigOrParent>),
    /// One for each combination.
    Product(Vec<Router>),
    /// One after another.
    Union {
        /// The routers.
        routers: Vec<Router>,
        /// The one member of a partition that counts.
        field: Option<Text>,
    },
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
            // A list of one is a product too: it keeps no state of parents.
            let routers = each(&view)?;
            return Ok(match routers.is_empty() {
                true => Self::Single,
                false => Self::Product(routers),
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
            "ConfigOrParentPartitionRouter" => {
                Self::ConfigOrParent(Box::new(ConfigOrParent::compile(&view)?))
            }
            "CartesianProductStreamSlicer" => {
                Self::Product(each(&view.require("stream_slicers", "a list of routers")?)?)
            }
            "UnionPartitionRouter" => Self::Union {
                routers: each(&view.require("partition_routers", "a list of routers")?)?,
                field: Text::member(&view, "partition_field")?,
            },
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
                    "ConfigOrParentPartitionRouter",
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
            Self::ConfigOrParent(either) => either.field.printed(scope, env).map(Some),
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
            Self::ConfigOrParent(either) => either.parents(),
            Self::Product(routers) | Self::Union { routers, .. } => {
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
            // Their values are for templates.
            Self::Single | Self::Grouping { .. } | Self::Union { .. } => {}
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
            Self::ConfigOrParent(either) => either.options(slice, scope, env, options)?,
            Self::Product(routers) => {
                // The first router wins, as in the low-code format.
                for router in routers.iter().rev() {
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
            Self::Substream(parents) => {
                Partitions::Substream(Box::new(Substream::begin(parents, context, state)))
            }
            Self::ConfigOrParent(either) => either.begin(context, state)?,
            Self::Product(routers) => {
                Partitions::Product(Box::new(Product::of(each(routers, context, state)?)))
            }
            Self::Union { routers, field } => {
                let field = match field {
                    Some(field) => Some(field.printed(&context.scope(), context.env())?),
                    None => None,
                };
                let routers = each(routers, context, state)?;
                Partitions::Union(Box::new(Union::of(routers, field)))
            }
            Self::Grouping {
                inner,
                size,
                deduplicate,
            } => {
                let inner = inner.begin(context, state)?;
                Partitions::Grouping(Box::new(Grouping::of(inner, *size, *deduplicate)))
            }
        })
    }
}

fn each<C: FromIterator<Partitions>>(
    routers: &[Router],
    context: &Context,
    state: &Value,
) -> Result<C> {
    routers
        .iter()
        .map(|router| router.begin(context, state))
        .collect()
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
