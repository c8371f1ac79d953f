//! What goes wrong before anything begins: each says what is wrong and what to do, ends with a code of its own, and
//! leaves everything as it was.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use testkit::app::{Closed, base_url};
use testkit::standard::{constant, expression, put};
use testkit::{TestApp, carried};

use crate::program::{Ended, end_of, patchbay};

/// What a person typed in by mistake, and must not read again.
const WRONG_KEY: &str = "pst_key_mistyped_7777";

/// Workspaces that are made from one good workspace, each broken in its own way.
struct Bench {
    folder: tempfile::TempDir,
    good: PathBuf,
    /// What all commands said, without what differs from run to run.
    said: String,
}

impl Bench {
    /// A copy of the good workspace, broken by `how`.
    fn broken(&self, how: impl FnOnce(&Path)) -> PathBuf {
        let copy = tempfile::Builder::new()
            .prefix("case-")
            .tempdir_in(self.folder.path())
            .unwrap()
            .keep();
        copy_folder(&self.good, &copy);
        how(&copy);
        copy
    }

    /// The command must refuse, and leave the workspace as it is.
    async fn check(
        &mut self,
        case: &str,
        workspace: &Path,
        adjust: impl FnOnce(&mut Command),
    ) -> Ended {
        let mut command = patchbay(workspace);
        // No test asks anybody's keychain.
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
        adjust(&mut command);
        let before = kept(workspace);
        let ended = end_of(command).await;
        assert!(
            ended.code.is_some_and(|code| code != 0),
            "{case} went through: {ended:?}"
        );
        assert_eq!(ended.stdout, "", "{case}: there is no answer");
        assert!(
            !ended.stderr.contains(WRONG_KEY),
            "{case}: {}",
            ended.stderr
        );
        assert!(
            !ended.stderr.contains("panicked"),
            "{case}: {}",
            ended.stderr
        );
        for (name, bytes) in &before {
            let now = fs::read(workspace.join(name)).unwrap_or_default();
            assert!(&now == bytes, "{case}: {name} was changed");
        }
        let said = ended
            .stderr
            .replace(&workspace.display().to_string(), "[workspace]")
            .replace(&self.folder.path().display().to_string(), "[folder]");
        let said = layout_hidden(&ports_hidden(&said))
            .replace(&api::App::COMMANDS.join(", "), "[all commands]");
        _ = writeln!(
            self.said,
            "## {case}\n{}exits with {}\n",
            said,
            ended.code.unwrap_or_default()
        );
        ended
    }
}

/// What a refusal must not touch. A vault that opens is tried out, and with that written anew; a look at a database
/// may tidy its journal.
fn kept(workspace: &Path) -> BTreeMap<String, Vec<u8>> {
    ["vault.key", "secrets.json", "workspace-id"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), fs::read(workspace.join(name)).ok()?)))
        .collect()
}

