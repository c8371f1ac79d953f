//! Python's format specification: `>08,.2f`.

use num_bigint::BigInt;
use num_traits::{Signed as _, ToPrimitive as _};

use crate::error::{Fallible, Fault};
use crate::run::Machine;
use crate::value::number::Num;
use crate::value::{Val, print};

/// Widest field and most digits behind the point.
const MAX_WIDTH: usize = 100_000;
const MAX_PRECISION: usize = 1_000;

#[derive(Clone, Copy, Debug, Default)]
struct Spec {
    fill: Option<char>,
    align: Option<char>,
    sign: Option<char>,
    alternate: bool,
    zero: bool,
    width: usize,
    grouping: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

/// `format(value, spec)`
pub(crate) fn format<'r>(m: &Machine<'r>, value: &Val<'r>, spec: &str) -> Fallible<String> {
    if spec.is_empty() {
        return Ok(print::to_str(m, value)?.to_string());
    }
    match value {
        Val::Moment(moment) => return Ok(crate::dates::strftime::strftime(moment, spec)),
        Val::Date(date) => {
            let moment =
                crate::dates::Moment::new(date.to_datetime(jiff::civil::Time::midnight()), None);
            return Ok(crate::dates::strftime::strftime(&moment, spec));
        }
        _ => {}
    }
    let number = Num::of(value);
    if number.is_none() && value.as_str().is_none() {
        return Err(Fault::wrong_type(format!(
            "unsupported format string passed to {}.__format__",
            value.type_name()
        )));
    }
    let parsed = parse(spec)?;
    m.pay_for_bytes(parsed.width)?;
    if let Some(text) = value.as_str() {
        return format_text(text, parsed);
    }
    match number {
        Some(Num::Float(float)) => format_float(float, parsed),
        Some(Num::Int(n)) => format_whole(&BigInt::from(n), parsed),
        Some(Num::Big(n)) => format_whole(&n, parsed),
        None => Ok(String::new()),
    }
}

fn parse(spec: &str) -> Fallible<Spec> {
    let mut chars: std::iter::Peekable<std::str::Chars<'_>> = spec.chars().peekable();
    let mut out = Spec::default();
    let is_align = |c: char| matches!(c, '<' | '>' | '^' | '=');
    let mut ahead = spec.chars();
    match (ahead.next(), ahead.next()) {
        (Some(fill), Some(align)) if is_align(align) => {
            (out.fill, out.align) = (Some(fill), Some(align));
            chars.next();
            chars.next();
        }
        (Some(align), _) if is_align(align) => {
            out.align = Some(align);
            chars.next();
        }
        _ => {}
    }
    out.sign = chars.next_if(|c| matches!(c, '+' | '-' | ' '));
    chars.next_if_eq(&'z');
    out.alternate = chars.next_if_eq(&'#').is_some();
    out.zero = chars.next_if_eq(&'0').is_some();
    let number = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>, most: usize| {
        let mut n: Option<usize> = None;
        while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
            chars.next();
            let next = n.unwrap_or(0) * 10 + digit as usize;
            if next > most {
                return Err(Fault::exhausted(
                    "the width or precision of a format is too large",
                ));
            }
            n = Some(next);
        }
        Ok(n)
    };
    out.width = number(&mut chars, MAX_WIDTH)?.unwrap_or(0);
    out.grouping = chars.next_if(|c| matches!(c, ',' | '_'));
    if chars.next_if_eq(&'.').is_some() {
        out.precision = Some(
            number(&mut chars, MAX_PRECISION)?
                .ok_or_else(|| Fault::value("Format specifier missing precision"))?,
        );
    }
    out.kind = chars.next();
    if chars.next().is_some() {
        return Err(Fault::value(format!("Invalid format specifier '{spec}'")));
    }
    Ok(out)
}

fn unknown(kind: char, of: &str) -> Box<Fault> {
    Fault::value(format!(
        "Unknown format code '{kind}' for object of type '{of}'"
    ))
}

