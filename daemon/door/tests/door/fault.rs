//! Every operation of the door fails once, by an error and by the end of the process.
//!
//! For each N, and on disks from rich to poor, the N-th operation is made to fail; whatever it was,
//! no file is half under a final name, and the next run ends in the same tree. The injector is a
//! value that only tests hand in.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use darkslide_door::{
    BEAT_EVERY, Destination, DoorError, DoorErrorKind, Entry, Exclusive, Faults, Identity,
    Operation, Record, RootDir, Way, random_name,
};
use darkslide_policy::{Component, RelPath};
use rustix::io::Errno;

use crate::support::{Place, abs, disks, exports, lock, rel};

const OLD: &str = "what it was before";
const CONTENT: &str = "all of the content";
const ENOSPC: i32 = 28;

/// What went wrong in a small export.
#[derive(Debug)]
enum Failure {
    Door(DoorError),
    Content(io::Error),
}

impl From<DoorError> for Failure {
    fn from(error: DoorError) -> Self {
        Self::Door(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Content(error)
    }
}

/// One file, as an export does it, and its update, from an open root on; what an earlier try left
/// is no obstacle.
fn export(place: &Place, root: &Path, faults: Faults) -> Result<(), Failure> {
    let root = RootDir::open(exports(), &abs(root), faults)?;
    let grant = place.write("exports", "x");
    let destination = root.enter(&grant)?;
    destination.ensure_record_folders()?;
    let lock = lock(&destination)?;
    let final_name = rel("2024/photo");
    settle(&destination, &final_name)?;
    lock.beat(BEAT_EVERY)?;
    for content in [OLD, CONTENT] {
        let name = random_name();
        let mut file = destination.create_temporary(&name)?;
        destination.faults().check(Operation::Write)?;
        file.write_all(content.as_bytes())?;
        let facts = destination.finish(&name, &file, None)?;
        let mut journal = destination.append_record(Record::Journal)?;
        journal.write_all(b"publish\n")?;
        destination.make_folders(&rel("2024"))?;
        destination.sync_batch(std::slice::from_ref(&name), &[rel("."), rel("2024")])?;
        if destination.stat(&final_name)?.is_none() {
            destination.publish(&name, facts.identity, &final_name)?;
        } else {
            update(&destination, &name, facts.identity, &final_name)?;
        }
    }
    let mut manifest = destination.replace_record(Record::Manifest)?;
    manifest.write_all(CONTENT.as_bytes())?;
    manifest.commit()?;
    destination.remove_record(Record::Journal)?;
    Ok(())
}

/// Nobody else is in this folder, so that what stands anywhere is ours.
fn settle(destination: &Destination<'_>, final_name: &RelPath) -> Result<(), Failure> {
    let exclusive = destination.probe_renames()?.exclusive;
    let named = destination.stat(final_name)?;
    if let Some(facts) = named.filter(|it| it.size == 0 && exclusive == Exclusive::Neither) {
        destination.remove_empty_placeholder(final_name, facts.identity)?;
    }
    let path = |folder: &str, entry: &Entry| {
        let name = entry.component().unwrap();
        (rel(&format!(".darkslide/{folder}/{}", name.as_str())), name)
    };
    for entry in destination.list_aside()? {
        let (path, name) = path("aside", &entry);
        let facts = destination.stat(&path)?.unwrap();
        if destination.stat(final_name)?.is_none() && facts.size != 0 {
            destination.rename_exclusive(&path, final_name)?;
        } else {
            destination.remove_aside(&name, facts.identity)?;
        }
    }
    for entry in destination.list_temporaries()? {
        let (path, name) = path("tmp", &entry);
        let facts = destination.stat(&path)?.unwrap();
        destination.remove_temporary(&name, facts.identity)?;
    }
    destination.remove_record(Record::Journal)?;
    Ok(())
}

fn update(
    destination: &Destination<'_>,
    name: &Component,
    identity: Identity,
    to: &RelPath,
) -> Result<(), Failure> {
    let aside = random_name();
    let path = rel(&format!(".darkslide/aside/{}", aside.as_str()));
    if destination.probe_renames()?.exchange {
        destination.move_temporary_aside(name, identity, &aside)?;
        destination.exchange(&aside, to)?;
    } else {
        destination.rename_exclusive(to, &path)?;
        destination.publish(name, identity, to)?;
    }
    let old = destination.stat(&path)?.unwrap();
    destination.remove_aside(&aside, old.identity)?;
    Ok(())
}

/// Whatever happened: a name that people or a later run read is absent or whole; where there is no
/// other way, it may be held by an empty file.
#[track_caller]
fn nothing_is_half(root: &Path, way: Way, when: u64) {
    for path in ["x/2024/photo", "x/.darkslide/manifest.jsonl"] {
        match fs::read_to_string(root.join(path)) {
            Ok(text) => {
                let held = text.is_empty() && way == Way::OverPlaceholder;
                let whole = text == CONTENT || text == OLD || held;
                assert!(whole, "{path} after {when} on a disk of {way:?}");
            }
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::NotFound, "{path} after {when}"),
        }
    }
}

