//! The steps of a rule. This file is the table; one file per transform or small family holds the work.
//!
//! A transform is a row of the table (name, words, parameters, kinds, examples) and a function that
//! turns checked parameters into an [`Action`]. The examples run as tests. To add one: a file, a row.
//!
//! Nulls pass through every step unchanged, unless its action says otherwise ([`Action::Whole`]). For
//! steps that read a number, a date, a phone number and the like, blank text is nothing: it becomes null.

pub mod catalogue;
pub(crate) mod with;

mod case;
mod check;
mod convert;
mod country;
mod date;
mod empty;
mod expression;
mod format_number;
mod hash;
mod join;
mod list;
mod mask;
mod number;
mod parse_number;
mod phone;
pub(crate) mod reference;
mod replace;
mod shape;
mod tidy;
mod value_map;

use std::fmt;

use compact_str::CompactString;
use model::field::FieldType;
use model::mapping::Step;
use model::value::Value;
use serde_json::{Map, Value as Json};

use crate::record::Record;

pub use catalogue::{Example, Group, Kinds, OutputKind, Param, ParamKind, Transform};

use with::With;

/// Every transform, in the order in which a picker shows them.
pub fn catalogue() -> &'static [Transform] {
    TABLE
}

/// The transform of this name.
pub fn find(name: &str) -> Option<&'static Transform> {
    TABLE.iter().find(|transform| transform.name == name)
}

/// Builds a step of the document from a name and parameters, for proposals and fixes.
pub fn step<const N: usize>(name: &str, with: [(&str, Json); N]) -> Step {
    Step {
        name: name.to_owned(),
        with: with
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    }
}

static TABLE: &[Transform] = &[
    tidy::TRIM,
    tidy::NORMALISE_SPACE,
    case::LOWER,
    case::UPPER,
    case::CAPITALISE,
    replace::REPLACE,
    shape::SLICE,
    shape::PAD,
    join::CONCAT,
    join::SPLIT,
    join::JOIN,
    tidy::STRIP_HTML,
    tidy::NFC,
    shape::LENGTH,
    expression::EXPRESSION,
    parse_number::PARSE_NUMBER,
    format_number::FORMAT_NUMBER,
    number::ROUND,
    number::MULTIPLY,
    number::ADD,
    date::PARSE_DATE,
    date::FORMAT_DATE,
    date::DATE_ONLY,
    date::TO_ZONE,
    empty::DEFAULT_IF_EMPTY,
    empty::DEFAULT_IF_MISSING,
    empty::COALESCE,
    empty::NULL_IF,
    check::REQUIRE,
    convert::TO_TEXT,
    convert::TO_INTEGER,
    convert::TO_DECIMAL,
    convert::TO_BOOL,
    convert::TO_LIST,
    list::FIRST,
    list::LAST,
    list::ITEM,
    list::COUNT,
    list::DISTINCT,
    list::COMPACT,
    list::EACH,
    value_map::VALUE_MAP,
    reference::REFERENCE,
    country::COUNTRY_CODE,
    phone::PHONE_E164,
    hash::HASH,
    mask::MASK,
];

/// What a step may look at besides its value.
pub(crate) struct Scope<'a> {
    /// The record as it was read.
    pub(crate) record: &'a Record<'a>,
}

