//! How a finished file gets its final name: by renames that replace nothing.
//!
//! Files, folders, links and dangling links under the wanted name stay what they are, whoever put
//! them there and however late.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};

use darkslide_door::{Destination, DoorErrorKind, Faults, FileTime, Way, random_name};

use crate::support::{Place, disks, one, refused, rel, temporary};

/// Runs on each rung of the ladder, and with the walk of components.
fn everywhere(check: impl Fn(&Place, &Destination<'_>, Way)) {
    let walk = [(Faults::without_openat2(), Way::Renamed)];
    for (faults, way) in disks().into_iter().chain(walk) {
        let place = Place::new();
        let root = place.root(faults);
        let grant = place.write("exports", "x");
        let destination = root.enter(&grant).unwrap();
        destination.ensure_record_folders().unwrap();
        check(&place, &destination, way);
    }
}

#[test]
fn a_finished_file_gets_its_name_its_mode_and_its_time() {
    everywhere(|place, destination, way| {
        destination.make_folders(&rel("2024/05")).unwrap();
        let name = random_name();
        let file = destination.create_temporary(&name).unwrap();
        let early = FileTime { seconds: -86_400, nanoseconds: 5 };
        let facts = destination.finish(&name, &file, Some(early)).unwrap();
        assert_eq!((facts.mtime, facts.mode), (early, 0o640));
        let to = rel("2024/05/a.heic");
        let published = destination.publish(&name, facts.identity, &to).unwrap();
        assert_eq!(published.way, way);
        assert_eq!(published.facts.mtime, early);
        assert_eq!(published.facts.links, 1);
        assert_eq!(place.names("R/x/.darkslide/tmp"), [""; 0]);
        let found = fs::metadata(place.path("R/x/2024/05/a.heic")).unwrap();
        assert_eq!(found.ino(), facts.identity.inode());
    });
}

#[test]
fn nothing_that_has_the_name_is_replaced() {
    everywhere(|place, destination, _| {
        fs::write(place.path("R/x/file"), "theirs").unwrap();
        fs::create_dir(place.path("R/x/folder")).unwrap();
        symlink("nowhere", place.path("R/x/dangling")).unwrap();
        symlink(place.path("outside"), place.path("R/x/link")).unwrap();
        fs::write(place.path("outside/precious"), "theirs").unwrap();
        fs::hard_link(place.path("outside/precious"), place.path("R/x/hard")).unwrap();
        let (name, identity) = temporary(destination, "ours");
        for taken in ["file", "folder", "dangling", "link", "hard"] {
            let before = fs::symlink_metadata(place.path(&format!("R/x/{taken}"))).unwrap();
            refused(destination.publish(&name, identity, &rel(taken)), DoorErrorKind::Exists);
            let after = fs::symlink_metadata(place.path(&format!("R/x/{taken}"))).unwrap();
            assert_eq!((before.ino(), before.len()), (after.ino(), after.len()));
        }
        let precious = fs::read_to_string(place.path("outside/precious")).unwrap();
        assert_eq!(precious, "theirs");
        assert_eq!(place.names("R/x/.darkslide/tmp"), [name.as_str()]);
        assert_eq!(place.names("outside"), ["precious"]);
    });
}

#[test]
fn a_link_in_the_middle_leads_nowhere() {
    everywhere(|place, destination, _| {
        symlink(place.path("outside"), place.path("R/x/link")).unwrap();
        let (name, identity) = temporary(destination, "ours");
        let to = rel("link/a");
        refused(destination.publish(&name, identity, &to), DoorErrorKind::Link);
        refused(destination.make_folders(&rel("link/b")), DoorErrorKind::Link);
        refused(destination.open_read(&to), DoorErrorKind::Link);
        refused(destination.stat(&to), DoorErrorKind::Link);
        assert_eq!(place.names("outside"), [""; 0]);
    });
}

#[test]
fn another_file_under_the_temporary_name_is_not_published() {
    everywhere(|place, destination, _| {
        let (name, identity) = temporary(destination, "ours");
        let path = place.path("R/x/.darkslide/tmp").join(name.as_str());
        fs::rename(&path, place.path("kept")).unwrap();
        for plant in 0..2 {
            if plant == 0 {
                fs::write(&path, "theirs").unwrap();
            } else {
                fs::remove_file(&path).unwrap();
                symlink(place.path("outside"), &path).unwrap();
            }
            let answer = destination.publish(&name, identity, &rel("a"));
            refused(answer, DoorErrorKind::Replaced);
            let answer = destination.remove_temporary(&name, identity);
            refused(answer, DoorErrorKind::Replaced);
        }
        assert_eq!(place.names("R/x"), [".darkslide"]);
        assert!(path.is_symlink());
    });
}

#[test]
fn takes_names_of_255_bytes() {
    everywhere(|place, destination, _| {
        let long = "n".repeat(255);
        let (name, identity) = temporary(destination, "ours");
        destination.publish(&name, identity, &rel(&long)).unwrap();
        let other = "m".repeat(255);
        destination.rename_exclusive(&rel(&long), &rel(&other)).unwrap();
        assert!(place.path("R/x").join(other).is_file());
    });
}

#[test]
fn renames_what_people_see_and_to_and_from_aside_and_replaces_nothing() {
    everywhere(|place, destination, way| {
        fs::write(place.path("R/x/a"), "a").unwrap();
        fs::write(place.path("R/x/b"), "b").unwrap();
        let rename = |from: &str, to: &str| destination.rename_exclusive(&rel(from), &rel(to));
        refused(rename("a", "b"), DoorErrorKind::Exists);
        refused(rename("none", "c"), DoorErrorKind::NotFound);
        refused(rename("a", "none/c"), DoorErrorKind::NotFound);
        assert_eq!(rename("a", ".darkslide/aside/1").unwrap(), way);
        assert_eq!(rename("b", "a").unwrap(), way);
        assert_eq!(rename(".darkslide/aside/1", "b").unwrap(), way);
        let trash = destination.ensure_trash_folder(&one("2024-05-06")).unwrap();
        rename("b", &format!("{trash}/b")).unwrap();
        assert_eq!(place.names("R/x"), [".darkslide", "a"]);
        assert_eq!(fs::read_to_string(place.path("R/x/a")).unwrap(), "b");
    });
}

#[test]
fn names_in_our_own_record_are_no_final_names() {
    everywhere(|_, destination, _| {
        let (name, identity) = temporary(destination, "ours");
        let records =
            [".darkslide/manifest.jsonl", ".darkslide/tmp/x", ".DARKSLIDE/id", ".darkslide"];
        // Another destination's, too.
        for to in records.into_iter().chain(["a/.darkslide/id", ".dar\u{212a}\u{17f}lide"]) {
            let answer = destination.publish(&name, identity, &rel(to));
            refused(answer, DoorErrorKind::Name);
            refused(destination.make_folders(&rel(to)), DoorErrorKind::Name);
            let removed = destination.remove_empty_folder(&rel(to));
            refused(removed, DoorErrorKind::Name);
            let moved = destination.rename_exclusive(&rel("a"), &rel(to));
            refused(moved, DoorErrorKind::Name);
        }
        for from in [".darkslide/manifest.jsonl", ".darkslide/aside", "."] {
            let moved = destination.rename_exclusive(&rel(from), &rel("a"));
            refused(moved, DoorErrorKind::Name);
        }
        let whole = destination.publish(&name, identity, &rel("."));
        refused(whole, DoorErrorKind::Name);
    });
}

#[test]
fn a_leftover_whose_name_is_no_text_can_be_moved_away() {
    everywhere(|place, destination, way| {
        let name = std::ffi::OsStr::from_bytes(b"caf\xe9");
        fs::write(place.path("R/x/.darkslide/tmp").join(name), "theirs").unwrap();
        let entry = destination.list_temporaries().unwrap().remove(0);
        assert_eq!(entry.component(), None);
        let trash = destination.ensure_trash_folder(&one("2024-05-06")).unwrap();
        let rename = |from: &str, to: &str| destination.rename_entry(&rel(from), &entry, &rel(to));
        for from in [".darkslide", ".darkslide/trash", "."] {
            refused(rename(from, &format!("{trash}/1")), DoorErrorKind::Name);
        }
        refused(rename(".darkslide/tmp", ".darkslide/id"), DoorErrorKind::Name);
        assert_eq!(rename(".darkslide/tmp", &format!("{trash}/1")).unwrap(), way);
        let moved = fs::read_to_string(place.path("R/x").join(trash.as_str()).join("1"));
        assert_eq!(moved.unwrap(), "theirs");
    });
}

#[test]
fn a_folder_and_a_link_among_our_own_are_moved_away_too() {
    everywhere(|place, destination, way| {
        let aside = place.path("R/x/.darkslide/aside");
        fs::create_dir_all(aside.join("folder/inner")).unwrap();
        symlink(place.path("outside"), aside.join("link")).unwrap();
        let trash = destination.ensure_trash_folder(&one("2024-05-06")).unwrap();
        for entry in destination.list_aside().unwrap() {
            let to = trash.join(&entry.component().unwrap()).unwrap();
            let moved = destination.rename_entry(&rel(".darkslide/aside"), &entry, &to).unwrap();
            let is_folder = entry.component().unwrap() == one("folder");
            let linked = if is_folder { Way::OverPlaceholder } else { Way::Linked };
            assert_eq!(moved, if way == Way::Linked { linked } else { way });
        }
        let trash = place.path("R/x").join(trash.as_str());
        assert!(trash.join("folder/inner").is_dir() && trash.join("link").is_symlink());
        assert!(destination.list_aside().unwrap().is_empty());
    });
}

#[test]
fn each_disk_is_found_out_once_and_nothing_is_left_of_it() {
    use darkslide_door::{Exclusive, Operation};
    let exclusive = |way| match way {
        Way::Renamed => Exclusive::Rename,
        Way::Linked => Exclusive::Link,
        Way::OverPlaceholder => Exclusive::Neither,
    };
    for (index, (faults, way)) in disks().into_iter().enumerate() {
        let place = Place::new();
        let faults = faults.and(Faults::count());
        let root = place.root(faults.clone());
        let grant = place.write("exports", "x");
        let destination = root.enter(&grant).unwrap();
        refused(destination.probe_renames(), DoorErrorKind::NotFound);
        destination.ensure_record_folders().unwrap();
        let found = destination.probe_renames().unwrap();
        assert_eq!(found.exclusive, exclusive(way), "{index}");
        assert_eq!(found.exchange, index < 2, "{index}");
        let (name, identity) = temporary(&destination, "ours");
        destination.publish(&name, identity, &rel("a")).unwrap();
        assert_eq!(place.names("R/x/.darkslide/tmp"), [""; 0]);
        let probed = |it: &&Operation| **it == Operation::ProbeRenames;
        assert_eq!(faults.operations().iter().filter(probed).count(), 1);
    }
}

#[test]
fn what_fails_while_trying_is_no_answer() {
    let place = Place::new();
    let root = place.root(Faults::fail_each(darkslide_door::Operation::ProbeRenames, 28));
    let grant = place.write("exports", "x");
    let destination = root.enter(&grant).unwrap();
    destination.ensure_record_folders().unwrap();
    let (name, identity) = temporary(&destination, "ours");
    refused(destination.publish(&name, identity, &rel("a")), DoorErrorKind::NoSpace);
    assert_eq!(place.names("R/x/.darkslide/tmp"), [name.as_str()]);
}

#[test]
fn an_error_names_the_object_and_what_to_do() {
    let place = Place::new();
    let root = place.root(Faults::none());
    let grant = place.write("exports", "x");
    let destination = root.enter(&grant).unwrap();
    destination.ensure_record_folders().unwrap();
    let (name, identity) = temporary(&destination, "ours");
    fs::write(place.path("R/x/a"), "theirs").unwrap();
    let error = destination.publish(&name, identity, &rel("a")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot publish x/a below root `exports`: something is there already"
    );
    assert_eq!(error.errno(), Some(17));
    assert!(!error.hint().is_empty());
}
