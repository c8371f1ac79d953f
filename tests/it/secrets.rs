//! Secrets are nowhere but in the vault, and there not in clear.

use std::path::{Path, PathBuf};

use api::views::{ConnectFlow, ConnectResult, RunRecordDetail, RunRecords};
use model::ids::ConnectionId;
use serde_json::{Value, json};
use testkit::TestApp;
use testkit::app::base_url;

/// The beginnings of every token that the sandbox gives, and the secrets that a person types in.
const CANARIES: [&str; 8] = [
    "hbr_at_",
    "hbr_rt_",
    "pst_at_",
    "pst_rt_",
    "pst_key_demo_0001",
    "harbor-basic-demo",
    "harbor-demo",
    "postino-demo",
];

fn assert_clean(place: &str, bytes: &[u8]) {
    for canary in CANARIES {
        let found = bytes
            .windows(canary.len())
            .any(|window| window == canary.as_bytes());
        assert!(!found, "{canary} is in {place}");
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

async fn connect_by_hand(
    test: &TestApp,
    connector: &str,
    method: &str,
    fields: Value,
) -> ConnectionId {
    let mut config = json!({"base_url": base_url(&test.sandbox, connector)});
    config
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    let request = json!({"connector": connector, "auth_method": method, "name": "", "config": config, "reconnect": null});
    let flow: ConnectFlow = test.ask("start_connect", request).await;
    test.app.engine().wait_flow(flow.id).await.unwrap();
    let flow: ConnectFlow = test.ask("get_connect_flow", json!({"flow": flow.id})).await;
    assert_clean("a sign-in", json!(flow).to_string().as_bytes());
    match flow.result {
        Some(ConnectResult::Connected { connection, .. }) => connection,
        other => panic!("{connector}: {other:?}"),
    }
}

/// What is compressed behind the few bytes that say how.
fn unpacked(value: &[u8]) -> Option<Vec<u8>> {
    const FRAME: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    let at = value.windows(4).take(4).position(|four| four == FRAME)?;
    Some(zstd::decode_all(&value[at..]).unwrap())
}

/// Every text and blob of both databases, as they are behind their encryption, and unpacked where they are packed.
async fn everything_stored(test: &TestApp) -> Vec<u8> {
    fn dump(db: &store::Connection) -> store::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut tables = db
            .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")
            .unwrap();
        let names: Vec<String> = tables
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert!(names.len() > 2, "{names:?}");
        for name in names {
            let mut rows = db.prepare(&format!("SELECT * FROM \"{name}\"")).unwrap();
            let columns = rows.column_count();
            let mut rows = rows.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                for column in 0..columns {
                    let value = row.get_ref(column).unwrap();
                    if let Ok(text) = value.as_bytes() {
                        bytes.extend_from_slice(text);
                        bytes.push(b'\n');
                        bytes.extend(unpacked(text).unwrap_or_default());
                    }
                }
            }
        }
        Ok(bytes)
    }
    let mut all = test.app.engine().store().read(dump).await.unwrap();
    let history = test.app.engine().store().read_history(dump).await.unwrap();
    // A name that is in bodies and in records shows that both were read.
    for known in ["email_address", "\"operations\""] {
        let found = history
            .windows(known.len())
            .any(|part| part == known.as_bytes());
        assert!(found, "{known} is not in what was read");
    }
    all.extend(history);
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_anywhere_but_in_the_vault() {
    let test = TestApp::with_contacts(60).await;
    let standard = test.standard().await;
    let basic = connect_by_hand(
        &test,
        "harbor",
        "basic",
        json!({"username": "api", "password": "harbor-basic-demo"}),
    )
    .await;
    let by_key = test_by_key(&test).await;
    let first = test.run(standard.sync).await;
    // An expired token and a failed run leave traces of their own.
    test.sandbox.expire_tokens(sandbox::Platform::Postino);
    test.sandbox.edit_contacts(5, 1);
    test.run(standard.sync).await;
    test.sandbox.revoke_tokens(sandbox::Platform::Harbor);
    let failed = test.run(standard.sync).await;
    assert_clean("a failed run", json!(failed).to_string().as_bytes());

    for connection in [standard.harbor, standard.postino, basic, by_key] {
        let detail: Value = test
            .ask("get_connection", json!({"connection": connection}))
            .await;
        assert_clean("a connection", detail.to_string().as_bytes());
    }
    let file: Value = test
        .ask("export_sync", json!({"sync": standard.sync}))
        .await;
    assert_clean("the exported sync", file.to_string().as_bytes());
    let request = json!({"run": first.summary.id, "sync": null, "outcomes": [], "search": "", "after": null, "limit": 500});
    let records: RunRecords = test.ask("list_run_records", request).await;
    let mut exchanges = 0;
    for record in records.records.iter().take(20) {
        let story: RunRecordDetail = test
            .ask(
                "get_run_record",
                json!({"run": record.run, "seq": record.seq}),
            )
            .await;
        exchanges += usize::from(story.exchange.is_some());
        assert_clean("the history", json!(story).to_string().as_bytes());
    }
    assert!(exchanges > 0, "no request is in the history");
    let stored = everything_stored(&test).await;
    assert!(
        stored.len() > 10_000,
        "only {} bytes are stored",
        stored.len()
    );
    assert!(
        stored.windows(12).any(|window| window == b"subscribers/"),
        "the dump does not hold what it should"
    );
    assert_clean("the databases", &stored);

    let data_dir = test.data_dir();
    let closed = test.close().await;
    let mut paths = Vec::new();
    files(&data_dir, &mut paths);
    assert!(paths.len() >= 3, "{paths:?}");
    for path in paths {
        let bytes = std::fs::read(&path).unwrap();
        assert_clean(&path.display().to_string(), &bytes);
    }
    drop(closed);
}

async fn test_by_key(test: &TestApp) -> ConnectionId {
    let connectors: Vec<api::views::ConnectorSummary> =
        test.ask("list_connectors", json!({})).await;
    let postino = connectors
        .iter()
        .find(|connector| connector.id == "postino")
        .unwrap();
    let method = postino
        .auth
        .iter()
        .find(|method| method.kind == api::views::AuthKind::ApiKey)
        .unwrap();
    let field = &method.fields[0];
    assert!(field.secret, "{field:?}");
    let mut fields = serde_json::Map::new();
    fields.insert(field.name.clone(), "pst_key_demo_0001".into());
    connect_by_hand(test, "postino", &method.name, Value::Object(fields)).await
}
