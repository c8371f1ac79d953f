//! A read that is killed between two pages goes on from its last state, and gives what one read would have given.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use connectors::Access;
use connectors::declarative::manifest::Manifest;
use connectors::protocol::paged::PLACE;
use connectors::protocol::{Catalogue, Session, Sink, states_from};
use serde_json::Value as Json;

use crate::odd_server::{OddServer, Reply};

/// Records of each page of each way.
const PAGE: usize = 3;

const HEAD: &str = "
spec: {type: Spec, connection_specification: {type: object, properties: {}}}
streams:
  - type: DeclarativeStream
    name: things
    primary_key: id
    retriever:
      type: SimpleRetriever
      requester: {type: HttpRequester, url_base: \"{{ config['base_url'] }}\", path: PATH}
      record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: [data]}}
";

const BY_NUMBER: &str = "      paginator: {type: DefaultPaginator, page_token_option: {type: RequestOption, inject_into: request_parameter, field_name: page}, pagination_strategy: {type: PageIncrement, page_size: 3}}\n";
const BY_OFFSET: &str = "      paginator: {type: DefaultPaginator, page_token_option: {type: RequestOption, inject_into: request_parameter, field_name: offset}, pagination_strategy: {type: OffsetIncrement, page_size: 3}}\n";
const BY_TOKEN: &str = "      paginator: {type: DefaultPaginator, page_token_option: {type: RequestOption, inject_into: request_parameter, field_name: token}, pagination_strategy: {type: CursorPagination, cursor_value: \"{{ response.next }}\"}}\n";
const BY_LIST: &str =
    "      partition_router: {type: ListPartitionRouter, cursor_field: part, values: [a, b, c]}\n";

const BY_DAYS: &str = "    incremental_sync: {type: DatetimeBasedCursor, cursor_field: at, datetime_format: '%Y-%m-%d', start_datetime: '2024-01-01', end_datetime: '2024-01-04', step: P1D, cursor_granularity: P1D, start_time_option: {type: RequestOption, inject_into: request_parameter, field_name: day}}\n";

const SINCE: &str = "    incremental_sync: {type: DatetimeBasedCursor, cursor_field: at, datetime_format: '%Y-%m-%d', start_datetime: '2024-01-01', start_time_option: {type: RequestOption, inject_into: request_parameter, field_name: since}}\n";

