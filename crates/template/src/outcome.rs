//! What comes out of an evaluation: a literal that was read again, or the value as it is.

use compact_str::CompactString;
use model::number::Decimal;
use model::value::{Object, Timestamp, Value};

use crate::Literals;
use crate::error::{Fallible, Fault};
use crate::literal::{self, Kind, float_value, member_name};
use crate::run::Machine;
use crate::value::{Thing, Val, print};

/// Deepest nesting of a result.
const MAX_DEPTH: usize = 64;

/// Rendered and read as a literal; none where nothing is rendered. Where the way through text changes nothing, it is
/// not taken.
pub(crate) fn eval<'r>(
    m: &Machine<'r>,
    value: &Val<'r>,
    literals: Literals,
) -> Fallible<Option<Value>> {
    let kind = match value {
        Val::Text(text) => return Ok(read_text(text, literals)),
        Val::None => Kind::None,
        Val::Bool(_) => Kind::Bool,
        Val::Int(_) | Val::Big(_) | Val::Float(_) => Kind::Number,
        Val::Tuple(_) => Kind::Tuple,
        _ => match value.type_name() {
            "list" => Kind::List,
            "dict" => Kind::Dict,
            _ => return through_text(m, value, literals),
        },
    };
    if literals.has(kind)
        && let Some(value) = round_trip(m, value, 0)?
    {
        return Ok(Some(value));
    }
    through_text(m, value, literals)
}

/// A value of an input rendered and read as a literal, where that needs no machine: never empty text.
pub(crate) fn eval_scalar(value: &Value, literals: Literals) -> Option<Value> {
    match value {
        Value::Text(text) if !text.is_empty() => read_text(text, literals),
        Value::Int(_) if literals == Literals::All => Some(value.clone()),
        Value::Bool(_) | Value::Null if literals == Literals::All => Some(value.clone()),
        _ => None,
    }
}

fn through_text<'r>(
    m: &Machine<'r>,
    value: &Val<'r>,
    literals: Literals,
) -> Fallible<Option<Value>> {
    let mut out = String::new();
    m.print(&mut out, value)?;
    Ok(read(out, literals))
}

/// A rendered text read as a literal.
pub(crate) fn read(text: String, literals: Literals) -> Option<Value> {
    if text.is_empty() {
        return None;
    }
    match literal::read(&text) {
        Some((value, kind)) if literals.has(kind) => Some(value),
        _ => Some(Value::Text(text.into())),
    }
}

fn read_text(text: &str, literals: Literals) -> Option<Value> {
    if text.is_empty() {
        return None;
    }
    match literal::read(text) {
        Some((value, kind)) if literals.has(kind) => Some(value),
        _ => Some(Value::text(text)),
    }
}

/// What a value is after it was printed and read again; none where only the text can tell.
fn round_trip<'r>(m: &Machine<'r>, value: &Val<'r>, depth: usize) -> Fallible<Option<Value>> {
    if depth > MAX_DEPTH {
        return Ok(None);
    }
    m.step()?;
    Ok(match value {
        Val::None => Some(Value::Null),
        Val::Bool(flag) => Some(Value::Bool(*flag)),
        Val::Int(n) => Some(Value::Int(*n)),
        Val::Big(n) => literal::whole(&n.to_string()),
        Val::Float(float) if float.is_finite() => Some(float_value(*float)),
        // On its own, a text is read as a literal too.
        Val::Text(text) if depth > 0 => Some(Value::text(&**text)),
        Val::Bytes(bytes) if depth > 0 => Some(Value::Bytes(bytes.to_vec())),
        Val::Tuple(_) => list(m, value, depth)?,
        Val::Ref(_) | Val::Lazy(_) | Val::List(_) | Val::Dict(_) => {
            if value.type_name() == "list" {
                list(m, value, depth)?
            } else {
                dict(m, value, depth)?
            }
        }
        _ => None,
    })
}

fn list<'r>(m: &Machine<'r>, value: &Val<'r>, depth: usize) -> Fallible<Option<Value>> {
    let mut items = Vec::new();
    for item in m.items_of(value)? {
        match round_trip(m, &item, depth + 1)? {
            Some(item) => items.push(item),
            None => return Ok(None),
        }
    }
    Ok(Some(Value::List(items)))
}

fn dict<'r>(m: &Machine<'r>, value: &Val<'r>, depth: usize) -> Fallible<Option<Value>> {
    let entries = m.entries_of(value)?;
    let mut object = Object::with_capacity(entries.len());
    for (key, value) in entries {
        let Some(value) = round_trip(m, &value, depth + 1)? else {
            return Ok(None);
        };
        match &key {
            // Keys are different already: no need to look for one of the same name.
            Val::Text(name) => object.push(&**name, value),
            key => match round_trip(m, key, depth + 1)? {
                Some(key) => object.insert(member_name(&key), value),
                None => return Ok(None),
            },
        }
    }
    Ok(Some(Value::Object(object)))
}

