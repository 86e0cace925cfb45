//! One destination: a folder of a root, and all that an export may do below it.
//!
//! It is made from a `Grant<Write>` and lives no longer than that grant. Folders are made with the
//! grant's mode; nothing is removed here but a folder that is empty. How a file gets its name is in
//! `publish.rs`, what happens in `.darkslide/` in `record.rs`. The hazard: a folder on the way that
//! is exchanged for a link; so each path is opened anew below the handle of the destination, and
//! only a single name is ever handed to a call that changes something.

#![expect(
    clippy::disallowed_methods,
    reason = "the door: makes and removes folders below a destination"
)]

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;

use darkslide_policy::{Component, Grant, RelPath, Write};
use rustix::fs::AtFlags;
use rustix::io::Errno;

use crate::abilities::Abilities;
use crate::beneath::{Base, Want};
use crate::content;
use crate::error::{DoorError, DoorErrorKind};
use crate::facts::{Entry, Facts, Identity};
use crate::fault::{Faults, Operation};
use crate::owner::Owner;
use crate::reading::{Below, SourceFile};
use crate::record;
use crate::root_dir::RootDir;

/// An open destination.
#[derive(Debug)]
pub struct Destination<'g> {
    root: &'g RootDir,
    grant: &'g Grant<Write>,
    handle: OwnedFd,
    identity: Identity,
    /// What its file system can do with names, once that was tried.
    pub(crate) abilities: OnceLock<Abilities>,
}

impl<'g> Destination<'g> {
    /// Only the root makes one, after it has looked at the grant.
    pub(crate) fn new(
        root: &'g RootDir,
        grant: &'g Grant<Write>,
        handle: OwnedFd,
    ) -> Result<Self, Errno> {
        let identity = Facts::of_descriptor(&handle)?.identity;
        Ok(Self { root, grant, handle, identity, abilities: OnceLock::new() })
    }

    /// The grant that opened it.
    pub(crate) fn grant(&self) -> &Grant<Write> {
        self.grant
    }

    /// Which folder it is.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// What a test wants to go wrong, for those who read and write through the descriptors that
    /// this lends.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        self.root.faults()
    }

    /// Do the root's path and the destination's path below it still lead to what was opened?
    ///
    /// # Errors
    /// What looking answers, but that nothing is there, which is `false`.
    pub fn still_there(&self) -> Result<bool, DoorError> {
        if !self.root.still_there()? {
            return Ok(false);
        }
        let found = self.root.below().look(self.path())?;
        Ok(found.is_some_and(|facts| facts.identity == self.identity))
    }

    /// Looks at what a path names, and never behind a link; none where nothing is there.
    ///
    /// # Errors
    /// [`DoorErrorKind::Link`] for a link on the way, [`OutsideRoot`](DoorErrorKind::OutsideRoot)
    /// for a mount.
    pub fn stat(&self, path: &RelPath) -> Result<Option<Facts>, DoorError> {
        self.below().look(path)
    }

    /// Lists a folder, sorted by the bytes of the names.
    ///
    /// # Errors
    /// [`DoorErrorKind::NotFound`], [`NotAFolder`](DoorErrorKind::NotAFolder),
    /// [`Link`](DoorErrorKind::Link), [`TooMany`](DoorErrorKind::TooMany) above
    /// [`crate::MAX_LIST_ENTRIES`].
    pub fn list(&self, path: &RelPath) -> Result<Vec<Entry>, DoorError> {
        self.below().list(path)
    }

    /// Opens a regular file for reading.
    ///
    /// # Errors
    /// [`DoorErrorKind::NotFound`], [`Link`](DoorErrorKind::Link),
    /// [`OutsideRoot`](DoorErrorKind::OutsideRoot), [`NotAFile`](DoorErrorKind::NotAFile),
    /// [`Permission`](DoorErrorKind::Permission).
    pub fn open_read(&self, path: &RelPath) -> Result<SourceFile, DoorError> {
        self.below().open_file(path)
    }

    /// Makes the folders of a path that are missing, with the grant's mode, and answers those that
    /// it made, outermost first.
    ///
    /// # Errors
    /// [`DoorErrorKind::NotAFolder`], [`Link`](DoorErrorKind::Link),
    /// [`OutsideRoot`](DoorErrorKind::OutsideRoot), [`NoSpace`](DoorErrorKind::NoSpace),
    /// [`Permission`](DoorErrorKind::Permission); [`Name`](DoorErrorKind::Name) for a name in
    /// `.darkslide/`.
    pub fn make_folders(&self, path: &RelPath) -> Result<Vec<RelPath>, DoorError> {
        if record::is_within_record(path) {
            let below = self.below();
            return Err(below.refused(Operation::MakeFolder, path, DoorErrorKind::Name));
        }
        self.make_folder_chain(path, self.grant.covers().dir_mode())
    }

    /// Removes a folder if it is empty; `false` where it is not, or is gone already.
    ///
    /// # Errors
    /// [`DoorErrorKind::NotAFolder`], [`Link`](DoorErrorKind::Link) on the way;
    /// [`Name`](DoorErrorKind::Name) for the destination itself and for names in `.darkslide/`.
    pub fn remove_empty_folder(&self, path: &RelPath) -> Result<bool, DoorError> {
        let operation = Operation::RemoveFolder;
        let below = self.below();
        if record::is_within_record(path) {
            return Err(below.refused(operation, path, DoorErrorKind::Name));
        }
        let (folder, name) = match below.parent(operation, path) {
            Err(error) if error.kind() == DoorErrorKind::NotFound => return Ok(false),
            answer => answer?,
        };
        below.announce(operation, path)?;
        match rustix::fs::unlinkat(&folder, name, AtFlags::REMOVEDIR) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
            Err(errno) => Err(below.failed(operation, path, errno)),
        }
    }

    /// Returns how many bytes the daemon's user may still write on this file system.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn free_space(&self) -> Result<u64, DoorError> {
        let below = self.below();
        below.announce(Operation::FreeSpace, &RelPath::root())?;
        let told = rustix::fs::fstatvfs(&self.handle)
            .map_err(|errno| below.failed(Operation::FreeSpace, &RelPath::root(), errno))?;
        Ok(told.f_bavail.saturating_mul(told.f_frsize))
    }

    /// To whom everything of the record has to belong.
    pub(crate) fn owner(&self) -> Owner {
        self.root.owner()
    }

    pub(crate) fn handle(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }

    pub(crate) fn below(&self) -> Below<'_> {
        let root = self.root.below();
        Below {
            base: Base { folder: self.handle.as_fd(), ..root.base },
            prefix: self.path(),
            ..root
        }
    }

    pub(crate) fn make_folder_chain(
        &self,
        path: &RelPath,
        mode: u16,
    ) -> Result<Vec<RelPath>, DoorError> {
        make_folder_chain(&self.below(), path, mode)
    }

    fn path(&self) -> &RelPath {
        self.grant.covers().path()
    }
}

