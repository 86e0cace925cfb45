//! `library.list` and `library.info`.
//!
//! Counts and dates are those that the peer who asks may see. What a data model does not tell is
//! named in `lacks`, so that an absent value is never taken for an empty one.

use serde::{Deserialize, Serialize};

use super::health::PlaceState;

/// Params of `library.list`: none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LibraryListParams {}

/// Result of `library.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LibraryList {
    /// The libraries that this peer may read.
    pub libraries: Vec<PlaceState>,
}

/// Params of `library.info`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LibraryInfoParams {
    /// The library's name.
    pub library: String,
}

/// Result of `library.info`. Counts hold what this peer may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LibraryInfo {
    /// The library's name.
    pub library: String,
    /// Its own identity (`Z_METADATA.Z_UUID`).
    pub uuid: Option<String>,
    /// The version of Photos, such as `11.1`.
    pub photos_version: String,
    /// The version of the data model, such as 19320.
    pub model_version: Option<i64>,
    /// Stills that a query without `include` finds.
    pub photos: u64,
    /// Videos that a query without `include` finds.
    pub movies: u64,
    /// Hidden assets, if the policy grants them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<u64>,
    /// Trashed assets, if the policy grants them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trashed: Option<u64>,
    /// Images of bursts that nobody selected.
    pub unselected: u64,
    /// Rows without a UUID, which cannot be named and are left out everywhere.
    pub nameless: u64,
    /// The earliest date taken, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_taken: Option<String>,
    /// The latest date taken, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_taken: Option<String>,
    /// Bytes of the originals, as the database has them, on this disk or not.
    pub original_bytes: u64,
    /// The state of the database's files.
    pub journal: String,
    /// What this data model does not tell.
    pub lacks: Vec<String>,
    /// Did Photos begin an upgrade and not finish it?
    pub upgrade_unfinished: bool,
    /// Did nobody change the library meanwhile? Large libraries are counted in slices.
    pub consistent: bool,
}
