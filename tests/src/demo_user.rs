//! The person at the browser.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use api::{Host, Notification};
use tokio::runtime::Handle;
use url::Url;

/// The demo user of the sample platforms: signs in wherever they are sent, and remembers what they were told.
#[derive(Clone, Debug)]
pub struct DemoUser {
    runtime: Handle,
    seen: Arc<Mutex<Seen>>,
    is_away: Arc<AtomicBool>,
}

/// What a person would have seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Pages that were opened.
    pub pages: Vec<Url>,
    /// Messages outside the window.
    pub notifications: Vec<Notification>,
}

impl DemoUser {
    /// Within a runtime, on which the visits are made.
    pub fn here() -> Self {
        Self {
            runtime: Handle::current(),
            seen: Arc::default(),
            is_away: Arc::default(),
        }
    }

    /// From now on, opened pages stay as they are.
    pub fn goes_away(&self) {
        self.is_away.store(true, Ordering::SeqCst);
    }

    /// What was seen so far.
    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }
}

impl Host for DemoUser {
    fn open_url(&self, url: &Url) -> Result<(), String> {
        self.seen.lock().unwrap().pages.push(url.clone());
        if self.is_away.load(Ordering::SeqCst) {
            return Ok(());
        }
        let url = url.clone();
        self.runtime.spawn(async move {
            // When it does not work, the waiting flow says so.
            _ = sandbox::browser::sign_in(&url).await;
        });
        Ok(())
    }

    fn notify(&self, notification: Notification) {
        self.seen.lock().unwrap().notifications.push(notification);
    }
}
