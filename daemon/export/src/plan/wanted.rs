//! What an export wants of one asset in one place, and where its content comes from.
//!
//! Values only. Most contents are files of the library; a sidecar is made here, from what the
//! library knows. What waits to be written is spooled, so these types are lines of text, too. The
//! hazard: a path outside the bundle that a library's row names; it is opened under the grant alone
//! ([`darkslide_door::LibraryDir::open_referenced`]).

use darkslide_door::FileTime;
use darkslide_library::Version;
use darkslide_policy::{AbsPath, RelPath};
use serde::{Deserialize, Serialize};

use crate::report::{Outcome, ReportRow};
use crate::row::{Blake3, Key, Row, Source, Stamp, visible_path};
use crate::spec::Sidecar;

/// Where a content comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Origin {
    /// A file below the bundle.
    Bundle(#[serde(with = "below_bundle")] RelPath),
    /// A file outside it, in a folder that the policy shows.
    Referenced(#[serde(with = "absolute")] AbsPath),
    /// Made here.
    Made(String),
}

/// A content that is on this disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Here {
    /// Where.
    pub(crate) origin: Origin,
    /// What it is now.
    pub(crate) source: Source,
}

impl Here {
    /// A content that is made here.
    pub(crate) fn made(text: String) -> Self {
        let size = u64::try_from(text.len()).unwrap_or(u64::MAX);
        let source = Source { size, mtime: Stamp::NONE };
        Self { origin: Origin::Made(text), source }
    }

    /// The digest of a content that needs no reading.
    pub(crate) fn known_digest(&self) -> Option<Blake3> {
        match &self.origin {
            Origin::Made(text) => Some(blake3::hash(text.as_bytes()).into()),
            Origin::Bundle(_) | Origin::Referenced(_) => None,
        }
    }

    /// Its name in the library.
    pub(crate) fn file_name(&self) -> &str {
        match &self.origin {
            Origin::Bundle(path) => path.split_last().map_or("", |(_, name)| name),
            Origin::Referenced(path) => path.as_str().rsplit('/').next().unwrap_or_default(),
            Origin::Made(_) => "",
        }
    }
}

/// Why a file of the library cannot be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Missing {
    /// [`Outcome::NotLocal`], [`Outcome::Denied`] or [`Outcome::Unreadable`].
    pub(crate) outcome: Outcome,
    /// The word of the library's reader.
    pub(crate) reason: &'static str,
}

/// What a file is to its asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A version that the library has.
    Version(Version),
    /// A file beside it.
    Sidecar(Sidecar),
}

impl Role {
    /// The word in keys and reports.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Version(version) => version.as_str(),
            Self::Sidecar(sidecar) => sidecar.word(),
        }
    }
}

/// One selected resource, in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) key: Key,
    pub(crate) role: Role,
    pub(crate) original_filename: String,
    /// The content, or why it is not there.
    pub(crate) content: Result<Here, Missing>,
    /// What its time becomes.
    pub(crate) mtime: Option<FileTime>,
}

impl Wanted {
    pub(crate) fn report(&self, outcome: Outcome) -> ReportRow {
        ReportRow::of(&self.key, &self.original_filename, outcome)
    }
}

/// What stands under the name of a file that is written anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Over {
    /// As it was seen.
    pub(crate) row: Row,
    /// We wrote it, and nobody has touched it.
    pub(crate) ours: bool,
}

/// What has to happen before a file gets its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Awaits {
    /// Nothing.
    Nothing,
    /// Another file of ours moves away from it.
    Freed,
    /// The file that it replaces moves there.
    Moved,
}

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Write {
    pub(crate) key: Key,
    pub(crate) original_filename: String,
    pub(crate) origin: Origin,
    pub(crate) source: Source,
    #[serde(with = "visible_path")]
    pub(crate) path: RelPath,
    /// What its time becomes.
    pub(crate) mtime: Option<Stamp>,
    /// What it replaces.
    pub(crate) over: Option<Over>,
    pub(crate) awaits: Awaits,
}

impl Write {
    /// A new file.
    pub(crate) fn new(wanted: &Wanted, here: &Here, path: RelPath, awaits: Awaits) -> Self {
        Self {
            key: wanted.key.clone(),
            original_filename: wanted.original_filename.clone(),
            origin: here.origin.clone(),
            source: here.source,
            path,
            mtime: wanted.mtime.map(Stamp::from),
            over: None,
            awaits,
        }
    }

    pub(crate) fn report(&self) -> ReportRow {
        let outcome = if self.over.is_some() { Outcome::Updated } else { Outcome::Copied };
        ReportRow::of(&self.key, &self.original_filename, outcome)
    }
}

mod below_bundle {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::RelPath;

    pub(super) fn serialize<S: Serializer>(path: &RelPath, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(path.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<RelPath, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        RelPath::parse(&text).map_err(de::Error::custom)
    }
}

mod absolute {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::AbsPath;

    pub(super) fn serialize<S: Serializer>(path: &AbsPath, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(path.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<AbsPath, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        AbsPath::parse(&text, None).map_err(de::Error::custom)
    }
}
