//! The folder of the audit log: numbered files, each made once and only ever added to.
//!
//! Boot finds and checks the folder and hands in its handle; here no path is taken, only a number.
//! It makes a file, adds to one, reads one, and that is all: there is no function here that
//! removes, renames or empties, and once confined the kernel refuses all three (`Access::Add`). The
//! hazard: a log that whoever takes over the daemon can make short.

#![expect(clippy::disallowed_methods, reason = "the door: owns the names in the audit folder")]

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Dir, Mode, OFlags};
use rustix::io::Errno;

const FILE_MODE: Mode = Mode::from_bits_retain(0o600);
const SUFFIX: &str = ".jsonl";
const DIGITS: usize = 8;
/// Far more files than are ever kept, and few enough to be held.
const MAX_FILES: usize = 65_536;

/// The folder, held.
#[derive(Debug)]
pub struct AuditDir {
    folder: OwnedFd,
}

impl AuditDir {
    /// Takes a handle that was opened for reading.
    #[must_use]
    pub fn new(folder: OwnedFd) -> Self {
        Self { folder }
    }

    /// Its handle, for the kernel's rules.
    #[must_use]
    pub fn handle(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// What the file of that number is called.
    #[must_use]
    pub fn name(number: u32) -> String {
        format!("{number:0DIGITS$}{SUFFIX}")
    }

    /// The numbers of its files, ascending. What has another name is not of the log.
    ///
    /// # Errors
    /// What listing answers; [`Errno::TOOBIG`] for more than are ever kept: names come in any
    /// order, and a list without the newest is that of another log.
    pub fn files(&self) -> io::Result<Vec<u32>> {
        self.at_most(MAX_FILES)
    }

    fn at_most(&self, most: usize) -> io::Result<Vec<u32>> {
        let mut numbers = Vec::new();
        for entry in Dir::read_from(&self.folder)? {
            numbers.extend(entry?.file_name().to_str().ok().and_then(number));
            if numbers.len() > most {
                return Err(Errno::TOOBIG.into());
            }
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Makes a file that was not there, to add to.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`], and what making answers.
    pub fn create(&self, number: u32) -> io::Result<File> {
        self.open(number, OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL)
    }

    /// Opens a file to add to.
    ///
    /// # Errors
    /// What opening answers; a link or anything but a regular file is not opened.
    pub fn add_to(&self, number: u32) -> io::Result<File> {
        self.open(number, OFlags::WRONLY | OFlags::APPEND)
    }

    /// Opens a file to read.
    ///
    /// # Errors
    /// Those of [`AuditDir::add_to`].
    pub fn read(&self, number: u32) -> io::Result<File> {
        self.open(number, OFlags::RDONLY)
    }

    /// Waits until the names of the files are on the disk.
    ///
    /// # Errors
    /// What flushing answers.
    pub fn flush(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.folder)?)
    }

    fn open(&self, number: u32, flags: OFlags) -> io::Result<File> {
        // Without waiting: a pipe of that name would never let us go.
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.folder, Self::name(number), flags, FILE_MODE)?;
        let file = File::from(file);
        if !file.metadata()?.is_file() {
            return Err(Errno::NOTSUP.into());
        }
        Ok(file)
    }
}

fn number(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(SUFFIX)?;
    let number = digits.parse().ok()?;
    (AuditDir::name(number) == name).then_some(number)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests")]

    use std::io::{Read as _, Write as _};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn audit(folder: &std::path::Path) -> AuditDir {
        AuditDir::new(File::open(folder).unwrap().into())
    }

    #[test]
    fn a_file_is_made_once_and_then_only_added_to() {
        let folder = tempfile::tempdir().unwrap();
        let audit = audit(folder.path());
        audit.create(1).unwrap().write_all(b"one").unwrap();
        assert_eq!(audit.create(1).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        audit.add_to(1).unwrap().write_all(b"two").unwrap();
        let mut text = String::new();
        audit.read(1).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "onetwo");
        let path = folder.path().join("00000001.jsonl");
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(audit.add_to(2).is_err(), "nothing is made by the way");
        audit.flush().unwrap();
    }

    #[test]
    fn only_numbered_files_are_of_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let audit = audit(folder.path());
        for number in [10, 9, 123_456_789] {
            audit.create(number).unwrap();
        }
        for other in ["notes.txt", "1.jsonl", "00000002", "000000003.jsonl", "+0000004.jsonl"] {
            std::fs::write(folder.path().join(other), "").unwrap();
        }
        assert_eq!(audit.files().unwrap(), [9, 10, 123_456_789]);
    }

    #[test]
    fn whatever_else_lies_there_no_file_of_the_log_is_overlooked() {
        let folder = tempfile::tempdir().unwrap();
        let audit = audit(folder.path());
        for number in 0..20 {
            std::fs::write(folder.path().join(format!("other-{number}")), "").unwrap();
        }
        (1..=3).for_each(|number| drop(audit.create(number).unwrap()));
        assert_eq!(audit.at_most(3).unwrap(), [1, 2, 3]);
        let too_many = |most| audit.at_most(most).unwrap_err().raw_os_error();
        assert_eq!(too_many(2), Some(Errno::TOOBIG.raw_os_error()));
        (4..=300).for_each(|number| drop(audit.create(number).unwrap()));
        assert_eq!(too_many(3), Some(Errno::TOOBIG.raw_os_error()));
    }

    /// L05.
    #[test]
    fn neither_a_link_nor_a_pipe_nor_a_folder_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let audit = audit(folder.path());
        let path = |number| folder.path().join(AuditDir::name(number));
        std::fs::write(folder.path().join("target"), "x").unwrap();
        std::os::unix::fs::symlink("target", path(1)).unwrap();
        let mode = nix::sys::stat::Mode::S_IRUSR | nix::sys::stat::Mode::S_IWUSR;
        nix::unistd::mkfifo(&path(2), mode).unwrap();
        std::fs::create_dir(path(3)).unwrap();
        for number in 1..4 {
            assert!(audit.add_to(number).is_err() && audit.read(number).is_err(), "{number}");
            assert!(audit.create(number).is_err(), "{number}");
        }
        assert_eq!(std::fs::read(folder.path().join("target")).unwrap(), b"x");
    }
}
