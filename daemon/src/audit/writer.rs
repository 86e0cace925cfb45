//! The log as it grows: the newest file, the place of the next line, and what could not be written.
//!
//! It alone adds lines. A line is one write at the end of the file; what a full disk cuts off of it
//! is kept and written first once there is room, so that the chain has neither a gap nor a hole.
//! What a dead daemon left behind the last whole line stays where it is, and a new file names it.
//! The hazards: a line that is written twice, and a request that is answered though its line is not
//! there. Nothing here knows who asks for what.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use darkslide_door::AuditDir;

use super::chain::{BYTES, FIRST_FILE, Head, Link, last_whole};
use super::line::{Entry, Event, LineHash, When};

/// Bytes of one file: an hour of a busy day fits into it, and it is read in a blink.
pub(crate) const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;
/// Records that nobody waits for, kept while nothing can be written. More are only counted.
const MAX_LATE: usize = 1_024;
/// Read from the end of the newest file at start: many lines, so that one of them is whole.
const END_BYTES: u64 = 256 * 1024;

/// Of a file that is read, at start or by a verifier: several times what one can have.
pub(crate) const MAX_READ_BYTES: u64 = 4 * MAX_FILE_BYTES;

/// The counts of an `unwritten` record.
const REFUSED: &str = "refused";
const LOST: &str = "lost";

/// A line was not written.
#[derive(Debug, thiserror::Error)]
#[error("the audit log cannot be written")]
pub(crate) struct Unwritten {
    /// What the system said; none where it had said it before.
    source: io::Error,
    /// A part of that very line is there, and the rest follows.
    begun: bool,
}

impl From<io::Error> for Unwritten {
    fn from(source: io::Error) -> Self {
        Self { source, begun: false }
    }
}

/// The log of one daemon.
#[derive(Debug)]
pub(crate) struct Log {
    folder: Arc<AuditDir>,
    limit: u64,
    place: Link,
    /// The newest file, once it is open.
    file: Option<Arc<File>>,
    number: u32,
    /// Is it there already?
    made: bool,
    size: u64,
    /// What a line lacks that was not written to its end.
    rest: Vec<u8>,
    late: VecDeque<(When, Entry)>,
    state: State,
    /// Files whose lines may not be on the disk yet.
    unflushed: Vec<Arc<File>>,
}

/// Can it be written?
#[derive(Debug, Default)]
struct State {
    /// The last attempt failed.
    failing: bool,
    /// The last flush failed.
    unsynced: bool,
    /// Since then: requests that were refused, and records that had no room here.
    refused: u64,
    lost: u64,
}

impl Log {
    /// Takes up the log that is there, or begins one. Nothing is written yet.
    ///
    /// # Errors
    /// What listing and reading answer: without the last line nobody can go on from it.
    pub(crate) fn open(folder: AuditDir, now: &When) -> io::Result<Self> {
        Self::with_limit(folder, now, MAX_FILE_BYTES)
    }

    /// The same with smaller files, for tests.
    fn with_limit(folder: AuditDir, now: &When, limit: u64) -> io::Result<Self> {
        let numbers = folder.files()?;
        let newest = numbers.last().copied();
        let mut number = newest.unwrap_or(FIRST_FILE);
        let (mut place, mut late) = (Link::START, VecDeque::new());
        for looked_at in numbers.into_iter().rev() {
            let (found, piece) = end_of(&mut folder.read(looked_at)?)?;
            if !piece.is_empty() {
                // The oldest first, as a verifier meets them.
                late.push_front((now.clone(), recovered(&piece)));
                if newest == Some(looked_at) {
                    // Nothing is added behind a piece.
                    number = looked_at.saturating_add(1);
                }
            }
            if let Some(found) = found {
                place = found;
                break;
            }
        }
        let made = newest == Some(number);
        let size = if made { folder.read(number)?.metadata()?.len() } else { 0 };
        Ok(Self {
            folder: Arc::new(folder),
            limit,
            place,
            file: None,
            number,
            made,
            size,
            rest: Vec::new(),
            late,
            state: State::default(),
            unflushed: Vec::new(),
        })
    }

