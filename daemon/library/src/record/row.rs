//! The first half of a record: everything that the tables with one row per asset tell.
//!
//! One joined statement for a page, its cells written as they come: texts are borrowed from the row
//! and copied once, into the answer. Which tables are joined follows from the fields that were
//! asked for. Of several rows that claim to be one asset's, the first counts. The hazard: a column
//! read at another column's place; each list of columns and its positions are made in one place.

use std::borrow::Cow;

use darkslide_protocol::field::{Field, Fields};
use darkslide_protocol::value::Uuid;
use rusqlite::Row;

use super::details;
use crate::cell::{Cells, columns};
use crate::date::Date;
use crate::json::{self, Object};
use crate::model::{Problem, ProblemKind};
use crate::profile::{Profile, Table};
use crate::query::Keys;
use crate::resource::FileFacts;
use crate::schema::asset::{self, attributes, description};
use crate::schema::cloud::{master, metadata, unmanaged};
use crate::schema::{Column, PK, exif, score};

columns! {
    /// Of the asset.
    A {
        Key = PK,
        Uuid = asset::UUID,
        Date = asset::DATE,
        Added = asset::ADDED,
        Modified = asset::MODIFIED,
        TrashedDate = asset::TRASHED_DATE,
        Trashed = asset::TRASHED,
        Hidden = asset::HIDDEN,
        Favorite = asset::FAVORITE,
        Visibility = asset::VISIBILITY,
        Kind = asset::KIND,
        Subtype = asset::SUBTYPE,
        Adjusted = asset::ADJUSTED,
        Width = asset::WIDTH,
        Height = asset::HEIGHT,
        Orientation = asset::ORIENTATION,
        Directory = asset::DIRECTORY,
        Filename = asset::FILENAME,
        SavedType = asset::SAVED_TYPE,
        Uti = asset::UTI,
        Hdr = asset::HDR,
        Depth = asset::DEPTH,
        Spatial = asset::SPATIAL,
        Burst = asset::BURST,
        PickType = asset::PICK_TYPE,
        Shared = asset::SHARED,
        MomentShare = asset::MOMENT_SHARE,
        SharedLibrary = asset::SHARED_LIBRARY,
        Latitude = asset::LATITUDE,
        Longitude = asset::LONGITUDE,
        Owner = asset::OWNER,
        CloudGuid = asset::CLOUD_GUID,
    }
}

columns! {
    /// Of its attributes.
    B {
        Asset = attributes::ASSET,
        OriginalFilename = attributes::ORIGINAL_FILENAME,
        Title = attributes::TITLE,
        ZoneOffset = attributes::ZONE_OFFSET,
        ZoneName = attributes::ZONE_NAME,
        Width = attributes::WIDTH,
        Height = attributes::HEIGHT,
        Orientation = attributes::ORIENTATION,
        FileSize = attributes::FILE_SIZE,
        Camera = attributes::CAMERA,
        Choice = attributes::CHOICE,
        Syndicated = attributes::SYNDICATED,
        History = attributes::SYNDICATION_HISTORY,
        Fingerprint = attributes::FINGERPRINT,
        ImportedBy = attributes::IMPORTED_BY,
        ImportedByBundle = attributes::IMPORTED_BY_BUNDLE,
    }
}

columns! {
    /// Its description.
    D { Text = description::TEXT, }
}

columns! {
    /// Adjustments of other programs.
    U { Format = unmanaged::FORMAT, }
}

columns! {
    /// What iCloud knows of the original.
    M { Key = PK, State = master::STATE, Guid = master::GUID, }
}

columns! {
    /// The same, in detail.
    X { Data = metadata::DATA, }
}

columns! {
    /// Where it was taken, in words.
    P { Place = attributes::PLACE, }
}

/// What a library can lack: the columns that are looked for in every one.
pub(crate) const ASSET_COLUMNS: &[Column] = A::LIST;
pub(crate) const ATTRIBUTE_COLUMNS: &[Column] = B::LIST;

/// The most bytes of a blob that a record is made from; real ones have up to some 100 kB.
const MAX_BLOB_BYTES: usize = 1024 * 1024;

/// Where the cells of each table begin; none where it is not joined.
#[derive(Debug, Clone, Copy, Default)]
struct Places {
    attributes: usize,
    description: Option<usize>,
    unmanaged: Option<usize>,
    master: Option<usize>,
    metadata: Option<usize>,
    place: Option<usize>,
    exif: Option<usize>,
    scores: Option<usize>,
}

