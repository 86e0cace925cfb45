//! What an export is: the checked spec, and the shape that a destination keeps.
//!
//! Pure. The wire's spec is raw; whoever pairs a request with its decision makes a [`Spec`] of it,
//! field by field, so that a new word of the wire is a compile error there. The [`Shape`] is the
//! part that the first export of a destination fixes (it stands in `.darkslide/id`): two exports of
//! another shape would claim each other's names. The hazard: a default that differs between two
//! runs renames every file.

use std::fmt;

use darkslide_library::Needs;
use darkslide_protocol::filter::{Filter, Include};
use serde::{Deserialize, Serialize};

use crate::name::template::{self, Levels, Template, TemplateError};

/// What stands between the stem of an original and the extension of its edit.
pub const EDITED_SUFFIX: &str = "_edited";

/// The template of a stem where nobody wrote another one.
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

/// How folders are made, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `year/month`, of the photo's own zone; `undated` where there is no date.
    Date,
    /// Folders and albums as in the library; what is in no album lies in `_/year/month`.
    Album,
    /// No folders.
    Flat,
}

impl Layout {
    fn as_str(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Album => "album",
            Self::Flat => "flat",
        }
    }
}

/// What `date` stands for.
const BY_DATE: &str = "{year}/{month}";

/// What the first export of a destination fixes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ShapeText", into = "ShapeText")]
pub struct Shape {
    text: ShapeText,
    levels: Levels,
    names: Template,
}

/// The same as it is written, and stands in `.darkslide/id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ShapeText {
    layout: String,
    names: String,
    edited_suffix: String,
    portable: bool,
}

impl Shape {
    /// A shape with names after the original's.
    #[must_use]
    pub fn new(layout: Layout, portable: bool) -> Self {
        Self::parse(layout.as_str(), ORIGINAL_NAME, EDITED_SUFFIX, portable)
            .expect("the presets are templates")
    }

    /// A shape by its texts: `date`, `album`, `flat` or a template of folders, a template of stems,
    /// and what stands between the stem of an original and the extension of its edit.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn parse(
        layout: &str,
        names: &str,
        edited_suffix: &str,
        portable: bool,
    ) -> Result<Self, TemplateError> {
        let layout = if layout == BY_DATE { Layout::Date.as_str() } else { layout };
        let levels = Levels::parse(layout)?;
        let template = template::parse_names(names, &levels)?;
        template::check_suffix(edited_suffix, portable)?;
        let text = ShapeText {
            layout: layout.to_owned(),
            names: names.to_owned(),
            edited_suffix: edited_suffix.to_owned(),
            portable,
        };
        Ok(Self { text, levels, names: template })
    }

    /// The folders.
    pub(crate) fn levels(&self) -> &Levels {
        &self.levels
    }

    /// The stem.
    pub(crate) fn names(&self) -> &Template {
        &self.names
    }

    /// Has an asset a place in each of its albums?
    #[must_use]
    pub fn places_by_album(&self) -> bool {
        self.levels.by_album()
    }

    /// What of an asset its names are made from.
    #[must_use]
    pub fn needs(&self) -> Needs {
        template::needs(&self.levels, &self.names)
    }

    /// What stands between the stem of an original and the extension of its edit.
    #[must_use]
    pub fn edited_suffix(&self) -> &str {
        &self.text.edited_suffix
    }

    /// Are names such that any file system takes them?
    #[must_use]
    pub fn portable(&self) -> bool {
        self.text.portable
    }
}

impl TryFrom<ShapeText> for Shape {
    type Error = TemplateError;

    fn try_from(text: ShapeText) -> Result<Self, TemplateError> {
        Self::parse(&text.layout, &text.names, &text.edited_suffix, text.portable)
    }
}

impl From<Shape> for ShapeText {
    fn from(shape: Shape) -> Self {
        shape.text
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ShapeText { layout, names, edited_suffix, portable } = &self.text;
        let kind = if *portable { "portable" } else { "POSIX" };
        write!(f, "layout `{layout}`, {kind} names `{names}` and edits `{edited_suffix}`")
    }
}

