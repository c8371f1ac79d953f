//! `cargo run --release -p testkit --bin bench -- [read|map|commit|run|sync|undo] [--records N] [--json]`
//!
//! `cargo run --release -p testkit --bin bench -- simulation [--histories N] [--from SEED] [--both-ways]`
//! `cargo run --release -p testkit --bin bench -- simulation --edits N [--from SEED]`
//!
//! What a record costs: CPU time of this process for reading it, mapping it, and for a whole run, each beside a bare
//! program that does the same work without what makes it safe. Platforms run in processes of their own, so that their
//! work is not counted. Times are of this machine; compare ratios.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a measuring program may fail loudly"
)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it prints what it measured"
)]

mod book;
mod commit;
mod measured;
mod other;
mod pages;
mod reading;
mod simulation;
mod sync;
mod undo;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use api::views::{ConnectFlow, ConnectResult, RunDetail, Started};
use api::{App, Config, Host, Notification, SecretsPlace};
use connectors::{Access, ReadRequest, Source};
use model::ids::{ConnectionId, SyncId};
use model::mapping::Mapping;
use model::run::RunState;
use model::value::Value;
use reqwest::Client;
use serde_json::{Value as Json, json};
use testkit::simulation::Ways;
use testkit::standard::constant;
use url::Url;

use measured::{Row, print_table, timed};
use other::{Other, starter_is_gone};

const RECORDS: usize = 100_000;
/// Records of a whole sync.
const SYNC_RECORDS: usize = 1_000_000;
/// Records of a run that is taken back.
const UNDO_RECORDS: usize = 10_000;
/// What the bare client signs in with at Harbor CRM and at Postino.
const HARBOR_LOGIN: (&str, &str) = ("api", "harbor-basic-demo");
const POSTINO_KEY: &str = "pst_key_demo_0001";
/// Harbor's largest page, Postino's largest batch.
const PAGE: usize = 200;
const BATCH: usize = 100;

/// What can be measured.
const NAMES: [&str; 6] = ["read", "map", "commit", "run", "sync", "undo"];

/// Records are made and dropped by the million, on one thread and on another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let word_after = |flag: &str| {
        let at = words.iter().position(|word| word == flag)?;
        words.get(at + 1)
    };
    let number = |flag: &str| word_after(flag)?.parse::<usize>().ok();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if let Some(contacts) = number("--sandbox") {
        runtime.block_on(be_the_sandbox(contacts));
        return ExitCode::SUCCESS;
    }
    if let Some(contacts) = number("--book") {
        runtime.block_on(sync::be_a_platform(contacts));
        return ExitCode::SUCCESS;
    }
    if words.first().is_some_and(|word| word == "--pages") {
        runtime.block_on(reading::be_the_platform());
        return ExitCode::SUCCESS;
    }
    if words.first().is_some_and(|word| word == "simulation") {
        let number = |flag: &str| number(flag).and_then(|n| u64::try_from(n).ok());
        if let Some(edits) = number("--edits") {
            return simulation::live_long(number("--from").unwrap_or(0), edits);
        }
        return simulation::live(
            number("--from").unwrap_or(0),
            number("--histories").unwrap_or(10_000),
            match words.iter().any(|word| word == "--both-ways") {
                true => Ways::Both,
                false => Ways::One,
            },
        );
    }
    if !cfg!(target_os = "linux") {
        eprintln!("CPU time and memory are read from /proc: on Linux only.");
        return ExitCode::FAILURE;
    }
    let records = number("--records").unwrap_or(RECORDS);
    _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    if let [flag, way, ..] = words.as_slice()
        && flag == "--reader"
    {
        let address = word_after("--platform").expect("the address of the pages");
        let bare = words.iter().any(|word| word == "--bare");
        runtime.block_on(reading::be_a_reader(way, records, address, bare));
        return ExitCode::SUCCESS;
    }
    if let Some(folder) = word_after("--sync-in") {
        let platform = |name: &str| word_after(name).expect("the address of a platform");
        runtime.block_on(sync::be_a_run(
            folder,
            platform("--source"),
            platform("--target"),
        ));
        return ExitCode::SUCCESS;
    }
    let names: Vec<&str> = NAMES
        .into_iter()
        .filter(|name| words.iter().any(|word| word == name))
        .collect();
    let unknown = words.iter().enumerate().find(|(n, word)| {
        let after_flag = n
            .checked_sub(1)
            .and_then(|n| words.get(n))
            .is_some_and(|word| word == "--records");
        !after_flag
            && !NAMES.contains(&word.as_str())
            && !["--records", "--json"].contains(&word.as_str())
    });
    if let Some((_, unknown)) = unknown {
        eprintln!(
            "There is no \"{unknown}\": name read, map, commit, run, sync or undo, or nothing for all of them."
        );
        return ExitCode::from(2);
    }
    let wanted = |name: &str| names.is_empty() || names.contains(&name);
    let mut rows = Vec::new();
    if wanted("read") {
        rows = reading::measure(records);
    }
    if ["map", "commit", "run"].into_iter().any(wanted) {
        rows.extend(runtime.block_on(measure(&names, records)));
    }
    if wanted("sync") {
        let records = number("--records").unwrap_or(SYNC_RECORDS);
        rows.extend(runtime.block_on(sync::measure(records)));
    }
    if wanted("undo") {
        let records = number("--records").unwrap_or(UNDO_RECORDS);
        rows.extend(runtime.block_on(undo::measure(records)));
    }
    if words.iter().any(|word| word == "--json") {
        let rows: Vec<Json> = rows.iter().map(Row::json).collect();
        println!("{}", json!(rows));
    } else {
        print_table(&rows);
    }
    ExitCode::SUCCESS
}

