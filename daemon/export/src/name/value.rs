//! What the fields of a template say of an asset, and the text that comes of it.
//!
//! Pure. A value that is not there is the field's default, or an underscore. A date that is not
//! there, with all that stands between its fields, is `undated`, and a name of nothing but a date
//! is that as a whole. Beside the text goes what makes it another one than any that looks alike:
//! the raw values, and of an album not its title but the album itself. The hazard: two titles that
//! are one name once they are cleaned.

use std::borrow::Cow;

use darkslide_library::{AlbumPlace, CatalogEntry, Membership};
use darkslide_protocol::value::Uuid;

use super::extension;
use super::template::{Field, Part, Template};

/// What stands for a value that is not there.
const ABSENT: &str = "_";
/// What stands for a date that is not there.
pub(super) const UNDATED: &str = "undated";

/// When it was taken, in its own zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) year: u16,
    pub(crate) month: u8,
    pub(crate) day: u8,
    pub(crate) hour: u8,
    pub(crate) minute: u8,
    pub(crate) second: u8,
}

/// What of an asset decides its names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NamedAsset<'a> {
    /// Which.
    pub(crate) uuid: &'a Uuid,
    /// Its name when it was imported.
    pub(crate) original_filename: &'a str,
    /// None is undated.
    pub(crate) taken: Option<Taken>,
    /// A video, not a photo.
    pub(crate) movie: bool,
    pub(crate) title: Option<&'a str>,
    pub(crate) description: Option<&'a str>,
    pub(crate) camera: Option<&'a str>,
    pub(crate) country: Option<&'a str>,
    pub(crate) state: Option<&'a str>,
    pub(crate) city: Option<&'a str>,
    /// The albums that it is in.
    pub(crate) albums: &'a [Membership],
}

impl<'a> NamedAsset<'a> {
    /// An asset of which nothing but the name is known.
    #[cfg(test)]
    pub(crate) fn new(uuid: &'a Uuid, original_filename: &'a str) -> Self {
        Self {
            uuid,
            original_filename,
            taken: None,
            movie: false,
            title: None,
            description: None,
            camera: None,
            country: None,
            state: None,
            city: None,
            albums: &[],
        }
    }

    /// The same of the library's own row.
    pub(crate) fn of(entry: &'a CatalogEntry) -> Self {
        let taken = |date: darkslide_library::Date| Taken {
            year: date.year(),
            month: date.month(),
            day: date.day(),
            hour: date.hour(),
            minute: date.minute(),
            second: date.second(),
        };
        Self {
            uuid: &entry.uuid,
            original_filename: &entry.original_filename,
            taken: entry.date.map(taken),
            movie: entry.movie,
            title: entry.title.as_deref(),
            description: entry.description.as_deref(),
            camera: entry.camera.as_deref(),
            country: entry.country.as_deref(),
            state: entry.state.as_deref(),
            city: entry.city.as_deref(),
            albums: &entry.albums,
        }
    }
}

/// A name before it is cleaned.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rendered {
    /// It is a date, and the asset has none.
    Undated,
    Text {
        text: String,
        /// What it was made of, one after the other, each with its length; empty for plain text.
        raw: Vec<u8>,
    },
}

/// Puts the values of an asset, in one of its albums, into a template.
pub(crate) fn render(
    template: &Template,
    asset: &NamedAsset<'_>,
    album: Option<&AlbumPlace>,
) -> Rendered {
    let (mut text, mut raw) = (String::new(), Vec::new());
    // Where a date that is not there ends, as long as no other value has followed.
    let mut undated: Option<usize> = None;
    for part in template.parts() {
        let (field, default) = match part {
            Part::Text(plain) => {
                text.push_str(plain);
                continue;
            }
            Part::Value { field, default } => (*field, default.as_deref()),
        };
        let value = value(field, asset, album).filter(|value| !value.trim().is_empty());
        if value.is_none() && default.is_none() && is_of_date(field) {
            match undated {
                Some(end) => text.truncate(end),
                None => {
                    text.push_str(UNDATED);
                    note(&mut raw, UNDATED);
                }
            }
            undated = Some(text.len());
            continue;
        }
        undated = None;
        let value = value.as_deref().or(default).unwrap_or(ABSENT);
        text.push_str(value);
        match (field, album) {
            (Field::Album, Some(album)) => note(&mut raw, album.uuid.as_str()),
            (Field::Folder, Some(album)) if !album.path.is_empty() => {
                album.path.iter().for_each(|title| note(&mut raw, title));
            }
            _ => note(&mut raw, value),
        }
    }
    if undated.is_some() && template.fields().all(is_of_date) {
        return Rendered::Undated;
    }
    Rendered::Text { text, raw }
}

fn note(raw: &mut Vec<u8>, value: &str) {
    raw.extend_from_slice(&value.len().to_le_bytes());
    raw.extend_from_slice(value.as_bytes());
}

fn is_of_date(field: Field) -> bool {
    match field {
        Field::Year | Field::Month | Field::Day | Field::Hour | Field::Minute | Field::Second => {
            true
        }
        Field::OriginalName
        | Field::Title
        | Field::Description
        | Field::Uuid
        | Field::Album
        | Field::Folder
        | Field::Kind
        | Field::Camera
        | Field::Country
        | Field::State
        | Field::City => false,
    }
}

fn value<'a>(
    field: Field,
    asset: &NamedAsset<'a>,
    album: Option<&'a AlbumPlace>,
) -> Option<Cow<'a, str>> {
    let two = |number: fn(Taken) -> u8| {
        asset.taken.map(|taken| Cow::Owned(format!("{:02}", number(taken))))
    };
    match field {
        Field::Year => asset.taken.map(|taken| Cow::Owned(format!("{:04}", taken.year))),
        Field::Month => two(|taken| taken.month),
        Field::Day => two(|taken| taken.day),
        Field::Hour => two(|taken| taken.hour),
        Field::Minute => two(|taken| taken.minute),
        Field::Second => two(|taken| taken.second),
        Field::OriginalName => Some(extension::split(asset.original_filename).0.into()),
        Field::Title => asset.title.map(Cow::Borrowed),
        Field::Description => asset.description.map(Cow::Borrowed),
        Field::Uuid => Some(asset.uuid.as_str().into()),
        Field::Album => album.map(|album| (*album.title).into()),
        Field::Folder => album.map(|album| album.path.join("/").into()),
        Field::Kind => Some(if asset.movie { "movie" } else { "photo" }.into()),
        Field::Camera => asset.camera.map(Cow::Borrowed),
        Field::Country => asset.country.map(Cow::Borrowed),
        Field::State => asset.state.map(Cow::Borrowed),
        Field::City => asset.city.map(Cow::Borrowed),
    }
}
