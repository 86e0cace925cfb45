//! Rule: no file is forgotten; each `.rs` is reached from a target by `mod`, `#[path]` or
//! `include!`.
//!
//! A source file outside of every module tree is never compiled; a test file outside never runs,
//! and looks like a test all the same. Manifests that name targets which are not there are told
//! here too.

use crate::manifest::packages;
use crate::module_tree::tree;
use crate::repository::{Complaint, Repository, assert_says, assert_tidy};

fn check(repository: &Repository) -> Vec<Complaint> {
    let (packages, mut complaints) = packages(repository);
    let (reached, dead_ends) = tree(repository, &packages);
    complaints.extend(dead_ends);
    for file in repository.rust().filter(|file| !reached.contains_key(file.path())) {
        let text = "is forgotten: no `mod`, target of a Cargo.toml or `include!` leads to it";
        complaints.push(Complaint::new(file.path(), 0, text));
    }
    complaints
}

#[test]
fn every_rust_file_is_compiled() {
    assert_tidy(check);
}

#[test]
fn names_forgotten_sources_and_tests() {
    let sample = Repository::sample(&[
        ("a/Cargo.toml", "[package]\nname = \"darkslide-a\"\n"),
        ("a/src/lib.rs", "mod known;"),
        ("a/src/known.rs", ""),
        ("a/src/forgotten.rs", "#[test] fn t() {}"),
        ("tests/e2e/undeclared.rs", ""),
    ]);
    assert_says(
        check(&sample),
        &[
            "a/src/forgotten.rs: is forgotten: no `mod`, target of a Cargo.toml or `include!` leads to it",
            "tests/e2e/undeclared.rs: is forgotten: no `mod`, target of a Cargo.toml or `include!` leads to it",
        ],
    );
}
