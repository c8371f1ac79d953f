//! The mapping document: which target field comes from where, by which steps.
//!
//! A document, not a program: `mapping::compile` checks it against both schemas and makes the program.

use serde::{Deserialize, Serialize};

use crate::path::FieldPath;

/// Version of the document that this build writes.
pub const VERSION: u32 = 1;

/// A mapping from the records of one stream to those of another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Mapping {
    /// Version of this document.
    pub version: u32,
    /// One rule per target field.
    pub rules: Vec<Rule>,
}

impl Default for Mapping {
    fn default() -> Self {
        Self {
            version: VERSION,
            rules: Vec::new(),
        }
    }
}

/// Where one target field comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Rule {
    /// The field that is filled.
    pub target: FieldPath,
    /// Where the value comes from.
    pub origin: Origin,
    /// What is done to it, in order.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// What happens when the value cannot be made.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// A note of the person who drew it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub comment: Option<String>,
}

/// The start of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// From source fields. With more than one, the first step gets a list of the values in this
    /// order and must join them (`concat`, `coalesce`).
    Fields {
        /// Paths in the source, in order.
        paths: Vec<FieldPath>,
    },
    /// Always the same.
    Constant {
        /// The value.
        #[ts(type = "unknown")]
        value: serde_json::Value,
    },
    /// A template over `record`, such as `{{ record.first_name | trim }}`.
    Expression {
        /// The template.
        template: String,
    },
}

/// One step of a rule: a transform by name and its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Step {
    /// The transform's name, a verb: see `mapping::transforms`.
    pub name: String,
    /// Its parameters.
    #[serde(default)]
    #[ts(type = "Record<string, unknown>")]
    pub with: serde_json::Map<String, serde_json::Value>,
}

/// What happens to a record when one of its values cannot be made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ts_rs::TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum OnFailure {
    /// Keep the record back and say why.
    #[default]
    Hold,
    /// Send null.
    Null,
    /// Leave the field out of what is sent.
    Skip,
    /// Send this instead.
    Default {
        /// The value to send.
        #[ts(type = "unknown")]
        value: serde_json::Value,
    },
}
