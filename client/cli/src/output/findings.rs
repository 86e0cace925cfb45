//! What is found at destinations, as a person reads it: rows of verify and prune, their sums, and
//! the list of destinations. Pure.
//!
//! Every text that comes from a destination goes through a table or `plain`, which make it
//! harmless.

use std::collections::BTreeMap;

use darkslide_client::protocol::message::destinations::{ExportDestination, ExportDestinations};
use darkslide_client::protocol::message::job::{Outcome, ReportRow};

use super::human::{bytes, counted, in_words};
use super::plain;
use super::style::Style;
use super::table::{Align, Table};

/// Files of a destination, a row each.
pub(crate) fn rows(rows: &[ReportRow], style: Style) -> String {
    let columns = [
        ("found", Align::Left),
        ("path", Align::Name(24)),
        ("size", Align::Right),
        ("reason", Align::Left),
        ("version", Align::Left),
    ];
    let mut table = Table::new(&columns).sparing(&["version", "size"]);
    for row in rows {
        table.row([
            row.outcome.as_str(),
            row.path.as_deref().unwrap_or(""),
            &row.bytes.map_or_else(String::new, bytes),
            row.reason.as_deref().unwrap_or(""),
            &row.version,
        ]);
    }
    table.render(style)
}

/// The sum of a verification.
pub(crate) fn verified(
    outcomes: &BTreeMap<Outcome, u64>,
    complete: bool,
    destination: &str,
    style: Style,
) -> String {
    let count = |outcome| outcomes.get(&outcome).copied().unwrap_or(0);
    let intact = counted(count(Outcome::Intact), "file");
    let all = if complete { "all that was exported is there" } else { "not all is as it was" };
    let first = format!("{}: {all}, {intact} intact", plain::line(destination));
    sum(&first, outcomes, Outcome::Intact, style)
}

/// The sum of a prune, or of its plan.
pub(crate) fn pruned(
    outcomes: &BTreeMap<Outcome, u64>,
    executed: bool,
    destination: &str,
    style: Style,
) -> String {
    let told = if executed { Outcome::Pruned } else { Outcome::Prunable };
    let files = counted(outcomes.get(&told).copied().unwrap_or(0), "file");
    let what = if executed { "moved to .darkslide/trash/" } else { "would go" };
    sum(&format!("{}: {files} {what}", plain::line(destination)), outcomes, told, style)
}

fn sum(first: &str, outcomes: &BTreeMap<Outcome, u64>, said: Outcome, style: Style) -> String {
    let others = outcomes.iter().filter(|(outcome, count)| **outcome != said && **count > 0);
    let words = |outcome| match outcome {
        Outcome::Kept => "stays as it is, for the reason told",
        other => in_words(other),
    };
    let others = others.map(|(outcome, count)| format!("{}: {count}", words(*outcome)));
    let lines: Vec<String> = std::iter::once(style.bold(first)).chain(others).collect();
    lines.join("\n")
}

/// What has been exported where.
pub(crate) fn destinations(told: &ExportDestinations, style: Style) -> String {
    if told.destinations.is_empty() {
        return "nothing was exported below the roots".to_owned();
    }
    let columns = [
        ("root", Align::Left),
        ("path", Align::Name(12)),
        ("library", Align::Name(8)),
        ("files", Align::Right),
        ("size", Align::Right),
        ("last job", Align::Left),
        ("state", Align::Left),
    ];
    let mut table = Table::new(&columns);
    for it in &told.destinations {
        let time = it.last.as_ref().map_or("", |last| last.time.get(..16).unwrap_or(&last.time));
        let (time, state) = (time.replace('T', " "), state(it));
        if it.libraries.is_empty() {
            table.row([&it.root, &it.path, "", "", "", &time, &state]);
        }
        for held in &it.libraries {
            let library = held.library.as_deref().unwrap_or("(others)");
            let (files, size) = (held.files.to_string(), bytes(held.bytes));
            table.row([&it.root, &it.path, library, &files, &size, &time, &state]);
        }
    }
    table.render(style)
}

