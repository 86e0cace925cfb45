//! Every rename of the program: the ladder by which a name is given and nothing is replaced.
//!
//! The kernel's exclusive rename; else a link and an unlink; else (exFAT) an empty file of ours
//! holds the name and is renamed over, after one more look: a stranger who writes into it between
//! that look and the rename loses what he wrote, and there is no better way there. Which rung holds
//! was tried before (`abilities.rs`). A crash leaves under the new name nothing, the whole file, or
//! on the last rung an empty one. The hazard: a plain rename silently replaces what somebody put
//! there a moment ago, a link included; it is for names in `.darkslide/` and for our empty file.

#![expect(clippy::disallowed_methods, reason = "the door: owns every rename")]

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::BorrowedFd;

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use rustix::path::Arg;

use crate::abilities::Exclusive;
use crate::facts::{Facts, Identity, Kind};
use crate::fault::{Faults, Lack, Operation};
use crate::temporary::{self, unless_missing};

/// How a name was given without replacing another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By the kernel's exclusive rename.
    Renamed,
    /// By a hard link and the removal of the old name.
    Linked,
    /// By an empty file (or folder) that held the name, and a rename over it.
    OverPlaceholder,
}

/// One name in an open folder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spot<'a> {
    pub(crate) folder: BorrowedFd<'a>,
    pub(crate) name: &'a OsStr,
}

impl Spot<'_> {
    /// Looks at what has the name, and never behind a link.
    pub(crate) fn look(self) -> Result<Facts, Errno> {
        look_at(self.folder, self.name)
    }

    /// Removes the name of a file.
    pub(crate) fn unlink(self) -> Result<(), Errno> {
        rustix::fs::unlinkat(self.folder, self.name, AtFlags::empty())
    }
}

/// Looks at one name in an open folder, and never behind a link.
pub(crate) fn look_at(folder: BorrowedFd<'_>, name: impl Arg) -> Result<Facts, Errno> {
    let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(Facts::from_stat(&stat))
}

/// Moves one name to another that must be free.
pub(crate) fn without_replacing(
    from: Spot<'_>,
    to: Spot<'_>,
    exclusive: Exclusive,
    faults: &Faults,
) -> Result<Way, Errno> {
    if exclusive == Exclusive::Rename {
        flagged(from, to, RenameFlags::NOREPLACE, faults)?;
        return Ok(Way::Renamed);
    }
    let old = from.look()?;
    // A folder cannot be linked.
    if exclusive == Exclusive::Link && old.kind != Kind::Folder {
        link_and_unlink(from, to, faults)
    } else {
        over_placeholder(from, to, old.kind, faults)
    }
}

/// Exchanges two names that are both there.
pub(crate) fn exchanging(a: Spot<'_>, b: Spot<'_>, faults: &Faults) -> Result<(), Errno> {
    flagged(a, b, RenameFlags::EXCHANGE, faults)
}

/// Renames over whatever has the new name: for names that are ours alone.
pub(crate) fn replacing(from: Spot<'_>, to: Spot<'_>) -> Result<(), Errno> {
    // By the same call as the other kinds, so that the filter has one rename to allow.
    rustix::fs::renameat_with(from.folder, from.name, to.folder, to.name, RenameFlags::empty())
}

/// Gives a file a second name.
pub(crate) fn linking(from: Spot<'_>, to: Spot<'_>, faults: &Faults) -> Result<(), Errno> {
    if faults.lacks(Lack::Links) {
        return Err(Errno::PERM);
    }
    rustix::fs::linkat(from.folder, from.name, to.folder, to.name, AtFlags::empty())
}

/// Renames with a flag; a test may stand in for a file system that refuses or ignores it.
pub(crate) fn flagged(
    from: Spot<'_>,
    to: Spot<'_>,
    flag: RenameFlags,
    faults: &Faults,
) -> Result<(), Errno> {
    let lack = if flag == RenameFlags::EXCHANGE { Lack::Exchange } else { Lack::ExclusiveRename };
    if faults.lacks(lack) {
        return Err(Errno::INVAL);
    }
    if faults.lacks(Lack::HonestFlags) {
        return replacing(from, to);
    }
    rustix::fs::renameat_with(from.folder, from.name, to.folder, to.name, flag)
}

/// A link never replaces either. Between the two steps the file has both names, whole.
fn link_and_unlink(from: Spot<'_>, to: Spot<'_>, faults: &Faults) -> Result<Way, Errno> {
    linking(from, to, faults)?;
    match faults.announce(Operation::RemoveName).and_then(|()| from.unlink()) {
        // Somebody removed the old name first; the file is where it should be.
        Ok(()) | Err(Errno::NOENT) => Ok(Way::Linked),
        Err(errno) => {
            // Take the new name back, so that an error means "it did not happen", unless it is
            // somebody else's by now.
            let old = from.look()?;
            if to.look()?.identity == old.identity {
                to.unlink()?;
            }
            Err(errno)
        }
    }
}

fn over_placeholder(
    from: Spot<'_>,
    to: Spot<'_>,
    kind: Kind,
    faults: &Faults,
) -> Result<Way, Errno> {
    let held = hold(to, kind)?;
    let renamed = faults.announce(Operation::FillPlaceholder).and_then(|()| {
        // What is no longer our empty one is somebody's who was here first.
        if held.still_has(to)? { replacing(from, to) } else { Err(Errno::EXIST) }
    });
    match renamed {
        Ok(()) => Ok(Way::OverPlaceholder),
        Err(errno) => {
            if held.still_has(to)? {
                unless_missing(held.remove(to))?;
            }
            Err(errno)
        }
    }
}

/// An empty file that holds a name, or an empty folder: a folder can be renamed over nothing else.
struct Placeholder {
    identity: Identity,
    kind: Kind,
    /// Kept open: some file systems make up inode numbers, and keep them only as long.
    _open: Option<File>,
}

/// Takes a name that is free.
fn hold(at: Spot<'_>, kind: Kind) -> Result<Placeholder, Errno> {
    if kind == Kind::Folder {
        rustix::fs::mkdirat(at.folder, at.name, Mode::RWXU)?;
        return Ok(Placeholder { identity: at.look()?.identity, kind, _open: None });
    }
    let file = temporary::create_new(at.folder, at.name, OFlags::WRONLY)?;
    let identity = Facts::of_descriptor(&file)?.identity;
    Ok(Placeholder { identity, kind: Kind::File, _open: Some(file) })
}

impl Placeholder {
    /// Is it still there, and empty? (Of a folder the kernel sees to that itself.)
    fn still_has(&self, at: Spot<'_>) -> Result<bool, Errno> {
        match at.look() {
            Ok(now) => {
                let empty = self.kind == Kind::Folder || now.size == 0;
                Ok(now.identity == self.identity && now.kind == self.kind && empty)
            }
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    fn remove(&self, at: Spot<'_>) -> Result<(), Errno> {
        let flags = if self.kind == Kind::Folder { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        rustix::fs::unlinkat(at.folder, at.name, flags)
    }
}
