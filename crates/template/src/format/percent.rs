//! `'%s of %d' % (a, b)`

use num_bigint::BigInt;
use num_traits::Signed as _;

use super::spec::{exponent, fixed, general, pad};
use crate::error::{Fallible, Fault};
use crate::run::Machine;
use crate::value::number::Num;
use crate::value::{Val, print};

/// `format % values`
pub(crate) fn format<'r>(m: &Machine<'r>, format: &Val<'r>, values: &Val<'r>) -> Fallible<Val<'r>> {
    let safe = matches!(format, Val::Markup(_));
    let text = format.as_str().unwrap_or_default();
    let settled = m.settled(values);
    let items = match &settled {
        Val::Tuple(tuple) => tuple.items.clone(),
        other => vec![other.clone()],
    };
    let is_mapping = matches!(
        settled,
        Val::Ref(_)
            | Val::Lazy(_)
            | Val::List(_)
            | Val::Dict(_)
            | Val::Undefined(_)
            | Val::Bytes(_)
    );
    let mut values = Values {
        items: items.into_iter(),
        mapping: is_mapping.then_some(settled),
        safe,
    };
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (plain, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        m.append(&mut out, plain)?;
        rest = one(m, tail.get(1..).unwrap_or_default(), &mut values, &mut out)?;
        m.check_length(&out)?;
    }
    m.append(&mut out, rest)?;
    if values.mapping.is_none() && values.items.next().is_some() {
        return Err(Fault::wrong_type(
            "not all arguments converted during string formatting",
        ));
    }
    Ok(if safe {
        Val::Markup(out.into())
    } else {
        Val::text(out)
    })
}

struct Values<'r> {
    items: std::vec::IntoIter<Val<'r>>,
    mapping: Option<Val<'r>>,
    safe: bool,
}

impl<'r> Values<'r> {
    fn next(&mut self) -> Fallible<Val<'r>> {
        self.items
            .next()
            .ok_or_else(|| Fault::wrong_type("not enough arguments for format string"))
    }

    fn whole(&mut self) -> Fallible<i64> {
        match self.next()? {
            Val::Int(n) => Ok(n),
            Val::Bool(flag) => Ok(i64::from(flag)),
            _ => Err(Fault::wrong_type("* wants int")),
        }
    }
}

/// Writes what stands behind a `%`; gives what follows it.
fn one<'t, 'r>(
    m: &Machine<'r>,
    text: &'t str,
    values: &mut Values<'r>,
    out: &mut String,
) -> Fallible<&'t str> {
    let incomplete = || Fault::value("incomplete format");
    let mut rest = text;
    let mut named = None;
    if let Some(inner) = rest.strip_prefix('(') {
        let mut open = 1;
        let end = inner.char_indices().find(|(_, c)| {
            open += match c {
                '(' => 1,
                ')' => -1,
                _ => 0,
            };
            open == 0
        });
        let (end, _) = end.ok_or_else(|| Fault::value("incomplete format key"))?;
        let name = inner.get(..end).unwrap_or_default();
        rest = inner.get(end + 1..).unwrap_or_default();
        let Some(mapping) = &values.mapping else {
            return Err(Fault::wrong_type("format requires a mapping"));
        };
        if let Val::Undefined(missing) = mapping {
            return Err(m.undefined_fault(missing));
        }
        if !matches!(mapping.type_name(), "dict") {
            return Err(Fault::wrong_type(format!(
                "{} indices must be integers or slices, not str",
                mapping.type_name()
            )));
        }
        named = Some(
            m.item(mapping, &Val::text(name))?
                .ok_or_else(|| Fault::lookup(format!("'{name}'")))?,
        );
    }
    let flags_end = rest
        .find(|c| !matches!(c, '-' | '+' | ' ' | '#' | '0'))
        .ok_or_else(incomplete)?;
    let (flags, after) = rest.split_at_checked(flags_end).ok_or_else(incomplete)?;
    rest = after;
    let mut left = flags.contains('-');
    let number = |rest: &mut &'t str, values: &mut Values<'r>| -> Fallible<Option<i64>> {
        if let Some(after) = rest.strip_prefix('*') {
            *rest = after;
            return values.whole().map(Some);
        }
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .ok_or_else(incomplete)?;
        let (digits, after) = rest.split_at_checked(end).ok_or_else(incomplete)?;
        *rest = after;
        if digits.is_empty() {
            return Ok(None);
        }
        let n: i64 = digits.parse().map_err(|_| Fault::value("width too big"))?;
        Ok(Some(n))
    };
    let mut width = number(&mut rest, values)?.unwrap_or(0);
    if width < 0 {
        left = true;
        width = width.saturating_neg();
    }
    let mut precision = None;
    if let Some(after) = rest.strip_prefix('.') {
        rest = after;
        precision = Some(number(&mut rest, values)?.unwrap_or(0).max(0));
    }
    rest = rest.strip_prefix(['h', 'l', 'L']).unwrap_or(rest);
    let conversion = rest.chars().next().ok_or_else(incomplete)?;
    rest = rest.get(conversion.len_utf8()..).unwrap_or_default();
    let size = |n: i64| {
        usize::try_from(n)
            .ok()
            .filter(|n| *n <= 100_000)
            .ok_or_else(|| Fault::exhausted("the width of a format is too large"))
    };
    let (width, precision) = (size(width)?, precision.map(size).transpose()?);
    m.pay_for_bytes(width)?;
    if conversion == '%' && text.starts_with('%') {
        out.push('%');
        return Ok(rest);
    }
    let value = match named {
        Some(value) => value,
        None => values.next()?,
    };
    let field = Field {
        width,
        left,
        zero: flags.contains('0'),
        sign: if flags.contains('+') {
            "+"
        } else if flags.contains(' ') {
            " "
        } else {
            ""
        },
        alternate: flags.contains('#'),
        precision,
    };
    let written = match conversion {
        's' | 'r' | 'a' => {
            let mut text = String::new();
            match conversion {
                's' if values.safe => crate::filters::markup::write_escaped(m, &mut text, &value)?,
                's' => print::write_str(m, &mut text, &value)?,
                _ => print::write_repr(m, &mut text, &value)?,
            }
            if conversion == 'a' {
                text = ascii(&text);
            }
            let text = match precision {
                Some(precision) => crate::text::chars_between(&text, 0, precision),
                None => &text,
            };
            pad(text, width, ' ', if left { '<' } else { '>' })
        }
        'd' | 'i' | 'u' | 'x' | 'X' | 'o' => {
            field.whole(&whole(m, &value, conversion)?, conversion)
        }
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
            if let Val::Undefined(missing) = &value {
                return Err(m.undefined_fault(missing));
            }
            let number = Num::of(&value).ok_or_else(|| {
                Fault::wrong_type(format!("must be real number, not {}", value.type_name()))
            })?;
            field.float(number.to_f64(), conversion)
        }
        'c' => {
            let c = match (&value, value.as_str()) {
                (_, Some(text)) if crate::text::length(text) == 1 => text.to_owned(),
                (Val::Bool(flag), _) => char::from(u8::from(*flag)).to_string(),
                (Val::Int(n), _) => u32::try_from(*n)
                    .ok()
                    .and_then(char::from_u32)
                    .ok_or_else(|| Fault::overflow("%c arg not in range(0x110000)"))?
                    .to_string(),
                (Val::Big(_), _) => {
                    return Err(Fault::overflow("%c arg not in range(0x110000)"));
                }
                _ => return Err(Fault::wrong_type("%c requires int or char")),
            };
            pad(&c, width, ' ', if left { '<' } else { '>' })
        }
        other => {
            return Err(Fault::value(format!(
                "unsupported format character '{other}' ({:#x})",
                u32::from(other)
            )));
        }
    };
    out.push_str(&written);
    Ok(rest)
}

