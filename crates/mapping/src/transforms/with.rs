//! The parameters of a step: checked against the table once, then read by name.

use jiff::tz::TimeZone;
use model::mapping::Step;
use serde_json::{Map, Value as Json};

use super::{Built, ParamKind, StepError, Transform};
use crate::arithmetic::Exact;
use crate::words::{listed, nearest, quoted_text};

/// Names, presence and kinds. What only the transform can judge (a pattern, a format) it judges itself.
pub(crate) fn check(
    transform: &'static Transform,
    with: &Map<String, Json>,
) -> Result<(), StepError> {
    let fail = |param: &str, message: String| {
        Err(StepError::Parameter {
            step: transform.name,
            param: param.to_owned(),
            message,
        })
    };
    for key in with.keys() {
        if !transform.params.iter().any(|param| param.name == key) {
            let near = nearest(key, transform.params.iter().map(|param| param.name));
            let hint = match near {
                Some(near) => format!("; did you mean \"{near}\"?"),
                None if transform.params.is_empty() => "; this step has none".to_owned(),
                None => {
                    let names: Vec<String> = transform
                        .params
                        .iter()
                        .map(|param| param.name.to_owned())
                        .collect();
                    format!("; there are {}", listed(&names))
                }
            };
            return fail(
                key,
                format!("there is no parameter {}{hint}", quoted_text(key)),
            );
        }
    }
    for param in transform.params {
        let Some(value) = with
            .get(param.name)
            .filter(|value| !value.is_null() || param.kind == ParamKind::Value)
        else {
            if param.required {
                return fail(
                    param.name,
                    format!("\"{}\" is missing: {}", param.name, param.summary),
                );
            }
            continue;
        };
        let all_text = |items: &Vec<Json>| !items.is_empty() && items.iter().all(Json::is_string);
        let (good, expected) = match param.kind {
            ParamKind::Text
            | ParamKind::Zone
            | ParamKind::Country
            | ParamKind::Template
            | ParamKind::Sync => (value.is_string(), "text".to_owned()),
            ParamKind::Integer => (value.is_i64(), "a whole number".to_owned()),
            ParamKind::Number => (
                number(value).is_some(),
                "a number of moderate size".to_owned(),
            ),
            ParamKind::Flag => (value.is_boolean(), "true or false".to_owned()),
            ParamKind::Choice => {
                let names: Vec<String> =
                    param.options.iter().map(|&name| name.to_owned()).collect();
                (
                    value
                        .as_str()
                        .is_some_and(|text| param.options.contains(&text)),
                    format!("one of {}", listed(&names)),
                )
            }
            ParamKind::TextList | ParamKind::DateFormat => (
                value.is_string() || value.as_array().is_some_and(all_text),
                "text or a list of texts".to_owned(),
            ),
            ParamKind::Entries => (
                value.as_object().is_some_and(|entries| !entries.is_empty()),
                "an object with at least one entry".to_owned(),
            ),
            ParamKind::Value => (true, String::new()),
            ParamKind::Steps => (
                serde_json::from_value::<Vec<Step>>(value.clone())
                    .is_ok_and(|steps| !steps.is_empty() && steps.len() <= super::MAX_STEPS),
                format!(
                    "a list of 1 to {} steps with \"name\" and \"with\"",
                    super::MAX_STEPS
                ),
            ),
        };
        if !good {
            let shown: String = value.to_string().chars().take(60).collect();
            return fail(
                param.name,
                format!("\"{}\" must be {expected}, not {shown}", param.name),
            );
        }
    }
    Ok(())
}

fn number(value: &Json) -> Option<Exact> {
    match value {
        Json::Number(number) => Exact::parse(&number.to_string()),
        Json::String(text) => Exact::parse(text),
        _ => None,
    }
}

/// Checked parameters.
pub(crate) struct With<'a> {
    transform: &'static Transform,
    values: &'a Map<String, Json>,
    depth: usize,
}

impl<'a> With<'a> {
    pub(crate) fn new(
        transform: &'static Transform,
        values: &'a Map<String, Json>,
        depth: usize,
    ) -> Self {
        Self {
            transform,
            values,
            depth,
        }
    }

    /// The parameter as given or by default; null counts as not given.
    pub(crate) fn json(&self, name: &str) -> Option<Json> {
        if let Some(value) = self.values.get(name).filter(|value| !value.is_null()) {
            return Some(value.clone());
        }
        let param = self
            .transform
            .params
            .iter()
            .find(|param| param.name == name)?;
        serde_json::from_str(param.default?).ok()
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.json(name)? {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.json(name)
            .and_then(|value| value.as_bool())
            .unwrap_or(false)
    }

    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        self.json(name)?.as_i64()
    }

    /// A count within bounds.
    pub(crate) fn count(&self, name: &str, most: usize) -> Result<Option<usize>, StepError> {
        match self.integer(name) {
            None => Ok(None),
            Some(n) if n < 0 => Err(self.wrong(name, format!("\"{name}\" must not be below 0"))),
            Some(n) => match usize::try_from(n) {
                Ok(n) if n <= most => Ok(Some(n)),
                _ => Err(self.wrong(name, format!("\"{name}\" must not be above {most}"))),
            },
        }
    }

    pub(crate) fn number(&self, name: &str) -> Option<Exact> {
        number(&self.json(name)?)
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        match self.json(name) {
            Some(Json::String(text)) => vec![text],
            Some(Json::Array(items)) => items
                .into_iter()
                .filter_map(|item| match item {
                    Json::String(text) => Some(text),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    pub(crate) fn entries(&self, name: &str) -> Map<String, Json> {
        match self.json(name) {
            Some(Json::Object(entries)) => entries,
            _ => Map::new(),
        }
    }

    pub(crate) fn zone(&self, name: &str) -> Result<Option<TimeZone>, StepError> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        TimeZone::get(&text).map(Some).map_err(|_| {
            self.wrong(
                name,
                format!(
                    "\"{name}\" must be a time zone such as Europe/Berlin, not {}",
                    quoted_text(&text)
                ),
            )
        })
    }

    pub(crate) fn country(
        &self,
        name: &str,
    ) -> Result<Option<&'static crate::countries::Country>, StepError> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        crate::countries::by_code(&text).map(Some).ok_or_else(|| {
            self.wrong(
                name,
                format!(
                    "\"{name}\" must be a country code of two letters such as DE, not {}",
                    quoted_text(&text)
                ),
            )
        })
    }

    /// The steps of a parameter, built; refused when nested too deep.
    pub(crate) fn steps(&self, name: &str) -> Result<Vec<Built>, StepError> {
        const MAX_NESTING: usize = 3;
        if self.depth >= MAX_NESTING {
            return Err(self.wrong(
                name,
                format!("\"{name}\" is nested more than {MAX_NESTING} deep"),
            ));
        }
        let steps: Vec<Step> = self
            .json(name)
            .and_then(|value| serde_json::from_value(value).ok())
            .unwrap_or_default();
        steps
            .iter()
            .map(|step| super::build(step, self.depth + 1))
            .collect()
    }

    pub(crate) fn wrong(&self, param: &str, message: String) -> StepError {
        StepError::Parameter {
            step: self.transform.name,
            param: param.to_owned(),
            message,
        }
    }

    pub(crate) fn bad_template(&self, error: crate::expression::TemplateError) -> StepError {
        StepError::Template {
            step: self.transform.name,
            error,
        }
    }
}
