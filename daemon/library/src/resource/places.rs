//! Where each version of an asset would be, likeliest place first. Pure.
//!
//! Paths are built from checked parts: a UUID, a name without a slash, folders without `..`. What
//! lies outside the bundle (a referenced original and what goes with it) is told apart by its type,
//! for it takes another right to look there. The hazards: a row that names `../..`, and a folder of
//! 60,000 files that nobody must list to find one.

use std::borrow::Cow;

use darkslide_policy::{AbsPath, Component, PathError, RelPath};
use darkslide_protocol::value::Uuid;

use super::reason::Absence;
use super::{FilePath, Version};
use crate::query::rows::{Attributes, Main};
use crate::schema::asset;
use crate::schema::resource::{self, place, uti as types, volume};
use crate::uti;

/// What the places of an asset's files follow from.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "a row of flags")]
pub(crate) struct FileFacts {
    pub(crate) uuid: Uuid,
    pub(crate) kind: Option<i64>,
    pub(crate) subtype: Option<i64>,
    pub(crate) adjusted: bool,
    pub(crate) directory: Option<String>,
    pub(crate) filename: Option<String>,
    pub(crate) original_filename: Option<String>,
    /// Of the current version.
    pub(crate) uti: Option<String>,
    pub(crate) shared: bool,
    pub(crate) moment_shared: bool,
    /// Sent by somebody and not saved.
    pub(crate) unsaved: bool,
    /// Of the library, none where it tells none.
    pub(crate) model: Option<i64>,
    pub(crate) resources: Vec<Row>,
    /// Does another asset's row say that a file of this content is on this disk?
    pub(crate) twin_is_here: bool,
}

/// A row of resources.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    pub(crate) store: Option<i64>,
    pub(crate) subtype: Option<i64>,
    pub(crate) version: Option<i64>,
    pub(crate) recipe: Option<i64>,
    pub(crate) local: Option<i64>,
    pub(crate) remote: Option<i64>,
    pub(crate) bytes: Option<u64>,
    /// Up to model 14208: is the type known? Later always.
    pub(crate) typed: bool,
    pub(crate) uti: Option<Cow<'static, str>>,
    /// Where it is if it lies outside the bundle: the name of the volume, and the path below it.
    /// In Photos 2 to 4 also where an original lies, below no volume if it is in the bundle.
    pub(crate) outside: Option<(String, String)>,
    /// The row's number, from which Photos 2 to 4 name files.
    pub(crate) key: Option<i64>,
}

impl Row {
    fn is_shared(&self) -> bool {
        self.store == Some(resource::STORE_SHARED)
    }

    fn is_render(&self, recipe: i64) -> bool {
        self.recipe == Some(recipe) && self.version == Some(resource::VERSION_CURRENT_EDIT)
    }

    /// The end of a preview's name, without its extension; none for what is no preview.
    fn preview_mark(&self) -> Option<String> {
        let mark = resource::recipe_mark(self.recipe?, self.version?).filter(|_| !self.is_shared());
        let renders = [place::EDITED_STILL, place::EDITED_MOVIE, place::EDITED_LIVE];
        mark.filter(|mark| !renders.contains(&mark.as_str()))
    }

    /// The extension of a file of this row.
    fn extension(&self) -> &'static str {
        let is_still = self.recipe.is_none_or(|recipe| recipe >> 16 == resource::RECIPE_STILL);
        let usual = if is_still { "jpeg" } else { "mov" };
        self.uti.as_deref().and_then(uti::extension_of).unwrap_or(usual)
    }
}

impl FileFacts {
    /// Of an asset of which nothing but the name is known.
    pub(crate) fn named(uuid: Uuid) -> Self {
        Self {
            uuid,
            kind: None,
            subtype: None,
            adjusted: false,
            directory: None,
            filename: None,
            original_filename: None,
            uti: None,
            shared: false,
            moment_shared: false,
            unsaved: false,
            model: None,
            resources: Vec::new(),
            twin_is_here: false,
        }
    }

    pub(crate) fn new(
        main: &Main,
        attributes: Option<&Attributes>,
        resources: Vec<Row>,
        model: Option<i64>,
    ) -> Self {
        Self {
            uuid: main.uuid.clone(),
            kind: main.kind,
            subtype: main.subtype,
            adjusted: main.adjusted,
            directory: main.directory.clone(),
            filename: main.filename.clone(),
            original_filename: attributes.and_then(|it| it.original_filename.clone()),
            uti: main.uti.clone(),
            shared: main.shared,
            moment_shared: main.moment_shared,
            unsaved: attributes.is_some_and(|it| it.unsaved),
            model,
            resources,
            twin_is_here: false,
        }
    }

    pub(crate) fn has_raw(&self) -> bool {
        self.rows_of(Version::Raw).next().is_some()
    }

