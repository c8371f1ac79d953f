//! The tests behind `is`.

use model::value::Value;
use num_traits::ToPrimitive as _;

use crate::error::{Fallible, Fault};
use crate::run::{Given, Machine};
use crate::tree::{Cmp, Op};
use crate::value::number::Num;
use crate::value::{Text, Thing, Val, compare};

/// Whether something is true of a value.
pub(crate) type Check = for<'r> fn(&Machine<'r>, &Val<'r>, Given<'r>) -> Fallible<bool>;

/// The test of that name.
pub(crate) fn find(name: &str) -> Option<Check> {
    CHECKS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, check)| *check)
}

/// What may have been meant.
pub(crate) fn nearest(name: &str) -> String {
    crate::filters::nearest_of(name, CHECKS.iter().map(|(known, _)| *known), "test")
}

const CHECKS: [(&str, Check); 39] = [
    ("defined", |m, value, given| {
        plain(m, value, given, |_, value| !value.is_undefined())
    }),
    ("undefined", |m, value, given| {
        plain(m, value, given, |_, value| value.is_undefined())
    }),
    ("none", |m, value, given| {
        plain(m, value, given, |_, value| matches!(value, Val::None))
    }),
    ("boolean", |m, value, given| {
        plain(m, value, given, |_, value| matches!(value, Val::Bool(_)))
    }),
    ("true", |m, value, given| {
        plain(m, value, given, |_, value| matches!(value, Val::Bool(true)))
    }),
    ("false", |m, value, given| {
        plain(m, value, given, |_, value| {
            matches!(value, Val::Bool(false))
        })
    }),
    ("integer", |m, value, given| {
        plain(m, value, given, |_, value| {
            matches!(value, Val::Int(_) | Val::Big(_))
        })
    }),
    ("float", |m, value, given| {
        plain(m, value, given, |_, value| {
            matches!(value, Val::Float(_) | Val::Amount(_))
        })
    }),
    ("number", |m, value, given| {
        plain(m, value, given, |_, value| Num::of(value).is_some())
    }),
    ("string", |m, value, given| {
        plain(m, value, given, |_, value| value.as_str().is_some())
    }),
    ("mapping", |m, value, given| {
        plain(m, value, given, |_, value| value.type_name() == "dict")
    }),
    ("sequence", |m, value, given| {
        plain(m, value, given, |_, value| is_sequence(value))
    }),
    ("iterable", |m, value, given| {
        plain(m, value, given, |m, value| {
            value.is_undefined() || m.iter(value).is_ok()
        })
    }),
    ("callable", |m, value, given| {
        plain(m, value, given, |_, value| is_callable(value))
    }),
    ("escaped", |m, value, given| {
        plain(m, value, given, |_, value| matches!(value, Val::Markup(_)))
    }),
    ("odd", |m, value, given| {
        given.none("odd")?;
        remainder(m, value, &Val::Int(2), 1)
    }),
    ("even", |m, value, given| {
        given.none("even")?;
        remainder(m, value, &Val::Int(2), 0)
    }),
    ("divisibleby", |m, value, given| {
        let number = given.only("divisibleby", "num")?;
        remainder(m, value, &number, 0)
    }),
    ("lower", |m, value, given| {
        given.none("lower")?;
        Ok(crate::methods::text::is_lower(
            &crate::value::print::to_str(m, value)?,
        ))
    }),
    ("upper", |m, value, given| {
        given.none("upper")?;
        Ok(crate::methods::text::is_upper(
            &crate::value::print::to_str(m, value)?,
        ))
    }),
    ("sameas", |m, value, given| {
        let other = given.only("sameas", "other")?;
        Ok(is_same(&m.settled(value), &m.settled(&other)))
    }),
    ("in", |m, value, given| {
        let [container] = given.bind("in", ["seq"], 1)?;
        m.is_in(value, &container.unwrap_or(Val::None))
    }),
    ("filter", |m, value, given| {
        known(m, value, given, |name| crate::filters::find(name).is_some())
    }),
    ("test", |m, value, given| {
        known(m, value, given, |name| find(name).is_some())
    }),
    ("eq", |m, value, given| against(m, value, given, Cmp::Eq)),
    ("==", |m, value, given| against(m, value, given, Cmp::Eq)),
    ("equalto", |m, value, given| {
        against(m, value, given, Cmp::Eq)
    }),
    ("ne", |m, value, given| against(m, value, given, Cmp::Ne)),
    ("!=", |m, value, given| against(m, value, given, Cmp::Ne)),
    ("lt", |m, value, given| against(m, value, given, Cmp::Lt)),
    ("<", |m, value, given| against(m, value, given, Cmp::Lt)),
    ("lessthan", |m, value, given| {
        against(m, value, given, Cmp::Lt)
    }),
    ("le", |m, value, given| against(m, value, given, Cmp::Le)),
    ("<=", |m, value, given| against(m, value, given, Cmp::Le)),
    ("gt", |m, value, given| against(m, value, given, Cmp::Gt)),
    (">", |m, value, given| against(m, value, given, Cmp::Gt)),
    ("greaterthan", |m, value, given| {
        against(m, value, given, Cmp::Gt)
    }),
    ("ge", |m, value, given| against(m, value, given, Cmp::Ge)),
    (">=", |m, value, given| against(m, value, given, Cmp::Ge)),
];

