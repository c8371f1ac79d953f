//! The last check of a rule: does the value suit the target field?
//!
//! Suits exactly: passes. Can be widened without loss (a number where text is wanted): widened in
//! silence. Everything else is refused with words that say what was expected; parsing and rounding
//! are steps that a person chooses, never done here.

use compact_str::CompactString;
use model::field::{Field, FieldType, Format};
use model::value::Value;

use crate::arithmetic::Exact;
use crate::words::{quoted, scalar_text};
use crate::{dates, formats};

/// A target field, ready to check values against.
#[derive(Clone, Debug)]
pub(crate) struct Fit {
    field_type: FieldType,
    items: Option<FieldType>,
    format: Option<Format>,
    /// Only international phone numbers are accepted.
    e164: bool,
    required: bool,
    nullable: bool,
    max_length: Option<u32>,
    options: Vec<CompactString>,
}

impl Fit {
    pub(crate) fn new(field: &Field) -> Self {
        Self {
            field_type: field.field_type,
            items: field.items,
            format: field.format,
            e164: field.format == Some(Format::Phone) && wants_e164(field),
            required: field.required,
            nullable: field.nullable || field.field_type == FieldType::Any,
            max_length: field.max_length,
            options: field
                .options
                .iter()
                .map(|option| option.value.as_str().into())
                .collect(),
        }
    }

    /// A field of which nothing is known.
    pub(crate) fn anything() -> Self {
        Self::new(&Field::new("", FieldType::Any))
    }

    /// The type of the field.
    pub(crate) fn field_type(&self) -> FieldType {
        self.field_type
    }

    /// The value to send; `None` leaves the field out (null where null is not accepted).
    pub(crate) fn check(&self, value: Value) -> Result<Option<Value>, String> {
        if value.is_null() {
            return match (self.required, self.nullable) {
                (true, _) => Err("is required but empty".to_owned()),
                (false, true) => Ok(Some(Value::Null)),
                (false, false) => Ok(None),
            };
        }
        if self.required && matches!(&value, Value::Text(text) if text.trim().is_empty()) {
            return Err("is required but empty".to_owned());
        }
        let value = as_type(self.field_type, value)?;
        if let Value::Text(text) = &value {
            self.check_text(text)?;
        }
        if let (Value::List(items), Some(item_type)) = (&value, self.items) {
            let plain = items.iter().all(|item| is_exactly(item_type, item));
            if !plain {
                let Value::List(items) = value else {
                    return Ok(Some(value));
                };
                let items: Result<Vec<Value>, String> = items
                    .into_iter()
                    .enumerate()
                    .map(|(n, item)| {
                        if item.is_null() {
                            return Ok(item);
                        }
                        as_type(item_type, item).map_err(|why| format!("item {}: {why}", n + 1))
                    })
                    .collect();
                return Ok(Some(Value::List(items?)));
            }
        }
        Ok(Some(value))
    }

    fn check_text(&self, text: &CompactString) -> Result<(), String> {
        if !self.options.is_empty() && !self.options.contains(text) {
            let near = crate::words::nearest(text, self.options.iter().map(CompactString::as_str))
                .map(|near| format!("; did you mean \"{near}\"?"))
                .unwrap_or_default();
            let accepted: Vec<String> = self
                .options
                .iter()
                .take(6)
                .map(ToString::to_string)
                .collect();
            return Err(format!(
                "{} is not one of the accepted values ({}{}){near}",
                crate::words::quoted_text(text),
                accepted.join(", "),
                if self.options.len() > accepted.len() {
                    ", …"
                } else {
                    ""
                },
            ));
        }
        if let Some(most) = self.max_length {
            // Bytes first: they bound the characters, and counting is the slow way.
            if text.len() > most as usize {
                let length = text.chars().count();
                if length > most as usize {
                    return Err(format!(
                        "is {length} characters long but at most {most} are accepted; shorten it with the step \"slice\""
                    ));
                }
            }
        }
        if self.e164 && !formats::is_e164(text) {
            return Err(format!(
                "{} is not an international phone number such as +5511987654321",
                crate::words::quoted_text(text)
            ));
        }
        match self.format {
            Some(format) if !formats::fits(format, text) => Err(format!(
                "{} is not {}",
                crate::words::quoted_text(text),
                formats::described(format)
            )),
            _ => Ok(()),
        }
    }
}

