//! Methods and properties of numbers.

use num_bigint::BigInt;

use super::unknown;
use crate::error::Fallible;
use crate::run::{Given, Machine};
use crate::value::Val;
use crate::value::number::Num;

pub(super) const INT: [&str; 4] = ["bit_length", "bit_count", "conjugate", "as_integer_ratio"];
pub(super) const FLOAT: [&str; 3] = ["is_integer", "conjugate", "as_integer_ratio"];

pub(super) fn call<'r>(
    m: &Machine<'r>,
    value: &Val<'r>,
    name: &str,
    given: Given<'r>,
) -> Fallible<Val<'r>> {
    given.none(name)?;
    let Some(number) = Num::of(value) else {
        return Err(unknown(value, name));
    };
    match (name, number) {
        ("conjugate", number) => Ok(number.val()),
        ("is_integer", Num::Float(float)) => {
            Ok(Val::Bool(float.is_finite() && float.fract() == 0.0))
        }
        ("as_integer_ratio", Num::Float(float)) => {
            let mut numerator = float;
            let mut denominator = BigInt::from(1);
            if !float.is_finite() {
                return Err(crate::error::Fault::overflow(
                    "cannot convert Infinity to integer ratio",
                ));
            }
            while numerator.fract() != 0.0 {
                m.step()?;
                numerator *= 2.0;
                denominator *= 2;
            }
            let numerator = Num::Float(numerator).to_big().unwrap_or_default();
            Ok(Val::tuple(vec![Val::big(numerator), Val::big(denominator)]))
        }
        ("as_integer_ratio", number) => Ok(Val::tuple(vec![number.val(), Val::Int(1)])),
        ("bit_length", number) => {
            let bits = number.to_big().unwrap_or_default().bits();
            Ok(Val::count(usize::try_from(bits).unwrap_or(usize::MAX)))
        }
        ("bit_count", number) => {
            let big = number.to_big().unwrap_or_default();
            let ones: u32 = big.iter_u64_digits().map(u64::count_ones).sum();
            Ok(Val::Int(i64::from(ones)))
        }
        _ => Err(unknown(value, name)),
    }
}

pub(super) fn property<'r>(value: &Val<'r>, name: &str) -> Option<Val<'r>> {
    let number = Num::of(value)?;
    match (name, &number) {
        ("real", _) => Some(number.val()),
        ("imag", Num::Float(_)) => Some(Val::Float(0.0)),
        ("imag", _) => Some(Val::Int(0)),
        ("numerator", Num::Int(_) | Num::Big(_)) => Some(number.val()),
        ("denominator", Num::Int(_) | Num::Big(_)) => Some(Val::Int(1)),
        _ => None,
    }
}
