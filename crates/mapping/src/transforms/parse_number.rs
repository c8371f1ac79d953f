//! Numbers as people write them.

use model::field::FieldType;
use model::value::Value;

use super::catalogue::{Group, Kinds, OutputKind, Param, ParamKind, Transform, eg};
use super::{Action, Made, text_of};
use crate::arithmetic::Exact;
use crate::words::quoted_text;

/// Longest text that is read as a number.
const MAX_TEXT: usize = 200;

pub(crate) const PARSE_NUMBER: Transform = Transform {
    name: "parse_number",
    label: "Parse number",
    group: Group::Number,
    summary: "Reads a number from text: grouping, decimal comma, currency signs, percent and brackets for minus.",
    synonyms: &["text to number", "money", "amount", "price", "currency"],
    params: &[Param::optional(
        "decimal",
        ParamKind::Choice,
        "the decimal separator; auto refuses what could be either",
    )
    .or("\"auto\"")
    .of(&["auto", ".", ","])],
    input: Kinds::TEXT.or(Kinds::NUMBER),
    output: OutputKind::Of(FieldType::Decimal),
    joins: false,
    examples: &[
        eg(r#""€ 1.240.000,50""#, "{}", "1240000.50"),
        eg(r#""1,240.5 USD""#, "{}", "1240.5"),
        eg(r#""(12.00)""#, "{}", "-12.00"),
        eg(r#""1.234""#, r#"{"decimal":","}"#, "1234"),
        eg(
            r#""1.234""#,
            "{}",
            "error: \"1.234\" could be 1234 or 1.234; set the decimal separator",
        ),
        eg(r#""n/a""#, "{}", "error: \"n/a\" is not a number"),
    ],
    build: |with| {
        let decimal = with.text("decimal").and_then(|text| match text.as_str() {
            "." => Some('.'),
            "," => Some(','),
            _ => None,
        });
        Ok(Action::plain(move |value| match value {
            Value::Int(_) | Value::UInt(_) | Value::Decimal(_) | Value::Float(_) => Ok(value),
            other => parse(&text_of(other)?, decimal),
        })
        .into())
    },
};

fn parse(text: &str, decimal: Option<char>) -> Made {
    let fail = || format!("{} is not a number", quoted_text(text));
    if text.len() > MAX_TEXT {
        return Err(fail());
    }
    let body = text.trim();
    let (negative, body) = match body
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
    {
        Some(inner) => (true, inner),
        None => (false, body),
    };
    // Signs, currency signs and codes may stand at either end, and nowhere else.
    let around = |c: char| c.is_whitespace() || c.is_alphabetic() || "$€£¥₹₽₩₺₪฿₫₱₦₴%".contains(c);
    let (percent, body) = (body.trim_end().ends_with('%'), body.trim_matches(around));
    let (minus, body) = match body.strip_prefix(['-', '−']) {
        Some(rest) => (true, rest),
        None => (false, body.strip_prefix('+').unwrap_or(body)),
    };
    let (minus, body) = match body.strip_suffix('-') {
        Some(rest) if !minus => (true, rest),
        _ => (minus, body),
    };
    let body = body.trim_matches(around);
    if !body.chars().any(|c| c.is_ascii_digit()) {
        return Err(fail());
    }
    let decimal = match decimal {
        Some(decimal) => Some(decimal),
        None => guess(body).map_err(|()| {
            let digits: String = body.chars().filter(char::is_ascii_digit).collect();
            let point = body.replace(',', ".");
            format!(
                "{} could be {digits} or {point}; set the decimal separator",
                quoted_text(text)
            )
        })?,
    };
    let mut plain = String::with_capacity(body.len());
    if negative != minus {
        plain.push('-');
    }
    let mut fraction = false;
    for c in body.chars() {
        match c {
            '0'..='9' => plain.push(c),
            _ if Some(c) == decimal && !fraction => {
                if plain.is_empty() || plain == "-" {
                    plain.push('0');
                }
                fraction = true;
                plain.push('.');
            }
            '.' | ',' | '\'' | '’' | '_' | ' ' | '\u{a0}' | '\u{202f}' if !fraction => {}
            _ => return Err(fail()),
        }
    }
    let plain = plain.trim_end_matches('.');
    let unsigned = plain.strip_prefix('-').unwrap_or(plain);
    let whole = unsigned.split('.').next().unwrap_or_default();
    let zeros = whole.len() - whole.trim_start_matches('0').len().max(1).min(whole.len());
    let kept = unsigned.get(zeros..).unwrap_or(unsigned);
    let sign = if plain.starts_with('-') { "-" } else { "" };
    let number = Exact::parse(&format!("{sign}{kept}")).ok_or_else(fail)?;
    let number = if percent {
        Exact::parse("0.01").and_then(|hundredth| number.multiply(&hundredth))
    } else {
        Some(number)
    };
    number.and_then(|number| number.to_value()).ok_or_else(fail)
}

/// The decimal separator that the text shows; an error where it could be either.
fn guess(body: &str) -> Result<Option<char>, ()> {
    let (dots, commas) = (body.matches('.').count(), body.matches(',').count());
    let last = body.rfind(['.', ',']);
    let after = last.map_or(0, |at| body.get(at + 1..).unwrap_or_default().len());
    let sign = last
        .and_then(|at| body.get(at..))
        .and_then(|rest| rest.chars().next());
    match (dots, commas) {
        (0, 0) => Ok(None),
        (1, 0) | (0, 1) => {
            let before = last.and_then(|at| body.get(..at)).unwrap_or_default();
            let digits = before.chars().filter(char::is_ascii_digit).count();
            if after == 3 && (1..=3).contains(&digits) && !before.starts_with('0') {
                return Err(());
            }
            Ok(sign)
        }
        (0, _) | (_, 0) => Ok(None),
        _ => Ok(sign),
    }
}
