//! The second half of a record: what the disk tells, and the databases beside the library.
//!
//! After the read transaction has ended. Only what a wanted field needs is looked at: a list of
//! titles costs no look at the disk. The adjustments of an edited asset are a file, and tell its
//! orientation, from which the rectangles of its faces follow. The hazard: a disk that hangs, or
//! a property list that is a bomb; both have their bounds below.

use std::io::Read as _;

use darkslide_door::LibraryDir;
use darkslide_policy::{Grant, Read};
use darkslide_protocol::field::{Field, Fields};
use darkslide_protocol::value::Uuid;

use super::adjustments::{self, Adjustments};
use super::geometry::Canvas;
use super::people::People;
use super::row::Told;
use super::search_info;
use crate::db::Stop;
use crate::error::LibraryError;
use crate::json::{self, Array, Object};
use crate::resource::{FilePath, Looker, Paths, Version};
use crate::session::Session;
use crate::side::analysis::Analysis;
use crate::side::search::{Search, Spelling};

/// The fields that follow from the resources of an asset.
pub(super) const OF_RESOURCES: &[Field] = &[
    Field::Path,
    Field::PathEdited,
    Field::PathLivePhoto,
    Field::PathEditedLivePhoto,
    Field::PathRaw,
    Field::PathDerivatives,
    Field::UtiRaw,
    Field::UtiOriginal,
    Field::Ismissing,
    Field::Israw,
    Field::HasRaw,
];

/// The fields that the search index tells.
const OF_SEARCH: &[Field] =
    &[Field::Labels, Field::LabelsNormalized, Field::SearchInfo, Field::SearchInfoNormalized];

/// What second halves are written from.
pub(super) struct Files<'s> {
    session: &'s Session<'s>,
    fields: Fields,
    looker: Looker<'s>,
    search: Option<Search>,
    analysis: Option<Analysis>,
}

impl<'s> Files<'s> {
    /// Reads from the databases beside the library what the fields want of these assets.
    pub(super) fn new(
        session: &'s Session<'s>,
        fields: Fields,
        uuids: &[Uuid],
    ) -> Result<Self, Stop> {
        let has_index = !session.profile.is_old();
        let search = match has_index && fields.has_any(OF_SEARCH) {
            true => Some(Search::of(session, uuids)?.records),
            false => None,
        };
        let analysis = match fields.has_any(&[Field::MediaAnalysis, Field::AiCaption]) {
            true => Some(Analysis::of(session, uuids)?.records),
            false => None,
        };
        let looker = Looker::new(session.dir, session.grant);
        Ok(Self { session, fields, looker, search, analysis })
    }

    /// Could all of it be looked at?
    pub(super) fn finish(self) -> Result<(), LibraryError> {
        self.looker.finish()
    }

    /// Writes the rest of a record.
    pub(super) fn write(
        &mut self,
        key: i64,
        told: &Told,
        people: &People,
        object: &mut Object<'_>,
    ) {
        self.write_paths(told, object);
        let adjustments = self.adjustments(told, people.any(key));
        self.write_adjustments(told, adjustments.as_ref(), object);
        let orientation = match &adjustments {
            Some(adjustments) => Some(adjustments.orientation()),
            None if told.files.adjusted && !self.session.profile.is_old() => Some(0),
            None => told.orientation,
        };
        if self.fields.has(Field::Orientation) {
            object.integer(Field::Orientation.as_str(), orientation);
        }
        if self.fields.has(Field::FaceInfo) {
            let canvas = Canvas::new(told.width, told.height, orientation);
            let out = object.key(Field::FaceInfo.as_str());
            people.write_faces(key, &told.files.uuid, canvas, out);
        }
        self.write_search(&told.files.uuid, object);
        self.write_analysis(told, object);
    }

    fn write_paths(&mut self, told: &Told, object: &mut Object<'_>) {
        let fields = self.fields;
        let wanted = |version| match version {
            Version::Original => fields.has(Field::Path),
            Version::Edited => fields.has(Field::PathEdited),
            Version::LiveVideo => fields.has(Field::PathLivePhoto),
            Version::EditedLiveVideo => fields.has(Field::PathEditedLivePhoto),
            Version::Raw => fields.has_any(&[Field::PathRaw, Field::UtiRaw]),
            Version::Preview => fields.has(Field::PathDerivatives),
            Version::Aae | Version::OriginalAae => false,
        };
        let files = &told.files;
        let Paths { original, edited, live_video, edited_live_video, raw, previews } =
            self.looker.paths(files, wanted);
        let text = FilePath::as_str;
        let raw = raw.as_ref().map(text);
        for (field, path) in [
            (Field::Path, original),
            (Field::PathEdited, edited),
            (Field::PathLivePhoto, live_video),
            (Field::PathEditedLivePhoto, edited_live_video),
        ] {
            if fields.has(field) {
                object.text(field.as_str(), path.as_ref().map(text));
            }
        }
        for (field, value) in [
            (Field::PathRaw, raw),
            (Field::UtiRaw, files.uti_raw(raw)),
            (Field::UtiOriginal, files.uti_original()),
        ] {
            if fields.has(field) {
                object.text(field.as_str(), value);
            }
        }
        for (field, value) in [
            (Field::Ismissing, files.is_missing()),
            (Field::Israw, files.is_raw()),
            (Field::HasRaw, files.has_raw()),
        ] {
            if fields.has(field) {
                object.flag(field.as_str(), value);
            }
        }
        if fields.has(Field::PathDerivatives) {
            let out = object.key(Field::PathDerivatives.as_str());
            json::texts(out, previews.iter().map(FilePath::as_str));
        }
    }

