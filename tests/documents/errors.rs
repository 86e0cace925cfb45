//! `docs/errors.md`, made from the table of errors: codes, classes, when to try again, reasons.
//!
//! Only the words around the tables stand here, and no name, number or word that a program could
//! rely on: those come from the types.

use std::fmt::Write as _;

use darkslide_protocol::error::{Class, ErrorName, Retry};

const HEAD: &str = "\
# Errors

What `error` of a response holds: `code`, `message` (a sentence for a person, which may change) and `data`: `name` (the
contract), `reason` (closer), `hint` (what to do), `class` (whose turn it is), and where it helps `candidates`, `limit`,
`incident`. This page is made from the table in `protocol/src/error.rs`; each error is provoked by a test in
`tests/e2e/service/errors.rs`. `retry` tells when the same request may be tried again; it is not on the wire, but follows
from name and reason.

";

fn page() -> String {
    let mut page = HEAD.to_owned();
    page += "| code | name | class | retry | when |\n| --- | --- | --- | --- | --- |\n";
    for name in ErrorName::ALL {
        let (code, class, retry, when) = (name.code(), name.class(), name.retry(), name.meaning());
        writeln!(page, "| {code} | {name} | {class} | {retry} | {when} |").unwrap();
    }
    page += "\n## Classes\n\n";
    for class in Class::ALL {
        writeln!(page, "- `{class}`: {}", class.meaning()).unwrap();
    }
    page += "\n## When to try again\n\n";
    for retry in Retry::ALL {
        writeln!(page, "- `{retry}`: {}", retry.meaning()).unwrap();
    }
    page += "\n## Reasons\n\nA closed list for each name. `retry` stands where a reason says it closer than its name.\n\n";
    page += "| name | reason | what happened | retry |\n| --- | --- | --- | --- |\n";
    for name in ErrorName::ALL {
        for (reason, retry) in name.reasons() {
            let retry = if *retry == name.retry() { "" } else { retry.as_str() };
            writeln!(page, "| {name} | `{reason}` | {} | {retry} |", reason.meaning()).unwrap();
        }
    }
    page
}

#[test]
fn the_page_of_errors_is_that_of_the_table() {
    crate::check("errors.md", &page());
}
