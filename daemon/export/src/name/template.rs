//! Templates of folders and stems: `{year}/{place.city|somewhere}`, a closed list of fields.
//!
//! Pure. Text is parsed once, with named limits; what cannot be parsed is an error that says what
//! to do, and nothing is looked at before. No code, no shell, nothing with several values. Presets
//! are templates too, so that there is one way to make a folder. What a field says of an asset
//! stands in `value.rs`. The hazards: `..`, ten thousand fields, and an album's photos in a folder
//! that two albums share.

use super::component::{clean, fold};
use super::file::WORDS;
use darkslide_library::Needs;
use unicode_normalization::UnicodeNormalization;

/// The longest template; one that fills a line of a terminal has a hundred.
pub(crate) const MAX_TEMPLATE_BYTES: usize = 1_024;
/// Fields of one template: each there is, twice.
pub(crate) const MAX_FIELDS: usize = 34;
/// Folders of a layout: any more, with those of albums, would not fit a path.
pub(crate) const MAX_FOLDERS: usize = 8;
/// The longest suffix of edits: what is left of a portable name is still one.
pub(crate) const MAX_SUFFIX_BYTES: usize = 32;

/// Which text has the fault.
pub(crate) const LAYOUT: &str = "layout";
pub(crate) const NAMES: &str = "names";
pub(crate) const SUFFIX: &str = "edited_suffix";

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Nothing.
    #[error("`{of}` is empty")]
    Empty {
        /// Which text.
        of: &'static str,
    },
    /// More bytes than it may have.
    #[error("`{of}` has {bytes} bytes, {limit} are allowed")]
    TooLong {
        /// Which text.
        of: &'static str,
        /// Its length.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// More fields than it may have.
    #[error("`{of}` has more than {limit} fields")]
    TooManyFields {
        /// Which text.
        of: &'static str,
        /// What is allowed.
        limit: usize,
    },
    /// More folders in one another than a layout may have.
    #[error("`layout` has more than {limit} folders")]
    TooManyFolders {
        /// What is allowed.
        limit: usize,
    },
    /// No field has that name.
    #[error("field {at} of `{of}` is not known")]
    UnknownField {
        /// Which text.
        of: &'static str,
        /// Which of its fields, counted from 1.
        at: usize,
    },
    /// A brace without the other one.
    #[error("`{of}` has a brace without the other one")]
    Brace {
        /// Which text.
        of: &'static str,
    },
    /// A slash where no folder can begin.
    #[error("`{of}` has a slash where no folder can begin")]
    Slash {
        /// Which text.
        of: &'static str,
    },
    /// A folder is called `.` or `..`.
    #[error("`layout` has a folder `{name}`")]
    Dots {
        /// Its name.
        name: &'static str,
    },
    /// Two slashes in a row, or one at an end.
    #[error("`layout` has a folder without a name")]
    EmptyFolder,
    /// A control character.
    #[error("`{of}` has a control character")]
    Control {
        /// Which text.
        of: &'static str,
    },
    /// Folders of albums without the albums.
    #[error("`layout` has `{{folder}}` and no `{{album}}`")]
    FolderWithoutAlbum,
    /// An asset can be in several albums; without a folder for each, its name has none.
    #[error("`names` has an album, and `layout` none")]
    AlbumInNames,
    /// A suffix that begins like a part of a word.
    #[error("`edited_suffix` does not begin with a sign")]
    SuffixStart,
    /// A suffix that no name could end with.
    #[error("`edited_suffix` has something that names cannot have")]
    SuffixText,
    /// A suffix that could be taken for one of ours.
    #[error("`edited_suffix` could be taken for another mark in a name")]
    SuffixTaken,
}

impl TemplateError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Empty { of } if *of == LAYOUT => "write `flat` for no folders",
            Self::Empty { .. } => "write `{original_name}`, or leave it out",
            Self::TooLong { .. } => "use a shorter text",
            Self::TooManyFields { .. } => "use fewer fields",
            Self::TooManyFolders { .. } => "use fewer folders in one another",
            Self::UnknownField { .. } => {
                "use year, month, day, hour, minute, second, original_name, title, description, \
                 uuid, album, folder, kind, camera, place.country, place.state, place.city"
            }
            Self::Brace { .. } => "write `{title}` or `{title|untitled}`, and `{{` for a brace",
            Self::Slash { .. } => "write slashes between the folders of `layout` alone",
            Self::Dots { .. } => "write the folders without `.` and `..`",
            Self::EmptyFolder => "write single slashes, and none at the ends",
            Self::Control { .. } => "remove control characters",
            Self::FolderWithoutAlbum => "add `{album}` to the layout: `{folder}/{album}`",
            Self::AlbumInNames => "add `{album}` to the layout, or take it from the names",
            Self::SuffixStart => "begin it with `_`, `-` or the like",
            Self::SuffixText => "use letters, digits, `_` and `-`",
            Self::SuffixTaken => "choose another one, such as `_edited`",
        }
    }
}