/// A value or the reason why there is none.
pub type Made = Result<Value, String>;
/// Work on a value that is there.
pub(crate) type Plain = Box<dyn Fn(Value, &Scope<'_>) -> Made + Send + Sync>;
/// Work on any value; the flag says that there was no such field in the record.
pub(crate) type Whole = Box<dyn Fn(Value, bool, &Scope<'_>) -> Made + Send + Sync>;

/// A step, ready to run.
pub(crate) enum Action {
    /// Not asked for null.
    Plain(Plain),
    /// Asked for everything.
    Whole(Whole),
}

impl Action {
    pub(crate) fn plain(work: impl Fn(Value) -> Made + Send + Sync + 'static) -> Self {
        Self::Plain(Box::new(move |value, _| work(value)))
    }

    /// Work on text; numbers, dates and the like are written out first.
    pub(crate) fn text(
        work: impl Fn(CompactString) -> Result<CompactString, String> + Send + Sync + 'static,
    ) -> Self {
        Self::plain(move |value| work(text_of(value)?).map(Value::Text))
    }

    pub(crate) fn whole(work: impl Fn(Value, bool) -> Made + Send + Sync + 'static) -> Self {
        Self::Whole(Box::new(move |value, missing, _| work(value, missing)))
    }
}

/// A compiled step.
pub(crate) struct Built {
    pub(crate) transform: &'static Transform,
    pub(crate) action: Action,
    /// What comes out, where the parameters decide it.
    pub(crate) output: Option<FieldType>,
    /// Texts that can come out and are known beforehand (value maps).
    pub(crate) outputs: Vec<CompactString>,
    /// Record fields that the step reads by itself (expressions).
    pub(crate) reads: Vec<model::path::FieldPath>,
    /// Blank text becomes null.
    blank_is_null: bool,
}

impl fmt::Debug for Built {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Built({})", self.transform.name)
    }
}

impl Built {
    /// Runs the step. `missing` is cleared when the step made something.
    pub(crate) fn run(&self, value: Value, missing: &mut bool, scope: &Scope<'_>) -> Made {
        let made = match &self.action {
            Action::Plain(_) if value.is_null() => return Ok(value),
            Action::Plain(_)
                if self.blank_is_null
                    && matches!(&value, Value::Text(text) if text.trim().is_empty()) =>
            {
                return Ok(Value::Null);
            }
            Action::Plain(work) => work(value, scope),
            Action::Whole(work) => work(value, *missing, scope),
        };
        *missing = *missing && matches!(made, Ok(Value::Null));
        made
    }
}

/// What a transform's function gives back.
pub(crate) struct Recipe {
    action: Action,
    output: Option<FieldType>,
    outputs: Vec<CompactString>,
    reads: Vec<model::path::FieldPath>,
}

impl From<Action> for Recipe {
    fn from(action: Action) -> Self {
        Self {
            action,
            output: None,
            outputs: Vec::new(),
            reads: Vec::new(),
        }
    }
}

/// Why a step cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// No transform has this name.
    #[error("there is no step \"{name}\"")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// A name that may have been meant.
        nearest: Option<&'static str>,
    },
    /// A parameter is missing, unknown or of the wrong kind.
    #[error("step \"{step}\": {message}")]
    Parameter {
        /// The transform.
        step: &'static str,
        /// The parameter.
        param: String,
        /// What is wrong and what was expected.
        message: String,
    },
    /// A template cannot be read.
    #[error("step \"{step}\": {error}")]
    Template {
        /// The transform.
        step: &'static str,
        /// Where and what.
        error: crate::expression::TemplateError,
    },
}

/// Most steps in one rule, and most nested steps in `each`.
pub const MAX_STEPS: usize = 50;

