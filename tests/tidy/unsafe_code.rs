//! Rule: every crate forbids `unsafe` in its first line after the header, except two that are
//! named.
//!
//! The two are the crate of foreign calls, and the test program that makes the calls which
//! confinement must stop. `forbid` cannot be lifted further down, as `deny` can; the roots of test
//! programs say it too. The word itself is looked for as well, so that a file which no crate
//! compiles does not slip through.

use crate::manifest::packages;
use crate::repository::{Complaint, Repository, assert_says, assert_tidy, folder_of};
use crate::scrub::{line_of, words};

const FOREIGN_CALLS: &str = "daemon/sys/";
const FORBIDDEN_CALLS_PROGRAM: &str = "misbehave";
const FORBID: &str = "#![forbid(unsafe_code)]";

fn check(repository: &Repository) -> Vec<Complaint> {
    let roots: Vec<String> =
        packages(repository).0.into_iter().flat_map(|package| package.roots).collect();
    let mut complaints = Vec::new();
    for file in repository.rust().filter(|file| !may_be_unsafe(file.path())) {
        for at in words(file.code(), "unsafe") {
            let line = line_of(file.text(), at);
            complaints.push(Complaint::new(file.path(), line, "`unsafe` outside of its crate"));
        }
        let first = file.code().lines().map(str::trim).find(|line| !line.is_empty());
        if roots.iter().any(|root| root == file.path()) && first != Some(FORBID) {
            let text = format!("the root of a crate begins with `{FORBID}` after its header");
            complaints.push(Complaint::new(file.path(), 0, text));
        }
    }
    complaints
}

fn may_be_unsafe(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
    let folder = folder_of(path).rsplit('/').next().unwrap_or_default();
    path.starts_with(FOREIGN_CALLS)
        || path.starts_with("tests/") && [name, folder].contains(&FORBIDDEN_CALLS_PROGRAM)
}

#[test]
fn only_two_places_may_be_unsafe() {
    assert_tidy(check);
}

#[test]
fn names_roots_that_do_not_forbid_and_the_word_elsewhere() {
    let sample = Repository::sample(&[
        ("a/Cargo.toml", "[package]\nname = \"darkslide-a\"\n"),
        ("a/src/lib.rs", "//! Header.\n\n#![forbid(unsafe_code)]\n// unsafe is a word\n"),
        ("a/src/main.rs", "//! Header.\n\nuse x;\n#![forbid(unsafe_code)]\n"),
        ("a/src/part.rs", "fn f() {\n    unsafe { g() }\n}"),
        ("daemon/sys/Cargo.toml", "[package]\nname = \"darkslide-sys\"\n"),
        ("daemon/sys/src/lib.rs", "unsafe fn f() {}"),
        ("tests/confine/misbehave.rs", "unsafe fn f() {}"),
    ]);
    assert_says(
        check(&sample),
        &[
            "a/src/main.rs: the root of a crate begins with `#![forbid(unsafe_code)]` after its header",
            "a/src/part.rs:2: `unsafe` outside of its crate",
        ],
    );
}
