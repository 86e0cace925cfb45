//! `journal.jsonl`: what the running job is about to do, a line for each intent.
//!
//! The format and its order of writing are final (docs/destination.md): contents,
//! intents, one flush, the line `flushed`, renames. A `flushed` line says two things: what stands
//! before it may be renamed, and what stands before the one before it is settled. Intents are
//! numbered upwards; how a journal is read says `journal/read.rs`. The hazard: an intent can reach
//! the disk long before the content that it speaks of.

mod read;

use std::collections::BTreeMap;

use darkslide_policy::{Component, RelPath};
use serde::{Deserialize, Serialize};

pub(crate) use read::{JournalError, Left, MAX_BYTES, certain_at};

use crate::row::{Row, own_name, trash_path, visible_path};

/// What this program writes and reads.
const FORMAT: u32 = 1;

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
    /// A folder of ours that was empty, and is removed.
    FolderGone(#[serde(with = "visible_path")] RelPath),
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
    /// The same of an update; but what it put aside may be there still.
    Renamed,
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

/// Folders that a job made, and those of ours that it removed again: is it there?
pub(crate) type Folders = BTreeMap<RelPath, bool>;

/// What is in doubt of a journal, and the folders of all of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Journal {
    pub(crate) entries: Vec<Entry>,
    pub(crate) folders: Folders,
}

fn parse(line: &[u8]) -> Option<Line> {
    serde_json::from_slice(line).ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::row::tests::row;

    fn name(n: u8) -> Component {
        Component::parse(&format!("{n:032x}")).unwrap()
    }

    pub(crate) fn publish(asset: u8) -> Intent {
        Intent::Publish { tmp: name(asset), row: row(asset, &format!("a/{asset}.jpg")) }
    }

    pub(crate) fn every_intent() -> Vec<Intent> {
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

    pub(crate) fn text(lines: &[Line]) -> Vec<u8> {
        lines.iter().flat_map(Line::to_bytes).collect()
    }

    pub(crate) fn intents(from: u64, intents: Vec<Intent>) -> Vec<Line> {
        let numbered = intents.into_iter().zip(from..);
        numbered.map(|(intent, n)| Line::Intent { n, intent: Box::new(intent) }).collect()
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
}
