//! A template as a step.

use model::field::FieldType;

use super::catalogue::{Group, Kinds, OutputKind, Param, ParamKind, Transform, eg};
use super::{Action, Recipe};
use crate::expression::Expression;

pub(crate) const EXPRESSION: Transform = Transform {
    name: "expression",
    label: "Expression",
    group: Group::Logic,
    summary: "Fills a template over value and record, such as {{ value | upper }}.",
    synonyms: &["template", "formula", "jinja", "function", "if"],
    params: &[Param::required(
        "template",
        ParamKind::Template,
        "the template to fill",
    )],
    input: Kinds::ANY,
    output: OutputKind::Of(FieldType::Any),
    joins: true,
    examples: &[
        eg(
            r#""ana""#,
            r#"{"template":"Dear {{ value | title }}"}"#,
            r#""Dear Ana""#,
        ),
        eg("20", r#"{"template":"{{ value + 1 }}"}"#, "21"),
        eg(
            "null",
            r#"{"template":"{{ 'none' if value is none else value }}"}"#,
            r#""none""#,
        ),
    ],
    build: |with| {
        let template = with.text("template").unwrap_or_default();
        let expression = Expression::parse(&template).map_err(|error| with.bad_template(error))?;
        let reads = expression.reads().to_vec();
        Ok(Recipe {
            reads,
            ..Recipe::from(Action::Whole(Box::new(move |value, _, scope| {
                expression.evaluate(scope.record.whole(), &value)
            })))
        })
    },
};
