//! `cargo xtask bundle`: the installable packages of this system, made by the Tauri CLI.
//!
//! The CLI is an npm package of its own folder (src-tauri/package.json), because only this verb needs it. What is
//! built here works without network; AppImage is left out because its bundler downloads its tools.

use std::path::{Path, PathBuf};

use crate::command::{npm, run};
use crate::packages::Need;
use crate::{Failure, Result, flags, paths, setup, ui};

/// The profile of what is installed: small first. `--quick` takes `release`, which builds in a part of the time.
const PROFILE: &str = "bundle";

pub(crate) fn main(arguments: &[String]) -> Result {
    let quick = flags(arguments, &["--quick"])?.contains(&"--quick");
    let bundles = build(if quick { "release" } else { PROFILE })?;
    println!();
    for (path, size) in &bundles {
        println!("{:>8}  {}", megabytes(*size), path.display());
    }
    Ok(())
}

/// Builds the packages. Their paths and sizes in bytes, and those of the program inside.
pub(crate) fn build(profile: &str) -> Result<Vec<(PathBuf, u64)>> {
    setup::system_packages(&[Need::Core, Need::Desktop])?;
    setup::npm_packages(&paths::ui())?;
    let shell = paths::root().join("src-tauri");
    setup::npm_packages(&shell)?;
    ui::build()?;
    // The UI is built already; the CLI would build it again. In a file, because on Windows npm is a script, which
    // quotes do not survive.
    let config = paths::target()?.join("bundle.conf.json");
    std::fs::write(&config, r#"{"build":{"beforeBuildCommand":""}}"#)?;
    let mut command = npm(
        &shell,
        [
            "run", "--silent", "tauri", "--", "build", "--ci", "--config",
        ],
    );
    command
        .arg(&config)
        .args(["--", "--profile", profile])
        .env("CARGO_TARGET_DIR", paths::target()?);
    run(&mut command)?;
    let found = built(profile)?;
    if found.len() < 2 {
        return Err(Failure::new(
            "the build ended well and left no package behind",
        ));
    }
    Ok(found)
}

/// What a build of this profile left behind: the program, then the packages.
pub(crate) fn built(profile: &str) -> Result<Vec<(PathBuf, u64)>> {
    let program = paths::binary(profile, "patchbay-desktop")?;
    let mut found = Vec::new();
    if let Ok(metadata) = program.metadata() {
        found.push((program, metadata.len()));
    }
    let mut packages = Vec::new();
    collect(
        &paths::target()?.join(profile).join("bundle"),
        &mut packages,
    )?;
    packages.sort();
    found.extend(packages);
    Ok(found)
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, u64)>) -> Result {
    let Ok(entries) = folder.read_dir() else {
        return Ok(());
    };
    for entry in entries {
        let path = entry?.path();
        let kind = path
            .extension()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if ["deb", "rpm", "dmg", "msi", "exe"].contains(&kind.as_str()) && path.is_file() {
            let size = path.metadata()?.len();
            found.push((path, size));
        } else if path.is_dir() && kind != "app" {
            collect(&path, found)?;
        }
    }
    Ok(())
}

/// Bytes as megabytes with one digit.
pub(crate) fn megabytes(bytes: u64) -> String {
    let tenths = bytes.saturating_add(50_000) / 100_000;
    format!("{}.{} MB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_to_a_tenth_of_a_megabyte() {
        let check = |bytes: u64, expected: &str| assert_eq!(megabytes(bytes), expected);
        check(0, "0.0 MB");
        check(49_999, "0.0 MB");
        check(14_260_000, "14.3 MB");
    }
}