async fn measure(names: &[&str], records: usize) -> Vec<Row> {
    let wanted = |name: &str| names.is_empty() || names.contains(&name);
    let bench = Workspace::open(records).await;
    let mut rows = Vec::new();
    if wanted("map") {
        let (pages, sources) = bench.in_memory(records.min(20_000)).await;
        let times = records.div_ceil(sources.len().max(1));
        let (n, spent) = timed(async { repeat(times, &pages, by_hand) }).await;
        rows.push(Row {
            what: "map: 13 fields by hand in Rust".into(),
            records: n,
            spent,
        });
        let program = bench.program().await;
        let (n, spent) =
            timed(async { repeat(times, &sources, |record| program.apply(record)) }).await;
        rows.push(Row {
            what: "map: 15 fields by the mapping".into(),
            records: n,
            spent,
        });
    }
    if wanted("commit") {
        let (_, sources) = bench.in_memory(records.min(20_000)).await;
        let mapped = commit::mapped(&bench.program().await, &sources, records.min(50_000));
        let ledger = commit::Ledger::open().await;
        let (n, spent) = timed(async { ledger.append(&mapped) }).await;
        rows.push(Row {
            what: "commit: JSON lines and fsync".into(),
            records: n,
            spent,
        });
        let (n, spent) = timed(ledger.carry(mapped)).await;
        rows.push(Row {
            what: "commit: plan, journal and commit".into(),
            records: n,
            spent,
        });
    }
    if wanted("run") {
        let (n, spent) = timed(bench.run()).await;
        rows.push(Row {
            what: "run: plan, journal, write, history".into(),
            records: n,
            spent,
        });
        let again = Sandbox::start(records);
        let (n, spent) = timed(bare_run(&again.address, &bench.client)).await;
        rows.push(Row {
            what: "run: bare loop, nothing remembered".into(),
            records: n,
            spent,
        });
    }
    bench.app.close(Duration::from_secs(10)).await;
    rows
}

fn repeat<T, U>(times: usize, records: &[T], map: impl Fn(&T) -> U) -> usize {
    for _ in 0..times {
        for record in records {
            std::hint::black_box(map(std::hint::black_box(record)));
        }
    }
    times * records.len()
}

// ---- both platforms, in a process of their own -----------------------------------------------------

struct Sandbox {
    _process: Other,
    address: Url,
}

impl Sandbox {
    fn start(contacts: usize) -> Self {
        let process = Other::start(&["--sandbox", &contacts.to_string()]);
        Self {
            address: process.address.parse().unwrap(),
            _process: process,
        }
    }
}

/// Until whoever started it goes away.
async fn be_the_sandbox(contacts: usize) {
    let sandbox = sandbox::Sandbox::start(sandbox::Options::new(7, contacts))
        .await
        .unwrap();
    println!("{}", sandbox.base_url());
    starter_is_gone().await;
}

// ---- ours -------------------------------------------------------------------------------------------

