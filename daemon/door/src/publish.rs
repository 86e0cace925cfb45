//! Makes a finished file appear under its final name; holds every rename of the program.
//!
//! Two kinds, and no third. One replaces nothing, for the names that people see: the kernel's
//! exclusive rename, or a link and an unlink where a file system does not know that flag; never a
//! look followed by a plain rename. One replaces, for the files of our own record in `.darkslide/`
//! only. A crash at any point leaves nothing under the final name, or the whole file. The hazard: a
//! plain rename silently replaces what somebody put there a moment ago, a link included.

#![expect(clippy::disallowed_methods, reason = "the door: owns every rename")]

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use darkslide_policy::{Component, RelPath};
use rustix::fs::{AtFlags, RenameFlags};
use rustix::io::Errno;
use rustix::path::Arg;

use crate::beneath::Want;
use crate::destination::Destination;
use crate::error::{DoorError, DoorErrorKind};
use crate::facts::{Entry, Facts, Identity};
use crate::fault::{Faults, Operation};
use crate::record::{self, Area};

/// How a name was given without replacing another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By the kernel's exclusive rename.
    Renamed,
    /// By a hard link and the removal of the old name: the file system does not know the other.
    Linked,
}

/// A file that stands under its final name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// What `stat` told under the final name.
    pub facts: Facts,
    /// How it came there.
    pub way: Way,
}

impl Destination<'_> {
    /// Gives the temporary file its final name, and replaces nothing.
    ///
    /// # Errors
    /// [`DoorErrorKind::Exists`] where anything has that name, a dangling link too;
    /// [`Replaced`](DoorErrorKind::Replaced) where the temporary file, or what stands under the
    /// final name afterwards, is not `expected` (nothing is removed then);
    /// [`NotFound`](DoorErrorKind::NotFound) where the temporary file or the folder is missing;
    /// [`Link`](DoorErrorKind::Link), [`OutsideRoot`](DoorErrorKind::OutsideRoot);
    /// [`Name`](DoorErrorKind::Name) for a name inside `.darkslide/`.
    pub fn publish(
        &self,
        temporary: &Component,
        expected: Identity,
        to: &RelPath,
    ) -> Result<Published, DoorError> {
        let below = self.below();
        if record::is_within_record(to) {
            return Err(below.refused(Operation::Publish, to, DoorErrorKind::Name));
        }
        let (folder, name) = below.parent(Operation::Publish, to)?;
        let own = self.area(Operation::Publish, Area::Temporaries)?;
        let failed = |errno| below.failed(Operation::Publish, to, errno);
        let replaced = || below.refused(Operation::Publish, to, DoorErrorKind::Replaced);
        below.announce(Operation::Publish, to)?;
        let before = look_at(own.as_fd(), temporary.as_str()).map_err(failed)?;
        if before.identity != expected {
            return Err(replaced());
        }
        let from = Spot { folder: own.as_fd(), name: temporary.as_str().as_ref() };
        let onto = Spot { folder: folder.as_fd(), name: name.as_ref() };
        let way = move_without_replacing(from, onto, self.faults()).map_err(failed)?;
        let facts = look_at(folder.as_fd(), name).map_err(failed)?;
        if facts.identity != expected {
            return Err(replaced());
        }
        Ok(Published { facts, way })
    }

    /// Renames without replacing: names that people see, and to and from `.darkslide/aside/` and
    /// `.darkslide/trash/` (from `.darkslide/tmp/` too). Both folders have to be there.
    ///
    /// # Errors
    /// [`DoorErrorKind::Exists`], [`NotFound`](DoorErrorKind::NotFound),
    /// [`Link`](DoorErrorKind::Link), [`OutsideRoot`](DoorErrorKind::OutsideRoot);
    /// [`ForeignRecord`](DoorErrorKind::ForeignRecord) for a folder of the record that is not ours
    /// alone; [`Name`](DoorErrorKind::Name) for any other name in `.darkslide/`.
    pub fn rename_exclusive(&self, from: &RelPath, to: &RelPath) -> Result<Way, DoorError> {
        let below = self.below();
        for (path, movable) in
            [(from, record::may_be_moved_from(from)), (to, record::may_be_moved_to(to))]
        {
            if !movable {
                return Err(below.refused(Operation::Rename, path, DoorErrorKind::Name));
            }
        }
        let (folder, name) = self.parent_of_movable(from)?;
        self.rename(Spot { folder: folder.as_fd(), name: name.as_ref() }, from, to)
    }

    /// The same, out of `.darkslide/tmp` or `.darkslide/aside`, for a name that need be no text.
    ///
    /// # Errors
    /// Those of [`Destination::rename_exclusive`].
    pub fn rename_entry(
        &self,
        folder: &RelPath,
        entry: &Entry,
        to: &RelPath,
    ) -> Result<Way, DoorError> {
        let below = self.below();
        let ours = [Area::Temporaries, Area::Aside].iter().any(|area| area.path() == *folder);
        if !ours || !record::may_be_moved_to(to) {
            return Err(below.refused(Operation::Rename, folder, DoorErrorKind::Name));
        }
        let handle = self.own_folder(Operation::Rename, folder, Want::Parent)?;
        self.rename(Spot { folder: handle.as_fd(), name: entry.name() }, folder, to)
    }

    /// Opens the folder around a name; one of the record has to be ours alone.
    fn parent_of_movable<'p>(&self, path: &'p RelPath) -> Result<(OwnedFd, &'p str), DoorError> {
        match path.split_last() {
            Some((folder, name)) if record::is_within_record(&folder) => {
                Ok((self.own_folder(Operation::Rename, &folder, Want::Parent)?, name))
            }
            _ => self.below().parent(Operation::Rename, path),
        }
    }

    fn rename(&self, old: Spot<'_>, from: &RelPath, to: &RelPath) -> Result<Way, DoorError> {
        let below = self.below();
        let (folder, name) = self.parent_of_movable(to)?;
        below.announce(Operation::Rename, to)?;
        let new = Spot { folder: folder.as_fd(), name: name.as_ref() };
        move_without_replacing(old, new, self.faults()).map_err(|errno| {
            let about = if errno == Errno::NOENT { from } else { to };
            below.failed(Operation::Rename, about, errno)
        })
    }
}

