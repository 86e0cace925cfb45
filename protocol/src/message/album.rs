//! `album.list`: what gathers assets.
//!
//! Albums, folders, shared albums, and, where asked for, smart albums, projects and import
//! sessions. Titles come from strangers and are as the library has them: whoever shows them makes
//! them harmless.

use serde::{Deserialize, Serialize};

use crate::filter::{Include, words};

words! {
    /// What gathers assets.
    AlbumKind {
        /// An album of the user.
        Album = "album",
        /// A folder of albums.
        Folder = "folder",
        /// A smart album: named, not evaluated.
        Smart = "smart",
        /// A shared album.
        Shared = "shared",
        /// A book, card, calendar or slideshow.
        Project = "project",
        /// What was imported at one time.
        Import = "import",
    }
}

words! {
    /// How an album shows its members.
    AlbumOrder {
        /// As somebody arranged them.
        Manual = "manual",
        /// The oldest first.
        Oldest = "oldest",
        /// The newest first.
        Newest = "newest",
        /// By title.
        Title = "title",
    }
}

/// Params of `album.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AlbumListParams {
    /// The library's name.
    pub library: String,
    /// Only these; without, albums, folders and shared albums.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<AlbumKind>>,
    /// What the counts otherwise leave out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<Include>,
}

impl AlbumListParams {
    /// Albums, folders and shared albums, with counts of what is not left out.
    #[must_use]
    pub fn of(library: impl Into<String>) -> Self {
        Self { library: library.into(), kinds: None, include: Vec::new() }
    }
}

/// Result of `album.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AlbumList {
    /// In the order of their paths.
    pub albums: Vec<Album>,
    /// How many more there are, which did not fit into the answer: ask for fewer `kinds`.
    pub left_out: usize,
    /// Did nobody change the library meanwhile? Large libraries are counted in slices.
    pub consistent: bool,
}

/// One of what gathers assets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Album {
    /// Its UUID.
    pub uuid: String,
    /// What it is.
    pub kind: AlbumKind,
    /// Its title; empty if it has none.
    pub title: String,
    /// Titles of the folders that it is in, outermost first.
    pub folders: Vec<String>,
    /// False for smart albums: they are named, and what they would hold is not looked for.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub evaluated: bool,
    /// How its members are shown, as `sort` `album` of a query has them; none for folders, smart
    /// albums and import sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort_order: Option<AlbumOrder>,
    /// The UUID of the asset that stands for it: the one that was chosen, else its first; always
    /// one that a query for it finds with the same `include`, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_photo: Option<String>,
    /// How many assets a query for it finds with the same `include`; none for folders and smart
    /// albums.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// When it was made, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The earliest date taken in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// The latest date taken in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// What is wrong with its row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_true(value: &bool) -> bool {
    *value
}
