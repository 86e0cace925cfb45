//! Another shape for a destination: all that is there gets the new names, by renames.
//!
//! From dates to albums and back the files are the same; what somebody changed, or put into a
//! folder of ours, stays where it is.

use std::collections::BTreeMap;
use std::fs;

use darkslide_export::{ExportErrorKind, Layout, Outcome, Shape, Spec};
use darkslide_fixture::{AlbumSpec, AssetSpec, Content, LibraryBuilder};
use darkslide_protocol::filter::Filter;

use crate::exporting::{Bench, Run};

fn photo(name: &str, seed: u32) -> AssetSpec {
    AssetSpec::photo(name, Content::jpeg(seed).padded(500)).taken_on(2024, 5, 3)
}

/// Two in an album, one of them edited, and one in none.
fn library(library: &mut LibraryBuilder) {
    let a = library.asset(photo("a.jpg", 1).edited(Content::jpeg(11)));
    let b = library.asset(photo("b.jpg", 2));
    library.asset(photo("c.jpg", 3));
    library.album(AlbumSpec::new("Summer").members([a, b]));
}

fn spec(layout: Layout, filter: Filter, reshape: bool) -> Spec {
    Spec { shape: Shape::new(layout, true), filter, reshape, ..Spec::everything() }
}

fn summer() -> Filter {
    Filter::Album("Summer".to_owned())
}

fn contents(tree: &BTreeMap<String, Vec<u8>>) -> Vec<&Vec<u8>> {
    let mut contents: Vec<_> = tree.values().collect();
    contents.sort();
    contents
}

#[test]
fn another_shape_renames_what_was_selected_and_what_was_not_and_copies_nothing() {
    let (bench, _) = Bench::with(library);
    bench.export();
    let before = bench.tree();
    assert_eq!(bench.names().len(), 4);
    let asked = spec(Layout::Flat, summer(), false);
    let refused = bench.run(Run { spec: asked, ..Run::default() }).unwrap_err();
    assert_eq!(refused.kind(), ExportErrorKind::OtherShape);
    let asked = spec(Layout::Flat, summer(), true);
    let summary = bench.run(Run { spec: asked, ..Run::default() }).unwrap();
    assert_eq!(summary.outcomes, BTreeMap::from([(Outcome::Renamed, 3)]));
    assert_eq!(bench.names(), ["a.jpg", "a_edited.jpg", "b.jpg", "c.jpg"]);
    assert_eq!(contents(&before), contents(&bench.tree()));
    assert!(!bench.root.join("2024").exists(), "no empty folder of ours stays");
    // From now on that is its shape, and nothing is left to do.
    let asked = spec(Layout::Flat, Filter::everything(), false);
    let summary = bench.run(Run { spec: asked, ..Run::default() }).unwrap();
    assert_eq!(summary.outcomes, BTreeMap::from([(Outcome::Unchanged, 4)]));
}

#[test]
fn to_albums_and_back_the_files_are_the_same() {
    let (bench, _) = Bench::with(library);
    bench.export();
    let before = bench.tree();
    let asked = spec(Layout::Album, summer(), true);
    let summary = bench.run(Run { spec: asked, ..Run::default() }).unwrap();
    assert_eq!((summary.files, summary.outcomes[&Outcome::Renamed]), (0, 3));
    let names = ["Summer/a.jpg", "Summer/a_edited.jpg", "Summer/b.jpg", "_/2024/05/c.jpg"];
    assert_eq!(bench.names(), names);
    let asked = spec(Layout::Date, Filter::everything(), true);
    let summary = bench.run(Run { spec: asked, ..Run::default() }).unwrap();
    assert_eq!((summary.files, summary.outcomes[&Outcome::Renamed]), (0, 4));
    assert_eq!(bench.tree(), before);
    assert!(!bench.root.join("Summer").exists() && !bench.root.join("_").exists());
}

#[test]
fn what_somebody_put_into_a_folder_of_ours_keeps_it() {
    let (bench, _) = Bench::with(library);
    bench.export();
    fs::write(bench.root.join("2024/05/notes.txt"), "theirs").unwrap();
    let asked = spec(Layout::Flat, Filter::everything(), true);
    bench.run(Run { spec: asked, ..Run::default() }).unwrap();
    let names = ["2024/05/notes.txt", "a.jpg", "a_edited.jpg", "b.jpg", "c.jpg"];
    assert_eq!(bench.names(), names);
}

#[test]
fn what_somebody_changed_keeps_its_name() {
    let (bench, _) = Bench::with(library);
    bench.export();
    fs::write(bench.root.join("2024/05/c.jpg"), "theirs").unwrap();
    bench.run(Run { spec: spec(Layout::Flat, summer(), true), ..Run::default() }).unwrap();
    assert_eq!(bench.names(), ["2024/05/c.jpg", "a.jpg", "a_edited.jpg", "b.jpg"]);
}
