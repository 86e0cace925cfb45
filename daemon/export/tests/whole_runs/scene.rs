//! One job with every kind of intent, and the kinds of disks that it can run on.
//!
//! Published: new files and removed ones. Replaced: edits, one of another format, one of a renamed
//! photo, one that was taken over, and what somebody changed. Moved: a rotation, a swap, a chain,
//! and what an asset that is gone leaves to one that came. Taken over: a stranger's file, and ours
//! under a new UUID. All of it in batches of two.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use darkslide_door::Faults;
use darkslide_export::{Hashing, OnDestChange, Outcome, Sizes, Spec, Summary};
use darkslide_fixture::{AssetSpec, Content, LibraryBuilder};

use crate::exporting::{Bench, Run, digests};
use crate::looking::photo;

pub(crate) const FOLDER: &str = "2024/05";
/// So small that a job of a few files has many batches.
const SMALL: Sizes = Sizes { batch_files: 2 };
/// What somebody wrote before the job that is to be disturbed.
pub(crate) const HIS: &[u8] = b"what somebody made of t.jpg";

/// A file system by what it lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disk {
    Whole,
    NoExchange,
    NoExclusiveRename,
    /// As exFAT.
    Neither,
    FlagsIgnored,
    FlagsIgnoredAndNoLinks,
    NoSyncfs,
    NoLocks,
}

pub(crate) const DISKS: [Disk; 8] = [
    Disk::Whole,
    Disk::NoExchange,
    Disk::NoExclusiveRename,
    Disk::Neither,
    Disk::FlagsIgnored,
    Disk::FlagsIgnoredAndNoLinks,
    Disk::NoSyncfs,
    Disk::NoLocks,
];

impl Disk {
    fn faults(self) -> Faults {
        match self {
            Self::Whole => Faults::count(),
            Self::NoExchange => Faults::without_exchange(),
            Self::NoExclusiveRename => {
                Faults::without_exclusive_rename().and(Faults::without_exchange())
            }
            Self::Neither => Self::NoExclusiveRename.faults().and(Faults::without_links()),
            Self::FlagsIgnored => Faults::flags_ignored(),
            Self::FlagsIgnoredAndNoLinks => Faults::flags_ignored().and(Faults::without_links()),
            Self::NoSyncfs => Faults::without_syncfs(),
            Self::NoLocks => Faults::without_flock(),
        }
    }

    fn number(self) -> usize {
        DISKS.iter().position(|disk| *disk == self).unwrap()
    }

    /// Where a name can be held by an empty file until it is given.
    fn has_placeholders(self) -> bool {
        matches!(self, Self::Neither | Self::FlagsIgnoredAndNoLinks)
    }
}

fn asset(library: &mut LibraryBuilder, number: u32, spec: AssetSpec) {
    library.asset(spec.uuid(format!("{number:08}-0000-4000-8000-000000000000")));
}

/// Each with the seed of its number, and some with an edit.
fn rows(library: &mut LibraryBuilder, rows: &[(u32, &str, Option<Content>)]) {
    for (number, name, edit) in rows {
        let photo = photo(name, *number);
        let photo = match edit {
            Some(edit) => photo.edited(edit.clone()),
            None => photo,
        };
        asset(library, *number, photo);
    }
}

fn before(library: &mut LibraryBuilder) {
    let plain = ["a.jpg", "b.jpg", "c.jpg", "x.jpg", "y.jpg", "p.jpg", "q.jpg", "s.jpg"];
    let plain: Vec<_> = (1..).zip(plain).map(|(number, name)| (number, name, None)).collect();
    rows(library, &plain);
    let edits = [(9, "e.jpg"), (10, "f.jpg"), (11, "m.jpg"), (16, "h.jpg")];
    let edits = edits.map(|(number, name)| (number, name, Some(Content::jpeg(number + 50))));
    rows(library, &edits);
    rows(library, &[(12, "t.jpg", None), (13, "v.jpg", None)]);
    rows(library, &[(14, "gone.jpg", None), (15, "k.jpg", None)]);
}

