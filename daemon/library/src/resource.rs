//! An asset's files: which versions it has, whether each is here, and why not.
//!
//! `places.rs` builds the paths from checked parts (pure), `look.rs` looks at them through the
//! door, `reason.rs` says why one is not there. The disk decides what is here; the database only
//! gives the reason for what is not. The hazards: a row that names `../..`, a link in `originals/`,
//! and a column that says "on this disk" of a file that is not.

mod look;
mod old;
mod places;
mod reason;

use std::fmt;

use darkslide_door::Facts;
use darkslide_policy::{AbsPath, RelPath};
use darkslide_protocol::value::Uuid;

pub(crate) use look::{Looker, Paths};
pub(crate) use places::{FileFacts, Row};
pub use reason::Absence;

/// What an asset can have on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// The photo or video as it was taken.
    Original,
    /// The photo or video as it was edited.
    Edited,
    /// The video of a live photo.
    LiveVideo,
    /// The video of an edited live photo.
    EditedLiveVideo,
    /// The RAW file beside the original.
    Raw,
    /// The adjustments that Photos keeps of an edit.
    Aae,
    /// The adjustments that the camera wrote.
    OriginalAae,
    /// An image made to be shown, of any size.
    Preview,
}

impl Version {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Original,
        Self::Edited,
        Self::LiveVideo,
        Self::EditedLiveVideo,
        Self::Raw,
        Self::Aae,
        Self::OriginalAae,
        Self::Preview,
    ];

    /// Those that an export takes unless it is told otherwise.
    pub const USUAL: &[Self] =
        &[Self::Original, Self::Edited, Self::LiveVideo, Self::EditedLiveVideo, Self::Raw];

    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Edited => "edited",
            Self::LiveVideo => "live_video",
            Self::EditedLiveVideo => "edited_live_video",
            Self::Raw => "raw",
            Self::Aae => "aae",
            Self::OriginalAae => "original_aae",
            Self::Preview => "preview",
        }
    }
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FilePath {
    /// Below the bundle.
    Inside(RelPath),
    /// Where the original of an asset was left by whoever imported it.
    Outside(AbsPath),
}

impl FilePath {
    /// Relative to the bundle, or absolute.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Inside(path) => path.as_str(),
            Self::Outside(path) => path.as_str(),
        }
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Is a version here?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// Yes, as a regular file.
    Here {
        /// Below the bundle.
        path: RelPath,
        /// What `stat` told.
        facts: Facts,
    },
    /// Yes, in a folder outside the bundle that the grant shows.
    Outside {
        /// Where.
        path: AbsPath,
        /// What `stat` told.
        facts: Facts,
    },
    /// No, and why.
    Absent(Absence),
}

impl Presence {
    /// Where it is, relative to the bundle or absolute.
    #[must_use]
    pub fn path_text(&self) -> Option<&str> {
        match self {
            Self::Here { path, .. } => Some(path.as_str()),
            Self::Outside { path, .. } => Some(path.as_str()),
            Self::Absent(_) => None,
        }
    }

    fn path(self) -> Option<FilePath> {
        match self {
            Self::Here { path, .. } => Some(FilePath::Inside(path)),
            Self::Outside { path, .. } => Some(FilePath::Outside(path)),
            Self::Absent(_) => None,
        }
    }
}

/// One version of an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Which.
    pub version: Version,
    /// Where, or why not.
    pub presence: Presence,
    /// Its type, if it is known.
    pub uti: Option<String>,
    /// Its size; of one that is not here what the database says, if it does.
    pub bytes: Option<u64>,
}

/// All versions of an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetResources {
    /// The asset.
    pub uuid: Uuid,
    /// Its versions, the original first.
    pub resources: Vec<Resource>,
}
