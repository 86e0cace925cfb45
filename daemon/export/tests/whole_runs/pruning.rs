//! What prune puts into the trash, what it keeps, and that it never goes without a plan.
//!
//! The library loses assets between export and prune: it is built anew without them, under the same
//! UUID. A prune that is broken off anywhere is made good by the next.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use darkslide_door::Faults;
use darkslide_export::{By, ExportErrorKind, MaxDelete, Outcome, Sizes, Summary};
use darkslide_fixture::{AssetSpec, Content, LibraryBuilder};

use crate::exporting::{Bench, JOB, Pruning, Run, plant};
use crate::real_libraries::unpacked;
use crate::verifying::moved_elsewhere;

const LIBRARY: &str = "11111111-1111-4111-8111-111111111111";
const PLAN: &str = "plan";
const EIO: i32 = 5;

fn uuid(n: usize) -> String {
    format!("22222222-2222-4222-8222-{n:012}")
}

fn photo(n: usize) -> AssetSpec {
    let seed = u32::try_from(n).unwrap();
    let day = u8::try_from(n % 28 + 1).unwrap();
    let spec = AssetSpec::photo(format!("p{n}.jpg"), Content::jpeg(seed));
    spec.uuid(uuid(n)).taken_on(2000 + i32::try_from(n).unwrap(), 5, day)
}

/// Those of the first `count` that `keep` keeps, as it shows them.
fn library(
    count: usize,
    keep: impl Fn(usize, AssetSpec) -> Option<AssetSpec>,
) -> impl FnOnce(&mut LibraryBuilder) {
    move |library| {
        library.uuid(LIBRARY);
        for spec in (0..count).filter_map(|n| keep(n, photo(n))) {
            library.asset(spec);
        }
    }
}

fn all(count: usize) -> impl FnOnce(&mut LibraryBuilder) {
    library(count, |_, spec| Some(spec))
}

/// The same without the first ones.
fn without(first: usize, count: usize) -> impl FnOnce(&mut LibraryBuilder) {
    library(count, move |n, spec| (n >= first).then_some(spec))
}

fn path_of(n: usize) -> String {
    format!("{}/05/p{n}.jpg", 2000 + n)
}

/// A destination of ten files, of which the first two have no asset any more.
fn two_gone() -> Bench {
    let (bench, _) = Bench::with(all(10));
    bench.export();
    bench.rebuild(without(2, 10));
    bench
}

fn plan(bench: &Bench) -> Summary {
    bench.prune(Pruning { job: PLAN, ..Pruning::default() }).unwrap()
}

fn execute(bench: &Bench) -> Summary {
    bench.prune(Pruning { plan: Some(PLAN), ..Pruning::default() }).unwrap()
}

/// Outcome, path and reason of each row.
fn rows(bench: &Bench, job: &str) -> Vec<(Outcome, String, Option<String>)> {
    let rows = bench.report_page(job, 0, 1_000, false).unwrap().0;
    rows.into_iter().map(|row| (row.outcome, row.path.unwrap(), row.reason)).collect()
}

fn in_trash(bench: &Bench, path: &str) -> std::path::PathBuf {
    bench.record("trash/2024-05-31").join(path)
}

#[test]
fn a_plan_changes_nothing_and_its_prune_moves_what_it_named() {
    let bench = two_gone();
    let before = bench.tree();
    let planned = plan(&bench);
    assert_eq!(planned.outcomes, BTreeMap::from([(Outcome::Prunable, 2)]));
    assert_eq!(bench.tree(), before);
    assert!(!bench.record("trash").exists());
    let done = execute(&bench);
    assert_eq!((done.selected, done.files), (2, 2));
    assert_eq!(done.outcomes, BTreeMap::from([(Outcome::Pruned, 2)]));
    for n in 0..2 {
        assert_eq!(fs::read(in_trash(&bench, &path_of(n))).unwrap(), before[&path_of(n)]);
        assert!(!bench.path(&(2000 + n).to_string()).exists(), "folders of ours go");
    }
    assert_eq!(bench.names(), (2..10).map(path_of).collect::<Vec<_>>());
    let manifest = fs::read_to_string(bench.record("manifest.jsonl")).unwrap();
    assert!(!manifest.contains("\"2000") && manifest.contains("\"2002/05"), "{manifest}");
    bench.assert_settled();
    assert_eq!(plan(&bench).selected, 0);
}

