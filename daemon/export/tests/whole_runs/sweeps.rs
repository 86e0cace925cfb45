//! A job with every kind of intent, broken off everywhere, on every kind of disk: the next run ends
//! where an undisturbed one would have.
//!
//! Each operation of the door fails once; and, in a child process, the process ends before each.
//! With the slower suites it is really each, else every seventh, others on each disk.

use std::collections::BTreeMap;
use std::fmt::Debug;

use darkslide_door::{Faults, Operation};
use darkslide_export::Outcome;
use rustix::io::Errno;

use crate::exporting::Bench;
use crate::scene::{BUNDLE, Disk, Ended, Scene, run_and_be_killed, trash};

/// Without being asked to, it does nothing.
#[test]
fn child_that_is_killed() {
    if let Ok(bundle) = std::env::var(BUNDLE) {
        run_and_be_killed(&bundle);
    }
}

#[test]
fn the_job_has_every_kind_of_intent() {
    let scene = Scene::new(Disk::Whole);
    let ended = scene.undisturbed();
    let expected = BTreeMap::from([
        // n, v.
        (Outcome::Copied, 2),
        // Edits of e, f, mm and h; t, which somebody had changed.
        (Outcome::Updated, 5),
        // A rotation of three, a swap, a chain of two, mm, came.
        (Outcome::Renamed, 9),
        // k, o.
        (Outcome::Adopted, 2),
        // s, e, f, h.
        (Outcome::Unchanged, 4),
    ]);
    assert_eq!(ended.summary.outcomes, expected);
    // What somebody had made of t, and the edit of h that was taken over.
    assert_eq!((ended.trash.len(), ended.summary.trashed), (2, 2));
    assert_eq!(ended.again, BTreeMap::from([(Outcome::Unchanged, 22)]));
    for disk in crate::scene::DISKS {
        let other = Scene::new(disk).undisturbed();
        assert_eq!(
            (other.tree, other.trash),
            (ended.tree.clone(), ended.trash.clone()),
            "{disk:?}"
        );
        assert_eq!((other.summary, &other.again), (ended.summary.clone(), &ended.again));
    }
}

#[track_caller]
fn assert_made_good(scene: &Scene, bench: &Bench, expected: &Ended, n: impl Debug) -> u64 {
    // A new content that stood aside, and that nothing proves to be ours, is not removed.
    assert_made_good_but_for(usize::from(!scene.has_hashes()), scene, bench, expected, n)
}

/// So many contents more may be in the trash.
#[track_caller]
fn assert_made_good_but_for(
    in_trash: usize,
    scene: &Scene,
    bench: &Bench,
    expected: &Ended,
    n: impl Debug,
) -> u64 {
    let summary = scene.again(bench);
    assert_eq!(names(&bench.tree()), names(&expected.tree), "after {n:?} on {:?}", scene.disk);
    assert!(bench.tree() == expected.tree, "after {n:?} on {:?}", scene.disk);
    let mut more = trash(bench);
    for digest in &expected.trash {
        let at = more.iter().position(|other| other == digest);
        more.remove(at.unwrap_or_else(|| panic!("not in the trash after {n:?}")));
    }
    let is_ours = more.iter().all(|digest| expected.known.contains(digest));
    assert!(more.len() <= in_trash && is_ours, "{more:?} after {n:?} on {:?}", scene.disk);
    bench.assert_settled();
    let again = scene.again(bench);
    assert_eq!((again.files, &again.outcomes), (0, &expected.again), "{n:?} {:?}", scene.disk);
    summary.files
}

fn names(tree: &crate::scene::Tree) -> Vec<&String> {
    tree.keys().collect()
}

fn fail_every_operation_once(scene: &Scene, errno: Errno) {
    let (expected, started) = (scene.undisturbed(), scene.started().tree());
    // The first opens the root, which is boot's, not the export's.
    for n in scene.points(scene.operations()) {
        let bench = scene.started();
        let faults = scene.faults(Faults::fail_nth(n, errno.raw_os_error()));
        // What fails may be tried again, or be one file's; else the next run makes it good.
        drop(bench.run(scene.run(faults.clone())));
        let failed = faults.operations().get(usize::try_from(n).unwrap() - 1).copied();
        scene.assert_whole(&bench, &[&expected.tree, &started], n);
        assert_made_good(scene, &bench, &expected, (n, failed, errno));
    }
}

