//! What Postino should hold, worked out by hand from Harbor's contacts and the mapping document.
//!
//! A second, plain opinion: nothing here comes from the engine or the compiler of mappings. A rule whose form is not
//! known here is said to be not compared; it is never guessed.

use std::collections::{BTreeMap, BTreeSet};

use model::mapping::{OnFailure, Origin, Rule, Step};
use model::path::{FieldPath, Segment};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::demo::shown;

/// The member by which records are told apart.
const KEY: &str = "email_address";

/// What should be at Postino.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    /// By e-mail address.
    records: BTreeMap<String, Expected>,
    not_compared: BTreeSet<String>,
}

#[derive(Debug)]
enum Expected {
    /// Nobody at Harbor knows it: it stays as it is, to the last member.
    Untouched(Value),
    /// These fields hold these values; more is not said.
    Fields(BTreeMap<String, Value>),
}

/// How what is there compares with what should be.
#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    pub(super) equal: bool,
    pub(super) compared_records: usize,
    pub(super) compared_fields: usize,
    /// Target fields whose rules have a form that is not known here.
    pub(super) not_compared: Vec<String>,
    pub(super) differences_in_all: usize,
    pub(super) differences: Vec<Difference>,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Difference {
    pub(super) record: String,
    /// None: the record itself is missing or too many.
    pub(super) field: Option<String>,
    pub(super) expected: Value,
    pub(super) found: Value,
}

/// Collects differences: all are counted, the first are kept.
#[derive(Debug)]
pub(super) struct Differences {
    kept: Vec<Difference>,
    most: usize,
    count: usize,
}

impl Snapshot {
    /// What is there before anything runs.
    pub(super) fn take(subscribers: &Value) -> Self {
        let records = items(subscribers)
            .filter_map(|record| Some((key_of(record)?, Expected::Untouched(record.clone()))))
            .collect();
        Self {
            records,
            not_compared: BTreeSet::new(),
        }
    }

    /// What is there after all these contacts have been carried over.
    pub(super) fn carry(&mut self, contacts: &Value, rules: &[Rule]) {
        for contact in items(contacts) {
            let mut fields = BTreeMap::new();
            let mut held = false;
            for rule in rules {
                let target = rule.target.to_string();
                match make(rule, contact) {
                    Made::Value(value) => drop(fields.insert(target, value)),
                    Made::Nothing if rule.on_failure == OnFailure::Hold => held = true,
                    Made::Nothing => {}
                    Made::UnknownForm => drop(self.not_compared.insert(target)),
                }
            }
            let email = fields
                .get(KEY)
                .and_then(Value::as_str)
                .filter(|email| is_address(email))
                .map(str::to_owned);
            if let (Some(email), false) = (email, held) {
                self.records.insert(email, Expected::Fields(fields));
            }
        }
    }

    /// Compares with what is there.
    pub(super) fn compare(&self, subscribers: &Value, told: usize) -> Verdict {
        let mut differences = Differences {
            kept: Vec::new(),
            most: told,
            count: 0,
        };
        let mut found = BTreeMap::new();
        for record in items(subscribers) {
            let key = key_of(record).unwrap_or_default();
            if found.insert(key.clone(), record).is_some() {
                differences.note(&key, None, Value::from("once"), Value::from("twice"));
            }
        }
        let mut compared_fields = 0;
        for (key, expected) in &self.records {
            let Some(record) = found.remove(key) else {
                differences.note(key, None, Value::from("there"), Value::from("missing"));
                continue;
            };
            match expected {
                Expected::Untouched(before) => {
                    compared_fields += before.as_object().map_or(0, Map::len);
                    if before != record {
                        differences.note(key, None, before.clone(), record.clone());
                    }
                }
                Expected::Fields(fields) => {
                    for (path, value) in fields {
                        compared_fields += 1;
                        let there = path
                            .split('.')
                            .try_fold(record, |value, name| value.get(name))
                            .unwrap_or(&Value::Null);
                        if !same(value, there) {
                            differences.note(key, Some(path), value.clone(), there.clone());
                        }
                    }
                }
            }
        }
        for (key, record) in found {
            differences.note(&key, None, Value::from("not there"), record.clone());
        }
        Verdict {
            equal: differences.count == 0 && !self.records.is_empty(),
            compared_records: self.records.len(),
            compared_fields,
            not_compared: self.not_compared.iter().cloned().collect(),
            differences_in_all: differences.count,
            differences: differences.kept,
        }
    }
}

impl Differences {
    fn note(&mut self, record: &str, field: Option<&String>, expected: Value, found: Value) {
        self.count += 1;
        if self.kept.len() < self.most {
            self.kept.push(Difference {
                record: record.to_owned(),
                field: field.cloned(),
                expected,
                found,
            });
        }
    }

