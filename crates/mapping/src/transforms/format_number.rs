//! Numbers for people.

use model::field::FieldType;
use model::value::Value;

use super::Action;
use super::catalogue::{Group, Kinds, OutputKind, Param, ParamKind, Transform, eg};
use super::number::{exact, fraction_digits};
use crate::arithmetic::Rounding;

pub(crate) const FORMAT_NUMBER: Transform = Transform {
    name: "format_number",
    label: "Format number",
    group: Group::Number,
    summary: "Writes a number as text with separators.",
    synonyms: &["number to text", "thousands", "currency text"],
    params: &[
        Param::optional(
            "digits",
            ParamKind::Integer,
            "digits after the point; as they come where left out",
        ),
        Param::optional("decimal", ParamKind::Text, "the decimal separator").or("\".\""),
        Param::optional("grouping", ParamKind::Text, "what to put between thousands").or("\",\""),
    ],
    input: Kinds::NUMBER.or(Kinds::TEXT),
    output: OutputKind::Of(FieldType::Text),
    joins: false,
    examples: &[
        eg("1240000.5", r#"{"digits":2}"#, r#""1,240,000.50""#),
        eg(
            "-1234.56",
            r#"{"decimal":",","grouping":"."}"#,
            r#""-1.234,56""#,
        ),
        eg("999", r#"{"digits":0,"grouping":""}"#, r#""999""#),
    ],
    build: |with| {
        let digits = fraction_digits(with, "digits")?;
        let decimal = with.text("decimal").unwrap_or_default();
        let grouping = with.text("grouping").unwrap_or_default();
        Ok(Action::plain(move |value| {
            let mut number = exact(&value)?;
            if let Some(digits) = digits {
                number = number
                    .round(digits, Rounding::HalfUp)
                    .ok_or("the number is too long")?;
            }
            let (whole, fraction) = number.places();
            let mut out = String::with_capacity(whole.len() * 2);
            if number.is_negative() {
                out.push('-');
            }
            for (n, digit) in whole.chars().enumerate() {
                if n > 0 && (whole.len() - n) % 3 == 0 {
                    out.push_str(&grouping);
                }
                out.push(digit);
            }
            if !fraction.is_empty() {
                out.push_str(&decimal);
                out.push_str(&fraction);
            }
            Ok(Value::from(out))
        })
        .into())
    },
};