fn kill_before_every_operation(scene: &Scene) {
    let (expected, started) = (scene.undisturbed(), scene.started().tree());
    let is_written = |path: &str| {
        let content = &expected.tree[path];
        !started.values().any(|other| other == content)
    };
    for n in scene.points(scene.operations()) {
        let bench = scene.killed_before(n);
        scene.assert_whole(&bench, &[&expected.tree, &started], n);
        let tree = bench.tree();
        let published = expected
            .tree
            .iter()
            .filter(|(path, content)| is_written(path) && tree.get(*path) == Some(*content));
        let most = expected.summary.files - published.count() as u64;
        let copied = assert_made_good(scene, &bench, &expected, n);
        assert!(copied <= most, "{copied} of {most} are copied after {n} on {:?}", scene.disk);
    }
}

/// Both sweeps on one disk.
macro_rules! sweeps {
    ($($disk:ident: $fails:ident, $kills:ident;)*) => {$(
        #[test]
        fn $fails() {
            fail_every_operation_once(&Scene::new(Disk::$disk), Errno::IO);
        }

        #[test]
        fn $kills() {
            kill_before_every_operation(&Scene::new(Disk::$disk));
        }
    )*};
}

sweeps! {
    Whole: any_operation_may_fail, a_kill_anywhere_is_made_good;
    NoExchange: any_may_fail_without_exchange, a_kill_without_exchange;
    NoExclusiveRename: any_may_fail_with_links_alone, a_kill_with_links_alone;
    Neither: any_may_fail_as_on_exfat, a_kill_as_on_exfat;
    FlagsIgnored: any_may_fail_with_flags_ignored, a_kill_with_flags_ignored;
    FlagsIgnoredAndNoLinks: any_may_fail_with_flags_ignored_and_no_links,
        a_kill_with_flags_ignored_and_no_links;
    NoSyncfs: any_may_fail_without_syncfs, a_kill_without_syncfs;
    NoLocks: any_may_fail_without_locks, a_kill_without_locks;
}

/// Settling is itself killed, wherever that falls.
fn kill_twice(scene: &Scene) {
    let (expected, started) = (scene.undisturbed(), scene.started().tree());
    let last = scene.operations();
    for (round, n) in (0_u64..).zip(scene.points(last)).filter(|(round, _)| round % 3 == 0) {
        // The first operations of a run are those that settle what was left.
        let second = 2 + round * 5 % (last / 3);
        let bench = scene.killed_before(n);
        scene.is_killed(&bench, second);
        scene.assert_whole(&bench, &[&expected.tree, &started], n);
        assert_made_good(scene, &bench, &expected, (n, second));
    }
}

#[test]
fn a_kill_of_the_run_that_settles_is_made_good_too() {
    for disk in [Disk::Whole, Disk::NoExchange, Disk::Neither] {
        kill_twice(&Scene::new(disk));
    }
}

#[test]
fn a_disk_that_is_full_for_a_moment_is_made_good() {
    for disk in [Disk::Whole, Disk::NoExchange, Disk::Neither] {
        fail_every_operation_once(&Scene::new(disk), Errno::NOSPC);
    }
}

/// Renames that are answered as if somebody had just put a file there, or taken one away.
#[test]
fn a_rename_may_answer_what_is_not_so_any_more() {
    for disk in [Disk::Whole, Disk::NoExchange, Disk::Neither] {
        let scene = Scene::new(disk);
        let expected = scene.undisturbed();
        let faults = scene.faults(Faults::none());
        scene.started().run(scene.run(faults.clone())).unwrap();
        let renames = (1..).zip(faults.operations()).filter(|(_, operation)| {
            use Operation::{Exchange, FillPlaceholder, Publish, Rename};
            matches!(operation, Publish | Rename | Exchange | FillPlaceholder)
        });
        for (n, failed) in renames {
            for errno in [Errno::EXIST, Errno::NOENT] {
                let bench = scene.started();
                let faults = scene.faults(Faults::fail_nth(n, errno.raw_os_error()));
                drop(bench.run(scene.run(faults)));
                // One that finds neither its new name free nor its old one goes to the trash.
                assert_made_good_but_for(1, &scene, &bench, &expected, (n, failed, errno));
            }
        }
    }
}

#[test]
fn without_hashes_any_operation_may_fail() {
    for disk in [Disk::Whole, Disk::Neither] {
        fail_every_operation_once(&Scene::new(disk).without_hashes(), Errno::IO);
    }
}

#[test]
fn without_hashes_a_kill_anywhere_is_made_good() {
    for disk in [Disk::Whole, Disk::Neither] {
        kill_before_every_operation(&Scene::new(disk).without_hashes());
    }
}
