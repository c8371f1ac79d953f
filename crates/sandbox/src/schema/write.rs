//! What a write makes of a record: merge, check, default values, and every fault with its pointer.

use serde_json::{Map, Value, json};

use super::{
    Field, Kind, Schema,
    forms::{is_decimal, is_e164, is_email, normal_email},
};
use crate::clock;

/// One field of a write that cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldError {
    /// JSON pointer into the record.
    pub(crate) pointer: String,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl FieldError {
    pub(crate) fn new(pointer: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.to_owned(),
            code,
            message: message.into(),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({"pointer": self.pointer, "code": self.code, "message": self.message})
    }
}

/// How a write meets what is there.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Write<'a> {
    /// A new record.
    Create,
    /// A merge patch over the present record.
    Patch(&'a Map<String, Value>),
    /// All writable fields anew; read-only ones stay.
    Replace(&'a Map<String, Value>),
}

impl<'a> Write<'a> {
    fn present(self) -> Option<&'a Map<String, Value>> {
        match self {
            Write::Create => None,
            Write::Patch(present) | Write::Replace(present) => Some(present),
        }
    }
}

/// Whether a record with that id exists in that stream.
pub(crate) type Exists<'a> = &'a dyn Fn(&str, &str) -> bool;

impl Schema {
    /// The record that the write leads to, or every field that is at fault.
    pub(crate) fn apply(
        &self,
        input: &Map<String, Value>,
        write: Write<'_>,
        exists: Exists<'_>,
    ) -> Result<Map<String, Value>, Vec<FieldError>> {
        let mut errors = Vec::new();
        let record = merge(self.fields, false, input, write, "", exists, &mut errors);
        if errors.is_empty() {
            Ok(record)
        } else {
            Err(errors)
        }
    }
}

fn merge(
    fields: &[Field],
    open: bool,
    input: &Map<String, Value>,
    write: Write<'_>,
    base: &str,
    exists: Exists<'_>,
    errors: &mut Vec<FieldError>,
) -> Map<String, Value> {
    let mut record = Map::new();
    for field in fields {
        let pointer = format!("{base}/{}", field.name);
        let present = write.present().and_then(|record| record.get(field.name));
        let given = input.get(field.name);
        if field.read_only {
            if let Some(given) = given
                && present != Some(given)
            {
                errors.push(FieldError::new(&pointer, "read_only", "cannot be written"));
            }
            record.insert(
                field.name.to_owned(),
                present.cloned().unwrap_or(Value::Null),
            );
            continue;
        }
        match (given, write) {
            (None, Write::Patch(_)) => {
                // A member that old records lack stays absent.
                if let Some(present) = present {
                    record.insert(field.name.to_owned(), present.clone());
                }
            }
            (None | Some(Value::Null), _) if field.required => {
                errors.push(FieldError::new(&pointer, "required", "is required"));
            }
            (None, _) | (Some(Value::Null), _) => {
                record.insert(field.name.to_owned(), field.default_value());
            }
            (Some(given), _) => {
                if let Some(value) = accept(field, given, present, write, &pointer, exists, errors)
                {
                    record.insert(field.name.to_owned(), value);
                }
            }
        }
    }
    if open {
        // Members that the table does not name: merged by name, as they come.
        if let Write::Patch(present) = write {
            for (name, value) in present {
                if !record.contains_key(name) {
                    record.insert(name.clone(), value.clone());
                }
            }
        }
        for (name, value) in input {
            if fields.iter().all(|field| field.name != name) {
                if value.is_null() {
                    record.shift_remove(name);
                } else {
                    record.insert(name.clone(), value.clone());
                }
            }
        }
    } else {
        for name in input.keys() {
            if fields.iter().all(|field| field.name != name) {
                let pointer = format!("{base}/{}", name.replace('~', "~0").replace('/', "~1"));
                errors.push(FieldError::new(
                    &pointer,
                    "unknown_field",
                    "is not a field of this record",
                ));
            }
        }
    }
    record
}

