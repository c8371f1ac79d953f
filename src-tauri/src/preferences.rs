//! What the window remembers, in `preferences.json` beside the databases: nothing that a sync depends on.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use tauri::{AppHandle, Wry};
use tauri_plugin_store::{Store, StoreBuilder};

const LAST_ROUTE: &str = "last_route";
const IS_DARK: &str = "is_dark";
const TOLD_ABOUT_TRAY: &str = "told_about_tray";
/// The longest route that is kept: it is put into an address at the next start.
const ROUTE_LIMIT: usize = 512;

/// The preferences of the window; a file that cannot be read is as good as none.
pub(crate) struct Preferences(Option<Arc<Store<Wry>>>);

impl Preferences {
    pub(crate) fn open(handle: &AppHandle, data_dir: &Path) -> Self {
        let store = StoreBuilder::new(handle, data_dir.join("preferences.json")).build();
        Self(
            store
                .inspect_err(
                    |error| tracing::warn!(%error, "The window's preferences could not be read."),
                )
                .ok(),
        )
    }

    /// Where the window was when it was last closed, in the words of the UI's router.
    pub(crate) fn last_route(&self) -> Option<String> {
        let route = self.get(LAST_ROUTE)?.as_str()?.to_owned();
        (route.starts_with("#/") && route.len() <= ROUTE_LIMIT).then_some(route)
    }

    pub(crate) fn set_last_route(&self, route: &str) {
        self.set(LAST_ROUTE, route);
    }

    /// Whether the pages were dark the last time: the window starts in that colour, so that nothing flashes.
    pub(crate) fn is_dark(&self) -> bool {
        self.get(IS_DARK) == Some(Value::Bool(true))
    }

    pub(crate) fn set_is_dark(&self, is_dark: bool) {
        self.set(IS_DARK, is_dark);
    }

    /// Whether this is the first time that closing the window leaves Patchbay in the tray; true once.
    pub(crate) fn first_close(&self) -> bool {
        let first = self.0.is_some() && self.get(TOLD_ABOUT_TRAY).is_none();
        if first {
            self.set(TOLD_ABOUT_TRAY, true);
        }
        first
    }

    fn get(&self, key: &str) -> Option<Value> {
        self.0.as_ref()?.get(key)
    }

    fn set(&self, key: &str, value: impl Into<Value>) {
        let Some(store) = &self.0 else { return };
        store.set(key, value);
        if let Err(error) = store.save() {
            tracing::warn!(%error, key, "A preference of the window could not be saved.");
        }
    }
}
