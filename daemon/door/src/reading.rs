//! What may be done below a folder without changing it: look, open for reading, list.
//!
//! Shared by libraries and destinations, so that both read by the same rules; it turns errnos into
//! errors that name the object, and knows no grant (its callers do). A file is opened without
//! waiting and must then be a regular one: a pipe in the place of a photo would hang whoever opens
//! it.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use darkslide_policy::RelPath;
use rustix::fs::{AtFlags, Dir, FileType, OFlags};
use rustix::io::Errno;

use crate::beneath::{Base, Want};
use crate::error::{self, Anchor, DoorError, DoorErrorKind};
use crate::facts::{Entry, Facts, Kind};
use crate::fault::{Faults, Lack, Operation};

/// The most entries of one folder that are listed. Photos spreads its files over 16 folders, so a
/// library of a million photos stays far below; with names of 40 bytes it is some 20 MB.
pub const MAX_LIST_ENTRIES: usize = 262_144;

/// A file that was opened for reading, and what it was at that moment.
#[derive(Debug)]
pub struct SourceFile {
    file: File,
    facts: Facts,
}

impl SourceFile {
    /// The open file.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// What `fstat` told right after opening.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Asks again, to see whether it changed meanwhile.
    ///
    /// # Errors
    /// Whatever `fstat` answers.
    pub fn facts_now(&self) -> std::io::Result<Facts> {
        Facts::of(&self.file)
    }

    /// Gives the open file away.
    #[must_use]
    pub fn into_file(self) -> File {
        self.file
    }
}

/// A folder, and how errors name what is below it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Below<'a> {
    pub(crate) base: Base<'a>,
    pub(crate) anchor: &'a Anchor,
    /// Where the folder is below the anchor.
    pub(crate) prefix: &'a RelPath,
    pub(crate) faults: &'a Faults,
}

impl<'a> Below<'a> {
    pub(crate) fn failed(&self, operation: Operation, path: &RelPath, errno: Errno) -> DoorError {
        let path = error::named(self.prefix, path);
        DoorError::system(operation, self.anchor, path, errno)
    }

    pub(crate) fn refused(
        &self,
        operation: Operation,
        path: &RelPath,
        kind: DoorErrorKind,
    ) -> DoorError {
        let path = error::named(self.prefix, path);
        DoorError::refused(operation, self.anchor, path, kind)
    }

    /// Announces an operation; a test may let it fail here.
    pub(crate) fn announce(&self, operation: Operation, path: &RelPath) -> Result<(), DoorError> {
        self.faults.announce(operation).map_err(|errno| self.failed(operation, path, errno))
    }

    /// Looks at the thing itself; none where nothing is there, or a file stands where a folder
    /// would have to.
    pub(crate) fn look(&self, path: &RelPath) -> Result<Option<Facts>, DoorError> {
        self.announce(Operation::Look, path)?;
        match self.base.look(path) {
            Ok(stat) => Ok(Some(self.told(Facts::from_stat(&stat)))),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(errno) => Err(self.failed(Operation::Look, path, errno)),
        }
    }

    pub(crate) fn open_file(&self, path: &RelPath) -> Result<SourceFile, DoorError> {
        self.announce(Operation::OpenFile, path)?;
        let opened = self.base.open(path, Want::File);
        let file = opened
            .and_then(checked_file)
            .map_err(|errno| self.failed(Operation::OpenFile, path, errno))?
            .ok_or_else(|| self.refused(Operation::OpenFile, path, DoorErrorKind::NotAFile))?;
        if self.told(file.facts).is_elsewhere {
            return Err(self.refused(Operation::OpenFile, path, DoorErrorKind::Elsewhere));
        }
        Ok(file)
    }

    /// What the kernel told; a test may stand in for a disk that has no contents.
    fn told(&self, facts: Facts) -> Facts {
        let lacks = facts.kind == Kind::File && self.faults.lacks(Lack::Contents);
        Facts { is_elsewhere: facts.is_elsewhere || lacks, ..facts }
    }

    pub(crate) fn open_folder(
        &self,
        operation: Operation,
        path: &RelPath,
        want: Want,
    ) -> Result<OwnedFd, DoorError> {
        self.base.open(path, want).map_err(|errno| self.failed(operation, path, errno))
    }

