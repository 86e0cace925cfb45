//! Removes single files, each only while it is the one that the caller knows.
//!
//! In `tmp/` and `aside/` what the caller has proven to be ours; of what people see only the second
//! name of a file that keeps its other, and an empty file that held a name. Each by one component
//! below an open folder; no recursive removal exists. The hazard: a name out of a journal, or a
//! link planted where we clean up, that leads to somebody's file.

use std::os::fd::AsFd;

use darkslide_policy::{Component, RelPath};
use rustix::io::Errno;

use crate::destination::Destination;
use crate::error::{DoorError, DoorErrorKind};
use crate::facts::{Facts, Identity, Kind};
use crate::fault::Operation;
use crate::record::{self, Area};
use crate::rename::Spot;

impl Destination<'_> {
    /// Removes a temporary file; `false` where it is gone already.
    ///
    /// # Errors
    /// [`DoorErrorKind::Replaced`] where another file has its name: it stays.
    pub fn remove_temporary(
        &self,
        name: &Component,
        expected: Identity,
    ) -> Result<bool, DoorError> {
        self.remove_own(Area::Temporaries, name, expected)
    }

    /// Removes a file in `.darkslide/aside/`, of which the caller has proven that it is ours;
    /// `false` where it is gone already.
    ///
    /// # Errors
    /// [`DoorErrorKind::Replaced`] where another file has its name: it stays.
    pub fn remove_aside(&self, name: &Component, expected: Identity) -> Result<bool, DoorError> {
        self.remove_own(Area::Aside, name, expected)
    }

    /// Removes the old name of a file that has the new one too: what a kill leaves where names are
    /// given by links. `false` where the old name is gone already.
    ///
    /// # Errors
    /// [`DoorErrorKind::Replaced`] where the two names are not one file: both stay;
    /// [`NotFound`](DoorErrorKind::NotFound) without the new name;
    /// [`Name`](DoorErrorKind::Name) for what [`Destination::rename_exclusive`] does not take.
    pub fn remove_second_link(&self, old: &RelPath, new: &RelPath) -> Result<bool, DoorError> {
        let operation = Operation::RemoveName;
        let below = self.below();
        for (path, movable) in
            [(old, record::may_be_moved_from(old)), (new, record::may_be_moved_to(new))]
        {
            if !movable {
                return Err(below.refused(operation, path, DoorErrorKind::Name));
            }
        }
        let (kept, kept_name) = self.parent_of_movable(operation, new)?;
        let (folder, name) = self.parent_of_movable(operation, old)?;
        below.announce(operation, old)?;
        let kept = Spot { folder: kept.as_fd(), name: kept_name.as_ref() }
            .look()
            .map_err(|errno| below.failed(operation, new, errno))?;
        let spot = Spot { folder: folder.as_fd(), name: name.as_ref() };
        // One link is one name, however it is spelt: on a disk that folds case both look alike.
        self.remove_if(operation, spot, old, |facts| {
            facts.identity == kept.identity && facts.links > 1
        })
    }

    /// Removes an empty file that held a name for one of ours; `false` where it is gone already.
    ///
    /// # Errors
    /// [`DoorErrorKind::Replaced`] where another file has the name, or it is not empty: it stays;
    /// [`Name`](DoorErrorKind::Name) for a name inside `.darkslide/`.
    pub fn remove_empty_placeholder(
        &self,
        path: &RelPath,
        expected: Identity,
    ) -> Result<bool, DoorError> {
        let operation = Operation::RemovePlaceholder;
        self.refuse_record(operation, path)?;
        let (folder, name) = self.below().parent(operation, path)?;
        self.below().announce(operation, path)?;
        let spot = Spot { folder: folder.as_fd(), name: name.as_ref() };
        self.remove_if(operation, spot, path, |facts| {
            facts.identity == expected && facts.kind == Kind::File && facts.size == 0
        })
    }

    fn remove_own(
        &self,
        area: Area,
        name: &Component,
        expected: Identity,
    ) -> Result<bool, DoorError> {
        let operation = Operation::RemoveTemporary;
        let path = area.join(name.as_str());
        let folder = self.area(operation, area)?;
        self.below().announce(operation, &path)?;
        let spot = Spot { folder: folder.as_fd(), name: name.as_str().as_ref() };
        self.remove_if(operation, spot, &path, |facts| facts.identity == expected)
    }

    /// Looks, and removes what is as it has to be; `path` is for the error.
    fn remove_if(
        &self,
        operation: Operation,
        spot: Spot<'_>,
        path: &RelPath,
        as_it_has_to_be: impl Fn(&Facts) -> bool,
    ) -> Result<bool, DoorError> {
        let removed = match spot.look() {
            Ok(facts) if !as_it_has_to_be(&facts) => {
                return Err(self.below().refused(operation, path, DoorErrorKind::Replaced));
            }
            Ok(_) => spot.unlink(),
            Err(errno) => Err(errno),
        };
        match removed {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(self.below().failed(operation, path, errno)),
        }
    }
}
