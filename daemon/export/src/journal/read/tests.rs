//! What is told of a journal: how far it is read, what is in doubt, and what is certain.
//!
//! Lines are made by the types that a job writes them with, and cut where a crash could cut them.
//! Nothing here looks at a disk; what settling makes of doubts is tested with it.

use std::cell::Cell;

use darkslide_policy::RelPath;
use proptest::prelude::*;

use super::*;
use crate::journal::tests::{every_intent, intents, publish, text};
use crate::lines::tests::file_of;
use crate::row::Row;
use crate::row::tests::row;

pub(crate) fn read(bytes: &[u8]) -> Result<Left, JournalError> {
    let (file, size) = file_of(bytes);
    Left::read(file, size, || true)
}

/// The rows that are certain, and the doubts of the others.
fn told(bytes: &[u8]) -> (Vec<Row>, Vec<Doubt>) {
    let Left { doubt, mut changes } = read(bytes).unwrap();
    changes.settle(Vec::new()).unwrap();
    let doubts = doubt.entries.iter().map(|entry| entry.doubt).collect();
    (changes.rows().map(Result::unwrap).collect(), doubts)
}

fn of(n: u8) -> Row {
    row(n, &format!("a/{n}.jpg"))
}

#[test]
fn only_the_last_flushed_batch_and_what_follows_is_in_doubt() {
    let mut lines = vec![Line::first("job")];
    lines.extend(intents(1, vec![publish(1)]));
    lines.push(Line::Flushed(1));
    assert_eq!(told(&text(&lines)), (vec![], vec![Doubt::Flushed]));
    lines.extend(intents(2, vec![publish(2)]));
    lines.push(Line::Flushed(2));
    lines.extend(intents(3, vec![publish(3)]));
    let (certain, doubts) = told(&text(&lines));
    assert_eq!((certain, doubts), (vec![of(1)], vec![Doubt::Flushed, Doubt::Unflushed]));
    lines.extend([Line::Flushed(3), Line::Flushed(3), Line::End {}]);
    assert_eq!(told(&text(&lines)), (vec![of(1), of(2), of(3)], vec![]));
}

#[test]
fn what_did_not_happen_is_no_change_and_folders_are_told() {
    let mut lines = vec![Line::first("job")];
    lines.extend(intents(1, every_intent()));
    lines.push(Line::Flushed(5));
    lines.push(Line::Folder(RelPath::parse("a").unwrap()));
    lines.push(Line::Not { n: 3, reason: "exists".to_owned() });
    lines.push(Line::Not { n: 77, reason: "of nobody".to_owned() });
    let left = read(&text(&lines)).unwrap();
    let did_not: Vec<bool> = left.doubt.entries.iter().map(|entry| entry.did_not).collect();
    assert_eq!(did_not, [false, false, true, false, false]);
    assert_eq!(left.doubt.folders.len(), 1);
    lines.push(Line::Flushed(5));
    // A move goes to its new name, an adoption did not happen, what is in the trash has no row.
    let (certain, doubts) = told(&text(&lines));
    let moved = row(2, "b/2.jpg");
    // What an update took away may stand aside for one flush more.
    assert_eq!((certain, doubts), (vec![of(1), moved.clone()], vec![Doubt::Renamed]));
    lines.push(Line::Flushed(5));
    let (certain, doubts) = told(&text(&lines));
    assert_eq!((certain, doubts), (vec![of(1), moved, row(4, "a/4.jpg")], vec![]));
}

#[test]
fn a_newer_journal_is_refused_and_a_headless_one_says_nothing() {
    let newer = br#"{"journal":{"format":2,"job":"x"}}"#;
    assert!(matches!(read(newer), Err(JournalError::Newer(2))));
    let headless = text(&intents(1, vec![publish(1)]));
    for bytes in [&*headless, &[0; 5_000], b""] {
        let left = read(bytes).unwrap();
        assert_eq!(left.doubt, Journal::default());
    }
}

#[test]
fn reading_ends_where_numbers_do_not_rise_or_another_journal_begins() {
    let mut lines = vec![Line::first("job")];
    lines.extend(intents(1, vec![publish(1), publish(2)]));
    let entries = |more: Vec<Line>| {
        let mut lines = lines.clone();
        lines.extend(more);
        lines.extend(intents(9, vec![publish(3)]));
        read(&text(&lines)).unwrap().doubt.entries.len()
    };
    assert_eq!(entries(vec![]), 3);
    assert_eq!(entries(intents(2, vec![publish(4)])), 2);
    assert_eq!(entries(intents(1, vec![publish(4)])), 2);
    assert_eq!(entries(vec![Line::first("job")]), 2);
}

