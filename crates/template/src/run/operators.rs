//! `+ - * / // % **` and `in` on all kinds of values.

use std::rc::Rc;

use model::number::Decimal;
use model::value::Value;
use num_bigint::BigInt;

use super::Machine;
use crate::dates::{self, Span};
use crate::error::{Fallible, Fault};
use crate::tree::Op;
use crate::value::number::{Num, compute};
use crate::value::{Text, Thing, Val, View, compare};

impl<'r> Machine<'r> {
    /// `left <op> right`
    pub(crate) fn binary(&self, op: Op, left: Val<'r>, right: Val<'r>) -> Fallible<Val<'r>> {
        if matches!(left, Val::Amount(_)) || matches!(right, Val::Amount(_)) {
            if let Some(value) = self.amounts(op, &left, &right)? {
                return Ok(value);
            }
        } else if let (Some(left), Some(right)) = (Num::of(&left), Num::of(&right)) {
            return compute(op, left, right);
        }
        if op == Op::Mod && left.as_str().is_some() {
            return crate::format::percent::format(self, &left, &right);
        }
        for side in [&left, &right] {
            if let Val::Undefined(missing) = side {
                return Err(self.undefined_fault(missing));
            }
        }
        let (left, right) = (self.settled(&left), self.settled(&right));
        let made = match op {
            Op::Add => self.add(&left, &right)?,
            Op::Sub => subtract(&left, &right)?,
            Op::Mul => self.multiply(&left, &right)?,
            Op::Div | Op::FloorDiv | Op::Mod => divide_spans(op, &left, &right)?,
            Op::Pow => None,
        };
        made.ok_or_else(|| unsupported(op, &left, &right))
    }

    fn add(&self, left: &Val<'r>, right: &Val<'r>) -> Fallible<Option<Val<'r>>> {
        Ok(Some(match (left, right) {
            (Val::Text(left), Val::Text(right)) => {
                self.pay_for_bytes(left.len() + right.len())?;
                let mut out = compact_str::CompactString::with_capacity(left.len() + right.len());
                out.push_str(left);
                out.push_str(right);
                Val::Text(Text::Owned(out))
            }
            (Val::Markup(_), Val::Markup(_) | Val::Text(_)) | (Val::Text(_), Val::Markup(_)) => {
                let mut out = String::new();
                crate::filters::markup::write_escaped(self, &mut out, left)?;
                crate::filters::markup::write_escaped(self, &mut out, right)?;
                Val::Markup(out.into())
            }
            (Val::Bytes(left), Val::Bytes(right)) => {
                Val::Bytes([&**left, &**right].concat().into())
            }
            (Val::Tuple(left), Val::Tuple(right)) => {
                self.steps(left.items.len() + right.items.len())?;
                Val::tuple([&*left.items, &*right.items].concat())
            }
            (Val::Ref(Value::List(_)) | Val::List(_), Val::Ref(Value::List(_)) | Val::List(_)) => {
                let mut items = self.items_of(left)?;
                items.extend(self.items_of(right)?);
                Val::list(items)
            }
            (Val::Moment(moment), Val::Span(span)) | (Val::Span(span), Val::Moment(moment)) => {
                Val::Moment(Rc::new(moment.plus(**span)?))
            }
            (Val::Date(date), Val::Span(span)) | (Val::Span(span), Val::Date(date)) => {
                Val::Date(dates::add_to_date(*date, **span)?)
            }
            (Val::Span(left), Val::Span(right)) => {
                span(Span::micros(left.as_micros() + right.as_micros())?)
            }
            (Val::Moment(moment), Val::Period(period))
            | (Val::Period(period), Val::Moment(moment)) => {
                Val::Moment(Rc::new(period.to_moment(moment, 1.0)?))
            }
            (Val::Date(date), Val::Period(period)) | (Val::Period(period), Val::Date(date)) => {
                Val::Date(period.to_date(*date, 1.0)?)
            }
            (Val::Period(left), Val::Period(right)) => Val::Period(Rc::new(left.plus(right, 1.0)?)),
            (Val::Period(period), Val::Span(other)) | (Val::Span(other), Val::Period(period)) => {
                let mut sum = (**period).clone();
                sum.span = Span::micros(sum.span.as_micros() + other.as_micros())?;
                Val::Period(Rc::new(sum))
            }
            _ => return Ok(None),
        }))
    }

    fn multiply(&self, left: &Val<'r>, right: &Val<'r>) -> Fallible<Option<Val<'r>>> {
        let (value, number) = match (Num::of(left), Num::of(right)) {
            (Some(number), None) => (right, number),
            (None, Some(number)) => (left, number),
            _ => return Ok(None),
        };
        if let Val::Span(of) = value {
            let micros = match number {
                Num::Float(factor) => {
                    return Span::from_float(of.as_micros() as f64 * factor)
                        .map(span)
                        .map(Some);
                }
                Num::Int(n) => of.as_micros().checked_mul(i128::from(n)),
                Num::Big(_) => None,
            };
            return Span::micros(micros.unwrap_or(i128::MAX))
                .map(span)
                .map(Some);
        }
        let times = match number {
            Num::Int(n) => n,
            Num::Big(_) if is_sequence(value) => {
                return Err(Fault::overflow(
                    "cannot fit 'int' into an index-sized integer",
                ));
            }
            Num::Big(_) => return Ok(None),
            Num::Float(_) => return Ok(None),
        };
        if let Val::Period(period) = value {
            return Ok(Some(Val::Period(Rc::new(period.times(times)?))));
        }
        let times = usize::try_from(times.max(0)).unwrap_or(usize::MAX);
        Ok(Some(match value {
            Val::Text(text) => {
                self.pay_for_bytes(text.len().saturating_mul(times))?;
                Val::text(text.repeat(times))
            }
            Val::Markup(text) => {
                self.pay_for_bytes(text.len().saturating_mul(times))?;
                Val::Markup(text.repeat(times).into())
            }
            Val::Bytes(bytes) => {
                self.pay_for_bytes(bytes.len().saturating_mul(times))?;
                Val::Bytes(bytes.repeat(times).into())
            }
            Val::Tuple(tuple) => {
                self.steps(tuple.items.len().saturating_mul(times))?;
                Val::tuple(repeat(&tuple.items, times))
            }
            Val::Ref(Value::List(_)) | Val::List(_) => {
                let items = self.items_of(value)?;
                self.steps(items.len().saturating_mul(times))?;
                Val::list(repeat(&items, times))
            }
            _ => return Ok(None),
        }))
    }

    /// Numbers of which one keeps its digits: exact where that can be, never silently inexact.
    fn amounts(&self, op: Op, left: &Val<'r>, right: &Val<'r>) -> Fallible<Option<Val<'r>>> {
        let (Some(first), Some(second)) = (Num::of(left), Num::of(right)) else {
            return Ok(None);
        };
        let exact = (scaled(left), scaled(right));
        if let (
            (Some((left, left_scale)), Some((right, right_scale))),
            Op::Add | Op::Sub | Op::Mul,
        ) = (exact, op)
        {
            let (value, scale) = if op == Op::Mul {
                (left * right, left_scale + right_scale)
            } else {
                let scale = left_scale.max(right_scale);
                let left = left * BigInt::from(10).pow(scale - left_scale);
                let right = right * BigInt::from(10).pow(scale - right_scale);
                (
                    if op == Op::Add {
                        left + right
                    } else {
                        left - right
                    },
                    scale,
                )
            };
            return match write_scaled(&value, scale) {
                Some(decimal) => Ok(Some(self.owned(Value::Decimal(decimal)))),
                None => Err(Fault::exhausted("the number has too many digits")),
            };
        }
        for side in [left, right] {
            if let Val::Amount(decimal) = side {
                let back = Decimal::from_f64(decimal.to_f64());
                if back.is_none_or(|back| back.normalised() != decimal.normalised()) {
                    return Err(Fault::value(format!(
                        "{decimal} has more digits than `{}` keeps; write `| float` to let them go",
                        op.sign()
                    )));
                }
            }
        }
        compute(op, first, second).map(Some)
    }

    /// `item in container`
    pub(crate) fn is_in(&self, item: &Val<'r>, container: &Val<'r>) -> Fallible<bool> {
        match &self.settled(container) {
            Val::Undefined(missing) if self.strict => Err(self.undefined_fault(missing)),
            Val::Text(text) => self.is_part(item, text),
            Val::Markup(text) => self.is_part(item, text),
            Val::Ref(Value::List(items)) => {
                for here in items {
                    self.step()?;
                    if compare::equal(self, &self.val(here), item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            settled @ (Val::Ref(_) | Val::Lazy(_) | Val::Dict(_)) => {
                let settled_item = self.settled(item);
                if !compare::is_hashable(&settled_item) {
                    return Err(Fault::wrong_type(format!(
                        "unhashable type: '{}'",
                        item.type_name()
                    )));
                }
                Ok(self.item(settled, item)?.is_some())
            }
            settled => {
                if let Val::Object(thing) = settled
                    && let Thing::View(of, View::Keys) = &**thing
                {
                    return self.is_in(item, of);
                }
                let mut iter = self.iter(settled).map_err(|mut fault| {
                    fault.message =
                        format!("argument of type '{}' is not iterable", settled.type_name());
                    fault
                })?;
                while let Some(here) = iter.next(self)? {
                    if compare::equal(self, &here, item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    fn is_part(&self, item: &Val<'r>, text: &str) -> Fallible<bool> {
        let Some(part) = item.as_str() else {
            return Err(Fault::wrong_type(format!(
                "'in <string>' requires string as left operand, not {}",
                item.type_name()
            )));
        };
        self.pay_for_bytes(text.len())?;
        Ok(text.contains(part))
    }
}

fn is_sequence(value: &Val<'_>) -> bool {
    matches!(
        value.type_name(),
        "str" | "Markup" | "bytes" | "tuple" | "list"
    )
}

fn span<'r>(span: Span) -> Val<'r> {
    Val::Span(Rc::new(span))
}

fn repeat<'r>(items: &[Val<'r>], times: usize) -> Vec<Val<'r>> {
    let mut out = Vec::with_capacity(items.len() * times);
    for _ in 0..times {
        out.extend_from_slice(items);
    }
    out
}

fn subtract<'r>(left: &Val<'r>, right: &Val<'r>) -> Fallible<Option<Val<'r>>> {
    Ok(Some(match (left, right) {
        (Val::Moment(moment), Val::Span(other)) => {
            Val::Moment(Rc::new(moment.plus(Span::micros(-other.as_micros())?)?))
        }
        (Val::Moment(left), Val::Moment(right)) => span(left.minus(right)?),
        (Val::Date(date), Val::Span(other)) => {
            let (days, ..) = other.parts();
            Val::Date(dates::add_to_date(
                *date,
                Span::micros(-i128::from(days) * 86_400_000_000)?,
            )?)
        }
        (Val::Date(left), Val::Date(right)) => span(dates::days_between(*left, *right)),
        (Val::Span(left), Val::Span(right)) => {
            span(Span::micros(left.as_micros() - right.as_micros())?)
        }
        (Val::Moment(moment), Val::Period(period)) => {
            Val::Moment(Rc::new(period.to_moment(moment, -1.0)?))
        }
        (Val::Date(date), Val::Period(period)) => Val::Date(period.to_date(*date, -1.0)?),
        (Val::Period(left), Val::Period(right)) => Val::Period(Rc::new(left.plus(right, -1.0)?)),
        (Val::Period(period), Val::Span(other)) => {
            let mut rest = (**period).clone();
            rest.span = Span::micros(rest.span.as_micros() - other.as_micros())?;
            Val::Period(Rc::new(rest))
        }
        (Val::Span(other), Val::Period(period)) => {
            let mut rest = period.times(-1)?;
            rest.span = Span::micros(rest.span.as_micros() + other.as_micros())?;
            Val::Period(Rc::new(rest))
        }
        _ => return Ok(None),
    }))
}

fn divide_spans<'r>(op: Op, left: &Val<'r>, right: &Val<'r>) -> Fallible<Option<Val<'r>>> {
    let Val::Span(left) = left else {
        return Ok(None);
    };
    let zero = || Fault::failed("integer division or modulo by zero");
    if let Val::Span(right) = right {
        let (left, right) = (left.as_micros(), right.as_micros());
        if right == 0 {
            return Err(zero());
        }
        let floored = left.div_euclid(right) - i128::from(right < 0 && left.rem_euclid(right) != 0);
        return Ok(Some(match op {
            Op::Div => Val::Float(left as f64 / right as f64),
            Op::FloorDiv => Val::big(BigInt::from(floored)),
            _ => span(Span::micros(left - floored * right)?),
        }));
    }
    let micros = left.as_micros();
    Ok(match (op, Num::of(right)) {
        (Op::Div, Some(number)) if number.is_zero() => {
            return Err(Fault::failed("division by zero"));
        }
        (Op::Div, Some(number)) => Some(span(Span::from_float(micros as f64 / number.to_f64())?)),
        (Op::FloorDiv, Some(Num::Int(0))) => return Err(zero()),
        (Op::FloorDiv, Some(Num::Int(n))) => {
            let n = i128::from(n);
            let floored = micros.div_euclid(n) - i128::from(n < 0 && micros.rem_euclid(n) != 0);
            Some(span(Span::micros(floored)?))
        }
        _ => None,
    })
}

fn unsupported(op: Op, left: &Val<'_>, right: &Val<'_>) -> Box<Fault> {
    let (left, right) = (left.type_name(), right.type_name());
    Fault::wrong_type(match (op, left) {
        (Op::Add, "str" | "list" | "tuple") => {
            format!("can only concatenate {left} (not \"{right}\") to {left}")
        }
        (Op::Mul, "str" | "list" | "tuple") => {
            format!("can't multiply sequence by non-int of type '{right}'")
        }
        _ => format!(
            "unsupported operand type(s) for {}: '{left}' and '{right}'",
            op.sign()
        ),
    })
}

/// A number as a whole number and how many of its digits stand behind the point.
fn scaled(value: &Val<'_>) -> Option<(BigInt, u32)> {
    match value {
        Val::Int(n) => Some((BigInt::from(*n), 0)),
        Val::Bool(flag) => Some((BigInt::from(i64::from(*flag)), 0)),
        Val::Big(n) => Some(((**n).clone(), 0)),
        Val::Amount(decimal) => scaled_text(decimal.as_str()),
        Val::Float(float) => scaled_text(Decimal::from_f64(*float)?.as_str()),
        _ => None,
    }
}

fn scaled_text(digits: &str) -> Option<(BigInt, u32)> {
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let exponent: i32 = exponent
        .strip_prefix('+')
        .unwrap_or(exponent)
        .parse()
        .ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let value = BigInt::parse_bytes(format!("{whole}{fraction}").as_bytes(), 10)?;
    let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    if scale.abs() > 400 {
        return None;
    }
    match u32::try_from(scale) {
        Ok(scale) => Some((value, scale)),
        Err(_) => Some((value * BigInt::from(10).pow(scale.unsigned_abs()), 0)),
    }
}

fn write_scaled(value: &BigInt, scale: u32) -> Option<Decimal> {
    let digits = value.magnitude().to_string();
    let scale = usize::try_from(scale).ok()?;
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at_checked(digits.len() - scale)?;
    let sign = if value.sign() == num_bigint::Sign::Minus {
        "-"
    } else {
        ""
    };
    Decimal::parse(&if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    })
}
