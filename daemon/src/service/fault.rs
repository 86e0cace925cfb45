//! Errors of everything below, as the wire has them: the one place where a cause gets its number,
//! its reason and its hint.
//!
//! Exhaustive matches, so that a new cause is a compile error here. What is not granted and what is
//! not there look alike. No path outside the peer's own roots, and no message text of SQLite or of
//! the system, leaves by this way.

use std::error::Error;

use crate::jobs::Busy;
use darkslide_door::{DoorError, DoorErrorKind};
use darkslide_export::{ExportError, ExportErrorKind, TemplateError};
use darkslide_library::{Absence, Damage, LibraryError, Unsupported};
use darkslide_policy::{Denial, DenialReason, PathError};
use darkslide_protocol::error::{Candidate, ErrorName, Reason, WireError};

/// The whole chain of causes goes into the log, quoted: a peer hears what it can act on.
fn note(error: &dyn Error) {
    let mut causes = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    tracing::info!(?causes, "refused");
}

/// The policy's no, as the peer may know it.
#[must_use]
pub(crate) fn denied(denial: &Denial) -> WireError {
    let message = denial.discreet();
    match denial.reason() {
        DenialReason::NoRule { .. } | DenialReason::Program(_) | DenialReason::Method(_) => {
            WireError::new(
                ErrorName::Denied,
                Reason::Denied,
                message,
                "ask whoever keeps the policy of this daemon; `policy.show` tells what is granted",
            )
        }
        DenialReason::Descriptors(_) => {
            WireError::new(ErrorName::Denied, Reason::Denied, message, "ask with `resource.read`")
        }
        DenialReason::Library(_) => no_such_library(),
        DenialReason::Root { .. } | DenialReason::OutsideRoots { .. } => WireError::new(
            ErrorName::Denied,
            Reason::PathOutsideRoot,
            message,
            "choose a destination below one of these roots",
        ),
    }
}

/// What was granted has no line in the audit log, and so it is not done.
#[must_use]
pub(crate) fn audit_unavailable(error: &dyn Error) -> WireError {
    note(error);
    unrecorded()
}

fn unrecorded() -> WireError {
    WireError::new(
        ErrorName::AuditUnavailable,
        Reason::AuditUnavailable,
        "the audit log cannot be written, and without it nothing is granted",
        "make room where the state folder is, and look at its owner; `health` and `policy.show` \
         work meanwhile",
    )
}

/// No library of that name, or none that the peer may know of.
#[must_use]
pub(crate) fn no_such_library() -> WireError {
    WireError::new(
        ErrorName::NotFound,
        Reason::NotFound,
        "there is no such library",
        "`library.list` names the libraries",
    )
}

/// No asset of that UUID, or none that the peer may know of.
#[must_use]
pub(crate) fn no_such_asset() -> WireError {
    let (name, reason) = (ErrorName::NotFound, Reason::NotFound);
    WireError::new(name, reason, "there is no such asset", "`asset.query` tells the assets")
}

/// A version that the asset never has.
#[must_use]
pub(crate) fn no_such_version() -> WireError {
    let (name, reason) = (ErrorName::NotFound, Reason::NotFound);
    let hint = "`resource.list` tells which versions it has";
    WireError::new(name, reason, "the asset has no such version", hint)
}

/// Nothing of the asset can be shown.
#[must_use]
pub(crate) fn no_image() -> WireError {
    let (name, reason) = (ErrorName::NotFound, Reason::NotFound);
    let hint = "`resource.list` tells what it has";
    WireError::new(name, reason, "the asset has no image that can be shown", hint)
}

