//! A library bundle: what can be read of it, and that nothing can be written.
//!
//! Links, pipes, sockets and rows that lead elsewhere are refused with the kind that the kernel's
//! answer means; a bundle that was exchanged for another is noticed.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::symlink;

use darkslide_door::{DoorErrorKind, Faults, Kind, LibraryDir, Operation};
use darkslide_policy::LibraryName;

use crate::support::{Place, abs, refused, rel};

#[test]
fn reads_looks_and_lists_below_the_bundle() {
    let place = Place::new();
    fs::write(place.path("L/originals/a.heic"), "photo").unwrap();
    let grant = place.read("main");
    for faults in [Faults::none(), Faults::without_openat2()] {
        let library = place.library(faults);
        let source = library.open_file(&grant, &rel("originals/a.heic")).unwrap();
        assert_eq!(source.facts().size, 5);
        assert_eq!(source.facts_now().unwrap(), *source.facts());
        let mut text = String::new();
        source.into_file().read_to_string(&mut text).unwrap();
        assert_eq!(text, "photo");
        let facts = library.stat(&grant, &rel("originals")).unwrap().unwrap();
        assert_eq!(facts.kind, Kind::Folder);
        assert_eq!(library.stat(&grant, &rel("originals/b")).unwrap(), None);
        let file_as_folder = library.stat(&grant, &rel("originals/a.heic/b"));
        assert_eq!(file_as_folder.unwrap(), None);
        let whole = library.list(&grant, &rel(".")).unwrap();
        assert_eq!(whole[0].component().unwrap().as_str(), "originals");
        library.probe().unwrap();
    }
}

#[test]
fn a_grant_of_another_library_opens_nothing() {
    let place = Place::new();
    fs::write(place.path("L/f"), "").unwrap();
    let (library, other) = (place.library(Faults::none()), place.read("other"));
    refused(library.open_file(&other, &rel("f")), DoorErrorKind::Grant);
    refused(library.stat(&other, &rel("f")), DoorErrorKind::Grant);
    refused(library.list(&other, &rel(".")), DoorErrorKind::Grant);
}

#[test]
fn a_link_or_a_pipe_in_the_place_of_a_photo_is_refused_without_waiting() {
    let place = Place::new();
    fs::write(place.path("outside/secret"), "s").unwrap();
    symlink(place.path("outside/secret"), place.path("L/originals/link")).unwrap();
    symlink(place.path("outside"), place.path("L/folder")).unwrap();
    let pipe = place.path("L/originals/pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let grant = place.read("main");
    for faults in [Faults::none(), Faults::without_openat2()] {
        let library = place.library(faults);
        let open = |path| library.open_file(&grant, &rel(path));
        refused(open("originals/link"), DoorErrorKind::Link);
        refused(open("folder/secret"), DoorErrorKind::Link);
        refused(open("originals/pipe"), DoorErrorKind::NotAFile);
        refused(open("originals"), DoorErrorKind::NotAFile);
        refused(open("originals/none"), DoorErrorKind::NotFound);
        refused(library.list(&grant, &rel("folder")), DoorErrorKind::Link);
        refused(library.list(&grant, &rel("originals/pipe")), DoorErrorKind::NotAFolder);
        let link = library.stat(&grant, &rel("originals/link")).unwrap();
        assert_eq!(link.unwrap().kind, Kind::Link);
        refused(library.stat(&grant, &rel("folder/secret")), DoorErrorKind::Link);
    }
}

#[test]
fn reads_of_what_was_opened_wait_again() {
    let place = Place::new();
    fs::write(place.path("L/f"), "").unwrap();
    let library = place.library(Faults::none());
    let source = library.open_file(&place.read("main"), &rel("f")).unwrap();
    let flags = rustix::fs::fcntl_getfl(source.file()).unwrap();
    assert!(!flags.contains(rustix::fs::OFlags::NONBLOCK));
}

#[test]
fn links_of_the_users_own_spelling_are_followed_once_at_boot() {
    let place = Place::new();
    symlink(place.path("L"), place.path("spelt")).unwrap();
    let name = LibraryName::parse("main").unwrap();
    let library = LibraryDir::open(name, &abs(&place.path("spelt"))).unwrap();
    let real = fs::canonicalize(place.path("L")).unwrap();
    assert_eq!(library.real_path().as_str(), real.to_str().unwrap());
    assert_eq!(library.lineage().last(), Some(&library.identity()));
    // From then on the link may lead where it will.
    fs::remove_file(place.path("spelt")).unwrap();
    symlink(place.path("outside"), place.path("spelt")).unwrap();
    assert!(library.still_there().unwrap());
}

#[test]
fn tells_another_bundle_in_its_place() {
    let place = Place::new();
    let library = place.library(Faults::none());
    fs::rename(place.path("L"), place.path("moved")).unwrap();
    assert!(!library.still_there().unwrap());
    fs::create_dir(place.path("L")).unwrap();
    assert!(!library.still_there().unwrap());
    fs::remove_dir(place.path("L")).unwrap();
    symlink(place.path("moved"), place.path("L")).unwrap();
    assert!(!library.still_there().unwrap());
}

#[test]
fn what_is_no_folder_or_not_there_is_no_library() {
    let place = Place::new();
    fs::write(place.path("file"), "").unwrap();
    let open = |path| {
        let name = LibraryName::parse("main").unwrap();
        LibraryDir::open(name, &abs(&place.path(path)))
    };
    refused(open("none"), DoorErrorKind::NotFound);
    refused(open("file"), DoorErrorKind::NotAFolder);
}

#[test]
fn the_probe_reads_a_byte_of_the_database_and_says_what_the_kernel_answers() {
    let place = Place::new();
    fs::create_dir(place.path("L/database")).unwrap();
    fs::write(place.path("L/database/Photos.sqlite"), "SQLite").unwrap();
    place.library(Faults::none()).probe().unwrap();
    let faults = Faults::fail_each(Operation::OpenFile, 13);
    refused(place.library(faults).probe(), DoorErrorKind::Permission);
}

#[test]
fn what_a_cloud_keeps_is_looked_at_and_never_opened() {
    let place = Place::new();
    fs::write(place.path("L/originals/a.heic"), "photo").unwrap();
    let library = place.library(Faults::without_contents());
    let grant = place.read("main");
    let (file, folder) = (rel("originals/a.heic"), rel("originals"));
    let facts = library.stat(&grant, &file).unwrap().unwrap();
    assert!(facts.is_elsewhere && facts.size == 5, "{facts:?}");
    assert!(!library.stat(&grant, &folder).unwrap().unwrap().is_elsewhere);
    refused(library.open_file(&grant, &file), DoorErrorKind::Elsewhere);
    let here = place.library(Faults::none());
    assert!(!here.open_file(&grant, &file).unwrap().facts().is_elsewhere);
}

#[test]
fn names_that_are_no_text_are_listed_and_give_no_component() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    let odd = std::ffi::OsStr::from_bytes(b"x\xff");
    fs::write(place.path("L").join(odd), "").unwrap();
    let listed = place.library(Faults::none()).list(&place.read("main"), &rel(".")).unwrap();
    let entry = listed.iter().find(|entry| entry.name() == odd).unwrap();
    assert_eq!((entry.component(), entry.kind()), (None, Kind::File));
}
