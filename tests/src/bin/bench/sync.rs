//! What a whole sync costs: a first load, a run after one record in a hundred changed at the source, and one after
//! nothing did, beside a bare loop that reads and writes the same pages and remembers nothing.
//!
//! Source and target are processes of their own, spoken to by connector files; the store is as in the app, encrypted
//! and on the disk. The source has no cursor: every run reads all of it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use api::views::{RunDetail, Started, SyncSummary};
use api::{App, Config, SecretsPlace};
use model::ids::{ConnectionId, SyncId};
use model::mapping::{Mapping, OnFailure, Origin, Rule, Step};
use model::run::{RunCounts, RunState};
use reqwest::Client;
use serde_json::{Value as Json, json};

use crate::book::{BATCH, CHANGES_ONE_IN};
use crate::measured::{Row, Spent, timed};
use crate::other::{Other, starter_is_gone};
use crate::{Nobody, ask, connect};

/// Fewer records than this are loaded several times over, so that a clock of hundredths of a second is good enough.
const ENOUGH: usize = 100_000;

const CONNECTOR: &str = r#"
version: 6.44.0
type: DeclarativeSource
check: {type: CheckStream, stream_names: [contacts]}
streams:
  - type: DeclarativeStream
    name: contacts
    primary_key: id
    retriever:
      type: SimpleRetriever
      requester: {type: HttpRequester, url_base: "{{ config['base_url'] }}", path: contacts}
      record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: [data]}}
      paginator:
        type: DefaultPaginator
        page_token_option: {type: RequestOption, inject_into: request_parameter, field_name: page}
        pagination_strategy: {type: CursorPagination, cursor_value: "{{ response.next }}", stop_condition: "{{ not response.next }}"}
    schema_loader:
      type: InlineSchemaLoader
      schema:
        type: object
        properties:
          id: {type: string}
          email: {type: string}
          first_name: {type: [string, "null"]}
          last_name: {type: [string, "null"]}
          status: {type: string}
          created_at: {type: string, format: date-time}
          updated_at: {type: string, format: date-time}
          lifetime_value: {type: string}
          score: {type: integer}
          is_active: {type: boolean}
          phone: {type: [string, "null"]}
          company: {type: [string, "null"]}
          address:
            type: object
            properties: {street: {type: string}, city: {type: string}, zip: {type: string}, country: {type: string}}
          tags: {type: array, items: {type: string}}
          note: {type: [string, "null"]}
  - type: DeclarativeStream
    name: people
    primary_key: id
    retriever:
      type: SimpleRetriever
      requester: {type: HttpRequester, url_base: "{{ config['base_url'] }}", path: people}
      record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: [items]}}
    schema_loader:
      type: InlineSchemaLoader
      schema:
        type: object
        properties:
          id: {type: string, readOnly: true}
          version: {type: integer, readOnly: true}
          email: {type: string}
          full_name: {type: string}
          status: {type: string}
          company: {type: [string, "null"]}
          phone: {type: [string, "null"]}
          city: {type: string}
          country: {type: string}
          signup_date: {type: string}
          lifetime_value: {type: string}
          tags: {type: array, items: {type: string}}
          note: {type: [string, "null"]}
spec:
  type: Spec
  connection_specification:
    type: object
    required: [base_url]
    properties: {base_url: {type: string, title: Address}}
patchbay:
  writes:
    people:
      key: id
      version: version
      match: [email]
      operations:
        batch:
          size: 100
          request:
            path: people/batch
            http_method: POST
            request_body_json: {operations: "{{ entries }}"}
          idempotency_key: {header: Idempotency-Key}
          entries:
            create: {op: create, ref: "{{ id }}", data: "{{ fields }}"}
            update: {op: update, ref: "{{ id }}", id: "{{ key }}", data: "{{ fields }}"}
          results: {path: [results], index: index, status: status, id: id, record: [], message: error}
        find:
          by: email
          size: 100
          separator: ","
          compare: [trim, lower]
          request:
            path: people
            request_parameters: {email: "{{ values | join(',') }}"}
          records: [items]
"#;

/// What is measured, in its order.
const PHASES: [&str; 4] = [
    "sync: bare loop, nothing remembered",
    "sync: first load",
    "sync: 1 % changed",
    "sync: nothing changed",
];

