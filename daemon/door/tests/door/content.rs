//! What is done through open files: the kernel's own copy, holes, room without a name.
//!
//! A file system that has no holes, or a system without the call, must give the same content; where
//! the tests see more than that, they say on what.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use darkslide_door::{Faults, copy_range, next_data};

use crate::support::Place;

const MIB: u64 = 1024 * 1024;

fn file(place: &Place, name: &str) -> File {
    File::options().read(true).write(true).create_new(true).open(place.path(name)).unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn the_kernel_copies_a_range_to_its_place_and_leaves_the_positions() {
    let place = Place::new();
    let (mut from, mut to) = (file(&place, "from"), file(&place, "to"));
    let content: Vec<u8> = (0..100_000_u32).map(|i| (i % 251) as u8).collect();
    from.write_all(&content).unwrap();
    let position = from.stream_position().unwrap();
    let mut asked = Vec::new();
    let mut go_on = |at| {
        asked.push(at);
        true
    };
    let none = Faults::none();
    assert_eq!(copy_range(&from, &to, 0..60_000, &none, &mut go_on), 60_000);
    assert_eq!(copy_range(&from, &to, 60_000..100_000, &none, &mut go_on), 100_000);
    assert_eq!(asked.first(), Some(&0));
    assert_eq!((from.stream_position().unwrap(), to.stream_position().unwrap()), (position, 0));
    let mut copied = Vec::new();
    to.read_to_end(&mut copied).unwrap();
    assert_eq!(copied, content);
}

#[test]
fn a_copy_that_ends_early_or_is_refused_says_how_far_it_got() {
    let place = Place::new();
    let (from, to) = (file(&place, "from"), file(&place, "to"));
    from.set_len(40 * MIB).unwrap();
    let none = Faults::none();
    let mut yes = |_| true;
    assert_eq!(copy_range(&from, &to, 5..5, &none, &mut yes), 5);
    let missing = Faults::without_copy_range();
    assert_eq!(copy_range(&from, &to, 5..9, &missing, &mut yes), 5);
    assert_eq!(copy_range(&from, &to, 7..9, &none, &mut |_| false), 7);
    let closed = File::open(place.path("to")).unwrap();
    assert_eq!(copy_range(&from, &closed, 7..9, &none, &mut yes), 7);
    if cfg!(target_os = "linux") {
        // The source is shorter than was thought.
        assert_eq!(copy_range(&from, &to, 0..50 * MIB, &none, &mut yes), 40 * MIB);
        let mut twice = 0;
        let stopped = copy_range(&from, &to, 0..40 * MIB, &none, &mut |_| {
            twice += 1;
            twice < 3
        });
        assert_eq!(stopped, 32 * MIB);
        let failing = Faults::fail_nth(2, 28);
        assert_eq!(copy_range(&from, &to, 0..40 * MIB, &failing, &mut yes), 16 * MIB);
    }
}

#[test]
fn finds_what_is_no_hole() {
    let place = Place::new();
    let mut sparse = file(&place, "sparse");
    sparse.set_len(64 * MIB).unwrap();
    sparse.seek(SeekFrom::Start(16 * MIB)).unwrap();
    sparse.write_all(&vec![1; usize::try_from(MIB).unwrap()]).unwrap();
    let found = next_data(&sparse, 0..64 * MIB);
    // A file system without holes says that all is data.
    if found != (0..64 * MIB) {
        assert!(found.start <= 16 * MIB && found.end >= 17 * MIB, "{found:?}");
        assert_eq!(next_data(&sparse, found.end..64 * MIB), 64 * MIB..64 * MIB);
        assert_eq!(next_data(&sparse, 16 * MIB + 5..16 * MIB + 9), 16 * MIB + 5..16 * MIB + 9);
        assert_eq!(next_data(&sparse, 0..MIB), MIB..MIB);
    }
    assert_eq!(next_data(&sparse, 7..7), 7..7);
    // Beyond its end there is nothing.
    assert_eq!(next_data(&sparse, 80 * MIB..90 * MIB), 90 * MIB..90 * MIB);
    let (pipe, _other) = std::io::pipe().unwrap();
    let pipe = File::from(std::os::fd::OwnedFd::from(pipe));
    assert_eq!(next_data(&pipe, 3..9), 3..9);
}

#[test]
fn a_walk_over_a_huge_hole_is_short() {
    let place = Place::new();
    let sparse = file(&place, "sparse");
    // As long as the file system takes.
    let size = [8 << 40, 1 << 40, 1 << 30].into_iter().find(|it| sparse.set_len(*it).is_ok());
    let size: u64 = size.unwrap();
    let (mut at, mut steps) = (0, 0);
    while at < size && steps < 100 {
        at = next_data(&sparse, at..size).end;
        steps += 1;
    }
    assert_eq!(at, size);
}

#[test]
fn room_is_read_and_written_and_has_no_name() {
    let place = Place::new();
    let root = place.root(Faults::none());
    let grant = place.write("exports", "x");
    let destination = root.enter(&grant).unwrap();
    assert!(destination.spool().is_err());
    destination.ensure_record_folders().unwrap();
    let mut room = destination.spool().unwrap();
    assert_eq!(place.names("R/x/.darkslide/tmp"), [""; 0]);
    room.write_all(b"a plan").unwrap();
    room.seek(SeekFrom::Start(2)).unwrap();
    let mut text = String::new();
    room.read_to_string(&mut text).unwrap();
    assert_eq!(text, "plan");
    fs::remove_dir_all(place.path("R/x")).unwrap();
}
