//! What reading by a connector file costs, beside a bare `reqwest` and `serde_json` over the same pages.
//!
//! The pages come from another process, and each row is read in a process of its own: then its CPU time and its
//! largest memory are its own. A row is read several times; what is reported is the median.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use api::connector::{Connector, Files};
use serde_json::{Value as Json, json};

use crate::measured::{Row, Spent, timed};
use crate::other::{Other, starter_is_gone};
use crate::pages::{self, PAGE};

/// How often a row is read.
const TIMES: usize = 3;
/// Parents of the row of substreams, and pages of each of its children.
const PARENTS: usize = 200;
const PAGES_OF_PARENT: usize = 10;
/// Pages of a day.
const PAGES_OF_DAY: usize = 10;
const FIRST_DAY: jiff::civil::Date = jiff::civil::date(2015, 1, 1);

/// One way to read.
struct Way {
    name: &'static str,
    what: &'static str,
    /// What the stream has beside its requester, selector and paginator.
    more: &'static str,
    shape: Shape,
}

/// In which requests the pages come.
#[derive(Clone, Copy)]
enum Shape {
    Plain,
    Parents,
    Days,
}

const WAYS: [Way; 6] = [
    Way {
        name: "plain",
        what: "plain pages",
        more: "",
        shape: Shape::Plain,
    },
    Way {
        name: "substreams",
        what: "substreams, 200 x 10 pages",
        more: "",
        shape: Shape::Parents,
    },
    Way {
        name: "days",
        what: "a slice for each day",
        more: "",
        shape: Shape::Days,
    },
    Way {
        name: "fields",
        what: "AddFields and RemoveFields",
        more: "
    transformations:
      - type: AddFields
        fields:
          - {path: [full_name], value: \"{{ record['first_name'] }} {{ record['last_name'] }}\"}
          - {path: [origin], value: \"{{ config['origin'] }}\"}
      - {type: RemoveFields, field_pointers: [[note], [address, zip]]}
",
        shape: Shape::Plain,
    },
    Way {
        name: "filter",
        what: "RecordFilter",
        more: "",
        shape: Shape::Plain,
    },
    Way {
        name: "schema",
        what: "schema normalisation",
        more: "
    schema_loader:
      type: InlineSchemaLoader
      schema:
        type: object
        properties:
          id: {type: string}
          email: {type: [\"null\", string]}
          first_name: {type: string}
          last_name: {type: string}
          status: {type: string}
          created_at: {type: string}
          updated_at: {type: string}
          amount: {type: number}
          score: {type: number}
          is_active: {type: boolean}
          phone: {type: [\"null\", string]}
          company: {type: string}
          address:
            type: object
            properties: {street: {type: string}, city: {type: string}, zip: {type: string}, country: {type: string}}
          tags: {type: array, items: {type: string}}
          note: {type: string}
",
        shape: Shape::Plain,
    },
];

impl Way {
    fn named(name: &str) -> Option<&'static Self> {
        WAYS.iter().find(|way| way.name == name)
    }

    /// The connector file; it has its platform's address from its settings.
    fn manifest(&self, records: usize) -> String {
        let pages = records / PAGE;
        let path = match self.shape {
            Shape::Plain => format!("/pages/{pages}"),
            Shape::Parents => {
                format!("/pages/{PAGES_OF_PARENT}/{{{{ stream_partition.parent }}}}")
            }
            Shape::Days => format!("/days/{PAGES_OF_DAY}"),
        };
        let selector = match self.name {
            "filter" => {
                "record_filter: {type: RecordFilter, condition: \"{{ record['status'] == 'active' }}\"}"
            }
            "schema" => "schema_normalization: Default",
            _ => "transform_before_filtering: false",
        };
        let router = match self.shape {
            Shape::Parents => {
                "partition_router:
        type: SubstreamPartitionRouter
        parent_stream_configs:
          - type: ParentStreamConfig
            parent_key: id
            partition_field: parent
            stream:
              type: DeclarativeStream
              name: parents
              retriever:
                type: SimpleRetriever
                requester: {type: HttpRequester, url_base: \"{{ config['base_url'] }}\", path: /parents/200}
                record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: [data]}}"
            }
            Shape::Plain | Shape::Days => "name: retriever",
        };
        let cursor = match self.shape {
            Shape::Days => format!(
                "
    incremental_sync:
      type: DatetimeBasedCursor
      cursor_field: updated_at
      datetime_format: \"%Y-%m-%d\"
      cursor_datetime_formats: [\"%Y-%m-%dT%H:%M:%S.%fZ\"]
      cursor_granularity: P1D
      step: P1D
      start_datetime: \"{FIRST_DAY}\"
      end_datetime: \"{last}\"
      start_time_option: {{type: RequestOption, inject_into: request_parameter, field_name: day}}
",
                last = last_day(records)
            ),
            Shape::Plain | Shape::Parents => String::new(),
        };
        format!(
            "version: 6.0.0
type: DeclarativeSource
check: {{type: CheckStream, stream_names: [records]}}
spec: {{type: Spec, connection_specification: {{type: object, properties: {{}}}}}}
streams:
  - type: DeclarativeStream
    name: records
    primary_key: id
    retriever:
      type: SimpleRetriever
      {router}
      requester: {{type: HttpRequester, url_base: \"{{{{ config['base_url'] }}}}\", path: \"{path}\"}}
      record_selector:
        type: RecordSelector
        extractor: {{type: DpathExtractor, field_path: [data]}}
        {selector}
      paginator:
        type: DefaultPaginator
        page_token_option: {{type: RequestOption, inject_into: request_parameter, field_name: page}}
        pagination_strategy: {{type: CursorPagination, cursor_value: \"{{{{ response.meta.next }}}}\", stop_condition: \"{{{{ not response.meta.next }}}}\"}}
{more}{cursor}",
            more = self.more
        )
    }

    /// The first page of each of its requests in a row.
    fn starts(&self, records: usize) -> Vec<String> {
        match self.shape {
            Shape::Plain => vec![format!("/pages/{}?", records / PAGE)],
            Shape::Parents => (0..PARENTS)
                .map(|n| format!("/pages/{PAGES_OF_PARENT}/p{n}?"))
                .collect(),
            Shape::Days => (0..days(records))
                .map(|n| {
                    let day = FIRST_DAY.saturating_add(jiff::Span::new().days(n));
                    format!("/days/{PAGES_OF_DAY}?day={day}&")
                })
                .collect(),
        }
    }
}

fn days(records: usize) -> i64 {
    i64::try_from(records / PAGE / PAGES_OF_DAY)
        .unwrap_or(1)
        .max(1)
}

/// The end of the last day.
fn last_day(records: usize) -> jiff::civil::Date {
    FIRST_DAY.saturating_add(jiff::Span::new().days(days(records)))
}

/// Reads each way, and bare.
pub(crate) fn measure(records: usize) -> Vec<Row> {
    let platform = Other::start(&["--pages"]);
    let mut rows = Vec::new();
    for way in &WAYS {
        for bare in [true, false] {
            // As many as the reference runtime's figure is of.
            let records = match way.shape {
                Shape::Parents => PARENTS * PAGES_OF_PARENT * PAGE,
                Shape::Plain | Shape::Days => records,
            };
            let mut seen: Vec<Json> = (0..TIMES)
                .map(|_| in_a_process(way, bare, records, &platform.address))
                .collect();
            seen.sort_by_key(|one| one["cpu_ms"].as_u64());
            let median = &seen[TIMES / 2];
            let millis = |name: &str| Duration::from_millis(median[name].as_u64().unwrap());
            rows.push(Row {
                what: format!("read: {}{}", way.what, if bare { " (bare)" } else { "" }),
                records: usize::try_from(median["records"].as_u64().unwrap()).unwrap(),
                spent: Spent {
                    cpu: millis("cpu_ms"),
                    wall: millis("wall_ms"),
                    peak_mb: seen
                        .iter()
                        .filter_map(|one| one["peak_mb"].as_u64())
                        .max()
                        .unwrap(),
                },
            });
        }
    }
    rows
}

fn in_a_process(way: &Way, bare: bool, records: usize, address: &str) -> Json {
    let records = records.to_string();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--reader",
            way.name,
            "--records",
            &records,
            "--platform",
            address,
        ])
        .args(bare.then_some("--bare"))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).expect("a reader says what it took")
}

/// Reads one way and prints what it took.
pub(crate) async fn be_a_reader(name: &str, records: usize, address: &str, bare: bool) {
    let way = Way::named(name).expect("a way to read");
    let (records, spent) = if bare {
        timed(read_bare(way, records, address)).await
    } else {
        let folder = tempfile::tempdir().unwrap();
        let connector = connector(way, records, address, folder.path());
        timed(read(connector)).await
    };
    let row = Row {
        what: name.to_owned(),
        records,
        spent,
    };
    println!("{}", row.json());
}

fn connector(way: &Way, records: usize, address: &str, folder: &Path) -> Connector {
    let file = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let config = json!({"base_url": address, "origin": "bench"});
    Connector::open(&Files {
        manifest: file("manifest.yaml", way.manifest(records)),
        config: Some(file("config.json", config.to_string())),
        catalog: None,
        state: None,
        every_page: false,
        now: Some("2026-01-15T12:34:56Z".into()),
    })
    .unwrap()
}

/// As `patchbay connector read` does it, into nothing.
async fn read(connector: Connector) -> usize {
    let (mut lines, read) = connector.read();
    let written = tokio::task::spawn_blocking(move || {
        let mut out = std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/null")
            .unwrap();
        while let Some(buffer) = lines.blocking_recv() {
            out.write_all(&buffer).unwrap();
        }
    });
    let ended = read.await.unwrap();
    written.await.unwrap();
    assert!(ended.failed.is_empty(), "{ended:?}");
    usize::try_from(ended.records).unwrap()
}

async fn read_bare(way: &Way, records: usize, address: &str) -> usize {
    #[expect(
        clippy::disallowed_methods,
        reason = "the bare client is what ours is compared with"
    )]
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut count = 0;
    for start in way.starts(records) {
        let mut next = Some(String::new());
        while let Some(page) = next {
            let url = format!("{address}{start}page={page}");
            let answer = client.get(url).send().await.unwrap();
            #[expect(
                clippy::disallowed_methods,
                reason = "the bare client is what ours is compared with"
            )]
            let body = answer.bytes().await.unwrap();
            let page: Json = serde_json::from_slice(&body).unwrap();
            count += page["data"].as_array().unwrap().len();
            next = page["meta"]["next"].as_str().map(str::to_owned);
        }
    }
    count
}

/// Until whoever started it goes away.
pub(crate) async fn be_the_platform() {
    let (address, served) = pages::serve().await;
    println!("{address}");
    tokio::select! {
        () = served => {}
        () = starter_is_gone() => {}
    }
}
