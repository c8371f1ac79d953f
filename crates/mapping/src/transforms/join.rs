//! Several values into one text, and back.

use compact_str::CompactString;
use model::field::FieldType;
use model::value::Value;

use super::catalogue::{Group, Kinds, OutputKind, Param, ParamKind, Transform, eg};
use super::{Action, Made, text_of};

/// Most items that splitting may make.
const MAX_ITEMS: usize = 10_000;

pub(crate) const CONCAT: Transform = Transform {
    name: "concat",
    label: "Concatenate",
    group: Group::Text,
    summary: "Joins several fields into one text.",
    synonyms: &["combine", "merge", "append", "full name", "join fields"],
    params: &[
        Param::optional("separator", ParamKind::Text, "what to put between them").or("\" \""),
        Param::optional("skip_empty", ParamKind::Flag, "leave out what is empty").or("true"),
    ],
    input: Kinds::LIST,
    output: OutputKind::Of(FieldType::Text),
    joins: true,
    examples: &[
        eg(r#"["Ana","Souza"]"#, "{}", r#""Ana Souza""#),
        eg(r#"["Ana",null," "]"#, "{}", r#""Ana""#),
        eg(
            r#"["a",null,"b"]"#,
            r#"{"separator":",","skip_empty":false}"#,
            r#""a,,b""#,
        ),
        eg("[null,null]", "{}", "null"),
    ],
    build: |with| {
        let separator = with.text("separator").unwrap_or_default();
        let skip = with.flag("skip_empty");
        Ok(Action::plain(move |value| join(value, &separator, skip)).into())
    },
};

pub(crate) const JOIN: Transform = Transform {
    name: "join",
    label: "Join",
    group: Group::List,
    summary: "Joins the items of a list into one text.",
    synonyms: &["list to text", "implode"],
    params: &[
        Param::optional("separator", ParamKind::Text, "what to put between them").or("\", \""),
        Param::optional("skip_empty", ParamKind::Flag, "leave out what is empty").or("true"),
    ],
    input: Kinds::LIST,
    output: OutputKind::Of(FieldType::Text),
    joins: true,
    examples: &[
        eg(r#"["vip","newsletter"]"#, "{}", r#""vip, newsletter""#),
        eg("[]", "{}", "null"),
    ],
    build: |with| {
        let separator = with.text("separator").unwrap_or_default();
        let skip = with.flag("skip_empty");
        Ok(Action::plain(move |value| join(value, &separator, skip)).into())
    },
};

/// Null when nothing is left: an empty text would pass for a value.
fn join(value: Value, separator: &str, skip_empty: bool) -> Made {
    let Value::List(items) = value else {
        return Err(format!(
            "expected a list but got {}",
            crate::words::quoted(&value)
        ));
    };
    let mut out = CompactString::default();
    let mut any = false;
    for item in items {
        let text = if item.is_null() {
            CompactString::default()
        } else {
            text_of(item)?
        };
        if skip_empty && text.trim().is_empty() {
            continue;
        }
        if any {
            out.push_str(separator);
        }
        out.push_str(if skip_empty { text.trim() } else { &text });
        any = true;
    }
    Ok(if any { Value::Text(out) } else { Value::Null })
}

pub(crate) const SPLIT: Transform = Transform {
    name: "split",
    label: "Split",
    group: Group::List,
    summary: "Cuts a text into a list.",
    synonyms: &["text to list", "explode", "separate"],
    params: &[
        Param::optional("separator", ParamKind::Text, "where to cut").or("\",\""),
        Param::optional(
            "trim",
            ParamKind::Flag,
            "trim the pieces and leave out empty ones",
        )
        .or("true"),
    ],
    input: Kinds::SCALAR,
    output: OutputKind::Of(FieldType::List),
    joins: false,
    examples: &[
        eg(r#""vip, newsletter,""#, "{}", r#"["vip","newsletter"]"#),
        eg(
            r#""a;;b""#,
            r#"{"separator":";","trim":false}"#,
            r#"["a","","b"]"#,
        ),
    ],
    build: |with| {
        let separator = with.text("separator").unwrap_or_default();
        if separator.is_empty() {
            return Err(with.wrong("separator", "\"separator\" must not be empty".to_owned()));
        }
        let trim = with.flag("trim");
        Ok(Action::plain(move |value| {
            let text = text_of(value)?;
            let pieces = text
                .split(separator.as_str())
                .map(|piece| if trim { piece.trim() } else { piece })
                .filter(|piece| !trim || !piece.is_empty());
            let items: Vec<Value> = pieces.take(MAX_ITEMS + 1).map(Value::from).collect();
            if items.len() > MAX_ITEMS {
                return Err(format!("the text has more than {MAX_ITEMS} pieces"));
            }
            Ok(Value::List(items))
        })
        .into())
    },
};
