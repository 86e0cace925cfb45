//! The error table: number, name, class, meaning. `name` is the contract, `reason` says it closer,
//! `hint` what to do.
//!
//! Nothing states an error twice: codes, classes and `docs/errors.md` come from this table. A
//! message is a sentence for a person and may change; it never repeats a peer's text. `class` says
//! whose turn it is, so that a program need not know every name.

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

macro_rules! errors {
    ($($variant:ident = ($code:literal, $name:literal, $class:ident, $meaning:literal);)*) => {
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

            /// When it is answered.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),* }
            }
        }
    };
}

errors! {
    Parse = (-32700, "PARSE_ERROR", Caller, "the frame is not one JSON document in UTF-8");
    InvalidRequest = (-32600, "INVALID_REQUEST", Caller, "the frame, its envelope or its id breaks the rules");
    MethodNotFound = (-32601, "METHOD_NOT_FOUND", Caller, "there is no such method");
    InvalidParams = (-32602, "INVALID_PARAMS", Caller, "the params do not fit the method");
    Internal = (-32603, "INTERNAL", Bug, "a bug of ours, logged under the incident number");
    Denied = (1001, "DENIED", Policy, "the policy says no");
    NotFound = (1002, "NOT_FOUND", Caller, "no such library, album, asset, version, job, subscription");
    Ambiguous = (1003, "AMBIGUOUS", Caller, "a title fits several; `data.candidates` lists them");
    LibraryUnavailable = (1004, "LIBRARY_UNAVAILABLE", Environment, "not mounted, gone, or no permission");
    LibraryUnsupported = (1005, "LIBRARY_UNSUPPORTED", Environment, "not a Photos library, or a version without what is needed");
    LibraryDamaged = (1006, "LIBRARY_DAMAGED", Environment, "the database is malformed or needs recovery");
    NotLocal = (1007, "NOT_LOCAL", Environment, "only in iCloud, or otherwise not on this disk");
    Destination = (1008, "DESTINATION", Environment, "not a directory, a link, read-only, replaced, no space, quota");
    Conflict = (1009, "CONFLICT", Environment, "another job or daemon owns the destination");
    Limit = (1010, "LIMIT", Transient, "too many of something; `data.limit` says how many are allowed");
    TimedOut = (1011, "TIMED_OUT", Transient, "it took longer than it may");
    Cancelled = (1012, "CANCELLED", Caller, "the peer gave it up");
    ShuttingDown = (1013, "SHUTTING_DOWN", Transient, "the daemon is about to end");
    Expired = (1014, "EXPIRED", Caller, "a cursor or change token that no longer fits");
    AuditUnavailable = (1015, "AUDIT_UNAVAILABLE", Environment, "the audit log cannot be written: nothing is granted");
    Busy = (1016, "BUSY", Transient, "a writer holds the library");
    Misconfigured = (1017, "MISCONFIGURED", Environment, "the daemon cannot start as it is configured");
}

words! {
    /// What happened, closer than the name. A closed list.
    Reason {
        /// Not JSON.
        ParseError = "parse-error",
        /// Not a request.
        InvalidRequest = "invalid-request",
        /// A frame above the limit.
        TooLarge = "too-large",
        /// Unknown method.
        MethodNotFound = "method-not-found",
        /// Unknown, missing or ill-formed params.
        InvalidParams = "invalid-params",
        /// A bug of ours.
        Panic = "panic",
        /// No rule allows it.
        Denied = "denied",
        /// A destination below no root of the peer.
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
        /// Another folder stands where the root stood at start.
        RootReplaced = "root-replaced",
        /// The file system is full, or the quota reached.
        NoSpace = "no-space",
        /// The file system can be read only.
        ReadOnly = "read-only",
        /// The system refused for another cause.
        IoError = "io-error",
        /// Not there at start.
        Absent = "absent",
        /// The system does not let us read it.
        NoPermission = "no-permission",
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
        /// Not on this disk.
        NotLocal = "not-local",
        /// Another job or daemon works there.
        DestinationBusy = "destination-busy",
        /// A destination within a destination.
        NestedDestination = "nested-destination",
        /// Fixed by the first export to other layout or naming.
        OtherShape = "other-shape",
        /// A bound is reached.
        Limit = "limit",
        /// Too slow.
        Timeout = "timeout",
        /// Given up.
        Cancelled = "cancelled",
        /// About to end.
        ShuttingDown = "shutting-down",
        /// No longer fits.
        Expired = "expired",
        /// The library keeps no history of changes.
        NoHistory = "no-history",
        /// The audit log cannot be written.
        AuditUnavailable = "audit-unavailable",
        /// Held by a writer.
        Busy = "busy",
        /// Cannot start so.
        Misconfigured = "misconfigured",
    }
}

/// One of several that a title fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its UUID.
    pub uuid: String,
    /// Its title, with the folders that it is in.
    pub path: String,
}

/// What a program decides by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorData {
    /// The contract.
    pub name: ErrorName,
    /// Closer than the name.
    pub reason: Reason,
    /// What to do, a short imperative.
    pub hint: String,
    /// Whose turn it is.
    pub class: Class,
    /// Of [`ErrorName::Ambiguous`]: what it fits; of [`ErrorName::NotFound`]: the nearest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// Of [`ErrorName::Limit`]: what is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Of [`ErrorName::Internal`]: under what number it is in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<u64>,
}

/// An error as the wire has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
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
    /// Makes one; code and class come from the table.
    #[must_use]
    pub fn new(
        name: ErrorName,
        reason: Reason,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
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
    fn an_error_round_trips() {
        let error =
            WireError::new(ErrorName::Limit, Reason::Limit, "too many", "wait").with_limit(64);
        let text = serde_json::to_string(&error).unwrap();
        assert_eq!(serde_json::from_str::<WireError>(&text).unwrap(), error);
        assert!(!text.contains("candidates"));
    }
}
