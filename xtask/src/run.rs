//! `cargo xtask run`: Patchbay with the sample workspace, from a fresh clone.

use std::ffi::OsString;
use std::process::Command;

use crate::command::{cargo, run};
use crate::packages::Need;
use crate::{Result, flags, paths, setup, ui};

/// Fewer packages would switch off features of shared crates, and `cargo xtask test` would compile all of it again.
const WHOLE_WORKSPACE: [&str; 3] = ["build", "--workspace", "--bins"];

pub(crate) fn main(arguments: &[String]) -> Result {
    let (own, passed_on) = match arguments.iter().position(|argument| argument == "--") {
        Some(at) => (
            arguments.get(..at).unwrap_or_default(),
            arguments.get(at + 1..).unwrap_or_default(),
        ),
        None => (arguments, &[][..]),
    };
    let browser = flags(own, &["--browser"])?.contains(&"--browser");
    if browser || !has_display() {
        serve(passed_on, browser)
    } else {
        desktop(passed_on)
    }
}

fn desktop(passed_on: &[String]) -> Result {
    setup::system_packages(&[Need::Core, Need::Desktop])?;
    setup::npm_packages(&paths::ui())?;
    ui::build()?;
    run(&mut cargo(WHOLE_WORKSPACE))?;
    run(Command::new(paths::binary("debug", "patchbay-desktop")?)
        .arg("--sample")
        .args(workspace(passed_on)?)
        .args(passed_on)
        .current_dir(paths::root()))
}

fn serve(passed_on: &[String], asked: bool) -> Result {
    if !asked {
        println!(
            "There is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set): serving the app to a browser."
        );
    }
    setup::system_packages(&[Need::Core])?;
    setup::npm_packages(&paths::ui())?;
    ui::build()?;
    if setup::is_there(Need::Desktop) {
        run(&mut cargo(WHOLE_WORKSPACE))?;
    } else {
        run(&mut cargo(["build", "-p", "cli"]))?;
    }
    run(Command::new(paths::binary("debug", "patchbay")?)
        .args(["serve", "--sample", "--ui"])
        .arg(paths::ui().join("dist"))
        .args(workspace(passed_on)?)
        .args(passed_on)
        .current_dir(paths::root()))
}

/// A workspace of its own beside the build, so that trying things out never touches the one in use.
fn workspace(passed_on: &[String]) -> Result<Vec<OsString>> {
    if passed_on.iter().any(|word| word.starts_with("--data-dir"))
        || std::env::var_os("PATCHBAY_DATA_DIR").is_some()
    {
        return Ok(Vec::new());
    }
    Ok(vec![
        "--data-dir".into(),
        paths::target()?.join("sample-workspace").into(),
    ])
}

fn has_display() -> bool {
    if std::env::consts::OS != "linux" {
        return true;
    }
    ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}