/// The joined statement for some fields.
pub(super) struct Statement<'p> {
    profile: &'p Profile,
    fields: Fields,
    /// May coordinates and places be told?
    location: bool,
    places: Places,
    columns: Vec<String>,
    joins: String,
}

impl<'p> Statement<'p> {
    pub(super) fn new(profile: &'p Profile, fields: Fields, location: bool) -> Self {
        let mut statement = Self {
            profile,
            fields,
            location,
            places: Places::default(),
            columns: Vec::new(),
            joins: String::new(),
        };
        statement.take(&profile.asset, "a", A::LIST);
        statement.join(&profile.attributes, "b", attributes::ASSET, "a", PK);
        statement.places.attributes = statement.take(&profile.attributes, "b", B::LIST);
        statement.join_by_attributes();
        statement.join_by_asset();
        statement
    }

    fn join_by_attributes(&mut self) {
        let profile = self.profile;
        if let Some(table) = profile.description.as_ref().filter(|_| self.wants(Field::Description))
        {
            self.join(table, "d", PK, "b", attributes::DESCRIPTION);
            self.places.description = Some(self.take(table, "d", D::LIST));
        }
        if let Some(table) = profile.unmanaged.as_ref().filter(|_| self.wants(Field::ExternalEdit))
        {
            self.join(table, "u", PK, "b", attributes::UNMANAGED);
            self.places.unmanaged = Some(self.take(table, "u", U::LIST));
        }
        if self.wants(Field::Place) && self.location {
            self.places.place = Some(self.take(&profile.attributes, "b", P::LIST));
        }
    }

    fn join_by_asset(&mut self) {
        let profile = self.profile;
        let clouds = [Field::Incloud, Field::CloudGuid];
        if let Some(table) = profile.cloud_master.as_ref().filter(|_| self.fields.has_any(&clouds))
        {
            self.join(table, "m", PK, "a", asset::MASTER);
            self.places.master = Some(self.take(table, "m", M::LIST));
        }
        let metadata = profile.cloud_metadata.as_ref();
        if let Some(table) = metadata.filter(|_| self.wants(Field::CloudMetadata)) {
            self.join(table, "x", metadata::MASTER, "a", asset::MASTER);
            self.places.metadata = Some(self.take(table, "x", X::LIST));
        }
        let exifs = [Field::ExifInfo, Field::DateOriginal];
        if let Some(table) = profile.exif.as_ref().filter(|_| self.fields.has_any(&exifs)) {
            self.join(table, "e", exif::ASSET, "a", PK);
            self.places.exif = Some(self.take(table, "e", details::EXIF));
            self.take_named(table, "e", exif::NUMBERS);
        }
        if let Some(table) = profile.scores.as_ref().filter(|_| self.wants(Field::Score)) {
            self.join(table, "s", score::ASSET, "a", PK);
            self.places.scores = Some(self.take(table, "s", &[PK]));
            self.take_named(table, "s", score::SCORES);
            self.take_named(&profile.asset, "a", score::OF_ASSET);
        }
    }

    fn wants(&self, field: Field) -> bool {
        self.fields.has(field)
    }

    /// Adds columns; returns the position of the first.
    fn take(&mut self, table: &Table, alias: &str, columns: &[Column]) -> usize {
        let first = self.columns.len();
        let read = columns.iter().map(|column| self.profile.read(table, alias, *column));
        self.columns.extend(read);
        first
    }

    fn take_named(&mut self, table: &Table, alias: &str, columns: &[(&str, Column)]) {
        for (_, column) in columns {
            self.take(table, alias, &[*column]);
        }
    }

    fn join(&mut self, table: &Table, alias: &str, on: Column, to_alias: &str, to: Column) {
        let to_table = if to_alias == "a" { &self.profile.asset } else { &self.profile.attributes };
        let (on, to) = (table.column(on), to_table.column(to));
        let (name, pk) = (table.name(), PK.name());
        // Where a column is lacking nothing belongs to anything.
        let condition = match on.zip(to) {
            // Only after too many rows were met, for it costs a look-up per row.
            Some((on, to)) if self.profile.guarded && on != pk => format!(
                "{alias}.{pk}=(SELECT min(z.{pk}) FROM {name} z WHERE z.{on}={to_alias}.{to})"
            ),
            Some((on, to)) => format!("{alias}.{on}={to_alias}.{to}"),
            None => String::from("0"),
        };
        self.joins.push_str(&format!(" LEFT JOIN {name} {alias} ON {condition}"));
    }

