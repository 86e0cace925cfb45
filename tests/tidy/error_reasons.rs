//! Rule: where the code pairs the name of an error with a reason, the table lists that reason.
//!
//! `WireError::new` holds what runs against the table; this reads what is written, so that a pair
//! is found that no test reaches. A pair is `ErrorName::A, Reason::B`: the arguments of a call, or
//! a tuple. A reason that stands in a variable is the business of `WireError::new` alone.

use darkslide_protocol::error::ErrorName;

use crate::repository::{Complaint, Repository, assert_says, assert_tidy};
use crate::scrub::without_tests;

fn check(repository: &Repository) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let mut found = 0;
    let ours = |path: &str| path.starts_with("daemon/") || path.starts_with("protocol/");
    for file in repository.rust().filter(|file| ours(file.path())) {
        let code = without_tests(file.code());
        for (at, name, reason) in pairs(&code) {
            found += 1;
            let row = ErrorName::ALL.iter().find(|row| format!("{row:?}") == name);
            let listed = row.is_some_and(|row| {
                row.reasons().iter().any(|(listed, _)| format!("{listed:?}") == reason)
            });
            if !listed {
                let line = code[..at].matches('\n').count() + 1;
                let text = format!("{reason} is no reason of {name} in the table of errors");
                complaints.push(Complaint::new(file.path(), line, text));
            }
        }
    }
    if found == 0 {
        complaints.push(Complaint::new("daemon", 0, "pairs no name of an error with a reason"));
    }
    complaints
}

/// Where each pair begins, its name and its reason.
fn pairs(code: &str) -> impl Iterator<Item = (usize, &str, &str)> {
    let is_end = |c: char| !c.is_ascii_alphanumeric();
    code.match_indices("ErrorName::").filter_map(move |(at, begin)| {
        let (name, rest) = code[at + begin.len()..].split_once(',')?;
        let reason = rest.trim_start().strip_prefix("Reason::")?;
        (!name.contains(is_end)).then_some(())?;
        Some((at, name, reason.split(is_end).next()?))
    })
}

#[test]
fn names_go_with_reasons_that_their_row_lists() {
    assert_tidy(check);
}

#[test]
fn finds_pairs_of_calls_and_tuples() {
    let sample = Repository::sample(&[(
        "daemon/src/a.rs",
        "WireError::new(\n    ErrorName::Busy,\n    Reason::Busy,\n);\nf((ErrorName::Limit, \
         Reason::Denied));\n// ErrorName::Busy, Reason::Limit\nErrorName::Busy => 1,\n",
    )]);
    assert_says(
        check(&sample),
        &["daemon/src/a.rs:5: Denied is no reason of Limit in the table of errors"],
    );
    assert_says(
        check(&Repository::sample(&[])),
        &["daemon: pairs no name of an error with a reason"],
    );
}
