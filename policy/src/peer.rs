//! The process at the other end of a connection, as the kernel names it.
//!
//! Only facts from the kernel stand here, gathered elsewhere, once, right after accept. What a peer
//! says of itself is a claim and never enters a decision; a pid is for the log only, for it can be
//! reused.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the kernel says for an id of another user namespace that has no name in ours.
const OVERFLOW_ID: u32 = 65_534;
/// What the calls of the system take for "no id".
const NO_ID: u32 = u32::MAX;

/// A user id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Uid(u32);

impl Uid {
    /// Wraps what the kernel told.
    #[must_use]
    pub fn new(raw: u32) -> Self {
        Self(raw)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }

    /// Does it stand for everybody whom this user namespace has no name for, or for nobody?
    #[must_use]
    pub fn is_overflow(self) -> bool {
        [OVERFLOW_ID, NO_ID].contains(&self.0)
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A group id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Gid(u32);

impl Gid {
    /// Wraps what the kernel told.
    #[must_use]
    pub fn new(raw: u32) -> Self {
        Self(raw)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The uid at connect time.
    pub uid: Uid,
    /// The gid at connect time.
    pub gid: Gid,
    /// For the log only.
    pub pid: Option<i32>,
}
