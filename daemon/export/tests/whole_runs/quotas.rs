//! What a root may hold: exports that fit, those that do not, and what counts.
//!
//! The limit is handed in as a service does it, which counts the other destinations of the root.
//! Whatever is refused is refused before the first byte: the tree stays as it was, and so does its
//! record.

use std::collections::BTreeMap;
use std::fs;

use darkslide_door::Faults;
use darkslide_export::{By, ExportError, ExportErrorKind, OnDestChange, Outcome, Spec, held_bytes};
use darkslide_fixture::{AssetSpec, Content, Format, LibraryBuilder};
use darkslide_policy::RelPath;

use crate::exporting::{Bench, JOB, Run, one_of_each};

fn limited(max_bytes: u64) -> Run<'static> {
    Run { max_bytes: Some(max_bytes), ..Run::default() }
}

fn at(path: &str, max_bytes: u64) -> Run<'_> {
    Run { path, ..limited(max_bytes) }
}

#[track_caller]
fn refuses(bench: &Bench, run: Run<'_>) -> ExportError {
    let before = photos(bench);
    let error = bench.run(run).unwrap_err();
    assert!(!error.hint().is_empty());
    assert!(photos(bench) == before, "{error}");
    error
}

#[track_caller]
fn over(error: &ExportError) -> (u64, u64, u64) {
    let ExportError::OverQuota { needed, used, limit } = error else { panic!("{error}") };
    assert_eq!(error.kind(), ExportErrorKind::OverQuota);
    (*needed, *used, *limit)
}

/// All but records, wherever they stand.
fn photos(bench: &Bench) -> BTreeMap<String, Vec<u8>> {
    let mut tree = bench.tree();
    tree.retain(|path, _| !path.contains(".darkslide/"));
    tree
}

fn bytes_of(bench: &Bench) -> u64 {
    photos(bench).values().map(|content| content.len() as u64).sum()
}

/// What it takes without a limit.
fn needed() -> u64 {
    let (bench, _) = Bench::with(one_of_each);
    let bytes = bench.export().bytes;
    assert_eq!(bytes, bytes_of(&bench));
    bytes
}

#[test]
fn what_fits_to_the_byte_is_written_and_one_byte_more_writes_nothing() {
    let needed = needed();
    let (bench, _) = Bench::with(one_of_each);
    for limit in [1, needed / 2, needed - 1] {
        assert_eq!(over(&refuses(&bench, limited(limit))), (needed, 0, limit));
        assert!(bench.tree().is_empty());
        assert!(
            !bench.record("manifest.jsonl").exists() && !bench.record("journal.jsonl").exists()
        );
    }
    assert_eq!(bench.run(limited(needed)).unwrap().bytes, needed);
    bench.assert_settled();
    assert_eq!(bench.run(limited(u64::MAX)).unwrap().bytes, 0);
}

#[test]
fn what_other_destinations_of_the_root_hold_counts() {
    let needed = needed();
    let (bench, _) = Bench::with(one_of_each);
    bench.run(at("a", 3 * needed)).unwrap();
    bench.run(at("years/b", 3 * needed)).unwrap();
    let error = refuses(&bench, at("c", 3 * needed - 1));
    assert_eq!(over(&error), (needed, 2 * needed, 3 * needed - 1));
    // Somebody else's files count nothing.
    fs::create_dir(bench.path("theirs")).unwrap();
    fs::write(bench.path("theirs/film.mov"), vec![0; 100_000]).unwrap();
    assert_eq!(bench.run(at("c", 3 * needed)).unwrap().bytes, needed);
}

#[test]
fn a_run_that_adds_nothing_is_not_refused_where_the_limit_was_lowered() {
    let (bench, _) = Bench::with(one_of_each);
    bench.export();
    let summary = bench.run(limited(1)).unwrap();
    assert_eq!((summary.bytes, summary.outcomes.contains_key(&Outcome::Unchanged)), (0, true));
}

