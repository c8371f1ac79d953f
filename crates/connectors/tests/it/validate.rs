//! What is said of connector files before they run: each finding with its place, what was expected and what to do.

use std::fmt::Write as _;

use connectors::declarative::node::Node;
use connectors::declarative::shape::json_schema;
use connectors::declarative::validate::{Finding, Severity, validate};

/// A small file that is right; each case puts something else into it.
const GOOD: &str = r#"version: 6.44.0
type: DeclarativeSource
check: {type: CheckStream, stream_names: [people]}
streams:
  - type: DeclarativeStream
    name: people
    primary_key: id
    retriever:
      type: SimpleRetriever
      requester:
        type: HttpRequester
        url_base: "{{ config['base_url'] }}"
        path: people
      record_selector:
        type: RecordSelector
        extractor: {type: DpathExtractor, field_path: [data]}
spec:
  type: Spec
  connection_specification: {type: object, properties: {base_url: {type: string}}}
"#;

/// What is said of the file with `was` replaced by `is`.
fn findings(was: &str, is: &str) -> Vec<Finding> {
    assert!(GOOD.contains(was), "the case changes nothing: {was}");
    validate("people", &GOOD.replacen(was, is, 1))
}

#[test]
fn nothing_is_said_of_files_that_are_right() {
    assert_eq!(validate("people", GOOD), []);
    for name in ["harbor", "postino"] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("manifests")
            .join(name)
            .join("connector.yaml");
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(validate(name, &text), [], "{name}");
    }
}

#[test]
fn what_is_wrong_in_a_file_is_told_with_its_place_and_what_would_be_right() {
    let cases = [
        ("the file is no YAML", "streams:\n", "streams: [\n"),
        (
            "a text where a list was expected",
            "field_path: [data]",
            "field_path: {a: b}",
        ),
        (
            "a list where a map was expected",
            "type: RecordSelector\n        extractor:",
            "type: RecordSelector\n        extractor: [a]\n        x:",
        ),
        (
            "a component that is misspelt",
            "type: DpathExtractor",
            "type: DpathExtracter",
        ),
        (
            "a component at the wrong place",
            "type: SimpleRetriever",
            "type: HttpRequester",
        ),
        (
            "a component without a type",
            "requester:\n        type: HttpRequester",
            "requester:\n        type: HttpRequester\n        authenticator: {api_token: x}",
        ),
        (
            "a member that is misspelt",
            "primary_key: id",
            "primary_keys: id",
        ),
        (
            "a member that nobody knows",
            "path: people",
            "path: people\n        colour: red",
        ),
        ("a member that is missing", "    name: people\n", ""),
        (
            "a word that is not one of those that there are",
            "path: people",
            "path: people\n        http_method: GETT",
        ),
        (
            "a template that does not end",
            "path: people",
            "path: \"people/{{ config['id'\"",
        ),
        (
            "a template with a name that is not there",
            "path: people",
            "path: \"people/{{ confg['id'] }}\"",
        ),
        (
            "a template with a name of another language",
            "path: people",
            "path: \"people/{{ env.HOME }}\"",
        ),
        (
            "a reference that leads nowhere",
            "{type: DpathExtractor, field_path: [data]}",
            "{$ref: \"#/definitions/extractor\"}",
        ),
        (
            "a reference that leads to itself",
            "{type: DpathExtractor, field_path: [data]}",
            "{$ref: \"#/streams/0/retriever/record_selector/extractor\"}",
        ),
        (
            "a part in Python",
            "{type: DpathExtractor, field_path: [data]}",
            "{type: CustomRecordExtractor, class_name: source_people.components.Rows}",
        ),
        (
            "a page size without a size",
            "      record_selector:",
            "      paginator: {type: DefaultPaginator, pagination_strategy: {type: PageIncrement}, page_size_option: {inject_into: request_parameter, field_name: n}}\n      record_selector:",
        ),
        (
            "a number of retries without end",
            "path: people",
            "path: people\n        error_handler: {type: DefaultErrorHandler, max_retries: 1000}",
        ),
        (
            "a pattern that is none",
            "path: people",
            "path: people\n        error_handler: {type: DefaultErrorHandler, backoff_strategies: [{type: WaitTimeFromHeader, header: X, regex: '['}]}",
        ),
        (
            "two streams of one name",
            "spec:\n",
            "  - {type: DeclarativeStream, name: people, retriever: {type: SimpleRetriever, requester: {type: HttpRequester, url_base: 'http://x.example'}, record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: []}}}}\nspec:\n",
        ),
        (
            "a check of a stream that is not there",
            "stream_names: [people]",
            "stream_names: [persons]",
        ),
        (
            "a key of ours that is misspelt",
            "spec:\n",
            "patchbay: {platfrom: {name: People}}\nspec:\n",
        ),
        (
            "a write without a key",
            "spec:\n",
            "patchbay: {writes: {people: {operations: {}}}}\nspec:\n",
        ),
        (
            "writes to a stream that is not there",
            "spec:\n",
            "patchbay: {writes: {peopel: {key: id, operations: {}}}}\nspec:\n",
        ),
        (
            "a sign-in of a type that nobody knows",
            "spec:\n",
            "patchbay: {auth: [{name: a, label: A, type: oauth}]}\nspec:\n",
        ),
        (
            "several at once",
            "primary_key: id",
            "primary_keys: id\n    incremental_sync: {type: DatetimeBasedCursor, cursor_field: updated}",
        ),
    ];
    let mut said = String::new();
    for (case, was, is) in cases {
        _ = writeln!(said, "## {case}");
        let found = findings(was, is);
        assert!(!found.is_empty(), "{case}");
        for finding in found {
            let severity = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            _ = writeln!(
                said,
                "{}:{} {severity} at `{}`: {}; expected {}",
                finding.line, finding.column, finding.path, finding.problem, finding.expected
            );
        }
        said.push('\n');
    }
    insta::assert_snapshot!(said);
}

