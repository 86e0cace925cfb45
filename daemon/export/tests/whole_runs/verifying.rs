//! What verifying finds, and that it changes nothing.
//!
//! Each test exports, does one thing to the destination, and looks at what is said of it. Before
//! and after, the whole destination is compared with itself, the record included.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use darkslide_door::Faults;
use darkslide_export::{
    By, ExportErrorKind, Outcome, ReportRow, VerifyInput, describe, find, verify_at_most,
    verify_job,
};
use darkslide_fixture::Snapshot;

use crate::exporting::{Bench, JOB, Told, Waited, one_of_each, plant};

const STILL: &str = "2024/05/IMG_1.JPG";
const CLIP: &str = "2024/05/clip.MOV";
const FILES: usize = 10;

type Said = (Outcome, String, Option<String>);

/// What is said of files that are not intact.
#[track_caller]
fn said(bench: &Bench, by: By) -> Vec<Said> {
    let before = Snapshot::take(&bench.root).unwrap();
    let rows = bench.verify(by, &Faults::none()).unwrap();
    let after = Snapshot::take(&bench.root).unwrap();
    assert!(before.diff_content(&after).is_empty(), "{}", before.diff_content(&after));
    let others = rows.into_iter().filter(|row| row.outcome != Outcome::Intact);
    others.map(|row| (row.outcome, row.path.unwrap(), row.reason)).collect()
}

fn one(outcome: Outcome, path: &str, reason: Option<&str>) -> Said {
    (outcome, path.to_owned(), reason.map(str::to_owned))
}

fn exported() -> Bench {
    let (bench, _) = Bench::with(one_of_each);
    bench.export();
    bench
}

/// Another content of the same size, and the time that it had.
fn flip_a_byte(path: &Path) {
    let mtime = fs::metadata(path).unwrap().modified().unwrap();
    let mut bytes = fs::read(path).unwrap();
    bytes[0] ^= 1;
    fs::write(path, bytes).unwrap();
    fs::File::options().write(true).open(path).unwrap().set_modified(mtime).unwrap();
}

#[test]
fn an_export_is_intact_by_stat_and_by_hash() {
    let bench = exported();
    assert_eq!(said(&bench, By::Stat), []);
    assert_eq!(said(&bench, By::Hash), []);
    assert_eq!(bench.verify(By::Hash, &Faults::none()).unwrap().len(), FILES);
}

#[test]
fn a_flipped_byte_is_found_by_hash_and_by_nothing_else() {
    let bench = exported();
    flip_a_byte(&bench.path(STILL));
    assert_eq!(said(&bench, By::Stat), []);
    assert_eq!(said(&bench, By::Hash), [one(Outcome::Changed, STILL, Some("content"))]);
}

#[test]
fn another_time_is_looked_into_before_it_counts_as_changed() {
    let bench = exported();
    let at = |path: &str, seconds| {
        let file = fs::File::options().write(true).open(bench.path(path)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
    };
    at(STILL, 1_000_000_000);
    assert_eq!(said(&bench, By::Stat), []);
    flip_a_byte(&bench.path(STILL));
    assert_eq!(said(&bench, By::Stat), [one(Outcome::Changed, STILL, Some("content"))]);
}

#[test]
fn what_is_missing_or_of_another_size_or_kind_is_named() {
    let bench = exported();
    fs::remove_file(bench.path(STILL)).unwrap();
    fs::write(bench.path(CLIP), b"shorter").unwrap();
    let live = "2024/05/IMG_3.mov";
    fs::remove_file(bench.path(live)).unwrap();
    std::os::unix::fs::symlink("/nowhere", bench.path(live)).unwrap();
    let mut found = said(&bench, By::Stat);
    found.sort();
    assert_eq!(
        found,
        [
            one(Outcome::Missing, STILL, None),
            one(Outcome::Changed, live, Some("not-a-regular-file")),
            one(Outcome::Changed, CLIP, Some("size")),
        ]
    );
}

#[test]
fn a_whole_folder_behind_a_link_is_missing_and_not_entered() {
    let bench = exported();
    let elsewhere = bench.root.parent().unwrap().join("elsewhere");
    fs::rename(bench.path("2024"), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, bench.path("2024")).unwrap();
    let found = said(&bench, By::Hash);
    let missing = found.iter().filter(|(outcome, ..)| *outcome == Outcome::Missing).count();
    assert_eq!((missing, found.len()), (FILES, FILES + 1));
    assert_eq!(found[FILES], one(Outcome::Extra, "2024", Some("link")));
}

#[test]
fn files_of_others_are_extra_and_litter_is_not() {
    let bench = exported();
    fs::create_dir_all(bench.path("mine/deeper")).unwrap();
    fs::write(bench.path("mine/deeper/a.txt"), b"").unwrap();
    fs::create_dir_all(bench.path("2024/@eaDir")).unwrap();
    for litter in ["2024/@eaDir/IMG_1.JPG", ".DS_Store", "2024/05/._IMG_1.JPG", "Thumbs.db"] {
        fs::write(bench.path(litter), b"").unwrap();
    }
    // Its file stays when nobody listens any more.
    drop(std::os::unix::net::UnixListener::bind(bench.path("socket")).unwrap());
    fs::create_dir_all(bench.path("other/.darkslide")).unwrap();
    fs::write(bench.path("other/theirs.jpg"), b"").unwrap();
    use std::os::unix::ffi::OsStrExt;
    fs::write(bench.root.join(std::ffi::OsStr::from_bytes(b"\xff.jpg")), b"").unwrap();
    let mut found = said(&bench, By::Stat);
    found.sort();
    assert_eq!(
        found,
        [
            one(Outcome::Extra, "mine/deeper/a.txt", None),
            one(Outcome::Extra, "other", Some("destination")),
            one(Outcome::Extra, "socket", Some("not-a-regular-file")),
            one(Outcome::Extra, "\u{fffd}.jpg", Some("bad-name")),
        ]
    );
}

/// As a clone leaves it.
fn without_hashes(bench: &Bench) {
    let manifest = fs::read_to_string(bench.record("manifest.jsonl")).unwrap();
    let lines = manifest.lines().map(|line| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        if let Some(row) = line.get_mut("file") {
            row.as_object_mut().unwrap().remove("blake3");
        }
        line.to_string() + "\n"
    });
    plant(bench.record("manifest.jsonl"), lines.collect::<String>()).unwrap();
}

