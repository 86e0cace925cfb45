//! What a sidecar for photo programs takes from an asset's record.
//!
//! Plain data under the names that the record has; what else stands there is passed over, and what
//! does not stand there reads as not known. The library writes records, the wire's own types are
//! for those who read it whole. The hazard: a name that differs from the record's reads as absent,
//! so a test takes each of these from a library.

use darkslide_protocol::field::Field;
use serde::Deserialize;

/// The fields that are read.
pub(super) const FIELDS: &[Field] = &[
    Field::Title,
    Field::Description,
    Field::Date,
    Field::DateModified,
    Field::Keywords,
    Field::Persons,
    Field::Favorite,
    Field::Latitude,
    Field::Longitude,
    Field::Place,
    Field::ExifInfo,
    Field::FaceInfo,
    Field::Width,
    Field::Height,
    Field::OriginalWidth,
    Field::OriginalHeight,
    Field::Orientation,
    Field::OriginalOrientation,
    Field::Hasadjustments,
];

/// Writes a part of the record: all of it may be absent.
macro_rules! part {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(default)]
        pub(super) struct $name { $(pub(super) $field: $type,)* }
    };
}

part! {
    /// An asset.
    Known {
        title: Option<String>,
        description: Option<String>,
        date: Option<String>,
        date_modified: Option<String>,
        keywords: Vec<String>,
        persons: Vec<String>,
        favorite: bool,
        latitude: Option<f64>,
        longitude: Option<f64>,
        place: Place,
        exif_info: Camera,
        face_info: Vec<FaceInfo>,
        width: Option<u64>,
        height: Option<u64>,
        original_width: Option<u64>,
        original_height: Option<u64>,
        orientation: Option<i64>,
        original_orientation: Option<i64>,
        hasadjustments: bool,
    }
}

part! {
    /// Where it was taken.
    Place {
        address: Address,
        names: Names,
        country_code: Option<String>,
    }
}

part! {
    /// A postal address.
    Address {
        sub_locality: Option<String>,
        city: Option<String>,
        state_province: Option<String>,
        country: Option<String>,
        iso_country_code: Option<String>,
    }
}

part! {
    /// Names of areas, the smallest first.
    Names {
        city: Vec<String>,
        state_province: Vec<String>,
        country: Vec<String>,
    }
}

part! {
    /// What took it.
    Camera {
        camera_make: Option<String>,
        camera_model: Option<String>,
    }
}

part! {
    /// A face: centre from the lower left of the upright image, size of its longer side.
    FaceInfo {
        name: Option<String>,
        center_x: Option<f64>,
        center_y: Option<f64>,
        size: Option<f64>,
        intrash: Option<i64>,
    }
}
