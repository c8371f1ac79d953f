use std::sync::Arc;

use bytes::Bytes;
use model::clock::Clock;

use super::*;
use crate::declarative::decode::Ending;
use crate::declarative::extract::{Extraction, Extractor, Run};
use crate::declarative::node::Node;

fn extraction(yaml: &str) -> crate::Result<Arc<Extraction>> {
    let node = Node::parse("x.yaml", yaml).unwrap();
    let config = model::json::parse(br#"{"names":["id","",5]}"#).unwrap();
    let scope = Scope::new().with("config", &config);
    Extractor::compile(&View::root("x.yaml", &node))?.fill(&scope, &Env::new(Clock::system()))
}

fn check(yaml: &str, bodies: &[&str], records: &str) {
    let extraction = extraction(yaml).unwrap();
    let mut run = Run::new(&extraction);
    let mut rows = Vec::new();
    for body in bodies {
        let body = Row::parse(&Bytes::copy_from_slice(body.as_bytes())).unwrap();
        run.body(body, &mut rows).unwrap();
    }
    run.finish(&mut rows, &mut Ending::default());
    let rows: Vec<String> = rows
        .iter()
        .map(|row| String::from_utf8(row.to_json()).unwrap())
        .collect();
    assert_eq!(rows.join(" "), records, "{yaml}");
}

#[test]
fn values_are_wrapped() {
    let yaml = "{type: WrappedExtractor, field_path: [members], wrap_as: id}";
    check(
        yaml,
        &[r#"{"members":["a",5,{"x":1}]}"#],
        r#"{"id":"a"} {"id":5} {"x":1}"#,
    );
    let all = "{type: WrappedExtractor, field_path: [], wrap_as: data, wrap_objects: true}";
    check(
        all,
        &[r#"{"x":1}"#, r#""t""#],
        r#"{"data":{"x":1}} {"data":"t"}"#,
    );
}

#[test]
fn entries_become_records() {
    check(
        "{type: EntriesExtractor, field_path: [results], entry_key_field: date, skip_entries: [$overall]}",
        &[r#"{"results":{"2026-01-01":{"amount":1},"$overall":{"amount":9},"2026-01-02":2}}"#],
        r#"{"amount":1,"date":"2026-01-01"} {"value":2,"date":"2026-01-02"}"#,
    );
    check(
        "{type: EntriesExtractor, field_path: [results], entries_path: [history], entry_key_field: property, parent_fields: [{parent_path: [id], record_path: [dealId]}]}",
        &[
            r#"{"results":[{"id":7,"history":{"name":[{"value":"a"},{"value":"b"}],"age":[]}},{"id":8}]}"#,
        ],
        r#"{"value":"a","property":"name","dealId":7} {"value":"b","property":"name","dealId":7}"#,
    );
}

#[test]
fn rows_of_a_table_become_records() {
    let plain = "{type: TableExtractor, rows_path: [values]}";
    check(
        plain,
        &[r#"{"values":[["id","name","id",""],[1,"a",2,3],[null,""],[4]]}"#],
        r#"{"id":1,"name":"a","id_2":2} {"id":4,"name":null,"id_2":null}"#,
    );
    // Row by row, as an answer comes that is a list of rows.
    check(
        "{type: TableExtractor, snake_case_names: true}",
        &[
            r#"["NAME","stateCode"]"#,
            r#"["Ohio",39]"#,
            r#"["Iowa",19]"#,
        ],
        r#"{"name":"Ohio","state_code":39} {"name":"Iowa","state_code":19}"#,
    );
    check(
        "{type: TableExtractor, rows_path: [sheets, '*', data, '*', rowData], cells_paths: [[values]], cell_path: [formattedValue], keep_empty_rows: true, drop_empty_cells: true}",
        &[
            r#"{"sheets":[{"data":[{"rowData":[{"values":[{"formattedValue":"a"},{"formattedValue":"b"}]},{"values":[{},{"formattedValue":"1"}]},{}]}]}]}"#,
        ],
        r#"{"b":"1"} {}"#,
    );
}

#[test]
fn names_of_columns_may_stand_elsewhere() {
    check(
        "{type: TableExtractor, rows_path: [rows], header_paths: [[dims, '*', name], [mets, '*', name]], cells_paths: [[d], [m]], cell_path: [value]}",
        &[
            r#"{"dims":[{"name":"date"}],"mets":[{"name":"users"},{"name":"views"}],"rows":[{"d":[{"value":"2026"}],"m":[{"value":"1"},{"value":"2"}]}]}"#,
        ],
        r#"{"date":"2026","users":"1","views":"2"}"#,
    );
    check(
        "{type: TableExtractor, rows_path: [r], column_names: '{{ config.names }}'}",
        &[r#"{"r":[[1,2,3]]}"#],
        r#"{"id":1,"5":3}"#,
    );
    check(
        "{type: TableExtractor, columns_paths: [[data, xValues], [data, series, '0']], column_names: [date, length], cell_path: [value]}",
        &[r#"{"data":{"xValues":["a","b"],"series":[[{"value":1},{"value":2}]]}}"#],
        r#"{"date":"a","length":1} {"date":"b","length":2}"#,
    );
}

#[test]
fn related_objects_are_put_beside_the_reference() {
    let yaml = "{type: IncludedExtractor, field_path: [data]}";
    check(
        yaml,
        &[
            r#"{"data":[{"id":"1","relationships":{"author":{"data":{"type":"people","id":"9"}},"tags":{"data":[{"type":"tag","id":"3"},{"type":"tag","id":"4"}]},"none":{"data":null}}},{"id":"2"}],"included":[{"type":"people","id":"9","attributes":{"name":"Ann"}},{"type":"tag","id":"4","attributes":{"label":"x"}}]}"#,
        ],
        r#"{"id":"1","relationships":{"author":{"data":{"type":"people","id":"9","name":"Ann"}},"tags":{"data":[{"type":"tag","id":"3"},{"type":"tag","id":"4","label":"x"}]},"none":{"data":null}}} {"id":"2"}"#,
    );
    check(yaml, &[r#"{"data":{"id":"1"}}"#], r#"{"id":"1"}"#);
}

#[test]
fn what_does_not_work_is_refused_with_its_place() {
    for (yaml, problem) in [
        (
            "{type: WrappedExtractor, field_path: []}",
            "`wrap_as` is missing",
        ),
        (
            "{type: EntriesExtractor, field_path: []}",
            "`entry_key_field` is missing",
        ),
        (
            "{type: TableExtractor, columns_paths: [[a]]}",
            "columns without names",
        ),
        (
            "{type: TableExtractor, column_names: '{{ config }}'}",
            "makes no list of names",
        ),
        (
            "{type: EntriesExtractor, field_path: [], entries_path: ['*'], entry_key_field: a}",
            "the path has a pattern",
        ),
    ] {
        let error = extraction(yaml).unwrap_err().to_string();
        assert!(
            error.contains(problem) && error.contains("line 1"),
            "{error}"
        );
    }
}
