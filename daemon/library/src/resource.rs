//! An asset's files: where each version would be, whether it is there, and why not.
//!
//! Paths are built from checked parts (a UUID, a name without a slash, folders without `..`) and
//! looked at through the door, which follows no link. The disk decides what is here; the database
//! only gives the reason for what is not. The hazards: a row that names `../..`, a link in
//! `originals/`, and a column that says "on this disk" of a file that is not.

use std::collections::HashMap;

use darkslide_door::{DoorError, DoorErrorKind, Entry, Facts, Kind, LibraryDir};
use darkslide_policy::{Component, Grant, PathError, Read, RelPath};
use darkslide_protocol::value::Uuid;

use crate::bundle;
use crate::error::LibraryError;
use crate::query::rows::{Attributes, Main, Resource as Row};
use crate::schema::asset;
use crate::schema::resource::{self, place, uti};

/// What an asset can have on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// The photo or video as it was taken.
    Original,
    /// The photo or video as it was edited.
    Edited,
    /// The video of a live photo.
    LiveVideo,
    /// The video of an edited live photo.
    EditedLiveVideo,
    /// The RAW file beside the original.
    Raw,
}

impl Version {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Edited => "edited",
            Self::LiveVideo => "live_video",
            Self::EditedLiveVideo => "edited_live_video",
            Self::Raw => "raw",
        }
    }
}

/// Why a version is not on this disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Absence {
    /// iCloud has it.
    InICloud,
    /// It should be here and is not, and the database knows of no other place.
    NotOnDisk,
    /// The original lies in a folder outside the bundle.
    Referenced,
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
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InICloud => "in-icloud",
            Self::NotOnDisk => "not-on-disk",
            Self::Referenced => "referenced",
            Self::NotSaved => "not-saved",
            Self::NoRender => "no-render",
            Self::OutsideBundle => "outside-bundle",
            Self::NotAFile => "not-a-regular-file",
            Self::BadName => "bad-name",
            Self::Unreadable => "unreadable",
        }
    }
}

/// Is a version here?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// Yes, as a regular file.
    Here {
        /// Below the bundle.
        path: RelPath,
        /// What `stat` told.
        facts: Facts,
    },
    /// No, and why.
    Absent(Absence),
}

/// One version of an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Which.
    pub version: Version,
    /// Where, or why not.
    pub presence: Presence,
}

/// All versions of an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetResources {
    /// The asset.
    pub uuid: Uuid,
    /// Its versions, the original first.
    pub resources: Vec<Resource>,
}

/// What the places of an asset's files follow from. Pure.
#[derive(Debug)]
pub(crate) struct AssetFiles<'a> {
    main: &'a Main,
    unsaved: bool,
    resources: &'a [Row],
    scopes: bool,
}

impl<'a> AssetFiles<'a> {
    pub(crate) fn new(
        main: &'a Main,
        attributes: Option<&Attributes>,
        resources: &'a [Row],
        model: Option<i64>,
    ) -> Self {
        Self {
            main,
            unsaved: attributes.is_some_and(|it| it.unsaved),
            resources,
            // A model that tells no number is a new one.
            scopes: model.is_none_or(|model| model >= place::FIRST_SCOPES_MODEL),
        }
    }