    /// Is the original itself a RAW file? Its extension tells; the column has the type of the
    /// current version.
    pub(crate) fn is_raw(&self) -> bool {
        let name = self.filename.as_deref().unwrap_or_default();
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        types::RAW_EXTENSIONS.iter().any(|raw| raw.eq_ignore_ascii_case(extension))
    }

    /// The database's word: what it says of the original itself, of the file of a shared album, or
    /// of another asset's file with the same content.
    pub(crate) fn is_missing(&self) -> bool {
        let own = self.rows_of(Version::Original).last();
        own.is_some_and(|row| row.local != Some(resource::AVAILABLE)) && !self.twin_is_here
    }

    /// The type of the original.
    pub(crate) fn uti_original(&self) -> Option<&str> {
        if self.shared {
            return self.uti.as_deref();
        }
        if self.has_typed_rows() {
            return self.rows_of(Version::Original).last().and_then(|row| row.uti.as_deref());
        }
        let named = self.original_filename.as_deref().filter(|name| !name.is_empty());
        let named = named.or(self.filename.as_deref()).and_then(uti::of_name);
        named.or(self.uti.as_deref())
    }

    /// The type of the RAW file beside the original; later models tell it of a file that is there.
    pub(crate) fn uti_raw(&self, path: Option<&str>) -> Option<&str> {
        if self.has_typed_rows() {
            return self.rows_of(Version::Raw).last().and_then(|row| row.uti.as_deref());
        }
        path.and_then(uti::of_name)
    }

    /// The type of a version, by the name of its file or, where there is none, by its row.
    pub(crate) fn uti_of(&self, version: Version, path: Option<&str>) -> Option<&str> {
        match version {
            Version::Original => self.uti_original(),
            Version::Aae => Some(uti::PROPERTY_LIST),
            Version::OriginalAae => Some(uti::AAE),
            Version::Edited
            | Version::LiveVideo
            | Version::EditedLiveVideo
            | Version::Raw
            | Version::Preview => path
                .and_then(uti::of_name)
                .or_else(|| self.rows_of(version).last().and_then(|row| row.uti.as_deref())),
        }
    }

    /// How many bytes a version that is not here has, as far as the rows tell.
    pub(super) fn bytes_of(&self, version: Version) -> Option<u64> {
        let is_own = !matches!(version, Version::Aae | Version::Preview);
        let row = self.rows_of(version).last().filter(|_| is_own);
        row.and_then(|row| row.bytes).filter(|bytes| *bytes > 0)
    }

    /// The rows that speak of a version.
    pub(super) fn rows_of(&self, version: Version) -> impl DoubleEndedIterator<Item = &Row> {
        self.resources.iter().filter(move |row| match version {
            Version::Original if row.is_shared() => {
                let shared = if self.is_movie() {
                    resource::SUBTYPE_SHARED_MOVIE
                } else {
                    resource::SUBTYPE_SHARED_PHOTO
                };
                row.typed && row.subtype == Some(shared)
            }
            Version::Original => row.typed && row.subtype == Some(resource::SUBTYPE_ORIGINAL),
            Version::LiveVideo => row.subtype == Some(resource::SUBTYPE_LIVE_VIDEO),
            Version::Raw => row.typed && row.subtype == Some(resource::SUBTYPE_RAW),
            Version::OriginalAae => row.subtype == Some(resource::SUBTYPE_AAE),
            // Adjustments have no row; where the edit is they would be.
            Version::Edited | Version::Aae if self.is_movie() => {
                row.is_render(resource::RECIPE_EDITED_MOVIE)
            }
            Version::Edited | Version::Aae => row.is_render(resource::RECIPE_EDITED_STILL),
            Version::EditedLiveVideo => row.is_render(resource::RECIPE_EDITED_LIVE),
            Version::Preview => row.preview_mark().is_some(),
        })
    }

    fn is_movie(&self) -> bool {
        self.kind == Some(asset::KIND_MOVIE)
    }

    pub(crate) fn is_still(&self) -> bool {
        !self.is_movie()
    }

    fn is_live(&self) -> bool {
        self.subtype == Some(asset::SUBTYPE_LIVE)
    }

    /// A model that tells no number is a new one.
    fn is_at_least(&self, first: i64) -> bool {
        self.model.is_none_or(|model| model >= first)
    }

    fn has_typed_rows(&self) -> bool {
        !self.is_at_least(types::FIRST_COMPACT_MODEL)
    }

    fn is_moment_shared(&self) -> bool {
        self.moment_shared && self.is_at_least(place::FIRST_MOMENT_SHARED_MODEL)
    }

