//! Paths into answers, as `field_path` has them: names, numbers, and globs.

use compact_str::CompactString;
use model::value::Value;

use super::decode::json::is_truthy;
use super::glob_path::at;

/// The records that a page holds, where they stand.
///
/// Without `*`: the items of the list at the path, or the one value there if it is not empty. With a
/// `*` step: every match is one record.
pub fn records<'v>(value: &'v Value, steps: &[CompactString]) -> Vec<&'v Value> {
    if steps.iter().any(|step| step == "*") {
        let mut found = vec![value];
        for step in steps {
            found = found
                .into_iter()
                .flat_map(|here| -> Vec<&Value> {
                    match here {
                        Value::List(items) if step == "*" => items.iter().collect(),
                        Value::Object(object) if step == "*" => {
                            object.iter().map(|(_, member)| member).collect()
                        }
                        _ => at(here, std::slice::from_ref(step)).into_iter().collect(),
                    }
                })
                .collect();
        }
        return found;
    }
    match at(value, steps) {
        Some(Value::List(items)) => items.iter().collect(),
        Some(one) if is_truthy(one) => vec![one],
        _ => Vec::new(),
    }
}

/// The same records, moved out of the page.
pub fn take_records(value: Value, steps: &[CompactString]) -> Vec<Value> {
    if steps.iter().any(|step| step == "*") {
        return records(&value, steps).into_iter().cloned().collect();
    }
    let mut here = value;
    for step in steps {
        let next = match &mut here {
            Value::Object(object) => object.get_mut(step).map(std::mem::take),
            Value::List(items) => step
                .parse::<usize>()
                .ok()
                .and_then(|index| items.get_mut(index))
                .map(std::mem::take),
            _ => None,
        };
        match next {
            Some(next) => here = next,
            None => return Vec::new(),
        }
    }
    match here {
        Value::List(items) => items,
        one if is_truthy(&one) => vec![one],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_found_and_taken_alike() {
        fn check(json: &str, path: &[&str], expected: &[&str]) {
            let value = model::json::parse(json.as_bytes()).unwrap();
            let steps: Vec<CompactString> = path.iter().map(|step| (*step).into()).collect();
            let seen: Vec<String> = records(&value, &steps)
                .into_iter()
                .map(model::json::to_string)
                .collect();
            assert_eq!(seen, expected, "{json} {path:?}");
            let taken: Vec<String> = take_records(value, &steps)
                .iter()
                .map(model::json::to_string)
                .collect();
            assert_eq!(taken, expected, "{json} {path:?}");
        }
        check(r#"{"data":[1,2]}"#, &["data"], &["1", "2"]);
        check(r#"[{"a":1}]"#, &[], &[r#"{"a":1}"#]);
        check(r#"{"a":1}"#, &[], &[r#"{"a":1}"#]);
        check(r#"{"data":{"x":1}}"#, &["data"], &[r#"{"x":1}"#]);
        check(r#"{"data":null}"#, &["data"], &[]);
        check(r#"{"data":{}}"#, &["data"], &[]);
        check(
            r#"{"d":[{"r":1},{"r":[2]}]}"#,
            &["d", "*", "r"],
            &["1", "[2]"],
        );
        check(r#"{"d":[[7]]}"#, &["d", "0"], &["7"]);
        check(r#"{"x":1}"#, &["d"], &[]);
    }
}