    /// The text of the statement for these assets.
    pub(super) fn sql(&self, keys: Keys<'_>) -> String {
        format!(
            "SELECT {} FROM {} a{} WHERE {}",
            self.columns.join(","),
            self.profile.asset.name(),
            self.joins,
            keys.places(&format!("a.{}", PK.name())),
        )
    }

    /// The row number of the asset that a row is about.
    pub(super) fn key(row: &Row<'_>) -> Option<i64> {
        Cells::new(row, A::LIST).integer(A::Key.at())
    }

    /// Writes what a row tells into an object that stays open, and returns what the other half has
    /// to know; none for a row that is no asset.
    pub(super) fn write(&self, row: &Row<'_>, out: &mut Vec<u8>) -> Option<Told> {
        let mut a = Cells::new(row, A::LIST);
        let mut b = Cells::after(row, B::LIST, self.places.attributes);
        let uuid = Uuid::parse(&a.lend(A::Uuid.at())?).ok()?;
        let mut object = Object::begin(out);
        object.text("uuid", Some(uuid.as_str()));
        let has_attributes = !b.is_null(B::Asset.at());
        let names = self.names(&mut object, &mut a, &mut b);
        let date_problem = self.dates(&mut object, row, &mut a, &mut b);
        self.kinds(&mut object, &mut a, &mut b);
        self.states(&mut object, &mut a, &mut b);
        self.sizes(&mut object, &mut a, &mut b);
        self.clouds(&mut object, row, &mut a, &mut b);
        let place_problem = self.location(&mut object, row, &mut a);
        let detail_problem = self.details(&mut object, row);
        let missing = Problem {
            field: attributes::TABLE.names.first().copied().unwrap_or_default(),
            kind: ProblemKind::Missing,
        };
        let problem = a
            .problem()
            .or(b.problem())
            .or_else(|| (!has_attributes).then_some(missing))
            .or(date_problem)
            .or(place_problem)
            .or(detail_problem);
        if let Some(problem) = problem {
            object.text("problem", Some(&problem.to_string()));
        }
        Some(self.told(uuid, names, &mut a, &mut b))
    }
}

/// What the other half has to know of an asset.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) files: FileFacts,
    pub(super) width: Option<u64>,
    pub(super) height: Option<u64>,
    /// Of the database: that of an edited asset stands in its adjustments.
    pub(super) orientation: Option<i64>,
    /// Who shared it, as a hash.
    pub(super) owner: Option<String>,
}

impl Told {
    /// Of an asset of which nothing but the name is told.
    pub(super) fn named(uuid: Uuid) -> Self {
        let (files, owner) = (FileFacts::named(uuid), None);
        Self { files, width: None, height: None, orientation: None, owner }
    }
}

/// An object, of which only some fields are wanted.
struct Out<'o, 'b> {
    object: &'o mut Object<'b>,
    fields: Fields,
}

impl Out<'_, '_> {
    fn value<T>(&mut self, field: Field, value: T, write: impl FnOnce(&mut Vec<u8>, T)) {
        if self.fields.has(field) {
            write(self.object.key(field.as_str()), value);
        }
    }

    fn flag(&mut self, field: Field, value: bool) {
        self.value(field, value, json::flag);
    }

    fn flag_or_null(&mut self, field: Field, value: Option<bool>) {
        self.value(field, value, |out, value| json::or_null(out, value, json::flag));
    }

    fn text(&mut self, field: Field, value: Option<&str>) {
        self.value(field, value, |out, value| json::or_null(out, value, json::text));
    }

    fn integer(&mut self, field: Field, value: Option<i64>) {
        self.value(field, value, |out, value| json::or_null(out, value, json::integer));
    }

    fn natural(&mut self, field: Field, value: Option<u64>) {
        self.integer(field, value.and_then(|value| i64::try_from(value).ok()));
    }

    fn date(&mut self, field: Field, value: Option<Date>) {
        self.value(field, value, |out, value| json::or_null(out, value, json::date));
    }
}

