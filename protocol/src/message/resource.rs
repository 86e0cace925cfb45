//! `resource.list`, `resource.open`, `resource.read`: the files that assets have, version by
//! version, and what is in them.
//!
//! What is here is told by the disk; what is not has a reason from a closed list. Paths are
//! relative to the bundle, and absolute for an original that its owner left elsewhere, in a folder
//! that the policy shows. Nobody opens by a path: a file is asked for as an asset's version. The
//! descriptor of `resource.open` travels beside the frame; no member tells its number.

use serde::{Deserialize, Serialize};

use super::bounded;
use crate::bytes_text::BytesText;
use crate::filter::words;
use crate::value::Uuid;

words! {
    /// What an asset can have on the disk.
    Version {
        /// The photo or video as it was taken.
        Original = "original",
        /// The photo or video as it was edited.
        Edited = "edited",
        /// The video of a live photo.
        LiveVideo = "live_video",
        /// The video of an edited live photo.
        EditedLiveVideo = "edited_live_video",
        /// The RAW file beside the original.
        Raw = "raw",
        /// The adjustments that Photos keeps of an edit.
        Aae = "aae",
        /// The adjustments that the camera wrote.
        OriginalAae = "original_aae",
        /// An image made to be shown; an asset can have several.
        Preview = "preview",
    }
}

words! {
    /// Why a version is not on this disk.
    Absence {
        /// iCloud has it.
        InICloud = "in-icloud",
        /// It should be here and is not: somebody removed it from the bundle.
        NotOnDisk = "not-on-disk",
        /// It lies outside the bundle, in a folder that the policy does not show.
        Referenced = "referenced",
        /// It lies outside the bundle, on a disk that is not connected.
        VolumeAbsent = "volume-absent",
        /// In a shared album, or sent by somebody, and not saved to the library.
        NotSaved = "not-saved",
        /// The edit is a description only; Photos never made a file of it.
        NoRender = "no-render",
        /// The database names a place outside the bundle.
        OutsideBundle = "outside-bundle",
        /// A link, a folder or a pipe stands in its place.
        NotAFile = "not-a-regular-file",
        /// The database's name for it cannot be a name.
        BadName = "bad-name",
        /// The kernel does not let the daemon look at it.
        Unreadable = "unreadable",
    }
}

/// Params of `resource.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ResourceListParams {
    /// The library's name.
    pub library: String,
    /// Which assets, 1 to 1000.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = crate::limits::MAX_UUIDS)))]
    #[serde(deserialize_with = "bounded::uuids")]
    pub uuids: Vec<Uuid>,
}

/// Result of `resource.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ResourceList {
    /// Those that are there, in the order that was asked for.
    pub assets: Vec<AssetResources>,
    /// Those that are not there, or not for this peer.
    pub unknown: Vec<Uuid>,
    /// Those that did not fit into the answer: ask again.
    pub rest: Vec<Uuid>,
}

/// The files of one asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AssetResources {
    /// The asset.
    pub uuid: Uuid,
    /// Every version that it has, on this disk or not, the original first.
    pub resources: Vec<Resource>,
}

/// One version of an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Resource {
    /// Which.
    pub version: Version,
    /// Is it on this disk?
    pub local: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Absence>,
    /// Relative to the bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Bytes; of one that is not here what the database says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The type of its content, as Apple names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uti: Option<String>,
}

/// Params of `resource.open`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ResourceOpenParams {
    /// The library's name.
    pub library: String,
    /// Which asset.
    pub uuid: Uuid,
    /// Which of its versions; of several previews it is the largest.
    pub version: Version,
}

impl ResourceOpenParams {
    /// One version of an asset.
    #[must_use]
    pub fn of(library: impl Into<String>, uuid: Uuid, version: Version) -> Self {
        Self { library: library.into(), uuid, version }
    }
}

/// Result of `resource.open`: what the descriptor is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ResourceOpened {
    /// The version that was asked for.
    pub version: Version,
    /// Its bytes.
    pub size: u64,
    /// What a person would call it: the original's name, with the extension of this version. A
    /// single component of a path.
    pub name: String,
    /// The type of its content, as Apple names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uti: Option<String>,
}

impl ResourceOpened {
    /// Of a file of this size.
    #[must_use]
    pub fn new(version: Version, size: u64, name: String, uti: Option<String>) -> Self {
        Self { version, size, name, uti }
    }
}

/// Params of `resource.read`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ResourceReadParams {
    /// The library's name.
    pub library: String,
    /// Which asset.
    pub uuid: Uuid,
    /// Which of its versions; of several previews it is the largest.
    pub version: Version,
    /// From which byte on; one at the end or beyond it gives no bytes.
    pub offset: u64,
    /// How many bytes at most, 1 to 2 MiB.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = crate::limits::MAX_READ_BYTES)))]
    #[serde(deserialize_with = "bounded::length")]
    pub length: u32,
}

/// Result of `resource.read`. The file is opened anew for each part: a `size` that is another tells
/// that it has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ResourcePart {
    /// The version that was asked for.
    pub version: Version,
    /// Bytes of the whole file.
    pub size: u64,
    /// What a person would call it: the original's name, with the extension of this version.
    pub name: String,
    /// The type of its content, as Apple names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uti: Option<String>,
    /// Where the part begins, as asked for.
    pub offset: u64,
    /// Its bytes, in base64.
    pub data: BytesText,
    /// Does nothing follow?
    pub end: bool,
}

impl ResourcePart {
    /// A part of a file.
    #[must_use]
    pub fn new(of: ResourceOpened, offset: u64, data: Vec<u8>, end: bool) -> Self {
        let ResourceOpened { version, size, name, uti } = of;
        Self { version, size, name, uti, offset, data: BytesText::new(data), end }
    }
}