/// How complete its last job left it.
fn state(it: &ExportDestination) -> String {
    if let Some(reason) = &it.reason {
        return format!("cannot be read: {reason}");
    }
    if it.interrupted {
        return "interrupted".to_owned();
    }
    let Some(last) = &it.last else {
        return "nothing finished".to_owned();
    };
    let outcomes = last.outcomes.iter();
    let undone: u64 =
        outcomes.filter(|(outcome, _)| !outcome.is_done()).map(|(_, count)| count).sum();
    if undone > 0 { format!("{undone} left out") } else { "complete".to_owned() }
}

#[cfg(test)]
mod tests {
    use darkslide_client::protocol::message::destinations::{HeldFiles, LastJob};

    use super::*;

    fn row(outcome: Outcome, path: &str, reason: Option<&str>) -> ReportRow {
        ReportRow {
            asset: String::new(),
            version: String::new(),
            original_filename: String::new(),
            path: Some(path.to_owned()),
            outcome,
            bytes: None,
            blake3: None,
            reason: reason.map(str::to_owned),
        }
    }

    #[test]
    fn findings_are_rows_that_obey_no_name() {
        let found = [
            row(Outcome::Missing, "2024/05/IMG_1.JPG", None),
            row(Outcome::Changed, "a\x1b[2Jb.jpg", Some("content")),
        ];
        insta::assert_snapshot!(rows(&found, Style::PLAIN), @r"
        found    path               size  reason   version
        missing  2024/05/IMG_1.JPG
        changed  a\u{1b}[2Jb.jpg          content
        ");
    }

    #[test]
    fn sums_say_first_whether_all_is_there() {
        let counts = BTreeMap::from([(Outcome::Intact, 9), (Outcome::Missing, 1)]);
        insta::assert_snapshot!(verified(&counts, false, "/x", Style::PLAIN), @r"
        /x: not all is as it was, 9 files intact
        missing: 1
        ");
        let counts = BTreeMap::from([(Outcome::Prunable, 1), (Outcome::Kept, 2)]);
        insta::assert_snapshot!(pruned(&counts, false, "/x", Style::PLAIN), @r"
        /x: 1 file would go
        stays as it is, for the reason told: 2
        ");
    }

    #[test]
    fn destinations_tell_how_complete_they_are() {
        let last = |outcomes: &[(Outcome, u64)]| {
            Some(LastJob {
                job: "7".to_owned(),
                time: "2024-05-31T12:34:56.000Z".to_owned(),
                outcomes: outcomes.iter().copied().collect(),
            })
        };
        let held = |library: Option<&str>, files| HeldFiles {
            library: library.map(str::to_owned),
            files,
            bytes: files * 1_000,
        };
        let one = |path: &str, libraries, last| ExportDestination {
            root: "nas".to_owned(),
            path: path.to_owned(),
            shape: None,
            libraries,
            last,
            interrupted: false,
            reason: None,
        };
        let done = last(&[(Outcome::Copied, 3)]);
        let left_out = last(&[(Outcome::Copied, 1), (Outcome::NotLocal, 2)]);
        let broken =
            ExportDestination { reason: Some("io-error".to_owned()), ..one("c", vec![], None) };
        let destinations_of = vec![
            one("a", vec![held(Some("main"), 3), held(None, 1)], done),
            ExportDestination { interrupted: true, ..one("b", vec![], left_out.clone()) },
            broken,
            one("d", vec![held(Some("main"), 1)], left_out),
            one("e", vec![], None),
        ];
        let told = ExportDestinations { destinations: destinations_of, incomplete: false };
        insta::assert_snapshot!(destinations(&told, Style::PLAIN), @r"
        root  path  library   files    size  last job          state
        nas   a     main          3  3.0 kB  2024-05-31 12:34  complete
        nas   a     (others)      1  1.0 kB  2024-05-31 12:34  complete
        nas   b                              2024-05-31 12:34  interrupted
        nas   c                                                cannot be read: io-error
        nas   d     main          1  1.0 kB  2024-05-31 12:34  2 left out
        nas   e                                                nothing finished
        ");
    }
}
