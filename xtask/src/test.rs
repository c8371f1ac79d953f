//! `cargo xtask test`: every test there is.
//!
//! A step that fails stops only what cannot go on without it; the summary at the end lists all of them.
//! The end-to-end tests drive the real programs, built here once with the same features as the Rust tests, and
//! find them through the variables in [`programs`].

use std::ffi::OsString;
use std::process::Command;

use crate::command::{cargo, npm, run, succeeds};
use crate::headless::Session;
use crate::packages::{CHROMIUM, Need};
use crate::steps::Steps;
use crate::{Failure, Result, paths, setup, ui};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Rust,
    Ui,
    Browser,
    Desktop,
}

const PARTS: [(&str, Part); 4] = [
    ("rust", Part::Rust),
    ("ui", Part::Ui),
    ("browser", Part::Browser),
    ("desktop", Part::Desktop),
];

pub(crate) fn main(arguments: &[String]) -> Result {
    let parts = parts(arguments)?;
    let with = |part: Part| parts.contains(&part);
    let end_to_end = with(Part::Browser) || with(Part::Desktop);
    let mut steps = Steps::default();

    steps.run("setup", &[], || {
        let mut needs = vec![Need::Core];
        if with(Part::Rust) || end_to_end {
            needs.push(Need::Desktop);
        }
        if with(Part::Desktop) {
            needs.push(Need::Headless);
        }
        if with(Part::Browser) {
            needs.push(Need::Browser);
        }
        setup::system_packages(&needs)?;
        setup::npm_packages(&paths::ui())?;
        setup::npm_packages(&paths::root().join("tests/e2e"))
    });
    if with(Part::Ui) {
        let ui = paths::ui();
        steps.run("ui: units", &["setup"], || run(&mut npm(&ui, ["test"])));
        steps.run("ui: types", &["setup"], || {
            run(&mut npm(&ui, ["run", "typecheck"]))
        });
        steps.run("ui: lint", &["setup"], || {
            run(&mut npm(&ui, ["run", "lint"]))
        });
    }
    // The desktop app carries the built UI inside, so it comes before anything that compiles the app.
    steps.run("ui: build", &["setup"], ui::build);
    let with_app = !steps.failed("ui: build");
    if with(Part::Rust) || end_to_end {
        steps.run("programs", &["setup"], || {
            run(cargo(["build", "--bins"]).args(selection(with_app)))
        });
    }
    if with(Part::Rust) {
        steps.run("rust: tests", &["setup"], || rust_tests(with_app));
    }
    if with(Part::Browser) {
        steps.run("browser: end to end", &["ui: build", "programs"], browser);
    }
    if with(Part::Desktop) {
        if cfg!(target_os = "linux") {
            steps.run("desktop: end to end", &["ui: build", "programs"], desktop);
        } else {
            steps.skip(
                "desktop: end to end",
                "the webview's driver is set up for Linux only",
            );
        }
    }
    steps.finish()
}

fn parts(arguments: &[String]) -> Result<Vec<Part>> {
    let named = match arguments {
        [] => return Ok(PARTS.map(|(_, part)| part).to_vec()),
        [only, list] if only == "--only" => list,
        [one] if one.starts_with("--only=") => one.trim_start_matches("--only="),
        _ => {
            return Err(Failure::new(
                "expected nothing or `--only rust,ui,browser,desktop`",
            ));
        }
    };
    named
        .split(',')
        .map(|name| {
            PARTS
                .iter()
                .find(|(known, _)| *known == name.trim())
                .map(|(_, part)| *part)
                .ok_or_else(|| {
                    Failure::new(format!(
                        "there is no part `{name}` of the tests, only rust, ui, browser and desktop"
                    ))
                })
        })
        .collect()
}

/// The same packages and features for every cargo call, so that none of them compiles a crate again.
fn selection(with_app: bool) -> Vec<&'static str> {
    if with_app {
        vec!["--workspace"]
    } else {
        vec!["--workspace", "--exclude", "desktop"]
    }
}

