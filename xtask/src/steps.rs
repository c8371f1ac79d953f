//! Several steps with a headline and a time each, and a summary of all.

use std::time::{Duration, Instant};

use crate::{Failure, Result};

/// How a step ended.
enum End {
    Passed,
    Failed(String),
    /// Not started, because of this.
    Skipped(String),
}

/// The steps so far, in order.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<(&'static str, Duration, End)>,
}

impl Steps {
    /// Runs a step unless one that it needs did not pass. Whether it passed.
    pub(crate) fn run(
        &mut self,
        name: &'static str,
        needs: &[&str],
        step: impl FnOnce() -> Result,
    ) -> bool {
        if let Some(missing) = needs.iter().find(|need| self.failed(need)) {
            println!("\n── {name}: skipped, because `{missing}` did not pass");
            self.done.push((
                name,
                Duration::ZERO,
                End::Skipped(format!("needs `{missing}`")),
            ));
            return false;
        }
        println!("\n── {name}");
        let started = Instant::now();
        let end = match step() {
            Ok(()) => End::Passed,
            Err(Failure(message)) => {
                eprintln!("{message}");
                End::Failed(message)
            }
        };
        let took = started.elapsed();
        let passed = matches!(end, End::Passed);
        println!(
            "── {name}: {} in {}",
            if passed { "passed" } else { "FAILED" },
            seconds(took)
        );
        self.done.push((name, took, end));
        passed
    }

    /// Says why a step is not for this machine; that fails nothing.
    pub(crate) fn skip(&mut self, name: &'static str, why: &str) {
        println!("\n── {name}: skipped, {why}");
        self.done
            .push((name, Duration::ZERO, End::Skipped(why.to_owned())));
    }

    /// Whether this step ran or was skipped without passing.
    pub(crate) fn failed(&self, name: &str) -> bool {
        self.done
            .iter()
            .any(|(done, _, end)| *done == name && !matches!(end, End::Passed))
    }

    /// Prints the summary. Fails if a step failed.
    pub(crate) fn finish(self) -> Result {
        println!("\n── summary");
        let (mut passed, mut failed, mut skipped) = (0, 0, 0);
        for (name, took, end) in &self.done {
            match end {
                End::Passed => {
                    passed += 1;
                    println!("  passed   {:>8}  {name}", seconds(*took));
                }
                End::Failed(message) => {
                    failed += 1;
                    let last = message.lines().next_back().unwrap_or_default();
                    println!("  FAILED   {:>8}  {name}: {last}", seconds(*took));
                }
                End::Skipped(why) => {
                    skipped += 1;
                    println!("  skipped  {:>8}  {name}: {why}", "");
                }
            }
        }
        let skipped = if skipped == 0 {
            String::new()
        } else {
            format!(", {skipped} skipped")
        };
        let line = format!("{passed} passed, {failed} failed{skipped}");
        if failed == 0 {
            println!("{line}");
            return Ok(());
        }
        Err(Failure(line))
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_skips_what_needs_it_and_nothing_else() {
        let mut steps = Steps::default();
        let mut ran = Vec::new();
        steps.run("build", &[], || Err(Failure::new("no compiler")));
        steps.run("test", &["build"], || {
            ran.push("test");
            Ok(())
        });
        steps.run("lint", &[], || {
            ran.push("lint");
            Ok(())
        });
        assert_eq!(ran, ["lint"]);
        assert_eq!(
            steps.finish().unwrap_err().0,
            "1 passed, 1 failed, 1 skipped"
        );
    }

    #[test]
    fn what_needs_a_skipped_step_is_skipped_too() {
        let mut steps = Steps::default();
        steps.run("a", &[], || Err(Failure::new("broken")));
        steps.run("b", &["a"], || Ok(()));
        assert!(!steps.run("c", &["b"], || Ok(())));
    }
}