/// Makes the folders of a path that are missing; answers those that were made, outermost first.
pub(crate) fn make_folder_chain(
    below: &Below<'_>,
    path: &RelPath,
    mode: u16,
) -> Result<Vec<RelPath>, DoorError> {
    let operation = Operation::MakeFolder;
    match below.base.open(path, Want::Parent) {
        Ok(_) => return Ok(Vec::new()),
        Err(Errno::NOENT) => {}
        Err(errno) => return Err(below.failed(operation, path, errno)),
    }
    let mut made = Vec::new();
    let mut so_far = RelPath::root();
    let mut at: Option<OwnedFd> = None;
    for name in path.components() {
        let name = Component::parse(name).expect("a component of a checked path");
        so_far = so_far.join(&name).expect("no longer than the whole path");
        let base =
            Base { folder: at.as_ref().map_or(below.base.folder, AsFd::as_fd), ..below.base };
        let single = RelPath::root().join(&name).expect("one component");
        let failed = |errno| below.failed(operation, &so_far, errno);
        let opened = match base.open(&single, Want::Parent) {
            Err(Errno::NOENT) => {
                below.announce(operation, &so_far)?;
                if make_folder(&base, &single, mode).map_err(failed)? {
                    made.push(so_far.clone());
                }
                base.open(&single, Want::Parent)
            }
            answer => answer,
        };
        at = Some(opened.map_err(failed)?);
    }
    Ok(made)
}

/// Makes one folder; `false` where somebody else was faster, whatever they made.
fn make_folder(base: &Base<'_>, name: &RelPath, mode: u16) -> Result<bool, Errno> {
    match rustix::fs::mkdirat(base.folder, name.as_str(), content::permission_bits(mode)) {
        Ok(()) => {}
        Err(Errno::EXIST) => return Ok(false),
        Err(errno) => return Err(errno),
    }
    // The umask may have taken bits away that the policy gives. What the folder inherited above
    // them (set-gid) stays.
    let folder = base.open(name, Want::Folder)?;
    let inherited = Facts::of_descriptor(&folder)?.mode;
    if inherited & 0o777 != mode & 0o777 {
        let bits = content::permission_bits(mode)
            | rustix::fs::Mode::from_bits_truncate((inherited & 0o7000).into());
        content::tolerate_poor_file_systems(rustix::fs::fchmod(&folder, bits))?;
    }
    Ok(true)
}