    pub(crate) fn resources(&self) -> &'a [Row] {
        self.resources
    }

    pub(crate) fn has_raw(&self) -> bool {
        self.resources.iter().any(|row| row.typed && row.subtype == Some(resource::SUBTYPE_RAW))
    }

    /// Is the original itself a RAW file? Its extension tells; the column has the type of the
    /// current version.
    pub(crate) fn is_raw(&self) -> bool {
        let name = self.main.filename.as_deref().unwrap_or_default();
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        uti::RAW_EXTENSIONS.iter().any(|raw| raw.eq_ignore_ascii_case(extension))
    }

    fn is_movie(&self) -> bool {
        self.main.kind == Some(asset::KIND_MOVIE)
    }

    fn is_live(&self) -> bool {
        self.main.subtype == Some(asset::SUBTYPE_LIVE)
    }

    /// The versions that it has by its nature, on this disk or not.
    fn versions(&self) -> Vec<Version> {
        let edited = self.main.adjusted;
        let all = [
            (Version::Original, true),
            (Version::Edited, edited),
            (Version::LiveVideo, self.is_live()),
            (Version::EditedLiveVideo, self.is_live() && edited),
            (Version::Raw, self.has_raw()),
        ];
        all.into_iter().filter(|(_, has)| *has).map(|(version, _)| version).collect()
    }

    /// The folder and name of the original.
    fn original(&self) -> Result<(RelPath, String), Absence> {
        let folder = self.folder()?;
        let name = if self.main.shared && self.is_movie() {
            format!("{}{}", self.main.uuid, place::SHARED_MOVIE_SUFFIX)
        } else {
            self.name()?.to_owned()
        };
        Ok((folder, name))
    }

    fn name(&self) -> Result<&str, Absence> {
        let name = self.main.filename.as_deref().ok_or(Absence::BadName)?;
        // A name with a slash would be a path of its own.
        Component::parse(name).map_err(|_| Absence::BadName)?;
        Ok(name)
    }

    /// The original's name without its extension.
    fn stem(&self) -> Result<&str, Absence> {
        let name = self.name()?;
        Ok(name.rsplit_once('.').map_or(name, |(stem, _)| stem))
    }

    fn folder(&self) -> Result<RelPath, Absence> {
        let directory = self.main.directory.as_deref().unwrap_or_default();
        let base = if self.main.shared {
            if self.scopes { place::SHARED } else { place::OLD_SHARED }
        } else if self.main.moment_shared && self.scopes {
            return self.lettered(place::MOMENT_SHARED);
        } else if self.unsaved {
            return self.lettered(place::SYNDICATED);
        } else {
            if directory.starts_with('/') {
                return Err(Absence::Referenced);
            }
            place::ORIGINALS
        };
        let base = RelPath::parse(base).map_err(|_| Absence::BadName)?;
        if directory.is_empty() {
            return Ok(base);
        }
        let below = RelPath::parse(directory).map_err(|error| match error {
            PathError::Dots(_) | PathError::NotRelative | PathError::NotAbsolute => {
                Absence::OutsideBundle
            }
            PathError::Empty
            | PathError::EmptyComponent
            | PathError::Control
            | PathError::ComponentTooLong { .. }
            | PathError::TooLong { .. }
            | PathError::TooDeep { .. } => Absence::BadName,
        })?;
        base.join_path(&below).map_err(|_| Absence::BadName)
    }

    /// Below a folder that is divided by the first character of the UUID.
    fn lettered(&self, base: &str) -> Result<RelPath, Absence> {
        let letter = self.main.uuid.as_str().get(..1).unwrap_or_default();
        RelPath::parse(&format!("{base}/{letter}")).map_err(|_| Absence::BadName)
    }

    /// The places where a version may be, the likeliest first. RAW files are found by listing.
    fn candidates(&self, version: Version) -> Result<Vec<RelPath>, Absence> {
        match version {
            Version::Original => {
                let (folder, name) = self.original()?;
                Ok(vec![below(&folder, &name)?])
            }
            Version::LiveVideo if self.main.shared => {
                let name = format!("{}{}", self.stem()?, place::SHARED_LIVE_SUFFIX);
                Ok(vec![below(&self.folder()?, &name)?])
            }
            Version::LiveVideo => {
                let name = format!("{}{}", self.stem()?, place::LIVE_SUFFIX);
                Ok(vec![below(&self.folder()?, &name)?])
            }
            Version::Edited if self.is_movie() => {
                self.rendered(place::EDITED_MOVIE, place::MOVIE_EXTENSIONS)
            }
            Version::Edited => self.rendered(place::EDITED_STILL, place::STILL_EXTENSIONS),
            Version::EditedLiveVideo => self.rendered(place::EDITED_LIVE, place::MOVIE_EXTENSIONS),
            Version::Raw => Ok(Vec::new()),
        }
    }

    fn rendered(&self, mark: &str, extensions: &[&str]) -> Result<Vec<RelPath>, Absence> {
        let folder = self.lettered(place::RENDERS)?;
        // The type of the current version says which of two would be right.
        let heic = self.main.uti.as_deref() == Some(uti::HEIC);
        let mut extensions = extensions.to_vec();
        extensions.sort_by_key(|extension| heic && *extension != "heic");
        extensions
            .into_iter()
            .map(|extension| below(&folder, &format!("{}{mark}.{extension}", self.main.uuid)))
            .collect()
    }

    /// Why a version that is not on the disk is not there.
    fn reason(&self, version: Version) -> Absence {
        if version != Version::Edited && version != Version::EditedLiveVideo {
            if self.main.shared || self.unsaved {
                return Absence::NotSaved;
            }
            if self.main.directory.as_deref().is_some_and(|it| it.starts_with('/')) {
                return Absence::Referenced;
            }
        }
        let mut known = self.resources.iter().filter(|row| match version {
            Version::Original => row.subtype == Some(resource::SUBTYPE_ORIGINAL),
            Version::LiveVideo => row.subtype == Some(resource::SUBTYPE_LIVE_VIDEO),
            Version::Raw => row.subtype == Some(resource::SUBTYPE_RAW),
            Version::Edited if self.is_movie() => is_render(row, resource::RECIPE_EDITED_MOVIE),
            Version::Edited => is_render(row, resource::RECIPE_EDITED_STILL),
            Version::EditedLiveVideo => is_render(row, resource::RECIPE_EDITED_LIVE),
        });
        let edited = matches!(version, Version::Edited | Version::EditedLiveVideo);
        match known.next() {
            None if edited => Absence::NoRender,
            None => Absence::NotOnDisk,
            Some(first) => {
                let remote = |row: &Row| row.remote == Some(resource::AVAILABLE);
                if remote(first) || known.any(remote) {
                    Absence::InICloud
                } else {
                    Absence::NotOnDisk
                }
            }
        }
    }
}

