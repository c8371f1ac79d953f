//! One vocabulary into another.

use std::collections::HashMap;

use compact_str::CompactString;
use model::field::FieldType;
use model::value::Value;

use super::catalogue::{Group, Kinds, OutputKind, Param, ParamKind, Transform, eg};
use super::{Action, Recipe};
use crate::words::{quoted_text, scalar_text};

enum Unknown {
    Hold,
    Pass,
    Value(Value),
}

pub(crate) const VALUE_MAP: Transform = Transform {
    name: "value_map",
    label: "Map values",
    group: Group::Lookup,
    summary: "Replaces each value by its partner in a table.",
    synonyms: &[
        "lookup",
        "picklist",
        "translate",
        "switch",
        "case",
        "enum",
        "mapping table",
    ],
    params: &[
        Param::required(
            "entries",
            ParamKind::Entries,
            "the table; \"\" stands for null and empty text",
        ),
        Param::optional(
            "unknown",
            ParamKind::Choice,
            "what to do with a value that is not in the table",
        )
        .or("\"hold\"")
        .of(&["hold", "pass", "null", "default"]),
        Param::optional(
            "default",
            ParamKind::Value,
            "the value for \"unknown\": \"default\"",
        ),
        Param::optional("ignore_case", ParamKind::Flag, "Open and open are the same").or("false"),
    ],
    input: Kinds::SCALAR,
    output: OutputKind::Of(FieldType::Any),
    joins: false,
    examples: &[
        eg(
            r#""customer""#,
            r#"{"entries":{"customer":"subscribed","churned":"unsubscribed"}}"#,
            r#""subscribed""#,
        ),
        eg(
            "true",
            r#"{"entries":{"true":"unsubscribed","false":"subscribed"}}"#,
            r#""unsubscribed""#,
        ),
        eg(
            r#""Open""#,
            r#"{"entries":{"open":1},"ignore_case":true}"#,
            "1",
        ),
        eg("null", r#"{"entries":{"":"none"}}"#, r#""none""#),
        eg(
            r#""x""#,
            r#"{"entries":{"a":"b"},"unknown":"default","default":"other"}"#,
            r#""other""#,
        ),
        eg(
            r#""x""#,
            r#"{"entries":{"a":"b"}}"#,
            "error: \"x\" is not in the table of values",
        ),
    ],
    build: |with| {
        let fold = with.flag("ignore_case");
        let key = move |text: &str| -> CompactString {
            if fold {
                text.to_lowercase().into()
            } else {
                text.into()
            }
        };
        let table: HashMap<CompactString, Value> = with
            .entries("entries")
            .iter()
            .map(|(from, to)| (key(from), Value::from_serde(to)))
            .collect();
        let unknown = match with.text("unknown").as_deref() {
            Some("pass") => Unknown::Pass,
            Some("null") => Unknown::Value(Value::Null),
            Some("default") => match with.json("default") {
                Some(value) => Unknown::Value(Value::from_serde(&value)),
                None => {
                    return Err(with.wrong(
                        "default",
                        "\"default\" is missing: the value for \"unknown\": \"default\"".to_owned(),
                    ));
                }
            },
            _ => Unknown::Hold,
        };
        let mut made: Vec<&Value> = table.values().collect();
        if let Unknown::Value(value) = &unknown {
            made.push(value);
        }
        let outputs: Vec<CompactString> =
            made.iter().filter_map(|value| scalar_text(value)).collect();
        let types: Vec<FieldType> = made
            .iter()
            .filter(|value| !value.is_null())
            .map(|value| super::empty::type_of(value))
            .collect();
        let output = match types.split_first() {
            Some((first, rest))
                if rest.iter().all(|other| other == first) && !matches!(unknown, Unknown::Pass) =>
            {
                Some(*first)
            }
            _ => None,
        };
        let outputs = if matches!(unknown, Unknown::Pass) {
            Vec::new()
        } else {
            outputs
        };
        let action = Action::whole(move |value, _| {
            if value.is_null() {
                return Ok(table.get("").cloned().unwrap_or(Value::Null));
            }
            let Some(text) = scalar_text(&value) else {
                return Err(format!(
                    "expected one value but got {}",
                    crate::words::quoted(&value)
                ));
            };
            let found = if fold {
                table.get(&key(&text))
            } else {
                table.get(&text)
            };
            let found = found.or_else(|| text.trim().is_empty().then(|| table.get("")).flatten());
            match (found, &unknown) {
                (Some(found), _) => Ok(found.clone()),
                (None, Unknown::Pass) => Ok(value),
                (None, Unknown::Value(default)) => Ok(default.clone()),
                (None, Unknown::Hold) => Err(format!(
                    "{} is not in the table of values",
                    quoted_text(&text)
                )),
            }
        });
        Ok(Recipe {
            output,
            outputs,
            ..action.into()
        })
    },
};
