//! What a connector asks for (`connection_specification`), and whether settings fit it.
//!
//! Problems are told in plain words beside the field that they belong to, all of them at once. Of alternatives
//! (`oneOf`) the one is looked into that the settings seem to mean. As in the reference, `format` is a hint for the
//! form, not a rule.

use std::collections::HashSet;
use std::sync::Arc;

use jsonschema::error::ValidationErrorKind as Broken;
use jsonschema::paths::LocationSegment;
use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use model::value::Value;
use serde_json::{Map, Value as Schema};

use crate::Result;
use crate::declarative::node::View;

/// Problems that are told at once.
const MOST_PROBLEMS: usize = 50;
/// Alternatives within alternatives, objects within objects that are looked into.
const DEEPEST: usize = 16;
/// Steps back that a pattern may take for one value.
const PATTERN_STEPS: usize = 100_000;

/// One thing that is wrong with settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The names that lead to the setting; empty for all of them.
    pub path: Vec<String>,
    /// What is wrong and what would be right: a sentence without subject.
    pub message: String,
}

/// What a connector asks for.
#[derive(Clone, Debug)]
pub struct ConnectionSpec(Rules);

impl ConnectionSpec {
    /// From the file: the view of `connection_specification`.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        let rules = Rules::compile(view.node().to_json())
            .map_err(|problem| view.fail(problem, "a JSON schema"))?;
        Ok(Self(rules))
    }

    /// The schema, for the form.
    pub fn schema(&self) -> &Schema {
        &self.0.schema
    }

    /// Everything that is wrong with settings.
    pub fn problems(&self, config: &Value) -> Vec<Problem> {
        match exactly(config) {
            Some(config) => self.0.problems(&config),
            None => Vec::new(),
        }
    }

    /// Puts in what the schema gives for settings that are not there: to begin a form with.
    pub fn fill_defaults(&self, config: &mut Value) {
        fill(&self.0.schema, config, 0);
    }
}

/// A JSON schema, ready to be asked.
#[derive(Clone, Debug)]
pub struct Rules {
    schema: Schema,
    validator: Arc<Validator>,
}

impl Rules {
    /// Of a schema. The complaint is for people.
    pub fn compile(mut schema: Schema) -> std::result::Result<Self, String> {
        let validator = build(&schema).or_else(|_| {
            // A pattern that only Python understands must not keep the connector from being used.
            without_patterns(&mut schema, 0);
            build(&schema)
        });
        match validator {
            Ok(validator) => Ok(Self {
                schema,
                validator: Arc::new(validator),
            }),
            Err(problem) => Err(format!("the schema does not work: {problem}")),
        }
    }

    /// What is wrong with a value.
    pub fn problems(&self, value: &Schema) -> Vec<Problem> {
        let mut problems = Vec::new();
        for error in self.validator.iter_errors(value).take(MOST_PROBLEMS) {
            self.explain(&error, 0, &mut problems);
        }
        // The first one of each setting: what follows from it only confuses.
        let mut told = HashSet::new();
        problems.retain(|problem: &Problem| told.insert(problem.path.clone()));
        problems.truncate(MOST_PROBLEMS);
        problems
    }

    fn explain(&self, error: &ValidationError<'_>, depth: usize, problems: &mut Vec<Problem>) {
        let mut path: Vec<String> = error
            .instance_path()
            .iter()
            .map(|step| match step {
                LocationSegment::Property(name) => name.into_owned(),
                LocationSegment::Index(place) => place.to_string(),
            })
            .collect();
        let owner = self.owner(error);
        let message = match error.kind() {
            Broken::OneOfNotValid { context } | Broken::AnyOf { context } => {
                if let Some(meant) = meant(context)
                    && depth < DEEPEST
                {
                    for error in meant {
                        self.explain(error, depth + 1, problems);
                    }
                    return;
                }
                format!("choose one of {}", alternatives(owner))
            }
            Broken::OneOfMultipleValid { .. } => {
                format!("fits several of {}; only one may fit", alternatives(owner))
            }
            Broken::Required { property } => {
                path.push(plain(property));
                "is missing".into()
            }
            Broken::AdditionalProperties { unexpected }
            | Broken::UnevaluatedProperties { unexpected } => {
                format!("is not to have {}", unexpected.join(", "))
            }
            Broken::Type { .. } => {
                format!("should be {}", kinds(owner.and_then(|o| o.get("type"))))
            }
            Broken::Enum { options } => format!("should be one of {}", listed(options)),
            Broken::Constant { expected_value } => format!("should be {}", plain(expected_value)),
            Broken::Pattern { pattern } => {
                let described = owner.and_then(|owner| owner.get("pattern_descriptor"));
                match described.and_then(Schema::as_str) {
                    Some(described) => format!("should look like {described}"),
                    None => format!("should fit the pattern {pattern}"),
                }
            }
            Broken::MinLength { limit: 1 } => "should not be empty".into(),
            Broken::MinLength { limit } => format!("should have at least {limit} characters"),
            Broken::MaxLength { limit } => format!("should have at most {limit} characters"),
            Broken::MinItems { limit: 1 } => "should have an entry".into(),
            Broken::MinItems { limit } => format!("should have at least {limit} entries"),
            Broken::MaxItems { limit } => format!("should have at most {limit} entries"),
            Broken::MinProperties { limit } => format!("should have at least {limit} members"),
            Broken::MaxProperties { limit } => format!("should have at most {limit} members"),
            Broken::Minimum { limit } => format!("should be at least {limit}"),
            Broken::Maximum { limit } => format!("should be at most {limit}"),
            Broken::ExclusiveMinimum { limit } => format!("should be more than {limit}"),
            Broken::ExclusiveMaximum { limit } => format!("should be less than {limit}"),
            Broken::MultipleOf { multiple_of } => format!("should be a multiple of {multiple_of}"),
            Broken::UniqueItems => "should have each entry once".into(),
            Broken::Contains => "lacks an entry that has to be there".into(),
            Broken::PropertyNames { .. } => "has a name that is not allowed".into(),
            Broken::FalseSchema => "is not allowed here".into(),
            Broken::Not { .. } => "is what it must not be".into(),
            other => format!("does not fulfil `{}`", other.keyword()),
        };
        problems.push(Problem { path, message });
    }

