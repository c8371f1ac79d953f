//! Stand-ins for values that must not be passed on.

use model::field::FieldType;
use model::value::Value;
use sha2::{Digest as _, Sha256};

use super::Action;
use super::catalogue::{Group, Kinds, OutputKind, Param, ParamKind, Transform, eg};

pub(crate) const HASH: Transform = Transform {
    name: "hash",
    label: "Hash",
    group: Group::Privacy,
    summary: "Replaces a value by its SHA-256 in hexadecimal: equal values stay equal and cannot be read back.",
    synonyms: &["sha256", "anonymise", "pseudonymise", "encrypt", "digest"],
    params: &[Param::optional(
        "salt",
        ParamKind::Text,
        "a text to put before the value, so that nobody can try all of them",
    )
    .or("\"\"")],
    input: Kinds::ANY,
    output: OutputKind::Of(FieldType::Text),
    joins: true,
    examples: &[eg(
        r#""ana@example.com""#,
        "{}",
        r#""8e43ca37701228e74983efdbd0cff5c16b3b1e5d4e29a7c05626d4d25a018e11""#,
    )],
    build: |with| {
        let salt = with.text("salt").unwrap_or_default();
        Ok(Action::plain(move |value| {
            let mut digest = Sha256::new();
            digest.update(salt.as_bytes());
            match crate::words::scalar_text(&value) {
                Some(text) => digest.update(text.as_bytes()),
                None => digest.update(model::json::to_string(&value).as_bytes()),
            }
            Ok(Value::from(hex::encode(digest.finalize())))
        })
        .into())
    },
};
