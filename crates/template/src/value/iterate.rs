//! Iteration: one value after the other, made when it is asked for.

use std::rc::Rc;

use model::value::Value;

use super::dict::Key;
use super::{List, Text, Thing, Tuple, Val, View};
use crate::checks::Check;
use crate::error::{Fallible, Fault};
use crate::filters::{AttributePath, Filter};
use crate::run::{Given, Machine};

/// What gives the values.
#[derive(Debug, Default)]
pub(crate) enum Iter<'r> {
    #[default]
    Done,
    /// What is only iterated over once the first value is asked for.
    Waiting(Val<'r>),
    /// `items(…)`, until the first pair is asked for.
    Items(Val<'r>),
    Slice(std::slice::Iter<'r, Value>),
    Live(Rc<List<'r>>, usize),
    Tuple(Rc<Tuple<'r>>, usize),
    Values(std::vec::IntoIter<Val<'r>>),
    Chars(Text<'r>, usize),
    /// An iterator that others may also take from.
    Shared(Val<'r>),
    Range(i64, i64, i64),
    /// `map(…)`: of what, and the arguments until the first value is asked for.
    Map(Box<Self>, Option<Given<'r>>, Option<Mapping<'r>>),
    /// `select(…)` and its three sisters.
    Select(
        Box<Self>,
        Option<(Given<'r>, bool)>,
        Option<Selection<'r>>,
        bool,
    ),
    Unique(Box<Self>, AttributePath, bool, super::dict::Dict<'r>),
    Batch(Box<Self>, usize, Option<Val<'r>>),
}

#[derive(Debug)]
pub(crate) enum Mapping<'r> {
    Attribute(AttributePath, Option<Val<'r>>),
    Filter(Filter, Given<'r>),
}

#[derive(Debug)]
pub(crate) struct Selection<'r> {
    pub(crate) attribute: Option<AttributePath>,
    pub(crate) check: Option<(Check, Given<'r>)>,
}

impl<'r> Iter<'r> {
    /// The next value.
    pub(crate) fn next(&mut self, m: &Machine<'r>) -> Fallible<Option<Val<'r>>> {
        m.step()?;
        match self {
            Self::Done => Ok(None),
            Self::Waiting(value) => {
                *self = m.iter(value)?;
                m.deeper(|m| self.next(m))
            }
            Self::Items(value) => {
                if m.settled(value).type_name() != "dict" {
                    return Err(Fault::wrong_type("Can only get item pairs from a mapping."));
                }
                let pairs: Vec<Val<'r>> = m
                    .entries_of(value)?
                    .into_iter()
                    .map(|(key, value)| Val::tuple(vec![key, value]))
                    .collect();
                *self = Self::Values(pairs.into_iter());
                m.deeper(|m| self.next(m))
            }
            Self::Slice(values) => Ok(values.next().map(|value| m.val(value))),
            Self::Live(list, at) => {
                let value = list.0.borrow().get(*at).cloned();
                *at += 1;
                Ok(value)
            }
            Self::Tuple(tuple, at) => {
                *at += 1;
                Ok(tuple.items.get(*at - 1).cloned())
            }
            Self::Values(values) => Ok(values.next()),
            Self::Chars(text, at) => {
                let Some(c) = text.get(*at..).and_then(|rest| rest.chars().next()) else {
                    return Ok(None);
                };
                let end = *at + c.len_utf8();
                let piece = match text {
                    Text::Borrowed(text) => text.get(*at..end).map(Val::borrowed),
                    _ => text.get(*at..end).map(Val::text),
                };
                *at = end;
                Ok(piece)
            }
            Self::Shared(value) => m.deeper(|m| match value {
                Val::Object(thing) => match &**thing {
                    Thing::Iter(iter, _) => match iter.try_borrow_mut() {
                        Ok(mut iter) => iter.next(m),
                        Err(_) => Err(Fault::value("generator already executing")),
                    },
                    _ => Ok(None),
                },
                _ => Ok(None),
            }),
            Self::Range(here, stop, step) => {
                if *step == 0 || (*step > 0 && here >= stop) || (*step < 0 && here <= stop) {
                    return Ok(None);
                }
                let value = *here;
                *here = here.saturating_add(*step);
                Ok(Some(Val::Int(value)))
            }
            Self::Map(..) | Self::Select(..) | Self::Unique(..) | Self::Batch(..) => {
                m.deeper(|m| self.next_made(m))
            }
        }
    }

    fn next_made(&mut self, m: &Machine<'r>) -> Fallible<Option<Val<'r>>> {
        match self {
            Self::Map(source, given, mapping) => {
                if let Some(given) = given.take() {
                    *mapping = Some(crate::filters::prepare_map(m, given)?);
                }
                let Some(value) = source.next(m)? else {
                    return Ok(None);
                };
                match mapping {
                    Some(Mapping::Attribute(path, default)) => {
                        path.of(m, &value, default.as_ref()).map(Some)
                    }
                    Some(Mapping::Filter(filter, given)) => {
                        m.apply(*filter, "", value, given.clone()).map(Some)
                    }
                    None => Ok(Some(value)),
                }
            }
            Self::Select(source, given, selection, keep) => {
                if let Some((given, by_attribute)) = given.take() {
                    *selection = Some(crate::filters::prepare_select(m, given, by_attribute)?);
                }
                while let Some(value) = source.next(m)? {
                    let Some(selection) = selection else {
                        return Ok(Some(value));
                    };
                    let looked_at = match &selection.attribute {
                        Some(path) => path.of(m, &value, None)?,
                        None => value.clone(),
                    };
                    let holds = match &selection.check {
                        Some((check, given)) => check(m, &looked_at, given.clone())?,
                        None => m.is_true(&looked_at)?,
                    };
                    if holds == *keep {
                        return Ok(Some(value));
                    }
                }
                Ok(None)
            }
            Self::Unique(source, path, case_sensitive, seen) => {
                while let Some(value) = source.next(m)? {
                    let mut key = path.of(m, &value, None)?;
                    if !*case_sensitive {
                        key = crate::filters::without_case(key);
                    }
                    let type_name = key.type_name();
                    let key = Key::new(key).ok_or_else(|| {
                        Fault::wrong_type(format!("unhashable type: '{type_name}'"))
                    })?;
                    if seen.get(&key).is_none() {
                        seen.set(key, Val::None);
                        return Ok(Some(value));
                    }
                }
                Ok(None)
            }
            Self::Batch(source, size, fill) => {
                let mut batch = Vec::new();
                while batch.len() < *size {
                    let Some(value) = source.next(m)? else {
                        break;
                    };
                    batch.push(value);
                }
                if batch.is_empty() {
                    return Ok(None);
                }
                if let Some(fill) = fill {
                    while batch.len() < *size {
                        m.step()?;
                        batch.push(fill.clone());
                    }
                }
                Ok(Some(Val::list(batch)))
            }
            _ => Ok(None),
        }
    }

    /// Hands over what it holds.
    pub(crate) fn release(&mut self, waiting: &mut Vec<Val<'r>>) {
        match std::mem::take(self) {
            Self::Live(list, _) => waiting.push(Val::List(list)),
            Self::Tuple(tuple, _) => waiting.push(Val::Tuple(tuple)),
            Self::Values(values) => waiting.extend(values),
            Self::Shared(value) | Self::Waiting(value) | Self::Items(value) => waiting.push(value),
            Self::Map(mut source, ..)
            | Self::Select(mut source, ..)
            | Self::Unique(mut source, ..)
            | Self::Batch(mut source, ..) => source.release(waiting),
            Self::Done | Self::Slice(_) | Self::Chars(..) | Self::Range(..) => {}
        }
    }
}

impl<'r> Machine<'r> {
    /// `iter(value)`
    pub(crate) fn iter(&self, value: &Val<'r>) -> Fallible<Iter<'r>> {
        Ok(match &self.settled(value) {
            Val::Undefined(missing) => {
                if self.strict {
                    return Err(self.undefined_fault(missing));
                }
                Iter::Done
            }
            Val::Text(text) => Iter::Chars(text.clone(), 0),
            Val::Markup(text) => Iter::Chars(Text::Shared(text.clone()), 0),
            Val::Bytes(bytes) => Iter::Values(
                bytes
                    .iter()
                    .map(|byte| Val::Int(i64::from(*byte)))
                    .collect::<Vec<_>>()
                    .into_iter(),
            ),
            Val::Ref(Value::List(items)) => Iter::Slice(items.iter()),
            Val::List(list) => Iter::Live(list.clone(), 0),
            Val::Tuple(tuple) => Iter::Tuple(tuple.clone(), 0),
            settled @ (Val::Ref(_) | Val::Lazy(_) | Val::Dict(_)) => {
                let keys: Vec<Val<'r>> = self
                    .entries_of(settled)?
                    .into_iter()
                    .map(|(key, _)| key)
                    .collect();
                Iter::Values(keys.into_iter())
            }
            settled @ Val::Object(thing) => match &**thing {
                Thing::Iter(..) => Iter::Shared(settled.clone()),
                Thing::View(of, view) => {
                    let items: Vec<Val<'r>> = self
                        .entries_of(of)?
                        .into_iter()
                        .map(|(key, value)| match view {
                            View::Keys => key,
                            View::Values => value,
                            View::Items => Val::tuple(vec![key, value]),
                        })
                        .collect();
                    Iter::Values(items.into_iter())
                }
                Thing::Range(start, stop, step) => Iter::Range(*start, *stop, *step),
                _ => return Err(not_iterable(settled)),
            },
            settled => return Err(not_iterable(settled)),
        })
    }

    /// `list(value)`
    pub(crate) fn collect(&self, value: &Val<'r>) -> Fallible<Vec<Val<'r>>> {
        let mut iter = self.iter(value)?;
        let mut items = Vec::new();
        while let Some(item) = iter.next(self)? {
            items.push(item);
        }
        Ok(items)
    }

    /// The items of a list or tuple.
    pub(crate) fn items_of(&self, value: &Val<'r>) -> Fallible<Vec<Val<'r>>> {
        match &self.settled(value) {
            Val::Ref(Value::List(items)) => {
                self.steps(items.len())?;
                Ok(items.iter().map(|item| self.val(item)).collect())
            }
            Val::List(list) => {
                let list = list.0.borrow();
                self.steps(list.len())?;
                Ok(list.clone())
            }
            Val::Tuple(tuple) => {
                self.steps(tuple.items.len())?;
                Ok(tuple.items.clone())
            }
            other => self.collect(other),
        }
    }

    /// The members of a dict, in order.
    pub(crate) fn entries_of(&self, value: &Val<'r>) -> Fallible<Vec<(Val<'r>, Val<'r>)>> {
        match &self.settled(value) {
            Val::Ref(Value::Object(object)) => {
                self.steps(object.len())?;
                Ok(object
                    .iter()
                    .map(|(name, member)| (Val::borrowed(name), self.val(member)))
                    .collect())
            }
            Val::Dict(dict) => {
                let dict = dict.0.borrow();
                self.steps(dict.len())?;
                Ok(dict
                    .iter()
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect())
            }
            Val::Lazy(_) => self.entries_of(&self.whole(value)),
            other => Err(Fault::wrong_type(format!(
                "'{}' object is not a mapping",
                other.type_name()
            ))),
        }
    }
}

fn not_iterable(value: &Val<'_>) -> Box<Fault> {
    Fault::wrong_type(format!("'{}' object is not iterable", value.type_name()))
}