fn plain<'r>(
    m: &Machine<'r>,
    value: &Val<'r>,
    given: Given<'r>,
    holds: fn(&Machine<'r>, &Val<'r>) -> bool,
) -> Fallible<bool> {
    given.none("test")?;
    Ok(holds(m, value))
}

/// Whether a value is the name of something.
fn known<'r>(
    m: &Machine<'r>,
    value: &Val<'r>,
    given: Given<'r>,
    is_known: fn(&str) -> bool,
) -> Fallible<bool> {
    given.none("test")?;
    m.key(m.settled(value))?;
    Ok(value.as_str().is_some_and(is_known))
}

fn against<'r>(
    m: &Machine<'r>,
    value: &Val<'r>,
    given: Given<'r>,
    operator: Cmp,
) -> Fallible<bool> {
    let other = given.only("test", "other")?;
    m.compared(operator, value, &other)
}

fn remainder<'r>(m: &Machine<'r>, value: &Val<'r>, by: &Val<'r>, wanted: i64) -> Fallible<bool> {
    let rest = m.binary(Op::Mod, value.clone(), by.clone())?;
    compare::equal(m, &rest, &Val::Int(wanted))
}

fn is_sequence(value: &Val<'_>) -> bool {
    match value {
        Val::Text(_)
        | Val::Markup(_)
        | Val::Bytes(_)
        | Val::Ref(_)
        | Val::Lazy(_)
        | Val::List(_)
        | Val::Tuple(_)
        | Val::Dict(_)
        | Val::Undefined(_) => true,
        Val::Object(thing) => matches!(&**thing, Thing::Range(..)),
        _ => false,
    }
}

fn is_callable(value: &Val<'_>) -> bool {
    match value {
        Val::Undefined(_) => true,
        Val::Object(thing) => matches!(
            &**thing,
            Thing::Function(_)
                | Thing::Method(..)
                | Thing::Macro(..)
                | Thing::Joiner(..)
                | Thing::Loop(_)
        ),
        _ => false,
    }
}

/// `left is right`, as far as Python promises anything.
fn is_same<'r>(left: &Val<'r>, right: &Val<'r>) -> bool {
    match (left, right) {
        (Val::None, Val::None) => true,
        (Val::Bool(left), Val::Bool(right)) => left == right,
        (Val::Int(left), Val::Int(right)) => left == right && (-5..=256).contains(left),
        (Val::Text(Text::Borrowed(left)), Val::Text(Text::Borrowed(right))) if left == right => {
            left.len() < 2 || std::ptr::eq(left.as_ptr(), right.as_ptr())
        }
        (Val::Text(left), Val::Text(right)) => **left == **right && left.len() < 2,
        (Val::List(left), Val::List(right)) => std::rc::Rc::ptr_eq(left, right),
        (Val::Dict(left), Val::Dict(right)) => std::rc::Rc::ptr_eq(left, right),
        (Val::Tuple(left), Val::Tuple(right)) => {
            std::rc::Rc::ptr_eq(left, right) || (left.items.is_empty() && right.items.is_empty())
        }
        (Val::Object(left), Val::Object(right)) => {
            std::rc::Rc::ptr_eq(left, right)
                || matches!((&**left, &**right), (Thing::Function(left), Thing::Function(right)) if std::ptr::eq(*left, *right))
        }
        (Val::Ref(left), Val::Ref(right)) => std::ptr::eq::<Value>(*left, *right),
        _ => false,
    }
}

/// A number that is a whole one.
pub(crate) fn whole(value: &Val<'_>) -> Option<i64> {
    match Num::of(value)? {
        Num::Int(n) => Some(n),
        Num::Big(n) => n.to_i64(),
        Num::Float(_) => None,
    }
}

/// The complaint about an argument that is not a whole number.
pub(crate) fn not_whole(value: &Val<'_>) -> Box<Fault> {
    Fault::wrong_type(format!(
        "'{}' object cannot be interpreted as an integer",
        value.type_name()
    ))
}