/// Platforms that insist on E.164 say so in the name or the description.
pub(crate) fn wants_e164(field: &Field) -> bool {
    let says = |text: &str| {
        let lower = text.to_ascii_lowercase();
        lower.contains("e164") || lower.contains("e.164") || lower.contains("e_164")
    };
    says(&field.name)
        || field.description.as_deref().is_some_and(says)
        || field.label.as_deref().is_some_and(says)
}

/// True when a value of this type needs no look at all.
fn is_exactly(field_type: FieldType, value: &Value) -> bool {
    matches!(
        (field_type, value),
        (FieldType::Any, _)
            | (FieldType::Text | FieldType::Enum, Value::Text(_))
            | (FieldType::Integer, Value::Int(_) | Value::UInt(_))
            | (FieldType::Bool, Value::Bool(_))
            | (FieldType::Date, Value::Date(_))
            | (FieldType::Time, Value::Time(_))
            | (FieldType::Timestamp, Value::Timestamp(_))
            | (FieldType::List, Value::List(_))
            | (FieldType::Object, Value::Object(_))
            | (
                FieldType::Decimal,
                Value::Decimal(_) | Value::Int(_) | Value::UInt(_)
            )
            | (FieldType::Bytes, Value::Bytes(_))
    )
}

fn as_type(field_type: FieldType, value: Value) -> Result<Value, String> {
    if is_exactly(field_type, &value) {
        return Ok(value);
    }
    match field_type {
        FieldType::Any => Ok(value),
        FieldType::Text | FieldType::Enum => match scalar_text(&value) {
            Some(text) => Ok(Value::Text(text)),
            None => Err(expected("text", &value)),
        },
        FieldType::Integer => match &value {
            Value::Decimal(_) | Value::Float(_) => Exact::from_value(&value)
                .filter(Exact::is_whole)
                .and_then(|number| number.round(0, crate::arithmetic::Rounding::Down))
                .and_then(|number| number.to_value())
                .filter(|number| !matches!(number, Value::Decimal(_)))
                .ok_or_else(|| {
                    format!(
                        "{} is not a whole number; use the step \"round\"",
                        quoted(&value)
                    )
                }),
            Value::Text(_) => {
                Err(expected("a whole number", &value) + "; use the step \"to_integer\"")
            }
            _ => Err(expected("a whole number", &value)),
        },
        FieldType::Decimal => match &value {
            Value::Float(float) => model::number::Decimal::from_f64(*float)
                .map(Value::Decimal)
                .ok_or_else(|| expected("a number", &value)),
            // Many platforms write amounts as text, so that no digit is lost.
            Value::Text(text) if model::number::Decimal::parse(text).is_some() => Ok(value),
            Value::Text(_) => Err(expected("a number", &value) + "; use the step \"parse_number\""),
            _ => Err(expected("a number", &value)),
        },
        FieldType::Float => match &value {
            Value::Int(_) | Value::UInt(_) | Value::Decimal(_) | Value::Float(_) => Ok(value),
            Value::Text(_) => Err(expected("a number", &value) + "; use the step \"to_decimal\""),
            _ => Err(expected("a number", &value)),
        },
        FieldType::Bool => match &value {
            Value::Text(_) | Value::Int(_) => {
                Err(expected("true or false", &value) + "; use the step \"to_bool\"")
            }
            _ => Err(expected("true or false", &value)),
        },
        FieldType::Date => match &value {
            Value::Text(text) if dates::parse_date(text).is_some() => Ok(value),
            Value::Timestamp(_) => Err(expected("a date", &value) + "; use the step \"date_only\""),
            Value::Text(text) if dates::parse_iso(text).is_some() => {
                Err(expected("a date", &value) + "; use the step \"date_only\"")
            }
            _ => {
                Err(expected("a date such as 2024-03-31", &value) + "; use the step \"parse_date\"")
            }
        },
        FieldType::Time => match &value {
            Value::Text(text) if dates::parse_time(text).is_some() => Ok(value),
            _ => Err(expected("a time such as 14:30", &value)),
        },
        FieldType::Timestamp => match &value {
            Value::Text(text) if dates::parse_timestamp(text).is_some() => Ok(value),
            _ => Err(expected(
                "a date and time with offset such as 2024-03-31T01:30:00Z",
                &value,
            ) + "; use the step \"parse_date\""),
        },
        FieldType::Bytes => match &value {
            Value::Text(_) => Ok(value),
            _ => Err(expected("bytes", &value)),
        },
        FieldType::Object => Err(expected("an object", &value)),
        FieldType::List => Err(expected("a list", &value) + "; use the step \"to_list\""),
    }
}