struct Workspace {
    app: App,
    sandbox: Sandbox,
    client: Client,
    harbor: ConnectionId,
    postino: ConnectionId,
    _folder: tempfile::TempDir,
}

/// Nobody needs to be asked: it signs in with keys.
struct Nobody;

impl Host for Nobody {
    fn open_url(&self, _: &Url) -> Result<(), String> {
        Err("there is no browser here".to_owned())
    }

    fn notify(&self, _: Notification) {}
}

impl Workspace {
    async fn open(contacts: usize) -> Self {
        let sandbox = Sandbox::start(contacts);
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            data_dir: Some(folder.path().join("data")),
            secrets: SecretsPlace::Vault,
            schedules: false,
            sample_contacts: 0,
        };
        let app = App::open(config, Arc::new(Nobody)).await.unwrap();
        let at = |name: &str| sandbox.address.join(name).unwrap().to_string();
        let (user, password) = HARBOR_LOGIN;
        let harbor = connect(
            &app,
            "harbor",
            "basic",
            json!({"base_url": at("harbor"), "username": user, "password": password}),
        )
        .await;
        let postino = connect(
            &app,
            "postino",
            "api_key",
            json!({"base_url": at("postino"), "api_key": POSTINO_KEY}),
        )
        .await;
        #[expect(
            clippy::disallowed_methods,
            reason = "the bare client is what ours is compared with"
        )]
        let client = Client::builder().no_proxy().build().unwrap();
        Self {
            app,
            sandbox,
            client,
            harbor,
            postino,
            _folder: folder,
        }
    }

    /// The same records as JSON and as values of ours.
    async fn in_memory(&self, most: usize) -> (Vec<Json>, Vec<Value>) {
        let mut pages = Vec::new();
        each_page(&self.sandbox.address, &self.client, async |page| {
            if pages.len() < most {
                pages.extend(page);
            }
        })
        .await;
        let platform = self
            .app
            .engine()
            .platforms()
            .get(self.harbor)
            .await
            .unwrap();
        let request = ReadRequest {
            stream: "contacts".into(),
            cursor: None,
            position: None,
            full: true,
            limit: Some(pages.len()),
        };
        let mut reader = Source::read(&*platform, request, Access::unattended())
            .await
            .unwrap();
        let mut sources = Vec::new();
        while let Some(page) = reader.next().await.unwrap() {
            sources.extend(page.records.into_iter().map(|record| record.fields));
        }
        sources.truncate(pages.len());
        (pages, sources)
    }

    async fn sync(&self, name: &str) -> (SyncId, Mapping) {
        let request = json!({
            "name": name,
            "source": {"connection": self.harbor, "stream": "contacts"},
            "target": {"connection": self.postino, "stream": "subscribers"},
            "mode": "upsert",
            "match_on": ["email_address"],
        });
        let sync: api::views::SyncSummary = ask(&self.app, "create_sync", request).await;
        let request = json!({"sync": sync.id, "mapping": Mapping::default()});
        let list: api::views::SuggestionList = ask(&self.app, "suggest_mapping", request).await;
        let mut mapping = Mapping::default();
        mapping.rules.extend(
            list.suggestions
                .into_iter()
                .filter(|one| one.ticked)
                .map(|one| one.rule),
        );
        mapping.rules.push(constant("list_id", "lst_main".into()));
        (sync.id, mapping)
    }

    async fn program(&self) -> mapping::Program {
        let (_, document) = self.sync("Only mapped").await;
        let platforms = self.app.engine().platforms();
        let source = platforms.describe(self.harbor, "contacts").await.unwrap();
        let target = platforms
            .describe(self.postino, "subscribers")
            .await
            .unwrap();
        let compiled = mapping::compile(
            &document,
            &source.schema,
            &target.schema,
            mapping::Purpose::Create,
        );
        compiled.program.expect("what is suggested can run")
    }

    async fn run(&self) -> usize {
        let (sync, mapping) = self.sync("Whole run").await;
        let _: Json = ask(
            &self.app,
            "save_draft",
            json!({"sync": sync, "mapping": mapping}),
        )
        .await;
        let _: Json = ask(&self.app, "publish_sync", json!({"sync": sync})).await;
        let started: Started = ask(&self.app, "start_run", json!({"sync": sync})).await;
        self.app.engine().wait(started.run).await.unwrap();
        let run: RunDetail = ask(&self.app, "get_run", json!({"run": started.run})).await;
        assert!(
            run.summary.state == RunState::Completed && run.balances,
            "{run:?}"
        );
        usize::try_from(run.summary.counts.read).unwrap()
    }
}