/// A version that is not on this disk.
#[must_use]
pub(crate) fn not_local(why: Absence) -> WireError {
    const SEE: &str = "look at the asset in Photos; `resource.list` tells what is here of it";
    let (reason, hint) = match why {
        Absence::InICloud => {
            (Reason::InICloud, "let Photos (or Finder) download it, or take a preview")
        }
        Absence::NotOnDisk => (Reason::NotOnDisk, SEE),
        Absence::Referenced => {
            (Reason::Referenced, "ask for its folder in `referenced` of the policy")
        }
        Absence::VolumeAbsent => {
            (Reason::VolumeAbsent, "connect the disk that it is on, then restart the daemon")
        }
        Absence::NotSaved => (Reason::NotSaved, "save it to the library in Photos"),
        Absence::NoRender => (Reason::NoRender, "take the original: the edit has no file"),
        Absence::OutsideBundle => (Reason::OutsideBundle, SEE),
        Absence::NotAFile => (Reason::NotARegularFile, SEE),
        Absence::BadName => (Reason::BadName, SEE),
        Absence::Unreadable => (Reason::Unreadable, "give the daemon's user the right to read it"),
    };
    WireError::new(ErrorName::NotLocal, reason, "that is not on this disk", hint)
}

/// A file that could be opened and not be read.
#[must_use]
pub(crate) fn unreadable(error: &std::io::Error) -> WireError {
    note(error);
    let (name, reason) = (ErrorName::LibraryUnavailable, Reason::IoError);
    WireError::new(name, reason, "the file cannot be read", "look at the disk that it is on")
}

/// No root of that name, or none that the peer may know of.
#[must_use]
pub(crate) fn no_such_root() -> WireError {
    WireError::new(
        ErrorName::Denied,
        Reason::PathOutsideRoot,
        "there is no such root",
        "`policy.show` names the roots",
    )
}

/// A root that was left as it was, not there, for a plan.
#[must_use]
pub(crate) fn root_not_made() -> WireError {
    WireError::new(
        ErrorName::Destination,
        Reason::Absent,
        "the destination is not there",
        "export to it, which makes it",
    )
}

/// No job of that identity, or none that the peer may know of.
#[must_use]
pub(crate) fn no_such_job() -> WireError {
    WireError::new(
        ErrorName::NotFound,
        Reason::NotFound,
        "there is no such job",
        "`job.list` names the jobs; the oldest of many are forgotten",
    )
}

/// The rule that a job was started by does not grant it any more.
#[must_use]
pub(crate) fn not_granted_any_more() -> WireError {
    WireError::new(
        ErrorName::Denied,
        Reason::Denied,
        "the rule that this job was started by does not grant it any more",
        "start the export anew; or, with the policy as it was, `job.resume`",
    )
}

/// A job of a rule for one program, and another that wants it to go on.
#[must_use]
pub(crate) fn another_programs_job() -> WireError {
    WireError::new(
        ErrorName::Denied,
        Reason::Denied,
        "the rule that this job was started by is for another program",
        "resume it from the program that started it",
    )
}

/// A connection that another program speaks on than the one that connected.
#[must_use]
pub(crate) fn another_program() -> WireError {
    WireError::new(
        ErrorName::Denied,
        Reason::Denied,
        "another program speaks on this connection than the one that connected",
        "connect anew, and hand the connection to nobody",
    )
}

/// A peer of which the system did not tell in time which program it is.
#[must_use]
pub(crate) fn unidentified() -> WireError {
    WireError::new(
        ErrorName::TimedOut,
        Reason::Timeout,
        "the system did not tell in time which program this is",
        "connect again",
    )
}

/// A path that a peer wrote and that is none.
#[must_use]
pub(crate) fn path(error: &PathError) -> WireError {
    let reason = match error {
        PathError::Dots(_) => Reason::PathOutsideRoot,
        PathError::Empty
        | PathError::NotAbsolute
        | PathError::NotRelative
        | PathError::EmptyComponent
        | PathError::Control
        | PathError::ComponentTooLong { .. }
        | PathError::TooLong { .. }
        | PathError::TooDeep { .. } => Reason::InvalidParams,
    };
    WireError::new(ErrorName::InvalidParams, reason, error.to_string(), error.hint())
}

