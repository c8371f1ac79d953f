//! Components of connector files at work: each row is a file's part, a platform, and what comes of both.

use std::collections::BTreeMap;
use std::sync::Arc;

use connectors::Access;
use connectors::declarative::manifest::Manifest;
use connectors::protocol::{Catalogue, Session, Sink, states_from};
use serde_json::{Value as Json, json};

use crate::odd_server::{OddServer, Reply};

/// What the platform answers: part of the address (or of the body, behind a `#`), status and body. The first that fits
/// counts; `BASE` is the platform's address.
pub(crate) type Routes = &'static [(&'static str, u16, &'static str)];

/// A platform that answers by a table.
pub(crate) async fn platform(routes: Routes) -> OddServer {
    OddServer::start(move |seen| {
        let host = seen.header("host").unwrap_or_default();
        let fits = |part: &str| match part.split_once('#') {
            Some((target, body)) => seen.target.contains(target) && seen.body.contains(body),
            None => seen.target.contains(part),
        };
        match routes.iter().find(|(part, ..)| fits(part)) {
            Some((_, status, body)) => {
                let base = format!("http://{host}");
                Reply::Json(*status, "", body.replace("BASE", &base))
            }
            None => Reply::Json(404, "", "{}".into()),
        }
    })
    .await
}

/// What reading came to.
#[derive(Debug, Default)]
pub(crate) struct Came {
    /// Records by stream, as JSON.
    pub(crate) records: BTreeMap<String, Vec<String>>,
    /// The last state of each stream.
    pub(crate) states: BTreeMap<String, Json>,
    /// Settings to be kept.
    pub(crate) configs: Vec<Json>,
    /// Streams that failed, and why.
    pub(crate) failed: Vec<(String, String)>,
}

impl Came {
    pub(crate) fn of(&self, stream: &str) -> String {
        self.records
            .get(stream)
            .map_or_else(String::new, |records| records.join(" "))
    }
}

/// A session with a file whose `BASE` is the platform's address.
pub(crate) fn session(server: &OddServer, yaml: &str, config: Json) -> connectors::Result<Session> {
    _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let manifest = Manifest::parse("odd", &yaml.replace("BASE", &server.url()))?;
    let now = "2024-02-01T00:00:00Z".parse().unwrap();
    Session::new(Arc::new(manifest), config, Some(now), Access::unattended())
}

/// Reads these streams.
pub(crate) async fn read(session: &Session, streams: &[&str], states: &Json) -> Came {
    let catalogue: Vec<Json> = streams
        .iter()
        .map(|name| json!({"stream": {"name": name}}))
        .collect();
    let catalogue = Catalogue::parse(&json!({ "streams": catalogue }).to_string()).unwrap();
    let (sink, mut lines) = Sink::new();
    let states = states_from(states).unwrap();
    let reading = async {
        let ended = session.read(&catalogue, &states, &sink).await;
        drop(sink);
        ended
    };
    let taking = async {
        let mut came = Came::default();
        while let Some(buffer) = lines.recv().await {
            for line in buffer
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
            {
                let message: Json = serde_json::from_slice(line).unwrap();
                match message["type"].as_str() {
                    Some("RECORD") => {
                        let record = &message["record"];
                        let stream = record["stream"].as_str().unwrap().to_owned();
                        let records = came.records.entry(stream).or_default();
                        records.push(record["data"].to_string());
                    }
                    Some("STATE") => {
                        let stream = &message["state"]["stream"];
                        let name = stream["stream_descriptor"]["name"].as_str().unwrap();
                        came.states
                            .insert(name.to_owned(), stream["stream_state"].clone());
                    }
                    Some("CONTROL") => came
                        .configs
                        .push(message["control"]["connectorConfig"]["config"].clone()),
                    _ => {}
                }
            }
        }
        came
    };
    let (ended, mut came) = tokio::join!(reading, taking);
    match ended {
        Ok(ended) => came.failed = ended.failed,
        Err(error) => came.failed.push((String::new(), error.to_string())),
    }
    came
}

