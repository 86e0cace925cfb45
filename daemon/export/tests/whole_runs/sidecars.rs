//! Files beside photos that tell what the library knows: written, updated and named like all else.
//!
//! What stands in them is tested where they are made; here it is that they come out, with what the
//! grant shows, and change only when the library does.

use std::fs;

use darkslide_door::{Faults, Operation};
use darkslide_export::{OnDestChange, Outcome, Sidecar, Sizes, Spec};
use darkslide_fixture::{AssetSpec, Content, LibraryBuilder, Version};

use crate::exporting::{Bench, Run, outcomes};
use crate::looking::{photo, with};

fn spec() -> Spec {
    Spec { sidecars: vec![Sidecar::Xmp, Sidecar::Json], ..Spec::everything() }
}

fn titled(title: &str) -> AssetSpec {
    photo("a.jpg", 1).edited(Content::jpeg(2)).title(title).location(47.25, 8.75)
}

fn one(spec: AssetSpec) -> impl FnOnce(&mut LibraryBuilder) {
    move |library| {
        library.asset(spec);
    }
}

/// The sidecars' names and texts.
fn beside(bench: &Bench) -> Vec<(String, String)> {
    let files = bench.tree().into_iter().filter(|(path, _)| !path.ends_with(".jpg"));
    files.map(|(path, content)| (path, String::from_utf8(content).unwrap())).collect()
}

#[test]
fn they_are_written_beside_their_photo_under_its_stem_and_counted() {
    let (bench, _) = Bench::with(one(titled("Beach")));
    let summary = bench.run(with(&spec())).unwrap();
    assert_eq!(summary.outcomes, outcomes([(Outcome::Copied, 4)]));
    let beside = beside(&bench);
    let names: Vec<&str> = beside.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(names, ["2024/05/a.json", "2024/05/a.xmp"]);
    assert!(beside.iter().all(|(_, text)| text.contains("Beach")));
    for version in ["json", "xmp"] {
        let row = bench.reported("a.jpg", version);
        assert_eq!(row.path, Some(format!("2024/05/a.{version}")));
        assert!(row.blake3.is_some());
    }
    bench.assert_settled();
    let manifest = fs::read(bench.record("manifest.jsonl")).unwrap();
    assert_eq!(bench.run(with(&spec())).unwrap().outcomes, outcomes([(Outcome::Unchanged, 4)]));
    assert_eq!(fs::read(bench.record("manifest.jsonl")).unwrap(), manifest);
}

#[test]
fn they_are_updated_when_the_library_knows_something_else_and_their_photo_is_not() {
    let (bench, _) = Bench::with(one(titled("Beach")));
    bench.run(with(&spec())).unwrap();
    bench.rebuild(one(titled("Shore")));
    let summary = bench.run(with(&spec())).unwrap();
    let expected = outcomes([(Outcome::Unchanged, 2), (Outcome::Updated, 2)]);
    assert_eq!((summary.outcomes, summary.trashed), (expected, 0));
    assert!(beside(&bench).iter().all(|(_, text)| text.contains("Shore")));
    assert!(bench.trash().is_empty());
    bench.assert_settled();
}

#[test]
fn they_move_with_their_photo() {
    let (bench, _) = Bench::with(one(titled("Beach")));
    bench.run(with(&spec())).unwrap();
    bench.rebuild(one(titled("Beach").taken_on(2023, 1, 1)));
    let summary = bench.run(with(&spec())).unwrap();
    // What they tell of the date is another text.
    let expected = outcomes([(Outcome::Renamed, 2), (Outcome::Updated, 2)]);
    assert_eq!((summary.outcomes, summary.trashed), (expected, 0));
    let names = ["2023/01/a.jpg", "2023/01/a.json", "2023/01/a.xmp", "2023/01/a_edited.jpg"];
    assert_eq!(bench.names(), names);
    bench.assert_record_settled();
}

#[test]
fn one_that_somebody_wrote_to_is_his() {
    let (bench, _) = Bench::with(one(titled("Beach")));
    bench.run(with(&spec())).unwrap();
    fs::write(bench.path("2024/05/a.xmp"), b"mine").unwrap();
    bench.rebuild(one(titled("Shore")));
    bench.run(with(&spec())).unwrap();
    assert_eq!(fs::read(bench.path("2024/05/a.xmp")).unwrap(), b"mine");
    let restore = Spec { on_dest_change: OnDestChange::Restore, ..spec() };
    let summary = bench.run(with(&restore)).unwrap();
    assert_eq!(summary.trashed, 1);
    assert!(beside(&bench).iter().all(|(_, text)| text.contains("Shore")));
    assert_eq!(bench.trash().into_values().collect::<Vec<_>>(), [b"mine"]);
    bench.assert_settled();
}

