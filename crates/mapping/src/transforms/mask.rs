//! Values that people may recognise but not read.

use compact_str::CompactString;
use model::field::FieldType;

use super::Action;
use super::catalogue::{Group, Kinds, OutputKind, Param, ParamKind, Transform, eg};

pub(crate) const MASK: Transform = Transform {
    name: "mask",
    label: "Mask",
    group: Group::Privacy,
    summary: "Covers all but the last characters.",
    synonyms: &["hide", "redact", "censor", "stars"],
    params: &[
        Param::optional(
            "keep",
            ParamKind::Integer,
            "how many characters at the end stay readable; at most half of them do",
        )
        .or("4"),
        Param::optional("with", ParamKind::Text, "what to cover with").or("\"*\""),
    ],
    input: Kinds::SCALAR,
    output: OutputKind::Of(FieldType::Text),
    joins: false,
    examples: &[
        eg(r#""4111111111111111""#, "{}", r#""************1111""#),
        eg(r#""abc""#, "{}", r#""**c""#),
    ],
    build: |with| {
        let keep = with.count("keep", 100)?.unwrap_or(0);
        let cover = with.text("with").unwrap_or_default();
        Ok(Action::text(move |text| {
            let length = text.chars().count();
            let covered = length - keep.min(length / 2);
            let mut out = CompactString::from(cover.repeat(covered));
            out.extend(text.chars().skip(covered));
            Ok(out)
        })
        .into())
    },
};
