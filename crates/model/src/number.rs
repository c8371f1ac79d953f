//! Decimal numbers that keep their digits.

use std::cmp::Ordering;
use std::fmt;

use compact_str::CompactString;

/// A decimal number exactly as it was written: `1.10` stays `1.10`, `1e400` is not infinity.
///
/// The text is always a JSON number. Equality is to the letter; [`Decimal::normalised`] compares amounts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Decimal(CompactString);

/// Longest number that is accepted: longer ones are somebody's attack, not an amount.
pub const MAX_DIGITS: usize = 400;

impl Decimal {
    /// Takes a JSON number as it is; none if it is not one or longer than [`MAX_DIGITS`].
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() <= MAX_DIGITS && is_json_number(text.as_bytes())).then(|| Self(text.into()))
    }

    /// The shortest decimal that reads back as `float`; none for NaN and infinities.
    pub fn from_f64(float: f64) -> Option<Self> {
        if !float.is_finite() {
            return None;
        }
        let mut buffer = ryu::Buffer::new();
        Some(Self(buffer.format_finite(float).into()))
    }

    /// The digits as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest floating point number.
    pub fn to_f64(&self) -> f64 {
        self.0.parse().unwrap_or(f64::NAN)
    }

    /// The one spelling of this amount: no exponent within reason, no trailing zeros, no `-0`.
    pub fn normalised(&self) -> CompactString {
        let Parts {
            negative,
            digits,
            exponent,
        } = self.parts();
        if digits.is_empty() {
            return "0".into();
        }
        let mut out = CompactString::default();
        if negative {
            out.push('-');
        }
        // Beyond this many zeros the exponent form is kept, so that 1e300 stays small.
        const MAX_ZEROS: i64 = 64;
        if (0..=MAX_ZEROS).contains(&exponent) {
            out.push_str(&digits);
            for _ in 0..exponent {
                out.push('0');
            }
        } else if (-MAX_ZEROS - digits.len() as i64..0).contains(&exponent) {
            let point = digits.len() as i64 + exponent;
            if point > 0 {
                let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
                out.push_str(whole);
                out.push('.');
                out.push_str(fraction);
            } else {
                out.push_str("0.");
                for _ in 0..-point {
                    out.push('0');
                }
                out.push_str(&digits);
            }
        } else {
            out.push_str(&digits);
            out.push('e');
            out.push_str(&exponent.to_string());
        }
        out
    }

    /// Sign, significant digits without zeros at either end, and power of ten.
    fn parts(&self) -> Parts {
        let text = self.0.as_str();
        let (negative, text) = text
            .strip_prefix('-')
            .map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent: i64 = exponent.trim_start_matches('+').parse().unwrap_or(0);
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut digits = String::with_capacity(whole.len() + fraction.len());
        digits.push_str(whole);
        digits.push_str(fraction);
        let mut exponent = exponent.saturating_sub(fraction.len() as i64);
        let kept = digits.trim_end_matches('0').len();
        exponent = exponent.saturating_add((digits.len() - kept) as i64);
        digits.truncate(kept);
        let digits = digits.trim_start_matches('0').to_owned();
        Parts {
            negative,
            digits,
            exponent,
        }
    }

    /// Compares amounts.
    pub fn compare(&self, other: &Self) -> Ordering {
        let (left, right) = (self.parts(), other.parts());
        let sign = |p: &Parts| match (p.digits.is_empty(), p.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let magnitude = |p: &Parts| p.digits.len() as i64 + p.exponent;
        sign(&left).cmp(&sign(&right)).then_with(|| {
            let by_size = magnitude(&left)
                .cmp(&magnitude(&right))
                .then_with(|| left.digits.cmp(&right.digits));
            if left.negative {
                by_size.reverse()
            } else {
                by_size
            }
        })
    }
}

struct Parts {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_json_number(text: &[u8]) -> bool {
    fn digits(text: &[u8]) -> Option<&[u8]> {
        let n = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (n > 0).then(|| text.get(n..)).flatten()
    }
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let rest = match text {
        [b'0', rest @ ..] => rest,
        _ => match digits(text) {
            Some(rest) => rest,
            None => return false,
        },
    };
    let rest = match rest {
        [b'.', rest @ ..] => match digits(rest) {
            Some(rest) => rest,
            None => return false,
        },
        _ => rest,
    };
    match rest {
        [] => true,
        [b'e' | b'E', b'+' | b'-', rest @ ..] | [b'e' | b'E', rest @ ..] => {
            digits(rest).is_some_and(<[u8]>::is_empty)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_decimal_keeps_its_digits_and_has_one_normal_spelling() {
        for (written, normal) in [
            ("1.10", "1.1"),
            ("0.00", "0"),
            ("-0.0", "0"),
            ("1e2", "100"),
            ("1240000.50", "1240000.5"),
            ("-12.5e-3", "-0.0125"),
            ("100", "100"),
            ("1e400", "1e400"),
        ] {
            let decimal = Decimal::parse(written).unwrap();
            assert_eq!(decimal.as_str(), written);
            assert_eq!(decimal.normalised(), normal, "{written}");
        }
    }

    #[test]
    fn what_is_not_a_json_number_is_refused() {
        for text in [
            "",
            "-",
            "01",
            "1.",
            ".5",
            "1e",
            "+1",
            "NaN",
            "1 ",
            "0x1",
            &"9".repeat(401),
        ] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn order_agrees_with_integers(a in -10_000i64..10_000, b in -10_000i64..10_000, shift in 0usize..4) {
            let zeros = "0".repeat(shift);
            let left = Decimal::parse(&format!("{a}.{zeros}0")).unwrap();
            let right = Decimal::parse(&format!("{b}")).unwrap();
            prop_assert_eq!(left.compare(&right), a.cmp(&b));
        }
    }
}