fn whole<'r>(m: &Machine<'r>, value: &Val<'r>, conversion: char) -> Fallible<BigInt> {
    let is_decimal = matches!(conversion, 'd' | 'i' | 'u');
    if let Val::Undefined(missing) = value
        && is_decimal
    {
        return Err(m.undefined_fault(missing));
    }
    match Num::of(value) {
        Some(Num::Float(float)) if is_decimal => Num::Float(float).to_big().ok_or_else(|| {
            if float.is_nan() {
                Fault::value("cannot convert float NaN to integer")
            } else {
                Fault::overflow("cannot convert float infinity to integer")
            }
        }),
        Some(number @ (Num::Int(_) | Num::Big(_))) => Ok(number.to_big().unwrap_or_default()),
        _ => Err(Fault::wrong_type(format!(
            "%{conversion} format: {} is required, not {}",
            if is_decimal {
                "a real number"
            } else {
                "an integer"
            },
            value.type_name()
        ))),
    }
}

/// What is not ASCII as an escape.
pub(crate) fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match u32::from(c) {
            ..=0x7f => out.push(c),
            code @ ..=0xff => out.push_str(&format!("\\x{code:02x}")),
            code @ ..=0xffff => out.push_str(&format!("\\u{code:04x}")),
            code => out.push_str(&format!("\\U{code:08x}")),
        }
    }
    out
}

struct Field {
    width: usize,
    left: bool,
    zero: bool,
    sign: &'static str,
    alternate: bool,
    precision: Option<usize>,
}

impl Field {
    fn whole(&self, n: &BigInt, conversion: char) -> String {
        let magnitude = n.magnitude();
        let (prefix, digits) = match conversion {
            'x' => ("0x", magnitude.to_str_radix(16)),
            'X' => ("0X", magnitude.to_str_radix(16).to_uppercase()),
            'o' => ("0o", magnitude.to_str_radix(8)),
            _ => ("", magnitude.to_str_radix(10)),
        };
        let digits = pad(&digits, self.precision.unwrap_or(0), '0', '>');
        self.signed(
            n.is_negative(),
            if self.alternate { prefix } else { "" },
            &digits,
        )
    }

    fn float(&self, float: f64, conversion: char) -> String {
        let magnitude = float.abs();
        let precision = self.precision.unwrap_or(6);
        let digits = match conversion {
            'e' => exponent(magnitude, precision, false),
            'E' => exponent(magnitude, precision, true),
            'f' | 'F' => fixed(magnitude, precision),
            _ => general(magnitude, precision, self.alternate, false),
        };
        let digits = if conversion.is_ascii_uppercase() {
            digits.to_uppercase()
        } else {
            digits
        };
        self.signed(float.is_sign_negative() && !float.is_nan(), "", &digits)
    }

    fn signed(&self, negative: bool, prefix: &str, digits: &str) -> String {
        let sign = if negative { "-" } else { self.sign };
        if self.zero && !self.left {
            let width = self.width.saturating_sub(sign.len() + prefix.len());
            return format!("{sign}{prefix}{}", pad(digits, width, '0', '>'));
        }
        let text = format!("{sign}{prefix}{digits}");
        pad(&text, self.width, ' ', if self.left { '<' } else { '>' })
    }
}
