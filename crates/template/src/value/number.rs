//! Python's numbers: whole numbers of any size, and floating point.

use std::cmp::Ordering;

use num_bigint::BigInt;
use num_integer::Integer as _;
use num_traits::{FromPrimitive as _, Signed as _, ToPrimitive as _, Zero as _};

use super::Val;
use crate::error::{Fallible, Fault};
use crate::tree::Op;

/// Largest whole number that is computed, in bits: some 10,000 digits.
const MAX_BITS: u64 = 1 << 15;

/// A number on its own.
#[derive(Clone, Debug)]
pub(crate) enum Num {
    Int(i64),
    Big(BigInt),
    Float(f64),
}

impl Num {
    /// The number that a value is; truth values are numbers.
    pub(crate) fn of(value: &Val<'_>) -> Option<Self> {
        Some(match value {
            Val::Int(n) => Self::Int(*n),
            Val::Bool(flag) => Self::Int(i64::from(*flag)),
            Val::Float(float) => Self::Float(*float),
            Val::Big(n) => Self::Big((**n).clone()),
            Val::Amount(decimal) => Self::Float(decimal.to_f64()),
            _ => return None,
        })
    }

    pub(crate) fn to_f64(&self) -> f64 {
        match self {
            Self::Int(n) => *n as f64,
            Self::Big(n) => n.to_f64().unwrap_or(f64::NAN),
            Self::Float(float) => *float,
        }
    }

    pub(crate) fn to_big(&self) -> Option<BigInt> {
        match self {
            Self::Int(n) => Some(BigInt::from(*n)),
            Self::Big(n) => Some(n.clone()),
            Self::Float(float) => BigInt::from_f64(float.trunc()),
        }
    }

    /// The order of two numbers, exact however large they are; none with NaN.
    pub(crate) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(left), Self::Int(right)) => Some(left.cmp(right)),
            (Self::Float(left), Self::Float(right)) => left.partial_cmp(right),
            (Self::Float(left), right) => exact(right, *left).map(Ordering::reverse),
            (left, Self::Float(right)) => exact(left, *right),
            (left, right) => Some(left.to_big()?.cmp(&right.to_big()?)),
        }
    }

    pub(crate) fn is_zero(&self) -> bool {
        match self {
            Self::Int(n) => *n == 0,
            Self::Big(n) => n.is_zero(),
            Self::Float(float) => *float == 0.0,
        }
    }

    pub(crate) fn val<'r>(self) -> Val<'r> {
        match self {
            Self::Int(n) => Val::Int(n),
            Self::Big(n) => Val::big(n),
            Self::Float(float) => Val::Float(float),
        }
    }
}

/// A whole number against a floating point one.
fn exact(whole: &Num, float: f64) -> Option<Ordering> {
    if let Num::Int(n) = whole
        && n.unsigned_abs() < 1 << 53
    {
        return (*n as f64).partial_cmp(&float);
    }
    if float.is_nan() {
        return None;
    }
    if float.is_infinite() {
        return Some(if float > 0.0 {
            Ordering::Less
        } else {
            Ordering::Greater
        });
    }
    let truncated = BigInt::from_f64(float.trunc())?;
    let order = whole.to_big()?.cmp(&truncated);
    Some(order.then_with(|| {
        if float.fract() > 0.0 {
            Ordering::Less
        } else if float.fract() < 0.0 {
            Ordering::Greater
        } else {
            Ordering::Equal
        }
    }))
}

/// `left <op> right` of two numbers.
pub(crate) fn compute<'r>(op: Op, left: Num, right: Num) -> Fallible<Val<'r>> {
    if let (Num::Int(left), Num::Int(right)) = (&left, &right)
        && let Some(value) = small(op, *left, *right)
    {
        return Ok(value);
    }
    match (left, right) {
        (left @ Num::Float(_), right) | (left, right @ Num::Float(_)) => {
            floats(op, whole_to_float(&left)?, whole_to_float(&right)?)
        }
        (left, right) => {
            let (Some(left), Some(right)) = (left.to_big(), right.to_big()) else {
                return Err(Fault::failed("not a whole number"));
            };
            bigs(op, left, right)
        }
    }
}

fn whole_to_float(number: &Num) -> Fallible<f64> {
    let float = number.to_f64();
    if float.is_infinite() && !matches!(number, Num::Float(_)) {
        return Err(Fault::overflow("int too large to convert to float"));
    }
    Ok(float)
}

