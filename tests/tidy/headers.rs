//! Rule: every Rust file begins with a header of three to eight lines of `//!`.
//!
//! Lines with words count, up to the first heading or example: what the file is for, what it alone
//! may do, what it must never do, the hazard that shaped it, where to read next. The entries below
//! are documents in themselves and may be longer, never shorter.

use crate::repository::{Complaint, Repository, assert_says, assert_tidy};

const SHORTEST_LINES: usize = 3;
const LONGEST_LINES: usize = 8;
/// The contract on a page; the guide of a crate that others link.
const DOCUMENTS: [&str; 2] = ["client/src/lib.rs", "protocol/src/lib.rs"];

fn check(repository: &Repository) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in repository.rust() {
        let lines = file
            .text()
            .lines()
            .map_while(|line| line.strip_prefix("//!"))
            .map(str::trim)
            .take_while(|line| !line.starts_with("```") && !line.starts_with('#'))
            .filter(|line| !line.is_empty())
            .count();
        let may_be_long = DOCUMENTS.contains(&file.path());
        if lines < SHORTEST_LINES || lines > LONGEST_LINES && !may_be_long {
            let text = format!(
                "the header has {lines} lines of `//!`; {SHORTEST_LINES} to {LONGEST_LINES} are wanted"
            );
            complaints.push(Complaint::new(file.path(), 1, text));
        }
    }
    complaints
}

#[test]
fn every_file_says_what_it_is_for() {
    assert_tidy(check);
}

#[test]
fn counts_lines_with_words() {
    let sample = Repository::sample(&[
        ("a.rs", "//! One.\n//!\n//! Two.\n//! Three.\n\nfn f() {}"),
        ("b.rs", "//! One.\n//! Two.\n"),
        ("c.rs", "#![forbid(unsafe_code)]\n//! One.\n//! Two.\n//! Three.\n"),
        ("d.rs", "//! x\n".repeat(9).leak()),
        ("e.rs", "//! 1\n//! 2\n//! 3\n//!\n//! ```\n//! a\n//! b\n//! c\n//! d\n//! e\n//! ```\n"),
        ("protocol/src/lib.rs", "//! x\n".repeat(60).leak()),
    ]);
    assert_says(
        check(&sample),
        &[
            "b.rs:1: the header has 2 lines of `//!`; 3 to 8 are wanted",
            "c.rs:1: the header has 0 lines of `//!`; 3 to 8 are wanted",
            "d.rs:1: the header has 9 lines of `//!`; 3 to 8 are wanted",
        ],
    );
}
