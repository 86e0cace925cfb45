//! Crashes of whole jobs, at moments that nobody chose: a kill, a power cut, a disk that is full or
//! gone. What `interrupted.rs` tries at every operation of a few files is tried here on some 500,
//! with several batches, workers and merges, and on file systems of the test's own.
//!
//! After each crash no name holds half a file; then perhaps a person does something; then the next
//! run ends where an undisturbed one would have, and a further one has nothing to do. All of it is
//! slow and random: a number is told with which a run begins in the same way again.

#[path = "../../../../tests/src/disks.rs"]
mod disks;
mod kills;
mod moment;
mod poor_disks;
mod power_cuts;
mod tree;
mod user;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use darkslide_export::{Sizes, Summary};
use darkslide_fixture::{AssetSpec, Content, LibraryBuilder};

use crate::crashes::disks::{Disk, Kind};
use crate::crashes::tree::{Tree, manifest};
use crate::crashes::user::Touched;
use crate::exporting::{Bench, Run, shared};

/// Some ten batches, and a journal that is merged in mid-job: at 64 KiB a few times.
const SIZES: Sizes = Sizes { batch_files: 50 };
const WORKERS: usize = 2;
/// What may have been copied and is not published: a batch that is gathered, the assets that wait
/// for it (64 of at most two files), and what the workers have in hand.
const IN_HAND: u64 = 50 + 64 * 2 + 2 * 2;

/// Assets of the first library: 385 originals, 77 edits, 38 films.
const ASSETS: u32 = 385;
const FILES: u64 = 500;
/// Assets that are gone from it later, and others that have come.
const GONE: u32 = 15;
const NEW: u32 = 60;

/// Assets whose files are some 20 kB each, over the months of a year.
fn first(library: &mut LibraryBuilder) {
    for n in 0..ASSETS {
        library.asset(asset(n, n, 0));
    }
}

/// The same library after a while: names are new or exchanged, edits are others, assets have gone
/// and come.
fn later(library: &mut LibraryBuilder) {
    for n in 0..ASSETS - GONE {
        // Twelve further is the same month.
        let named = match n % 24 {
            3 => n + 12,
            15 => n - 12,
            7 => n + 10_000,
            _ => n,
        };
        library.asset(asset(n, named, u32::from(n % 15 == 4)));
    }
    for n in 0..NEW {
        let uuid = format!("0000{n:04X}-0000-4000-8000-0123456789AB");
        library.asset(asset(20_000 + n, 20_000 + n, 0).uuid(uuid));
    }
}

fn asset(n: u32, named: u32, edit: u32) -> AssetSpec {
    let month = u8::try_from(n % 12).unwrap() + 1;
    let content = |which: u32| Content::jpeg(n * 8 + which).padded(20_000 + which as usize);
    let mut asset = AssetSpec::photo(format!("IMG_{named:05}.JPG"), content(0));
    if n % 5 == 4 {
        asset = asset.edited(content(1 + edit));
    }
    if n % 10 == 9 {
        asset = asset.live(Content::mov(n * 8 + 3).padded(20_000));
    }
    asset.taken_on(2023, month, 1)
}

/// A job that is to be disturbed, and what it does undisturbed.
struct Case {
    /// The library of an export that was done before, if there was one.
    before: Option<Bench>,
    library: Bench,
    expected: Tree,
    /// As it was before the job.
    earlier: Tree,
    manifest: Vec<String>,
    /// `B3SUMS`, where there is one.
    sums: Option<String>,
}

impl Case {
    fn first_export() -> Self {
        Self::of(None, Bench::with(first).0)
    }

    fn later_export() -> Self {
        Self::of(Some(Bench::with(first).0), Bench::with(later).0)
    }

    fn of(before: Option<Bench>, library: Bench) -> Self {
        let (earlier, expected) = (Tree::default(), Tree::default());
        let (manifest, sums) = (Vec::new(), None);
        let mut case = Self { before, library, expected, earlier, manifest, sums };
        let place = tempfile::tempdir().unwrap();
        let bench = case.started(place.path());
        case.earlier = Tree::of(&bench);
        bench.run(run("undisturbed")).unwrap();
        case.expected = Tree::of(&bench);
        case.manifest = manifest_of(&bench);
        case.sums = sums_of(&bench);
        case
    }

    fn is_first(&self) -> bool {
        self.before.is_none()
    }

    /// A bench with a root in that folder, at which the job comes next.
    fn started(&self, folder: &Path) -> Bench {
        let root = folder.join("root");
        if root.exists() {
            std::fs::remove_dir_all(&root).unwrap();
        }
        std::fs::create_dir(&root).unwrap();
        if let Some(before) = &self.before {
            Bench::at(&before.bundle, &root).run(run("before")).unwrap();
        }
        Bench::at(&self.library.bundle, &root)
    }

