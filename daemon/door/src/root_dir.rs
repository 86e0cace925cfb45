//! A root: a folder below which exports may be written, held by its handle.
//!
//! It alone opens destinations, and only for a `Grant<Write>` of that very root. By itself it
//! writes nothing but what the boot's self-test makes and removes. A root that is not there is
//! made, one level, if the folder around it is the user's own. The hazard: a root that was renamed
//! away while the daemon ran, with a stranger's folder or a link in its place; nothing is ever
//! written there.

#![expect(clippy::disallowed_methods, reason = "the door: makes a root that is missing")]

use std::os::fd::BorrowedFd;
use std::sync::OnceLock;

use darkslide_policy::{AbsPath, Component, Grant, RelPath, RootName, Write};
use rustix::fs::Mode;
use rustix::io::Errno;

use crate::beneath::Want;
use crate::destination::{self, Destination};
use crate::error::{self, Anchor, DoorError, DoorErrorKind};
use crate::facts::{Facts, Identity};
use crate::fault::{Faults, Operation};
use crate::library_dir::LibraryDir;
use crate::owner::Owner;
use crate::pinned::{self, Pinned, Walked};
use crate::probe;
use crate::reading::Below;
use crate::record;
use crate::referenced::ReferencedDir;

/// What a root that is made for the user gets.
const NEW_ROOT_MODE: Mode = Mode::from_bits_retain(0o755);

/// An open root.
#[derive(Debug)]
pub struct RootDir {
    name: RootName,
    pinned: Pinned,
    /// Whom the probe found to own what we make; the user of this process until then.
    owner: OnceLock<Owner>,
}

impl RootDir {
    /// Opens a root at boot. Links in the policy's own spelling of the path are followed here,
    /// once.
    ///
    /// # Errors
    /// [`DoorErrorKind::NotFound`], [`NotAFolder`](DoorErrorKind::NotAFolder),
    /// [`Permission`](DoorErrorKind::Permission); [`Name`](DoorErrorKind::Name) where its real path
    /// is not text or too deep.
    pub fn open(name: RootName, path: &AbsPath, faults: Faults) -> Result<Self, DoorError> {
        let pinned = Pinned::open(Anchor::Root(name.clone()), path, faults)?;
        Ok(Self { name, pinned, owner: OnceLock::new() })
    }

    /// The same; a root that is not there is made, if the folder around it belongs to the user of
    /// this process, and lies in none of the libraries nor in a folder that they refer to.
    ///
    /// # Errors
    /// Those of [`RootDir::open`]; [`DoorErrorKind::Permission`] where the folder around it is
    /// somebody else's, [`DoorErrorKind::Nested`] where it lies in a library.
    pub fn open_or_create(
        name: RootName,
        path: &AbsPath,
        libraries: &[&LibraryDir],
        faults: Faults,
    ) -> Result<Self, DoorError> {
        match Self::open(name.clone(), path, faults.clone()) {
            Err(error) if error.kind() == DoorErrorKind::NotFound => {
                create(&name, path, libraries, &faults)?;
                Self::open(name, path, faults)
            }
            answer => answer,
        }
    }

    /// Its name in the policy.
    #[must_use]
    pub fn name(&self) -> &RootName {
        &self.name
    }

    /// Its path without links.
    #[must_use]
    pub fn real_path(&self) -> &AbsPath {
        self.pinned.real_path()
    }

