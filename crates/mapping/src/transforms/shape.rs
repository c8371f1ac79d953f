//! Part of a text, padded text, and its length.

use compact_str::CompactString;
use model::field::FieldType;
use model::value::Value;

use super::catalogue::{Group, Kinds, OutputKind, Param, ParamKind, Transform, eg};
use super::{Action, text_of};

/// Longest text that padding may make, in characters.
const MAX_LENGTH: usize = 100_000;

pub(crate) const SLICE: Transform = Transform {
    name: "slice",
    label: "Slice",
    group: Group::Text,
    summary: "Keeps part of a text, counted in characters.",
    synonyms: &["substring", "truncate", "cut", "shorten", "left", "limit"],
    params: &[
        Param::required("length", ParamKind::Integer, "how many characters to keep"),
        Param::optional(
            "start",
            ParamKind::Integer,
            "where to start, from 0; below 0 counts from the end",
        )
        .or("0"),
    ],
    input: Kinds::SCALAR,
    output: OutputKind::Of(FieldType::Text),
    joins: false,
    examples: &[
        eg(r#""São Paulo""#, r#"{"length":3}"#, r#""São""#),
        eg(r#""São Paulo""#, r#"{"start":4,"length":99}"#, r#""Paulo""#),
        eg(r#""20794600""#, r#"{"start":-4,"length":4}"#, r#""4600""#),
    ],
    build: |with| {
        let length = with.count("length", usize::MAX)?.unwrap_or(0);
        let start = with.integer("start").unwrap_or(0);
        Ok(Action::text(move |text| {
            if start == 0 && text.len() <= length {
                return Ok(text);
            }
            let skip = match usize::try_from(start) {
                Ok(start) => start,
                Err(_) => {
                    let back = usize::try_from(start.unsigned_abs()).unwrap_or(usize::MAX);
                    text.chars().count().saturating_sub(back)
                }
            };
            Ok(text.chars().skip(skip).take(length).collect())
        })
        .into())
    },
};

pub(crate) const PAD: Transform = Transform {
    name: "pad",
    label: "Pad",
    group: Group::Text,
    summary: "Fills a text up to a length.",
    synonyms: &["leading zeros", "zfill", "fill"],
    params: &[
        Param::required(
            "length",
            ParamKind::Integer,
            "the length to reach, in characters",
        ),
        Param::optional("with", ParamKind::Text, "what to fill with").or("\" \""),
        Param::optional("side", ParamKind::Choice, "where to fill")
            .or("\"left\"")
            .of(&["left", "right"]),
    ],
    input: Kinds::SCALAR,
    output: OutputKind::Of(FieldType::Text),
    joins: false,
    examples: &[
        eg("42", r#"{"length":5,"with":"0"}"#, r#""00042""#),
        eg(
            r#""ab""#,
            r#"{"length":4,"side":"right","with":"."}"#,
            r#""ab..""#,
        ),
        eg(r#""long enough""#, r#"{"length":4}"#, r#""long enough""#),
    ],
    build: |with| {
        let length = with.count("length", MAX_LENGTH)?.unwrap_or(0);
        let fill = with.text("with").unwrap_or_default();
        if fill.is_empty() {
            return Err(with.wrong("with", "\"with\" must not be empty".to_owned()));
        }
        let right = with.text("side").as_deref() == Some("right");
        Ok(Action::text(move |text| {
            let missing = length.saturating_sub(text.chars().count());
            if missing == 0 {
                return Ok(text);
            }
            let padding: CompactString = fill.chars().cycle().take(missing).collect();
            Ok(if right {
                text + &padding
            } else {
                padding + &text
            })
        })
        .into())
    },
};

pub(crate) const LENGTH: Transform = Transform {
    name: "length",
    label: "Length",
    group: Group::Text,
    summary: "Counts the characters of a text.",
    synonyms: &["count characters", "len"],
    params: &[],
    input: Kinds::SCALAR,
    output: OutputKind::Of(FieldType::Integer),
    joins: false,
    examples: &[eg(r#""São""#, "{}", "3")],
    build: |_| {
        Ok(Action::plain(|value| {
            let count = text_of(value)?.chars().count();
            Ok(Value::Int(i64::try_from(count).unwrap_or(i64::MAX)))
        })
        .into())
    },
};