    /// Does it have that version by its nature, on this disk or not? Previews are whatever is
    /// there.
    pub(crate) fn has(&self, version: Version) -> bool {
        match version {
            Version::Original => true,
            Version::Edited => self.adjusted,
            // Photos 2 to 4 keep them in the database.
            Version::Aae => self.adjusted && !self.is_old(),
            Version::LiveVideo => self.is_live(),
            Version::EditedLiveVideo => self.is_live() && self.adjusted,
            Version::Raw => self.has_raw(),
            Version::OriginalAae | Version::Preview => self.rows_of(version).next().is_some(),
        }
    }

    /// The places where a version may be, the likeliest first.
    pub(crate) fn places(&self, version: Version) -> Result<Vec<FilePath>, Absence> {
        if self.is_old() {
            return self.old_places(version);
        }
        match version {
            Version::Original if self.shared && self.is_movie() => {
                self.in_folders(&format!("{}{}", self.uuid, place::SHARED_MOVIE_SUFFIX))
            }
            Version::Original => self.in_folders(self.name()?),
            Version::LiveVideo if self.shared => {
                self.in_folders(&format!("{}{}", self.stem()?, place::SHARED_LIVE_SUFFIX))
            }
            Version::LiveVideo | Version::Raw if self.outside_directory().is_some() => {
                self.by_bookmark(version)
            }
            Version::LiveVideo => {
                self.in_folders(&format!("{}{}", self.stem()?, place::LIVE_SUFFIX))
            }
            Version::OriginalAae => {
                let name = format!("{}{}", self.uuid, place::AAE_SUFFIX);
                Ok(vec![inside(&self.lettered(place::ORIGINALS), &name)?])
            }
            Version::Raw => self.raw_places(),
            Version::Edited if self.is_movie() => {
                self.rendered(version, place::EDITED_MOVIE, place::MOVIE_EXTENSIONS)
            }
            Version::Edited => self.rendered(version, place::EDITED_STILL, place::STILL_EXTENSIONS),
            Version::EditedLiveVideo => {
                self.rendered(version, place::EDITED_LIVE, place::MOVIE_EXTENSIONS)
            }
            Version::Aae => {
                let name = format!("{}{}", self.uuid, place::ADJUSTMENTS_SUFFIX);
                Ok(vec![inside(&self.lettered(place::RENDERS), &name)?])
            }
            Version::Preview => self.previews(),
        }
    }

    /// The folder outside the bundle that the original lies in.
    pub(super) fn outside_directory(&self) -> Option<&str> {
        let directory = self.directory.as_deref()?;
        let is_own = !self.shared && !self.unsaved;
        Some(directory).filter(|directory| is_own && directory.starts_with('/'))
    }

    /// The same name in each folder where the original may be.
    fn in_folders(&self, name: &str) -> Result<Vec<FilePath>, Absence> {
        let mut places = Vec::with_capacity(1);
        if self.is_moment_shared() && !self.shared {
            places.push(inside(&self.lettered(&originals_of(place::MOMENT_SHARED)), name)?);
        }
        if let Some(directory) = self.outside_directory() {
            let path = AbsPath::parse(&format!("{}/{name}", directory.trim_end_matches('/')), None);
            places.push(FilePath::Outside(path.map_err(absence_of)?));
        } else {
            places.push(inside(&self.folder(), name)?);
        }
        Ok(places)
    }

    fn folder(&self) -> String {
        let base = if self.shared {
            format!("{}/{}", self.shared_base(), place::SHARED_DATA)
        } else if self.unsaved {
            return self.lettered(&originals_of(place::SYNDICATED));
        } else {
            place::ORIGINALS.to_owned()
        };
        match self.directory.as_deref() {
            None | Some("") => base,
            Some(directory) => [&base, "/", directory].concat(),
        }
    }

