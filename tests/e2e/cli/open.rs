//! `darkslide open` and `thumbnail`: the very bytes of a file, where they were asked for and
//! nowhere else.
//!
//! By a private daemon and by the running one: both hand over descriptors. What fails leaves no
//! file.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use darkslide_fixture::{
    AssetSpec, BuiltLibrary, Content, LibraryBuilder, Model, Snapshot, Version,
};
use darkslide_tests::process::{Ended, beside, run};
use darkslide_tests::service::Place;
use serde_json::json;

use crate::{darkslide, on_library};

fn library(place: &Place) -> BuiltLibrary {
    let mut builder = LibraryBuilder::new(Model::Photos11);
    let photo = AssetSpec::photo("IMG_1.JPG", Content::jpeg(1)).edited(Content::jpeg(2));
    builder.asset(photo.preview(Content::jpeg(3)));
    builder.asset(AssetSpec::photo("cloud.jpg", Content::jpeg(4)).in_cloud(Version::Original));
    builder.build(&place.path().join("L.photoslibrary")).unwrap()
}

fn content(library: &BuiltLibrary, version: Version) -> Vec<u8> {
    let path = library.assets()[0].file(version).unwrap().path().unwrap();
    fs::read(library.path().join(path)).unwrap()
}

fn private(place: &Place, library: &BuiltLibrary, words: &[&str]) -> Command {
    let mut command = on_library(&place.home(), library.path());
    command.args(words);
    command
}

fn raw(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn failed(command: &mut Command, code: i32, says: &str) -> Ended {
    let ended = run(command);
    assert_eq!(ended.code(), code, "{}", ended.stderr);
    assert!(ended.stderr.contains(says) && ended.stdout.is_empty(), "{}", ended.stderr);
    ended
}

#[test]
fn the_bytes_of_a_version_come_out_by_either_daemon() {
    let place = Place::new();
    let library = library(&place);
    let before = Snapshot::take(library.path()).unwrap();
    let uuid = library.assets()[0].uuid();
    let service = place.start(
        beside(crate::DARKSLIDE, "darkslided").to_str().unwrap(),
        &Place::policy(library.path()),
    );
    let running = |words: &[&str]| {
        let mut command = darkslide(&place.home());
        command.env("DARKSLIDE_SOCKET", &service.socket).args(words);
        command
    };
    for (words, version) in [
        (&["open", uuid][..], Version::Original),
        (&["open", uuid, "--version", "edited"], Version::Edited),
        (&["open", uuid, "--version", "preview"], Version::Preview),
        (&["thumbnail", uuid, "--pixels", "1"], Version::Preview),
    ] {
        let expected = content(&library, version);
        assert_eq!(raw(&mut private(&place, &library, words)).stdout, expected, "{words:?}");
        assert_eq!(raw(&mut running(words)).stdout, expected, "{words:?}");
    }
    assert!(before.diff(&Snapshot::take(library.path()).unwrap()).is_empty());
}

#[test]
fn a_file_is_made_new_and_json_tells_what_it_is() {
    let place = Place::new();
    let library = library(&place);
    let uuid = library.assets()[0].uuid();
    // Whoever only calls is told of the file, and lets it go.
    let params = json!({"library": "library", "uuid": uuid, "version": "edited"}).to_string();
    let called = run(&mut private(&place, &library, &["call", "resource.open", &params]));
    assert_eq!(called.json()["name"], "IMG_1.jpeg", "{}", called.stderr);
    let to: PathBuf = place.home().join("photo.jpg");
    let name = to.to_str().unwrap();
    let expected = content(&library, Version::Edited);
    let told = json!({"version": "edited", "size": expected.len(), "name": "IMG_1.jpeg",
        "uti": "public.jpeg"});
    let words = ["open", uuid, "--version", "edited", "--json"];
    assert_eq!(run(&mut private(&place, &library, &words)).json(), told, "and no bytes");
    let words = [&words[..], &["--output", name]].concat();
    assert_eq!(run(&mut private(&place, &library, &words)).json(), told);
    assert_eq!(fs::read(&to).unwrap(), expected);
    failed(&mut private(&place, &library, &words), 1, "already");
    failed(&mut private(&place, &library, &["open", uuid, "--output", name]), 1, "already");
    assert_eq!(fs::read(&to).unwrap(), expected, "it stays as it was");
    let image = place.home().join("image.jpg");
    let words = ["thumbnail", uuid, "--output", image.to_str().unwrap()];
    let shown = run(&mut private(&place, &library, &words));
    assert!(shown.stdout.contains("64 by 48 pixels"), "{}{}", shown.stdout, shown.stderr);
    assert!(image.exists());
}

#[test]
fn what_cannot_be_opened_is_told_and_leaves_no_file() {
    let place = Place::new();
    let library = library(&place);
    let (uuid, cloud) = (library.assets()[0].uuid(), library.assets()[1].uuid());
    let to = place.home().join("photo.jpg");
    let to = to.to_str().unwrap();
    let open = |words: &[&str]| private(&place, &library, &[words, &["--output", to]].concat());
    failed(&mut open(&["open", cloud]), 1, "not on this disk");
    failed(&mut open(&["thumbnail", cloud]), 1, "not on this disk");
    failed(&mut open(&["open", uuid, "--version", "raw"]), 6, "no such version");
    failed(&mut open(&["open", "FFFFFFFF-0000-4000-8000-000000000000"]), 6, "no such asset");
    failed(&mut open(&["open", "../etc/passwd"]), 2, "no UUID");
    assert!(!std::path::Path::new(to).exists());
    let inside = library.path().join("originals/photo.jpg");
    let words = ["open", uuid, "--output", inside.to_str().unwrap()];
    failed(&mut private(&place, &library, &words), 1, "lies in the library");
    let nowhere = place.home().join("none/photo.jpg");
    let words = ["open", uuid, "--output", nowhere.to_str().unwrap()];
    failed(&mut private(&place, &library, &words), 1, "cannot find the folder");
}
