//! Capitals and small letters, in every script.

use compact_str::CompactString;
use model::field::FieldType;

use super::Action;
use super::catalogue::{Group, Kinds, OutputKind, Param, ParamKind, Transform, eg};

pub(crate) const LOWER: Transform = Transform {
    name: "lower",
    label: "Lower case",
    group: Group::Text,
    summary: "Writes every letter small.",
    synonyms: &["lowercase", "small letters", "downcase"],
    params: &[],
    input: Kinds::SCALAR,
    output: OutputKind::Of(FieldType::Text),
    joins: false,
    examples: &[
        eg(r#""Ana@Example.COM""#, "{}", r#""ana@example.com""#),
        eg(r#""ÄÖÜ""#, "{}", r#""äöü""#),
    ],
    build: |_| {
        Ok(Action::text(|mut text| {
            if text.is_ascii() {
                text.make_ascii_lowercase();
                return Ok(text);
            }
            Ok(text.to_lowercase())
        })
        .into())
    },
};

pub(crate) const UPPER: Transform = Transform {
    name: "upper",
    label: "Upper case",
    group: Group::Text,
    summary: "Writes every letter as a capital.",
    synonyms: &["uppercase", "capitals", "upcase"],
    params: &[],
    input: Kinds::SCALAR,
    output: OutputKind::Of(FieldType::Text),
    joins: false,
    examples: &[
        eg(r#""de""#, "{}", r#""DE""#),
        eg(r#""straße""#, "{}", r#""STRASSE""#),
    ],
    build: |_| {
        Ok(Action::text(|mut text| {
            if text.is_ascii() {
                text.make_ascii_uppercase();
                return Ok(text);
            }
            Ok(text.to_uppercase())
        })
        .into())
    },
};

pub(crate) const CAPITALISE: Transform = Transform {
    name: "capitalise",
    label: "Capitalise",
    group: Group::Text,
    summary: "Starts each word (or only the first) with a capital.",
    synonyms: &["capitalize", "title case", "proper case"],
    params: &[
        Param::optional("which", ParamKind::Choice, "each word or only the first")
            .or("\"words\"")
            .of(&["words", "first"]),
        Param::optional(
            "keep_rest",
            ParamKind::Flag,
            "leave the other letters as they are (McDonald)",
        )
        .or("false"),
    ],
    input: Kinds::SCALAR,
    output: OutputKind::Of(FieldType::Text),
    joins: false,
    examples: &[
        eg(r#""ana MARIA souza""#, "{}", r#""Ana Maria Souza""#),
        eg(r#""anne-marie o'neil""#, "{}", r#""Anne-Marie O'Neil""#),
        eg(
            r#""éva and ian""#,
            r#"{"which":"first"}"#,
            r#""Éva and ian""#,
        ),
        eg(r#""mcDonald""#, r#"{"keep_rest":true}"#, r#""McDonald""#),
    ],
    build: |with| {
        let words = with.text("which").as_deref() != Some("first");
        let keep = with.flag("keep_rest");
        Ok(Action::text(move |text| Ok(capitalise(&text, words, keep))).into())
    },
};

fn capitalise(text: &str, words: bool, keep: bool) -> CompactString {
    let mut out = CompactString::with_capacity(text.len());
    let mut start = true;
    for c in text.chars() {
        if !c.is_alphanumeric() {
            start = start || words;
            out.push(c);
        } else if start {
            // One letter may become two (ß, ŉ): only the first is a capital.
            let mut capitals = c.to_uppercase();
            out.extend(capitals.next());
            out.extend(capitals.flat_map(char::to_lowercase));
            start = false;
        } else if keep {
            out.push(c);
        } else {
            out.extend(c.to_lowercase());
        }
    }
    out
}
