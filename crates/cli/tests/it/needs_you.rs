//! What waits for a person, from the command line: conflicts, records that were not written, runs that are taken back,
//! records that are paused, a sync that starts over. Each command with what it answers, as text and as JSON, with its
//! exit code, and with what goes wrong.

use std::fmt::Write as _;

use api::views::{ConflictPage, RunDetail, SyncSummary};
use serde_json::{Value, json};
use testkit::TestApp;
use testkit::app::{Closed, records};
use testkit::standard::{constant, copied};

use crate::program::{Ended, end_of, patchbay};

/// Nobody has this id.
const NOBODY: &str = "01924b6e-7a3c-7c3e-9f0a-2f1d3b5c7e90";

struct Desk {
    closed: Closed,
    /// What all commands said, without what differs from run to run.
    said: String,
}

impl Desk {
    async fn run(&self, words: &[&str]) -> Ended {
        let mut command = patchbay(&self.closed.data_dir());
        command.args(words);
        end_of(command).await
    }

    /// The command ends like this; what it says is noted.
    async fn check(&mut self, words: &[&str], code: i32) -> Ended {
        let ended = self.run(words).await;
        assert_eq!(ended.code, Some(code), "{words:?}: {ended:?}");
        assert!(!ended.stderr.contains("panicked"), "{ended:?}");
        let said = match code {
            0 => &ended.stdout,
            _ => {
                assert_eq!(ended.stdout, "", "{words:?}: there is no answer");
                &ended.stderr
            }
        };
        _ = writeln!(
            self.said,
            "$ patchbay {}\n{}exits with {code}\n",
            hidden(&words.join(" ")),
            hidden(said)
        );
        ended
    }

    /// The shape of its answer as JSON is noted.
    async fn json(&mut self, words: &[&str]) -> Value {
        let words = [&["--json"], words].concat();
        let answer = self.run(&words).await.well().json();
        _ = writeln!(
            self.said,
            "$ patchbay {}\n{}\n",
            hidden(&words.join(" ")),
            serde_json::to_string_pretty(&shape(&answer)).unwrap()
        );
        answer
    }
}

/// Kinds instead of values, and of a list what its first one is like.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| (name.clone(), shape(member)))
            .collect(),
        Value::Array(items) => items.first().map(shape).into_iter().collect(),
        Value::Null => Value::Null,
        Value::Bool(_) => "yes or no".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "text".into(),
    }
}

/// Without ids, which are new every time.
fn hidden(text: &str) -> String {
    let is_id = |word: &str| {
        word.len() == NOBODY.len()
            && word.char_indices().all(|(at, c)| match at {
                8 | 13 | 18 | 23 => c == '-',
                _ => c.is_ascii_hexdigit(),
            })
    };
    text.split_inclusive([' ', '\n'])
        .map(|part| {
            let word = part.trim_end();
            match is_id(word) {
                true => part.replacen(word, "[id]", 1),
                false => part.to_owned(),
            }
        })
        .collect()
}

struct Prepared {
    desk: Desk,
    /// Source keys of three records whose notes both sides have changed.
    keys: Vec<String>,
    /// A run that wrote something, and one that wrote nothing.
    wrote: String,
    idle: String,
}

