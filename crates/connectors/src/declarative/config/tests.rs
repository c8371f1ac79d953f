use model::clock::Clock;
use model::json;

use super::spec::ConnectionSpec;
use super::*;
use crate::declarative::node::Node;

fn value(text: &str) -> Value {
    json::parse(text.as_bytes()).unwrap()
}

fn rules(yaml: &str) -> Result<ConfigRules> {
    let text = format!("config_normalization_rules: {yaml}");
    let node = Node::parse("x.yaml", &text).unwrap();
    ConfigRules::compile(&View::root("x.yaml", &node))
}

fn env() -> Env {
    Env::new(Clock::system())
}

/// The settings after a change, as a migration and as a transformation.
fn check(change: &str, before: &str, after: &str) {
    let mut migrated = value(before);
    let as_migration = format!("{{config_migrations: [{{transformations: [{change}]}}]}}");
    let changed = rules(&as_migration)
        .unwrap()
        .migrate(&mut migrated, &env())
        .unwrap();
    assert_eq!(json::to_string(&migrated), after, "{change}");
    assert_eq!(changed, before != after, "{change}");
    let mut transformed = value(before);
    let as_transformation = format!("{{transformations: [{change}]}}");
    let rules = rules(&as_transformation).unwrap();
    rules.transform(&mut transformed, &env()).unwrap();
    assert_eq!(json::to_string(&transformed), after, "{change}");
    assert!(!rules.migrate(&mut transformed, &env()).unwrap());
}

