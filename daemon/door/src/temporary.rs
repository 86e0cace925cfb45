//! Contents on their way: made under random names in `.darkslide/tmp/`, and finished.
//!
//! A temporary file is made exclusively, 0600, and is for the daemon's user alone until it is
//! finished. It gets its final name in `publish.rs`; what nobody wants is removed in `remove.rs`.
//! The hazard: a name or a link that was planted, and would be written through.

#![expect(clippy::disallowed_methods, reason = "the door: makes and removes temporary files")]

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};

use darkslide_policy::Component;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use rustix::path::Arg;

use crate::content;
use crate::destination::Destination;
use crate::error::DoorError;
use crate::facts::{Entry, Facts, FileTime};
use crate::fault::Operation;
use crate::random_name::random_name;
use crate::record::Area;

/// What is ours is for the daemon's user alone until it is finished.
pub(crate) const FILE_MODE: Mode = Mode::from_bits_retain(0o600);

impl Destination<'_> {
    /// Makes a new temporary file, empty, for reading and writing.
    ///
    /// # Errors
    /// [`Exists`](crate::DoorErrorKind::Exists), [`NotFound`](crate::DoorErrorKind::NotFound)
    /// without record folders, [`NoSpace`](crate::DoorErrorKind::NoSpace).
    pub fn create_temporary(&self, name: &Component) -> Result<File, DoorError> {
        let operation = Operation::CreateTemporary;
        let folder = self.area(operation, Area::Temporaries)?;
        let path = Area::Temporaries.join(name.as_str());
        self.below().announce(operation, &path)?;
        create_new(&folder, name.as_str(), OFlags::RDWR)
            .map_err(|errno| self.below().failed(operation, &path, errno))
    }

    /// Makes a new temporary file that shares the content of an open file; none where the two file
    /// systems cannot, and then nothing is left.
    ///
    /// # Errors
    /// Those of [`Destination::create_temporary`].
    pub fn clone_temporary(
        &self,
        source: &File,
        name: &Component,
    ) -> Result<Option<File>, DoorError> {
        let operation = Operation::CloneTemporary;
        let folder = self.area(operation, Area::Temporaries)?;
        let path = Area::Temporaries.join(name.as_str());
        self.below().announce(operation, &path)?;
        match clone_new(source, &folder, name.as_str()) {
            Ok(file) => Ok(Some(file)),
            Err(errno) if content::cannot_clone(errno) => Ok(None),
            Err(errno) => Err(self.below().failed(operation, &path, errno)),
        }
    }

    /// Sets the grant's file mode and, if told, the time of the last change on a file that is
    /// otherwise finished; `name` is for the error. Answers what the file then is: disks round and
    /// clamp times, and some keep no modes.
    ///
    /// # Errors
    /// What the kernel answers; that a file system keeps no modes or times is no error.
    pub fn finish(
        &self,
        name: &Component,
        file: &File,
        mtime: Option<FileTime>,
    ) -> Result<Facts, DoorError> {
        let path = Area::Temporaries.join(name.as_str());
        let below = self.below();
        below.announce(Operation::Finish, &path)?;
        content::finish(file, self.grant().covers().file_mode(), mtime)
            .map_err(|errno| below.failed(Operation::Finish, &path, errno))
    }

    /// Makes a file without a name, for reading and writing: room for what is needed while it is
    /// open, gone with its descriptor.
    ///
    /// # Errors
    /// Those of [`Destination::create_temporary`].
    pub fn spool(&self) -> Result<File, DoorError> {
        let operation = Operation::CreateTemporary;
        let folder = self.area(operation, Area::Temporaries)?;
        let name = random_name();
        let path = Area::Temporaries.join(name.as_str());
        let failed = |errno| self.below().failed(operation, &path, errno);
        self.below().announce(operation, &path)?;
        let file = create_new(&folder, name.as_str(), OFlags::RDWR).map_err(failed)?;
        unless_missing(rustix::fs::unlinkat(&folder, name.as_str(), AtFlags::empty()))
            .map_err(failed)?;
        Ok(file)
    }

    /// Lists the temporary files; none without record folders.
    ///
    /// # Errors
    /// Those of [`Destination::list`].
    pub fn list_temporaries(&self) -> Result<Vec<Entry>, DoorError> {
        self.list_area(Area::Temporaries)
    }

    /// Lists what stands aside; none without record folders.
    ///
    /// # Errors
    /// Those of [`Destination::list`].
    pub fn list_aside(&self) -> Result<Vec<Entry>, DoorError> {
        self.list_area(Area::Aside)
    }
}

/// Makes a file that is not there yet.
pub(crate) fn create_new(
    folder: impl AsFd,
    name: impl Arg + Copy,
    access: OFlags,
) -> Result<File, Errno> {
    let flags = access | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::io::retry_on_intr(|| rustix::fs::openat(&folder, name, flags, FILE_MODE))
        .map(File::from)
}

#[cfg(target_os = "linux")]
fn clone_new(source: &File, folder: &OwnedFd, name: &str) -> Result<File, Errno> {
    let file = create_new(folder, name, OFlags::RDWR)?;
    match rustix::fs::ioctl_ficlone(&file, source) {
        Ok(()) => Ok(file),
        Err(errno) => {
            unless_missing(rustix::fs::unlinkat(folder, name, AtFlags::empty()))?;
            Err(errno)
        }
    }
}

#[cfg(target_os = "macos")]
fn clone_new(source: &File, folder: &OwnedFd, name: &str) -> Result<File, Errno> {
    use rustix::fs::CloneFlags;
    /// `UF_IMMUTABLE`, `UF_APPEND`, `SF_IMMUTABLE`, `SF_APPEND` of `<sys/stat.h>`.
    const LOCKED: u32 = 0x0006_0006;
    // The clone of a locked file is locked, and could be neither renamed nor removed: copy it.
    if rustix::fs::fstat(source)?.st_flags & LOCKED != 0 {
        return Err(Errno::NOTSUP);
    }
    let flags = CloneFlags::NOFOLLOW | CloneFlags::NOOWNERCOPY;
    rustix::fs::fclonefileat(source, folder, name, flags)?;
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(folder, name, flags, Mode::empty())?);
    // A clone has the mode of its source; until it is finished it is ours alone.
    let finished =
        rustix::fs::fchmod(&file, FILE_MODE).and_then(|()| content::leave_content_alone(&file));
    if let Err(errno) = finished {
        unless_missing(rustix::fs::unlinkat(folder, name, AtFlags::empty()))?;
        return Err(errno);
    }
    Ok(file)
}

pub(crate) fn unless_missing(answer: Result<(), Errno>) -> Result<(), Errno> {
    match answer {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}