/// A file beside each photo that tells what the library knows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sidecar {
    /// XMP.
    Xmp,
    /// The asset's record.
    Json,
}

impl Sidecar {
    /// The word in keys and reports, and the extension.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Xmp => "xmp",
            Self::Json => "json",
        }
    }
}

/// What becomes of a file that somebody changed or removed in the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDestChange {
    /// It stays so.
    Keep,
    /// The library's file is put there again; a changed one goes to the trash.
    Restore,
}

/// How a file that an earlier run exported is looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recheck {
    /// The record is believed.
    None,
    /// By size and time; by content where only the time differs.
    Stat,
    /// By content.
    Hash,
}

/// Which contents are hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hashing {
    /// None.
    Never,
    /// What passes through memory; a clone does not.
    Copied,
    /// All of them.
    Always,
}

/// What is exported, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent choices of whoever exports")]
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
    /// Of a burst the key image alone.
    pub key_images_only: bool,
    /// The files that describe adjustments.
    pub aae: bool,
    /// The largest local derivative in place of what is only in iCloud.
    pub preview: bool,
    /// Folders and names.
    pub shape: Shape,
    /// Lets this shape rename what another one named.
    pub reshape: bool,
    /// Files beside each photo.
    pub sidecars: Vec<Sidecar>,
    /// What becomes of a file that somebody changed or removed.
    pub on_dest_change: OnDestChange,
    /// How a file that is there already is looked at again.
    pub recheck: Recheck,
    /// Which contents are hashed.
    pub hashing: Hashing,
    /// An asset in several albums is copied once, and cloned from there.
    pub clone_same_file: bool,
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
            key_images_only: false,
            aae: false,
            preview: false,
            shape: Shape::new(Layout::Date, true),
            reshape: false,
            sidecars: Vec::new(),
            on_dest_change: OnDestChange::Keep,
            recheck: Recheck::Stat,
            hashing: Hashing::Copied,
            clone_same_file: true,
            times: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_that_an_earlier_program_wrote_is_the_same_today() {
        for layout in [Layout::Date, Layout::Album, Layout::Flat] {
            let shape = Shape::new(layout, true);
            let text = format!(
                "{{\"layout\":\"{}\",\"names\":\"{{original_name}}\",\
                 \"edited_suffix\":\"_edited\",\"portable\":true}}",
                layout.as_str()
            );
            assert_eq!(serde_json::from_str::<Shape>(&text).unwrap(), shape);
            assert_eq!(serde_json::to_string(&shape).unwrap(), text);
        }
    }

    #[test]
    fn a_shape_that_is_no_template_is_refused_where_it_is_read() {
        let text = r#"{"layout":"../{year}","names":"x","edited_suffix":"","portable":true}"#;
        assert!(serde_json::from_str::<Shape>(text).is_err());
    }

    #[test]
    fn the_layout_by_date_is_its_template() {
        let parsed = Shape::parse(BY_DATE, ORIGINAL_NAME, EDITED_SUFFIX, false).unwrap();
        assert_eq!(parsed, Shape::new(Layout::Date, false));
        assert_ne!(parsed, Shape::new(Layout::Date, true));
        assert_eq!(
            parsed.to_string(),
            "layout `date`, POSIX names `{original_name}` and edits `_edited`"
        );
    }

    #[test]
    fn a_shape_tells_what_has_to_be_read() {
        let needs = |layout: &str, names: &str| {
            Shape::parse(layout, names, "", true).map(|shape| shape.needs())
        };
        let nothing = Needs::default();
        assert!(needs("date", "{title|{original_name}").is_err());
        assert_eq!(needs("date", "{title} {uuid} {kind}"), Ok(nothing));
        assert_eq!(needs("album", "x"), Ok(Needs { albums: true, ..nothing }));
        assert_eq!(needs("{camera}", "x"), Ok(Needs { camera: true, ..nothing }));
        assert_eq!(needs("{place.city}", "x"), Ok(Needs { place: true, ..nothing }));
        assert_eq!(needs("flat", "{description}"), Ok(Needs { description: true, ..nothing }));
    }
}
