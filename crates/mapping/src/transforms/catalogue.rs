//! The types of the table of transforms.

use model::field::FieldType;
use model::value::Value;
use serde::{Serialize, Serializer};

use super::with::With;
use super::{Recipe, StepError};

/// One row of the table.
#[derive(Clone, Serialize, ts_rs::TS)]
pub struct Transform {
    /// The name in the document, a verb.
    pub name: &'static str,
    /// The name on the chip.
    pub label: &'static str,
    /// Where the picker shows it.
    pub group: Group,
    /// One sentence.
    pub summary: &'static str,
    /// Other words under which people look for it.
    pub synonyms: &'static [&'static str],
    /// Its parameters.
    pub params: &'static [Param],
    /// What it takes.
    #[ts(type = "Array<string>")]
    pub input: Kinds,
    /// What it gives.
    pub output: OutputKind,
    /// True when it can take the list of values of several source fields.
    pub joins: bool,
    /// Examples, which are also its tests.
    pub examples: &'static [Example],
    /// Builds the step.
    #[serde(skip)]
    #[ts(skip)]
    pub(crate) build: for<'a> fn(&With<'a>) -> Result<Recipe, StepError>,
}

impl Transform {
    /// Whether it reads a meaning from text, so that blank text is nothing.
    pub(crate) fn reads_text(&self) -> bool {
        match self.group {
            Group::Number | Group::Date => true,
            Group::Convert | Group::Lookup => {
                !matches!(self.name, "to_text" | "to_list" | "value_map")
            }
            Group::Text | Group::Logic | Group::List | Group::Privacy => false,
        }
    }
}

impl std::fmt::Debug for Transform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Transform({})", self.name)
    }
}

/// Where the picker shows a transform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Group {
    Text,
    Number,
    Date,
    Logic,
    List,
    Convert,
    Lookup,
    Privacy,
}

/// One parameter.
#[derive(Clone, Debug, Serialize, ts_rs::TS)]
pub struct Param {
    /// The key in the document.
    pub name: &'static str,
    /// What it must be.
    pub kind: ParamKind,
    /// True when there is no default.
    pub required: bool,
    /// JSON of what is taken when it is left out.
    pub default: Option<&'static str>,
    /// What it does.
    pub summary: &'static str,
    /// The choices, for [`ParamKind::Choice`].
    pub options: &'static [&'static str],
}

/// What a parameter must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
pub enum ParamKind {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// A number, or its text when digits matter.
    Number,
    /// True or false.
    Flag,
    /// One of the options.
    Choice,
    /// One text or several.
    TextList,
    /// An object from text to value.
    Entries,
    /// A date format such as `%d.%m.%Y`, or `iso`, `unix`, `unix_ms`; or several.
    DateFormat,
    /// An IANA time zone.
    Zone,
    /// Two-letter country code.
    Country,
    /// A template.
    Template,
    /// Anything.
    Value,
    /// A list of steps.
    Steps,
    /// The id of a sync.
    Sync,
}

/// A set of kinds of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds(u16);

impl Kinds {
    /// Text.
    pub const TEXT: Self = Self(1);
    /// Whole numbers.
    pub const INTEGER: Self = Self(2);
    /// Numbers with a fraction.
    pub const DECIMAL: Self = Self(4);
    /// True and false.
    pub const BOOL: Self = Self(8);
    /// Dates.
    pub const DATE: Self = Self(16);
    /// Times of day.
    pub const TIME: Self = Self(32);
    /// Points in time.
    pub const TIMESTAMP: Self = Self(64);
    /// Bytes.
    pub const BYTES: Self = Self(128);
    /// Lists.
    pub const LIST: Self = Self(256);
    /// Objects.
    pub const OBJECT: Self = Self(512);
    /// All numbers.
    pub const NUMBER: Self = Self(2 | 4);
    /// Everything that is one thing and has a text.
    pub const SCALAR: Self = Self(1 | 2 | 4 | 8 | 16 | 32 | 64);
    /// Everything.
    pub const ANY: Self = Self(1023);

