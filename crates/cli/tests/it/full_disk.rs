//! There is no room for what a run has to remember: it says so and stops, and the next run finishes what it began.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use testkit::app::Closed;
use testkit::{TestApp, carried};

use crate::program::{end_of, patchbay};

const RUN: &str = "Contacts to subscribers";

/// A run that writes several times what [`LITTLE_ROOM_KB`] has room for.
const CONTACTS: usize = 3_000;

/// The workspace before its first run fits, what the run has to remember does not.
const LITTLE_ROOM_KB: u64 = 3_072;

/// Everywhere: the system lets no file of the program grow beyond a size, as a quota does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_may_not_grow_stops_the_run_and_loses_nothing() {
    let workspace = Workspace::open().await;
    // Blocks of 512 bytes. Without the signal, the write itself is refused.
    let script = r#"
        trap '' XFSZ
        ulimit -f "$1" || exit 99
        shift
        exec "$@"
    "#;
    let mut command = Command::new("sh");
    command
        .args(["-c", script, "sh", &(LITTLE_ROOM_KB * 2).to_string()])
        .arg(env!("CARGO_BIN_EXE_patchbay"))
        .arg("--data-dir")
        .arg(workspace.closed.data_dir())
        .args(["--vault", "run", RUN]);
    workspace.assert_stops_and_loses_nothing(command).await;
}

/// Where the system lets a test mount a disk of its own: one that is really full.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(
    clippy::print_stderr,
    reason = "nobody else would tell that it was skipped"
)]
async fn a_disk_that_fills_up_stops_the_run_and_loses_nothing() {
    let small = tempfile::tempdir().unwrap();
    if !may_mount(small.path()) {
        eprintln!(
            "SKIPPED: a disk that fills up. This system does not let a test mount a disk of its own (unshare -rm, \
             mount -t tmpfs); the same is tested with a file that may not grow."
        );
        return;
    }
    let workspace = Workspace::open().await;
    let script = r#"
        mount -t tmpfs -o size="$1"k tmpfs "$2" && cp -r "$3/." "$2/" || exit 99
        "$4" --data-dir "$2" --vault run "$5"
        code=$?
        cp -r "$2/." "$3/" || exit 98
        exit $code
    "#;
    let mut command = Command::new("unshare");
    command
        .args(["-rm", "sh", "-c", script, "sh", &LITTLE_ROOM_KB.to_string()])
        .arg(small.path())
        .arg(workspace.closed.data_dir())
        .args([env!("CARGO_BIN_EXE_patchbay"), RUN]);
    workspace.assert_stops_and_loses_nothing(command).await;
}

#[cfg(target_os = "linux")]
fn may_mount(at: &Path) -> bool {
    Command::new("unshare")
        .args(["-rm", "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs"])
        .arg(at)
        .output()
        .is_ok_and(|output| output.status.success())
}

/// A published sync that has never run.
struct Workspace {
    closed: Closed,
    known: BTreeSet<String>,
}

impl Workspace {
    async fn open() -> Self {
        let test = TestApp::with_contacts(CONTACTS).await;
        test.standard().await;
        let known = carried::known(&test.sandbox);
        Self {
            closed: test.close().await,
            known,
        }
    }

    async fn assert_stops_and_loses_nothing(&self, run_with_little_room: Command) {
        let sandbox = &self.closed.sandbox;
        let ended = end_of(run_with_little_room).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(
            ended.stderr.to_lowercase().contains("disk is full"),
            "it says why: {ended:?}"
        );
        let there = carried::subscribers(sandbox).len();
        assert!(
            self.known.len() < there && there < CONTACTS - 100,
            "there was no room for the run, but not in the middle of it: {there}"
        );

        let mut command = patchbay(&self.closed.data_dir());
        command.args(["run", RUN]);
        end_of(command).await.well();
        carried::assert_all_carried(sandbox, &self.known);
        let created = sandbox.counters().postino.written("subscribers.create");
        assert_eq!(
            created as usize + self.known.len(),
            carried::subscribers(sandbox).len(),
            "something was created twice"
        );
    }
}
