//! Why a version of an asset is not on this disk: a closed list of reasons, and how the rows tell
//! one.
//!
//! Pure, and asked only of what the disk does not have: the availability columns are wrong both
//! ways, so that they give reasons and never presence.

use super::Version;
use super::places::FileFacts;
use crate::schema::resource;

/// Why a version is not on this disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Absence {
    /// iCloud has it.
    InICloud,
    /// It should be here and is not, and the database knows of no other place.
    NotOnDisk,
    /// It lies in a folder outside the bundle that the policy does not show.
    Referenced,
    /// It lies outside the bundle, in a folder that the policy shows and that is not there: a disk
    /// that is not connected, most of all.
    VolumeAbsent,
    /// In a shared album, or sent by somebody, and not saved to the library.
    NotSaved,
    /// The edit is a description only; Photos never made a file of it.
    NoRender,
    /// The database names a place outside the bundle.
    OutsideBundle,
    /// A link, a folder or a pipe stands in its place.
    NotAFile,
    /// The database's name for it cannot be a name.
    BadName,
    /// The kernel does not let us look at it.
    Unreadable,
}

impl Absence {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::InICloud,
        Self::NotOnDisk,
        Self::Referenced,
        Self::VolumeAbsent,
        Self::NotSaved,
        Self::NoRender,
        Self::OutsideBundle,
        Self::NotAFile,
        Self::BadName,
        Self::Unreadable,
    ];

    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InICloud => "in-icloud",
            Self::NotOnDisk => "not-on-disk",
            Self::Referenced => "referenced",
            Self::VolumeAbsent => "volume-absent",
            Self::NotSaved => "not-saved",
            Self::NoRender => "no-render",
            Self::OutsideBundle => "outside-bundle",
            Self::NotAFile => "not-a-regular-file",
            Self::BadName => "bad-name",
            Self::Unreadable => "unreadable",
        }
    }
}

impl FileFacts {
    /// Why a version that is not on the disk is not there.
    pub(crate) fn reason(&self, version: Version) -> Absence {
        if lies_with_the_original(version) && (self.shared || self.unsaved) {
            return Absence::NotSaved;
        }
        let mut known = self.rows_of(version).peekable();
        match version {
            Version::Edited | Version::EditedLiveVideo if known.peek().is_none() => {
                Absence::NoRender
            }
            Version::Original
            | Version::Edited
            | Version::LiveVideo
            | Version::EditedLiveVideo
            | Version::Raw
            | Version::Aae
            | Version::OriginalAae
            | Version::Preview => {
                if known.any(|row| row.remote == Some(resource::AVAILABLE)) {
                    Absence::InICloud
                } else {
                    Absence::NotOnDisk
                }
            }
        }
    }
}

/// Is it in the original's folder?
fn lies_with_the_original(version: Version) -> bool {
    match version {
        Version::Original | Version::LiveVideo | Version::Raw | Version::OriginalAae => true,
        Version::Edited | Version::EditedLiveVideo | Version::Aae | Version::Preview => false,
    }
}
