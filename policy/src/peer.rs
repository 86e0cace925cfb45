//! The process at the other end of a connection, as the kernel names it.
//!
//! Only facts from the system stand here, gathered elsewhere, once, right after accept. What a peer
//! says of itself is a claim and never enters a decision; a pid is for the log only, for it can be
//! reused. Which program it is, macOS alone can tell, and only as an answer to a question: does its
//! code meet this requirement? The questions are those of the policy, the answers stand in
//! [`Code`].

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What the kernel says for an id of another user namespace that has no name in ours.
const OVERFLOW_ID: u32 = 65_534;
/// What the calls of the system take for "no id".
const NO_ID: u32 = u32::MAX;
/// One requirement in bytes: real ones have some hundreds, and each goes through Apple's compiler.
pub(crate) const MAX_REQUIREMENT_BYTES: usize = 2_048;

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

    /// Does it stand for every group that this user namespace has no name for, or for none?
    #[must_use]
    pub fn is_overflow(self) -> bool {
        [OVERFLOW_ID, NO_ID].contains(&self.0)
    }
}

impl fmt::Display for Gid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A requirement that code must meet, in Apple's language for it; whether that is well-formed, only
/// macOS knows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CodeRequirement(String);

/// Why a text is no requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeRequirementError {
    /// Nothing but blanks.
    #[error("the requirement is empty")]
    Empty,
    /// NUL, or another control character.
    #[error("the requirement has a control character")]
    Control,
    /// Longer than anybody writes.
    #[error("the requirement has {bytes} bytes, {limit} are allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
}

impl CodeRequirement {
    /// Checks the form of a text.
    ///
    /// # Errors
    /// [`CodeRequirementError`].
    pub fn parse(text: &str) -> Result<Self, CodeRequirementError> {
        if text.trim().is_empty() {
            return Err(CodeRequirementError::Empty);
        }
        if text.chars().any(char::is_control) {
            return Err(CodeRequirementError::Control);
        }
        if text.len() > MAX_REQUIREMENT_BYTES {
            let (bytes, limit) = (text.len(), MAX_REQUIREMENT_BYTES);
            return Err(CodeRequirementError::TooLong { bytes, limit });
        }
        Ok(Self(text.to_owned()))
    }

    /// Lends the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the system confirmed of a peer's program: the requirements that it meets. Empty where
/// nobody asked, and on Linux always.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Code(BTreeSet<CodeRequirement>);

impl Code {
    /// Does it meet this one?
    #[must_use]
    pub fn meets(&self, requirement: &CodeRequirement) -> bool {
        self.0.contains(requirement)
    }

    /// Each requirement that it meets.
    pub fn met(&self) -> impl Iterator<Item = &CodeRequirement> {
        self.0.iter()
    }
}

impl FromIterator<CodeRequirement> for Code {
    fn from_iter<I: IntoIterator<Item = CodeRequirement>>(met: I) -> Self {
        Self(met.into_iter().collect())
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
    /// What the system confirmed of its program.
    pub code: Code,
}

impl Peer {
    /// A peer whose program nobody has asked about.
    #[must_use]
    pub fn new(uid: Uid, gid: Gid, pid: Option<i32>) -> Self {
        Self { uid, gid, pid, code: Code::default() }
    }
}
