//! What a person typed in to sign in, by field name.

use std::collections::BTreeMap;
use std::fmt;

use model::secret::Secret;
use model::value::{Object, Value};
use template::Members;

use crate::declarative::auth_spec::{AuthField, AuthMethod, FieldFormat};
use crate::{Error, Result};

/// What a person typed in, by field name. All of it is treated as secret: what is not (a user's name, a region) is no
/// use to anybody else either.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Typed(BTreeMap<String, Secret>);

impl Typed {
    /// From what the person typed in; spaces and line breaks around it are not part of it.
    ///
    /// Refused when something is missing or does not look like what the method asks for.
    pub fn read(method: &AuthMethod, values: &BTreeMap<String, Secret>) -> Result<Self> {
        let mut typed = BTreeMap::new();
        for field in &method.fields {
            let text = values
                .get(&field.name)
                .map(|value| value.reveal().trim())
                .unwrap_or_default();
            if text.is_empty() {
                if field.optional {
                    continue;
                }
                return Err(refuse(
                    method,
                    field,
                    "nothing was typed in",
                    &format!("{}: type it in and try again", field.label),
                ));
            }
            match field.format {
                FieldFormat::Text if text.contains(['\r', '\n']) => {
                    return Err(refuse(
                        method,
                        field,
                        "it has several lines",
                        "one line; copy it again without what stands around it",
                    ));
                }
                FieldFormat::Pem if !text.starts_with("-----BEGIN ") => {
                    return Err(refuse(
                        method,
                        field,
                        "it is not in PEM form",
                        "a text that begins with -----BEGIN; a .p12 or .pfx file is turned into it by `openssl pkcs12 -nodes -in FILE`",
                    ));
                }
                FieldFormat::Json
                    if !matches!(serde_json::from_str(text), Ok(serde_json::Value::Object(_))) =>
                {
                    return Err(refuse(
                        method,
                        field,
                        "it is not a JSON document",
                        "the whole text of the file, from { to }",
                    ));
                }
                FieldFormat::Text | FieldFormat::Lines | FieldFormat::Pem | FieldFormat::Json => {}
            }
            typed.insert(field.name.clone(), Secret::new(text));
        }
        Ok(Self(typed))
    }

    /// What was typed into a field.
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.0.get(name)
    }

    /// Whether nothing was typed in.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything that was typed in.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// For templates, with documents taken apart where a field is one.
    pub fn described<'a>(&'a self, fields: &'a [AuthField]) -> Described<'a> {
        Described {
            typed: self,
            fields,
        }
    }
}

impl FromIterator<(String, Secret)> for Typed {
    fn from_iter<T: IntoIterator<Item = (String, Secret)>>(pairs: T) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// `fields` as templates see them.
pub struct Described<'a> {
    typed: &'a Typed,
    fields: &'a [AuthField],
}

impl fmt::Debug for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.typed.fmt(f)
    }
}

impl Members for Described<'_> {
    fn member(&self, name: &str) -> Option<Value> {
        let Some(text) = self.typed.get(name) else {
            // What may be left empty is empty, not missing.
            return self
                .fields
                .iter()
                .any(|field| field.name == name)
                .then(|| Value::text(""));
        };
        let is_document = self
            .fields
            .iter()
            .any(|field| field.name == name && field.format == FieldFormat::Json);
        if is_document && let Ok(document) = model::json::parse(text.reveal().as_bytes()) {
            return Some(document);
        }
        Some(Value::text(text.reveal()))
    }

    fn to_value(&self) -> Value {
        let mut object = Object::with_capacity(self.fields.len());
        let names = self
            .fields
            .iter()
            .map(|field| field.name.as_str())
            .chain(self.typed.iter().map(|(name, _)| name));
        for name in names {
            if let Some(value) = self.member(name) {
                object.insert(name, value);
            }
        }
        Value::Object(object)
    }
}

fn refuse(method: &AuthMethod, field: &AuthField, problem: &str, expected: &str) -> Error {
    Error::Misconfigured {
        what: format!("sign-in \"{}\"", method.label),
        place: field.name.clone(),
        problem: problem.to_owned(),
        expected: expected.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declarative::auth_spec::AuthKind;

    #[track_caller]
    fn check(format: FieldFormat, text: &str, expected: &str) {
        let mut method = AuthMethod::new("m", "M", AuthKind::None);
        method.fields = vec![AuthField {
            format,
            ..AuthField::new("it", true)
        }];
        let values = [("it".to_owned(), Secret::new(text))].into();
        let seen = match Typed::read(&method, &values) {
            Ok(typed) => typed.get("it").unwrap().reveal().to_string(),
            Err(error) => error.to_string(),
        };
        assert!(seen.contains(expected), "{seen}");
    }

    #[test]
    fn what_was_typed_in_looks_like_what_was_asked_for() {
        check(FieldFormat::Text, " key\n", "key");
        check(FieldFormat::Text, " ", "nothing was typed in");
        check(FieldFormat::Text, "a\nb", "it has several lines");
        check(FieldFormat::Lines, "a\nb", "a\nb");
        check(FieldFormat::Pem, "MIIE", "it is not in PEM form");
        check(FieldFormat::Pem, "-----BEGIN X-----", "-----BEGIN X-----");
        check(FieldFormat::Json, "{\"a\":1}", "{\"a\":1}");
        check(FieldFormat::Json, "a key", "it is not a JSON document");
    }

    #[test]
    fn templates_reach_into_documents_and_nothing_prints() {
        let fields = [
            AuthField {
                format: FieldFormat::Json,
                ..AuthField::new("file", true)
            },
            AuthField {
                optional: true,
                ..AuthField::new("more", false)
            },
        ];
        let typed: Typed = [(
            "file".to_owned(),
            Secret::new(r#"{"client_email":"robot@example.com"}"#),
        )]
        .into_iter()
        .collect();
        let described = typed.described(&fields);
        let file = described.member("file").unwrap();
        assert_eq!(
            file.as_object().unwrap().get("client_email"),
            Some(&Value::text("robot@example.com"))
        );
        assert_eq!(described.member("more"), Some(Value::text("")));
        assert_eq!(described.member("other"), None);
        assert_eq!(format!("{typed:?} {described:?}"), r#"{"file"} {"file"}"#);
    }
}