    /// Opens the folder that the last component is in; what follows names that component alone.
    pub(crate) fn parent<'p>(
        &self,
        operation: Operation,
        path: &'p RelPath,
    ) -> Result<(OwnedFd, &'p str), DoorError> {
        let (parent, name) =
            path.split_last().ok_or_else(|| self.refused(operation, path, DoorErrorKind::Name))?;
        let folder = self.open_folder(operation, &parent, Want::Parent)?;
        Ok((folder, name))
    }

    /// Lists a folder, sorted by the bytes of the names.
    pub(crate) fn list(&self, path: &RelPath) -> Result<Vec<Entry>, DoorError> {
        self.list_at_most(path, MAX_LIST_ENTRIES)
    }

    pub(crate) fn list_at_most(
        &self,
        path: &RelPath,
        limit: usize,
    ) -> Result<Vec<Entry>, DoorError> {
        self.announce(Operation::List, path)?;
        let folder = self.open_folder(Operation::List, path, Want::Folder)?;
        self.entries(path, folder, limit)
    }

    /// Lists a folder that is open; `path` is for the error.
    pub(crate) fn entries(
        &self,
        path: &RelPath,
        folder: OwnedFd,
        limit: usize,
    ) -> Result<Vec<Entry>, DoorError> {
        entries(folder, limit)
            .map_err(|errno| self.failed(Operation::List, path, errno))?
            .ok_or_else(|| self.refused(Operation::List, path, DoorErrorKind::TooMany))
    }
}

/// Sees that what was opened is a regular file, and lets reads of it wait again; none where it is
/// anything else.
pub(crate) fn checked_file(opened: OwnedFd) -> Result<Option<SourceFile>, Errno> {
    let facts = Facts::of_descriptor(&opened)?;
    if facts.kind != Kind::File {
        return Ok(None);
    }
    let flags = rustix::fs::fcntl_getfl(&opened)?;
    rustix::fs::fcntl_setfl(&opened, flags - OFlags::NONBLOCK)?;
    Ok(Some(SourceFile { file: File::from(opened), facts }))
}

/// Reads the names in an open folder; none where there are more than `limit`.
fn entries(folder: OwnedFd, limit: usize) -> Result<Option<Vec<Entry>>, Errno> {
    let mut entries = Vec::new();
    let mut unknown = Vec::new();
    let mut dir = Dir::new(folder)?;
    while let Some(entry) = dir.read() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name == b"." || name == b".." {
            continue;
        }
        if entries.len() + unknown.len() == limit {
            return Ok(None);
        }
        let name = OsStr::from_bytes(name).to_owned();
        match entry.file_type() {
            FileType::Unknown => unknown.push(name),
            known => entries.push(Entry::new(name, Kind::from(known))),
        }
    }
    for name in unknown {
        // Some file systems do not tell the kind with the name; what has gone meanwhile is left
        // out.
        match look_one(&dir, &name) {
            Ok(kind) => entries.push(Entry::new(name, kind)),
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    entries.sort_unstable();
    Ok(Some(entries))
}

#[expect(clippy::disallowed_methods, reason = "the door: one name in a folder that is open")]
fn look_one(dir: &Dir, name: &OsStr) -> Result<Kind, Errno> {
    let stat = rustix::fs::statat(dir.fd()?, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(Kind::from(FileType::from_raw_mode(stat.st_mode)))
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests make what they look at")]
mod tests {
    use std::os::fd::AsFd;

    use darkslide_policy::LibraryName;

    use super::*;
    use crate::beneath::Mount;

    #[test]
    fn lists_at_the_limit_and_refuses_one_more() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b", "a", "c"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let handle = File::open(folder.path()).unwrap();
        let below = Below {
            base: Base {
                folder: handle.as_fd(),
                mount: Mount::of(handle.as_fd()).unwrap(),
                walk_only: false,
            },
            anchor: &Anchor::Library(LibraryName::parse("main").unwrap()),
            prefix: &RelPath::root(),
            faults: &Faults::none(),
        };
        let listed = below.list_at_most(&RelPath::root(), 3).unwrap();
        let names: Vec<_> = listed.iter().map(|entry| entry.name().to_owned()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        for limit in [0, 2] {
            let error = below.list_at_most(&RelPath::root(), limit).unwrap_err();
            assert_eq!(error.kind(), DoorErrorKind::TooMany, "{limit}");
        }
    }
}
