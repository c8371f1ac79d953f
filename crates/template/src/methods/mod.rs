//! The methods and properties that Python's values have.

mod collections;
pub(crate) use collections::pairs;
mod moments;
mod numbers;
pub(crate) mod search;
pub(crate) mod text;

use crate::error::{Fallible, Fault};
use crate::run::{Given, Machine};
use crate::value::{Thing, Val};

/// Whether a value has a method of that name.
pub(crate) fn has<'r>(m: &Machine<'r>, value: &Val<'r>, name: &str) -> bool {
    let of: &[&str] = match value {
        Val::Text(_) | Val::Markup(_) => &text::METHODS,
        Val::Ref(_) | Val::Lazy(_) | Val::List(_) | Val::Dict(_) => {
            if value.type_name() == "list" {
                &collections::LIST
            } else if m.strict && m.member(&m.settled(value), name).ok().flatten().is_some() {
                // In strict templates a field hides the method of its name.
                return false;
            } else {
                &collections::DICT
            }
        }
        Val::Tuple(_) => &collections::TUPLE,
        Val::Bytes(_) => &text::BYTES,
        Val::Bool(_) | Val::Int(_) | Val::Big(_) => &numbers::INT,
        Val::Float(_) | Val::Amount(_) => &numbers::FLOAT,
        Val::Moment(_) => &moments::MOMENT,
        Val::Date(_) => &moments::DATE,
        Val::Time(_) => &moments::TIME,
        Val::Span(_) => &moments::SPAN,
        Val::Period(_) => &moments::PERIOD,
        Val::Object(thing) => match &**thing {
            Thing::Cycler(..) => &["next", "reset"],
            Thing::Loop(_) => &["cycle", "changed"],
            Thing::Range(..) => &collections::TUPLE,
            Thing::Namespace(_)
            | Thing::Function(_)
            | Thing::Method(..)
            | Thing::Macro(..)
            | Thing::Joiner(..)
            | Thing::Iter(..)
            | Thing::View(..)
            | Thing::Zone(_) => &[],
        },
        Val::Undefined(_) | Val::None => &[],
    };
    of.contains(&name)
}

/// Calls a method that [`has`] says is there.
pub(crate) fn call<'r>(
    m: &Machine<'r>,
    value: &Val<'r>,
    name: &str,
    given: Given<'r>,
) -> Fallible<Val<'r>> {
    m.step()?;
    match value {
        Val::Text(text) => text::call(m, text, name, given),
        Val::Markup(text) => text::call_markup(m, text, name, given),
        Val::Bytes(bytes) => text::call_bytes(m, bytes, name, given),
        Val::Ref(_) | Val::Lazy(_) | Val::List(_) | Val::Dict(_) => {
            if value.type_name() == "list" {
                collections::call_list(m, value, name, given)
            } else {
                collections::call_dict(m, value, name, given)
            }
        }
        Val::Tuple(_) => collections::call_tuple(m, value, name, given),
        Val::Bool(_) | Val::Int(_) | Val::Big(_) | Val::Float(_) | Val::Amount(_) => {
            numbers::call(m, value, name, given)
        }
        Val::Moment(_) | Val::Date(_) | Val::Time(_) | Val::Span(_) | Val::Period(_) => {
            moments::call(m, value, name, given)
        }
        Val::Object(thing) => match &**thing {
            Thing::Cycler(items, at) => {
                given.none(name)?;
                if name == "reset" {
                    at.set(0);
                    return Ok(Val::None);
                }
                let here = at.get();
                at.set((here + 1) % items.len().max(1));
                Ok(items.get(here).cloned().unwrap_or(Val::None))
            }
            Thing::Loop(each) if name == "cycle" => each.cycle(given),
            Thing::Loop(each) => each.changed(m, given),
            Thing::Range(..) => collections::call_tuple(m, value, name, given),
            _ => Err(unknown(value, name)),
        },
        Val::Undefined(_) | Val::None => Err(unknown(value, name)),
    }
}

/// Whether Python's dicts have a method of that name.
pub(crate) fn is_dict_method(name: &str) -> bool {
    collections::DICT.contains(&name)
}

fn unknown(value: &Val<'_>, name: &str) -> Box<Fault> {
    Fault::failed(format!(
        "'{}' object has no method '{name}' here",
        value.type_name()
    ))
}

/// The property of that name, where Python's value has one.
pub(crate) fn property<'r>(m: &Machine<'r>, value: &Val<'r>, name: &str) -> Option<Val<'r>> {
    match value {
        Val::Bool(_) | Val::Int(_) | Val::Big(_) | Val::Float(_) | Val::Amount(_) => {
            numbers::property(value, name)
        }
        Val::Moment(_) | Val::Date(_) | Val::Time(_) | Val::Span(_) | Val::Period(_) => {
            moments::property(value, name)
        }
        Val::Tuple(tuple) if tuple.is_group => match name {
            "grouper" => tuple.items.first().cloned(),
            "list" => tuple.items.get(1).cloned(),
            _ => None,
        },
        Val::Object(thing) => match &**thing {
            Thing::Namespace(members) => members.borrow().get_text(name).cloned(),
            Thing::Loop(each) => each.attribute(m, name),
            Thing::Cycler(items, at) => match name {
                "current" => items.get(at.get()).cloned(),
                "items" => Some(Val::tuple(items.clone())),
                "pos" => Some(Val::count(at.get())),
                _ => None,
            },
            Thing::Joiner(separator, used) => match name {
                "sep" => Some(Val::Text(separator.clone())),
                "used" => Some(Val::Bool(used.get())),
                _ => None,
            },
            Thing::Macro(node, _) => match name {
                "name" if node.name.is_empty() => Some(Val::None),
                "name" => Some(Val::borrowed(&node.name)),
                "arguments" => Some(Val::tuple(
                    node.args.iter().map(|arg| Val::borrowed(arg)).collect(),
                )),
                "catch_varargs" => node.uses.first().map(|uses| Val::Bool(*uses)),
                "catch_kwargs" => node.uses.get(1).map(|uses| Val::Bool(*uses)),
                "caller" => node.uses.get(2).map(|uses| Val::Bool(*uses)),
                _ => None,
            },
            Thing::Range(start, stop, step) => match name {
                "start" => Some(Val::Int(*start)),
                "stop" => Some(Val::Int(*stop)),
                "step" => Some(Val::Int(*step)),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}
