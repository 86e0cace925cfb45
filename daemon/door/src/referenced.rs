//! A folder outside a bundle, from which originals that the library refers to are read.
//!
//! Held by its handle from boot on, like a bundle, and never written. A library records such an
//! original by an absolute path; [`deepest`] finds the folder that it is below, component by
//! component, and what is left of the path is opened below the handle: through no link, into no
//! mount. The hazard: the path is a row of a database, which whoever made the library may have
//! written; `/Volumes/Disk-evil` begins like `/Volumes/Disk`, and no row may name what the policy
//! did not.

use std::os::fd::BorrowedFd;

use darkslide_policy::{AbsPath, LibraryName, RelPath};

use crate::beneath::Want;
use crate::error::{Anchor, DoorError};
use crate::facts::Identity;
use crate::fault::{Faults, Operation};
use crate::pinned::Pinned;

/// A folder of referenced originals, or why it could not be opened at boot.
#[derive(Debug)]
pub struct ReferencedDir {
    path: AbsPath,
    pinned: Result<Pinned, DoorError>,
}

impl ReferencedDir {
    pub(crate) fn open(library: &LibraryName, path: AbsPath, faults: Faults) -> Self {
        let pinned = Pinned::open(Anchor::Referenced(library.clone()), &path, faults);
        Self { path, pinned }
    }

    /// Its path, as the policy spells it and as the library has to.
    #[must_use]
    pub fn path(&self) -> &AbsPath {
        &self.path
    }

    /// Its handle, for the kernel's rules; none where it could not be opened.
    #[must_use]
    pub fn handle(&self) -> Option<BorrowedFd<'_>> {
        self.pinned.as_ref().ok().map(Pinned::handle)
    }

    /// Which folder it is; none where it could not be opened.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        self.pinned.as_ref().ok().map(Pinned::identity)
    }

    /// Tries, once confined, whether it can be listed; what could not be opened at boot says why.
    ///
    /// # Errors
    /// What the kernel answers now, or answered then: [`NotFound`](crate::DoorErrorKind::NotFound)
    /// above all, where a disk is not there.
    pub fn probe(&self) -> Result<(), DoorError> {
        let below = self.pinned(Operation::Probe, &self.path)?.below();
        below.announce(Operation::Probe, &RelPath::root())?;
        below.open_folder(Operation::Probe, &RelPath::root(), Want::Folder).map(drop)
    }

    /// The folder; where there is none, the reason that boot was told, as one of `asked`.
    pub(crate) fn pinned(
        &self,
        operation: Operation,
        asked: &AbsPath,
    ) -> Result<&Pinned, DoorError> {
        self.pinned.as_ref().map_err(|at_boot| at_boot.again(operation, asked))
    }

    pub(crate) fn overlaps(&self, other: &Pinned) -> bool {
        self.pinned.as_ref().is_ok_and(|pinned| pinned.overlaps(other))
    }
}

/// The innermost of the folders that a path is below, and where below it: an outer one does not
/// enter the mount that an inner one may be.
pub(crate) fn deepest<'a>(
    folders: impl Iterator<Item = &'a ReferencedDir>,
    path: &AbsPath,
) -> Option<(&'a ReferencedDir, RelPath)> {
    let holding = folders.filter_map(|folder| Some((folder, folder.path.below(path)?)));
    holding.min_by_key(|(_, below)| below.components().count())
}
