//! What is printed: facts of the machine, and one row for each measurement with its floor and the
//! ratio of the two. Medians of runs that took turns, so that a slow minute of the machine meets
//! both sides alike.

use std::fs;
use std::time::Duration;

/// A row of the table.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) assets: usize,
    pub(crate) what: String,
    pub(crate) ours: String,
    pub(crate) floor: String,
    pub(crate) ratio: Option<f64>,
    pub(crate) target: &'static str,
}

impl Row {
    /// Compares two times.
    pub(crate) fn times(
        assets: usize,
        what: impl Into<String>,
        ours: Duration,
        floor: Duration,
        target: &'static str,
    ) -> Self {
        let (what, ratio) = (what.into(), ours.as_secs_f64() / floor.as_secs_f64());
        Self { assets, what, ours: shown(ours), floor: shown(floor), ratio: Some(ratio), target }
    }

    /// Tells a peak of memory.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub(crate) fn memory(
        assets: usize,
        what: impl Into<String>,
        kilobytes: u64,
        target: &'static str,
    ) -> Self {
        let ours = format!("{:.1} MB", kilobytes as f64 / 1_000.0);
        Self { assets, what: what.into(), ours, floor: String::new(), ratio: None, target }
    }

    /// Says that something was not measured, and why.
    pub(crate) fn skipped(assets: usize, what: impl Into<String>, why: &str) -> Self {
        let ours = format!("skipped: {why}");
        Self { assets, what: what.into(), ours, floor: String::new(), ratio: None, target: "" }
    }

    fn print(&self) {
        let ratio = self.ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        println!(
            "{:>9}  {:44} {:>12} {:>12} {:>9}  {}",
            self.assets, self.what, self.ours, self.floor, ratio, self.target
        );
    }
}

/// Prints the whole table.
pub(crate) fn print(rows: &[Row]) {
    println!(
        "{:>9}  {:44} {:>12} {:>12} {:>9}  target",
        "assets", "what", "ours", "floor", "ratio"
    );
    rows.iter().for_each(Row::print);
}

/// Prints what the numbers depend on.
pub(crate) fn machine() {
    let line = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let cpu = line("/proc/cpuinfo");
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name"));
    let cpu = cpu.map_or("unknown processor", |name| name.trim_start_matches(['\t', ' ', ':']));
    let load = line("/proc/loadavg");
    println!("machine: {cores} cores, {cpu}, Linux {}", line("/proc/sys/kernel/osrelease"));
    println!("load before the run: {load}; SQLite {}", rusqlite::version());
}

/// The middle one.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

pub(crate) fn shown(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        0.0..0.001 => format!("{:.1} us", seconds * 1e6),
        0.001..1.0 => format!("{:.2} ms", seconds * 1e3),
        _ => format!("{seconds:.2} s"),
    }
}