#[test]
fn without_a_known_digest_nothing_is_called_proven() {
    let bench = exported();
    without_hashes(&bench);
    assert_eq!(said(&bench, By::Stat), []);
    let found = said(&bench, By::Hash);
    assert_eq!(found.len(), FILES);
    assert!(found.iter().all(|(outcome, _, why)| {
        *outcome == Outcome::Unproven && why.as_deref() == Some("no-hash")
    }));
    let file = fs::File::options().write(true).open(bench.path(STILL)).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(said(&bench, By::Stat), [one(Outcome::Changed, STILL, Some("time"))]);
}

#[test]
fn so_many_names_are_looked_at_besides_and_no_more() {
    let bench = exported();
    (0..5).for_each(|n| fs::write(bench.path(&format!("{n}.txt")), b"").unwrap());
    // `.darkslide`, `2024`, `05` and what was exported.
    let all = FILES + 3 + 5;
    for (most, is_enough) in [(all, true), (usize::MAX, true), (all - 1, false), (0, false)] {
        let mut said = Vec::new();
        let mut say = |row: ReportRow| {
            said.extend(row.reason);
            Ok(())
        };
        let go_on = || darkslide_export::Stop::GoOn;
        bench
            .with_root(&Faults::none(), |it| {
                verify_at_most(it, By::Stat, &Told::default(), &go_on, &mut say, most)
            })
            .unwrap();
        assert_eq!(said.is_empty(), is_enough, "{most}: {said:?}");
        assert!(said.iter().all(|reason| reason == "too-many"));
    }
}

#[test]
fn where_nothing_was_exported_there_is_nothing_to_verify() {
    let bench = Bench::new();
    let error = bench.verify(By::Stat, &Faults::none()).unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::NoRecord);
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_the_others_are_verified() {
    let bench = exported();
    let faults = Faults::fail_each(darkslide_door::Operation::Read, 5);
    let rows = bench.verify(By::Hash, &faults).unwrap();
    let unreadable = rows.iter().filter(|row| row.outcome == Outcome::Unreadable);
    assert_eq!(unreadable.count(), FILES);
}

#[test]
fn as_a_job_it_is_under_the_lock_and_has_a_report() {
    let bench = exported();
    fs::remove_file(bench.path(STILL)).unwrap();
    bench
        .with_root(&Faults::none(), |destination| {
            let told = Told::default();
            let clock = &Waited::default();
            let job = VerifyInput { destination, by: By::Hash, job: "verify", clock };
            let go_on = || darkslide_export::Stop::GoOn;
            let lock = destination.lock()?;
            let busy = verify_job(&job, &told, &go_on).unwrap_err();
            assert_eq!(busy.kind(), ExportErrorKind::Busy);
            drop(lock);
            let summary = verify_job(&job, &told, &go_on)?;
            assert_eq!((summary.selected, summary.outcomes[&Outcome::Missing]), (10, 1));
            assert_eq!(*told.outcomes.lock().unwrap(), summary.outcomes);
            Ok(())
        })
        .unwrap();
    let (undone, _) = bench.report_page("verify", 0, 100, true).unwrap();
    assert_eq!((undone.len(), undone[0].path.as_deref()), (1, Some(STILL)));
}

