//! The error table: number, name, class, when to try again, meaning, and the reasons of each name.
//! `name` is the contract, `reason` says it closer, `hint` what to do.
//!
//! Nothing states an error twice: codes, classes and `docs/errors.md` come from this table. A
//! message is a sentence for a person and may change; it never repeats a peer's text. `class` says
//! whose turn it is, so that a program need not know every name. The hazard: a reason that a name
//! does not list is one that no program is prepared for.

use serde::{Deserialize, Serialize};

use crate::filter::words;

words! {
    /// Whose turn it is.
    Class {
        /// The request is wrong.
        Caller = "caller",
        /// The policy says no.
        Policy = "policy",
        /// Permission, disk, mount: a person must act.
        Environment = "environment",
        /// Try again.
        Transient = "transient",
        /// Ours.
        Bug = "bug",
    }
}

words! {
    /// When the same request may be tried again.
    Retry {
        /// Not as it is: ask for something else, or in another way.
        Never = "never",
        /// Once a person has changed something.
        Person = "person",
        /// As it is, after a pause.
        Later = "later",
        /// As it is, at once.
        Now = "now",
    }
}

macro_rules! errors {
    ($($variant:ident = ($code:literal, $name:literal, $class:ident, $retry:ident, $meaning:literal,
        [$($reason:ident $(: $other:ident)?),+]);)*) => {
        words! {
            /// The names of the errors: what a program decides by.
            ErrorName { $(#[doc = $meaning] $variant = $name,)* }
        }

        impl ErrorName {
            /// The number on the wire.
            #[must_use]
            pub fn code(self) -> i32 {
                match self { $(Self::$variant => $code),* }
            }

            /// Whose turn it is.
            #[must_use]
            pub fn class(self) -> Class {
                match self { $(Self::$variant => Class::$class),* }
            }

            /// When to try again, unless a reason says it closer.
            #[must_use]
            pub fn retry(self) -> Retry {
                match self { $(Self::$variant => Retry::$retry),* }
            }

            /// Its reasons, a closed list, with when to try again.
            #[must_use]
            pub fn reasons(self) -> &'static [(Reason, Retry)] {
                match self {
                    $(Self::$variant => &[$((Reason::$reason, errors!(@ $retry $($other)?))),+]),*
                }
            }
        }
    };
    (@ $retry:ident) => { Retry::$retry };
    (@ $retry:ident $other:ident) => { Retry::$other };
}

errors! {
    Parse = (-32700, "PARSE_ERROR", Caller, Never,
        "the frame is not one JSON document in UTF-8", [ParseError]);
    InvalidRequest = (-32600, "INVALID_REQUEST", Caller, Never,
        "the frame, its envelope or its id breaks the rules", [InvalidRequest, TooLarge]);
    MethodNotFound = (-32601, "METHOD_NOT_FOUND", Caller, Never,
        "there is no such method", [MethodNotFound]);
    InvalidParams = (-32602, "INVALID_PARAMS", Caller, Never,
        "the params do not fit the method", [InvalidParams, PathOutsideRoot]);
    Internal = (-32603, "INTERNAL", Bug, Person,
        "a bug of ours, logged under the number in `incident`", [Panic]);
    Denied = (1001, "DENIED", Policy, Person,
        "the policy says no", [Denied, PathOutsideRoot]);
    NotFound = (1002, "NOT_FOUND", Caller, Never,
        "no such library, album, asset, version, job, subscription; `candidates` are the nearest",
        [NotFound]);
    Ambiguous = (1003, "AMBIGUOUS", Caller, Never,
        "a title fits several; `candidates` lists them", [Ambiguous]);
    LibraryUnavailable = (1004, "LIBRARY_UNAVAILABLE", Environment, Person,
        "not mounted, gone, or no permission",
        [Absent, NoPermission, PermissionPending: Later, NotADirectory, RootReplaced, Unavailable,
         IoError]);
    LibraryUnsupported = (1005, "LIBRARY_UNSUPPORTED", Environment, Person,
        "not a Photos library, or a version without what is needed",
        [NotALibrary, IPhoto, Version, NoHistory: Never]);
    LibraryDamaged = (1006, "LIBRARY_DAMAGED", Environment, Person,
        "the database is malformed, needs recovery, or has a `-wal` of another time",
        [LibraryDamaged, LibraryNeedsRecovery, StaleWal, HalfUpgraded, NotARegularFile]);
    NotLocal = (1007, "NOT_LOCAL", Environment, Person,
        "only in iCloud, or otherwise not on this disk",
        [InICloud, NotOnDisk, Referenced, VolumeAbsent, NotSaved, NoRender, OutsideBundle, BadName,
         NotARegularFile, Unreadable]);
    Destination = (1008, "DESTINATION", Environment, Person,
        "not a directory, a link, read-only, replaced, no space, quota",
        [Absent, NotADirectory, NotARegularFile, PathHasSymlink, PathOutsideRoot, RootReplaced,
         ReadOnly, NoPermission, PermissionPending: Later, NoSpace, Limit, IoError]);
    Conflict = (1009, "CONFLICT", Environment, Never,
        "another job or daemon works there, or it was exported to in another shape",
        [DestinationBusy: Later, NestedDestination, OtherShape]);
    Limit = (1010, "LIMIT", Transient, Later,
        "too many of something; `limit` says how many are allowed", [Limit, TooLarge: Never]);
    TimedOut = (1011, "TIMED_OUT", Transient, Later, "it took longer than it may", [Timeout]);
    Cancelled = (1012, "CANCELLED", Caller, Now, "the peer gave it up", [Cancelled]);
    ShuttingDown = (1013, "SHUTTING_DOWN", Transient, Later,
        "the daemon is about to end", [ShuttingDown]);
    Expired = (1014, "EXPIRED", Caller, Never,
        "a cursor, change token or plan that does not fit, or no longer", [Expired]);
    AuditUnavailable = (1015, "AUDIT_UNAVAILABLE", Environment, Person,
        "the audit log cannot be written: nothing is granted", [AuditUnavailable]);
    Busy = (1016, "BUSY", Transient, Later, "a writer holds the library", [Busy]);
    Misconfigured = (1017, "MISCONFIGURED", Environment, Person,
        "the daemon cannot start as it is configured", [Misconfigured]);
}

words! {
    /// What happened, closer than the name. A closed list.
    Reason {
        /// Not JSON, or not UTF-8.
        ParseError = "parse-error",
        /// Not a request of JSON-RPC 2.0, or with an id that is in use.
        InvalidRequest = "invalid-request",
        /// A frame above the limit; of an answer: ask for less.
        TooLarge = "too-large",
        /// Unknown method.
        MethodNotFound = "method-not-found",
        /// Unknown, missing or ill-formed params.
        InvalidParams = "invalid-params",
        /// A bug of ours.
        Panic = "panic",
        /// No rule allows it.
        Denied = "denied",
        /// A destination below no root of the peer, or with `..` in it.
        PathOutsideRoot = "path-outside-root",
        /// There is none, or none that the peer may know of.
        NotFound = "not-found",
        /// Several fit.
        Ambiguous = "ambiguous",
        /// A path passes a link.
        PathHasSymlink = "path-has-symlink",
        /// A FIFO, a device, a socket, a folder where a file is wanted.
        NotARegularFile = "not-a-regular-file",
        /// A file where a folder is wanted.
        NotADirectory = "not-a-directory",
        /// Another folder stands where it stood at the start.
        RootReplaced = "root-replaced",
        /// The file system is full, or the quota reached.
        NoSpace = "no-space",
        /// The file system can be read only.
        ReadOnly = "read-only",
        /// The system refused for another cause.
        IoError = "io-error",
        /// Not there.
        Absent = "absent",
        /// The system does not let us.
        NoPermission = "no-permission",
        /// The system waits for a person to allow it.
        PermissionPending = "permission-pending",
        /// Not reachable now.
        Unavailable = "unavailable",
        /// No library of Photos.
        NotALibrary = "not-a-library",
        /// A library of iPhoto or Aperture.
        IPhoto = "iphoto",
        /// A version of Photos that this build does not read.
        Version = "version",
        /// An upgrade that Photos broke off.
        HalfUpgraded = "half-upgraded",
        /// The database is malformed.
        LibraryDamaged = "library-damaged",
        /// The database was left in the middle of a write.
        LibraryNeedsRecovery = "library-needs-recovery",
        /// A `-wal` of an older database beside a newer one.
        StaleWal = "stale-wal",
        /// iCloud has it.
        InICloud = "in-icloud",
        /// It should be in the bundle and is not.
        NotOnDisk = "not-on-disk",
        /// Outside the bundle, in a folder that the policy does not show.
        Referenced = "referenced",
        /// Outside the bundle, on a disk that is not connected.
        VolumeAbsent = "volume-absent",
        /// In a shared album, or sent by somebody, and not saved to the library.
        NotSaved = "not-saved",
        /// The edit never had a file.
        NoRender = "no-render",
        /// The database names a place outside the bundle.
        OutsideBundle = "outside-bundle",
        /// The database's name for it cannot be a name.
        BadName = "bad-name",
        /// The kernel does not let the daemon look at it.
        Unreadable = "unreadable",
        /// Another job or daemon works there.
        DestinationBusy = "destination-busy",
        /// A destination within a destination.
        NestedDestination = "nested-destination",
        /// Fixed by the first export to other layout or naming.
        OtherShape = "other-shape",
        /// A bound is reached.
        Limit = "limit",
        /// It took too long.
        Timeout = "timeout",
        /// The peer gave it up.
        Cancelled = "cancelled",
        /// The daemon is about to end.
        ShuttingDown = "shutting-down",
        /// It does not fit, or no longer.
        Expired = "expired",
        /// The library keeps no history of changes.
        NoHistory = "no-history",
        /// The audit log cannot be written.
        AuditUnavailable = "audit-unavailable",
        /// A writer holds the database.
        Busy = "busy",
        /// The daemon cannot start so.
        Misconfigured = "misconfigured",
    }
}

/// One of several that a title fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Candidate {
    /// Its UUID.
    pub uuid: String,
    /// Its title, with the folders that it is in.
    pub path: String,
}

