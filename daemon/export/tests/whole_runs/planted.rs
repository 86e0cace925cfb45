//! A record that somebody else wrote to: what it can make the daemon do, and what it cannot.
//!
//! Whoever may write below a destination may write `.darkslide/` there before we do. Such a record
//! may cost time; it never makes us rename, replace or remove what is not proven to be ours, nor
//! take more memory than there is.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;

use darkslide_export::{ExportErrorKind, Outcome};

use crate::exporting::{Bench, JOB, Run, one_of_each, plant};

const STILL: &str = "2024/05/IMG_1.JPG";
const OWN: &str = "0123456789abcdef0123456789abcdef";

/// A user's file of the same size and time as an exported one, whose row is made to name it.
fn with_a_row_of_a_users_file() -> Bench {
    let (bench, _) = Bench::with(one_of_each);
    bench.export();
    let still = File::open(bench.path(STILL)).unwrap().metadata().unwrap();
    let size = usize::try_from(still.len()).unwrap();
    fs::write(bench.path("mine.JPG"), vec![7; size]).unwrap();
    let mine = File::options().write(true).open(bench.path("mine.JPG")).unwrap();
    mine.set_modified(still.modified().unwrap()).unwrap();
    fs::remove_file(bench.path(STILL)).unwrap();
    let manifest = fs::read_to_string(bench.record("manifest.jsonl")).unwrap();
    assert!(manifest.contains(STILL));
    plant(bench.record("manifest.jsonl"), manifest.replace(STILL, "mine.JPG")).unwrap();
    bench
}

#[test]
fn a_row_of_somebodys_file_renames_it_only_if_its_content_proves_it() {
    let bench = with_a_row_of_a_users_file();
    let mine = fs::read(bench.path("mine.JPG")).unwrap();
    bench.export();
    assert_eq!(fs::read(bench.path("mine.JPG")).unwrap(), mine);
    assert!(!bench.path(STILL).exists());
    let row = bench.reported("IMG_1.JPG", "original");
    assert_eq!((row.outcome, row.reason.as_deref()), (Outcome::Kept, Some("changed")));
    // Without the planted row, the photo comes out.
    fs::remove_file(bench.record("manifest.jsonl")).unwrap();
    bench.export();
    assert!(bench.path(STILL).exists());
    assert_eq!(fs::read(bench.path("mine.JPG")).unwrap(), mine);
}

#[test]
fn rows_that_lead_out_or_into_a_record_are_no_rows() {
    let (bench, _) = Bench::with(one_of_each);
    bench.export();
    let manifest = fs::read_to_string(bench.record("manifest.jsonl")).unwrap();
    let tree = bench.tree();
    for bad in ["../x.JPG", "/etc/passwd", ".darkslide/id", "a/.Darkslide/x.JPG", "2024//x.JPG"] {
        plant(bench.record("manifest.jsonl"), manifest.replace(STILL, bad)).unwrap();
        let summary = bench.export();
        assert_eq!(summary.outcomes[&Outcome::Adopted], 1, "{bad}");
        assert_eq!(bench.tree(), tree);
    }
}