async fn prepared() -> Prepared {
    let test = TestApp::with_contacts(40).await;
    let harbor = test.connect("harbor").await;
    let postino = test.connect("postino").await;
    let sync = test.create("Both ways", harbor, postino).await;
    let _: SyncSummary = test
        .ask("save_draft", json!({"sync": sync, "is_two_way": true}))
        .await;
    let mut mapping = model::mapping::Mapping::default();
    mapping.rules.extend([
        copied("email_address", "email"),
        copied("notes", "notes"),
        constant("list_id", "lst_main".into()),
        constant("status", "subscribed".into()),
    ]);
    test.publish(sync, &mapping).await;
    let held = test.run(sync).await;
    test.apply(held.plan.unwrap()).await;
    let idle = test.run(sync).await;
    assert_eq!(idle.summary.counts.updated, 0, "{}", idle.equation);

    let subscribers = test.sandbox.subscribers();
    let contacts = test.sandbox.contacts();
    let pairs: Vec<(&str, &str)> = records(&contacts)
        .iter()
        .filter_map(|contact| {
            let address = contact["email"].as_str()?.trim();
            let subscriber = records(&subscribers)
                .iter()
                .find(|one| one["email_address"].as_str() == Some(address))?;
            Some((contact["id"].as_str()?, subscriber["id"].as_str()?))
        })
        .take(4)
        .collect();
    for (nth, (contact, subscriber)) in pairs.iter().enumerate() {
        let notes = json!({"notes": format!("Harbor {nth}")});
        test.edit(harbor, "contacts", contact, notes).await;
        // One record is changed on one side only: it is written.
        if nth < 3 {
            let notes = json!({"notes": format!("Postino {nth}")});
            test.edit(postino, "subscribers", subscriber, notes).await;
        }
    }
    let wrote: RunDetail = test.run(sync).await;
    assert_eq!(wrote.summary.counts.conflict, 3, "{}", wrote.equation);
    let keys = pairs[..3].iter().map(|(key, _)| (*key).to_owned());
    Prepared {
        keys: keys.collect(),
        wrote: wrote.summary.id.to_string(),
        idle: idle.summary.id.to_string(),
        desk: Desk {
            closed: test.close().await,
            said: String::new(),
        },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conflicts_are_listed_decided_and_carried_out() {
    let Prepared { mut desk, keys, .. } = prepared().await;
    let [one, two, three] = [&keys[0], &keys[1], &keys[2]].map(String::as_str);
    let sync = "Both ways";

    // What cannot be.
    desk.check(&["conflicts", "Deals"], 1).await;
    for words in [
        &["conflicts", sync, "--take", "source", "--value", "1"][..],
        &["conflicts", sync, "--take", "everything"],
        &["conflicts", "--always"],
        &["conflicts", "--apply"],
        &["conflicts", "--limit", "0"],
    ] {
        desk.check(words, 2).await;
    }
    desk.check(&["conflicts", sync, "--value", "Ann"], 1).await;
    desk.check(
        &["conflicts", sync, "--key", "nobody", "--take", "source"],
        1,
    )
    .await;
    desk.check(&["conflicts", "--search", "nowhere"], 0).await;

    // What can.
    desk.check(&["conflicts"], 0).await;
    let page = desk.json(&["conflicts", sync, "--limit", "1"]).await;
    let page: ConflictPage = serde_json::from_value(page).unwrap();
    assert_eq!((page.total, page.decided, page.has_more), (3, 0, true));
    desk.check(&["conflicts", sync, "--key", one, "--take", "source"], 0)
        .await;
    // A person may change their mind until it is carried out.
    desk.check(&["conflicts", sync, "--key", one, "--take", "target"], 0)
        .await;
    desk.check(
        &["conflicts", sync, "--key", two, "--value", "\"By hand\""],
        0,
    )
    .await;
    desk.check(&["conflicts", sync, "--key", two, "--take", "none"], 0)
        .await;
    // All that fit, also those that are not shown.
    let page = desk
        .json(&["conflicts", sync, "--take", "both", "--limit", "1"])
        .await;
    assert_eq!(page["decided"], 3, "{page}");
    desk.check(&["conflicts", sync, "--key", three, "--take", "none"], 0)
        .await;
    desk.check(
        &["conflicts", sync, "--key", two, "--value", "\"By hand\""],
        0,
    )
    .await;

    let done = desk.json(&["conflicts", sync, "--apply"]).await;
    assert_eq!(done["run"]["balances"], true, "{done}");
    let by_hand = |list: Value| {
        let list = records(&list).iter();
        list.filter(|one| one["notes"] == "By hand").count()
    };
    assert_eq!(by_hand(desk.closed.sandbox.subscribers()), 1);
    assert_eq!(by_hand(desk.closed.sandbox.contacts()), 1);
    // What is carried out is no conflict any more.
    desk.check(&["conflicts", sync, "--key", two, "--take", "source"], 1)
        .await;
    desk.check(
        &[
            "conflicts",
            sync,
            "--field",
            "notes",
            "--take",
            "source",
            "--always",
        ],
        0,
    )
    .await;
    desk.check(&["conflicts", sync, "--apply", "--limit", "1"], 0)
        .await;
    desk.check(&["conflicts", sync], 0).await;
    desk.check(&["conflicts", sync, "--apply"], 1).await;
    insta::assert_snapshot!("conflicts", desk.said);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_are_taken_back_and_the_rest_is_done_from_the_command_line() {
    let Prepared {
        mut desk,
        keys,
        wrote,
        idle,
    } = prepared().await;
    let sync = "Both ways";
    let one = keys[0].as_str();

    // Plans.
    desk.check(&["plan", "Deals"], 1).await;
    let plan = desk.json(&["plan", sync, "--limit", "1"]).await;
    let plan = plan["plan"]["id"].as_str().unwrap();
    desk.check(&["apply", "soon"], 2).await;
    desk.check(&["apply", NOBODY], 1).await;
    desk.json(&["apply", plan]).await;
    desk.check(&["apply", plan], 1).await;

    // Taking back.
    desk.check(&["undo", "yesterday"], 2).await;
    desk.check(&["undo", NOBODY], 1).await;
    desk.check(&["undo", &idle], 1).await;
    desk.check(&["undo", &wrote, "--record", "999999"], 1).await;
    desk.check(&["undo", &wrote], 0).await;
    let before = desk.closed.sandbox.subscribers();
    let undone = desk.json(&["undo", &wrote, "--apply"]).await;
    assert_eq!(undone["run"]["summary"]["counts"]["updated"], 1, "{undone}");
    assert_ne!(desk.closed.sandbox.subscribers(), before);
    desk.check(&["undo", &wrote], 0).await;
    let undo = undone["run"]["summary"]["id"].as_str().unwrap();
    desk.check(&["undo", undo, "--field", "notes", "--apply"], 0)
        .await;
    let notes = |list: &Value| -> Vec<Value> {
        let list = records(list).iter();
        list.map(|one| one["notes"].clone()).collect()
    };
    assert_eq!(
        notes(&desk.closed.sandbox.subscribers()),
        notes(&before),
        "taking back was taken back"
    );

    // Records that are left alone.
    desk.check(&["pause", "Deals", one], 1).await;
    desk.check(&["pause", sync, one], 0).await;
    desk.json(&["pause", sync, one, &keys[1]]).await;
    desk.check(&["resume", sync, "nobody"], 1).await;
    desk.json(&["resume", sync, one]).await;
    desk.check(&["resume", sync, &keys[1]], 0).await;

    // Trying again what was not written.
    desk.check(&["retry", "Deals"], 1).await;
    desk.check(&["retry", sync, "--record", "1"], 2).await;
    desk.check(&["retry", sync, "--set", "notes=x"], 2).await;
    desk.check(&["retry", sync, "--run", NOBODY], 1).await;
    desk.check(
        &[
            "retry", sync, "--run", &wrote, "--record", "1", "--set", "x",
        ],
        1,
    )
    .await;
    desk.check(&["retry", sync], 0).await;
    desk.json(&["retry", sync]).await;

    // The sync itself.
    desk.check(&["pause", sync], 0).await;
    desk.json(&["pause", sync]).await;
    desk.check(&["resume", sync], 0).await;

    // Starting over.
    desk.check(&["start-over", sync, "everything"], 2).await;
    desk.check(&["start-over", "Deals", "cursor"], 1).await;
    desk.check(&["start-over", sync, "cursor", "--limit", "1"], 0)
        .await;
    desk.json(&["start-over", sync, "links", "--limit", "1"])
        .await;
    desk.check(&["start-over", sync, "purge", "--limit", "1"], 0)
        .await;
    desk.json(&["start-over", sync, "purge", "--apply"]).await;
    insta::assert_snapshot!("undo_and_others", desk.said);
}
