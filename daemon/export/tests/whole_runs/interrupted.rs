//! Whatever breaks a run off, the next one ends where an undisturbed one would have.
//!
//! Each operation of the door fails once; and, in a child process, the process ends before each of
//! them as a kill would end it, after which only the record tells what happened.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use darkslide_door::{Faults, Operation};
use darkslide_export::{ExportErrorKind, Outcome, Sizes, Stop};
use darkslide_fixture::{AssetSpec, Content, LibraryBuilder};
use serde_json::Value;

use crate::exporting::{Bench, Run, Told, one_of_each, plant, shared};

const EIO: i32 = 5;
const MANY: u64 = 100_000;

/// Five files of which four rotate and swap, beside one that is new and one that stays.
fn before(library: &mut LibraryBuilder) {
    rows(library, &["a.jpg", "b.jpg", "c.jpg", "x.jpg", "y.jpg", "s.jpg"]);
}

fn after(library: &mut LibraryBuilder) {
    rows(library, &["b.jpg", "c.jpg", "a.jpg", "y.jpg", "x.jpg", "s.jpg", "new.jpg"]);
}

fn rows(library: &mut LibraryBuilder, names: &[&str]) {
    for (name, seed) in names.iter().zip(1..) {
        let photo = AssetSpec::photo(*name, Content::jpeg(seed));
        library.asset(photo.taken_on(2024, 5, 1));
    }
}

type Tree = BTreeMap<String, Vec<u8>>;

/// The libraries of a run that is to be disturbed: built once, for no export changes them.
struct Case {
    first: Bench,
    then: Option<Bench>,
    sizes: Sizes,
}

/// So small that a job of a few files has many batches.
const SMALL: Sizes = Sizes { batch_files: 2 };

impl Case {
    fn new(first: fn(&mut LibraryBuilder), then: Option<fn(&mut LibraryBuilder)>) -> Self {
        let sizes = Sizes::default();
        Self { first: Bench::with(first).0, then: then.map(|then| Bench::with(then).0), sizes }
    }

    fn in_small_batches(self) -> Self {
        Self { sizes: SMALL, ..self }
    }

    fn is_in_small_batches(&self) -> bool {
        self.sizes.batch_files == SMALL.batch_files
    }

    /// Small batches take many operations: with the slower suites each is broken off, else some.
    fn step(&self) -> usize {
        if self.is_in_small_batches() && !shared::slow_wanted() { 7 } else { 1 }
    }

    /// A bench at which the run that is to be disturbed comes next.
    fn started(&self) -> Bench {
        let mut bench = Bench::beside(&self.first.bundle);
        if let Some(then) = &self.then {
            bench.export();
            bench.bundle.clone_from(&then.bundle);
        }
        bench
    }

    fn undisturbed(&self) -> Tree {
        let bench = self.started();
        bench.export();
        bench.tree()
    }
}

#[track_caller]
fn assert_made_good(bench: &Bench, expected: &Tree, n: u64) {
    let summary = bench.run(Run { workers: 1, ..Run::default() }).unwrap();
    assert_eq!(bench.tree(), *expected, "after a break at operation {n}");
    assert_eq!(summary.trashed, 0, "{n}");
    bench.assert_settled();
    let again = bench.run(Run { workers: 1, ..Run::default() }).unwrap();
    assert_eq!((again.files, again.outcomes.get(&Outcome::Renamed)), (0, None), "{n}");
    assert_eq!(again.outcomes.get(&Outcome::Adopted), None, "{n}");
    assert_eq!(again.outcomes.get(&Outcome::Kept), None, "{n}");
    assert_eq!(again.outcomes.get(&Outcome::Conflict), None, "{n}");
}

fn fail_every_operation_once(case: &Case) {
    let expected = case.undisturbed();
    // The first opens the root, which is boot's, not the export's.
    for n in (2..MANY).step_by(case.step()) {
        let bench = case.started();
        let faults = Faults::fail_nth(n, EIO);
        let run = Run { faults: faults.clone(), workers: 1, sizes: case.sizes, ..Run::default() };
        let answer = bench.run(run);
        for (path, content) in bench.tree() {
            let known = expected.values().any(|other| *other == content);
            assert!(known, "{path} is half a file after operation {n}");
        }
        assert_made_good(&bench, &expected, n);
        if faults.announced() < n {
            assert!(answer.is_ok());
            return;
        }
    }
}

#[test]
fn an_export_in_which_any_operation_fails_is_made_good_by_the_next() {
    fail_every_operation_once(&Case::new(one_of_each, None));
}

#[test]
fn renames_in_which_any_operation_fails_are_made_good_by_the_next() {
    fail_every_operation_once(&Case::new(before, Some(after)));
}

const BUNDLE: &str = "DARKSLIDE_TEST_BUNDLE";
const ROOT: &str = "DARKSLIDE_TEST_ROOT";
const KILL_BEFORE: &str = "DARKSLIDE_TEST_KILL_BEFORE";
const IN_SMALL_BATCHES: &str = "DARKSLIDE_TEST_IN_SMALL_BATCHES";