#[test]
fn a_file_of_any_shape_costs_little_and_ends() {
    let deep = "[".repeat(20_000);
    let wide = format!("streams: [{}]", "{type: X},".repeat(20_000));
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\nstreams: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n";
    let references = "definitions: {a: {x: {$ref: '#/definitions/b'}, y: {$ref: '#/definitions/b'}}, b: {x: {$ref: '#/definitions/c'}, y: {$ref: '#/definitions/c'}}, c: {$ref: '#/definitions/a'}}\nstreams: [{$ref: '#/definitions/a'}]";
    for text in [
        "",
        "a",
        "[]",
        "{}",
        "streams: 7",
        "streams: [null, 1, [], {}]",
        &deep,
        &wide,
        bomb,
        references,
    ] {
        let found = validate("odd", text);
        let start: String = text.chars().take(40).collect();
        assert!(
            found
                .iter()
                .any(|finding| finding.severity == Severity::Error),
            "{start}"
        );
        assert!(found.len() <= 1_000, "{start}: {}", found.len());
    }
}

#[test]
fn other_peoples_connectors_are_right() {
    let Some(folder) = std::env::var_os("PATCHBAY_CONFORMANCE") else {
        super::say("skipped: PATCHBAY_CONFORMANCE names no folder with recordings");
        return;
    };
    let schema = jsonschema::validator_for(&json_schema()).unwrap();
    let mut seen = 0;
    let mut wrong = String::new();
    for entry in std::fs::read_dir(std::path::Path::new(&folder).join("cases")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let case: serde_json::Value = serde_json::from_str(&text).unwrap();
        let manifest = match &case["manifest"] {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        seen += 1;
        // What editors say of it.
        let tree = Node::parse("other", &manifest).unwrap().to_json();
        for error in schema.iter_errors(&tree) {
            let place = error.instance_path();
            _ = writeln!(wrong, "{}: {place}: {error:.300}", path.display());
        }
        for finding in validate("other", &manifest) {
            if finding.severity == Severity::Error {
                _ = writeln!(wrong, "{}: {finding:?}", path.display());
            }
        }
    }
    assert!(seen >= 79, "only {seen} recordings in the folder");
    assert!(wrong.is_empty(), "{wrong}");
}