fn accept(
    field: &Field,
    given: &Value,
    present: Option<&Value>,
    write: Write<'_>,
    pointer: &str,
    exists: Exists<'_>,
    errors: &mut Vec<FieldError>,
) -> Option<Value> {
    let mut refuse = |code: &'static str, message: String| {
        errors.push(FieldError::new(pointer, code, message));
        None
    };
    match field.kind {
        Kind::Integer => match given {
            Value::Number(number) if number.is_i64() || number.is_u64() => Some(given.clone()),
            _ => refuse("wrong_type", "must be a whole number".into()),
        },
        Kind::Number => match given.as_f64() {
            Some(number) if number.abs() < 1e12 => Some(json!((number * 100.0).round() / 100.0)),
            Some(_) => refuse("out_of_range", "is too large".into()),
            None => refuse("wrong_type", "must be a number".into()),
        },
        Kind::Boolean => match given {
            Value::Bool(_) => Some(given.clone()),
            _ => refuse("wrong_type", "must be true or false".into()),
        },
        Kind::TextList {
            max_items,
            max_length,
        } => {
            let Some(list) = given.as_array() else {
                return refuse("wrong_type", "must be a list of texts".into());
            };
            if list.len() > max_items {
                return refuse("too_many", format!("holds at most {max_items}"));
            }
            let mut good = true;
            for (index, member) in list.iter().enumerate() {
                let fault = match member.as_str() {
                    None => Some(("wrong_type", "must be text".to_owned())),
                    Some(text) if text.chars().count() > max_length => Some((
                        "too_long",
                        format!("must have at most {max_length} characters"),
                    )),
                    Some(_) => None,
                };
                if let Some((code, message)) = fault {
                    errors.push(FieldError::new(
                        &format!("{pointer}/{index}"),
                        code,
                        message,
                    ));
                    good = false;
                }
            }
            good.then(|| given.clone())
        }
        Kind::Object { fields, open } => {
            let Some(object) = given.as_object() else {
                return refuse("wrong_type", "must be an object".into());
            };
            let nothing = Map::new();
            let inner = match write {
                Write::Patch(_) => match present.and_then(Value::as_object) {
                    Some(present) => Write::Patch(present),
                    None => Write::Create,
                },
                Write::Create => Write::Create,
                Write::Replace(_) => {
                    Write::Replace(present.and_then(Value::as_object).unwrap_or(&nothing))
                }
            };
            let before = errors.len();
            let merged = merge(fields, open, object, inner, pointer, exists, errors);
            (errors.len() == before).then_some(Value::Object(merged))
        }
        Kind::Text
        | Kind::Email { .. }
        | Kind::Phone
        | Kind::Url
        | Kind::Capitals(_)
        | Kind::Decimal
        | Kind::Date
        | Kind::Timestamp
        | Kind::Enum(_)
        | Kind::Reference(_) => {
            let Some(text) = given.as_str() else {
                return refuse("wrong_type", "must be text".into());
            };
            match accept_text(field, text, exists) {
                Ok(text) => Some(Value::String(text)),
                Err((code, message)) => refuse(code, message),
            }
        }
    }
}