    /// Which folder it is.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.pinned.identity()
    }

    /// The folders from `/` down to it, itself included.
    #[must_use]
    pub fn lineage(&self) -> &[Identity] {
        self.pinned.lineage()
    }

    /// Does one of the two hold the other? Compared by what the folders are, not by how they are
    /// spelt.
    #[must_use]
    pub fn overlaps(&self, library: &LibraryDir) -> bool {
        self.pinned.overlaps(library.pinned())
    }

    /// The same of a folder of referenced originals.
    #[must_use]
    pub fn overlaps_referenced(&self, folder: &ReferencedDir) -> bool {
        folder.overlaps(&self.pinned)
    }

    /// Its handle, for the kernel's rules.
    #[must_use]
    pub fn handle(&self) -> BorrowedFd<'_> {
        self.pinned.handle()
    }

    /// What a test wants to go wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        self.pinned.faults()
    }

    /// Does its path still lead to the folder that was opened?
    ///
    /// # Errors
    /// Whatever looking answers, but that nothing is there, which is `false`.
    pub fn still_there(&self) -> Result<bool, DoorError> {
        self.pinned.still_there()
    }

    /// Tries, at boot, whether what is granted works: a folder and a file are made, renamed from
    /// one folder to another, and removed, under names of their own.
    ///
    /// # Errors
    /// What the kernel answers, [`DoorErrorKind::Permission`] and
    /// [`ReadOnly`](DoorErrorKind::ReadOnly) above all.
    pub fn probe(&self) -> Result<(), DoorError> {
        let made = probe::root(&self.pinned.below())?;
        // A second probe finds the same: the file system is.
        let _ = self.owner.set(Owner::of_made(&made));
        Ok(())
    }

    /// Opens the destination that a grant covers, and makes the folders that are missing, with the
    /// grant's mode.
    ///
    /// # Errors
    /// Before anything is made: [`DoorErrorKind::Grant`] for a grant of another root;
    /// [`Replaced`](DoorErrorKind::Replaced) where the root's path leads to another folder than at
    /// boot; [`Name`](DoorErrorKind::Name) for a path into a `.darkslide/`;
    /// [`Nested`](DoorErrorKind::Nested) for one into another destination, which the error names.
    /// Then [`Link`](DoorErrorKind::Link),
    /// [`OutsideRoot`](DoorErrorKind::OutsideRoot), [`NotAFolder`](DoorErrorKind::NotAFolder),
    /// [`NoSpace`](DoorErrorKind::NoSpace), [`Permission`](DoorErrorKind::Permission).
    pub fn enter<'g>(&'g self, grant: &'g Grant<Write>) -> Result<Destination<'g>, DoorError> {
        self.check(grant)?;
        let covers = grant.covers();
        destination::make_folder_chain(&self.below(), covers.path(), covers.dir_mode())?;
        self.open_destination(grant)
    }

    /// Opens the destination that a grant covers, if it is there, and makes nothing: for a plan.
    ///
    /// # Errors
    /// Those of [`RootDir::enter`].
    pub fn enter_existing<'g>(
        &'g self,
        grant: &'g Grant<Write>,
    ) -> Result<Option<Destination<'g>>, DoorError> {
        self.check(grant)?;
        match self.open_destination(grant) {
            Err(error) if error.kind() == DoorErrorKind::NotFound => Ok(None),
            answer => answer.map(Some),
        }
    }

    /// To whom everything of a record has to belong.
    pub(crate) fn owner(&self) -> Owner {
        self.owner.get().copied().unwrap_or_else(Owner::of_this_process)
    }

    pub(crate) fn below(&self) -> Below<'_> {
        self.pinned.below()
    }

    fn check(&self, grant: &Grant<Write>) -> Result<(), DoorError> {
        let refused = |kind| {
            let path = grant.covers().path();
            Err(self.below().refused(Operation::OpenFolder, path, kind))
        };
        if grant.covers().root() != &self.name {
            return refused(DoorErrorKind::Grant);
        }
        if !self.still_there()? {
            return refused(DoorErrorKind::Replaced);
        }
        self.refuse_records(grant.covers().path())
    }

    /// A record is no place for a destination, nor is what lies around it: looked at from the
    /// inside out, the root itself included.
    fn refuse_records(&self, path: &RelPath) -> Result<(), DoorError> {
        let below = self.below();
        let refused = |about, kind| Err(below.refused(Operation::OpenFolder, about, kind));
        if record::is_within_record(path) {
            return refused(path, DoorErrorKind::Name);
        }
        let folder = Component::parse(record::RECORD_FOLDER).expect("a plain name");
        let mut inner = path.clone();
        while let Some((around, _)) = inner.split_last() {
            let Ok(its_record) = around.join(&folder) else {
                return refused(path, DoorErrorKind::Name);
            };
            if below.look(&its_record)?.is_some() {
                return refused(&around, DoorErrorKind::Nested);
            }
            inner = around;
        }
        Ok(())
    }

    fn open_destination<'g>(
        &'g self,
        grant: &'g Grant<Write>,
    ) -> Result<Destination<'g>, DoorError> {
        let below = self.below();
        let path = grant.covers().path();
        below.announce(Operation::OpenFolder, path)?;
        let handle = below.open_folder(Operation::OpenFolder, path, Want::Folder)?;
        Destination::new(self, grant, handle)
            .map_err(|errno| below.failed(Operation::OpenFolder, path, errno))
    }
}

fn create(
    name: &RootName,
    path: &AbsPath,
    libraries: &[&LibraryDir],
    faults: &Faults,
) -> Result<(), DoorError> {
    let anchor = Anchor::Root(name.clone());
    let failed =
        |errno| DoorError::system(Operation::MakeRoot, &anchor, error::absolute(path), errno);
    faults.announce(Operation::MakeRoot).map_err(failed)?;
    let (around, last) = path.as_str().rsplit_once('/').ok_or_else(|| failed(Errno::NOENT))?;
    let around = if around.is_empty() { "/" } else { around };
    let around = AbsPath::parse(around, None).map_err(|_| failed(Errno::INVAL))?;
    let around = pinned::resolve(&around).map_err(failed)?;
    let object = error::absolute(path);
    let refused = |kind| DoorError::refused(Operation::MakeRoot, &anchor, &object, kind);
    let Walked { handle: folder, lineage, .. } =
        pinned::walk(&around).map_err(|stop| stop.error(Operation::MakeRoot, &anchor, &object))?;
    if libraries.iter().any(|library| library.is_around(&lineage)) {
        return Err(refused(DoorErrorKind::Nested));
    }
    let owner = Facts::of_descriptor(&folder).map_err(failed)?.uid;
    if owner != rustix::process::geteuid().as_raw() {
        return Err(refused(DoorErrorKind::Permission));
    }
    match rustix::fs::mkdirat(&folder, last, NEW_ROOT_MODE) {
        // Somebody else was faster; whether it is a folder, opening it tells.
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(failed(errno)),
    }
}
