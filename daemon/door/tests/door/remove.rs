//! What may be removed under a name that people see: a second name, and an empty file of ours.
//!
//! Whatever else has the name stays, and is told; what is in `tmp/` and `aside/` is tested in
//! `record.rs`.

use std::fs;
use std::os::unix::fs::symlink;

use darkslide_door::{Destination, DoorErrorKind, Facts, Faults};

use crate::support::{Place, refused, rel, temporary};

fn with(check: impl Fn(&Place, &Destination<'_>)) {
    let place = Place::new();
    let root = place.root(Faults::none());
    let grant = place.write("exports", "x");
    let destination = root.enter(&grant).unwrap();
    destination.ensure_record_folders().unwrap();
    check(&place, &destination);
}

fn look(destination: &Destination<'_>, path: &str) -> Facts {
    destination.stat(&rel(path)).unwrap().unwrap()
}

#[test]
fn of_two_names_of_one_file_the_old_one_goes() {
    with(|place, destination| {
        let (name, _) = temporary(destination, "ours");
        let old = format!(".darkslide/tmp/{}", name.as_str());
        let remove = |old: &str, new: &str| destination.remove_second_link(&rel(old), &rel(new));
        refused(remove(&old, "a"), DoorErrorKind::NotFound);
        fs::hard_link(place.path("R/x").join(&old), place.path("R/x/a")).unwrap();
        assert!(remove(&old, "a").unwrap());
        assert!(!remove(&old, "a").unwrap());
        assert_eq!(fs::read_to_string(place.path("R/x/a")).unwrap(), "ours");
        fs::hard_link(place.path("R/x/a"), place.path("R/x/b")).unwrap();
        assert!(remove("a", "b").unwrap());
        assert_eq!(place.names("R/x"), [".darkslide", "b"]);
    });
}

#[test]
fn what_has_one_name_or_is_another_file_stays() {
    with(|place, destination| {
        for (name, content) in [("a", "a"), ("b", "b")] {
            fs::write(place.path("R/x").join(name), content).unwrap();
        }
        symlink("a", place.path("R/x/link")).unwrap();
        let remove = |old: &str, new: &str| destination.remove_second_link(&rel(old), &rel(new));
        refused(remove("a", "b"), DoorErrorKind::Replaced);
        refused(remove("a", "a"), DoorErrorKind::Replaced);
        refused(remove("link", "a"), DoorErrorKind::Replaced);
        refused(remove("a", "link"), DoorErrorKind::Replaced);
        fs::hard_link(place.path("R/x/a"), place.path("outside/a")).unwrap();
        refused(remove("a", "b"), DoorErrorKind::Replaced);
        refused(remove(".darkslide/id", "a"), DoorErrorKind::Name);
        refused(remove("a", ".darkslide/tmp/a"), DoorErrorKind::Name);
        assert_eq!(place.names("R/x"), [".darkslide", "a", "b", "link"]);
    });
}

#[test]
fn an_empty_file_that_held_a_name_goes_and_no_other() {
    with(|place, destination| {
        for (name, content) in [("empty", ""), ("other", ""), ("full", "theirs")] {
            fs::write(place.path("R/x").join(name), content).unwrap();
        }
        fs::create_dir(place.path("R/x/folder")).unwrap();
        symlink("empty", place.path("R/x/link")).unwrap();
        let remove = |path: &str, expected: Facts| {
            destination.remove_empty_placeholder(&rel(path), expected.identity)
        };
        let empty = look(destination, "empty");
        refused(remove("other", empty), DoorErrorKind::Replaced);
        for other in ["full", "folder", "link"] {
            refused(remove(other, look(destination, other)), DoorErrorKind::Replaced);
        }
        assert!(remove("empty", empty).unwrap());
        assert!(!remove("empty", empty).unwrap());
        refused(remove(".darkslide/lock", empty), DoorErrorKind::Name);
        assert_eq!(place.names("R/x"), [".darkslide", "folder", "full", "link", "other"]);
    });
}
