use mapping::{Mapped, Program, Purpose, compile};
use model::mapping::{Mapping, OnFailure, Origin, Rule, Step};
use model::row::Row;
use model::value::Value;
use serde_json::{Value as Json, json};

use crate::schemas::schema;

pub(crate) fn mapping(rules: &Json) -> Mapping {
    let rules = rules
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| {
            let origin = match (&rule["from"], &rule["constant"], &rule["template"]) {
                (Json::String(path), ..) => Origin::Fields {
                    paths: vec![path.parse().unwrap()],
                },
                (Json::Array(paths), ..) => Origin::Fields {
                    paths: paths
                        .iter()
                        .map(|path| path.as_str().unwrap().parse().unwrap())
                        .collect(),
                },
                (_, Json::Null, Json::String(template)) => Origin::Expression {
                    template: template.clone(),
                },
                (_, value, _) => Origin::Constant {
                    value: value.clone(),
                },
            };
            let steps = rule["steps"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|step| match step {
                    Json::String(name) => Step {
                        name: name.clone(),
                        with: serde_json::Map::new(),
                    },
                    other => serde_json::from_value(other.clone()).unwrap(),
                });
            Rule {
                target: rule["to"].as_str().unwrap().parse().unwrap(),
                origin,
                steps: steps.collect(),
                on_failure: serde_json::from_value(rule["on_failure"].clone())
                    .unwrap_or(OnFailure::Hold),
                comment: None,
            }
        })
        .collect();
    Mapping {
        rules,
        ..Mapping::default()
    }
}

fn program(source: &str, target: &str, rules: &Json) -> Program {
    let compiled = compile(
        &mapping(rules),
        &schema(source),
        &schema(target),
        Purpose::Update,
    );
    assert_eq!(compiled.errors().count(), 0, "{:?}", compiled.diagnostics);
    compiled.program.unwrap()
}

fn check(program: &Program, record: &str, expected: &str) {
    let row = Row::parse(&record.to_owned().into()).unwrap();
    let record = model::json::parse(record.as_bytes()).unwrap();
    let mapped = program.apply(&record);
    assert_eq!(program.apply_row(&row), mapped);
    let Mapped { fields, problems } = mapped;
    let mut got = model::json::to_string(&Value::Object(fields));
    for problem in problems {
        got += &format!(
            " {}{}: {}",
            if problem.holds { "HOLD " } else { "" },
            problem.target,
            problem.message
        );
    }
    assert_eq!(got, expected);
}

#[test]
fn a_missing_field_is_not_a_null_one() {
    let program = program(
        "a:text?",
        "missing:text?\nempty:text?\nplain:text?",
        &json!([
            {"to": "missing", "from": "a", "steps": [{"name": "default_if_missing", "with": {"value": "M"}}]},
            {"to": "empty", "from": "a", "steps": [{"name": "default_if_empty", "with": {"value": "E"}}]},
            {"to": "plain", "from": "a", "steps": ["trim", "upper"]},
        ]),
    );
    check(
        &program,
        "{}",
        r#"{"missing":"M","empty":"E","plain":null}"#,
    );
    check(
        &program,
        r#"{"a":null}"#,
        r#"{"missing":null,"empty":"E","plain":null}"#,
    );
    check(
        &program,
        r#"{"a":""}"#,
        r#"{"missing":"","empty":"E","plain":""}"#,
    );
    check(
        &program,
        r#"{"a":" x "}"#,
        r#"{"missing":" x ","empty":" x ","plain":"X"}"#,
    );
}

#[test]
fn the_policy_decides_what_a_failure_sends() {
    let rules = json!([
        {"to": "hold", "from": "a", "steps": ["to_integer"]},
        {"to": "skip", "from": "a", "steps": ["to_integer"], "on_failure": {"kind": "skip"}},
        {"to": "null", "from": "a", "steps": ["to_integer"], "on_failure": {"kind": "null"}},
        {"to": "default", "from": "a", "steps": ["to_integer"], "on_failure": {"kind": "default", "value": 0}},
    ]);
    let program = program(
        "a:text",
        "hold:integer\nskip:integer\nnull:integer?\ndefault:integer",
        &rules,
    );
    check(
        &program,
        r#"{"a":"7"}"#,
        r#"{"hold":7,"skip":7,"null":7,"default":7}"#,
    );
    check(
        &program,
        r#"{"a":"x"}"#,
        r#"{"null":null,"default":0} HOLD hold: "x" is not a number skip: "x" is not a number null: "x" is not a number default: "x" is not a number"#,
    );
}

