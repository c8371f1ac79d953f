//! Another process of this program: what a platform does is not counted with who reads it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// A platform in a process of its own, until it is dropped.
pub(crate) struct Other {
    process: Child,
    /// The first line that it printed.
    pub(crate) address: String,
}

impl Other {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            process,
            address: line.trim().to_owned(),
        }
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // It may have ended already.
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// In the other process: when whoever started it goes away.
pub(crate) async fn starter_is_gone() {
    let gone =
        tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    _ = gone.await;
}
