//! Originals outside the bundle: found by the path that the library recorded, and nowhere but below
//! the folders of the policy.
//!
//! The recorded path is a row of a database: links, neighbours with the same beginning, folders
//! that were exchanged, and grants that do not cover the folder are refused, whatever is there.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::symlink;

use darkslide_door::{DoorError, DoorErrorKind, Faults, Kind, LibraryDir, RootDir, SourceFile};
use darkslide_policy::{AbsPath, RelPath};

use crate::support::{NARROWED, Place, abs, exports, refused};

/// A library with `Raw` for its referenced originals, which has one: `Raw/2019/a.jpg`.
fn place() -> Place {
    let place = Place::new();
    fs::create_dir_all(place.path("Raw/2019")).unwrap();
    fs::create_dir_all(place.path("Raw-evil")).unwrap();
    fs::write(place.path("Raw/2019/a.jpg"), "photo").unwrap();
    fs::write(place.path("Raw-evil/secret"), "secret").unwrap();
    fs::write(place.path("outside/secret"), "secret").unwrap();
    place
}

fn library(place: &Place, faults: Faults) -> LibraryDir {
    let mut library = place.library(faults);
    library.add_referenced(abs(&place.path("Raw")));
    library
}

fn text(source: Result<SourceFile, DoorError>) -> String {
    let mut text = String::new();
    source.unwrap().into_file().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn reads_and_looks_by_the_recorded_path() {
    let place = place();
    let grant = place.read("main");
    for faults in [Faults::none(), Faults::without_openat2()] {
        let library = library(&place, faults);
        let at = |below: &str| abs(&place.path(below));
        assert_eq!(text(library.open_referenced(&grant, &at("Raw/2019/a.jpg"))), "photo");
        let facts = library.stat_referenced(&grant, &at("Raw/2019/a.jpg")).unwrap().unwrap();
        assert_eq!((facts.kind, facts.size), (Kind::File, 5));
        assert_eq!(library.stat_referenced(&grant, &at("Raw/2019/b.jpg")).unwrap(), None);
        refused(library.open_referenced(&grant, &at("Raw/2019/b.jpg")), DoorErrorKind::NotFound);
        refused(library.open_referenced(&grant, &at("Raw/2019")), DoorErrorKind::NotAFile);
        refused(library.open_referenced(&grant, &at("Raw")), DoorErrorKind::NotAFile);
        library.referenced()[0].probe().unwrap();
    }
}

#[test]
fn a_neighbour_that_begins_alike_and_all_that_is_above_or_beside_is_refused() {
    let place = place();
    let (library, grant) = (library(&place, Faults::none()), place.read("main"));
    for path in ["Raw-evil/secret", "outside/secret", "Ra", "L/originals", "raw/2019/a.jpg"] {
        let path = abs(&place.path(path));
        refused(library.open_referenced(&grant, &path), DoorErrorKind::Grant);
        refused(library.stat_referenced(&grant, &path), DoorErrorKind::Grant);
    }
    for path in ["/", "/etc/passwd"] {
        let path = AbsPath::parse(path, None).unwrap();
        refused(library.stat_referenced(&grant, &path), DoorErrorKind::Grant);
    }
    // A way up is no path at all.
    let up = format!("{}/../outside/secret", place.path("Raw").display());
    assert!(AbsPath::parse(&up, None).is_err());
    assert!(RelPath::parse("2019/../../outside/secret").is_err());
}

#[test]
fn a_link_that_leaves_the_folder_or_stays_in_it_is_refused() {
    let place = place();
    symlink(place.path("outside/secret"), place.path("Raw/link")).unwrap();
    symlink(place.path("outside"), place.path("Raw/folder")).unwrap();
    symlink("2019", place.path("Raw/inner")).unwrap();
    let pipe = place.path("Raw/pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let grant = place.read("main");
    for faults in [Faults::none(), Faults::without_openat2()] {
        let library = library(&place, faults);
        let open = |below| library.open_referenced(&grant, &abs(&place.path(below)));
        refused(open("Raw/link"), DoorErrorKind::Link);
        refused(open("Raw/folder/secret"), DoorErrorKind::Link);
        refused(open("Raw/inner/a.jpg"), DoorErrorKind::Link);
        refused(open("Raw/pipe"), DoorErrorKind::NotAFile);
        let link = library.stat_referenced(&grant, &abs(&place.path("Raw/link"))).unwrap();
        assert_eq!(link.unwrap().kind, Kind::Link);
        let behind = abs(&place.path("Raw/folder/secret"));
        refused(library.stat_referenced(&grant, &behind), DoorErrorKind::Link);
    }
}

#[test]
fn what_stands_in_the_folders_place_at_run_time_is_never_read() {
    let place = place();
    let (library, grant) = (library(&place, Faults::none()), place.read("main"));
    fs::rename(place.path("Raw"), place.path("moved")).unwrap();
    symlink(place.path("outside"), place.path("Raw")).unwrap();
    let secret = abs(&place.path("Raw/secret"));
    refused(library.open_referenced(&grant, &secret), DoorErrorKind::NotFound);
    fs::remove_file(place.path("Raw")).unwrap();
    fs::rename(place.path("Raw-evil"), place.path("Raw")).unwrap();
    refused(library.open_referenced(&grant, &secret), DoorErrorKind::NotFound);
    let original = abs(&place.path("Raw/2019/a.jpg"));
    assert_eq!(text(library.open_referenced(&grant, &original)), "photo");
}

#[test]
fn a_grant_that_was_narrowed_or_is_of_another_library_opens_nothing() {
    let place = place();
    let library = library(&place, Faults::none());
    for grant in [place.read_as(NARROWED, "main"), place.read("other")] {
        for path in ["Raw/2019/a.jpg", "Raw/2019/none", "outside/secret"] {
            let path = abs(&place.path(path));
            refused(library.open_referenced(&grant, &path), DoorErrorKind::Grant);
            refused(library.stat_referenced(&grant, &path), DoorErrorKind::Grant);
        }
    }
}

#[test]
fn a_folder_that_the_policy_does_not_name_is_not_read_though_it_was_opened() {
    let place = place();
    let mut library = place.library(Faults::none());
    library.add_referenced(abs(&place.path("outside")));
    let secret = abs(&place.path("outside/secret"));
    refused(library.open_referenced(&place.read("main"), &secret), DoorErrorKind::Grant);
}

#[test]
fn a_folder_that_is_absent_at_boot_says_so_and_leaves_the_library_be() {
    let place = Place::new();
    let (library, grant) = (library(&place, Faults::none()), place.read("main"));
    let path = abs(&place.path("Raw/2019/a.jpg"));
    refused(library.stat_referenced(&grant, &path), DoorErrorKind::NotFound);
    refused(library.open_referenced(&grant, &path), DoorErrorKind::NotFound);
    refused(library.referenced()[0].probe(), DoorErrorKind::NotFound);
    assert!(library.referenced()[0].handle().is_none());
    library.probe().unwrap();
    // It is looked for once: what is made there later was not looked at by boot.
    fs::create_dir(place.path("Raw")).unwrap();
    refused(library.stat_referenced(&grant, &path), DoorErrorKind::NotFound);
}

#[test]
fn of_folders_in_one_another_the_inner_one_counts() {
    let place = place();
    let mut library = place.library(Faults::none());
    library.add_referenced(abs(&place.path("Raw")));
    library.add_referenced(abs(&place.path("Raw/2019")));
    fs::rename(place.path("Raw/2019"), place.path("Raw/moved")).unwrap();
    let original = abs(&place.path("Raw/2019/a.jpg"));
    assert_eq!(text(library.open_referenced(&place.read("main"), &original)), "photo");
}

#[test]
fn no_root_is_made_or_found_in_a_referenced_folder_by_way_of_a_link() {
    let place = place();
    let library = library(&place, Faults::none());
    symlink(place.path("Raw"), place.path("way")).unwrap();
    let open = |below: &str| {
        let path = abs(&place.path(below));
        RootDir::open_or_create(exports(), &path, &[&library], Faults::none())
    };
    refused(open("way/new"), DoorErrorKind::Nested);
    assert!(!place.path("Raw/new").exists());
    let folder = &library.referenced()[0];
    assert!(open("way/2019").unwrap().overlaps_referenced(folder));
    assert!(open("way").unwrap().overlaps_referenced(folder));
    assert!(!open("R").unwrap().overlaps_referenced(folder));
}

#[test]
fn a_referenced_folder_that_holds_the_bundle_by_way_of_a_link_is_told() {
    let place = place();
    symlink(place.path("."), place.path("way")).unwrap();
    let mut library = place.library(Faults::none());
    for (path, overlaps) in [("way", true), ("way/L/originals", true), ("Raw", false)] {
        library.add_referenced(abs(&place.path(path)));
        let folder = library.referenced().last().unwrap();
        assert_eq!(library.overlaps_referenced(folder), overlaps, "{path}");
    }
}
