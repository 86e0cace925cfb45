//! A library bundle, and the folders outside it that its originals may be in: looked at, listed and
//! read, without a method that writes.
//!
//! It alone opens files of a library, but for SQLite, which gets the real path and is compared with
//! [`LibraryDir::identity`] afterwards. Every access takes a `Grant<Read>` of that very library,
//! outside the bundle one that covers the folder. The hazard: a link, or a row of the database,
//! that makes the daemon read elsewhere with the one right that nobody else has.

use std::os::fd::BorrowedFd;

use darkslide_policy::{AbsPath, Grant, LibraryName, Read, RelPath};

use crate::error::{self, Anchor, DoorError, DoorErrorKind};
use crate::facts::{Entry, Facts, Identity};
use crate::fault::{Faults, Operation};
use crate::pinned::Pinned;
use crate::probe;
use crate::reading::SourceFile;
use crate::referenced::{self, ReferencedDir};

/// An open library bundle.
#[derive(Debug)]
pub struct LibraryDir {
    name: LibraryName,
    pinned: Pinned,
    referenced: Vec<ReferencedDir>,
}

impl LibraryDir {
    /// Opens a bundle at boot. Links in the policy's own spelling of the path are followed here,
    /// once.
    ///
    /// # Errors
    /// [`DoorErrorKind::NotFound`], [`NotAFolder`](DoorErrorKind::NotAFolder),
    /// [`Permission`](DoorErrorKind::Permission); [`Name`](DoorErrorKind::Name) where its real path
    /// is not text or too deep.
    pub fn open(name: LibraryName, path: &AbsPath) -> Result<Self, DoorError> {
        Self::open_with_faults(name, path, Faults::none())
    }

    /// The same, with what a test wants to go wrong.
    ///
    /// # Errors
    /// Those of [`LibraryDir::open`].
    pub fn open_with_faults(
        name: LibraryName,
        path: &AbsPath,
        faults: Faults,
    ) -> Result<Self, DoorError> {
        let pinned = Pinned::open(Anchor::Library(name.clone()), path, faults)?;
        Ok(Self { name, pinned, referenced: Vec::new() })
    }

    /// Opens, at boot, a folder outside the bundle for referenced originals. One that cannot be
    /// opened is kept with the reason, and the library goes on without it.
    pub fn add_referenced(&mut self, path: AbsPath) {
        let faults = self.pinned.faults().clone();
        self.referenced.push(ReferencedDir::open(&self.name, path, faults));
    }

    /// The folders of referenced originals, in the order of the policy.
    #[must_use]
    pub fn referenced(&self) -> &[ReferencedDir] {
        &self.referenced
    }

    /// Does the bundle hold that folder, or lie in it, by whatever spelling?
    #[must_use]
    pub fn overlaps_referenced(&self, folder: &ReferencedDir) -> bool {
        folder.overlaps(&self.pinned)
    }

    /// Its name in the policy.
    #[must_use]
    pub fn name(&self) -> &LibraryName {
        &self.name
    }

    /// Its path without links, for the kernel's rules and for messages; what is opened by a path
    /// takes [`LibraryDir::database_path`].
    #[must_use]
    pub fn real_path(&self) -> &AbsPath {
        self.pinned.real_path()
    }

