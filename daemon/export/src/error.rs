//! Why an export ended without being done.
//!
//! What concerns one file alone is no error but an outcome in the report; here stands what ends the
//! job. The kinds are what the wire tells apart; texts name what the peer asked for and nothing
//! else. The hazard: a disk that is full said as "cannot write", after which nobody knows what to
//! do.

use std::io;

use darkslide_door::{DoorError, DoorErrorKind};
use darkslide_library::LibraryError;

/// The kinds of [`ExportError`], for whoever has to tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportErrorKind {
    /// The disk, or what its system allows a user there, is full.
    NoSpace,
    /// The policy allows no more below the root.
    OverQuota,
    /// What exports hold below the root cannot be told.
    Uncounted,
    /// The file system is read-only.
    ReadOnly,
    /// The kernel does not allow it.
    Permission,
    /// The root or the destination is no longer the folder that was opened.
    RootReplaced,
    /// Another job or daemon has the destination.
    Busy,
    /// Another destination lies around this one or in it.
    Nested,
    /// The destination was made with other folders or names.
    OtherShape,
    /// A newer program wrote the destination's record.
    NewerRecord,
    /// The destination's record cannot be read.
    DamagedRecord,
    /// The library; see its own error.
    Library,
    /// More files than one destination can have.
    TooManyFiles,
    /// Nothing was exported there.
    NoRecord,
    /// More files would go than may.
    TooMuch,
    /// What was planned is not what would be done now.
    PlanChanged,
    /// It was asked to stop.
    Stopped,
    /// A link, a file or a mount is in the way, or the system reports an error.
    Destination,
}