#[test]
fn without_a_plan_that_fits_nothing_goes() {
    let bench = two_gone();
    let refused = |plan| {
        let pruning = Pruning { plan: Some(plan), ..Pruning::default() };
        assert_eq!(bench.prune(pruning).unwrap_err().kind(), ExportErrorKind::PlanChanged);
        assert_eq!(bench.names().len(), 10);
        bench.assert_settled();
    };
    refused("0123");
    // The report of an export is no plan.
    bench.run(Run { job: "export", ..Run::default() }).unwrap();
    refused("export");
    plan(&bench);
    bench.rebuild(without(3, 10));
    refused(PLAN);
    bench.rebuild(without(2, 10));
    fs::write(bench.path(&path_of(0)), b"mine now").unwrap();
    refused(PLAN);
}

#[test]
fn trashed_assets_are_gone_and_hidden_ones_are_not() {
    let (bench, _) = Bench::with(all(4));
    bench.export();
    bench.rebuild(library(4, |n, spec| match n {
        0 => Some(spec.hidden()),
        1 => Some(spec.trashed()),
        2 => Some(spec.hidden().trashed()),
        _ => Some(spec),
    }));
    for narrowed in [false, true] {
        let pruning = Pruning { job: PLAN, narrowed, ..Pruning::default() };
        bench.prune(pruning).unwrap();
        let planned = rows(&bench, PLAN);
        let paths: Vec<_> = planned.iter().map(|(_, path, _)| path.clone()).collect();
        assert_eq!(paths, [path_of(1), path_of(2)], "{narrowed}");
    }
}

#[test]
fn rows_of_another_library_are_never_pruned() {
    let (bench, _) = Bench::with(all(3));
    bench.export();
    bench.rebuild(|library| {
        library.asset(AssetSpec::photo("other.jpg", Content::jpeg(99)));
    });
    assert_eq!(plan(&bench).selected, 0);
    assert_eq!(execute(&bench).selected, 0);
    assert_eq!(bench.names().len(), 3);
}

#[test]
fn what_is_not_proven_to_be_ours_and_unchanged_stays() {
    let (bench, _) = Bench::with(all(6));
    // Adopted: it was there before.
    fs::create_dir_all(bench.path("2000/05")).unwrap();
    bench.export();
    let content = fs::read(bench.path(&path_of(0))).unwrap();
    fs::remove_dir_all(bench.record("")).unwrap();
    for n in 1..6 {
        fs::remove_file(bench.path(&path_of(n))).unwrap();
    }
    bench.export();
    assert_eq!(fs::read(bench.path(&path_of(0))).unwrap(), content);
    // Changed, with the same size; another kind; removed; without a digest.
    let size = fs::read(bench.path(&path_of(1))).unwrap().len();
    fs::write(bench.path(&path_of(1)), vec![7; size]).unwrap();
    fs::remove_file(bench.path(&path_of(2))).unwrap();
    std::os::unix::fs::symlink("/nowhere", bench.path(&path_of(2))).unwrap();
    fs::remove_file(bench.path(&path_of(3))).unwrap();
    let manifest = fs::read_to_string(bench.record("manifest.jsonl")).unwrap();
    let lines = manifest.lines().map(|line| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        if line["file"]["path"] == path_of(4) {
            line["file"].as_object_mut().unwrap().remove("blake3");
        }
        line.to_string() + "\n"
    });
    plant(bench.record("manifest.jsonl"), lines.collect::<String>()).unwrap();
    bench.rebuild(without(6, 7));
    let before = bench.tree();
    plan(&bench);
    let done = execute(&bench);
    let word =
        |n: usize, outcome, word: Option<&str>| (outcome, path_of(n), word.map(str::to_owned));
    let mut found = rows(&bench, JOB);
    found.sort_by(|left, right| left.1.cmp(&right.1));
    assert_eq!(
        found,
        [
            word(0, Outcome::Kept, Some("adopted")),
            word(1, Outcome::Kept, Some("changed")),
            word(2, Outcome::Kept, Some("changed")),
            word(3, Outcome::Pruned, Some("removed")),
            word(4, Outcome::Kept, Some("unproven")),
            word(5, Outcome::Pruned, None),
        ]
    );
    assert_eq!(done.selected, 6);
    let mut expected = before;
    expected.remove(&path_of(5));
    assert_eq!(bench.tree(), expected);
    assert!(bench.path(&path_of(2)).is_symlink());
}

