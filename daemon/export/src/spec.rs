//! What an export is: the checked spec, and the shape that a destination keeps.
//!
//! Pure. The wire's spec is raw; whoever pairs a request with its decision makes a [`Spec`] of it,
//! field by field, so that a new word of the wire is a compile error there. The [`Shape`] is the
//! part that the first export of a destination fixes (it stands in `.darkslide/id`): two exports of
//! another shape would claim each other's names. The hazard: a default that differs between two
//! runs renames every file.

use std::fmt;

use darkslide_protocol::filter::{Filter, Include};
use serde::{Deserialize, Serialize};

/// What stands between the stem of an original and the extension of its edit.
pub const EDITED_SUFFIX: &str = "_edited";

/// The template of a stem; the only one so far.
const ORIGINAL_NAME: &str = "{original_name}";

/// Which of original and edit are exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versions {
    /// Originals alone.
    Original,
    /// Edits alone; an unedited asset has none.
    Edited,
    /// Each that is there.
    Both,
    /// The edit, or where there is none the original.
    PreferEdited,
}

/// How folders are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// `year/month`, of the photo's own zone; `undated` where there is no date.
    Date,
    /// Folders and albums as in the library; what is in no album lies in `_/year/month`.
    Album,
    /// No folders.
    Flat,
}

/// What the first export of a destination fixes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    layout: Layout,
    names: String,
    edited_suffix: String,
    portable: bool,
}

impl Shape {
    /// A shape with names after the original's.
    #[must_use]
    pub fn new(layout: Layout, portable: bool) -> Self {
        Self {
            layout,
            names: ORIGINAL_NAME.to_owned(),
            edited_suffix: EDITED_SUFFIX.to_owned(),
            portable,
        }
    }

    /// How folders are made.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// What stands between the stem of an original and the extension of its edit.
    #[must_use]
    pub fn edited_suffix(&self) -> &str {
        &self.edited_suffix
    }

    /// Are names such that any file system takes them?
    #[must_use]
    pub fn portable(&self) -> bool {
        self.portable
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layout = match self.layout {
            Layout::Date => "date",
            Layout::Album => "album",
            Layout::Flat => "flat",
        };
        let kind = if self.portable { "portable" } else { "POSIX" };
        write!(f, "layout `{layout}`, {kind} names `{}`", self.names)?;
        write!(f, " and edits `{}`", self.edited_suffix)
    }
}

/// What is exported, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Which assets.
    pub filter: Filter,
    /// What is otherwise left out.
    pub include: Vec<Include>,
    /// Which of original and edit.
    pub versions: Versions,
    /// The video of a live photo.
    pub live: bool,
    /// The RAW file of a pair.
    pub raw: bool,
    /// Folders and names.
    pub shape: Shape,
    /// File times from the date taken.
    pub times: bool,
}

impl Spec {
    /// Everything that is not hidden, trashed or an unselected burst image, with the defaults.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            filter: Filter::everything(),
            include: Vec::new(),
            versions: Versions::Both,
            live: true,
            raw: true,
            shape: Shape::new(Layout::Date, true),
            times: true,
        }
    }
}
