//! The policy file: who may have written it, and what a mistake in it says.
//!
//! A start that is refused ends with the status for a wrong configuration, names the file or the
//! line, and leaves nobody serving.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use darkslide_fixture::Snapshot;
use darkslide_tests::process::run;
use darkslide_tests::service::Place;

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
    place.write_policy(&policy.replace("hidden = true", "location = true"));
    refused(&place, "line 4, column 12: the key `location` is not supported yet");
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

#[test]
fn the_file_that_was_named_must_be_there() {
    let (place, _) = place();
    let ended = run(&mut place.command(DARKSLIDED));
    assert_eq!(ended.code(), 69, "{}", ended.stderr);
    assert!(ended.stderr.contains("cannot read"), "{}", ended.stderr);
}
