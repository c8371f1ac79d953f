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
mod preferences;
mod tray;
mod window;

use std::process::ExitCode;

use api::{ApiError, Code};
use clap::Parser;
use tauri::{AppHandle, Manager, RunEvent};
use tauri_plugin_window_state::StateFlags;

use crate::arguments::Arguments;
use crate::preferences::Preferences;
use crate::tray::Tray;
use crate::window::WebviewData;

/// How many people the practice platform knows.
const SAMPLE_CONTACTS: usize = 5_000;

/// Records are made and dropped by the million, on one thread and on another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
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
        .setup(|app| {
            set_up(app.handle(), arguments)
                .unwrap_or_else(|error| door::tell(app.handle(), &error));
            Ok(())
        });
    match builder.build(context()) {
        Ok(app) => ExitCode::from(app.run_return(on_run_event).try_into().unwrap_or(1)),
        Err(error) => {
            tracing::error!(%error, "The window system could not be used.");
            say(&format!("Patchbay could not start: {error}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the macro's own code; it is never reached on a desktop"
)]
fn context() -> tauri::Context {
    tauri::generate_context!()
}

fn set_up(handle: &AppHandle, arguments: Arguments) -> Result<(), ApiError> {
    let data_dir = match arguments.data_dir {
        Some(folder) => folder,
        None => api::usual_place()?,
    };
    std::fs::create_dir_all(&data_dir)
        .and_then(|()| log::start(&data_dir))
        .map_err(|error| ApiError {
            code: Code::InvalidRequest,
            message: format!(
                "The data folder {} cannot be used: {error}.",
                data_dir.display()
            ),
            hint: Some(
                "Make it writable for this user, or name another one with --data-dir.".into(),
            ),
            details: None,
        })?;
    handle.manage(WebviewData(data_dir.join("webview")));
    handle.manage(Preferences::open(handle, &data_dir));
    match Tray::build(handle) {
        Ok(tray) => drop(handle.manage(tray)),
        Err(error) => {
            tracing::warn!(%error, "There is no tray here; starting Patchbay again shows its window.");
        }
    }
    let config = api::Config {
        data_dir: Some(data_dir),
        secrets: api::SecretsPlace::Auto,
        schedules: true,
        sample_contacts: SAMPLE_CONTACTS,
    };
    door::open(handle, config, arguments.sample);
    if !arguments.hidden {
        window::show(handle);
    }
    Ok(())
}

fn on_run_event(_handle: &AppHandle, event: RunEvent) {
    match event {
        // The last window is gone, nobody asked to quit: the tray stays.
        RunEvent::ExitRequested {
            code: None, api, ..
        } => api.prevent_exit(),
        #[cfg(target_os = "macos")]
        RunEvent::Reopen { .. } => window::show(_handle),
        _ => {}
    }
}

#[expect(clippy::print_stderr, reason = "there is no window to say it in")]
fn say(words: &str) {
    eprintln!("{words}");
}
