//! The app opens, looks right, and its window may do nothing but what it needs.

use serde_json::{Value, json};

use crate::driver::{App, Role, Start};

#[tokio::test]
async fn the_app_opens_with_the_overview_in_light() {
    shows_the_overview("light").await;
}

#[tokio::test]
async fn the_app_opens_with_the_overview_in_dark() {
    shows_the_overview("dark").await;
}

async fn shows_the_overview(theme: &str) {
    let app = App::start(Start {
        preferences: Some(json!({ "theme": theme })),
        ..Start::default()
    })
    .await;
    app.find(Role::Heading, "Overview").await;
    let dark = app
        .page
        .execute(
            "return matchMedia('(prefers-color-scheme: dark)').matches",
            Vec::new(),
        )
        .await
        .unwrap();
    assert_eq!(
        dark,
        Value::Bool(theme == "dark"),
        "the page sees the theme that the window was given"
    );
    app.photograph(&format!("overview-{theme}")).await;
    app.close().await;
}

#[tokio::test]
async fn the_window_may_call_the_one_command_and_nothing_else() {
    let app = App::start(Start::default()).await;
    app.find(Role::Heading, "Overview").await;
    let refused = |command: &'static str, arguments: Value| {
        let app = &app;
        async move {
            let script = "const [command, args, done] = arguments;
                window.__TAURI_INTERNALS__.invoke(command, args).then(() => done('allowed'), (why) => done(String(why)));";
            let answer = app
                .page
                .execute_async(script, vec![json!(command), arguments])
                .await
                .unwrap();
            let answer = answer.as_str().unwrap_or_default().to_owned();
            assert!(
                answer.contains("not allowed"),
                "{command} answered: {answer}"
            );
        }
    };
    refused(
        "plugin:opener|open_url",
        json!({ "url": "https://example.com/" }),
    )
    .await;
    refused("plugin:store|load", json!({ "path": "preferences.json" })).await;
    refused("plugin:window|close", json!({ "label": "main" })).await;
    refused(
        "plugin:event|emit",
        json!({ "event": "patchbay://event", "payload": {} }),
    )
    .await;
    refused("plugin:dialog|open", json!({ "options": {} })).await;
    refused("plugin:autostart|enable", json!({})).await;
    app.close().await;
}

#[tokio::test]
async fn the_page_can_reach_nothing_outside() {
    let app = App::start(Start::default()).await;
    app.find(Role::Heading, "Overview").await;
    let script = "const [url, done] = arguments; fetch(url).then(() => done('reached'), () => done('refused'));";
    for url in ["https://example.com/", "http://127.0.0.1:9/"] {
        let answer = app
            .page
            .execute_async(script, vec![json!(url)])
            .await
            .unwrap();
        assert_eq!(answer, json!("refused"), "{url}");
    }
    let evaluated = app.page.execute(
        "try { new Function('return 1')(); return 'ran' } catch { return 'refused' }",
        Vec::new(),
    );
    assert_eq!(
        evaluated.await.unwrap(),
        json!("refused"),
        "texts are not run as programs"
    );
    app.close().await;
}

#[tokio::test]
async fn everything_is_kept_in_the_data_folder() {
    let app = App::start(Start::default()).await;
    app.find(Role::Heading, "Overview").await;
    let log = app.data_dir().join("logs/patchbay.log");
    assert!(log.is_file(), "the log is in {}", log.display());
    app.close().await;
}
