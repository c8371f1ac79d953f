//! The steps that a value can take on its way.

use crate::app::App;
use crate::error::ApiError;
#[allow(clippy::wildcard_imports, reason = "most views of a noun are used")]
use crate::views::*;

type Result<T> = std::result::Result<T, ApiError>;

pub(crate) async fn list_transforms(_: &App, _: Nothing) -> Result<Vec<TransformView>> {
    Ok(mapping::transforms::catalogue()
        .iter()
        .map(transform_view)
        .collect())
}

fn transform_view(transform: &mapping::transforms::Transform) -> TransformView {
    use mapping::transforms::ParamKind;
    let json = |text: &str| serde_json::from_str(text).unwrap_or(serde_json::Value::Null);
    TransformView {
        name: transform.name.to_owned(),
        label: transform.label.to_owned(),
        group: word(&transform.group),
        summary: transform.summary.to_owned(),
        synonyms: transform
            .synonyms
            .iter()
            .map(|synonym| (*synonym).to_owned())
            .collect(),
        params: transform
            .params
            .iter()
            .map(|param| ParamView {
                name: param.name.to_owned(),
                summary: param.summary.to_owned(),
                kind: match param.kind {
                    ParamKind::Text | ParamKind::DateFormat | ParamKind::Country => {
                        ParamKindView::Text
                    }
                    ParamKind::Integer | ParamKind::Number => ParamKindView::Number,
                    ParamKind::Flag => ParamKindView::Bool,
                    ParamKind::Choice => ParamKindView::Choice,
                    ParamKind::TextList => ParamKindView::TextList,
                    ParamKind::Entries => ParamKindView::ValueTable,
                    ParamKind::Zone => ParamKindView::Zone,
                    ParamKind::Template => ParamKindView::Template,
                    ParamKind::Value | ParamKind::Steps => ParamKindView::Value,
                    ParamKind::Sync => ParamKindView::Sync,
                },
                required: param.required,
                default: param.default.map(json),
                options: param
                    .options
                    .iter()
                    .map(|option| (*option).to_owned())
                    .collect(),
            })
            .collect(),
        example: transform.examples.first().map(|example| TransformExample {
            input: json(example.input),
            step: model::mapping::Step {
                name: transform.name.to_owned(),
                with: serde_json::from_str(example.with).unwrap_or_default(),
            },
            output: json(example.output),
        }),
        output: word(&transform.output),
    }
}

/// The stable word of an enumeration.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}
