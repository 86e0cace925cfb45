//! What went wrong at the door: the operation, the object, the kind, and the kernel's own answer.
//!
//! The table of errnos lives here and nowhere else (measured; the rows are tests in `beneath.rs`).
//! A mount and a way out of the root have one kind, so that an answer does not tell them apart. The
//! hazard: an errno means different things for different calls (`ENOTDIR` on the way to a file is
//! "not there", where a folder is wanted it is "something else is there").

use std::{fmt, io};

use darkslide_policy::{AbsPath, LibraryName, Place, Platform, RelPath, RootName};
use rustix::io::Errno;

use crate::fault::Operation;

/// What a path was to be below of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// A library bundle.
    Library(LibraryName),
    /// A folder outside the bundle of that library.
    Referenced(LibraryName),
    /// A root.
    Root(RootName),
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Library(name) => write!(f, "library `{name}`"),
            Self::Referenced(name) => write!(f, "the referenced originals of library `{name}`"),
            Self::Root(name) => write!(f, "root `{name}`"),
        }
    }
}

/// The kinds of [`DoorError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DoorErrorKind {
    /// Nothing is there.
    NotFound,
    /// A symbolic link is in the way, or is what the path names.
    Link,
    /// The path leads out: through a mount, or elsewhere. The two are not told apart.
    OutsideRoot,
    /// A folder, a pipe, a device or a socket is there instead of a file.
    NotAFile,
    /// Something else is there instead of a folder.
    NotAFolder,
    /// Something is there already; it was not touched.
    Exists,
    /// The kernel does not allow it.
    Permission,
    /// The system protects it from this program, whatever its owner and mode allow: on a Mac, Full
    /// Disk Access was not granted, or was withdrawn.
    Protected,
    /// The file is there and its content is not: a cloud has that, and would be asked for it.
    Elsewhere,
    /// The system has asked a person whether it may be opened, and waits for the answer.
    Unanswered,
    /// The disk, or the quota, is full.
    NoSpace,
    /// The file system is mounted read-only.
    ReadOnly,
    /// Somebody holds it; trying again may help.
    Busy,
    /// It is no longer the one that was opened or written before.
    Replaced,
    /// The grant covers another library or root.
    Grant,
    /// The name is too long, is ours alone, or is not one that we take.
    Name,
    /// The path lies in another destination, which the error names.
    Nested,
    /// A part of a destination's record is not ours alone: its owner is another, or others may
    /// write to it.
    ForeignRecord,
    /// A folder has more entries than we list.
    TooMany,
    /// Anything else that the kernel answered.
    Io,
}

impl fmt::Display for DoorErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "nothing is there",
            Self::Link => "a symbolic link is in the way",
            Self::OutsideRoot => "the path leads out",
            Self::NotAFile => "it is not a regular file",
            Self::NotAFolder => "it is not a folder",
            Self::Exists => "something is there already",
            Self::Permission => "no permission",
            Self::Protected => "the system protects it from this program",
            Self::Elsewhere => "its content is not on this disk",
            Self::Unanswered => "the system waits for a person to allow it",
            Self::NoSpace => "no space is left",
            Self::ReadOnly => "the file system is read-only",
            Self::Busy => "it is in use",
            Self::Replaced => "it was replaced by something else",
            Self::Grant => "the grant does not cover it",
            Self::Name => "the name cannot be used",
            Self::Nested => "it is a destination of its own",
            Self::ForeignRecord => "the record belongs to another user, or others may write to it",
            Self::TooMany => "it has too many entries",
            Self::Io => "the system reports an error",
        })
    }
}

/// Why the door did not do it.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {}: {kind}", self.object())]
pub struct DoorError {
    operation: Operation,
    anchor: Anchor,
    path: String,
    kind: DoorErrorKind,
    source: Option<io::Error>,
}

impl DoorError {
    /// Of an answer of the kernel.
    pub(crate) fn system(
        operation: Operation,
        anchor: &Anchor,
        path: impl ToString,
        errno: Errno,
    ) -> Self {
        Self {
            operation,
            anchor: anchor.clone(),
            path: path.to_string(),
            kind: kind_of(operation, errno, Platform::HERE),
            source: Some(io::Error::from(errno)),
        }
    }

    /// Of our own look at it.
    pub(crate) fn refused(
        operation: Operation,
        anchor: &Anchor,
        path: impl ToString,
        kind: DoorErrorKind,
    ) -> Self {
        Self { operation, anchor: anchor.clone(), path: path.to_string(), kind, source: None }
    }

