//! New contents for files that an earlier run exported: exchanged in place, and what becomes of the
//! old ones.
//!
//! Only what we wrote, nobody touched and a hash proves is removed; all else that makes room goes
//! to the trash. A new content of the library has another size here, for libraries that are built
//! have one time.

use std::fs;

use darkslide_door::{Faults, Operation};
use darkslide_export::{Hashing, OnDestChange, Outcome, Spec, Summary};
use darkslide_fixture::{Content, LibraryBuilder, Version};

use crate::exporting::{Bench, Run, outcomes, plant};
use crate::looking::{photo, with};

const EDIT: &str = "2024/05/a_edited.jpg";
const OLD: Content = Content::jpeg(2);

fn new() -> Content {
    Content::jpeg(3).padded(2_000)
}

fn edited(render: Content) -> impl FnOnce(&mut LibraryBuilder) {
    move |library| {
        library.asset(photo("a.jpg", 1).edited(render));
    }
}

/// Exports again after the edit has changed.
fn update(bench: &Bench, spec: &Spec) -> Summary {
    bench.rebuild(edited(new()));
    let summary = bench.run(with(spec)).unwrap();
    assert_eq!(bench.tree()[EDIT], new().bytes());
    assert_eq!(summary.outcomes[&Outcome::Updated], 1);
    bench.assert_settled();
    let again = bench.run(with(spec)).unwrap();
    assert_eq!(again.outcomes, outcomes([(Outcome::Unchanged, 2)]));
    summary
}

#[test]
fn a_new_edit_takes_the_place_of_the_old_one_which_is_removed() {
    let (bench, _) = Bench::with(edited(OLD));
    bench.export();
    let summary = update(&bench, &Spec::everything());
    let expected = outcomes([(Outcome::Unchanged, 1), (Outcome::Updated, 1)]);
    assert_eq!((summary.outcomes, summary.files, summary.trashed), (expected, 1, 0));
    assert_eq!(bench.names(), ["2024/05/a.jpg", EDIT]);
    assert!(bench.trash().is_empty());
}

#[test]
fn without_an_exchange_the_old_edit_steps_aside_and_is_removed() {
    let (bench, _) = Bench::with(edited(OLD));
    bench.export();
    bench.rebuild(edited(new()));
    let faults = Faults::without_exchange().and(Faults::without_exclusive_rename());
    let summary = bench.run(Run { faults: faults.clone(), ..Run::default() }).unwrap();
    assert!(!faults.operations().contains(&Operation::Exchange));
    assert_eq!((summary.outcomes[&Outcome::Updated], summary.trashed), (1, 0));
    assert_eq!(bench.tree()[EDIT], new().bytes());
    assert!(bench.trash().is_empty());
    bench.assert_settled();
}

#[test]
fn what_was_taken_over_goes_to_the_trash_when_it_is_updated() {
    let (bench, _) = Bench::with(edited(OLD));
    fs::create_dir_all(bench.path("2024/05")).unwrap();
    fs::write(bench.path(EDIT), OLD.bytes()).unwrap();
    bench.export();
    assert_eq!(bench.reported("a.jpg", "edited").outcome, Outcome::Adopted);
    assert_eq!(update(&bench, &Spec::everything()).trashed, 1);
    assert_eq!(bench.trash().into_values().collect::<Vec<_>>(), [OLD.bytes()]);
    // The new one is ours.
    bench.rebuild(edited(OLD));
    assert_eq!(bench.export().trashed, 0);
}

#[test]
fn what_has_no_hash_goes_to_the_trash_when_it_is_updated() {
    for exchange in [true, false] {
        let (bench, _) = Bench::with(edited(OLD));
        let spec = Spec { hashing: Hashing::Never, ..Spec::everything() };
        bench.run(with(&spec)).unwrap();
        bench.rebuild(edited(new()));
        let faults = if exchange { Faults::none() } else { Faults::without_exchange() };
        let summary = bench.run(Run { faults, ..with(&spec) }).unwrap();
        assert_eq!((summary.outcomes[&Outcome::Updated], summary.trashed), (1, 1));
        let trash: Vec<_> = bench.trash().into_iter().collect();
        assert_eq!(trash, [("2024-05-31/a_edited.jpg".to_owned(), OLD.bytes())]);
        bench.assert_settled();
    }
}