    pub(super) fn describe(difference: &Difference) -> String {
        let field = difference.field.as_deref().unwrap_or("the record");
        format!(
            "{}: {field} should be {}, is {}",
            crate::output::clip(&difference.record, 60),
            shown(&difference.expected),
            shown(&difference.found)
        )
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn key_of(record: &Value) -> Option<String> {
    record.get(KEY).and_then(Value::as_str).map(str::to_owned)
}

/// The same for a person: decimals as numbers, nothing as nothing.
fn same(expected: &Value, found: &Value) -> bool {
    let plain = |text: &str| {
        let is_decimal = text.contains('.')
            && text
                .chars()
                .all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'));
        if is_decimal {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text.to_owned()
        }
    };
    match (expected, found) {
        (Value::String(expected), Value::String(found)) => plain(expected) == plain(found),
        (expected, found) => expected == found,
    }
}

/// Good enough to tell the sample's broken addresses from the others.
fn is_address(text: &str) -> bool {
    text.split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !text.contains(' '))
}

enum Made {
    Value(Value),
    /// The rule gives no value here; its `on_failure` says what then.
    Nothing,
    /// A rule of this form is not known here.
    UnknownForm,
}

/// The value of one rule, for the forms that are known here.
fn make(rule: &Rule, contact: &Value) -> Made {
    let steps: Vec<&str> = rule.steps.iter().map(|step| step.name.as_str()).collect();
    let (paths, lists_allowed) = match &rule.origin {
        Origin::Constant { value } if steps.is_empty() => return Made::Value(value.clone()),
        Origin::Constant { .. } | Origin::Expression { .. } => return Made::UnknownForm,
        Origin::Fields { paths } => (paths, steps.first() == Some(&"concat")),
    };
    let mut values = paths.iter().map(|path| at(contact, path));
    let mut rest = rule.steps.as_slice();
    let mut value = match (values.next(), paths.len(), lists_allowed) {
        (Some(Some(value)), 1, false) => value,
        (Some(first), _, true) => {
            let Some((concat, after)) = rule.steps.split_first() else {
                return Made::UnknownForm;
            };
            rest = after;
            let Some(parts) = std::iter::once(first)
                .chain(values)
                .collect::<Option<Vec<Value>>>()
            else {
                return Made::UnknownForm;
            };
            match together(concat, &parts) {
                Some(value) => value,
                None => return Made::UnknownForm,
            }
        }
        _ => return Made::UnknownForm,
    };
    for step in rest {
        value = match apply(step, value) {
            Made::Value(value) => value,
            other => return other,
        };
    }
    if value.is_null() && rule.target.to_string() == KEY {
        return Made::Nothing;
    }
    Made::Value(value)
}

/// The value at a path of plain names; null where there is nothing.
fn at(record: &Value, path: &FieldPath) -> Option<Value> {
    let mut value = record;
    for segment in path.segments() {
        match segment {
            Segment::Name(name) => value = value.get(name.as_str()).unwrap_or(&Value::Null),
            Segment::Each | Segment::Index(_) => return None,
        }
    }
    Some(value.clone())
}

fn together(concat: &Step, parts: &[Value]) -> Option<Value> {
    let separator = concat
        .with
        .get("separator")
        .and_then(Value::as_str)
        .unwrap_or(" ");
    if concat.with.get("skip_empty").and_then(Value::as_bool) == Some(false) {
        return None;
    }
    let mut texts = Vec::new();
    for part in parts {
        match part {
            Value::Null => {}
            Value::String(text) if text.trim().is_empty() => {}
            Value::String(text) => texts.push(text.as_str()),
            _ => return None,
        }
    }
    Some(if texts.is_empty() {
        Value::Null
    } else {
        Value::from(texts.join(separator))
    })
}

fn apply(step: &Step, value: Value) -> Made {
    let text = match &value {
        Value::Null => return Made::Value(Value::Null),
        Value::String(text) => text.as_str(),
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        _ => return Made::UnknownForm,
    };
    let made = |text: String| Made::Value(Value::String(text));
    let only = |allowed: &[&str]| step.with.keys().all(|key| allowed.contains(&key.as_str()));
    match step.name.as_str() {
        "trim" if only(&[]) => made(text.trim().to_owned()),
        "lower" if only(&[]) => made(text.to_lowercase()),
        "upper" if only(&[]) => made(text.to_uppercase()),
        "slice" if only(&["length"]) => {
            let length = step
                .with
                .get("length")
                .and_then(Value::as_u64)
                .and_then(|length| usize::try_from(length).ok());
            match length {
                Some(length) => made(text.chars().take(length).collect()),
                None => Made::UnknownForm,
            }
        }
        // The day on the clock where it was written.
        "date_only" if only(&[]) => made(text.chars().take(10).collect()),
        "value_map" if only(&["entries"]) => {
            let entry = step
                .with
                .get("entries")
                .and_then(|entries| entries.get(text));
            entry.map_or(Made::UnknownForm, |entry| Made::Value(entry.clone()))
        }
        "country_code" if only(&[]) => match COUNTRIES.iter().find(|(name, _)| *name == text) {
            Some((_, code)) => made((*code).to_owned()),
            None => Made::Nothing,
        },
        _ => Made::UnknownForm,
    }
}

/// Those of the sample.
const COUNTRIES: [(&str, &str); 18] = [
    ("Brazil", "BR"),
    ("China", "CN"),
    ("Egypt", "EG"),
    ("France", "FR"),
    ("Germany", "DE"),
    ("Greece", "GR"),
    ("India", "IN"),
    ("Japan", "JP"),
    ("Nigeria", "NG"),
    ("Poland", "PL"),
    ("South Korea", "KR"),
    ("Spain", "ES"),
    ("Sweden", "SE"),
    ("Türkiye", "TR"),
    ("Ukraine", "UA"),
    ("United Kingdom", "GB"),
    ("United States", "US"),
    ("Vietnam", "VN"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rule(target: &str, paths: &[&str], steps: Value, on_failure: &str) -> Rule {
        serde_json::from_value(json!({
            "target": target,
            "origin": {"kind": "fields", "paths": paths},
            "steps": steps,
            "on_failure": {"kind": on_failure},
        }))
        .unwrap()
    }

    fn rules() -> Vec<Rule> {
        vec![
            rule(
                KEY,
                &["email"],
                json!([{"name": "trim"}, {"name": "lower"}]),
                "hold",
            ),
            rule("location.city", &["address.city"], json!([]), "hold"),
            rule(
                "full_name",
                &["first_name", "last_name"],
                json!([{"name": "concat", "with": {"separator": " "}}]),
                "hold",
            ),
            rule(
                "phone_e164",
                &["phone"],
                json!([{"name": "phone_e164"}]),
                "skip",
            ),
        ]
    }

    #[test]
    fn what_is_expected_is_worked_out_from_the_contacts() {
        let mut expected = Snapshot::take(&json!([{KEY: "only@postino.example", "version": 1}]));
        expected.carry(
            &json!([
                {"email": " A@Example.com ", "address": {"city": "Köln"}, "first_name": null, "last_name": "Li", "phone": "1"},
                {"email": "n/a", "last_name": "X"},
                {"last_name": "Y"},
            ]),
            &rules(),
        );
        let there = json!([
            {KEY: "only@postino.example", "version": 1},
            {KEY: "a@example.com", "location": {"city": "Köln"}, "full_name": "Li", "phone_e164": "?", "notes": "x"},
        ]);
        let verdict = expected.compare(&there, 10);
        assert!(verdict.equal, "{verdict:?}");
        assert_eq!((verdict.compared_records, verdict.compared_fields), (2, 5));
        assert_eq!(verdict.not_compared, ["phone_e164"]);
    }

    #[test]
    fn every_kind_of_difference_is_found() {
        let contact = json!([{"email": "a@example.com", "last_name": "Li"}]);
        let check = |there: Value, differs: &str| {
            let mut expected =
                Snapshot::take(&json!([{KEY: "only@postino.example", "version": 1}]));
            expected.carry(&contact, &rules());
            let verdict = expected.compare(&there, 10);
            assert!(!verdict.equal);
            assert_eq!(
                verdict
                    .differences
                    .iter()
                    .map(Differences::describe)
                    .collect::<Vec<_>>(),
                [differs]
            );
        };
        let only = json!({KEY: "only@postino.example", "version": 1});
        let good = json!({KEY: "a@example.com", "full_name": "Li"});
        check(
            json!([only]),
            "a@example.com: the record should be \"there\", is \"missing\"",
        );
        check(
            json!([only, good, good]),
            "a@example.com: the record should be \"once\", is \"twice\"",
        );
        check(
            json!([only, {KEY: "a@example.com", "full_name": "Lo"}]),
            "a@example.com: full_name should be \"Li\", is \"Lo\"",
        );
        check(
            json!([{KEY: "only@postino.example", "version": 2}, good]),
            "only@postino.example: the record should be {\"email_address\":\"only@postino.example\",\"version\":1}, is {\"email_address\":\"only@postino.example\",\"version\":2}",
        );
        check(
            json!([only, good, {KEY: "more@example.com"}]),
            "more@example.com: the record should be \"not there\", is {\"email_address\":\"more@example.com\"}",
        );
    }

    #[test]
    fn decimals_are_compared_as_numbers_and_other_text_is_not() {
        assert!(same(&json!("10.50"), &json!("10.5")));
        assert!(same(&json!("10.00"), &json!("10")));
        assert!(!same(&json!("100"), &json!("1")));
        assert!(!same(&json!("v1.0"), &json!("v1")));
    }
}