#[test]
fn what_is_taken_over_costs_nothing_and_counts_from_then_on() {
    let needed = needed();
    let (bench, _) = Bench::with(one_of_each);
    bench.export();
    fs::remove_dir_all(bench.record("")).unwrap();
    let summary = bench.run(limited(1)).unwrap();
    assert!(summary.outcomes.contains_key(&Outcome::Adopted));
    let held =
        bench.with_root(&Faults::none(), |root| held_bytes(root, &|| darkslide_export::Stop::GoOn));
    assert_eq!(held.unwrap(), needed);
}

#[test]
fn an_update_counts_what_it_adds() {
    let library = |film: Vec<u8>| {
        move |library: &mut LibraryBuilder| {
            let film = AssetSpec::movie("film.mov", Content::own(Format::Mov, film));
            library.asset(film.taken_on(2024, 5, 1));
            let photo = AssetSpec::photo("photo.jpg", Content::jpeg(1));
            library.asset(photo.taken_on(2024, 5, 2));
        }
    };
    let (bench, _) = Bench::with(library(vec![1; 1_000]));
    let before = bench.export().bytes;
    bench.rebuild(library(vec![2; 1_700]));
    let error = refuses(&bench, limited(before + 699));
    assert_eq!(over(&error), (700, before, before + 699));
    let summary = bench.run(limited(before + 700)).unwrap();
    assert_eq!(summary.outcomes.get(&Outcome::Updated), Some(&1));
    assert_eq!(bytes_of(&bench), before + 700);
    // One that shrinks needs nothing, whatever the limit.
    bench.rebuild(library(vec![3; 10]));
    bench.run(limited(1)).unwrap();
    assert_eq!(bytes_of(&bench), before - 990);
}

#[test]
fn a_file_that_is_put_there_again_counts_already() {
    let (bench, _) = Bench::with(one_of_each);
    let held = bench.export().bytes;
    let name = bench.names().pop().unwrap();
    fs::remove_file(bench.path(&name)).unwrap();
    let spec = Spec { on_dest_change: OnDestChange::Restore, ..Spec::everything() };
    let summary = bench.run(Run { spec, ..limited(held) }).unwrap();
    assert_eq!(summary.files, 1);
    assert!(bench.verify(By::Hash, &Faults::none()).is_ok());
    assert_eq!(bytes_of(&bench), held);
}

#[test]
fn a_destination_that_no_later_count_would_find_is_refused() {
    let (bench, _) = Bench::with(one_of_each);
    bench.run(at("1/2/3/4/5/6/7/8", u64::MAX)).unwrap();
    assert!(bench.held_beside(&RelPath::parse("1/2/x").unwrap()).unwrap() > 0);
    let error = refuses(&bench, at("1/2/3/4/5/6/7/x/9", u64::MAX));
    assert_eq!(error.kind(), ExportErrorKind::Uncounted);
    let absurd = vec!["x"; 28].join("/");
    assert_eq!(refuses(&bench, at(&absurd, u64::MAX)).kind(), ExportErrorKind::Uncounted);
}

#[test]
fn a_root_with_more_folders_than_are_looked_into_takes_nothing_under_a_limit() {
    const MOST: usize = 10_000;
    let bench = Bench::in_memory();
    bench.rebuild(one_of_each);
    fs::create_dir(bench.path("many")).unwrap();
    // The root, this folder and the destination are looked into, too.
    for folder in 0..MOST - 3 {
        fs::create_dir(bench.path(&format!("many/{folder}"))).unwrap();
    }
    bench.run(Run { job: "first", ..at("to", u64::MAX) }).unwrap();
    fs::create_dir(bench.path("many/over")).unwrap();
    assert_eq!(refuses(&bench, at("to2", u64::MAX)).kind(), ExportErrorKind::Uncounted);
    // Without a limit nobody counts.
    bench.run(Run { path: "to2", job: JOB, ..Run::default() }).unwrap();
}
