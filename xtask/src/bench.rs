//! `cargo xtask bench`: figures of this build on this machine.
//!
//! What the engine does is measured by the bench program of package `testkit`, which prints its own lines; what the
//! installed app costs is measured here, from outside: sizes, time to the first painted page, memory when idle.

#![expect(
    clippy::disallowed_methods,
    reason = "a measuring program has nothing else to do while it waits"
)]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::bundle::{built, megabytes};
use crate::command::{cargo, run};
use crate::framebuffer::Screen;
use crate::headless::Session;
use crate::packages::Need;
use crate::{Failure, Result, paths, setup, ui};

const STARTS: usize = 5;
const FIRST_PAINT_LIMIT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(5);
const IDLE_AFTER: Duration = Duration::from_secs(10);

struct Row {
    what: String,
    figure: String,
    note: String,
}

pub(crate) fn main(arguments: &[String]) -> Result {
    let mut rows = Vec::new();
    match arguments {
        [] => {
            engine(&[])?;
            app(&mut rows)?;
            sizes(&mut rows)?;
        }
        [name] if name == "app" => app(&mut rows)?,
        [name] if name == "sizes" => sizes(&mut rows)?,
        names => return engine(names),
    }
    print_table(&rows);
    Ok(())
}

/// The bench program; it knows its own names.
fn engine(names: &[String]) -> Result {
    setup::system_packages(&[Need::Core])?;
    run(cargo(["run", "--release", "-p", "testkit", "--bin", "bench", "--"]).args(names))
}

fn sizes(rows: &mut Vec<Row>) -> Result {
    let mut profile = "bundle";
    if built(profile)?.len() < 2 {
        profile = "release";
    }
    let found = built(profile)?;
    if found.is_empty() {
        return Err(Failure::new(
            "nothing is built yet whose size could be told: `cargo xtask bundle` does it",
        ));
    }
    for (path, size) in found {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        rows.push(Row {
            what: format!("size of {name}"),
            figure: megabytes(size),
            note: format!("profile {profile}"),
        });
    }
    Ok(())
}

fn app(rows: &mut Vec<Row>) -> Result {
    if !cfg!(target_os = "linux") {
        println!("The app's start and memory are measured on Linux only.");
        return Ok(());
    }
    setup::system_packages(&[Need::Core, Need::Desktop, Need::Headless])?;
    setup::npm_packages(&paths::ui())?;
    ui::build()?;
    // What is installed, if it was built; the sources may be newer, which the sizes beside it share.
    let mut profile = "bundle";
    if built(profile)?.is_empty() {
        profile = "release";
        run(&mut cargo(["build", "--release", "-p", "desktop"]))?;
    }
    let program = paths::binary(profile, "patchbay-desktop")?;

    let session = Session::new()?;
    let mut times = Vec::new();
    let mut memory = None;
    for start in 0..STARTS {
        let screen = Screen::start(&session.folder("screen"))?;
        let (mut app, time) = first_paint(&session, &screen, &program)?;
        times.push(time);
        if start + 1 == STARTS {
            std::thread::sleep(IDLE_AFTER);
            memory = Some(memory_of_tree(app.id()));
        }
        end(&mut app);
    }
    let first = times.first().copied().unwrap_or_default();
    times.sort();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    rows.push(Row {
        what: "start to first paint".into(),
        figure: format!("{} ms", median.as_millis()),
        note: format!(
            "profile {profile}, median of {STARTS} under Xvfb without a graphics card; the first {} ms",
            first.as_millis()
        ),
    });
    if let Some((pss, processes)) = memory {
        rows.push(Row {
            what: "idle memory".into(),
            figure: megabytes(pss),
            note: format!(
                "PSS of {processes} processes, {} s after the first paint",
                IDLE_AFTER.as_secs()
            ),
        });
    }
    Ok(())
}

/// Starts the app and waits until its page is on the screen. Both are as a user's start: nothing drives the app.
fn first_paint(session: &Session, screen: &Screen, program: &Path) -> Result<(Child, Duration)> {
    let mut command = Command::new(program);
    command
        .arg("--data-dir")
        .arg(session.folder("data").join("patchbay"));
    let mut app = session
        .on_display(&command, &screen.display)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| Failure::new(format!("the app could not be started: {error}")))?;
    let started = Instant::now();
    loop {
        if screen.is_painted()? {
            return Ok((app, started.elapsed()));
        }
        if let Some(status) = app.try_wait()? {
            return Err(Failure::new(format!(
                "the app ended with {status} before it painted anything"
            )));
        }
        if started.elapsed() > FIRST_PAINT_LIMIT {
            end(&mut app);
            return Err(Failure::new(format!(
                "the app painted nothing within {} s",
                FIRST_PAINT_LIMIT.as_secs()
            )));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Ends the app with everything that it started.
fn end(app: &mut Child) {
    for process in tree(app.id()).into_iter().rev() {
        let _ = Command::new("kill")
            .arg(process.to_string())
            .stderr(Stdio::null())
            .status();
    }
    let _ = app.wait();
}

/// The proportional memory in bytes of the app's processes below this one, and how many they are. The bus, the
/// keychain and the shell that started them are not the app's.
fn memory_of_tree(root: u32) -> (u64, usize) {
    let mut total = 0;
    let mut count = 0;
    for process in tree(root) {
        let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
        if !["patchbay", "WebKit"]
            .iter()
            .any(|start| name.starts_with(start))
        {
            continue;
        }
        let rollup =
            std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
        if let Some(kilobytes) = pss(&rollup) {
            total += kilobytes * 1024;
            count += 1;
        }
    }
    (total, count)
}

fn pss(rollup: &str) -> Option<u64> {
    rollup.lines().find_map(|line| {
        line.strip_prefix("Pss:")?
            .trim()
            .strip_suffix(" kB")?
            .parse()
            .ok()
    })
}

/// A process and all below it, parents before children.
fn tree(root: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|process: u32| {
            let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
            Some((process, parent(&stat)?))
        })
        .collect();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&process) = found.get(next) {
        found.extend(
            parents
                .iter()
                .filter(|(_, parent)| *parent == process)
                .map(|(child, _)| *child),
        );
        next += 1;
    }
    found
}

/// The parent in a line of /proc/…/stat: the second word after the name, which may itself hold brackets.
fn parent(stat: &str) -> Option<u32> {
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

fn print_table(rows: &[Row]) {
    let width = |cell: fn(&Row) -> &str| {
        rows.iter()
            .map(|row| cell(row).chars().count())
            .max()
            .unwrap_or_default()
    };
    let (what, figure) = (width(|row| &row.what), width(|row| &row.figure));
    println!();
    for row in rows {
        println!("{:<what$}  {:>figure$}  {}", row.what, row.figure, row.note);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_behind_a_name_with_brackets() {
        assert_eq!(parent("4711 (a) b (c) S 42 4711 4711 0"), Some(42));
        assert_eq!(parent(""), None);
    }

    #[test]
    fn proportional_memory_is_read_from_the_rollup() {
        assert_eq!(
            pss(
                "55a0-7ffe ---p 00000000 00:00 0 [rollup]\nRss:  9000 kB\nPss:    4321 kB\nPss_Dirty: 12 kB\n"
            ),
            Some(4321)
        );
        assert_eq!(pss(""), None);
    }
}