    /// Of a folder of the policy that could not be opened in time, for a person is asked first.
    #[must_use]
    pub fn unanswered(place: &Place, path: &AbsPath) -> Self {
        let anchor = match place {
            Place::Library(name) => Anchor::Library(name.clone()),
            Place::Referenced(name) => Anchor::Referenced(name.clone()),
            Place::Root(name) => Anchor::Root(name.clone()),
        };
        Self::refused(Operation::Pin, &anchor, absolute(path), DoorErrorKind::Unanswered)
    }

    /// The same answer to another question: of what was found out at boot.
    pub(crate) fn again(&self, operation: Operation, path: &AbsPath) -> Self {
        Self {
            operation,
            anchor: self.anchor.clone(),
            path: absolute(path),
            kind: self.kind,
            source: self.errno().map(io::Error::from_raw_os_error),
        }
    }

    /// The path below it, or its own path where it could not be opened; `.` is the folder itself.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> DoorErrorKind {
        self.kind
    }

    /// The kernel's answer; none where the door itself refused.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        self.source.as_ref().and_then(io::Error::raw_os_error)
    }

    /// Does it say nothing about the object: was a descriptor or memory missing?
    #[must_use]
    pub fn is_of_the_machine(&self) -> bool {
        const OF_THE_MACHINE: [Errno; 4] =
            [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS];
        self.errno().is_some_and(|it| OF_THE_MACHINE.contains(&Errno::from_raw_os_error(it)))
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self.kind {
            DoorErrorKind::NotFound => "check that it is still there",
            DoorErrorKind::Link => "put a real folder or file in the place of the link",
            DoorErrorKind::OutsideRoot => {
                "stay below the root; a mount below it has to be a root of its own"
            }
            DoorErrorKind::NotAFile | DoorErrorKind::NotAFolder | DoorErrorKind::Exists => {
                "move away what is there, or choose another path"
            }
            DoorErrorKind::Permission => "give the daemon's user access to it",
            DoorErrorKind::Protected => {
                "add the program (darkslided; with --library, the terminal) under System Settings > \
                 Privacy & Security > Full Disk Access (if it stands there, remove it and add it \
                 again: a new build is another program to the system), then start it anew"
            }
            DoorErrorKind::Elsewhere => "have Photos or Finder download it",
            DoorErrorKind::Unanswered => {
                "answer the question that the system shows, or give darkslided Full Disk Access \
                 (System Settings > Privacy & Security > Full Disk Access)"
            }
            DoorErrorKind::NoSpace => "free some space, or raise the quota",
            DoorErrorKind::ReadOnly => {
                "mount the disk so that it can be written, or choose another"
            }
            DoorErrorKind::Busy => "try again when the other one has finished",
            DoorErrorKind::Replaced => "restart the daemon if the replacement is meant",
            DoorErrorKind::Grant => "ask for the library or root that is meant",
            DoorErrorKind::Name => "use a shorter or plainer name",
            DoorErrorKind::Nested => "choose a destination beside it",
            DoorErrorKind::ForeignRecord => {
                "choose another destination, or, if that record is yours, give it to the daemon's \
                 user alone (chown, chmod go-w)"
            }
            DoorErrorKind::TooMany => "split the folder",
            DoorErrorKind::Io => "look at the disk and the system's log",
        }
    }

    fn object(&self) -> String {
        match self.operation {
            Operation::Pin | Operation::MakeRoot => format!("{} of {}", self.path, self.anchor),
            _ if self.path == "." => self.anchor.to_string(),
            _ => format!("{} below {}", self.path, self.anchor),
        }
    }
}

/// Below what an absolute path was looked for at boot: its own text.
pub(crate) fn absolute(path: &AbsPath) -> String {
    path.as_str().to_owned()
}

/// The path as an error names it: from the library or root on.
pub(crate) fn named(prefix: &RelPath, path: &RelPath) -> String {
    match (prefix.is_root(), path.is_root()) {
        (true, _) => path.to_string(),
        (false, true) => prefix.to_string(),
        (false, false) => format!("{prefix}/{path}"),
    }
}

