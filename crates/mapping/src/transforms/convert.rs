//! From one kind to another.

use model::field::FieldType;
use model::number::Decimal;
use model::value::Value;

use super::catalogue::{Group, Kinds, OutputKind, Param, ParamKind, Transform, eg};
use super::number::exact;
use super::{Action, text_of};
use crate::words::quoted;

pub(crate) const TO_TEXT: Transform = Transform {
    name: "to_text",
    label: "To text",
    group: Group::Convert,
    summary: "Writes any value as text; lists and objects as JSON.",
    synonyms: &["string", "stringify", "json"],
    params: &[],
    input: Kinds::ANY,
    output: OutputKind::Of(FieldType::Text),
    joins: true,
    examples: &[
        eg("1.10", "{}", r#""1.10""#),
        eg("true", "{}", r#""true""#),
        eg(r#"{"a":[1]}"#, "{}", r#""{\"a\":[1]}""#),
    ],
    build: |_| {
        Ok(Action::plain(|value| {
            Ok(match value {
                Value::Text(_) => value,
                Value::List(_) | Value::Object(_) | Value::Bytes(_) => {
                    Value::from(model::json::to_string(&value))
                }
                other => Value::Text(text_of(other)?),
            })
        })
        .into())
    },
};

pub(crate) const TO_INTEGER: Transform = Transform {
    name: "to_integer",
    label: "To whole number",
    group: Group::Convert,
    summary: "Reads a whole number; refuses a fraction.",
    synonyms: &["int", "integer", "text to number"],
    params: &[],
    input: Kinds::TEXT.or(Kinds::NUMBER).or(Kinds::BOOL),
    output: OutputKind::Of(FieldType::Integer),
    joins: false,
    examples: &[
        eg(r#"" 12 ""#, "{}", "12"),
        eg("12.00", "{}", "12"),
        eg("true", "{}", "1"),
        eg(
            "12.5",
            "{}",
            "error: 12.5 is not a whole number; use the step \"round\"",
        ),
    ],
    build: |_| {
        Ok(Action::plain(|value| match value {
            Value::Int(_) | Value::UInt(_) => Ok(value),
            Value::Bool(flag) => Ok(Value::Int(i64::from(flag))),
            other => {
                let number = exact(&other)?;
                if !number.is_whole() {
                    return Err(format!(
                        "{} is not a whole number; use the step \"round\"",
                        quoted(&other)
                    ));
                }
                match number
                    .round(0, crate::arithmetic::Rounding::Down)
                    .and_then(|whole| whole.to_value())
                {
                    Some(whole @ (Value::Int(_) | Value::UInt(_))) => Ok(whole),
                    _ => Err(format!("{} does not fit in 64 bits", quoted(&other))),
                }
            }
        })
        .into())
    },
};

pub(crate) const TO_DECIMAL: Transform = Transform {
    name: "to_decimal",
    label: "To number",
    group: Group::Convert,
    summary: "Reads a number such as 1240.50 and keeps its digits.",
    synonyms: &["number", "float", "text to number", "money"],
    params: &[],
    input: Kinds::TEXT.or(Kinds::NUMBER).or(Kinds::BOOL),
    output: OutputKind::Of(FieldType::Decimal),
    joins: false,
    examples: &[
        eg(r#""1240000.50""#, "{}", "1240000.50"),
        eg("7", "{}", "7"),
        eg(
            r#""1.240,50""#,
            "{}",
            "error: \"1.240,50\" is not a number such as 1240.50; use the step \"parse_number\"",
        ),
    ],
    build: |_| {
        Ok(Action::plain(|value| match value {
            Value::Int(_) | Value::UInt(_) | Value::Decimal(_) => Ok(value),
            Value::Bool(flag) => Ok(Value::Int(i64::from(flag))),
            other => {
                let decimal = match &other {
                    Value::Text(text) => Decimal::parse(text.trim()),
                    Value::Float(float) => Decimal::from_f64(*float),
                    _ => None,
                };
                decimal.map(Value::Decimal).ok_or_else(|| {
                    format!(
                        "{} is not a number such as 1240.50; use the step \"parse_number\"",
                        quoted(&other)
                    )
                })
            }
        })
        .into())
    },
};

pub(crate) const TO_BOOL: Transform = Transform {
    name: "to_bool",
    label: "To true/false",
    group: Group::Convert,
    summary: "Reads words such as yes and no, or 1 and 0, as true and false.",
    synonyms: &["boolean", "yes no", "flag", "checkbox"],
    params: &[
        Param::optional(
            "true",
            ParamKind::TextList,
            "the words that mean true; case does not count",
        )
        .or(r#"["true","yes","y","1","on","t","ja","oui","si","sí","sim"]"#),
        Param::optional("false", ParamKind::TextList, "the words that mean false")
            .or(r#"["false","no","n","0","off","f","nein","non","não"]"#),
    ],
    input: Kinds::TEXT.or(Kinds::NUMBER).or(Kinds::BOOL),
    output: OutputKind::Of(FieldType::Bool),
    joins: false,
    examples: &[
        eg(r#""Yes""#, "{}", "true"),
        eg("0", "{}", "false"),
        eg(r#""opted in""#, r#"{"true":"opted in"}"#, "true"),
        eg(
            r#""maybe""#,
            "{}",
            "error: \"maybe\" means neither true nor false here",
        ),
    ],
    build: |with| {
        let lower = |name: &str| -> Vec<String> {
            with.texts(name)
                .iter()
                .map(|word| word.to_lowercase())
                .collect()
        };
        let (yes, no) = (lower("true"), lower("false"));
        Ok(Action::plain(move |value| {
            if let Value::Bool(_) = value {
                return Ok(value);
            }
            let text = text_of(value)?;
            let word = text.trim().to_lowercase();
            if yes.contains(&word) {
                Ok(Value::Bool(true))
            } else if no.contains(&word) {
                Ok(Value::Bool(false))
            } else {
                Err(format!(
                    "{} means neither true nor false here",
                    crate::words::quoted_text(&text)
                ))
            }
        })
        .into())
    },
};

pub(crate) const TO_LIST: Transform = Transform {
    name: "to_list",
    label: "To list",
    group: Group::Convert,
    summary: "Makes a list of one; a list stays as it is.",
    synonyms: &["array", "wrap", "several fields to list"],
    params: &[],
    input: Kinds::ANY,
    output: OutputKind::Of(FieldType::List),
    joins: true,
    examples: &[
        eg(r#""vip""#, "{}", r#"["vip"]"#),
        eg("[1,2]", "{}", "[1,2]"),
    ],
    build: |_| {
        Ok(Action::plain(|value| {
            Ok(match value {
                Value::List(_) => value,
                other => Value::List(vec![other]),
            })
        })
        .into())
    },
};
