//! What a target field demands: its type, its accepted values, its length, and that it is filled at all.

use model::field::{Field, FieldType};
use model::mapping::{Mapping, OnFailure, Origin, Rule};
use model::path::Segment;
use model::value::Value;

use super::flow::{self, Flow};
use super::{Advice, Compiler, Purpose, names};
use crate::diagnostic::{Fix, Severity};
use crate::fit::Fit;
use crate::program::Failure;
use crate::transforms::{self, Kinds};

impl Compiler<'_> {
    pub(super) fn constant(&mut self, field: &Field, fit: &Fit, json: &serde_json::Value) {
        let value = Value::from_serde(json);
        let Err(why) = fit.check(value.clone()) else {
            return;
        };
        let text = crate::words::scalar_text(&value).unwrap_or_default();
        let near = crate::words::nearest(
            &text,
            field.options.iter().map(|option| option.value.as_str()),
        )
        .or_else(|| field.options.first().map(|option| option.value.as_str()));
        let advice = match near {
            Some(near) => Advice::words(format!("use \"{near}\""))
                .with_fix(Some(Fix::SetConstant { value: near.into() })),
            None => Advice::words("set another constant"),
        };
        let code = if field.options.is_empty() {
            "bad_constant"
        } else {
            "option_unknown"
        };
        self.say(
            Severity::Error,
            code,
            format!("the constant does not suit the field: {why}"),
            advice,
        );
    }

    /// Whether what comes out of the steps suits the target field.
    pub(super) fn suits(&mut self, rule: &Rule, flow: &Flow, field: &Field) {
        if flow.several {
            return;
        }
        let at = rule.steps.len();
        let target = &rule.target;
        if let Some(finding) = flow::relation(flow, field) {
            let advice = Advice::words(finding.suggestion)
                .with_fix(finding.step.map(|step| Fix::InsertStep { at, step }));
            let message = format!(
                "{} goes into \"{target}\", which holds {}{}",
                capital(names::type_words(flow.kind)),
                names::type_words(field.field_type),
                finding.note,
            );
            self.say(finding.severity, finding.code, message, advice);
            if finding.severity == Severity::Error {
                return;
            }
        }
        self.options(flow, field, rule);
        if let (Some(most), FieldType::Text) = (field.max_length, field.field_type)
            && let Some(longest) = flow.max_length.filter(|longest| *longest > most)
        {
            let step = transforms::step("slice", [("length", most.into())]);
            self.say(
                Severity::Warning,
                "max_length_risk",
                format!(
                    "texts of up to {longest} characters go into \"{target}\", which accepts {most}"
                ),
                Advice::words(
                    "shorten them with the step \"slice\"; longer ones are held back otherwise",
                )
                .with_fix(Some(Fix::InsertStep { at, step })),
            );
        }
        if field.required && flow.nullable && rule.on_failure == OnFailure::Hold {
            self.say(
                Severity::Hint,
                "may_be_empty",
                format!("\"{target}\" is required but the source may be empty; such records are held back"),
                Advice::words("add the step \"default_if_empty\" if there is a sensible default"),
            );
        }
    }

    /// Values that the target does not accept.
    fn options(&mut self, flow: &Flow, field: &Field, rule: &Rule) {
        let accepted: Vec<&str> = field
            .options
            .iter()
            .map(|option| option.value.as_str())
            .collect();
        if accepted.is_empty() {
            return;
        }
        let at = rule.steps.len();
        let Some(known) = &flow.options else {
            if Kinds::of(flow.kind).meets(Kinds::TEXT) {
                let shown: Vec<String> = accepted
                    .iter()
                    .take(8)
                    .map(|&text| format!("\"{text}\""))
                    .collect();
                self.say(
                    Severity::Hint,
                    "options_unchecked",
                    format!(
                        "\"{}\" accepts only {}; other values are held back",
                        rule.target,
                        crate::words::listed(&shown)
                    ),
                    Advice::words("translate them with the step \"value_map\""),
                );
            }
            return;
        };
        let strange: Vec<String> = known
            .iter()
            .filter(|text| !accepted.contains(&text.as_str()))
            .map(|text| format!("\"{text}\""))
            .collect();
        if strange.is_empty() {
            return;
        }
        let entries: serde_json::Map<String, serde_json::Value> = known
            .iter()
            .filter_map(|text| {
                let near = crate::suggest::nearest_option(text, &field.options)?;
                Some((text.to_string(), near.into()))
            })
            .collect();
        let made_by_map = rule
            .steps
            .last()
            .is_some_and(|step| step.name == "value_map");
        let fix = (!made_by_map && !entries.is_empty()).then(|| Fix::InsertStep {
            at,
            step: transforms::step(
                "value_map",
                [("entries", serde_json::Value::Object(entries))],
            ),
        });
        self.say(
            if made_by_map {
                Severity::Error
            } else {
                Severity::Warning
            },
            "option_unknown",
            format!(
                "\"{}\" does not accept {}",
                rule.target,
                crate::words::listed(&strange)
            ),
            Advice::words(if made_by_map {
                "change the table of values"
            } else {
                "translate them with the step \"value_map\""
            })
            .with_fix(fix),
        );
    }

    pub(super) fn on_failure(&mut self, rule: &Rule, field: Option<&Field>, fit: &Fit) -> Failure {
        match &rule.on_failure {
            OnFailure::Hold => Failure::Hold,
            OnFailure::Skip | OnFailure::Null
                if field.is_some_and(|field| field.required) && self.purpose != Purpose::Update =>
            {
                self.say(
                    Severity::Warning,
                    "required_may_be_left_out",
                    format!(
                        "\"{}\" is required, but on failure it is sent without a value",
                        rule.target
                    ),
                    Advice::words("hold such records back, or send a default"),
                );
                if rule.on_failure == OnFailure::Skip {
                    Failure::Skip
                } else {
                    Failure::Send(Value::Null)
                }
            }
            OnFailure::Skip => Failure::Skip,
            OnFailure::Null => Failure::Send(Value::Null),
            OnFailure::Default { value } => match fit.check(Value::from_serde(value)) {
                Ok(Some(value)) => Failure::Send(value),
                Ok(None) => Failure::Skip,
                Err(why) => {
                    self.say(
                        Severity::Error,
                        "bad_default",
                        format!("the value to send on failure does not suit the field: {why}"),
                        Advice::words("choose another value, or hold such records back"),
                    );
                    Failure::Hold
                }
            },
        }
    }

    /// Fields that must be filled when a record is created.
    pub(super) fn required(&mut self, mapping: &Mapping) {
        for (path, field) in self.target.walk() {
            let in_list = path.segments().contains(&Segment::Each);
            if !field.required || field.read_only || in_list {
                continue;
            }
            let filled = mapping
                .rules
                .iter()
                .any(|rule| rule.target.starts_with(&path) || path.starts_with(&rule.target));
            // A required member of an object that is not sent at all is not missed.
            let object_is_sent =
                path.parent()
                    .filter(|parent| !parent.is_root())
                    .is_none_or(|parent| {
                        self.target.at(&parent).is_some_and(|field| field.required)
                            || mapping
                                .rules
                                .iter()
                                .any(|rule| rule.target.starts_with(&parent))
                    });
            if filled || !object_is_sent {
                continue;
            }
            self.at = Some(path.clone());
            let same = Flow::of_path(self.source, &path).is_ok() && !self.source.fields.is_empty();
            let fix = same.then(|| Fix::AddRule {
                rule: Rule {
                    target: path.clone(),
                    origin: Origin::Fields {
                        paths: vec![path.clone()],
                    },
                    steps: Vec::new(),
                    on_failure: OnFailure::Hold,
                    comment: None,
                },
            });
            let advice = if same {
                format!("take it from \"{path}\" of the source")
            } else {
                "draw a cable to it, or set a constant".to_owned()
            };
            self.say(
                Severity::Error,
                "required_unmapped",
                format!("\"{path}\" is required to create a record, but nothing fills it"),
                Advice::words(advice).with_fix(fix),
            );
            self.at = None;
        }
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}
