//! The desktop shell: a window, a tray icon, and the way from them to `api`.
//!
//! It only wires. What Patchbay does is in the core, which this crate reaches through `api` alone, like the command
//! line does; no other crate knows Tauri. Reading order: [`main`], `door` (calls in, events out), `host` (what the
//! core wants of the desktop), `window`, `tray`.

// Without it Windows opens a console beside the window.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::panic,
        reason = "tests may fail loudly"
    )
)]

mod arguments;
mod door;
mod host;
mod log;
mod placeholder;
mod preferences;
mod tray;
mod window;

use std::process::ExitCode;

use tauri::{AppHandle, Manager, RunEvent};
use tauri_plugin_window_state::StateFlags;

use crate::arguments::Arguments;
use crate::placeholder as api;
use crate::preferences::Preferences;
use crate::tray::Tray;
use crate::window::WebviewData;

fn main() -> ExitCode {
    let variable = std::env::var_os("PATCHBAY_DATA_DIR");
    let arguments = match arguments::parse(std::env::args_os().skip(1), variable) {
        Ok(arguments) => arguments,
        Err(reason) => return refuse(&format!("{reason}\n\n{}", arguments::USAGE)),
    };
    // Before anything can want TLS. It fails only if there is one already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();

    // Registered first: a second start hands over to the first one before it touches anything.
    let builder = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(
            |app, _words, _folder| window::show(app),
        ))
        .plugin(
            // Whether it is visible is not remembered: that is what `--hidden` and the tray are for.
            tauri_plugin_window_state::Builder::new()
                .with_state_flags(StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED)
                .build(),
        )
        .plugin(tauri_plugin_store::Builder::new().build())
        .plugin(tauri_plugin_notification::init())
        .plugin(
            tauri_plugin_opener::Builder::new()
                .open_js_links_on_click(false)
                .build(),
        )
        .plugin(tauri_plugin_dialog::init())
        .plugin(
            tauri_plugin_autostart::Builder::new()
                .arg("--hidden")
                .build(),
        )
        .invoke_handler(tauri::generate_handler![door::call])
        .on_window_event(window::on_event)
        .setup(|app| Ok(set_up(app.handle(), arguments)?));
    match builder.build(tauri::generate_context!()) {
        Ok(app) => ExitCode::from(app.run_return(on_run_event).try_into().unwrap_or(1)),
        Err(error) => refuse(&format!("Patchbay could not start: {error}")),
    }
}

fn set_up(app: &AppHandle, arguments: Arguments) -> tauri::Result<()> {
    let data_dir = match arguments.data_dir {
        Some(folder) => folder,
        None => app.path().data_dir()?.join("patchbay"),
    };
    std::fs::create_dir_all(&data_dir)?;
    log::start(&data_dir)?;
    app.manage(WebviewData(data_dir.join("webview")));
    app.manage(Preferences::open(app, &data_dir));
    app.manage(Tray::build(app)?);
    door::open(
        app,
        api::Config {
            data_dir: Some(data_dir),
        },
        arguments.sample,
    );
    if !arguments.hidden {
        window::show(app);
    }
    Ok(())
}

fn on_run_event(app: &AppHandle, event: RunEvent) {
    match event {
        // The last window is gone, nobody asked to quit: the tray stays.
        RunEvent::ExitRequested {
            code: None, api, ..
        } => api.prevent_exit(),
        #[cfg(target_os = "macos")]
        RunEvent::Reopen { .. } => window::show(app),
        _ => {
            let _ = app;
        }
    }
}

#[expect(clippy::print_stderr, reason = "there is no window yet to say it in")]
fn refuse(reason: &str) -> ExitCode {
    eprintln!("{reason}");
    ExitCode::from(2)
}