fn format_text(text: &str, spec: Spec) -> Fallible<String> {
    if let Some(kind) = spec.kind.filter(|kind| *kind != 's') {
        return Err(unknown(kind, "str"));
    }
    if let Some(separator) = spec.grouping {
        return Err(Fault::value(format!(
            "Cannot specify '{separator}' with 's'."
        )));
    }
    if spec.sign.is_some() {
        return Err(Fault::value("Sign not allowed in string format specifier"));
    }
    if spec.align == Some('=') {
        return Err(Fault::value(
            "'=' alignment not allowed in string format specifier",
        ));
    }
    let text = match spec.precision {
        Some(precision) => crate::text::chars_between(text, 0, precision),
        None => text,
    };
    let fill = spec.fill.unwrap_or(if spec.zero { '0' } else { ' ' });
    Ok(pad(text, spec.width, fill, spec.align.unwrap_or('<')))
}

/// Fills up to the width.
pub(crate) fn pad(text: &str, width: usize, fill: char, align: char) -> String {
    let missing = width.saturating_sub(crate::text::length(text));
    let left = match align {
        '<' => 0,
        '^' => missing / 2,
        _ => missing,
    };
    let mut out = String::with_capacity(text.len() + missing);
    out.extend(std::iter::repeat_n(fill, left));
    out.push_str(text);
    out.extend(std::iter::repeat_n(fill, missing - left));
    out
}

/// Sign, prefix and digits put together, with fill between sign and digits where that is asked for.
fn numeric(negative: bool, prefix: &str, digits: &str, spec: Spec) -> String {
    let sign = match (negative, spec.sign) {
        (true, _) => "-",
        (false, Some('+')) => "+",
        (false, Some(' ')) => " ",
        _ => "",
    };
    let align = spec.align.unwrap_or(if spec.zero { '=' } else { '>' });
    let fill = spec.fill.unwrap_or(if spec.zero { '0' } else { ' ' });
    let head = format!("{sign}{prefix}");
    if align != '=' {
        let grouped = group(digits, spec.grouping, 0, spec.kind);
        return pad(&format!("{head}{grouped}"), spec.width, fill, align);
    }
    let width = spec.width.saturating_sub(head.len());
    let grouped = group(
        digits,
        spec.grouping,
        if fill == '0' { width } else { 0 },
        spec.kind,
    );
    format!("{head}{}", pad(&grouped, width, fill, '>'))
}

/// Separators between groups of digits, filled with zeros up to `width`.
fn group(digits: &str, separator: Option<char>, width: usize, kind: Option<char>) -> String {
    let Some(separator) = separator else {
        return digits.to_owned();
    };
    let size = if matches!(kind, Some('x' | 'X' | 'o' | 'b')) {
        4
    } else {
        3
    };
    let end = digits
        .find(|c: char| !c.is_ascii_alphanumeric() || (size == 3 && !c.is_ascii_digit()))
        .unwrap_or(digits.len());
    let (whole, rest) = digits.split_at_checked(end).unwrap_or((digits, ""));
    let mut whole = whole.to_owned();
    loop {
        let mut out = String::new();
        for (n, c) in whole.chars().enumerate() {
            if n > 0 && (whole.len() - n) % size == 0 {
                out.push(separator);
            }
            out.push(c);
        }
        if out.len() + rest.len() >= width {
            return out + rest;
        }
        whole.insert(0, '0');
    }
}