#[test]
fn an_edit_of_another_format_is_renamed_and_exchanged() {
    let (bench, _) = Bench::with(edited(OLD));
    bench.export();
    bench.rebuild(edited(Content::heic(4).padded(2_000)));
    let summary = bench.export();
    let expected = outcomes([(Outcome::Unchanged, 1), (Outcome::Updated, 1)]);
    assert_eq!((summary.outcomes, summary.trashed), (expected, 0));
    assert_eq!(bench.names(), ["2024/05/a.jpg", "2024/05/a_edited.heic"]);
    assert_eq!(bench.rows().len(), 2);
    assert!(bench.trash().is_empty());
    bench.assert_settled();
    assert_eq!(bench.export().outcomes, outcomes([(Outcome::Unchanged, 2)]));
}

#[test]
fn a_new_name_and_a_new_edit_at_once_keep_the_stem_together() {
    let (bench, _) = Bench::with(edited(OLD));
    bench.export();
    bench.rebuild(|library| {
        library.asset(photo("b.jpg", 1).edited(new()));
    });
    let summary = bench.export();
    let expected = outcomes([(Outcome::Renamed, 1), (Outcome::Updated, 1)]);
    assert_eq!((summary.outcomes, summary.trashed), (expected, 0));
    assert_eq!(bench.names(), ["2024/05/b.jpg", "2024/05/b_edited.jpg"]);
    assert_eq!(bench.tree()["2024/05/b_edited.jpg"], new().bytes());
    assert!(bench.trash().is_empty());
    bench.assert_settled();
}

#[test]
fn names_that_swap_while_their_edits_change_end_right() {
    let pair = |names: [&'static str; 2], size: usize| {
        move |library: &mut LibraryBuilder| {
            for (name, seed) in names.into_iter().zip([1, 11]) {
                let render = Content::jpeg(seed + 1).padded(size + seed as usize);
                library.asset(photo(name, seed).edited(render));
            }
        }
    };
    let (bench, _) = Bench::with(pair(["a.jpg", "b.jpg"], 0));
    bench.export();
    let old = bench.tree();
    bench.rebuild(pair(["b.jpg", "a.jpg"], 500));
    let summary = bench.export();
    let expected = outcomes([(Outcome::Renamed, 2), (Outcome::Updated, 2)]);
    assert_eq!((summary.outcomes, summary.trashed), (expected, 0));
    let tree = bench.tree();
    assert_eq!(tree["2024/05/a.jpg"], old["2024/05/b.jpg"]);
    assert_eq!(tree["2024/05/b.jpg"], old["2024/05/a.jpg"]);
    assert_eq!(tree["2024/05/b_edited.jpg"], Content::jpeg(2).padded(501).bytes());
    assert_eq!(tree["2024/05/a_edited.jpg"], Content::jpeg(12).padded(511).bytes());
    bench.assert_settled();
    assert_eq!(bench.export().outcomes, outcomes([(Outcome::Unchanged, 4)]));
}

#[test]
fn an_edit_that_was_removed_leaves_its_file_and_is_no_failure() {
    let (bench, _) = Bench::with(edited(OLD));
    bench.export();
    bench.rebuild(|library| {
        library.asset(photo("a.jpg", 1));
    });
    let summary = bench.export();
    assert_eq!(summary.outcomes, outcomes([(Outcome::Unchanged, 1)]));
    assert_eq!(bench.names(), ["2024/05/a.jpg", EDIT]);
    assert_eq!(bench.rows().len(), 2);
    // Edited anew, it is an update of that file.
    update(&bench, &Spec::everything());
    assert_eq!(bench.names(), ["2024/05/a.jpg", EDIT]);
}

#[test]
fn an_edit_that_is_only_in_the_cloud_now_is_kept() {
    let (bench, _) = Bench::with(edited(OLD));
    bench.export();
    bench.rebuild(|library| {
        library.asset(photo("a.jpg", 1).edited(new()).in_cloud(Version::Edited));
    });
    let summary = bench.export();
    let expected = outcomes([(Outcome::Unchanged, 1), (Outcome::Kept, 1)]);
    assert_eq!(summary.outcomes, expected);
    assert_eq!(bench.reported("a.jpg", "edited").reason.as_deref(), Some("in-icloud"));
    assert_eq!(bench.tree()[EDIT], OLD.bytes());
}

