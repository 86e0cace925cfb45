//! `policy.show`: what the peer that asks is granted.
//!
//! It names that peer's own rule, libraries and roots, and nothing of anybody else's. There is no
//! method that changes a policy: it is a file that a person writes.

use serde::{Deserialize, Serialize};

use crate::filter::words;

words! {
    /// How the content of resources gets to a peer.
    Handover {
        /// As descriptors of the files, and as bytes.
        Descriptors = "descriptors",
        /// As bytes alone: `resource.read`.
        Bytes = "bytes",
    }
}

/// Params of `policy.show`: none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PolicyShowParams {}

/// Result of `policy.show`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PolicyShow {
    /// The rule that applies.
    pub rule: String,
    /// The uid that the kernel named.
    pub uid: u32,
    /// The methods that may be called.
    pub methods: Vec<String>,
    /// The libraries that may be read.
    pub libraries: Vec<GrantedLibrary>,
    /// The roots that may be written below.
    pub roots: Vec<GrantedRoot>,
    /// How the content of resources is handed over.
    #[serde(default = "bytes")]
    pub resources: Handover,
}

/// What a daemon hands over that knows no descriptors.
fn bytes() -> Handover {
    Handover::Bytes
}

/// A library that may be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GrantedLibrary {
    /// Its name.
    pub name: String,
    /// Do hidden assets exist for this peer?
    pub hidden: bool,
    /// Do trashed assets exist for this peer?
    pub trashed: bool,
    /// Are coordinates and places told?
    #[serde(default = "granted")]
    pub location: bool,
    /// The albums whose members exist for this peer, and no other assets do; without it all do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub albums: Option<Vec<String>>,
    /// The folders outside the bundle that referenced originals are read from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub referenced: Vec<String>,
}

/// What a daemon grants that knows of no narrower policy.
fn granted() -> bool {
    true
}

/// A root that may be written below.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GrantedRoot {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub path: String,
    /// How many bytes exports may hold below it; absent where there is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
}