/// What a program decides by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErrorData {
    /// The contract.
    pub name: ErrorName,
    /// Closer than the name.
    pub reason: Reason,
    /// What to do, a short imperative.
    pub hint: String,
    /// Whose turn it is.
    pub class: Class,
    /// Of `AMBIGUOUS`: what it fits; of `NOT_FOUND`: the nearest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// Of `LIMIT`: what is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Of `INTERNAL`: under what number it is in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<u64>,
}

/// An error as the wire has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[error("{message}")]
pub struct WireError {
    /// The number of the name.
    pub code: i32,
    /// A sentence for a person.
    pub message: String,
    /// What a program decides by.
    pub data: ErrorData,
}

impl WireError {
    /// Makes one; code and class come from the table, which lists the reason under the name.
    #[must_use]
    pub fn new(
        name: ErrorName,
        reason: Reason,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        let listed = name.reasons().iter().any(|(listed, _)| *listed == reason);
        debug_assert!(listed, "{reason} is no reason of {name}");
        Self {
            code: name.code(),
            message: message.into(),
            data: ErrorData {
                name,
                reason,
                hint: hint.into(),
                class: name.class(),
                candidates: Vec::new(),
                limit: None,
                incident: None,
            },
        }
    }

    /// What a peer is told of a bug of ours that stands in the log under that number.
    #[must_use]
    pub fn internal(incident: u64) -> Self {
        let message = format!("something went wrong inside the daemon (incident {incident})");
        let hint = "report it with the log line of that number";
        let mut error = Self::new(ErrorName::Internal, Reason::Panic, message, hint);
        error.data.incident = Some(incident);
        error
    }

