//! Proposes rules: which source field goes into which target field, by which steps, and why.

use model::field::{Field, FieldOption};
use model::mapping::Rule;
use model::path::FieldPath;
use model::value::Value;
use serde::Serialize;

/// A field that may be matched, and some values of it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Where it is.
    pub path: FieldPath,
    /// What is known of it.
    pub field: Field,
    /// Values from real records; may be empty.
    pub samples: Vec<Value>,
}

/// What to propose.
#[derive(Clone, Debug)]
pub struct Options {
    /// Proposals below this score (0 to 1) are left out.
    pub threshold: f64,
    /// How many other source fields to name for each target field.
    pub alternatives: usize,
    /// Whether to propose rules that join several source fields.
    pub join_fields: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            threshold: 0.5,
            alternatives: 4,
            join_fields: true,
        }
    }
}

/// Proposals for a pair of schemas.
#[derive(Clone, Debug, Default, Serialize, ts_rs::TS)]
pub struct Suggestions {
    /// One per target field at most, best first.
    pub rules: Vec<Suggestion>,
    /// Target fields without a proposal.
    pub unmatched: Vec<FieldPath>,
}

/// A proposed rule.
#[derive(Clone, Debug, Serialize, ts_rs::TS)]
pub struct Suggestion {
    /// The rule, ready to be added to a mapping.
    pub rule: Rule,
    /// How sure, 0 to 1.
    pub score: f64,
    /// Why, strongest first.
    pub reasons: Vec<Reason>,
    /// Other source fields for the same target, best first.
    pub alternatives: Vec<Alternative>,
}

/// Another source field for the same target.
#[derive(Clone, Debug, Serialize, ts_rs::TS)]
pub struct Alternative {
    /// The source field.
    pub path: FieldPath,
    /// How sure, 0 to 1.
    pub score: f64,
    /// Why, strongest first.
    pub reasons: Vec<Reason>,
}

/// One piece of evidence.
#[derive(Clone, Debug, PartialEq, Serialize, ts_rs::TS)]
pub struct Reason {
    /// A stable word, such as `same_name`.
    pub code: &'static str,
    /// A few words for a chip.
    pub text: String,
}

/// Proposes rules for `target` from `source`.
pub fn suggest(source: &[Candidate], target: &[Candidate], options: &Options) -> Suggestions {
    let _ = (source, options);
    Suggestions {
        rules: Vec::new(),
        unmatched: target
            .iter()
            .map(|candidate| candidate.path.clone())
            .collect(),
    }
}

/// The accepted value that a text most probably means.
pub(crate) fn nearest_option<'a>(text: &str, options: &'a [FieldOption]) -> Option<&'a str> {
    let names = options
        .iter()
        .flat_map(|option| std::iter::once(option.value.as_str()).chain(option.label.as_deref()));
    let near = crate::words::nearest(text, names)?;
    options
        .iter()
        .find(|option| option.value == near || option.label.as_deref() == Some(near))
        .map(|option| option.value.as_str())
}
