//! What a later run makes of what changed meanwhile: in the library, at the destination, in the
//! record.
//!
//! Each test changes one thing and looks at outcomes and tree; the library is built anew for it.

use std::fs;
use std::time::{Duration, SystemTime};

use darkslide_export::{Outcome, Stop};
use darkslide_fixture::{Content, LibraryBuilder, Version};

use crate::exporting::{Bench, Run, Told, one_of_each, outcomes};
use crate::looking::photo;

const STILL: &str = "2024/05/IMG_1.JPG";

fn named(names: &[&str]) -> impl FnOnce(&mut LibraryBuilder) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    move |library| {
        for (name, seed) in names.iter().zip(1..) {
            library.asset(photo(name, seed));
        }
    }
}

#[test]
fn a_strangers_file_under_a_wanted_name_is_never_touched() {
    let (bench, _) = Bench::with(one_of_each);
    fs::create_dir_all(bench.path("2024/05")).unwrap();
    fs::write(bench.path(STILL), b"mine").unwrap();
    fs::create_dir(bench.path("2024/05/clip.MOV")).unwrap();
    fs::write(bench.path("2024/05/clip.MOV/mine"), b"").unwrap();
    std::os::unix::fs::symlink("/nowhere", bench.path("2024/05/IMG_4.JPG")).unwrap();
    let summary = bench.export();
    assert_eq!(summary.outcomes[&Outcome::Conflict], 3);
    assert_eq!(fs::read(bench.path(STILL)).unwrap(), b"mine");
    assert!(bench.path("2024/05/clip.MOV").is_dir());
    assert!(bench.path("2024/05/IMG_4.JPG").is_symlink());
    let row = bench.reported("IMG_1.JPG", "original");
    assert_eq!(row.reason.as_deref(), Some("exists"));
    bench.assert_settled();
}

#[test]
fn a_link_or_a_file_in_the_place_of_a_folder_is_a_conflict_of_its_files_alone() {
    let (bench, _) = Bench::with(|library| {
        library.asset(photo("may.jpg", 1));
        library.asset(photo("june.jpg", 2).taken_on(2024, 6, 1));
        library.asset(photo("old.jpg", 3).taken_on(1999, 6, 1));
    });
    let elsewhere = bench.root.parent().unwrap().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::create_dir(bench.path("2024")).unwrap();
    std::os::unix::fs::symlink(&elsewhere, bench.path("2024/06")).unwrap();
    fs::write(bench.path("1999"), b"a file").unwrap();
    let summary = bench.export();
    let expected = outcomes([(Outcome::Copied, 1), (Outcome::Conflict, 2)]);
    assert_eq!(summary.outcomes, expected);
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
    bench.assert_settled();
}

