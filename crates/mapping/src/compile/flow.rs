//! What is known of a value on its way through a rule, before any record is read.

use compact_str::CompactString;
use model::field::{Field, FieldType, Schema};
use model::mapping::Step;
use model::path::{FieldPath, Segment};
use model::value::Value;

use super::names::is_open;
use crate::diagnostic::Severity;
use crate::transforms::{Built, OutputKind, step};

/// What is known of the value here.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    pub(crate) kind: FieldType,
    /// What the items are, for lists.
    pub(crate) items: Option<FieldType>,
    /// It is the list of several fields' values, still to be joined.
    pub(super) several: bool,
    /// All texts it can be.
    pub(crate) options: Option<Vec<CompactString>>,
    /// Longest text it can be, where known.
    pub(super) max_length: Option<u32>,
    pub(crate) nullable: bool,
}

impl Flow {
    pub(crate) fn of_type(kind: FieldType) -> Self {
        Self {
            kind,
            items: None,
            several: false,
            options: None,
            max_length: None,
            nullable: false,
        }
    }

    pub(super) fn of_value(value: &Value) -> Self {
        let kind = match value {
            Value::Null => FieldType::Any,
            Value::Bool(_) => FieldType::Bool,
            Value::Int(_) | Value::UInt(_) => FieldType::Integer,
            Value::Decimal(_) => FieldType::Decimal,
            Value::Float(_) => FieldType::Float,
            Value::Text(_) => FieldType::Text,
            Value::Bytes(_) => FieldType::Bytes,
            Value::Date(_) => FieldType::Date,
            Value::Time(_) => FieldType::Time,
            Value::Timestamp(_) => FieldType::Timestamp,
            Value::List(_) => FieldType::List,
            Value::Object(_) => FieldType::Object,
        };
        let options = value.as_text().map(|text| vec![text.into()]);
        Self {
            options,
            ..Self::of_type(kind)
        }
    }

    /// The field at a path. The error is the path that would have been right, where the path forgot a `[]`.
    pub(crate) fn of_path(schema: &Schema, path: &FieldPath) -> Result<Self, Option<FieldPath>> {
        if schema.fields.is_empty() {
            return Ok(Self::of_type(FieldType::Any));
        }
        let mut fields = &schema.fields;
        let mut here: Option<&Field> = None;
        // Whether the current field is a list whose items have not been asked for.
        let mut at_list = false;
        let mut gathers = false;
        let mut item = false;
        let mut corrected = FieldPath::root();
        let mut forgot = false;
        for segment in path.segments() {
            match segment {
                Segment::Name(name) => {
                    if at_list {
                        forgot = true;
                        corrected = corrected.each();
                    }
                    let Some(field) = fields.iter().find(|field| field.name == name.as_str())
                    else {
                        return match here {
                            Some(parent) if is_open(parent) && !at_list => {
                                Ok(Self::of_type(FieldType::Any))
                            }
                            _ => Err(None),
                        };
                    };
                    corrected = corrected.child(name.clone());
                    fields = &field.fields;
                    at_list = field.field_type == FieldType::List;
                    item = false;
                    here = Some(field);
                }
                Segment::Each | Segment::Index(_) => {
                    let any = here.is_some_and(|field| field.field_type == FieldType::Any);
                    if !at_list && !any {
                        return Err(None);
                    }
                    gathers |= *segment == Segment::Each;
                    at_list = false;
                    item = true;
                    corrected = match segment {
                        Segment::Index(_) => {
                            let mut segments = corrected.segments().to_vec();
                            segments.push(segment.clone());
                            FieldPath::from_segments(segments)
                        }
                        _ => corrected.each(),
                    };
                }
            }
        }
        let field = here.ok_or(None)?;
        if forgot {
            return Err(Some(corrected));
        }
        let item_kind = field.items.unwrap_or(if field.fields.is_empty() {
            FieldType::Any
        } else {
            FieldType::Object
        });
        let kind = if item { item_kind } else { field.field_type };
        let mut flow = Self {
            kind,
            items: (kind == FieldType::List).then_some(item_kind),
            several: false,
            options: (kind == FieldType::Enum && !field.options.is_empty()).then(|| {
                field
                    .options
                    .iter()
                    .map(|option| option.value.as_str().into())
                    .collect()
            }),
            max_length: field.max_length,
            nullable: field.nullable,
        };
        if gathers {
            flow = Self {
                kind: FieldType::List,
                items: Some(kind),
                ..Self::of_type(FieldType::List)
            };
        }
        Ok(flow)
    }

    /// The list of several fields' values.
    pub(super) fn several(flows: &[Self]) -> Self {
        let first = flows.first().map_or(FieldType::Any, |flow| flow.kind);
        let same = flows.iter().all(|flow| flow.kind == first);
        Self {
            items: Some(if same { first } else { FieldType::Any }),
            several: true,
            nullable: flows.iter().all(|flow| flow.nullable),
            ..Self::of_type(FieldType::List)
        }
    }

