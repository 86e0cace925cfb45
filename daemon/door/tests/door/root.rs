//! Roots and destinations: opened, made, probed, and noticed when they are replaced.
//!
//! What lies outside is neither opened nor made, by whatever spelling or link; a mount below a root
//! is outside, too.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use darkslide_door::{DoorErrorKind, Faults, Operation, RootDir};

use crate::support::{Place, abs, exports, refused, rel};

fn mode(place: &Place, path: &str) -> u32 {
    fs::metadata(place.path(path)).unwrap().mode() & 0o7777
}

#[test]
fn entering_makes_the_missing_folders_with_the_grants_mode() {
    for faults in [Faults::none(), Faults::without_openat2()] {
        let place = Place::new();
        let root = place.root(faults);
        let grant = place.write("exports", "a/b");
        assert!(root.enter_existing(&grant).unwrap().is_none());
        assert_eq!(place.names("R"), [""; 0]);
        let destination = root.enter(&grant).unwrap();
        // The umask of whoever runs this takes bits away; the policy's word counts.
        assert_eq!((mode(&place, "R/a"), mode(&place, "R/a/b")), (0o777, 0o777));
        assert!(destination.still_there().unwrap());
        assert!(root.enter_existing(&grant).unwrap().is_some());
    }
}

#[test]
fn what_a_folder_inherits_above_its_permissions_stays() {
    let place = Place::new();
    let sticky = fs::Permissions::from_mode(0o2755);
    fs::set_permissions(place.path("R"), sticky).unwrap();
    let root = place.root(Faults::none());
    let grant = place.write("exports", "a");
    root.enter(&grant).unwrap();
    assert_eq!(mode(&place, "R/a"), 0o2777);
}

#[test]
fn a_grant_of_another_root_opens_nothing() {
    let place = Place::new();
    let root = place.root(Faults::none());
    let other = place.write("other", "a");
    refused(root.enter(&other), DoorErrorKind::Grant);
    refused(root.enter_existing(&other), DoorErrorKind::Grant);
    assert_eq!(place.names("R"), [""; 0]);
}

#[test]
fn a_link_or_a_file_on_the_way_to_a_destination_is_refused() {
    for faults in [Faults::none(), Faults::without_openat2()] {
        let place = Place::new();
        symlink(place.path("outside"), place.path("R/link")).unwrap();
        symlink("nowhere", place.path("R/dangling")).unwrap();
        fs::write(place.path("R/file"), "").unwrap();
        let root = place.root(faults);
        for (path, kind) in [
            ("link", DoorErrorKind::Link),
            ("link/a", DoorErrorKind::Link),
            ("link/a/b", DoorErrorKind::Link),
            ("dangling", DoorErrorKind::Link),
            ("dangling/a", DoorErrorKind::Link),
            ("file", DoorErrorKind::NotAFolder),
            ("file/a", DoorErrorKind::NotAFolder),
        ] {
            let grant = place.write("exports", path);
            refused(root.enter(&grant), kind);
        }
        assert_eq!(place.names("outside"), [""; 0]);
        assert_eq!(place.names("R"), ["dangling", "file", "link"]);
    }
}

#[test]
fn a_record_is_no_place_for_a_destination() {
    for faults in [Faults::none(), Faults::without_openat2()] {
        let place = Place::new();
        let root = place.root(faults);
        for path in [".darkslide", ".darkslide/journal.jsonl", ".DarkSlide/x", "a/.darkslide/b"] {
            let grant = place.write("exports", path);
            refused(root.enter(&grant), DoorErrorKind::Name);
            refused(root.enter_existing(&grant), DoorErrorKind::Name);
        }
        assert_eq!(place.names("R"), [""; 0]);
    }
}

#[test]
fn a_destination_in_another_is_refused_before_anything_is_made() {
    for faults in [Faults::none(), Faults::without_openat2()] {
        let place = Place::new();
        let root = place.root(faults);
        fs::create_dir_all(place.path("R/a/b/.darkslide")).unwrap();
        for path in ["a/b/c", "a/b/c/d"] {
            let grant = place.write("exports", path);
            let error = root.enter(&grant).unwrap_err();
            assert_eq!((error.kind(), error.path()), (DoorErrorKind::Nested, "a/b"));
            refused(root.enter_existing(&grant), DoorErrorKind::Nested);
        }
        assert_eq!(place.names("R/a/b"), [".darkslide"]);
        let beside = place.write("exports", "a/c");
        root.enter(&beside).unwrap();
        root.enter(&place.write("exports", "a/b")).unwrap();
        fs::create_dir(place.path("R/.darkslide")).unwrap();
        let error = root.enter(&beside).unwrap_err();
        assert_eq!((error.kind(), error.path()), (DoorErrorKind::Nested, "."));
    }
}

#[test]
fn a_replaced_root_is_told_and_nothing_is_written_in_its_place() {
    let place = Place::new();
    let root = place.root(Faults::none());
    let grant = place.write("exports", "a");
    let destination = root.enter(&grant).unwrap();
    fs::rename(place.path("R"), place.path("moved")).unwrap();
    refused(root.enter(&grant), DoorErrorKind::Replaced);
    fs::create_dir(place.path("R")).unwrap();
    refused(root.enter(&grant), DoorErrorKind::Replaced);
    assert!(!destination.still_there().unwrap());
    destination.make_folders(&rel("b")).unwrap();
    assert_eq!(place.names("R"), [""; 0]);
    fs::remove_dir(place.path("R")).unwrap();
    symlink(place.path("outside"), place.path("R")).unwrap();
    refused(root.enter(&grant), DoorErrorKind::Replaced);
    assert_eq!(place.names("outside"), [""; 0]);
}