/// The common case, where nothing overflows.
fn small<'r>(op: Op, left: i64, right: i64) -> Option<Val<'r>> {
    Some(match op {
        Op::Add => Val::Int(left.checked_add(right)?),
        Op::Sub => Val::Int(left.checked_sub(right)?),
        Op::Mul => Val::Int(left.checked_mul(right)?),
        Op::FloorDiv if right != 0 => {
            let quotient = left.checked_div(right)?;
            let down = left.checked_rem(right)? != 0 && ((left < 0) != (right < 0));
            Val::Int(quotient - i64::from(down))
        }
        Op::Mod if right != 0 => {
            let rest = left.checked_rem(right)?;
            Val::Int(if rest != 0 && ((rest < 0) != (right < 0)) {
                rest + right
            } else {
                rest
            })
        }
        Op::Div
            if right != 0 && left.unsigned_abs() < 1 << 53 && right.unsigned_abs() < 1 << 53 =>
        {
            Val::Float(left as f64 / right as f64)
        }
        Op::Pow => Val::Int(left.checked_pow(u32::try_from(right).ok()?)?),
        _ => return None,
    })
}

fn bigs<'r>(op: Op, left: BigInt, right: BigInt) -> Fallible<Val<'r>> {
    let zero = || match op {
        Op::Div => Fault::failed("division by zero"),
        Op::Mod => Fault::failed("integer modulo by zero"),
        _ => Fault::failed("integer division or modulo by zero"),
    };
    let value = match op {
        Op::Add => left + right,
        Op::Sub => left - right,
        Op::Mul => {
            bounded(left.bits() + right.bits())?;
            left * right
        }
        Op::FloorDiv if right.is_zero() => return Err(zero()),
        Op::FloorDiv => left.div_floor(&right),
        Op::Mod if right.is_zero() => return Err(zero()),
        Op::Mod => left.mod_floor(&right),
        Op::Div if right.is_zero() => return Err(zero()),
        Op::Div => return divide(&left, &right),
        Op::Pow => return power(&left, &right),
    };
    Ok(Val::big(value))
}

fn bounded(bits: u64) -> Fallible<()> {
    if bits > MAX_BITS {
        return Err(Fault::exhausted("the number has too many digits"));
    }
    Ok(())
}

/// True division, rounded once: the numbers may be larger than floating point.
fn divide<'r>(left: &BigInt, right: &BigInt) -> Fallible<Val<'r>> {
    const LIMIT: u64 = 53;
    if left.bits() <= LIMIT && right.bits() <= LIMIT {
        let (left, right) = (left.to_f64(), right.to_f64());
        return Ok(Val::Float(left.unwrap_or(0.0) / right.unwrap_or(1.0)));
    }
    // 64 significant bits of the quotient, the last one sticky, then one rounding on the way to f64.
    let shift =
        66 - (i64::try_from(left.bits()).unwrap_or(0) - i64::try_from(right.bits()).unwrap_or(0));
    let (numerator, denominator) = if shift >= 0 {
        (left.abs() << shift.unsigned_abs(), right.abs())
    } else {
        (left.abs(), right.abs() << shift.unsigned_abs())
    };
    let (mut quotient, rest) = numerator.div_rem(&denominator);
    if !rest.is_zero() {
        quotient |= BigInt::from(1);
    }
    let float = quotient.to_f64().unwrap_or(f64::INFINITY)
        * 2f64.powi(i32::try_from(-shift).unwrap_or(i32::MAX));
    if float.is_infinite() {
        return Err(Fault::overflow(
            "integer division result too large for a float",
        ));
    }
    Ok(Val::Float(if left.is_negative() == right.is_negative() {
        float
    } else {
        -float
    }))
}

fn power<'r>(left: &BigInt, right: &BigInt) -> Fallible<Val<'r>> {
    if right.is_negative() {
        if left.is_zero() {
            return Err(Fault::failed("0.0 cannot be raised to a negative power"));
        }
        return floats(
            Op::Pow,
            left.to_f64().unwrap_or(f64::NAN),
            right.to_f64().unwrap_or(f64::NAN),
        );
    }
    if left.bits() <= 1 {
        let odd = right.is_odd();
        return Ok(match left.to_i64() {
            Some(-1) => Val::Int(if odd { -1 } else { 1 }),
            Some(0) => Val::Int(i64::from(right.is_zero())),
            _ => Val::Int(1),
        });
    }
    let exponent = right.to_u32().unwrap_or(u32::MAX);
    bounded(left.bits().saturating_mul(u64::from(exponent)))?;
    Ok(Val::big(left.pow(exponent)))
}