    /// What is known behind a step.
    pub(crate) fn after(&self, built: &Built, step: &Step) -> Self {
        let name = built.transform.name;
        let kind = match built.transform.output {
            OutputKind::Same => self.kind,
            OutputKind::Item => self.items.unwrap_or(FieldType::Any),
            OutputKind::Of(kind) => built.output.unwrap_or(kind),
        };
        // What a default adds to the kinds is not followed: it may be anything.
        let kind = match name {
            "default_if_empty" | "default_if_missing" => {
                let default = step
                    .with
                    .get("value")
                    .map(Value::from_serde)
                    .unwrap_or_default();
                let of_default = Self::of_value(&default).kind;
                let texts = [FieldType::Text, FieldType::Enum];
                if of_default == kind
                    || default.is_null()
                    || (texts.contains(&kind) && of_default == FieldType::Text)
                {
                    kind
                } else {
                    FieldType::Any
                }
            }
            _ => kind,
        };
        let keeps_length = matches!(
            name,
            "trim"
                | "normalise_space"
                | "lower"
                | "upper"
                | "capitalise"
                | "null_if"
                | "default_if_empty"
                | "default_if_missing"
                | "require"
        );
        let max_length = match name {
            "slice" => step
                .with
                .get("length")
                .and_then(serde_json::Value::as_u64)
                .and_then(|n| u32::try_from(n).ok()),
            _ if keeps_length => self.max_length,
            _ => None,
        };
        let options = if built.outputs.is_empty() {
            matches!(name, "null_if" | "require")
                .then(|| self.options.clone())
                .flatten()
        } else {
            Some(built.outputs.clone())
        };
        Self {
            kind,
            items: (kind == FieldType::List)
                .then_some(match name {
                    "split" => Some(FieldType::Text),
                    "distinct" | "compact" => self.items,
                    "to_list" if self.several || self.kind == FieldType::List => self.items,
                    "to_list" => Some(self.kind),
                    _ => None,
                })
                .flatten(),
            several: false,
            options,
            max_length,
            nullable: self.nullable && !matches!(name, "default_if_empty" | "require"),
        }
    }
}

/// Something that a person should know about how one type goes into another.
pub(super) struct Finding {
    pub(super) severity: Severity,
    pub(super) code: &'static str,
    pub(super) note: &'static str,
    pub(super) suggestion: String,
    pub(super) step: Option<Step>,
}

/// How a value of this kind goes into the field; none where all is well.
pub(super) fn relation(flow: &Flow, field: &Field) -> Option<Finding> {
    use FieldType as T;
    let warn = |code, note, proposal: Step| {
        Some(Finding {
            severity: Severity::Warning,
            code,
            note,
            suggestion: format!("add the step \"{}\"", proposal.name),
            step: Some(proposal),
        })
    };
    let parse = |proposal| {
        warn(
            "parse_needed",
            "; it is not read as one by itself",
            proposal,
        )
    };
    let lossy = |note, proposal| warn("lossy_conversion", note, proposal);
    let never = |suggestion: &str, step| {
        Some(Finding {
            severity: Severity::Error,
            code: "type_mismatch",
            note: "",
            suggestion: suggestion.to_owned(),
            step,
        })
    };
    let from = flow.kind;
    let to = field.field_type;
    match (from, to) {
        (T::Any, _) | (_, T::Any) => None,
        (from, to) if from == to => None,
        (T::List, T::Object) | (T::Object, T::List) => never("choose another field", None),
        (T::List, _) => {
            let proposal = if matches!(to, T::Text) {
                step("join", [("separator", ", ".into())])
            } else {
                step("first", [])
            };
            Some(Finding {
                severity: Severity::Error,
                code: "list_to_scalar",
                note: "",
                suggestion: format!("add the step \"{}\"", proposal.name),
                step: Some(proposal),
            })
        }
        (T::Object, _) => never("choose one of the object's fields", None),
        (T::Text, T::List) => warn(
            "scalar_to_list",
            "",
            step("split", [("separator", ",".into())]),
        ),
        (_, T::List) => warn("scalar_to_list", "", step("to_list", [])),
        (_, T::Object) => never("choose one of the object's fields as the target", None),
        (_, T::Text) | (T::Text, T::Enum) | (T::Text, T::Bytes) => None,
        (T::Bool, T::Enum) => lossy(
            "; true and false are not among them",
            step(
                "value_map",
                [("entries", serde_json::json!({"true": "", "false": ""}))],
            ),
        )
        .map(|finding| Finding {
            step: None,
            ..finding
        }),
        (_, T::Enum) => None,
        (T::Decimal | T::Float, T::Integer) => {
            lossy("; fractions are held back", step("round", []))
        }
        (T::Text | T::Enum, T::Integer) => parse(step("to_integer", [])),
        (T::Bool, T::Integer) => parse(step("to_integer", [])),
        (T::Integer | T::Float, T::Decimal) | (T::Integer | T::Decimal, T::Float) => None,
        (T::Text | T::Enum | T::Bool, T::Decimal | T::Float) => parse(step("to_decimal", [])),
        (T::Text | T::Enum | T::Integer, T::Bool) => parse(step("to_bool", [])),
        (T::Timestamp, T::Date) => lossy(
            "; the time of day would be lost, so such records are held back",
            step("date_only", []),
        ),
        (T::Text | T::Enum, T::Date) => parse(step("parse_date", [])),
        (T::Integer, T::Date) => parse(step("parse_date", [("format", "unix".into())])),
        (T::Text | T::Enum, T::Timestamp) => {
            parse(step("parse_date", [("result", "timestamp".into())]))
        }
        (T::Date, T::Timestamp) => parse(step(
            "parse_date",
            [("result", "timestamp".into()), ("zone", "UTC".into())],
        )),
        (T::Integer, T::Timestamp) => parse(step(
            "parse_date",
            [("format", "unix".into()), ("result", "timestamp".into())],
        )),
        (T::Timestamp, T::Time) => lossy(
            "; the day would be lost, so such records are held back",
            step("format_date", [("format", "%H:%M:%S".into())]),
        ),
        (T::Text | T::Enum, T::Time) => None,
        (_, T::Bytes) => never("convert it to text first", Some(step("to_text", []))),
        _ => never(
            "choose another field, or convert it with an expression",
            None,
        ),
    }
}
