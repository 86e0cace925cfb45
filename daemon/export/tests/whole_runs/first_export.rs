//! What comes out of a library into an empty root, and what a second run does.
//!
//! Contents are compared by digest with those that went in, names with what a person expects.
//! The library is compared with itself before: no export changes it.

use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use darkslide_export::{ExportError, Layout, Outcome, Shape, Spec, Versions};
use darkslide_fixture::{
    AlbumSpec, AssetSpec, Content, FolderSpec, ManyOptions, Model, demo_library, many,
};

use darkslide_library::LibraryError;

use crate::exporting::{Bench, JOB, Run, Told, digests, one_of_each, outcomes, present, snapshot};

#[test]
fn everything_that_is_here_comes_out_whole_and_the_rest_has_its_reason() {
    let (bench, built) = Bench::with(one_of_each);
    let before = snapshot(&bench);
    let told = Told::default();
    let summary = bench.run_told(Run::default(), &told).unwrap();

    let tree = bench.tree();
    assert_eq!(digests(&tree), present(&built));
    let plain = [
        "IMG_1.JPG",
        "IMG_2.HEIC",
        "IMG_2_edited.jpeg",
        "IMG_3.HEIC",
        "IMG_3.mov",
        "IMG_4.JPG",
        "IMG_4.cr2",
        "clip.MOV",
    ];
    let names = bench.names();
    for name in plain {
        assert!(names.contains(&format!("2024/05/{name}")), "{name} {names:?}");
    }
    // Two that a disk may take for one have digits, both.
    let sevens = names.iter().filter(|name| name.to_lowercase().contains("img_7 ("));
    assert_eq!(sevens.count(), 2);
    assert_eq!(names.len(), 10);

    let expected = outcomes([(Outcome::Copied, 10), (Outcome::NotLocal, 1)]);
    assert_eq!(summary.outcomes, expected);
    assert_eq!((summary.selected, summary.files), (11, 10));
    assert_eq!(*told.outcomes.lock().unwrap(), expected);
    let bytes: u64 = tree.values().map(|content| content.len() as u64).sum();
    assert_eq!(*told.planned.lock().unwrap(), Some((11, 10, bytes)));
    assert_eq!(*told.bytes.lock().unwrap(), bytes);
    let missing = bench.reported("IMG_6.JPG", "original");
    assert_eq!(missing.reason.as_deref(), Some("in-icloud"));

    bench.assert_settled();
    let difference = before.diff(&snapshot(&bench));
    let lines = difference.lines().iter();
    // For root, SQLite sets the owner of the side files to what it is; a confined daemon cannot.
    let changed: Vec<_> = lines.filter(|line| !line.contains("touched: changed")).collect();
    assert!(changed.is_empty(), "{changed:?}");
}

#[test]
fn a_second_run_copies_nothing_and_touches_nothing() {
    let (bench, _) = Bench::with(one_of_each);
    bench.export();
    let before = darkslide_fixture::Snapshot::take(&bench.path("2024")).unwrap();
    let manifest = std::fs::read(bench.record("manifest.jsonl")).unwrap();
    let summary = bench.export();
    let expected = outcomes([(Outcome::Unchanged, 10), (Outcome::NotLocal, 1)]);
    assert_eq!(summary.outcomes, expected);
    let after = darkslide_fixture::Snapshot::take(&bench.path("2024")).unwrap();
    assert!(before.diff(&after).is_empty());
    assert_eq!(std::fs::read(bench.record("manifest.jsonl")).unwrap(), manifest);
    bench.assert_settled();
}

#[test]
fn files_have_the_date_taken_and_the_mode_of_the_policy() {
    let (bench, _) = Bench::with(|library| {
        let photo = AssetSpec::photo("a.jpg", Content::jpeg(1));
        library.asset(photo.taken(0.25).zone(Some(3_600), None));
        library.asset(AssetSpec::photo("old.jpg", Content::jpeg(2)).taken(-2e9));
        library.asset(AssetSpec::photo("none.jpg", Content::jpeg(3)).without_date());
    });
    bench.export();
    let data = std::fs::metadata(bench.path("2001/01/a.jpg")).unwrap();
    assert_eq!((data.mtime(), data.mtime_nsec()), (978_307_200, 250_000_000));
    assert_eq!(data.permissions().mode() & 0o7777, 0o644);
    let folder = std::fs::metadata(bench.path("2001/01")).unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o755);
    // Before 1970 no file time is set; the folder is that of the year all the same.
    let old = std::fs::metadata(bench.path("1937/08/old.jpg")).unwrap();
    assert!(old.mtime() > 1_700_000_000);
    assert!(bench.path("undated/none.jpg").exists());
}

#[test]
fn times_can_be_left_alone() {
    let (bench, _) = Bench::with(one_of_each);
    let spec = Spec { times: false, ..Spec::everything() };
    bench.run(Run { spec, ..Run::default() }).unwrap();
    let data = std::fs::metadata(bench.path("2024/05/IMG_1.JPG")).unwrap();
    assert!(data.mtime() > 1_735_000_000, "now, not May 2024");
}

#[test]
fn only_what_the_spec_selects_is_exported() {
    let (bench, _) = Bench::with(one_of_each);
    let spec = Spec {
        versions: Versions::PreferEdited,
        live: false,
        raw: false,
        shape: Shape::new(Layout::Flat, true),
        ..Spec::everything()
    };
    bench.run(Run { spec, ..Run::default() }).unwrap();
    let names: BTreeSet<String> = bench.names().into_iter().collect();
    let edited = names.contains("IMG_2_edited.jpeg") && !names.contains("IMG_2.HEIC");
    assert!(edited && !names.contains("IMG_3.mov") && !names.contains("IMG_4.cr2"));
    assert_eq!(names.len(), 7);
}

