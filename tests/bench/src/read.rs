//! `bench read`: reading a library, at each size, against the floors of the same run. Sides take
//! turns and medians are compared; what cannot be measured here is said and passed over, so that
//! the rest of the table still comes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use darkslide_fixture::{GrowOptions, Model, grow};
use nix::sys::resource::UsageWho;
use serde_json::json;

use crate::Failed;
use crate::calls::{self, Calls};
use crate::floor::{self, Order};
use crate::programs::{beside, darkslide, peak_of_child, timed, work};
use crate::report::{self, Row, median};

/// At which size the start is measured, and at which the peer.
const START_AT: usize = 100_000;
const PEER_AT: usize = 10_000;

/// Calls and starts are short: so many of them for each run of the long ones.
const SHORT_PER_RUN: usize = 20;

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Wanted {
    folder: PathBuf,
    sizes: Vec<usize>,
    runs: usize,
    /// What `--at-once` shall say, each in a dump of its own: 1 keeps one reader busy, more both.
    at_once: Vec<String>,
    dump_flags: Vec<String>,
    osxphotos: Option<PathBuf>,
}

impl Wanted {
    pub(crate) fn parse(folder: &str, words: &[&str]) -> Result<Self, Failed> {
        let mut wanted = Self {
            folder: folder.into(),
            sizes: Vec::new(),
            runs: 3,
            at_once: Vec::new(),
            dump_flags: Vec::new(),
            osxphotos: installed("osxphotos"),
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} wants a value"));
            match *word {
                "--runs" => wanted.runs = value()?.parse::<usize>()?.max(1),
                "--at-once" => wanted.at_once.push((*value()?).to_owned()),
                "--dump-flag" => wanted.dump_flags.push((*value()?).to_owned()),
                "--osxphotos" => wanted.osxphotos = Some(value()?.into()),
                size => wanted.sizes.push(size.parse()?),
            }
        }
        Ok(wanted)
    }

    /// The dumps that are to be compared; at least one.
    fn dumps(&self) -> Vec<Dump> {
        let dump = |more: &[String]| Dump {
            flags: self.dump_flags.iter().chain(more).cloned().collect(),
            times: Vec::new(),
            worked: Vec::new(),
            failed: None,
        };
        if self.at_once.is_empty() {
            return vec![dump(&[])];
        }
        let at_once = self.at_once.iter();
        at_once.map(|pages| dump(&["--at-once".to_owned(), pages.clone()])).collect()
    }

    fn library(&self, size: usize) -> Result<PathBuf, Failed> {
        let bundle = self.folder.join(format!("{size}.photoslibrary"));
        if !bundle.exists() {
            eprintln!("growing {}", bundle.display());
            grow(&bundle, Model::Photos11, size, GrowOptions::default())?;
        }
        // A policy wants whole paths.
        Ok(bundle.canonicalize()?)
    }
}

/// Measures everything at every size and prints one table.
pub(crate) fn all(wanted: Wanted) -> Result<(), Failed> {
    report::machine();
    println!("runs: {}", wanted.runs);
    let mut rows = Vec::new();
    let mut first_pages: Vec<(usize, Duration)> = Vec::new();
    for size in &wanted.sizes {
        let library = wanted.library(*size)?;
        let measured = [
            ("dump", dump(&wanted, &library, *size)),
            ("calls", by_calls(&wanted, &library, *size, &mut first_pages)),
            ("start", start(&wanted, &library, *size)),
            ("peer", peer(&wanted, &library, *size)),
        ];
        for (what, measured) in measured {
            match measured {
                Ok(more) => rows.extend(more),
                Err(error) => rows.push(Row::skipped(*size, what, &error.to_string())),
            }
        }
    }
    report::print(&rows);
    Ok(())
}

/// The dump against plain SQL and its looks, in both orders; and the daemon's memory.
fn dump(wanted: &Wanted, library: &Path, size: usize) -> Result<Vec<Row>, Failed> {
    let program = beside("darkslide")?;
    let mut dumps: Vec<Dump> = wanted.dumps();
    // Once for the cache, so that nobody pays for the disk.
    let sum = floor::read(library, Order::Rows)?;
    println!("floor at {size}: {} rows, {} bytes, {} looks", sum.rows, sum.bytes, sum.looks);
    let (mut by_rows, mut by_uuids, mut worked) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..wanted.runs {
        for (order, times) in [(Order::Rows, &mut by_rows), (Order::Uuids, &mut by_uuids)] {
            let (begun, before) = (Instant::now(), work(UsageWho::RUSAGE_SELF));
            floor::read(library, order)?;
            times.push(begun.elapsed());
            if order == Order::Uuids {
                worked.push(work(UsageWho::RUSAGE_SELF).saturating_sub(before));
            }
        }
        for dump in dumps.iter_mut().filter(|dump| dump.failed.is_none()) {
            let before = work(UsageWho::RUSAGE_CHILDREN);
            match timed(&mut darkslide(&program, library, &dump.words())) {
                Ok(time) => dump.times.push(time),
                Err(error) => dump.failed = Some(error.to_string()),
            }
            dump.worked.push(work(UsageWho::RUSAGE_CHILDREN).saturating_sub(before));
        }
    }
    let (by_rows, by_uuids, worked) = (median(by_rows), median(by_uuids), median(worked));
    let what = "floor in the order of UUIDs / of rows";
    let mut rows = vec![Row::times(size, what, by_uuids, by_rows, "")];
    for dump in dumps {
        let name = dump.words().join(" ");
        if let Some(why) = &dump.failed {
            rows.push(Row::skipped(size, name, why));
            continue;
        }
        let peak = peak_of_child(&mut darkslide(&program, library, &dump.words()))?;
        let time = median(dump.times);
        let target = "one reader 2.3, two 1.5";
        rows.push(Row::times(size, format!("{name} / SQL, rows"), time, by_rows, target));
        rows.push(Row::times(size, format!("{name} / SQL, UUIDs"), time, by_uuids, ""));
        let what = format!("{name} / SQL, UUIDs: processor time");
        rows.push(Row::times(size, what, median(dump.worked), worked, ""));
        rows.push(Row::memory(size, format!("peak memory of the daemon, {name}"), peak, "24 MB"));
    }
    Ok(rows)
}

