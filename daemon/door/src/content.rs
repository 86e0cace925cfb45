//! What is done to a file through its open descriptor: clone, mode and times, the start of
//! write-out.
//!
//! No path comes near here, so it is apart from the rest of the door. Where a file system has no
//! modes or keeps no times (FAT, some network disks) it answers EPERM or "not supported": that is
//! no failure, and the facts that are returned say what was kept. Set-uid, set-gid and sticky bits
//! are never set.

use std::fs::File;
use std::os::fd::AsFd;

use rustix::fs::{Mode, Timespec, Timestamps};
use rustix::io::Errno;

use crate::facts::{Facts, FileTime};

/// Starts writing a file's content to the disk, so that the flush of the whole batch finds little
/// left to do.
///
/// # Errors
/// What the kernel answers; nothing is lost then but time.
#[cfg(target_os = "linux")]
pub fn start_writeout(file: &File) -> std::io::Result<()> {
    // What is dirty is not dropped by this advice but put into write-out.
    rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed)?;
    Ok(())
}

/// Orders a file's content before whatever is written later, so that one full flush can stand for
/// the whole batch.
///
/// # Errors
/// What the kernel answers.
#[cfg(target_os = "macos")]
pub fn start_writeout(file: &File) -> std::io::Result<()> {
    match nix::fcntl::fcntl(file, nix::fcntl::FcntlArg::F_BARRIERFSYNC) {
        Ok(_) => Ok(()),
        // Network disks do not know it.
        Err(_) => Ok(rustix::fs::fsync(file)?),
    }
}

/// Sets permission bits and, if told, the time of the last change; answers what the file then is.
pub(crate) fn finish(file: impl AsFd, mode: u16, mtime: Option<FileTime>) -> Result<Facts, Errno> {
    tolerate_poor_file_systems(rustix::fs::fchmod(&file, permission_bits(mode)))?;
    if let Some(mtime) = mtime {
        let times = Timestamps {
            last_access: Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT },
            last_modification: Timespec {
                tv_sec: mtime.seconds,
                tv_nsec: mtime.nanoseconds.into(),
            },
        };
        tolerate_poor_file_systems(rustix::fs::futimens(&file, &times))?;
    }
    Facts::of_descriptor(&file)
}

/// The nine permission bits of a mode, and nothing above them.
pub(crate) fn permission_bits(mode: u16) -> Mode {
    Mode::from_bits_truncate((mode & 0o777).into())
}

pub(crate) fn tolerate_poor_file_systems(answer: Result<(), Errno>) -> Result<(), Errno> {
    match answer {
        Err(Errno::PERM | Errno::NOSYS) => Ok(()),
        Err(errno) if errno == Errno::NOTSUP || errno == Errno::OPNOTSUPP => Ok(()),
        other => other,
    }
}

/// Does this answer to a clone mean that these two places cannot share content at all?
pub(crate) fn cannot_clone(errno: Errno) -> bool {
    [
        Errno::OPNOTSUPP,
        Errno::NOTSUP,
        Errno::XDEV,
        Errno::INVAL,
        Errno::NOTTY,
        Errno::NOSYS,
        Errno::PERM,
    ]
    .contains(&errno)
}
