//! What a person types, from the first sign-in to the history.

use sandbox::{Options, Platform, Sandbox};
use serde_json::{Value, json};
use testkit::TestApp;
use testkit::app::base_url;

use crate::program::{end_of, patchbay};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_is_connected_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(Options::new(7, 20)).await.unwrap();
    let data_dir = folder.path().join("data");
    let mut connect = patchbay(&data_dir);
    connect.args([
        "connect",
        "harbor",
        "--scripted-browser",
        "--name",
        "Our CRM",
        "--set",
    ]);
    connect.arg(format!("base_url={}", base_url(&sandbox, "harbor")));
    let ended = end_of(connect).await.well();
    assert!(
        ended
            .stdout
            .starts_with("Connected as Calder & Finch (dana@harbor.example). Its id is "),
        "{ended:?}"
    );
    assert!(
        ended.stderr.contains("✓ Getting access"),
        "the steps are told: {ended:?}"
    );

    // A secret comes from a file, so that it is not in the list of processes.
    let key = folder.path().join("key.txt");
    std::fs::write(&key, "pst_key_demo_0001\n").unwrap();
    let mut list = patchbay(&data_dir);
    list.args(["--json", "call", "list_connectors"]);
    let connectors = end_of(list).await.well().json();
    let postino = connectors
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["id"] == "postino")
        .unwrap();
    let method = postino["auth"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["kind"] == "api_key")
        .unwrap();
    let mut connect = patchbay(&data_dir);
    connect.args([
        "connect",
        "postino",
        "--auth",
        method["name"].as_str().unwrap(),
    ]);
    connect
        .arg("--set")
        .arg(format!("base_url={}", base_url(&sandbox, "postino")));
    connect.arg("--set").arg(format!(
        "{}=@{}",
        method["fields"][0]["name"].as_str().unwrap(),
        key.display()
    ));
    end_of(connect).await.well();

    let mut connections = patchbay(&data_dir);
    connections.arg("connections");
    let ended = end_of(connections).await.well();
    let table: Vec<Vec<&str>> = ended
        .stdout
        .lines()
        .map(|line| {
            line.split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .collect()
        })
        .collect();
    assert_eq!(
        table[0],
        ["Connection", "Platform", "Account", "State", "Id"]
    );
    assert_eq!(
        table[1][..4],
        [
            "Our CRM",
            "Harbor CRM",
            "Calder & Finch (dana@harbor.example)",
            "well"
        ]
    );
    assert_eq!(table[2][1], "Postino");
    for text in [&ended.stdout, &ended.stderr] {
        assert!(!text.contains("pst_key"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_is_planned_applied_run_and_looked_up() {
    let test = TestApp::with_contacts(60).await;
    test.standard().await;
    let closed = test.close().await;
    let run = async |words: &[&str]| {
        let mut command = patchbay(&closed.data_dir());
        command.args(words);
        end_of(command).await
    };
    let before = closed.sandbox.subscribers();
    let plan = run(&["--json", "plan", "contacts to subscribers", "--limit", "2"])
        .await
        .well()
        .json();
    assert_eq!(plan["plan"]["counts"]["create"], 48);
    assert_eq!(plan["entries"].as_array().unwrap().len(), 2);
    assert_eq!(
        closed.sandbox.subscribers(),
        before,
        "a plan writes nothing"
    );

    let applied = run(&["apply", plan["plan"]["id"].as_str().unwrap()])
        .await
        .well();
    assert!(
        applied.stdout.contains(
            "60 read = 48 created + 8 updated + 0 deleted + 0 unchanged + 0 filtered + 4 invalid + 0 rejected + 0 conflict + 0 held"
        ),
        "{applied:?}"
    );
    assert!(
        applied
            .stderr
            .contains("4 records were not written. See why: patchbay log --run "),
        "{applied:?}"
    );

    closed.sandbox.edit_contacts(5, 1);
    let again = run(&["--json", "plan", "Contacts to subscribers", "--apply"])
        .await
        .well()
        .json();
    assert_eq!(again["run"]["balances"], true);
    let runs = run(&["--json", "runs"]).await.well().json();
    let first = runs[1]["id"].as_str().unwrap();
    let log = run(&[
        "--json",
        "log",
        "--run",
        first,
        "--outcome",
        "invalid",
        "--outcome",
        "held",
    ])
    .await
    .well()
    .json();
    assert_eq!(log["records"].as_array().unwrap().len(), 4, "{log}");
    let log = run(&["log", "--outcome", "updated", "--limit", "3"])
        .await
        .well();
    assert_eq!(log.stdout.lines().count(), 5, "{log:?}");
    assert_eq!(runs.as_array().unwrap().len(), 2);
    let status = run(&["status"]).await.well();
    assert!(
        status
            .stdout
            .contains(" of Contacts to subscribers were not written"),
        "{status:?}"
    );

    let exported: Value = serde_json::from_str(
        &run(&["export", "Contacts to subscribers"])
            .await
            .well()
            .stdout,
    )
    .unwrap();
    assert_eq!(exported["target"]["needs"]["connector"], "postino");
    let called = run(&[
        "call",
        "get_run",
        &json!({"run": runs[0]["id"]}).to_string(),
    ])
    .await
    .well();
    assert_eq!(called.json()["balances"], true);

    // A sign-in that has ended: the run waits, and the program says so with a code of its own.
    closed.sandbox.revoke_tokens(Platform::Harbor);
    let held = run(&["run", "Contacts to subscribers"]).await;
    assert_eq!(held.code, Some(3), "{held:?}");
    assert!(held.stderr.contains("It waits for you."), "{held:?}");
    let status = run(&["status"]).await.well();
    assert!(
        status
            .stdout
            .contains("patchbay connect harbor --reconnect "),
        "{status:?}"
    );
    let mut connect = patchbay(&closed.data_dir());
    connect.args([
        "connect",
        "harbor",
        "--reconnect",
        "Harbor CRM",
        "--scripted-browser",
        "--set",
    ]);
    connect.arg(format!("base_url={}", base_url(&closed.sandbox, "harbor")));
    end_of(connect).await.well();
    run(&["run", "Contacts to subscribers"]).await.well();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_proves_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = patchbay(&folder.path().join("unused"));
    demo.args(["--json", "demo", "--contacts", "400", "--keep"])
        .arg(folder.path().join("kept"));
    let ended = end_of(demo).await.well();
    let report = ended.json();
    assert_eq!(report["verdict"]["equal"], true, "{report}");
    assert_eq!(report["verdict"]["not_compared"], json!(["phone_e164"]));
    assert!(
        report["verdict"]["compared_records"].as_u64().unwrap() > 390,
        "{}",
        report["verdict"]
    );
    assert_eq!(
        (&report["first"]["balances"], &report["second"]["balances"]),
        (&json!(true), &json!(true))
    );
    assert!(
        report["second"]["plan"]["update"].as_u64().unwrap() > 80,
        "{}",
        report["second"]
    );
    assert!(folder.path().join("kept/patchbay.db").is_file());
    assert!(
        !folder.path().join("unused").exists(),
        "the demo leaves the workspace alone"
    );
}
