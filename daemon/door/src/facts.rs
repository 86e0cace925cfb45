//! What the kernel tells about a file or folder, in one shape for both platforms.
//!
//! Values only: nothing here opens or looks. An [`Identity`] tells two open files of one process
//! apart; it is no identity over time, for device numbers change with each mount and a new file
//! gets a freed inode at once.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::AsFd;

use darkslide_policy::Component;
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

/// Which file or folder it is, as long as this process runs and somebody holds it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// The device number.
    #[must_use]
    pub fn device(self) -> u64 {
        self.device
    }

    /// The inode number.
    #[must_use]
    pub fn inode(self) -> u64 {
        self.inode
    }
}

/// A point in time as a file system keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileTime {
    /// Seconds since 1970-01-01T00:00:00Z, negative before.
    pub seconds: i64,
    /// Nanoseconds after that second, below 1,000,000,000.
    pub nanoseconds: u32,
}

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A pipe, a socket, a device.
    Other,
}

/// What `stat` tells, of the thing itself and never of what a link leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// What it is.
    pub kind: Kind,
    /// Its length in bytes.
    pub size: u64,
    /// When the content was last changed.
    pub mtime: FileTime,
    /// When the content or what `stat` tells was last changed; nobody can set it.
    pub ctime: FileTime,
    /// Which one it is.
    pub identity: Identity,
    /// Permission bits, set-uid, set-gid and sticky included: at most 0o7777.
    pub mode: u16,
    /// How many names it has.
    pub links: u64,
    /// Who owns it.
    pub uid: u32,
    /// Is the content elsewhere, to be fetched by whoever reads it? Linux knows no such thing.
    pub is_elsewhere: bool,
}

impl Facts {
    /// Asks for the facts of an open file.
    ///
    /// # Errors
    /// Whatever `fstat` answers.
    pub fn of(file: &File) -> std::io::Result<Self> {
        Ok(Self::of_descriptor(file)?)
    }

    pub(crate) fn of_descriptor(descriptor: impl AsFd) -> Result<Self, Errno> {
        rustix::fs::fstat(descriptor).map(|stat| Self::from_stat(&stat))
    }

    pub(crate) fn from_stat(stat: &Stat) -> Self {
        let mode = stat.st_mode;
        Self {
            kind: Kind::from(FileType::from_raw_mode(mode)),
            size: natural(stat.st_size),
            mtime: time(stat.st_mtime, stat.st_mtime_nsec),
            ctime: time(stat.st_ctime, stat.st_ctime_nsec),
            identity: Identity { device: natural(stat.st_dev), inode: natural(stat.st_ino) },
            mode: u16::try_from(natural(mode) & 0o7777).unwrap_or(0),
            links: natural(stat.st_nlink),
            uid: stat.st_uid,
            is_elsewhere: is_dataless(stat),
        }
    }
}

#[cfg(target_os = "macos")]
fn is_dataless(stat: &Stat) -> bool {
    /// `SF_DATALESS` of `<sys/stat.h>`.
    const DATALESS: u32 = 0x4000_0000;
    stat.st_flags & DATALESS != 0
}

#[cfg(not(target_os = "macos"))]
fn is_dataless(_: &Stat) -> bool {
    false
}

impl From<FileType> for Kind {
    fn from(file_type: FileType) -> Self {
        match file_type {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Folder,
            FileType::Symlink => Self::Link,
            _ => Self::Other,
        }
    }
}

/// One name in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    name: OsString,
    kind: Kind,
}

impl Entry {
    pub(crate) fn new(name: OsString, kind: Kind) -> Self {
        Self { name, kind }
    }

    /// The name as the disk has it; it need not be text.
    #[must_use]
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// The name as one that we take; none for what is not UTF-8 or has control characters.
    #[must_use]
    pub fn component(&self) -> Option<Component> {
        Component::parse(self.name.to_str()?).ok()
    }

    /// What it was when the folder was read.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

fn time(seconds: i64, nanoseconds: impl TryInto<u32>) -> FileTime {
    FileTime { seconds, nanoseconds: nanoseconds.try_into().unwrap_or(0) }
}

/// The fields of `stat` have other widths on each platform, and some have a sign that is never
/// used.
fn natural(value: impl TryInto<u64>) -> u64 {
    value.try_into().unwrap_or(u64::MAX)
}