#[test]
fn an_edit_whose_file_somebody_changed_is_kept_and_not_updated() {
    let (bench, _) = Bench::with(edited(OLD));
    bench.export();
    fs::write(bench.path(EDIT), b"mine").unwrap();
    bench.rebuild(edited(new()));
    let summary = bench.export();
    let expected = outcomes([(Outcome::Unchanged, 1), (Outcome::Kept, 1)]);
    assert_eq!(summary.outcomes, expected);
    assert_eq!(fs::read(bench.path(EDIT)).unwrap(), b"mine");
    fs::remove_file(bench.path(EDIT)).unwrap();
    assert_eq!(bench.export().outcomes, expected, "nor is one that somebody removed");
}

#[test]
fn what_changes_between_plan_and_exchange_is_put_back() {
    for faults in [Faults::none(), Faults::without_exchange()] {
        let (bench, _) = Bench::with(edited(OLD));
        bench.export();
        bench.rebuild(edited(new()));
        let told = crate::exporting::Told::default();
        let stop = || {
            if told.planned.lock().unwrap().is_some() {
                fs::write(bench.path(EDIT), b"mine").unwrap();
            }
            darkslide_export::Stop::GoOn
        };
        let run = Run { stop: &stop, faults, ..Run::default() };
        let summary = bench.run_told(run, &told).unwrap();
        let expected = outcomes([(Outcome::Unchanged, 1), (Outcome::Kept, 1)]);
        assert_eq!((summary.outcomes, summary.trashed), (expected, 0));
        assert_eq!(fs::read(bench.path(EDIT)).unwrap(), b"mine");
        assert_eq!(bench.reported("a.jpg", "edited").reason.as_deref(), Some("changed"));
        bench.assert_settled();
    }
}

#[test]
fn a_record_that_is_older_than_the_tree_finds_the_new_files_and_copies_nothing() {
    let versions = |name: &'static str, edit: Content| {
        move |library: &mut LibraryBuilder| {
            library.asset(photo(name, 1).edited(edit));
        }
    };
    for name in ["a.jpg", "b.jpg"] {
        for on_dest_change in [OnDestChange::Keep, OnDestChange::Restore] {
            let spec = Spec { on_dest_change, ..Spec::everything() };
            let (bench, _) = Bench::with(versions("a.jpg", OLD));
            bench.run(with(&spec)).unwrap();
            let manifest = fs::read(bench.record("manifest.jsonl")).unwrap();
            bench.rebuild(versions(name, new()));
            bench.run(with(&spec)).unwrap();
            let tree = bench.tree();
            // As if `.darkslide/` came back from a backup.
            plant(bench.record("manifest.jsonl"), manifest).unwrap();
            let summary = bench.run(with(&spec)).unwrap();
            assert_eq!((summary.files, summary.trashed), (0, 0), "{name} {on_dest_change:?}");
            assert_eq!(bench.tree(), tree, "{name} {on_dest_change:?}");
            let again = bench.run(with(&spec)).unwrap();
            assert_eq!(again.outcomes, outcomes([(Outcome::Unchanged, 2)]));
        }
    }
}

#[test]
fn an_edit_of_another_format_over_somebodys_change_has_its_own_extension() {
    let (bench, _) = Bench::with(edited(OLD));
    bench.export();
    fs::write(bench.path(EDIT), b"mine").unwrap();
    let heic = Content::heic(4).padded(2_000);
    bench.rebuild(edited(heic.clone()));
    let spec = Spec { on_dest_change: OnDestChange::Restore, ..Spec::everything() };
    for _ in 0..2 {
        bench.run(with(&spec)).unwrap();
        assert_eq!(bench.tree()["2024/05/a_edited.heic"], heic.bytes());
        let all = bench.tree().into_values().chain(bench.trash().into_values());
        assert_eq!(all.filter(|content| content == b"mine").count(), 1);
    }
    bench.assert_settled();
}
