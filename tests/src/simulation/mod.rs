//! Thousands of short histories, each made from a seed: two platforms that are edited while records move between them,
//! requests that go wrong in every way, a process that dies anywhere, a disk that fills up, a person who changes the
//! sync. After each of them everything that the design promises is looked up.
//!
//! The engine, the mapping and the store are the real ones, over a store in memory ([`store::inline`]) and platforms
//! that are a map each. One seed is one history, so a failure can be looked at as often as it takes: it is told with
//! its steps, shortened to those that matter.
//!
//! Reading order: [`history`] (what can happen), `drawn` (what a seed makes of it), `configured` (the sync), `world` (what is there), `platform` (how it is reached and what can
//! go wrong on the way), `watch` (what must hold at each request), `life` (living it), `long` (what became of each of
//! thousands of edits), `rest` (what must hold in the end).

mod configured;
mod drawn;
pub mod history;
mod life;
mod long;
mod past;
mod platform;
mod rest;
mod watch;
mod world;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::clock::Clock;
use store::inline::Inline;

use history::{History, Step};

/// When all histories begin.
const BEGIN: i64 = 1_790_000_000_000;

/// A promise that was broken, and how.
#[derive(Debug)]
pub struct Broken {
    /// What was seen.
    pub what: String,
    /// The history, shortened.
    pub history: History,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "FAILED SEED {}: {}\n{}",
            self.history.seed, self.what, self.history
        )
    }
}

/// What histories came to, to see that they reach what they are meant to reach.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Tally {
    pub histories: u64,
    pub runs: u64,
    /// Runs that made the whole plan first.
    pub planned: u64,
    /// Runs that a guard held.
    pub held: u64,
    /// Runs whose process died.
    pub died: u64,
    /// Runs that failed.
    pub failed: u64,
    pub requests: u64,
    pub created: u64,
    pub updated: u64,
    pub deleted: u64,
    /// Edits of fields that flow, in a long history.
    pub edits: u64,
    /// Records that still need a person in the end.
    pub listed: u64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.histories += other.histories;
        self.runs += other.runs;
        self.planned += other.planned;
        self.held += other.held;
        self.died += other.died;
        self.failed += other.failed;
        self.requests += other.requests;
        self.created += other.created;
        self.updated += other.updated;
        self.deleted += other.deleted;
        self.listed += other.listed;
        self.edits += other.edits;
    }
}

/// Which way changes flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ways {
    /// From the source to the target.
    One,
    /// Both ways.
    Both,
}

/// Where histories are lived, one after another.
pub struct Stage {
    store: Arc<Inline>,
    clock: Clock,
}

impl Stage {
    /// A store in memory that all of them use in turn.
    pub fn open() -> Self {
        let clock = Clock::manual(BEGIN);
        let store = Arc::new(Inline::open(clock.clone()).unwrap());
        Self { store, clock }
    }

    /// Lives one history.
    ///
    /// # Errors
    /// The first promise that was broken.
    pub fn live(&self, history: &History) -> Result<Tally, String> {
        self.store.script(None);
        self.store.clear().unwrap();
        self.clock.advance(BEGIN - self.clock.now());
        life::live(history, &self.store, &self.clock)
    }

    /// Lives one long history both ways, of so many edits on both sides.
    ///
    /// # Errors
    /// The first promise that was broken.
    pub fn live_long(&self, seed: u64, edits: usize) -> Result<Tally, String> {
        self.store.script(None);
        self.store.clear().unwrap();
        self.clock.advance(BEGIN - self.clock.now());
        long::live(seed, edits, &self.store, &self.clock)
    }

    /// Lives the history of a seed; one that fails is shortened.
    ///
    /// # Errors
    /// The first promise that was broken, and how.
    pub fn seed(&self, seed: u64, ways: Ways) -> Result<Tally, Box<Broken>> {
        let history = match ways {
            Ways::One => History::of(seed),
            Ways::Both => History::both_ways(seed),
        };
        self.live(&history)
            .map_err(|what| Box::new(self.shorten(what, history)))
    }

    /// Leaves out what is not needed to fail.
    fn shorten(&self, what: String, history: History) -> Broken {
        let mut broken = Broken { what, history };
        while let Some(shorter) = shorter(&broken.history).into_iter().find_map(|history| {
            self.live(&history)
                .err()
                .map(|what| Broken { what, history })
        }) {
            broken = shorter;
        }
        broken
    }
}

/// The same without one thing.
fn shorter(history: &History) -> Vec<History> {
    let mut out = Vec::new();
    let mut without = |change: &mut dyn FnMut(&mut History)| {
        let mut one = history.clone();
        change(&mut one);
        out.push(one);
    };
    for (n, step) in history.steps.iter().enumerate() {
        without(&mut |history| {
            history.steps.remove(n);
        });
        let Step::Run(run) = step else { continue };
        let in_run = |history: &mut History, change: &dyn Fn(&mut history::RunStep)| {
            if let Step::Run(run) = &mut history.steps[n] {
                change(run);
            }
        };
        for event in 0..run.events.len() {
            without(&mut |history| {
                in_run(history, &|run| {
                    run.events.remove(event);
                });
            });
        }
        if run.end.is_some() {
            without(&mut |history| in_run(history, &|run| run.end = None));
        }
        if run.full.is_some() {
            without(&mut |history| in_run(history, &|run| run.full = None));
        }
    }
    out
}

/// Lives the histories of many seeds on all processors. The first failure ends it.
///
/// # Errors
/// The first promise that was broken, and how.
pub fn live_all(seeds: std::ops::Range<u64>, ways: Ways) -> Result<Tally, Box<Broken>> {
    let next = AtomicU64::new(seeds.start);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let results: Vec<Result<Tally, Box<Broken>>> = std::thread::scope(|scope| {
        let work = || {
            let stage = Stage::open();
            let mut tally = Tally::default();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds.end {
                    return Ok(tally);
                }
                match stage.seed(seed, ways) {
                    Ok(one) => tally.add(&one),
                    Err(broken) => {
                        next.store(seeds.end, Ordering::Relaxed);
                        return Err(broken);
                    }
                }
            }
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a history does not panic"))
            .collect()
    });
    let mut tally = Tally::default();
    for result in results {
        tally.add(&result?);
    }
    Ok(tally)
}