fn format_whole(n: &BigInt, spec: Spec) -> Fallible<String> {
    let kind = spec.kind.unwrap_or('d');
    if matches!(kind, 'e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%') {
        return format_float(n.to_f64().unwrap_or(f64::NAN), spec);
    }
    if spec.precision.is_some() {
        return Err(Fault::value(
            "Precision not allowed in integer format specifier",
        ));
    }
    let magnitude = n.magnitude();
    let (prefix, digits) = match kind {
        'd' | 'n' => ("", magnitude.to_str_radix(10)),
        'b' => ("0b", magnitude.to_str_radix(2)),
        'o' => ("0o", magnitude.to_str_radix(8)),
        'x' => ("0x", magnitude.to_str_radix(16)),
        'X' => ("0X", magnitude.to_str_radix(16).to_uppercase()),
        'c' => {
            let c = n.to_u32().and_then(char::from_u32);
            let c = c.ok_or_else(|| Fault::overflow("%c arg not in range(0x110000)"))?;
            return Ok(pad(
                &c.to_string(),
                spec.width,
                spec.fill.unwrap_or(' '),
                spec.align.unwrap_or('<'),
            ));
        }
        kind => return Err(unknown(kind, "int")),
    };
    let prefix = if spec.alternate { prefix } else { "" };
    Ok(numeric(n.is_negative(), prefix, &digits, spec))
}

fn format_float(float: f64, spec: Spec) -> Fallible<String> {
    let magnitude = float.abs();
    let precision = spec.precision.unwrap_or(6);
    let digits = match spec.kind {
        None => match spec.precision {
            None => {
                let mut out = String::new();
                print::write_float(&mut out, magnitude);
                out
            }
            Some(precision) => general(magnitude, precision, false, true),
        },
        Some('e') => exponent(magnitude, precision, false),
        Some('E') => exponent(magnitude, precision, true),
        Some('f' | 'F') => fixed(magnitude, precision),
        Some('g' | 'n') => general(magnitude, precision, spec.alternate, false),
        Some('G') => general(magnitude, precision, spec.alternate, false).to_uppercase(),
        Some('%') => fixed(magnitude * 100.0, precision) + "%",
        Some(kind) => return Err(unknown(kind, "float")),
    };
    let digits = if float.is_finite() || !matches!(spec.kind, Some('F' | 'E' | 'G')) {
        digits
    } else {
        digits.to_uppercase()
    };
    let negative = float.is_sign_negative() && !float.is_nan();
    Ok(numeric(negative, "", &digits, spec))
}

/// `%f` of a number that is not negative.
pub(crate) fn fixed(float: f64, precision: usize) -> String {
    if !float.is_finite() {
        return if float.is_nan() { "nan" } else { "inf" }.to_owned();
    }
    format!("{float:.precision$}")
}

/// `%e` of a number that is not negative.
pub(crate) fn exponent(float: f64, precision: usize, upper: bool) -> String {
    if !float.is_finite() {
        return fixed(float, 0);
    }
    let text = format!("{float:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = exponent
        .strip_prefix('-')
        .map_or(('+', exponent), |digits| ('-', digits));
    let e = if upper { 'E' } else { 'e' };
    format!("{mantissa}{e}{sign}{digits:0>2}")
}

/// `%g` of a number that is not negative; `with_point` keeps a digit behind the point.
pub(crate) fn general(float: f64, precision: usize, alternate: bool, with_point: bool) -> String {
    if !float.is_finite() {
        return fixed(float, 0);
    }
    let precision = precision.max(1);
    let written = format!("{float:.digits$e}", digits = precision - 1);
    let power: i64 = written
        .split_once('e')
        .and_then(|(_, power)| power.parse().ok())
        .unwrap_or(0);
    let limit = i64::try_from(precision).unwrap_or(i64::MAX);
    let scientific = power < -4 || power >= if with_point { limit.max(1) } else { limit };
    let text = if scientific {
        exponent(float, precision - 1, false)
    } else {
        fixed(float, usize::try_from(limit - 1 - power).unwrap_or(0))
    };
    if alternate {
        return text;
    }
    let (mantissa, exponent) = match text.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text.as_str(), None),
    };
    let mut out = if mantissa.contains('.') {
        mantissa
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned()
    } else {
        mantissa.to_owned()
    };
    if with_point && exponent.is_none() && !out.contains('.') {
        out.push_str(".0");
    }
    if let Some(exponent) = exponent {
        out.push('e');
        out.push_str(exponent);
    }
    out
}