#[test]
fn albums_become_folders_and_an_asset_stands_in_each_of_its_albums() {
    let (bench, _) = Bench::with(|library| {
        let photo =
            |name: &str, seed| AssetSpec::photo(name, Content::jpeg(seed)).taken_on(2024, 5, 1);
        let both = library.asset(photo("both.jpg", 1));
        library.asset(photo("none.jpg", 2));
        let trips = library.folder(FolderSpec::new("Trips/2024"));
        library.album(AlbumSpec::new("Japan").within(trips).members([both]));
        library.album(AlbumSpec::new("..").members([both]));
    });
    let spec = Spec { shape: Shape::new(Layout::Album, true), ..Spec::everything() };
    let summary = bench.run(Run { spec: spec.clone(), ..Run::default() }).unwrap();
    // The folder of what is in no album has the name `_` for itself.
    let names = bench.names();
    assert_eq!(names.len(), 3);
    assert!(names[0].starts_with("Trips_2024/Japan/both.jpg"), "{names:?}");
    assert!(names[1].starts_with("_ (") && names[1].ends_with(")/both.jpg"), "{names:?}");
    assert_eq!(names[2], "_/2024/05/none.jpg");
    assert_eq!(summary.selected, 3);
    let summary = bench.run(Run { spec, ..Run::default() }).unwrap();
    assert_eq!(summary.outcomes, outcomes([(Outcome::Unchanged, 3)]));
}

#[test]
fn a_report_is_read_in_pages_and_the_last_sixteen_are_kept() {
    let (bench, _) = Bench::with(one_of_each);
    bench.export();
    let (first, next) = bench.report_page(JOB, 0, 4, false).unwrap();
    let next = next.unwrap();
    assert_eq!(first.len(), 4);
    let (rest, end) = bench.report_page(JOB, next, 100, false).unwrap();
    assert_eq!((rest.len(), end), (7, None));
    assert_eq!([first, rest.clone()].concat(), bench.report());
    // From a place that is none, a page begins at the next row; behind the last there is nothing.
    let (after, _) = bench.report_page(JOB, next + 1, 100, false).unwrap();
    assert_eq!(after, rest[1..]);
    for end in [1 << 20, u64::MAX] {
        assert_eq!(bench.report_page(JOB, end, 100, false).unwrap(), (Vec::new(), None));
    }
    let (undone, next) = bench.report_page(JOB, 0, 1, true).unwrap();
    assert_eq!((undone.len(), next), (1, None));
    assert_eq!(undone[0].outcome, Outcome::NotLocal);
    for after in 0..2 {
        let over = bench.report_until(&|| true, JOB, after, 1, false);
        assert!(matches!(over, Err(ExportError::Library(LibraryError::TimedOut))), "{over:?}");
    }
    for number in 0..20 {
        let job = format!("job-{number}");
        bench.run(Run { job: &job, ..Run::default() }).unwrap();
    }
    let kept = std::fs::read_dir(bench.record("reports")).unwrap().count();
    assert_eq!(kept, 16);
    assert!(bench.report_page("job-19", 0, 1, false).is_some());
    assert!(bench.report_page(JOB, 0, 1, false).is_none());
    for bad in ["../../id", "", "a/b", "."] {
        assert!(bench.report_page(bad, 0, 1, false).is_none(), "{bad}");
    }
}

#[test]
fn every_file_has_its_digest_where_b3sum_looks_for_it() {
    let (bench, _) = Bench::with(one_of_each);
    bench.export();
    let line =
        |(path, content): (String, Vec<u8>)| format!("{}  {path}", blake3::hash(&content).to_hex());
    let expected: BTreeSet<String> = bench.tree().into_iter().map(line).collect();
    let sums = std::fs::read_to_string(bench.record("B3SUMS")).unwrap();
    assert_eq!(sums.lines().map(str::to_owned).collect::<BTreeSet<_>>(), expected);
    // Whoever removes them gets them again, and a run with nothing to do writes them no second
    // time.
    std::fs::remove_file(bench.record("B3SUMS")).unwrap();
    bench.export();
    bench.assert_settled();
    let inode = || std::fs::metadata(bench.record("B3SUMS")).unwrap().ino();
    let before = inode();
    bench.export();
    assert_eq!(inode(), before);
}

#[test]
fn the_demo_library_with_its_awkward_names_comes_out_whole() {
    let bench = Bench::new();
    let built = demo_library(&bench.bundle).unwrap();
    let summary = bench.export();
    assert_eq!(summary.outcomes.get(&Outcome::Conflict), None);
    let all = present(&built);
    assert!(digests(&bench.tree()).is_subset(&all));
    assert_eq!(bench.tree().len() as u64, summary.files);
    for name in bench.names() {
        assert!(name.split('/').all(|part| part.len() <= 143 && !part.starts_with('.')));
    }
}

#[test]
fn several_batches_and_workers_end_in_one_manifest() {
    let bench = Bench::new();
    let built = many(&bench.bundle, Model::Photos11, 700, ManyOptions::default()).unwrap();
    let summary = bench.run(Run { workers: 4, ..Run::default() }).unwrap();
    assert_eq!(digests(&bench.tree()).len(), present(&built).len());
    assert_eq!(bench.tree().len() as u64, summary.files);
    let summary = bench.export();
    assert_eq!(summary.files, 0);
    bench.assert_settled();
}
