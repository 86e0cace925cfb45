//! What tests need that not every machine has: the real libraries beside the workspace, and
//! patience.
//!
//! A test that cannot run says so by [`skip`] and returns; it never passes in silence. `.ci/run`
//! turns every skip into a failure. Of the standard library only, and in one file: a crate that
//! cannot depend on this package (it would be its own dependency) takes the file in by `#[path]`,
//! as `docs/testing.md` shows.

#![allow(dead_code, unreachable_pub, reason = "taken in by #[path], each user has its part")]
#![allow(clippy::disallowed_methods, clippy::panic, reason = "the harness of tests")]

use std::io::Write;
use std::path::{Path, PathBuf};

/// Returns the folder `shared` beside the workspace, where it is there.
///
/// It holds the real libraries and what must come out of them; a plain clone does not have it.
pub fn shared_folder() -> Option<PathBuf> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = package.ancestors().find(|folder| folder.join("Cargo.lock").is_file())?;
    let shared = workspace.parent()?.join("shared");
    shared.join("libraries").is_dir().then_some(shared)
}

/// Says on stderr that this test did not run, and why; the test then returns.
///
/// # Panics
///
/// Where `DARKSLIDE_NO_SKIP` is set, as `.ci/run` does: there a skip is a failure.
pub fn skip(why: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    assert!(std::env::var_os("DARKSLIDE_NO_SKIP").is_none(), "skipped: {test}: {why}");
    // Not `eprintln`: the test runner would keep that to itself for a test that passes. The line
    // break in front: with one test thread, the name of the test stands on the line already.
    let line = format!("\nskipped: {test}: {why}\n");
    // Nobody is told that stderr is closed: there is nobody left to tell.
    drop(std::io::stderr().write_all(line.as_bytes()));
}

/// Tells whether the slower suites are wanted; a test in a module `slow` returns at once if not.
pub fn slow_wanted() -> bool {
    std::env::var_os("DARKSLIDE_SLOW").is_some_and(|value| value == "1")
}
