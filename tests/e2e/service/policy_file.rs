//! The policy file: who may have written it, and what a mistake in it says.
//!
//! A start that is refused ends with the status for a wrong configuration, names the file or the
//! line, and leaves nobody serving.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use darkslide_fixture::Snapshot;
use darkslide_tests::process::run;
use darkslide_tests::service::Place;
use serde_json::json;

use crate::{DARKSLIDED, small_library};

#[track_caller]
fn refused(place: &Place, says: &str) {
    let ended = run(&mut place.command(DARKSLIDED));
    assert_eq!(ended.code(), 78, "{}", ended.stderr);
    assert!(ended.stderr.contains(says), "{}", ended.stderr);
    assert!(ended.stderr.contains("hint: "), "{}", ended.stderr);
    assert!(std::os::unix::net::UnixStream::connect(place.socket()).is_err(), "nobody serves");
}

fn place() -> (Place, String) {
    let place = Place::new();
    let library = small_library(place.path());
    let policy = Place::policy(library.path());
    (place, policy)
}

#[test]
fn a_file_that_others_can_write_is_refused() {
    for mode in [0o620, 0o602, 0o666] {
        let (place, policy) = place();
        let path = place.write_policy(&policy);
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        refused(&place, "can be written by others");
    }
}

#[test]
fn a_folder_above_it_that_others_can_write_is_refused() {
    let (place, policy) = place();
    place.write_policy(&policy);
    fs::set_permissions(place.path(), Permissions::from_mode(0o777)).unwrap();
    refused(&place, "can be written by others");
}

#[test]
fn a_link_and_a_pipe_and_a_folder_are_refused_without_a_hang() {
    let (place, policy) = place();
    let path = place.write_policy(&policy);
    fs::rename(&path, path.with_extension("moved")).unwrap();
    symlink("policy.moved", &path).unwrap();
    refused(&place, "is a link");
    fs::remove_file(&path).unwrap();
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    refused(&place, "is not a regular file");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    refused(&place, "is not a regular file");
}

#[test]
fn a_typing_mistake_is_refused_with_line_and_column() {
    let (place, policy) = place();
    place.write_policy(&policy.replace("hidden = true", "hiden = true"));
    refused(&place, "line 4, column 1: unknown field `hiden`");
    place.write_policy(&policy.replace("hidden = true", "location = \"no\""));
    refused(&place, "line 4, column 12: invalid type");
    place.write_policy(
        &policy.replace("path = \"~/Exports\"", "path = \"~/E\"\nmax_bytes = \"1 G\""),
    );
    refused(&place, "line 8, column 13: \"1 G\" is no size: it has a unit that is none");
    place.write_policy(&format!("{policy}albums = []\n"));
    refused(&place, "line 14, column 10: the list of albums is empty");
    place.write_policy("");
    refused(&place, "version");
}

#[test]
fn a_root_that_holds_the_library_by_way_of_a_link_is_refused() {
    let (place, _) = place();
    let library = place.path().join("Small.photoslibrary");
    symlink(place.path(), place.home().join("way")).unwrap();
    place.write_policy(&Place::policy(&library).replace("~/Exports", "~/way"));
    refused(&place, "lie in one another");
}

#[test]
fn a_root_to_be_made_in_the_library_by_way_of_a_link_is_refused_and_not_made() {
    let (place, policy) = place();
    symlink(place.path().join("Small.photoslibrary"), place.path().join("way")).unwrap();
    let before = Snapshot::take(&place.path().join("Small.photoslibrary")).unwrap();
    let root = place.path().join("way/new").display().to_string();
    place.write_policy(&policy.replace("\"~/Exports\"", &format!("{root:?}")));
    refused(&place, "lie in one another");
    let after = Snapshot::take(&place.path().join("Small.photoslibrary")).unwrap();
    assert!(before.diff(&after).is_empty(), "{}", before.diff(&after));
}

/// The policy with these folders for referenced originals.
fn with_referenced(policy: &str, folders: &[PathBuf]) -> String {
    let key = format!("hidden = true\nreferenced = {folders:?}");
    policy.replace("hidden = true", &key)
}

#[test]
fn a_referenced_folder_that_holds_library_or_home_or_socket_by_way_of_a_link_is_refused() {
    let (place, policy) = place();
    for kept in ["", "Small.photoslibrary/originals", "home", "run/darkslide"] {
        let way = place.path().join("way");
        symlink(place.path().join(kept), &way).unwrap();
        place.write_policy(&with_referenced(&policy, std::slice::from_ref(&way)));
        refused(&place, "lie in one another");
        fs::remove_file(way).unwrap();
    }
}

#[test]
fn a_root_in_a_referenced_folder_by_way_of_a_link_is_refused_and_not_made() {
    let (place, policy) = place();
    let raw = place.path().join("Raw");
    fs::create_dir(&raw).unwrap();
    symlink(&raw, place.home().join("way")).unwrap();
    for root in ["~/way", "~/way/new"] {
        let policy = with_referenced(&policy, std::slice::from_ref(&raw));
        place.write_policy(&policy.replace("~/Exports", root));
        refused(&place, "lie in one another");
        assert!(!raw.join("new").exists());
    }
}

#[test]
fn a_referenced_folder_that_is_not_there_is_told_and_does_not_stop_the_start() {
    let (place, policy) = place();
    let (raw, absent) = (place.path().join("Raw"), place.path().join("Absent"));
    fs::create_dir(&raw).unwrap();
    let policy = with_referenced(&policy, &[raw.clone(), absent.clone()]);
    let service = place.start(DARKSLIDED, &policy);
    let mut peer = service.peer();
    let health = peer.result("health", &json!({}));
    assert_eq!(
        health["detail"]["referenced"],
        json!([{"name": raw, "state": "ready"}, {"name": absent, "state": "absent"}])
    );
    assert_eq!(health["detail"]["libraries"][0]["state"], "ready");
    let log = service.log();
    assert!(log.contains("a folder of referenced originals is unusable"), "{log}");
    let shown = peer.result("policy.show", &json!({}));
    assert_eq!(shown["libraries"][0]["referenced"], json!([raw, absent]));
}

#[test]
fn a_narrowed_peer_is_told_of_no_referenced_folder_and_of_its_albums() {
    let (place, policy) = place();
    let policy = with_referenced(&policy, &[place.path().join("Raw")]);
    let narrowed = "referenced = false\nlocation = false\nalbums = [\"Summer\"]\n";
    let service = place.start(DARKSLIDED, &format!("{policy}{narrowed}"));
    let mut peer = service.peer();
    assert_eq!(peer.result("health", &json!({}))["detail"].get("referenced"), None);
    let shown = peer.result("policy.show", &json!({}));
    assert_eq!(
        shown["libraries"][0],
        json!({"name": "main", "hidden": true, "trashed": true, "location": false,
            "albums": ["Summer"]})
    );
}

#[test]
fn the_file_that_was_named_must_be_there() {
    let (place, _) = place();
    let ended = run(&mut place.command(DARKSLIDED));
    assert_eq!(ended.code(), 69, "{}", ended.stderr);
    assert!(ended.stderr.contains("cannot read"), "{}", ended.stderr);
}