/// One name in an open folder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spot<'a> {
    pub(crate) folder: BorrowedFd<'a>,
    pub(crate) name: &'a OsStr,
}

/// Moves one name to another that must be free.
pub(crate) fn move_without_replacing(
    from: Spot<'_>,
    to: Spot<'_>,
    faults: &Faults,
) -> Result<Way, Errno> {
    let answer = if faults.lacks_exclusive_rename() {
        Err(Errno::INVAL)
    } else {
        rustix::fs::renameat_with(
            from.folder,
            from.name,
            to.folder,
            to.name,
            RenameFlags::NOREPLACE,
        )
    };
    match answer {
        Ok(()) => Ok(Way::Renamed),
        Err(errno) if flag_is_unknown(errno) => link_and_unlink(from, to),
        Err(errno) => Err(errno),
    }
}

/// The kernel or the file system does not know the flag. (`OPNOTSUPP` and `NOTSUP` are two numbers
/// on a Mac.)
fn flag_is_unknown(errno: Errno) -> bool {
    [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP, Errno::NOTSUP].contains(&errno)
}

/// A link never replaces either. Between the two steps the file has both names, whole.
fn link_and_unlink(from: Spot<'_>, to: Spot<'_>) -> Result<Way, Errno> {
    rustix::fs::linkat(from.folder, from.name, to.folder, to.name, AtFlags::empty())?;
    match rustix::fs::unlinkat(from.folder, from.name, AtFlags::empty()) {
        // Somebody removed the old name first; the file is where it should be.
        Ok(()) | Err(Errno::NOENT) => Ok(Way::Linked),
        Err(errno) => {
            // Take the new name back, so that an error means "it did not happen", unless it is
            // somebody else's by now.
            let old = look_at(from.folder, from.name)?;
            if look_at(to.folder, to.name)?.identity == old.identity {
                rustix::fs::unlinkat(to.folder, to.name, AtFlags::empty())?;
            }
            Err(errno)
        }
    }
}

/// Puts a new form of a file of our own record in the place of the old one, in one folder of
/// `.darkslide/`.
pub(crate) fn replace_own(folder: BorrowedFd<'_>, new: &str, name: &str) -> Result<(), Errno> {
    // By the same call as the other kind, so that the filter has one rename to allow.
    rustix::fs::renameat_with(folder, new, folder, name, RenameFlags::empty())
}

/// Looks at one name in an open folder, and never behind a link.
pub(crate) fn look_at(folder: BorrowedFd<'_>, name: impl Arg) -> Result<Facts, Errno> {
    let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(Facts::from_stat(&stat))
}
