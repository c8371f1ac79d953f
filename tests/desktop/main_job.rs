//! The whole main job in the real window: connect both sample platforms, draw the mapping, plan, run, change data,
//! run again, and read what happened.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::driver::{App, PATIENCE, Role, Start, until};
use crate::http;

/// So many records of Harbor are changed between the two runs.
const CHANGED: usize = 100;

#[test]
#[ignore = "needs a display: cargo xtask test --only desktop"]
fn two_platforms_are_connected_mapped_planned_and_run_twice() {
    let app = App::start(Start::default());
    app.find(Role::Heading, "Overview");
    app.click(Role::Button, "Start the samples");
    app.says("Harbor CRM and Postino run on this computer.");

    app.click(Role::Link, "Connect a platform");
    connect(&app, "Harbor CRM", "Sign in with Harbor");
    app.photograph("connected");
    app.click(Role::Link, "Connect another");
    connect(&app, "Postino", "Sign in with Postino");
    app.click(Role::Link, "New sync");

    app.click(Role::ChoiceUnder("From"), "Harbor");
    app.click(Role::ChoiceUnder("From"), "Contacts");
    app.click(Role::ChoiceUnder("To"), "Postino");
    app.click(Role::ChoiceUnder("To"), "Subscribers");
    app.photograph("new-sync");
    app.click(Role::Button, "Create and map the fields");

    app.draw_cable("email", "email_address");
    app.draw_cable("first_name", "full_name");
    app.type_value("list_id", "lst_main");
    app.click(Role::Button, "suggest: do_not_email?");
    app.search_source("lifetime");
    app.draw_cable("lifetime_value", "lifetime_value");
    app.photograph("mapping");

    app.click(Role::Button, "Plan a run");
    app.find(Role::ButtonWith, "Apply ");
    app.photograph("plan");
    app.click(Role::ButtonWith, "Apply ");

    let first = finished_run(&app, "");
    assert!(
        first.counts["created"].as_u64() > Some(1_000),
        "the first run made {}",
        first.counts
    );
    app.photograph("first-run");

    let edited = control(
        &app,
        "/control/contacts/edit",
        &json!({ "count": CHANGED, "seed": 7 }),
    );
    assert_eq!(
        edited["ids"].as_array().map(Vec::len),
        Some(CHANGED),
        "Harbor changed {edited}"
    );
    app.click(Role::Button, "Run again");
    let second = finished_run(&app, &first.id);
    assert_eq!(
        second.counts["created"],
        json!(0),
        "nothing is doubled: {}",
        second.counts
    );
    // Every edit changes the lifetime value; a few of the people have no address and are held back.
    let updated = second.counts["updated"].as_u64().unwrap_or_default();
    assert!(
        (90..=100).contains(&updated),
        "what changed was written: {}",
        second.counts
    );
    app.photograph("second-run");

    app.click(Role::Link, "History");
    app.find(Role::Heading, "History");
    app.click(Role::Link, "Records");
    app.says("updated");
    app.photograph("history");
}

fn connect(app: &App, platform: &str, sign_in: &str) {
    app.click(Role::ButtonWith, platform);
    app.click(Role::Button, sign_in);
    app.sign_in();
    app.says("It has been tested and can be used in a sync.");
}

/// A run that came to its end.
struct FinishedRun {
    id: String,
    counts: Value,
}

/// The run on the page, once it has ended and is another one than the one before.
fn finished_run(app: &App, before: &str) -> FinishedRun {
    let mut id = String::new();
    let moved = until(|| {
        let place = app.page.run("return location.hash", &[]);
        let place = place
            .as_str()
            .unwrap_or_default()
            .strip_prefix("#/runs/")
            .unwrap_or_default();
        id = place.split('?').next().unwrap_or_default().to_owned();
        !id.is_empty() && id != before
    });
    if !moved {
        app.fail("no run came onto the page");
    }
    app.says("every record is accounted for");
    let detail = call(app, "get_run", &json!({ "run": id }));
    assert_eq!(detail["summary"]["state"], json!("completed"), "{detail}");
    assert_eq!(detail["balances"], json!(true), "{detail}");
    FinishedRun {
        id,
        counts: detail["summary"]["counts"].clone(),
    }
}

/// A command of the core, as the page calls it.
fn call(app: &App, name: &str, request: &Value) -> Value {
    let script = "const [name, request, done] = arguments;
        window.__TAURI_INTERNALS__.invoke('call', { name, request }).then(done, (why) => done({ failed: why }));";
    app.page
        .run_until_answer(script, &[json!(name), request.clone()])
}

/// What anybody may do to the sample platforms from outside.
fn control(app: &App, path: &str, body: &Value) -> Value {
    let status = call(app, "get_app_status", &json!({}));
    let address = status["sample"]["harbor_url"]
        .as_str()
        .expect("the samples run");
    let address = address
        .trim_start_matches("http://")
        .split('/')
        .next()
        .expect("a host");
    let address: SocketAddr = address.parse().expect("an address of this machine");
    http::send(address, "POST", path, body, PATIENCE)
}
