//! What to do where there is nothing.

use model::field::FieldType;
use model::value::Value;

use super::Action;
use super::catalogue::{Group, Kinds, OutputKind, Param, ParamKind, Transform, eg};

/// Empty for a person: null, no items, no members, nothing but white space.
pub(crate) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.trim().is_empty(),
        other => other.is_empty(),
    }
}

pub(crate) const DEFAULT_IF_EMPTY: Transform = Transform {
    name: "default_if_empty",
    label: "Default if empty",
    group: Group::Logic,
    summary: "Takes another value where there is none: a missing field, null, empty text or list.",
    synonyms: &["fallback", "or", "otherwise", "ifempty", "default"],
    params: &[Param::required(
        "value",
        ParamKind::Value,
        "the value to take",
    )],
    input: Kinds::ANY,
    output: OutputKind::Same,
    joins: false,
    examples: &[
        eg("null", r#"{"value":"unknown"}"#, r#""unknown""#),
        eg(r#"" ""#, r#"{"value":"unknown"}"#, r#""unknown""#),
        eg("0", r#"{"value":1}"#, "0"),
    ],
    build: |with| {
        let default = Value::from_serde(&with.json("value").unwrap_or_default());
        Ok(Action::whole(move |value, _| {
            Ok(if is_blank(&value) {
                default.clone()
            } else {
                value
            })
        })
        .into())
    },
};

pub(crate) const DEFAULT_IF_MISSING: Transform = Transform {
    name: "default_if_missing",
    label: "Default if missing",
    group: Group::Logic,
    summary: "Takes another value only where the record has no such field; null stays null.",
    synonyms: &["absent", "not present", "undefined"],
    params: &[Param::required(
        "value",
        ParamKind::Value,
        "the value to take",
    )],
    input: Kinds::ANY,
    output: OutputKind::Same,
    joins: false,
    examples: &[
        eg("null", r#"{"value":"unknown"}"#, "null"),
        eg(r#""x""#, r#"{"value":"unknown"}"#, r#""x""#),
    ],
    build: |with| {
        let default = Value::from_serde(&with.json("value").unwrap_or_default());
        Ok(
            Action::whole(move |value, missing| Ok(if missing { default.clone() } else { value }))
                .into(),
        )
    },
};

pub(crate) const COALESCE: Transform = Transform {
    name: "coalesce",
    label: "First non-empty",
    group: Group::Logic,
    summary: "Takes the first of several fields that is not empty.",
    synonyms: &["first filled", "fallback field", "or"],
    params: &[],
    input: Kinds::LIST,
    output: OutputKind::Item,
    joins: true,
    examples: &[
        eg(r#"[null,"","b","c"]"#, "{}", r#""b""#),
        eg("[null]", "{}", "null"),
    ],
    build: |_| {
        Ok(Action::plain(|value| match value {
            Value::List(items) => Ok(items
                .into_iter()
                .find(|item| !is_blank(item))
                .unwrap_or_default()),
            other => Ok(other),
        })
        .into())
    },
};

pub(crate) const NULL_IF: Transform = Transform {
    name: "null_if",
    label: "Empty if",
    group: Group::Logic,
    summary: "Turns stand-ins for nothing, such as n/a, into null.",
    synonyms: &["nullif", "n/a", "treat as empty", "blank"],
    params: &[Param::optional(
        "values",
        ParamKind::TextList,
        "the texts that mean nothing; case and outer spaces do not count",
    )
    .or(r#"["","-","n/a","na","none","null","unknown"]"#)],
    input: Kinds::SCALAR,
    output: OutputKind::Same,
    joins: false,
    examples: &[
        eg(r#"" N/A ""#, "{}", "null"),
        eg(r#""ana""#, "{}", r#""ana""#),
        eg("0", r#"{"values":"0"}"#, "null"),
    ],
    build: |with| {
        let values: Vec<String> = with
            .texts("values")
            .iter()
            .map(|text| text.trim().to_lowercase())
            .collect();
        Ok(Action::plain(move |value| {
            let stands_for_nothing = crate::words::scalar_text(&value).is_some_and(|text| {
                let text = text.trim().to_lowercase();
                values.contains(&text)
            });
            Ok(if stands_for_nothing {
                Value::Null
            } else {
                value
            })
        })
        .into())
    },
};

/// Kept here for its kin: the type that a default has.
pub(crate) fn type_of(value: &Value) -> FieldType {
    match value {
        Value::Null => FieldType::Any,
        Value::Bool(_) => FieldType::Bool,
        Value::Int(_) | Value::UInt(_) => FieldType::Integer,
        Value::Decimal(_) => FieldType::Decimal,
        Value::Float(_) => FieldType::Float,
        Value::Text(_) => FieldType::Text,
        Value::Bytes(_) => FieldType::Bytes,
        Value::Date(_) => FieldType::Date,
        Value::Time(_) => FieldType::Time,
        Value::Timestamp(_) => FieldType::Timestamp,
        Value::List(_) => FieldType::List,
        Value::Object(_) => FieldType::Object,
    }
}