#[test]
fn objects_are_made_on_the_way_and_lists_are_gathered() {
    let program = program(
        "city:text\ncountry:text\nitems:list\nitems.sku:text\nitems.tags:list",
        "location:object\nlocation.city:text?\nlocation.country:text?\nskus:list\nfirst:text?\nall:list",
        &json!([
            {"to": "location.city", "from": "city"},
            {"to": "skus", "from": "items[].sku"},
            {"to": "location.country", "from": "country"},
            {"to": "first", "from": "items[0].sku"},
            {"to": "all", "from": "items[].tags[]"},
        ]),
    );
    check(
        &program,
        r#"{"city":"Rosario","country":"AR","items":[{"sku":"a","tags":["x","y"]},{"sku":"b","tags":["z"]},{}]}"#,
        r#"{"location":{"city":"Rosario","country":"AR"},"skus":["a","b",null],"first":"a","all":["x","y","z"]}"#,
    );
    check(
        &program,
        r#"{"items":[]}"#,
        r#"{"location":{"city":null,"country":null},"skus":[],"first":null,"all":[]}"#,
    );
}

#[test]
fn numbers_leave_as_they_came() {
    let program = program(
        "n:any",
        "same:any\ntext:text",
        &json!([{"to": "same", "from": "n"}, {"to": "text", "from": "n"}]),
    );
    for digits in [
        "1.10",
        "9007199254740993",
        "18446744073709551615",
        "-0",
        "1e400",
        "0.1000000000000000055",
    ] {
        check(
            &program,
            &format!("{{\"n\":{digits}}}"),
            &format!("{{\"same\":{digits},\"text\":\"{digits}\"}}"),
        );
    }
}

#[test]
fn templates_read_the_record_in_origins_and_in_steps() {
    let program = program(
        "first:text\nlast:text?\namount:decimal",
        "name:text\namount:decimal\nletter:text",
        &json!([
            {"to": "name", "template": "{{ record.last | upper }}, {{ record.first }}"},
            {"to": "amount", "template": "{{ record.amount }}"},
            {"to": "letter", "from": "first", "steps": [{"name": "expression", "with": {"template": "Dear {{ value }} ({{ record.last }})"}}]},
        ]),
    );
    check(
        &program,
        r#"{"first":"Ana","last":"Souza","amount":1.10}"#,
        r#"{"name":"SOUZA, Ana","amount":1.10,"letter":"Dear Ana (Souza)"}"#,
    );
    let paths: Vec<String> = program
        .source_paths()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(paths, ["first", "last", "amount"]);
    check(
        &program,
        r#"{"first":"Ana","amount":1}"#,
        "{\"amount\":1} HOLD name: the template reads `record.last`, which the record does not have HOLD letter: the template reads `record.last`, which the record does not have",
    );
}

#[test]
fn explain_shows_each_step_of_each_field() {
    let program = program(
        "a:text",
        "b:integer",
        &json!([{"to": "b", "from": "a", "steps": ["trim", "to_integer"]}]),
    );
    let show = |json: &str| {
        let record = model::json::parse(json.as_bytes()).unwrap();
        let trace = program.explain(&record).remove(0);
        format!(
            "{:?} {:?} {:?}",
            trace.inputs, trace.after_steps, trace.result
        )
    };
    assert_eq!(
        show(r#"{"a":" 7 "}"#),
        r#"[Text(" 7 ")] [Ok(Text("7")), Ok(Int(7))] Ok(Some(Int(7)))"#
    );
    assert_eq!(
        show(r#"{"a":"x"}"#),
        r#"[Text("x")] [Ok(Text("x")), Err("\"x\" is not a number")] Err("\"x\" is not a number")"#
    );
}

#[test]
fn a_null_for_a_field_that_takes_none_is_left_out() {
    let program = program("a:text?", "b:text", &json!([{"to": "b", "from": "a"}]));
    check(&program, r#"{"a":null}"#, "{}");
}

#[test]
fn the_wrong_type_in_one_record_is_a_problem_of_that_record() {
    let program = program(
        "a:integer\nb:text",
        "a:integer\nb:text",
        &json!([{"to": "a", "from": "a"}, {"to": "b", "from": "b", "steps": ["trim"]}]),
    );
    check(&program, r#"{"a":1,"b":"x"}"#, r#"{"a":1,"b":"x"}"#);
    check(
        &program,
        r#"{"a":"1","b":{"c":1}}"#,
        r#"{} HOLD a: expected a whole number but got the text "1"; use the step "to_integer" HOLD b: expected text but got an object"#,
    );
    check(&program, "[]", "{}");
}
