//! Filters of numbers.

use std::rc::Rc;

use num_bigint::BigInt;
use num_traits::ToPrimitive as _;

use super::{AttributePath, flag, whole};
use crate::dates::Span;
use crate::error::{Fallible, Fault};
use crate::run::{Given, Machine};
use crate::tree::Op;
use crate::value::Val;
use crate::value::number::{Num, compute, negate, parse_float, parse_int};

pub(super) fn abs<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    given.none("abs")?;
    if let Val::Amount(decimal) = &value {
        let positive = decimal.as_str().trim_start_matches('-');
        if let Some(positive) = model::number::Decimal::parse(positive) {
            return Ok(m.owned(model::value::Value::Decimal(positive)));
        }
    }
    match (Num::of(&value), &value) {
        (Some(Num::Float(float)), _) => Ok(Val::Float(float.abs())),
        (Some(Num::Int(n)), _) if n < 0 => Ok(negate(Num::Int(n))),
        (Some(Num::Big(n)), _) => Ok(Val::big(n.magnitude().clone().into())),
        (Some(number), _) => Ok(number.val()),
        (None, Val::Span(span)) => {
            Span::micros(span.as_micros().abs()).map(|span| Val::Span(Rc::new(span)))
        }
        _ => Err(Fault::wrong_type(format!(
            "bad operand type for abs(): '{}'",
            value.type_name()
        ))),
    }
}

pub(super) fn int<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [default, base] = given.bind("int", ["default", "base"], 0)?;
    let base = whole(base, 10)?;
    if let Val::Undefined(missing) = &value {
        return Err(m.undefined_fault(missing));
    }
    let found = match (value.as_str(), Num::of(&value)) {
        (Some(text), _) => {
            let base = u32::try_from(base).unwrap_or(99);
            parse_int(text, base).or_else(|| {
                parse_float(text)
                    .filter(|float| float.is_finite())
                    .and_then(|float| Num::Float(float).to_big())
            })
        }
        (None, Some(Num::Float(float))) if float.is_infinite() => {
            return Err(Fault::overflow("cannot convert float infinity to integer"));
        }
        (None, Some(number)) => number.to_big(),
        _ => None,
    };
    match found {
        Some(n) => Ok(Val::big(n)),
        None if m.strict && default.is_none() => Err(not_a_number(&value)),
        None => Ok(default.unwrap_or(Val::Int(0))),
    }
}

fn not_a_number(value: &Val<'_>) -> Box<Fault> {
    Fault::value(match value.as_str() {
        Some(text) => format!(
            "\"{}\" is not a number",
            crate::text::chars_between(text, 0, 60)
        ),
        None => format!("{} is not a number", value.kind_word()),
    })
}

pub(super) fn float<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [default] = given.bind("float", ["default"], 0)?;
    let found = to_float(m, &value)?;
    Ok(match found {
        Some(float) => Val::Float(float),
        None if m.strict && default.is_none() => {
            return Err(not_a_number(&value));
        }
        None => default.unwrap_or(Val::Float(0.0)),
    })
}

fn to_float<'r>(m: &Machine<'r>, value: &Val<'r>) -> Fallible<Option<f64>> {
    if let Val::Undefined(missing) = value {
        return Err(m.undefined_fault(missing));
    }
    if let Some(text) = value.as_str() {
        return Ok(parse_float(text));
    }
    match Num::of(value) {
        Some(Num::Big(n)) => match n.to_f64().filter(|float| float.is_finite()) {
            Some(float) => Ok(Some(float)),
            None => Err(Fault::overflow("int too large to convert to float")),
        },
        Some(number) => Ok(Some(number.to_f64())),
        None => Ok(None),
    }
}

pub(super) fn round<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [precision, method] = given.bind("round", ["precision", "method"], 0)?;
    let method = match &method {
        None => "common",
        Some(method) => match method.as_str() {
            Some(known @ ("common" | "ceil" | "floor")) => known,
            _ => return Err(Fault::failed("method must be common, ceil or floor")),
        },
    };
    let to_whole = matches!(precision, Some(Val::None));
    let places = if to_whole { 0 } else { whole(precision, 0)? };
    if method != "common" {
        let scale = compute(Op::Pow, Num::Int(10), Num::Int(places))?;
        let scaled = m.binary(Op::Mul, value, scale.clone())?;
        let rounded = match Num::of(&scaled) {
            Some(Num::Float(float)) => {
                let float = if method == "ceil" {
                    float.ceil()
                } else {
                    float.floor()
                };
                whole_of(float)?
            }
            Some(number) => number.val(),
            None => {
                return Err(Fault::wrong_type(format!(
                    "must be real number, not {}",
                    scaled.type_name()
                )));
            }
        };
        return m.binary(Op::Div, rounded, scale);
    }
    match Num::of(&value) {
        Some(Num::Float(float)) if to_whole => whole_of(float.round_ties_even()),
        Some(Num::Float(float)) => Ok(Val::Float(round_float(float, places))),
        Some(number) => round_whole(number, places),
        None => Err(Fault::wrong_type(format!(
            "type {} doesn't define __round__ method",
            value.type_name()
        ))),
    }
}

