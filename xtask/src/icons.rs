//! `cargo xtask icons`: the files in icons/ from their SVG sources.

use std::path::Path;

use crate::command::{npm, run};
use crate::{Result, flags, paths, setup};

/// What the bundles and the window refer to; the CLI draws more than we need.
const KEPT: &[&str] = &[
    "32x32.png",
    "64x64.png",
    "128x128.png",
    "128x128@2x.png",
    "icon.png",
    "icon.ico",
    "icon.icns",
];
/// The icons of the tray: `icons/tray-NAME.svg`.
const TRAY: &[&str] = &["idle", "running", "attention", "paused"];
const TRAY_SIZE: &str = "64";

pub(crate) fn main(arguments: &[String]) -> Result {
    flags(arguments, &[])?;
    setup::npm_packages(&paths::root().join("src-tauri"))?;
    let icons = paths::root().join("icons");
    let drawn = paths::target()?.join("icons");
    let _ = std::fs::remove_dir_all(&drawn);
    draw(&icons.join("patchbay.svg"), &drawn, &[])?;
    for name in KEPT {
        std::fs::copy(drawn.join(name), icons.join(name))?;
    }
    for name in TRAY {
        let folder = drawn.join(name);
        draw(
            &icons.join(format!("tray-{name}.svg")),
            &folder,
            &["--png", TRAY_SIZE],
        )?;
        let drawn = folder.join(format!("{TRAY_SIZE}x{TRAY_SIZE}.png"));
        std::fs::copy(drawn, icons.join(format!("tray-{name}.png")))?;
    }
    Ok(())
}

fn draw(source: &Path, folder: &Path, more: &[&str]) -> Result {
    std::fs::create_dir_all(folder)?;
    let shell = paths::root().join("src-tauri");
    let mut command = npm(&shell, ["run", "--silent", "tauri", "--", "icon"]);
    run(command.arg(source).arg("--output").arg(folder).args(more))
}
