//! What is wrong with a mapping, where, and what to do about it.

use model::mapping::{Rule, Step};
use model::path::FieldPath;
use serde::{Deserialize, Serialize};

/// How much a diagnostic matters.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The mapping cannot run.
    Error,
    /// It runs, but some records will probably be held back or lose something.
    Warning,
    /// Worth knowing.
    Hint,
}

/// One finding of the compiler.
#[derive(Clone, Debug, PartialEq, Serialize, ts_rs::TS)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// A stable word for the kind of finding, such as `unknown_source`.
    pub code: &'static str,
    /// Position of the rule in the document; none where no rule is at fault.
    pub rule: Option<usize>,
    /// The target field it is about.
    pub target: Option<FieldPath>,
    /// The step of the rule it is about, counted from 0.
    pub step: Option<usize>,
    /// What is wrong, for people.
    pub message: String,
    /// What to do, for people.
    pub suggestion: Option<String>,
    /// What to do, for the editor's button.
    pub fix: Option<Fix>,
}

/// A change to the document that a program can make. Applies to the rule that the diagnostic names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fix {
    /// Read another source field.
    UseSource {
        /// The path that is replaced.
        instead_of: FieldPath,
        /// The path to use.
        path: FieldPath,
    },
    /// Fill another target field.
    UseTarget {
        /// The path to use.
        path: FieldPath,
    },
    /// Put a step in.
    InsertStep {
        /// Where it stands afterwards, counted from 0.
        at: usize,
        /// The step.
        step: Step,
    },
    /// Put another step in this place.
    ReplaceStep {
        /// Which one, counted from 0.
        at: usize,
        /// The step.
        step: Step,
    },
    /// Take a step out.
    RemoveStep {
        /// Which one, counted from 0.
        at: usize,
    },
    /// Send this constant.
    SetConstant {
        /// The value.
        #[ts(type = "unknown")]
        value: serde_json::Value,
    },
    /// Add a rule.
    AddRule {
        /// The rule.
        rule: Rule,
    },
    /// Take the rule out.
    RemoveRule,
}

impl Fix {
    /// Carries the fix out on rule number `rule` of the document. False when the document has changed
    /// since, so that the place is not there any more: nothing is done then.
    pub fn apply_to(&self, mapping: &mut model::mapping::Mapping, rule: Option<usize>) -> bool {
        use model::mapping::Origin;
        if let Self::AddRule { rule } = self {
            mapping.rules.push(rule.clone());
            return true;
        }
        let Some(index) = rule.filter(|&index| index < mapping.rules.len()) else {
            return false;
        };
        if matches!(self, Self::RemoveRule) {
            mapping.rules.remove(index);
            return true;
        }
        let Some(rule) = mapping.rules.get_mut(index) else {
            return false;
        };
        match self {
            Self::UseSource { instead_of, path } => {
                let Origin::Fields { paths } = &mut rule.origin else {
                    return false;
                };
                let Some(slot) = paths.iter_mut().find(|slot| *slot == instead_of) else {
                    return false;
                };
                *slot = path.clone();
            }
            Self::UseTarget { path } => rule.target = path.clone(),
            Self::InsertStep { at, step } => {
                if *at > rule.steps.len() {
                    return false;
                }
                rule.steps.insert(*at, step.clone());
            }
            Self::ReplaceStep { at, step } => {
                let Some(slot) = rule.steps.get_mut(*at) else {
                    return false;
                };
                *slot = step.clone();
            }
            Self::RemoveStep { at } => {
                if *at >= rule.steps.len() {
                    return false;
                }
                rule.steps.remove(*at);
            }
            Self::SetConstant { value } => {
                rule.origin = Origin::Constant {
                    value: value.clone(),
                };
            }
            Self::AddRule { .. } | Self::RemoveRule => return false,
        }
        true
    }
}
