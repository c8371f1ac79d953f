//! The recorded cases of other people's connectors, where they are at hand.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// The folder with recordings, and python3 to play their platform; otherwise says why nothing is tested.
#[expect(
    clippy::print_stdout,
    reason = "the test runner shows why nothing was tested"
)]
fn recordings() -> Option<OsString> {
    let Some(folder) = std::env::var_os("PATCHBAY_CONFORMANCE") else {
        println!("skipped: PATCHBAY_CONFORMANCE names no folder with recordings");
        return None;
    };
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: there is no python3 to play the platform of the recordings");
        return None;
    }
    Some(folder)
}

fn passes(mut command: Command) {
    let done = command.output().unwrap();
    assert!(
        done.status.success(),
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
}

#[test]
fn recorded_connectors_ask_and_give_the_same() {
    let Some(folder) = recordings() else { return };
    let program = env!("CARGO_BIN_EXE_patchbay");
    let reader = format!(
        "{program} connector read --manifest {{manifest}} --config {{config}} --catalog {{catalog}} --now 2026-01-15T12:34:56Z"
    );
    let mut command = Command::new("python3");
    command
        .arg(Path::new(&folder).join("run.py"))
        .args(["--cmd", &reader]);
    passes(command);
}

/// Every fourth of them, at moments that are drawn from their names; by hand the script does all.
#[test]
fn recorded_connectors_go_on_to_the_same_records_after_they_were_killed() {
    let Some(folder) = recordings() else { return };
    let mut command = Command::new("python3");
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/kill_and_continue.py"))
        .arg(folder)
        .args([env!("CARGO_BIN_EXE_patchbay"), "1/4"]);
    passes(command);
}
