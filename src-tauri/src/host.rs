//! What the core wants of the desktop.

use tauri::AppHandle;
use tauri_plugin_notification::NotificationExt;
use tauri_plugin_opener::OpenerExt;

use crate::placeholder as api;
use crate::window;

/// The desktop, as the core knows it.
pub(crate) struct Desktop(pub(crate) AppHandle);

impl api::Host for Desktop {
    fn open_url(&self, url: &str) -> Result<(), String> {
        self.0
            .opener()
            .open_url(url, None::<&str>)
            .map_err(|error| error.to_string())
    }

    fn notify(&self, title: &str, body: &str) {
        if window::is_in_use(&self.0) {
            return;
        }
        if let Err(error) = self
            .0
            .notification()
            .builder()
            .title(title)
            .body(body)
            .show()
        {
            tracing::debug!(%error, "The system shows no notifications.");
        }
    }
}
