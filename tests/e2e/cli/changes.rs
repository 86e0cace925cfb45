//! `darkslide changes` and `watch library`: a token outlives the daemon that gave it, and a watch
//! says that there is something new.
//!
//! Each command has a private daemon of its own; the library is written beside it, as by Photos.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use darkslide_fixture::{
    AssetSpec, BuiltLibrary, Content, LibraryBuilder, Model, Snapshot, rename_later,
};
use darkslide_tests::process::{PATIENCE, Running, run};
use serde_json::{Value, json};

use crate::on_library;

fn library(folder: &std::path::Path) -> BuiltLibrary {
    let mut builder = LibraryBuilder::new(Model::Photos11);
    for seed in 0..3 {
        builder.asset(AssetSpec::photo(format!("IMG_{seed}.JPG"), Content::jpeg(seed)));
    }
    builder.build(&folder.join("L.photoslibrary")).unwrap()
}

#[test]
fn a_token_of_one_daemon_is_understood_by_the_next() {
    let place = tempfile::tempdir().unwrap();
    let library = library(place.path());
    let ask = |words: &[&str]| run(on_library(place.path(), library.path()).args(words));
    let shown = ask(&["changes"]);
    let token = shown.stdout.trim_end().to_owned();
    assert_eq!(ask(&["changes", "--json"]).json()["token"], token);
    let uuid = library.assets()[1].uuid();
    rename_later(&library.database(), Model::Photos11, uuid, "another").unwrap();
    let before = Snapshot::take(library.path()).unwrap();
    let changes = ask(&["changes", "--since", &token, "--json"]).json();
    assert_eq!((&changes["updated"], &changes["more"]), (&json!([uuid]), &json!(false)));
    let shown = ask(&["changes", "--since", &token]);
    assert_eq!((shown.code(), shown.stdout), (0, format!("changed        {uuid}\n")));
    assert!(shown.stderr.contains(changes["next"].as_str().unwrap()), "{}", shown.stderr);
    let stale = ask(&["changes", "--since", "1.0.0.-.0"]);
    assert_eq!(stale.code(), 1, "{}", stale.stderr);
    assert!(stale.stderr.contains("hint: "), "{}", stale.stderr);
    let lines = before.diff(&Snapshot::take(library.path()).unwrap());
    let changed = lines.lines().iter().filter(|line| !line.contains("touched"));
    assert_eq!(changed.count(), 0, "{lines:?}");
}

#[test]
fn a_watch_of_the_library_says_when_there_is_something_new() {
    let place = tempfile::tempdir().unwrap();
    let library = library(place.path());
    let mut watching = on_library(place.path(), library.path());
    watching.args(["watch", "library", "--json"]).stdout(Stdio::piped());
    let mut watcher = Running(watching.spawn().unwrap());
    let mut stdout = BufReader::new(watcher.0.stdout.take().unwrap());
    let mut next = || -> Value {
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    };
    let first = next();
    assert_eq!(first["kind"], "changed");
    let uuid = library.assets()[2].uuid();
    rename_later(&library.database(), Model::Photos11, uuid, "another").unwrap();
    let second = next();
    assert_eq!(second["data"]["token"], first["data"]["token"], "the place before the change");
    watcher.signal(rustix::process::Signal::INT);
    assert_eq!(watcher.wait(PATIENCE).code(), Some(130));
}