/// Folders or names that a peer wrote and that are no template.
#[must_use]
pub(crate) fn template(error: &TemplateError) -> WireError {
    let (name, reason) = (ErrorName::InvalidParams, Reason::InvalidParams);
    WireError::new(name, reason, error.to_string(), error.hint())
}

/// A library that could not be opened at boot, or that cannot be read once confined.
#[must_use]
pub(crate) fn library_unusable(error: &DoorError) -> WireError {
    note(error);
    library_unusable_by(error)
}

fn library_unusable_by(error: &DoorError) -> WireError {
    let (name, reason) = match place_reason(error) {
        // A link or a pipe in the place of the database: the bundle is there, and is not what
        // Photos made.
        Reason::PathHasSymlink | Reason::NotARegularFile => {
            (ErrorName::LibraryDamaged, Reason::NotARegularFile)
        }
        // Nothing is written there.
        Reason::ReadOnly | Reason::NoSpace => (ErrorName::LibraryUnavailable, Reason::IoError),
        reason => (ErrorName::LibraryUnavailable, reason),
    };
    WireError::new(
        name,
        reason,
        format!("the library cannot be used: {}", error.kind()),
        error.hint(),
    )
}

/// Why a place cannot be used, in one word.
#[must_use]
pub(crate) fn place_reason(error: &DoorError) -> Reason {
    match error.kind() {
        DoorErrorKind::NotFound => Reason::Absent,
        DoorErrorKind::Permission | DoorErrorKind::Protected | DoorErrorKind::ForeignRecord => {
            Reason::NoPermission
        }
        DoorErrorKind::Unanswered => Reason::PermissionPending,
        DoorErrorKind::NotAFolder => Reason::NotADirectory,
        DoorErrorKind::ReadOnly => Reason::ReadOnly,
        DoorErrorKind::NoSpace => Reason::NoSpace,
        DoorErrorKind::Replaced => Reason::RootReplaced,
        DoorErrorKind::Link => Reason::PathHasSymlink,
        DoorErrorKind::NotAFile => Reason::NotARegularFile,
        DoorErrorKind::OutsideRoot
        | DoorErrorKind::Elsewhere
        | DoorErrorKind::Exists
        | DoorErrorKind::Busy
        | DoorErrorKind::Grant
        | DoorErrorKind::Name
        | DoorErrorKind::Nested
        | DoorErrorKind::TooMany
        | DoorErrorKind::Io => Reason::IoError,
    }
}

/// What went wrong below a root.
#[must_use]
pub(crate) fn destination(error: &DoorError) -> WireError {
    note(error);
    let (name, reason) = match error.kind() {
        DoorErrorKind::Link => (ErrorName::Destination, Reason::PathHasSymlink),
        // The kernel answers the same for a mount and for an escape, and so do we.
        DoorErrorKind::OutsideRoot => (ErrorName::Destination, Reason::PathOutsideRoot),
        DoorErrorKind::NotAFile => (ErrorName::Destination, Reason::NotARegularFile),
        DoorErrorKind::NotAFolder => (ErrorName::Destination, Reason::NotADirectory),
        DoorErrorKind::NoSpace => (ErrorName::Destination, Reason::NoSpace),
        DoorErrorKind::ReadOnly => (ErrorName::Destination, Reason::ReadOnly),
        DoorErrorKind::Replaced => (ErrorName::Destination, Reason::RootReplaced),
        DoorErrorKind::Permission | DoorErrorKind::Protected | DoorErrorKind::ForeignRecord => {
            (ErrorName::Destination, Reason::NoPermission)
        }
        DoorErrorKind::Unanswered => (ErrorName::Destination, Reason::PermissionPending),
        DoorErrorKind::NotFound => (ErrorName::Destination, Reason::Absent),
        DoorErrorKind::Busy => (ErrorName::Conflict, Reason::DestinationBusy),
        DoorErrorKind::Nested => (ErrorName::Conflict, Reason::NestedDestination),
        DoorErrorKind::Grant => (ErrorName::Denied, Reason::PathOutsideRoot),
        // Too long, or the name of our own record.
        DoorErrorKind::Name => (ErrorName::InvalidParams, Reason::InvalidParams),
        DoorErrorKind::Elsewhere
        | DoorErrorKind::Exists
        | DoorErrorKind::TooMany
        | DoorErrorKind::Io => (ErrorName::Destination, Reason::IoError),
    };
    WireError::new(name, reason, format!("the destination: {error}"), error.hint())
}

