//! Every operation of the door fails once, by an error and by the end of the process.
//!
//! For each N the N-th operation is made to fail; whatever it was, no file is half under a final
//! name, and the next run ends in the same tree. The injector is a value that only tests hand in.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use darkslide_door::{DoorError, DoorErrorKind, Faults, Operation, Record, RootDir};

use crate::support::{Place, abs, exports, one, rel};

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

/// One file, as an export does it, from an open root on; what an earlier try left is no obstacle.
fn export(place: &Place, root: &Path, faults: Faults) -> Result<(), Failure> {
    let root = RootDir::open(exports(), &abs(root), faults)?;
    let grant = place.write("exports", "x");
    let destination = root.enter(&grant)?;
    destination.ensure_record_folders()?;
    let _lock = destination.lock()?;
    for entry in destination.list_temporaries()? {
        let name = entry.component().unwrap();
        let path = rel(&format!(".darkslide/tmp/{}", name.as_str()));
        if let Some(facts) = destination.stat(&path)? {
            destination.remove_temporary(&name, facts.identity)?;
        }
    }
    destination.remove_record(Record::Journal)?;
    let final_name = rel("2024/photo");
    if destination.stat(&final_name)?.is_none() {
        let name = one("0123456789abcdef0123456789abcdef");
        let mut file = destination.create_temporary(&name)?;
        destination.faults().check(Operation::Write)?;
        file.write_all(CONTENT.as_bytes())?;
        let facts = destination.finish(&name, &file, None)?;
        let mut journal = destination.append_record(Record::Journal)?;
        journal.write_all(b"publish\n")?;
        destination.sync()?;
        destination.make_folders(&rel("2024"))?;
        destination.publish(&name, facts.identity, &final_name)?;
    }
    let mut manifest = destination.replace_record(Record::Manifest)?;
    manifest.write_all(CONTENT.as_bytes())?;
    manifest.commit()?;
    destination.remove_record(Record::Journal)?;
    Ok(())
}

/// Whatever happened: a name that people or a later run read is absent or whole.
#[track_caller]
fn nothing_is_half(root: &Path, when: u64) {
    for path in ["x/2024/photo", "x/.darkslide/manifest.jsonl"] {
        match fs::read_to_string(root.join(path)) {
            Ok(text) => assert_eq!(text, CONTENT, "{path} after {when}"),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::NotFound, "{path} after {when}"),
        }
    }
}

fn total() -> u64 {
    let place = Place::new();
    let faults = Faults::count();
    export(&place, &place.path("R"), faults.clone()).unwrap();
    faults.announced()
}

#[test]
fn the_failure_of_each_operation_leaves_no_final_name_half() {
    let total = total();
    assert!(total > 20, "{total}");
    for nth in 1..=total {
        let place = Place::new();
        let root = place.path("R");
        match export(&place, &root, Faults::fail_nth(nth, ENOSPC)).unwrap_err() {
            Failure::Door(error) => assert_eq!(error.kind(), DoorErrorKind::NoSpace, "{error}"),
            Failure::Content(error) => assert_eq!(error.raw_os_error(), Some(ENOSPC)),
        }
        nothing_is_half(&root, nth);
        assert!(!root.join("x/.darkslide/manifest.jsonl.new").exists());
        export(&place, &root, Faults::none()).unwrap();
        assert_eq!(place.names("R/x"), [".darkslide", "2024"]);
        assert_eq!(place.names("R/x/.darkslide/tmp"), [""; 0]);
    }
}

/// Names the folder and the number of the operation for the child below.
const CHILD_ROOT: &str = "DARKSLIDE_TEST_ROOT";
const CHILD_NTH: &str = "DARKSLIDE_TEST_NTH";

/// Does something only as the child of the next test.
#[test]
fn child_that_is_ended() {
    let Ok(root) = std::env::var(CHILD_ROOT) else {
        return;
    };
    let nth = std::env::var(CHILD_NTH).unwrap().parse().unwrap();
    // Its own policy names other paths than this root; the grant is for the same name.
    let place = Place::new();
    export(&place, Path::new(&root), Faults::abort_before_nth(nth)).unwrap();
}

#[test]
fn the_end_of_the_process_before_each_operation_leaves_no_final_name_half() {
    use std::os::unix::process::ExitStatusExt;
    let program = std::env::current_exe().unwrap();
    for nth in 1..=total() {
        let place = Place::new();
        let root = place.path("R");
        let child = std::process::Command::new(&program)
            .args(["--exact", "fault::child_that_is_ended"])
            .env(CHILD_ROOT, &root)
            .env(CHILD_NTH, nth.to_string())
            .current_dir(place.path("outside"))
            .output()
            .unwrap();
        assert!(child.status.signal().is_some(), "{nth}: {child:?}");
        nothing_is_half(&root, nth);
        export(&place, &root, Faults::none()).unwrap();
        nothing_is_half(&root, nth);
        assert!(root.join("x/2024/photo").exists());
        assert!(!root.join("x/.darkslide/manifest.jsonl.new").exists());
        assert_eq!(place.names("R/x/.darkslide/tmp"), [""; 0]);
    }
}
