//! `change.token` and `change.since`: what changed in a library since a place in its history.
//!
//! A token is opaque; it fits one library, one model of it and one grant. A UUID stands in one list
//! at most. What a grant withholds is never told as withheld: see docs/protocol.md for what
//! `deleted` says, and what it does not.

use serde::{Deserialize, Serialize};

use super::bounded;

/// Params of `change.token`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeTokenParams {
    /// The library's name.
    pub library: String,
}

/// Result of `change.token`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChangeToken {
    /// The place behind the newest change, for `change.since`.
    pub token: String,
}

/// Params of `change.since`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeSinceParams {
    /// The library's name.
    pub library: String,
    /// Of `change.token`, an event, or `next` of the page before.
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = 1, max = crate::limits::MAX_CHANGE_TOKEN_BYTES))
    )]
    #[serde(deserialize_with = "bounded::token")]
    pub token: String,
    /// Changes of the history on this page, 1 to 10000; several may be of one asset.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = crate::limits::MAX_PAGE_CHANGES)))]
    #[serde(default = "bounded::default_changes", deserialize_with = "bounded::changes")]
    pub limit: usize,
}

impl ChangeSinceParams {
    /// Asks for a page of the usual size.
    #[must_use]
    pub fn of(library: impl Into<String>, token: impl Into<String>) -> Self {
        Self { library: library.into(), token: token.into(), limit: bounded::default_changes() }
    }
}

/// Result of `change.since`: a page. Each list is in the order of UUIDs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChangeSince {
    /// New assets.
    pub inserted: Vec<String>,
    /// Assets of which something changed, or may have.
    pub updated: Vec<String>,
    /// Assets that are no longer there for this peer.
    pub deleted: Vec<String>,
    /// Deleted assets of which the library no longer knows the UUID.
    pub unknown_deleted: u64,
    /// Did a keyword or person change that more assets have than fit here? Then those are not told.
    pub incomplete: bool,
    /// The same of what `album.list` lists.
    pub albums: AlbumChanges,
    /// Where the next page begins: the token to keep.
    pub next: String,
    /// Is there a next page already?
    pub more: bool,
}

/// Albums, folders and the like that changed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AlbumChanges {
    /// New ones.
    pub inserted: Vec<String>,
    /// Those that changed: title, place, members.
    pub updated: Vec<String>,
    /// Those that are no longer listed.
    pub deleted: Vec<String>,
}