/// Until whoever started it goes away.
pub(crate) async fn be_a_platform(contacts: usize) {
    let (address, served) = crate::book::serve(contacts).await;
    println!("{address}");
    tokio::select! {
        () = served => {}
        () = starter_is_gone() => {}
    }
}

pub(crate) async fn measure(records: usize) -> Vec<Row> {
    let book = |contacts: usize| Other::start(&["--book", &contacts.to_string()]);
    let (source, target) = (book(records), book(0));
    let times = (ENOUGH / records.max(1)).clamp(1, 10);
    let mut rows: Vec<Row> = PHASES
        .iter()
        .map(|what| Row {
            what: (*what).to_owned(),
            records: 0,
            spent: Spent::default(),
        })
        .collect();
    for _ in 0..times {
        let spent = round(records, &source.address, &target.address).await;
        for (row, spent) in rows.iter_mut().zip(spent) {
            row.records += records;
            row.spent.add(spent);
        }
    }
    rows
}

/// A run in a process of its own: its memory and its CPU time are its own.
fn in_a_process(folder: &Path, source: &str, target: &str) -> (RunCounts, Spent) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--sync-in", folder.to_str().unwrap()])
        .args(["--source", source, "--target", target])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let said: Json = serde_json::from_slice(&output.stdout).expect("a run says what it took");
    let spent = Spent {
        cpu: Duration::from_millis(said["cpu_ms"].as_u64().unwrap()),
        wall: Duration::from_millis(said["wall_ms"].as_u64().unwrap()),
        peak_mb: said["peak_mb"].as_u64().unwrap(),
    };
    (
        serde_json::from_value(said["counts"].clone()).unwrap(),
        spent,
    )
}

/// Runs the sync of a folder, which is made where there is none, and prints what it took.
pub(crate) async fn be_a_run(folder: &str, source: &str, target: &str) {
    let ours = Ours::open(Path::new(folder), source, target).await;
    let (counts, spent) = timed(ours.run()).await;
    ours.app.close(Duration::from_secs(10)).await;
    let said = json!({
        "counts": counts,
        "cpu_ms": spent.cpu.as_millis(),
        "wall_ms": spent.wall.as_millis(),
        "peak_mb": spent.peak_mb,
    });
    println!("{said}");
}

/// Everything once, from an empty target.
async fn round(records: usize, source: &str, target: &str) -> [Spent; 4] {
    #[expect(
        clippy::disallowed_methods,
        reason = "the bare client is what ours is compared with"
    )]
    let client = Client::builder().no_proxy().build().unwrap();
    let tell = async |address: &str, what: &str| {
        let told = client.post(format!("{address}/{what}")).send().await;
        assert!(told.unwrap().status().is_success());
    };
    tell(source, "forget").await;
    tell(target, "forget").await;
    let (n, bare) = timed(bare(source, target, &client)).await;
    assert_eq!(n, records);
    tell(target, "forget").await;

    let folder = tempfile::tempdir().unwrap();
    let run = || in_a_process(folder.path(), source, target);
    let (counts, first) = run();
    assert_eq!(counts.created, records as u64, "{counts:?}");
    tell(source, "change").await;
    let (counts, changed) = run();
    let expected = (records.saturating_sub(2)) / CHANGES_ONE_IN + 1;
    assert_eq!(counts.updated, expected as u64, "{counts:?}");
    let (counts, nothing) = run();
    assert_eq!(counts.unchanged, records as u64, "{counts:?}");
    [bare, first, changed, nothing]
}

struct Ours {
    app: App,
    sync: SyncId,
}

