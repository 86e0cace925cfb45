//! What somebody did to exported files meanwhile: kept as it is, or restored with his version in
//! the trash; and how closely it is looked for.
//!
//! The hazard: his work, taken for ours because size and time are equal.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use darkslide_door::{Faults, Operation};
use darkslide_export::{Hashing, OnDestChange, Outcome, Recheck, Spec};
use darkslide_fixture::LibraryBuilder;

use crate::exporting::{Bench, Run, one_of_each, outcomes};
use crate::looking::{photo, with};

const A: &str = "2024/05/a.jpg";
const B: &str = "2024/05/b.jpg";

fn two(library: &mut LibraryBuilder) {
    library.asset(photo("a.jpg", 1));
    library.asset(photo("b.jpg", 2));
}

fn spec(on_dest_change: OnDestChange, recheck: Recheck) -> Spec {
    Spec { on_dest_change, recheck, ..Spec::everything() }
}

/// Changes a byte and nothing that `stat` tells, the time of the last change of the inode apart.
fn flip_a_byte(bench: &Bench, path: &str) -> Vec<u8> {
    let path = bench.path(path);
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    let mut content = fs::read(&path).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::write(&path, &content).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(time).unwrap();
    content
}

#[test]
fn what_somebody_changed_or_removed_is_restored_where_the_spec_says_so() {
    let (bench, _) = Bench::with(two);
    bench.export();
    let tree = bench.tree();
    fs::write(bench.path(A), b"mine").unwrap();
    fs::remove_file(bench.path(B)).unwrap();
    let spec = spec(OnDestChange::Restore, Recheck::Stat);
    let summary = bench.run(with(&spec)).unwrap();
    let expected = outcomes([(Outcome::Updated, 1), (Outcome::Copied, 1)]);
    assert_eq!((summary.outcomes, summary.trashed), (expected, 1));
    assert_eq!(bench.tree(), tree);
    let trash: Vec<_> = bench.trash().into_iter().collect();
    assert_eq!(trash, [("2024-05-31/a.jpg".to_owned(), b"mine".to_vec())]);
    bench.assert_settled();
    let summary = bench.run(with(&spec)).unwrap();
    assert_eq!((summary.outcomes, summary.trashed), (outcomes([(Outcome::Unchanged, 2)]), 0));
}

#[test]
fn versions_of_his_that_have_one_name_are_all_kept_in_the_trash() {
    let (bench, _) = Bench::with(two);
    let spec = spec(OnDestChange::Restore, Recheck::Stat);
    bench.run(with(&spec)).unwrap();
    let mine: [&[u8]; 3] = [b"1", b"22", b"333"];
    for content in mine {
        fs::write(bench.path(A), content).unwrap();
        bench.run(with(&spec)).unwrap();
    }
    let names: Vec<String> = bench.trash().into_keys().collect();
    assert_eq!(names, ["2024-05-31/a.jpg", "2024-05-31/a.jpg (2)", "2024-05-31/a.jpg (3)"]);
    let mut contents: Vec<_> = bench.trash().into_values().collect();
    contents.sort();
    assert_eq!(contents, mine);
}

#[test]
fn a_folder_or_a_link_in_the_place_of_a_file_is_kept_even_so() {
    let (bench, _) = Bench::with(two);
    let spec = spec(OnDestChange::Restore, Recheck::Stat);
    bench.run(with(&spec)).unwrap();
    for path in [A, B] {
        fs::remove_file(bench.path(path)).unwrap();
    }
    fs::create_dir(bench.path(A)).unwrap();
    fs::write(bench.path(A).join("mine"), b"mine").unwrap();
    std::os::unix::fs::symlink("/nowhere", bench.path(B)).unwrap();
    let summary = bench.run(with(&spec)).unwrap();
    assert_eq!(summary.outcomes, outcomes([(Outcome::Kept, 2)]));
    assert!(bench.path(A).join("mine").exists() && bench.path(B).is_symlink());
}

#[test]
fn a_flipped_byte_under_an_equal_time_is_found_by_hash_alone() {
    for hashing in [Hashing::Copied, Hashing::Never] {
        let (bench, _) = Bench::with(two);
        let keep = |recheck| Spec { hashing, ..spec(OnDestChange::Keep, recheck) };
        bench.run(with(&keep(Recheck::Stat))).unwrap();
        let tree = bench.tree();
        let flipped = flip_a_byte(&bench, A);
        for recheck in [Recheck::None, Recheck::Stat] {
            let summary = bench.run(with(&keep(recheck))).unwrap();
            assert_eq!(summary.outcomes, outcomes([(Outcome::Unchanged, 2)]), "{recheck:?}");
        }
        let summary = bench.run(with(&keep(Recheck::Hash))).unwrap();
        let expected = outcomes([(Outcome::Unchanged, 1), (Outcome::Kept, 1)]);
        assert_eq!(summary.outcomes, expected, "{hashing:?}");
        assert_eq!(bench.reported("a.jpg", "original").reason.as_deref(), Some("changed"));
        let restore = Spec { hashing, ..spec(OnDestChange::Restore, Recheck::Hash) };
        let summary = bench.run(with(&restore)).unwrap();
        let expected = outcomes([(Outcome::Unchanged, 1), (Outcome::Updated, 1)]);
        assert_eq!((summary.outcomes, summary.trashed), (expected, 1), "{hashing:?}");
        assert_eq!(bench.tree(), tree);
        assert_eq!(bench.trash().into_values().collect::<Vec<_>>(), [flipped]);
    }
}

