//! `exif_info` and `score`: two objects of a record that are little more than the columns of a
//! table.
//!
//! Columns are read in the order in which `row.rs` selected them. An asset without a row has an
//! `exif_info` of nulls and scores of 0, as Photos shows it. Coordinates are left out where the
//! grant withholds them; the camera's own are as telling as those of Photos.

use rusqlite::Row;
use rusqlite::types::ValueRef;

use crate::cell::{Cells, columns};
use crate::date::Date;
use crate::json::{self, Object};
use crate::model::Problem;
use crate::schema::{Column, exif, score};

columns! {
    /// What is read of the camera's own, before the numbers.
    E {
        Asset = exif::ASSET,
        Flash = exif::FLASH,
        Date = exif::DATE,
        ZoneOffset = exif::ZONE_OFFSET,
        ZoneName = exif::ZONE_NAME,
        Latitude = exif::LATITUDE,
        Longitude = exif::LONGITUDE,
        CameraMake = exif::CAMERA_MAKE,
        CameraModel = exif::CAMERA_MODEL,
        Codec = exif::CODEC,
        LensModel = exif::LENS_MODEL,
    }
}

/// What `row.rs` selects; the numbers of the schema follow.
pub(crate) const EXIF: &[Column] = E::LIST;

/// When the camera says that it was taken.
pub(super) fn exif_date(row: &Row<'_>, first: usize) -> Option<Date> {
    date(&mut Cells::after(row, E::LIST, first))
}

fn date(cells: &mut Cells<'_>) -> Option<Date> {
    let (offset, zone) = (cells.integer(E::ZoneOffset.at()), cells.lend(E::ZoneName.at()));
    cells.real(E::Date.at()).and_then(|stored| Date::zoned(stored, offset, zone.as_deref()))
}

/// Writes `exif_info`. Photos 2 to 4 have none.
pub(super) fn write_exif(
    out: &mut Vec<u8>,
    row: &Row<'_>,
    first: Option<usize>,
    old: bool,
    location: bool,
) -> Option<Problem> {
    let mut object = Object::begin(out);
    if old {
        object.end();
        return None;
    }
    let cells = first.map(|first| Cells::after(row, E::LIST, first));
    let Some(mut cells) = cells.filter(|cells| !cells.is_null(E::Asset.at())) else {
        write_nulls(object);
        return None;
    };
    let flash = cells.integer(E::Flash.at()) == Some(1);
    object.flag("flash_fired", flash);
    json::or_null(object.key("date"), date(&mut cells), json::date);
    object.integer("tzoffset", cells.integer(E::ZoneOffset.at()));
    object.text("tzname", cells.lend(E::ZoneName.at()).as_deref());
    for (key, at) in [("latitude", E::Latitude.at()), ("longitude", E::Longitude.at())] {
        let out = object.key(key);
        if location {
            cells.write_number(at, out);
        } else {
            json::null(out);
        }
    }
    for (key, at) in [
        ("camera_make", E::CameraMake.at()),
        ("camera_model", E::CameraModel.at()),
        ("codec", E::Codec.at()),
        ("lens_model", E::LensModel.at()),
    ] {
        object.text(key, cells.stored(at));
    }
    let problem = cells.problem();
    let first = first.unwrap_or_default() + E::LIST.len();
    let mut cells = Cells::after(row, &exif::NUMBER_COLUMNS, first);
    for (at, (key, _)) in exif::NUMBERS.iter().enumerate() {
        let out = object.key(key);
        if exif::WHOLE.contains(key) {
            json::or_null(out, cells.integer(at), json::integer);
        } else {
            cells.write_number(at, out);
        }
    }
    object.end();
    problem.or(cells.problem())
}

fn write_nulls(mut object: Object<'_>) {
    for key in [
        "flash_fired",
        "date",
        "tzoffset",
        "tzname",
        "latitude",
        "longitude",
        "camera_make",
        "camera_model",
        "codec",
        "lens_model",
    ] {
        json::null(object.key(key));
    }
    for (key, _) in exif::NUMBERS {
        json::null(object.key(key));
    }
    object.end();
}

/// Writes `score`. Photos 2 to 4 have none.
pub(super) fn write_scores(out: &mut Vec<u8>, row: &Row<'_>, first: Option<usize>, old: bool) {
    let mut object = Object::begin(out);
    let is_row = |first: &usize| !matches!(row.get_ref(*first), Ok(ValueRef::Null) | Err(_));
    let first = first.filter(is_row);
    let keys = score::SCORES.iter().chain(score::OF_ASSET).filter(|_| !old);
    for (index, (key, _)) in keys.enumerate() {
        let out = object.key(key);
        match first {
            Some(first) => Cells::after(row, &[], first + 1).write_number(index, out),
            None => json::real(out, 0.0),
        }
    }
    object.end();
}