/// The tree as an undisturbed run leaves it.
#[track_caller]
fn all_is_there(place: &Place, when: u64) {
    assert_eq!(fs::read_to_string(place.path("R/x/2024/photo")).unwrap(), CONTENT, "{when}");
    assert_eq!(place.names("R/x"), [".darkslide", "2024"]);
    for folder in ["tmp", "aside"] {
        assert_eq!(place.names(&format!("R/x/.darkslide/{folder}")), [""; 0], "{when}");
    }
    let left = [".new", "journal.jsonl"];
    let record = place.names("R/x/.darkslide");
    assert!(!record.iter().any(|name| left.iter().any(|end| name.ends_with(end))), "{record:?}");
}

/// The rungs of the ladder, each once: the richest disk, one with links, the poorest.
const SWEPT: [usize; 3] = [0, 1, 4];

#[test]
fn a_disk_a_quota_and_a_limit_that_are_full_are_named_alike() {
    for errno in [Errno::NOSPC, Errno::DQUOT, Errno::FBIG] {
        let place = Place::new();
        let faults = Faults::fail_each(Operation::CreateTemporary, errno.raw_os_error());
        let Failure::Door(error) = export(&place, &place.path("R"), faults).unwrap_err() else {
            panic!("the door makes the temporary file");
        };
        assert_eq!(error.kind(), DoorErrorKind::NoSpace, "{errno}");
    }
}

fn total(disk: &Faults) -> u64 {
    let place = Place::new();
    let faults = disk.clone().and(Faults::count());
    export(&place, &place.path("R"), faults.clone()).unwrap();
    faults.announced()
}

#[test]
fn the_failure_of_each_operation_leaves_no_final_name_half() {
    let disks = disks();
    for (disk, _) in SWEPT.map(|index| &disks[index]) {
        let total = total(disk);
        assert!(total > 30, "{total}");
        for nth in 1..=total {
            let place = Place::new();
            let root = place.path("R");
            let faults = disk.clone().and(Faults::fail_nth(nth, ENOSPC));
            match export(&place, &root, faults).unwrap_err() {
                Failure::Door(error) => {
                    assert_eq!(error.kind(), DoorErrorKind::NoSpace, "{error}");
                }
                Failure::Content(error) => assert_eq!(error.raw_os_error(), Some(ENOSPC)),
            }
            // An error is no kill: what held a name is gone.
            nothing_is_half(&root, Way::Renamed, nth);
            assert!(!root.join("x/.darkslide/manifest.jsonl.new").exists());
            export(&place, &root, disk.clone()).unwrap();
            all_is_there(&place, nth);
        }
    }
}

/// Names the folder, the disk and the number of the operation for the child below.
const CHILD_ROOT: &str = "DARKSLIDE_TEST_ROOT";
const CHILD_DISK: &str = "DARKSLIDE_TEST_DISK";
const CHILD_NTH: &str = "DARKSLIDE_TEST_NTH";

/// Does something only as the child of the next test.
#[test]
fn child_that_is_ended() {
    let Ok(root) = std::env::var(CHILD_ROOT) else {
        return;
    };
    let nth = std::env::var(CHILD_NTH).unwrap().parse().unwrap();
    let disk = std::env::var(CHILD_DISK).unwrap().parse().unwrap();
    let (disk, _) = disks().into_iter().nth(disk).unwrap();
    // Its own policy names other paths than this root; the grant is for the same name.
    let place = Place::new();
    export(&place, Path::new(&root), disk.and(Faults::abort_before_nth(nth))).unwrap();
}

#[test]
fn the_end_of_the_process_before_each_operation_leaves_no_final_name_half() {
    use std::os::unix::process::ExitStatusExt;
    let program = std::env::current_exe().unwrap();
    let disks = disks();
    for index in SWEPT {
        let (disk, way) = &disks[index];
        for nth in 1..=total(disk) {
            let place = Place::new();
            let root = place.path("R");
            let child = std::process::Command::new(&program)
                .args(["--exact", "fault::child_that_is_ended"])
                .env(CHILD_ROOT, &root)
                .env(CHILD_DISK, index.to_string())
                .env(CHILD_NTH, nth.to_string())
                // What it cannot remove any more goes with the folder of this test.
                .env("TMPDIR", place.path("outside"))
                .current_dir(place.path("outside"))
                .output()
                .unwrap();
            assert!(child.status.signal().is_some(), "{nth}: {child:?}");
            nothing_is_half(&root, *way, nth);
            export(&place, &root, disk.clone()).unwrap();
            all_is_there(&place, nth);
        }
    }
}
