//! The app opens, looks right, and its window may do nothing but what it needs.

use serde_json::{Value, json};

use crate::driver::{App, Role, Start};

#[test]
#[ignore = "needs a display: cargo xtask test --only desktop"]
fn the_app_opens_with_the_overview_in_light() {
    shows_the_overview(false, "overview-light");
}

#[test]
#[ignore = "needs a display: cargo xtask test --only desktop"]
fn the_app_opens_with_the_overview_in_dark() {
    shows_the_overview(true, "overview-dark");
}

fn shows_the_overview(dark: bool, picture: &str) {
    let app = App::start(Start {
        dark,
        ..Start::default()
    });
    app.find(Role::Heading, "Overview");
    let colours = app
        .page
        .run("return document.documentElement.dataset.theme", &[]);
    assert_eq!(
        colours,
        json!(if dark { "dark" } else { "light" }),
        "the pages follow the system"
    );
    app.photograph(picture);
}

#[test]
#[ignore = "needs a display: cargo xtask test --only desktop"]
fn the_window_may_call_the_one_command_and_nothing_else() {
    let app = App::start(Start::default());
    app.find(Role::Heading, "Overview");
    let call = |command: &str, arguments: Value| {
        let script = "const [command, args, done] = arguments;
            window.__TAURI_INTERNALS__.invoke(command, args).then(() => done('done'), (why) => done(String(why)));";
        app.page
            .run_until_answer(script, &[json!(command), arguments])
            .to_string()
    };
    let status = call("call", json!({ "name": "get_app_status", "request": {} }));
    assert_eq!(status, "\"done\"", "the one command answers");

    let refused = |command: &str, arguments: Value| {
        let answer = call(command, arguments);
        assert!(
            answer.contains("not allowed"),
            "{command} answered: {answer}"
        );
    };
    refused(
        "plugin:opener|open_url",
        json!({ "url": "https://example.com/" }),
    );
    refused("plugin:store|load", json!({ "path": "preferences.json" }));
    refused("plugin:window|close", json!({ "label": "main" }));
    refused(
        "plugin:event|emit",
        json!({ "event": "patchbay://event", "payload": {} }),
    );
    refused("plugin:dialog|open", json!({ "options": {} }));
    refused("plugin:autostart|enable", json!({}));
}

#[test]
#[ignore = "needs a display: cargo xtask test --only desktop"]
fn the_page_can_reach_nothing_outside_and_runs_no_texts() {
    let app = App::start(Start::default());
    app.find(Role::Heading, "Overview");
    // The policy's own event, because without a network every address fails.
    let script = "const [url, done] = arguments;
        addEventListener('securitypolicyviolation', (refused) => done(refused.effectiveDirective), { once: true });
        fetch(url).then(() => done('reached'), () => {});";
    for url in ["https://example.com/", "http://127.0.0.1:9/"] {
        assert_eq!(
            app.page.run_until_answer(script, &[json!(url)]),
            json!("connect-src"),
            "{url}"
        );
    }
    let script = "const [done] = arguments;
        addEventListener('securitypolicyviolation', (refused) => done(refused.effectiveDirective), { once: true });
        const element = document.createElement('script');
        element.textContent = 'document.title = \"changed\"';
        document.head.append(element);";
    let refused = app.page.run_until_answer(script, &[]);
    assert!(
        refused.to_string().contains("script-src"),
        "a script in the page was answered with {refused}"
    );
}

#[test]
#[ignore = "needs a display: cargo xtask test --only desktop"]
fn everything_is_kept_in_the_data_folder() {
    let app = App::start(Start::default());
    app.find(Role::Heading, "Overview");
    for name in ["logs/patchbay.log", "patchbay.db", "history.db"] {
        let file = app.data_dir().join(name);
        assert!(file.is_file(), "there is no {}", file.display());
    }
}

#[test]
#[ignore = "needs a display: cargo xtask test --only desktop"]
fn a_second_start_hands_over_to_the_first_and_opens_nothing_of_its_own() {
    let app = App::start(Start::default());
    app.find(Role::Heading, "Overview");
    let elsewhere = app.data_dir().with_file_name("second");
    let ended = app.start_again(&elsewhere);
    assert!(ended.success(), "the second start ended with {ended}");
    assert!(
        !elsewhere.join("patchbay.db").exists(),
        "the second start opened a workspace"
    );
    app.find(Role::Heading, "Overview");
}