#[test]
fn a_place_that_the_policy_withholds_is_in_none() {
    let (bench, _) = Bench::with(one(titled("Beach")));
    bench.run(with(&spec())).unwrap();
    assert!(beside(&bench).iter().any(|(_, text)| text.contains("47.25")));
    assert!(beside(&bench).iter().any(|(_, text)| text.contains("GPS")));
    let withheld = Bench::beside(&bench.bundle).allowed("location = false", "");
    withheld.run(with(&spec())).unwrap();
    for (path, text) in beside(&withheld) {
        assert!(!text.contains("47") || !text.contains("8.75"), "{path}: {text}");
        assert!(!text.contains("GPS") && !text.contains("47.25"), "{path}: {text}");
    }
    // Withdrawn later, it goes from those that are there.
    let bench = bench.allowed("location = false", "");
    let summary = bench.run(with(&spec())).unwrap();
    assert_eq!(summary.outcomes[&Outcome::Updated], 2);
    assert_eq!(beside(&bench), beside(&withheld));
}

#[test]
fn they_are_published_in_the_batch_of_their_photo() {
    let two = |library: &mut LibraryBuilder| {
        library.asset(titled("Beach"));
        library.asset(photo("b.jpg", 3));
    };
    let (bench, _) = Bench::with(two);
    let flushes = |sidecars: Vec<Sidecar>| {
        let faults = Faults::count();
        let run = Run {
            spec: Spec { sidecars, ..Spec::everything() },
            faults: faults.clone(),
            sizes: Sizes { batch_files: 1 },
            workers: 1,
            ..Run::default()
        };
        Bench::beside(&bench.bundle).run(run).unwrap();
        let synced = |it: &Operation| *it == Operation::Sync;
        faults.operations().into_iter().filter(synced).count()
    };
    assert_eq!(flushes(vec![Sidecar::Xmp, Sidecar::Json]), flushes(Vec::new()));
}

#[test]
fn nothing_lies_beside_what_is_not_there() {
    let (bench, _) = Bench::with(one(photo("a.jpg", 1).in_cloud(Version::Original)));
    let summary = bench.run(with(&spec())).unwrap();
    assert_eq!(summary.outcomes, outcomes([(Outcome::NotLocal, 1)]));
    assert!(bench.names().is_empty());
    // What was exported once and is in the cloud now keeps its sidecars, which go on telling.
    let (bench, _) = Bench::with(one(photo("a.jpg", 1).title("Beach")));
    bench.run(with(&spec())).unwrap();
    bench.rebuild(one(photo("a.jpg", 1).title("Shore").in_cloud(Version::Original)));
    let summary = bench.run(with(&spec())).unwrap();
    assert_eq!(summary.outcomes, outcomes([(Outcome::Kept, 1), (Outcome::Updated, 2)]));
}

#[test]
fn they_can_be_wanted_later_and_not_any_more() {
    let (bench, _) = Bench::with(one(titled("Beach")));
    bench.export();
    let summary = bench.run(with(&spec())).unwrap();
    let expected = outcomes([(Outcome::Unchanged, 2), (Outcome::Copied, 2)]);
    assert_eq!(summary.outcomes, expected);
    assert_eq!(bench.export().outcomes, outcomes([(Outcome::Unchanged, 2)]));
    assert_eq!(beside(&bench).len(), 2);
}

#[test]
fn a_strangers_sidecar_is_a_conflict_of_that_alone() {
    let (bench, _) = Bench::with(one(titled("Beach")));
    fs::create_dir_all(bench.path("2024/05")).unwrap();
    fs::write(bench.path("2024/05/a.xmp"), b"mine").unwrap();
    let summary = bench.run(with(&spec())).unwrap();
    let expected = outcomes([(Outcome::Copied, 3), (Outcome::Conflict, 1)]);
    assert_eq!(summary.outcomes, expected);
    assert_eq!(fs::read(bench.path("2024/05/a.xmp")).unwrap(), b"mine");
}
