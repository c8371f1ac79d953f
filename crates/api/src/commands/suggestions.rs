//! Pairs of fields that may belong together, with what makes it likely.

use mapping::suggest::Candidate;
use model::mapping::{Mapping, Origin, Rule};
use model::value::Value;

use crate::app::App;
use crate::commands::mapping::{Desk, desk, mappable};
use crate::error::ApiError;
#[allow(clippy::wildcard_imports, reason = "most views of a noun are used")]
use crate::views::*;

type Result<T> = std::result::Result<T, ApiError>;

pub(crate) async fn suggest_mapping(app: &App, request: SuggestMapping) -> Result<SuggestionList> {
    let desk = desk(app, request.sync, Some(request.mapping)).await?;
    let source: Vec<Candidate> = desk
        .source
        .schema
        .walk()
        .into_iter()
        .map(|(path, field)| Candidate {
            samples: desk
                .samples
                .records
                .iter()
                .filter_map(|record| record.fields.at(&path))
                .filter(|value| !value.is_empty())
                .cloned()
                .collect(),
            field: field.clone(),
            path,
        })
        .collect();
    let target: Vec<Candidate> = mappable(&desk.target)
        .into_iter()
        .filter(|(path, _)| {
            !desk
                .document
                .mapping
                .rules
                .iter()
                .any(|rule| &rule.target == path)
        })
        .map(|(path, field)| Candidate {
            path,
            field: field.clone(),
            samples: Vec::new(),
        })
        .collect();
    let options = mapping::suggest::Options::default();
    let found = mapping::suggest::suggest(&source, &target, &options);
    let suggestions = found
        .rules
        .into_iter()
        .map(|suggestion| {
            let (sample_in, sample_out) = try_rule(&desk, &suggestion.rule);
            let is_key = desk
                .target
                .schema
                .at(&suggestion.rule.target)
                .is_some_and(|field| field.key);
            Suggestion {
                ticked: suggestion.score >= options.threshold && !is_key,
                score: suggestion.score,
                reasons: suggestion
                    .reasons
                    .into_iter()
                    .map(|reason| reason.text)
                    .collect(),
                sample_in,
                sample_out,
                rule: suggestion.rule,
            }
        })
        .collect();
    Ok(SuggestionList { suggestions })
}

/// What a proposed rule makes of the first sample that has a value.
fn try_rule(desk: &Desk, rule: &Rule) -> (Option<serde_json::Value>, Option<serde_json::Value>) {
    let alone = Mapping {
        version: desk.document.mapping.version,
        rules: vec![rule.clone()],
    };
    let compiled = mapping::compile(
        &alone,
        &desk.source.schema,
        &desk.target.schema,
        mapping::Purpose::Update,
    );
    let Some(program) = compiled.program else {
        return (None, None);
    };
    let has_value = |record: &Value| match &rule.origin {
        Origin::Fields { paths } => paths
            .iter()
            .any(|path| record.at(path).is_some_and(|value| !value.is_empty())),
        Origin::Constant { .. } | Origin::Expression { .. } => true,
    };
    let Some(record) = desk
        .samples
        .records
        .iter()
        .find(|record| has_value(&record.fields))
    else {
        return (None, None);
    };
    let input = match &rule.origin {
        Origin::Fields { paths } => match paths.as_slice() {
            [path] => record.fields.at(path).map(Value::to_serde),
            paths => Some(
                paths
                    .iter()
                    .map(|path| {
                        record
                            .fields
                            .at(path)
                            .map_or(serde_json::Value::Null, Value::to_serde)
                    })
                    .collect(),
            ),
        },
        Origin::Constant { .. } | Origin::Expression { .. } => None,
    };
    let output = Value::Object(program.apply(&record.fields).fields)
        .at(&rule.target)
        .map(Value::to_serde);
    (input, output)
}