/// Why an export ended without being done.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Below the root something could not be done.
    #[error("the destination cannot be used")]
    Door(#[source] DoorError),
    /// The system failed to read or to write a file.
    #[error("a file cannot be read or written")]
    Io(#[from] io::Error),
    /// The library could not be read.
    #[error("the library cannot be read")]
    Library(#[from] LibraryError),
    /// There is not enough space for all that is to be copied; nothing was.
    #[error("{needed} bytes are needed at the destination, {free} are free")]
    NoSpace {
        /// What the plan copies.
        needed: u64,
        /// What may still be written.
        free: u64,
    },
    /// The root would hold more than the policy allows; nothing was copied.
    #[error("{needed} bytes would be added to {used} below the root, {limit} are allowed")]
    OverQuota {
        /// What the plan adds.
        needed: u64,
        /// What exports hold below the root.
        used: u64,
        /// What they may hold.
        limit: u64,
    },
    /// The policy limits what the root may hold, and that cannot be counted; nothing was copied.
    #[error("how much exports hold below the root cannot be told: {why}")]
    Uncounted {
        /// What is in the way.
        why: &'static str,
    },
    /// The root or the destination is no longer the folder that was opened.
    #[error("the destination was replaced by something else")]
    RootReplaced,
    /// Another job or daemon has the destination.
    #[error("another job is working at the destination")]
    Busy,
    /// Another destination lies around this one or in it.
    #[error("`{path}` is a destination of its own")]
    Nested {
        /// Where it is: below the root if it lies around this one, else below this one.
        path: String,
    },
    /// The first export fixed other folders or names.
    #[error("the destination was made with {made}, not with {asked}")]
    OtherShape {
        /// The shape that the destination has.
        made: String,
        /// The one that was asked for.
        asked: String,
    },
    /// A newer program wrote a file of the record.
    #[error("`.darkslide/{file}` was written by a newer program")]
    NewerRecord {
        /// The file's name.
        file: &'static str,
    },
    /// A file of the record is not what it should be.
    #[error("`.darkslide/{file}` is damaged")]
    DamagedRecord {
        /// The file's name.
        file: &'static str,
    },
    /// More files than one destination can have.
    #[error("a destination has at most {} files", crate::manifest::MAX_ROWS)]
    TooManyFiles,
    /// Nothing was exported there, or its record was removed.
    #[error("nothing was exported there")]
    NoRecord,
    /// More files would go than may; none went.
    #[error("{files} of {of} files would go, at most {allowed} may")]
    TooMuch {
        /// Whose assets are gone.
        files: u64,
        /// Which the library has there.
        of: u64,
        /// How many may go at once.
        allowed: u64,
    },
    /// There is no such plan, or another set of files would go now.
    #[error("the plan no longer fits what is there")]
    PlanChanged,
    /// It was asked to stop; what was published is in the record, and the next run goes on from
    /// there.
    #[error("the export was stopped")]
    Stopped,
}

impl From<DoorError> for ExportError {
    fn from(error: DoorError) -> Self {
        if error.kind() == DoorErrorKind::Nested {
            return Self::Nested { path: error.path().to_owned() };
        }
        Self::Door(error)
    }
}

impl ExportError {
    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> ExportErrorKind {
        match self {
            Self::Door(error) => kind_of_door(error.kind()),
            Self::Io(error) => kind_of_io(error),
            Self::Library(_) => ExportErrorKind::Library,
            Self::NoSpace { .. } => ExportErrorKind::NoSpace,
            Self::OverQuota { .. } => ExportErrorKind::OverQuota,
            Self::Uncounted { .. } => ExportErrorKind::Uncounted,
            Self::RootReplaced => ExportErrorKind::RootReplaced,
            Self::Busy => ExportErrorKind::Busy,
            Self::Nested { .. } => ExportErrorKind::Nested,
            Self::OtherShape { .. } => ExportErrorKind::OtherShape,
            Self::NewerRecord { .. } => ExportErrorKind::NewerRecord,
            Self::DamagedRecord { .. } => ExportErrorKind::DamagedRecord,
            Self::TooManyFiles => ExportErrorKind::TooManyFiles,
            Self::NoRecord => ExportErrorKind::NoRecord,
            Self::TooMuch { .. } => ExportErrorKind::TooMuch,
            Self::PlanChanged => ExportErrorKind::PlanChanged,
            Self::Stopped => ExportErrorKind::Stopped,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self.kind() {
            ExportErrorKind::NoSpace => "free some space, then export again: it goes on from there",
            ExportErrorKind::OverQuota => {
                "export less, remove an export below the root, or ask for a larger `max_bytes`"
            }
            ExportErrorKind::Uncounted => {
                "give exports a root of their own, and destinations that are near to it"
            }
            ExportErrorKind::ReadOnly => "mount the disk so that it can be written",
            ExportErrorKind::Permission => "give the daemon's user write access to the destination",
            ExportErrorKind::RootReplaced => {
                "mount what was there before, or restart the daemon if the replacement is meant"
            }
            ExportErrorKind::Busy => "wait for the other job, or choose another destination",
            ExportErrorKind::Nested => "choose a destination beside it",
            ExportErrorKind::OtherShape => {
                "export with the layout and names of the first time, or to another destination"
            }
            ExportErrorKind::NewerRecord => "update this program",
            ExportErrorKind::DamagedRecord => {
                "remove that file; what is there is found again by its content"
            }
            ExportErrorKind::TooManyFiles => "export parts of it, each to a destination of its own",
            ExportErrorKind::NoRecord => "name a folder that something was exported to",
            ExportErrorKind::TooMuch => {
                "look at the plan; if it is meant, allow more: by a count, or a percentage"
            }
            ExportErrorKind::PlanChanged => "plan again, and look at the new plan",
            ExportErrorKind::Library => {
                if let Self::Library(error) = self {
                    error.hint()
                } else {
                    "check the library"
                }
            }
            ExportErrorKind::Stopped => "export again: it goes on from there",
            ExportErrorKind::Destination => {
                if let Self::Door(error) = self {
                    error.hint()
                } else {
                    "look at the disk and the system's log"
                }
            }
        }
    }
}

fn kind_of_door(kind: DoorErrorKind) -> ExportErrorKind {
    match kind {
        DoorErrorKind::NoSpace => ExportErrorKind::NoSpace,
        DoorErrorKind::ReadOnly => ExportErrorKind::ReadOnly,
        DoorErrorKind::Permission | DoorErrorKind::Protected | DoorErrorKind::Unanswered => {
            ExportErrorKind::Permission
        }
        DoorErrorKind::Nested => ExportErrorKind::Nested,
        DoorErrorKind::NotFound
        | DoorErrorKind::Link
        | DoorErrorKind::OutsideRoot
        | DoorErrorKind::NotAFile
        | DoorErrorKind::NotAFolder
        | DoorErrorKind::Elsewhere
        | DoorErrorKind::Exists
        | DoorErrorKind::Busy
        | DoorErrorKind::Replaced
        | DoorErrorKind::Grant
        | DoorErrorKind::Name
        | DoorErrorKind::ForeignRecord
        | DoorErrorKind::TooMany
        | DoorErrorKind::Io => ExportErrorKind::Destination,
    }
}

fn kind_of_io(error: &io::Error) -> ExportErrorKind {
    match error.kind() {
        // The last is what a limit of the process on the size of files answers.
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            ExportErrorKind::NoSpace
        }
        io::ErrorKind::ReadOnlyFilesystem => ExportErrorKind::ReadOnly,
        io::ErrorKind::PermissionDenied => ExportErrorKind::Permission,
        _ => ExportErrorKind::Destination,
    }
}

/// The word for what is in the way of one file; none where it is the whole job's matter.
pub(crate) fn in_the_way(error: &DoorError) -> Option<&'static str> {
    match error.kind() {
        DoorErrorKind::Exists => Some(crate::plan::EXISTS),
        DoorErrorKind::Link => Some("link"),
        DoorErrorKind::OutsideRoot => Some("outside-root"),
        DoorErrorKind::NotAFolder => Some("not-a-folder"),
        DoorErrorKind::NotAFile => Some("not-a-regular-file"),
        DoorErrorKind::Name => Some("bad-name"),
        DoorErrorKind::NotFound
        | DoorErrorKind::Permission
        | DoorErrorKind::Protected
        | DoorErrorKind::Elsewhere
        | DoorErrorKind::Unanswered
        | DoorErrorKind::NoSpace
        | DoorErrorKind::ReadOnly
        | DoorErrorKind::Busy
        | DoorErrorKind::Replaced
        | DoorErrorKind::Grant
        | DoorErrorKind::Nested
        | DoorErrorKind::ForeignRecord
        | DoorErrorKind::TooMany
        | DoorErrorKind::Io => None,
    }
}

/// Is it this one file's matter that its content cannot be read?
pub(crate) fn hides_content(error: &DoorError) -> bool {
    let kind = error.kind();
    in_the_way(error).is_some()
        || matches!(
            kind,
            DoorErrorKind::NotFound
                | DoorErrorKind::Permission
                | DoorErrorKind::Protected
                | DoorErrorKind::Elsewhere
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_a_full_quota_and_a_limit_on_files_are_no_space() {
        // ENOSPC, EDQUOT and EFBIG, as the system numbers them.
        let numbers = if cfg!(target_os = "macos") { [28, 69, 27] } else { [28, 122, 27] };
        for number in numbers {
            let error = ExportError::from(io::Error::from_raw_os_error(number));
            assert_eq!(error.kind(), ExportErrorKind::NoSpace, "{number}");
        }
    }
}
