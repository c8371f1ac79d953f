//! Filters of lists, dicts and generators.

use super::{AttributePath, flag, no_attribute, whole, without_case};
use crate::error::{Fallible, Fault, FaultKind};
use crate::run::{Given, Machine};
use crate::tree::Cmp;
use crate::value::dict::Dict;
use crate::value::iterate::Iter;
use crate::value::{Thing, Tuple, Val, compare};

pub(super) fn attr<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let name = given.only("attr", "name")?;
    let Some(name) = name.as_str() else {
        return Err(Fault::wrong_type("attribute name must be string"));
    };
    let settled = m.settled(&value);
    if matches!(settled.type_name(), "dict") {
        if crate::methods::has(m, &settled, name) {
            return m.attribute(&settled, name);
        }
        return Ok(m.missing(
            FaultKind::Undefined,
            format!("'dict object' has no attribute '{name}'"),
        ));
    }
    m.attribute(&value, name)
}

pub(super) fn length<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    given.none("len")?;
    m.length(&value).map(Val::count)
}

pub(super) fn list<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    given.none("list")?;
    m.collect(&value).map(Val::list)
}

pub(super) fn default<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [default, boolean] = given.bind("default", ["default_value", "boolean"], 0)?;
    let boolean = flag(m, boolean, false)?;
    if value.is_undefined() || (boolean && !m.is_true(&value)?) {
        return Ok(default.unwrap_or(Val::borrowed("")));
    }
    Ok(value)
}

pub(super) fn first<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    given.none("first")?;
    let first = m.iter(&value)?.next(m)?;
    Ok(first.unwrap_or_else(|| empty(m, "No first item, sequence was empty.")))
}

pub(super) fn last<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    given.none("last")?;
    if let Val::Undefined(_) = value {
        return Err(Fault::wrong_type("'Undefined' object is not reversible"));
    }
    is_reversible(&m.settled(&value))?;
    let last = m.collect(&value)?.pop();
    Ok(last.unwrap_or_else(|| empty(m, "No last item, sequence was empty.")))
}

fn is_reversible(value: &Val<'_>) -> Fallible<()> {
    if let Val::Object(thing) = value
        && matches!(&**thing, Thing::Iter(..))
    {
        return Err(Fault::wrong_type(format!(
            "'{}' object is not reversible",
            value.type_name()
        )));
    }
    Ok(())
}

fn empty<'r>(m: &Machine<'r>, message: &str) -> Val<'r> {
    m.missing(FaultKind::Undefined, message.to_owned())
}

pub(super) fn random<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    given.none("random")?;
    if m.strict {
        return Err(Fault::failed(
            "nothing is random here: the same record must always give the same",
        ));
    }
    let items = m.collect(&value)?;
    if items.is_empty() {
        return Ok(empty(m, "No random item, sequence was empty."));
    }
    let (_, low) = (m.env.new_uuid)().as_u64_pair();
    let at = usize::try_from(low % items.len() as u64).unwrap_or(0);
    Ok(items.get(at).cloned().unwrap_or(Val::None))
}

pub(super) fn reverse<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    given.none("reverse")?;
    if let Some(text) = value.as_str() {
        m.pay_for_bytes(text.len())?;
        return Ok(Val::text(text.chars().rev().collect::<String>()));
    }
    let settled = m.settled(&value);
    let mut items = m.collect(&value).map_err(|fault| match fault.kind {
        FaultKind::Type => Fault::failed("argument must be iterable"),
        _ => fault,
    })?;
    items.reverse();
    if is_reversible(&settled).is_err() || value.is_undefined() {
        return Ok(Val::list(items));
    }
    let name = match settled.type_name() {
        "list" => "list_reverseiterator",
        "dict" => "dict_reversekeyiterator",
        _ => "reversed",
    };
    Ok(Val::object(Thing::Iter(
        Box::new(std::cell::RefCell::new(Iter::Values(items.into_iter()))),
        name,
    )))
}

pub(super) fn items<'r>(_: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    given.none("items")?;
    if value.is_undefined() {
        return Ok(Val::generator(Iter::Done));
    }
    Ok(Val::generator(Iter::Items(value)))
}

pub(super) fn map<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    if !m.is_true(&value)? {
        return Ok(Val::generator(Iter::Done));
    }
    let source = Box::new(Iter::Waiting(value));
    Ok(Val::generator(Iter::Map(source, Some(given), None)))
}

