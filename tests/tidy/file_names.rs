//! Rule: names of files and modules say the content, in small letters and underscores.
//!
//! A file called after its kind collects what nobody wants to place, and grows. So such names are
//! refused, for files, for folders of Rust code, and for modules inside of a file.

use crate::module_tree::inline_modules;
use crate::repository::{Complaint, Repository, assert_says, assert_tidy};

const SAYS_NOTHING: [&str; 9] =
    ["common", "helper", "helpers", "misc", "shared_types", "stuff", "types", "util", "utils"];

fn check(repository: &Repository) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in repository.rust() {
        let path = file.path();
        for name in path.trim_end_matches(".rs").split('/') {
            if SAYS_NOTHING.contains(&name) {
                let text = format!("`{name}` does not say the content");
                complaints.push(Complaint::new(path, 0, text));
            }
        }
        let stem = path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
        if !stem.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
            let text = format!("`{stem}` is not in small letters and underscores");
            complaints.push(Complaint::new(path, 0, text));
        }
        for inline in inline_modules(file.code()) {
            if SAYS_NOTHING.contains(&inline.name.as_str()) {
                let text = format!("module `{}` does not say the content", inline.name);
                let line = crate::scrub::line_of(file.text(), inline.body.start);
                complaints.push(Complaint::new(path, line, text));
            }
        }
    }
    complaints
}

#[test]
fn names_say_the_content() {
    assert_tidy(check);
}

#[test]
fn refuses_names_that_say_nothing() {
    let sample = Repository::sample(&[
        ("a/src/utils.rs", ""),
        ("a/src/common/one.rs", ""),
        ("a/src/openRpc.rs", ""),
        ("a/src/name.rs", "fn f() {}\nmod misc { }"),
        ("docs/types.md", ""),
    ]);
    assert_says(
        check(&sample),
        &[
            "a/src/common/one.rs: `common` does not say the content",
            "a/src/name.rs:2: module `misc` does not say the content",
            "a/src/openRpc.rs: `openRpc` is not in small letters and underscores",
            "a/src/utils.rs: `utils` does not say the content",
        ],
    );
}