    fn shared_base(&self) -> &'static str {
        if self.is_at_least(place::FIRST_SCOPES_MODEL) { place::SHARED } else { place::OLD_SHARED }
    }

    fn name(&self) -> Result<&str, Absence> {
        let name = self.filename.as_deref().ok_or(Absence::BadName)?;
        // A name with a slash would be a path of its own.
        Component::parse(name).map_err(|_| Absence::BadName)?;
        Ok(name)
    }

    /// The original's name without its extension.
    fn stem(&self) -> Result<&str, Absence> {
        let name = self.name()?;
        Ok(name.rsplit_once('.').map_or(name, |(stem, _)| stem))
    }

    /// A folder that is divided by the first character of the UUID.
    fn lettered(&self, base: &str) -> String {
        [base, "/", self.uuid.as_str().get(..1).unwrap_or_default()].concat()
    }

    fn rendered(
        &self,
        version: Version,
        mark: &str,
        extensions: &[&str],
    ) -> Result<Vec<FilePath>, Absence> {
        let folder = self.lettered(place::RENDERS);
        // The row's type says which of them would be right; else that of the current version.
        let row = self.rows_of(version).find_map(|row| row.uti.as_deref());
        let likely = row.or(self.uti.as_deref()).and_then(uti::extension_of);
        let mut extensions = extensions.to_vec();
        extensions.sort_by_key(|extension| likely.is_some_and(|likely| *extension != likely));
        extensions
            .into_iter()
            .map(|extension| inside(&folder, &format!("{}{mark}.{extension}", self.uuid)))
            .collect()
    }

    /// Where the bookmark of a file outside the bundle points.
    fn by_bookmark(&self, version: Version) -> Result<Vec<FilePath>, Absence> {
        let mut places = Vec::new();
        for (name, below) in self.rows_of(version).filter_map(|row| row.outside.as_ref()) {
            // The system's own disk is mounted at `/`, whatever its name is.
            let is_mounted =
                self.outside_directory().is_some_and(|it| it.starts_with(volume::MOUNTS));
            let base =
                if is_mounted { format!("{}/{name}", volume::MOUNTS) } else { String::new() };
            let path = format!("{base}/{}", below.trim_matches('/'));
            places.push(FilePath::Outside(AbsPath::parse(&path, None).map_err(absence_of)?));
        }
        Ok(places)
    }

    /// The RAW file beside the original, with the extension of its type, in either case of letters.
    fn raw_places(&self) -> Result<Vec<FilePath>, Absence> {
        let row = self.rows_of(Version::Raw).last();
        let known = row.and_then(|row| row.uti.as_deref()).and_then(uti::extension_of);
        let stem = format!("{}{}", self.stem()?, place::RAW_SUFFIX);
        let mut places = Vec::new();
        for extension in known.into_iter().flat_map(|it| [it.to_owned(), it.to_uppercase()]) {
            places.extend(self.in_folders(&format!("{stem}.{extension}"))?);
        }
        Ok(places)
    }

    /// The folder that has to be listed for a RAW file that no name fits, and how the file's name
    /// begins there, in lower case; none where the rows say that it is not there, and of what
    /// type it would be.
    pub(super) fn raw_search(&self) -> Option<(RelPath, String)> {
        let row = self.rows_of(Version::Raw).last()?;
        let is_expected = row.local == Some(resource::AVAILABLE) || row.uti.is_none();
        if !is_expected || self.outside_directory().is_some() {
            return None;
        }
        let begins = format!("{}{}.", self.stem().ok()?, place::RAW_SUFFIX).to_lowercase();
        Some((RelPath::parse(&self.folder()).ok()?, begins))
    }

    /// Where previews may be; each that is there is one.
    fn previews(&self) -> Result<Vec<FilePath>, Absence> {
        let base = if self.shared {
            format!("{}/{}", self.shared_base(), place::DERIVATIVES)
        } else if self.is_moment_shared() {
            format!("{}/{}", place::MOMENT_SHARED, place::DERIVATIVES)
        } else if self.unsaved {
            format!("{}/{}", place::SYNDICATED, place::DERIVATIVES)
        } else {
            place::DERIVATIVES.to_owned()
        };
        let small = self.lettered(&format!("{base}/{}", place::MASTERS));
        let mut places =
            vec![inside(&small, &[self.uuid.as_str(), place::SMALL_PREVIEW].concat())?];
        if self.shared {
            return Ok(places);
        }
        let folder = self.lettered(&base);
        let rows = self.resources.iter();
        let mut ends: Vec<String> = rows
            .filter_map(|row| Some(format!("{}.{}", row.preview_mark()?, row.extension())))
            .collect();
        // What others sent is rare, and nobody has seen rows of it.
        if ends.is_empty() || self.is_moment_shared() || self.unsaved {
            ends.extend(place::USUAL_PREVIEWS.iter().map(|end| (*end).to_owned()));
        }
        ends.sort();
        ends.dedup();
        for end in ends {
            places.push(inside(&folder, &[self.uuid.as_str(), &end].concat())?);
        }
        Ok(places)
    }
}

/// Could it be a RAW file beside an original?
pub(super) fn is_raw_name(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(stem, _)| stem.ends_with(place::RAW_SUFFIX))
}

/// The folder of originals in a scope.
fn originals_of(scope: &str) -> String {
    format!("{scope}/{}", place::ORIGINALS)
}

pub(super) fn inside(folder: &str, name: &str) -> Result<FilePath, Absence> {
    RelPath::parse(&[folder, "/", name].concat()).map(FilePath::Inside).map_err(absence_of)
}

/// What is wrong with a path that the database gave.
pub(super) fn absence_of(error: PathError) -> Absence {
    match error {
        PathError::Dots("..") | PathError::NotRelative | PathError::NotAbsolute => {
            Absence::OutsideBundle
        }
        PathError::Dots(_)
        | PathError::Empty
        | PathError::EmptyComponent
        | PathError::Control
        | PathError::ComponentTooLong { .. }
        | PathError::TooLong { .. }
        | PathError::TooDeep { .. } => Absence::BadName,
    }
}
