//! Histories from seeds, as many as wanted: see [`testkit::simulation`].

use std::process::ExitCode;
use std::time::Instant;

use testkit::simulation::{Stage, Ways, live_all};

/// Lives them and tells what they came to; the first that fails is told with its steps.
pub(crate) fn live(from: u64, histories: u64, ways: Ways) -> ExitCode {
    let began = Instant::now();
    match live_all(from..from.saturating_add(histories), ways) {
        Ok(tally) => {
            let seconds = began.elapsed().as_secs_f64();
            #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
            let each = seconds * 1e3 / histories.max(1) as f64;
            println!("{tally:#?}");
            println!(
                "{histories} histories from seed {from} in {seconds:.1} s, {each:.2} ms each: every promise held"
            );
            ExitCode::SUCCESS
        }
        Err(broken) => {
            println!("{broken}");
            ExitCode::FAILURE
        }
    }
}

/// Lives one long history both ways, and tells what became of all its edits.
pub(crate) fn live_long(seed: u64, edits: u64) -> ExitCode {
    let began = Instant::now();
    let edits = usize::try_from(edits).unwrap_or(usize::MAX);
    match Stage::open().live_long(seed, edits) {
        Ok(tally) => {
            let seconds = began.elapsed().as_secs_f64();
            println!("{tally:#?}");
            println!(
                "{} edits on both sides in {seconds:.1} s: each is on both sides, overwritten by a later one, or was listed",
                tally.edits
            );
            ExitCode::SUCCESS
        }
        Err(broken) => {
            println!("{broken}");
            ExitCode::FAILURE
        }
    }
}
