//! Brings one file's content under a temporary name, finished: clone, else read and write with the
//! digest on the way.
//!
//! It alone opens files of the library for copying, and writes contents. Nothing here gives a final
//! name. The source is looked at before and after; one that changed is copied once more, then
//! reported. Whatever goes wrong, the temporary file is removed. The hazard: a photo that Photos
//! rewrites while it is read.

use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use darkslide_door::{
    Destination, Facts, Identity, LibraryDir, Operation, SourceFile, random_name, start_writeout,
};
use darkslide_policy::{Component, Grant, Read};

use crate::digest::{PIECE_BYTES, read_piece, up_to_its_size};
use crate::error::ExportError;
use crate::plan::{Copy, Trouble};
use crate::row::{Blake3, Row, Source};
use crate::run::{Progress, Stop};
use crate::unreadable::{not_opened, not_read};

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
    /// Cleared once the two file systems have said that they share no content.
    pub(crate) clones: AtomicBool,
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

impl Copier<'_> {
    /// Copies one file; `buffer` is the worker's own.
    pub(crate) fn copy(&self, copy: &Copy, buffer: &mut Vec<u8>) -> Result<Ended, ExportError> {
        for _ in 0..MAX_TRIES {
            if (self.stop)() != Stop::GoOn {
                return Ok(Ended::Stopped);
            }
            let source = match self.library.open_file(self.grant, &copy.here.path) {
                Ok(source) => source,
                Err(error) => return ended(not_opened(error)),
            };
            match self.copy_once(copy, &source, buffer) {
                Ok(Some(copied)) => return Ok(Ended::Copied(Box::new(copied))),
                Ok(None) => {}
                Err(Broken::Trouble(trouble)) => return ended(trouble),
                Err(Broken::Stopped) => return Ok(Ended::Stopped),
            }
        }
        Ok(Ended::SourceChanged)
    }

    /// Can the destination share this content with the library? Leaves nothing behind.
    pub(crate) fn can_clone(&self, copy: &Copy) -> Result<bool, ExportError> {
        let source = match self.library.open_file(self.grant, &copy.here.path) {
            Ok(source) => source,
            Err(error) => {
                return match not_opened(error) {
                    Trouble::Source(_) => Ok(false),
                    Trouble::Job(error) => Err(error),
                };
            }
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

    /// None if the source changed meanwhile.
    fn copy_once(
        &self,
        copy: &Copy,
        source: &SourceFile,
        buffer: &mut Vec<u8>,
    ) -> Result<Option<Copied>, Broken> {
        let name = random_name();
        let (file, cloned) = self.make(source, &name)?;
        let identity = Facts::of(&file)?.identity;
        let answer = self.fill(copy, source, &name, &file, cloned, buffer);
        match answer {
            Ok(Some(row)) => Ok(Some(Copied { name, identity, row })),
            other => {
                // What cannot be removed now is removed when the journal is settled.
                let _removed = self.destination.remove_temporary(&name, identity);
                other.map(|_| None)
            }
        }
    }

    fn make(&self, source: &SourceFile, name: &Component) -> Result<(File, bool), ExportError> {
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
        copy: &Copy,
        source: &SourceFile,
        name: &Component,
        file: &File,
        cloned: bool,
        buffer: &mut Vec<u8>,
    ) -> Result<Option<Row>, Broken> {
        let before = source.facts();
        let blake3 = if cloned {
            self.progress.bytes(before.size);
            None
        } else {
            Some(self.pump(source, file, buffer)?)
        };
        let after = source.facts_now().map_err(|error| Broken::Trouble(not_read(error)))?;
        let facts = self.destination.finish(name, file, copy.wanted.mtime)?;
        if !is_same(before, &after) || facts.size != before.size {
            return Ok(None);
        }
        if !cloned {
            start_writeout(file)?;
        }
        Ok(Some(Row {
            key: copy.wanted.key.clone(),
            path: copy.path.clone(),
            size: facts.size,
            mtime: facts.mtime.into(),
            inode: facts.identity.inode(),
            blake3,
            source: Source::from(before),
            adopted: false,
        }))
    }

    fn pump(
        &self,
        source: &SourceFile,
        mut file: &File,
        buffer: &mut Vec<u8>,
    ) -> Result<Blake3, Broken> {
        let faults = self.destination.faults();
        let mut hasher = blake3::Hasher::new();
        // One that grows faster than it is copied has an end all the same; its facts differ then.
        let mut from = up_to_its_size(source);
        buffer.resize(PIECE_BYTES, 0);
        loop {
            if (self.stop)() == Stop::Now {
                return Err(Broken::Stopped);
            }
            let read = read_piece(&mut from, buffer, faults)
                .map_err(|error| Broken::Trouble(not_read(error)))?;
            let piece = buffer.get(..read).unwrap_or_default();
            if piece.is_empty() {
                return Ok(hasher.finalize().into());
            }
            hasher.update(piece);
            faults.check(Operation::Write).map_err(ExportError::from)?;
            file.write_all(piece)?;
            self.progress.bytes(u64::try_from(read).unwrap_or(0));
        }
    }
}

/// What is wrong with one file is how it ended; all else ends the job.
fn ended(trouble: Trouble) -> Result<Ended, ExportError> {
    match trouble {
        Trouble::Source(word) => Ok(Ended::Unreadable(word)),
        Trouble::Job(error) => Err(error),
    }
}

/// Did nobody touch the file between the two looks?
fn is_same(before: &Facts, after: &Facts) -> bool {
    before.identity == after.identity
        && before.size == after.size
        && before.mtime == after.mtime
        && before.ctime == after.ctime
}
