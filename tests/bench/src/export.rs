//! `bench export`: exporting a library, against what plain tools need for the same files in the
//! same run: durable copies on this disk, clones on disks that share contents, a rerun in which
//! nothing changed, and the daemon's memory at many assets. Sides take turns and medians are
//! compared; what this machine cannot do is said and passed over. All it writes is below one folder
//! and goes away again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use darkslide_fixture::{GrowOptions, ManyOptions, Model, grow, many};
use darkslide_tests::disks::{Disk, Kind};

use crate::Failed;
use crate::programs::{beside, darkslide, peak_of_child, timed};
use crate::report::{self, Row, median};
use crate::rerun;

/// What is copied: 2.4 GB that no file system compresses.
const PHOTOS: usize = 2_000;
const PHOTO_BYTES: usize = 1_200_000;
/// Tiny files.
const MEMORY: usize = 100_000;
/// Room for the photos and some, in an image that takes only what is written.
const IMAGE_MEGABYTES: u32 = 8_192;

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Wanted {
    folder: PathBuf,
    runs: usize,
    photos: usize,
    memory: usize,
    parts: Vec<String>,
}

const PARTS: &[&str] = &["copy", "xfs", "btrfs", "rerun", "memory"];

impl Wanted {
    pub(crate) fn parse(folder: &str, words: &[&str]) -> Result<Self, Failed> {
        let folder = fs::canonicalize(folder)?;
        let parts = Vec::new();
        let mut wanted = Self { folder, runs: 5, photos: PHOTOS, memory: MEMORY, parts };
        for pair in words.chunks(2) {
            match pair {
                ["--runs", runs] => wanted.runs = runs.parse::<usize>()?.max(1),
                ["--photos", photos] => wanted.photos = photos.parse()?,
                ["--memory", assets] => wanted.memory = assets.parse()?,
                ["--only", part] if PARTS.contains(part) => wanted.parts.push((*part).to_owned()),
                _ => return Err(format!("no such option: {}", pair.join(" ")).into()),
            }
        }
        Ok(wanted)
    }

    fn wants(&self, part: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|wanted| wanted == part)
    }
}

/// Measures everything and prints one table.
pub(crate) fn all(wanted: &Wanted) -> Result<(), Failed> {
    report::machine();
    println!("runs: {}; on {}", wanted.runs, file_system(&wanted.folder));
    let place = Place::new(&wanted.folder)?;
    let mut rows = Vec::new();
    let mut measure = |part: &str, count: usize, measured: &dyn Fn() -> Measured| {
        if wanted.wants(part) {
            eprintln!("measuring: {part}");
            match measured() {
                Ok(more) => rows.extend(more),
                Err(error) => rows.push(Row::skipped(count, part, &error.to_string())),
            }
        }
    };
    measure("copy", wanted.photos, &|| copy(wanted, &place));
    for (kind, options, target) in [("xfs", &["-m", "reflink=1"][..], "2"), ("btrfs", &[][..], "3")]
    {
        measure(kind, wanted.photos, &|| clone(wanted, &place, kind, options, target));
    }
    measure("rerun", rerun::FILES, &|| rerun::measure(wanted.runs, &place.0));
    measure("memory", wanted.memory, &|| memory(wanted, &place));
    report::print(&rows);
    Ok(())
}

pub(crate) type Measured = Result<Vec<Row>, Failed>;

/// A folder that goes away with this value.
struct Place(PathBuf);

impl Place {
    fn new(folder: &Path) -> Result<Self, Failed> {
        let place = folder.join(format!("bench-export-{}", std::process::id()));
        fs::create_dir(&place)?;
        Ok(Self(place))
    }

    fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("bench: {} stays: {error}", self.0.display());
        }
    }
}

/// The library that is copied, made once.
fn photos(wanted: &Wanted, place: &Place) -> Result<PathBuf, Failed> {
    let library = place.join("photos.photoslibrary");
    if !library.exists() {
        let options = ManyOptions { padding: PHOTO_BYTES, ..ManyOptions::default() };
        many(&library, Model::Photos11, wanted.photos, options)?;
        sync(&library)?;
    }
    Ok(library)
}

/// Hashed, atomic, durable copies against plain ones that are durable.
fn copy(wanted: &Wanted, place: &Place) -> Measured {
    let library = photos(wanted, place)?;
    let what = "export / cp -r && sync -f";
    let times = in_turn(wanted, &library, &place.0, &["-r"], &[])?;
    Ok(times.rows(wanted.photos, what, "0.85"))
}