fn after(library: &mut LibraryBuilder) {
    let plain = ["b.jpg", "c.jpg", "a.jpg", "y.jpg", "x.jpg", "q.jpg", "r.jpg", "s.jpg"];
    let plain: Vec<_> = (1..).zip(plain).map(|(number, name)| (number, name, None)).collect();
    rows(library, &plain);
    let edit = |number: u32| Some(Content::jpeg(number + 70).padded(900));
    let heic = Some(Content::heic(80).padded(900));
    rows(library, &[(9, "e.jpg", edit(9)), (10, "f.jpg", heic), (11, "mm.jpg", edit(11))]);
    rows(library, &[(16, "h.jpg", edit(16)), (12, "t.jpg", None), (13, "v.jpg", None)]);
    // The same photos under other UUIDs.
    asset(library, 114, photo("came.jpg", 14));
    asset(library, 115, photo("k.jpg", 15));
    rows(library, &[(17, "n.jpg", None), (18, "o.jpg", None)]);
}

pub(crate) type Tree = BTreeMap<String, Vec<u8>>;

/// How a run ends that nobody disturbs.
pub(crate) struct Ended {
    pub(crate) tree: Tree,
    /// Digests, without names: equal ones have a number, in the order in which they came.
    pub(crate) trash: Vec<String>,
    /// The digests of what was there before, and is there now.
    pub(crate) known: BTreeSet<String>,
    pub(crate) summary: Summary,
    pub(crate) again: BTreeMap<Outcome, u64>,
}

/// The digests of what is in the trash, once for each file: where names are given by links, one may
/// have two. An empty file may have held a name there; nothing of this scene is empty.
pub(crate) fn trash(bench: &Bench) -> Vec<String> {
    let inode = |path: &str| fs::metadata(bench.record("trash").join(path)).unwrap().ino();
    let files = bench.trash().into_iter().filter(|(_, content)| !content.is_empty());
    let files: BTreeMap<u64, Vec<u8>> =
        files.map(|(path, content)| (inode(&path), content)).collect();
    let mut digests: Vec<_> =
        files.values().map(|content| blake3::hash(content).to_hex().to_string()).collect();
    digests.sort();
    digests
}

/// The libraries, built once, and the disk.
pub(crate) struct Scene {
    before: Bench,
    after: Bench,
    pub(crate) disk: Disk,
    hashing: Hashing,
}

pub(crate) const BUNDLE: &str = "DARKSLIDE_TEST_SCENE_BUNDLE";
const ROOT: &str = "DARKSLIDE_TEST_SCENE_ROOT";
const DISK: &str = "DARKSLIDE_TEST_SCENE_DISK";
const KILL_BEFORE: &str = "DARKSLIDE_TEST_SCENE_KILL_BEFORE";
const WITHOUT_HASHES: &str = "DARKSLIDE_TEST_SCENE_WITHOUT_HASHES";

impl Scene {
    pub(crate) fn new(disk: Disk) -> Self {
        let (first, then) = (Bench::in_memory(), Bench::in_memory());
        first.rebuild(before);
        then.rebuild(after);
        Self { before: first, after: then, disk, hashing: Hashing::Copied }
    }

    /// As if all contents were cloned: nothing proves what is ours.
    pub(crate) fn without_hashes(self) -> Self {
        Self { hashing: Hashing::Never, ..self }
    }

    pub(crate) fn has_hashes(&self) -> bool {
        self.hashing != Hashing::Never
    }

    /// Which operations are disturbed when there is no time for all of them: each disk has others.
    pub(crate) fn points(&self, last: u64) -> impl Iterator<Item = u64> + use<> {
        let slow = crate::exporting::shared::slow_wanted();
        let first = 2 + if slow { 0 } else { self.disk.number() as u64 };
        (first..=last).step_by(if slow { 1 } else { 7 })
    }

