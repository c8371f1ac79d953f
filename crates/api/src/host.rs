//! What a shell must be able to do for us: operations, not handles.

use url::Url;

/// The shell around the application.
pub trait Host: Send + Sync + 'static {
    /// Opens an address in the person's browser, or says why it cannot.
    fn open_url(&self, url: &Url) -> Result<(), String>;

    /// Shows a message outside the window.
    fn notify(&self, notification: Notification);
}

/// A message outside the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// What happened.
    pub title: String,
    /// In one sentence, and what to do.
    pub body: String,
}