/// What a condition of a connector file takes for false.
pub(crate) fn counts_as_false(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Int(n) => *n == 0,
        Value::Float(float) => *float == 0.0,
        Value::Decimal(decimal) => decimal.normalised() == "0",
        Value::Text(text) => matches!(
            text.as_str(),
            "False" | "false" | "{}" | "[]" | "()" | "" | "0" | "0.0"
        ),
        Value::List(items) => items.is_empty(),
        Value::Object(object) => object.is_empty(),
        Value::UInt(_)
        | Value::Bytes(_)
        | Value::Date(_)
        | Value::Time(_)
        | Value::Timestamp(_) => false,
    }
}

/// Whether a value of an input comes out as it is, and needs no machine for it.
pub(crate) fn is_plain(value: &Value) -> bool {
    plain(value, 0).is_some()
}

/// The value as it is.
pub(crate) fn to_value<'r>(m: &Machine<'r>, value: &Val<'r>) -> Fallible<Value> {
    value_within(m, value, 0)
}

fn value_within<'r>(m: &Machine<'r>, value: &Val<'r>, depth: usize) -> Fallible<Value> {
    if depth > MAX_DEPTH {
        return Err(Fault::exhausted("the template's result is nested too deep"));
    }
    if let Val::Ref(input) = value
        && let Some(n) = plain(input, depth)
    {
        m.steps(n)?;
        return Ok((*input).clone());
    }
    m.step()?;
    Ok(match value {
        Val::Undefined(missing) if m.strict => return Err(m.undefined_fault(missing)),
        Val::Undefined(_) | Val::None => Value::Null,
        Val::Bool(flag) => Value::Bool(*flag),
        Val::Int(n) => Value::Int(*n),
        Val::Big(n) => literal::whole(&n.to_string())
            .ok_or_else(|| Fault::exhausted("the template's number is too long"))?,
        Val::Float(float) => match Decimal::from_f64(*float) {
            Some(decimal) => Value::Decimal(decimal),
            None => return Err(Fault::value("the template's result is not a finite number")),
        },
        Val::Amount(decimal) => Value::Decimal((*decimal).clone()),
        Val::Text(text) => Value::text(&**text),
        Val::Markup(text) => Value::text(&**text),
        Val::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
        Val::Date(date) => Value::Date(*date),
        Val::Time(time) => Value::Time(*time),
        Val::Moment(moment) => {
            let instant = moment
                .zone
                .and_then(|_| i64::try_from(moment.epoch_micros()).ok())
                .and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok());
            match (instant, moment.zone) {
                (Some(instant), Some(zone)) => Value::Timestamp(Timestamp {
                    instant,
                    offset_seconds: zone.seconds,
                }),
                _ => {
                    let mut out = String::new();
                    moment.write_iso(&mut out, 'T');
                    Value::text(out)
                }
            }
        }
        Val::Ref(_) | Val::Lazy(_) | Val::List(_) | Val::Dict(_) | Val::Tuple(_) => {
            match value.type_name() {
                "dict" => {
                    let entries = m.entries_of(value)?;
                    let mut object = Object::with_capacity(entries.len());
                    for (key, value) in entries {
                        let value = value_within(m, &value, depth + 1)?;
                        let name: CompactString = match &key {
                            Val::Text(name) => (**name).into(),
                            key => member_name(&value_within(m, key, depth + 1)?),
                        };
                        object.insert(name, value);
                    }
                    Value::Object(object)
                }
                _ => values(m, m.items_of(value)?, depth)?,
            }
        }
        Val::Object(thing)
            if matches!(
                &**thing,
                Thing::Iter(..) | Thing::View(..) | Thing::Range(..)
            ) =>
        {
            let mut iter = m.iter(value)?;
            let mut items = Vec::new();
            while let Some(item) = iter.next(m)? {
                items.push(value_within(m, &item, depth + 1)?);
            }
            Value::List(items)
        }
        Val::Span(_) | Val::Period(_) | Val::Object(_) => Value::text(&*print::to_str(m, value)?),
    })
}

/// How many values an input is made of, where each of them is the same after a template as before it.
fn plain(value: &Value, depth: usize) -> Option<usize> {
    if depth > MAX_DEPTH {
        return None;
    }
    match value {
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Text(_) => Some(1),
        Value::List(items) => items
            .iter()
            .try_fold(1, |n, item| Some(n + plain(item, depth + 1)?)),
        Value::Object(object) => object
            .iter()
            .try_fold(1, |n, (_, member)| Some(n + plain(member, depth + 1)?)),
        _ => None,
    }
}

fn values<'r>(m: &Machine<'r>, items: Vec<Val<'r>>, depth: usize) -> Fallible<Value> {
    items
        .iter()
        .map(|item| value_within(m, item, depth + 1))
        .collect::<Fallible<Vec<Value>>>()
        .map(Value::List)
}