fn expected(what: &str, value: &Value) -> String {
    match value {
        Value::List(_) | Value::Object(_) | Value::Bytes(_) => {
            format!("expected {what} but got {}", quoted(value))
        }
        _ => format!(
            "expected {what} but got the {} {}",
            value.kind(),
            quoted(value)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(field: &Field, json: &str, expected: &str) {
        let value = model::json::parse(json.as_bytes()).unwrap();
        let got = match Fit::new(field).check(value) {
            Ok(Some(value)) => model::json::to_string(&value),
            Ok(None) => "left out".to_owned(),
            Err(why) => why,
        };
        assert_eq!(got, expected, "{json} into {field:?}");
    }

    #[test]
    fn what_suits_passes_and_what_widens_is_widened() {
        use FieldType as T;
        for (field_type, json, expected) in [
            (T::Text, "\"x\"", "\"x\""),
            (T::Text, "9007199254740993", "\"9007199254740993\""),
            (T::Text, "1.10", "\"1.10\""),
            (T::Integer, "1.0", "1"),
            (T::Integer, "18446744073709551615", "18446744073709551615"),
            (T::Decimal, "\"1240000.50\"", "\"1240000.50\""),
            (T::Decimal, "7", "7"),
            (T::Date, "\"2024-03-31\"", "\"2024-03-31\""),
            (
                T::Timestamp,
                "\"2024-03-31T01:30:00-03:00\"",
                "\"2024-03-31T01:30:00-03:00\"",
            ),
            (T::Any, "{\"a\":[1]}", "{\"a\":[1]}"),
            (T::Text, "null", "left out"),
        ] {
            check(&Field::new("f", field_type), json, expected);
        }
    }

    #[test]
    fn what_does_not_suit_is_refused_with_what_was_expected() {
        use FieldType as T;
        for (field_type, json, expected) in [
            (T::Text, "[1]", "expected text but got a list of 1"),
            (
                T::Integer,
                "1.5",
                "1.5 is not a whole number; use the step \"round\"",
            ),
            (
                T::Integer,
                "\"12\"",
                "expected a whole number but got the text \"12\"; use the step \"to_integer\"",
            ),
            (
                T::Bool,
                "\"yes\"",
                "expected true or false but got the text \"yes\"; use the step \"to_bool\"",
            ),
            (
                T::Date,
                "\"2024-03-31T01:30:00Z\"",
                "expected a date but got the text \"2024-03-31T01:30:00Z\"; use the step \"date_only\"",
            ),
            (
                T::List,
                "\"a\"",
                "expected a list but got the text \"a\"; use the step \"to_list\"",
            ),
        ] {
            check(&Field::new("f", field_type), json, expected);
        }
    }

    #[test]
    fn options_length_and_format_are_held() {
        let mut status = Field::new("status", FieldType::Enum);
        for value in ["subscribed", "pending"] {
            status.options.push(model::field::FieldOption {
                value: value.to_owned(),
                label: None,
            });
        }
        check(&status, "\"pending\"", "\"pending\"");
        check(
            &status,
            "\"Subscribed\"",
            "\"Subscribed\" is not one of the accepted values (subscribed, pending); did you mean \"subscribed\"?",
        );
        let mut email = Field::new("email", FieldType::Text);
        email.format = Some(Format::Email);
        email.required = true;
        check(&email, "\"n/a\"", "\"n/a\" is not an e-mail address");
        check(&email, "\"\"", "is required but empty");
        check(&email, "null", "is required but empty");
        let mut note = Field::new("note", FieldType::Text);
        note.max_length = Some(3);
        check(&note, "\"äöü\"", "\"äöü\"");
        check(
            &note,
            "\"äöüß\"",
            "is 4 characters long but at most 3 are accepted; shorten it with the step \"slice\"",
        );
        let mut phone = Field::new("phone_e164", FieldType::Text);
        phone.format = Some(Format::Phone);
        check(
            &phone,
            "\"(11) 98765-4321\"",
            "\"(11) 98765-4321\" is not an international phone number such as +5511987654321",
        );
    }
}