/// What a template can say of an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    OriginalName,
    Title,
    Description,
    Uuid,
    Album,
    Folder,
    Kind,
    Camera,
    Country,
    State,
    City,
}

const FIELDS: [(&str, Field); 17] = [
    ("year", Field::Year),
    ("month", Field::Month),
    ("day", Field::Day),
    ("hour", Field::Hour),
    ("minute", Field::Minute),
    ("second", Field::Second),
    ("original_name", Field::OriginalName),
    ("title", Field::Title),
    ("description", Field::Description),
    ("uuid", Field::Uuid),
    ("album", Field::Album),
    ("folder", Field::Folder),
    ("kind", Field::Kind),
    ("camera", Field::Camera),
    ("place.country", Field::Country),
    ("place.state", Field::State),
    ("place.city", Field::City),
];

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Text(String),
    Value { field: Field, default: Option<String> },
}

/// The template of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

impl Template {
    pub(crate) fn parts(&self) -> &[Part] {
        &self.0
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = Field> {
        self.0.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Value { field, .. } => Some(*field),
        })
    }

    fn has(&self, wanted: Field) -> bool {
        self.fields().any(|field| field == wanted)
    }

    /// Is it `{folder}` and nothing else, which is as many folders as an album lies in?
    pub(crate) fn is_folders(&self) -> bool {
        matches!(self.0.as_slice(), [Part::Value { field: Field::Folder, .. }])
    }

    /// Has its first field a default?
    pub(crate) fn has_default(&self) -> bool {
        matches!(self.0.as_slice(), [Part::Value { default: Some(_), .. }, ..])
    }

    /// Is an album the one thing that it says of an asset?
    pub(crate) fn is_album(&self) -> bool {
        self.fields().eq([Field::Album])
    }
}

/// The folders of a shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Levels {
    levels: Vec<Template>,
    /// Those of what is in no album, where they are others.
    without_album: Option<Vec<Template>>,
}

impl Levels {
    /// Parses a layout: one of three words, or a template.
    pub(crate) fn parse(layout: &str) -> Result<Self, TemplateError> {
        let (levels, without_album) = match layout {
            "date" => (scan(LAYOUT, "{year}/{month}")?, None),
            "flat" => (Vec::new(), None),
            "album" => (scan(LAYOUT, "{folder}/{album}")?, Some(scan(LAYOUT, "_/{year}/{month}")?)),
            _ => (scan(LAYOUT, layout)?, None),
        };
        let levels = Self { levels, without_album };
        if levels.has(Field::Folder) && !levels.by_album() {
            return Err(TemplateError::FolderWithoutAlbum);
        }
        Ok(levels)
    }

    /// Does an asset have a place in each of its albums?
    pub(crate) fn by_album(&self) -> bool {
        self.has(Field::Album)
    }

    fn has(&self, field: Field) -> bool {
        self.levels.iter().any(|level| level.has(field))
    }

    /// Those of an asset in an album, or of one in none.
    pub(crate) fn of(&self, in_album: bool) -> &[Template] {
        self.without_album.as_ref().filter(|_| !in_album).unwrap_or(&self.levels)
    }

    /// Has what is in no album a folder of its own at the top, whoever is in it?
    pub(crate) fn keeps_no_album(&self) -> bool {
        self.without_album.is_some()
    }
}

/// Parses the template of a stem.
pub(crate) fn parse_names(text: &str, levels: &Levels) -> Result<Template, TemplateError> {
    let names = scan(NAMES, text)?.into_iter().next().ok_or(TemplateError::Empty { of: NAMES })?;
    if (names.has(Field::Album) || names.has(Field::Folder)) && !levels.by_album() {
        return Err(TemplateError::AlbumInNames);
    }
    Ok(names)
}

/// What of an asset has to be read for these.
pub(crate) fn needs(levels: &Levels, names: &Template) -> Needs {
    let all = levels.levels.iter().chain(levels.without_album.iter().flatten()).chain([names]);
    let mut needs = Needs::default();
    for field in all.flat_map(Template::fields) {
        match field {
            Field::Album | Field::Folder => needs.albums = true,
            Field::Description => needs.description = true,
            Field::Camera => needs.camera = true,
            Field::Country | Field::State | Field::City => needs.place = true,
            Field::Year | Field::Month | Field::Day | Field::Hour | Field::Minute => {}
            Field::Second | Field::OriginalName | Field::Title | Field::Uuid | Field::Kind => {}
        }
    }
    needs
}

