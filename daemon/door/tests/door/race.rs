//! A folder is exchanged with a link to outside, over and over, while files are opened and
//! published in it.
//!
//! The number of exchanges is bounded; how the two interleave is not, so what is asserted holds for
//! every order: nothing outside is ever read or written.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use darkslide_door::{DoorError, DoorErrorKind, Faults, SourceFile, Way};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::support::{Place, abs, disks, rel, temporary};

const EXCHANGES: usize = 20_000;

/// Exchanges two names as often as the bound says, while `work` is done again and again.
fn while_exchanged(place: &Place, a: &str, b: &str, mut work: impl FnMut(usize)) {
    let ended = AtomicBool::new(false);
    let (a, b) = (place.path(a), place.path(b));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..EXCHANGES {
                renameat_with(CWD, &a, CWD, &b, RenameFlags::EXCHANGE).unwrap();
            }
            ended.store(true, Ordering::SeqCst);
        });
        let mut round = 0;
        while !ended.load(Ordering::SeqCst) {
            work(round);
            round += 1;
        }
    });
}

/// The link was there at that moment, or it came and went too often.
#[track_caller]
fn assert_exchanged(error: &DoorError) {
    let kinds = [DoorErrorKind::Link, DoorErrorKind::Busy];
    assert!(kinds.contains(&error.kind()), "{error}");
}

fn reading_never_leaves_the_library(faults: Faults) {
    let place = Place::new();
    let (library, grant) = (place.library(faults), place.read("main"));
    let path = rel("originals/photo");
    reading_never_leaves(&place, "L", || library.open_file(&grant, &path));
}

fn reading_never_leaves_a_referenced_folder(faults: Faults) {
    let place = Place::new();
    fs::create_dir_all(place.path("Raw/originals")).unwrap();
    let (mut library, grant) = (place.library(faults), place.read("main"));
    library.add_referenced(abs(&place.path("Raw")));
    let path = abs(&place.path("Raw/originals/photo"));
    reading_never_leaves(&place, "Raw", || library.open_referenced(&grant, &path));
}

fn reading_never_leaves(
    place: &Place,
    folder: &str,
    open: impl Fn() -> Result<SourceFile, DoorError>,
) {
    let (real, link) = (format!("{folder}/originals"), format!("{folder}/link"));
    fs::write(place.path("outside/photo"), "outside").unwrap();
    fs::write(place.path(&real).join("photo"), "inside").unwrap();
    symlink(place.path("outside"), place.path(&link)).unwrap();
    let (mut opened, mut refused) = (0, 0);
    while_exchanged(place, &real, &link, |_| match open() {
        Ok(source) => {
            let mut text = String::new();
            source.into_file().read_to_string(&mut text).unwrap();
            assert_eq!(text, "inside");
            opened += 1;
        }
        Err(error) => {
            assert_exchanged(&error);
            refused += 1;
        }
    });
    eprintln!("opened {opened}, refused {refused}");
}

fn publishing_never_leaves_the_root(faults: Faults) {
    let place = Place::new();
    let root = place.root(faults);
    let grant = place.write("exports", "x");
    let destination = root.enter(&grant).unwrap();
    destination.ensure_record_folders().unwrap();
    fs::create_dir(place.path("R/x/album")).unwrap();
    symlink(place.path("outside"), place.path("R/x/link")).unwrap();
    let (mut published, mut refused) = (0, 0);
    while_exchanged(&place, "R/x/album", "R/x/link", |round| {
        let (name, identity) = temporary(&destination, "ours");
        let to = rel(&format!("album/{round}"));
        match destination.publish(&name, identity, &to) {
            Ok(_) => published += 1,
            Err(error) => {
                assert_exchanged(&error);
                assert!(destination.remove_temporary(&name, identity).unwrap());
                refused += 1;
            }
        }
        match destination.make_folders(&rel(&format!("album/folder-{round}"))) {
            Ok(_) => {}
            Err(error) => assert_exchanged(&error),
        }
    });
    assert_eq!(place.names("outside"), [""; 0]);
    assert_eq!(place.names("R/x/.darkslide/tmp"), [""; 0]);
    eprintln!("published {published}, refused {refused}");
}

#[test]
fn no_exchange_makes_a_library_lead_outside() {
    reading_never_leaves_the_library(Faults::none());
}

#[test]
fn no_exchange_makes_a_library_lead_outside_with_the_walk() {
    reading_never_leaves_the_library(Faults::without_openat2());
}

#[test]
fn no_exchange_makes_a_referenced_folder_lead_outside() {
    reading_never_leaves_a_referenced_folder(Faults::none());
}

#[test]
fn no_exchange_makes_a_referenced_folder_lead_outside_with_the_walk() {
    reading_never_leaves_a_referenced_folder(Faults::without_openat2());
}

#[test]
fn no_exchange_makes_a_destination_lead_outside() {
    publishing_never_leaves_the_root(Faults::none());
}

#[test]
fn no_exchange_makes_a_destination_lead_outside_with_the_walk() {
    publishing_never_leaves_the_root(Faults::without_openat2());
}

#[test]
fn a_name_that_somebody_takes_at_the_last_moment_is_not_replaced() {
    for (faults, way) in disks() {
        let rounds = if way == Way::Renamed { 1_000 } else { 300 };
        let place = Place::new();
        let root = place.root(faults);
        let grant = place.write("exports", "x");
        let destination = root.enter(&grant).unwrap();
        destination.ensure_record_folders().unwrap();
        for round in 0..rounds {
            let (name, identity) = temporary(&destination, "ours");
            let path = format!("a{round}");
            let theirs = place.path(&format!("R/x/{path}"));
            let (taken, answer) = std::thread::scope(|scope| {
                let stranger = scope.spawn(|| fs::File::create_new(&theirs).is_ok());
                let answer = destination.publish(&name, identity, &rel(&path));
                (stranger.join().unwrap(), answer)
            });
            let content = fs::read_to_string(&theirs).unwrap();
            match answer {
                Ok(_) => assert!(!taken && content == "ours"),
                Err(error) => {
                    assert_eq!(error.kind(), DoorErrorKind::Exists);
                    assert!(taken && content.is_empty());
                }
            }
        }
    }
}

/// As far as it goes on the poorest disk: who renames his own file onto our empty one before our
/// last look keeps the name; who does so after it loses it, as with any plain rename.
#[test]
fn what_somebody_renames_onto_the_empty_file_is_ours_or_theirs_and_never_half() {
    let (faults, _) = disks().into_iter().next_back().unwrap();
    let place = Place::new();
    let root = place.root(faults);
    let grant = place.write("exports", "x");
    let destination = root.enter(&grant).unwrap();
    destination.ensure_record_folders().unwrap();
    for round in 0..300 {
        let (name, identity) = temporary(&destination, "ours");
        let path = format!("a{round}");
        let (final_name, theirs) = (place.path(&format!("R/x/{path}")), place.path("theirs"));
        fs::write(&theirs, "theirs").unwrap();
        let answer = std::thread::scope(|scope| {
            scope.spawn(|| fs::rename(&theirs, &final_name).unwrap());
            destination.publish(&name, identity, &rel(&path))
        });
        let content = fs::read_to_string(&final_name).unwrap();
        match answer {
            Ok(_) => assert!(["ours", "theirs"].contains(&content.as_str())),
            Err(error) => {
                let kinds = [DoorErrorKind::Exists, DoorErrorKind::Replaced];
                assert!(kinds.contains(&error.kind()), "{error}");
                assert_eq!(content, "theirs");
            }
        }
    }
}