/// Primary result codes of SQLite that say something of the disk, or of the machine.
const SQLITE_NOMEM: i32 = 7;
const SQLITE_IOERR: i32 = 10;
const SQLITE_CANTOPEN: i32 = 14;

/// What went wrong with a library.
#[must_use]
pub(crate) fn library(error: &LibraryError) -> WireError {
    // Titles are for the peer alone, who has asked with one.
    let names_one =
        matches!(error, LibraryError::NoSuchAlbum { .. } | LibraryError::AmbiguousAlbum { .. });
    if !names_one {
        note(error);
    }
    let (name, reason) = match error {
        // The door knows what would let us in.
        LibraryError::Unavailable { source: Some(source) }
            if [DoorErrorKind::Permission, DoorErrorKind::Protected].contains(&source.kind()) =>
        {
            return library_unusable_by(source);
        }
        LibraryError::Unavailable { .. } => (ErrorName::LibraryUnavailable, Reason::Unavailable),
        LibraryError::Unsupported(what) => (ErrorName::LibraryUnsupported, unsupported(what)),
        LibraryError::Damaged(how) => (ErrorName::LibraryDamaged, damage(how)),
        LibraryError::NeedsRecovery => (ErrorName::LibraryDamaged, Reason::LibraryNeedsRecovery),
        LibraryError::Busy => (ErrorName::Busy, Reason::Busy),
        LibraryError::TimedOut => (ErrorName::TimedOut, Reason::Timeout),
        LibraryError::TooComplex | LibraryError::NoAlbumOrder => {
            (ErrorName::InvalidParams, Reason::InvalidParams)
        }
        LibraryError::NoSuchAlbum { .. } => (ErrorName::NotFound, Reason::NotFound),
        LibraryError::AmbiguousAlbum { .. } => (ErrorName::Ambiguous, Reason::Ambiguous),
        LibraryError::NoHistory => (ErrorName::LibraryUnsupported, Reason::NoHistory),
        LibraryError::Expired(_) => (ErrorName::Expired, Reason::Expired),
        LibraryError::Database { code } => match code & 0xff {
            SQLITE_IOERR | SQLITE_CANTOPEN => (ErrorName::LibraryUnavailable, Reason::IoError),
            SQLITE_NOMEM => (ErrorName::Limit, Reason::Limit),
            _ => (ErrorName::LibraryUnavailable, Reason::Unavailable),
        },
    };
    let wire = WireError::new(name, reason, message(error), error.hint());
    wire.with_candidates(candidates(error))
}

/// What happened, without the text that was asked for: a message never repeats it.
fn message(error: &LibraryError) -> String {
    match error {
        LibraryError::NoSuchAlbum { .. } => "there is no such album".to_owned(),
        LibraryError::AmbiguousAlbum { count, .. } => format!("that title fits {count} albums"),
        LibraryError::Expired(why) => why.to_string(),
        LibraryError::Unavailable { .. }
        | LibraryError::Unsupported(_)
        | LibraryError::Damaged(_)
        | LibraryError::NeedsRecovery
        | LibraryError::Busy
        | LibraryError::TimedOut
        | LibraryError::TooComplex
        | LibraryError::NoAlbumOrder
        | LibraryError::NoHistory
        | LibraryError::Database { .. } => error.to_string(),
    }
}

