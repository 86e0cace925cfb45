//! Rule: words that have no place in what is committed: things left for later, and paths of one
//! machine.
//!
//! All text files are looked at, comments included. Here the words are put together from parts, so
//! that this file does not complain of itself. A path of a machine is one below the folders that a
//! build machine works in, or the place of this very checkout.

use crate::repository::{Complaint, Repository, assert_says, assert_tidy};
use crate::scrub::is_name_byte;

/// A word, and whether letters may follow or go before.
const WORDS: [(&str, bool); 6] = [
    (concat!("TO", "DO"), false),
    (concat!("FIX", "ME"), false),
    (concat!("XX", "X"), false),
    (concat!("to", "do!("), false),
    (concat!("unimple", "mented!("), false),
    (concat!("#[ig", "nore"), true),
];

/// Folders that only one machine has; what goes before must not be a part of a path.
const FOLDERS: [&str; 2] = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];

fn check(repository: &Repository) -> Vec<Complaint> {
    let here = format!("{}/", Repository::root().display());
    let mut complaints = Vec::new();
    for file in repository.files().filter(|file| file.path() != "Cargo.lock") {
        for (number, line) in file.lines() {
            let mut say = |text: String| complaints.push(Complaint::new(file.path(), number, text));
            for (word, _) in WORDS.iter().filter(|(word, part)| holds(line, word, *part)) {
                say(format!("`{word}`: do it, or file it, but do not leave it here"));
            }
            let machine = FOLDERS.iter().any(|folder| begins_a_path(line, folder));
            if machine || line.contains(&here) {
                say("a path of one machine".to_owned());
            }
        }
    }
    complaints
}

fn holds(line: &str, word: &str, part_of_a_word: bool) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let bytes = line.as_bytes();
        let touches = |at: Option<usize>| {
            at.and_then(|at| bytes.get(at)).is_some_and(|byte| is_name_byte(*byte))
        };
        let opens_a_call = word.ends_with('(');
        part_of_a_word
            || !touches(at.checked_sub(1)) && (opens_a_call || !touches(Some(at + word.len())))
    })
}

fn begins_a_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !(c.is_alphanumeric() || "._~-}*/".contains(c)))
    })
}

#[test]
fn nothing_is_left_for_later() {
    assert_tidy(check);
}

#[test]
fn names_words_as_words() {
    let text = [
        concat!("// TO", "DO: later"),
        concat!("METO", "DOS and XX", "XX are other words"),
        concat!("fn f() { unimple", "mented!() }"),
        concat!("#[ig", "nore = \"slow\"]"),
        concat!("cd \"/wo", "rk/main\""),
        concat!("a/frame/wo", "rk/b, ${x}/ro", "ot/y and ~/ro", "ot/z"),
    ]
    .join("\n");
    let sample = Repository::sample(&[("a.rs", &text), ("Cargo.lock", &text)]);
    assert_says(
        check(&sample),
        &[
            concat!("a.rs:1: `TO", "DO`: do it, or file it, but do not leave it here"),
            concat!("a.rs:3: `unimple", "mented!(`: do it, or file it, but do not leave it here"),
            concat!("a.rs:4: `#[ig", "nore`: do it, or file it, but do not leave it here"),
            "a.rs:5: a path of one machine",
        ],
    );
}