    pub(crate) fn run(&self, faults: Faults) -> Run<'static> {
        let on_dest_change = OnDestChange::Restore;
        let spec = Spec { on_dest_change, hashing: self.hashing, ..Spec::everything() };
        Run { spec, faults, workers: 1, sizes: SMALL, ..Run::default() }
    }

    pub(crate) fn faults(&self, more: Faults) -> Faults {
        self.disk.faults().and(more)
    }

    /// A bench at which the run that is to be disturbed comes next.
    pub(crate) fn started(&self) -> Bench {
        let mut bench = Bench::beside(&self.before.bundle);
        let path = |name: &str| bench.path(FOLDER).join(name);
        fs::create_dir_all(bench.path(FOLDER)).unwrap();
        fs::write(path("h_edited.jpg"), Content::jpeg(66).bytes()).unwrap();
        bench.run(self.run(self.faults(Faults::none()))).unwrap();
        fs::write(path("t.jpg"), HIS).unwrap();
        fs::remove_file(path("v.jpg")).unwrap();
        fs::write(path("o.jpg"), Content::jpeg(18).bytes()).unwrap();
        bench.bundle.clone_from(&self.after.bundle);
        bench
    }

    pub(crate) fn again(&self, bench: &Bench) -> Summary {
        bench.run(self.run(self.faults(Faults::none()))).unwrap()
    }

    pub(crate) fn undisturbed(&self) -> Ended {
        let bench = self.started();
        let mut known = digests(&bench.tree());
        let summary = self.again(&bench);
        bench.assert_settled();
        let (tree, trash) = (bench.tree(), trash(&bench));
        known.extend(digests(&tree));
        Ended { tree, trash, known, summary, again: self.again(&bench).outcomes }
    }

    pub(crate) fn operations(&self) -> u64 {
        let faults = self.faults(Faults::none());
        self.started().run(self.run(faults.clone())).unwrap();
        faults.announced()
    }

    /// A bench at which a run was killed before its operation number `n`.
    pub(crate) fn killed_before(&self, n: u64) -> Bench {
        let bench = self.started();
        assert!(self.is_killed(&bench, n), "{n}: it was to be killed");
        bench
    }

    /// Runs in a child process that is killed before operation number `n`; was it?
    pub(crate) fn is_killed(&self, bench: &Bench, n: u64) -> bool {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "sweeps::child_that_is_killed"]);
        child.env(BUNDLE, &bench.bundle).env(ROOT, &bench.root);
        child.env(DISK, self.disk.number().to_string()).env(KILL_BEFORE, n.to_string());
        if self.hashing == Hashing::Never {
            child.env(WITHOUT_HASHES, "1");
        }
        !child.output().unwrap().status.success()
    }

    /// No content is half a file; what holds a name for a file that comes is none.
    pub(crate) fn assert_whole(&self, bench: &Bench, known: &[&Tree], n: u64) {
        for (path, content) in bench.tree() {
            let is_known = known.iter().any(|tree| tree.values().any(|other| *other == content));
            let holds_a_name = self.disk.has_placeholders() && content.is_empty();
            assert!(is_known || holds_a_name, "{path} is half a file: {n} {:?}", self.disk);
        }
    }
}

/// The child's part.
pub(crate) fn run_and_be_killed(bundle: &str) {
    let variable = |name| std::env::var(name).unwrap();
    let bench = Bench::at(bundle.as_ref(), variable(ROOT).as_ref());
    let disk = DISKS[variable(DISK).parse::<usize>().unwrap()];
    let kill = Faults::abort_before_nth(variable(KILL_BEFORE).parse().unwrap());
    let without_hashes = std::env::var(WITHOUT_HASHES).is_ok();
    let hashing = if without_hashes { Hashing::Never } else { Hashing::Copied };
    let before = Bench::at(&bench.bundle, &bench.root);
    let scene = Scene { before, after: bench, disk, hashing };
    scene.after.run(scene.run(scene.faults(kill))).unwrap();
}