fn candidates(error: &LibraryError) -> Vec<Candidate> {
    match error {
        LibraryError::NoSuchAlbum { nearest, .. } => {
            let nearest = nearest.iter().cloned();
            nearest.map(|path| Candidate { uuid: String::new(), path }).collect()
        }
        LibraryError::AmbiguousAlbum { candidates, .. } => candidates
            .iter()
            .map(|album| Candidate { uuid: album.uuid.to_string(), path: album.path.clone() })
            .collect(),
        LibraryError::Unavailable { .. }
        | LibraryError::Unsupported(_)
        | LibraryError::Damaged(_)
        | LibraryError::NeedsRecovery
        | LibraryError::Busy
        | LibraryError::TimedOut
        | LibraryError::TooComplex
        | LibraryError::NoAlbumOrder
        | LibraryError::NoHistory
        | LibraryError::Expired(_)
        | LibraryError::Database { .. } => Vec::new(),
    }
}

fn unsupported(what: &Unsupported) -> Reason {
    match what {
        Unsupported::NotALibrary => Reason::NotALibrary,
        Unsupported::IPhoto => Reason::IPhoto,
        Unsupported::Columns { .. } => Reason::Version,
    }
}

fn damage(how: &Damage) -> Reason {
    match how {
        Damage::NotARegularFile { .. } => Reason::NotARegularFile,
        Damage::StaleWal => Reason::StaleWal,
        Damage::UpgradeBrokenOff => Reason::HalfUpgraded,
        Damage::DatabaseMissing { .. }
        | Damage::NotADatabase
        | Damage::NoTables
        | Damage::NotATable { .. }
        | Damage::Malformed => Reason::LibraryDamaged,
    }
}

/// What ended an export.
#[must_use]
pub(crate) fn export(error: &ExportError) -> WireError {
    match error {
        ExportError::Library(error) => return library(error),
        ExportError::Door(error) => return destination(error),
        ExportError::Io(_)
        | ExportError::NoSpace { .. }
        | ExportError::OverQuota { .. }
        | ExportError::Uncounted { .. }
        | ExportError::RootReplaced
        | ExportError::Busy
        | ExportError::Nested { .. }
        | ExportError::OtherShape { .. }
        | ExportError::NewerRecord { .. }
        | ExportError::DamagedRecord { .. }
        | ExportError::TooManyFiles
        | ExportError::NoRecord
        | ExportError::TooMuch { .. }
        | ExportError::PlanChanged
        | ExportError::Stopped => note(error),
    }
    let (name, reason) = match error.kind() {
        ExportErrorKind::NoSpace | ExportErrorKind::OverQuota => {
            (ErrorName::Destination, Reason::NoSpace)
        }
        ExportErrorKind::Uncounted => (ErrorName::Destination, Reason::Limit),
        ExportErrorKind::ReadOnly => (ErrorName::Destination, Reason::ReadOnly),
        ExportErrorKind::Permission => (ErrorName::Destination, Reason::NoPermission),
        ExportErrorKind::RootReplaced => (ErrorName::Destination, Reason::RootReplaced),
        ExportErrorKind::Busy => (ErrorName::Conflict, Reason::DestinationBusy),
        ExportErrorKind::Nested => (ErrorName::Conflict, Reason::NestedDestination),
        ExportErrorKind::OtherShape => (ErrorName::Conflict, Reason::OtherShape),
        ExportErrorKind::TooManyFiles | ExportErrorKind::TooMuch => {
            (ErrorName::Limit, Reason::Limit)
        }
        ExportErrorKind::NoRecord => (ErrorName::Destination, Reason::Absent),
        ExportErrorKind::PlanChanged => (ErrorName::Expired, Reason::Expired),
        ExportErrorKind::Stopped => (ErrorName::ShuttingDown, Reason::ShuttingDown),
        ExportErrorKind::NewerRecord
        | ExportErrorKind::DamagedRecord
        | ExportErrorKind::Destination
        | ExportErrorKind::Library => (ErrorName::Destination, Reason::IoError),
    };
    let wire = WireError::new(name, reason, error.to_string(), error.hint());
    match error {
        ExportError::TooMuch { allowed: limit, .. } | ExportError::OverQuota { limit, .. } => {
            wire.with_limit(*limit)
        }
        _ => wire,
    }
}

