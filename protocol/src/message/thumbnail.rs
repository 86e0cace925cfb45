//! `thumbnail.open`: an image of an asset to be shown in so many pixels.
//!
//! It is a file of the library as it is: nothing is decoded or made smaller. The descriptor travels
//! beside the frame, as that of `resource.open` does.

use serde::{Deserialize, Serialize};

use super::bounded;
use super::resource::{ResourceOpened, Version};
use crate::value::Uuid;

/// Params of `thumbnail.open`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ThumbnailOpenParams {
    /// The library's name.
    pub library: String,
    /// Which asset.
    pub uuid: Uuid,
    /// How many pixels its longer side should have at least, 1 to 65,535. Where none has so many it
    /// is the largest that is on this disk.
    #[cfg_attr(
        feature = "schema",
        schemars(range(min = 1, max = crate::limits::MAX_THUMBNAIL_PIXELS))
    )]
    #[serde(deserialize_with = "bounded::pixels")]
    pub min_pixels: u32,
}

impl ThumbnailOpenParams {
    /// An image of an asset for so many pixels.
    #[must_use]
    pub fn of(library: impl Into<String>, uuid: Uuid, min_pixels: u32) -> Self {
        Self { library: library.into(), uuid, min_pixels }
    }
}

/// Result of `thumbnail.open`: what the descriptor is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ThumbnailOpened {
    /// A preview, or the current version itself.
    pub version: Version,
    /// In pixels, as the file's header says.
    pub width: u32,
    /// In pixels, as the file's header says.
    pub height: u32,
    /// Its bytes.
    pub size: u64,
    /// What a person would call it: the original's name, with the extension of this file.
    pub name: String,
    /// The type of its content, as Apple names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uti: Option<String>,
}

impl ThumbnailOpened {
    /// An image of so many pixels.
    #[must_use]
    pub fn new(of: ResourceOpened, [width, height]: [u32; 2]) -> Self {
        let ResourceOpened { version, size, name, uti } = of;
        Self { version, width, height, size, name, uti }
    }
}
