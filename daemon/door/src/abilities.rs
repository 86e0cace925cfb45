//! Which renames a destination's file system can do, found out by doing them.
//!
//! Two scratch files in `.darkslide/tmp/`, under names of the form of temporary files, are renamed
//! with each flag, and then looked at: some file systems refuse a flag, some take it and rename
//! plainly. Asked once for each open destination, before its first rename. What a kill leaves is
//! cleared like any temporary file. The hazard: a flag that is accepted and ignored replaces what
//! it was to spare.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};

use darkslide_policy::Component;
use rustix::fs::{OFlags, RenameFlags};
use rustix::io::Errno;

use crate::destination::Destination;
use crate::error::DoorError;
use crate::facts::{Facts, Identity};
use crate::fault::{Faults, Operation};
use crate::random_name::random_name;
use crate::record::Area;
use crate::rename::{self, Spot};
use crate::temporary::{self, unless_missing};

/// How a name can be given without replacing what has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exclusive {
    /// By one rename.
    Rename,
    /// By a hard link and the removal of the old name.
    Link,
    /// By an empty file under that name, and a rename over it.
    Neither,
}

/// What a file system can do with names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// How it gives a name without replacing.
    pub exclusive: Exclusive,
    /// Can it exchange two names?
    pub exchange: bool,
}

impl Destination<'_> {
    /// Which renames the file system can do. Tried the first time, known afterwards; whatever
    /// renames asks here first.
    ///
    /// # Errors
    /// [`NotFound`](crate::DoorErrorKind::NotFound) without record folders,
    /// [`ForeignRecord`](crate::DoorErrorKind::ForeignRecord),
    /// [`NoSpace`](crate::DoorErrorKind::NoSpace) and what else making a file answers.
    pub fn probe_renames(&self) -> Result<Abilities, DoorError> {
        if let Some(known) = self.abilities.get() {
            return Ok(*known);
        }
        let operation = Operation::ProbeRenames;
        let below = self.below();
        let folder = self.area(operation, Area::Temporaries)?;
        below.announce(operation, &Area::Temporaries.path())?;
        let names = [random_name(), random_name()];
        let scratch = Scratch::new(folder.as_fd(), &names, self.faults());
        let answer = scratch.abilities();
        let removed = scratch.remove();
        let failed = |errno| below.failed(operation, &Area::Temporaries.path(), errno);
        let found = answer.map_err(failed)?;
        removed.map_err(failed)?;
        Ok(*self.abilities.get_or_init(|| found))
    }
}

/// Two names for trying.
struct Scratch<'a> {
    first: Spot<'a>,
    second: Spot<'a>,
    faults: &'a Faults,
}

/// The files that have the names, or had them: kept open, since some file systems make up inode
/// numbers and keep them only as long.
struct Pair {
    first: Identity,
    second: Identity,
    _open: [File; 2],
}

impl<'a> Scratch<'a> {
    fn new(folder: BorrowedFd<'a>, names: &'a [Component; 2], faults: &'a Faults) -> Self {
        let [first, second] =
            names.each_ref().map(|name| Spot { folder, name: name.as_str().as_ref() });
        Self { first, second, faults }
    }

    fn abilities(&self) -> Result<Abilities, Errno> {
        let exclusive = if self.renames_exclusively()? {
            Exclusive::Rename
        } else if self.links()? {
            Exclusive::Link
        } else {
            Exclusive::Neither
        };
        Ok(Abilities { exclusive, exchange: self.exchanges()? })
    }

    /// Spares the name that is taken, and gives the one that is free?
    fn renames_exclusively(&self) -> Result<bool, Errno> {
        let pair = self.make()?;
        let rename =
            || rename::flagged(self.first, self.second, RenameFlags::NOREPLACE, self.faults);
        match rename() {
            // The kernel can say so by itself, and the file system still not know the flag.
            Err(Errno::EXIST) => {}
            answer => return done(answer).map(|_| false),
        }
        if !self.have(pair.first, pair.second)? {
            return Ok(false);
        }
        self.second.unlink()?;
        Ok(done(rename())? && has(self.second, pair.first)? && is_free(self.first)?)
    }

    fn links(&self) -> Result<bool, Errno> {
        let pair = self.make()?;
        match rename::linking(self.first, self.second, self.faults) {
            Err(Errno::EXIST) => {}
            answer => return done(answer).map(|_| false),
        }
        self.second.unlink()?;
        let linked = done(rename::linking(self.first, self.second, self.faults))?;
        Ok(linked && self.have(pair.first, pair.first)?)
    }

    fn exchanges(&self) -> Result<bool, Errno> {
        let pair = self.make()?;
        let exchanged = done(rename::exchanging(self.first, self.second, self.faults))?;
        Ok(exchanged && self.have(pair.second, pair.first)?)
    }

    /// Makes both files anew.
    fn make(&self) -> Result<Pair, Errno> {
        self.remove()?;
        let make = |spot: Spot<'_>| temporary::create_new(spot.folder, spot.name, OFlags::WRONLY);
        let open = [make(self.first)?, make(self.second)?];
        let [first, second] = &open;
        let identity = |file: &File| Ok(Facts::of_descriptor(file)?.identity);
        Ok(Pair { first: identity(first)?, second: identity(second)?, _open: open })
    }

    fn remove(&self) -> Result<(), Errno> {
        unless_missing(self.first.unlink())?;
        unless_missing(self.second.unlink())
    }

    fn have(&self, first: Identity, second: Identity) -> Result<bool, Errno> {
        Ok(has(self.first, first)? && has(self.second, second)?)
    }
}

fn has(spot: Spot<'_>, identity: Identity) -> Result<bool, Errno> {
    match spot.look() {
        Ok(facts) => Ok(facts.identity == identity),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno),
    }
}

fn is_free(spot: Spot<'_>) -> Result<bool, Errno> {
    match spot.look() {
        Ok(_) => Ok(false),
        Err(Errno::NOENT) => Ok(true),
        Err(errno) => Err(errno),
    }
}

/// `false` where the kernel or the file system cannot do it at all. (`OPNOTSUPP` and `NOTSUP` are
/// two numbers on a Mac; `PERM` is FAT's answer to a link, and an outer filter's to anything.)
fn done(answer: Result<(), Errno>) -> Result<bool, Errno> {
    const CANNOT: [Errno; 7] = [
        Errno::INVAL,
        Errno::NOSYS,
        Errno::OPNOTSUPP,
        Errno::NOTSUP,
        Errno::PERM,
        Errno::ACCESS,
        Errno::MLINK,
    ];
    match answer {
        Ok(()) => Ok(true),
        Err(errno) if CANNOT.contains(&errno) => Ok(false),
        Err(errno) => Err(errno),
    }
}
