//! The chain: each line carries the hash of the one before, and whoever reads all of them sees
//! where that is not so.
//!
//! Pure over readers, so that the same code verifies in a test, in the daemon's memory and offline.
//! It proves that nothing inside was changed, dropped, swapped or put in; that nothing was cut off
//! the end, or that all was not written anew, only a head tells that somebody else has kept. The
//! hazard: a piece that a crash tore off, which must neither break the chain nor hide a forgery: it
//! is accepted where it ends a file, and where a later line names its length and hash.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, BufRead, Read};
use std::str::FromStr;

use super::line::{Entry, Event, LineHash, MAX_LINE_BYTES, Record, When};

/// The number of the first file of all.
pub(crate) const FIRST_FILE: u32 = 1;
/// The count in a `recovered` record: bytes of what it names.
pub(crate) const BYTES: &str = "bytes";

/// The last line of a log: whoever keeps it can tell later whether the log still goes on from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its number.
    pub seq: u64,
    /// Its hash.
    pub hash: LineHash,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

/// Why a text is no head.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a head is SEQ:HASH, a number and 64 hexadecimal digits")]
pub struct HeadError;

impl FromStr for Head {
    type Err = HeadError;

    fn from_str(text: &str) -> Result<Self, HeadError> {
        let (seq, hash) = text.split_once(':').ok_or(HeadError)?;
        let seq = seq.parse().map_err(|_| HeadError)?;
        Ok(Self { seq, hash: LineHash::parse(hash).ok_or(HeadError)? })
    }
}

/// Where the next line goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) seq: u64,
    pub(crate) prev: LineHash,
}

impl Link {
    /// Before the first line of all.
    pub(crate) const START: Self = Self { seq: 0, prev: LineHash::NOTHING };

    /// After that line.
    pub(crate) fn after(seq: u64, line: &[u8]) -> Self {
        Self { seq: seq.saturating_add(1), prev: LineHash::of(line) }
    }

    /// The line of an entry at this place, with its newline, and the place after it.
    pub(crate) fn seal(self, when: When, entry: Entry) -> (Vec<u8>, Self) {
        let mut line = Record::new(self.seq, self.prev, when, entry).line();
        let next = Self::after(self.seq, &line);
        line.push(b'\n');
        (line, next)
    }

    /// The line before this place.
    pub(crate) fn head(self) -> Option<Head> {
        Some(Head { seq: self.seq.checked_sub(1)?, hash: self.prev })
    }
}

/// The last whole record of a file's bytes, its place, and where the bytes after it begin.
pub(crate) fn last_whole(bytes: &[u8]) -> Option<(Record, Link, usize)> {
    let mut end = bytes.len();
    while let Some(newline) = bytes.get(..end)?.iter().rposition(|byte| *byte == b'\n') {
        let start = bytes.get(..newline)?.iter().rposition(|byte| *byte == b'\n');
        let line = bytes.get(start.map_or(0, |at| at + 1)..newline)?;
        if let Some(record) = Record::parse(line) {
            let link = Link::after(record.seq, line);
            return Some((record, link, newline + 1));
        }
        end = newline;
    }
    None
}

/// What a sound log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The first line that is kept: 0, unless older files were removed.
    pub first: Option<u64>,
    /// The last one.
    pub head: Option<Head>,
    /// Pieces that crashes left, and that later lines name.
    pub recovered: u64,
    /// Bytes of a line at the end that was not written to its end, or not yet.
    pub unfinished: u64,
}