/// One way to dump, and how long it took.
#[derive(Debug)]
struct Dump {
    flags: Vec<String>,
    times: Vec<Duration>,
    /// What all its processes worked.
    worked: Vec<Duration>,
    failed: Option<String>,
}

impl Dump {
    fn words(&self) -> Vec<&str> {
        std::iter::once("dump").chain(self.flags.iter().map(String::as_str)).collect()
    }
}

/// What one warm connection is told.
fn by_calls(
    wanted: &Wanted,
    library: &Path,
    size: usize,
    first_pages: &mut Vec<(usize, Duration)>,
) -> Result<Vec<Row>, Failed> {
    let mut calls = Calls::start(&beside("darkslided")?, library)?;
    let (least, count) = (json!({"brief": true}), calls::favourites());
    calls.check("health", &least)?;
    let database = floor::open(&library.join("database/Photos.sqlite"))?;
    let plain = floor::favourites(&database)?;
    let told = calls.check("asset.count", &count)?;
    if told.get("count") != Some(&json!(plain)) {
        println!("favourites at {size}: plain SQL counts {plain}, the daemon says {told}");
    }
    let (mut sql, mut trips, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..wanted.runs * SHORT_PER_RUN {
        let begun = Instant::now();
        floor::favourites(&database)?;
        sql.push(begun.elapsed());
        trips.push(calls.timed("health", &least)?);
        counts.push(calls.timed("asset.count", &count)?);
    }
    let floor = median(sql) + median(trips);
    let mut rows = vec![Row::times(
        size,
        "count of favourites / its SQL and a round trip",
        median(counts),
        floor,
        "1.3",
    )];
    let page = calls::newest();
    if let Err(error) = calls.check("asset.query", &page) {
        rows.push(Row::skipped(size, "first page of 100 newest, all fields", &error.to_string()));
        return Ok(rows);
    }
    let mut pages = Vec::new();
    for _ in 0..wanted.runs * SHORT_PER_RUN {
        pages.push(calls.timed("asset.query", &page)?);
    }
    first_pages.push((size, median(pages)));
    let what = "peak memory of the daemon in these calls";
    rows.push(Row::memory(size, what, calls.peak(), "24 MB"));
    if let (Some((_, smallest)), Some((_, this))) = (first_pages.first(), first_pages.last()) {
        let what = "first page of 100 / at the first size";
        rows.push(Row::times(size, what, *this, *smallest, "1.3"));
    }
    Ok(rows)
}

/// From nothing to the first count, against the least that two processes and that one can do.
fn start(wanted: &Wanted, library: &Path, size: usize) -> Result<Vec<Row>, Failed> {
    if size != START_AT {
        return Ok(Vec::new());
    }
    let (program, bare) = (beside("darkslide")?, beside("bare")?);
    let (mut ours, mut pair, mut alone) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..wanted.runs * SHORT_PER_RUN {
        pair.push(timed(&mut Command::new(&bare))?);
        alone.push(timed(Command::new(&bare).arg("answer"))?);
        ours.push(timed(&mut darkslide(&program, library, &["count"]))?);
    }
    let (ours, pair, alone) = (median(ours), median(pair), median(alone));
    Ok(vec![
        Row::times(size, "first count from nothing / two bare processes", ours, pair, "4.5"),
        Row::times(size, "first count from nothing / one bare process", ours, alone, ""),
    ])
}

/// The peer's dump against ours, once: it takes a minute and more.
fn peer(wanted: &Wanted, library: &Path, size: usize) -> Result<Vec<Row>, Failed> {
    let what = "the peer's dump / ours";
    if size != PEER_AT {
        return Ok(Vec::new());
    }
    let Some(peer) = &wanted.osxphotos else {
        return Ok(vec![Row::skipped(size, what, "no osxphotos (--osxphotos PROGRAM)")]);
    };
    let theirs = timed(Command::new(peer).args(["dump", "--json", "--library"]).arg(library))?;
    let program = beside("darkslide")?;
    let mut ours = Vec::new();
    for dump in wanted.dumps() {
        ours.push(timed(&mut darkslide(&program, library, &dump.words()))?);
    }
    // The slowest of ours.
    let ours = ours.into_iter().max().unwrap_or_default();
    let ratio = Some(theirs.as_secs_f64() / ours.as_secs_f64());
    let (ours, floor) = (report::shown(ours), report::shown(theirs));
    let (what, target) = (what.to_owned(), "at least 200");
    Ok(vec![Row { assets: size, what, ours, floor, ratio, target }])
}

/// Finds a program where a shell would.
fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}