fn selected<'r>(
    m: &Machine<'r>,
    value: &Val<'r>,
    given: Given<'r>,
    by_attribute: bool,
    keep: bool,
) -> Fallible<Val<'r>> {
    if !m.is_true(value)? {
        return Ok(Val::generator(Iter::Done));
    }
    let source = Box::new(Iter::Waiting(value.clone()));
    let iter = Iter::Select(source, Some((given, by_attribute)), None, keep);
    Ok(Val::generator(iter))
}

pub(super) fn select<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    selected(m, &value, given, false, true)
}

pub(super) fn reject<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    selected(m, &value, given, false, false)
}

pub(super) fn selectattr<'r>(
    m: &Machine<'r>,
    value: Val<'r>,
    given: Given<'r>,
) -> Fallible<Val<'r>> {
    selected(m, &value, given, true, true)
}

pub(super) fn rejectattr<'r>(
    m: &Machine<'r>,
    value: Val<'r>,
    given: Given<'r>,
) -> Fallible<Val<'r>> {
    selected(m, &value, given, true, false)
}

pub(super) fn unique<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [case_sensitive, attribute] = given.bind("unique", ["case_sensitive", "attribute"], 0)?;
    let case_sensitive = flag(m, case_sensitive, false)?;
    let path = AttributePath::new(attribute.as_ref());
    let source = Box::new(Iter::Waiting(value));
    Ok(Val::generator(Iter::Unique(
        source,
        path,
        case_sensitive,
        Dict::default(),
    )))
}

pub(super) fn batch<'r>(_: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [size, fill] = given.bind("batch", ["linecount", "fill_with"], 1)?;
    let size = usize::try_from(whole(size, 1)?).unwrap_or(0);
    let fill = fill.filter(|fill| !matches!(fill, Val::None));
    let source = Box::new(Iter::Waiting(value));
    Ok(Val::generator(Iter::Batch(source, size, fill)))
}

pub(super) fn slice<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [slices, fill] = given.bind("slice", ["slices", "fill_with"], 1)?;
    let slices = whole(slices, 1)?;
    let items = m.collect(&value)?;
    if slices == 0 {
        return Err(Fault::failed("integer division or modulo by zero"));
    }
    let slices = usize::try_from(slices).unwrap_or(0);
    m.steps(slices)?;
    let fill = fill.filter(|fill| !matches!(fill, Val::None));
    let (size, longer) = match slices {
        0 => (0, 0),
        slices => (items.len() / slices, items.len() % slices),
    };
    let mut items = items.into_iter();
    let mut out = Vec::new();
    for n in 0..slices {
        let mut part: Vec<Val<'r>> = items
            .by_ref()
            .take(size + usize::from(n < longer))
            .collect();
        if let Some(fill) = &fill
            && n >= longer
        {
            part.push(fill.clone());
        }
        out.push(Val::list(part));
    }
    Ok(Val::generator(Iter::Values(out.into_iter())))
}

/// Sorted as Python sorts: equal keys keep their order, also the other way round.
pub(crate) fn sorted<'r>(
    m: &Machine<'r>,
    items: Vec<(Val<'r>, Val<'r>)>,
    reverse: bool,
) -> Fallible<Vec<(Val<'r>, Val<'r>)>> {
    let mut runs: Vec<Vec<(Val<'r>, Val<'r>)>> = items.into_iter().map(|item| vec![item]).collect();
    while runs.len() > 1 {
        let mut merged = Vec::with_capacity(runs.len().div_ceil(2));
        let mut pairs = runs.into_iter();
        while let Some(left) = pairs.next() {
            merged.push(match pairs.next() {
                Some(right) => merge(m, left, right, reverse)?,
                None => left,
            });
        }
        runs = merged;
    }
    Ok(runs.pop().unwrap_or_default())
}

fn merge<'r>(
    m: &Machine<'r>,
    left: Vec<(Val<'r>, Val<'r>)>,
    right: Vec<(Val<'r>, Val<'r>)>,
    reverse: bool,
) -> Fallible<Vec<(Val<'r>, Val<'r>)>> {
    let mut out = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some((left_key, _)), Some((right_key, _))) = (left.peek(), right.peek()) {
        m.step()?;
        let right_first = if reverse {
            compare::ordered(m, Cmp::Lt, left_key, right_key)?
        } else {
            compare::ordered(m, Cmp::Lt, right_key, left_key)?
        };
        out.extend(if right_first {
            right.next()
        } else {
            left.next()
        });
    }
    out.extend(left);
    out.extend(right);
    Ok(out)
}

