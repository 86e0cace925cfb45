//! An update: the new file goes in by exchange, the old one comes out into `aside/`.
//!
//! Whatever stands under the final name at that instant is in `aside/` afterwards, whole; what is
//! no regular file is left where it is.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use darkslide_door::{Destination, DoorErrorKind, Faults, random_name};
use darkslide_policy::Component;

use crate::support::{Place, refused, rel, temporary};

fn with(faults: Faults, check: impl Fn(&Place, &Destination<'_>)) {
    let place = Place::new();
    let root = place.root(faults);
    let grant = place.write("exports", "x");
    let destination = root.enter(&grant).unwrap();
    destination.ensure_record_folders().unwrap();
    check(&place, &destination);
}

/// A content in `aside/`.
fn aside(destination: &Destination<'_>, content: &str) -> Component {
    let (name, identity) = temporary(destination, content);
    let aside = random_name();
    let moved = destination.move_temporary_aside(&name, identity, &aside).unwrap();
    assert_eq!(moved.facts.identity, identity);
    aside
}

fn in_aside(place: &Place, name: &Component) -> String {
    fs::read_to_string(place.path("R/x/.darkslide/aside").join(name.as_str())).unwrap()
}

#[test]
fn the_new_goes_in_the_old_comes_out_and_back_again() {
    with(Faults::none(), |place, destination| {
        fs::create_dir(place.path("R/x/2024")).unwrap();
        fs::write(place.path("R/x/2024/a"), "the old one").unwrap();
        let name = aside(destination, "new");
        let to = rel("2024/a");
        let exchanged = destination.exchange(&name, &to).unwrap();
        assert_eq!((exchanged.aside.size, exchanged.named.size), (11, 3));
        assert_eq!(destination.stat(&to).unwrap(), Some(exchanged.named));
        assert_eq!(in_aside(place, &name), "the old one");
        destination.exchange(&name, &to).unwrap();
        assert_eq!(fs::read_to_string(place.path("R/x/2024/a")).unwrap(), "the old one");
        assert_eq!(in_aside(place, &name), "new");
    });
}

#[test]
fn both_have_to_be_there_and_be_files() {
    with(Faults::none(), |place, destination| {
        fs::create_dir(place.path("R/x/folder")).unwrap();
        symlink(place.path("outside"), place.path("R/x/link")).unwrap();
        fs::write(place.path("R/x/a"), "theirs").unwrap();
        let name = aside(destination, "new");
        let exchange = |to: &str| destination.exchange(&name, &rel(to));
        refused(exchange("none"), DoorErrorKind::NotFound);
        refused(exchange("folder"), DoorErrorKind::NotAFile);
        refused(exchange("link"), DoorErrorKind::NotAFile);
        refused(exchange("link/a"), DoorErrorKind::Link);
        for ours in [".darkslide/id", ".darkslide/tmp/a", ".DARKSLIDE/a"] {
            refused(exchange(ours), DoorErrorKind::Name);
        }
        refused(destination.exchange(&random_name(), &rel("a")), DoorErrorKind::NotFound);
        assert_eq!(fs::read_to_string(place.path("R/x/a")).unwrap(), "theirs");
        assert_eq!(in_aside(place, &name), "new");
    });
}

#[test]
fn a_disk_that_cannot_is_not_asked_to() {
    for faults in [Faults::without_exchange(), Faults::flags_ignored()] {
        with(faults, |place, destination| {
            fs::write(place.path("R/x/a"), "theirs").unwrap();
            let name = aside(destination, "new");
            assert!(!destination.probe_renames().unwrap().exchange);
            refused(destination.exchange(&name, &rel("a")), DoorErrorKind::Io);
            assert_eq!(fs::read_to_string(place.path("R/x/a")).unwrap(), "theirs");
            assert_eq!(in_aside(place, &name), "new");
        });
    }
}

#[test]
fn another_file_under_the_temporary_name_is_not_moved_aside() {
    with(Faults::none(), |place, destination| {
        let (name, identity) = temporary(destination, "ours");
        let path = place.path("R/x/.darkslide/tmp").join(name.as_str());
        fs::rename(&path, place.path("kept")).unwrap();
        fs::write(&path, "theirs").unwrap();
        let answer = destination.move_temporary_aside(&name, identity, &random_name());
        refused(answer, DoorErrorKind::Replaced);
        assert_eq!(fs::read_to_string(path).unwrap(), "theirs");
    });
}

/// The final name is now a file of somebody, now his link; neither is ever lost, and the link is
/// never left in `aside/` for a file.
#[test]
fn what_is_put_there_at_the_last_moment_is_not_lost() {
    with(Faults::none(), |place, destination| {
        let (file, link) = (place.path("R/x/a"), place.path("R/x/link"));
        fs::write(&file, "theirs").unwrap();
        symlink("nowhere", &link).unwrap();
        let name = aside(destination, "new");
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                use rustix::fs::{CWD, RenameFlags, renameat_with};
                for _ in 0..20_000 {
                    renameat_with(CWD, &file, CWD, &link, RenameFlags::EXCHANGE).unwrap();
                }
                ended.store(true, Ordering::SeqCst);
            });
            while !ended.load(Ordering::SeqCst) {
                match destination.exchange(&name, &rel("a")) {
                    Ok(_) => {}
                    Err(error) => {
                        let kinds = [DoorErrorKind::NotAFile, DoorErrorKind::Replaced];
                        assert!(kinds.contains(&error.kind()), "{error}");
                    }
                }
            }
        });
        let stand = [file, link, place.path("R/x/.darkslide/aside").join(name.as_str())];
        let mut found: Vec<String> = stand
            .iter()
            .map(|path| match fs::read_link(path) {
                Ok(target) => target.to_str().unwrap().to_owned(),
                Err(_) => fs::read_to_string(path).unwrap(),
            })
            .collect();
        found.sort();
        assert_eq!(found, ["new", "nowhere", "theirs"]);
    });
}
