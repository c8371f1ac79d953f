//! What the core wants of the desktop.

use tauri::AppHandle;
use tauri_plugin_notification::NotificationExt;
use tauri_plugin_opener::OpenerExt;
use url::Url;

use crate::window;

/// The desktop, as the core knows it.
pub(crate) struct Desktop(pub(crate) AppHandle);

impl api::Host for Desktop {
    fn open_url(&self, url: &Url) -> Result<(), String> {
        self.0
            .opener()
            .open_url(url.as_str(), None::<&str>)
            .map_err(|error| error.to_string())
    }

    fn notify(&self, notification: api::Notification) {
        // Whoever looks at the window sees it there.
        if window::is_in_use(&self.0) {
            return;
        }
        let api::Notification { title, body } = notification;
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