#[test]
fn without_its_record_the_tree_is_taken_over_and_nothing_is_copied() {
    let (bench, _) = Bench::with(one_of_each);
    bench.export();
    let tree = bench.tree();
    fs::remove_dir_all(bench.record("")).unwrap();
    let summary = bench.export();
    let expected = outcomes([(Outcome::Adopted, 10), (Outcome::NotLocal, 1)]);
    assert_eq!((summary.outcomes, summary.files), (expected, 0));
    assert_eq!(bench.tree(), tree);
    let summary = bench.export();
    assert_eq!(summary.outcomes[&Outcome::Unchanged], 10);
    let manifest = fs::read_to_string(bench.record("manifest.jsonl")).unwrap();
    assert_eq!(manifest.matches(r#""adopted":true"#).count(), 10);
}

#[test]
fn what_somebody_changed_or_removed_is_kept_as_it_is() {
    let (bench, _) = Bench::with(one_of_each);
    bench.export();
    let size = fs::read(bench.path(STILL)).unwrap().len();
    fs::write(bench.path(STILL), vec![7; size]).unwrap();
    fs::write(bench.path("2024/05/IMG_3.mov"), b"shorter").unwrap();
    fs::remove_file(bench.path("2024/05/clip.MOV")).unwrap();
    let summary = bench.export();
    assert_eq!(summary.outcomes[&Outcome::Kept], 3);
    assert_eq!(fs::read(bench.path(STILL)).unwrap(), vec![7; size]);
    assert!(!bench.path("2024/05/clip.MOV").exists());
    let reason = |name, version| bench.reported(name, version).reason.unwrap();
    assert_eq!(reason("IMG_1.JPG", "original"), "changed");
    assert_eq!(reason("clip.MOV", "original"), "removed");
    assert_eq!(bench.export().outcomes[&Outcome::Kept], 3);
}

#[test]
fn another_time_alone_is_no_change_and_is_learnt() {
    let (bench, _) = Bench::with(one_of_each);
    bench.export();
    let file = fs::File::options().write(true).open(bench.path(STILL)).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)).unwrap();
    let summary = bench.export();
    assert_eq!(summary.outcomes[&Outcome::Unchanged], 10);
    let manifest = fs::read_to_string(bench.record("manifest.jsonl")).unwrap();
    assert!(manifest.contains(r#""mtime":[1000000000,0]"#));
}

#[test]
fn a_library_copied_without_its_times_is_the_same_library() {
    let (bench, _) = Bench::with(one_of_each);
    bench.export();
    for entry in fs::read_dir(bench.bundle.join("originals")).unwrap() {
        for file in fs::read_dir(entry.unwrap().path()).unwrap() {
            let file = fs::File::options().write(true).open(file.unwrap().path()).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(5)).unwrap();
        }
    }
    let summary = bench.export();
    assert_eq!(summary.outcomes[&Outcome::Unchanged], 10);
    assert_eq!(summary.files, 0);
}

#[test]
fn what_is_no_longer_on_this_disk_is_kept_and_what_comes_later_joins_its_stem() {
    let (bench, _) = Bench::with(|library| {
        let live = photo("a.jpg", 1).live(Content::mov(2));
        library.asset(live.in_cloud(Version::LiveVideo));
    });
    let summary = bench.export();
    let expected = outcomes([(Outcome::Copied, 1), (Outcome::NotLocal, 1)]);
    assert_eq!(summary.outcomes, expected);
    bench.rebuild(|library| {
        let live = photo("a.jpg", 1).live(Content::mov(2));
        library.asset(live.in_cloud(Version::Original));
    });
    let summary = bench.export();
    let expected = outcomes([(Outcome::Copied, 1), (Outcome::Kept, 1)]);
    assert_eq!(summary.outcomes, expected);
    assert_eq!(bench.names(), ["2024/05/a.jpg", "2024/05/a.mov"]);
}

#[test]
fn names_that_swap_and_rotate_are_renamed_and_not_copied() {
    let (bench, _) = Bench::with(named(&["a.jpg", "b.jpg", "c.jpg", "x.jpg", "y.jpg"]));
    bench.export();
    let old = bench.tree();
    bench.rebuild(named(&["b.jpg", "c.jpg", "a.jpg", "y.jpg", "x.jpg"]));
    let summary = bench.export();
    assert_eq!(summary.outcomes, outcomes([(Outcome::Renamed, 5)]));
    let new = bench.tree();
    for (from, to) in [("a", "b"), ("b", "c"), ("c", "a"), ("x", "y"), ("y", "x")] {
        let path = |name| format!("2024/05/{name}.jpg");
        assert_eq!(old[&path(from)], new[&path(to)], "{from} -> {to}");
    }
    bench.assert_settled();
    assert_eq!(bench.export().outcomes, outcomes([(Outcome::Unchanged, 5)]));
}

#[test]
fn a_new_asset_renames_only_what_it_collides_with() {
    let (bench, _) = Bench::with(named(&["a.jpg", "b.jpg"]));
    bench.export();
    bench.rebuild(named(&["a.jpg", "b.jpg", "A.JPG"]));
    let summary = bench.export();
    let expected = [(Outcome::Copied, 1), (Outcome::Renamed, 1), (Outcome::Unchanged, 1)];
    assert_eq!(summary.outcomes, outcomes(expected));
    let names = bench.names();
    assert!(names[0].starts_with("2024/05/A (") && names[1].starts_with("2024/05/a ("));
    assert_eq!(names[2], "2024/05/b.jpg");
}

#[test]
fn a_file_that_is_changed_after_the_plan_is_not_renamed() {
    let (bench, _) = Bench::with(named(&["a.jpg", "b.jpg"]));
    bench.export();
    bench.rebuild(named(&["n.jpg", "m.jpg"]));
    let told = Told::default();
    // Asked between the plan and the renames.
    let stop = || {
        if told.planned.lock().unwrap().is_some() {
            fs::write(bench.path("2024/05/a.jpg"), b"mine").unwrap();
        }
        Stop::GoOn
    };
    let summary = bench.run_told(Run { stop: &stop, ..Run::default() }, &told).unwrap();
    assert_eq!(summary.outcomes, outcomes([(Outcome::Kept, 1), (Outcome::Renamed, 1)]));
    assert_eq!(fs::read(bench.path("2024/05/a.jpg")).unwrap(), b"mine");
    let row = bench.reported("n.jpg", "original");
    let told = (row.path.as_deref(), row.reason.as_deref());
    assert_eq!(told, (Some("2024/05/a.jpg"), Some("changed")));
    assert_eq!(bench.export().outcomes, outcomes([(Outcome::Kept, 1), (Outcome::Unchanged, 1)]));
}

#[test]
fn a_chain_moves_on_and_a_stranger_at_its_end_stops_it() {
    let (bench, _) = Bench::with(named(&["a.jpg", "b.jpg"]));
    bench.export();
    bench.rebuild(named(&["b.jpg", "c.jpg"]));
    fs::write(bench.path("2024/05/c.jpg"), b"mine").unwrap();
    let tree = bench.tree();
    let summary = bench.export();
    assert_eq!(summary.outcomes, outcomes([(Outcome::Conflict, 2)]));
    assert_eq!(bench.tree(), tree);
    fs::remove_file(bench.path("2024/05/c.jpg")).unwrap();
    let summary = bench.export();
    assert_eq!(summary.outcomes, outcomes([(Outcome::Renamed, 2)]));
    assert_eq!(bench.names(), ["2024/05/b.jpg", "2024/05/c.jpg"]);
}

#[test]
fn a_file_that_somebody_renamed_back_or_removed_stays_so_under_its_new_name() {
    let (bench, _) = Bench::with(named(&["a.jpg", "b.jpg"]));
    bench.export();
    let content = fs::read(bench.path("2024/05/a.jpg")).unwrap();
    // One was moved by hand to where it belongs now, the other removed.
    fs::rename(bench.path("2024/05/a.jpg"), bench.path("2024/05/n.jpg")).unwrap();
    fs::remove_file(bench.path("2024/05/b.jpg")).unwrap();
    bench.rebuild(named(&["n.jpg", "m.jpg"]));
    let summary = bench.export();
    let expected = outcomes([(Outcome::Adopted, 1), (Outcome::Kept, 1)]);
    assert_eq!(summary.outcomes, expected);
    assert_eq!(fs::read(bench.path("2024/05/n.jpg")).unwrap(), content);
    let expected = outcomes([(Outcome::Unchanged, 1), (Outcome::Kept, 1)]);
    assert_eq!(bench.export().outcomes, expected);
    assert_eq!(bench.names(), ["2024/05/n.jpg"]);
}

#[test]
fn an_asset_that_came_again_under_a_new_uuid_takes_its_file_over() {
    let (bench, _) = Bench::with(|library| {
        library.asset(photo("a.jpg", 1).uuid("00000001-0000-4000-8000-000000000000"));
    });
    bench.export();
    bench.rebuild(|library| {
        library.asset(photo("a.jpg", 1).uuid("00000002-0000-4000-8000-000000000000"));
    });
    assert_eq!(bench.export().outcomes, outcomes([(Outcome::Adopted, 1)]));
    let manifest = fs::read_to_string(bench.record("manifest.jsonl")).unwrap();
    assert_eq!(manifest.matches("a.jpg").count(), 1);
    assert!(!manifest.contains("adopted"), "we wrote it");
}

#[test]
fn an_asset_that_is_no_more_leaves_its_file() {
    let (bench, _) = Bench::with(named(&["a.jpg", "b.jpg"]));
    bench.export();
    bench.rebuild(named(&["a.jpg"]));
    bench.export();
    assert_eq!(bench.names(), ["2024/05/a.jpg", "2024/05/b.jpg"]);
}