async fn connect(app: &App, connector: &str, method: &str, config: Json) -> ConnectionId {
    let request = json!({"connector": connector, "auth_method": method, "name": "", "config": config, "reconnect": null});
    let flow: ConnectFlow = ask(app, "start_connect", request).await;
    app.engine().wait_flow(flow.id).await.unwrap();
    let flow: ConnectFlow = ask(app, "get_connect_flow", json!({"flow": flow.id})).await;
    let Some(ConnectResult::Connected { connection, .. }) = flow.result else {
        unreachable!("{connector}: {:?}", flow.result)
    };
    connection
}

async fn ask<T: serde::de::DeserializeOwned>(app: &App, name: &str, request: Json) -> T {
    serde_json::from_value(app.call(name, request).await.unwrap()).unwrap()
}

// ---- bare -------------------------------------------------------------------------------------------

async fn each_page(address: &Url, client: &Client, mut see: impl AsyncFnMut(Vec<Json>)) {
    let mut cursor: Option<String> = None;
    loop {
        let mut url = address.join("harbor/api/v1/contacts").unwrap();
        url.query_pairs_mut()
            .append_pair("limit", &PAGE.to_string());
        if let Some(cursor) = &cursor {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        let (user, password) = HARBOR_LOGIN;
        let answer = client
            .get(url)
            .basic_auth(user, Some(password))
            .send()
            .await
            .unwrap();
        #[expect(
            clippy::disallowed_methods,
            reason = "the bare client is what ours is compared with"
        )]
        let body = answer.bytes().await.unwrap();
        let mut page: Json = serde_json::from_slice(&body).unwrap();
        let Some(Json::Array(records)) = page.get_mut("data").map(Json::take) else {
            return;
        };
        see(records).await;
        cursor = page
            .get("next_cursor")
            .and_then(Json::as_str)
            .map(str::to_owned);
        if cursor.is_none() {
            return;
        }
    }
}

/// What a person would write who knows the records; no phone numbers, no countries, no checks.
fn by_hand(contact: &Json) -> Option<Json> {
    let text = |name: &str| contact.get(name).and_then(Json::as_str);
    let email = text("email")?.trim().to_lowercase();
    if !email.contains('@') {
        return None;
    }
    let name = [text("first_name"), text("last_name")]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ");
    let address = contact.get("address");
    Some(json!({
        "email_address": email,
        "full_name": name,
        "location": {
            "city": address.and_then(|address| address.get("city")),
            "region": address.and_then(|address| address.get("region")),
        },
        "tags": contact.get("tags"),
        "lifetime_value": contact.get("lifetime_value"),
        "language": contact.get("language"),
        "source": contact.get("lead_source"),
        "notes": text("notes").map(|notes| notes.chars().take(255).collect::<String>()),
        "marketing_consent": contact.get("newsletter_opt_in"),
        "signup_date": text("created_at").map(|at| at.chars().take(10).collect::<String>()),
        "status": if contact.get("do_not_email") == Some(&Json::Bool(true)) { "unsubscribed" } else { "subscribed" },
        "list_id": "lst_main",
    }))
}

/// Reads, maps and writes, and knows nothing of it afterwards.
async fn bare_run(address: &Url, client: &Client) -> usize {
    let url = address.join("postino/api/subscribers/batch").unwrap();
    let mut count = 0;
    each_page(address, client, async |page| {
        count += page.len();
        for batch in page.chunks(BATCH) {
            let operations: Vec<Json> = batch
                .iter()
                .filter_map(by_hand)
                .map(|data| json!({"op": "upsert", "data": data}))
                .collect();
            let answer = client
                .post(url.clone())
                .header("X-Api-Key", POSTINO_KEY)
                .json(&json!({"operations": operations}))
                .send()
                .await
                .unwrap();
            #[expect(
                clippy::disallowed_methods,
                reason = "the bare client is what ours is compared with"
            )]
            let answer: Json = answer.json().await.unwrap();
            std::hint::black_box(answer);
        }
    })
    .await;
    count
}
