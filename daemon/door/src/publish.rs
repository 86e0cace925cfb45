//! Gives names to finished files, and moves and exchanges the names that people see.
//!
//! It says which names may be moved where; how a name is given without replacing another is in
//! `rename.rs`. What the caller knows of a file (its identity) is compared before and after, so
//! that a stranger's file under a temporary name is not taken for ours. An exchange brings the old
//! file to `aside/`, where the caller looks whose it is. The hazard: between a look and a rename
//! somebody puts his own file, folder or link there.

use std::os::fd::{AsFd, OwnedFd};

use darkslide_policy::{Component, RelPath};
use rustix::io::Errno;

use crate::beneath::Want;
use crate::destination::Destination;
use crate::error::{DoorError, DoorErrorKind};
use crate::facts::{Entry, Facts, Identity, Kind};
use crate::fault::Operation;
use crate::record::{self, Area};
use crate::rename::{self, Spot, Way};

/// A file that stands under its final name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// What `stat` told under the final name.
    pub facts: Facts,
    /// How it came there.
    pub way: Way,
}

/// What two names have after an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchanged {
    /// In `aside/`: what came out.
    pub aside: Facts,
    /// Under the name that people see: what went in, unless somebody was there since.
    pub named: Facts,
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
        let operation = Operation::Publish;
        self.refuse_record(operation, to)?;
        let (folder, name) = self.below().parent(operation, to)?;
        let onto = Spot { folder: folder.as_fd(), name: name.as_ref() };
        self.move_temporary(operation, temporary, expected, onto, to)
    }

    /// Moves a temporary file to `.darkslide/aside/`, for an exchange with the file that it is to
    /// replace.
    ///
    /// # Errors
    /// Those of [`Destination::publish`].
    pub fn move_temporary_aside(
        &self,
        temporary: &Component,
        expected: Identity,
        aside: &Component,
    ) -> Result<Published, DoorError> {
        let operation = Operation::Rename;
        let folder = self.area(operation, Area::Aside)?;
        let onto = Spot { folder: folder.as_fd(), name: aside.as_str().as_ref() };
        let path = Area::Aside.join(aside.as_str());
        self.move_temporary(operation, temporary, expected, onto, &path)
    }

    /// Exchanges a file in `.darkslide/aside/` and one that people see, and answers what both names
    /// have afterwards: what came out is for the caller to judge.
    ///
    /// # Errors
    /// [`DoorErrorKind::NotFound`] where one is missing, [`NotAFile`](DoorErrorKind::NotAFile)
    /// where one is no regular file (what is exchanged for one at the last moment is put back);
    /// [`Replaced`](DoorErrorKind::Replaced) where it could not be put back, since our own file was
    /// gone by then: it stands in `aside/`; [`Link`](DoorErrorKind::Link),
    /// [`OutsideRoot`](DoorErrorKind::OutsideRoot); [`Name`](DoorErrorKind::Name) for a name inside
    /// `.darkslide/`; [`Io`](DoorErrorKind::Io) where [`Destination::probe_renames`] says that the
    /// file system cannot.
    pub fn exchange(&self, aside: &Component, to: &RelPath) -> Result<Exchanged, DoorError> {
        let operation = Operation::Exchange;
        let below = self.below();
        let failed = |errno| below.failed(operation, to, errno);
        let not_a_file = || below.refused(operation, to, DoorErrorKind::NotAFile);
        self.refuse_record(operation, to)?;
        if !self.probe_renames()?.exchange {
            return Err(failed(Errno::OPNOTSUPP));
        }
        let (folder, name) = below.parent(operation, to)?;
        let own = self.area(operation, Area::Aside)?;
        let named = Spot { folder: folder.as_fd(), name: name.as_ref() };
        let aside = Spot { folder: own.as_fd(), name: aside.as_str().as_ref() };
        below.announce(operation, to)?;
        let ours = aside.look().map_err(failed)?;
        let theirs = named.look().map_err(failed)?;
        if ours.kind != Kind::File || theirs.kind != Kind::File {
            return Err(not_a_file());
        }
        rename::exchanging(aside, named, self.faults()).map_err(failed)?;
        let came_out = aside.look().map_err(failed)?;
        if came_out.kind != Kind::File {
            // Somebody put it there after the look. Only for our own file it is given back.
            let holds_ours = named.look().is_ok_and(|now| now.identity == ours.identity);
            if !holds_ours {
                return Err(below.refused(operation, to, DoorErrorKind::Replaced));
            }
            rename::exchanging(aside, named, self.faults()).map_err(failed)?;
            return Err(not_a_file());
        }
        Ok(Exchanged { aside: came_out, named: named.look().map_err(failed)? })
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
        let (folder, name) = self.parent_of_movable(Operation::Rename, from)?;
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

    /// Names in a `.darkslide/` are not for people to see.
    pub(crate) fn refuse_record(
        &self,
        operation: Operation,
        path: &RelPath,
    ) -> Result<(), DoorError> {
        if record::is_within_record(path) {
            return Err(self.below().refused(operation, path, DoorErrorKind::Name));
        }
        Ok(())
    }

    /// Moves a temporary file that the caller knows; `to` is for the error.
    fn move_temporary(
        &self,
        operation: Operation,
        temporary: &Component,
        expected: Identity,
        onto: Spot<'_>,
        to: &RelPath,
    ) -> Result<Published, DoorError> {
        let below = self.below();
        let failed = |errno| below.failed(operation, to, errno);
        let replaced = || below.refused(operation, to, DoorErrorKind::Replaced);
        let exclusive = self.probe_renames()?.exclusive;
        let own = self.area(operation, Area::Temporaries)?;
        let from = Spot { folder: own.as_fd(), name: temporary.as_str().as_ref() };
        below.announce(operation, to)?;
        if from.look().map_err(failed)?.identity != expected {
            return Err(replaced());
        }
        let way =
            rename::without_replacing(from, onto, exclusive, self.faults()).map_err(failed)?;
        let facts = onto.look().map_err(failed)?;
        if facts.identity != expected {
            return Err(replaced());
        }
        Ok(Published { facts, way })
    }

    /// Opens the folder around a name; one of the record has to be ours alone.
    pub(crate) fn parent_of_movable<'p>(
        &self,
        operation: Operation,
        path: &'p RelPath,
    ) -> Result<(OwnedFd, &'p str), DoorError> {
        match path.split_last() {
            Some((folder, name)) if record::is_within_record(&folder) => {
                Ok((self.own_folder(operation, &folder, Want::Parent)?, name))
            }
            _ => self.below().parent(operation, path),
        }
    }

    fn rename(&self, old: Spot<'_>, from: &RelPath, to: &RelPath) -> Result<Way, DoorError> {
        let below = self.below();
        let exclusive = self.probe_renames()?.exclusive;
        let (folder, name) = self.parent_of_movable(Operation::Rename, to)?;
        below.announce(Operation::Rename, to)?;
        let new = Spot { folder: folder.as_fd(), name: name.as_ref() };
        rename::without_replacing(old, new, exclusive, self.faults()).map_err(|errno| {
            let about = if errno == Errno::NOENT { from } else { to };
            below.failed(Operation::Rename, about, errno)
        })
    }
}
