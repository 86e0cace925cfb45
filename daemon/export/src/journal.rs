//! `journal.jsonl`: what the running job is about to do, a line for each intent.
//!
//! The format and its order of writing are final (reference/destination.md, 1 and 2): contents,
//! intents, one flush, the line `flushed`, renames. A `flushed` line says two things: what stands
//! before it may be renamed, and what stands before the one before it is settled. Reading stops at
//! the first line that does not parse, for nothing behind a torn line was ever acted on. The
//! hazard: an intent can reach the disk long before the content that it speaks of.

use std::io::{self, BufRead};

use darkslide_policy::{Component, RelPath};
use serde::{Deserialize, Serialize};

use crate::lines::{LINES_TO_A_QUESTION, Lines};
use crate::row::{Row, own_name, trash_path, visible_path};

/// What this program writes and reads.
const FORMAT: u32 = 1;
/// All of it is in memory when it is settled. A job merges its own before ([`MERGED_BYTES`]).
pub(crate) const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// A line is in memory several times as long as a short one is on the disk.
const MAX_LINES: usize = 1_000_000;
/// What is in doubt is looked at, and takes several times the memory of what is not. No two batches
/// have so many intents.
const MAX_IN_DOUBT: usize = 65_536;
/// A journal of this size is merged although the job goes on: some 100,000 files. What is left to
/// the bound is more than any batch.
pub(crate) const MERGED_BYTES: u64 = 48 * 1024 * 1024;

/// What a job is about to do with one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Intent {
    /// A new file gets its name.
    Publish {
        #[serde(with = "own_name")]
        tmp: Component,
        row: Row,
    },
    /// A file of ours gets another name; it may pass through `aside/`.
    Move {
        #[serde(with = "own_name")]
        aside: Component,
        #[serde(with = "visible_path")]
        new: RelPath,
        row: Row,
    },
    /// What stands there already is taken over, or what is known of it is renewed.
    Adopt { row: Row },
    /// A new content takes the place of an old one.
    Replace {
        #[serde(with = "own_name")]
        tmp: Component,
        #[serde(with = "own_name")]
        aside: Component,
        old: Box<Row>,
        new: Box<Row>,
        ours: bool,
    },
    /// A file of ours is put into the trash.
    Trash {
        #[serde(with = "trash_path")]
        to: RelPath,
        row: Row,
    },
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    /// The first.
    Journal { format: u32, job: String },
    /// Numbered from 1 on.
    Intent { n: u64, intent: Box<Intent> },
    /// The intent of that number did not happen.
    Not { n: u64, reason: String },
    /// A folder that we made.
    Folder(#[serde(with = "visible_path")] RelPath),
    /// Up to that number all is on the disk, and may be renamed.
    Flushed(u64),
    /// Nothing follows.
    End {},
}

impl Line {
    pub(crate) fn first(job: &str) -> Self {
        Self::Journal { format: FORMAT, job: job.to_owned() }
    }

    /// The line's bytes, with its end.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("texts and numbers only");
        bytes.push(b'\n');
        bytes
    }
}

/// How sure it is that an intent was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// It was, unless a line says that it was not.
    Settled,
    /// Its content is on the disk; it may have been.
    Flushed,
    /// It was not, and its content may be nonsense.
    Unflushed,
}

/// One intent of a journal that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) intent: Intent,
    pub(crate) doubt: Doubt,
    /// A line says that it did not happen.
    pub(crate) did_not: bool,
}

/// A journal as the job left it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Journal {
    pub(crate) entries: Vec<Entry>,
    pub(crate) folders: Vec<RelPath>,
}

/// Why a journal is not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JournalError {
    #[error("the journal is of format {0}")]
    Newer(u32),
    #[error("the journal has more lines than any of ours")]
    TooMany,
    #[error("it was asked to stop")]
    Stopped,
    #[error("the journal cannot be read")]
    Read(#[from] io::Error),
}

