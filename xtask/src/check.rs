//! `cargo xtask check`: everything that is wrong without running the app.

use crate::command::{cargo, npm, run, succeeds};
use crate::packages::Need;
use crate::steps::Steps;
use crate::{Result, flags, paths, setup, test, ui};

pub(crate) fn main(arguments: &[String]) -> Result {
    let fix = flags(arguments, &["--fix"])?.contains(&"--fix");
    let ui = paths::ui();
    let mut steps = Steps::default();
    steps.run("setup", &[], || {
        setup::system_packages(&[Need::Core, Need::Desktop])?;
        setup::npm_packages(&ui)?;
        setup::npm_packages(&paths::root().join("tests/e2e"))
    });
    steps.run("format", &[], || {
        let mut command = cargo(["fmt", "--all"]);
        if !fix {
            command.arg("--check");
        }
        run(&mut command)
    });
    steps.run("ui: lint", &["setup"], || {
        if fix {
            return run(&mut npm(&ui, ["run", "lint", "--", "--write"]));
        }
        run(&mut npm(&ui, ["run", "lint"]))
    });
    steps.run("ui: types", &["setup"], || {
        run(&mut npm(&ui, ["run", "typecheck"]))
    });
    steps.run("browser tests: types", &["setup"], || {
        run(&mut npm(
            &paths::root().join("tests/e2e"),
            ["run", "typecheck"],
        ))
    });
    // The app's build looks for the built pages, even where it is only checked.
    steps.run("ui: build", &["setup"], ui::build);
    steps.run("lints", &["setup", "ui: build"], || {
        let mut command = cargo(["clippy", "--workspace", "--all-targets"]);
        if fix {
            command.args(["--fix", "--allow-dirty", "--allow-staged"]);
        }
        run(command.args(["--", "-D", "warnings"]))
    });
    steps.run("boundaries", &["setup"], || {
        test::named("testkit", &["--test", "it"], "boundaries")
    });
    steps.run("bindings", &["setup"], || {
        test::named("api", &[], "bindings")
    });
    if succeeds("cargo", &["deny", "--version"]) {
        steps.run("licences and advisories", &[], || {
            run(&mut cargo(["deny", "check"]))
        });
    } else {
        steps.skip("licences and advisories", "cargo-deny is not installed");
    }
    steps.finish()
}