/// The child's part: exports, and ends in the middle. Without being asked to, it does nothing.
#[test]
fn child_that_is_killed() {
    let Ok(bundle) = std::env::var(BUNDLE) else {
        return;
    };
    let root = std::env::var(ROOT).unwrap();
    let n = std::env::var(KILL_BEFORE).unwrap().parse().unwrap();
    let bench = Bench::at(Path::new(&bundle), Path::new(&root));
    let sizes = if std::env::var(IN_SMALL_BATCHES).is_ok() { SMALL } else { Sizes::default() };
    let run = Run { faults: Faults::abort_before_nth(n), workers: 1, sizes, ..Run::default() };
    bench.run(run).unwrap();
}

impl Case {
    fn operations(&self) -> Vec<Operation> {
        let counted = Faults::count();
        let run = Run { faults: counted.clone(), workers: 1, sizes: self.sizes, ..Run::default() };
        self.started().run(run).unwrap();
        counted.operations()
    }

    /// A bench at which a run was killed before its operation number `n`.
    fn killed_before(&self, n: usize) -> Bench {
        let bench = self.started();
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "interrupted::child_that_is_killed"]);
        child.env(BUNDLE, &bench.bundle).env(ROOT, &bench.root);
        child.env(KILL_BEFORE, n.to_string());
        if self.is_in_small_batches() {
            child.env(IN_SMALL_BATCHES, "1");
        }
        let child = child.output().unwrap();
        assert!(!child.status.success(), "{n}: it was to be killed");
        bench
    }

    /// The same, before the first file got its name; all are flushed then, with intents.
    fn killed_before_publishing(&self) -> Bench {
        let operations = self.operations();
        let publishing = operations.iter().position(|it| *it == Operation::Publish).unwrap();
        self.killed_before(publishing + 1)
    }
}

fn kill_before_every_operation(case: &Case) {
    let expected = case.undisturbed();
    for n in (1..=case.operations().len()).step_by(case.step()) {
        let bench = case.killed_before(n);
        for (path, content) in bench.tree() {
            let known = expected.values().any(|other| *other == content);
            assert!(known, "{path} is half a file after a kill before operation {n}");
        }
        assert_made_good(&bench, &expected, n as u64);
    }
}