#[test]
fn no_more_goes_than_may() {
    let bench = two_gone();
    let may = |max_delete, job: &str, plan| {
        bench.prune(Pruning { job, plan, max_delete, ..Pruning::default() })
    };
    for (max_delete, is_allowed) in [
        (MaxDelete::Files(2), true),
        (MaxDelete::Files(u64::MAX), true),
        (MaxDelete::Percent(20), true),
        (MaxDelete::Percent(255), true),
        (MaxDelete::Files(1), false),
        (MaxDelete::Files(0), false),
        (MaxDelete::Percent(19), false),
        (MaxDelete::Percent(0), false),
    ] {
        let planned = may(max_delete, PLAN, None);
        assert_eq!(planned.is_ok(), is_allowed, "{max_delete:?}");
        // What would go can be looked at, all the same; and so it cannot go either.
        assert_eq!(rows(&bench, PLAN).len(), 2);
        if !is_allowed {
            for error in [planned.unwrap_err(), may(max_delete, JOB, Some(PLAN)).unwrap_err()] {
                assert_eq!(error.kind(), ExportErrorKind::TooMuch);
                assert!(error.to_string().starts_with("2 of 10 files would go"), "{error}");
            }
        }
    }
    assert_eq!(bench.names().len(), 10);
}

#[test]
fn folders_go_if_we_made_them_and_nothing_is_in_them() {
    let (bench, _) = Bench::with(all(4));
    fs::create_dir_all(bench.path("2000")).unwrap();
    bench.export();
    fs::write(bench.path("2001/05/.DS_Store"), b"").unwrap();
    fs::write(bench.path("2002/mine.txt"), b"mine").unwrap();
    bench.rebuild(without(4, 5));
    plan(&bench);
    execute(&bench);
    assert!(bench.path("2000").is_dir(), "it was there before");
    assert!(!bench.path("2000/05").exists());
    assert!(bench.path("2001/05/.DS_Store").exists(), "litter is left alone, and its folder");
    assert!(bench.path("2002/mine.txt").exists() && !bench.path("2002/05").exists());
    assert!(!bench.path("2003").exists());
}

#[test]
fn what_lies_in_the_trash_under_that_name_stays_and_the_other_gets_a_number() {
    let bench = two_gone();
    plan(&bench);
    fs::create_dir_all(in_trash(&bench, "2000/05")).unwrap();
    for folder in ["", "2000", "2000/05"] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(in_trash(&bench, folder), mode).unwrap();
    }
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs::set_permissions(bench.record("trash"), mode).unwrap();
    fs::write(in_trash(&bench, &path_of(0)), b"earlier").unwrap();
    execute(&bench);
    assert_eq!(fs::read(in_trash(&bench, &path_of(0))).unwrap(), b"earlier");
    assert!(in_trash(&bench, "2000/05/p0.jpg (2)").exists());
}

/// So small that a prune of a few files has many batches, and merges its journal after each.
const SMALL: Sizes = Sizes { batch_files: 2 };
const GONE: usize = 5;

/// The library before and after it lost some: built once, for no prune changes them.
struct Case {
    before: Bench,
    after: Bench,
}

impl Case {
    fn new() -> Self {
        Self { before: Bench::with(all(8)).0, after: Bench::with(without(GONE, 8)).0 }
    }

    /// A bench at which everything is exported and planned.
    fn started(&self) -> Bench {
        let mut bench = Bench::beside(&self.before.bundle);
        bench.export();
        bench.bundle.clone_from(&self.after.bundle);
        plan(&bench);
        bench
    }
}

fn small<'a>(faults: Faults) -> Pruning<'a> {
    Pruning { plan: Some(PLAN), faults, sizes: SMALL, ..Pruning::default() }
}

