//! What is done to a file through its open descriptor: the kernel's own copy, holes, mode and
//! times, the start of write-out.
//!
//! No path comes near here, so it is apart from the rest of the door. Where a file system has no
//! modes or keeps no times (FAT, some network disks) it answers EPERM or "not supported": that is
//! no failure, and the facts that are returned say what was kept. Set-uid, set-gid and sticky bits
//! are never set.

use std::fs::File;
use std::ops::Range;
use std::os::fd::AsFd;

use rustix::fs::{Mode, SeekFrom, Timespec, Timestamps};
use rustix::io::Errno;

use crate::facts::{Facts, FileTime};
use crate::fault::Faults;

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

/// How much the kernel copies at once before somebody is asked whether to go on: some tenths of a
/// second of a slow disk.
#[cfg(target_os = "linux")]
const COPIED_AT_ONCE_BYTES: u64 = 16 * 1024 * 1024;

/// Lets the kernel copy a range of one file to the same place in another, and answers how far it
/// got: to the end of the range, or to where it refused (another file system, or its whim), the
/// source ended, or `go_on` said no. The caller goes on from there by reading and writing, which
/// also tells the reason. `go_on` is asked before each piece, and told where it begins. The files'
/// own positions stay.
#[cfg(target_os = "linux")]
pub fn copy_range(
    from: &File,
    to: &File,
    range: Range<u64>,
    faults: &Faults,
    go_on: &mut dyn FnMut(u64) -> bool,
) -> u64 {
    use crate::fault::{Lack, Operation};
    let mut at = range.start;
    if faults.lacks(Lack::CopyRange) {
        return at;
    }
    while at < range.end && go_on(at) && faults.check(Operation::Write).is_ok() {
        let piece = (range.end - at).min(COPIED_AT_ONCE_BYTES);
        let piece = usize::try_from(piece).unwrap_or(usize::MAX);
        let copied = rustix::io::retry_on_intr(|| {
            let (mut off_in, mut off_out) = (at, at);
            rustix::fs::copy_file_range(from, Some(&mut off_in), to, Some(&mut off_out), piece)
        });
        match copied {
            Ok(0) | Err(_) => break,
            Ok(bytes) => at = at.saturating_add(bytes.try_into().unwrap_or(u64::MAX)),
        }
    }
    at
}

/// There is no such call.
#[cfg(target_os = "macos")]
pub fn copy_range(
    _from: &File,
    _to: &File,
    range: Range<u64>,
    _faults: &Faults,
    _go_on: &mut dyn FnMut(u64) -> bool,
) -> u64 {
    range.start
}

/// The first part of a range of a file that is no hole; nothing at the range's end where all of it
/// is one. What a file system cannot tell is no hole. Moves the file's own position.
#[must_use]
pub fn next_data(file: &File, within: Range<u64>) -> Range<u64> {
    if within.is_empty() {
        return within;
    }
    let start = match rustix::fs::seek(file, SeekFrom::Data(within.start)) {
        Ok(start) => start.clamp(within.start, within.end),
        Err(Errno::NXIO) => within.end,
        Err(_) => return within,
    };
    let end = match rustix::fs::seek(file, SeekFrom::Hole(start)) {
        Ok(end) if end > start => end.min(within.end),
        Ok(_) | Err(_) => within.end,
    };
    start..end
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
