//! What holds for the way back, whatever the mapping and the values.

use std::collections::BTreeMap;

use mapping::inverse::{WayBack, invert, round_trip, round_trip_of};
use mapping::{Program, Purpose, compile};
use model::field::Schema;
use model::mapping::{Mapping, OnFailure, Origin, Rule, Step};
use model::number::Decimal;
use model::path::FieldPath;
use model::value::{Object, Timestamp, Value};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::inverse::turned;
use crate::laws::{record, rule, step};
use crate::program::mapping;
use crate::schemas::{harbor, postino, schema};

/// The programs of a mapping from `a` to `b` that loses nothing.
fn exact(source: &str, target: &str, steps: &Json) -> (Program, Program) {
    let rules = mapping(&json!([{"to": "b", "from": "a", "steps": steps}]));
    let (source, target) = (
        schema(&format!("a:{source}")),
        schema(&format!("b:{target}")),
    );
    let inverted = turned(&rules, &source, &target);
    assert_eq!(inverted.fields[0].kind, WayBack::Exact, "{steps}");
    let program = |rules, source, target| {
        compile(rules, source, target, Purpose::Update)
            .program
            .unwrap()
    };
    (
        program(&rules, &source, &target),
        program(&inverted.mapping, &target, &source),
    )
}

fn sent(program: &Program, name: &str, value: Value) -> Value {
    let mut record = Object::new();
    record.insert(name, value);
    let mapped = program.apply(&Value::Object(record));
    assert!(!mapped.is_held(), "{:?}", mapped.problems);
    let (_, value) = mapped.fields.iter().next().unwrap();
    value.clone()
}

/// A→B→A gives A, and B→A→B gives B.
fn check(source: &str, target: &str, steps: &Json, value: &Value) -> Result<(), TestCaseError> {
    let (forward, back) = exact(source, target, steps);
    let there = sent(&forward, "a", value.clone());
    let again = sent(&back, "b", there.clone());
    prop_assert!(
        again.same_as(value),
        "{steps}: {value:?} {there:?} {again:?}"
    );
    let around = sent(&forward, "a", again);
    prop_assert!(around.same_as(&there), "{steps}: {there:?} {around:?}");
    Ok(())
}

/// B→A→B for values that the target has of its own.
fn check_back(
    source: &str,
    target: &str,
    steps: &Json,
    value: &Value,
) -> Result<(), TestCaseError> {
    let (forward, back) = exact(source, target, steps);
    let there = sent(&back, "b", value.clone());
    let again = sent(&forward, "a", there.clone());
    prop_assert!(
        again.same_as(value),
        "{steps}: {value:?} {there:?} {again:?}"
    );
    Ok(())
}

fn decimal(text: &str) -> Value {
    Value::Decimal(Decimal::parse(text).unwrap())
}

fn named(name: &str, with: Json) -> Json {
    json!([{"name": name, "with": with}])
}

prop_compose! {
    fn date()(y in 1i16..=9999, m in 1i8..=12, d in 1i8..=28) -> Value {
        Value::Date(jiff::civil::date(y, m, d))
    }
}

prop_compose! {
    fn timestamp()(s in -2_000_000_000i64..4_000_000_000, n in 0i32..1_000, minutes in -12i32 * 60..14 * 60) -> Value {
        Value::Timestamp(Timestamp {
            instant: jiff::Timestamp::new(s, n * 1_000_000).unwrap(),
            offset_seconds: minutes * 60,
        })
    }
}