fn floats<'r>(op: Op, left: f64, right: f64) -> Fallible<Val<'r>> {
    let by_zero = right == 0.0;
    Ok(Val::Float(match op {
        Op::Add => left + right,
        Op::Sub => left - right,
        Op::Mul => left * right,
        Op::Div if by_zero => return Err(Fault::failed("float division by zero")),
        Op::Div => left / right,
        Op::FloorDiv if by_zero => return Err(Fault::failed("float floor division by zero")),
        Op::FloorDiv => floor_divide(left, right).0,
        Op::Mod if by_zero => return Err(Fault::failed("float modulo")),
        Op::Mod => floor_divide(left, right).1,
        Op::Pow => {
            if left == 0.0 && right < 0.0 {
                return Err(Fault::failed("0.0 cannot be raised to a negative power"));
            }
            let power = left.powf(right);
            if power.is_nan() && !left.is_nan() && !right.is_nan() {
                return Err(Fault::failed("the power is not a real number"));
            }
            if power.is_infinite() && left.is_finite() && right.is_finite() {
                return Err(Fault::overflow("(34, 'Numerical result out of range')"));
            }
            power
        }
    }))
}

/// Quotient and rest, rounded down: the rest has the sign of the divisor.
pub(crate) fn floor_divide(left: f64, right: f64) -> (f64, f64) {
    let mut rest = left % right;
    let mut quotient = (left - rest) / right;
    if rest == 0.0 {
        rest = 0f64.copysign(right);
    } else if (right < 0.0) != (rest < 0.0) {
        rest += right;
        quotient -= 1.0;
    }
    let floored = if quotient == 0.0 {
        0f64.copysign(left / right)
    } else {
        let floor = quotient.floor();
        if quotient - floor > 0.5 {
            floor + 1.0
        } else {
            floor
        }
    };
    (floored, rest)
}

/// `-value`
pub(crate) fn negate<'r>(number: Num) -> Val<'r> {
    match number {
        Num::Int(n) => match n.checked_neg() {
            Some(n) => Val::Int(n),
            None => Val::big(-BigInt::from(n)),
        },
        Num::Big(n) => Val::big(-n),
        Num::Float(float) => Val::Float(-float),
    }
}

/// `int(text)` in base 10 and its like; none where it is no number.
pub(crate) fn parse_int(text: &str, base: u32) -> Option<BigInt> {
    let text = crate::text::trim(text);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_lowercase();
    let prefix = |mark: &str| {
        lower
            .strip_prefix(mark)
            .map(|rest| rest.strip_prefix('_').unwrap_or(rest).to_owned())
    };
    let (base, digits) = match base {
        0 => match (prefix("0x"), prefix("0o"), prefix("0b")) {
            (Some(rest), ..) => (16, rest),
            (_, Some(rest), _) => (8, rest),
            (.., Some(rest)) => (2, rest),
            _ if lower.starts_with('0') && lower.bytes().any(|b| (b'1'..=b'9').contains(&b)) => {
                return None;
            }
            _ => (10, lower),
        },
        16 => (16, prefix("0x").unwrap_or(lower)),
        8 => (8, prefix("0o").unwrap_or(lower)),
        2 => (2, prefix("0b").unwrap_or(lower)),
        3..8 | 9..16 | 17..=36 => (base, lower),
        _ => return None,
    };
    if digits.len() > 4300 {
        return None;
    }
    let mut plain = String::with_capacity(digits.len());
    let mut digit_before = false;
    for c in digits.chars() {
        if c == '_' && digit_before {
            digit_before = false;
            continue;
        }
        let digit = c
            .to_digit(base)
            .or_else(|| unicode_digit(c).filter(|d| *d < base))?;
        plain.push(char::from_digit(digit, base)?);
        digit_before = true;
    }
    if !digit_before {
        return None;
    }
    let value = BigInt::parse_bytes(plain.as_bytes(), base)?;
    Some(if negative { -value } else { value })
}

/// Decimal digits of other scripts.
pub(crate) fn unicode_digit(c: char) -> Option<u32> {
    const ZEROS: [u32; 12] = [
        0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xe50, 0xff10,
    ];
    let code = u32::from(c);
    ZEROS
        .iter()
        .find(|zero| (**zero..**zero + 10).contains(&code))
        .map(|zero| code - zero)
}

/// `float(text)`; none where it is no number.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let text = crate::text::trim(text);
    let bytes = text.as_bytes();
    let mut plain = String::with_capacity(text.len());
    for (n, c) in text.chars().enumerate() {
        if c == '_' {
            let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
            if n == 0 || !digit(bytes.get(n - 1)) || !digit(bytes.get(n + 1)) {
                return None;
            }
        } else {
            plain.push(
                unicode_digit(c)
                    .and_then(|d| char::from_digit(d, 10))
                    .unwrap_or(c),
            );
        }
    }
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
    let lower = unsigned.to_ascii_lowercase();
    let known = matches!(lower.as_str(), "inf" | "infinity" | "nan")
        || lower
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'+' | b'-'));
    if !known || unsigned.is_empty() {
        return None;
    }
    plain.parse().ok()
}