/// The temporary name and the final one of each file that is to be published.
fn intents(bench: &Bench) -> Vec<(String, String)> {
    let journal = std::fs::read_to_string(bench.record("journal.jsonl")).unwrap();
    let lines = journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let publish = lines.filter_map(|line| {
        let publish = &line["intent"]["intent"]["publish"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Some((text(&publish["tmp"])?, text(&publish["row"]["path"])?))
    });
    publish.collect()
}

#[test]
fn a_kill_between_link_and_unlink_is_made_good_as_a_publication() {
    let case = Case::new(one_of_each, None);
    let (bench, expected) = (case.killed_before_publishing(), case.undisturbed());
    let (tmp, path) = intents(&bench).remove(0);
    std::fs::create_dir_all(bench.path("2024/05")).unwrap();
    std::fs::hard_link(bench.record("tmp").join(tmp), bench.path(&path)).unwrap();
    assert_made_good(&bench, &expected, 0);
    let manifest = std::fs::read_to_string(bench.record("manifest.jsonl")).unwrap();
    assert!(manifest.contains(&path) && !manifest.contains("adopted"));
}

#[test]
fn a_place_that_cannot_be_entered_any_more_is_a_conflict_and_settles() {
    let case = Case::new(one_of_each, None);
    let expected = case.undisturbed();
    let a_link = |bench: &Bench| {
        let elsewhere = bench.root.parent().unwrap().join("elsewhere");
        std::fs::create_dir_all(&elsewhere).unwrap();
        std::os::unix::fs::symlink(elsewhere, bench.path("2024")).unwrap();
    };
    let a_file = |bench: &Bench| std::fs::write(bench.path("2024"), b"mine").unwrap();
    let deeper = |bench: &Bench| {
        std::fs::create_dir(bench.path("2024")).unwrap();
        std::fs::write(bench.path("2024/05"), b"mine").unwrap();
    };
    for block in [&a_link as &dyn Fn(&Bench), &a_file, &deeper] {
        let bench = case.killed_before_publishing();
        let files = intents(&bench).len() as u64;
        std::fs::remove_dir_all(bench.path("2024")).unwrap();
        block(&bench);
        for _ in 0..2 {
            let summary = bench.export();
            assert_eq!(summary.outcomes[&Outcome::Conflict], files);
            assert!(!bench.record("journal.jsonl").exists());
        }
        let blocked = bench.path("2024");
        let deeper = blocked.join("05");
        std::fs::remove_file(if deeper.is_file() { deeper } else { blocked }).unwrap();
        bench.export();
        assert_eq!(bench.tree(), expected);
        bench.assert_settled();
    }
}

#[test]
fn a_folder_in_the_place_of_a_temporary_file_does_not_hold_up_settling() {
    let case = Case::new(one_of_each, None);
    let (bench, expected) = (case.killed_before_publishing(), case.undisturbed());
    let (tmp, _) = intents(&bench).remove(0);
    let tmp = bench.record("tmp").join(tmp);
    std::fs::remove_file(&tmp).unwrap();
    std::fs::create_dir(&tmp).unwrap();
    assert_eq!(bench.export().trashed, 1);
    assert_eq!(bench.tree(), expected);
    bench.assert_settled();
}

#[test]
fn an_export_that_is_killed_anywhere_is_made_good_by_the_next() {
    kill_before_every_operation(&Case::new(one_of_each, None));
}

#[test]
fn renames_that_are_killed_anywhere_are_made_good_by_the_next() {
    kill_before_every_operation(&Case::new(before, Some(after)));
}

/// A chain of five, a swap and four new files.
fn shifting() -> Case {
    let before: fn(&mut LibraryBuilder) = |library| {
        rows(library, &["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg", "x.jpg", "y.jpg"]);
    };
    let after: fn(&mut LibraryBuilder) = |library| {
        let moved = ["b.jpg", "c.jpg", "d.jpg", "e.jpg", "f.jpg", "y.jpg", "x.jpg"];
        rows(library, &[&moved[..], &["1.jpg", "2.jpg", "3.jpg", "4.jpg"]].concat());
    };
    Case::new(before, Some(after)).in_small_batches()
}

#[test]
fn many_small_batches_end_in_the_same_tree_and_manifest_as_one_and_are_merged_once() {
    let case = shifting();
    let bench = case.started();
    let told = Told::default();
    let faults = Faults::count();
    let run = Run { workers: 1, sizes: SMALL, faults: faults.clone(), ..Run::default() };
    let summary = bench.run_told(run, &told).unwrap();
    assert_eq!(summary.outcomes[&Outcome::Renamed], 7);
    assert_eq!(summary.outcomes[&Outcome::Copied], 4);
    let merges = faults.operations().into_iter().filter(|it| *it == Operation::RemoveRecord);
    assert_eq!(merges.count(), 1);
    assert_eq!(bench.tree(), case.undisturbed());
    let whole = case.started();
    whole.export();
    let paths = |bench: &Bench| -> Vec<String> {
        let manifest = std::fs::read_to_string(bench.record("manifest.jsonl")).unwrap();
        let rows = manifest.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        rows.map(|row| format!("{} {}", row["file"]["path"], row["file"]["blake3"])).collect()
    };
    assert_eq!(paths(&bench), paths(&whole));
    bench.assert_settled();
}

#[test]
fn many_small_batches_in_which_any_operation_fails_are_made_good_by_the_next() {
    fail_every_operation_once(&shifting());
}

#[test]
fn many_small_batches_that_are_killed_anywhere_are_made_good_by_the_next() {
    kill_before_every_operation(&shifting());
}

#[test]
fn a_stop_is_heard_while_the_work_of_an_earlier_job_is_settled() {
    let case = Case::new(one_of_each, None);
    let (bench, expected) = (case.killed_before_publishing(), case.undisturbed());
    let waiting = intents(&bench);
    let run = Run { stop: &|| Stop::AfterFile, ..Run::default() };
    assert_eq!(bench.run(run).unwrap_err().kind(), ExportErrorKind::Stopped);
    assert_eq!(intents(&bench), waiting, "the journal and what it speaks of are left as they are");
    for (tmp, _) in &waiting {
        assert!(bench.record("tmp").join(tmp).exists());
    }
    assert_made_good(&bench, &expected, 0);
}

#[test]
fn a_job_that_is_stopped_leaves_whole_files_and_goes_on_later() {
    for how in [Stop::AfterFile, Stop::Now] {
        let case = Case::new(one_of_each, None);
        let (bench, expected) = (case.started(), case.undisturbed());
        let told = Told::default();
        let asked = AtomicUsize::new(0);
        // Only once the copying has begun.
        let stop = || {
            let copying = told.planned.lock().unwrap().is_some();
            if copying && asked.fetch_add(1, Ordering::SeqCst) > 6 { how } else { Stop::GoOn }
        };
        let run = Run { stop: &stop, workers: 1, ..Run::default() };
        let error = bench.run_told(run, &told).unwrap_err();
        assert_eq!(error.kind(), ExportErrorKind::Stopped);
        let tree = bench.tree();
        assert!(tree.len() < expected.len());
        assert_eq!(tree.is_empty(), how == Stop::Now, "what is copied is still published");
        bench.assert_settled();
        bench.export();
        assert_eq!(bench.tree(), expected);
    }
}

#[test]
fn what_nobody_explains_goes_to_the_trash() {
    let (bench, _) = Bench::with(one_of_each);
    bench.export();
    let own = "0123456789abcdef0123456789abcdef";
    plant(bench.record("tmp").join(own), b"ours").unwrap();
    plant(bench.record("tmp/notes.txt"), b"not ours").unwrap();
    plant(bench.record("aside").join(own), b"whose?").unwrap();
    let summary = bench.export();
    assert_eq!(summary.trashed, 2);
    let trash = bench.record("trash/2024-05-31");
    assert_eq!(std::fs::read(trash.join("notes.txt")).unwrap(), b"not ours");
    assert_eq!(std::fs::read(trash.join(own)).unwrap(), b"whose?");
    bench.assert_settled();
}
