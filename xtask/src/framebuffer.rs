//! Knowing from outside when a window has painted.
//!
//! Xvfb keeps its screen in a file (`-fbdir`). Reading that file costs a millisecond and does not slow the app down,
//! unlike a screenshot or a driver. An empty window is a few flat colours; a painted page has many, because of the
//! edges of its letters.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::{Failure, Result};

/// Fewer different colours than this is a window without content.
const PAINTED: usize = 24;
/// The header of the X window dump and its colour table are shorter than this.
const HEADER: usize = 4096;

/// A virtual display that is ended with this value.
pub(crate) struct Screen {
    server: Child,
    /// Its name, as in `DISPLAY`.
    pub(crate) display: String,
    file: PathBuf,
}

impl Screen {
    /// Starts a display that keeps its screen in the folder.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let mut server = Command::new("Xvfb")
            .args([
                "-displayfd",
                "1",
                "-screen",
                "0",
                "1440x960x24",
                "-nolisten",
                "tcp",
                "-fbdir",
            ])
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| Failure::new(format!("Xvfb could not be started: {error}")))?;
        let mut number = String::new();
        if let Some(stdout) = server.stdout.take() {
            BufReader::new(stdout).read_line(&mut number)?;
        }
        let screen = Self {
            server,
            display: format!(":{}", number.trim()),
            file: folder.join("Xvfb_screen0"),
        };
        if number.trim().is_empty() {
            return Err(Failure::new("Xvfb ended before it named its display"));
        }
        Ok(screen)
    }

    /// Whether something with letters in it is on the screen.
    pub(crate) fn is_painted(&self) -> Result<bool> {
        Ok(has_content(
            std::fs::read(&self.file)?.get(HEADER..).unwrap_or_default(),
        ))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn has_content(pixels: &[u8]) -> bool {
    let mut seen: Vec<&[u8]> = Vec::with_capacity(PAINTED);
    for pixel in pixels.chunks_exact(4) {
        if seen.last() != Some(&pixel) && !seen.contains(&pixel) {
            seen.push(pixel);
            if seen.len() >= PAINTED {
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_areas_are_not_content_and_many_shades_are() {
        let flat: Vec<u8> = [[0_u8, 0, 0, 0], [255, 255, 255, 0]].concat().repeat(1000);
        assert!(!has_content(&flat));
        let shades: Vec<u8> = (0..=255_u8)
            .flat_map(|shade| [shade, shade, shade, 0])
            .collect();
        assert!(has_content(&shades));
        assert!(!has_content(&[]));
    }
}
