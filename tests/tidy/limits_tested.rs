//! Rule: every limit of the wire is named by at least one test.
//!
//! The limits are the public constants of `protocol/src/limits.rs`; a test names one where its name
//! stands in code that is compiled for tests only. That it is tried at the limit, over it and
//! absurdly far is for the reader of that test; that it is tried at all is told here.

use crate::manifest::packages;
use crate::module_tree::tree;
use crate::repository::{Complaint, Repository, assert_says, assert_tidy};
use crate::scrub::{is_name_byte, line_of, test_items, words};

const LIMITS: &str = "protocol/src/limits.rs";

fn check(repository: &Repository) -> Vec<Complaint> {
    let limits = match repository.need(LIMITS, "every number of the wire stands there") {
        Ok(limits) => limits,
        Err(missing) => return vec![missing],
    };
    let tests = test_code(repository);
    let mut complaints = Vec::new();
    let mut found = 0;
    for (at, opening) in limits.code().match_indices("pub const ") {
        let name = limits.code()[at + opening.len()..].trim_start_matches("fn ");
        let length = name.bytes().take_while(|byte| is_name_byte(*byte)).count();
        let name = &name[..length];
        found += 1;
        if !tests.iter().any(|code| words(code, name).next().is_some()) {
            let line = line_of(limits.text(), at);
            complaints.push(Complaint::new(LIMITS, line, format!("no test names `{name}`")));
        }
    }
    if found == 0 {
        complaints.push(Complaint::new(LIMITS, 0, "no `pub const` is found here"));
    }
    complaints
}

/// Returns the code of test programs, of modules for tests, and of the harness.
fn test_code(repository: &Repository) -> Vec<&str> {
    let (reached, _) = tree(repository, &packages(repository).0);
    let mut found = Vec::new();
    for file in repository.rust() {
        let folders = file.path().rsplit('/').skip(1);
        let is_test = folders.into_iter().any(|folder| folder == "tests")
            || reached.get(file.path()).is_some_and(|modules| modules.iter().all(|m| m.test_only));
        if is_test {
            found.push(file.code());
        } else {
            found.extend(test_items(file.code()).into_iter().map(|range| &file.code()[range]));
        }
    }
    found
}

#[test]
fn limits_are_tested() {
    assert_tidy(check);
}

#[test]
fn names_limits_that_no_test_names() {
    let sample = Repository::sample(&[
        (
            LIMITS,
            "pub const MAX_A: usize = 1;\npub const MAX_B: usize = 2;\npub const MAX_C: u8 = 3;\n",
        ),
        ("protocol/src/frame.rs", "f(MAX_B);\n#[cfg(test)]\nmod tests { fn t() { f(MAX_A) } }"),
        ("tests/e2e/wire.rs", "f(MAX_C)"),
    ]);
    assert_says(check(&sample), &["protocol/src/limits.rs:2: no test names `MAX_B`"]);
    assert_says(
        check(&Repository::sample(&[(LIMITS, "")])),
        &["protocol/src/limits.rs: no `pub const` is found here"],
    );
}
