//! Decimal arithmetic that never rounds unless told to: money does not pass through floating point.

use model::number::{Decimal, MAX_DIGITS};
use model::value::Value;

/// A number as sign, digits (most significant first, no zero in front) and power of ten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exact {
    negative: bool,
    /// 0 to 9 each; empty for zero.
    digits: Vec<u8>,
    exponent: i32,
}

/// How a digit that falls away changes the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// A half goes away from zero: 2.5 becomes 3.
    HalfUp,
    /// A half goes to the even neighbour: 2.5 becomes 2.
    HalfEven,
    /// Towards zero.
    Down,
    /// Away from zero.
    Up,
    /// Towards minus infinity.
    Floor,
    /// Towards plus infinity.
    Ceiling,
}

/// Largest power of ten that arithmetic accepts, either way.
const MAX_EXPONENT: i32 = 400;

impl Exact {
    /// From the text of a JSON number; none if it is not one, or is out of reach of exact arithmetic.
    pub fn parse(text: &str) -> Option<Self> {
        let decimal = Decimal::parse(text)?;
        let text = decimal.as_str();
        let (negative, text) = text
            .strip_prefix('-')
            .map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent: i32 = exponent.trim_start_matches('+').parse().ok()?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = whole
            .bytes()
            .chain(fraction.bytes())
            .map(|byte| byte.wrapping_sub(b'0'))
            .collect();
        let exponent = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
        Self {
            negative,
            digits,
            exponent,
        }
        .tidy()
    }

