//! Records that point at other records.

use model::field::FieldType;
use model::ids::SyncId;
use model::mapping::{Mapping, Rule};

use super::catalogue::{Group, Kinds, OutputKind, Param, ParamKind, Transform, eg};
use super::{Action, StepError, With};

/// The step's name; it can only be the last one.
pub(crate) const NAME: &str = "reference";

/// The key stays as it is here: only whoever runs the sync knows the counterparts
/// ([`Program::settle`](crate::program::Program::settle)).
pub(crate) const REFERENCE: Transform = Transform {
    name: NAME,
    label: "Linked record",
    group: Group::Lookup,
    summary: "Turns the key of another record of the source into the key of its counterpart, as another sync linked them.",
    synonyms: &[
        "lookup",
        "foreign key",
        "relation",
        "relationship",
        "link",
        "parent",
        "belongs to",
        "company of a contact",
    ],
    params: &[Param::required(
        "sync",
        ParamKind::Sync,
        "the sync that carries those records over",
    )],
    input: Kinds::SCALAR.or(Kinds::LIST),
    output: OutputKind::Of(FieldType::Any),
    joins: false,
    examples: &[
        eg(
            r#""co_1""#,
            r#"{"sync":"01924b6e-7a3c-7c3e-9f0a-2f1d3b5c7e90"}"#,
            r#""co_1""#,
        ),
        eg(
            r#"["co_1","co_2"]"#,
            r#"{"sync":"01924b6e-7a3c-7c3e-9f0a-2f1d3b5c7e90"}"#,
            r#"["co_1","co_2"]"#,
        ),
    ],
    build: |with: &With<'_>| {
        let text = with.text("sync").unwrap_or_default();
        text.parse::<SyncId>().map_err(|_| StepError::Parameter {
            step: NAME,
            param: "sync".to_owned(),
            message: "choose the sync that carries those records over".to_owned(),
        })?;
        Ok(Action::plain(Ok).into())
    },
};

/// The sync whose links the rule asks.
pub(crate) fn asked(rule: &Rule) -> Option<SyncId> {
    let step = rule.steps.last().filter(|step| step.name == NAME)?;
    step.with.get("sync")?.as_str()?.parse().ok()
}

/// The syncs that link the records which those of a mapping point at, each once.
pub fn refers_to(mapping: &Mapping) -> Vec<SyncId> {
    let mut syncs = Vec::new();
    for sync in mapping.rules.iter().filter_map(asked) {
        if !syncs.contains(&sync) {
            syncs.push(sync);
        }
    }
    syncs
}
