//! Histories from seeds: see [`testkit::simulation`].

use testkit::simulation::live_all;

/// Every promise, whatever happens. `cargo xtask bench simulation --histories 100000` lives many more.
#[test]
fn whatever_happens_nothing_is_lost_doubled_or_done_by_surprise() {
    let tally = live_all(0..2_000).unwrap_or_else(|broken| panic!("{broken}"));
    // It reaches what it is meant to reach.
    assert!(tally.planned > 500, "{tally:?}");
}