    /// The schema that the broken keyword stands in.
    fn owner(&self, error: &ValidationError<'_>) -> Option<&Schema> {
        let (owner, _) = error.schema_path().as_str().rsplit_once('/')?;
        self.schema.pointer(owner)
    }
}

fn build(schema: &Schema) -> std::result::Result<Validator, String> {
    jsonschema::options()
        .with_draft(Draft::Draft7)
        .offline()
        .should_validate_formats(false)
        .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(PATTERN_STEPS))
        .build(schema)
        .map_err(|error| error.to_string())
}

fn without_patterns(schema: &mut Schema, depth: usize) {
    match schema {
        Schema::Object(members) if depth < 4 * DEEPEST => {
            if members.get("pattern").is_some_and(Schema::is_string) {
                members.remove("pattern");
            }
            for (_, member) in members.iter_mut() {
                without_patterns(member, depth + 1);
            }
        }
        Schema::Array(items) if depth < 4 * DEEPEST => {
            for item in items {
                without_patterns(item, depth + 1);
            }
        }
        _ => {}
    }
}

/// The errors of the alternative that is meant: the one with the fewest, among those whose fixed members are right.
fn meant<'e, 'i>(context: &'e [Vec<ValidationError<'i>>]) -> Option<&'e [ValidationError<'i>]> {
    let is_other = |error: &ValidationError<'_>| {
        matches!(
            error.kind(),
            Broken::Constant { .. } | Broken::Enum { .. } | Broken::Type { .. }
        )
    };
    context
        .iter()
        .filter(|errors| !errors.iter().any(is_other))
        .min_by_key(|errors| errors.len())
        .map(Vec::as_slice)
}

/// The titles of alternatives.
fn alternatives(owner: Option<&Schema>) -> String {
    let branches = owner.and_then(|owner| owner.get("oneOf").or_else(|| owner.get("anyOf")));
    let titles: Vec<&str> = branches
        .and_then(Schema::as_array)
        .map(|branches| {
            branches
                .iter()
                .filter_map(|b| b.get("title")?.as_str())
                .collect()
        })
        .unwrap_or_default();
    if titles.is_empty() {
        "the alternatives".into()
    } else {
        titles.join(", ")
    }
}

fn plain(value: &Schema) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn listed(values: &Schema) -> String {
    match values.as_array() {
        Some(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        None => plain(values),
    }
}

fn kinds(word: Option<&Schema>) -> String {
    let kind = |word: &Schema| match word.as_str() {
        Some("string") => "a text",
        Some("integer") => "a whole number",
        Some("number") => "a number",
        Some("boolean") => "true or false",
        Some("array") => "a list",
        Some("object") => "a group of settings",
        Some("null") => "nothing",
        _ => "of another kind",
    };
    match word {
        Some(Schema::Array(words)) => words.iter().map(kind).collect::<Vec<_>>().join(" or "),
        Some(word) => kind(word).into(),
        None => "of another kind".into(),
    }
}

/// A value for the schema's eyes, no number rounded or turned into text.
pub(super) fn exactly(value: &Value) -> Option<Schema> {
    serde_json::from_str(&model::json::to_string(value)).ok()
}

fn fill(schema: &Schema, config: &mut Value, depth: usize) {
    let Value::Object(object) = config else {
        return;
    };
    if depth > DEEPEST {
        return;
    }
    let none = Map::new();
    let properties = schema.get("properties").and_then(Schema::as_object);
    for (name, property) in properties.unwrap_or(&none) {
        if let Some(member) = object.get_mut(name) {
            fill(property, member, depth + 1);
        } else if let Some(given) = property.get("default").or_else(|| property.get("const")) {
            object.insert(name.as_str(), Value::from_serde(given));
        }
    }
    let alternatives = schema.get("oneOf").and_then(Schema::as_array);
    let chosen = alternatives.and_then(|branches| {
        branches.iter().find(|branch| {
            let fixed = branch.get("properties").and_then(Schema::as_object);
            let mut fixed = fixed
                .unwrap_or(&none)
                .iter()
                .filter_map(|(name, property)| Some((name, property.get("const")?)))
                .peekable();
            fixed.peek().is_some()
                && fixed.all(|(name, value)| object.get(name) == Some(&Value::from_serde(value)))
        })
    });
    if let Some(chosen) = chosen {
        fill(chosen, config, depth + 1);
    }
}
