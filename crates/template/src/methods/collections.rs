//! Methods of lists, tuples and dicts.

use super::unknown;
use crate::error::{Fallible, Fault};
use crate::filters::{flag, whole};
use crate::run::{Given, Machine};
use crate::value::dict::Dict;
use crate::value::{List, Thing, Val, View, compare};

pub(super) const LIST: [&str; 11] = [
    "append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse",
    "sort",
];
pub(super) const TUPLE: [&str; 2] = ["count", "index"];
pub(super) const DICT: [&str; 11] = [
    "clear",
    "copy",
    "fromkeys",
    "get",
    "items",
    "keys",
    "pop",
    "popitem",
    "setdefault",
    "update",
    "values",
];

pub(super) fn call_tuple<'r>(
    m: &Machine<'r>,
    value: &Val<'r>,
    name: &str,
    given: Given<'r>,
) -> Fallible<Val<'r>> {
    let items = m.items_of(value)?;
    match name {
        "count" => count(m, &items, given),
        "index" => index(m, &items, given),
        _ => Err(unknown(value, name)),
    }
}

fn count<'r>(m: &Machine<'r>, items: &[Val<'r>], given: Given<'r>) -> Fallible<Val<'r>> {
    let wanted = given.only("count", "")?;
    let mut count = 0;
    for item in items {
        m.step()?;
        count += usize::from(compare::equal(m, item, &wanted)?);
    }
    Ok(Val::count(count))
}

fn index<'r>(m: &Machine<'r>, items: &[Val<'r>], given: Given<'r>) -> Fallible<Val<'r>> {
    let [wanted, start, stop] = given.bind("index", ["", "", ""], 1)?;
    let wanted = wanted.unwrap_or(Val::None);
    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let clip = |n: i64| {
        let n = if n < 0 { n.saturating_add(length) } else { n };
        usize::try_from(n.max(0)).unwrap_or(usize::MAX)
    };
    let start = clip(whole(start, 0)?);
    let stop = clip(whole(stop, length)?);
    for (at, item) in items.iter().enumerate().take(stop).skip(start) {
        m.step()?;
        if compare::equal(m, item, &wanted)? {
            return Ok(Val::count(at));
        }
    }
    Err(Fault::value("value is not in list"))
}

/// The list itself, to be changed.
fn own<'r>(m: &Machine<'r>, value: &Val<'r>) -> Fallible<std::rc::Rc<List<'r>>> {
    match m.adopt(value)? {
        Val::List(list) => Ok(list),
        other => Err(unknown(&other, "append")),
    }
}

pub(super) fn call_list<'r>(
    m: &Machine<'r>,
    value: &Val<'r>,
    name: &str,
    given: Given<'r>,
) -> Fallible<Val<'r>> {
    match name {
        "append" => {
            let item = given.only(name, "object")?.kept();
            own(m, value)?.0.borrow_mut().push(item);
        }
        "clear" => {
            given.none(name)?;
            let before = std::mem::take(&mut *own(m, value)?.0.borrow_mut());
            drop(before);
        }
        "copy" => {
            given.none(name)?;
            return m.items_of(value).map(Val::list);
        }
        "count" => return count(m, &m.items_of(value)?, given),
        "index" => return index(m, &m.items_of(value)?, given),
        "extend" => {
            let more = m.collect(&given.only(name, "iterable")?)?;
            own(m, value)?.0.borrow_mut().extend(more);
        }
        "insert" => {
            let [at, item] = given.bind(name, ["", ""], 2)?;
            let at = whole(at, 0)?;
            let list = own(m, value)?;
            let mut items = list.0.borrow_mut();
            m.steps(items.len() / 64)?;
            let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
            let at = if at < 0 {
                at.saturating_add(length)
            } else {
                at
            };
            let at = usize::try_from(at.clamp(0, length)).unwrap_or(0);
            items.insert(at, item.unwrap_or(Val::None).kept());
        }
        "pop" => {
            let [at] = given.bind(name, [""], 0)?;
            let at = whole(at, -1)?;
            let list = own(m, value)?;
            let mut items = list.0.borrow_mut();
            m.steps(items.len() / 64)?;
            if items.is_empty() {
                return Err(Fault::lookup("pop from empty list"));
            }
            let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
            let at = if at < 0 {
                at.saturating_add(length)
            } else {
                at
            };
            let at = usize::try_from(at)
                .ok()
                .filter(|at| *at < items.len())
                .ok_or_else(|| Fault::lookup("pop index out of range"))?;
            return Ok(items.remove(at));
        }
        "remove" => {
            let wanted = given.only(name, "value")?;
            let list = own(m, value)?;
            let items = list.0.borrow().clone();
            for (at, item) in items.iter().enumerate() {
                m.step()?;
                if compare::equal(m, item, &wanted)? {
                    let mut items = list.0.borrow_mut();
                    if at < items.len() {
                        items.remove(at);
                    }
                    return Ok(Val::None);
                }
            }
            return Err(Fault::value("list.remove(x): x not in list"));
        }
        "reverse" => {
            given.none(name)?;
            let list = own(m, value)?;
            m.steps(list.0.borrow().len() / 8)?;
            list.0.borrow_mut().reverse();
        }
        "sort" => {
            let [key, reverse] = given.bind(name, ["key", "reverse"], 0)?;
            let reverse = flag(m, reverse, false)?;
            let list = own(m, value)?;
            let items = list.0.borrow().clone();
            let mut keyed = Vec::with_capacity(items.len());
            for item in items {
                let by = match &key {
                    Some(key) if !matches!(key, Val::None) => {
                        m.call(key, Given::one(item.clone()))?
                    }
                    _ => item.clone(),
                };
                keyed.push((by, item));
            }
            let sorted = crate::filters::sorted(m, keyed, reverse)?;
            *list.0.borrow_mut() = sorted.into_iter().map(|(_, item)| item).collect();
        }
        _ => return Err(unknown(value, name)),
    }
    Ok(Val::None)
}