fn is_render(row: &Row, recipe: i64) -> bool {
    row.recipe == Some(recipe) && row.version == Some(resource::VERSION_CURRENT_EDIT)
}

fn below(folder: &RelPath, name: &str) -> Result<RelPath, Absence> {
    let name = Component::parse(name).map_err(|_| Absence::BadName)?;
    folder.join(&name).map_err(|_| Absence::BadName)
}

/// Looks at the disk, through the door; lists a folder once per question.
pub(crate) struct Looker<'a> {
    dir: &'a LibraryDir,
    grant: &'a Grant<Read>,
    folders: HashMap<RelPath, Vec<Entry>>,
    /// What the machine lacked for a look, first of all; then what was seen says nothing.
    trouble: Option<DoorError>,
}

impl<'a> Looker<'a> {
    pub(crate) fn new(dir: &'a LibraryDir, grant: &'a Grant<Read>) -> Self {
        Self { dir, grant, folders: HashMap::new(), trouble: None }
    }

    /// Could all of it be looked at?
    pub(crate) fn finish(self) -> Result<(), LibraryError> {
        self.trouble.map_or(Ok(()), |error| Err(bundle::unavailable(error)))
    }

    /// The original's path, if it is there.
    pub(crate) fn original(&mut self, files: &AssetFiles<'_>) -> Option<RelPath> {
        match self.presence(files, Version::Original) {
            Presence::Here { path, .. } => Some(path),
            Presence::Absent(_) => None,
        }
    }

    /// All versions of an asset.
    pub(crate) fn resources(&mut self, files: &AssetFiles<'_>) -> AssetResources {
        let resources = files.versions().into_iter();
        AssetResources {
            uuid: files.main.uuid.clone(),
            resources: resources
                .map(|version| Resource { version, presence: self.presence(files, version) })
                .collect(),
        }
    }

    fn presence(&mut self, files: &AssetFiles<'_>, version: Version) -> Presence {
        let candidates = if version == Version::Raw {
            self.raw_candidates(files)
        } else {
            files.candidates(version)
        };
        let candidates = match candidates {
            Ok(candidates) => candidates,
            Err(absence) => return Presence::Absent(absence),
        };
        let mut odd = None;
        for path in candidates {
            match self.look(&path) {
                Ok(Some(facts)) => return Presence::Here { path, facts },
                Ok(None) => {}
                Err(absence) => {
                    odd.get_or_insert(absence);
                }
            }
        }
        Presence::Absent(odd.unwrap_or_else(|| files.reason(version)))
    }

    fn look(&mut self, path: &RelPath) -> Result<Option<Facts>, Absence> {
        match self.dir.stat(self.grant, path) {
            Ok(None) => Ok(None),
            Ok(Some(facts)) if facts.kind == Kind::File => Ok(Some(facts)),
            Ok(Some(_)) => Err(Absence::NotAFile),
            Err(error) if error.is_of_the_machine() => {
                self.trouble.get_or_insert(error);
                Err(Absence::Unreadable)
            }
            Err(error) => match error.kind() {
                DoorErrorKind::NotFound => Ok(None),
                DoorErrorKind::Link | DoorErrorKind::NotAFile | DoorErrorKind::NotAFolder => {
                    Err(Absence::NotAFile)
                }
                DoorErrorKind::OutsideRoot => Err(Absence::OutsideBundle),
                DoorErrorKind::Name => Err(Absence::BadName),
                DoorErrorKind::Exists
                | DoorErrorKind::Permission
                | DoorErrorKind::NoSpace
                | DoorErrorKind::ReadOnly
                | DoorErrorKind::Busy
                | DoorErrorKind::Replaced
                | DoorErrorKind::Grant
                | DoorErrorKind::Nested
                | DoorErrorKind::ForeignRecord
                | DoorErrorKind::TooMany
                | DoorErrorKind::Io => Err(Absence::Unreadable),
            },
        }
    }

    /// A RAW file lies beside the original, with an extension that only the folder tells, in any
    /// case of letters.
    fn raw_candidates(&mut self, files: &AssetFiles<'_>) -> Result<Vec<RelPath>, Absence> {
        let folder = files.folder()?;
        let wanted = format!("{}{}.", files.stem()?, place::RAW_PREFIX).to_ascii_lowercase();
        let entries = self.folders.entry(folder.clone()).or_insert_with(|| {
            match self.dir.list(self.grant, &folder) {
                Ok(entries) => entries,
                // A folder that cannot be listed has none; the reason is then the database's.
                Err(error) => {
                    let trouble = Some(error).filter(DoorError::is_of_the_machine);
                    self.trouble = self.trouble.take().or(trouble);
                    Vec::new()
                }
            }
        });
        let names = entries.iter().filter_map(Entry::component);
        let fits = names.filter(|name| name.as_str().to_ascii_lowercase().starts_with(&wanted));
        Ok(fits.filter_map(|name| folder.join(&name).ok()).collect())
    }
}
