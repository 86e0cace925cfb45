//! `export.destinations`: what has been exported where, when, and how complete.
//!
//! Destinations explain themselves, so this is read from below the roots at the moment of the
//! question; nobody keeps a list. Libraries are told by the names that the peer is granted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::job::Outcome;

/// Params of `export.destinations`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ExportDestinationsParams {
    /// Only those that hold something of this library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
}

/// Result of `export.destinations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExportDestinations {
    /// By root and path.
    pub destinations: Vec<ExportDestination>,
    /// Not all folders below the roots were looked into: one could not be read, or there are too
    /// many.
    pub incomplete: bool,
}

/// A destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExportDestination {
    /// The root's name.
    pub root: String,
    /// Where below the root; `.` for the root itself.
    pub path: String,
    /// The folders and names that its first export fixed, in words; absent where the record cannot
    /// be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<String>,
    /// What is there of each library that this peer is granted, and of all others together.
    pub libraries: Vec<HeldFiles>,
    /// The last job that came to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastJob>,
    /// A job was broken off, or is at work.
    pub interrupted: bool,
    /// Why its record cannot be read: a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The files of one library at a destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeldFiles {
    /// Its name; absent for those that this peer is not granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The last job of a destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LastJob {
    /// Its identity; `job.report` may have forgotten it.
    pub job: String,
    /// When it ended.
    pub time: String,
    /// How many rows of its report have which outcome.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::counts::<Outcome>"))]
    pub outcomes: BTreeMap<Outcome, u64>,
}