fn view<'r>(of: &Val<'r>, view: View, given: Given<'r>) -> Fallible<Val<'r>> {
    given.none("keys")?;
    Ok(Val::object(Thing::View(of.clone(), view)))
}

fn own_dict<'r>(
    m: &Machine<'r>,
    value: &Val<'r>,
) -> Fallible<std::rc::Rc<crate::value::DictCell<'r>>> {
    match m.adopt(value)? {
        Val::Dict(dict) => Ok(dict),
        other => Err(unknown(&other, "update")),
    }
}

pub(super) fn call_dict<'r>(
    m: &Machine<'r>,
    value: &Val<'r>,
    name: &str,
    given: Given<'r>,
) -> Fallible<Val<'r>> {
    match name {
        "get" => {
            // The most frequent call of all.
            let [key, default] = given.bind(name, ["", ""], 1)?;
            let key = key.unwrap_or(Val::None);
            if !compare::is_hashable(&key) {
                m.key(key.clone())?;
            }
            let found = m.item(value, &key)?;
            Ok(found.unwrap_or_else(|| default.unwrap_or(Val::None)))
        }
        "items" => view(value, View::Items, given),
        "keys" => view(value, View::Keys, given),
        "values" => view(value, View::Values, given),
        "copy" => {
            given.none(name)?;
            let mut dict = Dict::default();
            for (key, value) in m.entries_of(value)? {
                dict.set(m.key(key)?, value);
            }
            Ok(Val::dict(dict))
        }
        "fromkeys" => {
            let [keys, with] = given.bind(name, ["", ""], 1)?;
            let with = with.unwrap_or(Val::None);
            let mut dict = Dict::default();
            for key in m.collect(&keys.unwrap_or(Val::None))? {
                dict.set(m.key(key)?, with.clone());
            }
            Ok(Val::dict(dict))
        }
        "clear" => {
            given.none(name)?;
            let dict = own_dict(m, value)?;
            let before = dict.0.borrow_mut().take_all();
            drop(before);
            Ok(Val::None)
        }
        "pop" => {
            let [key, default] = given.bind(name, ["", ""], 1)?;
            let key = m.key(key.unwrap_or(Val::None))?;
            let dict = own_dict(m, value)?;
            m.steps(dict.0.borrow().len() / 64)?;
            let removed = dict.0.borrow_mut().remove(&key);
            match removed.or(default) {
                Some(found) => Ok(found),
                None => {
                    let key = crate::value::print::to_repr(m, key.value())?;
                    Err(Fault::lookup(format!("there is no member {key} to pop")))
                }
            }
        }
        "popitem" => {
            given.none(name)?;
            let dict = own_dict(m, value)?;
            let last = dict.0.borrow_mut().pop_last();
            match last {
                Some((key, value)) => Ok(Val::tuple(vec![key, value])),
                None => Err(Fault::lookup("popitem(): dictionary is empty")),
            }
        }
        "setdefault" => {
            let [key, default] = given.bind(name, ["", ""], 1)?;
            let key = key.unwrap_or(Val::None);
            if let Some(found) = m.item(value, &key)? {
                return Ok(found);
            }
            let default = default.unwrap_or(Val::None).kept();
            m.set_item(value, key, default.clone())?;
            Ok(default)
        }
        "update" => {
            let Given { by_place, by_name } = given;
            if by_place.len() > 1 {
                return Err(Fault::wrong_type(format!(
                    "update expected at most 1 argument, got {}",
                    by_place.len()
                )));
            }
            if let Some(with) = by_place.first() {
                for (key, new) in pairs(m, with)? {
                    m.set_item(value, key, new)?;
                }
            }
            for (name, new) in by_name {
                m.set_item(value, Val::Text(name), new)?;
            }
            Ok(Val::None)
        }
        _ => Err(unknown(value, name)),
    }
}

/// The members of a dict, or pairs that may become one.
pub(crate) fn pairs<'r>(m: &Machine<'r>, value: &Val<'r>) -> Fallible<Vec<(Val<'r>, Val<'r>)>> {
    let settled = m.settled(value);
    if settled.type_name() == "dict" {
        return m.entries_of(&settled);
    }
    if let Val::Undefined(missing) = &settled {
        return Err(m.undefined_fault(missing));
    }
    let mut out = Vec::new();
    for (n, pair) in m.collect(&settled)?.iter().enumerate() {
        let pair = m.collect(pair).map_err(|_| {
            Fault::wrong_type(format!(
                "cannot convert dictionary update sequence element #{n} to a sequence"
            ))
        })?;
        let length = pair.len();
        let mut pair = pair.into_iter();
        match (pair.next(), pair.next(), pair.next()) {
            (Some(key), Some(value), None) => out.push((key, value)),
            _ => {
                return Err(Fault::value(format!(
                    "dictionary update sequence element #{n} has length {length}; 2 is required"
                )));
            }
        }
    }
    Ok(out)
}
