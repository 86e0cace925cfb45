//! What `stat` tells of one path: data for the links, without the disk behind it.
//!
//! A path that is not there and one that may not be looked at are two things, and of a refusal the
//! errno is kept: on a Mac EPERM is the missing right to the disk, EACCES a plain mode.

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spot {
    /// Something.
    There(Seen),
    /// Nothing.
    Absent,
    /// The system does not let us look; its errno.
    Refused(i32),
}

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// Of which kind.
    pub(super) kind: Kind,
    /// Whose.
    pub(super) owner: u32,
    /// The permission bits.
    pub(super) mode: u32,
    /// May we read it (of a folder: list and enter it)?
    pub(super) is_readable: bool,
    /// May we write to it?
    pub(super) is_writable: bool,
    /// Why not, where we may not read it.
    pub(super) errno: i32,
}

/// The kinds that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// Anything else.
    Other,
}

/// Writable by the group or by others.
const FOREIGN_WRITE: u32 = 0o022;

impl Seen {
    /// Can somebody else write to it, or does it belong to somebody else (root is trusted)?
    pub(super) fn is_open_to_others(&self, uid: u32) -> bool {
        self.mode & FOREIGN_WRITE != 0 || (self.owner != uid && self.owner != 0)
    }

    /// For tests: a folder of ours alone.
    #[cfg(test)]
    pub(super) const FOLDER: Self = Self {
        kind: Kind::Folder,
        owner: 7,
        mode: 0o700,
        is_readable: true,
        is_writable: true,
        errno: 0,
    };
}
