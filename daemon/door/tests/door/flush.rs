//! A batch is flushed as a whole where that reaches the disk, else file by file.
//!
//! What is on the disk cannot be seen from here; the announced operations say what was flushed.
//! Which kind a file system is, is asked of the one that the temporary folders are on.

use std::fs;
use std::os::unix::fs::symlink;

use darkslide_door::{Destination, DoorErrorKind, Faults, FlushKind, Operation, random_name};

use crate::support::{Place, one, refused, rel, temporary};

fn with(faults: Faults, check: impl Fn(&Place, &Destination<'_>)) {
    let place = Place::new();
    let root = place.root(faults);
    let grant = place.write("exports", "x");
    let destination = root.enter(&grant).unwrap();
    destination.ensure_record_folders().unwrap();
    check(&place, &destination);
}

fn flushes(faults: &Faults) -> (usize, usize) {
    let seen = faults.operations();
    let count = |what| seen.iter().filter(|it| **it == what).count();
    (count(Operation::Sync), count(Operation::Flush))
}

#[test]
fn a_local_disk_is_flushed_once_whatever_is_in_the_batch() {
    let faults = Faults::count();
    with(faults.clone(), |_, destination| {
        assert_eq!(destination.flush_kind().unwrap(), FlushKind::FileSystem);
        let (name, _) = temporary(destination, "ours");
        destination.sync_batch(&[name], &[rel("."), rel("none")]).unwrap();
        destination.sync().unwrap();
    });
    assert_eq!(flushes(&faults), (2, 0));
}

#[test]
fn elsewhere_each_file_and_each_folder_is_flushed() {
    let faults = Faults::without_syncfs().and(Faults::count());
    with(faults.clone(), |_, destination| {
        assert_eq!(destination.flush_kind().unwrap(), FlushKind::EachFile);
        let names = ["a", "b"].map(|content| temporary(destination, content).0);
        destination.make_folders(&rel("2024/05")).unwrap();
        let trash = destination.ensure_trash_folder(&one("2024-05-06")).unwrap();
        let folders = [rel("2024"), rel("2024/05"), trash, rel("gone")];
        destination.sync_batch(&names, &folders).unwrap();
        // The record is three folders, and the destination that it is in.
        assert_eq!(flushes(destination.faults()), (1, 2 + 4 + 4));
        let _journal = destination.append_record(darkslide_door::Record::Journal).unwrap();
        destination.sync().unwrap();
    });
    assert_eq!(flushes(&faults), (2, 10 + 5));
}

#[test]
fn what_is_to_be_flushed_and_is_not_there_is_told() {
    with(Faults::without_syncfs(), |place, destination| {
        let batch = |name| destination.sync_batch(&[name], &[]);
        refused(batch(random_name()), DoorErrorKind::NotFound);
        symlink(place.path("outside"), place.path("R/x/link")).unwrap();
        let folder = |path: &str| destination.sync_batch(&[], &[rel(path)]);
        refused(folder("link"), DoorErrorKind::Link);
        // Where a file stands, the folder is gone.
        fs::write(place.path("R/x/file"), "").unwrap();
        folder("file").unwrap();
        let name = random_name();
        fs::create_dir(place.path("R/x/.darkslide/tmp").join(name.as_str())).unwrap();
        refused(batch(name), DoorErrorKind::NotAFile);
    });
}