    /// From a number value; none for anything else, NaN and infinities.
    pub fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Int(_) | Value::UInt(_) | Value::Decimal(_) | Value::Float(_) => {
                Self::parse(&crate::words::scalar_text(value)?)
            }
            _ => None,
        }
    }

    /// Zeros in front are dropped; those at the end are kept (1.10 has three digits).
    fn tidy(mut self) -> Option<Self> {
        let zeros = self.digits.iter().take_while(|digit| **digit == 0).count();
        self.digits.drain(..zeros);
        if self.digits.is_empty() {
            self.negative = false;
            self.exponent = self.exponent.clamp(-MAX_EXPONENT, 0);
        }
        (self.exponent.abs() <= MAX_EXPONENT && self.digits.len() <= 2 * MAX_DIGITS).then_some(self)
    }

    /// The digit whose place value is ten to the power of `place`.
    fn digit_at(&self, place: i32) -> u8 {
        let from_right = place - self.exponent;
        usize::try_from(from_right)
            .ok()
            .and_then(|n| self.digits.len().checked_sub(n + 1))
            .and_then(|index| self.digits.get(index))
            .copied()
            .unwrap_or(0)
    }

    /// One more than the place of the first digit.
    fn top(&self) -> i32 {
        self.exponent + i32::try_from(self.digits.len()).unwrap_or(i32::MAX / 2)
    }

    /// The sum, with the digits after the point of the longer one; none when out of reach.
    pub fn add(&self, other: &Self) -> Option<Self> {
        let low = self.exponent.min(other.exponent);
        let high = self.top().max(other.top()) + 1;
        let same_sign = self.negative == other.negative;
        let (big, small) = if same_sign || self.magnitude_is_at_least(other) {
            (self, other)
        } else {
            (other, self)
        };
        let mut out = Vec::new();
        let mut carry: i8 = 0;
        for place in low..high {
            let left = i8::try_from(big.digit_at(place)).unwrap_or(0);
            let right = i8::try_from(small.digit_at(place)).unwrap_or(0);
            let mut digit = if same_sign {
                left + right + carry
            } else {
                left - right + carry
            };
            carry = 0;
            if digit > 9 {
                digit -= 10;
                carry = 1;
            } else if digit < 0 {
                digit += 10;
                carry = -1;
            }
            out.push(u8::try_from(digit).unwrap_or(0));
        }
        out.reverse();
        Self {
            negative: big.negative,
            digits: out,
            exponent: low,
        }
        .tidy()
    }

    fn magnitude_is_at_least(&self, other: &Self) -> bool {
        let low = self.exponent.min(other.exponent);
        let high = self.top().max(other.top());
        for place in (low..high).rev() {
            match self.digit_at(place).cmp(&other.digit_at(place)) {
                std::cmp::Ordering::Equal => {}
                unequal => return unequal.is_gt(),
            }
        }
        true
    }

    /// The product, all digits kept; none when out of reach.
    pub fn multiply(&self, other: &Self) -> Option<Self> {
        let mut columns = vec![0u32; self.digits.len() + other.digits.len()];
        for (i, left) in self.digits.iter().rev().enumerate() {
            for (j, right) in other.digits.iter().rev().enumerate() {
                if let Some(column) = columns.get_mut(i + j) {
                    *column += u32::from(*left) * u32::from(*right);
                }
            }
        }
        let mut carry = 0;
        let mut digits = Vec::with_capacity(columns.len());
        for column in columns {
            let sum = column + carry;
            digits.push(u8::try_from(sum % 10).unwrap_or(0));
            carry = sum / 10;
        }
        digits.reverse();
        Self {
            negative: self.negative != other.negative,
            digits,
            exponent: self.exponent.checked_add(other.exponent)?,
        }
        .tidy()
    }

    /// With `places` digits after the point: fewer are rounded, missing ones filled with zeros.
    /// Negative `places` round before the point.
    pub fn round(&self, places: i32, rounding: Rounding) -> Option<Self> {
        let unit = -places.clamp(-MAX_EXPONENT, MAX_EXPONENT);
        let mut kept = self.clone();
        if self.exponent >= unit {
            let zeros = usize::try_from(self.exponent - unit).ok()?;
            kept.digits.extend(std::iter::repeat_n(0, zeros));
            kept.exponent = unit;
            return kept.tidy();
        }
        let dropped = usize::try_from(unit - self.exponent).ok()?;
        let split = self.digits.len().saturating_sub(dropped);
        let first_dropped = self.digit_at(unit - 1);
        let rest = (self.exponent..unit - 1).any(|place| self.digit_at(place) != 0);
        let any = first_dropped != 0 || rest;
        kept.digits.truncate(split);
        kept.exponent = unit;
        let last_is_odd = kept.digits.last().is_some_and(|digit| digit % 2 == 1);
        let away = match rounding {
            Rounding::HalfUp => first_dropped >= 5,
            Rounding::HalfEven => {
                first_dropped > 5 || (first_dropped == 5 && (rest || last_is_odd))
            }
            Rounding::Down => false,
            Rounding::Up => any,
            Rounding::Floor => any && self.negative,
            Rounding::Ceiling => any && !self.negative,
        };
        if away {
            let one = Self {
                negative: self.negative,
                digits: vec![1],
                exponent: unit,
            };
            kept.negative = self.negative;
            return kept.add(&one);
        }
        kept.tidy()
    }

    /// The same amount without zeros at the end of the fraction.
    #[must_use]
    pub fn trimmed(mut self) -> Self {
        while self.exponent < 0 && self.digits.last() == Some(&0) {
            self.digits.pop();
            self.exponent += 1;
        }
        if self.digits.is_empty() {
            self.exponent = 0;
        }
        self
    }

    /// True when nothing but zeros stands after the point.
    pub fn is_whole(&self) -> bool {
        (self.exponent..0).all(|place| self.digit_at(place) == 0)
    }

    /// True below zero.
    pub fn is_negative(&self) -> bool {
        self.negative
    }

    /// Digits before the point and digits after it, without the sign.
    pub fn places(&self) -> (String, String) {
        let letter = |place: i32| char::from(b'0' + self.digit_at(place));
        let whole: String = (0..self.top().max(1)).rev().map(letter).collect();
        let fraction: String = (self.exponent.min(0)..0).rev().map(letter).collect();
        (whole, fraction)
    }

    /// A plain JSON number without exponent.
    pub fn to_text(&self) -> String {
        let (whole, fraction) = self.places();
        let sign = if self.negative { "-" } else { "" };
        if fraction.is_empty() {
            format!("{sign}{whole}")
        } else {
            format!("{sign}{whole}.{fraction}")
        }
    }

    /// An integer value where there is no fraction, else a decimal; none when longer than a value may be.
    pub fn to_value(&self) -> Option<Value> {
        let text = self.to_text();
        if self.exponent >= 0 {
            if let Ok(n) = text.parse::<i64>() {
                return Some(Value::Int(n));
            }
            if let Ok(n) = text.parse::<u64>() {
                return Some(Value::from_u64(n));
            }
        }
        Decimal::parse(&text).map(Value::Decimal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn exact(text: &str) -> Exact {
        Exact::parse(text).unwrap()
    }

    #[test]
    fn sums_and_products_keep_every_digit() {
        for (left, right, sum, product) in [
            ("0.1", "0.2", "0.3", "0.02"),
            ("1.10", "-1.1", "0.00", "-1.210"),
            ("-5", "3", "-2", "-15"),
            (
                "9007199254740993",
                "1",
                "9007199254740994",
                "9007199254740993",
            ),
            ("99.99", "0.01", "100.00", "0.9999"),
            ("1e3", "1", "1001", "1000"),
        ] {
            assert_eq!(exact(left).add(&exact(right)).unwrap().to_text(), sum);
            assert_eq!(
                exact(left).multiply(&exact(right)).unwrap().to_text(),
                product
            );
        }
    }

    #[test]
    fn rounding_says_which_way_a_half_goes() {
        use Rounding::{Ceiling, Down, Floor, HalfEven, HalfUp, Up};
        for (text, places, rounding, expected) in [
            ("2.5", 0, HalfUp, "3"),
            ("2.5", 0, HalfEven, "2"),
            ("3.5", 0, HalfEven, "4"),
            ("-2.5", 0, HalfUp, "-3"),
            ("2.509", 1, Down, "2.5"),
            ("2.501", 1, Up, "2.6"),
            ("-2.51", 1, Floor, "-2.6"),
            ("-2.51", 1, Ceiling, "-2.5"),
            ("1.005", 2, HalfUp, "1.01"),
            ("0.004", 2, HalfUp, "0.00"),
            ("0.006", 2, HalfUp, "0.01"),
            ("0.06", 0, HalfUp, "0"),
            ("999.995", 2, HalfUp, "1000.00"),
            ("1250", -2, HalfEven, "1200"),
            ("7", 2, HalfUp, "7.00"),
        ] {
            assert_eq!(
                exact(text).round(places, rounding).unwrap().to_text(),
                expected,
                "{text} to {places}"
            );
        }
    }

    proptest! {
        #[test]
        fn arithmetic_agrees_with_whole_numbers(a in -1_000_000_000_000i64..1_000_000_000_000, b in -1_000_000i64..1_000_000, places in 0u32..6) {
            let scale = |n: i64| exact(&format!("{n}e-{places}"));
            let sum = scale(a).add(&scale(b)).unwrap();
            prop_assert_eq!(sum.trimmed(), scale(a + b).trimmed());
            let product = exact(&a.to_string()).multiply(&exact(&b.to_string())).unwrap();
            prop_assert_eq!(product.to_text(), (i128::from(a) * i128::from(b)).to_string());
        }

        #[test]
        fn any_number_is_taken_or_refused_without_panic(text in "-?[0-9]{1,30}(\\.[0-9]{1,30})?(e-?[0-9]{1,4})?", places in -500i32..500) {
            if let Some(number) = Exact::parse(&text) {
                let _ = number.round(places, Rounding::HalfEven).map(|n| n.to_text());
                let _ = number.multiply(&number).and_then(|n| n.add(&number));
            }
        }
    }
}