#[test]
fn without_a_recheck_the_record_is_believed() {
    let (bench, _) = Bench::with(two);
    bench.export();
    fs::write(bench.path(A), b"mine").unwrap();
    fs::remove_file(bench.path(B)).unwrap();
    for on_dest_change in [OnDestChange::Keep, OnDestChange::Restore] {
        let summary = bench.run(with(&spec(on_dest_change, Recheck::None))).unwrap();
        assert_eq!(summary.outcomes, outcomes([(Outcome::Unchanged, 2)]));
        assert_eq!(fs::read(bench.path(A)).unwrap(), b"mine");
    }
}

#[test]
fn by_hash_what_had_none_gets_one() {
    let (bench, _) = Bench::with(two);
    let never = Spec { hashing: Hashing::Never, ..Spec::everything() };
    bench.run(with(&never)).unwrap();
    assert!(bench.rows().values().all(|row| row.get("blake3").is_none()));
    let summary = bench.run(with(&spec(OnDestChange::Keep, Recheck::Hash))).unwrap();
    assert_eq!(summary.outcomes, outcomes([(Outcome::Unchanged, 2)]));
    assert!(bench.rows().values().all(|row| row["blake3"].is_string()));
    bench.assert_settled();
}

#[test]
fn restoring_renames_what_nobody_touched_and_writes_the_rest_under_its_new_name() {
    let (bench, _) = Bench::with(two);
    bench.export();
    let old = bench.tree();
    fs::write(bench.path(A), b"mine").unwrap();
    bench.rebuild(|library| {
        library.asset(photo("n.jpg", 1));
        library.asset(photo("m.jpg", 2));
    });
    let spec = spec(OnDestChange::Restore, Recheck::Stat);
    bench.run(with(&spec)).unwrap();
    // His file is in the trash or where it was; once more, and all is as the library has it.
    bench.run(with(&spec)).unwrap();
    let tree = bench.tree();
    assert_eq!(tree["2024/05/m.jpg"], old[B]);
    assert_eq!(tree["2024/05/n.jpg"], old[A]);
    let kept = bench.trash().into_values().chain(tree.into_values());
    assert_eq!(kept.filter(|content| content == b"mine").count(), 1);
    bench.assert_settled();
}

#[test]
fn what_is_restored_while_somebody_saves_it_again_is_not_lost() {
    let (bench, _) = Bench::with(two);
    bench.export();
    fs::write(bench.path(A), b"mine").unwrap();
    let told = crate::exporting::Told::default();
    let stop = || {
        if told.planned.lock().unwrap().is_some() && fs::read(bench.path(A)).unwrap() == b"mine" {
            fs::write(bench.path(A), b"mine, once more").unwrap();
        }
        darkslide_export::Stop::GoOn
    };
    let spec = spec(OnDestChange::Restore, Recheck::Stat);
    let run = Run { stop: &stop, ..with(&spec) };
    let summary = bench.run_told(run, &told).unwrap();
    let expected = outcomes([(Outcome::Unchanged, 1), (Outcome::Kept, 1)]);
    assert_eq!((summary.outcomes, summary.trashed), (expected, 0));
    assert_eq!(fs::read(bench.path(A)).unwrap(), b"mine, once more");
    bench.assert_settled();
}

/// As onto another disk: other inodes, and times that are those of the copying, or rounded.
fn copy_tree(from: &Path, to: &Path, round: bool) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = (entry.as_ref().unwrap().path(), entry.unwrap().file_name());
        if path.is_dir() {
            copy_tree(&path, &to.join(name), round);
            continue;
        }
        fs::copy(&path, to.join(&name)).unwrap();
        if round {
            let file = fs::File::options().write(true).open(to.join(name)).unwrap();
            let time = fs::metadata(&path).unwrap().modified().unwrap();
            let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
            let even = Duration::from_secs(seconds / 2 * 2 + 3_600);
            file.set_modified(SystemTime::UNIX_EPOCH + even).unwrap();
        }
    }
}

#[test]
fn a_destination_that_was_carried_to_another_disk_is_the_same() {
    for hashing in [Hashing::Copied, Hashing::Never] {
        for round in [true, false] {
            let (bench, _) = Bench::with(one_of_each);
            let spec = Spec { hashing, ..Spec::everything() };
            bench.run(with(&spec)).unwrap();
            let tree = bench.tree();
            let other = Bench::beside(&bench.bundle);
            copy_tree(&bench.root, &other.root, round);
            let summary = other.run(with(&spec)).unwrap();
            let expected = outcomes([(Outcome::Unchanged, 10), (Outcome::NotLocal, 1)]);
            assert_eq!((summary.outcomes, summary.files, summary.trashed), (expected, 0, 0));
            assert_eq!(other.tree(), tree);
            // What the new disk tells is learnt, and read no second time.
            let faults = Faults::count();
            other.run(Run { faults: faults.clone(), ..with(&spec) }).unwrap();
            let opened = faults.operations().into_iter().filter(|it| *it == Operation::OpenFile);
            assert_eq!(opened.count(), 0);
        }
    }
}

#[test]
fn with_his_changes_carried_along_they_are_found_there() {
    let (bench, _) = Bench::with(two);
    bench.export();
    let flipped = flip_a_byte(&bench, A);
    let other = Bench::beside(&bench.bundle);
    copy_tree(&bench.root, &other.root, false);
    // Under an equal time nobody would have looked; here all are looked at.
    let expected = outcomes([(Outcome::Unchanged, 1), (Outcome::Kept, 1)]);
    assert_eq!(other.export().outcomes, expected);
    assert_eq!(fs::read(other.path(A)).unwrap(), flipped);
}
