//! Where things are.

use std::path::{Path, PathBuf};

use crate::{Failure, Result};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    // As cargo says now: with a build folder that several checkouts share, this program may have been built in another.
    let here = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    here.parent().unwrap_or(&here).to_path_buf()
}

/// The UI's folder.
pub(crate) fn ui() -> PathBuf {
    root().join("ui")
}

/// Where tests leave screenshots and traces; not in git.
pub(crate) fn artifacts() -> Result<PathBuf> {
    let folder = root().join("artifacts");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Cargo's target folder: this program runs from inside it.
pub(crate) fn target() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    here.ancestors()
        .nth(2)
        .map(Path::to_path_buf)
        .ok_or_else(|| {
            Failure::new("this program is not in a target folder: start it with `cargo xtask`")
        })
}

/// A built program, by cargo's name of the profile's folder (`debug`, `release`).
pub(crate) fn binary(profile: &str, name: &str) -> Result<PathBuf> {
    Ok(target()?
        .join(profile)
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
}

/// Whether a program of one of these names can be started.
pub(crate) fn on_path(names: &[&str]) -> bool {
    find_on_path(names).is_some()
}

/// The first of the named programs that the PATH holds.
pub(crate) fn find_on_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    names.iter().find_map(|name| {
        std::env::split_paths(&path)
            .map(|folder| folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
            .find(|file| file.is_file())
    })
}