/// Checks the parameters against the table and builds the step.
pub(crate) fn build(step: &Step, depth: usize) -> Result<Built, StepError> {
    let Some(transform) = find(&step.name) else {
        let names = TABLE.iter().flat_map(|row| {
            std::iter::once((row.name, row.name))
                .chain(row.synonyms.iter().map(|word| (*word, row.name)))
        });
        let words: Vec<(&str, &'static str)> = names.collect();
        let nearest = crate::words::nearest(&step.name, words.iter().map(|(word, _)| *word));
        let nearest = nearest.and_then(|near| {
            words
                .iter()
                .find(|(word, _)| *word == near)
                .map(|(_, name)| *name)
        });
        return Err(StepError::Unknown {
            name: step.name.chars().take(80).collect(),
            nearest,
        });
    };
    with::check(transform, &step.with)?;
    if depth > 0 && transform.name == reference::NAME {
        return Err(StepError::Parameter {
            step: reference::NAME,
            param: "sync".to_owned(),
            message: "it takes whole lists: use it as the last step of the rule".to_owned(),
        });
    }
    let with = With::new(transform, &step.with, depth);
    let recipe = (transform.build)(&with)?;
    Ok(Built {
        transform,
        action: recipe.action,
        output: recipe.output,
        outputs: recipe.outputs,
        reads: recipe.reads,
        blank_is_null: transform.reads_text(),
    })
}

/// Text of a value that is one thing.
pub(crate) fn text_of(value: Value) -> Result<CompactString, String> {
    match value {
        Value::Text(text) => Ok(text),
        other => crate::words::scalar_text(&other)
            .ok_or_else(|| format!("expected text but got {}", crate::words::quoted(&other))),
    }
}

/// Runs one step by name on a value, for tests, tools and the picker's live example.
pub fn try_step(name: &str, with: &Map<String, Json>, value: Value) -> Result<Made, StepError> {
    let built = build(
        &Step {
            name: name.to_owned(),
            with: with.clone(),
        },
        0,
    )?;
    let record = Value::Null;
    Ok(built.run(
        value,
        &mut false,
        &Scope {
            record: &Record::Whole(&record),
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_of_the_table_holds() {
        for transform in catalogue() {
            assert!(
                !transform.examples.is_empty(),
                "{} has no example",
                transform.name
            );
            for example in transform.examples {
                let input = model::json::parse(example.input.as_bytes()).unwrap();
                let with: Map<String, Json> = serde_json::from_str(example.with).unwrap();
                let got = try_step(transform.name, &with, input)
                    .unwrap_or_else(|error| panic!("{}: {error}", transform.name));
                let got = match got {
                    Ok(value) => model::json::to_string(&value),
                    Err(why) => format!("error: {why}"),
                };
                assert_eq!(
                    got, example.output,
                    "{} {} on {}",
                    transform.name, example.with, example.input
                );
            }
        }
    }

    #[test]
    fn examples_come_out_as_the_kind_that_the_table_promises() {
        for transform in catalogue() {
            let OutputKind::Of(field_type) = transform.output else {
                continue;
            };
            for example in transform.examples {
                let input = model::json::parse(example.input.as_bytes()).unwrap();
                let with: Map<String, Json> = serde_json::from_str(example.with).unwrap();
                let step = Step {
                    name: transform.name.to_owned(),
                    with,
                };
                let built = build(&step, 0).unwrap();
                let field_type = built.output.unwrap_or(field_type);
                let record = Value::Null;
                if let Ok(value) = built.run(
                    input,
                    &mut false,
                    &Scope {
                        record: &Record::Whole(&record),
                    },
                ) {
                    assert!(
                        value.is_null() || Kinds::of(field_type).holds(&value),
                        "{} promises {field_type:?} but gave {value:?}",
                        transform.name
                    );
                }
            }
        }
    }

    #[test]
    fn names_are_unique_and_every_parameter_has_words() {
        for (n, transform) in catalogue().iter().enumerate() {
            assert!(
                catalogue()
                    .iter()
                    .skip(n + 1)
                    .all(|other| other.name != transform.name)
            );
            assert!(!transform.summary.is_empty() && !transform.label.is_empty());
            for param in transform.params {
                assert!(
                    !param.summary.is_empty(),
                    "{}.{}",
                    transform.name,
                    param.name
                );
                assert_eq!(
                    param.kind == ParamKind::Choice,
                    !param.options.is_empty(),
                    "{}.{}",
                    transform.name,
                    param.name
                );
                if let Some(default) = param.default {
                    serde_json::from_str::<Json>(default).unwrap();
                }
            }
        }
    }

    #[test]
    fn wrong_parameters_are_named_with_what_was_expected() {
        fn check(name: &str, with: &str, expected: &str) {
            let step = Step {
                name: name.to_owned(),
                with: serde_json::from_str(with).unwrap(),
            };
            assert_eq!(build(&step, 0).unwrap_err().to_string(), expected);
        }
        check(
            "slice",
            "{}",
            "step \"slice\": \"length\" is missing: how many characters to keep",
        );
        check(
            "slice",
            r#"{"length":"x"}"#,
            "step \"slice\": \"length\" must be a whole number, not \"x\"",
        );
        check(
            "slice",
            r#"{"length":-1}"#,
            "step \"slice\": \"length\" must not be below 0",
        );
        check(
            "slice",
            r#"{"lenght":1}"#,
            "step \"slice\": there is no parameter \"lenght\"; did you mean \"length\"?",
        );
        check(
            "pad",
            r#"{"length":3,"side":"top"}"#,
            "step \"pad\": \"side\" must be one of left and right, not \"top\"",
        );
        check(
            "replace",
            r#"{"find":"(","regex":true}"#,
            "step \"replace\": \"find\" is not a regular expression: unclosed group",
        );
        check(
            "to_zone",
            r#"{"zone":"Mars/Base"}"#,
            "step \"to_zone\": \"zone\" must be a time zone such as Europe/Berlin, not \"Mars/Base\"",
        );
        check(
            "format_date",
            r#"{"format":"%K"}"#,
            "step \"format_date\": \"format\" has a sign that is not known after %; use signs such as %Y-%m-%d %H:%M",
        );
        check(
            "expression",
            r#"{"template":"{{ value | nope }}"}"#,
            "step \"expression\": there is no filter \"nope\" (line 1, column 12)",
        );
    }
}