prop_compose! {
    fn amount()(text in "-?(0|[1-9][0-9]{0,14})\\.[0-9]{1,6}") -> Value { decimal(&text) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn text_that_is_passed_on_comes_back(text in "\\PC{1,20}") {
        let text = Value::from(text);
        check("text", "text", &json!([]), &text)?;
        check("list", "list", &json!(["to_list"]), &Value::List(vec![text.clone()]))?;
        if !text.as_text().unwrap().trim().is_empty() {
            check("text", "text", &json!(["require"]), &text)?;
        }
    }

    #[test]
    fn whole_numbers_come_back(n in any::<i64>(), amount in -1_000_000_000i64..1_000_000_000) {
        let n = Value::Int(n);
        check("integer", "text", &json!([]), &n)?;
        check("integer", "text", &json!(["to_text"]), &n)?;
        check("integer", "decimal", &json!([]), &n)?;
        check("integer", "text", &named("format_number", json!({"decimal": ",", "grouping": "."})), &n)?;
        check("integer", "decimal", &named("multiply", json!({"by": "0.01"})), &n)?;
        check("integer", "integer", &named("multiply", json!({"by": -1})), &Value::Int(amount))?;
        check("integer", "integer", &named("add", json!({"amount": amount})), &Value::Int(amount))?;
        check_back("text", "integer", &json!(["to_integer"]), &n)?;
        check("text", "integer", &json!(["to_integer"]), &Value::from(amount.to_string()))?;
        check("integer", "text", &named("pad", json!({"length": 12, "with": "0"})), &Value::Int(amount.abs()))?;
        check("integer", "text", &named("pad", json!({"length": 12})), &Value::Int(amount))?;
    }

    #[test]
    fn amounts_come_back_digit_by_digit(amount in amount(), factor in prop::sample::select(vec!["0.01", "100", "-1", "-2.5", "0.125", "1.6", "4096", "1e-9"]), plus in "-?[1-9][0-9]{0,9}\\.[0-9]{1,4}") {
        check("decimal", "text", &json!(["to_text"]), &amount)?;
        check("decimal", "text", &json!([]), &amount)?;
        check("decimal", "decimal", &json!(["parse_number"]), &amount)?;
        check("decimal", "decimal", &named("multiply", json!({"by": factor})), &amount)?;
        check("decimal", "decimal", &named("add", json!({"amount": plus})), &amount)?;
        check_back("text", "decimal", &json!(["to_decimal"]), &amount)?;
        check_back("float", "decimal", &json!(["to_decimal"]), &amount)?;
        for (decimal, grouping) in [(".", ","), (",", "."), (",", " "), (".", ""), (" point ", "_")] {
            let format = json!({"decimal": decimal, "grouping": grouping});
            check("decimal", "text", &named("format_number", format), &amount)?;
        }
    }

    #[test]
    fn days_come_back(day in date(), format in prop::sample::select(vec!["%d.%m.%Y", "%Y/%m/%d", "%m-%d-%Y", "%b %d, %Y", "%A, %d %B %Y"])) {
        check("date", "text", &json!([]), &day)?;
        check("date", "text", &json!(["to_text"]), &day)?;
        check("date", "date", &json!(["date_only"]), &day)?;
        check("date", "date", &json!(["parse_date"]), &day)?;
        check("date", "text", &named("format_date", json!({"format": format})), &day)?;
        check_back("text", "date", &named("parse_date", json!({"format": format})), &day)?;
    }

    #[test]
    fn points_in_time_come_back(time in timestamp(), format in prop::sample::select(vec!["%Y-%m-%dT%H:%M:%S%.f%:z", "%d.%m.%Y %H:%M:%S%.f %z"])) {
        check("timestamp", "text", &json!([]), &time)?;
        check("timestamp", "timestamp", &named("parse_date", json!({"result": "timestamp"})), &time)?;
        check("timestamp", "text", &json!(["to_text"]), &time)?;
        check("timestamp", "text", &named("format_date", json!({"format": format})), &time)?;
        check_back("text", "timestamp", &named("parse_date", json!({"result": "timestamp"})), &time)?;
        check_back("text", "timestamp", &named("parse_date", json!({"format": format, "result": "timestamp"})), &time)?;
    }

    #[test]
    fn true_and_false_come_back(flag in any::<bool>()) {
        let flag = Value::Bool(flag);
        check("bool", "text", &json!(["to_text"]), &flag)?;
        check("bool", "integer", &json!(["to_integer"]), &flag)?;
        check("bool", "decimal", &json!(["to_decimal"]), &flag)?;
        check("bool", "bool", &json!(["to_bool"]), &flag)?;
        check("bool", "text", &named("value_map", json!({"entries": {"true": "on", "false": "off"}})), &flag)?;
        check_back("enum=Yes|No", "bool", &json!(["to_bool"]), &flag)?;
        check_back("integer", "bool", &json!(["to_bool"]), &flag)?;
        check_back("text", "bool", &named("to_bool", json!({"true": "opted in", "false": "opted out"})), &flag)?;
    }

    #[test]
    fn a_table_of_pairs_comes_back(pairs in prop::collection::btree_map("[a-z]{1,6}", "[A-Z]{1,6}", 1..8), at in any::<prop::sample::Index>()) {
        // Results that occur twice are for the table of steps; here each has one.
        let mut seen = std::collections::BTreeSet::new();
        let pairs: BTreeMap<String, String> = pairs.into_iter().filter(|(_, to)| seen.insert(to.clone())).collect();
        let from = pairs.keys().nth(at.index(pairs.len())).unwrap();
        check("text", "text", &named("value_map", json!({"entries": pairs})), &Value::from(from.as_str()))?;
        let to = pairs[from].as_str();
        check_back("text", "text", &named("value_map", json!({"entries": pairs})), &Value::from(to))?;
    }

    #[test]
    fn exact_steps_in_a_row_and_for_each_item_stay_exact(n in -1_000_000i64..1_000_000) {
        let steps = json!([
            {"name": "multiply", "with": {"by": "0.01"}},
            {"name": "add", "with": {"amount": 1}},
            {"name": "format_number", "with": {"decimal": ",", "grouping": "."}},
        ]);
        check("integer", "text", &steps, &Value::Int(n))?;
        let mapped = named("each", json!({"steps": [
            {"name": "value_map", "with": {"entries": {"a": "x", "b": "y"}}},
        ]}));
        check("list", "list", &mapped, &Value::List(vec![Value::from(if n % 2 == 0 { "a" } else { "b" })]))?;
    }

    #[test]
    fn what_is_called_exact_comes_back_or_is_refused(
        steps in prop::collection::vec(step(), 0..4),
        (source, from_source) in typed(),
        (target, from_target) in typed(),
        // A text has many spellings; what is sent to it and back has one.
        as_text in prop::sample::select(vec![(false, false), (true, false), (false, true)]),
    ) {
        let rules = Mapping {
            rules: vec![Rule {
                target: FieldPath::of("b"),
                origin: Origin::Fields { paths: vec![FieldPath::of("a")] },
                steps,
                on_failure: OnFailure::Hold,
                comment: None,
            }],
            ..Mapping::default()
        };
        let source = if as_text.0 { "text" } else { source };
        let target = if as_text.1 { "text" } else { target };
        let (source, target) = (schema(&format!("a:{source}")), schema(&format!("b:{target}")));
        let inverted = turned(&rules, &source, &target);
        let forward = compile(&rules, &source, &target, Purpose::Update).program;
        if let (Some(forward), WayBack::Exact) = (forward, &inverted.fields[0].kind) {
            let back = compile(&inverted.mapping, &target, &source, Purpose::Update).program.unwrap();
            let record = |name: &str, value| Value::Object([(name.into(), value)].into_iter().collect());
            let trip = round_trip_of(&forward, &back, &inverted.fields, &[record("a", from_source)], &[record("b", from_target)]);
            if !as_text.0 {
                prop_assert_eq!(trip.fields[0].from_source.differ, 0, "{:?} {:?}", rules, trip);
            }
            if !as_text.1 {
                prop_assert_eq!(trip.fields[0].from_target.differ, 0, "{:?} {:?}", rules, trip);
            }
        }
    }

    #[test]
    fn any_mapping_turns_around_into_one_that_compiles(rules in prop::collection::vec(rule(), 0..5)) {
        let mapping = Mapping { rules, ..Mapping::default() };
        for (source, target) in [(harbor(), postino()), (Schema::default(), Schema::default())] {
            let inverted = turned(&mapping, &source, &target);
            prop_assert_eq!(inverted.fields.len(), mapping.rules.len());
            let back = inverted.fields.iter().filter(|field| field.kind.comes_back()).count();
            prop_assert_eq!(inverted.mapping.rules.len(), back);
        }
    }

    #[test]
    fn any_steps_between_any_types_turn_around_and_any_record_goes_around(
        steps in prop::collection::vec(step(), 0..4),
        chosen in prop::option::of(prop::collection::vec(step(), 0..3)),
        (source, target) in (types(), types()),
        records in prop::collection::vec(record(), 0..4),
    ) {
        let rule = Rule {
            target: FieldPath::of("b"),
            origin: Origin::Fields { paths: vec![FieldPath::of("a")] },
            steps,
            on_failure: OnFailure::Hold,
            comment: None,
        };
        let mapping = Mapping { rules: vec![rule], ..Mapping::default() };
        let (source, target) = (schema(&format!("a:{source}")), schema(&format!("b:{target}")));
        let chosen: BTreeMap<FieldPath, Vec<Step>> = chosen.into_iter().map(|steps| (FieldPath::of("b"), steps)).collect();
        let inverted = invert(&mapping, &source, &target, &chosen);
        let back = compile(&inverted.mapping, &target, &source, Purpose::Update);
        prop_assert_eq!(back.errors().count(), 0, "{:?}", back.diagnostics);
        if let Some(forward) = compile(&mapping, &source, &target, Purpose::Update).program {
            let trip = round_trip(&forward, &back.program.unwrap(), &inverted.fields, &records);
            for field in &trip.fields {
                let sum = |one: &mapping::inverse::Trip| one.equal + one.differ + one.refused;
                prop_assert_eq!(sum(&field.from_source), records.len());
                prop_assert!(sum(&field.from_target) <= records.len());
                for one in [&field.from_source, &field.from_target] {
                    prop_assert!(one.examples.len() <= 3);
                    let whys: usize = one.differences.iter().map(|(_, count)| count).sum();
                    prop_assert_eq!(whys, one.differ);
                }
            }
        }
    }
}

/// A field whose values have one spelling, and one of them.
fn typed() -> impl Strategy<Value = (&'static str, Value)> {
    prop_oneof![
        any::<i64>().prop_map(|n| ("integer", Value::Int(n))),
        (-1000i64..1000).prop_map(|n| ("integer?", Value::Int(n))),
        amount().prop_map(|amount| ("decimal", amount)),
        any::<bool>().prop_map(|flag| ("bool", Value::Bool(flag))),
        date().prop_map(|date| ("date", date)),
        timestamp().prop_map(|time| ("timestamp", time)),
    ]
}

fn types() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "text",
        "text?",
        "email",
        "phone",
        "integer?",
        "decimal",
        "float",
        "bool",
        "date?",
        "timestamp",
        "enum=a|b",
        "list",
        "object",
        "any",
    ])
}
