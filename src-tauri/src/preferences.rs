//! What the window remembers, in `preferences.json` beside the databases: nothing that a sync depends on.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use tauri::{AppHandle, Theme, Wry};
use tauri_plugin_store::{Store, StoreBuilder};

const LAST_ROUTE: &str = "last_route";
const THEME: &str = "theme";
const TOLD_ABOUT_TRAY: &str = "told_about_tray";

/// The longest route that is kept: it is put into a URL at the next start.
const ROUTE_LIMIT: usize = 512;

/// The preferences of the window; a damaged file is as good as none.
#[derive(Clone)]
pub(crate) struct Preferences(Option<Arc<Store<Wry>>>);

impl Preferences {
    pub(crate) fn open(app: &AppHandle, data_dir: &Path) -> Self {
        let store = StoreBuilder::new(app, data_dir.join("preferences.json")).build();
        Self(
            store
                .inspect_err(
                    |error| tracing::warn!(%error, "The window's preferences could not be read."),
                )
                .ok(),
        )
    }

    /// Where the window was when it was last closed, from the root: `syncs/…`.
    pub(crate) fn last_route(&self) -> Option<String> {
        self.text(LAST_ROUTE)
            .filter(|route| route.len() <= ROUTE_LIMIT && !route.contains(".."))
    }

    pub(crate) fn set_last_route(&self, route: &str) {
        if route.len() <= ROUTE_LIMIT {
            self.set(LAST_ROUTE, route);
        }
    }

    /// The theme that the user chose for the window; None follows the system.
    pub(crate) fn theme(&self) -> Option<Theme> {
        match self.text(THEME).as_deref() {
            Some("light") => Some(Theme::Light),
            Some("dark") => Some(Theme::Dark),
            _ => None,
        }
    }

    pub(crate) fn set_theme(&self, theme: Option<Theme>) {
        self.set(
            THEME,
            match theme {
                Some(Theme::Light) => "light",
                Some(Theme::Dark) => "dark",
                _ => "system",
            },
        );
    }

    /// Whether this is the first time that closing the window leaves Patchbay in the tray; true once.
    pub(crate) fn first_close(&self) -> bool {
        let first = self
            .0
            .as_ref()
            .is_some_and(|store| store.get(TOLD_ABOUT_TRAY).is_none());
        if first {
            self.set(TOLD_ABOUT_TRAY, true);
        }
        first
    }

    fn text(&self, key: &str) -> Option<String> {
        self.0.as_ref()?.get(key)?.as_str().map(str::to_owned)
    }

    fn set(&self, key: &str, value: impl Into<Value>) {
        let Some(store) = &self.0 else { return };
        store.set(key, value.into());
        if let Err(error) = store.save() {
            tracing::warn!(%error, key, "A preference of the window could not be saved.");
        }
    }
}
