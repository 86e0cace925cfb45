//! Faults of what is read and written: libraries, roots, the state, the room.
//!
//! What only another user or a file system of its own shows takes root; where that is lacking the
//! test says that it was skipped. Libraries are looked at before and after.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use darkslide_fixture::{Snapshot, WalState};
use darkslide_tests::disks::{Disk, Kind};
use darkslide_tests::shared::skip;

use super::{Scene, USER};

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

#[test]
fn a_library_under_its_name_in_another_language_is_named_and_an_editor_mends_the_policy() {
    let scene = Scene::new();
    let german = scene.library.with_file_name("Fotos-Mediathek.photoslibrary");
    fs::rename(&scene.library, &german).unwrap();
    let hint = scene.doctor().is("library", "broken", "Fotos-Mediathek.photoslibrary");
    scene.typed(&hint, "sed -i 's/Photos Library/Fotos-Mediathek/' \"$1\"");
    scene.doctor().is("library", "ok", "1 assets");
}

#[test]
fn a_library_that_this_user_may_not_read_is_found_and_opened() {
    if !is_root() {
        return skip("another user is needed, which takes root");
    }
    let mut scene = Scene::new();
    scene.give_to(USER);
    fs::set_permissions(&scene.library, Permissions::from_mode(0o000)).unwrap();
    let hint = scene.doctor().is("library", "broken", "may not read it");
    scene.typed(&hint, "");
    scene.doctor().is("library", "ok", "1 assets");
}

#[test]
fn libraries_that_no_program_of_ours_reads_are_told_apart() {
    let scene = Scene::new();
    let database = scene.library.join("database/Photos.sqlite");
    fs::write(&database, "no database").unwrap();
    let hint = scene.doctor().is("library", "broken", "not a database");
    assert!(hint.starts_with("rsync -a --delete ORIGINAL/ "), "{hint}");
    fs::remove_dir_all(&scene.library).unwrap();
    fs::create_dir(&scene.library).unwrap();
    scene.doctor().is("library", "broken", "not a Photos library");
    fs::write(scene.library.join("AlbumData.xml"), "").unwrap();
    let hint = scene.doctor().is("library", "broken", "iPhoto");
    assert!(hint.starts_with("open -a Photos "), "{hint}");
}

#[test]
fn a_stale_wal_is_found_and_the_library_is_left_as_it_is() {
    let scene = Scene::with_wal(WalState::Stale);
    let before = Snapshot::take(&scene.library).unwrap();
    let hint = scene.doctor().is("library", "broken", "of different times");
    assert!(hint.contains("--delete"), "{hint}");
    let after = Snapshot::take(&scene.library).unwrap();
    assert_eq!(before.diff(&after).lines(), [""; 0]);
}

#[test]
fn a_root_that_is_not_there_is_found_and_made() {
    let scene = Scene::new();
    fs::remove_dir(scene.place.exports()).unwrap();
    let hint = scene.doctor().is("root", "warning", "nothing is there");
    scene.typed(&hint, "");
    scene.doctor().is("root", "ok", "ready");
    scene.edit_policy("~/Exports", "~/disk/Exports");
    let hint = scene.doctor().is("root", "broken", "is its disk mounted");
    scene.typed(&hint, "");
    scene.doctor().is("root", "ok", "ready");
}

#[test]
fn a_root_that_came_after_the_daemon_is_told_by_the_daemon() {
    let scene = Scene::new();
    scene.edit_policy("~/Exports", "~/disk/Exports");
    let _service = scene.serve();
    fs::create_dir_all(scene.place.home().join("disk/Exports")).unwrap();
    scene.doctor().is("root", "broken", "the daemon says: absent");
}

#[test]
fn a_root_that_this_user_may_not_write_is_found_and_mended() {
    let mut scene = Scene::new();
    if is_root() {
        scene.give_to(USER);
    }
    fs::set_permissions(scene.place.exports(), Permissions::from_mode(0o500)).unwrap();
    let hint = scene.doctor().is("root", "broken", "may not write");
    scene.typed(&hint, "");
    scene.doctor().is("root", "ok", "ready");
}

#[test]
fn a_root_that_a_cloud_copies_away_is_told() {
    let scene = Scene::new();
    fs::create_dir(scene.place.home().join("Dropbox")).unwrap();
    scene.edit_policy("~/Exports", "~/Dropbox/Exports");
    fs::create_dir(scene.place.home().join("Dropbox/Exports")).unwrap();
    scene.doctor().is("root", "warning", "Dropbox copies");
}

#[test]
fn a_record_that_others_can_write_is_found_and_mended() {
    let scene = Scene::new();
    let record = scene.place.exports().join("2024/.darkslide");
    fs::create_dir_all(&record).unwrap();
    fs::set_permissions(&record, Permissions::from_mode(0o777)).unwrap();
    let hint = scene.doctor().is("root", "broken", "open to others");
    // The first half wants another user's rights; the second mends it.
    let (_, hint) = hint.split_once("; ").unwrap();
    scene.typed(hint, "");
    scene.doctor().is("root", "ok", "ready");
}

/// A file system of memory, mounted at `disk` in a folder of the scene.
fn disk(folder: &Path, options: &str) -> Option<Disk> {
    match Disk::make(folder, Kind::Memory(options)) {
        Ok(disk) => Some(disk),
        Err(error) => {
            skip(&format!("no file system of its own: {error}"));
            None
        }
    }
}

#[test]
fn another_file_system_below_a_root_is_found() {
    let scene = Scene::new();
    let Some(disk) = disk(&scene.place.exports(), "size=64m") else { return };
    let hint = scene.doctor().is("root", "warning", "another file system is mounted at");
    assert!(hint.starts_with("findmnt ") && hint.ends_with("Exports/disk"), "{hint}");
    drop(disk);
    scene.doctor().is("root", "ok", "ready");
}

#[test]
fn a_root_on_a_disk_that_is_read_only_or_full_is_found() {
    let scene = Scene::new();
    let Some(disk) = disk(scene.place.path(), "size=64m,mode=0700") else { return };
    scene.edit_policy("~/Exports", &disk.path().display().to_string());
    scene.doctor().is("space", "warning", "free");
    fs::write(disk.path().join("x"), vec![0; 60 << 20]).unwrap();
    let hint = scene.doctor().is("space", "broken", "the disk is full");
    assert!(hint.starts_with("df -h "), "{hint}");
    disk.remount("ro").unwrap();
    let hint = scene.doctor().is("root", "broken", "read-only");
    let hint = hint.strip_prefix("sudo ").unwrap();
    scene.typed(hint, "");
    scene.doctor().is("root", "ok", "ready");
}

#[test]
fn a_state_folder_that_others_can_write_or_that_is_anothers_is_found() {
    let scene = Scene::new();
    let state = scene.place.home().join(".local/state/darkslide");
    fs::create_dir_all(state.join("jobs")).unwrap();
    fs::set_permissions(&state, Permissions::from_mode(0o770)).unwrap();
    let hint = scene.doctor().is("state", "broken", "others can write to it");
    scene.typed(&hint, "");
    scene.doctor().is("state", "ok", "");
    fs::write(state.join("jobs/1.json"), r#"{"format": 99, "job": {}}"#).unwrap();
    scene.doctor().is("state", "warning", "a newer darkslided");
    if is_root() {
        chown(&state, Some(USER), None).unwrap();
        let hint = scene.doctor().is("state", "broken", "belongs to uid 12345");
        scene.typed(hint.strip_prefix("sudo ").unwrap(), "");
        scene.doctor().is("state", "warning", "a newer darkslided");
    }
}
