//! The bounds that a specification sets to a single setting: patterns, lengths, smallest and largest.

use regex::RegexBuilder;
use serde_json::Value;

/// What a compiled pattern may take up: patterns come from files of others.
const LARGEST_PATTERN: usize = 1 << 20;

/// What is wrong with a value, in words that follow its name; `None` where it keeps within the bounds. The
/// value itself is not shown, it may be a secret.
pub(super) fn problem(schema: &Value, value: &Value) -> Option<String> {
    match value {
        Value::String(text) => text_problem(schema, text),
        Value::Number(number) => number_problem(schema, number.as_f64()?),
        Value::Array(items) => count_problem(schema, items.len()),
        _ => None,
    }
}

fn text_problem(schema: &Value, text: &str) -> Option<String> {
    let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
    let length = text.chars().count() as u64;
    if let Some(least) = bound("minLength").filter(|least| length < *least) {
        return Some(format!("must have at least {least} characters"));
    }
    if let Some(most) = bound("maxLength").filter(|most| length > *most) {
        return Some(format!("must have at most {most} characters"));
    }
    let pattern = schema.get("pattern").and_then(Value::as_str)?;
    // Patterns with parts that only other engines know are left to the platform.
    let fits = RegexBuilder::new(pattern)
        .size_limit(LARGEST_PATTERN)
        .dfa_size_limit(LARGEST_PATTERN)
        .build()
        .map_or(true, |pattern| pattern.is_match(text));
    if fits {
        return None;
    }
    let like = schema
        .get("pattern_descriptor")
        .or_else(|| schema.get("examples").and_then(|examples| examples.get(0)))
        .and_then(Value::as_str)
        .unwrap_or(pattern);
    Some(format!("must be written like {like}"))
}

fn number_problem(schema: &Value, number: f64) -> Option<String> {
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    if let Some(least) = bound("minimum").filter(|least| number < *least) {
        return Some(format!("must be at least {least}"));
    }
    if let Some(most) = bound("maximum").filter(|most| number > *most) {
        return Some(format!("must be at most {most}"));
    }
    None
}

fn count_problem(schema: &Value, length: usize) -> Option<String> {
    let least = schema.get("minItems").and_then(Value::as_u64)?;
    ((length as u64) < least).then(|| match least {
        1 => "needs at least one entry".to_owned(),
        _ => format!("needs at least {least} entries"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_keep_within_what_the_specification_allows() {
        let check = |schema: Value, value: Value, expected: Option<&str>| {
            assert_eq!(
                problem(&schema, &value).as_deref(),
                expected,
                "{schema} {value}"
            );
        };
        let day =
            json!({"pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "pattern_descriptor": "YYYY-MM-DD"});
        check(day.clone(), json!("2026-01-31"), None);
        check(
            day,
            json!("31.1.2026"),
            Some("must be written like YYYY-MM-DD"),
        );
        let shop = json!({"pattern": "^[a-z]+$", "examples": ["tea-house"]});
        check(shop, json!("Tea"), Some("must be written like tea-house"));
        check(
            json!({"pattern": "^a$"}),
            json!("b"),
            Some("must be written like ^a$"),
        );
        check(
            json!({"minLength": 3}),
            json!("ää"),
            Some("must have at least 3 characters"),
        );
        check(
            json!({"maxLength": 3}),
            json!("äöü!"),
            Some("must have at most 3 characters"),
        );
        check(
            json!({"minimum": 1, "maximum": 9}),
            json!(0),
            Some("must be at least 1"),
        );
        check(
            json!({"minimum": 1, "maximum": 9}),
            json!(9.5),
            Some("must be at most 9"),
        );
        check(json!({"minimum": 1, "maximum": 9}), json!(9), None);
        check(
            json!({"minItems": 1}),
            json!([]),
            Some("needs at least one entry"),
        );
    }

    #[test]
    fn a_pattern_that_cannot_be_used_here_lets_everything_pass() {
        for pattern in ["^(?=x)a", "(", "(a{1000}){1000}"] {
            assert_eq!(problem(&json!({"pattern": pattern}), &json!("b")), None);
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_more_time_than_another() {
        let text = format!("{}!", "a".repeat(100_000));
        assert!(problem(&json!({"pattern": "^(a+)+$"}), &json!(text)).is_some());
    }
}