fn kind_of(operation: Operation, errno: Errno, platform: Platform) -> DoorErrorKind {
    match errno {
        // There, owner and mode are answered by the other of the two.
        Errno::PERM if platform == Platform::MacOs => DoorErrorKind::Protected,
        // What reads is forbidden to have the content fetched.
        Errno::DEADLK if platform == Platform::MacOs => DoorErrorKind::Elsewhere,
        Errno::NOENT => DoorErrorKind::NotFound,
        Errno::NOTDIR if wants_a_folder(operation) => DoorErrorKind::NotAFolder,
        Errno::NOTDIR => DoorErrorKind::NotFound,
        Errno::LOOP => DoorErrorKind::Link,
        Errno::XDEV => DoorErrorKind::OutsideRoot,
        Errno::ISDIR | Errno::NXIO => DoorErrorKind::NotAFile,
        // What a Mac says of a socket.
        Errno::OPNOTSUPP if operation == Operation::OpenFile => DoorErrorKind::NotAFile,
        Errno::EXIST | Errno::NOTEMPTY => DoorErrorKind::Exists,
        Errno::ACCESS | Errno::PERM => DoorErrorKind::Permission,
        // The last is what a limit of the process on the size of files answers.
        Errno::NOSPC | Errno::DQUOT | Errno::FBIG => DoorErrorKind::NoSpace,
        Errno::ROFS => DoorErrorKind::ReadOnly,
        Errno::AGAIN | Errno::BUSY | Errno::TXTBSY => DoorErrorKind::Busy,
        Errno::NAMETOOLONG => DoorErrorKind::Name,
        _ => DoorErrorKind::Io,
    }
}

/// Does the operation itself want a folder there, so that a file in its place is the news?
fn wants_a_folder(operation: Operation) -> bool {
    match operation {
        Operation::Pin
        | Operation::MakeRoot
        | Operation::Probe
        | Operation::OpenFolder
        | Operation::List
        | Operation::MakeFolder
        | Operation::RemoveFolder
        | Operation::CreateTemporary
        | Operation::CloneTemporary
        | Operation::Publish
        | Operation::Rename
        | Operation::Exchange
        | Operation::RemoveName
        | Operation::FillPlaceholder
        | Operation::RemovePlaceholder
        | Operation::ProbeRenames
        | Operation::OpenRecord
        | Operation::AppendRecord
        | Operation::CreateRecord
        | Operation::ReplaceRecord
        | Operation::Lock
        | Operation::Beat
        | Operation::TakeOver => true,
        Operation::OpenFile
        | Operation::Look
        | Operation::RemoveTemporary
        | Operation::Finish
        | Operation::FlushRecord
        | Operation::RemoveRecord
        | Operation::FileSystem
        | Operation::Sync
        | Operation::FreeSpace
        | Operation::Read
        | Operation::Write
        | Operation::Flush => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_tells_what_it_protects_from_what_owner_and_mode_refuse() {
        for operation in [Operation::OpenFile, Operation::List, Operation::Publish] {
            let of = |errno, platform| kind_of(operation, errno, platform);
            assert_eq!(of(Errno::PERM, Platform::MacOs), DoorErrorKind::Protected);
            for (errno, platform) in [
                (Errno::ACCESS, Platform::MacOs),
                (Errno::ACCESS, Platform::Linux),
                (Errno::PERM, Platform::Linux),
            ] {
                assert_eq!(of(errno, platform), DoorErrorKind::Permission, "{platform:?}");
            }
            assert_eq!(of(Errno::DEADLK, Platform::MacOs), DoorErrorKind::Elsewhere);
            assert_eq!(of(Errno::DEADLK, Platform::Linux), DoorErrorKind::Io);
        }
    }

    #[test]
    fn what_the_system_protects_has_a_hint_that_names_the_pane_and_the_program() {
        let anchor = Anchor::Library(LibraryName::parse("main").unwrap());
        let kind = DoorErrorKind::Protected;
        let error = DoorError::refused(Operation::OpenFile, &anchor, "x", kind);
        let pane = "System Settings > Privacy & Security > Full Disk Access";
        assert!(error.hint().contains(pane) && error.hint().contains("darkslided"));
    }

    #[test]
    fn a_folder_that_nobody_has_allowed_yet_is_named_with_what_to_do() {
        let path = AbsPath::parse("/Users/me/L.photoslibrary", None).unwrap();
        let place = Place::Library(LibraryName::parse("main").unwrap());
        let error = DoorError::unanswered(&place, &path);
        assert_eq!(error.kind(), DoorErrorKind::Unanswered);
        assert_eq!(error.path(), path.as_str());
        assert!(error.to_string().contains("library `main`"), "{error}");
        assert!(error.hint().contains("Full Disk Access"));
    }
}
