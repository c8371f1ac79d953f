//! What something took of this process, and the table of it.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) records: usize,
    pub(crate) spent: Spent,
}

/// What something took.
#[derive(Clone, Copy, Default)]
pub(crate) struct Spent {
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
    /// Largest memory of the process meanwhile, in megabytes.
    pub(crate) peak_mb: u64,
}

impl Spent {
    /// Once more the same.
    pub(crate) fn add(&mut self, more: Self) {
        self.cpu += more.cpu;
        self.wall += more.wall;
        self.peak_mb = self.peak_mb.max(more.peak_mb);
    }
}

pub(crate) async fn timed<T>(work: impl Future<Output = T>) -> (T, Spent) {
    // Forgets the peak of what was measured before.
    _ = std::fs::write("/proc/self/clear_refs", "5");
    let (cpu, began) = (cpu_time(), Instant::now());
    let made = work.await;
    (
        made,
        Spent {
            cpu: cpu_time().saturating_sub(cpu),
            wall: began.elapsed(),
            peak_mb: peak_mb(),
        },
    )
}

/// User and system time of all threads of this process. Linux counts in hundredths of a second.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, after_name) = stat.rsplit_once(") ").unwrap();
    let ticks: u64 = after_name
        .split(' ')
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().unwrap())
        .sum();
    Duration::from_millis(ticks * 10)
}

fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

impl Row {
    fn per_cpu_second(&self) -> f64 {
        self.records as f64 / self.spent.cpu.as_secs_f64().max(0.01)
    }

    pub(crate) fn json(&self) -> Json {
        json!({
            "what": self.what,
            "records": self.records,
            "cpu_ms": self.spent.cpu.as_millis(),
            "wall_ms": self.spent.wall.as_millis(),
            "records_per_cpu_second": self.per_cpu_second().round(),
            "peak_mb": self.spent.peak_mb,
        })
    }
}

pub(crate) fn print_table(rows: &[Row]) {
    println!(
        "{:<36} {:>9} {:>10} {:>10} {:>14} {:>9}",
        "", "records", "CPU", "wall", "per CPU second", "peak"
    );
    for row in rows {
        println!(
            "{:<36} {:>9} {:>8} ms {:>7} ms {:>14.0} {:>6} MB",
            row.what,
            row.records,
            row.spent.cpu.as_millis(),
            row.spent.wall.as_millis(),
            row.per_cpu_second(),
            row.spent.peak_mb
        );
    }
}
