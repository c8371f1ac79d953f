//! Find and replace.

use model::field::FieldType;

use super::Action;
use super::catalogue::{Group, Kinds, OutputKind, Param, ParamKind, Transform, eg};

/// Largest compiled regular expression, in bytes.
const MAX_REGEX: usize = 1 << 20;
/// Longest text that replacing may make, in bytes.
const MAX_TEXT: usize = 4 << 20;

pub(crate) const REPLACE: Transform = Transform {
    name: "replace",
    label: "Replace",
    group: Group::Text,
    summary: "Replaces every place where a text or a pattern is found.",
    synonyms: &["substitute", "regex", "find and replace", "remove"],
    params: &[
        Param::required("find", ParamKind::Text, "the text or pattern to look for"),
        Param::optional(
            "with",
            ParamKind::Text,
            "what to put there; $1 is the first group of a pattern",
        )
        .or("\"\""),
        Param::optional("regex", ParamKind::Flag, "\"find\" is a regular expression").or("false"),
    ],
    input: Kinds::SCALAR,
    output: OutputKind::Of(FieldType::Text),
    joins: false,
    examples: &[
        eg(r#""a-b-c""#, r#"{"find":"-","with":"/"}"#, r#""a/b/c""#),
        eg(
            r#""AB 123""#,
            r#"{"find":"[^0-9]+","regex":true}"#,
            r#""123""#,
        ),
        eg(
            r#""Souza, Ana""#,
            r#"{"find":"^(.*), (.*)$","with":"$2 $1","regex":true}"#,
            r#""Ana Souza""#,
        ),
    ],
    build: |with| {
        let find = with.text("find").unwrap_or_default();
        let new = with.text("with").unwrap_or_default();
        if find.is_empty() {
            return Err(with.wrong("find", "\"find\" must not be empty".to_owned()));
        }
        if with.flag("regex") {
            let pattern = regex::RegexBuilder::new(&find)
                .size_limit(MAX_REGEX)
                .build()
                .map_err(|error| {
                    let text = error.to_string();
                    let why = text
                        .lines()
                        .rev()
                        .find_map(|line| line.strip_prefix("error: "))
                        .unwrap_or("it is too large");
                    with.wrong(
                        "find",
                        format!("\"find\" is not a regular expression: {why}"),
                    )
                })?;
            return Ok(Action::text(move |text| {
                let made = pattern.replace_all(&text, new.as_str());
                match made {
                    std::borrow::Cow::Borrowed(_) => Ok(text.clone()),
                    std::borrow::Cow::Owned(made) if made.len() > MAX_TEXT => Err(too_long()),
                    std::borrow::Cow::Owned(made) => Ok(made.into()),
                }
            })
            .into());
        }
        Ok(Action::text(move |text| {
            let found = text.matches(find.as_str()).count();
            if found == 0 {
                return Ok(text);
            }
            if text.len().saturating_add(found.saturating_mul(new.len())) > MAX_TEXT {
                return Err(too_long());
            }
            Ok(text.replace(find.as_str(), &new).into())
        })
        .into())
    },
};

fn too_long() -> String {
    format!("the text would grow beyond {MAX_TEXT} bytes")
}