impl Ours {
    async fn open(folder: &Path, source: &str, target: &str) -> Self {
        let config = Config {
            data_dir: Some(folder.join("data")),
            secrets: SecretsPlace::Vault,
            schedules: false,
            sample_contacts: 0,
        };
        let app = App::open(config, Arc::new(Nobody)).await.unwrap();
        let known: Vec<SyncSummary> = ask(&app, "list_syncs", json!({})).await;
        if let Some(sync) = known.first() {
            let sync = sync.id;
            return Self { app, sync };
        }
        let request = json!({"name": "Book", "text": CONNECTOR, "origin": {"kind": "pasted"}});
        let _: Json = ask(&app, "save_connector", request).await;
        let connect = async |address: &str| -> ConnectionId {
            connect(&app, "book", "settings", json!({"base_url": address})).await
        };
        let (source, target) = (connect(source).await, connect(target).await);
        let request = json!({
            "name": "Contacts to people",
            "source": {"connection": source, "stream": "contacts"},
            "target": {"connection": target, "stream": "people"},
            "mode": "upsert",
            "match_on": ["email"],
        });
        let sync: SyncSummary = ask(&app, "create_sync", request).await;
        let sync = sync.id;
        let request = json!({"sync": sync, "mapping": mapping()});
        let _: Json = ask(&app, "save_draft", request).await;
        let _: Json = ask(&app, "publish_sync", json!({"sync": sync})).await;
        Self { app, sync }
    }

    async fn run(&self) -> RunCounts {
        let started: Started = ask(&self.app, "start_run", json!({"sync": self.sync})).await;
        self.app.engine().wait(started.run).await.unwrap();
        let run: RunDetail = ask(&self.app, "get_run", json!({"run": started.run})).await;
        assert!(
            run.summary.state == RunState::Completed && run.balances,
            "{run:?}"
        );
        run.summary.counts
    }
}

/// Eleven fields: taken over, joined, made tidy, cut.
fn mapping() -> Mapping {
    let field = |source: &str| Origin::Fields {
        paths: vec![source.parse().unwrap()],
    };
    let rule = |target: &str, origin: Origin, steps: &[&str]| Rule {
        target: target.parse().unwrap(),
        origin,
        steps: steps
            .iter()
            .map(|name| Step {
                name: (*name).to_owned(),
                with: serde_json::Map::new(),
            })
            .collect(),
        on_failure: OnFailure::Hold,
        comment: None,
    };
    let joined = Origin::Expression {
        template: "{{ record.first_name }} {{ record.last_name }}".into(),
    };
    let day = Origin::Expression {
        template: "{{ record.created_at[:10] }}".into(),
    };
    Mapping {
        rules: vec![
            rule("email", field("email"), &["trim", "lower"]),
            rule("full_name", joined, &[]),
            rule("status", field("status"), &[]),
            rule("company", field("company"), &["trim"]),
            rule("phone", field("phone"), &[]),
            rule("city", field("address.city"), &[]),
            rule("country", field("address.country"), &["upper"]),
            rule("signup_date", day, &[]),
            rule("lifetime_value", field("lifetime_value"), &[]),
            rule("tags", field("tags"), &[]),
            rule("note", field("note"), &[]),
        ],
        ..Mapping::default()
    }
}

/// Reads, maps by hand and writes, and knows nothing of it afterwards.
async fn bare(source: &str, target: &str, client: &Client) -> usize {
    let mut count = 0;
    let mut next = Some("0".to_owned());
    while let Some(page) = next {
        let asked = client.get(format!("{source}/contacts?page={page}"));
        let page = answer(asked.send().await.unwrap()).await;
        next = page["next"].as_str().map(str::to_owned);
        let records = page["data"].as_array().unwrap();
        count += records.len();
        for batch in records.chunks(BATCH) {
            let operations: Vec<Json> = batch
                .iter()
                .map(|contact| json!({"op": "create", "data": by_hand(contact)}))
                .collect();
            let sent = client
                .post(format!("{target}/people/batch"))
                .json(&json!({"operations": operations}));
            std::hint::black_box(answer(sent.send().await.unwrap()).await);
        }
    }
    count
}

async fn answer(answer: reqwest::Response) -> Json {
    #[expect(
        clippy::disallowed_methods,
        reason = "the bare client is what ours is compared with"
    )]
    let body = answer.bytes().await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

fn by_hand(contact: &Json) -> Json {
    let text = |name: &str| contact[name].as_str().unwrap_or_default();
    json!({
        "email": text("email").trim().to_lowercase(),
        "full_name": format!("{} {}", text("first_name"), text("last_name")),
        "status": contact["status"],
        "company": text("company").trim(),
        "phone": contact["phone"],
        "city": contact["address"]["city"],
        "country": contact["address"]["country"],
        "signup_date": text("created_at").get(..10),
        "lifetime_value": contact["lifetime_value"],
        "tags": contact["tags"],
        "note": contact["note"],
    })
}