    /// Both sets together.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the sets share a kind.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The kinds that a field of this type holds.
    pub const fn of(field_type: FieldType) -> Self {
        match field_type {
            FieldType::Any => Self::ANY,
            FieldType::Text | FieldType::Enum => Self::TEXT,
            FieldType::Integer => Self::INTEGER,
            // A decimal without fraction is an integer value, and many are written as text.
            FieldType::Decimal | FieldType::Float => Self(1 | 2 | 4),
            FieldType::Bool => Self::BOOL,
            FieldType::Date => Self(1 | 16),
            FieldType::Time => Self(1 | 32),
            FieldType::Timestamp => Self(1 | 64),
            FieldType::Bytes => Self(1 | 128),
            FieldType::Object => Self::OBJECT,
            FieldType::List => Self::LIST,
        }
    }

    /// Whether a value is of one of these kinds. Null is of none.
    pub const fn holds(self, value: &Value) -> bool {
        self.meets(match value {
            Value::Null => Self(0),
            Value::Bool(_) => Self::BOOL,
            Value::Int(_) | Value::UInt(_) => Self::INTEGER,
            Value::Decimal(_) | Value::Float(_) => Self::DECIMAL,
            Value::Text(_) => Self::TEXT,
            Value::Bytes(_) => Self::BYTES,
            Value::Date(_) => Self::DATE,
            Value::Time(_) => Self::TIME,
            Value::Timestamp(_) => Self::TIMESTAMP,
            Value::List(_) => Self::LIST,
            Value::Object(_) => Self::OBJECT,
        })
    }

    /// The words for the kinds in the set.
    pub fn words(self) -> Vec<&'static str> {
        if self == Self::ANY {
            return vec!["anything"];
        }
        const WORDS: [(Kinds, &str); 10] = [
            (Kinds::TEXT, "text"),
            (Kinds::INTEGER, "whole number"),
            (Kinds::DECIMAL, "number"),
            (Kinds::BOOL, "true/false"),
            (Kinds::DATE, "date"),
            (Kinds::TIME, "time"),
            (Kinds::TIMESTAMP, "date and time"),
            (Kinds::BYTES, "bytes"),
            (Kinds::LIST, "list"),
            (Kinds::OBJECT, "object"),
        ];
        WORDS
            .iter()
            .filter(|(kind, _)| self.meets(*kind))
            .map(|(_, word)| *word)
            .collect()
    }
}

impl Serialize for Kinds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.words().serialize(serializer)
    }
}

/// What comes out of a transform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ts_rs::TS)]
#[serde(tag = "kind", content = "type", rename_all = "snake_case")]
pub enum OutputKind {
    /// What went in.
    Same,
    /// An item of the list that went in.
    Item,
    /// Always this type (or what the parameters say).
    Of(FieldType),
}

/// What a transform does to one value; all three are JSON.
#[derive(Clone, Debug, Serialize, ts_rs::TS)]
pub struct Example {
    /// What goes in.
    pub input: &'static str,
    /// The parameters.
    pub with: &'static str,
    /// What comes out; `error: …` where nothing does.
    pub output: &'static str,
}

/// An example, without the ceremony.
pub(crate) const fn eg(input: &'static str, with: &'static str, output: &'static str) -> Example {
    Example {
        input,
        with,
        output,
    }
}

impl Param {
    /// A parameter that must be given.
    pub(crate) const fn required(
        name: &'static str,
        kind: ParamKind,
        summary: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            required: true,
            default: None,
            summary,
            options: &[],
        }
    }

    /// A parameter that may be left out.
    pub(crate) const fn optional(
        name: &'static str,
        kind: ParamKind,
        summary: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            required: false,
            default: None,
            summary,
            options: &[],
        }
    }

    /// What is taken when it is left out, as JSON.
    pub(crate) const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self.required = false;
        self
    }

    /// The choices.
    pub(crate) const fn of(mut self, options: &'static [&'static str]) -> Self {
        self.options = options;
        self
    }
}
