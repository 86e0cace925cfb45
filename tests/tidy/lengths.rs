//! Rule: a Rust file has at most 800 lines, and a line at most 100 characters.
//!
//! Past 800 lines there are two ideas in one file; a flat table may be longer and wider when it
//! stands in the list below. The formatter wraps code, but neither comments nor strings: comments
//! are held here; what a string holds and a line with an address are left alone.

use crate::repository::{Complaint, Repository, assert_says, assert_tidy};
use crate::scrub::without_strings;

const MAX_FILE_LINES: usize = 800;
const MAX_LINE_CHARS: usize = 100;

/// Flat tables, by path: one row after the other, no logic.
const FLAT_TABLES: [&str; 1] = ["tests/confine/misbehave/attempts.rs"];

fn check(repository: &Repository) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in repository.rust().filter(|file| !FLAT_TABLES.contains(&file.path())) {
        let count = file.lines().count();
        if count > MAX_FILE_LINES {
            let text = format!("has {count} lines; past {MAX_FILE_LINES} look for two ideas in it");
            complaints.push(Complaint::new(file.path(), 0, text));
        }
        if file.text().lines().all(|line| line.chars().count() <= MAX_LINE_CHARS) {
            continue;
        }
        let bare = without_strings(file.text());
        for ((number, line), bare) in file.lines().zip(bare.lines()) {
            let in_strings = line.bytes().zip(bare.bytes()).filter(|(a, b)| a != b).count();
            let chars = line.chars().count();
            if chars > MAX_LINE_CHARS + in_strings && !line.contains("://") {
                let text = format!("has {chars} characters; {MAX_LINE_CHARS} are the most");
                complaints.push(Complaint::new(file.path(), number, text));
            }
        }
    }
    complaints
}

#[test]
fn files_and_lines_are_short_enough_to_be_read() {
    assert_tidy(check);
}

#[test]
fn measures_files_at_the_limit_and_over() {
    let sample = Repository::sample(&[
        ("a.rs", "x\n".repeat(800).leak()),
        ("b.rs", "x\n".repeat(801).leak()),
        ("c.md", "x\n".repeat(900).leak()),
    ]);
    assert_says(check(&sample), &["b.rs: has 801 lines; past 800 look for two ideas in it"]);
}

#[test]
fn measures_lines_without_their_strings() {
    let long = "y".repeat(100);
    let text = format!(
        "// {long}\nlet a = \"{long}\";\n// https://{long}\n{long}\n{long}z\n{}\n",
        "ü".repeat(100)
    );
    let sample = Repository::sample(&[("a.rs", &text)]);
    assert_says(
        check(&sample),
        &[
            "a.rs:1: has 103 characters; 100 are the most",
            "a.rs:5: has 101 characters; 100 are the most",
        ],
    );
}