/// With the slower suites each operation is broken off, else some.
fn step() -> usize {
    if crate::exporting::shared::slow_wanted() { 1 } else { 5 }
}

/// After a break anywhere each file is whole, under its name or in the trash, and a plan and its
/// prune end where an undisturbed one would have.
fn assert_made_good(bench: &Bench, contents: &BTreeMap<String, Vec<u8>>, n: u64) {
    let planned = bench.prune(Pruning { job: PLAN, ..Pruning::default() }).unwrap();
    let kept = planned.outcomes.get(&Outcome::Kept);
    assert_eq!((planned.trashed, kept), (0, None), "{n}");
    execute(bench);
    assert_eq!(bench.names(), (GONE..8).map(path_of).collect::<Vec<_>>(), "{n}");
    for file in 0..GONE {
        let path = path_of(file);
        assert_eq!(fs::read(in_trash(bench, &path)).unwrap(), contents[&path], "{n}: {path}");
    }
    bench.assert_settled();
    assert_eq!(bench.export().outcomes, BTreeMap::from([(Outcome::Unchanged, 3)]), "{n}");
}

#[test]
fn a_prune_in_which_any_operation_fails_is_made_good_by_the_next() {
    let case = Case::new();
    let contents = case.started().tree();
    for n in (2..100_000).step_by(step()) {
        let bench = case.started();
        let faults = Faults::fail_nth(n, EIO);
        let answer = bench.prune(small(faults.clone()));
        assert_made_good(&bench, &contents, n);
        if faults.announced() < n {
            assert!(answer.is_ok());
            return;
        }
    }
}

const BUNDLE: &str = "DARKSLIDE_TEST_PRUNE_BUNDLE";
const ROOT: &str = "DARKSLIDE_TEST_PRUNE_ROOT";
const KILL_BEFORE: &str = "DARKSLIDE_TEST_PRUNE_KILL_BEFORE";

/// The child's part: prunes, and ends in the middle. Without being asked to, it does nothing.
#[test]
fn child_that_is_killed() {
    let Ok(bundle) = std::env::var(BUNDLE) else {
        return;
    };
    let root = std::env::var(ROOT).unwrap();
    let n = std::env::var(KILL_BEFORE).unwrap().parse().unwrap();
    let bench = Bench::at(Path::new(&bundle), Path::new(&root));
    bench.prune(small(Faults::abort_before_nth(n))).unwrap();
}

#[test]
fn a_prune_that_is_killed_anywhere_is_made_good_by_the_next() {
    let case = Case::new();
    let contents = case.started().tree();
    let counted = Faults::count();
    case.started().prune(small(counted.clone())).unwrap();
    for n in (1..=counted.operations().len()).step_by(step()) {
        let bench = case.started();
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "pruning::child_that_is_killed"]);
        child.env(BUNDLE, &bench.bundle).env(ROOT, &bench.root);
        let child = child.env(KILL_BEFORE, n.to_string()).output().unwrap();
        assert!(!child.status.success(), "{n}: it was to be killed");
        assert_made_good(&bench, &contents, n as u64);
    }
}

#[test]
fn a_destination_on_another_disk_is_pruned_as_before() {
    let bench = two_gone();
    let elsewhere = moved_elsewhere(&bench);
    plan(&elsewhere);
    assert_eq!(execute(&elsewhere).outcomes, BTreeMap::from([(Outcome::Pruned, 2)]));
}

#[test]
fn no_real_library_has_lost_what_was_exported_of_it() {
    let Some((folder, _)) = unpacked() else {
        return;
    };
    let mut exported = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let bundle = entry.unwrap().path();
        if !bundle.is_dir() {
            continue;
        }
        let bench = Bench::beside(&bundle);
        // Some are none of ours, or broken on purpose.
        if bench.run(Run::default()).is_err() {
            continue;
        }
        exported += bench.names().len();
        assert_eq!(plan(&bench).selected, 0, "{}", bundle.display());
        let rows = bench.verify(By::Hash, &Faults::none()).unwrap();
        let others: Vec<_> = rows.iter().filter(|row| row.outcome != Outcome::Intact).collect();
        assert!(others.is_empty(), "{}: {others:?}", bundle.display());
    }
    assert!(exported > 100, "{exported}");
}