impl Journal {
    /// Reads up to the first line that does not parse, and asks now and then whether to go on.
    pub(crate) fn read(from: impl BufRead, go_on: impl Fn() -> bool) -> Result<Self, JournalError> {
        let mut journal = Self::default();
        let mut numbers = Vec::new();
        let mut not = std::collections::BTreeSet::new();
        let mut flushed = [0_u64; 2];
        for (at, line) in Lines::new(from).enumerate() {
            if at == MAX_LINES {
                return Err(JournalError::TooMany);
            }
            if at % LINES_TO_A_QUESTION == LINES_TO_A_QUESTION - 1 && !go_on() {
                return Err(JournalError::Stopped);
            }
            let Some(line) = parse(&line?) else { break };
            match line {
                Line::Journal { format, .. } if format > FORMAT => {
                    return Err(JournalError::Newer(format));
                }
                Line::Journal { .. } if at == 0 => {}
                // Without its first line, or with a second one, it is no journal of ours.
                Line::Journal { .. } => break,
                Line::Intent { .. }
                | Line::Not { .. }
                | Line::Folder(_)
                | Line::Flushed(_)
                | Line::End {}
                    if at == 0 =>
                {
                    break;
                }
                Line::Intent { n, intent } => {
                    numbers.push(n);
                    journal.entries.push(Entry {
                        intent: *intent,
                        doubt: Doubt::Unflushed,
                        did_not: false,
                    });
                }
                Line::Not { n, .. } => {
                    not.insert(n);
                }
                Line::Folder(path) => journal.folders.push(path),
                Line::Flushed(n) => flushed = [n, flushed[0]],
                Line::End {} => {}
            }
        }
        for (entry, n) in journal.entries.iter_mut().zip(numbers) {
            entry.did_not = not.contains(&n);
            entry.doubt = match flushed {
                [_, settled] if n <= settled => Doubt::Settled,
                [last, _] if n <= last => Doubt::Flushed,
                _ => Doubt::Unflushed,
            };
        }
        let in_doubt = journal.entries.iter().filter(|entry| entry.doubt != Doubt::Settled);
        if in_doubt.count() > MAX_IN_DOUBT { Err(JournalError::TooMany) } else { Ok(journal) }
    }
}

