//! Countries.

use compact_str::CompactString;
use model::field::FieldType;

use super::Action;
use super::catalogue::{Group, Kinds, OutputKind, Param, ParamKind, Transform, eg};
use crate::words::quoted_text;

pub(crate) const COUNTRY_CODE: Transform = Transform {
    name: "country_code",
    label: "Country code",
    group: Group::Lookup,
    summary: "Turns the name of a country, in English or its own language, into its code.",
    synonyms: &["iso 3166", "country name", "nation", "land"],
    params: &[Param::optional(
        "letters",
        ParamKind::Choice,
        "two letters (DE) or three (DEU)",
    )
    .or("\"2\"")
    .of(&["2", "3"])],
    input: Kinds::TEXT,
    output: OutputKind::Of(FieldType::Text),
    joins: false,
    examples: &[
        eg(r#""Brazil""#, "{}", r#""BR""#),
        eg(r#""Deutschland""#, "{}", r#""DE""#),
        eg(r#""españa""#, r#"{"letters":"3"}"#, r#""ESP""#),
        eg(r#""gb""#, "{}", r#""GB""#),
        eg(r#""The Netherlands""#, "{}", r#""NL""#),
        eg(
            r#""Atlantis""#,
            "{}",
            "error: \"Atlantis\" is not a country that is known here",
        ),
    ],
    build: |with| {
        let three = with.text("letters").as_deref() == Some("3");
        Ok(Action::text(move |text| {
            let country = crate::countries::find(&text).ok_or_else(|| {
                format!("{} is not a country that is known here", quoted_text(&text))
            })?;
            Ok(CompactString::const_new(if three {
                country.alpha3
            } else {
                country.alpha2
            }))
        })
        .into())
    },
};