    /// The folder, for the kernel's rules.
    pub(crate) fn folder(&self) -> &AuditDir {
        &self.folder
    }

    /// The last line.
    pub(crate) fn head(&self) -> Option<Head> {
        self.place.head()
    }

    /// Writes a record that somebody's answer waits for.
    ///
    /// # Errors
    /// [`Unwritten`]: then it has to be refused.
    pub(crate) fn must(&mut self, when: &When, entry: Entry) -> Result<(), Unwritten> {
        let written = self.ready(when).and_then(|()| self.put(when.clone(), entry));
        if let Err(error) = &written {
            self.failed(error);
            self.state.refused = self.state.refused.saturating_add(1);
        }
        written
    }

    /// Writes a record that nobody waits for, now or as soon as that can be done.
    pub(crate) fn will(&mut self, when: &When, entry: Entry) {
        if self.late.len() >= MAX_LATE {
            self.state.lost = self.state.lost.saturating_add(1);
        } else {
            self.late.push_back((when.clone(), entry));
        }
        // Whoever asks next is told.
        let _late = self.ready(when);
    }

    /// Writes what is late. If that succeeds, the log can be written.
    ///
    /// # Errors
    /// [`Unwritten`].
    pub(crate) fn ready(&mut self, now: &When) -> Result<(), Unwritten> {
        let written = self.catch_up(now);
        if let Err(error) = &written {
            self.failed(error);
        }
        written
    }

    /// The same, for a request that will have no line of its own: it is refused.
    pub(crate) fn ready_for_a_request(&mut self, now: &When) -> Result<(), Unwritten> {
        let ready = self.ready(now);
        if ready.is_err() {
            self.state.refused = self.state.refused.saturating_add(1);
        }
        ready
    }

    fn catch_up(&mut self, now: &When) -> Result<(), Unwritten> {
        if self.state.unsynced {
            return Err(io::Error::other("what was written did not reach the disk").into());
        }
        self.finish_line()?;
        while let Some((when, entry)) = self.late.front().cloned() {
            let written = self.put(when, entry);
            // What is begun is in its place, and must not come twice.
            if written.as_ref().err().is_none_or(|error| error.begun) {
                self.late.pop_front();
            }
            written?;
        }
        if self.state.failing {
            let mut entry = Entry::of(Event::Unwritten);
            entry.counts.insert(REFUSED.to_owned(), self.state.refused);
            entry.counts.insert(LOST.to_owned(), self.state.lost);
            let written = self.put(now.clone(), entry);
            if written.as_ref().err().is_none_or(|error| error.begun) {
                (self.state.refused, self.state.lost) = (0, 0);
            }
            written?;
            self.state.failing = false;
            tracing::warn!("the audit log can be written again");
        }
        Ok(())
    }

    fn failed(&mut self, error: &Unwritten) {
        if !self.state.failing {
            let why = error.source.to_string();
            tracing::error!(?why, "the audit log cannot be written: nothing is granted");
        }
        self.state.failing = true;
    }

    fn put(&mut self, when: When, entry: Entry) -> Result<(), Unwritten> {
        self.finish_line()?;
        self.open_file()?;
        let (line, _) = self.place.seal(when.clone(), entry.clone());
        if self.size > 0 && self.size.saturating_add(line.len() as u64) > self.limit {
            (self.number, self.file, self.made) = (self.number.saturating_add(1), None, false);
            self.size = 0;
            self.open_file()?;
        }
        if self.size == 0 {
            let (line, next) = self.place.seal(when.clone(), Entry::of(Event::Genesis));
            self.write(&line, next).map_err(|Unwritten { source, .. }| source)?;
        }
        let (line, next) = self.place.seal(when, entry);
        self.write(&line, next)
    }