    /// After a crash, whatever it was. A file that is renamed and written anew has its new name
    /// before its new content, so a whole content may be that of another name.
    #[track_caller]
    fn assert_no_half_file(&self, bench: &Bench, how: &str) {
        for (path, file) in Tree::of(bench).files() {
            let is_whole = [&self.earlier, &self.expected].map(|tree| tree.holds(&file.content));
            assert!(is_whole.contains(&true), "{how}: {path} is half a file");
        }
    }

    /// The next run makes good whatever happened, but for what a person touched.
    #[track_caller]
    fn assert_made_good(&self, bench: &Bench, touched: &Touched, how: &str) -> Summary {
        let summary = bench.run(run("resumed")).unwrap_or_else(|error| panic!("{how}: {error:?}"));
        let sum: u64 = summary.outcomes.values().sum();
        assert_eq!(sum, summary.selected, "{how}: the outcomes are the selection");
        let tree = Tree::of(bench);
        touched.assert_nothing_lost(self, bench, how);
        for path in tree.paths().chain(self.expected.paths()) {
            if !touched.concerns(path) {
                let pair = (tree.file(path), self.expected.file(path));
                assert_eq!(pair.0, pair.1, "{how}: {path}");
            }
        }
        bench.assert_settled();
        if touched.is_nothing() {
            assert_eq!(summary.trashed, 0, "{how}");
            self.assert_manifest(bench, how);
            assert!(sums_of(bench) == self.sums, "{how}: other sums");
        }
        let again = bench.run(run("again")).unwrap();
        assert_eq!(again.files, 0, "{how}: a further run copies nothing");
        assert!(Tree::of(bench) == tree, "{how}: a further run changes nothing");
        summary
    }

    /// The same but for inodes; and a folder of which no line had reached the journal may count as
    /// somebody else's, which costs nothing but that it is never removed.
    #[track_caller]
    fn assert_manifest(&self, bench: &Bench, how: &str) {
        let rows = manifest_of(bench);
        let is_folder = |row: &&String| row.starts_with(r#"{"folder""#);
        let lacking = self.manifest.iter().find(|row| !is_folder(row) && !rows.contains(row));
        assert_eq!(lacking, None, "{how}");
        let surplus = rows.iter().find(|row| !self.manifest.contains(row));
        assert_eq!(surplus, None, "{how}");
    }
}

fn run(job: &str) -> Run<'_> {
    Run { job, workers: WORKERS, sizes: SIZES, ..Run::default() }
}

fn manifest_of(bench: &Bench) -> Vec<String> {
    manifest(&bench.record("manifest.jsonl"))
}

fn sums_of(bench: &Bench) -> Option<String> {
    std::fs::read_to_string(bench.record("B3SUMS")).ok()
}

/// A disk of the test's own, in memory where there is such a place; none, and the test says so,
/// where this machine has none to give.
fn own_disk(kind: Kind<'_>) -> Option<(tempfile::TempDir, Disk)> {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let folder = folder.unwrap();
    match Disk::make(folder.path(), kind) {
        // In this order: the disk is unmounted before its folder goes.
        Ok(disk) => Some((folder, disk)),
        Err(why) => {
            shared::skip(&format!("no disk of its own: {why}"));
            None
        }
    }
}

/// How many crashes: a few, or what the variable of that name says.
fn wanted(variable: &str, few: usize) -> usize {
    std::env::var(variable).map_or(few, |number| number.parse().unwrap())
}

/// Numbers that look random; `DARKSLIDE_SEED` makes them the same again.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = u64::try_from(now.unwrap().as_millis()).unwrap();
        let seed = std::env::var("DARKSLIDE_SEED").map_or(now, |seed| seed.parse().unwrap());
        tell(&format!("DARKSLIDE_SEED={seed}"));
        Self(seed)
    }

    /// One of `0..below` (splitmix64).
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % below.max(1) as u64).unwrap()
    }

    /// A time that is shorter.
    fn roll_time(&mut self, below: Duration) -> Duration {
        Duration::from_micros(self.roll(usize::try_from(below.as_micros()).unwrap()) as u64)
    }
}

/// Says something that the test runner does not keep to itself.
fn tell(text: &str) {
    let thread = std::thread::current();
    let line = format!("\n{}: {text}\n", thread.name().unwrap_or("a test"));
    drop(std::io::stderr().write_all(line.as_bytes()));
}

/// Prints how many crashes hit each step.
fn tell_moments(moments: &BTreeMap<&'static str, usize>, with_temporaries: usize) {
    let all: usize = moments.values().sum();
    let steps: Vec<_> = moments.iter().map(|(step, count)| format!("{step} {count}")).collect();
    let steps = steps.join(", ");
    tell(&format!("{all} crashes: {steps}; {with_temporaries} with temporary files"));
}
