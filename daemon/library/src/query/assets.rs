//! Puts an asset together from its rows: fields with the names and meanings of the reference dumps.
//!
//! Pure, but for one look at the disk per asset (is the original there?), which happens after the
//! transaction has ended. The flags are decided here and in `filter_sql.rs` by the same columns and
//! numbers; a test asks both about every asset of every real library.

use std::collections::HashMap;

use darkslide_policy::RelPath;

use super::Keys;
use super::rows::{self, Attributes, Main, Resource};
use crate::date::Date;
use crate::db::Stop;
use crate::model::{Asset, Problem, ProblemKind};
use crate::resource::{AssetFiles, Looker};
use crate::schema::asset::{self, attributes};
use crate::schema::resource;
use crate::session::Session;

/// The rows of some assets, as far as a page needs them.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    mains: HashMap<i64, Main>,
    attributes: HashMap<i64, Attributes>,
    descriptions: HashMap<i64, String>,
    keywords: HashMap<i64, Vec<String>>,
    albums: HashMap<i64, Vec<String>>,
    resources: HashMap<i64, Vec<Resource>>,
    model: Option<i64>,
}

impl Rows {
    /// Reads them, in the snapshot that chose the row numbers.
    pub(crate) fn read(session: &Session<'_>, keys: &[i64]) -> Result<Self, Stop> {
        if keys.is_empty() {
            return Ok(Self::default());
        }
        let keys = Keys::List(keys);
        Ok(Self {
            mains: rows::mains_of(session, keys)?,
            attributes: rows::attributes_of(session, keys)?,
            descriptions: rows::descriptions_of(session, keys)?,
            keywords: rows::keywords_of(session, keys)?,
            albums: rows::album_titles_of(session, keys)?,
            resources: rows::resources_of(session, keys)?,
            model: session.profile.model,
        })
    }

    /// Puts one together and looks whether its original is there.
    pub(crate) fn asset(&mut self, key: i64, looker: &mut Looker<'_>) -> Option<Asset> {
        let main = self.mains.remove(&key)?;
        let attributes = self.attributes.remove(&key);
        let files = AssetFiles::new(
            &main,
            attributes.as_ref(),
            self.resources.get(&key).map_or(&[][..], Vec::as_slice),
            self.model,
        );
        let facts = FileFacts {
            path: looker.original(&files),
            is_raw: files.is_raw(),
            has_raw: files.has_raw(),
            is_missing: is_missing(main.kind, files.resources()),
        };
        let mut asset = assemble(main, attributes, facts);
        asset.description = self.descriptions.remove(&key);
        asset.keywords = sorted(self.keywords.remove(&key), false);
        asset.albums = sorted(self.albums.remove(&key), true);
        Some(asset)
    }
}

fn sorted(list: Option<Vec<String>>, distinct: bool) -> Vec<String> {
    let mut list = list.unwrap_or_default();
    list.sort();
    if distinct {
        list.dedup();
    }
    list
}

/// What the resources and the disk tell.
struct FileFacts {
    path: Option<RelPath>,
    is_raw: bool,
    has_raw: bool,
    is_missing: bool,
}

fn assemble(main: Main, attributes: Option<Attributes>, files: FileFacts) -> Asset {
    let missing = attributes.is_none();
    let more = attributes.unwrap_or_default();
    let date = main
        .date
        .and_then(|stored| Date::zoned(stored, more.zone_offset, more.zone_name.as_deref()));
    let problem = main.problem.or(more.problem).or_else(|| problem_of(&main, date, missing));
    let subtype = |value| main.subtype == Some(value);
    let filename = main.filename.unwrap_or_default();
    let original_filename =
        more.original_filename.filter(|name| !name.is_empty()).unwrap_or_else(|| filename.clone());
    Asset {
        uuid: main.uuid,
        israw: files.is_raw,
        filename,
        original_filename,
        title: more.title.filter(|title| !title.is_empty()),
        description: None,
        date,
        date_added: main.added.and_then(Date::utc),
        date_modified: main.modified.and_then(Date::utc),
        date_trashed: main.trashed_date.and_then(Date::utc),
        tzoffset: more.zone_offset,
        tzname: more.zone_name,
        ismovie: main.kind == Some(asset::KIND_MOVIE),
        isphoto: main.kind == Some(asset::KIND_PHOTO),
        live_photo: subtype(asset::SUBTYPE_LIVE),
        panorama: subtype(asset::SUBTYPE_PANORAMA) || main.hdr == Some(asset::HDR_PANORAMA),
        portrait: main.depth,
        selfie: more.camera == Some(attributes::FRONT_CAMERA),
        screenshot: subtype(asset::SUBTYPE_SCREENSHOT),
        screen_recording: subtype(asset::SUBTYPE_SCREEN_RECORDING),
        slow_mo: subtype(asset::SUBTYPE_SLOW_MOTION),
        time_lapse: subtype(asset::SUBTYPE_TIME_LAPSE),
        hdr: main.hdr == Some(asset::HDR_ON),
        spatial: main.spatial,
        burst: main.burst,
        burst_key: main.pick_type & asset::PICK_KEY != 0,
        burst_selected: main.pick_type & asset::PICK_SELECTED != 0,
        has_raw: files.has_raw,
        raw_original: more.choice == Some(attributes::CHOSE_RAW),
        favorite: main.favorite,
        hidden: main.hidden,
        visible: main.visible,
        intrash: main.trashed,
        hasadjustments: main.adjusted,
        height: main.height,
        width: main.width,
        original_height: more.height,
        original_width: more.width,
        original_orientation: more.orientation,
        original_filesize: more.file_size,
        albums: Vec::new(),
        keywords: Vec::new(),
        path: files.path,
        ismissing: files.is_missing,
        isreference: main.saved_type == Some(asset::SAVED_AS_REFERENCE),
        shared: main.shared,
        problem,
    }
}

fn problem_of(main: &Main, date: Option<Date>, no_attributes: bool) -> Option<Problem> {
    if no_attributes {
        let field = attributes::TABLE.names.first().copied().unwrap_or_default();
        return Some(Problem { field, kind: ProblemKind::Missing });
    }
    if main.date.is_some() && date.is_none() {
        return Some(Problem { field: asset::DATE.name(), kind: ProblemKind::Date });
    }
    None
}

/// The database's word: what it says of the original itself, or of the file of a shared album.
fn is_missing(kind: Option<i64>, resources: &[Resource]) -> bool {
    let shared = if kind == Some(asset::KIND_MOVIE) {
        resource::SUBTYPE_SHARED_MOVIE
    } else {
        resource::SUBTYPE_SHARED_PHOTO
    };
    let original = resources.iter().rfind(|row| {
        row.typed
            && match row.store {
                Some(resource::STORE_SHARED) => row.subtype == Some(shared),
                _ => row.subtype == Some(resource::SUBTYPE_ORIGINAL),
            }
    });
    original.is_some_and(|row| row.local != Some(resource::AVAILABLE))
}