fn accept_text(
    field: &Field,
    text: &str,
    exists: Exists<'_>,
) -> Result<String, (&'static str, String)> {
    let format = |good: bool, message: &str| {
        if good {
            Ok(())
        } else {
            Err(("invalid_format", message.to_owned()))
        }
    };
    if let Some(max) = field.max_length
        && text.trim().chars().count() > max
    {
        return Err(("too_long", format!("must have at most {max} characters")));
    }
    match field.kind {
        Kind::Email { lowered } => {
            format(is_email(text.trim()), "must be an e-mail address")?;
            return Ok(if lowered {
                normal_email(text)
            } else {
                text.to_owned()
            });
        }
        Kind::Phone => format(
            is_e164(text),
            "must be + and 7 to 15 digits, like +4930123456",
        )?,
        Kind::Url => format(
            url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https")),
            "must be an http or https address",
        )?,
        Kind::Capitals(count) => format(
            text.len() == count && text.bytes().all(|byte| byte.is_ascii_uppercase()),
            &format!("must be {count} capital letters"),
        )?,
        Kind::Decimal => format(
            is_decimal(text),
            "must be a number written as text, like \"1240000.50\"",
        )?,
        Kind::Date => format(clock::is_date(text), "must be a date, YYYY-MM-DD")?,
        Kind::Timestamp => format(
            !clock::is_date(text) && clock::parse(text).is_some(),
            "must be a timestamp with an offset, like 2024-03-31T01:30:00-03:00",
        )?,
        Kind::Enum(options) => {
            if options.iter().all(|(value, _)| *value != text) {
                let known: Vec<&str> = options.iter().map(|(value, _)| *value).collect();
                return Err((
                    "not_an_option",
                    format!("must be one of {}", known.join(", ")),
                ));
            }
        }
        Kind::Reference(stream) => {
            if !exists(stream, text) {
                let short: String = text.chars().take(60).collect();
                let one = stream.strip_suffix('s').unwrap_or(stream);
                return Err(("not_found", format!("there is no {one} {short}")));
            }
        }
        Kind::Text
        | Kind::Integer
        | Kind::Number
        | Kind::Boolean
        | Kind::TextList { .. }
        | Kind::Object { .. } => {}
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    static INNER: [Field; 2] = [
        Field::new("city", "City", Kind::Text).max(10),
        Field::new("code", "Code", Kind::Capitals(2)),
    ];
    static SCHEMA: Schema = Schema {
        stream: "people",
        label: "People",
        match_by: Some("email"),
        fields: &[
            Field::new("id", "Id", Kind::Text).read_only(),
            Field::new("email", "E-mail", Kind::Email { lowered: true }).required(),
            Field::new("kind", "Kind", Kind::Enum(&[("a", "A"), ("b", "B")])),
            Field::new(
                "tags",
                "Tags",
                Kind::TextList {
                    max_items: 2,
                    max_length: 3,
                },
            ),
            Field::new(
                "place",
                "Place",
                Kind::Object {
                    fields: &INNER,
                    open: false,
                },
            ),
            Field::new("money", "Money", Kind::Decimal),
            Field::new("list_id", "List", Kind::Reference("lists")),
        ],
    };

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn every_fault_is_named_with_a_pointer_and_a_code() {
        fn check(input: Value, expected: &[(&str, &str)]) {
            let errors = SCHEMA
                .apply(&object(input), Write::Create, &|_, id| id == "lst_main")
                .unwrap_err();
            let found: Vec<(&str, &str)> = errors
                .iter()
                .map(|error| (error.pointer.as_str(), error.code))
                .collect();
            assert_eq!(found, expected);
        }
        check(json!({}), &[("/email", "required")]);
        check(json!({"email": "n/a"}), &[("/email", "invalid_format")]);
        check(json!({"email": 5}), &[("/email", "wrong_type")]);
        check(
            json!({"email": "a@example.com", "id": "x", "kind": "c", "list_id": "lst_x", "m/n": 1}),
            &[
                ("/id", "read_only"),
                ("/kind", "not_an_option"),
                ("/list_id", "not_found"),
                ("/m~1n", "unknown_field"),
            ],
        );
        check(
            json!({"email": "a@example.com", "tags": ["a", "long!"], "place": {"city": "x".repeat(11), "code": "de"}}),
            &[
                ("/tags/1", "too_long"),
                ("/place/city", "too_long"),
                ("/place/code", "invalid_format"),
            ],
        );
        check(
            json!({"email": "a@example.com", "tags": ["a", "b", "c"], "money": "1e5"}),
            &[("/tags", "too_many"), ("/money", "invalid_format")],
        );
    }

    #[test]
    fn a_patch_merges_and_a_replacement_does_not() {
        let exists = |_: &str, _: &str| true;
        let first = SCHEMA
            .apply(
                &object(
                    json!({"email": " A@Example.com ", "tags": ["x"], "place": {"city": "Rome"}}),
                ),
                Write::Create,
                &exists,
            )
            .unwrap();
        assert_eq!(
            Value::Object(first.clone()),
            json!({"id": null, "email": "a@example.com", "kind": null, "tags": ["x"],
                "place": {"city": "Rome", "code": null}, "money": null, "list_id": null})
        );
        let input = object(json!({"place": {"code": "IT"}, "tags": null}));
        let patched = SCHEMA.apply(&input, Write::Patch(&first), &exists).unwrap();
        assert_eq!(
            patched.get("place"),
            Some(&json!({"city": "Rome", "code": "IT"}))
        );
        assert_eq!(patched.get("tags"), Some(&json!([])));
        let mut input = input;
        input.insert("email".into(), json!("a@example.com"));
        let replaced = SCHEMA
            .apply(&input, Write::Replace(&first), &exists)
            .unwrap();
        assert_eq!(
            replaced.get("place"),
            Some(&json!({"city": null, "code": "IT"}))
        );
    }
}