#[test]
fn more_doubts_or_folders_than_any_job_has_are_refused() {
    let in_doubt = |count: usize| {
        let line = |n: usize| Line::Intent { n: n as u64 + 1, intent: Box::new(publish(1)) };
        let lines: Vec<Line> =
            std::iter::once(Line::first("job")).chain((0..count).map(line)).collect();
        read(&text(&lines))
    };
    assert!(in_doubt(MAX_IN_DOUBT).is_ok());
    for count in [MAX_IN_DOUBT + 1, 3 * MAX_IN_DOUBT] {
        assert!(matches!(in_doubt(count), Err(JournalError::TooMany)));
    }
    let folders = |count: usize| {
        let line = |n: usize| Line::Folder(RelPath::parse(&n.to_string()).unwrap());
        let lines: Vec<Line> =
            std::iter::once(Line::first("job")).chain((0..count).map(line)).collect();
        read(&text(&lines))
    };
    assert!(folders(MAX_FOLDERS).is_ok());
    for count in [MAX_FOLDERS + 1, 3 * MAX_FOLDERS] {
        assert!(matches!(folders(count), Err(JournalError::TooMany)));
    }
}

#[test]
fn reading_ends_soon_after_it_is_asked_to_stop() {
    let text = [text(&[Line::first("job")]), text(&[Line::Flushed(0)]).repeat(10_000)].concat();
    let (file, size) = file_of(&text);
    let asked = Cell::new(0);
    let go_on = || {
        asked.set(asked.get() + 1);
        false
    };
    assert!(matches!(Left::read(file, size, go_on), Err(JournalError::Stopped)));
    assert_eq!(asked.get(), 1, "it read on");
}

proptest! {
    #[test]
    fn a_torn_journal_tells_its_whole_lines(cut in 0_usize..3_000, zeros in 0_usize..50) {
        let mut lines = vec![Line::first("job")];
        lines.extend(intents(1, every_intent()));
        lines.push(Line::Flushed(5));
        let whole = text(&lines);
        let cut = cut.min(whole.len());
        let mut torn = whole[..cut].to_vec();
        torn.resize(cut + zeros, 0);
        let complete = whole[..cut].iter().filter(|b| **b == b'\n').count();
        let left = read(&torn).unwrap();
        // The last line may be whole without its end.
        let told = left.doubt.entries.len();
        let expected = complete.saturating_sub(1).min(5);
        prop_assert!(told == expected || (zeros == 0 && told == expected + 1));
    }

    #[test]
    fn of_a_journal_that_is_torn_anywhere_all_is_told_that_a_reader_of_the_whole_would_know(
        batches in prop::collection::vec(prop::collection::vec(any::<bool>(), 0..4), 0..6),
        cut in 0.0..1.0,
    ) {
        let mut lines = vec![Line::first("job")];
        let mut n = 0_u8;
        for batch in &batches {
            let first = n + 1;
            for _ in batch {
                n += 1;
                lines.extend(intents(u64::from(n), vec![publish(n)]));
            }
            lines.push(Line::Flushed(u64::from(n)));
            let nots = (first..).zip(batch).filter(|(_, did_not)| **did_not);
            let not = |n| Line::Not { n: u64::from(n), reason: "exists".to_owned() };
            lines.extend(nots.map(|(n, _)| not(n)));
        }
        let whole = text(&lines);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share")]
        let cut = (whole.len() as f64 * cut) as usize;
        let left = whole[..cut].iter().filter(|b| **b == b'\n').count();
        let last_is_whole = cut > 0 && whole[cut] == b'\n';
        lines.truncate(left + usize::from(last_is_whole));
        let flushes: Vec<u64> = lines.iter().filter_map(flushed).collect();
        let settled = flushes.iter().rev().nth(1).copied().unwrap_or(0);
        let is_not = |line: &Line, of: u64| matches!(line, Line::Not { n, .. } if *n == of);
        let did_not = |number: u64| lines.iter().any(|it| is_not(it, number));
        let numbers: Vec<u64> = lines.iter().filter_map(number).collect();
        let certain: Vec<Row> = numbers.iter().filter(|n| **n <= settled && !did_not(**n))
            .map(|n| of(u8::try_from(*n).unwrap())).collect();
        let last = flushes.last().copied().unwrap_or(0);
        let doubt = |n: &u64| if *n <= last { Doubt::Flushed } else { Doubt::Unflushed };
        let doubts: Vec<Doubt> = numbers.iter().filter(|n| **n > settled).map(doubt).collect();
        prop_assert_eq!(told(&whole[..cut]), (certain, doubts));
    }
}

fn flushed(line: &Line) -> Option<u64> {
    if let Line::Flushed(n) = line { Some(*n) } else { None }
}

fn number(line: &Line) -> Option<u64> {
    if let Line::Intent { n, .. } = line { Some(*n) } else { None }
}