    /// Which folder it is.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.pinned.identity()
    }

    /// The folders from `/` down to it, itself included: whoever has another's identity in its
    /// lineage lies in it.
    #[must_use]
    pub fn lineage(&self) -> &[Identity] {
        self.pinned.lineage()
    }

    /// Its handle, for the kernel's rules.
    #[must_use]
    pub fn handle(&self) -> BorrowedFd<'_> {
        self.pinned.handle()
    }

    /// Does its path still lead to the folder that was opened?
    ///
    /// # Errors
    /// Whatever looking answers, but that nothing is there, which is `false`.
    pub fn still_there(&self) -> Result<bool, DoorError> {
        self.pinned.still_there()
    }

    /// Tries, at boot, whether a byte of the library can be read. Call it before any SQLite
    /// connection to the library exists in this process: closing another descriptor of a database
    /// file drops SQLite's locks on it.
    ///
    /// # Errors
    /// What the kernel answers, [`DoorErrorKind::Permission`] above all.
    pub fn probe(&self) -> Result<(), DoorError> {
        probe::library(&self.pinned.below())
    }

    /// Looks at what a path names, and never behind a link; none where nothing is there.
    ///
    /// # Errors
    /// [`DoorErrorKind::Link`] for a link on the way, [`OutsideRoot`](DoorErrorKind::OutsideRoot)
    /// for a mount, [`Grant`](DoorErrorKind::Grant) for a grant of another library.
    pub fn stat(&self, grant: &Grant<Read>, path: &RelPath) -> Result<Option<Facts>, DoorError> {
        self.check(grant, Operation::Look, path)?;
        self.pinned.below().look(path)
    }

    /// Opens a regular file for reading. Not for database files while a SQLite connection to the
    /// library lives (see [`LibraryDir::probe`]).
    ///
    /// # Errors
    /// [`DoorErrorKind::NotFound`], [`Link`](DoorErrorKind::Link),
    /// [`OutsideRoot`](DoorErrorKind::OutsideRoot), [`NotAFile`](DoorErrorKind::NotAFile),
    /// [`Permission`](DoorErrorKind::Permission), [`Grant`](DoorErrorKind::Grant).
    pub fn open_file(&self, grant: &Grant<Read>, path: &RelPath) -> Result<SourceFile, DoorError> {
        self.check(grant, Operation::OpenFile, path)?;
        self.pinned.below().open_file(path)
    }

    /// Returns the path of a database for SQLite, which takes no handle; nothing is looked at.
    ///
    /// # Errors
    /// [`DoorErrorKind::Grant`] for a grant of another library, [`Name`](DoorErrorKind::Name) where
    /// the path is too long.
    pub fn database_path(&self, grant: &Grant<Read>, name: &RelPath) -> Result<AbsPath, DoorError> {
        self.check(grant, Operation::OpenFile, name)?;
        self.real_path().join(name).map_err(|_| {
            self.pinned.below().refused(Operation::OpenFile, name, DoorErrorKind::Name)
        })
    }

    /// Lists a folder, sorted by the bytes of the names.
    ///
    /// # Errors
    /// [`DoorErrorKind::NotFound`], [`NotAFolder`](DoorErrorKind::NotAFolder),
    /// [`Link`](DoorErrorKind::Link), [`TooMany`](DoorErrorKind::TooMany) above
    /// [`crate::MAX_LIST_ENTRIES`], [`Grant`](DoorErrorKind::Grant).
    pub fn list(&self, grant: &Grant<Read>, path: &RelPath) -> Result<Vec<Entry>, DoorError> {
        self.check(grant, Operation::List, path)?;
        self.pinned.below().list(path)
    }

    /// Looks at a referenced original by its recorded path, and never behind a link; none where its
    /// folder is there and it is not.
    ///
    /// # Errors
    /// [`DoorErrorKind::Grant`] for a path below none of the folders that the grant covers; the
    /// folder's own error where it could not be opened at boot, so
    /// [`NotFound`](DoorErrorKind::NotFound) where a disk is absent; else those of
    /// [`LibraryDir::stat`].
    pub fn stat_referenced(
        &self,
        grant: &Grant<Read>,
        path: &AbsPath,
    ) -> Result<Option<Facts>, DoorError> {
        let (folder, below) = self.find_referenced(grant, Operation::Look, path)?;
        folder.below().look(&below)
    }

    /// Opens a referenced original by its recorded path: a regular file, for reading.
    ///
    /// # Errors
    /// Those of [`LibraryDir::stat_referenced`] and of [`LibraryDir::open_file`].
    pub fn open_referenced(
        &self,
        grant: &Grant<Read>,
        path: &AbsPath,
    ) -> Result<SourceFile, DoorError> {
        let (folder, below) = self.find_referenced(grant, Operation::OpenFile, path)?;
        folder.below().open_file(&below)
    }

    pub(crate) fn pinned(&self) -> &Pinned {
        &self.pinned
    }

    /// Is the bundle, or a folder of referenced originals, one of these?
    pub(crate) fn is_around(&self, lineage: &[Identity]) -> bool {
        let referenced = self.referenced.iter().filter_map(ReferencedDir::identity);
        referenced.chain([self.identity()]).any(|folder| lineage.contains(&folder))
    }

    fn find_referenced(
        &self,
        grant: &Grant<Read>,
        operation: Operation,
        path: &AbsPath,
    ) -> Result<(&Pinned, RelPath), DoorError> {
        let covers = grant.covers();
        let is_covered = |folder: &&ReferencedDir| {
            covers.library() == &self.name && covers.referenced().contains(folder.path())
        };
        let found = referenced::deepest(self.referenced.iter().filter(is_covered), path);
        let (folder, below) = found.ok_or_else(|| {
            let anchor = Anchor::Referenced(self.name.clone());
            DoorError::refused(operation, &anchor, error::absolute(path), DoorErrorKind::Grant)
        })?;
        Ok((folder.pinned(operation, path)?, below))
    }

    fn check(
        &self,
        grant: &Grant<Read>,
        operation: Operation,
        path: &RelPath,
    ) -> Result<(), DoorError> {
        if grant.covers().library() == &self.name {
            return Ok(());
        }
        let below = self.pinned.below();
        Err(below.refused(operation, path, DoorErrorKind::Grant))
    }
}
