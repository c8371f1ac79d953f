//! What the core wants of a shell, for each way of being one.

use api::{Host, Notification};
use tokio::runtime::Handle;
use url::Url;

/// A terminal, with a browser beside it.
#[derive(Debug)]
pub(crate) struct Terminal;

impl Host for Terminal {
    fn open_url(&self, url: &Url) -> Result<(), String> {
        open::that_detached(url.as_str()).map_err(|error| error.to_string())
    }

    fn notify(&self, notification: Notification) {
        tracing::info!(title = %notification.title, "{}", notification.body);
    }
}

/// The page in the browser opens other pages itself, and shows what happened.
#[derive(Debug)]
pub(crate) struct Page;

impl Host for Page {
    fn open_url(&self, _: &Url) -> Result<(), String> {
        Ok(())
    }

    fn notify(&self, notification: Notification) {
        tracing::info!(title = %notification.title, "{}", notification.body);
    }
}

/// The demo user of the sample platforms at their browser.
#[derive(Debug)]
pub(crate) struct DemoUser(Handle);

impl DemoUser {
    /// Within a runtime, on which the visits are made.
    pub(crate) fn here() -> Self {
        Self(Handle::current())
    }
}

impl Host for DemoUser {
    fn open_url(&self, url: &Url) -> Result<(), String> {
        let url = url.clone();
        self.0.spawn(async move {
            if let Err(error) = sandbox::browser::sign_in(&url).await {
                tracing::warn!(%error, "The scripted visitor did not come through.");
            }
        });
        Ok(())
    }

    fn notify(&self, notification: Notification) {
        tracing::info!(title = %notification.title, "{}", notification.body);
    }
}
