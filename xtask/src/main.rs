//! `cargo xtask …`: the verbs of this repository.
//!
//! Every verb sets up what it needs first (system packages, npm packages, the build) and is quick when
//! nothing is missing. CI calls the same verbs. Reading order: `setup`, `run`, `test`, `check`, `bench`, `bundle`;
//! the other modules are what they are written with.
//!
//! Standard library only: this crate is compiled before anything else is known to be there.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the terminal is this program's user interface"
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::panic,
        reason = "tests may fail loudly"
    )
)]

mod bench;
mod bundle;
mod check;
mod run;
mod setup;
mod test;

mod command;
mod framebuffer;
mod headless;
mod icons;
mod packages;
mod paths;
mod steps;
mod ui;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask VERB

  setup            install what this machine lacks: system packages, npm packages
  run [-- ARGS]    open Patchbay with the sample workspace; without a display, serve it and print the address
                   --browser  serve it even where there is a display
  test             every test: Rust, UI units, browser end to end, desktop end to end
                   --only rust,ui,browser,desktop
  check            format, lints, boundaries, generated bindings, UI types and lint
                   --fix  repair what can be repaired
  bench [NAME]     measure; without a name everything, with `app` or `sizes` only that
  bundle           build the installable packages of this system
  icons            draw icons/ again from its SVG sources

Set PATCHBAY_NO_INSTALL=1 to be told what is missing instead of having it installed.";

/// What went wrong, in a sentence for the person at the terminal.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

pub(crate) type Result<T = ()> = std::result::Result<T, Failure>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((verb, rest)) = arguments.split_first() else {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    };
    let outcome = match verb.as_str() {
        "setup" => setup::main(rest),
        "run" => run::main(rest),
        "test" => test::main(rest),
        "check" => check::main(rest),
        "bench" => bench::main(rest),
        "bundle" => bundle::main(rest),
        "icons" => icons::main(rest),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        other => Err(Failure::new(format!(
            "there is no verb `{other}`\n\n{USAGE}"
        ))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\n{failure}");
            ExitCode::FAILURE
        }
    }
}

/// The arguments of a verb that takes only the named flags; the flags that were given.
pub(crate) fn flags<'a>(arguments: &'a [String], known: &[&str]) -> Result<Vec<&'a str>> {
    arguments
        .iter()
        .map(|argument| {
            if known.contains(&argument.as_str()) {
                Ok(argument.as_str())
            } else if known.is_empty() {
                Err(Failure::new(format!(
                    "`{argument}` is not expected here: this verb takes no arguments"
                )))
            } else {
                Err(Failure::new(format!(
                    "`{argument}` is not known here, only {}",
                    known.join(" ")
                )))
            }
        })
        .collect()
}
