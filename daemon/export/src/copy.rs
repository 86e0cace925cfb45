//! Brings one file's content under a temporary name, finished: clone, else read and write with the
//! digest on the way.
//!
//! It alone opens files of the library for copying, and writes contents. Nothing here gives a final
//! name. The source is looked at before and after; one that changed is copied once more, then
//! reported. Whatever goes wrong, the temporary file is removed. The hazard: a photo that Photos
//! rewrites while it is read.

use std::fs::File;
use std::io::{self, Read as _, Seek, SeekFrom, Take, Write as _};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use darkslide_door::{
    Destination, Facts, Identity, LibraryDir, Operation, SourceFile, copy_range, next_data,
    random_name, start_writeout,
};
use darkslide_policy::{Component, Grant, Read};

use crate::digest::{PIECE_BYTES, digest, read_piece, up_to_its_size};
use crate::error::ExportError;
use crate::plan::{Origin, Trouble, Write};
use crate::row::{Blake3, Row, Source};
use crate::run::{Progress, Stop};
use crate::spec::Hashing;
use crate::unreadable::not_read;
use crate::world::open_origin;

/// How often a source that changes is copied.
const MAX_TRIES: usize = 2;

/// A content that stands in `tmp/`.
#[derive(Debug)]
pub(crate) struct Copied {
    pub(crate) name: Component,
    pub(crate) identity: Identity,
    /// What the manifest says once it is published.
    pub(crate) row: Row,
}

/// What became of one file.
#[derive(Debug)]
pub(crate) enum Ended {
    Copied(Box<Copied>),
    /// The library's file cannot be read; a word.
    Unreadable(&'static str),
    SourceChanged,
    Stopped,
}

/// Copies from one library to one destination. Shared by all workers.
pub(crate) struct Copier<'a> {
    pub(crate) destination: &'a Destination<'a>,
    pub(crate) library: &'a LibraryDir,
    pub(crate) grant: &'a Grant<Read>,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) stop: &'a (dyn Fn() -> Stop + Sync),
    pub(crate) hashing: Hashing,
    /// An asset in several places is copied once, and cloned from there.
    pub(crate) clone_same_file: bool,
    /// Cleared once the two file systems have said that they share no content.
    pub(crate) clones: AtomicBool,
    /// Cleared once the destination's has said that it shares none.
    pub(crate) clones_within: AtomicBool,
}

/// Why a content did not get to its end.
enum Broken {
    Trouble(Trouble),
    Stopped,
}

impl<E: Into<ExportError>> From<E> for Broken {
    fn from(error: E) -> Self {
        Self::Trouble(Trouble::Job(error.into()))
    }
}

/// What a worker keeps from one file to the next.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    buffer: Vec<u8>,
    /// The file that was copied last, and where its content comes from.
    last: Option<Last>,
}

#[derive(Debug)]
struct Last {
    origin: Origin,
    source: Source,
    file: File,
    blake3: Option<Blake3>,
}

impl Desk {
    /// Lets the last file go.
    pub(crate) fn forget(&mut self) {
        self.last = None;
    }
}

