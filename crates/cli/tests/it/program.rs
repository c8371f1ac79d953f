//! Starting the program.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest that any command of a test may take.
const LIMIT: Duration = Duration::from_secs(120);

/// The program in a workspace whose secrets are in a vault with a key file, untouched by the tester's environment.
pub(crate) fn patchbay(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_patchbay"));
    for name in [
        "PATCHBAY_DATA_DIR",
        "PATCHBAY_VAULT_PASSPHRASE",
        "PATCHBAY_UI",
        "PATCHBAY_LOG",
    ] {
        command.env_remove(name);
    }
    command
        .arg("--data-dir")
        .arg(data_dir)
        .arg("--vault")
        .stdin(Stdio::null());
    command
}

/// What it printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The answer of a command with `--json`.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn well(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Runs it to its end, off the runtime: the sandbox of the test must go on answering.
pub(crate) async fn end_of(mut command: Command) -> Ended {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = tokio::task::spawn_blocking(move || command.output().unwrap());
    tokio::time::timeout(LIMIT, ended)
        .await
        .expect("it takes too long")
        .unwrap()
        .into()
}

/// A process that is killed when the test is over, however it ends.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        Self(
            command
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap(),
        )
    }

    /// As Ctrl-C would.
    #[cfg(unix)]
    pub(crate) fn interrupt(&self) {
        let sent = Command::new("kill")
            .args(["-INT", &self.0.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits for its end and gives what it printed.
    pub(crate) async fn ended(mut self) -> Ended {
        let began = Instant::now();
        while self.0.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < LIMIT, "it takes too long");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut text = [String::new(), String::new()];
        if let Some(out) = &mut self.0.stdout {
            std::io::Read::read_to_string(out, &mut text[0]).unwrap();
        }
        if let Some(err) = &mut self.0.stderr {
            std::io::Read::read_to_string(err, &mut text[1]).unwrap();
        }
        let code = self.0.wait().unwrap().code();
        let [stdout, stderr] = text;
        Ended {
            code,
            stdout,
            stderr,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        _ = self.0.kill();
        _ = self.0.wait();
    }
}
