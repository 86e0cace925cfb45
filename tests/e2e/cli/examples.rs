//! The examples of the client crate, as a reader would run them, against a real daemon.
//!
//! `cargo test --workspace` builds them beside the programs. What they print is what a reader is
//! promised. The gateway for HTTP has tests of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use darkslide_fixture::{AlbumSpec, AssetSpec, Content, LibraryBuilder, Model, Version};
use darkslide_tests::process::{beside, command, run};
use darkslide_tests::service::{Place, Service};

use crate::DARKSLIDE;

pub(crate) fn serve() -> (Place, Service) {
    let place = Place::new();
    let mut builder = LibraryBuilder::new(Model::Photos11);
    let mut members: Vec<_> = (0..3)
        .map(|n| builder.asset(AssetSpec::photo(format!("IMG_{n}.JPG"), Content::jpeg(n))))
        .collect();
    let away = AssetSpec::photo("away.jpg", Content::jpeg(9)).in_cloud(Version::Original);
    members.push(builder.asset(away));
    builder.album(AlbumSpec::new("Summer").members(members));
    let library = builder.build(&place.path().join("L.photoslibrary")).unwrap();
    let daemon = beside(DARKSLIDE, "darkslided").display().to_string();
    let service = place.start(&daemon, &Place::policy(library.path()));
    (place, service)
}

pub(crate) fn example(place: &Place, name: &str) -> Command {
    let path: PathBuf = beside(DARKSLIDE, &format!("examples/{name}"));
    let mut example = command(Path::new(&path), &place.home());
    example.env("DARKSLIDE_SOCKET", place.socket());
    example
}

#[test]
fn albums_are_listed_with_their_counts() {
    let (place, _service) = serve();
    let told = run(&mut example(&place, "albums"));
    assert_eq!((told.code(), told.stdout.trim()), (0, "4  Summer"), "{}", told.stderr);
}

#[test]
fn an_album_is_exported_and_what_is_away_is_named() {
    let (place, _service) = serve();
    let to = place.exports().join("summer");
    let told = run(example(&place, "export").args(["main", "Summer"]).arg(&to));
    assert_eq!(told.code(), 0, "{}", told.stderr);
    assert!(
        told.stdout.contains("Copied: 3") && told.stdout.contains("away.jpg"),
        "{}",
        told.stdout
    );
    assert!(to.join(".darkslide").exists());
}

#[test]
fn thumbnails_and_originals_are_files_to_read() {
    let (place, _service) = serve();
    let told = run(&mut example(&place, "thumbnails"));
    assert_eq!(told.code(), 0, "{}", told.stderr);
    let originals = told.stdout.lines().filter(|line| line.starts_with("  original: "));
    assert_eq!(originals.count(), 3, "{}", told.stdout);
    assert!(told.stdout.contains("IMG_0.JPG 64x48, "), "{}", told.stdout);
    assert!(told.stdout.contains("away.jpg: "), "{}", told.stdout);
}

#[test]
fn a_program_without_a_runtime_reads_exports_and_hears_the_end() {
    let (place, _service) = serve();
    let to = place.exports().join("all");
    let told = run(example(&place, "blocking").arg("main").arg(&to));
    assert_eq!(told.code(), 0, "{}", told.stderr);
    let lines: Vec<&str> = told.stdout.lines().collect();
    assert!(lines.first().is_some_and(|years| years.contains(": 4}")), "{}", told.stdout);
    assert_eq!(lines.iter().filter(|line| **line == "finished").count(), 1, "{}", told.stdout);
    assert_eq!(lines.last(), Some(&"{Copied: 3, NotLocal: 1}"), "{}", told.stdout);
}