pub(super) fn sort<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [reverse, case_sensitive, attribute] =
        given.bind("sort", ["reverse", "case_sensitive", "attribute"], 0)?;
    let reverse = flag(m, reverse, false)?;
    let case_sensitive = flag(m, case_sensitive, false)?;
    let paths = AttributePath::several(attribute.as_ref());
    let mut keyed = Vec::new();
    for item in m.collect(&value)? {
        let mut keys = Vec::with_capacity(paths.len());
        for path in &paths {
            let key = path.of(m, &item, None)?;
            keys.push(if case_sensitive {
                key
            } else {
                without_case(key)
            });
        }
        keyed.push((Val::list(keys), item));
    }
    let sorted = sorted(m, keyed, reverse)?;
    Ok(Val::list(
        sorted.into_iter().map(|(_, item)| item).collect(),
    ))
}

pub(super) fn dictsort<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [case_sensitive, by, reverse] =
        given.bind("dictsort", ["case_sensitive", "by", "reverse"], 0)?;
    let case_sensitive = flag(m, case_sensitive, false)?;
    let reverse = flag(m, reverse, false)?;
    let by_value = match by.as_ref().map(|by| by.as_str()) {
        None | Some(Some("key")) => false,
        Some(Some("value")) => true,
        _ => {
            return Err(Fault::failed(
                "You can only sort by either \"key\" or \"value\"",
            ));
        }
    };
    if let Val::Undefined(missing) = &value {
        return Err(m.undefined_fault(missing));
    }
    if m.settled(&value).type_name() != "dict" {
        return Err(no_attribute(&value, "items"));
    }
    let mut keyed = Vec::new();
    for (key, value) in m.entries_of(&value)? {
        let by = if by_value { value.clone() } else { key.clone() };
        let by = if case_sensitive { by } else { without_case(by) };
        keyed.push((by, Val::tuple(vec![key, value])));
    }
    let sorted = sorted(m, keyed, reverse)?;
    Ok(Val::list(
        sorted.into_iter().map(|(_, item)| item).collect(),
    ))
}

pub(super) fn groupby<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [attribute, default, case_sensitive] =
        given.bind("groupby", ["attribute", "default", "case_sensitive"], 1)?;
    let case_sensitive = flag(m, case_sensitive, false)?;
    let default = default.filter(|default| !matches!(default, Val::None));
    let path = AttributePath::new(attribute.as_ref());
    let mut keyed = Vec::new();
    for item in m.collect(&value)? {
        let key = path.of(m, &item, default.as_ref())?;
        keyed.push((
            if case_sensitive {
                key
            } else {
                without_case(key)
            },
            item,
        ));
    }
    let mut groups: Vec<(Val<'r>, Vec<Val<'r>>)> = Vec::new();
    for (key, item) in sorted(m, keyed, false)? {
        match groups.last_mut() {
            Some((known, items)) if compare::equal(m, known, &key)? => items.push(item),
            _ => groups.push((key, vec![item])),
        }
    }
    let mut out = Vec::with_capacity(groups.len());
    for (mut key, items) in groups {
        if let (false, Some(first)) = (case_sensitive, items.first()) {
            key = path.of(m, first, default.as_ref())?;
        }
        out.push(Val::Tuple(std::rc::Rc::new(Tuple {
            items: vec![key, Val::list(items)],
            is_group: true,
        })));
    }
    Ok(Val::list(out))
}

fn extreme<'r>(
    m: &Machine<'r>,
    value: &Val<'r>,
    given: Given<'r>,
    operator: Cmp,
) -> Fallible<Val<'r>> {
    let [case_sensitive, attribute] = given.bind("max", ["case_sensitive", "attribute"], 0)?;
    let case_sensitive = flag(m, case_sensitive, false)?;
    let path = AttributePath::new(attribute.as_ref());
    let mut best: Option<(Val<'r>, Val<'r>)> = None;
    for item in m.collect(value)? {
        let key = path.of(m, &item, None)?;
        let key = if case_sensitive {
            key
        } else {
            without_case(key)
        };
        let better = match &best {
            Some((known, _)) => compare::ordered(m, operator, &key, known)?,
            None => true,
        };
        if better {
            best = Some((key, item));
        }
    }
    Ok(best.map_or_else(
        || empty(m, "No aggregated item, sequence was empty."),
        |(_, item)| item,
    ))
}

pub(super) fn max<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    extreme(m, &value, given, Cmp::Gt)
}

pub(super) fn min<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    extreme(m, &value, given, Cmp::Lt)
}
