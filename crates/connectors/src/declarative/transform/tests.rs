use bytes::Bytes;
use model::clock::Clock;
use model::json;
use model::value::Value;

use super::*;
use crate::declarative::node::Node;

fn transformation(yaml: &str) -> crate::Result<Transformation> {
    let node = Node::parse("x.yaml", yaml).unwrap();
    Transformation::compile(&View::root("x.yaml", &node))
}

fn apply(yaml: &str, record: &str, as_text: bool) -> crate::Result<String> {
    let config = json::parse(br#"{"name":"acme","path":"p","none":null}"#).unwrap();
    let scope = Scope::new()
        .with("config", &config)
        .with("stream_slice", Value::Null);
    let mut row = Row::parse(&Bytes::copy_from_slice(record.as_bytes())).unwrap();
    if !as_text {
        row.edit(|_| ());
    }
    transformation(yaml)?.apply(&mut row, &scope, &Env::new(Clock::system()))?;
    Ok(String::from_utf8(row.to_json()).unwrap())
}

/// The same whether the record is text or a value.
fn check(yaml: &str, before: &str, after: &str) {
    for as_text in [true, false] {
        let got = apply(yaml, before, as_text).unwrap();
        assert_eq!(got, after, "{yaml} {before}");
    }
}

#[test]
fn fields_are_added() {
    let add = |fields: &str| format!("{{type: AddFields, fields: [{fields}]}}");
    check(
        &add("{path: [b], value: x}"),
        r#"{"a":1.10}"#,
        r#"{"a":1.10,"b":"x"}"#,
    );
    check(
        &add("{path: [a], value: '{{ config.name }}'}"),
        r#"{"a":1}"#,
        r#"{"a":"acme"}"#,
    );
    check(
        &add("{path: [b, c, 1], value: x}"),
        "{}",
        r#"{"b":{"c":[null,"x"]}}"#,
    );
    check(
        &add("{path: [a, b], value: '{{ record.id }}'}"),
        r#"{"id":7,"a":{"x":1}}"#,
        r#"{"id":7,"a":{"x":1,"b":7}}"#,
    );
    // A later field sees an earlier one.
    check(
        &add("{path: [b], value: '{{ record.a }}'}, {path: [c], value: '{{ record.b }}'}"),
        r#"{"a":[1]}"#,
        r#"{"a":[1],"b":[1],"c":[1]}"#,
    );
}

#[test]
fn fields_are_added_where_the_condition_holds() {
    let add = "{type: AddFields, fields: [{path: [b], value: x}], condition: '{{ record.ok }}'}";
    check(add, r#"{"ok":true}"#, r#"{"ok":true,"b":"x"}"#);
    check(add, r#"{"ok":false}"#, r#"{"ok":false}"#);
    check(
        "{type: AddFields, fields: [{path: [b], value: x}], condition: false}",
        "{}",
        "{}",
    );
    let by_value = "{type: AddFields, fields: [{path: [b], value: '{{ record.a }}'}], condition: '{{ value }}'}";
    check(by_value, r#"{"a":false}"#, r#"{"a":false}"#);
    check(by_value, r#"{"a":true}"#, r#"{"a":true,"b":true}"#);
}

#[test]
fn a_field_may_have_a_kind() {
    let add = |kind: &str| {
        format!(
            "{{type: AddFields, fields: [{{path: [b], value: '{{{{ record.a }}}}', value_type: {kind}}}]}}"
        )
    };
    check(&add("integer"), r#"{"a":5}"#, r#"{"a":5,"b":5}"#);
    check(&add("number"), r#"{"a":5.5}"#, r#"{"a":5.5,"b":5.5}"#);
    check(&add("number"), r#"{"a":5}"#, r#"{"a":5,"b":"5"}"#);
    check(&add("boolean"), r#"{"a":5}"#, r#"{"a":5,"b":"5"}"#);
}

#[test]
fn a_field_that_cannot_be_set_is_named() {
    let error = apply(
        "{type: AddFields, fields: [{path: [a, b], value: x}]}",
        r#"{"a":"t"}"#,
        true,
    );
    assert_eq!(
        error.unwrap_err().to_string(),
        "x.yaml at line 1, column 35 (fields[0].path): the field a.b cannot be set: there is a text where `b` should be \
         put in; expected a path that leads through objects, or through lists by number"
    );
}

#[test]
fn fields_are_removed() {
    let remove = |paths: &str| format!("{{type: RemoveFields, field_pointers: {paths}}}");
    check(
        &remove("[[a], [c, d]]"),
        r#"{"a":1,"b":2.50,"c":{"d":1,"e":2}}"#,
        r#"{"b":2.50,"c":{"e":2}}"#,
    );
    check(
        &remove("[[l, '*', x], [q]]"),
        r#"{"l":[{"x":1,"y":2}]}"#,
        r#"{"l":[{"y":2}]}"#,
    );
    check(
        &remove("[['_*'], ['**', s]]"),
        r#"{"_a":1,"b":{"s":1,"t":2},"_":0}"#,
        r#"{"b":{"t":2}}"#,
    );
    check(&remove("[[a, b]]"), r#"{"a":1}"#, r#"{"a":1}"#);
    check(&remove("[]"), r#"{"a":1}"#, r#"{"a":1}"#);
}

#[test]
fn with_a_condition_values_are_removed_wherever_they_stand() {
    check(
        "{type: RemoveFields, field_pointers: [[a]], condition: '{{ property }}'}",
        r#"{"a":true,"b":{"c":true,"d":false},"l":[true,false,true]}"#,
        r#"{"b":{"d":false},"l":[null,false]}"#,
    );
    check(
        "{type: RemoveFields, field_pointers: [[a]], condition: ''}",
        r#"{"a":1}"#,
        "{}",
    );
}

#[test]
fn names_are_changed() {
    check(
        "type: KeysToLower",
        r#"{"Ab":{"Cd":1},"e":2}"#,
        r#"{"ab":{"Cd":1},"e":2}"#,
    );
    check("type: KeysToLower", r#"{"ab":1.10}"#, r#"{"ab":1.10}"#);
    check("type: KeysToLower", r#"{"A":1,"a":2}"#, r#"{"a":2}"#);
    check(
        "type: KeysToSnakeCase",
        r#"{"createdAt":{"timeZone":1},"Items":[{"innerKey":2}],"x":1.10}"#,
        r#"{"created_at":{"time_zone":1},"items":[{"innerKey":2}],"x":1.10}"#,
    );
    check(
        "{type: KeysReplace, old: ' ', new: _}",
        r#"{"a b c":{"d e":1},"l":[{"f g":1}]}"#,
        r#"{"a_b_c":{"d_e":1},"l":[{"f g":1}]}"#,
    );
    check(
        "{type: KeysReplace, old: '{{ record.x }}', new: y}",
        r#"{"x":"a","aa":1}"#,
        r#"{"x":"a","yy":1}"#,
    );
}

#[test]
fn records_are_flattened() {
    check(
        "type: FlattenFields",
        r#"{"a":1,"b":{"c":2,"d":{"e":3}},"f":{}}"#,
        r#"{"a":1,"c":2,"e":3}"#,
    );
    // The record's own `id` is looked at last.
    check(
        "type: FlattenFields",
        r#"{"id":1,"b":{"id":2}}"#,
        r#"{"id":1}"#,
    );
    check(
        "type: FlattenFields",
        r#"{"a":{"x":1},"b":{"x":2},"x":3}"#,
        r#"{"a.x":1,"b.x":2,"x":3}"#,
    );
    check(
        "type: FlattenFields",
        r#"{"a":[{"x":1},5],"b":2}"#,
        r#"{"a.0.x":1,"a.1":5,"b":2}"#,
    );
    check(
        "{type: FlattenFields, flatten_lists: false}",
        r#"{"a":[{"x":1}],"b":{"c":2}}"#,
        r#"{"a":[{"x":1}],"c":2}"#,
    );
}

#[test]
fn the_members_of_one_object_are_brought_to_the_top() {
    let flatten = |more: &str| format!("{{type: DpathFlattenFields, {more}}}");
    let record = r#"{"id":1.10,"p":{"q":{"a":2,"b":3}}}"#;
    check(
        &flatten("field_path: [p, q]"),
        record,
        r#"{"id":1.10,"p":{"q":{"a":2,"b":3}},"a":2,"b":3}"#,
    );
    check(
        &flatten("field_path: [p, q], delete_origin_value: true"),
        record,
        r#"{"id":1.10,"p":{},"a":2,"b":3}"#,
    );
    check(
        &flatten("field_path: [p], delete_origin_value: true"),
        record,
        r#"{"id":1.10,"q":{"a":2,"b":3}}"#,
    );
    check(
        &flatten("field_path: ['{{ config.path }}'], replace_record: true"),
        record,
        r#"{"q":{"a":2,"b":3}}"#,
    );
    check(
        &flatten("field_path: [p, '*']"),
        record,
        r#"{"id":1.10,"p":{"q":{"a":2,"b":3}},"a":2,"b":3}"#,
    );
    check(
        &flatten(
            "field_path: [p, q], key_transformation: {type: KeyTransformation, prefix: x_, suffix: _y}, delete_origin_value: true",
        ),
        record,
        r#"{"id":1.10,"p":{},"x_a_y":2,"x_b_y":3}"#,
    );
    // Nothing is overwritten.
    check(
        &flatten("field_path: [p]"),
        r#"{"id":1,"p":{"id":2}}"#,
        r#"{"id":1,"p":{"id":2}}"#,
    );
    check(&flatten("field_path: [id]"), record, record);
    check(&flatten("field_path: [nowhere]"), record, record);
}

#[test]
fn what_does_not_work_is_refused_with_its_place() {
    for (yaml, problem) in [
        (
            "{type: CustomTransformation, class_name: source_x.Odd}",
            "(`source_x.Odd`)",
        ),
        (
            "{type: AddFields, fields: [{path: [], value: x}]}",
            "the path is empty",
        ),
        (
            "{type: AddFields, fields: [{path: [a], value: x, value_type: date}]}",
            "`date` is not known",
        ),
        (
            "{type: RemoveFields, field_pointers: [a]}",
            "this is no path",
        ),
        (
            "{type: DpathFlattenFields, field_path: ['**', '**']}",
            "`**` twice",
        ),
        ("type: Shuffle", "`Shuffle` is not supported here"),
    ] {
        let error = transformation(yaml).unwrap_err().to_string();
        assert!(
            error.contains(problem) && error.contains("line 1"),
            "{error}"
        );
    }
}

#[test]
fn lists_of_named_things_become_objects() {
    let entries = |more: &str| format!("{{type: EntriesToObject, {more}}}");
    let record = r#"{"id":1.10,"data":[{"name":"a","values":[{"value":1},{"value":2}]},{"name":"b","values":[]},{"x":1}]}"#;
    check(
        &entries("entries_path: [data], key_path: [name], value_path: [values, '0', value]"),
        record,
        r#"{"id":1.10,"a":1,"b":null}"#,
    );
    check(
        &entries(
            "entries_path: [data], key_path: [name], value_path: [values, '*', value], into_path: [insights], keep_entries: true",
        ),
        record,
        r#"{"id":1.10,"data":[{"name":"a","values":[{"value":1},{"value":2}]},{"name":"b","values":[]},{"x":1}],"insights":{"a":[1,2],"b":[]}}"#,
    );
    check(
        &entries("entries_path: [assoc], value_path: [results, '*', id]"),
        r#"{"assoc":{"Contacts":{"results":[{"id":1},{"id":2}]},"Deals":{}}}"#,
        r#"{"Contacts":[1,2],"Deals":[]}"#,
    );
    check(
        &entries("entries_path: [keys], key_names: [date, '{{ config.name }}']"),
        r#"{"keys":["2026","x","y"],"clicks":3}"#,
        r#"{"clicks":3,"date":"2026","acme":"x"}"#,
    );
    check(&entries("entries_path: [nowhere]"), record, record);
    check(&entries("entries_path: [id]"), record, record);
}

#[test]
fn objects_become_lists_of_named_things() {
    check(
        "{type: ObjectToEntries, object_path: [properties], into_path: [properties]}",
        r#"{"id":1,"properties":{"a":{"x":1},"b":2}}"#,
        r#"{"id":1,"properties":[{"name":"a","value":{"x":1}},{"name":"b","value":2}]}"#,
    );
    check(
        "{type: ObjectToEntries, match_keys: ^cf_, into_path: [custom], entry_key_field: key}",
        r#"{"id":1,"cf_a":2,"cf_b":null}"#,
        r#"{"id":1,"custom":[{"key":"cf_a","value":2},{"key":"cf_b","value":null}]}"#,
    );
    check(
        "{type: ObjectToEntries, match_keys: ^cf_, into_path: [custom], keep_object: true}",
        r#"{"cf_a":2}"#,
        r#"{"cf_a":2,"custom":[{"name":"cf_a","value":2}]}"#,
    );
    check(
        "{type: ObjectToEntries, object_path: [p], into_path: [l]}",
        r#"{"q":1}"#,
        r#"{"q":1}"#,
    );
}

#[test]
fn names_that_match_a_pattern_become_others() {
    let rename = |more: &str| format!("{{type: RenameKeys, {more}}}");
    check(
        &rename(r"match_keys: '^\$', new_key: ''"),
        r#"{"$city":"x","name":"y","a":{"$b":1}}"#,
        r#"{"name":"y","a":{"$b":1},"city":"x"}"#,
    );
    check(
        &rename(
            r"match_keys: '^hs_v2_(.*)$', new_key: 'hs_\1', object_path: [properties], keep_original: true",
        ),
        r#"{"properties":{"hs_v2_a":1,"hs_v2_b":2,"hs_b":3,"hs_a":null}}"#,
        r#"{"properties":{"hs_v2_a":1,"hs_v2_b":2,"hs_b":3,"hs_a":1}}"#,
    );
    check(
        &rename("match_keys: x, new_key: y"),
        r#"{"a":1.10}"#,
        r#"{"a":1.10}"#,
    );
}

#[test]
fn fields_are_put_out_of_the_way() {
    check(
        "{type: NestFields, keep_fields: [id, email], nest_under: data}",
        r#"{"a":1.10,"id":7,"b":{"c":2}}"#,
        r#"{"id":7,"data":{"a":1.10,"b":{"c":2}}}"#,
    );
}

#[test]
fn dates_get_one_format() {
    let dates = "{type: FormatDates, date_fields: [[a], [l, '*', d]], from_formats: [iso8601, rfc2822, '%d/%m/%Y', epoch]}";
    for (before, after) in [
        (
            r#""2026-01-02T03:04:05+02:00""#,
            r#""2026-01-02T01:04:05Z""#,
        ),
        (
            r#""Fri, 02 Jan 2026 03:04:05 +0200""#,
            r#""2026-01-02T01:04:05Z""#,
        ),
        (r#""02/01/2026""#, r#""2026-01-02T00:00:00Z""#),
        ("1767322445", r#""2026-01-02T02:54:05Z""#),
        (r#""soon""#, r#""soon""#),
        ("null", "null"),
        ("1e300", "1e300"),
    ] {
        check(
            dates,
            &format!(r#"{{"x":1.10,"a":{before}}}"#),
            &format!(r#"{{"x":1.10,"a":{after}}}"#),
        );
        check(
            dates,
            &format!(r#"{{"l":[{{"d":{before}}},5]}}"#),
            &format!(r#"{{"l":[{{"d":{after}}},5]}}"#),
        );
    }
    check(
        "{type: FormatDates, date_fields: [[a]], from_formats: [epoch_ms], to_format: '%Y-%m-%d'}",
        r#"{"a":1767322445123}"#,
        r#"{"a":"2026-01-02"}"#,
    );
}

#[test]
fn own_transformations_that_do_not_work_are_refused() {
    for (yaml, problem) in [
        (
            "{type: RenameKeys, match_keys: '(', new_key: a}",
            "the pattern does not work",
        ),
        ("{type: RenameKeys, new_key: a}", "`match_keys` is missing"),
        (
            "{type: ObjectToEntries, into_path: []}",
            "the path is empty",
        ),
        ("{type: EntriesToObject}", "`entries_path` is missing"),
        ("{type: FormatDates, date_fields: [[]]}", "this is no path"),
    ] {
        let error = transformation(yaml).unwrap_err().to_string();
        assert!(
            error.contains(problem) && error.contains("line 1"),
            "{error}"
        );
    }
    let error = apply(
        "{type: EntriesToObject, entries_path: [l], key_path: [k], into_path: [t]}",
        r#"{"l":[{"k":"a"}],"t":"text"}"#,
        true,
    );
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("cannot be put at `into_path`")
    );
}
