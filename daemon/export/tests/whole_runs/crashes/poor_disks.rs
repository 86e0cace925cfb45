//! Disks that fail in mid-job: full, out of inodes, read-only, taken away, emptied.
//!
//! The job ends with the kind of error that tells its reason, no name holds half a file, and once
//! the disk is as it should be the next run ends where an undisturbed one would have.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use darkslide_export::{ExportError, ExportErrorKind, Summary};

use crate::crashes::disks::{Disk, Kind};
use crate::crashes::tree::Tree;
use crate::crashes::user::Touched;
use crate::crashes::{Case, own_disk, run};
use crate::exporting::{Bench, OnPiece, shared};

const EXT4: Kind<'_> = Kind::Image("ext4", 64, &["-b", "4096", "-N", "2000"]);
const MEMORY: Kind<'_> = Kind::Memory("size=64m,nr_inodes=2000");
/// The act comes when so many files were copied: a batch is published, and some are to follow.
const COPIED_BEFORE: usize = 65;

/// Runs the job; in the middle of it something is done, while every worker waits: the rest could
/// otherwise be copied before it is done.
fn disturbed(bench: &Bench, act: impl Fn() + Sync) -> Result<Summary, ExportError> {
    let pieces = Mutex::new(0);
    let on_piece = || {
        let mut pieces = pieces.lock().unwrap();
        if *pieces == COPIED_BEFORE {
            act();
        }
        *pieces += 1;
    };
    bench.run_told(run("disturbed"), &OnPiece(on_piece))
}

#[track_caller]
fn assert_ends_with(answer: Result<Summary, ExportError>, kinds: &[ExportErrorKind], how: &str) {
    let error = answer.expect_err(how);
    assert!(kinds.contains(&error.kind()), "{how}: {error:?}");
    assert!(!error.hint().is_empty(), "{how}");
}

/// Writes until nothing fits any more.
fn fill(folder: &Path) {
    fs::create_dir(folder).unwrap();
    for size in [1 << 20, 4_096, 1] {
        for n in 0.. {
            let content = vec![1; size];
            if fs::write(folder.join(format!("{size}-{n}")), content).is_err() {
                break;
            }
        }
    }
}

/// Makes files until there is no inode any more.
fn fill_inodes(folder: &Path) {
    fs::create_dir(folder).unwrap();
    for n in 0.. {
        if fs::File::create(folder.join(n.to_string())).is_err() {
            break;
        }
    }
}

/// Fills the disk in mid-job, makes room again, and goes on.
fn filled(case: &Case, kind: Kind<'_>, fill: fn(&Path), how: &str) {
    let Some((_folder, disk)) = own_disk(kind) else { return };
    let bench = case.started(disk.path());
    let filler = disk.path().join("filler");
    let answer = disturbed(&bench, || fill(&filler));
    assert_ends_with(answer, &[ExportErrorKind::NoSpace], how);
    case.assert_no_half_file(&bench, how);
    // And once more without any room: it may just suffice, for what was in hand is removed.
    if let Err(error) = bench.run(run("still-full")) {
        assert_eq!(error.kind(), ExportErrorKind::NoSpace, "{how}: {error:?}");
    }
    case.assert_no_half_file(&bench, how);
    fs::remove_dir_all(&filler).unwrap();
    case.assert_made_good(&bench, &Touched::nothing(), how);
}

fn again_after(case: &Case, disk: &Disk, bench: &Bench, how: &str) {
    disk.mount().unwrap();
    case.assert_no_half_file(bench, how);
    case.assert_made_good(bench, &Touched::nothing(), how);
}

mod slow {
    use super::*;

    #[test]
    fn a_disk_that_becomes_full_in_mid_job_ends_it_and_the_next_run_goes_on() {
        if !shared::slow_wanted() {
            return;
        }
        for case in [Case::first_export(), Case::later_export()] {
            filled(&case, EXT4, fill, "ext4 full");
            filled(&case, MEMORY, fill, "memory full");
        }
    }

    #[test]
    fn a_disk_without_inodes_ends_the_job_and_the_next_run_goes_on() {
        if !shared::slow_wanted() {
            return;
        }
        for case in [Case::first_export(), Case::later_export()] {
            filled(&case, EXT4, fill_inodes, "ext4 without inodes");
            filled(&case, MEMORY, fill_inodes, "memory without inodes");
        }
    }

    #[test]
    fn a_disk_that_is_too_small_from_the_start_is_told_before_the_first_file() {
        if !shared::slow_wanted() {
            return;
        }
        let case = Case::first_export();
        let Some((_folder, disk)) = own_disk(Kind::Memory("size=4m")) else { return };
        let bench = case.started(disk.path());
        assert_ends_with(bench.run(run("small")), &[ExportErrorKind::NoSpace], "too small");
        assert_eq!(Tree::of(&bench).len(), 0);
        disk.remount("size=64m").unwrap();
        case.assert_made_good(&bench, &Touched::nothing(), "large enough later");
    }

    #[test]
    fn a_disk_that_turns_read_only_in_mid_job_ends_it_and_the_next_run_goes_on() {
        if !shared::slow_wanted() {
            return;
        }
        for case in [Case::first_export(), Case::later_export()] {
            let Some((_folder, disk)) = own_disk(EXT4) else { return };
            let bench = case.started(disk.path());
            // As the kernel does when the disk reports an error.
            let answer = disturbed(&bench, || disk.remount("abort").unwrap());
            assert_ends_with(answer, &[ExportErrorKind::ReadOnly], "read-only");
            assert_ends_with(bench.run(run("still")), &[ExportErrorKind::ReadOnly], "read-only");
            disk.unmount(false).unwrap();
            again_after(&case, &disk, &bench, "writable again");
        }
    }

    #[test]
    fn a_disk_that_is_taken_away_in_mid_job_is_gone_on_with_when_it_is_back() {
        if !shared::slow_wanted() {
            return;
        }
        let case = Case::first_export();
        let Some((_folder, disk)) = own_disk(EXT4) else { return };
        let bench = case.started(disk.path());
        // What is open stays usable, so both ends are right.
        drop(disturbed(&bench, || disk.unmount(true).unwrap()));
        assert!(!bench.root.exists(), "nothing was written where the disk had been");
        again_after(&case, &disk, &bench, "mounted again");
    }

    #[test]
    fn a_destination_that_is_removed_in_mid_job_ends_it_and_is_made_anew() {
        if !shared::slow_wanted() {
            return;
        }
        let case = Case::first_export();
        let folder = tempfile::tempdir().unwrap();
        let bench = case.started(folder.path());
        let answer = disturbed(&bench, || {
            // The workers go on making files in it meanwhile.
            while bench.root.exists() {
                drop(fs::remove_dir_all(&bench.root));
            }
        });
        let kinds = [ExportErrorKind::Destination, ExportErrorKind::RootReplaced];
        assert_ends_with(answer, &kinds, "removed");
        fs::create_dir(&bench.root).unwrap();
        case.assert_made_good(&bench, &Touched::nothing(), "made anew");
    }
}