impl Copier<'_> {
    /// Copies one file; `desk` is the worker's own.
    pub(crate) fn copy(&self, write: &Write, desk: &mut Desk) -> Result<Ended, ExportError> {
        if (self.stop)() != Stop::GoOn {
            return Ok(Ended::Stopped);
        }
        if let Origin::Made(text) = &write.origin {
            return self.make(write, text);
        }
        match self.copy_again(write, desk) {
            Ok(None) => {}
            Ok(Some(copied)) => return Ok(Ended::Copied(Box::new(copied))),
            Err(broken) => return ended(broken),
        }
        for _ in 0..MAX_TRIES {
            let source = match open_origin(self.library, self.grant, &write.origin) {
                Ok(source) => source,
                Err(trouble) => return ended(Broken::Trouble(trouble)),
            };
            match self.copy_once(write, &source, desk) {
                Ok(Some(copied)) => return Ok(Ended::Copied(Box::new(copied))),
                Ok(None) => {}
                Err(broken) => return ended(broken),
            }
            if (self.stop)() != Stop::GoOn {
                return Ok(Ended::Stopped);
            }
        }
        Ok(Ended::SourceChanged)
    }

    /// Can the destination share this content with the library? Leaves nothing behind.
    pub(crate) fn can_clone(&self, write: &Write) -> Result<bool, ExportError> {
        let source = match open_origin(self.library, self.grant, &write.origin) {
            Ok(source) => source,
            Err(Trouble::Source(_)) => return Ok(false),
            Err(Trouble::Job(error)) => return Err(error),
        };
        if source.facts().identity.device() != self.destination.identity().device() {
            return Ok(false);
        }
        let name = random_name();
        match self.destination.clone_temporary(source.file(), &name)? {
            None => Ok(false),
            Some(file) => {
                let identity = Facts::of(&file)?.identity;
                Ok(self.destination.remove_temporary(&name, identity)?)
            }
        }
    }

    /// A content that is made here.
    fn make(&self, write: &Write, text: &str) -> Result<Ended, ExportError> {
        let name = random_name();
        let file = self.destination.create_temporary(&name)?;
        self.destination.faults().check(Operation::Write)?;
        (&file).write_all(text.as_bytes())?;
        self.progress.bytes(write.source.size);
        let blake3 = Some(blake3::hash(text.as_bytes()).into());
        let copied = self.finished(write, name, &file, blake3, write.source)?;
        start_writeout(&file)?;
        Ok(Ended::Copied(Box::new(copied)))
    }

    /// The same content as the file before, in another place: a clone of that one, where the file
    /// system can.
    fn copy_again(&self, write: &Write, desk: &Desk) -> Result<Option<Copied>, Broken> {
        let is_same = |last: &&Last| (&last.origin, last.source) == (&write.origin, write.source);
        let Some(last) = desk.last.as_ref().filter(is_same) else { return Ok(None) };
        if !self.clone_same_file || !self.clones_within.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let name = random_name();
        let Some(file) = self.destination.clone_temporary(&last.file, &name)? else {
            self.clones_within.store(false, Ordering::Relaxed);
            return Ok(None);
        };
        self.progress.bytes(write.source.size);
        Ok(Some(self.finished(write, name, &file, last.blake3, last.source)?))
    }

    /// None if the source changed meanwhile.
    fn copy_once(
        &self,
        write: &Write,
        source: &SourceFile,
        desk: &mut Desk,
    ) -> Result<Option<Copied>, Broken> {
        let name = random_name();
        let (file, cloned) = self.create(source, &name)?;
        let identity = Facts::of(&file)?.identity;
        match self.fill(write, source, &name, &file, cloned, desk) {
            Ok(Some(copied)) => {
                let blake3 = copied.row.blake3;
                let (origin, source) = (write.origin.clone(), write.source);
                desk.last = Some(Last { origin, source, file, blake3 });
                Ok(Some(copied))
            }
            other => {
                // What cannot be removed now is removed when the journal is settled.
                let _removed = self.destination.remove_temporary(&name, identity);
                other.map(|_| None)
            }
        }
    }

    fn create(&self, source: &SourceFile, name: &Component) -> Result<(File, bool), ExportError> {
        if self.clones.load(Ordering::Relaxed) {
            match self.destination.clone_temporary(source.file(), name)? {
                Some(file) => return Ok((file, true)),
                None => self.clones.store(false, Ordering::Relaxed),
            }
        }
        Ok((self.destination.create_temporary(name)?, false))
    }

    fn fill(
        &self,
        write: &Write,
        source: &SourceFile,
        name: &Component,
        file: &File,
        cloned: bool,
        desk: &mut Desk,
    ) -> Result<Option<Copied>, Broken> {
        let before = source.facts();
        let blake3 = match (cloned, self.hashing) {
            (true, Hashing::Never | Hashing::Copied) => None,
            (true, Hashing::Always) => Some(self.digest(source)?),
            (false, Hashing::Copied | Hashing::Always) => {
                Some(self.pump_hashed(source, file, &mut desk.buffer)?)
            }
            (false, Hashing::Never) => {
                self.move_bytes(source, file, &mut desk.buffer)?;
                None
            }
        };
        if cloned {
            self.progress.bytes(before.size);
        }
        let after = source.facts_now().map_err(|error| Broken::Trouble(not_read(error)))?;
        let copied = self.finished(write, name.clone(), file, blake3, Source::from(before))?;
        if !is_same(before, &after) || copied.row.size != before.size {
            return Ok(None);
        }
        if !cloned {
            start_writeout(file)?;
        }
        Ok(Some(copied))
    }

    fn finished(
        &self,
        write: &Write,
        name: Component,
        file: &File,
        blake3: Option<Blake3>,
        source: Source,
    ) -> Result<Copied, ExportError> {
        let mtime = write.mtime.map(crate::row::Stamp::to_file_time);
        let facts = self.destination.finish(&name, file, mtime)?;
        let row = Row {
            key: write.key.clone(),
            path: write.path.clone(),
            size: facts.size,
            mtime: facts.mtime.into(),
            inode: facts.identity.inode(),
            blake3,
            source,
            adopted: false,
        };
        Ok(Copied { name, identity: facts.identity, row })
    }

    fn digest(&self, source: &SourceFile) -> Result<Blake3, Broken> {
        let go_on = || (self.stop)() != Stop::Now;
        let digest = digest(source, self.destination.faults(), go_on);
        digest.map_err(|error| Broken::Trouble(not_read(error)))?.ok_or(Broken::Stopped)
    }

    /// Without a hash: by the kernel, and what it leaves by reading and writing.
    fn move_bytes(
        &self,
        source: &SourceFile,
        file: &File,
        buffer: &mut Vec<u8>,
    ) -> Result<(), Broken> {
        let whole = 0..source.facts().size;
        let mut told = 0;
        let mut go_on = |at: u64| {
            self.progress.bytes(at.saturating_sub(told));
            told = at;
            (self.stop)() != Stop::Now
        };
        let faults = self.destination.faults();
        let at = copy_range(source.file(), file, whole, faults, &mut go_on);
        self.progress.bytes(at.saturating_sub(told));
        let from = source.file();
        seek(from, at).map_err(|error| Broken::Trouble(not_read(error)))?;
        seek(file, at)?;
        // One that grows faster than it is copied has an end all the same; its facts differ then.
        let rest = source.facts().size.saturating_sub(at).saturating_add(1);
        self.pump(from.take(rest), file, buffer, |_| ())
    }

    fn pump_hashed(
        &self,
        source: &SourceFile,
        file: &File,
        buffer: &mut Vec<u8>,
    ) -> Result<Blake3, Broken> {
        let mut hasher = blake3::Hasher::new();
        let size = source.facts().size;
        let mut at = 0;
        // A hole is hashed as the zeros that it reads as, and neither read nor written.
        while at < size {
            let data = next_data(source.file(), at..size);
            self.hash_zeros(data.start - at, &mut hasher, buffer)?;
            if data == (0..size) {
                break;
            }
            self.copy_part(source, file, &data, buffer, &mut hasher)?;
            at = data.end;
        }
        if at == 0 {
            seek(source.file(), 0).map_err(|error| Broken::Trouble(not_read(error)))?;
            self.pump(up_to_its_size(source), file, buffer, |piece| {
                hasher.update(piece);
            })?;
        } else {
            file.set_len(size)?;
        }
        Ok(hasher.finalize().into())
    }

    /// One part of a file that has holes.
    fn copy_part(
        &self,
        source: &SourceFile,
        file: &File,
        part: &Range<u64>,
        buffer: &mut Vec<u8>,
        hasher: &mut blake3::Hasher,
    ) -> Result<(), Broken> {
        seek(source.file(), part.start).map_err(|error| Broken::Trouble(not_read(error)))?;
        seek(file, part.start)?;
        let from = source.file().take(part.end - part.start);
        self.pump(from, file, buffer, |piece| {
            hasher.update(piece);
        })
    }

    fn hash_zeros(
        &self,
        mut bytes: u64,
        hasher: &mut blake3::Hasher,
        buffer: &mut Vec<u8>,
    ) -> Result<(), Broken> {
        if bytes == 0 {
            return Ok(());
        }
        buffer.clear();
        buffer.resize(PIECE_BYTES, 0);
        while bytes > 0 {
            if (self.stop)() == Stop::Now {
                return Err(Broken::Stopped);
            }
            let length = usize::try_from(bytes).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
            hasher.update(buffer.get(..length).unwrap_or_default());
            let hashed = u64::try_from(length).unwrap_or(0);
            self.progress.bytes(hashed);
            bytes -= hashed;
        }
        Ok(())
    }

    fn pump(
        &self,
        mut from: Take<&File>,
        mut file: &File,
        buffer: &mut Vec<u8>,
        mut each: impl FnMut(&[u8]),
    ) -> Result<(), Broken> {
        let faults = self.destination.faults();
        buffer.resize(PIECE_BYTES, 0);
        loop {
            if (self.stop)() == Stop::Now {
                return Err(Broken::Stopped);
            }
            let read = read_piece(&mut from, buffer, faults)
                .map_err(|error| Broken::Trouble(not_read(error)))?;
            let piece = buffer.get(..read).unwrap_or_default();
            if piece.is_empty() {
                return Ok(());
            }
            each(piece);
            faults.check(Operation::Write).map_err(ExportError::from)?;
            file.write_all(piece)?;
            self.progress.bytes(u64::try_from(read).unwrap_or(0));
        }
    }
}

fn seek(mut file: &File, at: u64) -> io::Result<u64> {
    file.seek(SeekFrom::Start(at))
}

/// What is wrong with one file is how it ended; all else ends the job.
fn ended(broken: Broken) -> Result<Ended, ExportError> {
    match broken {
        Broken::Stopped => Ok(Ended::Stopped),
        Broken::Trouble(Trouble::Source(word)) => Ok(Ended::Unreadable(word)),
        Broken::Trouble(Trouble::Job(error)) => Err(error),
    }
}

/// Did nobody touch the file between the two looks?
fn is_same(before: &Facts, after: &Facts) -> bool {
    before.identity == after.identity
        && before.size == after.size
        && before.mtime == after.mtime
        && before.ctime == after.ctime
}