/// A platform without a memory: seven records for each path and day, cut into pages as asked.
async fn platform() -> OddServer {
    OddServer::start(|seen| {
        let (path, query) = seen.target.split_once('?').unwrap_or((&seen.target, ""));
        let asked: HashMap<String, String> = url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let number = |name: &str| asked.get(name).and_then(|n| n.parse::<usize>().ok());
        let page = number("page")
            .or_else(|| number("offset").map(|offset| offset / PAGE))
            .or_else(|| number("token"))
            .unwrap_or(0);
        let day = asked.get("day").map_or("2024-01-02", String::as_str);
        let all: Vec<String> = (0..7)
            .map(|n| format!(r#"{{"id":"{path}-{day}-{n}","at":"{day}"}}"#))
            .collect();
        let records: Vec<String> = all
            .chunks(PAGE)
            .nth(page)
            .map(<[String]>::to_vec)
            .unwrap_or_default();
        let next = if page < 2 {
            format!("\"{}\"", page + 1)
        } else {
            "null".into()
        };
        Reply::Json(
            200,
            "",
            format!(r#"{{"data":[{}],"next":{next}}}"#, records.join(",")),
        )
    })
    .await
}

/// Reads from `states` on; takes at most `most` pages and then dies. Gives the records that came before the last
/// state, and that state; whether it came to its end.
async fn read(
    server: &OddServer,
    yaml: &str,
    states: &Json,
    most: usize,
) -> (BTreeMap<String, usize>, Json, bool) {
    _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let manifest = Arc::new(Manifest::parse("odd", yaml).unwrap());
    let catalogue = Catalogue::of(&manifest);
    let session = Session::new(
        manifest,
        crate::reach::config(&server.url()),
        Some("2024-02-01T00:00:00Z".parse().unwrap()),
        Access::unattended(),
    )
    .unwrap();
    let (sink, mut lines) = Sink::new();
    let states = states_from(states).unwrap();
    let reading = async {
        let ended = session.read_paged(&catalogue, &states, &sink).await;
        drop(sink);
        ended
    };
    let taking = async {
        let (mut settled, mut open) = (BTreeMap::new(), Vec::new());
        let (mut state, mut taken) = (Json::Null, 0);
        while let Some(buffer) = lines.recv().await {
            for line in buffer
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
            {
                let message: Json = serde_json::from_slice(line).unwrap();
                match message["type"].as_str() {
                    Some("RECORD") => open.push(message["record"]["data"].to_string()),
                    Some("STATE") => {
                        state = Json::Array(vec![message.clone()]);
                        for record in open.drain(..) {
                            *settled.entry(record).or_insert(0) += 1;
                        }
                    }
                    _ => {}
                }
            }
            taken += 1;
            if taken >= most {
                // The last state of all says nothing of a place any more.
                let told = &state[0]["state"]["stream"]["stream_state"];
                let over = told.is_object() && told.get(PLACE).is_none();
                return (settled, state, over);
            }
        }
        (settled, state, true)
    };
    // Dying is the reader's future being dropped in the middle of whatever it does.
    let (mut taking, mut reading) = (std::pin::pin!(taking), std::pin::pin!(reading));
    tokio::select! {
        biased;
        taken = &mut taking => taken,
        ended = &mut reading => {
            assert_eq!(ended.unwrap().failed, []);
            taking.await
        }
    }
}

#[tokio::test]
async fn a_read_that_is_killed_between_pages_goes_on_to_the_same_records() {
    let server = platform().await;
    for (what, path, rest, expected) in [
        ("pages by number", "t", BY_NUMBER.to_owned(), 7),
        ("pages by offset", "t", BY_OFFSET.to_owned(), 7),
        ("pages by token", "t", BY_TOKEN.to_owned(), 7),
        (
            "partitions",
            "\"{{ stream_partition.part }}\"",
            format!("{BY_TOKEN}{BY_LIST}"),
            21,
        ),
        (
            "numbered pages of partitions",
            "\"{{ stream_partition.part }}\"",
            format!("{BY_NUMBER}{BY_LIST}"),
            21,
        ),
        ("days", "t", format!("{BY_TOKEN}{BY_DAYS}"), 21),
        (
            "numbered pages of days",
            "t",
            format!("{BY_NUMBER}{BY_DAYS}"),
            21,
        ),
        (
            "partitions that have a cursor each",
            "\"{{ stream_partition.part }}\"",
            format!("{BY_TOKEN}{BY_LIST}{SINCE}"),
            21,
        ),
        (
            "days of partitions",
            "\"{{ stream_partition.part }}\"",
            format!("{BY_NUMBER}{BY_LIST}{BY_DAYS}"),
            63,
        ),
    ] {
        let yaml = format!("{}{rest}", HEAD.replace("PATH", path));
        let (whole, _, over) = read(&server, &yaml, &Json::Null, usize::MAX).await;
        assert!(over, "{what}");
        assert_eq!(whole.values().sum::<usize>(), expected, "{what}");
        for first in 1..8 {
            for then in 1..3 {
                let (mut records, mut state, mut over) =
                    read(&server, &yaml, &Json::Null, first).await;
                let mut lives = 1;
                while !over {
                    assert!(lives < 60, "{what}: it does not come to an end");
                    let (more, next, ended) = read(&server, &yaml, &state, then + lives % 2).await;
                    for (record, times) in more {
                        *records.entry(record).or_insert(0) += times;
                    }
                    (state, over) = (next, ended);
                    lives += 1;
                }
                assert_eq!(
                    records, whole,
                    "{what}, killed after {first} and every {then} pages"
                );
            }
        }
    }
}
