//! `ZEXTENDEDATTRIBUTES`: what the camera wrote, one row for most assets. Read by row of the asset.
//!
//! Facts of the schema only. The names of the dump are those of the columns, in small letters. Date
//! and zone came with model 16119.

use super::{Column, PK, TableNames};

pub(crate) const TABLE: TableNames =
    TableNames { names: &["ZEXTENDEDATTRIBUTES"], needed: &[PK, ASSET] };

pub(crate) const ASSET: Column = Column::new(&["ZASSET"]);
const fn told(names: &'static [&'static str]) -> Column {
    Column::or_lacking(names, "exif_info")
}

pub(crate) const FLASH: Column = told(&["ZFLASHFIRED"]);
pub(crate) const LATITUDE: Column = told(&["ZLATITUDE"]);
pub(crate) const LONGITUDE: Column = told(&["ZLONGITUDE"]);
pub(crate) const CAMERA_MAKE: Column = told(&["ZCAMERAMAKE"]);
pub(crate) const CAMERA_MODEL: Column = told(&["ZCAMERAMODEL"]);
pub(crate) const CODEC: Column = told(&["ZCODEC"]);
pub(crate) const LENS_MODEL: Column = told(&["ZLENSMODEL"]);
pub(crate) const DURATION: Column = told(&["ZDURATION"]);
pub(crate) const DATE: Column = Column::new(&["ZDATECREATED"]);
pub(crate) const ZONE_OFFSET: Column = Column::new(&["ZTIMEZONEOFFSET"]);
pub(crate) const ZONE_NAME: Column = Column::new(&["ZTIMEZONENAME"]);

/// Name in the dump, and column, of numbers that are told as they are.
pub(crate) const NUMBERS: &[(&str, Column)] = &[
    ("aperture", told(&["ZAPERTURE"])),
    ("bit_rate", told(&["ZBITRATE"])),
    ("duration", DURATION),
    ("exposure_bias", told(&["ZEXPOSUREBIAS"])),
    ("focal_length", told(&["ZFOCALLENGTH"])),
    ("fps", told(&["ZFPS"])),
    ("iso", told(&["ZISO"])),
    ("metering_mode", told(&["ZMETERINGMODE"])),
    ("sample_rate", told(&["ZSAMPLERATE"])),
    ("shutter_speed", told(&["ZSHUTTERSPEED"])),
    ("track_format", told(&["ZTRACKFORMAT"])),
    ("white_balance", told(&["ZWHITEBALANCE"])),
];

/// The columns of them.
#[expect(clippy::indexing_slicing, reason = "while compiling, within two lists of one length")]
pub(crate) const NUMBER_COLUMNS: [Column; NUMBERS.len()] = {
    let mut columns = [DURATION; NUMBERS.len()];
    let mut at = 0;
    while at < columns.len() {
        columns[at] = NUMBERS[at].1;
        at += 1;
    }
    columns
};
/// Those of them that are whole: sensitivities and codes.
pub(crate) const WHOLE: &[&str] = &["iso", "metering_mode", "track_format", "white_balance"];