#[test]
fn settings_are_added_removed_and_replaced() {
    check(
        "{type: ConfigAddFields, fields: [{path: [a, b], value: x}]}",
        "{}",
        r#"{"a":{"b":"x"}}"#,
    );
    check(
        "{type: ConfigAddFields, fields: [{path: [b], value: '{{ config.a }}'}, {path: [c], value: '{{ config.b }}'}]}",
        r#"{"a":{"x":[1]}}"#,
        r#"{"a":{"x":[1]},"b":{"x":[1]},"c":{"x":[1]}}"#,
    );
    check(
        "{type: ConfigAddFields, fields: [{path: [b], value: x}], condition: '{{ config.a }}'}",
        r#"{"a":false}"#,
        r#"{"a":false}"#,
    );
    check(
        "{type: ConfigRemoveFields, field_pointers: [[a, b], [q]]}",
        r#"{"a":{"b":1,"c":2}}"#,
        r#"{"a":{"c":2}}"#,
    );
    check(
        "{type: ConfigRemoveFields, field_pointers: [[a]], condition: '{{ config.b }}'}",
        r#"{"a":1,"b":false}"#,
        r#"{"a":1,"b":false}"#,
    );
    let remap = "{type: ConfigRemapField, field_path: [a, r], map: {eu: europe, us: {x: 1}}}";
    check(remap, r#"{"a":{"r":"eu"}}"#, r#"{"a":{"r":"europe"}}"#);
    check(remap, r#"{"a":{"r":"us"}}"#, r#"{"a":{"r":{"x":1}}}"#);
    check(
        "{type: ConfigRemapField, field_path: [r], map: {eu: ''}}",
        r#"{"r":"eu"}"#,
        r#"{"r":""}"#,
    );
    for same in [
        r#"{"a":{"r":"asia"}}"#,
        r#"{"a":{"r":5}}"#,
        r#"{"a":"r"}"#,
        "{}",
    ] {
        check(remap, same, same);
    }
    check(
        "{type: ConfigRemapField, field_path: [r], map: '{{ config.names }}'}",
        r#"{"r":"eu","names":{"eu":7}}"#,
        r#"{"r":7,"names":{"eu":7}}"#,
    );
}

fn validated(validation: &str, config: &str) -> std::result::Result<(), String> {
    rules(&format!("{{validations: [{validation}]}}"))
        .unwrap()
        .validate(&value(config), &env())
        .map_err(|error| error.to_string())
}

#[test]
fn settings_have_to_fit_a_schema() {
    let at = |path: &str, schema: &str| {
        format!(
            "{{type: DpathValidator, field_path: {path}, validation_strategy: {{type: ValidateAdheresToSchema, base_schema: {schema}}}}}"
        )
    };
    let number = at("[a, n]", "{type: integer, minimum: 3}");
    assert_eq!(validated(&number, r#"{"a":{"n":3}}"#), Ok(()));
    assert_eq!(validated(&number, r#"{"a":{"n":"3"}}"#), Ok(()));
    assert_eq!(validated(&number, "{}"), Ok(()));
    assert_eq!(
        validated(&number, r#"{"a":{"n":2}}"#).unwrap_err(),
        "the connection's settings at a.n: should be at least 3; expected a setting that the connector can work with"
    );
    assert!(
        validated(&number, r#"{"a":{"n":"x"}}"#)
            .unwrap_err()
            .contains("at a.n: it is not valid JSON")
    );
    let each = at(
        "[l, '*']",
        "{required: [k], properties: {k: {type: string}}}",
    );
    assert_eq!(validated(&each, r#"{"l":[{"k":"x"}]}"#), Ok(()));
    assert!(
        validated(&each, r#"{"l":[{"k":"x"},{}]}"#)
            .unwrap_err()
            .contains("at l.*.k: is missing")
    );
    let by_text = at("[v]", r#"'{"type": "boolean"}'"#);
    assert_eq!(validated(&by_text, r#"{"v":true}"#), Ok(()));
    assert!(
        validated(&by_text, r#"{"v":1}"#)
            .unwrap_err()
            .contains("should be true or false")
    );
}

#[test]
fn what_is_worked_out_from_settings_has_to_fit_a_schema() {
    let made = "{type: PredicateValidator, value: '{{ config.v }}', validation_strategy: {type: ValidateAdheresToSchema, base_schema: {type: array, maxItems: 1}}}";
    assert_eq!(validated(made, r#"{"v":[1]}"#), Ok(()));
    assert!(
        validated(made, r#"{"v":[1,2]}"#)
            .unwrap_err()
            .contains("at most 1 entries")
    );
}

#[test]
fn rules_that_do_not_work_are_refused_with_their_place() {
    for (yaml, problem) in [
        (
            "{transformations: [{type: CustomConfigTransformation, class_name: x.Y}]}",
            "(`x.Y`)",
        ),
        (
            "{transformations: [{type: AddFields}]}",
            "`AddFields` is not supported here",
        ),
        (
            "{transformations: [{type: ConfigRemapField, field_path: [], map: {}}]}",
            "the path is empty",
        ),
        (
            "{transformations: [{type: ConfigRemoveFields, field_pointers: [a]}]}",
            "this is no path",
        ),
        (
            "{validations: [{type: DpathValidator, field_path: [a], validation_strategy: {type: CustomValidationStrategy, class_name: x.Y}}]}",
            "(`x.Y`)",
        ),
        (
            "{validations: [{type: DpathValidator, field_path: [a], validation_strategy: {type: ValidateAdheresToSchema, base_schema: {type: 7}}}]}",
            "the schema does not work",
        ),
    ] {
        let error = rules(yaml).unwrap_err().to_string();
        assert!(
            error.contains(problem) && error.contains("line 1"),
            "{error}"
        );
    }
}

const SPEC: &str = r#"
type: object
required: [api_key, auth]
additionalProperties: true
properties:
  api_key: {type: string, minLength: 1, airbyte_secret: true}
  start_date: {type: string, format: date, pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$', pattern_descriptor: YYYY-MM-DD}
  region: {type: string, enum: [eu, us], default: eu}
  size: {type: [integer, "null"], minimum: 1, maximum: 100, default: 50}
  odd: {type: string, pattern: '^(?!x)[a-z]+$'}
  auth:
    type: object
    oneOf:
      - title: OAuth
        required: [kind, client_id]
        properties:
          kind: {type: string, const: oauth}
          client_id: {type: string}
          host: {type: string, default: example.org}
      - title: Token
        required: [kind, token]
        properties:
          kind: {type: string, const: token}
          token: {type: string, maxLength: 4}
"#;

fn spec(yaml: &str) -> Result<ConnectionSpec> {
    let node = Node::parse("x.yaml", yaml).unwrap();
    ConnectionSpec::compile(&View::root("x.yaml", &node))
}

fn problems(config: &str) -> Vec<String> {
    spec(SPEC)
        .unwrap()
        .problems(&value(config))
        .into_iter()
        .map(|problem| format!("{} {}", problem.path.join("."), problem.message))
        .collect()
}

#[test]
fn problems_stand_beside_their_fields() {
    let token = r#""api_key":"k","auth":{"kind":"token","token":"t"}"#;
    for (config, expected) in [
        (format!("{{{token}}}"), &[][..]),
        ("{}".into(), &["api_key is missing", "auth is missing"]),
        (
            format!(
                r#"{{{token},"start_date":"yesterday","region":"mars","size":"7","odd":"xy"}}"#
            ),
            &[
                "start_date should look like YYYY-MM-DD",
                "region should be one of eu, us",
                "size should be a whole number or nothing",
                "odd should fit the pattern ^(?!x)[a-z]+$",
            ],
        ),
        (
            format!(r#"{{{token},"size":0}}"#),
            &["size should be at least 1"],
        ),
        (
            r#"{"api_key":"","auth":{"kind":"token"}}"#.into(),
            &["api_key should not be empty", "auth.token is missing"],
        ),
        (
            r#"{"api_key":"k","auth":{"kind":"token","token":"secret"}}"#.into(),
            &["auth.token should have at most 4 characters"],
        ),
        (
            r#"{"api_key":"k","auth":{"kind":"basic"}}"#.into(),
            &["auth choose one of OAuth, Token"],
        ),
        (
            r#"{"api_key":"k","auth":{"kind":"oauth"}}"#.into(),
            &["auth.client_id is missing"],
        ),
        (
            r#"{"api_key":"k","auth":5}"#.into(),
            &["auth should be a group of settings"],
        ),
        ("[]".into(), &[" should be a group of settings"]),
    ] {
        assert_eq!(problems(&config), expected, "{config}");
    }
}

#[test]
fn no_message_shows_a_value() {
    let config = r#"{"api_key":["hunter2"],"region":"hunter2","start_date":"hunter2","odd":"xhunter2","size":"hunter2","auth":{"kind":"hunter2"}}"#;
    for problem in problems(config) {
        assert!(!problem.contains("hunter2"), "{problem}");
    }
}

#[test]
fn a_form_begins_with_what_is_given() {
    for (before, after) in [
        ("{}", r#"{"region":"eu","size":50}"#),
        (
            r#"{"region":"us","auth":{"kind":"oauth"}}"#,
            r#"{"region":"us","auth":{"kind":"oauth","host":"example.org"},"size":50}"#,
        ),
        (
            r#"{"auth":{"kind":"token"}}"#,
            r#"{"auth":{"kind":"token"},"region":"eu","size":50}"#,
        ),
    ] {
        let mut config = value(before);
        spec(SPEC).unwrap().fill_defaults(&mut config);
        assert_eq!(json::to_string(&config), after);
    }
}

#[test]
fn a_pattern_that_only_python_knows_is_no_obstacle() {
    let spec = spec("{type: object, properties: {a: {type: string, pattern: '(?P<n>a)(?(n)b|c'}}}")
        .unwrap();
    assert_eq!(spec.problems(&value(r#"{"a":"x"}"#)), []);
    assert_eq!(spec.problems(&value(r#"{"a":1}"#)).len(), 1);
}

#[test]
fn a_hostile_pattern_ends() {
    let spec = spec(r"{properties: {a: {type: string, pattern: '^(a|a)*(?=b)c$'}}}").unwrap();
    let config = format!(r#"{{"a":"{}"}}"#, "a".repeat(5000));
    assert_eq!(spec.problems(&value(&config)).len(), 1);
}