    /// Reads the adjustments of an edited asset, if anything that is wanted follows from them.
    fn adjustments(&self, told: &Told, has_faces: bool) -> Option<Adjustments> {
        let fields = self.fields;
        let wanted = fields.has_any(&[Field::Adjustments, Field::Orientation])
            || fields.has(Field::FaceInfo) && has_faces;
        if wanted && told.files.adjusted { self.read(told, Version::Aae) } else { None }
    }

    fn read(&self, told: &Told, version: Version) -> Option<Adjustments> {
        let (dir, grant) = (self.session.dir, self.session.grant);
        let places = told.files.places(version).ok()?;
        let file = places.iter().find_map(|place| read_file(dir, grant, place))?;
        Some(Adjustments::read(&file))
    }

    fn write_adjustments(
        &self,
        told: &Told,
        adjustments: Option<&Adjustments>,
        object: &mut Object<'_>,
    ) {
        if self.fields.has(Field::Adjustments) {
            write_or_empty(adjustments, object.key(Field::Adjustments.as_str()));
        }
        if self.fields.has(Field::OriginalAdjustments) {
            let original = self.read(told, Version::OriginalAae);
            write_or_empty(original.as_ref(), object.key(Field::OriginalAdjustments.as_str()));
        }
    }

    fn write_search(&self, uuid: &Uuid, object: &mut Object<'_>) {
        if self.session.profile.is_old() {
            return write_no_search(self.fields, object);
        }
        let Some(search) = &self.search else { return };
        let record = search.records.get(uuid);
        let places = self.session.grant.covers().shows_location();
        for (field, spelling) in
            [(Field::Labels, Spelling::Content), (Field::LabelsNormalized, Spelling::Normalized)]
        {
            if self.fields.has(field) {
                let out = object.key(field.as_str());
                search_info::write_labels(out, record, search.layout, spelling);
            }
        }
        for (field, spelling) in [
            (Field::SearchInfo, Spelling::Content),
            (Field::SearchInfoNormalized, Spelling::Normalized),
        ] {
            if self.fields.has(field) {
                let out = object.key(field.as_str());
                search_info::write(out, record, search.layout, spelling, places);
            }
        }
    }

    fn write_analysis(&self, told: &Told, object: &mut Object<'_>) {
        let Some(analysis) = &self.analysis else { return };
        let uuid = &told.files.uuid;
        if self.fields.has(Field::MediaAnalysis) {
            let name = told.files.original_filename.as_deref().unwrap_or_default();
            analysis.write(object.key(Field::MediaAnalysis.as_str()), uuid, name);
        }
        if self.fields.has(Field::AiCaption) {
            object.text(Field::AiCaption.as_str(), Some(analysis.caption(uuid)));
        }
    }
}

/// Photos 2 to 4 have no such index.
fn write_no_search(fields: Fields, object: &mut Object<'_>) {
    for field in [Field::Labels, Field::LabelsNormalized] {
        if fields.has(field) {
            Array::begin(object.key(field.as_str())).end();
        }
    }
    for field in [Field::SearchInfo, Field::SearchInfoNormalized] {
        if fields.has(field) {
            Object::begin(object.key(field.as_str())).end();
        }
    }
}

fn write_or_empty(adjustments: Option<&Adjustments>, out: &mut Vec<u8>) {
    match adjustments {
        Some(adjustments) => adjustments.write(out),
        None => Object::begin(out).end(),
    }
}

/// A small file of the bundle; none where it is not there, is larger, or can not be read.
fn read_file(dir: &LibraryDir, grant: &Grant<Read>, place: &FilePath) -> Option<Vec<u8>> {
    let FilePath::Inside(path) = place else { return None };
    // Most of these are not there, and a look costs less than an open.
    dir.stat(grant, path).ok()??;
    let file = dir.open_file(grant, path).ok()?;
    let mut bytes = Vec::new();
    let most = adjustments::MAX_FILE_BYTES as u64 + 1;
    file.file().take(most).read_to_end(&mut bytes).ok()?;
    (bytes.len() <= adjustments::MAX_FILE_BYTES).then_some(bytes)
}
