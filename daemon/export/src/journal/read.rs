//! Reads what a job left of its journal, once, and keeps in memory only what is in doubt.
//!
//! Intents before the last flushed batch are certain, `not` lines apart, which stand before the
//! next `flushed`: of those only their places are kept. Reading stops at the first line that does
//! not parse or does not follow, for nothing behind a torn line was ever acted on. The hazard: a
//! journal that somebody wrote, as long as a disk.

use std::collections::VecDeque;
use std::fs::File;
use std::io;

use super::{Doubt, Entry, FORMAT, Folders, Intent, Journal, Line};
use crate::changes::{Changes, TooMany};
use crate::lines::{LINES_TO_A_QUESTION, Lines, Stretch};
use crate::settle::{Change, happened};

/// Some 700 bytes for each change that is read at most. None of it is in memory.
pub(crate) const MAX_BYTES: u64 = 6 * 1024 * 1024 * 1024;
/// Folders that one job makes are in memory, a hundred bytes each.
const MAX_FOLDERS: usize = 200_000;
/// What is in doubt is looked at, and takes several times the memory of what is not. No two batches
/// have so many intents.
const MAX_IN_DOUBT: usize = 65_536;

/// What a job left.
#[derive(Debug)]
pub(crate) struct Left {
    /// What has to be settled, and folders.
    pub(crate) doubt: Journal,
    /// What is certain; what becomes of the doubts follows.
    pub(crate) changes: Changes,
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

impl From<TooMany> for JournalError {
    fn from(TooMany: TooMany) -> Self {
        Self::TooMany
    }
}

impl Left {
    /// Reads a journal of that size, and asks now and then whether to go on.
    pub(crate) fn read(
        file: File,
        size: u64,
        go_on: impl Fn() -> bool,
    ) -> Result<Self, JournalError> {
        let mut reading = Reading::default();
        let mut changes = Changes::default();
        let mut note = |waiting: Waiting| changes.note(&happened(&waiting.intent), waiting.at);
        let mut lines = Lines::new(Stretch::new(&file, 0, size), 0);
        let mut read = 0_usize;
        while let Some((at, line)) = lines.next_line()? {
            read += 1;
            if read.is_multiple_of(LINES_TO_A_QUESTION) && !go_on() {
                return Err(JournalError::Stopped);
            }
            let Some(line) = super::parse(line) else { break };
            if !reading.take(line, at, &mut note)? {
                break;
            }
        }
        drop(lines);
        Ok(Self { doubt: reading.end(), changes: changes.read_from(file, size) })
    }
}

/// The change of an intent that was carried out.
pub(crate) fn certain_at(line: &[u8]) -> Option<Change> {
    match super::parse(line)? {
        Line::Intent { intent, .. } => Some(happened(&intent)),
        Line::Journal { .. }
        | Line::Not { .. }
        | Line::Folder(_)
        | Line::FolderGone(_)
        | Line::Flushed(_)
        | Line::End {} => None,
    }
}

#[derive(Default)]
struct Reading {
    waiting: VecDeque<Waiting>,
    /// The numbers of the last three flushes, the last one first.
    flushed: [u64; 3],
    /// The number of the last intent.
    last: u64,
    folders: Folders,
}

/// Told of each intent that is certain to have happened.
type Note<'a> = &'a mut dyn FnMut(Waiting) -> Result<(), TooMany>;

/// An intent of which it is not known yet how it ended.
struct Waiting {
    n: u64,
    at: u64,
    intent: Intent,
    did_not: bool,
}

impl Reading {
    /// Takes a line, unless it does not follow.
    fn take(&mut self, line: Line, at: u64, note: Note<'_>) -> Result<bool, JournalError> {
        match line {
            Line::Journal { format, .. } if format > FORMAT => {
                return Err(JournalError::Newer(format));
            }
            // Without its first line, or with a second one, it is no journal of ours.
            Line::Journal { .. } => return Ok(at == 0),
            Line::Intent { .. }
            | Line::Not { .. }
            | Line::Folder(_)
            | Line::FolderGone(_)
            | Line::Flushed(_)
            | Line::End {}
                if at == 0 =>
            {
                return Ok(false);
            }
            Line::Intent { n, .. } if n <= self.last => return Ok(false),
            Line::Intent { n, intent } => {
                self.last = n;
                self.waiting.push_back(Waiting { n, at, intent: *intent, did_not: false });
            }
            Line::Not { n, .. } => {
                let found = self.waiting.binary_search_by_key(&n, |it| it.n);
                if let Some(it) = found.ok().and_then(|found| self.waiting.get_mut(found)) {
                    it.did_not = true;
                }
            }
            Line::Folder(path) => {
                self.folders.insert(path, true);
            }
            Line::FolderGone(path) => {
                self.folders.insert(path, false);
            }
            Line::Flushed(n) => self.flush(n, note)?,
            Line::End {} => {}
        }
        if self.waiting.len() > MAX_IN_DOUBT || self.folders.len() > MAX_FOLDERS {
            return Err(JournalError::TooMany);
        }
        Ok(true)
    }

    /// What was flushed before the flush before is certain, but for what an update took away: that
    /// waits aside for one flush more.
    fn flush(&mut self, n: u64, note: Note<'_>) -> Result<(), JournalError> {
        let [before, cleared, _] = self.flushed;
        self.flushed = [n, before, cleared];
        let known = self.waiting.partition_point(|it| it.n <= before);
        let mut rest = self.waiting.split_off(known);
        for it in std::mem::take(&mut self.waiting) {
            if is_update(&it.intent) && it.n > cleared {
                self.waiting.push_back(it);
            } else if !it.did_not {
                note(it)?;
            }
        }
        self.waiting.append(&mut rest);
        Ok(())
    }

    fn end(self) -> Journal {
        let [flushed, renamed, _] = self.flushed;
        let entry = |Waiting { n, intent, did_not, .. }| {
            let doubt = match n {
                n if n <= renamed => Doubt::Renamed,
                n if n <= flushed => Doubt::Flushed,
                _ => Doubt::Unflushed,
            };
            Entry { intent, doubt, did_not }
        };
        let entries = self.waiting.into_iter().map(entry).collect();
        Journal { entries, folders: self.folders }
    }
}

#[cfg(test)]
impl Journal {
    /// The same reading of lines in memory, and what is certain is told, too.
    pub(crate) fn of_lines(bytes: &[u8]) -> Self {
        let (mut reading, mut certain) = (Reading::default(), Vec::new());
        let mut note = |Waiting { intent, did_not, .. }| {
            certain.push(Entry { intent, doubt: Doubt::Settled, did_not });
            Ok(())
        };
        for (at, line) in (0..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
            let Some(line) = super::parse(line) else { break };
            if !reading.take(line, at, &mut note).unwrap() {
                break;
            }
        }
        let mut journal = reading.end();
        journal.entries.splice(0..0, certain);
        journal
    }
}

fn is_update(intent: &Intent) -> bool {
    match intent {
        Intent::Replace { .. } => true,
        Intent::Publish { .. }
        | Intent::Move { .. }
        | Intent::Adopt { .. }
        | Intent::Trash { .. } => false,
    }
}

#[cfg(test)]
mod tests;
