//! What a record of a stream looks like: one table of fields per stream. Validation of writes, the describe endpoint
//! and the default values all read the same table, so they cannot disagree.

use serde_json::{Map, Value, json};

use crate::clock;

/// A stream's fields, in the order in which they appear in a record.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) stream: &'static str,
    pub(crate) label: &'static str,
    /// The unique field by which a record can be found, beside its id.
    pub(crate) match_by: Option<&'static str>,
    pub(crate) fields: &'static [Field],
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    label: &'static str,
    description: &'static str,
    kind: Kind,
    required: bool,
    pub(crate) read_only: bool,
    nullable: bool,
    unique: bool,
    max_length: Option<usize>,
    /// What a new record gets when the field is absent.
    otherwise: Otherwise,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Text,
    /// `lowered`: stored trimmed and in lower case.
    Email {
        lowered: bool,
    },
    /// Text in E.164 form.
    Phone,
    Url,
    /// Text of so many capital letters.
    Capitals(usize),
    Integer,
    /// A JSON number with two decimals.
    Number,
    /// A number written as text.
    Decimal,
    Boolean,
    Date,
    Timestamp,
    Enum(&'static [(&'static str, &'static str)]),
    TextList {
        max_items: usize,
        max_length: usize,
    },
    Reference(&'static str),
    Object {
        fields: &'static [Field],
        open: bool,
    },
}

#[derive(Debug, Clone, Copy)]
enum Otherwise {
    Null,
    False,
    Zero,
    Text(&'static str),
    EmptyList,
    EmptyObject,
}

impl Field {
    pub(crate) const fn new(name: &'static str, label: &'static str, kind: Kind) -> Self {
        let (nullable, otherwise) = match kind {
            Kind::Boolean => (false, Otherwise::False),
            Kind::TextList { .. } => (false, Otherwise::EmptyList),
            Kind::Object { open: true, .. } => (false, Otherwise::EmptyObject),
            _ => (true, Otherwise::Null),
        };
        Self {
            name,
            label,
            description: "",
            kind,
            required: false,
            read_only: false,
            nullable,
            unique: false,
            max_length: None,
            otherwise,
        }
    }

    pub(crate) const fn about(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self.nullable = false;
        self
    }

    pub(crate) const fn read_only(mut self) -> Self {
        self.read_only = true;
        self.nullable = false;
        self
    }

    pub(crate) const fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    pub(crate) const fn max(mut self, characters: usize) -> Self {
        self.max_length = Some(characters);
        self
    }

    /// A count: 0 unless given, never null.
    pub(crate) const fn count(mut self) -> Self {
        self.nullable = false;
        self.otherwise = Otherwise::Zero;
        self
    }

    pub(crate) const fn otherwise(mut self, text: &'static str) -> Self {
        self.nullable = false;
        self.otherwise = Otherwise::Text(text);
        self
    }

    fn default_value(&self) -> Value {
        match self.otherwise {
            Otherwise::Null => match self.kind {
                // A read-only member keeps its place in the record until the platform fills it.
                Kind::Object { fields, .. } if self.required => Value::Object(empty(fields)),
                _ => Value::Null,
            },
            Otherwise::False => Value::Bool(false),
            Otherwise::Zero => json!(0),
            Otherwise::Text(text) => json!(text),
            Otherwise::EmptyList => json!([]),
            Otherwise::EmptyObject => json!({}),
        }
    }

    fn describe(&self) -> Value {
        let mut out = Map::new();
        out.insert("name".into(), json!(self.name));
        out.insert("label".into(), json!(self.label));
        out.insert("type".into(), json!(self.kind.name()));
        out.insert("required".into(), json!(self.required));
        out.insert("read_only".into(), json!(self.read_only));
        out.insert("nullable".into(), json!(self.nullable));
        out.insert("unique".into(), json!(self.unique));
        if let Some(max) = self.max_length {
            out.insert("max_length".into(), json!(max));
        }
        match self.kind {
            Kind::Phone => {
                out.insert("pattern".into(), json!(r"^\+[1-9]\d{6,14}$"));
            }
            Kind::Capitals(count) => {
                out.insert("pattern".into(), json!(format!("^[A-Z]{{{count}}}$")));
            }
            Kind::Decimal => {
                out.insert("pattern".into(), json!(r"^-?\d{1,12}(\.\d{1,4})?$"));
            }
            Kind::Enum(options) => {
                let options: Vec<Value> = options
                    .iter()
                    .map(|(value, label)| json!({"value": value, "label": label}))
                    .collect();
                out.insert("options".into(), Value::Array(options));
            }
            Kind::TextList {
                max_items,
                max_length,
            } => {
                out.insert("max_items".into(), json!(max_items));
                out.insert("max_length".into(), json!(max_length));
            }
            Kind::Reference(stream) => {
                out.insert("references".into(), json!(stream));
            }
            Kind::Object { fields, open } => {
                let fields: Vec<Value> = fields.iter().map(Field::describe).collect();
                out.insert("fields".into(), Value::Array(fields));
                if open {
                    out.insert("open".into(), json!(true));
                }
            }
            Kind::Text
            | Kind::Email { .. }
            | Kind::Url
            | Kind::Integer
            | Kind::Number
            | Kind::Boolean
            | Kind::Date
            | Kind::Timestamp => {}
        }
        out.insert("description".into(), json!(self.description));
        Value::Object(out)
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Text | Kind::Capitals(_) => "text",
            Kind::Email { .. } => "email",
            Kind::Phone => "phone",
            Kind::Url => "url",
            Kind::Integer => "integer",
            Kind::Number => "number",
            Kind::Decimal => "decimal",
            Kind::Boolean => "boolean",
            Kind::Date => "date",
            Kind::Timestamp => "timestamp",
            Kind::Enum(_) => "enum",
            Kind::TextList { .. } => "text_list",
            Kind::Reference(_) => "reference",
            Kind::Object { .. } => "object",
        }
    }
}

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
    /// The body of the describe endpoint.
    pub(crate) fn describe(&self) -> Value {
        let fields: Vec<Value> = self.fields.iter().map(Field::describe).collect();
        let match_by: Vec<&str> = self.match_by.into_iter().collect();
        json!({
            "stream": self.stream, "label": self.label, "key": "id", "match_by": match_by,
            "updated_at": "updated_at", "fields": fields,
        })
    }

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

fn empty(fields: &[Field]) -> Map<String, Value> {
    fields
        .iter()
        .map(|field| (field.name.to_owned(), field.default_value()))
        .collect()
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

/// The form in which two addresses are compared.
pub(crate) fn normal_email(text: &str) -> String {
    text.trim().to_lowercase()
}

/// What both platforms take for an e-mail address: deliberately plain.
pub(crate) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let local_good = !local.is_empty()
        && local.len() <= 64
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && local
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte));
    let labels: Vec<&str> = domain.split('.').collect();
    let domain_good = labels.len() >= 2
        && labels.iter().all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        });
    local_good && domain_good && text.len() <= 254
}

fn is_e164(text: &str) -> bool {
    let Some(digits) = text.strip_prefix('+') else {
        return false;
    };
    (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    digits(whole, 12) && digits(fraction, 4)
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

    #[test]
    fn email_addresses_are_checked_plainly() {
        fn check(text: &str, good: bool) {
            assert_eq!(is_email(text), good, "{text:?}");
        }
        check("a@example.com", true);
        check("o'brien+x@mail.example", true);
        check("n/a", false);
        check("", false);
        check("a@b", false);
        check("a b@example.com", false);
        check("a@@example.com", false);
        check(".a@example.com", false);
        check("a@-x.com", false);
    }
}