/// Why a log is not sound.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// A line is changed, missing, or does not belong there.
    #[error("line {seq} is not as it was written (file {file}): {why}")]
    Line {
        /// The first bad line.
        seq: u64,
        /// The file that it is in, or should be.
        file: u32,
        /// What is wrong there.
        why: &'static str,
    },
    /// The log ends before a line that somebody has kept the head of.
    #[error("line {seq} is missing: the log was cut off before it")]
    Cut {
        /// The first line that is missing.
        seq: u64,
    },
    /// The line that somebody has kept the head of is another one now.
    #[error("line {seq} is another than the one whose head was kept: the log was written anew")]
    Rewritten {
        /// That line.
        seq: u64,
    },
    /// The files that held the kept head were removed.
    #[error("line {seq} is too old: the log is kept from line {first} on")]
    TooOld {
        /// The line of the head.
        seq: u64,
        /// The first that there is.
        first: u64,
    },
    /// A file cannot be read.
    #[error("the file {file} cannot be read")]
    Unreadable {
        /// Its number.
        file: u32,
        /// Why.
        source: io::Error,
    },
}

impl Broken {
    /// The first bad line, where there is one.
    #[must_use]
    pub fn seq(&self) -> Option<u64> {
        match self {
            Self::Line { seq, .. } | Self::Cut { seq } | Self::Rewritten { seq } => Some(*seq),
            Self::TooOld { .. } | Self::Unreadable { .. } => None,
        }
    }

    /// What to do.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Line { .. } | Self::Cut { .. } | Self::Rewritten { .. } => {
                "keep a copy of the folder, and compare it with a backup: what was recorded from \
                 that line on is not to be trusted"
            }
            Self::TooOld { .. } => "compare with a head that was kept later",
            Self::Unreadable { .. } => "look at the owner and mode of the files, and at the disk",
        }
    }
}

/// Looks at the files of a log, one after the other in the order of their numbers.
#[derive(Debug)]
pub(crate) struct Verifier {
    kept: Option<Head>,
    first: Option<u64>,
    next: Option<Link>,
    last_file: Option<u32>,
    /// Pieces at the ends of files that no line has named yet.
    torn: VecDeque<Torn>,
    recovered: u64,
}

#[derive(Debug)]
struct Torn {
    file: u32,
    bytes: u64,
    hash: LineHash,
    has_lines: bool,
}

impl Verifier {
    /// Begins; `kept` is a head that the log must still contain.
    pub(crate) fn new(kept: Option<Head>) -> Self {
        let torn = VecDeque::new();
        Self { kept, first: None, next: None, last_file: None, torn, recovered: 0 }
    }

    /// Looks at one file, and hands in each of its records that fits.
    ///
    /// # Errors
    /// [`Broken`].
    pub(crate) fn file(
        &mut self,
        file: u32,
        reader: &mut dyn BufRead,
        each: &mut dyn FnMut(&Record),
    ) -> Result<(), Broken> {
        let unreadable = |source| Broken::Unreadable { file, source };
        let mut is_first = true;
        loop {
            let line = read_line(reader).map_err(unreadable)?;
            if line.is_empty() {
                break;
            }
            let whole = line.strip_suffix(b"\n");
            let Some((record, whole)) =
                whole.and_then(|whole| Some((Record::parse(whole)?, whole)))
            else {
                self.torn.push_back(rest(file, &line, reader).map_err(unreadable)?);
                break;
            };
            if let Err(why) = self.fits(file, is_first, &record) {
                let seq = self.first_bad(&record, whole, reader);
                return Err(Broken::Line { seq, file, why });
            }
            self.first.get_or_insert(record.seq);
            let next = Link::after(record.seq, whole);
            self.next = Some(next);
            if self.kept.is_some_and(|kept| kept.seq == record.seq && kept.hash != next.prev) {
                return Err(Broken::Rewritten { seq: record.seq });
            }
            each(&record);
            is_first = false;
        }
        self.last_file = Some(file);
        Ok(())
    }

