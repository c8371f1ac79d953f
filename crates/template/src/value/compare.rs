//! Equality, order and hashes as Python has them.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use num_bigint::BigInt;
use num_traits::{FromPrimitive as _, ToPrimitive as _};

use super::number::Num;
use super::{Thing, Val, View};
use crate::dates::Moment;
use crate::error::{Fallible, Fault};
use crate::run::Machine;
use crate::tree::Cmp;

/// How deep keys are compared and hashed.
const MAX_KEY_DEPTH: usize = 64;

/// `left == right`
pub(crate) fn equal<'r>(m: &Machine<'r>, left: &Val<'r>, right: &Val<'r>) -> Fallible<bool> {
    if let (Some(left), Some(right)) = (left.as_str(), right.as_str()) {
        return Ok(left == right);
    }
    let (left, right) = (&m.settled(left), &m.settled(right));
    if let (Some(left), Some(right)) = (Num::of(left), Num::of(right)) {
        return Ok(left.compare(&right) == Some(Ordering::Equal));
    }
    match (left, right) {
        (Val::Undefined(_), Val::Undefined(_)) | (Val::None, Val::None) => Ok(true),
        (Val::Bytes(left), Val::Bytes(right)) => Ok(left == right),
        (Val::Date(left), Val::Date(right)) => Ok(left == right),
        (Val::Time(left), Val::Time(right)) => Ok(left == right),
        (Val::Moment(left), Val::Moment(right)) => Ok(left.compare(right) == Some(Ordering::Equal)),
        (Val::Span(left), Val::Span(right)) => Ok(left == right),
        (Val::Period(left), Val::Period(right)) => Ok(left.is_equal(right)),
        (Val::Period(left), Val::Span(right)) | (Val::Span(right), Val::Period(left)) => {
            Ok(left.is_span(right))
        }
        (Val::Tuple(left), Val::Tuple(right)) => all_equal(m, &left.items, &right.items),
        _ if is_list(left) && is_list(right) => {
            let (left, right) = (m.items_of(left)?, m.items_of(right)?);
            all_equal(m, &left, &right)
        }
        _ if is_dict(left) && is_dict(right) => dicts_equal(m, left, right),
        (Val::Object(left), Val::Object(right)) => match (&**left, &**right) {
            (Thing::Function(left), Thing::Function(right)) => Ok(std::ptr::eq(*left, *right)),
            (Thing::View(of, View::Keys | View::Items), Thing::View(..)) => {
                let _ = of;
                let (left, right) = (
                    m.collect(&Val::Object(left.clone()))?,
                    m.collect(&Val::Object(right.clone()))?,
                );
                if left.len() != right.len() {
                    return Ok(false);
                }
                for item in &left {
                    if !contains(m, &right, item)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Thing::Range(..), Thing::Range(..)) => {
                let (left, right) = (
                    m.collect(&Val::Object(left.clone()))?,
                    m.collect(&Val::Object(right.clone()))?,
                );
                all_equal(m, &left, &right)
            }
            (Thing::Zone(left), Thing::Zone(right)) => Ok(left == right),
            _ => Ok(Rc::ptr_eq(left, right)),
        },
        _ => Ok(false),
    }
}

/// `item in items`
pub(crate) fn contains<'r>(m: &Machine<'r>, items: &[Val<'r>], item: &Val<'r>) -> Fallible<bool> {
    for here in items {
        m.step()?;
        if equal(m, here, item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_list(value: &Val<'_>) -> bool {
    value.type_name() == "list"
}

fn is_dict(value: &Val<'_>) -> bool {
    value.type_name() == "dict"
}

fn all_equal<'r>(m: &Machine<'r>, left: &[Val<'r>], right: &[Val<'r>]) -> Fallible<bool> {
    if left.len() != right.len() {
        return Ok(false);
    }
    m.deeper(|m| {
        for (left, right) in left.iter().zip(right) {
            m.step()?;
            if !equal(m, left, right)? {
                return Ok(false);
            }
        }
        Ok(true)
    })
}

fn dicts_equal<'r>(m: &Machine<'r>, left: &Val<'r>, right: &Val<'r>) -> Fallible<bool> {
    let left = m.entries_of(left)?;
    if left.len() != m.entries_of(right)?.len() {
        return Ok(false);
    }
    m.deeper(|m| {
        for (key, value) in &left {
            m.step()?;
            match m.item(right, key)? {
                Some(other) if equal(m, value, &other)? => {}
                _ => return Ok(false),
            }
        }
        Ok(true)
    })
}

/// `left < right` and its like.
pub(crate) fn ordered<'r>(
    m: &Machine<'r>,
    operator: Cmp,
    left: &Val<'r>,
    right: &Val<'r>,
) -> Fallible<bool> {
    let order = order(m, operator, left, right)?;
    Ok(match operator {
        Cmp::Lt => order == Some(Ordering::Less),
        Cmp::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Cmp::Gt => order == Some(Ordering::Greater),
        Cmp::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        Cmp::Eq | Cmp::Ne | Cmp::In | Cmp::NotIn => false,
    })
}

/// The order of two values; none where one is not a number. An error where Python has none.
pub(crate) fn order<'r>(
    m: &Machine<'r>,
    operator: Cmp,
    left: &Val<'r>,
    right: &Val<'r>,
) -> Fallible<Option<Ordering>> {
    if let (Some(left), Some(right)) = (left.as_str(), right.as_str()) {
        return Ok(Some(left.cmp(right)));
    }
    if let (Some(left), Some(right)) = (Num::of(left), Num::of(right)) {
        return Ok(left.compare(&right));
    }
    for side in [left, right] {
        if let Val::Undefined(missing) = side {
            return Err(m.undefined_fault(missing));
        }
    }
    match (left, right) {
        (Val::Bytes(left), Val::Bytes(right)) => Ok(Some(left.cmp(right))),
        (Val::Date(left), Val::Date(right)) => Ok(Some(left.cmp(right))),
        (Val::Time(left), Val::Time(right)) => Ok(Some(left.cmp(right))),
        (Val::Moment(left), Val::Moment(right)) => match Moment::compare(left, right) {
            Some(order) => Ok(Some(order)),
            None => Err(Fault::wrong_type(
                "can't compare offset-naive and offset-aware datetimes",
            )),
        },
        (Val::Moment(_), Val::Date(_)) | (Val::Date(_), Val::Moment(_)) => Err(Fault::wrong_type(
            "can't compare datetime.datetime to datetime.date",
        )),
        (Val::Span(left), Val::Span(right)) => Ok(Some(left.cmp(right))),
        (Val::Tuple(left), Val::Tuple(right)) => {
            lists_ordered(m, operator, &left.items, &right.items)
        }
        _ if is_list(left) && is_list(right) => {
            let (left, right) = (m.items_of(left)?, m.items_of(right)?);
            lists_ordered(m, operator, &left, &right)
        }
        _ => Err(Fault::wrong_type(format!(
            "'{}' not supported between instances of '{}' and '{}'",
            sign(operator),
            left.type_name(),
            right.type_name()
        ))),
    }
}