/// These words after the program's own.
fn words<'a>(words: &'a [&'a str]) -> impl Fn(&mut Command) + Copy + 'a {
    move |command| {
        command.args(words);
    }
}

/// How far this version reads: it grows with every migration.
fn layout_hidden(text: &str) -> String {
    let mark = "this version reads up to ";
    let Some((before, after)) = text.split_once(mark) else {
        return text.to_owned();
    };
    let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{before}{mark}[layout]{rest}")
}

/// The number behind `127.0.0.1:` and behind "port".
fn ports_hidden(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = ["127.0.0.1:", "on port ", "Port "]
        .iter()
        .filter_map(|mark| rest.find(mark).map(|at| at + mark.len()))
        .min()
        .map(|at| rest.split_at(at))
    {
        out.push_str(before);
        let digits = after.chars().take_while(char::is_ascii_digit).count();
        if digits > 0 {
            out.push_str("[port]");
        }
        rest = &after[digits..];
    }
    out + rest
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}

/// A published sync that has run, and a second one whose mapping reads a field that is not there.
async fn good_workspace() -> Closed {
    let test = TestApp::with_contacts(40).await;
    let standard = test.standard().await;
    test.run(standard.sync).await;
    let gone = test
        .create(
            "Reads a field that is gone",
            standard.harbor,
            standard.postino,
        )
        .await;
    let mut mapping = test.suggested(gone).await;
    put(&mut mapping, expression("notes", "{{ record.nick_name }}"));
    put(&mut mapping, constant("favourite_colour", "red".into()));
    let _: api::views::SyncSummary = test
        .ask("save_draft", json!({"sync": gone, "mapping": mapping}))
        .await;
    test.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refusal_says_what_is_wrong_and_what_to_do() {
    let closed = good_workspace().await;
    let mut bench = Bench {
        folder: tempfile::tempdir().unwrap(),
        good: closed.data_dir(),
        said: String::new(),
    };
    let nothing = |_: &Path| {};
    let status = words(&["status"]);

    // The workspace.
    let case = bench.broken(|it| fs::remove_file(it.join("vault.bin")).unwrap());
    bench.check("the vault is missing", &case, status).await;
    let case = bench.broken(|it| fs::remove_file(it.join("vault.key")).unwrap());
    bench
        .check("the vault's key file is missing", &case, status)
        .await;
    let case = bench.broken(|it| fs::write(it.join("vault.bin"), b"not a vault").unwrap());
    bench.check("the vault is damaged", &case, status).await;
    assert_eq!(
        fs::read(case.join("vault.bin")).unwrap(),
        b"not a vault",
        "what cannot be read is not written over"
    );
    let case = bench.broken(nothing);
    bench
        .check("a passphrase for a vault without one", &case, |command| {
            command
                .arg("status")
                .env("PATCHBAY_VAULT_PASSPHRASE", "guessed");
        })
        .await;
    let case = bench.broken(|it| {
        let recorded = fs::read_to_string(it.join("secrets.json")).unwrap();
        fs::write(
            it.join("secrets.json"),
            recorded.replace("vault-with-key-file", "keychain"),
        )
        .unwrap();
        fs::remove_file(it.join("vault.bin")).unwrap();
    });
    if cfg!(target_os = "linux") {
        // Without `--vault`, the recorded place counts: a keychain that does not answer.
        bench
            .check("the keychain does not answer", &case, |command| {
                let data_dir = case.clone();
                *command = Command::new(env!("CARGO_BIN_EXE_patchbay"));
                command
                    .arg("--data-dir")
                    .arg(data_dir)
                    .arg("status")
                    .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
                    .env_remove("PATCHBAY_VAULT_PASSPHRASE")
                    .env_remove("PATCHBAY_LOG");
            })
            .await;
    }
    let newer = bench.broken(nothing);
    testkit::newer::make_newer(&newer, &closed.user).await;
    bench
        .check("the database is from a newer version", &newer, status)
        .await;
    let case = bench.folder.path().join("a-file");
    fs::write(&case, "").unwrap();
    bench.check("the workspace is a file", &case, status).await;

    // What is asked for.
    let case = bench.broken(nothing);
    bench
        .check("no such sync", &case, words(&["run", "Deals"]))
        .await;
    bench
        .check(
            "a draft",
            &case,
            words(&["run", "Reads a field that is gone"]),
        )
        .await;
    bench
        .check(
            "a mapping that reads and writes fields that are gone",
            &case,
            |command| {
                command.args(["plan", "Reads a field that is gone"]);
            },
        )
        .await;
    bench
        .check(
            "no such command",
            &case,
            words(&["call", "drop_everything"]),
        )
        .await;
    bench
        .check(
            "a request that is not JSON",
            &case,
            words(&["call", "get_sync", "{"]),
        )
        .await;
    bench
        .check(
            "a request of another form",
            &case,
            words(&["call", "get_sync", "{\"sync\":7}"]),
        )
        .await;
    bench
        .check("no such connector", &case, words(&["connect", "hubspoke"]))
        .await;
    let at = format!("base_url={}", base_url(&closed.sandbox, "postino"));
    bench
        .check("a way to sign in that is not there", &case, |command| {
            command.args(["connect", "postino", "--auth", "fax", "--set", &at]);
        })
        .await;
    bench
        .check("a key that the platform does not know", &case, |command| {
            command.args([
                "connect", "postino", "--auth", "api_key", "--set", &at, "--set",
            ]);
            command.arg(format!("api_key={WRONG_KEY}"));
        })
        .await;
    let nobody = std::net::TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap();
    bench
        .check("a platform that does not answer", &case, |command| {
            command.args(["connect", "postino", "--auth", "api_key", "--set"]);
            command
                .arg(format!("base_url=http://{nobody}/postino"))
                .args(["--set", "api_key=x"]);
        })
        .await;
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let pages = bench.folder.path().join("pages");
    fs::create_dir_all(&pages).unwrap();
    bench
        .check("a folder without pages", &case, |command| {
            command.args(["serve", "--ui"]).arg(&pages);
        })
        .await;
    fs::write(pages.join("index.html"), "").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    bench
        .check("a port that is in use", &case, |command| {
            command.args(["serve", "--port", &port, "--ui"]).arg(&pages);
        })
        .await;
    bench
        .check(
            "a demo into a folder with something in it",
            &case,
            |command| {
                command.args(["demo", "--keep"]).arg(&pages);
            },
        )
        .await;

    // The system's own words are in it.
    if cfg!(target_os = "linux") {
        insta::assert_snapshot!("refusals", bench.said);
    }
    assert!(
        carried::subscribers(&closed.sandbox).len() > 30,
        "what was there is still there"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_connector_file_is_told_and_harms_no_other() {
    let closed = good_workspace().await;
    fs::create_dir_all(closed.data_dir().join("connectors")).unwrap();
    fs::write(
        closed.data_dir().join("connectors/broken.yaml"),
        "version: [",
    )
    .unwrap();
    fs::write(
        closed.data_dir().join("connectors/binary.yaml"),
        [0_u8, 159, 146, 150],
    )
    .unwrap();
    let mut command = patchbay(&closed.data_dir());
    command.arg("status");
    let ended = end_of(command).await.well();
    for file in ["broken.yaml", "binary.yaml"] {
        assert!(
            ended
                .stdout
                .lines()
                .any(|line| line.starts_with("Note") && line.contains(file)),
            "{file} is not told: {ended:?}"
        );
    }
    let mut command = patchbay(&closed.data_dir());
    command.args(["run", "Contacts to subscribers"]);
    end_of(command).await.well();
}