/// The addresses that were asked for, in order, without the platform's.
pub(crate) fn asked(server: &OddServer) -> String {
    let targets: Vec<String> = server.seen().into_iter().map(|seen| seen.target).collect();
    targets.join(" ")
}

/// A stream `s` of `/s`; `{rest}` are further members of it and `{retriever}` of its retriever.
pub(crate) fn stream(retriever: &str, rest: &str) -> String {
    format!(
        "
streams:
  - type: DeclarativeStream
    name: s
    primary_key: id
    retriever:
      type: SimpleRetriever
      requester: {{type: HttpRequester, url_base: BASE, path: /s}}
      record_selector: {{type: RecordSelector, extractor: {{type: DpathExtractor, field_path: [data]}}}}
{retriever}
{rest}
"
    )
}

/// Reads stream `s` of a file, and compares the addresses and the records.
async fn check(what: &str, yaml: &str, routes: Routes, states: Json, wanted: &str, records: &str) {
    let server = platform(routes).await;
    let session = session(&server, yaml, json!({})).unwrap();
    let came = read(&session, &["s"], &states).await;
    assert_eq!(came.failed, [], "{what}");
    assert_eq!(asked(&server), wanted, "{what}");
    assert_eq!(came.of("s"), records, "{what}");
}

#[tokio::test]
async fn fields_that_do_not_fit_into_one_request_come_in_several_and_become_one_record() {
    const CHUNKS: &str = "
      requester:
        type: HttpRequester
        url_base: BASE
        path: /s
        request_parameters:
          q: x
          fields: {type: QueryProperties, property_list: LIST, always_include_properties: [id], property_chunking: {type: PropertyChunking, property_limit_type: property_count, property_limit: 2, record_merge_strategy: {type: GroupByKeyMergeStrategy, key: [id]}}}";
    const ROUTES: Routes = &[
        ("/names", 200, r#"[{"n":"a"},{"n":"b"},{"n":"c"}]"#),
        (
            "fields=id%2Ca%2Cb",
            200,
            r#"{"data":[{"id":"1","a":1,"b":2},{"id":"2","a":3}]}"#,
        ),
        (
            "fields=id%2Cc",
            200,
            r#"{"data":[{"id":"2","c":5},{"id":"1","c":4}]}"#,
        ),
    ];
    const ENDPOINT: &str = "{type: PropertiesFromEndpoint, property_field_path: [n], retriever: {type: SimpleRetriever, requester: {type: HttpRequester, url_base: BASE, path: /names}, record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: []}}}}";
    const MERGED: &str = r#"{"id":"1","a":1,"b":2,"c":4} {"id":"2","a":3,"c":5}"#;
    for (what, list, before) in [
        ("a list in the file", "[a, b, c]", ""),
        ("a list of the platform", ENDPOINT, "/names "),
    ] {
        let yaml = stream("", "").replace(
            "      requester: {type: HttpRequester, url_base: BASE, path: /s}",
            CHUNKS.replace("LIST", list).trim_start_matches('\n'),
        );
        let wanted = format!("{before}/s?q=x&fields=id%2Ca%2Cb /s?q=x&fields=id%2Cc");
        check(what, &yaml, ROUTES, Json::Null, &wanted, MERGED).await;
    }
}

#[tokio::test]
async fn the_first_page_of_a_partition_may_stand_in_its_parents_record() {
    let router = "
      partition_router:
        type: SubstreamPartitionRouter
        parent_stream_configs:
          - type: ParentStreamConfig
            parent_key: id
            partition_field: p
            lazy_read_pointer: [kids]
            stream: {type: DeclarativeStream, name: parents, retriever: {type: SimpleRetriever, requester: {type: HttpRequester, url_base: BASE, path: /parents}, record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: []}}}}
      paginator: {type: DefaultPaginator, page_token_option: {type: RequestOption, inject_into: request_parameter, field_name: t}, pagination_strategy: {type: CursorPagination, cursor_value: \"{{ response.next }}\"}}";
    check(
        "lazy reading",
        &stream(router, ""),
        &[
            (
                "/parents",
                200,
                r#"[{"id":1,"kids":{"data":[{"id":"a"}],"next":"n"}},{"id":2},{"id":3,"kids":{"data":[{"id":"c"}]}}]"#,
            ),
            ("/s", 200, r#"{"data":[{"id":"b"}]}"#),
        ],
        Json::Null,
        "/parents /s?t=n",
        r#"{"id":"a"} {"id":"b"} {"id":"c"}"#,
    )
    .await;
}

#[tokio::test]
async fn what_is_too_much_for_a_platform_is_asked_for_in_smaller_parts() {
    const HANDLER: &str = "
      requester: {type: HttpRequester, url_base: BASE, path: /s, error_handler: {type: DefaultErrorHandler, response_filters: [{http_codes: [413], action: ACTION}]}}
";
    const BY_OFFSET: &str = "
      paginator: {type: DefaultPaginator, page_size_option: {type: RequestOption, inject_into: request_parameter, field_name: n}, page_token_option: {type: RequestOption, inject_into: request_parameter, field_name: o}, pagination_strategy: {type: OffsetIncrement, page_size: 4}}";
    const BY_DAYS: &str = "
    incremental_sync: {type: DatetimeBasedCursor, cursor_field: at, datetime_format: '%Y-%m-%d', start_datetime: '2024-01-01', end_datetime: '2024-01-04', step: P9D, cursor_granularity: P1D, start_time_option: {type: RequestOption, inject_into: request_parameter, field_name: a}, end_time_option: {type: RequestOption, inject_into: request_parameter, field_name: b}}";
    const SMALLER: Routes = &[
        ("n=4", 413, "{}"),
        ("o=2", 200, r#"{"data":[{"id":3}]}"#),
        ("n=2", 200, r#"{"data":[{"id":1},{"id":2}]}"#),
    ];
    const SHORTER: Routes = &[
        ("b=2024-01-04", 413, "{}"),
        (
            "a=2024-01-01&b=2024-01-02",
            200,
            r#"{"data":[{"id":1,"at":"2024-01-02"}]}"#,
        ),
        ("/s", 200, r#"{"data":[]}"#),
    ];
    const AGAIN: Routes = &[
        ("o=4", 413, "{}"),
        (
            "n=4",
            200,
            r#"{"data":[{"id":1},{"id":2},{"id":3},{"id":4}]}"#,
        ),
    ];
    for (what, action, retriever, rest, routes, wanted, records) in [
        (
            "smaller pages",
            "REDUCE_PAGE_SIZE",
            format!(
                "{BY_OFFSET}\n      page_size_reduction: {{type: PageSizeReduction, backoff_seconds: 0}}"
            ),
            "",
            SMALLER,
            "/s?n=4 /s?n=2 /s?o=2&n=2",
            r#"{"id":1} {"id":2} {"id":3}"#,
        ),
        (
            "a shorter window",
            "SPLIT_REQUEST_WINDOW",
            "      request_window_splitting: {type: RequestWindowSplitting}".to_owned(),
            BY_DAYS,
            SHORTER,
            "/s?a=2024-01-01&b=2024-01-04 /s?a=2024-01-01&b=2024-01-02 /s?a=2024-01-03&b=2024-01-04 /s?a=2024-01-03&b=2024-01-03 /s?a=2024-01-04&b=2024-01-04",
            r#"{"id":1,"at":"2024-01-02"}"#,
        ),
        (
            "the first page again",
            "RESET_PAGINATION",
            format!(
                "{BY_OFFSET}\n      pagination_reset: {{type: PaginationReset, action: RESET}}"
            ),
            "",
            AGAIN,
            "/s?n=4 /s?o=4&n=4 /s?n=4 /s?o=4&n=4",
            r#"{"id":1} {"id":2} {"id":3} {"id":4} {"id":1} {"id":2} {"id":3} {"id":4}"#,
        ),
    ] {
        let yaml = stream(&retriever, rest).replace(
            "      requester: {type: HttpRequester, url_base: BASE, path: /s}\n",
            &HANDLER.replace("ACTION", action),
        );
        let server = platform(routes).await;
        let session = session(&server, &yaml, json!({})).unwrap();
        let came = read(&session, &["s"], &Json::Null).await;
        assert_eq!(asked(&server), wanted, "{what}: {:?}", came.failed);
        assert_eq!(came.of("s"), records, "{what}");
        // The smallest window and the second reset are too much still; smaller pages are not.
        assert_eq!(came.failed.is_empty(), what == "smaller pages", "{what}");
    }
}

#[tokio::test]
async fn a_state_of_an_older_connector_is_read_in_its_new_shape() {
    const DAYS: &str = "incremental_sync: {type: DatetimeBasedCursor, cursor_field: at, datetime_format: '%Y-%m-%d', start_datetime: '2024-01-01', start_time_option: {type: RequestOption, inject_into: request_parameter, field_name: from}}";
    const PARENTS: &str = "
      partition_router: {type: SubstreamPartitionRouter, parent_stream_configs: [{type: ParentStreamConfig, parent_key: id, partition_field: p, request_option: {type: RequestOption, inject_into: request_parameter, field_name: p}, stream: {type: DeclarativeStream, name: parents, retriever: {type: SimpleRetriever, requester: {type: HttpRequester, url_base: BASE, path: /parents}, record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: []}}}}}]}";
    const ROUTES: Routes = &[
        ("/parents", 200, r#"[{"id":"x"},{"id":"y"}]"#),
        ("/s", 200, r#"{"data":[]}"#),
    ];
    for (what, migration, state, wanted) in [
        (
            "a state by key",
            "{type: LegacyToPerPartitionStateMigration}, {type: StateMigration, steps: [{each_partition: {set: {parent_slice: {}}}}]}",
            json!({"x": {"at": "2024-01-20"}, "y": {"at": "2024-01-10"}}),
            "/parents /s?p=x&from=2024-01-20 /s?p=y&from=2024-01-10",
        ),
        (
            "one cursor under another name",
            "{type: StateMigration, when: \"{{ 'updated' in state }}\", steps: [{move: [updated], to: [at]}]}",
            json!({"updated": "2024-01-15"}),
            "/parents /s?p=x&from=2024-01-15 /s?p=y&from=2024-01-15",
        ),
        (
            "a condition that does not hold",
            "{type: StateMigration, when: \"{{ 'updated' in state }}\", steps: [{remove: [at]}]}",
            json!({"at": "2024-01-16"}),
            "/parents /s?p=x&from=2024-01-16 /s?p=y&from=2024-01-16",
        ),
    ] {
        let rest = format!("    {DAYS}\n    state_migrations: [{migration}]");
        let states = json!({ "s": state });
        check(what, &stream(PARENTS, &rest), ROUTES, states, wanted, "").await;
    }
}

#[tokio::test]
async fn another_stream_stands_in_when_there_is_no_state_or_one_that_is_too_old() {
    const YAML: &str = "
streams:
  - type: StateDelegatingStream
    name: s
    api_retention_period: P10D
    full_refresh_stream: {type: DeclarativeStream, name: s, retriever: {type: SimpleRetriever, requester: {type: HttpRequester, url_base: BASE, path: /all}, record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: []}}}, incremental_sync: &days {type: DatetimeBasedCursor, cursor_field: at, datetime_format: '%Y-%m-%d', start_datetime: '2024-01-01'}}
    incremental_stream: {type: DeclarativeStream, name: s, retriever: {type: SimpleRetriever, requester: {type: HttpRequester, url_base: BASE, path: /changes}, record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: []}}}, incremental_sync: *days}
";
    const ROUTES: Routes = &[("/", 200, "[]")];
    for (what, states, wanted) in [
        ("no state", Json::Null, "/all"),
        ("a state", json!({"s": {"at": "2024-01-25"}}), "/changes"),
        ("an old state", json!({"s": {"at": "2024-01-15"}}), "/all"),
    ] {
        check(what, YAML, ROUTES, states, wanted, "").await;
    }
}

#[tokio::test]
async fn streams_are_made_of_what_the_settings_the_file_and_the_platform_say() {
    const TEMPLATE: &str = "
dynamic_streams:
  - type: DynamicDeclarativeStream
    stream_template:
      type: DeclarativeStream
      name: x
      retriever:
        type: SimpleRetriever
        requester: {type: HttpRequester, url_base: BASE, path: x}
        record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: []}}
    components_resolver:
      RESOLVER
      components_mapping:
        - {type: ComponentMappingDefinition, field_path: [name], value: \"{{ components_values['name'] }}\"}
        - {type: ComponentMappingDefinition, field_path: [retriever, requester, path], value: \"t/{{ components_values['name'] }}\"}
";
    const ROUTES: Routes = &[
        ("/tables", 200, r#"[{"name":"one"},{"name":"two"}]"#),
        ("/t/one", 200, r#"[{"id":1}]"#),
        ("/t/two", 200, r#"[{"id":2}]"#),
    ];
    for (what, resolver, before) in [
        (
            "the settings",
            "type: ConfigComponentsResolver\n      stream_config: {type: StreamConfig, configs_pointer: [tables]}",
            "",
        ),
        (
            "the file",
            "type: ParametrizedComponentsResolver\n      stream_parameters: {type: StreamParametersDefinition, list_of_parameters_for_stream: [{name: one}, {name: two}]}",
            "",
        ),
        (
            "the platform",
            "type: HttpComponentsResolver\n      retriever: {type: SimpleRetriever, requester: {type: HttpRequester, url_base: BASE, path: /tables}, record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: []}}}",
            "/tables ",
        ),
    ] {
        let server = platform(ROUTES).await;
        let yaml = TEMPLATE.replace("RESOLVER", resolver);
        let config = json!({"tables": [{"name": "one"}, {"name": "two"}]});
        let session = session(&server, &yaml, config).unwrap();
        let found = session.discover().await.unwrap();
        let names: Vec<&str> = found["streams"]
            .as_array()
            .unwrap()
            .iter()
            .map(|stream| stream["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["one", "two"], "{what}");
        let came = read(&session, &["two"], &Json::Null).await;
        assert_eq!(came.of("two"), r#"{"id":2}"#, "{what}: {:?}", came.failed);
        assert_eq!(asked(&server), format!("{before}/t/two"), "{what}");
    }
}

#[tokio::test]
async fn lists_that_are_cut_short_are_fetched_whole() {
    let yaml = stream("", "").replace(
        "field_path: [data]}",
        "field_path: [data], record_expander: {type: RecordExpander, expand_records_from_field: [lines], truncation_indicator_path: [more], truncated_list_retriever: {type: SimpleRetriever, requester: {type: HttpRequester, url_base: BASE, path: \"lines/{{ stream_slice['parent_record']['id'] }}\"}, record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: []}}}}}",
    );
    check(
        "an order's lines",
        &yaml,
        &[
            (
                "/s",
                200,
                r#"{"data":[{"id":"o1","more":true,"lines":[{"id":1}]},{"id":"o2","more":false,"lines":[{"id":3}]}]}"#,
            ),
            ("/lines/o1", 200, r#"[{"id":1},{"id":2}]"#),
        ],
        Json::Null,
        "/s /lines/o1",
        r#"{"id":3} {"id":1} {"id":2}"#,
    )
    .await;
}

#[tokio::test]
async fn a_union_takes_each_value_once_and_by_its_field_alone() {
    let router = "
      partition_router:
        type: UnionPartitionRouter
        partition_field: k
        partition_routers:
          - {type: ListPartitionRouter, cursor_field: k, values: [a, b], request_option: {type: RequestOption, inject_into: request_parameter, field_name: k}}
          - {type: SubstreamPartitionRouter, parent_stream_configs: [{type: ParentStreamConfig, parent_key: id, partition_field: k, stream: {type: DeclarativeStream, name: parents, retriever: {type: SimpleRetriever, requester: {type: HttpRequester, url_base: BASE, path: /parents}, record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: []}}}}}]}";
    let rest = "    transformations: [{type: AddFields, fields: [{path: [slice], value: \"{{ stream_slice }}\"}]}]";
    check(
        "a union",
        &stream(router, rest),
        &[
            ("/parents", 200, r#"[{"id":"b"},{"id":"c"}]"#),
            ("/s", 200, r#"{"data":[{"id":1}]}"#),
        ],
        Json::Null,
        "/s /s /parents /s",
        r#"{"id":1,"slice":{"k":"a"}} {"id":1,"slice":{"k":"b"}} {"id":1,"slice":{"k":"c"}}"#,
    )
    .await;
}

#[tokio::test]
async fn partitions_come_from_the_settings_else_from_the_platform() {
    const ROUTER: &str = "
      partition_router:
        type: ConfigOrParentPartitionRouter
        values: \"{{ config.get('boards', []) }}\"
        partition_field: board
        keep: \"{{ value != 'x' }}\"
        parent_slice: false
        when_empty: single
        request_option: {type: RequestOption, inject_into: request_parameter, field_name: b}
        parent_stream_configs:
          - {type: ParentStreamConfig, parent_key: boards/*/id, partition_field: board, stream: {type: DeclarativeStream, name: members, retriever: {type: SimpleRetriever, requester: {type: HttpRequester, url_base: BASE, path: /members}, record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: []}}}}}";
    const ROUTES: Routes = &[
        (
            "/members",
            200,
            r#"[{"boards":[{"id":"x"},{"id":"p"}]},{"boards":[{"id":"p"},{"id":"q"}]},{}]"#,
        ),
        ("/s", 200, r#"{"data":[]}"#),
    ];
    const NONE: Routes = &[("/members", 200, "[]"), ("/s", 200, r#"{"data":[]}"#)];
    for (what, config, routes, wanted) in [
        (
            "a list",
            json!({"boards": ["a", "x", "b", "a"]}),
            ROUTES,
            "/s?b=a /s?b=b",
        ),
        ("a text", json!({"boards": "a, b"}), ROUTES, "/s?b=a /s?b=b"),
        (
            "nothing chosen",
            json!({}),
            ROUTES,
            "/members /s?b=p /s?b=q",
        ),
        ("nothing there", json!({"boards": []}), NONE, "/members /s"),
    ] {
        let server = platform(routes).await;
        let session = session(&server, &stream(ROUTER, ""), config).unwrap();
        let came = read(&session, &["s"], &Json::Null).await;
        assert_eq!(came.failed, [], "{what}");
        assert_eq!(asked(&server), wanted, "{what}");
    }
}

#[tokio::test]
async fn streams_of_a_group_are_read_one_after_another() {
    const PAGES: &str = "
      paginator: {type: DefaultPaginator, page_token_option: {type: RequestOption, inject_into: request_parameter, field_name: t}, pagination_strategy: {type: CursorPagination, cursor_value: \"{{ response.next }}\"}}";
    const ROUTES: Routes = &[
        ("t=3", 200, r#"{"data":[{"id":4}]}"#),
        ("t=2", 200, r#"{"data":[{"id":3}],"next":"3"}"#),
        ("t=1", 200, r#"{"data":[{"id":2}],"next":"2"}"#),
        ("/", 200, r#"{"data":[{"id":1}],"next":"1"}"#),
    ];
    let one = stream(PAGES, "");
    let other = one
        .replace("\nstreams:\n", "")
        .replace("name: s", "name: r");
    let other = other.replace("path: /s", "path: /r");
    let yaml = format!(
        "{one}{other}stream_groups:\n  g: {{streams: [{{type: DeclarativeStream, name: s}}, {{type: DeclarativeStream, name: r}}], action: {{type: BlockSimultaneousSyncsAction}}}}\n"
    );
    let server = platform(ROUTES).await;
    let session = session(&server, &yaml, json!({})).unwrap();
    let came = read(&session, &["s", "r"], &Json::Null).await;
    assert_eq!(came.failed, []);
    let order: String = server
        .seen()
        .iter()
        .map(|seen| {
            if seen.target.starts_with("/s") {
                's'
            } else {
                'r'
            }
        })
        .collect();
    assert!(order == "ssssrrrr" || order == "rrrrssss", "{order}");
}
