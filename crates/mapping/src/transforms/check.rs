//! Conditions that a value must meet.

use super::Action;
use super::catalogue::{Group, Kinds, OutputKind, Param, ParamKind, Transform, eg};

pub(crate) const REQUIRE: Transform = Transform {
    name: "require",
    label: "Require",
    group: Group::Logic,
    summary: "Fails where the value is empty, so that the rule's \"on failure\" decides.",
    synonyms: &["must have", "not empty", "assert", "validate"],
    params: &[Param::optional("message", ParamKind::Text, "what to say then").or("\"is empty\"")],
    input: Kinds::ANY,
    output: OutputKind::Same,
    joins: false,
    examples: &[
        eg(r#""x""#, "{}", r#""x""#),
        eg(
            "null",
            r#"{"message":"needs a company"}"#,
            "error: needs a company",
        ),
    ],
    build: |with| {
        let message = with.text("message").unwrap_or_default();
        Ok(Action::whole(move |value, _| {
            if super::empty::is_blank(&value) {
                Err(message.clone())
            } else {
                Ok(value)
            }
        })
        .into())
    },
};