    /// Does a record belong here?
    fn fits(&mut self, file: u32, is_first: bool, record: &Record) -> Result<(), &'static str> {
        let place = match self.next {
            Some(place) => place,
            None if file == FIRST_FILE => Link::START,
            // What came before it was removed.
            None => Link { seq: record.seq, prev: record.prev },
        };
        if record.seq != place.seq {
            return Err("its number is not the next one");
        }
        if record.prev != place.prev {
            return Err("it does not carry the hash of the line before");
        }
        if (record.event == Event::Genesis) != is_first {
            return Err("a file begins with one genesis line");
        }
        match (record.event, self.torn.pop_front()) {
            (Event::Genesis, Some(torn)) => self.torn.push_front(torn),
            (Event::Recovered, Some(torn)) => {
                let bytes = record.counts.get(BYTES).copied();
                if (bytes, record.tail) != (Some(torn.bytes), Some(torn.hash)) {
                    return Err("it names another piece than the one that is there");
                }
                self.recovered += 1;
            }
            // The file that it is about was removed.
            (Event::Recovered, None) if self.last_file.is_none() => self.recovered += 1,
            (Event::Recovered, None) => return Err("it names a piece that is not there"),
            (_, Some(_)) => return Err("what stands before it is no record, and no line names it"),
            (_, None) => {}
        }
        Ok(())
    }

    /// Which line is bad, where one does not fit: it, or one that should stand before it.
    fn first_bad(&self, record: &Record, line: &[u8], reader: &mut dyn BufRead) -> u64 {
        let Some(place) = self.next else { return record.seq };
        if record.seq != place.seq {
            // One that is there twice, or the one that is missing.
            return if record.seq.saturating_add(1) == place.seq { record.seq } else { place.seq };
        }
        if record.prev == place.prev {
            return record.seq;
        }
        // Its number fits, and not the hash that it carries: the line after it knows how it was.
        let after = read_line(reader).ok();
        let after = after.as_deref().and_then(|line| Record::parse(line.strip_suffix(b"\n")?));
        let is_as_it_was = after.is_none_or(|after| after.prev == LineHash::of(line));
        if is_as_it_was { record.seq.saturating_sub(1) } else { record.seq }
    }

    /// What all of it is.
    ///
    /// # Errors
    /// [`Broken`].
    pub(crate) fn finish(self) -> Result<Verified, Broken> {
        let next = self.next.unwrap_or(Link::START);
        // No daemon has begun after it yet, so that nobody could name it: then it is a piece of the
        // one line that was being written, or the beginning of a file.
        let torn = self.torn.iter().rev();
        for torn in torn {
            if torn.has_lines {
                let why = "it is no record";
                return Err(Broken::Line { seq: next.seq, file: torn.file, why });
            }
        }
        let first = self.first.unwrap_or(0);
        match self.kept {
            Some(kept) if kept.seq >= next.seq => return Err(Broken::Cut { seq: next.seq }),
            Some(kept) if kept.seq < first => {
                return Err(Broken::TooOld { seq: kept.seq, first });
            }
            Some(_) | None => {}
        }
        Ok(Verified {
            first: self.first,
            head: next.head(),
            recovered: self.recovered,
            unfinished: self.torn.iter().map(|torn| torn.bytes).sum(),
        })
    }
}

/// A line with its newline, as far as it can be one of ours.
fn read_line(reader: &mut dyn BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    reader.take(MAX_LINE_BYTES as u64).read_until(b'\n', &mut line)?;
    Ok(line)
}

/// All that follows in a file from what is no record.
fn rest(file: u32, begun: &[u8], reader: &mut dyn BufRead) -> io::Result<Torn> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(begun);
    let (mut bytes, mut has_lines) = (begun.len() as u64, begun.contains(&b'\n'));
    loop {
        let part = reader.fill_buf()?;
        if part.is_empty() {
            let hash = LineHash::from(&hasher);
            return Ok(Torn { file, bytes, hash, has_lines });
        }
        hasher.update(part);
        has_lines |= part.contains(&b'\n');
        let length = part.len();
        bytes = bytes.saturating_add(length as u64);
        reader.consume(length);
    }
}

#[cfg(test)]
mod tests;
