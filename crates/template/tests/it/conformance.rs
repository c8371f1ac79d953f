//! Evaluations that were recorded from the reference runtime.
//!
//! The folder that holds them is named by `PATCHBAY_CONFORMANCE`; `templates.jsonl` in it has one evaluation a line.

use std::path::PathBuf;

use model::json;
use model::value::Value;
use template::{Env, Literals, Otherwise, Scope, Template};

/// The time that the recordings saw.
const NOW: &str = "2026-01-15T12:34:56.789012Z";

#[test]
fn recorded_evaluations_give_what_they_gave() {
    let Some(folder) = std::env::var_os("PATCHBAY_CONFORMANCE") else {
        println!("skipped: PATCHBAY_CONFORMANCE names no folder with recordings");
        return;
    };
    let file = PathBuf::from(folder).join("templates.jsonl");
    let recorded = std::fs::read_to_string(&file).unwrap();
    let env = Env::frozen(NOW.parse().unwrap());
    let mut failures = Vec::new();
    let mut count = 0;
    for line in recorded.lines() {
        let row = json::parse(line.as_bytes()).unwrap();
        count += 1;
        if let Err(difference) = check(&row, &env) {
            failures.push(difference);
        }
    }
    assert!(count > 0, "{} is empty", file.display());
    assert!(
        failures.is_empty(),
        "{} of {count} differ:\n{}",
        failures.len(),
        failures[..failures.len().min(40)].join("\n")
    );
    println!("{count} recorded evaluations agree");
}

fn check(row: &Value, env: &Env) -> Result<(), String> {
    let row = row.as_object().unwrap();
    let text = row.get("t").and_then(Value::as_text).unwrap();
    let mut scope = Scope::new();
    scope.set("config", row.get("config").unwrap());
    for (name, value) in row
        .get("context")
        .and_then(Value::as_object)
        .unwrap()
        .iter()
    {
        scope.set(name, value);
    }
    let literals = match row.get("valid_types").and_then(Value::as_text) {
        Some("str_list") => Literals::TextAndList,
        Some("str") => Literals::Text,
        _ => Literals::All,
    };
    let got = Template::compile(text)
        .map_err(|error| error.to_string())
        .and_then(|template| {
            template
                .eval_as(&scope, env, literals, Otherwise::Itself)
                .map_err(|error| error.to_string())
        });
    let told = |value: &Value| format!("{} ({})", json::to_string(value), value.kind());
    let fail = |expected: String| {
        let got = got.as_ref().map(&told);
        Err(format!(
            "{text:?} with {}{}\n    gave {got:?}\n    not  {expected}",
            json::to_string(row.get("config").unwrap()),
            json::to_string(row.get("context").unwrap())
        ))
    };
    if let Some(error) = row.get("error") {
        return match got {
            Err(_) => Ok(()),
            Ok(_) => fail(format!(
                "{} {}",
                json::to_string(error),
                json::to_string(row.get("msg").unwrap())
            )),
        };
    }
    let expected = row.get("result").unwrap();
    let expected = match expected
        .as_object()
        .and_then(|object| object.get("__repr__"))
    {
        // A tuple, which JSON does not have.
        Some(repr) => {
            let list = repr.as_text().unwrap().replace(['(', ')'], " ");
            json::parse(format!("[{list}]").as_bytes()).unwrap()
        }
        None => expected.clone(),
    };
    let kind = match row.get("rtype").and_then(Value::as_text) {
        Some("NoneType") => "null",
        Some("bool") => "true/false",
        Some("int") => "whole number",
        Some("float") => "number",
        Some("str") => "text",
        Some("list" | "tuple") => "list",
        Some("dict") => "object",
        other => panic!("what is {other:?}?"),
    };
    match &got {
        Ok(value) if value.same_as(&expected) && value.kind() == kind => Ok(()),
        _ => fail(told(&expected)),
    }
}