#[test]
fn destinations_are_found_and_tell_what_they_hold() {
    let (bench, built) = Bench::with(one_of_each);
    let run = |path| crate::exporting::Run { path, ..Default::default() };
    for path in ["nas/photos", "flat"] {
        bench.run(run(path)).unwrap();
    }
    fs::create_dir_all(bench.path("mine/deeper")).unwrap();
    std::os::unix::fs::symlink("flat", bench.path("link")).unwrap();
    bench
        .with_root(&Faults::none(), |root| {
            let go_on = || darkslide_export::Stop::GoOn;
            let found = find(root, &go_on)?;
            let paths: Vec<&str> = found.destinations.iter().map(|path| path.as_str()).collect();
            assert_eq!((paths, found.incomplete), (vec!["flat", "nas/photos"], false));
            assert_eq!(describe(root, &go_on)?, None, "the root itself is none");
            Ok(())
        })
        .unwrap();
    let inner = Bench::at(&bench.bundle, &bench.path("flat"));
    let told = inner
        .with_root(&Faults::none(), |it| describe(it, &|| darkslide_export::Stop::GoOn))
        .unwrap()
        .unwrap();
    assert_eq!(told.libraries[built.uuid()].files, FILES as u64);
    let last = told.last.unwrap();
    assert_eq!((last.job.as_str(), last.outcomes[&Outcome::Copied]), (JOB, FILES as u64));
    assert!(!told.unsettled);
}

/// As if a job had been broken off after it named a file, and before that was settled.
fn broken_off_at(bench: &Bench, path: &str) {
    let manifest = fs::read_to_string(bench.record("manifest.jsonl")).unwrap();
    let quoted = format!("{path:?}");
    let (mine, others): (Vec<&str>, Vec<&str>) =
        manifest.lines().partition(|line| line.contains(&quoted) && line.contains("\"file\""));
    let row: serde_json::Value = serde_json::from_str(mine[0]).unwrap();
    let tmp = "0".repeat(32);
    let publish = serde_json::json!({"publish": {"tmp": tmp, "row": row["file"]}});
    let first = serde_json::json!({"journal": {"format": 1, "job": "x"}});
    let intent = serde_json::json!({"intent": {"n": 1, "intent": publish}});
    plant(bench.record("manifest.jsonl"), others.join("\n") + "\n").unwrap();
    plant(bench.record("journal.jsonl"), format!("{first}\n{intent}\n")).unwrap();
}

#[test]
fn what_a_broken_off_job_left_in_doubt_is_neither_missing_nor_extra_nor_settled() {
    let bench = exported();
    broken_off_at(&bench, STILL);
    let interrupted = Some("interrupted");
    let expected = [
        one(Outcome::Unsettled, ".darkslide/journal.jsonl", interrupted),
        one(Outcome::Unsettled, STILL, interrupted),
    ];
    assert_eq!(said(&bench, By::Hash), expected);
    fs::remove_file(bench.path(CLIP)).unwrap();
    let found = said(&bench, By::Stat);
    assert!(found.contains(&one(Outcome::Missing, CLIP, None)), "{found:?}");
    fs::remove_file(bench.path(STILL)).unwrap();
    bench.export();
    assert_eq!(said(&bench, By::Stat), [one(Outcome::Missing, CLIP, None)]);
}

/// Copies a tree with its times, as to another disk: other inodes, and another device where there
/// is one.
pub(crate) fn moved_elsewhere(bench: &Bench) -> Bench {
    let memory = Path::new("/dev/shm");
    let folder =
        if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let mut elsewhere = Bench::in_folder(folder);
    elsewhere.bundle.clone_from(&bench.bundle);
    fs::remove_dir(&elsewhere.root).unwrap();
    let mut copy = std::process::Command::new("cp");
    assert!(copy.arg("-a").arg(&bench.root).arg(&elsewhere.root).status().unwrap().success());
    elsewhere
}

#[test]
fn a_destination_on_another_disk_is_as_intact_as_before() {
    let bench = exported();
    let elsewhere = moved_elsewhere(&bench);
    assert_eq!(said(&elsewhere, By::Stat), []);
    assert_eq!(said(&elsewhere, By::Hash), []);
}

#[test]
fn destinations_are_looked_for_so_deep_and_no_deeper() {
    let bench = Bench::new();
    let deep = |depth: usize| vec!["a"; depth].join("/");
    let found = || {
        bench
            .with_root(&Faults::none(), |root| find(root, &|| darkslide_export::Stop::GoOn))
            .unwrap()
    };
    for (depth, is_found) in [(8, true), (9, false), (40, false)] {
        fs::create_dir_all(bench.path(&deep(depth)).join(".darkslide")).unwrap();
        let it = found();
        assert_eq!((it.destinations.len(), it.incomplete), (usize::from(is_found), !is_found));
        fs::remove_dir_all(bench.path("a")).unwrap();
    }
    // The root itself is looked into, too.
    (1..10_000).for_each(|n| fs::create_dir(bench.path(&n.to_string())).unwrap());
    assert!(!found().incomplete);
    (10_000..10_100).for_each(|n| fs::create_dir(bench.path(&n.to_string())).unwrap());
    assert!(found().incomplete);
}