/// No library was named, and the peer is granted several, or none.
#[must_use]
pub(crate) fn which_library() -> WireError {
    WireError::new(
        ErrorName::InvalidParams,
        Reason::InvalidParams,
        "the library may be left out only where exactly one is granted",
        "`library.list` names the libraries",
    )
}

/// Nobody wants the answer any more.
#[must_use]
pub(crate) fn given_up() -> WireError {
    WireError::new(
        ErrorName::Cancelled,
        Reason::Cancelled,
        "the request was given up",
        "ask again, if the answer is wanted after all",
    )
}

/// A key names a job that is to do something else.
#[must_use]
pub(crate) fn key_of_another() -> WireError {
    WireError::new(
        ErrorName::InvalidParams,
        Reason::InvalidParams,
        "that key names another export",
        "give each call a key of its own",
    )
}

/// The job that was waited for was cancelled by somebody else.
#[must_use]
pub(crate) fn job_cancelled() -> WireError {
    WireError::new(
        ErrorName::Cancelled,
        Reason::Cancelled,
        "the export was cancelled",
        "ask again, with another key; what was exported is not copied twice",
    )
}

/// The job that was waited for is broken off by the daemon's end.
#[must_use]
pub(crate) fn broken_off() -> WireError {
    WireError::new(
        ErrorName::ShuttingDown,
        Reason::ShuttingDown,
        "the daemon is about to end, and the export goes on when it starts again",
        "ask the same again in a moment: it joins the export",
    )
}

/// A job is over, and so many came after it that its report was removed.
#[must_use]
pub(crate) fn no_report() -> WireError {
    WireError::new(
        ErrorName::Expired,
        Reason::Expired,
        "the report of that export is no longer there",
        "ask again, with another key; what was exported is not copied twice",
    )
}

/// The daemon ends, and nothing of what is asked is done.
#[must_use]
pub(crate) fn ending() -> WireError {
    busy(&Busy::Ending)
}

/// Why a job is not taken.
#[must_use]
pub(crate) fn busy(error: &Busy) -> WireError {
    let (name, reason, hint) = match error {
        Busy::Full { .. } => (ErrorName::Limit, Reason::Limit, "wait until some jobs are done"),
        Busy::Destination(_) => (
            ErrorName::Conflict,
            Reason::DestinationBusy,
            "wait for the other job, or choose another destination",
        ),
        Busy::Unrecorded => return unrecorded(),
        Busy::Ending => {
            (ErrorName::ShuttingDown, Reason::ShuttingDown, "connect again in a moment")
        }
    };
    let wire = WireError::new(name, reason, error.to_string(), hint);
    match error {
        Busy::Full { limit } => wire.with_limit(*limit as u64),
        Busy::Destination(_) | Busy::Ending | Busy::Unrecorded => wire,
    }
}

#[cfg(test)]
mod tests {
    use darkslide_policy::{AbsPath, LibraryName, Place};
    use darkslide_protocol::error::Retry;

    use super::*;

    #[test]
    fn a_library_that_a_person_has_not_allowed_yet_is_pending_and_worth_another_try() {
        let place = Place::Library(LibraryName::parse("main").unwrap());
        let path = AbsPath::parse("/Users/me/L.photoslibrary", None).unwrap();
        let error = library_unusable(&DoorError::unanswered(&place, &path));
        assert_eq!(error.data.name, ErrorName::LibraryUnavailable);
        assert_eq!(error.data.reason, Reason::PermissionPending);
        assert_eq!(error.retry(), Retry::Later);
        assert!(error.data.hint.contains("Full Disk Access"), "{}", error.data.hint);
    }
}
