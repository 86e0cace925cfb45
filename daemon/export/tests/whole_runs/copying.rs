//! How contents come: hashed or not, cloned where a file system can, with which times and modes.
//!
//! Whether the file system of these tests clones is found out by what the door was asked for. The
//! hazard: a digest in the record that nobody computed.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use darkslide_door::{Faults, Operation};
use darkslide_export::{Hashing, Layout, Outcome, Shape, Spec};
use darkslide_fixture::{AlbumSpec, Content, LibraryBuilder};

use crate::exporting::{Bench, Run, digests, one_of_each, outcomes, present};
use crate::looking::{photo, with};

#[test]
fn hashes_are_in_the_record_where_the_spec_wants_them() {
    for hashing in [Hashing::Never, Hashing::Copied, Hashing::Always] {
        let (bench, built) = Bench::with(one_of_each);
        let spec = Spec { hashing, ..Spec::everything() };
        let faults = Faults::count();
        bench.run(Run { faults: faults.clone(), ..with(&spec) }).unwrap();
        // A disk that clones makes no temporary file otherwise, and what it clones passes through
        // no memory.
        let copied = faults.operations().contains(&Operation::CreateTemporary);
        let hashed = hashing == Hashing::Always || (hashing == Hashing::Copied && copied);
        let rows = bench.rows();
        assert_eq!(rows.len(), 10);
        assert!(rows.values().all(|row| row.get("blake3").is_some() == hashed), "{hashing:?}");
        assert_eq!(digests(&bench.tree()), present(&built));
        // The digests of B3SUMS are compared with the rows.
        bench.assert_settled();
        let sums = fs::read_to_string(bench.record("B3SUMS")).unwrap();
        assert_eq!(sums.lines().count(), if hashed { 10 } else { 0 });
        let again = bench.run(with(&spec)).unwrap();
        assert_eq!((again.files, again.outcomes[&Outcome::Unchanged]), (0, 10));
    }
}

#[test]
fn contents_are_whole_whichever_call_copies_them() {
    for faults in [Faults::none(), Faults::without_copy_range()] {
        for hashing in [Hashing::Never, Hashing::Copied] {
            let (bench, built) = Bench::with(|library| {
                one_of_each(library);
                library.asset(photo("large.jpg", 30).edited(Content::jpeg(31).padded(3 << 20)));
                library.asset(
                    photo("empty.jpg", 32)
                        .edited(Content::own(darkslide_fixture::Format::Jpeg, Vec::new())),
                );
            });
            let spec = Spec { hashing, ..Spec::everything() };
            bench.run(Run { faults: faults.clone(), ..with(&spec) }).unwrap();
            assert_eq!(digests(&bench.tree()), present(&built));
            bench.assert_settled();
        }
    }
}

fn in_two_albums(library: &mut LibraryBuilder) {
    let live = library.asset(photo("a.jpg", 1).live(Content::mov(2)));
    library.album(AlbumSpec::new("A").members([live]));
    library.album(AlbumSpec::new("B").members([live]));
}

#[test]
fn an_asset_in_two_albums_is_two_files_of_equal_content_cloned_or_not() {
    let shape = Shape::new(Layout::Album, true);
    for clone_same_file in [true, false] {
        let (bench, _) = Bench::with(in_two_albums);
        let spec = Spec { shape: shape.clone(), clone_same_file, ..Spec::everything() };
        let faults = Faults::count();
        let summary = bench.run(Run { faults: faults.clone(), ..with(&spec) }).unwrap();
        assert_eq!((summary.outcomes, summary.files), (outcomes([(Outcome::Copied, 4)]), 4));
        let tree = bench.tree();
        for name in ["a.jpg", "a.mov"] {
            let (one, other) = (format!("A/{name}"), format!("B/{name}"));
            assert_eq!(tree[&one], tree[&other]);
            let inode = |path: &str| fs::metadata(bench.path(path)).unwrap().ino();
            assert_ne!(inode(&one), inode(&other), "never one file under two names");
            assert_eq!(bench.rows()[&one]["blake3"], bench.rows()[&other]["blake3"]);
        }
        let summary = bench.run(with(&spec)).unwrap();
        assert_eq!(summary.outcomes, outcomes([(Outcome::Unchanged, 4)]));
        bench.assert_settled();
    }
}

