//! One job holds a destination: by the kernel's lock, and where there is none, by a file that says
//! every ten seconds that its holder is alive.
//!
//! Time is a number that these tests hand in; nobody waits. Two destinations on one folder stand
//! for two daemons.

use std::fs;
use std::time::Duration;

use darkslide_door::{BEAT_EVERY, Destination, DoorErrorKind, Faults, Operation, TAKEN_OVER_AFTER};

use crate::support::{Place, refused};

/// Runs as two daemons with one destination on a file system without locks.
fn two(check: impl Fn(&Place, &Destination<'_>, &Destination<'_>)) {
    let place = Place::new();
    let root = place.root(Faults::without_flock());
    let (grant, other) = (place.write("exports", "x"), place.write("exports", "x"));
    let first = root.enter(&grant).unwrap();
    first.ensure_record_folders().unwrap();
    check(&place, &first, &root.enter(&other).unwrap());
}

fn line(place: &Place) -> String {
    fs::read_to_string(place.path("R/x/.darkslide/lock")).unwrap()
}

#[test]
fn without_locks_of_the_kernel_one_holds_it_until_it_lets_go() {
    two(|place, first, second| {
        let lock = first.lock().unwrap();
        refused(second.lock(), DoorErrorKind::Busy);
        drop(lock);
        assert_eq!(place.names("R/x/.darkslide"), ["aside", "reports", "tmp"]);
        assert_eq!(second.last_beat().unwrap(), None);
        drop(second.lock().unwrap());
    });
}

#[test]
fn the_line_says_who_and_changes_every_ten_seconds() {
    two(|place, first, _| {
        let lock = first.lock().unwrap();
        let begun = line(place);
        assert!(begun.contains(&format!("\"pid\":{},", std::process::id())), "{begun}");
        assert!(begun.starts_with("{\"host\":\"") && begun.ends_with("}\n"), "{begun}");
        lock.beat(BEAT_EVERY - Duration::from_millis(1)).unwrap();
        assert_eq!(line(place), begun);
        for number in 2..=12_u32 {
            lock.beat(BEAT_EVERY * (number - 1)).unwrap();
            assert!(line(place).contains(&format!("\"beat\":{number}}}\n")), "{number}");
            assert_eq!(line(place).lines().count(), 1);
        }
    });
}

#[test]
fn it_is_taken_over_after_a_minute_of_silence_and_not_before() {
    two(|place, first, second| {
        let lock = first.lock().unwrap();
        let seen = second.last_beat().unwrap().unwrap();
        let early = TAKEN_OVER_AFTER - Duration::from_millis(1);
        refused(second.take_over(&seen, early), DoorErrorKind::Busy);
        lock.beat(BEAT_EVERY).unwrap();
        refused(second.take_over(&seen, TAKEN_OVER_AFTER * 100), DoorErrorKind::Busy);
        let seen = second.last_beat().unwrap().unwrap();
        let taken = second.take_over(&seen, TAKEN_OVER_AFTER).unwrap();
        // Who slept through it hears so, and lets the other's lock stand.
        refused(lock.beat(BEAT_EVERY * 9), DoorErrorKind::Replaced);
        drop(lock);
        taken.beat(BEAT_EVERY).unwrap();
        refused(first.lock(), DoorErrorKind::Busy);
        drop(taken);
        assert_eq!(place.names("R/x/.darkslide"), ["aside", "reports", "tmp"]);
    });
}

#[test]
fn of_two_that_saw_the_same_silence_one_takes_it_over() {
    two(|place, first, second| {
        std::mem::forget(first.lock().unwrap());
        let seen = second.last_beat().unwrap().unwrap();
        let taken = first.take_over(&seen, TAKEN_OVER_AFTER).unwrap();
        refused(second.take_over(&seen, TAKEN_OVER_AFTER), DoorErrorKind::Busy);
        taken.beat(BEAT_EVERY).unwrap();
        assert_eq!(place.names("R/x/.darkslide"), ["aside", "lock", "reports", "tmp"]);
    });
}

#[test]
fn of_many_at_the_same_instant_one_takes_it_over() {
    two(|_, first, second| {
        for _ in 0..100 {
            std::mem::forget(first.lock().unwrap());
            let seen = second.last_beat().unwrap().unwrap();
            let locks: Vec<_> = std::thread::scope(|scope| {
                let take = || second.take_over(&seen, TAKEN_OVER_AFTER);
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(locks.iter().filter(|lock| lock.is_ok()).count(), 1);
        }
    });
}

#[test]
fn who_is_killed_while_he_makes_or_takes_a_lock_does_not_keep_it() {
    two(|place, first, second| {
        // Made and not written to; a claim that never became the lock.
        for (name, text) in [("lock", ""), ("lock.new", "{}")] {
            let path = place.path("R/x/.darkslide").join(name);
            fs::write(&path, text).unwrap();
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        refused(first.lock(), DoorErrorKind::Busy);
        let seen = first.last_beat().unwrap().unwrap();
        let taken = first.take_over(&seen, TAKEN_OVER_AFTER).unwrap();
        refused(second.lock(), DoorErrorKind::Busy);
        drop(taken);
        assert_eq!(place.names("R/x/.darkslide"), ["aside", "reports", "tmp"]);
    });
}

/// As much of it is read as tells two lines apart, however long somebody makes it.
#[test]
fn a_lock_of_any_length_is_watched_by_its_beginning() {
    const MAX_LINE_BYTES: usize = 4096;
    for length in [MAX_LINE_BYTES, MAX_LINE_BYTES + 1, 1000 * MAX_LINE_BYTES] {
        two(|place, first, second| {
            std::mem::forget(first.lock().unwrap());
            let path = place.path("R/x/.darkslide/lock");
            fs::write(&path, "x".repeat(length)).unwrap();
            let seen = second.last_beat().unwrap().unwrap();
            fs::write(&path, format!("y{}", "x".repeat(length - 1))).unwrap();
            refused(second.take_over(&seen, TAKEN_OVER_AFTER), DoorErrorKind::Busy);
            let seen = second.last_beat().unwrap().unwrap();
            drop(second.take_over(&seen, TAKEN_OVER_AFTER).unwrap());
        });
    }
}

#[test]
fn a_lock_that_the_kernel_keeps_is_neither_watched_nor_taken_over() {
    let place = Place::new();
    let root = place.root(Faults::none());
    let grant = place.write("exports", "x");
    let destination = root.enter(&grant).unwrap();
    destination.ensure_record_folders().unwrap();
    let lock = destination.lock().unwrap();
    lock.beat(TAKEN_OVER_AFTER).unwrap();
    assert_eq!(line(&place), "");
    assert_eq!(destination.last_beat().unwrap(), None);
    two(|_, first, _| {
        std::mem::forget(first.lock().unwrap());
        let seen = first.last_beat().unwrap().unwrap();
        refused(destination.take_over(&seen, TAKEN_OVER_AFTER), DoorErrorKind::Busy);
    });
}

#[test]
fn a_beat_that_fails_is_told_and_tried_again() {
    let place = Place::new();
    let faults = Faults::without_flock().and(Faults::fail_each(Operation::Beat, 5));
    let root = place.root(faults);
    let grant = place.write("exports", "x");
    let destination = root.enter(&grant).unwrap();
    destination.ensure_record_folders().unwrap();
    refused(destination.lock(), DoorErrorKind::Io);
    assert_eq!(place.names("R/x/.darkslide"), ["aside", "reports", "tmp"]);
}
