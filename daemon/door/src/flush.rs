//! Brings a batch to the disk: one flush of the whole file system, or of each file and folder where
//! that does not reach the disk.
//!
//! Which of the two is told by `statfs`. FUSE does not hand the flush on (for virtiofs it would,
//! but that looks like any FUSE), network file systems are not known to, and what is not on the
//! list is not trusted. Macs have no flush of a file system: their files were put in order before
//! (`content.rs`), and one full flush empties the drive's cache. The hazard: a `flushed` line that
//! says of a content what the disk does not know.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use darkslide_policy::{Component, RelPath};
use rustix::io::Errno;

use crate::beneath::{Base, Want};
use crate::content;
use crate::destination::Destination;
use crate::error::{DoorError, DoorErrorKind};
use crate::fault::{Lack, Operation};
use crate::reading;
use crate::record::{self, Area, Record};

/// What a flush of a batch has to name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlushKind {
    /// One call brings everything to the disk.
    FileSystem,
    /// Each file and each folder is flushed by itself.
    EachFile,
}

impl Destination<'_> {
    /// How this file system is flushed.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn flush_kind(&self) -> Result<FlushKind, DoorError> {
        let below = self.below();
        let whole = RelPath::root();
        below.announce(Operation::FileSystem, &whole)?;
        if self.faults().lacks(Lack::Syncfs) {
            return Ok(FlushKind::EachFile);
        }
        let told = rustix::fs::fstatfs(self.handle())
            .map_err(|errno| below.failed(Operation::FileSystem, &whole, errno))?;
        let whole = flushes_as_a_whole(&told);
        Ok(if whole { FlushKind::FileSystem } else { FlushKind::EachFile })
    }

    /// Brings everything to the disk that was written below the destination, where the file system
    /// can be flushed as a whole; else the destination's record alone.
    ///
    /// # Errors
    /// Those of [`Destination::sync_batch`].
    pub fn sync(&self) -> Result<(), DoorError> {
        self.sync_batch(&[], &[])
    }

    /// Brings a batch to the disk: these temporary files, these folders (those that names came to
    /// or went from, and those around a new one, `.darkslide/trash/DAY` too), and the record.
    /// Where the file system can be flushed as a whole, that is done and the lists are not looked
    /// at. Of folders, one that is gone needs no flush.
    ///
    /// # Errors
    /// What the kernel answers, [`DoorErrorKind::NoSpace`] and [`Io`](DoorErrorKind::Io) above all;
    /// [`NotFound`](DoorErrorKind::NotFound) and [`NotAFile`](DoorErrorKind::NotAFile) of a
    /// temporary file, [`Link`](DoorErrorKind::Link) on the way to a folder.
    pub fn sync_batch(
        &self,
        temporaries: &[Component],
        folders: &[RelPath],
    ) -> Result<(), DoorError> {
        let kind = self.flush_kind()?;
        let below = self.below();
        let whole = RelPath::root();
        below.announce(Operation::Sync, &whole)?;
        match kind {
            FlushKind::FileSystem => flush_file_system(self.handle())
                .map_err(|errno| below.failed(Operation::Sync, &whole, errno)),
            FlushKind::EachFile => {
                self.flush_temporaries(temporaries)?;
                folders.iter().try_for_each(|folder| self.flush_folder(folder))?;
                self.flush_own()
            }
        }
    }

    fn flush_temporaries(&self, names: &[Component]) -> Result<(), DoorError> {
        if names.is_empty() {
            return Ok(());
        }
        let operation = Operation::Flush;
        let folder = self.area(operation, Area::Temporaries)?;
        for name in names {
            let path = Area::Temporaries.join(name.as_str());
            let below = self.below();
            below.announce(operation, &path)?;
            let base = Base { folder: folder.as_fd(), ..below.base };
            let failed = |errno| below.failed(operation, &path, errno);
            let file = base.open(&record::path_of([name.as_str()]), Want::File);
            let file = file.and_then(reading::checked_file).map_err(failed)?;
            let file =
                file.ok_or_else(|| below.refused(operation, &path, DoorErrorKind::NotAFile))?;
            content::flush(file.file()).map_err(failed)?;
        }
        Ok(())
    }

    fn flush_folder(&self, path: &RelPath) -> Result<(), DoorError> {
        let operation = Operation::Flush;
        let below = self.below();
        below.announce(operation, path)?;
        let opened = if record::is_within_record(path) {
            self.own_folder(operation, path, Want::Folder)
        } else {
            below.open_folder(operation, path, Want::Folder)
        };
        match opened {
            Err(error) if error.kind() == DoorErrorKind::NotFound => Ok(()),
            opened => flush_names(&opened?).map_err(|errno| below.failed(operation, path, errno)),
        }
    }

    /// The journal, and the names in the record.
    fn flush_own(&self) -> Result<(), DoorError> {
        if let Some(journal) = self.open_record(Record::Journal)? {
            let below = self.below();
            let path = Area::Record.join(Record::Journal.name());
            below.announce(Operation::Flush, &path)?;
            content::flush(journal.file())
                .map_err(|errno| below.failed(Operation::Flush, &path, errno))?;
        }
        for area in [Area::Temporaries, Area::Aside, Area::Record] {
            self.flush_folder(&area.path())?;
        }
        // The record's own name.
        self.flush_folder(&RelPath::root())
    }
}

/// Some file systems write names at once, and know no flush of a folder.
fn flush_names(folder: &OwnedFd) -> Result<(), Errno> {
    match content::flush(folder) {
        Err(Errno::INVAL | Errno::NOSYS) => Ok(()),
        Err(errno) if errno == Errno::NOTSUP || errno == Errno::OPNOTSUPP => Ok(()),
        answer => answer,
    }
}

#[cfg(target_os = "linux")]
fn flush_file_system(folder: BorrowedFd<'_>) -> Result<(), Errno> {
    rustix::fs::syncfs(folder)
}

/// There is no `syncfs`; a full flush of one descriptor empties the drive's cache, and each file
/// was ordered before it.
#[cfg(target_os = "macos")]
fn flush_file_system(folder: BorrowedFd<'_>) -> Result<(), Errno> {
    content::flush(folder)
}

/// The file systems, by the number that the kernel's headers give them, whose `syncfs` writes all
/// of it and waits for the disk.
#[cfg(target_os = "linux")]
const FLUSHED_AS_A_WHOLE: [u64; 15] = [
    0xef53,      // ext2, ext3, ext4
    0x5846_5342, // XFS
    0x9123_683e, // Btrfs
    0xf2f5_2010, // F2FS
    0x2fc1_2fc1, // ZFS
    0xca45_1a4e, // bcachefs
    0x3153_464a, // JFS
    0x3434,      // NILFS2
    0x4d44,      // FAT
    0x2011_bab0, // exFAT
    0x7366_746e, // NTFS
    0x482b,      // HFS+
    0x794c_7630, // overlayfs: hands it on to the upper one
    0x0102_1994, // tmpfs: has no disk
    0x8584_58f6, // ramfs: has none either
];

#[cfg(target_os = "linux")]
fn flushes_as_a_whole(told: &rustix::fs::StatFs) -> bool {
    u64::try_from(told.f_type).is_ok_and(|number| FLUSHED_AS_A_WHOLE.contains(&number))
}

/// A disk of this machine, and not of another.
#[cfg(target_os = "macos")]
fn flushes_as_a_whole(told: &rustix::fs::StatFs) -> bool {
    const MNT_LOCAL: u32 = 0x1000;
    told.f_flags & MNT_LOCAL != 0
}
