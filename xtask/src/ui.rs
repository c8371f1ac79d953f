//! Building the UI when its sources are newer than what was built.

use std::path::Path;
use std::time::SystemTime;

use crate::command::{npm, run};
use crate::{Result, paths};

const SOURCES: &[&str] = &[
    "src",
    "public",
    "index.html",
    "package-lock.json",
    "vite.config.ts",
    "lingui.config.ts",
    "tsconfig.json",
    "tsconfig.app.json",
];

/// `npm run build`, if it would give anything new.
pub(crate) fn build() -> Result {
    let ui = paths::ui();
    let built = newest(&ui.join("dist/index.html"));
    let changed = SOURCES
        .iter()
        .filter_map(|source| newest(&ui.join(source)))
        .max();
    if built.is_some() && built >= changed {
        return Ok(());
    }
    run(&mut npm(&ui, ["run", "build"]))
}

/// When a file, or any file under a folder, was last changed.
fn newest(path: &Path) -> Option<SystemTime> {
    if let Ok(entries) = path.read_dir() {
        return entries
            .flatten()
            .filter_map(|entry| newest(&entry.path()))
            .max();
    }
    path.metadata()
        .and_then(|metadata| metadata.modified())
        .ok()
}
