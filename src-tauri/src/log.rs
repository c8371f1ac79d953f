//! The log file, `logs/patchbay.log` in the data folder. What it may hold is decided where it is written: no
//! secrets and no record contents.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;

use tracing_subscriber::EnvFilter;

/// The file starts again beyond this; the one before is kept as `patchbay.log.1`.
const LIMIT: u64 = 8 << 20;
const USUAL: &str = "info,hyper=warn,zbus=warn,tao=warn,wry=warn";

/// Sends what is traced to the log file; `RUST_LOG` says how much.
pub(crate) fn start(data_dir: &Path) -> io::Result<()> {
    let file = open(&data_dir.join("logs"))?;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(USUAL));
    // A second start in one process (a test) keeps the first one's log.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(Arc::new(file))
        .try_init();
    Ok(())
}

fn open(folder: &Path) -> io::Result<File> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join("patchbay.log");
    if path.metadata().is_ok_and(|metadata| metadata.len() > LIMIT) {
        std::fs::rename(&path, folder.join("patchbay.log.1"))?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}