#[test]
fn an_update_of_an_asset_in_two_albums_updates_both() {
    let edited = |seed, padding| {
        move |library: &mut LibraryBuilder| {
            let photo = photo("a.jpg", 1).edited(Content::jpeg(seed).padded(padding));
            let photo = library.asset(photo);
            library.album(AlbumSpec::new("A").members([photo]));
            library.album(AlbumSpec::new("B").members([photo]));
        }
    };
    let spec = Spec { shape: Shape::new(Layout::Album, true), ..Spec::everything() };
    let (bench, _) = Bench::with(edited(2, 0));
    bench.run(with(&spec)).unwrap();
    bench.rebuild(edited(3, 500));
    let summary = bench.run(with(&spec)).unwrap();
    let expected = outcomes([(Outcome::Unchanged, 2), (Outcome::Updated, 2)]);
    assert_eq!((summary.outcomes, summary.trashed), (expected, 0));
    let tree = bench.tree();
    for path in ["A/a_edited.jpg", "B/a_edited.jpg"] {
        assert_eq!(tree[path], Content::jpeg(3).padded(500).bytes());
    }
    bench.assert_settled();
}

#[test]
fn modes_are_those_of_the_policy() {
    let (bench, _) = Bench::with(one_of_each);
    let bench = bench.allowed("", "file_mode = \"0640\"\ndir_mode = \"0750\"");
    bench.export();
    let mode = |path: &str| fs::metadata(bench.path(path)).unwrap().permissions().mode() & 0o7777;
    for path in bench.names() {
        assert_eq!(mode(&path), 0o640, "{path}");
    }
    assert_eq!((mode("2024"), mode("2024/05")), (0o750, 0o750));
    assert_eq!(mode(".darkslide"), 0o700);
    bench.rebuild(|library| {
        one_of_each(library);
        library.asset(photo("late.jpg", 40).edited(Content::jpeg(41)));
    });
    bench.export();
    assert_eq!(mode("2024/05/late_edited.jpg"), 0o640);
}

#[test]
fn times_that_are_not_wanted_any_more_update_nothing() {
    let (bench, _) = Bench::with(one_of_each);
    bench.export();
    let spec = Spec { times: false, ..Spec::everything() };
    let summary = bench.run(with(&spec)).unwrap();
    assert_eq!((summary.files, summary.outcomes[&Outcome::Unchanged]), (0, 10));
    let time = fs::metadata(bench.path("2024/05/IMG_1.JPG")).unwrap().mtime();
    assert!(time < 1_735_000_000, "May 2024 still");
}

#[test]
fn an_update_has_the_time_of_its_photo() {
    let edited = |size| {
        move |library: &mut LibraryBuilder| {
            library.asset(photo("a.jpg", 1).edited(Content::jpeg(2).padded(size)));
        }
    };
    let (bench, _) = Bench::with(edited(0));
    bench.export();
    let time = || fs::metadata(bench.path("2024/05/a_edited.jpg")).unwrap().mtime();
    let before = time();
    bench.rebuild(edited(1_000));
    bench.export();
    assert_eq!(time(), before);
}

#[test]
fn an_export_of_nothing_leaves_no_folder() {
    let (bench, _) = Bench::with(|_| ());
    let summary = bench.export();
    assert_eq!((summary.selected, summary.files), (0, 0));
    let names: Vec<_> = fs::read_dir(&bench.root).unwrap().collect();
    assert_eq!(names.len(), 1, "the record alone: {names:?}");
}
