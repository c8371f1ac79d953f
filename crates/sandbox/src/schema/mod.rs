//! What a record of a stream looks like: one table of fields per stream. Validation of writes, the describe endpoint
//! and the default values all read the same table, so they cannot disagree.

pub(crate) mod forms;
pub(crate) mod write;

use serde_json::{Map, Value, json};

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

impl Schema {
    /// The options of an enum, with their labels.
    pub(crate) fn options(&self, name: &str) -> &'static [(&'static str, &'static str)] {
        let field = self.fields.iter().find(|field| field.name == name);
        match field.map(|field| field.kind) {
            Some(Kind::Enum(options)) => options,
            _ => &[],
        }
    }

    /// The body of the describe endpoint.
    pub(crate) fn describe(&self) -> Value {
        let fields: Vec<Value> = self.fields.iter().map(Field::describe).collect();
        let match_by: Vec<&str> = self.match_by.into_iter().collect();
        json!({
            "stream": self.stream, "label": self.label, "key": "id", "match_by": match_by,
            "updated_at": "updated_at", "fields": fields,
        })
    }
}

fn empty(fields: &[Field]) -> Map<String, Value> {
    fields
        .iter()
        .map(|field| (field.name.to_owned(), field.default_value()))
        .collect()
}