    fn open_file(&mut self) -> io::Result<()> {
        if self.file.is_some() {
            return Ok(());
        }
        let file = if self.made {
            self.folder.add_to(self.number)?
        } else {
            self.folder.create(self.number)?
        };
        self.made = true;
        self.file = Some(Arc::new(file));
        Ok(())
    }

    /// Adds one line; from its first byte on it has its place.
    fn write(&mut self, line: &[u8], next: Link) -> Result<(), Unwritten> {
        let written = self.add(line)?;
        self.place = next;
        self.rest = line.get(written..).unwrap_or_default().to_vec();
        self.finish_line().map_err(|source| Unwritten { source, begun: true })
    }

    /// Writes the rest of a line that was begun.
    fn finish_line(&mut self) -> io::Result<()> {
        while !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            match self.add(&rest) {
                Ok(written) => self.rest = rest.get(written..).unwrap_or_default().to_vec(),
                Err(error) => {
                    self.rest = rest;
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// One write at the end of the file: how much of it was taken, at least one byte.
    fn add(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let file = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let written = loop {
            match (&**file).write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(written) => break written,
                Err(error) => return Err(error),
            }
        };
        self.size = self.size.saturating_add(written as u64);
        if !self.unflushed.iter().any(|other| Arc::ptr_eq(other, file)) {
            self.unflushed.push(Arc::clone(file));
        }
        Ok(written)
    }

    /// Is there something that must be written before anything else?
    pub(crate) fn is_behind(&self) -> bool {
        let State { failing, unsynced, .. } = self.state;
        failing || unsynced || !self.rest.is_empty() || !self.late.is_empty()
    }

    /// Is there nothing to write, and nothing to flush?
    pub(crate) fn is_quiet(&self) -> bool {
        self.unflushed.is_empty() && !self.is_behind()
    }

    /// What is to be flushed, to be done without holding the log, which others write to meanwhile.
    pub(crate) fn take_unflushed(&mut self) -> Flush {
        Flush { folder: Arc::clone(&self.folder), files: std::mem::take(&mut self.unflushed) }
    }

    /// Notes how that went.
    pub(crate) fn flushed(&mut self, flush: Flush, answer: &io::Result<()>) {
        // Of nothing nothing is learnt.
        if flush.files.is_empty() {
            return;
        }
        self.state.unsynced = answer.is_err();
        if let Err(error) = answer {
            tracing::error!(error = ?error.to_string(), "the audit log does not reach the disk");
            self.state.failing = true;
            let Flush { mut files, .. } = flush;
            files.append(&mut self.unflushed);
            self.unflushed = files;
        }
    }
}

/// Files whose lines are to reach the disk.
#[derive(Debug)]
pub(crate) struct Flush {
    folder: Arc<AuditDir>,
    files: Vec<Arc<File>>,
}

impl Flush {
    /// Waits until they have.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn run(&self) -> io::Result<()> {
        if self.files.is_empty() {
            return Ok(());
        }
        self.files.iter().try_for_each(|file| file.sync_data())?;
        self.folder.flush()
    }
}

/// The place after the last whole line of a file, and the bytes that follow it.
fn end_of(file: &mut File) -> io::Result<(Option<Link>, Vec<u8>)> {
    let size = file.metadata()?.len();
    if size > MAX_READ_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut from = size.saturating_sub(END_BYTES);
    loop {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(from))?;
        file.read_to_end(&mut bytes)?;
        match last_whole(&bytes) {
            None if from > 0 => from = 0,
            None => return Ok((None, bytes)),
            Some((_, link, end)) => return Ok((Some(link), bytes.split_off(end))),
        }
    }
}

/// The record that names what a file ends with and is no whole line.
fn recovered(piece: &[u8]) -> Entry {
    let mut entry = Entry::of(Event::Recovered);
    entry.counts.insert(BYTES.to_owned(), piece.len() as u64);
    entry.tail = Some(LineHash::of(piece));
    entry
}

#[cfg(test)]
mod tests;