#[test]
fn a_replaced_destination_is_told() {
    let place = Place::new();
    let root = place.root(Faults::none());
    let grant = place.write("exports", "a");
    let destination = root.enter(&grant).unwrap();
    fs::rename(place.path("R/a"), place.path("R/b")).unwrap();
    assert!(!destination.still_there().unwrap());
    fs::create_dir(place.path("R/a")).unwrap();
    assert!(!destination.still_there().unwrap());
}

#[test]
fn folders_that_were_made_are_told_outermost_first() {
    let place = Place::new();
    let root = place.root(Faults::none());
    let grant = place.write("exports", "a");
    let destination = root.enter(&grant).unwrap();
    assert_eq!(destination.make_folders(&rel("2024")).unwrap(), [rel("2024")]);
    let made = destination.make_folders(&rel("2024/05/x")).unwrap();
    assert_eq!(made, [rel("2024/05"), rel("2024/05/x")]);
    assert_eq!(destination.make_folders(&rel("2024/05/x")).unwrap(), []);
}

#[test]
fn removes_a_folder_only_if_it_is_empty() {
    let place = Place::new();
    let root = place.root(Faults::none());
    let grant = place.write("exports", "a");
    let destination = root.enter(&grant).unwrap();
    destination.make_folders(&rel("x/y")).unwrap();
    fs::write(place.path("R/a/file"), "").unwrap();
    assert!(!destination.remove_empty_folder(&rel("x")).unwrap());
    assert!(destination.remove_empty_folder(&rel("x/y")).unwrap());
    assert!(destination.remove_empty_folder(&rel("x")).unwrap());
    assert!(!destination.remove_empty_folder(&rel("x")).unwrap());
    assert!(!destination.remove_empty_folder(&rel("x/y")).unwrap());
    let file = destination.remove_empty_folder(&rel("file"));
    refused(file, DoorErrorKind::NotAFolder);
    refused(destination.remove_empty_folder(&rel(".")), DoorErrorKind::Name);
}

#[test]
fn a_missing_root_is_made_one_level_deep() {
    let place = Place::new();
    let open =
        |path| RootDir::open_or_create(exports(), &abs(&place.path(path)), &[], Faults::none());
    refused(open("none/none"), DoorErrorKind::NotFound);
    let root = open("new").unwrap();
    assert!(root.still_there().unwrap());
    assert!(place.path("new").is_dir());
    symlink("nowhere", place.path("dangling")).unwrap();
    refused(open("dangling"), DoorErrorKind::NotFound);
    assert!(!place.path("nowhere").exists());
}

#[test]
fn a_missing_root_in_somebody_elses_folder_is_not_made() {
    let place = Place::new();
    let theirs = if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(place.path("outside"), Some(65_534), None).unwrap();
        place.path("outside/new")
    } else {
        std::path::PathBuf::from("/darkslide-test-never-made")
    };
    let answer = RootDir::open_or_create(exports(), &abs(&theirs), &[], Faults::none());
    refused(answer, DoorErrorKind::Permission);
    assert!(!theirs.exists());
}

#[test]
fn a_missing_root_in_a_library_is_not_made_however_it_is_spelt() {
    let place = Place::new();
    let library = place.library(Faults::none());
    symlink(place.path("L"), place.path("way")).unwrap();
    let before = place.names("L");
    for path in ["L/new", "way/new"] {
        let path = abs(&place.path(path));
        let answer = RootDir::open_or_create(exports(), &path, &[&library], Faults::none());
        refused(answer, DoorErrorKind::Nested);
    }
    assert_eq!(place.names("L"), before);
}

#[test]
fn the_probe_leaves_nothing_whatever_fails() {
    for faults in [Faults::none(), Faults::without_openat2(), Faults::without_exclusive_rename()] {
        let place = Place::new();
        place.root(faults).probe().unwrap();
        assert_eq!(place.names("R"), [""; 0]);
    }
    let place = Place::new();
    let root = place.root(Faults::fail_each(Operation::Probe, 30));
    let error = root.probe().unwrap_err();
    assert_eq!(error.kind(), DoorErrorKind::ReadOnly);
    assert_eq!(error.to_string(), "cannot use root `exports`: the file system is read-only");
    assert_eq!(place.names("R"), [""; 0]);
}

#[test]
fn overlap_is_told_by_what_folders_are_and_not_by_their_spelling() {
    let place = Place::new();
    symlink(place.path("L/originals"), place.path("spelt")).unwrap();
    let library = place.library(Faults::none());
    let overlaps = |path: &std::path::Path| {
        let root = RootDir::open(exports(), &abs(path), Faults::none()).unwrap();
        root.overlaps(&library)
    };
    assert!(overlaps(&place.path("spelt")));
    assert!(overlaps(&place.path("L")));
    assert!(overlaps(place.path("L").parent().unwrap()));
    assert!(!overlaps(&place.path("R")));
}

#[test]
fn free_space_is_told_and_a_flush_works() {
    let place = Place::new();
    let root = place.root(Faults::none());
    let grant = place.write("exports", "a");
    let destination = root.enter(&grant).unwrap();
    assert!(destination.free_space().unwrap() > 0);
    destination.sync().unwrap();
}