/// Clones, on a disk of their own, against clones by `cp`.
fn clone(
    wanted: &Wanted,
    place: &Place,
    kind: &str,
    options: &[&str],
    target: &'static str,
) -> Measured {
    let library = photos(wanted, place)?;
    let folder = place.join(kind);
    fs::create_dir(&folder)?;
    let disk = Disk::make(&folder, Kind::Image(kind, IMAGE_MEGABYTES, options))?;
    let there = disk.path().join("photos.photoslibrary");
    timed(Command::new("cp").arg("-r").arg(&library).arg(&there))?;
    sync(disk.path())?;
    let words = ["-r", "--reflink=always"];
    let times = in_turn(wanted, &there, disk.path(), &words, &hash_never()?)?;
    drop(disk);
    fs::remove_dir_all(&folder)?;
    let what = format!("export by clone, {kind} / cp --reflink && sync -f");
    Ok(times.rows(wanted.photos, &what, target))
}

/// Times `cp` with a sync, and an export, by turns; each into a folder that is not there.
fn in_turn(
    wanted: &Wanted,
    library: &Path,
    folder: &Path,
    cp: &[&str],
    export: &[&str],
) -> Result<Times, Failed> {
    let program = beside("darkslide")?;
    let (plain, to) = (folder.join("plain"), folder.join("export"));
    let mut times = Times::default();
    // Once unmeasured, so that the source is in memory for both.
    for run in 0..=wanted.runs {
        let begun = Instant::now();
        timed(Command::new("cp").args(cp).arg(library.join("originals")).arg(&plain))?;
        sync(&plain)?;
        let floored = begun.elapsed();
        clear(&plain)?;
        let exported = timed(&mut exporting(&program, library, &to, export))?;
        if run > 0 {
            times.floor.push(floored);
            times.ours.push(exported);
        }
        clear(&to)?;
    }
    Ok(times)
}

/// What both sides took, run by run.
#[derive(Default)]
struct Times {
    floor: Vec<Duration>,
    ours: Vec<Duration>,
}

impl Times {
    /// By medians, and by the best of each: a disk that others use, too, is slow for a whole run of
    /// one side.
    fn rows(self, count: usize, what: &str, target: &'static str) -> Vec<Row> {
        let best = |times: &[Duration]| times.iter().min().copied().unwrap_or_default();
        let (ours, floor) = (best(&self.ours), best(&self.floor));
        vec![
            Row::times(count, what, median(self.ours), median(self.floor), target),
            Row::times(count, "the same, best of each", ours, floor, target),
        ]
    }
}

/// The most that the daemon had at once, in a first export and in a rerun.
fn memory(wanted: &Wanted, place: &Place) -> Measured {
    let program = beside("darkslide")?;
    let library = place.join("memory.photoslibrary");
    let options = GrowOptions { files_every: 1, ..GrowOptions::default() };
    grow(&library, Model::Photos11, wanted.memory, options)?;
    let to = place.join("memory");
    let mut rows = Vec::new();
    for what in ["peak memory of the daemon, first export", "the same, nothing changed"] {
        let begun = Instant::now();
        let peak = peak_of_child(&mut exporting(&program, &library, &to, &[]))?;
        eprintln!("{what}: in {:.1} s", begun.elapsed().as_secs_f64());
        rows.push(Row::memory(wanted.memory, what, peak, "32 MB"));
    }
    clear(&to)?;
    clear(&library)?;
    Ok(rows)
}

/// An export of everything. What is not on the disk in a library of rows only is no failure here.
pub(crate) fn exporting(program: &Path, library: &Path, to: &Path, more: &[&str]) -> Command {
    let mut command = darkslide(program, library, &["export", "--json"]);
    command.args(more).arg(to);
    command
}

/// The word for an export without digests, where the command line has it.
fn hash_never() -> Result<Vec<&'static str>, Failed> {
    let help = Command::new(beside("darkslide")?).args(["export", "--help"]).output()?;
    let has_it = String::from_utf8_lossy(&help.stdout).contains("--hash");
    Ok(if has_it { vec!["--hash", "never"] } else { Vec::new() })
}

fn sync(path: &Path) -> Result<(), Failed> {
    timed(Command::new("sync").arg("--file-system").arg(path)).map(drop)
}

/// Takes a folder away, and lets the disk come to rest.
fn clear(folder: &Path) -> Result<(), Failed> {
    fs::remove_dir_all(folder)?;
    sync(folder.parent().ok_or("a folder in a folder")?)
}

/// The kind of the file system of a folder.
fn file_system(folder: &Path) -> String {
    let output = Command::new("stat").args(["-f", "-c", "%T"]).arg(folder).output();
    output.map_or_else(
        |_| "unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
