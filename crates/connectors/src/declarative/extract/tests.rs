use bytes::Bytes;
use model::clock::Clock;

use super::*;
use crate::declarative::decode::Ending;
use crate::declarative::node::Node;

fn extractor(yaml: &str) -> crate::Result<Extractor> {
    let node = Node::parse("x.yaml", yaml).unwrap();
    Extractor::compile(&View::root("x.yaml", &node))
}

fn extraction(yaml: &str) -> crate::Result<Arc<Extraction>> {
    let config = model::json::parse(br#"{"list":"items"}"#).unwrap();
    let scope = Scope::new().with("config", &config);
    extractor(yaml)?.fill(&scope, &Env::new(Clock::system()))
}

fn row(text: &str) -> Row {
    Row::parse(&Bytes::copy_from_slice(text.as_bytes())).unwrap()
}

fn joined(rows: &[Row]) -> String {
    let rows: Vec<String> = rows
        .iter()
        .map(|row| String::from_utf8(row.to_json()).unwrap())
        .collect();
    rows.join(" ")
}

/// The records of bodies, the same whether they are text or values.
fn run(yaml: &str, bodies: &[&str]) -> Result<(String, Ending), DecodeError> {
    let extraction = extraction(yaml).unwrap();
    let all = |as_text: bool| {
        let mut run = Run::new(&extraction);
        let (mut rows, mut ending) = (Vec::new(), Ending::default());
        for body in bodies {
            let mut body = row(body);
            if !as_text {
                body.edit(|_| ());
            }
            run.body(body, &mut rows)?;
        }
        run.finish(&mut rows, &mut ending);
        Ok((joined(&rows), ending))
    };
    let (from_text, from_values) = (all(true), all(false));
    assert_eq!(from_text, from_values, "{yaml}");
    from_text
}

fn check(yaml: &str, bodies: &[&str], records: &str) {
    assert_eq!(run(yaml, bodies).unwrap().0, records, "{yaml}");
}

#[test]
fn records_stand_at_a_path() {
    let at = |path: &str| format!("{{type: DpathExtractor, field_path: {path}}}");
    let body = r#"{"d":[{"a":1},{},null,[2]],"e":{"f":{"a":3}},"n":null,"z":0,"x":"t"}"#;
    check(&at("[d]"), &[body], r#"{"a":1} {} null [2]"#);
    check(&at("[e, f]"), &[body], r#"{"a":3}"#);
    check(&at("[d, '*']"), &[body], r#"{"a":1} {} null [2]"#);
    check(&at("[d, '*', a]"), &[body], "1");
    check(&at("[x]"), &[body], r#""t""#);
    check(
        &at("[]"),
        &[r#"{"a":1}"#, "{}", "[1,2]", "7"],
        r#"{"a":1} 1 2 7"#,
    );
    for nothing in ["[n]", "[z]", "[q]", "[d, q]", "[x, y]"] {
        check(&at(nothing), &[body, "[]", "5"], "");
    }
    check(&at("[a, 0]"), &[r#"{"a":[[1,2],3]}"#], "1 2");
}

#[test]
fn several_values_where_one_is_expected_are_an_error() {
    let yaml = "{type: DpathExtractor, field_path: ['a?']}";
    let error = run(yaml, &[r#"{"ab":1,"ac":2}"#]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the path a? finds more than one value, where one is expected"
    );
}

#[test]
fn items_within_records_become_records() {
    let expand = |more: &str| {
        format!(
            "{{type: DpathExtractor, field_path: [d], record_expander: {{type: RecordExpander, {more}}}}}"
        )
    };
    let body = r#"{"d":[{"id":1,"l":{"i":[{"a":1},5],"n":2}},{"id":2},{"id":3,"l":{"i":[]}}]}"#;
    let plain = "expand_records_from_field: [l, i]";
    check(&expand(plain), &[body], r#"{"a":1} 5"#);
    check(
        &expand(&format!("{plain}, on_no_records: emit_parent")),
        &[body],
        r#"{"a":1} 5 {"id":2} {"id":3,"l":{"i":[]}}"#,
    );
    check(
        &expand(&format!("{plain}, remain_original_record: true")),
        &[body],
        r#"{"a":1,"original_record":{"id":1,"l":{"i":[{"a":1},5],"n":2}}} {"value":5,"original_record":{"id":1,"l":{"i":[{"a":1},5],"n":2}}}"#,
    );
    check(
        &expand(&format!(
            "{plain}, parent_fields: [{{type: ParentFieldPath, parent_path: [id], record_path: [p, id]}}, {{parent_path: [l, q], record_path: [a]}}]"
        )),
        &[body],
        r#"{"a":null,"p":{"id":1}} {"value":5,"p":{"id":1},"a":null}"#,
    );
    check(
        &expand(&format!("{plain}, merge_parent: true")),
        &[body],
        r#"{"id":1,"l":{"n":2},"a":1} {"id":1,"l":{"n":2},"value":5}"#,
    );
    check(
        &expand("expand_records_from_field: [s, '*', i]"),
        &[r#"{"d":{"s":[{"i":[1,2]},{"i":"no"},{"i":[3]}]}}"#],
        "1 2 3",
    );
    check(
        &expand("expand_records_from_field: [l]"),
        &[r#"{"d":["text",7]}"#],
        r#""text" 7"#,
    );
}

#[test]
fn a_list_that_is_cut_short_is_to_be_fetched() {
    let yaml = "{type: DpathExtractor, field_path: [], record_expander: {type: RecordExpander, expand_records_from_field: [l, i], truncation_indicator_path: [l, more], parent_fields: [{parent_path: [id], record_path: [p]}], FETCH}}";
    let cut = r#"{"id":1,"l":{"i":[{"a":1}],"more":true}}"#;
    let whole = r#"{"id":2,"l":{"i":[{"a":2}],"more":false}}"#;
    let (records, ending) = run(&yaml.replace(", FETCH", ""), &[cut, whole, cut]).unwrap();
    assert_eq!(records, r#"{"a":1,"p":1} {"a":2,"p":2} {"a":1,"p":1}"#);
    assert_eq!(ending.warnings.len(), 1);

    let fetching = yaml.replace("FETCH", "truncated_list_retriever: {type: SimpleRetriever}");
    let (records, ending) = run(&fetching, &[cut, whole]).unwrap();
    assert_eq!(records, r#"{"a":2,"p":2}"#);
    assert_eq!(joined(&ending.cut_short), cut);
    let extraction = extraction(&fetching).unwrap();
    let mut rows = Vec::new();
    let fetched = vec![row(r#"{"a":1}"#), row(r#"{"a":9}"#)];
    extraction.adopt(row(cut), fetched, &mut rows).unwrap();
    extraction.adopt(row(cut), Vec::new(), &mut rows).unwrap();
    assert_eq!(
        joined(&rows),
        r#"{"a":1,"p":1} {"a":9,"p":1} {"a":1,"p":1}"#
    );
}

#[test]
fn a_path_of_an_item_that_is_in_the_way_is_an_error() {
    let yaml = "{type: DpathExtractor, field_path: [], record_expander: {type: RecordExpander, expand_records_from_field: [l], parent_fields: [{parent_path: [id], record_path: [a, b]}]}}";
    let error = run(yaml, &[r#"{"id":1,"l":[{"a":1}]}"#])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("a.b (`record_path`) leads through a value"),
        "{error}"
    );
}

#[test]
fn several_extractors_are_combined() {
    let combined = |more: &str| {
        format!(
            "{{type: CombinedExtractor, extractors: [{{type: DpathExtractor, field_path: [a]}}, {{type: DpathExtractor, field_path: [b]}}], {more}}}"
        )
    };
    let bodies = [r#"{"b":[1,null],"a":[]}"#, r#"{"a":[2,{}],"b":[3]}"#];
    check(&combined("mode: union"), &bodies, "2 {} 1 null 3");
    check(&combined("mode: first_match"), &bodies, "2 {}");
    check(&combined("mode: first_match"), &bodies[..1], "1 null");
    check(&combined("mode: first_match"), &["{}"], "");
    let skipping = combined("skip_empty_records: true");
    let (records, ending) = run(&skipping, &bodies).unwrap();
    assert_eq!((records.as_str(), ending.left_out), ("2 1 3", 2));
    assert_eq!(ending.warnings, ["2 empty records were left out"]);
    let (records, ending) = run(
        &combined("mode: first_match, skip_empty_records: true"),
        &[r#"{"a":[null],"b":[null,1]}"#],
    )
    .unwrap();
    assert_eq!((records.as_str(), ending.left_out), ("1", 1));
    assert!(extraction(&skipping).unwrap().is_union());
    assert!(
        !extraction(&combined("mode: first_match"))
            .unwrap()
            .is_union()
    );
}

#[test]
fn names_and_values_are_paired() {
    let yaml = "{type: KeyValueExtractor, keys_extractor: {type: DpathExtractor, field_path: [names]}, values_extractor: {type: DpathExtractor, field_path: [rows, '*', '*']}}";
    check(
        yaml,
        &[r#"{"names":["id","name"],"rows":[[1,"a"],[2,"b"],[3]]}"#],
        r#"{"id":1,"name":"a"} {"id":2,"name":"b"} {"id":3}"#,
    );
    check(yaml, &[r#"{"rows":[[1]]}"#], "");
}

#[test]
fn what_does_not_work_is_refused_with_its_place() {
    for (yaml, problem) in [
        ("type: DpathExtractor", "`field_path` is missing"),
        (
            "{type: CustomRecordExtractor, class_name: source_x.Odd}",
            "(`source_x.Odd`)",
        ),
        (
            "{type: CombinedExtractor, extractors: []}",
            "the list is empty",
        ),
        (
            "{type: DpathExtractor, field_path: ['**', '**']}",
            "`**` twice",
        ),
        (
            "{type: DpathExtractor, field_path: [], record_expander: {type: RecordExpander, expand_records_from_field: ['*'], truncation_indicator_path: [a], truncated_list_retriever: {a: b}}}",
            "the path has a pattern",
        ),
        (
            "{type: DpathExtractor, field_path: [], record_expander: {type: RecordExpander, expand_records_from_field: [a], truncated_list_retriever: {a: b}}}",
            "does not know when to fetch",
        ),
    ] {
        let error = extraction(yaml).unwrap_err().to_string();
        assert!(
            error.contains(problem) && error.contains("line 1"),
            "{error}"
        );
    }
}
