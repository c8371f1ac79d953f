//! Templates and what they give, on values that all tables share.

use std::fmt::Write as _;

use model::json;
use model::value::Value;
use template::{Env, Scope, Template};

/// The time that the templates see.
pub(crate) const NOW: &str = "2026-01-15T12:34:56.789012Z";

const INPUTS: &str = r#"{"config": {"key": "k-1", "start": "2024-01-31T10:20:30Z", "days": 30, "rate": 1.5, "word": "Hello, World", "number": "12345", "none": null, "yes": true, "empty": "", "list": [3, 1, 2], "names": ["Bo", "al", "Cy"], "pairs": [{"n": 1, "v": "x"}, {"n": 2, "v": "y"}, {"n": 1, "v": "z"}], "nested": {"a": {"b": [1, {"c": "it's"}]}}, "items": 5, "umlaut": "Grüße ß", "html": "<b>&\"x\"</b>", "big": 123456789012345678901234567890, "csv": "a, b;c", "path": "https://x.example/p?a=b c&after=t==", "lines": "one\ntwo\r\nthree"}, "record": {"id": 7, "name": "Ana", "tags": ["x", "y"], "amount": 19.9, "address": {"city": "Rosario", "zip": null}}}"#;

/// Evaluates each template and compares what it gives, as JSON, or the error.
pub(crate) fn check(table: &[(&str, &str)]) {
    let inputs = json::parse(INPUTS.as_bytes()).unwrap();
    let mut scope = Scope::new();
    for (name, value) in inputs.as_object().unwrap().iter() {
        scope.set(name, value);
    }
    let env = Env::frozen(NOW.parse().unwrap());
    let mut differences = String::new();
    for (template, expected) in table {
        let got = match Template::compile(template) {
            Ok(template) => match template.eval(&scope, &env) {
                Ok(value) => told(&value),
                Err(error) => format!("error: {:?} {error}", error.kind),
            },
            Err(error) => format!("error: {error}"),
        };
        if got != *expected {
            _ = write!(differences, "\n{template}\n  gave {got}\n  not  {expected}");
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

/// A value as the tables write it: JSON with the spaces and words of Python.
fn told(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Float(float) => float.to_string(),
        Value::Bytes(bytes) => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("b{hex}")
        }
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(told).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(name, member)| {
                    format!("{}:{}", json::to_string(&Value::text(name)), told(member))
                })
                .collect();
            format!("{{{}}}", members.join(","))
        }
        other => json::to_string(other),
    }
}
