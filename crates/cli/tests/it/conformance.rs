//! The recorded cases of other people's connectors, where they are at hand: the same requests, records and states.

use std::path::Path;
use std::process::Command;

#[test]
#[expect(
    clippy::print_stdout,
    reason = "the test runner shows why nothing was tested"
)]
fn recorded_connectors_ask_and_give_the_same() {
    let Some(folder) = std::env::var_os("PATCHBAY_CONFORMANCE") else {
        println!("skipped: PATCHBAY_CONFORMANCE names no folder with recordings");
        return;
    };
    let runner = Path::new(&folder).join("run.py");
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: there is no python3 to run {}", runner.display());
        return;
    }
    let program = env!("CARGO_BIN_EXE_patchbay");
    let command = format!(
        "{program} connector read --manifest {{manifest}} --config {{config}} --catalog {{catalog}} --now 2026-01-15T12:34:56Z"
    );
    let done = Command::new("python3")
        .arg(&runner)
        .args(["--cmd", &command])
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
}
