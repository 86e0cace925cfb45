//! What the policy answers when it says yes: a value that only the policy can make.
//!
//! A grant is made once for a request or a job and names all that it covers. The door and the
//! library reader take `&Grant`, so that an effect nobody decided on has no function to call. It is
//! neither `Clone` nor serialisable: stored is a wish, never the permission. The hazard: a flag
//! `allowed: bool` beside a path, which any caller can set.
//!
//! A grant cannot be made outside this crate:
//!
//! ```compile_fail
//! # use darkslide_policy::*;
//! fn keep(rule: RuleName, covers: ReadScope, made: Grant<Read>) -> Grant<Read> {
//!     Grant { rule, covers }
//! }
//! ```
//!
//! while one that the policy made can be kept:
//!
//! ```
//! # use darkslide_policy::*;
//! fn keep(rule: RuleName, covers: ReadScope, made: Grant<Read>) -> Grant<Read> {
//!     made
//! }
//! ```
//!
//! Nor can it be doubled:
//!
//! ```compile_fail
//! # use darkslide_policy::*;
//! fn twice(grant: &Grant<Read>) -> Grant<Read> { grant.clone() }
//! ```
//!
//! ```
//! # use darkslide_policy::*;
//! fn once(grant: &Grant<Read>) -> &Grant<Read> { grant }
//! ```

use serde::{Deserialize, Serialize};

use crate::ask::Effect;
use crate::document::Handover;
use crate::{AbsPath, LibraryName, RelPath, RootName, RuleName};

/// The policy's yes to one ask.
#[derive(Debug)]
#[must_use = "a grant that nobody uses was not needed"]
pub struct Grant<E: Effect> {
    rule: RuleName,
    covers: E::Covers,
}

impl<E: Effect> Grant<E> {
    /// Only `decide` calls this.
    pub(crate) fn new(rule: RuleName, covers: E::Covers) -> Self {
        Self { rule, covers }
    }

    /// The rule that allowed it.
    #[must_use]
    pub fn rule(&self) -> &RuleName {
        &self.rule
    }

    /// What it covers.
    #[must_use]
    pub fn covers(&self) -> &E::Covers {
        &self.covers
    }
}

/// A grant of a call covers nothing but the call.
#[derive(Debug)]
#[non_exhaustive]
pub struct CallScope {}

impl CallScope {
    pub(crate) fn new() -> Self {
        Self {}
    }
}

/// A library, which of its assets exist for the peer, and what is told of them. Beside a grant it
/// opens nothing: so it can be kept, to know later what a job was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadScope {
    // Made by `decide`, or read back from what was kept of that.
    pub(crate) library: LibraryName,
    pub(crate) hidden: bool,
    pub(crate) trashed: bool,
    pub(crate) location: bool,
    pub(crate) albums: Option<Vec<String>>,
    pub(crate) referenced: Vec<AbsPath>,
    #[serde(default = "bytes")]
    pub(crate) handover: Handover,
}

/// What was kept before there was a choice: the narrower of the two.
fn bytes() -> Handover {
    Handover::Bytes
}

impl ReadScope {
    /// The library.
    #[must_use]
    pub fn library(&self) -> &LibraryName {
        &self.library
    }

    /// May hidden assets be seen? If not, they do not exist for the peer.
    #[must_use]
    pub fn shows_hidden(&self) -> bool {
        self.hidden
    }

    /// May trashed assets be seen? If not, they do not exist for the peer.
    #[must_use]
    pub fn shows_trashed(&self) -> bool {
        self.trashed
    }

    /// May coordinates and places be told? If not, no asset has any for the peer.
    #[must_use]
    pub fn shows_location(&self) -> bool {
        self.location
    }

    /// The albums (UUID, title or path of folders and title) whose members exist for the peer, and
    /// no other assets do; none where all assets may be seen. Never empty.
    #[must_use]
    pub fn albums(&self) -> Option<&[String]> {
        self.albums.as_deref()
    }

    /// The folders outside the bundle that referenced originals may be read from.
    #[must_use]
    pub fn referenced(&self) -> &[AbsPath] {
        &self.referenced
    }

    /// How the content of resources may be handed over.
    #[must_use]
    pub fn handover(&self) -> Handover {
        self.handover
    }

    /// Are there assets that do not exist for the peer?
    #[must_use]
    pub fn withholds_assets(&self) -> bool {
        !self.hidden || !self.trashed || self.albums.is_some()
    }

    /// Does this show at least all that `other` shows? Albums are compared as they are written: two
    /// spellings of one album count as two.
    #[must_use]
    pub fn shows_all_of(&self, other: &Self) -> bool {
        let albums = match (&self.albums, &other.albums) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(mine), Some(others)) => others.iter().all(|album| mine.contains(album)),
        };
        self.library == other.library
            && self.hidden >= other.hidden
            && self.trashed >= other.trashed
            && self.location >= other.location
            && albums
            && other.referenced.iter().all(|folder| self.referenced.contains(folder))
    }
}

/// A root, a path below it, the modes of what is made there, and how much the root may hold.
#[derive(Debug)]
pub struct WriteScope {
    root: RootName,
    path: RelPath,
    file_mode: u16,
    dir_mode: u16,
    max_bytes: Option<u64>,
}

impl WriteScope {
    pub(crate) fn new(
        root: RootName,
        path: RelPath,
        [file_mode, dir_mode]: [u16; 2],
        max_bytes: Option<u64>,
    ) -> Self {
        Self { root, path, file_mode, dir_mode, max_bytes }
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> &RootName {
        &self.root
    }

    /// Where below it; the root itself is [`RelPath::root`].
    #[must_use]
    pub fn path(&self) -> &RelPath {
        &self.path
    }

    /// Permission bits of exported files, at most 0777.
    #[must_use]
    pub fn file_mode(&self) -> u16 {
        self.file_mode
    }

    /// Permission bits of folders that are made, at most 0777.
    #[must_use]
    pub fn dir_mode(&self) -> u16 {
        self.dir_mode
    }

    /// How many bytes exports may hold below the whole root; none where there is no quota.
    #[must_use]
    pub fn max_bytes(&self) -> Option<u64> {
        self.max_bytes
    }
}