fn sign(operator: Cmp) -> &'static str {
    match operator {
        Cmp::Lt => "<",
        Cmp::Le => "<=",
        Cmp::Gt => ">",
        Cmp::Ge => ">=",
        Cmp::Eq => "==",
        Cmp::Ne => "!=",
        Cmp::In => "in",
        Cmp::NotIn => "not in",
    }
}

fn lists_ordered<'r>(
    m: &Machine<'r>,
    operator: Cmp,
    left: &[Val<'r>],
    right: &[Val<'r>],
) -> Fallible<Option<Ordering>> {
    m.deeper(|m| {
        for (left, right) in left.iter().zip(right) {
            m.step()?;
            if !equal(m, left, right)? {
                return order(m, operator, left, right);
            }
        }
        Ok(Some(left.len().cmp(&right.len())))
    })
}

/// Whether Python lets the value be the key of a dict.
pub(crate) fn is_hashable(value: &Val<'_>) -> bool {
    fn within(value: &Val<'_>, depth: usize) -> bool {
        match value {
            Val::Ref(_) | Val::Lazy(_) | Val::List(_) | Val::Dict(_) => false,
            Val::Tuple(tuple) => {
                depth < MAX_KEY_DEPTH && tuple.items.iter().all(|item| within(item, depth + 1))
            }
            Val::Object(thing) => !matches!(&**thing, Thing::View(..)),
            _ => true,
        }
    }
    within(value, 0)
}

pub(crate) fn hash_text<H: Hasher>(text: &str, state: &mut H) {
    state.write_u8(1);
    text.hash(state);
}

/// Equal keys have equal hashes: `1`, `1.0` and `True` too.
pub(crate) fn hash<H: Hasher>(value: &Val<'_>, state: &mut H) {
    if let Some(text) = value.as_str() {
        return hash_text(text, state);
    }
    if let Some(number) = Num::of(value) {
        state.write_u8(2);
        match number {
            Num::Int(n) => n.hash(state),
            Num::Big(n) => n.hash(state),
            Num::Float(float) => match float.to_i64().filter(|_| float.fract() == 0.0) {
                Some(n) => n.hash(state),
                None => match BigInt::from_f64(float).filter(|_| float.fract() == 0.0) {
                    Some(n) => n.hash(state),
                    None => float.to_bits().hash(state),
                },
            },
        }
        return;
    }
    match value {
        Val::Bytes(bytes) => bytes.hash(state),
        Val::Date(date) => date.hash(state),
        Val::Time(time) => time.hash(state),
        Val::Tuple(tuple) => {
            state.write_u8(3);
            tuple.items.len().hash(state);
            if let [first, ..] = &*tuple.items
                && !matches!(first, Val::Tuple(_))
            {
                hash(first, state);
            }
        }
        _ => state.write_u8(4),
    }
}

/// Whether two keys are the same key.
pub(crate) fn keys_equal<'r>(left: &Val<'r>, right: &Val<'r>) -> bool {
    fn within<'r>(left: &Val<'r>, right: &Val<'r>, depth: usize) -> bool {
        if let (Some(left), Some(right)) = (left.as_str(), right.as_str()) {
            return left == right;
        }
        if let (Some(left), Some(right)) = (Num::of(left), Num::of(right)) {
            return left.compare(&right) == Some(Ordering::Equal);
        }
        match (left, right) {
            (Val::None, Val::None) | (Val::Undefined(_), Val::Undefined(_)) => true,
            (Val::Bytes(left), Val::Bytes(right)) => left == right,
            (Val::Date(left), Val::Date(right)) => left == right,
            (Val::Time(left), Val::Time(right)) => left == right,
            (Val::Moment(left), Val::Moment(right)) => left.compare(right) == Some(Ordering::Equal),
            (Val::Span(left), Val::Span(right)) => left == right,
            (Val::Period(left), Val::Period(right)) => left.is_equal(right),
            (Val::Tuple(left), Val::Tuple(right)) => {
                depth < MAX_KEY_DEPTH
                    && left.items.len() == right.items.len()
                    && left
                        .items
                        .iter()
                        .zip(&right.items)
                        .all(|(left, right)| within(left, right, depth + 1))
            }
            (Val::Object(left), Val::Object(right)) => Rc::ptr_eq(left, right),
            _ => false,
        }
    }
    within(left, right, 0)
}