    /// When the same request may be tried again.
    #[must_use]
    pub fn retry(&self) -> Retry {
        let (name, reason) = (self.data.name, self.data.reason);
        let closer = name.reasons().iter().find(|(listed, _)| *listed == reason);
        closer.map_or(name.retry(), |(_, retry)| *retry)
    }

    /// Adds what the request could have meant.
    #[must_use]
    pub fn with_candidates(mut self, candidates: Vec<Candidate>) -> Self {
        self.data.candidates = candidates;
        self
    }

    /// Adds what is allowed.
    #[must_use]
    pub fn with_limit(mut self, limit: u64) -> Self {
        self.data.limit = Some(limit);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_and_names_are_unique() {
        let codes: HashSet<i32> = ErrorName::ALL.iter().map(|name| name.code()).collect();
        let names: HashSet<&str> = ErrorName::ALL.iter().map(|name| name.as_str()).collect();
        assert_eq!((codes.len(), names.len()), (ErrorName::ALL.len(), ErrorName::ALL.len()));
    }

    #[test]
    fn each_name_has_reasons_and_each_reason_a_name() {
        let listed: HashSet<Reason> = ErrorName::ALL
            .iter()
            .flat_map(|name| {
                let reasons: Vec<Reason> = name.reasons().iter().map(|(it, _)| *it).collect();
                let distinct: HashSet<&Reason> = reasons.iter().collect();
                assert_eq!(distinct.len(), reasons.len(), "{name} lists one twice");
                reasons
            })
            .collect();
        assert_eq!(listed, Reason::ALL.iter().copied().collect());
    }

    #[test]
    fn what_is_transient_may_be_tried_later_and_what_a_reason_says_goes_before() {
        for name in ErrorName::ALL {
            if name.class() == Class::Transient {
                assert_eq!(name.retry(), Retry::Later, "{name}");
            }
        }
        let retry = |name, reason| WireError::new(name, reason, "x", "y").retry();
        assert_eq!(retry(ErrorName::Limit, Reason::Limit), Retry::Later);
        assert_eq!(retry(ErrorName::Limit, Reason::TooLarge), Retry::Never);
        assert_eq!(retry(ErrorName::Conflict, Reason::DestinationBusy), Retry::Later);
        assert_eq!(retry(ErrorName::Conflict, Reason::OtherShape), Retry::Never);
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "busy is no reason of DENIED")]
    fn a_reason_that_the_name_does_not_list_is_a_bug() {
        let _wrong = WireError::new(ErrorName::Denied, Reason::Busy, "x", "y");
    }

    #[test]
    fn what_a_word_means_is_its_documentation() {
        assert_eq!(
            Reason::OtherShape.meaning(),
            "Fixed by the first export to other layout or naming."
        );
        assert_eq!(ErrorName::Denied.meaning(), "the policy says no");
        assert!(Reason::ALL.iter().all(|reason| reason.meaning().ends_with('.')));
    }

    #[test]
    fn an_error_round_trips() {
        let error =
            WireError::new(ErrorName::Limit, Reason::Limit, "too many", "wait").with_limit(64);
        let text = serde_json::to_string(&error).unwrap();
        assert_eq!(serde_json::from_str::<WireError>(&text).unwrap(), error);
        assert!(!text.contains("candidates"));
    }
}
