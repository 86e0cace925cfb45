//! The README's first command, as the one who built it and as an ordinary user.
//!
//! It must show an export, what the kernel enforces, and three refusals with the kernel's own
//! answers; and leave nothing behind.

use std::os::unix::process::CommandExt;
use std::path::Path;

use darkslide_tests::process::{Ended, run};

use crate::darkslide;

fn shows_everything(ended: &Ended) {
    assert_eq!(ended.code(), 0, "{}\n{}", ended.stdout, ended.stderr);
    for part in [
        "IMG_0102.JPG",
        "not on this disk",
        "Landlock",
        "seccomp",
        "enforced",
        "DENIED",
        "EACCES",
        "SIGSYS",
    ] {
        assert!(ended.stdout.contains(part), "{part} in:\n{}", ended.stdout);
    }
}

#[test]
fn it_shows_the_main_path_and_three_refusals_and_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let ended = run(darkslide(place.path()).env("TMPDIR", place.path()).arg("demo"));
    shows_everything(&ended);
    let left: Vec<_> = std::fs::read_dir(place.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn it_works_as_an_ordinary_user() {
    if !rustix::process::getuid().is_root() {
        return; // The test above was by an ordinary user.
    }
    let place = tempfile::tempdir().unwrap();
    let user = 12_345;
    std::os::unix::fs::chown(place.path(), Some(user), Some(user)).unwrap();
    // The program may lie where that user cannot go: a copy does not.
    let program = place.path().join("darkslide");
    std::fs::copy(crate::DARKSLIDE, &program).unwrap();
    let mut command = darkslide_tests::process::command(Path::new(&program), place.path());
    command.uid(user).gid(user).current_dir(place.path());
    shows_everything(&run(command.env("TMPDIR", place.path()).arg("demo")));
}