impl Statement<'_> {
    fn out<'o, 'b>(&self, object: &'o mut Object<'b>) -> Out<'o, 'b> {
        Out { object, fields: self.fields }
    }

    /// Returns the name in the library and the name at import.
    fn names<'r>(
        &self,
        object: &mut Object<'_>,
        a: &mut Cells<'r>,
        b: &mut Cells<'r>,
    ) -> (Option<Cow<'r, str>>, Cow<'r, str>) {
        let filename = a.lend(A::Filename.at());
        let original = b.lend(B::OriginalFilename.at()).filter(|name| !name.is_empty());
        let original = original.or_else(|| filename.clone()).unwrap_or_default();
        let title = b.lend(B::Title.at()).filter(|title| !title.is_empty());
        let mut out = self.out(object);
        out.text(Field::Filename, Some(filename.as_deref().unwrap_or_default()));
        out.text(Field::OriginalFilename, Some(&original));
        out.text(Field::Title, title.as_deref());
        (filename, original)
    }

    fn dates(
        &self,
        object: &mut Object<'_>,
        row: &Row<'_>,
        a: &mut Cells<'_>,
        b: &mut Cells<'_>,
    ) -> Option<Problem> {
        let offset = b.integer(B::ZoneOffset.at());
        let zone = b.lend(B::ZoneName.at());
        let stored = a.real(A::Date.at());
        let date = stored.and_then(|stored| Date::zoned(stored, offset, zone.as_deref()));
        let mut out = self.out(object);
        out.date(Field::Date, date);
        out.date(Field::DateAdded, a.real(A::Added.at()).and_then(Date::utc));
        out.date(Field::DateModified, a.real(A::Modified.at()).and_then(Date::utc));
        out.date(Field::DateTrashed, a.real(A::TrashedDate.at()).and_then(Date::utc));
        out.integer(Field::Tzoffset, offset);
        out.text(Field::Tzname, zone.as_deref());
        if self.fields.has(Field::DateOriginal) {
            let told = self.places.exif.and_then(|first| details::exif_date(row, first));
            out.date(Field::DateOriginal, told.or(date));
        }
        let is_odd = stored.is_some() && date.is_none();
        is_odd.then_some(Problem { field: asset::DATE.name(), kind: ProblemKind::Date })
    }

    fn kinds(&self, object: &mut Object<'_>, a: &mut Cells<'_>, b: &mut Cells<'_>) {
        let (kind, subtype) = (a.integer(A::Kind.at()), a.integer(A::Subtype.at()));
        let is = |value| subtype == Some(value);
        let hdr = a.integer(A::Hdr.at());
        let pick = a.integer(A::PickType.at()).unwrap_or(0);
        let mut out = self.out(object);
        out.flag(Field::Ismovie, kind == Some(asset::KIND_MOVIE));
        out.flag(Field::Isphoto, kind == Some(asset::KIND_PHOTO));
        out.flag(Field::LivePhoto, is(asset::SUBTYPE_LIVE));
        out.flag(Field::Panorama, is(asset::SUBTYPE_PANORAMA) || hdr == Some(asset::HDR_PANORAMA));
        out.flag(Field::Portrait, a.flag(A::Depth.at()));
        let camera = b.integer(B::Camera.at());
        out.flag_or_null(
            Field::Selfie,
            self.known(camera.is_some(), camera == Some(attributes::FRONT_CAMERA)),
        );
        out.flag(Field::Screenshot, is(asset::SUBTYPE_SCREENSHOT));
        out.flag_or_null(
            Field::ScreenRecording,
            self.known(false, is(asset::SUBTYPE_SCREEN_RECORDING)),
        );
        out.flag(Field::SlowMo, is(asset::SUBTYPE_SLOW_MOTION));
        out.flag(Field::TimeLapse, is(asset::SUBTYPE_TIME_LAPSE));
        out.flag(Field::Hdr, hdr == Some(asset::HDR_ON));
        out.integer(Field::Spatial, Some(a.integer(A::Spatial.at()).unwrap_or(0)));
        out.flag(Field::Burst, !a.is_null(A::Burst.at()));
        out.flag(Field::BurstKey, pick & asset::PICK_KEY != 0);
        out.flag(Field::BurstSelected, pick & asset::PICK_SELECTED != 0);
        out.flag(Field::BurstDefaultPick, pick & asset::PICK_DEFAULT != 0);
        let choice = b.integer(B::Choice.at());
        out.flag(Field::RawOriginal, choice == Some(attributes::CHOSE_RAW));
    }

    /// What Photos 2 to 4 do not tell unless they do is null there, and no later.
    fn known(&self, told: bool, value: bool) -> Option<bool> {
        (told || !self.profile.is_old()).then_some(value)
    }

    fn states(&self, object: &mut Object<'_>, a: &mut Cells<'_>, b: &mut Cells<'_>) {
        let adjusted = a.flag(A::Adjusted.at());
        let adjustment = a.integer(A::Adjusted.at()).unwrap_or(i64::from(adjusted));
        let uti = a.lend(A::Uti.at());
        let mut out = self.out(object);
        out.flag(Field::Favorite, a.integer(A::Favorite.at()) == Some(1));
        out.flag(Field::Hidden, a.flag(A::Hidden.at()));
        out.flag(Field::Visible, a.integer(A::Visibility.at()) == Some(0));
        out.flag(Field::Intrash, a.flag(A::Trashed.at()));
        out.flag(Field::Hasadjustments, adjusted);
        out.integer(Field::AdjustmentType, Some(adjustment));
        out.flag(
            Field::Isreference,
            a.integer(A::SavedType.at()) == Some(asset::SAVED_AS_REFERENCE),
        );
        out.flag_or_null(Field::Shared, self.known(false, !a.is_null(A::Shared.at())));
        out.flag(Field::SharedMoment, a.flag(A::MomentShare.at()));
        out.flag(Field::SharedLibrary, a.flag(A::SharedLibrary.at()));
        let (syndicated, saved) = self.syndication(b);
        out.flag_or_null(Field::Syndicated, syndicated);
        out.flag_or_null(Field::SavedToLibrary, saved);
        out.text(Field::Uti, uti.as_deref());
        out.text(Field::UtiEdited, uti.as_deref().filter(|_| adjusted));
    }

    /// Was it sent by somebody, and was it saved? Nothing is known before Photos 7, and before
    /// model 15323 nothing was.
    fn syndication(&self, b: &mut Cells<'_>) -> (Option<bool>, Option<bool>) {
        if !self.profile.is_at_least(asset::FIRST_MODEL_OF_PHOTOS_7) {
            return (None, None);
        }
        let has_history = self.profile.attributes.column(attributes::SYNDICATION_HISTORY).is_some();
        let sent = has_history && !b.is_null(B::Syndicated.at());
        let saved = has_history && (b.is_null(B::History.at()) || b.flag(B::History.at()));
        (Some(sent), Some(saved))
    }

    fn sizes(&self, object: &mut Object<'_>, a: &mut Cells<'_>, b: &mut Cells<'_>) {
        let mut out = self.out(object);
        out.natural(Field::Height, a.natural(A::Height.at()));
        out.natural(Field::Width, a.natural(A::Width.at()));
        out.natural(Field::OriginalHeight, b.natural(B::Height.at()));
        out.natural(Field::OriginalWidth, b.natural(B::Width.at()));
        out.integer(Field::OriginalOrientation, b.integer(B::Orientation.at()));
        out.natural(Field::OriginalFilesize, b.natural(B::FileSize.at()));
        out.text(Field::Fingerprint, b.lend(B::Fingerprint.at()).as_deref());
        out.integer(Field::Rating, Some(0));
    }

    fn clouds(&self, object: &mut Object<'_>, row: &Row<'_>, a: &mut Cells<'_>, b: &mut Cells<'_>) {
        let mut out = self.out(object);
        out.flag(Field::Iscloudasset, !a.is_null(A::CloudGuid.at()));
        out.text(Field::CloudOwnerHashedId, a.lend(A::Owner.at()).as_deref());
        let master = self.places.master.map(|first| Cells::after(row, M::LIST, first));
        let (in_cloud, guid) = master.map_or((None, None), |mut cells| {
            let state = cells.integer(M::State.at());
            let is_known = !cells.is_null(M::Key.at());
            let in_cloud = is_known.then_some(state == Some(master::STATE_IN_CLOUD));
            (in_cloud, cells.lend(M::Guid.at()))
        });
        out.flag_or_null(Field::Incloud, in_cloud);
        out.text(Field::CloudGuid, guid.as_deref());
        let mut importers = [b.stored(B::ImportedBy.at()), b.stored(B::ImportedByBundle.at())];
        importers.sort_by_key(|importer| importer.unwrap_or_default());
        out.value(Field::ImportedBy, importers, |out, importers| {
            let mut list = json::Array::begin(out);
            for importer in &importers {
                json::or_null(list.next(), *importer, json::text);
            }
            list.end();
        });
    }

    fn location(
        &self,
        object: &mut Object<'_>,
        row: &Row<'_>,
        a: &mut Cells<'_>,
    ) -> Option<Problem> {
        // Not even read where it is withheld: nonsense there would be told as a problem.
        let at = |a: &mut Cells<'_>, at: usize| if self.location { a.real(at) } else { None };
        let mut here = (at(a, A::Latitude.at()), at(a, A::Longitude.at()));
        if here == (Some(asset::NOWHERE), Some(asset::NOWHERE)) {
            here = (None, None);
        }
        let mut out = self.out(object);
        out.value(Field::Latitude, here.0, |out, it| json::or_null(out, it, json::real));
        out.value(Field::Longitude, here.1, |out, it| json::or_null(out, it, json::real));
        out.value(Field::Location, [here.0, here.1], |out, here| {
            let mut list = json::Array::begin(out);
            here.into_iter().for_each(|it| json::or_null(list.next(), it, json::real));
            list.end();
        });
        let mut problem = None;
        let blob = self.places.place.and_then(|first| {
            let mut cells = Cells::after(row, P::LIST, first);
            let blob = cells.blob(P::Place.at(), MAX_BLOB_BYTES);
            problem = cells.problem();
            blob
        });
        // In Photos 2 to 4 it stands in a table of its own.
        if !self.profile.is_old() {
            out.value(Field::Place, blob, |out, blob| match blob {
                Some(blob) => super::place::write(out, blob),
                None => Object::begin(out).end(),
            });
        }
        problem
    }

    fn details(&self, object: &mut Object<'_>, row: &Row<'_>) -> Option<Problem> {
        let cells = |first: Option<usize>, names| first.map(|it| Cells::after(row, names, it));
        let mut d = cells(self.places.description, D::LIST);
        let mut u = cells(self.places.unmanaged, U::LIST);
        let mut x = cells(self.places.metadata, X::LIST);
        let description = d.as_mut().and_then(|cells| cells.lend(D::Text.at()));
        let format = u.as_mut().and_then(|cells| cells.lend(U::Format.at()));
        let metadata = x.as_mut().and_then(|cells| cells.blob(X::Data.at(), MAX_BLOB_BYTES));
        let mut out = self.out(object);
        out.text(Field::Description, description.as_deref());
        out.flag(Field::ExternalEdit, format.as_deref() == Some(unmanaged::EXTERNAL_EDIT));
        out.value(Field::CloudMetadata, metadata, |out, blob| match blob {
            Some(blob) => super::cloud_metadata::write(out, blob, self.location),
            None => Object::begin(out).end(),
        });
        let mut problem = [d, u, x].into_iter().flatten().find_map(|cells| cells.problem());
        let old = self.profile.is_old();
        out.value(Field::ExifInfo, self.places.exif, |out, first| {
            let camera = details::write_exif(out, row, first, old, self.location);
            problem = problem.or(camera);
        });
        out.value(Field::Score, self.places.scores, |out, first| {
            details::write_scores(out, row, first, old);
        });
        problem
    }

    fn told(
        &self,
        uuid: Uuid,
        names: (Option<Cow<'_, str>>, Cow<'_, str>),
        a: &mut Cells<'_>,
        b: &mut Cells<'_>,
    ) -> Told {
        let (sent, saved) = self.syndication(b);
        let files = FileFacts {
            uuid,
            kind: a.integer(A::Kind.at()),
            subtype: a.integer(A::Subtype.at()),
            adjusted: a.flag(A::Adjusted.at()),
            directory: a.text(A::Directory.at()),
            filename: names.0.map(Cow::into_owned),
            original_filename: Some(names.1.into_owned()),
            uti: a.text(A::Uti.at()),
            shared: !a.is_null(A::Shared.at()),
            moment_shared: a.flag(A::MomentShare.at()),
            unsaved: sent == Some(true) && saved == Some(false),
            model: self.profile.model,
            resources: Vec::new(),
            twin_is_here: false,
        };
        Told {
            files,
            width: a.natural(A::Width.at()),
            height: a.natural(A::Height.at()),
            orientation: a.integer(A::Orientation.at()),
            owner: a.text(A::Owner.at()),
        }
    }
}
