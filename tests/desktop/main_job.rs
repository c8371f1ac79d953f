//! The whole main job in the real window: connect both sample platforms, draw the mapping, plan, run, change data,
//! run again, and read what happened.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::driver::{App, PATIENCE, Role, Start};
use crate::http;

/// So many records of Harbor are changed between the two runs.
const CHANGED: u64 = 100;

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
    app.draw_cable("first_name", "first_name");
    app.draw_cable("last_name", "last_name");
    app.photograph("mapping");

    app.click(Role::Button, "Plan a run");
    app.find(Role::Heading, "Plan");
    app.find(Role::ButtonWith, "Apply ");
    app.photograph("plan");
    app.click(Role::ButtonWith, "Apply ");

    app.find(Role::Heading, "Run");
    app.find(Role::Button, "Run again");
    app.says("Completed");
    app.photograph("first-run");

    let platforms = sample_platforms(&app);
    let edited = control(
        platforms,
        "/control/contacts/edit",
        &json!({ "count": CHANGED, "seed": 7 }),
    );
    assert_eq!(
        edited["ids"].as_array().map(Vec::len),
        Some(CHANGED as usize),
        "Harbor changed {edited}"
    );
    app.click(Role::Button, "Run again");
    app.find(Role::Button, "Run again");
    app.says("Completed");
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

/// Where the platforms listen that the app started.
fn sample_platforms(app: &App) -> SocketAddr {
    let status = call(app, "get_app_status", &json!({}));
    let address = status["sample"]["harbor_url"]
        .as_str()
        .expect("the samples run");
    let address = address
        .trim_start_matches("http://")
        .split('/')
        .next()
        .expect("a host");
    address.parse().expect("an address of this machine")
}

/// A command of the core, as the page calls it.
fn call(app: &App, name: &str, request: &Value) -> Value {
    let script = "const [name, request, done] = arguments;
        window.__TAURI_INTERNALS__.invoke('call', { name, request }).then(done, (why) => done({ failed: why }));";
    app.page
        .run_until_answer(script, &[json!(name), request.clone()])
}

fn control(platforms: SocketAddr, path: &str, body: &Value) -> Value {
    http::send(platforms, "POST", path, body, PATIENCE)
}
