//! `asset.query`, `asset.count`, `asset.get`, and the asset as the wire has it.
//!
//! Field names and meanings are those of the JSON that osxphotos prints, which many tools read; an
//! asset has every field of the list, null where the library says nothing.

use serde::{Deserialize, Serialize};

use super::bounded;
use crate::filter::{Filter, Include, Sort};
use crate::value::Uuid;

/// Params of `asset.query`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssetQueryParams {
    /// The library's name.
    pub library: String,
    /// Which; without, all.
    #[serde(default)]
    pub filter: Filter,
    /// What is otherwise left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<Include>,
    /// By what they are ordered; ties by UUID.
    #[serde(default = "by_taken")]
    pub sort: Sort,
    /// The other way round.
    #[serde(default)]
    pub descending: bool,
    /// Assets on this page, 1 to 1000.
    #[serde(default = "bounded::default_page", deserialize_with = "bounded::page")]
    pub limit: usize,
    /// `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl AssetQueryParams {
    /// Asks for the first page of everything.
    #[must_use]
    pub fn of(library: impl Into<String>) -> Self {
        Self {
            library: library.into(),
            filter: Filter::everything(),
            include: Vec::new(),
            sort: by_taken(),
            descending: false,
            limit: bounded::default_page(),
            cursor: None,
        }
    }
}

fn by_taken() -> Sort {
    Sort::Taken
}

/// Result of `asset.query`: a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssetPage {
    /// In the order that was asked for.
    pub assets: Vec<Asset>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Params of `asset.count`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssetCountParams {
    /// The library's name.
    pub library: String,
    /// Which; without, all.
    #[serde(default)]
    pub filter: Filter,
    /// What is otherwise left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<Include>,
}

/// Result of `asset.count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetCount {
    /// How many fit.
    pub count: u64,
    /// Did nobody change the library meanwhile? Large libraries are counted in slices.
    pub consistent: bool,
}

/// Params of `asset.get`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssetGetParams {
    /// The library's name.
    pub library: String,
    /// Which, 1 to 1000.
    #[serde(deserialize_with = "bounded::uuids")]
    pub uuids: Vec<Uuid>,
}

/// Result of `asset.get`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssetsByUuid {
    /// Those that are there, in the order that was asked for.
    pub assets: Vec<Asset>,
    /// Those that are not there, or not for this peer.
    pub unknown: Vec<Uuid>,
    /// Those that did not fit into the answer: ask again.
    pub rest: Vec<Uuid>,
}

macro_rules! asset {
    ($($(#[$doc:meta])* $field:ident: $type:ty,)*) => {
        /// One photo or video.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub struct Asset {
            $($(#[$doc])* pub $field: $type,)*
            /// What of its rows is nonsense, if anything is.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub problem: Option<String>,
        }

        impl Asset {
            /// The names of its fields, in order; `problem` apart.
            pub const FIELDS: &[&str] = &[$(stringify!($field)),*];
        }
    };
}

asset! {
    /// Its identity.
    uuid: String,
    /// The name of the original in the library.
    filename: String,
    /// The name that the original had when it was imported.
    original_filename: String,
    /// Its title.
    title: Option<String>,
    /// Its description.
    description: Option<String>,
    /// When it was taken, RFC 3339 with the photo's own offset; null for a date that is none.
    date: Option<String>,
    /// When it was added, in UTC.
    date_added: Option<String>,
    /// When it was last adjusted, in UTC.
    date_modified: Option<String>,
    /// When it was put into the trash, in UTC.
    date_trashed: Option<String>,
    /// The offset of its zone in seconds.
    tzoffset: Option<i64>,
    /// The name of its zone.
    tzname: Option<String>,
    /// Is it a video?
    ismovie: bool,
    /// Is it a still?
    isphoto: bool,
    /// A still with a short video?
    live_photo: bool,
    /// A panorama?
    panorama: bool,
    /// With depth?
    portrait: bool,
    /// By the front camera?
    selfie: bool,
    /// A picture of the screen?
    screenshot: bool,
    /// A video of the screen?
    screen_recording: bool,
    /// A slow-motion video?
    slow_mo: bool,
    /// A time-lapse video?
    time_lapse: bool,
    /// High dynamic range?
    hdr: bool,
    /// 1 native, 2 converted, 0 not.
    spatial: i64,
    /// One of a burst?
    burst: bool,
    /// The key image of its burst?
    burst_key: bool,
    /// Selected by the user?
    burst_selected: bool,
    /// A RAW file beside a JPEG or HEIC?
    has_raw: bool,
    /// Of such a pair, is the RAW file the original?
    raw_original: bool,
    /// A RAW file alone?
    israw: bool,
    /// Marked as favourite?
    favorite: bool,
    /// In the hidden album?
    hidden: bool,
    /// Shown in the library?
    visible: bool,
    /// In the trash?
    intrash: bool,
    /// Has adjustments?
    hasadjustments: bool,
    /// Pixels of the current version.
    height: Option<u64>,
    /// Pixels of the current version.
    width: Option<u64>,
    /// Pixels of the original.
    original_height: Option<u64>,
    /// Pixels of the original.
    original_width: Option<u64>,
    /// EXIF orientation of the original, 1 to 8.
    original_orientation: Option<i64>,
    /// Bytes of the original, as the database has it.
    original_filesize: Option<u64>,
    /// Titles of its albums.
    albums: Vec<String>,
    /// Its keywords.
    keywords: Vec<String>,
    /// The original, relative to the bundle; null when it is not there.
    path: Option<String>,
    /// Does the database say that the original is not on this disk?
    ismissing: bool,
    /// Does the original lie outside the bundle?
    isreference: bool,
    /// In a shared album?
    shared: bool,
}