/// A journal of one flushed intent, after a run that has a manifest.
fn with_a_journal_of(intent: &str) -> Bench {
    let (bench, _) = Bench::with(one_of_each);
    bench.export();
    let manifest = fs::read_to_string(bench.record("manifest.jsonl")).unwrap();
    let line = manifest.lines().find(|line| line.contains(STILL)).unwrap();
    let row = line.strip_prefix(r#"{"file":"#).unwrap().strip_suffix('}').unwrap();
    let intent = intent.replace("ROW", row);
    let lines = [
        format!(r#"{{"journal":{{"format":1,"job":"{JOB}"}}}}"#),
        format!(r#"{{"intent":{{"n":1,"intent":{intent}}}}}"#),
        r#"{"flushed":1}"#.to_owned(),
    ];
    plant(bench.record("journal.jsonl"), lines.join("\n")).unwrap();
    bench
}

#[test]
fn a_planted_move_renames_nothing_that_stands_under_a_final_name() {
    let moving = format!(r#"{{"move":{{"aside":"{OWN}","new":"elsewhere.JPG","row":ROW}}}}"#);
    let bench = with_a_journal_of(&moving);
    let tree = bench.tree();
    bench.export();
    assert_eq!(bench.tree(), tree);
    // What stands aside under the name that it tells replaces nothing either.
    let bench = with_a_journal_of(&moving.replace("elsewhere.JPG", "2024/05/IMG_2.HEIC"));
    plant(bench.record("aside").join(OWN), b"planted").unwrap();
    let summary = bench.export();
    assert_eq!((bench.tree(), summary.trashed), (tree, 1));
    bench.assert_settled();
}

#[test]
fn a_planted_publication_or_removal_touches_nobodys_file() {
    for intent in [
        format!(r#"{{"publish":{{"tmp":"{OWN}","row":ROW}}}}"#),
        r#"{"trash":{"to":".darkslide/trash/2024-05-31/x","row":ROW}}"#.to_owned(),
        r#"{"adopt":{"row":ROW}}"#.to_owned(),
    ] {
        let bench = with_a_journal_of(&intent);
        let tree = bench.tree();
        plant(bench.record("tmp").join(OWN), b"planted").unwrap();
        bench.export();
        assert_eq!(bench.tree(), tree, "{intent}");
        bench.assert_settled();
    }
}

#[test]
fn a_record_larger_than_any_of_ours_is_damage_and_not_read() {
    let (bench, _) = Bench::with(one_of_each);
    bench.export();
    let manifest = fs::read(bench.record("manifest.jsonl")).unwrap();
    for (file, gib) in [("manifest.jsonl", 4), ("journal.jsonl", 6)] {
        let path = bench.record(file);
        plant(path.clone(), b"").unwrap();
        File::create(&path).unwrap().set_len((gib << 30) + 1).unwrap();
        let error = bench.run(Run::default()).unwrap_err();
        assert_eq!(error.kind(), ExportErrorKind::DamagedRecord);
        assert!(error.to_string().contains(file) && error.hint().contains("remove that file"));
        fs::remove_file(path).unwrap();
        plant(bench.record("manifest.jsonl"), &manifest).unwrap();
    }
    bench.export();
    let report = bench.record("reports").join(format!("{JOB}.jsonl"));
    for (bytes, read) in [(4 << 30, true), ((4 << 30) + 1, false), (1 << 42, false)] {
        File::options().write(true).open(&report).unwrap().set_len(bytes).unwrap();
        let page = bench.report_until(&|| false, JOB, 0, 1, false);
        assert_eq!(page.is_ok(), read);
    }
}

#[test]
fn names_in_tmp_and_aside_that_are_none_of_ours_go_to_the_trash() {
    let (bench, _) = Bench::with(one_of_each);
    bench.export();
    let long = "n".repeat(255);
    let no_text = OsStr::from_bytes(b"caf\xe9");
    for folder in ["tmp", "aside"] {
        plant(bench.record(folder).join(no_text), folder).unwrap();
        plant(bench.record(folder).join("new\nline"), folder).unwrap();
        plant(bench.record(folder).join(&long), folder).unwrap();
    }
    fs::create_dir(bench.record("tmp").join(OWN)).unwrap();
    plant(bench.record("tmp").join(OWN).join("inside"), b"").unwrap();
    let summary = bench.export();
    assert_eq!(summary.trashed, 7);
    bench.assert_settled();
    let trash = fs::read_dir(bench.record("trash/2024-05-31")).unwrap();
    let names: Vec<_> = trash.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names.len(), 7);
    assert_eq!(names.iter().filter(|name| **name == long).count(), 1);
}

#[test]
fn what_broken_off_jobs_left_of_their_reports_is_removed() {
    let (bench, _) = Bench::with(one_of_each);
    bench.export();
    let reports = bench.record("reports");
    fs::write(reports.join("broken-off.jsonl.new"), b"half").unwrap();
    fs::write(reports.join("notes.txt"), b"mine").unwrap();
    fs::write(reports.join("my notes.jsonl"), b"mine").unwrap();
    fs::create_dir(reports.join("folder.jsonl")).unwrap();
    fs::create_dir(reports.join("folder.jsonl.new")).unwrap();
    bench.export();
    let left = fs::read_dir(reports).unwrap();
    let mut left: Vec<_> = left.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    let report = format!("{JOB}.jsonl");
    let mine = ["folder.jsonl", "folder.jsonl.new", "my notes.jsonl", "notes.txt"];
    assert_eq!(left[0], report);
    assert_eq!(left[1..], mine);
}
