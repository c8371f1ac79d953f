//! Exact sums on decimals.

use model::field::FieldType;
use model::value::Value;

use super::catalogue::{Group, Kinds, OutputKind, Param, ParamKind, Transform, eg};
use super::with::With;
use super::{Action, Made, StepError};
use crate::arithmetic::{Exact, Rounding};
use crate::words::quoted;

const MODES: &[&str] = &["half_up", "half_even", "down", "up", "floor", "ceiling"];

pub(crate) const ROUND: Transform = Transform {
    name: "round",
    label: "Round",
    group: Group::Number,
    summary: "Rounds a number to so many digits after the point.",
    synonyms: &["decimal places", "floor", "ceil", "truncate number"],
    params: &[
        Param::optional(
            "digits",
            ParamKind::Integer,
            "digits after the point; below 0 rounds tens, hundreds …",
        )
        .or("0"),
        Param::optional("mode", ParamKind::Choice, "which way")
            .or("\"half_up\"")
            .of(MODES),
    ],
    input: Kinds::NUMBER.or(Kinds::TEXT),
    output: OutputKind::Of(FieldType::Decimal),
    joins: false,
    examples: &[
        eg("2.345", r#"{"digits":2}"#, "2.35"),
        eg("2.5", r#"{"mode":"half_even"}"#, "2"),
        eg("7", r#"{"digits":2}"#, "7.00"),
        eg(
            r#""1240000.505""#,
            r#"{"digits":2,"mode":"down"}"#,
            "1240000.50",
        ),
    ],
    build: |with| {
        let digits = fraction_digits(with, "digits")?.unwrap_or(0);
        let mode = match with.text("mode").as_deref() {
            Some("half_even") => Rounding::HalfEven,
            Some("down") => Rounding::Down,
            Some("up") => Rounding::Up,
            Some("floor") => Rounding::Floor,
            Some("ceiling") => Rounding::Ceiling,
            _ => Rounding::HalfUp,
        };
        let output = if digits <= 0 {
            FieldType::Integer
        } else {
            FieldType::Decimal
        };
        Ok(super::Recipe {
            output: Some(output),
            ..Action::plain(move |value| value_of(exact(&value)?.round(digits, mode))).into()
        })
    },
};

pub(crate) const MULTIPLY: Transform = Transform {
    name: "multiply",
    label: "Multiply",
    group: Group::Number,
    summary: "Multiplies by a number, digit by digit; by 0.01 turns cents into whole units.",
    synonyms: &["times", "divide", "scale", "cents", "percent"],
    params: &[Param::required("by", ParamKind::Number, "the factor")],
    input: Kinds::NUMBER.or(Kinds::TEXT),
    output: OutputKind::Of(FieldType::Decimal),
    joins: false,
    examples: &[
        eg("1999", r#"{"by":"0.01"}"#, "19.99"),
        eg("0.1", r#"{"by":3}"#, "0.3"),
    ],
    build: |with| {
        let factor = with
            .number("by")
            .ok_or_else(|| with.wrong("by", "\"by\" must be a number".to_owned()))?;
        Ok(Action::plain(move |value| value_of(exact(&value)?.multiply(&factor))).into())
    },
};

pub(crate) const ADD: Transform = Transform {
    name: "add",
    label: "Add",
    group: Group::Number,
    summary: "Adds a number; below 0 subtracts.",
    synonyms: &["plus", "subtract", "minus", "sum"],
    params: &[Param::required("amount", ParamKind::Number, "what to add")],
    input: Kinds::NUMBER.or(Kinds::TEXT),
    output: OutputKind::Of(FieldType::Decimal),
    joins: false,
    examples: &[
        eg("0.1", r#"{"amount":"0.2"}"#, "0.3"),
        eg("9007199254740993", r#"{"amount":-1}"#, "9007199254740992"),
    ],
    build: |with| {
        let amount = with
            .number("amount")
            .ok_or_else(|| with.wrong("amount", "\"amount\" must be a number".to_owned()))?;
        Ok(Action::plain(move |value| value_of(exact(&value)?.add(&amount))).into())
    },
};

/// A number, or a text that is exactly one.
pub(crate) fn exact(value: &Value) -> Result<Exact, String> {
    let number = match value {
        Value::Text(text) => Exact::parse(text.trim()),
        other => Exact::from_value(other),
    };
    number.ok_or_else(|| format!("{} is not a number", quoted(value)))
}

fn value_of(number: Option<Exact>) -> Made {
    number
        .and_then(|number| number.to_value())
        .ok_or_else(|| "the result has too many digits".to_owned())
}

/// A parameter that counts digits after the point.
pub(crate) fn fraction_digits(with: &With<'_>, name: &str) -> Result<Option<i32>, StepError> {
    const MOST: i64 = 50;
    match with.integer(name) {
        None => Ok(None),
        Some(n) if n.abs() > MOST => Err(with.wrong(
            name,
            format!("\"{name}\" must lie between -{MOST} and {MOST}"),
        )),
        Some(n) => Ok(i32::try_from(n).ok()),
    }
}