fn whole_of<'r>(float: f64) -> Fallible<Val<'r>> {
    match Num::Float(float).to_big() {
        Some(n) => Ok(Val::big(n)),
        None if float.is_nan() => Err(Fault::value("cannot convert float NaN to integer")),
        None => Err(Fault::overflow("cannot convert float infinity to integer")),
    }
}

/// Half to even in the exact value, as Python rounds.
pub(crate) fn round_float(float: f64, places: i64) -> f64 {
    if !float.is_finite() || places > 323 {
        return float;
    }
    if places >= 0 {
        let places = usize::try_from(places).unwrap_or(0);
        return format!("{float:.places$}").parse().unwrap_or(float);
    }
    if places < -308 {
        return 0f64.copysign(float);
    }
    let scale = 10f64.powi(i32::try_from(-places).unwrap_or(0));
    let scaled = float / scale;
    let rounded = scaled.round_ties_even();
    rounded * scale
}

fn round_whole<'r>(number: Num, places: i64) -> Fallible<Val<'r>> {
    if places >= 0 {
        return Ok(number.val());
    }
    let Some(n) = number.to_big() else {
        return Ok(Val::Int(0));
    };
    let places = u32::try_from(-places).unwrap_or(u32::MAX);
    if u64::from(places) > n.bits() {
        return Ok(Val::Int(0));
    }
    let scale = BigInt::from(10).pow(places);
    let half = &scale / 2;
    let low = num_integer::Integer::div_floor(&n, &scale);
    let rest = &n - &low * &scale;
    let up = rest > half || (rest == half && num_integer::Integer::is_odd(&low));
    Ok(Val::big((low + i32::from(up)) * scale))
}

pub(super) fn sum<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [attribute, start] = given.bind("sum", ["attribute", "start"], 0)?;
    let attribute = attribute.filter(|attribute| !matches!(attribute, Val::None));
    let path = AttributePath::new(attribute.as_ref());
    let mut total = start.unwrap_or(Val::Int(0));
    if total.as_str().is_some() {
        return Err(Fault::wrong_type(
            "sum() can't sum strings [use ''.join(seq) instead]",
        ));
    }
    let mut iter = m.iter(&value)?;
    while let Some(item) = iter.next(m)? {
        let item = path.of(m, &item, None)?;
        total = m.binary(Op::Add, total, item)?;
    }
    Ok(total)
}

pub(super) fn filesizeformat<'r>(
    m: &Machine<'r>,
    value: Val<'r>,
    given: Given<'r>,
) -> Fallible<Val<'r>> {
    let [binary] = given.bind("filesizeformat", ["binary"], 0)?;
    let binary = flag(m, binary, false)?;
    let bytes = match to_float(m, &value)? {
        Some(bytes) => bytes,
        None if value.as_str().is_some() => {
            return Err(Fault::value("could not convert string to float"));
        }
        None => {
            return Err(Fault::wrong_type(format!(
                "float() argument must be a string or a real number, not '{}'",
                value.type_name()
            )));
        }
    };
    let base: f64 = if binary { 1024.0 } else { 1000.0 };
    if bytes == 1.0 {
        return Ok(Val::borrowed("1 Byte"));
    }
    if bytes < base {
        return Ok(Val::text(format!("{} Bytes", bytes.trunc())));
    }
    const UNITS: [&str; 8] = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
    let mut unit = base;
    let mut written = String::new();
    for name in UNITS {
        unit *= base;
        let name = match (name, binary) {
            ("k", true) => "KiB".to_owned(),
            (name, true) => format!("{name}iB"),
            (name, false) => format!("{name}B"),
        };
        written = format!("{:.1} {name}", base * bytes / unit);
        if bytes < unit {
            break;
        }
    }
    Ok(Val::text(written))
}