fn parse(line: &[u8]) -> Option<Line> {
    serde_json::from_slice(line).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::row::tests::row;

    fn name(n: u8) -> Component {
        Component::parse(&format!("{n:032x}")).unwrap()
    }

    fn publish(asset: u8) -> Intent {
        Intent::Publish { tmp: name(asset), row: row(asset, &format!("a/{asset}.jpg")) }
    }

    fn every_intent() -> Vec<Intent> {
        vec![
            publish(1),
            Intent::Move {
                aside: name(2),
                new: RelPath::parse("b/2.jpg").unwrap(),
                row: row(2, "a/2.jpg"),
            },
            Intent::Adopt { row: row(3, "a/3.jpg") },
            Intent::Replace {
                tmp: name(4),
                aside: name(5),
                old: Box::new(row(4, "a/4.jpg")),
                new: Box::new(row(4, "a/4.jpg")),
                ours: true,
            },
            Intent::Trash {
                to: RelPath::parse(".darkslide/trash/2024-05-01/5.jpg").unwrap(),
                row: row(5, "a/5.jpg"),
            },
        ]
    }

    fn read(bytes: &[u8]) -> Result<Journal, JournalError> {
        Journal::read(bytes, || true)
    }

    fn text(lines: &[Line]) -> Vec<u8> {
        lines.iter().flat_map(Line::to_bytes).collect()
    }

    fn intents(from: u64, intents: Vec<Intent>) -> Vec<Line> {
        let numbered = intents.into_iter().zip(from..);
        numbered.map(|(intent, n)| Line::Intent { n, intent: Box::new(intent) }).collect()
    }

    fn doubts(bytes: &[u8]) -> Vec<Doubt> {
        let journal = read(bytes).unwrap();
        journal.entries.iter().map(|entry| entry.doubt).collect()
    }

    #[test]
    fn every_line_round_trips() {
        let mut lines = vec![Line::first("job")];
        lines.extend(intents(1, every_intent()));
        lines.push(Line::Not { n: 2, reason: "exists".to_owned() });
        lines.push(Line::Folder(RelPath::parse("a").unwrap()));
        lines.extend([Line::Flushed(5), Line::End {}]);
        for line in &lines {
            let bytes = line.to_bytes();
            assert_eq!(parse(bytes.strip_suffix(b"\n").unwrap()).as_ref(), Some(line));
        }
        let journal = read(text(&lines).as_slice()).unwrap();
        assert_eq!(journal.entries.len(), 5);
        assert!(journal.entries[1].did_not && !journal.entries[0].did_not);
        assert_eq!(journal.folders.len(), 1);
    }

    #[test]
    fn only_the_last_flushed_batch_and_what_follows_is_in_doubt() {
        let mut lines = vec![Line::first("job")];
        lines.extend(intents(1, vec![publish(1)]));
        lines.push(Line::Flushed(1));
        lines.extend(intents(2, vec![publish(2)]));
        lines.push(Line::Flushed(2));
        lines.extend(intents(3, vec![publish(3)]));
        assert_eq!(doubts(&text(&lines)), [Doubt::Settled, Doubt::Flushed, Doubt::Unflushed]);
        lines.extend([Line::Flushed(3), Line::Flushed(3), Line::End {}]);
        assert_eq!(doubts(&text(&lines)), [Doubt::Settled; 3]);
    }

    #[test]
    fn a_newer_journal_is_refused_and_a_headless_one_says_nothing() {
        let newer = br#"{"journal":{"format":2,"job":"x"}}"#;
        assert!(matches!(read(newer.as_slice()), Err(JournalError::Newer(2))));
        let headless = text(&intents(1, vec![publish(1)]));
        assert_eq!(read(headless.as_slice()).unwrap(), Journal::default());
        assert_eq!(read([0; 5_000].as_slice()).unwrap(), Journal::default());
        assert_eq!(read([].as_slice()).unwrap(), Journal::default());
    }

    #[test]
    fn more_lines_or_doubts_than_any_job_has_are_refused() {
        let first = text(&[Line::first("job")]);
        let read_repeated = |line: &[u8], count: usize| {
            read([first.clone(), line.repeat(count)].concat().as_slice())
        };
        let doubtful = text(&intents(9, vec![publish(1)]));
        assert!(read_repeated(&doubtful, MAX_IN_DOUBT).is_ok());
        assert!(matches!(read_repeated(&doubtful, MAX_IN_DOUBT + 1), Err(JournalError::TooMany)));
        let flushed = text(&[Line::Flushed(0)]);
        assert!(read_repeated(&flushed, MAX_LINES - 1).is_ok());
        assert!(matches!(read_repeated(&flushed, MAX_LINES), Err(JournalError::TooMany)));
    }

    #[test]
    fn reading_ends_soon_after_it_is_asked_to_stop() {
        let text = [text(&[Line::first("job")]), text(&[Line::Flushed(0)]).repeat(10_000)].concat();
        let mut from = text.as_slice();
        assert!(matches!(Journal::read(&mut from, || false), Err(JournalError::Stopped)));
        assert!(from.len() > text.len() / 2, "it read on");
    }

    #[test]
    fn a_name_that_is_none_of_ours_is_damage() {
        let text =
            String::from_utf8(Line::Intent { n: 1, intent: Box::new(publish(1)) }.to_bytes())
                .unwrap();
        assert!(parse(text.trim().as_bytes()).is_some());
        for bad in ["../../x", "", &"G".repeat(32), &"a".repeat(33)] {
            let text = text
                .replace(&"0".repeat(31), "")
                .replace(r#""tmp":"1""#, &format!(r#""tmp":"{bad}""#));
            assert!(parse(text.trim().as_bytes()).is_none(), "{bad}");
        }
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
            let journal = read(torn.as_slice()).unwrap();
            // The last line may be whole without its end.
            let told = journal.entries.len();
            let expected = complete.saturating_sub(1).min(5);
            prop_assert!(told == expected || (zeros == 0 && told == expected + 1));
        }
    }
}