/// Checks what stands between the stem of an original and the extension of its edit.
pub(crate) fn check_suffix(suffix: &str, portable: bool) -> Result<(), TemplateError> {
    if suffix.len() > MAX_SUFFIX_BYTES {
        let (of, bytes, limit) = (SUFFIX, suffix.len(), MAX_SUFFIX_BYTES);
        return Err(TemplateError::TooLong { of, bytes, limit });
    }
    let Some(first) = suffix.chars().next() else {
        return Ok(());
    };
    if suffix.contains('/') {
        return Err(TemplateError::Slash { of: SUFFIX });
    }
    if suffix.contains(char::is_control) {
        return Err(TemplateError::Control { of: SUFFIX });
    }
    if suffix.contains(['{', '}']) {
        return Err(TemplateError::Brace { of: SUFFIX });
    }
    // A letter could make `CON` of `CO`, a mark another letter of the last one of a stem.
    if !first.is_ascii() || first.is_ascii_alphanumeric() || first == '$' {
        return Err(TemplateError::SuffixStart);
    }
    let name = format!("a{suffix}");
    if clean(&name, portable, name.len() + 1) != name {
        return Err(TemplateError::SuffixText);
    }
    // From the end on, a name has to say which marks it was given, in one way alone.
    let folded = fold(suffix);
    let is_tail = |word: &&str| folded.ends_with(*word) || word.ends_with(folded.as_str());
    if WORDS.iter().any(is_tail) || has_digits(&folded) {
        return Err(TemplateError::SuffixTaken);
    }
    Ok(())
}

/// Is something in it like the digits that tell names apart, or the end of such?
fn has_digits(suffix: &str) -> bool {
    suffix.match_indices(')').any(|(at, _)| {
        let before = suffix.get(..at).unwrap_or_default();
        let before = before.trim_end_matches(|c: char| c.is_ascii_hexdigit());
        before.is_empty() || before.ends_with('(')
    })
}

/// Cuts a template into names and these into parts. Every step takes something of the text, so
/// that it ends.
fn scan(of: &'static str, text: &str) -> Result<Vec<Template>, TemplateError> {
    if text.is_empty() {
        return Err(TemplateError::Empty { of });
    }
    let mut scanned = Scanned { of, names: Vec::new(), parts: Vec::new(), fields: 0 };
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("{{").or_else(|| rest.strip_prefix("}}")) {
            scanned.push(c);
            rest = after;
        } else if let Some(after) = rest.strip_prefix('{') {
            let (inside, after) = after.split_once('}').ok_or(TemplateError::Brace { of })?;
            scanned.field(inside)?;
            rest = after;
        } else {
            match c {
                '}' => return Err(TemplateError::Brace { of }),
                '/' if of != LAYOUT => return Err(TemplateError::Slash { of }),
                '/' => scanned.end_name()?,
                _ if c.is_control() => return Err(TemplateError::Control { of }),
                _ => scanned.push(c),
            }
            rest = rest.strip_prefix(c).unwrap_or_default();
        }
    }
    scanned.end_name()?;
    if text.len() > MAX_TEMPLATE_BYTES {
        let (bytes, limit) = (text.len(), MAX_TEMPLATE_BYTES);
        return Err(TemplateError::TooLong { of, bytes, limit });
    }
    Ok(scanned.names)
}

struct Scanned {
    of: &'static str,
    names: Vec<Template>,
    parts: Vec<Part>,
    fields: usize,
}

impl Scanned {
    fn push(&mut self, c: char) {
        match self.parts.last_mut() {
            Some(Part::Text(text)) => text.push(c),
            Some(Part::Value { .. }) | None => self.parts.push(Part::Text(c.to_string())),
        }
    }

    fn field(&mut self, inside: &str) -> Result<(), TemplateError> {
        let of = self.of;
        self.fields += 1;
        if self.fields > MAX_FIELDS {
            return Err(TemplateError::TooManyFields { of, limit: MAX_FIELDS });
        }
        if inside.contains('{') {
            return Err(TemplateError::Brace { of });
        }
        let (name, default) = match inside.split_once('|') {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        let known = FIELDS.iter().find(|(known, _)| *known == name);
        let (_, field) = known.ok_or(TemplateError::UnknownField { of, at: self.fields })?;
        if default.is_some_and(|it| it.contains('/')) {
            return Err(TemplateError::Slash { of });
        }
        if default.is_some_and(|it| it.contains(char::is_control)) {
            return Err(TemplateError::Control { of });
        }
        let default = default.map(|it| it.nfc().collect());
        self.parts.push(Part::Value { field: *field, default });
        Ok(())
    }

    fn end_name(&mut self) -> Result<(), TemplateError> {
        if self.names.len() == MAX_FOLDERS {
            return Err(TemplateError::TooManyFolders { limit: MAX_FOLDERS });
        }
        let parts = std::mem::take(&mut self.parts);
        match parts.as_slice() {
            [] => return Err(TemplateError::EmptyFolder),
            [Part::Text(text)] if text == "." => return Err(TemplateError::Dots { name: "." }),
            [Part::Text(text)] if text == ".." => return Err(TemplateError::Dots { name: ".." }),
            _ => self.names.push(Template(parts)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
