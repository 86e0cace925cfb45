//! Whose matter is it that a file of the library cannot be opened or read: this file's, or the
//! machine's?
//!
//! Pure, a table of errnos. What is in it says something about the one file, and becomes its
//! outcome; whatever is not in it ends the job, to be tried again. The hazard: a process without a
//! free descriptor, or a kernel without memory, for whom every photo in turn "cannot be read", and
//! a report that says so of all of them.

use std::io;

use darkslide_door::{DoorError, DoorErrorKind};
use darkslide_library::LibraryError;
use rustix::io::Errno;

use crate::error::ExportError;
use crate::plan::Trouble;

/// The word for a source that the system fails to read.
pub(crate) const READ_ERROR: &str = "read-error";

/// Of a file that could not be opened.
pub(crate) fn not_opened(error: DoorError) -> Trouble {
    match word_for(error.kind(), error.errno()) {
        Some(word) => Trouble::Source(word),
        None => {
            let source = Some(error);
            Trouble::Job(ExportError::Library(LibraryError::Unavailable { source }))
        }
    }
}

/// Of an open file that could not be read, or looked at.
pub(crate) fn not_read(error: io::Error) -> Trouble {
    match error.raw_os_error() {
        Some(errno) if !is_of_the_file(errno) => Trouble::Job(ExportError::Io(error)),
        Some(_) | None => Trouble::Source(READ_ERROR),
    }
}

fn word_for(kind: DoorErrorKind, errno: Option<i32>) -> Option<&'static str> {
    if errno.is_some_and(|errno| !is_of_the_file(errno)) {
        return None;
    }
    match kind {
        DoorErrorKind::NotFound => Some("gone"),
        DoorErrorKind::Link => Some("link"),
        DoorErrorKind::OutsideRoot => Some("outside-bundle"),
        DoorErrorKind::NotAFile | DoorErrorKind::NotAFolder => Some("not-a-regular-file"),
        DoorErrorKind::Permission | DoorErrorKind::Unanswered => Some("permission"),
        DoorErrorKind::Elsewhere => Some("in-icloud"),
        DoorErrorKind::Busy | DoorErrorKind::Name | DoorErrorKind::Io => Some(READ_ERROR),
        // Withdrawn from the program, it is so of every file.
        DoorErrorKind::Protected
        | DoorErrorKind::Exists
        | DoorErrorKind::NoSpace
        | DoorErrorKind::ReadOnly
        | DoorErrorKind::Replaced
        | DoorErrorKind::Grant
        | DoorErrorKind::Nested
        | DoorErrorKind::ForeignRecord
        | DoorErrorKind::TooMany => None,
    }
}

fn is_of_the_file(errno: i32) -> bool {
    let errno = Errno::from_raw_os_error(errno);
    OF_THE_FILE.contains(&errno) || OF_THE_FILE_HERE.contains(&errno)
}

const OF_THE_FILE: &[Errno] = &[
    // Something else is there, or nothing, or nothing that this user may read.
    Errno::NOENT,
    Errno::NOTDIR,
    Errno::ISDIR,
    Errno::LOOP,
    Errno::XDEV,
    Errno::NXIO,
    Errno::OPNOTSUPP,
    Errno::NAMETOOLONG,
    Errno::ACCESS,
    Errno::PERM,
    Errno::STALE,
    // Somebody holds it; on a Mac, also a file that iCloud has to bring first.
    Errno::BUSY,
    Errno::TXTBSY,
    Errno::DEADLK,
    // Its blocks or what the file system knows of it are broken.
    Errno::IO,
    Errno::BADMSG,
    Errno::ILSEQ,
    Errno::INVAL,
    Errno::OVERFLOW,
    Errno::FBIG,
];

/// A broken inode, a broken sector, and a file whose key is not loaded.
#[cfg(target_os = "linux")]
const OF_THE_FILE_HERE: &[Errno] = &[Errno::UCLEAN, Errno::NODATA, Errno::REMOTEIO, Errno::NOKEY];

#[cfg(target_os = "macos")]
const OF_THE_FILE_HERE: &[Errno] = &[];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_machine_lacks_is_no_files_matter_and_all_else_is() {
        let machine = [
            Errno::MFILE,
            Errno::NFILE,
            Errno::NOMEM,
            Errno::NOBUFS,
            Errno::INTR,
            Errno::AGAIN,
            Errno::NOSPC,
            Errno::DQUOT,
            Errno::ROFS,
            Errno::NODEV,
            Errno::TIMEDOUT,
            Errno::NOSYS,
            Errno::BADF,
            Errno::FAULT,
        ];
        let files = OF_THE_FILE.iter().chain(OF_THE_FILE_HERE);
        let table = machine.iter().map(|errno| (errno, true));
        for (errno, ends_the_job) in table.chain(files.map(|errno| (errno, false))) {
            let raw = errno.raw_os_error();
            let read = not_read(io::Error::from_raw_os_error(raw));
            assert_eq!(matches!(read, Trouble::Job(ExportError::Io(_))), ends_the_job, "{errno}");
            for kind in [DoorErrorKind::Io, DoorErrorKind::Busy, DoorErrorKind::NotFound] {
                assert_eq!(word_for(kind, Some(raw)).is_none(), ends_the_job, "{errno}");
            }
        }
    }

    #[test]
    fn each_word_says_why() {
        let words = [
            (DoorErrorKind::NotFound, Errno::NOENT, "gone"),
            (DoorErrorKind::Link, Errno::LOOP, "link"),
            (DoorErrorKind::OutsideRoot, Errno::XDEV, "outside-bundle"),
            (DoorErrorKind::NotAFile, Errno::ISDIR, "not-a-regular-file"),
            (DoorErrorKind::Permission, Errno::ACCESS, "permission"),
            (DoorErrorKind::Elsewhere, Errno::DEADLK, "in-icloud"),
            (DoorErrorKind::Io, Errno::IO, READ_ERROR),
        ];
        for (kind, errno, word) in words {
            assert_eq!(word_for(kind, Some(errno.raw_os_error())), Some(word));
        }
        // The door's own refusals have no errno.
        assert_eq!(word_for(DoorErrorKind::NotAFile, None), Some("not-a-regular-file"));
        assert_eq!(word_for(DoorErrorKind::Grant, None), None);
        let withdrawn = Some(Errno::PERM.raw_os_error());
        assert_eq!(word_for(DoorErrorKind::Protected, withdrawn), None, "no photo is to blame");
    }
}
