//! The one window: made when it is first wanted, hidden into the tray when it is closed.

use std::path::PathBuf;

use tauri::webview::{Color, NewWindowResponse};
use tauri::{
    AppHandle, Manager, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder, Window, WindowEvent,
};
use tauri_plugin_notification::NotificationExt;
use tauri_plugin_opener::OpenerExt;

use crate::preferences::Preferences;

const LABEL: &str = "main";
const SIZE: (f64, f64) = (1280.0, 832.0);
const SMALLEST: (f64, f64) = (900.0, 600.0);
/// The paper of the pages, for the moment before they paint.
const LIGHT: Color = Color(0xf6, 0xf6, 0xf3, 0xff);
const DARK: Color = Color(0x11, 0x13, 0x17, 0xff);

/// Where the webview keeps what it keeps, as state of the app.
pub(crate) struct WebviewData(pub(crate) PathBuf);

/// Brings the window to the front; makes it if there is none.
pub(crate) fn show(app: &AppHandle) {
    let shown = match app.get_webview_window(LABEL) {
        Some(window) => window
            .show()
            .and_then(|()| window.unminimize())
            .and_then(|()| window.set_focus()),
        None => build(app).map(|_| ()),
    };
    if let Err(error) = shown {
        tracing::error!(%error, "The window could not be shown.");
    }
}

/// Whether the user is looking at it.
pub(crate) fn is_in_use(app: &AppHandle) -> bool {
    app.get_webview_window(LABEL).is_some_and(|window| {
        window.is_visible().unwrap_or(false) && window.is_focused().unwrap_or(false)
    })
}

fn build(app: &AppHandle) -> tauri::Result<WebviewWindow> {
    let preferences = app.state::<Preferences>();
    let route = preferences.last_route().unwrap_or_default();
    let opener = app.clone();
    WebviewWindowBuilder::new(app, LABEL, WebviewUrl::App(route.into()))
        .title("Patchbay")
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(SMALLEST.0, SMALLEST.1)
        .center()
        .background_color(if preferences.is_dark() { DARK } else { LIGHT })
        .data_directory(app.state::<WebviewData>().0.clone())
        // The pages drag cables and take dropped files themselves.
        .disable_drag_drop_handler()
        // Nothing foreign is ever shown here: what is not ours belongs in the user's browser.
        .on_navigation(is_ours)
        .on_new_window(move |url, _| {
            if ["https", "http"].contains(&url.scheme())
                && let Err(error) = opener.opener().open_url(url, None::<&str>)
            {
                tracing::warn!(%error, "A link could not be opened in the browser.");
            }
            NewWindowResponse::Deny
        })
        .build()
}

/// Whether an address is one of the app's own pages (or, while developing, the dev server's).
fn is_ours(url: &Url) -> bool {
    match url.scheme() {
        "tauri" => url.host_str() == Some("localhost"),
        // On Windows the own pages have this address.
        "http" | "https" => {
            url.host_str() == Some("tauri.localhost")
                || (cfg!(not(feature = "custom-protocol")) && url.host_str() == Some("localhost"))
        }
        scheme => scheme == "about",
    }
}

/// Closing leaves the tray running: the engine's work is not the window's.
pub(crate) fn on_event(window: &Window, event: &WindowEvent) {
    let WindowEvent::CloseRequested { api, .. } = event else {
        return;
    };
    api.prevent_close();
    let app = window.app_handle();
    remember(app);
    if let Err(error) = window.hide() {
        tracing::warn!(%error, "The window could not be hidden.");
    }
    if app.state::<Preferences>().first_close() {
        let told = app
            .notification()
            .builder()
            .title("Patchbay keeps running")
            .body("Your syncs go on. Open or quit it from its icon in the tray.")
            .show();
        if let Err(error) = told {
            tracing::debug!(%error, "The system shows no notifications.");
        }
    }
}

/// Notes where the window is and whether it is dark, for the next start.
pub(crate) fn remember(app: &AppHandle) {
    let Some(window) = app.get_webview_window(LABEL) else {
        return;
    };
    if let Some(route) = window.url().ok().as_ref().and_then(route) {
        app.state::<Preferences>().set_last_route(&route);
    }
    let handle = app.clone();
    let noted =
        window.eval_with_callback("document.documentElement.dataset.theme", move |answer| {
            handle
                .state::<Preferences>()
                .set_is_dark(answer.contains("dark"));
        });
    if let Err(error) = noted {
        tracing::debug!(%error, "The window did not say its colours.");
    }
}

/// The part of an own address that the UI's router reads.
fn route(url: &Url) -> Option<String> {
    let fragment = url
        .fragment()
        .filter(|fragment| is_ours(url) && fragment.starts_with('/'))?;
    Some(format!("#{fragment}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn only_the_apps_own_pages_are_shown_in_the_window() {
        let check =
            |text: &str, expected: bool| assert_eq!(is_ours(&url(text)), expected, "{text}");
        check("tauri://localhost/", true);
        check("tauri://localhost/syncs/1", true);
        check("https://tauri.localhost/", true);
        check("about:blank", true);
        check("https://harbor.example/login", false);
        check("https://tauri.localhost.example/", false);
        check("file:///etc/passwd", false);
        check("javascript:alert(1)", false);
    }

    #[test]
    fn the_route_is_what_the_router_reads() {
        let check =
            |text: &str, expected: Option<&str>| assert_eq!(route(&url(text)).as_deref(), expected);
        check("tauri://localhost/", None);
        check("tauri://localhost/#/", Some("#/"));
        check(
            "tauri://localhost/#/syncs/1?record=12",
            Some("#/syncs/1?record=12"),
        );
        check("https://harbor.example/#/syncs", None);
    }
}