fn rust_tests(with_app: bool) -> Result {
    if succeeds("cargo", &["nextest", "--version"]) {
        run(cargo(["nextest", "run", "--no-fail-fast"])
            .args(selection(with_app))
            .envs(programs()?))?;
        return run(cargo(["test", "--doc", "--quiet"]).args(selection(with_app)));
    }
    run(cargo(["test", "--no-fail-fast"])
        .args(selection(with_app))
        .envs(programs()?))
}

fn browser() -> Result {
    let folder = paths::root().join("tests/e2e");
    if !folder.join("package.json").is_file() {
        return Err(Failure::new("tests/e2e/package.json is not there"));
    }
    run(npm(&folder, ["run", "e2e"]).envs(programs()?))
}

fn desktop() -> Result {
    let session = Session::new()?;
    // One window at a time: they share the display, and the second app would hand over to the first.
    let mut command = cargo(["test", "--test", "desktop"]);
    command
        .args(selection(true))
        .args(["--", "--ignored", "--test-threads=1"])
        .envs(programs()?);
    run(&mut session.with_display(&command))
}

/// Where the end-to-end tests find what they drive.
fn programs() -> Result<Vec<(&'static str, OsString)>> {
    let mut programs: Vec<(&'static str, OsString)> = vec![
        ("PATCHBAY_BIN", paths::binary("debug", "patchbay")?.into()),
        (
            "PATCHBAY_DESKTOP_BIN",
            paths::binary("debug", "patchbay-desktop")?.into(),
        ),
        ("PATCHBAY_UI", paths::ui().join("dist").into()),
        ("PATCHBAY_ARTIFACTS", paths::artifacts()?.into()),
    ];
    if let Some(chromium) = paths::find_on_path(CHROMIUM) {
        programs.push(("PATCHBAY_CHROMIUM", chromium.into()));
    }
    Ok(programs)
}

/// Runs the named tests of one package and fails if there are none: a check that checks nothing is not passed.
pub(crate) fn named(package: &str, target: &[&str], name: &str) -> Result {
    let mut command: Command = cargo(["test", "--quiet", "-p", package]);
    command.args(target).args(["--", name]);
    println!("$ {}", crate::command::show(&command));
    let printed = crate::command::output(&mut command)?;
    print!("{printed}");
    if passed(&printed) == 0 {
        return Err(Failure::new(format!(
            "no test of `{package}` is named `{name}`"
        )));
    }
    Ok(())
}

/// How many tests passed, from what the test programs printed.
fn passed(printed: &str) -> u32 {
    printed
        .lines()
        .filter_map(|line| {
            line.strip_prefix("test result: ok. ")?
                .split_once(" passed")?
                .0
                .parse::<u32>()
                .ok()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_takes_a_list_and_refuses_what_it_does_not_know() {
        let check = |words: &[&str]| {
            parts(
                &words
                    .iter()
                    .map(|word| (*word).to_owned())
                    .collect::<Vec<_>>(),
            )
            .map_err(|failure| failure.0)
        };
        assert_eq!(check(&[]).unwrap().len(), 4);
        assert_eq!(
            check(&["--only", "rust, ui"]).unwrap(),
            [Part::Rust, Part::Ui]
        );
        assert_eq!(check(&["--only=desktop"]).unwrap(), [Part::Desktop]);
        assert!(
            check(&["--only", "rust,paint"])
                .unwrap_err()
                .contains("`paint`")
        );
        assert!(check(&["--fast"]).is_err());
    }

    #[test]
    fn passed_tests_are_added_up_over_all_programs() {
        let printed = "\nrunning 2 tests\n..\ntest result: ok. 2 passed; 0 failed; 0 ignored\n\ntest result: ok. 3 passed; 0 failed\n";
        assert_eq!(passed(printed), 5);
        assert_eq!(passed("test result: ok. 0 passed; 0 failed"), 0);
    }
}
