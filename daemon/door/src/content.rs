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
    let ordered = nix::fcntl::fcntl(file, nix::fcntl::FcntlArg::F_BARRIERFSYNC);
    let ordered = ordered.map(drop).map_err(|errno| Errno::from_raw_os_error(errno as i32));
    Ok(or_weaker(ordered, || rustix::fs::fsync(file))?)
}

/// Brings one file or folder to the disk, through its cache where the system can be told to.
#[cfg(target_os = "linux")]
pub(crate) fn flush(descriptor: impl AsFd) -> Result<(), Errno> {
    rustix::fs::fsync(descriptor)
}

/// Brings one file or folder to the disk, through its cache where the system can be told to: there
/// `fsync` stops before that.
#[cfg(target_os = "macos")]
pub(crate) fn flush(descriptor: impl AsFd) -> Result<(), Errno> {
    or_weaker(rustix::fs::fcntl_fullfsync(&descriptor), || rustix::fs::fsync(&descriptor))
}

/// Brings a content to the disk, and of what `stat` tells no more than is needed to read it.
#[cfg(target_os = "linux")]
pub(crate) fn flush_data(descriptor: impl AsFd) -> Result<(), Errno> {
    rustix::fs::fdatasync(descriptor)
}

/// Brings a content to the disk.
#[cfg(target_os = "macos")]
pub(crate) fn flush_data(descriptor: impl AsFd) -> Result<(), Errno> {
    flush(descriptor)
}

/// Asks for less where a file system does not know the stronger flush (network disks do not). Any
/// other answer counts: the weaker one would hide that a content was lost.
#[cfg(any(target_os = "macos", test))]
fn or_weaker(
    stronger: Result<(), Errno>,
    weaker: impl FnOnce() -> Result<(), Errno>,
) -> Result<(), Errno> {
    const UNKNOWN: [Errno; 5] =
        [Errno::NOTSUP, Errno::OPNOTSUPP, Errno::INVAL, Errno::NOTTY, Errno::NOSYS];
    match stronger {
        Err(errno) if UNKNOWN.contains(&errno) => weaker(),
        answer => answer,
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
        // First: a time of change before that of creation moves the latter by itself, where both
        // are kept.
        set_created(file.as_fd(), mtime)?;
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

/// Sets when a file began to be, which is when its photo was taken. What no disk keeps is no
/// failure, and nothing depends on it.
#[cfg(target_os = "macos")]
fn set_created(file: std::os::fd::BorrowedFd<'_>, time: FileTime) -> Result<(), Errno> {
    use std::os::darwin::fs::FileTimesExt;
    use std::time::{Duration, UNIX_EPOCH};
    let whole = Duration::from_secs(time.seconds.unsigned_abs());
    let whole = if time.seconds < 0 {
        UNIX_EPOCH.checked_sub(whole)
    } else {
        UNIX_EPOCH.checked_add(whole)
    };
    let exact = whole.and_then(|it| it.checked_add(Duration::from_nanos(time.nanoseconds.into())));
    if let Some(created) = exact {
        let file = File::from(rustix::io::fcntl_dupfd_cloexec(file, 0)?);
        let _not_kept = file.set_times(std::fs::FileTimes::new().set_created(created));
    }
    Ok(())
}

/// There is no such time that could be set.
#[cfg(not(target_os = "macos"))]
fn set_created(_: std::os::fd::BorrowedFd<'_>, _: FileTime) -> Result<(), Errno> {
    Ok(())
}

/// Takes from a clone what its source has beside content, mode and times: marks of Photos and
/// Finder, and forks, none of which a copy has. The mark of where a file was loaded from stays.
#[cfg(target_os = "macos")]
pub(crate) fn leave_content_alone(clone: &File) -> Result<(), Errno> {
    let mut names = Vec::new();
    let bytes = rustix::fs::flistxattr(clone, &mut [0_u8; 0])?;
    names.resize(bytes, 0);
    let bytes = rustix::fs::flistxattr(clone, &mut names)?;
    names.truncate(bytes);
    for name in attributes_to_remove(&names) {
        match rustix::fs::fremovexattr(clone, name) {
            // The system keeps some for itself.
            Ok(()) | Err(Errno::PERM | Errno::ACCESS | Errno::NOATTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// The names of a list of attributes, each ended by a zero byte, that an export does not keep.
#[cfg(any(target_os = "macos", test))]
fn attributes_to_remove(listed: &[u8]) -> impl Iterator<Item = &[u8]> {
    const KEPT: [&[u8]; 2] = [b"com.apple.quarantine", b"com.apple.provenance"];
    listed.split(|byte| *byte == 0).filter(|name| !name.is_empty() && !KEPT.contains(name))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weaker_flush_is_asked_for_only_where_the_stronger_is_unknown() {
        let asked = |stronger| {
            let mut weaker = false;
            let answer = or_weaker(stronger, || {
                weaker = true;
                Ok(())
            });
            (answer, weaker)
        };
        assert_eq!(asked(Ok(())), (Ok(()), false));
        for errno in [Errno::NOTSUP, Errno::OPNOTSUPP, Errno::INVAL, Errno::NOTTY, Errno::NOSYS] {
            assert_eq!(asked(Err(errno)), (Ok(()), true), "{errno}");
        }
        // A disk that loses what it was given must not be heard to say yes.
        for errno in [Errno::IO, Errno::NOSPC, Errno::DQUOT, Errno::STALE, Errno::BADF] {
            assert_eq!(asked(Err(errno)), (Err(errno), false), "{errno}");
        }
    }

    #[test]
    fn of_a_clones_attributes_only_the_mark_of_its_origin_stays() {
        let listed = b"com.apple.quarantine\0com.apple.assetsd.hidden\0com.apple.provenance\0\
            com.apple.ResourceFork\0com.apple.quarantine.x\0";
        let removed: Vec<_> = attributes_to_remove(listed).collect();
        assert_eq!(
            removed,
            [
                &b"com.apple.assetsd.hidden"[..],
                b"com.apple.ResourceFork",
                b"com.apple.quarantine.x"
            ]
        );
        assert_eq!(attributes_to_remove(b"").count(), 0);
    }
}
